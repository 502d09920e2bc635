/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cuTexRef*, cuSurfRef*: textures and surfaces by the names of a module's variables, whose bytes
 * are the handle of what is bound. What is set afterwards is bound anew.
 */
#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/driver/array.h"
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/module.h"
#include "host/cuda-cpu/driver/texture.h"

struct reference {
    struct object object;
    struct reference *next; /* of the context */
    struct context *context;
    const struct module *module; /* NULL: of none */
    unsigned char *bytes;        /* the variable's */
    uint64_t handle;             /* 0: nothing is bound */
    CUDA_RESOURCE_DESC resource;
    CUDA_TEXTURE_DESC sampler;
    CUarray_format format; /* of memory */
    unsigned channels;
};

static bool is_surface(const struct reference *reference)
{
    return reference->object.kind == OBJECT_SURFREF;
}

/* ---- Their lives ---- */

static struct reference *create(struct context *context, enum object_kind kind)
{
    struct reference *reference = calloc(1, sizeof(*reference));

    if (reference == NULL) {
        return NULL;
    }
    if (!object_add(&reference->object, kind)) {
        free(reference);
        return NULL;
    }
    reference->context = context;
    reference->format = CU_AD_FORMAT_FLOAT;
    reference->channels = 1;
    reference->next = context->references;
    context->references = reference;
    return reference;
}

static void unbind(struct reference *reference)
{
    if (reference->handle) {
        textures_remove(&reference->context->textures, reference->handle, is_surface(reference));
        reference->handle = 0;
    }
}

static void destroy(struct reference *reference)
{
    struct reference **place = &reference->context->references;

    while (*place != reference) {
        place = &(*place)->next;
    }
    *place = reference->next;
    unbind(reference);
    object_remove(&reference->object);
    free(reference);
}

void texture_reference_destroy_all(struct context *context, const struct module *module)
{
    struct reference *next;

    for (struct reference *reference = context->references; reference != NULL; reference = next) {
        next = reference->next;
        if (reference->module == module) {
            destroy(reference);
        }
    }
}

/* The one of the module's variable, which is made when it is first asked for. */
static CUresult of_variable(struct context *context, const struct module *module, const char *name,
                            enum object_kind kind, struct reference **result)
{
    CUdeviceptr address;
    size_t size;
    CUresult failed = module_find_variable(module, name, &address, &size);
    unsigned char *bytes = (unsigned char *)(uintptr_t)address;
    struct reference *reference = context->references;

    if (failed != CUDA_SUCCESS || size != sizeof(reference->handle)) {
        return CUDA_ERROR_NOT_FOUND;
    }
    while (reference != NULL && (reference->bytes != bytes || reference->object.kind != kind)) {
        reference = reference->next;
    }
    if (reference == NULL) {
        reference = create(context, kind);
    }
    if (reference == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    reference->module = module;
    reference->bytes = bytes;
    *result = reference;
    return CUDA_SUCCESS;
}

static CUresult get(struct context *context, void **handle, CUmodule module_handle,
                    const char *name, enum object_kind kind)
{
    const struct module *module = object_find(module_handle, OBJECT_MODULE);
    struct reference *reference;
    CUresult result;

    if (handle == NULL || name == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (module == NULL || module->context != context) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    result = of_variable(context, module, name, kind, &reference);
    if (result == CUDA_SUCCESS) {
        *handle = reference;
    }
    return result;
}

CUresult cuModuleGetTexRef(CUtexref *reference, CUmodule module, const char *name)
{
    return IN_CONTEXT(get(context, (void **)reference, module, name, OBJECT_TEXREF));
}

CUresult cuModuleGetSurfRef(CUsurfref *reference, CUmodule module, const char *name)
{
    return IN_CONTEXT(get(context, (void **)reference, module, name, OBJECT_SURFREF));
}

static CUresult create_texref(struct context *context, CUtexref *handle)
{
    struct reference *reference;

    if (handle == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    reference = create(context, OBJECT_TEXREF);
    *handle = (CUtexref)reference;
    return reference != NULL ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuTexRefCreate(CUtexref *reference)
{
    return IN_CONTEXT(create_texref(context, reference));
}

static CUresult destroy_texref(CUtexref handle)
{
    struct reference *reference = object_find(handle, OBJECT_TEXREF);

    if (reference == NULL || reference->module != NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    destroy(reference);
    return CUDA_SUCCESS;
}

CUresult cuTexRefDestroy(CUtexref reference)
{
    return IN_CONTEXT(destroy_texref(reference));
}

/* ---- Binding ---- */

/* What the reference says now. */
static CUresult bind(struct reference *reference)
{
    struct texture texture;
    CUresult result = texture_describe(
        &reference->resource, is_surface(reference) ? NULL : &reference->sampler, NULL, &texture);
    uint64_t handle;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    handle = textures_add(&reference->context->textures, &texture);
    if (handle == 0) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    unbind(reference);
    reference->handle = handle;
    if (reference->bytes != NULL) {
        memcpy(reference->bytes, &handle, sizeof(handle));
    }
    return CUDA_SUCCESS;
}

static CUresult bind_to(void *handle, enum object_kind kind, const CUDA_RESOURCE_DESC *resource)
{
    struct reference *reference = object_find(handle, kind);

    if (reference == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    reference->resource = *resource;
    return bind(reference);
}

CUresult cuTexRefSetArray(CUtexref reference, CUarray array, unsigned flags)
{
    const CUDA_RESOURCE_DESC resource = {.resType = CU_RESOURCE_TYPE_ARRAY,
                                         .res.array.hArray = array};

    return flags == CU_TRSA_OVERRIDE_FORMAT
               ? IN_CONTEXT(bind_to(reference, OBJECT_TEXREF, &resource))
               : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuTexRefSetMipmappedArray(CUtexref reference, CUmipmappedArray array, unsigned flags)
{
    const CUDA_RESOURCE_DESC resource = {.resType = CU_RESOURCE_TYPE_MIPMAPPED_ARRAY,
                                         .res.mipmap.hMipmappedArray = array};

    return flags == CU_TRSA_OVERRIDE_FORMAT
               ? IN_CONTEXT(bind_to(reference, OBJECT_TEXREF, &resource))
               : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuSurfRefSetArray(CUsurfref reference, CUarray array, unsigned flags)
{
    const CUDA_RESOURCE_DESC resource = {.resType = CU_RESOURCE_TYPE_ARRAY,
                                         .res.array.hArray = array};

    return flags == 0 ? IN_CONTEXT(bind_to(reference, OBJECT_SURFREF, &resource))
                      : CUDA_ERROR_INVALID_VALUE;
}

static CUresult set_address(CUtexref handle, CUdeviceptr address, size_t size)
{
    const struct reference *reference = object_find(handle, OBJECT_TEXREF);
    CUDA_RESOURCE_DESC resource = {.resType = CU_RESOURCE_TYPE_LINEAR};

    if (reference == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    resource.res.linear.devPtr = address;
    resource.res.linear.sizeInBytes = size;
    resource.res.linear.format = reference->format;
    resource.res.linear.numChannels = reference->channels;
    return bind_to(handle, OBJECT_TEXREF, &resource);
}

/* Any address will do, so that there is no offset. */
CUresult cuTexRefSetAddress(size_t *offset, CUtexref reference, CUdeviceptr address, size_t size)
{
    if (offset != NULL) {
        *offset = 0;
    }
    return IN_CONTEXT(set_address(reference, address, size));
}

CUresult cuTexRefSetAddress2D(CUtexref reference, const CUDA_ARRAY_DESCRIPTOR *descriptor,
                              CUdeviceptr address, size_t pitch)
{
    CUDA_RESOURCE_DESC resource = {.resType = CU_RESOURCE_TYPE_PITCH2D};

    if (descriptor == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    resource.res.pitch2D.devPtr = address;
    resource.res.pitch2D.format = descriptor->Format;
    resource.res.pitch2D.numChannels = descriptor->NumChannels;
    resource.res.pitch2D.width = descriptor->Width;
    resource.res.pitch2D.height = descriptor->Height;
    resource.res.pitch2D.pitchInBytes = pitch;
    return IN_CONTEXT(bind_to(reference, OBJECT_TEXREF, &resource));
}

/* ---- How it is sampled ---- */

/* A reference, changed by a statement; and what is bound to it once more. */
#define SET(which, statement)                                                                      \
    ({                                                                                             \
        struct reference *reference_ = object_find(which, OBJECT_TEXREF);                          \
        CUresult set_ = CUDA_ERROR_INVALID_VALUE;                                                  \
                                                                                                   \
        if (reference_ != NULL) {                                                                  \
            CUDA_TEXTURE_DESC *sampler __attribute__((unused)) = &reference_->sampler;             \
                                                                                                   \
            statement;                                                                             \
            set_ = reference_->handle ? bind(reference_) : CUDA_SUCCESS;                           \
        }                                                                                          \
        set_;                                                                                      \
    })

#define GET(which, statement)                                                                      \
    ({                                                                                             \
        const struct reference *reference_ = object_find(which, OBJECT_TEXREF);                    \
                                                                                                   \
        if (reference_ != NULL) {                                                                  \
            const CUDA_TEXTURE_DESC *sampler __attribute__((unused)) = &reference_->sampler;       \
                                                                                                   \
            statement;                                                                             \
        }                                                                                          \
        reference_ != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;                              \
    })

static bool is_dimension(int dimension)
{
    return dimension >= 0 && dimension < 3;
}

CUresult cuTexRefSetFormat(CUtexref reference, CUarray_format format, int channels)
{
    return IN_CONTEXT(SET(reference, {
        reference_->format = format;
        reference_->channels = (unsigned)channels;
    }));
}

CUresult cuTexRefSetAddressMode(CUtexref reference, int dimension, CUaddress_mode mode)
{
    return is_dimension(dimension)
               ? IN_CONTEXT(SET(reference, sampler->addressMode[dimension] = mode))
               : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuTexRefSetFilterMode(CUtexref reference, CUfilter_mode mode)
{
    return IN_CONTEXT(SET(reference, sampler->filterMode = mode));
}

CUresult cuTexRefSetMipmapFilterMode(CUtexref reference, CUfilter_mode mode)
{
    return IN_CONTEXT(SET(reference, sampler->mipmapFilterMode = mode));
}

CUresult cuTexRefSetMipmapLevelBias(CUtexref reference, float bias)
{
    return IN_CONTEXT(SET(reference, sampler->mipmapLevelBias = bias));
}

CUresult cuTexRefSetMipmapLevelClamp(CUtexref reference, float least, float most)
{
    return IN_CONTEXT(SET(reference, {
        sampler->minMipmapLevelClamp = least;
        sampler->maxMipmapLevelClamp = most;
    }));
}

CUresult cuTexRefSetMaxAnisotropy(CUtexref reference, unsigned most)
{
    return IN_CONTEXT(SET(reference, sampler->maxAnisotropy = most));
}

CUresult cuTexRefSetBorderColor(CUtexref reference, float *colour)
{
    return colour != NULL ? IN_CONTEXT(SET(reference, memcpy(sampler->borderColor, colour,
                                                             sizeof(sampler->borderColor))))
                          : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuTexRefSetFlags(CUtexref reference, unsigned flags)
{
    return IN_CONTEXT(SET(reference, sampler->flags = flags));
}

/* ---- What was set ---- */

static CUresult get_resource(void *handle, enum object_kind kind, CUresourcetype type,
                             CUDA_RESOURCE_DESC *resource)
{
    const struct reference *reference = object_find(handle, kind);

    if (reference == NULL || !reference->handle || reference->resource.resType != type) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *resource = reference->resource;
    return CUDA_SUCCESS;
}

CUresult cuTexRefGetAddress(CUdeviceptr *address, CUtexref reference)
{
    CUDA_RESOURCE_DESC resource;
    CUresult result =
        IN_CONTEXT(get_resource(reference, OBJECT_TEXREF, CU_RESOURCE_TYPE_LINEAR, &resource));

    if (address == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *address = resource.res.linear.devPtr;
    }
    return result;
}

static CUresult get_array(CUarray *array, void *reference, enum object_kind kind)
{
    CUDA_RESOURCE_DESC resource;
    CUresult result = get_resource(reference, kind, CU_RESOURCE_TYPE_ARRAY, &resource);

    if (array == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *array = resource.res.array.hArray;
    }
    return result;
}

CUresult cuTexRefGetArray(CUarray *array, CUtexref reference)
{
    return IN_CONTEXT(get_array(array, reference, OBJECT_TEXREF));
}

CUresult cuSurfRefGetArray(CUarray *array, CUsurfref reference)
{
    return IN_CONTEXT(get_array(array, reference, OBJECT_SURFREF));
}

CUresult cuTexRefGetMipmappedArray(CUmipmappedArray *array, CUtexref reference)
{
    CUDA_RESOURCE_DESC resource;
    CUresult result = IN_CONTEXT(
        get_resource(reference, OBJECT_TEXREF, CU_RESOURCE_TYPE_MIPMAPPED_ARRAY, &resource));

    if (array == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *array = resource.res.mipmap.hMipmappedArray;
    }
    return result;
}

CUresult cuTexRefGetAddressMode(CUaddress_mode *mode, CUtexref reference, int dimension)
{
    return mode != NULL && is_dimension(dimension)
               ? IN_CONTEXT(GET(reference, *mode = sampler->addressMode[dimension]))
               : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuTexRefGetFilterMode(CUfilter_mode *mode, CUtexref reference)
{
    return mode != NULL ? IN_CONTEXT(GET(reference, *mode = sampler->filterMode))
                        : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuTexRefGetFormat(CUarray_format *format, int *channels, CUtexref reference)
{
    return format != NULL && channels != NULL
               ? IN_CONTEXT(GET(reference,
                                {
                                    *format = reference_->format;
                                    *channels = (int)reference_->channels;
                                }))
               : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuTexRefGetMipmapFilterMode(CUfilter_mode *mode, CUtexref reference)
{
    return mode != NULL ? IN_CONTEXT(GET(reference, *mode = sampler->mipmapFilterMode))
                        : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuTexRefGetMipmapLevelBias(float *bias, CUtexref reference)
{
    return bias != NULL ? IN_CONTEXT(GET(reference, *bias = sampler->mipmapLevelBias))
                        : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuTexRefGetMipmapLevelClamp(float *least, float *most, CUtexref reference)
{
    return least != NULL && most != NULL ? IN_CONTEXT(GET(reference,
                                                          {
                                                              *least = sampler->minMipmapLevelClamp;
                                                              *most = sampler->maxMipmapLevelClamp;
                                                          }))
                                         : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuTexRefGetMaxAnisotropy(int *most, CUtexref reference)
{
    return most != NULL ? IN_CONTEXT(GET(reference, *most = (int)sampler->maxAnisotropy))
                        : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuTexRefGetBorderColor(float *colour, CUtexref reference)
{
    return colour != NULL ? IN_CONTEXT(GET(reference, memcpy(colour, sampler->borderColor,
                                                             sizeof(sampler->borderColor))))
                          : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuTexRefGetFlags(unsigned *flags, CUtexref reference)
{
    return flags != NULL ? IN_CONTEXT(GET(reference, *flags = sampler->flags))
                         : CUDA_ERROR_INVALID_VALUE;
}
