/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/driver/library.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/device.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/fatbin.h"
#include "host/cuda-cpu/driver/function.h"

#define LOG_SIZE 8192

struct kernel {
    struct object object;
    struct library *library;
    const struct program_kernel *kernel;
    int shared_max; /* -1: not set */
};

struct library {
    struct object object;
    char *text;           /* PTX, NUL-terminated */
    struct memory memory; /* of the program, which only says what there is: none of it runs */
    struct program *program;
    struct kernel *kernels;
};

/* ---- Their lives ---- */

static void destroy(struct library *library)
{
    for (size_t i = 0; library->kernels != NULL && i < program_kernel_count(library->program);
         i++) {
        if (library->kernels[i].library != NULL) {
            object_remove(&library->kernels[i].object);
        }
    }
    free(library->kernels);
    if (library->program != NULL) {
        program_destroy(library->program);
    }
    memory_clear(&library->memory);
    free(library->text);
    free(library);
}

static bool add_kernels(struct library *library)
{
    size_t count = program_kernel_count(library->program);

    library->kernels = calloc(count + 1, sizeof(*library->kernels));
    for (size_t i = 0; library->kernels != NULL && i < count; i++) {
        struct kernel *kernel = &library->kernels[i];

        kernel->kernel = program_kernel(library->program, i);
        kernel->shared_max = -1;
        if (!object_add(&kernel->object, OBJECT_KERNEL)) {
            return false;
        }
        kernel->library = library;
    }
    return library->kernels != NULL;
}

static CUresult read_program(struct library *library, const void *image, size_t size,
                             const struct jit_options *jit)
{
    struct fatbin_text text;
    CUresult result = fatbin_find(image, size, driver_settings()->arch, &text);
    char log_text[LOG_SIZE];
    struct ptx_log log;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    library->text = strndup(text.text, text.size);
    free(text.owned);
    if (library->text == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    ptx_log_init(&log, log_text, sizeof(log_text));
    library->program = program_create(library->text, text.size, &library->memory, &log);
    jit_tell(jit, &log, "a library");
    return library->program != NULL ? CUDA_SUCCESS : jit_result(&log);
}

static CUresult load(CUlibrary *handle, const void *image, size_t size,
                     const struct jit_options *jit)
{
    struct library *library;
    CUresult result;

    if (handle == NULL || image == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    library = calloc(1, sizeof(*library));
    if (library == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    driver_unlock();
    result = read_program(library, image, size, jit);
    driver_lock();
    if (result == CUDA_SUCCESS &&
        (!add_kernels(library) || !object_add(&library->object, OBJECT_LIBRARY))) {
        result = CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (result != CUDA_SUCCESS) {
        destroy(library);
        return result;
    }
    *handle = (CUlibrary)library;
    return CUDA_SUCCESS;
}

/* Of a library's own options none changes what happens here. */
static CUresult load_image(CUlibrary *library, const void *image, size_t size,
                           CUjit_option *options, void **values, unsigned count)
{
    struct jit_options jit;
    CUresult result = jit_read(count, options, values, &jit);

    return result ?: IN_DRIVER(load(library, image, size, &jit));
}

CUresult cuLibraryLoadData(CUlibrary *library, const void *image, CUjit_option *jit_options,
                           void **jit_values, unsigned jit_count, CUlibraryOption *options,
                           void **values, unsigned count)
{
    (void)options;
    (void)values;
    (void)count;
    return load_image(library, image, FATBIN_UNSIZED, jit_options, jit_values, jit_count);
}

CUresult cuLibraryLoadFromFile(CUlibrary *library, const char *path, CUjit_option *jit_options,
                               void **jit_values, unsigned jit_count, CUlibraryOption *options,
                               void **values, unsigned count)
{
    char *image;
    size_t size;
    CUresult result = module_read_file(path, &image, &size);

    (void)options;
    (void)values;
    (void)count;
    if (result == CUDA_SUCCESS) {
        result = load_image(library, image, size, jit_options, jit_values, jit_count);
        free(image);
    }
    return result;
}

static struct module *module_in(const struct context *context, const struct library *library)
{
    struct module *module = context->modules;

    while (module != NULL && module->library != library) {
        module = module->next;
    }
    return module;
}

static CUresult unload(CUlibrary handle)
{
    struct library *library = object_find(handle, OBJECT_LIBRARY);

    if (library == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    for (struct context *context = context_first(); context != NULL; context = context->next) {
        struct module *module = module_in(context, library);

        if (module != NULL) {
            context_wait(context);
            module_destroy(module);
        }
    }
    object_remove(&library->object);
    destroy(library);
    return CUDA_SUCCESS;
}

CUresult cuLibraryUnload(CUlibrary library)
{
    return IN_DRIVER(unload(library));
}

/* ---- In a context ---- */

static CUresult load_module(struct context *context, const struct library *library,
                            struct module **module)
{
    const struct jit_options jit = {.start_ns = 0};
    CUresult result;

    *module = module_in(context, library);
    if (*module != NULL) {
        return CUDA_SUCCESS;
    }
    result = module_load(context, library->text, FATBIN_UNSIZED, &jit, module);
    for (size_t i = 0; result == CUDA_SUCCESS && i < program_kernel_count(library->program); i++) {
        if (library->kernels[i].shared_max >= 0) {
            (*module)->functions[i].shared_max = library->kernels[i].shared_max;
        }
    }
    if (result == CUDA_SUCCESS) {
        (*module)->library = library;
    }
    return result;
}

CUresult library_find_function(struct context *context, const void *handle,
                               struct function **function)
{
    const struct kernel *kernel = object_find(handle, OBJECT_KERNEL);
    struct module *module;
    CUresult result;

    if (kernel == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    result = load_module(context, kernel->library, &module);
    if (result == CUDA_SUCCESS) {
        *function = &module->functions[kernel - kernel->library->kernels];
    }
    return result;
}

static CUresult get_module(struct context *context, CUmodule *handle, CUlibrary library_handle)
{
    const struct library *library = object_find(library_handle, OBJECT_LIBRARY);
    struct module *module;
    CUresult result;

    if (handle == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (library == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    result = load_module(context, library, &module);
    if (result == CUDA_SUCCESS) {
        *handle = (CUmodule)module;
    }
    return result;
}

CUresult cuLibraryGetModule(CUmodule *module, CUlibrary library)
{
    return IN_CONTEXT(get_module(context, module, library));
}

static CUresult get_function(struct context *context, CUfunction *handle, CUkernel kernel)
{
    struct function *function;
    CUresult result;

    if (handle == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = library_find_function(context, kernel, &function);
    if (result == CUDA_SUCCESS) {
        *handle = (CUfunction)function;
    }
    return result;
}

CUresult cuKernelGetFunction(CUfunction *function, CUkernel kernel)
{
    return IN_CONTEXT(get_function(context, function, kernel));
}

static CUresult get_global(struct context *context, CUdeviceptr *pointer, size_t *size,
                           CUlibrary handle, const char *name)
{
    const struct library *library = object_find(handle, OBJECT_LIBRARY);
    struct module *module;
    CUresult result;

    if (name == NULL || (pointer == NULL && size == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (library == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    result = load_module(context, library, &module);
    return result ?: module_find_variable(module, name, pointer, size);
}

CUresult cuLibraryGetGlobal(CUdeviceptr *pointer, size_t *size, CUlibrary library, const char *name)
{
    return IN_CONTEXT(get_global(context, pointer, size, library, name));
}

/* CUDA has these once for all contexts; here each context has its own, as of all variables. */
static CUresult get_managed(struct context *context, CUdeviceptr *pointer, size_t *size,
                            CUlibrary handle, const char *name)
{
    const struct library *library = object_find(handle, OBJECT_LIBRARY);
    const struct program_variable *variable;

    if (library != NULL && name != NULL) {
        variable = program_find_variable(library->program, name);
        if (variable == NULL || !variable->is_managed) {
            return CUDA_ERROR_NOT_FOUND;
        }
    }
    return get_global(context, pointer, size, handle, name);
}

CUresult cuLibraryGetManaged(CUdeviceptr *pointer, size_t *size, CUlibrary library,
                             const char *name)
{
    return IN_CONTEXT(get_managed(context, pointer, size, library, name));
}

/* ---- Kernels ---- */

static CUresult get_kernel(CUkernel *handle, CUlibrary library_handle, const char *name)
{
    struct library *library = object_find(library_handle, OBJECT_LIBRARY);
    const struct program_kernel *kernel;

    if (handle == NULL || name == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (library == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    kernel = program_find_kernel(library->program, name);
    if (kernel == NULL) {
        return CUDA_ERROR_NOT_FOUND;
    }
    *handle = (CUkernel)&library->kernels[kernel - program_kernel(library->program, 0)];
    return CUDA_SUCCESS;
}

CUresult cuLibraryGetKernel(CUkernel *kernel, CUlibrary library, const char *name)
{
    return IN_DRIVER(get_kernel(kernel, library, name));
}

static CUresult get_kernel_count(unsigned *count, CUlibrary handle)
{
    struct library *library = object_find(handle, OBJECT_LIBRARY);

    if (count == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (library == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    *count = (unsigned)program_kernel_count(library->program);
    return CUDA_SUCCESS;
}

CUresult cuLibraryGetKernelCount(unsigned *count, CUlibrary library)
{
    return IN_DRIVER(get_kernel_count(count, library));
}

static CUresult enumerate_kernels(CUkernel *kernels, unsigned count, CUlibrary handle)
{
    struct library *library = object_find(handle, OBJECT_LIBRARY);

    if (kernels == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (library == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    for (size_t i = 0; i < count && i < program_kernel_count(library->program); i++) {
        kernels[i] = (CUkernel)&library->kernels[i];
    }
    return CUDA_SUCCESS;
}

CUresult cuLibraryEnumerateKernels(CUkernel *kernels, unsigned count, CUlibrary library)
{
    return IN_DRIVER(enumerate_kernels(kernels, count, library));
}

/* The kernel of a handle, for who wants an answer there. */
static CUresult kernel_of_handle(CUkernel handle, const void *answer, struct kernel **kernel)
{
    *kernel = object_find(handle, OBJECT_KERNEL);
    if (answer == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return *kernel != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

static CUresult get_library(CUlibrary *library, CUkernel handle)
{
    struct kernel *kernel;
    CUresult result = kernel_of_handle(handle, library, &kernel);

    if (result == CUDA_SUCCESS) {
        *library = (CUlibrary)kernel->library;
    }
    return result;
}

CUresult cuKernelGetLibrary(CUlibrary *library, CUkernel kernel)
{
    return IN_DRIVER(get_library(library, kernel));
}

static CUresult get_name(const char **name, CUkernel handle)
{
    struct kernel *kernel;
    CUresult result = kernel_of_handle(handle, name, &kernel);

    if (result == CUDA_SUCCESS) {
        *name = kernel->kernel->name;
    }
    return result;
}

CUresult cuKernelGetName(const char **name, CUkernel kernel)
{
    return IN_DRIVER(get_name(name, kernel));
}

static CUresult get_parameter(CUkernel handle, size_t index, size_t *offset, size_t *size)
{
    struct kernel *kernel;
    CUresult result = kernel_of_handle(handle, offset, &kernel);

    return result ?: function_parameter(kernel->kernel, index, offset, size);
}

CUresult cuKernelGetParamInfo(CUkernel kernel, size_t index, size_t *offset, size_t *size)
{
    return IN_DRIVER(get_parameter(kernel, index, offset, size));
}

/* As if in a context: a kernel says what its function there would. */
static CUresult get_attribute(int *value, CUfunction_attribute attribute, CUkernel handle,
                              CUdevice device)
{
    struct kernel *kernel;
    CUresult result = kernel_of_handle(handle, value, &kernel);
    struct module module;
    struct function function;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    module = (struct module){.program = kernel->library->program};
    function = (struct function){
        .module = &module,
        .kernel = kernel->kernel,
        .shared_max = kernel->shared_max >= 0
                          ? kernel->shared_max
                          : DEVICE_SHARED_MAX - (int)kernel->kernel->shared_size,
        .carveout = -1,
    };
    return device == 0 ? function_get(&function, attribute, value) : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuKernelGetAttribute(int *value, CUfunction_attribute attribute, CUkernel kernel,
                              CUdevice device)
{
    return IN_DRIVER(get_attribute(value, attribute, kernel, device));
}

/* In all contexts, those to come too. */
static CUresult set_attribute(CUfunction_attribute attribute, int value, CUkernel handle,
                              CUdevice device)
{
    struct kernel *kernel;
    CUresult result = kernel_of_handle(handle, &value, &kernel);
    struct function trial;

    if (result != CUDA_SUCCESS || device != 0) {
        return result ?: CUDA_ERROR_INVALID_DEVICE;
    }
    trial = (struct function){.kernel = kernel->kernel, .shared_max = kernel->shared_max};
    result = function_set(&trial, attribute, value);
    kernel->shared_max = trial.shared_max;
    for (struct context *context = context_first(); context != NULL && result == CUDA_SUCCESS;
         context = context->next) {
        struct module *module = module_in(context, kernel->library);

        if (module != NULL) {
            result = function_set(&module->functions[kernel - kernel->library->kernels], attribute,
                                  value);
        }
    }
    return result;
}

CUresult cuKernelSetAttribute(CUfunction_attribute attribute, int value, CUkernel kernel,
                              CUdevice device)
{
    return IN_DRIVER(set_attribute(attribute, value, kernel, device));
}

static CUresult set_cache_config(CUkernel handle, CUfunc_cache config, CUdevice device)
{
    struct kernel *kernel;
    CUresult result = kernel_of_handle(handle, &config, &kernel);

    if (result != CUDA_SUCCESS || device != 0) {
        return result ?: CUDA_ERROR_INVALID_DEVICE;
    }
    return (unsigned)config <= CU_FUNC_CACHE_PREFER_EQUAL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuKernelSetCacheConfig(CUkernel kernel, CUfunc_cache config, CUdevice device)
{
    return IN_DRIVER(set_cache_config(kernel, config, device));
}

/* ---- What there is none of ---- */

static CUresult find_function(CUlibrary handle, const char *name)
{
    if (object_find(handle, OBJECT_LIBRARY) == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    return name != NULL ? CUDA_ERROR_NOT_FOUND : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuLibraryGetUnifiedFunction(void **function, CUlibrary library, const char *symbol)
{
    (void)function;
    return IN_DRIVER(find_function(library, symbol));
}
