/* SPDX-License-Identifier: BSD-2-Clause */
/* Atomics of a whole warp: whole.h. */
#include "host/cuda-cpu/compile/emitter.h"
#include "host/cuda-cpu/compile/whole_place.h"

static const struct {
    enum ptx_word word;
    const char *of_signed, *of_unsigned; /* as LLVM has them */
    bool is_call;
} operations[] = {
    {PTX_W_ADD, "add", "add", false},
    {PTX_W_AND, "and", "and", false},
    {PTX_W_OR, "or", "or", false},
    {PTX_W_XOR, "xor", "xor", false},
    {PTX_W_MIN, "min", "umin", true},
    {PTX_W_MAX, "max", "umax", true},
    {PTX_W_EXCH, "xchg", "xchg", false},
    {PTX_W_INC, "uinc_wrap", "uinc_wrap", false},
    {PTX_W_DEC, "udec_wrap", "udec_wrap", false},
};

static size_t find_operation(const struct emitter *emitter)
{
    size_t i = 0;

    while (!emit_has(emitter, operations[i].word)) {
        i++;
    }
    return i;
}

static const char *operation_name(const struct emitter *emitter)
{
    bool is_signed = ptx_type_kind(emit_type(emitter, 0)) == PTX_SIGNED;
    size_t found = find_operation(emitter);

    return is_signed ? operations[found].of_signed : operations[found].of_unsigned;
}

/* The intrinsics for values say smin where those for memory say min. */
static const char *sign_prefix(const struct emitter *emitter)
{
    bool is_signed = ptx_type_kind(emit_type(emitter, 0)) == PTX_SIGNED;

    return is_signed && operations[find_operation(emitter)].is_call ? "s" : "";
}

static bool is_float(const struct emitter *emitter)
{
    return ptx_type_kind(emit_type(emitter, 0)) == PTX_FLOAT;
}

/* Only sums: plan() takes no others. */
static value float_sum(struct emitter *emitter, unsigned bits, value old, value with)
{
    const char *type = bits == 32 ? "float" : "double";
    value a = emit_value(emitter, "bitcast i%u %%t%u to %s", bits, old, type);
    value b = emit_value(emitter, "bitcast i%u %%t%u to %s", bits, with, type);
    value sum = emit_value(emitter, "fadd %s %%t%u, %%t%u", type, a, b);

    return emit_value(emitter, "bitcast %s %%t%u to i%u", type, sum, bits);
}

static value choose(struct emitter *emitter, unsigned bits, value condition, value yes, value no)
{
    return emit_value(emitter, "select i1 %%t%u, i%u %%t%u, i%u %%t%u", condition, bits, yes, bits,
                      no);
}

/* Of inc and dec: PTX ISA 9.7.13.5. */
static value wrapped(struct emitter *emitter, unsigned bits, value old, value with)
{
    bool is_up = emit_has(emitter, PTX_W_INC);
    value next = emit_value(emitter, "%s i%u %%t%u, 1", is_up ? "add" : "sub", bits, old);
    value begin = is_up ? emit_value(emitter, "or i%u 0, 0", bits) : with;
    value at_end = emit_value(emitter, "icmp uge i%u %%t%u, %%t%u", bits, is_up ? old : next, with);

    return choose(emitter, bits, at_end, begin, next);
}

/* What an atomic works with; swap: of cas, what is written where `with` was. */
struct operands {
    value with, swap;
};

static value new_value(struct emitter *emitter, unsigned bits, value old, struct operands by)
{
    const char *name;

    if (emit_has(emitter, PTX_W_CAS)) {
        value equal = emit_value(emitter, "icmp eq i%u %%t%u, %%t%u", bits, old, by.with);

        return choose(emitter, bits, equal, by.swap, old);
    }
    if (emit_has(emitter, PTX_W_EXCH)) {
        return by.with;
    }
    if (is_float(emitter)) {
        return float_sum(emitter, bits, old, by.with);
    }
    if (emit_has(emitter, PTX_W_INC) || emit_has(emitter, PTX_W_DEC)) {
        return wrapped(emitter, bits, old, by.with);
    }
    name = operation_name(emitter);
    if (operations[find_operation(emitter)].is_call) {
        return emit_value(emitter, "call i%u @llvm.%s%s.i%u(i%u %%t%u, i%u %%t%u)", bits,
                          sign_prefix(emitter), name, bits, bits, old, bits, by.with);
    }
    return emit_value(emitter, "%s i%u %%t%u, %%t%u", name, bits, old, by.with);
}

/* By one instruction of the processor, while other host threads look. */
static value update_locked(struct emitter *emitter, unsigned bits, value pointer,
                           struct operands by)
{
    value pair;

    if (!emit_has(emitter, PTX_W_CAS)) {
        return emit_value(emitter, "atomicrmw %s ptr %%t%u, i%u %%t%u seq_cst",
                          operation_name(emitter), pointer, bits, by.with);
    }
    pair = emit_value(emitter, "cmpxchg ptr %%t%u, i%u %%t%u, i%u %%t%u seq_cst seq_cst", pointer,
                      bits, by.with, bits, by.swap);
    return emit_value(emitter, "extractvalue { i%u, i1 } %%t%u, 0", bits, pair);
}

/* By a load and a store, where nobody else looks. */
static value update_alone(struct emitter *emitter, unsigned bits, value pointer, struct operands by)
{
    value old =
        emit_value(emitter, "load i%u, ptr %%t%u, align %u, !tbaa !2", bits, pointer, bits / 8);

    emit(emitter, "store i%u %%t%u, ptr %%t%u, align %u, !tbaa !2", bits,
         new_value(emitter, bits, old, by), pointer, bits / 8);
    return old;
}

typedef value update(struct emitter *emitter, unsigned bits, value pointer, struct operands by);

/* All lanes to one place, and nobody asks what was there between. A block's memory is seen by one
 * host thread alone. */
static void reduce(struct emitter *emitter, const struct whole_access *access,
                   const struct whole_place *place, value with)
{
    update *how = access->is_shared ? update_alone : update_locked;
    unsigned bits = access->size * 8;
    value pointer = whole_pointer_to(emitter, access, place->rows[0], access->offset), all;

    if (emit_has(emitter, PTX_W_EXCH)) {
        all = emit_value(emitter, "extractelement <32 x i%u> %%t%u, i32 31", bits, with);
    } else {
        all = emit_value(emitter, "call i%u @llvm.vector.reduce.%s%s.v32i%u(<32 x i%u> %%t%u)",
                         bits, sign_prefix(emitter), operation_name(emitter), bits, bits, with);
    }
    how(emitter, bits, pointer, (struct operands){.with = all});
}

static value lane_of(struct emitter *emitter, unsigned bits, value vector, unsigned lane)
{
    return emit_value(emitter, "extractelement <32 x i%u> %%t%u, i32 %u", bits, vector, lane);
}

/* Within a kernel's shared variables a place has 32 bits. */
static bool are_places_short(const struct emitter *emitter, const struct whole_access *access)
{
    return access->is_shared && emitter->shared_size;
}

/* Two to an element; 0: in slot 0, where they are loaded one by one, as those of 64 bits would cost
 * more to be taken out of vectors. */
static value set_places(struct emitter *emitter, const struct whole_access *access, value vector)
{
    vector = emit_value(emitter, "add <32 x i64> %%t%u, splat (i64 %lld)", vector,
                        (long long)access->offset);
    if (are_places_short(emitter, access)) {
        vector = emit_value(emitter, "trunc <32 x i64> %%t%u to <32 x i32>", vector);
        return emit_value(emitter, "bitcast <32 x i32> %%t%u to <16 x i64>", vector);
    }
    emit_spill(emitter, 0, PTX_W_B64, vector);
    return 0;
}

/* Volatile: so that loads stay loads. */
static value place_of_lane(struct emitter *emitter, value places, unsigned lane)
{
    value place;

    if (places) {
        place = emit_value(emitter, "extractelement <16 x i64> %%t%u, i32 %u", places, lane / 2);
        return lane % 2 ? emit_value(emitter, "lshr i64 %%t%u, 32", place)
                        : emit_value(emitter, "and i64 %%t%u, 4294967295", place);
    }
    place = emit_value(emitter, "getelementptr i64, ptr %%slots, i64 %u", lane);
    return emit_value(emitter, "load volatile i64, ptr %%t%u, align 8", place);
}

/* Lane by lane, in their order: what was there. */
static value update_each(struct emitter *emitter, const struct whole_access *access, value places,
                         struct operands by, update *how)
{
    unsigned bits = access->size * 8;
    value old = emit_value(emitter, "freeze <32 x i%u> poison", bits);

    for (unsigned lane = 0; lane < WARP_LANES; lane++) {
        struct operands of_lane = {.with = lane_of(emitter, bits, by.with, lane)};
        value place = place_of_lane(emitter, places, lane), was;

        if (by.swap) {
            of_lane.swap = lane_of(emitter, bits, by.swap, lane);
        }
        was = how(emitter, bits, whole_pointer_to(emitter, access, place, 0), of_lane);
        old = emit_value(emitter, "insertelement <32 x i%u> %%t%u, i%u %%t%u, i32 %u", bits, old,
                         bits, was, lane);
    }
    return old;
}

/* Global memory is seen by one host thread, or by several: the launch knows. */
static value update_global(struct emitter *emitter, const struct whole_access *access,
                           struct operands by)
{
    unsigned number = ++emitter->labels, bits = access->size * 8;
    value alone = emit_fixed_field(emitter, offsetof(struct warp, is_alone), "i64"), one, many;

    alone = emit_value(emitter, "icmp ne i64 %%t%u, 0", alone);
    emit(emitter, "br i1 %%t%u, label %%a%u, label %%c%u", alone, number, number);
    text_add(emitter->out, "a%u:\n", number);
    one = update_each(emitter, access, 0, by, update_alone);
    emit(emitter, "br label %%j%u", number);
    text_add(emitter->out, "c%u:\n", number);
    many = update_each(emitter, access, 0, by, update_locked);
    emit(emitter, "br label %%j%u", number);
    text_add(emitter->out, "j%u:\n", number);
    return emit_value(emitter, "phi <32 x i%u> [ %%t%u, %%a%u ], [ %%t%u, %%c%u ]", bits, one,
                      number, many, number);
}

void whole_atomic(struct emitter *emitter, const struct whole_access *access)
{
    enum ptx_word type = emit_bits(emit_type(emitter, 0));
    const struct whole_place place = whole_find_place(emitter, access);
    const struct ptx_operand *operands = emitter->instruction->operands;
    bool returns = emitter->instruction->opcode == PTX_ATOM;
    const struct ptx_operand *first = &operands[returns ? 2 : 1];
    struct operands by = {.with = emit_get(emitter, first, type)};
    value places, old;

    whole_look_before(emitter, access, &place);
    if (access->kind == WHOLE_UNIFORM) {
        reduce(emitter, access, &place, by.with);
        return;
    }
    if (emit_has(emitter, PTX_W_CAS)) {
        by.swap = emit_get(emitter, first + 1, type);
    }
    places = set_places(emitter, access, place.vector);
    old = access->is_shared              ? update_each(emitter, access, places, by, update_alone)
          : emit_has(emitter, PTX_W_SYS) ? update_each(emitter, access, 0, by, update_locked)
                                         : update_global(emitter, access, by);
    if (returns) {
        emit_put(emitter, &operands[0], type, old);
    }
}
