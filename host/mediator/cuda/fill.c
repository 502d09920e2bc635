/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory filled with one value. */
#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/memory.h"
#include "host/mediator/cuda/stream.h"

/* The bytes from the first to the end of the last; false: more than there can be. */
static bool measure(const struct bg_cuda_fill *fill, uint64_t *size)
{
    uint64_t row, rows;

    return !__builtin_mul_overflow(fill->width, fill->element_size, &row) &&
           (fill->height == 1 || fill->pitch >= row) &&
           !__builtin_mul_overflow(fill->height - 1, fill->height == 1 ? 0 : fill->pitch, &rows) &&
           !__builtin_add_overflow(rows, row, size);
}

CUresult cuda_fill_check(const struct cuda_session *cuda, const struct bg_cuda_fill *fill)
{
    uint32_t element = fill->element_size;
    uint64_t size;

    if ((element != 1 && element != 2 && element != 4) || fill->width == 0 || fill->height == 0 ||
        fill->address % element || (fill->height > 1 && fill->pitch % element) ||
        !measure(fill, &size)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return cuda_memory_has(cuda, fill->address, size) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static CUresult fill_row(const struct cuda_driver *driver, const struct bg_cuda_fill *fill,
                         CUstream stream)
{
    switch (fill->element_size) {
    case 1:
        return driver->cuMemsetD8Async(fill->address, (unsigned char)fill->value, fill->width,
                                       stream);
    case 2:
        return driver->cuMemsetD16Async(fill->address, (unsigned short)fill->value, fill->width,
                                        stream);
    default:
        return driver->cuMemsetD32Async(fill->address, fill->value, fill->width, stream);
    }
}

static CUresult fill_rows(const struct cuda_driver *driver, const struct bg_cuda_fill *fill,
                          CUstream stream)
{
    switch (fill->element_size) {
    case 1:
        return driver->cuMemsetD2D8Async(fill->address, fill->pitch, (unsigned char)fill->value,
                                         fill->width, fill->height, stream);
    case 2:
        return driver->cuMemsetD2D16Async(fill->address, fill->pitch, (unsigned short)fill->value,
                                          fill->width, fill->height, stream);
    default:
        return driver->cuMemsetD2D32Async(fill->address, fill->pitch, fill->value, fill->width,
                                          fill->height, stream);
    }
}

CUDA_COMMAND(cuda_run_fill)
{
    const struct bg_cuda_fill *fill = call->params;
    CUstream stream;
    CUresult result = cuda_fill_check(cuda, fill) ?: cuda_stream_take(cuda, fill->stream, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    return cuda_check(cuda, fill->height == 1 ? fill_row(cuda->driver, fill, stream)
                                              : fill_rows(cuda->driver, fill, stream));
}
