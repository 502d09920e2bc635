/* SPDX-License-Identifier: BSD-2-Clause */
/* Which rectangles to transfer and flush. */
#include "baregpu/virtio_gpu.h"

/* What a rectangle more costs, in pixels: two commands. Measured against QEMU's copy of a row. */
#define COMMAND_COST_PIXELS 2048u

static uint64_t area(const struct bg_virtio_gpu_rect *r)
{
    return (uint64_t)r->width * r->height;
}

static uint32_t min32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t max32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Both lie inside a framebuffer: nothing overflows. */
static struct bg_virtio_gpu_rect join(const struct bg_virtio_gpu_rect *a,
                                      const struct bg_virtio_gpu_rect *b)
{
    struct bg_virtio_gpu_rect r = {.x = min32(a->x, b->x), .y = min32(a->y, b->y)};

    r.width = max32(a->x + a->width, b->x + b->width) - r.x;
    r.height = max32(a->y + a->height, b->y + b->height) - r.y;
    return r;
}

/* How many pixels more the joined rectangle has than the two; negative when they overlap. */
static int64_t growth(const struct bg_virtio_gpu_rect *a, const struct bg_virtio_gpu_rect *b)
{
    struct bg_virtio_gpu_rect joined = join(a, b);

    return (int64_t)area(&joined) - (int64_t)area(a) - (int64_t)area(b);
}

static void remove_rect(struct bg_virtio_gpu_damage *damage, uint32_t index)
{
    damage->rects[index] = damage->rects[--damage->count];
}

/* The rectangle that grows least when joined with `rect`; there is at least one. */
static uint32_t find_nearest(const struct bg_virtio_gpu_damage *damage,
                             const struct bg_virtio_gpu_rect *rect, int64_t *least)
{
    uint32_t nearest = 0;

    *least = growth(&damage->rects[0], rect);
    for (uint32_t i = 1; i < damage->count; i++) {
        int64_t pixels = growth(&damage->rects[i], rect);

        if (pixels < *least) {
            *least = pixels;
            nearest = i;
        }
    }
    return nearest;
}

void bg_virtio_gpu_damage_add(struct bg_virtio_gpu_damage *damage, uint32_t width, uint32_t height,
                              const struct bg_virtio_gpu_rect *rect)
{
    struct bg_virtio_gpu_rect added;

    if (rect->x >= width || rect->y >= height || rect->width == 0 || rect->height == 0) {
        return;
    }
    added = (struct bg_virtio_gpu_rect){
        .x = rect->x,
        .y = rect->y,
        .width = min32(rect->width, width - rect->x),
        .height = min32(rect->height, height - rect->y),
    };
    while (damage->count > 0) { /* a joined one may be near to the next */
        int64_t least;
        uint32_t nearest = find_nearest(damage, &added, &least);

        if (least > COMMAND_COST_PIXELS && damage->count < BG_VIRTIO_GPU_DAMAGE_MAX) {
            break;
        }
        added = join(&damage->rects[nearest], &added);
        remove_rect(damage, nearest);
    }
    damage->rects[damage->count++] = added;
}
