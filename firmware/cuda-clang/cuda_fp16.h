/* SPDX-License-Identifier: BSD-2-Clause */
/* Half precision as it is kept in memory, and conversions; arithmetic is that of float. */
#ifndef FIRMWARE_CUDA_CLANG_CUDA_FP16_H
#define FIRMWARE_CUDA_CLANG_CUDA_FP16_H

#include "cuda_runtime.h"

struct __align__(2) __half {
    unsigned short bits;

    __half() = default;
    __device__ __half(float value)
    {
        asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    }
    __device__ operator float() const
    {
        float value;

        asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
        return value;
    }
};
typedef __half half;

struct __align__(4) __half2 {
    __half x, y;
};
typedef __half2 half2;

BG_DEVICE __half __float2half(float value)
{
    return __half(value);
}

BG_DEVICE float __half2float(__half value)
{
    return value;
}

#endif
