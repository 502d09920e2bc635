/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Code that runs all warps of a block, on one stack: each up to the barrier, then each from there
 * on. What a warp has in registers lies in memory meanwhile. It is made of kernels whose warps wait
 * for nothing else, and come to the barrier with all their lanes; others have code for one warp,
 * which may stop anywhere (device/block.h).
 */
#ifndef CUDA_CPU_COMPILE_TURNS_H
#define CUDA_CPU_COMPILE_TURNS_H

#include "host/cuda-cpu/compile/live.h"
#include "host/cuda-cpu/compile/uniform.h"

struct emitter;
struct lanes;

struct turns {
    bool are_inside;             /* the code runs all warps */
    bool has_barrier, has_rests; /* where turns end: rest.h */
    struct live live;
    /* Of each block, sets as live has them. What a block sets goes to memory at its end; but where
     * it runs again and again in a turn, when the turn ends. */
    uint64_t *now;      /* registers that go there at its end */
    uint64_t *late;     /* that were set, at its end, and are not there yet */
    uint64_t *used;     /* that the turn may use from its start on */
    uint64_t *own;      /* that the block itself uses */
    bool *near;         /* of each register: blocks that use it take it from memory */
    uint32_t *places;   /* of each register: where it lies in a warp's memory; 0: nowhere */
    uint32_t *bases;    /* of each one whose lanes lie in steps: where its bases do */
    uint32_t warp_size; /* of that memory; 0: there is none */
};

/* Of the emitter's function. False: no memory. */
bool turns_create(const struct emitter *emitter, struct turns *turns);
void turns_destroy(struct turns *turns);

/* Whether warps have turns: else they run one after the other. */
static inline bool turns_are_taken(const struct turns *turns)
{
    return turns->are_inside && (turns->has_barrier || turns->has_rests);
}

/* A vector that no loop uses which runs again and again in a turn: only blocks that use it take it
 * from memory, which always has it, and not the turn where it begins. */
bool turns_is_near(const struct turns *turns, uint32_t reg);
bool turns_uses(const struct turns *turns, uint32_t block, uint32_t reg);

/* What a turn that begins at a block takes from memory; and what goes there at a block's end, or
 * when the turn ends there because the warp rests. */
bool turns_takes(const struct turns *turns, uint32_t block, uint32_t reg);
bool turns_leaves(const struct turns *turns, const struct flow *flow, uint32_t block, uint32_t reg);
bool turns_leaves_late(const struct turns *turns, uint32_t block, uint32_t head, uint32_t reg);

/* Bytes of a register in a warp's memory that it takes while the warp is whole. */
uint32_t turns_size_of(const struct emitter *emitter, uint32_t reg);

/* A register's part in a warp's memory: bytes from one of a vector's to the next. */
uint32_t turns_part_size(const struct emitter *emitter, uint32_t reg);
uint32_t turns_alignment(const struct emitter *emitter, uint32_t reg);

/* Whether a register that is read from a block on is in memory all through it. */
bool turns_has_still(const struct turns *turns, uint32_t block, uint32_t reg);

/* ---- emit_turns.c: of such code ---- */

/* Behind the allocas: a warp's turn begins. What follows runs when it is the warp's first; the
 * lanes that there are come back. */
struct lanes turns_begin(struct emitter *emitter);

/* At a block's start registers come from memory; at its end they go there. */
void turns_fetch(struct emitter *emitter);
void turns_keep(struct emitter *emitter);

/* Of registers in steps the bases are in memory while the warp is whole: where it becomes whole at
 * a block they go there. Where one is seldom used it is taken from there again. */
void turns_keep_bases(struct emitter *emitter, uint32_t block);
void turns_take_base(struct emitter *emitter, uint32_t reg);

/* Whether the block ends at the barrier; there the turn ends, and another one will begin at the
 * block behind it. */
bool turns_is_stop(const struct emitter *emitter);
void turns_stop(struct emitter *emitter, const struct lanes *lanes);

/* On the whole warp's way back to a block before which it may rest. What follows goes on there. */
void turns_rest(struct emitter *emitter, uint32_t to);

/* Behind all blocks, where the warp is done: up to the function's return. */
void turns_end(struct emitter *emitter);

#endif
