/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of all handles. */
#include "firmware/cuda/internal.h"

#define PLACES_FIRST 256u
#define PLACES_MAX (1u << CUDA_HANDLE_KIND_SHIFT)
#define PLACES_UNUSED 16u /* what is below is no handle: NULL, CU_STREAM_LEGACY and so on */

static struct cuda_place none; /* before there is a table */

struct cuda_objects cuda_objects = {.places = &none};

void cuda_objects_reset(void)
{
    cuda_objects = (struct cuda_objects){.places = &none};
}

static uint32_t count_places(void)
{
    return cuda_objects.places == &none ? 0 : (uint32_t)cuda_objects.mask + 1;
}

/* Twice as many places, those that are new in the list of free ones. */
static bool grow(void)
{
    uint32_t old = count_places(), count = old == 0 ? PLACES_FIRST : old * 2;
    struct cuda_place *places = count <= PLACES_MAX ? cuda_alloc(count * sizeof(*places)) : NULL;

    if (places == NULL) {
        return false;
    }
    if (old != 0) {
        memcpy(places, cuda_objects.places, old * sizeof(*places));
    }
    if (old != 0) {
        cuda_free(cuda_objects.places);
    }
    cuda_objects.places = places;
    cuda_objects.mask = count - 1;
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
    place->handle |= (uint64_t)kind << CUDA_HANDLE_KIND_SHIFT | index;
    place->object = object;
    object->handle = (void *)(uintptr_t)place->handle;
    object->context = context;
    return object;
}

static uint32_t index_of(const struct cuda_object *object)
{
    return (uint32_t)((uintptr_t)object->handle & cuda_objects.mask);
}

void cuda_object_destroy(struct cuda_object *object)
{
    uint32_t index = index_of(object);
    struct cuda_place *place = &cuda_objects.places[index];
    uint64_t generation = (place->handle >> CUDA_HANDLE_GENERATION_SHIFT) + 1;

    *place = (struct cuda_place){.handle = generation << CUDA_HANDLE_GENERATION_SHIFT,
                                 .next_free = cuda_objects.first_free};
    cuda_objects.first_free = index;
    cuda_free(object);
}

void *cuda_object_next(enum cuda_kind kind, const struct cuda_context *context,
                       const struct cuda_object *after)
{
    uint32_t count = count_places();

    for (uint32_t index = after != NULL ? index_of(after) + 1 : 0; index < count; index++) {
        const struct cuda_place *place = &cuda_objects.places[index];

        if (cuda_kind_of(place->handle) == kind &&
            (context == NULL || place->object->context == context)) {
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
        {CUDA_KIND_MODULE, cuda_module_destroy},   {CUDA_KIND_LINK, cuda_link_destroy},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cuda_object *object;

        while ((object = cuda_object_next(rows[i].kind, context, NULL)) != NULL) {
            rows[i].destroy(object);
        }
    }
}
