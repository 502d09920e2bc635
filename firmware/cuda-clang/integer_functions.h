/* SPDX-License-Identifier: BSD-2-Clause */
/* Integers and bits. */
#ifndef FIRMWARE_CUDA_CLANG_INTEGER_FUNCTIONS_H
#define FIRMWARE_CUDA_CLANG_INTEGER_FUNCTIONS_H

#define BG_MINIMUM_MAXIMUM(type)                                                                   \
    BG_DEVICE type min(type a, type b)                                                             \
    {                                                                                              \
        return b < a ? b : a;                                                                      \
    }                                                                                              \
    BG_DEVICE type max(type a, type b)                                                             \
    {                                                                                              \
        return a < b ? b : a;                                                                      \
    }

BG_MINIMUM_MAXIMUM(int)
BG_MINIMUM_MAXIMUM(unsigned)
BG_MINIMUM_MAXIMUM(long)
BG_MINIMUM_MAXIMUM(unsigned long)
BG_MINIMUM_MAXIMUM(long long)
BG_MINIMUM_MAXIMUM(unsigned long long)

#undef BG_MINIMUM_MAXIMUM

BG_DEVICE int abs(int value)
{
    return value < 0 ? -value : value;
}

BG_DEVICE long abs(long value)
{
    return value < 0 ? -value : value;
}

BG_DEVICE long long abs(long long value)
{
    return value < 0 ? -value : value;
}

BG_DEVICE long long llabs(long long value)
{
    return abs(value);
}

BG_DEVICE int __popc(unsigned value)
{
    return __builtin_popcount(value);
}

BG_DEVICE int __popcll(unsigned long long value)
{
    return __builtin_popcountll(value);
}

BG_DEVICE int __clz(int value)
{
    return value == 0 ? 32 : __builtin_clz((unsigned)value);
}

BG_DEVICE int __clzll(long long value)
{
    return value == 0 ? 64 : __builtin_clzll((unsigned long long)value);
}

BG_DEVICE int __ffs(int value)
{
    return __builtin_ffs(value);
}

BG_DEVICE int __ffsll(long long value)
{
    return __builtin_ffsll(value);
}

BG_DEVICE unsigned __brev(unsigned value)
{
    return __builtin_bitreverse32(value);
}

BG_DEVICE unsigned long long __brevll(unsigned long long value)
{
    return __builtin_bitreverse64(value);
}

BG_DEVICE int __mulhi(int a, int b)
{
    return (int)((long long)a * b >> 32);
}

BG_DEVICE unsigned __umulhi(unsigned a, unsigned b)
{
    return (unsigned)((unsigned long long)a * b >> 32);
}

BG_DEVICE long long __mul64hi(long long a, long long b)
{
    return (long long)((__int128)a * b >> 64);
}

BG_DEVICE int __mul24(int a, int b)
{
    return __nvvm_mul24_i(a, b);
}

BG_DEVICE unsigned __umul24(unsigned a, unsigned b)
{
    return (unsigned)__nvvm_mul24_ui(a, b);
}

/* |a - b| + c */
BG_DEVICE unsigned __sad(int a, int b, unsigned c)
{
    return c + (a < b ? (unsigned)b - (unsigned)a : (unsigned)a - (unsigned)b);
}

BG_DEVICE unsigned __usad(unsigned a, unsigned b, unsigned c)
{
    return c + (a < b ? b - a : a - b);
}

BG_DEVICE unsigned long long __umul64hi(unsigned long long a, unsigned long long b)
{
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}

BG_DEVICE unsigned __byte_perm(unsigned a, unsigned b, unsigned selector)
{
    return __nvvm_prmt(a, b, selector);
}

BG_DEVICE unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift)
{
    return (unsigned)((((unsigned long long)high << 32 | low) << (shift & 31)) >> 32);
}

BG_DEVICE unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift)
{
    return (unsigned)(((unsigned long long)high << 32 | low) >> (shift & 31));
}

BG_DEVICE int __dp4a(int a, int b, int c)
{
    int sum;

    asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(sum) : "r"(a), "r"(b), "r"(c));
    return sum;
}

BG_DEVICE unsigned __dp4a(unsigned a, unsigned b, unsigned c)
{
    unsigned sum;

    asm("dp4a.u32.u32 %0, %1, %2, %3;" : "=r"(sum) : "r"(a), "r"(b), "r"(c));
    return sum;
}

BG_DEVICE int __float_as_int(float value)
{
    return __nvvm_bitcast_f2i(value);
}

BG_DEVICE unsigned __float_as_uint(float value)
{
    return (unsigned)__nvvm_bitcast_f2i(value);
}

BG_DEVICE float __int_as_float(int bits)
{
    return __nvvm_bitcast_i2f(bits);
}

BG_DEVICE float __uint_as_float(unsigned bits)
{
    return __nvvm_bitcast_i2f((int)bits);
}

BG_DEVICE long long __double_as_longlong(double value)
{
    return __nvvm_bitcast_d2ll(value);
}

BG_DEVICE double __longlong_as_double(long long bits)
{
    return __nvvm_bitcast_ll2d(bits);
}

/* Whatever cache there is: the compiler decides. */
template <typename T> BG_DEVICE T __ldg(const T *address)
{
    return *address;
}

#endif
