/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC)
// libs: -ldl
/* What all commands of a guest's CUDA share: begin and end, sizes, staged data, long answers, and
 * where failures are told. */
#include "tests/unit/mediator/cuda_fixture.h"

static const char empty_kernel[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n.visible .entry nothing() { ret; }\n";

static void test_device(void **state)
{
    (void)state;
    assert_int_equal(device.provider, BG_CUDA_PROVIDER_CPU);
    assert_int_equal(device.driver_version, CUDA_VERSION);
    assert_int_equal(device.memory_limit, MEMORY_LIMIT);
    assert_int_equal(device.heap_address, (uintptr_t)heap);
    assert_true(device.memory_total > 0);
    assert_true(strlen(device.name) > 0);
    assert_int_equal(device.attributes[CU_DEVICE_ATTRIBUTE_WARP_SIZE], 32);
    assert_int_equal(device.attributes[CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR], 9);
    assert_int_equal(device.attributes[CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING], 0);
    assert_int_equal(device.attributes[CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY], 0);
    assert_int_equal(device.attributes[0], 0);
}

static CUresult init(uint32_t version, uint32_t page_offset)
{
    return ASK(BG_CUDA_INIT, (struct bg_cuda_init){version, page_offset});
}

static void test_begin_and_end(void **state)
{
    uint64_t memory = allocate(100);

    (void)state;
    EXPECT(CUDA_ERROR_INVALID_VALUE, init(BG_CUDA_COMMAND_VERSION, PAGE_OFFSET));
    OK(ASK_NOTHING(BG_CUDA_END));
    assert_int_equal(session->memory_used, 0);
    EXPECT(CUDA_ERROR_NOT_INITIALIZED, ASK_NOTHING(BG_CUDA_END));
    EXPECT(CUDA_ERROR_NOT_INITIALIZED, give_back(memory));
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, init(BG_CUDA_COMMAND_VERSION + 1, PAGE_OFFSET));
    EXPECT(CUDA_ERROR_INVALID_VALUE, init(BG_CUDA_COMMAND_VERSION, PAGE_OFFSET + 8));
    EXPECT(CUDA_ERROR_INVALID_VALUE, init(BG_CUDA_COMMAND_VERSION, HEAP_SIZE - 64));
    EXPECT(CUDA_ERROR_INVALID_VALUE, init(BG_CUDA_COMMAND_VERSION, 0xFFFFFFC0u));
    OK(init(BG_CUDA_COMMAND_VERSION, BG_CUDA_NONE));
    EXPECT(CUDA_ERROR_INVALID_VALUE, give_back(memory));
}

static void test_no_heap(void **state)
{
    (void)state;
    assert_int_equal(device.heap_address, 0);
    OK(ASK_NOTHING(BG_CUDA_END));
    EXPECT(CUDA_ERROR_INVALID_VALUE, init(BG_CUDA_COMMAND_VERSION, 0));
}

static void test_old_driver(void **state)
{
    (void)state;
    OK(ASK_NOTHING(BG_CUDA_END));
    driver.missing = "cuFuncGetParamInfo";
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, init(BG_CUDA_COMMAND_VERSION, PAGE_OFFSET));
}

static void test_unknown_commands(void **state)
{
    static const uint32_t unknown[] = {0x110F, 0x1119, 0x113F, 0x1190, BG_CUDA_LAST};

    (void)state;
    for (uint32_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        EXPECT(CUDA_ERROR_NOT_SUPPORTED, ASK_NOTHING(unknown[i]));
    }
    assert_int_equal(carry(BG_CUDA_INIT - 1, "", 0), BG_COMPUTE_UNSUPPORTED_OPERATION);
    assert_int_equal(carry(BG_CUDA_LAST + 1, "", 0), BG_COMPUTE_UNSUPPORTED_OPERATION);
}

/* Nothing of a command is looked at that has another size. */
static void test_sizes(void **state)
{
    static const struct {
        uint32_t number;
        size_t size;
    } commands[] = {
        {BG_CUDA_STAGE, sizeof(struct bg_cuda_stage)},
        {BG_CUDA_ANSWER, sizeof(struct bg_cuda_answer)},
        {BG_CUDA_LIMIT_GET, sizeof(struct bg_cuda_limit)},
        {BG_CUDA_LIMIT_SET, sizeof(struct bg_cuda_limit)},
        {BG_CUDA_MODULE_LOAD, sizeof(struct bg_cuda_module_load)},
        {BG_CUDA_MODULE_UNLOAD, sizeof(struct bg_cuda_handle)},
        {BG_CUDA_MODULE_GLOBAL, sizeof(struct bg_cuda_handle)},
        {BG_CUDA_FUNCTION_SET, sizeof(struct bg_cuda_function_set)},
        {BG_CUDA_OCCUPANCY, sizeof(struct bg_cuda_occupancy)},
        {BG_CUDA_MEMORY_ALLOC, sizeof(struct bg_cuda_memory_alloc)},
        {BG_CUDA_MEMORY_FREE, sizeof(struct bg_cuda_memory_free)},
        {BG_CUDA_MEMORY_INFO, 0},
        {BG_CUDA_FILL, sizeof(struct bg_cuda_fill)},
        {BG_CUDA_COPY, sizeof(struct bg_cuda_copy)},
        {BG_CUDA_COPY_BOX, sizeof(struct bg_cuda_copy_box)},
        {BG_CUDA_STREAM_CREATE, sizeof(struct bg_cuda_stream_create)},
        {BG_CUDA_STREAM_DESTROY, sizeof(struct bg_cuda_handle)},
        {BG_CUDA_STREAM_WAIT, sizeof(struct bg_cuda_stream_event)},
        {BG_CUDA_STREAM_MARK, sizeof(struct bg_cuda_mark)},
        {BG_CUDA_STREAM_HOST, sizeof(struct bg_cuda_mark)},
        {BG_CUDA_STREAM_SYNC, sizeof(struct bg_cuda_handle)},
        {BG_CUDA_STREAM_QUERY, sizeof(struct bg_cuda_handle)},
        {BG_CUDA_STREAM_WRITE, sizeof(struct bg_cuda_stream_value)},
        {BG_CUDA_STREAM_WATCH, sizeof(struct bg_cuda_stream_value)},
        {BG_CUDA_EVENT_CREATE, sizeof(struct bg_cuda_event_create)},
        {BG_CUDA_EVENT_DESTROY, sizeof(struct bg_cuda_handle)},
        {BG_CUDA_EVENT_RECORD, sizeof(struct bg_cuda_event_record)},
        {BG_CUDA_EVENT_ELAPSED, sizeof(struct bg_cuda_event_elapsed)},
        {BG_CUDA_EVENT_SYNC, sizeof(struct bg_cuda_handle)},
        {BG_CUDA_EVENT_QUERY, sizeof(struct bg_cuda_handle)},
        {BG_CUDA_END, 0},
    };
    static const uint8_t zero[256];

    (void)state;
    for (uint32_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        assert_int_equal(carry(commands[i].number, zero, commands[i].size + 4),
                         BG_COMPUTE_INVALID_REQUEST);
        if (commands[i].size > 0) {
            assert_int_equal(carry(commands[i].number, zero, commands[i].size - 4),
                             BG_COMPUTE_INVALID_REQUEST);
        }
    }
    assert_int_equal(carry(BG_CUDA_LAUNCH, zero, sizeof(struct bg_cuda_launch) - 4),
                     BG_COMPUTE_INVALID_REQUEST);
}

static CUresult stage(const void *bytes, uint32_t size, uint32_t offset, uint32_t total)
{
    bring(bytes, size);
    return ASK(BG_CUDA_STAGE, (struct bg_cuda_stage){offset, total});
}

static const struct bg_cuda_module_load load = {.module = 0, .error_log_size = 1024};

static void test_staged_data(void **state)
{
    uint32_t total = (uint32_t)strlen(empty_kernel);

    (void)state;
    for (uint32_t offset = 0; offset < total; offset += 10) {
        OK(stage(empty_kernel + offset, total - offset < 10 ? total - offset : 10, offset, total));
    }
    OK(ASK(BG_CUDA_MODULE_LOAD, load));
    /* It was taken. */
    OK(ASK_HANDLE(BG_CUDA_MODULE_UNLOAD, 0));
    EXPECT(CUDA_ERROR_INVALID_IMAGE, ASK(BG_CUDA_MODULE_LOAD, load));
}

static void test_bad_stages(void **state)
{
    (void)state;
    EXPECT(CUDA_ERROR_INVALID_VALUE, stage("abc", 3, 3, 10));
    EXPECT(CUDA_ERROR_INVALID_VALUE, stage("", 0, 0, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, stage("abc", 3, 0, BG_CUDA_IMAGE_SIZE_MAX + 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, stage("abc", 3, 0, 2));
    OK(stage("abc", 3, 0, 10));
    EXPECT(CUDA_ERROR_INVALID_VALUE, stage("abc", 3, 4, 10));
    EXPECT(CUDA_ERROR_INVALID_VALUE, stage("abc", 3, 3, 10)); /* all is forgotten */
    OK(stage("abc", 3, 0, 10));
    EXPECT(CUDA_ERROR_INVALID_VALUE, stage("abc", 3, 3, 11));
    OK(stage("abc", 3, 0, 10));
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK(BG_CUDA_MODULE_LOAD, load)); /* not whole */
    OK(load_module(0, empty_kernel));
}

/* Own data is taken, and what was staged stays. */
static void test_stage_of_another(void **state)
{
    (void)state;
    OK(stage(empty_kernel, (uint32_t)strlen(empty_kernel), 0, (uint32_t)strlen(empty_kernel)));
    bring("no PTX", 6);
    EXPECT(CUDA_ERROR_INVALID_PTX, ASK(BG_CUDA_MODULE_LOAD, load));
    OK(ASK(BG_CUDA_MODULE_LOAD, load));
}

static CUresult refuse_copy(void *to, CUdeviceptr from, size_t size, CUstream stream)
{
    (void)to;
    (void)from;
    (void)size;
    (void)stream;
    return CUDA_ERROR_OUT_OF_MEMORY;
}

/* What was to come there is the worker's memory, which was others'. */
static void test_long_answer_that_fails(void **state)
{
    uint64_t memory = allocate(300);
    const struct bg_cuda_copy copy = {
        .to = {.kind = BG_CUDA_PLACE_CARRIER},
        .from = {.kind = BG_CUDA_PLACE_DEVICE, .offset = memory},
        .size = 300,
    };

    (void)state;
    answer_capacity = 100;
    driver.cuMemcpyDtoHAsync = refuse_copy;
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, ASK(BG_CUDA_COPY, copy));
    OK(ASK(BG_CUDA_ANSWER, (struct bg_cuda_answer){0}));
    assert_int_equal(done.answer_size, 0);
    OK(give_back(memory));
}

static void test_long_answer(void **state)
{
    uint8_t all[sizeof(struct bg_cuda_device)];
    uint32_t got = 100;

    (void)state;
    OK(ASK_NOTHING(BG_CUDA_END));
    answer_capacity = 100;
    OK(init(BG_CUDA_COMMAND_VERSION, PAGE_OFFSET));
    assert_int_equal(done.results[1], sizeof(all));
    assert_int_equal(done.answer_size, 100);
    memcpy(all, done.answer, 100);
    while (got < sizeof(all)) {
        OK(ASK(BG_CUDA_ANSWER, (struct bg_cuda_answer){got}));
        assert_int_equal(done.results[1], sizeof(all) - got);
        memcpy(all + got, done.answer, done.answer_size);
        got += (uint32_t)done.answer_size;
    }
    assert_memory_equal(all, &device, sizeof(all));
    OK(ASK(BG_CUDA_ANSWER, (struct bg_cuda_answer){sizeof(all)}));
    assert_int_equal(done.answer_size, 0);
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK(BG_CUDA_ANSWER, (struct bg_cuda_answer){sizeof(all) + 1}));
    allocate(1); /* an answer that fits: the long one is gone */
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK(BG_CUDA_ANSWER, (struct bg_cuda_answer){0}));
}

static void test_silent_failures(void **state)
{
    (void)state;
    is_silent = true;
    EXPECT(CUDA_ERROR_INVALID_HANDLE, ASK_HANDLE(BG_CUDA_EVENT_DESTROY, 7));
    assert_int_equal(page()->failure, CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(page()->failures, 1);
    EXPECT(CUDA_ERROR_INVALID_VALUE, give_back(1));
    OK(ASK(BG_CUDA_EVENT_CREATE, (struct bg_cuda_event_create){7, 0}));
    assert_int_equal(page()->failure, CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(page()->failures, 2);
    is_silent = false;
    EXPECT(CUDA_ERROR_INVALID_HANDLE, ASK_HANDLE(BG_CUDA_EVENT_DESTROY, 8));
    assert_int_equal(page()->failures, 2);
    assert_int_equal(page()->error, 0);
}

static CUresult get_limit(uint32_t limit, uint64_t *value)
{
    CUresult result = ASK(BG_CUDA_LIMIT_GET, (struct bg_cuda_limit){.limit = limit});

    if (result == CUDA_SUCCESS) {
        memcpy(value, done.answer, sizeof(*value));
    }
    return result;
}

static CUresult set_limit(uint32_t limit, uint64_t value)
{
    return ASK(BG_CUDA_LIMIT_SET, (struct bg_cuda_limit){.limit = limit, .value = value});
}

static void test_limits(void **state)
{
    uint64_t value;

    (void)state;
    OK(set_limit(CU_LIMIT_STACK_SIZE, 4096));
    OK(get_limit(CU_LIMIT_STACK_SIZE, &value));
    assert_int_equal(value, 4096);
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, set_limit(CU_LIMIT_MALLOC_HEAP_SIZE, MEMORY_LIMIT + 1));
    OK(set_limit(CU_LIMIT_MALLOC_HEAP_SIZE, 1 << 20));
    assert_int_equal(session->memory_used, 1 << 20);
    OK(set_limit(CU_LIMIT_MALLOC_HEAP_SIZE, 1 << 21));
    OK(set_limit(CU_LIMIT_MALLOC_HEAP_SIZE, 0)); /* kernels may have used it already */
    assert_int_equal(session->memory_used, 1 << 21);
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, set_limit(CU_LIMIT_PRINTF_FIFO_SIZE, MEMORY_LIMIT));
    assert_int_equal(session->memory_used, 1 << 21);
    assert_int_not_equal(get_limit(1000, &value), CUDA_SUCCESS);
    assert_int_not_equal(set_limit(1000, 1), CUDA_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_device, setup, teardown),
        cmocka_unit_test_setup_teardown(test_begin_and_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_heap, setup_mailbox, teardown),
        cmocka_unit_test_setup_teardown(test_old_driver, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_commands, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_staged_data, setup_mailbox, teardown),
        cmocka_unit_test_setup_teardown(test_bad_stages, setup_mailbox, teardown),
        cmocka_unit_test_setup_teardown(test_stage_of_another, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_answer_that_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_silent_failures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
