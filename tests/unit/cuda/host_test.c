/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC) tests/fake/cuda_worker.c
// apart: $(GUEST_CUDA_SRC) firmware/vgpu/compute.c
// libs: -ldl
/* Functions of the program in the middle of a stream. */
#include "tests/unit/cuda/step.h"

#define CALLS_MAX 64u
#define SECOND_NS UINT64_C(1000000000)

static unsigned order[CALLS_MAX], calls;
static CUresult call_in_function, status_seen;
static CUstream stream_seen;

static void note(void *data)
{
    assert_true(calls < CALLS_MAX);
    order[calls++] = (unsigned)(uintptr_t)data;
}

static void call_cuda(void *data)
{
    call_in_function = cuMemAlloc((CUdeviceptr *)data, 4);
    calls++;
}

static void take_status(CUstream in, CUresult status, void *data)
{
    stream_seen = in;
    status_seen = status;
    note(data);
}

static void *number(unsigned value)
{
    return (void *)(uintptr_t)value;
}

static int setup_host(void **state)
{
    calls = 0;
    return setup_step(state);
}

static int setup_host_mailbox(void **state)
{
    calls = 0;
    return setup_step_mailbox(state);
}

/* ---- Order ---- */

static void test_order(void **state)
{
    (void)state;
    launch_step(stream, 10, 0);
    OK(cuLaunchHostFunc(stream, note, number(1)));
    launch_step(stream, 1, 5);
    OK(cuLaunchHostFunc(stream, note, number(2)));
    OK(cuStreamSynchronize(stream));
    assert_int_equal(calls, 2);
    assert_int_equal(order[0], 1);
    assert_int_equal(order[1], 2);
    assert_int_equal(read_word(), 15);
}

/* What comes behind a function sees what it has written. */
static uint32_t *shared_word;

static void write_word(void *data)
{
    *shared_word = (uint32_t)(uintptr_t)data;
}

static void test_between(void **state)
{
    void *pinned;

    (void)state;
    OK(cuMemAllocHost(&pinned, 4));
    shared_word = pinned;
    *shared_word = 0;
    for (unsigned i = 1; i <= 20; i++) {
        OK(cuLaunchHostFunc(stream, write_word, number(i * 100)));
        OK(cuMemcpyHtoDAsync(word, pinned, 4, stream));
        launch_step(stream, 1, i);
        OK(cuStreamSynchronize(stream));
        assert_int_equal(read_word(), i * 101);
    }
}

static void test_two_streams(void **state)
{
    CUstream second;

    (void)state;
    OK(cuStreamCreate(&second, CU_STREAM_NON_BLOCKING));
    for (unsigned i = 0; i < 8; i++) {
        OK(cuLaunchHostFunc(stream, note, number(i)));
        OK(cuLaunchHostFunc(second, note, number(100 + i)));
    }
    OK(cuCtxSynchronize());
    assert_int_equal(calls, 16);
    for (unsigned i = 0, first = 0, next = 100; i < calls; i++) {
        assert_int_equal(order[i], order[i] < 100 ? first++ : next++);
    }
}

/* A program that only asks has them run, too. */
static void test_query(void **state)
{
    uint64_t end_ns = bg_hal_time_ns() + 10 * SECOND_NS;
    CUresult result = CUDA_ERROR_NOT_READY;
    CUevent event;

    (void)state;
    OK(cuEventCreate(&event, 0));
    OK(cuLaunchHostFunc(stream, note, number(1)));
    OK(cuEventRecord(event, stream));
    while (result == CUDA_ERROR_NOT_READY && bg_hal_time_ns() < end_ns) {
        result = cuStreamQuery(stream);
    }
    OK(result);
    assert_int_equal(calls, 1);
    OK(cuEventQuery(event));
}

/* A call that waits for the worker lets it run what that waits for. */
static void test_blocking_call(void **state)
{
    uint32_t value;

    (void)state;
    OK(cuLaunchHostFunc(NULL, note, number(1)));
    launch_step(NULL, 1, 6);
    OK(cuMemcpyDtoH(&value, word, 4));
    assert_int_equal(value, 7);
    assert_int_equal(calls, 1);
}

/* ---- What they may not do, and callbacks ---- */

static void test_calls_inside(void **state)
{
    CUdeviceptr pointer;

    (void)state;
    OK(cuLaunchHostFunc(stream, call_cuda, &pointer));
    OK(cuStreamSynchronize(stream));
    assert_int_equal(calls, 1);
    assert_int_equal(call_in_function, CUDA_ERROR_NOT_PERMITTED);
    OK(cuMemAlloc(&pointer, 4));
}

static void test_callbacks(void **state)
{
    (void)state;
    status_seen = CUDA_ERROR_UNKNOWN;
    OK(cuStreamAddCallback(stream, take_status, number(3), 0));
    OK(cuStreamSynchronize(stream));
    assert_int_equal(calls, 1);
    assert_int_equal(order[0], 3);
    assert_int_equal(status_seen, CUDA_SUCCESS);
    assert_ptr_equal(stream_seen, stream);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamAddCallback(stream, NULL, NULL, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamAddCallback(stream, take_status, NULL, 1));
    EXPECT(CUDA_ERROR_INVALID_HANDLE,
           cuStreamAddCallback(NO_HANDLE(CUstream), take_status, NULL, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuLaunchHostFunc(stream, NULL, NULL));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuLaunchHostFunc(NO_HANDLE(CUstream), note, NULL));
}

/* Callbacks hear of the error, functions never run. */
static void test_loss(void **state)
{
    (void)state;
    OK(cuStreamAddCallback(stream, take_status, number(4), 0));
    OK(cuLaunchHostFunc(stream, note, number(5)));
    fake_carrier.is_lost = true;
    EXPECT(CUDA_ERROR_DEVICE_UNAVAILABLE, cuStreamSynchronize(stream));
    assert_int_equal(calls, 1);
    assert_int_equal(order[0], 4);
    assert_int_equal(status_seen, CUDA_ERROR_DEVICE_UNAVAILABLE);
    EXPECT(CUDA_ERROR_DEVICE_UNAVAILABLE, cuLaunchHostFunc(stream, note, NULL));
    OK(cuDevicePrimaryCtxReset(0));
    OK(cuLaunchHostFunc(NULL, note, number(6)));
    OK(cuCtxSynchronize());
    assert_int_equal(calls, 2);
}

#define HOST_RING(test) cmocka_unit_test_setup_teardown(test, setup_host, teardown)
#define HOST_BOTH(test)                                                                            \
    HOST_RING(test),                                                                               \
    {                                                                                              \
        #test "_by_mailbox", test, setup_host_mailbox, teardown, NULL                              \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOST_BOTH(test_order),     HOST_BOTH(test_between),       HOST_BOTH(test_two_streams),
        HOST_BOTH(test_query),     HOST_BOTH(test_blocking_call), HOST_BOTH(test_calls_inside),
        HOST_BOTH(test_callbacks), HOST_RING(test_loss),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
