/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/device/places.c)
// build: tests/unit/cuda-cpu/emitted.c
// libs: -ldl
/* Which accesses fetch ahead, in loops and outside, and how far: by the IR that is made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/emitted.h"

/* %rd4 is each lane's own address, %r9 and %rd9 are the same in all lanes. Warps do not rest, since
 * there is a carry. */
#define KERNEL                                                                                     \
    ".version 8.0\n.target sm_90\n.address_size 64\n.entry k(.param .u64 p, .param .u32 n)\n{\n"   \
    ".reg .b32 %%r<12>; .reg .b64 %%rd<12>; .reg .pred %%q;\n"                                     \
    "ld.param.u64 %%rd0, [p]; ld.param.u32 %%r9, [n]; cvt.s64.s32 %%rd9, %%r9;\n"                  \
    "mov.u32 %%r0, %%tid.x; mov.u32 %%r1, %%r0; mul.wide.u32 %%rd3, %%r0, 4;\n"                    \
    "add.cc.u32 %%r8, %%r9, %%r9; addc.u32 %%r8, %%r8, 0;\n"                                       \
    "add.s64 %%rd4, %%rd0, %%rd3; mov.u32 %%r8, 0;\nL: %s\n"                                       \
    "add.u32 %%r8, %%r8, 1; setp.lt.u32 %%q, %%r8, %%r9; @%%q bra L; ret;\n}\n"

static const char *emitted(const char *loop)
{
    static char source[4096], copy[1 << 20];
    const struct kernel_options options = {.row = 32};
    struct text ir = {0};

    snprintf(source, sizeof(source), KERNEL, loop);
    emit_kernel(source, &options, &ir);
    assert_true(ir.used < sizeof(copy));
    memcpy(copy, ir.bytes, ir.used + 1);
    text_free(&ir);
    return copy;
}

/* Whether one number of 64 bits is made so much larger. */
static bool multiplies(const char *ir, unsigned by)
{
    const char *line = ir;
    unsigned number, factor;

    while ((line = strstr(line, "= mul i64 %t")) != NULL) {
        if (sscanf(line, "= mul i64 %%t%u, %u", &number, &factor) == 2 && factor == by) {
            return true;
        }
        line++;
    }
    return false;
}

/* bytes: of eight rounds, for each that the register counts; 0: nothing is fetched. */
static void expect(unsigned bytes, const char *loop)
{
    const char *ir = emitted(loop);
    bool fetches = strstr(ir, "@llvm.prefetch") != NULL;

    if (bytes ? !fetches || !multiplies(ir, bytes) : fetches) {
        print_error("not %u: %s\n", bytes, loop);
        fail();
    }
}

static void test_goes_on_by_a_register(void **state)
{
    (void)state;
    expect(8, "ld.global.u32 %r2, [%rd4]; add.s64 %rd4, %rd4, %rd9;");
    expect(8, "ld.global.u32 %r2, [%rd4]; add.s64 %rd4, %rd9, %rd4;");
    expect(8, "add.s64 %rd5, %rd0, %rd3; ld.global.u32 %r2, [%rd5]; add.s64 %rd3, %rd3, %rd9;");
    expect(32, "mul.wide.s32 %rd5, %r1, 4; add.s64 %rd6, %rd0, %rd5; ld.global.u32 %r2, [%rd6]; "
               "add.s32 %r1, %r1, %r9;");
    expect(64, "mad.wide.s32 %rd6, %r1, 8, %rd0; ld.global.u64 %rd7, [%rd6]; "
               "add.s32 %r1, %r1, %r9;");
    expect(32, "shl.b64 %rd5, %rd3, 2; add.s64 %rd6, %rd0, %rd3; ld.global.u32 %r2, [%rd6]; "
               "shl.b64 %rd7, %rd8, 2; add.s64 %rd10, %rd7, %rd4; ld.global.u32 %r3, [%rd10]; "
               "add.s64 %rd8, %rd8, %rd9;");
}

static void test_is_not_known(void **state)
{
    (void)state;
    expect(0, "ld.global.u32 %r2, [%rd4]; add.s64 %rd4, %rd4, 128;"); /* processors foresee it */
    expect(0, "ld.global.u32 %r2, [%rd4];");
    expect(0, "ld.global.u32 %r2, [%rd4]; add.s64 %rd4, %rd4, %rd9; add.s64 %rd4, %rd4, %rd9;");
    expect(0, "ld.global.u32 %r2, [%rd4]; add.s64 %rd4, %rd4, %rd9; add.s64 %rd9, %rd9, 4;");
    expect(0, "ld.global.u32 %r2, [%rd4]; add.s64 %rd4, %rd4, %rd3;"); /* another in each lane */
    expect(0, "ld.shared.u32 %r2, [%rd3]; add.s64 %rd3, %rd3, %rd9;");
    expect(0, "st.global.u32 [%rd4], %r2; add.s64 %rd4, %rd4, %rd9;");
}

/* Where the loop is left. */
#define OUTSIDE(statement) "setp.ne.u32 %q, %r8, %r9; @%q bra M; " statement " ret;\nM:"

/* What the fourth warp from there has, to be read or to be written. */
static void expect_ahead(unsigned bytes, bool is_store, const char *statement)
{
    const char *ir = emitted(statement);
    char distance[32];

    snprintf(distance, sizeof(distance), "= add i64 0, %u\n", bytes);
    if (strstr(ir, distance) == NULL ||
        strstr(ir, is_store ? ", i32 1, i32 2, i32 1)" : ", i32 0, i32 2, i32 1)") == NULL) {
        print_error("not %u ahead: %s\n", bytes, statement);
        fail();
    }
}

static void test_outside_of_loops(void **state)
{
    (void)state;
    expect_ahead(512, false, OUTSIDE("ld.global.u32 %r2, [%rd4];"));
    expect_ahead(2048, false,
                 OUTSIDE("ld.global.v2.u64 {%rd7, %rd8}, [%rd4];"
                         "mul.wide.u32 %rd5, %r0, 16; add.s64 %rd6, %rd0, %rd5;"
                         "ld.global.v2.u64 {%rd7, %rd8}, [%rd6];"));
    expect_ahead(512, true, OUTSIDE("st.global.u32 [%rd4], %r2;"));
    expect(0, OUTSIDE("ld.global.u32 %r2, [%rd0];")); /* one place */
    expect(0, OUTSIDE("ld.shared.u32 %r2, [%rd3];"));
    expect(0, OUTSIDE("st.shared.u32 [%rd3], %r2;"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_on_by_a_register),
        cmocka_unit_test(test_is_not_known),
        cmocka_unit_test(test_outside_of_loops),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
