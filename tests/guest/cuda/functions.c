/* SPDX-License-Identifier: BSD-2-Clause */
/* exp, log, sin, cos, pow: whoever computes them, within three units in the last place. */
#include "kernels.h"

#include <math.h>
#include <stdlib.h>

#include "tests/guest/lib/tap.h"

#define COUNT 4000u
#define UNITS 3

static const char *const names[] = {"exp", "log", "sin", "cos"};
static const char *const float_names[] = {"expf", "logf", "sinf", "powf"};

static double expected_of(unsigned function, double x)
{
    double (*const functions[])(double) = {exp, log, sin, cos};

    return functions[function](function == 1 ? fabs(x) : x);
}

static double float_expected_of(unsigned function, float x)
{
    return function == 3 ? pow(fabs(x), 0.7f) : expected_of(function, x);
}

static void doubles(CUmodule module)
{
    unsigned n = COUNT;
    double *x = kernels_memory(8 * n), *y = kernels_memory(32 * n);
    uint32_t seed = 23;

    for (unsigned i = 0; i < n; i++) {
        x[i] = kernels_random_float(&seed, -700, 700) * (i % 2 ? 1 : 1e-3);
    }
    CUdeviceptr from = kernels_upload(x, 8 * n), to = kernels_upload(NULL, 32 * n);

    LAUNCH(module, "functions", kernels_line(n, 128), &to, &from, &n);
    kernels_download(y, to, 32 * n);
    kernels_free(from);
    for (unsigned function = 0; function < 4; function++) {
        bool is_good = true;

        for (unsigned i = 0; i < n && is_good; i++) {
            double expected = expected_of(function, x[i]);

            is_good = kernels_near(i, y[4 * i + function], expected,
                                   UNITS * (nextafter(fabs(expected), INFINITY) - fabs(expected)));
        }
        tap_ok(is_good, "%s", names[function]);
    }
    free(x);
    free(y);
}

static void floats(CUmodule module)
{
    unsigned n = COUNT;
    float *x = kernels_random_floats(n, 24, -80, 80), *y = kernels_memory(16 * n);
    CUdeviceptr from = kernels_upload(x, 4 * n), to = kernels_upload(NULL, 16 * n);

    LAUNCH(module, "float_functions", kernels_line(n, 128), &to, &from, &n);
    kernels_download(y, to, 16 * n);
    kernels_free(from);
    for (unsigned function = 0; function < 4; function++) {
        bool is_good = true;

        for (unsigned i = 0; i < n && is_good; i++) {
            float expected = (float)float_expected_of(function, x[i]), size = fabsf(expected);

            is_good = kernels_near(i, y[4 * i + function], expected,
                                   UNITS * (nextafterf(size, INFINITY) - size));
        }
        tap_ok(is_good, "%s", float_names[function]);
    }
    free(x);
    free(y);
}

void kernels_functions(CUmodule module)
{
    doubles(module);
    floats(module);
}
