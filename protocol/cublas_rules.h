/* SPDX-License-Identifier: BSD-2-Clause */
/* What cuBLAS takes, for those who implement it: which types go together, and which sizes. */
#ifndef BAREGPU_PROTOCOL_CUBLAS_RULES_H
#define BAREGPU_PROTOCOL_CUBLAS_RULES_H

#include <stdbool.h>

#include "cublas.h"

/* Bytes of an element; 0: there is no such type here. */
static inline size_t cublas_type_size(cudaDataType type)
{
    switch (type) {
    case CUDA_R_8I:
        return 1;
    case CUDA_R_16F:
    case CUDA_R_16BF:
        return 2;
    case CUDA_R_32F:
    case CUDA_R_32I:
        return 4;
    case CUDA_R_64F:
        return 8;
    default:
        return 0;
    }
}

/* A row of the tables of cublasGemmEx without complex numbers. */
struct cublas_combination {
    cublasComputeType_t compute;
    cudaDataType ab, c, scalar; /* of A and B, of C, of alpha and beta */
};

/* NULL: CUBLAS_STATUS_NOT_SUPPORTED. */
static inline const struct cublas_combination *
cublas_find_combination(cublasComputeType_t compute, cudaDataType a, cudaDataType b, cudaDataType c)
{
    static const struct cublas_combination combinations[] = {
        {CUBLAS_COMPUTE_16F, CUDA_R_16F, CUDA_R_16F, CUDA_R_16F},
        {CUBLAS_COMPUTE_16F_PEDANTIC, CUDA_R_16F, CUDA_R_16F, CUDA_R_16F},
        {CUBLAS_COMPUTE_32I, CUDA_R_8I, CUDA_R_32I, CUDA_R_32I},
        {CUBLAS_COMPUTE_32I_PEDANTIC, CUDA_R_8I, CUDA_R_32I, CUDA_R_32I},
        {CUBLAS_COMPUTE_32F, CUDA_R_16BF, CUDA_R_16BF, CUDA_R_32F},
        {CUBLAS_COMPUTE_32F, CUDA_R_16F, CUDA_R_16F, CUDA_R_32F},
        {CUBLAS_COMPUTE_32F, CUDA_R_8I, CUDA_R_32F, CUDA_R_32F},
        {CUBLAS_COMPUTE_32F, CUDA_R_16BF, CUDA_R_32F, CUDA_R_32F},
        {CUBLAS_COMPUTE_32F, CUDA_R_16F, CUDA_R_32F, CUDA_R_32F},
        {CUBLAS_COMPUTE_32F, CUDA_R_32F, CUDA_R_32F, CUDA_R_32F},
        {CUBLAS_COMPUTE_32F_PEDANTIC, CUDA_R_16BF, CUDA_R_16BF, CUDA_R_32F},
        {CUBLAS_COMPUTE_32F_PEDANTIC, CUDA_R_16F, CUDA_R_16F, CUDA_R_32F},
        {CUBLAS_COMPUTE_32F_PEDANTIC, CUDA_R_8I, CUDA_R_32F, CUDA_R_32F},
        {CUBLAS_COMPUTE_32F_PEDANTIC, CUDA_R_16BF, CUDA_R_32F, CUDA_R_32F},
        {CUBLAS_COMPUTE_32F_PEDANTIC, CUDA_R_16F, CUDA_R_32F, CUDA_R_32F},
        {CUBLAS_COMPUTE_32F_PEDANTIC, CUDA_R_32F, CUDA_R_32F, CUDA_R_32F},
        {CUBLAS_COMPUTE_32F_FAST_16F, CUDA_R_32F, CUDA_R_32F, CUDA_R_32F},
        {CUBLAS_COMPUTE_32F_FAST_16BF, CUDA_R_32F, CUDA_R_32F, CUDA_R_32F},
        {CUBLAS_COMPUTE_32F_FAST_TF32, CUDA_R_32F, CUDA_R_32F, CUDA_R_32F},
        {CUBLAS_COMPUTE_64F, CUDA_R_64F, CUDA_R_64F, CUDA_R_64F},
        {CUBLAS_COMPUTE_64F_PEDANTIC, CUDA_R_64F, CUDA_R_64F, CUDA_R_64F},
    };

    for (unsigned i = 0; i < sizeof(combinations) / sizeof(combinations[0]); i++) {
        const struct cublas_combination *one = &combinations[i];

        if (one->compute == compute && one->ab == a && one->ab == b && one->c == c) {
            return one;
        }
    }
    return NULL;
}

static inline bool cublas_op_is_known(cublasOperation_t op)
{
    return (unsigned)op <= CUBLAS_OP_CONJG;
}

/* Of real numbers. */
static inline bool cublas_op_transposes(cublasOperation_t op)
{
    return op == CUBLAS_OP_T || op == CUBLAS_OP_C;
}

/* May a matrix with so many rows have this leading dimension? */
static inline bool cublas_ld_fits(int ld, int rows)
{
    return ld >= (rows > 1 ? rows : 1);
}

static inline bool cublas_gemm_fits(cublasOperation_t transa, cublasOperation_t transb, int m,
                                    int n, int k, int lda, int ldb, int ldc, int batch_count)
{
    return cublas_op_is_known(transa) && cublas_op_is_known(transb) && m >= 0 && n >= 0 && k >= 0 &&
           batch_count >= 0 && cublas_ld_fits(lda, cublas_op_transposes(transa) ? k : m) &&
           cublas_ld_fits(ldb, cublas_op_transposes(transb) ? n : k) && cublas_ld_fits(ldc, m);
}

static inline bool cublas_gemv_fits(cublasOperation_t trans, int m, int n, int lda, int incx,
                                    int incy)
{
    return cublas_op_is_known(trans) && m >= 0 && n >= 0 && cublas_ld_fits(lda, m) && incx != 0 &&
           incy != 0;
}

static inline bool cublas_math_mode_is_known(cublasMath_t mode)
{
    return ((unsigned)mode & ~(unsigned)CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION) <=
           CUBLAS_TF32_TENSOR_OP_MATH;
}

/* A row of the table of statuses: its name, and a sentence. NULL: there is none. */
struct cublas_status_text {
    cublasStatus_t status;
    const char *name, *text;
};

static inline const struct cublas_status_text *cublas_find_status(cublasStatus_t status)
{
    static const struct cublas_status_text texts[] = {
        {CUBLAS_STATUS_SUCCESS, "CUBLAS_STATUS_SUCCESS", "success"},
        {CUBLAS_STATUS_NOT_INITIALIZED, "CUBLAS_STATUS_NOT_INITIALIZED",
         "the library was not initialized"},
        {CUBLAS_STATUS_ALLOC_FAILED, "CUBLAS_STATUS_ALLOC_FAILED", "there is no memory left"},
        {CUBLAS_STATUS_INVALID_VALUE, "CUBLAS_STATUS_INVALID_VALUE",
         "an unsupported value or parameter was passed"},
        {CUBLAS_STATUS_ARCH_MISMATCH, "CUBLAS_STATUS_ARCH_MISMATCH", "the device cannot do that"},
        {CUBLAS_STATUS_MAPPING_ERROR, "CUBLAS_STATUS_MAPPING_ERROR",
         "memory could not be made accessible"},
        {CUBLAS_STATUS_EXECUTION_FAILED, "CUBLAS_STATUS_EXECUTION_FAILED",
         "the computation failed"},
        {CUBLAS_STATUS_INTERNAL_ERROR, "CUBLAS_STATUS_INTERNAL_ERROR",
         "an internal operation failed"},
        {CUBLAS_STATUS_NOT_SUPPORTED, "CUBLAS_STATUS_NOT_SUPPORTED",
         "the function is not supported for these arguments"},
        {CUBLAS_STATUS_LICENSE_ERROR, "CUBLAS_STATUS_LICENSE_ERROR", "there is no licence"},
    };

    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].status == status) {
            return &texts[i];
        }
    }
    return NULL;
}

/* The products of one type, by those of any. */
#define CUBLAS_GEMM_OF_TYPE(letter, number, type, compute)                                         \
    cublasStatus_t cublas##letter##gemmStridedBatched(                                             \
        cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n,   \
        int k, const number *alpha, const number *A, int lda, long long int strideA,               \
        const number *B, int ldb, long long int strideB, const number *beta, number *C, int ldc,   \
        long long int strideC, int batchCount)                                                     \
    {                                                                                              \
        return cublasGemmStridedBatchedEx(handle, transa, transb, m, n, k, alpha, A, type, lda,    \
                                          strideA, B, type, ldb, strideB, beta, C, type, ldc,      \
                                          strideC, batchCount, compute, CUBLAS_GEMM_DEFAULT);      \
    }                                                                                              \
    cublasStatus_t cublas##letter##gemm_v2(                                                        \
        cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n,   \
        int k, const number *alpha, const number *A, int lda, const number *B, int ldb,            \
        const number *beta, number *C, int ldc)                                                    \
    {                                                                                              \
        return cublasGemmEx(handle, transa, transb, m, n, k, alpha, A, type, lda, B, type, ldb,    \
                            beta, C, type, ldc, compute, CUBLAS_GEMM_DEFAULT);                     \
    }                                                                                              \
    cublasStatus_t cublas##letter##gemmBatched(                                                    \
        cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n,   \
        int k, const number *alpha, const number *const Aarray[], int lda,                         \
        const number *const Barray[], int ldb, const number *beta, number *const Carray[],         \
        int ldc, int batchCount)                                                                   \
    {                                                                                              \
        return cublasGemmBatchedEx(                                                                \
            handle, transa, transb, m, n, k, alpha, (const void *const *)Aarray, type, lda,        \
            (const void *const *)Barray, type, ldb, beta, (void *const *)Carray, type, ldc,        \
            batchCount, compute, CUBLAS_GEMM_DEFAULT);                                             \
    }

#endif
