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

static uint32_t take_entry(struct bg_pvgpu *gpu)
{
    uint32_t index = gpu->unused_block;

    if (index != BG_PVGPU_NO_BLOCK) {
        gpu->unused_block = gpu->blocks[index].next;
    }
    return index;
}

static void give_entry(struct bg_pvgpu *gpu, uint32_t index)
{
    gpu->blocks[index].state = BLOCK_UNUSED;
    gpu->blocks[index].next = gpu->unused_block;
    gpu->unused_block = index;
}

/* Entry 0 is always the block at the heap's start. */
int pvgpu_heap_init(struct bg_pvgpu *gpu, struct bg_pvgpu_block *blocks, uint32_t count)
{
    int error;

    if (blocks == NULL || count < 2 || count >= BG_PVGPU_NO_BLOCK) {
        return BG_ERR_INVALID;
    }
    gpu->blocks = blocks;
    gpu->block_count = count;
    gpu->unused_block = BG_PVGPU_NO_BLOCK;
    for (uint32_t i = count - 1; i > 0; i--) {
        give_entry(gpu, i);
    }
    blocks[0] = (struct bg_pvgpu_block){
        .offset = 0,
        .size = gpu->heap_size / BG_PVGPU_HEAP_ALIGN * BG_PVGPU_HEAP_ALIGN,
        .previous = BG_PVGPU_NO_BLOCK,
        .next = BG_PVGPU_NO_BLOCK,
        .state = BLOCK_FREE,
    };
    error = bg_pvgpu_heap_alloc(gpu, BG_PVGPU_JOBS_MAX * PVGPU_JOB_SIZE, 0, &gpu->job_memory);
    return error == BG_ERR_NO_SPACE ? BG_ERR_INVALID : error;
}

/* Cuts a block in two at `size`; the rest is behind it, in the same state. */
static void split(struct bg_pvgpu *gpu, uint32_t index, uint32_t size)
{
    struct bg_pvgpu_block *block = &gpu->blocks[index];
    uint32_t rest = take_entry(gpu);

    gpu->blocks[rest] = (struct bg_pvgpu_block){
        .offset = block->offset + size,
        .size = block->size - size,
        .previous = index,
        .next = block->next,
        .state = block->state,
    };
    if (block->next != BG_PVGPU_NO_BLOCK) {
        gpu->blocks[block->next].previous = rest;
    }
    block->next = rest;
    block->size = size;
}

/* Joins a block with the one behind it. */
static void join(struct bg_pvgpu *gpu, uint32_t index)
{
    struct bg_pvgpu_block *block = &gpu->blocks[index];
    uint32_t gone = block->next;

    block->size += gpu->blocks[gone].size;
    block->next = gpu->blocks[gone].next;
    if (block->next != BG_PVGPU_NO_BLOCK) {
        gpu->blocks[block->next].previous = index;
    }
    give_entry(gpu, gone);
}

/* Entries that are not in use, up to two: what one allocation may need. */
static unsigned spare_entries(const struct bg_pvgpu *gpu)
{
    uint32_t first = gpu->unused_block;

    return first == BG_PVGPU_NO_BLOCK ? 0 : gpu->blocks[first].next == BG_PVGPU_NO_BLOCK ? 1 : 2;
}

static int alloc(struct bg_pvgpu *gpu, uint64_t size, uint32_t align,
                 struct bg_pvgpu_memory *memory)
{
    bool is_table_full = false;

    if (size == 0 || (align & (align - 1)) != 0) {
        return BG_ERR_INVALID;
    }
    if (size > gpu->heap_size) {
        return BG_ERR_DEVICE_MEMORY;
    }
    uint64_t whole = (size + BG_PVGPU_HEAP_ALIGN - 1) / BG_PVGPU_HEAP_ALIGN * BG_PVGPU_HEAP_ALIGN;
    uint64_t mask = (align < BG_PVGPU_HEAP_ALIGN ? BG_PVGPU_HEAP_ALIGN : align) - 1;

    for (uint32_t i = 0; i != BG_PVGPU_NO_BLOCK; i = gpu->blocks[i].next) {
        struct bg_pvgpu_block *block = &gpu->blocks[i];
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
        *memory =
            (struct bg_pvgpu_memory){gpu->heap + start, (uint32_t)start, (uint32_t)size, index};
        return 0;
    }
    return is_table_full ? BG_ERR_NO_SPACE : BG_ERR_DEVICE_MEMORY;
}

int bg_pvgpu_heap_alloc(struct bg_pvgpu *gpu, uint64_t size, uint32_t align,
                        struct bg_pvgpu_memory *memory)
{
    return OWNED(gpu, alloc(gpu, size, align, memory));
}

static int give_back(struct bg_pvgpu *gpu, const struct bg_pvgpu_memory *memory)
{
    uint32_t index = memory->block;

    if (index >= gpu->block_count || gpu->blocks[index].state != BLOCK_USED ||
        gpu->blocks[index].offset != memory->offset) {
        return BG_ERR_INVALID;
    }
    uint32_t next = gpu->blocks[index].next, previous = gpu->blocks[index].previous;

    gpu->blocks[index].state = BLOCK_FREE;
    if (next != BG_PVGPU_NO_BLOCK && gpu->blocks[next].state == BLOCK_FREE) {
        join(gpu, index);
    }
    if (previous != BG_PVGPU_NO_BLOCK && gpu->blocks[previous].state == BLOCK_FREE) {
        join(gpu, previous);
    }
    return 0;
}

int bg_pvgpu_heap_free(struct bg_pvgpu *gpu, const struct bg_pvgpu_memory *memory)
{
    return OWNED(gpu, give_back(gpu, memory));
}

void bg_pvgpu_heap_statistics(const struct bg_pvgpu *gpu, struct bg_pvgpu_heap_statistics *out)
{
    *out = (struct bg_pvgpu_heap_statistics){0};
    for (uint32_t i = 0; gpu->blocks != NULL && i != BG_PVGPU_NO_BLOCK; i = gpu->blocks[i].next) {
        const struct bg_pvgpu_block *block = &gpu->blocks[i];

        if (block->state == BLOCK_USED) {
            out->allocations++;
            out->used += block->size;
        } else if (block->size > out->largest_free) {
            out->largest_free = block->size;
        }
    }
}
