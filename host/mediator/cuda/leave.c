/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/leave.h"

#include <stdlib.h>

#include "host/mediator/cuda/stream.h"

/* In the order in which they go: all wait in one stream. */
struct cuda_leaving {
    struct cuda_leaving *next;
    CUevent after;
    cuda_release *release; /* NULL: memory, which the driver frees by itself */
    uint64_t object;
    uint64_t size;
};

static void finish(struct cuda_session *cuda, struct cuda_leaving *leaving)
{
    if (leaving->release != NULL) {
        cuda_check(cuda, leaving->release(cuda, leaving->object));
    }
    if (leaving->after != NULL) {
        cuda->driver->cuEventDestroy(leaving->after);
    }
    session_release(cuda->session, leaving->size);
    free(leaving);
}

static CUresult put_in(struct cuda_session *cuda, struct cuda_leaving *leaving)
{
    const struct cuda_driver *driver = cuda->driver;
    CUresult result = driver->cuEventCreate(&leaving->after, CU_EVENT_DISABLE_TIMING)
                          ?: driver->cuEventRecord(leaving->after, cuda->leave);

    if (result == CUDA_SUCCESS) {
        *cuda->leaving_end = leaving;
        cuda->leaving_end = &leaving->next;
    }
    return result;
}

static CUresult begin(struct cuda_session *cuda, uint64_t size, struct cuda_leaving **leaving)
{
    *leaving = calloc(1, sizeof(**leaving));
    if (*leaving == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    (*leaving)->size = size;
    cuda_streams_look(cuda);
    return CUDA_SUCCESS;
}

/* When it cannot be put off it is waited for. */
static CUresult end(struct cuda_session *cuda, struct cuda_leaving *leaving, CUresult result)
{
    result = cuda_check(cuda, result ?: put_in(cuda, leaving));
    if (result != CUDA_SUCCESS) {
        result = cuda_streams_wait(cuda);
        finish(cuda, leaving);
    }
    return result;
}

/* With a stream it is freed there, else where all is waited for. */
static CUresult free_later(struct cuda_session *cuda, uint64_t address, uint32_t stream)
{
    const struct cuda_driver *driver = cuda->driver;

    if (stream == BG_CUDA_ALL) {
        return cuda_streams_join(cuda, BG_CUDA_ALL, cuda->leave)
                   ?: driver->cuMemFreeAsync(address, cuda->leave);
    }
    cuda->streams[stream].is_busy = true;
    return driver->cuMemFreeAsync(address, cuda->streams[stream].stream)
               ?: cuda_streams_join(cuda, stream, cuda->leave);
}

CUresult cuda_leave_memory(struct cuda_session *cuda, uint64_t address, uint64_t size,
                           uint32_t stream)
{
    struct cuda_leaving *leaving;
    CUresult result = begin(cuda, size, &leaving);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!cuda_stream_is_busy(cuda, BG_CUDA_ALL)) { /* cuMemFree waits for all of them */
        result = cuda_check(cuda, cuda->driver->cuMemFree(address));
        finish(cuda, leaving);
        return result;
    }
    return end(cuda, leaving, free_later(cuda, address, stream));
}

CUresult cuda_leave_object(struct cuda_session *cuda, cuda_release *release, uint64_t object,
                           uint64_t size)
{
    struct cuda_leaving *leaving;
    CUresult result = begin(cuda, size, &leaving);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    leaving->release = release;
    leaving->object = object;
    if (!cuda_stream_is_busy(cuda, BG_CUDA_ALL)) {
        finish(cuda, leaving);
        return CUDA_SUCCESS;
    }
    return end(cuda, leaving, cuda_streams_join(cuda, BG_CUDA_ALL, cuda->leave));
}

static void finish_first(struct cuda_session *cuda)
{
    struct cuda_leaving *leaving = cuda->leaving;

    cuda->leaving = leaving->next;
    if (cuda->leaving == NULL) {
        cuda->leaving_end = &cuda->leaving;
    }
    finish(cuda, leaving);
}

/* To give an object back the driver waits for all streams, what they were given since too. */
static bool may_go(struct cuda_session *cuda, const struct cuda_leaving *leaving)
{
    if (leaving->release != NULL && cuda_stream_is_busy(cuda, BG_CUDA_ALL)) {
        return false;
    }
    return cuda_check(cuda, cuda->driver->cuEventQuery(leaving->after)) != CUDA_ERROR_NOT_READY;
}

bool cuda_leave_look(struct cuda_session *cuda)
{
    while (cuda->leaving != NULL && may_go(cuda, cuda->leaving)) {
        finish_first(cuda);
    }
    return cuda->leaving != NULL;
}

void cuda_leave_settle(struct cuda_session *cuda)
{
    if (cuda->leaving != NULL) {
        cuda_streams_wait(cuda);
        cuda_stream_wait(cuda, cuda->leave);
    }
    while (cuda->leaving != NULL) {
        finish_first(cuda);
    }
}

void cuda_leave_destroy(struct cuda_session *cuda)
{
    cuda_leave_settle(cuda);
    if (cuda->leave != NULL) {
        cuda->driver->cuStreamDestroy(cuda->leave);
    }
}
