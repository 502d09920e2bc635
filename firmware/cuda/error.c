/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of results. */
#include "firmware/cuda/internal.h"

#include "protocol/cuda_rules.h"

bool cuda_is_same_name(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

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
