/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The heap's allocator: first fit. What it knows lies in the caller's table, not in the heap, which
 * the backend writes.
 */
#include "firmware/vgpu/pvgpu_internal.h"

enum block_state {
    BLOCK_UNUSED, /* an entry of the table that stands for nothing; linked by `next` */
    BLOCK_FREE,
    BLOCK_USED,
};

static uint32_t take_entry(struct pvgpu *gpu)
{
    uint32_t index = gpu->unused_block;

    if (index != PVGPU_NO_BLOCK) {
        gpu->unused_block = gpu->blocks[index].next;
    }
    return index;
}

static void give_entry(struct pvgpu *gpu, uint32_t index)
{
    gpu->blocks[index].state = BLOCK_UNUSED;
    gpu->blocks[index].next = gpu->unused_block;
    gpu->unused_block = index;
}

/* Entry 0 is always the block at the heap's start. */
int pvgpu_heap_init(struct pvgpu *gpu, struct pvgpu_block *blocks, uint32_t count)
{
    int error;

    if (blocks == NULL || count < 2 || count >= PVGPU_NO_BLOCK) {
        return BAREGPU_ERR_INVALID;
    }
    gpu->blocks = blocks;
    gpu->block_count = count;
    gpu->unused_block = PVGPU_NO_BLOCK;
    for (uint32_t i = count - 1; i > 0; i--) {
        give_entry(gpu, i);
    }
    blocks[0] = (struct pvgpu_block){
        .offset = 0,
        .size = gpu->heap_size / PVGPU_HEAP_ALIGN * PVGPU_HEAP_ALIGN,
        .previous = PVGPU_NO_BLOCK,
        .next = PVGPU_NO_BLOCK,
        .state = BLOCK_FREE,
    };
    error = pvgpu_heap_alloc(gpu, PVGPU_JOBS_MAX * PVGPU_JOB_SIZE, 0, &gpu->job_memory);
    return error == BAREGPU_ERR_NO_SPACE ? BAREGPU_ERR_INVALID : error;
}

/* Cuts a block in two at `size`; the rest is behind it, in the same state. */
static void split(struct pvgpu *gpu, uint32_t index, uint32_t size)
{
    struct pvgpu_block *block = &gpu->blocks[index];
    uint32_t rest = take_entry(gpu);

    gpu->blocks[rest] = (struct pvgpu_block){
        .offset = block->offset + size,
        .size = block->size - size,
        .previous = index,
        .next = block->next,
        .state = block->state,
    };
    if (block->next != PVGPU_NO_BLOCK) {
        gpu->blocks[block->next].previous = rest;
    }
    block->next = rest;
    block->size = size;
}

/* Joins a block with the one behind it. */
static void join(struct pvgpu *gpu, uint32_t index)
{
    struct pvgpu_block *block = &gpu->blocks[index];
    uint32_t gone = block->next;

    block->size += gpu->blocks[gone].size;
    block->next = gpu->blocks[gone].next;
    if (block->next != PVGPU_NO_BLOCK) {
        gpu->blocks[block->next].previous = index;
    }
    give_entry(gpu, gone);
}

/* Entries that are not in use, up to two: what one allocation may need. */
static unsigned spare_entries(const struct pvgpu *gpu)
{
    uint32_t first = gpu->unused_block;

    return first == PVGPU_NO_BLOCK ? 0 : gpu->blocks[first].next == PVGPU_NO_BLOCK ? 1 : 2;
}

int pvgpu_heap_alloc(struct pvgpu *gpu, uint64_t size, uint32_t align, struct pvgpu_memory *memory)
{
    bool is_table_full = false;

    if (size == 0 || (align & (align - 1)) != 0) {
        return BAREGPU_ERR_INVALID;
    }
    if (size > gpu->heap_size) {
        return BAREGPU_ERR_NO_MEMORY;
    }
    uint64_t whole = (size + PVGPU_HEAP_ALIGN - 1) / PVGPU_HEAP_ALIGN * PVGPU_HEAP_ALIGN;
    uint64_t mask = (align < PVGPU_HEAP_ALIGN ? PVGPU_HEAP_ALIGN : align) - 1;

    for (uint32_t i = 0; i != PVGPU_NO_BLOCK; i = gpu->blocks[i].next) {
        struct pvgpu_block *block = &gpu->blocks[i];
        uint64_t start = (block->offset + mask) & ~mask;
        uint64_t before = start - block->offset;

        if (block->state != BLOCK_FREE || before + whole > block->size) {
            continue;
        }
        unsigned needed = (before != 0 ? 1u : 0u) + (before + whole != block->size ? 1u : 0u);

        if (spare_entries(gpu) < needed) {
            is_table_full = true; /* one that fits exactly may follow */
            continue;
        }
        uint32_t index = i;

        if (before != 0) {
            split(gpu, index, (uint32_t)before);
            index = gpu->blocks[index].next;
        }
        if (gpu->blocks[index].size != whole) {
            split(gpu, index, (uint32_t)whole);
        }
        gpu->blocks[index].state = BLOCK_USED;
        *memory = (struct pvgpu_memory){gpu->heap + start, (uint32_t)start, (uint32_t)size, index};
        return 0;
    }
    return is_table_full ? BAREGPU_ERR_NO_SPACE : BAREGPU_ERR_NO_MEMORY;
}

int pvgpu_heap_free(struct pvgpu *gpu, const struct pvgpu_memory *memory)
{
    uint32_t index = memory->block;

    if (index >= gpu->block_count || gpu->blocks[index].state != BLOCK_USED ||
        gpu->blocks[index].offset != memory->offset) {
        return BAREGPU_ERR_INVALID;
    }
    uint32_t next = gpu->blocks[index].next, previous = gpu->blocks[index].previous;

    gpu->blocks[index].state = BLOCK_FREE;
    if (next != PVGPU_NO_BLOCK && gpu->blocks[next].state == BLOCK_FREE) {
        join(gpu, index);
    }
    if (previous != PVGPU_NO_BLOCK && gpu->blocks[previous].state == BLOCK_FREE) {
        join(gpu, previous);
    }
    return 0;
}

void pvgpu_heap_statistics(const struct pvgpu *gpu, struct pvgpu_heap_statistics *out)
{
    *out = (struct pvgpu_heap_statistics){0};
    for (uint32_t i = 0; gpu->blocks != NULL && i != PVGPU_NO_BLOCK; i = gpu->blocks[i].next) {
        const struct pvgpu_block *block = &gpu->blocks[i];

        if (block->state == BLOCK_USED) {
            out->allocations++;
            out->used += block->size;
        } else if (block->size > out->largest_free) {
            out->largest_free = block->size;
        }
    }
}
