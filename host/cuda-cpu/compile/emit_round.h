/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Innermost loops whose blocks stand one behind the other, and which lanes leave one by one, to one
 * block: round by round under a mask, until none is left in it. What a round costs is how long its
 * mask takes to become the next one's. So that is kept as processors have masks, in %half0 and
 * %half1 where they have registers for them, else in %masks, numbers of which those below zero take
 * part; and what branches look at is made of it beside.
 */
#ifndef CUDA_CPU_COMPILE_EMIT_ROUND_H
#define CUDA_CPU_COMPILE_EMIT_ROUND_H

#include "host/cuda-cpu/compile/emitter.h"

/* Sets emitter->rounds, before code is emitted. */
void round_find(struct emitter *emitter);

/* The block behind the emitter's in a round. */
uint32_t round_next(const struct emitter *emitter);

/* Before the first round: these lanes take part, <32 x i1>. */
void round_enter(struct emitter *emitter, value vector);

/* Those that do now. */
struct lanes round_lanes(struct emitter *emitter);

/* Without registers for masks: -1 in those that do, 0 in others. */
value round_numbers(struct emitter *emitter);

/* i1, of <32 x i32>: by the signs of their bytes, which for x86-64 is an instruction less than by
 * all bits. */
value round_is_any_below_zero(struct emitter *emitter, value numbers);

/* The branch at a block's end, by its guard. Lanes stay where that holds, or where it does not: to
 * the label bN when any are left, else to oN. */
void round_branch(struct emitter *emitter, bool where_guarded, unsigned number);

#endif
