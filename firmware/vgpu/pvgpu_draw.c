/* SPDX-License-Identifier: BSD-2-Clause */
/* Views, clears, the pipeline's state, presenting. */
#include "firmware/vgpu/pvgpu_internal.h"

#define WORD 4u
#define ROUND_UP(size)                                                                             \
    (((uint32_t)(size) + BG_PVGPU_COMMAND_ALIGN - 1) / BG_PVGPU_COMMAND_ALIGN *                    \
     BG_PVGPU_COMMAND_ALIGN)

_Static_assert(sizeof(struct bg_pvgpu_viewport) == 6 * WORD, "put as words");
_Static_assert(sizeof(struct bg_pvgpu_rectangle) == 4 * WORD, "put as words");

/* A float's bits. */
static uint32_t bits_of(const float *value)
{
    uint32_t bits;

    __builtin_memcpy(&bits, value, sizeof(bits));
    return bits;
}

/* ---- Views ---- */

static int create_view(struct bg_pvgpu *gpu, uint32_t type,
                       const struct bg_pvgpu_view_options *options, uint32_t *id)
{
    if (gpu->last_view == UINT32_MAX) {
        return BG_ERR_NO_SPACE;
    }
    int error = pvgpu_begin(gpu, type, gpu->last_view + 1, 0, sizeof(struct bg_pvgpu_create_view));

    if (error < 0) {
        return error;
    }
    *id = ++gpu->last_view;
    pvgpu_put(gpu, options->resource_id, options->format, options->mip_level, options->first_slice);
    pvgpu_put(gpu, options->slice_count, 0, 0, 0);
    pvgpu_end(gpu);
    return 0;
}

static int destroy_view(struct bg_pvgpu *gpu, uint32_t type, uint32_t id)
{
    int error = pvgpu_begin(gpu, type, id, 0, sizeof(struct bg_pvgpu_command));

    if (error == 0) {
        pvgpu_end(gpu);
    }
    return error;
}

int bg_pvgpu_render_target_view_create(struct bg_pvgpu *gpu,
                                       const struct bg_pvgpu_view_options *options, uint32_t *id)
{
    return create_view(gpu, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, options, id);
}

int bg_pvgpu_render_target_view_destroy(struct bg_pvgpu *gpu, uint32_t id)
{
    return destroy_view(gpu, BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW, id);
}

int bg_pvgpu_depth_stencil_view_create(struct bg_pvgpu *gpu,
                                       const struct bg_pvgpu_view_options *options, uint32_t *id)
{
    return create_view(gpu, BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, options, id);
}

int bg_pvgpu_depth_stencil_view_destroy(struct bg_pvgpu *gpu, uint32_t id)
{
    return destroy_view(gpu, BG_PVGPU_CMD_DESTROY_DEPTH_STENCIL_VIEW, id);
}

/* ---- Clears ---- */

int bg_pvgpu_clear_render_target(struct bg_pvgpu *gpu, uint32_t view, const float *rgba)
{
    int error = pvgpu_begin(gpu, BG_PVGPU_CMD_CLEAR_RENDER_TARGET, view, 0,
                            ROUND_UP(sizeof(struct bg_pvgpu_clear_render_target)));

    if (error == 0) {
        pvgpu_put(gpu, view, bits_of(&rgba[0]), bits_of(&rgba[1]), bits_of(&rgba[2]));
        pvgpu_put(gpu, bits_of(&rgba[3]), 0, 0, 0);
        pvgpu_end(gpu);
    }
    return error;
}

int bg_pvgpu_clear_depth_stencil(struct bg_pvgpu *gpu, uint32_t view, uint32_t flags,
                                 const float *depth, uint32_t stencil)
{
    int error = pvgpu_begin(gpu, BG_PVGPU_CMD_CLEAR_DEPTH_STENCIL, view, 0,
                            sizeof(struct bg_pvgpu_clear_depth_stencil));

    if (error == 0) {
        pvgpu_put(gpu, view, flags, bits_of(depth), stencil);
        pvgpu_end(gpu);
    }
    return error;
}

/* ---- State ---- */

int bg_pvgpu_set_render_target(struct bg_pvgpu *gpu, uint32_t count, const uint32_t *views,
                               uint32_t depth_stencil_view)
{
    uint32_t rtv[BG_PVGPU_RENDER_TARGETS_MAX] = {0};
    int error;

    if (count > BG_PVGPU_RENDER_TARGETS_MAX) {
        return BG_ERR_INVALID;
    }
    for (uint32_t i = 0; i < count; i++) {
        rtv[i] = views[i];
    }
    error = pvgpu_begin(gpu, BG_PVGPU_CMD_SET_RENDER_TARGET, 0, 0,
                        ROUND_UP(sizeof(struct bg_pvgpu_set_render_target)));
    if (error == 0) {
        pvgpu_put(gpu, count, depth_stencil_view, rtv[0], rtv[1]);
        pvgpu_put(gpu, rtv[2], rtv[3], rtv[4], rtv[5]);
        pvgpu_put(gpu, rtv[6], rtv[7], 0, 0);
        pvgpu_end(gpu);
    }
    return error;
}

static int set_list(struct bg_pvgpu *gpu, uint32_t type, uint32_t count, const void *items,
                    uint32_t item_size)
{
    uint32_t payload = WORD + count * item_size;
    int error;

    if (count > BG_PVGPU_VIEWPORTS_MAX) {
        return BG_ERR_INVALID;
    }
    error = pvgpu_begin(gpu, type, 0, 0, ROUND_UP(sizeof(struct bg_pvgpu_command) + payload));
    if (error == 0) {
        pvgpu_put_words(gpu, &count, 1, items, count * item_size / WORD);
        pvgpu_end(gpu);
    }
    return error;
}

int bg_pvgpu_set_viewport(struct bg_pvgpu *gpu, uint32_t count,
                          const struct bg_pvgpu_viewport *viewports)
{
    return set_list(gpu, BG_PVGPU_CMD_SET_VIEWPORT, count, viewports, sizeof(*viewports));
}

int bg_pvgpu_set_scissor(struct bg_pvgpu *gpu, uint32_t count,
                         const struct bg_pvgpu_rectangle *rectangles)
{
    return set_list(gpu, BG_PVGPU_CMD_SET_SCISSOR, count, rectangles, sizeof(*rectangles));
}

/* ---- Display ---- */

int bg_pvgpu_present(struct bg_pvgpu *gpu, uint32_t texture, uint32_t sync_interval)
{
    int error = pvgpu_begin(gpu, BG_PVGPU_CMD_PRESENT, texture, 0, sizeof(struct bg_pvgpu_present));

    if (error == 0) {
        pvgpu_put(gpu, texture, sync_interval, 0, 0);
        pvgpu_end(gpu);
    }
    return error;
}

int bg_pvgpu_present_region(struct bg_pvgpu *gpu, uint32_t texture, uint32_t sync_interval,
                            uint32_t count, const struct bg_pvgpu_rectangle *rectangles)
{
    const uint32_t before[] = {texture, sync_interval, 0, count};
    int error;

    if (!bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_REGIONS)) {
        return pvgpu_refuse(gpu);
    }
    if (count == 0 || count > BG_PVGPU_PRESENT_RECTANGLES_MAX) {
        return BG_ERR_INVALID;
    }
    error = pvgpu_begin(gpu, BG_PVGPU_CMD_PRESENT_REGION, texture, 0,
                        sizeof(struct bg_pvgpu_command) + sizeof(before) +
                            count * (uint32_t)sizeof(*rectangles));
    if (error == 0) {
        pvgpu_put_words(gpu, before, 4, rectangles, count * (uint32_t)sizeof(*rectangles) / WORD);
        pvgpu_end(gpu);
    }
    return error;
}

int bg_pvgpu_resize_buffers(struct bg_pvgpu *gpu, uint32_t texture, uint32_t width, uint32_t height,
                            uint32_t format, uint32_t buffer_count)
{
    int error = pvgpu_begin(gpu, BG_PVGPU_CMD_RESIZE_BUFFERS, texture, 0,
                            sizeof(struct bg_pvgpu_resize_buffers));

    if (error == 0) {
        pvgpu_put(gpu, texture, width, height, format);
        pvgpu_put(gpu, buffer_count, 0, 0, 0);
        pvgpu_end(gpu);
    }
    return error;
}
