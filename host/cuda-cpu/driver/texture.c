/* SPDX-License-Identifier: BSD-2-Clause */
/* cuTexObject*, cuSurfObject*. */
#include "host/cuda-cpu/driver/texture.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/driver/array.h"
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/device.h"
#include "host/cuda-cpu/driver/driver.h"

#define SAMPLER_FLAGS                                                                              \
    (CU_TRSF_READ_AS_INTEGER | CU_TRSF_NORMALIZED_COORDINATES | CU_TRSF_SRGB |                     \
     CU_TRSF_DISABLE_TRILINEAR_OPTIMIZATION | CU_TRSF_SEAMLESS_CUBEMAP)

struct texture_object {
    struct texture_object *next; /* of the context */
    uint64_t handle;
    bool is_surface, has_view;
    CUDA_RESOURCE_DESC resource;
    CUDA_TEXTURE_DESC sampler;
    CUDA_RESOURCE_VIEW_DESC view;
};

/* ---- From descriptors to what the device knows ---- */

static CUresult set_texels(struct texture *texture, CUarray_format format, unsigned channels)
{
    texture->channels = channels;
    return array_format(format, &texture->format) &&
                   (channels == 1 || channels == 2 || channels == 4)
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}

static CUresult use_array(struct texture *texture, CUarray handle)
{
    const struct array *array = object_find(handle, OBJECT_ARRAY);

    if (array == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    texture->levels[0] = array->level;
    return set_texels(texture, array->descriptor.Format, array->descriptor.NumChannels);
}

static CUresult use_mipmap(struct texture *texture, CUmipmappedArray handle)
{
    const struct levels *levels = object_find(handle, OBJECT_MIPMAP);

    if (levels == NULL || !levels->is_mipmap) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    texture->level_count = levels->count;
    for (unsigned i = 0; i < levels->count; i++) {
        texture->levels[i] = levels->arrays[i].level;
    }
    return set_texels(texture, levels->descriptor.Format, levels->descriptor.NumChannels);
}

static unsigned texel_size(const struct texture *texture)
{
    return texture_channel_size(texture->format) * texture->channels;
}

static CUresult use_linear(struct texture *texture, const CUDA_RESOURCE_DESC *resource)
{
    CUresult result =
        set_texels(texture, resource->res.linear.format, resource->res.linear.numChannels);
    size_t count =
        result == CUDA_SUCCESS ? resource->res.linear.sizeInBytes / texel_size(texture) : 0;

    if (result != CUDA_SUCCESS || count == 0 ||
        count > device_limit(CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_LINEAR_WIDTH) ||
        resource->res.linear.devPtr % texel_size(texture)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    texture->levels[0] = (struct texture_level){
        .address = resource->res.linear.devPtr,
        .width = (uint32_t)count,
        .height = 1,
        .depth = 1,
    };
    return CUDA_SUCCESS;
}

static CUresult use_pitch(struct texture *texture, const CUDA_RESOURCE_DESC *resource)
{
    const uint64_t width = resource->res.pitch2D.width, height = resource->res.pitch2D.height;
    const uint64_t pitch = resource->res.pitch2D.pitchInBytes;
    CUresult result =
        set_texels(texture, resource->res.pitch2D.format, resource->res.pitch2D.numChannels);

    if (result != CUDA_SUCCESS || !width || !height ||
        width > device_limit(CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LINEAR_WIDTH) ||
        height > device_limit(CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LINEAR_HEIGHT) ||
        pitch > device_limit(CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LINEAR_PITCH) ||
        pitch < width * texel_size(texture) || pitch % texel_size(texture) ||
        resource->res.pitch2D.devPtr % texel_size(texture)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    texture->levels[0] = (struct texture_level){
        .address = resource->res.pitch2D.devPtr,
        .width = (uint32_t)width,
        .height = (uint32_t)height,
        .depth = 1,
        .pitch = pitch,
    };
    return CUDA_SUCCESS;
}

static CUresult use_resource(struct texture *texture, const CUDA_RESOURCE_DESC *resource)
{
    switch (resource->resType) {
    case CU_RESOURCE_TYPE_ARRAY:
        return use_array(texture, resource->res.array.hArray);
    case CU_RESOURCE_TYPE_MIPMAPPED_ARRAY:
        return use_mipmap(texture, resource->res.mipmap.hMipmappedArray);
    case CU_RESOURCE_TYPE_LINEAR:
        return use_linear(texture, resource);
    case CU_RESOURCE_TYPE_PITCH2D:
        return use_pitch(texture, resource);
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

static bool is_sampler_valid(const CUDA_TEXTURE_DESC *sampler)
{
    for (unsigned i = 0; i < 3; i++) {
        if ((unsigned)sampler->addressMode[i] > CU_TR_ADDRESS_MODE_BORDER) {
            return false;
        }
    }
    return (unsigned)sampler->filterMode <= CU_TR_FILTER_MODE_LINEAR &&
           (unsigned)sampler->mipmapFilterMode <= CU_TR_FILTER_MODE_LINEAR &&
           !(sampler->flags & ~SAMPLER_FLAGS);
}

static CUresult use_sampler(struct texture *texture, const CUDA_TEXTURE_DESC *sampler)
{
    if (!is_sampler_valid(sampler)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (unsigned i = 0; i < 3; i++) { /* they have the same numbers */
        texture->address[i] = (enum texture_address)sampler->addressMode[i];
    }
    texture->is_linear = sampler->filterMode == CU_TR_FILTER_MODE_LINEAR;
    texture->is_linear_in_levels = sampler->mipmapFilterMode == CU_TR_FILTER_MODE_LINEAR;
    texture->has_normalised_coordinates = sampler->flags & CU_TRSF_NORMALIZED_COORDINATES;
    texture->reads_integers = sampler->flags & CU_TRSF_READ_AS_INTEGER;
    texture->is_srgb = sampler->flags & CU_TRSF_SRGB;
    texture->level_bias = sampler->mipmapLevelBias;
    texture->level_min = sampler->minMipmapLevelClamp;
    texture->level_max = sampler->maxMipmapLevelClamp;
    memcpy(texture->border, sampler->borderColor, sizeof(texture->border));
    return CUDA_SUCCESS;
}

/* Linear memory has no modes, and nothing beside it. */
static void forget_sampler(struct texture *texture)
{
    for (unsigned i = 0; i < 3; i++) {
        texture->address[i] = TEXTURE_BORDER;
    }
    texture->is_linear = texture->has_normalised_coordinates = false;
    memset(texture->border, 0, sizeof(texture->border));
}

/* Of levels, some; the same texels otherwise. */
static CUresult use_view(struct texture *texture, const CUDA_RESOURCE_VIEW_DESC *view)
{
    unsigned first = view->firstMipmapLevel, last = view->lastMipmapLevel;

    if (view->format != CU_RES_VIEW_FORMAT_NONE) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    if (first > last || last >= texture->level_count) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    texture->level_count = last - first + 1;
    memmove(texture->levels, texture->levels + first,
            texture->level_count * sizeof(texture->levels[0]));
    return CUDA_SUCCESS;
}

CUresult texture_describe(const CUDA_RESOURCE_DESC *resource, const CUDA_TEXTURE_DESC *sampler,
                          const CUDA_RESOURCE_VIEW_DESC *view, struct texture *texture)
{
    CUresult result;

    *texture = (struct texture){.level_count = 1, .is_surface = sampler == NULL};
    result = use_resource(texture, resource);
    if (result == CUDA_SUCCESS && sampler != NULL) {
        result = use_sampler(texture, sampler);
    }
    if (result == CUDA_SUCCESS && view != NULL) {
        result = use_view(texture, view);
    }
    if (resource->resType == CU_RESOURCE_TYPE_LINEAR) {
        forget_sampler(texture);
    }
    return result;
}

/* ---- Objects ---- */

static CUresult add(struct context *context, struct texture_object *object,
                    const struct texture *texture, unsigned long long *handle)
{
    object->handle = textures_add(&context->textures, texture);
    if (object->handle == 0) {
        free(object);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    object->next = context->texture_objects;
    context->texture_objects = object;
    *handle = object->handle;
    return CUDA_SUCCESS;
}

static CUresult create(struct context *context, unsigned long long *handle,
                       const CUDA_RESOURCE_DESC *resource, const CUDA_TEXTURE_DESC *sampler,
                       const CUDA_RESOURCE_VIEW_DESC *view)
{
    struct texture_object *object;
    struct texture texture;
    CUresult result = texture_describe(resource, sampler, view, &texture);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    object = calloc(1, sizeof(*object));
    if (object == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    object->is_surface = texture.is_surface;
    object->has_view = view != NULL;
    object->resource = *resource;
    if (sampler != NULL) {
        object->sampler = *sampler;
    }
    if (view != NULL) {
        object->view = *view;
    }
    return add(context, object, &texture, handle);
}

static CUresult create_texture(struct context *context, CUtexObject *handle,
                               const CUDA_RESOURCE_DESC *resource, const CUDA_TEXTURE_DESC *sampler,
                               const CUDA_RESOURCE_VIEW_DESC *view)
{
    if (handle == NULL || resource == NULL || sampler == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return create(context, handle, resource, sampler, view);
}

CUresult cuTexObjectCreate(CUtexObject *texture, const CUDA_RESOURCE_DESC *resource,
                           const CUDA_TEXTURE_DESC *sampler, const CUDA_RESOURCE_VIEW_DESC *view)
{
    return IN_CONTEXT(create_texture(context, texture, resource, sampler, view));
}

static CUresult create_surface(struct context *context, CUsurfObject *handle,
                               const CUDA_RESOURCE_DESC *resource)
{
    const struct array *array;

    if (handle == NULL || resource == NULL || resource->resType != CU_RESOURCE_TYPE_ARRAY) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    array = object_find(resource->res.array.hArray, OBJECT_ARRAY);
    if (array != NULL && !(array->descriptor.Flags & CUDA_ARRAY3D_SURFACE_LDST)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return create(context, handle, resource, NULL, NULL);
}

CUresult cuSurfObjectCreate(CUsurfObject *surface, const CUDA_RESOURCE_DESC *resource)
{
    return IN_CONTEXT(create_surface(context, surface, resource));
}

static struct texture_object **find(struct context *context, uint64_t handle, bool is_surface)
{
    struct texture_object **place = &context->texture_objects;

    while (*place != NULL && ((*place)->handle != handle || (*place)->is_surface != is_surface)) {
        place = &(*place)->next;
    }
    return place;
}

static void remove_object(struct context *context, struct texture_object **place)
{
    struct texture_object *object = *place;

    *place = object->next;
    textures_remove(&context->textures, object->handle, object->is_surface);
    free(object);
}

void texture_destroy_all(struct context *context)
{
    while (context->texture_objects != NULL) {
        remove_object(context, &context->texture_objects);
    }
    texture_reference_destroy_all(context, NULL);
    textures_clear(&context->textures);
}

/* Waits: a kernel may be using it. */
static CUresult destroy(struct context *context, uint64_t handle, bool is_surface)
{
    CUresult result;

    if (*find(context, handle, is_surface) == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = context_wait(context);
    if (*find(context, handle, is_surface) != NULL) {
        remove_object(context, find(context, handle, is_surface));
    }
    return result;
}

CUresult cuTexObjectDestroy(CUtexObject texture)
{
    return IN_CONTEXT(destroy(context, texture, false));
}

CUresult cuSurfObjectDestroy(CUsurfObject surface)
{
    return IN_CONTEXT(destroy(context, surface, true));
}

/* ---- What they were made of ---- */

static CUresult tell(struct context *context, uint64_t handle, bool is_surface,
                     CUDA_RESOURCE_DESC *resource, CUDA_TEXTURE_DESC *sampler,
                     CUDA_RESOURCE_VIEW_DESC *view)
{
    const struct texture_object *object = *find(context, handle, is_surface);

    if (object == NULL || (resource == NULL && sampler == NULL && view == NULL) ||
        (view != NULL && !object->has_view)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (resource != NULL) {
        *resource = object->resource;
    }
    if (sampler != NULL) {
        *sampler = object->sampler;
    }
    if (view != NULL) {
        *view = object->view;
    }
    return CUDA_SUCCESS;
}

CUresult cuTexObjectGetResourceDesc(CUDA_RESOURCE_DESC *resource, CUtexObject texture)
{
    return IN_CONTEXT(tell(context, texture, false, resource, NULL, NULL));
}

CUresult cuTexObjectGetTextureDesc(CUDA_TEXTURE_DESC *sampler, CUtexObject texture)
{
    return IN_CONTEXT(tell(context, texture, false, NULL, sampler, NULL));
}

CUresult cuTexObjectGetResourceViewDesc(CUDA_RESOURCE_VIEW_DESC *view, CUtexObject texture)
{
    return IN_CONTEXT(tell(context, texture, false, NULL, NULL, view));
}

CUresult cuSurfObjectGetResourceDesc(CUDA_RESOURCE_DESC *resource, CUsurfObject surface)
{
    return IN_CONTEXT(tell(context, surface, true, resource, NULL, NULL));
}
