/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c tests/models/ptx/*.c) tests/unit/cuda-cpu/ptx_kernel.c
// cflags: -frounding-math
/* The reference interpreter: memory, calls, and threads together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/ptx_kernel.h"

/* ---- Memory ---- */

static void test_initial_values(void **state)
{
    (void)state;
    run_well(KERNEL(".global .align 4 .u32 a[4] = {1, 2, 3};\n"
                    ".const .f32 c = 1.5;\n"
                    ".global .u64 p[2] = {0, generic(a) + 4};\n"
                    ".global .u64 q = p;\n",
                    "ld.global.u64 %rd1, [q]; ld.u64 %rd2, [%rd1+8]; ld.u32 %r0, [%rd2+4];"
                    "ld.const.b32 %r1, [c]; st.v2.u32 [%rd19], {%r0, %r1};"));
    assert_int_equal(output[0], 0x3fc0000000000003);
    assert_int_equal(((uint32_t *)reference_module_variable(placed, "a"))[2], 3);
    assert_null(reference_module_variable(placed, "k"));
}

static void test_parameters(void **state)
{
    struct {
        uint32_t a, pad;
        uint64_t out;
        uint8_t bytes[4];
    } params = {.a = 3, .out = (uintptr_t)output, .bytes = {1, 2, 3, 4}};

    (void)state;
    load_module(HEAD ".entry k(.param .u32 a, .param .u64 out, .param .align 4 .b8 s[4])\n{\n"
                     ".reg .b64 %rd<4>; .reg .b32 %r<4>; ld.param.u64 %rd0, [out];"
                     "ld.param.u32 %r0, [a]; mov.b64 %rd1, s; cvta.param.u64 %rd2, %rd1;"
                     "ld.u8 %r1, [%rd2+2]; st.global.v2.u32 [%rd0], {%r0, %r1};\n}\n");
    launch.module = placed;
    launch.kernel = ptx_module_kernel(loaded, "k");
    launch.params = &params;
    assert_int_equal(reference_run(&launch, &fault), REFERENCE_OK);
    assert_int_equal(output[0], 0x300000003);
}

static void test_faults(void **state)
{
    static const struct {
        const char *statements;
        enum reference_status status;
        size_t instruction; /* behind the one that loads the parameter */
    } examples[] = {
        {"st.global.u32 [%rd19+8192], 0;", REFERENCE_ILLEGAL_ADDRESS, 1},
        {"ld.global.u64 %rd0, [%rd19+8188];", REFERENCE_MISALIGNED, 1},
        {"ld.global.v2.u64 {%rd0, %rd1}, [%rd19+8];", REFERENCE_MISALIGNED, 1},
        {"mov.u64 %rd0, 0; ld.u32 %r0, [%rd0];", REFERENCE_ILLEGAL_ADDRESS, 2},
        {".shared .u32 s[4]; ld.shared.u32 %r0, [s+16];", REFERENCE_ILLEGAL_ADDRESS, 1},
        {".shared .u32 s[4]; ld.shared.u32 %r0, [s-4];", REFERENCE_ILLEGAL_ADDRESS, 1},
        {".local .u32 l; ld.local.u32 %r0, [l+65536];", REFERENCE_ILLEGAL_ADDRESS, 1},
        {"mov.u64 %rd0, c; st.u32 [%rd0], 0;", REFERENCE_ILLEGAL_ADDRESS, 2},
        {"cvta.to.param.u64 %rd0, %rd19; ld.param.u32 %r0, [out+8];", REFERENCE_ILLEGAL_ADDRESS, 2},
        {"atom.global.add.u32 %r0, [%rd19+8192], 1;", REFERENCE_ILLEGAL_ADDRESS, 1},
        {"trap;", REFERENCE_TRAP, 1},
        {"L: bra L;", REFERENCE_STEP_LIMIT, 1},
        {"suq.width.b32 %r0, [%rd0];", REFERENCE_UNSUPPORTED, 1},
        {"mov.u64 %rd0, 64; P: .callprototype _ (); call %rd0, P;", REFERENCE_ILLEGAL_VALUE, 2},
        {".shared .align 16 .b8 s[32]; cp.async.bulk.global.shared::cta.bulk_group [%rd19], [s], "
         "-16;",
         REFERENCE_ILLEGAL_ADDRESS, 1},
        {".shared .align 16 .b8 s[32]; cp.async.bulk.global.shared::cta.bulk_group [%rd19], [s], "
         "8;",
         REFERENCE_MISALIGNED, 1},
        {".reg .v4 .b64 %v; mov.b64 %v.w, 1;", REFERENCE_UNSUPPORTED, 0},
        {"bar.sync 16;", REFERENCE_ILLEGAL_VALUE, 1},
        {"T: .branchtargets A; mov.u32 %r0, 1; brx.idx %r0, T; A:", REFERENCE_ILLEGAL_VALUE, 2},
        {"call recurse;", REFERENCE_STACK_OVERFLOW, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        const char *text = make_kernel(".const .u32 c;\n"
                                       ".func recurse() { .local .b8 l[1024]; call recurse; }",
                                       examples[i].statements);

        if (run_kernel(text) != examples[i].status ||
            fault.instruction != examples[i].instruction) {
            print_error("%s\n", examples[i].statements);
            fail();
        }
    }
}

/* ---- Control ---- */

static void test_branches(void **state)
{
    static const struct example examples[] = {
        {"mov.u32 %r0, 0; L: add.u32 %r0, %r0, 3; setp.lt.u32 %p0, %r0, 10; @%p0 bra L;", "%r0",
         12},
        {"mov.u32 %r0, 1; setp.eq.s32 %p0, 0, 0; @!%p0 mov.u32 %r0, 2;", "%r0", 1},
        {"T: .branchtargets A, B; mov.u32 %r1, 1; brx.idx %r1, T; A: mov.u32 %r0, 5; bra C; "
         "B: mov.u32 %r0, 6; C:",
         "%r0", 6},
    };

    (void)state;
    RUN_EXAMPLES(examples);
    run_block(4, KERNEL("", MY_OUTPUT "setp.eq.u32 %p0, %r19, 2; @%p0 exit; st.u64 [%rd19], 1;"));
    assert_int_equal(output[1], 1);
    assert_int_equal(output[2], 0);
    assert_int_equal(output[3], 1);
}

static void test_calls(void **state)
{
    (void)state;
    run_well(KERNEL(".func (.param .u32 r) fib(.param .u32 n)\n{\n"
                    ".reg .pred %p; .reg .b32 %a, %b, %n; .param .u32 x, y;\n"
                    "ld.param.u32 %n, [n]; setp.lt.u32 %p, %n, 2; @%p bra END;\n"
                    "sub.u32 %a, %n, 1; st.param.u32 [x], %a; call (y), fib, (x);\n"
                    "ld.param.u32 %b, [y]; sub.u32 %a, %n, 2; st.param.u32 [x], %a;\n"
                    "call (y), fib, (x); ld.param.u32 %a, [y]; add.u32 %n, %a, %b;\n"
                    "END: st.param.u32 [r], %n; ret;\n}\n"
                    ".func (.reg .u32 sum) plus(.reg .u32 a, .reg .u32 b) "
                    "{ add.u32 sum, a, b; }\n"
                    ".global .u64 table[2] = {fib, plus};\n",
                    ".param .u32 x, y; st.param.u32 [x], 10; call (y), fib, (x);"
                    "ld.param.u32 %r0, [y]; call (%r1), plus, (%r0, 7);"
                    "ld.global.u64 %rd0, [table+8]; P: .callprototype (.reg .u32 _) _ "
                    "(.reg .u32 _, .reg .u32 _); call (%r2), %rd0, (%r1, 100), P;"
                    "st.v2.u32 [%rd19], {%r1, %r2};"));
    assert_int_equal(output[0], (162ULL << 32) | 62);
}

static void test_system_calls(void **state)
{
    (void)state;
    run_well(KERNEL(".extern .func (.param .b32 r) vprintf(.param .b64 f, .param .b64 a);\n"
                    ".extern .func (.param .b64 r) malloc(.param .b64 n);\n"
                    ".extern .func free(.param .b64 p);\n"
                    ".global .b8 f[] = {37, 100, 32, 37, 46, 50, 102, 32, 37, 115, 37, 37, 10, 0};"
                    "\n.global .b8 s[] = {104, 105, 0};\n",
                    ".local .align 8 .b8 l[24]; .param .b64 a, b; .param .b32 r; .param .b64 m;"
                    "st.local.u32 [l], -5; st.local.f64 [l+8], 0d3ff8000000000000;"
                    "cvta.global.u64 %rd0, s; st.local.u64 [l+16], %rd0;"
                    "cvta.global.u64 %rd0, f; st.param.b64 [a], %rd0;"
                    "cvta.local.u64 %rd0, l; st.param.b64 [b], %rd0; call (r), vprintf, (a, b);"
                    "ld.param.b32 %r0, [r]; st.u32 [%rd19], %r0;"
                    "st.param.b64 [a], 16; call (m), malloc, (a); ld.param.b64 %rd1, [m];"
                    "st.u64 [%rd1+8], 4; ld.u64 %rd2, [%rd1+8]; st.u64 [%rd19+8], %rd2;"
                    "st.param.b64 [a], %rd1; call free, (a);"));
    assert_string_equal(printed, "-5 1.50 hi%\n");
    assert_int_equal(output[0], 3);
    assert_int_equal(output[1], 4);
}

/* There is no frame then that the fault could name. */
static void test_a_kernel_without_room(void **state)
{
    (void)state;
    assert_int_equal(run_kernel(KERNEL("", ".local .b8 large[20000]; st.local.u8 [large], 1;")),
                     REFERENCE_STACK_OVERFLOW);
    assert_string_equal(fault.function->name, "k");
}

static void test_where_a_fault_is(void **state)
{
    (void)state;
    launch.block[0] = 4;
    launch.block[1] = 2;
    launch.grid[0] = 3;
    assert_int_equal(run_kernel(KERNEL(".func f(.reg .u64 p, .reg .u32 i) { .reg .pred %p;"
                                       "setp.ne.u32 %p, i, 3; @%p ret; st.u32 [p], i; }\n",
                                       "mov.u32 %r0, %tid.x; mov.u32 %r1, %tid.y;"
                                       "mov.u32 %r2, %ctaid.x; add.u32 %r1, %r1, %r2;"
                                       "setp.ne.u32 %p0, %r1, 3; @%p0 exit;"
                                       "add.u64 %rd19, %rd19, 0x100000; call f, (%rd19, %r0);")),
                     REFERENCE_ILLEGAL_ADDRESS);
    assert_string_equal(fault.function->name, "f");
    assert_int_equal(fault.instruction, 2);
    assert_int_equal(fault.thread[0], 3);
    assert_int_equal(fault.thread[1], 1);
    assert_int_equal(fault.block[0], 2);
    assert_int_equal(fault.address, (uintptr_t)output + 0x100000);
    assert_string_equal(reference_status_text(REFERENCE_ILLEGAL_ADDRESS), "illegal address");
}

static void test_use_after_free(void **state)
{
    (void)state;
    assert_int_equal(
        run_kernel(KERNEL(".extern .func (.param .b64 r) malloc(.param .b64 n);\n"
                          ".extern .func free(.param .b64 p);\n",
                          ".param .b64 a, m; st.param.b64 [a], 16;"
                          "call (m), malloc, (a); ld.param.b64 %rd1, [m];"
                          "st.param.b64 [a], %rd1; call free, (a); ld.u32 %r0, [%rd1];")),
        REFERENCE_ILLEGAL_ADDRESS);
    assert_int_equal(fault.instruction, 6);
}

static void test_assertions(void **state)
{
    (void)state;
    assert_int_equal(
        run_kernel(KERNEL(".extern .func __assertfail(.param .b64 m, .param .b64 f, .param .b32 l, "
                          ".param .b64 n, .param .b64 s);\n.global .b8 t[] = {120, 0};\n",
                          ".param .b64 a; .param .b32 l; .param .b64 s; cvta.global.u64 %rd0, t;"
                          "st.param.b64 [a], %rd0; st.param.b32 [l], 7; st.param.b64 [s], 1;"
                          "call __assertfail, (a, a, l, a, s);")),
        REFERENCE_ASSERT);
    assert_string_equal(printed, "x:7: x: assertion `x' failed\n");
}

/* ---- Threads together ---- */

/* A sum by halves in shared memory, in any order of threads. */
static void test_barriers(void **state)
{
    static const char text[] =
        KERNEL(".shared .u32 s[128];\n",
               "mov.u32 %r0, %tid.x; mov.u64 %rd0, s; mad.wide.u32 %rd1, %r0, 4, %rd0;"
               "st.shared.u32 [%rd1], %r0; mov.u32 %r1, 64;\n"
               "L: bar.sync 0; setp.ge.u32 %p0, %r0, %r1; @%p0 bra N;"
               "mad.wide.u32 %rd2, %r1, 4, %rd1; ld.shared.u32 %r2, [%rd2];"
               "ld.shared.u32 %r3, [%rd1]; add.u32 %r3, %r3, %r2; st.shared.u32 [%rd1], %r3;\n"
               "N: shr.u32 %r1, %r1, 1; setp.ne.u32 %p1, %r1, 0; @%p1 bra L; bar.sync 0;\n"
               "setp.ne.u32 %p2, %r0, 0; @%p2 exit; ld.shared.u32 %r4, [s];"
               "st.u32 [%rd19], %r4;");

    (void)state;
    for (launch.seed = 0; launch.seed < 20; launch.seed++) {
        run_block(128, text);
        assert_int_equal(output[0], 127 * 128 / 2);
    }
}

static void test_barriers_with_counts(void **state)
{
    (void)state;
    run_block(64, KERNEL(".shared .u32 s;\n",
                         MY_OUTPUT "setp.lt.u32 %p0, %r19, 32; @%p0 bra CONSUME;"
                                   "st.shared.u32 [s], 5; bar.arrive 1, 64; exit;"
                                   "CONSUME: bar.sync 1, 64; ld.shared.u32 %r0, [s];"
                                   "st.u32 [%rd19], %r0;"));
    assert_int_equal(output[31], 5);
    run_block(64, KERNEL("", MY_OUTPUT "setp.lt.u32 %p0, %r19, 40; bar.red.popc.u32 %r0, 0, %p0;"
                                       "bar.red.or.pred %p1, 0, !%p0; selp.u32 %r1, 1, 0, %p1;"
                                       "st.v2.u32 [%rd19], {%r0, %r1};"));
    assert_int_equal(output[63], 0x100000028);
}

static void test_deadlocks(void **state)
{
    static const char *const texts[] = {
        KERNEL("", "mov.u32 %r0, %tid.x; setp.eq.u32 %p0, %r0, 5; @%p0 bra A; bar.sync 0; exit;"
                   "A: bar.sync 1;"),
        KERNEL("", "bar.sync 0, 96;"),
        KERNEL("", "bar.warp.sync 0xffffffff; bar.warp.sync 0x0;"),
    };

    (void)state;
    launch.block[0] = 32;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(run_kernel(texts[i]), REFERENCE_DEADLOCK);
    }
}

static void test_shuffles(void **state)
{
    (void)state;
    run_block(32, KERNEL("", MY_OUTPUT "shfl.sync.up.b32 %r0|%p0, %r19, 3, 0, -1;"
                                       "selp.u32 %r1, 1, 0, %p0;"
                                       "st.v2.u32 [%rd19], {%r0, %r1};"));
    assert_int_equal(output[2], 2);
    assert_int_equal(output[3], 1ULL << 32);
    assert_int_equal(output[31], 28 | 1ULL << 32);
    run_block(32, KERNEL("", MY_OUTPUT "shfl.sync.bfly.b32 %r0, %r19, 1, 0x1f, -1;"
                                       "shfl.sync.idx.b32 %r1, %r19, 2, 0x181f, -1;"
                                       "st.v2.u32 [%rd19], {%r0, %r1};"));
    assert_int_equal(output[6], 7 | 2ULL << 32);
    assert_int_equal(output[30], 31 | 26ULL << 32);
}

/* Halves of a warp meet at equal instructions in different places. */
static void test_votes(void **state)
{
    (void)state;
    launch.seed = 3;
    run_block(32, KERNEL("", MY_OUTPUT "setp.lt.u32 %p0, %r19, 4; @%p0 bra A;"
                                       "vote.sync.ballot.b32 %r0, 1, -1; bra B;"
                                       "A: vote.sync.ballot.b32 %r0, 0, -1; B:"
                                       "redux.sync.max.s32 %r1, %r19, -1;"
                                       "st.v2.u32 [%rd19], {%r0, %r1};"));
    assert_int_equal(output[0], 0xfffffff0 | 31ULL << 32);
    assert_int_equal(output[31], 0xfffffff0 | 31ULL << 32);
    run_block(32, KERNEL("", MY_OUTPUT "and.b32 %r0, %r19, 1; match.any.sync.b32 %r1, %r0, -1;"
                                       "match.all.sync.b32 %r2|%p0, %r0, -1;"
                                       "st.v2.u32 [%rd19], {%r1, %r2};"));
    assert_int_equal(output[3], 0xaaaaaaaa);
    run_block(32, KERNEL("", MY_OUTPUT "setp.lt.u32 %p0, %r19, 4; @%p0 bra A; exit;"
                                       "A: activemask.b32 %r0; elect.sync %r1|%p1, 15;"
                                       "selp.u32 %r1, 1, 0, %p1;"
                                       "st.v2.u32 [%rd19], {%r0, %r1};"));
    assert_int_equal(output[0], 15 | 1ULL << 32);
    assert_int_equal(output[3], 15);
}

static void test_atomics(void **state)
{
    static const struct example examples[] = {
        {"st.u32 [%rd19+8], 9; atom.inc.u32 %r0, [%rd19+8], 9; ld.u32 %r0, [%rd19+8];", "%r0", 0},
        {"st.u32 [%rd19+8], 0; atom.dec.u32 %r0, [%rd19+8], 9; ld.u32 %r0, [%rd19+8];", "%r0", 9},
        {"st.u32 [%rd19+8], 3; atom.cas.b32 %r1, [%rd19+8], 3, 4; ld.u32 %r0, [%rd19+8];", "%r0",
         4},
        {"st.u32 [%rd19+8], -1; atom.min.s32 %r0, [%rd19+8], 4; ld.u32 %r0, [%rd19+8];", "%r0",
         0xffffffff},
        {"st.u32 [%rd19+8], -1; red.min.u32 [%rd19+8], 4; ld.u32 %r0, [%rd19+8];", "%r0", 4},
        {"red.global.add.f32 [%rd19+8], 0f3f800000; ld.u32 %r0, [%rd19+8];", "%r0", 0x3f800000},
        {"red.global.add.f32 [%rd19+8], 0f00000001; ld.u32 %r0, [%rd19+8];", "%r0", 0},
        {"red.add.noftz.f16x2 [%rd19+8], 0x3c003c00; ld.u32 %r0, [%rd19+8];", "%r0", 0x3c003c00},
        {"red.global.add.v2.f32 [%rd19+8], {0f3f800000, 0f40000000}; ld.u32 %r0, [%rd19+12];",
         "%r0", 0x40000000},
        {"atom.exch.b64 %rd0, [%rd19+8], 5; atom.exch.b64 %rd0, [%rd19+8], 6;", "%rd0", 5},
    };

    (void)state;
    RUN_EXAMPLES(examples);
    launch.grid[0] = 3;
    run_block(40, KERNEL("", "red.global.add.u64 [%rd19], 2;"));
    assert_int_equal(output[0], 240);
}

/* A lock that lanes of one warp take in turn. */
static void test_spin_lock(void **state)
{
    (void)state;
    for (launch.seed = 0; launch.seed < 4; launch.seed++) {
        run_block(32, KERNEL(".global .u32 lock;\n",
                             "L: atom.global.cas.b32 %r0, [lock], 0, 1;"
                             "setp.ne.u32 %p0, %r0, 0; @%p0 bra L;"
                             "ld.u32 %r1, [%rd19]; add.u32 %r1, %r1, 1; st.u32 [%rd19], %r1;"
                             "st.global.u32 [lock], 0;"));
        assert_int_equal(output[0], 32);
    }
}

/* ---- Asynchronous copies ---- */

static void test_copies(void **state)
{
    static const struct example examples[] = {
        {".shared .align 16 .b8 s[32]; st.u64 [%rd19+16], 7; "
         "cp.async.ca.shared.global [s+8], [%rd19+16], 8; cp.async.wait_all; "
         "ld.shared.u64 %rd0, [s+8];",
         "%rd0", 7},
        {".shared .align 16 .b8 s[32]; st.u64 [%rd19+16], 0x1234; st.shared.u64 [s], -1; "
         "cp.async.ca.shared.global [s], [%rd19+16], 8, 1; ld.shared.u64 %rd0, [s];",
         "%rd0", 0x34},
        {".shared .align 16 .b8 s[32]; st.shared.u64 [s], -1; setp.eq.s32 %p0, 0, 0; "
         "cp.async.ca.shared.global [s], [%rd19+16], 8, %p0; ld.shared.u64 %rd0, [s];",
         "%rd0", 0},
        {".shared .align 16 .b8 s[32]; .shared .b64 m; mbarrier.init.shared.b64 [m], 1; "
         "mbarrier.arrive.expect_tx.shared.b64 %rd1, [m], 32; "
         "mbarrier.test_wait.shared.b64 %p0, [m], %rd1; selp.u32 %r1, 10, 0, %p0; "
         "st.u64 [%rd19+24], 3; cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes "
         "[s], [%rd19+16], 32, [m]; mbarrier.test_wait.shared.b64 %p0, [m], %rd1; "
         "selp.u32 %r2, 1, 0, %p0; ld.shared.u32 %r0, [s+8]; mad.lo.u32 %r0, %r0, 100, %r1; "
         "add.u32 %r0, %r0, %r2;",
         "%r0", 301},
        {".shared .align 16 .b8 s[16]; st.shared.u32 [s+4], 5; st.u32 [%rd19+20], 6; "
         "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 [%rd19+16], [s], 16; "
         "ld.u32 %r0, [%rd19+20];",
         "%r0", 11},
        {".shared .b64 m; mbarrier.init.shared.b64 [m], 3; mbarrier.arrive.shared.b64 %rd1, [m]; "
         "mbarrier.arrive_drop.shared.b64 _, [m]; mbarrier.arrive.shared.b64 _, [m]; "
         "mbarrier.arrive.shared.b64 %rd1, [m]; mbarrier.pending_count.b64 %r0, %rd1;",
         "%r0", 2},
        {".shared .b64 m; mbarrier.init.shared.b64 [m], 1; "
         "mbarrier.try_wait.parity.shared.b64 %p0, [m], 1;",
         "%p0", 1},
    };

    (void)state;
    RUN_EXAMPLES(examples);
}

/* Half of the threads wait for the others. */
static void test_waiting_at_an_mbarrier(void **state)
{
    (void)state;
    for (launch.seed = 0; launch.seed < 4; launch.seed++) {
        run_block(64, KERNEL(".shared .b64 m;\n.shared .u32 s;\n",
                             MY_OUTPUT "setp.eq.u32 %p0, %r19, 0;"
                                       "@%p0 mbarrier.init.shared.b64 [m], 32; bar.sync 0;"
                                       "setp.lt.u32 %p0, %r19, 32; @%p0 bra WAIT;"
                                       "atom.shared.add.u32 %r0, [s], 1;"
                                       "mbarrier.arrive.shared.b64 %rd0, [m]; exit;"
                                       "WAIT: mbarrier.try_wait.parity.shared.b64 %p1, [m], 0;"
                                       "@!%p1 bra WAIT; ld.shared.u32 %r0, [s];"
                                       "st.u32 [%rd19], %r0;"));
        assert_int_equal(output[31], 32);
    }
}

/* ---- Matrices ---- */

static void test_mma_of_doubles(void **state)
{
    (void)state;
    run_block(32, KERNEL("", MY_OUTPUT "cvt.rn.f64.u32 %d0, %r19; mov.f64 %d1, 0d3ff0000000000000;"
                                       "mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 "
                                       "{%d2, %d3}, {%d0}, {%d0}, {%d1, %d1};"
                                       "st.f64 [%rd19], %d3;"));
    for (unsigned lane = 0; lane < 32; lane++) {
        unsigned row = lane / 4, column = lane % 4 * 2 + 1;
        double expected = 1, found;

        for (unsigned k = 0; k < 4; k++) {
            expected += (4 * row + k) * (4 * column + k);
        }
        memcpy(&found, &output[lane], sizeof(found));
        assert_true(found == expected);
    }
}

/* Four products of ones, and the sum of bits that two have in common. */
static void test_mma_of_halves_and_bits(void **state)
{
    (void)state;
    run_block(32, KERNEL("", MY_OUTPUT
                         "mov.b32 %r0, 0x3c003c00; mov.f32 %f0, 0f00000000;"
                         "mma.sync.aligned.m8n8k4.row.col.f32.f16.f16.f32 "
                         "{%f1, %f2, %f3, %f4, %f5, %f6, %f7, %f8}, {%r0, %r0}, {%r0, %r0}, "
                         "{%f0, %f0, %f0, %f0, %f0, %f0, %f0, %f0};"
                         "mov.b32 %r1, 0xff; mov.b32 %r2, 0x0f; mov.b32 %r5, 1;"
                         "mma.sync.aligned.m8n8k128.row.col.s32.b1.b1.s32.and.popc "
                         "{%r3, %r4}, {%r1}, {%r2}, {%r5, %r5};"
                         "st.f32 [%rd19], %f8; st.u32 [%rd19+4], %r4;"));
    for (unsigned lane = 0; lane < 32; lane++) {
        assert_int_equal(output[lane], 0x40800000 | 17ULL << 32);
    }
}

/* A times B of 16 x 16 halves in memory, B by columns. */
static void test_wmma(void **state)
{
    static const char text[] =
        KERNEL(".shared .align 32 .b16 a[256], b[256];\n",
               "mov.u32 %r0, %tid.x; mov.u64 %rd0, a; mov.u64 %rd1, b; mov.u32 %r2, 0;"
               "L: mad.lo.u32 %r3, %r2, 32, %r0; rem.u32 %r4, %r3, 7; cvt.rn.f16.u32 %h0, %r4;"
               "mad.wide.u32 %rd2, %r3, 2, %rd0; st.shared.b16 [%rd2], %h0;"
               "rem.u32 %r4, %r3, 5; cvt.rn.f16.u32 %h0, %r4;"
               "mad.wide.u32 %rd2, %r3, 2, %rd1; st.shared.b16 [%rd2], %h0;"
               "add.u32 %r2, %r2, 1; setp.lt.u32 %p0, %r2, 8; @%p0 bra L; bar.warp.sync -1;"
               ".reg .b32 %a<8>, %b<8>; .reg .f32 %c<8>, %z; mov.f32 %z, 0f3f800000;"
               "wmma.load.a.sync.aligned.row.m16n16k16.shared.f16 "
               "{%a0, %a1, %a2, %a3, %a4, %a5, %a6, %a7}, [a], 16;"
               "wmma.load.b.sync.aligned.col.m16n16k16.shared.f16 "
               "{%b0, %b1, %b2, %b3, %b4, %b5, %b6, %b7}, [b];"
               "wmma.mma.sync.aligned.row.col.m16n16k16.f32.f32 "
               "{%c0, %c1, %c2, %c3, %c4, %c5, %c6, %c7}, "
               "{%a0, %a1, %a2, %a3, %a4, %a5, %a6, %a7}, "
               "{%b0, %b1, %b2, %b3, %b4, %b5, %b6, %b7}, {%z, %z, %z, %z, %z, %z, %z, %z};"
               "wmma.store.d.sync.aligned.row.m16n16k16.global.f32 [%rd19], "
               "{%c0, %c1, %c2, %c3, %c4, %c5, %c6, %c7}, 32;");

    (void)state;
    run_block(32, text);
    for (unsigned row = 0; row < 16; row++) {
        for (unsigned column = 0; column < 16; column++) {
            float expected = 1, found;

            for (unsigned k = 0; k < 16; k++) {
                expected += (float)((16 * row + k) % 7 * ((16 * column + k) % 5));
            }
            memcpy(&found, (char *)output + (row * 32 + column) * 4, sizeof(found));
            assert_true(found == expected);
        }
    }
}

/* What ldmatrix reads by columns, stmatrix writes by rows: transposed; movmatrix turns it back. */
static void test_matrix_moves(void **state)
{
    (void)state;
    run_block(32, KERNEL(".shared .align 16 .b16 s[128];\n", MY_OUTPUT
                         "mov.u64 %rd0, s; mad.wide.u32 %rd1, %r19, 4, %rd0;"
                         "shl.b32 %r0, %r19, 1; mad.lo.u32 %r0, %r0, 0x10001, 0x10000;"
                         "st.shared.b32 [%rd1], %r0; bar.warp.sync -1; and.b32 %r1, %r19, 7;"
                         "mad.wide.u32 %rd2, %r1, 16, %rd0;"
                         "ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%r2}, [%rd2];"
                         "movmatrix.sync.aligned.m8n8.trans.b16 %r3, %r2;"
                         "stmatrix.sync.aligned.m8n8.x1.shared.b16 [%rd2+128], {%r2};"
                         "bar.warp.sync -1; ld.shared.b32 %r4, [%rd1+128];"
                         "st.v2.u32 [%rd19], {%r3, %r4};"));
    for (uint64_t lane = 0; lane < 32; lane++) {
        uint64_t row = lane / 4, column = lane % 4 * 2;

        assert_int_equal(output[lane] & 0xffffffff, 2 * lane | (2 * lane + 1) << 16);
        assert_int_equal(output[lane] >> 32, (8 * column + row) | (8 * column + 8 + row) << 16);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_initial_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parameters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_branches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_system_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_kernel_without_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_where_a_fault_is, setup, teardown),
        cmocka_unit_test_setup_teardown(test_use_after_free, setup, teardown),
        cmocka_unit_test_setup_teardown(test_assertions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_barriers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_barriers_with_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deadlocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shuffles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_votes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_atomics, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spin_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting_at_an_mbarrier, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mma_of_doubles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mma_of_halves_and_bits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wmma, setup, teardown),
        cmocka_unit_test_setup_teardown(test_matrix_moves, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
