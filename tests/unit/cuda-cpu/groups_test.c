/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/device/places.c)
// build: tests/unit/cuda-cpu/emitted.c
// libs: -ldl
/* Which accesses of a whole warp are looked at together, and how: by the IR that is made of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/emitted.h"

/* %rd4 is each lane's own address, %rd5 the same in another place. */
#define KERNEL                                                                                     \
    ".version 8.0\n.target sm_90\n.address_size 64\n.entry k(.param .u64 p, .param .u64 q)\n{\n"   \
    ".reg .b32 %%r<12>; .reg .b64 %%rd<12>;\n"                                                     \
    "ld.param.u64 %%rd0, [p]; ld.param.u64 %%rd1, [q]; mov.u32 %%r0, %%tid.x; mov.u32 %%r1, 7;\n"  \
    "mul.wide.u32 %%rd3, %%r0, 4; add.s64 %%rd4, %%rd0, %%rd3; add.s64 %%rd5, %%rd1, %%rd3;\n"     \
    "%s ret;\n}\n"

static unsigned count(const char *what, const char *statements)
{
    char source[4096];

    snprintf(source, sizeof(source), KERNEL, statements);
    return emitted_count(source, what);
}

/* Each look compares a place with the start of an allocation, or counts the elements between. */
static unsigned looks_of(const char *statements)
{
    return count("icmp sge i64", statements) + count("@llvm.fshr.i64", statements);
}

/* Under a mask, what a lane has beside each other is read and written at once. */
static void test_vectors(void **state)
{
    (void)state;
    assert_int_equal(count(", i32 4, i32 0)", "ld.global.u32 %r2, [%rd4];"), 1);
    assert_int_equal(count(", i32 16, i32 0)", "ld.global.v4.u32 {%r2, %r3, %r4, %r5}, [%rd4];"),
                     1);
    assert_int_equal(count(", i32 4, i32 1)", "ld.global.v4.u32 {%r2, %r3, %r4, %r5}, [%rd4];"), 0);
    assert_int_equal(count(", i32 264, i32 0)", "st.global.v2.u32 [%rd4], {%r0, %r1};"), 1);
}

static void test_over_one_base(void **state)
{
    (void)state;
    assert_int_equal(looks_of("ld.global.u32 %r2, [%rd4];"), 1);
    assert_int_equal(looks_of("ld.global.u32 %r2, [%rd4]; ld.global.u32 %r3, [%rd4 + 64];"), 1);
    assert_int_equal(looks_of("ld.global.u32 %r2, [%rd4]; ld.global.u32 %r3, [%rd5];"), 2);
    assert_int_equal(looks_of("ld.global.u32 %r2, [%rd4]; add.s64 %rd4, %rd4, 64; "
                              "ld.global.u32 %r3, [%rd4];"),
                     2);
}

static void test_loads_and_stores(void **state)
{
    (void)state;
    assert_int_equal(looks_of("ld.global.u32 %r2, [%rd4]; st.global.u32 [%rd4], %r1;"), 1);
    assert_int_equal(looks_of("st.global.u32 [%rd4], %r1; ld.global.u32 %r2, [%rd4 + 4];"), 1);
    assert_int_equal(looks_of("ld.global.u32 %r2, [%rd5]; st.global.u32 [%rd4], %r1;"), 2);
}

/* By the least and the greatest index, where it is known that there are such. */
static void test_by_index(void **state)
{
    (void)state;
    assert_int_equal(count("reduce.umin", "ld.global.u32 %r2, [%rd4]; mul.wide.u32 %rd6, %r2, 4; "
                                          "add.s64 %rd7, %rd1, %rd6; ld.global.u32 %r3, [%rd7];"),
                     1);
    assert_int_equal(count("reduce.smax", "ld.global.u32 %r2, [%rd4]; mad.wide.s32 %rd7, %r2, 8, "
                                          "%rd1; ld.global.u64 %rd8, [%rd7 + 8]; "
                                          "ld.global.u64 %rd9, [%rd7];"),
                     1);
    assert_int_equal(count("reduce.", "ld.global.u32 %r2, [%rd4]; mad.wide.u32 %rd7, %r2, 2, %rd1; "
                                      "ld.global.u32 %r3, [%rd7];"),
                     0);
    assert_int_equal(count("reduce.", "ld.global.u32 %r2, [%rd4]; mad.wide.u32 %rd7, %r2, 4, %rd1; "
                                      "add.u32 %r2, %r2, 1; ld.global.u32 %r3, [%rd7];"),
                     0);
    assert_int_equal(count("reduce.", "ld.global.u32 %r2, [%rd4]; mul.wide.u32 %rd6, %r2, 4; "
                                      "add.s64 %rd7, %rd5, %rd6; ld.global.u32 %r3, [%rd7];"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_over_one_base),
        cmocka_unit_test(test_loads_and_stores),
        cmocka_unit_test(test_by_index),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
