/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c)
// build: tests/unit/cuda-cpu/emitted.c
// libs: -ldl
/* Loops that lanes leave in rounds of their own, and what is the same in those of a round. */
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

/* A kernel over out, in %rd0: with the thread in %r0, &out[thread] in %rd1, n in %r1. %r4 is the
 * first register. */
#define KERNEL(statements)                                                                         \
    ".version 8.0\n.target sm_90\n.address_size 64\n"                                              \
    ".entry k(.param .u64 out, .param .u32 n)\n{\n"                                                \
    ".reg .b32 %r<16>; .reg .b64 %rd<4>; .reg .pred %p<9>;\n"                                      \
    "mov.u32 %r4, 0; mov.u32 %r0, %tid.x; ld.param.u64 %rd0, [out]; ld.param.u32 %r1, [n];\n"      \
    "mul.wide.u32 %rd1, %r0, 4; add.u64 %rd1, %rd0, %rd1;\n" statements                            \
    "\nst.global.u32 [%rd1], %r2; ret;\n}\n"

#define THREADS 100 /* the last warp has 4 */

static _Alignas(256) uint32_t out[THREADS];

/* Where `stop` is set, to the first pause. */
static enum launch_status run_until(const char *text, uint32_t n, uint32_t stop,
                                    struct launch_fault *fault)
{
    struct {
        uint64_t out;
        uint32_t n;
    } params = {(uint64_t)(uintptr_t)out, n};
    static char log_text[4096];
    struct memory memory = {0};
    struct launch launch = {.grid = {1, 1, 1},
                            .block = {THREADS, 1, 1},
                            .params = &params,
                            .memory = &memory,
                            .stop = &stop};
    enum launch_status status;
    struct program *program;
    struct ptx_log log;

    memset(out, 0, sizeof(out));
    ptx_log_init(&log, log_text, sizeof(log_text));
    assert_true(memory_add(&memory, params.out, sizeof(out), false));
    program = program_create(text, strlen(text), &memory, &log);
    if (program == NULL ||
        !program_prepare(program, program_find_kernel(program, "k"), &launch, &log)) {
        print_error("%s\n%s", text, log_text);
        fail();
    }
    status = launch_run(&launch, fault);
    program_destroy(program);
    memory_clear(&memory);
    return status;
}

static void run(const char *text, uint32_t n)
{
    struct launch_fault fault;

    assert_int_equal(run_until(text, n, 0, &fault), LAUNCH_OK);
}

/* ---- Rounds ---- */

static uint32_t collatz(uint32_t x, uint32_t limit)
{
    uint32_t steps = 0;

    while (true) {
        x = x & 1 ? 3 * x + 1 : x / 2;
        steps++;
        if (x == 1 || steps >= limit) {
            return steps;
        }
    }
}

/* Collatz's rounds of %r2 + 1, counted in %r4, whose next value is %r2 in the end. %p3: x != 1;
 * %p4: more rounds are left. */
#define COLLATZ(way_back)                                                                          \
    KERNEL("add.u32 %r3, %r0, 1;\n"                                                                \
           "L: and.b32 %r5, %r3, 1; setp.eq.b32 %p1, %r5, 1; mad.lo.u32 %r6, %r3, 3, 1; "          \
           "shr.u32 %r7, %r3, 1; selp.b32 %r3, %r6, %r7, %p1; add.u32 %r2, %r4, 1;\n" way_back)

static void expect_collatz(const char *text, uint32_t limit)
{
    run(text, limit);
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(out[i], collatz(i + 1, limit));
    }
}

/* Two conditions in one way back: each lane's own, and the number of rounds. */
static void test_two_conditions(void **state)
{
    static const uint32_t limits[] = {1, 2, 7, 20, 1000};
    static const char *const kernels[] = {
        COLLATZ("setp.ne.u32 %p3, %r3, 1; setp.lt.u32 %p4, %r2, %r1; and.pred %p5, %p3, %p4; "
                "mov.u32 %r4, %r2; @%p5 bra L;"),
        COLLATZ("setp.ne.u32 %p3, %r3, 1; setp.lt.u32 %p4, %r2, %r1; and.pred %p5, %p4, %p3; "
                "mov.u32 %r4, %r2; @!%p5 bra D; bra L; D:"),
        COLLATZ("setp.eq.u32 %p3, %r3, 1; setp.ge.u32 %p4, %r2, %r1; or.pred %p5, %p3, %p4; "
                "mov.u32 %r4, %r2; @%p5 bra D; bra L; D:"),
        COLLATZ("setp.eq.u32 %p3, %r3, 1; setp.ge.u32 %p4, %r2, %r1; or.pred %p5, %p4, %p3; "
                "mov.u32 %r4, %r2; @!%p5 bra L;"),
        /* By one instruction; by the counter itself; the conditions are set again. */
        COLLATZ("setp.lt.u32 %p4, %r2, %r1; setp.ne.and.u32 %p5, %r3, 1, %p4; mov.u32 %r4, %r2; "
                "@%p5 bra L;"),
        COLLATZ("mov.u32 %r4, %r2; setp.ne.u32 %p3, %r3, 1; setp.lt.u32 %p4, %r4, %r1; "
                "and.pred %p5, %p3, %p4; @%p5 bra L;"),
        COLLATZ("setp.ne.u32 %p3, %r3, 1; setp.lt.u32 %p4, %r2, %r1; and.pred %p5, %p3, %p4; "
                "setp.eq.u32 %p4, %r1, 0; setp.eq.u32 %p3, %r3, 0; mov.u32 %r4, %r2; @%p5 bra L;"),
        COLLATZ("setp.ne.u32 %p3, %r3, 1; setp.lt.u32 %p4, %r2, %r1; and.pred %p3, %p3, %p4; "
                "mov.u32 %r4, %r2; @%p3 bra L;"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        for (size_t j = 0; j < sizeof(limits) / sizeof(limits[0]); j++) {
            expect_collatz(kernels[i], limits[j]);
        }
    }
}

/* Lanes leave from the middle of a round, from its end, and out of both loops; each tells where. */
static void test_ways_out(void **state)
{
    static const char text[] =
        KERNEL("mov.u32 %r2, 0; mov.u32 %r3, 0;\n"
               "O: mov.u32 %r4, 0;\n"
               "I: mad.lo.u32 %r5, %r3, 10, %r4; setp.eq.u32 %p1, %r5, %r0; @%p1 bra A;\n"
               "add.u32 %r4, %r4, 1; add.u32 %r6, %r0, %r3; rem.u32 %r6, %r6, 7; "
               "setp.le.u32 %p2, %r4, %r6; setp.lt.u32 %p3, %r4, 5; and.pred %p2, %p2, %p3; "
               "@%p2 bra I;\n"
               "add.u32 %r2, %r2, %r4; add.u32 %r3, %r3, 1; setp.lt.u32 %p4, %r3, %r1; "
               "@%p4 bra O;\nadd.u32 %r2, %r2, 1000; bra D;\n"
               "A: add.u32 %r2, %r2, 5000; add.u32 %r2, %r2, %r4;\nD:");

    (void)state;
    run(text, 9);
    for (uint32_t i = 0; i < THREADS; i++) {
        uint32_t sum = 0, is_out = 0;

        for (uint32_t outer = 0; outer < 9 && !is_out; outer++) {
            uint32_t inner = 0;

            do {
                is_out = outer * 10 + inner == i;
                inner += !is_out;
            } while (!is_out && inner <= (i + outer) % 7 && inner < 5);
            sum += inner;
        }
        assert_int_equal(out[i], sum + (is_out ? 5000 : 1000));
    }
}

/* ---- Lanes that are packed ---- */

/* A third of the lanes, each as many rounds as it comes out; the others keep what they have. */
#define OF_SOME(in_loop, behind)                                                                   \
    KERNEL("mov.u32 %r2, %r0; cvt.u64.u32 %rd2, %r0; rem.u32 %r5, %r0, 3; setp.ne.u32 %p1, %r5, "  \
           "0; setp.ne.u32 %p4, %r5, 1; @%p1 bra D;\nmul.lo.u32 %r6, %r0, 11; "                    \
           "rem.u32 %r6, %r6, %r1;\nL: mad.lo.u64 %rd2, %rd2, 5, 1; xor.b32 %r2, %r2, %r6; "       \
           "add.u32 %r2, %r2, 7; sub.u32 %r6, %r6, 1; " in_loop                                    \
           "setp.gt.s32 %p2, %r6, 0; @%p2 bra L;\n"                                                \
           "D:" behind " cvt.u32.u64 %r7, %rd2; shr.u64 %rd2, %rd2, 32; cvt.u32.u64 %r8, %rd2; "   \
           "add.u32 %r2, %r2, %r7; xor.b32 %r2, %r2, %r8;")

static uint32_t of_some(uint32_t i, uint32_t limit)
{
    uint64_t wide = i;
    uint32_t word = i;

    if (i % 3 == 0) {
        int32_t left = (int32_t)(i * 11 % limit);

        do {
            wide = wide * 5 + 1;
            word = (word ^ (uint32_t)left) + 7;
        } while (--left > 0);
    }
    return (word + (uint32_t)wide) ^ (uint32_t)(wide >> 32);
}

/* Out of the middle, with the number of rounds, or from the end, with the limit. */
#define MIDDLE(before)                                                                             \
    KERNEL(before                                                                                  \
           "mov.u32 %r3, %r0; mov.u32 %r2, 77777; setp.eq.u32 %p4, %r1, 0; @%p4 bra D;\n"          \
           "L: mul.lo.u32 %r5, %r3, %r3; shr.u32 %r6, %r5, 16; setp.gt.u32 %p1, %r6, 60000; "      \
           "mov.u32 %r2, %r4; @%p1 bra D;\nadd.u32 %r7, %r5, %r0; "                                \
           "mad.lo.u32 %r3, %r7, 3, 1; add.u32 %r4, %r4, 1; "                                      \
           "setp.ne.u32 %p3, %r4, %r1; add.u32 %r2, %r1, 1000; @%p3 bra L;\nD:")

static uint32_t middle(uint32_t i, uint32_t limit)
{
    uint32_t x = i, rounds = 0;

    while (rounds < limit) {
        if (x * x >> 16 > 60000) {
            return rounds;
        }
        x = (x * x + i) * 3 + 1;
        rounds++;
    }
    return limit ? limit + 1000 : 77777;
}

static void test_out_of_the_middle(void **state)
{
    static const uint32_t limits[] = {0, 1, 2, 12, 60};

    (void)state;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        run(MIDDLE(""), limits[i]);
        for (uint32_t lane = 0; lane < THREADS; lane++) {
            assert_int_equal(out[lane], middle(lane, limits[i]));
        }
        /* Of some lanes, who come to it apart. */
        run(MIDDLE("mov.u32 %r2, 5; rem.u32 %r5, %r0, 3; setp.ne.u32 %p1, %r5, 1; @%p1 bra D;"),
            limits[i]);
        for (uint32_t lane = 0; lane < THREADS; lane++) {
            assert_int_equal(out[lane], lane % 3 == 1 ? middle(lane, limits[i]) : 5);
        }
    }
}

static void test_packed_lanes(void **state)
{
    static const uint32_t limits[] = {1, 3, 9, 50, 97};

    (void)state;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        run(OF_SOME("", ""), limits[i]);
        for (uint32_t lane = 0; lane < THREADS; lane++) {
            assert_int_equal(out[lane], of_some(lane, limits[i]));
        }
        /* What they have is read in the warp's next turn. */
        run(OF_SOME("", "bar.sync 0;"), limits[i]);
        for (uint32_t lane = 0; lane < THREADS; lane++) {
            assert_int_equal(out[lane], of_some(lane, limits[i]));
        }
    }
}

/* Every third lane counts its own rounds, of which it has n at the most, in steps and from 70 on.
 */
#define COUNT(step, rest)                                                                          \
    KERNEL("mov.u32 %r2, 5; mov.u32 %r4, 70; rem.u32 %r5, %r0, 3; mul.lo.u32 %r8, %r1, " step      \
           "; add.u32 %r8, %r8, 70; setp.ne.u32 %p1, %r5, 1; add.u32 %r3, %r0, 27; @%p1 bra D;\n"  \
           "L: and.b32 %r5, %r3, 1; setp.eq.u32 %p2, %r5, 0; shr.u32 %r6, %r3, 1; "                \
           "mad.lo.u32 %r7, %r3, 3, 1; selp.b32 %r3, %r6, %r7, %p2; add.s32 %r2, %r4, " step       \
           "; setp.ne.u32 %p3, %r3, 1; setp.ne.u32 %p4, %r2, %r8; " rest                           \
           "and.pred %p5, %p3, %p4; mov.u32 %r4, %r2; @%p5 bra L;\nD:")

static void test_packed_counts(void **state)
{
    static const uint32_t limits[] = {1, 2, 20, 1000};
    static const struct {
        const char *text;
        uint32_t step;
    } of[] = {
        {COUNT("1", ""), 1},
        {COUNT("-1", ""), -1u},
        {COUNT("-3", ""), -3u},
        {COUNT("1", "@%p4 bra M; bra D; M:"), 1},
        {COUNT("-3", "@%p3 bra M; bra D; M:"), -3u},
    };

    (void)state;
    assert_int_equal(emitted_count(COUNT("-3", ""), "mul <16 x i32> %t"), 2);
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        for (size_t j = 0; j < sizeof(limits) / sizeof(limits[0]); j++) {
            run(of[i].text, limits[j]);
            for (uint32_t lane = 0; lane < THREADS; lane++) {
                uint32_t rounds = collatz(lane + 27, limits[j]);

                assert_int_equal(out[lane], lane % 3 == 1 ? 70 + rounds * of[i].step : 5);
            }
        }
    }
}

static void expect_packed(bool is_packed, const char *text)
{
    const struct kernel_options options = {.row = 32};
    struct text ir = {0};

    emit_kernel(text, &options, &ir);
    if ((strstr(ir.bytes, "%packed") != NULL) != is_packed) {
        print_error("packed or not: %s\n", text);
        fail();
    }
    text_free(&ir);
}

/* All lanes but one have left when the time is over: of those that were packed, and of those that
 * were not. */
static void test_time(void **state)
{
    static const char text[] =
        KERNEL("mov.u32 %r2, 0; rem.u32 %r5, %r0, 3; setp.ne.u32 %p1, %r5, 0; add.u32 %r6, %r0, "
               "20;\nsetp.eq.u32 %p4, %r0, %r1; selp.u32 %r6, 0x7FFFFFFF, %r6, %p4; @%p1 bra D;\n"
               "L: mad.lo.u32 %r2, %r2, 5, %r6; sub.u32 %r6, %r6, 1; setp.gt.s32 %p2, %r6, 0; "
               "@%p2 bra L;\nD:");
    static const uint32_t lanes[] = {0, 9, 18, 30, 33, 63};
    struct launch_fault fault;

    (void)state;
    expect_packed(true, text);
    for (size_t i = 0; i < sizeof(lanes) / sizeof(lanes[0]); i++) {
        assert_int_equal(run_until(text, lanes[i], 1, &fault), LAUNCH_FAULT);
        assert_int_equal(fault.fault, WARP_FAULT_TIMEOUT);
        assert_int_equal(fault.thread[0], lanes[i]);
    }
}

/* Only what computes, of values that lie beside each other. */
static void test_who_is_packed(void **state)
{
    (void)state;
    expect_packed(true, OF_SOME("", ""));
    expect_packed(true, OF_SOME("setp.ne.u32 %p3, %r6, 9; selp.b32 %r2, %r2, %r6, %p3; ", ""));
    expect_packed(true, MIDDLE(""));
    expect_packed(false, OF_SOME("@%p4 add.u32 %r2, %r2, 1; ", ""));
    expect_packed(false, OF_SOME("selp.b32 %r2, %r2, %r6, %p4; setp.ne.u32 %p4, %r2, 9; ", ""));
    expect_packed(false, OF_SOME("st.global.u32 [%rd1], %r2; ", ""));
    expect_packed(false, OF_SOME("add.u32 %r2, %r2, %tid.x; ", ""));
    expect_packed(false, OF_SOME("div.u32 %r2, %r2, %r6; ", ""));
}

/* ---- What is the same in a round ---- */

/* Whether %r4 is one value for all lanes. */
static void expect_one(bool is_one, const char *text)
{
    const struct kernel_options options = {.row = 32};
    struct text ir = {0};

    emit_kernel(text, &options, &ir);
    if ((strstr(ir.bytes, "%r0.0 = alloca i32,") != NULL) != is_one) {
        print_error("one value or not: %s\n", text);
        fail();
    }
    text_free(&ir);
}

#define WAY_BACK "setp.ne.u32 %p3, %r3, 1; @%p3 bra L;"

/* Who is in a round has come as often; who left does not read the counter, or does. */
static void test_counters(void **state)
{
    (void)state;
    expect_one(true, COLLATZ("mov.u32 %r4, %r2;" WAY_BACK));
    expect_one(true, COLLATZ("add.u32 %r4, %r4, 1;" WAY_BACK));
    expect_one(false, COLLATZ("add.u32 %r4, %r4, 1;" WAY_BACK "mov.u32 %r2, %r4;"));
    expect_one(false, COLLATZ("add.u32 %r4, %r4, %r5;" WAY_BACK));
    expect_one(false, COLLATZ("@%p1 add.u32 %r4, %r4, 1;" WAY_BACK));
    /* What the copy is made of is not the same any more. */
    expect_one(false, COLLATZ("add.u32 %r2, %r2, %r5; mov.u32 %r4, %r2;" WAY_BACK));
    expect_one(false, COLLATZ("@%p1 mov.u32 %r2, 7; mov.u32 %r4, %r2;" WAY_BACK));
}

/* Lanes that come to a loop later, or go round it while others wait in it. */
static void test_counters_of_some(void **state)
{
    (void)state;
    /* Half of the lanes wait for the second loop with what they counted in the first one. */
    expect_one(false,
               KERNEL("mov.u32 %r2, 0; and.b32 %r5, %r0, 1; "
                      "setp.eq.u32 %p1, %r5, 0; @%p1 bra M;\n"
                      "L: add.u32 %r4, %r4, 1; setp.lt.u32 %p2, %r4, %r0; @%p2 bra L; bra M;\n"
                      "M: add.u32 %r4, %r4, 1; add.u32 %r2, %r2, %r4; setp.lt.u32 %p3, %r2, %r0; "
                      "@%p3 bra M;"));
    /* Each sets it to zero before its own loop; none of those who wait reads it. */
    expect_one(true,
               KERNEL("mov.u32 %r2, 0; and.b32 %r5, %r0, 1; setp.eq.u32 %p1, %r5, 0; @%p1 bra N;\n"
                      "mov.u32 %r4, 0;\n"
                      "L: add.u32 %r4, %r4, 1; mad.lo.u32 %r2, %r2, 3, %r4; "
                      "setp.lt.u32 %p2, %r2, %r0; @%p2 bra L; bra D;\n"
                      "N: mov.u32 %r4, 0;\n"
                      "M: add.u32 %r4, %r4, 2; add.u32 %r2, %r2, %r4; setp.lt.u32 %p3, %r2, %r0; "
                      "@%p3 bra M;\nD:"));
    /* Those that go back early wait for the rest of the round, which counts once more. */
    expect_one(false, KERNEL("mov.u32 %r2, 0;\n"
                             "L: add.u32 %r2, %r2, %r4; add.u32 %r4, %r4, 1; and.b32 %r5, %r2, 1; "
                             "setp.lt.u32 %p3, %r4, 9; @!%p3 bra D; setp.eq.u32 %p1, %r5, %r0; "
                             "@%p1 bra L; add.u32 %r4, %r4, 1; bra L;\nD:"));
}

/* Between integers that are computed, byte by byte, of 32 lanes and of those that are packed; what
 * is known is left to LLVM, and floats are chosen as such. */
static void test_choices(void **state)
{
    static const char of_two[] = COLLATZ("setp.ne.u32 %p3, %r3, 1; mov.u32 %r4, %r2; @%p3 bra L;");
    static const char of_one[] = KERNEL("setp.gt.u32 %p1, %r0, 7; selp.b32 %r2, %r0, 5, %p1;");
    static const char of_floats[] =
        KERNEL(".reg .f32 %f<2>; cvt.rn.f32.u32 %f0, %r0; add.f32 %f1, %f0, %f0;\n"
               "setp.gt.u32 %p1, %r0, 7; selp.f32 %f0, %f1, %f0, %p1; mov.b32 %r2, %f0;");

    (void)state;
    assert_int_equal(emitted_count(of_two, "select <128 x i1>"), 2);
    assert_int_equal(emitted_count(of_two, "select <64 x i1>"), 1);
    assert_int_equal(emitted_count(of_one, "select <128 x i1>"), 0);
    assert_int_equal(emitted_count(of_floats, "select <128 x i1>"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_conditions),    cmocka_unit_test(test_ways_out),
        cmocka_unit_test(test_out_of_the_middle), cmocka_unit_test(test_packed_lanes),
        cmocka_unit_test(test_who_is_packed),     cmocka_unit_test(test_time),
        cmocka_unit_test(test_counters),          cmocka_unit_test(test_counters_of_some),
        cmocka_unit_test(test_choices),           cmocka_unit_test(test_packed_counts),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
