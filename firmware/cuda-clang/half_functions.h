/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What __half of cuda_fp16.h and __nv_bfloat16 of cuda_bf16.h have in common. Comparisons, minima
 * and division are those of float, rounded: for numbers that short this is the correct result.
 */
#ifndef FIRMWARE_CUDA_CLANG_HALF_FUNCTIONS_H
#define FIRMWARE_CUDA_CLANG_HALF_FUNCTIONS_H

#include "cuda_runtime.h"

template <typename T, typename U> BG_DEVICE T bg_of_bits(U bits)
{
    T value;

    static_assert(sizeof(T) == sizeof(U), "as many bits");
    __builtin_memcpy(&value, &bits, sizeof(value));
    return value;
}

/* The bits of a vector, for asm(). */
template <typename T2> BG_DEVICE unsigned bg_bits32(T2 value)
{
    return bg_of_bits<unsigned>(value);
}

/* A function of one or two by that of float. */
#define BG_HALF_UNARY(T, function, expression)                                                     \
    BG_DEVICE T function(T h)                                                                      \
    {                                                                                              \
        const float x = (float)h;                                                                  \
                                                                                                   \
        return T((float)(expression));                                                             \
    }
#define BG_HALF_BINARY(T, function, expression)                                                    \
    BG_DEVICE T function(T a, T b)                                                                 \
    {                                                                                              \
        const float x = (float)a, y = (float)b;                                                    \
                                                                                                   \
        return T((float)(expression));                                                             \
    }
/* Both halves of a vector by a function of one. */
#define BG_HALF2_UNARY(T2, function, of_one)                                                       \
    BG_DEVICE T2 function(T2 a)                                                                    \
    {                                                                                              \
        return T2(of_one(a.x), of_one(a.y));                                                       \
    }
#define BG_HALF2_BINARY(T2, function, of_one)                                                      \
    BG_DEVICE T2 function(T2 a, T2 b)                                                              \
    {                                                                                              \
        return T2(of_one(a.x, b.x), of_one(a.y, b.y));                                             \
    }

/* ---- Comparisons: of one, of two as 1.0 and 0.0, and whether both hold ---- */

#define BG_HALF_COMPARISON(T, T2, name, expression)                                                \
    BG_DEVICE bool __h##name(T a, T b)                                                             \
    {                                                                                              \
        const float x = (float)a, y = (float)b;                                                    \
                                                                                                   \
        return expression;                                                                         \
    }                                                                                              \
    BG_DEVICE T2 __h##name##2(T2 a, T2 b)                                                          \
    {                                                                                              \
        return T2(T(__h##name(a.x, b.x) ? 1.0f : 0.0f), T(__h##name(a.y, b.y) ? 1.0f : 0.0f));     \
    }                                                                                              \
    BG_DEVICE bool __hb##name##2(T2 a, T2 b)                                                       \
    {                                                                                              \
        return __h##name(a.x, b.x) && __h##name(a.y, b.y);                                         \
    }                                                                                              \
    BG_DEVICE unsigned __h##name##2_mask(T2 a, T2 b)                                               \
    {                                                                                              \
        return (__h##name(a.x, b.x) ? 0xFFFFu : 0) | (__h##name(a.y, b.y) ? 0xFFFF0000u : 0);      \
    }
#define BG_HALF_COMPARISONS(T, T2)                                                                 \
    BG_HALF_COMPARISON(T, T2, eq, x == y)                                                          \
    BG_HALF_COMPARISON(T, T2, ne, x<y || x> y)                                                     \
    BG_HALF_COMPARISON(T, T2, lt, x < y)                                                           \
    BG_HALF_COMPARISON(T, T2, le, x <= y)                                                          \
    BG_HALF_COMPARISON(T, T2, gt, x > y)                                                           \
    BG_HALF_COMPARISON(T, T2, ge, x >= y)                                                          \
    BG_HALF_COMPARISON(T, T2, equ, !(x < y || x > y))                                              \
    BG_HALF_COMPARISON(T, T2, neu, x != y)                                                         \
    BG_HALF_COMPARISON(T, T2, ltu, !(x >= y))                                                      \
    BG_HALF_COMPARISON(T, T2, leu, !(x > y))                                                       \
    BG_HALF_COMPARISON(T, T2, gtu, !(x <= y))                                                      \
    BG_HALF_COMPARISON(T, T2, geu, !(x < y))                                                       \
    BG_DEVICE bool __hisnan(T a)                                                                   \
    {                                                                                              \
        return isnan((float)a);                                                                    \
    }                                                                                              \
    BG_DEVICE int __hisinf(T a)                                                                    \
    {                                                                                              \
        return !isinf((float)a) ? 0 : (float)a < 0.0f ? -1 : 1;                                    \
    }                                                                                              \
    BG_DEVICE T2 __hisnan2(T2 a)                                                                   \
    {                                                                                              \
        return T2(T(__hisnan(a.x) ? 1.0f : 0.0f), T(__hisnan(a.y) ? 1.0f : 0.0f));                 \
    }

/* ---- Mathematics; exp and log are as short as their results ---- */

#define BG_HALF_MATH(T, T2, name, expression)                                                      \
    BG_HALF_UNARY(T, h##name, expression)                                                          \
    BG_HALF2_UNARY(T2, h2##name, h##name)
#define BG_HALF_MATHEMATICS(T, T2)                                                                 \
    BG_HALF_MATH(T, T2, sqrt, sqrtf(x))                                                            \
    BG_HALF_MATH(T, T2, rsqrt, rsqrtf(x))                                                          \
    BG_HALF_MATH(T, T2, rcp, 1.0f / x)                                                             \
    BG_HALF_MATH(T, T2, exp, __expf(x))                                                            \
    BG_HALF_MATH(T, T2, exp2, exp2f(x))                                                            \
    BG_HALF_MATH(T, T2, exp10, __exp10f(x))                                                        \
    BG_HALF_MATH(T, T2, log, __logf(x))                                                            \
    BG_HALF_MATH(T, T2, log2, __log2f(x))                                                          \
    BG_HALF_MATH(T, T2, log10, __log10f(x))                                                        \
    BG_HALF_MATH(T, T2, sin, sinf(x))                                                              \
    BG_HALF_MATH(T, T2, cos, cosf(x))                                                              \
    BG_HALF_MATH(T, T2, tanh, tanhf(x))                                                            \
    BG_HALF_MATH(T, T2, floor, floorf(x))                                                          \
    BG_HALF_MATH(T, T2, ceil, ceilf(x))                                                            \
    BG_HALF_MATH(T, T2, trunc, truncf(x))                                                          \
    BG_HALF_MATH(T, T2, rint, rintf(x))

/* ---- Arithmetic that is made of other, minima, vectors ----
 *
 * The type's own header has __hadd, __hsub, __hmul, __hfma of one and of two. */

#define BG_HALF_BOTH(T, T2, name, name2, expression)                                               \
    BG_HALF_BINARY(T, name, expression)                                                            \
    BG_HALF2_BINARY(T2, name2, name)
/* As fast, with a name of its own. */
#define BG_HALF_SAME(T, name, same)                                                                \
    BG_DEVICE T name(T a, T b)                                                                     \
    {                                                                                              \
        return same(a, b);                                                                         \
    }
#define BG_HALF_ARITHMETIC(T, T2)                                                                  \
    BG_DEVICE T __hneg(T a)                                                                        \
    {                                                                                              \
        return bg_of_bits<T>((unsigned short)(a.bits ^ 0x8000));                                   \
    }                                                                                              \
    BG_DEVICE T __habs(T a)                                                                        \
    {                                                                                              \
        return bg_of_bits<T>((unsigned short)(a.bits & 0x7FFF));                                   \
    }                                                                                              \
    BG_DEVICE T2 __hneg2(T2 a)                                                                     \
    {                                                                                              \
        return bg_of_bits<T2>(bg_bits32(a) ^ 0x80008000);                                          \
    }                                                                                              \
    BG_DEVICE T2 __habs2(T2 a)                                                                     \
    {                                                                                              \
        return bg_of_bits<T2>(bg_bits32(a) & 0x7FFF7FFF);                                          \
    }                                                                                              \
    BG_HALF_BOTH(T, T2, __hdiv, __h2div, x / y)                                                    \
    BG_HALF_BOTH(T, T2, __hmin, __hmin2, fminf(x, y))                                              \
    BG_HALF_BOTH(T, T2, __hmax, __hmax2, fmaxf(x, y))                                              \
    BG_HALF_BOTH(T, T2, __hmin_nan, __hmin2_nan, isnan(x) || isnan(y) ? x + y : fminf(x, y))       \
    BG_HALF_BOTH(T, T2, __hmax_nan, __hmax2_nan, isnan(x) || isnan(y) ? x + y : fmaxf(x, y))       \
    BG_HALF_BOTH(T, T2, __hadd_sat, __hadd2_sat, __saturatef((float)__hadd(a, b)))                 \
    BG_HALF_BOTH(T, T2, __hsub_sat, __hsub2_sat, __saturatef((float)__hsub(a, b)))                 \
    BG_HALF_BOTH(T, T2, __hmul_sat, __hmul2_sat, __saturatef((float)__hmul(a, b)))                 \
    BG_HALF_SAME(T, __hadd_rn, __hadd)                                                             \
    BG_HALF_SAME(T, __hsub_rn, __hsub)                                                             \
    BG_HALF_SAME(T, __hmul_rn, __hmul)                                                             \
    BG_HALF_SAME(T2, __hadd2_rn, __hadd2)                                                          \
    BG_HALF_SAME(T2, __hsub2_rn, __hsub2)                                                          \
    BG_HALF_SAME(T2, __hmul2_rn, __hmul2)                                                          \
    BG_DEVICE T __hfma_sat(T a, T b, T c)                                                          \
    {                                                                                              \
        return T(__saturatef((float)__hfma(a, b, c)));                                             \
    }                                                                                              \
    BG_DEVICE T __hfma_relu(T a, T b, T c)                                                         \
    {                                                                                              \
        return __hmax_nan(__hfma(a, b, c), T(0.0f));                                               \
    }                                                                                              \
    BG_DEVICE T2 __hfma2_sat(T2 a, T2 b, T2 c)                                                     \
    {                                                                                              \
        return T2(__hfma_sat(a.x, b.x, c.x), __hfma_sat(a.y, b.y, c.y));                           \
    }                                                                                              \
    BG_DEVICE T2 __hfma2_relu(T2 a, T2 b, T2 c)                                                    \
    {                                                                                              \
        return T2(__hfma_relu(a.x, b.x, c.x), __hfma_relu(a.y, b.y, c.y));                         \
    }                                                                                              \
    BG_DEVICE float __low2float(T2 a)                                                              \
    {                                                                                              \
        return (float)a.x;                                                                         \
    }                                                                                              \
    BG_DEVICE float __high2float(T2 a)                                                             \
    {                                                                                              \
        return (float)a.y;                                                                         \
    }                                                                                              \
    BG_DEVICE T2 __lowhigh2highlow(T2 a)                                                           \
    {                                                                                              \
        return T2(a.y, a.x);                                                                       \
    }

/* Vectors' parts, whose names have the type's: `of` is half or bfloat16, `of2` half2, bfloat162. */
#define BG_HALF_VECTORS(T, T2, of, of2)                                                            \
    BG_DEVICE T __low2##of(T2 a)                                                                   \
    {                                                                                              \
        return a.x;                                                                                \
    }                                                                                              \
    BG_DEVICE T __high2##of(T2 a)                                                                  \
    {                                                                                              \
        return a.y;                                                                                \
    }                                                                                              \
    BG_DEVICE T2 __low2##of2(T2 a)                                                                 \
    {                                                                                              \
        return T2(a.x, a.x);                                                                       \
    }                                                                                              \
    BG_DEVICE T2 __high2##of2(T2 a)                                                                \
    {                                                                                              \
        return T2(a.y, a.y);                                                                       \
    }                                                                                              \
    BG_DEVICE T2 __lows2##of2(T2 a, T2 b)                                                          \
    {                                                                                              \
        return T2(a.x, b.x);                                                                       \
    }                                                                                              \
    BG_DEVICE T2 __highs2##of2(T2 a, T2 b)                                                         \
    {                                                                                              \
        return T2(a.y, b.y);                                                                       \
    }                                                                                              \
    BG_DEVICE T2 __##of##2##of2(T a)                                                               \
    {                                                                                              \
        return T2(a, a);                                                                           \
    }                                                                                              \
    BG_DEVICE T2 __halves2##of2(T a, T b)                                                          \
    {                                                                                              \
        return T2(a, b);                                                                           \
    }                                                                                              \
    BG_DEVICE T2 make_##of2(T a, T b)                                                              \
    {                                                                                              \
        return T2(a, b);                                                                           \
    }                                                                                              \
    BG_DEVICE T2 __float2##of2##_rn(float a)                                                       \
    {                                                                                              \
        return T2(T(a), T(a));                                                                     \
    }                                                                                              \
    BG_DEVICE T2 __floats2##of2##_rn(float a, float b)                                             \
    {                                                                                              \
        return T2(T(a), T(b));                                                                     \
    }                                                                                              \
    BG_DEVICE T2 __float22##of2##_rn(float2 a)                                                     \
    {                                                                                              \
        return T2(T(a.x), T(a.y));                                                                 \
    }                                                                                              \
    BG_DEVICE float2 __##of2##2float2(T2 a)                                                        \
    {                                                                                              \
        return make_float2((float)a.x, (float)a.y);                                                \
    }                                                                                              \
    BG_DEVICE short __##of##_as_short(T a)                                                         \
    {                                                                                              \
        return (short)a.bits;                                                                      \
    }                                                                                              \
    BG_DEVICE unsigned short __##of##_as_ushort(T a)                                               \
    {                                                                                              \
        return a.bits;                                                                             \
    }                                                                                              \
    BG_DEVICE T __short_as_##of(short bits)                                                        \
    {                                                                                              \
        return bg_of_bits<T>(bits);                                                                \
    }                                                                                              \
    BG_DEVICE T __ushort_as_##of(unsigned short bits)                                              \
    {                                                                                              \
        return bg_of_bits<T>(bits);                                                                \
    }

/* ---- Operators ---- */

#define BG_HALF_OPERATOR(T, symbol, function)                                                      \
    BG_DEVICE T operator symbol(const T &a, const T &b)                                            \
    {                                                                                              \
        return function(a, b);                                                                     \
    }                                                                                              \
    BG_DEVICE T &operator symbol##=(T & a, const T & b)                                            \
    {                                                                                              \
        return a = function(a, b);                                                                 \
    }
#define BG_HALF_COMPARES(T, symbol, function)                                                      \
    BG_DEVICE bool operator symbol(const T &a, const T &b)                                         \
    {                                                                                              \
        return function(a, b);                                                                     \
    }
#define BG_HALF_OPERATORS(T, one, add, sub, mul, div, neg, prefix, suffix)                         \
    BG_HALF_OPERATOR(T, +, add)                                                                    \
    BG_HALF_OPERATOR(T, -, sub)                                                                    \
    BG_HALF_OPERATOR(T, *, mul)                                                                    \
    BG_HALF_OPERATOR(T, /, div)                                                                    \
    BG_HALF_COMPARES(T, ==, prefix##eq##suffix)                                                    \
    BG_HALF_COMPARES(T, !=, prefix##neu##suffix)                                                   \
    BG_HALF_COMPARES(T, <, prefix##lt##suffix)                                                     \
    BG_HALF_COMPARES(T, <=, prefix##le##suffix)                                                    \
    BG_HALF_COMPARES(T, >, prefix##gt##suffix)                                                     \
    BG_HALF_COMPARES(T, >=, prefix##ge##suffix)                                                    \
    BG_DEVICE T operator+(const T &a)                                                              \
    {                                                                                              \
        return a;                                                                                  \
    }                                                                                              \
    BG_DEVICE T operator-(const T &a)                                                              \
    {                                                                                              \
        return neg(a);                                                                             \
    }                                                                                              \
    BG_DEVICE T &operator++(T &a)                                                                  \
    {                                                                                              \
        return a = add(a, one);                                                                    \
    }                                                                                              \
    BG_DEVICE T &operator--(T &a)                                                                  \
    {                                                                                              \
        return a = sub(a, one);                                                                    \
    }                                                                                              \
    BG_DEVICE T operator++(T &a, int)                                                              \
    {                                                                                              \
        const T was = a;                                                                           \
        a = add(a, one);                                                                           \
        return was;                                                                                \
    }                                                                                              \
    BG_DEVICE T operator--(T &a, int)                                                              \
    {                                                                                              \
        const T was = a;                                                                           \
        a = sub(a, one);                                                                           \
        return was;                                                                                \
    }

/* All of it, behind the type's own. */
#define BG_HALF_FUNCTIONS(T, T2, of, of2)                                                          \
    BG_HALF_ARITHMETIC(T, T2)                                                                      \
    BG_HALF_COMPARISONS(T, T2)                                                                     \
    BG_HALF_MATHEMATICS(T, T2)                                                                     \
    BG_HALF_VECTORS(T, T2, of, of2)                                                                \
    BG_HALF_OPERATORS(T, T(1.0f), __hadd, __hsub, __hmul, __hdiv, __hneg, __h, )                   \
    BG_HALF_OPERATORS(T2, T2(T(1.0f), T(1.0f)), __hadd2, __hsub2, __hmul2, __h2div, __hneg2, __hb, \
                      2)

#endif
