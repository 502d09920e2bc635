/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for streams: by marks in the page, or, on a carrier without one, by asking. What is
 * waited for has no time of its own; the wait ends with the session at the latest. It sleeps where
 * the device's waits do.
 */
#include "firmware/cuda/capture.h"
#include "firmware/cuda/host.h"

/* Looks at a mark for one at everything else. */
#define LOOKS 64u

/* ---- Marks ---- */

CUresult cuda_mark(struct cuda_device *device, uint32_t stream, uint64_t *value)
{
    struct cuda_numbers *numbers = &device->numbers;
    const struct bg_cuda_mark params = {.stream = stream, .value = numbers->marks[stream] + 1};
    CUresult result = CUDA_PUT(device, BG_CUDA_STREAM_MARK, params);

    if (result == CUDA_SUCCESS) {
        numbers->marks[stream]++;
        numbers->is_queued[stream] = false;
    }
    *value = numbers->marks[stream];
    return result;
}

CUresult cuda_mark_host(struct cuda_device *device, uint32_t stream, uint64_t *value)
{
    struct cuda_numbers *numbers = &device->numbers;
    const struct bg_cuda_mark params = {.stream = stream, .value = numbers->marks[stream] + 1};
    CUresult result = CUDA_PUT_IN(device, stream, BG_CUDA_STREAM_HOST, params);

    numbers->marks[stream] += result == CUDA_SUCCESS ? 1 : 0;
    *value = numbers->marks[stream];
    return result;
}

/* One that was destroyed has its last mark. */
CUresult cuda_mark_end(struct cuda_device *device, uint32_t stream, uint64_t *value)
{
    const struct cuda_numbers *numbers = &device->numbers;
    bool is_used = numbers->streams[stream / 64] >> stream % 64 & 1;

    *value = numbers->marks[stream];
    return is_used && numbers->is_queued[stream] ? cuda_mark(device, stream, value) : CUDA_SUCCESS;
}

bool cuda_mark_has_passed(struct cuda_device *device, uint32_t stream, uint64_t value)
{
    return bg_load_acquire64(&device->page->completed[stream]) >= value;
}

struct mark_wait {
    struct cuda_device *device;
    uint32_t stream;
    uint64_t value;
    CUresult result; /* what ended it instead */
};

static int look_for_mark(void *context)
{
    struct mark_wait *wait = context;

    for (unsigned i = 0; i < LOOKS; i++) {
        if (cuda_mark_has_passed(wait->device, wait->stream, wait->value)) {
            return 1;
        }
    }
    wait->result = cuda_poll(wait->device);
    return wait->result == CUDA_SUCCESS ? 0 : BG_ERR_UNAVAILABLE;
}

CUresult cuda_mark_wait(struct cuda_device *device, uint32_t stream, uint64_t value)
{
    struct mark_wait wait = {.device = device, .stream = stream, .value = value};
    const struct bg_wait_loop loop = {.look = look_for_mark, .context = &wait};

    /* Of most streams, when all are waited for. */
    if (cuda_mark_has_passed(device, stream, value)) {
        return CUDA_SUCCESS;
    }
    return device->carrier->wait(device, &loop) > 0 ? CUDA_SUCCESS
                                                    : wait.result ?: cuda_check(device);
}

CUresult cuda_poll(struct cuda_device *device)
{
    CUresult result = cuda_check(device);

    if (result == CUDA_SUCCESS) {
        cuda_host_poll(device);
    }
    return result;
}

/* ---- Streams ---- */

CUresult cuda_wait_end(struct cuda_device *device, CUresult result)
{
    cuda_print(device);
    return result ?: cuda_check(device) ?: cuda_take_failure(device);
}

static CUresult ask_sync(struct cuda_device *device, uint32_t stream)
{
    const struct bg_cuda_handle params = {stream};

    return cuda_ask(device, BG_CUDA_STREAM_SYNC, &params, sizeof(params), NULL, 0);
}

/* The legacy stream waits for all blocking ones: who asks about these afterwards is to find marks
 * that have passed. */
static CUresult mark_blocking(struct cuda_context *context)
{
    struct cuda_device *device = context->device;
    struct cuda_object *object = NULL;
    uint64_t mark;
    CUresult result = cuda_mark_end(device, context->per_thread.number, &mark);

    while (result == CUDA_SUCCESS &&
           (object = cuda_object_next(CUDA_KIND_STREAM, context, object)) != NULL) {
        const struct cuda_stream *stream = (const struct cuda_stream *)(void *)object;

        if (!(stream->flags & CU_STREAM_NON_BLOCKING)) {
            result = cuda_mark_end(device, stream->number, &mark);
        }
    }
    return result;
}

CUresult cuda_stream_wait(struct cuda_stream *stream)
{
    struct cuda_device *device = stream->object.context->device;
    CUresult result = CUDA_SUCCESS;
    uint64_t mark;

    if (device->page == NULL) {
        return cuda_wait_end(device, ask_sync(device, stream->number));
    }
    /* A mark in the legacy stream is behind what all blocking streams have. */
    if (stream->number == BG_CUDA_STREAM_LEGACY) {
        device->numbers.is_queued[stream->number] = true;
        result = mark_blocking(stream->object.context);
    }
    result = result ?: cuda_mark_end(device, stream->number, &mark)
                 ?: cuda_mark_wait(device, stream->number, mark);
    return cuda_wait_end(device, result);
}

CUresult cuda_stream_look(struct cuda_stream *stream)
{
    struct cuda_device *device = stream->object.context->device;
    const struct bg_cuda_handle params = {stream->number};
    CUresult result;
    uint64_t mark;

    if (device->page == NULL) {
        return cuda_ask(device, BG_CUDA_STREAM_QUERY, &params, sizeof(params), NULL, 0);
    }
    result = cuda_mark_end(device, stream->number, &mark) ?: cuda_poll(device);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    return cuda_mark_has_passed(device, stream->number, mark) ? cuda_take_failure(device)
                                                              : CUDA_ERROR_NOT_READY;
}

/* Also streams that were destroyed: their work goes on, up to the mark that was put then. */
CUresult cuda_context_wait(struct cuda_context *context)
{
    struct cuda_device *device = context->device;
    const struct cuda_numbers *numbers = &device->numbers;
    CUresult result = CUDA_SUCCESS;
    uint64_t mark;

    if (device->page == NULL) {
        return cuda_wait_end(device, ask_sync(device, BG_CUDA_ALL));
    }
    for (uint32_t i = 0; i < BG_CUDA_STREAMS_MAX && result == CUDA_SUCCESS; i++) {
        result = cuda_mark_end(device, i, &mark);
    }
    for (uint32_t i = 0; i < BG_CUDA_STREAMS_MAX && result == CUDA_SUCCESS; i++) {
        result = cuda_mark_wait(device, i, numbers->marks[i]);
    }
    return cuda_wait_end(device, result);
}
