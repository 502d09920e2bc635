/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC) tests/fake/cuda_worker.c
// apart: $(GUEST_CUDA_SRC) firmware/vgpu/compute.c
// libs: -ldl
/* Words of memory that streams write, and wait for. */
#include "tests/unit/cuda/step.h"

static uint32_t *flag; /* of memory that both sides see */

/* A host function that runs when another stream is waited for. */
static void set_flag(void *unused)
{
    (void)unused;
    __atomic_store_n(flag, 1, __ATOMIC_RELEASE);
}

#define WRITE(place, number)                                                                       \
    {                                                                                              \
        .writeValue = {                                                                            \
            .operation = CU_STREAM_MEM_OP_WRITE_VALUE_32,                                          \
            .address = (place),                                                                    \
            .value = (number)                                                                      \
        }                                                                                          \
    }

static void test_batch(CUstream stream, CUdeviceptr address)
{
    CUstreamBatchMemOpParams operations[] = {
        WRITE(address, 3),
        {.memoryBarrier = {CU_STREAM_MEM_OP_BARRIER, CU_STREAM_MEMORY_BARRIER_TYPE_SYS}},
        {.writeValue = {.operation = CU_STREAM_MEM_OP_WRITE_VALUE_64,
                        .address = address + 8,
                        .value64 = UINT64_C(1) << 40}},
        {.waitValue = {.operation = CU_STREAM_MEM_OP_WAIT_VALUE_64,
                       .address = address + 8,
                       .value64 = UINT64_C(1) << 40,
                       .flags = CU_STREAM_WAIT_VALUE_EQ}},
        {.waitValue = {.operation = CU_STREAM_MEM_OP_WAIT_VALUE_32,
                       .address = address,
                       .value = 3}},
    };
    CUstreamBatchMemOpParams wrong[] = {WRITE(address, 4), WRITE(address + 2, 5)};

    OK(cuStreamBatchMemOp(stream, 5, operations, 0));
    OK(cuStreamSynchronize(stream));
    assert_int_equal(*flag, 3);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamBatchMemOp(stream, 2, wrong, 0));
    OK(cuStreamSynchronize(stream));
    assert_int_equal(*flag, 4); /* what came before it */
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamBatchMemOp(stream, 0, operations, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamBatchMemOp(stream, 256, operations, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamBatchMemOp(stream, 5, NULL, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamBatchMemOp(stream, 5, operations, 1));
    operations[1].memoryBarrier.flags = 2;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamBatchMemOp(stream, 2, operations, 0));
    operations[0].operation = CU_STREAM_MEM_OP_FLUSH_REMOTE_WRITES;
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, cuStreamBatchMemOp(stream, 1, operations, 0));
    operations[0].operation = (CUstreamBatchMemOpType)9;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamBatchMemOp(stream, 1, operations, 0));
}

static void test_words(void **state)
{
    CUdeviceptr address;
    CUstream second;
    void *bytes;

    (void)state;
    OK(cuMemAllocHost(&bytes, 64));
    memset(bytes, 0, 64);
    flag = bytes;
    OK(cuMemHostGetDevicePointer(&address, bytes, 0));
    OK(cuStreamCreate(&second, CU_STREAM_NON_BLOCKING));
    OK(cuStreamWaitValue32(stream, address, 1, CU_STREAM_WAIT_VALUE_GEQ));
    launch_step(stream, 10, 1);
    OK(cuStreamWriteValue64(stream, address + 8, 5, CU_STREAM_WRITE_VALUE_DEFAULT));
    OK(cuStreamWaitValue64(second, address + 8, 5, CU_STREAM_WAIT_VALUE_EQ));
    EXPECT(CUDA_ERROR_NOT_READY, cuStreamQuery(second));
    OK(cuLaunchHostFunc(NULL, set_flag, NULL));
    OK(cuStreamSynchronize(NULL));
    OK(cuStreamSynchronize(second));
    assert_int_equal(read_word(), 11);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamWriteValue32(stream, address + 2, 0, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamWriteValue64(stream, address + 4, 0, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamWriteValue32(stream, word + 4, 0, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamWriteValue32(stream, word, 0, 2));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamWaitValue32(stream, word, 0, 4));
    EXPECT(CUDA_ERROR_NOT_SUPPORTED,
           cuStreamWaitValue32(stream, word, 0, CU_STREAM_WAIT_VALUE_FLUSH));
    test_batch(stream, address);
    OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, cuStreamWriteValue32(stream, word, 0, 0));
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cuStreamEndCapture(stream, &(CUgraph){NULL}));
    OK(cuStreamDestroy(second));
    OK(cuMemFreeHost(bytes));
}

static void test_writes(void **state)
{
    (void)state;
    OK(cuStreamWriteValue32(stream, word, 7, 0));
    assert_int_equal(read_word(), 7);
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, cuStreamWaitValue32(stream, word, 7, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STEP_RING(test_words),
        STEP_MAILBOX(test_writes),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
