/* SPDX-License-Identifier: BSD-2-Clause */
/* Modules: their images go to the worker, and a table of their kernels comes back. */
#include "firmware/cuda/capture.h"

/* What an answer is given room for at first: that of most modules. */
#define ANSWER_SIZE 8192u

/* ---- The worker's answer, which is not trusted ---- */

static bool is_within(uint64_t offset, uint64_t size, uint64_t whole)
{
    return offset <= whole && size <= whole - offset;
}

static bool function_is_sound(const struct bg_cuda_function *function, struct cuda_bytes names,
                              struct cuda_bytes params)
{
    const struct bg_cuda_param *all = params.bytes;
    uint64_t count = params.size / sizeof(*all);

    if (function->name >= names.size || function->params_size > BG_CUDA_PARAMS_SIZE_MAX ||
        !is_within(function->first_param, function->param_count, count)) {
        return false;
    }
    for (uint32_t i = 0; i < function->param_count; i++) {
        const struct bg_cuda_param *param = &all[function->first_param + i];

        if (!is_within(param->offset, param->size, function->params_size)) {
            return false;
        }
    }
    return true;
}

/* Finds the parts of the answer in module->answer; false: it contradicts itself. */
static bool take_answer(struct cuda_module *module)
{
    const struct cuda_bytes answer = {module->answer, module->answer_size};
    struct bg_cuda_module_answer head;
    struct cuda_bytes functions, params, names;

    if (answer.size < sizeof(head)) {
        return false;
    }
    memcpy(&head, answer.bytes, sizeof(head));
    if (head.function_count > BG_CUDA_FUNCTIONS_MAX || head.params_offset > head.names_offset ||
        (head.functions_offset | head.params_offset) % sizeof(uint32_t) != 0) {
        return false;
    }
    functions = cuda_bytes_part(answer, head.functions_offset,
                                head.function_count * sizeof(struct bg_cuda_function));
    params = cuda_bytes_part(answer, head.params_offset, head.names_offset - head.params_offset);
    names = cuda_bytes_part(answer, head.names_offset, head.names_size);
    module->function_count = head.function_count;
    module->descriptions = functions.bytes;
    module->params = params.bytes;
    module->names = names.bytes;
    module->prints = head.prints != 0;
    if (head.function_count == 0) {
        return true;
    }
    if (functions.bytes == NULL || names.size == 0 || module->names[names.size - 1] != '\0') {
        return false;
    }
    for (uint32_t i = 0; i < head.function_count; i++) {
        if (!function_is_sound(&module->descriptions[i], names, params)) {
            return false;
        }
    }
    return true;
}

static void tell_logs(const struct cuda_module *module, const struct cuda_jit *jit)
{
    const struct cuda_bytes answer = {module->answer, module->answer_size};
    struct bg_cuda_module_answer head = {0};

    if (answer.size >= sizeof(head)) {
        memcpy(&head, answer.bytes, sizeof(head));
    }
    cuda_jit_tell(jit, cuda_bytes_part(answer, head.info_log_offset, head.info_log_size),
                  cuda_bytes_part(answer, head.error_log_offset, head.error_log_size));
}

/* ---- Loading ---- */

/* Asks the worker; the answer is in the module, also when it has refused the image. */
static CUresult ask(struct cuda_device *device, struct cuda_module *module,
                    const struct bg_cuda_module_load *load, struct cuda_bytes image)
{
    static uint8_t room[ANSWER_SIZE];
    struct cuda_call call = {
        .operation = BG_CUDA_MODULE_LOAD,
        .params = {load, sizeof(*load)},
        .data = image,
        .answer = room,
        .answer_room = sizeof(room),
    };
    CUresult result = cuda_call(device, &call);

    module->is_loaded = result == CUDA_SUCCESS;
    return cuda_keep_answer(device, &call, &module->answer, &module->answer_size) ?: result;
}

static CUresult load(struct cuda_device *device, struct cuda_module *module, struct cuda_jit *jit,
                     struct cuda_bytes image)
{
    CUresult result;

    jit->load.module = module->number;
    result = ask(device, module, &jit->load, image);
    tell_logs(module, jit);
    if (result == CUDA_SUCCESS && !take_answer(module)) {
        result = CUDA_ERROR_UNKNOWN;
    }
    if (result != CUDA_SUCCESS) {
        return result;
    }
    device->prints = device->prints || module->prints;
    module->functions = cuda_alloc(module->function_count * sizeof(struct cuda_function *));
    return module->functions != NULL ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

static CUresult create(struct cuda_context *context, struct cuda_jit *jit, struct cuda_bytes image,
                       struct cuda_module **result)
{
    struct cuda_device *device = context->device;
    struct cuda_module *module = cuda_object_create(CUDA_KIND_MODULE, sizeof(*module), context);
    CUresult error = CUDA_ERROR_OUT_OF_MEMORY;

    if (module == NULL) {
        return error;
    }
    module->number = cuda_number_take(device->numbers.modules, BG_CUDA_MODULES_MAX);
    if (module->number != BG_CUDA_MODULES_MAX) {
        error = load(device, module, jit, image);
    }
    if (error != CUDA_SUCCESS) {
        cuda_module_destroy(&module->object);
        return error;
    }
    *result = module;
    return CUDA_SUCCESS;
}

CUresult cuda_module_load(struct cuda_context *context, const void *image, unsigned count,
                          const CUjit_option *options, void **values, struct cuda_module **module)
{
    struct cuda_jit jit;
    struct cuda_bytes found;

    if (image == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return cuda_jit_read(count, options, values, &jit) ?: cuda_image_find(image, &found)
               ?: create(context, &jit, found, module);
}

CUresult cuModuleLoadDataEx(CUmodule *handle, const void *image, unsigned count,
                            CUjit_option *options, void **values)
{
    struct cuda_context *context;
    struct cuda_module *module;
    CUresult result = cuda_enter_unsafe(&context);

    if (result == CUDA_SUCCESS && handle == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    result = result ?: cuda_module_load(context, image, count, options, values, &module);
    if (result == CUDA_SUCCESS) {
        *handle = module->object.handle;
    }
    return result;
}

CUresult cuModuleLoadData(CUmodule *handle, const void *image)
{
    return cuModuleLoadDataEx(handle, image, 0, NULL, NULL);
}

CUresult cuModuleLoadFatBinary(CUmodule *handle, const void *image)
{
    return cuModuleLoadDataEx(handle, image, 0, NULL, NULL);
}

/* There are no files. */
CUresult cuModuleLoad(CUmodule *handle, const char *path)
{
    struct cuda_context *context;
    CUresult result = cuda_enter_context(&context);

    if (result == CUDA_SUCCESS) {
        result =
            handle == NULL || path == NULL ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_FILE_NOT_FOUND;
    }
    return result;
}

/* ---- Unloading ---- */

static void forget_globals(struct cuda_device *device, uint32_t module)
{
    for (uint32_t i = device->range_count; i > 0; i--) {
        const struct cuda_range *range = &device->ranges[i - 1];

        if (range->kind == CUDA_RANGE_GLOBAL && range->module == module) {
            cuda_range_remove(device, range->start);
        }
    }
}

/* Also one that could not be loaded, or only in part. */
void cuda_module_destroy(struct cuda_object *object)
{
    struct cuda_module *module = (struct cuda_module *)(void *)object;
    struct cuda_device *device = object->context->device;

    for (uint32_t i = 0; module->functions != NULL && i < module->function_count; i++) {
        if (module->functions[i] != NULL) {
            cuda_object_destroy(&module->functions[i]->object);
        }
    }
    if (module->is_loaded) {
        if (cuda_is_alive(object->context)) {
            forget_globals(device, module->number);
        }
        cuda_retire(object, BG_CUDA_MODULE_UNLOAD, device->numbers.modules, module->number);
    } else if (module->number != BG_CUDA_MODULES_MAX && cuda_is_alive(object->context)) {
        cuda_number_give(device->numbers.modules, module->number);
    }
    cuda_free(module->functions);
    cuda_free(module->answer);
    cuda_object_destroy(object);
}

static CUresult find(CUmodule handle, struct cuda_module **module)
{
    *module = cuda_find(handle, CUDA_KIND_MODULE);
    return *module != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuModuleUnload(CUmodule handle)
{
    struct cuda_context *context;
    struct cuda_module *module;
    CUresult result = cuda_enter_unsafe(&context) ?: find(handle, &module);

    if (result == CUDA_SUCCESS && module->library != NULL) {
        result = CUDA_ERROR_INVALID_HANDLE;
    }
    if (result == CUDA_SUCCESS) {
        cuda_print(module->object.context->device);
        cuda_module_destroy(&module->object);
    }
    return result;
}

/* ---- What is in them ---- */

static bool params_are_plain(const struct cuda_function *function)
{
    for (uint32_t i = 0; i < function->param_count; i++) {
        const struct bg_cuda_param *param = &function->params[i];

        if ((param->size != 4 && param->size != 8) || param->offset % param->size != 0) {
            return false;
        }
    }
    return true;
}

CUresult cuda_module_function(struct cuda_module *module, uint32_t number,
                              struct cuda_function **result)
{
    const struct bg_cuda_function *description = &module->descriptions[number];
    struct cuda_function *function = module->functions[number];

    if (function == NULL) {
        function =
            cuda_object_create(CUDA_KIND_FUNCTION, sizeof(*function), module->object.context);
        if (function == NULL) {
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
        function->module = module;
        function->number = number;
        function->param_count = description->param_count;
        function->params_size = description->params_size;
        function->params = module->params + description->first_param;
        function->params_are_plain = params_are_plain(function);
        function->name = module->names + description->name;
        memcpy(function->attributes, description->attributes, sizeof(function->attributes));
        module->functions[number] = function;
    }
    *result = function;
    return CUDA_SUCCESS;
}

CUresult cuda_module_find(struct cuda_module *module, const char *name,
                          struct cuda_function **function)
{
    for (uint32_t i = 0; i < module->function_count; i++) {
        if (cuda_is_same_name(name, module->names + module->descriptions[i].name)) {
            return cuda_module_function(module, i, function);
        }
    }
    return CUDA_ERROR_NOT_FOUND;
}

CUresult cuModuleGetFunction(CUfunction *handle, CUmodule module_handle, const char *name)
{
    struct cuda_context *context;
    struct cuda_module *module;
    struct cuda_function *function;
    CUresult result = cuda_enter_context(&context);

    if (result == CUDA_SUCCESS && (handle == NULL || name == NULL)) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    result = result ?: find(module_handle, &module) ?: cuda_module_find(module, name, &function);
    if (result == CUDA_SUCCESS) {
        *handle = function->object.handle;
    }
    return result;
}

CUresult cuModuleGetFunctionCount(unsigned *count, CUmodule handle)
{
    struct cuda_context *context;
    struct cuda_module *module;
    CUresult result = cuda_enter_context(&context);

    if (result == CUDA_SUCCESS && count == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    result = result ?: find(handle, &module);
    if (result == CUDA_SUCCESS) {
        *count = module->function_count;
    }
    return result;
}

CUresult cuModuleEnumerateFunctions(CUfunction *functions, unsigned count, CUmodule handle)
{
    struct cuda_context *context;
    struct cuda_module *module;
    struct cuda_function *function;
    CUresult result = cuda_enter_context(&context);

    if (result == CUDA_SUCCESS && functions == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    result = result ?: find(handle, &module);
    for (unsigned i = 0; result == CUDA_SUCCESS && i < count && i < module->function_count; i++) {
        result = cuda_module_function(module, i, &function);
        functions[i] = result == CUDA_SUCCESS ? function->object.handle : NULL;
    }
    return result;
}

CUresult cuModuleGetLoadingMode(CUmoduleLoadingMode *mode)
{
    CUresult result = cuda_enter();

    if (result == CUDA_SUCCESS && mode == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *mode = CU_MODULE_EAGER_LOADING;
    }
    return result;
}

/* ---- Variables ---- */

static size_t length_of(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0') {
        length++;
    }
    return length;
}

/* From now on copies may name it. */
static CUresult add_global(struct cuda_module *module, const struct bg_cuda_range *given)
{
    struct cuda_device *device = module->object.context->device;
    const struct cuda_range range = {
        .start = given->address,
        .size = given->size,
        .context = module->object.context,
        .kind = CUDA_RANGE_GLOBAL,
        .module = module->number,
    };
    const struct cuda_range *known = cuda_range_find(device, given->address);

    if (known != NULL && known->start == given->address) {
        return CUDA_SUCCESS;
    }
    return cuda_range_add(device, &range) ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuda_module_global(struct cuda_module *module, const char *name, CUdeviceptr *address,
                            size_t *size)
{
    struct bg_cuda_range given = {0};
    const struct bg_cuda_handle params = {module->number};
    struct cuda_call call = {
        .operation = BG_CUDA_MODULE_GLOBAL,
        .params = {&params, sizeof(params)},
        .data = {name, length_of(name)},
        .answer = &given,
        .answer_room = sizeof(given),
    };
    CUresult result =
        name[0] == '\0' ? CUDA_ERROR_NOT_FOUND : cuda_call(module->object.context->device, &call);

    result = result ?: add_global(module, &given);
    if (result == CUDA_SUCCESS && address != NULL) {
        *address = given.address;
    }
    if (result == CUDA_SUCCESS && size != NULL) {
        *size = given.size;
    }
    return result;
}

CUresult cuModuleGetGlobal(CUdeviceptr *address, size_t *size, CUmodule handle, const char *name)
{
    struct cuda_context *context;
    struct cuda_module *module;
    CUresult result = cuda_enter_context(&context);

    if (result == CUDA_SUCCESS && name == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    return result ?: find(handle, &module) ?: cuda_module_global(module, name, address, size);
}
