/* SPDX-License-Identifier: BSD-2-Clause */
/* Bodies, Mandelbrot, random numbers, options, textures. */
#include "kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/guest/lib/tap.h"

/* ---- Bodies ---- */

#define BODIES 500u

/* The terms of each sum are within 1.5e-6: of rsqrtf (2^-22.9), three times, and a dozen roundings.
 */
static bool is_pulled(const float (*got)[4], const float (*bodies)[4], unsigned i, double softening)
{
    for (unsigned axis = 0; axis < 3; axis++) {
        double sum = 0, size = 0;

        for (unsigned j = 0; j < BODIES; j++) {
            double square = softening;

            for (unsigned k = 0; k < 3; k++) {
                square += pow((double)bodies[j][k] - bodies[i][k], 2);
            }
            double term = ((double)bodies[j][axis] - bodies[i][axis]) * bodies[j][3] /
                          (square * sqrt(square));

            sum += term;
            size += fabs(term);
        }
        if (!kernels_near(i, got[i][axis], sum, (1.5e-6 + BODIES * FLOAT_EPSILON) * size)) {
            return false;
        }
    }
    return true;
}

static void bodies(CUmodule module)
{
    unsigned n = BODIES;
    size_t size = 16 * BODIES;
    float softening = 0.01f, *bodies = kernels_random_floats(4 * BODIES, 19, 0, 1);
    float *got = kernels_memory(size);
    CUdeviceptr from = kernels_upload(bodies, size), to = kernels_upload(NULL, size);
    bool is_good = true;

    LAUNCH(module, "accelerate", kernels_line(n, 128), &to, &from, &n, &softening);
    kernels_download(got, to, size);
    kernels_free(from);
    for (unsigned i = 0; i < n && is_good; i++) {
        is_good = is_pulled((const float(*)[4])got, (const float(*)[4])bodies, i, softening);
    }
    tap_ok(is_good, "n-body, %u bodies", BODIES);
    free(bodies);
    free(got);
}

/* ---- Mandelbrot: the same operations, so the same bits ---- */

static uint32_t escape_steps(float cx, float cy, uint32_t limit)
{
    float x = 0, y = 0;
    uint32_t count = 0;

    while (count < limit && fmaf(x, x, y * y) <= 4.0f) {
        float next = fmaf(x, x, fmaf(-y, y, cx));

        y = fmaf(2.0f * x, y, cy);
        x = next;
        count++;
    }
    return count;
}

static void mandelbrot(CUmodule module)
{
    enum { WIDTH = 150, HEIGHT = 100 };
    unsigned width = WIDTH, height = HEIGHT, limit = 200;
    float left = -2.2f, top = 1.1f, step = 0.022f;
    uint32_t *got = kernels_memory(4 * WIDTH * HEIGHT),
             *expected = kernels_memory(4 * WIDTH * HEIGHT);
    CUdeviceptr to = kernels_upload(NULL, 4 * WIDTH * HEIGHT);

    LAUNCH(
        module, "escape_steps",
        ((struct kernels_shape){
            .grid_x = (WIDTH + 15) / 16, .grid_y = (HEIGHT + 7) / 8, .block_x = 16, .block_y = 8}),
        &to, &width, &height, &left, &top, &step, &limit);
    kernels_download(got, to, 4 * WIDTH * HEIGHT);
    for (unsigned i = 0; i < WIDTH * HEIGHT; i++) {
        expected[i] = escape_steps(fmaf((float)(i % WIDTH), step, left),
                                   fmaf(-(float)(i / WIDTH), step, top), limit);
    }
    kernels_same(got, expected, WIDTH * HEIGHT, "Mandelbrot set");
    free(got);
    free(expected);
}

/* ---- Random numbers ---- */

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static void monte_carlo(CUmodule module)
{
    enum { THREADS = 2048, POINTS = 100 };
    unsigned points = POINTS;
    uint64_t got = 0, expected = 0;
    CUdeviceptr inside = kernels_upload(NULL, 8);

    LAUNCH(module, "monte_carlo", kernels_line(THREADS, 128), &inside, &points);
    kernels_download(&got, inside, 8);
    for (unsigned thread = 0; thread < THREADS; thread++) {
        uint64_t state = thread;

        next_random(&state);
        for (unsigned i = 0; i < POINTS; i++) {
            uint64_t x = next_random(&state), y = next_random(&state);

            expected += x * x + y * y < (uint64_t)1 << 62;
        }
    }
    tap_equal(got, expected, "Monte Carlo, %d points", THREADS * POINTS);
}

static float radical_inverse(unsigned i, unsigned base)
{
    unsigned digits = 0, power = 1;

    for (; i > 0; i /= base, power *= base) {
        digits = base * digits + i % base;
    }
    return (float)digits / (float)power;
}

static void quasi_random(CUmodule module)
{
    unsigned n = 3000;
    float *got = kernels_memory(8 * n), *expected = kernels_memory(8 * n);
    CUdeviceptr points = kernels_upload(NULL, 8 * n);

    LAUNCH(module, "quasi_random", kernels_line(n, 256), &points, &n);
    kernels_download(got, points, 8 * n);
    for (unsigned i = 0; i < n; i++) {
        expected[2 * i] = radical_inverse(i, 2);
        expected[2 * i + 1] = radical_inverse(i, 3);
    }
    kernels_same(got, expected, 2 * n, "quasi-random points");
    free(got);
    free(expected);
}

/* ---- Options ---- */

static double normal(double d)
{
    static const double c[] = {0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429};
    double k = 1 / (1 + 0.2316419 * fabs(d)), sum = 0;

    for (int i = 4; i >= 0; i--) {
        sum = k * (c[i] + sum);
    }
    double tail = 0.39894228 * exp(-0.5 * d * d) * sum;

    return d > 0 ? 1 - tail : tail;
}

/* d1 and d2 are within 5e-6, of which the distribution leaves 0.4. */
static bool is_price(unsigned i, const float got[2], double spot, double strike, double years,
                     double rate, double volatility)
{
    double root = sqrt(years) * volatility;
    double d1 = (log(spot / strike) + (rate + 0.5 * volatility * volatility) * years) / root;
    double discounted = strike * exp(-rate * years);
    double call = spot * normal(d1) - discounted * normal(d1 - root);
    double bound = 3e-6 * (spot + strike);

    return kernels_near(i, got[0], call, bound) &&
           kernels_near(i, got[1], call + discounted - spot, bound);
}

static void options(CUmodule module)
{
    unsigned n = 4000;
    float rate = 0.02f, volatility = 0.3f;
    float *spots = kernels_random_floats(n, 20, 5, 30),
          *strikes = kernels_random_floats(n, 21, 1, 100);
    float *years = kernels_random_floats(n, 22, 0.25f, 10), *got = kernels_memory(8 * n);
    CUdeviceptr dspots = kernels_upload(spots, 4 * n), dstrikes = kernels_upload(strikes, 4 * n);
    CUdeviceptr dyears = kernels_upload(years, 4 * n), prices = kernels_upload(NULL, 8 * n);
    bool is_good = true;

    LAUNCH(module, "black_scholes", kernels_line(n, 128), &prices, &dspots, &dstrikes, &dyears,
           &rate, &volatility, &n);
    kernels_download(got, prices, 8 * n);
    kernels_free(dspots);
    kernels_free(dstrikes);
    kernels_free(dyears);
    for (unsigned i = 0; i < n && is_good; i++) {
        is_good = is_price(i, got + 2 * i, spots[i], strikes[i], years[i], rate, volatility);
    }
    tap_ok(is_good, "Black-Scholes, %u options", n);
    free(spots);
    free(strikes);
    free(years);
    free(got);
}

/* ---- A texture, turned, into a surface ---- */

#define SIDE 61

static CUarray new_array(unsigned flags)
{
    const CUDA_ARRAY3D_DESCRIPTOR descriptor = {.Width = SIDE,
                                                .Height = SIDE,
                                                .Format = CU_AD_FORMAT_FLOAT,
                                                .NumChannels = 1,
                                                .Flags = flags};
    CUarray array;

    CHECK(cuArray3DCreate(&array, &descriptor));
    return array;
}

static CUDA_MEMCPY2D whole_image(void)
{
    return (CUDA_MEMCPY2D){
        .srcPitch = 4 * SIDE, .dstPitch = 4 * SIDE, .WidthInBytes = 4 * SIDE, .Height = SIDE};
}

static void fill_array(CUarray array, const float *image)
{
    CUDA_MEMCPY2D copy = whole_image();

    copy.srcMemoryType = CU_MEMORYTYPE_HOST;
    copy.srcHost = image;
    copy.dstMemoryType = CU_MEMORYTYPE_ARRAY;
    copy.dstArray = array;
    CHECK(cuMemcpy2D(&copy));
}

static void read_array(float *image, CUarray array)
{
    CUDA_MEMCPY2D copy = whole_image();

    copy.srcMemoryType = CU_MEMORYTYPE_ARRAY;
    copy.srcArray = array;
    copy.dstMemoryType = CU_MEMORYTYPE_HOST;
    copy.dstHost = image;
    CHECK(cuMemcpy2D(&copy));
}

static double texel(const float *image, int x, int y)
{
    x = x < 0 ? 0 : x >= SIDE ? SIDE - 1 : x;
    y = y < 0 ? 0 : y >= SIDE ? SIDE - 1 : y;
    return image[y * SIDE + x];
}

/* The Programming Guide's linear filtering, with exact weights. */
static double sample(const float *image, double u, double v)
{
    int x = (int)floor(u - 0.5), y = (int)floor(v - 0.5);
    double a = u - 0.5 - x, b = v - 0.5 - y;

    return (1 - b) * ((1 - a) * texel(image, x, y) + a * texel(image, x + 1, y)) +
           b * ((1 - a) * texel(image, x, y + 1) + a * texel(image, x + 1, y + 1));
}

/* Weights have eight bits: half of the last on each axis, times what neighbours differ by (1 / 7
 * and 1 / 5 of 0.5), and a little for the coordinates. */
static bool is_turned(const float *got, const float *image, double c, double s)
{
    for (int i = 0; i < SIDE * SIDE; i++) {
        double x = i % SIDE + 0.5 - 0.5 * SIDE, y = i / SIDE + 0.5 - 0.5 * SIDE;
        double expected = sample(image, c * x - s * y + 0.5 * SIDE, s * x + c * y + 0.5 * SIDE);

        if (!kernels_near((size_t)i, got[i], expected, 0.18 / 256)) {
            return false;
        }
    }
    return true;
}

static void turn(CUmodule module, CUarray from, CUarray to, float c, float s)
{
    const CUDA_RESOURCE_DESC source = {.resType = CU_RESOURCE_TYPE_ARRAY, .res.array.hArray = from};
    const CUDA_RESOURCE_DESC target = {.resType = CU_RESOURCE_TYPE_ARRAY, .res.array.hArray = to};
    const CUDA_TEXTURE_DESC sampler = {
        .addressMode = {CU_TR_ADDRESS_MODE_CLAMP, CU_TR_ADDRESS_MODE_CLAMP,
                        CU_TR_ADDRESS_MODE_CLAMP},
        .filterMode = CU_TR_FILTER_MODE_LINEAR,
    };
    CUtexObject texture;
    CUsurfObject surface;
    unsigned side = SIDE;

    CHECK(cuTexObjectCreate(&texture, &source, &sampler, NULL));
    CHECK(cuSurfObjectCreate(&surface, &target));
    LAUNCH(
        module, "rotate",
        ((struct kernels_shape){
            .grid_x = (SIDE + 15) / 16, .grid_y = (SIDE + 15) / 16, .block_x = 16, .block_y = 16}),
        &surface, &texture, &side, &c, &s);
    CHECK(cuCtxSynchronize());
    CHECK(cuSurfObjectDestroy(surface));
    CHECK(cuTexObjectDestroy(texture));
}

static void texture(CUmodule module)
{
    float *image = kernels_memory(4 * SIDE * SIDE), *got = kernels_memory(4 * SIDE * SIDE);
    float c = 0.8f, s = 0.6f;
    CUarray from = new_array(0), to = new_array(CUDA_ARRAY3D_SURFACE_LDST);

    for (int i = 0; i < SIDE * SIDE; i++) {
        image[i] = (float)(0.5 + 0.5 * sin(i % SIDE / 7.0) * cos(i / SIDE / 5.0));
    }
    fill_array(from, image);
    turn(module, from, to, c, s);
    read_array(got, to);
    CHECK(cuArrayDestroy(from));
    CHECK(cuArrayDestroy(to));
    tap_ok(is_turned(got, image, c, s), "texture, filtered, into a surface");
    free(image);
    free(got);
}

void kernels_numeric(CUmodule module)
{
    bodies(module);
    mandelbrot(module);
    monte_carlo(module);
    quasi_random(module);
    options(module);
    texture(module);
}
