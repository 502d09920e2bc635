/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels as people write them, for kernels_test.c: compiled to PTX by clang, and by nvcc where it
 * is. */
#define KERNEL extern "C" __global__ void
#define INDEX (blockIdx.x * blockDim.x + threadIdx.x)

KERNEL vector_add(float *c, const float *a, const float *b, unsigned n)
{
    unsigned i = INDEX;

    if (i < n) {
        c[i] = a[i] + b[i];
    }
}

KERNEL saxpy(float *y, const float *x, float a, unsigned n)
{
    for (unsigned i = INDEX; i < n; i += blockDim.x * gridDim.x) {
        y[i] = a * x[i] + y[i];
    }
}

#define TILE 16

/* n is any size. */
KERNEL matrix_product(float *c, const float *a, const float *b, unsigned n)
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

KERNEL transpose(float *to, const float *from, unsigned width, unsigned height)
{
    __shared__ float tile[TILE][TILE + 1];
    unsigned x = blockIdx.x * TILE + threadIdx.x, y = blockIdx.y * TILE + threadIdx.y;

    if (x < width && y < height) {
        tile[threadIdx.y][threadIdx.x] = from[y * width + x];
    }
    __syncthreads();
    x = blockIdx.y * TILE + threadIdx.x;
    y = blockIdx.x * TILE + threadIdx.y;
    if (x < height && y < width) {
        to[y * height + x] = tile[threadIdx.x][threadIdx.y];
    }
}

/* Blocks of 256. */
KERNEL sum_by_shuffles(float *sums, const float *values, unsigned n)
{
    __shared__ float of_warps[8];
    float sum = 0;

    for (unsigned i = INDEX; i < n; i += blockDim.x * gridDim.x) {
        sum += values[i];
    }
    for (unsigned by = 16; by; by /= 2) {
        sum += __shfl_down_sync(0xFFFFFFFF, sum, by);
    }
    if (threadIdx.x % 32 == 0) {
        of_warps[threadIdx.x / 32] = sum;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        for (unsigned i = 1; i < 8; i++) {
            sum += of_warps[i];
        }
        sums[blockIdx.x] = sum;
    }
}

extern __shared__ float dynamic[];

KERNEL sum_by_tree(float *sums, const float *values, unsigned n)
{
    unsigned i = INDEX;

    dynamic[threadIdx.x] = i < n ? values[i] : 0;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half; half /= 2) {
        if (threadIdx.x < half) {
            dynamic[threadIdx.x] += dynamic[threadIdx.x + half];
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) {
        sums[blockIdx.x] = dynamic[0];
    }
}

/* The block that is last adds what the others left. */
__device__ unsigned blocks_done;

KERNEL sum_in_one_launch(unsigned *total, unsigned *parts, const unsigned *values, unsigned n)
{
    __shared__ unsigned sum, is_last;

    if (threadIdx.x == 0) {
        sum = 0;
    }
    __syncthreads();
    for (unsigned i = INDEX; i < n; i += blockDim.x * gridDim.x) {
        atomicAdd(&sum, values[i]);
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        parts[blockIdx.x] = sum;
        __threadfence();
        is_last = (unsigned)atomicAdd(&blocks_done, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (is_last && threadIdx.x == 0) {
        __threadfence();
        *total = 0;
        for (unsigned i = 0; i < gridDim.x; i++) {
            *total += parts[i];
        }
        blocks_done = 0;
    }
}

/* Of a block's 256 values, each with those before it. */
KERNEL scan(unsigned *sums, const unsigned *values)
{
    __shared__ unsigned buffers[2][256];
    unsigned from = 0, x = threadIdx.x;

    buffers[0][x] = values[INDEX];
    __syncthreads();
    for (unsigned by = 1; by < 256; by *= 2) {
        buffers[1 - from][x] = buffers[from][x] + (x >= by ? buffers[from][x - by] : 0);
        from = 1 - from;
        __syncthreads();
    }
    sums[INDEX] = buffers[from][x];
}

KERNEL histogram_shared(unsigned *bins, const unsigned char *bytes, unsigned n)
{
    __shared__ unsigned own[256];

    for (unsigned i = threadIdx.x; i < 256; i += blockDim.x) {
        own[i] = 0;
    }
    __syncthreads();
    for (unsigned i = INDEX; i < n; i += blockDim.x * gridDim.x) {
        atomicAdd(&own[bytes[i]], 1u);
    }
    __syncthreads();
    for (unsigned i = threadIdx.x; i < 256; i += blockDim.x) {
        atomicAdd(&bins[i], own[i]);
    }
}

KERNEL histogram_global(unsigned *bins, const unsigned char *bytes, unsigned n)
{
    unsigned i = INDEX;

    if (i < n) {
        atomicAdd(&bins[bytes[i]], 1u);
    }
}

/* A block's 256 keys. */
KERNEL bitonic_sort(int *keys)
{
    __shared__ int sorted[256];
    unsigned x = threadIdx.x;

    sorted[x] = keys[INDEX];
    __syncthreads();
    for (unsigned size = 2; size <= 256; size *= 2) {
        for (unsigned by = size / 2; by; by /= 2) {
            unsigned other = x ^ by;

            if (other > x && (sorted[x] > sorted[other]) == ((x & size) == 0)) {
                int key = sorted[x];

                sorted[x] = sorted[other];
                sorted[other] = key;
            }
            __syncthreads();
        }
    }
    keys[INDEX] = sorted[x];
}

__constant__ float weights[5];

KERNEL convolution(float *to, const float *from, int n)
{
    int i = (int)INDEX;
    float sum = 0;

    if (i >= n) {
        return;
    }
    for (int k = -2; k <= 2; k++) {
        int at = i + k < 0 ? 0 : i + k >= n ? n - 1 : i + k;

        sum += weights[k + 2] * from[at];
    }
    to[i] = sum;
}

struct body {
    float x, y, z, mass;
};

KERNEL accelerations(struct body *to, const struct body *bodies, unsigned n)
{
    unsigned i = INDEX;
    struct body own, sum = {0, 0, 0, 0};

    if (i >= n) {
        return;
    }
    own = bodies[i];
    for (unsigned j = 0; j < n; j++) {
        float x = bodies[j].x - own.x, y = bodies[j].y - own.y, z = bodies[j].z - own.z;
        float square = x * x + y * y + z * z + 0.01f;
        float scale = bodies[j].mass / (square * square);

        sum.x += x * scale;
        sum.y += y * scale;
        sum.z += z * scale;
        sum.mass += bodies[j].mass;
    }
    to[i] = sum;
}

KERNEL mandelbrot(unsigned *counts, unsigned width, unsigned height, unsigned most)
{
    unsigned column = blockIdx.x * TILE + threadIdx.x, row = blockIdx.y * TILE + threadIdx.y;
    unsigned count = 0;
    float a = -2.0f + 3.0f * (float)column / (float)width, x = 0;
    float b = -1.0f + 2.0f * (float)row / (float)height, y = 0;

    if (column >= width || row >= height) {
        return;
    }
    while (count < most && x * x + y * y < 4.0f) {
        float next = x * x - y * y + a;

        y = 2.0f * x * y + b;
        x = next;
        count++;
    }
    counts[row * width + column] = count;
}

KERNEL collatz(unsigned *steps, unsigned n)
{
    unsigned i = INDEX, count = 0;

    if (i >= n) {
        return;
    }
    for (unsigned x = i + 1; x != 1; count++) {
        x = x % 2 ? 3 * x + 1 : x / 2;
    }
    steps[i] = count;
}

/* Those that are odd, a warp's in order. Blocks of 256; the warps' places are as they come. */
KERNEL compact(unsigned *kept, unsigned *count, const unsigned *values)
{
    unsigned value = values[INDEX], lane = threadIdx.x % 32, first = 0;
    unsigned votes = (unsigned)__ballot_sync(0xFFFFFFFF, value % 2);
    __shared__ unsigned of_warps[8];

    if (lane == 0) {
        of_warps[threadIdx.x / 32] = atomicAdd(count, (unsigned)__popc(votes));
    }
    __syncthreads();
    first = of_warps[threadIdx.x / 32];
    if (value % 2) {
        kept[first + (unsigned)__builtin_popcount(votes & ((1u << lane) - 1))] = value;
    }
}

/* By compare and swap, as was done before there was an instruction for it. */
KERNEL add_doubles(double *sum, const double *values, unsigned n)
{
    unsigned i = INDEX;
    unsigned long long *bits = (unsigned long long *)sum, old = *bits, assumed;

    if (i >= n) {
        return;
    }
    do {
        union {
            unsigned long long bits;
            double value;
        } next;

        assumed = old;
        next.bits = assumed;
        next.value += values[i];
        old = (unsigned long long)atomicCAS(bits, assumed, next.bits);
    } while (old != assumed);
}

/* Many ways through one loop. */
KERNEL interpret(unsigned *results, const unsigned char *code, unsigned length)
{
    unsigned value = INDEX, left = 200;

    for (unsigned at = 0; at < length && left; at++, left--) {
        switch ((code[at] + value) % 7) {
        case 0:
            value = value * 5 + 1;
            break;
        case 1:
            value ^= value >> 7;
            break;
        case 2:
            at = value % length;
            break;
        case 3:
            if (value & 8) {
                continue;
            }
            value += left;
            break;
        case 4:
            for (unsigned i = 0; i < value % 5; i++) {
                value += i * 3;
            }
            break;
        case 5:
            if (value % 64 == 63) {
                results[INDEX] = value;
                return;
            }
            value--;
            break;
        default:
            value = value / 3 + 17;
        }
    }
    results[INDEX] = value ^ 0x55555555;
}

KERNEL mixed_widths(long long *results, const signed char *bytes, const short *shorts,
                    const double *doubles, unsigned n)
{
    unsigned i = INDEX;

    if (i < n) {
        long long product = (long long)bytes[i] * shorts[i] * 1000003;

        results[i] = product / (shorts[i] | 1) % 1000 + (long long)(doubles[i] * 8.5) -
                     (product >> (i % 64));
    }
}

/* What one thread of a block finds, all do. */
KERNEL do_where_odd(unsigned *done, const unsigned *values)
{
    __shared__ bool is_odd;

    if (threadIdx.x == 0) {
        is_odd = values[blockIdx.x] % 2;
    }
    __syncthreads();
    if (is_odd) {
        done[INDEX] = threadIdx.x;
    }
}
