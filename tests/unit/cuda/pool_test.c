/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC) tests/fake/cuda_worker.c
// apart: $(GUEST_CUDA_SRC) firmware/vgpu/compute.c
// libs: -ldl
/* Memory in the order of streams, its pools, and what is known of pointers. */
#include "tests/unit/cuda/step.h"

static CUmemoryPool create_pool(size_t maximum)
{
    CUmemPoolProps properties = {
        .allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
        .location = {CU_MEM_LOCATION_TYPE_DEVICE, 0},
        .maxSize = maximum,
    };
    CUmemoryPool pool;

    OK(cuMemPoolCreate(&pool, &properties));
    return pool;
}

static uint64_t get(CUmemoryPool pool, CUmemPool_attribute attribute)
{
    cuuint64_t value = 0;

    OK(cuMemPoolGetAttribute(pool, attribute, &value));
    return value;
}

/* ---- Memory ---- */

static void test_in_order(void **state)
{
    CUdeviceptr pointer, base;
    uint32_t value = 0;
    size_t size;

    (void)state;
    OK(cuMemAllocAsync(&pointer, 400, stream));
    OK(cuMemsetD32Async(pointer, 77, 100, stream));
    OK(cuMemcpyDtoDAsync(word, pointer + 396, 4, stream));
    OK(cuMemGetAddressRange(&base, &size, pointer + 10));
    assert_int_equal(base, pointer);
    assert_int_equal(size, 400);
    OK(cuMemFreeAsync(pointer, stream));
    OK(cuStreamSynchronize(stream));
    OK(cuMemcpyDtoH(&value, word, 4));
    assert_int_equal(value, 77);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemFreeAsync(pointer, stream));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoH(&value, pointer, 4));
    OK(cuMemFreeAsync(0, stream));
    OK(cuMemAllocAsync(&pointer, 4, NULL));
    OK(cuMemFree(pointer)); /* also so */
    OK(cuMemAlloc(&pointer, 4));
    OK(cuMemFreeAsync(pointer, stream)); /* and the other way round */
    OK(cuStreamSynchronize(stream));
}

static void test_wrong_memory(void **state)
{
    CUdeviceptr pointer;

    (void)state;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemAllocAsync(NULL, 4, stream));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemAllocAsync(&pointer, 0, stream));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuMemAllocAsync(&pointer, 4, NO_HANDLE(CUstream)));
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, cuMemAllocAsync(&pointer, (size_t)1 << 40, stream));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuMemAllocFromPoolAsync(&pointer, 4, NO_HANDLE(CUmemoryPool), stream));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemFreeAsync(word + 1, stream));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuMemFreeAsync(word, NO_HANDLE(CUstream)));
}

/* ---- Pools ---- */

static void test_pools(void **state)
{
    CUmemoryPool pool = create_pool(1000), found, standard;
    CUdeviceptr a, b;
    CUmemoryPool of_pointer = NULL;

    (void)state;
    OK(cuMemAllocFromPoolAsync(&a, 600, pool, stream));
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, cuMemAllocFromPoolAsync(&b, 401, pool, stream));
    OK(cuMemAllocFromPoolAsync(&b, 400, pool, stream));
    OK(cuPointerGetAttribute(&of_pointer, CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE, b));
    assert_ptr_equal(of_pointer, pool);
    assert_int_equal(get(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT), 1000);
    OK(cuMemFreeAsync(a, stream));
    assert_int_equal(get(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT), 400);
    assert_int_equal(get(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH), 1000);
    OK(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH, &(cuuint64_t){0}));
    assert_int_equal(get(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH), 400);
    OK(cuMemPoolTrimTo(pool, 0));
    OK(cuDeviceGetDefaultMemPool(&standard, 0));
    OK(cuDeviceGetMemPool(&found, 0));
    assert_ptr_equal(found, standard);
    OK(cuDeviceSetMemPool(0, pool));
    OK(cuDeviceGetMemPool(&found, 0));
    assert_ptr_equal(found, pool);
    OK(cuMemAllocAsync(&a, 100, stream));
    assert_int_equal(get(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT), 500);
    OK(cuMemPoolDestroy(pool));
    OK(cuDeviceGetMemPool(&found, 0));
    assert_ptr_equal(found, standard);
    OK(cuMemsetD8Async(a, 1, 100, stream)); /* what was allocated stays */
    OK(cuMemFreeAsync(a, stream));
    OK(cuMemFreeAsync(b, stream));
    OK(cuStreamSynchronize(stream));
}

static void test_pool_attributes(void **state)
{
    CUmemoryPool pool = create_pool(0);
    CUmemAccessDesc access = {{CU_MEM_LOCATION_TYPE_DEVICE, 0}, CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
    CUmemLocation nowhere = {CU_MEM_LOCATION_TYPE_DEVICE, 5};
    CUmemAccess_flags flags;
    cuuint64_t threshold = 1 << 20;
    int reuse = 0;

    (void)state;
    OK(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &threshold));
    assert_int_equal(get(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD), threshold);
    OK(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC, &reuse));
    reuse = 5;
    OK(cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC, &reuse));
    assert_int_equal(reuse, 0);
    OK(cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES, &reuse));
    assert_int_equal(reuse, 1);
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &threshold));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH, &threshold));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuMemPoolGetAttribute(pool, (CUmemPool_attribute)99, &threshold));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, NULL));
    OK(cuMemPoolSetAccess(pool, &access, 1));
    OK(cuMemPoolGetAccess(&flags, pool, &access.location));
    assert_int_equal(flags, CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
    access.flags = CU_MEM_ACCESS_FLAGS_PROT_NONE;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemPoolSetAccess(pool, &access, 1));
    access.location = nowhere;
    EXPECT(CUDA_ERROR_INVALID_DEVICE, cuMemPoolSetAccess(pool, &access, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemPoolSetAccess(pool, NULL, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemPoolGetAccess(&flags, pool, &nowhere));
    OK(cuMemPoolDestroy(pool));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemPoolDestroy(pool));
}

static void test_wrong_pools(void **state)
{
    CUmemPoolProps properties = {.allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
                                 .location = {CU_MEM_LOCATION_TYPE_DEVICE, 0}};
    CUmemoryPool pool;

    (void)state;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemPoolCreate(NULL, &properties));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemPoolCreate(&pool, NULL));
    properties.handleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, cuMemPoolCreate(&pool, &properties));
    properties.location.id = 4;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemPoolCreate(&pool, &properties));
    OK(cuDeviceGetDefaultMemPool(&pool, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemPoolDestroy(pool));
    EXPECT(CUDA_ERROR_INVALID_DEVICE, cuDeviceGetDefaultMemPool(&pool, 9));
    EXPECT(CUDA_ERROR_INVALID_DEVICE, cuDeviceSetMemPool(9, pool));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuDeviceSetMemPool(0, NO_HANDLE(CUmemoryPool)));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemPoolTrimTo(NO_HANDLE(CUmemoryPool), 0));
}

/* A pool forgets memory that is gone with its session. */
static void test_loss(void **state)
{
    CUmemoryPool pool = create_pool(0);
    CUdeviceptr pointer;

    (void)state;
    OK(cuMemAllocFromPoolAsync(&pointer, 600, pool, stream));
    fake_carrier.is_lost = true;
    EXPECT(CUDA_ERROR_DEVICE_UNAVAILABLE, cuStreamSynchronize(stream));
    OK(cuDevicePrimaryCtxReset(0));
    assert_int_equal(get(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT), 0);
}

/* ---- Pointers ---- */

static void test_device_pointer(void **state)
{
    CUpointer_attribute attributes[] = {CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                                        CU_POINTER_ATTRIBUTE_RANGE_SIZE,
                                        CU_POINTER_ATTRIBUTE_HOST_POINTER};
    unsigned type = 0;
    size_t size = 0;
    void *host = &type;
    void *values[] = {&type, &size, &host};
    CUcontext of = NULL;
    CUdeviceptr pointer, start = 0;
    int ordinal = -1;
    bool flag = true;

    (void)state;
    OK(cuMemAlloc(&pointer, 300));
    OK(cuPointerGetAttribute(&of, CU_POINTER_ATTRIBUTE_CONTEXT, pointer + 5));
    assert_ptr_equal(of, context);
    OK(cuPointerGetAttribute(&start, CU_POINTER_ATTRIBUTE_RANGE_START_ADDR, pointer + 5));
    assert_int_equal(start, pointer);
    OK(cuPointerGetAttribute(&start, CU_POINTER_ATTRIBUTE_DEVICE_POINTER, pointer + 5));
    assert_int_equal(start, pointer + 5);
    OK(cuPointerGetAttribute(&ordinal, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, pointer));
    assert_int_equal(ordinal, 0);
    OK(cuPointerGetAttribute(&flag, CU_POINTER_ATTRIBUTE_IS_MANAGED, pointer));
    assert_false(flag);
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuPointerGetAttribute(&host, CU_POINTER_ATTRIBUTE_HOST_POINTER, pointer));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuPointerGetAttribute(&host, CU_POINTER_ATTRIBUTE_P2P_TOKENS, pointer));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuPointerGetAttribute(NULL, CU_POINTER_ATTRIBUTE_CONTEXT, pointer));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuPointerGetAttribute(&of, CU_POINTER_ATTRIBUTE_CONTEXT, pointer + 300));
    OK(cuPointerGetAttributes(3, attributes, values, pointer));
    assert_int_equal(type, CU_MEMORYTYPE_DEVICE);
    assert_int_equal(size, 300);
    assert_null(host);
    OK(cuPointerGetAttributes(3, attributes, values, (CUdeviceptr)(uintptr_t)&type));
    assert_int_equal(type, 0);
    assert_int_equal(size, 0);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuPointerGetAttributes(0, attributes, values, pointer));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuPointerGetAttributes(3, NULL, values, pointer));
    OK(cuPointerSetAttribute(&(int){1}, CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, pointer));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuPointerSetAttribute(&(int){1}, CU_POINTER_ATTRIBUTE_MAPPED, pointer));
    OK(cuMemFree(pointer));
}

/* By either of its names. */
static void test_host_pointer(void **state)
{
    CUdeviceptr mapped, found = 0;
    unsigned type = 0;
    uint8_t *bytes;
    void *memory_of_heap, *host = NULL;

    (void)state;
    OK(cuMemAllocHost(&memory_of_heap, 100));
    bytes = memory_of_heap;
    OK(cuMemHostGetDevicePointer(&mapped, bytes, 0));
    OK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, mapped + 7));
    assert_int_equal(type, CU_MEMORYTYPE_HOST);
    OK(cuPointerGetAttribute(&host, CU_POINTER_ATTRIBUTE_HOST_POINTER, mapped + 7));
    assert_ptr_equal(host, bytes + 7);
    OK(cuPointerGetAttribute(&found, CU_POINTER_ATTRIBUTE_DEVICE_POINTER,
                             (CUdeviceptr)(uintptr_t)(bytes + 7)));
    assert_int_equal(found, mapped + 7);
    OK(cuMemFreeHost(bytes));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, mapped));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STEP_BOTH(test_in_order),        STEP_BOTH(test_wrong_memory), STEP_BOTH(test_pools),
        STEP_BOTH(test_pool_attributes), STEP_BOTH(test_wrong_pools),  STEP_RING(test_loss),
        STEP_BOTH(test_device_pointer),  STEP_RING(test_host_pointer),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
