/* SPDX-License-Identifier: BSD-2-Clause */
/* A spin lock between CPUs. Not for interrupt handlers: they allocate nothing. */
#ifndef MEMORY_LOCK_H
#define MEMORY_LOCK_H

#include <stdint.h>

struct lock {
    uint32_t held;
};

static inline void lock_take(struct lock *lock)
{
    while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE)) {
        while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED))
            ;
    }
}

static inline void lock_release(struct lock *lock)
{
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

#endif
