/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the displays. */
#ifndef FIRMWARE_VIRTIO_GPU_DISPLAY_H
#define FIRMWARE_VIRTIO_GPU_DISPLAY_H

#include "baregpu/virtio_gpu.h"
#include "firmware/common/mem.h"

/* The next operation of a frame. */
struct bg_virtio_gpu_op *gpu_frame_next(struct bg_virtio_gpu_frame *frame, uint32_t flags);

/* Waits for all of them; returns the first error. */
int gpu_frame_end(struct bg_virtio_gpu *gpu, struct bg_virtio_gpu_frame *frame);

/* Queues the transfers of the damage. */
int gpu_frame_damage(struct bg_virtio_gpu_framebuffer *fb, struct bg_virtio_gpu_frame *frame);

/* A new resource for the memory and size of `fb`, which then has no damage; the one before is the
 * old one. After an error the one before goes on. */
int gpu_framebuffer_replace(struct bg_virtio_gpu_framebuffer *fb);

/* Undoes a resize: gives the new resource up and goes on with the old one, all of it damaged. */
void gpu_framebuffer_put_back(struct bg_virtio_gpu_framebuffer *fb, uint32_t width,
                              uint32_t height);

/* Never a blob: what a cursor needs. */
int gpu_framebuffer_create_2d(struct bg_virtio_gpu_framebuffer *fb, struct bg_virtio_gpu *gpu,
                              uint32_t width, uint32_t height, uint32_t format);

/* In the memory of `owner`, of its size and format, with a resource of its own. To be destroyed
 * before it. Not of a blob, which would be shown while it is drawn. */
int gpu_framebuffer_create_shared(struct bg_virtio_gpu_framebuffer *fb,
                                  const struct bg_virtio_gpu_framebuffer *owner);

int gpu_framebuffer_set_scanout(struct bg_virtio_gpu_framebuffer *fb, struct bg_virtio_gpu_op *op,
                                uint32_t scanout, const struct bg_virtio_gpu_rect *rect);

/* A size that a display may have: what a device tells is not believed beyond. */
static inline bool gpu_is_display_size(const struct bg_virtio_gpu_rect *rect)
{
    return rect->width - 1 < BG_VIRTIO_GPU_DISPLAY_SIZE_MAX &&
           rect->height - 1 < BG_VIRTIO_GPU_DISPLAY_SIZE_MAX; /* 0 wraps */
}

#endif
