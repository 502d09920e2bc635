/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/remat.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/compile/live.h"
#include "host/cuda-cpu/ptx/instruction.h"

#define OPERANDS_MAX 4
#define NONE UINT32_MAX

struct finder {
    struct ptx_function *own;
    struct ptx_operand *operands; /* behind the instructions, for those that change */
    uint32_t *set_by;             /* of each register: the last instruction of the block; or NONE */
    uint32_t at;
};

/* Of the lane's own values alone, and quickly. */
static bool is_cheap(const struct ptx_instruction *instruction)
{
    switch (instruction->opcode) {
    case PTX_ADD:
    case PTX_SUB:
    case PTX_MUL:
    case PTX_MAD:
    case PTX_FMA:
    case PTX_AND:
    case PTX_OR:
    case PTX_XOR:
    case PTX_NOT:
    case PTX_SHL:
    case PTX_SHR:
    case PTX_MIN:
    case PTX_MAX:
    case PTX_NEG:
    case PTX_SELP:
    case PTX_SETP:
        return instruction->operand_count <= OPERANDS_MAX && !instruction->has_guard &&
               !ptx_has_word(instruction, PTX_W_CC);
    default:
        return false;
    }
}

static bool is_plain_register(const struct finder *finder, const struct ptx_operand *operand)
{
    return ptx_is_plain_register(operand) && !operand->negated &&
           finder->own->registers[operand->reg].vector == 1;
}

/* It has the value that it had before this instruction. */
static bool is_as_before(const struct finder *finder, const struct ptx_operand *operand,
                         uint32_t instruction)
{
    switch (operand->kind) {
    case PTX_O_INTEGER:
    case PTX_O_FLOAT32:
    case PTX_O_FLOAT64:
        return true;
    case PTX_O_REGISTER:
        return finder->set_by[operand->reg] == NONE || finder->set_by[operand->reg] < instruction;
    default:
        return false;
    }
}

static bool is_computed_again(const struct finder *finder, uint32_t instruction)
{
    const struct ptx_instruction *computed = &finder->own->instructions[instruction];

    if (!is_cheap(computed) || !is_plain_register(finder, &computed->operands[0])) {
        return false;
    }
    for (size_t i = 1; i < computed->operand_count; i++) {
        if (!is_as_before(finder, &computed->operands[i], instruction)) {
            return false;
        }
    }
    return true;
}

/* NONE: the move stays one. */
static uint32_t computation_of(const struct finder *finder, const struct ptx_instruction *move)
{
    const struct ptx_register *registers = finder->own->registers;
    uint32_t found;

    if (move->opcode != PTX_MOV || move->operand_count != 2 ||
        !is_plain_register(finder, &move->operands[0]) ||
        !is_plain_register(finder, &move->operands[1]) ||
        registers[move->operands[0].reg].type != registers[move->operands[1].reg].type) {
        return NONE;
    }
    found = finder->set_by[move->operands[1].reg];
    return found != NONE && is_computed_again(finder, found) ? found : NONE;
}

static void compute_again(struct finder *finder, struct ptx_instruction *move, uint32_t from)
{
    struct ptx_instruction computed = finder->own->instructions[from];

    memcpy(finder->operands, computed.operands,
           computed.operand_count * sizeof(*computed.operands));
    finder->operands[0].reg = move->operands[0].reg;
    computed.operands = finder->operands;
    finder->operands += computed.operand_count;
    computed.has_guard = move->has_guard;
    computed.guard_negated = move->guard_negated;
    computed.guard = move->guard;
    computed.at = move->at;
    computed.location = move->location;
    *move = computed;
}

static void note_set(void *context, uint32_t reg)
{
    struct finder *finder = context;

    finder->set_by[reg] = finder->at;
}

static void note_none(void *context, uint32_t reg)
{
    struct finder *finder = context;

    finder->set_by[reg] = NONE;
}

static void look_at(struct finder *finder, const struct flow_block *block)
{
    for (finder->at = block->first; finder->at < block->end; finder->at++) {
        struct ptx_instruction *instruction = &finder->own->instructions[finder->at];
        uint32_t computed = computation_of(finder, instruction);

        if (computed != NONE) {
            compute_again(finder, instruction, computed);
        }
        live_visit_set(instruction, note_set, finder);
    }
    for (uint32_t i = block->first; i < block->end; i++) {
        live_visit_set(&finder->own->instructions[i], note_none, finder);
    }
}

bool remat_create(const struct ptx_function *function, const struct flow *flow,
                  struct ptx_function *own)
{
    struct finder finder = {.own = own};
    size_t count = function->instruction_count, size = count * sizeof(*own->instructions);

    *own = *function;
    own->instructions = malloc(size + count * OPERANDS_MAX * sizeof(*finder.operands) + 1);
    finder.set_by = malloc((function->register_count + 1) * sizeof(*finder.set_by));
    if (own->instructions == NULL || finder.set_by == NULL) {
        free(finder.set_by);
        remat_destroy(own);
        return false;
    }
    memcpy(own->instructions, function->instructions, size);
    finder.operands = (struct ptx_operand *)(own->instructions + count);
    memset(finder.set_by, 0xFF, (function->register_count + 1) * sizeof(*finder.set_by));
    for (size_t i = 0; i < flow->count; i++) {
        look_at(&finder, &flow->blocks[i]);
    }
    free(finder.set_by);
    return true;
}

void remat_destroy(struct ptx_function *own)
{
    free(own->instructions);
    own->instructions = NULL;
}
