/* SPDX-License-Identifier: BSD-2-Clause */
/* nvcuda::wmma: products of matrices by a warp, of 16 x 16 x 16, half with sums in float. */
#ifndef FIRMWARE_CUDA_CLANG_MMA_H
#define FIRMWARE_CUDA_CLANG_MMA_H

#include "cuda_fp16.h"

namespace nvcuda
{
namespace wmma
{
struct row_major {
    static constexpr int is_column = 0;
};
struct col_major {
    static constexpr int is_column = 1;
};
struct matrix_a {
};
struct matrix_b {
};
struct accumulator {
};
enum layout_t { mem_row_major, mem_col_major };

/* Which lane holds what is the device's secret. */
template <typename Use, int M, int N, int K, typename T, typename Layout = void> struct fragment;

template <typename Layout> struct fragment<matrix_a, 16, 16, 16, half, Layout> {
    int words[8];
};
template <typename Layout> struct fragment<matrix_b, 16, 16, 16, half, Layout> {
    int words[8];
};
template <> struct fragment<accumulator, 16, 16, 16, float> {
    static constexpr int num_elements = 8;
    float x[num_elements];
};

typedef fragment<accumulator, 16, 16, 16, float> bg_sums;

BG_DEVICE void fill_fragment(bg_sums &sums, float value)
{
    for (float &x : sums.x) {
        x = value;
    }
}

template <typename Layout>
BG_DEVICE void load_matrix_sync(fragment<matrix_a, 16, 16, 16, half, Layout> &a, const half *from,
                                unsigned stride)
{
    __hmma_m16n16k16_ld_a(a.words, (const int *)from, stride, Layout::is_column);
}

template <typename Layout>
BG_DEVICE void load_matrix_sync(fragment<matrix_b, 16, 16, 16, half, Layout> &b, const half *from,
                                unsigned stride)
{
    __hmma_m16n16k16_ld_b(b.words, (const int *)from, stride, Layout::is_column);
}

BG_DEVICE void load_matrix_sync(bg_sums &sums, const float *from, unsigned stride, layout_t layout)
{
    if (layout == mem_row_major) {
        __hmma_m16n16k16_ld_c_f32(sums.x, from, stride, 0);
    } else {
        __hmma_m16n16k16_ld_c_f32(sums.x, from, stride, 1);
    }
}

BG_DEVICE void store_matrix_sync(float *to, const bg_sums &sums, unsigned stride, layout_t layout)
{
    float *from = const_cast<float *>(sums.x); /* which is how older compilers want it */

    if (layout == mem_row_major) {
        __hmma_m16n16k16_st_c_f32(to, from, stride, 0);
    } else {
        __hmma_m16n16k16_st_c_f32(to, from, stride, 1);
    }
}

/* to = a b + sums */
template <typename LayoutA, typename LayoutB>
BG_DEVICE void mma_sync(bg_sums &to, const fragment<matrix_a, 16, 16, 16, half, LayoutA> &a,
                        const fragment<matrix_b, 16, 16, 16, half, LayoutB> &b, const bg_sums &sums)
{
    __hmma_m16n16k16_mma_f32f32(to.x, a.words, b.words, sums.x,
                                2 * LayoutA::is_column + LayoutB::is_column, 0);
}
} // namespace wmma
} // namespace nvcuda

#endif
