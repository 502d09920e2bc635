/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/apps/draw/screen_console.h"

#include <stdio.h>

#include "firmware/apps/draw/text_console.h"
#include "firmware/platform/console.h"

static struct text_console console;
static struct bg_virtio_gpu_display *screen;
static int first_error;

static void add_damage(void *context, int32_t x, int32_t y, int32_t width, int32_t height)
{
    bg_virtio_gpu_display_damage(context, (uint32_t)x, (uint32_t)y, (uint32_t)width,
                                 (uint32_t)height);
}

/* Shown at the end of each write, with one notification. */
static void mirror(const char *text, size_t size)
{
    text_console_write(&console, text, size);
    int error = bg_virtio_gpu_display_present(screen);

    if (error < 0 && first_error == 0) {
        first_error = error;
    }
}

void screen_console_start(struct bg_virtio_gpu_display *display)
{
    struct bg_virtio_gpu_framebuffer *fb = bg_virtio_gpu_display_buffer(display);
    const struct canvas canvas = draw_canvas_of(fb);

    fflush(stdout);
    text_console_init(&console, &canvas, &font_normal);
    console.damage = add_damage;
    console.context = display;
    screen = display;
    first_error = 0;
    bg_virtio_gpu_display_damage(display, 0, 0, fb->width, fb->height);
    mirror("", 0);
    console_set_mirror(mirror);
}

int screen_console_stop(void)
{
    fflush(stdout);
    console_set_mirror(NULL);
    return first_error;
}
