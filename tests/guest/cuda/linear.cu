/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels of linear.c and transforms.c: vectors, matrices, images, grids, a Fourier transform. What
 * run=cuda has, too, is tested from there. */
#include <cuda_fp16.h>
#include <mma.h>

#include "firmware/apps/cuda.cu"

KERNEL vector_add(float *c, const float *a, const float *b, unsigned n)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;

    if (i < n) {
        c[i] = a[i] + b[i];
    }
}

KERNEL saxpy(float *y, const float *x, float a, unsigned n)
{
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        y[i] = fmaf(a, x[i], y[i]);
    }
}

/* ---- Products of n x n ---- */

KERNEL matmul_naive(float *c, const float *a, const float *b, unsigned n)
{
    unsigned column = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned row = blockIdx.y * blockDim.y + threadIdx.y;
    float sum = 0;

    if (row >= n || column >= n) {
        return;
    }
    for (unsigned k = 0; k < n; k++) {
        sum += a[row * n + k] * b[k * n + column];
    }
    c[row * n + column] = sum;
}

KERNEL to_half(half *to, const float *from, unsigned n)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;

    if (i < n) {
        to[i] = __float2half(from[i]);
    }
}

/* A warp for 16 x 16 of c; n is a multiple of 16. */
KERNEL matmul_wmma(float *c, const half *a, const half *b, unsigned n)
{
    using namespace nvcuda::wmma;
    unsigned row = blockIdx.y * 16, column = blockIdx.x * 16;
    fragment<matrix_a, 16, 16, 16, half, row_major> rows;
    fragment<matrix_b, 16, 16, 16, half, row_major> columns;
    fragment<accumulator, 16, 16, 16, float> sums;

    fill_fragment(sums, 0.0f);
    for (unsigned k = 0; k < n; k += 16) {
        load_matrix_sync(rows, a + row * n + k, n);
        load_matrix_sync(columns, b + k * n + column, n);
        mma_sync(sums, rows, columns, sums);
    }
    store_matrix_sync(c + row * n + column, sums, n, mem_row_major);
}

#define EDGE 16

KERNEL transpose(float *to, const float *from, unsigned width, unsigned height)
{
    __shared__ float tile[EDGE][EDGE + 1];
    unsigned x = blockIdx.x * EDGE + threadIdx.x, y = blockIdx.y * EDGE + threadIdx.y;

    if (x < width && y < height) {
        tile[threadIdx.y][threadIdx.x] = from[y * width + x];
    }
    __syncthreads();
    x = blockIdx.y * EDGE + threadIdx.x;
    y = blockIdx.x * EDGE + threadIdx.y;
    if (x < height && y < width) {
        to[y * height + x] = tile[threadIdx.x][threadIdx.y];
    }
}

/* ---- Images and grids ---- */

#define RADIUS 3
#define HALO (EDGE + 2 * RADIUS)

__constant__ float weights[2 * RADIUS + 1][2 * RADIUS + 1];

/* Outside the image is 0. Blocks of EDGE x EDGE. */
KERNEL convolve(float *to, const float *from, int width, int height)
{
    __shared__ float tile[HALO][HALO];
    int left = blockIdx.x * EDGE - RADIUS, top = blockIdx.y * EDGE - RADIUS;
    int x = blockIdx.x * EDGE + threadIdx.x, y = blockIdx.y * EDGE + threadIdx.y;
    float sum = 0;

    for (int i = threadIdx.y * EDGE + threadIdx.x; i < HALO * HALO; i += EDGE * EDGE) {
        int u = left + i % HALO, v = top + i / HALO;

        tile[i / HALO][i % HALO] =
            u >= 0 && u < width && v >= 0 && v < height ? from[v * width + u] : 0;
    }
    __syncthreads();
    if (x >= width || y >= height) {
        return;
    }
    for (int v = 0; v <= 2 * RADIUS; v++) {
        for (int u = 0; u <= 2 * RADIUS; u++) {
            sum += weights[v][u] * tile[threadIdx.y + v][threadIdx.x + u];
        }
    }
    to[y * width + x] = sum;
}

/* A step of the heat equation on a cube of n; its faces stay. */
KERNEL stencil(float *to, const float *from, unsigned n, float rate)
{
    unsigned x = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned y = blockIdx.y * blockDim.y + threadIdx.y;
    unsigned z = blockIdx.z * blockDim.z + threadIdx.z, i = (z * n + y) * n + x;

    if (x >= n || y >= n || z >= n) {
        return;
    }
    float here = from[i];

    if (x > 0 && x < n - 1 && y > 0 && y < n - 1 && z > 0 && z < n - 1) {
        float around = from[i - 1] + from[i + 1] + from[i - n] + from[i + n] + from[i - n * n] +
                       from[i + n * n];

        here = fmaf(rate, fmaf(-6.0f, here, around), here);
    }
    to[i] = here;
}

/* ---- A Fourier transform of POINTS, in shared memory ---- */

#define LOG_POINTS 10
#define POINTS (1 << LOG_POINTS)

/* A block of POINTS / 2 for each signal, in place. */
KERNEL fourier(float2 *signals)
{
    __shared__ float2 points[POINTS];
    float2 *signal = signals + blockIdx.x * POINTS;

    for (unsigned i = threadIdx.x; i < POINTS; i += blockDim.x) {
        points[__brev(i) >> (32 - LOG_POINTS)] = signal[i];
    }
    for (unsigned half = 1; half < POINTS; half *= 2) {
        unsigned k = threadIdx.x % half, low = 2 * (threadIdx.x - k) + k, high = low + half;
        float angle = -3.14159265f * (float)k / (float)half, c = cosf(angle), s = sinf(angle);

        __syncthreads();
        float2 a = points[low], b = points[high];
        float2 turned = make_float2(c * b.x - s * b.y, c * b.y + s * b.x);

        points[low] = make_float2(a.x + turned.x, a.y + turned.y);
        points[high] = make_float2(a.x - turned.x, a.y - turned.y);
    }
    __syncthreads();
    for (unsigned i = threadIdx.x; i < POINTS; i += blockDim.x) {
        signal[i] = points[i];
    }
}
