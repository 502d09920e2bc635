/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cuLaunchKernel, which a program calls most often: mostly the same kernel with the same sizes as
 * before, which is written straight into the ring. All in one function, with few branches: on an
 * emulated CPU each takes as long as several other instructions, and a return as forty.
 */
#include "firmware/cuda/internal.h"

struct sizes {
    unsigned grid[3], block[3], dynamic_shared;
};

/* ---- The sizes, checked once ---- */

static inline bool is_ready(const struct cuda_function *function, const struct sizes *sizes)
{
    const struct bg_cuda_launch *ready = &function->ready.launch;

    return ((ready->grid[0] ^ sizes->grid[0]) | (ready->grid[1] ^ sizes->grid[1]) |
            (ready->grid[2] ^ sizes->grid[2]) | (ready->block[0] ^ sizes->block[0]) |
            (ready->block[1] ^ sizes->block[1]) | (ready->block[2] ^ sizes->block[2]) |
            (ready->dynamic_shared ^ sizes->dynamic_shared)) == 0;
}

/* ---- The command ---- */

/* Is there anything that every launch has to look at? */
static inline bool is_plain(const struct cuda_context *context)
{
    return ((uintptr_t)context ^ (uintptr_t)cuda_current) == 0 &&
           ((unsigned)context->error | context->captured | (unsigned)cuda.is_launch_blocking |
            (unsigned)cuda.is_in_callback | bg_load_once32(&context->device->page->error)) == 0;
}

static inline const struct cuda_stream *find_stream(const struct cuda_context *context,
                                                    CUstream handle)
{
    const struct cuda_stream *stream;

    if (handle == NULL) {
        return &context->legacy;
    }
    stream = cuda_find(handle, CUDA_KIND_STREAM);
    return stream != NULL && stream->object.context == context ? stream : NULL;
}

static inline void copy_aligned(void *to, const void *from, uint32_t size)
{
    if (size == 8) {
        __builtin_memcpy(__builtin_assume_aligned(to, 8), __builtin_assume_aligned(from, 8), 8);
    } else {
        __builtin_memcpy(__builtin_assume_aligned(to, 4), __builtin_assume_aligned(from, 4), 4);
    }
}

/* False: a parameter is NULL, or lies at no multiple of its size. */
static inline bool write_params(const struct cuda_function *function, void **params, uint8_t *to)
{
    const struct bg_cuda_param *param = function->params;

    for (uint32_t count = function->param_count; count > 0; count--, params++, param++) {
        if (*params == NULL || ((uintptr_t)*params & (param->size - 1)) != 0) {
            return false;
        }
        copy_aligned(to + param->offset, *params, param->size);
    }
    return true;
}

/* False: nothing was done. */
static inline __attribute__((always_inline)) bool launch_quickly(CUfunction handle,
                                                                 const struct sizes *sizes,
                                                                 CUstream stream_handle,
                                                                 void **params, void **extra)
{
    const struct cuda_function *function = cuda_find(handle, CUDA_KIND_FUNCTION);
    const struct cuda_stream *stream;
    struct cuda_launch_command *command;
    struct cuda_device *device;
    uint32_t size;

    if (function == NULL || !is_ready(function, sizes) || !is_plain(function->object.context) ||
        extra != NULL || (params == NULL && function->param_count > 0)) {
        return false;
    }
    stream = find_stream(function->object.context, stream_handle);
    if (stream == NULL) {
        return false;
    }
    device = function->object.context->device;
    size = function->ready.compute.header.size;
    command = bg_pvgpu_quick_begin(device->ring, size);
    if (command == NULL) {
        return false;
    }
    cuda_clear_last((uint8_t *)command + size - 16);
    *command = function->ready;
    command->launch.stream = stream->number;
    if (!write_params(function, params, (uint8_t *)(command + 1))) {
        return false;
    }
    cuda_queue(device, stream->number);
    if (!bg_pvgpu_quick_end(device->ring, size)) {
        device->carrier->wake(device);
    }
    return true;
}

/* ---- What is done before that goes ---- */

static bool check(const struct cuda_launch *launch)
{
    struct cuda_function *function = launch->function;
    struct cuda_context *context = function->object.context;
    uint32_t words = (uint32_t)sizeof(struct bg_cuda_launch) / 4 + (function->params_size + 3) / 4;

    if (context->device->ring == NULL || !function->params_are_plain ||
        words > BG_PVGPU_COMPUTE_PARAMS_MAX || cuda_launch_check(context, launch) != CUDA_SUCCESS) {
        return false;
    }
    function->ready.compute = (struct bg_pvgpu_compute){
        .header = {.type = BG_CUDA_LAUNCH,
                   .size = (uint32_t)sizeof(struct bg_pvgpu_compute) + (words + 3) / 4 * 16},
        .result_offset = BG_PVGPU_NO_RESULT,
        .param_count = words,
    };
    cuda_launch_pack(launch, 0, function->params_size, &function->ready.launch);
    return true;
}

/* Has launch_quickly go if it can: by checked sizes and room in the ring. */
static bool prepare(struct cuda_function *function, const struct sizes *sizes,
                    struct cuda_launch *launch)
{
    struct cuda_device *device;

    if (function == NULL) {
        return false;
    }
    launch->function = function;
    device = function->object.context->device;
    return (is_ready(function, sizes) || check(launch)) &&
           device->carrier->look(device, function->ready.compute.header.size);
}

static __attribute__((noinline)) CUresult launch_slowly(CUfunction function, unsigned grid_x,
                                                        unsigned grid_y, unsigned grid_z,
                                                        unsigned block_x, unsigned block_y,
                                                        unsigned block_z, unsigned shared_bytes,
                                                        CUstream stream, void **params,
                                                        void **extra)
{
    const struct sizes sizes = {
        {grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, shared_bytes};
    struct cuda_launch launch = {
        .grid = {grid_x, grid_y, grid_z},
        .block = {block_x, block_y, block_z},
        .dynamic_shared = shared_bytes,
    };

    return prepare(cuda_find(function, CUDA_KIND_FUNCTION), &sizes, &launch) &&
                   launch_quickly(function, &sizes, stream, params, extra)
               ? CUDA_SUCCESS
               : cuda_launch_any(function, &launch, stream, params, extra);
}

CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                        CUstream stream, void **params, void **extra)
{
    const struct sizes sizes = {
        {grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, shared_bytes};

    return launch_quickly(function, &sizes, stream, params, extra)
               ? CUDA_SUCCESS
               : launch_slowly(function, grid_x, grid_y, grid_z, block_x, block_y, block_z,
                               shared_bytes, stream, params, extra);
}
