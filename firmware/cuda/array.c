/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/cuda/array.h"

#include "firmware/cuda/capture.h"

#define SURFACE_LINE_MAX 32768 /* texels of one without height; a texture may be longer */

/* ---- What they are made of ---- */

/* Bytes of a channel; 0: not a format that textures have here. */
static unsigned channel_size(CUarray_format format)
{
    switch (format) {
    case CU_AD_FORMAT_UNSIGNED_INT8:
    case CU_AD_FORMAT_SIGNED_INT8:
        return 1;
    case CU_AD_FORMAT_UNSIGNED_INT16:
    case CU_AD_FORMAT_SIGNED_INT16:
    case CU_AD_FORMAT_HALF:
        return 2;
    case CU_AD_FORMAT_UNSIGNED_INT32:
    case CU_AD_FORMAT_SIGNED_INT32:
    case CU_AD_FORMAT_FLOAT:
        return 4;
    default:
        return 0;
    }
}

unsigned cuda_array_element_size(const CUDA_ARRAY3D_DESCRIPTOR *descriptor)
{
    return channel_size(descriptor->Format) * descriptor->NumChannels;
}

/* The rest is the device's to say. */
static bool is_known(const CUDA_ARRAY3D_DESCRIPTOR *descriptor)
{
    unsigned channels = descriptor->NumChannels;

    return channel_size(descriptor->Format) != 0 &&
           (channels == 1 || channels == 2 || channels == 4) && descriptor->Width != 0;
}

static bool is_layered(const CUDA_ARRAY3D_DESCRIPTOR *descriptor)
{
    return (descriptor->Flags & (CUDA_ARRAY3D_LAYERED | CUDA_ARRAY3D_CUBEMAP)) != 0;
}

static size_t shrink(size_t side, unsigned level)
{
    return side >> level != 0 ? side >> level : side != 0;
}

static CUDA_ARRAY3D_DESCRIPTOR describe_level(const struct cuda_mipmap *mipmap, unsigned level)
{
    CUDA_ARRAY3D_DESCRIPTOR descriptor = mipmap->descriptor;

    descriptor.Width = shrink(descriptor.Width, level);
    descriptor.Height = shrink(descriptor.Height, level);
    if (!is_layered(&descriptor)) {
        descriptor.Depth = shrink(descriptor.Depth, level);
    }
    return descriptor;
}

static unsigned levels_max(const CUDA_ARRAY3D_DESCRIPTOR *descriptor)
{
    size_t sides = descriptor->Width | descriptor->Height;

    if (!is_layered(descriptor)) {
        sides |= descriptor->Depth;
    }
    return 64 - (unsigned)__builtin_clzll(sides);
}

/* ---- Their lives ---- */

/* levels 0: not a mipmapped one. */
static CUresult ask(struct cuda_context *context, const CUDA_ARRAY3D_DESCRIPTOR *descriptor,
                    unsigned levels, uint32_t *number)
{
    uint64_t *used = context->device->numbers.arrays;
    struct bg_cuda_array_create params = {
        .array = cuda_number_take(used, BG_CUDA_ARRAYS_MAX),
        .format = descriptor->Format,
        .channels = descriptor->NumChannels,
        .flags = descriptor->Flags,
        .levels = levels,
        .width = descriptor->Width,
        .height = descriptor->Height,
        .depth = descriptor->Depth,
    };
    CUresult result;

    if (params.array == BG_CUDA_ARRAYS_MAX) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    result = cuda_ask(context->device, BG_CUDA_ARRAY_CREATE, &params, sizeof(params), NULL, 0);
    if (result != CUDA_SUCCESS) {
        cuda_number_give(used, params.array);
    }
    *number = params.array;
    return result;
}

static CUresult create(struct cuda_context *context, const CUDA_ARRAY3D_DESCRIPTOR *descriptor,
                       CUarray *handle)
{
    struct cuda_array *array;
    CUresult result;

    if (handle == NULL || !is_known(descriptor)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    array = cuda_object_create(CUDA_KIND_ARRAY, sizeof(*array), context);
    if (array == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    array->descriptor = *descriptor;
    result = ask(context, descriptor, 0, &array->number);
    if (result != CUDA_SUCCESS) {
        cuda_object_destroy(&array->object);
        return result;
    }
    *handle = array->object.handle;
    return CUDA_SUCCESS;
}

CUresult cuArray3DCreate(CUarray *handle, const CUDA_ARRAY3D_DESCRIPTOR *descriptor)
{
    struct cuda_context *context;
    CUresult result = cuda_enter_unsafe(&context);

    if (result != CUDA_SUCCESS || descriptor == NULL) {
        return result ?: CUDA_ERROR_INVALID_VALUE;
    }
    return create(context, descriptor, handle);
}

CUresult cuArrayCreate(CUarray *handle, const CUDA_ARRAY_DESCRIPTOR *flat)
{
    CUDA_ARRAY3D_DESCRIPTOR descriptor;

    if (flat == NULL) {
        return cuda_enter() ?: CUDA_ERROR_INVALID_VALUE;
    }
    descriptor = (CUDA_ARRAY3D_DESCRIPTOR){
        .Width = flat->Width,
        .Height = flat->Height,
        .Format = flat->Format,
        .NumChannels = flat->NumChannels,
        .Flags = flat->Height || flat->Width <= SURFACE_LINE_MAX ? CUDA_ARRAY3D_SURFACE_LDST : 0,
    };
    return cuArray3DCreate(handle, &descriptor);
}

void cuda_array_destroy(struct cuda_object *object)
{
    struct cuda_array *array = (struct cuda_array *)(void *)object;

    if (array->mipmap == NULL) {
        cuda_retire(object, BG_CUDA_ARRAY_DESTROY, object->context->device->numbers.arrays,
                    array->number);
    } else {
        array->mipmap->levels[array->level] = NULL;
    }
    cuda_object_destroy(object);
}

/* A level goes with its mipmapped array alone. */
CUresult cuArrayDestroy(CUarray handle)
{
    struct cuda_array *array = cuda_find(handle, CUDA_KIND_ARRAY);
    struct cuda_context *context;
    CUresult result = cuda_enter_unsafe(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (array == NULL || array->mipmap != NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    cuda_array_destroy(&array->object);
    return CUDA_SUCCESS;
}

CUresult cuArray3DGetDescriptor(CUDA_ARRAY3D_DESCRIPTOR *descriptor, CUarray handle)
{
    const struct cuda_array *array = cuda_find(handle, CUDA_KIND_ARRAY);
    struct cuda_context *context;
    CUresult result = cuda_enter_context(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (descriptor == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (array == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    *descriptor = array->descriptor;
    return CUDA_SUCCESS;
}

CUresult cuArrayGetDescriptor(CUDA_ARRAY_DESCRIPTOR *flat, CUarray handle)
{
    CUDA_ARRAY3D_DESCRIPTOR descriptor;
    CUresult result = cuArray3DGetDescriptor(flat != NULL ? &descriptor : NULL, handle);

    if (result == CUDA_SUCCESS) {
        *flat = (CUDA_ARRAY_DESCRIPTOR){
            .Width = descriptor.Width,
            .Height = descriptor.Height,
            .Format = descriptor.Format,
            .NumChannels = descriptor.NumChannels,
        };
    }
    return result;
}

/* ---- Levels ---- */

static CUresult create_mipmap(struct cuda_context *context,
                              const CUDA_ARRAY3D_DESCRIPTOR *descriptor, unsigned count,
                              CUmipmappedArray *handle)
{
    struct cuda_mipmap *mipmap = cuda_object_create(
        CUDA_KIND_MIPMAP, sizeof(*mipmap) + count * sizeof(mipmap->levels[0]), context);
    CUresult result;

    if (mipmap == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    mipmap->descriptor = *descriptor;
    mipmap->count = count;
    result = ask(context, descriptor, count, &mipmap->number);
    if (result != CUDA_SUCCESS) {
        cuda_object_destroy(&mipmap->object);
        return result;
    }
    *handle = mipmap->object.handle;
    return CUDA_SUCCESS;
}

CUresult cuMipmappedArrayCreate(CUmipmappedArray *handle, const CUDA_ARRAY3D_DESCRIPTOR *descriptor,
                                unsigned count)
{
    struct cuda_context *context;
    CUresult result = cuda_enter_unsafe(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (handle == NULL || descriptor == NULL || count == 0 || !is_known(descriptor)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    count = count < levels_max(descriptor) ? count : levels_max(descriptor);
    return create_mipmap(context, descriptor, count, handle);
}

void cuda_mipmap_destroy(struct cuda_object *object)
{
    struct cuda_mipmap *mipmap = (struct cuda_mipmap *)(void *)object;

    for (uint32_t i = 0; i < mipmap->count; i++) {
        if (mipmap->levels[i] != NULL) {
            cuda_array_destroy(&mipmap->levels[i]->object);
        }
    }
    cuda_retire(object, BG_CUDA_ARRAY_DESTROY, object->context->device->numbers.arrays,
                mipmap->number);
    cuda_object_destroy(object);
}

CUresult cuMipmappedArrayDestroy(CUmipmappedArray handle)
{
    struct cuda_mipmap *mipmap = cuda_find(handle, CUDA_KIND_MIPMAP);
    struct cuda_context *context;
    CUresult result = cuda_enter_unsafe(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (mipmap == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    cuda_mipmap_destroy(&mipmap->object);
    return CUDA_SUCCESS;
}

/* The same one each time. */
static CUresult find_level(struct cuda_mipmap *mipmap, unsigned level, struct cuda_array **array)
{
    *array = mipmap->levels[level];
    if (*array != NULL) {
        return CUDA_SUCCESS;
    }
    *array = cuda_object_create(CUDA_KIND_ARRAY, sizeof(**array), mipmap->object.context);
    if (*array == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    (*array)->number = mipmap->number;
    (*array)->level = level;
    (*array)->mipmap = mipmap;
    (*array)->descriptor = describe_level(mipmap, level);
    mipmap->levels[level] = *array;
    return CUDA_SUCCESS;
}

CUresult cuMipmappedArrayGetLevel(CUarray *handle, CUmipmappedArray mipmap_handle, unsigned level)
{
    struct cuda_mipmap *mipmap = cuda_find(mipmap_handle, CUDA_KIND_MIPMAP);
    struct cuda_context *context;
    struct cuda_array *array;
    CUresult result = cuda_enter_context(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (mipmap == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (handle == NULL || level >= mipmap->count) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = find_level(mipmap, level, &array);
    if (result == CUDA_SUCCESS) {
        *handle = array->object.handle;
    }
    return result;
}

/* ---- Copies of bytes in a row ---- */

/* Where `size` bytes from `offset` on lie, counted row behind row: within a row, or whole rows, or
 * whole slices. CUDA_ERROR_INVALID_VALUE: they are none of these, or beyond the array. */
struct box {
    size_t x, y, z, width, height, depth;
};

static CUresult find_box(CUarray handle, size_t offset, size_t size, struct box *box)
{
    const struct cuda_array *array = cuda_find(handle, CUDA_KIND_ARRAY);
    size_t row, rows, slice;

    if (array == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    row = array->descriptor.Width * cuda_array_element_size(&array->descriptor);
    rows = array->descriptor.Height != 0 ? array->descriptor.Height : 1;
    slice = row * rows;
    *box = (struct box){offset % row, offset / row % rows, offset / slice, size, 1, 1};
    if (box->x == 0 && box->y == 0 && size > slice && size % slice == 0) {
        *box = (struct box){0, 0, box->z, row, rows, size / slice};
    } else if (box->x == 0 && size > row && size % row == 0) {
        *box = (struct box){0, box->y, box->z, row, size / row, 1};
    }
    return CUDA_SUCCESS;
}

static void set_source(CUDA_MEMCPY3D *copy, CUarray array, const struct box *box)
{
    copy->srcMemoryType = CU_MEMORYTYPE_ARRAY;
    copy->srcArray = array;
    copy->srcXInBytes = box->x;
    copy->srcY = box->y;
    copy->srcZ = box->z;
}

static void set_destination(CUDA_MEMCPY3D *copy, CUarray array, const struct box *box)
{
    copy->dstMemoryType = CU_MEMORYTYPE_ARRAY;
    copy->dstArray = array;
    copy->dstXInBytes = box->x;
    copy->dstY = box->y;
    copy->dstZ = box->z;
}

static void set_size(CUDA_MEMCPY3D *copy, const struct box *box)
{
    copy->WidthInBytes = box->width;
    copy->Height = box->height;
    copy->Depth = box->depth;
}

/* `copy` has the other side, in which rows lie without a gap. */
static CUresult to_array(CUarray array, size_t offset, CUDA_MEMCPY3D *copy, size_t size,
                         CUstream stream, bool is_async)
{
    struct box box;
    CUresult result = cuda_enter() ?: find_box(array, offset, size, &box);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    set_destination(copy, array, &box);
    set_size(copy, &box);
    copy->srcPitch = box.width;
    copy->srcHeight = box.height;
    return is_async ? cuMemcpy3DAsync(copy, stream) : cuMemcpy3D(copy);
}

static CUresult from_array(CUarray array, size_t offset, CUDA_MEMCPY3D *copy, size_t size,
                           CUstream stream, bool is_async)
{
    struct box box;
    CUresult result = cuda_enter() ?: find_box(array, offset, size, &box);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    set_source(copy, array, &box);
    set_size(copy, &box);
    copy->dstPitch = box.width;
    copy->dstHeight = box.height;
    return is_async ? cuMemcpy3DAsync(copy, stream) : cuMemcpy3D(copy);
}

CUresult cuMemcpyHtoA(CUarray to, size_t offset, const void *from, size_t size)
{
    CUDA_MEMCPY3D copy = {.srcMemoryType = CU_MEMORYTYPE_HOST, .srcHost = from};

    return to_array(to, offset, &copy, size, NULL, false);
}

CUresult cuMemcpyHtoAAsync(CUarray to, size_t offset, const void *from, size_t size,
                           CUstream stream)
{
    CUDA_MEMCPY3D copy = {.srcMemoryType = CU_MEMORYTYPE_HOST, .srcHost = from};

    return to_array(to, offset, &copy, size, stream, true);
}

CUresult cuMemcpyDtoA(CUarray to, size_t offset, CUdeviceptr from, size_t size)
{
    CUDA_MEMCPY3D copy = {.srcMemoryType = CU_MEMORYTYPE_DEVICE, .srcDevice = from};

    return to_array(to, offset, &copy, size, NULL, false);
}

CUresult cuMemcpyAtoH(void *to, CUarray from, size_t offset, size_t size)
{
    CUDA_MEMCPY3D copy = {.dstMemoryType = CU_MEMORYTYPE_HOST, .dstHost = to};

    return from_array(from, offset, &copy, size, NULL, false);
}

CUresult cuMemcpyAtoHAsync(void *to, CUarray from, size_t offset, size_t size, CUstream stream)
{
    CUDA_MEMCPY3D copy = {.dstMemoryType = CU_MEMORYTYPE_HOST, .dstHost = to};

    return from_array(from, offset, &copy, size, stream, true);
}

CUresult cuMemcpyAtoD(CUdeviceptr to, CUarray from, size_t offset, size_t size)
{
    CUDA_MEMCPY3D copy = {.dstMemoryType = CU_MEMORYTYPE_DEVICE, .dstDevice = to};

    return from_array(from, offset, &copy, size, NULL, false);
}

/* Both sides are of rows as long, or it is one row. */
CUresult cuMemcpyAtoA(CUarray to, size_t to_offset, CUarray from, size_t from_offset, size_t size)
{
    CUDA_MEMCPY3D copy = {0};
    struct box source, destination;
    CUresult result = cuda_enter()
                          ?: find_box(to, to_offset, size, &destination)
                          ?: find_box(from, from_offset, size, &source);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (source.width != destination.width || source.height != destination.height) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    set_source(&copy, from, &source);
    set_destination(&copy, to, &destination);
    set_size(&copy, &destination);
    return cuMemcpy3D(&copy);
}
