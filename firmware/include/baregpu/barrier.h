/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ordering of shared memory between CPUs and devices. Drivers use these names only.
 *
 * Data is handed over with store_release and taken with load_acquire. Store_publish is the release
 * of a side that has only written what it hands over, not also read: on an emulated CPU the other
 * one is a full barrier. Where one side publishes and then looks at what the other side published
 * ("does it sleep?"), bg_barrier_full() stands between: release and acquire alone do not order a
 * store before a later load (docs/smp.md shows it). Callable from anywhere.
 */
#ifndef BAREGPU_BARRIER_H
#define BAREGPU_BARRIER_H

#include <stdint.h>

#include "protocol/decls.h"

BG_BEGIN_DECLS

/* One load, never repeated or torn by the compiler: the other side may change it at any time. */
static inline uint16_t bg_load_once16(const uint16_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline uint32_t bg_load_once32(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline uint16_t bg_load_acquire16(const uint16_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline uint32_t bg_load_acquire32(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline uint64_t bg_load_acquire64(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void bg_store_release16(uint16_t *p, uint16_t value)
{
    __atomic_store_n(p, value, __ATOMIC_RELEASE);
}

static inline void bg_store_release32(uint32_t *p, uint32_t value)
{
    __atomic_store_n(p, value, __ATOMIC_RELEASE);
}

static inline void bg_store_release64(uint64_t *p, uint64_t value)
{
    __atomic_store_n(p, value, __ATOMIC_RELEASE);
}

#ifdef __aarch64__

static inline void bg_store_publish64(uint64_t *p, uint64_t value)
{
    __asm__ volatile("dmb ishst" ::: "memory");
    __atomic_store_n(p, value, __ATOMIC_RELAXED);
}

static inline void bg_barrier_full(void)
{
    __asm__ volatile("dmb ish" ::: "memory");
}

/* bg_barrier_full for a device in hardware, which is not an observer in the CPUs' own domain. */
static inline void bg_barrier_full_outer(void)
{
    __asm__ volatile("dmb osh" ::: "memory");
}

/* Memory writes before it, device writes after it. */
static inline void bg_barrier_write_outer(void)
{
    __asm__ volatile("dmb oshst" ::: "memory");
}

/* A device read before it, memory reads after it. */
static inline void bg_barrier_read_outer(void)
{
    __asm__ volatile("dmb oshld" ::: "memory");
}

#else

static inline void bg_store_publish64(uint64_t *p, uint64_t value)
{
    bg_store_release64(p, value);
}

static inline void bg_barrier_full(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void bg_barrier_full_outer(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void bg_barrier_write_outer(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void bg_barrier_read_outer(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif

BG_END_DECLS

#endif
