/* SPDX-License-Identifier: BSD-2-Clause */
/* A node of a graph (struct bg_cuda_node), checked, and as the driver takes it. */
#ifndef MEDIATOR_CUDA_GRAPH_NODE_H
#define MEDIATOR_CUDA_GRAPH_NODE_H

#include "host/mediator/cuda/session.h"

/* What it is, as it was read; pointers go into the bytes. */
struct cuda_node {
    uint32_t type;
    bool is_enabled;
    const uint32_t *dependencies;
    uint32_t dependency_count;
    union {
        struct {
            const struct bg_cuda_launch *launch;
            CUfunction function;
            size_t params_size;
        } kernel;
        CUDA_MEMCPY3D copy;
        const struct bg_cuda_fill *fill;
        CUevent event;
    } what;
};

/* The driver's objects that handles in it stand for: in the same bytes they may be others later. */
struct cuda_node_bound {
    const void *objects[2];
};

/*
 * Reads node `number` from the start of `bytes`, of which there are `left`, a multiple of 8 and
 * aligned to that; *size is how many are its own. Against what the session has now: modules,
 * memory, arrays, events.
 */
CUresult cuda_node_read(const struct cuda_session *cuda, uint32_t number, const uint8_t *bytes,
                        size_t left, struct cuda_node *node, size_t *size);

struct cuda_node_bound cuda_node_bound(const struct cuda_node *node);

/* Behind those of `handles` that it names. */
CUresult cuda_node_add(struct cuda_session *cuda, CUgraph graph, const struct cuda_node *node,
                       const CUgraphNode *handles, CUgraphNode *result);

/* Whether one of this type can be without effect. */
bool cuda_node_can_rest(uint32_t type);

#endif
