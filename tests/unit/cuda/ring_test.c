/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard firmware/cuda/*.c)
// build: $(filter-out %_interrupt.c,$(wildcard firmware/vgpu/*.c)) firmware/common/wait.c
// build: firmware/common/interrupt_source.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c firmware/pci/assign.c
// build: firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c tests/fake/hal.c
// build: tests/fake/pvgpu.c
/* What the guest's CUDA writes into pvgpu's ring, and how it waits: without a worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/cuda/internal.h"
#include "tests/fake/hal.h"
#include "tests/fake/pvgpu.h"

static const struct bg_cuda_param params[] = {{0, 8}, {8, 4}, {16, 8}};

static struct cuda_device *device;
static struct cuda_context *context;
static struct cuda_stream *stream;
static struct cuda_function *function;
static struct cuda_module module = {.number = 3};

static uint64_t first = 0x1111111122222222, third = 0x4444444455555555;
static uint32_t second = 0x33333333;
static void *values[] = {&first, &second, &third};

static void make_function(void)
{
    function = cuda_object_create(CUDA_KIND_FUNCTION, sizeof(*function), context);
    function->module = &module;
    function->number = 5;
    function->param_count = 3;
    function->params_size = 24;
    function->params = params;
    function->params_are_plain = true;
    function->attributes[CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK] = 128;
    function->attributes[CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES] = 4096;
}

/* A session that the fake's backend knows nothing of. */
static int setup(void **state)
{
    static uint64_t bookkeeping[BG_CUDA_MEMORY_SIZE_MIN / sizeof(uint64_t)];

    pvgpu_setup(state);
    assert_int_equal(bg_cuda_add_pvgpu(&gpu, bookkeeping, sizeof(bookkeeping)), 0);
    device = cuda.devices[0];
    assert_int_equal(device->carrier->open(device), CUDA_SUCCESS);
    memset(device->page, 0, sizeof(*device->page));
    device->limits =
        (struct cuda_launch_limits){.grid = {100, 10, 10}, .block = {256, 16, 16}, .threads = 256};
    cuda.is_initialized = true;
    context = cuda_object_create(CUDA_KIND_CONTEXT, sizeof(*context), NULL);
    context->device = device;
    context->legacy.object.context = context;
    stream = cuda_object_create(CUDA_KIND_STREAM, sizeof(*stream), context);
    stream->number = 7;
    device->numbers.streams[0] = 1 << BG_CUDA_STREAM_LEGACY | 1 << 7;
    make_function();
    return cuCtxSetCurrent(context->object.handle) == CUDA_SUCCESS ? 0 : -1;
}

static int teardown(void **state)
{
    bg_cuda_remove_all();
    return pvgpu_teardown(state);
}

static CUresult launch(unsigned grid, unsigned block, unsigned shared, CUstream in)
{
    return cuLaunchKernel(function->object.handle, grid, 2, 3, block, 4, 1, shared, in, values,
                          NULL);
}

static void assert_same(const struct fake_pvgpu_command *a, const struct fake_pvgpu_command *b)
{
    assert_memory_equal(&a->header, &b->header, sizeof(a->header));
    assert_memory_equal(a->words, b->words, a->header.size - sizeof(a->header));
}

/* The one in the ring behind `position`, read by the backend. */
static const struct fake_pvgpu_command *take(void)
{
    uint64_t before = fake.commands;

    fake_pvgpu_step(&fake, 0);
    assert_int_equal(fake.commands, before + 1);
    return fake_pvgpu_last(0);
}

/* As extra gives them, which is the long way. */
static struct fake_pvgpu_command take_long(unsigned grid, unsigned block, unsigned shared,
                                           CUstream in)
{
    const struct {
        uint64_t first;
        uint32_t second, zero;
        uint64_t third;
    } bytes = {first, second, 0, third};
    size_t size = sizeof(bytes);
    void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, (void *)&bytes, CU_LAUNCH_PARAM_BUFFER_SIZE,
                     &size, CU_LAUNCH_PARAM_END};

    assert_int_equal(
        cuLaunchKernel(function->object.handle, grid, 2, 3, block, 4, 1, shared, in, NULL, extra),
        CUDA_SUCCESS);
    return *take();
}

static void check(unsigned grid, unsigned block, unsigned shared, CUstream in)
{
    static struct fake_pvgpu_command expected;

    expected = take_long(grid, block, shared, in);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(launch(grid, block, shared, in), CUDA_SUCCESS);
        assert_same(take(), &expected);
    }
}

/* Around the ring more than once, where some wrap and take the long way. */
static void both_ways_write_the_same(void **state)
{
    (void)state;
    while (bg_pvgpu_position(&gpu) < 3 * FAKE_PVGPU_RING) {
        check(1, 32, 0, NULL);
        check(100, 16, 4096, stream->object.handle);
        check(2, 32, 16, CU_STREAM_LEGACY);
        fake.violations = 0; /* the padding of extra */
    }
    assert_true(device->numbers.is_queued[0]);
    assert_true(device->numbers.is_queued[7]);
}

static void sizes_are_checked_when_they_change(void **state)
{
    (void)state;
    assert_int_equal(launch(1, 32, 4096, NULL), CUDA_SUCCESS);
    assert_int_equal(launch(0, 32, 4096, NULL), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(launch(101, 32, 4096, NULL), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(launch(1, 33, 4096, NULL), CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
    assert_int_equal(launch(1, 65, 4096, NULL), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(launch(1, 32, 4097, NULL), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(launch(1, 32, 4096, NULL), CUDA_SUCCESS);
    fake_pvgpu_step(&fake, 0);
    assert_int_equal(fake.commands, 2);
}

static void others_are_refused(void **state)
{
    void *handle = function->object.handle;
    struct cuda_stream *foreign;
    struct cuda_context *other;

    (void)state;
    assert_int_equal(launch(1, 32, 0, NULL), CUDA_SUCCESS);
    assert_int_equal(launch(1, 32, 0, handle), CUDA_ERROR_INVALID_HANDLE);
    other = cuda_object_create(CUDA_KIND_CONTEXT, sizeof(*other), NULL);
    other->device = device;
    foreign = cuda_object_create(CUDA_KIND_STREAM, sizeof(*foreign), other);
    assert_int_equal(launch(1, 32, 0, foreign->object.handle), CUDA_ERROR_INVALID_CONTEXT);
    values[1] = NULL;
    assert_int_equal(launch(1, 32, 0, NULL), CUDA_ERROR_INVALID_VALUE);
    values[1] = &second;
    assert_int_equal(cuLaunchKernel(handle, 1, 2, 3, 32, 4, 1, 0, NULL, NULL, NULL),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuCtxSetCurrent(other->object.handle), CUDA_SUCCESS);
    assert_int_equal(launch(1, 32, 0, NULL), CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(cuCtxSetCurrent(context->object.handle), CUDA_SUCCESS);
    cuda_object_destroy(&function->object);
    assert_int_equal(cuLaunchKernel(handle, 1, 2, 3, 32, 4, 1, 0, NULL, values, NULL),
                     CUDA_ERROR_INVALID_HANDLE);
    fake_pvgpu_step(&fake, 0);
    assert_int_equal(fake.commands, 1);
}

/* What may have changed since the last launch. */
static void what_is_in_the_way_is_seen(void **state)
{
    (void)state;
    assert_int_equal(launch(1, 32, 0, NULL), CUDA_SUCCESS);
    cuda.is_in_callback = true;
    assert_int_equal(launch(1, 32, 0, NULL), CUDA_ERROR_NOT_PERMITTED);
    cuda.is_in_callback = false;
    context->error = CUDA_ERROR_ILLEGAL_ADDRESS;
    assert_int_equal(launch(1, 32, 0, NULL), CUDA_ERROR_ILLEGAL_ADDRESS);
    context->error = CUDA_SUCCESS;
    device->is_started = true;
    device->page->error = CUDA_ERROR_ASSERT;
    assert_int_equal(launch(1, 32, 0, NULL), CUDA_ERROR_ASSERT);
    fake_pvgpu_step(&fake, 0);
    assert_int_equal(fake.commands, 1);
}

/* It sleeps when it has nothing to do. */
static void a_sleeping_backend_is_woken(void **state)
{
    (void)state;
    assert_int_equal(launch(1, 32, 0, NULL), CUDA_SUCCESS);
    take();
    fake.doorbells = 0;
    assert_true(fake_pvgpu_sleep(&fake));
    assert_int_equal(launch(1, 32, 0, NULL), CUDA_SUCCESS);
    assert_int_equal(launch(1, 32, 0, NULL), CUDA_SUCCESS);
    assert_int_equal(fake.doorbells, 1);
    fake_pvgpu_step(&fake, 0);
    assert_int_equal(launch(1, 32, 0, NULL), CUDA_SUCCESS);
    assert_int_equal(fake.doorbells, 1); /* it is awake */
}

/* ---- Copies of ordinary memory ---- */

/* Passes one mark each time that the driver waits. */
static void pass_a_mark(void *context)
{
    (void)context;
    fake_pvgpu_step(&fake, 0);
    device->page->completed[7]++;
}

/* The first piece is filled again while the second one is being copied. */
static void pieces_have_marks_of_their_own(void **state)
{
    static const uint32_t expected[] = {BG_CUDA_COPY, BG_CUDA_STREAM_MARK,
                                        BG_CUDA_COPY, BG_CUDA_STREAM_MARK,
                                        BG_CUDA_COPY, BG_CUDA_STREAM_MARK};
    static uint8_t bytes[FAKE_PVGPU_HEAP];
    const size_t count = sizeof(expected) / sizeof(expected[0]);
    uint32_t size = device->piece_size * 3;

    (void)state;
    assert_true(size <= sizeof(bytes));
    assert_true(cuda_range_add(
        device, &(struct cuda_range){.start = 0x10000, .size = size, .context = context}));
    fake_hal.on_wait = pass_a_mark;
    assert_int_equal(cuMemcpyHtoDAsync(0x10000, bytes, size, stream->object.handle), CUDA_SUCCESS);
    assert_int_equal(device->page->completed[7], 1); /* the second one is not waited for */
    fake_pvgpu_step(&fake, 0);
    assert_int_equal(fake.commands, count - 1);
    assert_int_equal(cuStreamSynchronize(stream->object.handle), CUDA_SUCCESS);
    assert_int_equal(device->page->completed[7], 3);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(fake_pvgpu_last((unsigned)(count - 1 - i))->header.type, expected[i]);
    }
    cuda_range_remove_all(device);
}

/* ---- Waits ---- */

static unsigned naps;

static void nap(void *event, uint64_t deadline_ns)
{
    (void)event, (void)deadline_ns;
    naps++;
    assert_int_equal(fake.control->suppress_interrupts & BG_PVGPU_IRQ_FENCE, 0);
    fake_pvgpu_step(&fake, 0);
    fake_hal.now_ns += 1000;
    device->page->completed[0] = 1;
}

static void waits_sleep_where_the_devices_do(void **state)
{
    struct bg_interrupt_source source = {.is_on = 1};

    (void)state;
    fake_hal.on_wait = NULL;
    naps = 0;
    gpu.fence_source = &source;
    gpu.wait = (struct bg_wait_strategy){.sleep = nap};
    assert_int_equal(launch(1, 32, 0, NULL), CUDA_SUCCESS);
    assert_int_equal(cuStreamSynchronize(NULL), CUDA_SUCCESS);
    assert_int_equal(naps, 1);
    assert_int_equal(fake_pvgpu_last(0)->header.type, BG_CUDA_STREAM_MARK);
    assert_int_not_equal(fake.control->suppress_interrupts & BG_PVGPU_IRQ_FENCE, 0);
    gpu.fence_source = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_ways_write_the_same),
        TEST(sizes_are_checked_when_they_change),
        TEST(others_are_refused),
        TEST(what_is_in_the_way_is_seen),
        TEST(a_sleeping_backend_is_woken),
        TEST(pieces_have_marks_of_their_own),
        TEST(waits_sleep_where_the_devices_do),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
