/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions by their names: cuGetProcAddress. */
#include "host/cuda-cpu/driver/find.h"

#include <stddef.h>
#include <string.h>

#include "host/cuda-cpu/driver/driver.h"

static const struct find_row functions[] = {
#define FUNCTION(name, version, symbol) {#name, version, (void (*)(void))symbol},
#include "host/cuda-cpu/driver/local.def"
#include "protocol/cuda_function.def"
#undef FUNCTION
    {NULL, 0, NULL},
};

#define PER_THREAD(name, version, symbol, parameters, arguments) CUresult symbol parameters;
#include "host/cuda-cpu/driver/per_thread.def"
#undef PER_THREAD

static const struct find_row per_thread[] = {
#define PER_THREAD(name, version, symbol, parameters, arguments)                                   \
    {#name, version, (void (*)(void))symbol},
#include "host/cuda-cpu/driver/per_thread.def"
#undef PER_THREAD
    {NULL, 0, NULL},
};

/* The newest form that a program of this version knows. *exists: there is one, if of another. */
static const struct find_row *find(const struct find_row *rows, const char *name, int version,
                                   bool *exists)
{
    const struct find_row *found = NULL;

    for (; rows->name != NULL; rows++) {
        if (strcmp(rows->name, name) == 0) {
            *exists = true;
            found = rows->version <= version ? rows : found;
        }
    }
    return found;
}

static const struct find_row *find_any(const char *name, int version, cuuint64_t flags,
                                       bool *exists)
{
    const struct find_row *row = NULL;

    if (flags == CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM) {
        row = find(per_thread, name, version, exists);
    }
    return row ?: find(functions, name, version, exists) ?: find(find_old, name, version, exists);
}

CUresult cuGetProcAddress(const char *name, void **function, int version, cuuint64_t flags,
                          CUdriverProcAddressQueryResult *status)
{
    const struct find_row *row;
    bool exists = false;

    if (name == NULL || function == NULL || flags > CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    row = find_any(name, version, flags, &exists);
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

/* NVIDIA's own programs find private functions there. */
CUresult cuGetExportTable(const void **table, const CUuuid *id)
{
    if (table == NULL || id == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *table = NULL;
    return CUDA_ERROR_NOT_FOUND;
}

CUresult cuProfilerStart(void)
{
    return CUDA_SUCCESS;
}

CUresult cuProfilerStop(void)
{
    return CUDA_SUCCESS;
}
