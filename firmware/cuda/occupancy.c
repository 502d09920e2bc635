/* SPDX-License-Identifier: BSD-2-Clause */
/* Occupancy: the device knows it, and is asked, for one size of a block at a time. */
#include "firmware/cuda/internal.h"

#define WARP 32
#define FLAGS ((unsigned)CU_OCCUPANCY_DISABLE_CACHING_OVERRIDE)

static CUresult enter(CUfunction handle, struct cuda_function **function)
{
    struct cuda_context *context;

    return cuda_enter_context(&context) ?: cuda_function_of(context, handle, function);
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

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, CUfunction handle,
                                                              int threads, size_t dynamic,
                                                              unsigned flags)
{
    struct cuda_function *function;
    CUresult result = enter(handle, &function);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (blocks == NULL || threads <= 0 || (flags & ~FLAGS) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return cuda_occupancy(function, threads, dynamic, flags, blocks);
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction function, int threads,
                                                     size_t dynamic)
{
    return cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, function, threads, dynamic,
                                                                CU_OCCUPANCY_DEFAULT);
}

/* ---- The best size of a block ---- */

struct best {
    int threads, blocks; /* of a block; of a multiprocessor */
};

/* The largest block of those with which a multiprocessor holds the most threads. */
static CUresult find_best(const struct cuda_function *function, CUoccupancyB2DSize dynamic_of,
                          size_t dynamic, int limit, unsigned flags, struct best *best)
{
    int max = function->attributes[CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK];
    CUresult result = CUDA_SUCCESS;

    *best = (struct best){0, 0};
    max = limit > 0 && limit < max ? limit : max;
    for (int threads = max; threads > 0 && result == CUDA_SUCCESS;
         threads = (threads - 1) / WARP * WARP) {
        int blocks = 0;

        result = cuda_occupancy(function, threads,
                                dynamic_of != NULL ? dynamic_of(threads) : dynamic, flags, &blocks);
        if (blocks * threads > best->blocks * best->threads) {
            *best = (struct best){threads, blocks};
        }
    }
    return result;
}

CUresult cuOccupancyMaxPotentialBlockSizeWithFlags(int *grid, int *block, CUfunction handle,
                                                   CUoccupancyB2DSize dynamic_of, size_t dynamic,
                                                   int limit, unsigned flags)
{
    struct cuda_function *function;
    struct best best;
    CUresult result = enter(handle, &function);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (grid == NULL || block == NULL || limit < 0 || (flags & ~FLAGS) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = find_best(function, dynamic_of, dynamic, limit, flags, &best);
    if (result == CUDA_SUCCESS) {
        const int *attributes = function->object.context->device->info.attributes;

        *block = best.threads;
        *grid = best.blocks * attributes[CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT];
    }
    return result;
}

CUresult cuOccupancyMaxPotentialBlockSize(int *grid, int *block, CUfunction function,
                                          CUoccupancyB2DSize dynamic_of, size_t dynamic, int limit)
{
    return cuOccupancyMaxPotentialBlockSizeWithFlags(grid, block, function, dynamic_of, dynamic,
                                                     limit, CU_OCCUPANCY_DEFAULT);
}

/* ---- Shared memory that is left ---- */

/* The most with which so many blocks still are there: by halves. */
static CUresult find_most(const struct cuda_function *function, int blocks, int threads,
                          size_t *size)
{
    const int *attributes = function->object.context->device->info.attributes;
    size_t room = (size_t)attributes[CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN] + 1;
    size_t fits = 0;
    CUresult result = CUDA_SUCCESS;

    while (room - fits > 1 && result == CUDA_SUCCESS) {
        size_t middle = fits + (room - fits) / 2;
        int there = 0;

        result = cuda_occupancy(function, threads, middle, CU_OCCUPANCY_DEFAULT, &there);
        if (there >= blocks) {
            fits = middle;
        } else {
            room = middle;
        }
    }
    *size = fits;
    return result;
}

CUresult cuOccupancyAvailableDynamicSMemPerBlock(size_t *size, CUfunction handle, int blocks,
                                                 int threads)
{
    struct cuda_function *function;
    int there;
    CUresult result = enter(handle, &function);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (size == NULL || blocks <= 0 || threads <= 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = cuda_occupancy(function, threads, 0, CU_OCCUPANCY_DEFAULT, &there);
    if (result == CUDA_SUCCESS && there < blocks) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    return result ?: find_most(function, blocks, threads, size);
}
