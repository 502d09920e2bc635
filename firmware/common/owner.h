/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One call at a time on a device: a word in its structure that the call under way has taken. A
 * second one, of another thread or an interrupt handler, finds that out and is refused with BUSY
 * before it touches anything. It is no lock: nobody waits for it, and it costs one exclusive pair
 * and a plain store.
 *
 * A call takes it at its entry from outside; what calls have in common is behind that. While the
 * device's user is called back (`done`), he may call again.
 */
#ifndef FIRMWARE_COMMON_OWNER_H
#define FIRMWARE_COMMON_OWNER_H

#include <stdint.h>

#include "baregpu/barrier.h"
#include "baregpu/error.h"

#define OWNER_NONE 0u
#define OWNER_TAKEN 1u

/* 0 or BUSY. */
static inline int owner_enter(uint32_t *owner)
{
    return __atomic_exchange_n(owner, OWNER_TAKEN, __ATOMIC_ACQUIRE) != OWNER_NONE ? BG_ERR_BUSY
                                                                                   : 0;
}

/* Returns `result`, that of the call. */
static inline int owner_leave(uint32_t *owner, int result)
{
    bg_store_release32(owner, OWNER_NONE);
    return result;
}

/* The call's result, or BUSY without it. */
#define OWNED(object, call) (owner_enter(&(object)->owner) ?: owner_leave(&(object)->owner, (call)))

/* Returns what owner_end_callback gets. */
static inline uint32_t owner_begin_callback(uint32_t *owner)
{
    uint32_t before = bg_load_once32(owner);

    bg_store_release32(owner, OWNER_NONE);
    return before;
}

static inline void owner_end_callback(uint32_t *owner, uint32_t before)
{
    bg_store_release32(owner, before);
}

#endif
