/* SPDX-License-Identifier: BSD-2-Clause */
#include "protocol/cuda_rules.h"

CUresult cuGetErrorName(CUresult number, const char **text)
{
    const struct cuda_result_text *error = cuda_find_result(number);

    if (text == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *text = error != NULL ? error->name : NULL;
    return error != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult number, const char **text)
{
    const struct cuda_result_text *error = cuda_find_result(number);

    if (text == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *text = error != NULL ? error->text : NULL;
    return error != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
