/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/access.h"

#include <string.h>

#include "host/cuda-cpu/check/watch.h"
#include "host/cuda-cpu/device/half.h"
#include "host/cuda-cpu/device/spend.h"

/* 16 bytes at once. */
__extension__ typedef unsigned __int128 wide;

static bool is_within(const struct warp_site *site, uint64_t address, uint32_t size)
{
    return address >= site->start && address < site->end && size <= site->end - address;
}

/* Elements at such addresses are aligned only where the first one is. */
static uint64_t places_in(const struct warp_site *site, uint32_t size)
{
    uint64_t row = (uint64_t)WARP_LANES * size, all = site->end - site->start;

    return all < row || (site->start & (size - 1)) != 0 ? 0 : (all - row) / size + 1;
}

/* The lane's pointer. The allocation is remembered, for the way in line too. */
static unsigned char *lane_pointer(struct warp *warp, uint32_t lane, uint64_t address,
                                   uint32_t size, bool write, uint32_t site)
{
    struct warp_site *last = &warp->sites[site];

    if (!is_within(last, address, size) || (address & (size - 1)) != 0) {
        *last = access_check(warp, lane, address, size, write, site);
        last->places = places_in(last, size);
    }
    return (unsigned char *)(uintptr_t)address;
}

/* The pointer of the mask's first lane; and how many lanes from it on lie beside each other in one
 * allocation. */
static unsigned char *row_pointer(struct warp *warp, const uint64_t *addresses, uint32_t mask,
                                  uint32_t size, bool write, uint32_t site, uint32_t *count)
{
    uint32_t lane = (uint32_t)__builtin_ctz(mask), end = lane + 1;
    uint64_t first = addresses[lane];
    unsigned char *pointer = lane_pointer(warp, lane, first, size, write, site);

    while (end < WARP_LANES && mask >> end & 1 &&
           addresses[end] == first + (uint64_t)(end - lane) * size) {
        end++;
    }
    *count = is_within(&warp->sites[site], first, (end - lane) * size) ? end - lane : 1;
    return pointer;
}

/* Of a size that the compiler knows: else it would call the C library for each lane. */
static void move(unsigned char *to, const unsigned char *from, uint32_t size)
{
    switch (size) {
    case 1:
        *to = *from;
        break;
    case 2:
        memcpy(to, from, 2);
        break;
    case 4:
        memcpy(to, from, 4);
        break;
    case 8:
        memcpy(to, from, 8);
        break;
    default:
        memcpy(to, from, 16);
    }
}

static uint32_t lanes_from(uint32_t lane, uint32_t count)
{
    return UINT32_MAX >> (WARP_LANES - count) << lane;
}

void access_gather(struct warp *warp, void *values, const uint64_t *addresses, uint32_t mask,
                   uint32_t access, uint32_t site)
{
    uint32_t size = access & WARP_ACCESS_SIZE, count;

    spend(warp, SPEND_CALL);
    if (warp->check != NULL) {
        check_gather(warp, values, addresses, mask, access, site);
        return;
    }
    for (uint32_t lane; mask; mask &= ~lanes_from(lane, count)) {
        const unsigned char *from = row_pointer(warp, addresses, mask, size, false, site, &count);
        unsigned char *to;

        lane = (uint32_t)__builtin_ctz(mask);
        to = (unsigned char *)values + lane * size;
        if (count == 1) {
            move(to, from, size);
        } else {
            memcpy(to, from, (size_t)count * size);
        }
    }
}

void access_scatter(struct warp *warp, const void *values, const uint64_t *addresses, uint32_t mask,
                    uint32_t access, uint32_t site)
{
    uint32_t size = access & WARP_ACCESS_SIZE, count;

    spend(warp, SPEND_CALL);
    if (warp->check != NULL) {
        check_scatter(warp, values, addresses, mask, access, site);
        return;
    }
    for (uint32_t lane; mask; mask &= ~lanes_from(lane, count)) {
        unsigned char *to = row_pointer(warp, addresses, mask, size, true, site, &count);
        const unsigned char *from;

        lane = (uint32_t)__builtin_ctz(mask);
        from = (const unsigned char *)values + lane * size;
        if (count == 1) {
            move(to, from, size);
        } else {
            memcpy(to, from, (size_t)count * size);
        }
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

/* Of one or two numbers of 16 bits. */
static uint64_t half_operation(uint32_t operation, uint64_t old, uint64_t b)
{
    enum warp_type type = type_of(operation);
    enum half_type half = type == WARP_F16 || type == WARP_F16X2 ? HALF_F16 : HALF_BF16;
    unsigned count = type == WARP_F16 || type == WARP_BF16 ? 1 : 2;
    uint64_t result = 0;

    for (unsigned i = 0; i < count; i++) {
        uint16_t x = (uint16_t)(old >> (16 * i)), y = (uint16_t)(b >> (16 * i));
        uint16_t part = (operation & 0xFF) == WARP_ATOMIC_ADD
                            ? half_add(half, x, y)
                            : half_extreme(half, (operation & 0xFF) == WARP_ATOMIC_MAX, x, y);

        result |= (uint64_t)part << (16 * i);
    }
    return result;
}

static bool is_of_halves(enum warp_type type)
{
    return type == WARP_F16 || type == WARP_BF16 || type == WARP_F16X2 || type == WARP_BF16X2;
}

/* Subnormal numbers become zeros of their sign. */
static uint32_t flushed(uint32_t bits)
{
    return bits & 0x7F800000 ? bits : bits & 0x80000000;
}

static uint32_t add_f32(uint32_t a, uint32_t b)
{
    uint32_t words[2] = {a, b};
    float singles[2];

    memcpy(singles, words, sizeof(singles));
    singles[0] += singles[1];
    memcpy(words, singles, sizeof(words[0]));
    return words[0];
}

static uint64_t add(uint64_t old, uint64_t b, enum warp_type type)
{
    double doubles[2];

    if (type == WARP_F32) {
        return add_f32((uint32_t)old, (uint32_t)b);
    }
    if (type == WARP_F32_FTZ) {
        return flushed(add_f32(flushed((uint32_t)old), flushed((uint32_t)b)));
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

    if (is_of_halves(type)) {
        return half_operation(operation, old, b);
    }
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
    case WARP_F16:
    case WARP_BF16:
        return 2;
    case WARP_B128:
        return 16;
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

static uint64_t exchange_locked(unsigned char *pointer, uint32_t operation, uint64_t b, uint64_t c)
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

/* Where no other thread looks. */
static uint64_t exchange_alone(unsigned char *pointer, uint32_t operation, uint64_t b, uint64_t c)
{
    uint32_t size = size_of(operation);
    uint64_t old = value_at(pointer, 0, size), new = access_combine(operation, old, b, c);

    memcpy(pointer, &new, size);
    return old;
}

/* Compilers do not agree on how to be told that the processor has it. */
static wide swap_wide(wide *place, wide old, wide new)
{
#if defined(__x86_64__)
    uint64_t low = (uint64_t)old, high = (uint64_t)(old >> 64);

    __asm__ volatile("lock cmpxchg16b %0"
                     : "+m"(*place), "+a"(low), "+d"(high)
                     : "b"((uint64_t)new), "c"((uint64_t)(new >> 64))
                     : "cc", "memory");
    return (wide)high << 64 | low;
#else
    return __sync_val_compare_and_swap(place, old, new);
#endif
}

static void exchange_wide(unsigned char *pointer, uint32_t operation, const unsigned char *b,
                          const unsigned char *c, unsigned char *old)
{
    wide *place = (wide *)(void *)pointer, wanted, stored, seen;

    memcpy(&wanted, b, sizeof(wanted));
    if ((operation & 0xFF) == WARP_ATOMIC_CAS) {
        memcpy(&stored, c, sizeof(stored));
        seen = swap_wide(place, wanted, stored);
    } else {
        wide before = 0;

        while ((seen = swap_wide(place, before, wanted)) != before) {
            before = seen;
        }
    }
    memcpy(old, &seen, sizeof(seen));
}

static bool is_shared(const struct warp *warp, const unsigned char *pointer)
{
    return (uintptr_t)pointer - (uintptr_t)warp->shared < warp->shared_size;
}

/* PTX ISA 9.7.13.5: sums of f32 are flushed in global memory alone. */
static uint32_t operation_at(const struct warp *warp, const unsigned char *pointer,
                             uint32_t operation)
{
    return (operation & 0xFFFF) == (WARP_ATOMIC_ADD | WARP_F32 << WARP_ATOMIC_TYPE_SHIFT) &&
                   !is_shared(warp, pointer)
               ? WARP_ATOMIC_ADD | WARP_F32_FTZ << WARP_ATOMIC_TYPE_SHIFT
               : operation;
}

/* A block's memory is seen by one host thread alone; the device's, when the launch says so. */
static uint64_t exchange(const struct warp *warp, unsigned char *pointer, uint32_t operation,
                         uint64_t b, uint64_t c)
{
    bool is_alone =
        is_shared(warp, pointer) || (warp->is_alone && (operation & WARP_ORDER_SYSTEM) == 0);

    operation = operation_at(warp, pointer, operation);
    return is_alone ? exchange_alone(pointer, operation, b, c)
                    : exchange_locked(pointer, operation, b, c);
}

void access_atomic(struct warp *warp, void *old, const uint64_t *addresses, const void *b,
                   const void *c, uint32_t mask, uint32_t operation, uint32_t site)
{
    uint32_t size = size_of(operation);

    spend(warp, SPEND_CALL);
    if (warp->check != NULL) {
        memset(old, 0, WARP_LANES * (size_t)size);
        mask = check_atomic(warp, addresses, mask, size, operation, site);
    }
    for (; mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask);
        unsigned char *pointer = lane_pointer(warp, lane, addresses[lane], size, true, site);
        uint64_t before;

        if (size == sizeof(wide)) {
            exchange_wide(pointer, operation, (const unsigned char *)b + lane * size,
                          (const unsigned char *)c + lane * size,
                          (unsigned char *)old + lane * size);
            continue;
        }
        before =
            exchange(warp, pointer, operation, value_at(b, lane, size), value_at(c, lane, size));
        memcpy((unsigned char *)old + lane * size, &before, size);
    }
}
