/* SPDX-License-Identifier: BSD-2-Clause */
/* Nodes of graphs by their kinds: adding them, and what they do. */
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/copy.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/event.h"
#include "host/cuda-cpu/driver/graph.h"
#include "host/cuda-cpu/driver/host.h"
#include "host/cuda-cpu/driver/launch.h"
#include "host/cuda-cpu/driver/set.h"

/* Where a node is to come. */
struct place {
    CUgraphNode *handle;
    CUgraph graph;
    const CUgraphNode *after;
    size_t count;
};

static CUresult check_place(const struct place *place)
{
    if (place->handle == NULL || object_find(place->graph, OBJECT_GRAPH) == NULL ||
        (place->after == NULL && place->count > 0)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (size_t i = 0; i < place->count; i++) {
        const struct node *earlier = object_find(place->after[i], OBJECT_NODE);

        if (earlier == NULL || earlier->graph != (const struct graph *)place->graph) {
            return CUDA_ERROR_INVALID_VALUE;
        }
    }
    return CUDA_SUCCESS;
}

/* Takes the task and the child. The place was checked. */
static CUresult add(const struct place *place, CUgraphNodeType type, struct task *task,
                    struct graph *child, CUevent event)
{
    struct node *node = graph_add((struct graph *)place->graph, type, task, child);

    if (node == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    node->event = event;
    for (size_t i = 0; i < place->count; i++) {
        CUresult result = node_follow(node, (struct node *)place->after[i]);

        if (result != CUDA_SUCCESS) {
            graph_remove(node);
            return result;
        }
    }
    *place->handle = (CUgraphNode)node;
    return CUDA_SUCCESS;
}

/* The node of a handle that is of this kind; NULL: it is not. */
static struct node *find(CUgraphNode handle, CUgraphNodeType type)
{
    struct node *node = object_find(handle, OBJECT_NODE);

    return node != NULL && node->type == type ? node : NULL;
}

static void set_task(struct node *node, struct task *task)
{
    task_release(node->task);
    node->task = task;
}

/* ---- Kernels ---- */

static CUresult add_kernel(struct context *context, const struct place *place,
                           const CUDA_KERNEL_NODE_PARAMS *params)
{
    struct task *task;
    CUresult result = check_place(place);

    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = result ?: launch_task_create(context, params, false, &task);
    return result ?: add(place, CU_GRAPH_NODE_TYPE_KERNEL, task, NULL, NULL);
}

CUresult cuGraphAddKernelNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                              size_t count, const CUDA_KERNEL_NODE_PARAMS *params)
{
    const struct place place = {node, graph, after, count};

    return IN_CONTEXT(add_kernel(context, &place, params));
}

static CUresult get_kernel(CUgraphNode handle, CUDA_KERNEL_NODE_PARAMS *params)
{
    const struct node *node = find(handle, CU_GRAPH_NODE_TYPE_KERNEL);

    return node != NULL && params != NULL && launch_task_read(node->task, params)
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphKernelNodeGetParams(CUgraphNode node, CUDA_KERNEL_NODE_PARAMS *params)
{
    return IN_DRIVER(get_kernel(node, params));
}

static CUresult set_kernel(struct context *context, CUgraphNode handle,
                           const CUDA_KERNEL_NODE_PARAMS *params)
{
    struct node *node = find(handle, CU_GRAPH_NODE_TYPE_KERNEL);
    struct task *task;
    CUresult result;

    if (node == NULL || params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = launch_task_create(context, params, launch_task_is_cooperative(node->task), &task);
    if (result == CUDA_SUCCESS) {
        set_task(node, task);
    }
    return result;
}

CUresult cuGraphKernelNodeSetParams(CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS *params)
{
    return IN_CONTEXT(set_kernel(context, node, params));
}

/* ---- Copies ---- */

CUresult node_make_copy(struct context *context, const CUDA_MEMCPY3D *params, struct task **task)
{
    struct copy copy;

    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return copy_from_box(params, &copy) ?: copy_task_create(context, &copy, task);
}

static CUresult add_copy(struct context *context, const struct place *place,
                         const CUDA_MEMCPY3D *params)
{
    struct task *task;
    CUresult result = check_place(place) ?: node_make_copy(context, params, &task);

    return result ?: add(place, CU_GRAPH_NODE_TYPE_MEMCPY, task, NULL, NULL);
}

CUresult cuGraphAddMemcpyNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                              size_t count, const CUDA_MEMCPY3D *params, CUcontext of)
{
    const struct place place = {node, graph, after, count};

    (void)of;
    return IN_CONTEXT(add_copy(context, &place, params));
}

static CUresult get_copy(CUgraphNode handle, CUDA_MEMCPY3D *params)
{
    const struct node *node = find(handle, CU_GRAPH_NODE_TYPE_MEMCPY);

    return node != NULL && params != NULL && copy_task_read(node->task, params)
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphMemcpyNodeGetParams(CUgraphNode node, CUDA_MEMCPY3D *params)
{
    return IN_DRIVER(get_copy(node, params));
}

static CUresult set_copy(struct context *context, CUgraphNode handle, const CUDA_MEMCPY3D *params)
{
    struct node *node = find(handle, CU_GRAPH_NODE_TYPE_MEMCPY);
    struct task *task;
    CUresult result =
        node != NULL ? node_make_copy(context, params, &task) : CUDA_ERROR_INVALID_VALUE;

    if (result == CUDA_SUCCESS) {
        set_task(node, task);
    }
    return result;
}

CUresult cuGraphMemcpyNodeSetParams(CUgraphNode node, const CUDA_MEMCPY3D *params)
{
    return IN_CONTEXT(set_copy(context, node, params));
}

/* ---- Sets ---- */

static CUresult add_set(struct context *context, const struct place *place,
                        const CUDA_MEMSET_NODE_PARAMS *params)
{
    struct task *task;
    CUresult result = check_place(place);

    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = result ?: set_task_create(context, params, &task);
    return result ?: add(place, CU_GRAPH_NODE_TYPE_MEMSET, task, NULL, NULL);
}

CUresult cuGraphAddMemsetNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                              size_t count, const CUDA_MEMSET_NODE_PARAMS *params, CUcontext of)
{
    const struct place place = {node, graph, after, count};

    (void)of;
    return IN_CONTEXT(add_set(context, &place, params));
}

static CUresult get_set(CUgraphNode handle, CUDA_MEMSET_NODE_PARAMS *params)
{
    const struct node *node = find(handle, CU_GRAPH_NODE_TYPE_MEMSET);

    return node != NULL && params != NULL && set_task_read(node->task, params)
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphMemsetNodeGetParams(CUgraphNode node, CUDA_MEMSET_NODE_PARAMS *params)
{
    return IN_DRIVER(get_set(node, params));
}

static CUresult set_set(struct context *context, CUgraphNode handle,
                        const CUDA_MEMSET_NODE_PARAMS *params)
{
    struct node *node = find(handle, CU_GRAPH_NODE_TYPE_MEMSET);
    struct task *task;
    CUresult result;

    if (node == NULL || params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = set_task_create(context, params, &task);
    if (result == CUDA_SUCCESS) {
        set_task(node, task);
    }
    return result;
}

CUresult cuGraphMemsetNodeSetParams(CUgraphNode node, const CUDA_MEMSET_NODE_PARAMS *params)
{
    return IN_CONTEXT(set_set(context, node, params));
}

/* ---- Host functions ---- */

static CUresult add_host(struct context *context, const struct place *place,
                         const CUDA_HOST_NODE_PARAMS *params)
{
    struct task *task;
    CUresult result = check_place(place);

    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = result ?: host_task_create(context, params, &task);
    return result ?: add(place, CU_GRAPH_NODE_TYPE_HOST, task, NULL, NULL);
}

CUresult cuGraphAddHostNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                            size_t count, const CUDA_HOST_NODE_PARAMS *params)
{
    const struct place place = {node, graph, after, count};

    return IN_CONTEXT(add_host(context, &place, params));
}

static CUresult get_host(CUgraphNode handle, CUDA_HOST_NODE_PARAMS *params)
{
    const struct node *node = find(handle, CU_GRAPH_NODE_TYPE_HOST);

    return node != NULL && params != NULL && host_task_read(node->task, params)
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphHostNodeGetParams(CUgraphNode node, CUDA_HOST_NODE_PARAMS *params)
{
    return IN_DRIVER(get_host(node, params));
}

static CUresult set_host(struct context *context, CUgraphNode handle,
                         const CUDA_HOST_NODE_PARAMS *params)
{
    struct node *node = find(handle, CU_GRAPH_NODE_TYPE_HOST);
    struct task *task;
    CUresult result;

    if (node == NULL || params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = host_task_create(context, params, &task);
    if (result == CUDA_SUCCESS) {
        set_task(node, task);
    }
    return result;
}

CUresult cuGraphHostNodeSetParams(CUgraphNode node, const CUDA_HOST_NODE_PARAMS *params)
{
    return IN_CONTEXT(set_host(context, node, params));
}

/* ---- Graphs in graphs, and nothing ---- */

static CUresult add_child(const struct place *place, CUgraph handle)
{
    const struct graph *graph = object_find(handle, OBJECT_GRAPH);
    struct graph *child;
    CUresult result = check_place(place);

    if (graph == NULL || handle == place->graph) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (result != CUDA_SUCCESS) {
        return result;
    }
    child = graph_clone(graph);
    if (child == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    child->is_child = true;
    return add(place, CU_GRAPH_NODE_TYPE_GRAPH, NULL, child, NULL);
}

CUresult cuGraphAddChildGraphNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                                  size_t count, CUgraph child)
{
    const struct place place = {node, graph, after, count};

    return IN_DRIVER(add_child(&place, child));
}

static CUresult get_child(CUgraphNode handle, CUgraph *graph)
{
    const struct node *node = find(handle, CU_GRAPH_NODE_TYPE_GRAPH);

    if (node == NULL || graph == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *graph = (CUgraph)node->child;
    return CUDA_SUCCESS;
}

CUresult cuGraphChildGraphNodeGetGraph(CUgraphNode node, CUgraph *graph)
{
    return IN_DRIVER(get_child(node, graph));
}

static CUresult add_empty(const struct place *place)
{
    CUresult result = check_place(place);

    return result ?: add(place, CU_GRAPH_NODE_TYPE_EMPTY, NULL, NULL, NULL);
}

CUresult cuGraphAddEmptyNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                             size_t count)
{
    const struct place place = {node, graph, after, count};

    return IN_DRIVER(add_empty(&place));
}

/* ---- Events ---- */

static CUresult add_event(const struct place *place, CUgraphNodeType type, CUevent event)
{
    CUresult result = check_place(place);

    if (event_of_handle(event) == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return result ?: add(place, type, NULL, NULL, event);
}

CUresult cuGraphAddEventRecordNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                                   size_t count, CUevent event)
{
    const struct place place = {node, graph, after, count};

    return IN_DRIVER(add_event(&place, CU_GRAPH_NODE_TYPE_EVENT_RECORD, event));
}

CUresult cuGraphAddEventWaitNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                                 size_t count, CUevent event)
{
    const struct place place = {node, graph, after, count};

    return IN_DRIVER(add_event(&place, CU_GRAPH_NODE_TYPE_WAIT_EVENT, event));
}

static CUresult get_event(CUgraphNode handle, CUgraphNodeType type, CUevent *event)
{
    const struct node *node = find(handle, type);

    if (node == NULL || event == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *event = node->event;
    return CUDA_SUCCESS;
}

CUresult cuGraphEventRecordNodeGetEvent(CUgraphNode node, CUevent *event)
{
    return IN_DRIVER(get_event(node, CU_GRAPH_NODE_TYPE_EVENT_RECORD, event));
}

CUresult cuGraphEventWaitNodeGetEvent(CUgraphNode node, CUevent *event)
{
    return IN_DRIVER(get_event(node, CU_GRAPH_NODE_TYPE_WAIT_EVENT, event));
}

static CUresult set_event(CUgraphNode handle, CUgraphNodeType type, CUevent event)
{
    struct node *node = find(handle, type);

    if (node == NULL || event_of_handle(event) == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    node->event = event;
    return CUDA_SUCCESS;
}

CUresult cuGraphEventRecordNodeSetEvent(CUgraphNode node, CUevent event)
{
    return IN_DRIVER(set_event(node, CU_GRAPH_NODE_TYPE_EVENT_RECORD, event));
}

CUresult cuGraphEventWaitNodeSetEvent(CUgraphNode node, CUevent event)
{
    return IN_DRIVER(set_event(node, CU_GRAPH_NODE_TYPE_WAIT_EVENT, event));
}
