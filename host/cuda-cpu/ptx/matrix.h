/* SPDX-License-Identifier: BSD-2-Clause */
/* Fragments of matrices: how many registers each has. PTX ISA 9.7.14. */
#ifndef CUDA_CPU_PTX_MATRIX_H
#define CUDA_CPU_PTX_MATRIX_H

#include "host/cuda-cpu/ptx/module.h"

struct ptx_fragment {
    unsigned registers;
    unsigned register_bits; /* 32 or 64 */
};

/* The fragment that is the operand of this index of an mma, wmma, ldmatrix or stmatrix. */
struct ptx_fragment ptx_fragment_of(const struct ptx_instruction *instruction, size_t operand);

#endif
