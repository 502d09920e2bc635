/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* dladdr */
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "host/common/symbol.h"
#include "host/cuda-cpu/blas/blas.h"

#define TEXT(name) #name /* as it is exported: with its version */

static struct blas_driver table;
static bool is_there;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A process may have NVIDIA's driver as well, by the same name. */
static void *open_beside(void)
{
    char path[PATH_MAX];
    const char *end;
    Dl_info self;

    if (dladdr(&table, &self) == 0 || (end = strrchr(self.dli_fname, '/')) == NULL) {
        return NULL;
    }
    snprintf(path, sizeof(path), "%.*s/libcuda.so.1", (int)(end - self.dli_fname), self.dli_fname);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

#define FIND(name) symbol_find(library, TEXT(name), &table.name)

static void open_once(void)
{
    void *library = open_beside();

    is_there = library != NULL && FIND(cuCtxGetCurrent) && FIND(cuCtxSynchronize) &&
               FIND(cuLaunchHostFunc) && FIND(cuMemsetD2D8Async) && FIND(cuPointerGetAttribute) &&
               FIND(cuStreamSynchronize);
}

const struct blas_driver *blas_driver_get(void)
{
    pthread_once(&once, open_once);
    return is_there ? &table : NULL;
}
