/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(CUDA_CPU_HERE_SRC) tests/unit/cuda-cpu/driver_fixture.c tests/unit/cuda-cpu/fat.c
// libs: -ldl
/* Modules of the CPU device: fat binaries, logs, libraries, what functions say of themselves. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/driver_fixture.h"
#include "tests/unit/cuda-cpu/fat.h"

#define HEAD ".version 8.0\n.target sm_75\n.address_size 64\n"

static const char module_text[] =
    HEAD ".visible .global .align 4 .b32 counter = 5;\n"
         ".visible .global .attribute(.managed) .align 4 .u32 common = 7;\n"
         ".visible .entry count(.param .u64 p, .param .u32 n) .maxntid 128, 2, 1\n{\n"
         ".shared .align 4 .b8 bytes[1000]; .reg .b32 %r<4>; .reg .b64 %rd<2>;\n"
         "ld.param.u32 %r1, [n]; mov.u64 %rd1, counter; atom.global.add.u32 %r2, [%rd1], %r1; "
         "st.shared.u32 [bytes], %r2; ret; }\n"
         ".visible .entry empty() { ret; }\n";

static const char often_text[] =
    HEAD ".visible .entry add_often(.param .u64 p) { .reg .b32 %r<4>; .reg .b64 %rd<3>; "
         ".reg .pred %p;\nld.param.u64 %rd1, [p]; mov.u32 %r1, %tid.x; "
         "mad.wide.u32 %rd2, %r1, 4, %rd1; mov.u32 %r2, 0;\n"
         "L: atom.global.add.u32 %r3, [%rd2], 1; add.u32 %r2, %r2, 1; "
         "setp.lt.u32 %p, %r2, 3000; @%p bra L; ret; }\n";

static int setup(void **state)
{
    (void)state;
    open_device(NULL);
    return 0;
}

/* ---- Fat binaries ---- */

static CUresult load_fat(void)
{
    unsigned char *exact = malloc(fat_used); /* a sanitizer sees what is read behind it */
    CUmodule module;
    CUresult result;

    assert_non_null(exact);
    memcpy(exact, fat, fat_used);
    result = cuModuleLoadData(&module, exact);
    free(exact);
    if (result == CUDA_SUCCESS) {
        CUfunction function;

        OK(cuModuleGetFunction(&function, module, "empty"));
        OK(cuModuleUnload(module));
    }
    return result;
}

static void test_fat_text(void **state)
{
    struct {
        uint32_t magic, version;
        const void *data;
        void *unused;
    } wrapper = {0x466243B1, 1, fat, NULL};
    CUmodule module;

    (void)state;
    begin_fat();
    add_entry(2, 90, 0, "\177ELF....", 8, 0);
    assert_int_equal(load_fat(), CUDA_ERROR_NO_BINARY_FOR_GPU);
    add_entry(1, 100, 0, "too new for this device", 23, 0);
    assert_int_equal(load_fat(), CUDA_ERROR_NO_BINARY_FOR_GPU);
    add_entry(1, 75, 0, module_text, sizeof(module_text), 0);
    add_entry(1, 50, 0, "too old", 7, 0);
    OK(load_fat());
    OK(cuModuleLoadFatBinary(&module, &wrapper));
    assert_int_equal(cuModuleLoadData(&module, "\177ELF, and so on"), CUDA_ERROR_NO_BINARY_FOR_GPU);
}

/* Literals alone: what both formats have for what does not become smaller. */
static size_t pack_lz4(unsigned char *packed)
{
    size_t size = sizeof(module_text), left = size - 15, used = 0;

    packed[used++] = 0xF0;
    for (; left >= 255; left -= 255) {
        packed[used++] = 255;
    }
    packed[used++] = (unsigned char)left;
    memcpy(packed + used, module_text, size);
    return used + size;
}

static size_t pack_zstd(unsigned char *packed)
{
    static const unsigned char head[] = {0x28, 0xB5, 0x2F, 0xFD, 0x60}; /* the size: 2 bytes */
    size_t size = sizeof(module_text), used = sizeof(head);
    uint32_t block = (uint32_t)(size << 3) | 1; /* the last one, raw */

    memcpy(packed, head, sizeof(head));
    packed[used++] = (unsigned char)(size - 256);
    packed[used++] = (unsigned char)((size - 256) >> 8);
    memcpy(packed + used, &block, 3);
    memcpy(packed + used + 3, module_text, size);
    return used + 3 + size;
}

static void test_fat_packed(void **state)
{
    unsigned char packed[2048];
    size_t size = pack_lz4(packed);

    (void)state;
    begin_fat();
    add_entry(1, 75, 0x2011, packed, size, sizeof(module_text));
    OK(load_fat());
    begin_fat();
    add_entry(1, 75, 0x2011, packed, size - 1, sizeof(module_text));
    assert_int_equal(load_fat(), CUDA_ERROR_INVALID_IMAGE);
    size = pack_zstd(packed);
    begin_fat();
    add_entry(1, 75, 0x8011, packed, size, sizeof(module_text));
    OK(load_fat());
    begin_fat();
    add_entry(1, 75, 0x8011, packed, size, sizeof(module_text) - 1);
    assert_int_equal(load_fat(), CUDA_ERROR_INVALID_IMAGE);
    begin_fat();
    add_entry(1, 75, 0x8011, packed, size, SIZE_MAX);
    assert_int_equal(load_fat(), CUDA_ERROR_INVALID_IMAGE);
    begin_fat();
    add_entry(1, 75, 0x8011, packed, size, (size_t)1 << 40);
    assert_int_equal(load_fat(), CUDA_ERROR_INVALID_IMAGE);
}

/* Any word of a header that is wrong is an error, and nothing is read behind the end. */
static void test_fat_nonsense(void **state)
{
    static const uint32_t words[] = {0, 1, 0x7FFFFFFF, 0xFFFFFFFF};
    unsigned char good[sizeof(fat)];
    size_t good_size;

    (void)state;
    begin_fat();
    add_entry(1, 75, 0, module_text, sizeof(module_text), 0);
    memcpy(good, fat, fat_used);
    good_size = fat_used;
    for (size_t offset = 20; offset < 16 + 64; offset += 4) {
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            memcpy(fat, good, good_size);
            memcpy(fat + offset, &words[i], 4);
            load_fat();
        }
    }
    for (size_t size = 0; size < 64; size++) {
        uint64_t all = size;

        memcpy(fat, good, good_size);
        memcpy(fat + 8, &all, sizeof(all));
        assert_int_equal(load_fat(),
                         size ? CUDA_ERROR_INVALID_IMAGE : CUDA_ERROR_NO_BINARY_FOR_GPU);
    }
}

/* ---- Logs ---- */

static void test_log(void **state)
{
    char log[256] = "untouched", little[8];
    CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES,
                              CU_JIT_MAX_REGISTERS, CU_JIT_WALL_TIME};
    void *values[] = {log, (void *)sizeof(log), (void *)32, NULL};
    CUmodule module;

    (void)state;
    assert_int_equal(
        cuModuleLoadDataEx(&module, HEAD ".entry k() {\n  nonsense; }", 4, options, values),
        CUDA_ERROR_INVALID_PTX);
    assert_non_null(strstr(log, "5:3: error:"));
    assert_int_equal((uintptr_t)values[1], strlen(log));
    values[0] = little;
    values[1] = (void *)sizeof(little);
    assert_int_equal(cuModuleLoadDataEx(&module, "nothing", 4, options, values),
                     CUDA_ERROR_INVALID_PTX);
    assert_string_equal(little, "1:1: er");
    assert_int_equal(cuModuleLoadDataEx(&module, HEAD ".entry k() { wgmma.fence.sync.aligned; }", 2,
                                        options, values),
                     CUDA_ERROR_INVALID_PTX);
    assert_int_equal(
        cuModuleLoadDataEx(&module, ".version 99.0\n.target sm_90\n", 2, options, values),
        CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
    OK(cuModuleLoadDataEx(&module, module_text, 2, options, values));
    assert_int_equal((uintptr_t)values[1], 0);
    options[2] = (CUjit_option)1000;
    assert_int_equal(cuModuleLoadDataEx(&module, module_text, 3, options, values),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuModuleLoad(&module, "/nonexistent"), CUDA_ERROR_FILE_NOT_FOUND);
}

/* ---- Functions ---- */

static int attribute(CUfunction function, CUfunction_attribute which)
{
    int value;

    OK(cuFuncGetAttribute(&value, which, function));
    return value;
}

static void test_functions(void **state)
{
    CUmodule module, owner;
    CUfunction function, functions[2];
    const char *name;
    unsigned count;
    size_t offset, size;

    (void)state;
    OK(cuModuleLoadData(&module, module_text));
    OK(cuModuleGetFunction(&function, module, "count"));
    assert_int_equal(attribute(function, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK), 256);
    assert_true(attribute(function, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES) >= 1000);
    assert_int_equal(attribute(function, CU_FUNC_ATTRIBUTE_PTX_VERSION), 75);
    assert_int_equal(attribute(function, CU_FUNC_ATTRIBUTE_BINARY_VERSION), 90);
    OK(cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 100000));
    assert_int_equal(attribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES), 100000);
    assert_int_equal(
        cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 240000),
        CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_NUM_REGS, 1),
                     CUDA_ERROR_INVALID_VALUE);
    OK(cuFuncGetName(&name, function));
    assert_string_equal(name, "count");
    OK(cuFuncGetModule(&owner, function));
    assert_ptr_equal(owner, module);
    OK(cuFuncGetParamInfo(function, 1, &offset, &size));
    assert_int_equal(offset, 8);
    assert_int_equal(size, 4);
    assert_int_equal(cuFuncGetParamInfo(function, 2, &offset, &size), CUDA_ERROR_INVALID_VALUE);
    OK(cuModuleGetFunctionCount(&count, module));
    assert_int_equal(count, 2);
    OK(cuModuleEnumerateFunctions(functions, 2, module));
    assert_ptr_equal(functions[0], function);
    assert_int_equal(cuFuncGetAttribute((int *)&count, CU_FUNC_ATTRIBUTE_NUM_REGS, NULL),
                     CUDA_ERROR_INVALID_HANDLE);
}

static size_t shared_of(int threads)
{
    return (size_t)threads * 64;
}

static void test_occupancy(void **state)
{
    CUmodule module;
    CUfunction function;
    int blocks, grid, block;
    size_t size;

    (void)state;
    OK(cuModuleLoadData(&module, module_text));
    OK(cuModuleGetFunction(&function, module, "empty"));
    OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 256, 0));
    assert_int_equal(blocks, 8); /* 2048 threads */
    OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 32, 0));
    assert_int_equal(blocks, 32);
    OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 32, 100 << 10));
    assert_int_equal(blocks, 2);
    OK(cuOccupancyMaxPotentialBlockSize(&grid, &block, function, NULL, 0, 0));
    assert_int_equal(block, 1024);
    OK(cuOccupancyMaxPotentialBlockSize(&grid, &block, function, shared_of, 0, 512));
    assert_int_equal(block, 512);
    OK(cuOccupancyAvailableDynamicSMemPerBlock(&size, function, 2, 64));
    assert_int_equal(size,
                     (114 << 10) - 1024 - attribute(function, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES));
    assert_int_equal(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 0, 0),
                     CUDA_ERROR_INVALID_VALUE);
}

/* ---- Libraries ---- */

/* As __managed__ makes it: the host reads and writes it as it is. */
static void test_managed_variable(void **state)
{
    CUlibrary library;
    CUdeviceptr pointer, same;
    size_t size = 0;

    (void)state;
    OK(cuLibraryLoadData(&library, module_text, NULL, NULL, 0, NULL, NULL, 0));
    OK(cuLibraryGetManaged(&pointer, &size, library, "common"));
    assert_int_equal(size, 4);
    assert_int_equal(*(uint32_t *)(uintptr_t)pointer, 7);
    OK(cuLibraryGetGlobal(&same, NULL, library, "common"));
    assert_true(same == pointer);
    assert_int_equal(cuLibraryGetManaged(&pointer, &size, library, "counter"),
                     CUDA_ERROR_NOT_FOUND);
    assert_int_equal(cuLibraryGetManaged(&pointer, &size, library, "none"), CUDA_ERROR_NOT_FOUND);
    assert_int_equal(cuLibraryGetManaged(&pointer, &size, library, NULL), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuLibraryGetManaged(&pointer, &size, NULL, "common"),
                     CUDA_ERROR_INVALID_HANDLE);
    OK(cuLibraryUnload(library));
}

/* A kernel is of no context, and each context has its own variables. */
static void test_library(void **state)
{
    CUlibrary library, owner;
    CUkernel kernel, kernels[2];
    CUcontext other;
    CUdeviceptr pointer = 0;
    CUfunction function;
    CUmodule module;
    unsigned count;
    const char *name;
    uint32_t number = 3, value;
    void *parameters[] = {&pointer, &number};

    (void)state;
    OK(cuLibraryLoadData(&library, module_text, NULL, NULL, 0, NULL, NULL, 0));
    OK(cuLibraryGetKernelCount(&count, library));
    assert_int_equal(count, 2);
    OK(cuLibraryEnumerateKernels(kernels, 2, library));
    OK(cuLibraryGetKernel(&kernel, library, "count"));
    assert_ptr_equal(kernel, kernels[0]);
    assert_int_equal(cuLibraryGetKernel(&kernel, library, "none"), CUDA_ERROR_NOT_FOUND);
    OK(cuKernelGetName(&name, kernel));
    assert_string_equal(name, "count");
    OK(cuKernelGetLibrary(&owner, kernel));
    assert_ptr_equal(owner, library);
    OK(cuKernelSetAttribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 60000, kernel, 0));
    OK(cuKernelGetAttribute((int *)&value, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, kernel,
                            0));
    assert_int_equal(value, 60000);
    OK(cuLaunchKernel((CUfunction)kernel, 1, 1, 1, 1, 1, 1, 60000, NULL, parameters, NULL));
    OK(cuLibraryGetGlobal(&pointer, NULL, library, "counter"));
    OK(cuMemcpyDtoH(&value, pointer, 4));
    assert_int_equal(value, 8);
    OK(cuLibraryGetModule(&module, library));
    OK(cuKernelGetFunction(&function, kernel));
    assert_int_equal(attribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES), 60000);
    OK(cuCtxCreate_v2(&other, 0, 0));
    OK(cuLibraryGetGlobal(&pointer, NULL, library, "counter"));
    OK(cuMemcpyDtoH(&value, pointer, 4));
    assert_int_equal(value, 5);
    assert_int_equal(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, NULL, parameters, NULL),
                     CUDA_ERROR_INVALID_CONTEXT);
    OK(cuCtxDestroy(other));
    OK(cuLibraryUnload(library));
    assert_int_equal(cuKernelGetName(&name, kernel), CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(cuFuncGetName(&name, function), CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(cuLibraryUnload(library), CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(cuLibraryLoadData(&library, "nonsense", NULL, NULL, 0, NULL, NULL, 0),
                     CUDA_ERROR_INVALID_PTX);
}

/* ---- One thread that computes ---- */

#define WAITERS 2
#define LAUNCHES 100
#define TIMES 3000 /* add_often's */

struct waiter {
    pthread_t thread;
    CUcontext context;
    CUfunction function;
    CUdeviceptr counts;
};

static void *launch_and_wait(void *argument)
{
    struct waiter *waiter = argument;
    void *parameters[] = {&waiter->counts};
    CUstream stream;

    OK(cuCtxSetCurrent(waiter->context));
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    for (unsigned i = 0; i < LAUNCHES; i++) {
        OK(cuLaunchKernel(waiter->function, 1, 1, 1, 32, 1, 1, 0, stream, parameters, NULL));
    }
    OK(cuStreamSynchronize(stream));
    OK(cuStreamDestroy(stream));
    return NULL;
}

/* Who waits computes too; atomics of both are counted. */
static void test_atomics_of_streams(void **state)
{
    struct waiter waiters[WAITERS], first = {0};
    uint32_t counts[32];
    CUmodule module;

    (void)state;
    OK(cuCtxGetCurrent(&first.context));
    OK(cuModuleLoadData(&module, often_text));
    OK(cuModuleGetFunction(&first.function, module, "add_often"));
    OK(cuMemAlloc(&first.counts, sizeof(counts)));
    OK(cuMemsetD32(first.counts, 0, 32));
    for (size_t i = 0; i < WAITERS; i++) {
        waiters[i] = first;
        assert_int_equal(pthread_create(&waiters[i].thread, NULL, launch_and_wait, &waiters[i]), 0);
    }
    for (size_t i = 0; i < WAITERS; i++) {
        assert_int_equal(pthread_join(waiters[i].thread, NULL), 0);
    }
    OK(cuMemcpyDtoH(counts, first.counts, sizeof(counts)));
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal(counts[i], WAITERS * LAUNCHES * TIMES);
    }
    OK(cuMemFree(first.counts));
    OK(cuModuleUnload(module));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fat_text, setup, close_device),
        cmocka_unit_test_setup_teardown(test_fat_packed, setup, close_device),
        cmocka_unit_test_setup_teardown(test_fat_nonsense, setup, close_device),
        cmocka_unit_test_setup_teardown(test_log, setup, close_device),
        cmocka_unit_test_setup_teardown(test_functions, setup, close_device),
        cmocka_unit_test_setup_teardown(test_occupancy, setup, close_device),
        cmocka_unit_test_setup_teardown(test_managed_variable, setup, close_device),
        cmocka_unit_test_setup_teardown(test_library, setup, close_device),
        cmocka_unit_test_setup_teardown(test_atomics_of_streams, setup, close_device),
    };

    setenv("BAREGPU_CUDA_THREADS", "1", 1);
    setenv("BAREGPU_CUDA_QUIET", "1", 1);
    setenv("BAREGPU_CUDA_CACHE", "0", 1);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
