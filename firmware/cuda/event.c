/* SPDX-License-Identifier: BSD-2-Clause */
/* Events. One that was recorded is a mark of its stream, which this side can read by itself. */
#include "firmware/cuda/capture.h"

#define FLAGS ((unsigned)(CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING | CU_EVENT_INTERPROCESS))

/* The event's context need not be the current one. */
static CUresult enter(CUevent handle, struct cuda_event **event)
{
    CUresult result = cuda_enter();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    *event = cuda_find(handle, CUDA_KIND_EVENT);
    return *event != NULL ? (*event)->object.context->error : CUDA_ERROR_INVALID_HANDLE;
}

static struct cuda_device *device_of(const struct cuda_event *event)
{
    return event->object.context->device;
}

/* ---- Their lives ---- */

static CUresult create(struct cuda_event *event)
{
    struct cuda_device *device = device_of(event);
    const struct bg_cuda_event_create params = {
        .event = cuda_number_take(device->numbers.events, BG_CUDA_EVENTS_MAX),
        .flags = event->flags,
    };
    CUresult result;

    if (params.event == BG_CUDA_EVENTS_MAX) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    event->number = params.event;
    result = CUDA_PUT(device, BG_CUDA_EVENT_CREATE, params);
    if (result != CUDA_SUCCESS) {
        cuda_number_give(device->numbers.events, params.event);
    }
    return result;
}

CUresult cuEventCreate(CUevent *handle, unsigned flags)
{
    struct cuda_context *context;
    struct cuda_event *event;
    CUresult result = cuda_enter_context(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (handle == NULL || (flags & ~FLAGS) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (flags & CU_EVENT_INTERPROCESS) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    event = cuda_object_create(CUDA_KIND_EVENT, sizeof(*event), context);
    if (event == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    event->flags = flags;
    result = create(event);
    if (result != CUDA_SUCCESS) {
        cuda_object_destroy(&event->object);
        return result;
    }
    *handle = event->object.handle;
    return CUDA_SUCCESS;
}

void cuda_event_destroy(struct cuda_object *object)
{
    struct cuda_event *event = (struct cuda_event *)(void *)object;

    cuda_capture_forget(event);
    cuda_retire(object, BG_CUDA_EVENT_DESTROY, device_of(event)->numbers.events, event->number);
    cuda_object_destroy(object);
}

CUresult cuEventDestroy(CUevent handle)
{
    struct cuda_event *event = cuda_find(handle, CUDA_KIND_EVENT);
    CUresult result = cuda_enter();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (event == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    cuda_event_destroy(&event->object);
    return CUDA_SUCCESS;
}

/* ---- In streams ---- */

CUresult cuda_event_record(struct cuda_event *event, struct cuda_stream *stream)
{
    struct cuda_device *device = device_of(event);
    uint64_t *mark = &device->numbers.marks[stream->number];
    const struct bg_cuda_event_record params = {
        .event = event->number,
        .stream = stream->number,
        .mark = device->page != NULL ? *mark + 1 : 0,
    };
    CUresult result = CUDA_PUT(device, BG_CUDA_EVENT_RECORD, params);

    if (result == CUDA_SUCCESS) {
        *mark += device->page != NULL ? 1 : 0;
        device->numbers.is_queued[stream->number] = false;
        event->is_recorded = true;
        event->stream = stream->number;
        event->mark = *mark;
        cuda_capture_forget(event);
    }
    return result;
}

/* By a graph that was put into the stream. */
CUresult cuda_event_set_recorded(struct cuda_event *event, struct cuda_stream *stream)
{
    struct cuda_device *device = device_of(event);
    CUresult result = CUDA_SUCCESS;

    if (device->page != NULL) {
        result = cuda_mark_end(device, stream->number, &event->mark);
    }
    if (result == CUDA_SUCCESS) {
        event->is_recorded = true;
        event->stream = stream->number;
        cuda_capture_forget(event);
    }
    return result;
}

static CUresult find_both(CUevent event_handle, CUstream stream_handle, struct cuda_event **event,
                          struct cuda_stream **stream)
{
    struct cuda_context *context;
    CUresult result = cuda_enter_context(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    *event = cuda_find(event_handle, CUDA_KIND_EVENT);
    return *event != NULL ? cuda_capture_stream_of(context, stream_handle, stream)
                          : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuEventRecordWithFlags(CUevent event_handle, CUstream stream_handle, unsigned flags)
{
    struct cuda_event *event;
    struct cuda_stream *stream;
    CUresult result = find_both(event_handle, stream_handle, &event, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (flags != CU_EVENT_RECORD_DEFAULT && flags != CU_EVENT_RECORD_EXTERNAL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (event->object.context != stream->object.context) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (stream->capture != NULL) {
        return flags == CU_EVENT_RECORD_EXTERNAL
                   ? cuda_capture_add(stream, CU_GRAPH_NODE_TYPE_EVENT_RECORD, event_handle, false)
                   : cuda_capture_record(stream, event);
    }
    return cuda_event_record(event, stream);
}

CUresult cuEventRecord(CUevent event, CUstream stream)
{
    return cuEventRecordWithFlags(event, stream, CU_EVENT_RECORD_DEFAULT);
}

/* ---- Waiting ---- */

/* One that was recorded in a capture is no point in time. */
static CUresult enter_recorded(CUevent handle, struct cuda_event **event)
{
    CUresult result = enter(handle, event);

    return result == CUDA_SUCCESS && (*event)->capture != NULL ? CUDA_ERROR_CAPTURED_EVENT : result;
}

static CUresult look(struct cuda_event *event)
{
    struct cuda_device *device = device_of(event);
    const struct bg_cuda_handle params = {event->number};

    if (!event->is_recorded) {
        return CUDA_SUCCESS;
    }
    if (device->page == NULL) {
        return cuda_ask(device, BG_CUDA_EVENT_QUERY, &params, sizeof(params), NULL, 0);
    }
    return cuda_poll(device)
               ?: cuda_mark_has_passed(device, event->stream, event->mark) ? CUDA_SUCCESS
                                                                           : CUDA_ERROR_NOT_READY;
}

CUresult cuda_event_wait(struct cuda_event *event)
{
    struct cuda_device *device = device_of(event);
    const struct bg_cuda_handle params = {event->number};
    CUresult result;

    if (!event->is_recorded) {
        return CUDA_SUCCESS;
    }
    result = device->page == NULL
                 ? cuda_ask(device, BG_CUDA_EVENT_SYNC, &params, sizeof(params), NULL, 0)
                 : cuda_mark_wait(device, event->stream, event->mark);
    return cuda_wait_end(device, result);
}

CUresult cuEventQuery(CUevent handle)
{
    struct cuda_event *event;

    return enter_recorded(handle, &event) ?: look(event);
}

CUresult cuEventSynchronize(CUevent handle)
{
    struct cuda_event *event;

    return enter_recorded(handle, &event) ?: cuda_event_wait(event);
}

CUresult cuda_stream_wait_event(struct cuda_stream *stream, struct cuda_event *event)
{
    struct cuda_device *device = stream->object.context->device;
    const struct bg_cuda_stream_event params = {stream->number, event->number};

    if (!event->is_recorded) {
        return CUDA_SUCCESS;
    }
    /* No worker hears of another's events. */
    return device == device_of(event)
               ? CUDA_PUT_IN(device, stream->number, BG_CUDA_STREAM_WAIT, params)
               : cuda_event_wait(event);
}

CUresult cuStreamWaitEvent(CUstream stream_handle, CUevent event_handle, unsigned flags)
{
    struct cuda_event *event;
    struct cuda_stream *stream;
    CUresult result = find_both(event_handle, stream_handle, &event, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (flags != CU_EVENT_WAIT_DEFAULT && flags != CU_EVENT_WAIT_EXTERNAL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (stream->capture != NULL && flags == CU_EVENT_WAIT_EXTERNAL) {
        return cuda_capture_add(stream, CU_GRAPH_NODE_TYPE_WAIT_EVENT, event_handle, false);
    }
    return stream->capture != NULL || event->capture != NULL
               ? cuda_capture_wait(stream, event)
               : cuda_stream_wait_event(stream, event);
}

/* ---- Times ---- */

CUresult cuEventElapsedTime(float *ms, CUevent start_handle, CUevent end_handle)
{
    struct cuda_event *start, *end;
    struct bg_cuda_event_elapsed params;
    CUresult result = enter_recorded(start_handle, &start) ?: enter_recorded(end_handle, &end);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (ms == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (!start->is_recorded || !end->is_recorded || device_of(start) != device_of(end) ||
        ((start->flags | end->flags) & CU_EVENT_DISABLE_TIMING)) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    result = look(start) ?: look(end);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    params = (struct bg_cuda_event_elapsed){start->number, end->number};
    return cuda_ask(device_of(start), BG_CUDA_EVENT_ELAPSED, &params, sizeof(params), ms,
                    sizeof(*ms));
}
