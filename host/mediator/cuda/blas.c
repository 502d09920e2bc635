/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cuBLAS. The library refuses what does not fit together. Where an operand begins is the guest's
 * memory; that it ends there, too, the one on the CPU looks up, and a GPU's own hardware.
 */
#include "host/mediator/compute/cublas.h"
#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/memory.h"
#include "host/mediator/cuda/stream.h"
#include "protocol/cuda_blas.h"

/* What a routine gets. */
struct blas_call {
    const struct cublas *library;
    cublasHandle_t handle;
    const struct bg_cuda_blas *wanted;
    const void *alpha, *beta;
    void *result;
    const void *a, *x;
    void *y;
};

/* An address of the device. */
static void *pointer(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

/* ---- The routines ---- */

/* One of the two forms, by type. */
#define EITHER(call, letters, ...)                                                                 \
    ((call)->wanted->type == CUDA_R_64F ? (call)->library->cublasD##letters(__VA_ARGS__)           \
                                        : (call)->library->cublasS##letters(__VA_ARGS__))

static cublasStatus_t run_axpy(const struct blas_call *call)
{
    const struct bg_cuda_blas *wanted = call->wanted;

    return EITHER(call, axpy, call->handle, wanted->n, call->alpha, call->x, wanted->b.ld, call->y,
                  wanted->c.ld);
}

static cublasStatus_t run_scal(const struct blas_call *call)
{
    return EITHER(call, scal, call->handle, call->wanted->n, call->alpha, call->y,
                  call->wanted->c.ld);
}

static cublasStatus_t run_dot(const struct blas_call *call)
{
    const struct bg_cuda_blas *wanted = call->wanted;

    return EITHER(call, dot, call->handle, wanted->n, call->x, wanted->b.ld, call->y, wanted->c.ld,
                  call->result);
}

static cublasStatus_t run_nrm2(const struct blas_call *call)
{
    return EITHER(call, nrm2, call->handle, call->wanted->n, call->x, call->wanted->b.ld,
                  call->result);
}

static cublasStatus_t run_gemv(const struct blas_call *call)
{
    const struct bg_cuda_blas *wanted = call->wanted;

    return EITHER(call, gemv, call->handle, (cublasOperation_t)wanted->transa, wanted->m, wanted->n,
                  call->alpha, call->a, wanted->a.ld, call->x, wanted->b.ld, call->beta, call->y,
                  wanted->c.ld);
}

static cublasStatus_t run_gemm(const struct blas_call *call)
{
    const struct bg_cuda_blas *wanted = call->wanted;
    const struct bg_cuda_blas_operand *a = &wanted->a, *b = &wanted->b, *c = &wanted->c;

    return call->library->cublasGemmEx(
        call->handle, (cublasOperation_t)wanted->transa, (cublasOperation_t)wanted->transb,
        wanted->m, wanted->n, wanted->k, call->alpha, call->a, (cudaDataType)a->type, a->ld,
        call->x, (cudaDataType)b->type, b->ld, call->beta, call->y, (cudaDataType)c->type, c->ld,
        (cublasComputeType_t)wanted->compute, (cublasGemmAlgo_t)wanted->algorithm);
}

static cublasStatus_t run_gemm_strided(const struct blas_call *call)
{
    const struct bg_cuda_blas *wanted = call->wanted;
    const struct bg_cuda_blas_operand *a = &wanted->a, *b = &wanted->b, *c = &wanted->c;

    return call->library->cublasGemmStridedBatchedEx(
        call->handle, (cublasOperation_t)wanted->transa, (cublasOperation_t)wanted->transb,
        wanted->m, wanted->n, wanted->k, call->alpha, call->a, (cudaDataType)a->type, a->ld,
        a->stride, call->x, (cudaDataType)b->type, b->ld, b->stride, call->beta, call->y,
        (cudaDataType)c->type, c->ld, c->stride, wanted->batch_count,
        (cublasComputeType_t)wanted->compute, (cublasGemmAlgo_t)wanted->algorithm);
}

static cublasStatus_t run_gemm_batched(const struct blas_call *call)
{
    const struct bg_cuda_blas *wanted = call->wanted;
    const struct bg_cuda_blas_operand *a = &wanted->a, *b = &wanted->b, *c = &wanted->c;

    return call->library->cublasGemmBatchedEx(
        call->handle, (cublasOperation_t)wanted->transa, (cublasOperation_t)wanted->transb,
        wanted->m, wanted->n, wanted->k, call->alpha, (const void *const *)call->a,
        (cudaDataType)a->type, a->ld, (const void *const *)call->x, (cudaDataType)b->type, b->ld,
        call->beta, (void *const *)call->y, (cudaDataType)c->type, c->ld, wanted->batch_count,
        (cublasComputeType_t)wanted->compute, (cublasGemmAlgo_t)wanted->algorithm);
}

static cublasStatus_t (*const routines[])(const struct blas_call *call) = {
    [BG_CUDA_BLAS_AXPY] = run_axpy,
    [BG_CUDA_BLAS_SCAL] = run_scal,
    [BG_CUDA_BLAS_DOT] = run_dot,
    [BG_CUDA_BLAS_NRM2] = run_nrm2,
    [BG_CUDA_BLAS_GEMV] = run_gemv,
    [BG_CUDA_BLAS_GEMM] = run_gemm,
    [BG_CUDA_BLAS_GEMM_STRIDED] = run_gemm_strided,
    [BG_CUDA_BLAS_GEMM_BATCHED] = run_gemm_batched,
};

/* ---- A call ---- */

static CUresult result_of(cublasStatus_t status)
{
    switch (status) {
    case CUBLAS_STATUS_SUCCESS:
        return CUDA_SUCCESS;
    case CUBLAS_STATUS_ALLOC_FAILED:
        return CUDA_ERROR_OUT_OF_MEMORY;
    case CUBLAS_STATUS_NOT_SUPPORTED:
    case CUBLAS_STATUS_ARCH_MISMATCH:
        return CUDA_ERROR_NOT_SUPPORTED;
    case CUBLAS_STATUS_NOT_INITIALIZED:
    case CUBLAS_STATUS_INTERNAL_ERROR:
        return CUDA_ERROR_OPERATING_SYSTEM;
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

/* The first call makes the session's handle. */
static CUresult prepare(struct cuda_session *cuda, const struct cublas **library)
{
    *library = cublas_get(cuda->driver);
    if (*library == NULL) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    return cuda->blas != NULL ? CUDA_SUCCESS : result_of((*library)->cublasCreate(&cuda->blas));
}

static CUresult check(const struct bg_cuda_blas *wanted)
{
    bool has_type = wanted->routine <= BG_CUDA_BLAS_GEMV;

    if (wanted->routine >= sizeof(routines) / sizeof(routines[0]) ||
        routines[wanted->routine] == NULL) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    return (wanted->flags & ~BG_CUDA_BLAS_DEVICE_SCALARS) || wanted->zero ||
                   (has_type && wanted->type != CUDA_R_32F && wanted->type != CUDA_R_64F)
               ? CUDA_ERROR_INVALID_VALUE
               : CUDA_SUCCESS;
}

/* 0: there is none. */
static bool may_begin_at(const struct cuda_session *cuda, uint64_t address)
{
    return address == 0 || cuda_memory_has(cuda, address, 1);
}

static CUresult check_addresses(const struct cuda_session *cuda, const struct bg_cuda_blas *wanted)
{
    bool on_device = wanted->flags & BG_CUDA_BLAS_DEVICE_SCALARS;

    return may_begin_at(cuda, wanted->a.address) && may_begin_at(cuda, wanted->b.address) &&
                   may_begin_at(cuda, wanted->c.address) &&
                   (!on_device ||
                    (may_begin_at(cuda, wanted->alpha) && may_begin_at(cuda, wanted->beta) &&
                     may_begin_at(cuda, wanted->result)))
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}

static CUresult set_up(const struct blas_call *call, CUstream stream)
{
    bool on_device = call->wanted->flags & BG_CUDA_BLAS_DEVICE_SCALARS;
    const struct cublas *library = call->library;

    return result_of(
        library->cublasSetStream(call->handle, stream)
            ?: library->cublasSetMathMode(call->handle, (cublasMath_t)call->wanted->math_mode)
            ?: library->cublasSetPointerMode(call->handle, on_device ? CUBLAS_POINTER_MODE_DEVICE
                                                                     : CUBLAS_POINTER_MODE_HOST));
}

/* A number that is the answer, and arrays of addresses: the library waits for the stream itself. */
static bool waits(const struct bg_cuda_blas *wanted, bool answers)
{
    return answers || wanted->routine == BG_CUDA_BLAS_GEMM_BATCHED;
}

CUDA_COMMAND(cuda_run_blas)
{
    const struct bg_cuda_blas *wanted = call->params;
    bool on_device = wanted->flags & BG_CUDA_BLAS_DEVICE_SCALARS;
    bool answers =
        !on_device && (wanted->routine == BG_CUDA_BLAS_DOT || wanted->routine == BG_CUDA_BLAS_NRM2);
    uint64_t answer = 0;
    struct blas_call blas = {
        .wanted = wanted,
        .alpha = on_device ? pointer(wanted->alpha) : &wanted->alpha,
        .beta = on_device ? pointer(wanted->beta) : &wanted->beta,
        .result = on_device ? pointer(wanted->result) : &answer,
        .a = pointer(wanted->a.address),
        .x = pointer(wanted->b.address),
        .y = pointer(wanted->c.address),
    };
    CUstream stream;
    CUresult result = check(wanted) ?: check_addresses(cuda, wanted) ?: prepare(cuda, &blas.library)
                                           ?: cuda_stream_take(cuda, wanted->stream, &stream);

    if (result == CUDA_SUCCESS && waits(wanted, answers)) {
        result = cuda_stream_settle(cuda, wanted->stream);
    }
    blas.handle = cuda->blas;
    result = result ?: set_up(&blas, stream) ?: result_of(routines[wanted->routine](&blas));
    return result != CUDA_SUCCESS || !answers ? result : cuda_answer(call, &answer, sizeof(answer));
}

void cuda_blas_destroy(struct cuda_session *cuda)
{
    if (cuda->blas != NULL) {
        cublas_get(cuda->driver)->cublasDestroy(cuda->blas);
        cuda->blas = NULL;
    }
}
