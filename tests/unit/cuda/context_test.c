/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC) tests/fake/cuda_worker.c
// apart: $(GUEST_CUDA_SRC) firmware/vgpu/compute.c
// libs: -ldl
/* Initialization, devices and contexts. */
#include "tests/unit/cuda/fixture.h"

/* ---- Before cuInit ---- */

static int setup_without_init(void **state)
{
    (void)state;
    return add_device(HEAP_SIZE);
}

static void test_not_initialized(void **state)
{
    CUdevice device;
    CUcontext handle;
    int value;

    (void)state;
    EXPECT(CUDA_ERROR_NOT_INITIALIZED, cuDeviceGetCount(&value));
    EXPECT(CUDA_ERROR_NOT_INITIALIZED, cuDeviceGet(&device, 0));
    EXPECT(CUDA_ERROR_NOT_INITIALIZED, cuCtxGetCurrent(&handle));
    EXPECT(CUDA_ERROR_NOT_INITIALIZED, cuCtxSynchronize());
    EXPECT(CUDA_ERROR_NOT_INITIALIZED, cuDevicePrimaryCtxRetain(&handle, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuInit(1));
    OK(cuDriverGetVersion(&value));
    assert_int_equal(value, CUDA_VERSION);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuDriverGetVersion(NULL));
    OK(cuInit(0));
    OK(cuInit(0));
    OK(cuDeviceGetCount(&value));
    assert_int_equal(value, 1);
}

static void test_no_device(void **state)
{
    int count;

    (void)state;
    bg_cuda_remove_all();
    EXPECT(CUDA_ERROR_NO_DEVICE, cuInit(0));
    EXPECT(CUDA_ERROR_NOT_INITIALIZED, cuDeviceGetCount(&count));
}

static void test_worker_without_cuda(void **state)
{
    (void)state;
    fake_carrier.refused = 0x1100;
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, cuInit(0));
    fake_carrier.refused = 0;
    OK(cuInit(0)); /* when there is one */
}

/* Those that listen are devices; when none does, it can be tried again. */
static void test_nobody_listens(void **state)
{
    int count;

    (void)state;
    fake_carrier.is_lost = fake_carrier.is_gone = true;
    EXPECT(CUDA_ERROR_DEVICE_UNAVAILABLE, cuInit(0));
    EXPECT(CUDA_ERROR_DEVICE_UNAVAILABLE, cuInit(0));
    fake_carrier.is_gone = false;
    OK(cuInit(0));
    OK(cuDeviceGetCount(&count));
    assert_int_equal(count, 1);
}

/* What ordinary programs write. */
static void CUDA_CB free_host(void *memory_of_host)
{
    free(memory_of_host);
}

static void test_names(void **state)
{
    CUresult(CUDAAPI * init)(unsigned) = cuInit;
    CUhostFn host = free_host;
    CUdeviceptr_v2 pointer = 0;
    CUdevice_v1 device = CU_DEVICE_INVALID;
    CUmemGenericAllocationHandle handle = 0;

    (void)state;
    host(NULL);
    OK(init(0));
    EXPECT(CUDA_ERROR_INVALID_DEVICE, cuDeviceTotalMem(&(size_t){0}, device));
    EXPECT(CUDA_ERROR_INVALID_DEVICE, cuDeviceTotalMem(&(size_t){0}, CU_DEVICE_CPU));
    assert_int_equal(pointer, handle);
    assert_ptr_equal(CU_LAUNCH_PARAM_END, (void *)CU_LAUNCH_PARAM_END_AS_INT);
    assert_int_equal(CU_LAUNCH_PARAM_BUFFER_POINTER_AS_INT, 1);
    assert_int_equal(CU_LAUNCH_PARAM_BUFFER_SIZE_AS_INT, 2);
    assert_int_equal(CU_PARAM_TR_DEFAULT, -1);
    assert_int_equal(CU_IPC_HANDLE_SIZE, 64);
}

/* ---- Devices ---- */

static void test_devices(void **state)
{
    CUdevice device = -1, other;
    char name[64], short_name[5];
    size_t bytes;
    CUuuid uuid;
    int value, major, minor;

    (void)state;
    OK(cuDeviceGet(&device, 0));
    assert_int_equal(device, 0);
    EXPECT(CUDA_ERROR_INVALID_DEVICE, cuDeviceGet(&device, 1));
    EXPECT(CUDA_ERROR_INVALID_DEVICE, cuDeviceGet(&device, -1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuDeviceGet(NULL, 0));
    OK(cuDeviceGetName(name, sizeof(name), 0));
    assert_true(strlen(name) > 4);
    OK(cuDeviceGetName(short_name, sizeof(short_name), 0));
    assert_int_equal(strlen(short_name), 4);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuDeviceGetName(NULL, 10, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuDeviceGetName(name, 0, 0));
    EXPECT(CUDA_ERROR_INVALID_DEVICE, cuDeviceGetName(name, sizeof(name), 7));
    OK(cuDeviceTotalMem(&bytes, 0));
    assert_true(bytes > 0);
    OK(cuDeviceGetUuid(&uuid, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuDeviceGetUuid(NULL, 0));
    OK(cuDeviceComputeCapability(&major, &minor, 0));
    assert_true(major >= 5);
    OK(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_WARP_SIZE, 0));
    assert_int_equal(value, 32);
    OK(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 0));
    assert_int_equal(value, 0);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuDeviceGetAttribute(&value, (CUdevice_attribute)0, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_MAX, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuDeviceGetAttribute(NULL, CU_DEVICE_ATTRIBUTE_WARP_SIZE, 0));
    OK(cuDeviceCanAccessPeer(&value, 0, 0));
    assert_int_equal(value, 0);
    EXPECT(CUDA_ERROR_INVALID_DEVICE, cuDeviceCanAccessPeer(&value, 0, 1));
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, cuDeviceGetLuid(name, NULL, 0));
    OK(cuDeviceGetPCIBusId(name, sizeof(name), 0));
    assert_string_equal(name, "0000:1a:02.0");
    OK(cuDeviceGetByPCIBusId(&other, "1A:02"));
    assert_int_equal(other, 0);
    EXPECT(CUDA_ERROR_INVALID_DEVICE, cuDeviceGetByPCIBusId(&other, "0000:1a:03.0"));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuDeviceGetByPCIBusId(&other, NULL));
}

static void test_error_names(void **state)
{
    const char *text;

    (void)state;
    OK(cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
    assert_string_equal(text, "CUDA_ERROR_ILLEGAL_ADDRESS");
    OK(cuGetErrorString(CUDA_SUCCESS, &text));
    assert_string_equal(text, "no error");
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGetErrorName((CUresult)12345, &text));
    assert_null(text);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGetErrorString(CUDA_SUCCESS, NULL));
}

/* ---- Contexts ---- */

static void test_stack(void **state)
{
    CUcontext first, second, current;
    CUdevice device;

    (void)state;
    OK(cuCtxCreate(&first, NULL, 0, 0));
    OK(cuCtxCreate_v2(&second, CU_CTX_SCHED_YIELD, 0));
    OK(cuCtxGetCurrent(&current));
    assert_ptr_equal(current, second);
    OK(cuCtxGetDevice(&device));
    assert_int_equal(device, 0);
    OK(cuCtxPushCurrent(first));
    OK(cuCtxPopCurrent(&current));
    assert_ptr_equal(current, first);
    OK(cuCtxDestroy(first)); /* below the top: found when it comes up */
    OK(cuCtxPopCurrent(&current));
    assert_ptr_equal(current, second);
    EXPECT(CUDA_ERROR_CONTEXT_IS_DESTROYED, cuCtxSynchronize());
    EXPECT(CUDA_ERROR_CONTEXT_IS_DESTROYED, cuCtxPopCurrent(NULL));
    OK(cuCtxGetCurrent(&current));
    assert_ptr_equal(current, context);
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuCtxPushCurrent(first));
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuCtxDestroy(first));
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuCtxSetCurrent(NO_HANDLE(CUcontext)));
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuCtxDestroy(context)); /* the primary one */
    OK(cuCtxDestroy(second));
    OK(cuCtxSetCurrent(NULL));
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuCtxSynchronize());
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuCtxPopCurrent(&current));
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuCtxGetDevice(&device));
    OK(cuCtxGetCurrent(&current));
    assert_null(current);
}

static void test_stack_depth(void **state)
{
    unsigned depth = 1; /* the primary one */
    CUcontext unused;

    (void)state;
    while (cuCtxPushCurrent(context) == CUDA_SUCCESS) {
        depth++;
    }
    assert_int_equal(depth, 64);
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, cuCtxCreate_v2(&unused, 0, 0));
}

static void test_creating_badly(void **state)
{
    CUexecAffinityParam affinity = {.type = CU_EXEC_AFFINITY_TYPE_SM_COUNT};
    CUctxCreateParams params = {.execAffinityParams = &affinity, .numExecAffinityParams = 1};
    CUcontext handle;

    (void)state;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuCtxCreate_v2(NULL, 0, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuCtxCreate_v2(&handle, 1u << 20, 0));
    EXPECT(CUDA_ERROR_INVALID_DEVICE, cuCtxCreate_v2(&handle, 0, 1));
    EXPECT(CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY, cuCtxCreate(&handle, &params, 0, 0));
    EXPECT(CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY, cuCtxCreate_v3(&handle, &affinity, 1, 0, 0));
}

static void test_primary(void **state)
{
    CUcontext again;
    unsigned flags;
    int active;

    (void)state;
    OK(cuDevicePrimaryCtxRetain(&again, 0));
    assert_ptr_equal(again, context);
    OK(cuDevicePrimaryCtxSetFlags(0, CU_CTX_SCHED_SPIN));
    OK(cuDevicePrimaryCtxGetState(0, &flags, &active));
    assert_int_equal(flags, CU_CTX_SCHED_SPIN);
    assert_int_equal(active, 1);
    OK(cuCtxGetFlags(&flags));
    assert_int_equal(flags, CU_CTX_SCHED_SPIN);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuDevicePrimaryCtxSetFlags(0, 1u << 20));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuDevicePrimaryCtxGetState(0, NULL, &active));
    EXPECT(CUDA_ERROR_INVALID_DEVICE, cuDevicePrimaryCtxRetain(&again, 3));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuDevicePrimaryCtxRetain(NULL, 0));
    OK(cuDevicePrimaryCtxRelease(0));
    OK(cuCtxSynchronize());
    OK(cuDevicePrimaryCtxRelease(0));
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuDevicePrimaryCtxRelease(0));
    EXPECT(CUDA_ERROR_CONTEXT_IS_DESTROYED, cuCtxSynchronize());
    OK(cuDevicePrimaryCtxGetState(0, &flags, &active));
    assert_int_equal(active, 0);
}

static void test_what_contexts_say(void **state)
{
    unsigned long long first, second;
    unsigned version;
    int least, greatest;
    CUcontext other;

    (void)state;
    OK(cuCtxGetId(NULL, &first));
    OK(cuCtxCreate_v2(&other, 0, 0));
    OK(cuCtxGetId(other, &second));
    assert_true(first != second);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuCtxGetId(other, NULL));
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuCtxGetId(NO_HANDLE(CUcontext), &second));
    OK(cuCtxGetApiVersion(other, &version));
    assert_int_equal(version, CUDA_VERSION);
    OK(cuCtxGetStreamPriorityRange(&least, &greatest));
    assert_true(least >= greatest);
    OK(cuCtxGetStreamPriorityRange(NULL, NULL));
    OK(cuCtxSynchronize_v2(context));
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuCtxSynchronize_v2(NO_HANDLE(CUcontext)));
}

/* What is in a context goes with it. */
static void test_destroying_all(void **state)
{
    CUcontext other;
    CUdeviceptr pointer;
    CUstream stream;
    CUevent event;
    void *host;

    (void)state;
    OK(cuCtxCreate_v2(&other, 0, 0));
    OK(cuMemAlloc(&pointer, 1000));
    OK(cuMemAllocHost(&host, 1000));
    OK(cuStreamCreate(&stream, 0));
    OK(cuEventCreate(&event, 0));
    OK(cuCtxDestroy(other));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuStreamSynchronize(stream));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuEventSynchronize(event));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemFree(pointer));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemFreeHost(host));
}

static void test_reset(void **state)
{
    CUdeviceptr pointer;
    CUstream stream;

    (void)state;
    OK(cuMemAlloc(&pointer, 1000));
    OK(cuStreamCreate(&stream, 0));
    OK(cuDevicePrimaryCtxReset(0));
    EXPECT(CUDA_ERROR_INVALID_DEVICE, cuDevicePrimaryCtxReset(1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemFree(pointer));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuStreamQuery(stream));
    OK(cuMemAlloc(&pointer, 1000));
}

/* ---- A worker that is gone ---- */

static void test_loss(void **state)
{
    CUdeviceptr pointer, other_pointer;
    CUcontext other;
    CUstream stream;

    (void)state;
    OK(cuMemAlloc(&pointer, 1000));
    OK(cuStreamCreate(&stream, 0));
    fake_carrier.is_lost = true;
    EXPECT(CUDA_ERROR_DEVICE_UNAVAILABLE, cuMemsetD8(pointer, 1, 1000));
    EXPECT(CUDA_ERROR_DEVICE_UNAVAILABLE, cuMemAlloc(&other_pointer, 1000));
    EXPECT(CUDA_ERROR_DEVICE_UNAVAILABLE, cuCtxSynchronize());
    EXPECT(CUDA_ERROR_DEVICE_UNAVAILABLE, cuStreamSynchronize(stream));
    OK(cuStreamDestroy(stream));
    OK(cuCtxCreate_v2(&other, 0, 0)); /* a session of its own */
    OK(cuMemAlloc(&other_pointer, 1000));
    OK(cuCtxPopCurrent(NULL));
    EXPECT(CUDA_ERROR_DEVICE_UNAVAILABLE, cuCtxSynchronize());
    OK(cuDevicePrimaryCtxReset(0));
    OK(cuCtxSynchronize());
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemFree(pointer + 1));
    OK(cuMemAlloc(&pointer, 1000));
}

/* A worker that says more than it gives. */
static void test_short_answer(void **state)
{
    size_t available, total;

    (void)state;
    fake_carrier.cuts = true;
    EXPECT(CUDA_ERROR_UNKNOWN, cuMemGetInfo(&available, &total));
    fake_carrier.cuts = false;
    EXPECT(CUDA_ERROR_UNKNOWN, cuMemGetInfo(&available, &total));
    OK(cuDevicePrimaryCtxReset(0));
    OK(cuDevicePrimaryCtxRetain(&context, 0));
    OK(cuCtxSetCurrent(context));
    OK(cuMemGetInfo(&available, &total));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_not_initialized, setup_without_init, teardown),
        cmocka_unit_test_setup_teardown(test_no_device, setup_without_init, teardown),
        cmocka_unit_test_setup_teardown(test_worker_without_cuda, setup_without_init, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_listens, setup_without_init, teardown),
        RING(test_names),
        BOTH(test_devices),
        RING(test_error_names),
        RING(test_stack),
        RING(test_stack_depth),
        RING(test_creating_badly),
        BOTH(test_primary),
        RING(test_what_contexts_say),
        BOTH(test_destroying_all),
        BOTH(test_reset),
        BOTH(test_loss),
        BOTH(test_short_answer),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
