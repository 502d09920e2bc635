/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CUDA's mathematical functions, for functions.cu and cuda_functions_test.c: the name, the largest
 * error in units in the last place, of float and of double, which NVIDIA's own keep too, and the
 * arguments' range where all of them are too many.
 */
#ifndef TESTS_UNIT_CUDA_CPU_FUNCTIONS_H
#define TESTS_UNIT_CUDA_CPU_FUNCTIONS_H

#define ALL_NUMBERS -INFINITY, INFINITY

#define UNARY_FUNCTIONS(F)                                                                         \
    F(rsqrt, 2, 1, ALL_NUMBERS)                                                                    \
    F(cbrt, 1, 1, ALL_NUMBERS)                                                                     \
    F(rcbrt, 1, 1, ALL_NUMBERS)                                                                    \
    F(exp, 2, 1, -760, 760)                                                                        \
    F(exp2, 2, 1, -1100, 1100)                                                                     \
    F(exp10, 2, 1, -330, 330)                                                                      \
    F(expm1, 1, 1, -100, 720)                                                                      \
    F(log, 1, 1, ALL_NUMBERS)                                                                      \
    F(log2, 1, 1, ALL_NUMBERS)                                                                     \
    F(log10, 2, 1, ALL_NUMBERS)                                                                    \
    F(log1p, 1, 1, ALL_NUMBERS)                                                                    \
    F(sinh, 3, 2, -720, 720)                                                                       \
    F(cosh, 2, 1, -720, 720)                                                                       \
    F(tanh, 2, 1, ALL_NUMBERS)                                                                     \
    F(asinh, 3, 3, ALL_NUMBERS)                                                                    \
    F(acosh, 4, 3, ALL_NUMBERS)                                                                    \
    F(atanh, 3, 2, -1, 1)                                                                          \
    F(sin, 2, 2, ALL_NUMBERS)                                                                      \
    F(cos, 2, 2, ALL_NUMBERS)                                                                      \
    F(tan, 4, 2, ALL_NUMBERS)                                                                      \
    F(sinpi, 1, 2, ALL_NUMBERS)                                                                    \
    F(cospi, 1, 2, ALL_NUMBERS)                                                                    \
    F(asin, 2, 2, -1, 1)                                                                           \
    F(acos, 2, 2, -1, 1)                                                                           \
    F(atan, 2, 2, ALL_NUMBERS)                                                                     \
    F(erf, 2, 2, ALL_NUMBERS)                                                                      \
    F(erfc, 4, 5, -7, 28)                                                                          \
    F(erfcx, 4, 4, -27, 27)                                                                        \
    F(erfinv, 2, 5, -1, 1)                                                                         \
    F(erfcinv, 4, 6, 0, 2)                                                                         \
    F(normcdf, 5, 5, -38, 10)                                                                      \
    F(normcdfinv, 5, 8, 0, 1)                                                                      \
    F(tgamma, 5, 10, -190, 180)                                                                    \
    F(lgamma, 6, 4, -2.25, INFINITY)                                                               \
    F(logb, 0, 0, ALL_NUMBERS)                                                                     \
    F(fabs, 0, 0, ALL_NUMBERS)                                                                     \
    F(floor, 0, 0, ALL_NUMBERS)                                                                    \
    F(ceil, 0, 0, ALL_NUMBERS)                                                                     \
    F(trunc, 0, 0, ALL_NUMBERS)                                                                    \
    F(round, 0, 0, ALL_NUMBERS)                                                                    \
    F(rint, 0, 0, ALL_NUMBERS)                                                                     \
    F(nearbyint, 0, 0, ALL_NUMBERS)

#define BINARY_FUNCTIONS(F)                                                                        \
    F(pow, 4, 2, ALL_NUMBERS)                                                                      \
    F(atan2, 3, 2, ALL_NUMBERS)                                                                    \
    F(hypot, 3, 2, ALL_NUMBERS)                                                                    \
    F(rhypot, 2, 1, ALL_NUMBERS)                                                                   \
    F(fmod, 0, 0, ALL_NUMBERS)                                                                     \
    F(remainder, 0, 0, ALL_NUMBERS)                                                                \
    F(copysign, 0, 0, ALL_NUMBERS)                                                                 \
    F(nextafter, 0, 0, ALL_NUMBERS)

#endif
