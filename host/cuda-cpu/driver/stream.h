/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams: tasks one behind the other. Under the driver's lock. */
#ifndef CUDA_CPU_DRIVER_STREAM_H
#define CUDA_CPU_DRIVER_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "host/cuda-cpu/driver/object.h"
#include "host/cuda-cpu/driver/place.h"
#include "host/cuda-cpu/driver/task.h"
#include "protocol/cuda.h"

struct capture;
struct context;

struct stream {
    struct object object;
    struct stream *next; /* of the context */
    struct context *context;
    unsigned flags;
    uint64_t id;
    CUstreamAttrValue attributes[4]; /* as they were set */
    uint64_t thread;                 /* whose CU_STREAM_PER_THREAD it is; 0: nobody's */
    struct capture *capture;         /* NULL: what is asked for is done */
    struct capture_place place;      /* in it */
    struct task *last;               /* submitted; may be done; NULL: none was */
};

/* The stream of a handle, in the context: NULL and CU_STREAM_LEGACY, CU_STREAM_PER_THREAD too. */
CUresult stream_of_handle(struct context *context, CUstream handle, struct stream **stream);

/* The task comes behind what was submitted before, by the rules of the legacy stream. The
 * reference stays the caller's. */
void stream_submit(struct stream *stream, struct task *task);

/* What calls do: stream_submit, wait when asked to, release; or in a captured stream a node. */
CUresult stream_do(struct stream *stream, struct task *task, bool wait);

void stream_destroy(struct stream *stream);

#endif
