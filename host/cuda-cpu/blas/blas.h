/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cuBLAS on the CUDA device on the CPU: work in the order of its stream by the driver API alone
 * (cuLaunchHostFunc), computed by OpenBLAS, on one thread.
 */
#ifndef CUDA_CPU_BLAS_H
#define CUDA_CPU_BLAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/cublas_rules.h"
#include "protocol/cuda.h"

struct cublasContext {
    uint32_t magic;
    CUcontext context;
    CUstream stream;
    cublasPointerMode_t pointer_mode;
    cublasMath_t math_mode;
    cublasAtomicsMode_t atomics_mode;
    bool is_used; /* something was submitted */
};

/* NULL or a handle that is none: false. */
bool blas_handle_is_valid(cublasHandle_t handle);

/* ---- The driver (driver.c): the CUDA device's beside this library, whatever else is loaded ----
 */

struct blas_driver {
    __typeof__(cuCtxGetCurrent) *cuCtxGetCurrent;
    __typeof__(cuCtxSynchronize) *cuCtxSynchronize;
    __typeof__(cuLaunchHostFunc) *cuLaunchHostFunc;
    __typeof__(cuMemsetD2D8Async) *cuMemsetD2D8Async;
    __typeof__(cuPointerGetAttribute) *cuPointerGetAttribute;
    __typeof__(cuStreamSynchronize) *cuStreamSynchronize;
};

/* Found once; NULL: it is not there. */
const struct blas_driver *blas_driver_get(void);

/* ---- OpenBLAS (openblas.c): CBLAS's own functions, opened at run time ---- */

enum { BLAS_COL_MAJOR = 102, BLAS_NO_TRANS = 111, BLAS_TRANS = 112 };

struct openblas {
    void (*sgemm)(int order, int transa, int transb, int m, int n, int k, float alpha,
                  const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
    void (*dgemm)(int order, int transa, int transb, int m, int n, int k, double alpha,
                  const double *a, int lda, const double *b, int ldb, double beta, double *c,
                  int ldc);
    void (*sgemv)(int order, int trans, int m, int n, float alpha, const float *a, int lda,
                  const float *x, int incx, float beta, float *y, int incy);
    void (*dgemv)(int order, int trans, int m, int n, double alpha, const double *a, int lda,
                  const double *x, int incx, double beta, double *y, int incy);
    void (*saxpy)(int n, float alpha, const float *x, int incx, float *y, int incy);
    void (*daxpy)(int n, double alpha, const double *x, int incx, double *y, int incy);
    void (*sscal)(int n, float alpha, float *x, int incx);
    void (*dscal)(int n, double alpha, double *x, int incx);
    float (*sdot)(int n, const float *x, int incx, const float *y, int incy);
    double (*ddot)(int n, const double *x, int incx, const double *y, int incy);
    float (*snrm2)(int n, const float *x, int incx);
    double (*dnrm2)(int n, const double *x, int incx);
};

/* Opens it once; NULL: it is not installed. */
const struct openblas *openblas_get(void);

/* ---- Arguments ---- */

/* A number of the type at a place of any alignment. */
double blas_number(cudaDataType type, const void *place);

/* Whether all of a matrix's `columns` columns of `rows` elements lie in memory of the device. */
bool blas_has_matrix(const void *matrix, cudaDataType type, int64_t rows, int64_t columns,
                     int64_t ld);
/* BLAS's vectors: of n elements, `inc` apart. */
bool blas_has_vector(const void *vector, cudaDataType type, int64_t n, int64_t inc);

/* ---- Work ---- */

/* A scalar of a call: its value, or where it will be. */
struct blas_scalar {
    cudaDataType type;
    const void *place; /* NULL: it is `value` */
    double value;
};

/* False: it is at no memory of the device, or NULL. */
bool blas_scalar_take(cublasHandle_t handle, cudaDataType type, const void *place,
                      struct blas_scalar *scalar);
double blas_scalar_get(const struct blas_scalar *scalar);

/* Copies `work` of `size` bytes, and calls `run` with the copy when the handle's stream comes to
 * it. */
cublasStatus_t blas_submit(cublasHandle_t handle, void (*run)(void *work), const void *work,
                           size_t size);

/* Waits for the handle's stream. */
cublasStatus_t blas_wait(cublasHandle_t handle);

/* What a checker must know: this is written without having been read. */
cublasStatus_t blas_will_write(cublasHandle_t handle, void *matrix, cudaDataType type, int64_t rows,
                               int64_t columns, int64_t ld);

#endif
