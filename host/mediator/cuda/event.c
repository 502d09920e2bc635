/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's events. */
#include "host/mediator/cuda/event.h"

#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/mark.h"
#include "host/mediator/cuda/stream.h"

CUevent cuda_event_find(const struct cuda_session *cuda, uint32_t handle)
{
    return handle < BG_CUDA_EVENTS_MAX ? cuda->events[handle] : NULL;
}

CUDA_COMMAND(cuda_run_event_create)
{
    const struct bg_cuda_event_create *create = call->params;
    const uint32_t known = CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING;

    if (create->event >= BG_CUDA_EVENTS_MAX || cuda->events[create->event] != NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (create->flags & ~known) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return cuda_check(cuda,
                      cuda->driver->cuEventCreate(&cuda->events[create->event], create->flags));
}

CUDA_COMMAND(cuda_run_event_destroy)
{
    const struct bg_cuda_handle *handle = call->params;
    CUevent event = cuda_event_find(cuda, handle->handle);

    if (event == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    cuda->events[handle->handle] = NULL;
    cuda->changes++;
    return cuda_check(cuda, cuda->driver->cuEventDestroy(event));
}

CUDA_COMMAND(cuda_run_event_record)
{
    const struct bg_cuda_event_record *record = call->params;
    CUevent event = cuda_event_find(cuda, record->event);
    CUstream stream;
    CUresult result =
        event != NULL ? cuda_stream_take(cuda, record->stream, &stream) : CUDA_ERROR_INVALID_HANDLE;

    result = result ?: cuda_check(cuda, cuda->driver->cuEventRecord(event, stream));
    if (result != CUDA_SUCCESS || record->mark == 0) {
        return result;
    }
    return cuda_mark(cuda, &(struct cuda_mark){.stream = record->stream, .value = record->mark});
}

CUDA_COMMAND(cuda_run_event_elapsed)
{
    const struct bg_cuda_event_elapsed *elapsed = call->params;
    CUevent start = cuda_event_find(cuda, elapsed->start);
    CUevent end = cuda_event_find(cuda, elapsed->end);
    float ms = 0;
    CUresult result = start != NULL && end != NULL
                          ? cuda_check(cuda, cuda->driver->cuEventElapsedTime(&ms, start, end))
                          : CUDA_ERROR_INVALID_HANDLE;

    return result ?: cuda_answer(call, &ms, sizeof(ms));
}

CUDA_COMMAND(cuda_run_event_query)
{
    const struct bg_cuda_handle *handle = call->params;
    CUevent event = cuda_event_find(cuda, handle->handle);

    return event != NULL ? cuda_check(cuda, cuda->driver->cuEventQuery(event))
                         : CUDA_ERROR_INVALID_HANDLE;
}

CUDA_COMMAND(cuda_run_event_sync)
{
    const struct bg_cuda_handle *handle = call->params;
    CUevent event = cuda_event_find(cuda, handle->handle);

    if (event == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    return cuda_check(cuda, cuda->driver->cuStreamWaitEvent(cuda->own, event, 0))
               ?: cuda_stream_wait(cuda, cuda->own);
}

CUDA_COMMAND(cuda_run_stream_wait)
{
    const struct bg_cuda_stream_event *wait = call->params;
    CUevent event = cuda_event_find(cuda, wait->event);
    CUstream stream;
    CUresult result =
        event != NULL ? cuda_stream_take(cuda, wait->stream, &stream) : CUDA_ERROR_INVALID_HANDLE;

    return result ?: cuda_check(cuda, cuda->driver->cuStreamWaitEvent(stream, event, 0));
}

void cuda_events_destroy(struct cuda_session *cuda)
{
    for (uint32_t i = 0; i < BG_CUDA_EVENTS_MAX; i++) {
        if (cuda->events[i] != NULL) {
            cuda->driver->cuEventDestroy(cuda->events[i]);
        }
    }
}
