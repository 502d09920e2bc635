/* SPDX-License-Identifier: BSD-2-Clause */
/* Handles of textures and surfaces, and what a warp asks of them. */
#include "host/cuda-cpu/device/texture.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/check/watch.h"

struct texture_entry {
    uint64_t handle; /* its generation and its place + 1; 0: free */
    struct texture texture;
};

/* ---- Handles ---- */

static struct texture_entry *find(struct textures *textures, uint64_t handle, bool is_surface)
{
    size_t place = (handle & UINT32_MAX) - 1;
    struct texture_entry *entry;

    if (place >= textures->count) {
        return NULL;
    }
    entry = &textures->entries[place];
    return entry->handle == handle && entry->texture.is_surface == is_surface ? entry : NULL;
}

static struct texture_entry *free_entry(struct textures *textures)
{
    struct texture_entry *entries;

    for (size_t i = 0; i < textures->count; i++) {
        if (textures->entries[i].handle == 0) {
            return &textures->entries[i];
        }
    }
    if (textures->count == UINT32_MAX - 1) {
        return NULL;
    }
    entries = realloc(textures->entries, (textures->count + 1) * sizeof(*entries));
    if (entries == NULL) {
        return NULL;
    }
    textures->entries = entries;
    return &entries[textures->count++];
}

uint64_t textures_add(struct textures *textures, const struct texture *texture)
{
    struct texture_entry *entry;
    uint64_t handle = 0;

    pthread_rwlock_wrlock(&textures->lock);
    entry = free_entry(textures);
    if (entry != NULL) {
        handle = (uint64_t)++textures->last << 32 | (uint64_t)(entry - textures->entries + 1);
        *entry = (struct texture_entry){.handle = handle, .texture = *texture};
    }
    pthread_rwlock_unlock(&textures->lock);
    return handle;
}

bool textures_remove(struct textures *textures, uint64_t handle, bool is_surface)
{
    struct texture_entry *entry;

    pthread_rwlock_wrlock(&textures->lock);
    entry = find(textures, handle, is_surface);
    if (entry != NULL) {
        entry->handle = 0;
    }
    pthread_rwlock_unlock(&textures->lock);
    return entry != NULL;
}

bool textures_find(struct textures *textures, uint64_t handle, bool is_surface,
                   struct texture *texture)
{
    struct texture_entry *entry;

    pthread_rwlock_rdlock(&textures->lock);
    entry = find(textures, handle, is_surface);
    if (entry != NULL) {
        *texture = entry->texture;
    }
    pthread_rwlock_unlock(&textures->lock);
    return entry != NULL;
}

void textures_clear(struct textures *textures)
{
    free(textures->entries);
    memset(textures, 0, sizeof(*textures));
}

/* ---- Formats ---- */

unsigned texture_channel_size(enum texture_format format)
{
    static const unsigned char sizes[] = {
        [TEXTURE_U8] = 1,  [TEXTURE_U16] = 2, [TEXTURE_U32] = 4, [TEXTURE_S8] = 1,
        [TEXTURE_S16] = 2, [TEXTURE_S32] = 4, [TEXTURE_F16] = 2, [TEXTURE_F32] = 4,
    };

    return sizes[format];
}

bool texture_is_signed(enum texture_format format)
{
    return format == TEXTURE_S8 || format == TEXTURE_S16 || format == TEXTURE_S32;
}

/* ---- Queries ---- */

static uint32_t channel_data_type(const struct texture *texture)
{
    static const uint32_t numbers[] = {
        [TEXTURE_U8] = 0x10DA,  [TEXTURE_U16] = 0x10DB, [TEXTURE_U32] = 0x10DC,
        [TEXTURE_S8] = 0x10D7,  [TEXTURE_S16] = 0x10D8, [TEXTURE_S32] = 0x10D9,
        [TEXTURE_F16] = 0x10DD, [TEXTURE_F32] = 0x10DE,
    };
    static const uint32_t normalised[] = {
        [TEXTURE_U8] = 0x10D2,
        [TEXTURE_U16] = 0x10D3,
        [TEXTURE_S8] = 0x10D0,
        [TEXTURE_S16] = 0x10D1,
    };
    bool is_small = texture_channel_size(texture->format) < 4 && texture->format != TEXTURE_F16;

    return !texture->is_surface && !texture->reads_integers && is_small
               ? normalised[texture->format]
               : numbers[texture->format];
}

static uint32_t channel_order(const struct texture *texture)
{
    return texture->channels == 1 ? 0x10B0 : texture->channels == 2 ? 0x10B2 : 0x10B5;
}

static uint32_t answer(const struct texture *texture, enum texture_query query, uint32_t level)
{
    const struct texture_level *of =
        &texture->levels[level < texture->level_count ? level : texture->level_count - 1];

    switch (query) {
    case TEXTURE_WIDTH:
        return of->width;
    case TEXTURE_HEIGHT:
        return of->height;
    case TEXTURE_DEPTH:
    case TEXTURE_ARRAY_SIZE:
        return of->depth;
    case TEXTURE_CHANNEL_DATA_TYPE:
        return channel_data_type(texture);
    case TEXTURE_CHANNEL_ORDER:
        return channel_order(texture);
    case TEXTURE_NORMALIZED_COORDS:
        return texture->has_normalised_coordinates;
    case TEXTURE_FORCE_UNNORMALIZED_COORDS:
        return !texture->has_normalised_coordinates;
    case TEXTURE_MIPMAP_LEVELS:
        return texture->level_count;
    case TEXTURE_SAMPLES:
        return 1;
    case TEXTURE_FILTER_MODE:
        return texture->is_linear;
    case TEXTURE_ADDRESS_0:
    case TEXTURE_ADDRESS_1:
    case TEXTURE_ADDRESS_2:
        return texture->address[query - TEXTURE_ADDRESS_0];
    default:
        return 0;
    }
}

static void answer_query(struct texture_request *request, const struct texture_form *form,
                         const struct texture *texture, uint32_t mask)
{
    for (; mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask);

        request->results[0][lane] =
            answer(texture, (enum texture_query)form->query, request->level[lane]);
    }
}

/* ---- A warp's request ---- */

static uint32_t lanes_like(const uint64_t *handles, uint32_t mask, uint64_t handle)
{
    uint32_t like = 0;

    for (; mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask);

        like |= handles[lane] == handle ? 1u << lane : 0;
    }
    return like;
}

static void serve(struct warp *warp, void *request, const struct texture_form *form,
                  const struct texture *texture, uint32_t mask, uint32_t site)
{
    switch ((enum texture_operation)form->operation) {
    case TEXTURE_FETCH:
    case TEXTURE_GATHER:
        sample_texture(warp, request, form, texture, mask, site);
        return;
    case TEXTURE_QUERY:
    case SURFACE_QUERY:
        answer_query(request, form, texture, mask);
        return;
    default:
        access_surface(warp, request, form, texture, mask, site);
    }
}

void texture_refuse(struct warp *warp, const char *what, uint32_t mask, uint32_t site)
{
    if (warp->check != NULL) {
        check_refuse(warp, what, mask, site);
    } else {
        warp->fault(warp, WARP_FAULT_TEXTURE, site, mask);
    }
}

/* Lanes whose texture there is not. */
static void clear_results(void *request, const struct texture_form *form, uint32_t mask)
{
    struct texture_request *texture = request;
    struct surface_request *surface = request;

    for (; mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask);

        for (unsigned i = 0; i < 4; i++) {
            if (form->operation == SURFACE_LOAD) {
                memset(surface->values[i] + (size_t)lane * form->size, 0, form->size);
            } else {
                texture->results[i][lane] = 0;
            }
        }
    }
}

/* Lanes of one texture together: mostly that is all of them. */
void texture_request(struct warp *warp, void *request, uint64_t bits, uint32_t mask, uint32_t site)
{
    const uint64_t *handles = request; /* first in both kinds */
    struct texture_form form;
    struct texture texture;

    memcpy(&form, &bits, sizeof(form));
    while (mask) {
        uint64_t handle = handles[__builtin_ctz(mask)];
        uint32_t like = lanes_like(handles, mask, handle);

        if (warp->textures == NULL ||
            !textures_find(warp->textures, handle, form.operation >= SURFACE_LOAD, &texture)) {
            texture_refuse(warp, "no such texture or surface", like, site);
            clear_results(request, &form, like);
        } else {
            serve(warp, request, &form, &texture, like, site);
        }
        mask &= ~like;
    }
}
