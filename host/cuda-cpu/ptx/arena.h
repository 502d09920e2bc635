/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that is freed at once, within a limit. */
#ifndef CUDA_CPU_PTX_ARENA_H
#define CUDA_CPU_PTX_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks;
    size_t used, limit;    /* bytes taken from the heap */
    bool is_out_of_memory; /* the heap had none, below the limit */
};

void arena_init(struct arena *arena, size_t limit);
void arena_free(struct arena *arena);

/* Zeroed, aligned for any type. NULL beyond the limit, or without memory. */
void *arena_alloc(struct arena *arena, size_t size);

#endif
