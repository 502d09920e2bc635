/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The heap under malloc: best fit, 16-byte alignment, neighbours coalesced at once. A header before
 * and a guard behind every allocation tell double frees, wild pointers and overruns, which end the
 * run (memory_panic) at the next call that touches the block.
 *
 * Callable from every CPU, not from interrupt handlers.
 */
#ifndef FIRMWARE_MEMORY_HEAP_H
#define FIRMWARE_MEMORY_HEAP_H

#include <stddef.h>
#include <stdint.h>

#define HEAP_ALIGN 16
#define HEAP_SIZE_MAX (1ull << 40) /* larger requests fail at once: no arithmetic overflows */

/* Uninitialised memory, NULL if there is none. A size of 0 gives a unique pointer. */
void *heap_alloc(size_t size);
/* `align`: a power of two. */
void *heap_alloc_aligned(size_t align, size_t size);
void *heap_realloc(void *memory, size_t size);
/* NULL is ignored. */
void heap_free(void *memory);

/* The bytes asked for. */
size_t heap_size_of(const void *memory);

struct heap_statistics {
    uint64_t bytes_in_use; /* as asked for */
    uint64_t blocks_in_use;
    uint64_t bytes_held; /* taken from the page allocator */
    uint64_t largest_free;
};
void heap_statistics(struct heap_statistics *out);

/* Walks everything; NULL, or what is wrong. */
const char *heap_check(void);

#endif
