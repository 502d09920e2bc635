/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Graphs: nodes that each have a task, which is copied when the graph is launched, and the nodes
 * that they come after. Under the driver's lock.
 */
#ifndef CUDA_CPU_DRIVER_GRAPH_H
#define CUDA_CPU_DRIVER_GRAPH_H

#include "host/cuda-cpu/driver/object.h"
#include "host/cuda-cpu/driver/task.h"

struct node {
    struct object object;
    struct graph *graph;
    CUgraphNodeType type;
    struct task *task;   /* kernels, copies, sets, host functions: what is done. NULL: nothing is */
    struct graph *child; /* CU_GRAPH_NODE_TYPE_GRAPH: the node's own */
    CUevent event;       /* recorded, or waited for */
    struct node **after; /* what it comes after */
    size_t after_count, after_capacity;
    const struct node *original; /* of a clone's node */
    size_t place;                /* among the graph's nodes; scratch of who goes over them */
};

struct graph {
    struct object object;
    struct node **nodes;
    size_t count, capacity;
    bool is_child; /* it is a node's */
};

/* NULL: no memory. */
struct graph *graph_create(void);
void graph_destroy(struct graph *graph);
struct graph *graph_clone(const struct graph *graph);

/* Takes the task and the child, also when there is no memory: NULL. */
struct node *graph_add(struct graph *graph, CUgraphNodeType type, struct task *task,
                       struct graph *child);

/* With its edges. */
void graph_remove(struct node *node);

/* The task of a node of a kind that has one, from the kind's parameters. now: its task until then,
 * whose mode of launch stays; NULL: none. */
CUresult node_make_task(struct context *context, CUgraphNodeType type, const void *params,
                        const struct task *now, struct task **task);

/* CUDA_ERROR_INVALID_VALUE: they are of two graphs, or it is so already. */
CUresult node_follow(struct node *node, struct node *earlier);

/* Sets each node's place, so that it is behind what the node comes after. False: there is a circle,
 * or no memory. */
bool graph_sort(struct graph *graph);

#endif
