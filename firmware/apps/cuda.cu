/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernels of run=cuda. */
#define KERNEL extern "C" __global__ void
#define ALL_LANES 0xFFFFFFFFu

/* ---- c = a b, n x n. Blocks of TILE x TILE ---- */

#define TILE 32

KERNEL matmul(float *c, const float *a, const float *b, unsigned n)
{
    __shared__ float tile_a[TILE][TILE], tile_b[TILE][TILE];
    unsigned x = threadIdx.x, y = threadIdx.y;
    unsigned column = blockIdx.x * TILE + x, row = blockIdx.y * TILE + y;
    float sum = 0;

    for (unsigned k = 0; k < n; k += TILE) {
        tile_a[y][x] = row < n && k + x < n ? a[row * n + k + x] : 0;
        tile_b[y][x] = column < n && k + y < n ? b[(k + y) * n + column] : 0;
        __syncthreads();
        for (unsigned i = 0; i < TILE; i++) {
            sum += tile_a[y][i] * tile_b[i][x];
        }
        __syncthreads();
    }
    if (row < n && column < n) {
        c[row * n + column] = sum;
    }
}

/* ---- *total += the sum of all values ---- */

/* The block's sum, in thread 0. */
__device__ unsigned sum_of_block(unsigned value)
{
    __shared__ unsigned of_warps[32];
    unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;

    for (unsigned by = 16; by > 0; by /= 2) {
        value += __shfl_down_sync(ALL_LANES, value, by);
    }
    if (lane == 0) {
        of_warps[warp] = value;
    }
    __syncthreads();
    if (warp == 0) {
        value = lane < blockDim.x / 32 ? of_warps[lane] : 0;
        for (unsigned by = 16; by > 0; by /= 2) {
            value += __shfl_down_sync(ALL_LANES, value, by);
        }
    }
    return value;
}

KERNEL reduce(unsigned *total, const unsigned *values, unsigned n)
{
    unsigned sum = 0;

    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        sum += values[i];
    }
    sum = sum_of_block(sum);
    if (threadIdx.x == 0) {
        atomicAdd(total, sum);
    }
}

/* ---- Scan: each value becomes the sum of all before it ---- */

/* Of the block's threads; *total is the sum of all. */
__device__ unsigned scan_of_block(unsigned value, unsigned *total)
{
    __shared__ unsigned of_warps[32];
    unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32, sum = value;

    for (unsigned by = 1; by < 32; by *= 2) {
        unsigned before = __shfl_up_sync(ALL_LANES, sum, by);

        sum += lane >= by ? before : 0;
    }
    if (lane == 31) {
        of_warps[warp] = sum;
    }
    __syncthreads();
    if (warp == 0) {
        unsigned of_warp = lane < blockDim.x / 32 ? of_warps[lane] : 0;

        for (unsigned by = 1; by < 32; by *= 2) {
            unsigned before = __shfl_up_sync(ALL_LANES, of_warp, by);

            of_warp += lane >= by ? before : 0;
        }
        of_warps[lane] = of_warp;
    }
    __syncthreads();
    *total = of_warps[31];
    return sum - value + (warp > 0 ? of_warps[warp - 1] : 0);
}

/* Each block by itself, and its sum in sums[]. */
KERNEL scan_blocks(unsigned *to, unsigned *sums, const unsigned *values, unsigned n)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x, total;
    unsigned before = scan_of_block(i < n ? values[i] : 0, &total);

    if (i < n) {
        to[i] = before;
    }
    if (threadIdx.x == 0) {
        sums[blockIdx.x] = total;
    }
}

KERNEL scan_add(unsigned *to, const unsigned *sums, unsigned n)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;

    if (i < n) {
        to[i] += sums[blockIdx.x];
    }
}

/* ---- Histogram of bytes ---- */

KERNEL histogram(unsigned *bins, const unsigned char *values, unsigned n)
{
    __shared__ unsigned of_block[256];

    for (unsigned i = threadIdx.x; i < 256; i += blockDim.x) {
        of_block[i] = 0;
    }
    __syncthreads();
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        atomicAdd(&of_block[values[i]], 1u);
    }
    __syncthreads();
    for (unsigned i = threadIdx.x; i < 256; i += blockDim.x) {
        atomicAdd(&bins[i], of_block[i]);
    }
}

/* ---- Bodies: x, y, z, mass. Blocks of BODIES ---- */

#define BODIES 128

KERNEL accelerate(float4 *accelerations, const float4 *bodies, unsigned n, float softening)
{
    __shared__ float4 tile[BODIES];
    unsigned i = blockIdx.x * BODIES + threadIdx.x;
    float4 me = i < n ? bodies[i] : make_float4(0, 0, 0, 0);
    float ax = 0, ay = 0, az = 0;

    for (unsigned first = 0; first < n; first += BODIES) {
        unsigned j = first + threadIdx.x;

        tile[threadIdx.x] = j < n ? bodies[j] : make_float4(0, 0, 0, 0);
        __syncthreads();
        for (unsigned k = 0; k < BODIES; k++) {
            float dx = tile[k].x - me.x, dy = tile[k].y - me.y, dz = tile[k].z - me.z;
            float inverse = rsqrtf(dx * dx + dy * dy + dz * dz + softening);
            float pull = tile[k].w * inverse * inverse * inverse;

            ax += dx * pull;
            ay += dy * pull;
            az += dz * pull;
        }
        __syncthreads();
    }
    if (i < n) {
        accelerations[i] = make_float4(ax, ay, az, 0);
    }
}

/* ---- Mandelbrot ---- */

/* Steps until |z|^2 > `away`, which is left in *square. Each operation is written, so that every
 * compiler has the same. */
__device__ unsigned escape(float cx, float cy, unsigned limit, float away, float *square)
{
    float x = 0, y = 0;
    unsigned steps = 0;

    *square = 0;
    while (steps < limit && *square <= away) {
        float next = fmaf(x, x, fmaf(-y, y, cx));

        y = fmaf(2.0f * x, y, cy);
        x = next;
        *square = fmaf(x, x, y * y);
        steps++;
    }
    return steps;
}

struct view {
    float left, top, step; /* of pixels */
    unsigned width, height, limit;
};

#define SAMPLES 2 /* in each direction of a pixel */
#define AWAY 65536.0f
#define COLORS 6

/* 0 to 255 of red, green, blue: from one to the next, and from the last to the first. */
__constant__ float colors[COLORS][3];

__device__ void add_color(float sum[3], float steps)
{
    float place = 1.3f * sqrtf(steps);
    unsigned low = (unsigned)place % COLORS, high = (low + 1) % COLORS;
    float part = place - floorf(place);

    for (unsigned i = 0; i < 3; i++) {
        sum[i] += fmaf(part, colors[high][i] - colors[low][i], colors[low][i]);
    }
}

/* 0xRRGGBB; what never goes away is black. */
KERNEL mandelbrot(unsigned *pixels, view v)
{
    unsigned column = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned row = blockIdx.y * blockDim.y + threadIdx.y, pixel = 0;
    float sum[3] = {0, 0, 0};

    if (column >= v.width || row >= v.height) {
        return;
    }
    for (unsigned i = 0; i < SAMPLES * SAMPLES; i++) {
        float u = (float)column + (float)(i % SAMPLES) / SAMPLES, square;
        float w = (float)row + (float)(i / SAMPLES) / SAMPLES;
        unsigned steps =
            escape(fmaf(u, v.step, v.left), fmaf(-w, v.step, v.top), v.limit, AWAY, &square);

        if (square > AWAY) {
            add_color(sum, (float)steps + 4.0f - __log2f(__log2f(square)));
        }
    }
    for (unsigned i = 0; i < 3; i++) {
        pixel = pixel << 8 | (unsigned)(sum[i] / (SAMPLES * SAMPLES) + 0.5f);
    }
    pixels[row * v.width + column] = pixel;
}
