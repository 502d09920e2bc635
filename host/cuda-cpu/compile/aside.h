/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Short ways aside, that some lanes of a warp take while the others wait where the way comes back:
 * the whole warp goes there, and what the block sets and stores is of these lanes alone. So what
 * lies in steps (affine.h) need not be written out for lanes that part, and looked at when they
 * meet. It is so where the block computes, loads and stores, and what it loads would be there for
 * all lanes; where that does not show, the lanes part after all.
 */
#ifndef CUDA_CPU_COMPILE_ASIDE_H
#define CUDA_CPU_COMPILE_ASIDE_H

#include <stdbool.h>
#include <stdint.h>

struct emitter;

/* Whether a branch has such a way to a block, and on to the other one where it leads. */
bool aside_leads(const struct emitter *emitter, uint32_t block, uint32_t other);

/* Whether any branch of the function has one to this block. */
bool aside_is(const struct emitter *emitter, uint32_t block);

/* From a block of that kind. */
uint32_t aside_end(const struct emitter *emitter, uint32_t block);

#endif
