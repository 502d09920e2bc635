/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CUDA device on the CPU in the part of NVIDIA's driver, for tests of how the mediator uses
 * and survives one: built as libcuda.so.1 and found through LD_LIBRARY_PATH. It computes as the
 * CPU device does, and shows nothing about a GPU. What differs: fresh memory is not zero, and a
 * kernel's error is seen at the next synchronisation.
 *
 *   FAKE_GPU_DEVICES=N       how many devices there are (1)
 *   FAKE_GPU_FAIL=NAME:N:R   the N-th call (from 1) of the function NAME returns R
 *   FAKE_GPU_FAULT=1         kernels write to an address that is not theirs
 *   FAKE_GPU_HANG=NAME       the function NAME never returns
 *   FAKE_GPU_TRACE=1         launches, and the waits for them, are lines on standard error
 *   FAKE_GPU_SYSTEM=1        with a context it does what NVIDIA's driver does to the system; what
 *                            of it works are lines on standard error
 *   FAKE_GPU_ATTACK=PID      so with what somebody would do who took it over, to PID for one
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/common/symbol.h"
#include "host/mediator/compute/cuda_driver.h"
#include "tests/fake/gpu/system.h"

#define EXPORT __attribute__((visibility("default")))
#define TEXT(name) QUOTE(name) /* as it is exported: with its version */
#define QUOTE(name) #name
#define CPU_DEVICE "/../../../host/cuda-cpu/libcuda.so.1" /* from where this lies */
#define FRESH 0xA5

extern const char mediator_kernels[]; /* kernels.c */

static struct cuda_driver real;
static CUmodule module; /* of the mediator's kernels */
static bool launched;

/* ---- The start ---- */

static void die(const char *why)
{
    fprintf(stderr, "fake GPU: %s\n", why);
    abort();
}

static void load(void)
{
    char path[PATH_MAX];
    Dl_info self;

    if (dladdr(&real, &self) == 0) {
        die("it does not know where it lies");
    }
    snprintf(path, sizeof(path), "%s", self.dli_fname);
    snprintf(strrchr(path, '/'), PATH_MAX / 2, "%s", CPU_DEVICE);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        die(dlerror());
    }
#define FIND(name) symbol_find(library, TEXT(name), &real.name);
    CUDA_DRIVER_FUNCTIONS(FIND)
#undef FIND
}

/* The CPU device compiles before a sandbox is closed; NVIDIA's driver can do it inside. */
__attribute__((constructor)) static void start(void)
{
    static const char *const names[] = {"vector_add_uint32", "vector_add_float32", "fill"};
    CUcontext context;
    CUfunction function;
    CUresult result;

    setenv("BAREGPU_CUDA_THREADS", "0", 1);
    load();
    result = real.cuInit(0) ?: real.cuDevicePrimaryCtxRetain(&context, 0)
                            ?: real.cuCtxSetCurrent(context)
                            ?: real.cuModuleLoadData(&module, mediator_kernels);
    for (int i = 0; i < 3 && result == CUDA_SUCCESS; i++) {
        result = real.cuModuleGetFunction(&function, module, names[i]);
    }
    if (result != CUDA_SUCCESS || real.cuCtxSetCurrent(NULL) != CUDA_SUCCESS) {
        die("the CPU device cannot be used");
    }
}

/* ---- What goes wrong ---- */

static void trace(const char *event)
{
    if (getenv("FAKE_GPU_TRACE") != NULL) {
        fprintf(stderr, "fake GPU: %s\n", event);
    }
}

/* What a call is to return by the environment's will; CUDA_SUCCESS: do your work. */
static CUresult enter(const char *name)
{
    const char *hang = getenv("FAKE_GPU_HANG"), *fail = getenv("FAKE_GPU_FAIL");
    static int calls;
    char wanted[64];
    int number, result;

    if (hang != NULL && strcmp(hang, name) == 0) {
        for (;;) {
            sleep(1000);
        }
    }
    if (fail != NULL && sscanf(fail, "%63[^:]:%d:%d", wanted, &number, &result) == 3 &&
        strcmp(wanted, name) == 0 && ++calls == number) {
        return (CUresult)result;
    }
    return CUDA_SUCCESS;
}

static int count_devices(void)
{
    const char *count = getenv("FAKE_GPU_DEVICES");

    return count != NULL ? atoi(count) : 1;
}

/* ---- The API ---- */

#define FORWARD(name, parameters, arguments)                                                       \
    EXPORT CUresult name parameters                                                                \
    {                                                                                              \
        return enter(TEXT(name)) ?: real.name arguments;                                           \
    }
/* For one device of several, which are all the same. */
#define FORWARD_DEVICE(name, parameters, arguments)                                                \
    EXPORT CUresult name parameters                                                                \
    {                                                                                              \
        (void)device;                                                                              \
        return enter(TEXT(name)) ?: real.name arguments;                                           \
    }

FORWARD(cuInit, (unsigned flags), (flags))
FORWARD(cuDriverGetVersion, (int *version), (version))
FORWARD(cuGetErrorName, (CUresult error, const char **text), (error, text))
FORWARD_DEVICE(cuDeviceTotalMem, (size_t *bytes, CUdevice device), (bytes, 0))
FORWARD_DEVICE(cuDeviceGetAttribute, (int *value, CUdevice_attribute attribute, CUdevice device),
               (value, attribute, 0))
FORWARD_DEVICE(cuDevicePrimaryCtxReset, (CUdevice device), (0))
FORWARD(cuCtxSetCurrent, (CUcontext context), (context))
FORWARD(cuModuleGetFunction, (CUfunction * function, CUmodule of, const char *name),
        (function, of, name))
FORWARD(cuMemFree, (CUdeviceptr pointer), (pointer))
FORWARD(cuMemsetD8Async, (CUdeviceptr dst, unsigned char value, size_t count, CUstream stream),
        (dst, value, count, stream))
FORWARD(cuMemsetD16Async, (CUdeviceptr dst, unsigned short value, size_t count, CUstream stream),
        (dst, value, count, stream))
FORWARD(cuMemsetD32Async, (CUdeviceptr dst, unsigned value, size_t count, CUstream stream),
        (dst, value, count, stream))
FORWARD(cuMemcpyHtoDAsync, (CUdeviceptr dst, const void *src, size_t size, CUstream stream),
        (dst, src, size, stream))
FORWARD(cuMemcpyDtoHAsync, (void *dst, CUdeviceptr src, size_t size, CUstream stream),
        (dst, src, size, stream))
FORWARD(cuMemcpyDtoDAsync, (CUdeviceptr dst, CUdeviceptr src, size_t size, CUstream stream),
        (dst, src, size, stream))
FORWARD(cuMemcpy3DAsync, (const CUDA_MEMCPY3D *copy, CUstream stream), (copy, stream))
FORWARD(cuMemHostUnregister, (void *memory), (memory))
FORWARD(cuMemHostGetDevicePointer, (CUdeviceptr * pointer, void *memory, unsigned flags),
        (pointer, memory, flags))
FORWARD(cuStreamCreate, (CUstream * stream, unsigned flags), (stream, flags))

EXPORT CUresult cuDeviceGetCount(int *count)
{
    *count = count_devices();
    return enter(TEXT(cuDeviceGetCount));
}

EXPORT CUresult cuDeviceGet(CUdevice *device, int ordinal)
{
    *device = ordinal;
    return enter(TEXT(cuDeviceGet))
               ?: ordinal >= 0 && ordinal < count_devices() ? CUDA_SUCCESS
                                                            : CUDA_ERROR_INVALID_DEVICE;
}

EXPORT CUresult cuDeviceGetName(char *name, int size, CUdevice device)
{
    snprintf(name, (size_t)size, "fake GPU %d (no GPU at all)", device);
    return enter(TEXT(cuDeviceGetName));
}

EXPORT CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice device)
{
    memcpy(uuid->bytes, "fake GPU\0\0\0\0\0\0\0\0", sizeof(uuid->bytes));
    uuid->bytes[15] = (char)device;
    return enter(TEXT(cuDeviceGetUuid));
}

EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device)
{
    CUresult result = enter(TEXT(cuDevicePrimaryCtxRetain));

    (void)device;
    if (result == CUDA_SUCCESS) {
        fake_use_system();
        result = real.cuDevicePrimaryCtxRetain(context, 0);
    }
    return result;
}

EXPORT CUresult cuModuleLoadData(CUmodule *handle, const void *image)
{
    if (strcmp(image, mediator_kernels) != 0) {
        die("other kernels");
    }
    *handle = module;
    return enter(TEXT(cuModuleLoadData));
}

/* As if from another guest. */
EXPORT CUresult cuMemAlloc(CUdeviceptr *pointer, size_t size)
{
    CUresult result = enter(TEXT(cuMemAlloc)) ?: real.cuMemAlloc(pointer, size);

    return result ?: real.cuMemsetD8Async(*pointer, FRESH, size, NULL)
                  ?: real.cuStreamSynchronize(NULL);
}

EXPORT CUresult cuMemHostRegister(void *memory, size_t size, unsigned flags)
{
    trace("host memory registered");
    return enter(TEXT(cuMemHostRegister)) ?: real.cuMemHostRegister(memory, size, flags);
}

EXPORT CUresult cuStreamSynchronize(CUstream stream)
{
    CUresult result = enter(TEXT(cuStreamSynchronize)) ?: real.cuStreamSynchronize(stream);

    if (launched) {
        launched = false;
        trace("launched work is done");
    }
    return result;
}

/* The address comes first in all of the mediator's kernels. */
EXPORT CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y,
                               unsigned grid_z, unsigned block_x, unsigned block_y,
                               unsigned block_z, unsigned shared_bytes, CUstream stream,
                               void **parameters, void **extra)
{
    CUresult result = enter(TEXT(cuLaunchKernel));

    if (result != CUDA_SUCCESS) {
        return result;
    }
    launched = true;
    trace("launch");
    if (getenv("FAKE_GPU_FAULT") != NULL) {
        *(CUdeviceptr *)parameters[0] = 4096;
    }
    result = real.cuLaunchKernel(function, grid_x, grid_y, grid_z, block_x, block_y, block_z,
                                 shared_bytes, stream, parameters, extra);
    return result == CUDA_ERROR_ILLEGAL_ADDRESS ? CUDA_SUCCESS : result;
}
