/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/cache.h"

#include <stdint.h>

#define CTR_IMINLINE(ctr) ((ctr) & 15)
#define CTR_DMINLINE(ctr) ((ctr) >> 16 & 15)
#define CTR_IDC(ctr) ((ctr) >> 28 & 1)
#define CTR_DIC(ctr) ((ctr) >> 29 & 1)

static uint64_t read_ctr(void)
{
    uint64_t ctr;

    __asm__ volatile("mrs %0, ctr_el0" : "=r"(ctr));
    return ctr;
}

size_t cache_data_line_size(void)
{
    return (size_t)4 << CTR_DMINLINE(read_ctr());
}

size_t cache_instruction_line_size(void)
{
    return (size_t)4 << CTR_IMINLINE(read_ctr());
}

#define CACHE_FOR_EACH_LINE(operation, address, size, line)                                        \
    do {                                                                                           \
        uintptr_t end_ = (uintptr_t)(address) + (size);                                            \
        for (uintptr_t at_ = (uintptr_t)(address) & ~((uintptr_t)(line) - 1); at_ < end_;          \
             at_ += (line))                                                                        \
            __asm__ volatile(operation ", %0" ::"r"(at_) : "memory");                              \
    } while (0)

static void data_barrier(void)
{
    __asm__ volatile("dsb sy" ::: "memory");
}

void cache_clean(const void *address, size_t size)
{
    size_t line = cache_data_line_size();

    data_barrier();
    CACHE_FOR_EACH_LINE("dc cvac", address, size, line);
    data_barrier();
}

void cache_clean_invalidate(const void *address, size_t size)
{
    size_t line = cache_data_line_size();

    data_barrier();
    CACHE_FOR_EACH_LINE("dc civac", address, size, line);
    data_barrier();
}

void cache_invalidate(void *address, size_t size)
{
    size_t line = cache_data_line_size();
    uintptr_t start = (uintptr_t)address;
    uintptr_t end = start + size;
    uintptr_t first_whole = (start + line - 1) & ~(uintptr_t)(line - 1);
    uintptr_t last_whole = end & ~(uintptr_t)(line - 1);

    if (size == 0) {
        return;
    }
    /* A line that holds somebody else's bytes too keeps them: clean it first. */
    if (first_whole != start) {
        cache_clean_invalidate(address, 1);
    }
    if (last_whole != end) {
        cache_clean_invalidate((void *)(end - 1), 1);
    }
    if (first_whole < last_whole) {
        CACHE_FOR_EACH_LINE("dc ivac", first_whole, last_whole - first_whole, line);
    }
    data_barrier();
}

void cache_sync_code(const void *address, size_t size)
{
    uint64_t ctr = read_ctr();

    if (!CTR_IDC(ctr)) {
        CACHE_FOR_EACH_LINE("dc cvau", address, size, cache_data_line_size());
    }
    __asm__ volatile("dsb ish" ::: "memory");
    if (!CTR_DIC(ctr)) {
        CACHE_FOR_EACH_LINE("ic ivau", address, size, cache_instruction_line_size());
    }
    __asm__ volatile("dsb ish\n\tisb" ::: "memory");
}
