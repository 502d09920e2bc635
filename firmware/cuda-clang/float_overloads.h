/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions of float: their names in C, and those of C++ (exp(float), pow(int, double), ...). They
 * are those of double, rounded.
 */
#ifndef FIRMWARE_CUDA_CLANG_FLOAT_OVERLOADS_H
#define FIRMWARE_CUDA_CLANG_FLOAT_OVERLOADS_H

/* What arithmetic makes of arguments of several types: float of floats alone, else double. */
template <bool IS_ARITHMETIC, bool IS_FLOAT> struct bg_promoted {
};
template <> struct bg_promoted<true, false> {
    typedef double type;
};
template <> struct bg_promoted<true, true> {
    typedef float type;
};
template <typename T> struct bg_class {
    static constexpr bool is_whole = __is_integral(T), is_arithmetic = __is_arithmetic(T);
    static constexpr bool is_float = __is_same(T, float);
};
template <typename T>
using bg_promoted_of = typename bg_promoted<bg_class<T>::is_whole, false>::type;
template <typename T, typename U>
using bg_promoted_of_two =
    typename bg_promoted<bg_class<T>::is_arithmetic && bg_class<U>::is_arithmetic,
                         bg_class<T>::is_float && bg_class<U>::is_float>::type;

/* ---- Of one ---- */

/* functionf where there is one already. */
#define BG_OVERLOAD(function)                                                                      \
    BG_DEVICE float function(float x)                                                              \
    {                                                                                              \
        return function##f(x);                                                                     \
    }                                                                                              \
    template <typename T> BG_DEVICE bg_promoted_of<T> function(T x)                                \
    {                                                                                              \
        return function((double)x);                                                                \
    }
/* functionf by `of_double`. */
#define BG_FLOAT_BY(function, of_double)                                                           \
    BG_DEVICE float function##f(float x)                                                           \
    {                                                                                              \
        return (float)of_double((double)x);                                                        \
    }                                                                                              \
    BG_OVERLOAD(function)
#define BG_FLOAT(function) BG_FLOAT_BY(function, function)

BG_OVERLOAD(sqrt)
BG_OVERLOAD(rsqrt)
BG_OVERLOAD(fabs)
BG_OVERLOAD(floor)
BG_OVERLOAD(ceil)
BG_OVERLOAD(trunc)
BG_OVERLOAD(rint)
BG_OVERLOAD(round)
BG_OVERLOAD(nearbyint)
BG_OVERLOAD(exp2)

BG_FLOAT_BY(exp, bg_exp)
BG_FLOAT_BY(log, bg_log)
BG_FLOAT_BY(log2, 0x1.71547652b82fep0 * bg_log)
BG_FLOAT_BY(log10, 0x1.bcb7b1526e50ep-2 * bg_log)
BG_FLOAT(exp10)
BG_FLOAT(expm1)
BG_FLOAT(log1p)
BG_FLOAT(sinh)
BG_FLOAT(cosh)
BG_FLOAT(tanh)
BG_FLOAT(asinh)
BG_FLOAT(acosh)
BG_FLOAT(atanh)
BG_FLOAT(sin)
BG_FLOAT(cos)
BG_FLOAT(tan)
BG_FLOAT(sinpi)
BG_FLOAT(cospi)
BG_FLOAT(asin)
BG_FLOAT(acos)
BG_FLOAT(atan)
BG_FLOAT(cbrt)
BG_FLOAT(rcbrt)
BG_FLOAT(erf)
BG_FLOAT(erfc)
BG_FLOAT(erfcx)
BG_FLOAT(erfinv)
BG_FLOAT(erfcinv)
BG_FLOAT(normcdf)
BG_FLOAT(normcdfinv)
BG_FLOAT(tgamma)
BG_FLOAT(lgamma)
BG_FLOAT(logb)

#undef BG_FLOAT
#undef BG_FLOAT_BY
#undef BG_OVERLOAD

/* To whole numbers. */
#define BG_OVERLOAD_WHOLE(type, function)                                                          \
    BG_DEVICE type function(float x)                                                               \
    {                                                                                              \
        return function##f(x);                                                                     \
    }

BG_OVERLOAD_WHOLE(long, lround)
BG_OVERLOAD_WHOLE(long, lrint)
BG_OVERLOAD_WHOLE(long long, llround)
BG_OVERLOAD_WHOLE(long long, llrint)

BG_DEVICE int ilogbf(float x)
{
    return ilogb((double)x);
}

BG_OVERLOAD_WHOLE(int, ilogb)
#undef BG_OVERLOAD_WHOLE

/* ---- Of two ---- */

#define BG_OVERLOAD(function)                                                                      \
    BG_DEVICE float function(float x, float y)                                                     \
    {                                                                                              \
        return function##f(x, y);                                                                  \
    }                                                                                              \
    template <typename T, typename U> BG_DEVICE bg_promoted_of_two<T, U> function(T x, U y)        \
    {                                                                                              \
        return function((double)x, (double)y);                                                     \
    }
#define BG_FLOAT(function)                                                                         \
    BG_DEVICE float function##f(float x, float y)                                                  \
    {                                                                                              \
        return (float)function((double)x, (double)y);                                              \
    }                                                                                              \
    BG_OVERLOAD(function)

/* x^y, of doubles that were floats: 30 bits of the logarithm's error are to spare. */
BG_DEVICE float powf(float x, float y)
{
    const double a = fabs((double)x);

    if (y == 0.0f || x == 1.0f) {
        return 1.0f;
    }
    if (!(a > 0.0 && a < BG_INFINITY && fabsf(y) < BG_INFINITY)) {
        return (float)bg_power_special(x, y);
    }
    const float size = (float)bg_exp((double)y * bg_log(a));

    return x > 0.0f            ? size
           : bg_parity(y) == 0 ? __builtin_nanf("")
           : bg_parity(y) == 1 ? -size
                               : size;
}

BG_OVERLOAD(pow)
BG_OVERLOAD(fmin)
BG_OVERLOAD(fmax)
BG_OVERLOAD(copysign)
BG_OVERLOAD(fdim)
BG_OVERLOAD(hypot)
BG_OVERLOAD(rhypot)
BG_OVERLOAD(nextafter)
BG_FLOAT(atan2)
BG_FLOAT(fmod)
BG_FLOAT(remainder)

#undef BG_FLOAT
#undef BG_OVERLOAD

BG_DEVICE float fdividef(float x, float y)
{
    return x / y;
}

/* ---- Others ---- */

BG_DEVICE float fma(float x, float y, float z)
{
    return fmaf(x, y, z);
}

BG_DEVICE void sincosf(float x, float *sine, float *cosine)
{
    double of_sine, of_cosine;

    sincos((double)x, &of_sine, &of_cosine);
    *sine = (float)of_sine;
    *cosine = (float)of_cosine;
}

BG_DEVICE void sincospif(float x, float *sine, float *cosine)
{
    double of_sine, of_cosine;

    sincospi((double)x, &of_sine, &of_cosine);
    *sine = (float)of_sine;
    *cosine = (float)of_cosine;
}

BG_DEVICE float frexpf(float x, int *exponent)
{
    return (float)frexp((double)x, exponent);
}

BG_DEVICE float ldexpf(float x, int n)
{
    return (float)ldexp((double)x, n);
}

BG_DEVICE float scalbnf(float x, int n)
{
    return ldexpf(x, n);
}

BG_DEVICE float scalblnf(float x, long n)
{
    return (float)scalbln((double)x, n);
}

BG_DEVICE float modff(float x, float *whole)
{
    *whole = truncf(x);
    return copysignf(isinf(x) ? 0.0f : x - *whole, x);
}

BG_DEVICE float remquof(float x, float y, int *quotient)
{
    return (float)remquo((double)x, (double)y, quotient);
}

BG_DEVICE void sincos(float x, float *sine, float *cosine)
{
    sincosf(x, sine, cosine);
}

BG_DEVICE float frexp(float x, int *exponent)
{
    return frexpf(x, exponent);
}

BG_DEVICE float ldexp(float x, int n)
{
    return ldexpf(x, n);
}

BG_DEVICE float scalbn(float x, int n)
{
    return ldexpf(x, n);
}

BG_DEVICE float modf(float x, float *whole)
{
    return modff(x, whole);
}

BG_DEVICE float remquo(float x, float y, int *quotient)
{
    return remquof(x, y, quotient);
}

BG_DEVICE float abs(float x)
{
    return fabsf(x);
}

BG_DEVICE double abs(double x)
{
    return fabs(x);
}

#endif
