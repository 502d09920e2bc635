/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies: each is a box from one place to another, checked here; copy_run.c carries it out. */
#include "firmware/cuda/capture.h"
#include "protocol/cuda_rules.h"

/* ---- Checks ---- */

/* The bytes from a side's first to its last one. False: there are not as many addresses. */
static bool extent_of(const struct cuda_copy *copy, const struct bg_cuda_box_side *side,
                      uint64_t *extent)
{
    uint64_t slice, slices, rows;

    return !__builtin_mul_overflow(side->pitch, side->height, &slice) &&
           !__builtin_mul_overflow(slice, side->z + copy->depth - 1, &slices) &&
           !__builtin_mul_overflow(side->pitch, side->y + copy->height - 1, &rows) &&
           !__builtin_add_overflow(slices, rows, extent) &&
           !__builtin_add_overflow(*extent, side->x, extent) &&
           !__builtin_add_overflow(*extent, copy->width, extent);
}

/* Rows and slices do not overlap. */
static bool is_laid_out(const struct cuda_copy *copy, const struct bg_cuda_box_side *side)
{
    return (side->pitch == 0 || side->x + copy->width <= side->pitch) &&
           (copy->height == 1 || side->pitch >= copy->width) &&
           (copy->depth == 1 || side->height >= side->y + copy->height);
}

static CUresult check_memory(struct cuda_context *context, const struct cuda_copy *copy,
                             struct cuda_side *side)
{
    struct cuda_device *device = context->device;
    uint64_t extent;

    if (!is_laid_out(copy, &side->box) || !extent_of(copy, &side->box, &extent)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (side->kind == CUDA_SIDE_DEVICE) {
        side->box.place =
            (struct bg_cuda_place){.kind = BG_CUDA_PLACE_DEVICE, .offset = side->box.place.offset};
        return cuda_range_has(device, side->box.place.offset, extent) ? CUDA_SUCCESS
                                                                      : CUDA_ERROR_INVALID_VALUE;
    }
    if (side->bytes == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (cuda_host_offset(device, side->bytes, extent, &side->box.place.offset)) {
        side->kind = CUDA_SIDE_HEAP;
        side->box.place.kind = BG_CUDA_PLACE_HEAP;
    }
    return CUDA_SUCCESS;
}

static bool is_within(uint64_t start, uint64_t count, uint64_t size)
{
    return start <= size && count <= size - start;
}

static CUresult check_array(struct cuda_context *context, const struct cuda_copy *copy,
                            struct cuda_side *side, CUarray handle)
{
    const struct cuda_array *array = cuda_find(handle, CUDA_KIND_ARRAY);
    const CUDA_ARRAY3D_DESCRIPTOR *descriptor;
    uint64_t element, width, height, depth;

    if (array == NULL || array->object.context->device != context->device) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    descriptor = &array->descriptor;
    element = cuda_array_element_size(descriptor);
    width = descriptor->Width * element;
    height = descriptor->Height;
    depth = descriptor->Depth;
    side->box.place = (struct bg_cuda_place){.kind = BG_CUDA_PLACE_ARRAY, .array = array->number};
    side->box.level = array->level;
    return side->box.x % element == 0 && copy->width % element == 0 &&
                   is_within(side->box.x, copy->width, width) &&
                   is_within(side->box.y, copy->height, height > 0 ? height : 1) &&
                   is_within(side->box.z, copy->depth, depth > 0 ? depth : 1)
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}

static CUresult check_side(struct cuda_context *context, const struct cuda_copy *copy,
                           CUmemorytype type, CUarray array, struct cuda_side *side)
{
    if (type != CU_MEMORYTYPE_HOST) {
        side->bytes = NULL; /* what stands there is not looked at */
    }
    switch (type) {
    case CU_MEMORYTYPE_HOST:
        side->kind = CUDA_SIDE_ORDINARY;
        return check_memory(context, copy, side);
    case CU_MEMORYTYPE_DEVICE:
    case CU_MEMORYTYPE_UNIFIED: /* which has no addresses of the guest's */
        side->kind = CUDA_SIDE_DEVICE;
        return check_memory(context, copy, side);
    case CU_MEMORYTYPE_ARRAY:
        side->kind = CUDA_SIDE_ARRAY;
        return check_array(context, copy, side, array);
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

CUresult cuda_copy_check(struct cuda_context *context, const CUDA_MEMCPY3D *asked,
                         struct cuda_copy *copy)
{
    *copy = (struct cuda_copy){
        .to = {.bytes = asked->dstHost,
               .box = {.place.offset = asked->dstDevice,
                       .x = asked->dstXInBytes,
                       .y = asked->dstY,
                       .z = asked->dstZ,
                       .pitch = asked->dstPitch,
                       .height = asked->dstHeight}},
        .from = {.bytes = (uint8_t *)(uintptr_t)asked->srcHost,
                 .box = {.place.offset = asked->srcDevice,
                         .x = asked->srcXInBytes,
                         .y = asked->srcY,
                         .z = asked->srcZ,
                         .pitch = asked->srcPitch,
                         .height = asked->srcHeight}},
        .width = asked->WidthInBytes,
        .height = asked->Height,
        .depth = asked->Depth,
    };
    if (copy->width == 0 || copy->height == 0 || copy->depth == 0) {
        return CUDA_SUCCESS;
    }
    return check_side(context, copy, asked->dstMemoryType, asked->dstArray, &copy->to)
               ?: check_side(context, copy, asked->srcMemoryType, asked->srcArray, &copy->from);
}

bool cuda_copy_is_remote(const struct cuda_copy *copy)
{
    return copy->to.kind != CUDA_SIDE_ORDINARY && copy->from.kind != CUDA_SIDE_ORDINARY;
}

void cuda_copy_pack(const struct cuda_copy *copy, struct bg_cuda_copy_box *box)
{
    *box = (struct bg_cuda_copy_box){
        .to = copy->to.box,
        .from = copy->from.box,
        .width = copy->width,
        .height = copy->height,
        .depth = copy->depth,
    };
}

/* ---- Boxes ---- */

static CUresult copy_3d(const CUDA_MEMCPY3D *asked, CUstream handle, bool is_synchronous)
{
    struct cuda_context *context;
    struct cuda_stream *stream;
    struct cuda_copy copy;
    CUresult result =
        cuda_enter_context(&context) ?: cuda_capture_stream_of(context, handle, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (asked == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (stream->capture != NULL) {
        return cuda_capture_add(stream, CU_GRAPH_NODE_TYPE_MEMCPY, asked, false);
    }
    return cuda_copy_check(context, asked, &copy) ?: cuda_copy_run(stream, &copy, is_synchronous);
}

CUresult cuMemcpy3D(const CUDA_MEMCPY3D *copy)
{
    return copy_3d(copy, NULL, true);
}

CUresult cuMemcpy3DAsync(const CUDA_MEMCPY3D *copy, CUstream stream)
{
    return copy_3d(copy, stream, false);
}

static CUresult copy_2d(const CUDA_MEMCPY2D *asked, CUstream stream, bool is_synchronous)
{
    CUDA_MEMCPY3D box;

    if (asked == NULL) {
        return copy_3d(NULL, stream, is_synchronous);
    }
    box = cuda_box_of(asked);
    return copy_3d(&box, stream, is_synchronous);
}

CUresult cuMemcpy2D(const CUDA_MEMCPY2D *copy)
{
    return copy_2d(copy, NULL, true);
}

CUresult cuMemcpy2DUnaligned(const CUDA_MEMCPY2D *copy)
{
    return copy_2d(copy, NULL, true);
}

CUresult cuMemcpy2DAsync(const CUDA_MEMCPY2D *copy, CUstream stream)
{
    return copy_2d(copy, stream, false);
}

/* ---- One row ---- */

static CUDA_MEMCPY3D row(size_t size)
{
    return (CUDA_MEMCPY3D){.WidthInBytes = size, .Height = 1, .Depth = 1};
}

static CUresult copy_to_device(CUdeviceptr to, const void *from, size_t size, CUstream stream,
                               bool is_synchronous)
{
    CUDA_MEMCPY3D copy = row(size);

    copy.srcMemoryType = CU_MEMORYTYPE_HOST;
    copy.srcHost = from;
    copy.dstMemoryType = CU_MEMORYTYPE_DEVICE;
    copy.dstDevice = to;
    return copy_3d(&copy, stream, is_synchronous);
}

static CUresult copy_from_device(void *to, CUdeviceptr from, size_t size, CUstream stream,
                                 bool is_synchronous)
{
    CUDA_MEMCPY3D copy = row(size);

    copy.srcMemoryType = CU_MEMORYTYPE_DEVICE;
    copy.srcDevice = from;
    copy.dstMemoryType = CU_MEMORYTYPE_HOST;
    copy.dstHost = to;
    return copy_3d(&copy, stream, is_synchronous);
}

/* Never waits, as CUDA says. */
static CUresult copy_within(CUdeviceptr to, CUdeviceptr from, size_t size, CUstream stream)
{
    CUDA_MEMCPY3D copy = row(size);

    copy.srcMemoryType = CU_MEMORYTYPE_DEVICE;
    copy.srcDevice = from;
    copy.dstMemoryType = CU_MEMORYTYPE_DEVICE;
    copy.dstDevice = to;
    return copy_3d(&copy, stream, false);
}

CUresult cuMemcpyHtoD(CUdeviceptr to, const void *from, size_t size)
{
    return copy_to_device(to, from, size, NULL, true);
}

CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t size, CUstream stream)
{
    return copy_to_device(to, from, size, stream, false);
}

CUresult cuMemcpyDtoH(void *to, CUdeviceptr from, size_t size)
{
    return copy_from_device(to, from, size, NULL, true);
}

CUresult cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t size, CUstream stream)
{
    return copy_from_device(to, from, size, stream, false);
}

CUresult cuMemcpyDtoD(CUdeviceptr to, CUdeviceptr from, size_t size)
{
    return copy_within(to, from, size, NULL);
}

CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t size, CUstream stream)
{
    return copy_within(to, from, size, stream);
}

CUresult cuMemcpy(CUdeviceptr to, CUdeviceptr from, size_t size)
{
    return copy_within(to, from, size, NULL);
}

CUresult cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, size_t size, CUstream stream)
{
    return copy_within(to, from, size, stream);
}
