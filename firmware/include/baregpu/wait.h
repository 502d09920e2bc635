/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a driver waits: by polling (the default), asleep until an interrupt, or polling for a while
 * and then asleep. Each device has a strategy, and its calls are the same with every one.
 *
 * Sleeping costs latency but no CPU. Nothing depends on the interrupt: a sleep is a nap of 1 ms at
 * first, of 50 ms at last, after which the wait looks itself. So an interrupt that gets lost costs
 * a nap (and is counted, interrupt_source.lost), a device whose interrupts could not be had is
 * polled, and one with an interrupt storm, too. Where an interrupt has ended a sleep in time the
 * next wait's naps begin as long as that wait's had grown, as each one takes the CPU from whoever
 * works for the device; one that gets lost has them begin with 1 ms again.
 *
 * An interrupt is delivered to one CPU. A wait on another CPU relies on the naps, unless the device
 * has an event that its handler sets; so a queue, its interrupt and who waits for it belong on one
 * CPU.
 */
#ifndef BAREGPU_WAIT_H
#define BAREGPU_WAIT_H

#include "baregpu/interrupt.h"
#include "protocol/decls.h"

BG_BEGIN_DECLS

/* All zeroes: poll. */
struct bg_wait_strategy {
    /* bg_hal_sleep, or another function with its contract; NULL: poll. Naming it here is what makes
     * a kernel need it. */
    void (*sleep)(void *event, uint64_t deadline_ns);
    uint64_t spin_ns; /* poll this long before the first sleep */
    void *event;      /* the kernel's, for `sleep`; may be NULL */
};

#define BG_WAIT_POLL (BG_STRUCT(bg_wait_strategy){NULL, 0, NULL})
#define BG_WAIT_SLEEP (BG_STRUCT(bg_wait_strategy){bg_hal_sleep, 0, NULL})
#define BG_WAIT_SLEEP_ON(event) (BG_STRUCT(bg_wait_strategy){bg_hal_sleep, 0, (event)})
#define BG_WAIT_SPIN_THEN_SLEEP(ns) (BG_STRUCT(bg_wait_strategy){bg_hal_sleep, (ns), NULL})

#define BG_WAIT_NAP_FIRST_NS 1000000u
#define BG_WAIT_NAP_LAST_NS 50000000u

/* ---- For drivers ---- */

/* What a wait waits for. The functions get `context`; those that say so may be NULL. */
struct bg_wait_loop {
    /* Is it there? Returns 1 when it is, 0 when it is not yet, or an error, which ends the wait. */
    int (*look)(void *context);
    /* Does the other side still live? 0, or the error that ends the wait. Asked when it has been
     * silent for check_period_ns, and before a time-out. NULL: nobody knows. */
    int (*check)(void *context);
    /*
     * Before every sleep: asks for the interrupt, if that is not done, and then looks whether the
     * wait has anything to do; between the two is a full barrier (or the read of a register): who
     * makes work does so first and then looks whether the interrupt is wanted. True: look first.
     * NULL: the interrupt comes by itself.
     */
    bool (*arm)(void *context);
    /* At the end of a wait that has armed the interrupt. NULL: it may stay. */
    void (*disarm)(void *context);
    void *context;
    uint64_t check_period_ns;
    /* A counter: when it changes, something came, though not all that is waited for, and the pauses
     * begin anew. NULL: there is none. */
    const uint64_t *progress;
};

/*
 * Looks; then, by turns, pauses and looks, until `loop` says that it is over. `source` NULL: there
 * is no interrupt, so this polls. The time is taken before each look: what is there is not given up
 * because this CPU was away for long. Returns 1, TIMEOUT once deadline_ns has passed, or an error
 * of `look` or `check`. Not for interrupt handlers.
 */
int bg_wait_until(const struct bg_wait_loop *loop, const struct bg_wait_strategy *strategy,
                  struct bg_interrupt_source *source, uint64_t deadline_ns);

BG_END_DECLS

#endif
