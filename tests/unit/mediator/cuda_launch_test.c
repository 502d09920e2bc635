/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC)
// libs: -ldl
/* Launches as a guest asks for them: what is checked before the driver sees them, and what becomes
 * of kernels that do wrong. */
#include "tests/unit/mediator/cuda_fixture.h"

/* add: c[i] = a[i] + b[i], in blocks of any size. */
static const char text[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n"
    ".visible .entry add(.param .u64 c, .param .u64 a, .param .u64 b, .param .u32 n) {\n"
    ".reg .b32 %r<8>; .reg .b64 %d<8>; .reg .pred %p;\n"
    "ld.param.u64 %d1, [a]; ld.param.u64 %d2, [b]; ld.param.u64 %d3, [c]; ld.param.u32 %r1, [n];\n"
    "mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x; mov.u32 %r4, %tid.x;\n"
    "mad.lo.s32 %r5, %r2, %r3, %r4; setp.ge.s32 %p, %r5, %r1; @%p bra E;\n"
    "mul.wide.s32 %d4, %r5, 4; add.s64 %d1, %d1, %d4; add.s64 %d2, %d2, %d4;\n"
    "add.s64 %d3, %d3, %d4; ld.global.u32 %r6, [%d1]; ld.global.u32 %r7, [%d2];\n"
    "add.s32 %r6, %r6, %r7; st.global.u32 [%d3], %r6; E: ret; }\n"
    ".visible .entry nothing() { ret; }\n"
    ".visible .entry stray() { .reg .b64 %d1; mov.u64 %d1, 4096; st.global.u32 [%d1], 1; ret; }\n"
    ".visible .entry forever() { L: bra L; }\n"
    ".visible .entry large(.param .align 8 .b8 p[4000]) {\n"
    ".reg .b64 %d1; .reg .b32 %r1; ld.param.u64 %d1, [p]; ld.param.u32 %r1, [p+3996];\n"
    "st.global.u32 [%d1], %r1; ret; }\n";

#define COUNT 1000u
#define ADD 0u
#define NOTHING 1u
#define STRAY 2u
#define FOREVER 3u
#define LARGE 4u

struct add_params {
    uint64_t c, a, b;
    uint32_t n;
};

struct add_launch {
    struct bg_cuda_launch head;
    struct add_params params;
};

static struct add_launch make_add(uint64_t c, uint64_t a, uint64_t b)
{
    return (struct add_launch){
        .head = {.grid = {(COUNT + 255) / 256, 1, 1}, .block = {256, 1, 1}, .param_size = 28},
        .params = {c, a, b, COUNT},
    };
}

#define ASK_LAUNCH(launch) ask(BG_CUDA_LAUNCH, &(launch), sizeof(launch.head) + 28)

static void test_sum(void **state)
{
    uint32_t a[COUNT], b[COUNT];
    uint64_t memory = allocate(3 * sizeof(a));
    struct add_launch launch = make_add(memory, memory + sizeof(a), memory + 2 * sizeof(a));

    (void)state;
    for (uint32_t i = 0; i < COUNT; i++) {
        a[i] = i * 7;
        b[i] = i ^ 0x55;
    }
    OK(load_module(0, text));
    write_memory(launch.params.a, a, sizeof(a));
    write_memory(launch.params.b, b, sizeof(b));
    OK(ASK_LAUNCH(launch));
    OK(ASK(BG_CUDA_STREAM_MARK, (struct bg_cuda_mark){0, 0, 1}));
    wait_until_reached(&page()->completed[0], 1);
    const uint32_t *c = read_memory(memory, sizeof(a));

    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(c[i], a[i] + b[i]);
    }
    OK(give_back(memory));
}

/* By the mailbox, which has no page. */
static void test_sum_without_page(void **state)
{
    uint32_t ones[100];
    uint64_t memory = allocate(3 * COUNT * 4);
    struct add_launch launch = make_add(memory, memory, memory);

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        ones[i] = i + 1;
    }
    bring(text, 500);
    OK(ASK(BG_CUDA_STAGE, (struct bg_cuda_stage){0, (uint32_t)strlen(text)}));
    bring(text + 500, strlen(text) - 500);
    OK(ASK(BG_CUDA_STAGE, (struct bg_cuda_stage){500, (uint32_t)strlen(text)}));
    OK(ASK(BG_CUDA_MODULE_LOAD, (struct bg_cuda_module_load){.module = 0}));
    write_memory(memory, ones, sizeof(ones));
    OK(ASK_LAUNCH(launch));
    OK(sync_stream(BG_CUDA_ALL));
    assert_int_equal(((const uint32_t *)read_memory(memory, 400))[99], 200);
}

static void test_params_as_data(void **state)
{
    uint64_t memory = allocate(8);
    struct bg_cuda_launch launch = {.function = LARGE, .grid = {1, 1, 1}, .block = {1, 1, 1}};
    uint8_t params[4000] = {0};
    uint32_t last = 0xABCD1234;

    (void)state;
    OK(load_module(0, text));
    memcpy(params, &memory, 8);
    memcpy(params + 3996, &last, 4);
    bring(params, sizeof(params));
    OK(ask(BG_CUDA_LAUNCH, &launch, sizeof(launch)));
    assert_int_equal(*(const uint32_t *)read_memory(memory, 4), last);
    bring(params, sizeof(params) - 1);
    EXPECT(CUDA_ERROR_INVALID_VALUE, ask(BG_CUDA_LAUNCH, &launch, sizeof(launch)));
    EXPECT(CUDA_ERROR_INVALID_VALUE, ask(BG_CUDA_LAUNCH, &launch, sizeof(launch)));
}

static void test_bad_params(void **state)
{
    uint64_t memory = allocate(4 * COUNT);
    struct add_launch launch = make_add(memory, memory, memory);

    (void)state;
    OK(load_module(0, text));
    launch.head.param_size = 24;
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK_LAUNCH(launch));
    EXPECT(CUDA_ERROR_INVALID_VALUE, ask(BG_CUDA_LAUNCH, &launch, sizeof(launch.head) + 24));
    launch.head.param_size = 0xFFFFFFFFu;
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK_LAUNCH(launch));
    launch.head.param_size = 0;
    EXPECT(CUDA_ERROR_INVALID_VALUE, ask(BG_CUDA_LAUNCH, &launch, sizeof(launch.head)));
    launch.head.param_size = 28;
    EXPECT(CUDA_ERROR_INVALID_VALUE, ask(BG_CUDA_LAUNCH, &launch, sizeof(launch.head) + 24));
    OK(ASK_LAUNCH(launch));
}

static struct bg_cuda_launch make(uint32_t function)
{
    return (struct bg_cuda_launch){.function = function, .grid = {1, 1, 1}, .block = {1, 1, 1}};
}

static CUresult run(struct bg_cuda_launch launch)
{
    return ask(BG_CUDA_LAUNCH, &launch, sizeof(launch));
}

#define EXPECT_BAD_LAUNCH(result, field, value)                                                    \
    do {                                                                                           \
        struct bg_cuda_launch bad = make(NOTHING);                                                 \
        bad.field = (value);                                                                       \
        EXPECT(result, run(bad));                                                                  \
    } while (0)

static void test_bad_launches(void **state)
{
    struct bg_cuda_launch many = make(NOTHING);

    (void)state;
    EXPECT(CUDA_ERROR_INVALID_HANDLE, run(make(NOTHING)));
    OK(load_module(0, text));
    for (int i = 0; i < 3; i++) {
        EXPECT_BAD_LAUNCH(CUDA_ERROR_INVALID_VALUE, grid[i], 0);
        EXPECT_BAD_LAUNCH(CUDA_ERROR_INVALID_VALUE, grid[i], 0xFFFFFFFFu);
        EXPECT_BAD_LAUNCH(CUDA_ERROR_INVALID_VALUE, block[i], 0);
        EXPECT_BAD_LAUNCH(CUDA_ERROR_INVALID_VALUE, block[i], 0xFFFFFFFFu);
    }
    EXPECT_BAD_LAUNCH(CUDA_ERROR_INVALID_VALUE, grid[1], 65536);
    EXPECT_BAD_LAUNCH(CUDA_ERROR_INVALID_VALUE, block[0], 1025);
    EXPECT_BAD_LAUNCH(CUDA_ERROR_INVALID_VALUE, block[2], 65);
    EXPECT_BAD_LAUNCH(CUDA_ERROR_INVALID_VALUE, flags, 2);
    EXPECT_BAD_LAUNCH(CUDA_ERROR_INVALID_VALUE, dynamic_shared, 0xFFFFFFFFu);
    EXPECT_BAD_LAUNCH(CUDA_ERROR_INVALID_HANDLE, function, 5);
    EXPECT_BAD_LAUNCH(CUDA_ERROR_INVALID_HANDLE, module, 1);
    EXPECT_BAD_LAUNCH(CUDA_ERROR_INVALID_HANDLE, module, 0xFFFFFFFFu);
    EXPECT_BAD_LAUNCH(CUDA_ERROR_INVALID_HANDLE, stream, 2);
    many.block[0] = many.block[1] = 33;
    EXPECT(CUDA_ERROR_INVALID_VALUE, run(many));
    OK(run(make(NOTHING)));
}

static void test_cooperative(void **state)
{
    struct bg_cuda_launch launch = make(NOTHING);

    (void)state;
    OK(load_module(0, text));
    launch.flags = BG_CUDA_LAUNCH_COOPERATIVE;
    OK(run(launch));
    launch.grid[0] = 1u << 20;
    EXPECT(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE, run(launch));
    assert_int_equal(page()->error, 0);
}

/* ---- Kernels that do wrong ---- */

static void expect_end(uint32_t error)
{
    uint64_t until_ns = clock_now_ns() + DEADLINE_NS;

    while (cuda_is_busy(session)) { /* nothing else is asked for */
        assert_true(clock_now_ns() < until_ns);
    }
    assert_int_equal(page()->error, error);
    assert_true(gpu.lost);
    assert_non_null(strstr(gpu.error, "CUDA_ERROR_"));
    EXPECT(error, run(make(NOTHING)));
    EXPECT(error, ASK_NOTHING(BG_CUDA_MEMORY_INFO));
    EXPECT(error, ASK_NOTHING(BG_CUDA_END));
}

static void test_stray_kernel(void **state)
{
    (void)state;
    OK(load_module(0, text));
    allocate(100);
    OK(run(make(STRAY)));
    ASK(BG_CUDA_STREAM_MARK, (struct bg_cuda_mark){0, 0, 1}); /* it may be known by now */
    expect_end(CUDA_ERROR_ILLEGAL_ADDRESS);
    assert_int_equal(page()->completed[0], 0);
}

static void test_stray_kernel_is_waited_for(void **state)
{
    (void)state;
    OK(load_module(0, text));
    OK(run(make(STRAY)));
    EXPECT(CUDA_ERROR_ILLEGAL_ADDRESS, sync_stream(BG_CUDA_ALL));
    expect_end(CUDA_ERROR_ILLEGAL_ADDRESS);
}

static void test_endless_kernel(void **state)
{
    (void)state;
    setenv("BAREGPU_CUDA_TIME_LIMIT", "20", 1);
    assert_int_equal(cuInit(0), CUDA_SUCCESS);
    unsetenv("BAREGPU_CUDA_TIME_LIMIT");
    OK(load_module(0, text));
    OK(run(make(FOREVER)));
    expect_end(CUDA_ERROR_LAUNCH_TIMEOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sum, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sum_without_page, setup_mailbox, teardown),
        cmocka_unit_test_setup_teardown(test_params_as_data, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_params, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_launches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cooperative, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stray_kernel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stray_kernel_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_endless_kernel, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
