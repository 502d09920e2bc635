/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/driver/context.h"

#include <stdlib.h>

#include "host/cuda-cpu/check/check.h"
#include "host/cuda-cpu/driver/allocation.h"
#include "host/cuda-cpu/driver/array.h"
#include "host/cuda-cpu/driver/texture.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/event.h"
#include "host/cuda-cpu/driver/module.h"
#include "host/cuda-cpu/driver/stream.h"
#include "host/cuda-cpu/driver/task.h"

#define STACK_MAX 64

static struct context *all;
static uint64_t next_id = 1;
static struct {
    struct context *context;
    unsigned references, flags;
} primary;

/* The thread's contexts; the current one is on top. An entry may be NULL. */
static _Thread_local struct {
    struct {
        struct context *context;
        uint64_t id; /* another one may come to lie at a destroyed one's address */
    } entries[STACK_MAX];
    unsigned depth;
} stack;

/* ---- Current contexts ---- */

static CUresult top(struct context **context)
{
    *context = NULL;
    if (stack.depth == 0 || stack.entries[stack.depth - 1].context == NULL) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    *context = object_find(stack.entries[stack.depth - 1].context, OBJECT_CONTEXT);
    if (*context == NULL || (*context)->id != stack.entries[stack.depth - 1].id) {
        *context = NULL;
        return CUDA_ERROR_CONTEXT_IS_DESTROYED;
    }
    return CUDA_SUCCESS;
}

CUresult context_current(struct context **context)
{
    return top(context);
}

CUresult context_of_handle(CUcontext handle, struct context **context)
{
    if (handle == NULL) {
        return top(context);
    }
    *context = object_find(handle, OBJECT_CONTEXT);
    return *context != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

static CUresult push(struct context *context)
{
    if (stack.depth == STACK_MAX) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    stack.entries[stack.depth].context = context;
    stack.entries[stack.depth++].id = context != NULL ? context->id : 0;
    return CUDA_SUCCESS;
}

static CUresult set_current(CUcontext handle)
{
    struct context *context = NULL;

    if (handle != NULL && (context = object_find(handle, OBJECT_CONTEXT)) == NULL) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    if (stack.depth > 0) {
        stack.depth--;
    }
    return context != NULL || stack.depth > 0 ? push(context) : CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext handle)
{
    return IN_DRIVER(set_current(handle));
}

static CUresult get_current(CUcontext *handle)
{
    struct context *context;

    if (handle == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    top(&context);
    *handle = (CUcontext)context;
    return CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext *handle)
{
    return IN_DRIVER(get_current(handle));
}

static CUresult push_current(CUcontext handle)
{
    struct context *context = object_find(handle, OBJECT_CONTEXT);

    return context != NULL ? push(context) : CUDA_ERROR_INVALID_CONTEXT;
}

CUresult cuCtxPushCurrent(CUcontext handle)
{
    return IN_DRIVER(push_current(handle));
}

static CUresult pop_current(CUcontext *handle)
{
    struct context *context;
    CUresult result = top(&context);

    if (stack.depth == 0) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    stack.depth--;
    if (handle != NULL) {
        *handle = (CUcontext)context;
    }
    return result;
}

CUresult cuCtxPopCurrent(CUcontext *handle)
{
    return IN_DRIVER(pop_current(handle));
}

/* ---- Their lives ---- */

/* What the environment wants to be checked. */
static void open_check(struct context *context)
{
    const char *problem = NULL;

    context->memory.check = check_open(NULL, &problem);
    if (problem != NULL) {
        driver_say("BAREGPU_CUDA_CHECK: %s", problem);
    }
}

/* Tells of what was not freed. */
static void close_check(struct context *context)
{
    if (context->memory.check != NULL) {
        check_destroy(context->memory.check);
        context->memory.check = NULL;
    }
}

/* All that is in it goes, and its error with it. */
static void clear(struct context *context)
{
    context_wait(context);
    close_check(context);
    while (context->modules != NULL) {
        module_destroy(context->modules);
    }
    while (context->events != NULL) {
        event_destroy(context->events);
    }
    while (context->streams != NULL) {
        stream_destroy(context->streams);
    }
    texture_destroy_all(context);
    array_destroy_all(context);
    allocation_free_all(context);
    task_release(context->left);
    context->left = NULL;
    context->legacy = NULL;
    context->error = CUDA_SUCCESS;
    context->stop = 0;
}

static void destroy(struct context *context)
{
    struct context **place = &all;

    clear(context);
    memory_clear(&context->memory);
    if (context->heap != NULL) {
        heap_destroy(context->heap);
    }
    free(context->print.text);
    while (*place != context) {
        place = &(*place)->next;
    }
    *place = context->next;
    object_remove(&context->object);
    free(context);
}

/* What NVIDIA's driver begins with. */
static void set_limits(struct context *context)
{
    context->limits[CU_LIMIT_STACK_SIZE] = 1024;
    context->limits[CU_LIMIT_PRINTF_FIFO_SIZE] = (size_t)1 << 20;
    context->limits[CU_LIMIT_MALLOC_HEAP_SIZE] = (size_t)8 << 20;
}

static CUresult create(struct context **result, unsigned flags, CUdevice device)
{
    struct context *context;

    if (device != 0) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    if ((flags & ~(unsigned)CU_CTX_FLAGS_MASK) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    context = calloc(1, sizeof(*context));
    if (context == NULL || !object_add(&context->object, OBJECT_CONTEXT)) {
        free(context);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    context->id = next_id++;
    set_limits(context);
    open_check(context);
    context->flags = flags;
    context->uses = 1;
    context->next = all;
    all = context;
    *result = context;
    return CUDA_SUCCESS;
}

static CUresult create_current(CUcontext *handle, unsigned flags, CUdevice device)
{
    struct context *context;
    CUresult result;

    if (handle == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = create(&context, flags, device);
    if (result == CUDA_SUCCESS && (result = push(context)) != CUDA_SUCCESS) {
        destroy(context);
    }
    if (result == CUDA_SUCCESS) {
        *handle = (CUcontext)context;
    }
    return result;
}

CUresult cuCtxCreate_v2(CUcontext *handle, unsigned flags, CUdevice device)
{
    return IN_DRIVER(create_current(handle, flags, device));
}

CUresult cuCtxCreate_v3(CUcontext *handle, CUexecAffinityParam *params, int count, unsigned flags,
                        CUdevice device)
{
    if (params != NULL || count != 0) {
        return CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY;
    }
    return cuCtxCreate_v2(handle, flags, device);
}

CUresult cuCtxCreate(CUcontext *handle, CUctxCreateParams *params, unsigned flags, CUdevice device)
{
    if (params != NULL && params->execAffinityParams != NULL) {
        return CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY;
    }
    if (params != NULL && params->cigParams != NULL) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    return cuCtxCreate_v2(handle, flags, device);
}

static CUresult destroy_handle(CUcontext handle)
{
    struct context *context = object_find(handle, OBJECT_CONTEXT), *current;

    if (context == NULL || context->is_primary) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    top(&current);
    if (current == context) {
        stack.depth--;
    }
    destroy(context);
    return CUDA_SUCCESS;
}

CUresult cuCtxDestroy(CUcontext handle)
{
    return IN_DRIVER(destroy_handle(handle));
}

static CUresult attach(struct context *context, CUcontext *handle, unsigned flags)
{
    if (handle == NULL || flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    context->uses++;
    *handle = (CUcontext)context;
    return CUDA_SUCCESS;
}

CUresult cuCtxAttach(CUcontext *handle, unsigned flags)
{
    return IN_CONTEXT(attach(context, handle, flags));
}

/* The current one alone. What cuDevicePrimaryCtxRetain gave is not given back here. */
static CUresult detach(CUcontext handle)
{
    struct context *current;
    CUresult result = top(&current);

    if (result == CUDA_SUCCESS && (CUcontext)current != handle) {
        result = CUDA_ERROR_INVALID_CONTEXT;
    }
    if (result == CUDA_SUCCESS && current->uses > 1) {
        current->uses--;
        return CUDA_SUCCESS;
    }
    return result ?: destroy_handle(handle);
}

CUresult cuCtxDetach(CUcontext handle)
{
    return IN_DRIVER(detach(handle));
}

/* ---- The primary one ---- */

static CUresult retain_primary(CUcontext *handle, CUdevice device)
{
    CUresult result = CUDA_SUCCESS;

    if (handle == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (device != 0) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    if (primary.context == NULL) {
        result = create(&primary.context, primary.flags, device);
    }
    if (result == CUDA_SUCCESS) {
        primary.context->is_primary = true;
        primary.references++;
        *handle = (CUcontext)primary.context;
    }
    return result;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *handle, CUdevice device)
{
    return IN_DRIVER(retain_primary(handle, device));
}

static CUresult release_primary(CUdevice device)
{
    if (device != 0) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    if (primary.references == 0) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    if (--primary.references == 0) {
        destroy(primary.context);
        primary.context = NULL;
    }
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease(CUdevice device)
{
    return IN_DRIVER(release_primary(device));
}

/* Who retained it goes on with the same context, empty. */
static CUresult reset_primary(CUdevice device)
{
    if (device != 0) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    if (primary.context != NULL) {
        clear(primary.context);
        open_check(primary.context);
    }
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxReset(CUdevice device)
{
    return IN_DRIVER(reset_primary(device));
}

static CUresult set_primary_flags(CUdevice device, unsigned flags)
{
    if (device != 0) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    if ((flags & ~(unsigned)CU_CTX_FLAGS_MASK) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    primary.flags = flags;
    if (primary.context != NULL) {
        primary.context->flags = flags;
    }
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxSetFlags(CUdevice device, unsigned flags)
{
    return IN_DRIVER(set_primary_flags(device, flags));
}

static CUresult get_primary_state(CUdevice device, unsigned *flags, int *active)
{
    if (device != 0) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    if (flags == NULL || active == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *flags = primary.flags;
    *active = primary.context != NULL;
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned *flags, int *active)
{
    return IN_DRIVER(get_primary_state(device, flags, active));
}

/* ---- What they are asked ---- */

static CUresult get_device(CUdevice *device)
{
    struct context *context;
    CUresult result = top(&context);

    if (device == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *device = 0;
    return result;
}

CUresult cuCtxGetDevice(CUdevice *device)
{
    return IN_DRIVER(get_device(device));
}

CUresult context_wait(struct context *context)
{
    struct task *task = task_create(sizeof(*task), context, NULL);

    if (task == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    task_follow(task, context->left);
    for (struct stream *stream = context->streams; stream != NULL; stream = stream->next) {
        task_follow(task, stream->last);
    }
    task_submit(task);
    task_wait(task);
    task_release(task);
    print_flush(context);
    return context->error;
}

CUresult cuCtxSynchronize(void)
{
    return IN_CONTEXT(context_wait(context));
}

void context_written(struct context *context, const void *bytes, size_t size)
{
    if (context->memory.check != NULL) {
        check_written(context->memory.check, (uint64_t)(uintptr_t)bytes, size);
    }
}

struct context *context_first(void)
{
    return all;
}

void context_stop_all(void)
{
    for (struct context *context = all; context != NULL; context = context->next) {
        __atomic_store_n(&context->stop, 1, __ATOMIC_RELAXED);
    }
}

static CUresult synchronize(CUcontext handle)
{
    struct context *context;
    CUresult result = context_of_handle(handle, &context);

    return result ?: context_wait(context);
}

CUresult cuCtxSynchronize_v2(CUcontext context)
{
    return IN_DRIVER(synchronize(context));
}

static CUresult get_device_of(CUdevice *device, CUcontext handle)
{
    struct context *context;
    CUresult result = context_of_handle(handle, &context);

    if (device == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *device = 0;
    return result;
}

CUresult cuCtxGetDevice_v2(CUdevice *device, CUcontext context)
{
    return IN_DRIVER(get_device_of(device, context));
}
