/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/shared.h"

static bool is_shared(const struct ptx_variable *variable)
{
    return variable->space == PTX_SPACE_SHARED;
}

static uint64_t align_up(uint64_t offset, uint64_t align)
{
    return (offset + align - 1) & ~(align - 1);
}

/* ---- Each of them ---- */

/* size: of what has its place already. */
typedef void visit(struct ptx_variable *variable, uint64_t *size);

static void visit_list(struct ptx_variable *const *variables, size_t count, visit *each,
                       uint64_t *size)
{
    for (size_t i = 0; i < count; i++) {
        if (is_shared(variables[i])) {
            each(variables[i], size);
        }
    }
}

/* The module's, and those of functions that are reached. */
static void visit_all(const struct reach *reach, visit *each, uint64_t *size)
{
    const struct ptx_module *module = reach->module;

    visit_list(module->variables, module->variable_count, each, size);
    for (size_t i = 0; i < module->function_count; i++) {
        if (reach->functions[i].is_reached) {
            visit_list(module->functions[i]->variables, module->functions[i]->variable_count, each,
                       size);
        }
    }
}

static void forget(struct ptx_variable *variable, uint64_t *size)
{
    (void)size;
    variable->offset = SHARED_NOWHERE;
}

static void take(struct ptx_variable *variable, uint64_t *size)
{
    (void)size;
    variable->offset = 0;
}

static void place_static(struct ptx_variable *variable, uint64_t *size)
{
    if (variable->offset != SHARED_NOWHERE && variable->size) {
        *size = align_up(*size, variable->align);
        variable->offset = *size;
        *size += variable->size;
    }
}

static void align_dynamic(struct ptx_variable *variable, uint64_t *size)
{
    if (variable->offset != SHARED_NOWHERE && !variable->size) {
        *size = align_up(*size, variable->align);
    }
}

static void place_dynamic(struct ptx_variable *variable, uint64_t *size)
{
    if (variable->offset != SHARED_NOWHERE && !variable->size) {
        variable->offset = *size;
    }
}

static void count_dynamic(struct ptx_variable *variable, uint64_t *count)
{
    *count += variable->offset != SHARED_NOWHERE && !variable->size;
}

/* ---- Which there are ---- */

static void note_operand(const struct ptx_operand *operand)
{
    if (operand->kind == PTX_O_SYMBOL && operand->symbol->kind == PTX_S_VARIABLE &&
        is_shared(operand->symbol->variable)) {
        operand->symbol->variable->offset = 0;
    }
    if (operand->kind == PTX_O_LIST || operand->kind == PTX_O_PAIR ||
        operand->kind == PTX_O_TABLE) {
        for (size_t i = 0; i < operand->count; i++) {
            note_operand(&operand->items[i]);
        }
    }
    if (operand->base != NULL) {
        note_operand(operand->base);
    }
}

static void note_function(const struct ptx_function *function, uint64_t *size)
{
    visit_list(function->variables, function->variable_count, take, size);
    for (size_t i = 0; i < function->instruction_count; i++) {
        const struct ptx_instruction *instruction = &function->instructions[i];

        for (size_t j = 0; j < instruction->operand_count; j++) {
            note_operand(&instruction->operands[j]);
        }
        if (instruction->call != NULL) {
            note_operand(&instruction->call[2]);
        }
    }
}

uint64_t shared_lay(const struct reach *reach)
{
    uint64_t size = 0;

    visit_all(reach, forget, &size);
    for (size_t i = 0; i < reach->module->function_count; i++) {
        if (reach->functions[i].is_reached) {
            note_function(reach->module->functions[i], &size);
        }
    }
    visit_all(reach, place_static, &size);
    visit_all(reach, align_dynamic, &size);
    visit_all(reach, place_dynamic, &size);
    return size;
}

bool shared_is_dynamic(const struct reach *reach)
{
    uint64_t count = 0;

    visit_all(reach, count_dynamic, &count);
    return count != 0;
}
