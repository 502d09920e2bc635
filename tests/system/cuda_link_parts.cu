/* SPDX-License-Identifier: BSD-2-Clause */
/* What cuda_link_main.cu calls, with names of its own that are there, too. */
__device__ int counter = 5;
__constant__ float scale[4] = {1, 2, 3, 4};
extern __shared__ int scratch[];

static __device__ int own = 10;

static __device__ __noinline__ int shift(int x)
{
    return x * own;
}

template <typename T> __device__ __noinline__ T twice(T x)
{
    return x + x;
}

__device__ float mix(float x, int n)
{
    return twice(x) + shift(n) + scratch[threadIdx.x];
}
