/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/vector.h"

const struct ptx_operand *vector_operand(const struct emitter *emitter, unsigned index)
{
    return &emitter->instruction->operands[index];
}

value vector_source(struct emitter *emitter, unsigned index, enum ptx_word type)
{
    return emit_get(emitter, vector_operand(emitter, index), type);
}

void vector_result(struct emitter *emitter, enum ptx_word type, value of)
{
    emit_put(emitter, vector_operand(emitter, 0), type, of);
}

bool vector_is_signed(enum ptx_word type)
{
    return ptx_type_kind(type) == PTX_SIGNED;
}

value vector_binary(struct emitter *emitter, const char *what, enum ptx_word type, value a, value b)
{
    return emit_value(emitter, "%s %s %%t%u, %%t%u", what, emit_vector(type), a, b);
}

value vector_call2(struct emitter *emitter, const char *intrinsic, enum ptx_word type, value a,
                   value b)
{
    const char *vector = emit_vector(type);

    return emit_value(emitter, "call %s @llvm.%s.v32%s(%s %%t%u, %s %%t%u)", vector, intrinsic,
                      emit_element(type), vector, a, vector, b);
}

value vector_with(struct emitter *emitter, const char *what, enum ptx_word type, value a,
                  uint64_t constant)
{
    return emit_value(emitter, "%s %s %%t%u, splat (%s %llu)", what, emit_vector(type), a,
                      emit_element(type), (unsigned long long)constant);
}

value vector_constant(struct emitter *emitter, enum ptx_word type, uint64_t bits)
{
    return emit_splat(emitter, emit_bits(type), bits);
}

value vector_choose(struct emitter *emitter, enum ptx_word type, value condition, value yes,
                    value no)
{
    return emit_value(emitter, "select <32 x i1> %%t%u, %s %%t%u, %s %%t%u", condition,
                      emit_vector(type), yes, emit_vector(type), no);
}

value vector_compare(struct emitter *emitter, const char *how, enum ptx_word type, value a, value b)
{
    return emit_value(emitter, "icmp %s %s %%t%u, %%t%u", how, emit_vector(type), a, b);
}

enum ptx_word vector_twice(enum ptx_word type)
{
    bool is = vector_is_signed(type);

    switch (ptx_type_bits(type)) {
    case 16:
        return is ? PTX_W_S32 : PTX_W_U32;
    case 32:
        return is ? PTX_W_S64 : PTX_W_U64;
    default:
        return PTX_W_B128;
    }
}

value vector_widen(struct emitter *emitter, enum ptx_word type, enum ptx_word to, value from)
{
    return emit_value(emitter, "%s %s %%t%u to %s", vector_is_signed(type) ? "sext" : "zext",
                      emit_vector(type), from, emit_vector(to));
}

value vector_narrow(struct emitter *emitter, enum ptx_word from, enum ptx_word to, value wide)
{
    return emit_value(emitter, "trunc %s %%t%u to %s", emit_vector(from), wide, emit_vector(to));
}

value vector_field(struct emitter *emitter, value word, unsigned at, unsigned bits,
                   enum ptx_word type)
{
    value left = vector_with(emitter, "shl", PTX_W_B32, word, 32 - bits - at);

    return vector_with(emitter, vector_is_signed(type) ? "ashr" : "lshr", PTX_W_B32, left,
                       32 - bits);
}

value vector_lower(struct emitter *emitter, value pair)
{
    return vector_narrow(emitter, PTX_W_B32, PTX_W_B16, pair);
}

value vector_upper(struct emitter *emitter, value pair)
{
    return vector_lower(emitter, vector_with(emitter, "lshr", PTX_W_B32, pair, 16));
}

value vector_pair(struct emitter *emitter, value lower, value upper)
{
    lower = vector_widen(emitter, PTX_W_U16, PTX_W_B32, lower);
    upper = vector_widen(emitter, PTX_W_U16, PTX_W_B32, upper);
    upper = vector_with(emitter, "shl", PTX_W_B32, upper, 16);
    return vector_binary(emitter, "or", PTX_W_B32, lower, upper);
}
