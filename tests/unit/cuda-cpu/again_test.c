/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/device/places.c)
// build: tests/unit/cuda-cpu/emitted.c
// libs: -ldl
/* Where a whole warp begins a block again under a mask, and where it goes on from its middle: by
 * the IR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/emitted.h"

#define KERNEL_START                                                                               \
    ".version 8.0\n.target sm_90\n.address_size 64\n.entry k(.param .u64 p, .param .u32 n)\n{\n"   \
    ".reg .b32 %%r<12>, %%x<16200>; .reg .b64 %%rd<12>; .reg .pred %%q;\n"                         \
    "ld.param.u64 %%rd0, [p]; ld.param.u32 %%r9, [n]; mov.u32 %%r0, %%tid.x; mov.u32 %%r2, 0;\n"   \
    "setp.ge.u32 %%q, %%r0, %%r9;\n"
#define KERNEL_END "D: ret;\n}\n"

/* The last load is one that a warp may have to make lane by lane. */
#define KERNEL                                                                                     \
    KERNEL_START                                                                                   \
    "@%%q bra D;\n%s\n"                                                                            \
    "mul.wide.u32 %%rd3, %%r0, 4; add.s64 %%rd4, %%rd0, %%rd3; ld.global.u32 %%r3, [%%rd4];\n"     \
    "add.u32 %%r3, %%r3, %%r2; add.s64 %%rd8, %%rd4, 128; st.global.u32 [%%rd8], %%r3;\n"          \
    "%s " KERNEL_END

/* Ways into the middle of a block. */
static unsigned count_ways(const char *ir)
{
    unsigned ways = 0;

    for (const char *at = strstr(ir, "\ns"); at != NULL; at = strstr(at + 1, "\ns")) {
        ways += at[2] >= '0' && at[2] <= '9';
    }
    return ways;
}

static void expect(unsigned ways, bool is_again, const char *before, const char *behind)
{
    const struct kernel_options options = {.row = 32};
    char source[16384];
    struct text ir = {0};

    snprintf(source, sizeof(source), KERNEL, before, behind);
    emit_kernel(source, &options, &ir);
    if (count_ways(ir.bytes) != ways || (strstr(ir.bytes, "\ng1:") != NULL) != is_again) {
        print_error("%u ways, \"%s\"\n", count_ways(ir.bytes), before);
        fail();
    }
    text_free(&ir);
}

/* Loads before it change nothing; the store at the end is looked at before it is made. */
static void test_again(void **state)
{
    (void)state;
    expect(0, true, "", "");
    expect(0, true, "mul.wide.u32 %rd5, %r0, 8; add.s64 %rd5, %rd5, %rd0; ld.u64 %rd6, [%rd5];",
           "");
}

/* What the block reads, or others see, is not as it was. */
static void test_on(void **state)
{
    (void)state;
    expect(3, false, "add.u32 %r2, %r2, 1;", "");
    expect(3, true, "atom.global.add.u32 %r4, [%rd0], 1;", "");
    expect(3, false, "ld.volatile.global.u32 %r4, [%rd0];", "");
    expect(2, true, "",
           "add.s64 %rd5, %rd4, %rd0; ld.global.u32 %r5, [%rd5]; add.s64 %rd6, %rd5, 256; "
           "st.global.u32 [%rd6], %r5;");
}

/* Two loads are made again, and no more. */
static void test_loads(void **state)
{
    (void)state;
    expect(1, true,
           "mul.wide.u32 %rd5, %r0, 8; add.s64 %rd5, %rd5, %rd0; ld.u64 %rd6, [%rd5];"
           "ld.u64 %rd7, [%rd5 + 256];",
           "");
}

static void test_loops(void **state)
{
    (void)state;
    expect(3, false, "L:", "setp.lt.u32 %q, %r3, %r9; @%q bra L;");
}

/* So many registers in so many blocks that nobody finds out which are read where. */
#define MANY 16200

static void test_registers(void **state)
{
    const struct kernel_options options = {.row = 32};
    struct text source = {0}, ir = {0};

    (void)state;
    text_add(&source, KERNEL_START);
    for (unsigned i = 0; i < MANY; i++) {
        text_add(&source, "@%%q bra D; mov.u32 %%x%u, 1; ld.global.u32 %%r3, [%%rd0];\n", i);
    }
    text_add(&source, KERNEL_END);
    emit_kernel(source.bytes, &options, &ir);
    assert_non_null(strstr(ir.bytes, "\nleave:"));
    text_free(&source);
    text_free(&ir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_again),     cmocka_unit_test(test_on),
        cmocka_unit_test(test_loads),     cmocka_unit_test(test_loops),
        cmocka_unit_test(test_registers),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
