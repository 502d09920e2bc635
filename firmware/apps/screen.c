/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=screen: a picture, an animation with page flips, a moving cursor, and what the kernel prints,
 * on a virtio GPU.
 *
 * Options: frames=N (240) of the animation, width= and height= (what the display prefers),
 * hold=SECONDS (0): how long each stage stays, for a person, shots=1: the host takes a picture of
 * each stage.
 */
#include <inttypes.h>
#include <stdio.h>

#include "baregpu/hal.h"
#include "firmware/apps/app.h"
#include "firmware/apps/open/gpu.h"
#include "firmware/apps/open/screenshot.h"
#include "firmware/apps/open/pci.h"
#include "firmware/apps/draw/picture.h"
#include "firmware/apps/open/virtio.h"
#include "firmware/apps/screen.h"
#include "firmware/apps/draw/text_console.h"
#include "firmware/platform/console.h"
#include "firmware/platform/timer.h"

#define MODES_MAX 32
#define SECOND_NS 1000000000ull
#define CURSOR_STEPS 120u
/* The largest window that the display follows: 18 MB for two buffers. */
#define MAX_WIDTH 1920u
#define MAX_HEIGHT 1200u

static struct bg_virtio_gpu gpu;
static struct bg_virtio_gpu_display display;
static struct bg_virtio_gpu_cursor cursor;

static struct host_show options;

void screen_read_options(void)
{
    options = host_show_read(240, PICTURE_SIDE_MIN, BG_VIRTIO_GPU_DISPLAY_SIZE_MAX);
}

/* Who looks at a window should know what it waits for. */
static void print_hold(void)
{
    if (options.hold_ns > 0) {
        printf("Each part stays for %u s (hold=SECONDS).\n",
               (unsigned)(options.hold_ns / SECOND_NS));
    }
}

/* ---- What is connected ---- */

static void print_screen(uint32_t scanout)
{
    static struct bg_virtio_gpu_screen screen;
    static struct bg_virtio_gpu_mode modes[MODES_MAX];

    if (!gpu_host_check("Asking for the display",
                        bg_virtio_gpu_get_screen(&gpu, scanout, &screen))) {
        return;
    }
    size_t count = bg_virtio_gpu_screen_modes(&screen, modes, MODES_MAX);

    printf("Display %" PRIu32 ": %s", scanout, screen.is_enabled ? "connected" : "off");
    if (screen.has_edid) {
        printf(", %s \"%s\", %u x %u mm", screen.edid.manufacturer, screen.edid.name,
               screen.edid.width_mm, screen.edid.height_mm);
    }
    printf("\n  modes:");
    for (size_t i = 0; i < count; i++) {
        printf(" %" PRIu32 "x%" PRIu32 "%s", modes[i].width, modes[i].height,
               modes[i].is_preferred ? "*" : "");
    }
    printf("\n");
}

static bool open_display(bool is_double_buffered)
{
    const struct bg_virtio_gpu_display_options opening = {
        .width = options.width,
        .height = options.height,
        .min_width = PICTURE_SIDE_MIN,
        .min_height = PICTURE_SIDE_MIN,
        .max_width = MAX_WIDTH,
        .max_height = MAX_HEIGHT,
        .is_double_buffered = is_double_buffered,
    };

    return gpu_host_check("Opening the display",
                          bg_virtio_gpu_display_open(&display, &gpu, &opening));
}

static bool present(void)
{
    return gpu_host_check("Showing the frame", bg_virtio_gpu_display_present(&display));
}

/* ---- Stages ---- */

static bool show_picture(void)
{
    const struct canvas canvas = draw_canvas_of(bg_virtio_gpu_display_buffer(&display));
    uint64_t start_ns = bg_hal_time_ns(), drawn_ns;

    picture_draw(&canvas);
    drawn_ns = bg_hal_time_ns();
    bg_virtio_gpu_display_damage(&display, 0, 0, display.width, display.height);
    if (!present()) {
        return false;
    }
    printf("Picture: %" PRIu32 " x %" PRIu32 ", drawn in %" PRIu64 " us, shown in %" PRIu64 " us\n",
           display.width, display.height, (drawn_ns - start_ns) / 1000,
           (bg_hal_time_ns() - drawn_ns) / 1000);
    return host_show_stage(&options, "picture");
}

static bool move_cursor(void)
{
    static uint32_t image[BG_VIRTIO_GPU_CURSOR_SIZE * BG_VIRTIO_GPU_CURSOR_SIZE];
    uint64_t start_ns = bg_hal_time_ns();

    picture_draw_pointer(image);
    if (!gpu_host_check("Creating the cursor", bg_virtio_gpu_cursor_create(&cursor, &gpu)) ||
        !gpu_host_check("Drawing the cursor",
                        bg_virtio_gpu_cursor_set_image(&cursor, image, PICTURE_POINTER_HOT,
                                                       PICTURE_POINTER_HOT)) ||
        !gpu_host_check("Showing the cursor", bg_virtio_gpu_cursor_show(&cursor, 0, 0, 0))) {
        return false;
    }
    for (uint32_t i = 1; i <= CURSOR_STEPS; i++) {
        uint32_t x = display.width * i / CURSOR_STEPS / 2;
        uint32_t y = display.height * i / CURSOR_STEPS / 2;

        if (!gpu_host_check("Moving the cursor", bg_virtio_gpu_cursor_move(&cursor, x, y))) {
            return false;
        }
        timer_delay_ns(options.hold_ns / CURSOR_STEPS);
    }
    printf("Cursor: %u moves in %" PRIu64 " us\n", CURSOR_STEPS,
           (bg_hal_time_ns() - start_ns) / 1000);
    return true;
}

static uint32_t side_within(uint32_t side, uint32_t max)
{
    return side < PICTURE_SIDE_MIN ? PICTURE_SIDE_MIN : side > max ? max : side;
}

/* Follows a window that a person resizes. Returns whether the picture has to be drawn anew. */
static bool follow_window(void)
{
    const struct bg_virtio_gpu_display_one *window = &gpu.displays[display.scanout];
    uint32_t changed, width, height;

    if (bg_virtio_gpu_poll_displays(&gpu, &changed) <= 0 || !(changed & 1u << display.scanout) ||
        !window->enabled || window->r.width == 0 || window->r.height == 0) {
        return false;
    }
    width = side_within(window->r.width, MAX_WIDTH);
    height = side_within(window->r.height, MAX_HEIGHT);
    return (width != display.width || height != display.height) &&
           gpu_host_check("Changing the mode",
                          bg_virtio_gpu_display_set_mode(&display, width, height));
}

static bool animate(void)
{
    uint32_t frames = options.frames;
    uint64_t start_ns = bg_hal_time_ns(), notifications = gpu.control.notifications, spent_ns;

    for (uint32_t frame = 0; frame < frames; frame++) {
        bool is_new = frame > 0 && follow_window();
        const struct canvas canvas = draw_canvas_of(bg_virtio_gpu_display_buffer(&display));
        struct bg_virtio_gpu_rect changed;

        if (is_new) {
            picture_draw_ground(&canvas);
            bg_virtio_gpu_display_damage(&display, 0, 0, display.width, display.height);
        }
        picture_draw_frame(&canvas, frame, &changed);
        bg_virtio_gpu_display_damage(&display, changed.x, changed.y, changed.width, changed.height);
        if (!present()) {
            return false;
        }
        timer_delay_ns(options.hold_ns > 0 ? SECOND_NS / 60 : 0);
    }
    spent_ns = bg_hal_time_ns() - start_ns;
    notifications = gpu.control.notifications - notifications;
    printf("Animation: %" PRIu32 " frames with page flips in %" PRIu64 " ms, %" PRIu64
           " notifications\n",
           frames, spent_ns / 1000000, notifications);
    return host_show_stage(&options, "animation");
}

static void print_samples(void)
{
    printf("\x1B[1mA console on the screen\x1B[0m: UTF-8, colours, scrolling\n\n");
    for (int i = 0; i < 8; i++) {
        printf("  \x1B[3%dmcolour %d\x1B[0m  \x1B[1;3%dmbright %d\x1B[0m  \x1B[4%d;97m ground %d "
               "\x1B[0m  \x1B[7;3%dm reverse \x1B[0m\n",
               i, i, i, i, i, i, i);
    }
    printf("  ");
    for (int i = 0; i < 36; i++) {
        printf("\x1B[48;5;%dm ", 16 + i);
    }
    printf("\x1B[0m\n  Grüße, façade, œuvre, čeština, Žluťoučký kůň, ångström, ½ ¼ ¾ ± × ÷ €\n\n");
}

/* ---- What programs print, on the display ---- */

static struct text_console console;
static int console_error; /* the first that showing met */

static void add_damage(void *context, int32_t x, int32_t y, int32_t width, int32_t height)
{
    bg_virtio_gpu_display_damage(context, (uint32_t)x, (uint32_t)y, (uint32_t)width,
                                 (uint32_t)height);
}

/* Shown at the end of each write, with one notification. */
static void mirror(const char *text, size_t size)
{
    text_console_write(&console, text, size);
    int error = bg_virtio_gpu_display_present(&display);

    console_error = console_error ?: error;
}

/* Clears the display, which has one buffer, and mirrors what is printed from here on. */
static void start_console(void)
{
    const struct canvas canvas = draw_canvas_of(bg_virtio_gpu_display_buffer(&display));

    fflush(stdout);
    text_console_init(&console, &canvas, &font_normal);
    console.damage = add_damage;
    console.context = &display;
    console_error = 0;
    bg_virtio_gpu_display_damage(&display, 0, 0, display.width, display.height);
    mirror("", 0);
    console_set_mirror(mirror);
}

static bool show_console(void)
{
    struct bg_pci_host *host;

    start_console();
    for (unsigned i = 1; i <= display.height / 16 + 8; i++) {
        printf("line %u, which scrolls away\n", i);
    }
    printf("\x1B[2J\x1B[H");
    print_samples();
    host = machine_pci();
    if (host != NULL) {
        printf("PCI\n");
        bg_pci_list_tree(host, machine_pci_print, NULL);
    }
    print_screen(0);
    bool is_good = host_show_stage(&options, "console");

    fflush(stdout);
    console_set_mirror(NULL);
    return gpu_host_check("Printing on the screen", console_error) && is_good;
}

static bool close_display(void)
{
    return gpu_host_check("Closing the display", bg_virtio_gpu_display_close(&display));
}

static bool run_stages(void)
{
    print_screen(0);
    if (!open_display(true)) {
        return false;
    }
    if (!show_picture() || !move_cursor() || !animate() ||
        !gpu_host_check("Removing the cursor", bg_virtio_gpu_cursor_destroy(&cursor)) ||
        !close_display()) {
        return false;
    }
    return open_display(false) && show_console() && close_display();
}

bool screen_demo(void)
{
    static struct bg_virtio_device probe;

    if (virtio_host_open(&probe, BG_VIRTIO_ID_GPU, 0, NULL) == BG_ERR_NOT_FOUND) {
        return true;
    }
    printf("\nScreen\n");
    if (gpu_host_open(&gpu) < 0) {
        return false;
    }
    print_hold();

    bool is_good = open_display(false) && show_picture() && close_display();

    return gpu_host_check("Closing the GPU", bg_virtio_gpu_close(&gpu)) && is_good;
}

static int run_screen(void)
{
    screen_read_options();
    if (gpu_host_open(&gpu) < 0) {
        return 1;
    }
    print_hold();

    bool is_good = run_stages();

    return gpu_host_check("Closing the GPU", bg_virtio_gpu_close(&gpu)) && is_good ? 0 : 1;
}

APP(screen, "a picture, an animation, a cursor and a console on a virtio GPU", run_screen,
    "frames width height hold shots");
