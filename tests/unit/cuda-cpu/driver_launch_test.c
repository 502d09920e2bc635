/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(CUDA_CPU_HERE_SRC) tests/unit/cuda-cpu/driver_fixture.c
// libs: -ldl
/* Launches of the CPU device with attributes and time limits, files, and functions that are found
 * by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/driver_fixture.h"

/* Each block counts itself, and one that is to meet all others waits until they have. */
static const char module_text[] =
    ".version 8.0\n.target sm_90\n.address_size 64\n"
    ".visible .entry meet(.param .u64 p) { .reg .b64 %rd; .reg .b32 %r<4>; .reg .pred %p;\n"
    "ld.param.u64 %rd, [p]; mov.u32 %r1, %nctaid.x; atom.add.u32 %r2, [%rd], 1;\n"
    "L: ld.volatile.u32 %r3, [%rd]; setp.lt.u32 %p, %r3, %r1; @%p bra L; ret; }\n"
    /* As NVIDIA's grid_group::sync: a bit that changes when all have come. */
    ".visible .entry wait_for_grid(.param .u64 p) { .reg .b64 %rd<4>; .reg .b32 %r<9>;\n"
    ".reg .pred %p; ld.param.u64 %rd1, [p]; mov.u32 %r1, %envreg1; mov.u32 %r2, %envreg2;\n"
    "cvt.u64.u32 %rd2, %r1; cvt.u64.u32 %rd3, %r2; bfi.b64 %rd2, %rd2, %rd3, 32, 32;\n"
    "mov.u32 %r3, %ctaid.x; mov.u32 %r4, %nctaid.x; sub.u32 %r4, 0x80000001, %r4;\n"
    "setp.eq.u32 %p, %r3, 0; selp.b32 %r4, %r4, 1, %p;\n"
    "atom.add.u32 %r5, [%rd1], 1; add.u64 %rd2, %rd2, 4;\n"
    "atom.add.release.gpu.u32 %r6, [%rd2], %r4;\n"
    "L: ld.acquire.gpu.u32 %r7, [%rd2]; xor.b32 %r7, %r7, %r6;\n"
    "setp.gt.s32 %p, %r7, -1; @%p bra L;\n"
    "ld.volatile.u32 %r8, [%rd1]; atom.min.u32 %r5, [%rd1+4], %r8; ret; }\n"
    ".visible .entry workspace(.param .u64 p) { .reg .b64 %rd; .reg .b32 %r<3>;\n"
    "ld.param.u64 %rd, [p]; mov.u32 %r1, %envreg1; mov.u32 %r2, %envreg2;\n"
    "st.u32 [%rd], %r1; st.u32 [%rd+4], %r2; ret; }\n"
    /* Both have a barrier; the second one's lanes wait for each other, too. */
    ".visible .entry whole_blocks() { bar.sync 0; ret; }\n"
    ".visible .entry warps() { .reg .b32 %r<3>; .reg .pred %p; mov.u32 %r1, %tid.x;\n"
    "bar.sync 0; setp.gt.u32 %p, %r1, 31; @%p bra E;\n"
    "shfl.sync.down.b32 %r2, %r1, 1, 31, -1; E: ret; }\n"
    /* The next one of the stream may begin early, and waits. */
    ".visible .entry dependent(.param .u64 p) { .reg .b64 %rd; .reg .b32 %r<2>; .reg .pred %p;\n"
    "griddepcontrol.launch_dependents; ld.param.u64 %rd, [p]; griddepcontrol.wait;\n"
    "mov.u32 %r1, %tid.x; setp.eq.u32 %p, %r1, 0; @%p ld.u32 %r0, [%rd];\n"
    "@%p add.u32 %r0, %r0, 1; @%p st.u32 [%rd], %r0; ret; }\n"
    /* A word of each thread: the sum of q, f, the dynamic shared memory and the thread's number. */
    ".global .texref image;\n"
    ".visible .entry steps(.param .u64 p, .param .u32 q, .param .f32 f) {\n"
    ".reg .b64 %rd<3>; .reg .b32 %r<9>; .reg .f32 %f; ld.param.u64 %rd1, [p];\n"
    "ld.param.u32 %r1, [q]; ld.param.f32 %f, [f]; cvt.rzi.u32.f32 %r2, %f;\n"
    "mov.u32 %r3, %ctaid.y; mov.u32 %r4, %nctaid.x; mov.u32 %r5, %ctaid.x;\n"
    "mad.lo.u32 %r3, %r3, %r4, %r5; mov.u32 %r4, %ntid.x; mov.u32 %r5, %tid.x;\n"
    "mad.lo.u32 %r3, %r3, %r4, %r5; mad.wide.u32 %rd2, %r3, 4, %rd1;\n"
    "mov.u32 %r6, %dynamic_smem_size; add.u32 %r1, %r1, %r2; add.u32 %r1, %r1, %r3;\n"
    "add.u32 %r1, %r1, %r6; st.u32 [%rd2], %r1; ret; }\n"
    ".visible .entry of_one_shape() .reqntid 16, 2 { ret; }\n"
    ".visible .entry forever() { L: bra L; }\n"
    ".visible .entry places(.param .u64 p) { .reg .b64 %rd<3>; .reg .b32 %r; ld.param.u64 %rd1, "
    "[p];\n"
    "mov.u64 %rd2, %gridid; mov.u32 %r, %nsmid; st.u64 [%rd1], %rd2; st.u32 [%rd1+8], %r; ret; }\n"
    /* Each block leaves how many began before it. */
    ".visible .entry order(.param .u64 p) { .reg .b64 %rd<3>; .reg .b32 %r<4>; .reg .pred %p;\n"
    "mov.u32 %r1, 1000; L: sub.u32 %r1, %r1, 1; setp.ne.u32 %p, %r1, 0; @%p bra L;\n"
    "ld.param.u64 %rd1, [p]; atom.add.u32 %r2, [%rd1], 1; mov.u32 %r3, %ctaid.x;\n"
    "mad.wide.u32 %rd2, %r3, 4, %rd1; st.u32 [%rd2+4], %r2; ret; }\n";

static int setup(void **state)
{
    (void)state;
    open_device(module_text);
    return 0;
}

static uint32_t read_word(CUdeviceptr pointer)
{
    uint32_t value;

    OK(cuMemcpyDtoH(&value, pointer, 4));
    return value;
}

static void test_cooperative(void **state)
{
    CUdeviceptr pointer;
    void *parameters[] = {&pointer};

    (void)state;
    OK(cuMemAlloc(&pointer, 4));
    OK(cuLaunchCooperativeKernel(function("meet"), 20, 1, 1, 1, 1, 1, 0, NULL, parameters));
    OK(cuCtxSynchronize());
    assert_int_equal(read_word(pointer), 20);
    assert_int_equal(
        cuLaunchCooperativeKernel(function("meet"), 100000, 1, 1, 1, 1, 1, 0, NULL, parameters),
        CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE);
}

/* What cooperative_groups.h of the toolkit relies on: memory of the launch's own. */
static void test_workspace(void **state)
{
    CUdeviceptr pointer;
    void *parameters[] = {&pointer};

    (void)state;
    OK(cuMemAlloc(&pointer, 8));
    for (int i = 0; i < 3; i++) {
        OK(cuMemsetD32(pointer, 0, 1));
        OK(cuMemsetD32(pointer + 4, UINT32_MAX, 1));
        OK(cuLaunchCooperativeKernel(function("wait_for_grid"), 20, 1, 1, 1, 1, 1, 0, NULL,
                                     parameters));
        OK(cuCtxSynchronize());
        assert_int_equal(read_word(pointer + 4), 20); /* who goes on sees that all have come */
    }
    OK(cuLaunchKernel(function("workspace"), 1, 1, 1, 1, 1, 1, 0, NULL, parameters, NULL));
    assert_int_equal(read_word(pointer), 0);
    assert_int_equal(read_word(pointer + 4), 0);
    OK(cuMemFree(pointer));
}

/* What one kernel's blocks leave is nothing to the next one's. */
static void test_after_each_other(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        OK(cuLaunchKernel(function("whole_blocks"), 40, 1, 1, 128, 1, 1, 0, NULL, NULL, NULL));
        OK(cuLaunchKernel(function("warps"), 40, 1, 1, 128, 1, 1, 0, NULL, NULL, NULL));
        OK(cuCtxSynchronize());
    }
}

/* The number of the launch, and as many multiprocessors as the device says. */
static void test_places(void **state)
{
    CUdeviceptr pointer;
    void *parameters[] = {&pointer};
    int processors;

    (void)state;
    OK(cuDeviceGetAttribute(&processors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 0));
    OK(cuMemAlloc(&pointer, 12));
    for (uint32_t i = 1; i < 4; i++) {
        OK(cuLaunchKernel(function("places"), 1, 1, 1, 1, 1, 1, 0, NULL, parameters, NULL));
        assert_int_equal(read_word(pointer), i);
        assert_int_equal(read_word(pointer + 8), processors);
    }
    OK(cuMemFree(pointer));
}

#define ORDERED 2000

static void launch_ordered(const char *seed, uint32_t order[ORDERED])
{
    CUdeviceptr pointer;
    void *parameters[] = {&pointer};

    setenv("BAREGPU_CUDA_SCHEDULE", seed, 1);
    OK(cuInit(0));
    OK(cuMemAlloc(&pointer, 4 + ORDERED * 4));
    OK(cuMemsetD32(pointer, 0, 1));
    OK(cuLaunchKernel(function("order"), ORDERED, 1, 1, 1, 1, 1, 0, NULL, parameters, NULL));
    OK(cuMemcpyDtoH(order, pointer + 4, ORDERED * 4));
    OK(cuMemFree(pointer));
    unsetenv("BAREGPU_CUDA_SCHEDULE");
    OK(cuInit(0));
}

/* Whatever threads there are. */
static void test_schedule(void **state)
{
    static uint32_t first[ORDERED], again[ORDERED], other[ORDERED];

    (void)state;
    launch_ordered("3", first);
    launch_ordered("4", other);
    assert_memory_not_equal(first, other, sizeof(first));
    for (int i = 0; i < 5; i++) {
        launch_ordered("3", again);
        assert_memory_equal(first, again, sizeof(first));
    }
}

static void test_attributes(void **state)
{
    CUlaunchAttribute attributes[3] = {
        {.id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE, .value.cooperative = 1},
        {.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION, .value.clusterDim = {1, 1, 1}},
        {.id = CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT},
    };
    CUlaunchConfig config = {.gridDimX = 8,
                             .gridDimY = 1,
                             .gridDimZ = 1,
                             .blockDimX = 32,
                             .blockDimY = 1,
                             .blockDimZ = 1,
                             .attrs = attributes,
                             .numAttrs = 3};
    CUdeviceptr pointer;
    void *parameters[] = {&pointer};
    CUevent event;

    (void)state;
    OK(cuMemAlloc(&pointer, 4));
    OK(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
    attributes[2].value.launchCompletionEvent.event = event;
    OK(cuLaunchKernelEx(&config, function("meet"), parameters, NULL));
    OK(cuEventSynchronize(event));
    assert_int_equal(read_word(pointer), 256);
    attributes[1].value.clusterDim.x = 2;
    assert_int_equal(cuLaunchKernelEx(&config, function("meet"), parameters, NULL),
                     CUDA_ERROR_NOT_SUPPORTED);
    attributes[1].id = (CUlaunchAttributeID)99;
    assert_int_equal(cuLaunchKernelEx(&config, function("meet"), parameters, NULL),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuLaunchKernelEx(NULL, function("meet"), parameters, NULL),
                     CUDA_ERROR_INVALID_VALUE);
}

static void test_required_threads(void **state)
{
    CUfunction kernel = function("of_one_shape");
    int threads;

    (void)state;
    OK(cuFuncGetAttribute(&threads, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, kernel));
    assert_int_equal(threads, 32);
    OK(cuLaunchKernel(kernel, 3, 1, 1, 16, 2, 1, 0, NULL, NULL, NULL));
    assert_int_not_equal(cuLaunchKernel(kernel, 3, 1, 1, 32, 1, 1, 0, NULL, NULL, NULL),
                         CUDA_SUCCESS);
    assert_int_not_equal(cuLaunchKernel(kernel, 3, 1, 1, 16, 1, 1, 0, NULL, NULL, NULL),
                         CUDA_SUCCESS);
    OK(cuCtxSynchronize());
}

/* As CUB launches its kernels for sm_90. */
static void test_dependent(void **state)
{
    CUlaunchAttribute attribute = {.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION,
                                   .value.programmaticStreamSerializationAllowed = 1};
    CUlaunchConfig config = {.gridDimX = 1,
                             .gridDimY = 1,
                             .gridDimZ = 1,
                             .blockDimX = 64,
                             .blockDimY = 1,
                             .blockDimZ = 1,
                             .attrs = &attribute,
                             .numAttrs = 1};
    CUdeviceptr pointer;
    void *parameters[] = {&pointer};

    (void)state;
    OK(cuMemAlloc(&pointer, 4));
    for (int i = 0; i < 20; i++) {
        OK(cuLaunchKernelEx(&config, function("dependent"), parameters, NULL));
    }
    assert_int_equal(read_word(pointer), 20);
    OK(cuMemFree(pointer));
}

/* ---- In steps, as before cuLaunchKernel ---- */

static void expect_words(CUdeviceptr pointer, uint32_t count, uint32_t first)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(read_word(pointer + (CUdeviceptr)i * 4), first + i);
    }
}

static void test_steps(void **state)
{
    CUfunction steps = function("steps");
    CUdeviceptr pointer;
    CUstream stream;

    (void)state;
    OK(cuMemAlloc(&pointer, 256));
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cuFuncSetBlockShape(steps, 4, 1, 1));
    OK(cuFuncSetSharedSize(steps, 1000));
    OK(cuParamSetv(steps, 0, &pointer, sizeof(pointer)));
    OK(cuParamSeti(steps, 8, 20000));
    OK(cuParamSetf(steps, 12, 300.5F));
    OK(cuParamSetSize(steps, 16));
    OK(cuLaunch(steps));
    expect_words(pointer, 4, 21300);
    OK(cuParamSeti(steps, 8, 0)); /* all else stays */
    OK(cuLaunchGrid(steps, 2, 3));
    expect_words(pointer, 24, 1300);
    OK(cuFuncSetSharedSize(steps, 0));
    OK(cuLaunchGridAsync(steps, 3, 2, stream));
    OK(cuStreamSynchronize(stream));
    expect_words(pointer, 24, 300);
    OK(cuStreamDestroy(stream));
    OK(cuMemFree(pointer));
}

static void test_bad_steps(void **state)
{
    CUfunction steps = function("steps"), none = (CUfunction)(void *)module;
    CUtexref reference;
    uint64_t bytes = 0;

    (void)state;
    assert_int_equal(cuLaunch(steps), CUDA_ERROR_INVALID_VALUE); /* it has no shape yet */
    assert_int_equal(cuFuncSetBlockShape(steps, 1, 0, 1), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuFuncSetBlockShape(steps, 1, 1, -1), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuParamSetSize(steps, 17), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuParamSeti(steps, 13, 0), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuParamSetf(steps, -1, 0), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuParamSetv(steps, 8, &bytes, UINT32_MAX - 4), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuParamSetv(steps, 8, NULL, 8), CUDA_ERROR_INVALID_VALUE);
    OK(cuFuncSetBlockShape(steps, 1, 1, 1));
    assert_int_equal(cuLaunchGrid(steps, -1, 1), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuLaunchGrid(steps, 1, 0), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuLaunch(none), CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(cuParamSeti(none, 0, 0), CUDA_ERROR_INVALID_HANDLE);
    OK(cuModuleGetTexRef(&reference, module, "image"));
    OK(cuParamSetTexRef(steps, CU_PARAM_TR_DEFAULT, reference));
    assert_int_equal(cuParamSetTexRef(steps, 0, reference), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuParamSetTexRef(steps, CU_PARAM_TR_DEFAULT, (CUtexref)(void *)module),
                     CUDA_ERROR_INVALID_VALUE);
    OK(cuModuleUnload(module));
    assert_int_equal(cuLaunch(steps), CUDA_ERROR_INVALID_HANDLE);
}

/* The limit is in main. */
static void test_time_limit(void **state)
{
    setup(state);
    OK(cuLaunchKernel(function("forever"), 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
    assert_int_equal(cuCtxSynchronize(), CUDA_ERROR_LAUNCH_TIMEOUT);
    close_device(state);
}

/* ---- Other ways to modules ---- */

static CUresult load_file(const void *bytes, size_t size)
{
    char path[] = "/tmp/driver_launch_test.XXXXXX";
    int file = mkstemp(path);
    CUmodule loaded;
    CUresult result;

    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, size), size);
    close(file);
    result = cuModuleLoad(&loaded, path);
    unlink(path);
    return result;
}

/* A file may lie about its size, and has no pointers. */
static void test_files(void **state)
{
    static const unsigned char fat[] = {0x50, 0xED, 0x55, 0xBA, 1, 0, 16, 0, 0xFF,
                                        0xFF, 0,    0,    0,    0, 0, 0,  1, 0};
    static const unsigned char wrapper[] = {0xB1, 0x43, 0x62, 0x46, 1, 0, 0, 0, 8, 0, 0, 0};

    (void)state;
    OK(load_file(module_text, sizeof(module_text) - 1));
    assert_int_equal(load_file(fat, sizeof(fat)), CUDA_ERROR_INVALID_IMAGE);
    assert_int_equal(load_file(fat, 5), CUDA_ERROR_INVALID_IMAGE);
    assert_int_equal(load_file(wrapper, sizeof(wrapper)), CUDA_ERROR_INVALID_PTX);
    assert_int_equal(load_file(fat, 2), CUDA_ERROR_INVALID_PTX);
    assert_int_equal(load_file("", 0), CUDA_ERROR_INVALID_PTX);
}

/* ---- Functions by name ---- */

static void *find(const char *name, int version, cuuint64_t flags,
                  CUdriverProcAddressQueryResult expected)
{
    CUdriverProcAddressQueryResult status;
    void *found;

    OK(cuGetProcAddress(name, &found, version, flags, &status));
    assert_int_equal(status, expected);
    assert_int_equal(found == NULL, expected != CU_GET_PROC_ADDRESS_SUCCESS);
    return found;
}

static void test_find(void **state)
{
    CUresult (*get)(CUstream stream, unsigned long long *id);
    unsigned long long legacy, own, id;
    const void *table;
    CUuuid uuid = {{0}};
    void *found;

    (void)state;
    find("cuNothing", 13000, 0, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
    find("cuGraphCreate", 9000, 0, CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT);
    find("cuCtxDestroy", 3020, 0, CU_GET_PROC_ADDRESS_SUCCESS);
    find("cuCtxCreate", 2000, 0, CU_GET_PROC_ADDRESS_SUCCESS);
    find("cuTexRefSetAddress2D", 3020, 0, CU_GET_PROC_ADDRESS_SUCCESS);
    find("cuMemHostRegister", 4000, 0, CU_GET_PROC_ADDRESS_SUCCESS);
    find("cuLinkCreate", 5050, 0, CU_GET_PROC_ADDRESS_SUCCESS);
    find("cuLinkAddData", 5050, 0, CU_GET_PROC_ADDRESS_SUCCESS);
    find("cuLinkAddFile", 5050, 0, CU_GET_PROC_ADDRESS_SUCCESS);
    find("cuLaunchGridAsync", 3020, 0, CU_GET_PROC_ADDRESS_SUCCESS);
    find("cuStreamDestroy", 3020, 0, CU_GET_PROC_ADDRESS_SUCCESS);
    assert_ptr_not_equal(find("cuCtxCreate", 11000, 0, CU_GET_PROC_ADDRESS_SUCCESS),
                         find("cuCtxCreate", 13000, 0, CU_GET_PROC_ADDRESS_SUCCESS));
    assert_ptr_not_equal(find("cuGetProcAddress", 11030, 0, CU_GET_PROC_ADDRESS_SUCCESS),
                         find("cuGetProcAddress", 12000, 0, CU_GET_PROC_ADDRESS_SUCCESS));
    find("cuInit", 13000, CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM,
         CU_GET_PROC_ADDRESS_SUCCESS);
    found = find("cuStreamGetId", 13000, CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM,
                 CU_GET_PROC_ADDRESS_SUCCESS);
    memcpy(&get, &found, sizeof(get));
    OK(cuStreamGetId(NULL, &legacy));
    OK(cuStreamGetId(CU_STREAM_PER_THREAD, &own));
    OK(get(NULL, &id));
    assert_int_equal(id, own);
    OK(get(CU_STREAM_LEGACY, &id));
    assert_int_equal(id, legacy);
    OK(cuStreamGetId(NULL, &id));
    assert_int_equal(id, legacy);
    assert_int_equal(cuGetProcAddress(NULL, &found, 13000, 0, NULL), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuGetProcAddress("cuInit", &found, 13000, 4, NULL), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuGetExportTable(&table, &uuid), CUDA_ERROR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cooperative, setup, close_device),
        cmocka_unit_test_setup_teardown(test_workspace, setup, close_device),
        cmocka_unit_test_setup_teardown(test_after_each_other, setup, close_device),
        cmocka_unit_test_setup_teardown(test_places, setup, close_device),
        cmocka_unit_test_setup_teardown(test_schedule, setup, close_device),
        cmocka_unit_test_setup_teardown(test_attributes, setup, close_device),
        cmocka_unit_test_setup_teardown(test_required_threads, setup, close_device),
        cmocka_unit_test_setup_teardown(test_dependent, setup, close_device),
        cmocka_unit_test_setup_teardown(test_steps, setup, close_device),
        cmocka_unit_test_setup_teardown(test_bad_steps, setup, close_device),
        cmocka_unit_test(test_time_limit),
        cmocka_unit_test_setup_teardown(test_files, setup, close_device),
        cmocka_unit_test_setup_teardown(test_find, setup, close_device),
    };

    setenv("BAREGPU_CUDA_THREADS", "2", 1);
    setenv("BAREGPU_CUDA_QUIET", "1", 1);
    setenv("BAREGPU_CUDA_TIME_LIMIT", "5000", 1);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
