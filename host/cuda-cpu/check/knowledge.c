/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/check/knowledge.h"

#include <stdlib.h>

struct knowledge *knowledge_keep(struct knowledge *knowledge)
{
    if (knowledge != NULL) {
        knowledge->references++;
    }
    return knowledge;
}

void knowledge_drop(struct knowledge *knowledge)
{
    if (knowledge != NULL && --knowledge->references == 0) {
        free(knowledge);
    }
}

static struct knowledge *create(uint32_t room)
{
    struct knowledge *knowledge = malloc(sizeof(*knowledge) + room * sizeof(knowledge->blocks[0]));

    if (knowledge != NULL) {
        *knowledge = (struct knowledge){.references = 1};
    }
    return knowledge;
}

struct knowledge *knowledge_of(const struct known_block *block)
{
    struct knowledge *knowledge = create(1);

    if (knowledge != NULL) {
        knowledge->count = 1;
        knowledge->blocks[0] = *block;
    }
    return knowledge;
}

struct knowledge *knowledge_of_all(uint32_t time)
{
    struct knowledge *knowledge = create(0);

    if (knowledge != NULL) {
        knowledge->everything = time;
    }
    return knowledge;
}

static uint32_t later(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Two warps of a block that told: what was until the later one counts for all its warps. */
static struct known_block join_block(const struct known_block *a, const struct known_block *b)
{
    struct known_block joined = *a;

    joined.common = later(a->common, b->common);
    if (a->warp == b->warp) {
        joined.time = later(a->time, b->time);
    } else {
        joined.common = later(joined.common, later(a->time, b->time));
        joined.time = joined.common;
    }
    return joined;
}

static void add_blocks(struct knowledge *to, const struct knowledge *a, const struct knowledge *b)
{
    uint32_t i = 0, j = 0;

    while (i < a->count || j < b->count) {
        const struct known_block *first = i < a->count ? &a->blocks[i] : NULL;
        const struct known_block *second = j < b->count ? &b->blocks[j] : NULL;

        if (second == NULL || (first != NULL && first->block < second->block)) {
            to->blocks[to->count++] = *first;
            i++;
        } else if (first == NULL || second->block < first->block) {
            to->blocks[to->count++] = *second;
            j++;
        } else {
            to->blocks[to->count++] = join_block(first, second);
            i++;
            j++;
        }
    }
}

static struct knowledge *join(const struct knowledge *a, const struct knowledge *b, uint32_t now)
{
    struct knowledge *joined = create(a->count + b->count);

    if (joined == NULL) {
        return NULL;
    }
    joined->everything = later(a->everything, b->everything);
    add_blocks(joined, a, b);
    if (joined->count > KNOWLEDGE_MAX) {
        joined->everything = now;
        joined->count = 0;
    }
    return joined;
}

/* Nothing of b is new to a. */
static bool covers(const struct knowledge *a, const struct knowledge *b)
{
    bool covered = a->everything >= b->everything;

    for (uint32_t i = 0; covered && i < b->count; i++) {
        const struct known_block *there = &b->blocks[i];
        const struct known_block *here = knowledge_find(a, there->block);

        covered = here != NULL && here->common >= there->common &&
                  (here->warp == there->warp ? here->time : here->common) >= there->time;
    }
    return covered;
}

void knowledge_join(struct knowledge **to, struct knowledge *from, uint32_t now)
{
    struct knowledge *joined;

    if (from == NULL || from == *to || (*to != NULL && covers(*to, from))) {
        return;
    }
    joined = *to == NULL ? knowledge_keep(from) : join(*to, from, now);
    if (joined != NULL) {
        knowledge_drop(*to);
        *to = joined;
    }
}

const struct known_block *knowledge_find(const struct knowledge *knowledge, uint32_t block)
{
    uint32_t low = 0, high = knowledge != NULL ? knowledge->count : 0;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (knowledge->blocks[middle].block == block) {
            return &knowledge->blocks[middle];
        }
        if (knowledge->blocks[middle].block < block) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}
