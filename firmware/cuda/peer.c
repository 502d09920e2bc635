/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies between contexts: by the device where both are its own, else through this side's memory,
 * since no worker sees another one's. */
#include "firmware/cuda/capture.h"

#define PIECE_SIZE (64u << 10)

static CUresult find_both(CUcontext to, CUcontext from, struct cuda_context **to_context,
                          struct cuda_context **from_context)
{
    return cuda_context_of(to, to_context)
               ?: cuda_context_of(from, from_context)
               ?: (*to_context)->error ?: (*from_context)->error;
}

/* A copy of one row between a device and `bytes`, which waits. */
static CUresult move(struct cuda_context *context, CUdeviceptr address, void *bytes, size_t size,
                     bool is_write)
{
    const CUDA_MEMCPY3D asked = {
        .srcMemoryType = is_write ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE,
        .srcHost = bytes,
        .srcDevice = address,
        .dstMemoryType = is_write ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST,
        .dstHost = bytes,
        .dstDevice = address,
        .WidthInBytes = size,
        .Height = 1,
        .Depth = 1,
    };
    struct cuda_copy copy;

    return cuda_copy_check(context, &asked, &copy) ?: cuda_copy_run(&context->legacy, &copy, true);
}

static CUresult copy_across(struct cuda_context *to_context, CUdeviceptr to,
                            struct cuda_context *from_context, CUdeviceptr from, size_t size)
{
    CUresult result = CUDA_SUCCESS;
    void *bytes = cuda_alloc(PIECE_SIZE);

    if (bytes == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    for (size_t done = 0, piece; done < size && result == CUDA_SUCCESS; done += piece) {
        piece = size - done < PIECE_SIZE ? size - done : PIECE_SIZE;
        result = move(from_context, from + done, bytes, piece, false)
                     ?: move(to_context, to + done, bytes, piece, true);
    }
    cuda_free(bytes);
    return result;
}

CUresult cuMemcpyPeerAsync(CUdeviceptr to, CUcontext to_handle, CUdeviceptr from,
                           CUcontext from_handle, size_t size, CUstream handle)
{
    struct cuda_context *context, *to_context, *from_context;
    struct cuda_stream *stream;
    CUresult result = cuda_enter_context(&context)
                          ?: find_both(to_handle, from_handle, &to_context, &from_context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (to_context->device == context->device && from_context->device == context->device) {
        return cuMemcpyDtoDAsync(to, from, size, handle);
    }
    return cuda_capture_stream_of(context, handle, &stream)
               ?: cuda_capture_refuse(stream)
               ?: cuda_stream_wait(stream)
               ?: copy_across(to_context, to, from_context, from, size);
}

CUresult cuMemcpyPeer(CUdeviceptr to, CUcontext to_context, CUdeviceptr from,
                      CUcontext from_context, size_t size)
{
    return cuMemcpyPeerAsync(to, to_context, from, from_context, size, NULL);
}
