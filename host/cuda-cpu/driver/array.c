/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/driver/array.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/driver/allocation.h"
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/device.h"
#include "host/cuda-cpu/driver/driver.h"

#define ROW_ALIGNMENT 16u
#define LEVEL_ALIGNMENT 512u

#define FLAGS                                                                                      \
    (CUDA_ARRAY3D_LAYERED | CUDA_ARRAY3D_SURFACE_LDST | CUDA_ARRAY3D_CUBEMAP |                     \
     CUDA_ARRAY3D_TEXTURE_GATHER)

/* ---- What they are made of ---- */

bool array_format(CUarray_format format, enum texture_format *result)
{
    static const struct {
        CUarray_format format;
        enum texture_format result;
    } formats[] = {
        {CU_AD_FORMAT_UNSIGNED_INT8, TEXTURE_U8},   {CU_AD_FORMAT_UNSIGNED_INT16, TEXTURE_U16},
        {CU_AD_FORMAT_UNSIGNED_INT32, TEXTURE_U32}, {CU_AD_FORMAT_SIGNED_INT8, TEXTURE_S8},
        {CU_AD_FORMAT_SIGNED_INT16, TEXTURE_S16},   {CU_AD_FORMAT_SIGNED_INT32, TEXTURE_S32},
        {CU_AD_FORMAT_HALF, TEXTURE_F16},           {CU_AD_FORMAT_FLOAT, TEXTURE_F32},
    };

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (formats[i].format == format) {
            *result = formats[i].result;
            return true;
        }
    }
    return false;
}

static unsigned texel_size(const CUDA_ARRAY3D_DESCRIPTOR *descriptor)
{
    enum texture_format format = TEXTURE_U8;

    array_format(descriptor->Format, &format);
    return texture_channel_size(format) * descriptor->NumChannels;
}

unsigned array_texel_size(const struct array *array)
{
    return texel_size(&array->descriptor);
}

static bool is_layered(const CUDA_ARRAY3D_DESCRIPTOR *descriptor)
{
    return descriptor->Flags & (CUDA_ARRAY3D_LAYERED | CUDA_ARRAY3D_CUBEMAP);
}

static bool is_cube(const CUDA_ARRAY3D_DESCRIPTOR *descriptor)
{
    bool has_layers = descriptor->Flags & CUDA_ARRAY3D_LAYERED;

    return descriptor->Width == descriptor->Height &&
           (has_layers ? descriptor->Depth && descriptor->Depth % 6 == 0 : descriptor->Depth == 6);
}

static bool is_valid(const CUDA_ARRAY3D_DESCRIPTOR *descriptor)
{
    enum texture_format format;
    bool has_channels = descriptor->NumChannels == 1 || descriptor->NumChannels == 2 ||
                        descriptor->NumChannels == 4;

    return array_format(descriptor->Format, &format) && has_channels && descriptor->Width &&
           !(descriptor->Flags & ~FLAGS) && (!is_layered(descriptor) || descriptor->Depth) &&
           (!descriptor->Depth || descriptor->Height || is_layered(descriptor)) &&
           (!(descriptor->Flags & CUDA_ARRAY3D_CUBEMAP) || is_cube(descriptor));
}

/* ---- How large they may be ---- */

enum shape { LINE, LINES, PLANE, PLANES, SPACE, CUBE, CUBES };

static enum shape shape_of(const CUDA_ARRAY3D_DESCRIPTOR *descriptor)
{
    bool has_layers = descriptor->Flags & CUDA_ARRAY3D_LAYERED;

    if (descriptor->Flags & CUDA_ARRAY3D_CUBEMAP) {
        return has_layers ? CUBES : CUBE;
    }
    if (has_layers) {
        return descriptor->Height ? PLANES : LINES;
    }
    return descriptor->Depth ? SPACE : descriptor->Height ? PLANE : LINE;
}

/* 0: there is none. */
struct limits {
    CUdevice_attribute width, height, depth;
};

#define LIMIT(name) CU_DEVICE_ATTRIBUTE_MAXIMUM_##name

static const struct limits of_textures[] = {
    [LINE] = {LIMIT(TEXTURE1D_WIDTH), 0, 0},
    [LINES] = {LIMIT(TEXTURE1D_LAYERED_WIDTH), 0, LIMIT(TEXTURE1D_LAYERED_LAYERS)},
    [PLANE] = {LIMIT(TEXTURE2D_WIDTH), LIMIT(TEXTURE2D_HEIGHT), 0},
    [PLANES] = {LIMIT(TEXTURE2D_LAYERED_WIDTH), LIMIT(TEXTURE2D_LAYERED_HEIGHT),
                LIMIT(TEXTURE2D_LAYERED_LAYERS)},
    [SPACE] = {LIMIT(TEXTURE3D_WIDTH), LIMIT(TEXTURE3D_HEIGHT), LIMIT(TEXTURE3D_DEPTH)},
    [CUBE] = {LIMIT(TEXTURECUBEMAP_WIDTH), 0, 0},
    [CUBES] = {LIMIT(TEXTURECUBEMAP_LAYERED_WIDTH), 0, LIMIT(TEXTURECUBEMAP_LAYERED_LAYERS)},
};

static const struct limits of_deep_textures = {LIMIT(TEXTURE3D_WIDTH_ALTERNATE),
                                               LIMIT(TEXTURE3D_HEIGHT_ALTERNATE),
                                               LIMIT(TEXTURE3D_DEPTH_ALTERNATE)};

static const struct limits of_surfaces[] = {
    [LINE] = {LIMIT(SURFACE1D_WIDTH), 0, 0},
    [LINES] = {LIMIT(SURFACE1D_LAYERED_WIDTH), 0, LIMIT(SURFACE1D_LAYERED_LAYERS)},
    [PLANE] = {LIMIT(SURFACE2D_WIDTH), LIMIT(SURFACE2D_HEIGHT), 0},
    [PLANES] = {LIMIT(SURFACE2D_LAYERED_WIDTH), LIMIT(SURFACE2D_LAYERED_HEIGHT),
                LIMIT(SURFACE2D_LAYERED_LAYERS)},
    [SPACE] = {LIMIT(SURFACE3D_WIDTH), LIMIT(SURFACE3D_HEIGHT), LIMIT(SURFACE3D_DEPTH)},
    [CUBE] = {LIMIT(SURFACECUBEMAP_WIDTH), 0, 0},
    [CUBES] = {LIMIT(SURFACECUBEMAP_LAYERED_WIDTH), 0, LIMIT(SURFACECUBEMAP_LAYERED_LAYERS)},
};

static const struct limits of_mipmaps[] = {
    [LINE] = {LIMIT(TEXTURE1D_MIPMAPPED_WIDTH), 0, 0},
    [PLANE] = {LIMIT(TEXTURE2D_MIPMAPPED_WIDTH), LIMIT(TEXTURE2D_MIPMAPPED_HEIGHT), 0},
    [CUBES] = {0, 0, 0},
};

static const struct limits of_gathers = {LIMIT(TEXTURE2D_GATHER_WIDTH),
                                         LIMIT(TEXTURE2D_GATHER_HEIGHT), 0};

static bool fits(size_t side, CUdevice_attribute limit)
{
    return !limit || side <= device_limit(limit);
}

static bool is_within(const CUDA_ARRAY3D_DESCRIPTOR *descriptor, const struct limits *limits)
{
    return fits(descriptor->Width, limits->width) && fits(descriptor->Height, limits->height) &&
           fits(descriptor->Depth, limits->depth);
}

static bool is_small_enough(const CUDA_ARRAY3D_DESCRIPTOR *descriptor, bool is_mipmap)
{
    enum shape shape = shape_of(descriptor);

    return (is_within(descriptor, &of_textures[shape]) ||
            (shape == SPACE && is_within(descriptor, &of_deep_textures))) &&
           (!(descriptor->Flags & CUDA_ARRAY3D_SURFACE_LDST) ||
            is_within(descriptor, &of_surfaces[shape])) &&
           (!(descriptor->Flags & CUDA_ARRAY3D_TEXTURE_GATHER) ||
            is_within(descriptor, &of_gathers)) &&
           (!is_mipmap || is_within(descriptor, &of_mipmaps[shape]));
}

static size_t shrunk(size_t side, unsigned level)
{
    return side >> level ? side >> level : side != 0;
}

static void describe_level(const struct levels *levels, unsigned number, uint64_t offset)
{
    struct array *array = (struct array *)&levels->arrays[number];
    CUDA_ARRAY3D_DESCRIPTOR *descriptor = &array->descriptor;
    uint32_t height;

    *descriptor = levels->descriptor;
    descriptor->Width = shrunk(descriptor->Width, number);
    descriptor->Height = shrunk(descriptor->Height, number);
    if (!is_layered(descriptor)) {
        descriptor->Depth = shrunk(descriptor->Depth, number);
    }
    height = descriptor->Height ? (uint32_t)descriptor->Height : 1;
    array->level = (struct texture_level){
        .address = offset,
        .width = (uint32_t)descriptor->Width,
        .height = height,
        .depth = descriptor->Depth ? (uint32_t)descriptor->Depth : 1,
    };
    array->level.pitch = (descriptor->Width * texel_size(descriptor) + ROW_ALIGNMENT - 1) /
                         ROW_ALIGNMENT * ROW_ALIGNMENT;
    array->level.slice = array->level.pitch * height;
}

/* The levels lie behind each other; their bytes. */
static uint64_t describe_levels(const struct levels *levels)
{
    uint64_t offset = 0;

    for (unsigned i = 0; i < levels->count; i++) {
        const struct texture_level *level = &levels->arrays[i].level;

        describe_level(levels, i, offset);
        offset += level->slice * level->depth;
        offset = (offset + LEVEL_ALIGNMENT - 1) / LEVEL_ALIGNMENT * LEVEL_ALIGNMENT;
    }
    return offset;
}

/* ---- Boxes ---- */

bool array_has_box(const struct array *array, const struct array_box *box)
{
    size_t row = (size_t)array->level.width * array_texel_size(array);

    return box->x <= row && box->width <= row - box->x && box->y <= array->level.height &&
           box->height <= array->level.height - box->y && box->z <= array->level.depth &&
           box->depth <= array->level.depth - box->z;
}

bool array_box_at(const struct array *array, size_t offset, size_t size, struct array_box *box)
{
    size_t row = (size_t)array->level.width * array_texel_size(array);
    size_t slice = row * array->level.height;

    *box = (struct array_box){
        offset % row, offset / row % array->level.height, offset / slice, size, 1, 1};
    if (box->x == 0 && size > row && size % row == 0) {
        box->width = row;
        box->height = size / row;
    }
    if (box->y == 0 && size > slice && size % slice == 0) {
        box->height = array->level.height;
        box->depth = size / slice;
    }
    return array_has_box(array, box);
}

/* ---- Their lives ---- */

static bool add_objects(struct levels *levels)
{
    unsigned i = 0;

    if (!object_add(&levels->object, OBJECT_MIPMAP)) {
        return false;
    }
    while (i < levels->count && object_add(&levels->arrays[i].object, OBJECT_ARRAY)) {
        i++;
    }
    if (i == levels->count) {
        return true;
    }
    while (i-- > 0) {
        object_remove(&levels->arrays[i].object);
    }
    object_remove(&levels->object);
    return false;
}

static CUresult allocate(struct levels *levels)
{
    CUresult result = allocation_create(levels->context, describe_levels(levels), ALLOCATION_ARRAY,
                                        0, &levels->start);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    for (unsigned i = 0; i < levels->count; i++) {
        levels->arrays[i].level.address += levels->start;
    }
    if (!add_objects(levels)) {
        allocation_free(allocation_find(levels->start));
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    levels->next = levels->context->levels;
    levels->context->levels = levels;
    return CUDA_SUCCESS;
}

static CUresult create(struct context *context, const CUDA_ARRAY3D_DESCRIPTOR *descriptor,
                       unsigned count, bool is_mipmap, struct levels **result)
{
    struct levels *levels;
    CUresult failed;

    if (!is_valid(descriptor) || !is_small_enough(descriptor, is_mipmap)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    levels = calloc(1, sizeof(*levels) + count * sizeof(levels->arrays[0]));
    if (levels == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    levels->context = context;
    levels->descriptor = *descriptor;
    levels->count = count;
    levels->is_mipmap = is_mipmap;
    failed = allocate(levels);
    if (failed != CUDA_SUCCESS) {
        free(levels);
        return failed;
    }
    *result = levels;
    return CUDA_SUCCESS;
}

static void destroy(struct levels *levels)
{
    struct levels **place = &levels->context->levels;

    while (*place != levels) {
        place = &(*place)->next;
    }
    *place = levels->next;
    for (unsigned i = 0; i < levels->count; i++) {
        object_remove(&levels->arrays[i].object);
    }
    object_remove(&levels->object);
    allocation_free(allocation_find(levels->start));
    free(levels);
}

void array_destroy_all(struct context *context)
{
    while (context->levels != NULL) {
        destroy(context->levels);
    }
}

/* Waits: a kernel may be using it. */
static CUresult destroy_when_done(struct levels *levels)
{
    CUresult result = context_wait(levels->context);

    if (object_find(levels, OBJECT_MIPMAP) == levels) {
        destroy(levels);
    }
    return result;
}

/* ---- Arrays ---- */

/* The array's, if it is one by itself. */
static struct levels *levels_of(CUarray handle)
{
    struct array *array = object_find(handle, OBJECT_ARRAY);
    struct levels *levels;

    if (array == NULL) {
        return NULL;
    }
    levels = (struct levels *)(void *)((unsigned char *)array - offsetof(struct levels, arrays));
    return object_find(levels, OBJECT_MIPMAP) == levels && !levels->is_mipmap ? levels : NULL;
}

static CUresult create_array(struct context *context, CUarray *handle,
                             const CUDA_ARRAY3D_DESCRIPTOR *descriptor)
{
    struct levels *levels;
    CUresult result;

    if (handle == NULL || descriptor == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = create(context, descriptor, 1, false, &levels);
    if (result == CUDA_SUCCESS) {
        *handle = (CUarray)&levels->arrays[0];
    }
    return result;
}

CUresult cuArray3DCreate(CUarray *array, const CUDA_ARRAY3D_DESCRIPTOR *descriptor)
{
    return IN_CONTEXT(create_array(context, array, descriptor));
}

CUresult cuArrayCreate(CUarray *array, const CUDA_ARRAY_DESCRIPTOR *flat)
{
    CUDA_ARRAY3D_DESCRIPTOR descriptor;

    if (flat == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    descriptor = (CUDA_ARRAY3D_DESCRIPTOR){
        .Width = flat->Width,
        .Height = flat->Height,
        .Format = flat->Format,
        .NumChannels = flat->NumChannels,
    };
    if (is_within(&descriptor, &of_surfaces[shape_of(&descriptor)])) {
        descriptor.Flags = CUDA_ARRAY3D_SURFACE_LDST;
    }
    return IN_CONTEXT(create_array(context, array, &descriptor));
}

static CUresult describe(CUarray handle, CUDA_ARRAY3D_DESCRIPTOR *descriptor)
{
    const struct array *array = object_find(handle, OBJECT_ARRAY);

    if (descriptor == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (array == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    *descriptor = array->descriptor;
    return CUDA_SUCCESS;
}

CUresult cuArray3DGetDescriptor(CUDA_ARRAY3D_DESCRIPTOR *descriptor, CUarray array)
{
    return IN_CONTEXT(describe(array, descriptor));
}

CUresult cuArrayGetDescriptor(CUDA_ARRAY_DESCRIPTOR *flat, CUarray array)
{
    CUDA_ARRAY3D_DESCRIPTOR descriptor;
    CUresult result = IN_CONTEXT(describe(array, &descriptor));

    if (flat == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
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

static CUresult destroy_array(CUarray handle)
{
    struct levels *levels = levels_of(handle);

    return levels != NULL ? destroy_when_done(levels) : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuArrayDestroy(CUarray array)
{
    return IN_CONTEXT(destroy_array(array));
}

/* ---- Levels ---- */

static unsigned levels_max(const CUDA_ARRAY3D_DESCRIPTOR *descriptor)
{
    size_t side = descriptor->Width > descriptor->Height ? descriptor->Width : descriptor->Height;
    unsigned count = 1;

    if (!is_layered(descriptor) && descriptor->Depth > side) {
        side = descriptor->Depth;
    }
    while (side >>= 1) {
        count++;
    }
    return count;
}

static CUresult create_mipmap(struct context *context, CUmipmappedArray *handle,
                              const CUDA_ARRAY3D_DESCRIPTOR *descriptor, unsigned count)
{
    struct levels *levels;
    CUresult result;

    if (handle == NULL || descriptor == NULL || count == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (is_valid(descriptor) && count > levels_max(descriptor)) {
        count = levels_max(descriptor);
    }
    result = create(context, descriptor, count, true, &levels);
    if (result == CUDA_SUCCESS) {
        *handle = (CUmipmappedArray)levels;
    }
    return result;
}

CUresult cuMipmappedArrayCreate(CUmipmappedArray *array, const CUDA_ARRAY3D_DESCRIPTOR *descriptor,
                                unsigned levels)
{
    return IN_CONTEXT(create_mipmap(context, array, descriptor, levels));
}

static struct levels *find_mipmap(CUmipmappedArray handle)
{
    struct levels *levels = object_find(handle, OBJECT_MIPMAP);

    return levels != NULL && levels->is_mipmap ? levels : NULL;
}

static CUresult get_level(CUarray *array, CUmipmappedArray handle, unsigned level)
{
    struct levels *levels = find_mipmap(handle);

    if (levels == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (array == NULL || level >= levels->count) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *array = (CUarray)&levels->arrays[level];
    return CUDA_SUCCESS;
}

CUresult cuMipmappedArrayGetLevel(CUarray *array, CUmipmappedArray mipmapped, unsigned level)
{
    return IN_CONTEXT(get_level(array, mipmapped, level));
}

static CUresult destroy_mipmap(CUmipmappedArray handle)
{
    struct levels *levels = find_mipmap(handle);

    return levels != NULL ? destroy_when_done(levels) : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuMipmappedArrayDestroy(CUmipmappedArray mipmapped)
{
    return IN_CONTEXT(destroy_mipmap(mipmapped));
}
