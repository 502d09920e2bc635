/* SPDX-License-Identifier: BSD-2-Clause */
/* Graphs that can be launched: a list of what is to be done, children's too, in an order that their
 * dependencies allow. */
#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/driver/capture.h"
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/event.h"
#include "host/cuda-cpu/driver/graph.h"
#include "host/cuda-cpu/driver/host.h"
#include "host/cuda-cpu/driver/launch.h"
#include "host/cuda-cpu/driver/set.h"
#include "host/cuda-cpu/driver/stream.h"

struct entry {
    const struct node *node; /* whose it is, as an address; NULL: a child's beginning */
    CUgraphNodeType type;
    struct task *task; /* is copied; NULL: nothing is done */
    CUevent event;
    bool disabled;
    size_t *after; /* earlier entries */
    size_t after_count;
    struct task *running; /* while it is being launched */
};

struct exec {
    struct object object;
    struct entry *entries;
    size_t count, capacity;
    cuuint64_t flags;
};

/* ---- Making one ---- */

static void clear(struct exec *exec)
{
    for (size_t i = 0; i < exec->count; i++) {
        task_release(exec->entries[i].task);
        free(exec->entries[i].after);
    }
    free(exec->entries);
    exec->entries = NULL;
    exec->count = exec->capacity = 0;
}

/* With room for so many dependencies. NULL: no memory. */
static struct entry *add_entry(struct exec *exec, const struct node *node, size_t after)
{
    struct entry *entry;

    if (exec->count == exec->capacity) {
        size_t capacity = exec->capacity ? exec->capacity * 2 : 16;
        struct entry *entries = realloc(exec->entries, capacity * sizeof(*entries));

        if (entries == NULL) {
            return NULL;
        }
        exec->entries = entries;
        exec->capacity = capacity;
    }
    entry = &exec->entries[exec->count];
    *entry = (struct entry){.node = node, .type = CU_GRAPH_NODE_TYPE_EMPTY};
    entry->after = calloc(after + 1, sizeof(*entry->after));
    if (entry->after == NULL) {
        return NULL;
    }
    exec->count++;
    return entry;
}

static bool add_graph(struct exec *exec, struct graph *graph, const size_t *start);

/* What comes after the node comes after entry ends[place]. */
static bool add_node(struct exec *exec, const struct node *node, const size_t *ends,
                     const size_t *start)
{
    struct entry *entry = add_entry(exec, node, node->after_count + 1);

    if (entry == NULL) {
        return false;
    }
    for (size_t i = 0; i < node->after_count; i++) {
        entry->after[entry->after_count++] = ends[node->after[i]->place];
    }
    if (node->after_count == 0 && start != NULL) {
        entry->after[entry->after_count++] = *start;
    }
    entry->type = node->type;
    entry->event = node->event;
    if (node->task != NULL) {
        entry->task = task_copy(node->task);
        return entry->task != NULL;
    }
    return true;
}

/* A child is between its node's entry and another one, which comes after all of it. */
static bool add_child(struct exec *exec, const struct node *node)
{
    size_t start = exec->count - 1;
    struct entry *end;

    exec->entries[start].node = NULL;
    if (!add_graph(exec, node->child, &start)) {
        return false;
    }
    end = add_entry(exec, node, exec->count - start);
    if (end == NULL) {
        return false;
    }
    end->type = CU_GRAPH_NODE_TYPE_GRAPH;
    for (size_t i = start; i + 1 < exec->count; i++) {
        end->after[end->after_count++] = i;
    }
    return true;
}

/* Nodes in the order of their places, so that graphs of one shape give lists of one shape. */
static bool add_graph(struct exec *exec, struct graph *graph, const size_t *start)
{
    struct node **sorted = calloc(graph->count + 1, sizeof(*sorted));
    size_t *ends = calloc(graph->count + 1, sizeof(*ends));
    bool done = sorted != NULL && ends != NULL;

    for (size_t i = 0; done && i < graph->count; i++) {
        sorted[graph->nodes[i]->place] = graph->nodes[i];
    }
    for (size_t i = 0; done && i < graph->count; i++) {
        done = add_node(exec, sorted[i], ends, start) &&
               (sorted[i]->child == NULL || add_child(exec, sorted[i]));
        ends[i] = exec->count - 1;
    }
    free(sorted);
    free(ends);
    return done;
}

static bool sort_all(struct graph *graph)
{
    bool done = graph_sort(graph);

    for (size_t i = 0; i < graph->count && done; i++) {
        done = graph->nodes[i]->child == NULL || sort_all(graph->nodes[i]->child);
    }
    return done;
}

/* CUDA_ERROR_INVALID_VALUE: there is a circle. */
static CUresult fill(struct exec *exec, struct graph *graph)
{
    if (!sort_all(graph)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (!add_graph(exec, graph, NULL)) {
        clear(exec);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    return CUDA_SUCCESS;
}

#define FLAGS                                                                                      \
    (CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH | CUDA_GRAPH_INSTANTIATE_FLAG_UPLOAD |        \
     CUDA_GRAPH_INSTANTIATE_FLAG_USE_NODE_PRIORITY)

static CUresult instantiate(CUgraphExec *handle, CUgraph graph_handle, cuuint64_t flags)
{
    struct graph *graph = object_find(graph_handle, OBJECT_GRAPH);
    struct exec *exec;
    CUresult result;

    if (handle == NULL || graph == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if ((flags & ~(cuuint64_t)FLAGS) != 0) {
        return flags == CUDA_GRAPH_INSTANTIATE_FLAG_DEVICE_LAUNCH ? CUDA_ERROR_NOT_SUPPORTED
                                                                  : CUDA_ERROR_INVALID_VALUE;
    }
    exec = calloc(1, sizeof(*exec));
    if (exec == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    exec->flags = flags;
    result = fill(exec, graph);
    if (result == CUDA_SUCCESS && !object_add(&exec->object, OBJECT_EXEC)) {
        clear(exec);
        result = CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (result != CUDA_SUCCESS) {
        free(exec);
        return result;
    }
    *handle = (CUgraphExec)exec;
    return CUDA_SUCCESS;
}

CUresult cuGraphInstantiate(CUgraphExec *exec, CUgraph graph, unsigned long long flags)
{
    return IN_DRIVER(instantiate(exec, graph, flags));
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

static CUresult destroy(CUgraphExec handle)
{
    struct exec *exec = object_find(handle, OBJECT_EXEC);

    if (exec == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    object_remove(&exec->object);
    clear(exec);
    free(exec);
    return CUDA_SUCCESS;
}

CUresult cuGraphExecDestroy(CUgraphExec exec)
{
    return IN_DRIVER(destroy(exec));
}

static CUresult get_flags(CUgraphExec handle, cuuint64_t *flags)
{
    const struct exec *exec = object_find(handle, OBJECT_EXEC);

    if (exec == NULL || flags == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *flags = exec->flags;
    return CUDA_SUCCESS;
}

CUresult cuGraphExecGetFlags(CUgraphExec exec, cuuint64_t *flags)
{
    return IN_DRIVER(get_flags(exec, flags));
}

/* ---- Launching ---- */

/* Kernels, contexts and events may have gone since. */
static CUresult check_entry(const struct context *context, const struct entry *entry)
{
    CUDA_KERNEL_NODE_PARAMS kernel;

    if (entry->task != NULL && entry->task->context != context) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    if (entry->task != NULL && launch_task_read(entry->task, &kernel) &&
        object_find(kernel.func, OBJECT_FUNCTION) == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    return entry->event == NULL || event_of_handle(entry->event) != NULL
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_HANDLE;
}

static struct task *make_task(struct context *context, const struct entry *entry)
{
    return entry->task != NULL && !entry->disabled
               ? task_copy(entry->task)
               : task_create(sizeof(struct task), context, NULL);
}

static void follow(struct exec *exec, struct entry *entry, struct task *start)
{
    task_follow(entry->running, start);
    for (size_t i = 0; i < entry->after_count; i++) {
        task_follow(entry->running, exec->entries[entry->after[i]].running);
    }
    if (entry->type == CU_GRAPH_NODE_TYPE_WAIT_EVENT) {
        task_follow(entry->running, event_of_handle(entry->event)->recorded);
    } else if (entry->type == CU_GRAPH_NODE_TYPE_EVENT_RECORD) {
        event_set(event_of_handle(entry->event), entry->running);
    }
}

/* All tasks, and one that the stream waits for behind them; or none, and no memory. */
static bool make_tasks(struct context *context, struct exec *exec, struct task **end)
{
    bool done = true;

    *end = task_create(sizeof(**end), context, NULL);
    for (size_t i = 0; i < exec->count; i++) {
        exec->entries[i].running = make_task(context, &exec->entries[i]);
        done = done && exec->entries[i].running != NULL;
    }
    if (done && *end != NULL) {
        return true;
    }
    for (size_t i = 0; i < exec->count; i++) {
        task_release(exec->entries[i].running);
    }
    task_release(*end);
    return false;
}

/* ---- Launched into a capture: a graph again ---- */

static struct node *add_again(struct graph *graph, const struct entry *entry)
{
    bool does_nothing = entry->disabled || entry->type == CU_GRAPH_NODE_TYPE_GRAPH;
    struct task *task = does_nothing || entry->task == NULL ? NULL : task_copy(entry->task);
    struct node *node;

    if (!does_nothing && entry->task != NULL && task == NULL) {
        return NULL;
    }
    node = graph_add(graph, does_nothing ? CU_GRAPH_NODE_TYPE_EMPTY : entry->type, task, NULL);
    if (node != NULL) {
        node->event = entry->event;
    }
    return node;
}

/* Nodes are in the order of the entries. */
static CUresult fill_again(const struct exec *exec, struct graph *graph)
{
    CUresult result = CUDA_SUCCESS;

    for (size_t i = 0; i < exec->count && result == CUDA_SUCCESS; i++) {
        const struct entry *entry = &exec->entries[i];
        struct node *node = add_again(graph, entry);

        result = node != NULL ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
        for (size_t j = 0; j < entry->after_count && result == CUDA_SUCCESS; j++) {
            result = node_follow(node, graph->nodes[entry->after[j]]);
        }
    }
    return result;
}

static CUresult capture(struct stream *stream, const struct exec *exec)
{
    struct graph *graph = graph_create();
    CUresult result = graph != NULL ? fill_again(exec, graph) : CUDA_ERROR_OUT_OF_MEMORY;

    if (result == CUDA_SUCCESS) {
        return capture_add_child(stream, graph);
    }
    if (graph != NULL) {
        graph_destroy(graph);
    }
    return capture_break(stream, result);
}

/* ---- Launches ---- */

static CUresult launch(struct context *context, CUgraphExec handle, CUstream stream_handle)
{
    struct exec *exec = object_find(handle, OBJECT_EXEC);
    struct stream *stream;
    struct task *start, *end;
    CUresult result = stream_of_handle(context, stream_handle, &stream);

    if (exec == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (size_t i = 0; i < exec->count && result == CUDA_SUCCESS; i++) {
        result = check_entry(context, &exec->entries[i]);
    }
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (stream->capture != NULL) {
        return capture(stream, exec);
    }
    start = task_create(sizeof(*start), context, NULL);
    if (start == NULL || !make_tasks(context, exec, &end)) {
        task_release(start);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    stream_submit(stream, start);
    for (size_t i = 0; i < exec->count; i++) {
        follow(exec, &exec->entries[i], start);
        task_follow(end, exec->entries[i].running);
        exec->entries[i].running->stream = stream;
        exec->entries[i].running->at_call = start->at_call;
    }
    for (size_t i = 0; i < exec->count; i++) {
        task_submit(exec->entries[i].running);
        task_release(exec->entries[i].running);
    }
    task_release(start);
    return stream_do(stream, end, false);
}

CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream)
{
    return IN_CONTEXT(launch(context, exec, stream));
}

/* There is nowhere to upload it to. */
static CUresult upload(struct context *context, CUgraphExec handle, CUstream stream_handle)
{
    struct stream *stream;

    if (object_find(handle, OBJECT_EXEC) == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return stream_of_handle(context, stream_handle, &stream);
}

CUresult cuGraphUpload(CUgraphExec exec, CUstream stream)
{
    return IN_CONTEXT(upload(context, exec, stream));
}

/* ---- Changes ---- */

/* The entry of a node of the graph that it was made from. */
static struct entry *find_entry(CUgraphExec handle, CUgraphNode node, CUgraphNodeType type)
{
    struct exec *exec = object_find(handle, OBJECT_EXEC);

    if (exec == NULL || object_find(node, OBJECT_NODE) == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < exec->count; i++) {
        if (exec->entries[i].node == (const struct node *)node && exec->entries[i].type == type) {
            return &exec->entries[i];
        }
    }
    return NULL;
}

static CUresult set_params(struct context *context, CUgraphExec exec, CUgraphNode node,
                           CUgraphNodeType type, const void *params)
{
    struct entry *entry = find_entry(exec, node, type);
    struct task *task;
    CUresult result = entry != NULL ? node_make_task(context, type, params, entry->task, &task)
                                    : CUDA_ERROR_INVALID_VALUE;

    if (result == CUDA_SUCCESS) {
        task_release(entry->task);
        entry->task = task;
    }
    return result;
}

CUresult cuGraphExecKernelNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                        const CUDA_KERNEL_NODE_PARAMS *params)
{
    return IN_CONTEXT(set_params(context, exec, node, CU_GRAPH_NODE_TYPE_KERNEL, params));
}

CUresult cuGraphExecMemcpyNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                        const CUDA_MEMCPY3D *params, CUcontext of)
{
    (void)of;
    return IN_CONTEXT(set_params(context, exec, node, CU_GRAPH_NODE_TYPE_MEMCPY, params));
}

CUresult cuGraphExecMemsetNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                        const CUDA_MEMSET_NODE_PARAMS *params, CUcontext of)
{
    (void)of;
    return IN_CONTEXT(set_params(context, exec, node, CU_GRAPH_NODE_TYPE_MEMSET, params));
}

CUresult cuGraphExecHostNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                      const CUDA_HOST_NODE_PARAMS *params)
{
    return IN_CONTEXT(set_params(context, exec, node, CU_GRAPH_NODE_TYPE_HOST, params));
}

static CUresult set_event(CUgraphExec exec, CUgraphNode node, CUgraphNodeType type, CUevent event)
{
    struct entry *entry = find_entry(exec, node, type);

    if (entry == NULL || event_of_handle(event) == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    entry->event = event;
    return CUDA_SUCCESS;
}

CUresult cuGraphExecEventRecordNodeSetEvent(CUgraphExec exec, CUgraphNode node, CUevent event)
{
    return IN_DRIVER(set_event(exec, node, CU_GRAPH_NODE_TYPE_EVENT_RECORD, event));
}

CUresult cuGraphExecEventWaitNodeSetEvent(CUgraphExec exec, CUgraphNode node, CUevent event)
{
    return IN_DRIVER(set_event(exec, node, CU_GRAPH_NODE_TYPE_WAIT_EVENT, event));
}

/* Kernels, copies and sets may be left out. */
static struct entry *find_optional(CUgraphExec exec, CUgraphNode node)
{
    return find_entry(exec, node, CU_GRAPH_NODE_TYPE_KERNEL)
               ?: find_entry(exec, node, CU_GRAPH_NODE_TYPE_MEMCPY)
               ?: find_entry(exec, node, CU_GRAPH_NODE_TYPE_MEMSET);
}

static CUresult set_enabled(CUgraphExec exec, CUgraphNode node, bool enabled)
{
    struct entry *entry = find_optional(exec, node);

    if (entry == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    entry->disabled = !enabled;
    return CUDA_SUCCESS;
}

CUresult cuGraphNodeSetEnabled(CUgraphExec exec, CUgraphNode node, unsigned enabled)
{
    return IN_DRIVER(set_enabled(exec, node, enabled != 0));
}

static CUresult get_enabled(CUgraphExec exec, CUgraphNode node, unsigned *enabled)
{
    const struct entry *entry = find_optional(exec, node);

    if (entry == NULL || enabled == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *enabled = !entry->disabled;
    return CUDA_SUCCESS;
}

CUresult cuGraphNodeGetEnabled(CUgraphExec exec, CUgraphNode node, unsigned *enabled)
{
    return IN_DRIVER(get_enabled(exec, node, enabled));
}

/* ---- Updates ---- */

static bool have_same_edges(const struct entry *a, const struct entry *b)
{
    return a->after_count == b->after_count &&
           memcmp(a->after, b->after, a->after_count * sizeof(*a->after)) == 0;
}

static CUgraphExecUpdateResult compare(const struct exec *exec, const struct exec *update,
                                       CUgraphNode *node)
{
    *node = NULL;
    if (exec->count != update->count) {
        return CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
    }
    for (size_t i = 0; i < exec->count; i++) {
        *node = (CUgraphNode)(uintptr_t)update->entries[i].node;
        if (exec->entries[i].type != update->entries[i].type) {
            return CU_GRAPH_EXEC_UPDATE_ERROR_NODE_TYPE_CHANGED;
        }
        if (!have_same_edges(&exec->entries[i], &update->entries[i])) {
            return CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
        }
    }
    *node = NULL;
    return CU_GRAPH_EXEC_UPDATE_SUCCESS;
}

/* Nodes stay those that it was made from: handles go on. */
static void take_over(struct exec *exec, struct exec *update)
{
    for (size_t i = 0; i < exec->count; i++) {
        struct task *task = exec->entries[i].task;

        exec->entries[i].task = update->entries[i].task;
        exec->entries[i].event = update->entries[i].event;
        update->entries[i].task = task;
    }
}

static CUresult update(CUgraphExec handle, CUgraph graph_handle, CUgraphExecUpdateResultInfo *info)
{
    struct exec *exec = object_find(handle, OBJECT_EXEC), trial = {.count = 0};
    struct graph *graph = object_find(graph_handle, OBJECT_GRAPH);
    CUresult result;

    if (exec == NULL || graph == NULL || info == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *info = (CUgraphExecUpdateResultInfo){.result = CU_GRAPH_EXEC_UPDATE_ERROR};
    result = fill(&trial, graph);
    if (result == CUDA_SUCCESS) {
        info->result = compare(exec, &trial, &info->errorNode);
        if (info->result == CU_GRAPH_EXEC_UPDATE_SUCCESS) {
            take_over(exec, &trial);
        } else {
            result = CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;
        }
    }
    clear(&trial);
    return result;
}

CUresult cuGraphExecUpdate(CUgraphExec exec, CUgraph graph, CUgraphExecUpdateResultInfo *info)
{
    return IN_DRIVER(update(exec, graph, info));
}
