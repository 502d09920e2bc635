/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses that are one base and each lane's own index of 32 bits, times a number, as those of
 * a[b[i]] are: whether all of them lie in an allocation shows at the least and the greatest index.
 */
#ifndef CUDA_CPU_COMPILE_SCALED_H
#define CUDA_CPU_COMPILE_SCALED_H

#include "host/cuda-cpu/compile/uniform.h"

/* base + index * times; NULL: not known. */
struct scaled {
    const struct ptx_operand *base;  /* a register that is the same in all lanes */
    const struct ptx_operand *index; /* a register, read with a sign or without */
    bool is_signed;
    int64_t times;
};

/* Of a register as an instruction of the block reads it. */
struct scaled scaled_of(const struct ptx_function *function, const struct flow_block *block,
                        const struct uniform *uniform, uint32_t instruction, uint32_t reg);

#endif
