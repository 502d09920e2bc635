/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams. */
#include "firmware/cuda/capture.h"

CUresult cuda_stream_of(struct cuda_context *context, CUstream handle, struct cuda_stream **stream)
{
    if (handle == NULL || handle == CU_STREAM_LEGACY) {
        *stream = &context->legacy;
        return CUDA_SUCCESS;
    }
    if (handle == CU_STREAM_PER_THREAD) {
        *stream = &context->per_thread;
        return CUDA_SUCCESS;
    }
    *stream = cuda_find(handle, CUDA_KIND_STREAM);
    if (*stream == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    return (*stream)->object.context == context ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

static CUresult enter(CUstream handle, struct cuda_stream **stream)
{
    struct cuda_context *context;

    return cuda_enter_context(&context) ?: cuda_stream_of(context, handle, stream);
}

/* ---- Their lives ---- */

/* Marks of a stream that is gone must not come behind those of a new one with its number. */
static uint32_t take_number(struct cuda_device *device)
{
    struct cuda_numbers *numbers = &device->numbers;

    for (uint32_t i = BG_CUDA_STREAM_FIRST; i < BG_CUDA_STREAMS_MAX; i++) {
        bool is_used = numbers->streams[i / 64] >> i % 64 & 1;

        if (!is_used &&
            (device->page == NULL || cuda_mark_has_passed(device, i, numbers->marks[i]))) {
            numbers->streams[i / 64] |= 1ull << i % 64;
            return i;
        }
    }
    return BG_CUDA_STREAMS_MAX;
}

/* Greater is less urgent. */
static int clamp_priority(const struct cuda_device *device, int priority)
{
    int least = device->info.least_priority, greatest = device->info.greatest_priority;

    return priority > least ? least : priority < greatest ? greatest : priority;
}

static CUresult create(struct cuda_context *context, struct cuda_stream *stream)
{
    struct cuda_device *device = context->device;
    struct bg_cuda_stream_create params = {
        .stream = take_number(device), .flags = stream->flags, .priority = stream->priority};
    CUresult result;

    if (params.stream == BG_CUDA_STREAMS_MAX) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    result = CUDA_PUT(device, BG_CUDA_STREAM_CREATE, params);
    if (result != CUDA_SUCCESS) {
        cuda_number_give(device->numbers.streams, params.stream);
        return result;
    }
    stream->number = params.stream;
    return CUDA_SUCCESS;
}

CUresult cuStreamCreateWithPriority(CUstream *handle, unsigned flags, int priority)
{
    struct cuda_context *context;
    struct cuda_stream *stream;
    CUresult result = cuda_enter_context(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (handle == NULL || (flags & ~(unsigned)CU_STREAM_NON_BLOCKING) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    stream = cuda_object_create(CUDA_KIND_STREAM, sizeof(*stream), context);
    if (stream == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    stream->flags = flags;
    stream->priority = clamp_priority(context->device, priority);
    stream->id = cuda_stream_next_id();
    result = create(context, stream);
    if (result != CUDA_SUCCESS) {
        cuda_object_destroy(&stream->object);
        return result;
    }
    *handle = stream->object.handle;
    return CUDA_SUCCESS;
}

CUresult cuStreamCreate(CUstream *handle, unsigned flags)
{
    return cuStreamCreateWithPriority(handle, flags, 0);
}

/* What was queued goes on; who waits for the context waits for it, too. */
void cuda_stream_destroy(struct cuda_object *object)
{
    struct cuda_stream *stream = (struct cuda_stream *)(void *)object;
    struct cuda_device *device = object->context->device;
    uint64_t mark;

    cuda_capture_leave(stream);
    if (cuda_is_alive(object->context) && device->page != NULL) {
        cuda_mark(device, stream->number, &mark);
    }
    cuda_retire(object, BG_CUDA_STREAM_DESTROY, device->numbers.streams, stream->number);
    cuda_free(stream->attributes);
    cuda_object_destroy(object);
}

CUresult cuStreamDestroy(CUstream handle)
{
    struct cuda_stream *stream = cuda_find(handle, CUDA_KIND_STREAM);
    CUresult result = cuda_enter();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (stream == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    cuda_stream_destroy(&stream->object);
    return CUDA_SUCCESS;
}

/* ---- Waiting ---- */

/* Not while it is captured. */
static CUresult enter_waiting(CUstream handle, struct cuda_stream **stream)
{
    struct cuda_context *context;

    return cuda_enter_context(&context)
               ?: cuda_capture_stream_of(context, handle, stream)
               ?: cuda_capture_refuse(*stream);
}

CUresult cuStreamSynchronize(CUstream handle)
{
    struct cuda_stream *stream;

    return enter_waiting(handle, &stream) ?: cuda_stream_wait(stream);
}

CUresult cuStreamQuery(CUstream handle)
{
    struct cuda_stream *stream;

    return enter_waiting(handle, &stream) ?: cuda_stream_look(stream);
}

/* ---- What they are asked ---- */

/* With a place for the answer. */
static CUresult enter_asked(CUstream handle, const void *answer, struct cuda_stream **stream)
{
    return enter(handle, stream) ?: answer == NULL ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

CUresult cuStreamGetPriority(CUstream handle, int *priority)
{
    struct cuda_stream *stream;
    CUresult result = enter_asked(handle, priority, &stream);

    if (result == CUDA_SUCCESS) {
        *priority = stream->priority;
    }
    return result;
}

CUresult cuStreamGetFlags(CUstream handle, unsigned *flags)
{
    struct cuda_stream *stream;
    CUresult result = enter_asked(handle, flags, &stream);

    if (result == CUDA_SUCCESS) {
        *flags = stream->flags;
    }
    return result;
}

CUresult cuStreamGetId(CUstream handle, unsigned long long *id)
{
    struct cuda_stream *stream;
    CUresult result = enter_asked(handle, id, &stream);

    if (result == CUDA_SUCCESS) {
        *id = stream->id;
    }
    return result;
}

/* Also of a stream of another context than the current one; with a place for the answer. */
static CUresult find_context(CUstream handle, const void *answer, struct cuda_context **context)
{
    CUresult result = cuda_enter_context(context);
    struct cuda_stream *stream;

    if (result == CUDA_SUCCESS && (uintptr_t)handle > (uintptr_t)CU_STREAM_PER_THREAD) {
        stream = cuda_find(handle, CUDA_KIND_STREAM);
        if (stream == NULL) {
            return CUDA_ERROR_INVALID_HANDLE;
        }
        *context = stream->object.context;
    }
    return result ?: answer == NULL ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

CUresult cuStreamGetCtx(CUstream handle, CUcontext *answer)
{
    struct cuda_context *context;
    CUresult result = find_context(handle, answer, &context);

    if (result == CUDA_SUCCESS) {
        *answer = context->object.handle;
    }
    return result;
}

CUresult cuStreamGetCtx_v2(CUstream handle, CUcontext *answer, CUgreenCtx *green)
{
    if (green != NULL) {
        *green = NULL;
    }
    return cuStreamGetCtx(handle, answer);
}

CUresult cuStreamGetDevice(CUstream handle, CUdevice *number)
{
    struct cuda_context *context;
    CUresult result = find_context(handle, number, &context);

    if (result == CUDA_SUCCESS) {
        *number = context->device->number;
    }
    return result;
}

/* ---- Attributes: kept, and nothing changes by them ---- */

static int attribute_place(CUstreamAttrID attribute)
{
    switch (attribute) {
    case CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW:
        return 0;
    case CU_LAUNCH_ATTRIBUTE_SYNCHRONIZATION_POLICY:
        return 1;
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN_MAP:
        return 2;
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN:
        return 3;
    default:
        return -1;
    }
}

#define ATTRIBUTES 4u

/* The values, from now on its own. */
static CUresult need_attributes(struct cuda_stream *stream)
{
    if (stream->attributes == NULL) {
        stream->attributes = cuda_alloc(ATTRIBUTES * sizeof(*stream->attributes));
    }
    return stream->attributes != NULL ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuStreamCopyAttributes(CUstream to_handle, CUstream from_handle)
{
    struct cuda_stream *to, *from;
    CUresult result = enter(to_handle, &to) ?: enter(from_handle, &from);

    if (result == CUDA_SUCCESS) {
        result = need_attributes(to) ?: need_attributes(from);
    }
    if (result == CUDA_SUCCESS) {
        memmove(to->attributes, from->attributes, ATTRIBUTES * sizeof(*to->attributes));
    }
    return result;
}

CUresult cuStreamGetAttribute(CUstream handle, CUstreamAttrID attribute, CUstreamAttrValue *value)
{
    struct cuda_stream *stream;
    CUresult result = enter(handle, &stream);
    int place = attribute_place(attribute);

    if (result == CUDA_SUCCESS && (value == NULL || place < 0)) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    result = result ?: need_attributes(stream);
    if (result == CUDA_SUCCESS) {
        *value = stream->attributes[place];
    }
    return result;
}

CUresult cuStreamSetAttribute(CUstream handle, CUstreamAttrID attribute,
                              const CUstreamAttrValue *value)
{
    struct cuda_stream *stream;
    CUresult result = enter(handle, &stream);
    int place = attribute_place(attribute);

    if (result == CUDA_SUCCESS && (value == NULL || place < 0)) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    result = result ?: need_attributes(stream);
    if (result == CUDA_SUCCESS) {
        stream->attributes[place] = *value;
    }
    return result;
}
