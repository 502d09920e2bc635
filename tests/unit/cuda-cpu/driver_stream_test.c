/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(CUDA_CPU_HERE_SRC) tests/unit/cuda-cpu/driver_fixture.c
// libs: -ldl
/* Streams, events and host functions of the CPU device, with worker threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/common/clock.h"
#include "host/cuda-cpu/driver/extension.h"
#include "tests/unit/cuda-cpu/driver_fixture.h"

#define DEADLINE_S 60

static const char module_text[] =
    ".version 8.0\n.target sm_90\n.address_size 64\n"
    ".extern .func (.param .b32 r) vprintf (.param .b64 f, .param .b64 a);\n"
    ".global .b8 format[] = {37, 100, 59, 0};\n" /* %d; */
    ".visible .entry increase(.param .u64 p) { .reg .b64 %rd; .reg .b32 %r; "
    "ld.param.u64 %rd, [p]; ld.u32 %r, [%rd]; add.u32 %r, %r, 1; st.u32 [%rd], %r; ret; }\n"
    ".visible .entry say() { .local .align 8 .b8 values[8]; .param .b64 f, a; .param .b32 r; "
    ".reg .b32 %r<3>; .reg .b64 %rd<3>; mov.u32 %r1, %tid.x; st.local.u32 [values], %r1; "
    "mov.u64 %rd1, format; cvta.global.u64 %rd1, %rd1; mov.u64 %rd2, values; "
    "cvta.local.u64 %rd2, %rd2; st.param.b64 [f], %rd1; st.param.b64 [a], %rd2; "
    "call (r), vprintf, (f, a); ret; }\n"
    ".visible .entry trap_it() { trap; ret; }\n";

static int setup(void **state)
{
    (void)state;
    open_device(module_text);
    return 0;
}

static void launch(const char *name, CUstream stream, void **parameters)
{
    CUfunction function;

    OK(cuModuleGetFunction(&function, module, name));
    OK(cuLaunchKernel(function, 1, 1, 1, 3, 1, 1, 0, stream, parameters, NULL));
}

/* ---- A gate: who comes waits until it is opened ---- */

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool entered, open;
};

#define CLOSED_GATE {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false}

static void wait_at_gate(struct gate *gate, const bool *flag)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += DEADLINE_S;
    while (!*flag) {
        if (pthread_cond_timedwait(&gate->changed, &gate->lock, &end) != 0) {
            abort();
        }
    }
}

static void pass_gate(void *argument)
{
    struct gate *gate = argument;

    pthread_mutex_lock(&gate->lock);
    gate->entered = true;
    pthread_cond_broadcast(&gate->changed);
    wait_at_gate(gate, &gate->open);
    pthread_mutex_unlock(&gate->lock);
}

static void await_entry(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    wait_at_gate(gate, &gate->entered);
    pthread_mutex_unlock(&gate->lock);
}

static void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

/* ---- Order ---- */

static char order[64];

static void note(void *argument)
{
    strncat(order, argument, sizeof(order) - strlen(order) - 1);
}

static void test_order_in_stream(void **state)
{
    struct gate gate = CLOSED_GATE;
    CUdeviceptr pointer;
    uint32_t *host, zero = 0;
    void *parameters[] = {&pointer};
    CUstream stream;

    (void)state;
    OK(cuMemAllocHost((void **)&host, 4));
    OK(cuMemAlloc(&pointer, 4));
    OK(cuMemcpyHtoD(pointer, &zero, 4));
    OK(cuStreamCreate(&stream, 0));
    OK(cuStreamQuery(stream));
    OK(cuLaunchHostFunc(stream, pass_gate, &gate));
    for (int i = 0; i < 5; i++) {
        launch("increase", stream, parameters);
    }
    OK(cuMemcpyDtoHAsync(host, pointer, 4, stream));
    OK(cuMemsetD32Async(pointer, 7, 1, stream));
    *host = 0;
    assert_int_equal(cuStreamQuery(stream), CUDA_ERROR_NOT_READY);
    open_gate(&gate);
    OK(cuStreamSynchronize(stream));
    OK(cuStreamQuery(stream));
    assert_int_equal(*host, 5);
    OK(cuMemcpyDtoH(host, pointer, 4));
    assert_int_equal(*host, 7);
    OK(cuMemFreeHost(host));
}

static void note_thread(void *thread)
{
    *(pthread_t *)thread = pthread_self();
}

/* A stream whose work is done by who asks for it, at once, whatever others do. */
static void test_at_call(void **state)
{
    struct gate gate = CLOSED_GATE;
    CUdeviceptr pointer;
    int value = 0;
    void *parameters[] = {&pointer};
    CUstream stream, other;
    pthread_t thread;

    (void)state;
    OK(cuMemAlloc(&pointer, 4));
    OK(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
    OK(cuLaunchHostFunc(other, pass_gate, &gate));
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING | CUDA_CPU_STREAM_AT_CALL));
    for (int i = 0; i < 100; i++) {
        memset(&thread, 0, sizeof(thread));
        OK(cuLaunchHostFunc(stream, note_thread, &thread));
        assert_true(pthread_equal(thread, pthread_self()));
        OK(cuStreamQuery(stream));
    }
    OK(cuMemsetD32Async(pointer, 0, 1, stream));
    launch("increase", stream, parameters);
    OK(cuMemcpyDtoHAsync(&value, pointer, 4, stream));
    assert_int_equal(value, 1);
    assert_int_equal(cuStreamQuery(other), CUDA_ERROR_NOT_READY);
    open_gate(&gate);
    OK(cuStreamSynchronize(other));
    OK(cuStreamDestroy(stream));
    OK(cuStreamDestroy(other));
    assert_int_equal(cuStreamCreate(&stream, CUDA_CPU_STREAM_AT_CALL << 1),
                     CUDA_ERROR_INVALID_VALUE);
}

/* ---- Words that streams write and wait for ---- */

static void store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* It goes on with this value, and did not with the one before. */
static void expect_wait(uint64_t *word, uint64_t before, uint64_t value, uint64_t wanted,
                        unsigned flags, bool is_long)
{
    CUdeviceptr address = (CUdeviceptr)(uintptr_t)word;
    CUstream stream;

    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    store(word, before);
    OK(is_long ? cuStreamWaitValue64(stream, address, wanted, flags)
               : cuStreamWaitValue32(stream, address, (cuuint32_t)wanted, flags));
    OK(cuStreamWriteValue32(stream, address + 8, 5, CU_STREAM_WRITE_VALUE_DEFAULT));
    for (int i = 0; i < 10; i++) {
        assert_int_equal(cuStreamQuery(stream), CUDA_ERROR_NOT_READY);
    }
    store(word, value);
    OK(cuStreamSynchronize(stream));
    assert_int_equal(word[1], 5);
    word[1] = 0;
    OK(cuStreamDestroy(stream));
}

static void test_values(void **state)
{
    uint64_t *words;

    (void)state;
    OK(cuMemAllocHost((void **)&words, 16));
    expect_wait(words, 6, 7, 7, CU_STREAM_WAIT_VALUE_GEQ, true);
    expect_wait(words, 6, 9, 7, CU_STREAM_WAIT_VALUE_GEQ, false);
    expect_wait(words, UINT32_MAX, 2, 1, CU_STREAM_WAIT_VALUE_GEQ, false); /* around the circle */
    expect_wait(words, UINT64_MAX, 2, 1, CU_STREAM_WAIT_VALUE_GEQ, true);
    expect_wait(words, 8, 7, 7, CU_STREAM_WAIT_VALUE_EQ, true);
    expect_wait(words, 8, 7, 7, CU_STREAM_WAIT_VALUE_EQ, false);
    expect_wait(words, 4, 6, 3, CU_STREAM_WAIT_VALUE_AND, false);
    expect_wait(words, UINT64_C(1) << 40, UINT64_C(1) << 41, UINT64_C(1) << 41,
                CU_STREAM_WAIT_VALUE_AND, true);
    expect_wait(words, UINT32_MAX, 0, 0, CU_STREAM_WAIT_VALUE_NOR, false);
    expect_wait(words, UINT64_MAX, 0, 1, CU_STREAM_WAIT_VALUE_NOR, true);
    OK(cuStreamWriteValue64(NULL, (CUdeviceptr)(uintptr_t)words, UINT64_MAX - 1,
                            CU_STREAM_WRITE_VALUE_NO_MEMORY_BARRIER));
    OK(cuCtxSynchronize());
    assert_true(words[0] == UINT64_MAX - 1);
    OK(cuMemFreeHost(words));
}

/* Streams that wait keep no thread from others, of which there are fewer. */
static void test_many_wait(void **state)
{
    CUstream streams[16];
    CUdeviceptr address;
    uint64_t *word;

    (void)state;
    OK(cuMemAllocHost((void **)&word, 8));
    store(word, 0);
    address = (CUdeviceptr)(uintptr_t)word;
    for (size_t i = 0; i < 16; i++) {
        OK(cuStreamCreate(&streams[i], CU_STREAM_NON_BLOCKING));
    }
    for (size_t i = 0; i < 16; i++) { /* each one is the next one's */
        OK(cuStreamWaitValue64(streams[15 - i], address, 15 - i, CU_STREAM_WAIT_VALUE_EQ));
        OK(cuStreamWriteValue64(streams[15 - i], address, 16 - i, 0));
    }
    OK(cuCtxSynchronize());
    assert_int_equal(*word, 16);
    for (size_t i = 0; i < 16; i++) {
        OK(cuStreamDestroy(streams[i]));
    }
    OK(cuMemFreeHost(word));
}

static uint64_t cpu_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Nor do they keep the processors busy. */
static void test_waiting_rests(void **state)
{
    const struct timespec while_held = {.tv_nsec = 200000000};
    CUstream streams[16];
    uint64_t *word, start_ns, used_ns;

    (void)state;
    OK(cuMemAllocHost((void **)&word, 8));
    store(word, 0);
    for (size_t i = 0; i < 16; i++) {
        OK(cuStreamCreate(&streams[i], CU_STREAM_NON_BLOCKING));
        OK(cuStreamWaitValue64(streams[i], (CUdeviceptr)(uintptr_t)word, 1, 0));
    }
    start_ns = cpu_now_ns();
    nanosleep(&while_held, NULL);
    used_ns = cpu_now_ns() - start_ns;
    store(word, 1);
    assert_true(used_ns < (uint64_t)while_held.tv_nsec / 2);
    OK(cuCtxSynchronize());
    OK(cuMemFreeHost(word));
}

static void test_batch(void **state)
{
    CUstreamBatchMemOpParams operations[2] = {
        {.writeValue = {.operation = CU_STREAM_MEM_OP_WRITE_VALUE_32, .value = 5}},
        {.waitValue = {.operation = CU_STREAM_MEM_OP_WAIT_VALUE_32, .value = 5}},
    };
    uint64_t *word;

    (void)state;
    OK(cuMemAllocHost((void **)&word, 8));
    *word = 0;
    operations[0].writeValue.address = operations[1].waitValue.address =
        (CUdeviceptr)(uintptr_t)word;
    OK(cuStreamBatchMemOp(NULL, 2, operations, 0));
    OK(cuCtxSynchronize());
    assert_int_equal(*word, 5);
    assert_int_equal(cuStreamBatchMemOp(NULL, 0, operations, 0), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemFreeHost(word));
}

static void test_bad_values(void **state)
{
    CUdeviceptr pointer;
    uint64_t own = 0;

    (void)state;
    OK(cuMemAlloc(&pointer, 8));
    assert_int_equal(cuStreamWriteValue32(NULL, pointer + 2, 1, 0), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuStreamWriteValue64(NULL, pointer + 4, 1, 0), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuStreamWriteValue64(NULL, pointer + 8, 1, 0), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuStreamWriteValue32(NULL, pointer, 1, 2), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuStreamWriteValue32(NULL, (CUdeviceptr)(uintptr_t)&own, 1, 0),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuStreamWaitValue32(NULL, pointer, 1, 4), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuStreamWaitValue32(NULL, pointer, 1, CU_STREAM_WAIT_VALUE_FLUSH),
                     CUDA_ERROR_NOT_SUPPORTED);
    assert_int_equal(cuStreamWaitValue64((CUstream)(uintptr_t)77, pointer, 1, 0),
                     CUDA_ERROR_INVALID_HANDLE);
    OK(cuMemFree(pointer));
}

/* A destroyed stream's work is done all the same. */
static void test_destroyed_stream(void **state)
{
    struct gate gate = CLOSED_GATE;
    CUstream stream;

    (void)state;
    order[0] = '\0';
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cuLaunchHostFunc(stream, pass_gate, &gate));
    OK(cuLaunchHostFunc(stream, note, "x"));
    OK(cuStreamDestroy(stream));
    assert_int_equal(cuStreamQuery(stream), CUDA_ERROR_INVALID_HANDLE);
    open_gate(&gate);
    OK(cuCtxSynchronize());
    assert_string_equal(order, "x");
}

/* The legacy stream waits for blocking streams, and they for it; others do not care. */
static void test_legacy_stream(void **state)
{
    struct gate gate = CLOSED_GATE, second = CLOSED_GATE;
    CUstream blocking, free_one;

    (void)state;
    order[0] = '\0';
    OK(cuStreamCreate(&blocking, 0));
    OK(cuStreamCreate(&free_one, CU_STREAM_NON_BLOCKING));
    OK(cuLaunchHostFunc(blocking, pass_gate, &gate));
    OK(cuLaunchHostFunc(blocking, note, "a"));
    OK(cuLaunchHostFunc(NULL, note, "b"));
    OK(cuLaunchHostFunc(free_one, note, "c"));
    OK(cuStreamSynchronize(free_one));
    assert_string_equal(order, "c");
    open_gate(&gate);
    OK(cuStreamSynchronize(CU_STREAM_LEGACY));
    assert_string_equal(order, "cab");
    OK(cuLaunchHostFunc(NULL, pass_gate, &second));
    OK(cuLaunchHostFunc(blocking, note, "d"));
    OK(cuLaunchHostFunc(CU_STREAM_PER_THREAD, note, "e"));
    await_entry(&second);
    assert_int_equal(cuStreamQuery(blocking), CUDA_ERROR_NOT_READY);
    assert_int_equal(cuStreamQuery(CU_STREAM_PER_THREAD), CUDA_ERROR_NOT_READY);
    open_gate(&second);
    OK(cuCtxSynchronize());
    assert_int_equal(strlen(order), 5);
}

static void *use_per_thread(void *argument)
{
    unsigned long long *id = argument;

    OK(cuCtxSetCurrent(primary));
    OK(cuStreamGetId(CU_STREAM_PER_THREAD, id));
    return NULL;
}

static void test_per_thread_streams(void **state)
{
    unsigned long long here, again, there;
    pthread_t thread;

    (void)state;
    OK(cuStreamGetId(CU_STREAM_PER_THREAD, &here));
    OK(cuStreamGetId(CU_STREAM_PER_THREAD, &again));
    assert_int_equal(here, again);
    assert_int_equal(pthread_create(&thread, NULL, use_per_thread, &there), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_not_equal(here, there);
}

/* ---- Events ---- */

static void test_events(void **state)
{
    struct gate gate = CLOSED_GATE;
    CUevent start, end, untimed;
    CUstream first, second;
    float ms;

    (void)state;
    order[0] = '\0';
    OK(cuStreamCreate(&first, CU_STREAM_NON_BLOCKING));
    OK(cuStreamCreate(&second, CU_STREAM_NON_BLOCKING));
    OK(cuEventCreate(&start, CU_EVENT_DEFAULT));
    OK(cuEventCreate(&end, CU_EVENT_BLOCKING_SYNC));
    OK(cuEventCreate(&untimed, CU_EVENT_DISABLE_TIMING));
    assert_int_equal(cuEventElapsedTime(&ms, start, end), CUDA_ERROR_INVALID_HANDLE);
    OK(cuEventQuery(start)); /* never recorded: nothing is behind it */
    OK(cuEventSynchronize(start));
    OK(cuEventRecord(start, first));
    OK(cuLaunchHostFunc(first, pass_gate, &gate));
    OK(cuLaunchHostFunc(first, note, "1"));
    OK(cuEventRecord(end, first));
    OK(cuStreamWaitEvent(second, end, 0));
    OK(cuLaunchHostFunc(second, note, "2"));
    await_entry(&gate);
    assert_int_equal(cuEventQuery(end), CUDA_ERROR_NOT_READY);
    assert_int_equal(cuStreamQuery(second), CUDA_ERROR_NOT_READY);
    assert_int_equal(cuEventElapsedTime(&ms, start, end), CUDA_ERROR_NOT_READY);
    open_gate(&gate);
    OK(cuEventSynchronize(end));
    OK(cuStreamSynchronize(second));
    assert_string_equal(order, "12");
    OK(cuEventElapsedTime(&ms, start, end));
    assert_true(ms >= 0 && ms < DEADLINE_S * 1000.0f);
    OK(cuEventElapsedTime(&ms, end, start));
    assert_true(ms <= 0);
    OK(cuEventRecord(untimed, first));
    assert_int_equal(cuEventElapsedTime(&ms, start, untimed), CUDA_ERROR_INVALID_HANDLE);
    OK(cuEventDestroy(untimed));
    assert_int_equal(cuEventQuery(untimed), CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(cuEventRecord(untimed, first), CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(cuEventCreate(&untimed, 64), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuStreamWaitEvent(first, NULL, 0), CUDA_ERROR_INVALID_HANDLE);
}

/* ---- Host functions ---- */

static CUresult inner;

static void call_driver(void *argument)
{
    (void)argument;
    inner = cuCtxSynchronize();
}

static void keep_status(CUstream stream, CUresult status, void *argument)
{
    (void)stream;
    *(CUresult *)argument = status;
}

static void test_host_functions(void **state)
{
    CUresult status = CUDA_ERROR_UNKNOWN;

    (void)state;
    OK(cuLaunchHostFunc(NULL, call_driver, NULL));
    OK(cuStreamAddCallback(NULL, keep_status, &status, 0));
    OK(cuCtxSynchronize());
    assert_int_equal(inner, CUDA_ERROR_NOT_PERMITTED);
    assert_int_equal(status, CUDA_SUCCESS);
    assert_int_equal(cuLaunchHostFunc(NULL, NULL, NULL), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuStreamAddCallback(NULL, keep_status, &status, 1), CUDA_ERROR_INVALID_VALUE);
}

/* After an error callbacks hear of it, and host functions are left out. */
static void test_after_error(void **state)
{
    struct gate gate = CLOSED_GATE;
    CUresult status = CUDA_SUCCESS;
    CUstream stream;
    CUevent event;

    setup(state);
    order[0] = '\0';
    OK(cuEventCreate(&event, 0));
    OK(cuStreamCreate(&stream, 0));
    OK(cuLaunchHostFunc(stream, pass_gate, &gate));
    launch("trap_it", stream, NULL);
    OK(cuLaunchHostFunc(stream, note, "never"));
    OK(cuStreamAddCallback(stream, keep_status, &status, 0));
    OK(cuEventRecord(event, stream));
    open_gate(&gate);
    assert_int_equal(cuEventSynchronize(event), CUDA_ERROR_LAUNCH_FAILED);
    assert_int_equal(status, CUDA_ERROR_LAUNCH_FAILED);
    assert_string_equal(order, "");
    assert_int_equal(cuStreamSynchronize(stream), CUDA_ERROR_LAUNCH_FAILED);
    close_device(state);
}

/* ---- printf ---- */

/* What `print` has left on standard output. */
static void expect_printed(void (*print)(void), const char *expected)
{
    char path[] = "/tmp/driver_stream_test.XXXXXX", got[64] = "";
    int kept, file = mkstemp(path);

    assert_true(file >= 0);
    unlink(path);
    fflush(stdout);
    kept = dup(STDOUT_FILENO);
    dup2(file, STDOUT_FILENO);
    print();
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    assert_true(pread(file, got, sizeof(got) - 1, 0) >= 0);
    close(file);
    assert_string_equal(got, expected);
}

static void print_twice(void)
{
    launch("say", NULL, NULL);
    launch("say", NULL, NULL);
    OK(cuCtxSynchronize());
}

static void test_print(void **state)
{
    (void)state;
    expect_printed(print_twice, "0;1;2;0;1;2;");
}

/* The context has failed before it is asked. */
static void print_and_fail(void)
{
    uint64_t until = clock_now_ns() + DEADLINE_S * NS_PER_S;
    CUevent event;

    OK(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
    launch("say", NULL, NULL);
    launch("trap_it", NULL, NULL);
    OK(cuEventRecord(event, NULL));
    while (cuEventQuery(event) == CUDA_ERROR_NOT_READY) {
        assert_true(clock_now_ns() < until);
    }
    assert_int_equal(cuCtxSynchronize(), CUDA_ERROR_LAUNCH_FAILED);
}

static void test_print_before_error(void **state)
{
    (void)state;
    expect_printed(print_and_fail, "0;1;2;");
}

/* ---- Many threads ---- */

#define THREADS 4
#define ROUNDS 50

static void *work(void *argument)
{
    CUdeviceptr pointer;
    uint32_t value = 0;
    void *parameters[] = {&pointer};
    CUfunction function;
    CUstream stream;

    OK(cuCtxSetCurrent(primary));
    OK(cuModuleGetFunction(&function, module, "increase"));
    OK(cuStreamCreate(&stream, argument != NULL ? CU_STREAM_NON_BLOCKING : 0));
    for (unsigned i = 0; i < ROUNDS; i++) {
        OK(cuMemAlloc(&pointer, 4));
        value = i;
        OK(cuMemcpyHtoDAsync(pointer, &value, 4, stream));
        OK(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, stream, parameters, NULL));
        OK(cuMemcpyDtoHAsync(&value, pointer, 4, stream));
        OK(cuStreamSynchronize(stream));
        assert_int_equal(value, i + 1);
        OK(cuMemFree(pointer));
    }
    OK(cuStreamDestroy(stream));
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, i & 1 ? &threads : NULL), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order_in_stream, setup, close_device),
        cmocka_unit_test_setup_teardown(test_at_call, setup, close_device),
        cmocka_unit_test_setup_teardown(test_values, setup, close_device),
        cmocka_unit_test_setup_teardown(test_many_wait, setup, close_device),
        cmocka_unit_test_setup_teardown(test_waiting_rests, setup, close_device),
        cmocka_unit_test_setup_teardown(test_batch, setup, close_device),
        cmocka_unit_test_setup_teardown(test_bad_values, setup, close_device),
        cmocka_unit_test_setup_teardown(test_destroyed_stream, setup, close_device),
        cmocka_unit_test_setup_teardown(test_legacy_stream, setup, close_device),
        cmocka_unit_test_setup_teardown(test_per_thread_streams, setup, close_device),
        cmocka_unit_test_setup_teardown(test_events, setup, close_device),
        cmocka_unit_test_setup_teardown(test_host_functions, setup, close_device),
        cmocka_unit_test(test_after_error),
        cmocka_unit_test_setup_teardown(test_print, setup, close_device),
        cmocka_unit_test_setup_teardown(test_print_before_error, setup, close_device),
        cmocka_unit_test_setup_teardown(test_threads, setup, close_device),
    };

    setenv("BAREGPU_CUDA_THREADS", "3", 1);
    setenv("BAREGPU_CUDA_QUIET", "1", 1);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
