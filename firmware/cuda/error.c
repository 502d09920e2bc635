/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of results. */
#include "firmware/cuda/internal.h"

bool cuda_is_same_name(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

struct error {
    CUresult number;
    const char *name, *text;
};

static const struct error *find(CUresult number)
{
    static const struct error errors[] = {
#define CUDA_RESULT_TEXTS(name, number, text) {name, #name, text},
        CUDA_RESULTS(CUDA_RESULT_TEXTS)
#undef CUDA_RESULT_TEXTS
    };

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (errors[i].number == number) {
            return &errors[i];
        }
    }
    return NULL;
}

CUresult cuGetErrorName(CUresult number, const char **text)
{
    const struct error *error = find(number);

    if (text == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *text = error != NULL ? error->name : NULL;
    return error != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult number, const char **text)
{
    const struct error *error = find(number);

    if (text == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *text = error != NULL ? error->text : NULL;
    return error != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
