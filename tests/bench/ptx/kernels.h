/* SPDX-License-Identifier: BSD-2-Clause */
/* What a kernel of kernels.c works on. */
#ifndef TESTS_BENCH_PTX_KERNELS_H
#define TESTS_BENCH_PTX_KERNELS_H

struct arguments {
    const void *a, *b;
    void *out;
    int n, m, limit;
    float factor;
};

typedef void c_kernel(const struct arguments *in);

c_kernel c_vector_add, c_saxpy, c_matmul_32, c_matmul_16, c_reduce, c_mandelbrot, c_divergent,
    c_histogram, c_gather;

#endif
