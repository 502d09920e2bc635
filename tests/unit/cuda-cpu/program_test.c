/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c)
// libs: -ldl
/* Kernels from PTX to results: compiled by LLVM, run on this processor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/program/program.h"

#define HEAD ".version 8.0\n.target sm_90\n.address_size 64\n"

/* A kernel over out[i], with i the thread's number in %r0 and &out[i] in %rd0. */
#define KERNEL(declarations, statements)                                                           \
    HEAD declarations                                                                              \
        "\n.entry k(.param .u64 out, .param .u32 n)\n{\n"                                          \
        ".reg .b16 %h<9>; .reg .b32 %r<40>; .reg .b64 %rd<20>; .reg .f32 %f<20>; "                 \
        ".reg .f64 %d<9>; .reg .pred %p<9>;\n"                                                     \
        "mov.u32 %r10, %ctaid.x; mov.u32 %r11, %ntid.x; mov.u32 %r12, %tid.x;\n"                   \
        "mad.lo.u32 %r0, %r10, %r11, %r12; ld.param.u64 %rd0, [out]; ld.param.u32 %r1, [n];\n"     \
        "mul.wide.u32 %rd10, %r0, 4; add.s64 %rd0, %rd0, %rd10;\n" statements "\n}\n"

#define OUT_MAX 4096

static struct memory memory;
static struct launch_fault fault;
static char log_text[4096], printed[4096];
static uint32_t stop;
static _Alignas(256) uint32_t out[OUT_MAX];

static void print(void *context, const char *text)
{
    (void)context;
    strncat(printed, text, sizeof(printed) - strlen(printed) - 1);
}

static int setup(void **state)
{
    (void)state;
    memset(out, 0, sizeof(out));
    printed[0] = '\0';
    stop = 0;
    return memory_add(&memory, (uint64_t)(uintptr_t)out, sizeof(out), false) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    memory_clear(&memory);
    return 0;
}

/* The kernel k of a text, over out. */
static enum launch_status run(const char *text, unsigned grid, unsigned block, uint32_t n)
{
    struct {
        uint64_t out;
        uint32_t n;
    } params = {(uint64_t)(uintptr_t)out, n};
    struct launch launch = {
        .grid = {grid, 1, 1},
        .block = {block, 1, 1},
        .params = &params,
        .memory = &memory,
        .stop = &stop,
        .print = print,
    };
    enum launch_status status = LAUNCH_NO_MEMORY;
    struct ptx_log log;
    struct program *program;

    ptx_log_init(&log, log_text, sizeof(log_text));
    program = program_create(text, strlen(text), &memory, &log);
    if (program == NULL ||
        !program_prepare(program, program_find_kernel(program, "k"), &launch, &log)) {
        print_error("%s\n%s", text, log_text);
        fail();
    }
    launch.shared_size = program_find_kernel(program, "k")->shared_size + 64;
    status = launch_run(&launch, &fault);
    program_destroy(program);
    return status;
}

static void run_well(const char *text, unsigned grid, unsigned block, uint32_t n)
{
    assert_int_equal(run(text, grid, block, n), LAUNCH_OK);
}

/* ---- Control flow ---- */

static void test_threads(void **state)
{
    (void)state;
    run_well(KERNEL("", "setp.ge.u32 %p1, %r0, %r1; @%p1 ret; add.u32 %r2, %r0, 7; "
                        "st.global.u32 [%rd0], %r2; ret;"),
             5, 50, 233);
    for (unsigned i = 0; i < 250; i++) {
        assert_int_equal(out[i], i < 233 ? i + 7 : 0);
    }
}

static uint32_t collatz(uint32_t x)
{
    uint32_t steps = 0;

    for (; x != 1; steps++) {
        x = x & 1 ? 3 * x + 1 : x / 2;
    }
    return steps;
}

/* Lanes leave a loop at different times, and meet again behind it. */
static void test_divergent_loop(void **state)
{
    (void)state;
    run_well(KERNEL("", "add.u32 %r2, %r0, 1; mov.u32 %r3, 0;\n"
                        "L: setp.eq.u32 %p1, %r2, 1; @%p1 bra D; add.u32 %r3, %r3, 1; "
                        "and.b32 %r4, %r2, 1; setp.ne.u32 %p2, %r4, 0; @%p2 bra O; "
                        "shr.u32 %r2, %r2, 1; bra L;\n"
                        "O: mad.lo.u32 %r2, %r2, 3, 1; bra L;\n"
                        "D: activemask.b32 %r5; popc.b32 %r5, %r5; shl.b32 %r5, %r5, 16; "
                        "or.b32 %r3, %r3, %r5; st.global.u32 [%rd0], %r3; ret;"),
             2, 100, 0);
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(out[i] & 0xFFFF, collatz(i + 1));
        assert_int_equal(out[i] >> 16, i % 100 < 96 ? 32 : 4); /* together again */
    }
}

/* Registers that look the same in all lanes, while lanes are apart: what one side sets may be what
 * the other still reads. */
static void test_values_of_lanes_apart(void **state)
{
    (void)state;
    /* Lanes that wait read what was set before they parted. */
    run_well(KERNEL("", "mov.u32 %r2, 5; and.b32 %r3, %r0, 1; setp.ne.u32 %p1, %r3, 0; "
                        "setp.ne.u32 %p2, %r1, 0; @%p2 bra J; @%p1 bra A; bra B;\n"
                        "A: mov.u32 %r2, 9; bra J;\n"
                        "B: add.u32 %r4, %r2, 100; st.global.u32 [%rd0], %r4; ret;\n"
                        "J: add.u32 %r4, %r2, 200; st.global.u32 [%rd0], %r4; ret;"),
             1, 32, 0);
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(out[i], i & 1 ? 209 : 105);
    }
    /* Each side has its own value under one name. */
    run_well(KERNEL("", "and.b32 %r3, %r0, 1; setp.ne.u32 %p1, %r3, 0; @%p1 bra A;\n"
                        "mov.u32 %r2, 7; bra C;\nA: mov.u32 %r2, 8; bra D;\n"
                        "C: st.global.u32 [%rd0], %r2; ret;\n"
                        "D: add.u32 %r4, %r2, 10; st.global.u32 [%rd0], %r4; ret;"),
             1, 32, 0);
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(out[i], i & 1 ? 18 : 7);
    }
    /* Lanes leave a loop in rounds of their own, and read its counter. */
    run_well(KERNEL("", "mov.u32 %r2, 0; and.b32 %r3, %r0, 7;\n"
                        "L: add.u32 %r2, %r2, 1; setp.le.u32 %p1, %r2, %r3; @%p1 bra L;\n"
                        "st.global.u32 [%rd0], %r2; ret;"),
             1, 32, 0);
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(out[i], (i & 7) + 1);
    }
}

/* Lanes that go back early wait for the others of their round, so that a counter is the same in
 * all; in a loop that only some lanes are in, too. */
static void test_counter_of_a_loop(void **state)
{
    (void)state;
    run_well(KERNEL("", "mov.u32 %r5, 0; setp.gt.u32 %p3, %r0, 40; @%p3 bra E;\n"
                        "mov.u32 %r2, 0;\n"
                        "L: add.u32 %r2, %r2, 1; setp.gt.u32 %p1, %r2, 9; @%p1 bra E;\n"
                        "add.u32 %r3, %r2, %r0; and.b32 %r3, %r3, 1; setp.ne.u32 %p2, %r3, 0; "
                        "@%p2 bra L; activemask.b32 %r6; popc.b32 %r6, %r6; "
                        "mad.lo.u32 %r5, %r2, 100, %r5; add.u32 %r5, %r5, %r6; bra L;\n"
                        "E: st.global.u32 [%rd0], %r5; ret;"),
             1, 64, 0);
    for (unsigned i = 0; i < 64; i++) {
        unsigned lanes = i < 32 ? 16 : i & 1 ? 4 : 5;
        unsigned sum = i & 1 ? 1 + 3 + 5 + 7 + 9 : 2 + 4 + 6 + 8;

        assert_int_equal(out[i], i > 40 ? 0 : sum * 100 + lanes * (i & 1 ? 5 : 4));
    }
}

static void test_branch_table(void **state)
{
    (void)state;
    run_well(KERNEL("", "T: .branchtargets A, B, C; rem.u32 %r2, %r0, 3; brx.idx %r2, T;\n"
                        "A: mov.u32 %r3, 10; bra E;\nB: mov.u32 %r3, 20; bra E;\n"
                        "C: mov.u32 %r3, 30;\nE: st.global.u32 [%rd0], %r3; ret;"),
             1, 64, 0);
    for (unsigned i = 0; i < 64; i++) {
        assert_int_equal(out[i], 10 * (i % 3 + 1));
    }
    /* All go the same way. */
    for (unsigned way = 0; way < 3; way++) {
        run_well(KERNEL("", "T: .branchtargets A, B, C; brx.idx %r1, T;\n"
                            "A: mov.u32 %r3, 10; bra E;\nB: mov.u32 %r3, 20; bra E;\n"
                            "C: mov.u32 %r3, 30;\nE: st.global.u32 [%rd0], %r3; ret;"),
                 1, 40, way);
        assert_int_equal(out[0], 10 * (way + 1));
        assert_int_equal(out[39], 10 * (way + 1));
    }
}

static void test_calls(void **state)
{
    (void)state;
    run_well(
        KERNEL(".func (.param .b32 r) square (.param .b32 x) { .reg .b32 %a<3>; "
               "ld.param.b32 %a0, [x]; mul.lo.u32 %a1, %a0, %a0; st.param.b32 [r], %a1; ret; }\n"
               ".func (.reg .b32 r) twice (.reg .b32 x) { .param .b32 p, q; "
               "st.param.b32 [p], x; call (q), square, (p); ld.param.b32 r, [q]; "
               "add.u32 r, r, r; ret; }\n",
               "and.b32 %r4, %r0, 1; setp.ne.u32 %p1, %r4, 0; mov.u32 %r2, 5;\n"
               "@%p1 call (%r2), twice, (%r0); st.global.u32 [%rd0], %r2; ret;"),
        1, 40, 0);
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(out[i], i & 1 ? 2 * i * i : 5);
    }
}

/* A function's shared variable is none of the kernel's that calls it. */
static void test_shared_of_functions(void **state)
{
    (void)state;
    run_well(KERNEL(".func put () { .shared .b32 theirs; st.shared.u32 [theirs], 7; ret; }\n",
                    ".shared .b32 mine; st.shared.u32 [mine], 5; call put; "
                    "ld.shared.u32 %r2, [mine]; st.global.u32 [%rd0], %r2; ret;"),
             1, 1, 0);
    assert_int_equal(out[0], 5);
}

/* A module's shared variables take room in the kernels alone that name them, or call what does. */
static void test_shared_of_each_kernel(void **state)
{
    static const struct {
        const char *name;
        uint64_t size;
    } kernels[] = {{"none", 0}, {"own", 1064}, {"first", 1000}, {"calls", 72}, {"dynamic", 128}};
    static const char text[] =
        HEAD ".shared .align 8 .b8 a[1000], b[64];\n.extern .shared .align 128 .b8 more[];\n"
             ".func put () { .shared .align 8 .b64 theirs; st.shared.u64 [theirs], 7; "
             "st.shared.u32 [b + 4], 8; ret; }\n"
             ".entry none() { ret; }\n"
             ".entry own() { .reg .b32 %r; .shared .align 8 .b8 c[64]; st.shared.u32 [a], 1; "
             "mov.u32 %r, c; ret; }\n"
             ".entry first() { .reg .b32 %r<3>; ld.shared.v2.u32 {%r0, %r1}, [a + 8]; ret; }\n"
             ".entry calls() { call put; ret; }\n"
             ".entry dynamic() { st.shared.u32 [b], 1; st.shared.u32 [more + 4], 1; ret; }\n";
    struct program *program;
    struct ptx_log log;

    (void)state;
    ptx_log_init(&log, log_text, sizeof(log_text));
    program = program_create(text, sizeof(text) - 1, &memory, &log);
    assert_string_equal(log_text, "");
    for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        assert_int_equal(program_find_kernel(program, kernels[i].name)->shared_size,
                         kernels[i].size);
    }
    program_destroy(program);
}

static void test_shared_ends_with_what_is_named(void **state)
{
    (void)state;
    /* 64 bytes more than the kernel's own are dynamic: run() */
    assert_int_equal(run(KERNEL(".shared .b8 other[4096], own[64];\n",
                                "mov.u32 %r2, own; add.u32 %r2, %r2, 124; st.shared.u32 [%r2], 9; "
                                "ld.shared.u32 %r3, [own + 124]; st.global.u32 [%rd0], %r3; ret;"),
                         1, 1, 0),
                     LAUNCH_OK);
    assert_int_equal(out[0], 9);
    assert_int_equal(run(KERNEL(".shared .b8 other[4096], own[64];\n",
                                "ld.shared.u32 %r3, [own + 128]; st.global.u32 [%rd0], %r3; ret;"),
                         1, 1, 0),
                     LAUNCH_FAULT);
}

static void test_print(void **state)
{
    (void)state;
    run_well(
        KERNEL(".extern .func (.param .b32 r) vprintf (.param .b64 f, .param .b64 a);\n"
               ".global .b8 format[] = {37, 100, 32, 37, 46, 49, 102, 59, 0};\n", /* %d %.1f; */
               ".local .align 8 .b8 values[16]; .param .b64 f, a; .param .b32 r;\n"
               "st.local.u32 [values], %r0; mov.f64 %d1, 0d3FF8000000000000; "
               "st.local.f64 [values + 8], %d1;\n"
               "mov.u64 %rd1, format; cvta.global.u64 %rd1, %rd1; mov.u64 %rd2, values; "
               "cvta.local.u64 %rd2, %rd2; st.param.b64 [f], %rd1; st.param.b64 [a], %rd2;\n"
               "call (r), vprintf, (f, a); ld.param.b32 %r2, [r]; st.global.u32 [%rd0], %r2; "
               "ret;"),
        1, 3, 0);
    assert_string_equal(printed, "0 1.5;1 1.5;2 1.5;");
    assert_int_equal(out[2], 2);
}

/* Sixty functions that call the next one twice are not looked at 2^60 times. */
static void test_many_calls(void **state)
{
    char text[16384] = HEAD ".func f60 () { ret; }\n";

    (void)state;
    for (int i = 59; i >= 0; i--) {
        sprintf(text + strlen(text), ".func f%d () { call f%d; call f%d; ret; }\n", i, i + 1,
                i + 1);
    }
    strcat(text, ".entry k(.param .u64 out, .param .u32 n) { .reg .pred %p<2>; "
                 "setp.ne.u32 %p1, 0, 0; @%p1 call f0; ret; }\n");
    run_well(text, 1, 32, 0);
}

/* ---- Blocks ---- */

static void test_barriers(void **state)
{
    (void)state;
    /* Each thread writes, then reads what a thread of another warp wrote, again and again. */
    run_well(KERNEL(".shared .b32 s[256];\n",
                    "mov.u32 %r2, s; shl.b32 %r3, %r12, 2; add.u32 %r4, %r2, %r3; "
                    "mov.u32 %r5, %r12; mov.u32 %r6, 0;\n"
                    "L: st.shared.u32 [%r4], %r5; bar.sync 0; add.u32 %r7, %r12, 37; "
                    "rem.u32 %r7, %r7, %r11; shl.b32 %r7, %r7, 2; add.u32 %r7, %r7, %r2; "
                    "ld.shared.u32 %r5, [%r7]; bar.sync 0; add.u32 %r6, %r6, 1; "
                    "setp.lt.u32 %p1, %r6, 10; @%p1 bra L; st.global.u32 [%rd0], %r5; ret;"),
             2, 224, 0);
    for (unsigned i = 0; i < 448; i++) {
        assert_int_equal(out[i], (i % 224 + 370) % 224);
    }
}

static void test_barrier_reductions(void **state)
{
    (void)state;
    run_well(KERNEL("", "and.b32 %r2, %r0, 3; setp.eq.u32 %p1, %r2, 0; "
                        "bar.red.popc.u32 %r3, 1, %p1; bar.red.and.pred %p2, 2, %p1; "
                        "bar.red.or.pred %p3, 3, %p1; selp.u32 %r4, 256, 0, %p2; "
                        "selp.u32 %r5, 512, 0, %p3; add.u32 %r3, %r3, %r4; add.u32 %r3, %r3, %r5; "
                        "st.global.u32 [%rd0], %r3; ret;"),
             1, 96, 0);
    assert_int_equal(out[0], 24 + 512);
    assert_int_equal(out[95], 24 + 512);
}

/* Warps that are done are not waited for; one that waits alone for others is told. */
static void test_barrier_without_others(void **state)
{
    (void)state;
    run_well(KERNEL("", "setp.lt.u32 %p1, %r12, 32; @%p1 ret; bar.sync 0; "
                        "st.global.u32 [%rd0], 1; ret;"),
             1, 128, 0);
    assert_int_equal(out[31], 0);
    assert_int_equal(out[32], 1);
    assert_int_equal(run(KERNEL("", "bar.sync 1, 64; ret;"), 1, 32, 0), LAUNCH_DEADLOCK);
}

static void test_atomics(void **state)
{
    (void)state;
    run_well(KERNEL("", "ld.param.u64 %rd1, [out]; red.global.add.u32 [%rd1], 1; "
                        "atom.global.max.u32 %r2, [%rd1 + 4], %r0; "
                        "mov.f32 %f1, 0f3F000000; red.global.add.f32 [%rd1 + 8], %f1; "
                        "atom.global.inc.u32 %r3, [%rd1 + 12], 9; "
                        "L: atom.global.cas.b32 %r4, [%rd1 + 16], 0, 0; add.u32 %r5, %r4, 3; "
                        "atom.global.cas.b32 %r6, [%rd1 + 16], %r4, %r5; "
                        "setp.ne.u32 %p1, %r6, %r4; @%p1 bra L; ret;"),
             3, 100, 0);
    assert_int_equal(out[0], 300);
    assert_int_equal(out[1], 299);
    assert_int_equal(out[2], 0x43160000); /* 150.0f */
    assert_int_equal(out[3], 0);
    assert_int_equal(out[4], 900);
}

static void test_lanes_together(void **state)
{
    (void)state;
    run_well(KERNEL("",
                    "shfl.sync.down.b32 %r2|%p1, %r0, 3, 31, -1; selp.u32 %r3, 1000, 0, %p1; "
                    "add.u32 %r2, %r2, %r3; setp.gt.u32 %p2, %r0, 4; "
                    "vote.sync.ballot.b32 %r4, %p2, -1; popc.b32 %r4, %r4; shl.b32 %r4, %r4, 16; "
                    "add.u32 %r2, %r2, %r4; st.global.u32 [%rd0], %r2; ret;"),
             1, 32, 0);
    assert_int_equal(out[0], 3 + 1000 + (27 << 16));
    assert_int_equal(out[28], 31 + 1000 + (27 << 16));
    assert_int_equal(out[29], 29 + (27 << 16));
}

/* By how much, and in which segments, is known to the compiler or not: it is the same. */
static void test_shuffles_by_numbers(void **state)
{
    static const char *const ways[] = {"up", "down", "bfly", "idx"};
    static const struct {
        unsigned b, c;
    } numbers[] = {{1, 0},      {3, 31},     {16, 31},    {31, 0x1F},   {33, 31},
                   {5, 0x181F}, {2, 0x1C1F}, {9, 0x1000}, {4, 0x0B0C},  {20, 0x0807},
                   {7, 0xFFFF}, {1, 0x1E01}, {0, 0},      {17, 0x1F1F}, {12, 0x0510}};
    static const char start[] = KERNEL("", "mov.u32 %r8, 0;");
    static char text[32768];
    size_t used = sizeof(start) - sizeof("\n}\n");

    (void)state;
    memcpy(text, start, used);
    for (size_t i = 0; i < 4 * sizeof(numbers) / sizeof(numbers[0]); i++) {
        const char *way = ways[i % 4];
        unsigned b = numbers[i / 4].b, c = numbers[i / 4].c;

        used += (size_t)snprintf(
            text + used, sizeof(text) - used,
            "and.b32 %%r6, %%r0, 0; add.u32 %%r7, %%r6, %u; add.u32 %%r6, %%r6, %u; "
            "shfl.sync.%s.b32 %%r2, %%r0, %u, %u, -1; "
            "shfl.sync.%s.b32 %%r3, %%r0, %%r6, %%r7, -1; "
            "xor.b32 %%r3, %%r2, %%r3; or.b32 %%r8, %%r8, %%r3;\n"
            "{ .reg .b32 n<2>; mov.u32 n0, %u; mov.u32 n1, %u; "
            "shfl.sync.%s.b32 %%r3, %%r0, n0, n1, -1; }\n"
            "xor.b32 %%r3, %%r2, %%r3; or.b32 %%r8, %%r8, %%r3;\n",
            c, b, way, b, c, way, b, c, way);
    }
    snprintf(text + used, sizeof(text) - used, "st.global.u32 [%%rd0], %%r8; ret;\n}\n");
    run_well(text, 1, 32, 0);
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(out[i], 0);
    }
}

/* A chain of calls, of which each may have a part of the stack. */
#define CHAIN                                                                                      \
    ".func f7 () { ret; } .func f6 () { call f7; ret; } .func f5 () { call f6; ret; }\n"           \
    ".func f4 () { call f5; ret; } .func f3 () { call f4; ret; } .func f2 () { call f3; ret; }\n"  \
    ".func f1 () { call f2; ret; } .func f0 () { call f1; ret; }\n"

/* What lanes hold at once is on the warp's stack, which ends. */
static void test_many_values(void **state)
{
    enum { COUNT = 2200 };
    static char text[COUNT * 96];
    size_t used = 0;
    struct launch launch = {0};
    struct ptx_log log;
    struct program *program;

    (void)state;
    used += (size_t)sprintf(
        text,
        HEAD CHAIN ".entry k(.param .u64 p) {\n.reg .b64 %%rd<%d>; .reg .b32 %%r<2>; call f0;"
                   "ld.param.u64 %%rd0, [p]; mov.u32 %%r1, %%tid.x; "
                   "mad.wide.u32 %%rd0, %%r1, 8, %%rd0;\n",
        COUNT);
    for (int i = 1; i < COUNT; i++) {
        used += (size_t)sprintf(text + used, "ld.volatile.global.u64 %%rd%d, [%%rd0];\n", i);
    }
    for (int i = 1; i < COUNT; i++) {
        used += (size_t)sprintf(text + used, "st.volatile.global.u64 [%%rd0], %%rd%d;\n", i);
    }
    strcpy(text + used, "ret; }\n");
    ptx_log_init(&log, log_text, sizeof(log_text));
    program = program_create(text, strlen(text), &memory, &log);
    assert_non_null(program);
    assert_false(program_prepare(program, program_find_kernel(program, "k"), &launch, &log));
    assert_int_equal(log.error, PTX_ERROR_LIMIT);
    assert_non_null(strstr(log_text, "take too much of the stack"));
    program_destroy(program);
}

/* Of so much code LLVM keeps each value in a place of its own first, which are too many. */
static void test_many_ways(void **state)
{
    enum { WAYS = 80, VALUES = 20, LINE = 128 };
    static char text[WAYS * 2 * LINE];
    uint32_t values[VALUES], sum = 0;
    size_t used = 0;

    (void)state;
    used += (size_t)sprintf(text, HEAD CHAIN ".entry k(.param .u64 p) {\n.reg .b64 %%rd0; "
                                             ".reg .b32 %%r<2>, %%x<20>; .reg .pred %%p; call f0;\n"
                                             "ld.param.u64 %%rd0, [p]; mov.u32 %%r0, %%tid.x; "
                                             "mad.wide.u32 %%rd0, %%r0, 4, %%rd0;\n");
    for (unsigned i = 0; i < VALUES; i++) {
        used += (size_t)sprintf(text + used, "mov.u32 %%x%u, %u;\n", i, i);
    }
    used += (size_t)sprintf(text + used, "L:\n");
    for (unsigned i = 0; i < WAYS; i++) {
        used += (size_t)sprintf(text + used,
                                "and.b32 %%r1, %%r0, %u; setp.eq.u32 %%p, %%r1, 0; @%%p bra L%u;\n"
                                "add.u32 %%x%u, %%x%u, %%x%u;\nL%u:\n",
                                1u << i % 5, i, i % VALUES, i % VALUES, i * 7 % VALUES, i);
    }
    used += (size_t)sprintf(text + used, "add.u32 %%r0, %%r0, 32; setp.lt.u32 %%p, %%r0, 96; "
                                         "@%%p bra L;\n");
    for (unsigned i = 1; i < VALUES; i++) {
        used += (size_t)sprintf(text + used, "add.u32 %%x0, %%x0, %%x%u;\n", i);
    }
    sprintf(text + used, "st.global.u32 [%%rd0], %%x0; ret; }\n");
    run_well(text, 1, 32, 0);
    for (unsigned i = 0; i < VALUES; i++) {
        values[i] = i;
    }
    for (unsigned i = 0; i < 3 * WAYS; i++) {
        if (21 >> i % WAYS % 5 & 1) {
            values[i % WAYS % VALUES] += values[i % WAYS * 7 % VALUES];
        }
    }
    for (unsigned i = 0; i < VALUES; i++) {
        sum += values[i];
    }
    assert_int_equal(out[21], sum);
}

/* ---- Values ---- */

/* One thread; the statements leave a word in %r2. */
static uint32_t word(const char *statements)
{
    char text[2048];

    snprintf(text, sizeof(text),
             HEAD
             ".entry k(.param .u64 out, .param .u32 n)\n{\n.reg .b16 %%h<9>; .reg .b32 %%r<9>; "
             ".reg .b64 %%rd<9>; .reg .f32 %%f<9>; .reg .f64 %%d<9>; .reg .pred %%p<9>;\n"
             "ld.param.u64 %%rd0, [out]; ld.param.u32 %%r1, [n];\n%s\n"
             "st.global.u32 [%%rd0], %%r2; ret; }\n",
             statements);
    run_well(text, 1, 1, 0x89ABCDEF);
    return out[0];
}

static void test_values(void **state)
{
    static const struct {
        const char *statements;
        uint32_t expected;
    } cases[] = {
        {"add.s32 %r2, %r1, -1;", 0x89ABCDEE},
        {"add.sat.s32 %r2, %r1, %r1;", 0x80000000},
        {"sub.sat.s32 %r2, 0x7FFFFFFF, %r1;", 0x7FFFFFFF},
        {"mul.hi.u32 %r2, %r1, %r1;", 0x4A0955B6},
        {"mul.hi.s32 %r2, %r1, %r1;", 0x36B1B9D8},
        {"mul24.lo.s32 %r2, %r1, 3;", 0xFF0369CD},
        {"div.s32 %r2, -7, 2;", 0xFFFFFFFD},
        {"rem.s32 %r2, -7, 2;", 0xFFFFFFFF},
        {"div.u32 %r2, %r1, 0;", 0xFFFFFFFF},
        {"div.s32 %r2, 0x80000000, -1;", 0x80000000},
        {"shl.b32 %r2, %r1, 40;", 0},
        {"shr.s32 %r2, %r1, 40;", 0xFFFFFFFF},
        {"shr.u32 %r2, %r1, 4;", 0x089ABCDE},
        {"shf.l.wrap.b32 %r2, %r1, 1, 8;", 0x00000189},
        {"shf.r.clamp.b32 %r2, %r1, 0x12345678, 40;", 0x12345678},
        {"popc.b32 %r2, %r1;", 20},
        {"clz.b32 %r2, 0x00F00000;", 8},
        {"bfind.s32 %r2, -2;", 0},
        {"bfind.u32 %r2, 0;", 0xFFFFFFFF},
        {"brev.b32 %r2, %r1;", 0xF7B3D591},
        {"bfe.u32 %r2, %r1, 8, 12;", 0xBCD},
        {"bfe.s32 %r2, %r1, 24, 8;", 0xFFFFFF89},
        {"bfe.s32 %r2, %r1, 24, 200;", 0xFFFFFF89},
        {"bfi.b32 %r2, 0xF, %r1, 28, 8;", 0xF9ABCDEF},
        {"prmt.b32 %r2, %r1, 0x11223344, 0x7450;", 0x114433EF},
        {"lop3.b32 %r2, %r1, 0xFF00FF00, 0x0F0F0F0F, 0x96;", 0x89ABCDEF ^ 0xFF00FF00 ^ 0x0F0F0F0F},
        {"dp4a.s32.s32 %r2, 0x01FF02FE, 0x01010101, 100;", 100},
        {"sad.s32 %r2, -5, 7, 1;", 13},
        {"min.s32 %r2, %r1, 5;", 0x89ABCDEF},
        {"max.u32 %r2, %r1, 5;", 0x89ABCDEF},
        {"cnot.b32 %r2, 0;", 1},
        {"add.cc.u32 %r3, 0xFFFFFFFF, 1; addc.u32 %r2, 5, 0;", 6},
        {"sub.cc.u32 %r3, 1, 2; subc.u32 %r2, 5, 0;", 4},
        {"cvt.s32.s8 %r2, %r1;", 0xFFFFFFEF},
        {"cvt.sat.u8.s32 %r2, -5;", 0},
        {"cvt.rzi.s32.f32 %r2, 0fC0200000;", 0xFFFFFFFE},
        {"cvt.rni.s32.f32 %r2, 0f40200000;", 2},
        {"cvt.rzi.u32.f32 %r2, 0f7FC00000;", 0},
        {"cvt.rzi.s32.f32 %r2, 0f7F800000;", 0x7FFFFFFF},
        {"cvt.rn.f32.u32 %f1, %r1; mov.b32 %r2, %f1;", 0x4F09ABCE},
        {"add.f32 %f1, 0f3F800000, 0f33800000; mov.b32 %r2, %f1;", 0x3F800000},
        {"add.rp.f32 %f1, 0f3F800000, 0f33800000; mov.b32 %r2, %f1;", 0x3F800001},
        {"mul.ftz.f32 %f1, 0f00800000, 0f3F000000; mov.b32 %r2, %f1;", 0},
        {"mul.f32 %f1, 0f00800000, 0f3F000000; mov.b32 %r2, %f1;", 0x00400000},
        {"add.sat.f32 %f1, 0f3F800000, 0f3F800000; mov.b32 %r2, %f1;", 0x3F800000},
        {"fma.rn.f32 %f1, 0f3F800001, 0f3F800001, 0fBF800002; mov.b32 %r2, %f1;", 0x28800000},
        {"div.rn.f32 %f1, 0f3F800000, 0f40400000; mov.b32 %r2, %f1;", 0x3EAAAAAB},
        {"div.rz.f32 %f1, 0f3F800000, 0f40400000; mov.b32 %r2, %f1;", 0x3EAAAAAA},
        {"sqrt.rn.f32 %f1, 0f40000000; mov.b32 %r2, %f1;", 0x3FB504F3},
        {"min.f32 %f1, 0f80000000, 0f00000000; mov.b32 %r2, %f1;", 0x80000000},
        {"max.f32 %f1, 0f7FC00000, 0f3F800000; mov.b32 %r2, %f1;", 0x3F800000},
        {"max.NaN.f32 %f1, 0f7FC00000, 0f3F800000; mov.b32 %r2, %f1;", 0x7FFFFFFF},
        {"neg.f32 %f1, 0f7F800000; mov.b32 %r2, %f1;", 0xFF800000},
        {"setp.ltu.f32 %p1, 0f7FC00000, 0f3F800000; selp.u32 %r2, 1, 0, %p1;", 1},
        {"setp.lt.f32 %p1, 0f7FC00000, 0f3F800000; selp.u32 %r2, 1, 0, %p1;", 0},
        {"set.gt.f32.s32 %f1, 5, 3; mov.b32 %r2, %f1;", 0x3F800000},
        {"testp.subnormal.f32 %p1, 0f00000001; selp.u32 %r2, 1, 0, %p1;", 1},
        {"cvt.f64.f32 %d1, 0f3FC00000; cvt.rn.f32.f64 %f1, %d1; mov.b32 %r2, %f1;", 0x3FC00000},
        {"mov.b64 %rd1, {%r1, 7}; mov.b64 {%r3, %r2}, %rd1;", 7},
        {"bmsk.clamp.b32 %r2, 4, 8;", 0xFF0},
        {"szext.wrap.s32 %r2, %r1, 8;", 0xFFFFFFEF},
        {"slct.u32.s32 %r2, 1, 2, %r1;", 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t got = word(cases[i].statements);

        if (got != cases[i].expected) {
            print_error("%s: 0x%x, not 0x%x\n", cases[i].statements, got, cases[i].expected);
            fail();
        }
    }
}

/* ---- Faults ---- */

static void expect_fault(const char *statements, enum warp_fault expected, unsigned thread,
                         uint64_t address, bool write)
{
    char text[2048];

    snprintf(text, sizeof(text),
             HEAD
             ".const .b32 c[4];\n.shared .b32 s[16];\n.entry k(.param .u64 out, .param .u32 n)\n"
             "{\n.reg .b32 %%r<9>; .reg .b64 %%rd<9>; .reg .pred %%p<9>;\n"
             "mov.u32 %%r0, %%tid.x; ld.param.u64 %%rd0, [out]; mul.wide.u32 %%rd1, %%r0, 4; "
             "add.s64 %%rd1, %%rd0, %%rd1;\n%s\nret; }\n",
             statements);
    assert_int_equal(run(text, 1, 64, 0), LAUNCH_FAULT);
    assert_int_equal(fault.fault, expected);
    assert_int_equal(fault.thread[0], thread);
    assert_int_equal(fault.write, write);
    if (address) {
        assert_int_equal(fault.address, address);
    }
}

/* Bounds are exact, by the byte, wherever the lanes are. */
static void test_bounds(void **state)
{
    uint64_t start = (uint64_t)(uintptr_t)out, end = start + sizeof(out);

    (void)state;
    run_well(KERNEL("", "ld.global.u32 %r2, [%rd0 + 16128]; ret;"), 1, 64, 0); /* the last bytes */
    expect_fault("ld.global.u32 %r2, [%rd1 + 16132];", WARP_FAULT_ADDRESS, 63, end, false);
    expect_fault("st.global.u32 [%rd1 + 16132], %r2;", WARP_FAULT_ADDRESS, 63, end, true);
    expect_fault("ld.global.u32 %r2, [%rd1 + -4];", WARP_FAULT_ADDRESS, 0, start - 4, false);
    expect_fault("ld.global.u8 %r2, [%rd0 + 16384];", WARP_FAULT_ADDRESS, 0, end, false);
    expect_fault("ld.global.u64 %rd2, [%rd0 + 16377];", WARP_FAULT_MISALIGNED, 0, end - 7, false);
    expect_fault("ld.global.u32 %r2, [0];", WARP_FAULT_ADDRESS, 0, 0, false);
    expect_fault("atom.global.add.u32 %r2, [%rd0 + 16384], 1;", WARP_FAULT_ADDRESS, 0, end, true);
    expect_fault("mov.u64 %rd2, c; st.u32 [%rd2], 1;", WARP_FAULT_ADDRESS, 0, 0, true);
    expect_fault("ld.shared.u32 %r2, [s + 128];", WARP_FAULT_ADDRESS, 0, 0, false);
    expect_fault("setp.eq.u32 %p1, %r0, 40; @%p1 ld.u32 %r2, [0];", WARP_FAULT_ADDRESS, 40, 0,
                 false);
}

/* ---- Bounds, where an access has met its memory before ---- */

/* One access, `rounds` times at `good`, then at `bad`, each plus the thread's number times `step`;
 * or with thread `lane` alone going wrong. */
struct bounds_case {
    const char *access;
    uint64_t bad;
    unsigned step;
    int lane;         /* -1: all threads */
    uint32_t thread;  /* that is told of */
    uint64_t address; /* that is told of; 0: all is well */
    enum warp_fault fault;
};

static void run_bounds_case(const struct bounds_case *with)
{
    char text[2048], which[64] = "";
    enum launch_status status;

    if (with->lane >= 0) {
        snprintf(which, sizeof(which), "setp.eq.and.u32 %%p1, %%r1, %d, %%p1;", with->lane);
    }
    snprintf(text, sizeof(text),
             HEAD ".entry k(.param .u64 out, .param .u32 n)\n{\n.reg .b32 %%r<9>; "
                  ".reg .b64 %%rd<9>; .reg .pred %%p<9>;\n"
                  "mov.u32 %%r1, %%tid.x; mov.u32 %%r2, 0; mov.u32 %%r5, 1; "
                  "mov.u64 %%rd5, %llu; mov.u64 %%rd6, %llu;\n"
                  "L: setp.eq.u32 %%p1, %%r2, 3; %s selp.u64 %%rd7, %%rd6, %%rd5, %%p1;\n"
                  "mul.wide.u32 %%rd8, %%r1, %u; add.s64 %%rd7, %%rd7, %%rd8;\n"
                  "%s [%%rd7]%s; add.u32 %%r2, %%r2, 1; setp.lt.u32 %%p2, %%r2, 4; @%%p2 bra L; "
                  "ret;\n}\n",
             (unsigned long long)(uintptr_t)out, (unsigned long long)with->bad, which, with->step,
             with->access, strncmp(with->access, "ld", 2) == 0 ? "" : ", %r5");
    status = run(text, 1, 32, 0);
    if (status != (with->address ? LAUNCH_FAULT : LAUNCH_OK) ||
        (with->address && (fault.fault != with->fault || fault.thread[0] != with->thread ||
                           fault.address != with->address))) {
        print_error(
            "%s, bad 0x%llx, step %u, lane %d: status %d, fault %d of thread %u at 0x%llx\n",
            with->access, (unsigned long long)with->bad, with->step, with->lane, status,
            fault.fault, fault.thread[0], (unsigned long long)fault.address);
        fail();
    }
}

/* The first lane, one in the middle, the last one; addresses at the ends of the memory, of all
 * memory, and of none. */
static void test_bounds_of_known_memory(void **state)
{
    const uint64_t start = (uint64_t)(uintptr_t)out, end = start + sizeof(out);
    const enum warp_fault bad = WARP_FAULT_ADDRESS, crooked = WARP_FAULT_MISALIGNED;
    static const char *const accesses[] = {"ld.global.u32 %r4,", "st.u32", "red.global.add.u32",
                                           "atom.global.max.u32 %r4,"};
    const struct bounds_case cases[] = {
        {"", end - 128, 4, -1, 0, 0, bad}, /* the last that is there */
        {"", end - 124, 4, -1, 31, end, bad},
        {"", start - 4, 4, -1, 0, start - 4, bad},
        {"", UINT64_MAX - 63, 4, -1, 0, UINT64_MAX - 63, bad},
        {"", start + 2, 4, -1, 0, start + 2, crooked},
        {"", end - 4, 0, -1, 0, 0, bad},
        {"", end, 0, -1, 0, end, bad},
        {"", UINT64_MAX - 3, 0, -1, 0, UINT64_MAX - 3, bad},
        {"", end - 16 * 31 - 4, 16, -1, 0, 0, bad},
        {"", end - 16 * 31, 16, -1, 31, end, bad},
        {"", start - 16 * 7, 16, -1, 0, start - 16 * 7, bad},
        {"", end, 0, 0, 0, end, bad},
        {"", end, 0, 13, 13, end, bad},
        {"", end, 0, 31, 31, end, bad},
        {"", end - 4 - 13 * 4, 4, 13, 0, 0, bad},
        {"", end - 13 * 4, 4, 13, 13, end, bad},
        {"", end - 2 - 31 * 4, 4, 31, 31, end - 2, crooked},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t j = 0; j < sizeof(accesses) / sizeof(accesses[0]); j++) {
            struct bounds_case with = cases[i];

            with.access = accesses[j];
            run_bounds_case(&with);
        }
    }
}

/* Of accesses that are looked at together each has its own fault. */
static void test_bounds_of_accesses_together(void **state)
{
    (void)state;
    expect_fault("add.s64 %rd2, %rd1, 16128; ld.global.u32 %r2, [%rd2]; ld.global.u32 %r3, [%rd2 + "
                 "4]; st.global.u32 [%rd2], %r3; ld.global.u32 %r4, [%rd2 + 128];",
                 WARP_FAULT_ADDRESS, 63, (uint64_t)(uintptr_t)out + sizeof(out), false);
    assert_int_equal(out[OUT_MAX - 64], 0); /* nothing behind it was done */
}

/* A vector lies at a multiple of its size, not of its elements'. */
static void test_alignment_of_vectors(void **state)
{
    uint64_t start = (uint64_t)(uintptr_t)out;

    (void)state;
    run_well(KERNEL("", "ld.param.u64 %rd1, [out]; ld.global.v4.u32 {%r2, %r3, %r4, %r5}, [%rd1]; "
                        "st.global.v2.u32 [%rd1 + 8], {%r2, %r3}; ret;"),
             1, 64, 0);
    expect_fault("ld.global.v2.u32 {%r2, %r3}, [%rd0 + 4];", WARP_FAULT_MISALIGNED, 0, start + 4,
                 false);
    expect_fault("ld.global.v4.u32 {%r2, %r3, %r4, %r5}, [%rd1];", WARP_FAULT_MISALIGNED, 1,
                 start + 4, false);
    expect_fault("setp.gt.u32 %p1, %r0, 40; @%p1 st.global.v2.u32 [%rd1], {%r2, %r3};",
                 WARP_FAULT_MISALIGNED, 41, start + 164, true);
    expect_fault("st.global.v4.u16 [%rd0 + 12], {1, 2, 3, 4};", WARP_FAULT_MISALIGNED, 0,
                 start + 12, true);
}

static void test_traps_and_time(void **state)
{
    (void)state;
    expect_fault("setp.eq.u32 %p1, %r0, 35; @%p1 trap;", WARP_FAULT_TRAP, 35, 0, false);
    stop = 1;
    expect_fault("L: bra L;", WARP_FAULT_TIMEOUT, 0, 0, false);
    expect_fault("L: setp.lt.u32 %p1, %r0, 3; @%p1 bra L;", WARP_FAULT_TIMEOUT, 0, 0, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_divergent_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values_of_lanes_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_counter_of_a_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_branch_table, setup, teardown),
        cmocka_unit_test_setup_teardown(test_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shared_of_functions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shared_of_each_kernel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shared_ends_with_what_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_print, setup, teardown),
        cmocka_unit_test_setup_teardown(test_barriers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_barrier_reductions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_barrier_without_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_atomics, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lanes_together, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shuffles_by_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds_of_known_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds_of_accesses_together, setup, teardown),
        cmocka_unit_test_setup_teardown(test_alignment_of_vectors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_traps_and_time, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
