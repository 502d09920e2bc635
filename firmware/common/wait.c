/* SPDX-License-Identifier: BSD-2-Clause */
/* The pauses of a wait: when to sleep, and for how long at most. */
#include "baregpu/wait.h"

#include "baregpu/barrier.h"

struct waiter waiter_begin(const struct wait_strategy *strategy, struct interrupt_source *source,
                           uint64_t deadline_ns)
{
    return (struct waiter){
        .strategy = strategy,
        .source = source,
        .deadline_ns = deadline_ns,
        .nap_ns = WAIT_NAP_FIRST_NS,
    };
}

/* Polled for long enough? */
static bool has_spun(struct waiter *waiter)
{
    if (waiter->strategy->spin_ns == 0) {
        return true;
    }
    uint64_t now_ns = hal_time_ns();

    if (waiter->spin_end_ns == 0) {
        waiter->spin_end_ns = now_ns + waiter->strategy->spin_ns;
    }
    return now_ns >= waiter->spin_end_ns;
}

bool waiter_may_sleep(struct waiter *waiter)
{
    if (waiter->strategy->sleep == NULL || waiter->source == NULL ||
        !interrupt_source_is_on(waiter->source)) {
        return false;
    }
    if (!waiter->has_slept) {
        waiter->has_slept = has_spun(waiter);
    }
    return waiter->has_slept;
}

void waiter_sleep(struct waiter *waiter)
{
    uint64_t count = load_acquire64(&waiter->source->count);
    uint64_t now_ns = hal_time_ns();
    uint64_t end_ns = waiter->deadline_ns;

    if (now_ns < end_ns && end_ns - now_ns > waiter->nap_ns) {
        end_ns = now_ns + waiter->nap_ns;
    }
    waiter->strategy->sleep(end_ns);
    /* An interrupt of another device ends a sleep before its time: then nothing is known. */
    waiter->is_overslept =
        hal_time_ns() >= end_ns && load_acquire64(&waiter->source->count) == count;
    if (waiter->is_overslept && waiter->nap_ns < WAIT_NAP_LAST_NS) {
        waiter->nap_ns *= 2;
        if (waiter->nap_ns > WAIT_NAP_LAST_NS) {
            waiter->nap_ns = WAIT_NAP_LAST_NS;
        }
    }
}

void waiter_end(struct waiter *waiter)
{
    if (waiter->source == NULL) {
        return;
    }
    if (waiter->is_overslept) {
        store_release64(&waiter->source->lost, waiter->source->lost + 1);
    }
    interrupt_source_answer(waiter->source);
}
