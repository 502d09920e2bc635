/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory is set to a value of 1, 2 or 4 bytes, in rows: always without a wait. */
#include "firmware/cuda/capture.h"
#include "firmware/cuda/internal.h"

/* All of it in one allocation, and aligned. */
static bool is_valid(struct cuda_device *device, const struct bg_cuda_fill *fill)
{
    uint64_t row, extent;

    return fill->address % fill->element_size == 0 &&
           !__builtin_mul_overflow(fill->width, (uint64_t)fill->element_size, &row) &&
           (fill->height == 1 || (fill->pitch >= row && fill->pitch % fill->element_size == 0)) &&
           !__builtin_mul_overflow(fill->pitch, fill->height - 1, &extent) &&
           !__builtin_add_overflow(extent, row, &extent) &&
           cuda_range_has(device, fill->address, extent);
}

CUresult cuda_fill_check(struct cuda_context *context, const struct bg_cuda_fill *fill)
{
    if (fill->element_size != 1 && fill->element_size != 2 && fill->element_size != 4) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return fill->width == 0 || fill->height == 0 || is_valid(context->device, fill)
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}

static CUresult capture(struct cuda_stream *stream, const struct bg_cuda_fill *fill)
{
    const CUDA_MEMSET_NODE_PARAMS set = {
        .dst = fill->address,
        .pitch = fill->pitch,
        .value = fill->value,
        .elementSize = fill->element_size,
        .width = fill->width,
        .height = fill->height,
    };

    return cuda_capture_add(stream, CU_GRAPH_NODE_TYPE_MEMSET, &set, false);
}

/* A set without a stream is in the legacy one, and waits for nobody. */
static CUresult fill_rows(struct bg_cuda_fill fill, CUstream handle)
{
    struct cuda_context *context;
    struct cuda_stream *stream;
    CUresult result = cuda_enter_context(&context)
                          ?: cuda_capture_stream_of(context, handle, &stream)
                          ?: cuda_fill_check(context, &fill);

    if (result != CUDA_SUCCESS || fill.width == 0 || fill.height == 0) {
        return result;
    }
    if (stream->capture != NULL) {
        return capture(stream, &fill);
    }
    fill.stream = stream->number;
    return CUDA_PUT_IN(context->device, fill.stream, BG_CUDA_FILL, fill);
}

static CUresult fill_row(CUdeviceptr to, unsigned value, unsigned element_size, size_t count,
                         CUstream stream)
{
    return fill_rows((struct bg_cuda_fill){.address = to,
                                           .width = count,
                                           .height = 1,
                                           .element_size = element_size,
                                           .value = value},
                     stream);
}

static CUresult fill_2d(CUdeviceptr to, size_t pitch, unsigned value, unsigned element_size,
                        size_t width, size_t height, CUstream stream)
{
    return fill_rows((struct bg_cuda_fill){.address = to,
                                           .pitch = pitch,
                                           .width = width,
                                           .height = height,
                                           .element_size = element_size,
                                           .value = value},
                     stream);
}

CUresult cuMemsetD8(CUdeviceptr to, unsigned char value, size_t count)
{
    return fill_row(to, value, 1, count, NULL);
}

CUresult cuMemsetD16(CUdeviceptr to, unsigned short value, size_t count)
{
    return fill_row(to, value, 2, count, NULL);
}

CUresult cuMemsetD32(CUdeviceptr to, unsigned value, size_t count)
{
    return fill_row(to, value, 4, count, NULL);
}

CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count, CUstream stream)
{
    return fill_row(to, value, 1, count, stream);
}

CUresult cuMemsetD16Async(CUdeviceptr to, unsigned short value, size_t count, CUstream stream)
{
    return fill_row(to, value, 2, count, stream);
}

CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t count, CUstream stream)
{
    return fill_row(to, value, 4, count, stream);
}

CUresult cuMemsetD2D8(CUdeviceptr to, size_t pitch, unsigned char value, size_t width,
                      size_t height)
{
    return fill_2d(to, pitch, value, 1, width, height, NULL);
}

CUresult cuMemsetD2D16(CUdeviceptr to, size_t pitch, unsigned short value, size_t width,
                       size_t height)
{
    return fill_2d(to, pitch, value, 2, width, height, NULL);
}

CUresult cuMemsetD2D32(CUdeviceptr to, size_t pitch, unsigned value, size_t width, size_t height)
{
    return fill_2d(to, pitch, value, 4, width, height, NULL);
}

CUresult cuMemsetD2D8Async(CUdeviceptr to, size_t pitch, unsigned char value, size_t width,
                           size_t height, CUstream stream)
{
    return fill_2d(to, pitch, value, 1, width, height, stream);
}

CUresult cuMemsetD2D16Async(CUdeviceptr to, size_t pitch, unsigned short value, size_t width,
                            size_t height, CUstream stream)
{
    return fill_2d(to, pitch, value, 2, width, height, stream);
}

CUresult cuMemsetD2D32Async(CUdeviceptr to, size_t pitch, unsigned value, size_t width,
                            size_t height, CUstream stream)
{
    return fill_2d(to, pitch, value, 4, width, height, stream);
}
