/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sst-sim/kernel.h"

#include <stdlib.h>

#include "protocol/sst.h"

/* A binary heap: the entry that is due first lies at index 0, the children of i at 2i+1, 2i+2. */

static bool is_before(const struct kernel_entry *a, const struct kernel_entry *b)
{
    return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->order < b->order;
}

static bool grow(struct kernel *kernel)
{
    size_t capacity = kernel->capacity ? kernel->capacity * 2 : 64;
    struct kernel_entry *heap = reallocarray(kernel->heap, capacity, sizeof(*heap));

    if (heap == NULL) {
        return false;
    }
    kernel->heap = heap;
    kernel->capacity = capacity;
    return true;
}

bool kernel_schedule(struct kernel *kernel, uint64_t delay_ns,
                     void (*function)(void *context, uint64_t value), uint64_t value)
{
    const uint64_t last_ns = BG_SST_TIME_NEVER - 1;
    struct kernel_entry entry = {
        .time_ns = delay_ns < last_ns - kernel->now_ns ? kernel->now_ns + delay_ns : last_ns,
        .order = kernel->scheduled,
        .function = function,
        .value = value,
    };
    size_t i = kernel->count;

    if (i == kernel->capacity && !grow(kernel)) {
        return false;
    }
    kernel->scheduled++;
    kernel->count++;
    for (; i > 0 && is_before(&entry, &kernel->heap[(i - 1) / 2]); i = (i - 1) / 2) {
        kernel->heap[i] = kernel->heap[(i - 1) / 2];
    }
    kernel->heap[i] = entry;
    return true;
}

uint64_t kernel_next_ns(const struct kernel *kernel)
{
    return kernel->count ? kernel->heap[0].time_ns : BG_SST_TIME_NEVER;
}

static struct kernel_entry take_first(struct kernel *kernel)
{
    struct kernel_entry first = kernel->heap[0];
    struct kernel_entry last = kernel->heap[--kernel->count];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < kernel->count &&
            is_before(&kernel->heap[child + 1], &kernel->heap[child])) {
            child++;
        }
        if (child >= kernel->count || !is_before(&kernel->heap[child], &last)) {
            break;
        }
        kernel->heap[i] = kernel->heap[child];
        i = child;
    }
    kernel->heap[i] = last;
    return first;
}

void kernel_step(struct kernel *kernel, void *context)
{
    struct kernel_entry entry = take_first(kernel);

    kernel->now_ns = entry.time_ns;
    entry.function(context, entry.value);
}

void kernel_advance(struct kernel *kernel, uint64_t time_ns)
{
    if (time_ns > kernel->now_ns) {
        kernel->now_ns = time_ns;
    }
}

void kernel_clear(struct kernel *kernel)
{
    kernel->count = 0;
}

void kernel_free(struct kernel *kernel)
{
    free(kernel->heap);
    *kernel = (struct kernel){0};
}
