/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory is set to a value of 1, 2 or 4 bytes, in rows. */
#include "host/cuda-cpu/driver/set.h"

#include <string.h>

#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/stream.h"

#define COPIED_MAX 4096u /* a multiple of every size */

struct set_task {
    struct task task;
    CUDA_MEMSET_NODE_PARAMS set;
};

/* The first element, then twice as many with each copy, of what is in the first cache. */
static void repeat(unsigned char *row, unsigned value, size_t size, size_t total)
{
    size_t piece;

    memcpy(row, &value, size);
    for (size_t done = size; done < total; done += piece) {
        piece = done < COPIED_MAX ? done : COPIED_MAX;
        piece = piece < total - done ? piece : total - done;
        memcpy(row + done, row, piece);
    }
}

static void set_row(unsigned char *row, const CUDA_MEMSET_NODE_PARAMS *set)
{
    if (set->elementSize == 1) {
        memset(row, (int)set->value, set->width);
    } else {
        repeat(row, set->value, set->elementSize, set->width * set->elementSize);
    }
}

static CUresult run(struct task *base)
{
    const CUDA_MEMSET_NODE_PARAMS *set = &((const struct set_task *)base)->set;

    for (size_t y = 0; y < set->height; y++) {
        unsigned char *row = (unsigned char *)(uintptr_t)set->dst + y * set->pitch;

        set_row(row, set);
        context_written(base->context, row, set->width * set->elementSize);
    }
    return CUDA_SUCCESS;
}

static bool is_valid(struct context *context, const CUDA_MEMSET_NODE_PARAMS *set)
{
    struct memory_range range;
    uint64_t row, extent;

    return set->dst % set->elementSize == 0 &&
           (set->height == 1 || set->pitch % set->elementSize == 0) &&
           !__builtin_mul_overflow((uint64_t)set->width, set->elementSize, &row) &&
           (set->height == 1 || set->pitch >= row) &&
           !__builtin_mul_overflow((uint64_t)set->pitch, set->height - 1, &extent) &&
           !__builtin_add_overflow(extent, row, &extent) &&
           memory_find(&context->memory, set->dst, extent, &range);
}

CUresult set_task_create(struct context *context, const CUDA_MEMSET_NODE_PARAMS *set,
                         struct task **result)
{
    struct set_task *task;

    if (set->elementSize != 1 && set->elementSize != 2 && set->elementSize != 4) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (set->width > 0 && set->height > 0 && !is_valid(context, set)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    task = task_create(sizeof(*task), context, run);
    if (task == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    task->set = *set;
    if (set->width == 0) {
        task->set.height = 0;
    }
    *result = &task->task;
    return CUDA_SUCCESS;
}

bool set_task_read(const struct task *base, CUDA_MEMSET_NODE_PARAMS *set)
{
    if (base->run != run) {
        return false;
    }
    *set = ((const struct set_task *)base)->set;
    return true;
}

static CUresult submit(struct context *context, const CUDA_MEMSET_NODE_PARAMS *set, CUstream handle,
                       bool wait)
{
    struct stream *stream;
    struct task *task;
    CUresult result = stream_of_handle(context, handle, &stream);

    result = result ?: set_task_create(context, set, &task);
    return result ?: stream_do(stream, task, wait);
}

static CUresult set_all(CUdeviceptr dst, size_t pitch, unsigned value, unsigned size, size_t width,
                        size_t height, CUstream stream, bool wait)
{
    const CUDA_MEMSET_NODE_PARAMS set = {dst, pitch, value, size, width, height};

    return IN_CONTEXT(submit(context, &set, stream, wait));
}

CUresult cuMemsetD8(CUdeviceptr dst, unsigned char value, size_t count)
{
    return set_all(dst, 0, value, 1, count, 1, NULL, true);
}

CUresult cuMemsetD16(CUdeviceptr dst, unsigned short value, size_t count)
{
    return set_all(dst, 0, value, 2, count, 1, NULL, true);
}

CUresult cuMemsetD32(CUdeviceptr dst, unsigned value, size_t count)
{
    return set_all(dst, 0, value, 4, count, 1, NULL, true);
}

CUresult cuMemsetD8Async(CUdeviceptr dst, unsigned char value, size_t count, CUstream stream)
{
    return set_all(dst, 0, value, 1, count, 1, stream, false);
}

CUresult cuMemsetD16Async(CUdeviceptr dst, unsigned short value, size_t count, CUstream stream)
{
    return set_all(dst, 0, value, 2, count, 1, stream, false);
}

CUresult cuMemsetD32Async(CUdeviceptr dst, unsigned value, size_t count, CUstream stream)
{
    return set_all(dst, 0, value, 4, count, 1, stream, false);
}

CUresult cuMemsetD2D8(CUdeviceptr dst, size_t pitch, unsigned char value, size_t width,
                      size_t height)
{
    return set_all(dst, pitch, value, 1, width, height, NULL, true);
}

CUresult cuMemsetD2D16(CUdeviceptr dst, size_t pitch, unsigned short value, size_t width,
                       size_t height)
{
    return set_all(dst, pitch, value, 2, width, height, NULL, true);
}

CUresult cuMemsetD2D32(CUdeviceptr dst, size_t pitch, unsigned value, size_t width, size_t height)
{
    return set_all(dst, pitch, value, 4, width, height, NULL, true);
}

CUresult cuMemsetD2D8Async(CUdeviceptr dst, size_t pitch, unsigned char value, size_t width,
                           size_t height, CUstream stream)
{
    return set_all(dst, pitch, value, 1, width, height, stream, false);
}

CUresult cuMemsetD2D16Async(CUdeviceptr dst, size_t pitch, unsigned short value, size_t width,
                            size_t height, CUstream stream)
{
    return set_all(dst, pitch, value, 2, width, height, stream, false);
}

CUresult cuMemsetD2D32Async(CUdeviceptr dst, size_t pitch, unsigned value, size_t width,
                            size_t height, CUstream stream)
{
    return set_all(dst, pitch, value, 4, width, height, stream, false);
}
