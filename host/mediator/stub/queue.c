/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue of a vgpu-stub's worker: leases, execution, answers. */
#include "host/mediator/stub/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/common/clock.h"
#include "host/mediator/compute/operation.h"
#include "host/mediator/cuda/carrier.h"
#include "host/mediator/log.h"
#include "host/mediator/worker/streams.h"

struct stub_request *stub_queue_room(struct stub_worker *worker)
{
    /* The one about to run without waiting is not counted as queued. */
    uint32_t most = worker->base.start.limits.max_queued + (worker->running ? 0 : 1);

    if (worker->queue_count >= most) {
        return NULL;
    }
    return &worker->queue[(worker->queue_head + worker->queue_count) % worker->queue_size];
}

void stub_queue_put(struct stub_worker *worker)
{
    worker->queue_count++;
}

static struct stub_request *queue_first(struct stub_worker *worker)
{
    return &worker->queue[worker->queue_head];
}

static void queue_drop_first(struct stub_worker *worker)
{
    worker->queue_head = (worker->queue_head + 1) % worker->queue_size;
    worker->queue_count--;
}

static void send_answer(struct stub_worker *worker, const struct mailbox_message *to,
                        uint8_t out[MAILBOX_MESSAGE_MAX], size_t length)
{
    uint8_t *payload = out + mailbox_header_size(to);

    worker->statistics.requests++;
    if (request_response_status(payload) != BG_COMPUTE_OK) {
        worker->statistics.errors++;
        log_debug("request %u: %s", to->request_id,
                  operation_status_name(request_response_status(payload)));
    }
    outbox_put(&worker->base.outbox, out,
               mailbox_build(out, BG_VGPU_STUB_MESSAGE_RESPONSE, to, payload, (uint32_t)length),
               -1);
}

void stub_answer_status(struct stub_worker *worker, const struct mailbox_message *to,
                        enum bg_compute_status status)
{
    uint8_t out[MAILBOX_MESSAGE_MAX];

    send_answer(worker, to, out, request_build_status(status, out + mailbox_header_size(to)));
}

void stub_fail(struct stub_worker *worker, const char *format, ...)
{
    struct control_message message = {.type = CONTROL_FAULT};
    va_list arguments;

    if (worker->failed) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(worker->fault, sizeof(worker->fault), format, arguments);
    va_end(arguments);
    worker->failed = true;
    while (worker->queue_count > 0) {
        stub_answer_status(worker, &queue_first(worker)->header, BG_COMPUTE_CUDA_ERROR);
        queue_drop_first(worker);
    }
    if (!worker->has_cuda) { /* else it is the guest's own kernels' doing, and nobody's business */
        memcpy(message.reason, worker->fault, sizeof(message.reason));
        control_tell(worker->base.control, &message);
    }
    worker_wake(&worker->base);
}

/* Between begin and end the lock is free, and the session is this thread's. limit_ns 0: there is
 * none, or it is the thread that would look. */
static void begin_running(struct stub_worker *worker, const char *doing, uint64_t limit_ns)
{
    worker->running = true;
    worker->doing = doing;
    if (limit_ns != 0) {
        watch_begin(&worker->watch, worker->base.device.cuda ? WATCH_CLOCK : WATCH_THREAD,
                    clock_now_ns(), limit_ns);
    }
    pthread_mutex_unlock(&worker->base.lock);
}

static void end_running(struct stub_worker *worker)
{
    pthread_mutex_lock(&worker->base.lock);
    worker->running = false;
    worker->answer_due = false;
    watch_end(&worker->watch);
    if (worker->session != NULL) {
        worker->statistics.memory_used = worker->session->memory_used;
        worker->statistics.bytes_in = worker->session->gpu->copied_in;
        worker->statistics.bytes_out = worker->session->gpu->copied_out;
        worker->has_cuda = worker->session->cuda != NULL;
    }
}

static uint64_t request_limit_ns(const struct stub_worker *worker)
{
    return worker->base.start.limits.request_timeout_ms * NS_PER_MS;
}

/* CUDA's commands end by themselves, by the time limit of kernels and that of a compilation; this
 * is for those that do not. */
static uint64_t command_limit_ns(const struct stub_worker *worker,
                                 const struct stub_request *request)
{
    return request_limit_ns(worker) * (request->plan.is_cuda ? 2 : 1);
}

/* Around waits for streams within a request, which are not the request's time. */
static void note_wait(void *owner, bool begins)
{
    struct stub_worker *worker = owner;

    if (begins) {
        worker->wait = (struct streams_wait){0};
        watch_pause(&worker->watch);
    } else {
        watch_resume(&worker->watch);
    }
}

static bool may_wait(void *owner)
{
    struct stub_worker *worker = owner;

    pthread_mutex_lock(&worker->base.lock);
    bool is_wanted = lease_is_wanted(&worker->lease);
    pthread_mutex_unlock(&worker->base.lock);
    return streams_may_wait(&worker->wait, is_wanted, worker->base.device.cuda,
                            request_limit_ns(worker));
}

static void finish_streams(struct stub_worker *worker)
{
    streams_finish(worker->session, worker->base.device.cuda, request_limit_ns(worker));
}

/* Between the pieces of a request: when its quantum is over the rest waits for the next lease. */
static void give_way(void *owner)
{
    struct stub_worker *worker = owner;

    pthread_mutex_lock(&worker->base.lock);
    lease_use(&worker->lease);
    bool is_wanted = lease_is_wanted(&worker->lease);
    pthread_mutex_unlock(&worker->base.lock);
    if (!is_wanted) {
        return;
    }
    gpu_finish(worker->session->gpu); /* what was started belongs to this turn */
    watch_pause(&worker->watch);
    finish_streams(worker);
    watch_resume(&worker->watch);
    pthread_mutex_lock(&worker->base.lock);
    if (lease_is_over(&worker->lease)) {
        watch_pause(&worker->watch);
        lease_yield(&worker->lease, worker->current.priority);
        while (worker->lease.state != LEASE_HELD) {
            pthread_cond_wait(&worker->called, &worker->base.lock);
        }
        watch_resume(&worker->watch);
    }
    pthread_mutex_unlock(&worker->base.lock);
}

/* While a request waits for what computes elsewhere. */
static void stand_aside(void *owner, bool begins)
{
    struct stub_worker *worker = owner;

    pthread_mutex_lock(&worker->base.lock);
    if (begins) {
        watch_pause(&worker->watch);
        if (worker->lease.state == LEASE_HELD) {
            lease_release(&worker->lease);
        }
    } else {
        lease_ask(&worker->lease, worker->current.priority);
        while (worker->lease.state != LEASE_HELD) {
            pthread_cond_wait(&worker->called, &worker->base.lock);
        }
        watch_resume(&worker->watch);
    }
    pthread_mutex_unlock(&worker->base.lock);
}

/* Opens the device and, for a request that computes, makes its context; fails the worker, and
 * with it the request, when that does not work. */
static bool prepare(struct stub_worker *worker, bool with_context, bool in_executor)
{
    char reason[LEASE_REASON_SIZE] = "";
    bool done;

    begin_running(worker, "opening the device", in_executor ? LEASE_PREPARE_LIMIT_NS : 0);
    done = lease_prepare(&worker->session, &worker->base.device,
                         worker->base.start.limits.memory_limit, with_context, reason);
    end_running(worker);
    if (worker->abandoned) {
        return false;
    }
    if (!done) {
        stub_fail(worker, "the device cannot be used: %.80s", reason);
        return false;
    }
    worker->session->gpu->give_way = give_way;
    worker->session->gpu->stand_aside = stand_aside;
    worker->session->gpu->owner = worker->session->owner = worker;
    worker->session->waits = note_wait;
    worker->session->may_wait = may_wait;
    worker->session->time_limit_ns = request_limit_ns(worker);
    worker->prepared = with_context;
    return true;
}

/* Gives the lease back, and asks for it again when it is still needed; asynchronous work is waited
 * for first, which only the executor may. */
static bool release_lease(struct stub_worker *worker, bool in_executor)
{
    struct gpu *gpu = worker->session != NULL ? worker->session->gpu : NULL;

    if (gpu != NULL && (gpu->async_pending || worker->streams_work)) {
        if (!in_executor) {
            return false;
        }
        begin_running(worker, "asynchronous work", request_limit_ns(worker));
        gpu_finish(gpu);
        watch_pause(&worker->watch);
        finish_streams(worker);
        watch_resume(&worker->watch);
        end_running(worker);
        worker->streams_work = false;
        if (worker->abandoned) {
            return false;
        }
        if (gpu->lost) {
            stub_fail(worker, "%.120s", gpu->error);
            return false;
        }
    }
    if (worker->queue_count > 0 && queue_first(worker)->plan.needs_lease) {
        lease_yield(&worker->lease, queue_first(worker)->priority);
    } else {
        lease_release(&worker->lease);
    }
    return true;
}

static void run_first(struct stub_worker *worker, bool in_executor)
{
    struct stub_request *request = &worker->current;
    const struct stub_request *first = queue_first(worker);
    uint8_t out[MAILBOX_MESSAGE_MAX];
    bool streams_work;
    size_t length;

    memcpy(request, first, offsetof(struct stub_request, bytes) + first->length);
    queue_drop_first(worker);
    worker->answer_due = true;
    begin_running(worker, "a request", in_executor ? command_limit_ns(worker, request) : 0);
    length = request_run(request->plan.needs_session ? worker->session : NULL, request->bytes,
                         request->length, out + mailbox_header_size(&request->header));
    streams_work = worker->session != NULL && cuda_is_busy(worker->session);
    end_running(worker);
    if (worker->abandoned) {
        return;
    }
    worker->streams_work = streams_work;
    lease_use(&worker->lease);
    send_answer(worker, &request->header, out, length);
    if (worker->session != NULL && worker->session->gpu->lost) {
        stub_fail(worker, "%.120s", worker->session->gpu->error);
    }
}

/* Whether the socket's thread may run it. */
static bool first_is_brief(struct stub_worker *worker)
{
    const struct stub_request *first = queue_first(worker);

    return first->plan.brief && !(first->plan.needs_session && worker->base.device.cuda);
}

static void call_executor(struct stub_worker *worker)
{
    worker->executor_called = true;
    pthread_cond_signal(&worker->called);
}

static bool may_go_on(const struct stub_worker *worker)
{
    return !worker->running && !worker->failed && !worker->abandoned;
}

static bool has_lingered(const struct stub_worker *worker)
{
    return may_go_on(worker) && worker->queue_count == 0 && lease_has_lingered(&worker->lease);
}

void stub_take_lease(struct stub_worker *worker)
{
    stub_dispatch(worker, false);
    pthread_cond_signal(&worker->called);
}

void stub_dispatch(struct stub_worker *worker, bool in_executor)
{
    while (may_go_on(worker)) {
        const struct stub_request *first = queue_first(worker);

        if ((worker->queue_count > 0 && lease_is_over(&worker->lease)) || has_lingered(worker)) {
            if (!release_lease(worker, in_executor)) {
                call_executor(worker);
                return;
            }
            continue;
        }
        if (worker->queue_count == 0) {
            return;
        }
        if (!in_executor && !first_is_brief(worker)) {
            call_executor(worker);
            return;
        }
        if (first->plan.needs_session &&
            (worker->session == NULL || (first->plan.needs_lease && !worker->prepared))) {
            if (!prepare(worker, first->plan.needs_lease, in_executor)) {
                return;
            }
            continue;
        }
        if (first->plan.needs_lease && worker->lease.state != LEASE_HELD) {
            lease_ask(&worker->lease, first->priority);
            return;
        }
        run_first(worker, in_executor);
    }
}

/* While others want the lease this thread looks whether it lingers: a timer for each wait of the
 * other thread would cost more than a request. */
static void wait_for_call(struct stub_worker *worker)
{
    while (!worker->executor_called && !has_lingered(worker)) {
        if (lease_is_wanted(&worker->lease)) {
            uint64_t until_ns = clock_now_ns() + LEASE_LINGER_NS;
            struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
                                     .tv_nsec = (long)(until_ns % NS_PER_S)};

            pthread_cond_clockwait(&worker->called, &worker->base.lock, CLOCK_MONOTONIC, &until);
        } else {
            pthread_cond_wait(&worker->called, &worker->base.lock);
        }
    }
    worker->executor_called = false;
}

void *stub_executor_main(void *context)
{
    struct stub_worker *worker = context;

    watch_open(&worker->watch);
    pthread_mutex_lock(&worker->base.lock);
    for (;;) {
        wait_for_call(worker);
        stub_dispatch(worker, true);
        /* What this left for the socket's thread: output to wait for, or the end. */
        if (worker->base.outbox.length > 0 || worker->base.outbox.broken || worker->finishing) {
            worker_wake(&worker->base);
        }
    }
    return NULL;
}
