/* SPDX-License-Identifier: BSD-2-Clause */
/* What is asked of kernels besides to run, and of the context that they run in. */
#include <limits.h>

#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/module.h"

CUDA_COMMAND(cuda_run_function_set)
{
    const struct bg_cuda_function_set *set = call->params;
    const struct cuda_function *function = cuda_function_find(cuda, set->module, set->function);
    struct bg_cuda_function told = {.name = 0};
    CUresult result;

    if (function == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (set->attribute >= CU_FUNC_ATTRIBUTE_MAX) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result =
        cuda_check(cuda, cuda->driver->cuFuncSetAttribute(
                             function->function, (CUfunction_attribute)set->attribute, set->value));
    told.params_size = function->params_size;
    cuda_function_describe(cuda, function, &told);
    return result ?: cuda_answer(call, &told, sizeof(told));
}

CUDA_COMMAND(cuda_run_occupancy)
{
    const struct bg_cuda_occupancy *asked = call->params;
    const struct cuda_function *function = cuda_function_find(cuda, asked->module, asked->function);
    int blocks = 0;
    CUresult result;

    if (function == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (asked->block_size == 0 || asked->block_size > INT_MAX) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = cuda->driver->cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
        &blocks, function->function, (int)asked->block_size, asked->dynamic_shared, asked->flags);
    return cuda_check(cuda, result) ?: cuda_answer(call, &blocks, sizeof(blocks));
}

CUDA_COMMAND(cuda_run_limit_get)
{
    const struct bg_cuda_limit *limit = call->params;
    size_t value = 0;
    CUresult result = cuda_check(cuda, cuda->driver->cuCtxGetLimit(&value, (CUlimit)limit->limit));

    return result ?: cuda_answer(call, &(uint64_t){value}, sizeof(uint64_t));
}

/* The heap that kernels allocate from is not more than the session may have. */
CUDA_COMMAND(cuda_run_limit_set)
{
    const struct bg_cuda_limit *limit = call->params;

    if (limit->value > cuda->session->memory_limit) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    return cuda_check(cuda, cuda->driver->cuCtxSetLimit((CUlimit)limit->limit, limit->value));
}
