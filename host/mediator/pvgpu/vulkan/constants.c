/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Constant buffers that are written between draws, as Direct3D's WRITE_DISCARD has them: the new
 * contents lie in memory of the batch, where nobody reads yet, until its end.
 */
#include <string.h>

#include "host/mediator/pvgpu/vulkan/draw.h"
#include "host/mediator/pvgpu/vulkan/resource.h"

/* Of a batch: what it needed so far, and at most a kilobyte for each of its draws. */
#define SIZE_LEAST (64u << 10)
#define SIZE_MOST (1u << 20)
/* No device's minUniformBufferOffsetAlignment is more. */
#define ALIGN 256u

/* Memory twice as large in the place of the old, which stays for as long as it is read. */
static bool grow(struct vulkan_renderer *renderer)
{
    struct vulkan_batch *batch = vulkan_batch_of(renderer);
    uint64_t size = batch->constants.size != 0 ? batch->constants.size * 2 : SIZE_LEAST;
    struct vulkan_stage larger;

    if (size > SIZE_MOST || vulkan_stage_make(renderer, size, &larger).code != BG_PVGPU_OK) {
        return false;
    }
    vulkan_stage_discard(renderer, &batch->constants);
    batch->constants = larger;
    batch->constants_used = 0;
    return true;
}

/* In the batch's memory, aligned. False: there is no room. */
static bool take_place(struct vulkan_renderer *renderer, uint32_t size, uint32_t *at)
{
    struct vulkan_batch *batch = vulkan_batch_of(renderer);

    size = (size + ALIGN - 1) & ~(ALIGN - 1);
    if (batch->constants.size - batch->constants_used < size && !grow(renderer)) {
        return false;
    }
    *at = batch->constants_used;
    batch->constants_used += size;
    return true;
}

bool vulkan_rename(struct vulkan_renderer *renderer, const struct pvgpu_resource *resource,
                   const uint8_t *bytes)
{
    struct vulkan_resource *renamed = vulkan_resource_of(resource);

    if (!renderer->rendering || resource->size > BG_PVGPU_CONSTANT_BUFFER_SIZE_MAX ||
        !take_place(renderer, (uint32_t)resource->size, &renamed->renamed_at)) {
        return false;
    }
    if (renamed->renamed == VK_NULL_HANDLE) {
        renamed->next_renamed = renderer->renamed;
        renderer->renamed = renamed;
    }
    renamed->renamed = vulkan_batch_of(renderer)->constants.buffer;
    renamed->renamed_size = (uint32_t)resource->size;
    memcpy(vulkan_batch_of(renderer)->constants.bytes + renamed->renamed_at, bytes, resource->size);
    vulkan_draw_follow_constants(renderer, renamed);
    return true;
}

VkDescriptorBufferInfo vulkan_find_constants(const struct vulkan_resource *resource)
{
    return resource->renamed != VK_NULL_HANDLE
               ? (VkDescriptorBufferInfo){.buffer = resource->renamed,
                                          .offset = resource->renamed_at}
               : (VkDescriptorBufferInfo){.buffer = resource->buffer};
}

void vulkan_forget_renamed(struct vulkan_renderer *renderer, struct vulkan_resource *resource)
{
    struct vulkan_resource **link = &renderer->renamed;

    if (resource->renamed == VK_NULL_HANDLE) {
        return;
    }
    while (*link != resource) {
        link = &(*link)->next_renamed;
    }
    *link = resource->next_renamed;
    resource->renamed = VK_NULL_HANDLE;
}

void vulkan_settle(struct vulkan_renderer *renderer, struct vulkan_resource *resource)
{
    const VkBufferCopy copy = {resource->renamed_at, 0, resource->renamed_size};
    VkBuffer from = resource->renamed;
    VkCommandBuffer commands;

    if (from == VK_NULL_HANDLE) {
        return;
    }
    vulkan_forget_renamed(renderer, resource);
    vulkan_draw_follow_constants(renderer, resource);
    if (vulkan_conflicts(renderer, &resource->marks, true)) {
        vulkan_barrier(renderer);
    }
    commands = vulkan_record(renderer);
    if (commands != VK_NULL_HANDLE) {
        vulkan_mark(renderer, &resource->marks, true);
        renderer->vulkan->vkCmdCopyBuffer(commands, from, resource->buffer, 1, &copy);
    }
}

void vulkan_settle_all(struct vulkan_renderer *renderer)
{
    while (renderer->renamed != NULL) {
        vulkan_settle(renderer, renderer->renamed);
    }
}

void vulkan_discard_constants(struct vulkan_renderer *renderer)
{
    for (uint32_t i = 0; i < VULKAN_BATCHES; i++) {
        vulkan_stage_discard(renderer, &renderer->batches[i].constants);
        renderer->batches[i].constants = (struct vulkan_stage){.size = 0};
        renderer->batches[i].constants_used = 0;
    }
}
