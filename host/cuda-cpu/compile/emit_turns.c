/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The turns of a block's warps within its code. Labels: take, where the warp in %turn begins its
 * turn; start, where it is the first one; turnN, where it goes on at block N; wholeN, where it does
 * so as a whole; next, when one is over.
 */
#include "host/cuda-cpu/compile/emitter.h"
#include "host/cuda-cpu/compile/turns.h"
#include "host/cuda-cpu/compile/wait.h"

/* A warp's memory begins with: where it goes on, and its lanes. */
#define LANES_AT 4

/* Where a warp goes on: at a block; whole, and of registers whose lanes lie in steps the bases are
 * kept, or not. */
#define PLACE(block, is_whole) (2 * (block) + (is_whole))

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

static value place_of(struct emitter *emitter, uint32_t reg, unsigned part)
{
    return emit_value(emitter, "getelementptr i8, ptr %%kept, i64 %u",
                      emitter->turns.places[reg] + part * turns_part_size(emitter, reg));
}

static value bases_of(struct emitter *emitter, uint32_t reg)
{
    return emit_value(emitter, "getelementptr i8, ptr %%kept, i64 %u", emitter->turns.bases[reg]);
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

void turns_keep(struct emitter *emitter)
{
    if (!emitter->turns.are_inside || !emitter->turns.has_barrier) {
        return;
    }
    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        if (!turns_leaves(&emitter->turns, emitter->flow, emitter->block, reg)) {
            continue;
        }
        if (affine_is_kept(emitter, reg)) {
            affine_save(emitter, reg, bases_of(emitter, reg));
        } else if (!affine_is_one(emitter, reg)) {
            save_lanes(emitter, reg);
        }
    }
}

/* What is read before it is set is zero. */
static void keep_zeros(struct emitter *emitter)
{
    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        if (emitter->turns.places[reg] && live_has(&emitter->turns.live, 0, reg)) {
            save_lanes(emitter, reg);
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
        const char *type = emit_register_type(emitter, reg);
        unsigned parts = takes(emitter, block, reg) ? emitter->function->registers[reg].vector : 0;

        if (parts && is_whole && affine_is_one(emitter, reg)) {
            affine_load(emitter, reg, bases_of(emitter, reg), false);
            continue;
        }

        for (unsigned part = 0; part < parts; part++) {
            value kept = emit_value(emitter, "load %s, ptr %%t%u, align %u, !tbaa !1", type,
                                    place_of(emitter, reg, part), turns_alignment(emitter, reg));

            emit(emitter, "store %s %%t%u, ptr %%r%u.%u, align 64", type, kept, reg, part);
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
    if (!emitter->turns.are_inside || !emitter->turns.has_barrier) {
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
    if (emitter->turns.are_inside && turns_has_still(&emitter->turns, emitter->block, reg)) {
        affine_load(emitter, reg, bases_of(emitter, reg), true);
    }
}

/* ---- A turn begins ---- */

static void add_label(struct emitter *emitter, const char *name)
{
    text_add(emitter->out, "%s:\n", name);
}

static value pointer_in(struct emitter *emitter, size_t field, value index, size_t size)
{
    value base = emit_fixed_field(emitter, field, "ptr");
    value offset = emit_value(emitter, "mul i64 %%t%u, %zu", index, size);

    return emit_value(emitter, "getelementptr i8, ptr %%t%u, i64 %%t%u", base, offset);
}

static void set_field(struct emitter *emitter, size_t field, const char *type, value to)
{
    value pointer = emit_value(emitter, "getelementptr i8, ptr %%w, i64 %zu", field);

    emit(emitter, "store %s %%t%u, ptr %%t%u, align 4, !tbaa !1", type, to, pointer);
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
    set_field(emitter, offsetof(struct warp, warpid), "i32", index);
    if (emitter->function->local_size) {
        stride = emit_fixed_field(emitter, offsetof(struct warp, local_stride), "i64");
        stride = emit_value(emitter, "mul i64 %%t%u, %%t%u", stride, wide);
        set_field(emitter, offsetof(struct warp, local), "ptr",
                  pointer_in(emitter, offsetof(struct warp, locals), stride, WARP_LANES));
    }
    if (emitter->turns.has_barrier) {
        emit(emitter, "%%kept = getelementptr i8, ptr %%t%u, i64 0",
             pointer_in(emitter, offsetof(struct warp, kept), wide, emitter->turns.warp_size));
    }
    return index;
}

/* Of the last warp there may be less than all. */
static struct lanes lanes_of(struct emitter *emitter, value index)
{
    struct lanes lanes = {.all = false};
    value next = emit_value(emitter, "add i32 %%t%u, 1", index);
    value count = emit_fixed_field(emitter, offsetof(struct warp, nwarpid), "i32");
    value last = emit_fixed_field(emitter, offsetof(struct warp, last_lanes), "i32");
    value is_last = emit_value(emitter, "icmp eq i32 %%t%u, %%t%u", next, count);

    lanes.bits = emit_value(emitter, "select i1 %%t%u, i32 %%t%u, i32 -1", is_last, last);
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
    lanes_at = emit_value(emitter, "getelementptr i8, ptr %%kept, i64 %d", LANES_AT);
    lanes = emit_value(emitter, "load i32, ptr %%t%u, align 4, !tbaa !1", lanes_at);
    emit(emitter, "store i32 %%t%u, ptr %%p%u, align 4", lanes, block);
    emit(emitter, "br label %%h%u", block);
    if (has_whole(emitter, block)) {
        text_add(emitter->out, "whole%u:\n", block);
        load(emitter, block, true);
        emit(emitter, "br label %%w%u", block);
    }
}

/* In the first round from the start, then where each one stopped. */
static void choose_place(struct emitter *emitter)
{
    emit(emitter, "%%is_first = load i1, ptr %%first, align 1");
    emit(emitter, "br i1 %%is_first, label %%start, label %%again");
    add_label(emitter, "again");
    emit(emitter, "%%place = load i32, ptr %%kept, align 64, !tbaa !1");
    text_add(emitter->out, "  switch i32 %%place, label %%next [");
    for (uint32_t i = 0; i < emitter->flow->count; i++) {
        if (stops_at(emitter, i) && is_first_stop_at(emitter, i)) {
            uint32_t next = emitter->flow->blocks[i].next;

            text_add(emitter->out, " i32 %u, label %%turn%u", PLACE(next, 0), next);
            if (has_whole(emitter, next)) {
                text_add(emitter->out, " i32 %u, label %%whole%u", PLACE(next, 1), next);
            }
        }
    }
    text_add(emitter->out, " ]\n");
    for (uint32_t i = 0; i < emitter->flow->count; i++) {
        if (stops_at(emitter, i) && is_first_stop_at(emitter, i)) {
            go_on_at(emitter, emitter->flow->blocks[i].next);
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

struct lanes turns_begin(struct emitter *emitter)
{
    value index;

    emit(emitter, "%%turn = alloca i32, align 4");
    emit(emitter, "store i32 0, ptr %%turn, align 4");
    if (emitter->turns.has_barrier) {
        emit(emitter, "%%first = alloca i1, align 1");
        emit(emitter, "store i1 true, ptr %%first, align 1");
        emit(emitter, "%%stopped = alloca i1, align 1");
        emit(emitter, "store i1 false, ptr %%stopped, align 1");
    }
    emit(emitter, "br label %%take");
    add_label(emitter, "take");
    emit_clear_registers(emitter);
    emit_clear_waiting(emitter);
    wait_spend(emitter, emit_value(emitter, "or i32 0, -1"), cost_of_turn(emitter),
               WARP_PAUSE_WORKS);
    index = take_warp(emitter);
    if (emitter->turns.has_barrier) {
        choose_place(emitter);
    } else {
        emit(emitter, "br label %%start");
    }
    add_label(emitter, "start");
    if (emitter->turns.has_barrier) {
        keep_zeros(emitter);
    }
    return lanes_of(emitter, index);
}

/* ---- It ends ---- */

void turns_stop(struct emitter *emitter, const struct lanes *lanes)
{
    uint32_t next = emitter->flow->blocks[emitter->block].next;
    value bits, lanes_at;
    bool is_whole;

    if (next >= emitter->flow->count) {
        emit(emitter, "br label %%leave");
        return;
    }
    is_whole = lanes->all && has_whole(emitter, next);
    if (!is_whole) {
        save_steps(emitter, next);
    }
    emitter->lanes = *lanes;
    bits = emit_lane_bits(emitter);
    lanes_at = emit_value(emitter, "getelementptr i8, ptr %%kept, i64 %d", LANES_AT);
    emit(emitter, "store i32 %%t%u, ptr %%t%u, align 4, !tbaa !1", bits, lanes_at);
    emit(emitter, "store i32 %u, ptr %%kept, align 64, !tbaa !1", PLACE(next, is_whole));
    emit(emitter, "store i1 true, ptr %%stopped, align 1");
    emit(emitter, "br label %%next");
}

/* The others' turns follow; then, when any stopped at a barrier, those have come to it that are
 * left, and all go on. That is a branch, foreseen, and not computed at the end of each turn. */
void turns_end(struct emitter *emitter)
{
    value turn, more, stopped;

    if (emitter->turns.has_barrier) {
        emit(emitter, "store i32 -1, ptr %%kept, align 64, !tbaa !1");
    }
    emit(emitter, "br label %%next");
    add_label(emitter, "next");
    turn = emit_value(emitter, "load i32, ptr %%turn, align 4");
    turn = emit_value(emitter, "add i32 %%t%u, 1", turn);
    emit(emitter, "store i32 %%t%u, ptr %%turn, align 4", turn);
    more = emit_value(emitter, "icmp ult i32 %%t%u, %%t%u", turn,
                      emit_fixed_field(emitter, offsetof(struct warp, nwarpid), "i32"));
    if (!emitter->turns.has_barrier) {
        emit(emitter, "br i1 %%t%u, label %%take, label %%done", more);
        add_label(emitter, "done");
        return;
    }
    emit(emitter, "br i1 %%t%u, label %%other, label %%round, !prof !7", more);
    add_label(emitter, "round");
    stopped = emit_value(emitter, "load i1, ptr %%stopped, align 1");
    emit(emitter, "store i32 0, ptr %%turn, align 4");
    emit(emitter, "store i1 false, ptr %%first, align 1");
    emit(emitter, "store i1 false, ptr %%stopped, align 1");
    emit(emitter, "br i1 %%t%u, label %%other, label %%done", stopped);
    add_label(emitter, "other");
    emit(emitter, "br label %%take, !llvm.loop !8");
    add_label(emitter, "done");
}
