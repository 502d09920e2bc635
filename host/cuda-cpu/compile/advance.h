/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How far an address goes on from round to round of its loop, when that is a register: what threads
 * of a grid take together lies far apart for one warp, and processors do not foresee it.
 */
#ifndef CUDA_CPU_COMPILE_ADVANCE_H
#define CUDA_CPU_COMPILE_ADVANCE_H

#include "host/cuda-cpu/compile/uniform.h"

/* by * times; NULL: not known, or a constant. */
struct advance {
    const struct ptx_operand *by; /* a register that is the same in all lanes and in all rounds */
    int64_t times;
};

/* Of a register that is read in a block. */
struct advance advance_of(const struct ptx_function *function, const struct flow *flow,
                          const struct uniform *uniform, uint32_t block, uint32_t reg);

#endif
