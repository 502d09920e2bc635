/* SPDX-License-Identifier: BSD-2-Clause */
/* The renderer that does not draw: resources in the memory of the session's compute device. */
#include <stdlib.h>

#include "host/mediator/pvgpu/context.h"

static struct gpu *gpu_of(const struct pvgpu_context *context)
{
    return context->session->gpu;
}

static const struct pvgpu_level *level_of(const struct pvgpu_place *place)
{
    return &place->resource->level[place->level];
}

static struct gpu_side side_of(const struct pvgpu_place *place)
{
    const struct pvgpu_level *level = level_of(place);
    const struct pvgpu_box *box = &place->box;

    return (struct gpu_side){
        .address = place->resource->address + level->offset + box->z * level->slice_pitch +
                   box->y * level->row_pitch + (uint64_t)box->x * place->resource->format->size,
        .row_pitch = level->row_pitch,
        .slice_pitch = level->slice_pitch,
    };
}

static struct gpu_box bytes_of(const struct pvgpu_place *place)
{
    return (struct gpu_box){.row_size = (uint64_t)place->box.width * place->resource->format->size,
                            .rows = place->box.height,
                            .slices = place->box.depth};
}

static struct gpu_side heap_side_of(const struct pvgpu_context *context,
                                    const struct pvgpu_heap_side *side)
{
    return (struct gpu_side){.host = context->heap.memory + side->offset,
                             .row_pitch = side->row_pitch,
                             .slice_pitch = side->slice_pitch};
}

static struct pvgpu_outcome create(struct pvgpu_context *context, struct pvgpu_resource *resource)
{
    return pvgpu_fail_compute(session_take(context->session, resource->size, &resource->address));
}

static void destroy(struct pvgpu_context *context, struct pvgpu_resource *resource)
{
    session_give(context->session, resource->address, resource->size);
    resource->address = 0;
}

static struct pvgpu_outcome create_view(struct pvgpu_context *context, struct pvgpu_view *view)
{
    (void)context;
    (void)view;
    return pvgpu_ok();
}

static void destroy_view(struct pvgpu_context *context, struct pvgpu_view *view)
{
    (void)context;
    (void)view;
}

static void set_targets(struct pvgpu_context *context)
{
    (void)context;
}

static struct pvgpu_outcome upload(struct pvgpu_context *context, const struct pvgpu_place *to,
                                   const struct pvgpu_heap_side *from)
{
    struct gpu_side dst = side_of(to), src = heap_side_of(context, from);
    struct gpu_box bytes = bytes_of(to);

    return pvgpu_fail_compute(gpu_copy_box(gpu_of(context), &dst, &src, &bytes, true));
}

static struct pvgpu_outcome read(struct pvgpu_context *context, const struct pvgpu_heap_side *to,
                                 const struct pvgpu_place *from)
{
    struct gpu_side dst = heap_side_of(context, to), src = side_of(from);
    struct gpu_box bytes = bytes_of(from);

    return pvgpu_fail_compute(gpu_copy_box(gpu_of(context), &dst, &src, &bytes, true));
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

static struct pvgpu_outcome copy(struct pvgpu_context *context, const struct pvgpu_place *to,
                                 const struct pvgpu_place *from)
{
    struct gpu_side dst = side_of(to), src = side_of(from);
    struct gpu_box bytes = bytes_of(from);

    if (pvgpu_places_overlap(to, from)) {
        return pvgpu_fail_compute(copy_overlapping(context, &dst, &src, &bytes));
    }
    return pvgpu_fail_compute(gpu_copy_box(gpu_of(context), &dst, &src, &bytes, true));
}

/* ---- Clears ---- */

/* Slices of one level follow each other without a gap. */
static void range_of(const struct pvgpu_view *view, gpu_address *address, uint64_t *texels)
{
    const struct pvgpu_level *level = &view->resource->level[view->mip_level];

    *address = view->resource->address + level->offset + view->first_slice * level->slice_pitch;
    *texels = (uint64_t)level->width * level->height * view->slice_count;
}

static struct pvgpu_outcome clear_colour(struct pvgpu_context *context,
                                         const struct pvgpu_view *view, const float colour[4])
{
    uint8_t texel[PVGPU_TEXEL_MAX];
    gpu_address address;
    uint64_t texels;

    pvgpu_format_pack(view->format, colour, texel);
    range_of(view, &address, &texels);
    return pvgpu_fail_compute(
        gpu_fill(gpu_of(context), address, texel, view->format->size, texels, true));
}

#define PART_PIECE 65536u /* of the consumer's stack */

/* One of depth and stencil, the other as it is: texel by texel, a piece at a time. */
static enum bg_compute_status clear_part(struct gpu *gpu, const struct pvgpu_view *view,
                                         uint32_t flags, float depth, uint8_t stencil,
                                         gpu_address address, uint64_t texels)
{
    uint8_t piece[PART_PIECE];
    enum bg_compute_status status = BG_COMPUTE_OK;

    for (uint64_t done = 0; done < texels && status == BG_COMPUTE_OK;) {
        uint64_t count = texels - done < sizeof(piece) / 4 ? texels - done : sizeof(piece) / 4;
        gpu_address at = address + done * 4;

        status = gpu_copy_from(gpu, piece, at, count * 4, false);
        for (uint64_t i = 0; i < count; i++) {
            pvgpu_format_pack_depth(view->format, flags, depth, stencil, piece + i * 4);
        }
        if (status == BG_COMPUTE_OK) {
            status = gpu_copy_to(gpu, at, piece, count * 4, false);
        }
        done += count;
        gpu_give_way(gpu);
    }
    return status;
}

static struct pvgpu_outcome clear_depth(struct pvgpu_context *context,
                                        const struct pvgpu_view *view, uint32_t flags, float depth,
                                        uint8_t stencil)
{
    struct gpu *gpu = gpu_of(context);
    uint8_t texel[4] = {0};
    gpu_address address;
    uint64_t texels;

    range_of(view, &address, &texels);
    if (view->format->stencil && flags != (BG_PVGPU_CLEAR_DEPTH | BG_PVGPU_CLEAR_STENCIL)) {
        return pvgpu_fail_compute(clear_part(gpu, view, flags, depth, stencil, address, texels));
    }
    pvgpu_format_pack_depth(view->format, flags, depth, stencil, texel);
    return pvgpu_fail_compute(gpu_fill(gpu, address, texel, sizeof(texel), texels, true));
}

/* ---- Pictures ---- */

static bool share(struct pvgpu_context *context, uint8_t *memory, uint64_t size)
{
    gpu_address unused;

    return gpu_share(gpu_of(context), memory, size, &unused) == BG_COMPUTE_OK;
}

static void unshare(struct pvgpu_context *context, uint8_t *memory)
{
    gpu_unshare(gpu_of(context), memory);
}

/* By rows through a piece of memory: a format that no screen has. */
static enum bg_compute_status show_converted(struct gpu *gpu, const struct pvgpu_place *from,
                                             uint8_t *picture, uint32_t stride)
{
    struct gpu_side src = side_of(from);
    struct gpu_box bytes = bytes_of(from);
    uint8_t *row = malloc(bytes.row_size);
    enum bg_compute_status status = row != NULL ? BG_COMPUTE_OK : BG_COMPUTE_OUT_OF_MEMORY;

    for (uint64_t y = 0; y < bytes.rows && status == BG_COMPUTE_OK; y++) {
        status = gpu_copy_from(gpu, row, src.address + y * src.row_pitch, bytes.row_size, false);
        pvgpu_format_convert(from->resource->format, row, picture + y * stride, from->box.width);
        gpu_give_way(gpu);
    }
    free(row);
    return status;
}

static struct pvgpu_outcome show(struct pvgpu_context *context, const struct pvgpu_place *from,
                                 uint8_t *picture, uint32_t stride)
{
    struct gpu_side src = side_of(from);
    struct gpu_side dst = {
        .host = picture, .row_pitch = stride, .slice_pitch = (uint64_t)stride * from->box.height};
    struct gpu_box bytes = bytes_of(from);

    if (pvgpu_format_is_converted(from->resource->format)) {
        return pvgpu_fail_compute(show_converted(gpu_of(context), from, picture, stride));
    }
    return pvgpu_fail_compute(gpu_copy_box(gpu_of(context), &dst, &src, &bytes, false));
}

/* ---- Order ---- */

static uint64_t submit(struct pvgpu_context *context)
{
    (void)context;
    return 0;
}

static bool is_done(struct pvgpu_context *context, uint64_t submission)
{
    (void)context;
    (void)submission;
    return true;
}

static struct pvgpu_outcome finish(struct pvgpu_context *context)
{
    struct gpu *gpu = gpu_of(context);

    return pvgpu_fail_compute(gpu->async_pending ? gpu_synchronize(gpu) : BG_COMPUTE_OK);
}

static const struct pvgpu_renderer_ops ops = {
    .create = create,
    .destroy = destroy,
    .create_view = create_view,
    .destroy_view = destroy_view,
    .set_targets = set_targets,
    .upload = upload,
    .read = read,
    .copy = copy,
    .clear_colour = clear_colour,
    .clear_depth = clear_depth,
    .share = share,
    .unshare = unshare,
    .show = show,
    .submit = submit,
    .is_done = is_done,
    .finish = finish,
};

struct pvgpu_renderer pvgpu_memory_renderer = {.ops = &ops};
