/* SPDX-License-Identifier: BSD-2-Clause */
/* Pixel formats: virtio 1.4, 5.7.6.8, enum bg_virtio_gpu_formats. */
#include "baregpu/virtio_gpu.h"
#include "firmware/virtio/gpu/internal.h"

const uint32_t bg_virtio_gpu_formats[BG_VIRTIO_GPU_FORMAT_COUNT] = {
    BG_VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, BG_VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
    BG_VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, BG_VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM,
    BG_VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, BG_VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM,
    BG_VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM, BG_VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM,
};

/* By how many bits each component is shifted: the format of the same index. */
static const struct layout {
    const char *name;
    uint8_t red, green, blue, alpha;
    bool has_alpha;
} layouts[BG_VIRTIO_GPU_FORMAT_COUNT] = {
    {"B8G8R8A8", 16, 8, 0, 24, true}, {"B8G8R8X8", 16, 8, 0, 24, false},
    {"A8R8G8B8", 8, 16, 24, 0, true}, {"X8R8G8B8", 8, 16, 24, 0, false},
    {"R8G8B8A8", 0, 8, 16, 24, true}, {"X8B8G8R8", 24, 16, 8, 0, false},
    {"A8B8G8R8", 24, 16, 8, 0, true}, {"R8G8B8X8", 0, 8, 16, 24, false},
};

static const struct layout *find_layout(uint32_t format)
{
    for (unsigned i = 0; i < BG_VIRTIO_GPU_FORMAT_COUNT; i++) {
        if (bg_virtio_gpu_formats[i] == format) {
            return &layouts[i];
        }
    }
    return NULL;
}

bool gpu_format_is_known(uint32_t format)
{
    return find_layout(format) != NULL;
}

uint32_t bg_virtio_gpu_pixel(uint32_t format, uint8_t red, uint8_t green, uint8_t blue,
                             uint8_t alpha)
{
    const struct layout *layout = find_layout(format);

    if (layout == NULL) {
        return 0;
    }
    return (uint32_t)red << layout->red | (uint32_t)green << layout->green |
           (uint32_t)blue << layout->blue |
           (uint32_t)(layout->has_alpha ? alpha : 255) << layout->alpha;
}

struct bg_virtio_gpu_color bg_virtio_gpu_color_of(uint32_t format, uint32_t pixel)
{
    const struct layout *layout = find_layout(format);

    if (layout == NULL) {
        return (struct bg_virtio_gpu_color){0};
    }
    return (struct bg_virtio_gpu_color){
        .red = (uint8_t)(pixel >> layout->red),
        .green = (uint8_t)(pixel >> layout->green),
        .blue = (uint8_t)(pixel >> layout->blue),
        .alpha = layout->has_alpha ? (uint8_t)(pixel >> layout->alpha) : 255,
    };
}

const char *bg_virtio_gpu_format_name(uint32_t format)
{
    const struct layout *layout = find_layout(format);

    return layout != NULL ? layout->name : "unknown";
}
