/* SPDX-License-Identifier: BSD-2-Clause */
/* Graphs as lists of what is to be done, and as the worker is told of them. */
#include "firmware/cuda/graph.h"

#define ROOM_FIRST 16u
#define NODE_ALIGN 8u

static void clear_entry(struct cuda_entry *entry)
{
    cuda_task_clear(&entry->task);
    cuda_free(entry->after);
}

void cuda_entries_clear(struct cuda_entries *entries)
{
    for (uint32_t i = 0; i < entries->count; i++) {
        clear_entry(&entries->entries[i]);
    }
    cuda_free(entries->entries);
    *entries = (struct cuda_entries){0};
}

static CUresult grow(struct cuda_entries *entries)
{
    uint32_t room = entries->room == 0 ? ROOM_FIRST : entries->room * 2;
    struct cuda_entry *grown = cuda_alloc(room * sizeof(*grown));

    if (grown == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (entries->count > 0) {
        memcpy(grown, entries->entries, entries->count * sizeof(*grown));
    }
    cuda_free(entries->entries);
    entries->entries = grown;
    entries->room = room;
    return CUDA_SUCCESS;
}

/* One that does nothing, with room for `after` dependencies. */
static CUresult add_entry(struct cuda_entries *entries, CUgraphNode node, size_t after)
{
    CUresult result = entries->count == BG_CUDA_NODES_MAX ? CUDA_ERROR_INVALID_VALUE
                      : entries->count == entries->room   ? grow(entries)
                                                          : CUDA_SUCCESS;
    struct cuda_entry *entry = &entries->entries[entries->count];

    if (result != CUDA_SUCCESS) {
        return result;
    }
    *entry = (struct cuda_entry){.task.type = CU_GRAPH_NODE_TYPE_EMPTY, .node = node};
    entry->after = cuda_alloc((after + 1) * sizeof(uint32_t));
    if (entry->after == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    entries->count++;
    return CUDA_SUCCESS;
}

/* Where a graph's nodes go. */
struct scope {
    struct cuda_entries *entries;
    uint32_t *ends;        /* by a node's place: the entry that what comes after it follows */
    const uint32_t *start; /* the entry that all of a child follows; NULL: it is no child */
};

static CUresult add_graph(struct cuda_entries *entries, struct cuda_graph *graph,
                          const uint32_t *start);

/* A child lies between its node's entry and another one, which follows all of it. */
static CUresult add_child(struct cuda_entries *entries, const struct cuda_node *node)
{
    uint32_t start = entries->count - 1;
    CUresult result = add_graph(entries, node->child, &start);
    struct cuda_entry *end;

    result = result ?: add_entry(entries, node->object.handle, entries->count - start);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    entries->entries[start].node = NULL;
    end = &entries->entries[entries->count - 1];
    end->task.type = CU_GRAPH_NODE_TYPE_GRAPH;
    for (uint32_t i = start; i + 1 < entries->count; i++) {
        end->after[end->after_count++] = i;
    }
    return CUDA_SUCCESS;
}

static CUresult add_node(const struct scope *scope, const struct cuda_node *node)
{
    struct cuda_entries *entries = scope->entries;
    CUresult result = add_entry(entries, node->object.handle, node->after.count);
    struct cuda_entry *entry;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    entry = &entries->entries[entries->count - 1];
    for (size_t i = 0; i < node->after.count; i++) {
        entry->after[entry->after_count++] = scope->ends[node->after.nodes[i]->place];
    }
    if (node->after.count == 0 && scope->start != NULL) {
        entry->after[entry->after_count++] = *scope->start;
    }
    result =
        node->child != NULL ? add_child(entries, node) : cuda_task_copy(&node->task, &entry->task);
    scope->ends[node->place] = entries->count - 1;
    return result;
}

/* In the order of their places, so that graphs of one shape give entries of one shape. */
static CUresult add_sorted(const struct scope *scope, const struct cuda_graph *graph,
                           const struct cuda_node **sorted)
{
    const struct cuda_nodes *nodes = &graph->nodes;
    CUresult result = CUDA_SUCCESS;

    for (size_t i = 0; i < nodes->count; i++) {
        sorted[nodes->nodes[i]->place] = nodes->nodes[i];
    }
    for (size_t i = 0; i < nodes->count && result == CUDA_SUCCESS; i++) {
        result = add_node(scope, sorted[i]);
    }
    return result;
}

static CUresult add_graph(struct cuda_entries *entries, struct cuda_graph *graph,
                          const uint32_t *start)
{
    size_t count = graph->nodes.count;
    const struct cuda_node **sorted;
    struct scope scope = {.entries = entries, .start = start};
    CUresult result = CUDA_ERROR_OUT_OF_MEMORY;

    if (!cuda_graph_sort(graph)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    sorted = cuda_alloc((count + 1) * sizeof(*sorted));
    scope.ends = cuda_alloc((count + 1) * sizeof(*scope.ends));
    if (sorted != NULL && scope.ends != NULL) {
        result = add_sorted(&scope, graph, sorted);
    }
    cuda_free(sorted);
    cuda_free(scope.ends);
    return result;
}

CUresult cuda_entries_fill(struct cuda_entries *entries, struct cuda_graph *graph)
{
    CUresult result = add_graph(entries, graph, NULL);

    if (result != CUDA_SUCCESS) {
        cuda_entries_clear(entries);
    }
    return result;
}

/* ---- A graph again ---- */

static struct cuda_node *add_again(struct cuda_graph *graph, const struct cuda_entry *entry)
{
    bool does_nothing = entry->is_disabled || entry->task.type == CU_GRAPH_NODE_TYPE_GRAPH;
    CUgraphNodeType type = does_nothing ? CU_GRAPH_NODE_TYPE_EMPTY : entry->task.type;
    struct cuda_node *node = cuda_graph_add(graph, type);

    return node == NULL || does_nothing || cuda_task_copy(&entry->task, &node->task) == CUDA_SUCCESS
               ? node
               : NULL;
}

/* Nodes are in the order of the entries. */
static bool fill_again(const struct cuda_entries *entries, struct cuda_graph *graph)
{
    bool is_done = true;

    for (uint32_t i = 0; i < entries->count && is_done; i++) {
        const struct cuda_entry *entry = &entries->entries[i];
        struct cuda_node *node = add_again(graph, entry);

        is_done = node != NULL;
        for (uint32_t j = 0; j < entry->after_count && is_done; j++) {
            is_done = cuda_node_follow(node, graph->nodes.nodes[entry->after[j]]) == CUDA_SUCCESS;
        }
    }
    return is_done;
}

struct cuda_graph *cuda_entries_to_graph(const struct cuda_entries *entries)
{
    struct cuda_graph *graph = cuda_graph_create();

    if (graph != NULL && !fill_again(entries, graph)) {
        cuda_graph_destroy(graph);
        graph = NULL;
    }
    return graph;
}

CUresult cuda_entries_check(struct cuda_context *context, const struct cuda_entries *entries)
{
    CUresult result = CUDA_SUCCESS;

    for (uint32_t i = 0; i < entries->count && result == CUDA_SUCCESS; i++) {
        result = cuda_task_check(context, &entries->entries[i].task);
    }
    return result;
}

/* ---- As the wire has them ---- */

static size_t aligned(size_t size)
{
    return (size + NODE_ALIGN - 1) / NODE_ALIGN * NODE_ALIGN;
}

static size_t head_size(const struct cuda_entry *entry)
{
    return aligned(sizeof(struct bg_cuda_node) + entry->after_count * sizeof(uint32_t));
}

static size_t entry_size(const struct cuda_entry *entry)
{
    return head_size(entry) + aligned(cuda_task_size(&entry->task));
}

static CUresult write_entry(struct cuda_context *context, const struct cuda_entry *entry,
                            uint8_t *to)
{
    struct bg_cuda_node node = {
        .size = (uint32_t)entry_size(entry),
        .enabled = !entry->is_disabled,
        .dependency_count = entry->after_count,
    };
    CUresult result = cuda_task_write(context, &entry->task, to + head_size(entry), &node.type);

    memcpy(to, &node, sizeof(node));
    memcpy(to + sizeof(node), entry->after, entry->after_count * sizeof(uint32_t));
    return result;
}

static CUresult write_all(struct cuda_context *context, const struct cuda_entries *entries,
                          uint8_t *to)
{
    CUresult result = CUDA_SUCCESS;

    for (uint32_t i = 0; i < entries->count && result == CUDA_SUCCESS; i++) {
        result = write_entry(context, &entries->entries[i], to);
        to += entry_size(&entries->entries[i]);
    }
    return result;
}

CUresult cuda_entries_send(struct cuda_context *context, const struct cuda_entries *entries,
                           uint32_t operation, uint32_t number)
{
    struct bg_cuda_graph_create params = {.graph = number, .node_count = entries->count};
    struct cuda_call call = {.operation = operation, .params = {&params, sizeof(params)}};
    uint8_t *data;
    CUresult result;

    for (uint32_t i = 0; i < entries->count; i++) {
        call.data.size += entry_size(&entries->entries[i]);
    }
    data = cuda_alloc(call.data.size);
    if (data == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    call.data.bytes = data;
    result = write_all(context, entries, data) ?: cuda_call(context->device, &call);
    cuda_free(data);
    return result;
}
