/* SPDX-License-Identifier: BSD-2-Clause */
/* Images, grids, a Fourier transform. */
#include "kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/guest/lib/tap.h"

#define TILE 16u

/* ---- Convolution ---- */

#define RADIUS 3
#define SIDE (2 * RADIUS + 1)
#define IMAGE_WIDTH 123
#define IMAGE_HEIGHT 71

/* Outside is 0. *size: the sum of what the terms weigh. */
static double convolved(const float *image, const float *weights, int x, int y, double *size)
{
    double sum = 0;

    *size = 0;
    for (int v = -RADIUS; v <= RADIUS; v++) {
        for (int u = -RADIUS; u <= RADIUS; u++) {
            if (x + u >= 0 && x + u < IMAGE_WIDTH && y + v >= 0 && y + v < IMAGE_HEIGHT) {
                double term = (double)weights[(v + RADIUS) * SIDE + u + RADIUS] *
                              image[(y + v) * IMAGE_WIDTH + x + u];

                sum += term;
                *size += fabs(term);
            }
        }
    }
    return sum;
}

static bool is_convolved(const float *got, const float *image, const float *weights)
{
    for (int i = 0; i < IMAGE_WIDTH * IMAGE_HEIGHT; i++) {
        double size;
        double expected = convolved(image, weights, i % IMAGE_WIDTH, i / IMAGE_WIDTH, &size);

        if (!kernels_near((size_t)i, got[i], expected, SIDE * SIDE * FLOAT_EPSILON * size)) {
            return false;
        }
    }
    return true;
}

static void convolution(CUmodule module)
{
    int width = IMAGE_WIDTH, height = IMAGE_HEIGHT;
    size_t size = 4 * IMAGE_WIDTH * IMAGE_HEIGHT, weights_size;
    float *image = kernels_random_floats(size / 4, 8, 0, 1), *got = kernels_memory(size);
    float *weights = kernels_random_floats(SIDE * SIDE, 9, -1, 1);
    CUdeviceptr from = kernels_upload(image, size), to = kernels_upload(NULL, size), constant;

    CHECK(cuModuleGetGlobal(&constant, &weights_size, module, "weights"));
    tap_equal(weights_size, 4 * SIDE * SIDE, "constant memory of %d x %d floats", SIDE, SIDE);
    CHECK(cuMemcpyHtoD(constant, weights, weights_size));
    LAUNCH(module, "convolve",
           ((struct kernels_shape){.grid_x = (IMAGE_WIDTH + TILE - 1) / TILE,
                                   .grid_y = (IMAGE_HEIGHT + TILE - 1) / TILE,
                                   .block_x = TILE,
                                   .block_y = TILE}),
           &to, &from, &width, &height);
    kernels_download(got, to, size);
    kernels_free(from);
    tap_ok(is_convolved(got, image, weights), "convolution, with weights there");
    free(image);
    free(got);
    free(weights);
}

/* ---- Stencil ---- */

#define CUBE 37u
#define STEPS 8

static bool is_inner(unsigned at)
{
    return at > 0 && at < CUBE - 1;
}

static void heat_step(double *to, const double *from, double rate)
{
    for (unsigned i = 0; i < CUBE * CUBE * CUBE; i++) {
        to[i] = from[i];
        if (is_inner(i % CUBE) && is_inner(i / CUBE % CUBE) && is_inner(i / CUBE / CUBE)) {
            to[i] += rate * (from[i - 1] + from[i + 1] + from[i - CUBE] + from[i + CUBE] +
                             from[i - CUBE * CUBE] + from[i + CUBE * CUBE] - 6 * from[i]);
        }
    }
}

/* Values are below 1 and a step does not enlarge errors: eight roundings in each. */
static bool is_heated(const float *got, const float *start, float rate)
{
    double *values[2];
    bool is_good = true;

    for (int i = 0; i < 2; i++) {
        values[i] = kernels_memory(sizeof(double) * CUBE * CUBE * CUBE);
    }
    for (unsigned i = 0; i < CUBE * CUBE * CUBE; i++) {
        values[0][i] = start[i];
    }
    for (int step = 0; step < STEPS; step++) {
        heat_step(values[(step + 1) % 2], values[step % 2], rate);
    }
    for (unsigned i = 0; i < CUBE * CUBE * CUBE && is_good; i++) {
        is_good = kernels_near(i, got[i], values[STEPS % 2][i], 8 * STEPS * FLOAT_EPSILON);
    }
    free(values[0]);
    free(values[1]);
    return is_good;
}

static void stencil(CUmodule module)
{
    unsigned n = CUBE;
    size_t size = 4 * CUBE * CUBE * CUBE;
    float rate = 0.125f, *start = kernels_random_floats(size / 4, 10, 0, 1);
    float *got = kernels_memory(size);
    CUdeviceptr values[2] = {kernels_upload(start, size), kernels_upload(NULL, size)};
    const struct kernels_shape shape = {.grid_x = 2,
                                        .grid_y = (CUBE + 3) / 4,
                                        .grid_z = (CUBE + 1) / 2,
                                        .block_x = 32,
                                        .block_y = 4,
                                        .block_z = 2};

    for (int step = 0; step < STEPS; step++) {
        LAUNCH(module, "stencil", shape, &values[(step + 1) % 2], &values[step % 2], &n, &rate);
    }
    kernels_download(got, values[STEPS % 2], size);
    kernels_free(values[(STEPS + 1) % 2]);
    tap_ok(is_heated(got, start, rate), "stencil of three dimensions, %d steps", STEPS);
    free(start);
    free(got);
}

/* ---- Fourier transform ---- */

#define POINTS 1024u
#define SIGNALS 3u

/* e^(-2 pi i k / POINTS) */
static void make_roots(double roots[POINTS][2])
{
    for (unsigned k = 0; k < POINTS; k++) {
        double angle = -2 * 3.14159265358979324 * k / POINTS;

        roots[k][0] = cos(angle);
        roots[k][1] = sin(angle);
    }
}

/*
 * By the definition. Each of ten levels adds 1e-6 of the spectrum's length: an angle of up to pi is
 * rounded three times, then there are a sine, a product, two sums.
 */
static bool is_spectrum(const float (*got)[2], const float (*signal)[2], double (*roots)[2])
{
    double energy = 0;

    for (unsigned i = 0; i < POINTS; i++) {
        energy += (double)signal[i][0] * signal[i][0] + (double)signal[i][1] * signal[i][1];
    }
    for (unsigned k = 0; k < POINTS; k++) {
        double re = 0, im = 0, bound = 10 * 1e-6 * sqrt(energy * POINTS);

        for (unsigned i = 0; i < POINTS; i++) {
            const double *w = roots[i * k % POINTS];

            re += signal[i][0] * w[0] - signal[i][1] * w[1];
            im += signal[i][0] * w[1] + signal[i][1] * w[0];
        }
        if (!kernels_near(k, got[k][0], re, bound) || !kernels_near(k, got[k][1], im, bound)) {
            return false;
        }
    }
    return true;
}

static void fourier(CUmodule module)
{
    size_t size = sizeof(float[SIGNALS][POINTS][2]);
    float *signals = kernels_random_floats(size / 4, 11, -1, 1), *got = kernels_memory(size);
    double(*roots)[2] = kernels_memory(sizeof(double[POINTS][2]));
    CUdeviceptr memory = kernels_upload(signals, size);
    bool is_good = true;

    make_roots(roots);
    LAUNCH(module, "fourier", ((struct kernels_shape){.grid_x = SIGNALS, .block_x = POINTS / 2}),
           &memory);
    kernels_download(got, memory, size);
    for (unsigned i = 0; i < SIGNALS && is_good; i++) {
        is_good = is_spectrum((const float(*)[2])(got + 2 * POINTS * i),
                              (const float(*)[2])(signals + 2 * POINTS * i), roots);
    }
    tap_ok(is_good, "Fourier transform of %u points", POINTS);
    free(signals);
    free(got);
    free(roots);
}

void kernels_transforms(CUmodule module)
{
    convolution(module);
    stencil(module);
    fourier(module);
}
