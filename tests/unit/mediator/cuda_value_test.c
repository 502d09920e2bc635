/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC)
// libs: -ldl
/* Words of a guest's memory that its streams write, and wait for. */
#include "tests/unit/mediator/cuda_fixture.h"

#include <unistd.h>

#include "tests/unit/mediator/cuda_gate.h"

#define WAITING BG_CUDA_STREAM_FIRST
#define OTHER (BG_CUDA_STREAM_FIRST + 1)
#define ENDS_S 60 /* a driver that waits never comes back */

static uint64_t word;

static int setup_word(void **state)
{
    setup(state);
    alarm(ENDS_S);
    word = allocate(8);
    OK(ASK(BG_CUDA_STREAM_CREATE,
           (struct bg_cuda_stream_create){WAITING, CU_STREAM_NON_BLOCKING, 0}));
    OK(ASK(BG_CUDA_STREAM_CREATE,
           (struct bg_cuda_stream_create){OTHER, CU_STREAM_NON_BLOCKING, 0}));
    return 0;
}

static int teardown_word(void **state)
{
    teardown(state);
    alarm(0);
    return 0;
}

static CUresult write_word(uint64_t address, uint64_t value, uint32_t size)
{
    return ASK(BG_CUDA_STREAM_WRITE,
               (struct bg_cuda_stream_value){
                   .address = address, .value = value, .size = size, .stream = OTHER});
}

static CUresult watch_word(uint64_t address, uint64_t value, uint32_t size, uint32_t flags)
{
    return ASK(
        BG_CUDA_STREAM_WATCH,
        (struct bg_cuda_stream_value){
            .address = address, .value = value, .size = size, .flags = flags, .stream = WAITING});
}

static void test_writes(void **state)
{
    uint64_t value = 0;

    (void)state;
    assert_int_equal(device.attributes[CU_DEVICE_ATTRIBUTE_CAN_USE_64_BIT_STREAM_MEM_OPS], 1);
    OK(write_word(word, 0x1122334455667788, 8));
    OK(write_word(word + 4, 0xAABBCCDD, 4));
    OK(sync_stream(BG_CUDA_ALL));
    memcpy(&value, read_memory(word, 8), sizeof(value));
    assert_true(value == 0xAABBCCDD55667788);
    OK(write_word(device.heap_address + DATA_OFFSET, 7, 8));
    OK(sync_stream(BG_CUDA_ALL));
    assert_int_equal(heap[DATA_OFFSET], 7);
}

static void test_bad_values(void **state)
{
    (void)state;
    EXPECT(CUDA_ERROR_INVALID_VALUE, write_word(word + 4, 0, 8));
    EXPECT(CUDA_ERROR_INVALID_VALUE, write_word(word + 2, 0, 4));
    EXPECT(CUDA_ERROR_INVALID_VALUE, write_word(word + 8, 0, 4));
    EXPECT(CUDA_ERROR_INVALID_VALUE, write_word(word, 0, 2));
    EXPECT(CUDA_ERROR_INVALID_VALUE, write_word(word, 0, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, write_word(gpu.scratch_address, 0, 8));
    EXPECT(CUDA_ERROR_INVALID_VALUE, watch_word(word, 0, 8, CU_STREAM_WAIT_VALUE_NOR + 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, watch_word(0, 0, 8, 0));
    OK(ASK_HANDLE(BG_CUDA_STREAM_DESTROY, WAITING));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, watch_word(word, 0, 8, 0));
    OK(ASK_HANDLE(BG_CUDA_STREAM_DESTROY, OTHER));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, write_word(word, 0, 8));
}

/* It is held, not by a mark of the page, until the word is so. */
static void expect_held(void)
{
    while (!cuda_is_held(session)) {
    }
    assert_true(cuda_is_busy(session));
    assert_false(cuda_is_working(session));
    assert_false(cuda_is_acknowledged(session));
    assert_int_equal(page()->completed[WAITING], 0);
}

static void check_wait(uint64_t before, uint64_t value, uint32_t size, uint32_t flags,
                       uint64_t after)
{
    write_memory(word, &before, size);
    OK(watch_word(word, value, size, flags));
    expect_held();
    OK(write_word(word, after, size));
    wait_until_idle();
    assert_false(cuda_is_held(session));
}

static void test_waits(void **state)
{
    (void)state;
    check_wait(4, 5, 8, CU_STREAM_WAIT_VALUE_GEQ, 5);
    check_wait(4, 5, 4, CU_STREAM_WAIT_VALUE_GEQ, 7);
    check_wait(0xFFFFFFFF, 1, 4, CU_STREAM_WAIT_VALUE_GEQ, 1); /* in a circle */
    check_wait(6, 5, 8, CU_STREAM_WAIT_VALUE_EQ, 5);
    check_wait(2, 5, 4, CU_STREAM_WAIT_VALUE_AND, 4);
    check_wait(0xFFFFFFFE, 1, 4, CU_STREAM_WAIT_VALUE_NOR, 2);
    OK(watch_word(word, 2, 4, CU_STREAM_WAIT_VALUE_EQ)); /* it is */
    wait_until_idle();
}

/* A GPU's word is copied, also while what is waited for at once waits for this stream. */
static void test_waits_on_gpu(void **state)
{
    (void)state;
    driver.on_cpu = false;
    check_wait(4, 5, 8, CU_STREAM_WAIT_VALUE_GEQ, 5);
    OK(write_word(word, 6, 8));
    OK(watch_word(word, 6, 8, CU_STREAM_WAIT_VALUE_EQ));
    OK(sync_stream(BG_CUDA_ALL));
}

/* In the heap the guest itself writes it. */
static void test_wait_for_the_guest(void **state)
{
    uint64_t *flag = (uint64_t *)(void *)(heap + DATA_OFFSET);

    (void)state;
    OK(watch_word(device.heap_address + DATA_OFFSET, 1, 8, CU_STREAM_WAIT_VALUE_EQ));
    expect_held();
    __atomic_store_n(flag, 1, __ATOMIC_RELEASE);
    assert_true(cuda_is_acknowledged(session));
    wait_until_idle();
}

static void test_word_that_is_given_back(void **state)
{
    (void)state;
    OK(watch_word(word, 5, 8, CU_STREAM_WAIT_VALUE_EQ));
    expect_held();
    OK(ASK(BG_CUDA_MEMORY_FREE, (struct bg_cuda_memory_free){word, OTHER, 0}));
    cuda_is_busy(session);
    assert_int_equal(page()->error, CUDA_ERROR_ILLEGAL_ADDRESS);
    assert_true(gpu.lost);
}

/* The error is the session's own: the driver goes on with what the other stream has, to its mark.
 */
static void test_end_while_another_stream_works(void **state)
{
    const struct bg_cuda_fill fill = {.address = device.heap_address + DATA_OFFSET,
                                      .width = 4096,
                                      .height = 1,
                                      .element_size = 1,
                                      .stream = OTHER};

    (void)state;
    OK(watch_word(word, 5, 8, CU_STREAM_WAIT_VALUE_EQ));
    expect_held();
    for (unsigned i = 0; i < 10000; i++) {
        OK(ASK(BG_CUDA_FILL, fill));
    }
    OK(ASK(BG_CUDA_STREAM_MARK, (struct bg_cuda_mark){OTHER, 0, 1}));
    OK(give_back(word));
    cuda_is_busy(session);
    assert_int_equal(page()->error, CUDA_ERROR_ILLEGAL_ADDRESS);
    ASK_NOTHING(BG_CUDA_END);
}

static void test_end_of_a_waiting_stream(void **state)
{
    (void)state;
    OK(watch_word(word, 5, 8, CU_STREAM_WAIT_VALUE_EQ));
    OK(watch_word(word, 6, 8, CU_STREAM_WAIT_VALUE_EQ));
    expect_held();
    OK(ASK_NOTHING(BG_CUDA_END));
}

static void test_mailbox(void **state)
{
    const struct bg_cuda_stream_value value = {.address = allocate(8), .value = 5, .size = 4};

    (void)state;
    OK(ASK(BG_CUDA_STREAM_WRITE, value));
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, ASK(BG_CUDA_STREAM_WATCH, value));
    assert_int_equal(*(const uint32_t *)read_memory(value.address, 4), 5);
    assert_int_equal(device.attributes[CU_DEVICE_ATTRIBUTE_CAN_USE_64_BIT_STREAM_MEM_OPS], 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup_word, teardown_word)
    const struct CMUnitTest tests[] = {
        TEST(test_writes),
        TEST(test_bad_values),
        TEST(test_waits),
        TEST(test_waits_on_gpu),
        TEST(test_wait_for_the_guest),
        TEST(test_word_that_is_given_back),
        TEST(test_end_while_another_stream_works),
        TEST(test_end_of_a_waiting_stream),
        cmocka_unit_test_setup_teardown(test_mailbox, setup_mailbox, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
