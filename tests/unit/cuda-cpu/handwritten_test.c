/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c)
// libs: -ldl
/* What PTX has that compilers seldom write, run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/program/program.h"

#define HEAD ".version 8.7\n.target sm_90\n.address_size 64\n"

/* A thread has its number in %r0, and &out[8 * number] in %rd0. */
#define KERNEL(declarations, statements)                                                           \
    HEAD declarations "\n.entry k(.param .u64 out)\n{\n"                                           \
                      ".reg .b32 %r<20>; .reg .b64 %rd<9>; .reg .pred %p<9>;\n"                    \
                      "ld.param.u64 %rd0, [out]; mov.u32 %r0, %tid.x; "                            \
                      "mad.wide.u32 %rd0, %r0, 32, %rd0;\n" statements "\nret;\n}\n"

#define THREADS 40
#define WORDS 8 /* of each thread */

static struct memory memory;
static struct launch_fault fault;
static _Alignas(256) uint32_t out[THREADS][WORDS];

static int setup(void **state)
{
    (void)state;
    memset(out, 0, sizeof(out));
    return memory_add(&memory, (uint64_t)(uintptr_t)out, sizeof(out), false) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    memory_clear(&memory);
    return 0;
}

static enum launch_status run(const char *text)
{
    static char log_text[4096];
    static const uint32_t never;
    const uint64_t params[] = {(uint64_t)(uintptr_t)out};
    struct launch launch = {
        .grid = {1, 1, 1},
        .block = {THREADS, 1, 1},
        .params = params,
        .memory = &memory,
        .stop = &never,
    };
    enum launch_status status;
    struct program *program;
    struct ptx_log log;

    ptx_log_init(&log, log_text, sizeof(log_text));
    program = program_create(text, strlen(text), &memory, &log);
    if (program == NULL ||
        !program_prepare(program, program_find_kernel(program, "k"), &launch, &log)) {
        print_error("%s\n%s", text, log_text);
        fail();
    }
    launch.shared_size = program_find_kernel(program, "k")->shared_size;
    status = launch_run(&launch, &fault);
    program_destroy(program);
    return status;
}

static void run_well(const char *text)
{
    assert_int_equal(run(text), LAUNCH_OK);
}

/* ---- Aliases ---- */

#define ADD_FIVE                                                                                   \
    ".func (.reg .b32 r) f(.reg .b32 a) { add.u32 r, a, 5; ret; }\n"                               \
    ".func (.reg .b32 r) g(.reg .b32 a);\n.alias g, f;\n"

static void test_alias(void **state)
{
    (void)state;
    run_well(KERNEL(ADD_FIVE, "call (%r1), g, (%r0); st.global.u32 [%rd0], %r1;"));
    assert_int_equal(out[7][0], 12);
}

/* It is at its function's address, also in an initial value. */
static void test_address_of_alias(void **state)
{
    (void)state;
    run_well(KERNEL(ADD_FIVE ".global .u64 t[2] = {g, f};\n",
                    "P: .callprototype (.reg .b32 _) _ (.reg .b32 _);\n"
                    "mov.u64 %rd1, g; mov.u64 %rd2, f; setp.eq.u64 %p1, %rd1, %rd2;\n"
                    "selp.u32 %r1, 1, 0, %p1; ld.global.v2.u64 {%rd3, %rd4}, [t];\n"
                    "setp.eq.u64 %p2, %rd3, %rd4; selp.u32 %r2, 1, 0, %p2;\n"
                    "call (%r3), %rd1, (%r0), P; call (%r4), %rd3, (%r0), P;\n"
                    "st.global.v4.u32 [%rd0], {%r1, %r2, %r3, %r4};"));
    assert_int_equal(out[7][0], 1);
    assert_int_equal(out[7][1], 1);
    assert_int_equal(out[7][2], 12);
    assert_int_equal(out[7][3], 12);
}

/* ---- Names with numbers ---- */

static void test_ranges_of_names(void **state)
{
    (void)state;
    run_well(KERNEL(".shared .u32 s<3>;\n",
                    "T: .branchtargets L<3>; rem.u32 %r1, %r0, 3; brx.idx %r1, T;\n"
                    "L0: mov.u32 %r2, 10; bra E; L1: mov.u32 %r2, 11; bra E; L2: mov.u32 %r2, 12;\n"
                    "E: st.shared.u32 [s0], 1; st.shared.u32 [s1], 2; st.shared.u32 [s2], 3;\n"
                    "ld.shared.u32 %r3, [s0]; ld.shared.u32 %r4, [s1]; ld.shared.u32 %r5, [s2];\n"
                    "st.global.v4.u32 [%rd0], {%r2, %r3, %r4, %r5};"));
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(out[i][0], 10 + i % 3);
        assert_int_equal(out[i][1], 1);
        assert_int_equal(out[i][2], 2);
        assert_int_equal(out[i][3], 3);
    }
}

/* ---- Results that nobody wants ---- */

static void test_calls_without_results(void **state)
{
    (void)state;
    run_well(KERNEL(".func (.param .b32 r) f(.param .b64 p) { .reg .b64 q; ld.param.u64 q, [p]; "
                    "st.u32 [q], 3; st.param.b32 [r], 4; ret; }\n"
                    ".func (.reg .b32 r, .reg .b32 s) g(.reg .b32 a) { add.u32 r, a, 1; "
                    "add.u32 s, a, 2; ret; }\n"
                    ".extern .func (.param .b64 r) malloc(.param .b64 n);\n",
                    ".param .b64 x; st.param.b64 [x], %rd0; call (_), f, (x);\n"
                    "call (_, %r1), g, (%r0); st.global.u32 [%rd0 + 4], %r1;\n"
                    "st.param.b64 [x], 16; call (_), malloc, (x);"));
    assert_int_equal(out[7][0], 3);
    assert_int_equal(out[7][1], 9);
}

/* ---- Special registers ---- */

static void test_lane_masks(void **state)
{
    (void)state;
    run_well(KERNEL("", "mov.u32 %r1, %lanemask_eq; mov.u32 %r2, %lanemask_le;\n"
                        "mov.u32 %r3, %lanemask_lt; mov.u32 %r4, %lanemask_ge;\n"
                        "mov.u32 %r5, %lanemask_gt; st.global.v4.u32 [%rd0], {%r1, %r2, %r3, %r4};"
                        "st.global.u32 [%rd0 + 16], %r5;"));
    for (unsigned i = 0; i < THREADS; i++) {
        const uint32_t self = UINT32_C(1) << i % 32;

        assert_int_equal(out[i][0], self);
        assert_int_equal(out[i][1], self | (self - 1));
        assert_int_equal(out[i][2], self - 1);
        assert_int_equal(out[i][3], ~(self - 1));
        assert_int_equal(out[i][4], ~(self - 1) & ~self);
    }
}

/* One multiprocessor, and counters that count nothing. */
static void test_special_registers(void **state)
{
    (void)state;
    memset(out, 0xFF, sizeof(out));
    run_well(KERNEL("", "mov.u32 %r1, %smid; mov.u32 %r2, %nsmid; mov.u32 %r3, %pm7;\n"
                        "mov.u32 %r4, %envreg31; st.global.v4.u32 [%rd0], {%r1, %r2, %r3, %r4};\n"
                        "mov.u64 %rd1, %pm0_64; st.global.u64 [%rd0 + 16], %rd1;"));
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(out[7][i], i == 1);
    }
}

static void test_vectors_of_special_registers(void **state)
{
    (void)state;
    run_well(KERNEL("", "mov.v4.u32 {%r1, _, %r2, %r3}, %tid; .reg .v4 .u32 %v; "
                        "mov.v4.u32 %v, %ntid; st.global.v2.u32 [%rd0], {%r1, %r2};\n"
                        "st.global.v2.u32 [%rd0 + 8], {%v.x, %v.y};"));
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(out[i][0], i);
        assert_int_equal(out[i][1], 0);
        assert_int_equal(out[i][2], THREADS);
        assert_int_equal(out[i][3], 1);
    }
}

/* ---- Instructions ---- */

/* An address of 32 bits is in the window of a space, of which it has not the upper bits. */
static void test_short_addresses(void **state)
{
    (void)state;
    run_well(KERNEL("", "mov.u32 %r1, 0; isspacep.shared %p1, %r1; isspacep.global %p2, %r1;\n"
                        "selp.u32 %r2, 1, 0, %p1; selp.u32 %r3, 1, 0, !%p2;\n"
                        "st.global.v2.u32 [%rd0], {%r2, %r3};"));
    assert_int_equal(out[7][0], 0);
    assert_int_equal(out[7][1], 0);
}

/* In each lane another way, in a loop that lanes leave one by one, too. */
static void test_negated_choice(void **state)
{
    (void)state;
    run_well(KERNEL("", "mov.u32 %r1, 0; mov.u32 %r2, 0;\n"
                        "L: and.b32 %r3, %r1, 1; setp.ne.u32 %p1, %r3, 0;\n"
                        "selp.b32 %r4, 5, 7, !%p1; add.u32 %r2, %r2, %r4; add.u32 %r1, %r1, 1;\n"
                        "setp.le.u32 %p2, %r1, %r0; @%p2 bra L; st.global.u32 [%rd0], %r2;"));
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(out[i][0], (i + 2) / 2 * 5 + (i + 1) / 2 * 7);
    }
}

/* A cluster is one block: its barrier orders what the block's threads write. */
static void test_barrier_of_cluster(void **state)
{
    (void)state;
    run_well(KERNEL(".shared .u32 s[64];\n",
                    "mov.u64 %rd1, s; mad.wide.u32 %rd1, %r0, 4, %rd1; st.shared.u32 [%rd1], %r0;\n"
                    "barrier.cluster.arrive.release; barrier.cluster.wait.acquire;\n"
                    "mov.u64 %rd1, s; xor.b32 %r1, %r0, 39; min.u32 %r1, %r1, 39;\n"
                    "mad.wide.u32 %rd1, %r1, 4, %rd1; ld.shared.u32 %r2, [%rd1];\n"
                    "st.global.u32 [%rd0], %r2;"));
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(out[i][0], (i ^ 39) < 39 ? i ^ 39 : 39);
    }
}

static void test_events_and_breakpoints(void **state)
{
    (void)state;
    run_well(KERNEL("", "pmevent 3; pmevent.mask 0xff; st.global.u32 [%rd0], 1;"));
    assert_int_equal(out[39][0], 1);
    assert_int_equal(run(KERNEL("", "setp.eq.u32 %p1, %r0, 33; @%p1 brkpt;")), LAUNCH_FAULT);
    assert_int_equal(fault.fault, WARP_FAULT_TRAP);
    assert_int_equal(fault.thread[0], 33);
}

#define PAYLOADS(nan)                                                                              \
    KERNEL("", ".reg .f64 %d<3>; cvt.u64.u32 %rd1, %r0; or.b64 %rd1, %rd1, " nan ";\n"             \
               "mov.b64 %d0, %rd1; cvt.rn.f64.u32 %d1, %r0;\n"                                     \
               "add.f64 %d2, %d0, %d1; st.global.f64 [%rd0], %d2;\n"                               \
               "mul.f64 %d2, %d1, %d0; st.global.f64 [%rd0 + 8], %d2;\n"                           \
               "fma.rn.f64 %d2, %d1, %d1, %d0; st.global.f64 [%rd0 + 16], %d2;\n"                  \
               "sqrt.rn.f64 %d2, %d0; st.global.f64 [%rd0 + 24], %d2;")

/* Of 64 bits; one that signals is quiet then. */
static void test_payloads(void **state)
{
    static const char *const texts[] = {PAYLOADS("0x7ff8000000000100"),
                                        PAYLOADS("0x7ff0000000000100")};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        run_well(texts[i]);
        for (uint32_t thread = 0; thread < THREADS; thread++) {
            for (uint32_t j = 0; j < WORDS; j += 2) {
                assert_int_equal(out[thread][j], 0x100 | thread);
                assert_int_equal(out[thread][j + 1], 0x7FF80000);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_alias, setup, teardown),
        cmocka_unit_test_setup_teardown(test_address_of_alias, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ranges_of_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_calls_without_results, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lane_masks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_special_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vectors_of_special_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_short_addresses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_negated_choice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_barrier_of_cluster, setup, teardown),
        cmocka_unit_test_setup_teardown(test_events_and_breakpoints, setup, teardown),
        cmocka_unit_test_setup_teardown(test_payloads, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
