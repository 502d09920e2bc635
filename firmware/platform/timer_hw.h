/* SPDX-License-Identifier: BSD-2-Clause */
/* The calling CPU's timer registers. On the host a test has functions of these names. */
#ifndef FIRMWARE_PLATFORM_TIMER_HW_H
#define FIRMWARE_PLATFORM_TIMER_HW_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __aarch64__

/* The interrupt's line is raised in `ticks`. Both timers count alike, each from its own start. */
static inline void timer_hw_set(bool is_physical, uint64_t ticks)
{
    uint64_t now;

    if (is_physical) {
        __asm__ volatile("isb\n\tmrs %0, cntpct_el0" : "=r"(now)::"memory");
        __asm__ volatile("msr cntp_cval_el0, %0" ::"r"(now + ticks));
        __asm__ volatile("msr cntp_ctl_el0, %0\n\tisb" ::"r"(1ull) : "memory");
    } else {
        __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(now)::"memory");
        __asm__ volatile("msr cntv_cval_el0, %0" ::"r"(now + ticks));
        __asm__ volatile("msr cntv_ctl_el0, %0\n\tisb" ::"r"(1ull) : "memory");
    }
}

/* The line is lowered. */
static inline void timer_hw_stop(bool is_physical)
{
    if (is_physical) {
        __asm__ volatile("msr cntp_ctl_el0, xzr\n\tisb" ::: "memory");
    } else {
        __asm__ volatile("msr cntv_ctl_el0, xzr\n\tisb" ::: "memory");
    }
}

#else

void timer_hw_set(bool is_physical, uint64_t ticks);
void timer_hw_stop(bool is_physical);

#endif

#endif
