/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Regions of pages, each a row of blocks with a border at its end:
 *
 *   region header | block | block | ... | border (a used block of no size)
 *
 * A block is a header of 16 bytes and its payload. A used payload ends in at least one byte of
 * guard pattern; a free one begins with its list links and ends with its size (the neighbour above
 * finds it there when its own header says that the block below is free).
 */
#include "firmware/memory/heap.h"

#include <stdbool.h>
#include <string.h>

#include "firmware/memory/lock.h"
#include "firmware/memory/pages.h"

#define BLOCK_USED 1ull
#define BLOCK_BELOW_USED 2ull
#define BLOCK_FLAGS 15ull
#define BLOCK_BYTES_MIN 48 /* header, two links, size at the end */
#define GUARD_BYTE 0xa5

/* New regions are at least this large, so that small blocks share one. */
#define REGION_PAGES_MIN 16

struct block {
    uint64_t size_flags; /* of the whole block, a multiple of 16 */
    uint32_t check;      /* of size_flags, slack and the address */
    uint32_t slack;      /* used: guard bytes at the end of the payload; free: check of the links */
};

struct free_block {
    struct block header;
    struct free_block *next;
    struct free_block *previous;
};

struct region {
    struct region *next;
    struct region **link;
    uint64_t pages;
    uint64_t unused;
};

_Static_assert(sizeof(struct block) == HEAP_ALIGN, "payloads follow headers");
_Static_assert(sizeof(struct region) % HEAP_ALIGN == 0, "blocks follow region headers");

/*
 * Free lists, ascending by size, so that the first that fits is the best. Sizes up to 1 KiB have a
 * list each, above it eight lists share a power of two.
 */
#define SMALL_LISTS 64
#define LISTS_PER_DOUBLE 8
#define LIST_COUNT (SMALL_LISTS + (41 - 10) * LISTS_PER_DOUBLE)

static struct {
    struct lock lock;
    struct free_block *lists[LIST_COUNT];
    uint64_t list_map[(LIST_COUNT + 63) / 64];
    struct region *regions;
    uint64_t bytes_in_use;
    uint64_t blocks_in_use;
    uint64_t bytes_held;
} heap;

static uint64_t block_size(const struct block *block)
{
    return block->size_flags & ~BLOCK_FLAGS;
}

static uint32_t block_checksum(const struct block *block)
{
    uint64_t mix = (uintptr_t)block ^ block->size_flags * 0x9e3779b97f4a7c15ull;

    mix ^= (uint64_t)block->slack * 0xc2b2ae3d27d4eb4full;
    return (uint32_t)(mix ^ mix >> 32) ^ 0x68656170;
}

static struct block *block_above(const struct block *block)
{
    return (struct block *)((uintptr_t)block + block_size(block));
}

static void *block_payload(struct block *block)
{
    return block + 1;
}

static void block_seal(struct block *block)
{
    block->check = block_checksum(block);
}

static void block_verify(const struct block *block)
{
    if (block->check != block_checksum(block)) {
        memory_panic("heap: a block's header is overwritten (overrun of the block below, or not "
                     "from malloc)",
                     (uintptr_t)(block + 1));
    }
}

static uint8_t *block_guard(const struct block *block)
{
    return (uint8_t *)block_above(block) - block->slack;
}

static void block_verify_used(const struct block *block)
{
    const uint8_t *guard;

    block_verify(block);
    if (!(block->size_flags & BLOCK_USED)) {
        memory_panic("heap: freed twice, or used after free", (uintptr_t)(block + 1));
    }
    guard = block_guard(block);
    for (uint32_t i = 0; i < block->slack; i++) {
        if (guard[i] != GUARD_BYTE) {
            memory_panic("heap: written past the end of an allocation", (uintptr_t)(block + 1));
        }
    }
}

static unsigned list_of(uint64_t size)
{
    unsigned order;
    unsigned list;

    if (size < SMALL_LISTS * HEAP_ALIGN) {
        return (unsigned)(size / HEAP_ALIGN);
    }
    order = 63 - (unsigned)__builtin_clzll(size);
    list = SMALL_LISTS + (order - 10) * LISTS_PER_DOUBLE + (size >> (order - 3) & 7);
    return list < LIST_COUNT ? list : LIST_COUNT - 1;
}

static uint32_t links_checksum(const struct free_block *block)
{
    uint64_t mix = (uintptr_t)block->next * 0x9e3779b97f4a7c15ull + (uintptr_t)block->previous;

    return (uint32_t)(mix ^ mix >> 32) ^ 0x66726565;
}

static void links_seal(struct free_block *block)
{
    block->header.slack = links_checksum(block);
    block_seal(&block->header);
}

/* Before its links are followed. */
static void links_verify(const struct free_block *block)
{
    block_verify(&block->header);
    if (block->header.slack != links_checksum(block)) {
        memory_panic("heap: a free block is overwritten (used after free)",
                     (uintptr_t)&block->next);
    }
}

static void list_insert(struct free_block *block)
{
    uint64_t size = block_size(&block->header);
    unsigned list = list_of(size);
    struct free_block *previous = NULL;
    struct free_block *next = heap.lists[list];

    while (next != NULL && block_size(&next->header) < size) {
        links_verify(next);
        previous = next;
        next = next->next;
    }
    block->next = next;
    block->previous = previous;
    links_seal(block);
    if (next != NULL) {
        links_verify(next);
        next->previous = block;
        links_seal(next);
    }
    if (previous != NULL) {
        previous->next = block;
        links_seal(previous);
    } else {
        heap.lists[list] = block;
    }
    heap.list_map[list / 64] |= 1ull << list % 64;
}

static void list_remove(struct free_block *block)
{
    unsigned list = list_of(block_size(&block->header));

    links_verify(block);
    if (block->next != NULL) {
        links_verify(block->next);
        block->next->previous = block->previous;
        links_seal(block->next);
    }
    if (block->previous != NULL) {
        links_verify(block->previous);
        block->previous->next = block->next;
        links_seal(block->previous);
    } else {
        heap.lists[list] = block->next;
    }
    if (heap.lists[list] == NULL) {
        heap.list_map[list / 64] &= ~(1ull << list % 64);
    }
}

/* The smallest free block of at least `size` bytes. */
static struct free_block *list_best(uint64_t size)
{
    unsigned list = list_of(size);
    struct free_block *block = heap.lists[list];
    uint64_t word;

    while (block != NULL && block_size(&block->header) < size) {
        links_verify(block);
        block = block->next;
    }
    if (block != NULL || list + 1 >= LIST_COUNT) {
        return block;
    }
    list++;
    word = heap.list_map[list / 64] & ~0ull << list % 64;
    for (unsigned i = list / 64;;) {
        if (word) {
            return heap.lists[i * 64 + (unsigned)__builtin_ctzll(word)];
        }
        if (++i == sizeof(heap.list_map) / sizeof(heap.list_map[0])) {
            return NULL;
        }
        word = heap.list_map[i];
    }
}

/* Tells the block above whether this one is used. */
static void block_tell_above(struct block *block, bool used)
{
    struct block *above = block_above(block);

    if (used) {
        above->size_flags |= BLOCK_BELOW_USED;
    } else {
        above->size_flags &= ~BLOCK_BELOW_USED;
    }
    block_seal(above);
}

/* Makes a free block of a stretch whose lower neighbour is used, and whose upper one is too. */
static struct free_block *block_make_free(void *at, uint64_t size)
{
    struct free_block *block = at;

    block->header.size_flags = size | BLOCK_BELOW_USED;
    ((uint64_t *)((uintptr_t)at + size))[-1] = size;
    block_tell_above(&block->header, false);
    list_insert(block);
    return block;
}

static bool region_add(uint64_t block_bytes)
{
    uint64_t bytes = block_bytes + sizeof(struct region) + sizeof(struct block);
    uint64_t count = (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
    struct region *region;
    struct block *border;
    uint64_t base;

    count = count < REGION_PAGES_MIN ? REGION_PAGES_MIN : count;
    base = pages_alloc(count, PAGE_SIZE);
    if (base == PAGES_NONE) {
        return false;
    }
    region = (struct region *)(uintptr_t)base;
    region->pages = count;
    region->next = heap.regions;
    region->link = &heap.regions;
    if (region->next != NULL) {
        region->next->link = &region->next;
    }
    heap.regions = region;
    heap.bytes_held += count * PAGE_SIZE;

    border = (struct block *)(uintptr_t)(base + count * PAGE_SIZE) - 1;
    border->size_flags = BLOCK_USED;
    border->slack = 0;
    block_seal(border);
    block_make_free(region + 1, (uintptr_t)border - (uintptr_t)(region + 1));
    return true;
}

/* A region that is one free block goes back, unless it is the last. */
static bool region_try_remove(struct block *block, uint64_t size)
{
    struct region *region = (struct region *)block - 1;
    struct block *border = (struct block *)((uintptr_t)block + size);

    if ((uintptr_t)region % PAGE_SIZE != 0 || block_size(border) != 0) {
        return false;
    }
    if (heap.regions == region && region->next == NULL) {
        return false;
    }
    if ((uintptr_t)(border + 1) != (uintptr_t)region + region->pages * PAGE_SIZE) {
        return false;
    }
    *region->link = region->next;
    if (region->next != NULL) {
        region->next->link = region->link;
    }
    heap.bytes_held -= region->pages * PAGE_SIZE;
    pages_free((uintptr_t)region, region->pages);
    return true;
}

/* Frees a verified or raw stretch: merges it with its free neighbours. */
static void block_release(struct block *block)
{
    uint64_t size = block_size(block);
    struct block *above = block_above(block);

    block_verify(above);
    if (!(above->size_flags & BLOCK_USED)) {
        list_remove((struct free_block *)above);
        size += block_size(above);
        above->check = ~above->check; /* no header any more: a stale pointer is found out */
    }
    if (!(block->size_flags & BLOCK_BELOW_USED)) {
        uint64_t below_size = ((uint64_t *)block)[-1];
        struct block *below = (struct block *)((uintptr_t)block - below_size);

        if (below_size % HEAP_ALIGN || below_size < BLOCK_BYTES_MIN) {
            memory_panic("heap: a free block's size is overwritten (used after free)",
                         (uintptr_t)(block + 1));
        }
        block_verify(below);
        list_remove((struct free_block *)below);
        size += below_size;
        block->size_flags &= ~BLOCK_USED;
        block_seal(block); /* a second free of this pointer is told as such */
        block = below;
    }
    if (!region_try_remove(block, size)) {
        block_make_free(block, size);
    }
}

/* Bytes of a block whose payload holds `size` bytes and at least one guard byte. */
static uint64_t block_bytes_for(size_t size)
{
    uint64_t bytes = sizeof(struct block) + size + 1 + HEAP_ALIGN - 1;

    bytes -= bytes % HEAP_ALIGN;
    return bytes < BLOCK_BYTES_MIN ? BLOCK_BYTES_MIN : bytes;
}

/* Writes the guard of a used block for a payload of `size` bytes. */
static void block_set_used(struct block *block, uint64_t bytes, uint64_t below_flag, size_t size)
{
    block->size_flags = bytes | below_flag | BLOCK_USED;
    block->slack = (uint32_t)(bytes - sizeof(*block) - size);
    memset(block_guard(block), GUARD_BYTE, block->slack);
    block_seal(block);
}

/* Turns a stretch of `have` bytes into a used block of `bytes`, and frees what is left above. */
static void block_carve(struct block *block, uint64_t have, uint64_t bytes, size_t size)
{
    uint64_t below_flag = block->size_flags & BLOCK_BELOW_USED;

    if (have - bytes < BLOCK_BYTES_MIN) {
        block_set_used(block, have, below_flag, size);
        block_tell_above(block, true);
        return;
    }
    block_set_used(block, bytes, below_flag, size);
    block_make_free((uint8_t *)block + bytes, have - bytes);
}

static struct free_block *take_best(uint64_t bytes)
{
    struct free_block *block = list_best(bytes);

    if (block == NULL) {
        if (!region_add(bytes)) {
            return NULL;
        }
        block = list_best(bytes);
    }
    block_verify(&block->header);
    list_remove(block);
    return block;
}

static void *alloc_locked(size_t align, size_t size)
{
    uint64_t bytes = block_bytes_for(size);
    uint64_t room = align > HEAP_ALIGN ? bytes + align + BLOCK_BYTES_MIN : bytes;
    struct free_block *found = take_best(room);
    struct block *block;
    uint64_t have;

    if (found == NULL) {
        return NULL;
    }
    block = &found->header;
    have = block_size(block);
    if (align > HEAP_ALIGN && ((uintptr_t)(block + 1) & (align - 1)) != 0) {
        /* What lies below the aligned payload must be able to be a free block. */
        uintptr_t payload = ((uintptr_t)(block + 1) + BLOCK_BYTES_MIN + align - 1) & ~(align - 1);
        uint64_t gap = payload - (uintptr_t)(block + 1);
        struct block *upper = (struct block *)payload - 1;

        upper->size_flags = (have - gap) | BLOCK_USED;
        block_make_free(block, gap);
        upper->size_flags = (have - gap); /* not BLOCK_BELOW_USED: the gap is free */
        block = upper;
        have -= gap;
    }
    block_carve(block, have, bytes, size);
    heap.bytes_in_use += size;
    heap.blocks_in_use++;
    return block_payload(block);
}

void *heap_alloc_aligned(size_t align, size_t size)
{
    void *memory;

    if (size > HEAP_SIZE_MAX || align > HEAP_SIZE_MAX || (align & (align - 1)) != 0) {
        return NULL;
    }
    lock_take(&heap.lock);
    memory = alloc_locked(align, size);
    lock_release(&heap.lock);
    return memory;
}

void *heap_alloc(size_t size)
{
    return heap_alloc_aligned(HEAP_ALIGN, size);
}

static struct block *block_of(const void *memory)
{
    struct block *block = (struct block *)memory - 1;

    if ((uintptr_t)memory % HEAP_ALIGN != 0) {
        memory_panic("heap: a pointer that is not from malloc", (uintptr_t)memory);
    }
    block_verify_used(block);
    return block;
}

static size_t block_asked(const struct block *block)
{
    return (size_t)(block_size(block) - sizeof(*block) - block->slack);
}

static void free_locked(void *memory)
{
    struct block *block = block_of(memory);

    heap.bytes_in_use -= block_asked(block);
    heap.blocks_in_use--;
    block->size_flags &= ~BLOCK_USED;
    block_seal(block);
    block_release(block);
}

void heap_free(void *memory)
{
    if (memory == NULL) {
        return;
    }
    lock_take(&heap.lock);
    free_locked(memory);
    lock_release(&heap.lock);
}

/* In place: shrinking always, growing into a free neighbour above. */
static bool resize_locked(struct block *block, size_t size)
{
    uint64_t bytes = block_bytes_for(size);
    uint64_t have = block_size(block);
    struct block *above = block_above(block);
    size_t asked = block_asked(block);

    block_verify(above);
    if (!(above->size_flags & BLOCK_USED)) {
        if (have + block_size(above) < bytes) {
            return false;
        }
        list_remove((struct free_block *)above);
        have += block_size(above);
        above->check = ~above->check;
    } else if (have < bytes) {
        return false;
    }
    block_carve(block, have, bytes, size);
    heap.bytes_in_use += size - asked;
    return true;
}

void *heap_realloc(void *memory, size_t size)
{
    struct block *block;
    void *moved = NULL;
    size_t asked;

    if (memory == NULL) {
        return heap_alloc(size);
    }
    if (size > HEAP_SIZE_MAX) {
        return NULL;
    }
    lock_take(&heap.lock);
    block = block_of(memory);
    asked = block_asked(block);
    if (resize_locked(block, size)) {
        moved = memory;
    } else {
        moved = alloc_locked(HEAP_ALIGN, size);
        if (moved != NULL) {
            memcpy(moved, memory, asked < size ? asked : size);
            free_locked(memory);
        }
    }
    lock_release(&heap.lock);
    return moved;
}

size_t heap_size_of(const void *memory)
{
    return memory != NULL ? block_asked(block_of(memory)) : 0;
}

void heap_statistics(struct heap_statistics *out)
{
    lock_take(&heap.lock);
    out->bytes_in_use = heap.bytes_in_use;
    out->blocks_in_use = heap.blocks_in_use;
    out->bytes_held = heap.bytes_held;
    out->largest_free = 0;
    for (unsigned i = 0; i < LIST_COUNT; i++) {
        for (struct free_block *block = heap.lists[i]; block != NULL; block = block->next) {
            if (block_size(&block->header) > out->largest_free) {
                out->largest_free = block_size(&block->header);
            }
        }
    }
    lock_release(&heap.lock);
}

static const char *region_check(const struct region *region, uint64_t *used, uint64_t *free)
{
    const struct block *block = (const struct block *)(region + 1);
    const struct block *end =
        (const struct block *)((uintptr_t)region + region->pages * PAGE_SIZE) - 1;
    bool below_used = true;

    for (; block < end; block = block_above(block)) {
        bool is_used = block->size_flags & BLOCK_USED;

        if (block->check != block_checksum(block)) {
            return "a header is overwritten";
        }
        if (block_size(block) < BLOCK_BYTES_MIN) {
            return "a block is too small";
        }
        if (!!(block->size_flags & BLOCK_BELOW_USED) != below_used) {
            return "a block has its lower neighbour's state wrong";
        }
        if (!is_used && !below_used) {
            return "two free neighbours were not merged";
        }
        if (!is_used && ((const uint64_t *)block_above(block))[-1] != block_size(block)) {
            return "a free block's end does not tell its size";
        }
        for (uint32_t i = 0; is_used && i < block->slack; i++) {
            if (block_guard(block)[i] != GUARD_BYTE) {
                return "a guard is overwritten";
            }
        }
        *used += is_used;
        *free += !is_used;
        below_used = is_used;
    }
    if (block != end || !!(block->size_flags & BLOCK_BELOW_USED) != below_used) {
        return "a region's blocks do not end at its border";
    }
    return NULL;
}

static const char *check_locked(void)
{
    uint64_t used = 0;
    uint64_t free = 0;
    uint64_t listed = 0;

    for (const struct region *region = heap.regions; region != NULL; region = region->next) {
        const char *problem = region_check(region, &used, &free);

        if (problem != NULL) {
            return problem;
        }
    }
    for (unsigned i = 0; i < LIST_COUNT; i++) {
        uint64_t last = 0;

        for (const struct free_block *block = heap.lists[i]; block != NULL; block = block->next) {
            if (block_size(&block->header) < last) {
                return "a free list is not in order";
            }
            last = block_size(&block->header);
            listed++;
        }
        if ((heap.lists[i] != NULL) != (heap.list_map[i / 64] >> i % 64 & 1)) {
            return "the map of free lists is wrong";
        }
    }
    if (used != heap.blocks_in_use) {
        return "the count of used blocks is wrong";
    }
    return listed == free ? NULL : "a free block is in no list";
}

const char *heap_check(void)
{
    const char *problem;

    lock_take(&heap.lock);
    problem = check_locked();
    lock_release(&heap.lock);
    return problem;
}
