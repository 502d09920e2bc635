/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loops in which warps rest. What threads of a grid take together lies far apart for one warp: it
 * would walk through all memory, some bytes at each place, before the next one does so. So after
 * some rounds the others have their turns, and touch what lies beside it while that is near.
 */
#ifndef CUDA_CPU_COMPILE_REST_H
#define CUDA_CPU_COMPILE_REST_H

#include <stdbool.h>
#include <stdint.h>

#include "host/cuda-cpu/compile/advance.h"

struct emitter;

#define REST_ROUNDS 4 /* of a turn */

/* Of each block: if it is the head of such a loop, how far that goes in a round. NULL: none is. */
struct rest {
    struct advance *steps;
};

/* Of the emitter's function, before it is known whether warps have turns. False: no memory. */
bool rest_create(const struct emitter *emitter, struct rest *rest);
void rest_destroy(struct rest *rest);

/* Whether a block is such a head; and whether a whole warp may rest on its way there. */
bool rest_is_at(const struct emitter *emitter, uint32_t block);
bool rest_may(const struct emitter *emitter, uint32_t to);

/* A value of IR, i1: whether it goes far in a round of this loop. What lies nearer together is
 * foreseen by processors, or is little. */
unsigned rest_goes_far(struct emitter *emitter, uint32_t head);

#endif
