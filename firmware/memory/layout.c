/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/memory/memory.h"

static uint64_t page_down(uint64_t address)
{
    return address & ~(PAGE_SIZE - 1);
}

static uint64_t page_up(uint64_t address)
{
    return page_down(address + PAGE_SIZE - 1);
}

/* The lowest page at or above `at` that lies in a bank; its bank's end in *end. */
static bool next_in_bank(const struct pages_range *banks, size_t count, uint64_t at,
                         uint64_t *start, uint64_t *end)
{
    bool found = false;

    for (size_t i = 0; i < count; i++) {
        uint64_t bank_start = page_up(banks[i].base);
        uint64_t bank_end = page_down(banks[i].base + banks[i].size);
        uint64_t first = at > bank_start ? page_up(at) : bank_start;

        if (first < bank_end && (!found || first < *start)) {
            *start = first;
            *end = bank_end;
            found = true;
        }
    }
    return found;
}

bool layout_next_free(const struct pages_range *banks, size_t bank_count,
                      const struct pages_range *reserved, size_t reserved_count, uint64_t *at,
                      struct pages_range *free)
{
    uint64_t start = 0;
    uint64_t end = 0;

    while (next_in_bank(banks, bank_count, *at, &start, &end)) {
        bool inside = false;

        for (size_t i = 0; i < reserved_count; i++) {
            uint64_t low = page_down(reserved[i].base);
            uint64_t high = page_up(reserved[i].base + reserved[i].size);

            if (start >= low && start < high) {
                *at = high;
                inside = true;
            } else if (low > start && low < end && reserved[i].size > 0) {
                end = low;
            }
        }
        if (inside) {
            continue;
        }
        free->base = start;
        free->size = end - start;
        *at = end;
        return true;
    }
    return false;
}
