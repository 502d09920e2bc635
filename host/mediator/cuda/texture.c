/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/texture.h"

#include <string.h>

#include "host/mediator/cuda/array.h"
#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/leave.h"
#include "host/mediator/cuda/memory.h"

#define ANISOTROPY_MAX 16u
/* Of the session's memory, more than the driver and this take for one: also while it waits to
 * leave, so that who makes and destroys them behind a stream that stands comes to an end. */
#define OBJECT_SIZE 4096u

/* ---- Objects ---- */

/* NULL: there is none, or (object 0) no place for one. */
static struct cuda_object *find(struct cuda_session *cuda, uint64_t object)
{
    for (uint32_t i = 0; i < BG_CUDA_OBJECTS_MAX; i++) {
        if (cuda->objects[i].object == object) {
            return &cuda->objects[i];
        }
    }
    return NULL;
}

static CUresult make_room(struct cuda_session *cuda)
{
    return find(cuda, 0) == NULL ? CUDA_ERROR_OUT_OF_MEMORY : cuda_memory_charge(cuda, OBJECT_SIZE);
}

/* A new one, for which there is room; if it was created. */
static CUresult keep(struct cuda_session *cuda, struct cuda_call *call, CUresult created,
                     uint64_t object, bool is_surface)
{
    if (created != CUDA_SUCCESS) {
        session_release(cuda->session, OBJECT_SIZE);
        return created;
    }
    *find(cuda, 0) = (struct cuda_object){object, is_surface};
    return cuda_answer(call, &object, sizeof(object));
}

static CUresult release_texture(struct cuda_session *cuda, uint64_t object)
{
    return cuda->driver->cuTexObjectDestroy(object);
}

static CUresult release_surface(struct cuda_session *cuda, uint64_t object)
{
    return cuda->driver->cuSurfObjectDestroy(object);
}

static CUresult destroy(struct cuda_session *cuda, struct cuda_object *object)
{
    const struct cuda_object gone = *object;

    *object = (struct cuda_object){0};
    return cuda_leave_object(cuda, gone.is_surface ? release_surface : release_texture, gone.object,
                             OBJECT_SIZE);
}

static CUresult destroy_of_kind(struct cuda_session *cuda, uint64_t number, bool is_surface)
{
    struct cuda_object *object = number != 0 ? find(cuda, number) : NULL;

    return object != NULL && object->is_surface == is_surface ? destroy(cuda, object)
                                                              : CUDA_ERROR_INVALID_HANDLE;
}

void cuda_textures_destroy(struct cuda_session *cuda)
{
    for (uint32_t i = 0; i < BG_CUDA_OBJECTS_MAX; i++) {
        if (cuda->objects[i].object != 0) {
            destroy(cuda, &cuda->objects[i]);
        }
    }
}

/* ---- What a texture is of ---- */

static CUresult read_array(const struct cuda_session *cuda,
                           const struct bg_cuda_texture_create *create,
                           CUDA_RESOURCE_DESC *resource)
{
    const struct cuda_array *array = cuda_array_find(cuda, create->array);
    bool is_all = create->resource == BG_CUDA_RESOURCE_MIPMAPPED;

    if (array == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (!is_all) {
        return cuda_array_get_level(cuda, array, create->level, &resource->res.array.hArray);
    }
    resource->res.mipmap.hMipmappedArray = array->mipmapped;
    return array->mipmapped != NULL && create->level == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static CUresult read_linear(const struct cuda_session *cuda,
                            const struct bg_cuda_texture_create *create,
                            CUDA_RESOURCE_DESC *resource)
{
    if (create->size == 0 || !cuda_memory_has(cuda, create->address, create->size)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    resource->res.linear.devPtr = create->address;
    resource->res.linear.format = (CUarray_format)create->format;
    resource->res.linear.numChannels = create->channels;
    resource->res.linear.sizeInBytes = create->size;
    return CUDA_SUCCESS;
}

static CUresult read_pitched(const struct cuda_session *cuda,
                             const struct bg_cuda_texture_create *create, uint32_t texel_size,
                             CUDA_RESOURCE_DESC *resource)
{
    uint64_t row, size;

    if (create->width == 0 || create->height == 0 ||
        __builtin_mul_overflow(create->width, texel_size, &row) || row > create->pitch ||
        __builtin_mul_overflow(create->pitch, create->height - 1, &size) ||
        __builtin_add_overflow(size, row, &size) || !cuda_memory_has(cuda, create->address, size)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    resource->res.pitch2D.devPtr = create->address;
    resource->res.pitch2D.format = (CUarray_format)create->format;
    resource->res.pitch2D.numChannels = create->channels;
    resource->res.pitch2D.width = create->width;
    resource->res.pitch2D.height = create->height;
    resource->res.pitch2D.pitchInBytes = create->pitch;
    return CUDA_SUCCESS;
}

static CUresult read_resource(const struct cuda_session *cuda,
                              const struct bg_cuda_texture_create *create,
                              CUDA_RESOURCE_DESC *resource)
{
    uint32_t texel_size = cuda_texel_size(create->format, create->channels);

    *resource = (CUDA_RESOURCE_DESC){.resType = (CUresourcetype)create->resource};
    if (create->resource <= BG_CUDA_RESOURCE_MIPMAPPED) {
        return read_array(cuda, create, resource);
    }
    if (create->resource > BG_CUDA_RESOURCE_PITCH2D || texel_size == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return create->resource == BG_CUDA_RESOURCE_LINEAR
               ? read_linear(cuda, create, resource)
               : read_pitched(cuda, create, texel_size, resource);
}

/* ---- How it is sampled ---- */

static float to_float(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static bool is_sampler(const struct bg_cuda_texture_create *create)
{
    const uint32_t flags = CU_TRSF_READ_AS_INTEGER | CU_TRSF_NORMALIZED_COORDINATES | CU_TRSF_SRGB |
                           CU_TRSF_DISABLE_TRILINEAR_OPTIMIZATION | CU_TRSF_SEAMLESS_CUBEMAP;

    for (int i = 0; i < 3; i++) {
        if (create->address_mode[i] > CU_TR_ADDRESS_MODE_BORDER) {
            return false;
        }
    }
    return create->filter_mode <= CU_TR_FILTER_MODE_LINEAR &&
           create->mipmap_filter_mode <= CU_TR_FILTER_MODE_LINEAR && !(create->flags & ~flags) &&
           create->max_anisotropy <= ANISOTROPY_MAX;
}

static void read_sampler(const struct bg_cuda_texture_create *create, CUDA_TEXTURE_DESC *sampler)
{
    *sampler = (CUDA_TEXTURE_DESC){
        .filterMode = (CUfilter_mode)create->filter_mode,
        .flags = create->flags,
        .maxAnisotropy = create->max_anisotropy,
        .mipmapFilterMode = (CUfilter_mode)create->mipmap_filter_mode,
        .mipmapLevelBias = to_float(create->mipmap_level_bias),
        .minMipmapLevelClamp = to_float(create->min_mipmap_level_clamp),
        .maxMipmapLevelClamp = to_float(create->max_mipmap_level_clamp),
    };
    for (int i = 0; i < 3; i++) {
        sampler->addressMode[i] = (CUaddress_mode)create->address_mode[i];
    }
    for (int i = 0; i < 4; i++) {
        sampler->borderColor[i] = to_float(create->border_color[i]);
    }
}

static void read_view(const struct bg_cuda_texture_create *create, CUDA_RESOURCE_VIEW_DESC *view)
{
    *view = (CUDA_RESOURCE_VIEW_DESC){
        .format = (CUresourceViewFormat)create->view_format,
        .width = create->view_width,
        .height = create->view_height,
        .depth = create->view_depth,
        .firstMipmapLevel = create->first_level,
        .lastMipmapLevel = create->last_level,
        .firstLayer = create->first_layer,
        .lastLayer = create->last_layer,
    };
}

/* ---- Commands ---- */

CUDA_COMMAND(cuda_run_texture_create)
{
    const struct bg_cuda_texture_create *create = call->params;
    CUDA_RESOURCE_DESC resource;
    CUDA_TEXTURE_DESC sampler;
    CUDA_RESOURCE_VIEW_DESC view;
    CUtexObject texture = 0;
    CUresult result = read_resource(cuda, create, &resource);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!is_sampler(create) || create->has_view > 1 ||
        create->view_format > CU_RES_VIEW_FORMAT_UNSIGNED_BC7) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = make_room(cuda);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    read_sampler(create, &sampler);
    read_view(create, &view);
    result = cuda_check(cuda, cuda->driver->cuTexObjectCreate(&texture, &resource, &sampler,
                                                              create->has_view ? &view : NULL));
    return keep(cuda, call, result, texture, false);
}

CUDA_COMMAND(cuda_run_texture_destroy)
{
    const struct bg_cuda_object *object = call->params;

    return destroy_of_kind(cuda, object->object, false);
}

CUDA_COMMAND(cuda_run_surface_create)
{
    const struct bg_cuda_surface_create *create = call->params;
    const struct cuda_array *array = cuda_array_find(cuda, create->array);
    CUDA_RESOURCE_DESC resource = {.resType = CU_RESOURCE_TYPE_ARRAY};
    CUsurfObject surface = 0;
    CUresult result;

    if (array == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (!(array->descriptor.Flags & CUDA_ARRAY3D_SURFACE_LDST)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = make_room(cuda);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = cuda_array_get_level(cuda, array, create->level, &resource.res.array.hArray);
    result = result ?: cuda_check(cuda, cuda->driver->cuSurfObjectCreate(&surface, &resource));
    return keep(cuda, call, result, surface, true);
}

CUDA_COMMAND(cuda_run_surface_destroy)
{
    const struct bg_cuda_object *object = call->params;

    return destroy_of_kind(cuda, object->object, true);
}
