/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/edge.h"

#include <stdlib.h>

#include "host/cuda-cpu/compile/live.h"

struct finder {
    const struct ptx_function *function;
    const struct uniform *uniform;
    const struct affine *affine;
    bool *others; /* of each predicate: it is none of an edge */
    bool changed;
};

static bool is_predicate(const struct finder *finder, uint32_t reg)
{
    return finder->function->registers[reg].type == PTX_W_PRED;
}

/* What is compared: the same in all lanes, or in steps; or a predicate of an edge. */
static bool is_plain(const struct finder *finder, const struct ptx_operand *operand)
{
    if (operand->kind != PTX_O_REGISTER) {
        return operand->kind == PTX_O_INTEGER;
    }
    return !finder->uniform->differs[operand->reg] ||
           (is_predicate(finder, operand->reg) ? !finder->others[operand->reg]
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

static void note(void *context, uint32_t reg)
{
    struct finder *finder = context;

    if (is_predicate(finder, reg) && !finder->others[reg]) {
        finder->others[reg] = finder->changed = true;
    }
}

static void find(struct finder *finder)
{
    const struct ptx_function *function = finder->function;

    do {
        finder->changed = false;
        for (size_t i = 0; i < function->instruction_count; i++) {
            if (!is_of_edge(finder, &function->instructions[i])) {
                live_visit_set(&function->instructions[i], note, finder);
            }
        }
    } while (finder->changed);
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
