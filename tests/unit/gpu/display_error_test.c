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
/* Displays, framebuffers, cursor, mapped blobs on devices that fail, refuse, or do not answer. */
#include "tests/unit/gpu/picture.h"

/* ---- Resources that the device keeps ---- */

/* The device will not let go of resources: their memory is not given back, they are not forgotten,
 * and go as soon as it does. */
static void test_mode_change_unref_refused(void **state)
{
    const struct bg_virtio_gpu_display_options options = {.is_double_buffered = true};
    const struct bg_virtio_gpu_rect all = {0, 0, 100, 100};
    size_t before, allocated;

    (void)state;
    open_gpu(0, 1);
    before = fake_hal.allocated;
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), 0);
    allocated = fake_hal.allocated;
    fake.refused_type = BG_VIRTIO_GPU_CMD_RESOURCE_UNREF;
    fake.error = BG_VIRTIO_GPU_RESP_ERR_UNSPEC;
    assert_int_equal(bg_virtio_gpu_display_set_mode(&display, 100, 100), BG_ERR_IO);
    assert_int_equal(fake_gpu_count(&fake, BG_VIRTIO_GPU_CMD_RESOURCE_UNREF), 2); /* both tried */
    assert_int_equal(display.width, 100); /* taken all the same */
    draw(&display, &all, 1);
    assert_int_equal(bg_virtio_gpu_display_present(&display), 0);
    expect_shown(0, &all, 1);
    assert_int_equal(bg_virtio_gpu_display_set_mode(&display, 50, 50), BG_ERR_IO);
    assert_int_equal(count_resources(), 4); /* no more than one old one each */
    assert_int_equal(bg_virtio_gpu_display_close(&display), BG_ERR_IO);
    assert_int_equal(fake_hal.allocated, allocated);
    fake.refused_type = 0;
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    assert_int_equal(count_resources(), 0);
    assert_int_equal(fake_hal.allocated, before);
    close_gpu();
}

/* A new resource that is there, but could neither be used nor given up. */
static void test_resize_undo_refused(void **state)
{
    struct bg_virtio_gpu_framebuffer fb;
    size_t before;
    uint32_t id;

    (void)state;
    open_gpu(0, 1);
    before = fake_hal.allocated;
    assert_int_equal(
        bg_virtio_gpu_framebuffer_create(&fb, &gpu, 64, 64, BG_VIRTIO_GPU_FORMAT_DEFAULT, 0), 0);
    id = fb.resource_id;
    fake.refused_type = BG_VIRTIO_GPU_CMD_RESOURCE_UNREF;
    fake.error = BG_VIRTIO_GPU_RESP_ERR_UNSPEC;
    fake.misbehaviour = FAKE_GPU_ZERO_TYPE; /* the answer to ATTACH_BACKING: it has worked */
    fake.after = 1;
    assert_int_equal(bg_virtio_gpu_framebuffer_resize(&fb, 32, 32), BG_ERR_PROTOCOL);
    assert_int_equal(fb.resource_id, id);
    assert_int_equal(fb.width, 64);
    assert_int_equal(count_resources(), 2);
    assert_int_equal(bg_virtio_gpu_framebuffer_destroy(&fb), BG_ERR_IO);
    assert_non_null(fb.pixels);
    fake.refused_type = 0;
    assert_int_equal(bg_virtio_gpu_framebuffer_destroy(&fb), 0);
    assert_int_equal(count_resources(), 0);
    assert_int_equal(fake_hal.allocated, before);
    close_gpu();
}

/* The new mode cannot be shown: the old one goes on. */
static void test_mode_not_shown(void **state)
{
    const struct bg_virtio_gpu_display_options options = {.is_double_buffered = true};
    const struct bg_virtio_gpu_rect all = {0, 0, 640, 480};

    (void)state;
    open_gpu(0, 1);
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), 0);
    for (unsigned after = 5; after <= 6; after++) { /* SET_SCANOUT, RESOURCE_FLUSH */
        fake.misbehaviour = FAKE_GPU_ERROR;
        fake.error = BG_VIRTIO_GPU_RESP_ERR_UNSPEC;
        fake.after = after;
        assert_int_equal(bg_virtio_gpu_display_set_mode(&display, 100, 100), BG_ERR_IO);
        assert_int_equal(fake.misbehaviour, FAKE_GPU_GOOD);
        assert_int_equal(display.width, 640);
        assert_int_equal(count_resources(), 2);
        assert_int_equal(fake.scanouts[0].rect.width, 640);
        draw(&display, &all, after);
        assert_int_equal(bg_virtio_gpu_display_present(&display), 0);
        expect_shown(0, &all, after);
    }
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    close_gpu();
}

/* The device forgets the resource but never answers the frame before: the answers that come later
 * find nothing of the framebuffer. */
static void test_destroy_in_flight(void **state)
{
    struct bg_virtio_gpu_framebuffer *fb = malloc(sizeof(*fb));

    (void)state;
    open_gpu(0, 1);
    assert_int_equal(
        bg_virtio_gpu_framebuffer_create(fb, &gpu, 64, 64, BG_VIRTIO_GPU_FORMAT_DEFAULT, 0), 0);
    fake.held_type = BG_VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D;
    bg_virtio_gpu_framebuffer_damage(fb, 0, 0, 64, 64);
    assert_int_equal(bg_virtio_gpu_framebuffer_flush_begin(fb), 0);
    assert_int_equal(fake.held_count[0], 1);
    assert_int_equal(bg_virtio_gpu_framebuffer_destroy(fb), 0);
    assert_int_equal(count_resources(), 0);
    memset(fb, 0xA5, sizeof(*fb));
    free(fb);
    assert_int_equal(gpu.abandoned, 1);
    assert_int_equal(fake_gpu_retire_all(&fake), 1);
    assert_int_equal(bg_virtio_gpu_poll(&gpu), 1);
    assert_int_equal(gpu.abandoned, 0);
    close_gpu();
}

/* What could not be shown is shown by the next frame, with and without page flips. */
static void test_damage_is_kept(void **state)
{
    struct bg_virtio_gpu_display_options options = {.width = 64, .height = 48};
    const struct bg_virtio_gpu_rect all = {0, 0, 64, 48};

    (void)state;
    open_gpu(0, 1);
    for (unsigned kind = 0; kind < 2; kind++) {
        options.is_double_buffered = kind == 1;
        assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), 0);
        for (unsigned after = 0; after < 2; after++) { /* the transfer, a flush or the flip */
            draw(&display, &all, 10 + after);
            fake.misbehaviour = FAKE_GPU_ERROR;
            fake.error = BG_VIRTIO_GPU_RESP_ERR_UNSPEC;
            fake.after = after;
            assert_int_equal(bg_virtio_gpu_display_present(&display), BG_ERR_IO);
            assert_int_equal(fake.misbehaviour, FAKE_GPU_GOOD);
            memset(fake.scanouts[0].shown, 0, 64 * 48 * 4);
            assert_int_equal(bg_virtio_gpu_display_present(&display), 0);
            expect_shown(0, &all, 10 + after);
        }
        assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    }
    close_gpu();
}

/* A configuration that has become bad at a restart leaves the one before. */
static void test_bad_restart(void **state)
{
    const uint32_t scanouts = 100;
    struct bg_virtio_gpu_screen screen;

    (void)state;
    open_gpu(0, 2);
    memcpy(fake.virtio.config + offsetof(struct bg_virtio_gpu_config, num_scanouts), &scanouts, 4);
    assert_int_equal(bg_virtio_gpu_restart(&gpu), BG_ERR_PROTOCOL);
    assert_int_equal(fake.virtio.failures, 1);
    assert_int_equal(gpu.scanout_count, 2);
    assert_int_equal(bg_virtio_gpu_get_screen(&gpu, 50, &screen), BG_ERR_RANGE);
    close_gpu();
}

/* The display outlives the GPU. */
static void test_close_after_gpu(void **state)
{
    (void)state;
    open_gpu(0, 1);
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, NULL), 0);
    assert_int_equal(bg_virtio_gpu_close(&gpu), 0);
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    assert_int_equal(fake_hal.allocated, 0);
    fake_gpu_end(&fake);
}

/* After a restart the device wants more alignment than there is memory for. */
static void test_blob_alignment_grows(void **state)
{
    const uint32_t alignment = 1u << 24;

    (void)state;
    open_gpu(BG_VIRTIO_GPU_F_RESOURCE_BLOB | BG_VIRTIO_GPU_F_BLOB_ALIGNMENT, 1);
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, NULL), 0);
    memcpy(fake.virtio.config + offsetof(struct bg_virtio_gpu_config, blob_alignment), &alignment,
           sizeof(alignment));
    fake.log_count = 0;
    assert_int_equal(bg_virtio_gpu_restart(&gpu), 0);
    assert_int_equal(bg_virtio_gpu_display_restore(&display), BG_ERR_NO_SPACE);
    assert_int_equal(fake_gpu_count(&fake, BG_VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB), 0);
    assert_int_equal(bg_virtio_gpu_display_set_mode(&display, 10, 10), BG_ERR_NO_SPACE);
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    close_gpu();
}

/* ---- Displays ---- */

/* The event was acknowledged, but what has changed could not be read: the next call tells. */
static void test_display_event_kept(void **state)
{
    uint32_t changed;

    (void)state;
    open_gpu(0, 2);
    assert_int_equal(bg_virtio_gpu_update_displays(&gpu), 0);
    fake_gpu_resize(&fake, 1, 300, 200);
    fake.misbehaviour = FAKE_GPU_SILENCE;
    assert_int_equal(bg_virtio_gpu_poll_displays(&gpu, &changed), BG_ERR_TIMEOUT);
    assert_int_equal(changed, 0);
    fake_gpu_retire_all(&fake);
    assert_int_equal(bg_virtio_gpu_poll_displays(&gpu, &changed), 1);
    assert_int_equal(changed, 1u << 1);
    assert_int_equal(gpu.displays[1].r.width, 300);
    assert_int_equal(bg_virtio_gpu_poll_displays(&gpu, &changed), 0);
    close_gpu();
}

/* Somebody else has asked for the displays since they changed: it is a change all the same. */
static void test_display_event_seen_before(void **state)
{
    struct bg_virtio_gpu_screen screen;
    uint32_t changed;

    (void)state;
    open_gpu(0, 2);
    assert_int_equal(bg_virtio_gpu_update_displays(&gpu), 0);
    fake_gpu_resize(&fake, 1, 300, 200);
    fake.virtio.config[0] = BG_VIRTIO_GPU_EVENT_DISPLAY;
    assert_int_equal(bg_virtio_gpu_get_screen(&gpu, 1, &screen), 0);
    fake.virtio.config[0] = BG_VIRTIO_GPU_EVENT_DISPLAY;
    assert_int_equal(bg_virtio_gpu_poll_displays(&gpu, &changed), 1);
    assert_int_equal(changed, 1u << 1);
    close_gpu();
}

/* Sizes that no display has are none; limits of the caller hold. */
static void test_absurd_sizes(void **state)
{
    static const uint32_t sizes[][2] = {
        {UINT32_MAX, UINT32_MAX},
        {1, UINT32_MAX},
        {BG_VIRTIO_GPU_DISPLAY_SIZE_MAX + 1, 1},
        {0, 600},
    };
    struct bg_virtio_gpu_display_options options = {0};
    struct bg_virtio_gpu_screen screen;
    struct bg_virtio_gpu_mode mode;

    (void)state;
    open_gpu(0, 1);
    for (unsigned i = 0; i < COUNT(sizes); i++) {
        fake.scanouts[0].info.r.width = sizes[i][0];
        fake.scanouts[0].info.r.height = sizes[i][1];
        assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), 0);
        assert_int_equal(display.width, BG_VIRTIO_GPU_FALLBACK_WIDTH);
        assert_int_equal(display.height, BG_VIRTIO_GPU_FALLBACK_HEIGHT);
        assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
        assert_int_equal(bg_virtio_gpu_get_screen(&gpu, 0, &screen), 0);
        assert_int_equal(bg_virtio_gpu_screen_modes(&screen, &mode, 1), 1);
        assert_int_equal(mode.width, BG_VIRTIO_GPU_FALLBACK_WIDTH);
    }
    fake.scanouts[0].info.r.width = 3000;
    fake.scanouts[0].info.r.height = 700;
    options.max_width = 800;
    options.max_height = 750;
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), 0);
    assert_int_equal(display.width, 800);
    assert_int_equal(display.height, 700);
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    fake.scanouts[0].info.r.height = 5; /* a window that was made very small */
    options.min_width = options.min_height = 64;
    assert_int_equal(bg_virtio_gpu_display_open(&display, &gpu, &options), 0);
    assert_int_equal(display.width, 800);
    assert_int_equal(display.height, 64);
    assert_int_equal(bg_virtio_gpu_display_close(&display), 0);
    close_gpu();
}

/* ---- Cursor ---- */

/* An error of a move is told by the next move, once; what sets everything does not mind. */
static void test_cursor_error(void **state)
{
    struct bg_virtio_gpu_cursor cursor;

    (void)state;
    open_gpu(0, 1);
    fake.error = BG_VIRTIO_GPU_RESP_ERR_UNSPEC;
    assert_int_equal(bg_virtio_gpu_cursor_create(&cursor, &gpu), 0);
    assert_int_equal(bg_virtio_gpu_cursor_show(&cursor, 0, 1, 1), 0);
    for (unsigned i = 0; i < 4; i++) {
        fake.misbehaviour = FAKE_GPU_ERROR;
        assert_int_equal(bg_virtio_gpu_cursor_move(&cursor, 5, 5), 0);
        switch (i) {
        case 0:
            assert_int_equal(bg_virtio_gpu_cursor_move(&cursor, 6, 6), BG_ERR_IO);
            assert_int_equal(bg_virtio_gpu_cursor_move(&cursor, 7, 7), 0);
            break;
        case 1:
            assert_int_equal(bg_virtio_gpu_cursor_show(&cursor, 0, 8, 8), 0);
            break;
        case 2:
            assert_int_equal(bg_virtio_gpu_cursor_hide(&cursor), 0);
            assert_false(fake.scanouts[0].has_cursor);
            assert_int_equal(bg_virtio_gpu_cursor_show(&cursor, 0, 9, 9), 0);
            break;
        default:
            fake.misbehaviour = FAKE_GPU_SILENCE;
            assert_int_equal(bg_virtio_gpu_cursor_move(&cursor, 1, 1), BG_ERR_IO);
            assert_int_equal(bg_virtio_gpu_cursor_move(&cursor, 1, 1), 0); /* never answered */
            assert_int_equal(bg_virtio_gpu_cursor_hide(&cursor), BG_ERR_TIMEOUT);
            assert_true(cursor.is_visible);
        }
    }
    fake_gpu_retire_all(&fake);
    assert_int_equal(bg_virtio_gpu_cursor_destroy(&cursor), 0);
    assert_false(fake.scanouts[0].has_cursor);
    close_gpu();
}

/* ---- Mapped blobs ---- */

#define REGION (BG_VIRTIO_GPU_F_VIRGL | BG_VIRTIO_GPU_F_RESOURCE_BLOB)

static void make_host_blobs(uint32_t count, uint64_t size)
{
    assert_int_equal(bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, 1, 0, NULL), 0);
    for (uint32_t id = 1; id <= count; id++) {
        const struct bg_virtio_gpu_blob blob = {.ctx_id = 1,
                                                .memory = BG_VIRTIO_GPU_BLOB_MEM_HOST3D,
                                                .flags = BG_VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
                                                .blob_id = id,
                                                .size = size};

        assert_int_equal(bg_virtio_gpu_cmd_resource_create_blob(&gpu, NULL, id, &blob, NULL), 0);
    }
}

/* Never answered, but done: its place is not given to another one before it is unmapped. */
static void test_map_timed_out(void **state)
{
    struct bg_virtio_gpu_mapping a, b;

    (void)state;
    open_gpu(REGION, 1);
    make_host_blobs(2, 4096);
    fake.misbehaviour = FAKE_GPU_SILENCE;
    fake.refused_type = BG_VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB;
    fake.error = BG_VIRTIO_GPU_RESP_ERR_UNSPEC;
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &a, 1, 4096), BG_ERR_TIMEOUT);
    assert_true(fake_gpu_find_resource(&fake, 1)->is_mapped);
    assert_null(a.memory);
    assert_int_not_equal(a.size, 0);
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &b, 2, 4096), 0);
    assert_int_not_equal(b.offset, a.offset);
    fake.refused_type = 0;
    assert_int_equal(bg_virtio_gpu_blob_unmap(&gpu, &a), 0);
    assert_false(fake_gpu_find_resource(&fake, 1)->is_mapped);
    assert_int_equal(a.size, 0);
    fake.misbehaviour = FAKE_GPU_SILENCE; /* unmapped at once, when the device lets it */
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &a, 1, 4096), BG_ERR_TIMEOUT);
    assert_false(fake_gpu_find_resource(&fake, 1)->is_mapped);
    assert_int_equal(a.size, 0);
    fake.refused_type = BG_VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB;
    assert_int_equal(bg_virtio_gpu_blob_unmap(&gpu, &b), BG_ERR_IO);
    assert_null(b.memory);
    fake.refused_type = 0;
    assert_int_equal(bg_virtio_gpu_blob_unmap(&gpu, &b), 0);
    fake_gpu_retire_all(&fake);
    close_gpu();
}

/* A mapping that is in use is left alone. */
static void test_map_twice(void **state)
{
    struct bg_virtio_gpu_mapping a, b;

    (void)state;
    open_gpu(REGION, 1);
    make_host_blobs(3, 4096);
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &a, 1, 4096), 0);
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &b, 2, 4096), 0);
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &a, 3, 4096), BG_ERR_INVALID);
    assert_int_equal(a.resource_id, 1);
    assert_non_null(a.memory);
    assert_int_equal(bg_virtio_gpu_blob_unmap(&gpu, &a), 0);
    assert_int_equal(bg_virtio_gpu_blob_unmap(&gpu, &b), 0);
    assert_null(gpu.mappings);
    close_gpu();
}

/* Pages that were Normal memory do not become Device memory, nor the reverse. */
static void test_map_types(void **state)
{
    static const uint32_t caches[] = {
        BG_VIRTIO_GPU_MAP_CACHE_CACHED,   BG_VIRTIO_GPU_MAP_CACHE_WC,
        BG_VIRTIO_GPU_MAP_CACHE_UNCACHED, BG_VIRTIO_GPU_MAP_CACHE_CACHED,
        BG_VIRTIO_GPU_MAP_CACHE_CACHED,   BG_VIRTIO_GPU_MAP_CACHE_WC,
    };
    static uint8_t types[FAKE_GPU_REGION_SIZE / 4096]; /* 1: Normal, 2: Device */
    struct bg_virtio_gpu_mapping mapping, others[3];

    (void)state;
    memset(types, 0, sizeof(types));
    open_gpu(REGION, 1);
    make_host_blobs(4, 16384);
    for (unsigned i = 0; i < COUNT(caches); i++) {
        const uint8_t type = caches[i] == BG_VIRTIO_GPU_MAP_CACHE_CACHED ? 1 : 2;

        fake.map_cache = caches[i];
        assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &mapping, 1, 16384), 0);
        assert_int_equal(mapping.cache, caches[i]);
        for (uint64_t page = mapping.offset / 4096; page < mapping.offset / 4096 + 4; page++) {
            assert_true(types[page] == 0 || types[page] == type);
            types[page] = type;
        }
        assert_int_equal(bg_virtio_gpu_blob_unmap(&gpu, &mapping), 0);
    }
    fake.map_cache = BG_VIRTIO_GPU_MAP_CACHE_CACHED; /* 65536 bytes, less those of the other type */
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &others[i], 1 + i, 16384), 0);
    }
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &mapping, 4, 16384), BG_ERR_NO_SPACE);
    assert_false(fake_gpu_find_resource(&fake, 4)->is_mapped);
    fake.map_cache = BG_VIRTIO_GPU_MAP_CACHE_WC;
    assert_int_equal(bg_virtio_gpu_blob_map(&gpu, &mapping, 4, 16384), 0);
    assert_int_equal(bg_virtio_gpu_blob_unmap(&gpu, &mapping), 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(bg_virtio_gpu_blob_unmap(&gpu, &others[i]), 0);
    }
    close_gpu();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mode_change_unref_refused),
        cmocka_unit_test(test_resize_undo_refused),
        cmocka_unit_test(test_mode_not_shown),
        cmocka_unit_test(test_destroy_in_flight),
        cmocka_unit_test(test_damage_is_kept),
        cmocka_unit_test(test_bad_restart),
        cmocka_unit_test(test_close_after_gpu),
        cmocka_unit_test(test_blob_alignment_grows),
        cmocka_unit_test(test_display_event_kept),
        cmocka_unit_test(test_display_event_seen_before),
        cmocka_unit_test(test_absurd_sizes),
        cmocka_unit_test(test_cursor_error),
        cmocka_unit_test(test_map_timed_out),
        cmocka_unit_test(test_map_twice),
        cmocka_unit_test(test_map_types),
    };

    return run_variants(tests, COUNT(tests));
}
