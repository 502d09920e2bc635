/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/format.h"

#include "host/cuda-cpu/compile/vector.h"

/* Bits of the fraction, and what the exponent counts from. Behind `shift` bits of nothing. */
struct format {
    unsigned bits, fraction, bias;
    uint64_t max; /* of the bits that are there */
    unsigned shift;
    uint64_t nan; /* as a register has it */
};

static const struct format *format_of(enum ptx_word type)
{
    static const struct format f16 = {16, 10, 15, 0x7BFF, 0, 0x7FFF};
    static const struct format bf16 = {16, 7, 127, 0x7F7F, 0, 0x7FFF};
    static const struct format tf32 = {19, 10, 127, 0x3FBFF, 13, 0x7FFFFFFF};
    static const struct format e4m3 = {8, 3, 7, 0x7E, 0, 0x7F};
    static const struct format e5m2 = {8, 2, 15, 0x7B, 0, 0x7F};
    static const struct format f32 = {32, 23, 127, 0x7F7FFFFF, 0, 0x7FFFFFFF};
    static const struct format f64 = {64, 52, 1023, 0x7FEFFFFFFFFFFFFF, 0, 0x7FF8000000000000};

    switch (type) {
    case PTX_W_F16:
        return &f16;
    case PTX_W_BF16:
        return &bf16;
    case PTX_W_TF32:
        return &tf32;
    case PTX_W_E4M3:
        return &e4m3;
    case PTX_W_E5M2:
        return &e5m2;
    case PTX_W_F64:
        return &f64;
    default:
        return &f32;
    }
}

bool format_is_half(enum ptx_word type)
{
    return type == PTX_W_F16 || type == PTX_W_BF16;
}

enum ptx_word format_part(enum ptx_word type)
{
    switch (type) {
    case PTX_W_F16X2:
        return PTX_W_F16;
    case PTX_W_BF16X2:
        return PTX_W_BF16;
    case PTX_W_E4M3X2:
        return PTX_W_E4M3;
    case PTX_W_E5M2X2:
        return PTX_W_E5M2;
    case PTX_W_U16X2:
        return PTX_W_U16;
    case PTX_W_S16X2:
        return PTX_W_S16;
    default:
        return PTX_W_NONE;
    }
}

uint64_t format_infinity(enum ptx_word type)
{
    return format_of(type)->max + 1;
}

uint64_t format_nan(enum ptx_word type)
{
    return format_of(type)->nan;
}

uint64_t format_one(enum ptx_word type)
{
    return (uint64_t)format_of(type)->bias << format_of(type)->fraction;
}

value format_is_nan(struct emitter *emitter, enum ptx_word type, value bits)
{
    enum ptx_word integer = emit_bits(type);
    value magnitude =
        vector_with(emitter, "and", integer, bits, UINT64_MAX >> (65 - ptx_type_bits(type)));

    return vector_compare(emitter, "ugt", integer, magnitude,
                          vector_constant(emitter, integer, format_infinity(type)));
}

value format_flush(struct emitter *emitter, enum ptx_word type, value bits)
{
    value exponent = vector_with(emitter, "and", PTX_W_B16, bits, format_infinity(type));
    value is_small =
        vector_compare(emitter, "eq", PTX_W_B16, exponent, vector_constant(emitter, PTX_W_B16, 0));

    return vector_choose(emitter, PTX_W_B16, is_small,
                         vector_with(emitter, "and", PTX_W_B16, bits, 0x8000), bits);
}

/* ---- To f32 ---- */

/* The fraction and exponent in the place of those of an f32: less than it is by 2^(127 - bias),
 * subnormal numbers too. */
static value decode_by_integers(struct emitter *emitter, const struct format *format, value bits)
{
    value magnitude = vector_with(emitter, "and", PTX_W_B32, bits, (1u << (format->bits - 1)) - 1);
    value sign = vector_with(emitter, "lshr", PTX_W_B32, bits, format->bits - 1);
    value is_special = vector_compare(emitter, "ugt", PTX_W_B32, magnitude,
                                      vector_constant(emitter, PTX_W_B32, format->max));
    value special, scaled;

    scaled = vector_with(emitter, "shl", PTX_W_B32, magnitude, 23 - format->fraction);
    scaled = emit_value(emitter, "bitcast <32 x i32> %%t%u to <32 x float>", scaled);
    scaled = emit_value(emitter, "fmul <32 x float> %%t%u, splat (float 0x%016llX)", scaled,
                        (unsigned long long)(1023 + 127 - format->bias) << 52);
    scaled = emit_value(emitter, "bitcast <32 x float> %%t%u to <32 x i32>", scaled);
    special = vector_with(emitter, "or", PTX_W_B32, scaled, 0x7F800000);
    scaled = vector_choose(emitter, PTX_W_B32, is_special, special, scaled);
    sign = vector_with(emitter, "shl", PTX_W_B32, sign, 31);
    scaled = vector_binary(emitter, "or", PTX_W_B32, scaled, sign);
    return emit_value(emitter, "bitcast <32 x i32> %%t%u to <32 x float>", scaled);
}

value format_decode(struct emitter *emitter, enum ptx_word type, value bits)
{
    if (type == PTX_W_F16 && emitter->options->has_f16) {
        bits = emit_value(emitter, "bitcast <32 x i16> %%t%u to <32 x half>", bits);
        return emit_value(emitter, "fpext <32 x half> %%t%u to <32 x float>", bits);
    }
    bits = vector_widen(emitter, emit_bits(type), PTX_W_B32, bits);
    if (type == PTX_W_BF16) {
        bits = vector_with(emitter, "shl", PTX_W_B32, bits, 16);
        return emit_value(emitter, "bitcast <32 x i32> %%t%u to <32 x float>", bits);
    }
    return decode_by_integers(emitter, format_of(type), bits);
}

/* ---- From f32 and f64 ---- */

/* A magnitude in the making: the bits that are kept, and those that are cut off, of which the
 * highest is a half of the last one that is kept. */
struct cut {
    value kept, rest;
};

/* Of the same exponents: a constant number of bits is cut. */
static struct cut cut_fraction(struct emitter *emitter, enum ptx_word bits, unsigned by,
                               value magnitude)
{
    return (struct cut){
        .kept = vector_with(emitter, "lshr", bits, magnitude, by),
        .rest = vector_with(emitter, "shl", bits, magnitude, ptx_type_bits(bits) - by),
    };
}

/* More bits are cut of what is subnormal, two more than there are at the most. */
static struct cut cut_number(struct emitter *emitter, enum ptx_word bits, const struct format *to,
                             const struct format *from, value magnitude)
{
    value zero = vector_constant(emitter, bits, 0);
    value exponent = vector_with(emitter, "lshr", bits, magnitude, from->fraction);
    value is_normal = vector_compare(emitter, "ne", bits, exponent, zero);
    value whole = emit_value(emitter, "zext <32 x i1> %%t%u to %s", is_normal, emit_vector(bits));
    value number =
        vector_with(emitter, "and", bits, magnitude, (UINT64_C(1) << from->fraction) - 1);
    value above, below, by, kept, width;

    number = vector_binary(emitter, "or", bits, number,
                           vector_with(emitter, "shl", bits, whole, from->fraction));
    exponent = vector_call2(emitter, "umax", bits, exponent, vector_constant(emitter, bits, 1));
    above = vector_with(emitter, "sub", bits, exponent, from->bias - to->bias + 1);
    below =
        vector_call2(emitter, "smax", bits, vector_binary(emitter, "sub", bits, zero, above), zero);
    above = vector_call2(emitter, "smax", bits, above, zero);
    by = vector_with(emitter, "add", bits, below, from->fraction - to->fraction);
    by =
        vector_call2(emitter, "umin", bits, by, vector_constant(emitter, bits, from->fraction + 2));
    kept = vector_binary(emitter, "lshr", bits, number, by);
    width = vector_constant(emitter, bits, ptx_type_bits(bits));
    return (struct cut){
        .kept = vector_binary(emitter, "add", bits, kept,
                              vector_with(emitter, "shl", bits, above, to->fraction)),
        .rest = vector_binary(emitter, "shl", bits, number,
                              vector_binary(emitter, "sub", bits, width, by)),
    };
}

static bool is_directed(enum format_rounding rounding)
{
    return rounding == FORMAT_RM || rounding == FORMAT_RP;
}

/* Whether a direction leads away from zero. */
static value leads_away(struct emitter *emitter, enum ptx_word bits, enum format_rounding rounding,
                        value number)
{
    return vector_compare(emitter, rounding == FORMAT_RM ? "slt" : "sge", bits, number,
                          vector_constant(emitter, bits, 0));
}

/* One more in the last place? A carry goes into the exponent by itself. */
static value goes_up(struct emitter *emitter, enum ptx_word bits, enum format_rounding rounding,
                     const struct cut *cut, value number)
{
    value half = vector_constant(emitter, bits, UINT64_C(1) << (ptx_type_bits(bits) - 1));
    value odd, inexact;

    if (rounding == FORMAT_RN) {
        odd = vector_with(emitter, "and", bits, cut->kept, 1);
        return vector_compare(emitter, "ugt", bits, cut->rest,
                              vector_binary(emitter, "sub", bits, half, odd));
    }
    if (rounding == FORMAT_RNA) {
        return vector_compare(emitter, "uge", bits, cut->rest, half);
    }
    inexact = vector_compare(emitter, "ne", bits, cut->rest, vector_constant(emitter, bits, 0));
    return vector_binary(emitter, "and", PTX_W_PRED, inexact,
                         leads_away(emitter, bits, rounding, number));
}

/* Beyond the largest number is infinity, or that number where rounding goes towards zero. */
static value limited(struct emitter *emitter, enum ptx_word bits, const struct format *to,
                     enum format_rounding rounding, bool is_finite, value kept, value number)
{
    value max = vector_constant(emitter, bits, to->max);
    value infinity = vector_constant(emitter, bits, to->max + 1);
    value limit = rounding == FORMAT_RZ ? max : infinity;

    if (is_finite) {
        return vector_call2(emitter, "umin", bits, kept, max);
    }
    if (is_directed(rounding)) {
        limit = vector_choose(emitter, bits, leads_away(emitter, bits, rounding, number), infinity,
                              max);
    }
    return vector_call2(emitter, "umin", bits, kept, limit);
}

static value round_magnitude(struct emitter *emitter, enum ptx_word bits, const struct format *to,
                             const struct format *from, enum format_rounding rounding,
                             bool is_finite, value number, value magnitude)
{
    struct cut cut = to->bias == from->bias
                         ? cut_fraction(emitter, bits, from->fraction - to->fraction, magnitude)
                         : cut_number(emitter, bits, to, from, magnitude);
    value result = cut.kept, is_infinite;

    if (rounding != FORMAT_RZ) {
        value up = goes_up(emitter, bits, rounding, &cut, number);

        up = emit_value(emitter, "zext <32 x i1> %%t%u to %s", up, emit_vector(bits));
        result = vector_binary(emitter, "add", bits, result, up);
    }
    result = limited(emitter, bits, to, rounding, is_finite, result, number);
    if (is_finite || rounding == FORMAT_RN || rounding == FORMAT_RNA) {
        return result;
    }
    is_infinite = vector_compare(emitter, "eq", bits, magnitude,
                                 vector_constant(emitter, bits, from->max + 1));
    return vector_choose(emitter, bits, is_infinite, vector_constant(emitter, bits, to->max + 1),
                         result);
}

static value encode_by_integers(struct emitter *emitter, enum ptx_word type, enum ptx_word from,
                                value number, enum format_rounding rounding, bool is_finite)
{
    const struct format *to = format_of(type), *source = format_of(from);
    enum ptx_word bits = emit_bits(from);
    unsigned width = source->bits;
    value magnitude, sign, result, is_nan;

    number =
        emit_value(emitter, "bitcast %s %%t%u to %s", emit_vector(from), number, emit_vector(bits));
    magnitude = vector_with(emitter, "and", bits, number, (UINT64_C(1) << (width - 1)) - 1);
    result = round_magnitude(emitter, bits, to, source, rounding, is_finite, number, magnitude);
    sign = vector_with(emitter, "lshr", bits, number, width - 1);
    sign = vector_with(emitter, "shl", bits, sign, to->bits - 1);
    result = vector_binary(emitter, "or", bits, result, sign);
    if (to->shift) {
        result = vector_with(emitter, "shl", bits, result, to->shift);
    }
    is_nan = vector_compare(emitter, "ugt", bits, magnitude,
                            vector_constant(emitter, bits, source->max + 1));
    result = vector_choose(emitter, bits, is_nan, vector_constant(emitter, bits, to->nan), result);
    return ptx_type_bits(type) < width ? vector_narrow(emitter, bits, emit_bits(type), result)
                                       : result;
}

/* As the processor does it, but for the NaN. */
static value encode_f16(struct emitter *emitter, value number)
{
    value is_nan = emit_value(emitter, "fcmp uno <32 x float> %%t%u, %%t%u", number, number);
    value rounded = emit_value(emitter, "fptrunc <32 x float> %%t%u to <32 x half>", number);

    rounded = emit_value(emitter, "bitcast <32 x half> %%t%u to <32 x i16>", rounded);
    return vector_choose(emitter, PTX_W_B16, is_nan,
                         vector_constant(emitter, PTX_W_B16, format_nan(PTX_W_F16)), rounded);
}

value format_encode(struct emitter *emitter, enum ptx_word type, enum ptx_word from, value number,
                    enum format_rounding rounding, bool is_finite)
{
    if (type == PTX_W_F16 && from == PTX_W_F32 && rounding == FORMAT_RN && !is_finite &&
        emitter->options->has_f16) {
        return encode_f16(emitter, number);
    }
    return encode_by_integers(emitter, type, from, number, rounding, is_finite);
}
