/* SPDX-License-Identifier: BSD-2-Clause */
/* What nodes of graphs do: from the API's structures, to the wire's. */
#include "firmware/cuda/graph.h"
#include "firmware/cuda/host.h"

/* ---- Kernels ---- */

/* Room for the pointers and the parameters. */
static size_t params_room(const struct cuda_task *task)
{
    return task->param_count * sizeof(void *) + task->params_size;
}

static void *params_bytes(const struct cuda_task *task)
{
    return task->params + task->param_count;
}

static struct cuda_launch launch_of(const struct cuda_task *task, struct cuda_function *function)
{
    const CUDA_KERNEL_NODE_PARAMS *kernel = &task->kernel;

    return (struct cuda_launch){
        .function = function,
        .grid = {kernel->gridDimX, kernel->gridDimY, kernel->gridDimZ},
        .block = {kernel->blockDimX, kernel->blockDimY, kernel->blockDimZ},
        .dynamic_shared = kernel->sharedMemBytes,
        .flags = task->is_cooperative ? BG_CUDA_LAUNCH_COOPERATIVE : 0,
    };
}

/* task->kernel is as it was asked for. */
static CUresult set_kernel(struct cuda_context *context, struct cuda_task *task)
{
    CUDA_KERNEL_NODE_PARAMS *kernel = &task->kernel;
    struct cuda_function *function;
    struct cuda_launch launch;
    CUresult result = cuda_function_of(
        context, kernel->func != NULL ? kernel->func : (CUfunction)kernel->kern, &function);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    launch = launch_of(task, function);
    result = cuda_launch_check(context, &launch);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    task->param_count = function->param_count;
    task->params_size = function->params_size;
    task->params = cuda_alloc(params_room(task));
    if (task->params == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    result = cuda_launch_params(function, kernel->kernelParams, kernel->extra, params_bytes(task));
    if (result != CUDA_SUCCESS) {
        cuda_free(task->params);
        return result;
    }
    for (uint32_t i = 0; i < task->param_count; i++) {
        task->params[i] = (char *)params_bytes(task) + function->params[i].offset;
    }
    kernel->func = function->object.handle;
    kernel->kern = NULL;
    kernel->kernelParams = task->params;
    kernel->extra = NULL;
    return CUDA_SUCCESS;
}

static CUresult copy_params(struct cuda_task *task)
{
    const struct cuda_task from = *task;

    task->params = cuda_alloc(params_room(task));
    if (task->params == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    memcpy(task->params, from.params, params_room(task));
    for (uint32_t i = 0; i < task->param_count; i++) {
        task->params[i] = (char *)task->params + ((char *)from.params[i] - (char *)from.params);
    }
    task->kernel.kernelParams = task->params;
    return CUDA_SUCCESS;
}

/* ---- All of them ---- */

static struct bg_cuda_fill fill_of(const CUDA_MEMSET_NODE_PARAMS *set)
{
    return (struct bg_cuda_fill){
        .address = set->dst,
        .pitch = set->pitch,
        .width = set->width,
        .height = set->height,
        .element_size = set->elementSize,
        .value = set->value,
    };
}

static CUresult check_set(struct cuda_context *context, const CUDA_MEMSET_NODE_PARAMS *set)
{
    const struct bg_cuda_fill fill = fill_of(set);

    return cuda_fill_check(context, &fill);
}

static CUresult set_event(CUevent event, struct cuda_task *task)
{
    task->event = event;
    return cuda_find(event, CUDA_KIND_EVENT) != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuda_task_set(struct cuda_context *context, CUgraphNodeType type, const void *params,
                       bool is_cooperative, struct cuda_task *task)
{
    struct cuda_copy copy;

    *task = (struct cuda_task){.type = type, .is_cooperative = is_cooperative};
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    switch (type) {
    case CU_GRAPH_NODE_TYPE_KERNEL:
        task->kernel = *(const CUDA_KERNEL_NODE_PARAMS *)params;
        return set_kernel(context, task);
    case CU_GRAPH_NODE_TYPE_MEMCPY:
        task->copy = *(const CUDA_MEMCPY3D *)params;
        return cuda_copy_check(context, &task->copy, &copy);
    case CU_GRAPH_NODE_TYPE_MEMSET:
        task->set = *(const CUDA_MEMSET_NODE_PARAMS *)params;
        return check_set(context, &task->set);
    case CU_GRAPH_NODE_TYPE_HOST:
        task->host = *(const CUDA_HOST_NODE_PARAMS *)params;
        return task->host.fn != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    default:
        return set_event((CUevent)(uintptr_t)params, task);
    }
}

CUresult cuda_task_change(struct cuda_context *context, const void *params, bool is_cooperative,
                          struct cuda_task *task)
{
    struct cuda_task changed;
    CUresult result = cuda_task_set(context, task->type, params, is_cooperative, &changed);

    if (result == CUDA_SUCCESS) {
        cuda_task_clear(task);
        *task = changed;
    }
    return result;
}

CUresult cuda_task_copy(const struct cuda_task *from, struct cuda_task *task)
{
    *task = *from;
    return from->type == CU_GRAPH_NODE_TYPE_KERNEL ? copy_params(task) : CUDA_SUCCESS;
}

void cuda_task_clear(struct cuda_task *task)
{
    cuda_free(task->params);
    task->params = NULL;
}

CUresult cuda_task_check(struct cuda_context *context, const struct cuda_task *task)
{
    const struct cuda_object *object;

    switch (task->type) {
    case CU_GRAPH_NODE_TYPE_KERNEL:
        object = cuda_find(task->kernel.func, CUDA_KIND_FUNCTION);
        break;
    case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
    case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
        object = cuda_find(task->event, CUDA_KIND_EVENT);
        break;
    default:
        return CUDA_SUCCESS;
    }
    return object == NULL               ? CUDA_ERROR_INVALID_HANDLE
           : object->context != context ? CUDA_ERROR_INVALID_CONTEXT
                                        : CUDA_SUCCESS;
}

/* ---- For the worker ---- */

/* Its structure of an operation, and of the node that does the same. */
union operation {
    struct bg_cuda_launch launch;
    struct bg_cuda_copy_box copy;
    struct bg_cuda_fill fill;
    struct bg_cuda_handle event;
};

static CUresult describe_launch(struct cuda_context *context, const struct cuda_task *task,
                                struct bg_cuda_launch *head)
{
    struct cuda_function *function;
    CUresult result = cuda_function_of(context, task->kernel.func, &function);

    if (result == CUDA_SUCCESS) {
        const struct cuda_launch launch = launch_of(task, function);

        cuda_launch_pack(&launch, 0, function->params_size, head);
    }
    return result;
}

static CUresult describe_event(const struct cuda_task *task, struct bg_cuda_handle *handle)
{
    const struct cuda_event *event = cuda_find(task->event, CUDA_KIND_EVENT);

    handle->handle = event != NULL ? event->number : BG_CUDA_NONE;
    return event != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

static CUresult describe_copy(struct cuda_context *context, const CUDA_MEMCPY3D *asked,
                              struct bg_cuda_copy_box *box)
{
    struct cuda_copy copy;
    CUresult result = cuda_copy_check(context, asked, &copy);

    if (result == CUDA_SUCCESS) {
        cuda_copy_pack(&copy, box);
    }
    return result;
}

static CUresult describe(struct cuda_context *context, const struct cuda_task *task,
                         union operation *operation)
{
    switch (task->type) {
    case CU_GRAPH_NODE_TYPE_KERNEL:
        return describe_launch(context, task, &operation->launch);
    case CU_GRAPH_NODE_TYPE_MEMCPY:
        return describe_copy(context, &task->copy, &operation->copy);
    case CU_GRAPH_NODE_TYPE_MEMSET:
        operation->fill = fill_of(&task->set);
        return cuda_fill_check(context, &operation->fill);
    case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
    case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
        return describe_event(task, &operation->event);
    default:
        return CUDA_SUCCESS;
    }
}

/* A copy or a set of nothing at all. */
static bool is_nothing(const struct cuda_task *task)
{
    const CUDA_MEMCPY3D *copy = &task->copy;
    const CUDA_MEMSET_NODE_PARAMS *set = &task->set;

    return (task->type == CU_GRAPH_NODE_TYPE_MEMCPY &&
            (copy->WidthInBytes == 0 || copy->Height == 0 || copy->Depth == 0)) ||
           (task->type == CU_GRAPH_NODE_TYPE_MEMSET && (set->width == 0 || set->height == 0));
}

/* What the wire calls a type, and the size of its structure. */
static const struct {
    uint32_t type; /* enum bg_cuda_node_type */
    uint32_t size;
} wire[] = {
    [CU_GRAPH_NODE_TYPE_KERNEL] = {BG_CUDA_NODE_LAUNCH, sizeof(struct bg_cuda_launch)},
    [CU_GRAPH_NODE_TYPE_MEMCPY] = {BG_CUDA_NODE_COPY_BOX, sizeof(struct bg_cuda_copy_box)},
    [CU_GRAPH_NODE_TYPE_MEMSET] = {BG_CUDA_NODE_FILL, sizeof(struct bg_cuda_fill)},
    [CU_GRAPH_NODE_TYPE_GRAPH] = {BG_CUDA_NODE_EMPTY, 0},
    [CU_GRAPH_NODE_TYPE_EMPTY] = {BG_CUDA_NODE_EMPTY, 0},
    [CU_GRAPH_NODE_TYPE_WAIT_EVENT] = {BG_CUDA_NODE_WAIT, sizeof(struct bg_cuda_handle)},
    [CU_GRAPH_NODE_TYPE_EVENT_RECORD] = {BG_CUDA_NODE_RECORD, sizeof(struct bg_cuda_handle)},
};

static CUgraphNodeType type_of(const struct cuda_task *task)
{
    return is_nothing(task) ? CU_GRAPH_NODE_TYPE_EMPTY : task->type;
}

size_t cuda_task_size(const struct cuda_task *task)
{
    return wire[type_of(task)].size + task->params_size;
}

CUresult cuda_task_write(struct cuda_context *context, const struct cuda_task *task, void *to,
                         uint32_t *type)
{
    uint32_t size = wire[type_of(task)].size;
    union operation operation;
    CUresult result = describe(context, task, &operation);

    *type = wire[type_of(task)].type;
    if (result == CUDA_SUCCESS && size > 0) {
        memcpy(to, &operation, size);
    }
    if (result == CUDA_SUCCESS && task->params_size > 0) {
        memcpy((char *)to + size, params_bytes(task), task->params_size);
    }
    return result;
}

bool cuda_task_is_ours(struct cuda_context *context, const struct cuda_task *task)
{
    struct cuda_copy copy;

    if (task->type == CU_GRAPH_NODE_TYPE_HOST) {
        return true;
    }
    return task->type == CU_GRAPH_NODE_TYPE_MEMCPY && !is_nothing(task) &&
           cuda_copy_check(context, &task->copy, &copy) == CUDA_SUCCESS &&
           !cuda_copy_is_remote(&copy);
}

/* ---- One by one ---- */

static CUresult run_kernel(struct cuda_stream *stream, const struct cuda_task *task)
{
    struct cuda_function *function;
    struct cuda_launch launch;
    CUresult result = cuda_function_of(stream->object.context, task->kernel.func, &function);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    launch = launch_of(task, function);
    return cuda_launch_put(&launch, stream, task->params, NULL);
}

static CUresult run_copy(struct cuda_stream *stream, const struct cuda_task *task)
{
    struct cuda_copy copy;

    return cuda_copy_check(stream->object.context, &task->copy, &copy)
               ?: cuda_copy_run(stream, &copy, false);
}

static CUresult run_set(struct cuda_stream *stream, const struct cuda_task *task)
{
    struct cuda_context *context = stream->object.context;
    struct bg_cuda_fill fill = fill_of(&task->set);
    CUresult result = cuda_fill_check(context, &fill);

    fill.stream = stream->number;
    return result
               ?: is_nothing(task) ? CUDA_SUCCESS
                                   : CUDA_PUT_IN(context->device, fill.stream, BG_CUDA_FILL, fill);
}

CUresult cuda_task_run(struct cuda_stream *stream, const struct cuda_task *task)
{
    switch (task->type) {
    case CU_GRAPH_NODE_TYPE_KERNEL:
        return run_kernel(stream, task);
    case CU_GRAPH_NODE_TYPE_MEMCPY:
        return run_copy(stream, task);
    case CU_GRAPH_NODE_TYPE_MEMSET:
        return run_set(stream, task);
    case CU_GRAPH_NODE_TYPE_HOST:
        return cuda_host_launch(stream, &task->host);
    case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
        return cuda_event_record(cuda_find(task->event, CUDA_KIND_EVENT), stream);
    case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
        return cuda_stream_wait_event(stream, cuda_find(task->event, CUDA_KIND_EVENT));
    default:
        return CUDA_SUCCESS;
    }
}
