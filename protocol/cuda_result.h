/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a call of the CUDA driver API returns. X(name, number, what cuGetErrorString says)
 */
#ifndef BAREGPU_PROTOCOL_CUDA_RESULT_H
#define BAREGPU_PROTOCOL_CUDA_RESULT_H

#define CUDA_RESULTS(X)                                                                            \
    X(CUDA_SUCCESS, 0, "no error")                                                                 \
    X(CUDA_ERROR_INVALID_VALUE, 1, "invalid argument")                                             \
    X(CUDA_ERROR_OUT_OF_MEMORY, 2, "out of memory")                                                \
    X(CUDA_ERROR_NOT_INITIALIZED, 3, "cuInit was not called")                                      \
    X(CUDA_ERROR_DEINITIALIZED, 4, "the driver is shutting down")                                  \
    X(CUDA_ERROR_PROFILER_DISABLED, 5, "the profiler is disabled")                                 \
    X(CUDA_ERROR_PROFILER_NOT_INITIALIZED, 6, "the profiler is not initialized")                   \
    X(CUDA_ERROR_PROFILER_ALREADY_STARTED, 7, "the profiler runs already")                         \
    X(CUDA_ERROR_PROFILER_ALREADY_STOPPED, 8, "the profiler is stopped already")                   \
    X(CUDA_ERROR_STUB_LIBRARY, 34, "this library is a stub")                                       \
    X(CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER, 36, "the call requires a newer driver")               \
    X(CUDA_ERROR_DEVICE_UNAVAILABLE, 46, "the device is busy or unavailable")                      \
    X(CUDA_ERROR_NO_DEVICE, 100, "no device was found")                                            \
    X(CUDA_ERROR_INVALID_DEVICE, 101, "invalid device ordinal")                                    \
    X(CUDA_ERROR_DEVICE_NOT_LICENSED, 102, "the device has no licence")                            \
    X(CUDA_ERROR_INVALID_IMAGE, 200, "invalid kernel image")                                       \
    X(CUDA_ERROR_INVALID_CONTEXT, 201, "invalid context")                                          \
    X(CUDA_ERROR_CONTEXT_ALREADY_CURRENT, 202, "the context is current already")                   \
    X(CUDA_ERROR_MAP_FAILED, 205, "mapping failed")                                                \
    X(CUDA_ERROR_UNMAP_FAILED, 206, "unmapping failed")                                            \
    X(CUDA_ERROR_ARRAY_IS_MAPPED, 207, "the array is mapped")                                      \
    X(CUDA_ERROR_ALREADY_MAPPED, 208, "the resource is mapped already")                            \
    X(CUDA_ERROR_NO_BINARY_FOR_GPU, 209, "no kernel image is for this device")                     \
    X(CUDA_ERROR_ALREADY_ACQUIRED, 210, "the resource is acquired already")                        \
    X(CUDA_ERROR_NOT_MAPPED, 211, "the resource is not mapped")                                    \
    X(CUDA_ERROR_NOT_MAPPED_AS_ARRAY, 212, "the resource is not mapped as an array")               \
    X(CUDA_ERROR_NOT_MAPPED_AS_POINTER, 213, "the resource is not mapped as a pointer")            \
    X(CUDA_ERROR_ECC_UNCORRECTABLE, 214, "an uncorrectable memory error")                          \
    X(CUDA_ERROR_UNSUPPORTED_LIMIT, 215, "the limit is not supported")                             \
    X(CUDA_ERROR_CONTEXT_ALREADY_IN_USE, 216, "the context is in use by another thread")           \
    X(CUDA_ERROR_PEER_ACCESS_UNSUPPORTED, 217, "peer access is not supported")                     \
    X(CUDA_ERROR_INVALID_PTX, 218, "the PTX could not be compiled")                                \
    X(CUDA_ERROR_INVALID_GRAPHICS_CONTEXT, 219, "invalid graphics context")                        \
    X(CUDA_ERROR_NVLINK_UNCORRECTABLE, 220, "an uncorrectable NVLink error")                       \
    X(CUDA_ERROR_JIT_COMPILER_NOT_FOUND, 221, "the PTX compiler was not found")                    \
    X(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, 222, "the PTX is of a version that is too new")          \
    X(CUDA_ERROR_JIT_COMPILATION_DISABLED, 223, "PTX compilation is disabled")                     \
    X(CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY, 224, "the execution affinity is not supported")        \
    X(CUDA_ERROR_UNSUPPORTED_DEVSIDE_SYNC, 225, "synchronizing in kernels is not supported")       \
    X(CUDA_ERROR_CONTAINED, 226, "a memory error that was contained")                              \
    X(CUDA_ERROR_INVALID_SOURCE, 300, "invalid kernel source")                                     \
    X(CUDA_ERROR_FILE_NOT_FOUND, 301, "the file was not found")                                    \
    X(CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND, 302, "a shared object lacks a symbol")            \
    X(CUDA_ERROR_SHARED_OBJECT_INIT_FAILED, 303, "a shared object could not be initialized")       \
    X(CUDA_ERROR_OPERATING_SYSTEM, 304, "a call of the operating system failed")                   \
    X(CUDA_ERROR_INVALID_HANDLE, 400, "invalid handle")                                            \
    X(CUDA_ERROR_ILLEGAL_STATE, 401, "the object is in no state for this")                         \
    X(CUDA_ERROR_LOSSY_QUERY, 402, "the answer would lose something")                              \
    X(CUDA_ERROR_NOT_FOUND, 500, "the name was not found")                                         \
    X(CUDA_ERROR_NOT_READY, 600, "not ready")                                                      \
    X(CUDA_ERROR_ILLEGAL_ADDRESS, 700, "a kernel met an illegal address")                          \
    X(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, 701, "the launch asks for too many resources")           \
    X(CUDA_ERROR_LAUNCH_TIMEOUT, 702, "a kernel ran longer than it may")                           \
    X(CUDA_ERROR_LAUNCH_INCOMPATIBLE_TEXTURING, 703, "incompatible texturing mode")                \
    X(CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED, 704, "peer access is enabled already")               \
    X(CUDA_ERROR_PEER_ACCESS_NOT_ENABLED, 705, "peer access is not enabled")                       \
    X(CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE, 708, "the primary context is in use")                     \
    X(CUDA_ERROR_CONTEXT_IS_DESTROYED, 709, "the context is destroyed")                            \
    X(CUDA_ERROR_ASSERT, 710, "an assertion in a kernel failed")                                   \
    X(CUDA_ERROR_TOO_MANY_PEERS, 711, "too many peers")                                            \
    X(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, 712, "the memory is registered already")          \
    X(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, 713, "the memory is not registered")                  \
    X(CUDA_ERROR_HARDWARE_STACK_ERROR, 714, "a kernel left its stack")                             \
    X(CUDA_ERROR_ILLEGAL_INSTRUCTION, 715, "a kernel met an illegal instruction")                  \
    X(CUDA_ERROR_MISALIGNED_ADDRESS, 716, "a kernel met a misaligned address")                     \
    X(CUDA_ERROR_INVALID_ADDRESS_SPACE, 717, "an address of the wrong state space")                \
    X(CUDA_ERROR_INVALID_PC, 718, "an invalid program counter")                                    \
    X(CUDA_ERROR_LAUNCH_FAILED, 719, "a kernel failed")                                            \
    X(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE, 720, "too many blocks for a cooperative launch")    \
    X(CUDA_ERROR_TENSOR_MEMORY_LEAK, 721, "a kernel left tensor memory allocated")                 \
    X(CUDA_ERROR_NOT_PERMITTED, 800, "not permitted")                                              \
    X(CUDA_ERROR_NOT_SUPPORTED, 801, "not supported")                                              \
    X(CUDA_ERROR_SYSTEM_NOT_READY, 802, "the system is not ready")                                 \
    X(CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, 803, "the parts of the driver do not fit")                \
    X(CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE, 804, "no compatibility mode on this device")      \
    X(CUDA_ERROR_MPS_CONNECTION_FAILED, 805, "no connection to the MPS server")                    \
    X(CUDA_ERROR_MPS_RPC_FAILURE, 806, "a call to the MPS server failed")                          \
    X(CUDA_ERROR_MPS_SERVER_NOT_READY, 807, "the MPS server is not ready")                         \
    X(CUDA_ERROR_MPS_MAX_CLIENTS_REACHED, 808, "too many MPS clients")                             \
    X(CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED, 809, "too many MPS connections")                     \
    X(CUDA_ERROR_MPS_CLIENT_TERMINATED, 810, "the MPS client was terminated")                      \
    X(CUDA_ERROR_CDP_NOT_SUPPORTED, 811, "launches from kernels are not supported")                \
    X(CUDA_ERROR_CDP_VERSION_MISMATCH, 812, "another version of launches from kernels")            \
    X(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, 900, "not while a stream is captured")                \
    X(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, 901, "the capture is invalid by an earlier error")    \
    X(CUDA_ERROR_STREAM_CAPTURE_MERGE, 902, "this would merge two captures")                       \
    X(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, 903, "the capture began in another stream")             \
    X(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, 904, "a captured stream was not joined")                 \
    X(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, 905, "a dependency crosses the capture's border")       \
    X(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, 906, "the legacy stream would wait for a capture")       \
    X(CUDA_ERROR_CAPTURED_EVENT, 907, "the event was recorded in a capture")                       \
    X(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, 908, "the capture began in another thread")          \
    X(CUDA_ERROR_TIMEOUT, 909, "the wait timed out")                                               \
    X(CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE, 910, "the graph differs by more than an update may")   \
    X(CUDA_ERROR_EXTERNAL_DEVICE, 911, "an external device failed")                                \
    X(CUDA_ERROR_INVALID_CLUSTER_SIZE, 912, "invalid cluster size")                                \
    X(CUDA_ERROR_FUNCTION_NOT_LOADED, 913, "the function is not loaded")                           \
    X(CUDA_ERROR_INVALID_RESOURCE_TYPE, 914, "invalid resource type")                              \
    X(CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION, 915, "invalid resource configuration")            \
    X(CUDA_ERROR_KEY_ROTATION, 916, "keys are being changed")                                      \
    X(CUDA_ERROR_UNKNOWN, 999, "unknown error")

typedef enum cudaError_enum {
#define CUDA_RESULT_NUMBER(name, number, text) name = number,
    CUDA_RESULTS(CUDA_RESULT_NUMBER)
#undef CUDA_RESULT_NUMBER
} CUresult;

#endif
