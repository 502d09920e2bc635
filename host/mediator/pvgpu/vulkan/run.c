/* SPDX-License-Identifier: BSD-2-Clause */
/* Draws that wait to be one command. */
#include "host/mediator/pvgpu/vulkan/recorder.h"

void vulkan_end_run(struct vulkan_renderer *renderer)
{
    const struct vulkan *vulkan = renderer->vulkan;
    struct vulkan_run *run = &renderer->run;
    VkCommandBuffer commands = vulkan_batch_of(renderer)->commands;

    if (run->count == 0) {
        return;
    }
    if (run->indexed) {
        vulkan->vkCmdDrawMultiIndexedEXT(commands, run->count, run->indices, run->instances,
                                         run->first_instance, sizeof(run->indices[0]), NULL);
    } else {
        vulkan->vkCmdDrawMultiEXT(commands, run->count, run->vertices, run->instances,
                                  run->first_instance, sizeof(run->vertices[0]));
    }
    run->count = 0;
}

static void record_call(const struct vulkan *vulkan, VkCommandBuffer commands,
                        const struct vulkan_draw_call *call)
{
    if (call->indexed) {
        vulkan->vkCmdDrawIndexed(commands, call->count, call->instances, call->first,
                                 call->base_vertex, call->first_instance);
    } else {
        vulkan->vkCmdDraw(commands, call->count, call->instances, call->first,
                          call->first_instance);
    }
}

/* Makes room for the call behind those of its kind. */
static void make_room(struct vulkan_renderer *renderer, const struct vulkan_draw_call *call)
{
    struct vulkan_run *run = &renderer->run;

    if (run->count == VULKAN_RUN_MAX || run->indexed != call->indexed ||
        run->instances != call->instances || run->first_instance != call->first_instance) {
        vulkan_end_run(renderer);
        run->indexed = call->indexed;
        run->instances = call->instances;
        run->first_instance = call->first_instance;
    }
}

void vulkan_add_draw(struct vulkan_renderer *renderer, const struct vulkan_draw_call *call)
{
    struct vulkan_run *run = &renderer->run;

    if (call->alone || renderer->vulkan->vkCmdDrawMultiEXT == NULL) {
        vulkan_end_run(renderer);
        record_call(renderer->vulkan, vulkan_batch_of(renderer)->commands, call);
        return;
    }
    make_room(renderer, call);
    if (call->indexed) {
        run->indices[run->count++] =
            (VkMultiDrawIndexedInfoEXT){call->first, call->count, call->base_vertex};
    } else {
        run->vertices[run->count++] = (VkMultiDrawInfoEXT){call->first, call->count};
    }
}
