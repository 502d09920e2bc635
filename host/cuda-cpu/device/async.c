/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/async.h"

#include <string.h>

#include "host/cuda-cpu/check/watch.h"
#include "host/cuda-cpu/device/access.h"

#define BULK 16u /* bytes: the alignment of bulk copies, and what they are a multiple of */

/* ---- mbarriers ---- */

/* An mbarrier's 64 bits; the state that arrive returns is what they were. */
struct mbarrier {
    uint64_t pending : 20, expected : 20; /* arrivals, of this phase and of the next */
    int64_t bytes : 22; /* that are still to come; they may come before they are expected */
    uint64_t : 1;
    uint64_t phase : 1;
};

static struct mbarrier unpack(uint64_t bits)
{
    struct mbarrier barrier;

    memcpy(&barrier, &bits, sizeof(barrier));
    return barrier;
}

/* Where all of them are that anyone waits at: then nothing else needs to be looked up. */
static bool is_in_shared(const struct warp *warp, uint64_t address)
{
    uint64_t distance = address - (uintptr_t)warp->shared;

    return address % sizeof(struct mbarrier) == 0 && distance < warp->shared_size &&
           warp->shared_size - distance >= sizeof(struct mbarrier);
}

static unsigned char *find(struct warp *warp, uint32_t lane, uint64_t address)
{
    if (!is_in_shared(warp, address)) {
        access_check(warp, lane, address, sizeof(struct mbarrier), true, WARP_NO_SITE);
    }
    return (unsigned char *)(uintptr_t)address;
}

static struct mbarrier load(struct warp *warp, uint32_t lane, uint64_t address)
{
    struct mbarrier barrier;

    memcpy(&barrier, find(warp, lane, address), sizeof(barrier));
    return barrier;
}

static void store(struct warp *warp, uint32_t lane, uint64_t address, struct mbarrier barrier)
{
    memcpy(find(warp, lane, address), &barrier, sizeof(barrier));
}

/* What an operation adds to the three. Then the phase is over or not; what was before comes back.
 */
static uint64_t change(struct warp *warp, uint32_t lane, uint64_t address, uint64_t arrivals,
                       uint64_t dropped, int64_t bytes)
{
    unsigned char *place = find(warp, lane, address);
    struct mbarrier barrier;
    uint64_t before;

    memcpy(&before, place, sizeof(before));
    barrier = unpack(before);
    barrier.pending -= arrivals;
    barrier.expected -= dropped;
    barrier.bytes += bytes;
    if (barrier.pending == 0 && barrier.bytes == 0) {
        barrier.phase = !barrier.phase;
        barrier.pending = barrier.expected;
    }
    memcpy(place, &barrier, sizeof(barrier));
    return before;
}

static uint64_t operate(struct warp *warp, uint32_t lane, uint64_t address, uint64_t operand,
                        enum warp_mbarrier operation)
{
    switch (operation) {
    case WARP_MBARRIER_INIT:
        store(warp, lane, address, (struct mbarrier){.pending = operand, .expected = operand});
        return 0;
    case WARP_MBARRIER_INVAL:
        store(warp, lane, address, (struct mbarrier){0});
        return 0;
    case WARP_MBARRIER_EXPECT_TX:
        return change(warp, lane, address, 0, 0, (int64_t)operand);
    case WARP_MBARRIER_COMPLETE_TX:
        return change(warp, lane, address, 0, 0, -(int64_t)operand);
    case WARP_MBARRIER_ARRIVE:
        return change(warp, lane, address, operand, 0, 0);
    case WARP_MBARRIER_ARRIVE_DROP:
        return change(warp, lane, address, operand, operand, 0);
    case WARP_MBARRIER_ARRIVE_EXPECT_TX:
        return change(warp, lane, address, 1, 0, (int64_t)operand);
    case WARP_MBARRIER_ARRIVE_DROP_EXPECT_TX:
        return change(warp, lane, address, 1, 1, (int64_t)operand);
    case WARP_MBARRIER_WAIT:
        return load(warp, lane, address).phase != unpack(operand).phase;
    default: /* WARP_MBARRIER_WAIT_PARITY */
        return load(warp, lane, address).phase != (operand & 1);
    }
}

void async_mbarrier(struct warp *warp, uint64_t *results, const uint64_t *addresses,
                    const uint64_t *operands, uint32_t mask, uint32_t operation)
{
    if (warp->check != NULL) {
        check_mbarrier(warp->check, addresses, mask, operation >= WARP_MBARRIER_WAIT);
    }
    for (; mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask);

        results[lane] =
            operate(warp, lane, addresses[lane], operands[lane], (enum warp_mbarrier)operation);
    }
}

/* ---- Copies ---- */

/* Lanes whose sources are shorter, byte by byte; zeros follow. */
static void load_short(struct warp *warp, unsigned char *values, const uint64_t *from,
                       const uint64_t *sizes, uint32_t mask, uint32_t size, uint32_t site)
{
    unsigned char bytes[WARP_LANES];
    uint64_t addresses[WARP_LANES];

    for (; mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask);

        if (from[lane] % size != 0) {
            access_check(warp, lane, from[lane], size, false, WARP_NO_SITE);
        }
        for (uint32_t i = 0; i < sizes[lane]; i++) {
            addresses[lane] = from[lane] + i;
            warp->gather(warp, bytes, addresses, 1u << lane, 1, site);
            values[lane * size + i] = bytes[lane];
        }
    }
}

void async_copy(struct warp *warp, const uint64_t *to, const uint64_t *from, const uint64_t *sizes,
                uint32_t mask, uint32_t size, uint32_t site)
{
    unsigned char values[WARP_LANES * BULK] = {0};
    uint32_t whole = 0;

    for (uint32_t lane = 0; lane < WARP_LANES; lane++) {
        whole |= sizes[lane] >= size ? 1u << lane : 0;
    }
    warp->gather(warp, values, from, mask & whole, size, site);
    load_short(warp, values, from, sizes, mask & ~whole, size, site);
    warp->scatter(warp, values, to, mask, size | WARP_ACCESS_WRITE, site + 1);
}

/* One lane's copy, a piece after the other. */
struct bulk {
    uint32_t lane;
    uint64_t to[WARP_LANES], from[WARP_LANES]; /* of which the lane's count */
    unsigned char values[WARP_LANES * BULK];
};

static void start_bulk(struct warp *warp, struct bulk *bulk, uint32_t lane, uint64_t to,
                       uint64_t from, uint64_t size)
{
    bulk->lane = lane;
    bulk->to[lane] = to;
    bulk->from[lane] = from;
    if (size % BULK != 0 || from % BULK != 0) {
        access_check(warp, lane, from | size % BULK, BULK, false, WARP_NO_SITE);
    }
    if (to % BULK != 0) {
        access_check(warp, lane, to, BULK, true, WARP_NO_SITE);
    }
}

static void advance(struct bulk *bulk, uint32_t step)
{
    bulk->to[bulk->lane] += step;
    bulk->from[bulk->lane] += step;
}

void async_copy_bulk(struct warp *warp, const uint64_t *to, const uint64_t *from,
                     const uint64_t *sizes, uint32_t mask, uint32_t site)
{
    struct bulk bulk;

    for (; mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask), bit = 1u << lane;

        start_bulk(warp, &bulk, lane, to[lane], from[lane], sizes[lane]);
        for (uint64_t done = 0; done < sizes[lane]; done += BULK) {
            warp->gather(warp, bulk.values, bulk.from, bit, BULK, site);
            warp->scatter(warp, bulk.values, bulk.to, bit, BULK | WARP_ACCESS_WRITE, site + 1);
            advance(&bulk, BULK);
        }
    }
}

void async_reduce_bulk(struct warp *warp, const uint64_t *to, const uint64_t *from,
                       const uint64_t *sizes, uint32_t mask, uint32_t operation, uint32_t size,
                       uint32_t site)
{
    unsigned char old[WARP_LANES * sizeof(uint64_t)];
    struct bulk bulk;

    for (; mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask), bit = 1u << lane;

        start_bulk(warp, &bulk, lane, to[lane], from[lane], sizes[lane]);
        for (uint64_t done = 0; done < sizes[lane]; done += size) {
            warp->gather(warp, bulk.values, bulk.from, bit, size, site);
            warp->atomic(warp, old, bulk.to, bulk.values, bulk.values, bit, operation, site + 1);
            advance(&bulk, size);
        }
    }
}
