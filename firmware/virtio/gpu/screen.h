/* SPDX-License-Identifier: BSD-2-Clause */
/* screen.c, for who shows something on a screen. */
#ifndef BAREGPU_GPU_SCREEN_H
#define BAREGPU_GPU_SCREEN_H

#include "baregpu/virtio_gpu.h"

/* A size that a display may have: what a device tells is not believed beyond. */
static inline bool gpu_is_display_size(const struct bg_virtio_gpu_rect *rect)
{
    return rect->width - 1 < BG_VIRTIO_GPU_DISPLAY_SIZE_MAX &&
           rect->height - 1 < BG_VIRTIO_GPU_DISPLAY_SIZE_MAX; /* 0 wraps */
}

#endif
