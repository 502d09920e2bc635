/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical pages: a buddy allocator over the machine's memory banks. What it knows about a page is
 * kept in bitmaps beside the pages (about 3 bits a page), so that free memory is never touched.
 *
 * Addresses are physical. Callable from every CPU, not from interrupt handlers.
 */
#ifndef FIRMWARE_MEMORY_PAGES_H
#define FIRMWARE_MEMORY_PAGES_H

#include <stddef.h>
#include <stdint.h>

#define PAGE_SIZE 4096ull
#define PAGES_NONE UINT64_MAX
#define PAGES_ZONES_MAX 16
#define PAGES_ORDER_MAX 22 /* largest block: 2^22 pages, 16 GiB */

struct pages_range {
    uint64_t base;
    uint64_t size; /* bytes */
};

/* Bytes of bitmaps that pages_init needs for these banks. */
size_t pages_metadata_size(const struct pages_range *banks, size_t count);

/*
 * Starts over with `count` banks (at most PAGES_ZONES_MAX, ascending), none of it free yet.
 * `metadata` is aligned to 8 bytes, of the size above, and stays in use.
 */
void pages_init(const struct pages_range *banks, size_t count, void *metadata);

/* Makes the whole pages inside the range free for the first time. It lies in one bank. */
void pages_add(uint64_t base, uint64_t size);

/*
 * `count` pages in a row, aligned to `align` bytes (a power of two), uninitialised; PAGES_NONE when
 * there is no such run. A run of more than half a power of two needs an aligned block of the next.
 */
uint64_t pages_alloc(uint64_t count, uint64_t align);

/*
 * Gives back pages; a part of an allocation may go alone. Pages that are not allocated are a bug of
 * the caller and end the run (memory_panic).
 */
void pages_free(uint64_t base, uint64_t count);

struct pages_statistics {
    uint64_t total; /* pages ever added */
    uint64_t free;
    uint64_t largest_free; /* pages in the largest free block */
};
void pages_statistics(struct pages_statistics *out);

/* Checks the bitmaps against each other; NULL, or what is wrong. */
const char *pages_check(void);

/* How memory/ ends the run when its caller broke the rules; tests bring their own. */
void memory_panic(const char *what, uint64_t address) __attribute__((noreturn));

#endif
