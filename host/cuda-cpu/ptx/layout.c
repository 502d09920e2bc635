/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptx/layout.h"

static uint64_t align_up(uint64_t offset, uint64_t align)
{
    return (offset + align - 1) & ~(align - 1);
}

/* Behind what is there; size 0 takes no room. */
static void place(struct ptx_variable *variable, uint64_t *size)
{
    *size = align_up(*size, variable->align);
    variable->offset = *size;
    *size += variable->size;
}

static bool is_dynamic(const struct ptx_variable *variable)
{
    return variable->space == PTX_SPACE_SHARED && !variable->size;
}

static void number(struct ptx_module *module, struct ptx_variable *variable)
{
    if (variable->space == PTX_SPACE_GLOBAL || variable->space == PTX_SPACE_CONST) {
        variable->offset = module->global_count++;
    }
}

static void place_in_frame(struct ptx_function *function, struct ptx_variable *variable)
{
    variable->in_frame = true;
    place(variable, &function->local_size);
}

/* A called function finds its parameters at the start of its frame, and leaves its results there.
 */
static void lay_signature(struct ptx_function *function)
{
    for (size_t i = 0; i < function->result_count; i++) {
        place_in_frame(function, function->results[i]);
    }
    for (size_t i = 0; i < function->param_count; i++) {
        place_in_frame(function, function->params[i]);
    }
}

/* The module's variables have their places. */
static void lay_function(struct ptx_module *module, struct ptx_function *function,
                         uint64_t shared_size)
{
    function->shared_size = shared_size;
    if (!function->is_entry) {
        lay_signature(function);
    }
    for (size_t i = 0; i < function->variable_count; i++) {
        struct ptx_variable *variable = function->variables[i];

        if (variable->space == PTX_SPACE_SHARED && !is_dynamic(variable)) {
            place(variable, &function->shared_size);
        } else if (variable->space == PTX_SPACE_LOCAL || variable->space == PTX_SPACE_PARAM) {
            place_in_frame(function, variable);
        } else {
            number(module, variable);
        }
    }
}

/* Dynamic memory begins at the same place in each kernel: behind the largest. */
static void lay_dynamic(struct ptx_module *module, uint64_t start)
{
    for (size_t i = 0; i < module->variable_count; i++) {
        if (is_dynamic(module->variables[i])) {
            start = align_up(start, module->variables[i]->align);
        }
    }
    for (size_t i = 0; i < module->variable_count; i++) {
        if (is_dynamic(module->variables[i])) {
            module->variables[i]->offset = start;
        }
    }
    module->dynamic_shared = start;
}

void ptx_layout(struct ptx_module *module)
{
    uint64_t shared_size = 0, most;

    for (size_t i = 0; i < module->variable_count; i++) {
        struct ptx_variable *variable = module->variables[i];

        if (variable->space == PTX_SPACE_SHARED && !is_dynamic(variable)) {
            place(variable, &shared_size);
        } else {
            number(module, variable);
        }
    }
    /* Whichever kernel calls a function, its variables lie before the kernel's own. */
    for (size_t i = 0; i < module->function_count; i++) {
        if (!module->functions[i]->is_entry) {
            lay_function(module, module->functions[i], shared_size);
            shared_size = module->functions[i]->shared_size;
        }
    }
    most = shared_size;
    for (size_t i = 0; i < module->function_count; i++) {
        if (module->functions[i]->is_entry) {
            lay_function(module, module->functions[i], shared_size);
            most =
                module->functions[i]->shared_size > most ? module->functions[i]->shared_size : most;
        }
    }
    lay_dynamic(module, most);
}
