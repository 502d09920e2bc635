/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/leave.h"

#include <stdlib.h>

#include "host/mediator/cuda/mark.h"
#include "host/mediator/cuda/stream.h"

/* In the order in which they go: all wait in one stream. */
struct cuda_leaving {
    struct cuda_leaving *next;
    CUevent after;         /* NULL: nothing but that no stream is busy */
    cuda_release *release; /* NULL: memory that the driver frees by itself */
    uint64_t object;
    uint64_t size;
};

static uint32_t cost(const struct cuda_leaving *leaving)
{
    return leaving->release != NULL ? BG_CUDA_LEAVING_OBJECT : 1;
}

static CUresult finish(struct cuda_session *cuda, const struct cuda_leaving *gone)
{
    CUresult result = CUDA_SUCCESS;

    if (gone->release != NULL) {
        result = cuda_check(cuda, gone->release(cuda, gone->object));
    }
    if (gone->after != NULL) {
        cuda->driver->cuEventDestroy(gone->after);
    }
    session_release(cuda->session, gone->size);
    return result;
}

static void put_in(struct cuda_session *cuda, struct cuda_leaving *leaving)
{
    *cuda->leaving_end = leaving;
    cuda->leaving_end = &leaving->next;
    cuda->leaving_cost += cost(leaving);
}

static CUresult record(struct cuda_session *cuda, struct cuda_leaving *leaving)
{
    const struct cuda_driver *driver = cuda->driver;

    return driver->cuEventCreate(&leaving->after, CU_EVENT_DISABLE_TIMING)
               ?: driver->cuEventRecord(leaving->after, cuda->leave);
}

/* A place for what may leave later; NULL: nothing works, or there is no memory for it. */
static struct cuda_leaving *begin(struct cuda_session *cuda, const struct cuda_leaving *gone)
{
    struct cuda_leaving *leaving = NULL;

    cuda_streams_look(cuda);
    if (cuda_stream_is_busy(cuda, BG_CUDA_ALL)) {
        leaving = calloc(1, sizeof(*leaving));
    }
    if (leaving != NULL) {
        *leaving = *gone;
    }
    return leaving;
}

/* What cannot be put off. Where the wait ends with an error it stays as long as the process: a
 * stream may still be held, which the driver would wait for. */
static CUresult leave_now(struct cuda_session *cuda, const struct cuda_leaving *gone)
{
    return cuda_streams_wait(cuda) ?: finish(cuda, gone);
}

/* It leaves after what was joined; where that has failed, later. An error that ends the session is
 * the next command's. */
static CUresult end(struct cuda_session *cuda, struct cuda_leaving *leaving, CUresult joined)
{
    joined = joined ?: record(cuda, leaving);
    if (joined != CUDA_SUCCESS && leaving->after != NULL) {
        cuda->driver->cuEventDestroy(leaving->after);
        leaving->after = NULL;
    }
    put_in(cuda, leaving);
    cuda_check(cuda, joined);
    return CUDA_SUCCESS;
}

static CUresult free_memory(struct cuda_session *cuda, uint64_t address)
{
    return cuda->driver->cuMemFree(address);
}

/* With a stream it is freed there, else where all is waited for. */
static CUresult free_later(struct cuda_session *cuda, struct cuda_leaving *leaving, uint32_t stream)
{
    bool is_ordered = stream != BG_CUDA_ALL;
    CUstream freeing = is_ordered ? cuda->streams[stream].stream : cuda->leave;
    CUresult result = CUDA_SUCCESS;

    if (is_ordered) {
        cuda->streams[stream].is_busy = true;
    } else {
        result = cuda_streams_join(cuda, BG_CUDA_ALL, freeing);
    }
    result = result ?: cuda->driver->cuMemFreeAsync(leaving->object, freeing);
    if (result == CUDA_SUCCESS) {
        leaving->release = NULL;
    }
    return result == CUDA_SUCCESS && is_ordered ? cuda_streams_join(cuda, stream, cuda->leave)
                                                : result;
}

CUresult cuda_leave_memory(struct cuda_session *cuda, uint64_t address, uint64_t size,
                           uint32_t stream)
{
    const struct cuda_leaving gone = {.release = free_memory, .object = address, .size = size};
    struct cuda_leaving *leaving = begin(cuda, &gone);

    return leaving != NULL ? end(cuda, leaving, free_later(cuda, leaving, stream))
                           : leave_now(cuda, &gone);
}

CUresult cuda_leave_object(struct cuda_session *cuda, cuda_release *release, uint64_t object,
                           uint64_t size)
{
    const struct cuda_leaving gone = {.release = release, .object = object, .size = size};
    struct cuda_leaving *leaving = begin(cuda, &gone);

    return leaving != NULL ? end(cuda, leaving, cuda_streams_join(cuda, BG_CUDA_ALL, cuda->leave))
                           : leave_now(cuda, &gone);
}

static void finish_first(struct cuda_session *cuda)
{
    struct cuda_leaving *leaving = cuda->leaving;

    cuda->leaving = leaving->next;
    cuda->leaving_cost -= cost(leaving);
    if (cuda->leaving == NULL) {
        cuda->leaving_end = &cuda->leaving;
    }
    finish(cuda, leaving);
    free(leaving);
}

/* To give an object back the driver waits for all streams, what they were given since too. */
static bool may_go(struct cuda_session *cuda, const struct cuda_leaving *leaving)
{
    if ((leaving->release != NULL || leaving->after == NULL) &&
        cuda_stream_is_busy(cuda, BG_CUDA_ALL)) {
        return false;
    }
    return leaving->after == NULL ||
           cuda_check(cuda, cuda->driver->cuEventQuery(leaving->after)) != CUDA_ERROR_NOT_READY;
}

bool cuda_leave_look(struct cuda_session *cuda)
{
    while (cuda->leaving != NULL && may_go(cuda, cuda->leaving)) {
        finish_first(cuda);
    }
    return cuda->leaving != NULL;
}

static void finish_all(struct cuda_session *cuda)
{
    while (cuda->leaving != NULL) {
        finish_first(cuda);
    }
}

/* Where the wait ends with an error a stream may still be held, which the driver would wait for. */
void cuda_leave_settle(struct cuda_session *cuda)
{
    if (cuda->leaving != NULL &&
        (cuda_streams_wait(cuda) ?: cuda_stream_wait(cuda, cuda->leave)) == CUDA_SUCCESS) {
        finish_all(cuda);
    }
}

bool cuda_leave_has_room(struct cuda_session *cuda)
{
    if (cuda->leaving_cost >= BG_CUDA_LEAVING_MAX) {
        cuda_streams_look(cuda);
    }
    if (cuda->leaving_cost >= BG_CUDA_LEAVING_MAX && !cuda_marks_hold(cuda, BG_CUDA_ALL)) {
        cuda_leave_settle(cuda);
    }
    return cuda->leaving_cost < BG_CUDA_LEAVING_MAX;
}

/* Also what streams free by themselves. */
bool cuda_leave_makes_room(struct cuda_session *cuda, CUresult result)
{
    if (result != CUDA_ERROR_OUT_OF_MEMORY || cuda_streams_wait(cuda) != CUDA_SUCCESS) {
        return false;
    }
    cuda_leave_settle(cuda);
    return true;
}

void cuda_leave_destroy(struct cuda_session *cuda)
{
    cuda_leave_settle(cuda);
    finish_all(cuda); /* no stream is held any more */
    if (cuda->leave != NULL) {
        cuda->driver->cuStreamDestroy(cuda->leave);
    }
}
