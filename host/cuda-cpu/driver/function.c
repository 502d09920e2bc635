/* SPDX-License-Identifier: BSD-2-Clause */
/* What functions are asked: attributes, parameters, occupancy. */
#include <limits.h>

#include "host/cuda-cpu/driver/function.h"

#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/device.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/library.h"

#define WARP 32
#define REGISTERS_MAX 255

CUresult function_of_handle(struct context *context, const void *handle, struct function **function)
{
    *function = object_find(handle, OBJECT_FUNCTION);
    if (*function == NULL) {
        return library_find_function(context, handle, function);
    }
    return (*function)->module->context == context ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

/* ---- Attributes ---- */

int function_threads_max(const struct program_kernel *kernel)
{
    const uint32_t *max = kernel->threads[0] ? kernel->threads : kernel->max_threads;
    uint64_t threads = (uint64_t)max[0] * max[1] * max[2];

    return threads > 0 && threads < DEVICE_THREADS_MAX ? (int)threads : DEVICE_THREADS_MAX;
}

CUresult function_get(const struct function *function, CUfunction_attribute attribute, int *value)
{
    const struct program_kernel *kernel = function->kernel;

    switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
        *value = function_threads_max(kernel);
        return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
        *value = (int)kernel->shared_size;
        return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
        *value = (int)kernel->local_size;
        return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_NUM_REGS:
        *value = kernel->registers < REGISTERS_MAX ? (int)kernel->registers : REGISTERS_MAX;
        return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_PTX_VERSION:
        *value = (int)program_target(function->module->program);
        return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
        *value = (int)driver_settings()->arch;
        return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
        *value = function->shared_max;
        return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
        *value = function->carveout;
        return CUDA_SUCCESS;
    default: /* constants, caches and clusters: none */
        *value = 0;
        return (unsigned)attribute < CU_FUNC_ATTRIBUTE_MAX ? CUDA_SUCCESS
                                                           : CUDA_ERROR_INVALID_VALUE;
    }
}

CUresult function_set(struct function *function, CUfunction_attribute attribute, int value)
{
    switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
        if (value < 0 || value > device_shared_opt_in() - (int)function->kernel->shared_size) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        function->shared_max = value;
        return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
        if (value < -1 || value > 100) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        function->carveout = value;
        return CUDA_SUCCESS;
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

static CUresult get_attribute(struct context *context, int *value, CUfunction_attribute attribute,
                              CUfunction handle)
{
    struct function *function;
    CUresult result = function_of_handle(context, handle, &function);

    if (value == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return result ?: function_get(function, attribute, value);
}

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction function)
{
    return IN_CONTEXT(get_attribute(context, value, attribute, function));
}

static CUresult set_attribute(struct context *context, CUfunction handle,
                              CUfunction_attribute attribute, int value)
{
    struct function *function;
    CUresult result = function_of_handle(context, handle, &function);

    return result ?: function_set(function, attribute, value);
}

CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value)
{
    return IN_CONTEXT(set_attribute(context, function, attribute, value));
}

/* There is one cache, and one layout of shared memory. */
static CUresult set_config(struct context *context, CUfunction handle, unsigned config,
                           unsigned last)
{
    struct function *function;
    CUresult result = function_of_handle(context, handle, &function);

    return result ?: config <= last ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuFuncSetCacheConfig(CUfunction function, CUfunc_cache config)
{
    return IN_CONTEXT(set_config(context, function, config, CU_FUNC_CACHE_PREFER_EQUAL));
}

CUresult cuFuncSetSharedMemConfig(CUfunction function, CUsharedconfig config)
{
    return IN_CONTEXT(
        set_config(context, function, config, CU_SHARED_MEM_CONFIG_EIGHT_BYTE_BANK_SIZE));
}

static CUresult get_module(struct context *context, CUmodule *module, CUfunction handle)
{
    struct function *function;
    CUresult result = function_of_handle(context, handle, &function);

    if (module == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *module = (CUmodule)function->module;
    }
    return result;
}

CUresult cuFuncGetModule(CUmodule *module, CUfunction function)
{
    return IN_CONTEXT(get_module(context, module, function));
}

static CUresult get_name(struct context *context, const char **name, CUfunction handle)
{
    struct function *function;
    CUresult result = function_of_handle(context, handle, &function);

    if (name == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *name = function->kernel->name;
    }
    return result;
}

CUresult cuFuncGetName(const char **name, CUfunction function)
{
    return IN_CONTEXT(get_name(context, name, function));
}

size_t function_parameter_room(const struct program_kernel *kernel)
{
    return (kernel->parameter_size + 7) / 8 * 8;
}

CUresult function_parameter(const struct program_kernel *kernel, size_t index, size_t *offset,
                            size_t *size)
{
    if (offset == NULL || index >= kernel->parameter_count) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *offset = kernel->parameters[index].offset;
    if (size != NULL) {
        *size = kernel->parameters[index].size;
    }
    return CUDA_SUCCESS;
}

static CUresult get_parameter(struct context *context, CUfunction handle, size_t index,
                              size_t *offset, size_t *size)
{
    struct function *function;
    CUresult result = function_of_handle(context, handle, &function);

    return result ?: function_parameter(function->kernel, index, offset, size);
}

CUresult cuFuncGetParamInfo(CUfunction function, size_t index, size_t *offset, size_t *size)
{
    return IN_CONTEXT(get_parameter(context, function, index, offset, size));
}

static CUresult load_function(struct context *context, CUfunction handle)
{
    struct function *function;
    struct launch launch = {.block = {0}};
    CUresult result = function_of_handle(context, handle, &function);

    return result ?: function_prepare(function, &launch);
}

CUresult cuFuncLoad(CUfunction function)
{
    return IN_CONTEXT(load_function(context, function));
}

static CUresult is_loaded(struct context *context, CUfunctionLoadingState *state, CUfunction handle)
{
    struct function *function;
    CUresult result = function_of_handle(context, handle, &function);

    if (state == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *state = CU_FUNCTION_LOADING_STATE_LOADED; /* as a handle of it was given out */
    return result;
}

CUresult cuFuncIsLoaded(CUfunctionLoadingState *state, CUfunction function)
{
    return IN_CONTEXT(is_loaded(context, state, function));
}

/* ---- Occupancy ---- */

int function_count_blocks(const struct function *function, int threads, size_t dynamic)
{
    const struct device_profile *profile = device_profile();
    int warps = (threads + WARP - 1) / WARP, blocks = profile->threads / WARP / warps;
    size_t shared = function->kernel->shared_size + dynamic + (size_t)device_shared_reserved();
    size_t room = (size_t)profile->shared_kib * 1024;

    if (threads > function_threads_max(function->kernel)) {
        return 0;
    }
    blocks = blocks < profile->blocks ? blocks : profile->blocks;
    if (shared > 0 && room / shared < (size_t)blocks) {
        blocks = (int)(room / shared);
    }
    return blocks;
}

static CUresult max_blocks(struct context *context, int *blocks, CUfunction handle, int threads,
                           size_t dynamic, unsigned flags)
{
    struct function *function;
    CUresult result = function_of_handle(context, handle, &function);

    if (blocks == NULL || threads <= 0 || flags > CU_OCCUPANCY_DISABLE_CACHING_OVERRIDE) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *blocks = function_count_blocks(function, threads, dynamic);
    }
    return result;
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction function, int threads,
                                                     size_t dynamic)
{
    return IN_CONTEXT(max_blocks(context, blocks, function, threads, dynamic, 0));
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, CUfunction function,
                                                              int threads, size_t dynamic,
                                                              unsigned flags)
{
    return IN_CONTEXT(max_blocks(context, blocks, function, threads, dynamic, flags));
}

/* The largest block of those with which a multiprocessor holds the most threads. */
static CUresult best_size(struct context *context, int *grid, int *block, CUfunction handle,
                          CUoccupancyB2DSize dynamic_of, size_t dynamic, int limit, unsigned flags)
{
    struct function *function;
    CUresult result = function_of_handle(context, handle, &function);
    int best = 0, max;

    if (grid == NULL || block == NULL || limit < 0 ||
        flags > CU_OCCUPANCY_DISABLE_CACHING_OVERRIDE) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (result != CUDA_SUCCESS) {
        return result;
    }
    *grid = *block = 0;
    max = function_threads_max(function->kernel);
    max = limit > 0 && limit < max ? limit : max;
    for (int threads = max; threads > 0; threads = (threads - 1) / WARP * WARP) {
        int blocks = function_count_blocks(function, threads,
                                           dynamic_of != NULL ? dynamic_of(threads) : dynamic);

        if (blocks * threads > best) {
            best = blocks * threads;
            *block = threads;
            *grid = blocks * device_multiprocessors();
        }
    }
    return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxPotentialBlockSize(int *grid, int *block, CUfunction function,
                                          CUoccupancyB2DSize dynamic_of, size_t dynamic, int limit)
{
    return IN_CONTEXT(best_size(context, grid, block, function, dynamic_of, dynamic, limit, 0));
}

CUresult cuOccupancyMaxPotentialBlockSizeWithFlags(int *grid, int *block, CUfunction function,
                                                   CUoccupancyB2DSize dynamic_of, size_t dynamic,
                                                   int limit, unsigned flags)
{
    return IN_CONTEXT(best_size(context, grid, block, function, dynamic_of, dynamic, limit, flags));
}

static CUresult available_shared(struct context *context, size_t *size, CUfunction handle,
                                 int blocks, int threads)
{
    struct function *function;
    CUresult result = function_of_handle(context, handle, &function);
    int64_t room;

    if (size == NULL || blocks <= 0 || threads <= 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (function_count_blocks(function, threads, 0) < blocks) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    room = (int64_t)device_profile()->shared_kib * 1024 / blocks - device_shared_reserved();
    room = (room < device_shared_opt_in() ? room : device_shared_opt_in()) -
           (int64_t)function->kernel->shared_size;
    *size = room > 0 ? (size_t)room : 0;
    return CUDA_SUCCESS;
}

CUresult cuOccupancyAvailableDynamicSMemPerBlock(size_t *size, CUfunction function, int blocks,
                                                 int threads)
{
    return IN_CONTEXT(available_shared(context, size, function, blocks, threads));
}
