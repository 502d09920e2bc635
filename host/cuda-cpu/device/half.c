/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/half.h"

#include <math.h>
#include <string.h>

#define NAN_16 0x7FFF

static float single_of(uint32_t bits)
{
    float single;

    memcpy(&single, &bits, sizeof(single));
    return single;
}

static uint32_t infinity(enum half_type type)
{
    return type == HALF_F16 ? 0x7C00 : 0x7F80;
}

static bool is_nan(enum half_type type, uint16_t half)
{
    return (half & 0x7FFFu) > infinity(type);
}

/* An f16 in the place of an f32's bits is less by 2^112. */
static float decode(enum half_type type, uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = half & 0x7FFFu;

    if (type == HALF_BF16) {
        return single_of((uint32_t)half << 16);
    }
    if (magnitude >= 0x7C00) {
        return single_of(sign | 0x7F800000 | magnitude << 13);
    }
    return single_of(sign | magnitude << 13) * 0x1p112f;
}

/* In the bits, where a carry goes into the exponent by itself. */
uint16_t half_encode_f16(double number)
{
    double magnitude = fabs(number);
    uint32_t sign = signbit(number) ? 0x8000 : 0;
    uint64_t bits;

    if (isnan(number)) {
        return NAN_16;
    }
    if (magnitude >= 65520) {
        return (uint16_t)(sign | 0x7C00);
    }
    if (magnitude < 0x1p-14) {
        return (uint16_t)(sign | (uint32_t)nearbyint(magnitude * 0x1p24));
    }
    memcpy(&bits, &magnitude, sizeof(bits));
    bits += (UINT64_C(1) << 41) - 1 + (bits >> 42 & 1);
    return (uint16_t)(sign | ((bits >> 42) - ((1023 - 15) << 10)));
}

static uint16_t encode_bf16(float number)
{
    uint32_t bits;

    memcpy(&bits, &number, sizeof(bits));
    return isnan(number) ? NAN_16 : (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

/* An f32 has more than twice the bits, and two: rounding twice is rounding once. */
uint16_t half_add(enum half_type type, uint16_t a, uint16_t b)
{
    float sum = decode(type, a) + decode(type, b);

    return type == HALF_F16 ? half_encode_f16((double)sum) : encode_bf16(sum);
}

/* In the order of the numbers. */
static int ordered(uint16_t half)
{
    return half & 0x8000 ? 0x7FFF - half : half;
}

uint16_t half_extreme(enum half_type type, bool is_max, uint16_t a, uint16_t b)
{
    if (is_nan(type, a) || is_nan(type, b)) {
        return !is_nan(type, a) ? a : is_nan(type, b) ? NAN_16 : b;
    }
    return (ordered(a) < ordered(b)) == is_max ? b : a;
}
