/* SPDX-License-Identifier: BSD-2-Clause */
/* Buffers, images and views: the renderer's functions about them (../renderer.h). */
#ifndef MEDIATOR_PVGPU_VULKAN_RESOURCE_H
#define MEDIATOR_PVGPU_VULKAN_RESOURCE_H

#include "host/mediator/pvgpu/vulkan/recorder.h"

struct pvgpu_outcome vulkan_create(struct pvgpu_context *context, struct pvgpu_resource *resource);
void vulkan_destroy(struct pvgpu_context *context, struct pvgpu_resource *resource);
bool vulkan_has(struct pvgpu_context *context, const struct pvgpu_resource *resource);
struct pvgpu_outcome vulkan_create_view(struct pvgpu_context *context, struct pvgpu_view *view);
void vulkan_destroy_view(struct pvgpu_context *context, struct pvgpu_view *view);

/* To copy from and to, and for shaders' constants. */
struct pvgpu_outcome vulkan_stage_make(struct vulkan_renderer *renderer, uint64_t size,
                                       struct vulkan_stage *stage);
/* When what was recorded with it has ended. */
void vulkan_stage_discard(struct vulkan_renderer *renderer, const struct vulkan_stage *stage);

/* Host memory, which stays, as a buffer; `address` aligned to the device's import_alignment. False:
 * the device cannot. */
bool vulkan_import(const struct vulkan *vulkan, void *address, uint64_t size, VkBuffer *buffer,
                   VkDeviceMemory *memory);

#endif
