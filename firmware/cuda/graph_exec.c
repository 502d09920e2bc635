/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Graphs that can be launched. The worker has them whole, but for those in which something is that
 * only this side can do (cuda_task_is_ours): these are launched node by node, one behind the other.
 */
#include "firmware/cuda/capture.h"
#include "firmware/cuda/graph.h"

struct cuda_exec {
    struct cuda_object object;
    struct cuda_entries entries;
    cuuint64_t flags;
    uint32_t number; /* the worker's; BG_CUDA_NONE: it has none */
    bool is_changed; /* since the worker was told */
    bool is_ours;    /* launched node by node */
};

/* ---- Their lives ---- */

#define FLAGS                                                                                      \
    (CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH | CUDA_GRAPH_INSTANTIATE_FLAG_UPLOAD |        \
     CUDA_GRAPH_INSTANTIATE_FLAG_USE_NODE_PRIORITY)

/* The worker has what is in the entries; or nothing, where it could not do all of it. */
static CUresult tell_worker(struct cuda_context *context, struct cuda_exec *exec)
{
    struct cuda_device *device = context->device;
    bool is_new = exec->number == BG_CUDA_NONE;
    uint32_t number = exec->number;
    CUresult result;

    exec->is_ours = false;
    for (uint32_t i = 0; i < exec->entries.count && !exec->is_ours; i++) {
        exec->is_ours = cuda_task_is_ours(context, &exec->entries.entries[i].task);
    }
    if (exec->is_ours) {
        exec->is_changed = false;
        return CUDA_SUCCESS;
    }
    if (is_new) {
        number = cuda_number_take(device->numbers.graphs, BG_CUDA_GRAPHS_MAX);
    }
    if (number == BG_CUDA_GRAPHS_MAX) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    result = cuda_entries_send(context, &exec->entries,
                               is_new ? BG_CUDA_GRAPH_CREATE : BG_CUDA_GRAPH_UPDATE, number);
    if (result == CUDA_SUCCESS) {
        exec->number = number;
        exec->is_changed = false;
    } else if (is_new) {
        cuda_number_give(device->numbers.graphs, number);
    }
    return result;
}

void cuda_exec_destroy(struct cuda_object *object)
{
    struct cuda_exec *exec = (struct cuda_exec *)object;

    if (exec->number != BG_CUDA_NONE) {
        cuda_retire(object, BG_CUDA_GRAPH_DESTROY, object->context->device->numbers.graphs,
                    exec->number);
    }
    cuda_entries_clear(&exec->entries);
    cuda_object_destroy(object);
}

static CUresult check_flags(cuuint64_t flags)
{
    return (flags & ~(cuuint64_t)FLAGS) == 0                    ? CUDA_SUCCESS
           : flags == CUDA_GRAPH_INSTANTIATE_FLAG_DEVICE_LAUNCH ? CUDA_ERROR_NOT_SUPPORTED
                                                                : CUDA_ERROR_INVALID_VALUE;
}

static CUresult make(struct cuda_context *context, struct cuda_graph *graph, cuuint64_t flags,
                     CUgraphExec *handle)
{
    struct cuda_exec *exec = cuda_object_create(CUDA_KIND_EXEC, sizeof(*exec), context);
    CUresult result;

    if (exec == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    exec->number = BG_CUDA_NONE;
    exec->flags = flags;
    result = cuda_entries_fill(&exec->entries, graph)
                 ?: cuda_entries_check(context, &exec->entries)
                 ?: tell_worker(context, exec);
    if (result != CUDA_SUCCESS) {
        cuda_exec_destroy(&exec->object);
        return result;
    }
    *handle = exec->object.handle;
    return CUDA_SUCCESS;
}

CUresult cuGraphInstantiate(CUgraphExec *exec, CUgraph handle, unsigned long long flags)
{
    struct cuda_context *context;
    CUresult result = cuda_enter_context(&context);
    struct cuda_graph *graph = cuda_find(handle, CUDA_KIND_GRAPH);

    if (result != CUDA_SUCCESS || exec == NULL || graph == NULL) {
        return result ?: CUDA_ERROR_INVALID_VALUE;
    }
    return check_flags(flags) ?: make(context, graph, flags, exec);
}

CUresult cuGraphInstantiateWithParams(CUgraphExec *exec, CUgraph graph,
                                      CUDA_GRAPH_INSTANTIATE_PARAMS *params)
{
    CUresult result;

    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = cuGraphInstantiate(exec, graph, params->flags);
    params->hErrNode_out = NULL;
    params->result_out =
        result == CUDA_SUCCESS ? CUDA_GRAPH_INSTANTIATE_SUCCESS : CUDA_GRAPH_INSTANTIATE_ERROR;
    return result;
}

static CUresult find(CUgraphExec handle, struct cuda_exec **exec)
{
    *exec = cuda_find(handle, CUDA_KIND_EXEC);
    return *exec != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphExecDestroy(CUgraphExec handle)
{
    struct cuda_exec *exec;
    CUresult result = cuda_enter() ?: find(handle, &exec);

    if (result == CUDA_SUCCESS) {
        cuda_exec_destroy(&exec->object);
    }
    return result;
}

CUresult cuGraphExecGetFlags(CUgraphExec handle, cuuint64_t *flags)
{
    struct cuda_exec *exec;
    CUresult result = cuda_enter() ?: find(handle, &exec);

    if (result == CUDA_SUCCESS && flags == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *flags = exec->flags;
    }
    return result;
}

/* ---- Launches ---- */

static CUresult run_entries(struct cuda_stream *stream, const struct cuda_entries *entries)
{
    CUresult result = CUDA_SUCCESS;

    for (uint32_t i = 0; i < entries->count && result == CUDA_SUCCESS; i++) {
        if (!entries->entries[i].is_disabled) {
            result = cuda_task_run(stream, &entries->entries[i].task);
        }
    }
    return result;
}

/* Events that it records have passed when the stream is behind it. */
static CUresult record_events(struct cuda_stream *stream, const struct cuda_entries *entries)
{
    CUresult result = CUDA_SUCCESS;

    for (uint32_t i = 0; i < entries->count && result == CUDA_SUCCESS; i++) {
        const struct cuda_task *task = &entries->entries[i].task;

        if (task->type == CU_GRAPH_NODE_TYPE_EVENT_RECORD) {
            result = cuda_event_set_recorded(cuda_find(task->event, CUDA_KIND_EVENT), stream);
        }
    }
    return result;
}

static CUresult launch(struct cuda_context *context, struct cuda_exec *exec,
                       struct cuda_stream *stream)
{
    struct bg_cuda_graph_launch params = {.stream = stream->number};
    CUresult result = cuda_entries_check(context, &exec->entries);

    if (result == CUDA_SUCCESS && exec->is_changed) {
        result = tell_worker(context, exec);
    }
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (exec->is_ours) {
        return run_entries(stream, &exec->entries);
    }
    params.graph = exec->number;
    return CUDA_PUT_IN(context->device, stream->number, BG_CUDA_GRAPH_LAUNCH, params)
               ?: record_events(stream, &exec->entries);
}

CUresult cuGraphLaunch(CUgraphExec handle, CUstream stream_handle)
{
    struct cuda_context *context;
    struct cuda_stream *stream;
    struct cuda_exec *exec;
    CUresult result = cuda_enter_context(&context)
                          ?: find(handle, &exec)
                          ?: cuda_capture_stream_of(context, stream_handle, &stream);

    if (result == CUDA_SUCCESS && exec->object.context != context) {
        result = CUDA_ERROR_INVALID_CONTEXT;
    }
    if (result == CUDA_SUCCESS && stream->capture != NULL) {
        return cuda_capture_add_child(stream, cuda_entries_to_graph(&exec->entries));
    }
    return result ?: launch(context, exec, stream);
}

/* It is there since it was instantiated. */
CUresult cuGraphUpload(CUgraphExec handle, CUstream stream_handle)
{
    struct cuda_context *context;
    struct cuda_stream *stream;
    struct cuda_exec *exec;

    return cuda_enter_context(&context)
               ?: find(handle, &exec)
               ?: cuda_stream_of(context, stream_handle, &stream);
}

/* ---- Changes: the worker is told with the next launch ---- */

/* The entry of a node of the graph that it was made from. */
static struct cuda_entry *find_entry(const struct cuda_exec *exec, CUgraphNode node)
{
    for (uint32_t i = 0; node != NULL && i < exec->entries.count; i++) {
        if (exec->entries.entries[i].node == node) {
            return &exec->entries.entries[i];
        }
    }
    return NULL;
}

static CUresult set_task(CUgraphExec handle, CUgraphNode node, CUgraphNodeType type,
                         const void *params)
{
    struct cuda_context *context;
    struct cuda_exec *exec;
    struct cuda_entry *entry;
    CUresult result = cuda_enter_context(&context) ?: find(handle, &exec);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    entry = find_entry(exec, node);
    if (entry == NULL || entry->task.type != type) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = cuda_task_change(context, params, entry->task.is_cooperative, &entry->task);
    if (result == CUDA_SUCCESS) {
        exec->is_changed = true;
    }
    return result;
}

CUresult cuGraphExecKernelNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                        const CUDA_KERNEL_NODE_PARAMS *params)
{
    return set_task(exec, node, CU_GRAPH_NODE_TYPE_KERNEL, params);
}

CUresult cuGraphExecMemcpyNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                        const CUDA_MEMCPY3D *params, CUcontext context)
{
    (void)context; /* those of a device see the same memory */
    return set_task(exec, node, CU_GRAPH_NODE_TYPE_MEMCPY, params);
}

CUresult cuGraphExecMemsetNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                        const CUDA_MEMSET_NODE_PARAMS *params, CUcontext context)
{
    (void)context;
    return set_task(exec, node, CU_GRAPH_NODE_TYPE_MEMSET, params);
}

CUresult cuGraphExecHostNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                      const CUDA_HOST_NODE_PARAMS *params)
{
    return set_task(exec, node, CU_GRAPH_NODE_TYPE_HOST, params);
}

CUresult cuGraphExecEventRecordNodeSetEvent(CUgraphExec exec, CUgraphNode node, CUevent event)
{
    return set_task(exec, node, CU_GRAPH_NODE_TYPE_EVENT_RECORD, event);
}

CUresult cuGraphExecEventWaitNodeSetEvent(CUgraphExec exec, CUgraphNode node, CUevent event)
{
    return set_task(exec, node, CU_GRAPH_NODE_TYPE_WAIT_EVENT, event);
}

/* Kernels, copies and sets may be left out. */
static CUresult find_optional(CUgraphExec handle, CUgraphNode node, struct cuda_exec **exec,
                              struct cuda_entry **entry)
{
    CUresult result = cuda_enter() ?: find(handle, exec);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    *entry = find_entry(*exec, node);
    return *entry != NULL && ((*entry)->task.type == CU_GRAPH_NODE_TYPE_KERNEL ||
                              (*entry)->task.type == CU_GRAPH_NODE_TYPE_MEMCPY ||
                              (*entry)->task.type == CU_GRAPH_NODE_TYPE_MEMSET)
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphNodeSetEnabled(CUgraphExec handle, CUgraphNode node, unsigned enabled)
{
    struct cuda_exec *exec;
    struct cuda_entry *entry;
    CUresult result = find_optional(handle, node, &exec, &entry);

    if (result == CUDA_SUCCESS) {
        exec->is_changed = exec->is_changed || entry->is_disabled != (enabled == 0);
        entry->is_disabled = enabled == 0;
    }
    return result;
}

CUresult cuGraphNodeGetEnabled(CUgraphExec handle, CUgraphNode node, unsigned *enabled)
{
    struct cuda_exec *exec;
    struct cuda_entry *entry;
    CUresult result = find_optional(handle, node, &exec, &entry);

    if (result == CUDA_SUCCESS && enabled == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *enabled = !entry->is_disabled;
    }
    return result;
}

/* ---- Updates ---- */

static bool have_same_edges(const struct cuda_entry *a, const struct cuda_entry *b)
{
    return a->after_count == b->after_count &&
           memcmp(a->after, b->after, a->after_count * sizeof(*a->after)) == 0;
}

static CUgraphExecUpdateResult compare(const struct cuda_entries *a, const struct cuda_entries *b,
                                       CUgraphNode *node)
{
    *node = NULL;
    if (a->count != b->count) {
        return CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        *node = b->entries[i].node;
        if (a->entries[i].task.type != b->entries[i].task.type) {
            return CU_GRAPH_EXEC_UPDATE_ERROR_NODE_TYPE_CHANGED;
        }
        if (!have_same_edges(&a->entries[i], &b->entries[i])) {
            return CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
        }
    }
    *node = NULL;
    return CU_GRAPH_EXEC_UPDATE_SUCCESS;
}

/* What the nodes do changes sides. The nodes stay those that it was made from: their handles go
 * on. */
static void exchange_tasks(struct cuda_entries *a, struct cuda_entries *b)
{
    for (uint32_t i = 0; i < a->count; i++) {
        struct cuda_task task = a->entries[i].task;

        a->entries[i].task = b->entries[i].task;
        b->entries[i].task = task;
    }
}

static CUresult take_over(struct cuda_context *context, struct cuda_exec *exec,
                          struct cuda_entries *changed, CUgraphExecUpdateResultInfo *info)
{
    CUresult result = cuda_entries_check(context, changed);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    info->result = compare(&exec->entries, changed, &info->errorNode);
    if (info->result != CU_GRAPH_EXEC_UPDATE_SUCCESS) {
        return CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;
    }
    exchange_tasks(&exec->entries, changed);
    result = tell_worker(context, exec);
    if (result != CUDA_SUCCESS) {
        exchange_tasks(&exec->entries, changed);
        info->result = CU_GRAPH_EXEC_UPDATE_ERROR;
    }
    return result;
}

static CUresult update(struct cuda_context *context, struct cuda_exec *exec,
                       struct cuda_graph *graph, CUgraphExecUpdateResultInfo *info)
{
    struct cuda_entries changed = {0};
    CUresult result;

    if (graph == NULL || info == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *info = (CUgraphExecUpdateResultInfo){.result = CU_GRAPH_EXEC_UPDATE_ERROR};
    result = cuda_entries_fill(&changed, graph);
    result = result ?: take_over(context, exec, &changed, info);
    cuda_entries_clear(&changed);
    return result;
}

CUresult cuGraphExecUpdate(CUgraphExec handle, CUgraph graph, CUgraphExecUpdateResultInfo *info)
{
    struct cuda_context *context;
    struct cuda_exec *exec;

    return cuda_enter_context(&context)
               ?: find(handle, &exec)
               ?: update(context, exec, cuda_find(graph, CUDA_KIND_GRAPH), info);
}
