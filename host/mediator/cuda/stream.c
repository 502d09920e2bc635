/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/stream.h"

#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/leave.h"
#include "host/mediator/cuda/mark.h"

bool cuda_stream_exists(const struct cuda_session *cuda, uint32_t handle)
{
    return handle < BG_CUDA_STREAMS_MAX && cuda->streams[handle].stream != NULL;
}

CUresult cuda_stream_take(struct cuda_session *cuda, uint32_t handle, CUstream *stream)
{
    if (!cuda_stream_exists(cuda, handle)) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    cuda->streams[handle].is_busy = true;
    *stream = cuda->streams[handle].stream;
    return CUDA_SUCCESS;
}

/* ---- What they do ---- */

static bool look(struct cuda_session *cuda, struct cuda_stream *stream)
{
    if (stream->is_busy) {
        CUresult result = cuda_check(cuda, cuda->driver->cuStreamQuery(stream->stream));

        stream->is_busy = result == CUDA_ERROR_NOT_READY;
    }
    return stream->is_busy;
}

bool cuda_stream_is_busy(const struct cuda_session *cuda, uint32_t handle)
{
    bool is_busy = false;

    for (uint32_t i = 0; i < BG_CUDA_STREAMS_MAX && !is_busy; i++) {
        is_busy = (handle == BG_CUDA_ALL || handle == i) && cuda->streams[i].is_busy;
    }
    return is_busy;
}

bool cuda_streams_look(struct cuda_session *cuda)
{
    bool is_busy = false;

    for (uint32_t i = 0; i < BG_CUDA_STREAMS_MAX; i++) {
        is_busy = look(cuda, &cuda->streams[i]) || is_busy;
    }
    cuda_leave_look(cuda);
    return is_busy;
}

CUresult cuda_stream_wait(struct cuda_session *cuda, CUstream stream)
{
    return cuda_check(cuda, cuda->driver->cuStreamSynchronize(stream));
}

CUresult cuda_streams_wait(struct cuda_session *cuda)
{
    CUresult result = CUDA_SUCCESS;

    for (uint32_t i = 0; i < BG_CUDA_STREAMS_MAX; i++) {
        struct cuda_stream *stream = &cuda->streams[i];

        if (stream->is_busy) {
            result = cuda_stream_wait(cuda, stream->stream) ?: result;
            stream->is_busy = false;
        }
    }
    return result;
}

static CUresult join(struct cuda_session *cuda, struct cuda_stream *stream, CUstream waiting)
{
    const struct cuda_driver *driver = cuda->driver;
    CUresult result = CUDA_SUCCESS;

    if (stream->joint == NULL) {
        result = driver->cuEventCreate(&stream->joint, CU_EVENT_DISABLE_TIMING);
    }
    return result ?: driver->cuEventRecord(stream->joint, stream->stream)
                         ?: driver->cuStreamWaitEvent(waiting, stream->joint, 0);
}

CUresult cuda_streams_join(struct cuda_session *cuda, uint32_t handle, CUstream waiting)
{
    CUresult result = CUDA_SUCCESS;

    for (uint32_t i = 0; i < BG_CUDA_STREAMS_MAX && result == CUDA_SUCCESS; i++) {
        if ((handle == BG_CUDA_ALL || handle == i) && cuda->streams[i].is_busy) {
            result = cuda_check(cuda, join(cuda, &cuda->streams[i], waiting));
        }
    }
    return result;
}

void cuda_streams_destroy(struct cuda_session *cuda)
{
    const struct cuda_driver *driver = cuda->driver;

    cuda_streams_wait(cuda);
    for (uint32_t i = 0; i < BG_CUDA_STREAMS_MAX; i++) {
        struct cuda_stream *stream = &cuda->streams[i];

        if (stream->joint != NULL) {
            driver->cuEventDestroy(stream->joint);
        }
        if (stream->stream != NULL && i >= BG_CUDA_STREAM_FIRST) {
            driver->cuStreamDestroy(stream->stream);
        }
    }
}

/* ---- Commands ---- */

CUDA_COMMAND(cuda_run_stream_mark)
{
    const struct bg_cuda_mark *mark = call->params;

    if (mark->flags & ~BG_CUDA_MARK_INTERRUPT) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return cuda_mark(cuda, mark->stream, mark->value, mark->flags & BG_CUDA_MARK_INTERRUPT);
}

CUDA_COMMAND(cuda_run_stream_sync)
{
    const struct bg_cuda_handle *handle = call->params;
    CUstream stream;
    CUresult result;

    if (handle->handle == BG_CUDA_ALL) {
        return cuda_streams_wait(cuda);
    }
    result = cuda_stream_take(cuda, handle->handle, &stream);
    return result ?: cuda_stream_wait(cuda, stream);
}
