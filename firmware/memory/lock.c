/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The long wait for a lock. Locks are held for a few instructions; who waits longer than
 * LOCK_SPINS waits for a CPU that does not run: that of a virtual machine on a host with fewer
 * CPUs. Sleeping then, where the CPU can sleep for a time without an interrupt (FEAT_WFxT), is what
 * lets the other one run.
 */
#include "firmware/memory/lock.h"

#define LOCK_SPINS 1000
#define LOCK_NAP_NS 20000ull

/* Compiled into unit tests, too. */
#ifdef __aarch64__

static bool has_timed_sleep(void)
{
    uint64_t features;

    __asm__("mrs %0, s3_0_c0_c6_2" : "=r"(features)); /* ID_AA64ISAR2_EL1.WFxT */
    return (features & 15) == 2;
}

static void nap(void)
{
    uint64_t frequency_hz;
    register uint64_t until __asm__("x0");

    __asm__("mrs %0, cntfrq_el0" : "=r"(frequency_hz));
    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(until));
    until += frequency_hz * LOCK_NAP_NS / 1000000000;
    __asm__ volatile(".inst 0xd5031020" ::"r"(until) : "memory"); /* WFIT x0 */
}

void lock_pause(uint32_t *spins)
{
    if (*spins < LOCK_SPINS) {
        ++*spins;
    } else if (has_timed_sleep()) {
        nap();
    }
    __asm__ volatile("yield");
}

void lock_wait_for(const uint32_t *word, uint32_t value)
{
    uint32_t spins = 0;

    __asm__ volatile("sevl");
    for (;;) {
        uint32_t now;

        /*
         * The load-exclusive makes the holder's store to the word an event for this CPU (Arm ARM
         * D1.6.1): so WFE sleeps until then and misses nothing.
         */
        __asm__ volatile("wfe\n\tldaxr %w0, %1" : "=r"(now) : "Q"(*word) : "memory");
        if (now == value) {
            return;
        }
        if (++spins >= LOCK_SPINS && has_timed_sleep()) {
            nap();
            __asm__ volatile("sevl");
        }
    }
}

#endif
