/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC)
// libs: -ldl
/* cuBLAS as a guest asks for it. What it computes, and what it refuses, cublas_test has. */
#include "tests/unit/mediator/cuda_fixture.h"

#include "protocol/cublas.h"
#include "protocol/cuda_blas.h"

#define ROWS 3

static struct bg_cuda_blas_operand matrix(uint64_t address)
{
    return (struct bg_cuda_blas_operand){.address = address, .ld = ROWS, .type = CUDA_R_32F};
}

static uint64_t bits(float number)
{
    uint64_t word = 0;

    memcpy(&word, &number, sizeof(number));
    return word;
}

static struct bg_cuda_blas make_gemm(uint64_t memory)
{
    return (struct bg_cuda_blas){
        .routine = BG_CUDA_BLAS_GEMM,
        .compute = CUBLAS_COMPUTE_32F,
        .batch_count = 1,
        .m = ROWS,
        .n = ROWS,
        .k = ROWS,
        .alpha = bits(2),
        .a = matrix(memory),
        .b = matrix(memory + 64),
        .c = matrix(memory + 128),
    };
}

static struct bg_cuda_blas make_dot(uint64_t memory)
{
    return (struct bg_cuda_blas){
        .routine = BG_CUDA_BLAS_DOT,
        .type = CUDA_R_32F,
        .n = 9,
        .b = {.address = memory, .ld = 1},
        .c = {.address = memory + 64, .ld = 1},
    };
}

/* 1 to 9, and ones. */
static uint64_t make_operands(void)
{
    float numbers[48] = {0};
    uint64_t memory = allocate(sizeof(numbers));

    for (int i = 0; i < 9; i++) {
        numbers[i] = (float)(i + 1);
        numbers[16 + i] = 1;
    }
    write_memory(memory, numbers, sizeof(numbers));
    return memory;
}

static CUresult with(struct bg_cuda_blas blas)
{
    return ASK(BG_CUDA_BLAS, blas);
}

static void test_gemm(void **state)
{
    uint64_t memory = make_operands();

    (void)state;
    assert_int_equal(device.has_blas, 1);
    OK(with(make_gemm(memory)));
    OK(ASK(BG_CUDA_STREAM_MARK, (struct bg_cuda_mark){0, 0, 1}));
    wait_until_reached(&page()->completed[0], 1);
    const float *c = read_memory(memory + 128, 36);

    assert_true(c[0] == 24 && c[1] == 30 && c[2] == 36 && c[8] == 36);
    OK(give_back(memory));
}

/* As an answer, and to where the guest says: here in the heap. */
static void test_dot(void **state)
{
    uint64_t memory = make_operands();
    struct bg_cuda_blas dot = make_dot(memory);
    float sum;

    (void)state;
    OK(with(dot));
    assert_int_equal(done.results[1], sizeof(uint64_t));
    memcpy(&sum, done.answer, sizeof(sum));
    assert_true(sum == 45);

    dot.flags = BG_CUDA_BLAS_DEVICE_SCALARS;
    dot.result = device.heap_address + DATA_OFFSET;
    OK(with(dot));
    assert_int_equal(done.results[1], 0);
    OK(ASK(BG_CUDA_STREAM_MARK, (struct bg_cuda_mark){0, 0, 1}));
    wait_until_reached(&page()->completed[0], 1);
    memcpy(&sum, heap + DATA_OFFSET, sizeof(sum));
    assert_true(sum == 45);
    OK(give_back(memory));
}

static void test_mailbox(void **state)
{
    uint64_t memory = make_operands();
    float sum;

    (void)state;
    OK(with(make_dot(memory)));
    memcpy(&sum, done.answer, sizeof(sum));
    assert_true(sum == 45);
    OK(give_back(memory));
}

static void test_refusals(void **state)
{
    uint64_t memory = make_operands();
    struct bg_cuda_blas blas = make_gemm(memory);

    (void)state;
    blas.routine = 0;
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, with(blas));
    blas.routine = BG_CUDA_BLAS_GEMM_BATCHED + 1;
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, with(blas));
    blas = make_gemm(memory);
    blas.stream = 77;
    EXPECT(CUDA_ERROR_INVALID_HANDLE, with(blas));
    blas = make_gemm(memory);
    blas.flags = 2;
    EXPECT(CUDA_ERROR_INVALID_VALUE, with(blas));
    blas = make_gemm(memory);
    blas.math_mode = 99;
    EXPECT(CUDA_ERROR_INVALID_VALUE, with(blas));
    blas = make_gemm(memory);
    blas.compute = 0;
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, with(blas));
    blas = make_gemm(memory);
    blas.c.address += 64; /* its last element is behind */
    EXPECT(CUDA_ERROR_INVALID_VALUE, with(blas));
    blas = make_gemm(memory);
    blas.a.address = (uint64_t)(uintptr_t)&blas; /* the worker's own memory */
    EXPECT(CUDA_ERROR_INVALID_VALUE, with(blas));
    blas = make_gemm(memory);
    blas.a.address = gpu.scratch_address; /* what the device may use, and no guest */
    EXPECT(CUDA_ERROR_INVALID_VALUE, with(blas));
    blas = make_gemm(memory);
    blas.flags = BG_CUDA_BLAS_DEVICE_SCALARS;
    blas.alpha = (uint64_t)(uintptr_t)&blas;
    blas.beta = memory;
    EXPECT(CUDA_ERROR_INVALID_VALUE, with(blas));
    blas = make_dot(memory);
    blas.type = CUDA_R_16F;
    EXPECT(CUDA_ERROR_INVALID_VALUE, with(blas));
    OK(with(make_gemm(memory)));
    OK(give_back(memory));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_gemm, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mailbox, setup_mailbox, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
