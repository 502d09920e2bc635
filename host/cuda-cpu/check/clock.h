/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is ordered before what, in one launch: vector clocks of warps, after FastTrack (Flanagan and
 * Freund, 2009), with the hierarchy of CUDA. There is one time, which steps on at each
 * synchronisation. A warp knows of each warp of its block until when all it did is ordered before
 * the present; of other blocks, what it learnt from an atomic or another strong access. Lanes of a
 * warp are ordered by what they do together. A warp learns and tells as a whole: so some races are
 * missed, and no order is.
 */
#ifndef CUDA_CPU_CHECK_CLOCK_H
#define CUDA_CPU_CHECK_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/cuda-cpu/device/warp.h"

#define CLOCK_WARPS 32
#define CLOCK_LANES 32
#define CLOCK_BARRIERS WARP_BARRIERS
#define CLOCK_END 0x7FFFFFFFu /* times have 31 bits */

struct knowledge; /* of other blocks */

/* Up to a fence, what strong writes behind it tell. */
struct clock_fence {
    uint32_t time, common; /* of the warp itself; of the others in its block */
    struct knowledge *foreign;
};

enum clock_scope { CLOCK_BLOCK, CLOCK_ALL, CLOCK_SCOPES };

struct clock_object;

struct clock {
    uint32_t now;                 /* from 1 */
    uint32_t launch;              /* what was up to then is ordered */
    struct clock_object *objects; /* addresses of strong accesses that tell something: a table */
    size_t object_count, object_size;
};

struct clock_warp {
    struct clock_block *block;
    uint32_t number;
    uint32_t floor;    /* the least of what follows: all of the block is known until then */
    uint32_t together; /* all lanes know of each other */
    uint32_t known[CLOCK_WARPS];              /* of each warp */
    uint32_t pairs[CLOCK_LANES][CLOCK_LANES]; /* what a lane knows of others, if more */
    struct knowledge *foreign;
    struct clock_fence fences[CLOCK_SCOPES];
};

struct clock_barrier {
    uint32_t waiting;  /* warps, by their bits */
    uint32_t released; /* when they went on */
    uint32_t known[CLOCK_WARPS];
    struct knowledge *foreign;
    struct clock_fence fences[CLOCK_SCOPES];
};

struct clock_block {
    struct clock *clock;
    uint32_t number; /* in the grid */
    uint32_t begin;
    uint32_t gone; /* warps that have left the kernel, by their bits */
    uint32_t count;
    struct clock_warp *warps;
    struct clock_barrier barriers[CLOCK_BARRIERS];
};

/* All before is ordered. */
void clock_launch(struct clock *clock);
void clock_destroy(struct clock *clock);

/* False: no memory. */
bool clock_block_create(struct clock_block *block, struct clock *clock, uint32_t warps);
void clock_block_destroy(struct clock_block *block);
void clock_block_begin(struct clock_block *block, uint32_t number);

/* ---- What orders ---- */

void clock_fence(struct clock_warp *warp, enum clock_scope scope);

/* Lanes that wait for each other; is_all: the others are done. */
void clock_together(struct clock_warp *warp, uint32_t lanes, bool is_all);

void clock_arrive(struct clock_warp *warp, uint32_t barrier, bool waits);

/* is_of_all: the barrier is the whole block's, for which who has left the kernel counts as come.
 * Where threads are counted, what such a warp did is ordered up to when it arrived, if it did. */
void clock_leave(struct clock_warp *warp, uint32_t barrier, bool is_of_all);

void clock_barrier_done(struct clock_block *block, uint32_t barrier);

/* The warp has left the kernel. */
void clock_exit(struct clock_warp *warp);

/* A strong read; a strong write. is_release: with all that was before it. */
void clock_acquire(struct clock_warp *warp, uint64_t address);
void clock_release(struct clock_warp *warp, uint64_t address, enum clock_scope scope,
                   bool is_release);

/* What a thread of this block number did at a time is ordered before what the lane does now. */
bool clock_knows(const struct clock_warp *warp, uint32_t lane, uint32_t time, uint32_t block,
                 uint32_t thread);

#endif
