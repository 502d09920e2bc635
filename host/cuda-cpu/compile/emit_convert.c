/* SPDX-License-Identifier: BSD-2-Clause */
/* cvt and mov: PTX ISA 9.7.9. */
#include "host/cuda-cpu/compile/vector.h"

static bool is_float(enum ptx_word type)
{
    return type == PTX_W_F32 || type == PTX_W_F64;
}

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

static value integer_to_float(struct emitter *emitter, enum ptx_word to, enum ptx_word from,
                              value a)
{
    return emit_value(emitter, "%s %s %%t%u to %s", vector_is_signed(from) ? "sitofp" : "uitofp",
                      emit_vector(from), a, emit_vector(to));
}

static value float_to_float(struct emitter *emitter, enum ptx_word to, enum ptx_word from, value a)
{
    bool flush = emit_has(emitter, PTX_W_FTZ);

    if (from == PTX_W_F32 && flush) {
        a = emit_flush(emitter, a);
    }
    if (to == from) {
        return rounded(emitter, to, a);
    }
    a = emit_value(emitter, "%s %s %%t%u to %s", to == PTX_W_F64 ? "fpext" : "fptrunc",
                   emit_vector(from), a, emit_vector(to));
    return to == PTX_W_F32 && flush ? emit_flush(emitter, a) : a;
}

static bool has_directed_rounding(const struct emitter *emitter)
{
    return emit_has(emitter, PTX_W_RZ) || emit_has(emitter, PTX_W_RM) ||
           emit_has(emitter, PTX_W_RP);
}

static bool is_plain(enum ptx_word type)
{
    return is_float(type) || (is_integer(type) && ptx_type_bits(type) >= 8);
}

static void convert(struct emitter *emitter)
{
    enum ptx_word to = emit_type(emitter, 0), from = emit_type(emitter, 1);
    value a;

    if (emit_has(emitter, PTX_W_PACK)) {
        emit_unsupported(emitter, ".pack");
        return;
    }

    if (!is_plain(to) || !is_plain(from)) {
        emit_unsupported(emitter, "a conversion of halves");
        return;
    }
    if (has_directed_rounding(emitter)) {
        emit_unsupported(emitter, "a conversion that rounds in a direction");
        return;
    }
    a = emit_get(emitter, &emitter->instruction->operands[1], from);
    a = is_integer(to) ? (is_integer(from) ? integer_to_integer(emitter, to, from, a)
                                           : float_to_integer(emitter, to, from, a))
                       : (is_integer(from) ? integer_to_float(emitter, to, from, a)
                                           : float_to_float(emitter, to, from, a));
    if (is_float(to) && emit_has(emitter, PTX_W_SAT)) {
        a = emit_saturate(emitter, to, a);
    }
    emit_put(emitter, &emitter->instruction->operands[0], to, a);
}

/* ---- mov ---- */

static enum ptx_word part_type(enum ptx_word whole, size_t count)
{
    switch (ptx_type_bits(whole) / count) {
    case 8:
        return PTX_W_B8;
    case 16:
        return PTX_W_B16;
    case 32:
        return PTX_W_B32;
    default:
        return PTX_W_B64;
    }
}

static value widened(struct emitter *emitter, enum ptx_word from, enum ptx_word to, value a)
{
    return emit_value(emitter, "zext %s %%t%u to %s", emit_vector(from), a, emit_vector(to));
}

static value moved(struct emitter *emitter, const char *what, enum ptx_word type, value a,
                   unsigned by)
{
    return emit_value(emitter, "%s %s %%t%u, splat (%s %u)", what, emit_vector(type), a,
                      emit_element(type), by);
}

static value pack(struct emitter *emitter, const struct ptx_operand *list, enum ptx_word type)
{
    enum ptx_word part = part_type(type, list->count);
    value whole = emit_splat(emitter, type, 0);

    for (unsigned i = 0; i < list->count; i++) {
        value item = widened(emitter, part, type, emit_get(emitter, &list->items[i], part));

        item = moved(emitter, "shl", type, item, i * ptx_type_bits(part));
        whole = emit_value(emitter, "or %s %%t%u, %%t%u", emit_vector(type), whole, item);
    }
    return whole;
}

static void unpack(struct emitter *emitter, const struct ptx_operand *list, enum ptx_word type,
                   value whole)
{
    enum ptx_word part = part_type(type, list->count);

    for (unsigned i = 0; i < list->count; i++) {
        value item = moved(emitter, "lshr", type, whole, i * ptx_type_bits(part));

        item =
            emit_value(emitter, "trunc %s %%t%u to %s", emit_vector(type), item, emit_vector(part));
        emit_put(emitter, &list->items[i], part, item);
    }
}

static void move_vector(struct emitter *emitter, enum ptx_word type)
{
    struct ptx_operand to[EMIT_ITEMS], from[EMIT_ITEMS];
    size_t count = emit_items(emitter, &emitter->instruction->operands[0], to);
    value values[EMIT_ITEMS];

    emit_items(emitter, &emitter->instruction->operands[1], from);
    for (size_t i = 0; i < count; i++) {
        values[i] = emit_get(emitter, &from[i], type);
    }
    for (size_t i = 0; i < count; i++) {
        emit_put(emitter, &to[i], type, values[i]);
    }
}

static bool is_vector_register(const struct emitter *emitter, const struct ptx_operand *operand)
{
    return operand->kind == PTX_O_REGISTER && operand->select == NULL &&
           emitter->function->registers[operand->reg].vector > 1;
}

static void move(struct emitter *emitter)
{
    enum ptx_word type = emit_type(emitter, 0);
    const struct ptx_operand *to = &emitter->instruction->operands[0];
    const struct ptx_operand *from = &emitter->instruction->operands[1];

    if (emit_has(emitter, PTX_W_V2) || emit_has(emitter, PTX_W_V4)) {
        move_vector(emitter, type);
    } else if (is_vector_register(emitter, to) || is_vector_register(emitter, from)) {
        emit_unsupported(emitter, "a whole vector as one value");
    } else if (to->kind == PTX_O_LIST) {
        unpack(emitter, to, emit_bits(type), emit_get(emitter, from, emit_bits(type)));
    } else if (from->kind == PTX_O_LIST) {
        emit_put(emitter, to, emit_bits(type), pack(emitter, from, emit_bits(type)));
    } else {
        emit_put(emitter, to, type, emit_get(emitter, from, type));
    }
}

bool emit_convert(struct emitter *emitter)
{
    switch (emitter->instruction->opcode) {
    case PTX_CVT:
        convert(emitter);
        return true;
    case PTX_MOV:
        move(emitter);
        return true;
    default:
        return false;
    }
}
