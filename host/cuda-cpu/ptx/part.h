/* SPDX-License-Identifier: BSD-2-Clause */
/* What may stand behind a register's name: .x of a vector, .b0 and .h10 of video instructions. */
#ifndef CUDA_CPU_PTX_PART_H
#define CUDA_CPU_PTX_PART_H

#include "host/cuda-cpu/ptx/module.h"

/* 9.7.17: of one value, or of several beside each other, of which this is the number; 0: no video
 * instruction. */
unsigned ptx_video_values(enum ptx_opcode opcode);

/* operand: a register with `select`. vector: its values. written: it is the result. */
bool ptx_part_is_right(const struct ptx_instruction *instruction, const struct ptx_operand *operand,
                       unsigned vector, bool written);

#endif
