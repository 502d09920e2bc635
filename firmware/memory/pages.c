/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/memory/pages.h"

#include <stdbool.h>
#include <string.h>

#include "firmware/memory/lock.h"

#define ORDER_COUNT (PAGES_ORDER_MAX + 1)

/*
 * One bank. For each order there is one bit per block, set while that block is free as a whole and
 * no larger one around it is. Blocks are aligned in the physical address space, not in the bank.
 */
struct zone {
    uint64_t first; /* page numbers */
    uint64_t end;
    uint64_t *free_bits[ORDER_COUNT];
    uint64_t free_blocks[ORDER_COUNT];
    uint64_t search_from[ORDER_COUNT]; /* no word below it has a bit */
    uint64_t *used_bits;               /* by page: handed out */
};

static struct {
    struct lock lock;
    struct zone zones[PAGES_ZONES_MAX];
    size_t zone_count;
    uint64_t total;
    uint64_t free;
} pages;

static uint64_t zone_block_count(const struct zone *zone, unsigned order)
{
    return ((zone->end - 1) >> order) - (zone->first >> order) + 1;
}

static uint64_t words_for_bits(uint64_t bits)
{
    return (bits + 63) / 64;
}

static uint64_t block_bit(const struct zone *zone, uint64_t page, unsigned order)
{
    return (page >> order) - (zone->first >> order);
}

static bool block_is_free(const struct zone *zone, uint64_t page, unsigned order)
{
    uint64_t bit = block_bit(zone, page, order);

    return zone->free_bits[order][bit / 64] >> bit % 64 & 1;
}

static void block_set_free(struct zone *zone, uint64_t page, unsigned order)
{
    uint64_t bit = block_bit(zone, page, order);

    zone->free_bits[order][bit / 64] |= 1ull << bit % 64;
    zone->free_blocks[order]++;
    if (bit / 64 < zone->search_from[order]) {
        zone->search_from[order] = bit / 64;
    }
}

static void block_clear_free(struct zone *zone, uint64_t page, unsigned order)
{
    uint64_t bit = block_bit(zone, page, order);

    zone->free_bits[order][bit / 64] &= ~(1ull << bit % 64);
    zone->free_blocks[order]--;
}

/* The lowest free block of exactly this order; there is one. */
static uint64_t block_find(struct zone *zone, unsigned order)
{
    uint64_t word = zone->search_from[order];

    while (zone->free_bits[order][word] == 0) {
        word++;
    }
    zone->search_from[order] = word;
    return (word * 64 + (uint64_t)__builtin_ctzll(zone->free_bits[order][word]) +
            (zone->first >> order))
           << order;
}

/* The bits [first, first + count) of one word, where they begin at bit `first`. */
static uint64_t word_mask(uint64_t first, uint64_t count)
{
    return (count >= 64 ? ~0ull : (1ull << count) - 1) << first;
}

/* Marks pages as handed out or not; returns false, at the first page that already is so. */
static bool used_change(struct zone *zone, uint64_t page, uint64_t count, bool used, bool dry_run)
{
    uint64_t bit = page - zone->first;

    while (count > 0) {
        uint64_t here = 64 - bit % 64 < count ? 64 - bit % 64 : count;
        uint64_t mask = word_mask(bit % 64, here);
        uint64_t *word = &zone->used_bits[bit / 64];

        if ((used ? *word : ~*word) & mask) {
            return false;
        }
        if (!dry_run) {
            *word ^= mask;
        }
        bit += here;
        count -= here;
    }
    return true;
}

static void zone_free_block(struct zone *zone, uint64_t page, unsigned order)
{
    while (order < PAGES_ORDER_MAX) {
        uint64_t buddy = page ^ 1ull << order;

        if (buddy < zone->first || buddy + (1ull << order) > zone->end ||
            !block_is_free(zone, buddy, order)) {
            break;
        }
        block_clear_free(zone, buddy, order);
        page &= ~(1ull << order);
        order++;
    }
    block_set_free(zone, page, order);
}

/* Frees a run as the fewest aligned blocks. */
static void zone_free_run(struct zone *zone, uint64_t page, uint64_t count)
{
    while (count > 0) {
        unsigned order = page ? (unsigned)__builtin_ctzll(page) : PAGES_ORDER_MAX;
        unsigned fits = 63 - (unsigned)__builtin_clzll(count);

        order = order < fits ? order : fits;
        order = order < PAGES_ORDER_MAX ? order : PAGES_ORDER_MAX;
        zone_free_block(zone, page, order);
        page += 1ull << order;
        count -= 1ull << order;
    }
}

/* Takes a block of this order, splitting a larger one; PAGES_NONE when there is none. */
static uint64_t zone_take_block(struct zone *zone, unsigned order)
{
    unsigned found = order;
    uint64_t page;

    while (found <= PAGES_ORDER_MAX && zone->free_blocks[found] == 0) {
        found++;
    }
    if (found > PAGES_ORDER_MAX) {
        return PAGES_NONE;
    }
    page = block_find(zone, found);
    block_clear_free(zone, page, found);
    while (found > order) {
        found--;
        block_set_free(zone, page + (1ull << found), found);
    }
    return page;
}

static uint64_t zone_metadata_words(const struct zone *zone)
{
    uint64_t words = words_for_bits(zone->end - zone->first);

    for (unsigned order = 0; order < ORDER_COUNT; order++) {
        words += words_for_bits(zone_block_count(zone, order));
    }
    return words;
}

/* The whole pages of a bank; false if there are none. */
static bool zone_from_bank(struct zone *zone, const struct pages_range *bank)
{
    uint64_t end = bank->base + bank->size;

    memset(zone, 0, sizeof(*zone));
    zone->first = bank->base / PAGE_SIZE + (bank->base % PAGE_SIZE != 0);
    zone->end = end / PAGE_SIZE;
    return zone->first < zone->end;
}

size_t pages_metadata_size(const struct pages_range *banks, size_t count)
{
    uint64_t words = 0;
    struct zone zone;

    for (size_t i = 0; i < count && i < PAGES_ZONES_MAX; i++) {
        if (zone_from_bank(&zone, &banks[i])) {
            words += zone_metadata_words(&zone);
        }
    }
    return (size_t)(words * sizeof(uint64_t));
}

void pages_init(const struct pages_range *banks, size_t count, void *metadata)
{
    uint64_t *words = metadata;

    memset(&pages, 0, sizeof(pages));
    memset(metadata, 0, pages_metadata_size(banks, count));
    for (size_t i = 0; i < count && i < PAGES_ZONES_MAX; i++) {
        struct zone *zone = &pages.zones[pages.zone_count];

        if (!zone_from_bank(zone, &banks[i])) {
            continue;
        }
        pages.zone_count++;
        zone->used_bits = words;
        words += words_for_bits(zone->end - zone->first);
        for (unsigned order = 0; order < ORDER_COUNT; order++) {
            zone->free_bits[order] = words;
            words += words_for_bits(zone_block_count(zone, order));
        }
        /* Nothing is free yet: a page that is given back before pages_add is caught. */
    }
}

static struct zone *zone_of(uint64_t page, uint64_t count)
{
    for (size_t i = 0; i < pages.zone_count; i++) {
        struct zone *zone = &pages.zones[i];

        if (page >= zone->first && page < zone->end && count <= zone->end - page) {
            return zone;
        }
    }
    return NULL;
}

void pages_add(uint64_t base, uint64_t size)
{
    uint64_t first = base / PAGE_SIZE + (base % PAGE_SIZE != 0);
    uint64_t end = (base + size) / PAGE_SIZE;
    struct zone *zone;

    if (first >= end) {
        return;
    }
    zone = zone_of(first, end - first);
    if (zone == NULL) {
        memory_panic("pages: memory outside every bank", base);
    }
    zone_free_run(zone, first, end - first);
    pages.total += end - first;
    pages.free += end - first;
}

static uint64_t zone_alloc(struct zone *zone, uint64_t count, unsigned order)
{
    uint64_t page = zone_take_block(zone, order);

    if (page == PAGES_NONE) {
        return PAGES_NONE;
    }
    if (!used_change(zone, page, count, true, false)) {
        memory_panic("pages: a free page is marked as used", page * PAGE_SIZE);
    }
    zone_free_run(zone, page + count, (1ull << order) - count);
    return page;
}

uint64_t pages_alloc(uint64_t count, uint64_t align)
{
    uint64_t align_pages = align / PAGE_SIZE;
    uint64_t block = count > align_pages ? count : align_pages;
    uint64_t page = PAGES_NONE;
    unsigned order;

    if (count == 0 || block > 1ull << PAGES_ORDER_MAX) {
        return PAGES_NONE;
    }
    order = block == 1 ? 0 : 64 - (unsigned)__builtin_clzll(block - 1);
    lock_take(&pages.lock);
    for (size_t i = 0; i < pages.zone_count && page == PAGES_NONE; i++) {
        page = zone_alloc(&pages.zones[i], count, order);
    }
    if (page != PAGES_NONE) {
        pages.free -= count;
    }
    lock_release(&pages.lock);
    return page == PAGES_NONE ? PAGES_NONE : page * PAGE_SIZE;
}

void pages_free(uint64_t base, uint64_t count)
{
    uint64_t page = base / PAGE_SIZE;
    struct zone *zone;

    if (count == 0) {
        return;
    }
    if (base % PAGE_SIZE != 0) {
        memory_panic("pages: freeing an address that is no page", base);
    }
    lock_take(&pages.lock);
    zone = zone_of(page, count);
    if (zone == NULL) {
        memory_panic("pages: freeing memory outside every bank", base);
    }
    if (!used_change(zone, page, count, false, true)) {
        memory_panic("pages: freeing pages that are not allocated (freed twice?)", base);
    }
    used_change(zone, page, count, false, false);
    zone_free_run(zone, page, count);
    pages.free += count;
    lock_release(&pages.lock);
}

void pages_statistics(struct pages_statistics *out)
{
    lock_take(&pages.lock);
    out->total = pages.total;
    out->free = pages.free;
    out->largest_free = 0;
    for (size_t i = 0; i < pages.zone_count; i++) {
        for (unsigned order = 0; order < ORDER_COUNT; order++) {
            if (pages.zones[i].free_blocks[order] && 1ull << order > out->largest_free) {
                out->largest_free = 1ull << order;
            }
        }
    }
    lock_release(&pages.lock);
}

static const char *zone_check_order(const struct zone *zone, unsigned order, uint64_t *free)
{
    uint64_t blocks = 0;

    for (uint64_t i = 0; i < words_for_bits(zone_block_count(zone, order)); i++) {
        uint64_t word = zone->free_bits[order][i];

        for (; word; word &= word - 1) {
            uint64_t block = (i * 64 + (uint64_t)__builtin_ctzll(word) + (zone->first >> order));
            uint64_t page = block << order;

            if (page < zone->first || page + (1ull << order) > zone->end) {
                return "a free block reaches out of its zone";
            }
            if (!used_change((struct zone *)zone, page, 1ull << order, true, true)) {
                return "a free block holds used pages";
            }
            for (unsigned above = order + 1; above <= PAGES_ORDER_MAX; above++) {
                if (block_is_free(zone, page, above)) {
                    return "a page is free twice";
                }
            }
            if (order < PAGES_ORDER_MAX && (page ^ 1ull << order) >= zone->first &&
                (page ^ 1ull << order) + (1ull << order) <= zone->end &&
                block_is_free(zone, page ^ 1ull << order, order)) {
                return "two free buddies were not merged";
            }
            if (i < zone->search_from[order]) {
                return "a search would begin too late";
            }
            blocks++;
        }
    }
    *free += blocks << order;
    return blocks == zone->free_blocks[order] ? NULL : "a count of free blocks is wrong";
}

const char *pages_check(void)
{
    const char *problem = NULL;
    uint64_t free = 0;

    lock_take(&pages.lock);
    for (size_t i = 0; i < pages.zone_count && problem == NULL; i++) {
        for (unsigned order = 0; order < ORDER_COUNT && problem == NULL; order++) {
            problem = zone_check_order(&pages.zones[i], order, &free);
        }
    }
    if (problem == NULL && free != pages.free) {
        problem = "the count of free pages is wrong";
    }
    lock_release(&pages.lock);
    return problem;
}
