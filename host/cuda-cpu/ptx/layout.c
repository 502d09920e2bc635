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

static void lay_function(struct ptx_module *module, struct ptx_function *function)
{
    if (!function->is_entry) {
        lay_signature(function);
    }
    for (size_t i = 0; i < function->variable_count; i++) {
        struct ptx_variable *variable = function->variables[i];

        if (variable->space == PTX_SPACE_LOCAL || variable->space == PTX_SPACE_PARAM) {
            place_in_frame(function, variable);
        } else {
            number(module, variable);
        }
    }
}

void ptx_layout(struct ptx_module *module)
{
    for (size_t i = 0; i < module->variable_count; i++) {
        number(module, module->variables[i]);
    }
    for (size_t i = 0; i < module->function_count; i++) {
        lay_function(module, module->functions[i]);
    }
}

static bool are_alike(struct ptx_variable *const *a, struct ptx_variable *const *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i]->size != b[i]->size || a[i]->align != b[i]->align) {
            return false;
        }
    }
    return true;
}

bool ptx_layout_is_alike(const struct ptx_function *a, const struct ptx_function *b)
{
    return a->param_count == b->param_count && a->result_count == b->result_count &&
           are_alike(a->params, b->params, a->param_count) &&
           are_alike(a->results, b->results, a->result_count);
}
