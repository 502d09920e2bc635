/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC) tests/fake/cuda_worker.c
// apart: $(GUEST_CUDA_SRC) firmware/vgpu/compute.c
// libs: -ldl
/* Memory: allocations, the guest's own, fills and copies. */
#include "tests/unit/cuda/fixture.h"

#define SIZE 40000u /* more than both pieces of the heap, and than many requests of a mailbox */

static uint8_t bytes[SIZE], back[SIZE];

static void make_pattern(uint32_t seed)
{
    for (uint32_t i = 0; i < SIZE; i++) {
        bytes[i] = (uint8_t)((i + seed) * 2654435761u >> 13);
    }
    memset(back, 0, SIZE);
}

/* ---- Allocations ---- */

static void test_alloc(void **state)
{
    CUdeviceptr first, second, base;
    size_t available, total, size, pitch;

    (void)state;
    OK(cuMemGetInfo(&available, &total));
    OK(cuMemAlloc(&first, 1000));
    OK(cuMemAlloc(&second, 2000));
    assert_true(first != second);
    OK(cuMemGetInfo(&size, &total));
    assert_true(size < available);
    OK(cuMemGetAddressRange(&base, &size, first + 999));
    assert_int_equal(base, first);
    assert_int_equal(size, 1000);
    OK(cuMemGetAddressRange(NULL, NULL, first));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemFree(first + 1));
    OK(cuMemFree(first));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemFree(first));
    EXPECT(CUDA_ERROR_NOT_FOUND, cuMemGetAddressRange(&base, &size, first));
    OK(cuMemFree(0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemAlloc(NULL, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemAlloc(&first, 0));
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc(&first, (size_t)1 << 40));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemGetInfo(NULL, &total));
    OK(cuMemAllocPitch(&first, &pitch, 100, 10, 4));
    assert_true(pitch >= 100);
    OK(cuMemGetAddressRange(NULL, &size, first));
    assert_int_equal(size, pitch * 10);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemAllocPitch(&first, &pitch, 100, 10, 3));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemAllocPitch(&first, &pitch, 0, 10, 4));
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, cuMemAllocPitch(&first, &pitch, SIZE_MAX / 2, 10, 4));
    OK(cuCtxSetCurrent(NULL));
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuMemAlloc(&first, 1));
}

/* The table of allocations is sorted, and grows. */
static void test_many(void **state)
{
    enum { COUNT = 500 };
    static CUdeviceptr pointers[COUNT];
    CUdeviceptr base;

    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        OK(cuMemAlloc(&pointers[i], 1 + i));
    }
    for (unsigned i = 0; i < COUNT; i += 2) {
        OK(cuMemFree(pointers[i]));
    }
    for (unsigned i = 1; i < COUNT; i += 2) {
        OK(cuMemGetAddressRange(&base, NULL, pointers[i] + i));
        assert_int_equal(base, pointers[i]);
        OK(cuMemFree(pointers[i]));
    }
}

/* ---- The guest's memory ---- */

static void test_host_memory(void **state)
{
    unsigned flags;
    CUdeviceptr mapped, base;
    size_t size;
    void *first, *second;

    (void)state;
    OK(cuMemAllocHost(&first, 100));
    OK(cuMemHostAlloc(&second, 200, CU_MEMHOSTALLOC_PORTABLE));
    memset(first, 1, 100);
    memset(second, 2, 200);
    OK(cuMemHostGetFlags(&flags, second));
    assert_int_equal(flags, CU_MEMHOSTALLOC_PORTABLE);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemHostGetFlags(&flags, bytes));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemHostAlloc(&second, 200, 1u << 10));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemAllocHost(NULL, 100));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemAllocHost(&second, 0));
    if (fake_worker_heap() != NULL) {
        OK(cuMemHostGetDevicePointer(&mapped, (uint8_t *)first + 10, 0));
        OK(cuMemGetAddressRange(&base, &size, mapped));
        assert_int_equal(base, mapped - 10);
        assert_int_equal(size, 100);
    } else {
        EXPECT(CUDA_ERROR_NOT_SUPPORTED, cuMemHostGetDevicePointer(&mapped, first, 0));
    }
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemHostGetDevicePointer(&mapped, bytes, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemHostGetDevicePointer(&mapped, first, 1));
    OK(cuMemFreeHost(first));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemFreeHost(first));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemFreeHost(bytes));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemFreeHost((uint8_t *)second + 1));
    OK(cuMemFreeHost(second));
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, cuMemAllocHost(&first, 100u << 20));
}

static void test_registration(void **state)
{
    CUdeviceptr mapped;
    uint8_t *own = fake_worker_heap() + HEAP_SIZE - 4096; /* as from bg_pvgpu_heap_alloc */

    (void)state;
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, cuMemHostRegister(bytes, SIZE, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemHostRegister(NULL, SIZE, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemHostRegister(own, 0, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemHostRegister(own, 100, 1u << 10));
    OK(cuMemHostRegister(own, 1000, CU_MEMHOSTREGISTER_DEVICEMAP));
    EXPECT(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, cuMemHostRegister(own + 999, 10, 0));
    OK(cuMemHostGetDevicePointer(&mapped, own, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemFreeHost(own));
    OK(cuMemHostUnregister(own));
    EXPECT(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, cuMemHostUnregister(own));
}

/* ---- Rows ---- */

static void test_copy(void **state)
{
    CUdeviceptr first, second;

    (void)state;
    OK(cuMemAlloc(&first, SIZE));
    OK(cuMemAlloc(&second, SIZE));
    make_pattern(1);
    OK(cuMemcpyHtoD(first, bytes, SIZE));
    OK(cuMemcpyDtoD(second, first, SIZE));
    OK(cuMemcpyDtoH(back, second, SIZE));
    assert_memory_equal(back, bytes, SIZE);
    for (uint32_t size = 0; size < 9000; size = size * 2 + 1) { /* around the pieces' size */
        make_pattern(size);
        OK(cuMemcpyHtoDAsync(first + 3, bytes, size, NULL));
        OK(cuMemcpyAsync(second + 1, first + 3, size, NULL));
        OK(cuMemcpyDtoHAsync(back, second + 1, size, NULL));
        assert_memory_equal(back, bytes, size);
    }
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD(first + 1, bytes, SIZE));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoH(back, first + SIZE, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoD(first, 1, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD(first, NULL, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoH(NULL, first, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD(first, bytes, SIZE_MAX));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuMemcpyHtoDAsync(first, bytes, 1, NO_HANDLE(CUstream)));
    OK(cuMemcpyHtoD(first, NULL, 0));
}

/* Many small ones wait for nothing until the heap's pieces are full. */
static void test_small_copies(void **state)
{
    CUdeviceptr pointer;

    (void)state;
    OK(cuMemAlloc(&pointer, 4000));
    make_pattern(7);
    for (unsigned i = 0; i < 1000; i++) {
        OK(cuMemcpyHtoD(pointer + i * 4, bytes + i * 4, 4));
    }
    for (unsigned i = 0; i < 1000; i++) {
        OK(cuMemcpyDtoH(back + i * 4, pointer + i * 4, 4));
    }
    assert_memory_equal(back, bytes, 4000);
}

static void test_pinned_copy(void **state)
{
    CUdeviceptr pointer, mapped;
    uint8_t *host;

    (void)state;
    OK(cuMemAlloc(&pointer, SIZE));
    OK(cuMemAllocHost((void **)&host, SIZE));
    make_pattern(3);
    memcpy(host, bytes, SIZE);
    OK(cuMemcpyHtoDAsync(pointer, host, SIZE, NULL));
    OK(cuCtxSynchronize());
    memset(host, 0, SIZE);
    OK(cuMemcpyDtoHAsync(host, pointer, SIZE, NULL));
    OK(cuStreamSynchronize(NULL));
    assert_memory_equal(host, bytes, SIZE);
    memset(host, 0, SIZE);
    OK(cuMemcpyDtoH(host, pointer, SIZE));
    assert_memory_equal(host, bytes, SIZE);
    if (fake_worker_heap() != NULL) {
        OK(cuMemsetD8(pointer, 9, SIZE));
        OK(cuMemHostGetDevicePointer(&mapped, host, 0));
        OK(cuMemcpyDtoD(mapped, pointer, SIZE));
        OK(cuCtxSynchronize());
        assert_int_equal(host[SIZE - 1], 9);
    }
}

static void test_round_trips(void **state)
{
    CUdeviceptr pointer;
    CUstream stream;
    CUevent event;
    unsigned before;
    void *host;

    (void)state;
    OK(cuMemAlloc(&pointer, SIZE));
    OK(cuMemAllocHost(&host, SIZE));
    before = fake_carrier.round_trips;
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cuEventCreate(&event, 0));
    OK(cuMemsetD32Async(pointer, 1, SIZE / 4, stream));
    OK(cuMemcpyDtoHAsync(host, pointer, SIZE, stream));
    OK(cuEventRecord(event, stream));
    OK(cuStreamWaitEvent(NULL, event, 0));
    OK(cuMemcpyHtoD(pointer, bytes, SIZE));
    OK(cuMemcpyDtoH(back, pointer, SIZE));
    OK(cuEventSynchronize(event));
    OK(cuStreamSynchronize(stream));
    OK(cuCtxSynchronize());
    OK(cuEventDestroy(event));
    OK(cuStreamDestroy(stream));
    OK(cuMemFree(pointer));
    OK(cuMemFreeHost(host));
    assert_int_equal(fake_carrier.round_trips, before);
}

/* ---- Fills ---- */

static void test_fill(void **state)
{
    CUdeviceptr pointer;
    uint32_t words[64];

    (void)state;
    OK(cuMemAlloc(&pointer, sizeof(words)));
    OK(cuMemsetD32(pointer, 0x01020304, 64));
    OK(cuMemsetD16Async(pointer + 4, 0xABCD, 2, NULL));
    OK(cuMemsetD8(pointer + 9, 0xEE, 1));
    OK(cuMemsetD2D8(pointer + 16, 16, 0x11, 3, 2));
    OK(cuMemsetD2D16Async(pointer + 64, 16, 0x2222, 2, 2, NULL));
    OK(cuMemsetD2D32(pointer + 128, 16, 0x33333333, 2, 2));
    OK(cuMemcpyDtoH(words, pointer, sizeof(words)));
    assert_int_equal(words[0], 0x01020304);
    assert_int_equal(words[1], 0xABCDABCD);
    assert_int_equal(words[2], 0x0102EE04);
    assert_int_equal(words[4], 0x01111111);
    assert_int_equal(words[8], 0x01111111);
    assert_int_equal(words[16], 0x22222222);
    assert_int_equal(words[20], 0x22222222);
    assert_int_equal(words[33], 0x33333333);
    assert_int_equal(words[34], 0x01020304);
    assert_int_equal(words[37], 0x33333333);
    OK(cuMemsetD8(pointer, 1, 0));
    OK(cuMemsetD2D8(pointer, 0, 1, 10, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemsetD8(pointer, 1, sizeof(words) + 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemsetD16(pointer + 1, 1, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemsetD32(pointer + 2, 1, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemsetD32(pointer, 1, SIZE_MAX / 2));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemsetD2D8(pointer, 4, 1, 5, 2));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemsetD2D32(pointer, 9, 1, 2, 2));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemsetD2D8(pointer, SIZE_MAX / 2, 1, 5, 4));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuMemsetD8Async(pointer, 1, 1, NO_HANDLE(CUstream)));
}

/* ---- Boxes ---- */

#define ROWS 20u
#define HOST_PITCH 700u
#define WIDTH 600u

static void test_copy_2d(void **state)
{
    CUdeviceptr pointer;
    size_t pitch;
    CUDA_MEMCPY2D copy;

    (void)state;
    make_pattern(5);
    OK(cuMemAllocPitch(&pointer, &pitch, WIDTH + 16, ROWS + 2, 4));
    copy = (CUDA_MEMCPY2D){
        .srcMemoryType = CU_MEMORYTYPE_HOST,
        .srcHost = bytes,
        .srcXInBytes = 8,
        .srcY = 1,
        .srcPitch = HOST_PITCH,
        .dstMemoryType = CU_MEMORYTYPE_DEVICE,
        .dstDevice = pointer,
        .dstXInBytes = 16,
        .dstY = 2,
        .dstPitch = pitch,
        .WidthInBytes = WIDTH,
        .Height = ROWS,
    };
    OK(cuMemcpy2D(&copy));
    copy = (CUDA_MEMCPY2D){
        .srcMemoryType = CU_MEMORYTYPE_DEVICE,
        .srcDevice = pointer,
        .srcXInBytes = 16,
        .srcY = 2,
        .srcPitch = pitch,
        .dstMemoryType = CU_MEMORYTYPE_HOST,
        .dstHost = back,
        .dstPitch = HOST_PITCH + 1,
        .WidthInBytes = WIDTH,
        .Height = ROWS,
    };
    OK(cuMemcpy2DUnaligned(&copy));
    for (unsigned y = 0; y < ROWS; y++) {
        assert_memory_equal(back + y * (HOST_PITCH + 1), bytes + (y + 1) * HOST_PITCH + 8, WIDTH);
        assert_int_equal(back[y * (HOST_PITCH + 1) + WIDTH], 0);
    }
    copy.dstPitch = WIDTH - 1;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpy2D(&copy));
    copy.dstPitch = HOST_PITCH;
    copy.Height = ROWS + 1;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpy2D(&copy));
    copy.Height = 0;
    OK(cuMemcpy2D(&copy));
    copy.Height = 1;
    copy.srcMemoryType = (CUmemorytype)77;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpy2D(&copy));
    copy.srcMemoryType = CU_MEMORYTYPE_ARRAY;
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuMemcpy2D(&copy));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpy2DAsync(NULL, NULL));
}

/* A row that is longer than a piece of the heap; and within the guest. */
static void test_copy_long_rows(void **state)
{
    CUdeviceptr pointer;
    CUDA_MEMCPY2D copy = {
        .srcMemoryType = CU_MEMORYTYPE_HOST,
        .srcHost = bytes,
        .srcPitch = SIZE / 4,
        .dstMemoryType = CU_MEMORYTYPE_DEVICE,
        .dstPitch = SIZE / 4,
        .WidthInBytes = SIZE / 4 - 3,
        .Height = 4,
    };

    (void)state;
    make_pattern(6);
    OK(cuMemAlloc(&pointer, SIZE));
    OK(cuMemsetD8(pointer, 0, SIZE));
    copy.dstDevice = pointer;
    OK(cuMemcpy2DAsync(&copy, NULL));
    OK(cuMemcpyDtoH(back, pointer, SIZE));
    for (unsigned y = 0; y < 4; y++) {
        assert_memory_equal(back + y * SIZE / 4, bytes + y * SIZE / 4, SIZE / 4 - 3);
        assert_int_equal(back[(y + 1) * SIZE / 4 - 1], 0);
    }
    copy.dstMemoryType = CU_MEMORYTYPE_HOST;
    copy.dstHost = back;
    make_pattern(8);
    OK(cuMemcpy2D(&copy));
    assert_memory_equal(back + SIZE / 4, bytes + SIZE / 4, SIZE / 4 - 3);
}

static void test_copy_3d(void **state)
{
    enum { SIDE = 6, PITCH = 8, HEIGHT = 9 };
    CUdeviceptr pointer;
    CUDA_MEMCPY3D copy = {
        .srcMemoryType = CU_MEMORYTYPE_HOST,
        .srcHost = bytes,
        .srcXInBytes = 1,
        .srcY = 2,
        .srcZ = 3,
        .srcPitch = PITCH,
        .srcHeight = HEIGHT,
        .dstMemoryType = CU_MEMORYTYPE_DEVICE,
        .dstPitch = 32,
        .dstHeight = 16,
        .dstZ = 1,
        .WidthInBytes = SIDE,
        .Height = SIDE,
        .Depth = SIDE,
    };

    (void)state;
    make_pattern(9);
    OK(cuMemAlloc(&pointer, 32 * 16 * 8));
    copy.dstDevice = pointer;
    OK(cuMemcpy3DAsync(&copy, NULL));
    OK(cuMemcpyDtoH(back, pointer, 32 * 16 * 8));
    for (unsigned z = 0; z < SIDE; z++) {
        for (unsigned y = 0; y < SIDE; y++) {
            assert_memory_equal(back + (z + 1) * 32 * 16 + y * 32,
                                bytes + (z + 3) * PITCH * HEIGHT + (y + 2) * PITCH + 1, SIDE);
        }
    }
    copy.srcHeight = SIDE + 1; /* slices would overlap */
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpy3D(&copy));
    copy.srcHeight = HEIGHT;
    copy.Depth = 8;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpy3D(&copy)); /* beyond the allocation */
    copy.Depth = SIDE;
    copy.dstZ = SIZE_MAX / 2;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpy3D(&copy));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpy3D(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_alloc),        BOTH(test_many),           BOTH(test_host_memory),
        RING(test_registration), BOTH(test_copy),           BOTH(test_small_copies),
        BOTH(test_pinned_copy),  RING(test_round_trips),    BOTH(test_fill),
        BOTH(test_copy_2d),      BOTH(test_copy_long_rows), BOTH(test_copy_3d),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
