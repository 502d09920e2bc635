/* SPDX-License-Identifier: BSD-2-Clause */
/* Nodes of graphs by their kinds: adding them, and what they do. */
#include "firmware/cuda/graph.h"
#include "protocol/cuda_rules.h"

/* Where a node is to come. */
struct place {
    CUgraphNode *node;
    CUgraph graph;
    const CUgraphNode *after;
    size_t count;
};

static CUresult check_place(const struct place *place)
{
    const struct cuda_graph *graph = cuda_find(place->graph, CUDA_KIND_GRAPH);

    if (place->node == NULL || graph == NULL || (place->after == NULL && place->count > 0)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (size_t i = 0; i < place->count; i++) {
        const struct cuda_node *earlier = cuda_find(place->after[i], CUDA_KIND_NODE);

        if (earlier == NULL || earlier->graph != graph) {
            return CUDA_ERROR_INVALID_VALUE;
        }
    }
    return CUDA_SUCCESS;
}

static CUresult follow(struct cuda_node *node, const struct place *place)
{
    CUresult result = CUDA_SUCCESS;

    for (size_t i = 0; i < place->count && result == CUDA_SUCCESS; i++) {
        result = cuda_node_follow(node, cuda_find(place->after[i], CUDA_KIND_NODE));
    }
    return result;
}

/* Takes what is in the task, and the child. */
static CUresult add(const struct place *place, struct cuda_task *task, struct cuda_graph *child)
{
    struct cuda_node *node = cuda_graph_add(cuda_find(place->graph, CUDA_KIND_GRAPH), task->type);
    CUresult result = node != NULL ? follow(node, place) : CUDA_ERROR_OUT_OF_MEMORY;

    if (result == CUDA_SUCCESS) {
        node->task = *task;
        node->child = child;
        *place->node = node->object.handle;
        return CUDA_SUCCESS;
    }
    if (node != NULL) {
        cuda_graph_remove(node);
    }
    if (child != NULL) {
        cuda_graph_destroy(child);
    }
    cuda_task_clear(task);
    return result;
}

static CUresult add_task(const struct place *place, CUgraphNodeType type, const void *params)
{
    struct cuda_context *context;
    struct cuda_task task;

    return cuda_enter_context(&context)
               ?: check_place(place)
               ?: cuda_task_set(context, type, params, false, &task)
               ?: add(place, &task, NULL);
}

/* The node, if it is of this type. */
static CUresult find(CUgraphNode handle, CUgraphNodeType type, struct cuda_node **node)
{
    *node = cuda_find(handle, CUDA_KIND_NODE);
    return *node != NULL && (*node)->task.type == type ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static CUresult set_task(CUgraphNode handle, CUgraphNodeType type, const void *params)
{
    struct cuda_context *context;
    struct cuda_node *node;

    return cuda_enter_context(&context)
               ?: find(handle, type, &node)
               ?: cuda_task_change(context, params, node->task.is_cooperative, &node->task);
}

/* A node that can be asked for what it does, and where to answer. */
static CUresult find_asked(CUgraphNode handle, CUgraphNodeType type, const void *answer,
                           struct cuda_node **node)
{
    return cuda_enter() ?: answer == NULL ? CUDA_ERROR_INVALID_VALUE : find(handle, type, node);
}

/* ---- Kernels, copies, sets and host functions ---- */

CUresult cuGraphAddKernelNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                              size_t count, const CUDA_KERNEL_NODE_PARAMS *params)
{
    return add_task(&(struct place){node, graph, after, count}, CU_GRAPH_NODE_TYPE_KERNEL, params);
}

CUresult cuGraphKernelNodeGetParams(CUgraphNode handle, CUDA_KERNEL_NODE_PARAMS *params)
{
    struct cuda_node *node;
    CUresult result = find_asked(handle, CU_GRAPH_NODE_TYPE_KERNEL, params, &node);

    if (result == CUDA_SUCCESS) {
        *params = node->task.kernel;
    }
    return result;
}

CUresult cuGraphKernelNodeSetParams(CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS *params)
{
    return set_task(node, CU_GRAPH_NODE_TYPE_KERNEL, params);
}

/* Contexts of a device see the same memory: which one is named makes no difference. */
static CUresult check_context(CUcontext handle)
{
    struct cuda_context *context;

    return cuda_enter() ?: cuda_context_of(handle, &context);
}

/* A launch that is cooperative may be too large. */
static CUresult make_cooperative(struct cuda_node *node, bool is_cooperative)
{
    struct cuda_context *context;

    return cuda_enter_context(&context)
               ?: cuda_task_change(context, &node->task.kernel, is_cooperative, &node->task);
}

CUresult cuGraphKernelNodeSetAttribute(CUgraphNode handle, CUkernelNodeAttrID attribute,
                                       const CUkernelNodeAttrValue *value)
{
    struct cuda_node *node;
    bool is_cooperative;
    CUresult result = find_asked(handle, CU_GRAPH_NODE_TYPE_KERNEL, value, &node);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    is_cooperative = node->task.is_cooperative;
    return cuda_read_node_attribute(attribute, value, &is_cooperative)
               ?: make_cooperative(node, is_cooperative);
}

CUresult cuGraphKernelNodeGetAttribute(CUgraphNode handle, CUkernelNodeAttrID attribute,
                                       CUkernelNodeAttrValue *value)
{
    struct cuda_node *node;

    return find_asked(handle, CU_GRAPH_NODE_TYPE_KERNEL, value, &node)
               ?: cuda_tell_node_attribute(attribute, node->task.is_cooperative, value);
}

CUresult cuGraphKernelNodeCopyAttributes(CUgraphNode to_handle, CUgraphNode from_handle)
{
    struct cuda_node *to, *from;

    return cuda_enter()
               ?: find(to_handle, CU_GRAPH_NODE_TYPE_KERNEL, &to)
               ?: find(from_handle, CU_GRAPH_NODE_TYPE_KERNEL, &from)
               ?: make_cooperative(to, from->task.is_cooperative);
}

CUresult cuGraphAddMemcpyNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                              size_t count, const CUDA_MEMCPY3D *params, CUcontext context)
{
    return check_context(context)
               ?: add_task(&(struct place){node, graph, after, count}, CU_GRAPH_NODE_TYPE_MEMCPY,
                           params);
}

CUresult cuGraphMemcpyNodeGetParams(CUgraphNode handle, CUDA_MEMCPY3D *params)
{
    struct cuda_node *node;
    CUresult result = find_asked(handle, CU_GRAPH_NODE_TYPE_MEMCPY, params, &node);

    if (result == CUDA_SUCCESS) {
        *params = node->task.copy;
    }
    return result;
}

CUresult cuGraphMemcpyNodeSetParams(CUgraphNode node, const CUDA_MEMCPY3D *params)
{
    return set_task(node, CU_GRAPH_NODE_TYPE_MEMCPY, params);
}

CUresult cuGraphAddMemsetNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                              size_t count, const CUDA_MEMSET_NODE_PARAMS *params,
                              CUcontext context)
{
    return check_context(context)
               ?: add_task(&(struct place){node, graph, after, count}, CU_GRAPH_NODE_TYPE_MEMSET,
                           params);
}

CUresult cuGraphMemsetNodeGetParams(CUgraphNode handle, CUDA_MEMSET_NODE_PARAMS *params)
{
    struct cuda_node *node;
    CUresult result = find_asked(handle, CU_GRAPH_NODE_TYPE_MEMSET, params, &node);

    if (result == CUDA_SUCCESS) {
        *params = node->task.set;
    }
    return result;
}

CUresult cuGraphMemsetNodeSetParams(CUgraphNode node, const CUDA_MEMSET_NODE_PARAMS *params)
{
    return set_task(node, CU_GRAPH_NODE_TYPE_MEMSET, params);
}

CUresult cuGraphAddHostNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                            size_t count, const CUDA_HOST_NODE_PARAMS *params)
{
    return add_task(&(struct place){node, graph, after, count}, CU_GRAPH_NODE_TYPE_HOST, params);
}

CUresult cuGraphHostNodeGetParams(CUgraphNode handle, CUDA_HOST_NODE_PARAMS *params)
{
    struct cuda_node *node;
    CUresult result = find_asked(handle, CU_GRAPH_NODE_TYPE_HOST, params, &node);

    if (result == CUDA_SUCCESS) {
        *params = node->task.host;
    }
    return result;
}

CUresult cuGraphHostNodeSetParams(CUgraphNode node, const CUDA_HOST_NODE_PARAMS *params)
{
    return set_task(node, CU_GRAPH_NODE_TYPE_HOST, params);
}

/* ---- Events ---- */

CUresult cuGraphAddEventRecordNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                                   size_t count, CUevent event)
{
    return add_task(&(struct place){node, graph, after, count}, CU_GRAPH_NODE_TYPE_EVENT_RECORD,
                    event);
}

CUresult cuGraphAddEventWaitNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                                 size_t count, CUevent event)
{
    return add_task(&(struct place){node, graph, after, count}, CU_GRAPH_NODE_TYPE_WAIT_EVENT,
                    event);
}

static CUresult get_event(CUgraphNode handle, CUgraphNodeType type, CUevent *event)
{
    struct cuda_node *node;
    CUresult result = find_asked(handle, type, event, &node);

    if (result == CUDA_SUCCESS) {
        *event = node->task.event;
    }
    return result;
}

CUresult cuGraphEventRecordNodeGetEvent(CUgraphNode node, CUevent *event)
{
    return get_event(node, CU_GRAPH_NODE_TYPE_EVENT_RECORD, event);
}

CUresult cuGraphEventWaitNodeGetEvent(CUgraphNode node, CUevent *event)
{
    return get_event(node, CU_GRAPH_NODE_TYPE_WAIT_EVENT, event);
}

CUresult cuGraphEventRecordNodeSetEvent(CUgraphNode node, CUevent event)
{
    return set_task(node, CU_GRAPH_NODE_TYPE_EVENT_RECORD, event);
}

CUresult cuGraphEventWaitNodeSetEvent(CUgraphNode node, CUevent event)
{
    return set_task(node, CU_GRAPH_NODE_TYPE_WAIT_EVENT, event);
}

/* ---- Graphs in graphs, and nothing ---- */

static CUresult add_child(const struct place *place, CUgraph handle)
{
    const struct cuda_graph *graph = cuda_find(handle, CUDA_KIND_GRAPH);
    struct cuda_graph *child;

    if (graph == NULL || handle == place->graph) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    child = cuda_graph_clone(graph);
    if (child == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    child->is_child = true;
    return add(place, &(struct cuda_task){.type = CU_GRAPH_NODE_TYPE_GRAPH}, child);
}

CUresult cuGraphAddChildGraphNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                                  size_t count, CUgraph child)
{
    const struct place place = {node, graph, after, count};

    return cuda_enter() ?: check_place(&place) ?: add_child(&place, child);
}

CUresult cuGraphChildGraphNodeGetGraph(CUgraphNode handle, CUgraph *graph)
{
    struct cuda_node *node;
    CUresult result = find_asked(handle, CU_GRAPH_NODE_TYPE_GRAPH, graph, &node);

    if (result == CUDA_SUCCESS) {
        *graph = node->child->object.handle;
    }
    return result;
}

CUresult cuGraphAddEmptyNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after,
                             size_t count)
{
    const struct place place = {node, graph, after, count};

    return cuda_enter()
               ?: check_place(&place)
               ?: add(&place, &(struct cuda_task){.type = CU_GRAPH_NODE_TYPE_EMPTY}, NULL);
}
