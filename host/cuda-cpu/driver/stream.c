/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/driver/stream.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/driver/allocation.h"
#include "host/cuda-cpu/driver/capture.h"
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/extension.h"

static uint64_t next_id = 1;

static CUresult create(struct context *context, unsigned flags, struct stream **result)
{
    struct stream *stream = calloc(1, sizeof(*stream));

    if (stream == NULL || !object_add(&stream->object, OBJECT_STREAM)) {
        free(stream);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    stream->context = context;
    stream->flags = flags;
    stream->id = next_id++;
    stream->next = context->streams;
    context->streams = stream;
    *result = stream;
    return CUDA_SUCCESS;
}

/* What was submitted goes on; who waits for the context waits for it, too. */
static void leave_work(struct context *context, struct task *last)
{
    struct task *task, *before = context->left;

    if (last == NULL || last->done) {
        return;
    }
    task = task_create(sizeof(*task), context, NULL);
    if (task == NULL) {
        task_wait(last);
        return;
    }
    task_follow(task, before);
    task_follow(task, last);
    context->left = task_retain(task);
    task_release(before);
    task_submit(task);
    task_release(task);
}

void stream_destroy(struct stream *stream)
{
    struct stream **place = &stream->context->streams;

    while (*place != stream) {
        place = &(*place)->next;
    }
    *place = stream->next;
    capture_leave(stream);
    leave_work(stream->context, stream->last);
    task_release(stream->last);
    object_remove(&stream->object);
    free(stream);
}

/* ---- Handles ---- */

static CUresult find_legacy(struct context *context, struct stream **stream)
{
    CUresult result = CUDA_SUCCESS;

    if (context->legacy == NULL) {
        result = create(context, CU_STREAM_DEFAULT, &context->legacy);
    }
    *stream = context->legacy;
    return result;
}

static CUresult find_per_thread(struct context *context, struct stream **result)
{
    CUresult created;

    for (struct stream *stream = context->streams; stream != NULL; stream = stream->next) {
        if (stream->thread == driver_thread()) {
            *result = stream;
            return CUDA_SUCCESS;
        }
    }
    created = create(context, CU_STREAM_DEFAULT, result);
    if (created == CUDA_SUCCESS) {
        (*result)->thread = driver_thread();
    }
    return created;
}

CUresult stream_of_handle(struct context *context, CUstream handle, struct stream **stream)
{
    handle = handle != NULL ? handle : driver_default_stream;
    if (handle == CU_STREAM_LEGACY) {
        return find_legacy(context, stream);
    }
    if (handle == CU_STREAM_PER_THREAD) {
        return find_per_thread(context, stream);
    }
    *stream = object_find(handle, OBJECT_STREAM);
    if (*stream == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    return (*stream)->context == context ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

/* ---- Work ---- */

/* The legacy stream waits for all blocking ones, and these wait for it. */
static void follow_others(const struct stream *stream, struct task *task)
{
    const struct context *context = stream->context;

    if (stream->flags & CU_STREAM_NON_BLOCKING) {
        return;
    }
    if (stream != context->legacy) {
        task_follow(task, context->legacy != NULL ? context->legacy->last : NULL);
        return;
    }
    task_follow(task, context->left);
    for (struct stream *other = context->streams; other != NULL; other = other->next) {
        if (!(other->flags & CU_STREAM_NON_BLOCKING) && other != stream) {
            task_follow(task, other->last);
        }
    }
}

void stream_submit(struct stream *stream, struct task *task)
{
    struct task *before = stream->last;

    task->stream = stream;
    task->at_call = (stream->flags & CUDA_CPU_STREAM_AT_CALL) != 0;
    task_follow(task, before);
    follow_others(stream, task);
    stream->last = task_retain(task);
    task_release(before);
    task_submit(task);
}

CUresult stream_do(struct stream *stream, struct task *task, bool wait)
{
    struct context *context = stream->context;
    CUresult result;

    if (stream->capture != NULL && !wait) {
        return capture_add(stream, task);
    }
    result = stream->capture != NULL ? capture_break(stream, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED)
             : stream == context->legacy ? capture_check_legacy(context)
                                         : CUDA_SUCCESS;
    if (result != CUDA_SUCCESS) {
        task_release(task);
        return result;
    }
    stream_submit(stream, task);
    if (wait) {
        task_wait(task);
        print_flush(context);
    }
    task_release(task);
    return wait ? context->error : CUDA_SUCCESS;
}

/* ---- The API ---- */

static CUresult create_handle(struct context *context, CUstream *handle, unsigned flags)
{
    struct stream *stream;
    CUresult result;

    if (handle == NULL || (flags & ~(CU_STREAM_NON_BLOCKING | CUDA_CPU_STREAM_AT_CALL)) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = create(context, flags, &stream);
    if (result == CUDA_SUCCESS) {
        *handle = (CUstream)stream;
    }
    return result;
}

CUresult cuStreamCreate(CUstream *handle, unsigned flags)
{
    return IN_CONTEXT(create_handle(context, handle, flags));
}

/* There is one priority: what is out of the range is brought into it. */
CUresult cuStreamCreateWithPriority(CUstream *handle, unsigned flags, int priority)
{
    (void)priority;
    return cuStreamCreate(handle, flags);
}

static CUresult destroy_handle(CUstream handle)
{
    struct stream *stream = object_find(handle, OBJECT_STREAM);

    if (stream == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    stream_destroy(stream);
    return CUDA_SUCCESS;
}

CUresult cuStreamDestroy(CUstream handle)
{
    return IN_DRIVER(destroy_handle(handle));
}

static CUresult query(struct context *context, CUstream handle)
{
    struct stream *stream;
    CUresult result = stream_of_handle(context, handle, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (stream->capture != NULL) {
        return capture_break(stream, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    }
    return stream->last == NULL || stream->last->done ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

CUresult cuStreamQuery(CUstream handle)
{
    return driver_yield(IN_CONTEXT(query(context, handle)));
}

static CUresult synchronize(struct context *context, CUstream handle)
{
    struct stream *stream;
    CUresult result = stream_of_handle(context, handle, &stream);
    struct task *last;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (stream->capture != NULL) {
        return capture_break(stream, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    }
    if (stream->last != NULL) {
        last = task_retain(stream->last);
        task_wait(last);
        task_release(last);
    }
    print_flush(context);
    return context->error;
}

CUresult cuStreamSynchronize(CUstream handle)
{
    return IN_CONTEXT(synchronize(context, handle));
}

/* ---- What they are asked ---- */

static CUresult get_priority(struct context *context, CUstream handle, int *priority)
{
    struct stream *stream;
    CUresult result = stream_of_handle(context, handle, &stream);

    if (priority == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *priority = 0;
    return result;
}

CUresult cuStreamGetPriority(CUstream stream, int *priority)
{
    return IN_CONTEXT(get_priority(context, stream, priority));
}

static CUresult get_flags(struct context *context, CUstream handle, unsigned *flags)
{
    struct stream *stream;
    CUresult result = stream_of_handle(context, handle, &stream);

    if (flags == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *flags = stream->flags;
    }
    return result;
}

CUresult cuStreamGetFlags(CUstream stream, unsigned *flags)
{
    return IN_CONTEXT(get_flags(context, stream, flags));
}

static CUresult get_id(struct context *context, CUstream handle, unsigned long long *id)
{
    struct stream *stream;
    CUresult result = stream_of_handle(context, handle, &stream);

    if (id == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *id = stream->id;
    }
    return result;
}

CUresult cuStreamGetId(CUstream stream, unsigned long long *id)
{
    return IN_CONTEXT(get_id(context, stream, id));
}

static CUresult get_context(struct context *context, CUstream handle, CUcontext *answer)
{
    struct stream *stream = object_find(handle, OBJECT_STREAM);

    if (answer == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *answer = (CUcontext)(stream != NULL ? stream->context : context);
    return stream != NULL || handle <= CU_STREAM_PER_THREAD ? CUDA_SUCCESS
                                                            : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuStreamGetCtx(CUstream stream, CUcontext *answer)
{
    return IN_CONTEXT(get_context(context, stream, answer));
}

CUresult cuStreamGetCtx_v2(CUstream stream, CUcontext *answer, CUgreenCtx *green)
{
    if (green != NULL) {
        *green = NULL;
    }
    return cuStreamGetCtx(stream, answer);
}

CUresult cuStreamGetDevice(CUstream stream, CUdevice *device)
{
    CUcontext context;

    if (device == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *device = 0;
    return cuStreamGetCtx(stream, &context);
}

/* Managed memory is the host's as well: there is nothing to attach. */
static CUresult attach(struct context *context, CUstream handle, CUdeviceptr pointer)
{
    struct stream *stream;
    CUresult result = stream_of_handle(context, handle, &stream);

    if (result == CUDA_SUCCESS && allocation_find(pointer) == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    return result;
}

CUresult cuStreamAttachMemAsync(CUstream stream, CUdeviceptr pointer, size_t size, unsigned flags)
{
    (void)size;
    if (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST &&
        flags != CU_MEM_ATTACH_SINGLE) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return IN_CONTEXT(attach(context, stream, pointer));
}

/* ---- Attributes: kept, and nothing changes by them ---- */

static CUresult copy_attributes(struct context *context, CUstream dst_handle, CUstream src_handle)
{
    struct stream *dst, *src;
    CUresult result =
        stream_of_handle(context, dst_handle, &dst) ?: stream_of_handle(context, src_handle, &src);

    if (result == CUDA_SUCCESS) {
        memcpy(dst->attributes, src->attributes, sizeof(dst->attributes));
    }
    return result;
}

CUresult cuStreamCopyAttributes(CUstream dst, CUstream src)
{
    return IN_CONTEXT(copy_attributes(context, dst, src));
}

/* Where the attribute is; NULL: streams have no such one. */
static CUstreamAttrValue *find_attribute(struct stream *stream, CUstreamAttrID attribute)
{
    switch (attribute) {
    case CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW:
        return &stream->attributes[0];
    case CU_LAUNCH_ATTRIBUTE_SYNCHRONIZATION_POLICY:
        return &stream->attributes[1];
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN_MAP:
        return &stream->attributes[2];
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN:
        return &stream->attributes[3];
    default:
        return NULL;
    }
}

static CUresult get_attribute(struct context *context, CUstream handle, CUstreamAttrID attribute,
                              CUstreamAttrValue *value)
{
    struct stream *stream;
    CUresult result = stream_of_handle(context, handle, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (value == NULL || find_attribute(stream, attribute) == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *value = *find_attribute(stream, attribute);
    return CUDA_SUCCESS;
}

CUresult cuStreamGetAttribute(CUstream stream, CUstreamAttrID attribute, CUstreamAttrValue *value)
{
    return IN_CONTEXT(get_attribute(context, stream, attribute, value));
}

static CUresult set_attribute(struct context *context, CUstream handle, CUstreamAttrID attribute,
                              const CUstreamAttrValue *value)
{
    struct stream *stream;
    CUresult result = stream_of_handle(context, handle, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (value == NULL || find_attribute(stream, attribute) == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *find_attribute(stream, attribute) = *value;
    return CUDA_SUCCESS;
}

CUresult cuStreamSetAttribute(CUstream stream, CUstreamAttrID attribute,
                              const CUstreamAttrValue *value)
{
    return IN_CONTEXT(set_attribute(context, stream, attribute, value));
}
