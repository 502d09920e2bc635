/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel whose parts are in cuda_link_parts.cu. */
extern __device__ int counter;
extern __constant__ float scale[4];
extern __shared__ int scratch[];
__device__ float mix(float x, int n);

static __device__ int own = 3;

static __device__ __noinline__ int shift(int x)
{
    return x + own;
}

template <typename T> __device__ __noinline__ T twice(T x)
{
    return x + x;
}

extern "C" __global__ void run(float *out, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;

    if (i < n) {
        scratch[threadIdx.x] = i;
        out[i] = mix(twice((float)i), shift(i)) * scale[i & 3];
        atomicAdd(&counter, 1);
    }
}
