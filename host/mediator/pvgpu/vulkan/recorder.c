/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/vulkan/recorder.h"

#include <stdio.h>
#include <stdlib.h>

#include "host/mediator/pvgpu/vulkan/waiter.h"

#define LOOKS_PER_ANSWER 16u

/* ---- Results ---- */

static bool is_out_of_memory(VkResult result)
{
    return result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
           result == VK_ERROR_TOO_MANY_OBJECTS || result == VK_ERROR_FRAGMENTED_POOL ||
           result == VK_ERROR_FRAGMENTATION || result == VK_ERROR_OUT_OF_POOL_MEMORY;
}

static struct pvgpu_outcome lose(struct vulkan_renderer *renderer, VkResult result,
                                 const char *what)
{
    struct gpu *gpu = renderer->session->gpu;

    renderer->lost = gpu->lost = true;
    if (result == VK_ERROR_DEVICE_LOST) {
        snprintf(gpu->error, sizeof(gpu->error), "Vulkan: %s: the device is lost", what);
    } else {
        snprintf(gpu->error, sizeof(gpu->error), "Vulkan: %s: error %d", what, (int)result);
    }
    return pvgpu_fail(BG_PVGPU_ERROR_DEVICE_LOST);
}

struct pvgpu_outcome vulkan_check(struct vulkan_renderer *renderer, VkResult result,
                                  const char *what)
{
    if (result == VK_SUCCESS) {
        return pvgpu_ok();
    }
    if (is_out_of_memory(result)) {
        return pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    if (result == VK_ERROR_FORMAT_NOT_SUPPORTED) {
        return pvgpu_fail(BG_PVGPU_ERROR_UNSUPPORTED_FORMAT);
    }
    return lose(renderer, result, what);
}

/* Of a call without which nothing goes on. */
static bool must(struct vulkan_renderer *renderer, VkResult result, const char *what)
{
    if (result != VK_SUCCESS) {
        lose(renderer, result, what);
    }
    return result == VK_SUCCESS;
}

/* ---- Memory ---- */

static int find_type(const struct vulkan *vulkan, uint32_t allowed, VkMemoryPropertyFlags wanted)
{
    for (uint32_t i = 0; i < vulkan->memory.memoryTypeCount; i++) {
        VkMemoryPropertyFlags has = vulkan->memory.memoryTypes[i].propertyFlags;

        if (allowed & 1u << i && (has & wanted) == wanted &&
            !(has & (VK_MEMORY_PROPERTY_PROTECTED_BIT | VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT))) {
            return (int)i;
        }
    }
    return -1;
}

VkResult vulkan_allocate(const struct vulkan *vulkan, const VkMemoryRequirements *needs,
                         VkMemoryPropertyFlags wanted, VkDeviceMemory *memory)
{
    const VkMemoryPropertyFlags needed =
        wanted & (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
    int type = find_type(vulkan, needs->memoryTypeBits, wanted);

    if (type < 0) {
        type = find_type(vulkan, needs->memoryTypeBits, needed);
    }
    if (type < 0) {
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    const VkMemoryAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                           .allocationSize = needs->size,
                                           .memoryTypeIndex = (uint32_t)type};
    return vulkan->vkAllocateMemory(vulkan->device, &allocate, NULL, memory);
}

/* ---- Garbage ---- */

static void destroy(const struct vulkan *vulkan, const struct vulkan_garbage *garbage)
{
    switch (garbage->type) {
#define DESTROY(type, name)                                                                        \
    case VK_OBJECT_TYPE_##type:                                                                    \
        vulkan->vk##name(vulkan->device, (void *)(uintptr_t)garbage->handle, NULL);                \
        break;
        DESTROY(BUFFER, DestroyBuffer)
        DESTROY(BUFFER_VIEW, DestroyBufferView)
        DESTROY(DESCRIPTOR_POOL, DestroyDescriptorPool)
        DESTROY(DESCRIPTOR_SET_LAYOUT, DestroyDescriptorSetLayout)
        DESTROY(DEVICE_MEMORY, FreeMemory)
        DESTROY(IMAGE, DestroyImage)
        DESTROY(IMAGE_VIEW, DestroyImageView)
        DESTROY(PIPELINE, DestroyPipeline)
        DESTROY(PIPELINE_LAYOUT, DestroyPipelineLayout)
        DESTROY(SAMPLER, DestroySampler)
        DESTROY(SHADER_MODULE, DestroyShaderModule)
#undef DESTROY
    default:
        abort();
    }
}

static void throw_away(struct vulkan_renderer *renderer, const struct vulkan_garbage *garbage)
{
    destroy(renderer->vulkan, garbage);
    session_release(renderer->session, garbage->charged);
}

static void collect(struct vulkan_renderer *renderer)
{
    while (renderer->garbage_count > 0) {
        const struct vulkan_garbage *oldest = &renderer->garbage[renderer->garbage_first];

        if (oldest->submission > renderer->done) {
            return;
        }
        throw_away(renderer, oldest);
        renderer->garbage_first = (renderer->garbage_first + 1) % renderer->garbage_capacity;
        renderer->garbage_count--;
    }
}

/* The ring is full: one twice as large, from its start on. */
static bool grow_garbage(struct vulkan_renderer *renderer)
{
    uint32_t capacity = renderer->garbage_capacity ? renderer->garbage_capacity * 2 : 256;
    struct vulkan_garbage *garbage = calloc(capacity, sizeof(*garbage));

    if (garbage == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < renderer->garbage_count; i++) {
        garbage[i] = renderer->garbage[(renderer->garbage_first + i) % renderer->garbage_capacity];
    }
    free(renderer->garbage);
    renderer->garbage = garbage;
    renderer->garbage_first = 0;
    renderer->garbage_capacity = capacity;
    return true;
}

void vulkan_discard(struct vulkan_renderer *renderer, VkObjectType type, uint64_t handle,
                    uint64_t charged)
{
    const struct vulkan_garbage garbage = {
        .type = type,
        .handle = handle,
        .charged = charged,
        .submission = renderer->submitted + renderer->recording,
    };

    if (handle == 0) {
        session_release(renderer->session, charged);
        return;
    }
    if (garbage.submission > renderer->done &&
        (renderer->garbage_count < renderer->garbage_capacity || grow_garbage(renderer))) {
        renderer->garbage[(renderer->garbage_first + renderer->garbage_count++) %
                          renderer->garbage_capacity] = garbage;
        return;
    }
    vulkan_wait(renderer, vulkan_submit(renderer));
    throw_away(renderer, &garbage);
}

/* ---- Recording ---- */

static bool open_batch(struct vulkan_renderer *renderer, struct vulkan_batch *batch)
{
    const struct vulkan *vulkan = renderer->vulkan;
    const VkCommandPoolCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
        .queueFamilyIndex = vulkan->family,
    };
    VkCommandBufferAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };

    if (!must(renderer, vulkan->vkCreateCommandPool(vulkan->device, &create, NULL, &batch->pool),
              "vkCreateCommandPool")) {
        return false;
    }
    allocate.commandPool = batch->pool;
    return must(renderer,
                vulkan->vkAllocateCommandBuffers(vulkan->device, &allocate, &batch->commands),
                "vkAllocateCommandBuffers");
}

/* What was submitted with it before has ended, after a wait perhaps. */
static bool begin_batch(struct vulkan_renderer *renderer)
{
    const struct vulkan *vulkan = renderer->vulkan;
    struct vulkan_batch *batch = vulkan_batch_of(renderer);
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                            .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};

    vulkan_wait(renderer, batch->submission);
    if (renderer->lost || (batch->pool == VK_NULL_HANDLE && !open_batch(renderer, batch))) {
        return false;
    }
    if (batch->descriptors != VK_NULL_HANDLE) {
        vulkan->vkResetDescriptorPool(vulkan->device, batch->descriptors, 0);
    }
    if (!must(renderer, vulkan->vkResetCommandPool(vulkan->device, batch->pool, 0),
              "vkResetCommandPool") ||
        !must(renderer, vulkan->vkBeginCommandBuffer(batch->commands, &begin),
              "vkBeginCommandBuffer")) {
        return false;
    }
    renderer->recording = true;
    renderer->recordings++;
    renderer->draws = 0;
    batch->constants_used = 0;
    renderer->host_reads = false;
    return true;
}

void vulkan_end_rendering(struct vulkan_renderer *renderer)
{
    if (renderer->rendering) {
        vulkan_end_run(renderer);
        renderer->vulkan->vkCmdEndRendering(vulkan_batch_of(renderer)->commands);
        renderer->rendering = false;
    }
}

VkCommandBuffer vulkan_record_on(struct vulkan_renderer *renderer)
{
    if (renderer->lost || (!renderer->recording && !begin_batch(renderer))) {
        return VK_NULL_HANDLE;
    }
    return vulkan_batch_of(renderer)->commands;
}

VkCommandBuffer vulkan_record(struct vulkan_renderer *renderer)
{
    VkCommandBuffer commands = vulkan_record_on(renderer);

    if (commands != VK_NULL_HANDLE) {
        vulkan_end_rendering(renderer);
    }
    return commands;
}

/* ---- Barriers ---- */

bool vulkan_conflicts(const struct vulkan_renderer *renderer, const struct vulkan_marks *marks,
                      bool write)
{
    return marks->written == renderer->epoch || (write && marks->read == renderer->epoch);
}

void vulkan_mark(struct vulkan_renderer *renderer, struct vulkan_marks *marks, bool write)
{
    *(write ? &marks->written : &marks->read) = renderer->epoch;
}

static void record_barrier(struct vulkan_renderer *renderer, VkPipelineStageFlags2 stages,
                           VkAccessFlags2 access)
{
    const VkMemoryBarrier2 barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
        .srcStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
        .srcAccessMask = VK_ACCESS_2_MEMORY_WRITE_BIT,
        .dstStageMask = stages,
        .dstAccessMask = access,
    };
    const VkDependencyInfo dependency = {.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
                                         .memoryBarrierCount = 1,
                                         .pMemoryBarriers = &barrier};

    renderer->vulkan->vkCmdPipelineBarrier2(vulkan_batch_of(renderer)->commands, &dependency);
}

void vulkan_barrier(struct vulkan_renderer *renderer)
{
    if (vulkan_record(renderer) != VK_NULL_HANDLE) {
        record_barrier(renderer, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
                       VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT);
        renderer->epoch++;
    }
}

/* ---- Submission ---- */

/* What computes on the heap comes first, where it came first. */
static void finish_computing(struct vulkan_renderer *renderer)
{
    if (renderer->session->gpu->async_pending) {
        gpu_finish(renderer->session->gpu);
    }
}

uint64_t vulkan_submit(struct vulkan_renderer *renderer)
{
    const struct vulkan *vulkan = renderer->vulkan;
    struct vulkan_batch *batch = vulkan_batch_of(renderer);
    VkCommandBufferSubmitInfo commands = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO};
    const VkSemaphoreSubmitInfo signal = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
        .semaphore = vulkan->timeline,
        .value = renderer->submitted + 1,
        .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
    };
    const VkSubmitInfo2 submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
        .commandBufferInfoCount = 1,
        .pCommandBufferInfos = &commands,
        .signalSemaphoreInfoCount = 1,
        .pSignalSemaphoreInfos = &signal,
    };

    vulkan_do_clears(renderer);
    if (renderer->lost || !renderer->recording) {
        return renderer->submitted;
    }
    finish_computing(renderer);
    vulkan_settle_all(renderer);
    vulkan_end_rendering(renderer);
    if (renderer->host_reads) {
        record_barrier(renderer, VK_PIPELINE_STAGE_2_HOST_BIT, VK_ACCESS_2_HOST_READ_BIT);
    }
    renderer->recording = false;
    commands.commandBuffer = batch->commands;
    if (!must(renderer, vulkan->vkEndCommandBuffer(batch->commands), "vkEndCommandBuffer") ||
        !must(renderer, vulkan->vkQueueSubmit2(vulkan->queue, 1, &submit, VK_NULL_HANDLE),
              "vkQueueSubmit2")) {
        return renderer->submitted;
    }
    batch->submission = ++renderer->submitted;
    renderer->batch = (renderer->batch + 1) % VULKAN_BATCHES;
    vulkan_waiter_want(vulkan->waiter, renderer->submitted);
    return renderer->submitted;
}

/* A driver's answer takes a lock of its: not each look at the ring is worth one. */
static bool may_be_done(struct vulkan_renderer *renderer, uint64_t submission)
{
    return submission > renderer->done && !renderer->lost &&
           (vulkan_waiter_seen(renderer->vulkan->waiter) > renderer->done ||
            ++renderer->looks % LOOKS_PER_ANSWER == 0);
}

bool vulkan_is_done(struct vulkan_renderer *renderer, uint64_t submission)
{
    const struct vulkan *vulkan = renderer->vulkan;

    if (may_be_done(renderer, submission) &&
        must(renderer,
             vulkan->vkGetSemaphoreCounterValue(vulkan->device, vulkan->timeline, &renderer->done),
             "vkGetSemaphoreCounterValue")) {
        collect(renderer);
    }
    return submission <= renderer->done || renderer->lost;
}

void vulkan_wait(struct vulkan_renderer *renderer, uint64_t submission)
{
    const struct vulkan *vulkan = renderer->vulkan;
    const VkSemaphoreWaitInfo wait = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
        .semaphoreCount = 1,
        .pSemaphores = &vulkan->timeline,
        .pValues = &submission,
    };

    if (!vulkan_is_done(renderer, submission) &&
        must(renderer, vulkan->vkWaitSemaphores(vulkan->device, &wait, UINT64_MAX),
             "vkWaitSemaphores")) {
        renderer->done = submission;
        collect(renderer);
    }
}

void vulkan_settle_heap(struct vulkan_renderer *renderer)
{
    if (renderer->heap.written > renderer->submitted) {
        vulkan_submit(renderer);
    }
    vulkan_wait(renderer, renderer->heap.written);
    finish_computing(renderer);
}

bool vulkan_heap_is_settled(const struct vulkan_renderer *renderer)
{
    return renderer->heap.written <= renderer->done && !renderer->session->gpu->async_pending;
}
