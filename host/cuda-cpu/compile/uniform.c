/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/uniform.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/compile/live.h"
#include "host/cuda-cpu/ptx/instruction.h"

#define SIDES 64           /* ways that part at one branch and are told from each other */
#define WORK_MAX 100000000 /* steps, after which registers differ unless they are constant */
#define LIVE_MAX 4000000   /* words of sets */

struct finder {
    struct uniform *uniform;
    const struct ptx_function *function;
    const struct flow *flow;
    bool *constant;     /* registers that have one value at all times */
    uint32_t *settings; /* of each register: instructions that set it */
    bool *is_done;      /* blocks whose branch was looked at */
    uint64_t *sides;    /* of each block, of the branch that is looked at: who comes through */
    bool *waits, *ran;
    uint64_t *setting_sides; /* of each register, of this branch */
    uint32_t *setting_branch;
    uint32_t branches;
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
    return is_lane_by_lane(instruction->opcode) && !has_carry(instruction) &&
           are_same(uniform, NULL, instruction);
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

/* A kernel's parameter by its name does not change. */
static bool is_parameter(const struct ptx_operand *address)
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

static bool sets_constant(const struct finder *finder, const struct ptx_instruction *instruction)
{
    if (instruction->has_guard) {
        return false;
    }
    if (instruction->opcode == PTX_LD) {
        return is_parameter(&instruction->operands[1]);
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

static void count_setting(void *context, uint32_t reg)
{
    struct finder *finder = context;

    finder->settings[reg]++;
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
        live_visit_set(&function->instructions[i], count_setting, finder);
    }
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

static uint32_t successor(const struct flow_block *block, size_t index)
{
    return index < block->target_count ? block->targets[index] : block->next;
}

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

/* The next block at which lanes wait, in the order of flow.h. */
static uint32_t next_waiting(const struct finder *finder, uint32_t from)
{
    const struct flow_block *blocks = finder->flow->blocks;

    for (uint32_t block = from; block < finder->flow->count; block++) {
        if (finder->waits[block]) {
            return block;
        }
        finder->uniform->passed[block] |= block != from;
        for (uint32_t loop = blocks[block].loop;
             loop != FLOW_END && blocks[loop].loop_end == block + 1; loop = blocks[loop].outer) {
            if (finder->waits[loop]) {
                return loop;
            }
        }
    }
    return FLOW_END;
}

static void send(struct finder *finder, uint32_t block, uint64_t sides, size_t *waiting)
{
    if (block >= finder->flow->count || (finder->sides[block] & sides) == sides) {
        return;
    }
    finder->sides[block] |= sides;
    *waiting += !finder->waits[block];
    finder->waits[block] = true;
}

static void differ(void *context, uint32_t reg)
{
    struct finder *finder = context;

    if (!finder->constant[reg] && !finder->uniform->differs[reg]) {
        finder->uniform->differs[reg] = finder->changed = true;
    }
}

/* What is read behind the branch is older than it. */
static bool crosses(const struct finder *finder, const struct flow_block *branch, uint32_t reg)
{
    for (size_t i = 0; i <= branch->target_count; i++) {
        uint32_t next = successor(branch, i);

        if (next < finder->flow->count && live_has(&finder->uniform->live, next, reg)) {
            return true;
        }
    }
    return false;
}

/* A block that some of the lanes run. */
struct apart {
    struct finder *finder;
    const struct flow_block *branch;
    uint64_t sides;
};

static void set_apart(void *context, uint32_t reg)
{
    const struct apart *apart = context;
    struct finder *finder = apart->finder;
    bool is_first = finder->setting_branch[reg] != finder->branches;

    if (apart->branch->target_count >= SIDES || crosses(finder, apart->branch, reg) ||
        (!is_first && finder->setting_sides[reg] != apart->sides)) {
        differ(finder, reg);
    }
    finder->setting_branch[reg] = finder->branches;
    finder->setting_sides[reg] = apart->sides;
}

static void look_at_settings(struct finder *finder, const struct flow_block *branch)
{
    for (uint32_t number = 0; number < finder->flow->count; number++) {
        const struct flow_block *block = &finder->flow->blocks[number];
        struct apart apart = {finder, branch, finder->ran[number] ? finder->sides[number] : 0};

        for (uint32_t i = block->first; apart.sides && i < block->end; i++) {
            live_visit_set(&finder->function->instructions[i], set_apart, &apart);
            finder->work += branch->target_count + 1;
        }
        finder->uniform->apart[number] |= finder->ran[number];
        finder->sides[number] = 0;
        finder->waits[number] = finder->ran[number] = false;
    }
    finder->work += finder->flow->count;
}

static void send_on(struct finder *finder, const struct flow_block *block, uint64_t sides,
                    size_t *waiting)
{
    for (size_t i = 0; i <= block->target_count; i++) {
        send(finder, successor(block, i), sides ? sides : UINT64_C(1) << i % SIDES, waiting);
    }
}

/* Runs the lanes until they are together again: until all that are left wait at one block. */
static void part(struct finder *finder, uint32_t number)
{
    uint32_t block = number;
    size_t waiting = 0;

    finder->branches++;
    send_on(finder, &finder->flow->blocks[number], 0, &waiting);
    while (waiting > 1 && finder->work < WORK_MAX) {
        block = next_waiting(finder, block);
        assert(block != FLOW_END); /* a way back leads to the head of a loop around it */
        finder->waits[block] = false;
        finder->ran[block] = true;
        finder->uniform->passed[block] = true; /* some lanes may come to it, or none */
        waiting--;
        send_on(finder, &finder->flow->blocks[block], finder->sides[block], &waiting);
        finder->work += finder->flow->count;
    }
    if (waiting == 1) {
        next_waiting(finder, block); /* where they meet: what lies before it is passed */
    }
    look_at_settings(finder, &finder->flow->blocks[number]);
}

static bool parts(const struct finder *finder, const struct flow_block *block)
{
    const struct ptx_instruction *last = &finder->function->instructions[block->end - 1];

    return block->target_count &&
           ((last->has_guard && finder->uniform->differs[last->guard]) ||
            (last->opcode == PTX_BRX && !is_same(finder->uniform, NULL, &last->operands[0])));
}

/* A branch by a table looks for its lanes block by block, when they go one way, too. */
static void pass_tables(struct finder *finder)
{
    for (uint32_t i = 0; i < finder->flow->count; i++) {
        if (finder->function->instructions[finder->flow->blocks[i].end - 1].opcode == PTX_BRX) {
            memset(finder->uniform->passed, true, finder->flow->count * sizeof(bool));
        }
    }
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

static void spread(struct finder *finder)
{
    const struct ptx_function *function = finder->function;

    do {
        finder->changed = false;
        for (size_t i = 0; i < function->instruction_count; i++) {
            if (!sets_same(finder->uniform, &function->instructions[i])) {
                live_visit_set(&function->instructions[i], differ, finder);
            }
        }
        for (uint32_t i = 0; i < finder->flow->count; i++) {
            if (!finder->is_done[i] && parts(finder, &finder->flow->blocks[i])) {
                finder->is_done[i] = finder->changed = true;
                part(finder, i);
            }
        }
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

static bool find(struct finder *finder)
{
    bool is_small = live_size(finder->function, finder->flow) < LIVE_MAX;

    start(finder);
    find_constants(finder);
    if (is_small) {
        if (!live_create(finder->function, finder->flow, &finder->uniform->live)) {
            return false;
        }
        find_staying(finder);
        spread(finder);
        pass_tables(finder);
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
    finder->settings = calloc(registers, sizeof(uint32_t));
    finder->setting_sides = calloc(registers, sizeof(uint64_t));
    finder->setting_branch = calloc(registers, sizeof(uint32_t));
    finder->is_done = calloc(blocks, sizeof(bool));
    finder->sides = calloc(blocks, sizeof(uint64_t));
    finder->waits = calloc(blocks, sizeof(bool));
    finder->ran = calloc(blocks, sizeof(bool));
    return finder->uniform->differs != NULL && finder->uniform->stays != NULL &&
           finder->uniform->own != NULL && finder->uniform->apart != NULL &&
           finder->uniform->passed != NULL && finder->uniform->constants != NULL &&
           finder->constant != NULL && finder->settings != NULL && finder->setting_sides != NULL &&
           finder->setting_branch != NULL && finder->is_done != NULL && finder->sides != NULL &&
           finder->waits != NULL && finder->ran != NULL;
}

bool uniform_create(const struct ptx_function *function, const struct flow *flow,
                    struct uniform *uniform)
{
    struct finder finder = {.uniform = uniform, .function = function, .flow = flow};
    bool done;

    memset(uniform, 0, sizeof(*uniform));
    done = allocate(&finder) && find(&finder);
    free(finder.constant);
    free(finder.settings);
    free(finder.setting_sides);
    free(finder.setting_branch);
    free(finder.is_done);
    free(finder.sides);
    free(finder.waits);
    free(finder.ran);
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
