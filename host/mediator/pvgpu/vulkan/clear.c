/* SPDX-License-Identifier: BSD-2-Clause */
/* Clears are renderings of their own that draw nothing: by the view's format, slices and level. */
#include "host/mediator/pvgpu/vulkan/format.h"
#include "host/mediator/pvgpu/vulkan/transfer.h"

static struct pvgpu_outcome clear(struct vulkan_renderer *renderer, const struct pvgpu_view *view,
                                  VkRenderingInfo *rendering)
{
    const struct pvgpu_level *level = &view->resource->level[view->mip_level];
    struct vulkan_marks *marks = &vulkan_view_of(view)->resource->marks;
    VkCommandBuffer commands;

    if (vulkan_conflicts(renderer, marks, true)) {
        vulkan_barrier(renderer);
    }
    commands = vulkan_record(renderer);
    if (commands == VK_NULL_HANDLE) {
        return pvgpu_fail(BG_PVGPU_ERROR_DEVICE_LOST);
    }
    vulkan_mark(renderer, marks, true);
    rendering->sType = VK_STRUCTURE_TYPE_RENDERING_INFO;
    rendering->renderArea.extent = (VkExtent2D){level->width, level->height};
    rendering->layerCount = view->slice_count;
    renderer->vulkan->vkCmdBeginRendering(commands, rendering);
    renderer->vulkan->vkCmdEndRendering(commands);
    return pvgpu_ok();
}

static VkRenderingAttachmentInfo attachment_of(const struct pvgpu_view *view, bool clears,
                                               VkClearValue value)
{
    return (VkRenderingAttachmentInfo){
        .sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
        .imageView = vulkan_view_of(view)->image,
        .imageLayout = VK_IMAGE_LAYOUT_GENERAL,
        .loadOp = clears ? VK_ATTACHMENT_LOAD_OP_CLEAR : VK_ATTACHMENT_LOAD_OP_LOAD,
        .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
        .clearValue = value,
    };
}

struct pvgpu_outcome vulkan_clear_colour(struct pvgpu_context *context,
                                         const struct pvgpu_view *view, const float colour[4])
{
    const VkClearValue value = {.color = vulkan_format_colour(view->format, colour)};
    const VkRenderingAttachmentInfo attachment = attachment_of(view, true, value);
    VkRenderingInfo rendering = {.colorAttachmentCount = 1, .pColorAttachments = &attachment};

    return clear(vulkan_of(context), view, &rendering);
}

struct pvgpu_outcome vulkan_clear_depth(struct pvgpu_context *context,
                                        const struct pvgpu_view *view, uint32_t flags, float depth,
                                        uint8_t stencil)
{
    const VkClearValue value = {
        .depthStencil = {.depth = depth > 0 ? (depth < 1 ? depth : 1) : 0, .stencil = stencil}};
    const VkRenderingAttachmentInfo depth_part =
        attachment_of(view, flags & BG_PVGPU_CLEAR_DEPTH, value);
    const VkRenderingAttachmentInfo stencil_part =
        attachment_of(view, flags & BG_PVGPU_CLEAR_STENCIL, value);
    VkRenderingInfo rendering = {
        .pDepthAttachment = &depth_part,
        .pStencilAttachment = view->format->stencil ? &stencil_part : NULL,
    };

    return clear(vulkan_of(context), view, &rendering);
}
