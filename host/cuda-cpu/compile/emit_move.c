/* SPDX-License-Identifier: BSD-2-Clause */
/* mov: PTX ISA 9.7.9.1. */
#include "host/cuda-cpu/compile/vector.h"

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

static void move(struct emitter *emitter)
{
    enum ptx_word type = emit_type(emitter, 0);
    const struct ptx_operand *to = &emitter->instruction->operands[0];
    const struct ptx_operand *from = &emitter->instruction->operands[1];

    if (to->kind == PTX_O_REGISTER && emitter->uniform.constants[to->reg] != NULL) {
        return; /* who reads it reads what stands here */
    }
    if (emit_has(emitter, PTX_W_V2) || emit_has(emitter, PTX_W_V4)) {
        move_vector(emitter, type);
    } else if (to->kind == PTX_O_LIST) {
        unpack(emitter, to, emit_bits(type), emit_get(emitter, from, emit_bits(type)));
    } else if (from->kind == PTX_O_LIST) {
        emit_put(emitter, to, emit_bits(type), pack(emitter, from, emit_bits(type)));
    } else {
        emit_put(emitter, to, type, emit_get(emitter, from, type));
    }
}

bool emit_move(struct emitter *emitter)
{
    if (emitter->instruction->opcode != PTX_MOV) {
        return false;
    }
    move(emitter);
    return true;
}
