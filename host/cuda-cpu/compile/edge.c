/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/edge.h"

#include <stdlib.h>

struct finder {
    const struct ptx_function *function;
    const struct uniform *uniform;
    const struct affine *affine;
    bool *others; /* of each predicate: it is none of an edge */
};

static bool is_predicate(const struct finder *finder, const struct ptx_operand *operand)
{
    return operand->kind == PTX_O_REGISTER &&
           finder->function->registers[operand->reg].type == PTX_W_PRED;
}

/* What is compared: the same in all lanes, or in steps; or a predicate of an edge. */
static bool is_plain(const struct finder *finder, const struct ptx_operand *operand)
{
    if (operand->kind != PTX_O_REGISTER) {
        return operand->kind == PTX_O_INTEGER;
    }
    return !finder->uniform->differs[operand->reg] ||
           (is_predicate(finder, operand) ? !finder->others[operand->reg]
                                          : finder->affine->steps[operand->reg] != AFFINE_NOT);
}

static bool is_of_edge(const struct finder *finder, const struct ptx_instruction *instruction)
{
    switch (instruction->opcode) {
    case PTX_SETP:
    case PTX_AND:
    case PTX_OR:
    case PTX_NOT:
        break;
    default:
        return false;
    }
    for (size_t i = 1; i < instruction->operand_count; i++) {
        if (!is_plain(finder, &instruction->operands[i])) {
            return false;
        }
    }
    return true;
}

static bool note(const struct finder *finder, const struct ptx_operand *set)
{
    bool changed = false;

    if (set->kind == PTX_O_PAIR || set->kind == PTX_O_LIST) {
        for (size_t i = 0; i < set->count; i++) {
            changed |= note(finder, &set->items[i]);
        }
    } else if (is_predicate(finder, set)) {
        changed = !finder->others[set->reg];
        finder->others[set->reg] = true;
    }
    return changed;
}

static void find(const struct finder *finder)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (size_t i = 0; i < finder->function->instruction_count; i++) {
            const struct ptx_instruction *instruction = &finder->function->instructions[i];

            if (instruction->call != NULL) {
                changed |= note(finder, &instruction->call[0]);
            } else if (instruction->operand_count && !is_of_edge(finder, instruction)) {
                changed |= note(finder, &instruction->operands[0]);
            }
        }
    }
}

static bool parts_elsewhere(const struct finder *finder, const struct ptx_instruction *instruction)
{
    return instruction->opcode == PTX_BRX ||
           (instruction->opcode == PTX_BRA && instruction->has_guard &&
            finder->uniform->differs[instruction->guard] && finder->others[instruction->guard]);
}

bool edge_is_all(const struct ptx_function *function, const struct uniform *uniform,
                 const struct affine *affine)
{
    struct finder finder = {.function = function, .uniform = uniform, .affine = affine};
    bool is_all = affine->steps != NULL;

    finder.others = calloc(function->register_count + 1, sizeof(*finder.others));
    if (finder.others == NULL || !is_all) {
        free(finder.others);
        return false;
    }
    find(&finder);
    for (size_t i = 0; i < function->instruction_count && is_all; i++) {
        is_all = !parts_elsewhere(&finder, &function->instructions[i]);
    }
    free(finder.others);
    return is_all;
}
