/* SPDX-License-Identifier: BSD-2-Clause */
/* pvgpu's commands that move texels: map, unmap, update, read, copies. */

#include "host/mediator/pvgpu/context.h"

/* A box in texels of a subresource; checked. */
struct box {
    uint32_t x, y, z, width, height, depth;
};

static struct gpu *gpu_of(const struct pvgpu_context *context)
{
    return context->session->gpu;
}

static struct gpu_side side_of(const struct pvgpu_resource *resource,
                               const struct pvgpu_level *level, const struct box *box)
{
    return (struct gpu_side){
        .address = resource->address + level->offset + box->z * level->slice_pitch +
                   box->y * level->row_pitch + (uint64_t)box->x * resource->format->size,
        .row_pitch = level->row_pitch,
        .slice_pitch = level->slice_pitch,
    };
}

static struct gpu_box bytes_of(const struct pvgpu_resource *resource, const struct box *box)
{
    return (struct gpu_box){.row_size = (uint64_t)box->width * resource->format->size,
                            .rows = box->height,
                            .slices = box->depth};
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

static bool fit_box(const struct pvgpu_level *level, struct box *box)
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

PVGPU_HANDLER(pvgpu_map_resource)
{
    const struct bg_pvgpu_map_resource *map = command;
    struct gpu *gpu = gpu_of(context);
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
        outcome =
            pvgpu_fail_compute(gpu_copy_from(gpu, context->heap.memory + map->heap_offset,
                                             resource->address + level->offset, level->size, true));
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
    struct gpu *gpu = gpu_of(context);
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
    return pvgpu_fail_compute(gpu_copy_to(gpu, resource->address + level->offset,
                                          context->heap.memory + offset, bytes, true));
}

/* ---- Update, read ---- */

/* The heap's side of an update: pitches filled in, all that is touched within data_size and that
 * within the heap. */
static bool fit_heap(const struct pvgpu_context *context,
                     const struct bg_pvgpu_update_resource *update, const struct gpu_box *bytes,
                     struct gpu_side *side)
{
    uint64_t taken;

    side->row_pitch = update->row_pitch ? update->row_pitch : bytes->row_size;
    side->slice_pitch = update->depth_pitch ? update->depth_pitch : side->row_pitch * bytes->rows;
    if ((bytes->rows > 1 && side->row_pitch < bytes->row_size) ||
        (bytes->slices > 1 &&
         side->slice_pitch < side->row_pitch * (bytes->rows - 1) + bytes->row_size)) {
        return false; /* rows that overlap */
    }
    /* Sides are at most 2^14 (slices 2^11), pitches 2^32 (slices 2^46): far from 2^64. */
    taken = side->slice_pitch * (bytes->slices - 1) + side->row_pitch * (bytes->rows - 1) +
            bytes->row_size;
    if ((update->data_size && taken > update->data_size) ||
        !pvgpu_heap_has(context, update->heap_offset, taken)) {
        return false;
    }
    side->host = context->heap.memory + update->heap_offset;
    return true;
}

static struct pvgpu_outcome transfer(struct pvgpu_context *context,
                                     const struct bg_pvgpu_update_resource *update, bool to_heap)
{
    struct gpu *gpu = gpu_of(context);
    struct pvgpu_resource *resource;
    struct pvgpu_level *level;
    struct pvgpu_outcome outcome =
        find_level(context, update->header.resource_id, update->resource_id, update->subresource,
                   &resource, &level);
    struct box box = {update->x,     update->y,      update->z,
                      update->width, update->height, update->depth};

    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    if (resource->type == BG_PVGPU_RESOURCE_BUFFER && box.width == 0) {
        box.width = update->data_size; /* and 0 again: the rest */
    }
    if (!fit_box(level, &box) || !pvgpu_heap_has(context, update->heap_offset, update->data_size)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    struct gpu_box bytes = bytes_of(resource, &box);
    struct gpu_side heap = {.host = NULL};
    struct gpu_side device = side_of(resource, level, &box);
    if (!fit_heap(context, update, &bytes, &heap)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    return pvgpu_fail_compute(
        gpu_copy_box(gpu, to_heap ? &heap : &device, to_heap ? &device : &heap, &bytes, true));
}

PVGPU_HANDLER(pvgpu_update_resource)
{
    (void)size;
    return transfer(context, command, false);
}

PVGPU_HANDLER(pvgpu_read_resource)
{
    (void)size;
    return transfer(context, command, true);
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
    struct gpu *gpu = gpu_of(context);
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
    return pvgpu_fail_compute(gpu_copy_within(gpu, dst->address, src->address, dst->size, true));
}

static bool sides_overlap(uint32_t a, uint32_t b, uint32_t side)
{
    return a < b + side && b < a + side;
}

static bool boxes_overlap(const struct box *a, const struct box *b)
{
    return sides_overlap(a->x, b->x, a->width) && sides_overlap(a->y, b->y, a->height) &&
           sides_overlap(a->z, b->z, a->depth);
}

/* By way of memory of its own. */
static enum bg_compute_status copy_overlapping(struct pvgpu_context *context,
                                               const struct gpu_side *dst,
                                               const struct gpu_side *src,
                                               const struct gpu_box *bytes)
{
    struct gpu *gpu = gpu_of(context);
    struct gpu_side between = {.row_pitch = bytes->row_size,
                               .slice_pitch = bytes->row_size * bytes->rows};
    uint64_t size = between.slice_pitch * bytes->slices;
    enum bg_compute_status status = session_take(context->session, size, &between.address);

    if (status != BG_COMPUTE_OK) {
        return status;
    }
    status = gpu_copy_box(gpu, &between, src, bytes, true);
    if (status == BG_COMPUTE_OK) {
        status = gpu_copy_box(gpu, dst, &between, bytes, true);
    }
    session_give(context->session, between.address, size);
    return status;
}

PVGPU_HANDLER(pvgpu_copy_region)
{
    const struct bg_pvgpu_copy_region *copy = command;
    struct gpu *gpu = gpu_of(context);
    struct pvgpu_resource *dst, *src;
    struct pvgpu_level *dst_level, *src_level;
    struct box from = {copy->src_x, copy->src_y,  copy->src_z,
                       copy->width, copy->height, copy->depth};
    struct pvgpu_outcome outcome;

    (void)size;
    outcome = find_level(context, copy->header.resource_id, copy->dst, copy->dst_subresource, &dst,
                         &dst_level);
    if (outcome.code == BG_PVGPU_OK) {
        outcome = find_level(context, 0, copy->src, copy->src_subresource, &src, &src_level);
    }
    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    if (dst->format->size != src->format->size || !fit_box(src_level, &from)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    struct box to = {copy->dst_x, copy->dst_y, copy->dst_z, from.width, from.height, from.depth};
    if (!fit_box(dst_level, &to)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    struct gpu_side dst_side = side_of(dst, dst_level, &to);
    struct gpu_side src_side = side_of(src, src_level, &from);
    struct gpu_box bytes = bytes_of(src, &from);
    if (dst_level == src_level && boxes_overlap(&to, &from)) {
        return pvgpu_fail_compute(copy_overlapping(context, &dst_side, &src_side, &bytes));
    }
    return pvgpu_fail_compute(gpu_copy_box(gpu, &dst_side, &src_side, &bytes, true));
}
