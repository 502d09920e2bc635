/* SPDX-License-Identifier: BSD-2-Clause */
/* Launches of kernels. */
#include "host/mediator/cuda/launch.h"

#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/module.h"
#include "host/mediator/cuda/stream.h"

#define PARAM_ALIGN sizeof(uint32_t)

/* Behind the command or as data, of the size that the module declared; the values themselves
 * are the kernel's business. */
static CUresult find_params(const struct cuda_call *call, size_t wanted, const void **params)
{
    const struct bg_cuda_launch *launch = call->params;
    size_t more = call->params_size - sizeof(*launch);

    if (more != (launch->param_size + PARAM_ALIGN - 1) / PARAM_ALIGN * PARAM_ALIGN) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (launch->param_size != 0) {
        *params = launch + 1;
        return launch->param_size == wanted ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    }
    *params = call->data;
    return call->data_size == wanted ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static bool is_in(const uint32_t size[3], const int32_t most[3])
{
    for (int i = 0; i < 3; i++) {
        if (size[i] == 0 || size[i] > (uint32_t)most[i]) {
            return false;
        }
    }
    return true;
}

CUresult cuda_launch_check(const struct cuda_session *cuda, const struct bg_cuda_launch *launch,
                           const struct cuda_function **function)
{
    uint64_t threads = (uint64_t)launch->block[0] * launch->block[1];

    *function = cuda_function_find(cuda, launch->module, launch->function);
    if (*function == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if ((launch->flags & ~BG_CUDA_LAUNCH_COOPERATIVE) || !is_in(launch->grid, cuda->grid_max) ||
        !is_in(launch->block, cuda->block_max) ||
        threads * launch->block[2] > (uint64_t)cuda->threads_max) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

static CUresult start(struct cuda_session *cuda, const struct bg_cuda_launch *launch,
                      CUfunction function, CUstream stream, void **extra)
{
    CUlaunchAttribute cooperative = {.id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE,
                                     .value = {.cooperative = 1}};
    const CUlaunchConfig config = {
        .gridDimX = launch->grid[0],
        .gridDimY = launch->grid[1],
        .gridDimZ = launch->grid[2],
        .blockDimX = launch->block[0],
        .blockDimY = launch->block[1],
        .blockDimZ = launch->block[2],
        .sharedMemBytes = launch->dynamic_shared,
        .hStream = stream,
        .attrs = &cooperative,
        .numAttrs = launch->flags & BG_CUDA_LAUNCH_COOPERATIVE ? 1 : 0,
    };

    return cuda_check(cuda, cuda->driver->cuLaunchKernelEx(&config, function, NULL, extra));
}

CUDA_COMMAND(cuda_run_launch)
{
    const struct bg_cuda_launch *launch = call->params;
    const struct cuda_function *function;
    const void *params;
    size_t size;
    CUstream stream;
    CUresult result = cuda_launch_check(cuda, launch, &function);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    size = function->params_size;
    result = find_params(call, size, &params) ?: cuda_stream_take(cuda, launch->stream, &stream);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    cuda_stream_weigh(cuda, launch->stream, 0, size);
    void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, (void *)(uintptr_t)params,
                     CU_LAUNCH_PARAM_BUFFER_SIZE, &size, CU_LAUNCH_PARAM_END};
    return start(cuda, launch, function->function, stream, extra);
}
