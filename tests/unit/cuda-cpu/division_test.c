/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c)
// build: $(wildcard tests/models/ptx/*.c) tests/unit/cuda-cpu/compare.c tests/unit/cuda-cpu/emitted.c
// cflags: -frounding-math
// libs: -ldl
/* Quotients and remainders of integers just below, at, and above multiples of the divisor, of all
 * lengths: where a quotient that is computed in floating point would be one too large. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/compare.h"
#include "tests/unit/cuda-cpu/emitted.h"

#define THREADS 128 /* each for 64 divisions of 8 bytes of input, and 16 of output */

/* %r2 / %r1, where %r1 is of some length, and %r2 is near a multiple of it. */
static const char lanes[] = COMPARE_HEAD
    ".entry k(.param .u64 in, .param .u64 out)\n{\n"
    ".reg .b32 %r<16>; .reg .b64 %rd<8>; .reg .pred %p<2>;\n"
    "ld.param.u64 %rd0, [in]; ld.param.u64 %rd1, [out]; mov.u32 %r0, %tid.x;\n"
    "mul.wide.u32 %rd2, %r0, 8; add.u64 %rd0, %rd0, %rd2; mul.wide.u32 %rd2, %r0, 16;\n"
    "add.u64 %rd1, %rd1, %rd2; mov.u32 %r9, 0;\n"
    "L: ld.global.v2.u32 {%r1, %r3}, [%rd0]; and.b32 %r4, %r3, 31; shr.s32 %r1, %r1, %r4;\n"
    "shr.u32 %r4, %r3, 5; and.b32 %r4, %r4, 31; shr.s32 %r2, %r3, %r4;\n"
    "mul.lo.u32 %r2, %r2, %r1; and.b32 %r4, %r9, 3; add.u32 %r2, %r2, %r4; sub.u32 %r2, %r2, 1;\n"
    "div.s32 %r4, %r2, %r1; rem.s32 %r5, %r2, %r1; div.u32 %r6, %r2, %r1; rem.u32 %r7, %r2, %r1;\n"
    "st.global.v4.u32 [%rd1], {%r4, %r5, %r6, %r7}; add.u64 %rd0, %rd0, 1024;\n"
    "add.u64 %rd1, %rd1, 2048; add.u32 %r9, %r9, 1; setp.ne.u32 %p0, %r9, 64; @%p0 bra L;\n"
    "ret;\n}\n";

static void test_quotients(void **state)
{
    (void)state;
    compare_fill_input();
    compare(lanes, THREADS);
}

static unsigned count(const char *what, const char *statements)
{
    static const char head[] = COMPARE_HEAD ".entry k(.param .u64 p)\n{\n.reg .b32 %r<4>; "
                                            ".reg .b64 %rd<4>;\nld.param.u64 %rd0, [p]; "
                                            "mov.u32 %r0, %tid.x; mov.u32 %r2, 10;\n";
    char source[1024];

    snprintf(source, sizeof(source), "%s%s st.global.u32 [%%rd0], %%r1; ret;\n}\n", head,
             statements);
    return emitted_count(source, what);
}

/* By a constant LLVM multiplies. */
static void test_where(void **state)
{
    (void)state;
    assert_true(count("fdiv", "ld.global.u32 %r3, [%rd0]; div.u32 %r1, %r0, %r3;") > 0);
    assert_int_equal(count("fdiv", "div.u32 %r1, %r0, 10;"), 0);
    assert_int_equal(count("fdiv", "rem.s32 %r1, %r0, %r2;"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quotients),
        cmocka_unit_test(test_where),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
