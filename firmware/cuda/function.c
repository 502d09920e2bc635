/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions: kernels, as the worker described them. */
#include "firmware/cuda/internal.h"

CUresult cuda_function_of(struct cuda_context *context, CUfunction handle,
                          struct cuda_function **function)
{
    *function = cuda_find(handle, CUDA_KIND_FUNCTION);
    return *function != NULL && (*function)->object.context == context ? CUDA_SUCCESS
                                                                       : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuda_occupancy(const struct cuda_function *function, int threads, size_t dynamic,
                        unsigned flags, int *blocks)
{
    const struct bg_cuda_occupancy params = {
        .module = function->module->number,
        .function = function->number,
        .block_size = (uint32_t)threads,
        .flags = flags,
        .dynamic_shared = dynamic,
    };
    int32_t answer = 0;
    CUresult result = cuda_ask(function->object.context->device, BG_CUDA_OCCUPANCY, &params,
                               sizeof(params), &answer, sizeof(answer));

    *blocks = answer;
    return result;
}
