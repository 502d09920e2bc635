/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between heap, buffers and images. Mostly one command of the GPU's. What it has none for (depth
 * with stencil, whose texels it knows in parts; odd alignments; overlapping boxes; depth as colour)
 * goes through this thread.
 */
#include <stdlib.h>
#include <string.h>

#include "host/mediator/pvgpu/vulkan/format.h"
#include "host/mediator/pvgpu/vulkan/resource.h"
#include "host/mediator/pvgpu/vulkan/transfer.h"

#define COPY_ALIGN 4u /* of a depth's bytes in a buffer */

static struct vulkan_resource *resource_of(const struct pvgpu_place *place)
{
    return vulkan_resource_of(place->resource);
}

static uint32_t texel_size(const struct pvgpu_place *place)
{
    return place->resource->format->size;
}

static uint32_t block_of(const struct pvgpu_place *place)
{
    return place->resource->format->block;
}

/* Rows of texels, or of blocks. */
static uint32_t row_count(const struct pvgpu_place *place)
{
    return pvgpu_format_blocks(place->resource->format, place->box.height);
}

static uint64_t row_size(const struct pvgpu_place *place)
{
    return (uint64_t)pvgpu_format_blocks(place->resource->format, place->box.width) *
           texel_size(place);
}

static uint64_t packed_size(const struct pvgpu_place *place)
{
    return row_size(place) * row_count(place) * place->box.depth;
}

static uint64_t texel_count(const struct pvgpu_place *place)
{
    return (uint64_t)place->box.width * place->box.height * place->box.depth;
}

static bool is_buffer(const struct pvgpu_place *place)
{
    return place->resource->type == BG_PVGPU_RESOURCE_BUFFER;
}

static bool is_mixed(const struct pvgpu_place *place)
{
    const VkImageAspectFlags both = VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT;

    return (resource_of(place)->aspects & both) == both;
}

static struct pvgpu_outcome lost(void)
{
    return pvgpu_fail(BG_PVGPU_ERROR_DEVICE_LOST);
}

/* ---- On the GPU ---- */

/* Both are ready, and marked. Either may be NULL. */
static VkCommandBuffer record(struct vulkan_renderer *renderer, struct vulkan_marks *written,
                              struct vulkan_marks *read)
{
    VkCommandBuffer commands;

    vulkan_do_clears(renderer);
    if ((written != NULL && vulkan_conflicts(renderer, written, true)) ||
        (read != NULL && vulkan_conflicts(renderer, read, false))) {
        vulkan_barrier(renderer);
    }
    commands = vulkan_record(renderer);
    if (commands != VK_NULL_HANDLE && written != NULL) {
        vulkan_mark(renderer, written, true);
    }
    if (commands != VK_NULL_HANDLE && read != NULL) {
        vulkan_mark(renderer, read, false);
    }
    return commands;
}

static VkImageSubresourceLayers layers_of(const struct pvgpu_place *place,
                                          VkImageAspectFlags aspects)
{
    return (VkImageSubresourceLayers){
        .aspectMask = aspects,
        .mipLevel = place->level,
        .baseArrayLayer = place->layer,
        .layerCount = 1,
    };
}

static VkOffset3D offset_of(const struct pvgpu_box *box)
{
    return (VkOffset3D){(int32_t)box->x, (int32_t)box->y, (int32_t)box->z};
}

static VkExtent3D extent_of(const struct pvgpu_box *box)
{
    return (VkExtent3D){box->width, box->height, box->depth};
}

/* A pitch that nothing is behind counts for nothing. */
static void drop_pitches(const struct pvgpu_place *place, uint64_t *row_pitch,
                         uint64_t *slice_pitch)
{
    if (row_count(place) == 1) { /* slices of one row */
        *row_pitch = place->box.depth > 1 ? *slice_pitch : row_size(place);
    }
    if (place->box.depth == 1) {
        *slice_pitch = *row_pitch * row_count(place);
    }
}

bool vulkan_can_copy(const struct pvgpu_place *place, const struct vulkan_bytes *bytes)
{
    uint64_t row_pitch = bytes->row_pitch, slice_pitch = bytes->slice_pitch;
    uint32_t align = place->resource->format->depth ? COPY_ALIGN : texel_size(place);

    if (is_buffer(place)) {
        return true;
    }
    drop_pitches(place, &row_pitch, &slice_pitch);
    return !is_mixed(place) && bytes->offset % align == 0 && row_pitch % texel_size(place) == 0 &&
           slice_pitch % row_pitch == 0 && slice_pitch / row_pitch >= row_count(place);
}

static VkBufferImageCopy image_copy_of(const struct pvgpu_place *place,
                                       const struct vulkan_bytes *bytes)
{
    uint64_t row_pitch = bytes->row_pitch, slice_pitch = bytes->slice_pitch;

    drop_pitches(place, &row_pitch, &slice_pitch);
    return (VkBufferImageCopy){
        .bufferOffset = bytes->offset,
        .bufferRowLength = (uint32_t)(row_pitch / texel_size(place) * block_of(place)),
        .bufferImageHeight = (uint32_t)(slice_pitch / row_pitch * block_of(place)),
        .imageSubresource = layers_of(place, resource_of(place)->aspects),
        .imageOffset = offset_of(&place->box),
        .imageExtent = extent_of(&place->box),
    };
}

static struct pvgpu_outcome copy_in(struct vulkan_renderer *renderer, const struct pvgpu_place *to,
                                    const struct vulkan_bytes *from)
{
    const struct vulkan *vulkan = renderer->vulkan;
    struct vulkan_resource *resource = resource_of(to);
    VkCommandBuffer commands;

    vulkan_settle(renderer, resource);
    commands = record(renderer, &resource->marks, from->marks);
    if (commands == VK_NULL_HANDLE) {
        return lost();
    }
    if (is_buffer(to)) {
        const VkBufferCopy copy = {from->offset, to->box.x, to->box.width};

        vulkan->vkCmdCopyBuffer(commands, from->buffer, resource->buffer, 1, &copy);
    } else {
        const VkBufferImageCopy copy = image_copy_of(to, from);

        vulkan->vkCmdCopyBufferToImage(commands, from->buffer, resource->image,
                                       VK_IMAGE_LAYOUT_GENERAL, 1, &copy);
    }
    return pvgpu_ok();
}

struct pvgpu_outcome vulkan_copy_out(struct vulkan_renderer *renderer,
                                     const struct vulkan_bytes *to, const struct pvgpu_place *from)
{
    const struct vulkan *vulkan = renderer->vulkan;
    struct vulkan_resource *resource = resource_of(from);
    VkCommandBuffer commands;

    vulkan_settle(renderer, resource);
    commands = record(renderer, to->marks, &resource->marks);
    if (commands == VK_NULL_HANDLE) {
        return lost();
    }
    renderer->host_reads = true;
    if (is_buffer(from)) {
        const VkBufferCopy copy = {from->box.x, to->offset, from->box.width};

        vulkan->vkCmdCopyBuffer(commands, resource->buffer, to->buffer, 1, &copy);
    } else {
        const VkBufferImageCopy copy = image_copy_of(from, to);

        vulkan->vkCmdCopyImageToBuffer(commands, resource->image, VK_IMAGE_LAYOUT_GENERAL,
                                       to->buffer, 1, &copy);
    }
    return pvgpu_ok();
}

static struct vulkan_bytes packed(const struct pvgpu_place *place, VkBuffer buffer)
{
    return (struct vulkan_bytes){.buffer = buffer,
                                 .row_pitch = row_size(place),
                                 .slice_pitch = row_size(place) * row_count(place)};
}

/* ---- Through this thread ---- */

/* The aspects of depth with stencil lie in the stage one behind the other. */
static void describe_mixed(const struct pvgpu_place *place, VkBufferImageCopy copies[2])
{
    const VkImageAspectFlags aspects[] = {VK_IMAGE_ASPECT_DEPTH_BIT, VK_IMAGE_ASPECT_STENCIL_BIT};

    for (int i = 0; i < 2; i++) {
        copies[i] = (VkBufferImageCopy){
            .bufferOffset = i * texel_count(place) * sizeof(uint32_t),
            .imageSubresource = layers_of(place, aspects[i]),
            .imageOffset = offset_of(&place->box),
            .imageExtent = extent_of(&place->box),
        };
    }
}

static struct pvgpu_outcome make_stage(struct vulkan_renderer *renderer,
                                       const struct pvgpu_place *place, struct vulkan_stage *stage)
{
    uint64_t size = is_mixed(place) ? texel_count(place) * 5 : packed_size(place);

    return vulkan_stage_make(renderer, size, stage);
}

static struct pvgpu_outcome stage_in(struct vulkan_renderer *renderer, const struct pvgpu_place *to,
                                     const struct vulkan_stage *stage)
{
    struct vulkan_resource *resource = resource_of(to);
    const struct vulkan_bytes from = packed(to, stage->buffer);
    VkBufferImageCopy copies[2];
    VkCommandBuffer commands;

    if (!is_mixed(to)) {
        return copy_in(renderer, to, &from);
    }
    commands = record(renderer, &resource->marks, NULL);
    if (commands == VK_NULL_HANDLE) {
        return lost();
    }
    describe_mixed(to, copies);
    renderer->vulkan->vkCmdCopyBufferToImage(commands, stage->buffer, resource->image,
                                             VK_IMAGE_LAYOUT_GENERAL, 2, copies);
    return pvgpu_ok();
}

static struct pvgpu_outcome stage_out(struct vulkan_renderer *renderer,
                                      const struct pvgpu_place *from,
                                      const struct vulkan_stage *stage)
{
    struct vulkan_resource *resource = resource_of(from);
    const struct vulkan_bytes to = packed(from, stage->buffer);
    VkBufferImageCopy copies[2];
    VkCommandBuffer commands;

    if (!is_mixed(from)) {
        return vulkan_copy_out(renderer, &to, from);
    }
    commands = record(renderer, NULL, &resource->marks);
    if (commands == VK_NULL_HANDLE) {
        return lost();
    }
    renderer->host_reads = true;
    describe_mixed(from, copies);
    renderer->vulkan->vkCmdCopyImageToBuffer(commands, resource->image, VK_IMAGE_LAYOUT_GENERAL,
                                             stage->buffer, 2, copies);
    return pvgpu_ok();
}

/* One row of the box at a time, where its bytes are `bytes`, packed in the stage. */
static void fill_stage(const struct pvgpu_place *to, const struct vulkan_stage *stage,
                       const uint8_t *bytes, uint64_t row_pitch, uint64_t slice_pitch)
{
    uint8_t *stencil = stage->bytes + texel_count(to) * sizeof(uint32_t);
    uint64_t rows = 0;

    for (uint32_t z = 0; z < to->box.depth; z++) {
        for (uint32_t y = 0; y < row_count(to); y++, rows++) {
            const uint8_t *row = bytes + z * slice_pitch + y * row_pitch;

            if (is_mixed(to)) {
                uint64_t texels = rows * to->box.width;

                vulkan_format_split(resource_of(to)->format, texel_size(to), row, to->box.width,
                                    (uint32_t *)(void *)stage->bytes + texels, stencil + texels);
            } else {
                memcpy(stage->bytes + rows * row_size(to), row, row_size(to));
            }
        }
    }
}

struct pvgpu_outcome vulkan_write_bytes(struct vulkan_renderer *renderer,
                                        const struct pvgpu_place *to, const uint8_t *bytes,
                                        uint64_t row_pitch, uint64_t slice_pitch)
{
    struct vulkan_stage stage;
    struct pvgpu_outcome outcome = make_stage(renderer, to, &stage);

    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    fill_stage(to, &stage, bytes, row_pitch, slice_pitch);
    outcome = stage_in(renderer, to, &stage);
    vulkan_stage_discard(renderer, &stage);
    return outcome;
}

struct pvgpu_outcome vulkan_read_bytes(struct vulkan_renderer *renderer,
                                       const struct pvgpu_place *from, uint8_t *bytes)
{
    struct vulkan_stage stage;
    struct pvgpu_outcome outcome = make_stage(renderer, from, &stage);

    if (outcome.code != BG_PVGPU_OK) {
        return outcome;
    }
    outcome = stage_out(renderer, from, &stage);
    if (outcome.code == BG_PVGPU_OK) {
        vulkan_wait(renderer, vulkan_submit(renderer));
        outcome = renderer->lost ? lost() : outcome;
    }
    if (outcome.code == BG_PVGPU_OK && is_mixed(from)) {
        uint64_t count = texel_count(from);

        vulkan_format_join(resource_of(from)->format, texel_size(from),
                           (const uint32_t *)(void *)stage.bytes,
                           stage.bytes + count * sizeof(uint32_t), (uint32_t)count, bytes);
    } else if (outcome.code == BG_PVGPU_OK) {
        memcpy(bytes, stage.bytes, packed_size(from));
    }
    vulkan_stage_discard(renderer, &stage);
    return outcome;
}

/* Memory for a place's texels, charged. */
static uint8_t *take_bytes(struct vulkan_renderer *renderer, const struct pvgpu_place *place)
{
    uint8_t *bytes = NULL;

    if (session_charge(renderer->session, packed_size(place)) == BG_COMPUTE_OK) {
        bytes = malloc(packed_size(place));
        if (bytes == NULL) {
            session_release(renderer->session, packed_size(place));
        }
    }
    return bytes;
}

static void give_bytes(struct vulkan_renderer *renderer, const struct pvgpu_place *place,
                       uint8_t *bytes)
{
    free(bytes);
    session_release(renderer->session, packed_size(place));
}

/* ---- Heap ---- */

static struct vulkan_bytes heap_bytes(struct vulkan_renderer *renderer,
                                      const struct pvgpu_heap_side *side)
{
    return (struct vulkan_bytes){.buffer = renderer->heap.buffer,
                                 .marks = &renderer->heap.marks,
                                 .offset = renderer->heap.offset + side->offset,
                                 .row_pitch = side->row_pitch,
                                 .slice_pitch = side->slice_pitch};
}

/* For what only shaders read, as constants: nothing else has to see it in its place. */
static bool can_rename(const struct vulkan_renderer *renderer, const struct pvgpu_place *to)
{
    return is_buffer(to) && to->resource->bind_flags == BG_PVGPU_BIND_CONSTANT_BUFFER &&
           to->box.width == to->resource->size && vulkan_heap_is_settled(renderer);
}

struct pvgpu_outcome vulkan_upload(struct pvgpu_context *context, const struct pvgpu_place *to,
                                   const struct pvgpu_heap_side *from)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    const struct vulkan_bytes bytes = heap_bytes(renderer, from);

    if (can_rename(renderer, to) &&
        vulkan_rename(renderer, to->resource, renderer->heap.memory + from->offset)) {
        return pvgpu_ok();
    }
    if (bytes.buffer != VK_NULL_HANDLE && vulkan_can_copy(to, &bytes)) {
        return copy_in(renderer, to, &bytes);
    }
    vulkan_settle_heap(renderer);
    return vulkan_write_bytes(renderer, to, renderer->heap.memory + from->offset, from->row_pitch,
                              from->slice_pitch);
}

static void spread(const struct pvgpu_place *from, const uint8_t *bytes, uint8_t *heap,
                   const struct pvgpu_heap_side *to)
{
    for (uint32_t z = 0; z < from->box.depth; z++) {
        for (uint32_t y = 0; y < row_count(from); y++, bytes += row_size(from)) {
            memcpy(heap + to->offset + z * to->slice_pitch + y * to->row_pitch, bytes,
                   row_size(from));
        }
    }
}

static struct pvgpu_outcome read_slowly(struct vulkan_renderer *renderer,
                                        const struct pvgpu_heap_side *to,
                                        const struct pvgpu_place *from)
{
    uint8_t *bytes = take_bytes(renderer, from);
    struct pvgpu_outcome outcome;

    if (bytes == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    outcome = vulkan_read_bytes(renderer, from, bytes);
    if (outcome.code == BG_PVGPU_OK) {
        spread(from, bytes, renderer->heap.memory, to);
    }
    give_bytes(renderer, from, bytes);
    return outcome;
}

struct pvgpu_outcome vulkan_read(struct pvgpu_context *context, const struct pvgpu_heap_side *to,
                                 const struct pvgpu_place *from)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    const struct vulkan_bytes bytes = heap_bytes(renderer, to);
    struct pvgpu_outcome outcome;

    if (bytes.buffer == VK_NULL_HANDLE || !vulkan_can_copy(from, &bytes)) {
        return read_slowly(renderer, to, from);
    }
    outcome = vulkan_copy_out(renderer, &bytes, from);
    if (outcome.code == BG_PVGPU_OK) {
        renderer->heap.written = renderer->submitted + 1;
    }
    return outcome;
}

/* ---- Resource to resource ---- */

static struct pvgpu_outcome copy_slowly(struct vulkan_renderer *renderer,
                                        const struct pvgpu_place *to,
                                        const struct pvgpu_place *from)
{
    uint8_t *bytes = take_bytes(renderer, from);
    struct pvgpu_outcome outcome;

    if (bytes == NULL) {
        return pvgpu_fail(BG_PVGPU_ERROR_OUT_OF_MEMORY);
    }
    outcome = vulkan_read_bytes(renderer, from, bytes);
    if (outcome.code == BG_PVGPU_OK) {
        outcome = vulkan_write_bytes(renderer, to, bytes, row_size(from),
                                     row_size(from) * from->box.height);
    }
    give_bytes(renderer, from, bytes);
    return outcome;
}

/* Whether one command copies it: images of one aspect, or buffers, that do not overlap. */
static bool is_plain(const struct pvgpu_place *to, const struct pvgpu_place *from)
{
    const struct vulkan_resource *dst = resource_of(to), *src = resource_of(from);
    bool same = dst->aspects == src->aspects &&
                (dst->aspects == VK_IMAGE_ASPECT_COLOR_BIT || dst->format == src->format);

    return is_buffer(to) == is_buffer(from) && (is_buffer(to) || same) &&
           !pvgpu_places_overlap(to, from);
}

static void record_image_copy(const struct vulkan *vulkan, VkCommandBuffer commands,
                              const struct pvgpu_place *to, const struct pvgpu_place *from)
{
    const struct vulkan_resource *dst = resource_of(to), *src = resource_of(from);
    const VkImageCopy copy = {
        .srcSubresource = layers_of(from, src->aspects),
        .srcOffset = offset_of(&from->box),
        .dstSubresource = layers_of(to, dst->aspects),
        .dstOffset = offset_of(&to->box),
        .extent = extent_of(&from->box),
    };

    vulkan->vkCmdCopyImage(commands, src->image, VK_IMAGE_LAYOUT_GENERAL, dst->image,
                           VK_IMAGE_LAYOUT_GENERAL, 1, &copy);
}

static void record_resolve(const struct vulkan *vulkan, VkCommandBuffer commands,
                           const struct pvgpu_place *to, const struct pvgpu_place *from)
{
    const struct vulkan_resource *dst = resource_of(to), *src = resource_of(from);
    const VkImageResolve resolve = {
        .srcSubresource = layers_of(from, src->aspects),
        .dstSubresource = layers_of(to, dst->aspects),
        .extent = extent_of(&from->box),
    };

    vulkan->vkCmdResolveImage(commands, src->image, VK_IMAGE_LAYOUT_GENERAL, dst->image,
                              VK_IMAGE_LAYOUT_GENERAL, 1, &resolve);
}

struct pvgpu_outcome vulkan_copy(struct pvgpu_context *context, const struct pvgpu_place *to,
                                 const struct pvgpu_place *from)
{
    struct vulkan_renderer *renderer = vulkan_of(context);
    const struct vulkan *vulkan = renderer->vulkan;
    struct vulkan_resource *dst = resource_of(to), *src = resource_of(from);
    VkCommandBuffer commands;

    if (!is_plain(to, from)) {
        return copy_slowly(renderer, to, from);
    }
    vulkan_settle(renderer, dst);
    vulkan_settle(renderer, src);
    commands = record(renderer, &dst->marks, &src->marks);
    if (commands == VK_NULL_HANDLE) {
        return lost();
    }
    if (is_buffer(to)) {
        const VkBufferCopy copy = {from->box.x, to->box.x, from->box.width};

        vulkan->vkCmdCopyBuffer(commands, src->buffer, dst->buffer, 1, &copy);
    } else if (from->resource->samples != to->resource->samples) {
        record_resolve(vulkan, commands, to, from);
    } else {
        record_image_copy(vulkan, commands, to, from);
    }
    return pvgpu_ok();
}
