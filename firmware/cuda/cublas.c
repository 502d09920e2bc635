/* SPDX-License-Identifier: BSD-2-Clause */
/* cuBLAS: what can be refused here is; the rest is the worker's. */
#include "firmware/cuda/capture.h"
#include "firmware/cuda/internal.h"

#include "baregpu/cublas.h"
#include "protocol/cublas_rules.h"
#include "protocol/cuda_blas.h"

struct cuda_blas {
    struct cuda_object object;
    CUstream stream;
    cublasPointerMode_t pointer_mode;
    cublasMath_t math_mode;
    cublasAtomicsMode_t atomics_mode;
};

static cublasStatus_t status_of(CUresult result)
{
    switch (result) {
    case CUDA_SUCCESS:
        return CUBLAS_STATUS_SUCCESS;
    case CUDA_ERROR_NOT_INITIALIZED:
    case CUDA_ERROR_INVALID_CONTEXT:
        return CUBLAS_STATUS_NOT_INITIALIZED;
    case CUDA_ERROR_OUT_OF_MEMORY:
        return CUBLAS_STATUS_ALLOC_FAILED;
    case CUDA_ERROR_NOT_SUPPORTED:
        return CUBLAS_STATUS_NOT_SUPPORTED;
    default:
        return CUBLAS_STATUS_EXECUTION_FAILED;
    }
}

/* ---- Handles ---- */

static struct cuda_blas *find(cublasHandle_t handle)
{
    return cuda_find(handle, CUDA_KIND_BLAS);
}

void cuda_blas_destroy(struct cuda_object *object)
{
    cuda_object_destroy(object);
}

cublasStatus_t cublasCreate(cublasHandle_t *handle)
{
    struct cuda_context *context;
    struct cuda_blas *blas;
    CUresult result;

    if (handle == NULL) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    result = cuda_enter_context(&context);
    if (result == CUDA_SUCCESS && !context->device->info.has_blas) {
        result = CUDA_ERROR_NOT_SUPPORTED;
    }
    if (result != CUDA_SUCCESS) {
        return status_of(result);
    }
    blas = cuda_object_create(CUDA_KIND_BLAS, sizeof(*blas), context);
    if (blas == NULL) {
        return CUBLAS_STATUS_ALLOC_FAILED;
    }
    *handle = blas->object.handle;
    return CUBLAS_STATUS_SUCCESS;
}

/* As NVIDIA's it waits. */
cublasStatus_t cublasDestroy(cublasHandle_t handle)
{
    struct cuda_blas *blas = find(handle);

    if (blas == NULL) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    cuCtxSynchronize();
    cuda_blas_destroy(&blas->object);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetVersion(cublasHandle_t handle, int *version)
{
    (void)handle; /* may be none */
    if (version == NULL) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    *version = CUBLAS_VERSION;
    return CUBLAS_STATUS_SUCCESS;
}

#define SET(name, type, field, is_known)                                                           \
    cublasStatus_t name(cublasHandle_t handle, type value)                                         \
    {                                                                                              \
        struct cuda_blas *blas = find(handle);                                                     \
                                                                                                   \
        if (blas == NULL) {                                                                        \
            return CUBLAS_STATUS_NOT_INITIALIZED;                                                  \
        }                                                                                          \
        if (!(is_known)) {                                                                         \
            return CUBLAS_STATUS_INVALID_VALUE;                                                    \
        }                                                                                          \
        blas->field = value;                                                                       \
        return CUBLAS_STATUS_SUCCESS;                                                              \
    }

#define GET(name, type, field)                                                                     \
    cublasStatus_t name(cublasHandle_t handle, type *value)                                        \
    {                                                                                              \
        const struct cuda_blas *blas = find(handle);                                               \
                                                                                                   \
        if (blas == NULL) {                                                                        \
            return CUBLAS_STATUS_NOT_INITIALIZED;                                                  \
        }                                                                                          \
        if (value == NULL) {                                                                       \
            return CUBLAS_STATUS_INVALID_VALUE;                                                    \
        }                                                                                          \
        *value = blas->field;                                                                      \
        return CUBLAS_STATUS_SUCCESS;                                                              \
    }

SET(cublasSetStream, cudaStream_t, stream, true) /* looked at when it is used */
GET(cublasGetStream, cudaStream_t, stream)
SET(cublasSetPointerMode, cublasPointerMode_t, pointer_mode,
    (unsigned)value <= CUBLAS_POINTER_MODE_DEVICE)
GET(cublasGetPointerMode, cublasPointerMode_t, pointer_mode)
SET(cublasSetMathMode, cublasMath_t, math_mode, cublas_math_mode_is_known(value))
GET(cublasGetMathMode, cublasMath_t, math_mode)
SET(cublasSetAtomicsMode, cublasAtomicsMode_t, atomics_mode,
    (unsigned)value <= CUBLAS_ATOMICS_ALLOWED)
GET(cublasGetAtomicsMode, cublasAtomicsMode_t, atomics_mode)

/* The worker's has its own. */
cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void *workspace, size_t size)
{
    if (find(handle) == NULL) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    return workspace == NULL && size != 0 ? CUBLAS_STATUS_INVALID_VALUE : CUBLAS_STATUS_SUCCESS;
}

const char *cublasGetStatusName(cublasStatus_t status)
{
    const struct cublas_status_text *text = cublas_find_status(status);

    return text != NULL ? text->name : "CUBLAS_STATUS_UNKNOWN";
}

const char *cublasGetStatusString(cublasStatus_t status)
{
    const struct cublas_status_text *text = cublas_find_status(status);

    return text != NULL ? text->text : "unknown status";
}

/* ---- A call's way ---- */

static uint64_t address_of(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

/* False: it is NULL. */
static bool take_scalar(const struct cuda_blas *blas, cudaDataType type, const void *place,
                        uint64_t *scalar)
{
    *scalar = 0;
    if (place == NULL) {
        return false;
    }
    if (blas->pointer_mode == CUBLAS_POINTER_MODE_DEVICE) {
        *scalar = address_of(place);
    } else {
        memcpy(scalar, place, cublas_type_size(type));
    }
    return true;
}

/* A number for the program: the device puts it into the heap, which is no round trip but the wait
 * for the stream; without a heap it is asked for. */
static CUresult fetch(struct cuda_stream *stream, struct bg_cuda_blas *call, void *result,
                      size_t size)
{
    struct cuda_device *device = stream->object.context->device;
    uint64_t answer = 0, offset;
    uint8_t *place = (uint8_t *)&answer;
    CUresult error;

    if (device->page == NULL) {
        error = cuda_ask(device, BG_CUDA_BLAS, call, sizeof(*call), &answer, sizeof(answer));
    } else {
        error = cuda_staging_take(device, stream->number, sizeof(answer), &place, &offset);
        call->flags = BG_CUDA_BLAS_DEVICE_SCALARS;
        call->result = device->info.heap_address + offset;
        error = error ?: CUDA_PUT_IN(device, stream->number, BG_CUDA_BLAS, *call) ?: cuda_stream_wait(stream);
    }
    if (error == CUDA_SUCCESS) {
        memcpy(result, place, size);
    }
    return error;
}

/* What is asked for is complete but for what the handle says. `result`: where a number of so many
 * bytes goes to; NULL: there is none. */
static cublasStatus_t send(const struct cuda_blas *blas, struct bg_cuda_blas *call, void *result,
                           size_t size)
{
    bool to_device = blas->pointer_mode == CUBLAS_POINTER_MODE_DEVICE;
    struct cuda_context *context;
    struct cuda_stream *stream;
    CUresult error =
        cuda_enter_context(&context) ?: cuda_capture_stream_of(context, blas->stream, &stream);

    if (error != CUDA_SUCCESS) {
        return status_of(error);
    }
    if (blas->object.context != context) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    if (cuda_capture_refuse(stream) != CUDA_SUCCESS) {
        return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    call->stream = stream->number;
    call->math_mode = blas->math_mode;
    call->flags = to_device ? BG_CUDA_BLAS_DEVICE_SCALARS : 0;
    if (result != NULL && !to_device) {
        return status_of(fetch(stream, call, result, size));
    }
    call->result = address_of(result);
    return status_of(CUDA_PUT_IN(context->device, stream->number, BG_CUDA_BLAS, *call));
}

static struct bg_cuda_blas_operand vector(const void *vector, cudaDataType type, int inc)
{
    return (struct bg_cuda_blas_operand){.address = address_of(vector), .ld = inc, .type = type};
}

/* ---- Vectors ---- */

static cublasStatus_t update(cublasHandle_t handle, uint32_t routine, cudaDataType type, int n,
                             const void *alpha, const void *x, int incx, void *y, int incy)
{
    const struct cuda_blas *blas = find(handle);
    struct bg_cuda_blas call = {
        .routine = routine,
        .type = type,
        .n = n,
        .b = vector(x, type, incx),
        .c = vector(y, type, incy),
    };

    if (blas == NULL) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    if (!take_scalar(blas, type, alpha, &call.alpha)) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    return n <= 0 ? CUBLAS_STATUS_SUCCESS : send(blas, &call, NULL, 0);
}

static cublasStatus_t reduce(cublasHandle_t handle, uint32_t routine, cudaDataType type, int n,
                             const void *x, int incx, const void *y, int incy, void *result)
{
    const struct cuda_blas *blas = find(handle);
    struct bg_cuda_blas call = {
        .routine = routine,
        .type = type,
        .n = n,
        .b = vector(x, type, incx),
        .c = vector(y, type, incy),
    };

    if (blas == NULL) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    return result == NULL ? CUBLAS_STATUS_INVALID_VALUE
                          : send(blas, &call, result, cublas_type_size(type));
}

/* ---- Matrices ---- */

static cublasStatus_t gemv(cublasHandle_t handle, cudaDataType type, cublasOperation_t trans, int m,
                           int n, const void *alpha, const void *a, int lda, const void *x,
                           int incx, const void *beta, void *y, int incy)
{
    const struct cuda_blas *blas = find(handle);
    struct bg_cuda_blas call = {
        .routine = BG_CUDA_BLAS_GEMV,
        .type = type,
        .transa = trans,
        .m = m,
        .n = n,
        .a = vector(a, type, lda),
        .b = vector(x, type, incx),
        .c = vector(y, type, incy),
    };

    if (blas == NULL) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    if (!cublas_gemv_fits(trans, m, n, lda, incx, incy) ||
        !take_scalar(blas, type, alpha, &call.alpha) ||
        !take_scalar(blas, type, beta, &call.beta)) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    return m == 0 || n == 0 ? CUBLAS_STATUS_SUCCESS : send(blas, &call, NULL, 0);
}

/* `call` has the operands and types. */
static cublasStatus_t gemm(cublasHandle_t handle, struct bg_cuda_blas *call,
                           cublasOperation_t transa, cublasOperation_t transb, int m, int n, int k,
                           const void *alpha, const void *beta)
{
    const struct cuda_blas *blas = find(handle);
    const struct cublas_combination *combination =
        cublas_find_combination((cublasComputeType_t)call->compute, (cudaDataType)call->a.type,
                                (cudaDataType)call->b.type, (cudaDataType)call->c.type);

    if (blas == NULL) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    if (!cublas_gemm_fits(transa, transb, m, n, k, call->a.ld, call->b.ld, call->c.ld,
                          call->batch_count)) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    if (combination == NULL) {
        return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    if (!take_scalar(blas, combination->scalar, alpha, &call->alpha) ||
        !take_scalar(blas, combination->scalar, beta, &call->beta)) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    call->transa = transa;
    call->transb = transb;
    call->m = m;
    call->n = n;
    call->k = k;
    return m == 0 || n == 0 || call->batch_count == 0 ? CUBLAS_STATUS_SUCCESS
                                                      : send(blas, call, NULL, 0);
}

static struct bg_cuda_blas_operand matrix(const void *matrix, cudaDataType type, int ld,
                                          long long stride)
{
    return (struct bg_cuda_blas_operand){
        .address = address_of(matrix), .stride = stride, .ld = ld, .type = type};
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transa,
                            cublasOperation_t transb, int m, int n, int k, const void *alpha,
                            const void *A, cudaDataType Atype, int lda, const void *B,
                            cudaDataType Btype, int ldb, const void *beta, void *C,
                            cudaDataType Ctype, int ldc, cublasComputeType_t computeType,
                            cublasGemmAlgo_t algo)
{
    struct bg_cuda_blas call = {
        .routine = BG_CUDA_BLAS_GEMM,
        .compute = computeType,
        .algorithm = algo,
        .batch_count = 1,
        .a = matrix(A, Atype, lda, 0),
        .b = matrix(B, Btype, ldb, 0),
        .c = matrix(C, Ctype, ldc, 0),
    };

    return gemm(handle, &call, transa, transb, m, n, k, alpha, beta);
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t transa,
                                          cublasOperation_t transb, int m, int n, int k,
                                          const void *alpha, const void *A, cudaDataType Atype,
                                          int lda, long long int strideA, const void *B,
                                          cudaDataType Btype, int ldb, long long int strideB,
                                          const void *beta, void *C, cudaDataType Ctype, int ldc,
                                          long long int strideC, int batchCount,
                                          cublasComputeType_t computeType, cublasGemmAlgo_t algo)
{
    struct bg_cuda_blas call = {
        .routine = BG_CUDA_BLAS_GEMM_STRIDED,
        .compute = computeType,
        .algorithm = algo,
        .batch_count = batchCount,
        .a = matrix(A, Atype, lda, strideA),
        .b = matrix(B, Btype, ldb, strideB),
        .c = matrix(C, Ctype, ldc, strideC),
    };

    return gemm(handle, &call, transa, transb, m, n, k, alpha, beta);
}

cublasStatus_t cublasGemmBatchedEx(cublasHandle_t handle, cublasOperation_t transa,
                                   cublasOperation_t transb, int m, int n, int k, const void *alpha,
                                   const void *const Aarray[], cudaDataType Atype, int lda,
                                   const void *const Barray[], cudaDataType Btype, int ldb,
                                   const void *beta, void *const Carray[], cudaDataType Ctype,
                                   int ldc, int batchCount, cublasComputeType_t computeType,
                                   cublasGemmAlgo_t algo)
{
    struct bg_cuda_blas call = {
        .routine = BG_CUDA_BLAS_GEMM_BATCHED,
        .compute = computeType,
        .algorithm = algo,
        .batch_count = batchCount,
        .a = matrix(Aarray, Atype, lda, 0),
        .b = matrix(Barray, Btype, ldb, 0),
        .c = matrix(Carray, Ctype, ldc, 0),
    };

    return gemm(handle, &call, transa, transb, m, n, k, alpha, beta);
}

/* ---- By type ---- */

#define OF_TYPE(letter, number, type)                                                              \
    cublasStatus_t cublas##letter##axpy_v2(cublasHandle_t handle, int n, const number *alpha,      \
                                           const number *x, int incx, number *y, int incy)         \
    {                                                                                              \
        return update(handle, BG_CUDA_BLAS_AXPY, type, n, alpha, x, incx, y, incy);                \
    }                                                                                              \
    cublasStatus_t cublas##letter##scal_v2(cublasHandle_t handle, int n, const number *alpha,      \
                                           number *x, int incx)                                    \
    {                                                                                              \
        return update(handle, BG_CUDA_BLAS_SCAL, type, incx <= 0 ? 0 : n, alpha, NULL, 1, x,       \
                      incx);                                                                       \
    }                                                                                              \
    cublasStatus_t cublas##letter##dot_v2(cublasHandle_t handle, int n, const number *x, int incx, \
                                          const number *y, int incy, number *result)               \
    {                                                                                              \
        return reduce(handle, BG_CUDA_BLAS_DOT, type, n, x, incx, y, incy, result);                \
    }                                                                                              \
    cublasStatus_t cublas##letter##nrm2_v2(cublasHandle_t handle, int n, const number *x,          \
                                           int incx, number *result)                               \
    {                                                                                              \
        return reduce(handle, BG_CUDA_BLAS_NRM2, type, n, x, incx, NULL, 1, result);               \
    }                                                                                              \
    cublasStatus_t cublas##letter##gemv_v2(cublasHandle_t handle, cublasOperation_t trans, int m,  \
                                           int n, const number *alpha, const number *A, int lda,   \
                                           const number *x, int incx, const number *beta,          \
                                           number *y, int incy)                                    \
    {                                                                                              \
        return gemv(handle, type, trans, m, n, alpha, A, lda, x, incx, beta, y, incy);             \
    }

OF_TYPE(S, float, CUDA_R_32F)
OF_TYPE(D, double, CUDA_R_64F)
CUBLAS_GEMM_OF_TYPE(S, float, CUDA_R_32F, CUBLAS_COMPUTE_32F)
CUBLAS_GEMM_OF_TYPE(D, double, CUDA_R_64F, CUBLAS_COMPUTE_64F)
