/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(CUDA_CPU_HERE_SRC) tests/unit/cuda-cpu/driver_fixture.c
// libs: -ldl
/* The driver API of the CPU device: contexts, modules, memory, copies, launches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/driver_fixture.h"

static const char module_text[] =
    ".version 8.0\n.target sm_90\n.address_size 64\n"
    ".visible .global .align 4 .b32 counter = 5;\n"
    ".visible .entry add(.param .u64 c, .param .u64 a, .param .u64 b, .param .u32 n)\n{\n"
    ".reg .pred %p; .reg .b32 %r<6>; .reg .b64 %rd<8>; .reg .f32 %f<4>;\n"
    "mov.u32 %r1, %ctaid.x; mov.u32 %r2, %ntid.x; mov.u32 %r3, %tid.x;\n"
    "mad.lo.u32 %r4, %r1, %r2, %r3; ld.param.u32 %r5, [n];\n"
    "setp.ge.u32 %p, %r4, %r5; @%p ret; mul.wide.u32 %rd1, %r4, 4;\n"
    "ld.param.u64 %rd2, [a]; ld.param.u64 %rd3, [b]; ld.param.u64 %rd4, [c];\n"
    "add.s64 %rd2, %rd2, %rd1; add.s64 %rd3, %rd3, %rd1; add.s64 %rd4, %rd4, %rd1;\n"
    "ld.global.f32 %f1, [%rd2]; ld.global.f32 %f2, [%rd3]; add.f32 %f3, %f1, %f2;\n"
    "st.global.f32 [%rd4], %f3; ret; }\n"
    ".visible .entry trap_it() { trap; ret; }\n"
    ".visible .entry bounded() .maxntid 64, 1, 1 { ret; }\n"
    ".visible .entry store(.param .u64 p) { .reg .b64 %rd; ld.param.u64 %rd, [p]; "
    "st.u32 [%rd], 7; ret; }\n";

static int setup(void **state)
{
    (void)state;
    open_device(module_text);
    return 0;
}

/* ---- Before anything ---- */

static void test_not_initialized(void **state)
{
    int count;

    (void)state;
    assert_int_equal(cuDeviceGetCount(&count), CUDA_ERROR_NOT_INITIALIZED);
    assert_int_equal(cuInit(1), CUDA_ERROR_INVALID_VALUE);
    OK(cuDriverGetVersion(&count));
    assert_int_equal(count, CUDA_VERSION);
}

static void test_errors(void **state)
{
    const char *text;

    (void)state;
    OK(cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
    assert_string_equal(text, "CUDA_ERROR_ILLEGAL_ADDRESS");
    OK(cuGetErrorString(CUDA_SUCCESS, &text));
    assert_string_equal(text, "no error");
    assert_int_equal(cuGetErrorName((CUresult)12345, &text), CUDA_ERROR_INVALID_VALUE);
    assert_null(text);
    assert_int_equal(cuGetErrorName(CUDA_SUCCESS, NULL), CUDA_ERROR_INVALID_VALUE);
}

/* ---- Devices ---- */

static void test_device(void **state)
{
    char name[64], little[4];
    CUdevice device;
    size_t bytes;
    int value;

    (void)state;
    OK(cuInit(0));
    OK(cuDeviceGetCount(&value));
    assert_int_equal(value, 1);
    OK(cuDeviceGet(&device, 0));
    assert_int_equal(cuDeviceGet(&device, 1), CUDA_ERROR_INVALID_DEVICE);
    OK(cuDeviceGetName(name, sizeof(name), 0));
    assert_string_equal(name, "baregpu CPU device (sm_90)");
    OK(cuDeviceGetName(little, sizeof(little), 0));
    assert_string_equal(little, "bar");
    OK(cuDeviceTotalMem(&bytes, 0));
    assert_true(bytes > 0);
    OK(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 0));
    assert_int_equal(value, 9);
    OK(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_WARP_SIZE, 0));
    assert_int_equal(value, 32);
    OK(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_WIDTH, 0));
    assert_int_equal(value, 131072);
    OK(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_ECC_ENABLED, 0));
    assert_int_equal(value, 0);
    assert_int_equal(cuDeviceGetAttribute(&value, (CUdevice_attribute)0, 0),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_WARP_SIZE, 3),
                     CUDA_ERROR_INVALID_DEVICE);
}

static void test_properties(void **state)
{
    CUdevprop properties;
    int shared;

    (void)state;
    memset(&properties, 0xFF, sizeof(properties));
    OK(cuDeviceGetProperties(&properties, 0));
    OK(cuDeviceGetAttribute(&shared, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, 0));
    assert_int_equal(properties.maxThreadsPerBlock, 1024);
    assert_int_equal(properties.maxThreadsDim[2], 64);
    assert_int_equal(properties.maxGridSize[1], 65535);
    assert_int_equal(properties.sharedMemPerBlock, shared);
    assert_int_equal(properties.SIMDWidth, 32);
    assert_int_equal(properties.textureAlign, 512);
    assert_int_equal(cuDeviceGetProperties(&properties, 1), CUDA_ERROR_INVALID_DEVICE);
    assert_int_equal(cuDeviceGetProperties(NULL, 0), CUDA_ERROR_INVALID_VALUE);
}

/* ---- Contexts ---- */

static void test_contexts(void **state)
{
    CUcontext first, second, current;
    CUdeviceptr pointer;
    CUdevice device;

    (void)state;
    assert_int_equal(cuMemAlloc(&pointer, 4), CUDA_ERROR_INVALID_CONTEXT);
    OK(cuCtxGetCurrent(&current));
    assert_null(current);
    OK(cuCtxCreate(&first, NULL, 0, 0));
    OK(cuCtxCreate_v2(&second, CU_CTX_SCHED_SPIN, 0));
    OK(cuCtxGetCurrent(&current));
    assert_ptr_equal(current, second);
    OK(cuCtxGetDevice(&device));
    OK(cuCtxPopCurrent(&current));
    assert_ptr_equal(current, second);
    OK(cuCtxGetCurrent(&current));
    assert_ptr_equal(current, first);
    OK(cuCtxPushCurrent(second));
    OK(cuCtxDestroy(first));
    OK(cuCtxPopCurrent(NULL));
    assert_int_equal(cuMemAlloc(&pointer, 4), CUDA_ERROR_CONTEXT_IS_DESTROYED);
    assert_int_equal(cuCtxSetCurrent(first), CUDA_ERROR_INVALID_CONTEXT);
    assert_int_equal(cuCtxDestroy(first), CUDA_ERROR_INVALID_CONTEXT);
    OK(cuCtxSetCurrent(NULL));
    OK(cuCtxDestroy(second));
    assert_int_equal(cuCtxCreate_v2(&first, 0, 1), CUDA_ERROR_INVALID_DEVICE);
    assert_int_equal(cuCtxPopCurrent(NULL), CUDA_ERROR_INVALID_CONTEXT);
}

static void test_attached(void **state)
{
    CUcontext context, other, attached;

    (void)state;
    assert_int_equal(cuCtxAttach(&attached, 0), CUDA_ERROR_INVALID_CONTEXT);
    assert_int_equal(cuCtxDetach(NULL), CUDA_ERROR_INVALID_CONTEXT);
    OK(cuCtxCreate(&other, NULL, 0, 0));
    OK(cuCtxCreate(&context, NULL, 0, 0));
    assert_int_equal(cuCtxAttach(&attached, 1), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuCtxAttach(NULL, 0), CUDA_ERROR_INVALID_VALUE);
    OK(cuCtxAttach(&attached, 0));
    assert_ptr_equal(attached, context);
    assert_int_equal(cuCtxDetach(other), CUDA_ERROR_INVALID_CONTEXT); /* it is not current */
    OK(cuCtxDetach(context));
    OK(cuCtxSynchronize());
    OK(cuCtxDetach(context));
    assert_int_equal(cuCtxPushCurrent(context), CUDA_ERROR_INVALID_CONTEXT);
    OK(cuCtxDetach(other)); /* which is current again */
    OK(cuDevicePrimaryCtxRetain(&context, 0));
    OK(cuCtxSetCurrent(context));
    OK(cuCtxAttach(&attached, 0));
    OK(cuCtxDetach(context));
    assert_int_equal(cuCtxDetach(context), CUDA_ERROR_INVALID_CONTEXT);
    OK(cuCtxSetCurrent(NULL));
    OK(cuDevicePrimaryCtxRelease(0));
}

static void test_primary(void **state)
{
    CUcontext context, again;
    unsigned flags;
    int active;

    (void)state;
    assert_int_equal(cuDevicePrimaryCtxRelease(0), CUDA_ERROR_INVALID_CONTEXT);
    OK(cuDevicePrimaryCtxGetState(0, &flags, &active));
    assert_false(active);
    OK(cuDevicePrimaryCtxRetain(&context, 0));
    OK(cuDevicePrimaryCtxRetain(&again, 0));
    assert_ptr_equal(context, again);
    assert_int_equal(cuCtxDestroy(context), CUDA_ERROR_INVALID_CONTEXT);
    OK(cuDevicePrimaryCtxRelease(0));
    OK(cuDevicePrimaryCtxGetState(0, &flags, &active));
    assert_true(active);
    OK(cuDevicePrimaryCtxRelease(0));
    assert_int_equal(cuCtxSetCurrent(context), CUDA_ERROR_INVALID_CONTEXT);
}

/* ---- Memory ---- */

static void test_memory(void **state)
{
    CUdeviceptr pointer, other;
    size_t before, after, total;
    uint8_t bytes[256] = {1, 2, 3}, back[256];

    (void)state;
    OK(cuMemGetInfo(&before, &total));
    OK(cuMemAlloc(&pointer, sizeof(bytes)));
    OK(cuMemGetInfo(&after, &total));
    assert_int_equal(before - after, sizeof(bytes));
    OK(cuMemcpyHtoD(pointer, bytes, sizeof(bytes)));
    OK(cuMemAlloc(&other, sizeof(bytes)));
    OK(cuMemcpyDtoD(other, pointer, sizeof(bytes)));
    OK(cuMemcpyDtoH(back, other, sizeof(back)));
    assert_memory_equal(back, bytes, sizeof(back));
    assert_int_equal(cuMemcpyHtoD(pointer + 1, bytes, sizeof(bytes)), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemcpyDtoH(back, pointer - 1, 1), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemAlloc(&pointer, 0), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemAlloc(&pointer, SIZE_MAX), CUDA_ERROR_OUT_OF_MEMORY);
    OK(cuMemFree(other));
    assert_int_equal(cuMemFree(other), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemcpyDtoH(back, other, 1), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemFree(pointer + 8), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemFree(0));
} /* pointer goes with the context */

static void test_registered(void **state)
{
    static uint32_t words[4];
    CUdeviceptr pointer;
    void *parameters[] = {&pointer};

    (void)state;
    OK(cuMemHostRegister(words, sizeof(words), CU_MEMHOSTREGISTER_DEVICEMAP));
    assert_int_equal(cuMemHostRegister(words + 1, 4, 0), CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
    OK(cuMemHostGetDevicePointer(&pointer, words, 0));
    OK(cuLaunchKernel(function("store"), 1, 1, 1, 1, 1, 1, 0, NULL, parameters, NULL));
    OK(cuCtxSynchronize());
    assert_int_equal(words[0], 7);
    OK(cuMemHostUnregister(words));
    assert_int_equal(cuMemHostUnregister(words), CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
    assert_int_equal(cuMemHostRegister(NULL, 4, 0), CUDA_ERROR_INVALID_VALUE);
}

/* Pages that no kernel could touch. */
static void test_registered_pages(void **state)
{
    size_t page = (size_t)sysconf(_SC_PAGE_SIZE);
    unsigned char *pages =
        mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_ptr_not_equal(pages, MAP_FAILED);
    OK(cuMemHostRegister(pages + page - 1, page + 2, 0));
    OK(cuMemHostUnregister(pages + page - 1));
    assert_return_code(mprotect(pages + page, page, PROT_READ), 0);
    assert_int_equal(cuMemHostRegister(pages, 3 * page, 0), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemHostRegister(pages, 3 * page, CU_MEMHOSTREGISTER_READ_ONLY));
    OK(cuMemHostUnregister(pages));
    assert_return_code(munmap(pages + page, page), 0);
    assert_int_equal(cuMemHostRegister(pages + page - 1, 2, 0), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemHostRegister(pages, 3 * page, CU_MEMHOSTREGISTER_READ_ONLY),
                     CUDA_ERROR_INVALID_VALUE);
    OK(cuMemHostRegister(pages, page, 0));
    OK(cuMemHostUnregister(pages));
    assert_return_code(munmap(pages, 3 * page), 0);
}

/* What was there before, of the process, is not seen. */
static void test_fresh_memory_is_zero(void **state)
{
    static const unsigned char zeros[4000];
    unsigned char bytes[sizeof(zeros)];
    CUdeviceptr pointer;

    (void)state;
    for (int i = 0; i < 10; i++) {
        memset(bytes, 0xFF, sizeof(bytes));
        OK(cuMemAlloc(&pointer, sizeof(bytes)));
        OK(cuMemcpyDtoH(bytes, pointer, sizeof(bytes)));
        assert_memory_equal(bytes, zeros, sizeof(bytes));
        OK(cuMemsetD8(pointer, 0xEE, sizeof(bytes)));
        OK(cuMemFree(pointer));
    }
}

/* More than is copied at once, and no multiple of it. */
static void test_set_much(void **state)
{
    enum { COUNT = 10001 };
    uint16_t *halves = malloc(COUNT * sizeof(*halves));
    uint32_t *words = malloc(COUNT * sizeof(*words));
    CUdeviceptr pointer;

    (void)state;
    OK(cuMemAlloc(&pointer, COUNT * sizeof(*words)));
    OK(cuMemsetD16(pointer, 0x1234, COUNT));
    OK(cuMemcpyDtoH(halves, pointer, COUNT * sizeof(*halves)));
    OK(cuMemsetD32(pointer, 0x12345678, COUNT));
    OK(cuMemcpyDtoH(words, pointer, COUNT * sizeof(*words)));
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(halves[i], 0x1234);
        assert_int_equal(words[i], 0x12345678);
    }
    free(halves);
    free(words);
}

static void test_set(void **state)
{
    uint32_t words[16];
    CUdeviceptr pointer;

    (void)state;
    OK(cuMemAlloc(&pointer, sizeof(words)));
    OK(cuMemsetD8(pointer, 0x11, sizeof(words)));
    OK(cuMemsetD16(pointer, 0x2222, 2));
    OK(cuMemsetD32(pointer + 8, 0x33445566, 1));
    OK(cuMemsetD2D32(pointer + 16, 16, 9, 2, 3));
    OK(cuMemcpyDtoH(words, pointer, sizeof(words)));
    assert_int_equal(words[0], 0x22222222);
    assert_int_equal(words[1], 0x11111111);
    assert_int_equal(words[2], 0x33445566);
    for (int i = 4; i < 16; i++) {
        assert_int_equal(words[i], i % 4 < 2 ? 9 : 0x11111111);
    }
    assert_int_equal(cuMemsetD32(pointer + 2, 0, 1), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemsetD8(pointer, 0, 65), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemsetD32(pointer, 0, SIZE_MAX / 2), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemsetD2D8(pointer, 4, 0, 8, 2), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemsetD2D8(pointer, SIZE_MAX / 2, 0, 8, 3), CUDA_ERROR_INVALID_VALUE);
}

/* Rows of 3 in slices of 2, out of a box of 8 by 4 by 2 in the device. */
static void test_boxes(void **state)
{
    uint8_t box[64], got[12];
    CUdeviceptr pointer;
    CUDA_MEMCPY3D copy = {
        .srcMemoryType = CU_MEMORYTYPE_DEVICE,
        .srcXInBytes = 2,
        .srcY = 1,
        .srcPitch = 8,
        .srcHeight = 4,
        .dstMemoryType = CU_MEMORYTYPE_HOST,
        .dstHost = got,
        .dstPitch = 3,
        .dstHeight = 2,
        .WidthInBytes = 3,
        .Height = 2,
        .Depth = 2,
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(box); i++) {
        box[i] = (uint8_t)i;
    }
    OK(cuMemAlloc(&pointer, sizeof(box)));
    OK(cuMemcpyHtoD(pointer, box, sizeof(box)));
    copy.srcDevice = pointer;
    OK(cuMemcpy3D(&copy));
    for (unsigned i = 0; i < 12; i++) {
        assert_int_equal(got[i], i / 6 * 32 + (1 + i / 3 % 2) * 8 + 2 + i % 3);
    }
    copy.srcZ = 1;
    assert_int_equal(cuMemcpy3D(&copy), CUDA_ERROR_INVALID_VALUE);
    copy.srcZ = 0;
    copy.srcXInBytes = 6;
    assert_int_equal(cuMemcpy3D(&copy), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemcpy3D(NULL), CUDA_ERROR_INVALID_VALUE);
}

static void test_peer_box(void **state)
{
    CUDA_MEMCPY3D_PEER copy = {
        .srcMemoryType = CU_MEMORYTYPE_DEVICE,
        .srcPitch = 4,
        .dstMemoryType = CU_MEMORYTYPE_DEVICE,
        .dstPitch = 2,
        .WidthInBytes = 2,
        .Height = 2,
        .Depth = 1,
    };
    char back[4];

    (void)state;
    OK(cuCtxGetCurrent(&copy.srcContext));
    copy.dstContext = copy.srcContext;
    OK(cuMemAlloc(&copy.srcDevice, 8));
    OK(cuMemAlloc(&copy.dstDevice, 4));
    OK(cuMemcpyHtoD(copy.srcDevice, "ab..cd..", 8));
    OK(cuMemcpy3DPeer(&copy));
    OK(cuMemcpyDtoH(back, copy.dstDevice, 4));
    assert_memory_equal(back, "abcd", 4);
    copy.dstContext = (CUcontext)(void *)back;
    assert_int_equal(cuMemcpy3DPeerAsync(&copy, NULL), CUDA_ERROR_INVALID_CONTEXT);
    assert_int_equal(cuMemcpy3DPeer(NULL), CUDA_ERROR_INVALID_VALUE);
}

/* ---- Modules ---- */

static void test_modules(void **state)
{
    CUfunction got;
    CUmodule bad;
    CUdeviceptr pointer;
    size_t size;
    int value;

    (void)state;
    assert_int_equal(cuModuleLoadData(&bad, "nonsense"), CUDA_ERROR_INVALID_PTX);
    assert_int_equal(cuModuleLoadData(&bad, NULL), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuModuleGetFunction(&got, module, "none"), CUDA_ERROR_NOT_FOUND);
    assert_int_equal(cuModuleGetFunction(&got, (CUmodule)primary, "add"),
                     CUDA_ERROR_INVALID_HANDLE);
    OK(cuModuleGetGlobal(&pointer, &size, module, "counter"));
    assert_int_equal(size, 4);
    OK(cuMemcpyDtoH(&value, pointer, 4));
    assert_int_equal(value, 5);
    assert_int_equal(cuModuleGetGlobal(&pointer, &size, module, "none"), CUDA_ERROR_NOT_FOUND);
    got = function("add");
    OK(cuModuleUnload(module));
    assert_int_equal(cuModuleUnload(module), CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(cuLaunchKernel(got, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL),
                     CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(cuMemcpyDtoH(&value, pointer, 4), CUDA_ERROR_INVALID_VALUE);
}

/* ---- Launches ---- */

#define COUNT 1000

static CUdeviceptr device_copy(const void *bytes, size_t size)
{
    CUdeviceptr pointer;

    OK(cuMemAlloc(&pointer, size));
    OK(cuMemcpyHtoD(pointer, bytes, size));
    return pointer;
}

static void test_launch(void **state)
{
    float a[COUNT], b[COUNT], c[COUNT] = {0};
    uint32_t count = COUNT;
    CUdeviceptr pointers[3];
    void *parameters[] = {&pointers[0], &pointers[1], &pointers[2], &count};
    unsigned char packed[28];
    size_t packed_size = sizeof(packed);
    void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, packed, CU_LAUNCH_PARAM_BUFFER_SIZE,
                     &packed_size, CU_LAUNCH_PARAM_END};
    CUstream stream;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        a[i] = (float)i;
        b[i] = 0.5f;
    }
    pointers[1] = device_copy(a, sizeof(a));
    pointers[2] = device_copy(b, sizeof(b));
    OK(cuMemAlloc(&pointers[0], sizeof(c)));
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cuLaunchKernel(function("add"), 8, 1, 1, 128, 1, 1, 0, stream, parameters, NULL));
    OK(cuMemcpyDtoHAsync(c, pointers[0], sizeof(c), stream));
    OK(cuStreamSynchronize(stream));
    for (int i = 0; i < COUNT; i++) {
        assert_true(c[i] == (float)i + 0.5f);
    }
    pointers[2] = pointers[0];
    memcpy(packed, pointers, sizeof(pointers));
    memcpy(packed + sizeof(pointers), &count, sizeof(count));
    OK(cuLaunchKernel(function("add"), 8, 1, 1, 128, 1, 1, 0, stream, NULL, extra));
    OK(cuMemcpyDtoHAsync(c, pointers[0], sizeof(c), stream));
    assert_true(c[7] == 14.5f);
    OK(cuStreamDestroy(stream));
    assert_int_equal(cuStreamSynchronize(stream), CUDA_ERROR_INVALID_HANDLE);
}

static void test_bad_launches(void **state)
{
    CUdeviceptr pointer = 0;
    void *parameters[] = {&pointer};
    CUfunction store = function("store");

    (void)state;
    assert_int_equal(cuLaunchKernel(store, 0, 1, 1, 1, 1, 1, 0, NULL, parameters, NULL),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuLaunchKernel(store, 1, 1, 1, 1025, 1, 1, 0, NULL, parameters, NULL),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuLaunchKernel(store, 1, 1, 1, 1, 1, 65, 0, NULL, parameters, NULL),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuLaunchKernel(store, 1, 65536, 1, 1, 1, 1, 0, NULL, parameters, NULL),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuLaunchKernel(store, 1, 1, 1, 1, 1, 1, 49153, NULL, parameters, NULL),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuLaunchKernel(store, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuLaunchKernel(function("bounded"), 1, 1, 1, 65, 1, 1, 0, NULL, NULL, NULL),
                     CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
    assert_int_equal(cuLaunchKernel(NULL, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL),
                     CUDA_ERROR_INVALID_HANDLE);
    OK(cuCtxSynchronize());
}

/* ---- Errors that stay ---- */

static void expect_poison(const char *name, uint64_t address, CUresult expected)
{
    CUdeviceptr pointer = address;
    void *parameters[] = {&pointer};
    CUstream stream;

    setup(NULL);
    OK(cuStreamCreate(&stream, 0));
    OK(cuLaunchKernel(function(name), 1, 1, 1, 32, 1, 1, 0, stream, parameters, NULL));
    assert_int_equal(cuStreamSynchronize(stream), expected);
    assert_int_equal(cuMemAlloc(&pointer, 4), expected);
    assert_int_equal(cuStreamQuery(stream), expected);
    assert_int_equal(cuCtxSynchronize(), expected);
    OK(cuDevicePrimaryCtxReset(0));
    OK(cuMemAlloc(&pointer, 4));
    OK(cuMemFree(pointer));
    close_device(NULL);
}

static void test_poison(void **state)
{
    (void)state;
    expect_poison("store", 16, CUDA_ERROR_ILLEGAL_ADDRESS);
    expect_poison("store", 17, CUDA_ERROR_MISALIGNED_ADDRESS);
    expect_poison("trap_it", 0, CUDA_ERROR_LAUNCH_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_initialized),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_device),
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_contexts),
        cmocka_unit_test(test_attached),
        cmocka_unit_test(test_primary),
        cmocka_unit_test_setup_teardown(test_memory, setup, close_device),
        cmocka_unit_test_setup_teardown(test_registered, setup, close_device),
        cmocka_unit_test_setup_teardown(test_registered_pages, setup, close_device),
        cmocka_unit_test_setup_teardown(test_set, setup, close_device),
        cmocka_unit_test_setup_teardown(test_set_much, setup, close_device),
        cmocka_unit_test_setup_teardown(test_fresh_memory_is_zero, setup, close_device),
        cmocka_unit_test_setup_teardown(test_boxes, setup, close_device),
        cmocka_unit_test_setup_teardown(test_peer_box, setup, close_device),
        cmocka_unit_test_setup_teardown(test_modules, setup, close_device),
        cmocka_unit_test_setup_teardown(test_launch, setup, close_device),
        cmocka_unit_test_setup_teardown(test_bad_launches, setup, close_device),
        cmocka_unit_test(test_poison),
    };

    setenv("BAREGPU_CUDA_THREADS", getenv("TEST_CUDA_THREADS") ?: "0", 1);
    setenv("BAREGPU_CUDA_CACHE", "0", 1);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
