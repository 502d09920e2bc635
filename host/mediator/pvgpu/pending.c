/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/pending.h"

#include "host/common/clock.h"
#include "host/mediator/pvgpu/state.h"

#define LOOK_NS (NS_PER_S / 4)

static const struct pvgpu_renderer_ops *renderer_of(const struct pvgpu_worker *worker)
{
    return worker->context.renderer->ops;
}

static void tell(struct pvgpu_worker *worker, const struct pvgpu_pending_item *item)
{
    if (item->fence == 0) {
        pvgpu_worker_send(worker, BG_PVGPU_MESSAGE_SCANOUT, &item->picture, sizeof(item->picture),
                          -1);
    } else if (pvgpu_ring_complete(&worker->ring, item->fence)) {
        pvgpu_worker_interrupt(worker, BG_PVGPU_IRQ_FENCE);
    }
}

static const struct pvgpu_pending_item *first_of(const struct pvgpu_worker *worker)
{
    return &worker->pending.items[worker->pending.first];
}

static void begin_wait(struct pvgpu_worker *worker)
{
    struct pvgpu_pending *pending = &worker->pending;

    pending->since_ns = clock_now_ns();
    pending->used_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
    pending->look_ns = pending->since_ns + pvgpu_worker_get_limit_ns(worker);
}

static void drop_first(struct pvgpu_worker *worker)
{
    struct pvgpu_pending *pending = &worker->pending;

    pending->first = (pending->first + 1) % PVGPU_PENDING_MAX;
    pending->count--;
    begin_wait(worker);
}

/* As the turn's watch does it: a processor's time is not the clock's where others want it, too. */
static bool takes_too_long(struct pvgpu_worker *worker)
{
    struct pvgpu_pending *pending = &worker->pending;
    uint64_t now_ns = clock_coarse_ns();

    if (pending->count == 0 || now_ns < pending->look_ns) {
        return false;
    }
    pending->look_ns = now_ns + LOOK_NS;
    return worker->base.drawing != WORKER_DRAWS_ON_CPU ||
           watch_is_over(clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - pending->used_ns,
                         now_ns - pending->since_ns, pvgpu_worker_get_limit_ns(worker));
}

static bool is_lost(const struct pvgpu_worker *worker)
{
    const struct session *session = worker->context.session;

    return session != NULL && session->gpu->lost;
}

/* What a lost device had to do never ends. */
static bool has_ended(struct pvgpu_worker *worker, uint64_t submission)
{
    return renderer_of(worker)->is_done(&worker->context, submission) && !is_lost(worker);
}

static bool first_has_ended(struct pvgpu_worker *worker)
{
    return has_ended(worker, first_of(worker)->submission);
}

static void add(struct pvgpu_worker *worker, struct pvgpu_pending_item item)
{
    struct pvgpu_pending *pending = &worker->pending;

    item.submission = renderer_of(worker)->submit(&worker->context);
    pvgpu_pending_look(worker);
    if (is_lost(worker)) {
        return;
    }
    if (pending->count == PVGPU_PENDING_MAX) {
        pvgpu_pending_finish(worker);
    }
    if (pending->count == 0 && has_ended(worker, item.submission)) {
        tell(worker, &item);
        return;
    }
    if (pending->count == 0) {
        begin_wait(worker);
    }
    pending->items[(pending->first + pending->count++) % PVGPU_PENDING_MAX] = item;
}

void pvgpu_pending_add_fence(struct pvgpu_worker *worker, uint64_t fence)
{
    if (fence != 0) { /* which is below all others: nothing changes */
        add(worker, (struct pvgpu_pending_item){.fence = fence});
    }
}

void pvgpu_pending_add_picture(struct pvgpu_worker *worker, const struct bg_pvgpu_scanout *picture)
{
    add(worker, (struct pvgpu_pending_item){.picture = *picture});
}

bool pvgpu_pending_has_fence(const struct pvgpu_worker *worker, uint64_t fence)
{
    const struct pvgpu_pending *pending = &worker->pending;

    for (uint32_t i = 0; i < pending->count; i++) {
        if (pending->items[(pending->first + i) % PVGPU_PENDING_MAX].fence >= fence) {
            return true;
        }
    }
    return false;
}

bool pvgpu_pending_is_ready(struct pvgpu_worker *worker)
{
    return worker->pending.count > 0 && (first_has_ended(worker) || is_lost(worker));
}

uint64_t pvgpu_pending_get_limit_ns(const struct pvgpu_worker *worker)
{
    return worker->pending.count > 0 ? worker->pending.look_ns : UINT64_MAX;
}

static void tell_all_done(struct pvgpu_worker *worker)
{
    while (worker->pending.count > 0 && first_has_ended(worker)) {
        tell(worker, first_of(worker));
        drop_first(worker);
    }
}

void pvgpu_pending_look(struct pvgpu_worker *worker)
{
    tell_all_done(worker);
    if (is_lost(worker)) {
        pvgpu_worker_lose_gpu(worker);
    } else if (takes_too_long(worker)) {
        pvgpu_worker_lose(worker, BG_PVGPU_ERROR_TIMEOUT, "what was drawn took too long");
    }
}

struct pvgpu_outcome pvgpu_pending_finish(struct pvgpu_worker *worker)
{
    struct pvgpu_outcome outcome = renderer_of(worker)->finish(&worker->context);

    tell_all_done(worker);
    return outcome;
}

void pvgpu_pending_reset(struct pvgpu_worker *worker)
{
    for (; worker->pending.count > 0; drop_first(worker)) {
        if (first_of(worker)->fence == 0) {
            tell(worker, first_of(worker));
        }
    }
}
