/* SPDX-License-Identifier: BSD-2-Clause */
/* Contexts: this side's alone. Those of one device share its session. */
#include "firmware/cuda/capture.h"

#define STACK_MAX 64u

struct cuda_context *cuda_current;

/* The current one is on top. An entry may be NULL, or of a context that is destroyed. */
static struct {
    CUcontext entries[STACK_MAX];
    unsigned depth;
} stack;

static uint64_t next_id, next_stream_id;

/* ---- Entering ---- */

CUresult cuda_enter(void)
{
    if (!cuda.is_initialized) {
        return CUDA_ERROR_NOT_INITIALIZED;
    }
    return cuda.is_in_callback ? CUDA_ERROR_NOT_PERMITTED : CUDA_SUCCESS;
}

static CUcontext top(void)
{
    return stack.depth > 0 ? stack.entries[stack.depth - 1] : NULL;
}

/* Has nothing ended the session that a look at the page shows? That the carrier is lost is found by
 * whoever queues something or waits; without a page each call asks. */
static bool is_well(const struct cuda_device *device)
{
    return device->page != NULL && bg_load_acquire32(&device->page->error) == 0;
}

CUresult cuda_enter_context(struct cuda_context **context)
{
    CUresult result = cuda_enter();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (cuda_current == NULL) {
        return top() == NULL ? CUDA_ERROR_INVALID_CONTEXT : CUDA_ERROR_CONTEXT_IS_DESTROYED;
    }
    *context = cuda_current;
    if (cuda_current->error == CUDA_SUCCESS && !is_well(cuda_current->device)) {
        cuda_check(cuda_current->device);
    }
    return cuda_current->error;
}

CUresult cuda_context_of(CUcontext handle, struct cuda_context **context)
{
    *context = handle != NULL ? cuda_find(handle, CUDA_KIND_CONTEXT) : cuda_current;
    return *context != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

uint64_t cuda_stream_next_id(void)
{
    return ++next_stream_id;
}

void cuda_contexts_reset(void)
{
    stack.depth = 0;
    cuda_current = NULL;
}

/* ---- The stack ---- */

static void look_at_top(void)
{
    cuda_current = cuda_find(top(), CUDA_KIND_CONTEXT);
}

static CUresult push(CUcontext handle)
{
    if (stack.depth == STACK_MAX) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    stack.entries[stack.depth++] = handle;
    look_at_top();
    return CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext handle)
{
    CUresult result = cuda_enter();

    if (result == CUDA_SUCCESS && handle != NULL && cuda_find(handle, CUDA_KIND_CONTEXT) == NULL) {
        result = CUDA_ERROR_INVALID_CONTEXT;
    }
    if (result != CUDA_SUCCESS) {
        return result;
    }
    stack.depth -= stack.depth > 0 ? 1 : 0;
    look_at_top();
    return handle != NULL || stack.depth > 0 ? push(handle) : CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext *handle)
{
    CUresult result = cuda_enter();

    if (result == CUDA_SUCCESS && handle == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *handle = cuda_current != NULL ? cuda_current->object.handle : NULL;
    }
    return result;
}

CUresult cuCtxPushCurrent(CUcontext handle)
{
    CUresult result = cuda_enter();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    return cuda_find(handle, CUDA_KIND_CONTEXT) != NULL ? push(handle) : CUDA_ERROR_INVALID_CONTEXT;
}

CUresult cuCtxPopCurrent(CUcontext *handle)
{
    CUresult result = cuda_enter();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (stack.depth == 0) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    if (cuda_current == NULL && top() != NULL) {
        result = CUDA_ERROR_CONTEXT_IS_DESTROYED;
    }
    if (handle != NULL) {
        *handle = cuda_current != NULL ? cuda_current->object.handle : NULL;
    }
    stack.depth--;
    look_at_top();
    return result;
}

/* ---- Their lives ---- */

static void set_stream(struct cuda_context *context, struct cuda_stream *stream, uint32_t number)
{
    *stream = (struct cuda_stream){
        .object.context = context, .number = number, .id = cuda_stream_next_id()};
}

static CUresult create(struct cuda_device *device, unsigned flags, struct cuda_context **result)
{
    CUresult error = cuda_session_start(device);
    struct cuda_context *context;

    if (error != CUDA_SUCCESS) {
        return error;
    }
    context = cuda_object_create(CUDA_KIND_CONTEXT, sizeof(*context), NULL);
    if (context == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    context->device = device;
    context->id = ++next_id;
    context->flags = flags;
    set_stream(context, &context->legacy, BG_CUDA_STREAM_LEGACY);
    set_stream(context, &context->per_thread, BG_CUDA_STREAM_PER_THREAD);
    *result = context;
    return CUDA_SUCCESS;
}

/* All that is in it goes, once what was queued is done. */
static void clear(struct cuda_context *context)
{
    if (cuda_is_alive(context)) {
        cuda_context_wait(context);
    }
    cuda_capture_leave(&context->per_thread);
    cuda_objects_destroy(context);
    cuda_memory_free_all(context);
}

static void destroy(struct cuda_context *context)
{
    clear(context);
    cuda_object_destroy(&context->object);
    look_at_top();
}

static CUresult check_flags(unsigned flags)
{
    return (flags & ~(unsigned)CU_CTX_FLAGS_MASK) == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuCtxCreate_v2(CUcontext *handle, unsigned flags, CUdevice number)
{
    struct cuda_device *device = cuda_device_of(number);
    struct cuda_context *context;
    CUresult result = cuda_enter();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (handle == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (device == NULL) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    if (stack.depth == STACK_MAX) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    result = check_flags(flags) ?: create(device, flags, &context);
    if (result == CUDA_SUCCESS) {
        *handle = context->object.handle;
        push(context->object.handle);
    }
    return result;
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

CUresult cuCtxDestroy(CUcontext handle)
{
    struct cuda_context *context = cuda_find(handle, CUDA_KIND_CONTEXT);
    CUresult result = cuda_enter();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (context == NULL || context->is_primary) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    if (context == cuda_current) {
        stack.depth--;
    }
    destroy(context);
    return CUDA_SUCCESS;
}

/* ---- The primary one ---- */

/* The device, in a call that names one. */
static CUresult enter_device(CUdevice number, struct cuda_device **device)
{
    CUresult result = cuda_enter();

    *device = cuda_device_of(number);
    return result == CUDA_SUCCESS && *device == NULL ? CUDA_ERROR_INVALID_DEVICE : result;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *handle, CUdevice number)
{
    struct cuda_device *device;
    CUresult result = enter_device(number, &device);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (handle == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (device->primary.context == NULL) {
        result = create(device, device->primary.flags, &device->primary.context);
    }
    if (result == CUDA_SUCCESS) {
        device->primary.context->is_primary = true;
        device->primary.references++;
        *handle = device->primary.context->object.handle;
    }
    return result;
}

CUresult cuDevicePrimaryCtxRelease(CUdevice number)
{
    struct cuda_device *device;
    CUresult result = enter_device(number, &device);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (device->primary.references == 0) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    if (--device->primary.references == 0) {
        destroy(device->primary.context);
        device->primary.context = NULL;
    }
    return CUDA_SUCCESS;
}

/* Who retained it goes on with the same context, empty. */
CUresult cuDevicePrimaryCtxReset(CUdevice number)
{
    struct cuda_device *device;
    CUresult result = enter_device(number, &device);
    struct cuda_context *context;

    if (result != CUDA_SUCCESS || device->primary.context == NULL) {
        return result;
    }
    context = device->primary.context;
    clear(context);
    context->error = CUDA_SUCCESS;
    result = cuda_session_start(device);
    context->error = result;
    return result;
}

CUresult cuDevicePrimaryCtxSetFlags(CUdevice number, unsigned flags)
{
    struct cuda_device *device;
    CUresult result = enter_device(number, &device) ?: check_flags(flags);

    if (result == CUDA_SUCCESS) {
        device->primary.flags = flags;
        if (device->primary.context != NULL) {
            device->primary.context->flags = flags;
        }
    }
    return result;
}

CUresult cuDevicePrimaryCtxGetState(CUdevice number, unsigned *flags, int *active)
{
    struct cuda_device *device;
    CUresult result = enter_device(number, &device);

    if (result == CUDA_SUCCESS && (flags == NULL || active == NULL)) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *flags = device->primary.flags;
        *active = device->primary.context != NULL;
    }
    return result;
}

/* ---- What they are asked ---- */

CUresult cuCtxGetDevice_v2(CUdevice *device, CUcontext handle)
{
    struct cuda_context *context;
    CUresult result = cuda_enter();

    if (result == CUDA_SUCCESS && device == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    result = result ?: cuda_context_of(handle, &context);
    if (result == CUDA_SUCCESS) {
        *device = context->device->number;
    }
    return result;
}

CUresult cuCtxGetDevice(CUdevice *device)
{
    return cuCtxGetDevice_v2(device, NULL);
}

CUresult cuCtxSynchronize(void)
{
    struct cuda_context *context;

    return cuda_enter_context(&context)
               ?: cuda_capture_check_all(context)
               ?: cuda_context_wait(context);
}

CUresult cuCtxSynchronize_v2(CUcontext handle)
{
    struct cuda_context *context;

    return cuda_enter() ?: cuda_context_of(handle, &context) 
               ?: context->error
               ?: cuda_capture_check_all(context)
               ?: cuda_context_wait(context);
}

CUresult cuCtxGetFlags(unsigned *flags)
{
    struct cuda_context *context;
    CUresult result = cuda_enter_context(&context);

    if (result == CUDA_SUCCESS && flags == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *flags = context->flags;
    }
    return result;
}

CUresult cuCtxSetFlags(unsigned flags)
{
    struct cuda_context *context;
    CUresult result = cuda_enter_context(&context) ?: check_flags(flags);

    if (result == CUDA_SUCCESS) {
        context->flags = flags;
    }
    return result;
}

CUresult cuCtxGetId(CUcontext handle, unsigned long long *id)
{
    struct cuda_context *context;
    CUresult result = cuda_enter();

    if (result == CUDA_SUCCESS && id == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    result = result ?: cuda_context_of(handle, &context);
    if (result == CUDA_SUCCESS) {
        *id = context->id;
    }
    return result;
}

CUresult cuCtxGetApiVersion(CUcontext handle, unsigned *version)
{
    unsigned long long id;
    CUresult result = cuCtxGetId(handle, &id);

    if (result == CUDA_SUCCESS && version == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *version = CUDA_VERSION;
    }
    return result;
}

CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest)
{
    struct cuda_context *context;
    CUresult result = cuda_enter_context(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (least != NULL) {
        *least = context->device->info.least_priority;
    }
    if (greatest != NULL) {
        *greatest = context->device->info.greatest_priority;
    }
    return CUDA_SUCCESS;
}
