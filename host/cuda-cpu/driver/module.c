/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/driver/module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/device.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/texture.h"
#include "host/cuda-cpu/ptxc/compiler.h"

#define LOG_SIZE 8192

/* A program compiles for one thread at a time. */
static pthread_mutex_t compiling = PTHREAD_MUTEX_INITIALIZER;

/* ---- Their lives ---- */

static void remove_functions(struct module *module, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        object_remove(&module->functions[i].object);
        free(module->functions[i].setup);
    }
    free(module->functions);
}

static bool add_functions(struct module *module)
{
    size_t count = program_kernel_count(module->program);

    module->functions = calloc(count + 1, sizeof(*module->functions));
    for (size_t i = 0; module->functions != NULL && i < count; i++) {
        struct function *function = &module->functions[i];

        function->module = module;
        function->kernel = program_kernel(module->program, i);
        function->shared_max = DEVICE_SHARED_MAX - (int)function->kernel->shared_size;
        function->carveout = -1;
        if (!object_add(&function->object, OBJECT_FUNCTION)) {
            remove_functions(module, i);
            return false;
        }
    }
    return module->functions != NULL;
}

static struct module *create(struct context *context, struct program *program)
{
    struct module *module = calloc(1, sizeof(*module));

    if (module == NULL) {
        return NULL;
    }
    module->context = context;
    module->program = program;
    if (!add_functions(module)) {
        free(module);
        return NULL;
    }
    if (!object_add(&module->object, OBJECT_MODULE)) {
        remove_functions(module, program_kernel_count(program));
        free(module);
        return NULL;
    }
    module->next = context->modules;
    context->modules = module;
    return module;
}

void module_destroy(struct module *module)
{
    struct module **place = &module->context->modules;

    while (*place != module) {
        place = &(*place)->next;
    }
    *place = module->next;
    remove_functions(module, program_kernel_count(module->program));
    object_remove(&module->object);
    texture_reference_destroy_all(module->context, module);
    program_destroy(module->program);
    free(module);
}

/* ---- Loading ---- */

static struct program *load_program(struct context *context, const struct fatbin_text *text,
                                    struct ptx_log *log)
{
    struct program *program = program_create(text->text, text->size, &context->memory, log);

    if (program != NULL && driver_settings()->is_eager && !program_prepare_all(program, log)) {
        program_destroy(program);
        return NULL;
    }
    return program;
}

/* Without the lock. */
static CUresult make_program(struct context *context, const void *image, size_t size,
                             const struct jit_options *jit, struct program **program)
{
    char *log_text = malloc(LOG_SIZE);
    struct fatbin_text text;
    struct ptx_log log;
    CUresult result = CUDA_ERROR_OUT_OF_MEMORY;

    *program = NULL;
    if (log_text == NULL) {
        return result;
    }
    ptx_log_init(&log, log_text, LOG_SIZE);
    result = fatbin_find(image, size, driver_settings()->arch, &text);
    if (result == CUDA_SUCCESS) {
        *program = load_program(context, &text, &log);
        free(text.owned);
        jit_tell(jit, &log, "a module");
        result = *program != NULL ? CUDA_SUCCESS : jit_result(&log);
    }
    free(log_text);
    return result;
}

CUresult module_load(struct context *context, const void *image, size_t size,
                     const struct jit_options *jit, struct module **module)
{
    struct program *program;
    CUresult result;

    driver_unlock();
    result = make_program(context, image, size, jit, &program);
    driver_lock();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    *module = create(context, program);
    if (*module == NULL) {
        program_destroy(program);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    return CUDA_SUCCESS;
}

static CUresult load(struct context *context, CUmodule *handle, const void *image, size_t size,
                     unsigned count, const CUjit_option *options, void **values)
{
    struct jit_options jit;
    struct module *module;
    CUresult result;

    if (handle == NULL || image == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = jit_read(count, options, values, &jit);
    result = result ?: module_load(context, image, size, &jit, &module);
    if (result == CUDA_SUCCESS) {
        *handle = (CUmodule)module;
    }
    return result;
}

CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned count,
                            CUjit_option *options, void **values)
{
    return IN_CONTEXT(load(context, module, image, FATBIN_UNSIZED, count, options, values));
}

CUresult cuModuleLoadData(CUmodule *module, const void *image)
{
    return cuModuleLoadDataEx(module, image, 0, NULL, NULL);
}

CUresult cuModuleLoadFatBinary(CUmodule *module, const void *image)
{
    return cuModuleLoadDataEx(module, image, 0, NULL, NULL);
}

CUresult module_read_file(const char *path, char **image, size_t *size)
{
    FILE *file = path != NULL ? fopen(path, "rb") : NULL;
    size_t room = compile_default_limits.text + 1, used = 0;
    CUresult result = CUDA_ERROR_OUT_OF_MEMORY;

    if (file == NULL) {
        return path != NULL ? CUDA_ERROR_FILE_NOT_FOUND : CUDA_ERROR_INVALID_VALUE;
    }
    *image = malloc(room + 1);
    if (*image != NULL) {
        used = fread(*image, 1, room, file);
        (*image)[used] = '\0';
        *size = used;
        result = ferror(file) ? CUDA_ERROR_FILE_NOT_FOUND : CUDA_SUCCESS;
    }
    fclose(file);
    if (result != CUDA_SUCCESS) {
        free(*image);
    }
    return result;
}

CUresult cuModuleLoad(CUmodule *module, const char *path)
{
    char *image;
    size_t size;
    CUresult result = module_read_file(path, &image, &size);

    if (result == CUDA_SUCCESS) {
        result = IN_CONTEXT(load(context, module, image, size, 0, NULL, NULL));
        free(image);
    }
    return result;
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

static CUresult get_loading_mode(CUmoduleLoadingMode *mode)
{
    if (mode == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *mode = CU_MODULE_LAZY_LOADING;
    return CUDA_SUCCESS;
}

CUresult cuModuleGetLoadingMode(CUmoduleLoadingMode *mode)
{
    return IN_DRIVER(get_loading_mode(mode));
}

/* ---- Functions ---- */

CUresult function_prepare(const struct function *function, struct launch *launch)
{
    const struct jit_options jit = {.start_ns = 0};
    char text[LOG_SIZE];
    struct ptx_log log;
    bool done;

    ptx_log_init(&log, text, sizeof(text));
    driver_unlock();
    pthread_mutex_lock(&compiling);
    done = program_prepare(function->module->program, function->kernel, launch, &log);
    pthread_mutex_unlock(&compiling);
    if (!done) {
        jit_tell(&jit, &log, function->kernel->name);
    }
    driver_lock();
    return done ? CUDA_SUCCESS : jit_result(&log);
}

CUresult module_find_function(struct module *module, const char *name, struct function **function)
{
    const struct program_kernel *kernel = program_find_kernel(module->program, name);
    struct launch launch = {.block = {0}};

    if (kernel == NULL) {
        return CUDA_ERROR_NOT_FOUND;
    }
    *function = &module->functions[kernel - program_kernel(module->program, 0)];
    return function_prepare(*function, &launch);
}

static CUresult get_function(CUfunction *handle, CUmodule module_handle, const char *name)
{
    struct module *module = object_find(module_handle, OBJECT_MODULE);
    struct function *function;
    CUresult result;

    if (handle == NULL || name == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (module == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    result = module_find_function(module, name, &function);
    if (result == CUDA_SUCCESS) {
        *handle = (CUfunction)function;
    }
    return result;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name)
{
    return IN_CONTEXT(get_function(function, module, name));
}

static CUresult get_function_count(unsigned *count, CUmodule handle)
{
    struct module *module = object_find(handle, OBJECT_MODULE);

    if (count == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (module == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    *count = (unsigned)program_kernel_count(module->program);
    return CUDA_SUCCESS;
}

CUresult cuModuleGetFunctionCount(unsigned *count, CUmodule module)
{
    return IN_CONTEXT(get_function_count(count, module));
}

static CUresult enumerate_functions(CUfunction *functions, unsigned count, CUmodule handle)
{
    struct module *module = object_find(handle, OBJECT_MODULE);

    if (functions == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (module == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    for (size_t i = 0; i < count && i < program_kernel_count(module->program); i++) {
        functions[i] = (CUfunction)&module->functions[i];
    }
    return CUDA_SUCCESS;
}

CUresult cuModuleEnumerateFunctions(CUfunction *functions, unsigned count, CUmodule module)
{
    return IN_CONTEXT(enumerate_functions(functions, count, module));
}

/* ---- Variables ---- */

CUresult module_find_variable(const struct module *module, const char *name, CUdeviceptr *pointer,
                              size_t *size)
{
    const struct program_variable *variable = program_find_variable(module->program, name);

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

static CUresult get_global(CUdeviceptr *pointer, size_t *size, CUmodule handle, const char *name)
{
    struct module *module = object_find(handle, OBJECT_MODULE);

    if (name == NULL || (pointer == NULL && size == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return module != NULL ? module_find_variable(module, name, pointer, size)
                          : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuModuleGetGlobal(CUdeviceptr *pointer, size_t *size, CUmodule module, const char *name)
{
    return IN_CONTEXT(get_global(pointer, size, module, name));
}
