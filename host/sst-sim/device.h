/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection: its link, its simulated time, its model. No input or output but the trace. */
#ifndef SST_SIM_DEVICE_H
#define SST_SIM_DEVICE_H

#include <stdio.h>

#include "host/sst-sim/kernel.h"
#include "host/sst-sim/link.h"
#include "host/sst-sim/sst_device.h"

struct sst_device {
    struct link link;
    struct kernel kernel;
    const struct sst_model_ops *ops;
    void *model;
    unsigned number; /* of the connection */
    FILE *trace;     /* NULL: none */
    bool is_sync;
    uint32_t steps;       /* since the SYNC frame began */
    struct sst_job *jobs; /* all that wait for their answer */
    struct sst_job *free; /* that were answered */
    uint32_t job_count;   /* in `jobs` */

    /* Statistics. */
    uint64_t requests, answers, events, events_dropped, resets;
};

/* NULL when the model or memory refuses. */
struct sst_device *device_create(const struct sst_model_ops *ops, unsigned number, FILE *trace,
                                 bool is_old_only);
void device_destroy(struct sst_device *device);

/* As link_receive. What is to be sent afterwards is device->link's output. */
size_t device_receive(struct sst_device *device, const uint8_t *bytes, size_t length);

#endif
