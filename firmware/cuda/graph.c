/* SPDX-License-Identifier: BSD-2-Clause */
/* Graphs: nodes and what they come after. */
#include "firmware/cuda/graph.h"

#define ROOM_FIRST 4u

/* ---- Lists ---- */

static bool list_add(struct cuda_nodes *list, struct cuda_node *node)
{
    if (list->count == list->room) {
        size_t room = list->room == 0 ? ROOM_FIRST : list->room * 2;
        struct cuda_node **nodes = cuda_alloc(room * sizeof(struct cuda_node *));

        if (nodes == NULL) {
            return false;
        }
        if (list->count > 0) {
            memcpy(nodes, list->nodes, list->count * sizeof(struct cuda_node *));
        }
        cuda_free(list->nodes);
        list->nodes = nodes;
        list->room = room;
    }
    list->nodes[list->count++] = node;
    return true;
}

/* list->count: it is not there. */
static size_t list_find(const struct cuda_nodes *list, const struct cuda_node *node)
{
    size_t i = 0;

    while (i < list->count && list->nodes[i] != node) {
        i++;
    }
    return i;
}

/* The others keep their order. */
static bool list_remove(struct cuda_nodes *list, const struct cuda_node *node)
{
    size_t i = list_find(list, node);

    if (i == list->count) {
        return false;
    }
    for (list->count--; i < list->count; i++) {
        list->nodes[i] = list->nodes[i + 1];
    }
    return true;
}

/* ---- Their lives ---- */

struct cuda_graph *cuda_graph_create(void)
{
    return cuda_object_create(CUDA_KIND_GRAPH, sizeof(struct cuda_graph), NULL);
}

static void destroy_node(struct cuda_node *node)
{
    cuda_task_clear(&node->task);
    if (node->child != NULL) {
        cuda_graph_destroy(node->child);
    }
    cuda_free(node->after.nodes);
    cuda_object_destroy(&node->object);
}

void cuda_graph_destroy(struct cuda_graph *graph)
{
    for (size_t i = 0; i < graph->nodes.count; i++) {
        destroy_node(graph->nodes.nodes[i]);
    }
    cuda_free(graph->nodes.nodes);
    cuda_object_destroy(&graph->object);
}

struct cuda_node *cuda_graph_add(struct cuda_graph *graph, CUgraphNodeType type)
{
    struct cuda_node *node = cuda_object_create(CUDA_KIND_NODE, sizeof(*node), NULL);

    if (node == NULL) {
        return NULL;
    }
    node->graph = graph;
    node->task.type = type;
    if (!list_add(&graph->nodes, node)) {
        cuda_object_destroy(&node->object);
        return NULL;
    }
    return node;
}

void cuda_graph_remove(struct cuda_node *node)
{
    struct cuda_nodes *nodes = &node->graph->nodes;

    list_remove(nodes, node);
    for (size_t i = 0; i < nodes->count; i++) {
        list_remove(&nodes->nodes[i]->after, node);
    }
    destroy_node(node);
}

/* ---- Edges ---- */

CUresult cuda_node_follow(struct cuda_node *node, struct cuda_node *earlier)
{
    if (node->graph != earlier->graph || node == earlier ||
        list_find(&node->after, earlier) < node->after.count) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return list_add(&node->after, earlier) ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

static CUresult unfollow(struct cuda_node *node, struct cuda_node *earlier)
{
    return list_remove(&node->after, earlier) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static bool follows(const struct cuda_node *node, const struct cuda_node *earlier)
{
    return list_find(&node->after, earlier) < node->after.count;
}

bool cuda_node_is_followed(const struct cuda_node *node)
{
    const struct cuda_nodes *nodes = &node->graph->nodes;

    for (size_t i = 0; i < nodes->count; i++) {
        if (follows(nodes->nodes[i], node)) {
            return true;
        }
    }
    return false;
}

static bool is_ready(const struct cuda_node *node)
{
    for (size_t i = 0; i < node->after.count; i++) {
        if (node->after.nodes[i]->place == SIZE_MAX) {
            return false;
        }
    }
    return true;
}

/* Nodes mostly are added behind what they come after: then one round places all. */
bool cuda_graph_sort(struct cuda_graph *graph)
{
    const struct cuda_nodes *nodes = &graph->nodes;
    size_t placed = 0, before;

    for (size_t i = 0; i < nodes->count; i++) {
        nodes->nodes[i]->place = SIZE_MAX;
    }
    do {
        before = placed;
        for (size_t i = 0; i < nodes->count; i++) {
            if (nodes->nodes[i]->place == SIZE_MAX && is_ready(nodes->nodes[i])) {
                nodes->nodes[i]->place = placed++;
            }
        }
    } while (placed > before);
    return placed == nodes->count;
}

/* ---- Copies ---- */

static bool clone_node(struct cuda_graph *clone, const struct cuda_node *node)
{
    struct cuda_node *copy = cuda_graph_add(clone, node->task.type);

    if (copy == NULL || cuda_task_copy(&node->task, &copy->task) != CUDA_SUCCESS) {
        return false;
    }
    copy->original = node->object.handle;
    if (node->child != NULL) {
        copy->child = cuda_graph_clone(node->child);
        if (copy->child == NULL) {
            return false;
        }
        copy->child->is_child = true;
    }
    return true;
}

static bool clone_edges(const struct cuda_nodes *copies, const struct cuda_nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++) {
        nodes->nodes[i]->place = i;
    }
    for (size_t i = 0; i < nodes->count; i++) {
        const struct cuda_nodes *after = &nodes->nodes[i]->after;

        for (size_t j = 0; j < after->count; j++) {
            if (!list_add(&copies->nodes[i]->after, copies->nodes[after->nodes[j]->place])) {
                return false;
            }
        }
    }
    return true;
}

struct cuda_graph *cuda_graph_clone(const struct cuda_graph *graph)
{
    struct cuda_graph *clone = cuda_graph_create();
    bool is_done = clone != NULL;

    for (size_t i = 0; is_done && i < graph->nodes.count; i++) {
        is_done = clone_node(clone, graph->nodes.nodes[i]);
    }
    if (clone != NULL && !(is_done && clone_edges(&clone->nodes, &graph->nodes))) {
        cuda_graph_destroy(clone);
        return NULL;
    }
    return clone;
}

/* ---- The API of graphs ---- */

static CUresult answer_graph(struct cuda_graph *graph, CUgraph *handle)
{
    if (graph == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *handle = graph->object.handle;
    return CUDA_SUCCESS;
}

static CUresult create(CUgraph *handle, unsigned flags)
{
    if (handle == NULL || flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return answer_graph(cuda_graph_create(), handle);
}

CUresult cuGraphCreate(CUgraph *graph, unsigned flags)
{
    return cuda_enter() ?: create(graph, flags);
}

static CUresult destroy(CUgraph handle)
{
    struct cuda_graph *graph = cuda_find(handle, CUDA_KIND_GRAPH);

    if (graph == NULL || graph->is_child) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    cuda_graph_destroy(graph);
    return CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph graph)
{
    return cuda_enter() ?: destroy(graph);
}

static CUresult clone(CUgraph *handle, CUgraph original)
{
    const struct cuda_graph *graph = cuda_find(original, CUDA_KIND_GRAPH);

    if (handle == NULL || graph == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return answer_graph(cuda_graph_clone(graph), handle);
}

CUresult cuGraphClone(CUgraph *copy, CUgraph original)
{
    return cuda_enter() ?: clone(copy, original);
}

static CUresult find_in_clone(CUgraphNode *node, CUgraphNode original, CUgraph clone_handle)
{
    const struct cuda_graph *graph = cuda_find(clone_handle, CUDA_KIND_GRAPH);

    if (node == NULL || graph == NULL || cuda_find(original, CUDA_KIND_NODE) == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (size_t i = 0; i < graph->nodes.count; i++) {
        if (graph->nodes.nodes[i]->original == original) {
            *node = graph->nodes.nodes[i]->object.handle;
            return CUDA_SUCCESS;
        }
    }
    return CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphNodeFindInClone(CUgraphNode *node, CUgraphNode original, CUgraph copy)
{
    return cuda_enter() ?: find_in_clone(node, original, copy);
}

/* ---- What is in them ---- */

/* *count nodes at most; without room for any, how many there are. What is left of the room is
 * NULL. */
struct answer {
    CUgraphNode *nodes;
    size_t room, count;
};

static void answer_node(struct answer *answer, const struct cuda_node *node)
{
    if (answer->nodes != NULL && answer->count < answer->room) {
        answer->nodes[answer->count] = node->object.handle;
    }
    answer->count++;
}

static CUresult finish_answer(const struct answer *answer, size_t *count)
{
    for (size_t i = answer->count; answer->nodes != NULL && i < answer->room; i++) {
        answer->nodes[i] = NULL;
    }
    if (answer->nodes == NULL || answer->count < answer->room) {
        *count = answer->count;
    }
    return CUDA_SUCCESS;
}

static CUresult list_nodes(CUgraph handle, CUgraphNode *nodes, size_t *count, bool only_roots)
{
    const struct cuda_graph *graph = cuda_find(handle, CUDA_KIND_GRAPH);
    struct answer answer = {.nodes = nodes};

    if (graph == NULL || count == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    answer.room = *count;
    for (size_t i = 0; i < graph->nodes.count; i++) {
        if (!only_roots || graph->nodes.nodes[i]->after.count == 0) {
            answer_node(&answer, graph->nodes.nodes[i]);
        }
    }
    return finish_answer(&answer, count);
}

CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode *nodes, size_t *count)
{
    return cuda_enter() ?: list_nodes(graph, nodes, count, false);
}

CUresult cuGraphGetRootNodes(CUgraph graph, CUgraphNode *nodes, size_t *count)
{
    return cuda_enter() ?: list_nodes(graph, nodes, count, true);
}

/* All edges are of the plain kind. */
static void clear_data(CUgraphEdgeData *data, const size_t *count)
{
    if (data != NULL && count != NULL) {
        memset(data, 0, *count * sizeof(*data));
    }
}

static CUresult list_edges(CUgraph handle, CUgraphNode *from, CUgraphNode *to, size_t *count)
{
    const struct cuda_graph *graph = cuda_find(handle, CUDA_KIND_GRAPH);
    struct answer earlier = {.nodes = from}, later = {.nodes = to};

    if (graph == NULL || count == NULL || (from == NULL) != (to == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    earlier.room = later.room = *count;
    for (size_t i = 0; i < graph->nodes.count; i++) {
        const struct cuda_node *node = graph->nodes.nodes[i];

        for (size_t j = 0; j < node->after.count; j++) {
            answer_node(&earlier, node->after.nodes[j]);
            answer_node(&later, node);
        }
    }
    finish_answer(&earlier, count);
    return finish_answer(&later, count);
}

CUresult cuGraphGetEdges(CUgraph graph, CUgraphNode *from, CUgraphNode *to, CUgraphEdgeData *data,
                         size_t *count)
{
    clear_data(data, count);
    return cuda_enter() ?: list_edges(graph, from, to, count);
}

static CUresult list_neighbours(CUgraphNode handle, CUgraphNode *nodes, size_t *count, bool earlier)
{
    const struct cuda_node *node = cuda_find(handle, CUDA_KIND_NODE);
    struct answer answer = {.nodes = nodes};

    if (node == NULL || count == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    answer.room = *count;
    for (size_t i = 0; i < node->graph->nodes.count; i++) {
        const struct cuda_node *other = node->graph->nodes.nodes[i];

        if (earlier ? follows(node, other) : follows(other, node)) {
            answer_node(&answer, other);
        }
    }
    return finish_answer(&answer, count);
}

CUresult cuGraphNodeGetDependencies(CUgraphNode node, CUgraphNode *nodes, CUgraphEdgeData *data,
                                    size_t *count)
{
    clear_data(data, count);
    return cuda_enter() ?: list_neighbours(node, nodes, count, true);
}

CUresult cuGraphNodeGetDependentNodes(CUgraphNode node, CUgraphNode *nodes, CUgraphEdgeData *data,
                                      size_t *count)
{
    clear_data(data, count);
    return cuda_enter() ?: list_neighbours(node, nodes, count, false);
}

static CUresult get_type(CUgraphNode handle, CUgraphNodeType *type)
{
    const struct cuda_node *node = cuda_find(handle, CUDA_KIND_NODE);

    if (node == NULL || type == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *type = node->task.type;
    return CUDA_SUCCESS;
}

CUresult cuGraphNodeGetType(CUgraphNode node, CUgraphNodeType *type)
{
    return cuda_enter() ?: get_type(node, type);
}

/* ---- Changes ---- */

static CUresult check_edges(const CUgraphNode *from, const CUgraphNode *to,
                            const CUgraphEdgeData *data, size_t count)
{
    if (count > 0 && (from == NULL || to == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (size_t i = 0; data != NULL && i < count; i++) {
        if (data[i].from_port != 0 || data[i].to_port != 0 || data[i].type != 0) {
            return CUDA_ERROR_NOT_SUPPORTED;
        }
    }
    return CUDA_SUCCESS;
}

/* change: cuda_node_follow or unfollow, of each pair. */
static CUresult change_edges(CUgraph graph, const CUgraphNode *from, const CUgraphNode *to,
                             size_t count,
                             CUresult (*change)(struct cuda_node *node, struct cuda_node *earlier))
{
    CUresult result = CUDA_SUCCESS;

    for (size_t i = 0; i < count && result == CUDA_SUCCESS; i++) {
        struct cuda_node *earlier = cuda_find(from[i], CUDA_KIND_NODE);
        struct cuda_node *node = cuda_find(to[i], CUDA_KIND_NODE);

        result = earlier != NULL && node != NULL && earlier->graph == node->graph &&
                         node->graph == cuda_find(graph, CUDA_KIND_GRAPH)
                     ? change(node, earlier)
                     : CUDA_ERROR_INVALID_VALUE;
    }
    return result;
}

CUresult cuGraphAddDependencies(CUgraph graph, const CUgraphNode *from, const CUgraphNode *to,
                                const CUgraphEdgeData *data, size_t count)
{
    return cuda_enter()
               ?: check_edges(from, to, data, count)
               ?: change_edges(graph, from, to, count, cuda_node_follow);
}

CUresult cuGraphRemoveDependencies(CUgraph graph, const CUgraphNode *from, const CUgraphNode *to,
                                   const CUgraphEdgeData *data, size_t count)
{
    return cuda_enter()
               ?: check_edges(from, to, data, count)
               ?: change_edges(graph, from, to, count, unfollow);
}

static CUresult remove_node(CUgraphNode handle)
{
    struct cuda_node *node = cuda_find(handle, CUDA_KIND_NODE);

    if (node == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    cuda_graph_remove(node);
    return CUDA_SUCCESS;
}

CUresult cuGraphDestroyNode(CUgraphNode node)
{
    return cuda_enter() ?: remove_node(node);
}
