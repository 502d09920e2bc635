/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * %tid.x where a block's rows are as long as warps: a warp's lanes have 32 of its values, from a
 * multiple of 32 on. So they compare alike to what stands between two warps, and have the same
 * quotient by 32: warps take their own ways, but no lane another one than its neighbours.
 */
#ifndef CUDA_CPU_COMPILE_TID_H
#define CUDA_CPU_COMPILE_TID_H

#include "host/cuda-cpu/compile/flow.h"

/* Of each register, whether it is %tid.x wherever it is read; `settings`: how many instructions set
 * it. NULL: no memory. */
bool *tid_find(const struct ptx_function *function, const struct flow *flow,
               const uint32_t *settings);

/* Whether an instruction that reads %tid.x and a constant finds the same in all lanes.
 * `constants`: of each register, the number that it always is, or NULL. */
bool tid_is_same(const bool *tids, const struct ptx_operand *const *constants,
                 const struct ptx_instruction *instruction);

#endif
