/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(CUDA_CPU_HERE_SRC) tests/unit/cuda-cpu/driver_fixture.c
// libs: -ldl
/* Memory of the CPU device: of the host, managed, pitched, from pools; and what pointers say. */
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

#include "tests/unit/cuda-cpu/driver_fixture.h"

#define MEMORY 1048576

static int setup(void **state)
{
    (void)state;
    open_device(NULL);
    return 0;
}

/* What the kernel says of the mapping that has an address, in /proc/self/smaps. */
static void read_flags(uintptr_t address, char flags[512])
{
    FILE *file = fopen("/proc/self/smaps", "r");
    unsigned long start = 0, end = 0;
    char line[512];

    assert_non_null(file);
    flags[0] = '\0';
    while (flags[0] == '\0' && fgets(line, sizeof(line), file) != NULL) {
        sscanf(line, "%lx-%lx ", &start, &end);
        if (strncmp(line, "VmFlags:", 8) == 0 && address >= start && address < end) {
            snprintf(flags, 512, "%s", line);
        }
    }
    fclose(file);
}

static void test_large_pages(void **state)
{
    char flags[512];
    void *memory;

    (void)state;
    if (access("/sys/kernel/mm/transparent_hugepage", F_OK) != 0) {
        skip();
    }
    OK(cuMemHostAlloc(&memory, 8 << 20, 0));
    read_flags((uintptr_t)memory + (4 << 20), flags);
    assert_non_null(strstr(flags, " hg"));
    OK(cuMemFreeHost(memory));
}

static unsigned type_of(CUdeviceptr pointer)
{
    unsigned type;

    OK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, pointer));
    return type;
}

static void test_limit(void **state)
{
    CUdeviceptr first, second;
    size_t available, total;

    (void)state;
    OK(cuMemGetInfo(&available, &total));
    assert_int_equal(total, MEMORY);
    OK(cuMemAlloc(&first, MEMORY - 100));
    assert_int_equal(cuMemAlloc(&second, 101), CUDA_ERROR_OUT_OF_MEMORY);
    OK(cuMemAlloc(&second, 100));
    OK(cuMemGetInfo(&available, &total));
    assert_int_equal(available, 0);
    OK(cuMemFree(first));
    OK(cuMemFree(second));
    OK(cuMemGetInfo(&available, &total));
    assert_int_equal(available, MEMORY);
}

static void test_host(void **state)
{
    uint32_t *memory;
    CUdeviceptr pointer;
    unsigned flags;

    (void)state;
    OK(cuMemHostAlloc((void **)&memory, 64, CU_MEMHOSTALLOC_DEVICEMAP));
    OK(cuMemHostGetFlags(&flags, memory));
    assert_int_equal(flags, CU_MEMHOSTALLOC_DEVICEMAP);
    OK(cuMemHostGetDevicePointer(&pointer, memory, 0));
    OK(cuMemsetD32(pointer, 9, 16));
    assert_int_equal(memory[15], 9);
    assert_int_equal(type_of(pointer), CU_MEMORYTYPE_HOST);
    assert_int_equal(cuMemFree(pointer), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemFreeHost(memory));
    assert_int_equal(cuMemFreeHost(memory), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemHostAlloc((void **)&memory, 64, 128), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemHostGetFlags(&flags, &flags), CUDA_ERROR_INVALID_VALUE);
}

static void test_managed(void **state)
{
    CUdeviceptr pointer;
    bool managed;

    (void)state;
    OK(cuMemAllocManaged(&pointer, 64, CU_MEM_ATTACH_GLOBAL));
    OK(cuPointerGetAttribute(&managed, CU_POINTER_ATTRIBUTE_IS_MANAGED, pointer));
    assert_true(managed);
    memset((void *)(uintptr_t)pointer, 1, 64);
    OK(cuMemPrefetchAsync(pointer, 64, (CUmemLocation){CU_MEM_LOCATION_TYPE_DEVICE, 0}, 0, NULL));
    OK(cuMemAdvise(pointer, 64, CU_MEM_ADVISE_SET_READ_MOSTLY,
                   (CUmemLocation){CU_MEM_LOCATION_TYPE_DEVICE, 0}));
    assert_int_equal(cuMemAdvise(pointer, 65, CU_MEM_ADVISE_SET_READ_MOSTLY,
                                 (CUmemLocation){CU_MEM_LOCATION_TYPE_DEVICE, 0}),
                     CUDA_ERROR_INVALID_VALUE);
    OK(cuMemFree(pointer));
    assert_int_equal(cuMemAllocManaged(&pointer, 64, 7), CUDA_ERROR_INVALID_VALUE);
}

static void test_pitch(void **state)
{
    CUdeviceptr pointer;
    size_t pitch;

    (void)state;
    OK(cuMemAllocPitch(&pointer, &pitch, 100, 3, 4));
    assert_int_equal(pitch, 512);
    OK(cuMemsetD2D8(pointer, pitch, 1, 100, 3));
    assert_int_equal(cuMemsetD2D8(pointer, pitch, 1, 100, 4), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemAllocPitch(&pointer, &pitch, 100, 3, 5), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemAllocPitch(&pointer, &pitch, SIZE_MAX - 600, 3, 4),
                     CUDA_ERROR_OUT_OF_MEMORY);
}

static void test_pointers(void **state)
{
    CUpointer_attribute attributes[] = {CU_POINTER_ATTRIBUTE_CONTEXT,
                                        CU_POINTER_ATTRIBUTE_RANGE_SIZE,
                                        CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL};
    CUcontext owner;
    CUdeviceptr pointer, base;
    size_t size;
    int ordinal = 5;
    void *values[] = {&owner, &size, &ordinal};
    unsigned on = 1;

    (void)state;
    OK(cuMemAlloc(&pointer, 300));
    OK(cuMemGetAddressRange(&base, &size, pointer + 299));
    assert_int_equal(base, pointer);
    assert_int_equal(size, 300);
    assert_int_equal(cuMemGetAddressRange(&base, &size, pointer + 300), CUDA_ERROR_NOT_FOUND);
    assert_int_equal(type_of(pointer + 5), CU_MEMORYTYPE_DEVICE);
    OK(cuPointerGetAttributes(3, attributes, values, pointer + 7));
    assert_ptr_equal(owner, primary);
    assert_int_equal(size, 300);
    assert_int_equal(ordinal, 0);
    OK(cuPointerGetAttributes(3, attributes, values, (CUdeviceptr)(uintptr_t)&ordinal));
    assert_null(owner);
    assert_int_equal(
        cuPointerGetAttribute(&size, CU_POINTER_ATTRIBUTE_RANGE_SIZE, (CUdeviceptr)(uintptr_t)&on),
        CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuPointerGetAttribute(&size, CU_POINTER_ATTRIBUTE_HOST_POINTER, pointer),
                     CUDA_ERROR_INVALID_VALUE);
    OK(cuPointerSetAttribute(&on, CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, pointer));
    assert_int_equal(cuPointerSetAttribute(&on, CU_POINTER_ATTRIBUTE_CONTEXT, pointer),
                     CUDA_ERROR_INVALID_VALUE);
}

static uint64_t used(CUmemoryPool pool)
{
    cuuint64_t bytes;

    OK(cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &bytes));
    return bytes;
}

static void test_pools(void **state)
{
    CUmemPoolProps properties = {
        .allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
        .location = {CU_MEM_LOCATION_TYPE_DEVICE, 0},
        .maxSize = 1000,
    };
    CUmemoryPool pool, own, current;
    CUdeviceptr pointer, other;
    CUstream stream;
    cuuint64_t threshold = 77;

    (void)state;
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cuDeviceGetDefaultMemPool(&own, 0));
    OK(cuMemAllocAsync(&pointer, 256, stream));
    assert_int_equal(used(own), 256);
    OK(cuMemsetD8Async(pointer, 1, 256, stream));
    OK(cuMemFreeAsync(pointer, stream));
    assert_int_equal(cuMemFreeAsync(pointer, stream), CUDA_ERROR_INVALID_VALUE);
    OK(cuStreamSynchronize(stream));
    assert_int_equal(used(own), 0);
    assert_int_equal(cuMemsetD8(pointer, 1, 1), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemPoolCreate(&pool, &properties));
    OK(cuMemAllocFromPoolAsync(&pointer, 600, pool, stream));
    assert_int_equal(cuMemAllocFromPoolAsync(&other, 401, pool, stream), CUDA_ERROR_OUT_OF_MEMORY);
    OK(cuPointerGetAttribute(&current, CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE, pointer));
    assert_ptr_equal(current, pool);
    OK(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &threshold));
    threshold = 0;
    OK(cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &threshold));
    assert_int_equal(threshold, 77);
    OK(cuDeviceSetMemPool(0, pool));
    OK(cuMemAllocAsync(&other, 100, stream));
    assert_int_equal(used(pool), 700);
    OK(cuMemPoolTrimTo(pool, 0));
    OK(cuMemPoolDestroy(pool)); /* goes with its memory */
    assert_int_equal(cuMemPoolTrimTo(pool, 0), CUDA_ERROR_INVALID_VALUE);
    OK(cuDeviceGetMemPool(&current, 0));
    assert_ptr_equal(current, own);
    assert_int_equal(cuMemPoolDestroy(own), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemFree(pointer));
    OK(cuMemFreeAsync(other, stream));
}

/* Programs order what another stream does with memory before it is freed. Where one does not, it
 * spoils nothing but its own data. */
static void test_free_while_used(void **state)
{
    CUstream uses, frees;
    CUmemoryPool pool;
    CUdeviceptr pointer;
    uint64_t *word;

    (void)state;
    OK(cuDeviceGetDefaultMemPool(&pool, 0));
    OK(cuStreamCreate(&uses, CU_STREAM_NON_BLOCKING));
    OK(cuStreamCreate(&frees, CU_STREAM_NON_BLOCKING));
    OK(cuMemAllocHost((void **)&word, sizeof(*word)));
    OK(cuMemAllocAsync(&pointer, 4096, frees));
    OK(cuStreamWaitValue64(uses, (CUdeviceptr)(uintptr_t)word, 1, CU_STREAM_WAIT_VALUE_EQ));
    OK(cuMemsetD8Async(pointer, 1, 4096, uses));
    OK(cuMemFreeAsync(pointer, frees));
    OK(cuStreamSynchronize(frees));
    assert_int_equal(cuMemsetD8Async(pointer, 1, 4096, frees), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemcpyDtoDAsync(pointer, pointer + 8, 8, frees), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(used(pool), 4096);
    __atomic_store_n(word, 1, __ATOMIC_RELEASE);
    OK(cuStreamSynchronize(uses));
    assert_int_equal(used(pool), 0);
}

/* All numbers are layouts that programs were compiled with. */
static void test_layouts(void **state)
{
    (void)state;
    assert_int_equal(sizeof(CUDA_MEMCPY2D), 128);
    assert_int_equal(sizeof(CUDA_MEMCPY3D), 200);
    assert_int_equal(sizeof(CUDA_MEMCPY3D_PEER), 200);
    assert_int_equal(sizeof(CUlaunchConfig), 56);
    assert_int_equal(sizeof(CUlaunchAttribute), 72);
    assert_int_equal(sizeof(CUDA_KERNEL_NODE_PARAMS), 72);
    assert_int_equal(sizeof(CUDA_MEMSET_NODE_PARAMS), 40);
    assert_int_equal(sizeof(CUstreamBatchMemOpParams), 48);
    assert_int_equal(sizeof(CUmemPoolProps), 88);
    assert_int_equal(sizeof(CUDA_RESOURCE_DESC), 144);
    assert_int_equal(sizeof(CUDA_TEXTURE_DESC), 104);
    assert_int_equal(sizeof(CUDA_RESOURCE_VIEW_DESC), 112);
    assert_int_equal(sizeof(CUDA_ARRAY3D_DESCRIPTOR), 40);
}

/* What threads have for themselves. */
static void test_stacks(void **state)
{
    int multiprocessors;
    size_t most;

    (void)state;
    OK(cuDeviceGetAttribute(&multiprocessors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 0));
    most = MEMORY / 1024 / (size_t)multiprocessors;
    OK(cuCtxSetLimit(CU_LIMIT_STACK_SIZE, most));
    assert_int_equal(cuCtxSetLimit(CU_LIMIT_STACK_SIZE, most + 1), CUDA_ERROR_OUT_OF_MEMORY);
}

static int setup_local(void **state)
{
    (void)state;
    open_device(".version 7.0\n.target sm_70\n.address_size 64\n"
                ".visible .entry local() { .local .b8 bytes[65536]; .reg .b64 %d<2>;\n"
                "mov.u64 %d1, bytes; st.local.u8 [%d1], 1; ret; }\n");
    return 0;
}

static void test_local(void **state)
{
    CUfunction local = function("local");

    (void)state;
    OK(cuLaunchKernel(local, 1, 1, 1, 8, 1, 1, 0, NULL, NULL, NULL));
    assert_int_equal(cuLaunchKernel(local, 1, 1, 1, 32, 1, 1, 0, NULL, NULL, NULL),
                     CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
    OK(cuCtxSynchronize());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_limit, setup, close_device),
        cmocka_unit_test_setup_teardown(test_host, setup, close_device),
        cmocka_unit_test_setup_teardown(test_large_pages, setup, close_device),
        cmocka_unit_test_setup_teardown(test_managed, setup, close_device),
        cmocka_unit_test_setup_teardown(test_pitch, setup, close_device),
        cmocka_unit_test_setup_teardown(test_pointers, setup, close_device),
        cmocka_unit_test_setup_teardown(test_pools, setup, close_device),
        cmocka_unit_test_setup_teardown(test_free_while_used, setup, close_device),
        cmocka_unit_test_setup_teardown(test_stacks, setup, close_device),
        cmocka_unit_test_setup_teardown(test_local, setup_local, close_device),
        cmocka_unit_test(test_layouts),
    };

    setenv("BAREGPU_CUDA_THREADS", "2", 1);
    setenv("BAREGPU_CUDA_MEMORY", "1048576", 1);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
