/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(call PTX_ROOM,ptx compile check device ptxc program) tests/unit/cuda-cpu/check_fixture.c
// libs: -ldl
/* The checks of kernels, of what threads do together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/check_fixture.h"

/* ---- What threads do together ---- */

static void test_divergent_barrier(void **state)
{
    const char *source = KERNEL("", "setp.lt.u32 %p1, %r1, 8; @%p1 bra E; /*1*/bar.sync 0;\nE:");

    (void)state;
    run(source, 1, 64);
    assert_found(source, "sync", "/*1*/", 0, 8, NULL);
    assert_says(source, "sync", "/*1*/", "24 of the 32 threads of the warp come to the barrier");
}

static void test_barrier_after_exits(void **state)
{
    (void)state;
    run_clean(KERNEL("", "setp.lt.u32 %p1, %r1, 40; @%p1 ret; bar.sync 0;"), 1, 96);
}

static void test_numbers_of_barriers(void **state)
{
    const char *source = KERNEL("", "and.b32 %r5, %r1, 1; /*1*/bar.sync %r5, 32;");

    (void)state;
    launch_at(source, 1, 32, out, in);
    assert_found(source, "sync", "/*1*/", 0, 1, NULL);
}

static void test_barrier_for_ever(void **state)
{
    const char *source = KERNEL("", "setp.ge.u32 %p1, %r1, 32; @%p1 ret; /*1*/bar.sync 1, 64;");

    (void)state;
    assert_int_equal(launch_at(source, 1, 64, out, in), LAUNCH_DEADLOCK);
    assert_found(source, "sync", "/*1*/", 0, 0, NULL);
    assert_says(source, "sync", "/*1*/", "the barrier is waited at for ever");
}

static void test_named_lanes(void **state)
{
    const char *source = KERNEL("", "mov.u32 %r5, 0xffff; setp.eq.u32 %p1, %r1, 20;\n"
                                    "@%p1 shfl.sync.idx.b32 %r6, %r1, 0, 31, %r5;\n"
                                    "@!%p1 shfl.sync.idx.b32 %r6, %r1, 0, 31, 0xffefffff;");

    (void)state;
    launch_at(source, 1, 32, out, in);
    fflush(json_file);
    assert_within(json, "the lanes that are named leave out its own");
    assert_within(json, "\"thread\":[20,0,0]");
}

static void test_lanes_that_never_come(void **state)
{
    const char *source =
        KERNEL("", "setp.lt.u32 %p1, %r1, 8; @%p1 bra A; /*1*/bar.warp.sync 0xffffffff; bra E;\n"
                   "A: /*2*/bar.warp.sync 0xff00ff;\nE:");

    (void)state;
    assert_int_equal(launch_at(source, 1, 32, out, in), LAUNCH_DEADLOCK);
    assert_found(source, "sync", "/*1*/", 0, 8, NULL);
    assert_says(source, "sync", "/*1*/", "lanes that it names never take part");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_divergent_barrier),   TEST(test_barrier_after_exits),
        TEST(test_numbers_of_barriers), TEST(test_barrier_for_ever),
        TEST(test_named_lanes),         TEST(test_lanes_that_never_come),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
