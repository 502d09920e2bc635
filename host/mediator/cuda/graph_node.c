/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/graph_node.h"

#include <stdlib.h>
#include <string.h>

#include "host/mediator/cuda/box.h"
#include "host/mediator/cuda/event.h"
#include "host/mediator/cuda/launch.h"
#include "host/mediator/cuda/memory.h"

#define ALIGN 8u

static size_t align_up(size_t size)
{
    return (size + ALIGN - 1) / ALIGN * ALIGN;
}

bool cuda_node_can_rest(uint32_t type)
{
    return type == BG_CUDA_NODE_LAUNCH || type == BG_CUDA_NODE_COPY_BOX ||
           type == BG_CUDA_NODE_FILL;
}

/* ---- By type; `body` is what the type says, of `size` bytes ---- */

static CUresult read_launch(const struct cuda_session *cuda, const uint8_t *body, size_t size,
                            struct cuda_node *node)
{
    const struct bg_cuda_launch *launch = (const struct bg_cuda_launch *)(const void *)body;
    const struct cuda_function *function;
    CUresult result;

    if (size < sizeof(*launch) || launch->stream != 0 || launch->param_size > size ||
        size != align_up(sizeof(*launch) + launch->param_size)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = cuda_launch_check(cuda, launch, &function);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    node->what.kernel.launch = launch;
    node->what.kernel.function = function->function;
    node->what.kernel.params_size = function->params_size;
    return launch->param_size == function->params_size ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static CUresult read_copy(const struct cuda_session *cuda, const uint8_t *body, size_t size,
                          struct cuda_node *node)
{
    const struct bg_cuda_copy_box *box = (const struct bg_cuda_copy_box *)(const void *)body;

    return size == sizeof(*box) && box->stream == 0 ? cuda_box_read(cuda, box, &node->what.copy)
                                                    : CUDA_ERROR_INVALID_VALUE;
}

static CUresult read_fill(const struct cuda_session *cuda, const uint8_t *body, size_t size,
                          struct cuda_node *node)
{
    const struct bg_cuda_fill *fill = (const struct bg_cuda_fill *)(const void *)body;

    node->what.fill = fill;
    return size == sizeof(*fill) && fill->stream == 0 ? cuda_fill_check(cuda, fill)
                                                      : CUDA_ERROR_INVALID_VALUE;
}

static CUresult read_event(const struct cuda_session *cuda, const uint8_t *body, size_t size,
                           struct cuda_node *node)
{
    const struct bg_cuda_handle *handle = (const struct bg_cuda_handle *)(const void *)body;

    if (size != align_up(sizeof(*handle))) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    node->what.event = cuda_event_find(cuda, handle->handle);
    return node->what.event != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

static CUresult read_body(const struct cuda_session *cuda, const uint8_t *body, size_t size,
                          struct cuda_node *node)
{
    switch (node->type) {
    case BG_CUDA_NODE_EMPTY:
        return size == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    case BG_CUDA_NODE_LAUNCH:
        return read_launch(cuda, body, size, node);
    case BG_CUDA_NODE_COPY_BOX:
        return read_copy(cuda, body, size, node);
    case BG_CUDA_NODE_FILL:
        return read_fill(cuda, body, size, node);
    case BG_CUDA_NODE_RECORD:
    case BG_CUDA_NODE_WAIT:
        return read_event(cuda, body, size, node);
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

/* ---- What all have ---- */

/* Of earlier ones alone: so there is no circle. */
static bool are_earlier(const uint32_t *dependencies, uint32_t count, uint32_t number)
{
    for (uint32_t i = 0; i < count; i++) {
        if (dependencies[i] >= number) {
            return false;
        }
    }
    return true;
}

CUresult cuda_node_read(const struct cuda_session *cuda, uint32_t number, const uint8_t *bytes,
                        size_t left, struct cuda_node *node, size_t *size)
{
    const struct bg_cuda_node *head = (const struct bg_cuda_node *)(const void *)bytes;
    size_t body;

    if (left < sizeof(*head) || head->size < sizeof(*head) || head->size > left ||
        head->size % ALIGN || head->dependency_count > number) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    body = align_up(sizeof(*head) + head->dependency_count * sizeof(uint32_t));
    memset(node, 0, sizeof(*node));
    node->type = head->type;
    node->is_enabled = head->enabled == 1;
    node->dependencies = (const uint32_t *)(const void *)(head + 1);
    node->dependency_count = head->dependency_count;
    if (body > head->size || head->enabled > 1 ||
        (!node->is_enabled && !cuda_node_can_rest(node->type)) ||
        !are_earlier(node->dependencies, node->dependency_count, number)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *size = head->size;
    return read_body(cuda, bytes + body, head->size - body, node);
}

struct cuda_node_bound cuda_node_bound(const struct cuda_node *node)
{
    switch (node->type) {
    case BG_CUDA_NODE_LAUNCH:
        return (struct cuda_node_bound){{node->what.kernel.function, NULL}};
    case BG_CUDA_NODE_COPY_BOX:
        return (struct cuda_node_bound){{node->what.copy.srcArray, node->what.copy.dstArray}};
    case BG_CUDA_NODE_RECORD:
    case BG_CUDA_NODE_WAIT:
        return (struct cuda_node_bound){{node->what.event, NULL}};
    default:
        return (struct cuda_node_bound){{NULL, NULL}};
    }
}

/* ---- For the driver ---- */

struct after {
    CUgraphNode *nodes;
    size_t count;
};

static CUresult make_cooperative(const struct cuda_driver *driver, CUgraphNode node)
{
    const CUkernelNodeAttrValue value = {.cooperative = 1};

    return driver->cuGraphKernelNodeSetAttribute(node, CU_LAUNCH_ATTRIBUTE_COOPERATIVE, &value);
}

static CUresult add_kernel(const struct cuda_driver *driver, CUgraph graph,
                           const struct cuda_node *node, const struct after *after,
                           CUgraphNode *result)
{
    const struct bg_cuda_launch *launch = node->what.kernel.launch;
    size_t size = node->what.kernel.params_size;
    void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, (void *)(uintptr_t)(launch + 1),
                     CU_LAUNCH_PARAM_BUFFER_SIZE, &size, CU_LAUNCH_PARAM_END};
    const CUDA_KERNEL_NODE_PARAMS params = {
        .func = node->what.kernel.function,
        .gridDimX = launch->grid[0],
        .gridDimY = launch->grid[1],
        .gridDimZ = launch->grid[2],
        .blockDimX = launch->block[0],
        .blockDimY = launch->block[1],
        .blockDimZ = launch->block[2],
        .sharedMemBytes = launch->dynamic_shared,
        .extra = extra,
    };

    return driver->cuGraphAddKernelNode(result, graph, after->nodes, after->count, &params)
               ?: launch->flags & BG_CUDA_LAUNCH_COOPERATIVE ? make_cooperative(driver, *result)
                                                             : CUDA_SUCCESS;
}

static CUresult add_fill(const struct cuda_session *cuda, CUgraph graph,
                         const struct cuda_node *node, const struct after *after,
                         CUgraphNode *result)
{
    const struct bg_cuda_fill *fill = node->what.fill;
    const CUDA_MEMSET_NODE_PARAMS params = {
        .dst = fill->address,
        .pitch = fill->height > 1 ? fill->pitch : fill->width * fill->element_size,
        .value = fill->value,
        .elementSize = fill->element_size,
        .width = fill->width,
        .height = fill->height,
    };

    return cuda->driver->cuGraphAddMemsetNode(result, graph, after->nodes, after->count, &params,
                                              cuda->session->gpu->context);
}

static CUresult add(const struct cuda_session *cuda, CUgraph graph, const struct cuda_node *node,
                    const struct after *after, CUgraphNode *result)
{
    const struct cuda_driver *driver = cuda->driver;

    switch (node->type) {
    case BG_CUDA_NODE_LAUNCH:
        return add_kernel(driver, graph, node, after, result);
    case BG_CUDA_NODE_COPY_BOX:
        return driver->cuGraphAddMemcpyNode(result, graph, after->nodes, after->count,
                                            &node->what.copy, cuda->session->gpu->context);
    case BG_CUDA_NODE_FILL:
        return add_fill(cuda, graph, node, after, result);
    case BG_CUDA_NODE_RECORD:
        return driver->cuGraphAddEventRecordNode(result, graph, after->nodes, after->count,
                                                 node->what.event);
    case BG_CUDA_NODE_WAIT:
        return driver->cuGraphAddEventWaitNode(result, graph, after->nodes, after->count,
                                               node->what.event);
    default:
        return driver->cuGraphAddEmptyNode(result, graph, after->nodes, after->count);
    }
}

CUresult cuda_node_add(struct cuda_session *cuda, CUgraph graph, const struct cuda_node *node,
                       const CUgraphNode *handles, CUgraphNode *result)
{
    struct after after = {.count = node->dependency_count};
    CUresult added;

    after.nodes = calloc(after.count + 1, sizeof(*after.nodes));
    if (after.nodes == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < after.count; i++) {
        after.nodes[i] = handles[node->dependencies[i]];
    }
    added = cuda_check(cuda, add(cuda, graph, node, &after, result));
    free(after.nodes);
    return added;
}
