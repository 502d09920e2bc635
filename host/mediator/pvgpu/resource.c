/* SPDX-License-Identifier: BSD-2-Clause */
/* pvgpu's ids, resources and views. */
#include "host/mediator/cuda/carrier.h"
#include "host/mediator/pvgpu/context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUBE_FACES 6u
/* Elements of a view without a format are words, the first one a multiple of so many. */
#define STORAGE_VIEW_ALIGN 64u

/* A buffer's texels are bytes. */
static const struct pvgpu_format_info bytes_format = {
    .size = 1, .channels = 1, .bits = 8, .block = 1};
/* What a view of a buffer without a format counts. */
static const struct pvgpu_format_info words_format = {
    .size = 4, .channels = 1, .bits = 32, .block = 1};

/* ---- Outcomes ---- */

struct pvgpu_outcome pvgpu_ok(void)
{
    return (struct pvgpu_outcome){.code = BG_PVGPU_OK};
}

struct pvgpu_outcome pvgpu_fail(enum bg_pvgpu_error code)
{
    return (struct pvgpu_outcome){.code = code};
}

struct pvgpu_outcome pvgpu_fail_compute(enum bg_compute_status status)
{
    enum bg_pvgpu_error code = BG_PVGPU_ERROR_INVALID_PARAMETER;

    switch (status) {
    case BG_COMPUTE_OK:
        return pvgpu_ok();
    case BG_COMPUTE_INVALID_HANDLE:
        code = BG_PVGPU_ERROR_RESOURCE_NOT_FOUND;
        break;
    case BG_COMPUTE_OUT_OF_MEMORY:
        code = BG_PVGPU_ERROR_OUT_OF_MEMORY;
        break;
    case BG_COMPUTE_UNSUPPORTED_OPERATION:
        code = BG_PVGPU_ERROR_INVALID_COMMAND;
        break;
    case BG_COMPUTE_TIMEOUT:
        code = BG_PVGPU_ERROR_TIMEOUT;
        break;
    case BG_COMPUTE_CUDA_ERROR:
        code = BG_PVGPU_ERROR_INTERNAL;
        break;
    default:
        break;
    }
    return pvgpu_fail(code);
}

struct pvgpu_outcome pvgpu_fail_shader(struct pvgpu_context *context, const char *text)
{
    snprintf(context->error_text, sizeof(context->error_text), "%s", text);
    return pvgpu_fail(BG_PVGPU_ERROR_SHADER_COMPILE);
}

/* ---- Ids ---- */

/* Fibonacci hashing: ids are mostly small and dense. */
static uint32_t home_of(uint32_t id)
{
    return (id * 2654435769u) >> (32 - 13);
}

_Static_assert(PVGPU_ID_SLOTS == 1u << 13, "home_of");
_Static_assert(BG_PVGPU_RESOURCES_MAX <= PVGPU_ID_SLOTS / 2 &&
                   BG_PVGPU_VIEWS_MAX <= PVGPU_ID_SLOTS / 2,
               "half full at most");

static uint32_t slot_of(const struct pvgpu_ids *ids, uint32_t id)
{
    uint32_t slot = home_of(id);

    while (ids->slots[slot].id && ids->slots[slot].id != id) {
        slot = (slot + 1) % PVGPU_ID_SLOTS;
    }
    return slot;
}

void *pvgpu_ids_find(const struct pvgpu_ids *ids, uint32_t id)
{
    return id ? ids->slots[slot_of(ids, id)].object : NULL;
}

void pvgpu_ids_add(struct pvgpu_ids *ids, uint32_t id, void *object)
{
    uint32_t slot = slot_of(ids, id);

    ids->slots[slot].id = id;
    ids->slots[slot].object = object;
    ids->count++;
}

/* Those behind it that would not be found any more move up. */
void pvgpu_ids_remove(struct pvgpu_ids *ids, uint32_t id)
{
    uint32_t hole = slot_of(ids, id);
    uint32_t slot = hole;

    if (ids->slots[hole].id != id) {
        return;
    }
    ids->count--;
    for (;;) {
        slot = (slot + 1) % PVGPU_ID_SLOTS;
        if (!ids->slots[slot].id) {
            break;
        }
        uint32_t home = home_of(ids->slots[slot].id);
        if ((slot - home) % PVGPU_ID_SLOTS >= (slot - hole) % PVGPU_ID_SLOTS) {
            ids->slots[hole] = ids->slots[slot];
            hole = slot;
        }
    }
    ids->slots[hole].id = 0;
    ids->slots[hole].object = NULL;
}

bool pvgpu_heap_has(const struct pvgpu_context *context, uint64_t offset, uint64_t size)
{
    return offset <= context->heap.size && size <= context->heap.size - offset;
}

/* ---- Resources ---- */

struct pvgpu_resource *pvgpu_resource_find(const struct pvgpu_context *context, uint32_t id)
{
    return pvgpu_ids_find(&context->resources, id);
}

static uint32_t at_least_one(uint32_t value)
{
    return value ? value : 1;
}

static uint32_t count_levels(uint32_t width, uint32_t height, uint32_t depth)
{
    uint32_t side = width > height ? width : height;
    uint32_t levels = 1;

    for (side = side > depth ? side : depth; side > 1; side /= 2) {
        levels++;
    }
    return levels;
}

/* Packed, one level after the other. */
static void lay_out(struct pvgpu_resource *resource, uint32_t width, uint32_t height,
                    uint32_t depth)
{
    const struct pvgpu_format_info *format = resource->format;

    resource->layer_size = 0;
    for (uint32_t i = 0; i < resource->levels; i++) {
        struct pvgpu_level *level = &resource->level[i];

        memset(level, 0, sizeof(*level));
        level->width = at_least_one(width >> i);
        level->height = at_least_one(height >> i);
        level->depth = at_least_one(depth >> i);
        level->row_pitch = (uint64_t)pvgpu_format_blocks(format, level->width) * format->size;
        level->slice_pitch = level->row_pitch * pvgpu_format_blocks(format, level->height);
        level->size = level->slice_pitch * level->depth;
        level->offset = resource->layer_size;
        resource->layer_size += level->size;
    }
    resource->size = resource->layer_size * resource->layers * resource->samples;
}

static bool sides_are_allowed(uint32_t type, uint32_t width, uint32_t height, uint32_t depth)
{
    switch (type) {
    case BG_PVGPU_RESOURCE_TEXTURE_1D:
        return width <= BG_PVGPU_TEXTURE_SIDE_MAX && height == 1 && depth == 1;
    case BG_PVGPU_RESOURCE_TEXTURE_2D:
        return width <= BG_PVGPU_TEXTURE_SIDE_MAX && height <= BG_PVGPU_TEXTURE_SIDE_MAX &&
               depth == 1;
    case BG_PVGPU_RESOURCE_TEXTURE_3D:
        return width <= BG_PVGPU_TEXTURE_3D_SIDE_MAX && height <= BG_PVGPU_TEXTURE_3D_SIDE_MAX &&
               depth <= BG_PVGPU_TEXTURE_3D_SIDE_MAX;
    case BG_PVGPU_RESOURCE_BUFFER:
        return height == 1 && depth == 1;
    default:
        return false;
    }
}

static bool is_power_of_two(uint32_t value)
{
    return (value & (value - 1)) == 0;
}

/* Layers, cubes and samples: what a 2D texture has more of where there is drawing. */
static bool extent_is_allowed(const struct bg_pvgpu_create_resource *create,
                              const struct pvgpu_resource *resource, bool draws)
{
    bool cube = create->misc_flags & BG_PVGPU_MISC_TEXTURE_CUBE;
    uint32_t known = BG_PVGPU_MISC_SHARED | BG_PVGPU_MISC_BUFFER_STRUCTURED |
                     BG_PVGPU_MISC_GENERATE_MIPS | BG_PVGPU_MISC_DRAWINDIRECT_ARGS |
                     BG_PVGPU_MISC_BUFFER_ALLOW_RAW_VIEWS | BG_PVGPU_MISC_RESOURCE_CLAMP |
                     (draws ? BG_PVGPU_MISC_TEXTURE_CUBE : 0);

    if ((create->misc_flags & ~known) || create->sample_quality != 0 ||
        resource->layers > BG_PVGPU_TEXTURE_LAYERS_MAX) {
        return false;
    }
    if (cube && (create->type != BG_PVGPU_RESOURCE_TEXTURE_2D || create->width != create->height ||
                 resource->layers % CUBE_FACES != 0 || resource->samples > 1)) {
        return false;
    }
    return resource->samples == 1 ||
           (draws && resource->samples <= BG_PVGPU_SAMPLES_MAX &&
            is_power_of_two(resource->samples) && create->type == BG_PVGPU_RESOURCE_TEXTURE_2D &&
            create->mip_levels <= 1 && create->data_size == 0 &&
            !(create->bind_flags & BG_PVGPU_BIND_UNORDERED_ACCESS));
}

static struct pvgpu_outcome check_format(const struct bg_pvgpu_create_resource *create,
                                         const struct pvgpu_format_info *format, bool draws)
{
    bool buffer = create->type == BG_PVGPU_RESOURCE_BUFFER;

    if (buffer && create->format == BG_PVGPU_FORMAT_UNKNOWN) {
        return pvgpu_ok();
    }
    if (format == NULL || (format->draws && !draws) ||
        (!buffer && (((create->bind_flags & BG_PVGPU_BIND_RENDER_TARGET) && !format->colour) ||
                     ((create->bind_flags & BG_PVGPU_BIND_DEPTH_STENCIL) && !format->depth)))) {
        return pvgpu_fail(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT);
    }
    return pvgpu_ok();
}

/* Fills what the command says into *resource; no memory yet. */
static struct pvgpu_outcome describe(const struct pvgpu_context *context,
                                     const struct bg_pvgpu_create_resource *create,
                                     struct pvgpu_resource *resource)
{
    const struct pvgpu_format_info *format =
        pvgpu_format_of_resource(create->format, create->bind_flags);
    bool draws = context->drawing != NULL;
    bool buffer = create->type == BG_PVGPU_RESOURCE_BUFFER;
    uint32_t height = at_least_one(create->height), depth = at_least_one(create->depth);
    struct pvgpu_outcome outcome;
    uint32_t most;

    resource->layers = 1;
    resource->samples = at_least_one(create->sample_count);
    if (draws && create->type == BG_PVGPU_RESOURCE_TEXTURE_2D) {
        resource->layers = depth;
        depth = 1;
    }
    if (create->width == 0 || !sides_are_allowed(create->type, create->width, height, depth) ||
        (create->bind_flags & ~BG_PVGPU_BIND_ALL) || !extent_is_allowed(create, resource, draws)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    outcome = check_format(create, format, draws);
    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    most = buffer || resource->samples > 1 ? 1 : count_levels(create->width, height, depth);
    if (create->mip_levels > most) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    resource->type = create->type;
    resource->format = buffer ? &bytes_format : format;
    resource->bind_flags = create->bind_flags;
    resource->misc_flags = create->misc_flags;
    resource->levels = create->mip_levels ? create->mip_levels : most;
    lay_out(resource, create->width, height, depth);
    return pvgpu_ok();
}

/* From the heap into the new memory; data_size is what describe's layout allows. */
static struct pvgpu_outcome fill_resource(struct pvgpu_context *context,
                                          struct pvgpu_resource *resource, uint64_t heap_offset,
                                          uint64_t data_size)
{
    struct pvgpu_outcome outcome = pvgpu_ok();

    for (uint32_t i = 0; data_size > 0 && outcome.code == BG_PVGPU_OK; i++) {
        uint64_t level_size = resource->level[i % resource->levels].size;
        uint64_t bytes = level_size < data_size ? level_size : data_size;

        outcome = pvgpu_resource_fill(context, resource, i, heap_offset, bytes);
        heap_offset += bytes;
        data_size -= bytes;
    }
    return outcome;
}

static bool data_size_is_allowed(const struct pvgpu_resource *resource, uint32_t data_size)
{
    if (resource->type == BG_PVGPU_RESOURCE_BUFFER) {
        return data_size <= resource->size;
    }
    return data_size == 0 || data_size == resource->size || data_size == resource->level[0].size;
}

/* What could not move is not made in memory either. */
static struct pvgpu_outcome make(struct pvgpu_context *context, struct pvgpu_resource *resource)
{
    const struct pvgpu_renderer *drawing = context->drawing;

    if (drawing != NULL && !drawing->ops->has(context, resource)) {
        return pvgpu_fail(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT);
    }
    return context->renderer->ops->create(context, resource);
}

PVGPU_HANDLER(pvgpu_create_resource)
{
    const struct bg_pvgpu_create_resource *create = command;
    struct pvgpu_resource *resource;
    struct pvgpu_outcome outcome;

    (void)size;
    if (create->header.resource_id == 0 ||
        pvgpu_ids_find(&context->resources, create->header.resource_id) != NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    resource =
        context->resources.count < BG_PVGPU_RESOURCES_MAX ? calloc(1, sizeof(*resource)) : NULL;
    if (resource == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    outcome = describe(context, create, resource);
    if (outcome.code == BG_PVGPU_OK &&
        (!data_size_is_allowed(resource, create->data_size) ||
         !pvgpu_heap_has(context, create->heap_offset, create->data_size))) {
        outcome = pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (outcome.code == BG_PVGPU_OK) {
        outcome = make(context, resource);
    }
    if (outcome.code != BG_PVGPU_OK) {
        free(resource);
        return outcome;
    }
    resource->ids = 1;
    outcome = fill_resource(context, resource, create->heap_offset, create->data_size);
    if (outcome.code != BG_PVGPU_OK) {
        context->renderer->ops->destroy(context, resource);
        free(resource);
        return outcome;
    }
    pvgpu_ids_add(&context->resources, create->header.resource_id, resource);
    return outcome;
}

void pvgpu_resource_release(struct pvgpu_context *context, struct pvgpu_resource *resource)
{
    if (resource->ids == 0 && resource->views == 0) {
        context->renderer->ops->destroy(context, resource);
        free(resource->maps);
        free(resource);
    }
}

PVGPU_HANDLER(pvgpu_destroy_resource)
{
    const struct bg_pvgpu_command *header = command;
    struct pvgpu_resource *resource = pvgpu_resource_find(context, header->resource_id);

    (void)size;
    if (resource == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    }
    pvgpu_ids_remove(&context->resources, header->resource_id);
    resource->ids--;
    pvgpu_resource_release(context, resource);
    return pvgpu_ok();
}

PVGPU_HANDLER(pvgpu_open_resource)
{
    const struct bg_pvgpu_open_resource *open = command;
    struct pvgpu_resource *resource = pvgpu_resource_find(context, open->source);

    (void)size;
    if (resource == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    }
    if (open->header.resource_id == 0 || !(resource->misc_flags & BG_PVGPU_MISC_SHARED) ||
        pvgpu_ids_find(&context->resources, open->header.resource_id) != NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (context->resources.count >= BG_PVGPU_RESOURCES_MAX) {
        return pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    resource->ids++;
    pvgpu_ids_add(&context->resources, open->header.resource_id, resource);
    return pvgpu_ok();
}

struct pvgpu_outcome pvgpu_resource_resize(struct pvgpu_context *context,
                                           struct pvgpu_resource *resource, uint32_t width,
                                           uint32_t height, const struct pvgpu_format_info *format)
{
    struct pvgpu_resource wanted = *resource;
    struct pvgpu_outcome outcome;

    wanted.format = format;
    wanted.levels = 1;
    lay_out(&wanted, width, height, 1);
    outcome = make(context, &wanted);
    if (outcome.code == BG_PVGPU_OK) {
        context->renderer->ops->destroy(context, resource);
        *resource = wanted;
    }
    return outcome;
}

/* ---- Views ---- */

/* `*count` of `total` from `first` on, all of the rest for 0 and UINT32_MAX. */
static bool take_part(uint32_t total, uint32_t first, uint32_t *count)
{
    if (first >= total) {
        return false;
    }
    if (*count == 0 || *count == UINT32_MAX) {
        *count = total - first;
    }
    return *count <= total - first;
}

static bool format_is_allowed(const struct pvgpu_view *view, bool draws)
{
    const struct pvgpu_resource *resource = view->resource;

    if (view->format == NULL || (view->format->draws && !draws)) {
        return false;
    }
    if (view->bind == BG_PVGPU_BIND_DEPTH_STENCIL) {
        return view->format == resource->format;
    }
    if (resource->type == BG_PVGPU_RESOURCE_BUFFER) {
        return view->format->block == 1;
    }
    return view->format->size == resource->format->size &&
           view->format->block == resource->format->block &&
           (view->bind != BG_PVGPU_BIND_RENDER_TARGET || view->format->colour);
}

/* Whether what the view names is there; makes its counts definite. */
static bool part_is_there(struct pvgpu_view *view)
{
    const struct pvgpu_resource *resource = view->resource;
    uint32_t slices;

    if (resource->type == BG_PVGPU_RESOURCE_BUFFER) {
        return (view->format != &words_format || view->mip_level % STORAGE_VIEW_ALIGN == 0) &&
               take_part((uint32_t)(resource->size / view->format->size), view->mip_level,
                         &view->mip_levels);
    }
    if (!take_part(resource->levels, view->mip_level, &view->mip_levels)) {
        return false;
    }
    slices = resource->type == BG_PVGPU_RESOURCE_TEXTURE_3D ? resource->level[view->mip_level].depth
                                                            : resource->layers;
    return take_part(slices, view->first_slice, &view->slice_count);
}

/* The dimension that is asked for, where it fits; else the resource's own. */
static uint32_t dimension_of(const struct pvgpu_view *view)
{
    const struct pvgpu_resource *resource = view->resource;
    bool many = resource->samples > 1;
    uint32_t cubes = view->slice_count / CUBE_FACES;

    switch (resource->type) {
    case BG_PVGPU_RESOURCE_BUFFER:
        return BG_PVGPU_VIEW_BUFFER;
    case BG_PVGPU_RESOURCE_TEXTURE_1D:
        return BG_PVGPU_VIEW_TEXTURE_1D;
    case BG_PVGPU_RESOURCE_TEXTURE_3D:
        return BG_PVGPU_VIEW_TEXTURE_3D;
    default:
        break;
    }
    if (view->bind == BG_PVGPU_BIND_SHADER_RESOURCE &&
        (resource->misc_flags & BG_PVGPU_MISC_TEXTURE_CUBE) &&
        view->slice_count % CUBE_FACES == 0 && view->dimension != BG_PVGPU_VIEW_TEXTURE_2D_ARRAY) {
        return cubes == 1 && view->dimension != BG_PVGPU_VIEW_TEXTURE_CUBE_ARRAY
                   ? BG_PVGPU_VIEW_TEXTURE_CUBE
                   : BG_PVGPU_VIEW_TEXTURE_CUBE_ARRAY;
    }
    if (view->dimension == BG_PVGPU_VIEW_TEXTURE_2D_ARRAY ||
        view->dimension == BG_PVGPU_VIEW_TEXTURE_2D_MULTISAMPLED_ARRAY ||
        (resource->layers > 1 && view->dimension != BG_PVGPU_VIEW_TEXTURE_2D &&
         view->dimension != BG_PVGPU_VIEW_TEXTURE_2D_MULTISAMPLED)) {
        return many ? BG_PVGPU_VIEW_TEXTURE_2D_MULTISAMPLED_ARRAY : BG_PVGPU_VIEW_TEXTURE_2D_ARRAY;
    }
    return many ? BG_PVGPU_VIEW_TEXTURE_2D_MULTISAMPLED : BG_PVGPU_VIEW_TEXTURE_2D;
}

static struct pvgpu_outcome check_view(struct pvgpu_view *view, bool draws)
{
    const struct pvgpu_resource *resource = view->resource;
    bool target = view->bind & (BG_PVGPU_BIND_RENDER_TARGET | BG_PVGPU_BIND_DEPTH_STENCIL);

    if (!(resource->bind_flags & view->bind) ||
        (resource->type == BG_PVGPU_RESOURCE_BUFFER && target)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (!format_is_allowed(view, draws)) {
        return pvgpu_fail(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT);
    }
    return part_is_there(view) ? pvgpu_ok() : pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
}

/* `number` 0: the resource's. */
static const struct pvgpu_format_info *format_of(const struct pvgpu_resource *resource,
                                                 uint32_t number)
{
    if (resource->type == BG_PVGPU_RESOURCE_BUFFER &&
        (number == BG_PVGPU_FORMAT_UNKNOWN || number == BG_PVGPU_FORMAT_R32_TYPELESS)) {
        return &words_format;
    }
    return number == BG_PVGPU_FORMAT_UNKNOWN ? resource->format : pvgpu_format_find(number);
}

/* It counts structures, and nobody says how large they are: all that there are. */
static struct pvgpu_outcome show_structures(struct pvgpu_view *view)
{
    view->mip_levels = 0;
    return view->mip_level == 0 ? pvgpu_ok() : pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
}

/* `wanted` lacks its resource and its format (0: the resource's). */
static struct pvgpu_outcome create_view(struct pvgpu_context *context, uint32_t id,
                                        uint32_t resource_id, uint32_t format,
                                        struct pvgpu_view wanted)
{
    struct pvgpu_outcome outcome = pvgpu_ok();
    struct pvgpu_view *view;

    wanted.resource = pvgpu_resource_find(context, resource_id);
    if (wanted.resource == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    }
    if (id == 0 || pvgpu_ids_find(&context->views, id) != NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    wanted.format = format_of(wanted.resource, format);
    if (format == BG_PVGPU_FORMAT_UNKNOWN &&
        (wanted.resource->misc_flags & BG_PVGPU_MISC_BUFFER_STRUCTURED)) {
        outcome = show_structures(&wanted);
    }
    if (outcome.code == BG_PVGPU_OK) {
        outcome = check_view(&wanted, context->drawing != NULL);
    }
    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    wanted.dimension = dimension_of(&wanted);
    view = context->views.count < BG_PVGPU_VIEWS_MAX ? malloc(sizeof(*view)) : NULL;
    if (view == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    *view = wanted;
    outcome = context->renderer->ops->create_view(context, view);
    if (outcome.code != BG_PVGPU_OK) {
        free(view);
        return outcome;
    }
    view->resource->views++;
    pvgpu_ids_add(&context->views, id, view);
    return pvgpu_ok();
}

static uint32_t id_of_view(uint32_t view_id, const struct bg_pvgpu_command *header)
{
    return view_id ? view_id : header->resource_id;
}

/* A target of one layer does not use the count. */
static uint32_t count_layers(uint32_t count, uint32_t dimension, uint32_t one_layer)
{
    return count == 0 && dimension == one_layer ? 1 : count;
}

PVGPU_HANDLER(pvgpu_create_render_target_view)
{
    const struct bg_pvgpu_create_view *create = command;
    const struct pvgpu_view view = {
        .bind = BG_PVGPU_BIND_RENDER_TARGET,
        .dimension = create->dimension,
        .mip_level = create->mip_level,
        .mip_levels = 1,
        .first_slice = create->first_slice,
        .slice_count =
            count_layers(create->slice_count, create->dimension, BG_PVGPU_VIEW_TEXTURE_2D),
    };

    (void)size;
    return create_view(context, id_of_view(create->view_id, &create->header), create->resource_id,
                       create->format, view);
}

PVGPU_HANDLER(pvgpu_create_depth_stencil_view)
{
    const struct bg_pvgpu_create_depth_view *create = command;
    const struct pvgpu_view view = {
        .bind = BG_PVGPU_BIND_DEPTH_STENCIL,
        .dimension = create->dimension,
        .mip_level = create->mip_level,
        .mip_levels = 1,
        .first_slice = create->first_slice,
        .slice_count =
            count_layers(create->slice_count, create->dimension, BG_PVGPU_DEPTH_VIEW_TEXTURE_2D),
    };

    (void)size;
    return create_view(context, id_of_view(create->view_id, &create->header), create->resource_id,
                       create->format, view);
}

PVGPU_HANDLER(pvgpu_create_shader_resource_view)
{
    const struct bg_pvgpu_create_shader_view *create = command;
    const struct pvgpu_view view = {
        .bind = BG_PVGPU_BIND_SHADER_RESOURCE,
        .dimension = create->dimension,
        .mip_level = create->mip_level,
        .mip_levels = create->mip_levels,
        .first_slice = create->first_slice,
        .slice_count = create->slice_count,
    };

    (void)size;
    return create_view(context, id_of_view(create->view_id, &create->header), create->resource_id,
                       create->format, view);
}

/* Of a buffer, elements are where slices are of a texture. */
PVGPU_HANDLER(pvgpu_create_unordered_access_view)
{
    const struct bg_pvgpu_create_view *create = command;
    const struct pvgpu_resource *resource = pvgpu_resource_find(context, create->resource_id);
    bool buffer = resource != NULL && resource->type == BG_PVGPU_RESOURCE_BUFFER;
    const struct pvgpu_view view = {
        .bind = BG_PVGPU_BIND_UNORDERED_ACCESS,
        .dimension = create->dimension,
        .mip_level = buffer ? create->first_slice : create->mip_level,
        .mip_levels = buffer ? create->slice_count : 1,
        .first_slice = create->first_slice,
        .slice_count = create->slice_count,
    };

    (void)size;
    return create_view(context, id_of_view(create->view_id, &create->header), create->resource_id,
                       create->format, view);
}

static void free_view(struct pvgpu_context *context, struct pvgpu_view *view)
{
    for (uint32_t i = 0; i < BG_PVGPU_RENDER_TARGETS_MAX; i++) {
        if (context->targets[i] == view) {
            context->targets[i] = NULL;
        }
    }
    if (context->depth_target == view) {
        context->depth_target = NULL;
    }
    context->renderer->ops->destroy_view(context, view);
    view->resource->views--;
    pvgpu_resource_release(context, view->resource);
    free(view);
}

static struct pvgpu_outcome destroy_view(struct pvgpu_context *context,
                                         const struct bg_pvgpu_destroy_view *destroy, uint32_t size,
                                         uint32_t bind)
{
    uint32_t named = size >= offsetof(struct bg_pvgpu_destroy_view, zero) ? destroy->view_id : 0;
    uint32_t id = id_of_view(named, &destroy->header);
    struct pvgpu_view *view = pvgpu_ids_find(&context->views, id);

    if (view == NULL || view->bind != bind) {
        return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    }
    pvgpu_ids_remove(&context->views, id);
    free_view(context, view);
    return pvgpu_ok();
}

PVGPU_HANDLER(pvgpu_destroy_render_target_view)
{
    return destroy_view(context, command, size, BG_PVGPU_BIND_RENDER_TARGET);
}

PVGPU_HANDLER(pvgpu_destroy_depth_stencil_view)
{
    return destroy_view(context, command, size, BG_PVGPU_BIND_DEPTH_STENCIL);
}

PVGPU_HANDLER(pvgpu_destroy_shader_resource_view)
{
    return destroy_view(context, command, size, BG_PVGPU_BIND_SHADER_RESOURCE);
}

PVGPU_HANDLER(pvgpu_destroy_unordered_access_view)
{
    return destroy_view(context, command, size, BG_PVGPU_BIND_UNORDERED_ACCESS);
}

void pvgpu_context_reset(struct pvgpu_context *context)
{
    if (context->session != NULL) {
        cuda_end(context->session);
    }
    for (uint32_t i = 0; i < PVGPU_ID_SLOTS; i++) {
        if (context->views.slots[i].id) {
            free_view(context, context->views.slots[i].object);
        }
    }
    for (uint32_t i = 0; i < PVGPU_ID_SLOTS; i++) {
        struct pvgpu_resource *resource = context->resources.slots[i].object;

        if (resource != NULL) {
            resource->ids--;
            pvgpu_resource_release(context, resource);
        }
    }
    memset(&context->resources, 0, sizeof(context->resources));
    memset(&context->views, 0, sizeof(context->views));
    context->target_count = context->viewport_count = context->scissor_count = 0;
    context->view_ports++;
    pvgpu_move_back(context);
    if (context->session != NULL) {
        session_free_all(context->session);
    }
}
