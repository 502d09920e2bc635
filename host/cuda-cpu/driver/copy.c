/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies: all of them are boxes from one place to another. */
#include <string.h>

#include "host/cuda-cpu/driver/allocation.h"
#include "host/cuda-cpu/driver/array.h"
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/copy.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/stream.h"
#include "protocol/cuda_rules.h"

struct copy_task {
    struct task task;
    struct copy copy;
};

static unsigned char *row_of(const struct copy_side *side, size_t y, size_t z)
{
    return side->bytes + z * side->slice + y * side->pitch;
}

static CUresult run(struct task *base)
{
    const struct copy *copy = &((const struct copy_task *)base)->copy;

    for (size_t z = 0; z < copy->depth; z++) {
        for (size_t y = 0; y < copy->height; y++) {
            memmove(row_of(&copy->dst, y, z), row_of(&copy->src, y, z), copy->width);
            context_written(base->context, row_of(&copy->dst, y, z), copy->width);
        }
    }
    return CUDA_SUCCESS;
}

/* ---- Checks ---- */

/* The bytes from a side's first to its last one. False: there are not as many addresses. */
static bool extent_of(const struct copy *copy, const struct copy_side *side, uint64_t *extent)
{
    uint64_t slices, rows;

    return !__builtin_mul_overflow((uint64_t)side->slice, copy->depth - 1, &slices) &&
           !__builtin_mul_overflow((uint64_t)side->pitch, copy->height - 1, &rows) &&
           !__builtin_add_overflow(slices, rows, extent) &&
           !__builtin_add_overflow(*extent, (uint64_t)copy->width, extent);
}

/* In the context's memory, or that of another one. */
static bool is_mapped(struct context *context, const struct copy *copy,
                      const struct copy_side *side)
{
    uint64_t start = (uint64_t)(uintptr_t)side->bytes, extent;
    const struct allocation *allocation;
    struct memory_range range;

    if (!extent_of(copy, side, &extent)) {
        return false;
    }
    allocation = allocation_find(start);
    return memory_find(&context->memory, start, extent, &range) ||
           (allocation != NULL && extent <= allocation->size - (start - allocation->start));
}

/* A side of the device lies in one allocation; one of the host is the program's affair. */
static CUresult check_side(struct context *context, const struct copy *copy, struct copy_side *side)
{
    if (side->bytes == NULL || (copy->height > 1 && side->pitch < copy->width)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (is_mapped(context, copy, side)) {
        side->pageable = false;
        return CUDA_SUCCESS;
    }
    side->pageable = true;
    return side->place == COPY_DEVICE ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

CUresult copy_task_create(struct context *context, const struct copy *asked, struct task **result)
{
    struct copy copy = *asked;
    struct copy_task *task;
    CUresult checked = CUDA_SUCCESS;

    if (copy.width == 0 || copy.height == 0 || copy.depth == 0) {
        copy.depth = 0;
    } else {
        checked = check_side(context, &copy, &copy.src) ?: check_side(context, &copy, &copy.dst);
    }
    if (checked != CUDA_SUCCESS) {
        return checked;
    }
    task = task_create(sizeof(*task), context, run);
    if (task == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    task->copy = copy;
    *result = &task->task;
    return CUDA_SUCCESS;
}

static CUDA_MEMCPY3D describe(const struct copy *copy)
{
    const struct copy_side *src = &copy->src, *dst = &copy->dst;
    bool from_host = src->place == COPY_HOST, to_host = dst->place == COPY_HOST;

    return (CUDA_MEMCPY3D){
        .srcMemoryType = from_host ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE,
        .srcHost = from_host ? src->bytes : NULL,
        .srcDevice = from_host ? 0 : (CUdeviceptr)(uintptr_t)src->bytes,
        .srcPitch = src->pitch,
        .srcHeight = src->pitch ? src->slice / src->pitch : 0,
        .dstMemoryType = to_host ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE,
        .dstHost = to_host ? dst->bytes : NULL,
        .dstDevice = to_host ? 0 : (CUdeviceptr)(uintptr_t)dst->bytes,
        .dstPitch = dst->pitch,
        .dstHeight = dst->pitch ? dst->slice / dst->pitch : 0,
        .WidthInBytes = copy->width,
        .Height = copy->height,
        .Depth = copy->depth,
    };
}

bool copy_task_read(const struct task *base, CUDA_MEMCPY3D *copy)
{
    if (base->run != run) {
        return false;
    }
    *copy = describe(&((const struct copy_task *)base)->copy);
    return true;
}

CUresult copy_submit(struct context *context, const struct copy *copy, CUstream handle, bool wait)
{
    struct stream *stream;
    struct task *task;
    CUresult result = stream_of_handle(context, handle, &stream);

    result = result ?: copy_task_create(context, copy, &task);
    if (result == CUDA_SUCCESS && stream->capture == NULL) {
        const struct copy *made = &((const struct copy_task *)task)->copy;

        wait = wait || made->src.pageable || made->dst.pageable;
    }
    return result ?: stream_do(stream, task, wait);
}

/* ---- One row ---- */

static CUresult copy_row(struct context *context, struct copy_side dst, struct copy_side src,
                         size_t size, CUstream stream, bool wait)
{
    struct copy copy = {.dst = dst, .src = src, .width = size, .height = 1, .depth = 1};

    return copy_submit(context, &copy, stream, wait);
}

struct copy_side copy_side_of_host(const void *bytes)
{
    return (struct copy_side){.bytes = (unsigned char *)(uintptr_t)bytes, .place = COPY_HOST};
}

struct copy_side copy_side_of_device(CUdeviceptr address)
{
    return (struct copy_side){.bytes = (unsigned char *)(uintptr_t)address, .place = COPY_DEVICE};
}

static struct copy_side either(CUdeviceptr address)
{
    return (struct copy_side){.bytes = (unsigned char *)(uintptr_t)address, .place = COPY_HOST};
}

CUresult cuMemcpy(CUdeviceptr dst, CUdeviceptr src, size_t size)
{
    return IN_CONTEXT(copy_row(context, either(dst), either(src), size, NULL, true));
}

CUresult cuMemcpyAsync(CUdeviceptr dst, CUdeviceptr src, size_t size, CUstream stream)
{
    return IN_CONTEXT(copy_row(context, either(dst), either(src), size, stream, false));
}

/* Contexts of the one device share its memory. */
static CUresult copy_peer(struct context *context, CUdeviceptr dst, CUcontext dst_handle,
                          CUdeviceptr src, CUcontext src_handle, size_t size, CUstream stream,
                          bool wait)
{
    struct context *owner;
    CUresult result =
        context_of_handle(dst_handle, &owner) ?: context_of_handle(src_handle, &owner);

    return result
               ?: copy_row(context, copy_side_of_device(dst), copy_side_of_device(src), size,
                           stream, wait);
}

CUresult cuMemcpyPeer(CUdeviceptr dst, CUcontext dst_context, CUdeviceptr src,
                      CUcontext src_context, size_t size)
{
    return IN_CONTEXT(copy_peer(context, dst, dst_context, src, src_context, size, NULL, true));
}

CUresult cuMemcpyPeerAsync(CUdeviceptr dst, CUcontext dst_context, CUdeviceptr src,
                           CUcontext src_context, size_t size, CUstream stream)
{
    return IN_CONTEXT(copy_peer(context, dst, dst_context, src, src_context, size, stream, false));
}

CUresult cuMemcpyHtoD(CUdeviceptr dst, const void *src, size_t size)
{
    return IN_CONTEXT(
        copy_row(context, copy_side_of_device(dst), copy_side_of_host(src), size, NULL, true));
}

CUresult cuMemcpyDtoH(void *dst, CUdeviceptr src, size_t size)
{
    return IN_CONTEXT(
        copy_row(context, copy_side_of_host(dst), copy_side_of_device(src), size, NULL, true));
}

CUresult cuMemcpyDtoD(CUdeviceptr dst, CUdeviceptr src, size_t size)
{
    return IN_CONTEXT(
        copy_row(context, copy_side_of_device(dst), copy_side_of_device(src), size, NULL, true));
}

CUresult cuMemcpyHtoDAsync(CUdeviceptr dst, const void *src, size_t size, CUstream stream)
{
    return IN_CONTEXT(
        copy_row(context, copy_side_of_device(dst), copy_side_of_host(src), size, stream, false));
}

CUresult cuMemcpyDtoHAsync(void *dst, CUdeviceptr src, size_t size, CUstream stream)
{
    return IN_CONTEXT(
        copy_row(context, copy_side_of_host(dst), copy_side_of_device(src), size, stream, false));
}

CUresult cuMemcpyDtoDAsync(CUdeviceptr dst, CUdeviceptr src, size_t size, CUstream stream)
{
    return IN_CONTEXT(
        copy_row(context, copy_side_of_device(dst), copy_side_of_device(src), size, stream, false));
}

/* ---- Boxes ---- */

CUresult copy_side_of_array(const struct array *array, const struct array_box *box,
                            struct copy_side *side)
{
    const struct texture_level *level = &array->level;

    if (!array_has_box(array, box)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *side = copy_side_of_device(level->address + box->z * level->slice + box->y * level->pitch +
                                box->x);
    side->pitch = level->pitch;
    side->slice = level->slice;
    return CUDA_SUCCESS;
}

/* One side of CUDA_MEMCPY2D or CUDA_MEMCPY3D. */
struct box_side {
    CUmemorytype type;
    const void *host;
    CUdeviceptr device;
    CUarray array;
    size_t x, y, z, pitch, height;
};

static CUresult make_array_side(const struct box_side *box, const struct copy *copy,
                                struct copy_side *side)
{
    const struct array *array = object_find(box->array, OBJECT_ARRAY);
    const struct array_box within = {box->x,      box->y,       box->z,
                                     copy->width, copy->height, copy->depth};

    if (array == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    return copy_side_of_array(array, &within, side);
}

static CUresult make_side(const struct box_side *box, const struct copy *copy,
                          struct copy_side *side)
{
    switch (box->type) {
    case CU_MEMORYTYPE_HOST:
        *side = copy_side_of_host(box->host);
        break;
    case CU_MEMORYTYPE_DEVICE:
        *side = copy_side_of_device(box->device);
        break;
    case CU_MEMORYTYPE_UNIFIED:
        *side = either(box->device);
        break;
    case CU_MEMORYTYPE_ARRAY:
        return make_array_side(box, copy, side);
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (side->bytes == NULL || (box->pitch && box->x + copy->width > box->pitch)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    side->pitch = box->pitch;
    side->slice = box->pitch * box->height;
    side->bytes += box->z * side->slice + box->y * side->pitch + box->x;
    return CUDA_SUCCESS;
}

CUresult copy_from_box(const CUDA_MEMCPY3D *box, struct copy *copy)
{
    const struct box_side src = {box->srcMemoryType, box->srcHost,     box->srcDevice,
                                 box->srcArray,      box->srcXInBytes, box->srcY,
                                 box->srcZ,          box->srcPitch,    box->srcHeight};
    const struct box_side dst = {box->dstMemoryType, box->dstHost,     box->dstDevice,
                                 box->dstArray,      box->dstXInBytes, box->dstY,
                                 box->dstZ,          box->dstPitch,    box->dstHeight};

    *copy = (struct copy){.width = box->WidthInBytes, .height = box->Height, .depth = box->Depth};
    return make_side(&src, copy, &copy->src) ?: make_side(&dst, copy, &copy->dst);
}

static CUresult copy_3d(struct context *context, const CUDA_MEMCPY3D *box, CUstream stream,
                        bool wait)
{
    struct copy copy;

    if (box == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return copy_from_box(box, &copy) ?: copy_submit(context, &copy, stream, wait);
}

CUresult cuMemcpy3D(const CUDA_MEMCPY3D *copy)
{
    return IN_CONTEXT(copy_3d(context, copy, NULL, true));
}

CUresult cuMemcpy3DAsync(const CUDA_MEMCPY3D *copy, CUstream stream)
{
    return IN_CONTEXT(copy_3d(context, copy, stream, false));
}

/* An array knows its context. */
static CUresult check_peer(CUmemorytype type, void *handle)
{
    struct context *owner;

    return type != CU_MEMORYTYPE_ARRAY ? context_of_handle(handle, &owner) : CUDA_SUCCESS;
}

static CUresult copy_3d_peer(struct context *context, const CUDA_MEMCPY3D_PEER *copy,
                             CUstream stream)
{
    CUDA_MEMCPY3D box;

    if (copy == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    box = cuda_box_of_peer(copy);
    return check_peer(copy->dstMemoryType, copy->dstContext)
               ?: check_peer(copy->srcMemoryType, copy->srcContext)
               ?: copy_3d(context, &box, stream, false);
}

CUresult cuMemcpy3DPeer(const CUDA_MEMCPY3D_PEER *copy)
{
    return cuMemcpy3DPeerAsync(copy, NULL);
}

CUresult cuMemcpy3DPeerAsync(const CUDA_MEMCPY3D_PEER *copy, CUstream stream)
{
    return IN_CONTEXT(copy_3d_peer(context, copy, stream));
}

static CUresult copy_2d(struct context *context, const CUDA_MEMCPY2D *asked, CUstream stream,
                        bool wait)
{
    CUDA_MEMCPY3D box;

    if (asked == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    box = cuda_box_of(asked);
    return copy_3d(context, &box, stream, wait);
}

CUresult cuMemcpy2D(const CUDA_MEMCPY2D *copy)
{
    return IN_CONTEXT(copy_2d(context, copy, NULL, true));
}

CUresult cuMemcpy2DUnaligned(const CUDA_MEMCPY2D *copy)
{
    return IN_CONTEXT(copy_2d(context, copy, NULL, true));
}

CUresult cuMemcpy2DAsync(const CUDA_MEMCPY2D *copy, CUstream stream)
{
    return IN_CONTEXT(copy_2d(context, copy, stream, false));
}
