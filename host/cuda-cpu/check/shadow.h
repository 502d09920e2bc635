/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is remembered of memory, in lines of 128 bytes: which bytes were ever written, and who
 * touched them last. As long as warps touch a line as a whole, a touch of it says that of all its
 * words; then each has cells, of 4 bytes, until the line meets a narrower access: then of bytes.
 */
#ifndef CUDA_CPU_CHECK_SHADOW_H
#define CUDA_CPU_CHECK_SHADOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHADOW_LINE 128u
#define SHADOW_CELLS 32u

/* The last write, and two reads of different threads. */
enum shadow_slot { SHADOW_WRITE, SHADOW_READ, SHADOW_OTHER_READ, SHADOW_SLOTS };

/* who: a thread's number in its block, how strong its access was, and its site. */
#define SHADOW_THREAD 0x3FFu
#define SHADOW_STRONG_BLOCK 0x400u
#define SHADOW_STRONG_ALL 0x800u
#define SHADOW_ATOMIC 0x1000u
#define SHADOW_CAS 0x2000u
#define SHADOW_SITE_SHIFT 14
#define SHADOW_SITES (1u << (32 - SHADOW_SITE_SHIFT))

struct shadow_cells {
    uint32_t time[SHADOW_SLOTS][SHADOW_CELLS]; /* 0: never */
    uint32_t who[SHADOW_SLOTS][SHADOW_CELLS];
    uint32_t block[SHADOW_SLOTS][SHADOW_CELLS]; /* number in the grid; not of shared memory */
};

/* Of all words of a line, by one warp at one time: by lane after lane, of which each has 1 << shift
 * words; or, is_same, by one lane, at site after site. */
struct shadow_touch {
    uint32_t time; /* 0: never */
    uint32_t who;  /* of the first word */
    uint32_t block;
    uint8_t shift;
    bool is_same;
};

/* Of a line, what most reads ask and no more: so those of many lines stay in a processor's cache.
 */
struct shadow_times {
    uint32_t write_max; /* the latest write */
    uint32_t read_full; /* all cells hold two reads that are at least so late */
};

struct shadow_line {
    bool is_spread; /* the cells hold who touched it, no longer the touches */
    bool is_bytes;
    struct shadow_touch touches[SHADOW_SLOTS];
    struct shadow_cells *cells; /* one, or four of bytes; NULL: it never was spread */
};

/* Zeroed: of nothing. */
struct shadow {
    uint64_t base; /* of the first line */
    size_t count;  /* of lines */
    struct shadow_line *lines;
    struct shadow_times *times; /* of each line */
    uint64_t *written;          /* a bit of each byte */
    bool is_written;            /* all of it */
};

/* False: no memory, and it is of nothing. */
bool shadow_create(struct shadow *shadow, uint64_t start, uint64_t size);
void shadow_destroy(struct shadow *shadow);

/* Nobody has touched it. */
void shadow_forget(struct shadow *shadow);

/* ---- What was written ---- */

void shadow_write(struct shadow *shadow, uint64_t address, uint64_t size);
void shadow_erase(struct shadow *shadow, uint64_t address, uint64_t size); /* never written */
void shadow_unwrite(struct shadow *shadow);

/* All of these bytes were written; any of them was. */
bool shadow_all_written(const struct shadow *shadow, uint64_t address, uint64_t size);
bool shadow_any_written(const struct shadow *shadow, uint64_t address, uint64_t size);

/* From the start of a line on. */
static inline bool shadow_are_lines_written(const struct shadow *shadow, uint64_t address,
                                            uint32_t lines)
{
    const uint64_t *bits = &shadow->written[(address - shadow->base) / 64];
    uint64_t all = UINT64_MAX;

    for (uint32_t i = 0; i < lines && !shadow->is_written; i++) {
        all &= bits[2 * i] & bits[2 * i + 1];
    }
    return all == UINT64_MAX;
}

/* ---- Who touched it ---- */

/* The cells of a line, bytes if an access of this size needs them. NULL: no memory. */
struct shadow_cells *shadow_cells(struct shadow_line *line, uint64_t address, uint32_t size);

static inline struct shadow_line *shadow_line(const struct shadow *shadow, uint64_t address)
{
    return &shadow->lines[(address - shadow->base) / SHADOW_LINE];
}

static inline struct shadow_times *shadow_times(const struct shadow *shadow, uint64_t address)
{
    return &shadow->times[(address - shadow->base) / SHADOW_LINE];
}

#endif
