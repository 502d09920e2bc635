/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams whose work becomes nodes of a graph instead of being done. Every call that puts something
 * into a stream looks at stream->capture first: what it would queue goes to cuda_capture_add then.
 * Calls that wait for a stream, and others that are not possible meanwhile, break the capture.
 */
#ifndef FIRMWARE_CUDA_CAPTURE_H
#define FIRMWARE_CUDA_CAPTURE_H

#include "firmware/cuda/internal.h"

struct cuda_graph;

/* Where a captured stream is, or an event that was recorded in one: behind these nodes. */
struct cuda_capture {
    struct cuda_sequence *sequence; /* of an event: while one with this id goes on */
    uint64_t id;
    CUgraphNode *nodes;
    size_t count;
};

/* ---- For streams that are captured ---- */

/* The next node, from the structure that the API has for nodes of this type. */
CUresult cuda_capture_add(struct cuda_stream *stream, CUgraphNodeType type, const void *params,
                          bool is_cooperative);

/* The same for one that does what this graph does, which is taken; NULL: no memory. */
CUresult cuda_capture_add_child(struct cuda_stream *stream, struct cuda_graph *child);

/* The event is where the stream is. */
CUresult cuda_capture_record(struct cuda_stream *stream, struct cuda_event *event);

/* What was asked for cannot be captured: the capture is worth nothing any more. The error. */
CUresult cuda_capture_break(struct cuda_stream *stream, CUresult error);

/* ---- For any stream ---- */

/* Where the stream is captured or the event was recorded in a capture: the stream goes on behind
 * it, and is captured then. */
CUresult cuda_capture_wait(struct cuda_stream *stream, struct cuda_event *event);

/* cuda_stream_of, for a stream that is to be given work: CUDA_ERROR_STREAM_CAPTURE_IMPLICIT if it
 * is the legacy one and would have to wait for a stream that is captured. */
CUresult cuda_capture_stream_of(struct cuda_context *context, CUstream handle,
                                struct cuda_stream **stream);

/* For what cannot be captured: CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED if the stream is. */
CUresult cuda_capture_refuse(struct cuda_stream *stream);

/* For calls that may wait for all streams, as cuMemAlloc: CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED
 * while one is captured, unless cuThreadExchangeStreamCaptureMode or the capture allows it. */
CUresult cuda_capture_check_unsafe(struct cuda_context *context);

/* The same for calls that wait for all streams in any case. */
CUresult cuda_capture_check_all(struct cuda_context *context);

/* cuda_enter_context for calls that may wait for all streams. */
CUresult cuda_enter_unsafe(struct cuda_context **context);

/* As at the start of a program. */
void cuda_capture_reset(void);

/* The stream goes, the event goes or is recorded elsewhere. */
void cuda_capture_leave(struct cuda_stream *stream);
void cuda_capture_forget(struct cuda_event *event);

#endif
