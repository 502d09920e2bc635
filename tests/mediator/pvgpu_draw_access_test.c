/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/pvgpu_pen.c tests/mediator/raster.c tests/mediator/pvgpu_peer.c
// build: tests/mediator/client.c tests/mediator/processes.c tests/mediator/fixture.c
// build: host/common/fd_message.c
// needs: build/host/baregpu-mediator build/tests/shaders/raster.vert.spv
// needs: build/tests/shaders/raster.frag.spv build/tests/shaders/invalid.spv
// needs: build/tests/shaders/pointer.comp.spv build/tests/fake/vulkan/libvulkan.so.1
/* Who may draw, and what draws; and guests that draw as nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "harness_qemu.h"
#include "tests/fake/vulkan/vulkan.h"
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

static void start(const char *keys)
{
    fixture_start("gpu", "pvgpu", keys);
}

/* ---- Configuration ---- */

static void expect_drawing(bool draws)
{
    json_t *status = admin_status(path);
    json_t *listener = json_array_get(json_object_get(status, "listeners"), 0);

    assert_int_equal(json_is_true(json_object_get(listener, "draws")), draws);
    assert_int_equal(json_is_object(json_object_get(status, "drawing")), draws);
    json_decref(status);
    assert_int_equal((peer.features & BG_PVGPU_FEATURE_DRAW) != 0, draws);
}

static void test_on(void **state)
{
    (void)state;
    start("draw = on\n");
    process_wait_text(mediator, "drawing: ");
    peer = peer_open(PEER_NEW, path, 1);
    assert_true(peer.features & BG_PVGPU_FEATURE_COMPUTE_SHADER);
    expect_drawing(true);
}

/* Its programs are what draws with the first bits. */
static void test_old_device(void **state)
{
    (void)state;
    start("");
    peer = peer_open(PEER_OLD, path, 1);
    expect_drawing(true);
}

static void test_off(void **state)
{
    const struct bg_pvgpu_draw draw =
        PEER_COMMAND(struct bg_pvgpu_draw, BG_PVGPU_CMD_DRAW, .vertex_count = 3);

    (void)state;
    start("draw = off\n");
    peer = peer_open(PEER_NEW, path, 1);
    expect_drawing(false);
    peer_expect_error(&peer, &draw, sizeof(draw), BG_PVGPU_ERROR_INVALID_COMMAND);
}

/* Its exit status, with what it says. */
static int run_mediator(const char *device, const char *draw, char **errors)
{
    char *file = harness_temp_path("drawing.ini");
    char *program = harness_build_path("host/baregpu-mediator");
    FILE *stream = fopen(file, "w");
    const char *const argv[] = {program, "--backend", "cpu", "--config", file, NULL};

    assert_non_null(stream);
    fprintf(stream, "[mediator]\nvulkan_device = %s\n", device);
    fprintf(stream, "[listener one]\npath = %s\ndevice = pvgpu\ndraw = %s\n", path, draw);
    fclose(stream);
    struct process *process = process_start(argv, NULL);
    int status = process_wait(process);
    *errors = strdup(process_errors(process));
    process_end(process);
    free(program);
    free(file);
    return status;
}

static void test_device_that_is_not_there(void **state)
{
    char *errors;

    (void)state;
    assert_int_equal(run_mediator("no such device", "auto", &errors), 4);
    assert_non_null(strstr(errors, "no drawing: "));
    assert_non_null(strstr(errors, "no such device"));
    free(errors);
    start("draw = on\n[mediator]\nvulkan_device = 0\n"); /* by its number */
    process_wait_text(mediator, "drawing: ");
}

/* ---- What is refused ---- */

static void refuse_shader(uint32_t stage, const char *name)
{
    size_t size;
    uint32_t *words = shader_read_file(name, &size);
    const struct bg_pvgpu_create_shader create = PEER_COMMAND(
        struct bg_pvgpu_create_shader, BG_PVGPU_CMD_CREATE_SHADER, .shader_id = 900, .stage = stage,
        .bytecode_size = (uint32_t)size, .bytecode_offset = pen_lend(words, (uint32_t)size));

    free(words);
    peer_expect_error(&peer, &create, sizeof(create), BG_PVGPU_ERROR_SHADER_COMPILE);
}

/* Each is told why; the session goes on. */
static void test_shaders_that_are_refused(void **state)
{
    const float red[4] = {1, 0, 0, 1};

    (void)state;
    start("draw = on\n");
    peer = peer_open(PEER_NEW, path, 1);
    pen_open(&peer, false);
    refuse_shader(BG_PVGPU_STAGE_PIXEL, "invalid");
    assert_true(peer.control->error_text[0] != '\0');
    refuse_shader(BG_PVGPU_STAGE_COMPUTE, "pointer.comp");
    refuse_shader(BG_PVGPU_STAGE_PIXEL, "raster.vert"); /* of another stage */
    pen_clear(red);
    assert_int_equal(pen_read(PEN_TARGET, RASTER_PIXELS * 4)[0], 255);
}

static void test_draws_that_are_refused(void **state)
{
    struct bg_pvgpu_draw draw =
        PEER_COMMAND(struct bg_pvgpu_draw, BG_PVGPU_CMD_DRAW, .vertex_count = 3);
    const struct bg_pvgpu_set_shader set = PEER_COMMAND(
        struct bg_pvgpu_set_shader, BG_PVGPU_CMD_SET_SHADER, .stage = BG_PVGPU_STAGE_VERTEX);
    const struct bg_pvgpu_set_shader unknown =
        PEER_COMMAND(struct bg_pvgpu_set_shader, BG_PVGPU_CMD_SET_SHADER,
                     .stage = BG_PVGPU_STAGE_VERTEX, .shader_id = 12345);
    const struct bg_pvgpu_dispatch dispatch =
        PEER_COMMAND(struct bg_pvgpu_dispatch, BG_PVGPU_CMD_DISPATCH, .groups_x = 1, .groups_y = 1,
                     .groups_z = 1);

    (void)state;
    start("draw = on\n");
    peer = peer_open(PEER_NEW, path, 1);
    pen_open(&peer, false);
    peer_expect_error(&peer, &unknown, sizeof(unknown), BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    peer_expect_error(&peer, &dispatch, sizeof(dispatch), BG_PVGPU_ERROR_INVALID_PARAMETER);
    pen_set_topology(BG_PVGPU_TOPOLOGY_UNDEFINED);
    peer_expect_error(&peer, &draw, sizeof(draw), BG_PVGPU_ERROR_INVALID_PARAMETER);
    pen_set_topology(BG_PVGPU_TOPOLOGY_TRIANGLE_LIST);
    pen_run(&set, sizeof(set));
    peer_expect_error(&peer, &draw, sizeof(draw), BG_PVGPU_ERROR_INVALID_PARAMETER);
    draw.header.size = 16;
    peer_expect_error(&peer, &draw, 16, BG_PVGPU_ERROR_INVALID_COMMAND);
}

/* Textures and buffers count; what is given back can be had again. */
static void test_memory_is_charged(void **state)
{
    struct bg_pvgpu_create_resource create =
        PEER_COMMAND(struct bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE,
                     .type = BG_PVGPU_RESOURCE_TEXTURE_2D, .format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM,
                     .width = 1024, .height = 1024, .depth = 1, .mip_levels = 1,
                     .bind_flags = BG_PVGPU_BIND_RENDER_TARGET);
    struct bg_pvgpu_command destroy = {BG_PVGPU_CMD_DESTROY_RESOURCE, sizeof(destroy), 0, 0};

    (void)state;
    start("draw = on\nmemory_limit = 32M\n");
    peer = peer_open(PEER_NEW, path, 1);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t id = 1; id < 8; id++) {
            create.header.resource_id = id;
            peer_expect_ok(&peer, &create, sizeof(create));
        }
        create.header.resource_id = 100;
        create.width = create.height = 4096;
        peer_expect_error(&peer, &create, sizeof(create), BG_PVGPU_ERROR_OUT_OF_MEMORY);
        create.width = create.height = 1024;
        for (uint32_t id = 1; id < 8; id++) {
            destroy.resource_id = id;
            peer_expect_ok(&peer, &destroy, sizeof(destroy));
        }
    }
}

/* A worker that dies while it draws costs its own session only. */
static void test_two_guests(void **state)
{
    const float green[4] = {0, 1, 0, 1};

    (void)state;
    start("draw = on\n");
    peer = peer_open(PEER_NEW, path, 1);
    other = peer_open(PEER_NEW, path, 2);
    pen_open(&other, false);
    pen_open(&peer, false);
    peer_disconnect(&other);
    pen_clear(green);
    assert_int_equal(pen_read(PEN_TARGET, RASTER_PIXELS * 4)[1], 255);
}

/* ---- A device that is lost ---- */

static void start_with_fake(void)
{
    char *library = harness_build_path("tests/fake/vulkan");

    setenv("LD_LIBRARY_PATH", library, 1);
    start("draw = on\n");
    unsetenv("LD_LIBRARY_PATH");
    free(library);
}

/* The guest is told, and its session ends; the other one draws on, and so does a new one. */
static void lose_device(uint32_t vertex_count, const char *reason)
{
    static const struct raster_vertex vertices[3];
    const struct bg_pvgpu_draw draw =
        PEER_COMMAND(struct bg_pvgpu_draw, BG_PVGPU_CMD_DRAW, .vertex_count = vertex_count);
    const float green[4] = {0, 1, 0, 1};

    start_with_fake();
    other = peer_open(PEER_NEW, path, 2);
    pen_open(&other, false);
    pen_draw_vertices(vertices, 3);
    peer = peer_open(PEER_NEW, path, 1);
    pen_open(&peer, false);
    peer_put(&other, &draw, sizeof(draw));
    peer_put_fence(&other);
    peer_submit(&other);
    assert_true(socket_wait_closed(other.socket, PEER_TIMEOUT_MS));
    assert_int_equal(other.control->error_code, BG_PVGPU_ERROR_DEVICE_LOST);
    assert_true(other.control->status & BG_PVGPU_CONTROL_DEVICE_LOST);
    process_wait_text(mediator, reason);
    pen_clear(green);
    pen_draw_vertices(vertices, 3);
    assert_int_equal(pen_read(PEN_TARGET, RASTER_PIXELS * 4)[1], 255);
    peer_close(&other);
    other = peer_open(PEER_NEW, path, 2);
    pen_open(&other, false);
    pen_draw_vertices(vertices, 3);
    assert_null(strstr(process_errors(mediator), "fault: "));
}

static void test_lost_in_a_submission(void **state)
{
    (void)state;
    lose_device(FAKE_VULKAN_LOST_IN_SUBMIT,
                "Vulkan: vkQueueSubmit2: the device is lost; session ended");
}

static void test_lost_in_a_wait(void **state)
{
    (void)state;
    lose_device(FAKE_VULKAN_LOST_IN_WAIT, ": the device is lost; session ended");
}

/* ---- ---- */

/* A RESET takes all that was made; the ids are free. */
static void test_reset(void **state)
{
    const float blue[4] = {0, 0, 1, 1};

    (void)state;
    start("draw = on\n");
    peer = peer_open(PEER_NEW, path, 1);
    for (int i = 0; i < 3; i++) {
        pen_open(&peer, true);
        pen_clear(blue);
        assert_int_equal(pen_read(PEN_TARGET, RASTER_PIXELS * 4)[2], 255);
        peer_reset(&peer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, teardown)
        TEST(test_on),
        TEST(test_old_device),
        TEST(test_off),
        TEST(test_device_that_is_not_there),
        TEST(test_shaders_that_are_refused),
        TEST(test_draws_that_are_refused),
        TEST(test_memory_is_charged),
        TEST(test_two_guests),
        TEST(test_reset),
        TEST(test_lost_in_a_submission),
        TEST(test_lost_in_a_wait),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
