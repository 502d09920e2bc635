/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of boxes of bytes. Under the driver's lock. */
#ifndef CUDA_CPU_DRIVER_COPY_H
#define CUDA_CPU_DRIVER_COPY_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/cuda.h"

struct context;

enum copy_place {
    COPY_HOST,   /* any memory of the process */
    COPY_DEVICE, /* within one of the context's allocations */
};

struct copy_side {
    unsigned char *bytes; /* the first one */
    size_t pitch, slice;  /* bytes from a row, a slice to the next one */
    enum copy_place place;
    bool pageable; /* set by copy_submit */
};

struct copy {
    struct copy_side dst, src;
    size_t width, height, depth; /* bytes, rows, slices */
};

/* Checks it, and has it done in the stream; waits for it when asked to, and where memory is not
 * the driver's. */
CUresult copy_submit(struct context *context, struct copy *copy, CUstream stream, bool wait);

#endif
