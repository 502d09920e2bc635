/* SPDX-License-Identifier: BSD-2-Clause */
/* What programs may name, and is not to be had here. docs/cuda.md says why. */
#include "firmware/cuda/internal.h"

/* With a context that works, as the others of their kind. */
static CUresult refuse(void)
{
    struct cuda_context *context;

    return cuda_enter_context(&context) ?: CUDA_ERROR_NOT_SUPPORTED;
}

/* ---- Managed memory: what a guest writes there, no host sees ---- */

CUresult cuMemAllocManaged(CUdeviceptr *pointer, size_t size, unsigned flags)
{
    (void)pointer;
    (void)size;
    (void)flags;
    return refuse();
}

CUresult cuMemAdvise(CUdeviceptr pointer, size_t size, CUmem_advise advice, CUmemLocation location)
{
    (void)pointer;
    (void)size;
    (void)advice;
    (void)location;
    return refuse();
}

CUresult cuMemPrefetchAsync(CUdeviceptr pointer, size_t size, CUmemLocation location,
                            unsigned flags, CUstream stream)
{
    (void)pointer;
    (void)size;
    (void)location;
    (void)flags;
    (void)stream;
    return refuse();
}

CUresult cuStreamAttachMemAsync(CUstream stream, CUdeviceptr pointer, size_t size, unsigned flags)
{
    (void)stream;
    (void)pointer;
    (void)size;
    (void)flags;
    return refuse();
}
