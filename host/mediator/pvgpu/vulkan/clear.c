/* SPDX-License-Identifier: BSD-2-Clause */
/* Clears as the wire has them: by the view's format. */
#include "host/mediator/pvgpu/vulkan/format.h"
#include "host/mediator/pvgpu/vulkan/transfer.h"

static struct pvgpu_outcome clear(struct vulkan_renderer *renderer, const struct pvgpu_view *view,
                                  VkImageAspectFlags aspects, VkClearValue value)
{
    if (renderer->lost) {
        return pvgpu_fail(BG_PVGPU_ERROR_DEVICE_LOST);
    }
    vulkan_clear_view(renderer, view, aspects, value);
    return pvgpu_ok();
}

struct pvgpu_outcome vulkan_clear_colour(struct pvgpu_context *context,
                                         const struct pvgpu_view *view, const float colour[4])
{
    const VkClearValue value = {.color = vulkan_format_colour(view->format, colour)};

    return clear(vulkan_of(context), view, VK_IMAGE_ASPECT_COLOR_BIT, value);
}

struct pvgpu_outcome vulkan_clear_depth(struct pvgpu_context *context,
                                        const struct pvgpu_view *view, uint32_t flags, float depth,
                                        uint8_t stencil)
{
    const VkClearValue value = {
        .depthStencil = {.depth = depth > 0 ? (depth < 1 ? depth : 1) : 0, .stencil = stencil}};

    return clear(vulkan_of(context), view,
                 (flags & BG_PVGPU_CLEAR_DEPTH ? VK_IMAGE_ASPECT_DEPTH_BIT : 0) |
                     (flags & BG_PVGPU_CLEAR_STENCIL ? VK_IMAGE_ASPECT_STENCIL_BIT : 0),
                 value);
}
