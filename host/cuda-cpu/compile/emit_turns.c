/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The turns of a block's warps within its code. Labels: block, where it begins; take, where the
 * warp in %turn begins its turn; start, where it is the first one; turnN, where it goes on at block
 * N; wholeN, where it does so as a whole; restN, where it rested on its way to block N; next, when
 * one is over; round, when all warps have had theirs.
 */
#include <stdio.h>

#include "host/cuda-cpu/compile/emitter.h"
#include "host/cuda-cpu/compile/turns.h"
#include "host/cuda-cpu/compile/wait.h"

/* A warp's memory begins with: the label at which it goes on; its lanes, where that is not as a
 * whole; and, where some rest, the label behind the barrier at which it waits for them. */
#define LANES_AT 8
#define BEHIND_AT 16

static bool stops_at(const struct emitter *emitter, uint32_t block)
{
    const struct ptx_instruction *last =
        &emitter->function->instructions[emitter->flow->blocks[block].end - 1];

    return wait_is_block_barrier(last);
}

bool turns_is_stop(const struct emitter *emitter)
{
    return emitter->turns.are_inside && stops_at(emitter, emitter->block);
}

/* ---- What a warp keeps ---- */

static value kept_at(struct emitter *emitter, unsigned offset)
{
    return emit_value(emitter, "getelementptr i8, ptr %%kept, i64 %u", offset);
}

static value place_of(struct emitter *emitter, uint32_t reg, unsigned part)
{
    return kept_at(emitter, emitter->turns.places[reg] + part * turns_part_size(emitter, reg));
}

static value bases_of(struct emitter *emitter, uint32_t reg)
{
    return kept_at(emitter, emitter->turns.bases[reg]);
}

static void save_lanes(struct emitter *emitter, uint32_t reg)
{
    const char *type = emit_register_type(emitter, reg);

    for (unsigned part = 0; part < emitter->function->registers[reg].vector; part++) {
        value kept = affine_is_kept(emitter, reg)
                         ? affine_lanes(emitter, reg)
                         : emit_value(emitter, "load %s, ptr %%r%u.%u, align 64", type, reg, part);

        emit(emitter, "store %s %%t%u, ptr %%t%u, align %u, !tbaa !1", type, kept,
             place_of(emitter, reg, part), turns_alignment(emitter, reg));
    }
}

/* Those in steps only while the warp is whole; else at stops. */
static void save(struct emitter *emitter, uint32_t reg)
{
    if (affine_is_kept(emitter, reg)) {
        affine_save(emitter, reg, bases_of(emitter, reg));
    } else if (!affine_is_one(emitter, reg)) {
        save_lanes(emitter, reg);
    }
}

void turns_keep(struct emitter *emitter)
{
    if (!turns_are_taken(&emitter->turns)) {
        return;
    }
    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        if (!turns_leaves(&emitter->turns, emitter->flow, emitter->block, reg)) {
            continue;
        }
        save(emitter, reg);
    }
}

static bool is_near(const struct emitter *emitter, uint32_t reg)
{
    return turns_is_near(&emitter->turns, reg) && !affine_is_one(emitter, reg);
}

/* What is read before it is set is zero, and what lanes have that set it later. */
static void keep_zeros(struct emitter *emitter)
{
    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        if (emitter->turns.places[reg] &&
            (live_has(&emitter->turns.live, 0, reg) || is_near(emitter, reg))) {
            save_lanes(emitter, reg);
        }
    }
}

/* Lanes that do not set it keep what they have. */
static bool fetches(const struct emitter *emitter, uint32_t reg)
{
    bool is_whole = emitter->is_whole && !emitter->is_aside;
    bool is_first = emitter->block == 0 && emitter->flow->blocks[0].loop == FLOW_END;

    return is_near(emitter, reg) && !is_first && turns_uses(&emitter->turns, emitter->block, reg) &&
           (!is_whole || live_has(&emitter->turns.live, emitter->block, reg));
}

static void load_parts(struct emitter *emitter, uint32_t reg)
{
    const char *type = emit_register_type(emitter, reg);

    for (unsigned part = 0; part < emitter->function->registers[reg].vector; part++) {
        value kept = emit_value(emitter, "load %s, ptr %%t%u, align %u, !tbaa !1", type,
                                place_of(emitter, reg, part), turns_alignment(emitter, reg));

        emit(emitter, "store %s %%t%u, ptr %%r%u.%u, align 64", type, kept, reg, part);
    }
}

void turns_fetch(struct emitter *emitter)
{
    if (!turns_are_taken(&emitter->turns)) {
        return;
    }
    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        if (fetches(emitter, reg)) {
            load_parts(emitter, reg);
        }
    }
}

/* Those in steps are kept at each stop, in one of two forms, and taken at each place where they are
 * read. */
static bool takes(const struct emitter *emitter, uint32_t block, uint32_t reg)
{
    return affine_is_one(emitter, reg) ? live_has(&emitter->turns.live, block, reg)
                                       : turns_takes(&emitter->turns, block, reg);
}

static void load(struct emitter *emitter, uint32_t block, bool is_whole)
{
    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        if (!takes(emitter, block, reg)) {
            continue;
        }
        if (is_whole && affine_is_one(emitter, reg)) {
            affine_load(emitter, reg, bases_of(emitter, reg), false);
        } else {
            load_parts(emitter, reg);
        }
    }
}

static bool is_kept_base(const struct emitter *emitter, uint32_t block, uint32_t reg)
{
    return affine_is_one(emitter, reg) && emitter->turns.places[reg] &&
           live_has(&emitter->turns.live, block, reg);
}

/* At a stop under a mask, before the turn that begins at a block: those in steps. */
static void save_steps(struct emitter *emitter, uint32_t block)
{
    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        if (is_kept_base(emitter, block, reg)) {
            save_lanes(emitter, reg);
        }
    }
}

void turns_keep_bases(struct emitter *emitter, uint32_t block)
{
    if (!turns_are_taken(&emitter->turns)) {
        return;
    }
    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        if (is_kept_base(emitter, block, reg)) {
            affine_save(emitter, reg, bases_of(emitter, reg));
        }
    }
}

void turns_take_base(struct emitter *emitter, uint32_t reg)
{
    if (turns_has_still(&emitter->turns, emitter->block, reg)) {
        affine_load(emitter, reg, bases_of(emitter, reg), true);
    }
}

/* ---- A turn begins ---- */

static value pointer_in(struct emitter *emitter, size_t field, value index, size_t size)
{
    value base = emit_fixed_field(emitter, field, "ptr");
    value offset = emit_value(emitter, "mul i64 %%t%u, %zu", index, size);

    return emit_value(emitter, "getelementptr i8, ptr %%t%u, i64 %%t%u", base, offset);
}

/* The warp is who has this place in the order; the device finds it in the fields. */
static value take_warp(struct emitter *emitter)
{
    value turn = emit_value(emitter, "load i32, ptr %%turn, align 4"), wide, index, stride;

    turn = emit_value(emitter, "zext i32 %%t%u to i64", turn);
    wide = emit_value(emitter, "load i8, ptr %%t%u, align 1",
                      pointer_in(emitter, offsetof(struct warp, order), turn, 1));
    index = emit_value(emitter, "zext i8 %%t%u to i32", wide);
    wide = emit_value(emitter, "zext i8 %%t%u to i64", wide);
    emit_set_field(emitter, offsetof(struct warp, warpid), "i32", index);
    emit(emitter, "store i32 %%t%u, ptr %%warpid, align 4", index);
    if (emitter->function->local_size) {
        stride = emit_fixed_field(emitter, offsetof(struct warp, local_stride), "i64");
        stride = emit_value(emitter, "mul i64 %%t%u, %%t%u", stride, wide);
        emit_set_field(emitter, offsetof(struct warp, local), "ptr",
                       pointer_in(emitter, offsetof(struct warp, locals), stride, WARP_LANES));
    }
    return index;
}

/* Of the last warp there may be less than all. */
static value bits_of(struct emitter *emitter, value index)
{
    value next, is_last, last;

    if (emitter->options->is_full) {
        return emit_value(emitter, "or i32 0, -1");
    }
    next = emit_value(emitter, "add i32 %%t%u, 1", index);
    is_last = emit_value(emitter, "icmp eq i32 %%t%u, %%t%u", next,
                         emit_fixed_field(emitter, offsetof(struct warp, nwarpid), "i32"));
    last = emit_fixed_field(emitter, offsetof(struct warp, last_lanes), "i32");
    return emit_value(emitter, "select i1 %%t%u, i32 %%t%u, i32 -1", is_last, last);
}

static struct lanes lanes_of(struct emitter *emitter, value index)
{
    struct lanes lanes = {.bits = bits_of(emitter, index)};

    lanes.vector = emit_mask_vector(emitter, lanes.bits);
    return lanes;
}

static bool is_first_stop_at(const struct emitter *emitter, uint32_t block)
{
    uint32_t next = emitter->flow->blocks[block].next;

    for (uint32_t i = 0; i < block; i++) {
        if (stops_at(emitter, i) && emitter->flow->blocks[i].next == next) {
            return false;
        }
    }
    return next < emitter->flow->count;
}

static bool has_whole(const struct emitter *emitter, uint32_t block)
{
    return emitter->affine.steps != NULL && emit_is_twice(emitter, block);
}

static void go_on_at(struct emitter *emitter, uint32_t block)
{
    value lanes_at, lanes;

    text_add(emitter->out, "turn%u:\n", block);
    load(emitter, block, false);
    lanes_at = kept_at(emitter, LANES_AT);
    lanes = emit_value(emitter, "load i32, ptr %%t%u, align 4, !tbaa !1", lanes_at);
    emit(emitter, "store i32 %%t%u, ptr %%p%u, align 4", lanes, block);
    emit(emitter, "br label %%h%u", block);
    if (has_whole(emitter, block)) {
        text_add(emitter->out, "whole%u:\n", block);
        load(emitter, block, true);
        emit(emitter, "br label %%w%u", block);
    }
}

/* It goes on where it was on its way to. */
static void go_on_to(struct emitter *emitter, uint32_t block)
{
    text_add(emitter->out, "rest%u:\n", block);
    load(emitter, block, true);
    emit(emitter, "br label %%w%u", block);
}

/* A warp's memory lies behind that of who had the turn before. */
static void move_kept(struct emitter *emitter, value kept)
{
    emit(
        emitter, "store ptr %%t%u, ptr %%kept_at, align 8",
        emit_value(emitter, "getelementptr i8, ptr %%t%u, i64 %u", kept, emitter->turns.warp_size));
}

static void add_places(struct emitter *emitter)
{
    for (uint32_t i = 0; i < emitter->flow->count; i++) {
        if (stops_at(emitter, i) && is_first_stop_at(emitter, i)) {
            uint32_t next = emitter->flow->blocks[i].next;

            text_add(emitter->out, ", label %%turn%u", next);
            if (has_whole(emitter, next)) {
                text_add(emitter->out, ", label %%whole%u", next);
            }
        }
        if (rest_is_at(emitter, i)) {
            text_add(emitter->out, ", label %%rest%u", i);
        }
    }
}

static void go_on_if_at(struct emitter *emitter, const char *kind, uint32_t block)
{
    unsigned number = ++emitter->labels;
    value is_there = emit_value(
        emitter, "icmp eq ptr %%place, blockaddress(@" KERNEL_SYMBOL ", %%%s%u)", kind, block);

    emit(emitter, "br i1 %%t%u, label %%%s%u, label %%o%u", is_there, kind, block, number);
    text_add(emitter->out, "o%u:\n", number);
}

#define FORESEEN_MAX 3

/* Most turns go on in loops. Processors foresee those sooner, and do not forget them for another
 * program, where each is a branch of its own. */
static void go_on_in_loops(struct emitter *emitter)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < emitter->flow->count && count < FORESEEN_MAX; i++) {
        const struct flow_block *block = &emitter->flow->blocks[i];

        if (rest_is_at(emitter, i)) {
            go_on_if_at(emitter, "rest", i);
            count++;
        }
        if (block->loop != FLOW_END && stops_at(emitter, i) && is_first_stop_at(emitter, i) &&
            has_whole(emitter, block->next)) {
            go_on_if_at(emitter, "whole", block->next);
            count++;
        }
    }
}

/* From the start at first, then where each one stopped or rested. */
static void go_on_somewhere(struct emitter *emitter)
{
    emit(emitter, "%%kept = load ptr, ptr %%kept_at, align 8");
    emit(emitter, "%%place = load ptr, ptr %%kept, align 64, !tbaa !1");
    go_on_in_loops(emitter);
    text_add(emitter->out, "  indirectbr ptr %%place, [label %%start, label %%next");
    add_places(emitter);
    text_add(emitter->out, "]\n");
    for (uint32_t i = 0; i < emitter->flow->count; i++) {
        if (stops_at(emitter, i) && is_first_stop_at(emitter, i)) {
            go_on_at(emitter, emitter->flow->blocks[i].next);
        }
        if (rest_is_at(emitter, i)) {
            go_on_to(emitter, i);
        }
    }
}

/* Of an instruction of each block, on the average. */
static uint32_t cost_of_turn(const struct emitter *emitter)
{
    size_t stops = 1;

    for (uint32_t i = 0; i < emitter->flow->count; i++) {
        stops += stops_at(emitter, i);
    }
    return (uint32_t)(emitter->function->instruction_count / stops) + 1;
}

/* A round is paid for before it begins, for all warps. */
static void spend_round(struct emitter *emitter)
{
    value warps = emit_fixed_field(emitter, offsetof(struct warp, nwarpid), "i32");
    value cost = emit_value(emitter, "mul i32 %%t%u, %u", warps, cost_of_turn(emitter));

    wait_spend_value(emitter, emit_value(emitter, "or i32 0, -1"), cost, WARP_PAUSE_WORKS);
}

static void begin_round(struct emitter *emitter)
{
    emit(emitter, "store i32 0, ptr %%turn, align 4");
    if (turns_are_taken(&emitter->turns)) {
        emit(emitter, "store ptr %%t%u, ptr %%kept_at, align 8",
             emit_fixed_field(emitter, offsetof(struct warp, kept), "ptr"));
    }
}

/* Counts %turn up. i1: there is one more. */
static value count_turn(struct emitter *emitter)
{
    value turn = emit_value(emitter, "load i32, ptr %%turn, align 4");

    turn = emit_value(emitter, "add i32 %%t%u, 1", turn);
    emit(emitter, "store i32 %%t%u, ptr %%turn, align 4", turn);
    return emit_value(emitter, "icmp ult i32 %%t%u, %%t%u", turn,
                      emit_fixed_field(emitter, offsetof(struct warp, nwarpid), "i32"));
}

static void set_place(struct emitter *emitter, value kept, const char *label)
{
    emit(emitter, "store ptr blockaddress(@" KERNEL_SYMBOL ", %%%s), ptr %%t%u, align 8, !tbaa !1",
         label, kept);
}

/* A loop over all warps, at the start of a round: each one's memory. */
static value begin_all(struct emitter *emitter, const char *name)
{
    emit(emitter, "br label %%%s_next", name);
    text_add(emitter->out, "%s_next:\n", name);
    return emit_value(emitter, "load ptr, ptr %%kept_at, align 8");
}

static void end_all(struct emitter *emitter, const char *name, value kept)
{
    value more;

    move_kept(emitter, kept);
    more = count_turn(emitter);
    emit(emitter, "br i1 %%t%u, label %%%s_next, label %%%s_done", more, name, name);
    text_add(emitter->out, "%s_done:\n", name);
}

/* All warps begin at the start. */
static void set_places(struct emitter *emitter)
{
    value kept;

    emit(emitter, "store volatile i32 %%t%u, ptr %%left, align 4",
         emit_fixed_field(emitter, offsetof(struct warp, nwarpid), "i32"));
    begin_round(emitter);
    kept = begin_all(emitter, "place");
    set_place(emitter, kept, "start");
    end_all(emitter, "place", kept);
}

/* The device finds in the field which one it is. */
static void begin_block(struct emitter *emitter)
{
    emit(emitter, "br label %%block");
    emit_named_label(emitter, "block");
    emit(emitter, "store i32 %%t%u, ptr %%ctaid, align 4",
         emit_field(emitter, offsetof(struct warp, ctaid), "i32"));
}

/* The one behind it in x follows, until all are done. */
static void end_block(struct emitter *emitter)
{
    value left = emit_field(emitter, offsetof(struct warp, blocks), "i32"), ctaid;

    left = emit_value(emitter, "sub i32 %%t%u, 1", left);
    emit(emitter, "br i1 %%t%u, label %%done, label %%behind",
         emit_value(emitter, "icmp eq i32 %%t%u, 0", left));
    emit_named_label(emitter, "behind");
    emit_set_field(emitter, offsetof(struct warp, blocks), "i32", left);
    ctaid = emit_value(emitter, "load i32, ptr %%ctaid, align 4");
    emit_set_field(emitter, offsetof(struct warp, ctaid), "i32",
                   emit_value(emitter, "add i32 %%t%u, 1", ctaid));
    emit(emitter, "br label %%block");
    emit_named_label(emitter, "done");
}

struct lanes turns_begin(struct emitter *emitter)
{
    value index;

    emit(emitter, "%%turn = alloca i32, align 4");
    emit(emitter, "%%ctaid = alloca i32, align 4");
    emit(emitter, "%%warpid = alloca i32, align 4");
    if (straight_is(emitter)) {
        straight_begin(emitter);
    }
    if (emitter->turns.has_rests) {
        emit(emitter, "%%rounds = alloca i32, align 4");
        emit(emitter, "%%rested = alloca i1, align 1");
        emit(emitter, "store i1 false, ptr %%rested, align 1");
    }
    if (turns_are_taken(&emitter->turns)) {
        emit(emitter, "%%kept_at = alloca ptr, align 8");
        emit(emitter, "%%left = alloca i32, align 4");
    }
    begin_block(emitter);
    if (turns_are_taken(&emitter->turns)) {
        set_places(emitter);
    }
    begin_round(emitter);
    if (!straight_is(emitter)) {
        spend_round(emitter);
    }
    emit(emitter, "br label %%take");
    emit_named_label(emitter, "take");
    emit_clear_registers(emitter);
    emit_clear_waiting(emitter);
    if (emitter->turns.has_rests) {
        emit(emitter, "store i32 %d, ptr %%rounds, align 4", REST_ROUNDS);
    }
    index = take_warp(emitter);
    if (turns_are_taken(&emitter->turns)) {
        go_on_somewhere(emitter);
    } else if (straight_is(emitter)) {
        straight_take(emitter);
    } else {
        emit(emitter, "br label %%start");
    }
    emit_named_label(emitter, "start");
    if (turns_are_taken(&emitter->turns)) {
        keep_zeros(emitter);
    }
    return lanes_of(emitter, index);
}

/* ---- It ends ---- */

/* Whether who is at the barrier passes over turns, until none rests. */
static bool has_gate(const struct emitter *emitter)
{
    return emitter->turns.has_barrier && emitter->turns.has_rests;
}

/* Where the warp will go on when all have come to the barrier. */
static void set_behind(struct emitter *emitter, const char *label)
{
    if (has_gate(emitter)) {
        set_place(emitter, kept_at(emitter, BEHIND_AT), label);
        label = "next";
    }
    set_place(emitter, kept_at(emitter, 0), label);
}

static void stop_at(struct emitter *emitter, const char *kind, uint32_t block)
{
    char label[24];

    snprintf(label, sizeof(label), "%s%u", kind, block);
    set_behind(emitter, label);
    emit(emitter, "br label %%next");
}

void turns_stop(struct emitter *emitter, const struct lanes *lanes)
{
    uint32_t next = emitter->flow->blocks[emitter->block].next;
    value bits, lanes_at;

    if (next >= emitter->flow->count) {
        emit(emitter, "br label %%leave");
        return;
    }
    if (lanes->all && has_whole(emitter, next)) {
        stop_at(emitter, "whole", next);
        return;
    }
    save_steps(emitter, next);
    emitter->lanes = *lanes;
    bits = emit_lane_bits(emitter);
    lanes_at = kept_at(emitter, LANES_AT);
    emit(emitter, "store i32 %%t%u, ptr %%t%u, align 4, !tbaa !1", bits, lanes_at);
    stop_at(emitter, "turn", next);
}

/* A warp is done, and passes over the turns that are left to it. What is counted so seldom takes no
 * register. */
static void leave_turns(struct emitter *emitter)
{
    value left = emit_value(emitter, "load volatile i32, ptr %%left, align 4");

    left = emit_value(emitter, "sub i32 %%t%u, 1", left);
    emit(emitter, "store volatile i32 %%t%u, ptr %%left, align 4", left);
    set_behind(emitter, "next");
}

/* ---- It rests ---- */

/* What the turn has set, and what comes after it. */
static void save_late(struct emitter *emitter, uint32_t head)
{
    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        if (turns_leaves_late(&emitter->turns, emitter->block, head, reg)) {
            save(emitter, reg);
        }
    }
}

static void rest(struct emitter *emitter, uint32_t to)
{
    char label[24];

    save_late(emitter, to);
    snprintf(label, sizeof(label), "rest%u", to);
    set_place(emitter, kept_at(emitter, 0), label);
    emit(emitter, "store i1 true, ptr %%rested, align 1");
    emit(emitter, "br label %%next");
}

/* What so many rounds spend, before as many. */
static void allow_rounds(struct emitter *emitter, uint32_t to, uint32_t rounds)
{
    wait_spend(emitter, emit_value(emitter, "or i32 0, -1"),
               wait_cost_of_round(emitter, to) * rounds, WARP_PAUSE_WORKS);
    emit(emitter, "store i32 %u, ptr %%rounds, align 4", rounds);
}

/* Where it goes on to near places it looks again when its fuel is spent. */
static uint32_t near_rounds(const struct emitter *emitter, uint32_t to)
{
    uint32_t rounds = WARP_FUEL / (wait_cost_of_round(emitter, to) + 1);

    return rounds > REST_ROUNDS ? rounds : REST_ROUNDS;
}

/* Each round costs a store and a branch: what it spends is counted with them. */
void turns_rest(struct emitter *emitter, uint32_t to)
{
    unsigned over = ++emitter->labels, near = ++emitter->labels;
    value left = emit_value(emitter, "load i32, ptr %%rounds, align 4"), is_over;

    left = emit_value(emitter, "sub i32 %%t%u, 1", left);
    emit(emitter, "store i32 %%t%u, ptr %%rounds, align 4", left);
    is_over = emit_value(emitter, "icmp eq i32 %%t%u, 0", left);
    emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u, !prof !0", is_over, over, over);
    text_add(emitter->out, "b%u:\n", over);
    emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u", rest_goes_far(emitter, to), near, near);
    text_add(emitter->out, "b%u:\n", near);
    allow_rounds(emitter, to, REST_ROUNDS);
    rest(emitter, to);
    text_add(emitter->out, "o%u:\n", near);
    allow_rounds(emitter, to, near_rounds(emitter, to));
    emit(emitter, "br label %%o%u", over);
    text_add(emitter->out, "o%u:\n", over);
}

/* ---- A round ends ---- */

/* All have come to the barrier. */
static void open_gate(struct emitter *emitter)
{
    value kept = begin_all(emitter, "open"), behind;

    behind = emit_value(emitter, "getelementptr i8, ptr %%t%u, i64 %d", kept, BEHIND_AT);
    behind = emit_value(emitter, "load ptr, ptr %%t%u, align 8, !tbaa !1", behind);
    emit(emitter, "store ptr %%t%u, ptr %%t%u, align 8, !tbaa !1", behind, kept);
    end_all(emitter, "open", kept);
    begin_round(emitter);
}

/* Those that rested have another round, when other blocks had theirs. */
static void go_on_rested(struct emitter *emitter)
{
    value rested = emit_value(emitter, "load i1, ptr %%rested, align 1");

    emit(emitter, "br i1 %%t%u, label %%rest, label %%awake", rested);
    emit_named_label(emitter, "rest");
    emit(emitter, "store i1 false, ptr %%rested, align 1");
    wait_rest(emitter);
    emit(emitter, "br label %%other");
    emit_named_label(emitter, "awake");
}

/* The others' turns follow; then, when any are left, those have come to the barrier, and all go
 * on. */
void turns_end(struct emitter *emitter)
{
    value more, left;

    if (turns_are_taken(&emitter->turns)) {
        leave_turns(emitter);
    }
    emit(emitter, "br label %%next");
    if (straight_is(emitter)) {
        straight_emit(emitter);
    }
    emit_named_label(emitter, "next");
    if (straight_is(emitter)) {
        straight_end(emitter);
    }
    if (!turns_are_taken(&emitter->turns)) {
        more = count_turn(emitter);
        emit(emitter, "br i1 %%t%u, label %%take, label %%over", more);
        emit_named_label(emitter, "over");
        end_block(emitter);
        return;
    }
    move_kept(emitter, kept_at(emitter, 0));
    more = count_turn(emitter);
    emit(emitter, "br i1 %%t%u, label %%other, label %%round, !prof !7", more);
    emit_named_label(emitter, "round");
    begin_round(emitter);
    left = emit_value(emitter, "load volatile i32, ptr %%left, align 4");
    emit(emitter, "br i1 %%t%u, label %%again, label %%over",
         emit_value(emitter, "icmp ne i32 %%t%u, 0", left));
    emit_named_label(emitter, "again");
    spend_round(emitter);
    if (emitter->turns.has_rests) {
        go_on_rested(emitter);
    }
    if (has_gate(emitter)) {
        open_gate(emitter);
    }
    emit(emitter, "br label %%other");
    emit_named_label(emitter, "other");
    emit(emitter, "br label %%take, !llvm.loop !8");
    emit_named_label(emitter, "over");
    end_block(emitter);
}
