/* SPDX-License-Identifier: BSD-2-Clause */
/* Fragments of matrices: how many registers each has. PTX ISA 9.7.14. */
#ifndef CUDA_CPU_PTX_MATRIX_H
#define CUDA_CPU_PTX_MATRIX_H

#include "host/cuda-cpu/ptx/module.h"

struct ptx_shape {
    unsigned m, n, k;
};

enum ptx_matrix { PTX_MATRIX_A, PTX_MATRIX_B, PTX_MATRIX_C };

struct ptx_fragment {
    unsigned registers;
    unsigned register_bits; /* 32 or 64 */
};

/* From a word such as m16n8k16. */
struct ptx_shape ptx_shape_of(const struct ptx_instruction *instruction);

/* Which matrix the operand of this index of an mma or wmma is part of, C also for D; and the type
 * of its elements. */
enum ptx_matrix ptx_matrix_of(const struct ptx_instruction *instruction, size_t operand);
enum ptx_word ptx_element_of(const struct ptx_instruction *instruction, size_t operand);

/* Whether A is sparse: half of its elements are there, and metadata says where they belong. */
bool ptx_is_sparse(const struct ptx_instruction *instruction);

/* How many lanes of four have the metadata of a sparse A: 1, 2 or 4. 9.7.14.6.1. */
unsigned ptx_metadata_lanes(const struct ptx_instruction *instruction);

/* The fragment that is the operand of this index of an mma, wmma, ldmatrix or stmatrix. */
struct ptx_fragment ptx_fragment_of(const struct ptx_instruction *instruction, size_t operand);

#endif
