/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/pvgpu_peer.c tests/mediator/client.c
// build: tests/mediator/processes.c
// build: tests/mediator/fixture.c host/common/fd_message.c
// needs: build/host/baregpu-mediator build/tests/shaders/endless.comp.spv
/* What a session draws in a whole mediator goes on beside the ring: its order, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "protocol/pvgpu_draw.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"
#include "tests/mediator/pvgpu_peer.h"
#include "tests/shaders/read.h"

enum { SIDE = 32, SIZE = SIDE * SIDE * 4, PLACE = 4096, SECOND_PLACE = 65536, WORDS = 2 };

static struct peer peer;

static void start(const char *keys)
{
    fixture_start("gpu", "pvgpu", keys);
    peer = peer_open(PEER_NEW, path, 0);
}

static int teardown(void **state)
{
    peer_close(&peer);
    return fixture_teardown(state);
}

/* ---- Commands ---- */

/* A target of SIDE x SIDE, and its view of the same id; of a session that draws from here on. */
static void make_target(uint32_t id)
{
    struct bg_pvgpu_set_object no_state =
        PEER_COMMAND(struct bg_pvgpu_set_object, BG_PVGPU_CMD_SET_RASTERIZER_STATE, .id = 0);
    struct bg_pvgpu_create_resource create =
        PEER_COMMAND(struct bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE,
                     .type = BG_PVGPU_RESOURCE_TEXTURE_2D, .format = BG_PVGPU_FORMAT_B8G8R8A8_UNORM,
                     .width = SIDE, .height = SIDE, .bind_flags = BG_PVGPU_BIND_RENDER_TARGET);
    struct bg_pvgpu_create_view view = PEER_COMMAND(
        struct bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, .resource_id = id);

    create.header.resource_id = view.header.resource_id = id;
    create.mip_levels = 1;
    peer_put(&peer, &no_state, sizeof(no_state));
    peer_put(&peer, &create, sizeof(create));
    peer_expect_ok(&peer, &view, sizeof(view));
}

static void put_clear(uint32_t id, uint32_t blue)
{
    struct bg_pvgpu_clear_render_target clear =
        PEER_COMMAND(struct bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET,
                     .rtv = id, .colour = {0, 0, (float)blue / 255, 1});

    peer_put(&peer, &clear, sizeof(clear));
}

static void put_transfer(uint32_t type, uint32_t id, uint32_t place)
{
    struct bg_pvgpu_update_resource transfer = PEER_COMMAND(
        struct bg_pvgpu_update_resource, type, .resource_id = id, .heap_offset = place);

    peer_put(&peer, &transfer, sizeof(transfer));
}

static void expect_pixels(const uint8_t *pixels, uint32_t pixel)
{
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        if (memcmp(pixels + i * 4, &pixel, 4) != 0) {
            fail_msg("pixel %u is %02x %02x %02x %02x, not %08x", i, pixels[i * 4],
                     pixels[i * 4 + 1], pixels[i * 4 + 2], pixels[i * 4 + 3], pixel);
        }
    }
}

/* ---- Order ---- */

/* Fences behind each of many clears, and what they stand for. */
static void test_fences(void **state)
{
    uint64_t fences[200];

    (void)state;
    start("draw = on\n");
    make_target(1);
    for (uint32_t i = 0; i < 200; i++) {
        put_clear(1, i);
        put_transfer(BG_PVGPU_CMD_READ_RESOURCE, 1, PLACE + i * SIZE);
        fences[i] = peer_put_fence(&peer);
    }
    peer_submit(&peer);
    for (uint32_t i = 0; i < 200; i += 40) {
        peer_wait_fence(&peer, fences[i]);
        expect_pixels(peer.heap + PLACE + i * SIZE, 0xFF000000 | i);
    }
    peer_wait_fence(&peer, fences[199]);
    expect_pixels(peer.heap + PLACE + 199 * SIZE, 0xFF0000C7);
    assert_int_equal(peer.control->error_count, 0);
}

static void test_wait_fence(void **state)
{
    struct bg_pvgpu_wait_fence wait =
        PEER_COMMAND(struct bg_pvgpu_wait_fence, BG_PVGPU_CMD_WAIT_FENCE, .value = 0);

    (void)state;
    start("draw = on\n");
    make_target(1);
    for (uint32_t i = 0; i < 20; i++) {
        put_clear(1, i);
        wait.value = peer_put_fence(&peer);
        peer_put(&peer, &wait, sizeof(wait)); /* which is on its way */
    }
    peer_finish(&peer);
    assert_int_equal(peer.control->error_count, 0);
    wait.value = 1000000;
    peer_expect_error(&peer, &wait, sizeof(wait), BG_PVGPU_ERROR_TIMEOUT);
}

/* What the GPU puts into the heap is added up there, and goes back, without a fence between. */
static void test_order_with_compute(void **state)
{
    const struct bg_compute_vector_memory_params params = {
        .element_type = BG_COMPUTE_ELEMENT_UINT32,
        .c_offset_lo = PLACE,
        .a_offset_lo = PLACE,
        .b_offset_lo = SECOND_PLACE,
        .count_lo = SIDE * SIDE,
    };
    uint8_t command[256];

    (void)state;
    start("draw = on\n");
    make_target(1);
    make_target(2);
    for (uint32_t i = 1; i < 100; i++) {
        uint32_t size = peer_build_compute(command, BG_COMPUTE_VECTOR_ADD_MEMORY, NULL, &params,
                                           sizeof(params), BG_PVGPU_NO_RESULT);

        put_clear(1, i);
        put_transfer(BG_PVGPU_CMD_READ_RESOURCE, 1, PLACE);
        put_transfer(BG_PVGPU_CMD_READ_RESOURCE, 1, SECOND_PLACE);
        peer_put(&peer, command, size);
        put_transfer(BG_PVGPU_CMD_UPDATE_RESOURCE, 2, PLACE);
    }
    put_transfer(BG_PVGPU_CMD_READ_RESOURCE, 2, SECOND_PLACE);
    peer_finish(&peer);
    assert_int_equal(peer.control->error_count, 0);
    expect_pixels(peer.heap + SECOND_PLACE, 0xFE0000C6); /* twice 0xFF000063, modulo 2^32 */
}

/* ---- Pictures ---- */

/* The colours of many presents, one behind the other, as a screen gets them. */
static void test_pictures(void **state)
{
    struct bg_pvgpu_present present =
        PEER_COMMAND(struct bg_pvgpu_present, BG_PVGPU_CMD_PRESENT, .backbuffer_id = 1);
    struct bg_pvgpu_scanout_buffer buffer;
    const uint8_t *pictures;
    int fd;

    (void)state;
    start("draw = on\n");
    make_target(1);
    for (uint32_t i = 0; i < 60; i++) {
        put_clear(1, i);
        peer_put(&peer, &present, sizeof(present));
        put_clear(1, 255); /* behind the copy */
    }
    peer_put_fence(&peer);
    peer_submit(&peer);
    peer_receive(&peer, BG_PVGPU_MESSAGE_SCANOUT_BUFFER, &buffer, sizeof(buffer), &fd);
    pictures = mmap(NULL, buffer.size, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(pictures != MAP_FAILED);
    close(fd);
    for (uint32_t i = 0; i < 60; i++) {
        struct bg_pvgpu_scanout_done done;
        struct bg_pvgpu_scanout shown;

        peer_receive(&peer, BG_PVGPU_MESSAGE_SCANOUT, &shown, sizeof(shown), NULL);
        expect_pixels(pictures + shown.slot * buffer.slot_size, 0xFF000000 | i);
        done = (struct bg_pvgpu_scanout_done){shown.buffer, shown.slot};
        peer_send(&peer, BG_PVGPU_MESSAGE_SCANOUT_DONE, &done, sizeof(done));
    }
    peer_finish(&peer);
    assert_int_equal(peer.control->scanout_count, 60);
    assert_int_equal(peer.control->error_count, 0);
    munmap((void *)(uintptr_t)pictures, buffer.size);
}

/* ---- Reset, and the end ---- */

static void test_reset(void **state)
{
    (void)state;
    start("draw = on\n");
    for (uint32_t turn = 0; turn < 5; turn++) {
        make_target(1);
        for (uint32_t i = 0; i < 50; i++) {
            put_clear(1, i);
            put_transfer(BG_PVGPU_CMD_READ_RESOURCE, 1, PLACE);
            peer_put_fence(&peer);
        }
        peer_submit(&peer);
        peer_reset(&peer);
    }
    make_target(1);
    put_transfer(BG_PVGPU_CMD_READ_RESOURCE, 1, PLACE);
    peer_finish(&peer);
    expect_pixels(peer.heap + PLACE, 0);
}

/* Mesa ends each loop of a shader at some time, but there are many. */
/* Mesa ends each loop of a shader at some time, but there are many. */
static void put_endless_dispatch(void)
{
    struct bg_pvgpu_create_shader create =
        PEER_COMMAND(struct bg_pvgpu_create_shader, BG_PVGPU_CMD_CREATE_SHADER, .shader_id = 1,
                     .stage = BG_PVGPU_STAGE_COMPUTE, .bytecode_offset = PLACE);
    struct bg_pvgpu_set_shader set =
        PEER_COMMAND(struct bg_pvgpu_set_shader, BG_PVGPU_CMD_SET_SHADER,
                     .stage = BG_PVGPU_STAGE_COMPUTE, .shader_id = 1);
    struct bg_pvgpu_create_resource buffer =
        PEER_COMMAND(struct bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE,
                     .type = BG_PVGPU_RESOURCE_BUFFER, .width = 256,
                     .bind_flags = BG_PVGPU_BIND_UNORDERED_ACCESS);
    struct bg_pvgpu_create_view view =
        PEER_COMMAND(struct bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_UNORDERED_ACCESS_VIEW,
                     .view_id = WORDS, .resource_id = WORDS);
    struct bg_pvgpu_set_unordered_access bind =
        PEER_COMMAND(struct bg_pvgpu_set_unordered_access, BG_PVGPU_CMD_SET_UNORDERED_ACCESS,
                     .stage = BG_PVGPU_STAGE_COMPUTE, .count = 1, .views = {WORDS});
    struct bg_pvgpu_dispatch dispatch =
        PEER_COMMAND(struct bg_pvgpu_dispatch, BG_PVGPU_CMD_DISPATCH, .groups_x = 65535,
                     .groups_y = 1, .groups_z = 1);
    size_t size;
    uint32_t *words = shader_read_file("endless.comp", &size);

    memcpy(peer.heap + PLACE, words, size);
    create.bytecode_size = (uint32_t)size;
    free(words);
    buffer.header.resource_id = WORDS;
    peer_expect_ok(&peer, &create, sizeof(create));
    peer_expect_ok(&peer, &set, sizeof(set));
    peer_expect_ok(&peer, &buffer, sizeof(buffer));
    peer_expect_ok(&peer, &view, sizeof(view));
    peer_expect_ok(&peer, &bind, sizeof(bind));
    peer_put(&peer, &dispatch, sizeof(dispatch));
}

/* The shader is compiled within the limit, too. */
#define ENDLESS_KEYS "draw = on\nrequest_timeout_ms = 3000\n"

/* The ring goes on meanwhile; what waits for it is told that it will never come. */
static void test_endless_shader(void **state)
{
    (void)state;
    start(ENDLESS_KEYS);
    make_target(1);
    put_endless_dispatch();
    peer_put_fence(&peer);
    peer_submit(&peer);
    assert_true(socket_wait_closed(peer.socket, PEER_TIMEOUT_MS));
    assert_int_equal(peer.control->error_code, BG_PVGPU_ERROR_TIMEOUT);
    assert_true(peer.control->status & BG_PVGPU_CONTROL_DEVICE_LOST);
}

/* The same without a fence: the next command that waits. */
static void test_endless_shader_without_a_fence(void **state)
{
    struct bg_pvgpu_command waits = {BG_PVGPU_CMD_FLUSH, sizeof(waits), 0, BG_PVGPU_COMMAND_WAIT};

    (void)state;
    start(ENDLESS_KEYS);
    put_endless_dispatch();
    peer_put(&peer, &waits, sizeof(waits));
    peer_submit(&peer);
    assert_true(socket_wait_closed(peer.socket, PEER_TIMEOUT_MS));
    assert_int_equal(peer.control->error_code, BG_PVGPU_ERROR_TIMEOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, teardown)
        TEST(test_fences),
        TEST(test_wait_fence),
        TEST(test_order_with_compute),
        TEST(test_pictures),
        TEST(test_reset),
        TEST(test_endless_shader),
        TEST(test_endless_shader_without_a_fence),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
