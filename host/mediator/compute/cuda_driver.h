/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CUDA driver API, of one of two providers: NVIDIA's driver, or the CUDA device on the CPU
 * (docs/cuda-cpu.md), which lies beside this program. Both are opened at run time.
 */
#ifndef MEDIATOR_CUDA_DRIVER_H
#define MEDIATOR_CUDA_DRIVER_H

#include <stdbool.h>
#include <stddef.h>

#include "host/cuda-cpu/driver/extension.h"
#include "protocol/cuda.h"

/* What the mediator calls for itself. */
#define CUDA_DRIVER_FUNCTIONS(X)                                                                   \
    X(cuInit)                                                                                      \
    X(cuDriverGetVersion)                                                                          \
    X(cuGetErrorName)                                                                              \
    X(cuDeviceGetCount)                                                                            \
    X(cuDeviceGet)                                                                                 \
    X(cuDeviceGetName)                                                                             \
    X(cuDeviceTotalMem)                                                                            \
    X(cuDeviceGetAttribute)                                                                        \
    X(cuDevicePrimaryCtxRetain)                                                                    \
    X(cuDevicePrimaryCtxReset)                                                                     \
    X(cuCtxSetCurrent)                                                                             \
    X(cuModuleLoadData)                                                                            \
    X(cuModuleGetFunction)                                                                         \
    X(cuMemAlloc)                                                                                  \
    X(cuMemFree)                                                                                   \
    X(cuMemsetD8Async)                                                                             \
    X(cuMemsetD16Async)                                                                            \
    X(cuMemsetD32Async)                                                                            \
    X(cuMemcpyHtoDAsync)                                                                           \
    X(cuMemcpyDtoHAsync)                                                                           \
    X(cuMemcpyDtoDAsync)                                                                           \
    X(cuMemcpy3DAsync)                                                                             \
    X(cuMemHostRegister)                                                                           \
    X(cuMemHostUnregister)                                                                         \
    X(cuMemHostGetDevicePointer)                                                                   \
    X(cuStreamCreate)                                                                              \
    X(cuStreamSynchronize)                                                                         \
    X(cuLaunchKernel)

/* What it calls for guests that ask for CUDA (host/mediator/cuda): since CUDA 12.8. */
#define CUDA_DRIVER_GUEST_FUNCTIONS(X)                                                             \
    X(cuDeviceGetUuid)                                                                             \
    X(cuCtxGetLimit)                                                                               \
    X(cuCtxSetLimit)                                                                               \
    X(cuCtxGetStreamPriorityRange)                                                                 \
    X(cuModuleLoadDataEx)                                                                          \
    X(cuModuleUnload)                                                                              \
    X(cuLinkCreate)                                                                                \
    X(cuLinkAddData)                                                                               \
    X(cuLinkComplete)                                                                              \
    X(cuLinkDestroy)                                                                               \
    X(cuModuleGetGlobal)                                                                           \
    X(cuModuleGetFunctionCount)                                                                    \
    X(cuModuleEnumerateFunctions)                                                                  \
    X(cuFuncGetName)                                                                               \
    X(cuFuncGetParamInfo)                                                                          \
    X(cuFuncGetAttribute)                                                                          \
    X(cuFuncSetAttribute)                                                                          \
    X(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags)                                        \
    X(cuMemAllocAsync)                                                                             \
    X(cuMemFreeAsync)                                                                              \
    X(cuMemcpyAsync)                                                                               \
    X(cuMemsetD2D8Async)                                                                           \
    X(cuMemsetD2D16Async)                                                                          \
    X(cuMemsetD2D32Async)                                                                          \
    X(cuArray3DCreate)                                                                             \
    X(cuArrayDestroy)                                                                              \
    X(cuMipmappedArrayCreate)                                                                      \
    X(cuMipmappedArrayGetLevel)                                                                    \
    X(cuMipmappedArrayDestroy)                                                                     \
    X(cuTexObjectCreate)                                                                           \
    X(cuTexObjectDestroy)                                                                          \
    X(cuSurfObjectCreate)                                                                          \
    X(cuSurfObjectDestroy)                                                                         \
    X(cuGraphCreate)                                                                               \
    X(cuGraphDestroy)                                                                              \
    X(cuGraphAddKernelNode)                                                                        \
    X(cuGraphKernelNodeSetAttribute)                                                               \
    X(cuGraphAddMemcpyNode)                                                                        \
    X(cuGraphAddMemsetNode)                                                                        \
    X(cuGraphAddEmptyNode)                                                                         \
    X(cuGraphAddEventRecordNode)                                                                   \
    X(cuGraphAddEventWaitNode)                                                                     \
    X(cuGraphInstantiate)                                                                          \
    X(cuGraphExecDestroy)                                                                          \
    X(cuGraphExecUpdate)                                                                           \
    X(cuGraphNodeSetEnabled)                                                                       \
    X(cuGraphLaunch)                                                                               \
    X(cuLaunchKernelEx)                                                                            \
    X(cuLaunchHostFunc)                                                                            \
    X(cuStreamCreateWithPriority)                                                                  \
    X(cuStreamDestroy)                                                                             \
    X(cuStreamWriteValue32)                                                                        \
    X(cuStreamWriteValue64)                                                                        \
    X(cuStreamWaitValue64)                                                                         \
    X(cuStreamQuery)                                                                               \
    X(cuStreamWaitEvent)                                                                           \
    X(cuEventCreate)                                                                               \
    X(cuEventDestroy)                                                                              \
    X(cuEventRecord)                                                                               \
    X(cuEventQuery)                                                                                \
    X(cuEventElapsedTime)

struct cuda_driver {
#define CUDA_DRIVER_FIELD(name) __typeof__(name) *name;
    CUDA_DRIVER_FUNCTIONS(CUDA_DRIVER_FIELD)
    CUDA_DRIVER_GUEST_FUNCTIONS(CUDA_DRIVER_FIELD)
#undef CUDA_DRIVER_FIELD
    /* The first of the guests' functions that the driver is too old for: none of them is called
     * then. NULL: all are there. */
    const char *missing;
    bool on_cpu;                                        /* the CUDA device on the CPU */
    void (*set_host)(const struct cuda_cpu_host *host); /* which alone has this; NULL: it has not */
    const char *path;                                   /* of the library */
};

#define CUDA_DRIVER_REASON_SIZE 160

/*
 * The CPU device's folder, for processes of users who cannot go there by its path: whoever starts
 * them opens it, and they have it as this descriptor. Its files have to be readable to them.
 */
#define CUDA_DRIVER_FOLDER_FD 4

/* A higher number, to be passed on. -1: it cannot be opened. */
int cuda_driver_open_folder(void);

/* In the other process, before it opens anything: whether that descriptor is the folder, else it is
 * closed, and the path is taken. Until close: no program that is started gets it. */
void cuda_driver_take_folder(void);
void cuda_driver_close_folder(void);

/* Loads the library, once in a process. What it does to the system it does at cuInit and later.
 * NULL with a reason when it is not there, or too old. NVIDIA's has to be the first: the other one
 * is found by its path, this one by a name that both have. */
const struct cuda_driver *cuda_driver_load_nvidia(char reason[CUDA_DRIVER_REASON_SIZE]);
const struct cuda_driver *cuda_driver_load_cpu(char reason[CUDA_DRIVER_REASON_SIZE]);

/* Where the library lies, for people. */
void cuda_driver_tell_path(const struct cuda_driver *driver, char *path, size_t size);

/* "CUDA_ERROR_..." */
const char *cuda_driver_error_name(const struct cuda_driver *driver, CUresult result);

/* After these results nothing works in this process any more. */
bool cuda_result_is_fatal(CUresult result);

#endif
