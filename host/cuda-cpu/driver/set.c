/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory is set to a value of 1, 2 or 4 bytes, in rows. */
#include <string.h>

#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/stream.h"

#define COPIED_MAX 4096u /* a multiple of every size */

struct set {
    CUdeviceptr dst;
    size_t pitch, width, height; /* bytes from row to row; elements; rows */
    unsigned value, size;
};

struct set_task {
    struct task task;
    struct set set;
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

static void set_row(unsigned char *row, const struct set *set)
{
    if (set->size == 1) {
        memset(row, (int)set->value, set->width);
    } else {
        repeat(row, set->value, set->size, set->width * set->size);
    }
}

static CUresult run(struct task *base)
{
    const struct set *set = &((struct set_task *)base)->set;

    for (size_t y = 0; y < set->height; y++) {
        unsigned char *row = (unsigned char *)(uintptr_t)set->dst + y * set->pitch;

        set_row(row, set);
        context_written(base->context, row, set->width * set->size);
    }
    return CUDA_SUCCESS;
}

static bool is_valid(struct context *context, const struct set *set)
{
    struct memory_range range;
    uint64_t row, extent;

    return set->dst % set->size == 0 && (set->height == 1 || set->pitch % set->size == 0) &&
           !__builtin_mul_overflow((uint64_t)set->width, set->size, &row) &&
           (set->height == 1 || set->pitch >= row) &&
           !__builtin_mul_overflow((uint64_t)set->pitch, set->height - 1, &extent) &&
           !__builtin_add_overflow(extent, row, &extent) &&
           memory_find(&context->memory, set->dst, extent, &range);
}

static CUresult submit(struct context *context, const struct set *set, CUstream handle, bool wait)
{
    struct set_task *task;
    struct stream *stream;
    CUresult result = stream_of_handle(context, handle, &stream);

    if (result != CUDA_SUCCESS || set->width == 0 || set->height == 0) {
        return result;
    }
    if (!is_valid(context, set)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    task = task_create(sizeof(*task), context, run);
    if (task == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    task->set = *set;
    return stream_do(stream, &task->task, wait);
}

static CUresult set_all(CUdeviceptr dst, size_t pitch, unsigned value, unsigned size, size_t width,
                        size_t height, CUstream stream, bool wait)
{
    const struct set set = {dst, pitch, width, height, value, size};

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
