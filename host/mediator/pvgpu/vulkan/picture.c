/* SPDX-License-Identifier: BSD-2-Clause */
/* What a screen shows. */
#include <stdlib.h>
#include <string.h>

#include "host/mediator/pvgpu/vulkan/resource.h"
#include "host/mediator/pvgpu/vulkan/transfer.h"

bool vulkan_share(struct pvgpu_context *context, uint8_t *memory, uint64_t size)
{
    struct vulkan_renderer *renderer = vulkan_of(context);

    for (uint32_t i = 0; i < VULKAN_PICTURES; i++) {
        struct vulkan_pictures *pictures = &renderer->pictures[i];

        if (pictures->memory == NULL &&
            vulkan_import(renderer->vulkan, memory, size, &pictures->buffer, &pictures->imported)) {
            pictures->memory = memory;
            pictures->size = size;
            return true;
        }
    }
    return false;
}

void vulkan_unshare(struct pvgpu_context *context, uint8_t *memory)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    const struct vulkan *vulkan = renderer->vulkan;

    vulkan_wait(renderer, vulkan_submit(renderer));
    for (uint32_t i = 0; i < VULKAN_PICTURES; i++) {
        struct vulkan_pictures *pictures = &renderer->pictures[i];

        if (pictures->memory == memory) {
            vulkan->vkDestroyBuffer(vulkan->device, pictures->buffer, NULL);
            vulkan->vkFreeMemory(vulkan->device, pictures->imported, NULL);
            *pictures = (struct vulkan_pictures){.memory = NULL};
        }
    }
}

static const struct vulkan_pictures *find(const struct vulkan_renderer *renderer,
                                          const uint8_t *picture)
{
    for (uint32_t i = 0; i < VULKAN_PICTURES; i++) {
        const struct vulkan_pictures *pictures = &renderer->pictures[i];

        if (pictures->memory != NULL && picture >= pictures->memory &&
            picture < pictures->memory + pictures->size) {
            return pictures;
        }
    }
    return NULL;
}

/* Formats that no screen has, and pictures that the GPU has no buffer for. */
static struct pvgpu_outcome show_slowly(struct vulkan_renderer *renderer,
                                        const struct pvgpu_place *from, uint8_t *picture,
                                        uint32_t stride)
{
    const struct pvgpu_format_info *format = from->resource->format;
    uint64_t row_size = (uint64_t)from->box.width * format->size;
    uint8_t *bytes = malloc(row_size * from->box.height);
    struct pvgpu_outcome outcome;

    if (bytes == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    outcome = vulkan_read_bytes(renderer, from, bytes);
    for (uint32_t y = 0; y < from->box.height && outcome.code == BG_PVGPU_OK; y++) {
        uint8_t *row = picture + (uint64_t)y * stride;

        if (pvgpu_format_is_converted(format)) {
            pvgpu_format_convert(format, bytes + y * row_size, row, from->box.width);
        } else {
            memcpy(row, bytes + y * row_size, row_size);
        }
    }
    free(bytes);
    return outcome;
}

struct pvgpu_outcome vulkan_show(struct pvgpu_context *context, const struct pvgpu_place *from,
                                 uint8_t *picture, uint32_t stride)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    const struct vulkan_pictures *pictures = find(renderer, picture);

    if (pictures == NULL || pvgpu_format_is_converted(from->resource->format)) {
        return show_slowly(renderer, from, picture, stride);
    }
    return vulkan_copy_out(
        renderer,
        &(struct vulkan_bytes){.buffer = pictures->buffer,
                               .offset = (uint64_t)(picture - pictures->memory),
                               .row_pitch = stride,
                               .slice_pitch = (uint64_t)stride * from->box.height},
        from);
}
