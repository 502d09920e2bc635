/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC)
// libs: -ldl
/* What kernels print, as a guest gets it. */
#define _GNU_SOURCE 1 /* pipe2 */
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/mediator/cuda_fixture.h"

/* say prints its number, and many 1 KiB that ends with it; stray writes where nobody has memory. */
static const char text[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n"
    ".extern .func (.param .b32 r) vprintf (.param .b64 f, .param .b64 a);\n"
    ".global .b8 format[] = {37, 100, 59, 0};\n"           /* %d; */
    ".global .b8 wide[] = {37, 49, 48, 50, 52, 100, 0};\n" /* %1024d */
    ".visible .entry say(.param .u32 n) { .local .align 8 .b8 values[8]; .param .b64 f, a; "
    ".param .b32 r; .reg .b32 %r<3>; .reg .b64 %rd<3>; ld.param.u32 %r1, [n]; "
    "st.local.u32 [values], %r1; mov.u64 %rd1, format; cvta.global.u64 %rd1, %rd1; "
    "mov.u64 %rd2, values; cvta.local.u64 %rd2, %rd2; st.param.b64 [f], %rd1; "
    "st.param.b64 [a], %rd2; call (r), vprintf, (f, a); ret; }\n"
    ".visible .entry many(.param .u32 n) { .local .align 8 .b8 values[8]; .param .b64 f, a; "
    ".param .b32 r; .reg .b32 %r<3>; .reg .b64 %rd<3>; ld.param.u32 %r1, [n]; "
    "st.local.u32 [values], %r1; mov.u64 %rd1, wide; cvta.global.u64 %rd1, %rd1; "
    "mov.u64 %rd2, values; cvta.local.u64 %rd2, %rd2; st.param.b64 [f], %rd1; "
    "st.param.b64 [a], %rd2; call (r), vprintf, (f, a); ret; }\n"
    ".visible .entry stray(.param .u32 n) { .reg .b64 %d; mov.u64 %d, 4096; "
    "st.global.u32 [%d], 1; ret; }\n";

#define SAY 0u
#define MANY 1u
#define STRAY 2u

static CUresult launch(uint32_t function, uint32_t threads, uint32_t blocks, uint32_t number)
{
    const struct {
        struct bg_cuda_launch head;
        uint32_t number;
    } launch = {
        .head = {.function = function,
                 .grid = {blocks, 1, 1},
                 .block = {threads, 1, 1},
                 .param_size = sizeof(number)},
        .number = number,
    };

    return ASK(BG_CUDA_LAUNCH, launch);
}

static void expect_printed(const char *expected)
{
    OK(ASK_NOTHING(BG_CUDA_PRINT));
    assert_int_equal(done.answer_size, strlen(expected));
    assert_int_equal(done.results[1], strlen(expected));
    assert_memory_equal(done.answer, expected, strlen(expected));
}

static void test_text(void **state)
{
    (void)state;
    OK(load_module(0, text));
    expect_printed("");
    OK(launch(SAY, 3, 1, 12));
    OK(launch(SAY, 1, 1, 7));
    OK(sync_stream(0));
    expect_printed("12;12;12;7;");
    expect_printed("");
}

/* Piece by piece, where there is no room for more. */
static void test_pieces(void **state)
{
    size_t got = 0;

    (void)state;
    OK(load_module(0, text));
    OK(launch(MANY, 1, 2, 5));
    OK(sync_stream(0));
    do {
        OK(ASK_NOTHING(BG_CUDA_PRINT));
        for (size_t i = 0; i < done.answer_size; i++, got++) {
            assert_int_equal(((const char *)done.answer)[i], got % 1024 == 1023 ? '5' : ' ');
        }
    } while (done.answer_size > 0);
    assert_int_equal(got, 2048);
}

/* As much as the limit is kept, and the next session has none of it. */
static void test_too_much(void **state)
{
    size_t got = 0;

    (void)state;
    OK(load_module(0, text));
    OK(launch(MANY, 32, 64, 5));
    OK(sync_stream(0));
    do {
        OK(ASK_NOTHING(BG_CUDA_PRINT));
        got += done.answer_size;
    } while (done.answer_size > 0);
    assert_int_equal(got, BG_CUDA_PRINT_SIZE_MAX);
    OK(launch(SAY, 1, 1, 7));
    OK(sync_stream(0));
    OK(ASK_NOTHING(BG_CUDA_END));
    begin_with_page();
    expect_printed("");
}

static void test_fault(void **state)
{
    static const char said[] = "cuda: stray: an illegal address";

    (void)state;
    OK(load_module(0, text));
    OK(launch(STRAY, 1, 1, 0));
    EXPECT(CUDA_ERROR_ILLEGAL_ADDRESS, sync_stream(0));
    OK(ASK_NOTHING(BG_CUDA_PRINT));
    assert_true(done.answer_size > strlen(said));
    assert_memory_equal(done.answer, said, strlen(said));
    EXPECT(CUDA_ERROR_ILLEGAL_ADDRESS, ASK_NOTHING(BG_CUDA_MEMORY_INFO));
}

/* Of modules that are refused as well, when no log was asked for. */
static void test_refused_module(void **state)
{
    static const char wrong[] = "nothing";

    (void)state;
    bring(wrong, sizeof(wrong));
    EXPECT(CUDA_ERROR_INVALID_PTX,
           ASK(BG_CUDA_MODULE_LOAD, (struct bg_cuda_module_load){.module = 0}));
    OK(ASK_NOTHING(BG_CUDA_PRINT));
    assert_true(done.answer_size > 0);
}

/* As of a driver that writes to standard output: in a pipe, in the place of the test's own. */
static void test_standard_output(void **state)
{
    const struct cuda_cpu_host none = {.say = NULL};
    int ends[2], own = dup(STDOUT_FILENO);

    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    fflush(stdout);
    dup2(ends[1], STDOUT_FILENO);
    cudaCpuSetHost(&none);
    gpu.printed = ends[0];
    OK(load_module(0, text));
    OK(launch(SAY, 2, 1, 12));
    OK(sync_stream(0));
    OK(ASK_NOTHING(BG_CUDA_PRINT));
    dup2(own, STDOUT_FILENO);
    assert_int_equal(done.answer_size, 6);
    assert_memory_equal(done.answer, "12;12;", 6);
    close(own);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_text),
        cmocka_unit_test_setup_teardown(test_pieces, setup_mailbox, teardown),
        TEST(test_too_much),
        TEST(test_fault),
        TEST(test_refused_module),
        TEST(test_standard_output),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
