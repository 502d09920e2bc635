/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(call PTX_ROOM,ptx compile check device program ptxc) tests/unit/cuda-cpu/emitted.c
// libs: -ldl
/* Kernels that go straight on: which ones have code for rows of warps, and of blocks, by the IR;
 * and that every thread does what it says, where rows end, part, wrap, or leave memory. */
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

#define VALUES 4096
#define UNTOUCHED 0xeeeeeeeeu

/* %r1 is n, %r2 the thread's number in the grid, %r3 the block's, %r4 that in the block; %rd1 is
 * where its word of `out` lies, %rd2 its word of `in`. %r5 is what it stores. */
#define KERNEL                                                                                     \
    ".version 8.0\n.target sm_90\n.address_size 64\n"                                              \
    ".visible .entry k(.param .u64 out, .param .u64 in, .param .u32 n)\n{\n"                       \
    ".reg .b32 %%r<12>; .reg .b64 %%rd<8>; .reg .pred %%q, %%s; .reg .f32 %%f<4>;\n"               \
    ".reg .b16 %%h<2>;\n"                                                                          \
    "ld.param.u64 %%rd3, [out]; ld.param.u64 %%rd4, [in]; ld.param.u32 %%r1, [n];\n"               \
    "mov.u32 %%r3, %%ctaid.x; mov.u32 %%r6, %%ntid.x; mov.u32 %%r4, %%tid.x;\n"                    \
    "mad.lo.s32 %%r2, %%r3, %%r6, %%r4;\n%s\n"                                                     \
    "mul.wide.u32 %%rd0, %%r2, 4; add.s64 %%rd1, %%rd3, %%rd0; add.s64 %%rd2, %%rd4, %%rd0;\n"     \
    "%s\nst.global.u32 [%%rd1], %%r5;\nD: ret;\n}\n"

#define EDGE "setp.ge.s32 %q, %r2, %r1; @%q bra D;"
#define LOAD "ld.global.u32 %r5, [%rd2];"

static char log_text[4096];
static _Alignas(256) uint32_t out[VALUES + 64], in[VALUES + 64];

static const char *kernel(const char *edge, const char *body)
{
    static char source[4096];

    snprintf(source, sizeof(source), KERNEL, edge, body);
    return source;
}

/* ---- What there is ---- */

enum found { NOTHING, ROWS, BLOCKS };

static void expect(enum found expected, const char *edge, const char *body,
                   const struct kernel_options *options)
{
    struct text ir = {0};
    enum found found;

    emit_kernel(kernel(edge, body), options, &ir);
    found = strstr(ir.bytes, "\npart_blocks:") != NULL  ? BLOCKS
            : strstr(ir.bytes, "\nalong_next:") != NULL ? ROWS
                                                        : NOTHING;
    if (found != expected) {
        print_error("\"%s\", \"%s\": %d\n", edge, body, (int)found);
        fail();
    }
    text_free(&ir);
}

static void test_which(void **state)
{
    const struct kernel_options full = {.row = 32, .is_full = true, .has_fma = true},
                                any = {.row = 32, .has_fma = true},
                                short_rows = {.row = 16, .is_full = true},
                                checked = {.row = 32, .is_full = true, .is_checked = true};

    (void)state;
    expect(BLOCKS, EDGE, LOAD, &full);
    expect(BLOCKS, "", LOAD, &full);
    expect(BLOCKS, EDGE, "ld.global.u32 %r7, [%rd4]; add.u32 %r5, %r7, %r2;", &full);
    expect(ROWS, EDGE, "add.u32 %r5, %r3, 1;", &full);
    expect(ROWS, EDGE, "cvt.rn.f32.u32 %f1, %r4; cvt.rzi.u32.f32 %r5, %f1;", &full);
    expect(ROWS, "setp.ge.s32 %q, %r4, %r1; @%q bra D;", LOAD, &full);
    expect(ROWS, EDGE, "mul.lo.u32 %r7, %r3, %r6; add.f16x2 %r5, %r7, %r4;", &full);
    expect(ROWS, EDGE, "mul.lo.u32 %r7, %r3, %r6; add.sat.s32 %r5, %r7, %r4;", &full);
    expect(BLOCKS, EDGE, "mul.lo.u32 %r7, %r3, %r6; add.u32 %r5, %r7, %r4;", &full);
    expect(NOTHING, "setp.eq.s32 %q, %r2, %r1; @%q bra D;", LOAD, &full);
    expect(NOTHING, EDGE, "mov.u32 %r5, %laneid;", &full);
    expect(NOTHING, EDGE, "mov.u32 %r5, %warpid;", &full);
    expect(NOTHING, EDGE, LOAD "@%q mov.u32 %r5, 1;", &full);
    expect(NOTHING, EDGE, LOAD "mul.wide.u32 %rd1, %r5, 4; add.s64 %rd1, %rd3, %rd1;", &full);
    expect(NOTHING, EDGE, "ld.volatile.global.u32 %r5, [%rd2];", &full);
    expect(NOTHING, EDGE, "atom.global.add.u32 %r5, [%rd2], 1;", &full);
    expect(NOTHING, EDGE, LOAD "bar.sync 0;", &full);
    expect(NOTHING, EDGE, LOAD "membar.gl;", &full);
    expect(NOTHING, EDGE, LOAD "trap;", &full);
    expect(NOTHING, "mov.u32 %r7, 2; L: sub.u32 %r7, %r7, 1; setp.ne.u32 %s, %r7, 0; @%s bra L;",
           LOAD, &full);
    expect(NOTHING, EDGE, "add.u32 %r5, %r7, 1;", &full);
    expect(NOTHING, EDGE, LOAD, &any);
    expect(NOTHING, EDGE, LOAD, &short_rows);
    expect(NOTHING, EDGE, LOAD, &checked);
}

/* ---- What it does ---- */

struct shape {
    uint32_t grid[2], block[2];
};

static struct launch_fault fault;

static enum launch_status launch(const char *source, const struct shape *shape, uint32_t n,
                                 size_t out_size, uint64_t seed)
{
    static const uint32_t never;
    const struct {
        uint64_t out, in;
        uint32_t n;
    } params = {(uintptr_t)out, (uintptr_t)in, n};
    struct memory memory = {0};
    struct launch launch = {
        .grid = {shape->grid[0], shape->grid[1], 1},
        .block = {shape->block[0], shape->block[1], 1},
        .params = &params,
        .param_size = sizeof(params),
        .memory = &memory,
        .stop = &never,
        .seed = seed,
    };
    enum launch_status status;
    struct ptx_log log;
    struct program *program;

    ptx_log_init(&log, log_text, sizeof(log_text));
    for (uint32_t i = 0; i < VALUES + 64; i++) {
        out[i] = UNTOUCHED;
        in[i] = i * 2654435761u;
    }
    program = program_create(source, strlen(source), &memory, &log);
    assert_non_null(program);
    assert_true(memory_add(&memory, params.out, out_size, false));
    assert_true(memory_add(&memory, params.in, sizeof(in), true));
    assert_true(program_prepare(program, program_find_kernel(program, "k"), &launch, &log));
    status = launch_run(&launch, &fault);
    program_destroy(program);
    memory_clear(&memory);
    return status;
}

static void run(const char *source, const struct shape *shape, uint32_t n, uint64_t seed)
{
    assert_int_equal(launch(source, shape, n, sizeof(out), seed), LAUNCH_OK);
}

static const struct shape line = {{16, 1}, {256, 1}};

/* Each thread up to n copies its word, and no other does. */
static void test_edges(void **state)
{
    static const struct shape shapes[] = {{{16, 1}, {256, 1}}, {{1, 1}, {1024, 1}},
                                          {{128, 1}, {32, 1}}, {{300, 1}, {32, 1}},
                                          {{40, 1}, {96, 1}},  {{2, 2}, {64, 4}}};
    static const uint32_t ends[] = {0, 1, 31, 32, 33, 255, 256, 257, 1000, 1024, 2049, 4000, 4096};

    (void)state;
    for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
        uint32_t threads = shapes[s].grid[0] * shapes[s].block[0];

        for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++) {
            for (uint64_t seed = 0; seed < 2; seed++) {
                run(kernel(EDGE, LOAD), &shapes[s], ends[e], seed);
                for (uint32_t i = 0; i < VALUES; i++) {
                    assert_int_equal(out[i], i < ends[e] && i < threads ? in[i] : UNTOUCHED);
                }
            }
        }
    }
}

/* Numbers that wrap between the first warp and the last one, which are both within. */
static void test_wraps(void **state)
{
    static const uint32_t bases[] = {0x7fffffffu - 100, 0x7fffffffu - 1000, 0x7fffffffu - 3000};

    (void)state;
    for (size_t b = 0; b < sizeof(bases) / sizeof(bases[0]); b++) {
        char edge[200];

        snprintf(edge, sizeof(edge),
                 "add.s32 %%r7, %%r2, %u; setp.ge.s32 %%q, %%r7, %d; @%%q bra D;", bases[b],
                 0x7fffffff - 50);
        run(kernel(edge, LOAD), &line, 0, 0);
        for (uint32_t i = 0; i < VALUES; i++) {
            assert_int_equal(out[i], (int32_t)(bases[b] + i) < 0x7fffffff - 50 ? in[i] : UNTOUCHED);
        }
    }
}

/* What a thread reads of its block and itself is its own. */
static void test_places(void **state)
{
    static const struct shape plane = {{4, 2}, {64, 2}};

    (void)state;
    run(kernel(EDGE, "mad.lo.u32 %r5, %r3, 1000, %r4;"), &line, VALUES, 0);
    for (uint32_t i = 0; i < VALUES; i++) {
        assert_int_equal(out[i], i / 256 * 1000 + i % 256);
    }
    run(kernel("mov.u32 %r7, %ctaid.y; mov.u32 %r8, %tid.y; mad.lo.u32 %r7, %r7, 2, %r8;"
               "mad.lo.u32 %r2, %r7, 256, %r2;",
               "mad.lo.u32 %r5, %r7, 100, %r2;"),
        &plane, VALUES, 0);
    for (uint32_t i = 0; i < 1024; i++) {
        assert_int_equal(out[i], i / 256 * 100 + i);
    }
}

static uint32_t thread_of(uint32_t i)
{
    return i % 32;
}

static uint32_t sum_with_block(uint32_t i)
{
    return i + i / 32;
}

static uint32_t first_of_block(uint32_t i)
{
    return i / 32 * 32 + in[2];
}

/* However a thread's number in its block, or a block's, is read. */
static void test_parts(void **state)
{
    static const struct shape narrow = {{128, 1}, {32, 1}};
    static const struct {
        const char *body;
        uint32_t (*expected)(uint32_t i);
    } cases[] = {
        {"mov.b32 {%h0, %h1}, %r4; cvt.u32.u16 %r5, %h0;", thread_of},
        {"mov.b64 %rd5, {%r4, %r4}; cvt.u32.u64 %r5, %rd5;", thread_of},
        {"mov.u16 %h0, %tid.x; mov.b32 %r5, {%h0, 0};", thread_of},
        {"mov.u32 %r7, %r6 + 1; mad.lo.u32 %r5, %r3, %r7, %r4;", sum_with_block},
        {"mov.u32 %r8, %tid.x; ld.global.v2.u32 {%r8, %r9}, [%rd4 + 8];"
         "mad.lo.u32 %r5, %r3, %r6, %r8;",
         first_of_block},
    };

    (void)state;
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        run(kernel(EDGE, cases[c].body), &narrow, VALUES, 0);
        for (uint32_t i = 0; i < VALUES; i++) {
            assert_int_equal(out[i], cases[c].expected(i));
        }
    }
    run(kernel(EDGE, "mul.wide.u32 %rd5, %r2, 8; add.s64 %rd5, %rd3, %rd5; mov.u32 %r5, 1;"
                     "st.global.v2.u32 [%rd5 + 4096], {%r2, %tid.x};"),
        &narrow, 1000, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(out[1024 + 2 * i], i);
        assert_int_equal(out[1024 + 2 * i + 1], i % 32);
    }
}

/* All threads of a block store to one place. */
static void test_one_place(void **state)
{
    (void)state;
    run(kernel(EDGE, "mul.wide.u32 %rd5, %r3, 4; add.s64 %rd5, %rd3, %rd5; mov.u32 %r5, 1;"
                     "st.global.u32 [%rd5 + 8192], %r3;"),
        &line, 2048, 0);
    for (uint32_t i = 0; i < 2048 / 256; i++) {
        assert_int_equal(out[2048 + i], i);
    }
}

/* Of all sizes, of which a line has more or fewer than half a warp; and some in a register. */
static void test_sizes(void **state)
{
    (void)state;
    run(kernel(EDGE, "cvt.u64.u32 %rd5, %r2; add.s64 %rd5, %rd4, %rd5; ld.global.u8 %r5, [%rd5];"),
        &line, 4001, 0);
    for (uint32_t i = 0; i < VALUES; i++) {
        assert_int_equal(out[i], i < 4001 ? ((const uint8_t *)in)[i] : UNTOUCHED);
    }
    run(kernel("setp.ge.s32 %q, %r2, 2001; @%q bra D;",
               "shl.b64 %rd0, %rd0, 1; add.s64 %rd1, %rd3, %rd0; add.s64 %rd2, %rd4, %rd0;"
               "ld.global.v2.u32 {%r5, %r6}, [%rd2]; st.global.u32 [%rd1 + 4], %r6;"),
        &(struct shape){{8, 1}, {256, 1}}, 0, 0);
    for (uint32_t i = 0; i < VALUES; i++) {
        assert_int_equal(out[i], i < 4002 ? in[i] : UNTOUCHED);
    }
    run(kernel(EDGE, "ld.global.u32 %r7, [%rd4 + 12]; ld.global.u32 %r5, [%rd2 + 4];"
                     "xor.b32 %r5, %r5, %r7; sub.u32 %r5, %r5, %r2;"),
        &line, VALUES, 0);
    for (uint32_t i = 0; i < VALUES; i++) {
        assert_int_equal(out[i], (in[i + 1] ^ in[3]) - i);
    }
}

/* The first thread that leaves memory is told, whatever ran in its row before; those of blocks
 * before it have all stored. */
static void test_faults(void **state)
{
    static const uint32_t ends[] = {0, 1, 33, 256, 1000, 2048, 4095};

    (void)state;
    for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++) {
        assert_int_equal(launch(kernel(EDGE, LOAD), &line, VALUES, ends[e] * 4 + 4, 0),
                         ends[e] == VALUES - 1 ? LAUNCH_OK : LAUNCH_FAULT);
        if (ends[e] < VALUES - 1) {
            assert_int_equal(fault.fault, WARP_FAULT_ADDRESS);
            assert_int_equal(fault.address, (uintptr_t)&out[ends[e] + 1]);
            assert_int_equal(fault.block[0], (ends[e] + 1) / 256);
            assert_int_equal(fault.thread[0], (ends[e] + 1) % 256);
            assert_true(fault.write);
        }
        for (uint32_t i = 0; i < (ends[e] + 1) / 256 * 256; i++) {
            assert_int_equal(out[i], in[i]);
        }
    }
    assert_int_equal(
        launch(kernel(EDGE, "add.s64 %rd1, %rd1, 2;" LOAD), &line, VALUES, sizeof(out), 0),
        LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_MISALIGNED);
    assert_int_equal(fault.block[0], 0);
    assert_int_equal(fault.thread[0], 0);
    assert_int_equal(
        launch(kernel(EDGE, LOAD "st.global.u32 [%rd2], %r5;"), &line, VALUES, sizeof(out), 0),
        LAUNCH_FAULT); /* it may be read alone */
    assert_int_equal(fault.address, (uintptr_t)in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which), cmocka_unit_test(test_edges),
        cmocka_unit_test(test_wraps), cmocka_unit_test(test_places),
        cmocka_unit_test(test_parts), cmocka_unit_test(test_one_place),
        cmocka_unit_test(test_sizes), cmocka_unit_test(test_faults),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
