/* SPDX-License-Identifier: BSD-2-Clause */
/* What lanes and warps do together: barriers, votes, shuffles. PTX ISA 9.7.13. */
#include <stdio.h>

#include "host/cuda-cpu/compile/vector.h"
#include "host/cuda-cpu/compile/wait.h"

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
static void tell_lanes(struct emitter *emitter, enum warp_event event)
{
    if (emit_has(emitter, PTX_W_SYNC)) {
        emit_event(emitter, event, emit_lane_bits(emitter),
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

/* bar.warp.sync: what the lanes of the mask wrote is there when they have met. */
static void warp_barrier(struct emitter *emitter)
{
    value masks = emit_get(emitter, operand(emitter, 0), PTX_W_B32);

    tell_lanes(emitter, WARP_EVENT_MEETING);
    wait_meet(emitter, masks, PTX_W_B32, masks);
    tell_lanes(emitter, WARP_EVENT_TOGETHER);
}

static bool is_constant(const struct ptx_operand *number)
{
    return number == NULL || number->kind == PTX_O_INTEGER;
}

static value call_barrier(struct emitter *emitter, const struct ptx_operand *number,
                          const struct ptx_operand *threads, value votes,
                          enum warp_barrier operation)
{
    value lanes = emit_lane_bits(emitter);
    value callee = emit_field(emitter, offsetof(struct warp, barrier), "ptr");

    return emit_value(emitter,
                      "call i32 %%t%u(ptr %%w, i32 %u, i32 %u, i32 %%t%u, i32 %%t%u, i32 %u)",
                      callee, (uint32_t)number->bits, threads != NULL ? (uint32_t)threads->bits : 0,
                      lanes, votes, operation);
}

/* No code names the cluster's. */
static bool is_named(const struct ptx_operand *number)
{
    return number->kind == PTX_O_INTEGER && number->bits < WARP_NAMED_BARRIERS;
}

/* A number and a count in registers may be others for each lane. */
static value call_barriers(struct emitter *emitter, const struct ptx_operand *number,
                           const struct ptx_operand *threads, value votes,
                           enum warp_barrier operation)
{
    value numbers = emit_spill(emitter, 0, PTX_W_B32, emit_get(emitter, number, PTX_W_B32));
    value counts = emit_spill(emitter, 1, PTX_W_B32,
                              threads != NULL ? emit_get(emitter, threads, PTX_W_B32)
                                              : emit_splat(emitter, PTX_W_B32, 0));
    value lanes = emit_lane_bits(emitter);
    value callee = emit_field(emitter, offsetof(struct warp, barriers), "ptr");

    return emit_value(emitter,
                      "call i32 %%t%u(ptr %%w, ptr %%t%u, ptr %%t%u, i32 %%t%u, i32 %%t%u, i32 %u)",
                      callee, numbers, counts, lanes, votes, operation);
}

static void put_answer(struct emitter *emitter, enum warp_barrier operation, value answer)
{
    value answers = emit_splat_scalar(emitter, PTX_W_B32, answer);

    if (operation == WARP_BARRIER_POPC) {
        emit_put(emitter, operand(emitter, 0), PTX_W_B32, answers);
    } else {
        emit_put(
            emitter, operand(emitter, 0), PTX_W_PRED,
            vector_compare(emitter, "ne", PTX_W_B32, answers, emit_splat(emitter, PTX_W_B32, 0)));
    }
}

/* The lanes of a warp come together: PTX ISA 9.7.13.1. */
static bool is_aligned(const struct emitter *emitter)
{
    return emitter->instruction->opcode == PTX_BAR || emit_has(emitter, PTX_W_ALIGNED);
}

/* Of one block, whose threads have all arrived when all have come to wait. */
static void cluster_barrier(struct emitter *emitter)
{
    const struct ptx_operand number = {.kind = PTX_O_INTEGER, .bits = WARP_CLUSTER_BARRIER};

    if (emit_has(emitter, PTX_W_ARRIVE)) {
        return;
    }
    emit_event(emitter, is_aligned(emitter) ? WARP_EVENT_ALIGNED : WARP_EVENT_BARRIER,
               emit_lane_bits(emitter), &number);
    call_barrier(emitter, &number, NULL, emit_value(emitter, "or i32 0, 0"), WARP_BARRIER_SYNC);
}

static void barrier(struct emitter *emitter)
{
    enum warp_barrier operation = barrier_operation(emitter);
    bool reduces = operation >= WARP_BARRIER_POPC;
    size_t first = reduces ? 1 : 0, count = emitter->instruction->operand_count;
    const struct ptx_operand *number = operand(emitter, first);
    const struct ptx_operand *threads =
        count - first - reduces > 1 ? operand(emitter, first + 1) : NULL;
    value votes, answer;

    if (emit_has(emitter, PTX_W_WARP)) {
        warp_barrier(emitter);
        return;
    }
    if (emit_has(emitter, PTX_W_CLUSTER)) {
        cluster_barrier(emitter);
        return;
    }
    emit_event(emitter, is_aligned(emitter) ? WARP_EVENT_ALIGNED : WARP_EVENT_BARRIER,
               emit_lane_bits(emitter), number);
    votes = reduces ? emit_mask_bits(emitter,
                                     emit_get(emitter, operand(emitter, count - 1), PTX_W_PRED))
                    : emit_value(emitter, "or i32 0, 0");
    answer = is_named(number) && is_constant(threads)
                 ? call_barrier(emitter, number, threads, votes, operation)
                 : call_barriers(emitter, number, threads, votes, operation);
    if (reduces) {
        put_answer(emitter, operation, answer);
    }
}

/* ---- Votes ---- */

/* The lanes that take part, lane by lane: of its mask, which is the last operand; without one,
 * those that are together. */
static value member_masks(struct emitter *emitter)
{
    if (!emit_has(emitter, PTX_W_SYNC)) {
        return emit_splat_scalar(emitter, PTX_W_B32, emit_lane_bits(emitter));
    }
    return emit_get(emitter, operand(emitter, emitter->instruction->operand_count - 1), PTX_W_B32);
}

static value zero(struct emitter *emitter)
{
    return emit_splat(emitter, PTX_W_B32, 0);
}

/* Of the lanes that are together, and those that they met. */
static value find_votes(struct emitter *emitter, value masks)
{
    value votes = emit_get(emitter, operand(emitter, 1), PTX_W_PRED);

    if (!emitter->lanes.all && emit_has(emitter, PTX_W_SYNC)) {
        votes = emit_value(emitter, "zext <32 x i1> %%t%u to <32 x i32>", votes);
        votes = wait_meet(emitter, masks, PTX_W_B32, votes);
        votes = vector_compare(emitter, "ne", PTX_W_B32, votes, zero(emitter));
    }
    return emit_splat_scalar(emitter, PTX_W_B32, emit_mask_bits(emitter, votes));
}

static void vote(struct emitter *emitter)
{
    value masks = member_masks(emitter), votes = find_votes(emitter, masks);
    value members = wait_participants(emitter, masks), yes, no, all, none;

    yes = vector_binary(emitter, "and", PTX_W_B32, votes, members);
    if (emit_has(emitter, PTX_W_BALLOT)) {
        emit_put(emitter, operand(emitter, 0), PTX_W_B32, yes);
        return;
    }
    no = vector_binary(emitter, "xor", PTX_W_B32, yes, members);
    all = vector_compare(emitter, "eq", PTX_W_B32, no, zero(emitter));
    none = vector_compare(emitter, "eq", PTX_W_B32, yes, zero(emitter));
    if (emit_has(emitter, PTX_W_ANY)) {
        all = vector_binary(emitter, "xor", PTX_W_PRED, none, emit_splat(emitter, PTX_W_PRED, 1));
    } else if (emit_has(emitter, PTX_W_UNI)) {
        all = vector_binary(emitter, "or", PTX_W_PRED, all, none);
    }
    emit_put(emitter, operand(emitter, 0), PTX_W_PRED, all);
}

/* The lowest lane of them leads. */
static void elect(struct emitter *emitter)
{
    const struct ptx_operand *destination = operand(emitter, 0);
    value masks = member_masks(emitter), members, leaders, lane;

    wait_meet(emitter, masks, PTX_W_B32, masks);
    members = wait_participants(emitter, masks);
    leaders = emit_value(emitter, "call <32 x i32> @llvm.cttz.v32i32(<32 x i32> %%t%u, i1 false)",
                         members);
    lane = emit_value(emitter, "load <32 x i32>, ptr @lane_numbers, align 64");
    emit_put(emitter, &destination->items[0], PTX_W_B32, leaders);
    emit_put(emitter, &destination->items[1], PTX_W_PRED,
             vector_compare(emitter, "eq", PTX_W_B32, leaders, lane));
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

static value shuffled_values(struct emitter *emitter)
{
    value a = emit_get(emitter, operand(emitter, 1), PTX_W_B32);

    return emit_has(emitter, PTX_W_SYNC) ? wait_meet(emitter, member_masks(emitter), PTX_W_B32, a)
                                         : a;
}

/* A number as it stands there, or as a register always holds it; NULL: it is neither. */
static const struct ptx_operand *number_at(const struct emitter *emitter, size_t index)
{
    const struct ptx_operand *number = operand(emitter, index);

    if (number->kind == PTX_O_REGISTER && emitter->uniform.constants[number->reg] != NULL) {
        number = emitter->uniform.constants[number->reg];
    }
    return number->kind == PTX_O_INTEGER ? number : NULL;
}

/* The same of one lane, where b and c are numbers. */
static uint32_t fixed_lane(const struct emitter *emitter, uint32_t lane)
{
    uint32_t b = (uint32_t)number_at(emitter, 2)->bits & 31;
    uint32_t c = (uint32_t)number_at(emitter, 3)->bits, segment = c >> 8 & 31;
    uint32_t least = lane & segment, most = least | (c & 31 & ~segment);

    if (emit_has(emitter, PTX_W_UP)) {
        return lane >= most + b ? lane - b : lane;
    }
    b = emit_has(emitter, PTX_W_DOWN)   ? lane + b
        : emit_has(emitter, PTX_W_BFLY) ? lane ^ b
                                        : least | (b & ~segment);
    return b <= most ? b : lane;
}

static value shuffle_fixed(struct emitter *emitter, value a)
{
    char lanes[WARP_LANES * sizeof(", i32 31")];
    size_t used = 0;

    for (uint32_t lane = 0; lane < WARP_LANES; lane++) {
        used += (size_t)snprintf(lanes + used, sizeof(lanes) - used, "%si32 %u", lane ? ", " : "",
                                 fixed_lane(emitter, lane));
    }
    return emit_value(emitter, "shufflevector <32 x i32> %%t%u, <32 x i32> poison, <32 x i32> <%s>",
                      a, lanes);
}

static value shuffle_by(struct emitter *emitter, value a, value from)
{
    value sources = emit_spill(emitter, 0, PTX_W_B32, a);
    value indices = emit_spill(emitter, 1, PTX_W_B32, from);
    value results = emit_slot(emitter, 2);
    value callee = emit_field(emitter, offsetof(struct warp, permute), "ptr");

    emit(emitter, "call void %%t%u(ptr %%t%u, ptr %%t%u, ptr %%t%u)", callee, results, sources,
         indices);
    return emit_reload(emitter, 2, PTX_W_B32);
}

static void shuffle(struct emitter *emitter)
{
    const struct ptx_operand *destination = operand(emitter, 0);
    bool is_fixed = number_at(emitter, 2) != NULL && number_at(emitter, 3) != NULL;
    value a = shuffled_values(emitter), b = emit_get(emitter, operand(emitter, 2), PTX_W_B32);
    value in_range,
        from =
            source_lane(emitter, b, emit_get(emitter, operand(emitter, 3), PTX_W_B32), &in_range);
    value shuffled = is_fixed ? shuffle_fixed(emitter, a) : shuffle_by(emitter, a, from);

    if (destination->kind == PTX_O_PAIR) {
        emit_put(emitter, &destination->items[0], PTX_W_B32, shuffled);
        emit_put(emitter, &destination->items[1], PTX_W_PRED, in_range);
    } else {
        emit_put(emitter, destination, PTX_W_B32, shuffled);
    }
}

/* ---- Reductions ---- */

static enum warp_atomic reduction(const struct emitter *emitter)
{
    static const struct {
        enum ptx_word word;
        enum warp_atomic operation;
    } operations[] = {
        {PTX_W_ADD, WARP_ATOMIC_ADD}, {PTX_W_MIN, WARP_ATOMIC_MIN}, {PTX_W_MAX, WARP_ATOMIC_MAX},
        {PTX_W_AND, WARP_ATOMIC_AND}, {PTX_W_OR, WARP_ATOMIC_OR},
    };

    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (emit_has(emitter, operations[i].word)) {
            return operations[i].operation;
        }
    }
    return WARP_ATOMIC_XOR;
}

/* Each lane's result is of its own mask. */
static void reduce(struct emitter *emitter)
{
    bool is_signed = ptx_type_kind(emit_type(emitter, 0)) == PTX_SIGNED;
    enum warp_type type = is_signed ? WARP_S32 : WARP_U32;
    uint32_t operation = reduction(emitter) | (uint32_t)type << WARP_ATOMIC_TYPE_SHIFT;
    value masks = member_masks(emitter);
    value a =
        wait_meet(emitter, masks, PTX_W_B32, emit_get(emitter, operand(emitter, 1), PTX_W_B32));
    value values = emit_spill(emitter, 1, PTX_W_B32, a);
    value members = emit_spill(emitter, 2, PTX_W_B32, wait_participants(emitter, masks));
    value results = emit_slot(emitter, 3), lanes = emit_lane_bits(emitter);
    value callee = emit_field(emitter, offsetof(struct warp, reduce), "ptr");

    emit(emitter, "call void %%t%u(ptr %%t%u, ptr %%t%u, ptr %%t%u, i32 %%t%u, i32 %u)", callee,
         results, values, members, lanes, operation);
    emit_put(emitter, operand(emitter, 0), PTX_W_B32, emit_reload(emitter, 3, PTX_W_B32));
}

/* ---- Matches ---- */

/* .any: the lanes of the same value. .all: all of them, or none where values differ. */
static void match(struct emitter *emitter)
{
    enum ptx_word type = emit_bits(emit_type(emitter, 0));
    const struct ptx_operand *destination = operand(emitter, 0);
    value masks = member_masks(emitter);
    value a = wait_meet(emitter, masks, type, emit_get(emitter, operand(emitter, 1), type));
    value participants = wait_participants(emitter, masks), lanes = emit_lane_bits(emitter);
    value values, members, results = emit_slot(emitter, 3), callee, equal, is_all;

    if (type == PTX_W_B32) {
        a = vector_widen(emitter, PTX_W_U32, PTX_W_B64, a);
    }
    values = emit_spill(emitter, 1, PTX_W_B64, a);
    members = emit_spill(emitter, 2, PTX_W_B32, participants);
    callee = emit_field(emitter, offsetof(struct warp, match), "ptr");
    emit(emitter, "call void %%t%u(ptr %%t%u, ptr %%t%u, ptr %%t%u, i32 %%t%u)", callee, results,
         values, members, lanes);
    equal = emit_reload(emitter, 3, PTX_W_B32);
    if (emit_has(emitter, PTX_W_ANY)) {
        emit_put(emitter, destination, PTX_W_B32, equal);
        return;
    }
    is_all = vector_compare(emitter, "eq", PTX_W_B32, equal, participants);
    equal = vector_choose(emitter, PTX_W_B32, is_all, equal, zero(emitter));
    if (destination->kind == PTX_O_PAIR) {
        emit_put(emitter, &destination->items[1], PTX_W_PRED, is_all);
        destination = &destination->items[0];
    }
    emit_put(emitter, destination, PTX_W_B32, equal);
}

/* They are together when they have met. */
static bool is_of_lanes(const struct emitter *emitter)
{
    enum ptx_opcode opcode = emitter->instruction->opcode;

    return opcode == PTX_VOTE || opcode == PTX_SHFL || opcode == PTX_REDUX || opcode == PTX_MATCH ||
           opcode == PTX_ELECT;
}

static bool emit_together(struct emitter *emitter)
{
    if (!is_of_lanes(emitter)) {
        return false;
    }
    tell_lanes(emitter, WARP_EVENT_MEETING);
    switch (emitter->instruction->opcode) {
    case PTX_VOTE:
        vote(emitter);
        break;
    case PTX_SHFL:
        shuffle(emitter);
        break;
    case PTX_REDUX:
        reduce(emitter);
        break;
    case PTX_MATCH:
        match(emitter);
        break;
    default:
        elect(emitter);
        break;
    }
    tell_lanes(emitter, WARP_EVENT_TOGETHER);
    return true;
}

bool emit_warp(struct emitter *emitter)
{
    switch (emitter->instruction->opcode) {
    case PTX_BAR:
    case PTX_BARRIER:
        barrier(emitter);
        return true;
    case PTX_ACTIVEMASK:
        active_mask(emitter);
        return true;
    case PTX_NANOSLEEP:
        wait_sleep(emitter);
        return true;
    default:
        return emit_together(emitter);
    }
}
