/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cuBLAS as a guest asks for it: the operation BG_CUDA_BLAS of cuda_command.h, whose parameters are
 * one struct bg_cuda_blas. Enumerations have cuBLAS's numbers (cublas.h).
 *
 * Its result is CUDA_ERROR_INVALID_VALUE for what cuBLAS refuses, CUDA_ERROR_NOT_SUPPORTED for what
 * it does not have or where there is none (bg_cuda_device.has_blas), CUDA_ERROR_OUT_OF_MEMORY.
 */
#ifndef BAREGPU_PROTOCOL_CUDA_BLAS_H
#define BAREGPU_PROTOCOL_CUDA_BLAS_H

#include <stddef.h>
#include <stdint.h>

#include "decls.h" /* beside this file, also in a QEMU tree */

/* What each reads of struct bg_cuda_blas; all read routine, stream, flags, math_mode. */
enum bg_cuda_blas_routine {
    BG_CUDA_BLAS_AXPY = 1,         /* type, n, alpha, x, y */
    BG_CUDA_BLAS_SCAL = 2,         /* type, n, alpha, y */
    BG_CUDA_BLAS_DOT = 3,          /* type, n, x, y, result */
    BG_CUDA_BLAS_NRM2 = 4,         /* type, n, x, result */
    BG_CUDA_BLAS_GEMV = 5,         /* type, transa, m, n, alpha, a, x, beta, y */
    BG_CUDA_BLAS_GEMM = 6,         /* cublasGemmEx */
    BG_CUDA_BLAS_GEMM_STRIDED = 7, /* cublasGemmStridedBatchedEx */
    BG_CUDA_BLAS_GEMM_BATCHED = 8, /* cublasGemmBatchedEx: a, b, c are arrays of addresses */
};

/* alpha, beta and result are addresses of the device, else values; and a result, 8 bytes of which a
 * float has the first 4, is the operation's answer, which waits for the stream. */
#define BG_CUDA_BLAS_DEVICE_SCALARS 1u

/* A matrix: ld is its leading dimension. A vector: the distance of its elements. */
struct bg_cuda_blas_operand {
    uint64_t address;
    int64_t stride; /* elements, of a batch */
    int32_t ld;
    uint32_t type; /* cudaDataType; vectors and gemv: all have `type` */
};

struct bg_cuda_blas {
    uint32_t routine; /* enum bg_cuda_blas_routine */
    uint32_t stream;
    uint32_t flags;     /* BG_CUDA_BLAS_* */
    uint32_t math_mode; /* cublasMath_t */
    uint32_t type;      /* cudaDataType: CUDA_R_32F, CUDA_R_64F */
    uint32_t compute;   /* cublasComputeType_t */
    int32_t algorithm;  /* cublasGemmAlgo_t */
    int32_t batch_count;
    uint32_t transa, transb; /* cublasOperation_t */
    int32_t m, n, k;
    uint32_t zero;
    uint64_t alpha,
        beta;        /* the bytes of the type that cuBLAS has for them, the rest 0; or addresses */
    uint64_t result; /* an address */
    struct bg_cuda_blas_operand a, b, c; /* of vectors x is b, y is c */
};

BG_WIRE_SIZE(bg_cuda_blas_operand, 24);
BG_WIRE_SIZE(bg_cuda_blas, 152);
BG_WIRE_OFFSET(bg_cuda_blas, alpha, 56);
BG_WIRE_OFFSET(bg_cuda_blas, a, 80);

#endif
