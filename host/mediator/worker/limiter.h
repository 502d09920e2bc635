/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A token bucket: `burst` requests at once, `rate` per second after that. Pure: time comes in as
 * an argument.
 */
#ifndef MEDIATOR_LIMITER_H
#define MEDIATOR_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

struct limiter {
    uint64_t rate;   /* tokens per second; 0: no limit */
    uint64_t burst;  /* tokens the bucket holds, at most 2^30 */
    uint64_t level;  /* tokens times 10^9 */
    uint64_t now_ns; /* when level was right */
};

void limiter_init(struct limiter *limiter, uint32_t rate, uint32_t burst, uint32_t tokens,
                  uint64_t now_ns);

/* Takes a token; false when there is none. */
bool limiter_take(struct limiter *limiter, uint64_t now_ns);

/* Whole tokens there are. */
uint32_t limiter_get_tokens(struct limiter *limiter, uint64_t now_ns);

#endif
