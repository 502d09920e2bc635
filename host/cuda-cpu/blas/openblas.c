/* SPDX-License-Identifier: BSD-2-Clause */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/blas/blas.h"

#define THREADS_NAME "OPENBLAS_NUM_THREADS"

static struct openblas table;
static bool is_there;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool find(void *library, const char *name, void *field)
{
    void *function = dlsym(library, name);

    memcpy(field, &function, sizeof(function)); /* ISO C has no cast from object to function */
    return function != NULL;
}

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

    is_there =
        library != NULL && find(library, "cblas_sgemm", &table.sgemm) &&
        find(library, "cblas_dgemm", &table.dgemm) && find(library, "cblas_sgemv", &table.sgemv) &&
        find(library, "cblas_dgemv", &table.dgemv) && find(library, "cblas_saxpy", &table.saxpy) &&
        find(library, "cblas_daxpy", &table.daxpy) && find(library, "cblas_sscal", &table.sscal) &&
        find(library, "cblas_dscal", &table.dscal) && find(library, "cblas_sdot", &table.sdot) &&
        find(library, "cblas_ddot", &table.ddot) && find(library, "cblas_snrm2", &table.snrm2) &&
        find(library, "cblas_dnrm2", &table.dnrm2);
}

const struct openblas *openblas_get(void)
{
    pthread_once(&once, open_once);
    return is_there ? &table : NULL;
}
