/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a driver waits: by polling (the default), asleep until an interrupt, or polling for a while
 * and then asleep. Each device has a strategy, and its calls are the same with every one.
 *
 * Sleeping costs latency but no CPU. Nothing depends on the interrupt: a sleep is a nap of 1 ms at
 * first, of 50 ms at last, after which the wait looks itself. So an interrupt that gets lost costs
 * a nap (and is counted, interrupt_source.lost), a device whose interrupts could not be had is
 * polled, and one with an interrupt storm, too.
 *
 * An interrupt is delivered to one CPU. A wait on another CPU relies on the naps; so a queue, its
 * interrupt and who waits for it belong on one CPU.
 */
#ifndef BAREGPU_WAIT_H
#define BAREGPU_WAIT_H

#include "baregpu/interrupt.h"
#include "protocol/decls.h"

BG_BEGIN_DECLS

/* All zeroes: poll. */
struct wait_strategy {
    /* hal_sleep, or another function with its contract; NULL: poll. Naming it here is what makes a
     * kernel need it. */
    void (*sleep)(uint64_t deadline_ns);
    uint64_t spin_ns; /* poll this long before the first sleep */
};

#define WAIT_POLL ((struct wait_strategy){NULL, 0})
#define WAIT_SLEEP ((struct wait_strategy){hal_sleep, 0})
#define WAIT_SPIN_THEN_SLEEP(ns) ((struct wait_strategy){hal_sleep, (ns)})

#define WAIT_NAP_FIRST_NS 1000000u
#define WAIT_NAP_LAST_NS 50000000u

/*
 * For drivers: the pauses of one wait. The loop is
 *
 *     struct waiter waiter = waiter_begin(strategy, source, deadline_ns);
 *
 *     while (!look()) {
 *         if (hal_time_ns() >= deadline_ns) { time out; }
 *         if (!waiter_may_sleep(&waiter)) {
 *             hal_wait(deadline_ns);
 *         } else if (!arm_the_interrupt_and_look_again()) {
 *             waiter_sleep(&waiter);
 *         }
 *     }
 *     waiter_end(&waiter);       when work was found; disarm it, if waiter.has_slept
 *
 * where arming is followed by a full barrier (or the read of a register) and then by the look: who
 * makes work does so first and then looks whether the interrupt is armed.
 */
struct waiter {
    const struct wait_strategy *strategy;
    struct interrupt_source *source;
    uint64_t deadline_ns;
    uint64_t spin_end_ns; /* 0: not yet known */
    uint64_t nap_ns;
    bool has_slept; /* waiter_may_sleep has returned true: the interrupt may be armed */
    bool is_overslept; /* the last nap ended without an interrupt of the source */
};

/* `source` NULL: there is no interrupt, so this polls. Both pointers are used until the end. */
struct waiter waiter_begin(const struct wait_strategy *strategy, struct interrupt_source *source,
                           uint64_t deadline_ns);

/* Is it time to sleep? Never for a strategy that polls, nor while the source is off. */
bool waiter_may_sleep(struct waiter *waiter);

/* Sleeps: not past the deadline, nor longer than the next nap. */
void waiter_sleep(struct waiter *waiter);

/* The wait has found what it waited for. */
void waiter_end(struct waiter *waiter);

BG_END_DECLS

#endif
