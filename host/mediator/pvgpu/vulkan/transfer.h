/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies, clears and pictures: the renderer's functions about them (../renderer.h). */
#ifndef MEDIATOR_PVGPU_VULKAN_TRANSFER_H
#define MEDIATOR_PVGPU_VULKAN_TRANSFER_H

#include "host/mediator/pvgpu/vulkan/recorder.h"

/* copy.c */
struct pvgpu_outcome vulkan_upload(struct pvgpu_context *context, const struct pvgpu_place *to,
                                   const struct pvgpu_heap_side *from);
struct pvgpu_outcome vulkan_read(struct pvgpu_context *context, const struct pvgpu_heap_side *to,
                                 const struct pvgpu_place *from);
struct pvgpu_outcome vulkan_copy(struct pvgpu_context *context, const struct pvgpu_place *to,
                                 const struct pvgpu_place *from);

/* The place's texels, packed, into memory of the size that they take. Waits for all before. */
struct pvgpu_outcome vulkan_read_bytes(struct vulkan_renderer *renderer,
                                       const struct pvgpu_place *from, uint8_t *bytes);
/* The other way; nothing is waited for. */
struct pvgpu_outcome vulkan_write_bytes(struct vulkan_renderer *renderer,
                                        const struct pvgpu_place *to, const uint8_t *bytes,
                                        uint64_t row_pitch, uint64_t slice_pitch);

/* The place and a buffer's bytes from `offset` on, packed but for the pitches, on the GPU. */
struct vulkan_bytes {
    VkBuffer buffer;
    struct vulkan_marks *marks; /* the buffer's; NULL: nothing else uses it */
    uint64_t offset, row_pitch, slice_pitch;
};

/* Whether the GPU can copy between them in one step: not depth with stencil, alignment, pitches. */
bool vulkan_can_copy(const struct pvgpu_place *place, const struct vulkan_bytes *bytes);
struct pvgpu_outcome vulkan_copy_out(struct vulkan_renderer *renderer,
                                     const struct vulkan_bytes *to, const struct pvgpu_place *from);

/* adopt.c */
struct pvgpu_outcome vulkan_adopt(struct pvgpu_context *context, struct pvgpu_resource *resource);

/* clear.c */
struct pvgpu_outcome vulkan_clear_colour(struct pvgpu_context *context,
                                         const struct pvgpu_view *view, const float colour[4]);
struct pvgpu_outcome vulkan_clear_depth(struct pvgpu_context *context,
                                        const struct pvgpu_view *view, uint32_t flags, float depth,
                                        uint8_t stencil);

/* picture.c */
bool vulkan_share(struct pvgpu_context *context, uint8_t *memory, uint64_t size);
void vulkan_unshare(struct pvgpu_context *context, uint8_t *memory);
struct pvgpu_outcome vulkan_show(struct pvgpu_context *context, const struct pvgpu_place *from,
                                 uint8_t *picture, uint32_t stride);

#endif
