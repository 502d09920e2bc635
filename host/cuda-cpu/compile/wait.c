/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/wait.h"

#include "host/cuda-cpu/compile/again.h"
#include "host/cuda-cpu/compile/emit_pack.h"
#include "host/cuda-cpu/compile/live.h"
#include "host/cuda-cpu/compile/vector.h"
#include "host/cuda-cpu/ptx/instruction.h"

/* Rounds of a loop between two pauses, where it looks at what others do: it may wait for them, or
 * count in their company; and where it says that it waits. */
#define ROUNDS_OF_POLLS 16
#define ROUNDS_OF_WAITS 1

/* Instructions; a longer loop does more than wait. */
#define WAITING_LOOP_MAX 64

/* Instructions in whose time all warps come to a barrier. */
#define COST_OF_WAITS 64

bool wait_is_barrier(const struct ptx_instruction *instruction)
{
    return (instruction->opcode == PTX_BAR || instruction->opcode == PTX_BARRIER) &&
           !ptx_has_word(instruction, PTX_W_ARRIVE);
}

bool wait_is_block_barrier(const struct ptx_instruction *instruction)
{
    return wait_is_barrier(instruction) && !ptx_has_word(instruction, PTX_W_WARP);
}

bool wait_is_of_lanes(const struct ptx_instruction *instruction)
{
    switch (instruction->opcode) {
    case PTX_SHFL:
    case PTX_VOTE:
    case PTX_MATCH:
    case PTX_ELECT:
    case PTX_REDUX:
        return ptx_has_word(instruction, PTX_W_SYNC);
    default:
        return false;
    }
}

bool wait_is_call(const struct ptx_instruction *instruction)
{
    const struct ptx_operand *target;

    if (instruction->opcode != PTX_CALL) {
        return false;
    }
    target = &instruction->call[1];
    return target->kind != PTX_O_SYMBOL || target->symbol->function->has_body;
}

bool wait_may_part(const struct ptx_instruction *instruction)
{
    return wait_is_barrier(instruction) || wait_is_of_lanes(instruction) ||
           wait_is_call(instruction) || instruction->opcode == PTX_NANOSLEEP;
}

static bool has_register(const struct ptx_instruction *instruction)
{
    for (size_t i = 0; i < instruction->operand_count; i++) {
        if (instruction->operands[i].kind == PTX_O_REGISTER) {
            return true;
        }
    }
    return false;
}

/* A barrier whose number is in a register may be another one for each lane. */
bool wait_may_part_whole(const struct ptx_instruction *instruction)
{
    return wait_is_call(instruction) || (instruction->has_guard && wait_may_part(instruction)) ||
           (wait_is_barrier(instruction) && has_register(instruction));
}

bool wait_looks_at_others(const struct ptx_instruction *instruction)
{
    static const enum ptx_word words[] = {PTX_W_VOLATILE, PTX_W_RELAXED, PTX_W_ACQUIRE, PTX_W_MMIO};

    switch (instruction->opcode) {
    case PTX_ATOM:
    case PTX_FENCE:
    case PTX_MEMBAR:
    case PTX_MBARRIER:
    case PTX_NANOSLEEP:
        return true;
    case PTX_LD:
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            if (ptx_has_word(instruction, words[i])) {
                return true;
            }
        }
        return false;
    default:
        return wait_is_call(instruction);
    }
}

bool wait_is_in(const struct ptx_function *function)
{
    for (size_t i = 0; i < function->instruction_count; i++) {
        if (wait_may_part(&function->instructions[i]) ||
            (!function->is_entry && function->instructions[i].opcode == PTX_EXIT) ||
            wait_looks_at_others(&function->instructions[i])) {
            return true;
        }
    }
    return false;
}

struct lanes wait_lanes_left(struct emitter *emitter, const struct lanes *lanes)
{
    struct lanes left = {.all = false};
    value live = emit_field(emitter, offsetof(struct warp, live), "i32");

    left.bits = lanes->all ? live : emit_value(emitter, "and i32 %%t%u, %%t%u", lanes->bits, live);
    left.vector = emit_mask_vector(emitter, left.bits);
    return left;
}

/* ---- Pauses ---- */

void wait_put_fuel(struct emitter *emitter)
{
    value fuel = emit_value(emitter, "load i32, ptr %%fuel, align 4");
    value pointer =
        emit_value(emitter, "getelementptr i8, ptr %%w, i64 %zu", offsetof(struct warp, fuel));

    emit(emitter, "store i32 %%t%u, ptr %%t%u, align 4", fuel, pointer);
}

void wait_take_fuel(struct emitter *emitter)
{
    emit(emitter, "store i32 %%t%u, ptr %%fuel, align 4",
         emit_field(emitter, offsetof(struct warp, fuel), "i32"));
}

static void call_pause(struct emitter *emitter, value lanes, enum warp_pause pause)
{
    value callee = emit_field(emitter, offsetof(struct warp, pause), "ptr");

    lanes = emitter->is_half ? pack_left(emitter) : lanes;
    emit(emitter, "call void %%t%u(ptr %%w, i32 %%t%u, i32 %d)", callee, lanes, pause);
    wait_take_fuel(emitter);
}

void wait_spend(struct emitter *emitter, value lanes, uint32_t instructions, enum warp_pause pause)
{
    wait_spend_value(emitter, lanes, emit_value(emitter, "or i32 0, %u", instructions), pause);
}

void wait_spend_value(struct emitter *emitter, value lanes, value instructions,
                      enum warp_pause pause)
{
    unsigned number = ++emitter->labels;
    value fuel = emit_value(emitter, "load i32, ptr %%fuel, align 4");
    value left = emit_value(emitter, "sub i32 %%t%u, %%t%u", fuel, instructions), is_empty;

    emit(emitter, "store i32 %%t%u, ptr %%fuel, align 4", left);
    is_empty = emit_value(emitter, "icmp slt i32 %%t%u, 0", left);
    emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u, !prof !0", is_empty, number, number);
    text_add(emitter->out, "b%u:\n", number);
    call_pause(emitter, lanes, pause);
    emit(emitter, "br label %%o%u", number);
    text_add(emitter->out, "o%u:\n", number);
}

void wait_rest(struct emitter *emitter)
{
    call_pause(emitter, emit_value(emitter, "or i32 0, -1"), WARP_PAUSE_RESTS);
}

void wait_sleep(struct emitter *emitter)
{
    call_pause(emitter, emit_lane_bits(emitter), WARP_PAUSE_POLLS);
}

static bool is_wait(const struct ptx_instruction *instruction)
{
    return ptx_has_word(instruction, PTX_W_TRY_WAIT) || ptx_has_word(instruction, PTX_W_TEST_WAIT);
}

/* Rounds after which this instruction has a loop pause; 0: it does not. */
static uint32_t rounds_of(const struct ptx_instruction *instruction)
{
    return is_wait(instruction)                ? ROUNDS_OF_WAITS
           : wait_looks_at_others(instruction) ? ROUNDS_OF_POLLS
                                               : 0;
}

/* The loop is what stands between its head and the way back. */
uint32_t wait_cost_of_round(const struct emitter *emitter, uint32_t to)
{
    uint32_t cost = 0;

    for (uint32_t i = to; i <= emitter->block; i++) {
        const struct flow_block *block = &emitter->flow->blocks[i];

        cost += block->end - block->first;
        for (uint32_t j = block->first; emitter->waits && j < block->end; j++) {
            cost += wait_may_part(&emitter->function->instructions[j]) ? COST_OF_WAITS : 0;
        }
    }
    return cost;
}

static uint32_t rounds_of_loop(const struct emitter *emitter, uint32_t to)
{
    uint32_t rounds = 0;

    for (uint32_t i = to; emitter->waits && i <= emitter->block; i++) {
        const struct flow_block *block = &emitter->flow->blocks[i];

        for (uint32_t j = block->first; j < block->end; j++) {
            uint32_t own = rounds_of(&emitter->function->instructions[j]);

            rounds = own && (!rounds || own < rounds) ? own : rounds;
        }
    }
    return rounds;
}

/* What it computes depends on what it reads, and on nothing else. */
static bool is_plain(const struct ptx_instruction *instruction)
{
    for (size_t i = 0; i < instruction->operand_count; i++) {
        if (instruction->operands[i].kind == PTX_O_SPECIAL) {
            return false;
        }
    }
    return instruction->opcode == PTX_BRA || instruction->opcode == PTX_NANOSLEEP ||
           is_wait(instruction) || (instruction->opcode != PTX_LD && again_is_plain(instruction));
}

struct turn {
    const struct ptx_instruction *at, *end;
    bool is_same; /* as the one before, so far */
};

/* What is set here or later, an earlier round has set. */
static void look_at_read(void *context, uint32_t reg)
{
    struct turn *turn = context;

    for (const struct ptx_instruction *i = turn->at; i < turn->end; i++) {
        turn->is_same &= !live_is_set(i, reg);
    }
}

/* The loop goes on until an mbarrier's phase is complete, and does nothing that could complete it:
 * one that counts its rounds, or looks at the clock, may end without. */
static bool only_waits(const struct emitter *emitter, uint32_t to)
{
    const struct flow_block *blocks = emitter->flow->blocks;
    const struct ptx_instruction *instructions = emitter->function->instructions;
    struct turn turn = {
        .at = instructions + blocks[to].first,
        .end = instructions + blocks[emitter->block].end,
        .is_same = true,
    };

    if (turn.end - turn.at > WAITING_LOOP_MAX) {
        return false;
    }
    for (; turn.at < turn.end && turn.is_same; turn.at++) {
        turn.is_same = is_plain(turn.at);
        live_visit_read(turn.at, look_at_read, &turn);
    }
    return turn.is_same;
}

void wait_turn_back(struct emitter *emitter, uint32_t to)
{
    uint32_t cost = wait_cost_of_round(emitter, to), rounds = rounds_of_loop(emitter, to);

    if (rounds && cost < WARP_FUEL / rounds) {
        cost = WARP_FUEL / rounds + 1;
    }
    wait_spend(emitter, emit_lane_bits(emitter), cost,
               rounds == 0                                            ? WARP_PAUSE_WORKS
               : rounds == ROUNDS_OF_WAITS && only_waits(emitter, to) ? WARP_PAUSE_WAITS
                                                                      : WARP_PAUSE_POLLS);
}

/* ---- Lanes that meet ---- */

static value lanes_there(struct emitter *emitter)
{
    value live, others;

    if (!emitter->waits) {
        return emitter->lanes.bits;
    }
    live = emit_field(emitter, offsetof(struct warp, live), "i32");
    others = emit_field(emitter, offsetof(struct warp, others), "i32");
    return emit_value(emitter, "or i32 %%t%u, %%t%u", live, others);
}

value wait_participants(struct emitter *emitter, value masks)
{
    if (emitter->lanes.all) {
        return masks;
    }
    return vector_binary(emitter, "and", PTX_W_B32, masks,
                         emit_splat_scalar(emitter, PTX_W_B32, lanes_there(emitter)));
}

/* The same for instructions with the same words. */
static uint32_t key_of(const struct ptx_instruction *instruction)
{
    uint32_t key = instruction->opcode + 1;

    for (unsigned i = 0; i < instruction->word_count; i++) {
        key = key * 31 + instruction->words[i];
    }
    return key;
}

/* Lanes of the masks that are elsewhere, as a condition. */
static value lanes_are_missing(struct emitter *emitter, value masks)
{
    value elsewhere = emit_value(emitter, "xor i32 %%t%u, -1", emitter->lanes.bits);
    value missing = emit_value(emitter, "and i32 %%t%u, %%t%u", elsewhere, lanes_there(emitter));
    value wanted = vector_binary(emitter, "and", PTX_W_B32, masks,
                                 emit_splat_scalar(emitter, PTX_W_B32, missing));
    value any = emit_value(emitter, "icmp ne <32 x i32> %%t%u, zeroinitializer", wanted);

    any = emit_value(emitter, "and <32 x i1> %%t%u, %%t%u", any, emitter->lanes.vector);
    return emit_value(emitter, "icmp ne i32 %%t%u, 0", emit_mask_bits(emitter, any));
}

value wait_meet(struct emitter *emitter, value masks, enum ptx_word type, value a)
{
    unsigned number = ++emitter->labels;
    value callee, values, masks_slot;

    if (emitter->lanes.all || !emitter->waits) {
        return a;
    }
    values = emit_spill(emitter, 0, type, a);
    emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u, !prof !0",
         lanes_are_missing(emitter, masks), number, number);
    text_add(emitter->out, "b%u:\n", number);
    masks_slot = emit_spill(emitter, 1, PTX_W_B32, masks);
    callee = emit_field(emitter, offsetof(struct warp, meet), "ptr");
    emit(emitter, "call void %%t%u(ptr %%w, ptr %%t%u, ptr %%t%u, i32 %%t%u, i32 %u, i32 %u)",
         callee, values, masks_slot, emitter->lanes.bits, ptx_type_bits(type) / 8,
         key_of(emitter->instruction));
    emit(emitter, "br label %%o%u", number);
    text_add(emitter->out, "o%u:\n", number);
    return emit_reload(emitter, 0, type);
}
