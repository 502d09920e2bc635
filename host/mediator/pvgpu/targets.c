/* SPDX-License-Identifier: BSD-2-Clause */
/* pvgpu's commands about targets: what is bound, viewports, scissors, clears. */
#include <math.h>
#include <string.h>

#include "host/mediator/pvgpu/context.h"

static struct pvgpu_view *find_view(const struct pvgpu_context *context, uint32_t id, uint32_t bind)
{
    struct pvgpu_view *view = pvgpu_ids_find(&context->views, id);

    return view != NULL && view->bind == bind ? view : NULL;
}

static const struct pvgpu_level *level_of(const struct pvgpu_view *view)
{
    return &view->resource->level[view->mip_level];
}

/* In texels and samples. */
static bool same_size(const struct pvgpu_view *a, const struct pvgpu_view *b)
{
    return a == NULL || b == NULL ||
           (level_of(a)->width == level_of(b)->width &&
            level_of(a)->height == level_of(b)->height &&
            a->resource->samples == b->resource->samples);
}

PVGPU_HANDLER(bg_pvgpu_set_render_target)
{
    const struct bg_pvgpu_set_render_target *set = command;
    struct pvgpu_view *targets[BG_PVGPU_RENDER_TARGETS_MAX] = {NULL};
    struct pvgpu_view *depth = NULL, *first = NULL;

    (void)size;
    if (set->count > BG_PVGPU_RENDER_TARGETS_MAX) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    for (uint32_t i = 0; i < set->count; i++) {
        if (!set->rtv[i]) {
            continue;
        }
        targets[i] = find_view(context, set->rtv[i], BG_PVGPU_BIND_RENDER_TARGET);
        if (targets[i] == NULL) {
            return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
        }
        if (!same_size(first, targets[i])) {
            return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
        }
        first = targets[i];
    }
    if (set->dsv) {
        depth = find_view(context, set->dsv, BG_PVGPU_BIND_DEPTH_STENCIL);
        if (depth == NULL) {
            return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
        }
        if (!same_size(first, depth)) {
            return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
        }
    }
    if (memcmp(context->targets, targets, sizeof(targets)) != 0 || context->depth_target != depth ||
        context->target_count != set->count) {
        memcpy(context->targets, targets, sizeof(targets));
        context->depth_target = depth;
        context->target_count = set->count;
        context->renderer->ops->set_targets(context);
    }
    return pvgpu_ok();
}

/* Whether a command of `size` bytes has so many elements behind its count. */
static bool has_elements(uint32_t size, size_t fixed, uint32_t count, size_t element)
{
    return count <= BG_PVGPU_VIEWPORTS_MAX && size >= fixed + count * element;
}

static bool viewport_is_sound(const struct bg_pvgpu_viewport *viewport)
{
    return isfinite(viewport->x) && isfinite(viewport->y) && isfinite(viewport->width) &&
           isfinite(viewport->height) && viewport->width >= 0 && viewport->height >= 0 &&
           viewport->min_depth >= 0 && viewport->min_depth <= viewport->max_depth &&
           viewport->max_depth <= 1;
}

PVGPU_HANDLER(bg_pvgpu_set_viewport)
{
    const struct bg_pvgpu_set_viewport *set = command;

    if (set->count > BG_PVGPU_VIEWPORTS_MAX) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (!has_elements(size, offsetof(struct bg_pvgpu_set_viewport, viewports), set->count,
                      sizeof(set->viewports[0]))) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_COMMAND);
    }
    for (uint32_t i = 0; i < set->count; i++) {
        if (!viewport_is_sound(&set->viewports[i])) {
            return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
        }
    }
    context->viewport_count = set->count;
    context->view_ports++;
    memcpy(context->viewports, set->viewports, set->count * sizeof(set->viewports[0]));
    return pvgpu_ok();
}

PVGPU_HANDLER(bg_pvgpu_set_scissor)
{
    const struct bg_pvgpu_set_scissor *set = command;

    if (set->count > BG_PVGPU_VIEWPORTS_MAX) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (!has_elements(size, offsetof(struct bg_pvgpu_set_scissor, rectangles), set->count,
                      sizeof(set->rectangles[0]))) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_COMMAND);
    }
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->rectangles[i].left > set->rectangles[i].right ||
            set->rectangles[i].top > set->rectangles[i].bottom) {
            return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
        }
    }
    context->scissor_count = set->count;
    context->view_ports++;
    memcpy(context->scissors, set->rectangles, set->count * sizeof(set->rectangles[0]));
    return pvgpu_ok();
}

PVGPU_HANDLER(bg_pvgpu_clear_render_target)
{
    const struct bg_pvgpu_clear_render_target *clear = command;
    const struct pvgpu_view *view = find_view(
        context, clear->rtv ? clear->rtv : clear->header.resource_id, BG_PVGPU_BIND_RENDER_TARGET);

    (void)size;
    if (view == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    }
    return context->renderer->ops->clear_colour(context, view, clear->colour);
}

PVGPU_HANDLER(bg_pvgpu_clear_depth_stencil)
{
    const struct bg_pvgpu_clear_depth_stencil *clear = command;
    const struct pvgpu_view *view = find_view(
        context, clear->dsv ? clear->dsv : clear->header.resource_id, BG_PVGPU_BIND_DEPTH_STENCIL);
    uint32_t flags = clear->clear_flags;

    (void)size;
    if (view == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    }
    if (flags & ~(BG_PVGPU_CLEAR_DEPTH | BG_PVGPU_CLEAR_STENCIL)) {
        return pvgpu_fail(BG_PVGPU_ERROR_INVALID_PARAMETER);
    }
    if (!view->format->stencil) {
        flags &= ~BG_PVGPU_CLEAR_STENCIL;
    }
    if (!flags) {
        return pvgpu_ok();
    }
    return context->renderer->ops->clear_depth(context, view, flags, clear->depth,
                                               (uint8_t)clear->stencil);
}
