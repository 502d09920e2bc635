/* SPDX-License-Identifier: BSD-2-Clause */
/* Time in nanoseconds. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

/* 0: the clock cannot be read, as that of a thread which has ended. */
static inline uint64_t clock_read_ns(clockid_t clock)
{
    struct timespec now = {0};

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Monotonic. */
static inline uint64_t clock_now_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

/* The same, some milliseconds late, for next to nothing: for what is done with each command. */
static inline uint64_t clock_coarse_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC_COARSE);
}

/* Microseconds as protocols have them: what does not fit is their largest. */
static inline uint32_t clock_us_since(uint64_t start_ns)
{
    uint64_t us = (clock_now_ns() - start_ns) / NS_PER_US;

    return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

#endif
