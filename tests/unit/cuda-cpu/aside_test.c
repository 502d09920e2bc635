/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c)
// build: $(wildcard tests/models/ptx/*.c) tests/unit/cuda-cpu/compare.c tests/unit/cuda-cpu/emitted.c
// cflags: -frounding-math
// libs: -ldl
/* Short ways aside, that some lanes of a warp take: what they leave, and what the others keep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/compare.h"
#include "tests/unit/cuda-cpu/emitted.h"

#define THREADS 64

/* Where %p1 is set a thread goes aside. %rd3 and %rd4 are its words of input and output, %rd5 its
 * word of shared memory; %rd7 is where the output's last words are, for as many as %r7. */
#define BEGIN                                                                                      \
    COMPARE_HEAD                                                                                   \
    ".entry k(.param .u64 in, .param .u64 out)\n{\n.shared .align 4 .b8 shared[512];\n"            \
    ".reg .b32 %%r<16>; .reg .b64 %%rd<16>; .reg .pred %%p<4>;\n"                                  \
    "ld.param.u64 %%rd0, [in]; ld.param.u64 %%rd1, [out]; mov.u32 %%r0, %%tid.x;\n"                \
    "mul.wide.u32 %%rd2, %%r0, 4; add.u64 %%rd3, %%rd0, %%rd2; add.u64 %%rd4, %%rd1, %%rd2;\n"     \
    "mov.u64 %%rd6, shared; add.u64 %%rd5, %%rd6, %%rd2; ld.global.u32 %%r2, [%%rd3 + 512];\n"     \
    "mov.u32 %%r1, %%r2; st.shared.u32 [%%rd5], %%r0; st.shared.u32 [%%rd5 + 256], %%r0;\n"        \
    "bar.sync 0; mov.u32 %%r7, 5; add.u64 %%rd7, %%rd4, 131052; mov.u32 %%r9, %%ctaid.x; %s;\n"

#define END                                                                                        \
    "bar.sync 0; ld.shared.u32 %%r3, [%%rd5];\n"                                                   \
    "st.global.u32 [%%rd4 + 4096], %%r1; st.global.u32 [%%rd4 + 8192], %%r2;\n"                    \
    "st.global.u32 [%%rd4 + 12288], %%r3; ret;\n}\n"

#define SHAPES 3

static const char *const shapes[SHAPES] = {
    BEGIN "@!%%p1 bra J;\n%s\nJ: " END, BEGIN "@%%p1 bra X; J: " END "X:\n%s\nbra J;\n",
    /* with what lies in steps set in each round */
    BEGIN "mov.u32 %%r8, 0; mov.u64 %%rd8, %%rd2;\n"
          "L: add.u64 %%rd8, %%rd8, 4; add.u32 %%r2, %%r2, 1; @!%%p1 bra J;\n%s\n"
          "J: cvt.u32.u64 %%r6, %%rd8; add.u32 %%r1, %%r1, %%r6; add.u32 %%r8, %%r8, 1;\n"
          "setp.lt.u32 %%p2, %%r8, 3; @%%p2 bra L;\n" END};

static char text[8192];

static void write_program(size_t shape, const char *condition, const char *aside)
{
    static const char moved[] = "ret;\n}\nX:";
    char *end;

    snprintf(text, sizeof(text), shapes[shape], condition, aside);
    end = strstr(text, moved);
    if (end != NULL) { /* the function ends behind it */
        memmove(end, "ret;\nX:", 7);
        memmove(end + 7, end + strlen(moved), strlen(end + strlen(moved)) + 1);
        strcat(text, "}\n");
    }
}

static const char *const conditions[] = {
    "setp.lt.u32 %p1, %r0, 5",  "setp.eq.u32 %p1, %r0, 4",
    "setp.lt.u32 %p1, %r0, 32", "and.b32 %r4, %r0, 3; setp.eq.u32 %p1, %r4, 1",
    "setp.gt.u32 %p1, %r0, 99", "setp.ge.s32 %p1, %r0, %r9",
};

/* Each of these is a way aside. */
static const char *const ways[] = {
    "ld.global.u32 %r1, [%rd3]; add.u32 %r2, %r2, %r1;",
    "add.u32 %r2, %r2, %r0; st.global.u32 [%rd4], %r2;",
    "ld.shared.u32 %r5, [%rd5 + 256]; add.u32 %r2, %r2, %r5; st.shared.u32 [%rd5], %r2;",
    "cvt.u64.u32 %rd9, %r0; add.u64 %rd9, %rd6, %rd9; st.shared.u8 [%rd9], %r2;",
    "ld.global.u32 %r5, [%rd0 + 64]; add.u32 %r2, %r2, %r5; st.global.u32 [%rd1 + 2048], %r0;",
    "ld.global.v2.u32 {%r5, %r6}, [%rd0 + 8]; add.u32 %r2, %r5, %r6;",
    /* not all of the row is there: the block begins again, or goes on */
    "add.u32 %r1, %r1, 1; st.global.u32 [%rd7], %r1;",
    "st.global.u32 [%rd4], %r2; add.u32 %r2, %r2, 9; st.global.u32 [%rd4 + 130000], %r2;",
    /* numbers that become longer, and would not fit where nobody goes */
    "add.u32 %r4, %r0, 0xffffffe0; add.u32 %r4, %r4, %r9; mul.wide.u32 %rd9, %r4, 4; "
    "cvt.u32.u64 %r5, %rd9; add.u32 %r2, %r2, %r5;",
};

/* These are none. */
static const char *const others[] = {
    "add.u64 %rd5, %rd5, 4;",
    "red.shared.add.u32 [%rd6 + 300], %r0;",
    "cvt.u64.u32 %rd9, %r0; add.u64 %rd9, %rd1, %rd9; st.global.u8 [%rd9], %r2;",
    "@%p2 add.u32 %r2, %r2, 1;",
    "ld.volatile.shared.u32 %r1, [%rd5];",
};

/* In one shape after the other. */
static void try_all(const char *aside, size_t first_shape)
{
    /* memory ends there for more lanes than these conditions let pass */
    bool is_short = strstr(aside, "[%rd7]") != NULL || strstr(aside, "130000") != NULL;

    for (size_t i = 0; i < (is_short ? 2 : sizeof(conditions) / sizeof(conditions[0])); i++) {
        write_program((first_shape + i) % SHAPES, conditions[i], aside);
        compare(text, THREADS);
    }
}

static void test_ways(void **state)
{
    (void)state;
    compare_fill_input();
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        try_all(ways[i], i);
    }
}

static void test_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]) - 2; i++) {
        try_all(others[i], i);
    }
}

static bool has_way(const char *aside)
{
    const struct kernel_options options = {.row = 32};
    struct text ir = {0};
    bool found = false;

    write_program(0, conditions[0], aside);
    emit_kernel(text, &options, &ir);
    for (const char *at = strstr(ir.bytes, "\nv"); at != NULL; at = strstr(at + 1, "\nv")) {
        found |= at[2] >= '0' && at[2] <= '9';
    }
    text_free(&ir);
    return found;
}

static void test_which(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (!has_way(ways[i])) {
            fail_msg("%s", ways[i]);
        }
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (has_way(others[i])) {
            fail_msg("%s", others[i]);
        }
    }
}

/* The first lane that is outside is told, whatever was looked at before. */
static void test_faults(void **state)
{
    struct launch_fault fault;

    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        write_program(i, conditions[0], "add.u32 %r2, %r2, 1; st.global.u32 [%rd7 + 8], %r2;");
        assert_int_equal(compare_run(text, THREADS, &fault), LAUNCH_FAULT);
        assert_int_equal(fault.thread[0], 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ways),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_which),
        cmocka_unit_test(test_faults),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
