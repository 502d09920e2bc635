/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/graph.h"

#include <stdlib.h>
#include <string.h>

#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/graph_node.h"
#include "host/mediator/cuda/leave.h"
#include "host/mediator/cuda/memory.h"
#include "host/mediator/cuda/stream.h"

/* What a driver keeps of a node, beside its parameters, which it may have twice. */
#define NODE_COST 1024u
#define BYTES_COST 3u

struct node {
    uint32_t type;
    bool is_enabled;
    struct cuda_node_bound bound;
};

struct cuda_graph {
    CUgraph graph; /* of which `exec` was made */
    CUgraphExec exec;
    CUgraphNode *handles; /* in `graph` */
    uint8_t *bytes;       /* the nodes, as the guest described them */
    size_t size;
    uint64_t charged; /* of the session's memory */
    uint64_t checked; /* when the nodes were found to be right last: the session's `changes` */
    uint32_t count;
    struct node nodes[];
};

/* ---- Nodes ---- */

/* Calls `take` for each node in turn. */
static CUresult for_each(struct cuda_session *cuda, struct cuda_graph *graph,
                         CUresult (*take)(struct cuda_session *cuda, struct cuda_graph *graph,
                                          uint32_t number, const struct cuda_node *node))
{
    CUresult result = CUDA_SUCCESS;
    size_t done = 0, size = 0;

    for (uint32_t i = 0; i < graph->count && result == CUDA_SUCCESS; i++, done += size) {
        struct cuda_node node;

        result = cuda_node_read(cuda, i, graph->bytes + done, graph->size - done, &node, &size)
                     ?: take(cuda, graph, i, &node);
    }
    return result ?: done == graph->size ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static CUresult add_node(struct cuda_session *cuda, struct cuda_graph *graph, uint32_t number,
                         const struct cuda_node *node)
{
    graph->nodes[number] = (struct node){node->type, node->is_enabled, cuda_node_bound(node)};
    return cuda_node_add(cuda, graph->graph, node, graph->handles, &graph->handles[number]);
}

/* What its handles stood for may have gone, and come again as something else. */
static CUresult check_node(struct cuda_session *cuda, struct cuda_graph *graph, uint32_t number,
                           const struct cuda_node *node)
{
    const struct cuda_node_bound now = cuda_node_bound(node);

    (void)cuda;
    return memcmp(&now, &graph->nodes[number].bound, sizeof(now)) == 0 ? CUDA_SUCCESS
                                                                       : CUDA_ERROR_INVALID_HANDLE;
}

/* ---- Making one ---- */

static void clear(struct cuda_session *cuda, struct cuda_graph *graph)
{
    if (graph->exec != NULL) {
        cuda->driver->cuGraphExecDestroy(graph->exec);
    }
    if (graph->graph != NULL) {
        cuda->driver->cuGraphDestroy(graph->graph);
    }
    free(graph->handles);
    free(graph->bytes);
    free(graph);
}

/* With memory charged, and the nodes' bytes, which the guest cannot change any more. */
static CUresult begin(struct cuda_session *cuda, const struct cuda_call *call, uint32_t count,
                      struct cuda_graph **result)
{
    uint64_t charged = call->data_size * BYTES_COST + (uint64_t)count * NODE_COST;
    CUresult charge = cuda_memory_charge(cuda, charged);
    struct cuda_graph *graph;

    *result = NULL;
    if (charge != CUDA_SUCCESS) {
        return charge;
    }
    graph = calloc(1, sizeof(*graph) + count * sizeof(graph->nodes[0]));
    if (graph == NULL) {
        session_release(cuda->session, charged);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    graph->charged = charged;
    graph->count = count;
    graph->size = call->data_size;
    graph->bytes = malloc(call->data_size + 1);
    graph->handles = calloc(count + 1, sizeof(graph->handles[0]));
    *result = graph;
    if (graph->bytes == NULL || graph->handles == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (call->data_size > 0) {
        memcpy(graph->bytes, call->data, call->data_size);
    }
    return CUDA_SUCCESS;
}

/* NULL: nothing. */
static void give_up(struct cuda_session *cuda, struct cuda_graph *graph)
{
    if (graph == NULL) {
        return;
    }
    session_release(cuda->session, graph->charged);
    clear(cuda, graph);
}

/* With its nodes, not yet to be launched. */
static CUresult build(struct cuda_session *cuda, const struct cuda_call *call,
                      struct cuda_graph **graph)
{
    const struct bg_cuda_graph_create *create = call->params;
    CUresult result;

    if (create->node_count > BG_CUDA_NODES_MAX || call->data_size > BG_CUDA_IMAGE_SIZE_MAX) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = begin(cuda, call, create->node_count, graph);
    result = result ?: cuda_check(cuda, cuda->driver->cuGraphCreate(&(*graph)->graph, 0))
                           ?: for_each(cuda, *graph, add_node);
    if (result != CUDA_SUCCESS) {
        give_up(cuda, *graph);
        return result;
    }
    (*graph)->checked = cuda->changes;
    return CUDA_SUCCESS;
}

/* As `wanted` has them; where it was made, all are enabled. */
static CUresult set_enabled(struct cuda_session *cuda, const struct cuda_graph *graph,
                            const struct cuda_graph *wanted)
{
    CUresult result = CUDA_SUCCESS;

    for (uint32_t i = 0; i < graph->count && result == CUDA_SUCCESS; i++) {
        if (cuda_node_can_rest(graph->nodes[i].type)) {
            result = cuda->driver->cuGraphNodeSetEnabled(graph->exec, graph->handles[i],
                                                         wanted->nodes[i].is_enabled);
        }
    }
    return cuda_check(cuda, result);
}

/* ---- Commands ---- */

static struct cuda_graph *find(const struct cuda_session *cuda, uint32_t handle)
{
    return handle < BG_CUDA_GRAPHS_MAX ? cuda->graphs[handle] : NULL;
}

CUDA_COMMAND(cuda_run_graph_create)
{
    const struct bg_cuda_graph_create *create = call->params;
    struct cuda_graph *graph;
    CUresult result;

    if (create->graph >= BG_CUDA_GRAPHS_MAX || cuda->graphs[create->graph] != NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    result = build(cuda, call, &graph);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = cuda_check(cuda, cuda->driver->cuGraphInstantiate(&graph->exec, graph->graph, 0))
                 ?: set_enabled(cuda, graph, graph);
    if (result != CUDA_SUCCESS) {
        give_up(cuda, graph);
        return result;
    }
    cuda->graphs[create->graph] = graph;
    return CUDA_SUCCESS;
}

/* What was made stays with its own nodes; what they do is the other's from now on. */
static void take_over(struct cuda_graph *graph, struct cuda_graph *from)
{
    uint8_t *bytes = graph->bytes;
    uint64_t charged = graph->charged;

    graph->bytes = from->bytes;
    graph->size = from->size;
    graph->charged = from->charged;
    graph->checked = from->checked;
    from->bytes = bytes;
    from->charged = charged;
    for (uint32_t i = 0; i < graph->count; i++) {
        graph->nodes[i].is_enabled = from->nodes[i].is_enabled;
        graph->nodes[i].bound = from->nodes[i].bound;
    }
}

CUDA_COMMAND(cuda_run_graph_update)
{
    const struct bg_cuda_graph_create *create = call->params;
    struct cuda_graph *graph = find(cuda, create->graph), *wanted;
    CUgraphExecUpdateResultInfo info;
    CUresult result;

    if (graph == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (create->node_count != graph->count) {
        return CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;
    }
    result = build(cuda, call, &wanted);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = cuda_check(cuda, cuda->driver->cuGraphExecUpdate(graph->exec, wanted->graph, &info));
    if (result == CUDA_SUCCESS) {
        take_over(graph, wanted);
        result = set_enabled(cuda, graph, graph);
    }
    give_up(cuda, wanted);
    return result;
}

static CUresult check(struct cuda_session *cuda, struct cuda_graph *graph)
{
    CUresult result = CUDA_SUCCESS;

    if (graph->checked != cuda->changes) {
        result = for_each(cuda, graph, check_node);
        graph->checked = result == CUDA_SUCCESS ? cuda->changes : 0;
    }
    return result;
}

CUDA_COMMAND(cuda_run_graph_launch)
{
    const struct bg_cuda_graph_launch *launch = call->params;
    struct cuda_graph *graph = find(cuda, launch->graph);
    CUstream stream;
    CUresult result = graph != NULL ? check(cuda, graph) : CUDA_ERROR_INVALID_HANDLE;

    result = result ?: cuda_stream_take(cuda, launch->stream, &stream);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    cuda_stream_weigh(cuda, launch->stream, graph->count, graph->size);
    return cuda_check(cuda, cuda->driver->cuGraphLaunch(graph->exec, stream));
}

static CUresult release(struct cuda_session *cuda, uint64_t graph)
{
    clear(cuda, (struct cuda_graph *)(uintptr_t)graph);
    return CUDA_SUCCESS;
}

static CUresult destroy(struct cuda_session *cuda, uint32_t handle)
{
    struct cuda_graph *graph = cuda->graphs[handle];

    cuda->graphs[handle] = NULL;
    return cuda_leave_object(cuda, release, (uintptr_t)graph, graph->charged);
}

CUDA_COMMAND(cuda_run_graph_destroy)
{
    const struct bg_cuda_handle *handle = call->params;

    return find(cuda, handle->handle) != NULL ? destroy(cuda, handle->handle)
                                              : CUDA_ERROR_INVALID_HANDLE;
}

void cuda_graphs_destroy(struct cuda_session *cuda)
{
    for (uint32_t i = 0; i < BG_CUDA_GRAPHS_MAX; i++) {
        if (cuda->graphs[i] != NULL) {
            destroy(cuda, i);
        }
    }
}
