/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Video instructions: PTX ISA 9.7.17 and 9.7.18. Of one value, in 64 bits and cut at the end; of
 * two or four beside each other, in 32.
 */
#include <string.h>

#include "host/cuda-cpu/compile/vector.h"
#include "host/cuda-cpu/ptx/part.h"

static bool is_comparison(const struct emitter *emitter)
{
    enum ptx_opcode opcode = emitter->instruction->opcode;

    return opcode == PTX_VSET || opcode == PTX_VSET2 || opcode == PTX_VSET4;
}

/* A comparison has no type of its own for the result, which is unsigned. */
static enum ptx_word result_type(const struct emitter *emitter)
{
    return is_comparison(emitter) ? PTX_W_U32 : emit_type(emitter, 0);
}

static enum ptx_word source_type(const struct emitter *emitter, unsigned index)
{
    return emit_type(emitter, index - is_comparison(emitter));
}

/* ---- Operations, on integers that do not overflow ---- */

static const char *comparison(const struct emitter *emitter)
{
    return emit_has(emitter, PTX_W_EQ)   ? "eq"
           : emit_has(emitter, PTX_W_NE) ? "ne"
           : emit_has(emitter, PTX_W_LT) ? "slt"
           : emit_has(emitter, PTX_W_LE) ? "sle"
           : emit_has(emitter, PTX_W_GT) ? "sgt"
                                         : "sge";
}

static value compare(struct emitter *emitter, enum ptx_word type, value a, value b)
{
    value holds = vector_compare(emitter, comparison(emitter), type, a, b);

    return emit_value(emitter, "zext <32 x i1> %%t%u to %s", holds, emit_vector(type));
}

/* Rounded up, but of a negative sum down. */
static value average(struct emitter *emitter, enum ptx_word type, value a, value b)
{
    value sum = vector_binary(emitter, "add", type, a, b);
    value positive = vector_compare(emitter, "sge", type, sum, vector_constant(emitter, type, 0));

    positive = emit_value(emitter, "zext <32 x i1> %%t%u to %s", positive, emit_vector(type));
    return vector_with(emitter, "ashr", type, vector_binary(emitter, "add", type, sum, positive),
                       1);
}

static value distance(struct emitter *emitter, enum ptx_word type, value a, value b)
{
    return vector_call2(emitter, "smax", type, vector_binary(emitter, "sub", type, a, b),
                        vector_binary(emitter, "sub", type, b, a));
}

/* By 0 to 31, or with .clamp to 32. By 32 to the left, what is more than 2^30 leaves 64 bits: 2^30
 * is cut in the same way. */
static value shift(struct emitter *emitter, value a, value b)
{
    bool left = emitter->instruction->opcode == PTX_VSHL;
    value most = vector_constant(emitter, PTX_W_B64, 32), least, is_far;

    if (emit_has(emitter, PTX_W_WRAP)) {
        b = vector_with(emitter, "and", PTX_W_B64, b, 31);
    } else {
        b = vector_call2(emitter, "umin", PTX_W_B64, b, most);
    }
    if (left) {
        is_far = vector_compare(emitter, "eq", PTX_W_B64, b, most);
        least = vector_call2(emitter, "smin", PTX_W_B64, a,
                             vector_constant(emitter, PTX_W_B64, 1 << 30));
        a = vector_choose(emitter, PTX_W_B64, is_far, least, a);
    }
    return vector_binary(emitter, left ? "shl" : "ashr", PTX_W_B64, a, b);
}

static value operate(struct emitter *emitter, enum ptx_word type, value a, value b)
{
    switch (emitter->instruction->opcode) {
    case PTX_VADD:
    case PTX_VADD2:
    case PTX_VADD4:
        return vector_binary(emitter, "add", type, a, b);
    case PTX_VSUB:
    case PTX_VSUB2:
    case PTX_VSUB4:
        return vector_binary(emitter, "sub", type, a, b);
    case PTX_VAVRG2:
    case PTX_VAVRG4:
        return average(emitter, type, a, b);
    case PTX_VABSDIFF:
    case PTX_VABSDIFF2:
    case PTX_VABSDIFF4:
        return distance(emitter, type, a, b);
    case PTX_VMIN:
    case PTX_VMIN2:
    case PTX_VMIN4:
        return vector_call2(emitter, "smin", type, a, b);
    case PTX_VMAX:
    case PTX_VMAX2:
    case PTX_VMAX4:
        return vector_call2(emitter, "smax", type, a, b);
    case PTX_VSHL:
    case PTX_VSHR:
        return shift(emitter, a, b);
    default:
        return compare(emitter, type, a, b);
    }
}

/* To what so many bits hold. */
static value clamp(struct emitter *emitter, enum ptx_word type, value a, unsigned bits,
                   bool is_signed)
{
    uint64_t most = (UINT64_C(1) << (bits - is_signed)) - 1, least = is_signed ? ~most : 0;
    uint64_t all = type == PTX_W_B32 ? UINT32_MAX : UINT64_MAX;

    a = vector_call2(emitter, "smin", type, a, vector_constant(emitter, type, most & all));
    return vector_call2(emitter, "smax", type, a, vector_constant(emitter, type, least & all));
}

/* Bits put into a word in the place of others. */
static value insert(struct emitter *emitter, value word, value bits, unsigned at, unsigned count)
{
    uint32_t mask = (uint32_t)((UINT64_C(1) << count) - 1) << at;

    bits = vector_with(emitter, "shl", PTX_W_B32, bits, at);
    bits = vector_with(emitter, "and", PTX_W_B32, bits, mask);
    word = vector_with(emitter, "and", PTX_W_B32, word, ~mask);
    return vector_binary(emitter, "or", PTX_W_B32, word, bits);
}

/* ---- One value ---- */

/* A byte, a half or a word of an operand. */
struct part {
    unsigned at, bits;
};

/* .b0, .h10 and so on; .x and its like are of vectors, whose parts are words. */
static bool names_parts(const struct ptx_operand *operand)
{
    return operand->select != NULL && operand->select[1] != '\0';
}

static struct part part_of(const struct ptx_operand *operand)
{
    unsigned bits;

    if (!names_parts(operand)) {
        return (struct part){0, 32};
    }
    bits = operand->select[0] == 'b' ? 8 : 16;
    return (struct part){(unsigned)(operand->select[1] - '0') * bits, bits};
}

static struct ptx_operand whole_of(const struct ptx_operand *operand)
{
    struct ptx_operand whole = *operand;

    if (names_parts(operand)) {
        whole.select = NULL;
    }
    return whole;
}

static value word_of(struct emitter *emitter, unsigned index)
{
    const struct ptx_operand whole = whole_of(vector_operand(emitter, index));

    return emit_get(emitter, &whole, PTX_W_B32);
}

static void set_word(struct emitter *emitter, value word)
{
    const struct ptx_operand whole = whole_of(vector_operand(emitter, 0));

    emit_put(emitter, &whole, PTX_W_B32, word);
}

static value selected(struct emitter *emitter, unsigned index, enum ptx_word type)
{
    struct part part = part_of(vector_operand(emitter, index));
    value word = vector_field(emitter, word_of(emitter, index), part.at, part.bits, type);

    return vector_widen(emitter, type, PTX_W_B64, word);
}

/* With c: added, the lesser, the greater, or what the result is put into. */
static value combine(struct emitter *emitter, value result, struct part part)
{
    bool sign = vector_is_signed(result_type(emitter));
    value c = word_of(emitter, 3);

    if (emit_has(emitter, PTX_W_ADD)) {
        return vector_binary(emitter, "add", PTX_W_B32, result, c);
    }
    if (emit_has(emitter, PTX_W_MIN)) {
        return vector_call2(emitter, sign ? "smin" : "umin", PTX_W_B32, result, c);
    }
    if (emit_has(emitter, PTX_W_MAX)) {
        return vector_call2(emitter, sign ? "smax" : "umax", PTX_W_B32, result, c);
    }
    return insert(emitter, c, result, part.at, part.bits);
}

static void one_value(struct emitter *emitter)
{
    struct part part = part_of(vector_operand(emitter, 0));
    value a = selected(emitter, 1, source_type(emitter, 1));
    value result = operate(emitter, PTX_W_B64, a, selected(emitter, 2, source_type(emitter, 2)));

    if (emit_has(emitter, PTX_W_SAT)) {
        result =
            clamp(emitter, PTX_W_B64, result, part.bits, vector_is_signed(result_type(emitter)));
    }
    result = vector_narrow(emitter, PTX_W_B64, PTX_W_B32, result);
    set_word(emitter,
             emitter->instruction->operand_count > 3 ? combine(emitter, result, part) : result);
}

/* ---- vmad, of up to 66 bits ---- */

static value negated(struct emitter *emitter, bool is, value a)
{
    return is ? emit_value(emitter, "sub <32 x i128> zeroinitializer, %%t%u", a) : a;
}

static void multiply_add(struct emitter *emitter)
{
    const struct ptx_operand *operands = emitter->instruction->operands;
    enum ptx_word a_type = emit_type(emitter, 1), b_type = emit_type(emitter, 2);
    bool minus = operands[1].negated != operands[2].negated, minus_c = operands[3].negated;
    bool sign = vector_is_signed(a_type) || vector_is_signed(b_type);
    bool is_signed = sign || minus || minus_c;
    unsigned scale = emit_has(emitter, PTX_W_SHR7) ? 7 : emit_has(emitter, PTX_W_SHR15) ? 15 : 0;
    value a = selected(emitter, 1, a_type);
    value sum = vector_binary(emitter, "mul", PTX_W_B64, a, selected(emitter, 2, b_type));
    value c =
        vector_widen(emitter, is_signed ? PTX_W_S32 : PTX_W_U32, PTX_W_B128, word_of(emitter, 3));

    sum = vector_widen(emitter, sign ? PTX_W_S64 : PTX_W_U64, PTX_W_B128, sum);
    sum = negated(emitter, minus, sum);
    sum = vector_binary(emitter, "add", PTX_W_B128, sum, negated(emitter, minus_c, c));
    sum = vector_with(emitter, "add", PTX_W_B128, sum, emit_has(emitter, PTX_W_PO));
    sum = vector_with(emitter, "ashr", PTX_W_B128, sum, scale);
    if (emit_has(emitter, PTX_W_SAT)) {
        sum = emit_value(emitter,
                         "call <32 x i128> @llvm.smin.v32i128(<32 x i128> %%t%u, <32 x i128> splat "
                         "(i128 %lld))",
                         sum, is_signed ? (long long)INT32_MAX : (long long)UINT32_MAX);
        sum = emit_value(emitter,
                         "call <32 x i128> @llvm.smax.v32i128(<32 x i128> %%t%u, <32 x i128> splat "
                         "(i128 %lld))",
                         sum, is_signed ? (long long)INT32_MIN : 0);
    }
    set_word(emitter, vector_narrow(emitter, PTX_W_B128, PTX_W_B32, sum));
}

/* ---- Two or four values ---- */

/* The i-th value of an operand: which of {b, a}, its name says. .h10 means 0 for the lower and 1
 * for the upper. */
static value picked(struct emitter *emitter, const value words[2], unsigned operand,
                    unsigned values, unsigned i)
{
    const struct ptx_operand *source = vector_operand(emitter, operand);
    unsigned which = names_parts(source) ? (unsigned)(source->select[values - i] - '0')
                                         : i + (operand == 2 ? values : 0);
    unsigned bits = 32 / values;

    return vector_field(emitter, words[which / values], which % values * bits, bits,
                        source_type(emitter, operand));
}

/* Whether the i-th is among those of .h1, .b31 and so on. */
static bool is_chosen(const struct ptx_operand *operand, unsigned i)
{
    return !names_parts(operand) || strchr(operand->select, (int)('0' + i)) != NULL;
}

static void several_values(struct emitter *emitter, unsigned values)
{
    const value words[2] = {word_of(emitter, 1), word_of(emitter, 2)};
    value result = word_of(emitter, 3);
    unsigned bits = 32 / values;

    for (unsigned i = 0; i < values; i++) {
        value of_i, a;

        if (!is_chosen(vector_operand(emitter, 0), i)) {
            continue;
        }
        a = picked(emitter, words, 1, values, i);
        of_i = operate(emitter, PTX_W_B32, a, picked(emitter, words, 2, values, i));
        if (emit_has(emitter, PTX_W_SAT)) {
            of_i = clamp(emitter, PTX_W_B32, of_i, bits, vector_is_signed(result_type(emitter)));
        }
        result = emit_has(emitter, PTX_W_ADD)
                     ? vector_binary(emitter, "add", PTX_W_B32, result, of_i)
                     : insert(emitter, result, of_i, i * bits, bits);
    }
    set_word(emitter, result);
}

bool emit_video(struct emitter *emitter)
{
    unsigned values = ptx_video_values(emitter->instruction->opcode);

    if (emitter->instruction->opcode == PTX_VMAD) {
        multiply_add(emitter);
    } else if (values == 1) {
        one_value(emitter);
    } else if (values > 1) {
        several_values(emitter, values);
    }
    return values != 0;
}
