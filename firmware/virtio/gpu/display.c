/* SPDX-License-Identifier: BSD-2-Clause */
/* Displays: page flips and mode changes. Virtio 1.4, 5.7.6.3. */
#include "firmware/virtio/gpu/display.h"

#include "baregpu/hal.h"

static struct bg_virtio_gpu_framebuffer *back_buffer(struct bg_virtio_gpu_display *display)
{
    return &display->buffers[display->back];
}

/* The one that is, or will be, on the screen. */
static struct bg_virtio_gpu_framebuffer *front_buffer(struct bg_virtio_gpu_display *display)
{
    return &display->buffers[display->buffer_count - 1 - display->back];
}

/* Shows a buffer with all of its content: transfers, scanout, flush, in one notification. */
static int flip_begin(struct bg_virtio_gpu_display *display, struct bg_virtio_gpu_framebuffer *fb)
{
    const struct bg_virtio_gpu_rect all = {.width = fb->width, .height = fb->height};
    struct bg_virtio_gpu_frame *frame = &fb->frame;
    int error =
        gpu_frame_damage(fb, frame)
            ?: gpu_framebuffer_set_scanout(fb, gpu_frame_next(frame, 0), display->scanout, NULL)
            ?: bg_virtio_gpu_cmd_resource_flush(fb->gpu,
                                                gpu_frame_next(frame, BG_VIRTIO_GPU_OP_FENCE),
                                                fb->resource_id, &all)
            ?: bg_virtio_gpu_kick(fb->gpu);

    return error < 0 ? error : 0;
}

static int show_first(struct bg_virtio_gpu_display *display)
{
    struct bg_virtio_gpu_framebuffer *fb = front_buffer(display);
    int error, end;

    bg_virtio_gpu_framebuffer_damage(fb, 0, 0, fb->width, fb->height);
    error = flip_begin(display, fb);
    end = bg_virtio_gpu_framebuffer_flush_end(fb);
    if (error == 0 && end == 0) {
        fb->damage.count = 0;
    }
    return error ?: end;
}

static uint32_t limited(uint32_t value, uint32_t min, uint32_t max)
{
    value = value < min ? min : value;
    return max != 0 && value > max ? max : value;
}

/* What the device prefers, as far as that is allowed, or the fallback of 5.7.5. */
static int take_preferred_size(struct bg_virtio_gpu_display *display,
                               const struct bg_virtio_gpu_display_options *options)
{
    const struct bg_virtio_gpu_display_one *info = &display->gpu->displays[display->scanout];
    int error = bg_virtio_gpu_update_displays(display->gpu);

    if (error < 0) {
        return error;
    }
    display->width = BG_VIRTIO_GPU_FALLBACK_WIDTH;
    display->height = BG_VIRTIO_GPU_FALLBACK_HEIGHT;
    if (info->enabled && gpu_is_display_size(&info->r)) {
        display->width = info->r.width;
        display->height = info->r.height;
    }
    display->width = limited(display->width, options->min_width, options->max_width);
    display->height = limited(display->height, options->min_height, options->max_height);
    return 0;
}

static int create_buffers(struct bg_virtio_gpu_display *display,
                          const struct bg_virtio_gpu_display_options *options)
{
    uint64_t max_width = options->max_width > display->width ? options->max_width : display->width;
    uint64_t max_height =
        options->max_height > display->height ? options->max_height : display->height;
    uint32_t format = options->format ? options->format : BG_VIRTIO_GPU_FORMAT_DEFAULT;
    int error = 0;

    if (max_width * max_height > UINT32_MAX / BG_VIRTIO_GPU_PIXEL_SIZE) {
        return BG_ERR_INVALID;
    }
    for (unsigned i = 0; i < display->buffer_count && error == 0; i++) {
        struct bg_virtio_gpu_framebuffer *fb = &display->buffers[i];

        /* The device shows its own copy of what is not a blob: one memory does for both. */
        error = i > 0 && !display->buffers[0].is_blob
                    ? gpu_framebuffer_create_shared(fb, &display->buffers[0])
                    : bg_virtio_gpu_framebuffer_create(
                          fb, display->gpu, display->width, display->height, format,
                          max_width * max_height * BG_VIRTIO_GPU_PIXEL_SIZE);
    }
    return error;
}

int bg_virtio_gpu_display_open(struct bg_virtio_gpu_display *display, struct bg_virtio_gpu *gpu,
                               const struct bg_virtio_gpu_display_options *options)
{
    static const struct bg_virtio_gpu_display_options defaults;
    int error = 0;

    if (options == NULL) {
        options = &defaults;
    }
    memset(display, 0, sizeof(*display));
    if (options->scanout >= gpu->scanout_count) {
        return BG_ERR_RANGE;
    }
    display->gpu = gpu;
    display->scanout = options->scanout;
    display->width = options->width;
    display->height = options->height;
    display->buffer_count = options->is_double_buffered ? 2 : 1;
    if (options->width == 0 || options->height == 0) {
        error = take_preferred_size(display, options);
    }
    error = error ?: create_buffers(display, options) ?: show_first(display);
    if (error < 0) {
        bg_virtio_gpu_display_close(display);
    } else if (display->buffer_count == 2) {
        bg_virtio_gpu_framebuffer_damage(back_buffer(display), 0, 0, display->width,
                                         display->height);
    }
    return error;
}

int bg_virtio_gpu_display_close(struct bg_virtio_gpu_display *display)
{
    int first = 0;

    if (display->buffers[0].resource_id != 0 && display->gpu->memory != NULL) {
        first = bg_virtio_gpu_cmd_set_scanout(display->gpu, NULL, display->scanout, 0, NULL);
    }
    for (unsigned i = display->buffer_count; i-- > 0;) {
        int error = bg_virtio_gpu_framebuffer_destroy(&display->buffers[i]);

        if (first == 0) {
            first = error;
        }
        if (error < 0 && display->buffers[i].is_shared) {
            break; /* the first one's memory is still in use */
        }
    }
    return first;
}

void bg_virtio_gpu_display_damage(struct bg_virtio_gpu_display *display, uint32_t x, uint32_t y,
                                  uint32_t width, uint32_t height)
{
    bg_virtio_gpu_framebuffer_damage(back_buffer(display), x, y, width, height);
}

static void copy_rect(struct bg_virtio_gpu_framebuffer *to,
                      const struct bg_virtio_gpu_framebuffer *from,
                      const struct bg_virtio_gpu_rect *r)
{
    for (uint32_t y = r->y; y < r->y + r->height; y++) {
        memcpy(bg_virtio_gpu_row(to, y) + r->x, bg_virtio_gpu_row(from, y) + r->x,
               (size_t)r->width * BG_VIRTIO_GPU_PIXEL_SIZE);
    }
}

/* What is new in `from` goes to `to` as well, whose resource does not have it yet. */
static void copy_damage(struct bg_virtio_gpu_framebuffer *to,
                        const struct bg_virtio_gpu_framebuffer *from)
{
    for (uint32_t i = 0; i < from->damage.count; i++) {
        const struct bg_virtio_gpu_rect *r = &from->damage.rects[i];

        if (to->pixels != from->pixels) {
            copy_rect(to, from, r);
        }
        bg_virtio_gpu_framebuffer_damage(to, r->x, r->y, r->width, r->height);
    }
}

int bg_virtio_gpu_display_present_begin(struct bg_virtio_gpu_display *display)
{
    struct bg_virtio_gpu_framebuffer *fb = back_buffer(display);
    int error;

    if (display->buffer_count == 1) {
        return bg_virtio_gpu_framebuffer_flush_begin(fb);
    }
    error = bg_virtio_gpu_framebuffer_flush_end(fb);
    if (error < 0 || fb->damage.count == 0) { /* nothing new: what is shown may stay */
        return error;
    }
    return flip_begin(display, fb);
}

int bg_virtio_gpu_display_present_end(struct bg_virtio_gpu_display *display)
{
    struct bg_virtio_gpu_framebuffer *fb = back_buffer(display);
    bool is_flip = display->buffer_count == 2 && fb->frame.count > 0;
    int error = bg_virtio_gpu_framebuffer_flush_end(fb);

    if (is_flip && error == 0) {
        display->back = 1 - display->back;
        copy_damage(back_buffer(display), fb);
        fb->damage.count = 0;
    }
    return error;
}

int bg_virtio_gpu_display_present(struct bg_virtio_gpu_display *display)
{
    int error = bg_virtio_gpu_display_present_begin(display);

    if (error < 0) {
        (void)gpu_frame_end(display->gpu, &back_buffer(display)->frame);
        return error;
    }
    return bg_virtio_gpu_display_present_end(display);
}

/* ---- Modes ---- */

static int resize_buffers(struct bg_virtio_gpu_display *display, uint32_t width, uint32_t height)
{
    unsigned resized = 0;
    int error = 0;

    for (unsigned i = 0; i < display->buffer_count && error == 0; i++) { /* before it is cleared */
        error = bg_virtio_gpu_framebuffer_flush_end(&display->buffers[i]);
    }
    for (; resized < display->buffer_count && error == 0; resized++) {
        error = bg_virtio_gpu_framebuffer_resize(&display->buffers[resized], width, height);
    }
    for (unsigned i = 0; error < 0 && i + 1 < resized; i++) { /* the last one is as it was */
        gpu_framebuffer_put_back(&display->buffers[i], display->width, display->height);
    }
    return error;
}

int bg_virtio_gpu_display_set_mode(struct bg_virtio_gpu_display *display, uint32_t width,
                                   uint32_t height)
{
    int error = resize_buffers(display, width, height), first = 0;

    if (error < 0) {
        return error;
    }
    error = show_first(display);
    if (error < 0) { /* the old mode goes on */
        for (unsigned i = 0; i < display->buffer_count; i++) {
            gpu_framebuffer_put_back(&display->buffers[i], display->width, display->height);
        }
        (void)show_first(display); /* the scanout may have been changed already */
        return error;
    }
    display->width = width;
    display->height = height;
    for (unsigned i = 0; i < display->buffer_count; i++) {
        error = bg_virtio_gpu_framebuffer_release_old(&display->buffers[i]);
        if (first == 0) {
            first = error;
        }
    }
    return first;
}

int bg_virtio_gpu_display_restore(struct bg_virtio_gpu_display *display)
{
    int error = 0;

    for (unsigned i = 0; i < display->buffer_count && error == 0; i++) {
        struct bg_virtio_gpu_framebuffer *fb = &display->buffers[i];

        error = gpu_framebuffer_replace(fb);
        bg_virtio_gpu_framebuffer_damage(fb, 0, 0, fb->width, fb->height);
        if (error == 0) {
            error = bg_virtio_gpu_framebuffer_release_old(fb);
        }
    }
    return error ?: show_first(display);
}
