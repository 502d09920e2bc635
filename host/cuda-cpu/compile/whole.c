/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/whole.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/compile/kernel.h"
#include "host/cuda-cpu/compile/step.h"
#include "host/cuda-cpu/compile/wait.h"
#include "host/cuda-cpu/ptx/instruction.h"

#define OPEN_MAX 16        /* groups that are added to at one time */
#define SPAN_MAX (1 << 20) /* bytes that a group reaches over */
#define ITEMS_MAX 4

struct planner {
    const struct ptx_function *function;
    const struct uniform *uniform;
    const struct flow *flow;
    struct step step;
    unsigned row; /* lanes; 0: not known */
    bool is_checked;
    bool has_masks; /* the processor gathers, and compares addresses, quickly */
    struct whole *whole;
    struct whole_access *open[OPEN_MAX]; /* leaders */
    size_t open_count;
};

static bool is_atomic(const struct ptx_instruction *instruction)
{
    return instruction->opcode == PTX_ATOM || instruction->opcode == PTX_RED;
}

/* The place of the address among the operands; the other one, or the next, is the value. */
static const struct ptx_operand *address_of(const struct ptx_instruction *instruction)
{
    switch (instruction->opcode) {
    case PTX_LD:
    case PTX_LDU:
    case PTX_ATOM:
        return &instruction->operands[1];
    case PTX_ST:
    case PTX_RED:
        return &instruction->operands[0];
    default:
        return NULL;
    }
}

static const struct ptx_operand *value_of(const struct ptx_instruction *instruction)
{
    bool is_load = instruction->opcode == PTX_LD || instruction->opcode == PTX_LDU;

    return is_load ? &instruction->operands[0] : address_of(instruction) + 1;
}

/* Of many, some may be done before the others: the last exchange is all that stays. */
static bool is_associative(const struct ptx_instruction *instruction)
{
    return ptx_type_kind(ptx_type_word(instruction, 0)) != PTX_FLOAT &&
           !ptx_has_word(instruction, PTX_W_INC) && !ptx_has_word(instruction, PTX_W_DEC);
}

/* The space that is named, or of the variable; REG: any. */
static enum ptx_space space_of(const struct ptx_instruction *instruction,
                               const struct ptx_operand *base)
{
    if (base->kind == PTX_O_SYMBOL) {
        return base->symbol->kind != PTX_S_VARIABLE ? PTX_SPACE_PARAM
               : base->symbol->variable->in_frame   ? PTX_SPACE_LOCAL
                                                    : base->symbol->variable->space;
    }
    if (ptx_has_word(instruction, PTX_W_SHARED) || ptx_has_word(instruction, PTX_W_SHARED_CTA)) {
        return PTX_SPACE_SHARED;
    }
    return ptx_has_word(instruction, PTX_W_LOCAL)    ? PTX_SPACE_LOCAL
           : ptx_has_word(instruction, PTX_W_GLOBAL) ? PTX_SPACE_GLOBAL
           : ptx_has_word(instruction, PTX_W_CONST)  ? PTX_SPACE_CONST
           : ptx_has_word(instruction, PTX_W_PARAM) ||
                   ptx_has_word(instruction, PTX_W_PARAM_ENTRY) ||
                   ptx_has_word(instruction, PTX_W_PARAM_FUNC) ||
                   ptx_has_word(instruction, PTX_W_SHARED_CLUSTER)
               ? PTX_SPACE_PARAM
               : PTX_SPACE_REG;
}

/* What processors do to integers; and sums of floats where nobody else looks, and none is flushed.
 */
static bool is_plain_atomic(const struct ptx_instruction *instruction, enum ptx_space space)
{
    enum ptx_word type = ptx_type_word(instruction, 0);
    unsigned bits = ptx_type_bits(type);

    if (bits != 32 && bits != 64) {
        return false;
    }
    switch (ptx_type_kind(type)) {
    case PTX_SIGNED:
    case PTX_UNSIGNED:
    case PTX_BITS:
        return true;
    default:
        return (type == PTX_W_F32 || type == PTX_W_F64) && space == PTX_SPACE_SHARED &&
               ptx_has_word(instruction, PTX_W_ADD);
    }
}

static bool is_strong(const struct ptx_instruction *instruction)
{
    return ptx_has_word(instruction, PTX_W_VOLATILE) || ptx_has_word(instruction, PTX_W_RELAXED) ||
           ptx_has_word(instruction, PTX_W_ACQUIRE) || ptx_has_word(instruction, PTX_W_RELEASE) ||
           ptx_has_word(instruction, PTX_W_MMIO);
}

static unsigned item_count(const struct planner *planner, const struct ptx_operand *operand)
{
    return operand->kind == PTX_O_LIST ? (unsigned)operand->count
           : operand->kind == PTX_O_REGISTER && operand->select == NULL
               ? planner->function->registers[operand->reg].vector
               : 1;
}

static enum whole_kind kind_of(const struct planner *planner,
                               const struct ptx_instruction *instruction,
                               const struct whole_access *access)
{
    int64_t step;

    if (instruction->opcode == PTX_ATOM) {
        return WHOLE_SCATTERED;
    }
    if (uniform_is_address(planner->uniform, instruction, address_of(instruction))) {
        return is_atomic(instruction) && !is_associative(instruction) ? WHOLE_SCATTERED
                                                                      : WHOLE_UNIFORM;
    }
    if (is_atomic(instruction)) {
        return WHOLE_SCATTERED;
    }
    step = planner->step.steps[access->base->reg];
    if (planner->row && step == (int64_t)access->size * access->count) {
        return WHOLE_ROWS;
    }
    return planner->row && step == 0 ? WHOLE_ROW_SAME : WHOLE_SCATTERED;
}

/* What a check is asked for: words of all lanes, beside each other or read from one place. */
static bool can_be_told(const struct planner *planner, const struct whole_access *access)
{
    bool is_same = access->kind == WHOLE_UNIFORM ||
                   (access->kind == WHOLE_ROW_SAME && planner->row == WARP_LANES);

    return !access->is_atomic && access->size * access->count >= 4 &&
           (is_same ? !access->is_store : access->kind == WHOLE_ROWS && planner->row == WARP_LANES);
}

/* Guarded by what differs, volatile, or local: these go the other way. */
static bool plan(const struct planner *planner, const struct ptx_instruction *instruction,
                 struct whole_access *access)
{
    const struct ptx_operand *address = address_of(instruction);
    enum ptx_space space;

    if (address == NULL || address->base == NULL ||
        (instruction->has_guard && planner->uniform->differs[instruction->guard])) {
        return false;
    }
    space = space_of(instruction, address->base);
    if (is_atomic(instruction) ? !is_plain_atomic(instruction, space) : is_strong(instruction)) {
        return false;
    }
    *access = (struct whole_access){
        .is_store = instruction->opcode == PTX_ST || is_atomic(instruction),
        .is_atomic = is_atomic(instruction),
        .is_shared = space == PTX_SPACE_SHARED,
        .size = ptx_type_bits(ptx_type_word(instruction, 0)) / 8,
        .count = item_count(planner, value_of(instruction)),
        .base = address->base,
        .offset = address->base->offset,
    };
    if (space == PTX_SPACE_LOCAL || space == PTX_SPACE_PARAM || access->size == 0 ||
        access->size > 8 || access->count > ITEMS_MAX || access->count == 3 ||
        (address->base->kind != PTX_O_REGISTER && address->base->kind != PTX_O_SYMBOL)) {
        return false;
    }
    access->kind = kind_of(planner, instruction, access);
    if (planner->is_checked && !can_be_told(planner, access)) {
        return false;
    }
    access->least = access->offset;
    access->end = access->offset + (int64_t)access->size * access->count;
    access->members = 1;
    access->is_planned = true;
    return true;
}

/* ---- Groups ---- */

static bool is_same_base(const struct ptx_operand *a, const struct ptx_operand *b)
{
    return a->kind == b->kind &&
           (a->kind == PTX_O_REGISTER ? a->reg == b->reg : a->symbol == b->symbol);
}

/* A check that is asked is told which of the two it is. */
static bool fits(const struct planner *planner, const struct whole_access *leader,
                 const struct whole_access *access)
{
    int64_t least = access->least < leader->least ? access->least : leader->least;
    int64_t end = access->end > leader->end ? access->end : leader->end;

    return (!planner->is_checked || leader->is_store == access->is_store) &&
           leader->is_shared == access->is_shared && leader->kind == access->kind &&
           leader->size == access->size && leader->count == access->count &&
           is_same_base(leader->base, access->base) &&
           (access->offset - leader->offset) % ((int64_t)access->size * access->count) == 0 &&
           end - least < SPAN_MAX;
}

/* It begins where the leader's group ends, for all lanes together. */
static bool follows(const struct whole_access *leader, const struct whole_access *access)
{
    int64_t length =
        (int64_t)access->size * access->count * (access->kind == WHOLE_ROWS ? WARP_LANES : 1);

    return access->offset == leader->offset + length * leader->members;
}

static void add_to(struct whole_access *leader, struct whole_access *access)
{
    leader->least = access->least < leader->least ? access->least : leader->least;
    leader->end = access->end > leader->end ? access->end : leader->end;
    leader->bounded = access->is_store ? access : leader->bounded;
    leader->members++;
    access->leader = leader;
}

static void join(struct planner *planner, struct whole_access *access, bool is_alone)
{
    for (size_t i = 0; i < planner->open_count && !is_alone; i++) {
        struct whole_access *leader = planner->open[i];

        if (fits(planner, leader, access) && (!planner->is_checked || follows(leader, access))) {
            add_to(leader, access);
            return;
        }
    }
    access->leads = true;
    access->bounded = access;
    if (!is_alone && planner->open_count < OPEN_MAX) {
        planner->open[planner->open_count++] = access;
    }
}

static void close_register(struct planner *planner, const struct ptx_operand *operand)
{
    if (operand->kind == PTX_O_LIST || operand->kind == PTX_O_PAIR) {
        for (size_t i = 0; i < operand->count; i++) {
            close_register(planner, &operand->items[i]);
        }
    }
    for (size_t i = 0; operand->kind == PTX_O_REGISTER && i < planner->open_count; i++) {
        if (planner->open[i]->base->kind == PTX_O_REGISTER &&
            planner->open[i]->base->reg == operand->reg) {
            planner->open[i--] = planner->open[--planner->open_count];
        }
    }
}

/* It writes to memory, or orders what was before it and what is behind: a check that was asked
 * earlier did not know of it. */
static bool is_news(const struct ptx_instruction *instruction)
{
    switch (instruction->opcode) {
    case PTX_ST:
    case PTX_ATOM:
    case PTX_RED:
    case PTX_FENCE:
    case PTX_MEMBAR:
    case PTX_MMA:
    case PTX_LDMATRIX:
    case PTX_STMATRIX:
    case PTX_MOVMATRIX:
    case PTX_SUST:
    case PTX_SURED:
        return true;
    case PTX_LD:
        return is_strong(instruction);
    default:
        return wait_is_of_lanes(instruction);
    }
}

/* What an instruction may change: its first operand; or everything, when others run meanwhile. */
static void close_groups(struct planner *planner, const struct ptx_instruction *instruction)
{
    if (planner->is_checked && is_news(instruction)) {
        planner->open_count = 0;
    }
    switch (instruction->opcode) {
    case PTX_BAR:
    case PTX_BARRIER:
    case PTX_CALL:
    case PTX_MBARRIER:
    case PTX_CP:
    case PTX_TRAP:
    case PTX_NANOSLEEP:
    case PTX_WMMA:
        planner->open_count = 0;
        return;
    default:
        if (instruction->operand_count) {
            close_register(planner, &instruction->operands[0]);
        }
    }
}

/* Of rows in memory that is large. */
static void note_advance(const struct planner *planner, const struct flow_block *block,
                         struct whole_access *access)
{
    if (access->kind == WHOLE_ROWS && !access->is_store && !access->is_shared) {
        access->advance = advance_of(planner->function, planner->flow, planner->uniform,
                                     (uint32_t)(block - planner->flow->blocks), access->base->reg);
    }
}

static void note_scaled(const struct planner *planner, const struct flow_block *block,
                        uint32_t instruction, struct whole_access *access)
{
    if (access->kind == WHOLE_SCATTERED && !access->is_atomic && !access->is_shared &&
        !planner->has_masks && access->base->kind == PTX_O_REGISTER) {
        access->scaled =
            scaled_of(planner->function, block, planner->uniform, instruction, access->base->reg);
    }
    if (access->scaled.index != NULL &&
        access->scaled.times % ((int64_t)access->size * access->count) != 0) {
        access->scaled = (struct scaled){0};
    }
}

static void plan_block(struct planner *planner, const struct flow_block *block)
{
    planner->open_count = 0;
    for (uint32_t i = block->first; i < block->end; i++) {
        const struct ptx_instruction *instruction = &planner->function->instructions[i];
        struct whole_access *access = &planner->whole->accesses[i];

        if (plan(planner, instruction, access)) {
            note_advance(planner, block, access);
            note_scaled(planner, block, i, access);
            join(planner, access, instruction->has_guard || access->is_atomic);
        }
        close_groups(planner, instruction);
    }
}

bool whole_create(const struct ptx_function *function, const struct flow *flow,
                  const struct uniform *uniform, const struct kernel_options *options,
                  struct whole *whole)
{
    struct planner planner = {.function = function,
                              .uniform = uniform,
                              .flow = flow,
                              .row = options->row,
                              .is_checked = options->is_checked,
                              .has_masks = options->has_masks,
                              .whole = whole};

    whole->accesses = NULL;
    if (options->masked_alone) {
        return true;
    }
    whole->accesses = calloc(function->instruction_count + 1, sizeof(*whole->accesses));
    if (whole->accesses == NULL || !step_create(function, uniform, &planner.step)) {
        whole_destroy(whole);
        return false;
    }
    for (size_t i = 0; i < flow->count; i++) {
        plan_block(&planner, &flow->blocks[i]);
    }
    step_destroy(&planner.step);
    return true;
}

void whole_destroy(struct whole *whole)
{
    free(whole->accesses);
    whole->accesses = NULL;
}
