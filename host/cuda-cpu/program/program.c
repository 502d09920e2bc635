/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/program/program.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/compile/kernel.h"
#include "host/cuda-cpu/compile/llvm.h"
#include "host/cuda-cpu/device/image.h"
#include "host/cuda-cpu/ptx/module.h"

#define ALIGNMENT 256u

struct code {
    struct image *image;
    void (*kernel)(struct warp *warp);
    uint32_t sites;
    uint64_t local_size;
};

struct program {
    struct ptx_module *module;
    struct memory *memory;
    unsigned char **bytes; /* of the variables, by their numbers */
    struct program_variable *variables;
    size_t variable_count; /* global and const ones of the module's scope */
    struct program_kernel *kernels;
    struct code *codes;                    /* of the kernels */
    const struct ptx_function **functions; /* which they are */
    size_t kernel_count;
};

/* ---- Variables ---- */

static bool is_numbered(const struct ptx_variable *variable)
{
    return variable->space == PTX_SPACE_GLOBAL || variable->space == PTX_SPACE_CONST;
}

static bool allocate_variable(struct program *program, const struct ptx_variable *variable)
{
    size_t size = (variable->size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    unsigned char *bytes = aligned_alloc(ALIGNMENT, size ? size : ALIGNMENT);

    if (bytes == NULL) {
        return false;
    }
    memset(bytes, 0, size ? size : ALIGNMENT);
    if (variable->initial != NULL) {
        memcpy(bytes, variable->initial, variable->size);
    }
    program->bytes[variable->offset] = bytes;
    return memory_add(program->memory, (uint64_t)(uintptr_t)bytes, variable->size,
                      variable->space == PTX_SPACE_CONST);
}

/* Addresses in initial values. What is in no memory of the device has none. */
static bool relocate_variable(struct program *program, const struct ptx_variable *variable,
                              struct ptx_log *log)
{
    for (size_t i = 0; i < variable->relocation_count; i++) {
        const struct ptx_relocation *relocation = &variable->relocations[i];
        uint64_t address;

        if (relocation->symbol->kind != PTX_S_VARIABLE ||
            !is_numbered(relocation->symbol->variable)) {
            ptx_log_error(log, variable->at,
                          "%s holds the address of %s, which is not supported "
                          "yet",
                          variable->name, relocation->symbol->name);
            return false;
        }
        address = (uint64_t)(uintptr_t)program->bytes[relocation->symbol->variable->offset] +
                  (uint64_t)relocation->addend;
        address >>= relocation->shift;
        memcpy(program->bytes[variable->offset] + relocation->offset, &address,
               relocation->size < sizeof(address) ? relocation->size : sizeof(address));
    }
    return true;
}

static bool allocate_variables(struct program *program, struct ptx_log *log)
{
    const struct ptx_module *module = program->module;
    bool done = true;

    for (size_t i = 0; i < module->variable_count && done; i++) {
        done =
            !is_numbered(module->variables[i]) || allocate_variable(program, module->variables[i]);
    }
    for (size_t i = 0; i < module->function_count && done; i++) {
        const struct ptx_function *function = module->functions[i];

        for (size_t j = 0; j < function->variable_count && done; j++) {
            done = !is_numbered(function->variables[j]) ||
                   allocate_variable(program, function->variables[j]);
        }
    }
    if (!done) {
        ptx_log_error(log, (struct ptx_position){1, 1}, "no memory for the module's variables");
    }
    for (size_t i = 0; i < module->variable_count && done; i++) {
        done = !is_numbered(module->variables[i]) ||
               relocate_variable(program, module->variables[i], log);
    }
    return done;
}

static void list_variables(struct program *program)
{
    const struct ptx_module *module = program->module;

    for (size_t i = 0; i < module->variable_count; i++) {
        const struct ptx_variable *variable = module->variables[i];

        if (is_numbered(variable)) {
            program->variables[program->variable_count++] = (struct program_variable){
                .name = variable->name,
                .bytes = program->bytes[variable->offset],
                .size = variable->size,
                .is_constant = variable->space == PTX_SPACE_CONST,
            };
        }
    }
}

const struct program_variable *program_find_variable(const struct program *program,
                                                     const char *name)
{
    for (size_t i = 0; i < program->variable_count; i++) {
        if (strcmp(program->variables[i].name, name) == 0) {
            return &program->variables[i];
        }
    }
    return NULL;
}

/* ---- Kernels ---- */

static const struct program_parameter *list_parameters(const struct ptx_function *function)
{
    struct program_parameter *parameters = calloc(function->param_count + 1, sizeof(*parameters));

    for (size_t i = 0; parameters != NULL && i < function->param_count; i++) {
        const struct ptx_variable *parameter = function->params[i];

        parameters[i] = (struct program_parameter){
            .offset = parameter->offset,
            .size = parameter->size,
            .is_float = ptx_type_kind(parameter->type) == PTX_FLOAT,
        };
    }
    return parameters;
}

static bool add_kernel(struct program *program, const struct ptx_function *function)
{
    struct program_kernel *kernel = &program->kernels[program->kernel_count];

    program->functions[program->kernel_count++] = function;
    *kernel = (struct program_kernel){
        .name = function->name,
        .parameters = list_parameters(function),
        .parameter_count = function->param_count,
        .parameter_size = function->param_size,
        .shared_size = program->module->dynamic_shared,
        .local_size = function->local_size,
        .registers = (uint32_t)function->register_count,
    };
    for (size_t i = 0; i < 3; i++) {
        kernel->max_threads[i] = function->maxntid[i];
        kernel->threads[i] = function->reqntid[i];
    }
    return kernel->parameters != NULL;
}

static bool list_kernels(struct program *program)
{
    const struct ptx_module *module = program->module;
    bool done = true;

    for (size_t i = 0; i < module->function_count && done; i++) {
        if (module->functions[i]->is_entry && module->functions[i]->has_body) {
            done = add_kernel(program, module->functions[i]);
        }
    }
    return done;
}

size_t program_kernel_count(const struct program *program)
{
    return program->kernel_count;
}

const struct program_kernel *program_kernel(const struct program *program, size_t index)
{
    return &program->kernels[index];
}

const struct program_kernel *program_find_kernel(const struct program *program, const char *name)
{
    for (size_t i = 0; i < program->kernel_count; i++) {
        if (strcmp(program->kernels[i].name, name) == 0) {
            return &program->kernels[i];
        }
    }
    return NULL;
}

/* ---- Programs ---- */

static bool allocate_lists(struct program *program)
{
    const struct ptx_module *module = program->module;

    program->bytes = calloc(module->global_count + 1, sizeof(*program->bytes));
    program->variables = calloc(module->variable_count + 1, sizeof(*program->variables));
    program->kernels = calloc(module->function_count + 1, sizeof(*program->kernels));
    program->codes = calloc(module->function_count + 1, sizeof(*program->codes));
    program->functions = calloc(module->function_count + 1, sizeof(*program->functions));
    return program->bytes != NULL && program->variables != NULL && program->kernels != NULL &&
           program->codes != NULL && program->functions != NULL;
}

struct program *program_create(const char *text, size_t length, struct memory *memory,
                               struct ptx_log *log)
{
    struct program *program = calloc(1, sizeof(*program));

    if (program == NULL) {
        ptx_log_error(log, (struct ptx_position){1, 1}, "no memory");
        return NULL;
    }
    program->memory = memory;
    program->module = ptx_module_create(text, length, &ptx_default_limits, log);
    if (program->module == NULL) {
        free(program);
        return NULL;
    }
    if (!allocate_lists(program) || !list_kernels(program)) {
        ptx_log_error(log, (struct ptx_position){1, 1}, "no memory");
        program_destroy(program);
        return NULL;
    }
    if (!allocate_variables(program, log)) {
        program_destroy(program);
        return NULL;
    }
    list_variables(program);
    return program;
}

void program_destroy(struct program *program)
{
    for (size_t i = 0; program->bytes != NULL && i < program->module->global_count; i++) {
        memory_remove(program->memory, (uint64_t)(uintptr_t)program->bytes[i]);
        free(program->bytes[i]);
    }
    for (size_t i = 0; i < program->kernel_count; i++) {
        free((void *)(uintptr_t)program->kernels[i].parameters);
        if (program->codes[i].image != NULL) {
            image_unload(program->codes[i].image);
        }
    }
    free(program->bytes);
    free(program->variables);
    free(program->kernels);
    free(program->codes);
    free(program->functions);
    ptx_module_destroy(program->module);
    free(program);
}

unsigned program_target(const struct program *program)
{
    return program->module->target;
}

unsigned program_version(const struct program *program)
{
    return program->module->version_major * 10 + program->module->version_minor;
}

static bool has_fma(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("fma");
#else
    return true;
#endif
}

static bool has_f16(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("f16c");
#else
    return true;
#endif
}

static bool link_code(struct code *code, const struct llvm_result *object,
                      const struct ptx_function *kernel, struct ptx_log *log)
{
    char reason[IMAGE_REASON_SIZE];
    void *function;

    code->image = image_link(object->bytes, object->size, reason);
    if (code->image == NULL) {
        ptx_log_error(log, kernel->at, "%s: %s", kernel->name, reason);
        return false;
    }
    function = image_function(code->image, KERNEL_SYMBOL);
    memcpy(&code->kernel, &function, sizeof(function));
    return function != NULL;
}

static bool compile(struct code *code, const struct ptx_module *module,
                    const struct ptx_function *kernel, struct ptx_log *log)
{
    struct text ir = {0};
    struct kernel_needs needs;
    struct llvm_result object;
    char reason[LLVM_REASON_SIZE];
    const struct kernel_options options = {.has_fma = has_fma(), .has_f16 = has_f16()};
    bool done = kernel_emit(module, kernel, &options, &ir, &needs, log);

    if (done && !llvm_compile(ir.bytes, ir.used, NULL, NULL, LLVM_OBJECT, &object, reason)) {
        ptx_log_error(log, kernel->at, "%s: %s", kernel->name, reason);
        done = false;
    } else if (done) {
        done = link_code(code, &object, kernel, log);
        code->sites = needs.sites;
        code->local_size = needs.local_size;
        free(object.bytes);
    }
    text_free(&ir);
    return done;
}

bool program_prepare(struct program *program, const struct program_kernel *kernel,
                     struct launch *launch, struct ptx_log *log)
{
    size_t index = (size_t)(kernel - program->kernels);
    struct code *code = &program->codes[index];

    if (code->kernel == NULL && !compile(code, program->module, program->functions[index], log)) {
        return false;
    }
    launch->kernel = code->kernel;
    launch->sites = code->sites;
    launch->local_size = code->local_size;
    launch->param_size = kernel->parameter_size;
    launch->variables = program->bytes;
    return true;
}
