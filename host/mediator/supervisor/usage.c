/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/usage.h"

#include <time.h>

#include "host/common/clock.h"
#include "host/mediator/supervisor/state.h"

#define INTERVAL_NS NS_PER_S
#define COUNT_MAX ((uint64_t)INT64_MAX)

void usage_mark(struct usage *usage, uint64_t elapsed_ns, unsigned room)
{
    double share = (double)(usage->busy_ns - usage->marked_ns) / ((double)elapsed_ns * room);

    usage->share = share < 1 ? share : 1; /* the two clocks are not read at once */
    usage->marked_ns = usage->busy_ns;
}

bool usage_read_ns(const struct worker_process *worker, uint64_t *used_ns)
{
    clockid_t clock;

    *used_ns = clock_getcpuclockid(worker->pid, &clock) == 0 ? clock_read_ns(clock) : 0;
    return *used_ns > 0;
}

void usage_begin(struct worker_process *worker)
{
    usage_read_ns(worker, &worker->used_ns);
}

void usage_take(struct worker_process *worker)
{
    uint64_t used_ns, more_ns;

    if (worker->device == NULL || worker->device->cuda || !usage_read_ns(worker, &used_ns)) {
        return;
    }
    more_ns = used_ns - worker->used_ns;
    worker->used_ns = used_ns;
    worker->usage.busy_ns += more_ns;
    worker->listener->usage.busy_ns += more_ns;
    worker->device->usage.busy_ns += more_ns;
}

void usage_take_all(struct supervisor *supervisor)
{
    struct worker_process *worker;

    LIST_FOREACH (worker, &supervisor->workers, link) {
        usage_take(worker);
    }
}

/* Adds what a count has grown by; one that went back has not. It ends where JSON's numbers do. */
static void count(uint64_t *total, uint64_t before, uint64_t now)
{
    uint64_t more = now > before ? now - before : 0;

    *total = more < COUNT_MAX - *total ? *total + more : COUNT_MAX;
}

void usage_take_statistics(struct worker_process *worker,
                           const struct control_statistics *statistics)
{
    const struct config_limits *limits = &worker->start.limits;
    struct usage_counts *counts = &worker->listener->counts;
    struct control_statistics *last = &worker->statistics;

    if (worker->adopted && !worker->has_statistics) { /* counted by the mediator before this one */
        *last = *statistics;
    }
    worker->has_statistics = true;
    count(&counts->requests, last->requests, statistics->requests);
    count(&counts->errors, last->errors, statistics->errors);
    count(&counts->bytes_in, last->bytes_in, statistics->bytes_in);
    count(&counts->bytes_out, last->bytes_out, statistics->bytes_out);
    *last = *statistics;
    if (last->memory_used > limits->memory_limit) {
        last->memory_used = limits->memory_limit;
    }
    if (last->queued > limits->max_queued) {
        last->queued = limits->max_queued;
    }
}

/* The CPU device; NULL: no pool is on it. */
static struct supervisor_device *find_cpu(struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->device_count; i++) {
        if (!supervisor->devices[i].cuda) {
            return &supervisor->devices[i];
        }
    }
    return NULL;
}

void usage_tick(struct supervisor *supervisor, uint64_t now_ns)
{
    struct supervisor_device *cpu = find_cpu(supervisor);
    uint64_t elapsed_ns = now_ns - supervisor->usage_ns;
    struct worker_process *worker;

    if (cpu == NULL || elapsed_ns < INTERVAL_NS) {
        return;
    }
    supervisor->usage_ns = now_ns;
    LIST_FOREACH (worker, &supervisor->workers, link) {
        usage_take(worker);
        usage_mark(&worker->usage, elapsed_ns, cpu->scheduler.room);
    }
    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        usage_mark(&supervisor->listeners[i].usage, elapsed_ns, cpu->scheduler.room);
    }
    usage_mark(&cpu->usage, elapsed_ns, cpu->scheduler.room);
}
