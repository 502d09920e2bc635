/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC) tests/fake/cuda_worker.c
// apart: $(GUEST_CUDA_SRC) firmware/vgpu/compute.c
// libs: -ldl
/* Streams, events, and kernels that fail. */
#include "tests/unit/cuda/fixture.h"

/* wait: goes on when the word is not 0, or after `turns` looks. wrong: stores at an address. */
static const char text[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n"
    ".visible .entry wait(.param .u64 word, .param .u32 turns) {\n"
    ".reg .b32 %r<3>; .reg .b64 %d; .reg .pred %p;\n"
    "ld.param.u64 %d, [word]; ld.param.u32 %r1, [turns];\n"
    "L: ld.volatile.global.u32 %r2, [%d]; setp.ne.s32 %p, %r2, 0; @%p bra E;\n"
    "add.s32 %r1, %r1, -1; setp.ne.s32 %p, %r1, 0; @%p bra L;\n"
    "E: ret; }\n"
    ".extern .func (.param .b32 r) vprintf (.param .b64 f, .param .b64 a);\n"
    ".global .b8 format[] = {37, 100, 59, 0};\n" /* %d; */
    ".visible .entry say(.param .u32 n) { .local .align 8 .b8 values[8]; .param .b64 f, a;\n"
    ".param .b32 r; .reg .b32 %r<3>; .reg .b64 %rd<3>; ld.param.u32 %r1, [n];\n"
    "st.local.u32 [values], %r1; mov.u64 %rd1, format; cvta.global.u64 %rd1, %rd1;\n"
    "mov.u64 %rd2, values; cvta.local.u64 %rd2, %rd2; st.param.b64 [f], %rd1;\n"
    "st.param.b64 [a], %rd2; call (r), vprintf, (f, a); ret; }\n"
    ".visible .entry wrong(.param .u64 at) {\n"
    ".reg .b64 %d; ld.param.u64 %d, [at]; st.global.u32 [%d], 1; ret; }\n";

#define TURNS 2000000000u

static CUmodule module;
static uint32_t *word; /* of the heap */
static CUdeviceptr word_there;

static CUfunction function_of(const char *name)
{
    CUfunction function;

    OK(cuModuleGetFunction(&function, module, name));
    return function;
}

static void load(void)
{
    OK(cuModuleLoadData(&module, text));
}

/* The stream stands still until open_gate(). */
static void close_gate(CUstream stream)
{
    uint32_t turns = TURNS;

    load();
    OK(cuMemAllocHost((void **)&word, 4));
    OK(cuMemHostGetDevicePointer(&word_there, word, 0));
    *word = 0;
    OK(cuLaunchKernel(function_of("wait"), 1, 1, 1, 1, 1, 1, 0, stream,
                      (void *[]){&word_there, &turns}, NULL));
}

static void open_gate(void)
{
    __atomic_store_n(word, 1, __ATOMIC_RELEASE);
}

/* ---- Streams ---- */

static void test_streams(void **state)
{
    CUstream stream, urgent, copy;
    unsigned long long first, second;
    unsigned flags;
    int priority, least, greatest;
    CUcontext owner;
    CUdevice device;
    CUstreamAttrValue value = {.syncPolicy = CU_SYNC_POLICY_YIELD}, read;

    (void)state;
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cuStreamGetFlags(stream, &flags));
    assert_int_equal(flags, CU_STREAM_NON_BLOCKING);
    OK(cuStreamGetFlags(NULL, &flags));
    assert_int_equal(flags, 0);
    OK(cuCtxGetStreamPriorityRange(&least, &greatest));
    OK(cuStreamCreateWithPriority(&urgent, 0, -1000));
    OK(cuStreamGetPriority(urgent, &priority));
    assert_int_equal(priority, greatest);
    OK(cuStreamGetId(stream, &first));
    OK(cuStreamGetId(CU_STREAM_PER_THREAD, &second));
    assert_true(first != second);
    OK(cuStreamGetCtx(stream, &owner));
    assert_ptr_equal(owner, context);
    OK(cuStreamGetDevice(NULL, &device));
    assert_int_equal(device, 0);
    OK(cuStreamCreate(&copy, 0));
    OK(cuStreamSetAttribute(stream, CU_LAUNCH_ATTRIBUTE_SYNCHRONIZATION_POLICY, &value));
    OK(cuStreamCopyAttributes(copy, stream));
    OK(cuStreamGetAttribute(copy, CU_LAUNCH_ATTRIBUTE_SYNCHRONIZATION_POLICY, &read));
    assert_int_equal(read.syncPolicy, CU_SYNC_POLICY_YIELD);
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuStreamGetAttribute(copy, CU_LAUNCH_ATTRIBUTE_COOPERATIVE, &read));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamCreate(NULL, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamCreate(&stream, 4));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamGetFlags(stream, NULL));
    OK(cuStreamDestroy(stream));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuStreamDestroy(stream));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuStreamDestroy(NULL));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuStreamSynchronize(stream));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuStreamQuery(NO_HANDLE(CUstream)));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuStreamGetCtx(stream, &owner));
}

static void test_stream_of_another_context(void **state)
{
    CUcontext other, owner;
    CUstream stream;

    (void)state;
    OK(cuStreamCreate(&stream, 0));
    OK(cuCtxCreate_v2(&other, 0, 0));
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuStreamSynchronize(stream));
    OK(cuStreamGetCtx(stream, &owner));
    assert_ptr_equal(owner, context);
}

/* As many as there are; numbers of those that went come again when their marks have passed. */
static void test_all_streams(void **state)
{
    static CUstream streams[256];
    unsigned count = 0;
    CUresult result;
    CUdeviceptr pointer;

    (void)state;
    OK(cuMemAlloc(&pointer, 4));
    while ((result = cuStreamCreate(&streams[count], 0)) == CUDA_SUCCESS) {
        OK(cuMemsetD32Async(pointer, count, 1, streams[count]));
        count++;
    }
    assert_int_equal(result, CUDA_ERROR_OUT_OF_MEMORY);
    assert_int_equal(count, 254);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < count; i++) {
            OK(cuStreamDestroy(streams[i]));
        }
        OK(cuCtxSynchronize());
        for (unsigned i = 0; i < count; i++) {
            OK(cuStreamCreate(&streams[i], CU_STREAM_NON_BLOCKING));
            OK(cuMemsetD32Async(pointer, i, 1, streams[i]));
        }
    }
    OK(cuCtxSynchronize());
}

static void test_query(void **state)
{
    CUstream stream, other;
    CUdeviceptr pointer;

    (void)state;
    OK(cuMemAlloc(&pointer, 4));
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
    OK(cuStreamQuery(stream));
    close_gate(stream);
    EXPECT(CUDA_ERROR_NOT_READY, cuStreamQuery(stream));
    OK(cuMemsetD32Async(pointer, 1, 1, other));
    OK(cuStreamSynchronize(other)); /* the ring is not blocked */
    EXPECT(CUDA_ERROR_NOT_READY, cuStreamQuery(stream));
    OK(cuStreamQuery(other));
    open_gate();
    OK(cuStreamSynchronize(stream));
    OK(cuStreamQuery(stream));
}

/* The legacy stream waits for blocking ones, and they for it; for others it does not. */
static void test_default_stream(void **state)
{
    CUstream blocking, free;
    CUdeviceptr pointer;

    (void)state;
    OK(cuMemAlloc(&pointer, 4));
    OK(cuStreamCreate(&blocking, CU_STREAM_DEFAULT));
    OK(cuStreamCreate(&free, CU_STREAM_NON_BLOCKING));
    close_gate(blocking);
    OK(cuMemsetD32(pointer, 1, 1));
    OK(cuMemsetD32Async(pointer, 2, 1, free));
    OK(cuStreamSynchronize(free));
    EXPECT(CUDA_ERROR_NOT_READY, cuStreamQuery(NULL));
    open_gate();
    OK(cuStreamSynchronize(NULL));
    OK(cuStreamQuery(blocking));
    OK(cuMemsetD32Async(pointer, 3, 1, blocking));
    OK(cuStreamSynchronize(NULL));
    OK(cuMemsetD32Async(pointer, 4, 1, blocking));
    OK(cuStreamSynchronize(blocking));
    OK(cuMemsetD32Async(pointer, 5, 1, free));
    OK(cuStreamQuery(blocking)); /* what others got is not its affair */
    OK(cuStreamQuery(NULL));
}

/* What a stream was given is waited for, also when the stream is gone. */
static void test_destroyed_at_work(void **state)
{
    CUstream stream, next;
    unsigned long long first, second;

    (void)state;
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cuStreamGetId(stream, &first));
    close_gate(stream);
    OK(cuStreamDestroy(stream));
    OK(cuStreamCreate(&next, CU_STREAM_NON_BLOCKING));
    OK(cuStreamGetId(next, &second));
    assert_true(first != second);
    OK(cuStreamQuery(next));
    open_gate();
    OK(cuCtxSynchronize());
}

/* ---- Events ---- */

static void test_events(void **state)
{
    CUstream stream, other;
    CUevent start, end, untimed;
    CUdeviceptr pointer;
    float ms = -1;

    (void)state;
    OK(cuMemAlloc(&pointer, 4));
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
    OK(cuEventCreate(&start, 0));
    OK(cuEventCreate(&end, CU_EVENT_BLOCKING_SYNC));
    OK(cuEventCreate(&untimed, CU_EVENT_DISABLE_TIMING));
    OK(cuEventQuery(start)); /* never recorded */
    OK(cuEventSynchronize(start));
    OK(cuStreamWaitEvent(stream, start, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuEventElapsedTime(&ms, start, end));
    OK(cuEventRecord(start, stream));
    close_gate(stream);
    OK(cuEventRecordWithFlags(end, stream, CU_EVENT_RECORD_DEFAULT));
    OK(cuEventRecord(untimed, stream));
    OK(cuStreamWaitEvent(other, end, 0));
    OK(cuMemsetD32Async(pointer, 1, 1, other));
    OK(cuEventSynchronize(start));
    EXPECT(CUDA_ERROR_NOT_READY, cuEventQuery(end));
    EXPECT(CUDA_ERROR_NOT_READY, cuStreamQuery(other));
    EXPECT(CUDA_ERROR_NOT_READY, cuEventElapsedTime(&ms, start, end));
    open_gate();
    OK(cuEventSynchronize(end));
    OK(cuStreamSynchronize(other));
    OK(cuEventElapsedTime(&ms, start, end));
    assert_true(ms > 0);
    OK(cuEventElapsedTime(&ms, end, start));
    assert_true(ms < 0);
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuEventElapsedTime(&ms, start, untimed));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuEventElapsedTime(NULL, start, end));
}

/* Without a page the worker is asked. */
static void test_asking_for_events(void **state)
{
    CUstream stream;
    CUevent start, end;
    CUdeviceptr pointer;
    float ms = -1;

    (void)state;
    OK(cuMemAlloc(&pointer, 4));
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cuEventCreate(&start, 0));
    OK(cuEventCreate(&end, 0));
    OK(cuEventRecord(start, stream));
    OK(cuMemsetD32Async(pointer, 1, 1, stream));
    OK(cuEventRecord(end, stream));
    OK(cuEventSynchronize(end));
    OK(cuEventQuery(start));
    OK(cuEventElapsedTime(&ms, start, end));
    assert_true(ms >= 0);
    OK(cuStreamQuery(stream));
}

static void test_bad_events(void **state)
{
    CUevent event;
    CUcontext other;

    (void)state;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuEventCreate(NULL, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuEventCreate(&event, 64));
    EXPECT(CUDA_ERROR_NOT_SUPPORTED,
           cuEventCreate(&event, CU_EVENT_INTERPROCESS | CU_EVENT_DISABLE_TIMING));
    OK(cuEventCreate(&event, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuEventRecord(event, NO_HANDLE(CUstream)));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuEventRecordWithFlags(event, NULL, 8));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamWaitEvent(NULL, event, 8));
    OK(cuCtxCreate_v2(&other, 0, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuEventRecord(event, NULL)); /* of another context */
    OK(cuEventDestroy(event));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuEventDestroy(event));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuEventQuery(event));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuStreamWaitEvent(NULL, NULL, 0));
}

static void test_all_events(void **state)
{
    static CUevent events[4097];
    unsigned count = 0;
    CUresult result;

    (void)state;
    while ((result = cuEventCreate(&events[count], 0)) == CUDA_SUCCESS) {
        OK(cuEventRecord(events[count], NULL));
        count++;
    }
    assert_int_equal(result, CUDA_ERROR_OUT_OF_MEMORY);
    assert_int_equal(count, 4096);
    OK(cuEventSynchronize(events[4095]));
    OK(cuEventQuery(events[0]));
    for (unsigned i = 0; i < count; i++) {
        OK(cuEventDestroy(events[i]));
    }
}

/* ---- Kernels that fail ---- */

static CUresult launch_wrong(void)
{
    uint64_t at = 16;

    return cuLaunchKernel(function_of("wrong"), 1, 1, 1, 1, 1, 1, 0, NULL, (void *[]){&at}, NULL);
}

static CUresult say(uint32_t n, unsigned blocks)
{
    return cuLaunchKernel(function_of("say"), blocks, 1, 1, 32, 1, 1, 0, NULL, (void *[]){&n},
                          NULL);
}

/* Text comes with the next wait, all of it, and nothing is asked for when there can be none. */
static void test_print(void **state)
{
    unsigned before;

    (void)state;
    load();
    OK(say(123, 1));
    OK(cuStreamSynchronize(NULL));
    assert_int_equal(printed_size, 32 * 4);
    assert_memory_equal(printed, "123;123;", 8);
    OK(say(4567, 20)); /* more than an answer of the mailbox */
    OK(cuCtxSynchronize());
    assert_int_equal(printed_size, 32 * 4 + 20 * 32 * 5);
    before = fake_carrier.round_trips;
    OK(cuStreamSynchronize(CU_STREAM_PER_THREAD));
    if (fake_worker_heap() != NULL) {
        assert_int_equal(fake_carrier.round_trips, before);
    }
}

static size_t counted;

static void count_text(void *unused, const char *text, size_t length)
{
    (void)unused;
    (void)text;
    counted += length;
}

/* A worker that gives text without end is left. */
static void test_endless_print(void **state)
{
    (void)state;
    load();
    OK(say(123, 1));
    bg_cuda_set_console(count_text, NULL);
    fake_carrier.prints_on = true;
    OK(cuCtxSynchronize());
    fake_carrier.prints_on = false;
    assert_int_equal(counted, 1u << 20);
}

/* The error stays until the primary context is reset; then all works again. */
static void test_fault(void **state)
{
    CUdeviceptr pointer;
    CUstream stream;
    CUevent event;
    uint32_t value = 5;
    void *host;

    (void)state;
    load();
    OK(cuMemAlloc(&pointer, 4));
    OK(cuMemAllocHost(&host, 4));
    OK(cuStreamCreate(&stream, 0));
    OK(cuEventCreate(&event, 0));
    if (fake_worker_heap() != NULL) {
        OK(launch_wrong());
    } else {
        launch_wrong(); /* each operation is answered: this one may tell */
    }
    EXPECT(CUDA_ERROR_ILLEGAL_ADDRESS, cuCtxSynchronize());
    assert_non_null(strstr(printed, "illegal address")); /* what the device says of it */
    EXPECT(CUDA_ERROR_ILLEGAL_ADDRESS, cuMemAlloc(&pointer, 4));
    EXPECT(CUDA_ERROR_ILLEGAL_ADDRESS, cuMemcpyHtoD(pointer, &value, 4));
    EXPECT(CUDA_ERROR_ILLEGAL_ADDRESS, cuStreamQuery(stream));
    EXPECT(CUDA_ERROR_ILLEGAL_ADDRESS, cuEventSynchronize(event));
    EXPECT(CUDA_ERROR_ILLEGAL_ADDRESS, cuModuleLoadData(&module, text));
    OK(cuEventDestroy(event));
    OK(cuDevicePrimaryCtxReset(0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuStreamQuery(stream));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuModuleUnload(module));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemFreeHost(host));
    OK(cuMemAlloc(&pointer, 4));
    OK(cuMemcpyHtoD(pointer, &value, 4));
    value = 0;
    OK(cuMemcpyDtoH(&value, pointer, 4));
    assert_int_equal(value, 5);
}

/* The launch itself tells. */
static void test_launch_blocking(void **state)
{
    (void)state;
    load();
    bg_cuda_set_launch_blocking(true);
    EXPECT(CUDA_ERROR_ILLEGAL_ADDRESS, launch_wrong());
    bg_cuda_set_launch_blocking(false);
}

/* All streams of a context are a word each, and one that has work is waited for. */
static void test_idle_streams_cost_no_wait(void **state)
{
    CUdeviceptr pointer;

    (void)state;
    OK(cuMemAlloc(&pointer, 4));
    fake_carrier.waits = 0;
    OK(cuCtxSynchronize());
    assert_int_equal(fake_carrier.waits, 0);
    OK(cuMemsetD32(pointer, 1, 1));
    OK(cuCtxSynchronize());
    assert_in_range(fake_carrier.waits, 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_streams),
        BOTH(test_stream_of_another_context),
        BOTH(test_all_streams),
        RING(test_query),
        RING(test_default_stream),
        RING(test_destroyed_at_work),
        RING(test_events),
        BOTH(test_asking_for_events),
        BOTH(test_bad_events),
        RING(test_all_events),
        BOTH(test_fault),
        BOTH(test_launch_blocking),
        BOTH(test_print),
        RING(test_endless_print),
        RING(test_idle_streams_cost_no_wait),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
