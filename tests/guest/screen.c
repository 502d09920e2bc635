/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-screen: what a virtio GPU shows, with a host that looks at each picture. The guest tells
 * over the UART what there has to be (open/screenshot.h), and the host compares every pixel:
 *
 *     @pattern SCANOUT STEP WIDTH HEIGHT FROM_X FROM_Y [X Y W H STEP2]
 *                        picture_pattern of SCANOUT and STEP, from FROM_X, FROM_Y of it on; inside
 *                        the rectangle that of STEP2
 *     @picture WIDTH HEIGHT, @frame WIDTH HEIGHT NUMBER
 *                        what picture.c draws
 *     @console WIDTH HEIGHT
 *                        what text_console.c makes of the text below
 *     @cursor X Y, @nocursor
 *     @resize WIDTH HEIGHT
 *                        please make the window that large; answered by "done" or "skip"
 *
 * An answer of "bad" is a failure. Options: packed=0|1, event_idx=0|1, indirect=0|1: that the
 * queues are to be so; scanouts=N; smmu=1: the machine has an SMMU, and bus addresses are its.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/hal.h"
#include "firmware/apps/app.h"
#include "firmware/apps/open/gpu.h"
#include "firmware/apps/open/screenshot.h"
#include "firmware/apps/draw/picture.h"
#include "tests/guest/lib/screen_content.h"
#include "tests/guest/lib/smmu.h"
#include "tests/guest/lib/tap.h"
#include "firmware/apps/draw/text_console.h"

#define EVENT_TIMEOUT_NS 20000000000ull

static struct bg_virtio_gpu gpu;
static struct bg_virtio_gpu_display displays[BG_VIRTIO_GPU_MAX_SCANOUTS];

/* Asks the host, which knows what to look for by the words. */
static bool host_agrees(const char *what, const char *words)
{
    char answer[16];

    return host_shot_ask(what, words, answer, sizeof(answer)) && strcmp(answer, "ok") == 0;
}

static void draw(struct bg_virtio_gpu_display *display, uint32_t step)
{
    const struct canvas canvas = draw_canvas_of(bg_virtio_gpu_display_buffer(display));

    picture_draw_pattern(&canvas, display->scanout, step);
}

static bool show(struct bg_virtio_gpu_display *display, uint32_t step)
{
    draw(display, step);
    bg_virtio_gpu_display_damage(display, 0, 0, display->width, display->height);
    return gpu_host_check("present", bg_virtio_gpu_display_present(display));
}

static bool is_shown(const struct bg_virtio_gpu_display *display, uint32_t step)
{
    char words[64];

    snprintf(words, sizeof(words), "%" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 " 0 0",
             display->scanout, step, display->width, display->height);
    return host_agrees("pattern", words);
}

/* ---- The device ---- */

static void check_feature(const char *key, uint64_t feature)
{
    int64_t expected = app_option_number(key, -1, 0, 1);

    if (expected >= 0) {
        tap_equal(bg_virtio_gpu_has(&gpu, feature), expected != 0, "%s is as asked for", key);
    }
}

static void test_device(void)
{
    static struct bg_virtio_gpu_screen screen;
    static struct bg_virtio_gpu_mode modes[64];
    check_feature("packed", BG_VIRTIO_F_RING_PACKED);
    check_feature("event_idx", BG_VIRTIO_F_EVENT_IDX);
    check_feature("indirect", BG_VIRTIO_F_INDIRECT_DESC);
    tap_equal(gpu.scanout_count, (unsigned)app_option_number("scanouts", 1, 0, UINT32_MAX),
              "number of scanouts");
    tap_ok(bg_virtio_gpu_get_screen(&gpu, 0, &screen) == 0 && screen.is_enabled,
           "display 0 is there");
    size_t count = bg_virtio_gpu_screen_modes(&screen, modes, 64);

    tap_ok(count >= 1 && modes[0].is_preferred && modes[0].width == screen.rect.width,
           "its preferred mode is %" PRIu32 "x%" PRIu32, modes[0].width, modes[0].height);
    if (bg_virtio_gpu_has(&gpu, BG_VIRTIO_GPU_F_EDID)) {
        tap_ok(screen.has_edid && count > 3 && screen.edid.name[0] != '\0' &&
                   screen.edid.width_mm > 0 && screen.edid.height_mm > 0,
               "its EDID: \"%s\", %u x %u mm, %u modes, %u of %u extensions", screen.edid.name,
               screen.edid.width_mm, screen.edid.height_mm, screen.edid.mode_count,
               screen.edid.extensions_valid, screen.edid.extension_count);
        const struct bg_edid_mode *best = bg_edid_preferred(&screen.edid);

        tap_ok(best != NULL && best->width == screen.rect.width &&
                   best->height == screen.rect.height,
               "its preferred timing is the display's size");
    }
}

/* ---- Pictures ---- */

/* Each scanout has its own picture and size. */
static void test_scanouts(void)
{
    for (uint32_t i = 0; i < gpu.scanout_count; i++) {
        const struct bg_virtio_gpu_display_options options = {
            .scanout = i,
            .width = i == 0 ? 0 : 320 + 16 * i,
            .height = i == 0 ? 0 : 200 + 8 * i,
        };

        tap_ok(gpu_host_check("open", bg_virtio_gpu_display_open(&displays[i], &gpu, &options)) &&
                   show(&displays[i], i),
               "scanout %" PRIu32 " shows a picture", i);
    }
    for (uint32_t i = 0; i < gpu.scanout_count; i++) {
        tap_ok(is_shown(&displays[i], i), "scanout %" PRIu32 ": every pixel is right", i);
    }
}

/* Only what is damaged changes on the screen, with one notification. */
static void test_damage(void)
{
    struct bg_virtio_gpu_display *display = &displays[0];
    uint64_t before = gpu.control.notifications;
    char words[96];

    draw(display, 50);
    bg_virtio_gpu_display_damage(display, 100, 50, 64, 33);
    tap_ok(gpu_host_check("present", bg_virtio_gpu_display_present(display)), "a part is shown");
    tap_equal(gpu.control.notifications - before, 1, "with one notification");
    snprintf(words, sizeof(words), "0 0 %" PRIu32 " %" PRIu32 " 0 0 100 50 64 33 50",
             display->width, display->height);
    tap_ok(host_agrees("pattern", words), "a part: every pixel is right");
}

/* A scanout shows a part of another's framebuffer. */
static void test_part(void)
{
    struct bg_virtio_gpu_framebuffer *fb = bg_virtio_gpu_display_buffer(&displays[0]);
    const struct bg_virtio_gpu_rect part = {.x = 40, .y = 30, .width = 200, .height = 100};
    uint32_t scanout = gpu.scanout_count - 1;

    tap_ok(show(&displays[0], 3) &&
               gpu_host_check("show", bg_virtio_gpu_framebuffer_show(fb, scanout, &part)),
           "scanout %" PRIu32 " shows a part of scanout 0's framebuffer", scanout);
    bg_virtio_gpu_framebuffer_damage(fb, 0, 0, fb->width, fb->height);
    bg_virtio_gpu_framebuffer_flush(fb);
    if (scanout == 0) {
        tap_ok(host_agrees("pattern", "0 3 200 100 40 30"), "a part: every pixel is right");
        return;
    }
    char words[64];

    /* The host looks at that scanout for the pattern of scanout 0. */
    snprintf(words, sizeof(words), "%" PRIu32 " 3 200 100 40 30 as 0", scanout);
    tap_ok(host_agrees("pattern", words), "a part: every pixel is right");
}

static void close_displays(void)
{
    bool is_good = true;

    for (uint32_t i = 0; i < gpu.scanout_count; i++) {
        is_good = gpu_host_check("close", bg_virtio_gpu_display_close(&displays[i])) && is_good;
    }
    tap_ok(is_good, "the displays close");
}

static void test_formats(void)
{
    for (unsigned i = 0; i < BG_VIRTIO_GPU_FORMAT_COUNT; i++) {
        const struct bg_virtio_gpu_display_options options = {
            .width = 211, .height = 97, .format = bg_virtio_gpu_formats[i]};
        const char *name = bg_virtio_gpu_format_name(bg_virtio_gpu_formats[i]);
        bool is_good =
            gpu_host_check("open", bg_virtio_gpu_display_open(&displays[0], &gpu, &options)) &&
            show(&displays[0], 20 + i) && is_shown(&displays[0], 20 + i);

        tap_ok(is_good, "format %s: every pixel is right", name);
        bg_virtio_gpu_display_close(&displays[0]);
    }
}

static void test_page_flip(void)
{
    const struct bg_virtio_gpu_display_options options = {
        .width = 400, .height = 300, .is_double_buffered = true};
    struct bg_virtio_gpu_display *display = &displays[0];

    tap_ok(gpu_host_check("open", bg_virtio_gpu_display_open(display, &gpu, &options)),
           "a display with two buffers");
    for (uint32_t step = 60; step < 64; step++) {
        uint64_t before = gpu.control.notifications;
        uint32_t resource = bg_virtio_gpu_display_buffer(display)->resource_id;

        tap_ok(show(display, step) &&
                   bg_virtio_gpu_display_buffer(display)->resource_id != resource &&
                   gpu.control.notifications - before == 1,
               "flip %" PRIu32 ", with one notification", step);
        tap_ok(is_shown(display, step), "flip %" PRIu32 ": every pixel is right", step);
    }
    tap_ok(gpu_host_check("close", bg_virtio_gpu_display_close(display)), "it closes");
}

/* ---- Modes ---- */

static bool wait_for_event(uint32_t *changed)
{
    uint64_t deadline_ns = bg_hal_time_ns() + EVENT_TIMEOUT_NS;

    while (bg_hal_time_ns() < deadline_ns) {
        int result = bg_virtio_gpu_poll_displays(&gpu, changed);

        if (result != 0) {
            return gpu_host_check("events", result) && (*changed & 1);
        }
        bg_hal_wait(deadline_ns);
    }
    return false;
}

/* The window is resized while the guest draws. */
static void test_resize(struct bg_virtio_gpu_display *display)
{
    char answer[16];
    uint32_t changed = 0;

    host_shot_ask("resize", "1000 720", answer, sizeof(answer));
    if (strcmp(answer, "done") != 0) {
        tap_skip("this host has no window to resize", "a display-change event");
        return;
    }
    tap_ok(wait_for_event(&changed), "a display-change event");
    tap_ok(gpu.displays[0].r.width == 1000 && gpu.displays[0].r.height == 720,
           "the new size is told");
    tap_ok(gpu_host_check("mode", bg_virtio_gpu_display_set_mode(display, 1000, 720)) &&
               show(display, 31) && is_shown(display, 31),
           "the display follows: every pixel is right");
    tap_equal((unsigned)bg_virtio_gpu_poll_displays(&gpu, &changed), 0, "the event is told once");
}

static void test_modes(void)
{
    static const uint16_t sizes[][2] = {{800, 600}, {1024, 768}, {333, 222}, {640, 480}};
    const struct bg_virtio_gpu_display_options options = {
        .width = 640, .height = 480, .max_width = 1024, .max_height = 768};
    struct bg_virtio_gpu_display *display = &displays[0];

    tap_ok(gpu_host_check("open", bg_virtio_gpu_display_open(display, &gpu, &options)),
           "a display with room for other modes");
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        tap_ok(gpu_host_check("mode",
                              bg_virtio_gpu_display_set_mode(display, sizes[i][0], sizes[i][1])) &&
                   show(display, 10 + i) && is_shown(display, 10 + i),
               "mode %ux%u: every pixel is right", sizes[i][0], sizes[i][1]);
    }
    test_resize(display);
    tap_ok(gpu_host_check("close", bg_virtio_gpu_display_close(display)), "it closes");
}

/* ---- Pictures of the apps ---- */

static void test_picture(void)
{
    const struct bg_virtio_gpu_display_options options = {.width = 800, .height = 600};
    struct bg_virtio_gpu_display *display = &displays[0];
    struct canvas canvas;
    struct bg_virtio_gpu_rect changed;

    tap_ok(gpu_host_check("open", bg_virtio_gpu_display_open(display, &gpu, &options)),
           "a display of 800x600");
    canvas = draw_canvas_of(bg_virtio_gpu_display_buffer(display));
    picture_draw(&canvas);
    bg_virtio_gpu_display_damage(display, 0, 0, 800, 600);
    tap_ok(gpu_host_check("present", bg_virtio_gpu_display_present(display)) &&
               host_agrees("picture", "800 600"),
           "the picture: every pixel is right");
    for (unsigned frame = 0; frame < 100; frame++) {
        picture_draw_frame(&canvas, frame, &changed);
        bg_virtio_gpu_display_damage(display, changed.x, changed.y, changed.width, changed.height);
        bg_virtio_gpu_display_present(display);
    }
    tap_ok(host_agrees("frame", "800 600 99"), "frame 99: every pixel is right");
}

static void add_damage(void *context, int32_t x, int32_t y, int32_t width, int32_t height)
{
    bg_virtio_gpu_display_damage(context, (uint32_t)x, (uint32_t)y, (uint32_t)width,
                                 (uint32_t)height);
}

/* Line by line, as the kernel's output comes; the host draws it in one go. */
static void test_console(void)
{
    static struct text_console console;
    struct bg_virtio_gpu_display *display = &displays[0];
    const struct canvas canvas = draw_canvas_of(bg_virtio_gpu_display_buffer(display));

    text_console_init(&console, &canvas, &font_normal);
    console.damage = add_damage;
    console.context = display;
    bg_virtio_gpu_display_damage(display, 0, 0, display->width, display->height);
    for (unsigned i = 0; i < PICTURE_CONSOLE_LINES; i++) {
        char line[PICTURE_CONSOLE_LINE_SIZE];

        picture_console_line(i, line);
        text_console_write(&console, line, strlen(line));
        bg_virtio_gpu_display_present(display);
    }
    tap_ok(host_agrees("console", "800 600"), "the console: every pixel is right");
}

/* ---- Cursor ---- */

static void test_cursor(void)
{
    static struct bg_virtio_gpu_cursor cursor;
    static uint32_t image[BG_VIRTIO_GPU_CURSOR_SIZE * BG_VIRTIO_GPU_CURSOR_SIZE];

    picture_draw_pointer(image);
    tap_ok(gpu_host_check("create", bg_virtio_gpu_cursor_create(&cursor, &gpu)) &&
               gpu_host_check("image",
                              bg_virtio_gpu_cursor_set_image(&cursor, image, PICTURE_POINTER_HOT,
                                                             PICTURE_POINTER_HOT)) &&
               gpu_host_check("show", bg_virtio_gpu_cursor_show(&cursor, 0, 100, 50)),
           "a cursor is shown");
    tap_ok(host_agrees("cursor", "100 50"), "the cursor: every pixel is right");
    for (uint32_t i = 1; i <= 40; i++) {
        bg_virtio_gpu_cursor_move(&cursor, 100 + 5 * i, 50 + 3 * i);
    }
    /* A move waits for the one before it alone. */
    tap_ok(gpu_host_check("move", bg_virtio_gpu_cursor_move(&cursor, 300, 170)) &&
               host_agrees("cursor", "300 170"),
           "it has moved");
    tap_ok(gpu_host_check("hide", bg_virtio_gpu_cursor_hide(&cursor)) &&
               host_agrees("nocursor", ""),
           "it is hidden");
    tap_ok(gpu_host_check("destroy", bg_virtio_gpu_cursor_destroy(&cursor)), "it goes");
    tap_ok(gpu_host_check("close", bg_virtio_gpu_display_close(&displays[0])),
           "the display closes");
}

/* ---- Errors, and starting over ---- */

static void test_errors(void)
{
    const struct bg_virtio_gpu_rect outside = {.x = 10, .width = 100, .height = 10};
    uint32_t id = bg_virtio_gpu_new_resource_id(&gpu);

    tap_equal((unsigned)-bg_virtio_gpu_cmd_resource_unref(&gpu, NULL, 4711),
              (unsigned)-BG_ERR_NOT_FOUND, "a resource that is not there");
    tap_ok(bg_virtio_gpu_cmd_resource_create_2d(&gpu, NULL, id, BG_VIRTIO_GPU_FORMAT_DEFAULT, 64,
                                                64) == 0,
           "a resource");
    tap_equal((unsigned)-bg_virtio_gpu_cmd_resource_flush(&gpu, NULL, id, &outside),
              (unsigned)-BG_ERR_INVALID, "a rectangle outside of it");
    tap_ok(bg_virtio_gpu_cmd_resource_create_2d(&gpu, NULL, id, BG_VIRTIO_GPU_FORMAT_DEFAULT, 64,
                                                64) < 0,
           "the same id again");
    tap_ok(bg_virtio_gpu_cmd_resource_unref(&gpu, NULL, id) == 0, "it goes");
}

/* The device's own entries: more than fit into a request, in pieces of one page. */
static void test_scattered(void)
{
    enum { PAGES = 3000, PAGE = 4096, WIDTH = 1024 };
    const struct bg_virtio_gpu_rect all = {.width = WIDTH, .height = PAGES * PAGE / 4 / WIDTH};
    uint32_t id = bg_virtio_gpu_new_resource_id(&gpu);
    uint64_t memory_bus, entries_bus;
    uint8_t *memory = bg_hal_dma_alloc((size_t)PAGES * PAGE, PAGE, &memory_bus);
    struct bg_virtio_gpu_mem_entry *entries =
        bg_hal_dma_alloc(PAGES * sizeof(*entries), PAGE, &entries_bus);
    struct bg_virtio_gpu_data data = {entries, entries_bus, PAGES * sizeof(*entries)};
    struct canvas piece = {
        .width = WIDTH, .height = 1, .stride = WIDTH, .format = BG_VIRTIO_GPU_FORMAT_DEFAULT};

    if (!tap_ok(memory != NULL && entries != NULL, "12 MB in 3000 pieces")) {
        return;
    }
    for (uint32_t i = 0; i < PAGES; i++) { /* the last page first: row i lies in page PAGES-1-i */
        uint64_t offset = (uint64_t)(PAGES - 1 - i) * PAGE;

        entries[i] = (struct bg_virtio_gpu_mem_entry){.addr = memory_bus + offset, .length = PAGE};
        piece.pixels = (uint32_t *)(memory + offset);
        for (uint32_t x = 0; x < WIDTH; x++) {
            piece.pixels[x] = picture_pattern(x, i, 0, 70) | 0xFF000000u;
        }
    }
    tap_ok(gpu_host_check("create",
                          bg_virtio_gpu_cmd_resource_create_2d(
                              &gpu, NULL, id, BG_VIRTIO_GPU_FORMAT_DEFAULT, WIDTH, all.height)) &&
               gpu_host_check("attach",
                              bg_virtio_gpu_cmd_resource_attach_backing(&gpu, NULL, id, &data)) &&
               gpu_host_check("transfer",
                              bg_virtio_gpu_cmd_transfer_to_host_2d(&gpu, NULL, id, &all, 0)) &&
               gpu_host_check("scanout", bg_virtio_gpu_cmd_set_scanout(&gpu, NULL, 0, id, &all)) &&
               gpu_host_check("flush", bg_virtio_gpu_cmd_resource_flush(&gpu, NULL, id, &all)),
           "they are shown");
    tap_ok(host_agrees("pattern", "0 70 1024 3000 0 0"), "in pieces: every pixel is right");
    tap_ok(gpu_host_check("unref", bg_virtio_gpu_cmd_resource_unref(&gpu, NULL, id)), "it goes");
    bg_hal_dma_free(entries, PAGES * sizeof(*entries));
    bg_hal_dma_free(memory, (size_t)PAGES * PAGE);
}

static void test_restart(void)
{
    const struct bg_virtio_gpu_display_options options = {.width = 320, .height = 240};

    tap_ok(gpu_host_check("open", bg_virtio_gpu_display_open(&displays[0], &gpu, &options)) &&
               show(&displays[0], 80),
           "a display of 320x240");
    tap_ok(gpu_host_check("restart", bg_virtio_gpu_restart(&gpu)), "the device starts over");
    tap_ok(gpu_host_check("restore", bg_virtio_gpu_display_restore(&displays[0])) &&
               is_shown(&displays[0], 80),
           "the display is back: every pixel is right");
    tap_ok(gpu_host_check("close", bg_virtio_gpu_display_close(&displays[0])), "it closes");
}

static int run_test(void)
{
    tap_plan(0);
    if (app_option_number("smmu", 0, 0, 1) != 0 && !tap_ok(smmu_start(), "an SMMU")) {
        return tap_done();
    }
    if (!tap_ok(gpu_host_open(&gpu) == 0, "a GPU")) {
        return tap_done();
    }
    test_device();
    test_scanouts();
    test_damage();
    test_part();
    close_displays();
    test_formats();
    test_page_flip();
    test_modes();
    test_picture();
    test_console();
    test_cursor();
    test_errors();
    test_scattered();
    test_restart();
    tap_equal(gpu.protocol_errors, 0, "no answer was against the protocol");
    tap_ok(gpu_host_check("close", bg_virtio_gpu_close(&gpu)), "the GPU closes");
    return tap_done();
}

APP(test_screen, "tests a virtio GPU, with a host that looks at the screen", run_test,
    "packed event_idx indirect scanouts shots smmu");
