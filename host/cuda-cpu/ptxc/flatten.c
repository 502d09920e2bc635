/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/shared.h"
#include "host/cuda-cpu/device/warp.h"
#include "host/cuda-cpu/ptxc/flatten.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/ptxc/flat.h"

/* The tables being filled: `used` counts as far as they are, the header what there will be. */
struct tables {
    struct flat_header *header;
    struct flat_kernel *kernels;
    struct flat_parameter *parameters;
    struct flat_variable *variables;
    struct flat_relocation *relocations;
    char *strings;
    unsigned char *bytes;
    struct flat_header used;
    const struct ptx_module *module;
    struct reach reach;
    struct ptx_log *log;
};

static bool is_numbered(const struct ptx_variable *variable)
{
    return variable->space == PTX_SPACE_GLOBAL || variable->space == PTX_SPACE_CONST;
}

static bool is_kernel(const struct ptx_function *function)
{
    return function->is_entry && function->has_body;
}

/* Calls `each` for all variables of the module and its functions that have a number. */
static void for_variables(struct tables *tables,
                          void (*each)(struct tables *tables, const struct ptx_variable *variable,
                                       bool is_module_wide))
{
    const struct ptx_module *module = tables->module;

    for (size_t i = 0; i < module->variable_count; i++) {
        if (is_numbered(module->variables[i])) {
            each(tables, module->variables[i], !module->variables[i]->is_hidden);
        }
    }
    for (size_t i = 0; i < module->function_count; i++) {
        const struct ptx_function *function = module->functions[i];

        for (size_t j = 0; j < function->variable_count; j++) {
            if (is_numbered(function->variables[j])) {
                each(tables, function->variables[j], false);
            }
        }
    }
}

/* ---- How much there will be: in 64 bits, since the sum may be too much ---- */

struct sizes {
    uint64_t kernels, parameters, variables, relocations, strings, bytes;
};

static void count_function(struct sizes *sizes, const struct ptx_function *function)
{
    if (is_kernel(function)) {
        sizes->strings += strlen(function->name) + 1;
        sizes->kernels++;
        sizes->parameters += function->param_count;
    }
}

static void count_variable(struct sizes *sizes, const struct ptx_variable *variable)
{
    if (is_numbered(variable)) {
        sizes->variables++;
        sizes->strings += strlen(variable->name) + 1;
        sizes->relocations += variable->relocation_count;
        sizes->bytes += variable->initial != NULL ? variable->size : 0;
    }
}

static struct sizes count(const struct ptx_module *module)
{
    struct sizes sizes = {.strings = 1};

    for (size_t i = 0; i < module->variable_count; i++) {
        count_variable(&sizes, module->variables[i]);
    }
    for (size_t i = 0; i < module->function_count; i++) {
        const struct ptx_function *function = module->functions[i];

        count_function(&sizes, function);
        for (size_t j = 0; j < function->variable_count; j++) {
            count_variable(&sizes, function->variables[j]);
        }
    }
    return sizes;
}

/* The tables in their order. */
#define TABLES(each)                                                                               \
    each(kernels) each(parameters) each(variables) each(relocations) each(strings) each(bytes)

static uint64_t total(const struct sizes *sizes)
{
    const struct tables *tables = NULL;
    uint64_t size = sizeof(struct flat_header);

#define ADD(name) size += sizes->name * sizeof(*tables->name);
    TABLES(ADD)
#undef ADD
    return size;
}

static bool allocate(struct tables *tables, const struct sizes *sizes, size_t size)
{
    unsigned char *next = calloc(1, size);

    tables->header = (struct flat_header *)next;
    if (next == NULL) {
        return false;
    }
    next += sizeof(*tables->header);
#define PLACE(name)                                                                                \
    tables->header->name = (uint32_t)sizes->name;                                                  \
    tables->name = (void *)next;                                                                   \
    next += sizes->name * sizeof(*tables->name);
    TABLES(PLACE)
#undef PLACE
    return true;
}

/* ---- Filling ---- */

static uint32_t add_string(struct tables *tables, const char *text)
{
    uint32_t offset = tables->used.strings;
    size_t size = strlen(text) + 1;

    memcpy(tables->strings + offset, text, size);
    tables->used.strings += (uint32_t)size;
    return offset;
}

static void add_parameters(struct tables *tables, const struct ptx_function *function)
{
    for (size_t i = 0; i < function->param_count; i++) {
        const struct ptx_variable *parameter = function->params[i];

        tables->parameters[tables->used.parameters++] = (struct flat_parameter){
            .offset = (uint32_t)parameter->offset,
            .size = (uint32_t)parameter->size,
            .is_float = ptx_type_kind(parameter->type) == PTX_FLOAT,
        };
    }
}

/* 0 when the log says what is wrong. */
static uint64_t shared_size(struct tables *tables, const struct ptx_function *kernel)
{
    reach_clear(&tables->reach);
    return reach_add(&tables->reach, kernel) ? shared_lay(&tables->reach) : 0;
}

static void add_kernel(struct tables *tables, const struct ptx_function *function)
{
    struct flat_kernel *kernel = &tables->kernels[tables->used.kernels++];

    *kernel = (struct flat_kernel){
        .name = add_string(tables, function->name),
        .first_parameter = tables->used.parameters,
        .parameters = (uint32_t)function->param_count,
        .registers = (uint32_t)function->register_count,
        .parameter_size = function->param_size,
        .shared_size = shared_size(tables, function),
        .local_size = function->local_size,
    };
    for (size_t i = 0; i < 3; i++) {
        kernel->max_threads[i] = function->maxntid[i];
        kernel->threads[i] = function->reqntid[i];
    }
    add_parameters(tables, function);
}

/* What is in no memory of the device has no address. */
static void add_relocation(struct tables *tables, const struct ptx_variable *variable,
                           const struct ptx_relocation *relocation)
{
    const struct ptx_symbol *symbol = relocation->symbol;
    int64_t addend = relocation->addend;
    uint32_t target;

    if (symbol->kind == PTX_S_FUNCTION) {
        target = FLAT_NONE;
        addend += (int64_t)WARP_FUNCTION_ADDRESS(reach_number(tables->module, symbol->function));
    } else if (symbol->kind == PTX_S_VARIABLE && is_numbered(symbol->variable)) {
        target = (uint32_t)symbol->variable->offset;
    } else {
        ptx_log_error(tables->log, variable->at,
                      "%s holds the address of %s, which is not supported yet", variable->name,
                      symbol->name);
        return;
    }
    tables->relocations[tables->used.relocations++] = (struct flat_relocation){
        .target = target,
        .offset = (uint32_t)relocation->offset,
        .size = relocation->size < sizeof(uint64_t) ? relocation->size : sizeof(uint64_t),
        .shift = relocation->shift,
        .addend = addend,
    };
}

static void add_variable(struct tables *tables, const struct ptx_variable *variable,
                         bool is_module_wide)
{
    struct flat_variable *flat = &tables->variables[variable->offset];

    *flat = (struct flat_variable){
        .name = add_string(tables, variable->name),
        .is_constant = variable->space == PTX_SPACE_CONST,
        .is_module_wide = is_module_wide,
        .initial = FLAT_NONE,
        .first_relocation = tables->used.relocations,
        .relocations = (uint32_t)variable->relocation_count,
        .size = variable->size,
        .is_managed = variable->is_managed,
    };
    if (variable->initial != NULL) {
        flat->initial = tables->used.bytes;
        memcpy(tables->bytes + flat->initial, variable->initial, variable->size);
        tables->used.bytes += (uint32_t)variable->size;
    }
    for (size_t i = 0; i < variable->relocation_count; i++) {
        add_relocation(tables, variable, &variable->relocations[i]);
    }
}

static void fill(struct tables *tables)
{
    const struct ptx_module *module = tables->module;

    tables->header->magic = FLAT_MAGIC;
    tables->header->target = module->target;
    tables->header->version = module->version_major * 10 + module->version_minor;
    for_variables(tables, add_variable);
    for (size_t i = 0; i < module->function_count; i++) {
        if (is_kernel(module->functions[i])) {
            add_kernel(tables, module->functions[i]);
        }
    }
}

void *flatten(const struct ptx_module *module, size_t limit, size_t *size, struct ptx_log *log)
{
    struct sizes sizes = count(module);
    struct tables tables = {.module = module, .log = log};
    unsigned errors = log->errors;

    *size = total(&sizes);
    if (*size > limit || *size > UINT32_MAX) {
        ptx_log_kind(log, PTX_ERROR_LIMIT);
        ptx_log_error(log, (struct ptx_position){1, 1},
                      "what is known of the module takes %zu bytes, the limit is %zu", *size,
                      limit);
        return NULL;
    }
    if (!reach_create(&tables.reach, module, log) || !allocate(&tables, &sizes, *size)) {
        reach_destroy(&tables.reach);
        ptx_log_kind(log, PTX_ERROR_MEMORY);
        ptx_log_error(log, (struct ptx_position){1, 1}, "no memory");
        return NULL;
    }
    fill(&tables);
    reach_destroy(&tables.reach);
    if (log->errors > errors) {
        free(tables.header);
        return NULL;
    }
    return tables.header;
}
