/* SPDX-License-Identifier: BSD-2-Clause */
/* The way from the mediator to cuBLAS, and from there to the driver, where all are in one program.
 */
#include "host/cuda-cpu/blas/blas.h"
#include "host/mediator/compute/cublas.h"

const struct cublas *cublas_get(const struct cuda_driver *driver)
{
    static const struct cublas table = {
#define LINKED(name) .name = name,
        CUBLAS_FUNCTIONS(LINKED)
#undef LINKED
    };

    (void)driver;
    return &table;
}

const struct blas_driver *blas_driver_get(void)
{
    static const struct blas_driver driver = {
        .cuCtxGetCurrent = cuCtxGetCurrent,
        .cuCtxSynchronize = cuCtxSynchronize,
        .cuLaunchHostFunc = cuLaunchHostFunc,
        .cuMemsetD2D8Async = cuMemsetD2D8Async,
        .cuPointerGetAttribute = cuPointerGetAttribute,
        .cuStreamSynchronize = cuStreamSynchronize,
    };

    return &driver;
}
