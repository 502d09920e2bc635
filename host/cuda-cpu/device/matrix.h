/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Products of matrices whose elements are spread over the lanes of a warp: PTX ISA 9.7.14. Sums are
 * made in double precision, C first and then in the order of k, and rounded once: the same bits on
 * every machine.
 */
#ifndef CUDA_CPU_DEVICE_MATRIX_H
#define CUDA_CPU_DEVICE_MATRIX_H

#include "host/cuda-cpu/device/warp.h"

enum matrix_element {
    MATRIX_F16,
    MATRIX_BF16,
    MATRIX_TF32,
    MATRIX_F32,
    MATRIX_F64,
    MATRIX_E4M3,
    MATRIX_E5M2,
    MATRIX_S32,
    MATRIX_S8,
    MATRIX_U8,
    MATRIX_S4,
    MATRIX_U4,
    MATRIX_B1,
};

enum matrix_layout {
    MATRIX_MMA,  /* as the figures of the ISA have it */
    MATRIX_QUAD, /* mma.m8n8k4 of halves: four products */
    MATRIX_WMMA, /* ours: the rows of A and C, the columns of B; each lane the next few elements */
};

enum matrix_which { MATRIX_A, MATRIX_B, MATRIX_C };

enum matrix_rounding { MATRIX_RN, MATRIX_RZ, MATRIX_RM, MATRIX_RP };

/* An instruction, as compiled code hands it over: 64 bits. Of loads and stores: the matrix and
 * whether its rows are contiguous in memory; their type is that of A, B and C alike. */
struct matrix_form {
    uint64_t m : 6, n : 6, k : 9;
    uint64_t layout : 2;
    uint64_t a : 4, b : 4, c : 4, d : 4;
    uint64_t rounding : 2; /* of doubles */
    uint64_t saturates : 1, is_xor : 1;
    uint64_t a_is_row : 1, b_is_row : 1; /* of MATRIX_QUAD */
    uint64_t which : 2, is_row : 1;
    uint64_t is_sparse : 1, selector : 2; /* of A: which lanes have its metadata */
};

/* warp.h has what each does. */
void matrix_multiply(struct warp *warp, void *d, const void *a, const void *b, const void *c,
                     uint64_t form, uint32_t lanes);
void matrix_multiply_sparse(struct warp *warp, void *d, const void *a, const void *b, const void *c,
                            const uint32_t *metadata, uint64_t form, uint32_t lanes);
void matrix_load(struct warp *warp, void *registers, uint64_t address, uint64_t stride,
                 uint64_t form, uint32_t lanes, uint32_t site);
void matrix_store(struct warp *warp, const void *registers, uint64_t address, uint64_t stride,
                  uint64_t form, uint32_t lanes, uint32_t site);

#endif
