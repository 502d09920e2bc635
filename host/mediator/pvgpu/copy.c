/* SPDX-License-Identifier: BSD-2-Clause */
/* pvgpu's commands that move texels: map, unmap, update, read, copies. */
#include <stdlib.h>

#include "host/mediator/pvgpu/context.h"

static const struct pvgpu_renderer_ops *renderer_of(const struct pvgpu_context *context)
{
    return context->renderer->ops;
}

/* One side of a box: from `at`, `side` texels of `whole`; 0 means the rest. Blocks of `block`
 * texels are not cut. */
static bool fit_side(uint32_t whole, uint32_t block, uint32_t at, uint32_t *side)
{
    if (at >= whole) {
        return false;
    }
    if (*side == 0) {
        *side = whole - at;
    }
    return *side <= whole - at && at % block == 0 && (*side % block == 0 || *side == whole - at);
}

static bool fit_box(struct pvgpu_place *place)
{
    const struct pvgpu_level *level = &place->resource->level[place->level];
    struct pvgpu_box *box = &place->box;
    uint32_t block = place->resource->format->block;

    return fit_side(level->width, block, box->x, &box->width) &&
           fit_side(level->height, block, box->y, &box->height) &&
           fit_side(level->depth, 1, box->z, &box->depth);
}

/* All of a subresource, which there is. */
static struct pvgpu_place place_of(struct pvgpu_resource *resource, uint32_t subresource)
{
    uint32_t level = subresource % resource->levels;
    const struct pvgpu_level *sides = &resource->level[level];

    return (struct pvgpu_place){
        .resource = resource,
        .level = level,
        .layer = subresource / resource->levels,
        .box = {.width = sides->width, .height = sides->height, .depth = sides->depth},
    };
}

/* All of the command's subresource, by its own id or, where that is 0, the header's. */
static struct pvgpu_outcome find_place(const struct pvgpu_context *context, uint32_t header_id,
                                       uint32_t id, uint32_t subresource, struct pvgpu_place *place)
{
    struct pvgpu_resource *resource = pvgpu_resource_find(context, id ? id : header_id);

    if (resource == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    }
    if (subresource >= resource->levels * resource->layers) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    *place = place_of(resource, subresource);
    return pvgpu_ok();
}

/* The same of what has bytes in the heap. */
static struct pvgpu_outcome find_bytes(const struct pvgpu_context *context, uint32_t header_id,
                                       uint32_t id, uint32_t subresource, struct pvgpu_place *place)
{
    struct pvgpu_outcome outcome = find_place(context, header_id, id, subresource, place);

    if (outcome.code == BG_PVGPU_OK && place->resource->samples > 1) {
        outcome = pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    return outcome;
}

static struct pvgpu_heap_side packed(const struct pvgpu_level *level, uint64_t offset)
{
    return (struct pvgpu_heap_side){
        .offset = offset, .row_pitch = level->row_pitch, .slice_pitch = level->slice_pitch};
}

/* ---- Fill ---- */

/* Up to `whole` of the slices (rows, texels), which take `pitch` bytes each, that are left. */
static uint32_t take_whole(uint64_t *bytes, uint64_t pitch, uint32_t whole)
{
    uint64_t count = *bytes / pitch < whole ? *bytes / pitch : whole;

    *bytes -= count * pitch;
    return (uint32_t)count;
}

static uint32_t at_most(uint32_t value, uint32_t most)
{
    return value < most ? value : most;
}

static struct pvgpu_outcome fill_box(struct pvgpu_context *context, const struct pvgpu_place *place,
                                     uint64_t heap_offset)
{
    const struct pvgpu_level *level = &place->resource->level[place->level];
    const struct pvgpu_box *box = &place->box;
    struct pvgpu_heap_side from =
        packed(level, heap_offset + box->z * level->slice_pitch +
                          box->y / place->resource->format->block * level->row_pitch);

    if (box->width == 0 || box->height == 0 || box->depth == 0) {
        return pvgpu_ok();
    }
    return renderer_of(context)->upload(context, place, &from);
}

/* Whole slices, then whole rows, then what is left of a row. */
struct pvgpu_outcome pvgpu_resource_fill(struct pvgpu_context *context,
                                         struct pvgpu_resource *resource, uint32_t subresource,
                                         uint64_t heap_offset, uint64_t bytes)
{
    const struct pvgpu_format_info *format = resource->format;
    struct pvgpu_place slices = place_of(resource, subresource), rows = slices, texels = slices;
    const struct pvgpu_level *sides = &resource->level[slices.level];
    struct pvgpu_outcome outcome;

    rows.box.z = texels.box.z = slices.box.depth =
        take_whole(&bytes, sides->slice_pitch, sides->depth);
    texels.box.y = rows.box.height =
        at_most(take_whole(&bytes, sides->row_pitch, sides->height) * format->block, sides->height);
    texels.box.width =
        at_most(take_whole(&bytes, format->size, sides->width) * format->block, sides->width);
    texels.box.height = at_most(format->block, sides->height - texels.box.y);
    rows.box.depth = texels.box.depth = 1;
    outcome = fill_box(context, &slices, heap_offset);
    if (outcome.code == BG_PVGPU_OK) {
        outcome = fill_box(context, &rows, heap_offset);
    }
    if (outcome.code == BG_PVGPU_OK) {
        outcome = fill_box(context, &texels, heap_offset);
    }
    return outcome;
}

/* ---- Map, unmap ---- */

static struct pvgpu_map *find_map(const struct pvgpu_resource *resource, uint32_t subresource)
{
    for (uint32_t i = 0; i < resource->map_count; i++) {
        if (resource->maps[i].subresource == subresource) {
            return &resource->maps[i];
        }
    }
    return NULL;
}

static bool add_map(struct pvgpu_resource *resource, const struct bg_pvgpu_map_resource *map)
{
    struct pvgpu_map *maps =
        realloc(resource->maps, (resource->map_count + 1) * sizeof(*resource->maps));

    if (maps == NULL) {
        return false;
    }
    maps[resource->map_count++] = (struct pvgpu_map){
        .subresource = map->subresource, .type = map->map_type, .offset = map->heap_offset};
    resource->maps = maps;
    return true;
}

static void drop_map(struct pvgpu_resource *resource, struct pvgpu_map *map)
{
    *map = resource->maps[--resource->map_count];
}

PVGPU_HANDLER(pvgpu_map_resource)
{
    const struct bg_pvgpu_map_resource *map = command;
    struct pvgpu_place place;
    struct pvgpu_outcome outcome =
        find_bytes(context, map->header.resource_id, map->resource_id, map->subresource, &place);

    (void)size;
    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    const struct pvgpu_level *level = &place.resource->level[place.level];
    if (map->map_type < BG_PVGPU_MAP_READ || map->map_type > BG_PVGPU_MAP_WRITE_NO_OVERWRITE ||
        map->map_flags != 0 || find_map(place.resource, map->subresource) != NULL ||
        !pvgpu_heap_has(context, map->heap_offset, level->size)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (map->map_type != BG_PVGPU_MAP_WRITE_DISCARD) {
        struct pvgpu_heap_side to = packed(level, map->heap_offset);

        outcome = renderer_of(context)->read(context, &to, &place);
    }
    if (outcome.code == BG_PVGPU_OK && !add_map(place.resource, map)) {
        outcome = pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    return outcome;
}

PVGPU_HANDLER(pvgpu_unmap_resource)
{
    const struct bg_pvgpu_unmap_resource *unmap = command;
    struct pvgpu_place place;
    struct pvgpu_outcome outcome = find_bytes(context, unmap->header.resource_id,
                                              unmap->resource_id, unmap->subresource, &place);
    uint64_t offset, bytes;
    struct pvgpu_map *map;
    uint32_t map_type;

    (void)size;
    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    const struct pvgpu_level *level = &place.resource->level[place.level];
    map = find_map(place.resource, unmap->subresource);
    if (map == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    offset = unmap->data_size ? unmap->heap_offset : map->offset;
    bytes = unmap->data_size ? unmap->data_size : level->size;
    if (bytes > level->size || !pvgpu_heap_has(context, offset, bytes)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    map_type = map->type;
    drop_map(place.resource, map);
    if (map_type == BG_PVGPU_MAP_READ) {
        return outcome;
    }
    return pvgpu_resource_fill(context, place.resource, unmap->subresource, offset, bytes);
}

/* ---- Update, read ---- */

/* The heap's side of an update: pitches filled in, all that is touched within data_size and that
 * within the heap. */
static bool fit_heap(const struct pvgpu_context *context,
                     const struct bg_pvgpu_update_resource *update, const struct pvgpu_place *place,
                     struct pvgpu_heap_side *side)
{
    const struct pvgpu_format_info *format = place->resource->format;
    uint64_t row_size = (uint64_t)pvgpu_format_blocks(format, place->box.width) * format->size;
    uint32_t rows = pvgpu_format_blocks(format, place->box.height);
    uint64_t taken;

    side->offset = update->heap_offset;
    side->row_pitch = update->row_pitch ? update->row_pitch : row_size;
    side->slice_pitch = update->depth_pitch ? update->depth_pitch : side->row_pitch * rows;
    /* Sides are at most 2^14 (slices 2^11), pitches 2^32 (slices 2^46): far from 2^64. */
    taken = side->row_pitch * (rows - 1) + row_size; /* of a slice */
    if ((rows > 1 && side->row_pitch < row_size) ||
        (place->box.depth > 1 && side->slice_pitch < taken)) {
        return false; /* rows that overlap */
    }
    taken += side->slice_pitch * (place->box.depth - 1);
    return (!update->data_size || taken <= update->data_size) &&
           pvgpu_heap_has(context, update->heap_offset, taken);
}

/* The place and the heap's side of UPDATE and READ. */
static struct pvgpu_outcome check_transfer(const struct pvgpu_context *context,
                                           const struct bg_pvgpu_update_resource *update,
                                           struct pvgpu_place *place, struct pvgpu_heap_side *side)
{
    struct pvgpu_outcome outcome = find_bytes(context, update->header.resource_id,
                                              update->resource_id, update->subresource, place);

    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    place->box = (struct pvgpu_box){update->x,     update->y,      update->z,
                                    update->width, update->height, update->depth};
    if (place->resource->type == BG_PVGPU_RESOURCE_BUFFER && place->box.width == 0) {
        place->box.width = update->data_size; /* and 0 again: the rest */
    }
    if (!fit_box(place) || !pvgpu_heap_has(context, update->heap_offset, update->data_size) ||
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

static bool sides_overlap(uint32_t a, uint32_t b, uint32_t side)
{
    return a < b + side && b < a + side;
}

bool pvgpu_places_overlap(const struct pvgpu_place *a, const struct pvgpu_place *b)
{
    return a->resource == b->resource && a->level == b->level && a->layer == b->layer &&
           sides_overlap(a->box.x, b->box.x, a->box.width) &&
           sides_overlap(a->box.y, b->box.y, a->box.height) &&
           sides_overlap(a->box.z, b->box.z, a->box.depth);
}

/* Texels that are copied as they are; of one sample, whatever the other has, to resolve them. */
static bool same_texels(const struct pvgpu_resource *dst, const struct pvgpu_resource *src)
{
    bool resolves = src->samples > 1 && dst->samples == 1;

    return dst->format->size == src->format->size && dst->format->block == src->format->block &&
           (dst->samples == src->samples ||
            (resolves && dst->format == src->format && !src->format->depth));
}

static bool same_layout(const struct pvgpu_resource *a, const struct pvgpu_resource *b)
{
    return a->type == b->type && a->levels == b->levels && a->layers == b->layers &&
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
    if (!same_layout(dst, src) || !same_texels(dst, src)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    for (uint32_t i = 0; i < dst->levels * dst->layers && dst != src && outcome.code == BG_PVGPU_OK;
         i++) {
        struct pvgpu_place to = place_of(dst, i), from = place_of(src, i);

        outcome = renderer_of(context)->copy(context, &to, &from);
    }
    return outcome;
}

/* Of several samples all of a subresource is copied. */
static bool is_whole(const struct pvgpu_place *place)
{
    const struct pvgpu_level *level = &place->resource->level[place->level];

    return place->box.width == level->width && place->box.height == level->height;
}

PVGPU_HANDLER(pvgpu_copy_region)
{
    const struct bg_pvgpu_copy_region *copy = command;
    struct pvgpu_place to, from;
    struct pvgpu_outcome outcome =
        find_place(context, copy->header.resource_id, copy->dst, copy->dst_subresource, &to);

    (void)size;
    if (outcome.code == BG_PVGPU_OK) {
        outcome = find_place(context, 0, copy->src, copy->src_subresource, &from);
    }
    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    from.box = (struct pvgpu_box){copy->src_x, copy->src_y,  copy->src_z,
                                  copy->width, copy->height, copy->depth};
    if (!same_texels(to.resource, from.resource) || !fit_box(&from)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    to.box = (struct pvgpu_box){copy->dst_x,    copy->dst_y,     copy->dst_z,
                                from.box.width, from.box.height, from.box.depth};
    if (!fit_box(&to) || (from.resource->samples > 1 && !(is_whole(&from) && is_whole(&to)))) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    return renderer_of(context)->copy(context, &to, &from);
}
