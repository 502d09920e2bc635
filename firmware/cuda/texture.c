/* SPDX-License-Identifier: BSD-2-Clause */
/* cuTexObject*, cuSurfObject*. What a program has of them is the device's own number, which it
 * gives to kernels; their handles in the table are for this side alone. */
#include "firmware/cuda/array.h"
#include "firmware/cuda/capture.h"

struct cuda_texture {
    struct cuda_object object;
    unsigned long long number; /* the device's */
    bool has_view;
    CUDA_RESOURCE_DESC resource;
    CUDA_TEXTURE_DESC sampler;
    CUDA_RESOURCE_VIEW_DESC view;
};

/* ---- As the wire has them ---- */

static CUresult describe_array(CUarray handle, struct bg_cuda_texture_create *params)
{
    const struct cuda_array *array = cuda_find(handle, CUDA_KIND_ARRAY);

    if (array == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    params->array = array->number;
    params->level = array->level;
    return CUDA_SUCCESS;
}

static CUresult describe_mipmap(CUmipmappedArray handle, struct bg_cuda_texture_create *params)
{
    const struct cuda_mipmap *mipmap = cuda_find(handle, CUDA_KIND_MIPMAP);

    if (mipmap == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    params->array = mipmap->number;
    return CUDA_SUCCESS;
}

static CUresult describe_resource(const CUDA_RESOURCE_DESC *resource,
                                  struct bg_cuda_texture_create *params)
{
    params->resource = resource->resType; /* they have the same numbers */
    switch (resource->resType) {
    case CU_RESOURCE_TYPE_ARRAY:
        return describe_array(resource->res.array.hArray, params);
    case CU_RESOURCE_TYPE_MIPMAPPED_ARRAY:
        return describe_mipmap(resource->res.mipmap.hMipmappedArray, params);
    case CU_RESOURCE_TYPE_LINEAR:
        params->address = resource->res.linear.devPtr;
        params->format = resource->res.linear.format;
        params->channels = resource->res.linear.numChannels;
        params->size = resource->res.linear.sizeInBytes;
        return CUDA_SUCCESS;
    case CU_RESOURCE_TYPE_PITCH2D:
        params->address = resource->res.pitch2D.devPtr;
        params->format = resource->res.pitch2D.format;
        params->channels = resource->res.pitch2D.numChannels;
        params->width = resource->res.pitch2D.width;
        params->height = resource->res.pitch2D.height;
        params->pitch = resource->res.pitch2D.pitchInBytes;
        return CUDA_SUCCESS;
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

/* Floats are not touched as such: an interrupted program may have its own in the registers. */
static void describe_sampler(const CUDA_TEXTURE_DESC *sampler,
                             struct bg_cuda_texture_create *params)
{
    for (unsigned i = 0; i < 3; i++) {
        params->address_mode[i] = sampler->addressMode[i];
    }
    params->filter_mode = sampler->filterMode;
    params->flags = sampler->flags;
    params->max_anisotropy = sampler->maxAnisotropy;
    params->mipmap_filter_mode = sampler->mipmapFilterMode;
    memcpy(&params->mipmap_level_bias, &sampler->mipmapLevelBias, sizeof(uint32_t));
    memcpy(&params->min_mipmap_level_clamp, &sampler->minMipmapLevelClamp, sizeof(uint32_t));
    memcpy(&params->max_mipmap_level_clamp, &sampler->maxMipmapLevelClamp, sizeof(uint32_t));
    memcpy(params->border_color, sampler->borderColor, sizeof(params->border_color));
}

static void describe_view(const CUDA_RESOURCE_VIEW_DESC *view,
                          struct bg_cuda_texture_create *params)
{
    params->has_view = 1;
    params->view_format = view->format;
    params->view_width = view->width;
    params->view_height = view->height;
    params->view_depth = view->depth;
    params->first_level = view->firstMipmapLevel;
    params->last_level = view->lastMipmapLevel;
    params->first_layer = view->firstLayer;
    params->last_layer = view->lastLayer;
}

/* ---- Their lives ---- */

/* The object is given up if the worker has none. */
static CUresult ask(struct cuda_texture *texture, uint32_t operation, const void *params,
                    size_t size, unsigned long long *number)
{
    uint64_t answer = 0;
    CUresult result =
        cuda_ask(texture->object.context->device, operation, params, size, &answer, sizeof(answer));

    if (result != CUDA_SUCCESS) {
        cuda_object_destroy(&texture->object);
        return result;
    }
    *number = texture->number = answer;
    return CUDA_SUCCESS;
}

static CUresult create(struct cuda_context *context, const CUDA_RESOURCE_DESC *resource,
                       const CUDA_TEXTURE_DESC *sampler, const CUDA_RESOURCE_VIEW_DESC *view,
                       CUtexObject *number)
{
    struct bg_cuda_texture_create params = {0};
    struct cuda_texture *texture;
    CUresult result = describe_resource(resource, &params);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    describe_sampler(sampler, &params);
    if (view != NULL) {
        describe_view(view, &params);
    }
    texture = cuda_object_create(CUDA_KIND_TEXTURE, sizeof(*texture), context);
    if (texture == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    texture->resource = *resource;
    texture->sampler = *sampler;
    texture->has_view = view != NULL;
    if (view != NULL) {
        texture->view = *view;
    }
    return ask(texture, BG_CUDA_TEXTURE_CREATE, &params, sizeof(params), number);
}

CUresult cuTexObjectCreate(CUtexObject *number, const CUDA_RESOURCE_DESC *resource,
                           const CUDA_TEXTURE_DESC *sampler, const CUDA_RESOURCE_VIEW_DESC *view)
{
    struct cuda_context *context;
    CUresult result = cuda_enter_unsafe(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (number == NULL || resource == NULL || sampler == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return create(context, resource, sampler, view, number);
}

CUresult cuSurfObjectCreate(CUsurfObject *number, const CUDA_RESOURCE_DESC *resource)
{
    struct cuda_context *context;
    const struct cuda_array *array;
    struct cuda_texture *surface;
    CUresult result = cuda_enter_unsafe(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (number == NULL || resource == NULL || resource->resType != CU_RESOURCE_TYPE_ARRAY) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    array = cuda_find(resource->res.array.hArray, CUDA_KIND_ARRAY);
    if (array == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if ((array->descriptor.Flags & CUDA_ARRAY3D_SURFACE_LDST) == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    surface = cuda_object_create(CUDA_KIND_SURFACE, sizeof(*surface), context);
    if (surface == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    surface->resource = *resource;
    const struct bg_cuda_surface_create params = {.array = array->number, .level = array->level};

    return ask(surface, BG_CUDA_SURFACE_CREATE, &params, sizeof(params), number);
}

static void destroy(struct cuda_object *object, uint32_t operation)
{
    const struct bg_cuda_object params = {((struct cuda_texture *)(void *)object)->number};

    if (cuda_is_alive(object->context)) {
        CUDA_PUT(object->context->device, operation, params);
    }
    cuda_object_destroy(object);
}

void cuda_texture_destroy(struct cuda_object *object)
{
    destroy(object, BG_CUDA_TEXTURE_DESTROY);
}

void cuda_surface_destroy(struct cuda_object *object)
{
    destroy(object, BG_CUDA_SURFACE_DESTROY);
}

/* Of the current context. CUDA_ERROR_INVALID_VALUE: there is no such one. */
static CUresult find(enum cuda_kind kind, unsigned long long number, struct cuda_texture **texture)
{
    struct cuda_context *context;
    CUresult result = cuda_enter_context(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    *texture = cuda_object_next(kind, context, NULL);
    while (*texture != NULL && (*texture)->number != number) {
        *texture = cuda_object_next(kind, context, &(*texture)->object);
    }
    return *texture != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuTexObjectDestroy(CUtexObject number)
{
    struct cuda_texture *texture;
    CUresult result = find(CUDA_KIND_TEXTURE, number, &texture)
                          ?: cuda_capture_check_unsafe(texture->object.context);

    if (result == CUDA_SUCCESS) {
        cuda_texture_destroy(&texture->object);
    }
    return result;
}

CUresult cuSurfObjectDestroy(CUsurfObject number)
{
    struct cuda_texture *surface;
    CUresult result = find(CUDA_KIND_SURFACE, number, &surface)
                          ?: cuda_capture_check_unsafe(surface->object.context);

    if (result == CUDA_SUCCESS) {
        cuda_surface_destroy(&surface->object);
    }
    return result;
}

/* ---- What they were made of ---- */

/* The same, for one that answers. */
static CUresult find_asked(enum cuda_kind kind, unsigned long long number, const void *answer,
                           struct cuda_texture **texture)
{
    CUresult result = find(kind, number, texture);

    return result == CUDA_SUCCESS && answer == NULL ? CUDA_ERROR_INVALID_VALUE : result;
}

CUresult cuTexObjectGetResourceDesc(CUDA_RESOURCE_DESC *resource, CUtexObject number)
{
    struct cuda_texture *texture;
    CUresult result = find_asked(CUDA_KIND_TEXTURE, number, resource, &texture);

    if (result == CUDA_SUCCESS) {
        *resource = texture->resource;
    }
    return result;
}

CUresult cuTexObjectGetTextureDesc(CUDA_TEXTURE_DESC *sampler, CUtexObject number)
{
    struct cuda_texture *texture;
    CUresult result = find_asked(CUDA_KIND_TEXTURE, number, sampler, &texture);

    if (result == CUDA_SUCCESS) {
        *sampler = texture->sampler;
    }
    return result;
}

CUresult cuTexObjectGetResourceViewDesc(CUDA_RESOURCE_VIEW_DESC *view, CUtexObject number)
{
    struct cuda_texture *texture;
    CUresult result = find_asked(CUDA_KIND_TEXTURE, number, view, &texture);

    if (result == CUDA_SUCCESS && !texture->has_view) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *view = texture->view;
    }
    return result;
}

CUresult cuSurfObjectGetResourceDesc(CUDA_RESOURCE_DESC *resource, CUsurfObject number)
{
    struct cuda_texture *surface;
    CUresult result = find_asked(CUDA_KIND_SURFACE, number, resource, &surface);

    if (result == CUDA_SUCCESS) {
        *resource = surface->resource;
    }
    return result;
}
