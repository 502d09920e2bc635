/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels of collective.c and sorting.c: what threads do together. */
#include <cooperative_groups.h>

#include "firmware/apps/cuda.cu"

#define BLOCK 256

/* As histogram, but by atomics of global memory alone. */
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
__device__ void add_neighbour(unsigned *values, unsigned *other, unsigned round)
{
    unsigned n = gridDim.x * blockDim.x, i = blockIdx.x * blockDim.x + threadIdx.x;
    const unsigned *from = round % 2 ? values : other;
    unsigned *to = round % 2 ? other : values;

    to[i] = from[i] + from[(i + blockDim.x) % n];
}

KERNEL neighbours(unsigned *values, unsigned *other, unsigned *arrived, unsigned rounds)
{
    for (unsigned round = 1; round <= rounds; round++) {
        add_neighbour(values, other, round);
        wait_for_grid(arrived, round);
    }
}

/* The same by the toolkit's barrier. */
KERNEL neighbours_by_groups(unsigned *values, unsigned *other, unsigned *arrived, unsigned rounds)
{
    for (unsigned round = 1; round <= rounds; round++) {
        add_neighbour(values, other, round);
        cooperative_groups::this_grid().sync();
    }
}
