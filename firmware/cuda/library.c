/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Libraries. Each context has a module of a library from the first time on that it needs it; so the
 * image is kept, copied into bookkeeping memory unless the program says that it stays where it is.
 */
#include "firmware/cuda/library.h"

#include "firmware/cuda/capture.h"

/* What the program has set before a context loads it. */
struct setting {
    bool is_set;
    int value;
};

struct cuda_kernel {
    struct cuda_object object;
    struct cuda_library *library;
    uint32_t number; /* of the function in each module */
    struct setting settings[BG_CUDA_FUNCTION_ATTRIBUTES];
};

struct cuda_library {
    struct cuda_object object;
    const void *image;
    void *owned; /* the copy of it; NULL: the program's own is used */
    uint32_t kernel_count;
    struct cuda_kernel **kernels; /* NULL: no context has loaded it yet */
};

/* ---- In a context ---- */

static struct cuda_module *find_module(const struct cuda_context *context,
                                       const struct cuda_library *library)
{
    struct cuda_module *module = cuda_object_next(CUDA_KIND_MODULE, context, NULL);

    while (module != NULL && module->library != library) {
        module = cuda_object_next(CUDA_KIND_MODULE, context, &module->object);
    }
    return module;
}

static CUresult apply_settings(const struct cuda_kernel *kernel, struct cuda_module *module)
{
    struct cuda_function *function;
    CUresult result = cuda_module_function(module, kernel->number, &function);

    for (int i = 0; i < (int)BG_CUDA_FUNCTION_ATTRIBUTES && result == CUDA_SUCCESS; i++) {
        if (kernel->settings[i].is_set) {
            result =
                cuda_function_set(function, (CUfunction_attribute)i, kernel->settings[i].value);
        }
    }
    return result;
}

/* The handles, from the first module on. */
static CUresult add_kernels(struct cuda_library *library, const struct cuda_module *module)
{
    if (library->kernels != NULL) {
        return CUDA_SUCCESS;
    }
    library->kernels = cuda_alloc((module->function_count + 1) * sizeof(struct cuda_kernel *));
    if (library->kernels == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    while (library->kernel_count < module->function_count) {
        struct cuda_kernel *kernel = cuda_object_create(CUDA_KIND_KERNEL, sizeof(*kernel), NULL);

        if (kernel == NULL) {
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
        kernel->library = library;
        kernel->number = library->kernel_count;
        library->kernels[library->kernel_count++] = kernel;
    }
    return CUDA_SUCCESS;
}

/* The JIT's options, as the calls have them. */
struct jit {
    unsigned count;
    CUjit_option *options;
    void **values;
};

static CUresult load_module(struct cuda_context *context, struct cuda_library *library,
                            const struct jit *jit, struct cuda_module **module)
{
    CUresult result =
        cuda_module_load(context, library->image, jit->count, jit->options, jit->values, module);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    (*module)->library = library;
    result = add_kernels(library, *module);
    for (uint32_t i = 0; i < library->kernel_count && result == CUDA_SUCCESS; i++) {
        result = apply_settings(library->kernels[i], *module);
    }
    if (result != CUDA_SUCCESS) {
        cuda_module_destroy(&(*module)->object);
    }
    return result;
}

static CUresult need_module(struct cuda_context *context, struct cuda_library *library,
                            struct cuda_module **module)
{
    static const struct jit no_options;

    *module = find_module(context, library);
    return *module != NULL ? CUDA_SUCCESS : load_module(context, library, &no_options, module);
}

CUresult cuda_library_function(struct cuda_context *context, const void *handle,
                               struct cuda_function **function)
{
    const struct cuda_kernel *kernel = cuda_find(handle, CUDA_KIND_KERNEL);
    struct cuda_module *module;

    if (kernel == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    return need_module(context, kernel->library, &module)
               ?: cuda_module_function(module, kernel->number, function);
}

/* ---- Their lives ---- */

static void destroy(struct cuda_library *library)
{
    struct cuda_object *object = NULL;

    while ((object = cuda_object_next(CUDA_KIND_MODULE, NULL, object)) != NULL) {
        if (((struct cuda_module *)(void *)object)->library == library) {
            cuda_module_destroy(object);
            object = NULL;
        }
    }
    for (uint32_t i = 0; i < library->kernel_count; i++) {
        cuda_object_destroy(&library->kernels[i]->object);
    }
    cuda_free(library->kernels);
    cuda_free(library->owned);
    cuda_object_destroy(&library->object);
}

static CUresult keep_image(struct cuda_library *library, const void *image, bool is_preserved)
{
    struct cuda_bytes found;
    CUresult result = cuda_image_find(image, &found);

    library->image = image;
    if (result != CUDA_SUCCESS || is_preserved) {
        return result;
    }
    library->image = library->owned = cuda_alloc(found.size + 1); /* PTX ends with a NUL */
    if (library->owned == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    memcpy(library->owned, found.bytes, found.size);
    return CUDA_SUCCESS;
}

/* With a context that is current it is loaded there, so that errors come at once. */
static CUresult load(CUlibrary *handle, const void *image, bool is_preserved, const struct jit *jit)
{
    struct cuda_library *library = cuda_object_create(CUDA_KIND_LIBRARY, sizeof(*library), NULL);
    struct cuda_context *context;
    struct cuda_module *module;
    CUresult result;

    if (library == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    result = keep_image(library, image, is_preserved);
    if (result == CUDA_SUCCESS && cuda_current != NULL) {
        result = cuda_enter_context(&context) ?: load_module(context, library, jit, &module);
    }
    if (result != CUDA_SUCCESS) {
        destroy(library);
        return result;
    }
    *handle = library->object.handle;
    return CUDA_SUCCESS;
}

/* Tables for host programs that were linked with kernels are of no use here, and not asked for. */
static CUresult read_options(const CUlibraryOption *options, void **values, unsigned count,
                             bool *is_preserved)
{
    *is_preserved = false;
    if (count > 0 && options == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (unsigned i = 0; i < count; i++) {
        if ((unsigned)options[i] >= CU_LIBRARY_NUM_OPTIONS) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        if (options[i] == CU_LIBRARY_BINARY_IS_PRESERVED) { /* the value is not always looked at */
            *is_preserved = values == NULL || values[i] != NULL;
        }
    }
    return CUDA_SUCCESS;
}

CUresult cuLibraryLoadData(CUlibrary *library, const void *image, CUjit_option *jit_options,
                           void **jit_values, unsigned jit_count, CUlibraryOption *options,
                           void **values, unsigned count)
{
    const struct jit jit = {jit_count, jit_options, jit_values};
    bool is_preserved;
    CUresult result = cuda_enter() ?: read_options(options, values, count, &is_preserved);

    if (result == CUDA_SUCCESS && (library == NULL || image == NULL)) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    return result ?: load(library, image, is_preserved, &jit);
}

/* There are no files. */
CUresult cuLibraryLoadFromFile(CUlibrary *library, const char *path, CUjit_option *jit_options,
                               void **jit_values, unsigned jit_count, CUlibraryOption *options,
                               void **values, unsigned count)
{
    (void)jit_options;
    (void)jit_values;
    (void)jit_count;
    (void)options;
    (void)values;
    (void)count;
    return cuda_enter()
               ?: library == NULL || path == NULL ? CUDA_ERROR_INVALID_VALUE
                                                  : CUDA_ERROR_FILE_NOT_FOUND;
}

static CUresult find(CUlibrary handle, struct cuda_library **library)
{
    CUresult result = cuda_enter();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    *library = cuda_find(handle, CUDA_KIND_LIBRARY);
    return *library != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuLibraryUnload(CUlibrary handle)
{
    struct cuda_library *library;
    CUresult result = find(handle, &library);

    if (result == CUDA_SUCCESS) {
        destroy(library);
    }
    return result;
}

/* ---- What is in them ---- */

/* The module in the current context. */
static CUresult find_current(CUlibrary handle, struct cuda_module **module)
{
    struct cuda_library *library;
    struct cuda_context *context;

    return find(handle, &library)
               ?: cuda_enter_context(&context)
               ?: need_module(context, library, module);
}

/* Kernels are known as soon as any context has loaded it. */
static CUresult find_loaded(CUlibrary handle, const void *answer, struct cuda_library **library)
{
    struct cuda_module *module;
    CUresult result = find(handle, library);

    if (result != CUDA_SUCCESS || answer == NULL) {
        return result ?: CUDA_ERROR_INVALID_VALUE;
    }
    return (*library)->kernels != NULL ? CUDA_SUCCESS : find_current(handle, &module);
}

/* Any module of the library, for what is the same in all. */
static struct cuda_module *any_module(const struct cuda_library *library)
{
    return find_module(NULL, library);
}

CUresult cuLibraryGetModule(CUmodule *handle, CUlibrary library)
{
    struct cuda_module *module;
    CUresult result = find_current(library, &module);

    if (result == CUDA_SUCCESS && handle == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *handle = module->object.handle;
    }
    return result;
}

CUresult cuLibraryGetGlobal(CUdeviceptr *pointer, size_t *size, CUlibrary library, const char *name)
{
    struct cuda_module *module;
    CUresult result = find_current(library, &module);

    if (result == CUDA_SUCCESS && (name == NULL || (pointer == NULL && size == NULL))) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    return result ?: cuda_module_global(module, name, pointer, size);
}

static CUresult find_nothing(CUlibrary handle, const char *name)
{
    struct cuda_library *library;

    return find(handle, &library) ?: name != NULL ? CUDA_ERROR_NOT_FOUND : CUDA_ERROR_INVALID_VALUE;
}

/* No module has managed memory here. */
CUresult cuLibraryGetManaged(CUdeviceptr *pointer, size_t *size, CUlibrary library,
                             const char *name)
{
    (void)pointer;
    (void)size;
    return find_nothing(library, name);
}

CUresult cuLibraryGetUnifiedFunction(void **function, CUlibrary library, const char *symbol)
{
    (void)function;
    return find_nothing(library, symbol);
}

CUresult cuLibraryGetKernelCount(unsigned *count, CUlibrary handle)
{
    struct cuda_library *library;
    CUresult result = find_loaded(handle, count, &library);

    if (result == CUDA_SUCCESS) {
        *count = library->kernel_count;
    }
    return result;
}

CUresult cuLibraryEnumerateKernels(CUkernel *kernels, unsigned count, CUlibrary handle)
{
    struct cuda_library *library;
    CUresult result = find_loaded(handle, kernels, &library);

    for (unsigned i = 0; result == CUDA_SUCCESS && i < count && i < library->kernel_count; i++) {
        kernels[i] = library->kernels[i]->object.handle;
    }
    return result;
}

CUresult cuLibraryGetKernel(CUkernel *kernel, CUlibrary handle, const char *name)
{
    struct cuda_library *library;
    struct cuda_module *module;
    struct cuda_function *function;
    CUresult result = find_loaded(handle, kernel, &library);

    if (result == CUDA_SUCCESS && name == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result != CUDA_SUCCESS) {
        return result;
    }
    module = any_module(library);
    result = module != NULL ? CUDA_SUCCESS : find_current(handle, &module);
    result = result ?: cuda_module_find(module, name, &function);
    if (result == CUDA_SUCCESS) {
        *kernel = library->kernels[function->number]->object.handle;
    }
    return result;
}

/* ---- Kernels ---- */

/* answer: not NULL. */
static CUresult find_kernel(CUkernel handle, const void *answer, struct cuda_kernel **kernel)
{
    CUresult result = cuda_enter();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    *kernel = cuda_find(handle, CUDA_KIND_KERNEL);
    return *kernel == NULL  ? CUDA_ERROR_INVALID_HANDLE
           : answer == NULL ? CUDA_ERROR_INVALID_VALUE
                            : CUDA_SUCCESS;
}

/* The kernel in any context, else in the current one. */
static CUresult find_any(CUkernel handle, const void *answer, struct cuda_function **function)
{
    struct cuda_kernel *kernel;
    struct cuda_context *context;
    struct cuda_module *module;
    CUresult result = find_kernel(handle, answer, &kernel);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    module = any_module(kernel->library);
    if (module == NULL) {
        return cuda_enter_context(&context) ?: cuda_library_function(context, handle, function);
    }
    return cuda_module_function(module, kernel->number, function);
}

CUresult cuKernelGetFunction(CUfunction *handle, CUkernel kernel)
{
    struct cuda_context *context;
    struct cuda_function *function;
    CUresult result = cuda_enter_context(&context);

    if (result == CUDA_SUCCESS && handle == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    result = result ?: cuda_library_function(context, kernel, &function);
    if (result == CUDA_SUCCESS) {
        *handle = function->object.handle;
    }
    return result;
}

CUresult cuKernelGetLibrary(CUlibrary *library, CUkernel handle)
{
    struct cuda_kernel *kernel;
    CUresult result = find_kernel(handle, library, &kernel);

    if (result == CUDA_SUCCESS) {
        *library = kernel->library->object.handle;
    }
    return result;
}

CUresult cuKernelGetName(const char **name, CUkernel handle)
{
    struct cuda_function *function;
    CUresult result = find_any(handle, name, &function);

    if (result == CUDA_SUCCESS) {
        *name = function->name;
    }
    return result;
}

CUresult cuKernelGetParamInfo(CUkernel handle, size_t index, size_t *offset, size_t *size)
{
    struct cuda_function *function;

    return find_any(handle, offset, &function)
               ?: cuda_function_param(function, index, offset, size);
}

static CUresult check_device(CUdevice device)
{
    return cuda_device_of(device) != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

/* In a context of the device; the same in all of them. */
static struct cuda_module *module_on(CUdevice device, const struct cuda_library *library)
{
    struct cuda_context *context = cuda_object_next(CUDA_KIND_CONTEXT, NULL, NULL);
    struct cuda_module *module = NULL;

    while (context != NULL && module == NULL) {
        if (context->device->number == device) {
            module = find_module(context, library);
        }
        context = cuda_object_next(CUDA_KIND_CONTEXT, NULL, &context->object);
    }
    return module;
}

CUresult cuKernelGetAttribute(int *value, CUfunction_attribute attribute, CUkernel handle,
                              CUdevice device)
{
    struct cuda_kernel *kernel;
    struct cuda_function *function;
    struct cuda_module *module;
    CUresult result = find_kernel(handle, value, &kernel) ?: check_device(device);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    module = module_on(device, kernel->library);
    result = module != NULL ? cuda_module_function(module, kernel->number, &function)
                            : find_any(handle, value, &function);
    return result ?: cuda_function_attribute(function, attribute, value);
}

/* Where it is loaded, and where it will be. */
CUresult cuKernelSetAttribute(CUfunction_attribute attribute, int value, CUkernel handle,
                              CUdevice device)
{
    struct cuda_kernel *kernel;
    struct cuda_function *function;
    struct cuda_object *object = NULL;
    CUresult result = find_kernel(handle, &value, &kernel) ?: check_device(device);

    if (result == CUDA_SUCCESS && (unsigned)attribute >= BG_CUDA_FUNCTION_ATTRIBUTES) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    while (result == CUDA_SUCCESS &&
           (object = cuda_object_next(CUDA_KIND_MODULE, NULL, object)) != NULL) {
        struct cuda_module *module = (struct cuda_module *)(void *)object;

        if (module->library == kernel->library && object->context->device->number == device) {
            result = cuda_module_function(module, kernel->number, &function)
                         ?: cuda_function_set(function, attribute, value);
        }
    }
    if (result == CUDA_SUCCESS) {
        kernel->settings[attribute] = (struct setting){true, value};
    }
    return result;
}

/* A preference; the device may do as it likes. */
CUresult cuKernelSetCacheConfig(CUkernel handle, CUfunc_cache config, CUdevice device)
{
    struct cuda_kernel *kernel;
    CUresult result = find_kernel(handle, &config, &kernel) ?: check_device(device);

    return result == CUDA_SUCCESS && (unsigned)config > CU_FUNC_CACHE_PREFER_EQUAL
               ? CUDA_ERROR_INVALID_VALUE
               : result;
}
