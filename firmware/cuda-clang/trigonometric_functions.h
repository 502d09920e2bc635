/* SPDX-License-Identifier: BSD-2-Clause */
/* Sines and what belongs to them, of double, for all arguments. */
#ifndef FIRMWARE_CUDA_CLANG_TRIGONOMETRIC_FUNCTIONS_H
#define FIRMWARE_CUDA_CLANG_TRIGONOMETRIC_FUNCTIONS_H

/* ---- Near zero: |r| to pi / 4, which is a pair ---- */

BG_DEVICE double bg_sine_near_zero(bg_pair r)
{
    const double z = r.high * r.high;
    const double tail =
        bg_series(z, {-1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880, -1.0 / 39916800,
                      1.0 / 6227020800, -1.0 / 1307674368000, 1.0 / 355687428096000});

    return r.high + fma(r.high * z, tail, fma(-0.5 * z, r.low, r.low));
}

BG_DEVICE double bg_cosine_near_zero(bg_pair r)
{
    const double z = r.high * r.high;
    const double tail = bg_series(z, {1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800,
                                      1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000});
    const bg_pair sum = bg_quick_sum(1.0, -0.5 * z);

    return sum.high + fma(z * z, tail, fma(-r.high, r.low, sum.low));
}

/* ---- Multiples of pi / 2 off ---- */

/* 2 / pi in binary: 64 zeros, and the bits behind the point. */
static __device__ const unsigned long long bg_two_over_pi[] = {
    0x0000000000000000, 0xA2F9836E4E441529, 0xFC2757D1F534DDC0, 0xDB6295993C439041,
    0xFE5163ABDEBBC561, 0xB7246E3A424DD2E0, 0x06492EEA09D1921C, 0xFE1DEB1CB129A73E,
    0xE88235F52EBB4484, 0xE99C7026B45F7E41, 0x3991D639835339F4, 0x9C845F8BBDF9283B,
    0x1FF897FFDE05980F, 0xEF2F118B5A0A6D1F, 0x6D367ECF27CB09B7, 0x4F463F669E5FEA2D,
    0x7527BAC7EBE5F17B, 0x3D0739F78A5292EA, 0x6BFB5FB11F8D5D08, 0x56033046FC7B6BAB,
    0xF0CFBC209AF4361D,
};

/*
 * For |x| from 2^30: x = m 2^e with a whole m. Bits of 2 / pi that give a multiple of 4 are left
 * out, 192 are used: their product with m has two bits of the quadrant and 190 behind the point.
 */
static __device__ bg_pair bg_reduce_large_angle(double x, int &quadrant)
{
    const unsigned long long bits = __double_as_longlong(fabs(x));
    const unsigned long long m = (bits & 0xFFFFFFFFFFFFF) | 0x10000000000000;
    const int e = (int)(bits >> 52) - 1075, first = e - 2 + 64;
    unsigned long long words[3], product[3];
    unsigned __int128 sum = 0;

    for (int i = 0; i < 3; i++) { /* the least one first */
        const unsigned long long *from = &bg_two_over_pi[first / 64 + 2 - i];

        words[i] = first % 64 == 0 ? from[0] : from[0] << first % 64 | from[1] >> (64 - first % 64);
        sum += (unsigned __int128)m * words[i];
        product[i] = (unsigned long long)sum;
        sum >>= 64;
    }
    unsigned __int128 above = (unsigned __int128)product[2] << 64 | product[1];
    unsigned long long below = product[0] << 2;

    quadrant = (int)(above >> 126);
    above = above << 2 | product[0] >> 62;
    const bool is_more = above >> 127 != 0; /* than half: the next multiple is nearer */

    if (is_more) {
        quadrant++;
        above = ~above;
        below = ~below;
    }
    const int zeros = above >> 64 != 0 ? __clzll((long long)(above >> 64)) : 64;

    if (zeros != 0) {
        above = above << zeros | (zeros == 64 ? below : below >> (64 - zeros));
    }
    const double scale = bg_power_of_two(-64 - zeros) * (is_more ? -1.0 : 1.0);
    const unsigned long long high = (unsigned long long)(above >> 64) & ~0x7FFull;
    const unsigned long long low =
        (unsigned long long)(above >> 64) << 53 | (unsigned long long)above >> 11;
    const bg_pair exact = bg_quick_sum((double)high * scale, (double)low * (scale * 0x1p-53));

    const bg_pair r = bg_multiply(exact, {0x1.921fb54442d18p0, 0x1.1a62633145c07p-54});

    if (x < 0) {
        quadrant = -quadrant;
        return bg_negative(r);
    }
    return r;
}

/* x = quadrant pi / 2 + what is returned. Where x is not finite that is no number. */
BG_DEVICE bg_pair bg_reduce_angle(double x, int &quadrant)
{
    if (!(fabs(x) < 0x1p30)) {
        if (!(fabs(x) < BG_INFINITY)) {
            quadrant = 0;
            return {BG_NAN, 0.0};
        }
        return bg_reduce_large_angle(x, quadrant);
    }
    const double k = rint(x * 0x1.45f306dc9c883p-1);
    const double most = fma(k, -0x1.921fb54442d18p0, x);
    const bg_pair more = bg_product(k, 0x1.1a62633145c07p-54);
    const bg_pair r = bg_sum(most, -more.high);

    quadrant = (int)k;
    return bg_quick_sum(r.high, r.low - fma(k, -0x1.f1976b7ed8fbcp-110, more.low));
}

BG_DEVICE double bg_sine_of_quadrant(bg_pair r, int quadrant)
{
    const double y = quadrant & 1 ? bg_cosine_near_zero(r) : bg_sine_near_zero(r);

    return quadrant & 2 ? -y : y;
}

BG_DEVICE double sin(double x)
{
    int quadrant;
    const bg_pair r = bg_reduce_angle(x, quadrant);

    return x == 0.0 ? x : bg_sine_of_quadrant(r, quadrant);
}

BG_DEVICE double cos(double x)
{
    int quadrant;
    const bg_pair r = bg_reduce_angle(x, quadrant);

    return bg_sine_of_quadrant(r, quadrant + 1);
}

BG_DEVICE void sincos(double x, double *sine, double *cosine)
{
    int quadrant;
    const bg_pair r = bg_reduce_angle(x, quadrant);

    *sine = x == 0.0 ? x : bg_sine_of_quadrant(r, quadrant);
    *cosine = bg_sine_of_quadrant(r, quadrant + 1);
}

BG_DEVICE double tan(double x)
{
    int quadrant;
    const bg_pair r = bg_reduce_angle(x, quadrant);
    const double sine = bg_sine_near_zero(r), cosine = bg_cosine_near_zero(r);

    return x == 0.0 ? x : quadrant & 1 ? -cosine / sine : sine / cosine;
}

/* ---- Of pi x: the reduction is exact ---- */

BG_DEVICE bg_pair bg_reduce_half_turns(double x, int &quadrant)
{
    const double turn = fmod(x, 2.0), k = rint(2 * turn);

    quadrant = (int)k;
    return bg_multiply({fma(-0.5, k, turn), 0.0}, {0x1.921fb54442d18p1, 0x1.1a62633145c07p-53});
}

BG_DEVICE void sincospi(double x, double *sine, double *cosine)
{
    int quadrant;
    const bg_pair r = bg_reduce_half_turns(x, quadrant);

    *sine = trunc(x) == x ? x * 0.0 : bg_sine_of_quadrant(r, quadrant);
    *cosine = 0.0 + bg_sine_of_quadrant(r, quadrant + 1); /* no zero is negative */
}

BG_DEVICE double sinpi(double x)
{
    double sine, cosine;

    sincospi(x, &sine, &cosine);
    return sine;
}

BG_DEVICE double cospi(double x)
{
    double sine, cosine;

    sincospi(x, &sine, &cosine);
    return cosine;
}

/* ---- Inverses ---- */

/* The angle, from 0 to pi / 2, of a point whose coordinates are not negative. */
static __device__ bg_pair bg_angle(double y, double x)
{
    const bool is_steep = y > x;
    const double large = is_steep ? y : x, small = is_steep ? x : y;
    double ratio = small / large, rest = 0.0;

    if (!(large > 0.0 && large < BG_INFINITY)) {
        ratio = large == 0.0 ? 0.0 : large != large ? large : small == large ? 1.0 : 0.0;
    } else {
        rest = fma(-ratio, large, small) / large;
    }
    /* From the nearest of 0, 1/2 and 1, whose angle is known, a quarter at the most. */
    const double center = 0.5 * rint(2.0 * ratio);
    const double t = ((ratio - center) + rest) / fma(ratio, center, 1.0), z = t * t;
    const double tail =
        bg_series(z, {-1.0 / 3, 1.0 / 5, -1.0 / 7, 1.0 / 9, -1.0 / 11, 1.0 / 13, -1.0 / 15,
                      1.0 / 17, -1.0 / 19, 1.0 / 21, -1.0 / 23, 1.0 / 25, -1.0 / 27});
    const bg_pair base = center == 0.0   ? bg_pair{0.0, 0.0}
                         : center == 0.5 ? bg_pair{0x1.dac670561bb4fp-2, 0x1.a2b7f222f65e2p-56}
                                         : bg_pair{0x1.921fb54442d18p-1, 0x1.1a62633145c07p-55};
    const bg_pair sum = bg_sum(base.high, t);
    const bg_pair angle = bg_quick_sum(sum.high, sum.low + fma(t * z, tail, base.low));

    return is_steep ? bg_add({0x1.921fb54442d18p0, 0x1.1a62633145c07p-54}, bg_negative(angle))
                    : angle;
}

/* pi less an angle. */
BG_DEVICE double bg_supplement(bg_pair angle)
{
    return bg_add({0x1.921fb54442d18p1, 0x1.1a62633145c07p-53}, bg_negative(angle)).high;
}

BG_DEVICE double atan(double x)
{
    return fabs(x) < 0x1p-28 ? x : copysign(bg_angle(fabs(x), 1.0).high, x);
}

BG_DEVICE double atan2(double y, double x)
{
    if (x != x || y != y) {
        return x + y;
    }
    const bg_pair angle = bg_angle(fabs(y), fabs(x));

    return copysign(signbit(x) ? bg_supplement(angle) : angle.high, y);
}

BG_DEVICE double asin(double x)
{
    const double a = fabs(x);

    if (!(a <= 1.0)) {
        return BG_NAN;
    }
    return a < 0x1p-28 ? x : copysign(bg_angle(a, sqrt((1.0 - a) * (1.0 + a))).high, x);
}

BG_DEVICE double acos(double x)
{
    if (!(fabs(x) <= 1.0)) {
        return BG_NAN;
    }
    const bg_pair angle = bg_angle(sqrt((1.0 - x) * (1.0 + x)), fabs(x));

    return x < 0.0 ? bg_supplement(angle) : angle.high;
}

#endif
