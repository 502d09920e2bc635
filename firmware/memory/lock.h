/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ticket lock between CPUs: whoever asks first is served first. What was written before
 * lock_release is seen after the next lock_take.
 *
 * lock_take is for data that no interrupt handler touches. Data that a handler shares is taken with
 * lock_take_masked everywhere: with this CPU's interrupts masked until lock_release_masked, so that
 * a handler never waits for the CPU that it has interrupted. Not recursive; held for a few
 * instructions, never across a wait. All are callable from interrupt handlers.
 */
#ifndef FIRMWARE_MEMORY_LOCK_H
#define FIRMWARE_MEMORY_LOCK_H

#include <stdbool.h>
#include <stdint.h>

struct lock {        /* all zero: free */
    uint32_t next;   /* the ticket that the next CPU draws */
    uint32_t served; /* the ticket that holds the lock */
};

#ifdef __aarch64__

/*
 * The pause of a loop that waits for another CPU; *spins is 0 at first. After a thousand, it sleeps
 * for some microseconds at a time if the CPU can do that without an interrupt.
 */
void lock_pause(uint32_t *spins);

/* Waits until *word is `value`, with acquire. */
void lock_wait_for(const uint32_t *word, uint32_t value);

/* Masks IRQ and FIQ on this CPU; returns what interrupts_restore needs. */
static inline uint64_t interrupts_mask(void)
{
    uint64_t state;

    __asm__ volatile("mrs %0, daif\n\tmsr daifset, #3" : "=r"(state)::"memory");
    return state;
}

static inline void interrupts_restore(uint64_t state)
{
    __asm__ volatile("msr daif, %0" ::"r"(state) : "memory");
}

#else

static inline void lock_wait_for(const uint32_t *word, uint32_t value)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
        ;
}

static inline uint64_t interrupts_mask(void)
{
    return 0;
}

static inline void interrupts_restore(uint64_t state)
{
    (void)state;
}

#endif

static inline void lock_take(struct lock *lock)
{
    uint32_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

    if (__atomic_load_n(&lock->served, __ATOMIC_ACQUIRE) != ticket) {
        lock_wait_for(&lock->served, ticket);
    }
}

/* Takes the lock if nobody has it. */
static inline bool lock_try(struct lock *lock)
{
    uint32_t ticket = __atomic_load_n(&lock->served, __ATOMIC_ACQUIRE);

    return __atomic_compare_exchange_n(&lock->next, &ticket, ticket + 1, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static inline void lock_release(struct lock *lock)
{
    __atomic_store_n(&lock->served, lock->served + 1, __ATOMIC_RELEASE);
}

static inline uint64_t lock_take_masked(struct lock *lock)
{
    uint64_t state = interrupts_mask();

    lock_take(lock);
    return state;
}

static inline void lock_release_masked(struct lock *lock, uint64_t state)
{
    lock_release(lock);
    interrupts_restore(state);
}

#endif
