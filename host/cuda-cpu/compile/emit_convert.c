/* SPDX-License-Identifier: BSD-2-Clause */
/* cvt: PTX ISA 9.7.9.21. */
#include "host/cuda-cpu/compile/format.h"
#include "host/cuda-cpu/compile/vector.h"
#include "host/cuda-cpu/device/function.h"

static bool is_integer(enum ptx_word type)
{
    return ptx_type_kind(type) == PTX_SIGNED || ptx_type_kind(type) == PTX_UNSIGNED;
}

/* As 64 bits, of its sign; then cut to the range of the other type, when .sat is there. */
static value integer_to_integer(struct emitter *emitter, enum ptx_word to, enum ptx_word from,
                                value a)
{
    enum ptx_word wide = vector_is_signed(from) ? PTX_W_S64 : PTX_W_U64;
    unsigned bits = ptx_type_bits(to);
    uint64_t most = vector_is_signed(to) ? UINT64_MAX >> (65 - bits) : UINT64_MAX >> (64 - bits);
    uint64_t least = vector_is_signed(to) ? ~most : 0;

    if (ptx_type_bits(from) < 64) {
        a = emit_value(emitter, "%s %s %%t%u to <32 x i64>",
                       vector_is_signed(from) ? "sext" : "zext", emit_vector(from), a);
    }
    if (emit_has(emitter, PTX_W_SAT)) {
        a = emit_value(emitter,
                       "call <32 x i64> @llvm.%s.v32i64(<32 x i64> %%t%u, <32 x i64> splat (i64 "
                       "%lld))",
                       vector_is_signed(wide) ? "smin" : "umin", a, (long long)most);
        if (vector_is_signed(wide)) {
            a = emit_value(emitter,
                           "call <32 x i64> @llvm.smax.v32i64(<32 x i64> %%t%u, <32 x i64> splat "
                           "(i64 %lld))",
                           a, (long long)least);
        }
    }
    if (bits < 64) {
        a = emit_value(emitter, "trunc <32 x i64> %%t%u to %s", a, emit_vector(to));
    }
    return a;
}

/* To a whole number, as .rni and so on say. */
static value rounded(struct emitter *emitter, enum ptx_word type, value a)
{
    const char *how = emit_has(emitter, PTX_W_RNI)   ? "roundeven"
                      : emit_has(emitter, PTX_W_RMI) ? "floor"
                      : emit_has(emitter, PTX_W_RPI) ? "ceil"
                      : emit_has(emitter, PTX_W_RZI) ? "trunc"
                                                     : NULL;

    if (how == NULL) {
        return a;
    }
    return emit_value(emitter, "call %s @llvm.%s.v32f%u(%s %%t%u)", emit_vector(type), how,
                      ptx_type_bits(type), emit_vector(type), a);
}

/* What does not fit is the nearest that does. A NaN is 0; of f64, or as 64 bits, the highest bit
 * alone, as CUDA's conversion functions say. */
static value float_to_integer(struct emitter *emitter, enum ptx_word to, enum ptx_word from,
                              value a)
{
    unsigned bits = ptx_type_bits(to);
    value converted, is_nan;

    if (from == PTX_W_F32 && emit_has(emitter, PTX_W_FTZ)) {
        a = emit_flush(emitter, a);
    }
    a = rounded(emitter, from, a);
    converted = emit_value(emitter, "call %s @llvm.%s.sat.v32i%u.v32f%u(%s %%t%u)", emit_vector(to),
                           vector_is_signed(to) ? "fptosi" : "fptoui", bits, ptx_type_bits(from),
                           emit_vector(from), a);
    if (from == PTX_W_F32 && bits < 64) {
        return converted;
    }
    is_nan = emit_value(emitter, "fcmp uno %s %%t%u, %%t%u", emit_vector(from), a, a);
    return emit_value(
        emitter, "select <32 x i1> %%t%u, %s %%t%u, %s %%t%u", is_nan, emit_vector(to),
        emit_splat(emitter, emit_bits(to), UINT64_C(1) << (bits - 1)), emit_vector(to), converted);
}

/* ---- To floats ---- */

static enum format_rounding rounding(const struct emitter *emitter)
{
    return emit_has(emitter, PTX_W_RZ)    ? FORMAT_RZ
           : emit_has(emitter, PTX_W_RM)  ? FORMAT_RM
           : emit_has(emitter, PTX_W_RP)  ? FORMAT_RP
           : emit_has(emitter, PTX_W_RNA) ? FORMAT_RNA
                                          : FORMAT_RN;
}

static bool flushes(const struct emitter *emitter, enum ptx_word type)
{
    return type == PTX_W_F32 && emit_has(emitter, PTX_W_FTZ);
}

/* .sat: to 0..1, a NaN to 0; .relu: to 0 and above. */
static value limited(struct emitter *emitter, enum ptx_word type, value a)
{
    value below;

    if (emit_has(emitter, PTX_W_SAT)) {
        return emit_saturate(emitter, type, a);
    }
    if (!emit_has(emitter, PTX_W_RELU)) {
        return a;
    }
    below = emit_value(emitter, "fcmp ole %s %%t%u, zeroinitializer", emit_vector(type), a);
    return emit_value(emitter, "select <32 x i1> %%t%u, %s zeroinitializer, %s %%t%u", below,
                      emit_vector(type), emit_vector(type), a);
}

/* An f32 or f64 in the type that the result has: bits, where that is neither. */
static value encoded(struct emitter *emitter, enum ptx_word to, enum ptx_word from, value a)
{
    enum format_rounding round = rounding(emitter);

    a = limited(emitter, from, a);
    if (from == PTX_W_F32 && to == PTX_W_F64) {
        return emit_value(emitter, "fpext <32 x float> %%t%u to <32 x double>", a);
    }
    if (to == PTX_W_F32 && from == PTX_W_F64 && round == FORMAT_RN) {
        a = emit_value(emitter, "fptrunc <32 x double> %%t%u to <32 x float>", a);
    } else if (to != from) {
        a = format_encode(emitter, to, from, a, round, emit_has(emitter, PTX_W_SATFINITE));
    }
    if (to == PTX_W_F32 && from == PTX_W_F64 && round != FORMAT_RN) {
        a = emit_value(emitter, "bitcast <32 x i32> %%t%u to <32 x float>", a);
    }
    return flushes(emitter, to) ? emit_flush(emitter, a) : a;
}

static value float_to_float(struct emitter *emitter, enum ptx_word to, enum ptx_word from, value a)
{
    if (flushes(emitter, from)) {
        a = emit_flush(emitter, a);
    }
    return encoded(emitter, to, from, rounded(emitter, from, a));
}

/* As f64 whose last bit is odd where it is not exact: on no boundary of a narrower format. */
static value integer_to_odd(struct emitter *emitter, bool sign, value a)
{
    value magnitude = a, large, rest, sticky, odd;

    if (sign) {
        value negated = emit_value(emitter, "sub <32 x i64> zeroinitializer, %%t%u", a);

        magnitude = vector_call2(emitter, "smax", PTX_W_B64, a, negated);
    }
    large = vector_compare(emitter, "ugt", PTX_W_B64, magnitude,
                           vector_constant(emitter, PTX_W_B64, UINT64_C(1) << 53));
    rest = vector_with(emitter, "and", PTX_W_B64, a, 0x7FF);
    sticky = vector_compare(emitter, "ne", PTX_W_B64, rest, vector_constant(emitter, PTX_W_B64, 0));
    sticky = emit_value(emitter, "zext <32 x i1> %%t%u to <32 x i64>", sticky);
    odd = vector_binary(emitter, "or", PTX_W_B64, vector_binary(emitter, "xor", PTX_W_B64, a, rest),
                        vector_with(emitter, "shl", PTX_W_B64, sticky, 11));
    a = vector_choose(emitter, PTX_W_B64, large, odd, a);
    return emit_value(emitter, "%s <32 x i64> %%t%u to <32 x double>", sign ? "sitofp" : "uitofp",
                      a);
}

static value integer_to_f64(struct emitter *emitter, bool sign, value a)
{
    enum format_rounding round = rounding(emitter);
    value result;

    if (round == FORMAT_RN) {
        return emit_value(emitter, "%s <32 x i64> %%t%u to <32 x double>",
                          sign ? "sitofp" : "uitofp", a);
    }
    result = emit_function_call(emitter,
                                (uint32_t)(sign ? WARP_RZ_F64_S64 : WARP_RZ_F64_U64) +
                                    (uint32_t)(round - FORMAT_RZ),
                                PTX_W_B64, &a, 1);
    return emit_value(emitter, "bitcast <32 x i64> %%t%u to <32 x double>", result);
}

static value integer_to_float(struct emitter *emitter, enum ptx_word to, enum ptx_word from,
                              value a)
{
    bool sign = vector_is_signed(from);

    if (rounding(emitter) == FORMAT_RN && (to == PTX_W_F32 || to == PTX_W_F64)) {
        a = emit_value(emitter, "%s %s %%t%u to %s", sign ? "sitofp" : "uitofp", emit_vector(from),
                       a, emit_vector(to));
        return limited(emitter, to, a);
    }
    if (ptx_type_bits(from) < 64) {
        a = vector_widen(emitter, from, PTX_W_B64, a);
    }
    if (to == PTX_W_F64) {
        return limited(emitter, to, integer_to_f64(emitter, sign, a));
    }
    return encoded(emitter, to, PTX_W_F64, integer_to_odd(emitter, sign, a));
}

/* ---- By type ---- */

/* Numbers of less than 32 bits are f32 on their way. */
static value converted(struct emitter *emitter, enum ptx_word to, enum ptx_word from, value a)
{
    if (!is_integer(from) && ptx_type_bits(from) < 32) {
        a = format_decode(emitter, from, a);
        from = PTX_W_F32;
    }
    if (is_integer(from)) {
        return is_integer(to) ? integer_to_integer(emitter, to, from, a)
                              : integer_to_float(emitter, to, from, a);
    }
    return is_integer(to) ? float_to_integer(emitter, to, from, a)
                          : float_to_float(emitter, to, from, a);
}

/* Two numbers, the upper one first; or both in one operand. */
static void convert_pair(struct emitter *emitter, enum ptx_word to, enum ptx_word from)
{
    enum ptx_word to_part = format_part(to), from_part = format_part(from);
    enum ptx_word bits = emit_bits(to);
    value upper = vector_source(emitter, 1, from_part != PTX_W_NONE ? emit_bits(from) : from);
    value lower = upper;

    if (from_part != PTX_W_NONE) {
        unsigned width = ptx_type_bits(from_part);

        upper = vector_with(emitter, "lshr", emit_bits(from), upper, width);
        upper = vector_narrow(emitter, emit_bits(from), emit_bits(from_part), upper);
        lower = vector_narrow(emitter, emit_bits(from), emit_bits(from_part), lower);
        from = from_part;
    } else {
        lower = vector_source(emitter, 2, from);
    }
    upper = converted(emitter, to_part, from, upper);
    lower = converted(emitter, to_part, from, lower);
    upper = emit_value(emitter, "zext %s %%t%u to %s", emit_vector(emit_bits(to_part)), upper,
                       emit_vector(bits));
    lower = emit_value(emitter, "zext %s %%t%u to %s", emit_vector(emit_bits(to_part)), lower,
                       emit_vector(bits));
    upper = vector_with(emitter, "shl", bits, upper, ptx_type_bits(to_part));
    vector_result(emitter, bits, vector_binary(emitter, "or", bits, upper, lower));
}

/* Two integers, cut to what the type holds; behind them the lower bits of c. */
static void convert_packed(struct emitter *emitter, enum ptx_word to)
{
    unsigned bits = ptx_type_bits(to);
    bool is_unsigned = to == PTX_W_U16 || to == PTX_W_U8 || to == PTX_W_U4 || to == PTX_W_U2;
    int32_t most = (int32_t)((1u << (bits - !is_unsigned)) - 1),
            least = is_unsigned ? 0 : -most - 1;
    value packed = emitter->instruction->operand_count > 3 ? vector_source(emitter, 3, PTX_W_B32)
                                                           : vector_constant(emitter, PTX_W_B32, 0);

    for (unsigned i = 1; i <= 2; i++) {
        value a = vector_source(emitter, i, PTX_W_S32);

        a = vector_call2(emitter, "smin", PTX_W_B32, a,
                         vector_constant(emitter, PTX_W_B32, (uint32_t)most));
        a = vector_call2(emitter, "smax", PTX_W_B32, a,
                         vector_constant(emitter, PTX_W_B32, (uint32_t)least));
        a = vector_with(emitter, "and", PTX_W_B32, a, (1u << bits) - 1);
        packed = vector_with(emitter, "shl", PTX_W_B32, packed, bits);
        packed = vector_binary(emitter, "or", PTX_W_B32, packed, a);
    }
    vector_result(emitter, PTX_W_B32, packed);
}

static void convert(struct emitter *emitter)
{
    enum ptx_word to = emit_type(emitter, 0), from = emit_type(emitter, 1);

    if (emit_has(emitter, PTX_W_PACK)) {
        convert_packed(emitter, to);
    } else if (format_part(to) != PTX_W_NONE) {
        convert_pair(emitter, to, from);
    } else {
        vector_result(emitter, to, converted(emitter, to, from, vector_source(emitter, 1, from)));
    }
}

bool emit_convert(struct emitter *emitter)
{
    if (emitter->instruction->opcode != PTX_CVT) {
        return false;
    }
    convert(emitter);
    return true;
}
