/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arithmetic of f16, bf16 and pairs of them: PTX ISA 9.7.4; of pairs of 16 bit integers, 9.7.1.
 *
 * It is done as f32, or as f64 where a product may not fit, and rounded to 16 bits. Of sums, twice
 * rounded is once rounded: 24 bits are more than twice 11 and two. Other products are exact; and
 * what is added to one leaves an odd last bit when it is not, which stands on no boundary of the
 * narrower format.
 */
#include "host/cuda-cpu/compile/format.h"
#include "host/cuda-cpu/compile/vector.h"
#include "host/cuda-cpu/device/function.h"

#define SOURCES_MAX 3

/* Of bits of 16, as many as the instruction has sources. */
typedef value half_operation(struct emitter *emitter, enum ptx_word type, const value *sources);

static value source_of(struct emitter *emitter, enum ptx_word type, value bits)
{
    return emit_has(emitter, PTX_W_FTZ) ? format_flush(emitter, type, bits) : bits;
}

/* As f32, or wider. */
static value number_of(struct emitter *emitter, enum ptx_word type, enum ptx_word as, value bits)
{
    value number = format_decode(emitter, type, source_of(emitter, type, bits));

    return as == PTX_W_F32
               ? number
               : emit_value(emitter, "fpext <32 x float> %%t%u to <32 x double>", number);
}

/* 0 to 1, a NaN 0; or 0 and above, a NaN as it is, whose sign is not set. */
static value within(struct emitter *emitter, enum ptx_word type, value bits)
{
    value zero = vector_constant(emitter, PTX_W_B16, 0), is_nan;

    if (!emit_has(emitter, PTX_W_SAT) && !emit_has(emitter, PTX_W_RELU)) {
        return bits;
    }
    bits = vector_call2(emitter, "smax", PTX_W_B16, bits, zero);
    if (emit_has(emitter, PTX_W_RELU)) {
        return bits;
    }
    is_nan = vector_compare(emitter, "ugt", PTX_W_B16, bits,
                            vector_constant(emitter, PTX_W_B16, format_infinity(type)));
    bits = vector_call2(emitter, "smin", PTX_W_B16, bits,
                        vector_constant(emitter, PTX_W_B16, format_one(type)));
    return vector_choose(emitter, PTX_W_B16, is_nan, zero, bits);
}

static value result_of(struct emitter *emitter, enum ptx_word type, enum ptx_word from,
                       value number)
{
    value bits = format_encode(emitter, type, from, number, FORMAT_RN, false);

    bits = within(emitter, type, bits);
    return emit_has(emitter, PTX_W_FTZ) ? format_flush(emitter, type, bits) : bits;
}

/* ---- Sums and products ---- */

static value binary(struct emitter *emitter, enum ptx_word type, const char *what, enum ptx_word as,
                    const value *sources)
{
    value a = number_of(emitter, type, as, sources[0]);
    value b = number_of(emitter, type, as, sources[1]);

    return result_of(emitter, type, as, vector_binary(emitter, what, as, a, b));
}

static value add(struct emitter *emitter, enum ptx_word type, const value *sources)
{
    return binary(emitter, type, "fadd", PTX_W_F32, sources);
}

static value subtract(struct emitter *emitter, enum ptx_word type, const value *sources)
{
    return binary(emitter, type, "fsub", PTX_W_F32, sources);
}

/* The product of two bf16 may be less than an f32 holds whole. */
static enum ptx_word product_type(enum ptx_word type)
{
    return type == PTX_W_F16 ? PTX_W_F32 : PTX_W_F64;
}

static value multiply(struct emitter *emitter, enum ptx_word type, const value *sources)
{
    return binary(emitter, type, "fmul", product_type(type), sources);
}

/* What the sum of a and b lacks: exact. */
static value sum_error(struct emitter *emitter, enum ptx_word as, value a, value b, value sum)
{
    value of_b = vector_binary(emitter, "fsub", as, sum, a);
    value of_a = vector_binary(emitter, "fsub", as, sum, of_b);

    return vector_binary(emitter, "fadd", as, vector_binary(emitter, "fsub", as, a, of_a),
                         vector_binary(emitter, "fsub", as, b, of_b));
}

/* One unit towards what is lacking, where that makes the last bit odd. */
static value to_odd(struct emitter *emitter, enum ptx_word as, value sum, value error)
{
    enum ptx_word bits = emit_bits(as);
    const char *vector = emit_vector(as), *integers = emit_vector(bits);
    value inexact = emit_value(emitter, "fcmp one %s %%t%u, zeroinitializer", vector, error);
    value whole = emit_value(emitter, "bitcast %s %%t%u to %s", vector, sum, integers);
    value lack = emit_value(emitter, "bitcast %s %%t%u to %s", vector, error, integers);
    value even = emit_value(emitter, "trunc %s %%t%u to <32 x i1>", integers, whole), step;

    even = vector_with(emitter, "xor", PTX_W_PRED, even, 1);
    step = vector_binary(emitter, "xor", bits, whole, lack);
    step = vector_with(emitter, "ashr", bits, step, ptx_type_bits(bits) - 1);
    step = vector_with(emitter, "or", bits, step, 1);
    step = vector_binary(emitter, "add", bits, whole, step);
    whole = vector_choose(emitter, bits, vector_binary(emitter, "and", PTX_W_PRED, inexact, even),
                          step, whole);
    return emit_value(emitter, "bitcast %s %%t%u to %s", integers, whole, vector);
}

static value fused(struct emitter *emitter, enum ptx_word type, const value *sources)
{
    enum ptx_word as = product_type(type);
    value product = vector_binary(emitter, "fmul", as, number_of(emitter, type, as, sources[0]),
                                  number_of(emitter, type, as, sources[1]));
    value added = number_of(emitter, type, as, sources[2]);
    value sum = vector_binary(emitter, "fadd", as, product, added);
    value error = sum_error(emitter, as, product, added, sum);

    return result_of(emitter, type, as, to_odd(emitter, as, sum, error));
}

/* ---- Signs, approximations ---- */

static value negate(struct emitter *emitter, enum ptx_word type, const value *sources)
{
    return vector_with(emitter, "xor", PTX_W_B16, source_of(emitter, type, sources[0]), 0x8000);
}

static value absolute(struct emitter *emitter, enum ptx_word type, const value *sources)
{
    return vector_with(emitter, "and", PTX_W_B16, source_of(emitter, type, sources[0]), 0x7FFF);
}

static value exponential(struct emitter *emitter, enum ptx_word type, const value *sources)
{
    const value number = number_of(emitter, type, PTX_W_F32, sources[0]);

    return result_of(emitter, type, PTX_W_F32,
                     emit_function_call(emitter, WARP_EX2_F32, PTX_W_F32, &number, 1));
}

static value tangent(struct emitter *emitter, enum ptx_word type, const value *sources)
{
    const value number = number_of(emitter, type, PTX_W_F32, sources[0]);

    return result_of(emitter, type, PTX_W_F32,
                     emit_function_call(emitter, WARP_TANH_F32, PTX_W_F32, &number, 1));
}

/* ---- Integers ---- */

static value add_integers(struct emitter *emitter, enum ptx_word type, const value *sources)
{
    return vector_binary(emitter, "add", type, sources[0], sources[1]);
}

static value extreme_integer(struct emitter *emitter, enum ptx_word type, const value *sources)
{
    bool is_max = emitter->instruction->opcode == PTX_MAX;
    const char *what =
        vector_is_signed(type) ? (is_max ? "smax" : "smin") : (is_max ? "umax" : "umin");
    value result = vector_call2(emitter, what, type, sources[0], sources[1]);

    return emit_has(emitter, PTX_W_RELU)
               ? vector_call2(emitter, "smax", type, result, vector_constant(emitter, type, 0))
               : result;
}

/* ---- By opcode ---- */

static half_operation *operation_of(enum ptx_opcode opcode, bool is_float)
{
    switch (opcode) {
    case PTX_ADD:
        return is_float ? add : add_integers;
    case PTX_SUB:
        return subtract;
    case PTX_MUL:
        return multiply;
    case PTX_FMA:
        return fused;
    case PTX_NEG:
        return negate;
    case PTX_ABS:
        return absolute;
    case PTX_EX2:
        return exponential;
    case PTX_TANH:
        return tangent;
    case PTX_MIN:
    case PTX_MAX:
        return extreme_integer;
    default:
        return NULL;
    }
}

static void apply(struct emitter *emitter, enum ptx_word type, half_operation *operation)
{
    size_t count = emitter->instruction->operand_count - 1;
    enum ptx_word part = format_part(type), bits = emit_bits(type);
    value sources[SOURCES_MAX], uppers[SOURCES_MAX], lower;

    for (unsigned i = 0; i < count; i++) {
        sources[i] = vector_source(emitter, i + 1, bits);
    }
    if (part == PTX_W_NONE) {
        vector_result(emitter, bits, operation(emitter, type, sources));
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        uppers[i] = vector_upper(emitter, sources[i]);
        sources[i] = vector_lower(emitter, sources[i]);
    }
    lower = operation(emitter, part, sources);
    vector_result(emitter, bits, vector_pair(emitter, lower, operation(emitter, part, uppers)));
}

bool emit_half(struct emitter *emitter)
{
    enum ptx_word type = emit_type(emitter, 0), part = format_part(type);
    bool is_float = format_is_half(part != PTX_W_NONE ? part : type);
    half_operation *operation = operation_of(emitter->instruction->opcode, is_float);

    if ((part == PTX_W_NONE && !is_float) || operation == NULL) {
        return false;
    }
    if (emit_has(emitter, PTX_W_OOB)) {
        emit_unsupported(emitter, ".oob, a NaN that only tensor copies make,");
        return true;
    }
    apply(emitter, type, operation);
    return true;
}
