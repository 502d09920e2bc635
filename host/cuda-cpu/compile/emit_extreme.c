/* SPDX-License-Identifier: BSD-2-Clause */
/* min and max of floats: PTX ISA 9.7.3.11 and 9.7.4.7. Their bits are compared, as integers. */
#include "host/cuda-cpu/compile/format.h"
#include "host/cuda-cpu/compile/vector.h"

/* Integers in the order of the floats, -0 below 0; and back, which is the same. */
static value ordered(struct emitter *emitter, enum ptx_word bits, value of)
{
    unsigned width = ptx_type_bits(bits);
    value flip = vector_with(emitter, "ashr", bits, of, width - 1);

    flip = vector_with(emitter, "and", bits, flip, UINT64_MAX >> (65 - width));
    return vector_binary(emitter, "xor", bits, of, flip);
}

/* A NaN gives way; of two, or with .NaN of one, the canonical one comes out. */
static value without_nan(struct emitter *emitter, enum ptx_word type, value a, value b,
                         value result)
{
    enum ptx_word bits = emit_bits(type);
    value a_is = format_is_nan(emitter, type, a), b_is = format_is_nan(emitter, type, b);
    bool wins = emit_has(emitter, PTX_W_NAN);
    value nan = vector_constant(emitter, bits, format_nan(type));

    if (!wins) {
        result = vector_choose(emitter, bits, a_is, b, result);
        result = vector_choose(emitter, bits, b_is, a, result);
    }
    return vector_choose(emitter, bits,
                         vector_binary(emitter, wins ? "or" : "and", PTX_W_PRED, a_is, b_is), nan,
                         result);
}

/* .xorsign.abs: of the magnitudes, with the product's sign. */
static value extreme(struct emitter *emitter, enum ptx_word type, value a, value b)
{
    enum ptx_word bits = emit_bits(type);
    unsigned width = ptx_type_bits(bits);
    bool signs = emit_has(emitter, PTX_W_XORSIGN);
    const char *which = emitter->instruction->opcode == PTX_MAX ? "smax" : "smin";
    value sign = 0, result;

    if (signs) {
        sign = vector_binary(emitter, "xor", bits, a, b);
        sign = vector_with(emitter, "and", bits, sign, UINT64_C(1) << (width - 1));
        a = vector_with(emitter, "and", bits, a, UINT64_MAX >> (65 - width));
        b = vector_with(emitter, "and", bits, b, UINT64_MAX >> (65 - width));
    }
    result =
        vector_call2(emitter, which, bits, ordered(emitter, bits, a), ordered(emitter, bits, b));
    result = without_nan(emitter, type, a, b, ordered(emitter, bits, result));
    if (signs) {
        result = vector_choose(emitter, bits, format_is_nan(emitter, type, result), result,
                               vector_binary(emitter, "or", bits, result, sign));
    }
    return result;
}

static value flushed(struct emitter *emitter, enum ptx_word type, value bits)
{
    if (!emit_has(emitter, PTX_W_FTZ)) {
        return bits;
    }
    if (format_is_half(type)) {
        return format_flush(emitter, type, bits);
    }
    bits = emit_value(emitter, "bitcast <32 x i32> %%t%u to <32 x float>", bits);
    bits = emit_flush(emitter, bits);
    return emit_value(emitter, "bitcast <32 x float> %%t%u to <32 x i32>", bits);
}

static value of_two(struct emitter *emitter, enum ptx_word type, value a, value b)
{
    return extreme(emitter, type, flushed(emitter, type, a), flushed(emitter, type, b));
}

bool emit_extreme(struct emitter *emitter)
{
    enum ptx_opcode opcode = emitter->instruction->opcode;
    enum ptx_word type = emit_type(emitter, 0), part = format_part(type);
    enum ptx_word bits = emit_bits(type);
    value a, b, lower, upper;

    if ((opcode != PTX_MIN && opcode != PTX_MAX) ||
        ptx_type_kind(part != PTX_W_NONE ? part : type) != PTX_FLOAT) {
        return false;
    }
    a = vector_source(emitter, 1, bits);
    b = vector_source(emitter, 2, bits);
    if (part == PTX_W_NONE) {
        vector_result(emitter, bits, of_two(emitter, type, a, b));
        return true;
    }
    lower = of_two(emitter, part, vector_lower(emitter, a), vector_lower(emitter, b));
    upper = of_two(emitter, part, vector_upper(emitter, a), vector_upper(emitter, b));
    vector_result(emitter, bits, vector_pair(emitter, lower, upper));
    return true;
}
