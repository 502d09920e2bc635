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

/* ---- Linking: a module is one PTX or fat binary ---- */

CUresult cuLinkCreate(unsigned count, CUjit_option *options, void **values, CUlinkState *state)
{
    (void)count;
    (void)options;
    (void)values;
    (void)state;
    return refuse();
}

CUresult cuLinkAddData(CUlinkState state, CUjitInputType type, void *data, size_t size,
                       const char *name, unsigned count, CUjit_option *options, void **values)
{
    (void)state;
    (void)type;
    (void)data;
    (void)size;
    (void)name;
    (void)count;
    (void)options;
    (void)values;
    return refuse();
}

CUresult cuLinkAddFile(CUlinkState state, CUjitInputType type, const char *path, unsigned count,
                       CUjit_option *options, void **values)
{
    (void)state;
    (void)type;
    (void)path;
    (void)count;
    (void)options;
    (void)values;
    return refuse();
}

CUresult cuLinkComplete(CUlinkState state, void **image, size_t *size)
{
    (void)state;
    (void)image;
    (void)size;
    return refuse();
}

CUresult cuLinkDestroy(CUlinkState state)
{
    (void)state;
    return refuse();
}
