/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/driver/graph.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/driver/driver.h"

/* ---- Their lives ---- */

struct graph *graph_create(void)
{
    struct graph *graph = calloc(1, sizeof(*graph));

    if (graph == NULL || !object_add(&graph->object, OBJECT_GRAPH)) {
        free(graph);
        return NULL;
    }
    return graph;
}

static void destroy_node(struct node *node)
{
    object_remove(&node->object);
    task_release(node->task);
    if (node->child != NULL) {
        graph_destroy(node->child);
    }
    free(node->after);
    free(node);
}

void graph_destroy(struct graph *graph)
{
    for (size_t i = 0; i < graph->count; i++) {
        destroy_node(graph->nodes[i]);
    }
    object_remove(&graph->object);
    free(graph->nodes);
    free(graph);
}

/* Room for one more. False: no memory. */
static bool reserve(struct node ***nodes, size_t count, size_t *capacity)
{
    size_t more = *capacity ? *capacity * 2 : 4;
    struct node **grown;

    if (count < *capacity) {
        return true;
    }
    grown = realloc(*nodes, more * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    *nodes = grown;
    *capacity = more;
    return true;
}

struct node *graph_add(struct graph *graph, CUgraphNodeType type, struct task *task,
                       struct graph *child)
{
    struct node *node = calloc(1, sizeof(*node));

    if (node == NULL || !reserve(&graph->nodes, graph->count, &graph->capacity) ||
        !object_add(&node->object, OBJECT_NODE)) {
        free(node);
        task_release(task);
        if (child != NULL) {
            graph_destroy(child);
        }
        return NULL;
    }
    node->graph = graph;
    node->type = type;
    node->task = task;
    node->child = child;
    node->place = graph->count;
    graph->nodes[graph->count++] = node;
    return node;
}

static size_t find_after(const struct node *node, const struct node *earlier)
{
    size_t i = 0;

    while (i < node->after_count && node->after[i] != earlier) {
        i++;
    }
    return i;
}

CUresult node_follow(struct node *node, struct node *earlier)
{
    if (node->graph != earlier->graph || node == earlier ||
        find_after(node, earlier) < node->after_count) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (!reserve(&node->after, node->after_count, &node->after_capacity)) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    node->after[node->after_count++] = earlier;
    return CUDA_SUCCESS;
}

static bool is_ready(const struct node *node, size_t placed)
{
    for (size_t i = 0; i < node->after_count; i++) {
        if (node->after[i]->place >= placed) {
            return false;
        }
    }
    return true;
}

/* Each round places those whose predecessors are. Nodes mostly come in order: one round. */
bool graph_sort(struct graph *graph)
{
    size_t placed = 0, before;

    for (size_t i = 0; i < graph->count; i++) {
        graph->nodes[i]->place = SIZE_MAX;
    }
    do {
        before = placed;
        for (size_t i = 0; i < graph->count; i++) {
            if (graph->nodes[i]->place == SIZE_MAX && is_ready(graph->nodes[i], placed)) {
                graph->nodes[i]->place = placed++;
            }
        }
    } while (placed > before && placed < graph->count);
    return placed == graph->count;
}

/* ---- Copies ---- */

static bool clone_node(struct graph *clone, const struct node *node)
{
    struct task *task = node->task != NULL ? task_copy(node->task) : NULL;
    struct graph *child = node->child != NULL ? graph_clone(node->child) : NULL;
    struct node *copy;

    if ((node->task != NULL && task == NULL) || (node->child != NULL && child == NULL)) {
        task_release(task);
        return false;
    }
    if (child != NULL) {
        child->is_child = true;
    }
    copy = graph_add(clone, node->type, task, child);
    if (copy != NULL) {
        copy->event = node->event;
        copy->original = node;
    }
    return copy != NULL;
}

static bool clone_edges(struct graph *clone, const struct graph *graph)
{
    for (size_t i = 0; i < graph->count; i++) {
        graph->nodes[i]->place = i;
    }
    for (size_t i = 0; i < graph->count; i++) {
        const struct node *node = graph->nodes[i];

        for (size_t j = 0; j < node->after_count; j++) {
            if (node_follow(clone->nodes[i], clone->nodes[node->after[j]->place]) != CUDA_SUCCESS) {
                return false;
            }
        }
    }
    return true;
}

struct graph *graph_clone(const struct graph *graph)
{
    struct graph *clone = graph_create();
    bool done = clone != NULL;

    for (size_t i = 0; done && i < graph->count; i++) {
        done = clone_node(clone, graph->nodes[i]);
    }
    if (clone != NULL && !(done && clone_edges(clone, graph))) {
        graph_destroy(clone);
        return NULL;
    }
    return clone;
}

/* ---- The API of graphs ---- */

static CUresult create(CUgraph *handle, unsigned flags)
{
    struct graph *graph;

    if (handle == NULL || flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    graph = graph_create();
    *handle = (CUgraph)graph;
    return graph != NULL ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuGraphCreate(CUgraph *graph, unsigned flags)
{
    return IN_DRIVER(create(graph, flags));
}

static CUresult destroy(CUgraph handle)
{
    struct graph *graph = object_find(handle, OBJECT_GRAPH);

    if (graph == NULL || graph->is_child) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    graph_destroy(graph);
    return CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph graph)
{
    return IN_DRIVER(destroy(graph));
}

static CUresult clone_handle(CUgraph *handle, CUgraph original)
{
    const struct graph *graph = object_find(original, OBJECT_GRAPH);
    struct graph *clone;

    if (handle == NULL || graph == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    clone = graph_clone(graph);
    *handle = (CUgraph)clone;
    return clone != NULL ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuGraphClone(CUgraph *clone, CUgraph graph)
{
    return IN_DRIVER(clone_handle(clone, graph));
}

static CUresult find_in_clone(CUgraphNode *handle, CUgraphNode original, CUgraph clone)
{
    const struct graph *graph = object_find(clone, OBJECT_GRAPH);

    if (handle == NULL || graph == NULL || object_find(original, OBJECT_NODE) == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (size_t i = 0; i < graph->count; i++) {
        if (graph->nodes[i]->original == (const struct node *)original) {
            *handle = (CUgraphNode)graph->nodes[i];
            return CUDA_SUCCESS;
        }
    }
    return CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphNodeFindInClone(CUgraphNode *node, CUgraphNode original, CUgraph clone)
{
    return IN_DRIVER(find_in_clone(node, original, clone));
}

/* ---- What is in them ---- */

/* Answers with handles: *count of them at most, or how many there are when there is no room. What
 * is left of the room is NULL. */
struct answer {
    CUgraphNode *nodes;
    size_t room, count;
};

static void answer_node(struct answer *answer, const struct node *node)
{
    if (answer->nodes != NULL && answer->count < answer->room) {
        answer->nodes[answer->count] = (CUgraphNode)(uintptr_t)node;
    }
    answer->count++;
}

static CUresult finish_answer(struct answer *answer, size_t *count)
{
    for (size_t i = answer->count; answer->nodes != NULL && i < answer->room; i++) {
        answer->nodes[i] = NULL;
    }
    if (answer->nodes == NULL || answer->count < answer->room) {
        *count = answer->count;
    }
    return CUDA_SUCCESS;
}

static CUresult list_nodes(CUgraph handle, CUgraphNode *nodes, size_t *count, bool roots)
{
    const struct graph *graph = object_find(handle, OBJECT_GRAPH);
    struct answer answer = {nodes, count != NULL ? *count : 0, 0};

    if (graph == NULL || count == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (size_t i = 0; i < graph->count; i++) {
        if (!roots || graph->nodes[i]->after_count == 0) {
            answer_node(&answer, graph->nodes[i]);
        }
    }
    return finish_answer(&answer, count);
}

CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode *nodes, size_t *count)
{
    return IN_DRIVER(list_nodes(graph, nodes, count, false));
}

CUresult cuGraphGetRootNodes(CUgraph graph, CUgraphNode *nodes, size_t *count)
{
    return IN_DRIVER(list_nodes(graph, nodes, count, true));
}

static CUresult list_edges(CUgraph handle, CUgraphNode *from, CUgraphNode *to, size_t *count)
{
    const struct graph *graph = object_find(handle, OBJECT_GRAPH);
    struct answer froms = {from, count != NULL ? *count : 0, 0};
    struct answer tos = {to, froms.room, 0};

    if (graph == NULL || count == NULL || (from == NULL) != (to == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (size_t i = 0; i < graph->count; i++) {
        for (size_t j = 0; j < graph->nodes[i]->after_count; j++) {
            answer_node(&froms, graph->nodes[i]->after[j]);
            answer_node(&tos, graph->nodes[i]);
        }
    }
    finish_answer(&froms, count);
    return finish_answer(&tos, count);
}

/* All edges are of the plain kind. */
static void zero_data(CUgraphEdgeData *data, const size_t *count)
{
    if (data != NULL && count != NULL) {
        memset(data, 0, *count * sizeof(*data));
    }
}

CUresult cuGraphGetEdges(CUgraph graph, CUgraphNode *from, CUgraphNode *to, CUgraphEdgeData *data,
                         size_t *count)
{
    zero_data(data, count);
    return IN_DRIVER(list_edges(graph, from, to, count));
}

static CUresult list_dependencies(CUgraphNode handle, CUgraphNode *nodes, size_t *count)
{
    const struct node *node = object_find(handle, OBJECT_NODE);
    struct answer answer = {nodes, count != NULL ? *count : 0, 0};

    if (node == NULL || count == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (size_t i = 0; i < node->after_count; i++) {
        answer_node(&answer, node->after[i]);
    }
    return finish_answer(&answer, count);
}

CUresult cuGraphNodeGetDependencies(CUgraphNode node, CUgraphNode *nodes, CUgraphEdgeData *data,
                                    size_t *count)
{
    zero_data(data, count);
    return IN_DRIVER(list_dependencies(node, nodes, count));
}

static CUresult list_dependents(CUgraphNode handle, CUgraphNode *nodes, size_t *count)
{
    const struct node *node = object_find(handle, OBJECT_NODE);
    struct answer answer = {nodes, count != NULL ? *count : 0, 0};

    if (node == NULL || count == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (size_t i = 0; i < node->graph->count; i++) {
        const struct node *other = node->graph->nodes[i];

        if (find_after(other, node) < other->after_count) {
            answer_node(&answer, other);
        }
    }
    return finish_answer(&answer, count);
}

CUresult cuGraphNodeGetDependentNodes(CUgraphNode node, CUgraphNode *nodes, CUgraphEdgeData *data,
                                      size_t *count)
{
    zero_data(data, count);
    return IN_DRIVER(list_dependents(node, nodes, count));
}

static CUresult get_type(CUgraphNode handle, CUgraphNodeType *type)
{
    const struct node *node = object_find(handle, OBJECT_NODE);

    if (node == NULL || type == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *type = node->type;
    return CUDA_SUCCESS;
}

CUresult cuGraphNodeGetType(CUgraphNode node, CUgraphNodeType *type)
{
    return IN_DRIVER(get_type(node, type));
}

/* ---- Changes ---- */

static CUresult find_edge(CUgraph graph, CUgraphNode from, CUgraphNode to, struct node **earlier,
                          struct node **node)
{
    *earlier = object_find(from, OBJECT_NODE);
    *node = object_find(to, OBJECT_NODE);
    return *earlier != NULL && *node != NULL && (*node)->graph == (struct graph *)graph &&
                   (*earlier)->graph == (*node)->graph
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}

static bool is_plain(const CUgraphEdgeData *data, size_t count)
{
    for (size_t i = 0; data != NULL && i < count; i++) {
        if (data[i].from_port != 0 || data[i].to_port != 0 || data[i].type != 0) {
            return false;
        }
    }
    return true;
}

static CUresult remove_edge(struct node *node, struct node *earlier)
{
    size_t i = find_after(node, earlier);

    if (i == node->after_count) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    node->after[i] = node->after[--node->after_count];
    return CUDA_SUCCESS;
}

static CUresult check_edges(const CUgraphNode *from, const CUgraphNode *to,
                            const CUgraphEdgeData *data, size_t count)
{
    if (count > 0 && (from == NULL || to == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return is_plain(data, count) ? CUDA_SUCCESS : CUDA_ERROR_NOT_SUPPORTED;
}

/* change: node_follow or remove_edge, of each pair. */
static CUresult change_edges(CUgraph graph, const CUgraphNode *from, const CUgraphNode *to,
                             size_t count,
                             CUresult (*change)(struct node *node, struct node *earlier))
{
    CUresult result = CUDA_SUCCESS;

    for (size_t i = 0; i < count && result == CUDA_SUCCESS; i++) {
        struct node *earlier, *node;

        result = find_edge(graph, from[i], to[i], &earlier, &node) ?: change(node, earlier);
    }
    return result;
}

CUresult cuGraphAddDependencies(CUgraph graph, const CUgraphNode *from, const CUgraphNode *to,
                                const CUgraphEdgeData *data, size_t count)
{
    return check_edges(from, to, data, count)
               ?: IN_DRIVER(change_edges(graph, from, to, count, node_follow));
}

CUresult cuGraphRemoveDependencies(CUgraph graph, const CUgraphNode *from, const CUgraphNode *to,
                                   const CUgraphEdgeData *data, size_t count)
{
    return check_edges(from, to, data, count)
               ?: IN_DRIVER(change_edges(graph, from, to, count, remove_edge));
}

void graph_remove(struct node *node)
{
    struct graph *graph = node->graph;
    size_t place = 0;

    for (size_t i = 0; i < graph->count; i++) {
        remove_edge(graph->nodes[i], node);
        place = graph->nodes[i] == node ? i : place;
    }
    memmove(&graph->nodes[place], &graph->nodes[place + 1],
            (graph->count - place - 1) * sizeof(struct node *));
    graph->count--;
    destroy_node(node);
}

static CUresult destroy_node_handle(CUgraphNode handle)
{
    struct node *node = object_find(handle, OBJECT_NODE);

    if (node == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    graph_remove(node);
    return CUDA_SUCCESS;
}

CUresult cuGraphDestroyNode(CUgraphNode node)
{
    return IN_DRIVER(destroy_node_handle(node));
}
