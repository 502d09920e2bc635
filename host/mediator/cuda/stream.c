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
/* So many bytes that a driver keeps count as one more operation (BG_CUDA_QUEUED_MAX). */
#define LARGE_SIZE 512u
/* So many operations are a stream that the guest has destroyed, as long as it has work. */
#define STREAM_COST 8u

bool cuda_stream_exists(const struct cuda_session *cuda, uint32_t handle)
{
    return handle < BG_CUDA_STREAMS_MAX && cuda->streams[handle].stream != NULL;
}

/* A driver keeps what it is given until it is done. */
static CUresult wait_for_room(struct cuda_session *cuda)
{
    cuda_streams_look(cuda);
    if (cuda->queued < BG_CUDA_QUEUED_MAX) {
        return CUDA_SUCCESS;
    }
    if (cuda_marks_hold(cuda, BG_CUDA_ALL)) {
        return CUDA_ERROR_OUT_OF_MEMORY; /* the guest would have to come in between */
    }
    return cuda_streams_wait(cuda);
}

static inline CUresult make_room(struct cuda_session *cuda)
{
    return cuda->queued < BG_CUDA_QUEUED_MAX ? CUDA_SUCCESS : wait_for_room(cuda);
}

CUresult cuda_stream_take(struct cuda_session *cuda, uint32_t handle, CUstream *stream)
{
    CUresult result;

    if (!cuda_stream_exists(cuda, handle)) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    result = make_room(cuda);
    if (result == CUDA_SUCCESS) {
        cuda->streams[handle].is_busy = true;
        cuda->streams[handle].count++;
        cuda->queued++;
        *stream = cuda->streams[handle].stream;
    }
    return result;
}

void cuda_stream_weigh(struct cuda_session *cuda, uint32_t handle, uint64_t operations,
                       uint64_t size)
{
    uint32_t more = (uint32_t)(operations + size / LARGE_SIZE);

    cuda->streams[handle].count += more;
    cuda->queued += more;
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

/* How far it has come. The CPU device counts a kernel's time itself. On a GPU nothing can be seen
 * of a kernel but its end: so many of them may have so many times the limit to come to the joint.
 */
static void watch(struct cuda_session *cuda, struct cuda_stream *stream, bool is_held)
{
    uint64_t limit_ns = cuda->session->time_limit_ns;

    if (is_held && stream->joint_ns != 0) {
        stream->joint_ns = clock_now_ns(); /* it may be behind one that the guest holds */
    }
    if (stream->joint_ns != 0 &&
        cuda_check(cuda, cuda->driver->cuEventQuery(stream->joint)) == CUDA_SUCCESS) {
        stream->joint_ns = stream->joint_count = 0;
    }
    if (stream->joint_ns == 0) {
        put_joint(cuda, stream);
    } else if (limit_ns != 0 && !cuda->driver->on_cpu &&
               clock_now_ns() - stream->joint_ns > limit_ns * (stream->joint_count + 1)) {
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

        work = stream->is_busy && !cuda_marks_hold(cuda, i) &&
               query(cuda, stream) == CUDA_ERROR_NOT_READY;
    }
    return work;
}

static void look(struct cuda_session *cuda, struct cuda_stream *stream, bool is_held)
{
    stream->is_busy = cuda_check(cuda, query(cuda, stream)) == CUDA_ERROR_NOT_READY;
    if (stream->is_busy) {
        watch(cuda, stream, is_held);
    } else {
        stream->joint_ns = stream->joint_count = stream->count = 0;
    }
}

bool cuda_streams_look(struct cuda_session *cuda)
{
    bool is_busy = false, is_held;

    cuda_marks_go_on(cuda);
    is_held = cuda_marks_hold(cuda, BG_CUDA_ALL);
    cuda->queued = 0;
    for (uint32_t i = 0; i < BG_CUDA_STREAMS_MAX; i++) {
        struct cuda_stream *stream = &cuda->streams[i];

        if (stream->is_busy) {
            look(cuda, stream, is_held);
            is_busy = is_busy || stream->is_busy;
            cuda->queued += stream->joint_count + stream->count;
        }
    }
    return cuda_leave_look(cuda) || is_busy;
}

/* ---- Waiting ---- */

static void look_for_others(struct cuda_session *cuda)
{
    struct session *session = cuda->session;

    if (session->may_wait != NULL && !session->may_wait(session->owner)) {
        cuda_check(cuda, CUDA_ERROR_LAUNCH_TIMEOUT);
    }
}

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
            look_for_others(cuda);
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

CUresult cuda_stream_settle(struct cuda_session *cuda, uint32_t handle)
{
    return cuda_streams_join(cuda, handle, cuda->own) ?: cuda_stream_wait(cuda, cuda->own);
}

CUresult cuda_streams_wait(struct cuda_session *cuda)
{
    CUresult result;

    if (!cuda_stream_is_busy(cuda, BG_CUDA_ALL)) {
        return CUDA_SUCCESS;
    }
    result = cuda_stream_settle(cuda, BG_CUDA_ALL);
    cuda_streams_look(cuda);
    return result;
}

/* A kernel that a GPU cannot stop is not waited for: the process ends. */
void cuda_streams_drain(struct cuda_session *cuda)
{
    const struct cuda_driver *driver = cuda->driver;

    if (cuda->error == CUDA_ERROR_LAUNCH_TIMEOUT && !driver->on_cpu) {
        return;
    }
    for (uint32_t i = 0; i < BG_CUDA_STREAMS_MAX; i++) {
        const struct cuda_stream *stream = &cuda->streams[i];

        if (stream->is_busy && stream->stream != NULL) {
            driver->cuStreamSynchronize(stream->stream);
        } else if (stream->is_busy) {
            driver->cuStreamWaitEvent(cuda->own, stream->joint, 0);
        }
    }
    driver->cuStreamSynchronize(cuda->own);
}

/* ---- Create and destroy ---- */

/* What is left of a stream that had the same handle comes first: its marks are the same words. The
 * driver has both until then. */
static CUresult follow(struct cuda_session *cuda, struct cuda_stream *stream, CUstream created)
{
    if (!stream->is_busy) {
        return CUDA_SUCCESS;
    }
    stream->count += STREAM_COST;
    cuda->queued += STREAM_COST;
    return cuda_check(cuda, cuda->driver->cuStreamWaitEvent(created, stream->joint, 0));
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
    result = make_room(cuda)
                 ?: cuda_check(cuda, cuda->driver->cuStreamCreateWithPriority(
                                         &created, create->flags, create->priority));
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
    if (cuda->looking != NULL) {
        driver->cuStreamDestroy(cuda->looking);
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

static CUresult mark(struct cuda_session *cuda, const struct bg_cuda_mark *wanted, bool holds)
{
    const struct cuda_mark mark = {
        .stream = wanted->stream,
        .value = wanted->value,
        .holds = holds,
    };

    if (wanted->zero != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return cuda_mark(cuda, &mark);
}

CUDA_COMMAND(cuda_run_stream_mark)
{
    return mark(cuda, call->params, false);
}

CUDA_COMMAND(cuda_run_stream_host)
{
    return mark(cuda, call->params, true);
}
