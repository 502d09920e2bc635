/* SPDX-License-Identifier: BSD-2-Clause */
/* What is asked of kernels besides to run, and of the context that they run in. */
#include <limits.h>

#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/memory.h"
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

/* A device takes memory for these when a kernel first needs it, and keeps what it has. */
static bool is_memory(uint32_t limit)
{
    return limit == CU_LIMIT_MALLOC_HEAP_SIZE || limit == CU_LIMIT_PRINTF_FIFO_SIZE;
}

CUDA_COMMAND(cuda_run_limit_set)
{
    const struct bg_cuda_limit *limit = call->params;
    uint64_t charged = is_memory(limit->limit) ? cuda->limits[limit->limit] : limit->value;
    uint64_t more = limit->value > charged ? limit->value - charged : 0;
    CUresult result = limit->value > cuda->session->memory_limit ? CUDA_ERROR_OUT_OF_MEMORY
                                                                 : cuda_memory_charge(cuda, more);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = cuda_check(cuda, cuda->driver->cuCtxSetLimit((CUlimit)limit->limit, limit->value));
    if (result != CUDA_SUCCESS) {
        session_release(cuda->session, more);
    } else if (more > 0) {
        cuda->limits[limit->limit] += more;
    }
    return result;
}
