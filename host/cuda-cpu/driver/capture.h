/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams whose work becomes nodes of a graph instead of being done. A capture begins in one
 * stream; others come in by waiting for its events, and must be waited for before it ends. Under
 * the driver's lock.
 */
#ifndef CUDA_CPU_DRIVER_CAPTURE_H
#define CUDA_CPU_DRIVER_CAPTURE_H

#include "host/cuda-cpu/driver/event.h"
#include "host/cuda-cpu/driver/graph.h"
#include "host/cuda-cpu/driver/stream.h"

/* The stream is captured: its next node does what the task does, which is taken. */
CUresult capture_add(struct stream *stream, struct task *task);

/* The same with a node that does what this graph does, which is taken. */
CUresult capture_add_child(struct stream *stream, struct graph *child);

/* The event is where the captured stream is now. */
CUresult capture_record(struct stream *stream, struct event *event);

/* The stream goes on behind a captured event, and is captured then. */
CUresult capture_wait(struct stream *stream, const struct event *event);

/* What cannot be captured was asked for: the capture is worth nothing any more. The error. */
CUresult capture_break(struct stream *stream, CUresult error);

/* The error of work in the legacy stream, which would wait for a stream that is captured. */
CUresult capture_check_legacy(const struct context *context);

/* A stream goes. */
void capture_leave(struct stream *stream);

#endif
