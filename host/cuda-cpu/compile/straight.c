/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/straight.h"

#include <stdlib.h>

#include "host/cuda-cpu/compile/emit_pack.h"
#include "host/cuda-cpu/compile/first.h"
#include "host/cuda-cpu/compile/live.h"
#include "host/cuda-cpu/ptx/instruction.h"

#define INSTRUCTIONS_MAX 200 /* what is longer gains little */

/* From thread to thread, so that no number of 32 bits goes all its way round in a row. */
#define STEP_MAX (INT32_MAX / WARP_LANES / WARP_WARPS_MAX / WARP_BLOCKS_MAX)

/* What is known of a register, or an operand. Each is said by more than the one before it. */
enum origin {
    OF_BLOCK, /* the same in all threads of a row */
    IN_STEPS, /* of tid.x alone: from lane to lane as from warp to warp */
    OF_THREAD,
};

/* What %ctaid.x * %ntid.x + %tid.x, a thread's number in the grid, is made of. Nothing else may
 * read them but %ntid.x where warps of several blocks are taken for a row. */
enum part { NO_PART, OF_CTAID, OF_NTID, OF_PRODUCT, OF_TID };

struct finder {
    struct emitter *emitter;
    bool *looked_at;
    const struct ptx_instruction *late; /* the comparison that the block's branch makes; or NULL */
    enum origin *origins;               /* of each register, as it was set last */
    enum part *parts;                   /* the same */
    bool crosses;
    enum origin read; /* by the instruction, the most */
    bool reads_part;  /* of a thread's number in the grid, but for %ntid.x */
    unsigned accesses;
    bool is_half;
};

/* ---- What instructions read ---- */

static void note_register(void *context, uint32_t reg)
{
    struct finder *finder = context;

    if (finder->origins[reg] > finder->read) {
        finder->read = finder->origins[reg];
    }
    finder->reads_part |= finder->parts[reg] != NO_PART && finder->parts[reg] != OF_NTID;
}

static bool note_special(struct finder *finder, const struct ptx_operand *operand)
{
    bool is_x = operand->special.component == 0;

    switch (operand->special.name) {
    case PTX_SR_TID:
        if (is_x && finder->read < IN_STEPS) {
            finder->read = IN_STEPS;
        }
        finder->reads_part |= is_x;
        return true;
    case PTX_SR_CTAID:
        finder->reads_part |= is_x;
        return true;
    case PTX_SR_NTID:
    case PTX_SR_NCTAID:
        return true;
    default:
        return false;
    }
}

/* False: something that may be another for each warp, and is in no register. */
static bool note_operand(struct finder *finder, const struct ptx_operand *operand)
{
    bool is_known = true;

    switch (operand->kind) {
    case PTX_O_SPECIAL:
        return note_special(finder, operand);
    case PTX_O_LIST:
    case PTX_O_PAIR:
        for (size_t i = 0; i < operand->count && is_known; i++) {
            is_known = note_operand(finder, &operand->items[i]);
        }
        return is_known;
    default:
        return true;
    }
}

static bool note_reads(struct finder *finder, const struct ptx_instruction *instruction)
{
    bool is_known = true;

    finder->read = OF_BLOCK;
    finder->reads_part = false;
    live_visit_read(instruction, note_register, finder);
    for (size_t i = 0; i < instruction->operand_count && is_known; i++) {
        is_known = note_operand(finder, &instruction->operands[i]);
    }
    return is_known;
}

/* ---- A thread's number in the grid ---- */

static enum part part_of(const struct finder *finder, const struct ptx_operand *operand)
{
    if (operand->kind == PTX_O_REGISTER) {
        return finder->parts[operand->reg];
    }
    if (operand->kind != PTX_O_SPECIAL || operand->special.component != 0) {
        return NO_PART;
    }
    switch (operand->special.name) {
    case PTX_SR_CTAID:
        return OF_CTAID;
    case PTX_SR_NTID:
        return OF_NTID;
    case PTX_SR_TID:
        return OF_TID;
    default:
        return NO_PART;
    }
}

static bool are_parts(const struct finder *finder, const struct ptx_operand *operands, enum part a,
                      enum part b)
{
    return (part_of(finder, &operands[0]) == a && part_of(finder, &operands[1]) == b) ||
           (part_of(finder, &operands[0]) == b && part_of(finder, &operands[1]) == a);
}

/* Of 32 bits or more, in registers of that size, without an end that they stop at. */
static bool is_of_integers(const struct ptx_instruction *instruction)
{
    bool is_so =
        ptx_is_long_integer(ptx_type_word(instruction, 0)) && !ptx_has_word(instruction, PTX_W_SAT);

    for (size_t i = 0; i < instruction->operand_count && is_so; i++) {
        is_so = instruction->operands[i].kind == PTX_O_SPECIAL ||
                ptx_is_plain_register(&instruction->operands[i]);
    }
    return is_so;
}

/* Whether it makes the number, or a part of it. */
static bool makes_number(const struct finder *finder, const struct ptx_instruction *instruction,
                         enum part *part)
{
    const struct ptx_operand *operands = instruction->operands + 1;

    *part = NO_PART;
    if (!is_of_integers(instruction)) {
        return false;
    }
    switch (instruction->opcode) {
    case PTX_MOV:
        *part = part_of(finder, &operands[0]);
        return true;
    case PTX_MUL:
        *part = OF_PRODUCT;
        return ptx_has_word(instruction, PTX_W_LO) &&
               are_parts(finder, operands, OF_CTAID, OF_NTID);
    case PTX_ADD:
        return are_parts(finder, operands, OF_PRODUCT, OF_TID);
    case PTX_MAD:
        return ptx_has_word(instruction, PTX_W_LO) &&
               are_parts(finder, operands, OF_CTAID, OF_NTID) &&
               part_of(finder, &operands[2]) == OF_TID;
    default:
        return false;
    }
}

static void set_no_part(void *context, uint32_t reg)
{
    struct finder *finder = context;

    finder->parts[reg] = NO_PART;
}

static void note_parts(struct finder *finder, const struct ptx_instruction *instruction)
{
    enum part part;
    bool makes = makes_number(finder, instruction, &part);

    finder->crosses &= makes || !finder->reads_part;
    live_visit_set(instruction, set_no_part, finder);
    if (makes) {
        finder->parts[instruction->operands[0].reg] = part;
    }
}

/* ---- What they set ---- */

static void set_of_thread(void *context, uint32_t reg)
{
    struct finder *finder = context;

    finder->origins[reg] = OF_THREAD;
}

static enum origin origin_of_result(const struct finder *finder,
                                    const struct ptx_instruction *instruction)
{
    const struct emitter *emitter = finder->emitter;
    const struct ptx_operand *result = &instruction->operands[0];

    return result->kind != PTX_O_REGISTER                                       ? OF_THREAD
           : finder->read == OF_BLOCK && !emitter->uniform.differs[result->reg] ? OF_BLOCK
           : finder->read != OF_THREAD && affine_is_one(emitter, result->reg)   ? IN_STEPS
                                                                                : OF_THREAD;
}

/* What lies in 32 bits would wrap unseen. */
static bool is_far(const struct finder *finder, uint32_t reg)
{
    int64_t step = finder->emitter->affine.steps[reg];

    return step < -STEP_MAX || step > STEP_MAX;
}

static bool compute(struct finder *finder, const struct ptx_instruction *instruction)
{
    enum origin origin = origin_of_result(finder, instruction);

    if (origin == OF_THREAD) {
        finder->is_half &= pack_is_plain(finder->emitter, instruction);
        live_visit_set(instruction, set_of_thread, finder);
        return !affine_is_checked(finder->emitter, instruction);
    }
    finder->looked_at[instruction - finder->emitter->function->instructions] = true;
    finder->origins[instruction->operands[0].reg] = origin;
    finder->crosses &= origin != IN_STEPS || !is_far(finder, instruction->operands[0].reg);
    return true;
}

/* The comparison of an edge, which its branch makes. Equality at the outermost threads says nothing
 * of the others. */
static bool compare(struct finder *finder, const struct ptx_instruction *instruction)
{
    finder->looked_at[instruction - finder->emitter->function->instructions] = true;
    return finder->read != OF_THREAD && !ptx_has_word(instruction, PTX_W_EQ) &&
           !ptx_has_word(instruction, PTX_W_NE);
}

/* ---- Accesses ---- */

/* Where it is, is known of all warps. */
static bool is_straight(const struct finder *finder, const struct whole_access *access)
{
    const struct ptx_operand *base = access->base;
    enum origin origin = base->kind == PTX_O_REGISTER ? finder->origins[base->reg] : OF_BLOCK;

    switch (access->kind) {
    case WHOLE_UNIFORM:
        return origin == OF_BLOCK;
    case WHOLE_ROWS:
        return origin == IN_STEPS &&
               finder->emitter->affine.steps[base->reg] == (int64_t)access->size * access->count;
    default:
        return false;
    }
}

static bool touch(struct finder *finder, uint32_t number)
{
    const struct whole_access *access = &finder->emitter->whole.accesses[number];

    if (!access->is_planned || access->is_shared || access->is_atomic ||
        !is_straight(finder, access)) {
        return false;
    }
    finder->looked_at[number] = access->leads;
    finder->accesses++;
    finder->is_half &= access->count == 1;
    live_visit_set(&finder->emitter->function->instructions[number], set_of_thread, finder);
    return true;
}

/* ---- Blocks ---- */

static bool is_plain(struct finder *finder, uint32_t number)
{
    const struct ptx_instruction *instruction = &finder->emitter->function->instructions[number];

    if (instruction->has_guard || instruction->operand_count == 0 ||
        !note_reads(finder, instruction)) {
        return false;
    }
    note_parts(finder, instruction);
    if (instruction->opcode == PTX_ST ||
        (instruction->opcode == PTX_LD && !uniform_is_parameter(&instruction->operands[1]))) {
        return touch(finder, number);
    }
    if (instruction == finder->late) {
        return compare(finder, instruction);
    }
    return (instruction->opcode == PTX_LD || uniform_is_lane_by_lane(instruction) ||
            (instruction->opcode == PTX_CVTA && ptx_has_word(instruction, PTX_W_GLOBAL))) &&
           compute(finder, instruction);
}

/* A guard is the same for all, or of an edge. */
static bool is_known(const struct finder *finder, const struct ptx_instruction *last)
{
    return !last->has_guard || (!finder->emitter->uniform.differs[last->guard]
                                    ? finder->origins[last->guard] == OF_BLOCK
                                    : finder->late != NULL);
}

/* The next block in order follows, or the end. */
static bool goes_on(const struct finder *finder, const struct flow_block *block,
                    const struct ptx_instruction *last)
{
    const struct flow *flow = finder->emitter->flow;
    uint32_t next = finder->emitter->block + 1;

    if (next == flow->count) {
        return !last->has_guard || !emit_is_way_on(last);
    }
    return (last->opcode != PTX_BRX && block->next == next) ||
           (last->opcode == PTX_BRA && block->target_count == 1 && block->targets[0] == next);
}

static bool is_straight_block(struct finder *finder)
{
    struct emitter *emitter = finder->emitter;
    const struct flow_block *block = &emitter->flow->blocks[emitter->block];
    const struct ptx_instruction *last = &emitter->function->instructions[block->end - 1];
    uint32_t end = emit_is_way_on(last) ? block->end - 1 : block->end;

    finder->late = emit_edge_comparison(emitter);
    for (uint32_t i = block->first; i < end; i++) {
        if (!is_plain(finder, i)) {
            return false;
        }
    }
    return block->loop == FLOW_END && (!emit_is_way_on(last) || is_known(finder, last)) &&
           goes_on(finder, block, last);
}

static bool may_be(const struct emitter *emitter)
{
    const struct kernel_options *options = emitter->options;

    return emitter->turns.are_inside && !turns_are_taken(&emitter->turns) && options->is_full &&
           !options->is_checked && emitter->affine.steps != NULL &&
           emitter->whole.accesses != NULL &&
           emitter->function->instruction_count <= INSTRUCTIONS_MAX && first_begins_anew(emitter);
}

static bool find(struct finder *finder)
{
    struct emitter *emitter = finder->emitter;
    bool is_found = may_be(emitter);

    for (emitter->block = 0; emitter->block < emitter->flow->count && is_found; emitter->block++) {
        is_found = is_straight_block(finder);
    }
    return is_found && finder->accesses;
}

bool straight_create(struct emitter *emitter, struct straight *straight)
{
    const struct ptx_function *function = emitter->function;
    struct finder finder = {.emitter = emitter, .is_half = true, .crosses = true};
    bool done;

    *straight = (struct straight){0};
    finder.origins = calloc(function->register_count + 1, sizeof(*finder.origins));
    finder.parts = calloc(function->register_count + 1, sizeof(*finder.parts));
    straight->firsts = malloc((function->instruction_count + 1) * sizeof(*straight->firsts));
    finder.looked_at = calloc(function->instruction_count + 1, sizeof(*finder.looked_at));
    straight->are_looked_at = finder.looked_at;
    done = finder.origins != NULL && finder.parts != NULL && straight->firsts != NULL &&
           finder.looked_at != NULL;
    if (!done || !find(&finder)) {
        straight_destroy(straight);
    }
    straight->is_half = finder.is_half;
    straight->crosses = finder.crosses;
    free(finder.parts);
    free(finder.origins);
    return done;
}

void straight_destroy(struct straight *straight)
{
    free(straight->are_looked_at);
    free(straight->firsts);
    *straight = (struct straight){0};
}

bool straight_is(const struct emitter *emitter)
{
    return emitter->straight.are_looked_at != NULL;
}
