/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lanes that wait for others, which may stand elsewhere in the code: where that can happen, and
 * what is done there. device/block.h has what becomes of the others.
 */
#ifndef CUDA_CPU_COMPILE_WAIT_H
#define CUDA_CPU_COMPILE_WAIT_H

#include "host/cuda-cpu/compile/emitter.h"

/* A barrier of the block, or of some lanes of the warp, at which somebody waits. */
bool wait_is_barrier(const struct ptx_instruction *instruction);

/* Of these, one of the block. */
bool wait_is_block_barrier(const struct ptx_instruction *instruction);

/* Lanes of the warp meet at it. */
bool wait_is_of_lanes(const struct ptx_instruction *instruction);

/* A call of a function that the module has, or may have. */
bool wait_is_call(const struct ptx_instruction *instruction);

/* It sees, or may see, what others have done. */
bool wait_looks_at_others(const struct ptx_instruction *instruction);

/* It may wait, and fewer lanes may come out of it than go into it. */
bool wait_may_part(const struct ptx_instruction *instruction);

/* The same, with lanes that are all of the warp. A block ends behind it. */
bool wait_may_part_whole(const struct ptx_instruction *instruction);

/* Lanes of the function may wait, or end, here or in what it calls. */
bool wait_is_in(const struct ptx_function *function);

/* Lanes that are left of these. */
struct lanes wait_lanes_left(struct emitter *emitter, const struct lanes *lanes);

/* This many instructions are done or will be; now and then the warp pauses. lanes, and the number
 * where the code finds it: i32. */
void wait_spend(struct emitter *emitter, value lanes, uint32_t instructions, enum warp_pause pause);
void wait_spend_value(struct emitter *emitter, value lanes, value instructions,
                      enum warp_pause pause);

/* What is left of the fuel goes to who is called, or back to who called; and is taken back. */
void wait_put_fuel(struct emitter *emitter);
void wait_take_fuel(struct emitter *emitter);

/* Others run meanwhile; and other blocks, when all warps of this one have had their turns. */
void wait_sleep(struct emitter *emitter);
void wait_rest(struct emitter *emitter);

/* A way back, from the current block to an earlier one; and the instructions of its loop. */
uint32_t wait_cost_of_round(const struct emitter *emitter, uint32_t to);
void wait_turn_back(struct emitter *emitter, uint32_t to);

/* Waits for the lanes of each lane's mask; a, with the values of those that stood elsewhere. */
value wait_meet(struct emitter *emitter, value masks, enum ptx_word type, value a);

/* Lane by lane, those of its mask that there are. */
value wait_participants(struct emitter *emitter, value masks);

#endif
