/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/driver/capture.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/copy.h"
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/graph.h"
#include "host/cuda-cpu/driver/host.h"
#include "host/cuda-cpu/driver/launch.h"
#include "host/cuda-cpu/driver/set.h"

struct capture {
    uint64_t id;
    struct graph *graph;
    const struct stream *origin;
    CUstreamCaptureMode mode;
    uint64_t thread;
    bool broken;
};

static uint64_t last_id;
static _Thread_local CUstreamCaptureMode thread_mode = CU_STREAM_CAPTURE_MODE_GLOBAL;

/* ---- Places ---- */

void capture_clear_place(struct capture_place *place)
{
    free(place->nodes);
    *place = (struct capture_place){.id = 0};
}

static bool has_node(const struct capture_place *place, const struct node *node)
{
    for (size_t i = 0; i < place->count; i++) {
        if (place->nodes[i] == node) {
            return true;
        }
    }
    return false;
}

/* Behind what the other one is behind, too. False: no memory. */
static bool join_place(struct capture_place *place, const struct capture_place *other)
{
    struct node **nodes = realloc(place->nodes, (place->count + other->count + 1) * sizeof(*nodes));

    if (nodes == NULL) {
        return false;
    }
    place->nodes = nodes;
    place->id = other->id;
    for (size_t i = 0; i < other->count; i++) {
        if (!has_node(place, other->nodes[i])) {
            place->nodes[place->count++] = other->nodes[i];
        }
    }
    return true;
}

/* ---- Captures ---- */

static void leave(struct stream *stream)
{
    stream->capture = NULL;
    capture_clear_place(&stream->place);
}

/* All streams leave it. */
static void end(struct capture *capture)
{
    for (struct context *context = context_first(); context != NULL; context = context->next) {
        for (struct stream *stream = context->streams; stream != NULL; stream = stream->next) {
            if (stream->capture == capture) {
                leave(stream);
            }
        }
    }
    if (capture->graph != NULL) {
        graph_destroy(capture->graph);
    }
    free(capture);
}

void capture_leave(struct stream *stream)
{
    struct capture *capture = stream->capture;

    if (capture == NULL) {
        return;
    }
    leave(stream);
    if (capture->origin == stream) {
        end(capture);
    } else {
        capture->broken = true;
    }
}

CUresult capture_break(struct stream *stream, CUresult error)
{
    stream->capture->broken = true;
    return error;
}

CUresult capture_check_legacy(const struct context *context)
{
    for (struct stream *stream = context->streams; stream != NULL; stream = stream->next) {
        if (stream->capture != NULL && !(stream->flags & CU_STREAM_NON_BLOCKING) &&
            stream->capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED) {
            return capture_break(stream, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
        }
    }
    return CUDA_SUCCESS;
}

static CUresult type_of(const struct task *task, CUgraphNodeType *type)
{
    union {
        CUDA_KERNEL_NODE_PARAMS kernel;
        CUDA_MEMCPY3D copy;
        CUDA_MEMSET_NODE_PARAMS set;
        CUDA_HOST_NODE_PARAMS host;
    } params;

    if (launch_task_read(task, &params.kernel)) {
        *type = CU_GRAPH_NODE_TYPE_KERNEL;
    } else if (copy_task_read(task, &params.copy)) {
        *type = CU_GRAPH_NODE_TYPE_MEMCPY;
    } else if (set_task_read(task, &params.set)) {
        *type = CU_GRAPH_NODE_TYPE_MEMSET;
    } else if (host_task_read(task, &params.host)) {
        *type = CU_GRAPH_NODE_TYPE_HOST;
    } else {
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    return CUDA_SUCCESS;
}

/* The node comes behind the stream's place, which is behind the node then. */
static CUresult move_place(struct capture_place *place, struct node *node)
{
    struct node **nodes = malloc(sizeof(struct node *));
    CUresult result = nodes != NULL ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;

    for (size_t i = 0; i < place->count && result == CUDA_SUCCESS; i++) {
        result = node_follow(node, place->nodes[i]);
    }
    if (result != CUDA_SUCCESS) {
        free(nodes);
        return result;
    }
    free(place->nodes);
    nodes[0] = node;
    place->nodes = nodes;
    place->count = 1;
    return CUDA_SUCCESS;
}

static CUresult add_node(struct stream *stream, CUgraphNodeType type, struct task *task,
                         struct graph *child)
{
    struct node *node = graph_add(stream->capture->graph, type, task, child);
    CUresult result = node != NULL ? move_place(&stream->place, node) : CUDA_ERROR_OUT_OF_MEMORY;

    return result == CUDA_SUCCESS ? result : capture_break(stream, result);
}

CUresult capture_add(struct stream *stream, struct task *task)
{
    CUgraphNodeType type = CU_GRAPH_NODE_TYPE_EMPTY;
    CUresult result =
        stream->capture->broken ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED : type_of(task, &type);

    if (result != CUDA_SUCCESS) {
        task_release(task);
        return capture_break(stream, result);
    }
    return add_node(stream, type, task, NULL);
}

CUresult capture_add_child(struct stream *stream, struct graph *child)
{
    if (stream->capture->broken) {
        graph_destroy(child);
        return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    }
    child->is_child = true;
    return add_node(stream, CU_GRAPH_NODE_TYPE_GRAPH, NULL, child);
}

CUresult capture_record(struct stream *stream, struct event *event)
{
    capture_clear_place(&event->place);
    if (stream->capture->broken) {
        return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    }
    return join_place(&event->place, &stream->place) ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

static struct capture *find_capture(const struct context *context, uint64_t id)
{
    for (struct stream *stream = context->streams; stream != NULL; stream = stream->next) {
        if (stream->capture != NULL && stream->capture->id == id) {
            return stream->capture;
        }
    }
    return NULL;
}

CUresult capture_wait(struct stream *stream, const struct event *event)
{
    struct capture *capture = find_capture(stream->context, event->place.id);

    if (event->place.id == 0) { /* work that was done before */
        return capture_break(stream, CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
    }
    if (capture == NULL) {
        return CUDA_ERROR_CAPTURED_EVENT;
    }
    if (stream->capture != NULL && stream->capture != capture) {
        capture->broken = true;
        return capture_break(stream, CUDA_ERROR_STREAM_CAPTURE_MERGE);
    }
    if (stream == stream->context->legacy) {
        capture->broken = true;
        return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
    }
    if (!join_place(&stream->place, &event->place)) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    stream->capture = capture;
    return CUDA_SUCCESS;
}

/* ---- The API ---- */

static CUresult begin(struct context *context, CUstream handle, CUstreamCaptureMode mode)
{
    struct stream *stream;
    struct capture *capture;
    CUresult result = stream_of_handle(context, handle, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if ((unsigned)mode > CU_STREAM_CAPTURE_MODE_RELAXED) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (stream == context->legacy) {
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    if (stream->capture != NULL) {
        return CUDA_ERROR_ILLEGAL_STATE;
    }
    capture = calloc(1, sizeof(*capture));
    if (capture == NULL || (capture->graph = graph_create()) == NULL) {
        free(capture);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    capture->id = ++last_id;
    capture->origin = stream;
    capture->mode = mode;
    capture->thread = driver_thread();
    stream->capture = capture;
    stream->place = (struct capture_place){.id = capture->id};
    return CUDA_SUCCESS;
}

CUresult cuStreamBeginCapture(CUstream stream, CUstreamCaptureMode mode)
{
    return IN_CONTEXT(begin(context, stream, mode));
}

/* Something is behind the node, or the stream's place is. */
static bool is_joined(const struct capture_place *place, const struct node *node)
{
    for (size_t i = 0; i < node->graph->count; i++) {
        const struct node *other = node->graph->nodes[i];

        for (size_t j = 0; j < other->after_count; j++) {
            if (other->after[j] == node) {
                return true;
            }
        }
    }
    return has_node(place, node);
}

static CUresult check_end(const struct stream *stream)
{
    const struct capture *capture = stream->capture;

    if (capture->broken) {
        return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    }
    for (size_t i = 0; i < capture->graph->count; i++) {
        if (!is_joined(&stream->place, capture->graph->nodes[i])) {
            return CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
        }
    }
    return CUDA_SUCCESS;
}

static CUresult end_handle(struct context *context, CUstream handle, CUgraph *graph)
{
    struct stream *stream;
    struct capture *capture;
    CUresult result = stream_of_handle(context, handle, &stream);

    if (result != CUDA_SUCCESS || graph == NULL) {
        return result ?: CUDA_ERROR_INVALID_VALUE;
    }
    capture = stream->capture;
    if (capture == NULL) {
        return CUDA_ERROR_ILLEGAL_STATE;
    }
    if (capture->origin != stream) {
        return capture_break(stream, CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
    }
    if (capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED && capture->thread != driver_thread()) {
        return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
    }
    result = check_end(stream);
    *graph = NULL;
    if (result == CUDA_SUCCESS) {
        *graph = (CUgraph)capture->graph;
        capture->graph = NULL;
    }
    end(capture);
    return result;
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph)
{
    return IN_CONTEXT(end_handle(context, stream, graph));
}

static CUresult get_info(struct context *context, CUstream handle, CUstreamCaptureStatus *status,
                         cuuint64_t *id, CUgraph *graph, const CUgraphNode **nodes, size_t *count)
{
    struct stream *stream;
    CUresult result = stream_of_handle(context, handle, &stream);

    if (result != CUDA_SUCCESS || status == NULL) {
        return result ?: CUDA_ERROR_INVALID_VALUE;
    }
    *status = CU_STREAM_CAPTURE_STATUS_NONE;
    if (stream->capture == NULL) {
        return CUDA_SUCCESS;
    }
    *status = stream->capture->broken ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
                                      : CU_STREAM_CAPTURE_STATUS_ACTIVE;
    if (id != NULL) {
        *id = stream->capture->id;
    }
    if (graph != NULL) {
        *graph = (CUgraph)stream->capture->graph;
    }
    if (nodes != NULL) {
        *nodes = (const CUgraphNode *)(void *)stream->place.nodes;
    }
    if (count != NULL) {
        *count = stream->place.count;
    }
    return CUDA_SUCCESS;
}

CUresult cuStreamGetCaptureInfo(CUstream stream, CUstreamCaptureStatus *status, cuuint64_t *id,
                                CUgraph *graph, const CUgraphNode **nodes,
                                const CUgraphEdgeData **edges, size_t *count)
{
    if (edges != NULL) {
        *edges = NULL; /* all are plain */
    }
    return IN_CONTEXT(get_info(context, stream, status, id, graph, nodes, count));
}

CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus *status)
{
    return IN_CONTEXT(get_info(context, stream, status, NULL, NULL, NULL, NULL));
}

CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode)
{
    CUstreamCaptureMode before = thread_mode;

    if (mode == NULL || (unsigned)*mode > CU_STREAM_CAPTURE_MODE_RELAXED) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    thread_mode = *mode;
    *mode = before;
    return CUDA_SUCCESS;
}
