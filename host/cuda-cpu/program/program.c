/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/program/program.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/compile/kernel.h"
#include "host/cuda-cpu/compile/llvm.h"
#include "host/cuda-cpu/device/image.h"

#define ALIGNMENT 256u

struct code {
    struct image *image;
    void (*kernel)(struct warp *warp);
    uint32_t sites;
    uint64_t local_size;
};

struct program {
    const struct ptx_module *module;
    unsigned char **variables; /* by their numbers */
    struct code *codes;        /* of the module's functions */
};

/* ---- Variables ---- */

static bool is_numbered(const struct ptx_variable *variable)
{
    return variable->space == PTX_SPACE_GLOBAL || variable->space == PTX_SPACE_CONST;
}

static bool allocate_variable(struct program *program, const struct ptx_variable *variable,
                              struct memory *memory)
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
    program->variables[variable->offset] = bytes;
    return memory_add(memory, (uint64_t)(uintptr_t)bytes, variable->size,
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
        address = (uint64_t)(uintptr_t)program->variables[relocation->symbol->variable->offset] +
                  (uint64_t)relocation->addend;
        address >>= relocation->shift;
        memcpy(program->variables[variable->offset] + relocation->offset, &address,
               relocation->size < sizeof(address) ? relocation->size : sizeof(address));
    }
    return true;
}

/* Calls `each` for all variables with a number; false when it fails. */
static bool allocate_variables(struct program *program, struct memory *memory, struct ptx_log *log)
{
    const struct ptx_module *module = program->module;
    bool done = true;

    for (size_t i = 0; i < module->variable_count && done; i++) {
        done = !is_numbered(module->variables[i]) ||
               allocate_variable(program, module->variables[i], memory);
    }
    for (size_t i = 0; i < module->function_count && done; i++) {
        const struct ptx_function *function = module->functions[i];

        for (size_t j = 0; j < function->variable_count && done; j++) {
            done = !is_numbered(function->variables[j]) ||
                   allocate_variable(program, function->variables[j], memory);
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

/* ---- Programs ---- */

struct program *program_create(const struct ptx_module *module, struct memory *memory,
                               struct ptx_log *log)
{
    struct program *program = calloc(1, sizeof(*program));

    if (program == NULL) {
        ptx_log_error(log, (struct ptx_position){1, 1}, "no memory");
        return NULL;
    }
    program->module = module;
    program->variables = calloc(module->global_count + 1, sizeof(*program->variables));
    program->codes = calloc(module->function_count + 1, sizeof(*program->codes));
    if (program->variables == NULL || program->codes == NULL ||
        !allocate_variables(program, memory, log)) {
        program_destroy(program, memory);
        return NULL;
    }
    return program;
}

void program_destroy(struct program *program, struct memory *memory)
{
    for (size_t i = 0; program->variables != NULL && i < program->module->global_count; i++) {
        memory_remove(memory, (uint64_t)(uintptr_t)program->variables[i]);
        free(program->variables[i]);
    }
    for (size_t i = 0; program->codes != NULL && i < program->module->function_count; i++) {
        if (program->codes[i].image != NULL) {
            image_unload(program->codes[i].image);
        }
    }
    free(program->variables);
    free(program->codes);
    free(program);
}

static bool has_fma(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("fma");
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
    const struct kernel_options options = {.has_fma = has_fma()};
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

static size_t index_of(const struct program *program, const struct ptx_function *kernel)
{
    size_t i = 0;

    while (program->module->functions[i] != kernel) {
        i++;
    }
    return i;
}

bool program_prepare(struct program *program, const struct ptx_function *kernel,
                     struct launch *launch, struct ptx_log *log)
{
    struct code *code = &program->codes[index_of(program, kernel)];

    if (code->kernel == NULL && !compile(code, program->module, kernel, log)) {
        return false;
    }
    launch->kernel = code->kernel;
    launch->sites = code->sites;
    launch->local_size = code->local_size;
    launch->param_size = kernel->param_size;
    launch->variables = program->variables;
    return true;
}
