/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of the CUDA driver's interface that the mediator uses, declared here so that it is
 * built without the CUDA Toolkit, and opened at run time so that it runs without a GPU.
 */
#ifndef MEDIATOR_CUDA_DRIVER_H
#define MEDIATOR_CUDA_DRIVER_H

#include <stddef.h>
#include <stdint.h>

typedef int cuda_result;       /* CUresult */
typedef int cuda_device;       /* CUdevice */
typedef uint64_t cuda_pointer; /* CUdeviceptr */
typedef struct CUctx_st *cuda_context;
typedef struct CUmod_st *cuda_module;
typedef struct CUfunc_st *cuda_function;
typedef struct CUstream_st *cuda_stream;

enum cuda_results {
    CUDA_RESULT_SUCCESS = 0,
    CUDA_RESULT_OUT_OF_MEMORY = 2,
    CUDA_RESULT_NOT_INITIALIZED = 3,
    CUDA_RESULT_DEINITIALIZED = 4,
    CUDA_RESULT_DEVICE_UNAVAILABLE = 46,
    CUDA_RESULT_INVALID_CONTEXT = 201,
    CUDA_RESULT_ECC_UNCORRECTABLE = 214,
    CUDA_RESULT_NVLINK_UNCORRECTABLE = 220,
    CUDA_RESULT_CONTAINED = 226,
    CUDA_RESULT_ILLEGAL_ADDRESS = 700,
    CUDA_RESULT_LAUNCH_TIMEOUT = 702,
    CUDA_RESULT_CONTEXT_IS_DESTROYED = 709,
    CUDA_RESULT_ASSERT = 710,
    CUDA_RESULT_HARDWARE_STACK_ERROR = 714,
    CUDA_RESULT_LAUNCH_FAILED = 719,
    CUDA_RESULT_EXTERNAL_DEVICE = 911,
    CUDA_RESULT_UNKNOWN = 999,
};

enum cuda_device_attribute {
    CUDA_ATTRIBUTE_CLOCK_RATE = 13, /* kHz */
    CUDA_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16,
    CUDA_ATTRIBUTE_CAPABILITY_MAJOR = 75,
    CUDA_ATTRIBUTE_CAPABILITY_MINOR = 76,
};

#define CUDA_STREAM_NON_BLOCKING 1u

/* cuMemHostRegister: the memory gets a device address, too. */
#define CUDA_HOST_REGISTER_DEVICE_MAP 2u

enum cuda_memory_type {
    CUDA_MEMORY_HOST = 1,
    CUDA_MEMORY_DEVICE = 2,
};

/* One side of a copy, as CUDA_MEMCPY3D has it. */
struct cuda_copy_side {
    size_t x_bytes, y, z, level;
    int memory_type; /* enum cuda_memory_type */
    void *host;
    cuda_pointer device;
    void *array;
    void *reserved;
    size_t pitch;
    size_t height; /* rows from one slice to the next */
};

/* CUDA_MEMCPY3D */
struct cuda_copy_3d {
    struct cuda_copy_side src, dst;
    size_t width_bytes, height, depth;
};

_Static_assert(sizeof(struct cuda_copy_3d) == 200, "as in cuda.h");

/* X(field, the library's symbol, parameters) */
#define CUDA_DRIVER_FUNCTIONS(X)                                                                   \
    X(init, "cuInit", (unsigned flags))                                                            \
    X(get_error_name, "cuGetErrorName", (cuda_result result, const char **name))                   \
    X(device_get_count, "cuDeviceGetCount", (int *count))                                          \
    X(device_get, "cuDeviceGet", (cuda_device * device, int ordinal))                              \
    X(device_get_name, "cuDeviceGetName", (char *name, int size, cuda_device device))              \
    X(device_total_mem, "cuDeviceTotalMem_v2", (size_t *bytes, cuda_device device))                \
    X(device_get_attribute, "cuDeviceGetAttribute",                                                \
      (int *value, int attribute, cuda_device device))                                             \
    X(primary_context_retain, "cuDevicePrimaryCtxRetain",                                          \
      (cuda_context * context, cuda_device device))                                                \
    X(primary_context_release, "cuDevicePrimaryCtxRelease_v2", (cuda_device device))               \
    X(context_set_current, "cuCtxSetCurrent", (cuda_context context))                              \
    X(module_load_data, "cuModuleLoadData", (cuda_module * module, const void *image))             \
    X(module_get_function, "cuModuleGetFunction",                                                  \
      (cuda_function * function, cuda_module module, const char *name))                            \
    X(memory_alloc, "cuMemAlloc_v2", (cuda_pointer * pointer, size_t bytes))                       \
    X(memory_free, "cuMemFree_v2", (cuda_pointer pointer))                                         \
    X(memory_set_async, "cuMemsetD8Async",                                                         \
      (cuda_pointer pointer, unsigned char value, size_t bytes, cuda_stream stream))               \
    X(copy_to_device_async, "cuMemcpyHtoDAsync_v2",                                                \
      (cuda_pointer dst, const void *src, size_t bytes, cuda_stream stream))                       \
    X(copy_from_device_async, "cuMemcpyDtoHAsync_v2",                                              \
      (void *dst, cuda_pointer src, size_t bytes, cuda_stream stream))                             \
    X(copy_in_device_async, "cuMemcpyDtoDAsync_v2",                                                \
      (cuda_pointer dst, cuda_pointer src, size_t bytes, cuda_stream stream))                      \
    X(copy_3d_async, "cuMemcpy3DAsync_v2", (const struct cuda_copy_3d *copy, cuda_stream stream))  \
    X(host_register, "cuMemHostRegister_v2", (void *memory, size_t bytes, unsigned flags))         \
    X(host_unregister, "cuMemHostUnregister", (void *memory))                                      \
    X(host_get_device_pointer, "cuMemHostGetDevicePointer_v2",                                     \
      (cuda_pointer * pointer, void *memory, unsigned flags))                                      \
    X(stream_create, "cuStreamCreate", (cuda_stream * stream, unsigned flags))                     \
    X(stream_synchronize, "cuStreamSynchronize", (cuda_stream stream))                             \
    X(launch_kernel, "cuLaunchKernel",                                                             \
      (cuda_function function, unsigned grid_x, unsigned grid_y, unsigned grid_z,                  \
       unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,                \
       cuda_stream stream, void **parameters, void **extra))

struct cuda_driver {
#define CUDA_DRIVER_FIELD(field, symbol, parameters) cuda_result(*field) parameters;
    CUDA_DRIVER_FUNCTIONS(CUDA_DRIVER_FIELD)
#undef CUDA_DRIVER_FIELD
};

/* Opens libcuda.so.1 and initialises it, once per process. NULL with a reason when it is not
 * there, too old, or finds no GPU. */
const struct cuda_driver *cuda_driver_open(char *reason, size_t reason_size);

/* "CUDA_ERROR_..." */
const char *cuda_driver_error_name(const struct cuda_driver *driver, cuda_result result);

/* After these results nothing works in this process any more. */
int cuda_result_is_fatal(cuda_result result);

#endif
