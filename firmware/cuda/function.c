/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions: kernels, as the worker described them. */
#include "firmware/cuda/library.h"

CUresult cuda_function_of(struct cuda_context *context, CUfunction handle,
                          struct cuda_function **function)
{
    *function = cuda_find(handle, CUDA_KIND_FUNCTION);
    if (*function == NULL) {
        return cuda_library_function(context, handle, function);
    }
    return (*function)->object.context == context ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

static CUresult enter(CUfunction handle, struct cuda_function **function)
{
    struct cuda_context *context;

    return cuda_enter_context(&context) ?: cuda_function_of(context, handle, function);
}

static CUresult enter_asked(CUfunction handle, const void *answer, struct cuda_function **function)
{
    CUresult result = enter(handle, function);

    return result == CUDA_SUCCESS && answer == NULL ? CUDA_ERROR_INVALID_VALUE : result;
}

/* ---- Attributes ---- */

CUresult cuda_function_attribute(const struct cuda_function *function,
                                 CUfunction_attribute attribute, int *value)
{
    if ((unsigned)attribute >= CU_FUNC_ATTRIBUTE_MAX) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *value = function->attributes[attribute];
    return CUDA_SUCCESS;
}

CUresult cuda_function_set(struct cuda_function *function, CUfunction_attribute attribute,
                           int value)
{
    const struct bg_cuda_function_set params = {
        .module = function->module->number,
        .function = function->number,
        .attribute = (uint32_t)attribute,
        .value = value,
    };
    struct bg_cuda_function answer;
    CUresult result = cuda_ask(function->object.context->device, BG_CUDA_FUNCTION_SET, &params,
                               sizeof(params), &answer, sizeof(answer));

    if (result == CUDA_SUCCESS) {
        function->ready.launch.grid[0] = 0;
        memcpy(function->attributes, answer.attributes, sizeof(function->attributes));
    }
    return result;
}

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction handle)
{
    struct cuda_function *function;

    return enter_asked(handle, value, &function)
               ?: cuda_function_attribute(function, attribute, value);
}

CUresult cuFuncSetAttribute(CUfunction handle, CUfunction_attribute attribute, int value)
{
    struct cuda_function *function;
    CUresult result = enter(handle, &function);

    if (result == CUDA_SUCCESS && (unsigned)attribute >= CU_FUNC_ATTRIBUTE_MAX) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    return result ?: cuda_function_set(function, attribute, value);
}

/* A preference; the device may do as it likes. */
static CUresult prefer(CUfunction handle, unsigned config, unsigned last)
{
    struct cuda_function *function;
    CUresult result = enter(handle, &function);

    return result == CUDA_SUCCESS && config > last ? CUDA_ERROR_INVALID_VALUE : result;
}

CUresult cuFuncSetCacheConfig(CUfunction function, CUfunc_cache config)
{
    return prefer(function, config, CU_FUNC_CACHE_PREFER_EQUAL);
}

CUresult cuFuncSetSharedMemConfig(CUfunction function, CUsharedconfig config)
{
    return prefer(function, config, CU_SHARED_MEM_CONFIG_EIGHT_BYTE_BANK_SIZE);
}

/* ---- Names ---- */

CUresult cuFuncGetModule(CUmodule *module, CUfunction handle)
{
    struct cuda_function *function;
    CUresult result = enter_asked(handle, module, &function);

    if (result == CUDA_SUCCESS) {
        *module = function->module->object.handle;
    }
    return result;
}

CUresult cuFuncGetName(const char **name, CUfunction handle)
{
    struct cuda_function *function;
    CUresult result = enter_asked(handle, name, &function);

    if (result == CUDA_SUCCESS) {
        *name = function->name;
    }
    return result;
}

CUresult cuda_function_param(const struct cuda_function *function, size_t index, size_t *offset,
                             size_t *size)
{
    if (index >= function->param_count) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *offset = function->params[index].offset;
    if (size != NULL) {
        *size = function->params[index].size;
    }
    return CUDA_SUCCESS;
}

CUresult cuFuncGetParamInfo(CUfunction handle, size_t index, size_t *offset, size_t *size)
{
    struct cuda_function *function;

    return enter_asked(handle, offset, &function)
               ?: cuda_function_param(function, index, offset, size);
}

/* ---- Loading: the whole module is loaded at once ---- */

CUresult cuFuncLoad(CUfunction handle)
{
    struct cuda_function *function;

    return enter(handle, &function);
}

CUresult cuFuncIsLoaded(CUfunctionLoadingState *state, CUfunction handle)
{
    struct cuda_function *function;
    CUresult result = enter_asked(handle, state, &function);

    if (result == CUDA_SUCCESS) {
        *state = CU_FUNCTION_LOADING_STATE_LOADED;
    }
    return result;
}
