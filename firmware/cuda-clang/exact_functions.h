/* SPDX-License-Identifier: BSD-2-Clause */
/* What is exact of double: classes, whole numbers, exponents, remainders, neighbours. */
#ifndef FIRMWARE_CUDA_CLANG_EXACT_FUNCTIONS_H
#define FIRMWARE_CUDA_CLANG_EXACT_FUNCTIONS_H

/* ---- Classes; of float they are the same ---- */

#define BG_CLASS(type, bits)                                                                       \
    BG_DEVICE bool isnan(type x)                                                                   \
    {                                                                                              \
        return x != x;                                                                             \
    }                                                                                              \
    BG_DEVICE bool isinf(type x)                                                                   \
    {                                                                                              \
        return (x < 0 ? -x : x) == (type)__builtin_inf();                                          \
    }                                                                                              \
    BG_DEVICE bool isfinite(type x)                                                                \
    {                                                                                              \
        return (x < 0 ? -x : x) < (type)__builtin_inf();                                           \
    }                                                                                              \
    BG_DEVICE bool signbit(type x)                                                                 \
    {                                                                                              \
        return bits(x) < 0;                                                                        \
    }

BG_CLASS(float, __float_as_int)
BG_CLASS(double, __double_as_longlong)
#undef BG_CLASS

BG_DEVICE double nan(const char *)
{
    return __builtin_nan("");
}

BG_DEVICE float nanf(const char *)
{
    return __builtin_nanf("");
}

/* ---- Whole numbers ---- */

/* Halves away from zero; what is added is the neighbour of a half, so that less stays below one. */
BG_DEVICE double round(double x)
{
    return copysign(trunc(fabs(x) + 0x1.fffffffffffffp-2), x);
}

BG_DEVICE float roundf(float x)
{
    return copysignf(truncf(fabsf(x) + 0x1.fffffep-2f), x);
}

#define BG_WHOLE(function, type, result, rounded)                                                  \
    BG_DEVICE result function(type x)                                                              \
    {                                                                                              \
        return (result)rounded;                                                                    \
    }

BG_WHOLE(nearbyint, double, double, rint(x))
BG_WHOLE(nearbyintf, float, float, rintf(x))
BG_WHOLE(lround, double, long, round(x))
BG_WHOLE(lroundf, float, long, roundf(x))
BG_WHOLE(llround, double, long long, round(x))
BG_WHOLE(llroundf, float, long long, roundf(x))
BG_WHOLE(lrint, double, long, rint(x))
BG_WHOLE(lrintf, float, long, rintf(x))
BG_WHOLE(llrint, double, long long, rint(x))
BG_WHOLE(llrintf, float, long long, rintf(x))
#undef BG_WHOLE

BG_DEVICE double modf(double x, double *whole)
{
    *whole = trunc(x);
    return copysign(isinf(x) ? 0.0 : x - *whole, x);
}

BG_DEVICE double fdim(double x, double y)
{
    return x <= y ? 0.0 : x - y;
}

BG_DEVICE float fdimf(float x, float y)
{
    return x <= y ? 0.0f : x - y;
}

/* ---- Exponents ---- */

/* 2^k, k from -1022 to 1023. */
BG_DEVICE double bg_power_of_two(int k)
{
    return __longlong_as_double((long long)(k + 1023) << 52);
}

/* x = m 2^e, m from 1 below 2 with the sign of x, which is finite and not 0. */
BG_DEVICE double bg_significand(double x, int &e)
{
    const bool is_small = fabs(x) < 0x1p-1022;
    const long long bits = __double_as_longlong(is_small ? x * 0x1p54 : x);

    e = (int)(bits >> 52 & 0x7FF) - 1023 - (is_small ? 54 : 0);
    return __longlong_as_double((bits & 0x800FFFFFFFFFFFFFll) | 0x3FF0000000000000ll);
}

BG_DEVICE double frexp(double x, int *exponent)
{
    *exponent = 0;
    if (x == 0.0 || !isfinite(x)) {
        return x;
    }
    int e;
    const double m = bg_significand(x, e);

    *exponent = e + 1;
    return 0.5 * m;
}

/* Rounded once. */
BG_DEVICE double ldexp(double x, int n)
{
    int e;

    if (x == 0.0 || !isfinite(x)) {
        return x;
    }
    const double m = bg_significand(x, e);
    const int all = e + min(max(n, -4200), 4200);

    if (all > 1023) {
        return copysign(__builtin_inf(), x);
    }
    const int normal = max(all, -1022), below = max(all - normal, -60);

    return m * bg_power_of_two(normal) * bg_power_of_two(below);
}

BG_DEVICE double scalbn(double x, int n)
{
    return ldexp(x, n);
}

BG_DEVICE double scalbln(double x, long n)
{
    return ldexp(x, (int)min(max(n, -4200l), 4200l));
}

BG_DEVICE int ilogb(double x)
{
    int e;

    if (x == 0.0 || !isfinite(x)) {
        return isinf(x) ? 0x7FFFFFFF : -0x7FFFFFFF - 1;
    }
    bg_significand(x, e);
    return e;
}

BG_DEVICE double logb(double x)
{
    return x == 0.0 ? -__builtin_inf() : !isfinite(x) ? x * x : (double)ilogb(x);
}

BG_DEVICE double nextafter(double x, double y)
{
    if (x != x || y != y) {
        return x + y;
    }
    if (x == y) {
        return y;
    }
    if (x == 0.0) {
        return copysign(0x1p-1074, y);
    }
    return __longlong_as_double(__double_as_longlong(x) + ((x < y) == (x > 0.0) ? 1 : -1));
}

BG_DEVICE float nextafterf(float x, float y)
{
    if (x != x || y != y) {
        return x + y;
    }
    if (x == y) {
        return y;
    }
    if (x == 0.0f) {
        return copysignf(0x1p-149f, y);
    }
    return __int_as_float(__float_as_int(x) + ((x < y) == (x > 0.0f) ? 1 : -1));
}

/* ---- Remainders ---- */

/* What a - q b leaves, from 0 below b, for a and b positive and finite; of q the last bits. */
static __device__ double bg_divide_whole(double a, double b, unsigned &q)
{
    if (a < b) {
        q = 0;
        return a;
    }
    const double quotient = trunc(a / b);

    if (quotient < 0x1p52) { /* which may be one too much */
        const double rest = fma(-quotient, b, a);

        q = (unsigned)(unsigned long long)quotient;
        if (rest < 0.0) {
            q--;
            return rest + b;
        }
        return rest;
    }
    int of_a, of_b; /* as whole numbers, eleven bits of the quotient at a time */
    unsigned long long rest =
        (__double_as_longlong(bg_significand(a, of_a)) & 0xFFFFFFFFFFFFFll) | 1ull << 52;
    const unsigned long long by =
        (__double_as_longlong(bg_significand(b, of_b)) & 0xFFFFFFFFFFFFFll) | 1ull << 52;

    q = (unsigned)(rest / by);
    rest %= by;
    for (int left = of_a - of_b; left > 0; left -= 11) {
        const int bits = min(left, 11);

        rest <<= bits;
        q = q << bits | (unsigned)(rest / by);
        rest %= by;
    }
    return ldexp((double)rest, of_b - 52);
}

BG_DEVICE double fmod(double x, double y)
{
    unsigned q;

    if (!isfinite(x) || y != y || y == 0.0) {
        return x != x || y != y ? x + y : __builtin_nan("");
    }
    return isinf(y) ? x : copysign(bg_divide_whole(fabs(x), fabs(y), q), x);
}

BG_DEVICE double remquo(double x, double y, int *quotient)
{
    const double b = fabs(y);
    unsigned q = 0;

    *quotient = 0;
    if (!isfinite(x) || y != y || y == 0.0) {
        return x != x || y != y ? x + y : __builtin_nan("");
    }
    double rest = isinf(y) ? fabs(x) : bg_divide_whole(fabs(x), b, q);

    if (!isinf(y) && (rest > b - rest || (rest == b - rest && (q & 1)))) {
        rest -= b;
        q++;
    }
    q &= 0x7FFFFFFF;
    *quotient = signbit(x) != signbit(y) ? -(int)q : (int)q;
    return signbit(x) ? -rest : rest;
}

BG_DEVICE double remainder(double x, double y)
{
    int quotient;

    return remquo(x, y, &quotient);
}

#endif
