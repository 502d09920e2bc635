/* SPDX-License-Identifier: BSD-2-Clause */
/* Modules: loaded, described, unloaded. */
#include "host/mediator/cuda/module.h"

#include <stdlib.h>
#include <string.h>

#include "host/mediator/cuda/bytes.h"
#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/image.h"
#include "host/mediator/cuda/jit.h"
#include "host/mediator/cuda/leave.h"
#include "host/mediator/cuda/memory.h"

#define NAME_MAX_SIZE 4096u /* of a variable */

/* ---- The driver's part ---- */

struct loading {
    const struct bg_cuda_module_load *wanted;
    struct bytes image;
    struct cuda_jit jit;
    CUmodule module;
};

static CUresult load(struct cuda_session *cuda, struct loading *loading)
{
    struct cuda_jit *jit = &loading->jit;

    return cuda_check(cuda, cuda->driver->cuModuleLoadDataEx(&loading->module, loading->image.bytes,
                                                             jit->count, jit->names, jit->values));
}

/* ---- Kernels ---- */

/* What the answer tells of them. */
struct description {
    struct bytes functions, params, names;
};

void cuda_function_describe(const struct cuda_session *cuda, const struct cuda_function *function,
                            struct bg_cuda_function *description)
{
    for (uint32_t i = 0; i < BG_CUDA_FUNCTION_ATTRIBUTES; i++) {
        int value = 0;

        if (cuda->driver->cuFuncGetAttribute(&value, (CUfunction_attribute)i, function->function) ==
            CUDA_SUCCESS) {
            description->attributes[i] = value;
        }
    }
}

static CUresult describe_params(const struct cuda_driver *driver, CUfunction function,
                                struct bytes *params, struct bg_cuda_function *description)
{
    size_t offset, size;
    uint32_t count = 0;

    description->first_param = (uint32_t)(params->size / sizeof(struct bg_cuda_param));
    while (driver->cuFuncGetParamInfo(function, count, &offset, &size) == CUDA_SUCCESS) {
        const struct bg_cuda_param param = {(uint32_t)offset, (uint32_t)size};

        if (count == BG_CUDA_PARAM_COUNT_MAX || !bytes_add(params, &param, sizeof(param))) {
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
        count++;
        description->params_size = param.offset + param.size;
    }
    description->param_count = count;
    return description->params_size <= BG_CUDA_PARAMS_SIZE_MAX ? CUDA_SUCCESS
                                                               : CUDA_ERROR_INVALID_IMAGE;
}

static CUresult describe_function(const struct cuda_session *cuda, struct cuda_function *function,
                                  struct description *description)
{
    const struct cuda_driver *driver = cuda->driver;
    struct bg_cuda_function told = {.name = (uint32_t)description->names.size};
    const char *name = NULL;
    CUresult result = driver->cuFuncGetName(&name, function->function);

    result = result ?: describe_params(driver, function->function, &description->params, &told);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    function->params_size = told.params_size;
    cuda_function_describe(cuda, function, &told);
    return bytes_add(&description->names, name, strlen(name) + 1) &&
                   bytes_add(&description->functions, &told, sizeof(told))
               ? CUDA_SUCCESS
               : CUDA_ERROR_OUT_OF_MEMORY;
}

static CUresult find_functions(const struct cuda_driver *driver, struct cuda_module *module)
{
    CUfunction *functions = calloc(module->function_count + 1, sizeof(CUfunction));
    CUresult result = CUDA_ERROR_OUT_OF_MEMORY;

    if (functions != NULL) {
        result =
            driver->cuModuleEnumerateFunctions(functions, module->function_count, module->module);
    }
    for (uint32_t i = 0; i < module->function_count && result == CUDA_SUCCESS; i++) {
        module->functions[i].function = functions[i];
    }
    free(functions);
    return result;
}

static CUresult create(const struct cuda_driver *driver, CUmodule handle,
                       struct cuda_module **result)
{
    struct cuda_module *module;
    unsigned count = 0;
    CUresult found = driver->cuModuleGetFunctionCount(&count, handle);

    if (found != CUDA_SUCCESS || count > BG_CUDA_FUNCTIONS_MAX) {
        return found ?: CUDA_ERROR_OUT_OF_MEMORY;
    }
    module = calloc(1, sizeof(*module) + count * sizeof(module->functions[0]));
    if (module == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    module->module = handle;
    module->function_count = count;
    found = find_functions(driver, module);
    if (found != CUDA_SUCCESS) {
        free(module);
        return found;
    }
    *result = module;
    return CUDA_SUCCESS;
}

static CUresult describe(const struct cuda_session *cuda, struct cuda_module *module,
                         struct description *description)
{
    CUresult result = CUDA_SUCCESS;

    for (uint32_t i = 0; i < module->function_count && result == CUDA_SUCCESS; i++) {
        result = describe_function(cuda, &module->functions[i], description);
    }
    return result;
}

/* ---- The answer ---- */

static bool may_print(const struct bytes *image)
{
    static const char *const names[] = {"vprintf", "__assertfail"};
    bool is_text = image->size > 0 && image->bytes[0] < 0x7F;

    return !is_text || memmem(image->bytes, image->size, names[0], strlen(names[0])) != NULL ||
           memmem(image->bytes, image->size, names[1], strlen(names[1])) != NULL;
}

static CUresult answer_load(struct cuda_call *call, struct loading *loading,
                            const struct description *description)
{
    struct bg_cuda_module_answer head = {
        .function_count = (uint32_t)(description->functions.size / sizeof(struct bg_cuda_function)),
        .names_size = (uint32_t)description->names.size,
        .prints = may_print(&loading->image),
    };
    struct bytes answer = {.size = 0};
    bool done = bytes_add(&answer, &head, sizeof(head));
    CUresult result = CUDA_ERROR_OUT_OF_MEMORY;

    cuda_jit_cut_logs(&loading->jit);
    head.info_log_size = (uint32_t)loading->jit.info_log.size;
    head.error_log_size = (uint32_t)loading->jit.error_log.size;
    head.functions_offset = bytes_put(&answer, &description->functions);
    head.params_offset = bytes_put(&answer, &description->params);
    head.names_offset = bytes_put(&answer, &description->names);
    head.info_log_offset = bytes_put(&answer, &loading->jit.info_log);
    head.error_log_offset = bytes_put(&answer, &loading->jit.error_log);
    done = done && !answer.failed;
    if (done) {
        memcpy(answer.bytes, &head, sizeof(head));
        result = cuda_answer(call, answer.bytes, answer.size);
    }
    free(answer.bytes);
    return result;
}

/* ---- Loading ---- */

static CUresult check_load(const struct cuda_session *cuda, const struct bg_cuda_module_load *load,
                           const struct cuda_call *call)
{
    if (load->module >= BG_CUDA_MODULES_MAX || cuda->modules[load->module] != NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    return call->data_size > 0 && call->data_size <= BG_CUDA_IMAGE_SIZE_MAX
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_IMAGE;
}

static void free_description(struct description *description)
{
    free(description->functions.bytes);
    free(description->params.bytes);
    free(description->names.bytes);
}

/* With the module loaded. */
static CUresult keep(struct cuda_session *cuda, struct cuda_call *call, struct loading *loading)
{
    struct description description = {.functions = {.size = 0}};
    struct cuda_module *module = NULL;
    CUresult result = create(cuda->driver, loading->module, &module);

    result = result ?: describe(cuda, module, &description)
                           ?: answer_load(call, loading, &description);
    free_description(&description);
    if (result != CUDA_SUCCESS) {
        free(module);
        cuda->driver->cuModuleUnload(loading->module);
        return result;
    }
    module->charged = loading->image.size;
    cuda->modules[loading->wanted->module] = module;
    return CUDA_SUCCESS;
}

static CUresult load_and_keep(struct cuda_session *cuda, struct cuda_call *call,
                              struct loading *loading)
{
    CUresult result = load(cuda, loading);

    if (result != CUDA_SUCCESS) {
        return answer_load(call, loading, &(struct description){.functions = {.size = 0}})
                   ?: result;
    }
    return keep(cuda, call, loading);
}

CUDA_COMMAND(cuda_run_module_load)
{
    struct loading loading = {.wanted = call->params};
    CUresult result = cuda_jit_begin(&loading.jit, call->params)
                          ?: check_load(cuda, call->params, call)
                          ?: cuda_image_take(call->data, call->data_size, &loading.image);

    result = result ?: cuda_memory_charge(cuda, loading.image.size);
    if (result == CUDA_SUCCESS) {
        result = load_and_keep(cuda, call, &loading);
        if (result != CUDA_SUCCESS) {
            session_release(cuda->session, loading.image.size);
        }
    }
    free(loading.image.bytes);
    cuda_jit_end(&loading.jit);
    return result;
}

/* ---- What there is ---- */

static struct cuda_module *find(const struct cuda_session *cuda, uint32_t handle)
{
    return handle < BG_CUDA_MODULES_MAX ? cuda->modules[handle] : NULL;
}

const struct cuda_function *cuda_function_find(const struct cuda_session *cuda, uint32_t handle,
                                               uint32_t function)
{
    const struct cuda_module *module = find(cuda, handle);

    return module != NULL && function < module->function_count ? &module->functions[function]
                                                               : NULL;
}

static CUresult unload(struct cuda_session *cuda, uint64_t module)
{
    return cuda->driver->cuModuleUnload((CUmodule)(uintptr_t)module);
}

CUDA_COMMAND(cuda_run_module_unload)
{
    const struct bg_cuda_handle *handle = call->params;
    struct cuda_module *module = find(cuda, handle->handle);
    CUresult result;

    if (module == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    cuda_memory_remove_variables(cuda, module);
    cuda->modules[handle->handle] = NULL;
    cuda->changes++;
    result = cuda_leave_object(cuda, unload, (uintptr_t)module->module, module->charged);
    free(module);
    return result;
}

CUDA_COMMAND(cuda_run_module_global)
{
    const struct bg_cuda_handle *handle = call->params;
    struct cuda_module *module = find(cuda, handle->handle);
    char name[NAME_MAX_SIZE];
    CUdeviceptr address;
    size_t size;
    CUresult result;

    if (module == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (call->data_size == 0 || call->data_size >= sizeof(name)) {
        return CUDA_ERROR_NOT_FOUND;
    }
    memcpy(name, call->data, call->data_size);
    name[call->data_size] = '\0';
    result =
        cuda_check(cuda, cuda->driver->cuModuleGetGlobal(&address, &size, module->module, name));
    result = result ?: cuda_memory_add_variable(cuda, address, size, module);
    return result
               ?: cuda_answer(call, &(struct bg_cuda_range){address, size},
                              sizeof(struct bg_cuda_range));
}

void cuda_modules_destroy(struct cuda_session *cuda)
{
    for (uint32_t i = 0; i < BG_CUDA_MODULES_MAX; i++) {
        struct cuda_module *module = cuda->modules[i];

        if (module != NULL) {
            cuda->driver->cuModuleUnload(module->module);
            session_release(cuda->session, module->charged);
            free(module);
        }
    }
}
