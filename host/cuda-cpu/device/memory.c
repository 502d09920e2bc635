/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/memory.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/check/check.h"

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

static bool grow(struct memory *memory)
{
    size_t capacity = memory->capacity ? memory->capacity * 2 : 16;
    struct memory_range *ranges = realloc(memory->ranges, capacity * sizeof(*ranges));

    if (ranges == NULL) {
        return false;
    }
    memory->ranges = ranges;
    memory->capacity = capacity;
    return true;
}

bool memory_add(struct memory *memory, uint64_t start, uint64_t size, bool read_only)
{
    const struct memory_range range = {.start = start, .end = start + size, .read_only = read_only};
    size_t place;
    bool done;

    pthread_rwlock_wrlock(&memory->lock);
    done = memory->count < memory->capacity || grow(memory);
    if (done) {
        place = count_up_to(memory, start);
        memmove(&memory->ranges[place + 1], &memory->ranges[place],
                (memory->count - place) * sizeof(*memory->ranges));
        memory->ranges[place] = range;
        memory->count++;
    }
    pthread_rwlock_unlock(&memory->lock);
    if (done && memory->check != NULL) {
        check_allocated(memory->check, start, size, read_only);
    }
    return done;
}

void memory_remove(struct memory *memory, uint64_t start)
{
    size_t place;

    pthread_rwlock_wrlock(&memory->lock);
    place = count_up_to(memory, start);
    if (place > 0 && memory->ranges[place - 1].start == start) {
        memmove(&memory->ranges[place - 1], &memory->ranges[place],
                (memory->count - place) * sizeof(*memory->ranges));
        memory->count--;
    }
    pthread_rwlock_unlock(&memory->lock);
    if (memory->check != NULL) {
        check_freed(memory->check, start);
    }
}

void memory_clear(struct memory *memory)
{
    free(memory->ranges);
    memset(memory, 0, sizeof(*memory));
}

bool memory_find(struct memory *memory, uint64_t address, uint64_t size, struct memory_range *range)
{
    bool found = false;
    size_t place;

    pthread_rwlock_rdlock(&memory->lock);
    place = count_up_to(memory, address);
    if (place > 0) {
        *range = memory->ranges[place - 1];
        found = address < range->end && size <= range->end - address;
    }
    pthread_rwlock_unlock(&memory->lock);
    return found;
}
