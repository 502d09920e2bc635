/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions by their names. A program that finds one in this way has all of them in its image. */
#include "firmware/cuda/internal.h"

struct row {
    const char *name;
    int version; /* of CUDA, from which on it is so */
    void (*function)(void);
};

static const struct row rows[] = {
#define FUNCTION(name, version, symbol) {#name, version, (void (*)(void))symbol},
#include "protocol/cuda_function.def"
#undef FUNCTION
};

/* The newest form that a program of this version knows. *exists: there is one, if of another. */
static const struct row *find(const char *name, int version, bool *exists)
{
    const struct row *found = NULL;

    *exists = false;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (cuda_is_same_name(rows[i].name, name)) {
            *exists = true;
            found = rows[i].version <= version ? &rows[i] : found;
        }
    }
    return found;
}

CUresult cuGetProcAddress(const char *name, void **function, int version, cuuint64_t flags,
                          CUdriverProcAddressQueryResult *status)
{
    const struct row *row;
    bool exists;

    if (name == NULL || function == NULL || flags > CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (flags == CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM) {
        return CUDA_ERROR_NOT_SUPPORTED; /* no function has such a form */
    }
    row = find(name, version, &exists);
    *function = NULL;
    if (row != NULL) {
        memcpy(function, &row->function, sizeof(*function));
    }
    if (status != NULL) {
        *status = row != NULL ? CU_GET_PROC_ADDRESS_SUCCESS
                  : exists    ? CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT
                              : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
    }
    return CUDA_SUCCESS;
}

/* NVIDIA's own libraries find private functions there. */
CUresult cuGetExportTable(const void **table, const CUuuid *id)
{
    if (table == NULL || id == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *table = NULL;
    return CUDA_ERROR_NOT_FOUND;
}

/* ---- Profilers: there is none to tell ---- */

CUresult cuProfilerStart(void)
{
    struct cuda_context *context;

    return cuda_enter_context(&context);
}

CUresult cuProfilerStop(void)
{
    return cuProfilerStart();
}
