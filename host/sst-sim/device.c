/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sst-sim/device.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Things that a model may do before it answers a request that finds it idle, or until the time of a
 * SYNC frame. One that is never done would keep the whole process. */
#ifndef STEPS_MAX
#define STEPS_MAX 100000000u
#endif

/* Requests that wait at a time: more than a device has entries in its queues. */
#define JOBS_MAX 65536u

/* ---- Trace: the same for the same requests at the same times ---- */

#define trace(device, format, ...)                                                                 \
    do {                                                                                           \
        if ((device)->trace) {                                                                     \
            fprintf((device)->trace, "%u %" PRIu64 " " format "\n", (device)->number,              \
                    (device)->kernel.now_ns, __VA_ARGS__);                                         \
        }                                                                                          \
    } while (0)

static const char *type_name(uint32_t type)
{
    static const char *const names[BG_SST_TYPE_COUNT] = {
        "NOOP", "ECHO", "COMPUTE", "READ", "WRITE", "RESET", "GET_INFO", "CONFIGURE",
    };

    return type < BG_SST_TYPE_COUNT ? names[type] : "unknown";
}

/* ---- What a model calls ---- */

uint64_t sst_time_ns(const struct sst_device *device)
{
    return device->kernel.now_ns;
}

bool sst_schedule(struct sst_device *device, uint64_t delay_ns,
                  void (*function)(void *model, uint64_t value), uint64_t value)
{
    return kernel_schedule(&device->kernel, delay_ns, function, value);
}

uint64_t sst_cycles_to_ns(uint64_t cycles, uint64_t clock_hz)
{
    unsigned __int128 ns = (unsigned __int128)cycles * 1000000000u;

    ns = (ns + clock_hz - 1) / clock_hz;
    return ns < INT64_MAX ? (uint64_t)ns : INT64_MAX;
}

static void release_job(struct sst_job *job)
{
    struct sst_device *device = job->device;

    *job->all_link = job->all_next;
    if (job->all_next != NULL) {
        job->all_next->all_link = job->all_link;
    }
    job->next = device->free;
    device->free = job;
    device->job_count--;
}

void sst_answer(struct sst_job *job, const struct sst_answer *answer)
{
    struct sst_device *device = job->device;
    const struct link_answer out = {
        .tag = job->tag,
        .time_ns = sst_time_ns(device),
        .cycles = answer->cycles,
        .status = answer->status,
        .request_id = job->request.request_id,
        .user_data = job->request.user_data,
        .result = answer->result,
        .payload = answer->payload,
        .size = answer->size,
    };

    link_put_answer(&device->link, &out);
    device->answers++;
    trace(device, "answer %" PRIu64 " status %" PRIu32 " result %" PRIu64 " cycles %" PRIu64,
          job->tag, answer->status, answer->result, answer->cycles);
    release_job(job);
}

void sst_send_event(struct sst_device *device, uint32_t type, uint64_t data)
{
    struct bg_sst_event event = {.type = type, .timestamp = sst_time_ns(device), .data = data};

    if (!link_has_feature(&device->link, BG_SST_WIRE_EVENTS)) {
        device->events_dropped++;
        return;
    }
    link_put_event(&device->link, &event);
    device->events++;
    trace(device, "event %" PRIu32 " data %" PRIu64, type, data);
}

/* ---- What the link calls ---- */

/* One with this request, which has arrived now; NULL without memory. */
static struct sst_job *take_job(struct sst_device *device, const uint8_t *bytes, size_t size)
{
    struct sst_job *job = device->free;

    if (job != NULL) {
        device->free = job->next;
    } else {
        job = calloc(1, sizeof(*job));
        if (job == NULL) {
            return NULL;
        }
        job->device = device;
    }
    memcpy(&job->request, bytes, size);
    if (size < job->used) {
        memset((uint8_t *)&job->request + size, 0, job->used - size);
    }
    job->used = size;
    job->arrival_ns = sst_time_ns(device);
    job->next = NULL;
    job->start_ns = job->service_cycles = 0;
    job->all_next = device->jobs;
    job->all_link = &device->jobs;
    if (device->jobs != NULL) {
        device->jobs->all_link = &job->all_next;
    }
    device->jobs = job;
    device->job_count++;
    return job;
}

static void reset_model(struct sst_device *device)
{
    while (device->jobs != NULL) {
        release_job(device->jobs);
    }
    kernel_clear(&device->kernel);
    device->ops->reset(device->model);
    device->resets++;
    trace(device, "reset %" PRIu64, device->resets);
}

/* Types that a device answers itself, should it forward them all the same. */
static void answer_without_model(struct sst_job *job)
{
    struct bg_sst_info info = {
        .version = BG_SST_PROTOCOL_VERSION,
        .capabilities = BG_SST_F_ECHO | BG_SST_F_COMPUTE | BG_SST_F_MEMORY | BG_SST_F_RESET,
        .max_compute_units = BG_SST_INFO_COMPUTE_UNITS_MAX,
        .memory_size = BG_SST_INFO_MEMORY_SIZE,
    };
    struct sst_answer answer = {.status = BG_SST_OK};

    switch (job->request.type) {
    case BG_SST_NOOP:
        break;
    case BG_SST_ECHO:
        answer.payload = &job->request.payload;
        answer.size = BG_SST_PAYLOAD_SIZE;
        break;
    case BG_SST_GET_INFO:
        answer.payload = &info;
        answer.size = sizeof(info);
        break;
    default:
        answer.status = BG_SST_INVALID;
        break;
    }
    sst_answer(job, &answer);
}

/* Without deterministic time nothing else happens until the job is answered. A model that has
 * nothing left to do and has not answered never will: it goes back to its start, so that it does
 * not answer later what is not its own any more. */
static void run_until_idle(struct sst_device *device)
{
    uint32_t steps = 0;

    while (device->jobs != NULL && kernel_next_ns(&device->kernel) != BG_SST_TIME_NEVER &&
           steps++ < STEPS_MAX && !device->link.is_out_of_memory) {
        kernel_step(&device->kernel, device->model);
    }
    if (device->jobs == NULL) {
        return;
    }
    while (device->jobs != NULL) {
        sst_answer(device->jobs, &(struct sst_answer){.status = BG_SST_ERROR});
    }
    reset_model(device);
}

static bool take_request(void *owner, uint64_t tag, uint16_t pair, const uint8_t *bytes,
                         size_t size)
{
    struct sst_device *device = owner;
    bool is_full = device->job_count >= JOBS_MAX;
    struct sst_job *job;
    uint32_t type;

    memcpy(&type, bytes, sizeof(type));
    if (type == BG_SST_RESET) {
        reset_model(device); /* only on the old wire: there the one before is answered already */
    }
    job = take_job(device, bytes, size);
    if (job == NULL) {
        return false;
    }
    job->tag = tag;
    job->pair = pair;
    device->requests++;
    trace(device, "request %" PRIu64 " %s pair %u", tag, type_name(type), (unsigned)pair);
    if (type == BG_SST_RESET) {
        sst_answer(job, &(struct sst_answer){.status = BG_SST_OK});
    } else if (is_full) {
        sst_answer(job, &(struct sst_answer){.status = BG_SST_BUSY});
    } else if (type == BG_SST_COMPUTE || type == BG_SST_READ || type == BG_SST_WRITE ||
               type == BG_SST_CONFIGURE) {
        device->ops->request(device->model, job);
    } else {
        answer_without_model(job);
    }
    if (!device->is_sync) {
        run_until_idle(device);
    }
    return true;
}

static void take_reset(void *owner, uint32_t reason)
{
    (void)reason;
    reset_model(owner);
}

/* What is due before or at `time_ns` happens. */
static void advance(struct sst_device *device, uint64_t time_ns)
{
    while (kernel_next_ns(&device->kernel) <= time_ns && device->steps < STEPS_MAX &&
           !device->link.is_out_of_memory) {
        kernel_step(&device->kernel, device->model);
        device->steps++;
    }
    kernel_advance(&device->kernel, time_ns);
}

static void begin_sync(void *owner, uint64_t time_ns)
{
    struct sst_device *device = owner;

    device->steps = 0;
    advance(device, time_ns);
}

static void end_sync(void *owner)
{
    struct sst_device *device = owner;

    advance(device, device->kernel.now_ns);
    link_end_frame(&device->link, true, device->kernel.now_ns, kernel_next_ns(&device->kernel));
}

static void fill_hello(void *owner, const struct bg_sst_hello *hello,
                       struct bg_sst_hello_reply *reply)
{
    struct sst_device *device = owner;

    device->is_sync = (reply->features & BG_SST_WIRE_SYNC) != 0;
    if (device->is_sync) {
        kernel_advance(&device->kernel, hello->time_ns);
    }
    reply->clock_hz = device->ops->clock_hz(device->model);
    strncpy(reply->name, device->ops->name, sizeof(reply->name) - 1);
}

static const struct link_ops link_ops = {
    .request = take_request,
    .reset = take_reset,
    .sync_begin = begin_sync,
    .sync_end = end_sync,
    .hello = fill_hello,
};

/* ---- Life ---- */

struct sst_device *device_create(const struct sst_model_ops *ops, unsigned number, FILE *trace,
                                 bool is_old_only)
{
    struct sst_device *device = calloc(1, sizeof(*device));

    if (device == NULL) {
        return NULL;
    }
    device->ops = ops;
    device->number = number;
    device->trace = trace;
    link_init(&device->link, &link_ops, device, is_old_only);
    device->model = ops->create(device);
    if (device->model == NULL) {
        device_destroy(device);
        return NULL;
    }
    return device;
}

void device_destroy(struct sst_device *device)
{
    struct sst_job *job;

    if (device->model != NULL) {
        device->ops->destroy(device->model);
    }
    while (device->jobs != NULL) {
        release_job(device->jobs);
    }
    while ((job = device->free) != NULL) {
        device->free = job->next;
        free(job);
    }
    kernel_free(&device->kernel);
    link_free(&device->link);
    free(device);
}

size_t device_receive(struct sst_device *device, const uint8_t *bytes, size_t length)
{
    size_t taken = link_receive(&device->link, bytes, length);

    if (device->steps >= STEPS_MAX) {
        snprintf(device->link.error, sizeof(device->link.error), "the model does not come to rest");
        return SIZE_MAX;
    }
    if (!device->is_sync && taken != SIZE_MAX) {
        link_end_frame(&device->link, false, device->kernel.now_ns, 0);
    }
    return taken;
}
