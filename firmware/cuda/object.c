/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of all handles. */
#include "firmware/cuda/internal.h"

#define PLACES_FIRST 256u
#define PLACES_UNUSED 16u /* what is below is no handle: NULL, CU_STREAM_LEGACY and so on */

struct cuda_objects cuda_objects;

/* Twice as many places, those that are new in the list of free ones. */
static bool grow(void)
{
    uint32_t old = cuda_objects.count, count = old == 0 ? PLACES_FIRST : old * 2;
    struct cuda_place *places = cuda_alloc(count * sizeof(*places));

    if (places == NULL) {
        return false;
    }
    if (old != 0) {
        memcpy(places, cuda_objects.places, old * sizeof(*places));
    }
    cuda_free(cuda_objects.places);
    cuda_objects.places = places;
    cuda_objects.count = count;
    for (uint32_t i = old == 0 ? PLACES_UNUSED : old; i < count; i++) {
        places[i].next_free = i + 1 < count ? i + 1 : 0;
    }
    cuda_objects.first_free = old == 0 ? PLACES_UNUSED : old;
    return true;
}

void *cuda_object_create(enum cuda_kind kind, size_t size, struct cuda_context *context)
{
    uint32_t index;
    struct cuda_place *place;
    struct cuda_object *object;

    if (cuda_objects.first_free == 0 && !grow()) {
        return NULL;
    }
    object = cuda_alloc(size);
    if (object == NULL) {
        return NULL;
    }
    index = cuda_objects.first_free;
    place = &cuda_objects.places[index];
    cuda_objects.first_free = place->next_free;
    *place = (struct cuda_place){
        .generation = place->generation, .kind = (uint32_t)kind, .object = object};
    object->handle = (void *)(uintptr_t)((uint64_t)place->generation << 32 | index);
    object->context = context;
    return object;
}

void cuda_object_destroy(struct cuda_object *object)
{
    uint32_t index = (uint32_t)(uintptr_t)object->handle;
    struct cuda_place *place = &cuda_objects.places[index];

    *place = (struct cuda_place){.generation = place->generation + 1,
                                 .kind = CUDA_KIND_NONE,
                                 .next_free = cuda_objects.first_free};
    cuda_objects.first_free = index;
    cuda_free(object);
}

void *cuda_object_next(enum cuda_kind kind, const struct cuda_context *context,
                       const struct cuda_object *after)
{
    uint32_t index = after != NULL ? (uint32_t)(uintptr_t)after->handle + 1 : 0;

    for (; index < cuda_objects.count; index++) {
        const struct cuda_place *place = &cuda_objects.places[index];

        if (place->kind == kind && (context == NULL || place->object->context == context)) {
            return place->object;
        }
    }
    return NULL;
}

void cuda_objects_destroy(struct cuda_context *context)
{
    static const struct {
        enum cuda_kind kind;
        void (*destroy)(struct cuda_object *object);
    } rows[] = {
        {CUDA_KIND_BLAS, cuda_blas_destroy},       {CUDA_KIND_EXEC, cuda_exec_destroy},
        {CUDA_KIND_TEXTURE, cuda_texture_destroy}, {CUDA_KIND_SURFACE, cuda_surface_destroy},
        {CUDA_KIND_MIPMAP, cuda_mipmap_destroy},   {CUDA_KIND_ARRAY, cuda_array_destroy},
        {CUDA_KIND_EVENT, cuda_event_destroy},     {CUDA_KIND_STREAM, cuda_stream_destroy},
        {CUDA_KIND_MODULE, cuda_module_destroy},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cuda_object *object;

        while ((object = cuda_object_next(rows[i].kind, context, NULL)) != NULL) {
            rows[i].destroy(object);
        }
    }
}
