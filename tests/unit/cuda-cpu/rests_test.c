/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c)
// libs: -ldl
/* Loops in which warps rest: what they keep meanwhile, who has the turns, and who meets at
 * barriers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/compile/rest.h"
#include "host/cuda-cpu/program/program.h"

#define RESULTS 4096 /* words, before what is read */
#define WORDS (RESULTS + (1 << 20))

/* A kernel over memory: %r0 is the thread in its block, %r1 how many there are; %rd0 the memory,
 * %rd1 the thread's word of it, and %rd2 where it walks from, in steps of %rd3. */
#define KERNEL(statements)                                                                         \
    ".version 8.0\n.target sm_90\n.address_size 64\n"                                              \
    ".entry k(.param .u64 out)\n{\n.shared .align 8 .b8 s[4096];\n"                                \
    ".reg .b32 %r<40>; .reg .b64 %rd<20>; .reg .pred %p<9>; .reg .f64 %d<9>;\n"                    \
    "mov.u32 %r0, %tid.x; mov.u32 %r1, %ntid.x; ld.param.u64 %rd0, [out]; mov.u32 %r30, "          \
    "%ctaid.x; "                                                                                   \
    "mad.lo.u32 %r31, %r30, %r1, %r0; mul.wide.u32 %rd1, %r31, 4; add.u64 %rd1, %rd0, %rd1; "      \
    "mul.wide.u32 %rd2, %r0, 4; add.u64 %rd2, %rd0, %rd2; add.u64 %rd2, %rd2, 16384; "             \
    "or.b32 %r32, %r1, 4096; mul.wide.u32 %rd3, %r32, 4;\n" statements "\nret;\n}\n"

/* %r2 is a sum of as many numbers as %r5 says. */
#define WALK(label)                                                                                \
    "mov.u32 %r4, 0;\n" label ": ld.global.u32 %r3, [%rd2]; add.u32 %r2, %r2, %r3; "               \
    "add.u64 %rd2, %rd2, %rd3; add.u32 %r4, %r4, 1; setp.lt.u32 %p1, %r4, %r5; @%p1 bra " label    \
    ";\n"

static struct memory memory;
static struct launch_fault fault;
static char log_text[4096];
static uint32_t stop;
static _Alignas(256) uint32_t words[WORDS];
static struct launch launch; /* what the next one is launched with */

static int setup(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < WORDS; i++) {
        words[i] = i < RESULTS ? 0 : i * 0x9E3779B1;
    }
    stop = 0;
    launch = (struct launch){.grid = {1, 1, 1},
                             .block = {256, 1, 1},
                             .memory = &memory,
                             .stop = &stop,
                             .limit_ns = 5 * UINT64_C(1000000000)};
    return memory_add(&memory, (uint64_t)(uintptr_t)words, sizeof(words), false) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    memory_clear(&memory);
    return 0;
}

static enum launch_status run(const char *text)
{
    uint64_t params[1] = {(uint64_t)(uintptr_t)words};
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
    assert_true(launch.runs_block);
    assert_true(launch.rests);
    launch.shared_size = program_find_kernel(program, "k")->shared_size;
    launch.params = params;
    status = launch_run(&launch, &fault);
    program_destroy(program);
    return status;
}

/* Numbers that a thread walks over, from the first one on. */
static uint32_t walked(uint32_t thread, uint32_t first, uint32_t rounds)
{
    uint32_t sum = 0;

    for (uint32_t i = first; i < first + rounds; i++) {
        sum += (RESULTS + thread + i * (launch.block[0] | 4096)) * 0x9E3779B1;
    }
    return sum;
}

/* What is set before the loop and in it, and read behind it, of all kinds; and a barrier. */
static const char of_all_kinds[] = KERNEL(
    "cvt.rn.f64.u32 %d1, %r0; mul.lo.u32 %r6, %r0, %r0; setp.lt.u32 %p2, %r0, 50; mov.u32 %r2, %r7;"
    "mov.u32 %r5, 37; shl.b32 %r8, %r0, 2; st.shared.u32 [%r8], %r6;\n" WALK(
        "A") "cvt.rzi.u32.f64 %r9, %d1; add.u32 %r2, %r2, %r9; @%p2 add.u32 %r2, %r2, "
             "1000;\nbar.sync 0;\n"
             "sub.u32 %r10, %r1, %r0; shl.b32 %r10, %r10, 2; ld.shared.u32 %r11, [%r10+-4]; "
             "add.u32 %r2, %r2, %r11; st.global.u32 [%rd1], %r2;");

static void expect_of_all_kinds(void)
{
    uint32_t threads = launch.block[0];

    assert_int_equal(run(of_all_kinds), LAUNCH_OK);
    for (uint32_t i = 0; i < threads * launch.grid[0]; i++) {
        uint32_t thread = i % threads, other = threads - 1 - thread;

        assert_int_equal(words[i],
                         walked(thread, 0, 37) + thread + (thread < 50 ? 1000 : 0) + other * other);
    }
}

/* Blocks of one warp, of some, and with less than all lanes of the last; in other orders. */
static void test_registers(void **state)
{
    static const uint32_t threads[] = {256, 32, 100, 72, 5, 48, 1024};

    (void)state;
    for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
        launch.block[0] = threads[i];
        launch.grid[0] = threads[i] < 300 ? 7 : 2;
        launch.seed = i;
        expect_of_all_kinds();
    }
}

/* Warps go round as often as they like: some stand at the barrier, or are done, while others rest;
 * and lanes leave one by one. */
static void test_other_rounds(void **state)
{
    (void)state;
    launch.block[0] = 200;
    launch.grid[0] = 3;
    assert_int_equal(
        run(KERNEL(
            "shr.u32 %r6, %r0, 5; mad.lo.u32 %r5, %r6, 9, 3; setp.eq.u32 %p2, %r6, 2; "
            "@%p2 exit;\n" WALK(
                "A") "shl.b32 %r7, %r0, 2; st.shared.u32 [%r7], %r2; bar.sync 0;\n"
                     "xor.b32 %r7, %r7, 128; setp.ge.u32 %p3, %r0, 192; @%p3 ret; "
                     "ld.shared.u32 %r8, [%r7]; add.u32 %r2, %r2, %r8; and.b32 %r9, %r0, 31; "
                     "mad.lo.u32 %r5, %r9, 2, 1;\n" WALK("B") "bar.sync 0; st.global.u32 [%rd1], "
                                                              "%r2;")),
        LAUNCH_OK);
    for (uint32_t i = 0; i < 600; i++) {
        uint32_t thread = i % 200, warp = thread / 32, other = thread ^ 32;
        uint32_t own = walked(thread, 0, warp * 9 + 3);
        uint32_t others = other / 32 == 2 ? 0 : walked(other, 0, other / 32 * 9 + 3);

        if (warp == 2 || thread >= 192) {
            assert_int_equal(words[i], 0);
        } else {
            assert_int_equal(words[i],
                             own + others + walked(thread, warp * 9 + 3, thread % 32 * 2 + 1));
        }
    }
}

/* Loops within a loop: the inner ones rest, one of which no barrier is near. */
static void test_nested(void **state)
{
    (void)state;
    assert_int_equal(
        run(KERNEL(
            "mov.u32 %r6, 0; mov.u32 %r5, 11; mov.u32 %r10, %r0;\n"
            "O: add.u32 %r10, %r10, %r6;\n" WALK(
                "A") "add.u32 %r10, %r10, 3; "
                     "shl.b32 %r7, %r0, 2; st.shared.u32 [%r7], %r2; bar.sync 0; "
                     "xor.b32 %r7, %r7, 512; ld.shared.u32 %r8, [%r7]; xor.b32 %r10, %r10, "
                     "%r8; "
                     "bar.sync 0;\n" WALK("B") "add.u32 %r6, %r6, 1; setp.lt.u32 %p2, %r6, 3; "
                                               "@%p2 bra O;\nadd.u32 %r2, %r2, %r10; "
                                               "st.global.u32 [%rd1], %r2;")),
        LAUNCH_OK);
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t own = i;

        for (uint32_t round = 0; round < 3; round++) {
            own = (own + round + 3) ^ walked(i ^ 128, 0, 22 * round + 11);
        }
        assert_int_equal(words[i], walked(i, 0, 66) + own);
    }
}

/* One warp, or block, counts its rounds in memory; another one looks at them in its own. */
#define SEEN(number, statements)                                                                   \
    KERNEL("mov.u32 %r5, 40; mov.u32 %r4, 0; mov.u32 %r6, " number ";\n" statements                \
           "setp.eq.u32 %p2, %r6, 0; @%p2 bra C;\n"                                                \
           "L: ld.global.u32 %r7, [%rd0+16000]; ld.global.u32 %r3, [%rd2]; st.global.u32 [%rd1], " \
           "%r7; add.u64 %rd2, %rd2, %rd3; add.u32 %r4, %r4, 1; setp.lt.u32 %p1, %r4, %r5; "       \
           "@%p1 bra L; ret;\n"                                                                    \
           "C: ld.global.u32 %r3, [%rd2]; add.u64 %rd2, %rd2, %rd3; add.u32 %r4, %r4, 1; "         \
           "setp.eq.u32 %p3, %r4, 33; @%p3 bra D; st.global.u32 [%rd0+16000], %r4;"                \
           "setp.lt.u32 %p1, %r4, %r5; @%p1 bra C;\nD:")

/* When it is done the first one has begun its last turn: it has none behind it. */
static void test_turns(void **state)
{
    (void)state;
    launch.block[0] = 64;
    assert_int_equal(run(SEEN("%warpid", "")), LAUNCH_OK);
    assert_int_equal(words[40], 32);
    launch.block[0] = 32;
    launch.grid[0] = 2;
    assert_int_equal(run(SEEN("%ctaid.x", "")), LAUNCH_OK);
    assert_int_equal(words[40], 32);
}

/* A block behind another one goes wrong in an earlier round. */
#define WRONG                                                                                      \
    KERNEL("mov.u32 %r5, 50; mov.u32 %r6, %ctaid.x; mad.lo.u32 %r6, %r6, -10, 30; "                \
           "mov.u32 %r4, 0;\n"                                                                     \
           "L: ld.global.u32 %r3, [%rd2]; add.u64 %rd2, %rd2, %rd3; add.u32 %r4, %r4, 1; "         \
           "setp.eq.u32 %p3, %r4, %r6; @%p3 trap; setp.lt.u32 %p1, %r4, %r5; @%p1 bra L;")

static void test_first_fault(void **state)
{
    (void)state;
    launch.block[0] = 64;
    launch.grid[0] = 3;
    assert_int_equal(run(WRONG), LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_TRAP);
    assert_int_equal(fault.block[0], 0);
}

/* A walk without an end, where it stands. */
static void test_time(void **state)
{
    (void)state;
    stop = 1;
    launch.grid[0] = 9;
    assert_int_equal(
        run(KERNEL("mov.u32 %r5, 0; cvt.u64.u32 %rd4, %r5;\nL: ld.global.u32 %r3, [%rd2]; add.u32 "
                   "%r2, %r2, %r3; add.u64 %rd2, %rd2, %rd4; bra L;")),
        LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_TIMEOUT);
}

/* Several host threads, which keep their blocks. */
static void test_threads(void **state)
{
    struct pool *pool = pool_create(3);

    (void)state;
    assert_non_null(pool);
    launch.threads = 3;
    launch.pool = pool;
    for (uint32_t blocks = 1; blocks < 64; blocks += 9) {
        launch.block[0] = 64;
        launch.grid[0] = blocks;
        expect_of_all_kinds();
    }
    pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_rounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nested, setup, teardown),
        cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_fault, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
