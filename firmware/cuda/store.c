/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bookkeeping memory: first fit in what the kernel gave. A region is blocks without a gap, ended by
 * one of size 0; a free block is in the list, and its neighbours are in use.
 */
#include "firmware/cuda/internal.h"

#define ALIGN 16u

struct block {
    size_t size;     /* with this header; 0: the region's end */
    size_t previous; /* size of the block before; 0: it is the first */
    /* Of free blocks. */
    struct block *next, **link; /* link NULL: in use */
};

#define HEADER_SIZE sizeof(struct block)

_Static_assert(HEADER_SIZE % ALIGN == 0, "what follows is aligned");

static struct block *free_blocks;

static struct block *behind(struct block *block)
{
    return (struct block *)(void *)((char *)block + block->size);
}

static struct block *before(struct block *block)
{
    return (struct block *)(void *)((char *)block - block->previous);
}

static void list(struct block *block)
{
    block->next = free_blocks;
    block->link = &free_blocks;
    if (free_blocks != NULL) {
        free_blocks->link = &block->next;
    }
    free_blocks = block;
}

static void unlist(struct block *block)
{
    *block->link = block->next;
    if (block->next != NULL) {
        block->next->link = block->link;
    }
    block->link = NULL;
}

void cuda_store_add(void *memory, size_t size)
{
    size_t skipped = -(uintptr_t)memory % ALIGN;
    struct block *block = (struct block *)(void *)((char *)memory + skipped);

    *block = (struct block){.size = (size - skipped) / ALIGN * ALIGN - HEADER_SIZE};
    *behind(block) = (struct block){.previous = block->size};
    list(block);
}

void cuda_store_reset(void)
{
    free_blocks = NULL;
}

/* Leaves `size` bytes, header included, in the block; the rest is another one. */
static void cut(struct block *block, size_t size)
{
    size_t rest = block->size - size;

    if (rest < HEADER_SIZE + ALIGN) {
        return;
    }
    block->size = size;
    *behind(block) = (struct block){.size = rest, .previous = size};
    behind(behind(block))->previous = rest;
    list(behind(block));
}

void *cuda_alloc(size_t size)
{
    struct block *block = free_blocks;
    size_t whole = (size + HEADER_SIZE + ALIGN - 1) / ALIGN * ALIGN;

    if (whole < size) {
        return NULL;
    }
    while (block != NULL && block->size < whole) {
        block = block->next;
    }
    if (block == NULL) {
        return NULL;
    }
    unlist(block);
    cut(block, whole);
    return memset(block + 1, 0, size);
}

/* Joins a block with the one behind it. */
static void join(struct block *block)
{
    block->size += behind(block)->size;
    behind(block)->previous = block->size;
}

void cuda_free(void *memory)
{
    struct block *block;

    if (memory == NULL) {
        return;
    }
    block = (struct block *)memory - 1;
    if (behind(block)->link != NULL) {
        unlist(behind(block));
        join(block);
    }
    if (block->previous != 0 && before(block)->link != NULL) {
        block = before(block);
        unlist(block);
        join(block);
    }
    list(block);
}
