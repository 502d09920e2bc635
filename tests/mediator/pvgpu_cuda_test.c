/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/pvgpu_peer.c tests/mediator/client.c tests/mediator/fixture.c
// build: tests/mediator/processes.c
// build: host/common/fd_message.c
// needs: build/host/baregpu-mediator build/tests/fake/gpu/libcuda.so.1
/*
 * pvgpu with a GPU. With the CUDA device on the CPU in the part of NVIDIA's driver
 * (tests/fake/gpu), which shows nothing about a GPU: how it is called, and the same bytes as on the
 * CPU for everything a guest can ask. And with a GPU, where there is one, the same run for real.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"
#include "tests/mediator/pvgpu_peer.h"

static char *cpu_path, *fake_directory;
static struct peer gpu, cpu;

static int setup(void **state)
{
    cpu_path = harness_temp_path("cpu.sock");
    fake_directory = harness_build_path("tests/fake/gpu");
    return fixture_setup(state);
}

static int teardown(void **state)
{
    peer_close(&gpu);
    peer_close(&cpu);
    unsetenv("LD_LIBRARY_PATH");
    unsetenv("FAKE_GPU_TRACE");
    unsetenv("FAKE_GPU_FAIL");
    unsetenv("FAKE_GPU_FAULT");
    free(cpu_path);
    free(fake_directory);
    return fixture_teardown(state);
}

/* Pool A on the first CUDA device, pool B on the CPU; skips where there is none. */
static void start(const char *directory)
{
    if (directory != NULL) {
        setenv("LD_LIBRARY_PATH", directory, 1);
    }
    fixture_start_with("auto",
                       "[pool A]\ndevices = auto\n[pool B]\ndevices = cpu\n"
                       "[listener gpu]\ndevice = pvgpu\npath = %s\npools = A\nmemory_limit = 64M\n"
                       "[listener cpu]\ndevice = pvgpu\npath = %s\npools = B\nmemory_limit = 64M\n",
                       path, cpu_path);
    gpu = peer_open(PEER_NEW, path, 1);
    peer_finish(&gpu);
    json_t *status = admin_status(path);
    const char *name = json_string_value(
        json_object_get(json_array_get(json_object_get(status, "devices"), 0), "name"));
    bool cuda = name != NULL && strcmp(name, "cuda:0") == 0;
    json_decref(status);
    if (!cuda) {
        print_message("no CUDA device\n");
        skip();
    }
}

/* ---- The same commands for both ---- */

static uint32_t random_state = 7;

static uint32_t pick(uint32_t below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % below;
}

static void put_both(const void *command, uint32_t size)
{
    peer_put(&gpu, command, size);
    peer_put(&cpu, command, size);
}

enum { HEAP_USED = 1 << 20, TEXTURES = 6, SIDE = 20 };

static const uint32_t formats[TEXTURES] = {
    BG_PVGPU_FORMAT_R8_UNORM,           BG_PVGPU_FORMAT_R16_FLOAT,
    BG_PVGPU_FORMAT_R8G8B8A8_UNORM,     BG_PVGPU_FORMAT_R16G16B16A16_FLOAT,
    BG_PVGPU_FORMAT_R32G32B32A32_FLOAT, BG_PVGPU_FORMAT_B8G8R8A8_UNORM};

static void put_textures(void)
{
    for (uint32_t i = 0; i < TEXTURES; i++) {
        struct bg_pvgpu_create_resource create = PEER_COMMAND(
            struct bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE,
            .type = BG_PVGPU_RESOURCE_TEXTURE_3D, .format = formats[i], .width = SIDE,
            .height = SIDE, .depth = 3, .mip_levels = 2, .bind_flags = BG_PVGPU_BIND_RENDER_TARGET);
        struct bg_pvgpu_create_view view =
            PEER_COMMAND(struct bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW,
                         .resource_id = 1 + i, .first_slice = 1);

        create.header.resource_id = view.header.resource_id = 1 + i;
        put_both(&create, sizeof(create));
        put_both(&view, sizeof(view));
    }
}

static void put_transfer(void)
{
    struct bg_pvgpu_update_resource transfer =
        PEER_COMMAND(struct bg_pvgpu_update_resource, BG_PVGPU_CMD_UPDATE_RESOURCE,
                     .resource_id = 1 + pick(TEXTURES), .subresource = pick(2),
                     .heap_offset = pick(HEAP_USED / 2), .x = pick(8), .y = pick(8),
                     .width = pick(10), .height = pick(10), .depth = pick(2));

    if (transfer.height == 1) { /* the pitch of one row means nothing */
        transfer.row_pitch = 1;
        transfer.depth_pitch = 1024;
    }
    if (pick(2)) {
        transfer.header.type = BG_PVGPU_CMD_READ_RESOURCE;
    }
    if (pick(2)) {
        transfer.row_pitch = 10 * 16 + pick(64);
        transfer.depth_pitch = pick(2) ? transfer.row_pitch * 20 + pick(100) : 0;
    }
    put_both(&transfer, sizeof(transfer)); /* some are refused: on both sides alike */
}

static void put_copy(void)
{
    struct bg_pvgpu_copy_region copy = PEER_COMMAND(
        struct bg_pvgpu_copy_region, BG_PVGPU_CMD_COPY_REGION, .dst = 1 + pick(TEXTURES),
        .src = 1 + pick(TEXTURES), .dst_x = pick(8), .dst_y = pick(8), .src_x = pick(8),
        .src_y = pick(8), .width = 1 + pick(10), .height = 1 + pick(10), .depth = 1 + pick(2));

    if (pick(2)) {
        copy.src = copy.dst;
    }
    put_both(&copy, sizeof(copy));
}

static void put_clear(void)
{
    struct bg_pvgpu_clear_render_target clear =
        PEER_COMMAND(struct bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET,
                     .rtv = 1 + pick(TEXTURES),
                     .colour = {(float)pick(100) / 99, (float)pick(100) / 99, 0.25f, 1});

    put_both(&clear, sizeof(clear));
}

static void put_map(void)
{
    uint32_t id = 1 + pick(TEXTURES);
    struct bg_pvgpu_map_resource map =
        PEER_COMMAND(struct bg_pvgpu_map_resource, BG_PVGPU_CMD_MAP_RESOURCE, .resource_id = id,
                     .map_type = 1 + pick(5), .heap_offset = pick(HEAP_USED / 2));
    struct bg_pvgpu_unmap_resource unmap = PEER_COMMAND(
        struct bg_pvgpu_unmap_resource, BG_PVGPU_CMD_UNMAP_RESOURCE, .resource_id = id);

    put_both(&map, sizeof(map));
    put_both(&unmap, sizeof(unmap));
}

static void put_sum(void)
{
    struct bg_compute_vector_memory_params params = {.element_type = 1 + pick(3),
                                                     .c_offset_lo = pick(HEAP_USED / 8) * 4,
                                                     .a_offset_lo = pick(HEAP_USED / 8) * 4,
                                                     .b_offset_lo = pick(HEAP_USED / 8) * 4,
                                                     .count_lo = 1 + pick(1000)};
    uint8_t command[256];

    put_both(command, peer_build_compute(command, BG_COMPUTE_VECTOR_ADD_MEMORY, NULL, &params,
                                         sizeof(params), BG_PVGPU_NO_RESULT));
}

static void put_move(void)
{
    struct bg_compute_copy_params params = {.kind = BG_COMPUTE_COPY_DEVICE_TO_DEVICE,
                                            .dst_offset_lo = pick(HEAP_USED / 2),
                                            .src_offset_lo = pick(HEAP_USED / 2),
                                            .size_lo = 1 + pick(10000)};
    uint8_t command[256];

    put_both(command, peer_build_compute(command, BG_COMPUTE_MEMORY_COPY, NULL, &params,
                                         sizeof(params), BG_PVGPU_NO_RESULT));
}

static void compare_with_cpu(void)
{
    void (*const puts[])(void) = {put_transfer, put_transfer, put_copy, put_clear,
                                  put_map,      put_sum,      put_move};

    cpu = peer_create(PEER_NEW, PEER_SHMEM_SIZE, PEER_RING_SIZE);
    const struct bg_pvgpu_identity identity = {.vm_id = 2, .pool_id = 'B'};
    peer_send_handshake(&cpu, cpu_path);
    peer_take_ack(&cpu);
    peer_send(&cpu, BG_PVGPU_MESSAGE_IDENTITY, &identity, sizeof(identity));
    for (uint32_t i = 0; i < HEAP_USED; i += 4) {
        /* Small floats, whose sums are no NaN: those may differ in their payload. */
        float value = (float)pick(1 << 20);

        memcpy(gpu.heap + i, &value, 4);
        memcpy(cpu.heap + i, &value, 4);
    }
    put_textures();
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 10; i++) {
            puts[pick(7)]();
        }
        peer_finish(&gpu);
        peer_finish(&cpu);
        assert_int_equal(gpu.control->error_count, cpu.control->error_count);
        assert_memory_equal(gpu.heap, cpu.heap, HEAP_USED);
    }
    assert_true(gpu.control->error_count < 2000); /* of 3000: most were no errors */
    assert_true(gpu.control->status & BG_PVGPU_CONTROL_READY);
}

static void test_same_as_cpu_with_a_fake(void **state)
{
    (void)state;
    setenv("FAKE_GPU_TRACE", "1", 1);
    start(fake_directory);
    compare_with_cpu();
    const char *registered = strstr(process_errors(mediator), "host memory registered");
    assert_non_null(registered);
    registered = strstr(registered + 1, "host memory registered");
    assert_non_null(registered); /* for small vectors, and the shared memory: once each */
    assert_null(strstr(registered + 1, "host memory registered"));
}

static void test_same_as_cpu_on_a_gpu(void **state)
{
    (void)state;
    start(NULL);
    compare_with_cpu();
}

/* The picture's memory is registered, too, and given back before it goes. */
static void test_pictures(void **state)
{
    struct bg_pvgpu_create_resource create =
        PEER_COMMAND(struct bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE,
                     .type = BG_PVGPU_RESOURCE_TEXTURE_2D, .format = BG_PVGPU_FORMAT_B8G8R8A8_UNORM,
                     .height = 16, .mip_levels = 1, .bind_flags = BG_PVGPU_BIND_RENDER_TARGET);
    struct bg_pvgpu_create_view view =
        PEER_COMMAND(struct bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW);
    struct bg_pvgpu_clear_render_target clear =
        PEER_COMMAND(struct bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET,
                     .colour = {1, 0, 0, 1});
    struct bg_pvgpu_present present = PEER_COMMAND(struct bg_pvgpu_present, BG_PVGPU_CMD_PRESENT);

    (void)state;
    setenv("FAKE_GPU_TRACE", "1", 1);
    start(fake_directory);
    for (uint32_t i = 1; i <= 8; i++) {
        struct bg_pvgpu_scanout_buffer buffer;
        struct bg_pvgpu_scanout scanout;
        uint32_t pixel;
        int fd;

        create.header.resource_id = view.header.resource_id = view.resource_id = i;
        create.width = 64 << i; /* each needs new memory */
        clear.rtv = present.backbuffer_id = i;
        peer_put(&gpu, &create, sizeof(create));
        peer_put(&gpu, &view, sizeof(view));
        peer_put(&gpu, &clear, sizeof(clear));
        peer_expect_ok(&gpu, &present, sizeof(present));
        peer_receive(&gpu, BG_PVGPU_MESSAGE_SCANOUT_BUFFER, &buffer, sizeof(buffer), &fd);
        peer_receive(&gpu, BG_PVGPU_MESSAGE_SCANOUT, &scanout, sizeof(scanout), NULL);
        assert_int_equal(pread(fd, &pixel, sizeof(pixel),
                               (off_t)(scanout.slot * buffer.slot_size + 15 * scanout.stride)),
                         sizeof(pixel));
        assert_int_equal(pixel, 0xFFFF0000);
        close(fd);
    }
    peer_close(&gpu);
    process_wait_text(mediator, "(gpu, vm 1): ended, "); /* all that it said is there */
    const char *errors = process_errors(mediator);
    unsigned registered = 0;
    for (const char *at = errors; (at = strstr(at, "host memory registered")) != NULL; at++) {
        registered++;
    }
    assert_int_equal(registered, 2 + 8);
    assert_null(strstr(errors, "not registered"));
}

/* What is asynchronous is done before its fence, and its error found there. */
static void test_asynchronous_fault(void **state)
{
    struct bg_compute_vector_memory_params params = {.element_type = BG_COMPUTE_ELEMENT_UINT32,
                                                     .c_offset_lo = 4096,
                                                     .a_offset_lo = 8192,
                                                     .b_offset_lo = 16384,
                                                     .count_lo = 16};
    uint8_t command[256];

    (void)state;
    setenv("FAKE_GPU_FAULT", "1", 1);
    start(fake_directory);
    peer_put(&gpu, command,
             peer_build_compute(command, BG_COMPUTE_VECTOR_ADD_MEMORY, NULL, &params,
                                sizeof(params), BG_PVGPU_NO_RESULT));
    peer_put_fence(&gpu);
    peer_submit(&gpu);
    assert_true(socket_wait_closed(gpu.socket, PEER_TIMEOUT_MS));
    assert_int_equal(gpu.control->host_fence_completed, 1);
    assert_true(gpu.control->status & BG_PVGPU_CONTROL_DEVICE_LOST);
    assert_int_equal(gpu.control->error_code, BG_PVGPU_ERROR_INTERNAL);
    process_wait_text(mediator, "CUDA_ERROR_ILLEGAL_ADDRESS");
}

/* Without registered memory there is no backend: an error, and the session's end. */
static void test_registering_fails(void **state)
{
    uint8_t command[256];

    (void)state;
    setenv("FAKE_GPU_FAIL", "cuMemHostRegister_v2:1:2", 1);
    start(fake_directory);
    peer_put(
        &gpu, command,
        peer_build_compute(command, BG_COMPUTE_SYNCHRONIZE, NULL, NULL, 0, BG_PVGPU_NO_RESULT));
    peer_submit(&gpu);
    assert_true(socket_wait_closed(gpu.socket, PEER_TIMEOUT_MS));
    assert_int_equal(gpu.control->error_code, BG_PVGPU_ERROR_INTERNAL);
    process_wait_text(mediator, "cuMemHostRegister");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_same_as_cpu_with_a_fake), TEST(test_same_as_cpu_on_a_gpu), TEST(test_pictures),
        TEST(test_asynchronous_fault),      TEST(test_registering_fails),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
