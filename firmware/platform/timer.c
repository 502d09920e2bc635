/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/timer.h"

#include "baregpu/hal.h"

#define NS_PER_S 1000000000ull

static struct {
    uint64_t frequency_hz;
    uint64_t ns_per_tick_q32; /* fixed point, 32 fraction bits */
    uint64_t ticks_per_ns_q32;
    uint64_t entry_ticks;
} clock;

bool timer_init(uint64_t entry_ticks)
{
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(clock.frequency_hz));
    if (clock.frequency_hz == 0) {
        return false;
    }
    clock.ns_per_tick_q32 = (NS_PER_S << 32) / clock.frequency_hz;
    clock.ticks_per_ns_q32 = (clock.frequency_hz << 32) / NS_PER_S + 1;
    clock.entry_ticks = entry_ticks;
    return true;
}

static uint64_t timer_ticks(void)
{
    uint64_t ticks;

    /* The isb keeps the read from being done early (Arm ARM D12.1.2). */
    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks)::"memory");
    return ticks;
}

uint64_t timer_frequency_hz(void)
{
    return clock.frequency_hz;
}

static uint64_t timer_ticks_to_ns(uint64_t ticks)
{
    return (uint64_t)((unsigned __int128)ticks * clock.ns_per_tick_q32 >> 32);
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
    return (uint64_t)((unsigned __int128)ns * clock.ticks_per_ns_q32 >> 32) + 1;
}

uint64_t bg_hal_time_ns(void)
{
    return timer_ticks_to_ns(timer_ticks());
}

void bg_hal_wait(uint64_t deadline_ns)
{
    (void)deadline_ns;
    __asm__ volatile("yield");
}

uint64_t timer_since_entry_ns(void)
{
    return timer_ticks_to_ns(timer_ticks() - clock.entry_ticks);
}

uint64_t timer_deadline_ns(uint64_t ns)
{
    uint64_t now_ns = bg_hal_time_ns();

    return ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + ns;
}

bool timer_has_passed(uint64_t deadline_ns)
{
    return bg_hal_time_ns() >= deadline_ns;
}

void timer_delay_ns(uint64_t ns)
{
    uint64_t deadline_ns = timer_deadline_ns(ns);

    /* A hint for hosts that run the CPUs by turns. */
    while (!timer_has_passed(deadline_ns)) {
        __asm__ volatile("yield");
    }
}
