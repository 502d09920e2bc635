/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/compute/cublas.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "host/common/symbol.h"

#define TEXT(name) #name /* as it is exported: with its version */

/* By whether the driver is on the CPU. */
static struct {
    struct cublas table;
    bool is_there;
} libraries[2];

static bool find_all(void *library, struct cublas *table)
{
    bool done = library != NULL;

#define CUBLAS_FIND(name) done = done && symbol_find(library, TEXT(name), &table->name);
    CUBLAS_FUNCTIONS(CUBLAS_FIND)
#undef CUBLAS_FIND
    return done;
}

static void *open_beside(const struct cuda_driver *driver)
{
    const char *end = strrchr(driver->path, '/');
    char path[PATH_MAX];

    if (end == NULL) {
        return NULL;
    }
    snprintf(path, sizeof(path), "%.*s/libcublas.so.13", (int)(end - driver->path), driver->path);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

/* The functions are in all of them. */
static void *open_nvidia(void)
{
    static const char *const names[] = {"libcublas.so.13", "libcublas.so.12"};
    void *library = NULL;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && library == NULL; i++) {
        library = dlopen(names[i], RTLD_LAZY | RTLD_LOCAL);
    }
    return library;
}

/* Ours opens OpenBLAS with the first handle. */
static bool can_begin(const struct cublas *table)
{
    cublasHandle_t handle;

    return table->cublasCreate(&handle) == CUBLAS_STATUS_SUCCESS &&
           table->cublasDestroy(handle) == CUBLAS_STATUS_SUCCESS;
}

const struct cublas *cublas_load(const struct cuda_driver *driver)
{
    struct cublas *table = &libraries[driver->on_cpu].table;
    void *library = driver->on_cpu ? open_beside(driver) : open_nvidia();

    libraries[driver->on_cpu].is_there =
        find_all(library, table) && (!driver->on_cpu || can_begin(table));
    return cublas_get(driver);
}

const struct cublas *cublas_get(const struct cuda_driver *driver)
{
    return libraries[driver->on_cpu].is_there ? &libraries[driver->on_cpu].table : NULL;
}
