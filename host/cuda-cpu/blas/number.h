/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers of 16 bits, in a form that compilers make vectors of. */
#ifndef CUDA_CPU_BLAS_NUMBER_H
#define CUDA_CPU_BLAS_NUMBER_H

#include <stdint.h>
#include <string.h>

static inline float number_from_bits(uint32_t bits)
{
    float number;

    memcpy(&number, &bits, sizeof(number));
    return number;
}

static inline uint32_t number_to_bits(float number)
{
    uint32_t bits;

    memcpy(&bits, &number, sizeof(bits));
    return bits;
}

static inline float number_from_bf16(uint16_t half)
{
    return number_from_bits((uint32_t)half << 16);
}

/* The exponent's bias differs by 112; the product makes subnormal numbers normal. */
static inline float number_from_f16(uint16_t half)
{
    uint32_t magnitude = half & 0x7fffu, sign = (uint32_t)(half & 0x8000u) << 16;
    float scaled = number_from_bits(magnitude << 13) * 0x1p112f;
    uint32_t special = magnitude >= 0x7c00u ? 0x7f800000u : 0;

    return number_from_bits(number_to_bits(scaled) | special | sign);
}

/* To nearest, ties to even. */
static inline uint16_t number_to_bf16(float number)
{
    uint32_t bits = number_to_bits(number);

    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return 0x7fff;
    }
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

/* The same: below 2^-14 a sum with a number whose last bit is 2^-24 rounds. */
static inline uint16_t number_to_f16(float number)
{
    uint32_t bits = number_to_bits(number), sign = bits >> 16 & 0x8000u;

    bits &= 0x7fffffffu;
    if (bits > 0x7f800000u) {
        return 0x7fff;
    }
    if (bits >= 0x477ff000u) { /* 65520 */
        return (uint16_t)(sign | 0x7c00u);
    }
    if (bits < 0x38800000u) { /* 2^-14 */
        return (uint16_t)(sign | (number_to_bits(number_from_bits(bits) + 0.5f) - 0x3f000000u));
    }
    return (uint16_t)(sign | ((bits - 0x38000000u + 0xfffu + (bits >> 13 & 1)) >> 13));
}

#endif
