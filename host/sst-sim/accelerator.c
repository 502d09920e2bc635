/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sst-sim/accelerator.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK_HZ UINT64_C(1000000000)
#define CLOCK_HZ_MAX UINT64_C(1000000000000)
#define CYCLES_MAX UINT64_C(1000000000)
#define UNITS_MAX BG_SST_INFO_COMPUTE_UNITS_MAX
#define QUEUE_DEPTH 128
#define QUEUE_DEPTH_MAX 4096

/* ---- COMPUTE by the latency models of protocol/sst.h ---- */

static uint32_t check_latency(void *model, const struct bg_sst_compute *compute)
{
    (void)model;
    return compute->compute_units >= 1 && compute->compute_units <= UNITS_MAX &&
                   compute->latency_model <= BG_SST_LATENCY_PIPELINED
               ? BG_SST_OK
               : BG_SST_INVALID;
}

/* Parameters and units are bounded: no product reaches 2^64. */
static struct accelerator_cost cost_latency(void *model, const struct bg_sst_compute *compute)
{
    const struct accelerator *accelerator = model;
    uint64_t units = compute->compute_units;
    struct accelerator_cost cost;

    switch (compute->latency_model) {
    case BG_SST_LATENCY_FIXED:
        cost.cycles = cost.interval = accelerator->fixed_cycles;
        break;
    case BG_SST_LATENCY_PER_UNIT:
        cost.cycles = cost.interval = (units + accelerator->compute_units - 1) /
                                      accelerator->compute_units * accelerator->cycles_per_unit;
        break;
    default:
        cost.cycles = accelerator->pipeline_depth + (units - 1) * accelerator->pipeline_interval;
        cost.interval = units * accelerator->pipeline_interval;
        if (cost.interval > cost.cycles) {
            cost.interval = cost.cycles;
        }
        break;
    }
    return cost;
}

static const struct accelerator_compute latency_compute = {
    .check = check_latency,
    .cost = cost_latency,
};

/* ---- Parameters ---- */

static void set_start(struct accelerator *accelerator)
{
    accelerator->clock_hz = CLOCK_HZ;
    accelerator->compute_units = 64;
    accelerator->fixed_cycles = 100;
    accelerator->cycles_per_unit = 10;
    accelerator->pipeline_depth = 20;
    accelerator->pipeline_interval = 1;
    accelerator->queue_depth = QUEUE_DEPTH;
    accelerator->event_mask = 0;
    accelerator->event_threshold = 0;
}

void accelerator_add_param(struct accelerator *accelerator, const struct accelerator_param *param)
{
    assert(accelerator->param_count < ACCELERATOR_PARAMS_MAX);
    accelerator->params[accelerator->param_count++] = *param;
}

static void add_params(struct accelerator *a)
{
    struct memory *m = &a->memory;
    const struct accelerator_param params[] = {
        {BG_SST_PARAM_CLOCK_HZ, &a->clock_hz, 1, CLOCK_HZ_MAX, false},
        {BG_SST_PARAM_COMPUTE_UNITS, &a->compute_units, 1, UNITS_MAX, false},
        {BG_SST_PARAM_FIXED_CYCLES, &a->fixed_cycles, 1, CYCLES_MAX, false},
        {BG_SST_PARAM_CYCLES_PER_UNIT, &a->cycles_per_unit, 1, CYCLES_MAX, false},
        {BG_SST_PARAM_PIPELINE_DEPTH, &a->pipeline_depth, 1, CYCLES_MAX, false},
        {BG_SST_PARAM_PIPELINE_INTERVAL, &a->pipeline_interval, 1, CYCLES_MAX, false},
        {BG_SST_PARAM_MEMORY_LATENCY, &m->latency, 0, CYCLES_MAX, false},
        {BG_SST_PARAM_MEMORY_BYTES_PER_CYCLE, &m->bytes_per_cycle, 1, 4096, false},
        {BG_SST_PARAM_MEMORY_BANKS, &m->banks, 1, MEMORY_BANKS_MAX, true},
        {BG_SST_PARAM_MEMORY_BANK_CONFLICT, &m->bank_cycles, 0, 65536, false},
        {BG_SST_PARAM_QUEUE_DEPTH, &a->queue_depth, 1, QUEUE_DEPTH_MAX, false},
        {BG_SST_PARAM_EVENT_MASK, &a->event_mask, 0, UINT64_MAX, false},
        {BG_SST_PARAM_EVENT_THRESHOLD, &a->event_threshold, 0, UINT64_MAX, false},
    };

    for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
        accelerator_add_param(a, &params[i]);
    }
}

/* It counts at once: what has begun keeps its time. */
static uint32_t configure(struct accelerator *accelerator, const struct bg_sst_configure *configure,
                          uint64_t *before)
{
    for (unsigned i = 0; i < accelerator->param_count; i++) {
        const struct accelerator_param *param = &accelerator->params[i];

        if (param->id != configure->param_id) {
            continue;
        }
        if (configure->value < param->min || configure->value > param->max ||
            (param->is_power_of_two && (configure->value & (configure->value - 1)) != 0)) {
            return BG_SST_INVALID;
        }
        *before = *param->value;
        *param->value = configure->value;
        return BG_SST_OK;
    }
    return BG_SST_INVALID;
}

/* ---- Ends ---- */

static bool wants_event(const struct accelerator *accelerator, uint32_t type)
{
    return (accelerator->event_mask >> type & 1) != 0;
}

static void end_job(struct accelerator *accelerator, struct sst_job *job,
                    const struct sst_answer *answer)
{
    uint64_t request_id = job->request.request_id;

    sst_answer(job, answer);
    if (answer->status != BG_SST_OK) {
        if (wants_event(accelerator, BG_SST_EVENT_ERROR)) {
            sst_send_event(accelerator->device, BG_SST_EVENT_ERROR, answer->status);
        }
        return;
    }
    accelerator->completed++;
    if (wants_event(accelerator, BG_SST_EVENT_COMPLETION)) {
        sst_send_event(accelerator->device, BG_SST_EVENT_COMPLETION, request_id);
    }
    if (accelerator->event_threshold > 0 &&
        accelerator->completed % accelerator->event_threshold == 0 &&
        wants_event(accelerator, BG_SST_EVENT_THRESHOLD)) {
        sst_send_event(accelerator->device, BG_SST_EVENT_THRESHOLD, accelerator->completed);
    }
}

static void refuse(struct accelerator *accelerator, struct sst_job *job, uint32_t status)
{
    end_job(accelerator, job, &(struct sst_answer){.status = status});
}

/* ---- Work ---- */

static bool is_memory(const struct sst_job *job)
{
    return job->request.type == BG_SST_READ || job->request.type == BG_SST_WRITE;
}

static struct accelerator_cost job_cost(struct accelerator *accelerator, const struct sst_job *job)
{
    const struct bg_sst_memory *range = &job->request.payload.memory;
    struct accelerator_cost cost;

    if (!is_memory(job)) {
        return accelerator->compute->cost(accelerator, &job->request.payload.compute);
    }
    cost.cycles = cost.interval = memory_cycles(&accelerator->memory, range->addr, range->size);
    return cost;
}

/* What waited, in cycles of the clock as it is now, and what it took. */
static uint64_t total_cycles(const struct accelerator *accelerator, const struct sst_job *job,
                             uint64_t start_ns, uint64_t cycles)
{
    unsigned __int128 waited = start_ns - job->arrival_ns;

    return (uint64_t)(waited * accelerator->clock_hz / 1000000000u) + cycles;
}

static void finish_compute(struct accelerator *accelerator, struct sst_job *job,
                           struct sst_answer *answer, struct bg_sst_compute_result *result)
{
    if (accelerator->compute->finish != NULL) {
        answer->status = accelerator->compute->finish(accelerator, &job->request.payload.compute);
    }
    if (answer->status != BG_SST_OK) {
        return;
    }
    answer->result = result->cycles;
    answer->payload = result;
    answer->size = sizeof(*result);
}

static void finish_memory(struct accelerator *accelerator, struct sst_job *job,
                          struct sst_answer *answer)
{
    const struct bg_sst_memory *range = &job->request.payload.memory;
    uint8_t *place = accelerator->memory.bytes + range->addr;

    answer->result = range->size;
    if (job->request.type == BG_SST_WRITE) {
        memcpy(place, job->request.payload.data + BG_SST_WRITE_DATA_OFFSET, range->size);
        return;
    }
    answer->payload = place;
    answer->size = range->size;
}

static void finish_job(void *model, uint64_t value)
{
    struct accelerator *accelerator = model;
    struct sst_job *job = (struct sst_job *)(uintptr_t)value;
    uint64_t cycles = job->service_cycles;
    struct bg_sst_compute_result result = {
        .cycles = cycles,
        .timestamp = sst_time_ns(accelerator->device),
    };
    struct sst_answer answer = {
        .status = BG_SST_OK,
        .cycles = total_cycles(accelerator, job, job->start_ns, cycles),
    };

    if (is_memory(job)) {
        finish_memory(accelerator, job, &answer);
    } else {
        finish_compute(accelerator, job, &answer, &result);
    }
    end_job(accelerator, job, &answer);
}

static void free_part(void *model, uint64_t part);

static void start_next(struct accelerator *accelerator, enum accelerator_part part)
{
    struct accelerator_queue *queue = &accelerator->parts[part];
    struct sst_device *device = accelerator->device;
    struct sst_job *job = queue->first;
    struct accelerator_cost cost;

    if (job == NULL || queue->is_busy) {
        return;
    }
    queue->first = job->next;
    if (queue->first == NULL) {
        queue->last = &queue->first;
    }
    accelerator->waiting--;
    cost = job_cost(accelerator, job);
    job->start_ns = sst_time_ns(device);
    job->service_cycles = cost.cycles;
    queue->is_busy = true;
    /* At the same time: first the job ends, then the next one begins. */
    if (!sst_schedule(device, sst_cycles_to_ns(cost.cycles, accelerator->clock_hz), finish_job,
                      (uintptr_t)job) ||
        !sst_schedule(device, sst_cycles_to_ns(cost.interval, accelerator->clock_hz), free_part,
                      part)) {
        abort(); /* a few bytes: the process is at its end */
    }
}

static void free_part(void *model, uint64_t part)
{
    struct accelerator *accelerator = model;

    accelerator->parts[part].is_busy = false;
    start_next(accelerator, (enum accelerator_part)part);
}

static uint32_t check_job(struct accelerator *accelerator, const struct sst_job *job)
{
    const struct bg_sst_memory *range = &job->request.payload.memory;

    if (!is_memory(job)) {
        return accelerator->compute->check(accelerator, &job->request.payload.compute);
    }
    if (!memory_has(range->addr, range->size) ||
        range->size >
            (job->request.type == BG_SST_WRITE ? BG_SST_WRITE_SIZE_MAX : BG_SST_READ_SIZE_MAX)) {
        return BG_SST_INVALID;
    }
    return BG_SST_OK;
}

static void take_configure(struct accelerator *accelerator, struct sst_job *job)
{
    struct sst_answer answer = {0};

    answer.status = configure(accelerator, &job->request.payload.configure, &answer.result);
    end_job(accelerator, job, &answer);
}

void accelerator_request(void *model, struct sst_job *job)
{
    struct accelerator *accelerator = model;
    enum accelerator_part part = is_memory(job) ? ACCELERATOR_MEMORY : ACCELERATOR_COMPUTE;
    struct accelerator_queue *queue = &accelerator->parts[part];
    uint32_t status;

    if (job->request.type == BG_SST_CONFIGURE) {
        take_configure(accelerator, job);
        return;
    }
    status = check_job(accelerator, job);
    if (status == BG_SST_OK && queue->is_busy && accelerator->waiting >= accelerator->queue_depth) {
        status = BG_SST_BUSY;
    }
    if (status != BG_SST_OK) {
        refuse(accelerator, job, status);
        return;
    }
    job->next = NULL;
    *queue->last = job;
    queue->last = &job->next;
    accelerator->waiting++;
    start_next(accelerator, part);
}

/* ---- Life ---- */

static void clear_queues(struct accelerator *accelerator)
{
    for (int i = 0; i < ACCELERATOR_PARTS; i++) {
        accelerator->parts[i] = (struct accelerator_queue){.last = &accelerator->parts[i].first};
    }
    accelerator->waiting = 0;
    accelerator->completed = 0;
}

bool accelerator_init(struct accelerator *accelerator, struct sst_device *device,
                      const struct accelerator_compute *compute)
{
    *accelerator = (struct accelerator){.device = device, .compute = compute};
    set_start(accelerator);
    clear_queues(accelerator);
    add_params(accelerator);
    return memory_create(&accelerator->memory);
}

void accelerator_free(struct accelerator *accelerator)
{
    memory_destroy(&accelerator->memory);
}

void accelerator_reset(void *model)
{
    struct accelerator *accelerator = model;

    set_start(accelerator);
    clear_queues(accelerator);
    memory_reset(&accelerator->memory);
}

uint64_t accelerator_clock_hz(const void *model)
{
    const struct accelerator *accelerator = model;

    return accelerator->clock_hz;
}

static void *create(struct sst_device *device)
{
    struct accelerator *accelerator = malloc(sizeof(*accelerator));

    if (accelerator != NULL && !accelerator_init(accelerator, device, &latency_compute)) {
        free(accelerator);
        return NULL;
    }
    return accelerator;
}

static void destroy(void *model)
{
    accelerator_free(model);
    free(model);
}

const struct sst_model_ops accelerator_model = {
    .name = "accelerator",
    .create = create,
    .destroy = destroy,
    .reset = accelerator_reset,
    .request = accelerator_request,
    .clock_hz = accelerator_clock_hz,
};
