/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/driver/stream.h"

#include <stdlib.h>

#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/driver.h"

static uint64_t next_id = 1;

static CUresult create(struct context *context, unsigned flags, int priority,
                       struct stream **result)
{
    struct stream *stream = calloc(1, sizeof(*stream));

    if (stream == NULL || !object_add(&stream->object, OBJECT_STREAM)) {
        free(stream);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    stream->context = context;
    stream->flags = flags;
    stream->priority = priority;
    stream->id = next_id++;
    stream->next = context->streams;
    context->streams = stream;
    *result = stream;
    return CUDA_SUCCESS;
}

/* What was submitted goes on. */
void stream_destroy(struct stream *stream)
{
    struct stream **place = &stream->context->streams;

    while (*place != stream) {
        place = &(*place)->next;
    }
    *place = stream->next;
    task_release(stream->last);
    object_remove(&stream->object);
    free(stream);
}

/* ---- Handles ---- */

static CUresult find_legacy(struct context *context, struct stream **stream)
{
    CUresult result = CUDA_SUCCESS;

    if (context->legacy == NULL) {
        result = create(context, CU_STREAM_DEFAULT, 0, &context->legacy);
    }
    *stream = context->legacy;
    return result;
}

static uint64_t thread_id(void)
{
    static uint64_t last;
    static _Thread_local uint64_t id;

    if (id == 0) {
        id = ++last;
    }
    return id;
}

static CUresult find_per_thread(struct context *context, struct stream **result)
{
    CUresult created;

    for (struct stream *stream = context->streams; stream != NULL; stream = stream->next) {
        if (stream->thread == thread_id()) {
            *result = stream;
            return CUDA_SUCCESS;
        }
    }
    created = create(context, CU_STREAM_DEFAULT, 0, result);
    if (created == CUDA_SUCCESS) {
        (*result)->thread = thread_id();
    }
    return created;
}

CUresult stream_of_handle(struct context *context, CUstream handle, struct stream **stream)
{
    if (handle == NULL || handle == CU_STREAM_LEGACY) {
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
    task_follow(task, before);
    follow_others(stream, task);
    stream->last = task_retain(task);
    task_release(before);
    task_submit(task);
}

CUresult stream_do(struct stream *stream, struct task *task, bool wait)
{
    struct context *context = stream->context;

    stream_submit(stream, task);
    if (wait) {
        task_wait(task);
    }
    task_release(task);
    return wait ? context->error : CUDA_SUCCESS;
}

/* ---- The API ---- */

static CUresult create_handle(struct context *context, CUstream *handle, unsigned flags,
                              int priority)
{
    struct stream *stream;
    CUresult result;

    if (handle == NULL || (flags & ~(unsigned)CU_STREAM_NON_BLOCKING) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = create(context, flags, priority, &stream);
    if (result == CUDA_SUCCESS) {
        *handle = (CUstream)stream;
    }
    return result;
}

CUresult cuStreamCreate(CUstream *handle, unsigned flags)
{
    return IN_CONTEXT(create_handle(context, handle, flags, 0));
}

CUresult cuStreamCreateWithPriority(CUstream *handle, unsigned flags, int priority)
{
    return IN_CONTEXT(create_handle(context, handle, flags, priority));
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
    return stream->last == NULL || stream->last->done ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

CUresult cuStreamQuery(CUstream handle)
{
    return IN_CONTEXT(query(context, handle));
}

static CUresult synchronize(struct context *context, CUstream handle)
{
    struct stream *stream;
    CUresult result = stream_of_handle(context, handle, &stream);
    struct task *last;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (stream->last != NULL) {
        last = task_retain(stream->last);
        task_wait(last);
        task_release(last);
    }
    return context->error;
}

CUresult cuStreamSynchronize(CUstream handle)
{
    return IN_CONTEXT(synchronize(context, handle));
}
