/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks that a whole warp begins again under a mask where it would have to go on under one from
 * the middle of it (whole.h): that takes no code for the ways into the middle, at which all lanes
 * of all registers meet.
 */
#ifndef CUDA_CPU_COMPILE_AGAIN_H
#define CUDA_CPU_COMPILE_AGAIN_H

#include <stdbool.h>
#include <stdint.h>

struct emitter;
struct ptx_instruction;

/* It does nothing but to set registers from others and memory. */
bool again_is_plain(const struct ptx_instruction *instruction);

/* Whether it may when it has come to this instruction of the emitter's block: nothing before it
 * changes what the block reads, or what others see, and there are few loads. Not in loops: what a
 * round begins with would have to be kept. Not in checked code, which tells of each load. */
bool again_may(const struct emitter *emitter, uint32_t instruction);

/* A whole warp may go on under a mask from here. */
bool again_gives_up(const struct emitter *emitter, uint32_t instruction);

#endif
