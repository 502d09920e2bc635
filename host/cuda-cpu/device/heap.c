/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/heap.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT 16u

/* Bytes that are taken, from the heap's start. */
struct piece {
    uint64_t start, size;
};

struct heap {
    pthread_rwlock_t lock;
    unsigned char *memory;
    uint64_t size;
    struct piece *pieces; /* by their starts */
    size_t count, capacity;
    size_t next; /* piece behind which the search for room begins */
};

struct heap *heap_create(uint64_t size)
{
    struct heap *heap = calloc(1, sizeof(*heap));

    if (heap == NULL) {
        return NULL;
    }
    heap->size = size / ALIGNMENT * ALIGNMENT;
    heap->memory = mmap(NULL, heap->size + ALIGNMENT, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (heap->memory == MAP_FAILED || pthread_rwlock_init(&heap->lock, NULL) != 0) {
        free(heap);
        return NULL;
    }
    return heap;
}

void heap_destroy(struct heap *heap)
{
    munmap(heap->memory, heap->size + ALIGNMENT);
    pthread_rwlock_destroy(&heap->lock);
    free(heap->pieces);
    free(heap);
}

static uint64_t rounded(uint64_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Room before the piece of this number, behind the one before it. */
static uint64_t room_before(const struct heap *heap, size_t number, uint64_t *start)
{
    uint64_t end = number < heap->count ? heap->pieces[number].start : heap->size;

    *start = 0;
    if (number) {
        *start = heap->pieces[number - 1].start + rounded(heap->pieces[number - 1].size);
    }
    return end - *start;
}

static bool make_room(struct heap *heap)
{
    size_t capacity = heap->capacity ? heap->capacity * 2 : 64;
    struct piece *pieces;

    if (heap->count < heap->capacity) {
        return true;
    }
    pieces = realloc(heap->pieces, capacity * sizeof(*pieces));
    if (pieces == NULL) {
        return false;
    }
    heap->pieces = pieces;
    heap->capacity = capacity;
    return true;
}

static uint64_t insert(struct heap *heap, size_t number, uint64_t start, uint64_t size)
{
    if (!make_room(heap)) {
        return 0;
    }
    memmove(&heap->pieces[number + 1], &heap->pieces[number],
            (heap->count - number) * sizeof(struct piece));
    heap->pieces[number] = (struct piece){start, size};
    heap->count++;
    heap->next = number + 1;
    return (uint64_t)(uintptr_t)heap->memory + start;
}

/* Behind the last one that was taken, then from the beginning. */
static uint64_t find_room(struct heap *heap, uint64_t size)
{
    size_t first = heap->next <= heap->count ? heap->next : 0;

    for (size_t i = 0; i <= heap->count; i++) {
        size_t number = (first + i) % (heap->count + 1);
        uint64_t start;

        if (room_before(heap, number, &start) >= rounded(size)) {
            return insert(heap, number, start, size);
        }
    }
    return 0;
}

uint64_t heap_allocate(struct heap *heap, uint64_t size)
{
    uint64_t address;

    if (!size || size > heap->size) {
        return 0;
    }
    pthread_rwlock_wrlock(&heap->lock);
    address = find_room(heap, size);
    pthread_rwlock_unlock(&heap->lock);
    return address;
}

/* The number of pieces that begin at or before this place. */
static size_t count_up_to(const struct heap *heap, uint64_t place)
{
    size_t low = 0, high = heap->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (heap->pieces[middle].start <= place) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool heap_free(struct heap *heap, uint64_t address)
{
    uint64_t place = address - (uint64_t)(uintptr_t)heap->memory;
    bool found;
    size_t count;

    pthread_rwlock_wrlock(&heap->lock);
    count = count_up_to(heap, place);
    found = place < heap->size && count && heap->pieces[count - 1].start == place;
    if (found) {
        memmove(&heap->pieces[count - 1], &heap->pieces[count],
                (heap->count - count) * sizeof(struct piece));
        heap->count--;
        heap->next = count - 1;
    }
    pthread_rwlock_unlock(&heap->lock);
    return found;
}

bool heap_holds(struct heap *heap, uint64_t address, uint64_t size)
{
    uint64_t place = address - (uint64_t)(uintptr_t)heap->memory;
    const struct piece *piece;
    bool found = false;
    size_t count;

    if (place >= heap->size) {
        return false;
    }
    pthread_rwlock_rdlock(&heap->lock);
    count = count_up_to(heap, place);
    if (count) {
        piece = &heap->pieces[count - 1];
        found = place - piece->start <= piece->size && size <= piece->size - (place - piece->start);
    }
    pthread_rwlock_unlock(&heap->lock);
    return found;
}
