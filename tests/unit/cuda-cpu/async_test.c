/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c)
// build: $(wildcard tests/models/ptx/*.c) tests/unit/cuda-cpu/compare.c
// cflags: -frounding-math
// libs: -ldl
/* Asynchronous copies and mbarriers, compiled and by the reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/compare.h"

/* %rd2: 16 bytes of the input for each thread, %rd3 of the output, %r1 of shared memory. */
#define KERNEL(statements)                                                                         \
    COMPARE_HEAD ".entry k(.param .u64 in, .param .u64 out)\n{\n"                                  \
                 ".reg .b32 %r<16>; .reg .b64 %rd<16>; .reg .pred %p<4>;\n"                        \
                 ".shared .align 16 .b8 s[4096]; .shared .align 8 .b64 m;\n"                       \
                 "ld.param.u64 %rd0, [in]; ld.param.u64 %rd1, [out]; mov.u32 %r0, %tid.x;\n"       \
                 "mad.wide.u32 %rd2, %r0, 16, %rd0; mad.wide.u32 %rd3, %r0, 16, %rd1;\n"           \
                 "mov.u32 %r1, s; mad.lo.u32 %r1, %r0, 16, %r1; mov.u32 %r2, m; "                  \
                 "setp.eq.u32 %p0, %r0, 0;\n" statements "\nret;\n}\n"

#define INIT(count) "@%p0 mbarrier.init.shared.b64 [m], " count "; bar.sync 0;\n"
#define STORE_SHARED                                                                               \
    "ld.shared.v2.b64 {%rd5, %rd6}, [%r1]; st.global.v2.b64 [%rd3], {%rd5, %rd6};\n"

static struct launch_fault fault;

static int setup(void **state)
{
    (void)state;
    compare_fill_input();
    return 0;
}

static void test_copies(void **state)
{
    static const char *const kernels[] = {
        KERNEL("cp.async.ca.shared.global [%r1], [%rd2], 4; cp.async.wait_all;" STORE_SHARED),
        KERNEL("cp.async.ca.shared.global [%r1 + 8], [%rd2 + 8], 8; cp.async.commit_group; "
               "cp.async.wait_group 0;" STORE_SHARED),
        KERNEL("cp.async.cg.shared.global [%r1], [%rd2], 16; cp.async.wait_all;" STORE_SHARED),
        KERNEL("rem.u32 %r3, %r0, 18; mov.b64 %rd4, -1; st.shared.v2.b64 [%r1], {%rd4, %rd4}; "
               "cp.async.ca.shared.global.L2::128B [%r1], [%rd2], 16, %r3;" STORE_SHARED),
        KERNEL("and.b32 %r3, %r0, 1; setp.eq.u32 %p1, %r3, 0; mov.b64 %rd4, -1; "
               "st.shared.v2.b64 [%r1], {%rd4, %rd4}; "
               "cp.async.ca.shared.global [%r1], [%rd2], 8, %p1;" STORE_SHARED),
        KERNEL("and.b32 %r3, %r0, 2; setp.eq.u32 %p1, %r3, 0; "
               "@%p1 cp.async.cg.shared.global [%r1], [%rd2], 16;" STORE_SHARED),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        compare(kernels[i], 100);
    }
}

/* What thread 0 asks for, and all wait for. */
static void test_bulk(void **state)
{
    (void)state;
    compare(
        KERNEL(INIT(
            "1") "@%p0 mbarrier.arrive.expect_tx.shared.b64 %rd4, [m], 1600;\n"
                 "@%p0 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes "
                 "[s], [%rd0 + 32], 1600, [m];\n"
                 "W: mbarrier.try_wait.parity.shared.b64 %p1, [m], 0; @!%p1 bra W;" STORE_SHARED),
        100);
    compare(KERNEL("cp.async.cg.shared.global [%r1], [%rd2], 16; bar.sync 0;\n"
                   "fence.proxy.async; @%p0 cp.async.bulk.global.shared::cta.bulk_group "
                   "[%rd1 + 48], [s + 16], 800; cp.async.bulk.commit_group; "
                   "cp.async.bulk.wait_group.read 0;"),
            100);
}

static void test_bulk_reductions(void **state)
{
    static const char *const operations[] = {"add.u32", "add.s32", "add.u64", "min.s32",
                                             "max.u32", "min.u64", "max.s64", "and.b32",
                                             "or.b64",  "xor.b32", "inc.u32", "dec.u32"};
    char text[4096];

    (void)state;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(strlen(KERNEL("")) - strlen("\nret;\n}\n")),
                 KERNEL(""),
                 "cp.async.cg.shared.global [%r1], [%rd2], 16; "
                 "ld.global.v2.b64 {%rd5, %rd6}, [%rd2 + 4096]; "
                 "st.global.v2.b64 [%rd3], {%rd5, %rd6}; bar.sync 0;\n"
                 "@%p0 cp.reduce.async.bulk.global.shared::cta.bulk_group.",
                 operations[i]);
        strcat(text, " [%rd1], [s], 1024;\nret;\n}\n");
        compare(text, 100);
    }
}

/* Within the one block of a cluster. */
static void test_shared_to_shared(void **state)
{
    static const char *const operations[] = {
        "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v2.b32 [%r3], {%r4, %r5}, [m];",
        "st.async.shared::cluster.mbarrier::complete_tx::bytes.b64 [%r3], %rd6, [m];",
        "red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes.add.u64 [s], %rd6, "
        "[m];",
        "red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes.add.u32 [%r3], "
        "%r4, [m]; red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes.max.s32 "
        "[%r3 + 4], %r5, [m];",
        "@%p0 cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [s + 16], "
        "[s + 2048], 512, [m]; @%p1 mbarrier.complete_tx.relaxed.cta.shared.b64 [m], 288;",
        "@%p0 "
        "cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes.add.u32 "
        "[s], [s + 2048], 512, [m]; @%p1 mbarrier.complete_tx.relaxed.cta.shared.b64 [m], 288;",
    };
    char text[4096];

    (void)state;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        snprintf(text, sizeof(text), "%.*s%s%s%s",
                 (int)(strlen(KERNEL("")) - strlen("\nret;\n}\n")), KERNEL(""),
                 INIT("1") "setp.eq.u32 %p1, %r0, 1; ld.global.v2.b64 {%rd5, %rd6}, [%rd2]; "
                           "st.shared.v2.b64 [%r1], {%rd5, %rd6}; ld.global.v2.b32 {%r4, %r5}, "
                           "[%rd2 + 4096]; "
                           "xor.b32 %r3, %r0, 5; mov.u32 %r6, s; mad.lo.u32 %r3, %r3, 16, %r6; "
                           "bar.sync 0;\n"
                           "@%p0 mbarrier.arrive.expect_tx.shared.b64 %rd4, [m], 800;\n",
                 operations[i],
                 "\nW: mbarrier.try_wait.parity.shared.b64 %p2, [m], 0; @!%p2 bra W;" STORE_SHARED
                 "ret;\n}\n");
        compare(text, 100);
    }
}

/* Producers and consumers, in phases; one warp waits while the others have not come. */
static void test_mbarriers(void **state)
{
    (void)state;
    compare(KERNEL(INIT(
                "100") "mov.u32 %r4, 0; mov.u32 %r6, 0;\n"
                       "L: add.u32 %r5, %r0, %r4; st.shared.u32 [%r1], %r5;\n"
                       "mbarrier.arrive.shared.b64 %rd4, [m];\n"
                       "W: mbarrier.test_wait.shared.b64 %p1, [m], %rd4; @!%p1 bra W;\n"
                       "xor.b32 %r7, %r0, 32; rem.u32 %r7, %r7, 100; mov.u32 %r8, s; "
                       "mad.lo.u32 %r8, %r7, 16, %r8; ld.shared.u32 %r9, [%r8]; "
                       "mad.lo.u32 %r6, %r6, 3, %r9;\n"
                       "mbarrier.arrive.shared.b64 _, [m];\n"
                       "V: mbarrier.try_wait.parity.shared.b64 %p1, [m], 1, 1000; @!%p1 bra V;\n"
                       "add.u32 %r4, %r4, 1; setp.lt.u32 %p2, %r4, 5; @%p2 bra L;\n"
                       "st.global.u32 [%rd3], %r6;"),
            100);
    compare(KERNEL(INIT(
                "8") "@!%p0 bra E;\n"
                     "mbarrier.arrive.noComplete.shared.b64 %rd4, [m], 2; "
                     "mbarrier.pending_count.b64 %r3, %rd4; st.global.u32 [%rd3], %r3;\n"
                     "mbarrier.arrive_drop.shared.b64 %rd4, [m], 3; "
                     "mbarrier.pending_count.b64 %r3, %rd4; st.global.u32 [%rd3 + 4], %r3;\n"
                     "mbarrier.expect_tx.relaxed.cta.shared.b64 [m], 20; "
                     "mbarrier.arrive.shared.b64 %rd4, [m], 3;\n"
                     "mbarrier.test_wait.shared.b64 %p1, [m], %rd4; selp.u32 %r3, 1, 0, %p1; "
                     "st.global.u32 [%rd3 + 8], %r3;\n"
                     "mbarrier.complete_tx.relaxed.cta.shared.b64 [m], 20; "
                     "mbarrier.test_wait.shared.b64 %p1, [m], %rd4; selp.u32 %r3, 1, 0, %p1; "
                     "st.global.u32 [%rd3 + 12], %r3;\n"
                     "mbarrier.arrive.shared.b64 %rd4, [m]; mbarrier.pending_count.b64 %r3, %rd4; "
                     "st.global.u32 [%rd3 + 16], %r3; mbarrier.inval.shared.b64 [m];\nE:"),
            40);
    compare(KERNEL(INIT("100") "cp.async.cg.shared.global [%r1], [%rd2], 16;\n"
                               "cp.async.mbarrier.arrive.shared.b64 [m]; "
                               "cp.async.mbarrier.arrive.noinc.shared.b64 [m];\n"
                               "W: mbarrier.try_wait.parity.shared.b64 %p1, [m], 0; @!%p1 bra W;\n"
                               "xor.b32 %r7, %r0, 32; rem.u32 %r7, %r7, 100; mov.u32 %r8, s; "
                               "mad.lo.u32 %r1, %r7, 16, %r8;" STORE_SHARED),
            100);
}

/* Nobody arrives: that is said, and does not take for ever. */
static void test_deadlock(void **state)
{
    (void)state;
    assert_int_equal(
        compare_run(
            KERNEL(INIT("65") "mbarrier.arrive.shared.b64 %rd4, [m];\n"
                              "W: mbarrier.try_wait.shared.b64 %p1, [m], %rd4; @!%p1 bra W;"),
            64, &fault),
        LAUNCH_DEADLOCK);
    assert_int_equal(
        compare_run(
            KERNEL(INIT("65") "mbarrier.arrive.shared.b64 %rd4, [m];\n"
                              "setp.lt.u32 %p2, %r0, 32; @%p2 bra W; bar.sync 0; ret;\n"
                              "W: mbarrier.try_wait.shared.b64 %p1, [m], %rd4; @!%p1 bra W;"),
            64, &fault),
        LAUNCH_DEADLOCK);
}

#define WAITING(loop)                                                                              \
    KERNEL(                                                                                        \
        INIT("60000") "mov.u32 %r7, 0; mov.u32 %r8, 1; setp.ne.u32 %p2, %r0, 0; @%p2 ret;\n" loop  \
                      "\nE: st.global.u32 [%rd3], %r7;")

/* A loop that does not only wait ends by itself, however often it looks in vain. */
static void test_waits_that_end(void **state)
{
    static const char *const texts[] = {
        /* so many times */
        WAITING("W: mbarrier.test_wait.parity.shared.b64 %p1, [m], 0; @%p1 bra E;\n"
                "add.u32 %r7, %r7, 1; setp.lt.u32 %p2, %r7, 50000; @%p2 bra W;"),
        WAITING(
            "W: mbarrier.try_wait.parity.shared.b64 %p1, [m], 0; @%p1 bra E;\n"
            "mov.u32 %r1, %r7; add.u32 %r7, %r1, %r8; setp.lt.u32 %p2, %r7, 50000; @%p2 bra W;"),
        /* it arrives itself */
        WAITING("W: add.u32 %r7, %r7, 1; mbarrier.arrive.shared.b64 %rd4, [m];\n"
                "mbarrier.test_wait.parity.shared.b64 %p1, [m], 0; @!%p1 bra W;"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(compare_run(texts[i], 32, &fault), LAUNCH_OK);
    }
}

static void expect_fault(const char *text, enum warp_fault expected)
{
    assert_int_equal(compare_run(text, 64, &fault), LAUNCH_FAULT);
    assert_int_equal(fault.fault, expected);
    assert_int_not_equal(fault.site, WARP_NO_SITE);
}

static void test_faults(void **state)
{
    (void)state;
    expect_fault(KERNEL("cp.async.ca.shared.global [%r1 + 2], [%rd2], 4;"), WARP_FAULT_MISALIGNED);
    expect_fault(KERNEL("add.s64 %rd2, %rd2, 2; mov.u32 %r3, 1; "
                        "cp.async.ca.shared.global [%r1], [%rd2], 4, %r3;"),
                 WARP_FAULT_MISALIGNED);
    expect_fault(KERNEL("cp.async.cg.shared.global [%r1 + 4096], [%rd2], 16;"), WARP_FAULT_ADDRESS);
    expect_fault(KERNEL("add.s64 %rd2, %rd2, 131040; cp.async.cg.shared.global [%r1], [%rd2], 16;"),
                 WARP_FAULT_ADDRESS);
    assert_int_equal(fault.thread[0], 2);
    /* a size beyond both, and one that is no multiple of 16 */
    expect_fault(KERNEL(INIT("1") "mov.u32 %r3, -16; @%p0 cp.async.bulk.shared::cluster.global."
                                  "mbarrier::complete_tx::bytes [s], [%rd0], %r3, [m];"),
                 WARP_FAULT_ADDRESS);
    expect_fault(KERNEL(INIT("1") "@%p0 cp.async.bulk.shared::cluster.global."
                                  "mbarrier::complete_tx::bytes [s], [%rd0], 24, [m];"),
                 WARP_FAULT_MISALIGNED);
    expect_fault(KERNEL("mbarrier.init.b64 [%rd0], 1;"), WARP_FAULT_ADDRESS); /* read only */
    expect_fault(KERNEL("mbarrier.init.shared.b64 [%r2 + 4], 1;"), WARP_FAULT_MISALIGNED);
}

static void test_sizes(void **state)
{
    static const char *const copies[] = {
        KERNEL("cp.async.ca.shared.global [%r1], [%rd2], 5;"),
        KERNEL("cp.async.ca.shared.global [%r1], [%rd2], 1048576;"),
        KERNEL("cp.async.ca.shared.global [%r1], [%rd2], -4;"),
        KERNEL("cp.async.ca.shared.global [%r1], [%rd2], 0;"),
        KERNEL("cp.async.cg.shared.global [%r1], [%rd2], 8;"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
        compare_refused(copies[i], "a copy is of 4, 8 or 16 bytes; with .cg of 16");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_copies, setup),
        cmocka_unit_test_setup(test_bulk, setup),
        cmocka_unit_test_setup(test_bulk_reductions, setup),
        cmocka_unit_test_setup(test_shared_to_shared, setup),
        cmocka_unit_test_setup(test_mbarriers, setup),
        cmocka_unit_test_setup(test_deadlock, setup),
        cmocka_unit_test_setup(test_waits_that_end, setup),
        cmocka_unit_test_setup(test_faults, setup),
        cmocka_unit_test_setup(test_sizes, setup),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
