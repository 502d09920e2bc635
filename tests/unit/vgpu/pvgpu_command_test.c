/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/vgpu/pvgpu.c firmware/vgpu/pvgpu_ring.c firmware/vgpu/pvgpu_health.c
// build: firmware/vgpu/pvgpu_heap.c
// build: firmware/vgpu/pvgpu_resource.c firmware/vgpu/pvgpu_draw.c firmware/vgpu/pvgpu_compute.c
// build: firmware/vgpu/pvgpu_names.c firmware/vgpu/compute.c firmware/common/wait.c
// build: firmware/common/interrupt_source.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c firmware/pci/assign.c
// build: firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c tests/fake/hal.c
// build: tests/fake/pvgpu.c
/* What the pvgpu driver's calls put into the ring, word by word, and compute operations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/hal.h"
#include "tests/fake/pvgpu.h"
#include "tests/unit/vgpu/pvgpu_sent.h"
#include "protocol/pvgpu_draw.h"

#define SECOND_NS 1000000000ull

static uint64_t soon(void)
{
    return fake_hal.now_ns + SECOND_NS;
}

/* ---- Resources ---- */

static void create(void **state)
{
    const struct bg_pvgpu_resource_options options = {
        .type = BG_PVGPU_RESOURCE_TEXTURE_3D,
        .format = BG_PVGPU_FORMAT_R16_FLOAT,
        .width = 64,
        .height = 32,
        .depth = 16,
        .mip_levels = 3,
        .bind_flags = BG_PVGPU_BIND_RENDER_TARGET,
        .misc_flags = BG_PVGPU_MISC_SHARED,
        .heap_offset = 0x12340,
        .data_size = 65536,
        .sample_count = 4,
    };
    uint32_t id = 0;

    (void)state;
    assert_int_equal(bg_pvgpu_resource_create(&gpu, &options, &id), 0);
    assert_int_equal(id, 1);
    SENT(bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE, 1);
    EXPECT(type, 3, 54, 64, 32, 16, 3, 4, 0, 0x10, 2, 0x12340, 65536);
}

static void create_the_usual(void **state)
{
    uint32_t id = 0;

    (void)state;
    assert_int_equal(bg_pvgpu_buffer_create(&gpu, 100, &id), 0);
    {
        SENT(bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE, 1);
        EXPECT(type, 4, 0, 100, 1, 1, 1, 1, 0, 0, 0, 0, 0);
    }
    assert_int_equal(bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 5, 7, &id), 0);
    {
        SENT(bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE, 2);
        EXPECT(type, 2, 87, 5, 7, 1, 1, 1, 0, 0x18, 0, 0, 0);
    }
    assert_int_equal(bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_D24_UNORM_S8_UINT, 5, 7, &id),
                     0);
    {
        SENT(bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE, 3);
        EXPECT(type, 2, 45, 5, 7, 1, 1, 1, 0, 0x20, 0, 0, 0);
    }
    assert_int_equal(id, 3);
    gpu.last_resource = UINT32_MAX;
    assert_int_equal(bg_pvgpu_buffer_create(&gpu, 100, &id), BG_ERR_NO_SPACE);
    assert_int_equal(bg_pvgpu_resource_open(&gpu, 1, &id), BG_ERR_NO_SPACE);
}

static void destroy_and_open(void **state)
{
    uint32_t id = 0;

    (void)state;
    assert_int_equal(bg_pvgpu_resource_destroy(&gpu, 9), 0);
    sent(BG_PVGPU_CMD_DESTROY_RESOURCE, 16, 9);
    assert_int_equal(bg_pvgpu_resource_open(&gpu, 9, &id), 0);
    SENT(bg_pvgpu_open_resource, BG_PVGPU_CMD_OPEN_RESOURCE, 1);
    EXPECT(source, 9, 0, 0, 0);
}

static void map_and_unmap(void **state)
{
    (void)state;
    assert_int_equal(bg_pvgpu_resource_map(&gpu, 9, 2, BG_PVGPU_MAP_READ_WRITE, 0x8000), 0);
    {
        SENT(bg_pvgpu_map_resource, BG_PVGPU_CMD_MAP_RESOURCE, 9);
        EXPECT(resource_id, 9, 2, 3, 0, 0x8000, 0, 0, 0);
    }
    assert_int_equal(bg_pvgpu_resource_unmap(&gpu, 9, 2, 0x9000, 77), 0);
    SENT(bg_pvgpu_unmap_resource, BG_PVGPU_CMD_UNMAP_RESOURCE, 9);
    EXPECT(resource_id, 9, 2, 0x9000, 77);
}

static void update_and_read(void **state)
{
    const struct bg_pvgpu_box box = {1, 2, 3, 4, 5, 6};
    const struct bg_pvgpu_layout layout = {0x100, 0x200, 0x40, 0x80};

    (void)state;
    assert_int_equal(bg_pvgpu_resource_update(&gpu, 9, 1, &box, &layout), 0);
    {
        SENT(bg_pvgpu_update_resource, BG_PVGPU_CMD_UPDATE_RESOURCE, 9);
        EXPECT(resource_id, 9, 1, 0x100, 0x200, 1, 2, 3, 4, 5, 6, 0x40, 0x80);
    }
    assert_int_equal(bg_pvgpu_resource_read(&gpu, 9, 1, NULL, &layout), 0);
    SENT(bg_pvgpu_update_resource, BG_PVGPU_CMD_READ_RESOURCE, 9);
    EXPECT(resource_id, 9, 1, 0x100, 0x200, 0, 0, 0, 0, 0, 0, 0x40, 0x80);
}

static void copy(void **state)
{
    const struct bg_pvgpu_place dst = {5, 6, 7, 8, 9}, src = {10, 11, 12, 13, 14};

    (void)state;
    assert_int_equal(bg_pvgpu_resource_copy(&gpu, 3, 4), 0);
    {
        SENT(bg_pvgpu_copy_resource, BG_PVGPU_CMD_COPY_RESOURCE, 3);
        EXPECT(dst, 3, 4, 0, 0);
    }
    assert_int_equal(bg_pvgpu_resource_copy_region(&gpu, &dst, &src, 20, 21, 22), 0);
    SENT(bg_pvgpu_copy_region, BG_PVGPU_CMD_COPY_REGION, 5);
    EXPECT(dst, 5, 10, 6, 11, 7, 8, 9, 12, 13, 14, 20, 21, 22, 0, 0, 0);
}

/* ---- Views, clears, state ---- */

static void views(void **state)
{
    const struct bg_pvgpu_view_options options = {9, 87, 2, 3, 4};
    uint32_t id = 0;

    (void)state;
    assert_int_equal(bg_pvgpu_render_target_view_create(&gpu, &options, &id), 0);
    {
        SENT(bg_pvgpu_create_view, BG_PVGPU_CMD_CREATE_RENDER_TARGET_VIEW, 1);
        EXPECT(view_id, 1, 9, 87, 0, 2, 3, 4, 0);
    }
    assert_int_equal(bg_pvgpu_depth_stencil_view_create(&gpu, &options, &id), 0);
    {
        SENT(bg_pvgpu_create_depth_view, BG_PVGPU_CMD_CREATE_DEPTH_STENCIL_VIEW, 2);
        EXPECT(view_id, 2, 9, 87, 0, 0, 2, 3, 4);
    }
    assert_int_equal(id, 2);
    assert_int_equal(bg_pvgpu_render_target_view_destroy(&gpu, 1), 0);
    sent(BG_PVGPU_CMD_DESTROY_RENDER_TARGET_VIEW, 16, 1);
    assert_int_equal(bg_pvgpu_depth_stencil_view_destroy(&gpu, 2), 0);
    sent(BG_PVGPU_CMD_DESTROY_DEPTH_STENCIL_VIEW, 16, 2);
    gpu.last_view = UINT32_MAX;
    assert_int_equal(bg_pvgpu_depth_stencil_view_create(&gpu, &options, &id), BG_ERR_NO_SPACE);
}

static void clears(void **state)
{
    const float rgba[4] = {0.25f, 0.5f, -1, 2}, depth = 0.75f;

    (void)state;
    assert_int_equal(bg_pvgpu_clear_render_target(&gpu, 9, rgba), 0);
    {
        SENT(bg_pvgpu_clear_render_target, BG_PVGPU_CMD_CLEAR_RENDER_TARGET, 9);
        assert_int_equal(c->rtv, 9);
        assert_memory_equal(c->colour, rgba, sizeof(rgba));
    }
    assert_int_equal(bg_pvgpu_clear_depth_stencil(
                         &gpu, 9, BG_PVGPU_CLEAR_DEPTH | BG_PVGPU_CLEAR_STENCIL, &depth, 200),
                     0);
    SENT(bg_pvgpu_clear_depth_stencil, BG_PVGPU_CMD_CLEAR_DEPTH_STENCIL, 9);
    assert_int_equal(c->dsv, 9);
    assert_int_equal(c->clear_flags, 3);
    assert_true(c->depth == depth);
    assert_int_equal(c->stencil, 200);
}

static void render_targets(void **state)
{
    static const uint32_t views_[] = {1, 0, 3, 4, 5, 6, 7, 8};

    (void)state;
    assert_int_equal(bg_pvgpu_set_render_target(&gpu, 8, views_, 9), 0);
    {
        SENT(bg_pvgpu_set_render_target, BG_PVGPU_CMD_SET_RENDER_TARGET, 0);
        EXPECT(count, 8, 9, 1, 0, 3, 4, 5, 6, 7, 8);
    }
    assert_int_equal(bg_pvgpu_set_render_target(&gpu, 1, views_, 0), 0);
    {
        SENT(bg_pvgpu_set_render_target, BG_PVGPU_CMD_SET_RENDER_TARGET, 0);
        EXPECT(count, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0);
    }
    assert_int_equal(bg_pvgpu_set_render_target(&gpu, 0, NULL, 0), 0);
    SENT(bg_pvgpu_set_render_target, BG_PVGPU_CMD_SET_RENDER_TARGET, 0);
    EXPECT(count, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    assert_int_equal(bg_pvgpu_set_render_target(&gpu, 9, views_, 0), BG_ERR_INVALID);
}

static void viewports_and_scissors(void **state)
{
    static const struct bg_pvgpu_viewport viewports[3] = {{1, 2, 3, 4, 0.25f, 1},
                                                          {5, 6, 7, 8, 0, 1}};
    static const struct bg_pvgpu_rectangle rectangles[3] = {{1, -2, 3, 4}, {5, 6, 7, 8}};

    (void)state;
    for (uint32_t count = 0; count <= 3; count++) {
        assert_int_equal(bg_pvgpu_set_viewport(&gpu, count, viewports), 0);
        {
            const struct bg_pvgpu_set_viewport *c =
                sent(BG_PVGPU_CMD_SET_VIEWPORT, 20 + 24 * count, 0);

            assert_int_equal(c->count, count);
            assert_memory_equal(c->viewports, viewports, 24 * count);
        }
        assert_int_equal(bg_pvgpu_set_scissor(&gpu, count, rectangles), 0);
        const struct bg_pvgpu_set_scissor *c = sent(BG_PVGPU_CMD_SET_SCISSOR, 20 + 16 * count, 0);

        assert_int_equal(c->count, count);
        assert_memory_equal(c->rectangles, rectangles, 16 * count);
    }
    assert_int_equal(bg_pvgpu_set_viewport(&gpu, 17, viewports), BG_ERR_INVALID);
    assert_int_equal(bg_pvgpu_set_scissor(&gpu, UINT32_MAX, rectangles), BG_ERR_INVALID);
}

/* ---- Order and display ---- */

static void order(void **state)
{
    uint64_t fence;

    (void)state;
    gpu.fence_last = 0x1234567890;
    assert_int_equal(bg_pvgpu_fence(&gpu, &fence), 0);
    {
        SENT(bg_pvgpu_fence, BG_PVGPU_CMD_FENCE, 0);
        assert_int_equal(c->value, 0x1234567891);
        assert_int_equal(fence, c->value);
    }
    assert_int_equal(bg_pvgpu_backend_wait(&gpu, fence), 0);
    {
        SENT(bg_pvgpu_wait_fence, BG_PVGPU_CMD_WAIT_FENCE, 0);
        assert_int_equal(c->value, fence);
    }
    assert_int_equal(bg_pvgpu_flush(&gpu), 0);
    sent(BG_PVGPU_CMD_FLUSH, 16, 0);
}

static void present(void **state)
{
    static const struct bg_pvgpu_rectangle rectangles[16] = {{1, 2, 3, 4}, [15] = {5, 6, 7, 8}};

    (void)state;
    assert_int_equal(bg_pvgpu_present(&gpu, 9, 2), 0);
    {
        SENT(bg_pvgpu_present, BG_PVGPU_CMD_PRESENT, 9);
        EXPECT(backbuffer_id, 9, 2, 0, 0);
    }
    for (uint32_t count = 1; count <= 16; count += 15) {
        assert_int_equal(bg_pvgpu_present_region(&gpu, 9, 1, count, rectangles), 0);
        const struct bg_pvgpu_present_region *c =
            sent(BG_PVGPU_CMD_PRESENT_REGION, 32 + 16 * count, 9);

        EXPECT(backbuffer_id, 9, 1, 0, count);
        assert_memory_equal(c->rectangles, rectangles, 16 * count);
    }
    assert_int_equal(bg_pvgpu_present_region(&gpu, 9, 1, 0, rectangles), BG_ERR_INVALID);
    assert_int_equal(bg_pvgpu_present_region(&gpu, 9, 1, 17, rectangles), BG_ERR_INVALID);
    assert_int_equal(bg_pvgpu_resize_buffers(&gpu, 9, 640, 480, 28, 3), 0);
    SENT(bg_pvgpu_resize_buffers, BG_PVGPU_CMD_RESIZE_BUFFERS, 9);
    EXPECT(swapchain, 9, 640, 480, 28, 3, 0, 0, 0);
}

/* ---- Compute ---- */

static const void *compute_sent(uint32_t operation, uint32_t params_size, const void *params)
{
    /* The fence behind it was the last one. */
    const struct fake_pvgpu_command *command = fake_pvgpu_last(1);

    assert_int_equal(fake_pvgpu_last(0)->header.type, BG_PVGPU_CMD_FENCE);
    assert_int_equal(command->header.type, operation);
    assert_int_equal(command->header.size, 48 + (params_size + 15) / 16 * 16);
    assert_int_equal(command->words[5], params_size / 4);
    assert_memory_equal(&command->words[8], params, params_size);
    return command;
}

static void operations(void **state)
{
    struct bg_compute_device_info info;
    uint32_t sum = 0, handle = 0;

    (void)state;
    assert_int_equal(bg_pvgpu_nop(&gpu, NULL, soon()), 0);
    compute_sent(BG_COMPUTE_NOP, 0, "");
    assert_int_equal(bg_pvgpu_add_basic(&gpu, 100, 200, &sum, soon()), 0);
    assert_int_equal(sum, 300);
    assert_int_equal(bg_pvgpu_get_info(&gpu, &info, soon()), 0);
    assert_int_equal(info.multiprocessors, 2);
    assert_int_equal(info.name[BG_COMPUTE_DEVICE_NAME_SIZE - 1], 0);
    assert_int_equal(info.name[BG_COMPUTE_DEVICE_NAME_SIZE - 2], 'x');
    assert_int_equal(bg_pvgpu_memory_alloc(&gpu, 0x123456789A, &handle, soon()), 0);
    compute_sent(BG_COMPUTE_MEMORY_ALLOC, 8, (const uint32_t[]){0x3456789A, 0x12});
    assert_int_equal(handle, 7);
    assert_int_equal(bg_pvgpu_memory_free(&gpu, 7, soon()), 0);
    compute_sent(BG_COMPUTE_MEMORY_FREE, 4, (const uint32_t[]){7});
    assert_int_equal(bg_pvgpu_synchronize(&gpu, soon()), 0);
    compute_sent(BG_COMPUTE_SYNCHRONIZE, 0, "");
    assert_int_equal(gpu.jobs_in_use, 0);
    fake.next_handle = 0; /* would name the heap */
    assert_int_equal(bg_pvgpu_memory_alloc(&gpu, 1, &handle, soon()), BG_ERR_PROTOCOL);
}

static void copies(void **state)
{
    const struct bg_compute_operand heap = {0, 0x40}, one = {7, 0x100000080}, two = {8, 0xC0};
    const struct {
        struct bg_compute_operand to, from;
        uint32_t kind;
    } kinds[] = {
        {one, heap, BG_COMPUTE_COPY_HOST_TO_DEVICE},
        {heap, one, BG_COMPUTE_COPY_DEVICE_TO_HOST},
        {one, two, BG_COMPUTE_COPY_DEVICE_TO_DEVICE},
        {heap, heap, BG_COMPUTE_COPY_DEVICE_TO_DEVICE},
    };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const struct bg_compute_copy_params params = {
            .kind = kinds[i].kind,
            .dst_handle = kinds[i].to.handle,
            .src_handle = kinds[i].from.handle,
            .dst_offset_lo = (uint32_t)kinds[i].to.offset,
            .dst_offset_hi = (uint32_t)(kinds[i].to.offset >> 32),
            .src_offset_lo = (uint32_t)kinds[i].from.offset,
            .src_offset_hi = (uint32_t)(kinds[i].from.offset >> 32),
            .size_lo = 0x1000,
            .size_hi = 3,
        };

        assert_int_equal(
            bg_pvgpu_memory_copy(&gpu, kinds[i].to, kinds[i].from, 0x300001000, NULL, soon()), 0);
        compute_sent(BG_COMPUTE_MEMORY_COPY, sizeof(params), &params);
    }
}

static void vectors(void **state)
{
    enum { COUNT = 100000 };
    struct bg_pvgpu_memory a, b, c;

    (void)state;
    assert_int_equal(bg_pvgpu_heap_alloc(&gpu, 4 * COUNT, 0, &a), 0);
    assert_int_equal(bg_pvgpu_heap_alloc(&gpu, 4 * COUNT, 0, &b), 0);
    assert_int_equal(bg_pvgpu_heap_alloc(&gpu, 4 * COUNT, 0, &c), 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        ((uint32_t *)a.bytes)[i] = i * 2654435761u;
        ((uint32_t *)b.bytes)[i] = ~i * 77;
    }
    assert_int_equal(bg_pvgpu_vector_add(
                         &gpu, BG_COMPUTE_ELEMENT_UINT32, (struct bg_compute_operand){0, c.offset},
                         (struct bg_compute_operand){0, a.offset},
                         (struct bg_compute_operand){0, b.offset}, COUNT, NULL, soon()),
                     0);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(((uint32_t *)c.bytes)[i], i * 2654435761u + ~i * 77);
    }
}

static void jobs(void **state)
{
    struct bg_pvgpu_job job[BG_PVGPU_JOBS_MAX], more;

    (void)state;
    fake.is_stuck = true;
    for (unsigned i = 0; i < BG_PVGPU_JOBS_MAX; i++) {
        assert_int_equal(bg_pvgpu_nop(&gpu, &job[i], 0), 0);
    }
    assert_int_equal(bg_pvgpu_nop(&gpu, &more, 0), BG_ERR_LIMITED);
    assert_int_equal(bg_pvgpu_job_wait(&gpu, &job[5], soon()), BG_ERR_BUSY);
    assert_int_equal(bg_pvgpu_nop(&gpu, NULL, soon()), BG_ERR_LIMITED);
    fake.is_stuck = false;
    for (unsigned i = BG_PVGPU_JOBS_MAX; i-- > 0;) {
        assert_int_equal(bg_pvgpu_job_wait(&gpu, &job[i], soon()), 0);
        assert_int_equal(job[i].exec_time_us, 12);
    }
    assert_int_equal(gpu.jobs_in_use, 0);
    more = (struct bg_pvgpu_job){.fence = gpu.fence_last + 1};
    assert_int_equal(bg_pvgpu_job_wait(&gpu, &more, soon()), BG_ERR_INVALID);
}

/* An operation without room for its fence is not sent without. */
static void jobs_in_a_full_ring(void **state)
{
    struct bg_pvgpu_job job;
    uint64_t written;

    (void)state;
    fake.is_stuck = true;
    gpu.room_timeout_ns = SECOND_NS;
    while (gpu.ring_size - (gpu.written - gpu.consumed) > 64) {
        assert_int_equal(bg_pvgpu_flush(&gpu), 0);
    }
    written = gpu.written;
    assert_int_equal(bg_pvgpu_nop(&gpu, &job, 0), BG_ERR_TIMEOUT); /* 48 and 32 bytes */
    assert_int_equal(gpu.written, written);
    assert_int_equal(gpu.jobs_in_use, 0);
    fake.is_stuck = false;
    assert_int_equal(bg_pvgpu_nop(&gpu, NULL, soon()), 0);
}

/* Whoever gives up a wait loses a place only until the backend is done with it. */
static void jobs_given_up(void **state)
{
    (void)state;
    fake.is_stuck = true;
    for (unsigned i = 0; i < BG_PVGPU_JOBS_MAX; i++) {
        assert_int_equal(bg_pvgpu_nop(&gpu, NULL, 0), BG_ERR_TIMEOUT);
    }
    assert_int_equal(bg_pvgpu_nop(&gpu, NULL, 0), BG_ERR_LIMITED);
    fake.is_stuck = false;
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
    for (unsigned i = 0; i < 3 * BG_PVGPU_JOBS_MAX; i++) {
        assert_int_equal(bg_pvgpu_nop(&gpu, NULL, soon()), 0);
    }
}

/* The same for one that nobody will wait for, before its end and after it. */
static void jobs_abandoned(void **state)
{
    struct bg_pvgpu_job job[BG_PVGPU_JOBS_MAX];

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        fake.is_stuck = round == 0;
        for (unsigned i = 0; i < BG_PVGPU_JOBS_MAX; i++) {
            assert_int_equal(bg_pvgpu_nop(&gpu, &job[i], 0), 0);
        }
        for (unsigned i = 0; i < BG_PVGPU_JOBS_MAX; i++) {
            bg_pvgpu_job_abandon(&gpu, &job[i]);
        }
        assert_int_equal(bg_pvgpu_submit(&gpu), 0);
        if (fake.is_stuck) {
            assert_int_equal(bg_pvgpu_nop(&gpu, &job[0], 0), BG_ERR_LIMITED);
        }
        fake.is_stuck = false;
        assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
    }
    assert_int_equal(bg_pvgpu_nop(&gpu, NULL, soon()), 0);
}

static void results_that_are_errors(void **state)
{
    struct bg_pvgpu_job job;

    (void)state;
    fake.compute_status = BG_COMPUTE_INVALID_HANDLE;
    assert_int_equal(bg_pvgpu_memory_free(&gpu, 5, soon()), BG_ERR_NOT_FOUND);
    assert_int_equal(gpu.last_status, BG_COMPUTE_INVALID_HANDLE);
    assert_int_equal(bg_pvgpu_nop(&gpu, &job, 0), 0);
    assert_int_equal(bg_pvgpu_job_wait(&gpu, &job, soon()), BG_ERR_NOT_FOUND);
    assert_int_equal(job.status, BG_COMPUTE_INVALID_HANDLE);
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0); /* none of the ring's */
    fake.compute_status = 0;
    fake.keeps_no_results = true; /* as for an operation that the ring does not take */
    assert_int_equal(bg_pvgpu_nop(&gpu, NULL, soon()), BG_ERR_IO);
    assert_int_equal(gpu.losses, 0);
    assert_int_equal(gpu.jobs_in_use, 0);
}

static void operations_of_any_kind(void **state)
{
    static uint32_t params[BG_PVGPU_COMPUTE_PARAMS_MAX + 1];
    struct bg_pvgpu_compute_options options = {
        .operation = 0x1ABC,
        .params = params,
        .param_count = BG_PVGPU_COMPUTE_PARAMS_MAX,
        .data_offset = 0x4000,
        .data_size = 0x100,
        .answer_offset = 0x5000,
        .answer_size = 0x200,
    };
    struct bg_pvgpu_job job;

    (void)state;
    for (uint32_t i = 0; i <= BG_PVGPU_COMPUTE_PARAMS_MAX; i++) {
        params[i] = i + 1;
    }
    assert_int_equal(bg_pvgpu_compute(&gpu, &options, &job), 0);
    assert_int_equal(bg_pvgpu_job_wait(&gpu, &job, soon()), BG_ERR_UNSUPPORTED);
    compute_sent(0x1ABC, 4 * BG_PVGPU_COMPUTE_PARAMS_MAX, params);
    assert_int_equal(fake_pvgpu_last(1)->words[1], 0x4000);
    assert_int_equal(fake_pvgpu_last(1)->words[2], 0x100);
    assert_int_equal(fake_pvgpu_last(1)->words[3], 0x5000);
    assert_int_equal(fake_pvgpu_last(1)->words[4], 0x200);
    options.param_count++;
    assert_int_equal(bg_pvgpu_compute(&gpu, &options, &job), BG_ERR_INVALID);
    options.param_count = 0;
    options.operation = 0x2000;
    assert_int_equal(bg_pvgpu_compute(&gpu, &options, &job), BG_ERR_INVALID);
}

static void features_that_are_not_there(void **state)
{
    const struct bg_pvgpu_place place = {0};
    const struct bg_pvgpu_layout layout = {0};
    const struct bg_pvgpu_rectangle rectangle = {0, 0, 1, 1};
    struct bg_compute_device_info info;

    (void)state;
    fake.features = BG_PVGPU_FEATURE_D3D11 | BG_PVGPU_FEATURE_CONTROL_WORDS;
    assert_int_equal(bg_pvgpu_restart(&gpu, soon()), 0);
    assert_int_equal(bg_pvgpu_nop(&gpu, NULL, soon()), BG_ERR_UNSUPPORTED);
    assert_int_equal(bg_pvgpu_get_info(&gpu, &info, soon()), BG_ERR_UNSUPPORTED);
    assert_int_equal(bg_pvgpu_resource_read(&gpu, 1, 0, NULL, &layout), BG_ERR_UNSUPPORTED);
    assert_int_equal(bg_pvgpu_resource_copy_region(&gpu, &place, &place, 0, 0, 0),
                     BG_ERR_UNSUPPORTED);
    assert_int_equal(bg_pvgpu_present_region(&gpu, 1, 0, 1, &rectangle), BG_ERR_UNSUPPORTED);
    assert_int_equal(gpu.written, 0);
}

/* ---- Sizes ---- */

static void sizes(void **state)
{
    struct bg_pvgpu_resource_options options = {
        .type = BG_PVGPU_RESOURCE_TEXTURE_2D,
        .format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM,
        .width = 13,
        .height = 6,
    };

    (void)state;
    assert_int_equal(bg_pvgpu_format_size(BG_PVGPU_FORMAT_R32G32B32A32_FLOAT), 16);
    assert_int_equal(bg_pvgpu_format_size(BG_PVGPU_FORMAT_R8_UNORM), 1);
    assert_int_equal(bg_pvgpu_format_size(0), 0);
    assert_int_equal(bg_pvgpu_format_size(1), 0);
    assert_int_equal(bg_pvgpu_level_size(&options, 0), 13 * 6 * 4);
    assert_int_equal(bg_pvgpu_level_size(&options, 1), 6 * 3 * 4);
    assert_int_equal(bg_pvgpu_level_size(&options, 3), 4);
    assert_int_equal(bg_pvgpu_level_size(&options, 4), 0); /* 13: four levels */
    assert_int_equal(bg_pvgpu_level_size(&options, BG_PVGPU_ALL_LEVELS),
                     4 * (13 * 6 + 6 * 3 + 3 * 1 + 1));
    options.type = BG_PVGPU_RESOURCE_TEXTURE_3D;
    options.depth = 40;
    assert_int_equal(bg_pvgpu_level_size(&options, 5), 4);
    assert_int_equal(bg_pvgpu_level_size(&options, 6), 0);
    options.width = options.height = options.depth = UINT32_MAX;
    assert_int_equal(bg_pvgpu_level_size(&options, 0), 0); /* beyond 64 bits */
    options = (struct bg_pvgpu_resource_options){.type = BG_PVGPU_RESOURCE_BUFFER, .width = 99};
    assert_int_equal(bg_pvgpu_level_size(&options, 0), 99);
    assert_int_equal(bg_pvgpu_level_size(&options, 1), 0);
}

static void sizes_of_blocks_and_layers(void **state)
{
    const struct bg_pvgpu_resource_options options = {
        .type = BG_PVGPU_RESOURCE_TEXTURE_2D,
        .format = BG_PVGPU_FORMAT_BC1_UNORM,
        .width = 10,
        .height = 4,
        .depth = 3,
    };

    (void)state;
    assert_int_equal(bg_pvgpu_format_size(BG_PVGPU_FORMAT_R32G32B32_FLOAT), 12);
    assert_int_equal(bg_pvgpu_format_size(BG_PVGPU_FORMAT_BC7_UNORM), 16);
    assert_int_equal(bg_pvgpu_level_size(&options, 0), 3 * 8);
    assert_int_equal(bg_pvgpu_level_size(&options, 1), 2 * 8);
    assert_int_equal(bg_pvgpu_level_size(&options, 3), 8);
    assert_int_equal(bg_pvgpu_level_size(&options, 4), 0);
    assert_int_equal(bg_pvgpu_level_size(&options, BG_PVGPU_ALL_LEVELS), 3 * 8 * (3 + 2 + 1 + 1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, pvgpu_setup, pvgpu_teardown)
    const struct CMUnitTest tests[] = {
        TEST(create),
        TEST(create_the_usual),
        TEST(destroy_and_open),
        TEST(map_and_unmap),
        TEST(update_and_read),
        TEST(copy),
        TEST(views),
        TEST(clears),
        TEST(render_targets),
        TEST(viewports_and_scissors),
        TEST(order),
        TEST(present),
        TEST(operations),
        TEST(copies),
        TEST(vectors),
        TEST(jobs),
        TEST(jobs_in_a_full_ring),
        TEST(jobs_given_up),
        TEST(jobs_abandoned),
        TEST(results_that_are_errors),
        TEST(operations_of_any_kind),
        TEST(features_that_are_not_there),
        TEST(sizes),
        TEST(sizes_of_blocks_and_layers),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
