/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/driver/module.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/driver.h"

#define LOG_SIZE 8192

/* LLVM is used by one thread at a time. */
static pthread_mutex_t compiler = PTHREAD_MUTEX_INITIALIZER;

void module_destroy(struct module *module)
{
    struct module **place = &module->context->modules;

    while (*place != module) {
        place = &(*place)->next;
    }
    *place = module->next;
    for (size_t i = 0; i < program_kernel_count(module->program); i++) {
        object_remove(&module->functions[i].object);
    }
    object_remove(&module->object);
    program_destroy(module->program);
    free(module->functions);
    free(module);
}

static bool add_functions(struct module *module)
{
    size_t count = program_kernel_count(module->program);

    module->functions = calloc(count + 1, sizeof(*module->functions));
    for (size_t i = 0; module->functions != NULL && i < count; i++) {
        module->functions[i].module = module;
        module->functions[i].kernel = program_kernel(module->program, i);
        module->functions[i].shared_max = 48 << 10;
        if (!object_add(&module->functions[i].object, OBJECT_FUNCTION)) {
            while (i-- > 0) {
                object_remove(&module->functions[i].object);
            }
            free(module->functions);
            return false;
        }
    }
    return module->functions != NULL;
}

/* Takes the program. */
static CUresult create(struct context *context, struct program *program, CUmodule *handle)
{
    struct module *module = calloc(1, sizeof(*module));

    if (module != NULL) {
        module->context = context;
        module->program = program;
        if (!add_functions(module)) {
            free(module);
            module = NULL;
        } else if (!object_add(&module->object, OBJECT_MODULE)) {
            for (size_t i = 0; i < program_kernel_count(program); i++) {
                object_remove(&module->functions[i].object);
            }
            free(module->functions);
            free(module);
            module = NULL;
        }
    }
    if (module == NULL) {
        program_destroy(program);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    module->next = context->modules;
    context->modules = module;
    *handle = (CUmodule)module;
    return CUDA_SUCCESS;
}

static CUresult load(struct context *context, CUmodule *handle, const void *image)
{
    char text[LOG_SIZE];
    struct ptx_log log;
    struct program *program;

    if (handle == NULL || image == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    ptx_log_init(&log, text, sizeof(text));
    driver_unlock();
    program = program_create(image, strlen(image), &context->memory, &log);
    driver_lock();
    if (program == NULL) {
        driver_say("a module is refused:\n%s", text);
        return CUDA_ERROR_INVALID_PTX;
    }
    return create(context, program, handle);
}

CUresult cuModuleLoadData(CUmodule *module, const void *image)
{
    return IN_CONTEXT(load(context, module, image));
}

static CUresult unload(struct context *context, CUmodule handle)
{
    struct module *module = object_find(handle, OBJECT_MODULE);
    CUresult result;

    if (module == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (module->context != context) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    result = context_wait(context);
    if (object_find(handle, OBJECT_MODULE) == module) {
        module_destroy(module);
    }
    return result;
}

CUresult cuModuleUnload(CUmodule module)
{
    return IN_CONTEXT(unload(context, module));
}

CUresult function_prepare(const struct function *function, struct launch *launch)
{
    char text[LOG_SIZE];
    struct ptx_log log;
    bool done;

    ptx_log_init(&log, text, sizeof(text));
    driver_unlock();
    pthread_mutex_lock(&compiler);
    done = program_prepare(function->module->program, function->kernel, launch, &log);
    pthread_mutex_unlock(&compiler);
    driver_lock();
    if (!done) {
        driver_say("%s is refused:\n%s", function->kernel->name, text);
        return CUDA_ERROR_INVALID_PTX;
    }
    return CUDA_SUCCESS;
}

static CUresult get_function(CUfunction *handle, CUmodule module_handle, const char *name)
{
    struct module *module = object_find(module_handle, OBJECT_MODULE);
    const struct program_kernel *kernel;
    struct launch launch;
    struct function *function;
    CUresult result;

    if (handle == NULL || name == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (module == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    kernel = program_find_kernel(module->program, name);
    if (kernel == NULL) {
        return CUDA_ERROR_NOT_FOUND;
    }
    function = &module->functions[kernel - program_kernel(module->program, 0)];
    result = function_prepare(function, &launch);
    if (result == CUDA_SUCCESS) {
        *handle = (CUfunction)function;
    }
    return result;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name)
{
    return IN_CONTEXT(get_function(function, module, name));
}

static CUresult get_global(CUdeviceptr *pointer, size_t *size, CUmodule handle, const char *name)
{
    struct module *module = object_find(handle, OBJECT_MODULE);
    const struct program_variable *variable;

    if (name == NULL || (pointer == NULL && size == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (module == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    variable = program_find_variable(module->program, name);
    if (variable == NULL) {
        return CUDA_ERROR_NOT_FOUND;
    }
    if (pointer != NULL) {
        *pointer = (CUdeviceptr)(uintptr_t)variable->bytes;
    }
    if (size != NULL) {
        *size = variable->size;
    }
    return CUDA_SUCCESS;
}

CUresult cuModuleGetGlobal(CUdeviceptr *pointer, size_t *size, CUmodule module, const char *name)
{
    return IN_CONTEXT(get_global(pointer, size, module, name));
}
