/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows of warps that go straight on. Labels: straight, where the warps from %turn on, %length of
 * them, are looked at; along, where one of them runs; short, where they are not all so.
 */
#include "host/cuda-cpu/compile/emitter.h"
#include "host/cuda-cpu/compile/wait.h"

static value load(struct emitter *emitter, const char *name)
{
    return emit_value(emitter, "load i32, ptr %%%s, align 4", name);
}

static void store(struct emitter *emitter, const char *name, value stored)
{
    emit(emitter, "store i32 %%t%u, ptr %%%s, align 4", stored, name);
}

static value row_of(struct emitter *emitter)
{
    return emit_fixed_field(emitter, offsetof(struct warp, row), "i32");
}

static value blocks_left(struct emitter *emitter)
{
    return emit_field(emitter, offsetof(struct warp, blocks), "i32");
}

/* ---- Turns ---- */

void straight_begin(struct emitter *emitter)
{
    value warps;

    emit(emitter, "%%length = alloca i32, align 4");
    emit(emitter, "%%along = alloca i32, align 4");  /* threads from the first warp on */
    emit(emitter, "%%single = alloca i32, align 4"); /* warps of a row that are looked at alone */
    emit(emitter, "store i32 0, ptr %%single, align 4");
    if (emitter->straight.crosses) {
        emit(emitter, "%%crosses = alloca i1, align 1"); /* all blocks may be one row */
        warps = emit_fixed_field(emitter, offsetof(struct warp, nwarpid), "i32");
        emit(emitter, "store i1 %%t%u, ptr %%crosses, align 1",
             emit_value(emitter, "icmp eq i32 %%t%u, %%t%u", warps, row_of(emitter)));
    }
    emitter->is_half = emitter->straight.is_half;
    for (uint32_t reg = 0; emitter->is_half && reg < emitter->function->register_count; reg++) {
        if (emitter->uniform.differs[reg] && !affine_is_one(emitter, reg)) {
            emit(emitter, "%%q%u.0 = alloca %s, align 64", reg, emit_register_type(emitter, reg));
        }
    }
    emitter->is_half = false;
}

/* Warps from the one in %turn on, where that begins a row. */
static value longest(struct emitter *emitter)
{
    value row = row_of(emitter), all, crosses;

    if (!emitter->straight.crosses) {
        return row;
    }
    all = emit_value(emitter, "mul i32 %%t%u, %%t%u", row, blocks_left(emitter));
    crosses = emit_value(emitter, "load i1, ptr %%crosses, align 1");
    return emit_value(emitter, "select i1 %%t%u, i32 %%t%u, i32 %%t%u", crosses, all, row);
}

void straight_take(struct emitter *emitter)
{
    value all = longest(emitter), length;
    value is_row = emit_value(emitter, "icmp eq i32 %%t%u, 0", load(emitter, "single"));

    length = emit_value(emitter, "select i1 %%t%u, i32 %%t%u, i32 1", is_row, all);
    store(emitter, "length", length);
    wait_spend_value(
        emitter, emit_value(emitter, "or i32 0, -1"),
        emit_value(emitter, "mul i32 %%t%u, %zu", length, emitter->function->instruction_count),
        WARP_PAUSE_WORKS);
    emit(emitter, "br label %%straight");
}

void straight_end(struct emitter *emitter)
{
    value single = load(emitter, "single"),
          is_any = emit_value(emitter, "icmp ne i32 %%t%u, 0", single);

    is_any = emit_value(emitter, "zext i1 %%t%u to i32", is_any);
    store(emitter, "single", emit_value(emitter, "sub i32 %%t%u, %%t%u", single, is_any));
}

/* ---- Looks ---- */

value straight_keeps_order(struct emitter *emitter, value fits, value base, const char *element,
                           bool is_signed, bool is_rising)
{
    struct straight *straight = &emitter->straight;
    unsigned look = straight->looks++;

    if (!straight->is_last) {
        straight->firsts[look] = base;
        return fits;
    }
    return emit_value(emitter, "and i1 %%t%u, %%t%u", fits,
                      emit_value(emitter, "icmp %c%ce %s %%t%u, %%t%u", is_signed ? 's' : 'u',
                                 is_rising ? 'g' : 'l', element, base, straight->firsts[look]));
}

static void need(struct emitter *emitter, value holds)
{
    unsigned number = ++emitter->labels;

    emit(emitter, "br i1 %%t%u, label %%b%u, label %%short, !prof !7", holds, number);
    emit_label(emitter, 'b', number);
}

/* Of a block's last instruction, with a guard: all go on to the next block. */
static void look_at_way(struct emitter *emitter, const struct flow_block *block)
{
    bool is_taken =
        emitter->instruction->opcode == PTX_BRA && block->targets[0] == emitter->block + 1;
    struct emit_edge edge;

    if (emit_has_uniform_guard(emitter)) {
        value holds = emit_uniform_guard(emitter);

        need(emitter, is_taken ? holds : emit_value(emitter, "xor i1 %%t%u, true", holds));
    } else if (emit_edge_branch(emitter, &edge)) {
        need(emitter, edge.fits);
        need(emitter, is_taken ? edge.all : edge.none);
    }
}

static void look_at(struct emitter *emitter)
{
    const struct ptx_instruction *instruction = emitter->instruction;
    const struct whole_access *access = whole_find(emitter);

    if (access != NULL) {
        need(emitter, whole_fits(emitter, access));
        return;
    }
    if (affine_is_checked(emitter, instruction)) {
        need(emitter, affine_fits(emitter));
    }
    emit_instruction(emitter, &(struct lanes){.all = true});
}

/* All instructions: what the looks need of them, or what they do. */
static void emit_all(struct emitter *emitter, bool is_look)
{
    for (emitter->block = 0; emitter->block < emitter->flow->count; emitter->block++) {
        const struct flow_block *block = &emitter->flow->blocks[emitter->block];
        const struct ptx_instruction *late = emit_edge_comparison(emitter);

        for (uint32_t i = block->first; i < block->end; i++) {
            emitter->instruction = &emitter->function->instructions[i];
            if (emit_is_way_on(emitter->instruction)) {
                if (is_look && emitter->instruction->has_guard) {
                    look_at_way(emitter, block);
                }
            } else if (emitter->instruction == late) {
                continue; /* its branch has it */
            } else if (!is_look) {
                emit_instruction(emitter, &(struct lanes){.all = true});
            } else if (emitter->straight.are_looked_at[i]) {
                look_at(emitter);
            }
        }
    }
}

/* ---- Rows ---- */

static void look_at_ends(struct emitter *emitter)
{
    value last;

    emitter->straight.looks = 0;
    emitter->straight.is_last = false;
    emit(emitter, "store i32 0, ptr %%along, align 4");
    emit_all(emitter, true);
    emitter->straight.looks = 0;
    emitter->straight.is_last = true;
    last = emit_value(emitter, "sub i32 %%t%u, 1", load(emitter, "length"));
    store(emitter, "along", emit_value(emitter, "mul i32 %%t%u, %d", last, WARP_LANES));
    emit_all(emitter, true);
}

/* The blocks that were a row are all done but for the last one's end. */
static void pass_blocks(struct emitter *emitter, value length)
{
    value blocks = blocks_left(emitter), ctaid = load(emitter, "ctaid"), is_row, left, last;

    is_row = emit_value(emitter, "icmp ule i32 %%t%u, %%t%u", length, row_of(emitter));
    left = emit_value(emitter, "select i1 %%t%u, i32 %%t%u, i32 1", is_row, blocks);
    last = emit_value(emitter, "add i32 %%t%u, %%t%u", ctaid,
                      emit_value(emitter, "sub i32 %%t%u, %%t%u", blocks, left));
    emit_set_field(emitter, offsetof(struct warp, blocks), "i32", left);
    emit_set_field(emitter, offsetof(struct warp, ctaid), "i32", last);
}

static void run_all(struct emitter *emitter)
{
    value along, length, turn;

    emit(emitter, "store i32 0, ptr %%along, align 4");
    emit(emitter, "br label %%along_next");
    emit_named_label(emitter, "along_next");
    emitter->is_half = emitter->straight.is_half;
    emit_all(emitter, false);
    emitter->is_half = false;
    along = emit_value(emitter, "add i32 %%t%u, %d", load(emitter, "along"),
                       emitter->straight.is_half ? WARP_LANES / 2 : WARP_LANES);
    store(emitter, "along", along);
    length = load(emitter, "length");
    emit(emitter, "br i1 %%t%u, label %%along_next, label %%along_done",
         emit_value(emitter, "icmp ult i32 %%t%u, %%t%u", along,
                    emit_value(emitter, "mul i32 %%t%u, %d", length, WARP_LANES)));
    emit_named_label(emitter, "along_done");
    if (emitter->straight.crosses) {
        pass_blocks(emitter, length);
    }
    turn = emit_value(emitter, "add i32 %%t%u, %%t%u", load(emitter, "turn"), length);
    store(emitter, "turn", emit_value(emitter, "sub i32 %%t%u, 1", turn));
    emit(emitter, "br label %%next");
}

/* Blocks one by one; each warp of a row alone; and what is alone under a mask. */
static void part(struct emitter *emitter)
{
    value length;

    emit_named_label(emitter, "short");
    length = load(emitter, "length");
    emit(emitter, "br i1 %%t%u, label %%start, label %%part",
         emit_value(emitter, "icmp eq i32 %%t%u, 1", length));
    emit_named_label(emitter, "part");
    if (emitter->straight.crosses) {
        emit(emitter, "br i1 %%t%u, label %%part_blocks, label %%part_row",
             emit_value(emitter, "load i1, ptr %%crosses, align 1"));
        emit_named_label(emitter, "part_blocks");
        emit(emitter, "store i1 false, ptr %%crosses, align 1");
        store(emitter, "length", row_of(emitter));
        emit(emitter, "br label %%straight");
        emit_named_label(emitter, "part_row");
    }
    store(emitter, "single", length);
    emit(emitter, "store i32 1, ptr %%length, align 4");
    emit(emitter, "br label %%straight");
}

void straight_emit(struct emitter *emitter)
{
    emitter->is_whole = emitter->straight.is_made = true;
    emit_named_label(emitter, "straight");
    look_at_ends(emitter);
    run_all(emitter);
    emitter->is_whole = emitter->straight.is_made = false;
    part(emitter);
}
