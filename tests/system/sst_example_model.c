/* SPDX-License-Identifier: BSD-2-Clause */
/* A model: an adding machine of 100 MHz. COMPUTE takes a cycle per unit and answers their sum. */
#include <stdlib.h>

#include "host/sst-sim/sst_device.h"

#define CLOCK_HZ 100000000u

struct adder {
    struct sst_device *device;
    uint64_t sum;
};

static void *create(struct sst_device *device)
{
    struct adder *adder = calloc(1, sizeof(*adder));

    if (adder != NULL) {
        adder->device = device;
    }
    return adder;
}

static void reset(void *model)
{
    ((struct adder *)model)->sum = 0;
}

static void finish(void *model, uint64_t value)
{
    struct adder *adder = model;
    struct sst_job *job = (struct sst_job *)(uintptr_t)value;
    uint64_t units = job->request.payload.compute.compute_units;
    struct bg_sst_compute_result result = {.cycles = units,
                                           .timestamp = sst_time_ns(adder->device)};

    adder->sum += units;
    sst_answer(job, &(struct sst_answer){.status = BG_SST_OK,
                                         .result = adder->sum,
                                         .cycles = units,
                                         .payload = &result,
                                         .size = sizeof(result)});
}

static void request(void *model, struct sst_job *job)
{
    struct adder *adder = model;
    uint64_t delay_ns = sst_cycles_to_ns(job->request.payload.compute.compute_units, CLOCK_HZ);

    if (job->request.type != BG_SST_COMPUTE ||
        !sst_schedule(adder->device, delay_ns, finish, (uintptr_t)job)) {
        sst_answer(job, &(struct sst_answer){.status = BG_SST_INVALID});
    }
}

static uint64_t clock_hz(const void *model)
{
    (void)model;
    return CLOCK_HZ;
}

const struct sst_model_ops adder_model = {"adder", create, free, reset, request, clock_hz};
