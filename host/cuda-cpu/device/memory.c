/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/memory.h"

#include <stdlib.h>
#include <string.h>

/* The number of ranges that begin at or before an address. */
static size_t count_up_to(const struct memory *memory, uint64_t address)
{
    size_t low = 0, high = memory->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memory->ranges[middle].start <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool memory_add(struct memory *memory, uint64_t start, uint64_t size, bool read_only)
{
    size_t place = count_up_to(memory, start);

    if (memory->count == memory->capacity) {
        size_t capacity = memory->capacity ? memory->capacity * 2 : 16;
        struct memory_range *ranges = realloc(memory->ranges, capacity * sizeof(*ranges));

        if (ranges == NULL) {
            return false;
        }
        memory->ranges = ranges;
        memory->capacity = capacity;
    }
    memmove(&memory->ranges[place + 1], &memory->ranges[place],
            (memory->count - place) * sizeof(*memory->ranges));
    memory->ranges[place] =
        (struct memory_range){.start = start, .end = start + size, .read_only = read_only};
    memory->count++;
    return true;
}

void memory_remove(struct memory *memory, uint64_t start)
{
    size_t place = count_up_to(memory, start);

    if (place == 0 || memory->ranges[place - 1].start != start) {
        return;
    }
    memmove(&memory->ranges[place - 1], &memory->ranges[place],
            (memory->count - place) * sizeof(*memory->ranges));
    memory->count--;
}

void memory_clear(struct memory *memory)
{
    free(memory->ranges);
    memset(memory, 0, sizeof(*memory));
}

const struct memory_range *memory_find(const struct memory *memory, uint64_t address, uint64_t size)
{
    size_t place = count_up_to(memory, address);
    const struct memory_range *range;

    if (place == 0) {
        return NULL;
    }
    range = &memory->ranges[place - 1];
    return address < range->end && size <= range->end - address ? range : NULL;
}
