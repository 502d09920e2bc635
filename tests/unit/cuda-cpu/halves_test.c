/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c)
// build: $(wildcard tests/models/ptx/*.c) tests/unit/cuda-cpu/compare.c tests/unit/cuda-cpu/forced.c
// cflags: -frounding-math
// libs: -ldl -Wl,--wrap=processor_options
/*
 * Numbers of 16 bits: operations that are exact, and conversions, compiled and by the reference. On
 * some of the 65,536 values, each with others that follow from it; BAREGPU_SOAK: on all. With the
 * processor's own conversions, and without them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/compare.h"
#include "tests/unit/cuda-cpu/forced.h"

#define VALUES 1024u /* of a launch: one for each thread */
#define BATCH 16     /* operations of a kernel: 8 bytes for each */

/* %h1 to %h3 are numbers, %r1 to %r3 pairs of them; %h8 and so on the result. */
#define HEAD                                                                                       \
    COMPARE_HEAD                                                                                   \
    ".entry k(.param .u64 in, .param .u64 out)\n{\n"                                               \
    ".reg .b16 %h<9>; .reg .b32 %r<9>; .reg .b64 %d<9>; .reg .pred %p<2>;\n"                       \
    "ld.param.u64 %d0, [in]; ld.param.u64 %d1, [out]; mov.u32 %r0, %tid.x;\n"                      \
    "mad.wide.u32 %d0, %r0, 8, %d0; mad.wide.u32 %d1, %r0, 128, %d1;\n"                            \
    "ld.global.v4.u16 {%h1, %h2, %h3, %h4}, [%d0];\n"                                              \
    "mov.b32 %r1, {%h1, %h2}; mov.b32 %r2, {%h2, %h3}; mov.b32 %r3, {%h3, %h1};\n"

static char text[16384];
static unsigned batch, kernels;

static void add(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void add(const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text + used, sizeof(text) - used, format, arguments);
    va_end(arguments);
    assert_true(strlen(text) + 1 < sizeof(text));
}

/* ---- Values ---- */

/* What is near the first one, and what is far from it. */
static uint16_t other(uint16_t first, unsigned number)
{
    uint64_t random = compare_random();

    return (uint16_t)(random >> 8 & 1 ? random >> 16 : first + number * (random >> 32 & 15));
}

static void fill_input(unsigned window)
{
    uint16_t values[VALUES][4] = {{0}};

    for (unsigned i = 0; i < VALUES; i++) {
        unsigned first = window * VALUES + i;

        values[i][0] = (uint16_t)first;
        values[i][1] = other(values[i][0], 1);
        values[i][2] = other(values[i][0], 3);
        values[i][3] = other(values[i][0], 0);
    }
    memcpy(compare_input, values, sizeof(values));
}

static void run_batch(void)
{
    bool all = getenv("BAREGPU_SOAK") != NULL;
    static unsigned next;

    if (batch == 0) {
        return;
    }
    add("ret;\n}\n");
    for (unsigned i = 0; i < (all ? 65536 / VALUES : 1); i++) {
        fill_input(all ? i : next++ * 23 % (65536 / VALUES));
        for (unsigned j = 0; j < 2; j++) {
            forced.without_f16 = j == 0;
            compare(text, VALUES);
            kernels++;
        }
    }
    batch = 0;
}

/* ---- Operations ---- */

/* A NaN of 32 or 64 bits has some payload. */
static void add_result(unsigned bits, bool is_float)
{
    char class = bits == 16 ? 'h' : bits == 32 ? 'r' : 'd';

    if (is_float && bits > 16) {
        add("testp.notanumber.f%u %%p1, %%%c8; @%%p1 mov.b%u %%%c8, 1;\n", bits, class, bits,
            class);
    }
    add("st.global.b%u [%%d1 + %u], %%%c8;\n", bits, batch * 8, class);
    if (++batch == BATCH) {
        run_batch();
    }
}

/* Before the text of an operation. */
static void begin(void)
{
    if (batch == 0) {
        strcpy(text, HEAD);
    }
}

/* Of as many sources, as single numbers or pairs. */
static void try_arithmetic(const char *name, const char *type, unsigned sources)
{
    char class = strstr(type, "x2") != NULL ? 'r' : 'h';

    begin();
    add("%s.%s %%%c8", name, type, class);
    for (unsigned i = 1; i <= sources; i++) {
        add(", %%%c%u", class, i);
    }
    add(";\n");
    add_result(class == 'r' ? 32 : 16, false);
}

static void test_arithmetic(void **state)
{
    static const struct {
        const char *name;
        unsigned sources;
        bool of_bf16;
    } operations[] = {
        {"add.rn", 2, true},
        {"sub.rn", 2, true},
        {"mul.rn", 2, true},
        {"add.ftz.sat", 2, false},
        {"sub.ftz", 2, false},
        {"mul.sat", 2, false},
        {"mul.ftz", 2, false},
        {"fma.rn", 3, true},
        {"fma.rn.relu", 3, true},
        {"fma.rn.sat", 3, false},
        {"fma.rn.ftz", 3, false},
        {"fma.rn.ftz.relu", 3, false},
        {"neg", 1, true},
        {"abs", 1, true},
        {"neg.ftz", 1, false},
        {"abs.ftz", 1, false},
        {"min", 2, true},
        {"max", 2, true},
        {"min.NaN", 2, true},
        {"max.NaN", 2, true},
        {"min.xorsign.abs", 2, true},
        {"max.ftz", 2, false},
        {"max.NaN.xorsign.abs", 2, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        try_arithmetic(operations[i].name, "f16", operations[i].sources);
        try_arithmetic(operations[i].name, "f16x2", operations[i].sources);
        if (operations[i].of_bf16) {
            try_arithmetic(operations[i].name, "bf16", operations[i].sources);
            try_arithmetic(operations[i].name, "bf16x2", operations[i].sources);
        }
    }
    run_batch();
}

static void test_comparisons(void **state)
{
    static const char *const names[] = {"eq",  "ne",  "lt",  "le",  "gt",  "ge",  "equ",
                                        "neu", "ltu", "leu", "gtu", "geu", "num", "nan"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        begin();
        add("set.%s.f16x2.f16x2 %%r8, %%r1, %%r2;\n", names[i]);
        add_result(32, false);
        begin();
        add("set.%s.ftz.u32.f16 %%r8, %%h1, %%h2;\n", names[i]);
        add_result(32, false);
        begin();
        add("set.%s.u32.bf16x2 %%r8, %%r1, %%r2;\n", names[i]);
        add_result(32, false);
    }
    run_batch();
}

/* ---- Conversions ---- */

static unsigned bits_of(const char *type)
{
    unsigned bits = (unsigned)strtoul(type + strcspn(type, "0123456789"), NULL, 10);

    return bits < 16 ? 16 : bits; /* of its register */
}

static void try_conversion(const char *words, const char *to, const char *from)
{
    unsigned bits = bits_of(to), source = bits_of(from);

    begin();
    add("cvt%s.%s.%s %%%c8, %%%c1;\n", words, to, from,
        bits == 16   ? 'h'
        : bits == 32 ? 'r'
                     : 'd',
        source == 16 ? 'h' : 'r');
    add_result(bits, to[0] == 'f');
}

static void test_to_integers(void **state)
{
    static const char *const roundings[] = {".rni", ".rzi", ".rmi", ".rpi"};
    static const char *const types[] = {"u16", "s16", "u32", "s32", "u64", "s64", "u8", "s8"};

    (void)state;
    for (size_t i = 0; i < sizeof(roundings) / sizeof(roundings[0]); i++) {
        for (size_t j = 0; j < sizeof(types) / sizeof(types[0]); j++) {
            try_conversion(roundings[i], types[j], "f16");
            if (j < 6) {
                try_conversion(roundings[i], types[j], "bf16");
            }
        }
        try_conversion(roundings[i], "f16", "f16");
        try_conversion(roundings[i], "bf16", "bf16");
    }
    run_batch();
}

/* A pair as an f32 is any number. */
static void test_to_floats(void **state)
{
    static const char *const roundings[] = {".rn", ".rz", ".rm", ".rp"};
    static const char *const integers[] = {"u16", "s16", "u32", "s32"};

    (void)state;
    for (size_t i = 0; i < sizeof(roundings) / sizeof(roundings[0]); i++) {
        try_conversion(roundings[i], "f16", "f32");
        try_conversion(roundings[i], "bf16", "f32");
        try_conversion(roundings[i], "f16", "bf16");
        try_conversion(roundings[i], "bf16", "f16");
        for (size_t j = 0; j < sizeof(integers) / sizeof(integers[0]); j++) {
            try_conversion(roundings[i], "f16", integers[j]);
            try_conversion(roundings[i], "bf16", integers[j]);
            try_conversion(roundings[i], "f32", integers[j]);
        }
    }
    try_conversion("", "f32", "f16");
    try_conversion(".sat", "f32", "f16");
    try_conversion("", "f64", "f16");
    try_conversion("", "f32", "bf16");
    try_conversion("", "f64", "bf16");
    try_conversion(".sat", "f16", "f16");
    try_conversion(".rn.relu", "f16", "f32");
    try_conversion(".rz.relu.satfinite", "bf16", "f32");
    try_conversion(".rna", "tf32", "f32");
    try_conversion(".rz.relu", "tf32", "f32");
    run_batch();
}

static void try_pair(const char *words, char to, const char *sources)
{
    begin();
    add("cvt%s %%%c8, %s;\n", words, to, sources);
    add_result(to == 'h' ? 16 : 32, false);
}

static void test_pairs(void **state)
{
    (void)state;
    try_pair(".rn.f16x2.f32", 'r', "%r1, %r2");
    try_pair(".rz.relu.satfinite.f16x2.f32", 'r', "%r1, %r2");
    try_pair(".rn.relu.bf16x2.f32", 'r', "%r1, %r2");
    try_pair(".rz.bf16x2.f32", 'r', "%r1, %r2");
    try_pair(".rn.satfinite.e4m3x2.f32", 'h', "%r1, %r2");
    try_pair(".rn.satfinite.relu.e5m2x2.f32", 'h', "%r1, %r2");
    try_pair(".rn.satfinite.e4m3x2.f16x2", 'h', "%r1");
    try_pair(".rn.satfinite.e5m2x2.f16x2", 'h', "%r1");
    try_pair(".rn.satfinite.relu.e4m3x2.f16x2", 'h', "%r1");
    try_pair(".rn.f16x2.e4m3x2", 'r', "%h1");
    try_pair(".rn.relu.f16x2.e5m2x2", 'r', "%h1");
    run_batch();
    print_message("# %u kernels\n", kernels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic),  cmocka_unit_test(test_comparisons),
        cmocka_unit_test(test_to_integers), cmocka_unit_test(test_to_floats),
        cmocka_unit_test(test_pairs),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
