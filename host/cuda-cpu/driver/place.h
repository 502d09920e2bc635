/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a stream, or an event, is in a capture (capture.h). */
#ifndef CUDA_CPU_DRIVER_PLACE_H
#define CUDA_CPU_DRIVER_PLACE_H

#include <stddef.h>
#include <stdint.h>

struct node;

struct capture_place {
    uint64_t id;         /* the capture's; 0: none */
    struct node **nodes; /* what the next node comes after */
    size_t count;
};

/* To no place. */
void capture_clear_place(struct capture_place *place);

#endif
