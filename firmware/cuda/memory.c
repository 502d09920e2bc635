/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of the device. */
#include "firmware/cuda/capture.h"

/* Of rows: what a texture of them needs, and what suits the GPU. */
#define PITCH_ALIGN 512u

/* ---- The device's ---- */

static void free_range(struct cuda_device *device, CUdeviceptr start)
{
    const struct bg_cuda_memory_free params = {.address = start, .stream = BG_CUDA_NONE};

    CUDA_PUT(device, BG_CUDA_MEMORY_FREE, params);
    cuda_range_remove(device, start);
}

static CUresult alloc(struct cuda_context *context, CUdeviceptr *pointer, uint64_t size)
{
    struct cuda_device *device = context->device;
    const struct bg_cuda_memory_alloc params = {.size = size, .stream = BG_CUDA_NONE};
    struct bg_cuda_range given;
    CUresult result =
        cuda_ask(device, BG_CUDA_MEMORY_ALLOC, &params, sizeof(params), &given, sizeof(given));

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!cuda_range_add(device, &(struct cuda_range){.start = given.address,
                                                     .size = size,
                                                     .context = context,
                                                     .kind = CUDA_RANGE_DEVICE})) {
        free_range(device, given.address);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *pointer = given.address;
    return CUDA_SUCCESS;
}

CUresult cuMemAlloc(CUdeviceptr *pointer, size_t size)
{
    struct cuda_context *context;
    CUresult result = cuda_enter_unsafe(&context);

    if (result == CUDA_SUCCESS && (pointer == NULL || size == 0)) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    return result ?: alloc(context, pointer, size);
}

CUresult cuMemAllocPitch(CUdeviceptr *pointer, size_t *pitch, size_t width, size_t height,
                         unsigned element_size)
{
    struct cuda_context *context;
    CUresult result = cuda_enter_unsafe(&context);
    size_t row, size;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (pointer == NULL || pitch == NULL || width == 0 || height == 0 ||
        (element_size != 4 && element_size != 8 && element_size != 16)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (__builtin_add_overflow(width, PITCH_ALIGN - 1, &row) ||
        __builtin_mul_overflow(row / PITCH_ALIGN * PITCH_ALIGN, height, &size)) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    result = alloc(context, pointer, size);
    if (result == CUDA_SUCCESS) {
        *pitch = row / PITCH_ALIGN * PITCH_ALIGN;
    }
    return result;
}

CUresult cuMemFree(CUdeviceptr pointer)
{
    struct cuda_context *context;
    CUresult result = cuda_enter_unsafe(&context);
    const struct cuda_range *range;

    if (result != CUDA_SUCCESS || pointer == 0) {
        return result;
    }
    range = cuda_range_find(context->device, pointer);
    if (range == NULL || range->start != pointer || range->kind == CUDA_RANGE_GLOBAL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    free_range(context->device, pointer);
    return CUDA_SUCCESS;
}

CUresult cuMemGetInfo(size_t *available, size_t *total)
{
    struct cuda_context *context;
    struct bg_cuda_memory_info info;
    CUresult result = cuda_enter_context(&context);

    if (result == CUDA_SUCCESS && (available == NULL || total == NULL)) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    result = result ?: cuda_ask(context->device, BG_CUDA_MEMORY_INFO, NULL, 0, &info, sizeof(info));
    if (result == CUDA_SUCCESS) {
        *available = info.free;
        *total = info.total;
    }
    return result;
}

CUresult cuMemGetAddressRange(CUdeviceptr *base, size_t *size, CUdeviceptr pointer)
{
    struct cuda_context *context;
    CUresult result = cuda_enter_context(&context);
    CUdeviceptr start;
    uint64_t length;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!cuda_host_range(context->device, pointer, &start, &length)) {
        const struct cuda_range *range = cuda_range_find(context->device, pointer);

        if (range == NULL) {
            return CUDA_ERROR_NOT_FOUND;
        }
        start = range->start;
        length = range->size;
    }
    if (base != NULL) {
        *base = start;
    }
    if (size != NULL) {
        *size = length;
    }
    return CUDA_SUCCESS;
}

/* ---- A context's end ---- */

void cuda_memory_free_all(struct cuda_context *context)
{
    struct cuda_device *device = context->device;

    cuda_host_free_all(context);
    if (!cuda_is_alive(context)) {
        return; /* the table is another session's, or will be */
    }
    for (uint32_t i = device->range_count; i > 0; i--) {
        const struct cuda_range *range = &device->ranges[i - 1];

        if (range->context == context && range->kind != CUDA_RANGE_GLOBAL) {
            free_range(device, range->start);
        }
    }
}
