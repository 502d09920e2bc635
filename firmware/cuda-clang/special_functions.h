/* SPDX-License-Identifier: BSD-2-Clause */
/* Roots, norms, error functions and gamma functions, of double. */
#ifndef FIRMWARE_CUDA_CLANG_SPECIAL_FUNCTIONS_H
#define FIRMWARE_CUDA_CLANG_SPECIAL_FUNCTIONS_H

/* ---- Roots and norms ---- */

BG_DEVICE double rsqrt(double x)
{
    const double root = sqrt(x), y = 1.0 / root; /* sqrt(x) = root + rest, which y makes good */

    if (!(x > 0.0 && x < BG_INFINITY)) {
        return y;
    }
    const double rest = fma(-root, root, x) * (0.5 * y);

    return fma(-y, fma(root, y, fma(rest, y, -1.0)), y);
}

/* By a guess of 20 bits and a step of Halley's. */
BG_DEVICE double cbrt(double x)
{
    int e;

    if (x == 0.0 || !isfinite(x)) {
        return x;
    }
    const double m = bg_significand(fabs(x), e);
    const int third = (e + 1200) / 3 - 400;
    const double y3 = ldexp(m, e - 3 * third); /* from 1 to 8 */
    const double y = (double)__nvvm_ex2_approx_f(__nvvm_lg2_approx_f((float)y3) * (1.0f / 3));
    const double error = fma(y * y, y, -y3), root = fma(-y, error / fma(3.0, y3, 2.0 * error), y);

    return copysign(root, x) * bg_power_of_two(third);
}

BG_DEVICE double rcbrt(double x)
{
    return 1.0 / cbrt(x);
}

/* The norm of `count` numbers, 2^e times what is returned. */
template <typename T> BG_DEVICE double bg_norm(const T *x, int count, int &e)
{
    double largest = 0.0;
    bool is_nan = false;

    e = 0;
    for (int i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)x[i]));
        is_nan |= isnan(x[i]);
    }
    if (largest == 0.0 || !isfinite(largest) || is_nan) {
        return isinf(largest) ? largest : is_nan ? BG_NAN : 0.0;
    }
    bg_pair sum = {0.0, 0.0};

    e = ilogb(largest);
    for (int i = 0; i < count; i++) {
        const double scaled = ldexp((double)x[i], -e);

        sum = bg_add(sum, bg_product(scaled, scaled));
    }
    const double root = sqrt(sum.high);

    return root + (fma(-root, root, sum.high) + sum.low) / (2.0 * root);
}

template <typename T> BG_DEVICE double bg_norm(const T *x, int count)
{
    int e;
    const double size = bg_norm(x, count, e);

    return ldexp(size, e);
}

template <typename T> BG_DEVICE double bg_norm_inverse(const T *x, int count)
{
    int e;
    const double size = bg_norm(x, count, e);

    return ldexp(1.0 / size, -e);
}

#define BG_NORMS(type, suffix)                                                                     \
    BG_DEVICE type hypot##suffix(type x, type y)                                                   \
    {                                                                                              \
        const type all[] = {x, y};                                                                 \
        return (type)bg_norm(all, 2);                                                              \
    }                                                                                              \
    BG_DEVICE type rhypot##suffix(type x, type y)                                                  \
    {                                                                                              \
        const type all[] = {x, y};                                                                 \
        return (type)bg_norm_inverse(all, 2);                                                      \
    }                                                                                              \
    BG_DEVICE type norm3d##suffix(type x, type y, type z)                                          \
    {                                                                                              \
        const type all[] = {x, y, z};                                                              \
        return (type)bg_norm(all, 3);                                                              \
    }                                                                                              \
    BG_DEVICE type rnorm3d##suffix(type x, type y, type z)                                         \
    {                                                                                              \
        const type all[] = {x, y, z};                                                              \
        return (type)bg_norm_inverse(all, 3);                                                      \
    }                                                                                              \
    BG_DEVICE type norm4d##suffix(type x, type y, type z, type w)                                  \
    {                                                                                              \
        const type all[] = {x, y, z, w};                                                           \
        return (type)bg_norm(all, 4);                                                              \
    }                                                                                              \
    BG_DEVICE type rnorm4d##suffix(type x, type y, type z, type w)                                 \
    {                                                                                              \
        const type all[] = {x, y, z, w};                                                           \
        return (type)bg_norm_inverse(all, 4);                                                      \
    }                                                                                              \
    BG_DEVICE type norm##suffix(int count, const type *x)                                          \
    {                                                                                              \
        return (type)bg_norm(x, count);                                                            \
    }                                                                                              \
    BG_DEVICE type rnorm##suffix(int count, const type *x)                                         \
    {                                                                                              \
        return (type)bg_norm_inverse(x, count);                                                    \
    }

BG_NORMS(double, )
BG_NORMS(float, f)
#undef BG_NORMS

/* ---- Error functions ---- */

/* |x| to 1. */
BG_DEVICE double bg_erf_near_zero(double x)
{
    const double z = x * x;
    const double tail =
        bg_series(z, {-0x1.812746b0379e6p-2, 0x1.ce2f21a042b30p-4, -0x1.b82ce31284e00p-6,
                      0x1.565bcd0dbaa38p-8, -0x1.c02db3dac435fp-11, 0x1.f9a321d5b8e1ep-14,
                      -0x1.f4d1e3183f7aep-17, 0x1.b9df224ca4b97p-20, -0x1.5f1ecb6f0764cp-23,
                      0x1.f7b4bf3b13964p-27, -0x1.389d4f2641625p-30, 0x1.05ffd737fb32ep-34});

    return fma(x, 0x1.20dd750429b6dp0, x * fma(z, tail, 0x1.1ae3a914fed80p-56));
}

/* exp(x^2) erfc(x), x from 0: 1 + 2 x times it is smooth in (x - 4) / (x + 4). */
BG_DEVICE double bg_erfc_scaled(double x)
{
    const double t = x < 0x1p60 ? (x - 4.0) / (x + 4.0) : 1.0;
    const double smooth =
        bg_series(t, {0x1.3ba5916e9fd7fp+0,   -0x1.1df1ad154a28ep-3,  0x1.f7f5df66fd6bap-7,
                      0x1.16ecefcfa5383p-4,   -0x1.9ddb23c3e89f3p-4,  0x1.7fee004e1295bp-4,
                      -0x1.0fb06dfe52605p-4,  0x1.3079edf67777bp-5,   -0x1.096238838fb04p-6,
                      0x1.49c6728a1a0f0p-8,   -0x1.8d4a9b0690e08p-11, -0x1.a1df289a58f28p-13,
                      0x1.3be04c486a75ep-13,  -0x1.9958e21c32f5cp-16, -0x1.78862b6b1e3abp-17,
                      0x1.7f2545048fbf3p-18,  0x1.398374178fe8cp-22,  -0x1.baf5e74545cc2p-21,
                      0x1.4cb0ece36623dp-24,  0x1.d98825ca9deb5p-24,  -0x1.611fc8f45b510p-26,
                      -0x1.fcc3a5268653fp-27, 0x1.b34e17ed4ff9fp-29,  0x1.f5d7df6dfda90p-30,
                      -0x1.24000f0a15ee9p-32, -0x1.3ab58f87cfb03p-33});

    return smooth / fma(2.0, x, 1.0);
}

/* exp(sign x^2) */
BG_DEVICE double bg_exp_of_square(bg_pair x, double sign)
{
    const bg_pair square = bg_product(x.high, x.high);

    return bg_exp_of_pair({sign * square.high, sign * fma(2.0 * x.high, x.low, square.low)}, 0);
}

static __device__ double bg_erfc(bg_pair x)
{
    const double a = fabs(x.high);

    if (x.high < 0.5 && x.high > -1.0) {
        return 1.0 - (bg_erf_near_zero(x.high) + 0x1.20dd750429b6dp0 * x.low);
    }
    if (!(a < 28.0)) {
        return a != a ? a : x.high < 0.0 ? 2.0 : 0.0;
    }
    const double beyond = bg_exp_of_square(x, -1.0) * bg_erfc_scaled(a);

    return x.high < 0.0 ? 2.0 - beyond : beyond;
}

BG_DEVICE double erfc(double x)
{
    return bg_erfc({x, 0.0});
}

BG_DEVICE double erf(double x)
{
    const double a = fabs(x);

    return a < 1.0 ? bg_erf_near_zero(x) : copysign(1.0 - bg_erfc({a, 0.0}), x);
}

static __device__ double erfcx(double x)
{
    if (x < 0.0) {
        return x < -27.0 ? BG_INFINITY
                         : fma(2.0, bg_exp_of_square({x, 0.0}, 1.0), -bg_erfc_scaled(-x));
    }
    return bg_erfc_scaled(x);
}

/* erfc(-x / sqrt(2)) / 2 */
BG_DEVICE double normcdf(double x)
{
    return 0.5 * bg_erfc(isfinite(x) ? bg_multiply({-x, 0.0},
                                                   {0x1.6a09e667f3bcdp-1, -0x1.bdd3413b26456p-55})
                                     : bg_pair{-x, 0.0});
}

/* A guess of some 8 bits at erfinv(1 - y), y from 0 to 1, by log(1 - (1 - y)^2). */
BG_DEVICE double bg_guess_inverse(double y)
{
    const double log = bg_log(y * (2.0 - y)), half = fma(0.5, log, 4.33);

    return sqrt(sqrt(fma(half, half, log * -6.803)) - half);
}

/* |p| to 1/2; Newton's steps. */
BG_DEVICE double bg_erf_inverse_near_zero(double p)
{
    double x = copysign(bg_guess_inverse(1.0 - fabs(p)), p);

    if (fabs(p) < 0x1p-27) {
        return p * 0x1.c5bf891b4ef6bp-1;
    }
    for (int i = 0; i < 3; i++) {
        const double error = (bg_erf_near_zero(x) - p) * 0x1.c5bf891b4ef6bp-1 * bg_exp(x * x);

        x -= error / fma(x, error, 1.0);
    }
    return x;
}

/* erfc(x) = y for y above 0 to 1/2; Newton's steps towards equal logarithms. */
static __device__ double bg_erfc_inverse_small(double y)
{
    const bg_pair log = bg_log_as_pair(y);
    double x = bg_guess_inverse(y);

    for (int i = 0; i < 4; i++) {
        const double scaled = bg_erfc_scaled(x);
        const bg_pair square = bg_product(x, x);
        const double error = (bg_log(scaled) - log.low - square.low) - (square.high + log.high);

        x = fma(error * scaled, 0x1.c5bf891b4ef6bp-1, x);
    }
    return x;
}

BG_DEVICE double erfinv(double p)
{
    const double a = fabs(p);

    if (a <= 0.5) {
        return bg_erf_inverse_near_zero(p);
    }
    if (!(a < 1.0)) {
        return a == 1.0 ? copysign(BG_INFINITY, p) : BG_NAN;
    }
    return copysign(bg_erfc_inverse_small(1.0 - a), p);
}

BG_DEVICE double erfcinv(double y)
{
    if (!(y > 0.0 && y < 2.0)) {
        return y == 0.0 ? BG_INFINITY : y == 2.0 ? -BG_INFINITY : BG_NAN;
    }
    if (y < 0.5) {
        return bg_erfc_inverse_small(y);
    }
    return y > 1.5 ? -bg_erfc_inverse_small(2.0 - y) : bg_erf_inverse_near_zero(1.0 - y);
}

BG_DEVICE double normcdfinv(double p)
{
    return 0.0 - 0x1.6a09e667f3bcdp0 * erfcinv(2.0 * p); /* +0 in the middle */
}

/* ---- Gamma functions ---- */

/*
 * gamma(x) = exp(returned) / divisor for x from 0 to 2^500, by Stirling's series at 13 and more:
 * (x - 1/2) log(x) - x + log(2 pi) / 2 + 1 / (12 x) - ...
 */
static __device__ bg_pair bg_stirling(double x, bg_pair &divisor)
{
    bg_pair at = {x, 0.0};

    divisor = {1.0, 0.0};
    while (at.high < 13.0) {
        divisor = bg_multiply(divisor, at);
        at = bg_add(at, {1.0, 0.0});
    }
    const double inverse = 1.0 / at.high, z = inverse * inverse;
    const double tail =
        bg_series(z, {1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188, -691.0 / 360360,
                      1.0 / 156, -3617.0 / 122400, 43867.0 / 244188});
    /* The pair's low part belongs into the logarithm, and makes (x - 1/2) / x of it. */
    const bg_pair log = bg_add(bg_log_as_pair(at.high), {at.low * inverse, 0.0});
    const bg_pair most = bg_add(bg_multiply(bg_add(at, {-0.5, 0.0}), log), bg_negative(at));

    return bg_add(bg_add(most, {0x1.d67f1c864beb5p-1, -0x1.65b5a1b7ff5dfp-55}),
                  {tail * inverse, 0.0});
}

static __device__ double tgamma(double x)
{
    bg_pair divisor;

    if (x == 0.0 || !isfinite(x)) {
        return x == 0.0 ? copysign(BG_INFINITY, x) : x < 0.0 ? BG_NAN : x;
    }
    if (fabs(x) < 0x1p-60) {
        return 1.0 / x;
    }
    if (x > 0.0) {
        const bg_pair log = bg_stirling(fmin(x, 200.0), divisor);

        return bg_exp_of_pair(log, 0) / divisor.high;
    }
    if (trunc(x) == x) {
        return BG_NAN;
    }
    if (x < -185.0) { /* the sign is that of sin(pi x) / x, turned */
        return copysign(0.0, sinpi(x));
    }
    /* -pi / (x sin(pi x) gamma(-x)), 2^60 times too large until the last step */
    const double size = bg_exp_of_pair(bg_negative(bg_stirling(-x, divisor)), 60);
    const double factor = 0x1.921fb54442d18p1 / (-x * sinpi(x));

    return size * divisor.high * factor * 0x1p-60;
}

/* lgamma(x) for x above 0. */
static __device__ double bg_log_gamma(double x)
{
    const double from_one = x - 1.0, from_two = x - 2.0;

    if (fabs(from_one) <= 0.25) {
        return 0.0 +
               from_one *
                   bg_series(from_one,
                             {-0x1.2788cfc6fb619p-1, 0x1.a51a6625307d4p-1, -0x1.9a4d55beab2d8p-2,
                              0x1.151322ac7d397p-2, -0x1.a8b9c17aa5857p-3, 0x1.5b40cb10b0f25p-3,
                              -0x1.2703a1dd8753ep-3, 0x1.010b365d76fe7p-3, -0x1.c8066fd0db5d2p-4,
                              0x1.9a020fb488a8bp-4, -0x1.748c5d31b314cp-4, 0x1.5563df3b4aa5fp-4,
                              -0x1.3b16f32ff3c9cp-4, 0x1.253fd66db8098p-4, -0x1.11b44a9f5f521p-4,
                              0x1.ed2cc59d1214dp-5, -0x1.cfeedc8b0ac0ep-5, 0x1.2b1f3e6dc3cb1p-4,
                              -0x1.1bc9551dba19cp-4});
    }
    if (fabs(from_two) <= 0.25) {
        return 0.0 +
               from_two *
                   bg_series(from_two,
                             {0x1.b0ee6072093cep-2, 0x1.4a34cc4a60fa6p-2, -0x1.13e001a557599p-4,
                              0x1.51322ac7d83b5p-6, -0x1.e404fc21fd414p-8, 0x1.7add6eae1dbc7p-9,
                              -0x1.38ac5b8762272p-10, 0x1.0b36aeebfc782p-11, -0x1.d3fe36ff70be5p-13,
                              0x1.a1288cb92d7c3p-14, -0x1.7888c15307598p-15, 0x1.57bd97aba6e33p-16,
                              -0x1.4c272ade72289p-17, 0x1.34098c7f746ddp-18});
    }
    if (x > 0x1p500) {
        return x * (bg_log(x) - 1.0);
    }
    bg_pair divisor;
    const bg_pair log = bg_stirling(x, divisor);

    return bg_add(log, bg_negative(
                           bg_add(bg_log_as_pair(divisor.high), {divisor.low / divisor.high, 0.0})))
        .high;
}

static __device__ double lgamma(double x)
{
    const double a = fabs(x);

    if (!isfinite(x) || (x <= 0.0 && trunc(x) == x)) {
        return x != x ? x : BG_INFINITY;
    }
    if (a < 0x1p-60) {
        return -bg_log(a);
    }
    if (x > 0.0) {
        return bg_log_gamma(x);
    }
    return bg_log(0x1.921fb54442d18p1 / fabs(x * sinpi(x))) - bg_log_gamma(a);
}

#endif
