/* SPDX-License-Identifier: BSD-2-Clause */
/* cuBLAS, of the same provider as the driver: NVIDIA's, or the one beside the CUDA device on the
 * CPU. Opened at run time; a machine may have none. */
#ifndef MEDIATOR_CUBLAS_H
#define MEDIATOR_CUBLAS_H

#include "host/mediator/compute/cuda_driver.h"
#include "protocol/cublas.h"

/* What the mediator calls. */
#define CUBLAS_FUNCTIONS(X)                                                                        \
    X(cublasCreate)                                                                                \
    X(cublasDestroy)                                                                               \
    X(cublasSetStream)                                                                             \
    X(cublasSetPointerMode)                                                                        \
    X(cublasSetMathMode)                                                                           \
    X(cublasSaxpy)                                                                                 \
    X(cublasDaxpy)                                                                                 \
    X(cublasSscal)                                                                                 \
    X(cublasDscal)                                                                                 \
    X(cublasSdot)                                                                                  \
    X(cublasDdot)                                                                                  \
    X(cublasSnrm2)                                                                                 \
    X(cublasDnrm2)                                                                                 \
    X(cublasSgemv)                                                                                 \
    X(cublasDgemv)                                                                                 \
    X(cublasGemmEx)                                                                                \
    X(cublasGemmStridedBatchedEx)                                                                  \
    X(cublasGemmBatchedEx)

struct cublas {
#define CUBLAS_FIELD(name) __typeof__(name) *name;
    CUBLAS_FUNCTIONS(CUBLAS_FIELD)
#undef CUBLAS_FIELD
};

/*
 * The driver's, opened once in a process, before it gives up files. On the CPU a context is
 * current, since the library opens what it computes with. NULL: there is none.
 */
const struct cublas *cublas_load(const struct cuda_driver *driver);

/* What cublas_load found; NULL: none, or it was not called. */
const struct cublas *cublas_get(const struct cuda_driver *driver);

#endif
