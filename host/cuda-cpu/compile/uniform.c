/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/uniform.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/compile/live.h"
#include "host/cuda-cpu/compile/tid.h"
#include "host/cuda-cpu/device/warp.h"
#include "host/cuda-cpu/ptx/instruction.h"

#define WORK_MAX 100000000 /* steps, after which registers differ unless they are constant */
#define LIVE_MAX 4000000   /* words of sets */

struct finder {
    struct uniform *uniform;
    const struct ptx_function *function;
    const struct flow *flow;
    bool *tids;            /* registers: tid.h; NULL: rows are shorter than warps */
    bool *constant;        /* registers that have one value at all times */
    uint32_t *settings;    /* of each register: instructions that set it */
    uint64_t *settings_of; /* of each block: the registers that it sets */
    bool *is_done;         /* blocks whose branch was looked at */
    size_t words;          /* of a set of blocks */
    /* Of each block: those at which lanes wait while others run it, and which were looked at. */
    uint64_t *waiting, *followed;
    uint32_t *passed_to; /* of each block: up to where it is looked for lanes behind it */
    uint64_t work;
    bool changed;
};

/* ---- What is the same in all lanes ---- */

static bool is_lane_by_lane(enum ptx_opcode opcode)
{
    static const enum ptx_opcode opcodes[] = {
        PTX_ABS,  PTX_ADD,   PTX_AND,      PTX_BFE,   PTX_BFI,  PTX_BFIND, PTX_BMSK,  PTX_BREV,
        PTX_CLZ,  PTX_CNOT,  PTX_COPYSIGN, PTX_COS,   PTX_CVT,  PTX_DIV,   PTX_DP2A,  PTX_DP4A,
        PTX_EX2,  PTX_FMA,   PTX_FNS,      PTX_LG2,   PTX_LOP3, PTX_MAD,   PTX_MAD24, PTX_MAX,
        PTX_MIN,  PTX_MOV,   PTX_MUL,      PTX_MUL24, PTX_NEG,  PTX_NOT,   PTX_OR,    PTX_POPC,
        PTX_PRMT, PTX_RCP,   PTX_REM,      PTX_RSQRT, PTX_SAD,  PTX_SELP,  PTX_SET,   PTX_SETP,
        PTX_SHF,  PTX_SHL,   PTX_SHR,      PTX_SIN,   PTX_SLCT, PTX_SQRT,  PTX_SUB,   PTX_SZEXT,
        PTX_TANH, PTX_TESTP, PTX_XOR,
    };

    for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++) {
        if (opcodes[i] == opcode) {
            return true;
        }
    }
    return false;
}

static bool is_special_of_lane(enum ptx_special special)
{
    switch (special) {
    case PTX_SR_TID:
    case PTX_SR_LANEID:
    case PTX_SR_LANEMASK_EQ:
    case PTX_SR_LANEMASK_LE:
    case PTX_SR_LANEMASK_LT:
    case PTX_SR_LANEMASK_GE:
    case PTX_SR_LANEMASK_GT:
        return true;
    default:
        return false;
    }
}

static bool is_clock(enum ptx_special special)
{
    switch (special) {
    case PTX_SR_CLOCK:
    case PTX_SR_CLOCK_HI:
    case PTX_SR_CLOCK64:
    case PTX_SR_GLOBALTIMER:
    case PTX_SR_GLOBALTIMER_LO:
    case PTX_SR_GLOBALTIMER_HI:
        return true;
    default:
        return false;
    }
}

/* constant: by these registers; otherwise by those that differ. */
static bool is_same(const struct uniform *uniform, const bool *constant,
                    const struct ptx_operand *operand)
{
    switch (operand->kind) {
    case PTX_O_REGISTER:
        return constant != NULL ? constant[operand->reg] : !uniform->differs[operand->reg];
    case PTX_O_SPECIAL:
        return !is_special_of_lane(operand->special.name) &&
               (constant == NULL || !is_clock(operand->special.name));
    case PTX_O_LIST:
    case PTX_O_PAIR:
        for (size_t i = 0; i < operand->count; i++) {
            if (!is_same(uniform, constant, &operand->items[i])) {
                return false;
            }
        }
        return true;
    case PTX_O_ADDRESS:
        return operand->base == NULL || is_same(uniform, constant, operand->base);
    default:
        return operand->kind != PTX_O_TABLE;
    }
}

static bool has_carry(const struct ptx_instruction *instruction)
{
    return ptx_has_word(instruction, PTX_W_CC);
}

bool uniform_is_lane_by_lane(const struct ptx_instruction *instruction)
{
    return is_lane_by_lane(instruction->opcode) && !has_carry(instruction);
}

static bool are_same(const struct uniform *uniform, const bool *constant,
                     const struct ptx_instruction *instruction)
{
    for (size_t i = 1; i < instruction->operand_count; i++) {
        if (!is_same(uniform, constant, &instruction->operands[i])) {
            return false;
        }
    }
    return true;
}

bool uniform_is_computed(const struct uniform *uniform, const struct ptx_instruction *instruction)
{
    return uniform_is_lane_by_lane(instruction) && are_same(uniform, NULL, instruction);
}

static const struct ptx_variable *variable_of(const struct ptx_operand *address)
{
    const struct ptx_operand *base = address->base;

    return base != NULL && base->kind == PTX_O_SYMBOL && base->symbol->kind == PTX_S_VARIABLE
               ? base->symbol->variable
               : NULL;
}

static bool is_local(const struct ptx_instruction *instruction, const struct ptx_operand *address)
{
    const struct ptx_variable *variable = variable_of(address);

    return ptx_has_word(instruction, PTX_W_LOCAL) ||
           (variable != NULL && (variable->in_frame || variable->space == PTX_SPACE_LOCAL));
}

bool uniform_is_address(const struct uniform *uniform, const struct ptx_instruction *instruction,
                        const struct ptx_operand *address)
{
    return !is_local(instruction, address) && is_same(uniform, NULL, address);
}

bool uniform_is_parameter(const struct ptx_operand *address)
{
    const struct ptx_variable *variable = variable_of(address);

    return variable != NULL && !variable->in_frame && variable->space == PTX_SPACE_PARAM;
}

/* Whether the lanes that set registers set them to the same. */
static bool sets_same(const struct uniform *uniform, const struct ptx_instruction *instruction)
{
    if (instruction->has_guard && uniform->differs[instruction->guard]) {
        return false;
    }
    switch (instruction->opcode) {
    case PTX_LD:
    case PTX_LDU:
        return uniform_is_address(uniform, instruction, &instruction->operands[1]);
    case PTX_CVTA:
        return !ptx_has_word(instruction, PTX_W_LOCAL) && are_same(uniform, NULL, instruction);
    case PTX_ACTIVEMASK:
        return true;
    case PTX_VOTE:
    case PTX_REDUX:
        return is_same(uniform, NULL, &instruction->operands[instruction->operand_count - 1]);
    default:
        return uniform_is_computed(uniform, instruction);
    }
}

bool uniform_is_scalar(const struct uniform *uniform, const struct ptx_instruction *instruction)
{
    const struct ptx_operand *to = &instruction->operands[0];

    switch (instruction->opcode) {
    case PTX_ADD:
    case PTX_SUB:
    case PTX_CVTA:
        break;
    case PTX_LD:
        if (!uniform_is_parameter(&instruction->operands[1])) {
            return false;
        }
        break;
    default:
        return false;
    }
    return to->kind == PTX_O_REGISTER && !uniform->differs[to->reg] &&
           sets_same(uniform, instruction);
}

static bool sets_constant(const struct finder *finder, const struct ptx_instruction *instruction)
{
    if (instruction->has_guard) {
        return false;
    }
    if (instruction->opcode == PTX_LD) {
        return uniform_is_parameter(&instruction->operands[1]);
    }
    return (is_lane_by_lane(instruction->opcode) ||
            (instruction->opcode == PTX_CVTA && !ptx_has_word(instruction, PTX_W_LOCAL))) &&
           !has_carry(instruction) && are_same(finder->uniform, finder->constant, instruction);
}

static void note_constant(void *context, uint32_t reg)
{
    struct finder *finder = context;

    if (!finder->constant[reg] && finder->settings[reg] == 1 && !finder->uniform->differs[reg]) {
        finder->constant[reg] = finder->changed = true;
    }
}

static bool is_number(const struct ptx_operand *operand)
{
    return operand->kind == PTX_O_INTEGER || operand->kind == PTX_O_FLOAT32 ||
           operand->kind == PTX_O_FLOAT64 ||
           (operand->kind == PTX_O_SYMBOL && operand->symbol->kind == PTX_S_VARIABLE &&
            operand->symbol->variable->space == PTX_SPACE_SHARED);
}

/* Guards are read from where they are set. */
static void note_moved(struct finder *finder, const struct ptx_instruction *instruction)
{
    const struct ptx_operand *operands = instruction->operands;
    const struct ptx_register *reg;
    uint32_t to;

    if (instruction->opcode != PTX_MOV || instruction->has_guard ||
        operands[0].kind != PTX_O_REGISTER || !is_number(&operands[1])) {
        return;
    }
    to = operands[0].reg;
    reg = &finder->function->registers[to];
    if (reg->vector == 1 && reg->type != PTX_W_PRED && !finder->uniform->differs[to] &&
        finder->settings[to] == 1 &&
        ptx_type_bits(reg->type) == ptx_type_bits(ptx_type_word(instruction, 0))) {
        finder->uniform->constants[to] = &operands[1];
    }
}

static void find_constants(struct finder *finder)
{
    const struct ptx_function *function = finder->function;

    for (size_t i = 0; i < function->instruction_count; i++) {
        note_moved(finder, &function->instructions[i]);
    }
    do {
        finder->changed = false;
        for (size_t i = 0; i < function->instruction_count; i++) {
            if (sets_constant(finder, &function->instructions[i])) {
                live_visit_set(&function->instructions[i], note_constant, finder);
            }
        }
        finder->work += function->instruction_count;
    } while (finder->changed && finder->work < WORK_MAX);
}

/* ---- Registers that are read later on ---- */

static void find_staying(struct finder *finder)
{
    for (size_t block = 0; block < finder->flow->count; block++) {
        for (uint32_t reg = 0; reg < finder->function->register_count; reg++) {
            if (live_has(&finder->uniform->live, block, reg)) {
                finder->uniform->own[reg] = finder->uniform->stays[reg] ? FLOW_END : block;
                finder->uniform->stays[reg] = true;
            }
        }
    }
}

/* ---- Where lanes go that part ---- */

static void differ(void *context, uint32_t reg)
{
    struct finder *finder = context;

    if (!finder->constant[reg] && !finder->uniform->differs[reg]) {
        finder->uniform->differs[reg] = finder->changed = true;
    }
}

/* Where it is looked for lanes at a block, from another one on, in the order of flow.h: at the
 * block itself, or, when it is the head of a loop around the other, where that ends. */
static uint32_t place_of(const struct finder *finder, uint32_t from, uint32_t block)
{
    uint32_t place = block > from ? block : finder->flow->blocks[block].loop_end;

    assert(place > from); /* a way back leads to the head of a loop around it */
    return place;
}

/* Behind a block, one at which lanes wait runs before another one. */
static bool is_first(const struct finder *finder, uint32_t from, uint32_t one, uint32_t other)
{
    uint32_t place = place_of(finder, from, one), of_other = place_of(finder, from, other);

    if (place != of_other) {
        return place < of_other;
    }
    /* At a place loops end, from the innermost on, before a block begins. */
    return one <= from && (other > from || one > other);
}

static void pass(struct finder *finder, uint32_t from, uint32_t to)
{
    uint32_t place = place_of(finder, from, to);

    finder->passed_to[from] = place > finder->passed_to[from] ? place : finder->passed_to[from];
}

/* Some lanes come from a block to one block, some stay or come to another. */
static void part(struct finder *finder, uint32_t from, uint32_t one, uint32_t other)
{
    bool is_other = !is_first(finder, from, one, other);
    uint32_t runs = is_other ? other : one, waits = is_other ? one : other;

    finder->waiting[runs * finder->words + waits / 64] |= UINT64_C(1) << waits % 64;
}

/* What lanes set that run is not what others wait for to read. */
static void keep_apart(struct finder *finder, uint32_t runs, uint32_t waits)
{
    size_t words = finder->uniform->live.words;
    const uint64_t *set = finder->settings_of + runs * words;
    const uint64_t *read = finder->uniform->live.sets + waits * words;

    for (size_t word = 0; word < words; word++) {
        for (uint64_t both = set[word] & read[word]; both; both &= both - 1) {
            differ(finder, (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(both));
        }
    }
    finder->work += words;
}

/* Lanes run a block, or none do, while others wait at another one. */
static void follow(struct finder *finder, uint32_t runs, uint32_t waits)
{
    const struct flow_block *block = &finder->flow->blocks[runs];

    finder->uniform->apart[runs] = finder->uniform->passed[runs] = true;
    keep_apart(finder, runs, waits);
    pass(finder, runs, waits);
    for (size_t i = 0; i <= block->target_count; i++) {
        uint32_t next = flow_successor(block, i);

        if (next < finder->flow->count && next != waits) {
            part(finder, runs, next, waits);
        }
    }
    finder->work += block->target_count + 1;
}

/* Any two lanes, from where they part to where they meet. Whatever others do, the two run in the
 * same order. */
static void follow_all(struct finder *finder)
{
    bool found = true;

    while (found && finder->work < WORK_MAX) {
        found = false;
        for (size_t i = 0; i < finder->flow->count * finder->words && finder->work < WORK_MAX;
             i++) {
            uint64_t more = finder->waiting[i] & ~finder->followed[i];

            found |= more != 0;
            finder->followed[i] |= more;
            for (; more; more &= more - 1) {
                follow(finder, (uint32_t)(i / finder->words),
                       (uint32_t)(i % finder->words * 64) + (uint32_t)__builtin_ctzll(more));
            }
        }
        finder->work += finder->flow->count * finder->words;
    }
}

/* Lanes may go from a block to any of those that follow, others to any other. */
static void part_at(struct finder *finder, uint32_t number)
{
    const struct flow_block *block = &finder->flow->blocks[number];

    for (size_t i = 1; i <= block->target_count && finder->work < WORK_MAX; i++) {
        uint32_t one = flow_successor(block, i);

        for (size_t j = 0; one < finder->flow->count && j < i; j++) {
            uint32_t other = flow_successor(block, j);

            if (other < finder->flow->count && other != one) {
                part(finder, number, one, other);
            }
        }
        finder->work += i;
    }
}

/* It is looked for lanes at each block that follows. */
static void pass_all(struct finder *finder, uint32_t number)
{
    const struct flow_block *block = &finder->flow->blocks[number];

    for (size_t i = 0; i <= block->target_count; i++) {
        uint32_t next = flow_successor(block, i);

        if (next < finder->flow->count) {
            pass(finder, number, next);
        }
    }
}

static void find_passed(struct finder *finder)
{
    uint32_t to = 0;

    for (uint32_t block = 0; block < finder->flow->count; block++) {
        const struct flow_block *of = &finder->flow->blocks[block];

        if (finder->function->instructions[of->end - 1].opcode == PTX_BRX) {
            pass_all(finder, block); /* parting or not */
        }
        finder->uniform->passed[block] |= block < to;
        to = finder->passed_to[block] > to ? finder->passed_to[block] : to;
    }
}

static bool parts(const struct finder *finder, const struct flow_block *block)
{
    const struct ptx_instruction *last = &finder->function->instructions[block->end - 1];

    return block->target_count &&
           ((last->has_guard && finder->uniform->differs[last->guard]) ||
            (last->opcode == PTX_BRX && !is_same(finder->uniform, NULL, &last->operands[0])));
}

/* ---- All together ---- */

static void start(struct finder *finder)
{
    const struct ptx_function *function = finder->function;

    for (uint32_t i = 0; i < function->register_count; i++) {
        finder->uniform->differs[i] = function->registers[i].vector > 1;
    }
    for (size_t i = 0; i < function->param_count + function->result_count; i++) {
        const struct ptx_variable *variable = i < function->param_count
                                                  ? function->params[i]
                                                  : function->results[i - function->param_count];

        for (uint32_t reg = 0; variable->space == PTX_SPACE_REG && reg < function->register_count;
             reg++) {
            if (strcmp(function->registers[reg].name, variable->name) == 0) {
                finder->uniform->differs[reg] = finder->uniform->stays[reg] = true;
                finder->uniform->own[reg] = FLOW_END;
            }
        }
    }
}

/* Though it reads what differs. */
static bool finds_same(const struct finder *finder, const struct ptx_instruction *instruction)
{
    return finder->tids != NULL &&
           !(instruction->has_guard && finder->uniform->differs[instruction->guard]) &&
           tid_is_same(finder->tids, finder->uniform->constants, instruction);
}

static void spread(struct finder *finder)
{
    const struct ptx_function *function = finder->function;

    do {
        finder->changed = false;
        for (size_t i = 0; i < function->instruction_count; i++) {
            const struct ptx_instruction *instruction = &function->instructions[i];

            if (!sets_same(finder->uniform, instruction) && !finds_same(finder, instruction)) {
                live_visit_set(instruction, differ, finder);
            }
        }
        for (uint32_t i = 0; i < finder->flow->count; i++) {
            if (!finder->is_done[i] && parts(finder, &finder->flow->blocks[i])) {
                finder->is_done[i] = finder->changed = true;
                part_at(finder, i);
                pass_all(finder, i);
            }
        }
        follow_all(finder);
        finder->work += function->instruction_count;
    } while (finder->changed && finder->work < WORK_MAX);
}

/* Too large to be looked at in good time. */
static void give_up(struct finder *finder)
{
    for (uint32_t i = 0; i < finder->function->register_count; i++) {
        differ(finder, i);
        finder->uniform->stays[i] = true;
        finder->uniform->own[i] = FLOW_END;
    }
    live_destroy(&finder->uniform->live);
    memset(finder->uniform->apart, true, finder->flow->count * sizeof(bool));
    memset(finder->uniform->passed, true, finder->flow->count * sizeof(bool));
}

static bool find_sets(struct finder *finder)
{
    const struct flow *flow = finder->flow;
    size_t size = flow->count * finder->words + 1;

    if (!live_create(finder->function, flow, &finder->uniform->live)) {
        return false;
    }
    finder->settings_of =
        calloc(live_size(finder->function, flow) + 1, sizeof(*finder->settings_of));
    finder->waiting = calloc(size, sizeof(*finder->waiting));
    finder->followed = calloc(size, sizeof(*finder->followed));
    if (finder->settings_of == NULL || finder->waiting == NULL || finder->followed == NULL) {
        return false;
    }
    for (size_t block = 0; block < flow->count; block++) {
        uint64_t *set = finder->settings_of + block * finder->uniform->live.words;

        for (uint32_t i = flow->blocks[block].first; i < flow->blocks[block].end; i++) {
            live_visit_set(&finder->function->instructions[i], live_add, set);
        }
    }
    return true;
}

static bool find(struct finder *finder)
{
    bool is_small = live_size(finder->function, finder->flow) < LIVE_MAX &&
                    finder->flow->count * finder->words < LIVE_MAX;

    start(finder);
    find_constants(finder);
    if (is_small) {
        if (!find_sets(finder)) {
            return false;
        }
        find_staying(finder);
        spread(finder);
        find_passed(finder);
    }
    if (!is_small || finder->work >= WORK_MAX) {
        give_up(finder);
    }
    return true;
}

static bool allocate(struct finder *finder)
{
    size_t registers = finder->function->register_count + 1, blocks = finder->flow->count + 1;

    finder->uniform->differs = calloc(registers, sizeof(bool));
    finder->uniform->stays = calloc(registers, sizeof(bool));
    finder->uniform->own = calloc(registers, sizeof(uint32_t));
    finder->uniform->apart = calloc(blocks, sizeof(bool));
    finder->uniform->passed = calloc(blocks, sizeof(bool));
    finder->uniform->constants = calloc(registers, sizeof(const struct ptx_operand *));
    finder->constant = calloc(registers, sizeof(bool));
    finder->settings = live_count_settings(finder->function);
    finder->is_done = calloc(blocks, sizeof(bool));
    finder->passed_to = calloc(blocks, sizeof(uint32_t));
    finder->words = finder->flow->count / 64 + 1;
    return finder->uniform->differs != NULL && finder->uniform->stays != NULL &&
           finder->uniform->own != NULL && finder->uniform->apart != NULL &&
           finder->uniform->passed != NULL && finder->uniform->constants != NULL &&
           finder->constant != NULL && finder->settings != NULL && finder->is_done != NULL &&
           finder->passed_to != NULL;
}

bool uniform_create(const struct ptx_function *function, const struct flow *flow, unsigned row,
                    struct uniform *uniform)
{
    struct finder finder = {.uniform = uniform, .function = function, .flow = flow};
    bool done;

    memset(uniform, 0, sizeof(*uniform));
    done = allocate(&finder);
    if (done && row == WARP_LANES) {
        finder.tids = tid_find(function, flow, finder.settings);
        done = finder.tids != NULL;
    }
    done = done && find(&finder);
    free(finder.tids);
    free(finder.constant);
    free(finder.settings);
    free(finder.is_done);
    free(finder.settings_of);
    free(finder.waiting);
    free(finder.followed);
    free(finder.passed_to);
    if (!done) {
        uniform_destroy(uniform);
    }
    return done;
}

void uniform_destroy(struct uniform *uniform)
{
    free(uniform->differs);
    free(uniform->stays);
    free(uniform->own);
    free(uniform->apart);
    free(uniform->passed);
    free(uniform->constants);
    live_destroy(&uniform->live);
    memset(uniform, 0, sizeof(*uniform));
}
