/* SPDX-License-Identifier: BSD-2-Clause */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#include "host/common/symbol.h"
#include "host/cuda-cpu/blas/blas.h"

#define THREADS_NAME "OPENBLAS_NUM_THREADS"

static struct openblas table;
static bool is_there;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* It makes its threads when it is opened: the stream's is enough. */
static void *open_alone(const char *name)
{
    bool is_set = getenv(THREADS_NAME) != NULL;
    void *library;

    setenv(THREADS_NAME, "1", 0);
    library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!is_set) {
        unsetenv(THREADS_NAME);
    }
    return library;
}

static void open_once(void)
{
    void *library = open_alone("libopenblas.so.0");

    is_there = library != NULL && symbol_find(library, "cblas_sgemm", &table.sgemm) &&
               symbol_find(library, "cblas_dgemm", &table.dgemm) &&
               symbol_find(library, "cblas_sgemv", &table.sgemv) &&
               symbol_find(library, "cblas_dgemv", &table.dgemv) &&
               symbol_find(library, "cblas_saxpy", &table.saxpy) &&
               symbol_find(library, "cblas_daxpy", &table.daxpy) &&
               symbol_find(library, "cblas_sscal", &table.sscal) &&
               symbol_find(library, "cblas_dscal", &table.dscal) &&
               symbol_find(library, "cblas_sdot", &table.sdot) &&
               symbol_find(library, "cblas_ddot", &table.ddot) &&
               symbol_find(library, "cblas_snrm2", &table.snrm2) &&
               symbol_find(library, "cblas_dnrm2", &table.dnrm2);
}

const struct openblas *openblas_get(void)
{
    pthread_once(&once, open_once);
    return is_there ? &table : NULL;
}
