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

static unsigned char *find(struct warp *warp, uint32_t lane, uint64_t address, uint32_t site)
{
    if (!is_in_shared(warp, address)) {
        access_check(warp, lane, address, sizeof(struct mbarrier), true, site);
    }
    return (unsigned char *)(uintptr_t)address;
}

static struct mbarrier load(const unsigned char *place)
{
    struct mbarrier barrier;

    memcpy(&barrier, place, sizeof(barrier));
    return barrier;
}

static void store(unsigned char *place, struct mbarrier barrier)
{
    memcpy(place, &barrier, sizeof(barrier));
}

/* What an operation adds to the three. Then the phase is over or not; what was before comes back.
 */
static uint64_t change(unsigned char *place, uint64_t arrivals, uint64_t dropped, int64_t bytes)
{
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

static uint64_t operate(unsigned char *place, uint64_t operand, enum warp_mbarrier operation)
{
    switch (operation) {
    case WARP_MBARRIER_INIT:
        store(place, (struct mbarrier){.pending = operand, .expected = operand});
        return 0;
    case WARP_MBARRIER_INVAL:
        store(place, (struct mbarrier){0});
        return 0;
    case WARP_MBARRIER_EXPECT_TX:
        return change(place, 0, 0, (int64_t)operand);
    case WARP_MBARRIER_COMPLETE_TX:
        return change(place, 0, 0, -(int64_t)operand);
    case WARP_MBARRIER_ARRIVE:
        return change(place, operand, 0, 0);
    case WARP_MBARRIER_ARRIVE_DROP:
        return change(place, operand, operand, 0);
    case WARP_MBARRIER_ARRIVE_EXPECT_TX:
        return change(place, 1, 0, (int64_t)operand);
    case WARP_MBARRIER_ARRIVE_DROP_EXPECT_TX:
        return change(place, 1, 1, (int64_t)operand);
    case WARP_MBARRIER_WAIT:
        return load(place).phase != unpack(operand).phase;
    default: /* WARP_MBARRIER_WAIT_PARITY */
        return load(place).phase != (operand & 1);
    }
}

/* Behind what is refused nobody waits. */
static uint32_t check_lanes(struct warp *warp, uint64_t *results, const uint64_t *addresses,
                            uint32_t mask, bool waits, uint32_t site)
{
    uint32_t good = check_allow(warp, addresses, mask, sizeof(struct mbarrier), true, site);

    for (uint32_t bad = mask & ~good; bad; bad &= bad - 1) {
        results[__builtin_ctz(bad)] = waits;
    }
    check_mbarrier(warp->check, addresses, good, waits);
    return good;
}

void async_mbarrier(struct warp *warp, uint64_t *results, const uint64_t *addresses,
                    const uint64_t *operands, uint32_t mask, uint32_t operation, uint32_t site)
{
    if (warp->check != NULL) {
        mask = check_lanes(warp, results, addresses, mask, operation >= WARP_MBARRIER_WAIT, site);
    }
    for (; mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask);

        results[lane] = operate(find(warp, lane, addresses[lane], site), operands[lane],
                                (enum warp_mbarrier)operation);
        if (warp->check != NULL && operation == WARP_MBARRIER_COMPLETE_TX) {
            check_copy_counts(warp->check, lane, addresses[lane]);
        } else if (warp->check != NULL && operation >= WARP_MBARRIER_WAIT && results[lane]) {
            check_copies_over(warp->check, addresses[lane]);
        }
    }
}

/* ---- Copies ---- */

/* False: reported, where that is checked; else the kernel ends. */
static bool is_aligned(struct warp *warp, uint32_t lane, uint64_t address, uint32_t size,
                       bool write, uint32_t site)
{
    uint64_t addresses[WARP_LANES];

    if (address % size == 0) {
        return true;
    }
    if (warp->check == NULL) {
        access_check(warp, lane, address, size, write, site);
    } else {
        addresses[lane] = address;
        check_allow(warp, addresses, 1u << lane, size, write, site);
    }
    return false;
}

/* Lanes whose sources are shorter, byte by byte; zeros follow. */
static void load_short(struct warp *warp, unsigned char *values, const uint64_t *from,
                       const uint64_t *sizes, uint32_t mask, uint32_t size, uint32_t site)
{
    unsigned char bytes[WARP_LANES];
    uint64_t addresses[WARP_LANES];

    for (; mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask);

        if (!is_aligned(warp, lane, from[lane], size, false, site)) {
            continue;
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
    if (warp->check != NULL) {
        check_copy(warp, to, mask, size);
    }
}

/* One lane's copy, a piece after the other. */
struct bulk {
    uint32_t lane;
    uint64_t to[WARP_LANES], from[WARP_LANES]; /* of which the lane's count */
    unsigned char values[WARP_LANES * BULK];
};

/* False: it may not be. */
static bool start_bulk(struct warp *warp, struct bulk *bulk, uint32_t lane, uint64_t to,
                       uint64_t from, uint64_t size, uint32_t site)
{
    bulk->lane = lane;
    bulk->to[lane] = to;
    bulk->from[lane] = from;
    return is_aligned(warp, lane, from | size % BULK, BULK, false, site) &&
           is_aligned(warp, lane, to, BULK, true, site + 1);
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

        if (!start_bulk(warp, &bulk, lane, to[lane], from[lane], sizes[lane], site)) {
            continue;
        }
        for (uint64_t done = 0; done < sizes[lane]; done += BULK) {
            warp->gather(warp, bulk.values, bulk.from, bit, BULK, site);
            warp->scatter(warp, bulk.values, bulk.to, bit, BULK | WARP_ACCESS_WRITE, site + 1);
            advance(&bulk, BULK);
        }
        if (warp->check != NULL) {
            check_copy_bulk(warp, lane, to[lane], sizes[lane]);
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

        if (!start_bulk(warp, &bulk, lane, to[lane], from[lane], sizes[lane], site)) {
            continue;
        }
        for (uint64_t done = 0; done < sizes[lane]; done += size) {
            warp->gather(warp, bulk.values, bulk.from, bit, size, site);
            warp->atomic(warp, old, bulk.to, bulk.values, bulk.values, bit, operation, site + 1);
            advance(&bulk, size);
        }
    }
}
