/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exp, log, pow, the hyperbolic functions, of double. What would lose bits is computed with pairs:
 * sums of two doubles, which hold some 100 bits. bg_exp and bg_log, without them, are within two
 * units in the last place: those of float are rounded from them.
 */
#ifndef FIRMWARE_CUDA_CLANG_EXPONENTIAL_FUNCTIONS_H
#define FIRMWARE_CUDA_CLANG_EXPONENTIAL_FUNCTIONS_H

#define BG_INFINITY __builtin_inf()
#define BG_NAN __builtin_nan("")

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

/* ---- Pairs: high is the sum, rounded ---- */

struct bg_pair {
    double high, low;
};

/* a + b, exactly. */
BG_DEVICE bg_pair bg_sum(double a, double b)
{
    const double sum = __dadd_rn(a, b), of_b = __dadd_rn(sum, -a);

    return {sum, __dadd_rn(__dadd_rn(a, -__dadd_rn(sum, -of_b)), __dadd_rn(b, -of_b))};
}

/* The same where |a| >= |b|, or a is 0. */
BG_DEVICE bg_pair bg_quick_sum(double a, double b)
{
    const double sum = __dadd_rn(a, b);

    return {sum, __dadd_rn(b, -__dadd_rn(sum, -a))};
}

/* a b, exactly. */
BG_DEVICE bg_pair bg_product(double a, double b)
{
    const double product = __dmul_rn(a, b);

    return {product, fma(a, b, -product)};
}

BG_DEVICE bg_pair bg_add(bg_pair a, bg_pair b)
{
    const bg_pair sum = bg_sum(a.high, b.high);

    return bg_quick_sum(sum.high, sum.low + (a.low + b.low));
}

BG_DEVICE bg_pair bg_multiply(bg_pair a, bg_pair b)
{
    const bg_pair product = bg_product(a.high, b.high);

    return bg_quick_sum(product.high, fma(a.high, b.low, fma(a.low, b.high, product.low)));
}

BG_DEVICE bg_pair bg_divide(bg_pair a, bg_pair b)
{
    const double quotient = a.high / b.high;
    const double rest = fma(-quotient, b.low, fma(-quotient, b.high, a.high) + a.low);

    return bg_quick_sum(quotient, rest / b.high);
}

BG_DEVICE bg_pair bg_negative(bg_pair a)
{
    return {-a.high, -a.low};
}

/* ---- Powers of e, 2 and 10 ---- */

/* x 2^k, k from -2044 to 2046: rounded once where x is between 1/2 and 2. */
BG_DEVICE double bg_scale(double x, int k)
{
    const int half = k / 2;

    return x * bg_power_of_two(half) * bg_power_of_two(k - half);
}

/* e^r - 1 for |r| to 0.35. */
BG_DEVICE bg_pair bg_exp_minus_one_near_zero(bg_pair r)
{
    const double z = __dmul_rn(r.high, r.high);
    const double tail = bg_series(r.high, {1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720,
                                           1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800,
                                           1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800});

    return bg_quick_sum(r.high, fma(z, tail, fma(r.high, r.low, r.low)));
}

/* x = k ln 2 + what is returned; |x| to 800. */
BG_DEVICE bg_pair bg_reduce_exponent(bg_pair x, int &k)
{
    const double whole = rint(x.high * 0x1.71547652b82fep0);

    k = (int)whole;
    return bg_quick_sum(fma(whole, -0x1.62e42fefa39efp-1, x.high),
                        fma(whole, -0x1.abc9e3b39803fp-56, x.low));
}

/* 2^k e^r for |r| to 0.35. */
BG_DEVICE double bg_exp_scaled(bg_pair r, int k)
{
    const bg_pair less = bg_exp_minus_one_near_zero(r), sum = bg_quick_sum(1.0, less.high);

    return bg_scale(sum.high + (sum.low + less.low), k);
}

/* 2^k e^x, k from -64 to 64. */
static __device__ double bg_exp_of_pair(bg_pair x, int k)
{
    int own;

    if (!(fabs(x.high) <= 800.0)) {
        return x.high != x.high ? x.high : x.high < 0 ? 0.0 : BG_INFINITY;
    }
    const bg_pair r = bg_reduce_exponent(x, own);

    return bg_exp_scaled(r, own + k);
}

BG_DEVICE double exp(double x)
{
    return bg_exp_of_pair({x, 0.0}, 0);
}

BG_DEVICE double exp2(double x)
{
    const double k = rint(fmin(fmax(x, -1100.0), 1100.0)), r = x - k;

    if (!(fabs(x) <= 1100.0)) {
        return x != x ? x : x < 0 ? 0.0 : BG_INFINITY;
    }
    return bg_exp_scaled(bg_multiply({r, 0.0}, {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56}),
                         (int)k);
}

/* 10^x = 2^k 10^r, r = x - k log10(2) */
BG_DEVICE double exp10(double x)
{
    const double k = rint(fmin(fmax(x, -330.0), 330.0) * 0x1.a934f0979a371p1);
    const bg_pair r = bg_quick_sum(fma(k, -0x1.34413509f79ffp-2, x), k * 0x1.9dc1da994fd21p-59);

    if (!(fabs(x) <= 330.0)) {
        return x != x ? x : x < 0 ? 0.0 : BG_INFINITY;
    }
    return bg_exp_scaled(bg_multiply(r, {0x1.26bb1bbb55516p1, -0x1.f48ad494ea3e9p-53}), (int)k);
}

/* e^x - 1, |x| to 60. */
BG_DEVICE bg_pair bg_exp_minus_one(double x)
{
    int k;
    const bg_pair r = bg_reduce_exponent({x, 0.0}, k);
    const bg_pair less = bg_exp_minus_one_near_zero(r);
    const double scale = bg_power_of_two(k);

    return bg_add(bg_sum(scale, -1.0), {scale * less.high, scale * less.low});
}

BG_DEVICE double expm1(double x)
{
    if (!(fabs(x) <= 60.0)) {
        return x < 0 ? -1.0 : exp(x);
    }
    return fabs(x) < 0x1p-54 ? x : bg_exp_minus_one(x).high;
}

BG_DEVICE double sinh(double x)
{
    const double a = fabs(x);

    if (a < 0x1p-28) {
        return x;
    }
    if (!(a < 30.0)) {
        return copysign(bg_exp_of_pair({a, 0.0}, -1), x);
    }
    const bg_pair less = bg_exp_minus_one(a); /* (less + less / (less + 1)) / 2 */
    const bg_pair other = bg_divide(less, bg_add(less, {1.0, 0.0}));

    return copysign(0.5 * bg_add(less, other).high, x);
}

BG_DEVICE double cosh(double x)
{
    const double a = fabs(x);

    if (!(a < 30.0)) {
        return bg_exp_of_pair({a, 0.0}, -1);
    }
    const bg_pair power = bg_add(bg_exp_minus_one(a), {1.0, 0.0});

    return fma(0.5, power.high, fma(0.5, power.low, 0.5 / power.high));
}

BG_DEVICE double tanh(double x)
{
    const double a = fabs(x);

    if (a < 0x1p-28) {
        return x;
    }
    if (!(a < 20.0)) {
        return a != a ? x : copysign(1.0, x);
    }
    const bg_pair less = bg_exp_minus_one(2 * a);

    return copysign(bg_divide(less, bg_add(less, {2.0, 0.0})).high, x);
}

/* ---- Logarithms ---- */

/* x = m 2^k, m from 0.7 to 1.4, for x that is positive and finite. */
BG_DEVICE double bg_split(double x, int &k)
{
    const bool is_small = x < 0x1p-1022;
    const long long bits = __double_as_longlong(is_small ? x * 0x1p54 : x);
    const long long above = (bits - 0x3FE6A09E667F3BCDll) >> 52;

    k = (int)above - (is_small ? 54 : 0);
    return __longlong_as_double(bits - (above << 52));
}

/* log(m) for m from 0.7 to 1.4: 2 artanh(s) with s = (m - 1) / (m + 1), which is s + s^3 / 3 + ...
 */
BG_DEVICE bg_pair bg_log_near_one(double m)
{
    const bg_pair s = bg_divide({m - 1.0, 0.0}, bg_sum(m, 1.0)), z = bg_multiply(s, s);
    const double tail = bg_series(z.high, {1.0 / 5, 1.0 / 7, 1.0 / 9, 1.0 / 11, 1.0 / 13, 1.0 / 15,
                                           1.0 / 17, 1.0 / 19, 1.0 / 21, 1.0 / 23, 1.0 / 25});
    const bg_pair third = {0x1.5555555555555p-2, 0x1.5555555555555p-56};
    const bg_pair cube = bg_multiply(z, bg_add(third, bg_product(z.high, tail)));
    const bg_pair rest = bg_multiply(s, cube), sum = bg_quick_sum(s.high, rest.high);
    const bg_pair half = bg_quick_sum(sum.high, sum.low + (s.low + rest.low));

    return {2 * half.high, 2 * half.low};
}

/* log(x), x positive and finite. */
static __device__ bg_pair bg_log_as_pair(double x)
{
    int k;
    const bg_pair near = bg_log_near_one(bg_split(x, k));
    const bg_pair whole = bg_product(k, 0x1.62e42fefa39efp-1);

    return bg_add({whole.high, fma(k, 0x1.abc9e3b39803fp-56, whole.low)}, near);
}

/* Whether a logarithm of x is none of a positive finite number; then it is in `result`. */
BG_DEVICE bool bg_is_log_special(double x, double &result)
{
    result = x == 0.0 ? -BG_INFINITY : x < 0.0 ? BG_NAN : x;
    return !(x > 0.0) || x == BG_INFINITY;
}

BG_DEVICE double log(double x)
{
    double result;

    return bg_is_log_special(x, result) ? result : bg_log_as_pair(x).high;
}

BG_DEVICE double log2(double x)
{
    double result;
    int k;

    if (bg_is_log_special(x, result)) {
        return result;
    }
    const bg_pair near = bg_log_near_one(bg_split(x, k));

    return bg_add({(double)k, 0.0}, bg_multiply(near, {0x1.71547652b82fep0, 0x1.777d0ffda0d24p-56}))
        .high;
}

BG_DEVICE double log10(double x)
{
    double result;

    return bg_is_log_special(x, result)
               ? result
               : bg_multiply(bg_log_as_pair(x), {0x1.bcb7b1526e50ep-2, 0x1.95355baaafad3p-57}).high;
}

/* log(1 + x), x finite and more than -1. */
BG_DEVICE bg_pair bg_log_of_one_more(bg_pair x)
{
    const bg_pair all = bg_add({1.0, 0.0}, x);

    return bg_add(bg_log_as_pair(all.high), {all.low / all.high, 0.0});
}

BG_DEVICE double log1p(double x)
{
    double result;

    if (fabs(x) < 0x1p-54) {
        return x;
    }
    return bg_is_log_special(1.0 + x, result) ? result : bg_log_of_one_more({x, 0.0}).high;
}

BG_DEVICE double asinh(double x)
{
    const double a = fabs(x), square = a * a;

    if (a < 0x1p-28) {
        return x;
    }
    if (!(a < 0x1p28)) {
        return a < BG_INFINITY
                   ? copysign(bg_add(bg_log_as_pair(a), {0x1.62e42fefa39efp-1, 0.0}).high, x)
                   : x;
    }
    return copysign(bg_log_of_one_more(bg_sum(a, square / (1.0 + sqrt(square + 1.0)))).high, x);
}

BG_DEVICE double acosh(double x)
{
    const double less = x - 1.0;

    if (!(x >= 1.0 && x < 0x1p28)) {
        return !(x >= 1.0 && x < BG_INFINITY)
                   ? x < 1.0 ? BG_NAN : x
                   : bg_add(bg_log_as_pair(x), {0x1.62e42fefa39efp-1, 0.0}).high;
    }
    return bg_log_of_one_more(bg_sum(less, sqrt(fma(less, less, 2 * less)))).high;
}

BG_DEVICE double atanh(double x)
{
    const double a = fabs(x);

    if (a < 0x1p-28) {
        return x;
    }
    if (!(a < 1.0)) {
        return a == 1.0 ? copysign(BG_INFINITY, x) : BG_NAN;
    }
    return copysign(0.5 * bg_log_of_one_more(bg_divide({2 * a, 0.0}, bg_sum(1.0, -a))).high, x);
}

/* ---- Powers ---- */

/* Of y: 0, no whole number; 1, an odd one; 2, an even one. */
BG_DEVICE int bg_parity(double y)
{
    return trunc(y) != y ? 0 : trunc(0.5 * y) != 0.5 * y ? 1 : 2;
}

/* x^y for y != 0 and x != 1, where one of them is 0, infinite or no number. */
BG_DEVICE double bg_power_special(double x, double y)
{
    const double a = fabs(x);

    if (x != x || y != y) {
        return x + y;
    }
    if (fabs(y) == BG_INFINITY && a == 1.0) {
        return 1.0;
    }
    const double size = (a > 1.0) == (y > 0.0) ? BG_INFINITY : 0.0;

    return bg_parity(y) == 1 ? copysign(size, x) : size;
}

static __device__ double pow(double x, double y)
{
    const double a = fabs(x);

    if (y == 0.0 || x == 1.0) {
        return 1.0;
    }
    if (!(a > 0.0 && a < BG_INFINITY && fabs(y) < BG_INFINITY)) {
        return bg_power_special(x, y);
    }
    const bg_pair log = bg_log_as_pair(a), whole = bg_product(y, log.high);
    const bg_pair exponent = fabs(whole.high) < 800.0
                                 ? bg_quick_sum(whole.high, fma(y, log.low, whole.low))
                                 : bg_pair{whole.high, 0.0};
    const double size = bg_exp_of_pair(exponent, 0);

    return x > 0.0 ? size : bg_parity(y) == 0 ? BG_NAN : bg_parity(y) == 1 ? -size : size;
}

/* ---- Of which those of float are rounded ---- */

BG_DEVICE double bg_exp(double x)
{
    const double k = rint(fmin(fmax(x, -746.0), 710.0) * 0x1.71547652b82fep0);
    const double r = fma(k, -0x1.abc9e3b39803fp-56, fma(k, -0x1.62e42fefa39efp-1, x));
    const double y = bg_series(r, {1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720,
                                   1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800,
                                   1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800});

    if (!(fabs(x) <= 746.0)) {
        return x != x ? x : x < 0 ? 0.0 : BG_INFINITY;
    }
    return bg_scale(y, (int)k);
}

BG_DEVICE double bg_log(double x)
{
    double result;
    int k;

    if (bg_is_log_special(x, result)) {
        return result;
    }
    const double m = bg_split(x, k), s = (m - 1.0) / (m + 1.0), z = s * s;
    const double tail = bg_series(z, {1.0 / 3, 1.0 / 5, 1.0 / 7, 1.0 / 9, 1.0 / 11, 1.0 / 13,
                                      1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21, 1.0 / 23});

    return fma(k, 0x1.62e42fefa39efp-1, fma(k, 0x1.abc9e3b39803fp-56, 2.0 * fma(s * z, tail, s)));
}

#endif
