/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of boxes of bytes. Under the driver's lock. */
#ifndef CUDA_CPU_DRIVER_COPY_H
#define CUDA_CPU_DRIVER_COPY_H

#include <stdbool.h>
#include <stddef.h>

#include "host/cuda-cpu/driver/task.h"
#include "protocol/cuda.h"

struct array;
struct array_box;
struct context;

enum copy_place {
    COPY_HOST,   /* any memory of the process */
    COPY_DEVICE, /* within one of the context's allocations */
};

struct copy_side {
    unsigned char *bytes; /* the first one */
    size_t pitch, slice;  /* bytes from a row, a slice to the next one */
    enum copy_place place;
    bool pageable; /* set by copy_task_create */
};

struct copy {
    struct copy_side dst, src;
    size_t width, height, depth; /* bytes, rows, slices */
};

/* Where its sides are. */
CUresult copy_from_box(const CUDA_MEMCPY3D *box, struct copy *copy);

/* Checked. */
CUresult copy_task_create(struct context *context, const struct copy *copy, struct task **task);

/* Checks it, and has it done in the stream. With memory that is not the driver's the call waits, as
 * NVIDIA's driver says it may. */
CUresult copy_submit(struct context *context, const struct copy *copy, CUstream stream, bool wait);

/* False: it is another kind of task. */
bool copy_task_read(const struct task *task, CUDA_MEMCPY3D *box);

/* Sides of one row; of an array a box, which must be in it. */
struct copy_side copy_side_of_host(const void *bytes);
struct copy_side copy_side_of_device(CUdeviceptr address);
CUresult copy_side_of_array(const struct array *array, const struct array_box *box,
                            struct copy_side *side);

#endif
