/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernels that go straight on, as those do which compute an element in each thread: past edges
 * where nobody leaves (edge.h), and to addresses in steps (affine.h), without loops. Warps beside
 * each other in x are looked at together, at the first and the last one: what lies in steps, and
 * does not wrap on its way from the one to the other, lies between them at all others. Then a loop
 * runs them without a further look, and has about the instructions that one written in C has. A
 * row that is not so is taken warp by warp, and a warp that is not under a mask.
 */
#ifndef CUDA_CPU_COMPILE_STRAIGHT_H
#define CUDA_CPU_COMPILE_STRAIGHT_H

#include <stdbool.h>

struct emitter;

/* A kernel that is none has no instructions. */
struct straight {
    bool *are_looked_at; /* of each instruction: what a look needs is what it computes, or it has
                            an access or a comparison to look at */
    bool crosses;        /* from block to block in x, as what lies in steps is of the grid */
    bool is_half;        /* half a warp at the time: a line of each array that it touches */
    bool is_made;        /* the code that is made is of such a row */
    unsigned *firsts;    /* of each look at the first warp, in order: the base, a value of IR */
    unsigned looks;      /* at the current warp, so far */
    bool is_last;        /* which is the last one */
};

/* Of the emitter's function, when it is known whether warps have turns. False: no memory. */
bool straight_create(struct emitter *emitter, struct straight *straight);
void straight_destroy(struct straight *straight);

bool straight_is(const struct emitter *emitter);

/* ---- emit_straight.c ---- */

/* Behind the allocas of the code; where a warp's turn begins, which goes on at the label start when
 * it does not go straight on; and where one is over. */
void straight_begin(struct emitter *emitter);
void straight_take(struct emitter *emitter);
void straight_end(struct emitter *emitter);

/* The code, up to the end of the last warp's turn. */
void straight_emit(struct emitter *emitter);

/* i1: `fits` of a base whose lanes lie within the span, and from the first warp to the last one no
 * base wraps. signed: its type is. */
unsigned straight_keeps_order(struct emitter *emitter, unsigned fits, unsigned base,
                              const char *element, bool is_signed, bool is_rising);

#endif
