/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The blocks of a function, and how lanes go from one to the next.
 *
 * Labels: w is a block for the whole warp, m the same under a mask, h the place where the lanes
 * that wait for it are looked at, x the way from there to the whole warp, e the end of the loops
 * that end behind it, r the block in a round (emit_round.h), z behind the last round; q, y, u the
 * same of packed lanes, there, in a round, and back; g the way of the whole warp to the start of m
 * (again.h), v a way aside (aside.h), b and o what follows a branch. %pN is the mask of the lanes
 * that wait for block N.
 */
#include "host/cuda-cpu/compile/again.h"
#include "host/cuda-cpu/compile/aside.h"
#include "host/cuda-cpu/compile/emit_pack.h"
#include "host/cuda-cpu/compile/emit_round.h"
#include "host/cuda-cpu/compile/first.h"
#include "host/cuda-cpu/compile/wait.h"

#define LEAVE UINT32_MAX /* the end of the kernel, as a block */

/* Instructions of a function. */
#define TWICE_MAX 300
#define TWICE_IN_LOOPS_MAX 1500

static void jump(struct emitter *emitter, char kind, uint32_t block)
{
    if (block == LEAVE || block >= emitter->flow->count) {
        emit(emitter, "br label %%leave");
    } else {
        emit(emitter, "br label %%%c%u", kind, block);
    }
}

/* ---- Ways on ---- */

static bool is_exit(const struct emitter *emitter)
{
    return emitter->function->is_entry || emitter->instruction->opcode == PTX_EXIT;
}

/* Lanes that exit are not waited for any more, and do not come back to who called. */
static void end_lanes(struct emitter *emitter, value bits)
{
    value pointer, live, others;

    if (!is_exit(emitter)) {
        return;
    }
    emit_event(emitter, WARP_EVENT_EXIT, bits, NULL);
    if (!emitter->waits) {
        return;
    }
    pointer =
        emit_value(emitter, "getelementptr i8, ptr %%w, i64 %zu", offsetof(struct warp, live));
    live = emit_value(emitter, "load i32, ptr %%t%u, align 4", pointer);
    others = emit_value(emitter, "xor i32 %%t%u, -1", bits);
    live = emit_value(emitter, "and i32 %%t%u, %%t%u", live, others);
    emit(emitter, "store i32 %%t%u, ptr %%t%u, align 4", live, pointer);
}

/* Lanes that go to a block wait there. */
static void wait_at(struct emitter *emitter, uint32_t block, value bits)
{
    value before, after;

    if (block >= emitter->flow->count) {
        end_lanes(emitter, bits);
        return;
    }
    before = emit_value(emitter, "load i32, ptr %%p%u, align 4", block);
    after = emit_value(emitter, "or i32 %%t%u, %%t%u", before, bits);
    emit(emitter, "store i32 %%t%u, ptr %%p%u, align 4", after, block);
}

/* Compiling takes more than linear time, so in large functions only what runs often is there twice,
 * and in very large ones nothing. Whole warps that go straight on have code of their own. */
bool emit_is_twice(const struct emitter *emitter, uint32_t block)
{
    size_t count = emitter->function->instruction_count;

    return !emitter->options->masked_alone && !(straight_is(emitter) && block > 0) &&
           (count <= TWICE_MAX ||
            (count <= TWICE_IN_LOOPS_MAX && emitter->flow->blocks[block].loop != FLOW_END));
}

/* The whole warp goes to a block. */
static void go_whole(struct emitter *emitter, uint32_t block)
{
    bool is_end = block >= emitter->flow->count;

    if (rest_may(emitter, block)) {
        turns_rest(emitter, block);
    }
    if (is_end && !emitter->function->is_entry) {
        end_lanes(emitter, emit_value(emitter, "or i32 0, -1"));
    }
    if (is_end || emit_is_twice(emitter, block)) {
        jump(emitter, 'w', block);
    } else {
        affine_leave_to(emitter, block);
        emit(emitter, "store i32 -1, ptr %%p%u, align 4", block);
        jump(emitter, 'h', block);
    }
}

static void turn_back(struct emitter *emitter, const struct lanes *lanes, uint32_t to)
{
    if (lanes->all && rest_may(emitter, to)) {
        return; /* that is counted instead */
    }
    emitter->lanes = *lanes;
    wait_turn_back(emitter, to);
}

static bool turns_back(const struct emitter *emitter, uint32_t to)
{
    return to <= emitter->block;
}

/* Whether a loop ends behind this block: there its lanes go round again, when there are some. */
static bool ends_loop(const struct emitter *emitter, uint32_t loop)
{
    return loop != FLOW_END && emitter->flow->blocks[loop].loop_end == emitter->block + 1;
}

/* On to the next block at which lanes wait. */
static void go_on(struct emitter *emitter)
{
    if (ends_loop(emitter, emitter->flow->blocks[emitter->block].loop)) {
        emit(emitter, "br label %%e%u", emitter->block);
    } else {
        jump(emitter, 'h', emitter->block + 1);
    }
}

/* Lanes under a mask to a block, or to none. When nobody waits elsewhere, they need not either. */
static void go_masked(struct emitter *emitter, value bits, uint32_t to)
{
    wait_at(emitter, to, bits);
    if (emitter->waits || emitter->uniform.apart[emitter->block]) {
        go_on(emitter);
        return;
    }
    if (turns_back(emitter, to)) {
        turn_back(emitter, &(struct lanes){.bits = bits}, to);
    }
    jump(emitter, 'h', to);
}

/* From code for the whole warp these lanes, which may be fewer. */
static void leave_parted(struct emitter *emitter, value left, uint32_t to)
{
    unsigned number = ++emitter->labels;

    emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u",
         emit_value(emitter, "icmp eq i32 %%t%u, -1", left), number, number);
    emit_label(emitter, 'b', number);
    if (turns_back(emitter, to)) {
        turn_back(emitter, &(struct lanes){.all = true}, to);
    }
    go_whole(emitter, to);
    emit_label(emitter, 'o', number);
    affine_leave_to(emitter, to);
    wait_at(emitter, to, left);
    go_on(emitter);
}

/* The lanes that come to the end of code for the whole warp. */
static value emit_all_lanes(struct emitter *emitter)
{
    return first_is_whole(emitter) ? emit_value(emitter, "load i32, ptr %%apart, align 4")
                                   : emit_value(emitter, "or i32 0, -1");
}

/* To one block, or to none. */
static void leave_block(struct emitter *emitter, const struct lanes *lanes, uint32_t to)
{
    if (!lanes->all) {
        go_masked(emitter, lanes->bits, to);
    } else if (first_is_whole(emitter)) {
        leave_parted(emitter, emit_all_lanes(emitter), to);
    } else {
        if (turns_back(emitter, to)) {
            turn_back(emitter, lanes, to);
        }
        go_whole(emitter, to);
    }
}

/* Lanes go two ways. When some are done, the others do not part. */
static void part(struct emitter *emitter, uint32_t to, value taken, uint32_t next, value others)
{
    if (to >= emitter->flow->count) {
        wait_at(emitter, to, taken);
        go_masked(emitter, others, next);
    } else if (next >= emitter->flow->count) {
        wait_at(emitter, next, others);
        go_masked(emitter, taken, to);
    } else {
        wait_at(emitter, to, taken);
        wait_at(emitter, next, others);
        go_on(emitter);
    }
}

/* The whole warp goes to a block where this holds, as it mostly does: ", !prof !7". */
static void go_whole_where(struct emitter *emitter, value holds, uint32_t block, const char *mostly)
{
    unsigned number = ++emitter->labels;

    emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u%s", holds, number, number, mostly);
    emit_label(emitter, 'b', number);
    go_whole(emitter, block);
    emit_label(emitter, 'o', number);
}

/* Some lanes of the whole warp go aside. */
static void go_aside(struct emitter *emitter, value bits, uint32_t block)
{
    emit(emitter, "store i32 %%t%u, ptr %%apart, align 4", bits);
    jump(emitter, 'v', block);
}

/* The way that most go is looked at first: on, or back. */
static bool branch_by_edges(struct emitter *emitter, value lanes, uint32_t to, uint32_t next)
{
    const struct ptx_instruction *branch = emitter->instruction,
                                 *comparison = emit_edge_comparison(emitter);
    unsigned number = ++emitter->labels;
    struct emit_edge edge;

    if (!emit_edge_branch(emitter, &edge)) {
        return false;
    }
    emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u, !prof !7",
         emit_value(emitter, "and i1 %%t%u, %%t%u", edge.fits,
                    emit_value(emitter, "icmp eq i32 %%t%u, -1", lanes)),
         number, number);
    emit_label(emitter, 'b', number);
    if (turns_back(emitter, to)) {
        go_whole_where(emitter, edge.all, to, "");
        go_whole_where(emitter, edge.none, next, ", !prof !7");
    } else {
        go_whole_where(emitter, edge.none, next, "");
        go_whole_where(emitter, edge.all, to, ", !prof !7");
    }
    emit(emitter, "br label %%o%u", number);
    emit_label(emitter, 'o', number);
    if (comparison != NULL) {
        emitter->instruction = comparison;
        emit_instruction(emitter, &(struct lanes){.all = true});
        emitter->instruction = branch;
    }
    return true;
}

/* In loops no lane leaves in most rounds: without registers for masks that is found out sooner than
 * which ones do. */
static void branch_by_any(struct emitter *emitter, uint32_t to, uint32_t next)
{
    const struct lanes all = {.all = true};
    bool is_back = turns_back(emitter, to);
    unsigned number = ++emitter->labels;
    value leave = emit_guarded_lanes(emitter, &all).vector;

    if (is_back) {
        leave = emit_value(emitter, "xor <32 x i1> %%t%u, splat (i1 true)", leave);
    }
    leave = emit_value(emitter, "sext <32 x i1> %%t%u to <32 x i32>", leave);
    emit(emitter, "br i1 %%t%u, label %%o%u, label %%b%u", round_is_any_below_zero(emitter, leave),
         number, number);
    emit_label(emitter, 'b', number);
    go_whole(emitter, is_back ? to : next);
    emit_label(emitter, 'o', number);
}

/* The whole warp comes to a branch: it stays together, or parts. */
static void branch_whole(struct emitter *emitter, uint32_t to, uint32_t next)
{
    struct lanes all = {.all = true};
    value lanes = emit_all_lanes(emitter), bits, others;

    if (turns_back(emitter, to) || turns_back(emitter, next)) {
        turn_back(emitter, &all, to < next ? to : next);
    }
    if (!branch_by_edges(emitter, lanes, to, next) && !emitter->options->has_masks &&
        emitter->flow->blocks[emitter->block].loop != FLOW_END) {
        branch_by_any(emitter, to, next);
    }
    bits = emit_guarded_lanes(emitter, &all).bits;
    bits = emit_value(emitter, "and i32 %%t%u, %%t%u", bits, lanes);
    others = emit_value(emitter, "xor i32 %%t%u, -1", bits);
    others = emit_value(emitter, "and i32 %%t%u, %%t%u", others, lanes);
    go_whole_where(emitter, emit_value(emitter, "icmp eq i32 %%t%u, -1", bits), to, "");
    go_whole_where(emitter, emit_value(emitter, "icmp eq i32 %%t%u, -1", others), next, "");
    if (!first_is_whole(emitter) && aside_leads(emitter, to, next)) {
        go_aside(emitter, bits, to);
    } else if (!first_is_whole(emitter) && aside_leads(emitter, next, to)) {
        go_aside(emitter, others, next);
    } else {
        affine_leave_to(emitter, to);
        affine_leave_to(emitter, next);
        part(emitter, to, bits, next, others);
    }
}

/* All lanes that come to the branch go the same way. */
static void branch_together(struct emitter *emitter, const struct lanes *lanes, uint32_t to,
                            uint32_t next)
{
    unsigned number = ++emitter->labels;

    emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u", emit_uniform_guard(emitter), number,
         number);
    emit_label(emitter, 'b', number);
    leave_block(emitter, lanes, to);
    emit_label(emitter, 'o', number);
    leave_block(emitter, lanes, next);
}

static bool is_round(const struct emitter *emitter)
{
    return emitter->rounds[emitter->block].head != FLOW_END;
}

static void begin_round(struct emitter *emitter, struct lanes *lanes)
{
    emit(emitter, "store i32 %%t%u, ptr %%entered, align 4", lanes->bits);
    round_enter(emitter, lanes->vector);
    if (emitter->rounds[emitter->block].packs) {
        pack_enter(emitter);
    }
    emit(emitter, "br label %%r%u", emitter->block);
    emit_label(emitter, 'r', emitter->block);
    *lanes = round_lanes(emitter);
}

/* The branch at a block's end: lanes stay in the round, at the label bN, or leave it. */
static void stay_or_leave(struct emitter *emitter, char leave)
{
    const struct flow_block *block = &emitter->flow->blocks[emitter->block];
    unsigned number = ++emitter->labels;

    if (emitter->instruction->has_guard) {
        round_branch(emitter, block->targets[0] == round_next(emitter), number);
        emit_label(emitter, 'o', number);
        jump(emitter, leave, emitter->rounds[emitter->block].head);
        emit_label(emitter, 'b', number);
    }
}

/* The rest of the rounds, over half a warp. */
static void emit_packed(struct emitter *emitter, uint32_t head)
{
    uint32_t last = emitter->block;
    struct lanes lanes = {.all = false};

    emit_label(emitter, 'q', head);
    pack_lanes(emitter);
    jump(emitter, 'y', head);
    emit_label(emitter, 'y', head);
    for (emitter->block = head; emitter->block <= last; emitter->block++) {
        const struct flow_block *block = &emitter->flow->blocks[emitter->block];

        lanes = round_lanes(emitter);
        for (uint32_t i = block->first; i + 1 < block->end; i++) {
            emitter->instruction = &emitter->function->instructions[i];
            if (!pack_count(emitter)) {
                emit_instruction(emitter, &lanes);
            }
        }
        emitter->instruction = &emitter->function->instructions[block->end - 1];
        stay_or_leave(emitter, 'u');
    }
    emitter->block = last;
    lanes.bits = pack_bits(emitter);
    turn_back(emitter, &lanes, head);
    jump(emitter, 'y', head);
    emit_label(emitter, 'u', head);
    pack_spread(emitter);
    jump(emitter, 'z', head);
}

/* Those that left in any of the rounds wait together. */
static void end_round(struct emitter *emitter)
{
    uint32_t next = round_next(emitter), head = emitter->rounds[emitter->block].head;
    bool is_last = next <= emitter->block, packs = is_last && emitter->rounds[head].packs;
    struct lanes again;

    stay_or_leave(emitter, 'z');
    if (packs) {
        pack_branch(emitter);
    }
    if (is_last) {
        again = round_lanes(emitter);
        turn_back(emitter, &again, head);
    }
    jump(emitter, 'r', next);
    if (packs) {
        emit_packed(emitter, head);
    }
    if (is_last) {
        emit_label(emitter, 'z', head);
        wait_at(emitter, emitter->rounds[head].behind,
                emit_value(emitter, "load i32, ptr %%entered, align 4"));
        go_on(emitter);
    }
}

static void branch_masked(struct emitter *emitter, const struct lanes *lanes, uint32_t to,
                          uint32_t next)
{
    value taken = emit_guarded_lanes(emitter, lanes).bits;
    value others = emit_value(emitter, "xor i32 %%t%u, -1", taken);

    others = emit_value(emitter, "and i32 %%t%u, %%t%u", others, lanes->bits);
    part(emitter, to, taken, next, others);
}

static void leave_whole_to(struct emitter *emitter, uint32_t block)
{
    if (emitter->is_whole) {
        affine_leave_to(emitter, block);
    }
}

/* Each lane to the block that its index names; lanes whose index is none of the table's are done.
 */
static void branch_by_table(struct emitter *emitter, const struct lanes *lanes,
                            const struct flow_block *block)
{
    const struct lanes guarded =
        emitter->instruction->has_guard ? emit_guarded_lanes(emitter, lanes) : *lanes;
    value taken, others, index;

    emitter->lanes = guarded;
    taken = emit_lane_bits(emitter);
    emitter->lanes = *lanes;
    others = emit_value(emitter, "xor i32 %%t%u, -1", taken);
    others = emit_value(emitter, "and i32 %%t%u, %%t%u", others, emit_lane_bits(emitter));
    index = emit_get(emitter, &emitter->instruction->operands[0], PTX_W_B32);
    for (size_t i = 0; i < block->target_count; i++) {
        value equal = emit_value(emitter, "icmp eq <32 x i32> %%t%u, splat (i32 %zu)", index, i);
        value bits = emit_mask_bits(emitter, equal);

        leave_whole_to(emitter, block->targets[i]);
        wait_at(emitter, block->targets[i],
                emit_value(emitter, "and i32 %%t%u, %%t%u", bits, taken));
    }
    if (block->next != FLOW_END) {
        leave_whole_to(emitter, block->next);
        wait_at(emitter, block->next, others);
    }
    go_on(emitter);
}

static void end_block(struct emitter *emitter, const struct lanes *lanes)
{
    const struct flow_block *block = &emitter->flow->blocks[emitter->block];
    const struct ptx_instruction *last = &emitter->function->instructions[block->end - 1];
    bool is_jump = last->opcode == PTX_BRA;
    bool ends = last->opcode == PTX_RET || last->opcode == PTX_EXIT || last->opcode == PTX_TRAP;
    uint32_t to = is_jump ? block->targets[0] : LEAVE;

    emitter->instruction = last;
    if (turns_is_stop(emitter)) {
        turns_stop(emitter, lanes);
    } else if (!lanes->all && is_round(emitter)) {
        end_round(emitter);
    } else if (last->opcode == PTX_BRX) {
        branch_by_table(emitter, lanes, block);
    } else if (emitter->waits && lanes->all && wait_may_part_whole(last)) {
        leave_parted(emitter, wait_lanes_left(emitter, lanes).bits, block->next);
    } else if (!is_jump && !ends) {
        leave_block(emitter, lanes, block->next);
    } else if (!last->has_guard) {
        leave_block(emitter, lanes, to);
    } else if (emit_has_uniform_guard(emitter)) {
        branch_together(emitter, lanes, to, block->next);
    } else if (lanes->all) {
        branch_whole(emitter, to, block->next);
    } else {
        branch_masked(emitter, lanes, to, block->next);
    }
}

/* Lanes came out of a wait: some of those that went in, or none. */
static struct lanes emit_rest(struct emitter *emitter, const struct lanes *lanes)
{
    unsigned number = ++emitter->labels;
    struct lanes left = wait_lanes_left(emitter, lanes);
    value none = emit_value(emitter, "icmp eq i32 %%t%u, 0", left.bits);

    emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u", none, number, number);
    emit_label(emitter, 'b', number);
    go_on(emitter);
    emit_label(emitter, 'o', number);
    return left;
}

/* Where a whole warp goes on under a mask: whole.h. */
static void begin_apart(struct emitter *emitter, uint32_t number, struct lanes *lanes)
{
    emit(emitter, "store i32 %%t%u, ptr %%apart, align 4", lanes->bits);
    emit(emitter, "br label %%s%u", number);
    emit_label(emitter, 's', number);
    lanes->bits = emit_value(emitter, "load i32, ptr %%apart, align 4");
    lanes->vector = emit_mask_vector(emitter, lanes->bits);
}

/* From the block's first instruction on: again.h. The whole warp, or those of a way aside. */
static void begin_again(struct emitter *emitter)
{
    emit_label(emitter, emitter->is_aside ? 'n' : 'g', emitter->block);
    affine_leave_to(emitter, emitter->block);
    if (emitter->is_aside) {
        whole_leave_others(emitter);
    } else {
        emit(emitter, "store i32 -1, ptr %%apart, align 4");
    }
    jump(emitter, 'm', emitter->block);
    emitter->is_again = false;
}

/* Straight code is interrupted too, when it is long. */
static void emit_block(struct emitter *emitter, struct lanes lanes)
{
    const struct flow_block *block = &emitter->flow->blocks[emitter->block];

    const struct ptx_instruction *late = lanes.all ? emit_edge_comparison(emitter) : NULL;

    emitter->is_whole = lanes.all;
    turns_fetch(emitter);
    if (!lanes.all && is_round(emitter)) {
        begin_round(emitter, &lanes);
    }
    for (uint32_t i = block->first; i < block->end; i++) {
        emitter->instruction = &emitter->function->instructions[i];
        if ((i - block->first) % WARP_FUEL == WARP_FUEL - 1) {
            emitter->lanes = lanes;
            wait_spend(emitter, emit_lane_bits(emitter), WARP_FUEL, WARP_PAUSE_WORKS);
        }
        if (!lanes.all && again_gives_up(emitter, i) && !again_may(emitter, i)) {
            begin_apart(emitter, i, &lanes);
        }
        if (!emit_is_way_on(emitter->instruction) && emitter->instruction != late &&
            !(i + 1 == block->end && turns_is_stop(emitter))) {
            emit_instruction(emitter, &lanes);
        }
        if (emitter->waits && !lanes.all && i + 1 < block->end &&
            wait_may_part(emitter->instruction)) {
            lanes = emit_rest(emitter, &lanes);
        }
    }
    turns_keep(emitter);
    end_block(emitter, &lanes);
    if (emitter->is_again) {
        begin_again(emitter);
    }
    emitter->is_whole = false;
}

/* The block as a way aside. */
static void emit_aside(struct emitter *emitter)
{
    const struct flow_block *block = &emitter->flow->blocks[emitter->block];
    struct lanes lanes = {.all = false};

    emit_label(emitter, 'v', emitter->block);
    lanes.bits = emit_value(emitter, "load i32, ptr %%apart, align 4");
    lanes.vector = emit_mask_vector(emitter, lanes.bits);
    emitter->is_whole = emitter->is_aside = true;
    turns_fetch(emitter);
    for (uint32_t i = block->first; i < block->end; i++) {
        emitter->instruction = &emitter->function->instructions[i];
        if (!emit_is_way_on(emitter->instruction)) {
            emit_instruction(emitter, &lanes);
        }
    }
    turns_keep(emitter);
    go_whole(emitter, aside_end(emitter, emitter->block));
    if (emitter->is_again) {
        begin_again(emitter);
    }
    emitter->is_whole = emitter->is_aside = false;
}

static value waiting_at(struct emitter *emitter, uint32_t block)
{
    struct lanes lanes = {.bits = emit_value(emitter, "load i32, ptr %%p%u, align 4", block)};

    return emitter->waits ? wait_lanes_left(emitter, &lanes).bits : lanes.bits;
}

/* The block's head: nobody waits here, or the whole warp, or some lanes. */
static struct lanes emit_head(struct emitter *emitter)
{
    uint32_t block = emitter->block;
    unsigned number = ++emitter->labels;
    struct lanes lanes = {.all = false};
    value none, whole;

    emit_label(emitter, 'h', block);
    lanes.bits = waiting_at(emitter, block);
    none = emit_value(emitter, "icmp eq i32 %%t%u, 0", lanes.bits);
    emit(emitter, "br i1 %%t%u, label %%o%u, label %%b%u", none, number, number);
    emit_label(emitter, 'o', number);
    if (emitter->waits || emitter->uniform.passed[block]) {
        go_on(emitter);
    } else {
        emit(emitter, "br label %%leave"); /* all are done */
    }
    emit_label(emitter, 'b', number);
    emit(emitter, "store i32 0, ptr %%p%u, align 4", block);
    if (emit_is_twice(emitter, block)) {
        emit(emitter, "store i32 %%t%u, ptr %%apart, align 4", lanes.bits);
        whole = emit_value(emitter, "icmp eq i32 %%t%u, -1", lanes.bits);
        whole = emit_value(emitter, "select i1 %%t%u, i1 %%t%u, i1 false", whole,
                           affine_is_back(emitter, block));
        emit(emitter, "br i1 %%t%u, label %%x%u, label %%m%u", whole, block, block);
        emit_label(emitter, 'x', block);
        affine_take(emitter, block);
        turns_keep_bases(emitter, block);
        jump(emitter, 'w', block);
        emit_label(emitter, 'm', block);
        lanes.bits = emit_value(emitter, "load i32, ptr %%apart, align 4");
    }
    lanes.vector = emit_mask_vector(emitter, lanes.bits);
    return lanes;
}

/* The ends of loops, from the innermost on: back to the head, when lanes wait there. */
static void emit_tail(struct emitter *emitter)
{
    uint32_t loop = emitter->flow->blocks[emitter->block].loop;

    if (!ends_loop(emitter, loop)) {
        return;
    }
    emit_label(emitter, 'e', emitter->block);
    for (; ends_loop(emitter, loop); loop = emitter->flow->blocks[loop].outer) {
        unsigned number = ++emitter->labels;
        value bits = waiting_at(emitter, loop);
        value any = emit_value(emitter, "icmp ne i32 %%t%u, 0", bits);

        emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u", any, number, number);
        emit_label(emitter, 'b', number);
        turn_back(emitter, &(struct lanes){.bits = bits}, loop);
        jump(emitter, 'h', loop);
        emit_label(emitter, 'o', number);
    }
    jump(emitter, 'h', emitter->block + 1);
}

/* All lanes do what it says, whoever is there. */
static void emit_first(struct emitter *emitter)
{
    emit_label(emitter, 'h', 0);
    emit(emitter, "store i32 %%t%u, ptr %%apart, align 4", waiting_at(emitter, 0));
    emit(emitter, "store i32 0, ptr %%p0, align 4");
    jump(emitter, 'w', 0);
}

void emit_blocks(struct emitter *emitter)
{
    const struct lanes all = {.all = true};

    for (emitter->block = 0; emitter->block < emitter->flow->count; emitter->block++) {
        if (first_is_whole(emitter)) {
            emit_first(emitter);
        } else {
            emit_block(emitter, emit_head(emitter));
        }
        if (emit_is_twice(emitter, emitter->block)) {
            emit_label(emitter, 'w', emitter->block);
            emit_block(emitter, all);
        }
        if (aside_is(emitter, emitter->block)) {
            emit_aside(emitter);
        }
        emit_tail(emitter);
    }
}
