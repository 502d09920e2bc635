/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/reach.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/ptx/layout.h"

#define DEPTH_MAX 1000 /* of calls that are known */

size_t reach_number(const struct ptx_module *module, const struct ptx_function *function)
{
    size_t number = 0;

    while (module->functions[number] != function) {
        number++;
    }
    return number;
}

/* ---- Functions whose addresses are taken ---- */

static void take_symbol(struct reach *reach, const struct ptx_symbol *symbol)
{
    if (symbol->kind == PTX_S_FUNCTION && symbol->function->has_body) {
        reach->functions[reach_number(reach->module, symbol->function)].is_taken = true;
    }
}

static void take_operand(struct reach *reach, const struct ptx_operand *operand)
{
    if (operand->kind == PTX_O_SYMBOL) {
        take_symbol(reach, operand->symbol);
    }
    for (size_t i = 0; operand->kind == PTX_O_LIST && i < operand->count; i++) {
        take_operand(reach, &operand->items[i]);
    }
}

/* In arguments of calls, too. */
static void take_instruction(struct reach *reach, const struct ptx_instruction *instruction)
{
    for (size_t i = 0; i < instruction->operand_count; i++) {
        take_operand(reach, &instruction->operands[i]);
    }
    if (instruction->call != NULL) {
        take_operand(reach, &instruction->call[2]);
    }
}

static void take_initial(struct reach *reach, const struct ptx_variable *variable)
{
    for (size_t i = 0; i < variable->relocation_count; i++) {
        take_symbol(reach, variable->relocations[i].symbol);
    }
}

static void take_all(struct reach *reach)
{
    const struct ptx_module *module = reach->module;

    for (size_t i = 0; i < module->variable_count; i++) {
        take_initial(reach, module->variables[i]);
    }
    for (size_t i = 0; i < module->function_count; i++) {
        const struct ptx_function *function = module->functions[i];

        for (size_t j = 0; j < function->variable_count; j++) {
            take_initial(reach, function->variables[j]);
        }
        for (size_t j = 0; j < function->instruction_count; j++) {
            take_instruction(reach, &function->instructions[j]);
        }
    }
}

/* ---- Calls by address ---- */

static const struct ptx_symbol *named_behind(const struct ptx_instruction *call)
{
    return call->call[3].kind == PTX_O_SYMBOL ? call->call[3].symbol : NULL;
}

static bool is_listed(const struct ptx_targets *targets, const struct ptx_function *function)
{
    for (size_t i = 0; i < targets->count; i++) {
        if (targets->items[i].symbol->function == function) {
            return true;
        }
    }
    return false;
}

/* Prototypes have no frame, but the same kinds of parameters have the same places in it. */
bool reach_may_call(const struct reach *reach, const struct ptx_instruction *call, size_t number)
{
    const struct ptx_function *function = reach->module->functions[number];
    const struct ptx_symbol *symbol = named_behind(call);

    if (function->is_entry || !function->has_body) {
        return false;
    }
    if (symbol->kind == PTX_S_TARGETS) {
        return is_listed(symbol->targets, function) &&
               ptx_layout_is_alike(function, symbol->targets->items[0].symbol->function);
    }
    return reach->functions[number].is_taken && ptx_layout_is_alike(function, symbol->function);
}

const struct ptx_function *reach_any(const struct reach *reach, const struct ptx_instruction *call)
{
    for (size_t i = 0; i < reach->module->function_count; i++) {
        if (reach_may_call(reach, call, i)) {
            return reach->module->functions[i];
        }
    }
    return NULL;
}

/* ---- What is reached ---- */

static bool add(struct reach *reach, size_t number, uint32_t depth);

/* Frames lie behind each other. */
static bool add_called(struct reach *reach, struct reached *caller, size_t number, uint32_t depth)
{
    const struct reached *called = &reach->functions[number];

    if (!add(reach, number, depth + 1)) {
        return false;
    }
    if (called->local_size > caller->local_size) {
        caller->local_size = called->local_size;
    }
    if (called->depth >= caller->depth) {
        caller->depth = called->depth + 1;
    }
    return true;
}

static bool add_targets(struct reach *reach, struct reached *caller,
                        const struct ptx_instruction *call, uint32_t depth)
{
    bool done = true;

    if (named_behind(call) == NULL) {
        ptx_log_error(reach->log, call->at, "call: no function can be meant");
        return false;
    }
    for (size_t i = 0; i < reach->module->function_count && done; i++) {
        done = !reach_may_call(reach, call, i) || add_called(reach, caller, i, depth);
    }
    return done;
}

static bool add_instruction(struct reach *reach, struct reached *caller,
                            const struct ptx_instruction *instruction, uint32_t depth)
{
    const struct ptx_operand *target;

    if (instruction->opcode == PTX_ALLOCA) {
        reach->is_deep = true;
    }
    if (instruction->opcode != PTX_CALL) {
        return true;
    }
    target = &instruction->call[1];
    if (target->kind != PTX_O_SYMBOL) {
        return add_targets(reach, caller, instruction, depth);
    }
    return !target->symbol->function->has_body ||
           add_called(reach, caller, reach_number(reach->module, target->symbol->function), depth);
}

/* Each function is looked at once. */
static bool add(struct reach *reach, size_t number, uint32_t depth)
{
    const struct ptx_function *function = reach->module->functions[number];
    struct reached *reached = &reach->functions[number];
    bool done = true;

    if (reached->is_reached) {
        reach->is_deep = reach->is_deep || reached->is_on_path;
        return true;
    }
    if (depth > DEPTH_MAX) {
        ptx_log_error(reach->log, function->at, "%s: calls are nested too deeply", function->name);
        return false;
    }
    reached->is_reached = reached->is_on_path = true;
    for (size_t i = 0; i < function->instruction_count && done; i++) {
        done = add_instruction(reach, reached, &function->instructions[i], depth);
    }
    reached->local_size +=
        (function->local_size + REACH_FRAME_ALIGN - 1) / REACH_FRAME_ALIGN * REACH_FRAME_ALIGN;
    reached->is_on_path = false;
    return done;
}

bool reach_add(struct reach *reach, const struct ptx_function *kernel)
{
    return add(reach, reach_number(reach->module, kernel), 0);
}

bool reach_create(struct reach *reach, const struct ptx_module *module, struct ptx_log *log)
{
    *reach = (struct reach){.module = module, .log = log};
    reach->functions = calloc(module->function_count + 1, sizeof(*reach->functions));
    if (reach->functions == NULL) {
        return false;
    }
    take_all(reach);
    return true;
}

void reach_clear(struct reach *reach)
{
    for (size_t i = 0; i < reach->module->function_count; i++) {
        reach->functions[i] = (struct reached){.is_taken = reach->functions[i].is_taken};
    }
    reach->is_deep = false;
}

void reach_destroy(struct reach *reach)
{
    free(reach->functions);
}
