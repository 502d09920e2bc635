/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=bench-gpu: what a screen costs, one JSON object per line behind "BENCH ". Options: frames=
 * (120) and updates= (3000).
 *
 *   gpu_fullscreen    frames of one colour: a fill of the memory, then everything is shown
 *   gpu_flush         the same frame shown again and again: without the fill
 *   gpu_flip          frames of one colour with page flips
 *   gpu_rectangle     squares of 64 x 64 pixels, each shown at once
 *   boot_to_pci, boot_to_gpu, boot_to_frame   first instruction to the end of the PCI enumeration,
 *                     to a GPU that takes commands, to a first, black frame on the screen
 *
 * `per_s` is frames per second. `notifications` and `accesses` are those of all frames together:
 * each access of a register, a notification too, is an exit where the guest runs on hardware.
 *
 * run=bench-pixel: shows a picture of 640 x 480 pixels as soon as it can, and for a minute, for a
 * host that looks at it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "baregpu/hal.h"
#include "firmware/apps/app.h"
#include "firmware/apps/open/gpu.h"
#include "firmware/apps/open/pci.h"
#include "firmware/platform/timer.h"

#define FRAMES_DEFAULT 120u
#define UPDATES_DEFAULT 3000u
#define COUNT_MAX 1000000u
#define WARM_UP 5u
#define SQUARE 64u
#define NS_PER_S UINT64_C(1000000000)
#define PIXEL_SHOWN_NS (60 * NS_PER_S)
#define PIXEL_WIDTH 640u
#define PIXEL_HEIGHT 480u

static struct bg_virtio_gpu gpu;
static struct bg_virtio_gpu_display display;

/* ---- Counting: what the driver asks of its transport ---- */

static const struct bg_virtio_transport_ops *transport;
static uint64_t accesses;

static uint8_t count_read_status(struct bg_virtio_device *device)
{
    accesses++;
    return transport->read_status(device);
}

static uint32_t count_generation(struct bg_virtio_device *device)
{
    accesses++;
    return transport->config_generation(device);
}

static uint32_t count_read_config(struct bg_virtio_device *device, uint32_t offset, unsigned width)
{
    accesses++;
    return transport->read_config(device, offset, width);
}

static void count_write_config(struct bg_virtio_device *device, uint32_t offset, unsigned width,
                               uint32_t value)
{
    accesses++;
    transport->write_config(device, offset, width, value);
}

static void count_notify(struct bg_virtio_device *device,
                         const struct bg_virtio_notify_target *target, uint32_t value)
{
    accesses++;
    transport->notify(device, target, value);
}

static uint32_t count_take_interrupt(struct bg_virtio_device *device)
{
    accesses++;
    return transport->take_interrupt(device);
}

/* All that a started device is asked. */
static void count_accesses(void)
{
    static struct bg_virtio_transport_ops counting;

    transport = gpu.device->ops;
    counting = *transport;
    counting.read_status = count_read_status;
    counting.config_generation = count_generation;
    counting.read_config = count_read_config;
    counting.write_config = count_write_config;
    counting.notify = count_notify;
    counting.take_interrupt = count_take_interrupt;
    gpu.device->ops = &counting;
}

/* ---- Drawing ---- */

typedef uint32_t pixels4 __attribute__((vector_size(16)));

static uint32_t color_of(uint32_t frame)
{
    return bg_virtio_gpu_pixel(display.buffers[0].format, (uint8_t)(frame * 3),
                               (uint8_t)(frame * 5), (uint8_t)(128 + frame), 255);
}

/* `width` is a multiple of 16. */
static void fill(uint32_t x, uint32_t y, uint32_t width, uint32_t height, uint32_t color)
{
    struct bg_virtio_gpu_framebuffer *fb = bg_virtio_gpu_display_buffer(&display);
    const pixels4 value = {color, color, color, color};

    for (uint32_t row = y; row < y + height; row++) {
        pixels4 *at = (pixels4 *)(void *)(bg_virtio_gpu_row(fb, row) + x), *end = at + width / 4;

        for (; at < end; at += 4) {
            at[0] = value;
            at[1] = value;
            at[2] = value;
            at[3] = value;
        }
    }
    bg_virtio_gpu_display_damage(&display, x, y, width, height);
}

static void draw_full(uint32_t frame)
{
    fill(0, 0, display.width, display.height, color_of(frame));
}

static void draw_nothing(uint32_t frame)
{
    (void)frame;
    bg_virtio_gpu_display_damage(&display, 0, 0, display.width, display.height);
}

/* Over the whole screen, never twice in a row at one place. */
static void draw_square(uint32_t frame)
{
    uint32_t columns = display.width / SQUARE, rows = display.height / SQUARE;
    uint32_t place = frame * 7 % (columns * rows);

    fill(place % columns * SQUARE, place / columns * SQUARE, SQUARE, SQUARE, color_of(frame));
}

/* ---- Measuring ---- */

static int measure(const char *name, void (*draw)(uint32_t frame), uint32_t count)
{
    uint64_t start_ns = 0, spent_ns, notifications = 0;
    int error = 0;

    for (uint32_t frame = 0; frame < WARM_UP + count && error >= 0; frame++) {
        if (frame == WARM_UP) {
            accesses = 0;
            notifications = gpu.control.notifications + gpu.cursor.notifications;
            start_ns = bg_hal_time_ns();
        }
        draw(frame);
        error = bg_virtio_gpu_display_present(&display);
    }
    spent_ns = bg_hal_time_ns() - start_ns;
    notifications = gpu.control.notifications + gpu.cursor.notifications - notifications;
    if (!gpu_host_check("Showing a frame", error)) {
        return 1;
    }
    printf("BENCH {\"name\": \"%s\", \"per_s\": %" PRIu64 ", \"n\": %" PRIu32
           ", \"mean_ns\": %" PRIu64 ", \"notifications\": %" PRIu64 ", \"accesses\": %" PRIu64
           ", \"width\": %" PRIu32 ", \"height\": %" PRIu32 "}\n",
           name, count * NS_PER_S / spent_ns, count, spent_ns / count, notifications, accesses,
           display.width, display.height);
    return 0;
}

static bool open_display(bool is_double_buffered)
{
    const struct bg_virtio_gpu_display_options options = {.is_double_buffered = is_double_buffered};

    return gpu_host_check("Opening the display",
                          bg_virtio_gpu_display_open(&display, &gpu, &options));
}

static bool close_display(void)
{
    return gpu_host_check("Closing the display", bg_virtio_gpu_display_close(&display));
}

static void print_time(const char *name, uint64_t value_ns)
{
    printf("BENCH {\"name\": \"%s\", \"value\": %" PRIu64 ", \"unit\": \"ns\"}\n", name, value_ns);
}

static int run_bench_gpu(void)
{
    uint32_t frames = (uint32_t)app_option_number("frames", FRAMES_DEFAULT, 1, COUNT_MAX);
    uint32_t updates = (uint32_t)app_option_number("updates", UPDATES_DEFAULT, 1, COUNT_MAX);

    if (gpu_host_open(&gpu) < 0) {
        return 1;
    }
    uint64_t gpu_ns = timer_since_entry_ns();

    if (!open_display(false)) {
        return 1;
    }
    uint64_t frame_ns = timer_since_entry_ns();

    print_time("boot_to_pci", machine_pci_ready_ns());
    print_time("boot_to_gpu", gpu_ns);
    print_time("boot_to_frame", frame_ns);
    if (display.width % 16 != 0 || display.width < SQUARE || display.height < SQUARE) {
        printf("The screen is to be a multiple of 16 pixels wide.\n");
        return 2;
    }
    count_accesses();
    int status = measure("gpu_fullscreen", draw_full, frames) |
                 measure("gpu_flush", draw_nothing, frames) |
                 measure("gpu_rectangle", draw_square, updates);

    if (!close_display() || !open_display(true)) {
        return 1;
    }
    status |= measure("gpu_flip", draw_full, frames);
    return close_display() && gpu_host_check("Closing the GPU", bg_virtio_gpu_close(&gpu)) ? status
                                                                                           : 1;
}

APP(bench_gpu, "times: full-screen frames, page flips, small updates on a virtio GPU",
    run_bench_gpu, "frames updates");

/* Drawn before it is shown: the first picture that a host sees is the whole one. */
static int show_pixels(struct bg_virtio_gpu_framebuffer *fb)
{
    int error = bg_virtio_gpu_framebuffer_create(fb, &gpu, PIXEL_WIDTH, PIXEL_HEIGHT,
                                                 BG_VIRTIO_GPU_FORMAT_DEFAULT, 0);

    if (error < 0) {
        return error;
    }
    for (uint32_t y = 0; y < fb->height; y++) {
        uint32_t color = bg_virtio_gpu_pixel(fb->format, (uint8_t)y, 128, 255, 255);

        for (uint32_t x = 0; x < fb->width; x++) {
            bg_virtio_gpu_row(fb, y)[x] = color;
        }
    }
    bg_virtio_gpu_framebuffer_damage(fb, 0, 0, fb->width, fb->height);
    error = bg_virtio_gpu_framebuffer_show(fb, 0, NULL);
    return error < 0 ? error : bg_virtio_gpu_framebuffer_flush(fb);
}

static int run_bench_pixel(void)
{
    static struct bg_virtio_gpu_framebuffer fb;

    if (gpu_host_open(&gpu) < 0 || !gpu_host_check("Showing a frame", show_pixels(&fb))) {
        return 1;
    }
    print_time("boot_to_pixel", timer_since_entry_ns());
    timer_delay_ns(PIXEL_SHOWN_NS);
    return gpu_host_check("Removing it", bg_virtio_gpu_framebuffer_destroy(&fb)) &&
                   gpu_host_check("Closing the GPU", bg_virtio_gpu_close(&gpu))
               ? 0
               : 1;
}

APP(bench_pixel, "a frame as soon as possible, for a host that measures", run_bench_pixel, "");
