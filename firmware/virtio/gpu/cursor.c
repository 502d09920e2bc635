/* SPDX-License-Identifier: BSD-2-Clause */
/* The cursor: virtio 1.4, 5.7.6.6 and 5.7.6.10. */
#include "firmware/virtio/gpu/display.h"

#include "baregpu/hal.h"

int bg_virtio_gpu_cursor_create(struct bg_virtio_gpu_cursor *cursor, struct bg_virtio_gpu *gpu)
{
    memset(cursor, 0, sizeof(*cursor));
    cursor->gpu = gpu;
    return gpu_framebuffer_create_2d(&cursor->image, gpu, BG_VIRTIO_GPU_CURSOR_SIZE,
                                     BG_VIRTIO_GPU_CURSOR_SIZE,
                                     BG_VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM);
}

/* One move is on its way at a time; its error is told once. */
static int finish_move(struct bg_virtio_gpu_cursor *cursor)
{
    int error =
        bg_virtio_gpu_wait(cursor->gpu, &cursor->op, bg_hal_time_ns() + cursor->gpu->timeout_ns);

    cursor->op.error = 0;
    return error;
}

/* Sets everything, so a move that failed before does not count; but a device that does not answer
 * is not asked twice. */
static int update(struct bg_virtio_gpu_cursor *cursor,
                  const struct bg_virtio_gpu_cursor_state *state)
{
    int error = finish_move(cursor);

    if (error != BG_ERR_TIMEOUT) {
        error = bg_virtio_gpu_cmd_update_cursor(cursor->gpu, NULL, state);
    }
    if (error == 0) {
        cursor->state = *state;
        cursor->is_visible = state->resource_id != 0;
    }
    return error;
}

int bg_virtio_gpu_cursor_destroy(struct bg_virtio_gpu_cursor *cursor)
{
    int error = cursor->is_visible ? bg_virtio_gpu_cursor_hide(cursor) : finish_move(cursor);
    int destroyed = bg_virtio_gpu_framebuffer_destroy(&cursor->image);

    return error ?: destroyed;
}

int bg_virtio_gpu_cursor_set_image(struct bg_virtio_gpu_cursor *cursor, const uint32_t *argb,
                                   uint32_t hot_x, uint32_t hot_y)
{
    struct bg_virtio_gpu_op flush = {.flags = BG_VIRTIO_GPU_OP_FENCE};
    struct bg_virtio_gpu_framebuffer *image = &cursor->image;
    const struct bg_virtio_gpu_rect all = {0, 0, image->width, image->height};
    int error;

    if (hot_x >= BG_VIRTIO_GPU_CURSOR_SIZE || hot_y >= BG_VIRTIO_GPU_CURSOR_SIZE) {
        return BG_ERR_INVALID;
    }
    /* 0xAARRGGBB is B8G8R8A8 in memory. */
    memcpy(image->pixels, argb, (size_t)image->stride * image->height);
    /* 5.7.6.10: filled before the cursor queue names it, which a fence makes sure. */
    error =
        bg_virtio_gpu_cmd_transfer_to_host_2d(cursor->gpu, &flush, image->resource_id, &all, 0)
            ?: bg_virtio_gpu_wait(cursor->gpu, &flush, bg_hal_time_ns() + cursor->gpu->timeout_ns);
    if (error < 0) {
        return error;
    }
    cursor->state.hot_x = hot_x;
    cursor->state.hot_y = hot_y;
    return cursor->is_visible ? bg_virtio_gpu_cursor_show(cursor, cursor->state.scanout,
                                                          cursor->state.x, cursor->state.y)
                              : 0;
}

int bg_virtio_gpu_cursor_show(struct bg_virtio_gpu_cursor *cursor, uint32_t scanout, uint32_t x,
                              uint32_t y)
{
    struct bg_virtio_gpu_cursor_state state = cursor->state;

    state.scanout = scanout;
    state.x = x;
    state.y = y;
    state.resource_id = cursor->image.resource_id;
    return update(cursor, &state);
}

int bg_virtio_gpu_cursor_move(struct bg_virtio_gpu_cursor *cursor, uint32_t x, uint32_t y)
{
    struct bg_virtio_gpu_cursor_state state = cursor->state;
    int error;

    if (!cursor->is_visible) {
        return BG_ERR_INVALID;
    }
    error = finish_move(cursor);
    if (error < 0) {
        return error;
    }
    state.x = x;
    state.y = y;
    cursor->op = (struct bg_virtio_gpu_op){0};
    error = bg_virtio_gpu_cmd_move_cursor(cursor->gpu, &cursor->op, &state);
    if (error < 0) {
        cursor->op.error = 0;
        return error;
    }
    cursor->state = state;
    error = bg_virtio_gpu_kick(cursor->gpu);
    return error < 0 ? error : 0;
}

int bg_virtio_gpu_cursor_hide(struct bg_virtio_gpu_cursor *cursor)
{
    struct bg_virtio_gpu_cursor_state state = cursor->state;

    state.resource_id = 0;
    return update(cursor, &state);
}
