/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/turn.h"

#include <poll.h>
#include <sys/eventfd.h>

#include "host/common/clock.h"
#include "host/mediator/cuda/carrier.h"
#include "host/mediator/worker/streams.h"

static enum watch_time time_of(const struct pvgpu_worker *worker, bool draws)
{
    if (worker->base.device.cuda || (draws && worker->base.drawing != WORKER_DRAWS_ON_CPU)) {
        return WATCH_CLOCK;
    }
    return draws ? WATCH_PROCESS : WATCH_THREAD;
}

void pvgpu_turn_begin(struct pvgpu_worker *worker, uint64_t limit_ns)
{
    bool draws = worker->context.renderer->ops->draws;

    /* Draws are many: a late clock is enough for the watch, though not for streams. */
    uint64_t now_ns = draws ? clock_coarse_ns() : clock_now_ns();

    worker->turn_ns = draws ? 0 : now_ns;
    watch_begin(&worker->watch, time_of(worker, draws), now_ns, limit_ns);
    if (!__atomic_load_n(&worker->watched, __ATOMIC_SEQ_CST)) {
        worker_wake(&worker->base);
    }
}

void pvgpu_turn_end(struct pvgpu_worker *worker)
{
    watch_end(&worker->watch);
}

/* All else that wants attention waits for the command's end. */
void pvgpu_worker_take_lease(struct pvgpu_worker *worker)
{
    uint32_t bits =
        __atomic_fetch_and(&worker->attention, ~(uint32_t)PVGPU_ATTENTION_LEASE, __ATOMIC_ACQ_REL);

    if (bits & PVGPU_ATTENTION_GRANT) {
        lease_take_grant(&worker->lease, __atomic_load_n(&worker->contended, __ATOMIC_RELAXED));
    }
    if (bits & PVGPU_ATTENTION_REVOKE) {
        lease_take_revoke(&worker->lease);
    }
}

/* Until there is something for this thread that was not there before. */
static void wait_for_kick(struct pvgpu_worker *worker)
{
    struct pollfd polled = {.fd = worker->kick, .events = POLLIN};

    if (poll(&polled, 1, -1) > 0) {
        eventfd_read(worker->kick, &(eventfd_t){0});
    }
}

static void wait_for_lease(struct pvgpu_worker *worker)
{
    pvgpu_worker_take_lease(worker);
    while (worker->lease.state != LEASE_HELD) {
        wait_for_kick(worker);
        pvgpu_worker_take_lease(worker);
    }
}

void pvgpu_turn_take_pauses(struct pvgpu_worker *worker)
{
    uint32_t count;

    __atomic_fetch_and(&worker->attention, ~(uint32_t)PVGPU_ATTENTION_PAUSE, __ATOMIC_ACQ_REL);
    pthread_mutex_lock(&worker->base.lock);
    count = worker->pauses;
    worker->pauses = 0;
    worker->paused = worker->pause_wanted;
    pthread_mutex_unlock(&worker->base.lock);
    pvgpu_ring_publish(&worker->ring);
    for (; count > 0; count--) {
        pvgpu_worker_send(worker, BG_PVGPU_MESSAGE_PAUSED, NULL, 0, -1);
    }
}

/* The machine stands, and so does the command, without a lease, until the machine goes on. */
static void stand_still(struct pvgpu_worker *worker)
{
    lease_release(&worker->lease);
    pvgpu_turn_take_pauses(worker);
    while (worker->paused) {
        wait_for_kick(worker);
        pvgpu_worker_take_lease(worker);
        pvgpu_turn_take_pauses(worker);
    }
    lease_ask(&worker->lease, worker->priority);
}

/* Between the pieces of a command: when its quantum is over the rest waits for the next lease. */
void pvgpu_turn_give_way(void *owner)
{
    struct pvgpu_worker *worker = owner;
    struct gpu *gpu = worker->context.session->gpu;
    bool pause = __atomic_load_n(&worker->attention, __ATOMIC_ACQUIRE) & PVGPU_ATTENTION_PAUSE;

    if (__atomic_load_n(&worker->attention, __ATOMIC_ACQUIRE) != 0) {
        pvgpu_worker_take_lease(worker);
    }
    lease_use(&worker->lease);
    if (worker->lease.state != LEASE_HELD || !(pause || lease_is_wanted(&worker->lease))) {
        return;
    }
    gpu_finish(gpu); /* what was started belongs to this turn */
    if (!pause && !lease_is_over(&worker->lease)) {
        return;
    }
    watch_pause(&worker->watch);
    streams_finish(worker->context.session, worker->base.device.cuda,
                   pvgpu_worker_get_limit_ns(worker));
    if (pause) {
        stand_still(worker);
    } else {
        lease_yield(&worker->lease, worker->priority);
    }
    wait_for_lease(worker);
    watch_resume(&worker->watch);
}

/* While a command waits for what computes elsewhere. */
void pvgpu_turn_stand_aside(void *owner, bool begins)
{
    struct pvgpu_worker *worker = owner;

    pvgpu_worker_take_lease(worker);
    if (begins) {
        watch_pause(&worker->watch);
        if (worker->lease.state == LEASE_HELD && !cuda_is_working(worker->context.session)) {
            lease_release(&worker->lease);
        }
    } else {
        lease_ask(&worker->lease, worker->priority);
        wait_for_lease(worker);
        watch_resume(&worker->watch);
    }
}
