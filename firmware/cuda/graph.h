/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Graphs, between the files that build them (graph.c, graph_node.c, graph_task.c), launch them
 * (graph_entries.c, graph_exec.c) and make them of streams (capture.c). They are bookkeeping alone:
 * the worker knows those that can be launched.
 */
#ifndef FIRMWARE_CUDA_GRAPH_H
#define FIRMWARE_CUDA_GRAPH_H

#include "firmware/cuda/internal.h"

/* ---- What a node does (graph_task.c), as the API describes it ---- */

struct cuda_task {
    CUgraphNodeType type;
    bool is_cooperative; /* a kernel's launch */
    union {
        CUDA_KERNEL_NODE_PARAMS kernel; /* kernelParams: `params` */
        CUDA_MEMCPY3D copy;
        CUDA_MEMSET_NODE_PARAMS set;
        CUDA_HOST_NODE_PARAMS host;
        CUevent event; /* recorded, or waited for */
    };
    void **params; /* a pointer to each of a kernel's parameters, and behind them these. Owned */
    uint32_t param_count, params_size;
};

/* From the structure that the API has for nodes of this type; events: from the CUevent. What is
 * there before is the caller's to clear. */
CUresult cuda_task_set(struct cuda_context *context, CUgraphNodeType type, const void *params,
                       bool is_cooperative, struct cuda_task *task);

/* Makes it another of its type; after an error it is as it was. The parameters may be its own. */
CUresult cuda_task_change(struct cuda_context *context, const void *params, bool is_cooperative,
                          struct cuda_task *task);

CUresult cuda_task_copy(const struct cuda_task *from, struct cuda_task *task);
void cuda_task_clear(struct cuda_task *task);

/* What it names may have gone since: CUDA_ERROR_INVALID_HANDLE. */
CUresult cuda_task_check(struct cuda_context *context, const struct cuda_task *task);

/* A host function, or a copy with memory that the worker does not see. */
bool cuda_task_is_ours(struct cuda_context *context, const struct cuda_task *task);

/* For the others: as a node of the wire has it, bytes and the node's type. */
size_t cuda_task_size(const struct cuda_task *task);
CUresult cuda_task_write(struct cuda_context *context, const struct cuda_task *task, void *to,
                         uint32_t *type);

/* Queues it. */
CUresult cuda_task_run(struct cuda_stream *stream, const struct cuda_task *task);

/* ---- Graphs (graph.c) ---- */

struct cuda_nodes {
    struct cuda_node **nodes;
    size_t count, room;
};

struct cuda_node {
    struct cuda_object object;
    struct cuda_graph *graph;
    struct cuda_task task;
    struct cuda_graph *child; /* CU_GRAPH_NODE_TYPE_GRAPH: the node's own */
    struct cuda_nodes after;  /* what it comes after */
    CUgraphNode original;     /* of a clone's node */
    size_t place;             /* cuda_graph_sort; scratch otherwise */
};

struct cuda_graph {
    struct cuda_object object;
    struct cuda_nodes nodes; /* in the order in which they were added */
    bool is_child;           /* a node's */
};

/* NULL, false: no memory. */
struct cuda_graph *cuda_graph_create(void);
struct cuda_graph *cuda_graph_clone(const struct cuda_graph *graph);
struct cuda_node *cuda_graph_add(struct cuda_graph *graph, CUgraphNodeType type);

void cuda_graph_destroy(struct cuda_graph *graph);

/* With its edges. */
void cuda_graph_remove(struct cuda_node *node);

/* CUDA_ERROR_INVALID_VALUE: they are of two graphs, or it is so already. */
CUresult cuda_node_follow(struct cuda_node *node, struct cuda_node *earlier);

/* Does anything come after it? */
bool cuda_node_is_followed(const struct cuda_node *node);

/* Gives each node its place, from 0, behind what it comes after. False: there is a circle. */
bool cuda_graph_sort(struct cuda_graph *graph);

/* ---- Graphs that can be launched (graph_entries.c, graph_exec.c) ---- */

struct cuda_entry {
    struct cuda_task task;
    CUgraphNode node; /* whose it is; NULL: a child's beginning */
    bool is_disabled;
    uint32_t *after; /* earlier entries */
    uint32_t after_count;
};

/* What is to be done, children's too, in an order that the dependencies allow. */
struct cuda_entries {
    struct cuda_entry *entries;
    uint32_t count, room;
};

/* CUDA_ERROR_INVALID_VALUE: a circle, or more than BG_CUDA_NODES_MAX. Nothing is there then. */
CUresult cuda_entries_fill(struct cuda_entries *entries, struct cuda_graph *graph);
void cuda_entries_clear(struct cuda_entries *entries);

/* A graph that does the same. NULL: no memory. */
struct cuda_graph *cuda_entries_to_graph(const struct cuda_entries *entries);

/* What they name may have gone since: CUDA_ERROR_INVALID_HANDLE. */
CUresult cuda_entries_check(struct cuda_context *context, const struct cuda_entries *entries);

/* BG_CUDA_GRAPH_CREATE, BG_CUDA_GRAPH_UPDATE. */
CUresult cuda_entries_send(struct cuda_context *context, const struct cuda_entries *entries,
                           uint32_t operation, uint32_t number);

#endif
