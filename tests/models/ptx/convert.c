/* SPDX-License-Identifier: BSD-2-Clause */
/* cvt: PTX ISA 9.7.9.21. */
#include <math.h>

#include "tests/models/ptx/families.h"
#include "tests/models/ptx/float.h"

/* ---- Integers ---- */

static s128 least_integer(enum ptx_word type)
{
    return is_signed(type) ? -((s128)1 << (ptx_type_bits(type) - 1)) : 0;
}

static s128 greatest_integer(enum ptx_word type)
{
    return ((s128)1 << (ptx_type_bits(type) - is_signed(type))) - 1;
}

static s128 clamp(s128 value, enum ptx_word type)
{
    return value < least_integer(type)      ? least_integer(type)
           : value > greatest_integer(type) ? greatest_integer(type)
                                            : value;
}

static double round_to_integer(const struct ptx_instruction *in, double value)
{
    return has(in, PTX_W_RNI)   ? nearbyint(value)
           : has(in, PTX_W_RZI) ? trunc(value)
           : has(in, PTX_W_RMI) ? floor(value)
           : has(in, PTX_W_RPI) ? ceil(value)
                                : value;
}

/* A NaN becomes zero; with .f64 or 64 bits, the highest bit alone. */
static u128 integer_nan(enum ptx_word to, enum ptx_word from)
{
    return from == PTX_W_F64 || ptx_type_bits(to) == 64 ? (u128)1 << (ptx_type_bits(to) - 1) : 0;
}

/* What does not fit is clamped, .sat or not. */
static u128 float_to_integer(const struct ptx_instruction *in, enum ptx_word to, enum ptx_word from,
                             u128 bits)
{
    double value = round_to_integer(in, decode_input(in, from, bits));

    if (isnan(value)) {
        return integer_nan(to, from);
    }
    if (fabs(value) >= 0x1p64) {
        return (u128)(value < 0 ? least_integer(to) : greatest_integer(to));
    }
    return (u128)clamp((s128)value, to);
}

static u128 integer_to_integer(const struct ptx_instruction *in, enum ptx_word to,
                               enum ptx_word from, u128 bits)
{
    u128 value = extend(bits, from);

    return has(in, PTX_W_SAT) ? (u128)clamp((s128)value, to) : value;
}

/* ---- Floats ---- */

static double limited(const struct ptx_instruction *in, double value, enum ptx_word to)
{
    value = limit(in, value);
    if (has(in, PTX_W_SATFINITE) && !isnan(value)) {
        return fmax(fmin(value, largest(to)), -largest(to));
    }
    return value;
}

static u128 integer_to_float(const struct ptx_instruction *in, enum ptx_word to, enum ptx_word from,
                             u128 bits)
{
    enum rounding rounding = rounding_of(in);
    double value = from_integer(extend(bits, from), is_signed(from), to, rounding);

    return encode_result(in, limited(in, value, to), to, rounding);
}

static u128 float_to_float(const struct ptx_instruction *in, enum ptx_word to, enum ptx_word from,
                           u128 bits)
{
    double value = round_to_integer(in, decode_input(in, from, bits));

    return encode_result(in, limited(in, value, to), to, rounding_of(in));
}

static bool is_floating(enum ptx_word type)
{
    return is_float(type) || type == PTX_W_TF32;
}

static u128 convert(const struct ptx_instruction *in, enum ptx_word to, enum ptx_word from,
                    u128 bits)
{
    if (is_floating(from)) {
        return is_floating(to) ? float_to_float(in, to, from, bits)
                               : float_to_integer(in, to, from, bits);
    }
    return is_floating(to) ? integer_to_float(in, to, from, bits)
                           : integer_to_integer(in, to, from, bits);
}

/* ---- Pairs ---- */

/* The type of each of the two in a packed one. */
static enum ptx_word element_of(enum ptx_word type)
{
    switch (type) {
    case PTX_W_E4M3X2:
        return PTX_W_E4M3;
    case PTX_W_E5M2X2:
        return PTX_W_E5M2;
    default:
        return half_of(type);
    }
}

/* The upper one comes first, as a value of its own or as the upper part of one. */
static void convert_pair(struct thread *thread, const struct ptx_instruction *in)
{
    enum ptx_word to = type_of(in, 0), from = type_of(in, 1), to_part = element_of(to);
    enum ptx_word from_part = element_of(from) != PTX_W_NONE ? element_of(from) : from;
    unsigned to_bits = ptx_type_bits(to_part), from_bits = ptx_type_bits(from_part);
    u128 upper = read_bits(thread, &in->operands[1], from), lower = upper;

    if (in->operand_count > 2) {
        lower = read_bits(thread, &in->operands[2], from);
    } else {
        upper >>= from_bits;
        lower = low_bits(lower, from_bits);
    }
    upper = float_to_float(in, to_part, from_part, upper);
    lower = float_to_float(in, to_part, from_part, lower);
    write_bits(thread, &in->operands[0], to, upper << to_bits | lower);
}

/* Two integers, and behind them the lower bits of c. */
static void convert_pack(struct thread *thread, const struct ptx_instruction *in)
{
    enum ptx_word to = type_of(in, 0);
    unsigned bits = ptx_type_bits(to);
    bool to_signed = is_signed(to) || to == PTX_W_S4 || to == PTX_W_S2;
    s128 most = ((s128)1 << (bits - to_signed)) - 1, least = to_signed ? -most - 1 : 0;
    u128 packed = in->operand_count > 3 ? read_bits(thread, &in->operands[3], PTX_W_B32) : 0;

    for (unsigned i = 1; i <= 2; i++) {
        s128 value = (s128)read_value(thread, &in->operands[i], PTX_W_S32);

        value = value < least ? least : value > most ? most : value;
        packed = packed << bits | low_bits((u128)value, bits);
    }
    write_bits(thread, &in->operands[0], PTX_W_B32, packed);
}

void execute_cvt(struct thread *thread, const struct ptx_instruction *in)
{
    enum ptx_word to = type_of(in, 0), from = type_of(in, 1);

    if (has(in, PTX_W_PACK)) {
        convert_pack(thread, in);
    } else if (element_of(to) != PTX_W_NONE) {
        convert_pair(thread, in);
    } else {
        write_bits(thread, &in->operands[0], to,
                   convert(in, to, from, read_bits(thread, &in->operands[1], from)));
    }
}
