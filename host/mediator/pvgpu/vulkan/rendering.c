/* SPDX-License-Identifier: BSD-2-Clause */
/* Renderings to what is bound, and the clears with which they begin. */
#include "host/mediator/pvgpu/vulkan/recorder.h"

/* After so many the GPU begins with what there is of a picture. */
#define DRAWS_MAX 1024u

/* ---- What a rendering is to ---- */

static const struct pvgpu_level *level_of(const struct pvgpu_view *view)
{
    return &view->resource->level[view->mip_level];
}

static struct vulkan_marks *marks_of(const struct pvgpu_view *view)
{
    return &vulkan_view_of(view)->resource->marks;
}

/* A rendering's attachment `i`: colours, then depth. NULL: none is bound there. */
static const struct pvgpu_view *target_at(const struct pvgpu_context *context, uint32_t i)
{
    return i < context->target_count ? context->targets[i] : context->depth_target;
}

/* Of all targets' layers those that all have; their sides are the same. Without attachments. */
static VkRenderingInfo describe(const struct vulkan_renderer *renderer,
                                const struct pvgpu_context *context)
{
    const VkPhysicalDeviceLimits *limits = &renderer->vulkan->properties.limits;
    VkRenderingInfo rendering = {
        .sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
        .renderArea.extent = {limits->maxFramebufferWidth, limits->maxFramebufferHeight},
    };

    for (uint32_t i = 0; i <= context->target_count; i++) {
        const struct pvgpu_view *target = target_at(context, i);

        if (target != NULL) {
            uint32_t layers = target->slice_count;

            rendering.renderArea.extent.width = level_of(target)->width;
            rendering.renderArea.extent.height = level_of(target)->height;
            if (rendering.layerCount == 0 || layers < rendering.layerCount) {
                rendering.layerCount = layers;
            }
        }
    }
    if (rendering.layerCount == 0) { /* no target */
        rendering.layerCount = 1;
    }
    return rendering;
}

/* ---- Attachments ---- */

static struct vulkan_clear *find_clear(struct vulkan_renderer *renderer,
                                       const struct pvgpu_view *view)
{
    for (uint32_t i = 0; i < renderer->clear_count; i++) {
        if (renderer->clears[i].view == view) {
            return &renderer->clears[i];
        }
    }
    return NULL;
}

/* Loaded, unless `clear`, which may be NULL, is of this aspect. */
static VkRenderingAttachmentInfo attach(const struct pvgpu_view *view,
                                        const struct vulkan_clear *clear, VkImageAspectFlags aspect)
{
    bool clears = clear != NULL && clear->aspects & aspect;

    return (VkRenderingAttachmentInfo){
        .sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
        .imageView = view != NULL ? vulkan_view_of(view)->image : VK_NULL_HANDLE,
        .imageLayout = VK_IMAGE_LAYOUT_GENERAL,
        .loadOp = clears ? VK_ATTACHMENT_LOAD_OP_CLEAR : VK_ATTACHMENT_LOAD_OP_LOAD,
        .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
        .clearValue = clears ? clear->value : (VkClearValue){.color = {.float32 = {0}}},
    };
}

/* Begins a rendering to these, of which any may be NULL; their clears are part of it. */
static void begin(struct vulkan_renderer *renderer, const VkRenderingInfo *described,
                  const struct pvgpu_view *const *targets, uint32_t count,
                  const struct pvgpu_view *depth)
{
    const struct vulkan_clear *depth_clear = find_clear(renderer, depth);
    VkRenderingAttachmentInfo colours[BG_PVGPU_RENDER_TARGETS_MAX];
    VkRenderingAttachmentInfo depths = attach(depth, depth_clear, VK_IMAGE_ASPECT_DEPTH_BIT);
    VkRenderingAttachmentInfo stencils = attach(depth, depth_clear, VK_IMAGE_ASPECT_STENCIL_BIT);
    VkRenderingInfo rendering = *described;

    for (uint32_t i = 0; i < count; i++) {
        colours[i] =
            attach(targets[i], find_clear(renderer, targets[i]), VK_IMAGE_ASPECT_COLOR_BIT);
    }
    rendering.colorAttachmentCount = count;
    rendering.pColorAttachments = colours;
    rendering.pDepthAttachment = depth != NULL ? &depths : NULL;
    rendering.pStencilAttachment = depth != NULL && depth->format->stencil ? &stencils : NULL;
    renderer->vulkan->vkCmdBeginRendering(vulkan_record_on(renderer), &rendering);
    renderer->rendering = true;
}

/* ---- Clears ---- */

static void do_clear(struct vulkan_renderer *renderer, const struct vulkan_clear *clear)
{
    const struct pvgpu_view *view = clear->view;
    bool is_colour = clear->aspects & VK_IMAGE_ASPECT_COLOR_BIT;
    const VkRenderingInfo rendering = {
        .sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
        .renderArea.extent = {level_of(view)->width, level_of(view)->height},
        .layerCount = view->slice_count,
    };

    if (vulkan_conflicts(renderer, marks_of(view), true)) {
        vulkan_barrier(renderer);
    }
    if (vulkan_record(renderer) != VK_NULL_HANDLE) {
        vulkan_mark(renderer, marks_of(view), true);
        begin(renderer, &rendering, &view, is_colour ? 1 : 0, is_colour ? NULL : view);
        vulkan_end_rendering(renderer);
    }
}

void vulkan_do_clears(struct vulkan_renderer *renderer)
{
    for (uint32_t i = 0; i < renderer->clear_count; i++) {
        do_clear(renderer, &renderer->clears[i]);
    }
    renderer->clear_count = 0;
}

/* By another view: which of both comes first counts. */
static bool has_clear_of(const struct vulkan_renderer *renderer,
                         const struct pvgpu_resource *resource)
{
    for (uint32_t i = 0; i < renderer->clear_count; i++) {
        if (renderer->clears[i].view->resource == resource) {
            return true;
        }
    }
    return false;
}

static void take_value(struct vulkan_clear *clear, VkImageAspectFlags aspects, VkClearValue value)
{
    clear->aspects |= aspects;
    if (aspects & VK_IMAGE_ASPECT_COLOR_BIT) {
        clear->value = value;
    }
    if (aspects & VK_IMAGE_ASPECT_DEPTH_BIT) {
        clear->value.depthStencil.depth = value.depthStencil.depth;
    }
    if (aspects & VK_IMAGE_ASPECT_STENCIL_BIT) {
        clear->value.depthStencil.stencil = value.depthStencil.stencil;
    }
}

void vulkan_clear_view(struct vulkan_renderer *renderer, const struct pvgpu_view *view,
                       VkImageAspectFlags aspects, VkClearValue value)
{
    struct vulkan_clear *clear = find_clear(renderer, view);

    vulkan_end_rendering(renderer);
    if (clear == NULL) {
        if (renderer->clear_count == VULKAN_CLEARS_MAX || has_clear_of(renderer, view->resource)) {
            vulkan_do_clears(renderer);
        }
        clear = &renderer->clears[renderer->clear_count++];
        *clear = (struct vulkan_clear){.view = view};
    }
    take_value(clear, aspects, value);
}

/* Whether a rendering of so many layers to what is bound clears all of the view. */
static bool begins(const struct vulkan_clear *clear, const struct pvgpu_context *context,
                   uint32_t layers)
{
    for (uint32_t i = 0; i <= context->target_count; i++) {
        if (target_at(context, i) == clear->view) {
            return clear->view->slice_count == layers;
        }
    }
    return false;
}

/* All that cannot be part of a rendering to what is bound. */
static void do_other_clears(struct vulkan_renderer *renderer, const struct pvgpu_context *context)
{
    uint32_t layers = describe(renderer, context).layerCount, kept = 0;

    for (uint32_t i = 0; i < renderer->clear_count; i++) {
        if (begins(&renderer->clears[i], context, layers)) {
            renderer->clears[kept++] = renderer->clears[i];
        } else {
            do_clear(renderer, &renderer->clears[i]);
        }
    }
    renderer->clear_count = kept;
}

/* ---- Draws ---- */

static bool targets_conflict(const struct vulkan_renderer *renderer,
                             const struct pvgpu_context *context)
{
    for (uint32_t i = 0; i <= context->target_count; i++) {
        const struct pvgpu_view *target = target_at(context, i);

        if (target != NULL && vulkan_conflicts(renderer, marks_of(target), true)) {
            return true;
        }
    }
    return false;
}

bool vulkan_targets_conflict(struct vulkan_renderer *renderer, const struct pvgpu_context *context)
{
    if (renderer->draws >= DRAWS_MAX) {
        vulkan_submit(renderer); /* the targets go on in another rendering */
    }
    if (renderer->rendering) {
        return false;
    }
    if (renderer->clear_count > 0) {
        do_other_clears(renderer, context);
    }
    return targets_conflict(renderer, context);
}

static void begin_rendering(struct vulkan_renderer *renderer, const struct pvgpu_context *context)
{
    const VkRenderingInfo rendering = describe(renderer, context);
    const struct pvgpu_view *targets[BG_PVGPU_RENDER_TARGETS_MAX];

    for (uint32_t i = 0; i < context->target_count; i++) {
        targets[i] = context->targets[i];
    }
    for (uint32_t i = 0; i <= context->target_count; i++) {
        if (target_at(context, i) != NULL) {
            vulkan_mark(renderer, marks_of(target_at(context, i)), true);
        }
    }
    begin(renderer, &rendering, targets, context->target_count, context->depth_target);
    renderer->clear_count = 0;
}

VkCommandBuffer vulkan_record_draw(struct vulkan_renderer *renderer,
                                   const struct pvgpu_context *context)
{
    VkCommandBuffer commands = vulkan_record_on(renderer);

    if (commands == VK_NULL_HANDLE) {
        return VK_NULL_HANDLE;
    }
    if (!renderer->rendering) {
        begin_rendering(renderer, context);
    }
    renderer->draws++;
    return commands;
}
