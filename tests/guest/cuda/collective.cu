/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels of collective.c: what threads do together. */
#define KERNEL extern "C" __global__ void
#define ALL_LANES 0xFFFFFFFFu
#define BLOCK 256

/* ---- Reduction ---- */

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

/* ---- Scan: sums of all that come before ---- */

/* Of the block's threads, exclusive; *total is the sum of all. */
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

/* ---- Histograms of bytes ---- */

KERNEL histogram_shared(unsigned *bins, const unsigned char *values, unsigned n)
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

KERNEL histogram_global(unsigned *bins, const unsigned char *values, unsigned n)
{
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        atomicAdd(&bins[values[i]], 1u);
    }
}

/* ---- Radix sort, of pairs, by four bits in a pass. Blocks of BLOCK. ---- */

#define DIGITS 16

__device__ unsigned digit_of(unsigned key, unsigned shift)
{
    return key >> shift & (DIGITS - 1);
}

/* counts[digit][block] */
KERNEL radix_count(unsigned *counts, const unsigned *keys, unsigned n, unsigned shift)
{
    __shared__ unsigned of_block[DIGITS];
    unsigned i = blockIdx.x * BLOCK + threadIdx.x;

    if (threadIdx.x < DIGITS) {
        of_block[threadIdx.x] = 0;
    }
    __syncthreads();
    if (i < n) {
        atomicAdd(&of_block[digit_of(keys[i], shift)], 1u);
    }
    __syncthreads();
    if (threadIdx.x < DIGITS) {
        counts[threadIdx.x * gridDim.x + blockIdx.x] = of_block[threadIdx.x];
    }
}

/* `starts` are the counts, scanned. Keys of one digit keep their order. */
KERNEL radix_scatter(uint2 *to, const uint2 *from, const unsigned *starts, unsigned n,
                     unsigned shift)
{
    unsigned i = blockIdx.x * BLOCK + threadIdx.x, place = 0;
    uint2 pair = i < n ? from[i] : make_uint2(0, 0);
    unsigned mine = i < n ? digit_of(pair.x, shift) : DIGITS;

    for (unsigned digit = 0; digit < DIGITS; digit++) {
        unsigned total, before = scan_of_block(mine == digit, &total);

        if (mine == digit) {
            place = starts[digit * gridDim.x + blockIdx.x] + before;
        }
        __syncthreads();
    }
    if (i < n) {
        to[place] = pair;
    }
}

KERNEL radix_keys(unsigned *keys, const uint2 *pairs, unsigned n)
{
    unsigned i = blockIdx.x * BLOCK + threadIdx.x;

    if (i < n) {
        keys[i] = pairs[i].x;
    }
}

/* ---- Bitonic sort: n is a power of two ---- */

__device__ void bitonic_exchange(int *values, unsigned low, unsigned distance, bool rises)
{
    int a = values[low], b = values[low + distance];

    if ((a > b) == rises) {
        values[low] = b;
        values[low + distance] = a;
    }
}

/* The lower of thread i's pair. */
__device__ unsigned bitonic_low(unsigned i, unsigned distance)
{
    return 2 * i - (i & (distance - 1));
}

KERNEL bitonic_step(int *values, unsigned size, unsigned distance)
{
    unsigned low = bitonic_low(blockIdx.x * BLOCK + threadIdx.x, distance);

    bitonic_exchange(values, low, distance, (low & size) == 0);
}

/* All steps of distances below 2 * BLOCK, of sizes from `first` to `last`. */
KERNEL bitonic_within(int *values, unsigned first, unsigned last)
{
    __shared__ int part[2 * BLOCK];
    unsigned base = blockIdx.x * 2 * BLOCK;

    part[threadIdx.x] = values[base + threadIdx.x];
    part[threadIdx.x + BLOCK] = values[base + threadIdx.x + BLOCK];
    for (unsigned size = first; size <= last; size *= 2) {
        for (unsigned distance = min(size / 2, BLOCK + 0u); distance > 0; distance /= 2) {
            unsigned low = bitonic_low(threadIdx.x, distance);

            __syncthreads();
            bitonic_exchange(part, low, distance, ((base + low) & size) == 0);
        }
    }
    __syncthreads();
    values[base + threadIdx.x] = part[threadIdx.x];
    values[base + threadIdx.x + BLOCK] = part[threadIdx.x + BLOCK];
}

/* ---- Dynamic shared memory: two arrays in it ---- */

extern __shared__ unsigned dynamic[];

/* values[] of each block backwards, and the bytes of each value too. */
KERNEL reverse(unsigned *values)
{
    unsigned *words = dynamic, i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned char *bytes = (unsigned char *)(dynamic + blockDim.x);

    words[threadIdx.x] = values[i];
    __syncthreads();
    for (unsigned byte = 0; byte < 4; byte++) {
        bytes[4 * threadIdx.x + byte] =
            (unsigned char)(words[blockDim.x - 1 - threadIdx.x] >> (24 - 8 * byte));
    }
    __syncthreads();
    values[i] = ((unsigned *)bytes)[threadIdx.x];
}

/* ---- A cooperative launch: all blocks are there at once ---- */

/* `arrived` begins as 0; `turn` counts the barriers from 1. */
__device__ void wait_for_grid(unsigned *arrived, unsigned turn)
{
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        atomicAdd(arrived, 1u);
        while (atomicAdd(arrived, 0u) < turn * gridDim.x) {
        }
        __threadfence();
    }
    __syncthreads();
}

/* In each round every value becomes the sum of itself and of its neighbour in the next block. */
KERNEL neighbours(unsigned *values, unsigned *other, unsigned *arrived, unsigned rounds)
{
    unsigned n = gridDim.x * blockDim.x, i = blockIdx.x * blockDim.x + threadIdx.x;

    for (unsigned round = 1; round <= rounds; round++) {
        const unsigned *from = round % 2 ? values : other;
        unsigned *to = round % 2 ? other : values;

        to[i] = from[i] + from[(i + blockDim.x) % n];
        wait_for_grid(arrived, round);
    }
}
