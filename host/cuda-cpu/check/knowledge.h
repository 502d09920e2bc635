/* SPDX-License-Identifier: BSD-2-Clause */
/* Until when the warps of other blocks are known. Shared by who knows the same; never changed. */
#ifndef CUDA_CPU_CHECK_KNOWLEDGE_H
#define CUDA_CPU_CHECK_KNOWLEDGE_H

#include <stdbool.h>
#include <stdint.h>

/* Beyond so many blocks all is known until now: some races are missed. */
#define KNOWLEDGE_MAX 512

struct known_block {
    uint32_t block;
    uint32_t warp, time; /* of the warp that told */
    uint32_t common;     /* of the block's other warps */
};

/* NULL: of nobody. */
struct knowledge {
    uint32_t references;
    uint32_t everything; /* all is known until then */
    uint32_t count;
    struct known_block blocks[]; /* in the order of their numbers */
};

struct knowledge *knowledge_keep(struct knowledge *knowledge);
void knowledge_drop(struct knowledge *knowledge);

/* Of one block; of everything until a time. NULL: no memory, and nobody is known. */
struct knowledge *knowledge_of(const struct known_block *block);
struct knowledge *knowledge_of_all(uint32_t time);

/* What both know, in the first one's place. now: for what is too much to remember. */
void knowledge_join(struct knowledge **to, struct knowledge *from, uint32_t now);

/* NULL: nothing of this block. */
const struct known_block *knowledge_find(const struct knowledge *knowledge, uint32_t block);

#endif
