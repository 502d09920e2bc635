/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Floating point. What PTX has is one instruction. exp, log, sin, cos and what follows from them
 * are series in double precision, exact to some units in the last place (docs/cuda.md); a function
 * of float is that of double, rounded. The fast ones of float are __expf, __logf, __sinf, __cosf.
 */
#ifndef FIRMWARE_CUDA_CLANG_FLOAT_FUNCTIONS_H
#define FIRMWARE_CUDA_CLANG_FLOAT_FUNCTIONS_H

/* ---- One instruction ---- */

#define BG_UNARY(function, type, expression)                                                       \
    BG_DEVICE type function(type x)                                                                \
    {                                                                                              \
        return expression;                                                                         \
    }
#define BG_BINARY(function, type, expression)                                                      \
    BG_DEVICE type function(type x, type y)                                                        \
    {                                                                                              \
        return expression;                                                                         \
    }

BG_UNARY(sqrtf, float, __nvvm_sqrt_rn_f(x))
BG_UNARY(sqrt, double, __nvvm_sqrt_rn_d(x))
BG_UNARY(rsqrtf, float, __nvvm_rsqrt_approx_f(x))
BG_UNARY(fabsf, float, __builtin_fabsf(x))
BG_UNARY(fabs, double, __builtin_fabs(x))
BG_UNARY(floorf, float, __builtin_floorf(x))
BG_UNARY(floor, double, __builtin_floor(x))
BG_UNARY(ceilf, float, __builtin_ceilf(x))
BG_UNARY(ceil, double, __builtin_ceil(x))
BG_UNARY(truncf, float, __builtin_truncf(x))
BG_UNARY(trunc, double, __builtin_trunc(x))
BG_UNARY(rintf, float, __builtin_rintf(x))
BG_UNARY(rint, double, __builtin_rint(x))
BG_BINARY(fminf, float, __builtin_fminf(x, y))
BG_BINARY(fmin, double, __builtin_fmin(x, y))
BG_BINARY(fmaxf, float, __builtin_fmaxf(x, y))
BG_BINARY(fmax, double, __builtin_fmax(x, y))
BG_BINARY(min, float, __builtin_fminf(x, y))
BG_BINARY(min, double, __builtin_fmin(x, y))
BG_BINARY(max, float, __builtin_fmaxf(x, y))
BG_BINARY(max, double, __builtin_fmax(x, y))
BG_BINARY(copysignf, float, __builtin_copysignf(x, y))
BG_BINARY(copysign, double, __builtin_copysign(x, y))

/* Rounded by themselves: never joined with what stands beside them. */
BG_BINARY(__fadd_rn, float, __nvvm_add_rn_f(x, y))
BG_BINARY(__fmul_rn, float, __nvvm_mul_rn_f(x, y))
BG_BINARY(__fdiv_rn, float, __nvvm_div_rn_f(x, y))
BG_BINARY(__dadd_rn, double, __nvvm_add_rn_d(x, y))
BG_BINARY(__dmul_rn, double, __nvvm_mul_rn_d(x, y))
BG_UNARY(__fsqrt_rn, float, __nvvm_sqrt_rn_f(x))
BG_UNARY(__frcp_rn, float, __nvvm_rcp_rn_f(x))

/* The PTX ISA's errors. */
BG_UNARY(exp2f, float, __nvvm_ex2_approx_f(x))
BG_UNARY(__log2f, float, __nvvm_lg2_approx_f(x))
BG_UNARY(__sinf, float, __nvvm_sin_approx_f(x))
BG_UNARY(__cosf, float, __nvvm_cos_approx_f(x))
BG_UNARY(__expf, float, __nvvm_ex2_approx_f(x * 1.44269504f))
BG_UNARY(__logf, float, __nvvm_lg2_approx_f(x) * 0.693147181f)
BG_BINARY(__fdividef, float, __nvvm_div_approx_f(x, y))
BG_BINARY(__powf, float, __nvvm_ex2_approx_f(y *__nvvm_lg2_approx_f(x)))

BG_DEVICE float fmaf(float x, float y, float z)
{
    return __nvvm_fma_rn_f(x, y, z);
}

BG_DEVICE double fma(double x, double y, double z)
{
    return __nvvm_fma_rn_d(x, y, z);
}

BG_DEVICE float __fmaf_rn(float x, float y, float z)
{
    return __nvvm_fma_rn_f(x, y, z);
}

BG_DEVICE float __saturatef(float x)
{
    return __nvvm_saturate_f(x);
}

/* ---- Series ---- */

/* coefficients[0] + x coefficients[1] + ..., in Horner's order. */
template <int COUNT> BG_DEVICE double bg_series(double x, const double (&coefficients)[COUNT])
{
    double sum = coefficients[COUNT - 1];

#pragma unroll
    for (int i = COUNT - 2; i >= 0; i--) {
        sum = fma(sum, x, coefficients[i]);
    }
    return sum;
}

/* 2^k, k from -1022 to 1023. */
BG_DEVICE double bg_power_of_two(int k)
{
    return __longlong_as_double((long long)(k + 1023) << 52);
}

BG_DEVICE double exp(double x)
{
    const double k = rint(fmin(fmax(x, -746.0), 710.0) * 0x1.71547652b82fep0);
    const double r = fma(k, -0x1.abc9e3b39803fp-56, fma(k, -0x1.62e42fefa39efp-1, x));
    const double y = bg_series(r, {1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720,
                                   1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800,
                                   1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800});
    const int half = (int)k / 2;

    if (!(fabs(x) <= 746.0)) {
        return x != x ? x : x < 0 ? 0.0 : __builtin_inf();
    }
    return y * bg_power_of_two(half) * bg_power_of_two((int)k - half);
}

/* 2 artanh(s), s = (m - 1) / (m + 1), for x = m 2^k with m from 0.7 to 1.4. */
BG_DEVICE double log(double x)
{
    int k = 0;

    if (!(x > 0.0) || x == __builtin_inf()) {
        return x == 0.0 ? -__builtin_inf() : x < 0.0 ? __builtin_nan("") : x;
    }
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        k = -54;
    }
    const long long bits = __double_as_longlong(x);
    const long long above = (bits - 0x3FE6A09E667F3BCDll) >> 52;
    const double m = __longlong_as_double(bits - (above << 52));
    const double s = (m - 1.0) / (m + 1.0), z = s * s;
    const double tail = bg_series(z, {1.0 / 3, 1.0 / 5, 1.0 / 7, 1.0 / 9, 1.0 / 11, 1.0 / 13,
                                      1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21, 1.0 / 23});

    k += (int)above;
    return fma(k, 0x1.62e42fefa39efp-1, fma(k, 0x1.abc9e3b39803fp-56, 2.0 * fma(s * z, tail, s)));
}

BG_DEVICE double bg_sine_near_zero(double r)
{
    const double z = r * r;

    return fma(r * z,
               bg_series(z, {-1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880, -1.0 / 39916800,
                             1.0 / 6227020800, -1.0 / 1307674368000}),
               r);
}

BG_DEVICE double bg_cosine_near_zero(double r)
{
    return bg_series(r * r, {1.0, -1.0 / 2, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800,
                             1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000});
}

/* sin(x + quarters pi / 2). The reduction is exact enough up to 2^30. */
BG_DEVICE double bg_sine(double x, int quarters)
{
    const double k = rint(x * 0x1.45f306dc9c883p-1);
    const double r = fma(k, -0x1.1a62633145c07p-54, fma(k, -0x1.921fb54442d18p0, x));
    const int quadrant = ((int)k + quarters) & 3;
    const double y = quadrant & 1 ? bg_cosine_near_zero(r) : bg_sine_near_zero(r);

    return quadrant & 2 ? -y : y;
}

BG_UNARY(sin, double, bg_sine(x, 0))
BG_UNARY(cos, double, bg_sine(x, 1))
BG_UNARY(tan, double, bg_sine(x, 0) / bg_sine(x, 1))
BG_UNARY(log2, double, log(x) * 0x1.71547652b82fep0)
BG_UNARY(log10, double, log(x) * 0x1.bcb7b1526e50ep-2)

BG_UNARY(expf, float, (float)exp((double)x))
BG_UNARY(logf, float, (float)log((double)x))
BG_UNARY(log2f, float, (float)log2((double)x))
BG_UNARY(log10f, float, (float)log10((double)x))
BG_UNARY(sinf, float, (float)sin((double)x))
BG_UNARY(cosf, float, (float)cos((double)x))
BG_UNARY(tanf, float, (float)tan((double)x))

/* Of positive numbers. */
BG_BINARY(powf, float, (float)exp((double)y *log((double)x)))

#undef BG_UNARY
#undef BG_BINARY

#endif
