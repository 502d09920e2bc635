/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c)
// libs: -ldl
/* Code that runs whole blocks: what its warps keep at barriers, and who comes to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/program/program.h"

/* A kernel over out, in %rd0: with the thread in %r0 and &out[thread] in %rd1. */
#define KERNEL(statements)                                                                         \
    ".version 8.0\n.target sm_90\n.address_size 64\n"                                              \
    ".entry k(.param .u64 out)\n{\n.shared .align 8 .b8 s[4096];\n"                                \
    ".reg .b32 %r<40>; .reg .b64 %rd<20>; .reg .pred %p<9>; .reg .f64 %d<9>; .reg .b16 %h<9>;\n"   \
    ".reg .v2 .b32 %v; mov.u32 %r0, %tid.x; ld.param.u64 %rd0, [out]; mul.wide.u32 %rd1, %r0, 4; " \
    "add.u64 %rd1, %rd0, %rd1;\n" statements "\nret;\n}\n"

#define THREADS 100 /* the last warp has 4 */

static struct memory memory;
static struct launch_fault fault;
static char log_text[4096];
static uint32_t stop;
static _Alignas(256) uint32_t out[1024];
static struct launch launch; /* what the next one is launched with */

static int setup(void **state)
{
    (void)state;
    memset(out, 0, sizeof(out));
    stop = 0;
    launch = (struct launch){
        .grid = {1, 1, 1}, .block = {THREADS, 1, 1}, .memory = &memory, .stop = &stop};
    return memory_add(&memory, (uint64_t)(uintptr_t)out, sizeof(out), false) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    memory_clear(&memory);
    return 0;
}

/* is_inside: the kernel is one whose code runs whole blocks. */
static enum launch_status run(const char *text, bool is_inside)
{
    uint64_t params[1] = {(uint64_t)(uintptr_t)out};
    struct ptx_log log;
    struct program *program;
    enum launch_status status;

    ptx_log_init(&log, log_text, sizeof(log_text));
    program = program_create(text, strlen(text), &memory, &log);
    if (program == NULL ||
        !program_prepare(program, program_find_kernel(program, "k"), &launch, &log)) {
        print_error("%s\n%s", text, log_text);
        fail();
    }
    assert_int_equal(launch.runs_block, is_inside);
    launch.shared_size = program_find_kernel(program, "k")->shared_size;
    launch.params = params;
    status = launch_run(&launch, &fault);
    program_destroy(program);
    return status;
}

/* Registers of all kinds; %r9 is read before it is set; %r5 is set where a loop has no barrier. */
#define OF_ALL_KINDS                                                                               \
    "mul.wide.u32 %rd2, %r0, -5; cvt.rn.f64.u32 %d1, %r0; cvt.u16.u32 %h1, %r0; "                  \
    "and.b32 %r1, %r0, 1; setp.ne.u32 %p1, %r1, 0; mov.b32 %v.x, %r0; mov.u32 %r3, %ntid.x;\n"     \
    "bar.sync 0; mov.b32 %v.y, %r3; mov.u32 %r4, 0; mov.u32 %r5, 0;\n"                             \
    "L: add.u32 %r5, %r5, %r4; add.u32 %r4, %r4, 1; setp.le.u32 %p2, %r4, %r0; @%p2 bra L;\n"      \
    "bar.sync 0; @%p1 add.u32 %r5, %r5, 1000;\n"                                                   \
    "bar.sync 0; cvt.u32.u64 %r6, %rd2; cvt.rzi.u32.f64 %r7, %d1; cvt.u32.u16 %r8, %h1; "          \
    "add.u32 %r5, %r5, %r6; add.u32 %r5, %r5, %r7; add.u32 %r5, %r5, %r8; add.u32 %r5, %r5, "      \
    "%v.x; add.u32 %r5, %r5, %v.y; @%p1 add.u32 %r9, %r9, 7; add.u32 %r5, %r5, %r9;\n"             \
    "bar.sync 0; @%p1 add.u32 %r9, %r9, 7; add.u32 %r5, %r5, %r9; st.global.u32 [%rd1], %r5;"

static uint32_t of_all_kinds(uint32_t thread)
{
    uint32_t odd = thread & 1;

    return thread * (thread + 1) / 2 + odd * 1000 + thread * (uint32_t)-5 + 3 * thread + THREADS +
           odd * (7 + 14);
}

static void test_registers(void **state)
{
    (void)state;
    assert_int_equal(run(KERNEL(OF_ALL_KINDS), true), LAUNCH_OK);
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(out[i], of_all_kinds(i));
    }
}

/* What is set once, to a number, need not be kept: %r1 to %r3, %d1, %h1 and %rd2; %rd3 is. */
#define OF_NUMBERS                                                                                 \
    "mov.u32 %r1, 7; mov.b32 %r2, 0f3F800000; mov.f64 %d1, 0d4008000000000000; mov.s16 %h1, -2; "  \
    "mov.u64 %rd2, s; mov.u32 %r3, s; mul.wide.u32 %rd3, %r0, 4; add.u64 %rd4, %rd2, %rd3; "       \
    "st.shared.u32 [%rd4 + 400], %r0;\n"                                                           \
    "bar.sync 0; cvt.rzi.u32.f64 %r4, %d1; cvt.s32.s16 %r5, %h1; add.u64 %rd4, %rd2, %rd3; "       \
    "ld.shared.u32 %r6, [%rd4 + 400]; ld.shared.u32 %r7, [%r3 + 404]; shr.u32 %r8, %r2, 23; "      \
    "mad.lo.u32 %r6, %r6, %r1, %r4; add.u32 %r6, %r6, %r5; add.u32 %r6, %r6, %r7; "                \
    "add.u32 %r6, %r6, %r8; st.global.u32 [%rd1], %r6;"

static void test_numbers(void **state)
{
    (void)state;
    assert_int_equal(run(KERNEL(OF_NUMBERS), true), LAUNCH_OK);
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(out[i], i * 7 + 3 - 2 + 1 + 127);
    }
    assert_int_equal(launch.kept_size, 64 + 2 * 32 * sizeof(uint64_t)); /* %rd1, %rd3 */
}

/* Each thread adds what its neighbour has, round by round. */
static void test_rounds(void **state)
{
    uint32_t expected[THREADS], before[THREADS];

    (void)state;
    assert_int_equal(
        run(KERNEL("shl.b32 %r1, %r0, 2; add.u32 %r2, %r0, 1; rem.u32 %r2, %r2, 100; "
                   "shl.b32 %r2, %r2, 2; mov.u32 %r3, %r0; mov.u32 %r4, 0;\n"
                   "L: st.shared.u32 [%r1], %r3; bar.sync 0; ld.shared.u32 %r5, [%r2]; "
                   "setp.gt.u32 %p1, %r5, 500; @%p1 bra B; add.u32 %r3, %r3, %r5; B: bar.sync 0; "
                   "add.u32 %r4, %r4, 1; setp.lt.u32 %p2, %r4, 7; @%p2 bra L; "
                   "st.global.u32 [%rd1], %r3;"),
            true),
        LAUNCH_OK);
    for (uint32_t i = 0; i < THREADS; i++) {
        expected[i] = i;
    }
    for (int round = 0; round < 7; round++) {
        memcpy(before, expected, sizeof(before));
        for (uint32_t i = 0; i < THREADS; i++) {
            uint32_t other = before[(i + 1) % THREADS];

            expected[i] += other > 500 ? 0 : other;
        }
    }
    assert_memory_equal(out, expected, sizeof(expected));
}

/* Between barriers some lanes set what all read behind the last one, %r3 and %r6; and %r7, which
 * these alone read behind the next one. */
#define OF_SOME_LANES                                                                              \
    "mov.u32 %r3, 5; and.b32 %r1, %r0, 3; mov.u32 %r4, 0;\n"                                       \
    "L: bar.sync 0; setp.ne.u32 %p1, %r1, %r4; @%p1 bra B;\n"                                      \
    "popc.b32 %r5, %r0; add.u32 %r3, %r3, %r5; mad.lo.u32 %r6, %r0, 7, %r4; xor.b32 %r7, %r5, "    \
    "%r0;\nB: bar.sync 0; @%p1 bra C;\n"                                                           \
    "mad.lo.u32 %r3, %r7, 100, %r3;\n"                                                             \
    "C: add.u32 %r4, %r4, 1; setp.lt.u32 %p2, %r4, 4; @%p2 bra L;\n"                               \
    "bar.sync 0; add.u32 %r3, %r3, %r6; st.global.u32 [%rd1], %r3;"

static void test_some_lanes(void **state)
{
    (void)state;
    assert_int_equal(run(KERNEL(OF_SOME_LANES), true), LAUNCH_OK);
    for (uint32_t i = 0; i < THREADS; i++) {
        uint32_t ones = (uint32_t)__builtin_popcount(i);

        assert_int_equal(out[i], 5 + ones + (ones ^ i) * 100 + i * 7 + i % 4);
    }
}

/* What lies in steps along the rows of a block, %r2 and %r6; %r3 does until lanes part. %rd3: not
 * in rows with both sides of a number's end. */
#define ALONG_ROWS                                                                                 \
    "mov.u32 %r1, %tid.y; mov.u32 %r9, %ntid.x; mad.lo.u32 %r8, %r1, %r9, %r0; "                   \
    "mul.wide.u32 %rd1, %r8, 4; add.u64 %rd1, %rd0, %rd1; shl.b32 %r7, %r8, 2;\n"                  \
    "shl.b32 %r2, %r0, 1; mov.u32 %r3, %r0; mov.u32 %r4, 0; mov.u32 %r5, %r8;\n"                   \
    "L: st.shared.u32 [%r7], %r5; add.u32 %r6, %r0, -10; bar.sync 0; add.u32 %r2, %r2, %r1; "      \
    "ld.shared.u32 %r10, [%r7]; and.b32 %r11, %r10, 8; setp.ne.u32 %p1, %r11, 0; @%p1 bra B;\n"    \
    "add.u32 %r5, %r5, %r2; add.u32 %r3, %r3, %r4;\n"                                              \
    "B: mul.wide.u32 %rd3, %r6, 3; bar.sync 0; add.u32 %r5, %r5, %r3; shr.u64 %rd3, %rd3, 8; "     \
    "cvt.u32.u64 %r11, %rd3; add.u32 %r5, %r5, %r11; add.u32 %r4, %r4, 1; "                        \
    "setp.lt.u32 %p2, %r4, 6; @%p2 bra L; st.global.u32 [%rd1], %r5;"

static uint32_t along_rows(uint32_t x, uint32_t y, uint32_t width)
{
    uint32_t sum = y * width + x, twice = 2 * x, also = x;

    for (uint32_t round = 0; round < 6; round++) {
        uint32_t before = sum;

        twice += y;
        if (!(before & 8)) {
            sum += twice;
            also += round;
        }
        sum += also + (uint32_t)(3 * (uint64_t)(x - 10) >> 8);
    }
    return sum;
}

static void test_rows(void **state)
{
    static const uint32_t blocks[][2] = {{16, 6}, {48, 4}, {8, 12}, {24, 3}, {32, 4}, {12, 9}};

    (void)state;
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        uint32_t width = blocks[i][0], height = blocks[i][1];

        launch.block[0] = width;
        launch.block[1] = height;
        assert_int_equal(run(KERNEL(ALONG_ROWS), true), LAUNCH_OK);
        for (uint32_t thread = 0; thread < width * height; thread++) {
            assert_int_equal(out[thread], along_rows(thread % width, thread / width, width));
        }
    }
}

/* Where rows lie above each other: what lies at equal steps from row to row, down and up, for all
 * rows or in each of them, and both sides of a number's end in one warp. */
#define ROWS_ABOVE_EACH_OTHER                                                                      \
    "mov.u32 %r1, %tid.y; mov.u32 %r2, %tid.z; mov.u32 %r3, %ntid.x; mov.u32 %r4, %ntid.y; "       \
    "mad.lo.u32 %r5, %r2, %r4, %r1; mad.lo.u32 %r8, %r5, %r3, %r0; mul.wide.u32 %rd1, %r8, 4; "    \
    "add.u64 %rd1, %rd0, %rd1;\n"                                                                  \
    "shl.b32 %r6, %r2, 10; shl.b32 %r7, %r0, 2; add.u32 %r10, %r6, %r7; shl.b32 %r9, %r1, 7; "     \
    "add.u32 %r9, %r9, %r6; add.u32 %r11, %r9, %r7; st.shared.u32 [%r11], %r8; bar.sync 0;\n"      \
    "sub.u32 %r12, %r4, %r1; add.u32 %r12, %r12, -1; shl.b32 %r12, %r12, 7; add.u32 %r12, %r12, "  \
    "%r10; ld.shared.u32 %r13, [%r9+4]; ld.shared.u32 %r14, [%r10+128]; ld.shared.u32 %r15, "      \
    "[%r12]; add.u32 %r16, %r1, -1; bar.sync 0;\n"                                                 \
    "mul.wide.u32 %rd2, %r16, 3; shr.u64 %rd4, %rd2, 8; cvt.u32.u64 %r17, %rd4; add.u32 %r18, "    \
    "%r1, 0x7FFFFFFF; cvt.s64.s32 %rd3, %r18; shr.s64 %rd5, %rd3, 8; cvt.u32.u64 %r19, %rd5;\n"    \
    "mad.lo.u32 %r13, %r14, 3, %r13; mad.lo.u32 %r13, %r15, 5, %r13; add.u32 %r13, %r13, %r17; "   \
    "add.u32 %r13, %r13, %r19; st.global.u32 [%rd1], %r13;"

static uint32_t above_each_other(const uint32_t block[3], uint32_t thread)
{
    uint32_t width = block[0], height = block[1];
    uint32_t x = thread % width, y = thread / width % height, z = thread / width / height;
    uint32_t first = z * height * width, row = first + y * width, last = first + height * width;

    return row + 1 + 3 * (first + width + x) + 5 * (last - (y + 1) * width + x) +
           (uint32_t)(3 * (uint64_t)(y - 1) >> 8) +
           (uint32_t)((int64_t)(int32_t)(y + INT32_MAX) >> 8);
}

static void test_rows_above_each_other(void **state)
{
    static const uint32_t blocks[][3] = {{16, 6, 1}, {16, 5, 1}, {16, 4, 3}, {16, 3, 3}, {8, 8, 2},
                                         {8, 6, 3},  {8, 7, 1},  {24, 4, 2}, {32, 3, 2}};

    (void)state;
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        memcpy(launch.block, blocks[i], sizeof(blocks[i]));
        assert_int_equal(run(KERNEL(ROWS_ABOVE_EACH_OTHER), true), LAUNCH_OK);
        for (uint32_t thread = 0; thread < blocks[i][0] * blocks[i][1] * blocks[i][2]; thread++) {
            assert_int_equal(out[thread], above_each_other(blocks[i], thread));
        }
    }
}

/* Thread (x, 3) touches an address that is in no memory. */
static void expect_outside(const char *text, uint32_t x, uint64_t address)
{
    launch.block[0] = 16;
    launch.block[1] = 4;
    assert_int_equal(run(text, true), LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_ADDRESS);
    assert_int_equal(fault.thread[0], x);
    assert_int_equal(fault.thread[1], 3);
    assert_true(fault.address == address);
}

/* Of the second warp's two rows the second one, in part; the first warp has found the memory. */
static void test_row_is_outside(void **state)
{
    uint64_t start = (uint64_t)(uintptr_t)out;

    (void)state;
    expect_outside(KERNEL("mov.u32 %r1, %tid.y; mul.wide.u32 %rd2, %r1, 1360; mul.wide.u32 %rd4, "
                          "%r0, 4; add.u64 %rd5, %rd0, %rd4; add.u64 %rd3, %rd5, %rd2; "
                          "ld.global.u32 %r2, [%rd3];"),
                   4, start + sizeof(out));
    expect_outside(KERNEL("mov.u32 %r1, %tid.y; mul.wide.u32 %rd2, %r1, 1360; mul.wide.u32 %rd4, "
                          "%r0, 4; add.u64 %rd5, %rd0, %rd4; sub.u64 %rd3, %rd5, %rd2; "
                          "ld.global.u32 %r2, [%rd3+4032];"),
                   0, start - 48);
}

/* Loops of one block that lanes leave one by one: to what follows, and by a jump that stands alone;
 * again and again, with what only the loop reads, and what others have from it. */
#define LEAVING                                                                                    \
    "mov.u32 %r1, 0; mov.u32 %r2, 0;\n"                                                            \
    "A: and.b32 %r3, %r0, 7; mov.u32 %r4, 0; setp.gt.u32 %p1, %r3, 5; @%p1 bra C;\n"               \
    "B: add.u32 %r5, %r4, 1; add.u32 %r1, %r1, %r5; mov.u32 %r4, %r5; setp.le.u32 %p2, %r5, %r3; " \
    "@%p2 bra B;\n"                                                                                \
    "C: add.u32 %r1, %r1, 100; add.u32 %r6, %r0, %r2;\n"                                           \
    "D: shr.u32 %r6, %r6, 1; add.u32 %r1, %r1, 1000; setp.eq.u32 %p3, %r6, 0; @%p3 bra E; bra "    \
    "D;\n"                                                                                         \
    "E: add.u32 %r2, %r2, 1; setp.lt.u32 %p4, %r2, 3; @%p4 bra A; st.global.u32 [%rd1], %r1;"

static uint32_t leaving(uint32_t thread)
{
    uint32_t sum = 0, low = thread & 7;

    for (uint32_t round = 0; round < 3; round++) {
        uint32_t halved = thread + round;

        for (uint32_t i = 1; low <= 5 && i <= low + 1; i++) {
            sum += i;
        }
        sum += 100;
        do {
            halved /= 2;
            sum += 1000;
        } while (halved != 0);
    }
    return sum;
}

static void test_loops_of_one_block(void **state)
{
    (void)state;
    assert_int_equal(run(KERNEL(LEAVING), true), LAUNCH_OK);
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(out[i], leaving(i));
    }
}

/* Lanes are done before the first barrier, then one warp after the other. */
static void test_early_ends(void **state)
{
    (void)state;
    assert_int_equal(
        run(KERNEL("setp.ge.u32 %p1, %r0, 90; @%p1 ret; shr.u32 %r1, %r0, 5; mov.u32 %r2, 0;\n"
                   "L: bar.sync 0; add.u32 %r2, %r2, 1; st.global.u32 [%rd1], %r2; "
                   "setp.lt.u32 %p2, %r1, %r2; @%p2 exit; bra L;"),
            true),
        LAUNCH_OK);
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(out[i], i < 90 ? i / 32 + 1 : 0);
    }
}

/* Warps stand at different places of the code, and meet all the same. */
static void test_other_places(void **state)
{
    (void)state;
    assert_int_equal(
        run(KERNEL(
                "mov.u32 %r1, %warpid; setp.eq.u32 %p1, %r1, 2; shl.b32 %r2, %r1, 2; @%p1 bra A;\n"
                "st.shared.u32 [%r2], %r1; bar.sync 0; bra B;\n"
                "A: mov.u32 %r3, 40; st.shared.u32 [%r2], %r3; bar.sync 0;\n"
                "B: ld.shared.u32 %r4, [8]; ld.shared.u32 %r5, [12]; add.u32 %r4, %r4, %r5; "
                "st.global.u32 [%rd1], %r4;"),
            true),
        LAUNCH_OK);
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(out[i], 43);
    }
}

/* The thread of a later warp, behind a barrier. */
static void test_fault(void **state)
{
    (void)state;
    launch.grid[0] = 3;
    assert_int_equal(
        run(KERNEL("bar.sync 0; setp.eq.u32 %p1, %r0, 70; @%p1 trap; bar.sync 0;"), true),
        LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_TRAP);
    assert_int_equal(fault.block[0], 0);
    assert_int_equal(fault.thread[0], 70);
}

static void test_time(void **state)
{
    (void)state;
    stop = 1;
    assert_int_equal(run(KERNEL("L: bar.sync 0; bra L;"), true), LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_TIMEOUT);
}

/* Warps that may wait for something else, and lanes that come to a barrier without others. */
static void test_by_warps(void **state)
{
    static const char *const kernels[] = {
        KERNEL("bar.sync 0; L: ld.volatile.global.u32 %r1, [%rd0 + 512]; setp.ne.u32 %p1, %r1, 0; "
               "@%p1 bra L; bar.sync 0;"),
        KERNEL("setp.lt.u32 %p1, %r0, 10; @%p1 bra A; bar.sync 0; bra B; A: bar.sync 0; B:"),
        KERNEL("bar.sync 1; bar.sync 0;"),
        KERNEL("bar.sync 0, 128;"),
    };

    (void)state;
    launch.block[0] = 128;
    for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        assert_int_equal(run(kernels[i], false), LAUNCH_OK);
    }
}

#define MANY 400 /* registers, whose lanes take more memory than turns may */

/* Code for one warp keeps them on its stack. */
static void test_many_registers(void **state)
{
    static char text[1 << 16];
    size_t used = 0;

    (void)state;
    used += (size_t)snprintf(text, sizeof(text),
                             ".version 8.0\n.target sm_90\n.address_size 64\n"
                             ".entry k(.param .u64 out)\n{\n.reg .b32 %%r<4>; .reg .b64 %%x<%d>; "
                             "mov.u32 %%r0, %%laneid; ld.param.u64 %%x0, [out];\n",
                             MANY);
    for (int i = 1; i < MANY; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used,
                                 "mul.wide.u32 %%x%d, %%r0, %d;\n", i, i);
    }
    used += (size_t)snprintf(text + used, sizeof(text) - used, "bar.sync 0;\n");
    for (int i = 2; i < MANY; i++) {
        used +=
            (size_t)snprintf(text + used, sizeof(text) - used, "add.u64 %%x1, %%x1, %%x%d;\n", i);
    }
    snprintf(text + used, sizeof(text) - used,
             "mul.wide.u32 %%x2, %%r0, 4; add.u64 %%x0, %%x0, %%x2; cvt.u32.u64 %%r1, %%x1; "
             "st.global.u32 [%%x0], %%r1; ret;\n}\n");
    launch.block[0] = 32;
    assert_int_equal(run(text, false), LAUNCH_OK);
    assert_int_equal(launch.kept_size, 0);
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(out[i], i * (MANY * (MANY - 1) / 2));
    }
}

/* Code of both kinds by one host thread, which keeps its blocks. */
static void test_one_after_the_other(void **state)
{
    struct pool *pool = pool_create(0);

    (void)state;
    assert_non_null(pool);
    launch.threads = 1;
    launch.pool = pool;
    launch.block[0] = 128;
    assert_int_equal(run(KERNEL("bar.sync 0; st.global.u32 [%rd1], %r0;"), true), LAUNCH_OK);
    for (uint32_t i = 0; i < 128; i++) {
        assert_int_equal(out[i], i);
    }
    assert_int_equal(
        run(KERNEL("bar.sync 1, 128; mov.u32 %r4, %warpid; st.global.u32 [%rd1], %r4;"), false),
        LAUNCH_OK);
    for (uint32_t i = 0; i < 128; i++) {
        assert_int_equal(out[i], i / 32);
    }
    pool_destroy(pool);
}

/* All lanes go one way, past a block where none waits. */
static void test_table_of_one_way(void **state)
{
    (void)state;
    assert_int_equal(run(KERNEL("{ T: .branchtargets L1, L2, L1; mov.u32 %r1, 0; brx.idx %r1, T;\n"
                                "L1: mov.u32 %r2, 5; bra L3;\nL2: mov.u32 %r2, 7;\n"
                                "L3: st.global.u32 [%rd1], %r2; }"),
                         true),
                     LAUNCH_OK);
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(out[i], 5);
    }
}

/* Where it branches by %tid.x between warps no lane takes another way than its neighbours, so those
 * of a warp may do something together behind it. */
#define BRANCH(condition)                                                                          \
    KERNEL(condition " setp.eq.u32 %p2, %r0, %r0; @!%p1 bra E; activemask.b32 %r6; "               \
                     "vote.sync.ballot.b32 %r5, %p2, %r6; st.global.u32 [%rd1], %r5;\nE:")

static void test_branches_between_warps(void **state)
{
    static const struct {
        const char *text;
        uint32_t from, to; /* threads that go on */
        bool is_inside;
    } branches[] = {
        {BRANCH("setp.lt.u32 %p1, %r0, 64;"), 0, 64, true},
        {BRANCH("setp.gt.s32 %p1, %r0, 31;"), 32, 256, true},
        {BRANCH("setp.le.u32 %p1, 96, %r0;"), 96, 256, true},
        {BRANCH("setp.hi.u32 %p1, 64, %r0;"), 0, 64, true},
        {BRANCH("setp.hs.u32 %p1, 63, %r0;"), 0, 64, true},
        {BRANCH("setp.lt.s32 %p1, %r0, -32;"), 0, 0, true},
        {BRANCH("mov.u32 %r1, 128; setp.ge.u32 %p1, %r0, %r1;"), 128, 256, true},
        {BRANCH("cvt.u64.u32 %rd2, %r0; setp.lt.s64 %p1, %rd2, 32;"), 0, 32, true},
        {BRANCH("shr.u32 %r1, %r0, 5; setp.eq.u32 %p1, %r1, 2;"), 64, 96, true},
        {BRANCH("bar.sync 0; setp.lt.u32 %p1, %r0, 32;"), 0, 32, true},
        {BRANCH("setp.lt.u32 %p1, %r0, 33;"), 0, 33, false},
        {BRANCH("setp.le.u32 %p1, %r0, 64;"), 0, 65, false},
        {BRANCH("setp.ge.u32 %p1, 64, %r0;"), 0, 65, false},
        {BRANCH("setp.eq.u32 %p1, %r0, 64;"), 64, 65, false},
        {BRANCH("shr.u32 %r1, %r0, 4; setp.eq.u32 %p1, %r1, 2;"), 32, 48, false},
        {BRANCH("mov.u32 %r2, %r0; add.u32 %r2, %r2, 1; setp.lt.u32 %p1, %r2, 32;"), 0, 31, false},
    };

    (void)state;
    launch.block[0] = 256;
    for (size_t i = 0; i < sizeof(branches) / sizeof(branches[0]); i++) {
        memset(out, 0, sizeof(out));
        assert_int_equal(run(branches[i].text, branches[i].is_inside), LAUNCH_OK);
        for (uint32_t thread = 0; thread < 256; thread++) {
            uint32_t lanes = 0;

            for (uint32_t lane = 0; lane < 32; lane++) {
                uint32_t other = thread / 32 * 32 + lane;

                lanes |= (uint32_t)(other >= branches[i].from && other < branches[i].to) << lane;
            }
            assert_int_equal(out[thread], lanes >> thread % 32 & 1 ? lanes : 0);
        }
    }
}

/* Rows of 16: a warp has two of them. */
static void test_branches_within_warps(void **state)
{
    (void)state;
    launch.block[0] = 16;
    launch.block[1] = 4;
    assert_int_equal(run(BRANCH("shr.u32 %r1, %r0, 5; setp.eq.u32 %p1, %r1, 0;"), false),
                     LAUNCH_OK);
    assert_int_equal(out[0], 0xFFFFFFFF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_table_of_one_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_some_lanes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows_above_each_other, setup, teardown),
        cmocka_unit_test_setup_teardown(test_row_is_outside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loops_of_one_block, setup, teardown),
        cmocka_unit_test_setup_teardown(test_early_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_places, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fault, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_by_warps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_after_the_other, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_branches_between_warps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_branches_within_warps, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
