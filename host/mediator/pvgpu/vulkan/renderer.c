/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/vulkan/renderer.h"

#include <stdio.h>
#include <stdlib.h>

#include "host/mediator/pvgpu/vulkan/draw.h"
#include "host/mediator/pvgpu/vulkan/recorder.h"
#include "host/mediator/pvgpu/vulkan/resource.h"
#include "host/mediator/pvgpu/vulkan/transfer.h"
#include "host/mediator/pvgpu/vulkan/waiter.h"

static void set_targets(struct pvgpu_context *context)
{
    vulkan_end_rendering(vulkan_of(context));
    vulkan_draw_follow_targets(vulkan_of(context));
}

static void reset(struct pvgpu_context *context)
{
    vulkan_draw_reset(vulkan_of(context));
    vulkan_discard_constants(vulkan_of(context));
}

/* ---- Order ---- */

static uint64_t submit(struct pvgpu_context *context)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    uint64_t submission = vulkan_submit(renderer);

    return vulkan_is_done(renderer, submission) ? 0 : submission;
}

static bool is_done(struct pvgpu_context *context, uint64_t submission)
{
    return vulkan_is_done(vulkan_of(context), submission);
}

static struct pvgpu_outcome finish(struct pvgpu_context *context)
{
    struct vulkan_renderer *renderer = vulkan_of(context);

    vulkan_wait(renderer, vulkan_submit(renderer));
    if (renderer->lost) {
        return pvgpu_fail(BG_PVGPU_ERROR_DEVICE_LOST);
    }
    return pvgpu_memory_renderer.ops->finish(context); /* what computed */
}

static const struct pvgpu_renderer_ops ops = {
    .create = vulkan_create,
    .destroy = vulkan_destroy,
    .create_view = vulkan_create_view,
    .destroy_view = vulkan_destroy_view,
    .set_targets = set_targets,
    .upload = vulkan_upload,
    .read = vulkan_read,
    .copy = vulkan_copy,
    .clear_colour = vulkan_clear_colour,
    .clear_depth = vulkan_clear_depth,
    .share = vulkan_share,
    .unshare = vulkan_unshare,
    .show = vulkan_show,
    .submit = submit,
    .is_done = is_done,
    .finish = finish,
    .draws = true,
    .commands = vulkan_draw_commands,
    .command_count = VULKAN_DRAW_COMMANDS,
    .has = vulkan_has,
    .adopt = vulkan_adopt,
    .reset = reset,
};

/* ---- Create, destroy ---- */

struct pvgpu_renderer *vulkan_renderer_create(struct vulkan *vulkan, struct session *session,
                                              void *memory, uint64_t size, uint64_t heap_offset,
                                              char reason[VULKAN_REASON_SIZE])
{
    struct vulkan_renderer *renderer = calloc(1, sizeof(*renderer));

    if (renderer == NULL) {
        snprintf(reason, VULKAN_REASON_SIZE, "out of memory");
        return NULL;
    }
    renderer->base.ops = &ops;
    renderer->vulkan = vulkan;
    renderer->session = session;
    renderer->epoch = 1;
    renderer->heap.memory = (uint8_t *)memory + heap_offset;
    renderer->heap.offset = heap_offset;
    /* Without it the copies take a way more, and work. */
    vulkan_import(vulkan, memory, size, &renderer->heap.buffer, &renderer->heap.imported);
    if (vulkan->vkGetSemaphoreCounterValue(vulkan->device, vulkan->timeline, &renderer->done) !=
        VK_SUCCESS) {
        snprintf(reason, VULKAN_REASON_SIZE, "the device is lost");
        vulkan_renderer_destroy(&renderer->base);
        return NULL;
    }
    renderer->submitted = renderer->done;
    if (!vulkan_draw_open(renderer)) {
        snprintf(reason, VULKAN_REASON_SIZE, "out of memory");
        vulkan_renderer_destroy(&renderer->base);
        return NULL;
    }
    return &renderer->base;
}

bool vulkan_renderer_is_lost(const struct pvgpu_renderer *renderer)
{
    return ((const struct vulkan_renderer *)renderer)->lost;
}

void vulkan_renderer_destroy(struct pvgpu_renderer *base)
{
    struct vulkan_renderer *renderer = (struct vulkan_renderer *)base;
    const struct vulkan *vulkan = renderer->vulkan;

    vulkan_draw_close(renderer);
    vulkan_wait(renderer, vulkan_submit(renderer));
    vulkan_discard_constants(renderer);
    for (uint32_t i = 0; i < VULKAN_BATCHES; i++) {
        vulkan->vkDestroyDescriptorPool(vulkan->device, renderer->batches[i].descriptors, NULL);
        vulkan->vkDestroyCommandPool(vulkan->device, renderer->batches[i].pool, NULL);
    }
    vulkan->vkDestroyBuffer(vulkan->device, renderer->heap.buffer, NULL);
    vulkan->vkFreeMemory(vulkan->device, renderer->heap.imported, NULL);
    free(renderer->garbage);
    free(renderer);
}

void vulkan_renderer_notify(struct pvgpu_renderer *renderer, void (*notify)(void *owner),
                            void *owner)
{
    vulkan_waiter_notify(((struct vulkan_renderer *)renderer)->vulkan->waiter, notify, owner);
}
