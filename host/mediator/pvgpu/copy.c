/* SPDX-License-Identifier: BSD-2-Clause */
/* pvgpu's commands that move texels: map, unmap, update, read, copies. */

#include "host/mediator/pvgpu/context.h"

static const struct pvgpu_renderer_ops *renderer_of(const struct pvgpu_context *context)
{
    return context->renderer->ops;
}

/* One side of a box: from `at`, `side` texels of `whole`; 0 means the rest. */
static bool fit_side(uint32_t whole, uint32_t at, uint32_t *side)
{
    if (at >= whole) {
        return false;
    }
    if (*side == 0) {
        *side = whole - at;
    }
    return *side <= whole - at;
}

static bool fit_box(const struct pvgpu_level *level, struct pvgpu_box *box)
{
    return fit_side(level->width, box->x, &box->width) &&
           fit_side(level->height, box->y, &box->height) &&
           fit_side(level->depth, box->z, &box->depth);
}

/* ---- Map, unmap ---- */

/* The command's level, by its own id or, where that is 0, the header's. */
static struct pvgpu_outcome find_level(const struct pvgpu_context *context, uint32_t header_id,
                                       uint32_t id, uint32_t subresource,
                                       struct pvgpu_resource **resource, struct pvgpu_level **level)
{
    *level = NULL;
    *resource = pvgpu_resource_find(context, id ? id : header_id);
    if (*resource == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    }
    if (subresource >= (*resource)->levels) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    *level = &(*resource)->level[subresource];
    return pvgpu_ok();
}

static struct pvgpu_place place_of(struct pvgpu_resource *resource, uint32_t level)
{
    const struct pvgpu_level *sides = &resource->level[level];

    return (struct pvgpu_place){
        .resource = resource,
        .level = level,
        .box = {.width = sides->width, .height = sides->height, .depth = sides->depth},
    };
}

static struct pvgpu_heap_side packed(const struct pvgpu_level *level, uint64_t offset)
{
    return (struct pvgpu_heap_side){
        .offset = offset, .row_pitch = level->row_pitch, .slice_pitch = level->slice_pitch};
}

/* Up to `whole` of the slices (rows, texels), which take `pitch` bytes each, that are left. */
static uint32_t take_whole(uint64_t *bytes, uint64_t pitch, uint32_t whole)
{
    uint64_t count = *bytes / pitch < whole ? *bytes / pitch : whole;

    *bytes -= count * pitch;
    return (uint32_t)count;
}

static struct pvgpu_outcome fill_box(struct pvgpu_context *context, const struct pvgpu_place *place,
                                     uint64_t heap_offset)
{
    const struct pvgpu_level *level = &place->resource->level[place->level];
    const struct pvgpu_box *box = &place->box;
    struct pvgpu_heap_side from =
        packed(level, heap_offset + box->z * level->slice_pitch + box->y * level->row_pitch);

    if (box->width == 0 || box->height == 0 || box->depth == 0) {
        return pvgpu_ok();
    }
    return renderer_of(context)->upload(context, place, &from);
}

/* Whole slices, then whole rows, then what is left of a row. */
struct pvgpu_outcome pvgpu_resource_fill(struct pvgpu_context *context,
                                         struct pvgpu_resource *resource, uint32_t level,
                                         uint64_t heap_offset, uint64_t bytes)
{
    const struct pvgpu_level *sides = &resource->level[level];
    struct pvgpu_place slices = place_of(resource, level), rows = slices, texels = slices;
    struct pvgpu_outcome outcome;

    rows.box.z = texels.box.z = slices.box.depth =
        take_whole(&bytes, sides->slice_pitch, sides->depth);
    texels.box.y = rows.box.height = take_whole(&bytes, sides->row_pitch, sides->height);
    texels.box.width = take_whole(&bytes, resource->format->size, sides->width);
    rows.box.depth = texels.box.depth = texels.box.height = 1;
    outcome = fill_box(context, &slices, heap_offset);
    if (outcome.code == BG_PVGPU_OK) {
        outcome = fill_box(context, &rows, heap_offset);
    }
    if (outcome.code == BG_PVGPU_OK) {
        outcome = fill_box(context, &texels, heap_offset);
    }
    return outcome;
}

PVGPU_HANDLER(pvgpu_map_resource)
{
    const struct bg_pvgpu_map_resource *map = command;
    struct pvgpu_resource *resource;
    struct pvgpu_level *level;
    struct pvgpu_outcome outcome = find_level(context, map->header.resource_id, map->resource_id,
                                              map->subresource, &resource, &level);

    (void)size;
    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    if (map->map_type < BG_PVGPU_MAP_READ || map->map_type > BG_PVGPU_MAP_WRITE_NO_OVERWRITE ||
        map->map_flags != 0 || level->map_type != 0 ||
        !pvgpu_heap_has(context, map->heap_offset, level->size)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (map->map_type != BG_PVGPU_MAP_WRITE_DISCARD) {
        struct pvgpu_place from = place_of(resource, map->subresource);
        struct pvgpu_heap_side to = packed(level, map->heap_offset);

        outcome = renderer_of(context)->read(context, &to, &from);
    }
    if (outcome.code == BG_PVGPU_OK) {
        level->map_type = map->map_type;
        level->map_offset = map->heap_offset;
    }
    return outcome;
}

PVGPU_HANDLER(pvgpu_unmap_resource)
{
    const struct bg_pvgpu_unmap_resource *unmap = command;
    struct pvgpu_resource *resource;
    struct pvgpu_level *level;
    struct pvgpu_outcome outcome =
        find_level(context, unmap->header.resource_id, unmap->resource_id, unmap->subresource,
                   &resource, &level);
    uint64_t offset, bytes;
    uint32_t map_type;

    (void)size;
    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    offset = unmap->data_size ? unmap->heap_offset : level->map_offset;
    bytes = unmap->data_size ? unmap->data_size : level->size;
    if (level->map_type == 0 || bytes > level->size || !pvgpu_heap_has(context, offset, bytes)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    map_type = level->map_type;
    level->map_type = 0;
    if (map_type == BG_PVGPU_MAP_READ) {
        return outcome;
    }
    return pvgpu_resource_fill(context, resource, unmap->subresource, offset, bytes);
}

/* ---- Update, read ---- */

/* The heap's side of an update: pitches filled in, all that is touched within data_size and that
 * within the heap. */
static bool fit_heap(const struct pvgpu_context *context,
                     const struct bg_pvgpu_update_resource *update, const struct pvgpu_place *place,
                     struct pvgpu_heap_side *side)
{
    const struct pvgpu_box *box = &place->box;
    uint64_t row_size = (uint64_t)box->width * place->resource->format->size;
    uint64_t taken;

    side->offset = update->heap_offset;
    side->row_pitch = update->row_pitch ? update->row_pitch : row_size;
    side->slice_pitch = update->depth_pitch ? update->depth_pitch : side->row_pitch * box->height;
    /* Sides are at most 2^14 (slices 2^11), pitches 2^32 (slices 2^46): far from 2^64. */
    taken = side->row_pitch * (box->height - 1) + row_size; /* of a slice */
    if ((box->height > 1 && side->row_pitch < row_size) ||
        (box->depth > 1 && side->slice_pitch < taken)) {
        return false; /* rows that overlap */
    }
    taken += side->slice_pitch * (box->depth - 1);
    return (!update->data_size || taken <= update->data_size) &&
           pvgpu_heap_has(context, update->heap_offset, taken);
}

/* The place and the heap's side of UPDATE and READ. */
static struct pvgpu_outcome check_transfer(const struct pvgpu_context *context,
                                           const struct bg_pvgpu_update_resource *update,
                                           struct pvgpu_place *place, struct pvgpu_heap_side *side)
{
    struct pvgpu_level *level;
    struct pvgpu_outcome outcome =
        find_level(context, update->header.resource_id, update->resource_id, update->subresource,
                   &place->resource, &level);

    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    place->level = update->subresource;
    place->box = (struct pvgpu_box){update->x,     update->y,      update->z,
                                    update->width, update->height, update->depth};
    if (place->resource->type == BG_PVGPU_RESOURCE_BUFFER && place->box.width == 0) {
        place->box.width = update->data_size; /* and 0 again: the rest */
    }
    if (!fit_box(level, &place->box) ||
        !pvgpu_heap_has(context, update->heap_offset, update->data_size) ||
        !fit_heap(context, update, place, side)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    return outcome;
}

PVGPU_HANDLER(pvgpu_update_resource)
{
    struct pvgpu_heap_side from;
    struct pvgpu_place to;
    struct pvgpu_outcome outcome = check_transfer(context, command, &to, &from);

    (void)size;
    return outcome.code == BG_PVGPU_OK ? renderer_of(context)->upload(context, &to, &from)
                                       : outcome;
}

PVGPU_HANDLER(pvgpu_read_resource)
{
    struct pvgpu_heap_side to;
    struct pvgpu_place from;
    struct pvgpu_outcome outcome = check_transfer(context, command, &from, &to);

    (void)size;
    return outcome.code == BG_PVGPU_OK ? renderer_of(context)->read(context, &to, &from) : outcome;
}

/* ---- Copies ---- */

static bool same_layout(const struct pvgpu_resource *a, const struct pvgpu_resource *b)
{
    return a->type == b->type && a->format->size == b->format->size && a->levels == b->levels &&
           a->level[0].width == b->level[0].width && a->level[0].height == b->level[0].height &&
           a->level[0].depth == b->level[0].depth;
}

PVGPU_HANDLER(pvgpu_copy_resource)
{
    const struct bg_pvgpu_copy_resource *copy = command;
    struct pvgpu_outcome outcome = pvgpu_ok();
    struct pvgpu_resource *dst =
        pvgpu_resource_find(context, copy->dst ? copy->dst : copy->header.resource_id);
    struct pvgpu_resource *src = pvgpu_resource_find(context, copy->src);

    (void)size;
    if (dst == NULL || src == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    }
    if (!same_layout(dst, src)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    for (uint32_t i = 0; i < dst->levels && dst != src && outcome.code == BG_PVGPU_OK; i++) {
        struct pvgpu_place to = place_of(dst, i), from = place_of(src, i);

        outcome = renderer_of(context)->copy(context, &to, &from);
    }
    return outcome;
}

PVGPU_HANDLER(pvgpu_copy_region)
{
    const struct bg_pvgpu_copy_region *copy = command;
    struct pvgpu_place to = {.level = copy->dst_subresource};
    struct pvgpu_place from = {
        .level = copy->src_subresource,
        .box = {copy->src_x, copy->src_y, copy->src_z, copy->width, copy->height, copy->depth}};
    struct pvgpu_level *dst_level, *src_level;
    struct pvgpu_outcome outcome;

    (void)size;
    outcome = find_level(context, copy->header.resource_id, copy->dst, copy->dst_subresource,
                         &to.resource, &dst_level);
    if (outcome.code == BG_PVGPU_OK) {
        outcome =
            find_level(context, 0, copy->src, copy->src_subresource, &from.resource, &src_level);
    }
    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    if (to.resource->format->size != from.resource->format->size ||
        !fit_box(src_level, &from.box)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    to.box = (struct pvgpu_box){copy->dst_x,    copy->dst_y,     copy->dst_z,
                                from.box.width, from.box.height, from.box.depth};
    if (!fit_box(dst_level, &to.box)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    return renderer_of(context)->copy(context, &to, &from);
}
