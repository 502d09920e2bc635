/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/emit_pack.h"

#include "host/cuda-cpu/compile/emit_round.h"
#include "host/cuda-cpu/ptx/instruction.h"

#define INSTRUCTIONS_MAX 40
#define ROUNDS 8 /* between two looks at who is left, a power of two */
#define HALF (WARP_LANES / 2)
#define PACKED_AT 256 /* in a slot, behind what 32 lanes have */

/* ---- Which loops ---- */

/* In line, and whose code is the same for any number of lanes. */
static bool is_plain_opcode(enum ptx_opcode opcode)
{
    switch (opcode) {
    case PTX_ADD:
    case PTX_SUB:
    case PTX_MUL:
    case PTX_MAD:
    case PTX_FMA:
    case PTX_MUL24:
    case PTX_MAD24:
    case PTX_SAD:
    case PTX_MIN:
    case PTX_MAX:
    case PTX_NEG:
    case PTX_ABS:
    case PTX_AND:
    case PTX_OR:
    case PTX_XOR:
    case PTX_NOT:
    case PTX_CNOT:
    case PTX_SHL:
    case PTX_SHR:
    case PTX_SHF:
    case PTX_POPC:
    case PTX_CLZ:
    case PTX_BREV:
    case PTX_BFIND:
    case PTX_BFE:
    case PTX_BFI:
    case PTX_LOP3:
    case PTX_SETP:
    case PTX_SELP:
    case PTX_MOV:
        return true;
    default:
        return false;
    }
}

static bool is_plain_type(const struct emitter *emitter, const struct ptx_instruction *instruction)
{
    enum ptx_word type = ptx_type_word(instruction, 0);

    if (type == PTX_W_F32 || type == PTX_W_F64) {
        return emitter->options->has_fma && !ptx_has_word(instruction, PTX_W_RZ) &&
               !ptx_has_word(instruction, PTX_W_RM) && !ptx_has_word(instruction, PTX_W_RP);
    }
    return ptx_type_kind(type) == PTX_SIGNED || ptx_type_kind(type) == PTX_UNSIGNED ||
           ptx_type_kind(type) == PTX_BITS || type == PTX_W_PRED;
}

static bool is_plain_operand(const struct emitter *emitter, const struct ptx_operand *operand)
{
    switch (operand->kind) {
    case PTX_O_REGISTER:
        return emitter->function->registers[operand->reg].vector == 1;
    case PTX_O_PAIR:
        return is_plain_operand(emitter, &operand->items[0]) &&
               is_plain_operand(emitter, &operand->items[1]);
    case PTX_O_INTEGER:
    case PTX_O_FLOAT32:
    case PTX_O_FLOAT64:
    case PTX_O_SINK:
        return true;
    default:
        return false;
    }
}

bool pack_is_plain(const struct emitter *emitter, const struct ptx_instruction *instruction)
{
    if (instruction->has_guard || !is_plain_opcode(instruction->opcode) ||
        ptx_has_word(instruction, PTX_W_CC) || !is_plain_type(emitter, instruction)) {
        return false;
    }
    for (size_t i = 0; i < instruction->operand_count; i++) {
        if (!is_plain_operand(emitter, &instruction->operands[i])) {
            return false;
        }
    }
    return true;
}

/* ---- What lanes take with them ---- */

typedef bool is_moved(const struct emitter *emitter, uint32_t head, uint32_t reg);
typedef bool is_register_of(const struct ptx_instruction *instruction, uint32_t reg);

/* Of a loop, by its first block. */
static bool is_in(const struct emitter *emitter, uint32_t head, uint32_t reg, is_register_of *is)
{
    for (uint32_t block = head; block < emitter->flow->blocks[head].loop_end; block++) {
        const struct flow_block *of = &emitter->flow->blocks[block];

        for (uint32_t i = of->first; i < of->end; i++) {
            if (is(&emitter->function->instructions[i], reg)) {
                return true;
            }
        }
    }
    return false;
}

/* By those who left the loop. */
static bool is_read_behind(const struct emitter *emitter, uint32_t head, uint32_t reg)
{
    uint32_t behind = emitter->rounds[head].behind;

    return behind < emitter->flow->count && live_has(&emitter->uniform.live, behind, reg);
}

/* Into the rounds; and out of them. */
static bool is_taken(const struct emitter *emitter, uint32_t head, uint32_t reg)
{
    return emitter->uniform.differs[reg] && live_has(&emitter->uniform.live, head, reg) &&
           is_in(emitter, head, reg, live_is_read);
}

static bool is_given(const struct emitter *emitter, uint32_t head, uint32_t reg)
{
    return emitter->uniform.differs[reg] && is_read_behind(emitter, head, reg) &&
           is_in(emitter, head, reg, live_is_set);
}

/* Bytes of a register's values; 0: it is none that can be packed. */
static unsigned size_of(const struct emitter *emitter, uint32_t reg)
{
    unsigned bits = ptx_type_bits(emitter->function->registers[reg].type);

    return bits == 16 || bits == 32 || bits == 64 ? bits / 8 : 0;
}

static bool are_few(const struct emitter *emitter, uint32_t head)
{
    unsigned taken = 0, given = 0;
    bool fit = true;

    for (uint32_t reg = 0; reg < emitter->function->register_count && fit; reg++) {
        bool takes = is_taken(emitter, head, reg), gives = is_given(emitter, head, reg);

        taken += takes;
        given += gives;
        fit = (!takes && !gives) || size_of(emitter, reg);
    }
    return fit && taken <= EMIT_SLOTS && given <= EMIT_SLOTS;
}

static uint32_t instructions_of(const struct emitter *emitter, uint32_t head)
{
    uint32_t count = 0;

    for (uint32_t block = head; block < emitter->flow->blocks[head].loop_end; block++) {
        count += emitter->flow->blocks[block].end - emitter->flow->blocks[block].first;
    }
    return count;
}

static bool is_plain_block(const struct emitter *emitter, const struct flow_block *block)
{
    uint32_t i = block->first;

    while (i + 1 < block->end && pack_is_plain(emitter, &emitter->function->instructions[i])) {
        i++;
    }
    return i + 1 == block->end;
}

bool pack_keeps(const struct emitter *emitter, uint32_t reg)
{
    return is_read_behind(emitter, emitter->rounds[emitter->block].head, reg);
}

static bool may_pack(const struct emitter *emitter, uint32_t head)
{
    if (instructions_of(emitter, head) > INSTRUCTIONS_MAX) {
        return false;
    }
    for (uint32_t block = head; block < emitter->flow->blocks[head].loop_end; block++) {
        if (!is_plain_block(emitter, &emitter->flow->blocks[block])) {
            return false;
        }
    }
    return are_few(emitter, head);
}

void pack_find(struct emitter *emitter)
{
    bool is_known = emitter->function->is_entry && emitter->uniform.live.sets != NULL,
         packs = false;

    for (uint32_t block = 0; is_known && block < emitter->flow->count; block++) {
        struct round *round = &emitter->rounds[block];

        if (round->head == block) {
            packs = may_pack(emitter, block);
        }
        round->packs = packs && round->head != FLOW_END;
    }
}

/* ---- The frame ---- */

static bool is_packed(const struct emitter *emitter, uint32_t reg)
{
    for (uint32_t head = 0; head < emitter->flow->count; head++) {
        if (emitter->rounds[head].packs && emitter->rounds[head].head == head &&
            (is_in(emitter, head, reg, live_is_set) || is_in(emitter, head, reg, live_is_read))) {
            return true;
        }
    }
    return false;
}

void pack_begin_frame(struct emitter *emitter)
{
    uint32_t block = 0;

    while (block < emitter->flow->count && !emitter->rounds[block].packs) {
        block++;
    }
    if (block == emitter->flow->count) {
        return;
    }
    emit(emitter, "%%packed = alloca <16 x i32>, align 64");
    emit(emitter, "%%pack_rounds = alloca i32, align 4");
    emit(emitter, "%%pack_lanes = alloca i32, align 4");
    emit(emitter, "%%pack_left = alloca i32, align 4");
    emit(emitter, "%%pack_at = alloca i32, align 4");
    emitter->is_half = true;
    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        if (emitter->uniform.differs[reg] && is_packed(emitter, reg)) {
            emit(emitter, "%%q%u.0 = alloca %s, align 64", reg, emit_register_type(emitter, reg));
        }
    }
    emitter->is_half = false;
}

/* ---- When ---- */

static void branch_where_few(struct emitter *emitter, unsigned number)
{
    value bits = round_lanes(emitter).bits, count, few;

    emit(emitter, "store i32 %%t%u, ptr %%pack_lanes, align 4", bits);
    count = emit_value(emitter, "call i32 @llvm.ctpop.i32(i32 %%t%u)", bits);
    few = emit_value(emitter, "icmp ule i32 %%t%u, %u", count, HALF);
    emit(emitter, "br i1 %%t%u, label %%q%u, label %%o%u", few,
         emitter->rounds[emitter->block].head, number);
    text_add(emitter->out, "o%u:\n", number);
}

void pack_enter(struct emitter *emitter)
{
    emit(emitter, "store i32 0, ptr %%pack_rounds, align 4");
    branch_where_few(emitter, ++emitter->labels);
}

void pack_branch(struct emitter *emitter)
{
    unsigned number = ++emitter->labels;
    value rounds = emit_value(emitter, "load i32, ptr %%pack_rounds, align 4"), is_time;

    rounds = emit_value(emitter, "add i32 %%t%u, 1", rounds);
    emit(emitter, "store i32 %%t%u, ptr %%pack_rounds, align 4", rounds);
    rounds = emit_value(emitter, "and i32 %%t%u, %u", rounds, ROUNDS - 1);
    is_time = emit_value(emitter, "icmp eq i32 %%t%u, 0", rounds);
    emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u", is_time, number, number);
    text_add(emitter->out, "b%u:\n", number);
    branch_where_few(emitter, number);
}

value pack_bits(struct emitter *emitter)
{
    return emit_value(emitter, "load i32, ptr %%pack_lanes, align 4");
}

value pack_left(struct emitter *emitter)
{
    value at =
        emit_value(emitter, "getelementptr i8, ptr %%w, i64 %zu", offsetof(struct warp, packed));

    emit(emitter, "store i32 %%t%u, ptr %%t%u, align 4, !tbaa !1", pack_bits(emitter), at);
    return round_lanes(emitter).bits;
}

/* ---- There and back ---- */

static value packed_slot(struct emitter *emitter, unsigned slot)
{
    return emit_value(emitter, "getelementptr i8, ptr %%slots, i64 %u", slot * 512 + PACKED_AT);
}

/* One lane's values of all registers between its own place and that in the order of those packed.
 */
static void copy_lane(struct emitter *emitter, is_moved *is, value lane, value place, bool back)
{
    unsigned slot = 0;

    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        if (is(emitter, emitter->rounds[emitter->block].head, reg)) {
            unsigned bits = size_of(emitter, reg) * 8;
            value own = emit_value(emitter, "getelementptr i%u, ptr %%t%u, i32 %%t%u", bits,
                                   emit_slot(emitter, slot), lane);
            value packed = emit_value(emitter, "getelementptr i%u, ptr %%t%u, i32 %%t%u", bits,
                                      packed_slot(emitter, slot), place);
            value moved = emit_value(emitter, "load i%u, ptr %%t%u, align %u", bits,
                                     back ? packed : own, bits / 8);

            emit(emitter, "store i%u %%t%u, ptr %%t%u, align %u", bits, moved, back ? own : packed,
                 bits / 8);
            slot++;
        }
    }
}

static void copy_lanes(struct emitter *emitter, is_moved *is, bool back)
{
    unsigned number = ++emitter->labels;
    value left, lane, place;

    emit(emitter, "store i32 %%t%u, ptr %%pack_left, align 4", pack_bits(emitter));
    emit(emitter, "store i32 0, ptr %%pack_at, align 4");
    emit(emitter, "br label %%b%u", number);
    text_add(emitter->out, "b%u:\n", number);
    left = emit_value(emitter, "load i32, ptr %%pack_left, align 4");
    place = emit_value(emitter, "load i32, ptr %%pack_at, align 4");
    lane = emit_value(emitter, "call i32 @llvm.cttz.i32(i32 %%t%u, i1 true)", left);
    copy_lane(emitter, is, lane, place, back);
    emit(emitter, "store i32 %%t%u, ptr %%pack_at, align 4",
         emit_value(emitter, "add i32 %%t%u, 1", place));
    left = emit_value(emitter, "and i32 %%t%u, %%t%u", left,
                      emit_value(emitter, "sub i32 %%t%u, 1", left));
    emit(emitter, "store i32 %%t%u, ptr %%pack_left, align 4", left);
    emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u",
         emit_value(emitter, "icmp ne i32 %%t%u, 0", left), number, number);
    text_add(emitter->out, "o%u:\n", number);
}

/* Between registers, %r or %q, and the slots. */
static void copy_register(struct emitter *emitter, uint32_t reg, value memory, bool stores)
{
    const char *type = emit_register_type(emitter, reg);
    char kind = emit_register_kind(emitter, reg);
    value moved;

    if (stores) {
        moved = emit_value(emitter, "load %s, ptr %%%c%u.0, align 64", type, kind, reg);
        emit(emitter, "store %s %%t%u, ptr %%t%u, align 64", type, moved, memory);
    } else {
        moved = emit_value(emitter, "load %s, ptr %%t%u, align 64", type, memory);
        emit(emitter, "store %s %%t%u, ptr %%%c%u.0, align 64", type, moved, kind, reg);
    }
}

static void copy_registers(struct emitter *emitter, is_moved *is, bool stores)
{
    unsigned slot = 0;

    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        if (is(emitter, emitter->rounds[emitter->block].head, reg)) {
            copy_register(emitter, reg,
                          emitter->is_half ? packed_slot(emitter, slot) : emit_slot(emitter, slot),
                          stores);
            slot++;
        }
    }
}

/* ---- Counters ---- */

static const struct ptx_instruction *first_of(const struct emitter *emitter, uint32_t head)
{
    return &emitter->function->instructions[emitter->flow->blocks[head].first];
}

/* The loop's only instruction that sets a register; NULL: there are several. */
static const struct ptx_instruction *only_setting(const struct emitter *emitter, uint32_t head,
                                                  uint32_t reg)
{
    uint32_t last = emitter->flow->blocks[head].loop_end - 1;
    const struct ptx_instruction *end =
        &emitter->function->instructions[emitter->flow->blocks[last].end];
    const struct ptx_instruction *found = live_last_setting(first_of(emitter, head), end, reg);

    return found == NULL || live_last_setting(first_of(emitter, head), found, reg) != NULL ? NULL
                                                                                           : found;
}

/* A register of 32 bits and a number, without saturation. */
static bool is_step(const struct ptx_instruction *instruction)
{
    return instruction != NULL && instruction->opcode == PTX_ADD &&
           ptx_is_long_integer(ptx_type_word(instruction, 0)) &&
           ptx_type_bits(ptx_type_word(instruction, 0)) == 32 &&
           !ptx_has_word(instruction, PTX_W_SAT) &&
           ptx_is_plain_register(&instruction->operands[0]) &&
           ptx_is_plain_register(&instruction->operands[1]) &&
           instruction->operands[2].kind == PTX_O_INTEGER;
}

/* What a counter of all lanes has next, of which each lane keeps that of its last round: it goes on
 * with the counter while the lane takes part. */
static bool is_count(const struct emitter *emitter, uint32_t head,
                     const struct ptx_instruction *instruction)
{
    const struct ptx_instruction *counter;
    uint32_t reg, of_all;

    if (emitter->options->has_masks || !is_step(instruction) ||
        instruction >= &emitter->function->instructions[emitter->flow->blocks[head].end]) {
        return false;
    }
    reg = instruction->operands[0].reg;
    of_all = instruction->operands[1].reg;
    counter = only_setting(emitter, head, of_all);
    return is_given(emitter, head, reg) && !is_taken(emitter, head, reg) &&
           only_setting(emitter, head, reg) == instruction && !emitter->uniform.differs[of_all] &&
           is_step(counter) && counter > instruction && counter->operands[1].reg == of_all &&
           counter->operands[2].bits == instruction->operands[2].bits;
}

bool pack_count(struct emitter *emitter)
{
    uint32_t reg;
    value counted, stays;

    if (!is_count(emitter, emitter->rounds[emitter->block].head, emitter->instruction)) {
        return false;
    }
    reg = emitter->instruction->operands[0].reg;
    counted = emit_value(emitter, "load <32 x i32>, ptr %%q%u.0, align 64", reg);
    stays = emit_value(emitter, "mul <32 x i32> %%t%u, splat (i32 %d)", round_numbers(emitter),
                       (int)(int32_t)emitter->instruction->operands[2].bits);
    counted = emit_value(emitter, "sub <32 x i32> %%t%u, %%t%u", counted, stays);
    emit(emitter, "store <32 x i32> %%t%u, ptr %%q%u.0, align 64", counted, reg);
    return true;
}

/* Counts begin where their counters do. */
static void begin_counts(struct emitter *emitter)
{
    uint32_t head = emitter->rounds[emitter->block].head;
    const struct flow_block *block = &emitter->flow->blocks[head];

    for (uint32_t i = block->first; i < block->end; i++) {
        const struct ptx_instruction *instruction = &emitter->function->instructions[i];

        if (is_count(emitter, head, instruction)) {
            value counter =
                emit_value(emitter, "load i32, ptr %%r%u.0, align 8", instruction->operands[1].reg);

            counter = emit_splat_scalar(emitter, PTX_W_B32, counter);
            emit(emitter, "store <32 x i32> %%t%u, ptr %%q%u.0, align 64", counter,
                 instruction->operands[0].reg);
        }
    }
}

/* The first ones of 16 take part. */
static void enter_packed(struct emitter *emitter)
{
    value count = emit_value(emitter, "call i32 @llvm.ctpop.i32(i32 %%t%u)", pack_bits(emitter));
    value numbers = emit_value(emitter, "load <32 x i32>, ptr @lane_numbers, align 64");

    count = emit_splat_scalar(emitter, PTX_W_B32, count);
    round_enter(emitter, emit_value(emitter, "icmp ult <32 x i32> %%t%u, %%t%u", numbers, count));
}

void pack_lanes(struct emitter *emitter)
{
    copy_registers(emitter, is_taken, true);
    copy_lanes(emitter, is_taken, false);
    emitter->is_half = true;
    copy_registers(emitter, is_taken, false);
    begin_counts(emitter);
    enter_packed(emitter);
}

/* The other lanes have what they had. */
void pack_spread(struct emitter *emitter)
{
    copy_registers(emitter, is_given, true);
    emitter->is_half = false;
    copy_registers(emitter, is_given, true);
    copy_lanes(emitter, is_given, true);
    copy_registers(emitter, is_given, false);
}
