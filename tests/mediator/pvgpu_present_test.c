/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/pvgpu_peer.c tests/mediator/client.c
// build: tests/mediator/processes.c
// build: tests/mediator/fixture.c host/common/fd_message.c
// needs: build/host/baregpu-mediator
// serial
/* PRESENT in a whole mediator: the scanout's memory and messages, its pace, damage, its limits. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "harness_qemu.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"
#include "tests/mediator/pvgpu_peer.h"

enum { WIDTH = 64, HEIGHT = 48, STRIDE = WIDTH * 4 };

static struct peer peer;

/* The device's side of the scanout. */
static struct bg_pvgpu_scanout_buffer buffer;
static const uint8_t *pictures;
static struct bg_pvgpu_scanout shown;

static void start(const char *keys, enum peer_age age)
{
    fixture_start("gpu", "pvgpu", keys);
    peer = peer_open(age, path, 0);
}

static int setup(void **state)
{
    memset(&buffer, 0, sizeof(buffer));
    memset(&shown, 0, sizeof(shown));
    return fixture_setup(state);
}

static int teardown(void **state)
{
    if (pictures != NULL) {
        munmap((void *)(uintptr_t)pictures, buffer.size);
        pictures = NULL;
    }
    peer_close(&peer);
    return fixture_teardown(state);
}

/* ---- The device ---- */

static void take_buffer(void)
{
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    struct stat status;
    void *memory;
    int fd;

    if (pictures != NULL) {
        munmap((void *)(uintptr_t)pictures, buffer.size);
    }
    peer_receive(&peer, BG_PVGPU_MESSAGE_SCANOUT_BUFFER, &buffer, sizeof(buffer), &fd);
    assert_int_equal(fcntl(fd, F_GET_SEALS) & seals, seals);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_size, buffer.size);
    assert_int_equal(buffer.size, buffer.slots * buffer.slot_size);
    assert_int_equal(buffer.slot_size % 4096, 0);
    memory = mmap(NULL, buffer.size, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(memory != MAP_FAILED);
    close(fd);
    pictures = memory;
}

static void give_back(uint32_t number, uint32_t slot)
{
    const struct bg_pvgpu_scanout_done done = {number, slot};

    peer_send(&peer, BG_PVGPU_MESSAGE_SCANOUT_DONE, &done, sizeof(done));
}

/* Shows the next picture and gives the one before back; its memory. */
static const uint8_t *take_picture(void)
{
    struct bg_pvgpu_scanout before = shown;

    peer_receive(&peer, BG_PVGPU_MESSAGE_SCANOUT, &shown, sizeof(shown), NULL);
    assert_int_equal(shown.buffer, buffer.buffer);
    assert_true(shown.slot < buffer.slots);
    assert_true((uint64_t)shown.stride * shown.height <= buffer.slot_size);
    assert_true(shown.damage_x + shown.damage_width <= shown.width);
    assert_true(shown.damage_y + shown.damage_height <= shown.height);
    if (before.buffer == shown.buffer) {
        assert_int_not_equal(before.slot, shown.slot);
        give_back(before.buffer, before.slot);
    }
    return pictures + shown.slot * buffer.slot_size;
}

/* ---- The guest ---- */

static void make_texture(uint32_t id, uint32_t format, uint32_t width, uint32_t height)
{
    struct bg_pvgpu_create_resource create =
        PEER_COMMAND(struct bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE,
                     .type = BG_PVGPU_RESOURCE_TEXTURE_2D, .format = format, .width = width,
                     .height = height, .mip_levels = 1, .bind_flags = BG_PVGPU_BIND_RENDER_TARGET);
    struct bg_pvgpu_create_view view = PEER_COMMAND(
        struct bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, .resource_id = id);

    create.header.resource_id = view.header.resource_id = id;
    peer_put(&peer, &create, sizeof(create));
    peer_expect_ok(&peer, &view, sizeof(view));
}

static void clear(uint32_t id, float r, float g, float b)
{
    struct bg_pvgpu_clear_render_target command =
        PEER_COMMAND(struct bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET,
                     .rtv = id, .colour = {r, g, b, 1});

    peer_put(&peer, &command, sizeof(command));
}

static struct bg_pvgpu_present present_of(uint32_t id, uint32_t interval)
{
    return PEER_COMMAND(struct bg_pvgpu_present, BG_PVGPU_CMD_PRESENT, .backbuffer_id = id,
                        .sync_interval = interval);
}

static void put_present(uint32_t id, uint32_t interval)
{
    struct bg_pvgpu_present present = present_of(id, interval);

    peer_put(&peer, &present, sizeof(present));
}

static void expect_pixels(const uint8_t *picture, uint32_t count, uint32_t pixel)
{
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(picture + i * 4, &pixel, 4) != 0) {
            fail_msg("pixel %u of %u is %02x %02x %02x %02x, not %08x", i, count, picture[i * 4],
                     picture[i * 4 + 1], picture[i * 4 + 2], picture[i * 4 + 3], pixel);
        }
    }
}

/* ---- Tests ---- */

static void test_pictures(void **state)
{
    (void)state;
    start("", PEER_NEW);
    assert_true(peer.features & BG_PVGPU_FEATURE_SCANOUT);
    make_texture(1, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, WIDTH, HEIGHT);
    for (uint32_t i = 0; i < 20; i++) {
        clear(1, (float)i / 255, 0, 1);
        put_present(1, 0);
        clear(1, 0, 1, 0); /* behind the copy */
        peer_finish(&peer);
        if (i == 0) {
            take_buffer();
        }
        expect_pixels(take_picture(), WIDTH * HEIGHT, 0xFF0000FF | i << 16);
        assert_int_equal(shown.width, WIDTH);
        assert_int_equal(shown.height, HEIGHT);
        assert_int_equal(shown.stride, STRIDE);
        assert_int_equal(shown.format, BG_PVGPU_FORMAT_B8G8R8A8_UNORM);
        assert_int_equal(shown.damage_width, WIDTH);
    }
    assert_int_equal(peer.control->scanout_count, 20);
    assert_int_equal(peer.control->scanout_dropped, 0);
    assert_int_equal(peer.control->scanout_copied, 20u * WIDTH * HEIGHT * 4); /* once each */
}

static void expect_shown(uint32_t format, uint32_t as, uint32_t pixel)
{
    static uint32_t id = 100;

    make_texture(++id, format, WIDTH, HEIGHT);
    clear(id, 1, 0.5f, 0);
    put_present(id, 0);
    peer_finish(&peer);
    if (pictures == NULL) {
        take_buffer();
    }
    expect_pixels(take_picture(), WIDTH * HEIGHT, pixel);
    assert_int_equal(shown.format, as);
}

static void test_formats(void **state)
{
    struct bg_pvgpu_present present;

    (void)state;
    start("", PEER_NEW);
    expect_shown(BG_PVGPU_FORMAT_B8G8R8A8_UNORM, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 0xFFFF8000);
    expect_shown(BG_PVGPU_FORMAT_R8G8B8A8_UNORM, BG_PVGPU_FORMAT_R8G8B8A8_UNORM, 0xFF0080FF);
    expect_shown(BG_PVGPU_FORMAT_B8G8R8X8_UNORM, BG_PVGPU_FORMAT_B8G8R8X8_UNORM, 0xFFFF8000);
    expect_shown(BG_PVGPU_FORMAT_B8G8R8A8_UNORM_SRGB, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 0xFFFFBC00);
    expect_shown(BG_PVGPU_FORMAT_R16G16B16A16_FLOAT, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 0xFFFFBC00);
    expect_shown(BG_PVGPU_FORMAT_R32G32B32A32_FLOAT, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 0xFFFFBC00);
    make_texture(1, BG_PVGPU_FORMAT_R16_UINT, WIDTH, HEIGHT);
    present = present_of(1, 0);
    peer_expect_error(&peer, &present, sizeof(present), BG_PVGPU_ERROR_UNSUPPORTED_FORMAT);
    present = present_of(2, 0);
    peer_expect_error(&peer, &present, sizeof(present), BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    present = present_of(101, 5);
    peer_expect_error(&peer, &present, sizeof(present), BG_PVGPU_ERROR_INVALID_PARAMETER);
    present = present_of(101, 0);
    present.flags = 1;
    peer_expect_error(&peer, &present, sizeof(present), BG_PVGPU_ERROR_INVALID_PARAMETER);
}

/* Each slot gets what it missed, although only the damage is told. */
static void test_damage(void **state)
{
    uint32_t expected[HEIGHT][WIDTH];
    struct bg_pvgpu_present_region region =
        PEER_COMMAND(struct bg_pvgpu_present_region, BG_PVGPU_CMD_PRESENT_REGION,
                     .backbuffer_id = 1, .count = 2);

    (void)state;
    start("", PEER_NEW);
    make_texture(1, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, WIDTH, HEIGHT);
    memset(expected, 0, sizeof(expected));
    for (uint32_t i = 0; i < 30; i++) {
        uint32_t x = i * 7 % (WIDTH - 8), y = i * 5 % (HEIGHT - 8);
        struct bg_pvgpu_update_resource update =
            PEER_COMMAND(struct bg_pvgpu_update_resource, BG_PVGPU_CMD_UPDATE_RESOURCE,
                         .resource_id = 1, .x = x, .y = y, .width = 4, .height = 4);

        for (uint32_t pixel = 0; pixel < 16; pixel++) {
            ((uint32_t *)(void *)peer.heap)[pixel] = i * 100 + pixel;
            expected[y + pixel / 4][x + pixel % 4] = i * 100 + pixel;
        }
        peer_put(&peer, &update, sizeof(update));
        region.rectangles[0] =
            (struct bg_pvgpu_rectangle){(int32_t)x, (int32_t)y, (int32_t)x + 4, (int32_t)y + 2};
        region.rectangles[1] =
            (struct bg_pvgpu_rectangle){(int32_t)x, (int32_t)y + 2, (int32_t)x + 4, (int32_t)y + 4};
        peer_expect_ok(&peer, &region, sizeof(region));
        if (i == 0) {
            take_buffer();
        }
        const uint8_t *picture = take_picture();
        assert_memory_equal(picture, expected, sizeof(expected));
        if (i == 0) { /* there was none before */
            assert_int_equal(shown.damage_width * shown.damage_height, WIDTH * HEIGHT);
        } else {
            assert_int_equal(shown.damage_x, x);
            assert_int_equal(shown.damage_y, y);
            assert_int_equal(shown.damage_width, 4);
            assert_int_equal(shown.damage_height, 4);
        }
    }
    region.count = 17;
    peer_expect_error(&peer, &region, sizeof(region), BG_PVGPU_ERROR_INVALID_PARAMETER);
    region.count = 1;
    region.rectangles[0].right = WIDTH + 1;
    peer_expect_error(&peer, &region, sizeof(region), BG_PVGPU_ERROR_INVALID_PARAMETER);
    region.rectangles[0].left = -1;
    peer_expect_error(&peer, &region, sizeof(region), BG_PVGPU_ERROR_INVALID_PARAMETER);
    region.count = 2;
    region.header.size = 48;
    peer_expect_error(&peer, &region, 48, BG_PVGPU_ERROR_INVALID_COMMAND);
}

/* n periods between two pictures, and not much more. */
static void test_pace(void **state)
{
    enum { FRAMES = 10 };

    (void)state;
    start("", PEER_NEW);
    make_texture(1, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, WIDTH, HEIGHT);
    peer.control->display_refresh = 100;
    for (uint32_t interval = 0; interval <= 4; interval++) {
        uint64_t start_ms = harness_now_ms();
        put_present(1, interval);
        peer_finish(&peer);
        if (pictures == NULL) {
            take_buffer();
        }
        take_picture();
        for (int i = 0; i < FRAMES; i++) {
            put_present(1, interval);
            peer_finish(&peer);
            take_picture();
        }
        uint64_t took_ms = harness_now_ms() - start_ms;
        /* The first may have been 8 ms late, and does not delay the others; the clock's steps. */
        assert_true(took_ms + 10 >= FRAMES * interval * 10);
        assert_true(took_ms < (FRAMES + 1) * interval * 10 + 3000); /* the machine may be busy */
    }
    /* What the guest writes there is bounded; a reset does not wait for a picture. */
    peer.control->display_refresh = 0;
    put_present(1, 1);
    peer_finish(&peer);
    peer.control->display_refresh = 1;
    put_present(1, 4);
    peer_submit(&peer);
    uint64_t start_ms = harness_now_ms();
    take_picture();
    peer_reset(&peer);
    assert_true(harness_now_ms() - start_ms < 3500); /* not 4 s */
}

/* A device that gives nothing back loses pictures, not the guest its ring. */
static void test_no_slot(void **state)
{
    (void)state;
    start("", PEER_NEW);
    make_texture(1, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, WIDTH, HEIGHT);
    for (int i = 0; i < 5; i++) {
        put_present(1, 0);
        peer_finish(&peer);
    }
    assert_int_equal(peer.control->scanout_count, 3);
    assert_int_equal(peer.control->scanout_dropped, 2);
    assert_int_equal(peer.control->error_count, 0);
    /* Numbers that mean nothing change nothing. */
    give_back(77, 0);
    give_back(1, 77);
    give_back(UINT32_MAX, UINT32_MAX);
    put_present(1, 0);
    peer_finish(&peer);
    assert_int_equal(peer.control->scanout_dropped, 3);
    give_back(1, 1);
    put_present(1, 0);
    peer_finish(&peer);
    assert_int_equal(peer.control->scanout_count, 4);
    take_buffer();
    for (uint32_t i = 0; i < 4; i++) {
        peer_receive(&peer, BG_PVGPU_MESSAGE_SCANOUT, &shown, sizeof(shown), NULL);
        assert_int_equal(shown.slot, i < 3 ? i : 1);
    }
}

/* What a picture that was not shown had changed is told with the next. */
static void test_damage_of_what_was_dropped(void **state)
{
    struct bg_pvgpu_present_region region =
        PEER_COMMAND(struct bg_pvgpu_present_region, BG_PVGPU_CMD_PRESENT_REGION,
                     .backbuffer_id = 1, .count = 1);

    (void)state;
    start("", PEER_NEW);
    make_texture(1, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, WIDTH, HEIGHT);
    for (int i = 0; i < 3; i++) { /* all slots */
        put_present(1, 0);
    }
    peer_finish(&peer);
    region.rectangles[0] = (struct bg_pvgpu_rectangle){2, 3, 4, 5};
    peer_expect_ok(&peer, &region, sizeof(region));
    assert_int_equal(peer.control->scanout_dropped, 1);
    give_back(1, 0);
    region.rectangles[0] = (struct bg_pvgpu_rectangle){10, 20, 12, 21};
    peer_expect_ok(&peer, &region, sizeof(region));
    assert_int_equal(peer.control->scanout_dropped, 1);
    take_buffer();
    for (int i = 0; i < 4; i++) {
        peer_receive(&peer, BG_PVGPU_MESSAGE_SCANOUT, &shown, sizeof(shown), NULL);
    }
    assert_int_equal(shown.damage_x, 2);
    assert_int_equal(shown.damage_y, 3);
    assert_int_equal(shown.damage_width, 10);
    assert_int_equal(shown.damage_height, 18);
    give_back(1, 1); /* and once only */
    peer_expect_ok(&peer, &region, sizeof(region));
    peer_receive(&peer, BG_PVGPU_MESSAGE_SCANOUT, &shown, sizeof(shown), NULL);
    assert_int_equal(shown.damage_x, 10);
    assert_int_equal(shown.damage_width, 2);
}

/* Pictures of other sizes each time, and a device that reads nothing: buffers do not pile up, which
 * would be memory of nobody's account, and the session goes on. */
static void test_sizes_that_change_all_the_time(void **state)
{
    enum { PRESENTS = 12 };
    uint32_t shown_before;

    (void)state;
    start("memory_limit = 64M\n", PEER_NEW);
    make_texture(1, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, WIDTH, HEIGHT);
    make_texture(2, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 8 * WIDTH, 8 * HEIGHT);
    for (uint32_t i = 0; i < PRESENTS; i++) {
        put_present(1 + i % 2, 0);
    }
    peer_finish(&peer);
    shown_before = peer.control->scanout_count;
    assert_true(shown_before + peer.control->scanout_dropped == PRESENTS);
    assert_true(shown_before <= PRESENTS / 2); /* the small ones, which the first buffer takes */
    take_buffer();
    assert_int_equal(buffer.buffer, 1);
    for (uint32_t i = 0; i < shown_before; i++) {
        peer_receive(&peer, BG_PVGPU_MESSAGE_SCANOUT, &shown, sizeof(shown), NULL);
    }
    /* One that has read is shown the next. */
    put_present(2, 0);
    peer_finish(&peer);
    assert_int_equal(peer.control->scanout_count, shown_before + 1);
    take_buffer();
    assert_int_equal(buffer.buffer, 2);
}

static void test_resize(void **state)
{
    struct bg_pvgpu_resize_buffers resize = PEER_COMMAND(
        struct bg_pvgpu_resize_buffers, BG_PVGPU_CMD_RESIZE_BUFFERS, .swapchain = 1, .width = 200,
        .height = 100, .format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM, .buffer_count = 4);
    struct bg_pvgpu_command gone = {BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW, sizeof(gone), 1, 0};

    (void)state;
    start("", PEER_NEW);
    make_texture(1, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, WIDTH, HEIGHT);
    put_present(1, 0);
    peer_finish(&peer);
    take_buffer();
    assert_int_equal(buffer.slots, 3);
    take_picture();
    peer_expect_error(&peer, &resize, sizeof(resize),
                      BG_PVGPU_ERROR_INVALID_PARAMETER); /* a view */
    peer_put(&peer, &gone, sizeof(gone));
    peer_expect_ok(&peer, &resize, sizeof(resize));
    assert_int_equal(peer.control->display_width, 200);
    assert_int_equal(peer.control->display_height, 100);
    assert_int_equal(peer.control->display_format, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    put_present(1, 0);
    peer_finish(&peer);
    take_buffer();
    assert_int_equal(buffer.slots, 4);
    assert_int_equal(buffer.buffer, 2);
    expect_pixels(take_picture(), 200 * 100, 0);
    assert_int_equal(shown.width, 200);
    /* RESET: the screen goes dark. */
    peer_reset(&peer);
    peer_receive(&peer, BG_PVGPU_MESSAGE_SCANOUT, &shown, sizeof(shown), NULL);
    assert_int_equal(shown.width, 0);
}

/* The scanout counts against the session's memory. */
static void test_memory_limit(void **state)
{
    struct bg_pvgpu_present present = present_of(1, 0);

    (void)state;
    start("memory_limit = 3M\n", PEER_NEW);
    make_texture(1, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 512, 512);
    peer_expect_error(&peer, &present, sizeof(present), BG_PVGPU_ERROR_OUT_OF_MEMORY);
    peer_expect_error(&peer, &present, sizeof(present), BG_PVGPU_ERROR_OUT_OF_MEMORY);
}

/* An older device shows nothing; the guest's presents run at their pace all the same. */
static void test_old_device(void **state)
{
    (void)state;
    start("", PEER_OLD);
    make_texture(1, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, WIDTH, HEIGHT);
    peer.control->display_refresh = 100;
    put_present(1, 1);
    peer_finish(&peer);
    uint64_t start_ms = harness_now_ms();
    for (int i = 0; i < 10; i++) {
        put_present(1, 1);
        peer_finish(&peer);
    }
    assert_true(harness_now_ms() - start_ms >= 90);
    assert_int_equal(peer.control->error_count, 0);
}

/* A device that keeps every buffer it was given: what it holds is not more than the limit. */
static void test_buffers_that_are_kept(void **state)
{
    enum { ROUNDS = 20, SIDE = 1024, LIMIT = 32 << 20 };
    struct bg_pvgpu_create_resource create =
        PEER_COMMAND(struct bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE,
                     .type = BG_PVGPU_RESOURCE_TEXTURE_2D, .format = BG_PVGPU_FORMAT_B8G8R8A8_UNORM,
                     .width = SIDE, .height = SIDE, .mip_levels = 1);
    struct bg_pvgpu_present present =
        PEER_COMMAND(struct bg_pvgpu_present, BG_PVGPU_CMD_PRESENT, .backbuffer_id = 1);
    uint64_t held = 0;
    int kept[ROUNDS];

    (void)state;
    fixture_start("gpu", "pvgpu", "memory_limit = 32M\n");
    peer = peer_open(PEER_NEW, path, 1);
    peer_reset(&peer);
    create.header.resource_id = 1;
    peer_expect_ok(&peer, &create, sizeof(create));
    for (int i = 0; i < ROUNDS; i++) {
        struct bg_pvgpu_resize_buffers resize =
            PEER_COMMAND(struct bg_pvgpu_resize_buffers, BG_PVGPU_CMD_RESIZE_BUFFERS, .width = SIDE,
                         .height = SIDE, .buffer_count = 2 + (uint32_t)i % 2);

        peer_expect_ok(&peer, &resize, sizeof(resize));
        peer_put(&peer, &present, sizeof(present));
        peer_submit(&peer);
        peer_receive(&peer, BG_PVGPU_MESSAGE_SCANOUT_BUFFER, &buffer, sizeof(buffer), &kept[i]);
        peer_receive(&peer, BG_PVGPU_MESSAGE_SCANOUT, &shown, sizeof(shown), NULL);
        peer_finish(&peer);
    }
    for (int i = 0; i < ROUNDS; i++) {
        struct stat status;

        assert_int_equal(fstat(kept[i], &status), 0);
        held += (uint64_t)status.st_blocks * 512;
        close(kept[i]);
    }
    assert_in_range(held, SIDE * SIDE * 4, LIMIT - SIDE * SIDE * 4); /* the last picture is there */
}

static unsigned count_text(const char *text)
{
    const char *place = process_errors(mediator);
    unsigned count = 0;

    for (; (place = strstr(place, text)) != NULL; place++) {
        count++;
    }
    return count;
}

/* A large picture that is converted takes some hundred milliseconds: others have their turns in
 * between, and what is shown is the whole of it. */
static void test_others_have_turns_meanwhile(void **state)
{
    enum { SIDE = 4096 };
    char *stub_path = harness_temp_path("stub.sock");
    struct request add = request_add(1, 2);

    (void)state;
    fixture_on_one_cpu = true;
    fixture_start_with("cpu",
                       "[listener gpu]\ndevice = pvgpu\npath = %s\n"
                       "[listener stub]\npath = %s\n",
                       path, stub_path);
    peer = peer_open(PEER_NEW, path, 0);
    struct client client = client_open(stub_path, 2);
    make_texture(1, BG_PVGPU_FORMAT_R16G16B16A16_FLOAT, SIDE, SIDE);
    clear(1, 1, 0.5f, 0);
    peer_finish(&peer);
    admin_wait_waiting(path, 0);
    unsigned turns = count_text("(gpu, vm 0): lease granted");
    put_present(1, 0);
    uint64_t fence = peer_put_fence(&peer);
    peer_submit(&peer);
    while (__atomic_load_n(&peer.control->host_fence_completed, __ATOMIC_ACQUIRE) < fence) {
        assert_false(peer.control->status & BG_PVGPU_CONTROL_DEVICE_LOST);
        client_expect_ok(&client, &add);
    }
    admin_wait_waiting(path, 0); /* the log is whole */
    assert_true(count_text("(gpu, vm 0): lease granted") - turns >= 10);
    take_buffer();
    expect_pixels(take_picture(), SIDE * SIDE, 0xFFFFBC00);
    client_close(&client);
    free(stub_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_pictures),
        TEST(test_formats),
        TEST(test_damage),
        TEST(test_pace),
        TEST(test_no_slot),
        TEST(test_damage_of_what_was_dropped),
        TEST(test_sizes_that_change_all_the_time),
        TEST(test_resize),
        TEST(test_buffers_that_are_kept),
        TEST(test_old_device),
        TEST(test_memory_limit),
        TEST(test_others_have_turns_meanwhile),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
