/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bfloat16, a float's upper half. Arithmetic is float's, rounded, which is the correct result but
 * for __hfma, which is an instruction from sm_80 on.
 */
#ifndef FIRMWARE_CUDA_CLANG_CUDA_BF16_H
#define FIRMWARE_CUDA_CLANG_CUDA_BF16_H

#include "cuda_fp16.h"

BG_DEVICE unsigned short bg_round_to_bfloat16(float value)
{
#if __CUDA_ARCH__ >= 800
    unsigned short rounded;

    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(rounded) : "f"(value));
    return rounded;
#else
    const unsigned bits = __float_as_uint(value);

    return isnan(value) ? 0x7FFF : (unsigned short)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
#endif
}

struct __align__(2) __nv_bfloat16 {
    unsigned short bits;

    __nv_bfloat16() = default;
    __device__ __nv_bfloat16(float value) : bits(bg_round_to_bfloat16(value))
    {
    }
    __device__ operator float() const
    {
        return __uint_as_float((unsigned)bits << 16);
    }
};
typedef __nv_bfloat16 nv_bfloat16;

struct __align__(4) __nv_bfloat162 {
    __nv_bfloat16 x, y;

    __nv_bfloat162() = default;
    __device__ __nv_bfloat162(__nv_bfloat16 x, __nv_bfloat16 y) : x(x), y(y)
    {
    }
};
typedef __nv_bfloat162 nv_bfloat162;

/* ---- Arithmetic ---- */

BG_HALF_BINARY(__nv_bfloat16, __hadd, __fadd_rn(x, y))
BG_HALF_BINARY(__nv_bfloat16, __hsub, __fsub_rn(x, y))
BG_HALF_BINARY(__nv_bfloat16, __hmul, __fmul_rn(x, y))
BG_HALF2_BINARY(__nv_bfloat162, __hadd2, __hadd)
BG_HALF2_BINARY(__nv_bfloat162, __hsub2, __hsub)
BG_HALF2_BINARY(__nv_bfloat162, __hmul2, __hmul)

/* A double whose last bit is odd where `lost` bits are not in it: what is rounded from it is
 * rounded once. */
BG_DEVICE double bg_mark_lost(double value, double lost)
{
    const long long bits = __double_as_longlong(value);

    return !(lost != 0.0 && isfinite(lost))
               ? value
               : __longlong_as_double((bits - ((lost < 0.0) != (value < 0.0) ? 1 : 0)) | 1);
}

BG_DEVICE __nv_bfloat16 __double2bfloat16(double value)
{
    const float near = __double2float_rz(value);
    const unsigned bits = __float_as_uint(near);

    return __nv_bfloat16(__uint_as_float((double)near == value || isnan(value) ? bits : bits | 1));
}

BG_DEVICE __nv_bfloat16 __hfma(__nv_bfloat16 a, __nv_bfloat16 b, __nv_bfloat16 c)
{
#if __CUDA_ARCH__ >= 800
    unsigned short bits;

    asm("fma.rn.bf16 %0, %1, %2, %3;" : "=h"(bits) : "h"(a.bits), "h"(b.bits), "h"(c.bits));
    return bg_of_bits<__nv_bfloat16>(bits);
#else
    const bg_pair sum = bg_sum(__dmul_rn((double)(float)a, (double)(float)b), (double)(float)c);

    return __double2bfloat16(bg_mark_lost(sum.high, sum.low));
#endif
}

BG_DEVICE __nv_bfloat162 __hfma2(__nv_bfloat162 a, __nv_bfloat162 b, __nv_bfloat162 c)
{
    return __nv_bfloat162(__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y));
}

BG_HALF_FUNCTIONS(__nv_bfloat16, __nv_bfloat162, bfloat16, bfloat162)

/* ---- Conversions ---- */

BG_DEVICE __nv_bfloat16 __float2bfloat16(float value)
{
    return __nv_bfloat16(value);
}

BG_DEVICE __nv_bfloat16 __float2bfloat16_rn(float value)
{
    return __nv_bfloat16(value);
}

BG_DEVICE float __bfloat162float(__nv_bfloat16 value)
{
    return value;
}

BG_DEVICE __nv_bfloat16 __int2bfloat16_rn(int value)
{
    return __double2bfloat16((double)value);
}

BG_DEVICE __nv_bfloat16 __uint2bfloat16_rn(unsigned value)
{
    return __double2bfloat16((double)value);
}

BG_DEVICE int __bfloat162int_rn(__nv_bfloat16 value)
{
    return (int)rintf(value);
}

BG_DEVICE int __bfloat162int_rz(__nv_bfloat16 value)
{
    return (int)(float)value;
}

/* ---- Atomics ---- */

BG_DEVICE __nv_bfloat162 atomicAdd(__nv_bfloat162 *address, __nv_bfloat162 value)
{
    unsigned was = *(volatile unsigned *)address, expected;

    do {
        expected = was;
        was = atomicCAS((unsigned *)address, expected,
                        bg_bits32(__hadd2(bg_of_bits<__nv_bfloat162>(expected), value)));
    } while (was != expected);
    return bg_of_bits<__nv_bfloat162>(was);
}

BG_DEVICE __nv_bfloat16 atomicAdd(__nv_bfloat16 *address, __nv_bfloat16 value)
{
    const size_t place = (size_t)address;
    unsigned *word = (unsigned *)(place & ~(size_t)3);
    const unsigned shift = place & 2 ? 16 : 0;
    unsigned was = *(volatile unsigned *)word, expected;

    do {
        expected = was;
        const __nv_bfloat16 sum =
            __hadd(bg_of_bits<__nv_bfloat16>((unsigned short)(expected >> shift)), value);

        was = atomicCAS(word, expected,
                        (expected & ~(0xFFFFu << shift)) | (unsigned)sum.bits << shift);
    } while (was != expected);
    return bg_of_bits<__nv_bfloat16>((unsigned short)(was >> shift));
}

#endif
