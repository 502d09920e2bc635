/* SPDX-License-Identifier: BSD-2-Clause */
/* CUDA's mathematical functions, for cuda_functions_test.c: a kernel for each, double_NAME, float_NAME. */
#include "functions.h"

#define KERNEL extern "C" __global__ void

#define EACH                                                                                       \
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += blockDim.x * gridDim.x)

#define UNARY(function, ...)                                                                       \
    KERNEL double_##function(double *to, const double *x, const double *, unsigned n)              \
    {                                                                                              \
        EACH to[i] = function(x[i]);                                                               \
    }                                                                                              \
    KERNEL float_##function(float *to, const float *x, const float *, unsigned n)                  \
    {                                                                                              \
        EACH to[i] = function##f(x[i]);                                                            \
    }
#define BINARY(function, ...)                                                                      \
    KERNEL double_##function(double *to, const double *x, const double *y, unsigned n)             \
    {                                                                                              \
        EACH to[i] = function(x[i], y[i]);                                                         \
    }                                                                                              \
    KERNEL float_##function(float *to, const float *x, const float *y, unsigned n)                 \
    {                                                                                              \
        EACH to[i] = function##f(x[i], y[i]);                                                      \
    }

UNARY_FUNCTIONS(UNARY)
BINARY_FUNCTIONS(BINARY)
