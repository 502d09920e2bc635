/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/driver/event.h"

#include <stdlib.h>

#include "host/common/clock.h"
#include "host/cuda-cpu/driver/capture.h"
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/print.h"
#include "host/cuda-cpu/driver/stream.h"

#define FLAGS (CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING)

struct event *event_of_handle(CUevent handle)
{
    return object_find(handle, OBJECT_EVENT);
}

void event_set(struct event *event, struct task *task)
{
    struct task *before = event->recorded;

    event->recorded = task_retain(task);
    capture_clear_place(&event->place);
    task_release(before);
}

void event_destroy(struct event *event)
{
    struct event **place = &event->context->events;

    while (*place != event) {
        place = &(*place)->next;
    }
    *place = event->next;
    capture_clear_place(&event->place);
    task_release(event->recorded);
    object_remove(&event->object);
    free(event);
}

static CUresult create(struct context *context, CUevent *handle, unsigned flags)
{
    struct event *event;

    if (handle == NULL || (flags & ~(unsigned)(FLAGS | CU_EVENT_INTERPROCESS)) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (flags & CU_EVENT_INTERPROCESS) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    event = calloc(1, sizeof(*event));
    if (event == NULL || !object_add(&event->object, OBJECT_EVENT)) {
        free(event);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    event->context = context;
    event->flags = flags;
    event->next = context->events;
    context->events = event;
    *handle = (CUevent)event;
    return CUDA_SUCCESS;
}

CUresult cuEventCreate(CUevent *event, unsigned flags)
{
    return IN_CONTEXT(create(context, event, flags));
}

static CUresult destroy_handle(CUevent handle)
{
    struct event *event = event_of_handle(handle);

    if (event == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    event_destroy(event);
    return CUDA_SUCCESS;
}

CUresult cuEventDestroy(CUevent event)
{
    return IN_DRIVER(destroy_handle(event));
}

CUresult event_record(struct context *context, CUevent handle, CUstream stream_handle)
{
    struct event *event = event_of_handle(handle);
    struct stream *stream;
    struct task *task;
    CUresult result = stream_of_handle(context, stream_handle, &stream);

    if (event == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (event->context != context) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (stream->capture != NULL) {
        return capture_record(stream, event);
    }
    task = task_create(sizeof(*task), context, NULL);
    if (task == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    event_set(event, task);
    return stream_do(stream, task, false);
}

CUresult cuEventRecord(CUevent event, CUstream stream)
{
    return IN_CONTEXT(event_record(context, event, stream));
}

CUresult cuEventRecordWithFlags(CUevent event, CUstream stream, unsigned flags)
{
    if (flags != CU_EVENT_RECORD_DEFAULT && flags != CU_EVENT_RECORD_EXTERNAL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return cuEventRecord(event, stream);
}

static CUresult query(CUevent handle)
{
    const struct event *event = event_of_handle(handle);

    if (event == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (event->place.id != 0) {
        return CUDA_ERROR_CAPTURED_EVENT;
    }
    if (event->recorded == NULL || event->recorded->done) {
        return event->context->error;
    }
    return CUDA_ERROR_NOT_READY;
}

CUresult cuEventQuery(CUevent event)
{
    return driver_yield(IN_DRIVER(query(event)));
}

static CUresult synchronize(CUevent handle)
{
    struct event *event = event_of_handle(handle);
    struct context *context;
    struct task *task;

    if (event == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (event->place.id != 0) {
        return CUDA_ERROR_CAPTURED_EVENT;
    }
    context = event->context;
    if (event->recorded != NULL) {
        task = task_retain(event->recorded);
        task_wait(task);
        task_release(task);
        print_flush(context);
    }
    return context->error;
}

CUresult cuEventSynchronize(CUevent event)
{
    return IN_DRIVER(synchronize(event));
}

static CUresult elapsed_time(float *ms, CUevent start_handle, CUevent end_handle)
{
    const struct event *start = event_of_handle(start_handle), *end = event_of_handle(end_handle);

    if (ms == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (start == NULL || end == NULL || start->recorded == NULL || end->recorded == NULL ||
        ((start->flags | end->flags) & CU_EVENT_DISABLE_TIMING)) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (!start->recorded->done || !end->recorded->done) {
        return CUDA_ERROR_NOT_READY;
    }
    *ms = (float)((double)(int64_t)(end->recorded->end_ns - start->recorded->end_ns) /
                  (double)NS_PER_MS);
    return end->context->error;
}

CUresult cuEventElapsedTime(float *ms, CUevent start, CUevent end)
{
    return IN_DRIVER(elapsed_time(ms, start, end));
}

static CUresult wait_event(struct context *context, CUstream stream_handle, CUevent handle)
{
    struct event *event = event_of_handle(handle);
    struct stream *stream;
    struct task *task;
    CUresult result = stream_of_handle(context, stream_handle, &stream);

    if (event == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (stream->capture != NULL || event->place.id != 0) {
        return capture_wait(stream, event);
    }
    if (event->recorded == NULL) {
        return CUDA_SUCCESS;
    }
    task = task_create(sizeof(*task), context, NULL);
    if (task == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    task_follow(task, event->recorded);
    return stream_do(stream, task, false);
}

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags)
{
    if (flags != CU_EVENT_WAIT_DEFAULT && flags != CU_EVENT_WAIT_EXTERNAL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return IN_CONTEXT(wait_event(context, stream, event));
}
