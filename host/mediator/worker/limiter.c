/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/worker/limiter.h"

#define TOKEN UINT64_C(1000000000) /* a nanosecond brings `rate` of these */

void limiter_init(struct limiter *limiter, uint32_t rate, uint32_t burst, uint32_t tokens,
                  uint64_t now_ns)
{
    limiter->rate = rate;
    limiter->burst = burst;
    limiter->level = (tokens < burst ? tokens : burst) * TOKEN;
    limiter->now_ns = now_ns;
}

static void refill(struct limiter *limiter, uint64_t now_ns)
{
    uint64_t elapsed_ns = now_ns - limiter->now_ns;
    uint64_t room = limiter->burst * TOKEN - limiter->level;

    /* Compared before it is multiplied: a long pause would overflow. */
    if (elapsed_ns >= room / limiter->rate + 1) {
        limiter->level += room;
    } else {
        limiter->level += elapsed_ns * limiter->rate;
    }
    limiter->now_ns = now_ns;
}

bool limiter_take(struct limiter *limiter, uint64_t now_ns)
{
    if (limiter->rate == 0) {
        return true;
    }
    refill(limiter, now_ns);
    if (limiter->level < TOKEN) {
        return false;
    }
    limiter->level -= TOKEN;
    return true;
}

uint32_t limiter_get_tokens(struct limiter *limiter, uint64_t now_ns)
{
    if (limiter->rate == 0) {
        return (uint32_t)limiter->burst;
    }
    refill(limiter, now_ns);
    return (uint32_t)(limiter->level / TOKEN);
}
