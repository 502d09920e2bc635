/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c)
// libs: -ldl
/*
 * Approximate functions of one number against the C library's, within the errors that PTX ISA 9.7.3
 * and 9.7.4 document: on all numbers of 16 bits, and on a million f32; BAREGPU_SOAK: on every f32.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/program/program.h"

#define VALUES 65536u /* of a launch */
#define BLOCK 256u
#define STEP 4099u /* between the bits of f32, when not all are tried */

/* .ftz and without it, where there are both. */
#define KERNEL                                                                                     \
    ".version 8.6\n.target sm_90\n.address_size 64\n"                                              \
    ".entry k(.param .u64 in, .param .u64 out)\n{\n"                                               \
    ".reg .b16 %%h<3>; .reg .b32 %%r<9>; .reg .b64 %%d<3>;\n"                                      \
    "ld.param.u64 %%d0, [in]; ld.param.u64 %%d1, [out]; mov.u32 %%r0, %%tid.x; "                   \
    "mov.u32 %%r1, %%ctaid.x; mad.lo.u32 %%r0, %%r1, 256, %%r0;\n"                                 \
    "mad.wide.u32 %%d0, %%r0, 4, %%d0; mad.wide.u32 %%d1, %%r0, 8, %%d1; "                         \
    "ld.global.b32 %%r2, [%%d0]; cvt.u16.u32 %%h0, %%r2;\n"                                        \
    "%s; %s; st.global.v2.b32 [%%d1], {%%r3, %%r4};\nret;\n}\n"

static _Alignas(128) uint32_t in[VALUES], out[VALUES][2];

/* ---- Formats ---- */

static double single_of(uint32_t bits)
{
    float single;

    memcpy(&single, &bits, sizeof(single));
    return (double)single;
}

static double f16_of(uint32_t bits)
{
    int exponent = (int)(bits >> 10 & 31);
    double fraction = bits & 0x3FF, magnitude;

    magnitude = exponent == 31  ? (fraction != 0 ? NAN : INFINITY)
                : exponent == 0 ? ldexp(fraction, -24)
                                : ldexp(1024 + fraction, exponent - 25);
    return bits & 0x8000 ? -magnitude : magnitude;
}

static double bf16_of(uint32_t bits)
{
    return single_of(bits << 16);
}

/* ---- Running ---- */

struct function {
    const char *plain, *ftz; /* from %r2 or %h0 to %r3, and to %r4 */
    double (*right)(double);
    double relative, absolute; /* the greater counts */
    double within;             /* of smaller numbers alone; 0: of all */
    double (*number)(uint32_t bits);
    double least; /* the smallest number that is not subnormal */
    double unit;  /* and the smallest that is */
    double greatest;
};

static struct program *program;
static struct memory memory;
static struct launch launch;
static uint32_t never;

static void no_print(void *context, const char *text)
{
    (void)context;
    (void)text;
}

static void prepare(const struct function *function)
{
    static char text[2048], log_text[1024];
    const struct program_kernel *kernel;
    struct ptx_log log;

    snprintf(text, sizeof(text), KERNEL, function->plain, function->ftz);
    ptx_log_init(&log, log_text, sizeof(log_text));
    assert_true(memory_add(&memory, (uintptr_t)in, sizeof(in), true));
    assert_true(memory_add(&memory, (uintptr_t)out, sizeof(out), false));
    program = program_create(text, strlen(text), &memory, &log);
    kernel = program != NULL ? program_find_kernel(program, "k") : NULL;
    launch = (struct launch){
        .grid = {VALUES / BLOCK, 1, 1},
        .block = {BLOCK, 1, 1},
        .memory = &memory,
        .stop = &never,
        .print = no_print,
    };
    if (kernel == NULL || !program_prepare(program, kernel, &launch, &log)) {
        print_error("%s\n%s", text, log_text);
        fail();
    }
}

static void finish(void)
{
    program_destroy(program);
    memory_clear(&memory);
}

static void run(void)
{
    const struct {
        uint64_t in, out;
    } params = {(uintptr_t)in, (uintptr_t)out};
    struct launch_fault fault;

    launch.params = &params;
    assert_int_equal(launch_run(&launch, &fault), LAUNCH_OK);
}

/* ---- Comparing ---- */

static double flushed(const struct function *function, double number)
{
    return fabs(number) < function->least ? copysign(0, number) : number;
}

static bool is_near(const struct function *function, double x, double got, bool ftz)
{
    double right = function->right(ftz ? flushed(function, x) : x);
    double error = fmax(fmax(function->relative * fabs(right), function->absolute), function->unit);

    if (isnan(right) || isnan(got)) {
        return isnan(right) && isnan(got);
    }
    if (function->within != 0 && fabs(x) > function->within) {
        return true;
    }
    if (isinf(right) || isinf(got)) {
        return right == got || fabs(right) * (1 + function->relative) >= function->greatest;
    }
    if (ftz && fabs(right) < function->least * (1 + function->relative) && got == 0) {
        return true;
    }
    return fabs(got - right) <= error;
}

static void compare_all(const struct function *function)
{
    for (unsigned i = 0; i < VALUES; i++) {
        double x = function->number(in[i]);

        for (unsigned ftz = 0; ftz < 2; ftz++) {
            double got = function->number(out[i][ftz]);

            if (!is_near(function, x, got, ftz)) {
                print_error("%s of %a (0x%x): %a, not %a\n", ftz ? function->ftz : function->plain,
                            x, in[i], got, function->right(x));
                fail();
            }
        }
    }
}

/* ---- Functions ---- */

static double reciprocal(double x)
{
    return 1 / x;
}

static double reciprocal_root(double x)
{
    return 1 / sqrt(x);
}

#define F32(name)                                                                                  \
    .plain = name ".approx.f32 %r3, %r2", .ftz = name ".approx.ftz.f32 %r4, %r2",                  \
    .number = single_of, .least = 0x1p-126, .unit = 0x1p-149, .greatest = 0x1p128

static const struct function of_f32[] = {
    {F32("ex2"), .right = exp2, .relative = 0x1p-22},
    {F32("lg2"), .right = log2, .relative = 0x1p-22},
    {F32("rcp"), .right = reciprocal, .relative = 0x1p-23},
    {F32("sqrt"), .right = sqrt, .relative = 0x1p-23},
    {F32("rsqrt"), .right = reciprocal_root, .relative = 0x1.12p-23},
    {F32("sin"), .right = sin, .absolute = 0x1.6Ap-21, .within = 6.28},
    {F32("sin"), .right = sin, .absolute = 0x1.3Bp-15, .within = 314.1},
    {F32("cos"), .right = cos, .absolute = 0x1.6Ap-21, .within = 6.28},
    {F32("cos"), .right = cos, .absolute = 0x1.3Bp-15, .within = 314.1},
};

static const struct function tanh_f32 = {
    .plain = "tanh.approx.f32 %r3, %r2",
    .ftz = "tanh.approx.f32 %r4, %r2",
    .right = tanh,
    .relative = 0x1p-11,
    .number = single_of,
    .unit = 0x1p-149,
    .greatest = 0x1p128,
};

static void try_f32(const struct function *function)
{
    uint64_t step = getenv("BAREGPU_SOAK") != NULL ? 1 : STEP;

    prepare(function);
    for (uint64_t start = 0; start <= UINT32_MAX; start += VALUES * step) {
        for (unsigned i = 0; i < VALUES; i++) {
            in[i] = (uint32_t)(start + i * step);
        }
        run();
        compare_all(function);
    }
    finish();
}

static void test_f32(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(of_f32) / sizeof(of_f32[0]); i++) {
        try_f32(&of_f32[i]);
    }
    try_f32(&tanh_f32);
}

/* The upper half of a pair by the other form. */
#define PAIR(name, type)                                                                           \
    .plain = name "." type " %h1, %h0; cvt.u32.u16 %r3, %h1",                                      \
    .ftz = "mov.b32 %r5, {%h0, %h0}; " name "." type "x2 %r6, %r5; shr.u32 %r4, %r6, 16"

static const struct function of_halves[] = {
    {PAIR("ex2.approx", "f16"), .right = exp2, .relative = 0x1.12p-10, .number = f16_of,
     .unit = 0x1p-24, .greatest = 65504},
    {PAIR("tanh.approx", "f16"), .right = tanh, .absolute = 0x1.02p-11, .number = f16_of,
     .unit = 0x1p-24, .greatest = 65504},
    {PAIR("ex2.approx.ftz", "bf16"), .right = exp2, .relative = 0x1p-7, .number = bf16_of,
     .unit = 0x1p-126, .greatest = 0x1p128},
    {PAIR("tanh.approx", "bf16"), .right = tanh, .absolute = 0x1p-8, .number = bf16_of,
     .unit = 0x1p-133, .greatest = 0x1p128},
};

static void test_halves(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(of_halves) / sizeof(of_halves[0]); i++) {
        prepare(&of_halves[i]);
        for (unsigned j = 0; j < VALUES; j++) {
            in[j] = j;
        }
        run();
        compare_all(&of_halves[i]);
        finish();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_f32), cmocka_unit_test(test_halves)};

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
