/* SPDX-License-Identifier: BSD-2-Clause */
// The mediator's own kernels. c may be a or b: nothing is declared __restrict__.
#include <stdint.h>

template <typename T, typename Add>
static __device__ void add_all(T *c, const T *a, const T *b, uint64_t count, Add add)
{
    const uint64_t stride = (uint64_t)gridDim.x * blockDim.x;

    for (uint64_t i = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
        c[i] = add(a[i], b[i]);
    }
}

// Two's complement: signed and unsigned sums are the same bits.
extern "C" __global__ void vector_add_uint32(uint32_t *c, const uint32_t *a, const uint32_t *b,
                                             uint64_t count)
{
    add_all(c, a, b, count, [](uint32_t x, uint32_t y) { return x + y; });
}

// __fadd_rn: rounded to nearest even, never contracted; nvcc keeps denormals by default.
extern "C" __global__ void vector_add_float32(float *c, const float *a, const float *b,
                                              uint64_t count)
{
    add_all(c, a, b, count, [](float x, float y) { return __fadd_rn(x, y); });
}

template <typename T>
static __device__ void fill_all(T *texels, uint64_t count, T texel)
{
    const uint64_t stride = (uint64_t)gridDim.x * blockDim.x;

    for (uint64_t i = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
        texels[i] = texel;
    }
}

#define FILL(size, type)                                                                           \
    extern "C" __global__ void fill_##size(type *texels, uint64_t count, type texel)               \
    {                                                                                              \
        fill_all(texels, count, texel);                                                            \
    }

FILL(1, uint8_t)
FILL(2, uint16_t)
FILL(4, uint32_t)
FILL(8, uint2)
FILL(16, uint4)
