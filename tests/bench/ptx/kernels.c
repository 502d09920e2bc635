/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The algorithms of kernels.cu in C, for one thread; compiled for this very machine. Sums are of 32
 * numbers side by side, as a warp has them: a compiler may not reorder a single one.
 */
#include <stdint.h>
#include <string.h>

#include "tests/bench/ptx/kernels.h"

#define LANES 32

void c_vector_add(const struct arguments *in)
{
    const float *restrict a = in->a, *restrict b = in->b;
    float *restrict c = in->out;

    for (int i = 0; i < in->n; i++) {
        c[i] = a[i] + b[i];
    }
}

void c_saxpy(const struct arguments *in)
{
    const float *restrict x = in->a;
    float *restrict y = in->out;

    for (int i = 0; i < in->n; i++) {
        y[i] = in->factor * x[i] + y[i];
    }
}

static inline void multiply_tile(const float *restrict a, const float *restrict b,
                                 float *restrict c, int n, const int size)
{
    float sums[32][32] = {0};

    for (int tile = 0; tile < n; tile += size) {
        for (int y = 0; y < size; y++) {
            for (int k = 0; k < size; k++) {
                for (int x = 0; x < size; x++) {
                    sums[y][x] += a[y * n + tile + k] * b[(tile + k) * n + x];
                }
            }
        }
    }
    for (int y = 0; y < size; y++) {
        memcpy(c + y * n, sums[y], (size_t)size * sizeof(float));
    }
}

static inline void multiply(const struct arguments *in, const int size)
{
    const float *a = in->a, *b = in->b;
    float *c = in->out;

    for (int y = 0; y < in->n; y += size) {
        for (int x = 0; x < in->n; x += size) {
            multiply_tile(a + y * in->n, b + x, c + y * in->n + x, in->n, size);
        }
    }
}

void c_matmul_32(const struct arguments *in)
{
    multiply(in, 32);
}

void c_matmul_16(const struct arguments *in)
{
    multiply(in, 16);
}

void c_reduce(const struct arguments *in)
{
    const float *restrict a = in->a;
    float sums[LANES] = {0}, sum = 0;

    for (int i = 0; i < in->n; i += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            sums[lane] += a[i + lane];
        }
    }
    for (int lane = 0; lane < LANES; lane++) {
        sum += sums[lane];
    }
    memcpy(in->out, &sum, sizeof(sum));
}

void c_mandelbrot(const struct arguments *in)
{
    uint32_t *out = in->out;
    int width = in->n, height = in->m;

    for (int i = 0; i < width * height; i++) {
        float x0 = (float)(i % width) * (3.0f / (float)width) - 2.0f;
        float y0 = (float)(i / width) * (2.0f / (float)height) - 1.0f;
        float x = 0, y = 0;
        uint32_t steps = 0;

        while (steps < (uint32_t)in->limit && x * x + y * y < 4) {
            float next = x * x - y * y + x0;

            y = 2 * x * y + y0;
            x = next;
            steps++;
        }
        out[i] = steps;
    }
}

static uint32_t diverge(uint32_t x)
{
    uint32_t sum = 0;

    if (x % 3 == 0) {
        for (uint32_t k = 0; k < x % 61; k++) {
            sum = sum * 5 + (x ^ k);
        }
    } else if (x % 3 == 1) {
        for (; x != 1 && sum < 200; sum++) {
            x = x & 1 ? 3 * x + 1 : x / 2;
        }
    } else {
        while (x) {
            sum += x & 1 ? x >> 1 : x ^ 0x55;
            x >>= 1;
        }
    }
    return sum;
}

void c_divergent(const struct arguments *in)
{
    const uint32_t *restrict a = in->a;
    uint32_t *restrict out = in->out;

    for (int i = 0; i < in->n; i++) {
        out[i] = diverge(a[i]);
    }
}

void c_histogram(const struct arguments *in)
{
    const uint8_t *restrict a = in->a;
    uint32_t *restrict out = in->out;

    for (int i = 0; i < in->n; i++) {
        out[a[i]]++;
    }
}

void c_gather(const struct arguments *in)
{
    const float *restrict a = in->a;
    const uint32_t *restrict b = in->b;
    float *restrict out = in->out;

    for (int i = 0; i < in->n; i++) {
        out[i] = a[b[i]];
    }
}
