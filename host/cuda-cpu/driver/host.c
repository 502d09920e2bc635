/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions of the program in the middle of a stream. They may not call the driver. */
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/host.h"
#include "host/cuda-cpu/driver/stream.h"

struct host_task {
    struct task task;
    CUhostFn function;
    CUstreamCallback callback; /* instead: with the stream, and what became of it */
    CUstream stream;
    void *user_data;
};

static CUresult run(struct task *base)
{
    struct host_task *task = (struct host_task *)base;

    driver_forbid(true);
    if (task->function != NULL) {
        task->function(task->user_data);
    } else {
        task->callback(task->stream, task->task.context->error, task->user_data);
    }
    driver_forbid(false);
    return CUDA_SUCCESS;
}

CUresult host_task_create(struct context *context, const CUDA_HOST_NODE_PARAMS *host,
                          struct task **result)
{
    struct host_task *task;

    if (host->fn == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    task = task_create(sizeof(*task), context, run);
    if (task == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    task->function = host->fn;
    task->user_data = host->userData;
    *result = &task->task;
    return CUDA_SUCCESS;
}

bool host_task_read(const struct task *base, CUDA_HOST_NODE_PARAMS *host)
{
    const struct host_task *task = (const struct host_task *)base;

    if (base->run != run) {
        return false;
    }
    *host = (CUDA_HOST_NODE_PARAMS){task->function, task->user_data};
    return true;
}

static CUresult launch(struct context *context, CUstream handle, CUhostFn function, void *user_data)
{
    const CUDA_HOST_NODE_PARAMS host = {function, user_data};
    struct stream *stream;
    struct task *task;
    CUresult result = stream_of_handle(context, handle, &stream);

    result = result ?: host_task_create(context, &host, &task);
    return result ?: stream_do(stream, task, false);
}

CUresult cuLaunchHostFunc(CUstream stream, CUhostFn function, void *user_data)
{
    return IN_CONTEXT(launch(context, stream, function, user_data));
}

static CUresult add_callback(struct context *context, CUstream handle, CUstreamCallback callback,
                             void *user_data)
{
    struct host_task *task;
    struct stream *stream;
    CUresult result = stream_of_handle(context, handle, &stream);

    if (callback == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (result != CUDA_SUCCESS) {
        return result;
    }
    task = task_create(sizeof(*task), context, run);
    if (task == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    task->task.always = true;
    task->callback = callback;
    task->stream = handle;
    task->user_data = user_data;
    return stream_do(stream, &task->task, false);
}

CUresult cuStreamAddCallback(CUstream stream, CUstreamCallback callback, void *user_data,
                             unsigned flags)
{
    if (flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return IN_CONTEXT(add_callback(context, stream, callback, user_data));
}
