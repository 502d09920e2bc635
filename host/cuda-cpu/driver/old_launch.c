/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Launches of before cuLaunchKernel: a function keeps its block's shape, its shared memory and its
 * parameters from launch to launch.
 */
#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/function.h"
#include "host/cuda-cpu/driver/launch.h"

struct function_setup {
    unsigned block[3];
    unsigned shared_size;
    size_t size; /* of the parameters, as the program says */
    unsigned char params[];
};

/* It has a setup then. */
static CUresult find(struct context *context, CUfunction handle, struct function **result)
{
    struct function *function;
    CUresult failed = function_of_handle(context, handle, &function);

    if (failed != CUDA_SUCCESS) {
        return failed;
    }
    if (function->setup == NULL) {
        function->setup =
            calloc(1, sizeof(*function->setup) + function_parameter_room(function->kernel));
    }
    *result = function;
    return function->setup != NULL ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

/* ---- What is set ---- */

static CUresult set_block(struct context *context, CUfunction handle, const int block[3])
{
    struct function *function;
    CUresult failed = find(context, handle, &function);

    for (int i = 0; i < 3 && failed == CUDA_SUCCESS; i++) {
        if (block[i] < 1) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        function->setup->block[i] = (unsigned)block[i];
    }
    return failed;
}

CUresult cuFuncSetBlockShape(CUfunction function, int x, int y, int z)
{
    return IN_CONTEXT(set_block(context, function, (const int[]){x, y, z}));
}

static CUresult set_shared(struct context *context, CUfunction handle, unsigned size)
{
    struct function *function;
    CUresult failed = find(context, handle, &function);

    if (failed == CUDA_SUCCESS) {
        function->setup->shared_size = size;
    }
    return failed;
}

CUresult cuFuncSetSharedSize(CUfunction function, unsigned size)
{
    return IN_CONTEXT(set_shared(context, function, size));
}

static CUresult set_size(struct context *context, CUfunction handle, unsigned size)
{
    struct function *function;
    CUresult failed = find(context, handle, &function);

    if (failed != CUDA_SUCCESS || size > function_parameter_room(function->kernel)) {
        return failed ?: CUDA_ERROR_INVALID_VALUE;
    }
    function->setup->size = size;
    return CUDA_SUCCESS;
}

CUresult cuParamSetSize(CUfunction function, unsigned size)
{
    return IN_CONTEXT(set_size(context, function, size));
}

static CUresult set_bytes(struct context *context, CUfunction handle, int offset, const void *bytes,
                          unsigned size)
{
    struct function *function;
    CUresult failed = find(context, handle, &function);

    if (failed != CUDA_SUCCESS) {
        return failed;
    }
    if (bytes == NULL || offset < 0 ||
        (uint64_t)offset + size > function_parameter_room(function->kernel)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    memcpy(function->setup->params + offset, bytes, size);
    return CUDA_SUCCESS;
}

CUresult cuParamSetv(CUfunction function, int offset, void *bytes, unsigned size)
{
    return IN_CONTEXT(set_bytes(context, function, offset, bytes, size));
}

CUresult cuParamSeti(CUfunction function, int offset, unsigned value)
{
    return cuParamSetv(function, offset, &value, sizeof(value));
}

CUresult cuParamSetf(CUfunction function, int offset, float value)
{
    return cuParamSetv(function, offset, &value, sizeof(value));
}

/* What is bound to a reference is there for all functions of its module. */
static CUresult set_reference(struct context *context, CUfunction handle, int unit,
                              CUtexref reference)
{
    struct function *function;

    if (unit != CU_PARAM_TR_DEFAULT || object_find(reference, OBJECT_TEXREF) == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return function_of_handle(context, handle, &function);
}

CUresult cuParamSetTexRef(CUfunction function, int unit, CUtexref reference)
{
    return IN_CONTEXT(set_reference(context, function, unit, reference));
}

/* ---- Launches ---- */

static CUresult start(struct context *context, CUfunction handle, int width, int height,
                      CUstream stream)
{
    struct function *function;
    CUresult failed = find(context, handle, &function);
    CUDA_KERNEL_NODE_PARAMS asked = {
        .func = handle,
        .gridDimX = (unsigned)width, /* a negative one is too large */
        .gridDimY = (unsigned)height,
        .gridDimZ = 1,
    };

    if (failed != CUDA_SUCCESS) {
        return failed;
    }
    asked.blockDimX = function->setup->block[0];
    asked.blockDimY = function->setup->block[1];
    asked.blockDimZ = function->setup->block[2];
    asked.sharedMemBytes = function->setup->shared_size;
    asked.extra =
        (void *[]){CU_LAUNCH_PARAM_BUFFER_POINTER, function->setup->params,
                   CU_LAUNCH_PARAM_BUFFER_SIZE, &function->setup->size, CU_LAUNCH_PARAM_END};
    return launch_start(context, &asked, false, stream);
}

CUresult cuLaunch(CUfunction function)
{
    return cuLaunchGrid(function, 1, 1);
}

CUresult cuLaunchGrid(CUfunction function, int width, int height)
{
    return cuLaunchGridAsync(function, width, height, NULL);
}

CUresult cuLaunchGridAsync(CUfunction function, int width, int height, CUstream stream)
{
    return IN_CONTEXT(start(context, function, width, height, stream));
}
