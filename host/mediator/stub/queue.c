/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue of a worker: leases, execution, answers. */
#include "host/mediator/stub/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/mediator/log.h"
#include "host/mediator/compute/operation.h"

/* Loading the driver and making a context takes seconds on a machine with many GPUs, and is no
 * fault of the request that comes first. */
#define PREPARE_LIMIT_NS (30 * NS_PER_S)

struct worker_request *worker_queue_room(struct worker *worker)
{
    /* The one about to run without waiting is not counted as queued. */
    uint32_t most = worker->start.limits.max_queued + (worker->running ? 0 : 1);

    if (worker->queue_count >= most) {
        return NULL;
    }
    return &worker->queue[(worker->queue_head + worker->queue_count) % worker->queue_size];
}

void worker_queue_put(struct worker *worker)
{
    worker->queue_count++;
}

static struct worker_request *queue_first(struct worker *worker)
{
    return &worker->queue[worker->queue_head];
}

static void queue_drop_first(struct worker *worker)
{
    worker->queue_head = (worker->queue_head + 1) % worker->queue_size;
    worker->queue_count--;
}

static void wake_socket_thread(struct worker *worker)
{
    const uint64_t one = 1;
    ssize_t ignored = write(worker->wake, &one, sizeof(one));

    (void)ignored; /* the counter is then at its top: awake already */
}

static void send_answer(struct worker *worker, const struct mailbox_message *to,
                        uint8_t out[MAILBOX_MESSAGE_MAX], size_t length)
{
    uint8_t *payload = out + mailbox_header_size(to);

    worker->statistics.requests++;
    if (executor_response_status(payload) != COMPUTE_OK) {
        worker->statistics.errors++;
        log_debug("request %u: %s", to->request_id,
                  operation_status_name(executor_response_status(payload)));
    }
    output_put(&worker->output, out,
               mailbox_build(out, VGPU_STUB_MESSAGE_RESPONSE, to, payload, (uint32_t)length));
}

void worker_answer_status(struct worker *worker, const struct mailbox_message *to,
                          enum compute_status status)
{
    uint8_t out[MAILBOX_MESSAGE_MAX];

    send_answer(worker, to, out, executor_build_status(status, out + mailbox_header_size(to)));
}

static void tell_supervisor(struct worker *worker, const struct control_message *message)
{
    if (control_send(worker->control, message, -1) != 0) {
        log_warning("control socket: %m");
    }
}

void worker_fail(struct worker *worker, const char *format, ...)
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
        worker_answer_status(worker, &queue_first(worker)->header, COMPUTE_CUDA_ERROR);
        queue_drop_first(worker);
    }
    memcpy(message.reason, worker->fault, sizeof(message.reason));
    tell_supervisor(worker, &message);
    wake_socket_thread(worker);
}

/* Between begin and end the lock is free, and the session is this thread's. */
static void begin_running(struct worker *worker, const char *doing, uint64_t limit_ns)
{
    worker->running = true;
    worker->doing = doing;
    worker->limit_ns = limit_ns;
    worker->deadline_ns = limit_ns ? clock_now_ns() + limit_ns : 0;
    pthread_mutex_unlock(&worker->lock);
}

static void end_running(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->running = false;
    worker->answer_due = false;
    worker->deadline_ns = 0;
    if (worker->session) {
        worker->statistics.memory_used = worker->session->memory_used;
    }
}

static uint64_t request_limit_ns(const struct worker *worker)
{
    return worker->start.limits.request_timeout_ms * NS_PER_MS;
}

static bool open_session(struct worker *worker, char *reason, size_t size)
{
    struct backend *backend;

    if (worker->device.cuda) {
        backend = backend_cuda_open(worker->device.ordinal, reason, size);
    } else {
        backend = backend_cpu_open();
        snprintf(reason, size, "no memory");
    }
    if (!backend) {
        return false;
    }
    worker->session = session_create(backend, worker->start.limits.memory_limit);
    snprintf(reason, size, "no memory");
    return worker->session != NULL;
}

/* Opens the backend and, for a request that computes, makes its context; fails the worker, and
 * with it the request, when that does not work. */
static bool prepare(struct worker *worker, bool with_context)
{
    char reason[160] = "";
    bool done;

    begin_running(worker, "opening the backend", PREPARE_LIMIT_NS);
    done = worker->session || open_session(worker, reason, sizeof(reason));
    if (done && with_context && worker->session->backend->ops->prepare) {
        struct backend *backend = worker->session->backend;

        done = backend->ops->prepare(backend) == COMPUTE_OK;
        snprintf(reason, sizeof(reason), "%s", backend->error);
    }
    end_running(worker);
    if (worker->abandoned) {
        return false;
    }
    if (!done) {
        worker_fail(worker, "the backend cannot be used: %.80s", reason);
        return false;
    }
    worker->prepared = with_context;
    return true;
}

/* Gives the lease back; asynchronous work is waited for first, which only the executor may. */
static bool release_lease(struct worker *worker, bool in_executor)
{
    struct control_message message = {.type = CONTROL_RELEASE};
    struct backend *backend = worker->session ? worker->session->backend : NULL;

    if (backend && backend->async_pending) {
        if (!in_executor) {
            return false;
        }
        begin_running(worker, "asynchronous work", request_limit_ns(worker));
        backend->ops->finish(backend);
        end_running(worker);
        if (worker->abandoned) {
            return false;
        }
        if (backend->lost) {
            worker_fail(worker, "%.120s", backend->error);
            return false;
        }
    }
    worker->lease = WORKER_LEASE_NONE;
    worker->release_wanted = false;
    tell_supervisor(worker, &message);
    return true;
}

static void run_first(struct worker *worker)
{
    struct worker_request *request = &worker->current;
    const struct worker_request *first = queue_first(worker);
    uint8_t out[MAILBOX_MESSAGE_MAX];
    size_t length;

    memcpy(request, first, offsetof(struct worker_request, bytes) + first->length);
    queue_drop_first(worker);
    worker->answer_due = true;
    begin_running(worker, "a request",
                  request->plan.needs_session ? request_limit_ns(worker) : 0);
    length = executor_execute(request->plan.needs_session ? worker->session : NULL, request->bytes,
                              request->length, out + mailbox_header_size(&request->header));
    end_running(worker);
    if (worker->abandoned) {
        return;
    }
    worker->lease_used = true;
    send_answer(worker, &request->header, out, length);
    if (worker->session && worker->session->backend->lost) {
        worker_fail(worker, "%.120s", worker->session->backend->error);
    }
}

/* Whether the socket's thread may run it. */
static bool first_is_brief(struct worker *worker)
{
    const struct worker_request *first = queue_first(worker);

    return first->plan.brief && !(first->plan.needs_session && worker->device.cuda);
}

static void call_executor(struct worker *worker)
{
    worker->executor_called = true;
    pthread_cond_signal(&worker->called);
}

void worker_dispatch(struct worker *worker, bool in_executor)
{
    while (!worker->running && !worker->failed && !worker->abandoned) {
        const struct worker_request *first = queue_first(worker);
        struct control_message ask = {.type = CONTROL_ASK};

        if (worker->lease == WORKER_LEASE_HELD && worker->release_wanted &&
            (worker->lease_used || worker->queue_count == 0)) {
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
            (!worker->session || (first->plan.needs_lease && !worker->prepared))) {
            if (!prepare(worker, first->plan.needs_lease)) {
                return;
            }
            continue;
        }
        if (first->plan.needs_lease && worker->lease != WORKER_LEASE_HELD) {
            if (worker->lease == WORKER_LEASE_NONE) {
                ask.priority = first->priority;
                worker->lease = WORKER_LEASE_ASKED;
                tell_supervisor(worker, &ask);
            }
            return;
        }
        run_first(worker);
    }
}

void *worker_executor(void *context)
{
    struct worker *worker = context;

    pthread_mutex_lock(&worker->lock);
    for (;;) {
        while (!worker->executor_called) {
            pthread_cond_wait(&worker->called, &worker->lock);
        }
        worker->executor_called = false;
        worker_dispatch(worker, true);
        /* What this left for the socket's thread: output to wait for, or the end. */
        if (worker->output.length > 0 || worker->output.broken || worker->finishing) {
            wake_socket_thread(worker);
        }
    }
    return NULL;
}
