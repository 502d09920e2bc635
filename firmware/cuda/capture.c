/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/cuda/capture.h"

#include "firmware/cuda/graph.h"

/* From cuStreamBeginCapture to cuStreamEndCapture. Other streams come in by waiting for events that
 * were recorded in it, and have to be waited for before it ends. */
struct cuda_sequence {
    uint64_t id; /* no two ever have the same */
    struct cuda_graph *graph;
    const struct cuda_stream *origin;
    CUstreamCaptureMode mode;
    bool is_broken; /* it is worth nothing any more */
};

static uint64_t last_id;
static CUstreamCaptureMode own_mode = CU_STREAM_CAPTURE_MODE_GLOBAL;

void cuda_capture_reset(void)
{
    own_mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
}

/* ---- Places ---- */

static void destroy_place(struct cuda_capture **place)
{
    if (*place != NULL) {
        cuda_free((*place)->nodes);
        cuda_free(*place);
        *place = NULL;
    }
}

static bool has_node(const struct cuda_capture *place, CUgraphNode node)
{
    for (size_t i = 0; i < place->count; i++) {
        if (place->nodes[i] == node) {
            return true;
        }
    }
    return false;
}

static struct cuda_capture *create_place(struct cuda_sequence *sequence, size_t room)
{
    struct cuda_capture *place = cuda_alloc(sizeof(*place));

    if (place == NULL) {
        return NULL;
    }
    place->sequence = sequence;
    place->id = sequence->id;
    place->nodes = cuda_alloc((room + 1) * sizeof(CUgraphNode));
    if (place->nodes == NULL) {
        destroy_place(&place);
    }
    return place;
}

static void add_nodes(struct cuda_capture *place, const struct cuda_capture *from)
{
    for (size_t i = 0; from != NULL && i < from->count; i++) {
        if (!has_node(place, from->nodes[i])) {
            place->nodes[place->count++] = from->nodes[i];
        }
    }
}

/* A place behind both; `other` may be NULL. */
static struct cuda_capture *join_places(const struct cuda_capture *place,
                                        const struct cuda_capture *other)
{
    struct cuda_capture *joined =
        create_place(place->sequence, place->count + (other != NULL ? other->count : 0));

    if (joined != NULL) {
        add_nodes(joined, place);
        add_nodes(joined, other);
    }
    return joined;
}

/* ---- Streams ---- */

/* NULL: it is not captured any more. */
static void set_place(struct cuda_stream *stream, struct cuda_capture *place)
{
    struct cuda_context *context = stream->object.context;

    context->captured += (place != NULL) - (stream->capture != NULL);
    destroy_place(&stream->capture);
    stream->capture = place;
}

/* All of the context's but the legacy one, which is never captured. */
static struct cuda_stream *next_stream(struct cuda_context *context, struct cuda_stream *stream)
{
    if (stream == NULL) {
        return &context->per_thread;
    }
    return cuda_object_next(CUDA_KIND_STREAM, context,
                            stream != &context->per_thread ? &stream->object : NULL);
}

static void end(struct cuda_context *context, struct cuda_sequence *sequence)
{
    for (struct cuda_stream *stream = next_stream(context, NULL); stream != NULL;
         stream = next_stream(context, stream)) {
        if (stream->capture != NULL && stream->capture->sequence == sequence) {
            set_place(stream, NULL);
        }
    }
    if (sequence->graph != NULL) {
        cuda_graph_destroy(sequence->graph);
    }
    cuda_free(sequence);
}

void cuda_capture_leave(struct cuda_stream *stream)
{
    struct cuda_sequence *sequence = stream->capture != NULL ? stream->capture->sequence : NULL;

    if (sequence == NULL) {
        return;
    }
    set_place(stream, NULL);
    sequence->is_broken = true;
    if (sequence->origin == stream) {
        end(stream->object.context, sequence);
    }
}

void cuda_capture_forget(struct cuda_event *event)
{
    destroy_place(&event->capture);
}

CUresult cuda_capture_break(struct cuda_stream *stream, CUresult error)
{
    stream->capture->sequence->is_broken = true;
    return error;
}

/* The captured stream that the legacy one would have to wait for, if `stream` is that one. */
static struct cuda_stream *find_implicit(const struct cuda_stream *stream)
{
    struct cuda_context *context = stream->object.context;
    struct cuda_stream *other = stream == &context->legacy ? next_stream(context, NULL) : NULL;

    while (other != NULL &&
           (other->capture == NULL || (other->flags & CU_STREAM_NON_BLOCKING) != 0)) {
        other = next_stream(context, other);
    }
    return other;
}

CUresult cuda_capture_stream_of(struct cuda_context *context, CUstream handle,
                                struct cuda_stream **stream)
{
    CUresult result = cuda_stream_of(context, handle, stream);
    struct cuda_stream *captured;

    if (result != CUDA_SUCCESS || context->captured == 0) {
        return result;
    }
    captured = find_implicit(*stream);
    return captured != NULL ? cuda_capture_break(captured, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT)
                            : CUDA_SUCCESS;
}

CUresult cuda_capture_refuse(struct cuda_stream *stream)
{
    return stream->capture != NULL
               ? cuda_capture_break(stream, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED)
               : CUDA_SUCCESS;
}

/* Breaks the first capture that does not allow it. */
static CUresult break_any(struct cuda_context *context, bool is_relaxed_too)
{
    for (struct cuda_stream *stream = next_stream(context, NULL); stream != NULL;
         stream = next_stream(context, stream)) {
        if (stream->capture != NULL &&
            (is_relaxed_too || stream->capture->sequence->mode != CU_STREAM_CAPTURE_MODE_RELAXED)) {
            return cuda_capture_break(stream, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
        }
    }
    return CUDA_SUCCESS;
}

CUresult cuda_capture_check_all(struct cuda_context *context)
{
    return context->captured != 0 ? break_any(context, true) : CUDA_SUCCESS;
}

CUresult cuda_capture_check_unsafe(struct cuda_context *context)
{
    return context->captured != 0 && own_mode != CU_STREAM_CAPTURE_MODE_RELAXED
               ? break_any(context, false)
               : CUDA_SUCCESS;
}

CUresult cuda_enter_unsafe(struct cuda_context **context)
{
    return cuda_enter_context(context) ?: cuda_capture_check_unsafe(*context);
}

/* ---- Work ---- */

/* The node comes behind the stream's place, which is behind the node then. */
static CUresult move_behind(struct cuda_capture *place, struct cuda_node *node)
{
    CUresult result = CUDA_SUCCESS;

    for (size_t i = 0; i < place->count && result == CUDA_SUCCESS; i++) {
        struct cuda_node *earlier = cuda_find(place->nodes[i], CUDA_KIND_NODE);

        if (earlier != NULL) {
            result = cuda_node_follow(node, earlier);
        }
    }
    place->nodes[0] = node->object.handle; /* there is room for one at least */
    place->count = 1;
    return result;
}

static CUresult add(struct cuda_stream *stream, CUgraphNodeType type, const void *params,
                    bool is_cooperative)
{
    struct cuda_graph *graph = stream->capture->sequence->graph;
    struct cuda_task task;
    CUresult result = cuda_task_set(stream->object.context, type, params, is_cooperative, &task);
    struct cuda_node *node;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    node = cuda_graph_add(graph, type);
    if (node == NULL) {
        cuda_task_clear(&task);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    node->task = task;
    return move_behind(stream->capture, node);
}

CUresult cuda_capture_add(struct cuda_stream *stream, CUgraphNodeType type, const void *params,
                          bool is_cooperative)
{
    CUresult result = stream->capture->sequence->is_broken
                          ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED
                          : add(stream, type, params, is_cooperative);

    return result == CUDA_SUCCESS ? result : cuda_capture_break(stream, result);
}

static CUresult add_child(struct cuda_stream *stream, struct cuda_graph *child)
{
    struct cuda_node *node =
        cuda_graph_add(stream->capture->sequence->graph, CU_GRAPH_NODE_TYPE_GRAPH);

    if (node == NULL) {
        cuda_graph_destroy(child);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    child->is_child = true;
    node->child = child;
    return move_behind(stream->capture, node);
}

CUresult cuda_capture_add_child(struct cuda_stream *stream, struct cuda_graph *child)
{
    bool is_broken = stream->capture->sequence->is_broken;
    CUresult result = child == NULL ? CUDA_ERROR_OUT_OF_MEMORY
                      : is_broken   ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED
                                    : CUDA_SUCCESS;

    if (result == CUDA_SUCCESS) {
        result = add_child(stream, child);
    } else if (child != NULL) {
        cuda_graph_destroy(child);
    }
    return result == CUDA_SUCCESS ? result : cuda_capture_break(stream, result);
}

CUresult cuda_capture_record(struct cuda_stream *stream, struct cuda_event *event)
{
    struct cuda_capture *place;

    if (stream->capture->sequence->is_broken) {
        return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    }
    place = join_places(stream->capture, NULL);
    if (place == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    destroy_place(&event->capture);
    event->capture = place;
    return CUDA_SUCCESS;
}

/* The event's capture, while it goes on. */
static struct cuda_sequence *find_sequence(struct cuda_context *context,
                                           const struct cuda_event *event)
{
    for (struct cuda_stream *stream = next_stream(context, NULL); stream != NULL;
         stream = next_stream(context, stream)) {
        if (stream->capture != NULL && stream->capture->id == event->capture->id) {
            return stream->capture->sequence;
        }
    }
    return NULL;
}

static CUresult check_wait(struct cuda_stream *stream, struct cuda_sequence *sequence)
{
    if (sequence == NULL) {
        return CUDA_ERROR_CAPTURED_EVENT;
    }
    if (stream->capture != NULL && stream->capture->sequence != sequence) {
        sequence->is_broken = true;
        return cuda_capture_break(stream, CUDA_ERROR_STREAM_CAPTURE_MERGE);
    }
    if (stream == &stream->object.context->legacy) {
        sequence->is_broken = true;
        return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
    }
    return CUDA_SUCCESS;
}

CUresult cuda_capture_wait(struct cuda_stream *stream, struct cuda_event *event)
{
    struct cuda_capture *place;
    CUresult result;

    if (event->capture == NULL) { /* work outside of the capture */
        return cuda_capture_break(stream, CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
    }
    result = check_wait(stream, find_sequence(stream->object.context, event));
    if (result != CUDA_SUCCESS) {
        return result;
    }
    place = join_places(event->capture, stream->capture);
    if (place == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    set_place(stream, place);
    return CUDA_SUCCESS;
}

/* ---- The API ---- */

static CUresult begin(struct cuda_stream *stream, CUstreamCaptureMode mode)
{
    struct cuda_sequence *sequence;

    if ((unsigned)mode > CU_STREAM_CAPTURE_MODE_RELAXED) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (stream == &stream->object.context->legacy) {
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    if (stream->capture != NULL) {
        return CUDA_ERROR_ILLEGAL_STATE;
    }
    sequence = cuda_alloc(sizeof(*sequence));
    if (sequence == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *sequence = (struct cuda_sequence){
        .id = ++last_id, .graph = cuda_graph_create(), .origin = stream, .mode = mode};
    set_place(stream, sequence->graph != NULL ? create_place(sequence, 0) : NULL);
    if (stream->capture == NULL) {
        end(stream->object.context, sequence);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    return CUDA_SUCCESS;
}

static CUresult enter(CUstream handle, struct cuda_stream **stream)
{
    struct cuda_context *context;

    return cuda_enter_context(&context) ?: cuda_stream_of(context, handle, stream);
}

CUresult cuStreamBeginCapture(CUstream handle, CUstreamCaptureMode mode)
{
    struct cuda_stream *stream;

    return enter(handle, &stream) ?: begin(stream, mode);
}

static CUresult check_end(const struct cuda_stream *stream)
{
    const struct cuda_sequence *sequence = stream->capture->sequence;
    const struct cuda_nodes *nodes = &sequence->graph->nodes;

    if (sequence->is_broken) {
        return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    }
    for (size_t i = 0; i < nodes->count; i++) {
        if (!cuda_node_is_followed(nodes->nodes[i]) &&
            !has_node(stream->capture, nodes->nodes[i]->object.handle)) {
            return CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
        }
    }
    return CUDA_SUCCESS;
}

static CUresult finish(struct cuda_stream *stream, CUgraph *graph)
{
    struct cuda_sequence *sequence;
    CUresult result;

    if (stream->capture == NULL) {
        return CUDA_ERROR_ILLEGAL_STATE;
    }
    sequence = stream->capture->sequence;
    if (sequence->origin != stream) {
        return cuda_capture_break(stream, CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
    }
    result = check_end(stream);
    *graph = NULL;
    if (result == CUDA_SUCCESS) {
        *graph = sequence->graph->object.handle;
        sequence->graph = NULL;
    }
    end(stream->object.context, sequence);
    return result;
}

CUresult cuStreamEndCapture(CUstream handle, CUgraph *graph)
{
    struct cuda_stream *stream;
    CUresult result = enter(handle, &stream);

    return result ?: graph == NULL ? CUDA_ERROR_INVALID_VALUE : finish(stream, graph);
}

/* What may be NULL is not wanted. */
static CUresult get_info(const struct cuda_stream *stream, CUstreamCaptureStatus *status,
                         cuuint64_t *id, CUgraph *graph, const CUgraphNode **nodes, size_t *count)
{
    const struct cuda_capture *capture = stream->capture;

    if (status == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *status = capture == NULL                ? CU_STREAM_CAPTURE_STATUS_NONE
              : capture->sequence->is_broken ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
                                             : CU_STREAM_CAPTURE_STATUS_ACTIVE;
    if (*status != CU_STREAM_CAPTURE_STATUS_ACTIVE) {
        return CUDA_SUCCESS;
    }
    if (id != NULL) {
        *id = capture->id;
    }
    if (graph != NULL) {
        *graph = capture->sequence->graph->object.handle;
    }
    if (nodes != NULL) {
        *nodes = capture->nodes;
    }
    if (count != NULL) {
        *count = capture->count;
    }
    return CUDA_SUCCESS;
}

/* The answer is not known of the legacy stream while it would have to wait for a capture, which
 * this does not break. */
static CUresult enter_asked(CUstream handle, struct cuda_stream **stream)
{
    CUresult result = enter(handle, stream);

    return result == CUDA_SUCCESS && find_implicit(*stream) != NULL
               ? CUDA_ERROR_STREAM_CAPTURE_IMPLICIT
               : result;
}

CUresult cuStreamGetCaptureInfo(CUstream handle, CUstreamCaptureStatus *status, cuuint64_t *id,
                                CUgraph *graph, const CUgraphNode **nodes,
                                const CUgraphEdgeData **edges, size_t *count)
{
    struct cuda_stream *stream;

    if (edges != NULL) {
        *edges = NULL; /* all are of the plain kind */
    }
    return enter_asked(handle, &stream) ?: get_info(stream, status, id, graph, nodes, count);
}

CUresult cuStreamIsCapturing(CUstream handle, CUstreamCaptureStatus *status)
{
    struct cuda_stream *stream;

    return enter_asked(handle, &stream) ?: get_info(stream, status, NULL, NULL, NULL, NULL);
}

CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode)
{
    CUstreamCaptureMode before = own_mode;
    CUresult result = cuda_enter();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (mode == NULL || (unsigned)*mode > CU_STREAM_CAPTURE_MODE_RELAXED) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    own_mode = *mode;
    *mode = before;
    return CUDA_SUCCESS;
}
