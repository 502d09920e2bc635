/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/streams.h"

#include "host/common/clock.h"
#include "host/mediator/cuda/carrier.h"
#include "host/mediator/worker/streams.h"

/* In a thread of the driver's. */
static void interrupt(void *owner)
{
    struct pvgpu_worker *worker = owner;

    if (pvgpu_ring_wants_interrupt(&worker->ring, BG_PVGPU_IRQ_FENCE)) {
        pvgpu_worker_interrupt(worker, BG_PVGPU_IRQ_FENCE);
    }
}

/* Waits within a command are not the command's time. */
static void note_wait(void *owner, bool begins)
{
    struct pvgpu_worker *worker = owner;

    if (begins) {
        worker->wait = (struct streams_wait){0};
        watch_pause(&worker->watch);
    } else {
        watch_resume(&worker->watch);
    }
}

static bool may_wait(void *owner)
{
    struct pvgpu_worker *worker = owner;

    pvgpu_worker_take_lease(worker);
    return streams_may_wait(&worker->wait, lease_is_wanted(&worker->lease),
                            worker->base.device.cuda, pvgpu_worker_get_limit_ns(worker));
}

void pvgpu_streams_prepare(struct pvgpu_worker *worker)
{
    struct session *session = worker->context.session;

    session->owner = worker;
    session->interrupt = interrupt;
    session->waits = note_wait;
    session->may_wait = may_wait;
    session->time_limit_ns = pvgpu_worker_get_limit_ns(worker);
}

void pvgpu_streams_note(struct pvgpu_worker *worker)
{
    const struct session *session = worker->context.session;
    uint32_t *error = cuda_error_word(session);

    worker->streams_work = session->cuda != NULL;
    if (session->cuda != NULL && error == NULL) {
        error = &worker->no_page;
    }
    __atomic_store_n(&worker->cuda_error, error, __ATOMIC_RELAXED);
}

/* A stream that the guest held until now is to go on in the session's next turn. */
static void ask_for_those_held(struct pvgpu_worker *worker)
{
    if (cuda_is_acknowledged(worker->context.session)) {
        lease_ask(&worker->lease, worker->priority);
    }
}

/* A command has come since, or somebody else wants the lease. */
static void look_soon(struct pvgpu_worker *worker, uint64_t now_ns)
{
    worker->look_gap_ns = CUDA_LOOK_NS;
    if (worker->look_ns > now_ns + CUDA_LOOK_NS) {
        worker->look_ns = now_ns + CUDA_LOOK_NS;
    }
}

/* Each look takes a processor from what computes: one that finds nothing new is followed by a
 * longer sleep. What a stream waits for at the guest has nobody else to see it. */
static void look_later(struct pvgpu_worker *worker)
{
    if (worker->look_gap_ns < CUDA_LOOK_MAX_NS && !cuda_may_be_held(worker->context.session)) {
        worker->look_gap_ns *= 2;
    }
}

void pvgpu_streams_look(struct pvgpu_worker *worker)
{
    uint64_t now_ns = worker->turn_ns ?: clock_now_ns();

    worker->turn_ns = 0;
    if (!worker->naps || lease_is_wanted(&worker->lease)) {
        look_soon(worker, now_ns);
    }
    if (now_ns < worker->look_ns) {
        return;
    }
    worker->look_ns = now_ns + worker->look_gap_ns;
    if (worker->lease.state != LEASE_HELD) {
        ask_for_those_held(worker);
        return;
    }
    worker->streams_work = cuda_is_busy(worker->context.session);
    look_later(worker);
    lease_use(&worker->lease);
    if (worker->context.session->gpu->lost) {
        pvgpu_worker_lose_gpu(worker);
    }
}

bool pvgpu_streams_finish(struct pvgpu_worker *worker)
{
    struct session *session = worker->context.session;

    /* Without a lease there are none but those that are held. */
    if (!worker->streams_work || worker->lease.state != LEASE_HELD) {
        return true;
    }
    streams_finish(session, worker->base.device.cuda, pvgpu_worker_get_limit_ns(worker));
    worker->streams_work = cuda_is_busy(session); /* those that are held */
    if (session->gpu->lost) {
        pvgpu_worker_lose_gpu(worker);
    }
    return !session->gpu->lost;
}
