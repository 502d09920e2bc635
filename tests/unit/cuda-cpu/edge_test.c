/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/device/places.c)
// build: tests/unit/cuda-cpu/emitted.c
// libs: -ldl
/* Where warps part at edges alone, accesses of lanes that parted are calls: by the IR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/emitted.h"

/* Lanes where %q is not set load from %rd4, their own address. %r9 is the same in all lanes. */
#define KERNEL                                                                                     \
    ".version 8.0\n.target sm_90\n.address_size 64\n.entry k(.param .u64 p, .param .u32 n)\n{\n"   \
    ".reg .b32 %%r<12>; .reg .b64 %%rd<12>; .reg .pred %%q, %%q2;\n"                               \
    "ld.param.u64 %%rd0, [p]; ld.param.u32 %%r9, [n]; mov.u32 %%r0, %%tid.x;\n"                    \
    "mul.wide.u32 %%rd3, %%r0, 4; add.s64 %%rd4, %%rd0, %%rd3;\n%s\n"                              \
    "@%%q bra D; ld.global.u32 %%r3, [%%rd4]; st.global.u32 [%%rd4 + 4], %%r3;\nD: ret;\n}\n"

static void expect(bool in_line, unsigned row, const char *before)
{
    const struct kernel_options options = {.row = row};
    char source[4096];
    struct text ir = {0};

    snprintf(source, sizeof(source), KERNEL, before);
    emit_kernel(source, &options, &ir);
    if ((strstr(ir.bytes, "@llvm.masked.load") != NULL) != in_line) {
        print_error("in line or not: %s\n", before);
        fail();
    }
    text_free(&ir);
}

static void test_edges(void **state)
{
    (void)state;
    expect(false, 32, "setp.ge.u32 %q, %r0, %r9;");
    expect(false, 16, "add.u32 %r1, %r0, 5; setp.lt.s32 %q, %r9, %r1;");
    expect(false, 32,
           "setp.ge.u32 %q, %r0, %r9; setp.eq.u32 %q2, %r0, 0; or.pred %q, %q, %q2; "
           "not.pred %q, %q;");
    expect(false, 32, "setp.ge.u32 %q2, %r0, %r9; setp.eq.or.u32 %q, %r0, 7, %q2;");
    expect(false, 32, "setp.ge.u32 %q, %r9, 3;"); /* nobody parts */
}

static void test_others(void **state)
{
    (void)state;
    expect(true, 32, "and.b32 %r1, %r0, 1; setp.eq.u32 %q, %r1, 0;");
    expect(true, 32, "ld.global.u32 %r1, [%rd4 + 8]; setp.eq.u32 %q, %r1, 0;");
    expect(true, 32,
           "and.b32 %r1, %r0, 1; setp.eq.u32 %q2, %r1, 0; setp.ge.u32 %q, %r0, %r9; "
           "or.pred %q, %q, %q2;");
    expect(true, 32, "and.b32 %r1, %r0, 1; setp.ge.u32 %q, %r0, %r9; setp.eq.u32 %q, %r1, 0;");
    expect(true, 0, "setp.ge.u32 %q, %r0, %r9;"); /* rows that are not known */
}

static void test_loops(void **state)
{
    (void)state;
    expect(true, 32,
           "mov.u32 %r5, 0; L: ld.global.u32 %r1, [%rd4]; add.u32 %r5, %r5, 1; "
           "setp.lt.u32 %q2, %r5, %r9; @%q2 bra L; setp.ge.u32 %q, %r0, %r9;");
}

/* Whether it is looked at that the outermost lanes do not pass the end of the type. */
static bool looks_at_ends(const char *before)
{
    char source[4096];

    snprintf(source, sizeof(source), KERNEL, before);
    return emitted_count(source, "icmp ule i32 %t") != 0;
}

static void test_numbers_of_threads(void **state)
{
    (void)state;
    assert_false(looks_at_ends("setp.ge.u32 %q, %r0, %r9;"));
    assert_true(looks_at_ends("add.u32 %r1, %r0, 5; setp.ge.u32 %q, %r1, %r9;"));
    assert_true(looks_at_ends("add.u32 %r0, %r0, 5; setp.ge.u32 %q, %r0, %r9;"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_loops),
        cmocka_unit_test(test_numbers_of_threads),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
