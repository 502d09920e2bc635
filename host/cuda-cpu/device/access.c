/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/access.h"

#include <string.h>

#include "host/cuda-cpu/check/watch.h"

static bool is_within(const struct warp_site *site, uint64_t address, uint32_t size)
{
    return address >= site->start && address < site->end && size <= site->end - address;
}

/* The lane's pointer. The allocation is remembered, for the way in line too. */
static unsigned char *lane_pointer(struct warp *warp, uint32_t lane, uint64_t address,
                                   uint32_t size, bool write, uint32_t site)
{
    struct warp_site *last = &warp->sites[site];

    if (!is_within(last, address, size) || address % size) {
        *last = access_check(warp, lane, address, size, write);
    }
    return (unsigned char *)(uintptr_t)address;
}

void access_gather(struct warp *warp, void *values, const uint64_t *addresses, uint32_t mask,
                   uint32_t access, uint32_t site)
{
    uint32_t size = access & WARP_ACCESS_SIZE;

    if (warp->check != NULL) {
        check_gather(warp, values, addresses, mask, access, site);
        return;
    }
    for (; mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask);

        memcpy((unsigned char *)values + lane * size,
               lane_pointer(warp, lane, addresses[lane], size, false, site), size);
    }
}

void access_scatter(struct warp *warp, const void *values, const uint64_t *addresses, uint32_t mask,
                    uint32_t access, uint32_t site)
{
    uint32_t size = access & WARP_ACCESS_SIZE;

    if (warp->check != NULL) {
        check_scatter(warp, values, addresses, mask, access, site);
        return;
    }
    for (; mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask);

        memcpy(lane_pointer(warp, lane, addresses[lane], size, true, site),
               (const unsigned char *)values + lane * size, size);
    }
}

/* ---- Atomics ---- */

static enum warp_type type_of(uint32_t operation)
{
    return (enum warp_type)(operation >> WARP_ATOMIC_TYPE_SHIFT & 0xFF);
}

static uint64_t increment(uint64_t old, uint64_t b)
{
    return old >= b ? 0 : old + 1;
}

static uint64_t decrement(uint64_t old, uint64_t b)
{
    return old == 0 || old > b ? b : old - 1;
}

static uint64_t add(uint64_t old, uint64_t b, enum warp_type type)
{
    float singles[2];
    double doubles[2];
    uint32_t words[2] = {(uint32_t)old, (uint32_t)b};

    if (type == WARP_F32) {
        memcpy(singles, words, sizeof(singles));
        singles[0] += singles[1];
        memcpy(words, singles, sizeof(words[0]));
        return words[0];
    }
    if (type == WARP_F64) {
        memcpy(&doubles[0], &old, sizeof(old));
        memcpy(&doubles[1], &b, sizeof(b));
        doubles[0] += doubles[1];
        memcpy(&old, &doubles[0], sizeof(old));
        return old;
    }
    return old + b;
}

static bool is_less(uint64_t a, uint64_t b, enum warp_type type)
{
    switch (type) {
    case WARP_S32:
        return (int32_t)a < (int32_t)b;
    case WARP_S64:
        return (int64_t)a < (int64_t)b;
    default:
        return a < b;
    }
}

uint64_t access_combine(uint32_t operation, uint64_t old, uint64_t b, uint64_t c)
{
    enum warp_type type = type_of(operation);

    switch ((enum warp_atomic)(operation & 0xFF)) {
    case WARP_ATOMIC_ADD:
        return add(old, b, type);
    case WARP_ATOMIC_MIN:
        return is_less(b, old, type) ? b : old;
    case WARP_ATOMIC_MAX:
        return is_less(old, b, type) ? b : old;
    case WARP_ATOMIC_AND:
        return old & b;
    case WARP_ATOMIC_OR:
        return old | b;
    case WARP_ATOMIC_XOR:
        return old ^ b;
    case WARP_ATOMIC_EXCH:
        return b;
    case WARP_ATOMIC_CAS:
        return old == b ? c : old;
    case WARP_ATOMIC_INC:
        return increment(old, b);
    default:
        return decrement(old, b);
    }
}

static uint32_t size_of(uint32_t operation)
{
    switch (type_of(operation)) {
    case WARP_U64:
    case WARP_S64:
    case WARP_F64:
        return 8;
    case WARP_B16:
        return 2;
    default:
        return 4;
    }
}

static uint64_t value_at(const void *values, uint32_t lane, uint32_t size)
{
    uint64_t value = 0;

    memcpy(&value, (const unsigned char *)values + lane * size, size);
    return value;
}

#define EXCHANGE(type)                                                                             \
    do {                                                                                           \
        type *place = (type *)(void *)pointer, old = __atomic_load_n(place, __ATOMIC_RELAXED);     \
                                                                                                   \
        while (!__atomic_compare_exchange_n(place, &old,                                           \
                                            (type)access_combine(operation, old, b, c), true,      \
                                            __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {                 \
        }                                                                                          \
        return old;                                                                                \
    } while (0)

static uint64_t exchange(unsigned char *pointer, uint32_t operation, uint64_t b, uint64_t c)
{
    switch (size_of(operation)) {
    case 8:
        EXCHANGE(uint64_t);
    case 2:
        EXCHANGE(uint16_t);
    default:
        EXCHANGE(uint32_t);
    }
}

void access_atomic(struct warp *warp, void *old, const uint64_t *addresses, const void *b,
                   const void *c, uint32_t mask, uint32_t operation, uint32_t site)
{
    uint32_t size = size_of(operation);

    if (warp->check != NULL) {
        memset(old, 0, WARP_LANES * (size_t)size);
        mask = check_atomic(warp, addresses, mask, size, operation, site);
    }
    for (; mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask);
        unsigned char *pointer = lane_pointer(warp, lane, addresses[lane], size, true, site);
        uint64_t before =
            exchange(pointer, operation, value_at(b, lane, size), value_at(c, lane, size));

        memcpy((unsigned char *)old + lane * size, &before, size);
    }
}
