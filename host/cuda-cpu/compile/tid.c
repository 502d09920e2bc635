/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/tid.h"

#include <stdlib.h>

#include "host/cuda-cpu/compile/live.h"
#include "host/cuda-cpu/device/warp.h"
#include "host/cuda-cpu/ptx/instruction.h"

#define LANE_BITS 5 /* of a lane's number */

/* ---- Which registers ---- */

struct settings {
    uint32_t all, of_tid; /* instructions that set a register */
    bool is_early;        /* one of these is in the first block, so before it is read elsewhere */
};

static bool is_integer(enum ptx_word type)
{
    enum ptx_kind kind = ptx_type_kind(type);

    return (kind == PTX_BITS || kind == PTX_UNSIGNED || kind == PTX_SIGNED) &&
           ptx_type_bits(type) >= 32;
}

static bool is_tid(const bool *tids, const struct ptx_operand *operand)
{
    return (operand->kind == PTX_O_SPECIAL && operand->special.name == PTX_SR_TID &&
            operand->special.component == 0) ||
           (operand->kind == PTX_O_REGISTER && operand->select == NULL && operand->offset == 0 &&
            tids[operand->reg]);
}

/* It copies, to as many bits or more: %tid.x has no sign. */
static bool copies(const bool *tids, const struct ptx_function *function,
                   const struct ptx_instruction *instruction)
{
    enum ptx_word type = ptx_type_word(instruction, 0);
    const struct ptx_operand *to = instruction->operands; /* NULL: it has none */

    return (instruction->opcode == PTX_MOV || instruction->opcode == PTX_CVT) &&
           !instruction->has_guard && to->kind == PTX_O_REGISTER && to->select == NULL &&
           function->registers[to->reg].vector == 1 && is_integer(type) &&
           ptx_type_bits(function->registers[to->reg].type) == ptx_type_bits(type) &&
           (instruction->opcode == PTX_MOV || is_integer(ptx_type_word(instruction, 1))) &&
           is_tid(tids, &instruction->operands[1]);
}

static void count(void *context, uint32_t reg)
{
    ((struct settings *)context)[reg].all++;
}

static void count_all(const struct ptx_function *function, struct settings *settings)
{
    for (size_t i = 0; i < function->instruction_count; i++) {
        live_visit_set(&function->instructions[i], count, settings);
    }
}

/* What is a copy of those that were found. False: that is no more. */
static bool find_more(const struct ptx_function *function, const struct flow *flow,
                      struct settings *settings, bool *tids)
{
    bool found = false;

    for (size_t i = 0; i < function->register_count; i++) {
        settings[i].of_tid = 0;
        settings[i].is_early = false;
    }
    for (size_t i = 0; i < function->instruction_count; i++) {
        if (copies(tids, function, &function->instructions[i])) {
            struct settings *of = &settings[function->instructions[i].operands[0].reg];

            of->of_tid++;
            of->is_early |= i < flow->blocks[0].end;
        }
    }
    for (size_t i = 0; i < function->register_count; i++) {
        bool is_one = settings[i].is_early && settings[i].of_tid == settings[i].all;

        found |= is_one && !tids[i];
        tids[i] |= is_one;
    }
    return found;
}

bool *tid_find(const struct ptx_function *function, const struct flow *flow)
{
    struct settings *settings = calloc(function->register_count + 1, sizeof(*settings));
    bool *tids = calloc(function->register_count + 1, sizeof(*tids));

    if (settings == NULL || tids == NULL) {
        free(settings);
        free(tids);
        return NULL;
    }
    count_all(function, settings);
    while (flow->count && find_more(function, flow, settings, tids)) {
    }
    free(settings);
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

    return instruction->operand_count == 3 && is_integer(ptx_type_word(instruction, 0)) &&
           (is_left || is_tid(tids, b)) && number != NULL &&
           compares_alike(instruction, is_left, number->bits);
}

static bool shifts_lanes_out(const bool *tids, const struct ptx_operand *const *constants,
                             const struct ptx_instruction *instruction)
{
    const struct ptx_operand *by = number_of(constants, &instruction->operands[2]);

    return is_integer(ptx_type_word(instruction, 0)) && is_tid(tids, &instruction->operands[1]) &&
           by != NULL && by->bits >= LANE_BITS;
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
