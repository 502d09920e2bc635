/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nvcuda::wmma: products of matrices by a warp, of half, signed and unsigned char, and from sm_80
 * on bfloat16, tf32 and double. Those of 4 bits and of one are not here.
 */
#ifndef FIRMWARE_CUDA_CLANG_MMA_H
#define FIRMWARE_CUDA_CLANG_MMA_H

#include "cuda_bf16.h"

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

namespace precision
{
struct tf32 {
};
} // namespace precision

/* Which lane holds what is the device's secret. */
template <typename Use, int M, int N, int K, typename T, typename Layout = void> struct fragment;

template <typename T, int COUNT> struct bg_elements {
    typedef T element_type;
    enum { num_elements = COUNT };
    T x[COUNT];
};

template <typename Use, int M, int N, int K, typename T, typename Layout, typename V>
BG_DEVICE void fill_fragment(fragment<Use, M, N, K, T, Layout> &to, V value)
{
    for (auto &x : to.x) {
        x = value;
    }
}

/* ---- What is written once for all shapes: clang's builtins take words and constants ---- */

/* a or b: `count` elements of type `element`, from memory of the same. */
#define BG_OPERAND(use, m, n, k, type, element, count, word, load)                                 \
    template <typename Layout>                                                                     \
    struct fragment<use, m, n, k, type, Layout> : bg_elements<element, count> {                    \
    };                                                                                             \
    template <typename Layout>                                                                     \
    BG_DEVICE void load_matrix_sync(fragment<use, m, n, k, type, Layout> &to, const element *from, \
                                    unsigned stride)                                               \
    {                                                                                              \
        word words[sizeof(to.x) / sizeof(word)];                                                   \
                                                                                                   \
        load(words, (const word *)from, stride, Layout::is_column);                                \
        __builtin_memcpy(to.x, words, sizeof(words));                                              \
    }
#define BG_OPERANDS(m, n, k, type, element, count_a, count_b, word, load_a, load_b)                \
    BG_OPERAND(matrix_a, m, n, k, type, element, count_a, word, load_a)                            \
    BG_OPERAND(matrix_b, m, n, k, type, element, count_b, word, load_b)

#define BG_SUMS(m, n, k, type, count, word, load, store)                                           \
    template <> struct fragment<accumulator, m, n, k, type> : bg_elements<type, count> {           \
    };                                                                                             \
    BG_DEVICE void load_matrix_sync(fragment<accumulator, m, n, k, type> &to, const type *from,    \
                                    unsigned stride, layout_t layout)                              \
    {                                                                                              \
        word words[sizeof(to.x) / sizeof(word)];                                                   \
                                                                                                   \
        if (layout == mem_row_major) {                                                             \
            load(words, (const word *)from, stride, 0);                                            \
        } else {                                                                                   \
            load(words, (const word *)from, stride, 1);                                            \
        }                                                                                          \
        __builtin_memcpy(to.x, words, sizeof(words));                                              \
    }                                                                                              \
    BG_DEVICE void store_matrix_sync(type *to, const fragment<accumulator, m, n, k, type> &from,   \
                                     unsigned stride, layout_t layout)                             \
    {                                                                                              \
        word words[sizeof(from.x) / sizeof(word)];                                                 \
                                                                                                   \
        __builtin_memcpy(words, from.x, sizeof(words));                                            \
        if (layout == mem_row_major) {                                                             \
            store((word *)to, words, stride, 0);                                                   \
        } else {                                                                                   \
            store((word *)to, words, stride, 1);                                                   \
        }                                                                                          \
    }

/* to = a b + sums */
#define BG_PRODUCT(m, n, k, type, word, to_type, to_word, sums_type, sums_word, product)           \
    template <typename A, typename B>                                                              \
    BG_DEVICE void mma_sync(fragment<accumulator, m, n, k, to_type> &to,                           \
                            const fragment<matrix_a, m, n, k, type, A> &a,                         \
                            const fragment<matrix_b, m, n, k, type, B> &b,                         \
                            const fragment<accumulator, m, n, k, sums_type> &sums)                 \
    {                                                                                              \
        word of_a[sizeof(a.x) / sizeof(word)], of_b[sizeof(b.x) / sizeof(word)];                   \
        sums_word of_sums[sizeof(sums.x) / sizeof(sums_word)];                                     \
        to_word of_to[sizeof(to.x) / sizeof(to_word)];                                             \
                                                                                                   \
        __builtin_memcpy(of_a, a.x, sizeof(of_a));                                                 \
        __builtin_memcpy(of_b, b.x, sizeof(of_b));                                                 \
        __builtin_memcpy(of_sums, sums.x, sizeof(of_sums));                                        \
        product(of_to, of_a, of_b, of_sums, 2 * A::is_column + B::is_column, 0);                   \
        __builtin_memcpy(to.x, of_to, sizeof(of_to));                                              \
    }

/* ---- half, with sums of half and of float; 8 bits, with sums of int ---- */

#define BG_BYTES(m, n, k, type, suffix, count_a, count_b, prefix)                                  \
    BG_OPERANDS(m, n, k, type, type, count_a, count_b, int, prefix##_ld_a_##suffix,                \
                prefix##_ld_b_##suffix)                                                            \
    BG_PRODUCT(m, n, k, type, int, int, int, int, int, prefix##_mma_##suffix)
#define BG_SHAPE(m, n, k, bytes_a, bytes_b, halves, bytes)                                         \
    BG_OPERANDS(m, n, k, half, half, 16, 16, int, halves##_ld_a, halves##_ld_b)                    \
    BG_SUMS(m, n, k, half, 8, int, halves##_ld_c_f16, halves##_st_c_f16)                           \
    BG_SUMS(m, n, k, float, 8, float, halves##_ld_c_f32, halves##_st_c_f32)                        \
    BG_PRODUCT(m, n, k, half, int, half, int, half, int, halves##_mma_f16f16)                      \
    BG_PRODUCT(m, n, k, half, int, float, float, half, int, halves##_mma_f32f16)                   \
    BG_PRODUCT(m, n, k, half, int, half, int, float, float, halves##_mma_f16f32)                   \
    BG_PRODUCT(m, n, k, half, int, float, float, float, float, halves##_mma_f32f32)                \
    BG_SUMS(m, n, k, int, 8, int, bytes##_ld_c, bytes##_st_c_i32)                                  \
    BG_BYTES(m, n, k, signed char, s8, bytes_a, bytes_b, bytes)                                    \
    BG_BYTES(m, n, k, unsigned char, u8, bytes_a, bytes_b, bytes)

BG_SHAPE(16, 16, 16, 8, 8, __hmma_m16n16k16, __imma_m16n16k16)
BG_SHAPE(32, 8, 16, 16, 4, __hmma_m32n8k16, __imma_m32n8k16)
BG_SHAPE(8, 32, 16, 4, 16, __hmma_m8n32k16, __imma_m8n32k16)
#undef BG_SHAPE
#undef BG_BYTES

/* ---- bfloat16, tf32, double ---- */

/* As a float whose last 13 bits are zeros. */
BG_DEVICE float __float_to_tf32(float value)
{
#if __CUDA_ARCH__ >= 800
    unsigned bits;

    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
    return __uint_as_float(bits);
#else
    const unsigned bits = __float_as_uint(value);

    return isfinite(value) ? __uint_as_float((bits + 0x1000) & ~0x1FFFu) : value;
#endif
}

#if __CUDA_ARCH__ >= 800
#define BG_SHAPE(m, n, k, count_a, count_b, prefix)                                                \
    BG_OPERANDS(m, n, k, __nv_bfloat16, __nv_bfloat16, count_a, count_b, int, prefix##_ld_a,       \
                prefix##_ld_b)                                                                     \
    BG_PRODUCT(m, n, k, __nv_bfloat16, int, float, float, float, float, prefix##_mma_f32)

BG_SHAPE(16, 16, 16, 8, 8, __mma_bf16_m16n16k16)
BG_SHAPE(32, 8, 16, 16, 4, __mma_bf16_m32n8k16)
BG_SHAPE(8, 32, 16, 4, 16, __mma_bf16_m8n32k16)
#undef BG_SHAPE

BG_OPERANDS(16, 16, 8, precision::tf32, float, 4, 4, int, __mma_tf32_m16n16k8_ld_a,
            __mma_tf32_m16n16k8_ld_b)
BG_SUMS(16, 16, 8, float, 8, float, __mma_tf32_m16n16k8_ld_c, __mma_m16n16k8_st_c_f32)
BG_PRODUCT(16, 16, 8, precision::tf32, int, float, float, float, float, __mma_tf32_m16n16k8_mma_f32)

BG_OPERANDS(8, 8, 4, double, double, 1, 1, double, __dmma_m8n8k4_ld_a, __dmma_m8n8k4_ld_b)
BG_SUMS(8, 8, 4, double, 2, double, __dmma_m8n8k4_ld_c, __dmma_m8n8k4_st_c_f64)
BG_PRODUCT(8, 8, 4, double, double, double, double, double, double, __dmma_m8n8k4_mma_f64)
#endif

#undef BG_OPERAND
#undef BG_OPERANDS
#undef BG_SUMS
#undef BG_PRODUCT
} // namespace wmma
} // namespace nvcuda

#endif
