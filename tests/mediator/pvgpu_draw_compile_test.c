/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/pvgpu_pen.c tests/mediator/raster.c tests/mediator/pvgpu_peer.c
// build: tests/mediator/client.c tests/mediator/processes.c tests/mediator/fixture.c
// build: host/common/fd_message.c
// needs: build/host/baregpu-mediator build/tests/shaders/raster.vert.spv
// needs: build/tests/shaders/raster.frag.spv build/tests/shaders/slow.comp.spv
// needs: build/tests/shaders/slow.frag.spv
/* Shaders that a driver compiles for too long: whose they are is told, and its session alone ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "harness.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"
#include "tests/mediator/pvgpu_pen.h"
#include "tests/shaders/read.h"

static struct peer peer, other;

static int teardown(void **state)
{
    peer_close(&peer);
    peer_close(&other);
    return fixture_teardown(state);
}

/* The neighbour has drawn before. It is not under the limit, and nothing but the slow shader is
 * compiled under it: on a busy host any shader takes long. */
static void start(void)
{
    char *free_path = harness_format("%s.free", path);

    fixture_start_with("cpu",
                       "[listener limited]\ndevice = pvgpu\npath = %s\ndraw = on\n"
                       "request_timeout_ms = 3000\n"
                       "[listener free]\ndevice = pvgpu\npath = %s\ndraw = on\n",
                       path, free_path);
    other = peer_open(PEER_NEW, free_path, 2);
    free(free_path);
    pen_open(&other, false);
    pen_draw(3, 0);
    peer = peer_open(PEER_NEW, path, 1);
    pen_open(&peer, false);
}

static void put_draw(void)
{
    const struct bg_pvgpu_draw draw =
        PEER_COMMAND(struct bg_pvgpu_draw, BG_PVGPU_CMD_DRAW, .vertex_count = 3);

    peer_put(&peer, &draw, sizeof(draw));
}

static void expect_neighbour_draws(void)
{
    const float green[4] = {0, 1, 0, 1};

    pen_use(&other);
    pen_clear(green);
    pen_draw(3, 0);
    assert_int_equal(pen_read(PEN_TARGET, RASTER_PIXELS * 4)[1], 255);
    assert_int_equal(other.control->error_count, 0);
}

static void expect_loss(const char *reason)
{
    peer_put_fence(&peer);
    peer_submit(&peer);
    expect_neighbour_draws(); /* meanwhile */
    assert_true(socket_wait_closed(peer.socket, PEER_TIMEOUT_MS));
    assert_int_equal(peer.control->error_code, BG_PVGPU_ERROR_SHADER_COMPILE);
    assert_true(peer.control->status & BG_PVGPU_CONTROL_DEVICE_LOST);
    assert_string_equal(peer.control->error_text, reason);
    process_wait_text(mediator, "longer than 3000 ms to compile; session ended");
    expect_neighbour_draws();
    assert_null(strstr(process_errors(mediator), "fault: "));
}

static void test_pixel_shader(void **state)
{
    (void)state;
    start();
    pen_set_shader(BG_PVGPU_STAGE_PIXEL, "slow.frag");
    put_draw();
    expect_loss("shaders 3 and 6: the driver takes longer than 3000 ms to compile");
}

enum { SHADER = 100, WORDS };

/* All in one go: nobody knows where in it the driver compiles. */
static void put_dispatch(const char *name)
{
    struct bg_pvgpu_create_shader create =
        PEER_COMMAND(struct bg_pvgpu_create_shader, BG_PVGPU_CMD_CREATE_SHADER, .shader_id = SHADER,
                     .stage = BG_PVGPU_STAGE_COMPUTE);
    const struct bg_pvgpu_set_shader set =
        PEER_COMMAND(struct bg_pvgpu_set_shader, BG_PVGPU_CMD_SET_SHADER,
                     .stage = BG_PVGPU_STAGE_COMPUTE, .shader_id = SHADER);
    const struct bg_pvgpu_set_unordered_access bind =
        PEER_COMMAND(struct bg_pvgpu_set_unordered_access, BG_PVGPU_CMD_SET_UNORDERED_ACCESS,
                     .stage = BG_PVGPU_STAGE_COMPUTE, .count = 1, .views = {WORDS});
    const struct bg_pvgpu_dispatch dispatch =
        PEER_COMMAND(struct bg_pvgpu_dispatch, BG_PVGPU_CMD_DISPATCH, .groups_x = 1, .groups_y = 1,
                     .groups_z = 1);
    size_t size;
    uint32_t *words = shader_read_file(name, &size);

    create.bytecode_size = (uint32_t)size;
    create.bytecode_offset = pen_lend(words, (uint32_t)size);
    free(words);
    peer_put(&peer, &create, sizeof(create));
    peer_put(&peer, &set, sizeof(set));
    peer_put(&peer, &bind, sizeof(bind));
    peer_put(&peer, &dispatch, sizeof(dispatch));
}

static void test_compute_shader(void **state)
{
    const float zeros[64] = {0};

    (void)state;
    start();
    PEN_RUN(struct bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_UNORDERED_ACCESS_VIEW,
            .view_id = WORDS,
            .resource_id = pen_buffer(BG_PVGPU_BIND_UNORDERED_ACCESS, zeros, sizeof(zeros)));
    put_dispatch("slow.comp");
    expect_loss("shader 100: the driver takes longer than 3000 ms to compile");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, teardown)
        TEST(test_pixel_shader),
        TEST(test_compute_shader),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
