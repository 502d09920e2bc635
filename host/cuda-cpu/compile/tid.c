/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/tid.h"

#include <stdlib.h>

#include "host/cuda-cpu/device/warp.h"
#include "host/cuda-cpu/ptx/instruction.h"

#define LANE_BITS 5 /* of a lane's number */

/* ---- Which registers ---- */

static bool is_tid(const bool *tids, const struct ptx_operand *operand)
{
    return (operand->kind == PTX_O_SPECIAL && operand->special.name == PTX_SR_TID &&
            operand->special.component == 0) ||
           (ptx_is_plain_register(operand) && tids[operand->reg]);
}

/* It copies, to as many bits or more: %tid.x has no sign. */
static bool copies(const bool *tids, const struct ptx_function *function,
                   const struct ptx_instruction *instruction)
{
    enum ptx_word type = ptx_type_word(instruction, 0);
    const struct ptx_operand *to = instruction->operands; /* NULL: it has none */

    return (instruction->opcode == PTX_MOV || instruction->opcode == PTX_CVT) &&
           !instruction->has_guard && ptx_is_plain_register(to) &&
           function->registers[to->reg].vector == 1 && ptx_is_long_integer(type) &&
           ptx_type_bits(function->registers[to->reg].type) == ptx_type_bits(type) &&
           (instruction->opcode == PTX_MOV || ptx_is_long_integer(ptx_type_word(instruction, 1))) &&
           is_tid(tids, &instruction->operands[1]);
}

/* Set once, in the first block, and so before all other blocks. */
bool *tid_find(const struct ptx_function *function, const struct flow *flow,
               const uint32_t *settings)
{
    bool *tids = calloc(function->register_count + 1, sizeof(*tids));

    for (uint32_t i = 0; tids != NULL && flow->count && i < flow->blocks[0].end; i++) {
        const struct ptx_instruction *instruction = &function->instructions[i];

        if (copies(tids, function, instruction)) {
            tids[instruction->operands[0].reg] = settings[instruction->operands[0].reg] == 1;
        }
    }
    return tids;
}

/* ---- What is found with them ---- */

static const struct ptx_operand *number_of(const struct ptx_operand *const *constants,
                                           const struct ptx_operand *operand)
{
    if (operand->kind == PTX_O_REGISTER && constants[operand->reg] != NULL) {
        operand = constants[operand->reg];
    }
    return operand->kind == PTX_O_INTEGER ? operand : NULL;
}

/* Whether lanes from a multiple of 32 on are all below the number or all not. */
static bool is_between_warps(uint64_t number)
{
    return number % WARP_LANES == 0;
}

/* The words as they stand with %tid.x on the left. */
static bool compares_alike(const struct ptx_instruction *instruction, bool is_left, uint64_t number)
{
    static const enum ptx_word below[] = {PTX_W_LT, PTX_W_GE, PTX_W_LO, PTX_W_HS};
    static const enum ptx_word up_to[] = {PTX_W_LE, PTX_W_GT, PTX_W_LS, PTX_W_HI};

    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
        if (ptx_has_word(instruction, below[i])) {
            return is_between_warps(is_left ? number : number + 1);
        }
        if (ptx_has_word(instruction, up_to[i])) {
            return is_between_warps(is_left ? number + 1 : number);
        }
    }
    return false;
}

static bool compares_to_number(const bool *tids, const struct ptx_operand *const *constants,
                               const struct ptx_instruction *instruction)
{
    const struct ptx_operand *a = &instruction->operands[1], *b = &instruction->operands[2];
    bool is_left = is_tid(tids, a);
    const struct ptx_operand *number = number_of(constants, is_left ? b : a);

    return instruction->operand_count == 3 && ptx_is_long_integer(ptx_type_word(instruction, 0)) &&
           (is_left || is_tid(tids, b)) && number != NULL &&
           compares_alike(instruction, is_left, number->bits);
}

static bool shifts_lanes_out(const bool *tids, const struct ptx_operand *const *constants,
                             const struct ptx_instruction *instruction)
{
    const struct ptx_operand *by = number_of(constants, &instruction->operands[2]);

    return ptx_is_long_integer(ptx_type_word(instruction, 0)) &&
           is_tid(tids, &instruction->operands[1]) && by != NULL && by->bits >= LANE_BITS;
}

bool tid_is_same(const bool *tids, const struct ptx_operand *const *constants,
                 const struct ptx_instruction *instruction)
{
    switch (instruction->opcode) {
    case PTX_SETP:
        return compares_to_number(tids, constants, instruction);
    case PTX_SHR:
        return shifts_lanes_out(tids, constants, instruction);
    default:
        return false;
    }
}
