/* SPDX-License-Identifier: BSD-2-Clause */
/* The rounds of loops that lanes leave one by one. */
#include "host/cuda-cpu/compile/emit_round.h"

#include "host/cuda-cpu/compile/again.h"

#define BLOCKS_MAX 4

/* ---- Which loops ---- */

static const struct ptx_instruction *last_of(const struct emitter *emitter, uint32_t block)
{
    return &emitter->function->instructions[emitter->flow->blocks[block].end - 1];
}

/* The next block of a round: the one behind, or the first. */
static uint32_t next_of(const struct emitter *emitter, uint32_t head, uint32_t block)
{
    return block + 1 == emitter->flow->blocks[head].loop_end ? head : block + 1;
}

/* The whole warp stays in it, or leaves it as a whole. */
static bool gives_up(const struct emitter *emitter, uint32_t block)
{
    const struct flow_block *of = &emitter->flow->blocks[block];
    uint32_t i = of->first;

    while (i < of->end && !again_gives_up(emitter, i)) {
        i++;
    }
    return i < of->end;
}

/* From it lanes go to the round's next block, and perhaps out of the loop: to where others do. */
static bool is_link(const struct emitter *emitter, uint32_t head, uint32_t block, bool *parts,
                    uint32_t *behind)
{
    const struct flow_block *of = &emitter->flow->blocks[block];
    const struct ptx_instruction *last = last_of(emitter, block);
    uint32_t next = next_of(emitter, head, block), other;

    if (of->loop != head || last->opcode != PTX_BRA || gives_up(emitter, block)) {
        return false;
    }
    if (!last->has_guard) {
        return of->targets[0] == next;
    }
    other = of->targets[0] == next ? of->next : of->targets[0];
    if ((of->targets[0] != next && of->next != next) ||
        (other >= head && other < emitter->flow->blocks[head].loop_end) ||
        (*behind != head && *behind != other)) {
        return false;
    }
    *behind = other;
    *parts = *parts || emitter->uniform.differs[last->guard];
    return true;
}

/* Lanes come to its blocks behind the first one from the one before alone. */
static bool is_chain(const struct emitter *emitter, uint32_t head)
{
    uint32_t end = emitter->flow->blocks[head].loop_end;

    for (uint32_t i = 0; head + 1 < end && i < emitter->flow->count; i++) {
        const struct flow_block *block = &emitter->flow->blocks[i];

        for (size_t j = 0; j <= block->target_count; j++) {
            uint32_t to = flow_successor(block, j);

            if (to > head && to < end && to != i + 1) {
                return false;
            }
        }
    }
    return true;
}

static void find_at(struct emitter *emitter, uint32_t head)
{
    uint32_t end = emitter->flow->blocks[head].loop_end, behind = head;
    bool parts = false, is = end - head <= BLOCKS_MAX;

    for (uint32_t block = head; is && block < end; block++) {
        is = is_link(emitter, head, block, &parts, &behind);
    }
    if (is && parts && is_chain(emitter, head)) {
        for (uint32_t block = head; block < end; block++) {
            emitter->rounds[block] = (struct round){head, behind, false};
        }
    }
}

void round_find(struct emitter *emitter)
{
    for (uint32_t block = 0; block < emitter->flow->count; block++) {
        emitter->rounds[block] = (struct round){FLOW_END, FLOW_END, false};
    }
    for (uint32_t block = 0; block < emitter->flow->count && !emitter->waits; block++) {
        if (emitter->flow->blocks[block].loop == block) {
            find_at(emitter, block);
        }
    }
}

uint32_t round_next(const struct emitter *emitter)
{
    return next_of(emitter, emitter->rounds[emitter->block].head, emitter->block);
}

/* ---- Masks ---- */

/* Numbers of the masks that are kept; and in memory, of their own. */
static unsigned halves(const struct emitter *emitter)
{
    return !emitter->options->has_masks ? 0 : emitter->is_half ? 1 : 2;
}

static const char *masks(const struct emitter *emitter)
{
    return emitter->is_half ? "packed" : "masks";
}

static value half_of(struct emitter *emitter, value vector, unsigned half)
{
    if (emitter->is_half) {
        return vector;
    }
    return emit_value(emitter,
                      "call <16 x i1> @llvm.vector.extract.v16i1.v32i1(<32 x i1> %%t%u, i64 %u)",
                      vector, half * WARP_LANES / 2);
}

static value load_half(struct emitter *emitter, unsigned half)
{
    return emit_value(emitter, "load <16 x i1>, ptr %%half%u, align 2", half);
}

value round_numbers(struct emitter *emitter)
{
    return emit_value(emitter, "load <32 x i32>, ptr %%%s, align 64", masks(emitter));
}

static value numbers_of(struct emitter *emitter, value vector)
{
    return emit_value(emitter, "sext <32 x i1> %%t%u to <32 x i32>", vector);
}

void round_enter(struct emitter *emitter, value vector)
{
    for (unsigned half = 0; half < halves(emitter); half++) {
        emit(emitter, "store <16 x i1> %%t%u, ptr %%half%u, align 2",
             half_of(emitter, vector, half), half);
    }
    if (!emitter->options->has_masks) {
        emit(emitter, "store <32 x i32> %%t%u, ptr %%%s, align 64", numbers_of(emitter, vector),
             masks(emitter));
    }
}

/* Of those that are in the round, these stay. */
static void keep_in_round(struct emitter *emitter, value vector)
{
    for (unsigned half = 0; half < halves(emitter); half++) {
        value kept = emit_value(emitter, "and <16 x i1> %%t%u, %%t%u",
                                half_of(emitter, vector, half), load_half(emitter, half));

        emit(emitter, "store <16 x i1> %%t%u, ptr %%half%u, align 2", kept, half);
    }
    if (!emitter->options->has_masks) {
        value kept = emit_value(emitter, "and <32 x i32> %%t%u, %%t%u", numbers_of(emitter, vector),
                                round_numbers(emitter));

        emit(emitter, "store <32 x i32> %%t%u, ptr %%%s, align 64", kept, masks(emitter));
    }
}

struct lanes round_lanes(struct emitter *emitter)
{
    struct lanes lanes = {.all = false};

    if (halves(emitter) == 1) {
        lanes.vector = load_half(emitter, 0);
    } else if (emitter->options->has_masks) {
        lanes.vector = emit_value(emitter, "freeze <32 x i1> poison");
        for (unsigned half = 0; half < 2; half++) {
            lanes.vector = emit_value(
                emitter,
                "call <32 x i1> @llvm.vector.insert.v32i1.v16i1(<32 x i1> %%t%u, <16 x i1> %%t%u, "
                "i64 %u)",
                lanes.vector, load_half(emitter, half), half * WARP_LANES / 2);
        }
    } else {
        lanes.vector = emit_value(emitter, "icmp slt <32 x i32> %%t%u, zeroinitializer",
                                  round_numbers(emitter));
    }
    lanes.bits = emit_mask_bits(emitter, lanes.vector);
    return lanes;
}

static value eighth(struct emitter *emitter, value numbers, unsigned at)
{
    return emit_value(emitter,
                      "call <8 x i32> @llvm.vector.extract.v8i32.v32i32(<32 x i32> %%t%u, i64 %u)",
                      numbers, at);
}

value round_is_any_below_zero(struct emitter *emitter, value numbers)
{
    bool is_half = emitter->is_half;
    value any = eighth(emitter, numbers, 0);

    for (unsigned at = 8; at < (is_half ? WARP_LANES / 2 : WARP_LANES); at += 8) {
        any = emit_value(emitter, "or <8 x i32> %%t%u, %%t%u", any, eighth(emitter, numbers, at));
    }
    emitter->is_half = false;
    any = emit_value(emitter, "bitcast <8 x i32> %%t%u to <32 x i8>", any);
    any = emit_value(emitter, "icmp slt <32 x i8> %%t%u, zeroinitializer", any);
    any = emit_value(emitter, "bitcast <32 x i1> %%t%u to i32", any);
    emitter->is_half = is_half;
    return emit_value(emitter, "icmp ne i32 %%t%u, 0", any);
}

/* Whether anybody is in the round. */
static value is_round_left(struct emitter *emitter)
{
    value any;

    if (emitter->options->has_masks) {
        any = load_half(emitter, 0);
        if (halves(emitter) > 1) {
            any = emit_value(emitter, "or <16 x i1> %%t%u, %%t%u", any, load_half(emitter, 1));
        }
        any = emit_value(emitter, "bitcast <16 x i1> %%t%u to i16", any);
        return emit_value(emitter, "icmp ne i16 %%t%u, 0", any);
    }
    return round_is_any_below_zero(emitter, round_numbers(emitter));
}

/* ---- Ways back ---- */

/* Of the block, before its end. */
static const struct ptx_instruction *setting_of(const struct emitter *emitter, uint32_t reg)
{
    uint32_t first = emitter->flow->blocks[emitter->block].first;

    return live_last_setting(emitter->function->instructions + first, emitter->instruction, reg);
}

/* What the way back of a round depends on: each lane's own condition, and one of all lanes. */
struct conditions {
    const struct ptx_operand *own, *of_all; /* NULL: it is not made of two */
};

static bool is_same_at_end(const struct emitter *emitter, const struct ptx_operand *operand,
                           const struct ptx_instruction *setting)
{
    const struct ptx_instruction *last;

    if (operand->kind != PTX_O_REGISTER || operand->negated) {
        return false;
    }
    last = setting_of(emitter, operand->reg);
    return last == NULL || last < setting;
}

/* Lanes stay where both hold, or where neither does. */
static struct conditions conditions_of(const struct emitter *emitter, bool stays_where_set)
{
    const struct ptx_instruction *setting = setting_of(emitter, emitter->instruction->guard);
    struct conditions none = {NULL, NULL}, found;

    if (setting == NULL || setting->has_guard ||
        setting->opcode != (stays_where_set ? PTX_AND : PTX_OR) ||
        !is_same_at_end(emitter, &setting->operands[1], setting) ||
        !is_same_at_end(emitter, &setting->operands[2], setting)) {
        return none;
    }
    found.own = &setting->operands[1];
    found.of_all = &setting->operands[2];
    if (!emitter->uniform.differs[found.own->reg]) {
        found.own = &setting->operands[2];
        found.of_all = &setting->operands[1];
    }
    return emitter->uniform.differs[found.of_all->reg] ? none : found;
}

/* Where the condition of all lanes says so the round is the last. */
static void leave_together(struct emitter *emitter, const struct ptx_operand *condition,
                           bool stays_where_set, unsigned leave)
{
    value holds = emit_value(emitter, "load i1, ptr %%r%u.0, align 8", condition->reg);
    unsigned number = ++emitter->labels;

    emit(emitter,
         stays_where_set ? "br i1 %%t%u, label %%b%u, label %%o%u, !prof !7"
                         : "br i1 %%t%u, label %%o%u, label %%b%u, !prof !0",
         holds, stays_where_set ? number : leave, stays_where_set ? leave : number);
    text_add(emitter->out, "b%u:\n", number);
}

void round_branch(struct emitter *emitter, bool where_guarded, unsigned number)
{
    bool stays_where_set = where_guarded != emitter->instruction->guard_negated;
    struct conditions conditions = conditions_of(emitter, stays_where_set);
    value stays;

    if (!emitter->uniform.differs[emitter->instruction->guard]) {
        stays = emit_value(emitter, "load i1, ptr %%r%u.0, align 8", emitter->instruction->guard);
        emit(emitter, "br i1 %%t%u, label %%%c%u, label %%%c%u", stays, stays_where_set ? 'b' : 'o',
             number, stays_where_set ? 'o' : 'b', number);
        return;
    }

    if (conditions.own != NULL) {
        stays = emit_get(emitter, conditions.own, PTX_W_PRED);
        leave_together(emitter, conditions.of_all, stays_where_set, number);
    } else {
        stays = emit_value(emitter, "load <32 x i1>, ptr %%%c%u.0, align 64",
                           emit_register_kind(emitter, emitter->instruction->guard),
                           emitter->instruction->guard);
    }
    if (!stays_where_set) {
        stays = emit_value(emitter, "xor <32 x i1> %%t%u, splat (i1 true)", stays);
    }
    keep_in_round(emitter, stays);
    emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u, !prof !7", is_round_left(emitter), number,
         number);
}
