/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions of the program in the middle of a stream. The worker's stream stands still behind a
 * mark until this side says that the function has run, which it does in the next call that waits or
 * asks. Without a page the stream is waited for, and the function runs at the call.
 */
#include "firmware/cuda/host.h"

#include "firmware/cuda/capture.h"

struct cuda_host_call {
    struct cuda_host_call *next;
    struct cuda_device *device;
    uint32_t stream;
    uint64_t mark; /* when this one passes it is due */
    CUDA_HOST_NODE_PARAMS host;
    CUstreamCallback callback; /* instead of host.fn: with the stream, and what became of it */
    CUstream handle;
};

/* In the order in which they were asked for; so in that of each stream. */
static struct cuda_host_call *first, **last = &first;

static void run(const struct cuda_host_call *call, CUresult error)
{
    cuda.is_in_callback = true;
    if (call->callback != NULL) {
        call->callback(call->handle, error, call->host.userData);
    } else if (error == CUDA_SUCCESS) {
        call->host.fn(call->host.userData);
    }
    cuda.is_in_callback = false;
}

static struct cuda_host_call *take(struct cuda_host_call **place)
{
    struct cuda_host_call *call = *place;

    *place = call->next;
    if (last == &call->next) {
        last = place;
    }
    return call;
}

void cuda_host_poll(struct cuda_device *device)
{
    struct cuda_host_call **place = &first;

    while (*place != NULL) {
        struct cuda_host_call *call = *place;

        if (call->device != device || !cuda_mark_has_passed(device, call->stream, call->mark)) {
            place = &call->next;
            continue;
        }
        run(take(place), CUDA_SUCCESS);
        bg_store_release64(&device->page->acknowledged[call->stream], call->mark);
        cuda_free(call);
    }
}

void cuda_host_lose(struct cuda_device *device, CUresult error)
{
    struct cuda_host_call **place = &first;

    while (*place != NULL) {
        struct cuda_host_call *call = *place;

        if (call->device != device) {
            place = &call->next;
            continue;
        }
        run(take(place), error);
        cuda_free(call);
    }
}

void cuda_host_reset(void)
{
    first = NULL;
    last = &first;
}

/* ---- Asking for one ---- */

static CUresult queue(struct cuda_stream *stream, const struct cuda_host_call *asked)
{
    struct cuda_device *device = stream->object.context->device;
    struct cuda_host_call *call = cuda_alloc(sizeof(*call));
    CUresult result;

    if (call == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *call = *asked;
    call->device = device;
    call->stream = stream->number;
    result = cuda_mark_host(device, stream->number, &call->mark);
    if (result != CUDA_SUCCESS) {
        cuda_free(call);
        return result;
    }
    *last = call;
    last = &call->next;
    return CUDA_SUCCESS;
}

static CUresult start(struct cuda_stream *stream, const struct cuda_host_call *asked)
{
    CUresult result;

    if (stream->object.context->device->page != NULL) {
        return queue(stream, asked);
    }
    result = cuda_stream_wait(stream);
    run(asked, result);
    return result;
}

CUresult cuda_host_launch(struct cuda_stream *stream, const CUDA_HOST_NODE_PARAMS *host)
{
    return start(stream, &(struct cuda_host_call){.host = *host});
}

static CUresult enter(CUstream handle, struct cuda_stream **stream)
{
    struct cuda_context *context;

    return cuda_enter_context(&context) ?: cuda_capture_stream_of(context, handle, stream);
}

CUresult cuLaunchHostFunc(CUstream handle, CUhostFn function, void *user_data)
{
    const CUDA_HOST_NODE_PARAMS host = {function, user_data};
    struct cuda_stream *stream;
    CUresult result = enter(handle, &stream);

    if (result != CUDA_SUCCESS || function == NULL) {
        return result ?: CUDA_ERROR_INVALID_VALUE;
    }
    return stream->capture != NULL ? cuda_capture_add(stream, CU_GRAPH_NODE_TYPE_HOST, &host, false)
                                   : cuda_host_launch(stream, &host);
}

CUresult cuStreamAddCallback(CUstream handle, CUstreamCallback callback, void *user_data,
                             unsigned flags)
{
    struct cuda_stream *stream;
    CUresult result = enter(handle, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (callback == NULL || flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return cuda_capture_refuse(stream)
               ?: start(stream, &(struct cuda_host_call){.host.userData = user_data,
                                                         .callback = callback,
                                                         .handle = handle});
}
