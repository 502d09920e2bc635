/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(wildcard host/cuda-cpu/ptx/*.c host/cuda-cpu/compile/*.c host/cuda-cpu/check/*.c host/cuda-cpu/device/*.c)
// build: $(wildcard host/cuda-cpu/program/*.c host/cuda-cpu/ptxc/*.c) tests/unit/cuda-cpu/compiled.c
// libs: -ldl -lm
// needs: build/tests/functions-clang.ptx build/tests/functions-nvcc.ptx
/*
 * CUDA's mathematical functions as firmware/cuda-clang/ has them, and nvcc where it is, against the
 * host's long double: within the errors of functions.h, for special values, for noise of
 * each exponent and for arguments that are evenly spread. BAREGPU_SOAK: many more of each.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/cuda-cpu/compile/llvm.h"
#include "tests/unit/cuda-cpu/compiled.h"
#include "tests/unit/cuda-cpu/functions.h"

#define COUNT 16384

static struct memory memory;
static _Alignas(256) double to[COUNT], x[COUNT], y[COUNT];
static _Alignas(256) float float_to[COUNT], float_x[COUNT], float_y[COUNT];
static uint64_t noise;

/* ---- What is right ---- */

static const long double pi = 3.14159265358979323846264338327950288L;
static const long double root_of_half = 0.70710678118654752440084436210484904L;

/* C23 has these, and glibc from 2.41 on. */
#define rsqrtl own_rsqrtl
#define sinpil own_sinpil
#define cospil own_cospil

static long double rsqrtl(long double v)
{
    return 1 / sqrtl(v);
}

static long double rcbrtl(long double v)
{
    return 1 / cbrtl(v);
}

static long double sinpil(long double v)
{
    const long double turn = fmodl(v, 2), rest = turn - rintl(2 * turn) / 2;

    switch ((int)rintl(2 * turn) & 3) {
    case 0:
        return rest == 0 ? copysignl(0, v) : sinl(pi * rest);
    case 1:
        return cosl(pi * rest);
    case 2:
        return rest == 0 ? copysignl(0, v) : -sinl(pi * rest);
    default:
        return -cosl(pi * rest);
    }
}

static long double cospil(long double v)
{
    const long double turn = fmodl(fabsl(v), 2);

    return turn == 0.5L || turn == 1.5L ? 0 : turn < 1 ? sinpil(0.5L - turn) : sinpil(turn - 1.5L);
}

static long double erfcxl(long double v)
{
    const long double square = v * v, low = fmal(v, v, -square);

    return expl(square) * erfcl(v) * (1 + low);
}

static long double normcdfl(long double v)
{
    return erfcl(-v * root_of_half) / 2;
}

static long double erfinvl(long double v);

/* By Newton's steps on the logarithms, from above. */
static long double erfcinvl(long double v)
{
    long double guess = v < 0.1L ? sqrtl(-logl(v)) : 1;

    if (!(v > 0 && v < 2)) {
        return v == 0 ? INFINITY : v == 2 ? -INFINITY : NAN;
    }
    if (v > 0.5L && v < 1.5L) {
        return erfinvl(1 - v);
    }
    if (v > 1) {
        return -erfcinvl(2 - v);
    }
    for (int i = 0; i < 6; i++) {
        long double value = erfcl(guess);

        guess += logl(value / v) * value * sqrtl(pi) / 2 * expl(guess * guess);
    }
    return guess;
}

static long double erfinvl(long double v)
{
    long double guess = v * sqrtl(pi) / 2;

    if (fabsl(v) > 0.5L) {
        return copysignl(erfcinvl(1 - fabsl(v)), v);
    }
    for (int i = 0; i < 5; i++) {
        guess -= (erfl(guess) - v) * sqrtl(pi) / 2 * expl(guess * guess);
    }
    return v == 0 ? v : guess;
}

static long double normcdfinvl(long double v)
{
    return 0 - erfcinvl(2 * v) / root_of_half; /* +0 in the middle */
}

/* The host's powl is wrong at -inf. */
static long double power(long double v, long double w)
{
    return v == 0 || isinf(v) ? pow((double)v, (double)w) : powl(v, w);
}

static long double rhypotl(long double v, long double w)
{
    return 1 / hypotl(v, w);
}

/* ---- Functions ---- */

struct function {
    const char *name;
    int units, double_units;
    double from, end;
    long double (*unary)(long double);
    long double (*binary)(long double, long double);
};

#define UNARY(function, units, double_units, ...)                                                  \
    {#function, units, double_units, __VA_ARGS__, .unary = function##l},
#define BINARY(function, units, double_units, ...)                                                 \
    {#function, units, double_units, __VA_ARGS__, .binary = function##l},

static const struct function functions[] = {UNARY_FUNCTIONS(UNARY) BINARY_FUNCTIONS(BINARY)};

#define FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

/* ---- Arguments ---- */

static uint64_t draw(void)
{
    noise ^= noise << 13;
    noise ^= noise >> 7;
    noise ^= noise << 17;
    return noise * 0x9E3779B97F4A7C15;
}

static const double special[] = {
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    -1.5,
    2.0,
    -2.0,
    2.5,
    -2.5,
    3.0,
    -3.0,
    4.0,
    7.0,
    8.0,
    10.0,
    27.0,
    100.0,
    1000.0,
    1e22,
    -1e22,
    INFINITY,
    -INFINITY,
    NAN,
    DBL_MIN,
    -DBL_MIN,
    DBL_MAX,
    -DBL_MAX,
    0x1p-1074,
    -0x1p-1074,
    FLT_MIN,
    FLT_MAX,
    0x1p-149,
    0x1p23,
    0x1p24,
    0x1.8p52,
    0x1p53,
    0x1p63,
    -0x1p63,
    0.75,
    0.25,
    1.25,
    1.75,
    171.0,
    -171.5,
    34.5,
    709.0,
    88.0,
    0x1.921fb54442d18p0,
    3.0e9,
    0x1p31,
    0x1.fffffffffffffp-1,
    0x1.0000000000001p0,
    0x1.fffffffffffffp-2,
    0x1.fffffep-2,
    0x1.fffffep-1,
    0x1.6ac5b262ca1ffp849, /* which is nearest to a multiple of pi / 2 of all */
};

#define SPECIAL (sizeof(special) / sizeof(special[0]))

/* A number of `from` to `end`: a special one, of any exponent, of an ordinary one, evenly spread.
 */
static double draw_double(const struct function *function, unsigned kind)
{
    const double low = fmax(function->from, -1e4), high = fmin(function->end, 1e4);
    uint64_t bits = draw();
    double value;

    switch (kind % 4) {
    case 0:
        memcpy(&value, &bits, sizeof(value));
        break;
    case 1:
        value = ldexp((double)(int64_t)draw(), (int)(bits % 100) - 110);
        break;
    case 2:
        value = low + (high - low) * (double)(draw() >> 11) * 0x1p-53;
        break;
    default:
        value =
            (double)((int)(bits % 200) - 100) / 4 * (1 + (double)(int)(draw() % 5 - 2) * 0x1p-52);
    }
    return value >= function->from && value <= function->end ? value : (low + high) / 2 + 0.125;
}

static void draw_arguments(const struct function *function, unsigned round, bool is_float)
{
    for (unsigned i = 0; i < COUNT; i++) {
        const bool is_special = round == 0 && i < SPECIAL * SPECIAL;
        double first = is_special ? special[i % SPECIAL] : draw_double(function, i);
        double second = is_special ? special[i / SPECIAL] : draw_double(function, i / 4);

        if (is_special && (first < function->from || first > function->end)) {
            first = NAN;
        }
        if (!is_special && i % 8 == 5) { /* near each other */
            second = first * (1 + (double)(int)(draw() % 9 - 4) * 0x1p-52);
        }
        if (is_float) {
            uint32_t bits = (uint32_t)draw();

            float_x[i] = (float)first;
            float_y[i] = (float)second;
            if (!is_special && i % 4 == 0) {
                memcpy(&float_x[i], &bits, sizeof(bits));
                if (float_x[i] < function->from || float_x[i] > function->end) {
                    float_x[i] = 0.25f;
                }
            }
        } else {
            x[i] = first;
            y[i] = second;
        }
    }
}

/* ---- Differences ---- */

/* How many numbers lie between. */
static int64_t order(double value)
{
    int64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits < 0 ? INT64_MIN - bits : bits;
}

static int32_t float_order(float value)
{
    int32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits < 0 ? INT32_MIN - bits : bits;
}

static bool is_near(double got, double expected, int units)
{
    if (isnan(expected) || isnan(got)) {
        return isnan(expected) && isnan(got);
    }
    if (expected == 0 && got == 0) {
        return signbit(expected) == signbit(got);
    }
    return fabsl((long double)order(got) - (long double)order(expected)) <= units;
}

static bool is_near_float(float got, float expected, int units)
{
    if (isnan(expected) || isnan(got) || (expected == 0 && got == 0)) {
        return is_near(got, expected, 0);
    }
    return llabs((int64_t)float_order(got) - float_order(expected)) <= units;
}

/* ---- Tests ---- */

static void launch_over(struct program *program, const char *name, const void *arguments)
{
    compiled_launch(program, name,
                    (struct launch){
                        .grid = {4, 1, 1},
                        .block = {128, 1, 1},
                        .params = arguments,
                        .memory = &memory,
                    });
}

static long double expected_of(const struct function *function, long double v, long double w)
{
    return function->unary != NULL    ? function->unary(v)
           : function->binary == powl ? power(v, w)
                                      : function->binary(v, w);
}

static unsigned rounds(void)
{
    return getenv("BAREGPU_SOAK") != NULL ? 30 : 1;
}

struct variant {
    struct program *program;
    const struct function *function;
};

static void test_double(void **state)
{
    const struct variant *variant = *state;
    const struct function *function = variant->function;
    struct {
        double *to;
        const double *x, *y;
        uint32_t count;
    } arguments = {to, x, y, COUNT};
    char name[64];

    noise = 1;
    snprintf(name, sizeof(name), "double_%s", function->name);
    for (unsigned round = 0; round < rounds(); round++) {
        draw_arguments(function, round, false);
        launch_over(variant->program, name, &arguments);
        for (unsigned i = 0; i < COUNT; i++) {
            double expected = function->binary == nextafterl
                                  ? nextafter(x[i], y[i])
                                  : (double)expected_of(function, x[i], y[i]);

            if (!is_near(to[i], expected, function->double_units)) {
                print_error("%s(%a, %a): %a, not %a\n", function->name, x[i], y[i], to[i],
                            expected);
                fail();
            }
        }
    }
}

static void test_float(void **state)
{
    const struct variant *variant = *state;
    const struct function *function = variant->function;
    struct {
        float *to;
        const float *x, *y;
        uint32_t count;
    } arguments = {float_to, float_x, float_y, COUNT};
    char name[64];

    noise = 1;
    snprintf(name, sizeof(name), "float_%s", function->name);
    for (unsigned round = 0; round < rounds(); round++) {
        draw_arguments(function, round, true);
        launch_over(variant->program, name, &arguments);
        for (unsigned i = 0; i < COUNT; i++) {
            float expected = function->binary == nextafterl
                                 ? nextafterf(float_x[i], float_y[i])
                                 : (float)expected_of(function, float_x[i], float_y[i]);

            if (!is_near_float(float_to[i], expected, function->units)) {
                print_error("%sf(%a, %a): %a, not %a\n", function->name, (double)float_x[i],
                            (double)float_y[i], (double)float_to[i], (double)expected);
                fail();
            }
        }
    }
}

/* ---- For each compiler ---- */

static struct variant variants[2 * FUNCTIONS];
static struct CMUnitTest all[4 * FUNCTIONS];
static char names[4 * FUNCTIONS][64];
static size_t variant_count, count;

static void add_test(const char *compiler, const char *suffix, CMUnitTestFunction run,
                     struct variant *variant)
{
    snprintf(names[count], sizeof(names[count]), "%s%s, %s", variant->function->name, suffix,
             compiler);
    all[count] = (struct CMUnitTest){names[count], run, NULL, NULL, variant};
    count++;
}

static void add_variant(const char *compiler)
{
    char file[64];
    struct program *program;

    snprintf(file, sizeof(file), "functions-%s.ptx", compiler);
    program = compiled_load(file, &memory);
    for (size_t i = 0; program != NULL && i < FUNCTIONS; i++) {
        struct variant *variant = &variants[variant_count++];

        *variant = (struct variant){program, &functions[i]};
        add_test(compiler, "", test_double, variant);
        add_test(compiler, "f", test_float, variant);
    }
}

int main(void)
{
    void *const arrays[] = {to, x, y, float_to, float_x, float_y};
    int failed;

    for (size_t i = 0; i < 6; i++) {
        if (!memory_add(&memory, (uint64_t)(uintptr_t)arrays[i],
                        i < 3 ? sizeof(to) : sizeof(float_to), false)) {
            return 1;
        }
    }
    add_variant("clang");
    if (getenv("BAREGPU_SOAK") != NULL) {
        add_variant("nvcc");
    }
    llvm_is_hasty = getenv("BAREGPU_SOAK") == NULL;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    failed = _cmocka_run_group_tests("functions", all, count, NULL, NULL);
    for (size_t i = 0; i < variant_count; i += FUNCTIONS) {
        program_destroy(variants[i].program);
    }
    memory_clear(&memory);
    return failed;
}
