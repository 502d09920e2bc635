/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "host/cuda-cpu/blas/blas.h"

#define MAGIC 0x424c4153u

bool blas_handle_is_valid(cublasHandle_t handle)
{
    return handle != NULL && handle->magic == MAGIC;
}

cublasStatus_t cublasCreate(cublasHandle_t *handle)
{
    CUcontext context = NULL;
    cublasHandle_t made;

    if (handle == NULL) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    if (openblas_get() == NULL || blas_driver_get() == NULL ||
        blas_driver_get()->cuCtxGetCurrent(&context) != CUDA_SUCCESS || context == NULL) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return CUBLAS_STATUS_ALLOC_FAILED;
    }
    made->magic = MAGIC;
    made->context = context;
    *handle = made;
    return CUBLAS_STATUS_SUCCESS;
}

/* Of the handle's stream too, as NVIDIA's. */
cublasStatus_t cublasDestroy(cublasHandle_t handle)
{
    if (!blas_handle_is_valid(handle)) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    if (handle->is_used) {
        blas_driver_get()->cuCtxSynchronize();
    }
    handle->magic = 0;
    free(handle);
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

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream)
{
    if (!blas_handle_is_valid(handle)) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    handle->stream = stream;
    return CUBLAS_STATUS_SUCCESS;
}

/* All of a handle's settings are read the same way. */
#define GET(name, type, field)                                                                     \
    cublasStatus_t name(cublasHandle_t handle, type *value)                                        \
    {                                                                                              \
        if (!blas_handle_is_valid(handle)) {                                                       \
            return CUBLAS_STATUS_NOT_INITIALIZED;                                                  \
        }                                                                                          \
        if (value == NULL) {                                                                       \
            return CUBLAS_STATUS_INVALID_VALUE;                                                    \
        }                                                                                          \
        *value = handle->field;                                                                    \
        return CUBLAS_STATUS_SUCCESS;                                                              \
    }

#define SET(name, type, field, is_known)                                                           \
    cublasStatus_t name(cublasHandle_t handle, type value)                                         \
    {                                                                                              \
        if (!blas_handle_is_valid(handle)) {                                                       \
            return CUBLAS_STATUS_NOT_INITIALIZED;                                                  \
        }                                                                                          \
        if (!(is_known)) {                                                                         \
            return CUBLAS_STATUS_INVALID_VALUE;                                                    \
        }                                                                                          \
        handle->field = value;                                                                     \
        return CUBLAS_STATUS_SUCCESS;                                                              \
    }

GET(cublasGetStream, cudaStream_t, stream)
GET(cublasGetPointerMode, cublasPointerMode_t, pointer_mode)
GET(cublasGetMathMode, cublasMath_t, math_mode)
GET(cublasGetAtomicsMode, cublasAtomicsMode_t, atomics_mode)
SET(cublasSetPointerMode, cublasPointerMode_t, pointer_mode,
    (unsigned)value <= CUBLAS_POINTER_MODE_DEVICE)
SET(cublasSetMathMode, cublasMath_t, math_mode, cublas_math_mode_is_known(value))
SET(cublasSetAtomicsMode, cublasAtomicsMode_t, atomics_mode,
    (unsigned)value <= CUBLAS_ATOMICS_ALLOWED)

/* None is needed. */
cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void *workspace, size_t size)
{
    if (!blas_handle_is_valid(handle)) {
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
