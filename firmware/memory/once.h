/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Something that is done once, whichever CPU comes first; the others wait until it is done and see
 * all that it wrote. Not for interrupt handlers, which could wait for the CPU they interrupted.
 */
#ifndef FIRMWARE_MEMORY_ONCE_H
#define FIRMWARE_MEMORY_ONCE_H

#include <stdint.h>

#include "firmware/memory/lock.h"

enum { ONCE_IDLE = 0, ONCE_RUNNING = 1, ONCE_DONE = 2 };

struct once { /* all zero: not done yet */
    uint32_t state;
};

/* Calls function(argument) if nobody did, or waits for the one who does. It must return. */
static inline void once_run(struct once *once, void (*function)(void *argument), void *argument)
{
    uint32_t idle = ONCE_IDLE;

    if (__atomic_load_n(&once->state, __ATOMIC_ACQUIRE) == ONCE_DONE) {
        return;
    }
    if (__atomic_compare_exchange_n(&once->state, &idle, ONCE_RUNNING, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_ACQUIRE)) {
        function(argument);
        __atomic_store_n(&once->state, ONCE_DONE, __ATOMIC_RELEASE);
    } else if (idle != ONCE_DONE) {
        lock_wait_for(&once->state, ONCE_DONE);
    }
}

#endif
