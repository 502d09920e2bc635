/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model of an accelerator: a compute part and a memory part that work at the same time, each on
 * one request after the other, and a queue before both. Other models may stand on it: they have
 * struct accelerator as their first member, and their own ways for COMPUTE and for parameters.
 */
#ifndef SST_SIM_ACCELERATOR_H
#define SST_SIM_ACCELERATOR_H

#include "host/sst-sim/memory.h"
#include "host/sst-sim/sst_device.h"

enum accelerator_part {
    ACCELERATOR_COMPUTE,
    ACCELERATOR_MEMORY,
    ACCELERATOR_PARTS,
};

/* How long a request takes. */
struct accelerator_cost {
    uint64_t cycles;   /* until it is done */
    uint64_t interval; /* until the next one of this part may begin: at most `cycles` */
};

/* What a COMPUTE is. */
struct accelerator_compute {
    /* Checks a request at its arrival: enum bg_sst_status. */
    uint32_t (*check)(void *model, const struct bg_sst_compute *compute);
    struct accelerator_cost (*cost)(void *model, const struct bg_sst_compute *compute);
    /* Done: has its effect, and returns the status of its answer: parameters may have changed since
     * its arrival. NULL: it has none. */
    uint32_t (*finish)(void *model, const struct bg_sst_compute *compute);
};

struct accelerator_param {
    uint32_t id;
    uint64_t *value;
    uint64_t min, max;
    bool is_power_of_two;
};

#define ACCELERATOR_PARAMS_MAX 32u

struct accelerator_queue {
    struct sst_job *first, **last;
    bool is_busy;
};

struct accelerator {
    struct sst_device *device;
    const struct accelerator_compute *compute;
    struct memory memory;
    struct accelerator_queue parts[ACCELERATOR_PARTS];
    uint64_t waiting;   /* jobs in the queues */
    uint64_t completed; /* requests since the reset */

    uint64_t clock_hz, compute_units, fixed_cycles, cycles_per_unit;
    uint64_t pipeline_depth, pipeline_interval;
    uint64_t queue_depth, event_mask, event_threshold;
    struct accelerator_param params[ACCELERATOR_PARAMS_MAX];
    unsigned param_count;
};

/* False without memory. */
bool accelerator_init(struct accelerator *accelerator, struct sst_device *device,
                      const struct accelerator_compute *compute);
void accelerator_free(struct accelerator *accelerator);

/* One more parameter that CONFIGURE reaches. Its value at the start is the owner's to set. */
void accelerator_add_param(struct accelerator *accelerator, const struct accelerator_param *param);

/* The model's functions; `model` is a struct accelerator. */
void accelerator_reset(void *model);
void accelerator_request(void *model, struct sst_job *job);
uint64_t accelerator_clock_hz(const void *model);

extern const struct sst_model_ops accelerator_model;
extern const struct sst_model_ops systolic_model; /* protocol/sst_systolic.h */

#endif
