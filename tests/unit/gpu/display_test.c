/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/gpu/gpu.c firmware/virtio/gpu/queue.c firmware/virtio/gpu/names.c
// build: firmware/virtio/gpu/command.c firmware/virtio/gpu/answer.c
// build: firmware/virtio/gpu/command_3d.c
// build: firmware/virtio/gpu/format.c firmware/virtio/gpu/display.c
// build: firmware/virtio/gpu/framebuffer.c firmware/virtio/gpu/damage.c
// build: firmware/virtio/gpu/screen.c firmware/virtio/gpu/cursor.c firmware/virtio/gpu/mapping.c
// build: firmware/virtio/gpu/edid.c firmware/virtio/virtio.c firmware/virtio/virtqueue.c
// build: firmware/virtio/virtqueue_split.c firmware/virtio/virtqueue_packed.c
// build: firmware/virtio/virtqueue_share.c
// build: firmware/virtio/transport_pci.c firmware/common/error.c firmware/pci_ecam.c
// build: firmware/pci/enumerate.c firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c firmware/pci/list.c
// build: tests/fake/hal.c tests/fake/virtio.c tests/fake/virtqueue.c
// build: tests/fake/gpu.c tests/fake/gpu_command.c
// build: tests/fake/gpu_command_3d.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/* Displays, framebuffers, damage, modes, events, cursor, mapped blobs: as a person uses them. */
#include "tests/unit/gpu/picture.h"

static uint64_t notifications(void)
{
    return fake.virtio.queues[BG_VIRTIO_GPU_QUEUE_CONTROL].notifications;
}

/* ---- Formats ---- */

static void test_formats(void **state)
{
    static const struct {
        uint32_t format;
        uint8_t bytes[4]; /* of red 1, green 2, blue 3, alpha 4 */
        const char *name;
    } expected[] = {
        {BG_VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, {3, 2, 1, 4}, "B8G8R8A8"},
        {BG_VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, {3, 2, 1, 255}, "B8G8R8X8"},
        {BG_VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, {4, 1, 2, 3}, "A8R8G8B8"},
        {BG_VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM, {255, 1, 2, 3}, "X8R8G8B8"},
        {BG_VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, {1, 2, 3, 4}, "R8G8B8A8"},
        {BG_VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM, {255, 3, 2, 1}, "X8B8G8R8"},
        {BG_VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM, {4, 3, 2, 1}, "A8B8G8R8"},
        {BG_VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM, {1, 2, 3, 255}, "R8G8B8X8"},
    };

    (void)state;
    assert_int_equal(COUNT(expected), BG_VIRTIO_GPU_FORMAT_COUNT);
    for (unsigned i = 0; i < COUNT(expected); i++) {
        uint32_t pixel = bg_virtio_gpu_pixel(expected[i].format, 1, 2, 3, 4);
        struct bg_virtio_gpu_color color = bg_virtio_gpu_color_of(expected[i].format, pixel);

        assert_memory_equal(&pixel, expected[i].bytes, 4);
        assert_int_equal(bg_virtio_gpu_formats[i], expected[i].format);
        assert_string_equal(bg_virtio_gpu_format_name(expected[i].format), expected[i].name);
        assert_int_equal(color.red << 16 | color.green << 8 | color.blue, 0x010203);
        assert_int_equal(color.alpha, strchr(expected[i].name, 'A') != NULL ? 4 : 255);
    }
    assert_string_equal(bg_virtio_gpu_format_name(5), "unknown");
    assert_int_equal(bg_virtio_gpu_pixel(5, 1, 2, 3, 4), 0);
}

static void test_format_on_screen(void **state)
{
    const struct bg_virtio_gpu_rect all = {0, 0, 40, 30};

    (void)state;
    open_gpu(0, 1);
    for (unsigned i = 0; i < BG_VIRTIO_GPU_FORMAT_COUNT; i++) {
        const struct bg_virtio_gpu_display_options options = {
            .width = 40, .height = 30, .format = bg_virtio_gpu_formats[i]};

        assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), 0);
        draw(&display, &all, i);
        assert_int_equal(bg_virtio_gpu_display_present(&display), 0);
        expect_shown(0, &all, i);
        assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    }
    close_gpu();
}

/* ---- Damage ---- */

static bool covers(const struct bg_virtio_gpu_damage *damage, uint32_t x, uint32_t y)
{
    for (uint32_t i = 0; i < damage->count; i++) {
        const struct bg_virtio_gpu_rect *r = &damage->rects[i];

        if (x - r->x < r->width && y - r->y < r->height) {
            return true;
        }
    }
    return false;
}

static void test_damage(void **state)
{
    struct bg_virtio_gpu_damage damage = {0};
    const struct bg_virtio_gpu_rect a = {0, 0, 10, 10}, near = {12, 0, 10, 10},
                                    far = {900, 700, 10, 10}, outside = {1024, 0, 5, 5},
                                    cut = {1000, 760, 4000000000u, 4000000000u},
                                    empty = {5, 5, 0, 9};

    (void)state;
    bg_virtio_gpu_damage_add(&damage, 1024, 768, &a);
    bg_virtio_gpu_damage_add(&damage, 1024, 768, &near);
    assert_int_equal(damage.count, 1); /* one command more costs more than a few pixels */
    assert_int_equal(damage.rects[0].width, 22);
    bg_virtio_gpu_damage_add(&damage, 1024, 768, &far);
    assert_int_equal(damage.count, 2); /* a large rectangle costs more than a command */
    bg_virtio_gpu_damage_add(&damage, 1024, 768, &outside);
    bg_virtio_gpu_damage_add(&damage, 1024, 768, &empty);
    assert_int_equal(damage.count, 2);
    damage.count = 0;
    bg_virtio_gpu_damage_add(&damage, 1024, 768, &cut);
    assert_int_equal(damage.rects[0].width, 24);
    assert_int_equal(damage.rects[0].height, 8);
}

/* Whatever is added stays covered, in at most eight rectangles inside the picture. */
static void test_damage_covers(void **state)
{
    static bool expected[60][80];
    uint32_t seed = 1;

    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        struct bg_virtio_gpu_damage damage = {0};

        memset(expected, 0, sizeof(expected));
        for (unsigned i = 0; i < 30; i++) {
            struct bg_virtio_gpu_rect r;

            seed = seed * 1664525 + 1013904223;
            /* Scaled up, so that rectangles are not all near to each other. */
            r = (struct bg_virtio_gpu_rect){(seed >> 8) % 90 * 20, (seed >> 16) % 70 * 20,
                                            (seed >> 4) % 6 * 20, (seed >> 24) % 6 * 20};
            bg_virtio_gpu_damage_add(&damage, 1600, 1200, &r);
            for (uint32_t y = r.y / 20; y < (r.y + r.height) / 20 && y < 60; y++) {
                for (uint32_t x = r.x / 20; x < (r.x + r.width) / 20 && x < 80; x++) {
                    expected[y][x] = true;
                }
            }
        }
        assert_true(damage.count <= BG_VIRTIO_GPU_DAMAGE_MAX);
        for (uint32_t i = 0; i < damage.count; i++) {
            assert_true(damage.rects[i].x + damage.rects[i].width <= 1600);
            assert_true(damage.rects[i].y + damage.rects[i].height <= 1200);
        }
        for (uint32_t y = 0; y < 60; y++) {
            for (uint32_t x = 0; x < 80; x++) {
                assert_true(!expected[y][x] || covers(&damage, x * 20 + 10, y * 20 + 10));
            }
        }
    }
}

/* ---- Displays ---- */

static void test_preferred_mode(void **state)
{
    (void)state;
    open_gpu(0, 2);
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, NULL), 0);
    assert_int_equal(display.width, 640);
    assert_int_equal(display.height, 480);
    assert_int_equal(fake.scanouts[0].rect.width, 640);
    assert_int_equal(fake_gpu_shown(&fake, 0, 5, 5), 0);
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    assert_int_equal(fake.scanouts[0].resource_id, 0);
    fake.scanouts[0].info.enabled = 0; /* nothing is known: 5.7.5 */
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, NULL), 0);
    assert_int_equal(display.width, 1024);
    assert_int_equal(display.height, 768);
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    close_gpu();
}

static void test_open_refused(void **state)
{
    struct bg_virtio_gpu_display_options options = {.scanout = 1, .width = 64, .height = 64};
    size_t allocated;

    (void)state;
    open_gpu(0, 1);
    allocated = fake_hal.allocated;
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), BG_ERR_RANGE);
    options.scanout = 0;
    options.format = 5;
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), BG_ERR_INVALID);
    options.format = 0;
    options.width = options.height = 65536; /* 16 GiB */
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), BG_ERR_INVALID);
    options.width = options.height = 8192; /* more than this device has */
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), BG_ERR_DEVICE_MEMORY);
    options.width = options.height = 64;
    options.is_double_buffered = true;
    fake_hal.refuse_allocation = 1;
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), BG_ERR_NO_MEMORY);
    assert_int_equal(fake_hal.allocated, allocated);
    /* Each of its commands fails once. */
    for (unsigned i = 0; i < 7; i++) {
        fake.misbehaviour = FAKE_GPU_ERROR;
        fake.error = BG_VIRTIO_GPU_RESP_ERR_UNSPEC;
        fake.after = i;
        assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), BG_ERR_IO);
        assert_int_equal(fake_hal.allocated, allocated);
        fake.misbehaviour = FAKE_GPU_GOOD;
        fake.after = 0;
    }
    for (unsigned i = 0; i < FAKE_GPU_RESOURCES_MAX; i++) {
        assert_int_equal(fake.resources[i].id, 0); /* none is left behind */
    }
    close_gpu();
    open_gpu(BG_VIRTIO_GPU_F_RESOURCE_BLOB, 1);
    allocated = fake_hal.allocated;
    for (unsigned i = 1; i <= 2; i++) {
        fake_hal.refuse_allocation = i;
        assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), BG_ERR_NO_MEMORY);
        assert_int_equal(fake_hal.allocated, allocated);
    }
    close_gpu();
}

/* One notification for a frame, and only what changed is transferred. */
static void test_present(void **state)
{
    const struct bg_virtio_gpu_rect all = {0, 0, 640, 480}, left = {3, 5, 20, 30},
                                    right = {500, 400, 40, 50};
    uint64_t before;

    (void)state;
    open_gpu(0, 1);
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, NULL), 0);
    draw(&display, &all, 1);
    assert_int_equal(bg_virtio_gpu_display_present(&display), 0);
    expect_shown(0, &all, 1);
    before = notifications();
    fake.log_count = 0;
    draw(&display, &left, 2);
    draw(&display, &right, 2);
    assert_int_equal(bg_virtio_gpu_display_present(&display), 0);
    assert_int_equal(notifications() - before, 1);
    assert_int_equal(fake.log_count, 4); /* two transfers, two flushes */
    expect_shown(0, &left, 2);
    expect_shown(0, &right, 2);
    assert_int_equal(fake_gpu_shown(&fake, 0, 2, 5), color_at(2, 5, 1));
    fake.log_count = 0;
    assert_int_equal(bg_virtio_gpu_display_present(&display), 0); /* nothing new */
    assert_int_equal(fake.log_count, 0);
    put(bg_virtio_gpu_display_buffer(&display), 100, 100, 0xFFFFFF); /* not told: not shown */
    bg_virtio_gpu_display_damage(&display, 0, 0, 5, 5);
    assert_int_equal(bg_virtio_gpu_display_present(&display), 0);
    assert_int_equal(fake_gpu_shown(&fake, 0, 100, 100), color_at(100, 100, 1));
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    close_gpu();
}

/* The memory stays with the device until its fence has passed. */
static void test_present_in_two_steps(void **state)
{
    const struct bg_virtio_gpu_rect all = {0, 0, 640, 480};

    (void)state;
    open_gpu(0, 1);
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, NULL), 0);
    fake.holds_fences = true;
    draw(&display, &all, 3);
    assert_int_equal(bg_virtio_gpu_display_present_begin(&display), 0);
    assert_int_equal(fake.held_count[0], 2); /* transfer and flush are both fenced */
    fake_gpu_retire_all(&fake);
    assert_int_equal(bg_virtio_gpu_display_present_end(&display), 0);
    draw(&display, &all, 4);
    assert_int_equal(bg_virtio_gpu_display_present(&display), BG_ERR_TIMEOUT);
    fake.holds_fences = false;
    fake_gpu_retire_all(&fake);
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    close_gpu();
}

static void test_double_buffering(void **state)
{
    const struct bg_virtio_gpu_display_options options = {.is_double_buffered = true};
    const struct bg_virtio_gpu_rect all = {0, 0, 640, 480}, moving[3] = {
                                                                {10, 10, 30, 30},
                                                                {200, 300, 50, 20},
                                                                {600, 440, 40, 40},
                                                            };
    uint32_t first;

    (void)state;
    open_gpu(0, 1);
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), 0);
    first = fake.scanouts[0].resource_id;
    draw(&display, &all, 1);
    assert_int_equal(fake_gpu_shown(&fake, 0, 9, 9), 0);
    assert_int_equal(bg_virtio_gpu_display_present(&display), 0);
    assert_int_not_equal(fake.scanouts[0].resource_id, first); /* flipped */
    expect_shown(0, &all, 1);
    for (uint32_t frame = 0; frame < 12; frame++) {
        uint32_t shown = fake.scanouts[0].resource_id;
        uint64_t before = notifications();

        draw(&display, &moving[frame % 3], 100 + frame);
        assert_int_equal(bg_virtio_gpu_display_present(&display), 0);
        assert_int_equal(notifications() - before, 1);
        assert_int_not_equal(fake.scanouts[0].resource_id, shown);
        for (uint32_t i = 0; i < 3 && i <= frame; i++) { /* earlier frames are still there */
            expect_shown(0, &moving[(frame - i) % 3], 100 + frame - i);
        }
        assert_int_equal(fake_gpu_shown(&fake, 0, 320, 100), color_at(320, 100, 1));
    }
    first = fake.scanouts[0].resource_id;
    assert_int_equal(bg_virtio_gpu_display_present(&display), 0); /* nothing new: no flip needed */
    expect_shown(0, &moving[2], 111);
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    close_gpu();
}

/* One memory, two resources: what the device shows is its own copy. */
static void test_double_buffering_memory(void **state)
{
    struct bg_virtio_gpu_display_options options = {.width = 512, .height = 256};
    size_t before, single;

    (void)state;
    open_gpu(0, 1);
    before = fake_hal.allocated;
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), 0);
    single = fake_hal.allocated - before;
    assert_int_equal(single, 512 * 256 * 4);
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    options.is_double_buffered = true;
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), 0);
    assert_int_equal(fake_hal.allocated - before, single);
    assert_int_not_equal(display.buffers[0].resource_id, display.buffers[1].resource_id);
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    assert_int_equal(fake_hal.allocated, before);
    close_gpu();
    open_gpu(BG_VIRTIO_GPU_F_RESOURCE_BLOB, 1); /* a blob is read while it is shown */
    before = fake_hal.allocated;
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), 0);
    assert_int_equal(fake_hal.allocated - before, 2 * single);
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    close_gpu();
}

static void test_many_scanouts(void **state)
{
    static struct bg_virtio_gpu_display displays[16];
    const struct bg_virtio_gpu_rect part = {8, 6, 16, 12};
    const struct bg_virtio_gpu_rect all = {0, 0, 32, 24}, corner = {0, 0, 16, 12};

    (void)state;
    open_gpu(0, 16);
    for (uint32_t i = 0; i < 16; i++) {
        const struct bg_virtio_gpu_display_options options = {
            .scanout = i, .width = 32, .height = 24};

        assert_int_equal(bg_virtio_gpu_display_open(&displays[i], &gpu, &options), 0);
        draw(&displays[i], &all, i);
        assert_int_equal(bg_virtio_gpu_display_present(&displays[i]), 0);
    }
    for (uint32_t i = 0; i < 16; i++) {
        expect_shown(i, &all, i);
    }
    /* Mirrored: scanout 1 shows a part of scanout 0's framebuffer. */
    assert_int_equal(bg_virtio_gpu_framebuffer_show(&displays[0].buffers[0], 1, &part), 0);
    bg_virtio_gpu_display_damage(&displays[0], 0, 0, 32, 24);
    assert_int_equal(bg_virtio_gpu_display_present(&displays[0]), 0);
    for (uint32_t y = 0; y < corner.height; y++) {
        for (uint32_t x = 0; x < corner.width; x++) {
            assert_int_equal(fake_gpu_shown(&fake, 1, x, y), color_at(x + 8, y + 6, 0));
        }
    }
    for (uint32_t i = 0; i < 16; i++) {
        assert_int_equal(bg_virtio_gpu_display_close(&displays[i]), 0);
    }
    close_gpu();
}

/* ---- Modes ---- */

static void change_mode(bool is_double_buffered)
{
    const struct bg_virtio_gpu_display_options options = {
        .max_width = 1920, .max_height = 1080, .is_double_buffered = is_double_buffered};
    static const uint16_t sizes[][2] = {{800, 600}, {1920, 1080}, {333, 77}, {1, 1}, {640, 480}};
    size_t allocated;

    open_gpu(0, 1);
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), 0);
    allocated = fake_hal.allocated;
    for (unsigned i = 0; i < COUNT(sizes); i++) {
        const struct bg_virtio_gpu_rect all = {0, 0, sizes[i][0], sizes[i][1]};
        const struct bg_virtio_gpu_rect old = {0, 0, display.width, display.height};

        draw(&display, &old, 50 + i); /* a frame that is under way */
        assert_int_equal(bg_virtio_gpu_display_present_begin(&display), 0);
        assert_int_equal(bg_virtio_gpu_display_present_end(&display), 0);
        draw(&display, &old, 51 + i); /* and one that never gets there */
        assert_int_equal(bg_virtio_gpu_display_set_mode(&display, sizes[i][0], sizes[i][1]), 0);
        assert_int_equal(fake.scanouts[0].rect.width, sizes[i][0]);
        assert_int_equal(fake.scanouts[0].rect.height, sizes[i][1]);
        assert_int_equal(fake_gpu_shown(&fake, 0, 0, 0), 0); /* cleared */
        draw(&display, &all, i);
        assert_int_equal(bg_virtio_gpu_display_present(&display), 0);
        expect_shown(0, &all, i);
        assert_int_equal(count_resources(), is_double_buffered ? 2 : 1);
        assert_int_equal(fake_hal.allocated, allocated);
    }
    assert_int_equal(bg_virtio_gpu_display_set_mode(&display, 1920, 1081), BG_ERR_NO_SPACE);
    assert_int_equal(bg_virtio_gpu_display_set_mode(&display, 0, 5), BG_ERR_INVALID);
    /* Refused at the first resource, and at the second buffer's when there is one: a mode of other
     * proportions, so that a buffer left in it would be written beyond its end. */
    for (unsigned after = 0; after < (is_double_buffered ? 3 : 1); after += 2) {
        fake.misbehaviour = FAKE_GPU_ERROR;
        fake.error = BG_VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
        fake.after = after;
        assert_int_equal(bg_virtio_gpu_display_set_mode(&display, 100, 20000),
                         BG_ERR_DEVICE_MEMORY);
        fake.misbehaviour = FAKE_GPU_GOOD;
        fake.after = 0;
        assert_int_equal(count_resources(), is_double_buffered ? 2 : 1);
    }
    {
        const struct bg_virtio_gpu_rect all = {0, 0, 640, 480}; /* the old mode goes on */

        assert_int_equal(display.width, 640);
        draw(&display, &all, 9);
        assert_int_equal(bg_virtio_gpu_display_present(&display), 0);
        expect_shown(0, &all, 9);
    }
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    close_gpu();
}

static void test_mode_change(void **state)
{
    (void)state;
    change_mode(false);
}

static void test_mode_change_double_buffered(void **state)
{
    (void)state;
    change_mode(true);
}

/* The window is resized while frames are drawn: the event tells, the display follows. */
static void test_display_event(void **state)
{
    const struct bg_virtio_gpu_display_options options = {.max_width = 1280, .max_height = 1024};
    uint32_t changed = 7;

    (void)state;
    open_gpu(0, 3);
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), 0);
    assert_int_equal(bg_virtio_gpu_poll_displays(&gpu, &changed), 0);
    assert_int_equal(changed, 0);
    fake.log_count = 0;
    assert_int_equal(bg_virtio_gpu_poll_displays(&gpu, &changed), 0);
    assert_int_equal(fake.log_count, 0); /* no command without an event */
    fake_gpu_resize(&fake, 0, 1280, 720);
    fake_gpu_resize(&fake, 2, 300, 200);
    assert_int_equal(bg_virtio_gpu_poll_displays(&gpu, &changed), 1);
    assert_int_equal(changed, 1u << 0 | 1u << 2);
    assert_int_equal(gpu.displays[0].r.width, 1280);
    assert_int_equal(gpu.displays[2].enabled, 1);
    assert_int_equal(
        bg_virtio_gpu_display_set_mode(&display, gpu.displays[0].r.width, gpu.displays[0].r.height),
        0);
    assert_int_equal(fake.scanouts[0].rect.height, 720);
    assert_int_equal(bg_virtio_gpu_poll_displays(&gpu, &changed), 0); /* acknowledged */
    fake_gpu_resize(&fake, 2, 0, 0);
    assert_int_equal(bg_virtio_gpu_poll_displays(&gpu, &changed), 1);
    assert_int_equal(changed, 1u << 2);
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    close_gpu();
}

static void test_restore(void **state)
{
    const struct bg_virtio_gpu_display_options options = {.is_double_buffered = true};
    const struct bg_virtio_gpu_rect all = {0, 0, 640, 480};

    (void)state;
    open_gpu(0, 1);
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), 0);
    draw(&display, &all, 5);
    assert_int_equal(bg_virtio_gpu_display_present(&display), 0);
    fake.virtio.misbehaviour = FAKE_VIRTIO_WRONG_ID;
    draw(&display, &all, 6);
    assert_int_equal(bg_virtio_gpu_display_present(&display), BG_ERR_PROTOCOL);
    assert_int_equal(bg_virtio_gpu_restart(&gpu), 0);
    assert_int_equal(bg_virtio_gpu_display_restore(&display), 0);
    expect_shown(0, &all, 6); /* what is in the memory */
    draw(&display, &all, 7);
    assert_int_equal(bg_virtio_gpu_display_present(&display), 0);
    expect_shown(0, &all, 7);
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    close_gpu();
}

/* ---- Blobs ---- */

/* With blobs the device reads the framebuffer itself. */
static void test_blob_display(void **state)
{
    const struct bg_virtio_gpu_display_options options = {.is_double_buffered = true};
    const struct bg_virtio_gpu_rect all = {0, 0, 640, 480};

    (void)state;
    open_gpu(BG_VIRTIO_GPU_F_RESOURCE_BLOB | BG_VIRTIO_GPU_F_BLOB_ALIGNMENT, 1);
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), 0);
    assert_true(bg_virtio_gpu_display_buffer(&display)->is_blob);
    for (uint32_t frame = 0; frame < 4; frame++) {
        draw(&display, &all, frame);
        assert_int_equal(bg_virtio_gpu_display_present(&display), 0);
        expect_shown(0, &all, frame);
    }
    assert_int_equal(bg_virtio_gpu_display_set_mode(&display, 320, 200), 0);
    assert_int_equal(fake_gpu_count(&fake, BG_VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D), 0);
    assert_int_equal(fake_gpu_count(&fake, BG_VIRTIO_GPU_CMD_RESOURCE_CREATE_2D), 0);
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    close_gpu();
}

static void make_host_blob(uint32_t id, uint64_t size)
{
    const struct bg_virtio_gpu_blob blob = {.ctx_id = 1,
                                            .memory = BG_VIRTIO_GPU_BLOB_MEM_HOST3D,
                                            .flags = BG_VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
                                            .blob_id = id,
                                            .size = size};

    assert_int_equal(bg_virtio_gpu_cmd_resource_create_blob(&gpu, NULL, id, &blob, NULL), 0);
}

static void test_mapping(void **state)
{
    struct bg_virtio_gpu_mapping a, b, c;

    (void)state;
    open_gpu(BG_VIRTIO_GPU_F_VIRGL | BG_VIRTIO_GPU_F_RESOURCE_BLOB, 1);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, 1, 0, NULL), 0);
    make_host_blob(1, 8192);
    make_host_blob(2, 40960);
    make_host_blob(3, 16384);
    make_host_blob(4, 4096);
    fake_gpu_find_resource(&fake, 1)->host_memory[10] = 0x77;
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &a, 1, 8192), 0);
    assert_int_equal(((uint8_t *)a.memory)[10], 0x77);
    assert_int_equal(a.cache, BG_VIRTIO_GPU_MAP_CACHE_CACHED);
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &b, 1, 8192), BG_ERR_INVALID); /* twice */
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &b, 2, 40000), 0); /* rounded to pages */
    assert_int_equal(b.offset, 8192);
    assert_int_equal(b.size, 40960);
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &c, 3, 16385), BG_ERR_NO_SPACE);
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &c, 3, 16384), 0); /* exactly what is left */
    ((uint8_t *)b.memory)[0] = 0x55;
    assert_int_equal(bg_virtio_gpu_blob_unmap(&gpu, &b), 0);
    assert_int_equal(fake_gpu_find_resource(&fake, 2)->host_memory[0], 0x55);
    assert_int_equal(bg_virtio_gpu_blob_unmap(&gpu, &b), BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &b, 4, 4096), 0); /* into the hole */
    assert_int_equal(b.offset, 8192);
    assert_int_equal(bg_virtio_gpu_blob_unmap(&gpu, &a), 0);
    assert_int_equal(bg_virtio_gpu_blob_unmap(&gpu, &b), 0);
    assert_int_equal(bg_virtio_gpu_blob_unmap(&gpu, &c), 0);
    fake_hal.refuse_map = true;
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &a, 1, 8192), BG_ERR_NO_MEMORY);
    assert_false(fake_gpu_find_resource(&fake, 1)->is_mapped);
    fake_hal.refuse_map = false;
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &a, 1, 0), BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &a, 1, UINT64_MAX), BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &a, 9, 4096), BG_ERR_NOT_FOUND);
    close_gpu();
}

/* ---- Screens ---- */

static void put_edid(void)
{
    static const uint8_t start[] = {0,    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0,  0x49,
                                    0x14, 0x34, 0x12, 0,    0,    0,    0,    42, 24,
                                    1,    4,    0xA5, 32,   20,   120,  6};
    static const uint8_t timing[] = {0x02, 0x3A, 0x80, 0x18, 0x71, 0x38, 0x2D, 0x40, 0x58,
                                     0x2C, 0x45, 0x00, 0xFD, 0x1E, 0x11, 0x00, 0x00, 0x1E};
    uint8_t sum = 0;

    memset(fake.edid, 0, sizeof(fake.edid));
    memcpy(fake.edid, start, sizeof(start));
    fake.edid[35] = 0x20; /* 640x480 at 60 */
    fake.edid[36] = 0x0C; /* 1024x768 at 60 and at 70 */
    memset(fake.edid + 38, 1, 16);
    memcpy(fake.edid + 54, timing, sizeof(timing));
    memcpy(fake.edid + 72, "\0\0\0\xFC\0Fake panel\n  ", 18);
    for (unsigned i = 0; i < 127; i++) {
        sum = (uint8_t)(sum + fake.edid[i]);
    }
    fake.edid[127] = (uint8_t)-sum;
    fake.edid_size = 128;
}

static void test_screen(void **state)
{
    struct bg_virtio_gpu_screen screen;
    struct bg_virtio_gpu_mode modes[8];

    (void)state;
    open_gpu(BG_VIRTIO_GPU_F_EDID, 2);
    put_edid();
    assert_int_equal(bg_virtio_gpu_get_screen(&gpu, 0, &screen), 0);
    assert_true(screen.is_enabled);
    assert_true(screen.has_edid);
    assert_string_equal(screen.edid.name, "Fake panel");
    assert_int_equal(screen.edid.width_mm, 509);
    assert_int_equal(bg_virtio_gpu_screen_modes(&screen, modes, COUNT(modes)), 3);
    assert_int_equal(modes[0].width, 640); /* the window's size is preferred */
    assert_int_equal(modes[0].refresh_mhz, 60000);
    assert_true(modes[0].is_preferred);
    assert_int_equal(modes[1].width, 1920);
    assert_false(modes[1].is_preferred);
    assert_int_equal(modes[2].width, 1024); /* once */
    assert_int_equal(bg_virtio_gpu_screen_modes(&screen, modes, 2), 2);
    assert_int_equal(bg_virtio_gpu_get_screen(&gpu, 2, &screen), BG_ERR_RANGE);
    fake.edid[60]++; /* damaged */
    assert_int_equal(bg_virtio_gpu_get_screen(&gpu, 1, &screen), 0);
    assert_false(screen.has_edid);
    assert_false(screen.is_enabled);
    assert_int_equal(bg_virtio_gpu_screen_modes(&screen, modes, COUNT(modes)), 1);
    assert_int_equal(modes[0].width, 1024);
    assert_int_equal(modes[0].height, 768);
    close_gpu();
}

/* ---- Cursor ---- */

static void test_cursor(void **state)
{
    static uint32_t image[64 * 64];
    struct bg_virtio_gpu_cursor cursor;

    (void)state;
    for (unsigned i = 0; i < COUNT(image); i++) {
        image[i] = 0x80000000u + i * 3;
    }
    open_gpu(BG_VIRTIO_GPU_F_RESOURCE_BLOB, 2);
    fake.is_silent_cursor = true;
    assert_int_equal(bg_virtio_gpu_cursor_create(&cursor, &gpu), 0);
    assert_int_equal(bg_virtio_gpu_cursor_move(&cursor, 1, 1), BG_ERR_INVALID); /* hidden */
    assert_int_equal(bg_virtio_gpu_cursor_set_image(&cursor, image, 64, 0), BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cursor_set_image(&cursor, image, 5, 6), 0);
    assert_int_equal(bg_virtio_gpu_cursor_show(&cursor, 1, 100, 200), 0);
    assert_true(fake.scanouts[1].has_cursor);
    assert_memory_equal(fake.scanouts[1].cursor_pixels, image, sizeof(image));
    assert_int_equal(fake.scanouts[1].cursor.hot_x, 5);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(bg_virtio_gpu_cursor_move(&cursor, i, 2 * i), 0);
        assert_int_equal(fake.scanouts[1].cursor.pos.x, i);
        assert_int_equal(fake.scanouts[1].cursor.pos.y, 2 * i);
    }
    image[0] = 0x12345678;
    assert_int_equal(bg_virtio_gpu_cursor_set_image(&cursor, image, 5, 6), 0);
    assert_int_equal(fake.scanouts[1].cursor_pixels[0], 0x12345678); /* at once */
    assert_int_equal(fake.scanouts[1].cursor.pos.x, 99);
    assert_int_equal(bg_virtio_gpu_cursor_hide(&cursor), 0);
    assert_false(fake.scanouts[1].has_cursor);
    assert_int_equal(bg_virtio_gpu_cursor_show(&cursor, 0, 1, 1), 0);
    assert_int_equal(bg_virtio_gpu_cursor_destroy(&cursor), 0);
    assert_false(fake.scanouts[0].has_cursor);
    close_gpu();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_format_on_screen),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_damage_covers),
        cmocka_unit_test(test_preferred_mode),
        cmocka_unit_test(test_open_refused),
        cmocka_unit_test(test_present),
        cmocka_unit_test(test_present_in_two_steps),
        cmocka_unit_test(test_double_buffering),
        cmocka_unit_test(test_double_buffering_memory),
        cmocka_unit_test(test_many_scanouts),
        cmocka_unit_test(test_mode_change),
        cmocka_unit_test(test_mode_change_double_buffered),
        cmocka_unit_test(test_display_event),
        cmocka_unit_test(test_restore),
        cmocka_unit_test(test_blob_display),
        cmocka_unit_test(test_mapping),
        cmocka_unit_test(test_screen),
        cmocka_unit_test(test_cursor),
    };

    return run_variants(tests, COUNT(tests));
}
