/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compaction of loops in rounds (emit_round.h) that only compute. When no more lanes are left in it
 * than half a warp has, what they have is packed, lane beside lane, and the rest of the rounds runs
 * over vectors of 16: half of the work, and half of the processor's registers. It is looked at
 * where they come to the loop, and after some rounds.
 *
 * A packed register is %qN, which what is emitted names while emitter->is_half.
 */
#ifndef CUDA_CPU_COMPILE_EMIT_PACK_H
#define CUDA_CPU_COMPILE_EMIT_PACK_H

#include "host/cuda-cpu/compile/emitter.h"

/* An instruction in line, whose code is the same for any number of lanes. */
bool pack_is_plain(const struct emitter *emitter, const struct ptx_instruction *instruction);

/* Behind round_find: sets emitter->rounds[].packs, for such loops that are worth the code. */
void pack_find(struct emitter *emitter);

/* The places of the function's packed registers, among its others. */
void pack_begin_frame(struct emitter *emitter);

/* Before the first round; and behind each, now and then: where few lanes are left, to the label qN
 * of the first block. Else it goes on. */
void pack_enter(struct emitter *emitter);
void pack_branch(struct emitter *emitter);

/* There the lanes are packed; the emitter is half a warp wide until they are spread again. */
void pack_lanes(struct emitter *emitter);
void pack_spread(struct emitter *emitter);

/* An instruction of theirs, when it sets what they count; false: it is emitted as all others. */
bool pack_count(struct emitter *emitter);

/* Those of them that left the loop keep what they have in this register. */
bool pack_keeps(const struct emitter *emitter, uint32_t reg);

/* The lanes that were packed, i32. */
value pack_bits(struct emitter *emitter);

/* Those of them that are still in the loop, one behind the other, i32, for what the warp asks of
 * the device next. */
value pack_left(struct emitter *emitter);

#endif
