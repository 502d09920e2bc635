/* SPDX-License-Identifier: BSD-2-Clause */
/* Views, clears, the pipeline's state, presenting. */
#include "firmware/vgpu/pvgpu_internal.h"

#define WORD 4u

_Static_assert(sizeof(struct bg_pvgpu_viewport) == 6 * WORD, "put as words");
_Static_assert(sizeof(struct bg_pvgpu_rectangle) == 4 * WORD, "put as words");

/* ---- Views ---- */

int pvgpu_create_view(struct bg_pvgpu *gpu, uint32_t type,
                      const struct bg_pvgpu_view_options *options, uint32_t *id)
{
    /* A depth-stencil view has flags before what it shows, the others have a zero behind it. */
    uint32_t flags = type == BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW;
    uint32_t words[8] = {gpu->last_view + 1, options->resource_id, options->format};
    uint32_t *place = &words[4 + flags];

    place[0] = options->mip_level;
    place[1] = options->first_slice;
    place[2] = options->slice_count;
    return pvgpu_create(gpu, type, &gpu->last_view, words, 8, NULL, 0, id);
}

int bg_pvgpu_render_target_view_create(struct bg_pvgpu *gpu,
                                       const struct bg_pvgpu_view_options *options, uint32_t *id)
{
    return pvgpu_create_view(gpu, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, options, id);
}

int bg_pvgpu_render_target_view_destroy(struct bg_pvgpu *gpu, uint32_t id)
{
    return pvgpu_command(gpu, BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW, id, NULL, 0, NULL, 0);
}

int bg_pvgpu_depth_stencil_view_create(struct bg_pvgpu *gpu,
                                       const struct bg_pvgpu_view_options *options, uint32_t *id)
{
    return pvgpu_create_view(gpu, BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, options, id);
}

int bg_pvgpu_depth_stencil_view_destroy(struct bg_pvgpu *gpu, uint32_t id)
{
    return pvgpu_command(gpu, BG_PVGPU_CMD_DESTROY_DEPTH_STENCIL_VIEW, id, NULL, 0, NULL, 0);
}

/* ---- Clears ---- */

int bg_pvgpu_clear_render_target(struct bg_pvgpu *gpu, uint32_t view, const float *rgba)
{
    return pvgpu_command(gpu, BG_PVGPU_CMD_CLEAR_RENDER_TARGET, view, &view, 1, rgba, 4);
}

int bg_pvgpu_clear_depth_stencil(struct bg_pvgpu *gpu, uint32_t view, uint32_t flags,
                                 const float *depth, uint32_t stencil)
{
    uint32_t depth_bits;

    __builtin_memcpy(&depth_bits, depth, sizeof(depth_bits));
    return PVGPU_COMMAND(gpu, BG_PVGPU_CMD_CLEAR_DEPTH_STENCIL, view, view, flags, depth_bits,
                         stencil);
}

/* ---- State ---- */

int bg_pvgpu_set_render_target(struct bg_pvgpu *gpu, uint32_t count, const uint32_t *views,
                               uint32_t depth_stencil_view)
{
    uint32_t words[2 + BG_PVGPU_RENDER_TARGETS_MAX] = {count, depth_stencil_view};

    if (count > BG_PVGPU_RENDER_TARGETS_MAX) {
        return BG_ERR_INVALID;
    }
    for (uint32_t i = 0; i < count; i++) {
        words[2 + i] = views[i];
    }
    return pvgpu_command(gpu, BG_PVGPU_CMD_SET_RENDER_TARGET, 0, words, sizeof(words) / WORD, NULL,
                         0);
}

static int set_list(struct bg_pvgpu *gpu, uint32_t type, uint32_t count, const void *items,
                    uint32_t item_size)
{
    return count <= BG_PVGPU_VIEWPORTS_MAX
               ? pvgpu_command(gpu, type, 0, &count, 1, items, count * item_size / WORD)
               : BG_ERR_INVALID;
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
    return PVGPU_COMMAND(gpu, BG_PVGPU_CMD_PRESENT, texture, texture, sync_interval);
}

int bg_pvgpu_present_region(struct bg_pvgpu *gpu, uint32_t texture, uint32_t sync_interval,
                            uint32_t count, const struct bg_pvgpu_rectangle *rectangles)
{
    const uint32_t before[] = {texture, sync_interval, 0, count};

    if (!bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_REGIONS)) {
        return pvgpu_refuse(gpu);
    }
    if (count == 0 || count > BG_PVGPU_PRESENT_RECTANGLES_MAX) {
        return BG_ERR_INVALID;
    }
    return pvgpu_command(gpu, BG_PVGPU_CMD_PRESENT_REGION, texture, before, 4, rectangles,
                         count * (uint32_t)sizeof(*rectangles) / WORD);
}

int bg_pvgpu_resize_buffers(struct bg_pvgpu *gpu, uint32_t texture, uint32_t width, uint32_t height,
                            uint32_t format, uint32_t buffer_count)
{
    return PVGPU_COMMAND(gpu, BG_PVGPU_CMD_RESIZE_BUFFERS, texture, texture, width, height, format,
                         buffer_count);
}
