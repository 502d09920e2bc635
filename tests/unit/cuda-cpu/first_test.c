/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(call PTX_ROOM,ptx compile check device program ptxc) tests/unit/cuda-cpu/emitted.c
// libs: -ldl
/* The block with which a kernel begins: where there is no code for it under a mask, by the IR, and
 * that lanes which are not there do nothing all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/program/program.h"
#include "tests/unit/cuda-cpu/emitted.h"

#define VALUES 128
#define NEVER 0xffffffffu /* no thread's number */

/* What a thread does before the blocks part, the way on from there, and behind them. */
#define KERNEL                                                                                     \
    ".version 8.0\n.target sm_90\n.address_size 64\n"                                              \
    ".visible .entry k(.param .u64 p, .param .u32 n)\n{\n"                                         \
    ".reg .b32 %%r<8>; .reg .b64 %%rd<4>; .reg .pred %%q, %%s;\n"                                  \
    "ld.param.u64 %%rd0, [p]; ld.param.u32 %%r1, [n]; mov.u32 %%r2, %%tid.x;\n"                    \
    "mov.u32 %%r3, %%tid.y; mov.u32 %%r4, %%ntid.x; mad.lo.u32 %%r2, %%r3, %%r4, %%r2;\n"          \
    "%s\n mul.wide.u32 %%rd1, %%r2, 4; add.s64 %%rd1, %%rd0, %%rd1;\n"                             \
    "st.global.u32 [%%rd1], %%r2;\n%s\nD: ret;\n}\n"

#define EDGE "setp.ge.u32 %q, %r2, %r1; @%q bra D;"
#define ALL "setp.eq.u32 %q, %r1, 0; @%q bra D;"
#define LOOP "mov.u32 %r5, 3; L: add.u32 %r5, %r5, -1;"
#define AGAIN "setp.ne.u32 %s, %r5, 0; @%s bra L;"

static char log_text[4096];
static _Alignas(256) uint32_t out[VALUES];

static const char *kernel(const char *before, const char *behind)
{
    static char source[4096];

    snprintf(source, sizeof(source), KERNEL, before, behind);
    return source;
}

/* ---- What there is ---- */

static void expect(bool is_whole, const char *before, const char *behind,
                   const struct kernel_options *options)
{
    struct text ir = {0};

    emit_kernel(kernel(before, behind), options, &ir);
    if ((strstr(ir.bytes, "\nm0:") == NULL) != is_whole || strstr(ir.bytes, "\nm1:") == NULL) {
        print_error("\"%s\", \"%s\"\n", before, behind);
        fail();
    }
    text_free(&ir);
}

static void test_what(void **state)
{
    const struct kernel_options options = {.row = 32}, any = {0},
                                checked = {.row = 32, .is_checked = true};

    (void)state;
    expect(true, EDGE, "", &options);
    expect(true, EDGE, "", &any);
    expect(true, ALL, "", &options);
    expect(true, LOOP, AGAIN, &options);
    expect(false, EDGE, "", &checked);
    expect(false, "ld.global.u32 %r5, [%rd0];" EDGE, "", &options);
    expect(false, "st.global.u32 [%rd0], %r1;" EDGE, "", &options);
    expect(false, EDGE, "bar.sync 0;", &options);
    expect(false, "add.u32 %r5, %r5, 1;" EDGE, "", &options);
    expect(false, "setp.eq.u32 %s, %r1, 9; @%s add.u32 %r2, %r2, 1;" EDGE, "", &options);
}

/* ---- What it does ---- */

static void launch(const char *source, uint32_t x, uint32_t y, uint32_t n)
{
    static const uint32_t never;
    struct {
        uint64_t p;
        uint32_t n;
    } params = {(uintptr_t)out, n};
    struct memory memory = {0};
    struct launch launch = {
        .grid = {1, 1, 1},
        .block = {x, y, 1},
        .params = &params,
        .memory = &memory,
        .stop = &never,
    };
    struct launch_fault fault;
    struct ptx_log log;
    struct program *program;

    ptx_log_init(&log, log_text, sizeof(log_text));
    memset(out, 0xff, sizeof(out));
    program = program_create(source, strlen(source), &memory, &log);
    assert_non_null(program);
    assert_true(memory_add(&memory, params.p, sizeof(out), false));
    assert_true(program_prepare(program, program_find_kernel(program, "k"), &launch, &log));
    assert_int_equal(launch_run(&launch, &fault), LAUNCH_OK);
    program_destroy(program);
    memory_clear(&memory);
}

/* Threads from 0 on, and no other. */
static void expect_threads(uint32_t count)
{
    for (uint32_t i = 0; i < VALUES; i++) {
        assert_int_equal(out[i], i < count ? i : NEVER);
    }
}

static void test_missing(void **state)
{
    static const uint32_t shapes[][2] = {{1, 1}, {40, 1}, {64, 1}, {16, 3}, {8, 5}, {13, 3}};

    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        uint32_t x = shapes[i][0], y = shapes[i][1];

        launch(kernel(EDGE, ""), x, y, VALUES);
        expect_threads(x * y);
        launch(kernel(EDGE, ""), x, y, x * y - 1);
        expect_threads(x * y - 1);
        launch(kernel(EDGE, ""), x, y, 0);
        expect_threads(0);
        launch(kernel(ALL, ""), x, y, 1);
        expect_threads(x * y);
        launch(kernel(ALL, ""), x, y, 0);
        expect_threads(0);
        launch(kernel(LOOP, AGAIN), x, y, 0);
        expect_threads(x * y);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what),
        cmocka_unit_test(test_missing),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
