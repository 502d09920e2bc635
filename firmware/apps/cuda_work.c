/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/apps/cuda_work.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 1024u
#define BLOCKS 64u /* of kernels that stride */
#define TILE 32u
#define BODY_BLOCK 128u
#define SUMS BLOCK
#define MEMORIES 3

static struct cuda_sizes sizes;

/* Of the work that is prepared. */
static CUdeviceptr memory[MEMORIES];
static void *host[MEMORIES];
static CUfunction functions[2];

void cuda_work_choose(const struct cuda_sizes *chosen)
{
    sizes = *chosen;
}

void cuda_work_release(void)
{
    for (unsigned i = 0; i < MEMORIES; i++) {
        if (memory[i] != 0) {
            cuMemFree(memory[i]);
        }
        free(host[i]);
        memory[i] = 0;
        host[i] = NULL;
    }
}

/* The same numbers for the same seed. */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Memory on both sides. */
static CUresult take(unsigned number, size_t size)
{
    host[number] = malloc(size);
    return host[number] == NULL ? CUDA_ERROR_OUT_OF_MEMORY : cuMemAlloc(&memory[number], size);
}

static CUresult take_random(unsigned number, size_t size)
{
    CUresult error = take(number, size);
    uint32_t *words = host[number], seed = number + 1;

    for (size_t i = 0; error == CUDA_SUCCESS && i < size / sizeof(*words); i++) {
        words[i] = next_random(&seed);
    }
    return error ?: cuMemcpyHtoD(memory[number], words, size);
}

static CUresult launch(CUfunction function, unsigned blocks, unsigned threads, void **parameters)
{
    return cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, 0, NULL, parameters, NULL);
}

/* ---- Matrices. Of small integers: every sum is exact ---- */

#define VALUES 17 /* -8 to 8: sums stay below 2^24 up to CUDA_SIDE_MAX */

static void describe_product(char *text, size_t size, double *amount, const char **unit)
{
    snprintf(text, size, "matrix product, %" PRIu32 " x %" PRIu32 ", tiled", sizes.side,
             sizes.side);
    *amount = 2e-9 * sizes.side * sizes.side * sizes.side;
    *unit = "GFLOP/s";
}

static CUresult take_matrix(unsigned number)
{
    uint32_t n = sizes.side, seed = number + 1;
    CUresult error = take(number, 4 * (size_t)n * n);
    float *m = host[number];

    for (size_t i = 0; error == CUDA_SUCCESS && i < (size_t)n * n; i++) {
        m[i] = (float)((int)(next_random(&seed) % VALUES) - VALUES / 2);
    }
    return error ?: cuMemcpyHtoD(memory[number], m, 4 * (size_t)n * n);
}

static CUresult prepare_product(CUmodule module)
{
    return cuModuleGetFunction(&functions[0], module, "matmul") ?: take_matrix(0) ?: take_matrix(1)
               ?: take(2, 4 * (size_t)sizes.side * sizes.side);
}

static CUresult run_product(void)
{
    unsigned tiles = (sizes.side + TILE - 1) / TILE;

    return cuLaunchKernel(functions[0], tiles, tiles, 1, TILE, TILE, 1, 0, NULL,
                          (void *[]){&memory[2], &memory[0], &memory[1], &sizes.side}, NULL);
}

static void multiply(int64_t *y, const float *m, const int64_t *x)
{
    for (uint32_t row = 0; row < sizes.side; row++) {
        y[row] = 0;
        for (uint32_t k = 0; k < sizes.side; k++) {
            y[row] += (int64_t)m[(size_t)row * sizes.side + k] * x[k];
        }
    }
}

/* Freivalds' check: c x = a (b x) for a random x. A wrong c passes with a chance of 2^-20. */
static CUresult compare_product(bool *is_right)
{
    static int64_t x[CUDA_SIDE_MAX], bx[CUDA_SIDE_MAX], abx[CUDA_SIDE_MAX], cx[CUDA_SIDE_MAX];
    uint32_t seed = 99;
    CUresult error = cuMemcpyDtoH(host[2], memory[2], 4 * (size_t)sizes.side * sizes.side);

    for (uint32_t i = 0; i < sizes.side; i++) {
        x[i] = next_random(&seed) >> 12;
    }
    multiply(bx, host[1], x);
    multiply(abx, host[0], bx);
    multiply(cx, host[2], x);
    *is_right = memcmp(abx, cx, sizeof(*cx) * sizes.side) == 0;
    return error;
}

/* ---- Sum ---- */

static void describe_sum(char *text, size_t size, double *amount, const char **unit)
{
    snprintf(text, size, "sum of %" PRIu32 " numbers", sizes.count);
    *amount = 4e-9 * sizes.count;
    *unit = "GB/s";
}

static CUresult prepare_sum(CUmodule module)
{
    return cuModuleGetFunction(&functions[0], module, "reduce") ?: take_random(0, 4 * sizes.count)
               ?: take(1, 4);
}

static CUresult run_sum(void)
{
    return cuMemsetD32Async(memory[1], 0, 1, NULL)
               ?: launch(functions[0], BLOCKS, BLOCK,
                         (void *[]){&memory[1], &memory[0], &sizes.count});
}

static CUresult compare_sum(bool *is_right)
{
    const uint32_t *values = host[0], *got = host[1];
    uint32_t sum = 0;
    CUresult error = cuMemcpyDtoH(host[1], memory[1], 4);

    for (uint32_t i = 0; i < sizes.count; i++) {
        sum += values[i];
    }
    *is_right = *got == sum;
    return error;
}

/* ---- Scan ---- */

static void describe_scan(char *text, size_t size, double *amount, const char **unit)
{
    snprintf(text, size, "scan of %" PRIu32 " numbers", sizes.count);
    *amount = 8e-9 * sizes.count;
    *unit = "GB/s";
}

static CUresult prepare_scan(CUmodule module)
{
    return cuModuleGetFunction(&functions[0], module, "scan_blocks")
               ?: cuModuleGetFunction(&functions[1], module, "scan_add")
               ?: take_random(0, 4 * sizes.count) ?: take(1, 4 * sizes.count)
               ?: take(2, 4 * (SUMS + 1));
}

/* The blocks, their sums by one block, and those added to the blocks. */
static CUresult run_scan(void)
{
    unsigned blocks = (sizes.count + BLOCK - 1) / BLOCK;
    CUdeviceptr total = memory[2] + 4 * SUMS;

    return launch(functions[0], blocks, BLOCK,
                  (void *[]){&memory[1], &memory[2], &memory[0], &sizes.count})
               ?: launch(functions[0], 1, BLOCK,
                         (void *[]){&memory[2], &total, &memory[2], &blocks})
               ?: launch(functions[1], blocks, BLOCK,
                         (void *[]){&memory[1], &memory[2], &sizes.count});
}

static CUresult compare_scan(bool *is_right)
{
    const uint32_t *values = host[0], *got = host[1];
    uint32_t sum = 0;
    CUresult error = cuMemcpyDtoH(host[1], memory[1], 4 * sizes.count);

    *is_right = true;
    for (uint32_t i = 0; i < sizes.count; i++) {
        *is_right = *is_right && got[i] == sum;
        sum += values[i];
    }
    return error;
}

/* ---- Histogram ---- */

static void describe_histogram(char *text, size_t size, double *amount, const char **unit)
{
    snprintf(text, size, "histogram of %" PRIu32 " bytes", sizes.count);
    *amount = 1e-9 * sizes.count;
    *unit = "GB/s";
}

static CUresult prepare_histogram(CUmodule module)
{
    return cuModuleGetFunction(&functions[0], module, "histogram") ?: take_random(0, sizes.count)
               ?: take(1, 4 * 256);
}

static CUresult run_histogram(void)
{
    return cuMemsetD32Async(memory[1], 0, 256, NULL)
               ?: launch(functions[0], BLOCKS, BLOCK,
                         (void *[]){&memory[1], &memory[0], &sizes.count});
}

static CUresult compare_histogram(bool *is_right)
{
    const uint8_t *values = host[0];
    uint32_t bins[256] = {0};
    CUresult error = cuMemcpyDtoH(host[1], memory[1], sizeof(bins));

    for (uint32_t i = 0; i < sizes.count; i++) {
        bins[values[i]]++;
    }
    *is_right = memcmp(bins, host[1], sizeof(bins)) == 0;
    return error;
}

/* ---- Bodies ---- */

#define SOFTENING 0.01f
#define TERM_ERROR 1.5e-6 /* of rsqrtf, three times (2^-22.9 each), and a dozen roundings */
#define ROUNDING 5.9604645e-8

static void describe_bodies(char *text, size_t size, double *amount, const char **unit)
{
    snprintf(text, size, "n-body step, %" PRIu32 " bodies", sizes.bodies);
    *amount = 1e-6 * sizes.bodies * sizes.bodies;
    *unit = "M pairs/s";
}

static CUresult prepare_bodies(CUmodule module)
{
    uint32_t seed = 7;
    CUresult error = cuModuleGetFunction(&functions[0], module, "accelerate")
                         ?: take(0, 16 * (size_t)sizes.bodies) ?: take(1, 16 * (size_t)sizes.bodies);
    float *bodies = host[0];

    for (size_t i = 0; error == CUDA_SUCCESS && i < 4 * (size_t)sizes.bodies; i++) {
        bodies[i] = (float)(next_random(&seed) >> 8) / (1 << 24);
    }
    return error ?: cuMemcpyHtoD(memory[0], bodies, 16 * (size_t)sizes.bodies);
}

static CUresult run_bodies(void)
{
    float softening = SOFTENING;

    return launch(functions[0], (sizes.bodies + BODY_BLOCK - 1) / BODY_BLOCK, BODY_BLOCK,
                  (void *[]){&memory[1], &memory[0], &sizes.bodies, &softening});
}

/* One body's acceleration, in double precision. */
static bool is_pulled(const float (*bodies)[4], const float *me, const float *got)
{
    double sum[3] = {0}, size[3] = {0};

    for (uint32_t i = 0; i < sizes.bodies; i++) {
        double d[3], square = SOFTENING;

        for (unsigned axis = 0; axis < 3; axis++) {
            d[axis] = (double)bodies[i][axis] - me[axis];
            square += d[axis] * d[axis];
        }
        double pull = bodies[i][3] / (square * sqrt(square));

        for (unsigned axis = 0; axis < 3; axis++) {
            sum[axis] += d[axis] * pull;
            size[axis] += fabs(d[axis] * pull);
        }
    }
    for (unsigned axis = 0; axis < 3; axis++) {
        if (!(fabs(got[axis] - sum[axis]) <= (TERM_ERROR + sizes.bodies * ROUNDING) * size[axis])) {
            return false;
        }
    }
    return true;
}

static CUresult compare_bodies(bool *is_right)
{
    const float(*bodies)[4] = host[0], (*got)[4] = host[1];
    CUresult error = cuMemcpyDtoH(host[1], memory[1], 16 * (size_t)sizes.bodies);

    *is_right = true;
    for (uint32_t i = 0; *is_right && i < sizes.bodies; i++) {
        *is_right = is_pulled(bodies, bodies[i], got[i]);
    }
    return error;
}

const struct cuda_work cuda_works[CUDA_WORKS] = {
    {describe_product, prepare_product, run_product, compare_product},
    {describe_sum, prepare_sum, run_sum, compare_sum},
    {describe_scan, prepare_scan, run_scan, compare_scan},
    {describe_histogram, prepare_histogram, run_histogram, compare_histogram},
    {describe_bodies, prepare_bodies, run_bodies, compare_bodies},
};
