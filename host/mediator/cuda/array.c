/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/array.h"

#include <stdlib.h>

#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/leave.h"
#include "host/mediator/cuda/memory.h"
#include "host/mediator/cuda/stream.h"

#define SIDE_MAX (UINT64_C(1) << 17) /* no device has more */
#define LEVELS_MAX 18u               /* of that side */

/* ---- What they are made of ---- */

uint32_t cuda_texel_size(uint32_t format, uint32_t channels)
{
    uint32_t size;

    switch (format) {
    case CU_AD_FORMAT_UNSIGNED_INT8:
    case CU_AD_FORMAT_SIGNED_INT8:
        size = 1;
        break;
    case CU_AD_FORMAT_UNSIGNED_INT16:
    case CU_AD_FORMAT_SIGNED_INT16:
    case CU_AD_FORMAT_HALF:
        size = 2;
        break;
    case CU_AD_FORMAT_UNSIGNED_INT32:
    case CU_AD_FORMAT_SIGNED_INT32:
    case CU_AD_FORMAT_FLOAT:
        size = 4;
        break;
    default:
        return 0;
    }
    return channels == 1 || channels == 2 || channels == 4 ? size * channels : 0;
}

/* What is not there counts as one. */
static uint64_t shrink(uint64_t side, uint32_t level)
{
    return side >> level > 0 ? side >> level : 1;
}

static bool has_layers(const struct cuda_array *array)
{
    return array->descriptor.Flags & (CUDA_ARRAY3D_LAYERED | CUDA_ARRAY3D_CUBEMAP);
}

static uint64_t width_of(const struct cuda_array *array, uint32_t level)
{
    return shrink(array->descriptor.Width, level);
}

static uint64_t height_of(const struct cuda_array *array, uint32_t level)
{
    return shrink(array->descriptor.Height, level);
}

/* Layers stay as many. */
static uint64_t depth_of(const struct cuda_array *array, uint32_t level)
{
    return shrink(array->descriptor.Depth, has_layers(array) ? 0 : level);
}

/* Each level halves the last one, down to one texel: so many as are asked for, as there are. */
static uint32_t count_levels(const struct cuda_array *array, uint32_t wanted)
{
    uint64_t sides = array->descriptor.Width | array->descriptor.Height |
                     (has_layers(array) ? 0 : array->descriptor.Depth);
    uint32_t count = 1;

    while (count < wanted && sides >> count > 0) {
        count++;
    }
    return count;
}

/* Sides have 17 bits, texels 5: levels of them all fit. */
static uint64_t measure(const struct cuda_array *array)
{
    uint64_t size = 0;

    for (uint32_t i = 0; i < array->levels; i++) {
        size += width_of(array, i) * height_of(array, i) * depth_of(array, i) * array->texel_size;
    }
    return size;
}

static bool lies_in(uint64_t side, uint64_t start, uint64_t length)
{
    return start <= side && length <= side - start;
}

bool cuda_array_has_box(const struct cuda_array *array, const struct bg_cuda_box_side *side,
                        const struct bg_cuda_copy_box *box)
{
    uint32_t level = side->level;

    return level < array->levels &&
           lies_in(width_of(array, level) * array->texel_size, side->x, box->width) &&
           lies_in(height_of(array, level), side->y, box->height) &&
           lies_in(depth_of(array, level), side->z, box->depth);
}

/* ---- Finding ---- */

const struct cuda_array *cuda_array_find(const struct cuda_session *cuda, uint32_t handle)
{
    return handle < BG_CUDA_ARRAYS_MAX ? cuda->arrays[handle] : NULL;
}

CUresult cuda_array_get_level(const struct cuda_session *cuda, const struct cuda_array *array,
                              uint32_t level, CUarray *result)
{
    if (level >= array->levels) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *result = array->array;
    return array->array != NULL
               ? CUDA_SUCCESS
               : cuda->driver->cuMipmappedArrayGetLevel(result, array->mipmapped, level);
}

/* ---- Zeros ---- */

static CUresult zero_level(struct cuda_session *cuda, const struct cuda_array *array,
                           uint32_t level, CUdeviceptr zeros)
{
    uint64_t depth = depth_of(array, level);
    CUDA_MEMCPY3D copy = {
        .srcMemoryType = CU_MEMORYTYPE_DEVICE,
        .srcDevice = zeros,
        .srcPitch = width_of(array, level) * array->texel_size,
        .srcHeight = height_of(array, level),
        .dstMemoryType = CU_MEMORYTYPE_ARRAY,
        .WidthInBytes = width_of(array, level) * array->texel_size,
        .Height = height_of(array, level),
        .Depth = 1,
    };
    CUresult result = cuda_array_get_level(cuda, array, level, &copy.dstArray);

    for (; copy.dstZ < depth && result == CUDA_SUCCESS; copy.dstZ++) {
        result = cuda->driver->cuMemcpy3DAsync(&copy, cuda->own);
    }
    return result;
}

/* What another guest left there must not be seen. The CPU device's is zero. */
static CUresult zero(struct cuda_session *cuda, const struct cuda_array *array)
{
    const struct cuda_driver *driver = cuda->driver;
    size_t size = width_of(array, 0) * height_of(array, 0) * array->texel_size;
    CUdeviceptr zeros;
    CUresult result;

    if (driver->on_cpu) {
        return CUDA_SUCCESS;
    }
    result = driver->cuMemAllocAsync(&zeros, size, cuda->own);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = driver->cuMemsetD8Async(zeros, 0, size, cuda->own);
    for (uint32_t i = 0; i < array->levels && result == CUDA_SUCCESS; i++) {
        result = zero_level(cuda, array, i, zeros);
    }
    return driver->cuMemFreeAsync(zeros, cuda->own) ?: cuda_stream_wait(cuda, cuda->own) ?: result;
}

/* ---- Commands ---- */

static CUresult check_create(const struct cuda_session *cuda,
                             const struct bg_cuda_array_create *create)
{
    const uint32_t flags = CUDA_ARRAY3D_LAYERED | CUDA_ARRAY3D_SURFACE_LDST | CUDA_ARRAY3D_CUBEMAP |
                           CUDA_ARRAY3D_TEXTURE_GATHER;

    if (create->array >= BG_CUDA_ARRAYS_MAX || cuda->arrays[create->array] != NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    return cuda_texel_size(create->format, create->channels) != 0 && !(create->flags & ~flags) &&
                   create->levels <= LEVELS_MAX && create->width != 0 &&
                   create->width <= SIDE_MAX && create->height <= SIDE_MAX &&
                   create->depth <= SIDE_MAX
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}

static CUresult try_make(const struct cuda_session *cuda, struct cuda_array *array,
                         bool is_mipmapped)
{
    const struct cuda_driver *driver = cuda->driver;

    return is_mipmapped ? driver->cuMipmappedArrayCreate(&array->mipmapped, &array->descriptor,
                                                         array->levels)
                        : driver->cuArray3DCreate(&array->array, &array->descriptor);
}

/* The device may have what was freed for as long as anything works that was there before. */
static CUresult make(struct cuda_session *cuda, struct cuda_array *array, bool is_mipmapped)
{
    CUresult result = try_make(cuda, array, is_mipmapped);

    return cuda_leave_makes_room(cuda, result) ? try_make(cuda, array, is_mipmapped) : result;
}

static CUresult release_array(struct cuda_session *cuda, uint64_t array)
{
    return cuda->driver->cuArrayDestroy((CUarray)(uintptr_t)array);
}

static CUresult release_mipmapped(struct cuda_session *cuda, uint64_t array)
{
    return cuda->driver->cuMipmappedArrayDestroy((CUmipmappedArray)(uintptr_t)array);
}

static CUresult destroy(struct cuda_session *cuda, struct cuda_array *array)
{
    CUresult result =
        array->array != NULL
            ? cuda_leave_object(cuda, release_array, (uintptr_t)array->array, array->charged)
            : cuda_leave_object(cuda, release_mipmapped, (uintptr_t)array->mipmapped,
                                array->charged);

    free(array);
    return result;
}

static void describe(const struct bg_cuda_array_create *create, struct cuda_array *array)
{
    *array = (struct cuda_array){
        .descriptor = {.Width = create->width,
                       .Height = create->height,
                       .Depth = create->depth,
                       .Format = (CUarray_format)create->format,
                       .NumChannels = create->channels,
                       .Flags = create->flags},
        .texel_size = cuda_texel_size(create->format, create->channels),
    };
    array->levels = count_levels(array, create->levels);
    array->charged = measure(array);
}

/* Charged already. */
static CUresult make_zeroed(struct cuda_session *cuda, struct cuda_array *array, bool is_mipmapped)
{
    CUresult result = cuda_check(cuda, make(cuda, array, is_mipmapped));

    if (result != CUDA_SUCCESS) {
        session_release(cuda->session, array->charged);
        free(array);
        return result;
    }
    result = cuda_check(cuda, zero(cuda, array));
    if (result != CUDA_SUCCESS) {
        destroy(cuda, array);
    }
    return result;
}

CUDA_COMMAND(cuda_run_array_create)
{
    const struct bg_cuda_array_create *create = call->params;
    struct cuda_array *array;
    CUresult result = check_create(cuda, create);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    array = malloc(sizeof(*array));
    if (array == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    describe(create, array);
    result = cuda_memory_charge(cuda, array->charged);
    if (result != CUDA_SUCCESS) {
        free(array);
        return result;
    }
    result = make_zeroed(cuda, array, create->levels > 0);
    cuda->arrays[create->array] = result == CUDA_SUCCESS ? array : NULL;
    return result;
}

CUDA_COMMAND(cuda_run_array_destroy)
{
    const struct bg_cuda_handle *handle = call->params;
    struct cuda_array *array =
        handle->handle < BG_CUDA_ARRAYS_MAX ? cuda->arrays[handle->handle] : NULL;

    if (array == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    cuda->arrays[handle->handle] = NULL;
    cuda->changes++;
    return destroy(cuda, array);
}

void cuda_arrays_destroy(struct cuda_session *cuda)
{
    for (uint32_t i = 0; i < BG_CUDA_ARRAYS_MAX; i++) {
        if (cuda->arrays[i] != NULL) {
            destroy(cuda, cuda->arrays[i]);
            cuda->arrays[i] = NULL;
        }
    }
}
