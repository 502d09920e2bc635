/* SPDX-License-Identifier: BSD-2-Clause */
/* The consumer's thread of a pvgpu worker: the ring, the lease, the GPU. */
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "host/common/clock.h"
#include "host/mediator/log.h"
#include "host/mediator/pvgpu/state.h"
#include "host/mediator/pvgpu/streams.h"
#include "host/mediator/pvgpu/turn.h"
#include "host/mediator/pvgpu/vulkan/renderer.h"

/* After the last command the ring is polled for so long before the thread sleeps: some wake-ups'
 * worth, so that a guest that answers at once never pays one. */
#define SPIN_NS (200 * UINT64_C(1000))
#define SPIN_LOOKS 64u /* between two looks at the clock */
/* At first without a pause, which takes as long as a round trip on some processors. */
#define EAGER_LOOKS 256u
/* A device that gives no picture back in this time does not get this one. */
#define ROOM_LIMIT_NS (100 * NS_PER_MS)
#define READER_NAP_NS NS_PER_MS
/* For an older device that is in the middle of zeroing the pointers. */
#define SILENT_RESET_NS (5 * NS_PER_MS)
#define RATE_NAP_NS NS_PER_MS

#define NEVER UINT64_MAX

static void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static bool has_attention(const struct pvgpu_worker *worker)
{
    return __atomic_load_n(&worker->attention, __ATOMIC_ACQUIRE) != 0;
}

/* Until there is attention, the doorbell (when asked for), or the time. */
static void wait_for(struct pvgpu_worker *worker, bool doorbell, uint64_t until_ns)
{
    struct pollfd polled[2] = {
        {.fd = worker->kick, .events = POLLIN},
        {.fd = doorbell ? worker->shared.doorbell : -1, .events = POLLIN},
    };
    struct timespec timeout, *limit = NULL;
    uint64_t now_ns = until_ns == NEVER ? 0 : clock_now_ns();

    if (has_attention(worker)) {
        return;
    }
    if (until_ns != NEVER) {
        uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;

        timeout = (struct timespec){.tv_sec = (time_t)(left_ns / NS_PER_S),
                                    .tv_nsec = (long)(left_ns % NS_PER_S)};
        limit = &timeout;
    }
    if (ppoll(polled, 2, limit, NULL) <= 0) {
        return;
    }
    if (polled[0].revents & POLLIN) {
        eventfd_read(worker->kick, &(eventfd_t){0});
    }
    if (polled[1].revents & POLLIN) {
        eventfd_read(worker->shared.doorbell, &(eventfd_t){0});
    }
}

/* True when the guest is to be interrupted. */
static bool note_error(struct pvgpu_worker *worker, uint64_t position, enum bg_pvgpu_error code,
                       uint32_t detail)
{
    __atomic_fetch_add(&worker->errors, 1, __ATOMIC_RELAXED);
    log_debug("error %u (detail %u) at %llu", (unsigned)code, detail, (unsigned long long)position);
    return pvgpu_ring_report(&worker->ring, position, code, detail);
}

static void report(struct pvgpu_worker *worker, uint64_t position, enum bg_pvgpu_error code,
                   uint32_t detail)
{
    if (note_error(worker, position, code, detail)) {
        pvgpu_worker_interrupt(worker, BG_PVGPU_IRQ_ERROR);
    }
}

/* CUDA's commands end by themselves, by the time limit of kernels and that of a compilation; this
 * is for those that do not. */
static uint64_t command_limit_ns(const struct pvgpu_worker *worker,
                                 const struct pvgpu_ring_command *command)
{
    return pvgpu_worker_get_limit_ns(worker) * (operation_is_cuda(command->header.type) ? 2 : 1);
}

/* ---- Backend ---- */

static void notify(void *owner)
{
    const struct pvgpu_worker *worker = owner;

    eventfd_write(worker->kick, 1);
}

static bool prepare_drawing(struct pvgpu_worker *worker, char reason[LEASE_REASON_SIZE])
{
    struct pvgpu_renderer *renderer = vulkan_renderer_create(
        worker->vulkan, worker->context.session, worker->shared.memory, worker->shared.size,
        (uint64_t)(worker->ring.heap - (uint8_t *)worker->shared.memory), reason);

    if (renderer != NULL) {
        vulkan_renderer_notify(renderer, notify, worker);
        worker->context.drawing = renderer;
    }
    return renderer != NULL;
}

/* The GPU's context, and the shared memory in it: all of it, so that what the guest puts into
 * the heap is one DMA away. */
static bool prepare(struct pvgpu_worker *worker)
{
    struct operation_heap *heap = &worker->context.heap;
    char reason[LEASE_REASON_SIZE] = "";
    gpu_address start = 0;
    bool done;

    pvgpu_turn_begin(worker, LEASE_PREPARE_LIMIT_NS);
    done = lease_prepare(&worker->context.session, &worker->base.device,
                         worker->base.start.limits.memory_limit, true, reason);
    if (done) {
        struct session *session = worker->context.session;
        struct gpu *gpu = session->gpu;

        gpu->give_way = pvgpu_turn_give_way;
        gpu->stand_aside = pvgpu_turn_stand_aside;
        gpu->owner = worker;
        pvgpu_streams_prepare(worker);
        done = gpu_share(gpu, worker->shared.memory, worker->shared.size, &start) == BG_COMPUTE_OK;
        snprintf(reason, sizeof(reason), "%s", gpu->error);
    }
    if (done && worker->vulkan != NULL) {
        done = prepare_drawing(worker, reason);
    }
    pvgpu_turn_end(worker);
    if (!done) {
        pvgpu_worker_fault(worker, BG_PVGPU_ERROR_INTERNAL, "the device cannot be used: %.80s",
                           reason);
        return false;
    }
    heap->memory = worker->ring.heap;
    heap->size = worker->ring.heap_size;
    heap->address = start + (uint64_t)(worker->ring.heap - (uint8_t *)worker->shared.memory);
    worker->prepared = true;
    return true;
}

/* Of a session that draws nobody knows before it is asked. */
static bool may_have_work(const struct pvgpu_worker *worker)
{
    return worker->prepared &&
           (worker->context.session->gpu->async_pending || worker->context.renderer->ops->draws);
}

/* Waits for what was started; false when the GPU is lost. */
static bool finish_work(struct pvgpu_worker *worker, uint64_t position, uint32_t detail)
{
    struct pvgpu_outcome outcome;

    if (!may_have_work(worker)) {
        return true;
    }
    pvgpu_turn_begin(worker, pvgpu_worker_get_limit_ns(worker));
    outcome = pvgpu_pending_finish(worker);
    pvgpu_turn_end(worker);
    if (worker->context.session->gpu->lost) {
        pvgpu_worker_lose_gpu(worker);
        return false;
    }
    if (outcome.code != BG_PVGPU_OK) {
        report(worker, position, outcome.code, detail);
    }
    return true;
}

/* ---- Lease, at a command's end ---- */

/* What runs is waited for. */
static bool finish_turn(struct pvgpu_worker *worker)
{
    return finish_work(worker, worker->ring.consumer, 0) && pvgpu_streams_finish(worker);
}

static bool release_lease(struct pvgpu_worker *worker)
{
    if (!finish_turn(worker)) {
        return false;
    }
    lease_release(&worker->lease);
    return true;
}

/* ---- Attention ---- */

static void take_reset(struct pvgpu_worker *worker, uint32_t request)
{
    log_debug("reset");
    if (may_have_work(worker)) {
        pvgpu_turn_begin(worker, pvgpu_worker_get_limit_ns(worker));
        pvgpu_pending_reset(worker);
        pvgpu_pending_finish(worker);
        pvgpu_turn_end(worker);
    }
    if (!pvgpu_streams_finish(worker)) {
        return;
    }
    pvgpu_context_reset(&worker->context);
    pvgpu_display_reset(&worker->display);
    worker->room_since_ns = 0;
    pvgpu_ring_reset(&worker->ring, request);
}

/* The session is over for the guest until RESET: what it submitted is gone. */
static void lose(struct pvgpu_worker *worker, uint64_t position, enum bg_pvgpu_error code,
                 uint32_t detail)
{
    pvgpu_ring_publish(&worker->ring);
    pvgpu_ring_clear_status(&worker->ring, BG_PVGPU_CONTROL_READY);
    /* The reason first: who sees the loss finds it. */
    bool wanted = note_error(worker, position, code, detail);

    pvgpu_ring_set_status(&worker->ring, BG_PVGPU_CONTROL_DEVICE_LOST);
    if (wanted) {
        pvgpu_worker_interrupt(worker, BG_PVGPU_IRQ_ERROR);
    }
}

static void end_session(struct pvgpu_worker *worker)
{
    if (!worker->paused) { /* the machine may be on its way elsewhere */
        pvgpu_ring_publish(&worker->ring);
        pvgpu_ring_clear_status(&worker->ring, BG_PVGPU_CONTROL_READY);
        pvgpu_ring_set_status(&worker->ring, BG_PVGPU_CONTROL_SHUTDOWN);
    }
    pvgpu_worker_send(worker, BG_PVGPU_MESSAGE_SHUTDOWN, NULL, 0, -1);
    pvgpu_worker_finish(worker);
}

/* False when the session ends. */
static bool take_attention(struct pvgpu_worker *worker)
{
    uint32_t bits = __atomic_fetch_and(&worker->attention, PVGPU_ATTENTION_LEASE, __ATOMIC_ACQ_REL);
    enum bg_compute_status refusal;
    uint32_t request;

    pthread_mutex_lock(&worker->base.lock);
    refusal = worker->refusal;
    request = worker->reset_request;
    worker->paused = worker->pause_wanted;
    pthread_mutex_unlock(&worker->base.lock);
    pvgpu_worker_take_lease(worker);
    if (bits & PVGPU_ATTENTION_REFUSE) {
        log_warning("not served: %s", operation_status_name(refusal));
        lose(worker, worker->ring.consumer, BG_PVGPU_ERROR_DEVICE_LOST, refusal);
        end_session(worker);
        return false;
    }
    if (bits & PVGPU_ATTENTION_RESET) {
        take_reset(worker, request);
    }
    if (bits & PVGPU_ATTENTION_PAUSE) {
        if (worker->lease.state == LEASE_HELD) { /* nothing goes on behind the answer */
            release_lease(worker);
        }
        pvgpu_turn_take_pauses(worker);
    }
    if (bits & PVGPU_ATTENTION_DRAIN) {
        worker->draining = true;
        worker->drain_to = __atomic_load_n(&worker->ring.control->producer_ptr, __ATOMIC_ACQUIRE);
    }
    return true;
}

/* ---- Commands ---- */

static void run_fence(struct pvgpu_worker *worker, const struct pvgpu_ring_command *command)
{
    const struct bg_pvgpu_fence *fence = (const void *)command->bytes;
    bool computes = worker->prepared && worker->context.session->gpu->async_pending;

    /* What is drawn goes on, and tells the fence when it ends. */
    if (computes && !finish_work(worker, command->position, command->header.type)) {
        return;
    }
    pvgpu_ring_advance(&worker->ring, command);
    pvgpu_turn_begin(worker,
                     pvgpu_worker_get_limit_ns(worker)); /* drivers on a CPU draw in a submission */
    pvgpu_pending_add_fence(worker, fence->value);
    pvgpu_turn_end(worker);
}

static void run_flush(struct pvgpu_worker *worker)
{
    pvgpu_turn_begin(worker, pvgpu_worker_get_limit_ns(worker));
    worker->context.renderer->ops->submit(&worker->context);
    pvgpu_turn_end(worker);
}

static void run_wait_fence(struct pvgpu_worker *worker, const struct pvgpu_ring_command *command)
{
    const struct bg_pvgpu_wait_fence *wait = (const void *)command->bytes;

    /* Only a command behind this one could still complete it. */
    if (wait->value > worker->ring.completed) {
        report(worker, command->position, BG_PVGPU_ERROR_TIMEOUT, command->header.type);
    }
    pvgpu_ring_advance(&worker->ring, command);
}

static void run_work(struct pvgpu_worker *worker, const struct pvgpu_ring_command *command,
                     enum pvgpu_command_kind kind)
{
    bool is_long = kind != PVGPU_KIND_STATE;
    struct pvgpu_outcome outcome;
    struct session *session;

    if (is_long) {
        pvgpu_turn_begin(worker, command_limit_ns(worker, command));
    }
    outcome = pvgpu_command_run(&worker->context, &worker->display, worker->ring.control,
                                command->bytes, worker->present_ns);
    if (is_long) {
        pvgpu_turn_end(worker);
    }
    session = worker->context.session;
    if (session != NULL) {
        __atomic_store_n(&worker->memory_used, session->memory_used, __ATOMIC_RELAXED);
        __atomic_store_n(&worker->bytes_in, session->gpu->copied_in, __ATOMIC_RELAXED);
        __atomic_store_n(&worker->bytes_out, session->gpu->copied_out, __ATOMIC_RELAXED);
        pvgpu_streams_note(worker);
        if (session->gpu->lost) {
            pvgpu_worker_lose_gpu(worker);
            return;
        }
    }
    if (outcome.code == BG_PVGPU_ERROR_SHADER_COMPILE) {
        pvgpu_ring_explain(&worker->ring, worker->context.error_text);
    }
    if (outcome.code != BG_PVGPU_OK) {
        report(worker, command->position, outcome.code,
               outcome.detail ? outcome.detail : command->header.type);
    } else if (kind == PVGPU_KIND_PRESENT) {
        worker->room_since_ns = 0;
        pvgpu_ring_count_present(&worker->ring, worker->display.dropped, worker->display.copied);
    }
    pvgpu_ring_advance(&worker->ring, command);
}

/* Whether the present may run; else until when to wait. */
static bool present_is_due(struct pvgpu_worker *worker, const struct pvgpu_ring_command *command,
                           uint64_t *until_ns)
{
    const struct bg_pvgpu_present *present = (const void *)command->bytes;
    uint32_t refresh = __atomic_load_n(&worker->ring.control->display_refresh, __ATOMIC_RELAXED);
    uint64_t due_ns = pvgpu_display_get_due_ns(&worker->display, present->sync_interval, refresh);
    uint64_t now_ns = clock_now_ns();
    enum pvgpu_display_wait wait;

    if (due_ns > now_ns) {
        *until_ns = due_ns;
        return false;
    }
    /* A little late is in time: the next is not to drift. */
    worker->present_ns = due_ns && now_ns - due_ns < NS_PER_S / BG_PVGPU_DISPLAY_REFRESH_DEFAULT / 2
                             ? due_ns
                             : now_ns;
    wait = pvgpu_display_get_wait(&worker->display, &worker->context, present);
    if (wait == PVGPU_DISPLAY_READY) {
        return true;
    }
    if (!worker->room_since_ns) {
        worker->room_since_ns = now_ns;
    }
    *until_ns = worker->room_since_ns + ROOM_LIMIT_NS;
    if (now_ns >= *until_ns) {
        return true;
    }
    if (wait == PVGPU_DISPLAY_READER) {
        *until_ns = now_ns + READER_NAP_NS;
    }
    return false;
}

/* A fence of a command before this one that is not told yet. */
static bool fence_is_pending(const struct pvgpu_worker *worker,
                             const struct pvgpu_ring_command *command)
{
    const struct bg_pvgpu_wait_fence *wait = (const void *)command->bytes;

    return wait->value > worker->ring.completed && pvgpu_pending_has_fence(worker, wait->value);
}

/* Whether the command may run now; else something was asked for, and *until_ns says how long to
 * wait for it at the most. */
static bool may_run(struct pvgpu_worker *worker, const struct pvgpu_ring_command *command,
                    enum pvgpu_command_kind kind, uint64_t *until_ns)
{
    *until_ns = NEVER;
    if ((kind == PVGPU_KIND_PRESENT && !present_is_due(worker, command, until_ns)) ||
        (kind == PVGPU_KIND_WAIT_FENCE && fence_is_pending(worker, command))) {
        return false;
    }
    if ((kind == PVGPU_KIND_WORK || kind == PVGPU_KIND_PRESENT) &&
        worker->lease.state != LEASE_HELD) {
        lease_ask(&worker->lease, worker->priority);
        *until_ns = NEVER;
        return false;
    }
    if (worker->base.limiter.rate && !limiter_take(&worker->base.limiter, clock_now_ns())) {
        *until_ns = clock_now_ns() + RATE_NAP_NS;
        return false;
    }
    return true;
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A command that must wait: the lease goes meanwhile, if others want it. */
static void wait_with_command(struct pvgpu_worker *worker, uint64_t until_ns)
{
    if (lease_is_wanted(&worker->lease) && !release_lease(worker)) {
        return;
    }
    pvgpu_ring_publish(&worker->ring);
    wait_for(worker, false, earliest(until_ns, pvgpu_pending_get_limit_ns(worker)));
}

/* Whether to prepare now, before the lease is asked for: it may take longer than a lease lasts.
 * What is not known yet, the renderer that draws may know. */
static bool needs_device(const struct pvgpu_worker *worker, enum pvgpu_command_kind kind)
{
    return !worker->prepared && (kind == PVGPU_KIND_WORK || kind == PVGPU_KIND_PRESENT ||
                                 (kind == PVGPU_KIND_UNKNOWN && worker->vulkan != NULL));
}

static void run_command(struct pvgpu_worker *worker, const struct pvgpu_ring_command *command)
{
    enum pvgpu_command_kind kind;
    uint64_t until_ns;

    kind = pvgpu_command_classify(&worker->context, command->bytes);
    if (needs_device(worker, kind)) {
        if (!prepare(worker)) {
            return;
        }
        kind = pvgpu_command_classify(&worker->context, command->bytes);
    }
    if (!may_run(worker, command, kind, &until_ns)) {
        wait_with_command(worker, until_ns);
        return;
    }
    if (command->header.flags & BG_PVGPU_COMMAND_WAIT &&
        !finish_work(worker, command->position, command->header.type)) {
        return;
    }
    __atomic_store_n(&worker->commands, worker->commands + 1, __ATOMIC_RELAXED);
    worker->naps = false;
    switch (kind) {
    case PVGPU_KIND_UNKNOWN:
        report(worker, command->position, BG_PVGPU_ERROR_INVALID_COMMAND, command->header.type);
        pvgpu_ring_advance(&worker->ring, command);
        break;
    case PVGPU_KIND_FENCE:
        run_fence(worker, command);
        break;
    case PVGPU_KIND_WAIT_FENCE:
        run_wait_fence(worker, command);
        break;
    case PVGPU_KIND_FLUSH:
        run_flush(worker);
        pvgpu_ring_advance(&worker->ring, command);
        break;
    default:
        run_work(worker, command, kind);
    }
    /* Whatever it was: the guest may have put it in the place of what the lease was for. */
    lease_use(&worker->lease);
}

/* ---- Sleep ---- */

static bool look(struct pvgpu_worker *worker, unsigned times, bool with_pause)
{
    for (unsigned i = 0; i < times; i++) {
        if (pvgpu_ring_has_work(&worker->ring) || has_attention(worker) ||
            pvgpu_pending_is_ready(worker)) {
            return true;
        }
        if (with_pause) {
            pause_cpu();
        }
    }
    return false;
}

/* Until the doorbell; or, while streams work, until they are to be looked at again. */
static void sleep_for_work(struct pvgpu_worker *worker)
{
    bool may_sleep =
        worker->streams_work ? !lease_is_over(&worker->lease) : !lease_is_wanted(&worker->lease);

    if (!may_sleep && !release_lease(worker)) {
        return;
    }
    if (pvgpu_ring_sleep(&worker->ring)) {
        wait_for(worker, true,
                 earliest(worker->streams_work ? worker->look_ns : NEVER,
                          pvgpu_pending_get_limit_ns(worker)));
        pvgpu_ring_wake(&worker->ring);
    }
    worker->naps = worker->streams_work;
}

/* The CPU device's threads may wait for this thread's processor. */
static void make_way(const struct pvgpu_worker *worker)
{
    if (worker->streams_work && !worker->base.device.cuda) {
        sched_yield();
    }
}

/* Polls for a while, then sleeps. */
static void wait_for_work(struct pvgpu_worker *worker)
{
    uint64_t until_ns;

    pvgpu_ring_publish(&worker->ring);
    if (worker->naps) {
        sleep_for_work(worker);
        return;
    }
    if (look(worker, EAGER_LOOKS, false)) {
        return;
    }
    until_ns = clock_now_ns() + SPIN_NS;
    do {
        if (!worker->streams_work && lease_has_lingered(&worker->lease) && !release_lease(worker)) {
            return;
        }
        if (look(worker, SPIN_LOOKS, true)) {
            return;
        }
        make_way(worker);
    } while (clock_now_ns() < until_ns);
    sleep_for_work(worker);
}

/* producer_ptr makes no sense, or a command does not fit. Nothing behind it can be found. */
static void take_broken(struct pvgpu_worker *worker, uint64_t position)
{
    if (!worker->shared.direct) {
        /* An older device zeroes the pointers one after the other, and does not say so. */
        uint64_t until_ns = clock_now_ns() + SILENT_RESET_NS;

        while (clock_now_ns() < until_ns && !has_attention(worker)) {
            if (pvgpu_ring_was_reset(&worker->ring)) {
                take_reset(worker, 0);
                return;
            }
            pause_cpu();
        }
    }
    if (!worker->ring_complained) { /* a guest can do this as often as it likes */
        worker->ring_complained = true;
        log_warning("the ring cannot be read on at %llu", (unsigned long long)position);
    }
    lose(worker, position, BG_PVGPU_ERROR_INVALID_COMMAND, 0);
}

/* Nothing to do before RESET: for a lost session, and for a reset that is under way. */
static void wait_for_reset(struct pvgpu_worker *worker)
{
    if (!worker->shared.direct && pvgpu_ring_is_zeroed(&worker->ring)) {
        take_reset(worker, 0);
        return;
    }
    if (worker->lease.state == LEASE_HELD && !release_lease(worker)) {
        return;
    }
    /* An older device says nothing when it resets: the next doorbell finds it. */
    __atomic_store_n(&worker->ring.control->backend_sleeping, 1, __ATOMIC_SEQ_CST);
    wait_for(worker, true, NEVER);
}

static bool is_lost(const struct pvgpu_worker *worker)
{
    return pvgpu_ring_get_status(&worker->ring) & BG_PVGPU_CONTROL_DEVICE_LOST;
}

/* A session that ends when the ring is empty, or was when the mediator was told to stop. */
static bool has_drained(const struct pvgpu_worker *worker)
{
    return worker->draining && (worker->paused || is_lost(worker) ||
                                (int64_t)(worker->ring.consumer - worker->drain_to) >= 0);
}

/* ---- The loop ---- */

/* A backend before this one that went without a word leaves READY behind: what it held is gone. */
static void take_over(struct pvgpu_worker *worker)
{
    uint32_t status = pvgpu_ring_get_status(&worker->ring);

    pvgpu_ring_clear_status(&worker->ring, BG_PVGPU_CONTROL_SHUTDOWN);
    if (status & BG_PVGPU_CONTROL_READY && !(status & BG_PVGPU_CONTROL_DEVICE_LOST)) {
        lose(worker, worker->ring.consumer, BG_PVGPU_ERROR_DEVICE_LOST, 0);
    } else if (!(status & BG_PVGPU_CONTROL_DEVICE_LOST)) {
        pvgpu_ring_set_status(&worker->ring, BG_PVGPU_CONTROL_READY);
    }
}

static void consume(struct pvgpu_worker *worker)
{
    static struct pvgpu_ring_command command;

    switch (pvgpu_ring_next(&worker->ring, &command)) {
    case PVGPU_RING_COMMAND:
        run_command(worker, &command);
        break;
    case PVGPU_RING_TOO_LARGE:
        report(worker, command.position, BG_PVGPU_ERROR_INVALID_COMMAND, command.header.type);
        pvgpu_ring_advance(&worker->ring, &command);
        break;
    case PVGPU_RING_EMPTY:
        wait_for_work(worker);
        break;
    case PVGPU_RING_RESET:
        wait_for_reset(worker);
        break;
    case PVGPU_RING_BROKEN:
        take_broken(worker, command.position);
        break;
    }
    /* The rest of the ring waits for the next lease. */
    if (lease_is_over(&worker->lease) && pvgpu_ring_has_work(&worker->ring) &&
        finish_turn(worker)) {
        lease_yield(&worker->lease, worker->priority);
    }
}

void *pvgpu_consumer_main(void *context)
{
    struct pvgpu_worker *worker = context;

    watch_open(&worker->watch);
    worker->context.renderer = &pvgpu_memory_renderer;
    while (!(__atomic_load_n(&worker->attention, __ATOMIC_ACQUIRE) &
             (PVGPU_ATTENTION_START | PVGPU_ATTENTION_REFUSE | PVGPU_ATTENTION_DRAIN))) {
        struct pollfd polled = {.fd = worker->kick, .events = POLLIN};

        if (poll(&polled, 1, -1) > 0) {
            eventfd_read(worker->kick, &(eventfd_t){0});
        }
    }
    if (__atomic_load_n(&worker->attention, __ATOMIC_ACQUIRE) & PVGPU_ATTENTION_START) {
        take_over(worker);
    } else if (worker->ring.control == NULL) { /* it ends before its memory is there */
        pvgpu_worker_finish(worker);
        return NULL;
    }
    for (;;) {
        if (has_attention(worker) && !take_attention(worker)) {
            return NULL;
        }
        if (worker->streams_work && !worker->paused) {
            pvgpu_streams_look(worker);
        }
        pvgpu_pending_look(worker);
        if (__atomic_load_n(&worker->finished, __ATOMIC_ACQUIRE)) {
            return NULL; /* by a fault */
        }
        if (has_drained(worker)) {
            if (finish_turn(worker)) {
                end_session(worker);
            }
            return NULL;
        }
        if (worker->paused) {
            if (worker->lease.state != LEASE_HELD || release_lease(worker)) {
                wait_for(worker, false, NEVER);
            }
        } else if (is_lost(worker)) {
            wait_for_reset(worker);
        } else {
            consume(worker);
        }
    }
}
