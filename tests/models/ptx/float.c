/* SPDX-License-Identifier: BSD-2-Clause */
/* Formats, rounding, and the exact operations: PTX ISA 5.2.3 and 9.7.3. */
#include "tests/models/ptx/float.h"

#include <fenv.h>
#include <math.h>
#include <string.h>

/* Bits of the exponent and of the fraction. */
struct format {
    int exponent, fraction, bias;
    uint64_t max; /* the largest finite number's bits */
    uint64_t nan;
    unsigned shift; /* of all of this in its register */
};

static const struct format *format_of(enum ptx_word type)
{
    static const struct format f16 = {5, 10, 15, 0x7BFF, 0x7FFF, 0};
    static const struct format bf16 = {8, 7, 127, 0x7F7F, 0x7FFF, 0};
    static const struct format f32 = {8, 23, 127, 0x7F7FFFFF, 0x7FFFFFFF, 0};
    static const struct format tf32 = {8, 10, 127, 0x3FBFF, 0x3FFFF, 13};
    static const struct format e4m3 = {4, 3, 7, 0x7E, 0x7F, 0};
    static const struct format e5m2 = {5, 2, 15, 0x7B, 0x7F, 0};

    switch (type) {
    case PTX_W_F16:
        return &f16;
    case PTX_W_BF16:
        return &bf16;
    case PTX_W_TF32:
        return &tf32;
    case PTX_W_E4M3:
    case PTX_W_E4M3X2:
        return &e4m3;
    case PTX_W_E5M2:
    case PTX_W_E5M2X2:
        return &e5m2;
    default:
        return &f32;
    }
}

static double double_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* ---- Formats ---- */

static int format_bits(const struct format *format)
{
    return 1 + format->exponent + format->fraction;
}

double decode(enum ptx_word type, u128 bits)
{
    const struct format *format = format_of(type);
    uint64_t magnitude =
        (uint64_t)low_bits(bits >> format->shift, (unsigned)format_bits(format) - 1);
    bool negative = bits >> format->shift >> (format_bits(format) - 1) & 1;
    uint64_t fraction = magnitude & ((1ULL << format->fraction) - 1);
    int exponent = (int)(magnitude >> format->fraction);
    double value;

    if (type == PTX_W_F64) {
        return double_of((uint64_t)bits);
    }
    if (magnitude > format->max) {
        value = magnitude == format->max + 1 && magnitude != format->nan ? INFINITY : NAN;
    } else if (exponent == 0) {
        value = ldexp((double)fraction, 1 - format->bias - format->fraction);
    } else {
        value = ldexp((double)(fraction | 1ULL << format->fraction),
                      exponent - format->bias - format->fraction);
    }
    return negative ? -value : value;
}

/* Whether a magnitude that was cut off goes up by one; rest: what was cut, of 1. */
static bool goes_up(enum rounding rounding, bool negative, bool odd, double rest)
{
    switch (rounding) {
    case ROUND_NEAREST:
        return rest > 0.5 || (rest == 0.5 && odd);
    case ROUND_AWAY:
        return rest >= 0.5;
    case ROUND_DOWN:
        return negative && rest > 0;
    case ROUND_UP:
        return !negative && rest > 0;
    default:
        return false;
    }
}

/* Infinity, or the largest finite number when rounding goes towards zero. */
static uint64_t overflow(const struct format *format, enum rounding rounding, bool negative)
{
    return format->max + goes_up(rounding, negative, true, 0.75);
}

/* Units of the last place, then the bits: a carry goes into the exponent by itself. */
static uint64_t encode_finite(const struct format *format, double value, enum rounding rounding)
{
    int least = 1 - format->bias - format->fraction, exponent, unit;
    bool negative = signbit(value);
    double scaled, whole;
    uint64_t bits;

    frexp(value, &exponent);
    unit = exponent - 1 - format->fraction;
    unit = value == 0 || unit < least ? least : unit;
    if (unit - least >= 1 << format->exponent) {
        return overflow(format, rounding, negative);
    }
    scaled = ldexp(fabs(value), -unit);
    whole = floor(scaled);
    bits = (uint64_t)whole;
    bits += goes_up(rounding, negative, bits & 1, scaled - whole);
    bits += (uint64_t)(unit - least) << format->fraction;
    return bits > format->max ? overflow(format, rounding, negative) : bits;
}

uint64_t encode(double value, enum ptx_word type, enum rounding rounding)
{
    const struct format *format = format_of(type);
    uint64_t bits;

    if (isnan(value)) {
        return canonical_nan(type);
    }
    if (type == PTX_W_F64) {
        return bits_of(value);
    }
    bits = isinf(value) ? format->max + 1 : encode_finite(format, value, rounding);
    bits |= (uint64_t)(signbit(value) != 0) << (format_bits(format) - 1);
    return bits << format->shift;
}

uint64_t canonical_nan(enum ptx_word type)
{
    return type == PTX_W_F64    ? 0x7FF8000000000000
           : type == PTX_W_TF32 ? 0x7FFFFFFF
                                : format_of(type)->nan;
}

double largest(enum ptx_word type)
{
    return type == PTX_W_F64 ? double_of(0x7FEFFFFFFFFFFFFF)
                             : decode(type, (u128)format_of(type)->max << format_of(type)->shift);
}

bool is_subnormal(enum ptx_word type, u128 bits)
{
    double least = type == PTX_W_F64 ? 0x1p-1022 : ldexp(1, 1 - format_of(type)->bias);
    double value = fabs(decode(type, bits));

    return value > 0 && value < least;
}

u128 flush(enum ptx_word type, u128 bits)
{
    return is_subnormal(type, bits) ? bits & (u128)1 << (ptx_type_bits(type) - 1) : bits;
}

/* Conversions flush .f32 alone. */
static bool flushes(const struct ptx_instruction *in, enum ptx_word type)
{
    unsigned bits = ptx_type_bits(type);

    return has(in, PTX_W_FTZ) && (bits == 32 || (bits == 16 && in->opcode != PTX_CVT));
}

double decode_input(const struct ptx_instruction *in, enum ptx_word type, u128 bits)
{
    return decode(type, flushes(in, type) ? flush(type, bits) : bits);
}

uint64_t encode_result(const struct ptx_instruction *in, double value, enum ptx_word type,
                       enum rounding rounding)
{
    uint64_t bits = encode(value, type, rounding);

    return flushes(in, type) ? (uint64_t)flush(type, bits) : bits;
}

enum rounding rounding_of(const struct ptx_instruction *in)
{
    return has(in, PTX_W_RZ)    ? ROUND_ZERO
           : has(in, PTX_W_RM)  ? ROUND_DOWN
           : has(in, PTX_W_RP)  ? ROUND_UP
           : has(in, PTX_W_RNA) ? ROUND_AWAY
                                : ROUND_NEAREST;
}

double limit(const struct ptx_instruction *in, double value)
{
    if (has(in, PTX_W_SAT)) {
        return value > 0 ? fmin(value, 1) : 0;
    }
    return has(in, PTX_W_RELU) && value <= 0 ? 0 : value;
}

/* ---- Operations ---- */

static int host_mode(enum rounding rounding)
{
    static const int modes[] = {
        [ROUND_NEAREST] = FE_TONEAREST, [ROUND_ZERO] = FE_TOWARDZERO, [ROUND_DOWN] = FE_DOWNWARD,
        [ROUND_UP] = FE_UPWARD,         [ROUND_AWAY] = FE_TONEAREST,
    };

    return modes[rounding];
}

static double operate(enum ptx_opcode opcode, double a, double b, double c)
{
    switch (opcode) {
    case PTX_ADD:
        return a + b;
    case PTX_SUB:
        return a - b;
    case PTX_MUL:
        return a * b;
    case PTX_DIV:
        return a / b;
    case PTX_SQRT:
        return sqrt(a);
    case PTX_RCP:
        return 1 / a;
    default:
        return fma(a, b, c);
    }
}

/* Volatile: nothing moves across the change of the mode. */
static double operate_in(int mode, enum ptx_opcode opcode, double a, double b, double c,
                         bool *inexact)
{
    volatile double x = a, y = b, z = c, result;

    fesetround(mode);
    feclearexcept(FE_ALL_EXCEPT);
    result = operate(opcode, x, y, z);
    *inexact = fetestexcept(FE_INEXACT) != 0;
    fesetround(FE_TONEAREST);
    return result;
}

/* What is inexact gets an odd last bit, so that it is on no boundary of a narrower format. */
static double to_odd(double truncated, bool inexact)
{
    return inexact && isfinite(truncated) ? double_of(bits_of(truncated) | 1) : truncated;
}

/* The sign of an exact zero depends on the mode. */
double compute(enum ptx_opcode opcode, enum ptx_word type, enum rounding rounding, double a,
               double b, double c)
{
    bool inexact;
    double result;

    if (type != PTX_W_F64) {
        result = operate_in(FE_TOWARDZERO, opcode, a, b, c, &inexact);
        if (result != 0) {
            return to_odd(result, inexact);
        }
    }
    return operate_in(host_mode(rounding), opcode, a, b, c, &inexact);
}

double from_integer(u128 value, bool is_signed, enum ptx_word type, enum rounding rounding)
{
    volatile int64_t number = (int64_t)value;
    volatile uint64_t unsigned_number = (uint64_t)value;
    volatile double result;
    bool inexact;

    fesetround(type == PTX_W_F64 ? host_mode(rounding) : FE_TOWARDZERO);
    feclearexcept(FE_ALL_EXCEPT);
    result = is_signed ? (double)number : (double)unsigned_number;
    inexact = fetestexcept(FE_INEXACT) != 0;
    fesetround(FE_TONEAREST);
    return type == PTX_W_F64 ? result : to_odd(result, inexact);
}

u128 float_add_bits(enum ptx_word type, u128 a, u128 b)
{
    return encode(compute(PTX_ADD, type, ROUND_NEAREST, decode(type, a), decode(type, b), 0), type,
                  ROUND_NEAREST);
}

/* The number where one of them is NaN; -0 is less than 0. */
u128 float_min_max_bits(enum ptx_word type, u128 a, u128 b, bool max)
{
    double x = decode(type, a), y = decode(type, b);

    if (isnan(x) || isnan(y)) {
        return isnan(x) && isnan(y) ? canonical_nan(type) : isnan(x) ? b : a;
    }
    if (x == y) {
        return (signbit(x) != 0) == max ? b : a;
    }
    return (x > y) == max ? a : b;
}
