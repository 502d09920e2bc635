/* SPDX-License-Identifier: BSD-2-Clause */
/* Events: a task of a stream, by which its time is known. Under the driver's lock. */
#ifndef CUDA_CPU_DRIVER_EVENT_H
#define CUDA_CPU_DRIVER_EVENT_H

#include "host/cuda-cpu/driver/object.h"
#include "host/cuda-cpu/driver/place.h"
#include "host/cuda-cpu/driver/task.h"

struct event {
    struct object object;
    struct event *next; /* of the context */
    struct context *context;
    unsigned flags;
    struct task *recorded;      /* NULL: it was not */
    struct capture_place place; /* where it was recorded, if that was in a captured stream */
};

/* NULL: no event. */
struct event *event_of_handle(CUevent handle);

/* From now on the event is this task. */
void event_set(struct event *event, struct task *task);

CUresult event_record(struct context *context, CUevent event, CUstream stream);

void event_destroy(struct event *event);

#endif
