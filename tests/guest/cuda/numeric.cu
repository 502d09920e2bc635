/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels of numeric.c and order.c: simulations, random numbers, pictures, textures, printing. */
#include <stdio.h>

#include "firmware/apps/cuda.cu"

/* ---- Mandelbrot: steps until |z| > 2 ---- */

KERNEL escape_steps(unsigned *steps, unsigned width, unsigned height, float left, float top,
                    float step, unsigned limit)
{
    unsigned column = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned row = blockIdx.y * blockDim.y + threadIdx.y;
    float square;

    if (column < width && row < height) {
        steps[row * width + column] = escape(fmaf((float)column, step, left),
                                             fmaf(-(float)row, step, top), limit, 4.0f, &square);
    }
}

/* ---- Random numbers ---- */

__device__ unsigned next_random(unsigned long long *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(*state >> 33);
}

/* How many of each thread's points lie in a quarter of a circle: integers alone. */
KERNEL monte_carlo(unsigned long long *inside, unsigned points)
{
    unsigned long long state = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned hits = 0;

    next_random(&state);
    for (unsigned i = 0; i < points; i++) {
        unsigned long long x = next_random(&state), y = next_random(&state);

        hits += x * x + y * y < 1ull << 62;
    }
    atomicAdd(inside, (unsigned long long)hits);
}

/* Halton's points: in base 2 bits backwards, in base 3 digits. */
KERNEL quasi_random(float2 *points, unsigned n)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x, digits = 0, power = 1;

    if (i >= n) {
        return;
    }
    for (unsigned rest = i; rest > 0; rest /= 3) {
        digits = 3 * digits + rest % 3;
        power *= 3;
    }
    points[i] = make_float2((float)(__brev(i) >> 8) * (1.0f / (1 << 24)),
                            __fdiv_rn((float)digits, (float)power));
}

/* ---- Black and Scholes: prices of European options ---- */

/* The normal distribution, by Abramowitz and Stegun 26.2.17: within 7.5e-8. */
__device__ float normal(float d)
{
    float k = 1 / (1 + 0.2316419f * fabsf(d));
    float tail = 0.39894228f * expf(-0.5f * d * d) * k *
                 (0.31938153f +
                  k * (-0.356563782f +
                       k * (1.781477937f + k * (-1.821255978f + k * 1.330274429f))));

    return d > 0 ? 1 - tail : tail;
}

KERNEL black_scholes(float2 *prices, const float *spots, const float *strikes, const float *years,
                     float rate, float volatility, unsigned n)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;

    if (i >= n) {
        return;
    }
    float root = sqrtf(years[i]) * volatility;
    float d1 = (logf(spots[i] / strikes[i]) + (rate + 0.5f * volatility * volatility) * years[i]) /
               root;
    float discounted = strikes[i] * expf(-rate * years[i]);
    float call = spots[i] * normal(d1) - discounted * normal(d1 - root);

    prices[i] = make_float2(call, call + discounted - spots[i]);
}

/* ---- Functions ---- */

/* The four at *x, one behind the other. */
KERNEL functions(double (*y)[4], const double *x, unsigned n)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;

    if (i < n) {
        y[i][0] = exp(x[i]);
        y[i][1] = log(fabs(x[i]));
        y[i][2] = sin(x[i]);
        y[i][3] = cos(x[i]);
    }
}

KERNEL float_functions(float (*y)[4], const float *x, unsigned n)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;

    if (i < n) {
        y[i][0] = expf(x[i]);
        y[i][1] = logf(fabsf(x[i]));
        y[i][2] = sinf(x[i]);
        y[i][3] = powf(fabsf(x[i]), 0.7f);
    }
}

/* ---- Textures and surfaces ---- */

KERNEL rotate(cudaSurfaceObject_t to, cudaTextureObject_t from, unsigned side, float c, float s)
{
    unsigned column = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned row = blockIdx.y * blockDim.y + threadIdx.y;
    float x = (float)column + 0.5f - 0.5f * (float)side;
    float y = (float)row + 0.5f - 0.5f * (float)side;

    if (column < side && row < side) {
        surf2Dwrite(tex2D<float>(from, c * x - s * y + 0.5f * (float)side,
                                 s * x + c * y + 0.5f * (float)side),
                    to, (int)(column * sizeof(float)), (int)row);
    }
}

/* ---- Printing ---- */

KERNEL print(int value, float half)
{
    if (threadIdx.x % 32 == 0) {
        printf("# block %u, warp %u: %d %.2f %s\n", blockIdx.x, threadIdx.x / 32, value, half,
               "text");
    }
}

/* ---- Order: what is left depends on what came first ---- */

KERNEL affine(unsigned *values, unsigned factor, unsigned summand, unsigned n)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;

    if (i < n) {
        values[i] = values[i] * factor + summand;
    }
}
