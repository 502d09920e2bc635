/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments, and the way into a stream. */
#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/blas/blas.h"
#include "host/cuda-cpu/blas/number.h"

/* ---- Arguments ---- */

double blas_number(cudaDataType type, const void *place)
{
    uint16_t half;
    int32_t integer;
    float single;
    double number;

    switch (type) {
    case CUDA_R_16F:
    case CUDA_R_16BF:
        memcpy(&half, place, sizeof(half));
        return type == CUDA_R_16F ? number_from_f16(half) : number_from_bf16(half);
    case CUDA_R_32F:
        memcpy(&single, place, sizeof(single));
        return single;
    case CUDA_R_32I:
        memcpy(&integer, place, sizeof(integer));
        return integer;
    case CUDA_R_8I:
        return *(const int8_t *)place;
    default:
        memcpy(&number, place, sizeof(number));
        return number;
    }
}

/* Registered memory of the host too. */
static bool has_range(const void *start, cudaDataType type, uint64_t count)
{
    CUdeviceptr base, address = (CUdeviceptr)(uintptr_t)start;
    size_t length;

    return blas_driver_get()->cuPointerGetAttribute(&base, CU_POINTER_ATTRIBUTE_RANGE_START_ADDR,
                                                    address) == CUDA_SUCCESS &&
           blas_driver_get()->cuPointerGetAttribute(&length, CU_POINTER_ATTRIBUTE_RANGE_SIZE,
                                                    address) == CUDA_SUCCESS &&
           count <= (length - (address - base)) / cublas_type_size(type);
}

bool blas_has_matrix(const void *matrix, cudaDataType type, int64_t rows, int64_t columns,
                     int64_t ld)
{
    return rows == 0 || columns == 0 ||
           has_range(matrix, type, (uint64_t)(columns - 1) * (uint64_t)ld + (uint64_t)rows);
}

bool blas_has_vector(const void *vector, cudaDataType type, int64_t n, int64_t inc)
{
    int64_t step = inc < 0 ? -inc : inc;

    return n <= 0 || has_range(vector, type, (uint64_t)(n - 1) * (uint64_t)step + 1);
}

bool blas_scalar_take(cublasHandle_t handle, cudaDataType type, const void *place,
                      struct blas_scalar *scalar)
{
    *scalar = (struct blas_scalar){.type = type};
    if (place == NULL) {
        return false;
    }
    if (handle->pointer_mode == CUBLAS_POINTER_MODE_HOST) {
        scalar->value = blas_number(type, place);
        return true;
    }
    scalar->place = place;
    return has_range(place, type, 1);
}

double blas_scalar_get(const struct blas_scalar *scalar)
{
    return scalar->place != NULL ? blas_number(scalar->type, scalar->place) : scalar->value;
}

/* ---- Work ---- */

struct submitted {
    void (*run)(void *work);
    _Alignas(max_align_t) char work[];
};

static void run_submitted(void *user_data)
{
    struct submitted *submitted = user_data;

    submitted->run(submitted->work);
    free(submitted);
}

static cublasStatus_t status_of(CUresult result)
{
    return result == CUDA_SUCCESS               ? CUBLAS_STATUS_SUCCESS
           : result == CUDA_ERROR_OUT_OF_MEMORY ? CUBLAS_STATUS_ALLOC_FAILED
                                                : CUBLAS_STATUS_EXECUTION_FAILED;
}

cublasStatus_t blas_submit(cublasHandle_t handle, void (*run)(void *work), const void *work,
                           size_t size)
{
    struct submitted *submitted = malloc(sizeof(*submitted) + size);
    CUresult result;

    if (submitted == NULL) {
        return CUBLAS_STATUS_ALLOC_FAILED;
    }
    handle->is_used = true;
    submitted->run = run;
    memcpy(submitted->work, work, size);
    result = blas_driver_get()->cuLaunchHostFunc(handle->stream, run_submitted, submitted);
    if (result != CUDA_SUCCESS) {
        free(submitted);
    }
    return status_of(result);
}

cublasStatus_t blas_wait(cublasHandle_t handle)
{
    return status_of(blas_driver_get()->cuStreamSynchronize(handle->stream));
}

/* A memset is a write that the driver sees; what it costs counts with checks only. */
cublasStatus_t blas_will_write(cublasHandle_t handle, void *matrix, cudaDataType type, int64_t rows,
                               int64_t columns, int64_t ld)
{
    size_t size = cublas_type_size(type);

    if (getenv("BAREGPU_CUDA_CHECK") == NULL || rows == 0 || columns == 0) {
        return CUBLAS_STATUS_SUCCESS;
    }
    return status_of(blas_driver_get()->cuMemsetD2D8Async((CUdeviceptr)(uintptr_t)matrix,
                                                          (size_t)ld * size, 0, (size_t)rows * size,
                                                          (size_t)columns, handle->stream));
}
