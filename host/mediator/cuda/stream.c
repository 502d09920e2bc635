/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/stream.h"

#include <time.h>

#include "host/common/clock.h"
#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/leave.h"
#include "host/mediator/cuda/mark.h"

/* At first a wait looks without a pause, for what is over at once. */
#define EAGER_LOOKS 200u
#define NAP_NS 50000

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
    cuda->streams[handle].count++;
    *stream = cuda->streams[handle].stream;
    return CUDA_SUCCESS;
}

bool cuda_stream_is_busy(const struct cuda_session *cuda, uint32_t handle)
{
    bool is_busy = false;

    for (uint32_t i = 0; i < BG_CUDA_STREAMS_MAX && !is_busy; i++) {
        is_busy = (handle == BG_CUDA_ALL || handle == i) && cuda->streams[i].is_busy;
    }
    return is_busy;
}

/* ---- Places in their work ---- */

/* Where a stream is now; one that was destroyed has it already. */
static CUresult put_joint(struct cuda_session *cuda, struct cuda_stream *stream)
{
    const struct cuda_driver *driver = cuda->driver;
    CUresult result = CUDA_SUCCESS;

    if (stream->stream == NULL) {
        return CUDA_SUCCESS;
    }
    if (stream->joint == NULL) {
        result = driver->cuEventCreate(&stream->joint, CU_EVENT_DISABLE_TIMING);
    }
    result = cuda_check(cuda, result ?: driver->cuEventRecord(stream->joint, stream->stream));
    if (result == CUDA_SUCCESS) {
        stream->joint_ns = stream->joint_ns ? stream->joint_ns : clock_now_ns();
        stream->joint_count += stream->count;
        stream->count = 0;
    }
    return result;
}

static CUresult join(struct cuda_session *cuda, struct cuda_stream *stream, CUstream waiting)
{
    CUresult result = put_joint(cuda, stream);

    return result ?: cuda_check(cuda, cuda->driver->cuStreamWaitEvent(waiting, stream->joint, 0));
}

CUresult cuda_streams_join(struct cuda_session *cuda, uint32_t handle, CUstream waiting)
{
    CUresult result = CUDA_SUCCESS;

    for (uint32_t i = 0; i < BG_CUDA_STREAMS_MAX && result == CUDA_SUCCESS; i++) {
        if ((handle == BG_CUDA_ALL || handle == i) && cuda->streams[i].is_busy) {
            result = join(cuda, &cuda->streams[i], waiting);
        }
    }
    return result;
}

/* ---- What they do ---- */

/* The CPU device counts a kernel's time itself. On a GPU nothing can be seen of a kernel but its
 * end: so many of them may have so many times the limit to come to the joint. */
static void watch(struct cuda_session *cuda, struct cuda_stream *stream)
{
    uint64_t limit_ns = cuda->session->time_limit_ns;

    if (cuda->driver->on_cpu || limit_ns == 0) {
        return;
    }
    if (stream->joint_ns != 0 &&
        cuda_check(cuda, cuda->driver->cuEventQuery(stream->joint)) == CUDA_SUCCESS) {
        stream->joint_ns = stream->joint_count = 0;
    }
    if (stream->joint_ns == 0) {
        put_joint(cuda, stream);
    } else if (clock_now_ns() - stream->joint_ns > limit_ns * (stream->joint_count + 1)) {
        cuda_check(cuda, CUDA_ERROR_LAUNCH_TIMEOUT);
    }
}

static CUresult query(const struct cuda_session *cuda, const struct cuda_stream *stream)
{
    return stream->stream != NULL ? cuda->driver->cuStreamQuery(stream->stream)
                                  : cuda->driver->cuEventQuery(stream->joint);
}

bool cuda_streams_work(const struct cuda_session *cuda)
{
    bool work = false;

    for (uint32_t i = 0; i < BG_CUDA_STREAMS_MAX && !work; i++) {
        const struct cuda_stream *stream = &cuda->streams[i];

        work = stream->is_busy && query(cuda, stream) == CUDA_ERROR_NOT_READY;
    }
    return work;
}

static void look(struct cuda_session *cuda, struct cuda_stream *stream)
{
    stream->is_busy = cuda_check(cuda, query(cuda, stream)) == CUDA_ERROR_NOT_READY;
    if (stream->is_busy) {
        watch(cuda, stream);
    } else {
        stream->joint_ns = stream->joint_count = stream->count = 0;
    }
}

bool cuda_streams_look(struct cuda_session *cuda)
{
    bool is_busy = false;

    for (uint32_t i = 0; i < BG_CUDA_STREAMS_MAX; i++) {
        if (cuda->streams[i].is_busy) {
            look(cuda, &cuda->streams[i]);
            is_busy = is_busy || cuda->streams[i].is_busy;
        }
    }
    return cuda_leave_look(cuda) || is_busy;
}

/* ---- Waiting ---- */

static CUresult poll(struct cuda_session *cuda, CUstream stream)
{
    uint64_t look_ns = clock_now_ns() + CUDA_LOOK_NS;
    CUresult result;

    for (uint32_t i = 0; (result = cuda->driver->cuStreamQuery(stream)) == CUDA_ERROR_NOT_READY;
         i++) {
        if (i >= EAGER_LOOKS) {
            nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
        }
        if (clock_now_ns() >= look_ns) {
            cuda_streams_look(cuda);
            look_ns = clock_now_ns() + CUDA_LOOK_NS;
        }
        if (cuda->error != CUDA_SUCCESS) {
            return cuda->error;
        }
    }
    return cuda_check(cuda, result);
}

CUresult cuda_stream_wait(struct cuda_session *cuda, CUstream stream)
{
    struct session *session = cuda->session;
    CUresult result;

    if (session->waits != NULL) {
        session->waits(session->owner, true);
    }
    result = poll(cuda, stream);
    if (session->waits != NULL) {
        session->waits(session->owner, false);
    }
    return result;
}

CUresult cuda_streams_wait(struct cuda_session *cuda)
{
    CUresult result;

    if (!cuda_stream_is_busy(cuda, BG_CUDA_ALL)) {
        return CUDA_SUCCESS;
    }
    result = cuda_streams_join(cuda, BG_CUDA_ALL, cuda->own) ?: cuda_stream_wait(cuda, cuda->own);
    cuda_streams_look(cuda);
    return result;
}

/* ---- Create and destroy ---- */

/* What is left of a stream that had the same handle comes first: its marks are the same words. */
static CUresult follow(struct cuda_session *cuda, struct cuda_stream *stream, CUstream created)
{
    return stream->is_busy
               ? cuda_check(cuda, cuda->driver->cuStreamWaitEvent(created, stream->joint, 0))
               : CUDA_SUCCESS;
}

CUDA_COMMAND(cuda_run_stream_create)
{
    const struct bg_cuda_stream_create *create = call->params;
    struct cuda_stream *stream;
    CUstream created;
    CUresult result;

    if (create->stream < BG_CUDA_STREAM_FIRST || create->stream >= BG_CUDA_STREAMS_MAX ||
        cuda_stream_exists(cuda, create->stream)) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (create->flags & ~(uint32_t)CU_STREAM_NON_BLOCKING) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    stream = &cuda->streams[create->stream];
    result = cuda_check(
        cuda, cuda->driver->cuStreamCreateWithPriority(&created, create->flags, create->priority));
    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = follow(cuda, stream, created);
    if (result != CUDA_SUCCESS) {
        cuda->driver->cuStreamDestroy(created);
        return result;
    }
    stream->stream = created;
    return CUDA_SUCCESS;
}

CUDA_COMMAND(cuda_run_stream_destroy)
{
    const struct bg_cuda_handle *handle = call->params;
    struct cuda_stream *stream;
    CUresult result = CUDA_SUCCESS;

    if (handle->handle < BG_CUDA_STREAM_FIRST || !cuda_stream_exists(cuda, handle->handle)) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    stream = &cuda->streams[handle->handle];
    if (stream->is_busy) {
        result = put_joint(cuda, stream);
    }
    result = result ?: cuda_check(cuda, cuda->driver->cuStreamDestroy(stream->stream));
    if (result == CUDA_SUCCESS) {
        stream->stream = NULL;
    }
    return result;
}

void cuda_streams_destroy(struct cuda_session *cuda)
{
    const struct cuda_driver *driver = cuda->driver;

    for (uint32_t i = 0; i < BG_CUDA_STREAMS_MAX; i++) {
        struct cuda_stream *stream = &cuda->streams[i];

        if (stream->joint != NULL) {
            driver->cuEventDestroy(stream->joint);
        }
        if (stream->stream != NULL && i >= BG_CUDA_STREAM_FIRST) {
            driver->cuStreamDestroy(stream->stream);
        }
    }
    if (cuda->own != NULL) {
        driver->cuStreamDestroy(cuda->own);
    }
}

/* ---- Commands that wait, and marks ---- */

CUDA_COMMAND(cuda_run_stream_sync)
{
    const struct bg_cuda_handle *handle = call->params;

    if (handle->handle == BG_CUDA_ALL) {
        return cuda_streams_wait(cuda);
    }
    return cuda_stream_exists(cuda, handle->handle)
               ? cuda_stream_wait(cuda, cuda->streams[handle->handle].stream)
               : CUDA_ERROR_INVALID_HANDLE;
}

CUDA_COMMAND(cuda_run_stream_query)
{
    const struct bg_cuda_handle *handle = call->params;

    return cuda_stream_exists(cuda, handle->handle)
               ? cuda_check(cuda, cuda->driver->cuStreamQuery(cuda->streams[handle->handle].stream))
               : CUDA_ERROR_INVALID_HANDLE;
}

CUDA_COMMAND(cuda_run_stream_mark)
{
    const struct bg_cuda_mark *mark = call->params;

    if (mark->flags & ~BG_CUDA_MARK_INTERRUPT) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return cuda_mark(cuda, mark->stream, mark->value, mark->flags & BG_CUDA_MARK_INTERRUPT);
}

/* Behind the mark, which tells the guest, the stream waits for it. */
CUDA_COMMAND(cuda_run_stream_host)
{
    const struct bg_cuda_mark *mark = call->params;
    CUresult result = cuda_run_stream_mark(cuda, call);
    uint64_t offset;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    offset = (uint64_t)((uint8_t *)&cuda->page->acknowledged[mark->stream] - cuda->heap.memory);
    return cuda_check(cuda, cuda->driver->cuStreamWaitValue64(
                                cuda->streams[mark->stream].stream, cuda->heap.address + offset,
                                mark->value, CU_STREAM_WAIT_VALUE_GEQ));
}
