/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/order.h"

#include "host/cuda-cpu/device/block.h"

/* Bits that look like chance. */
static uint64_t mix(uint64_t bits)
{
    bits = (bits ^ bits >> 31) * 0x9E3779B97F4A7C15;
    bits = (bits ^ bits >> 29) * 0xBF58476D1CE4E5B9;
    return bits ^ bits >> 32;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    return b ? common_divisor(b, a % b) : a;
}

uint64_t order_block(uint64_t seed, uint64_t count, uint64_t rank)
{
    uint64_t step;

    if (!seed || count < 2 || count > UINT32_MAX) {
        return rank;
    }
    step = 1 + mix(seed) % (count - 1);
    while (common_divisor(step, count) != 1) {
        step++;
    }
    return (rank * (step % count) + mix(seed + 1) % count) % count;
}

void order_warps(uint64_t seed, uint64_t number, uint8_t *order, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        order[i] = (uint8_t)i;
    }
    for (uint32_t i = count; seed && i > 1; i--) {
        uint32_t other = (uint32_t)(mix(seed + number * BLOCK_WARPS + i) % i);
        uint8_t kept = order[i - 1];

        order[i - 1] = order[other];
        order[other] = kept;
    }
}
