/* SPDX-License-Identifier: BSD-2-Clause */
/* Words of memory that a stream writes, or waits for. */
#include "firmware/cuda/capture.h"
#include "protocol/cuda_rules.h"

/* The stream, if it may be given this. There are no such nodes of graphs. */
static CUresult enter(CUstream handle, const struct bg_cuda_stream_value *value,
                      struct cuda_stream **stream)
{
    struct cuda_context *context;
    CUresult result = cuda_enter_context(&context)
                          ?: cuda_capture_stream_of(context, handle, stream)
                          ?: cuda_capture_refuse(*stream);

    if (result == CUDA_SUCCESS && (value->address % value->size != 0 ||
                                   !cuda_range_has(context->device, value->address, value->size))) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    return result;
}

static CUresult submit(CUstream handle, uint32_t operation, struct bg_cuda_stream_value value)
{
    struct cuda_stream *stream;
    CUresult result = enter(handle, &value, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    value.stream = stream->number;
    return CUDA_PUT_IN(stream->object.context->device, value.stream, operation, value);
}

/* What comes first is visible to who sees the word in any case. */
static CUresult write_value(CUstream stream, CUdeviceptr address, uint64_t value, uint32_t size,
                            unsigned flags)
{
    return flags & ~(unsigned)CU_STREAM_WRITE_VALUE_NO_MEMORY_BARRIER
               ? CUDA_ERROR_INVALID_VALUE
               : submit(stream, BG_CUDA_STREAM_WRITE,
                        (struct bg_cuda_stream_value){
                            .address = address, .value = value, .size = size});
}

CUresult cuStreamWriteValue32(CUstream stream, CUdeviceptr address, cuuint32_t value,
                              unsigned flags)
{
    return write_value(stream, address, value, sizeof(value), flags);
}

CUresult cuStreamWriteValue64(CUstream stream, CUdeviceptr address, cuuint64_t value,
                              unsigned flags)
{
    return write_value(stream, address, value, sizeof(value), flags);
}

/* Only a worker with a page looks at words meanwhile. */
static CUresult wait_value(CUstream stream, CUdeviceptr address, uint64_t value, uint32_t size,
                           unsigned flags)
{
    if (flags & CU_STREAM_WAIT_VALUE_FLUSH) { /* CU_DEVICE_ATTRIBUTE_CAN_FLUSH_REMOTE_WRITES is 0 */
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    return flags > CU_STREAM_WAIT_VALUE_NOR
               ? CUDA_ERROR_INVALID_VALUE
               : submit(stream, BG_CUDA_STREAM_WATCH,
                        (struct bg_cuda_stream_value){
                            .address = address, .value = value, .size = size, .flags = flags});
}

CUresult cuStreamWaitValue32(CUstream stream, CUdeviceptr address, cuuint32_t value, unsigned flags)
{
    return wait_value(stream, address, value, sizeof(value), flags);
}

CUresult cuStreamWaitValue64(CUstream stream, CUdeviceptr address, cuuint64_t value, unsigned flags)
{
    return wait_value(stream, address, value, sizeof(value), flags);
}

CUresult cuStreamBatchMemOp(CUstream stream, unsigned count, CUstreamBatchMemOpParams *operations,
                            unsigned flags)
{
    return cuda_do_batch(stream, count, operations, flags);
}
