/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/check/shadow.h"

#include <stdlib.h>
#include <string.h>

bool shadow_create(struct shadow *shadow, uint64_t start, uint64_t size)
{
    memset(shadow, 0, sizeof(*shadow));
    shadow->base = start & ~(uint64_t)(SHADOW_LINE - 1);
    shadow->count = (start + size - shadow->base + SHADOW_LINE - 1) / SHADOW_LINE;
    shadow->lines = calloc(shadow->count + 1, sizeof(*shadow->lines));
    shadow->times = calloc(shadow->count + 1, sizeof(*shadow->times));
    shadow->written = calloc(shadow->count + 1, SHADOW_LINE / 8);
    if (shadow->lines == NULL || shadow->times == NULL || shadow->written == NULL) {
        shadow->count = 0;
        shadow_destroy(shadow);
        return false;
    }
    return true;
}

void shadow_forget(struct shadow *shadow)
{
    for (size_t i = 0; i < shadow->count; i++) {
        struct shadow_line *line = &shadow->lines[i];

        free(line->cells);
        line->cells = NULL;
        line->is_spread = line->is_bytes = false;
        memset(line->touches, 0, sizeof(line->touches));
        shadow->times[i] = (struct shadow_times){0};
    }
}

void shadow_destroy(struct shadow *shadow)
{
    shadow_forget(shadow);
    free(shadow->lines);
    free(shadow->times);
    free(shadow->written);
    memset(shadow, 0, sizeof(*shadow));
}

/* ---- What was written ---- */

/* Calls for the words of bits that a range meets: `bits` of them are the range's. */
#define EACH_WORD(shadow, address, size, word, bits, action)                                       \
    do {                                                                                           \
        uint64_t at = (address) - (shadow)->base, end = at + (size);                               \
                                                                                                   \
        while (at < end) {                                                                         \
            uint64_t next = (at | 63) + 1 < end ? (at | 63) + 1 : end;                             \
            uint64_t bits = UINT64_MAX >> (64 - (next - at)) << (at & 63);                         \
            uint64_t *word = &(shadow)->written[at / 64];                                          \
                                                                                                   \
            action;                                                                                \
            at = next;                                                                             \
        }                                                                                          \
    } while (0)

void shadow_write(struct shadow *shadow, uint64_t address, uint64_t size)
{
    if (!shadow->is_written && shadow->count) {
        EACH_WORD(shadow, address, size, word, bits, *word |= bits);
    }
}

void shadow_erase(struct shadow *shadow, uint64_t address, uint64_t size)
{
    if (!shadow->is_written && shadow->count) {
        EACH_WORD(shadow, address, size, word, bits, *word &= ~bits);
    }
}

void shadow_unwrite(struct shadow *shadow)
{
    shadow->is_written = false;
    if (shadow->count) {
        memset(shadow->written, 0, shadow->count * (SHADOW_LINE / 8));
    }
}

bool shadow_all_written(const struct shadow *shadow, uint64_t address, uint64_t size)
{
    uint64_t missing = 0;

    if (!shadow->is_written && shadow->count) {
        EACH_WORD(shadow, address, size, word, bits, missing |= ~*word & bits);
    }
    return !missing;
}

bool shadow_any_written(const struct shadow *shadow, uint64_t address, uint64_t size)
{
    uint64_t there = 0;

    if (shadow->is_written || !shadow->count) {
        return true;
    }
    EACH_WORD(shadow, address, size, word, bits, there |= *word & bits);
    return there != 0;
}

/* ---- Who touched it ---- */

/* What is known of all words, each of them knows. */
static bool spread(struct shadow_line *line)
{
    if (line->cells == NULL) {
        line->cells = calloc(1, sizeof(*line->cells));
    }
    if (line->cells == NULL) {
        return false;
    }
    for (unsigned slot = 0; slot < SHADOW_SLOTS; slot++) {
        const struct shadow_touch *touch = &line->touches[slot];
        uint32_t step = touch->is_same ? 1u << SHADOW_SITE_SHIFT : 1;

        for (unsigned i = 0; i < SHADOW_CELLS; i++) {
            line->cells->time[slot][i] = touch->time;
            line->cells->who[slot][i] = touch->who + (i >> touch->shift) * step;
            line->cells->block[slot][i] = touch->block;
        }
    }
    line->is_spread = true;
    return true;
}

/* What each word knows, its bytes know. */
static bool split(struct shadow_line *line)
{
    const struct shadow_cells *words = line->cells;
    struct shadow_cells *bytes = calloc(4, sizeof(*bytes));

    if (bytes == NULL) {
        return false;
    }
    for (unsigned i = 0; i < 4 * SHADOW_CELLS; i++) {
        struct shadow_cells *to = &bytes[i / SHADOW_CELLS];

        for (unsigned slot = 0; slot < SHADOW_SLOTS; slot++) {
            to->time[slot][i % SHADOW_CELLS] = words->time[slot][i / 4];
            to->who[slot][i % SHADOW_CELLS] = words->who[slot][i / 4];
            to->block[slot][i % SHADOW_CELLS] = words->block[slot][i / 4];
        }
    }
    free(line->cells);
    line->cells = bytes;
    line->is_bytes = true;
    return true;
}

struct shadow_cells *shadow_cells(struct shadow_line *line, uint64_t address, uint32_t size)
{
    if ((!line->is_spread && !spread(line)) || (size < 4 && !line->is_bytes && !split(line))) {
        return NULL;
    }
    return !line->is_bytes ? line->cells : &line->cells[address % SHADOW_LINE / SHADOW_CELLS];
}
