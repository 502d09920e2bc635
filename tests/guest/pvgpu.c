/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-pvgpu: every command of a pvgpu but those that draw, used well and badly, with each
 * texel compared: the same whether the backend draws or not.
 */
#include "tests/guest/pvgpu.h"

#include <string.h>

#include "firmware/apps/app.h"

#define SECOND_NS 1000000000ull

struct bg_pvgpu gpu;
struct bg_pvgpu_memory scratch, scratch2;

/* ---- For all files ---- */

static void tell(int error)
{
    tap_diag("%s; failure 0x%x (%s) of command 0x%x, resource %u", bg_strerror(error),
             (unsigned)gpu.failure.code, bg_pvgpu_error_name(gpu.failure.code),
             (unsigned)gpu.failure.type, (unsigned)gpu.failure.resource_id);
}

bool expect_ok(int error, const char *what)
{
    if (error == 0) {
        error = bg_pvgpu_finish(&gpu, pvgpu_host_deadline());
    }
    if (error != 0) {
        tell(error);
    }
    return tap_ok(error == 0, "%s", what);
}

bool expect_failure(int error, uint32_t code, uint32_t type, const char *what)
{
    bool is_good;

    if (error == 0) {
        error = bg_pvgpu_finish(&gpu, pvgpu_host_deadline());
    }
    is_good = error == BG_ERR_IO && gpu.failure.code == code && gpu.failure.type == type;
    if (!is_good) {
        tell(error);
    } else if (bg_pvgpu_finish(&gpu, pvgpu_host_deadline()) != 0) {
        tap_diag("a second failure");
        is_good = false;
    }
    return tap_ok(is_good, "%s: %s", what, bg_pvgpu_error_name(code));
}

void fill_pattern(void *bytes, size_t size, uint32_t seed)
{
    uint8_t *to = bytes;
    uint32_t state = seed * 2654435761u + 1;

    for (size_t i = 0; i < size; i++) {
        state = state * 1664525 + 1013904223;
        to[i] = (uint8_t)(state >> 24);
    }
}

bool is_pattern(const void *bytes, size_t size, uint32_t seed)
{
    const uint8_t *from = bytes;
    uint32_t state = seed * 2654435761u + 1;

    for (size_t i = 0; i < size; i++) {
        state = state * 1664525 + 1013904223;
        if (from[i] != (uint8_t)(state >> 24)) {
            tap_diag("byte %u of %u: 0x%02x, not 0x%02x", (unsigned)i, (unsigned)size, from[i],
                     (unsigned)(state >> 24));
            return false;
        }
    }
    return true;
}

bool is_all(const void *bytes, size_t size, uint8_t value)
{
    const uint8_t *from = bytes;

    for (size_t i = 0; i < size; i++) {
        if (from[i] != value) {
            tap_diag("byte %u of %u: 0x%02x, not 0x%02x", (unsigned)i, (unsigned)size, from[i],
                     value);
            return false;
        }
    }
    return true;
}

bool read_back(uint32_t id, uint32_t subresource, size_t size)
{
    const struct bg_pvgpu_layout layout = {.heap_offset = scratch2.offset, .size = (uint32_t)size};

    memset(scratch2.bytes, 0xEE, size + 16);
    int error = bg_pvgpu_resource_read(&gpu, id, subresource, NULL, &layout);

    if (error == 0) {
        error = bg_pvgpu_finish(&gpu, pvgpu_host_deadline());
    }
    if (error != 0) {
        tell(error);
        return false;
    }
    return is_all((const uint8_t *)scratch2.bytes + size, 16, 0xEE); /* and nothing more */
}

/* ---- Session ---- */

static void test_session(void)
{
    const uint64_t features = BG_PVGPU_FEATURE_D3D11 | BG_PVGPU_FEATURE_CONTROL_WORDS |
                              BG_PVGPU_FEATURE_COMPUTE | BG_PVGPU_FEATURE_REGIONS;
    struct bg_pvgpu_display display;

    tap_ok(bg_pvgpu_has(&gpu, features), "the backend has the features of this test");
    tap_diag("it %s", bg_pvgpu_has(&gpu, BG_PVGPU_FEATURE_DRAW) ? "draws" : "does not draw");
    tap_ok(gpu.ring_size == BG_PVGPU_RING_SIZE, "a ring of 16 MiB");
    tap_ok(gpu.heap_size >= BG_PVGPU_SHMEM_SIZE_MIN - BG_PVGPU_HEAP_OFFSET, "a heap of %u MiB",
           (unsigned)(gpu.heap_size >> 20));
    tap_ok(bg_pvgpu_get_display(&gpu, &display) == 0, "a display of %ux%u at %u Hz",
           (unsigned)display.width, (unsigned)display.height, (unsigned)display.refresh_hz);
    expect_ok(bg_pvgpu_heap_alloc(&gpu, SCRATCH_SIZE, 4096, &scratch), "memory in the heap");
    expect_ok(bg_pvgpu_heap_alloc(&gpu, SCRATCH_SIZE, 4096, &scratch2), "more of it");
    fill_pattern(scratch.bytes, SCRATCH_SIZE, 1);
    fill_pattern(scratch2.bytes, SCRATCH_SIZE, 2);
    tap_ok(is_pattern(scratch.bytes, SCRATCH_SIZE, 1) &&
               is_pattern(scratch2.bytes, SCRATCH_SIZE, 2),
           "it keeps what it is given");
}

/* ---- Fences ---- */

static void test_fences(void)
{
    enum { COUNT = 1000 };
    static uint64_t fences[COUNT];
    bool is_good = true;
    uint64_t bells = gpu.doorbells;

    for (int i = 0; i < COUNT; i++) {
        is_good = is_good && bg_pvgpu_fence(&gpu, &fences[i]) == 0;
    }
    for (int i = 0; i < COUNT; i++) {
        is_good = is_good && bg_pvgpu_fence_wait(&gpu, fences[i], pvgpu_host_deadline()) == 0 &&
                  bg_pvgpu_fence_has_passed(&gpu, fences[i]);
    }
    tap_ok(is_good, "1000 fences in flight pass");
    tap_ok(gpu.doorbells - bells <= 1, "one submission, at most one doorbell");
    for (int i = 0; i < COUNT; i++) {
        is_good = is_good && bg_pvgpu_finish(&gpu, pvgpu_host_deadline()) == 0;
    }
    tap_ok(is_good, "1000 fences one after the other pass");
    expect_ok(bg_pvgpu_flush(&gpu), "flush");
    expect_ok(bg_pvgpu_backend_wait(&gpu, fences[0]), "the backend waits for what has passed");
    expect_failure(bg_pvgpu_backend_wait(&gpu, gpu.fence_last + 1000), BG_PVGPU_ERROR_TIMEOUT,
                   BG_PVGPU_CMD_WAIT_FENCE, "the backend waits for what will never be");
    tap_ok(bg_pvgpu_fence_wait(&gpu, gpu.fence_last + 1, bg_hal_time_ns()) == BG_ERR_INVALID,
           "a fence that nobody asked for is refused");
}

/* ---- The ring's end ---- */

/* More commands than the ring holds, each of which leaves a trace: word i of a buffer. */
static void test_wraps(void)
{
    enum { WORDS = 65536, COMMANDS = 6 * WORDS }; /* 24 MiB of 64 bytes each */
    uint32_t *words = scratch.bytes, id;
    bool is_good = true;

    for (uint32_t i = 0; i < 2 * WORDS; i++) {
        words[i] = i * 2654435761u;
    }
    is_good = bg_pvgpu_buffer_create(&gpu, 4 * WORDS, &id) == 0;
    for (uint32_t i = 0; i < COMMANDS && is_good; i++) {
        const struct bg_pvgpu_box box = {.x = 4 * (i % WORDS), .width = 4, .height = 1, .depth = 1};
        const struct bg_pvgpu_layout layout = {
            .heap_offset = scratch.offset + 4 * (i % (2 * WORDS)), .size = 4};

        is_good = bg_pvgpu_resource_update(&gpu, id, 0, &box, &layout) == 0;
    }
    expect_ok(is_good ? 0 : BG_ERR_IO, "400 000 commands, more than the ring holds");
    is_good = read_back(id, 0, 4 * WORDS);
    tap_ok(is_good && memcmp(scratch2.bytes, words + WORDS, 4 * WORDS) == 0,
           "each of them was carried out, in order");

    /* Ones of 416 bytes do not divide the ring: they lie across its end. */
    struct bg_pvgpu_viewport viewports[BG_PVGPU_VIEWPORTS_MAX];

    for (size_t i = 0; i < BG_PVGPU_VIEWPORTS_MAX; i++) {
        viewports[i] = (struct bg_pvgpu_viewport){(float)i, 0, 64, 64, 0, 1};
    }
    for (uint32_t i = 0; i < 2 * BG_PVGPU_RING_SIZE / 416 && is_good; i++) {
        is_good = bg_pvgpu_set_viewport(&gpu, BG_PVGPU_VIEWPORTS_MAX, viewports) == 0;
    }
    expect_ok(is_good ? 0 : BG_ERR_IO, "commands across the ring's end");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, id), "destroy");
}

/* ---- Bad input ---- */

static int send_raw(uint32_t type, uint32_t payload_size, const uint32_t *words)
{
    struct bg_pvgpu_space space;
    int error = bg_pvgpu_command_begin(&gpu, type, 0, 0, payload_size, &space);

    if (error == 0) {
        for (uint32_t i = 0; i < (space.size[0] + space.size[1]) / 4; i++) {
            uint32_t first = space.size[0] / 4;

            *(i < first ? &space.words[0][i] : &space.words[1][i - first]) =
                words != NULL && i < payload_size / 4 ? words[i] : 0;
        }
        bg_pvgpu_command_end(&gpu);
    }
    return error;
}

static void test_bad_commands(void)
{
    static const struct {
        uint32_t type;
        uint32_t payload;
        const char *what;
    } bad[] = {
        {0, 0, "type 0"},
        {0x0FFF, 64, "an unknown type"},
        {0xFFFFFFFF, 0, "the largest type"},
        {BG_PVGPU_CMD_CREATE_RESOURCE, 0, "create without its payload"},
        {BG_PVGPU_CMD_UPDATE_RESOURCE, 32, "half an update"},
        {BG_PVGPU_CMD_FENCE, 0, "a fence without its value"},
        {BG_PVGPU_CMD_CREATE_SHADER, 0, "a shader without its payload"},
        {BG_PVGPU_CMD_DRAW, 0, "a drawing without its payload"},
        {BG_PVGPU_CMD_DISPATCH, 0, "a dispatch without its payload"},
        {0x1FFF, 0, "compute without its payload"},
    };
    static const uint32_t drawing[] = {BG_PVGPU_CMD_CREATE_SHADER, BG_PVGPU_CMD_SET_SHADER,
                                       BG_PVGPU_CMD_DRAW, BG_PVGPU_CMD_DISPATCH};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_failure(send_raw(bad[i].type, bad[i].payload, NULL), BG_PVGPU_ERROR_INVALID_COMMAND,
                       bad[i].type, bad[i].what);
    }
    for (size_t i = 0; i < 4 && !bg_pvgpu_has(&gpu, BG_PVGPU_FEATURE_DRAW); i++) {
        expect_failure(send_raw(drawing[i], 64, NULL), BG_PVGPU_ERROR_INVALID_COMMAND, drawing[i],
                       "without the feature");
    }

    uint64_t position = bg_pvgpu_position(&gpu);

    expect_failure(bg_pvgpu_resource_destroy(&gpu, 4000000), BG_PVGPU_ERROR_RESOURCE_NOT_FOUND,
                   BG_PVGPU_CMD_DESTROY_RESOURCE, "destroy what does not exist");
    tap_ok(gpu.failure.position == position && gpu.failure.resource_id == 4000000,
           "the failure names its command and its place");
    for (uint32_t i = 1; i <= 100; i++) {
        bg_pvgpu_resource_destroy(&gpu, 5000000 + i);
    }
    tap_ok(bg_pvgpu_finish(&gpu, pvgpu_host_deadline()) == BG_ERR_IO && gpu.failure.missed > 0,
           "100 failures at once: %u of them are only counted", (unsigned)gpu.failure.missed);

    struct bg_pvgpu_failure failure;
    unsigned count = 1 + gpu.failure.missed;

    while (bg_pvgpu_take_failure(&gpu, &failure) == 1) {
        count += 1 + failure.missed;
    }
    tap_equal(count, 100, "none is lost");
    tap_ok(failure.resource_id == 5000100, "the last one is known");
    expect_ok(0, "the ring goes on");
}

/* A wrong producer_ptr stops the ring, until the driver starts over. */
static void test_bad_producer(void)
{
    uint64_t fence = 0;
    int error;

    bg_pvgpu_fence(&gpu, &fence);
    gpu.written += 2ull * BG_PVGPU_RING_SIZE; /* further than the ring is long */
    error = bg_pvgpu_fence_wait(&gpu, fence, pvgpu_host_deadline());
    tap_ok(error == BG_ERR_UNAVAILABLE, "a producer_ptr beyond the ring ends the session: %s",
           bg_strerror(error));
    tap_equal(gpu.loss_code, BG_PVGPU_ERROR_INVALID_COMMAND, "the reason is told");
    tap_ok(bg_pvgpu_flush(&gpu) == BG_ERR_UNAVAILABLE, "no call goes on");
    expect_ok(bg_pvgpu_restart(&gpu, pvgpu_host_deadline()), "start over");
}

/* ---- Display ---- */

static void test_display(void)
{
    static const struct bg_pvgpu_rectangle rectangle = {2, 3, 10, 12}, outside = {0, 0, 65, 10};
    struct bg_pvgpu_display display;
    uint32_t id, r32;

    bg_pvgpu_get_display(&gpu, &display);
    expect_ok(bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 64, 48, &id),
              "a texture to show");
    expect_ok(bg_pvgpu_resize_buffers(&gpu, 0, 64, 48, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 2),
              "another size of the display");
    tap_ok(bg_pvgpu_get_display(&gpu, &display) == 0 && display.width == 64 && display.height == 48,
           "which is what it then has: %ux%u", (unsigned)display.width, (unsigned)display.height);
    expect_ok(bg_pvgpu_present(&gpu, id, 0), "present");
    expect_ok(bg_pvgpu_present(&gpu, id, 1), "present at a refresh");
    expect_ok(bg_pvgpu_present_region(&gpu, id, 0, 1, &rectangle), "present a region");
    expect_failure(bg_pvgpu_present_region(&gpu, id, 0, 1, &outside),
                   BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_PRESENT_REGION,
                   "a region outside");
    expect_failure(bg_pvgpu_present(&gpu, id, BG_PVGPU_SYNC_INTERVAL_MAX + 1),
                   BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_PRESENT, "too long an interval");
    expect_failure(bg_pvgpu_present(&gpu, 999999, 0), BG_PVGPU_ERROR_RESOURCE_NOT_FOUND,
                   BG_PVGPU_CMD_PRESENT, "present what does not exist");
    expect_ok(bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_R32_UINT, 64, 48, &r32),
              "another texture");
    expect_failure(bg_pvgpu_present(&gpu, r32, 0), BG_PVGPU_ERROR_UNSUPPORTED_FORMAT,
                   BG_PVGPU_CMD_PRESENT, "present numbers");
    expect_ok(bg_pvgpu_resize_buffers(&gpu, id, 32, 16, 0, 0), "a texture gets a new size");
    tap_ok(read_back(id, 0, 32 * 16 * 4) && is_all(scratch2.bytes, 32 * 16 * 4, 0), "and is empty");
    expect_failure(bg_pvgpu_resize_buffers(&gpu, 0, BG_PVGPU_SCANOUT_SIDE_MAX + 1, 16, 0, 0),
                   BG_PVGPU_ERROR_INVALID_PARAMETER, BG_PVGPU_CMD_RESIZE_BUFFERS,
                   "too large a display");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, id), "destroy");
    expect_ok(bg_pvgpu_resource_destroy(&gpu, r32), "destroy");
}

/* Presents at every refresh take their time, and no more. */
static void test_pace(void)
{
    enum { FRAMES = 12 };
    struct bg_pvgpu_display display;
    uint32_t id;
    uint64_t start_ns, spent_ns, period_ns;

    bg_pvgpu_get_display(&gpu, &display);
    period_ns = SECOND_NS / display.refresh_hz;
    expect_ok(bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 64, 48, &id),
              "a texture");
    bg_pvgpu_present(&gpu, id, 1);
    bg_pvgpu_finish(&gpu, pvgpu_host_deadline());
    start_ns = bg_hal_time_ns();
    for (int i = 0; i < FRAMES; i++) {
        bg_pvgpu_present(&gpu, id, 1);
    }
    bg_pvgpu_finish(&gpu, pvgpu_host_deadline());
    spent_ns = bg_hal_time_ns() - start_ns;
    tap_ok(spent_ns >= (FRAMES - 1) * period_ns, "%d frames at %u Hz take %u ms", FRAMES,
           (unsigned)display.refresh_hz, (unsigned)(spent_ns / 1000000));
    expect_ok(bg_pvgpu_resource_destroy(&gpu, id), "destroy");
}

/* ---- Starting over ---- */

static void test_restart(void)
{
    uint32_t id, again;
    uint64_t fence = 0;

    expect_ok(bg_pvgpu_buffer_create(&gpu, 4096, &id), "a buffer");
    bg_pvgpu_fence(&gpu, &fence);
    bg_pvgpu_fence_wait(&gpu, fence, pvgpu_host_deadline());
    tap_ok(bg_pvgpu_restart(&gpu, pvgpu_host_deadline()) == 0, "a restart at any time");
    tap_ok(bg_pvgpu_fence_wait(&gpu, fence, pvgpu_host_deadline()) == BG_ERR_UNAVAILABLE,
           "fences of before are over");
    expect_failure(bg_pvgpu_resource_destroy(&gpu, id), BG_PVGPU_ERROR_RESOURCE_NOT_FOUND,
                   BG_PVGPU_CMD_DESTROY_RESOURCE, "resources are gone");
    fill_pattern(scratch.bytes, 4096, 9);
    expect_ok(bg_pvgpu_buffer_create(&gpu, 4096, &again), "the new session's first buffer");
    tap_equal(again, 1, "has id 1 again");
    tap_equal(gpu.losses, 1, "a restart is no loss"); /* the one is that of test_bad_producer */
    expect_ok(bg_pvgpu_resource_destroy(&gpu, again), "destroy");
}

static int run_test_pvgpu(void)
{
    tap_plan(0);
    if (pvgpu_host_open(&gpu) < 0) {
        tap_bail("no pvgpu");
        return tap_done();
    }
    test_session();
    test_fences();
    test_pvgpu_resources();
    test_pvgpu_views();
    test_pvgpu_compute();
    test_display();
    test_pace();
    test_pvgpu_interrupts();
    test_bad_commands();
    test_wraps();
    test_bad_producer();
    test_restart();
    tap_ok(bg_pvgpu_heap_free(&gpu, &scratch) == 0 && bg_pvgpu_heap_free(&gpu, &scratch2) == 0,
           "the heap takes its memory back");
    tap_ok(bg_pvgpu_close(&gpu, pvgpu_host_deadline()) == 0, "close");
    return tap_done();
}

APP(test_pvgpu, "every command of a pvgpu, well and badly used, compared texel by texel",
    run_test_pvgpu);
