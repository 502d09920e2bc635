/* SPDX-License-Identifier: BSD-2-Clause */
/* DXGI's formats as Vulkan's. Pure, but for what the device has. */
#ifndef MEDIATOR_PVGPU_VULKAN_FORMAT_H
#define MEDIATOR_PVGPU_VULKAN_FORMAT_H

#include "host/mediator/pvgpu/format.h"
#include "host/mediator/pvgpu/vulkan/device.h"

/* VK_FORMAT_UNDEFINED: there is none. Depth with stencil where the device has no such format of 24
 * bits: one of 32. */
VkFormat vulkan_format_find(const struct vulkan *vulkan, uint32_t number);

VkImageAspectFlags vulkan_format_aspects(const struct pvgpu_format_info *format);

/* The colour as a view of this format is cleared to it (bg_pvgpu_clear_render_target). */
VkClearColorValue vulkan_format_colour(const struct pvgpu_format_info *format,
                                       const float colour[4]);

/* Texels of depth with stencil, of `size` bytes as the heap has them, from and to what a copy of
 * each aspect has: a word of depth in the image's format, and a byte. */
void vulkan_format_split(VkFormat format, uint32_t size, const uint8_t *texels, uint32_t count,
                         uint32_t *depth, uint8_t *stencil);
void vulkan_format_join(VkFormat format, uint32_t size, const uint32_t *depth,
                        const uint8_t *stencil, uint32_t count, uint8_t *texels);

#endif
