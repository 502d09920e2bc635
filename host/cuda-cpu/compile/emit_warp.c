/* SPDX-License-Identifier: BSD-2-Clause */
/* What lanes and warps do together: barriers, votes, shuffles. PTX ISA 9.7.13. */
#include "host/cuda-cpu/compile/emitter.h"

static const struct ptx_operand *operand(const struct emitter *emitter, size_t index)
{
    return &emitter->instruction->operands[index];
}

value emit_first_lane(struct emitter *emitter, enum ptx_word type, value vector)
{
    value bits = emit_lane_bits(emitter);
    value lane = emit_value(emitter, "call i32 @llvm.cttz.i32(i32 %%t%u, i1 false)", bits);

    lane = emit_value(emitter, "and i32 %%t%u, 31", lane);
    return emit_value(emitter, "extractelement %s %%t%u, i32 %%t%u", emit_vector(type), vector,
                      lane);
}

value emit_uniform(struct emitter *emitter, const struct ptx_operand *operand)
{
    return emit_first_lane(emitter, PTX_W_B32, emit_get(emitter, operand, PTX_W_B32));
}

/* The lanes that the last operand names. */
static void emit_together(struct emitter *emitter)
{
    if (emit_has(emitter, PTX_W_SYNC)) {
        emit_event(emitter, WARP_EVENT_TOGETHER, emit_lane_bits(emitter),
                   operand(emitter, emitter->instruction->operand_count - 1));
    }
}

/* ---- Barriers ---- */

static enum warp_barrier barrier_operation(const struct emitter *emitter)
{
    return emit_has(emitter, PTX_W_ARRIVE)                                ? WARP_BARRIER_ARRIVE
           : emit_has(emitter, PTX_W_POPC)                                ? WARP_BARRIER_POPC
           : emit_has(emitter, PTX_W_RED) && emit_has(emitter, PTX_W_AND) ? WARP_BARRIER_AND
           : emit_has(emitter, PTX_W_RED)                                 ? WARP_BARRIER_OR
                                                                          : WARP_BARRIER_SYNC;
}

/* The lanes of a warp come together: PTX ISA 9.7.13.1. */
static bool is_aligned(const struct emitter *emitter)
{
    return emitter->instruction->opcode == PTX_BAR || emit_has(emitter, PTX_W_ALIGNED);
}

static void barrier(struct emitter *emitter)
{
    enum warp_barrier operation = barrier_operation(emitter);
    bool reduces = operation >= WARP_BARRIER_POPC;
    size_t first = reduces ? 1 : 0;
    size_t values = emitter->instruction->operand_count - first - reduces;
    value number, threads, votes, callee, answer;

    if (emit_has(emitter, PTX_W_WARP)) { /* lanes that are together are in step */
        emit_together(emitter);
        return;
    }
    if (emit_has(emitter, PTX_W_CLUSTER)) {
        return; /* of one block */
    }
    number = emit_uniform(emitter, operand(emitter, first));
    threads = values > 1 ? emit_uniform(emitter, operand(emitter, first + 1))
                         : emit_value(emitter, "or i32 0, 0");
    votes = reduces
                ? emit_mask_bits(emitter,
                                 emit_get(emitter,
                                          operand(emitter, emitter->instruction->operand_count - 1),
                                          PTX_W_PRED))
                : emit_value(emitter, "or i32 0, 0");
    emit_event(emitter, is_aligned(emitter) ? WARP_EVENT_ALIGNED : WARP_EVENT_BARRIER,
               emit_lane_bits(emitter), operand(emitter, first));
    callee = emit_field(emitter, offsetof(struct warp, barrier), "ptr");
    answer = emit_value(emitter,
                        "call i32 %%t%u(ptr %%w, i32 %%t%u, i32 %%t%u, i32 %%t%u, i32 %%t%u, i32 "
                        "%u)",
                        callee, number, threads, emit_lane_bits(emitter), votes, operation);
    if (operation == WARP_BARRIER_POPC) {
        emit_put(emitter, operand(emitter, 0), PTX_W_B32,
                 emit_splat_scalar(emitter, PTX_W_B32, answer));
    } else if (reduces) {
        value is_set = emit_value(emitter, "icmp ne <32 x i32> %%t%u, zeroinitializer",
                                  emit_splat_scalar(emitter, PTX_W_B32, answer));

        emit_put(emitter, operand(emitter, 0), PTX_W_PRED, is_set);
    }
}

/* ---- Votes ---- */

static void vote(struct emitter *emitter)
{
    value votes = emit_mask_bits(emitter, emit_get(emitter, operand(emitter, 1), PTX_W_PRED));
    value lanes = emit_lane_bits(emitter), yes, all, none;

    yes = emit_value(emitter, "and i32 %%t%u, %%t%u", votes, lanes);
    if (emit_has(emitter, PTX_W_BALLOT)) {
        emit_put(emitter, operand(emitter, 0), PTX_W_B32,
                 emit_splat_scalar(emitter, PTX_W_B32, yes));
        return;
    }
    all = emit_value(emitter, "icmp eq i32 %%t%u, %%t%u", yes, lanes);
    none = emit_value(emitter, "icmp eq i32 %%t%u, 0", yes);
    if (emit_has(emitter, PTX_W_ANY)) {
        all = emit_value(emitter, "xor i1 %%t%u, true", none);
    } else if (emit_has(emitter, PTX_W_UNI)) {
        all = emit_value(emitter, "or i1 %%t%u, %%t%u", all, none);
    }
    all = emit_value(emitter, "sext i1 %%t%u to i32", all);
    emit_put(emitter, operand(emitter, 0), PTX_W_PRED, emit_mask_vector(emitter, all));
}

static void active_mask(struct emitter *emitter)
{
    emit_put(emitter, operand(emitter, 0), PTX_W_B32,
             emit_splat_scalar(emitter, PTX_W_B32, emit_lane_bits(emitter)));
}

/* ---- Shuffles ---- */

static value vector2(struct emitter *emitter, const char *what, value a, value b)
{
    return emit_value(emitter, "%s <32 x i32> %%t%u, %%t%u", what, a, b);
}

static value constant(struct emitter *emitter, uint32_t bits)
{
    return emit_splat(emitter, PTX_W_B32, bits);
}

/* The lane that each lane reads from, and whether that is within its segment. */
static value source_lane(struct emitter *emitter, value b, value c, value *in_range)
{
    value lane = emit_value(emitter, "load <32 x i32>, ptr @lane_numbers, align 64");
    value by = vector2(emitter, "and", b, constant(emitter, 31));
    value clamp = vector2(emitter, "and", c, constant(emitter, 31));
    value segment = vector2(emitter, "and", vector2(emitter, "lshr", c, constant(emitter, 8)),
                            constant(emitter, 31));
    value others = vector2(emitter, "xor", segment, constant(emitter, 31));
    value least = vector2(emitter, "and", lane, segment);
    value most = vector2(emitter, "or", least, vector2(emitter, "and", clamp, others));
    value from;

    if (emit_has(emitter, PTX_W_UP)) {
        from = vector2(emitter, "sub", lane, by);
        *in_range = emit_value(emitter, "icmp sge <32 x i32> %%t%u, %%t%u", from, most);
    } else {
        from = emit_has(emitter, PTX_W_DOWN) ? vector2(emitter, "add", lane, by)
               : emit_has(emitter, PTX_W_BFLY)
                   ? vector2(emitter, "xor", lane, by)
                   : vector2(emitter, "or", least, vector2(emitter, "and", by, others));
        *in_range = emit_value(emitter, "icmp sle <32 x i32> %%t%u, %%t%u", from, most);
    }
    return emit_value(emitter, "select <32 x i1> %%t%u, <32 x i32> %%t%u, <32 x i32> %%t%u",
                      *in_range, from, lane);
}

static void shuffle(struct emitter *emitter)
{
    const struct ptx_operand *destination = operand(emitter, 0);
    value a = emit_get(emitter, operand(emitter, 1), PTX_W_B32);
    value b = emit_get(emitter, operand(emitter, 2), PTX_W_B32);
    value c = emit_get(emitter, operand(emitter, 3), PTX_W_B32);
    value in_range, from = source_lane(emitter, b, c, &in_range);
    value sources = emit_spill(emitter, 0, PTX_W_B32, a);
    value indices = emit_spill(emitter, 1, PTX_W_B32, from);
    value results = emit_slot(emitter, 2), shuffled;
    value callee = emit_field(emitter, offsetof(struct warp, permute), "ptr");

    emit(emitter, "call void %%t%u(ptr %%t%u, ptr %%t%u, ptr %%t%u)", callee, results, sources,
         indices);
    shuffled = emit_reload(emitter, 2, PTX_W_B32);
    if (destination->kind == PTX_O_PAIR) {
        emit_put(emitter, &destination->items[0], PTX_W_B32, shuffled);
        emit_put(emitter, &destination->items[1], PTX_W_PRED, in_range);
    } else {
        emit_put(emitter, destination, PTX_W_B32, shuffled);
    }
}

/* Over the lanes that take part; the others give what changes nothing. */
static void reduce(struct emitter *emitter)
{
    bool is_signed = ptx_type_kind(emit_type(emitter, 0)) == PTX_SIGNED;
    static const struct {
        enum ptx_word word;
        const char *of_signed, *of_unsigned;
        uint32_t none_signed, none_unsigned;
    } operations[] = {
        {PTX_W_ADD, "add", "add", 0, 0},
        {PTX_W_MIN, "smin", "umin", 0x7FFFFFFF, 0xFFFFFFFF},
        {PTX_W_MAX, "smax", "umax", 0x80000000, 0},
        {PTX_W_AND, "and", "and", 0xFFFFFFFF, 0xFFFFFFFF},
        {PTX_W_OR, "or", "or", 0, 0},
        {PTX_W_XOR, "xor", "xor", 0, 0},
    };
    value a = emit_get(emitter, operand(emitter, 1), PTX_W_B32);

    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        const char *name = is_signed ? operations[i].of_signed : operations[i].of_unsigned;

        if (!emit_has(emitter, operations[i].word)) {
            continue;
        }
        if (!emitter->lanes.all) {
            value none = constant(emitter, is_signed ? operations[i].none_signed
                                                     : operations[i].none_unsigned);

            a = emit_value(emitter, "select <32 x i1> %%t%u, <32 x i32> %%t%u, <32 x i32> %%t%u",
                           emitter->lanes.vector, a, none);
        }
        a = emit_value(emitter, "call i32 @llvm.vector.reduce.%s.v32i32(<32 x i32> %%t%u)", name,
                       a);
        emit_put(emitter, operand(emitter, 0), PTX_W_B32, emit_splat_scalar(emitter, PTX_W_B32, a));
        return;
    }
}

bool emit_warp(struct emitter *emitter)
{
    switch (emitter->instruction->opcode) {
    case PTX_BAR:
    case PTX_BARRIER:
        barrier(emitter);
        return true;
    case PTX_VOTE:
        emit_together(emitter);
        vote(emitter);
        return true;
    case PTX_ACTIVEMASK:
        active_mask(emitter);
        return true;
    case PTX_SHFL:
        emit_together(emitter);
        shuffle(emitter);
        return true;
    case PTX_REDUX:
        emit_together(emitter);
        reduce(emitter);
        return true;
    case PTX_NANOSLEEP:
        return true;
    default:
        return false;
    }
}
