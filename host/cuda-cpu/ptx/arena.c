/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptx/arena.h"

#include <stdalign.h>
#include <stdlib.h>

#define CHUNK_SIZE (size_t)65536

struct arena_chunk {
    struct arena_chunk *next;
    size_t size, used;
    alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *arena, size_t limit)
{
    *arena = (struct arena){.limit = limit};
}

void arena_free(struct arena *arena)
{
    while (arena->chunks != NULL) {
        struct arena_chunk *chunk = arena->chunks;

        arena->chunks = chunk->next;
        free(chunk);
    }
    arena->used = 0;
}

static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk;
    size_t total;

    size = size > CHUNK_SIZE ? size : CHUNK_SIZE;
    total = sizeof(*chunk) + size;
    if (total > arena->limit - arena->used) {
        return NULL;
    }
    chunk = calloc(1, total);
    if (chunk == NULL) {
        arena->is_out_of_memory = true;
        return NULL;
    }
    chunk->size = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->used += total;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk = arena->chunks;
    void *memory;

    if (size > arena->limit) {
        return NULL;
    }
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (chunk == NULL || size > chunk->size - chunk->used) {
        chunk = add_chunk(arena, size);
        if (chunk == NULL) {
            return NULL;
        }
    }
    memory = chunk->bytes + chunk->used;
    chunk->used += size;
    return memory;
}
