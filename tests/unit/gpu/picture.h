/* SPDX-License-Identifier: BSD-2-Clause */
/* For the tests of displays: pictures, and what the fake GPU shows of them. */
#ifndef TESTS_UNIT_GPU_PICTURE_H
#define TESTS_UNIT_GPU_PICTURE_H

#include "tests/unit/gpu/fixture.h"

static struct bg_virtio_gpu_display display;

/* A picture that differs at every pixel and in every frame. */
static uint32_t color_at(uint32_t x, uint32_t y, uint32_t frame)
{
    return (x * 7 + y * 1031 + frame * 70001) & 0xFFFFFF;
}

static void put(struct bg_virtio_gpu_framebuffer *fb, uint32_t x, uint32_t y, uint32_t rgb)
{
    bg_virtio_gpu_row(fb, y)[x] = bg_virtio_gpu_pixel(fb->format, (uint8_t)(rgb >> 16),
                                                      (uint8_t)(rgb >> 8), (uint8_t)rgb, 255);
}

__attribute__((unused)) static void draw(struct bg_virtio_gpu_display *d,
                                         const struct bg_virtio_gpu_rect *r, uint32_t frame)
{
    for (uint32_t y = r->y; y < r->y + r->height; y++) {
        for (uint32_t x = r->x; x < r->x + r->width; x++) {
            put(bg_virtio_gpu_display_buffer(d), x, y, color_at(x, y, frame));
        }
    }
    bg_virtio_gpu_display_damage(d, r->x, r->y, r->width, r->height);
}

__attribute__((unused)) static void expect_shown(uint32_t scanout,
                                                 const struct bg_virtio_gpu_rect *r, uint32_t frame)
{
    for (uint32_t y = r->y; y < r->y + r->height; y++) {
        for (uint32_t x = r->x; x < r->x + r->width; x++) {
            if (fake_gpu_shown(&fake, scanout, x, y) != color_at(x, y, frame)) {
                fail_msg("pixel %u, %u of scanout %u in frame %u", x, y, scanout, frame);
            }
        }
    }
}

__attribute__((unused)) static unsigned count_resources(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < FAKE_GPU_RESOURCES_MAX; i++) {
        count += fake.resources[i].id != 0;
    }
    return count;
}

#endif
