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
#include "protocol/cuda_rules.h"

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

/* ---- Kernels, copies, sets and host functions: what has a task ---- */

static CUresult make_copy(struct context *context, const CUDA_MEMCPY3D *params, struct task **task)
{
    struct copy copy;

    return copy_from_box(params, &copy) ?: copy_task_create(context, &copy, task);
}

CUresult node_make_task(struct context *context, CUgraphNodeType type, const void *params,
                        const struct task *now, struct task **task)
{
    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    switch (type) {
    case CU_GRAPH_NODE_TYPE_KERNEL:
        return launch_task_create(context, params, now != NULL && launch_task_is_cooperative(now),
                                  task);
    case CU_GRAPH_NODE_TYPE_MEMCPY:
        return make_copy(context, params, task);
    case CU_GRAPH_NODE_TYPE_MEMSET:
        return set_task_create(context, params, task);
    case CU_GRAPH_NODE_TYPE_HOST:
        return host_task_create(context, params, task);
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

static bool read_task(const struct task *task, CUgraphNodeType type, void *params)
{
    switch (type) {
    case CU_GRAPH_NODE_TYPE_KERNEL:
        return launch_task_read(task, params);
    case CU_GRAPH_NODE_TYPE_MEMCPY:
        return copy_task_read(task, params);
    case CU_GRAPH_NODE_TYPE_MEMSET:
        return set_task_read(task, params);
    case CU_GRAPH_NODE_TYPE_HOST:
        return host_task_read(task, params);
    default:
        return false;
    }
}

static CUresult add_task(struct context *context, const struct place *place, CUgraphNodeType type,
                         const void *params)
{
    struct task *task;
    CUresult result = check_place(place) ?: node_make_task(context, type, params, NULL, &task);

    return result ?: add(place, type, task, NULL, NULL);
}

static CUresult get_params(CUgraphNode handle, CUgraphNodeType type, void *params)
{
    const struct node *node = find(handle, type);

    return node != NULL && params != NULL && read_task(node->task, type, params)
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}

static CUresult set_params(struct context *context, CUgraphNode handle, CUgraphNodeType type,
                           const void *params)
{
    struct node *node = find(handle, type);
    struct task *task;
    CUresult result = node != NULL ? node_make_task(context, type, params, node->task, &task)
                                   : CUDA_ERROR_INVALID_VALUE;

    if (result == CUDA_SUCCESS) {
        task_release(node->task);
        node->task = task;
    }
    return result;
}

CUresult cuGraphAddKernelNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                              size_t count, const CUDA_KERNEL_NODE_PARAMS *params)
{
    const struct place place = {node, graph, after, count};

    return IN_CONTEXT(add_task(context, &place, CU_GRAPH_NODE_TYPE_KERNEL, params));
}

CUresult cuGraphKernelNodeGetParams(CUgraphNode node, CUDA_KERNEL_NODE_PARAMS *params)
{
    return IN_DRIVER(get_params(node, CU_GRAPH_NODE_TYPE_KERNEL, params));
}

CUresult cuGraphKernelNodeSetParams(CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS *params)
{
    return IN_CONTEXT(set_params(context, node, CU_GRAPH_NODE_TYPE_KERNEL, params));
}

static CUresult make_cooperative(struct context *context, struct node *node, bool is_cooperative)
{
    CUDA_KERNEL_NODE_PARAMS params;
    struct task *task;
    CUresult result = launch_task_read(node->task, &params)
                          ? launch_task_create(context, &params, is_cooperative, &task)
                          : CUDA_ERROR_INVALID_VALUE;

    if (result == CUDA_SUCCESS) {
        task_release(node->task);
        node->task = task;
    }
    return result;
}

static CUresult set_attribute(struct context *context, CUgraphNode handle, CUkernelNodeAttrID id,
                              const CUkernelNodeAttrValue *value)
{
    struct node *node = find(handle, CU_GRAPH_NODE_TYPE_KERNEL);
    bool is_cooperative;
    CUresult result;

    if (node == NULL || value == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    is_cooperative = launch_task_is_cooperative(node->task);
    result = cuda_read_node_attribute(id, value, &is_cooperative);
    return result ?: make_cooperative(context, node, is_cooperative);
}

CUresult cuGraphKernelNodeSetAttribute(CUgraphNode node, CUkernelNodeAttrID attribute,
                                       const CUkernelNodeAttrValue *value)
{
    return IN_CONTEXT(set_attribute(context, node, attribute, value));
}

static CUresult get_attribute(CUgraphNode handle, CUkernelNodeAttrID id,
                              CUkernelNodeAttrValue *value)
{
    const struct node *node = find(handle, CU_GRAPH_NODE_TYPE_KERNEL);

    return node != NULL && value != NULL
               ? cuda_tell_node_attribute(id, launch_task_is_cooperative(node->task), value)
               : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphKernelNodeGetAttribute(CUgraphNode node, CUkernelNodeAttrID attribute,
                                       CUkernelNodeAttrValue *value)
{
    return IN_DRIVER(get_attribute(node, attribute, value));
}

static CUresult copy_attributes(struct context *context, CUgraphNode to_handle,
                                CUgraphNode from_handle)
{
    struct node *to = find(to_handle, CU_GRAPH_NODE_TYPE_KERNEL);
    const struct node *from = find(from_handle, CU_GRAPH_NODE_TYPE_KERNEL);

    return to != NULL && from != NULL
               ? make_cooperative(context, to, launch_task_is_cooperative(from->task))
               : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphKernelNodeCopyAttributes(CUgraphNode to, CUgraphNode from)
{
    return IN_CONTEXT(copy_attributes(context, to, from));
}

CUresult cuGraphAddMemcpyNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                              size_t count, const CUDA_MEMCPY3D *params, CUcontext of)
{
    const struct place place = {node, graph, after, count};

    (void)of;
    return IN_CONTEXT(add_task(context, &place, CU_GRAPH_NODE_TYPE_MEMCPY, params));
}

CUresult cuGraphMemcpyNodeGetParams(CUgraphNode node, CUDA_MEMCPY3D *params)
{
    return IN_DRIVER(get_params(node, CU_GRAPH_NODE_TYPE_MEMCPY, params));
}

CUresult cuGraphMemcpyNodeSetParams(CUgraphNode node, const CUDA_MEMCPY3D *params)
{
    return IN_CONTEXT(set_params(context, node, CU_GRAPH_NODE_TYPE_MEMCPY, params));
}

CUresult cuGraphAddMemsetNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                              size_t count, const CUDA_MEMSET_NODE_PARAMS *params, CUcontext of)
{
    const struct place place = {node, graph, after, count};

    (void)of;
    return IN_CONTEXT(add_task(context, &place, CU_GRAPH_NODE_TYPE_MEMSET, params));
}

CUresult cuGraphMemsetNodeGetParams(CUgraphNode node, CUDA_MEMSET_NODE_PARAMS *params)
{
    return IN_DRIVER(get_params(node, CU_GRAPH_NODE_TYPE_MEMSET, params));
}

CUresult cuGraphMemsetNodeSetParams(CUgraphNode node, const CUDA_MEMSET_NODE_PARAMS *params)
{
    return IN_CONTEXT(set_params(context, node, CU_GRAPH_NODE_TYPE_MEMSET, params));
}

CUresult cuGraphAddHostNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                            size_t count, const CUDA_HOST_NODE_PARAMS *params)
{
    const struct place place = {node, graph, after, count};

    return IN_CONTEXT(add_task(context, &place, CU_GRAPH_NODE_TYPE_HOST, params));
}

CUresult cuGraphHostNodeGetParams(CUgraphNode node, CUDA_HOST_NODE_PARAMS *params)
{
    return IN_DRIVER(get_params(node, CU_GRAPH_NODE_TYPE_HOST, params));
}

CUresult cuGraphHostNodeSetParams(CUgraphNode node, const CUDA_HOST_NODE_PARAMS *params)
{
    return IN_CONTEXT(set_params(context, node, CU_GRAPH_NODE_TYPE_HOST, params));
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
