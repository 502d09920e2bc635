/* SPDX-License-Identifier: BSD-2-Clause */
/* Half precision: conversions and arithmetic are instructions. */
#ifndef FIRMWARE_CUDA_CLANG_CUDA_FP16_H
#define FIRMWARE_CUDA_CLANG_CUDA_FP16_H

#include "half_functions.h"

#define BG_TO_HALF(type, source, letter)                                                           \
    __device__ __half(type value)                                                                  \
    {                                                                                              \
        asm("cvt.rn.f16." source " %0, %1;" : "=h"(bits) : letter(value));                         \
    }

struct __align__(2) __half {
    unsigned short bits;

    __half() = default;
    BG_TO_HALF(float, "f32", "f")
    BG_TO_HALF(double, "f64", "d")
    BG_TO_HALF(short, "s16", "h")
    BG_TO_HALF(unsigned short, "u16", "h")
    BG_TO_HALF(int, "s32", "r")
    BG_TO_HALF(unsigned, "u32", "r")
    BG_TO_HALF(long, "s64", "l")
    BG_TO_HALF(unsigned long, "u64", "l")
    BG_TO_HALF(long long, "s64", "l")
    BG_TO_HALF(unsigned long long, "u64", "l")
    __device__ operator float() const
    {
        float value;

        asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
        return value;
    }
};
typedef __half half;

#undef BG_TO_HALF

struct __align__(4) __half2 {
    __half x, y;

    __half2() = default;
    __device__ __half2(__half x, __half y) : x(x), y(y)
    {
    }
};
typedef __half2 half2;

/* ---- Arithmetic ---- */

#define BG_HALF_INSTRUCTION(name, instruction)                                                     \
    BG_DEVICE __half name(__half a, __half b)                                                      \
    {                                                                                              \
        unsigned short bits;                                                                       \
        asm(instruction ".f16 %0, %1, %2;" : "=h"(bits) : "h"(a.bits), "h"(b.bits));               \
        return bg_of_bits<__half>(bits);                                                           \
    }                                                                                              \
    BG_DEVICE __half2 name##2(__half2 a, __half2 b)                                                \
    {                                                                                              \
        unsigned bits;                                                                             \
        asm(instruction ".f16x2 %0, %1, %2;" : "=r"(bits) : "r"(bg_bits32(a)), "r"(bg_bits32(b))); \
        return bg_of_bits<__half2>(bits);                                                          \
    }

BG_HALF_INSTRUCTION(__hadd, "add.rn")
BG_HALF_INSTRUCTION(__hsub, "sub.rn")
BG_HALF_INSTRUCTION(__hmul, "mul.rn")
#undef BG_HALF_INSTRUCTION

BG_DEVICE __half __hfma(__half a, __half b, __half c)
{
    unsigned short bits;

    asm("fma.rn.f16 %0, %1, %2, %3;" : "=h"(bits) : "h"(a.bits), "h"(b.bits), "h"(c.bits));
    return bg_of_bits<__half>(bits);
}

BG_DEVICE __half2 __hfma2(__half2 a, __half2 b, __half2 c)
{
    unsigned bits;

    asm("fma.rn.f16x2 %0, %1, %2, %3;"
        : "=r"(bits)
        : "r"(bg_bits32(a)), "r"(bg_bits32(b)), "r"(bg_bits32(c)));
    return bg_of_bits<__half2>(bits);
}

BG_HALF_FUNCTIONS(__half, __half2, half, half2)

BG_DEVICE __half htanh_approx(__half a)
{
    unsigned short bits;

    asm("tanh.approx.f16 %0, %1;" : "=h"(bits) : "h"(a.bits));
    return bg_of_bits<__half>(bits);
}

/* ---- Conversions ---- */

BG_DEVICE __half __float2half(float value)
{
    return __half(value);
}

BG_DEVICE __half __double2half(double value)
{
    return __half(value);
}

BG_DEVICE float __half2float(__half value)
{
    return value;
}

BG_DEVICE __half __float2half_rn(float value)
{
    return __half(value);
}

BG_DEVICE __half __float2half_rz(float value)
{
    unsigned short bits;

    asm("cvt.rz.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bg_of_bits<__half>(bits);
}

/* Up is down of the other sign: PTX has these for sm_100 alone. */
BG_DEVICE __half __float2half_ru(float value)
{
    const __half near = __float2half_rz(value);

    return (float)near < value ? bg_of_bits<__half>((unsigned short)(near.bits + 1)) : near;
}

BG_DEVICE __half __float2half_rd(float value)
{
    return __hneg(__float2half_ru(-value));
}

/* To and from whole numbers, rounded as they say. */
#define BG_HALF_ROUNDED(name, type, ptx, letter, rounding, to, from)                               \
    BG_DEVICE type __half2##name##_##rounding(__half h)                                            \
    {                                                                                              \
        type value;                                                                                \
        asm("cvt." to "." ptx ".f16 %0, %1;" : "=" letter(value) : "h"(h.bits));                   \
        return value;                                                                              \
    }                                                                                              \
    BG_DEVICE __half __##name##2half_##rounding(type value)                                        \
    {                                                                                              \
        unsigned short bits;                                                                       \
        asm("cvt." from ".f16." ptx " %0, %1;" : "=h"(bits) : letter(value));                      \
        return bg_of_bits<__half>(bits);                                                           \
    }
#define BG_HALF_WHOLE(name, type, ptx, letter)                                                     \
    BG_HALF_ROUNDED(name, type, ptx, letter, rn, "rni", "rn")                                      \
    BG_HALF_ROUNDED(name, type, ptx, letter, rz, "rzi", "rz")                                      \
    BG_HALF_ROUNDED(name, type, ptx, letter, ru, "rpi", "rp")                                      \
    BG_HALF_ROUNDED(name, type, ptx, letter, rd, "rmi", "rm")

BG_HALF_WHOLE(short, short, "s16", "h")
BG_HALF_WHOLE(ushort, unsigned short, "u16", "h")
BG_HALF_WHOLE(int, int, "s32", "r")
BG_HALF_WHOLE(uint, unsigned, "u32", "r")
BG_HALF_WHOLE(ll, long long, "s64", "l")
BG_HALF_WHOLE(ull, unsigned long long, "u64", "l")

#undef BG_HALF_WHOLE
#undef BG_HALF_ROUNDED

/* ---- Atomics ---- */

BG_DEVICE __half2 atomicAdd(__half2 *address, __half2 value)
{
    unsigned was;

    asm volatile("atom.add.noftz.f16x2 %0, [%1], %2;"
                 : "=r"(was)
                 : "l"(address), "r"(bg_bits32(value))
                 : "memory");
    return bg_of_bits<__half2>(was);
}

BG_DEVICE __half atomicAdd(__half *address, __half value)
{
    unsigned short was;

    asm volatile("atom.add.noftz.f16 %0, [%1], %2;"
                 : "=h"(was)
                 : "l"(address), "h"(value.bits)
                 : "memory");
    return bg_of_bits<__half>(was);
}

#endif
