/* SPDX-License-Identifier: BSD-2-Clause */
/* Vectors, and a matrix with a vector. */
#include "host/cuda-cpu/blas/blas.h"

struct operands {
    bool is_double;
    bool is_transposed;
    int m, n;
    struct blas_scalar alpha, beta;
    const void *a, *x;
    int lda, incx;
    void *y;
    int incy;
    void *result; /* the host's or the device's */
};

static cudaDataType type_of(const struct operands *operands)
{
    return operands->is_double ? CUDA_R_64F : CUDA_R_32F;
}

/* ---- In the stream ---- */

/* One of the two forms of each function of BLAS. */
#define EITHER(call_double, call_single)                                                           \
    (operands->is_double ? (void)(call_double) : (void)(call_single))

static void run_axpy(void *work)
{
    const struct operands *operands = work;
    double alpha = blas_scalar_get(&operands->alpha);

    EITHER(openblas_get()->daxpy(operands->n, alpha, operands->x, operands->incx, operands->y,
                                 operands->incy),
           openblas_get()->saxpy(operands->n, (float)alpha, operands->x, operands->incx,
                                 operands->y, operands->incy));
}

static void run_scal(void *work)
{
    const struct operands *operands = work;
    double alpha = blas_scalar_get(&operands->alpha);

    EITHER(openblas_get()->dscal(operands->n, alpha, operands->y, operands->incy),
           openblas_get()->sscal(operands->n, (float)alpha, operands->y, operands->incy));
}

static void put_result(const struct operands *operands, double number)
{
    if (operands->is_double) {
        *(double *)operands->result = number;
    } else {
        *(float *)operands->result = (float)number;
    }
}

static void run_dot(void *work)
{
    const struct operands *operands = work;

    put_result(operands, operands->is_double
                             ? openblas_get()->ddot(operands->n, operands->x, operands->incx,
                                                    operands->y, operands->incy)
                             : openblas_get()->sdot(operands->n, operands->x, operands->incx,
                                                    operands->y, operands->incy));
}

static void run_nrm2(void *work)
{
    const struct operands *operands = work;

    put_result(operands, operands->is_double
                             ? openblas_get()->dnrm2(operands->n, operands->x, operands->incx)
                             : openblas_get()->snrm2(operands->n, operands->x, operands->incx));
}

static void run_zero(void *work)
{
    put_result(work, 0);
}

static void run_gemv(void *work)
{
    const struct operands *operands = work;
    int trans = operands->is_transposed ? BLAS_TRANS : BLAS_NO_TRANS;
    double alpha = blas_scalar_get(&operands->alpha), beta = blas_scalar_get(&operands->beta);

    EITHER(openblas_get()->dgemv(BLAS_COL_MAJOR, trans, operands->m, operands->n, alpha,
                                 operands->a, operands->lda, operands->x, operands->incx, beta,
                                 operands->y, operands->incy),
           openblas_get()->sgemv(BLAS_COL_MAJOR, trans, operands->m, operands->n, (float)alpha,
                                 operands->a, operands->lda, operands->x, operands->incx,
                                 (float)beta, operands->y, operands->incy));
}

/* ---- What is asked for ---- */

static bool has_vectors(const struct operands *operands, int64_t x_count, int64_t y_count)
{
    return (operands->x == NULL && x_count == 0) ||
           (blas_has_vector(operands->x, type_of(operands), x_count, operands->incx) &&
            blas_has_vector(operands->y, type_of(operands), y_count, operands->incy));
}

static cublasStatus_t axpy(cublasHandle_t handle, struct operands operands, const void *alpha)
{
    if (!blas_handle_is_valid(handle)) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    if (!blas_scalar_take(handle, type_of(&operands), alpha, &operands.alpha)) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    if (operands.n <= 0) {
        return CUBLAS_STATUS_SUCCESS;
    }
    return has_vectors(&operands, operands.n, operands.n)
               ? blas_submit(handle, run_axpy, &operands, sizeof(operands))
               : CUBLAS_STATUS_EXECUTION_FAILED;
}

static cublasStatus_t scal(cublasHandle_t handle, struct operands operands, const void *alpha)
{
    if (!blas_handle_is_valid(handle)) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    if (!blas_scalar_take(handle, type_of(&operands), alpha, &operands.alpha)) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    if (operands.n <= 0 || operands.incy <= 0) {
        return CUBLAS_STATUS_SUCCESS;
    }
    return blas_has_vector(operands.y, type_of(&operands), operands.n, operands.incy)
               ? blas_submit(handle, run_scal, &operands, sizeof(operands))
               : CUBLAS_STATUS_EXECUTION_FAILED;
}

/* Of dot and nrm2: `run` puts a number at operands->result. */
static cublasStatus_t reduce(cublasHandle_t handle, const struct operands *operands,
                             void (*run)(void *work))
{
    bool to_host = handle->pointer_mode == CUBLAS_POINTER_MODE_HOST;
    cublasStatus_t status;

    if (!to_host) {
        if (!blas_has_vector(operands->result, type_of(operands), 1, 1)) {
            return CUBLAS_STATUS_INVALID_VALUE;
        }
        status = blas_will_write(handle, operands->result, type_of(operands), 1, 1, 1);
        if (status != CUBLAS_STATUS_SUCCESS) {
            return status;
        }
    }
    status = blas_submit(handle, run, operands, sizeof(*operands));
    return status == CUBLAS_STATUS_SUCCESS && to_host ? blas_wait(handle) : status;
}

static cublasStatus_t dot(cublasHandle_t handle, const struct operands *operands)
{
    if (!blas_handle_is_valid(handle)) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    if (operands->result == NULL) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    return has_vectors(operands, operands->n, operands->n)
               ? reduce(handle, operands, operands->n > 0 ? run_dot : run_zero)
               : CUBLAS_STATUS_EXECUTION_FAILED;
}

static cublasStatus_t nrm2(cublasHandle_t handle, const struct operands *operands)
{
    bool is_empty = operands->n <= 0 || operands->incx <= 0;

    if (!blas_handle_is_valid(handle)) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    if (operands->result == NULL) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    return is_empty || blas_has_vector(operands->x, type_of(operands), operands->n, operands->incx)
               ? reduce(handle, operands, is_empty ? run_zero : run_nrm2)
               : CUBLAS_STATUS_EXECUTION_FAILED;
}

static cublasStatus_t check_gemv(cublasHandle_t handle, struct operands *operands,
                                 cublasOperation_t trans, const void *alpha, const void *beta)
{
    if (!blas_handle_is_valid(handle)) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    operands->is_transposed = cublas_op_transposes(trans);
    return cublas_gemv_fits(trans, operands->m, operands->n, operands->lda, operands->incx,
                            operands->incy) &&
                   blas_scalar_take(handle, type_of(operands), alpha, &operands->alpha) &&
                   blas_scalar_take(handle, type_of(operands), beta, &operands->beta)
               ? CUBLAS_STATUS_SUCCESS
               : CUBLAS_STATUS_INVALID_VALUE;
}

static cublasStatus_t gemv(cublasHandle_t handle, struct operands operands, cublasOperation_t trans,
                           const void *alpha, const void *beta)
{
    cublasStatus_t status = check_gemv(handle, &operands, trans, alpha, beta);
    int64_t x_count = operands.is_transposed ? operands.m : operands.n;
    int64_t y_count = operands.m + (int64_t)operands.n - x_count;

    if (status != CUBLAS_STATUS_SUCCESS || operands.m == 0 || operands.n == 0) {
        return status;
    }
    if (!has_vectors(&operands, x_count, y_count) ||
        !blas_has_matrix(operands.a, type_of(&operands), operands.m, operands.n, operands.lda)) {
        return CUBLAS_STATUS_EXECUTION_FAILED;
    }
    if (operands.beta.place == NULL && operands.beta.value == 0) {
        int64_t step = operands.incy < 0 ? -(int64_t)operands.incy : operands.incy;

        status = blas_will_write(handle, operands.y, type_of(&operands), 1, y_count, step);
    }
    return status == CUBLAS_STATUS_SUCCESS
               ? blas_submit(handle, run_gemv, &operands, sizeof(operands))
               : status;
}

/* ---- The API ---- */

#define OF_TYPE(letter, number, has_double)                                                        \
    cublasStatus_t cublas##letter##axpy_v2(cublasHandle_t handle, int n, const number *alpha,      \
                                           const number *x, int incx, number *y, int incy)         \
    {                                                                                              \
        return axpy(                                                                               \
            handle,                                                                                \
            (struct operands){                                                                     \
                .is_double = has_double, .n = n, .x = x, .incx = incx, .y = y, .incy = incy},      \
            alpha);                                                                                \
    }                                                                                              \
    cublasStatus_t cublas##letter##scal_v2(cublasHandle_t handle, int n, const number *alpha,      \
                                           number *x, int incx)                                    \
    {                                                                                              \
        return scal(handle,                                                                        \
                    (struct operands){.is_double = has_double, .n = n, .y = x, .incy = incx},      \
                    alpha);                                                                        \
    }                                                                                              \
    cublasStatus_t cublas##letter##dot_v2(cublasHandle_t handle, int n, const number *x, int incx, \
                                          const number *y, int incy, number *result)               \
    {                                                                                              \
        return dot(handle, &(struct operands){.is_double = has_double,                             \
                                              .n = n,                                              \
                                              .x = x,                                              \
                                              .incx = incx,                                        \
                                              .y = (void *)(uintptr_t)y,                           \
                                              .incy = incy,                                        \
                                              .result = result});                                  \
    }                                                                                              \
    cublasStatus_t cublas##letter##nrm2_v2(cublasHandle_t handle, int n, const number *x,          \
                                           int incx, number *result)                               \
    {                                                                                              \
        return nrm2(handle,                                                                        \
                    &(struct operands){                                                            \
                        .is_double = has_double, .n = n, .x = x, .incx = incx, .result = result}); \
    }                                                                                              \
    cublasStatus_t cublas##letter##gemv_v2(cublasHandle_t handle, cublasOperation_t trans, int m,  \
                                           int n, const number *alpha, const number *A, int lda,   \
                                           const number *x, int incx, const number *beta,          \
                                           number *y, int incy)                                    \
    {                                                                                              \
        return gemv(handle,                                                                        \
                    (struct operands){.is_double = has_double,                                     \
                                      .m = m,                                                      \
                                      .n = n,                                                      \
                                      .a = A,                                                      \
                                      .lda = lda,                                                  \
                                      .x = x,                                                      \
                                      .incx = incx,                                                \
                                      .y = y,                                                      \
                                      .incy = incy},                                               \
                    trans, alpha, beta);                                                           \
    }

OF_TYPE(S, float, false)
OF_TYPE(D, double, true)
