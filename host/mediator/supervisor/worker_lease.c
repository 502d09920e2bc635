/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* CPU_COUNT */
#include "host/mediator/supervisor/worker_lease.h"

#include <sched.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/mediator/log.h"
#include "host/mediator/supervisor/worker_log.h"
#include "host/mediator/supervisor/worker_process.h"
#include "host/mediator/worker/watch.h"

/* A worker that should release its lease answers its request's time-out itself; this much later
 * it has ended, or never will. */
#define RELEASE_MARGIN_NS (2 * NS_PER_S)
#define LOOK_NS (100 * NS_PER_MS) /* at one that a busy host keeps from computing */

/* ---- Device time ---- */

/* Of the device: a GPU's is the lease's, the CPU's is the processors'. */
static uint64_t get_used_ns(const struct worker_process *worker, uint64_t now_ns)
{
    uint64_t used_ns;

    return !worker->device->cuda && usage_read_ns(worker, &used_ns) ? used_ns : now_ns;
}

static void begin_deadline(struct worker_process *worker)
{
    worker->told_ns = clock_now_ns();
    worker->told_used_ns = get_used_ns(worker, worker->told_ns);
}

/* ---- The scheduler's decisions ---- */

static void grant_lease(struct scheduler_client *client, bool contended)
{
    const struct control_message message = {.type = CONTROL_GRANT, .contended = contended};
    struct worker_process *worker = client->owner;

    log_debug("%s: lease granted", worker_log_name(worker));
    histogram_add(&worker->listener->counts.lease_waits, clock_now_ns() - client->asked_ns);
    if (contended) {
        begin_deadline(worker);
    }
    worker_process_send(worker, &message);
}

static void revoke_lease(struct scheduler_client *client)
{
    const struct control_message message = {.type = CONTROL_REVOKE};

    begin_deadline(client->owner);
    worker_process_send(client->owner, &message);
}

static const struct scheduler_ops lease_ops = {.grant = grant_lease, .revoke = revoke_lease};

/* ---- Start, end ---- */

/* The processors that the mediator, and with it a worker, may use. */
static unsigned count_processors(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        return (unsigned)CPU_COUNT(&set);
    }
    return online > 0 ? (unsigned)online : 1;
}

/* A GPU computes for one context at a time: more leases would only have it switch among them. */
void worker_lease_open_device(const struct supervisor *supervisor, struct supervisor_device *device)
{
    const struct config *config = supervisor->config;

    scheduler_init(&device->scheduler, &lease_ops, device->cuda ? 1 : count_processors());
    for (unsigned i = 0; i < config->listener_count; i++) {
        device->tenants[i] = (struct scheduler_account){.parent = &device->scheduler.root,
                                                        .weight = config->listeners[i].weight};
    }
}

void worker_lease_set_tenant(struct supervisor *supervisor, unsigned slot, bool fresh)
{
    for (unsigned i = 0; i < supervisor->device_count; i++) {
        struct scheduler_account *tenant = &supervisor->devices[i].tenants[slot];

        if (fresh) {
            *tenant = (struct scheduler_account){.parent = &supervisor->devices[i].scheduler.root};
        }
        tenant->weight = supervisor->config->listeners[slot].weight;
    }
}

static struct scheduler_account *find_guest(const struct worker_process *worker)
{
    const struct supervisor *supervisor = worker->supervisor;
    struct scheduler_account *guest =
        &worker->guest->accounts[worker->device - supervisor->devices];

    guest->parent = &worker->device->tenants[worker->listener - supervisor->listeners];
    guest->weight = 1;
    return guest;
}

void worker_lease_open(struct worker_process *worker)
{
    uint64_t limit_ns = worker->start.limits.request_timeout_ms * NS_PER_MS;

    usage_begin(worker);
    worker->lease.owner = worker;
    worker->lease.account.parent = find_guest(worker);
    worker->lease.account.weight = 1;
    /* Twice on CUDA: asynchronous work is waited for before a release. */
    worker->lease.release_ns = limit_ns * (worker->device->cuda ? 2 : 1) + RELEASE_MARGIN_NS;
}

void worker_lease_close(struct worker_process *worker)
{
    scheduler_remove(&worker->device->scheduler, &worker->lease, clock_now_ns());
}

static uint32_t limit_priority(const struct worker_process *worker, uint32_t priority)
{
    uint32_t most = worker->start.limits.max_priority;

    return priority < most ? priority : most;
}

void worker_lease_resume(struct worker_process *worker, const struct control_resumed *resumed)
{
    struct scheduler *scheduler = &worker->device->scheduler;
    uint32_t priority = limit_priority(worker, resumed->priority);

    if (resumed->lease == CONTROL_LEASE_HELD) {
        scheduler_hold(scheduler, &worker->lease, priority, clock_now_ns());
    } else if (resumed->lease == CONTROL_LEASE_ASKED) {
        scheduler_ask(scheduler, &worker->lease, priority, clock_now_ns());
    }
}

/* ---- A worker's messages ---- */

static void take_ask(struct worker_process *worker, uint32_t priority)
{
    if (!scheduler_ask(&worker->device->scheduler, &worker->lease, priority, clock_now_ns())) {
        worker_process_kill(worker, "it asked for a lease twice");
    }
}

static void take_release(struct worker_process *worker)
{
    if (!scheduler_release(&worker->device->scheduler, &worker->lease, clock_now_ns())) {
        worker_process_kill(worker, "it released a lease it does not hold");
    }
}

static void take_yield(struct worker_process *worker, uint32_t priority)
{
    if (!scheduler_yield(&worker->device->scheduler, &worker->lease, priority, clock_now_ns())) {
        worker_process_kill(worker, "it yielded a lease it does not hold");
    }
}

void worker_lease_take(struct worker_process *worker, const struct control_message *message)
{
    uint32_t priority = limit_priority(worker, message->priority);

    if (worker->device == NULL) {
        worker_process_kill(worker, "it wanted a lease before it attached");
    } else if (message->type == CONTROL_ASK) {
        take_ask(worker, priority);
    } else if (message->type == CONTROL_YIELD) {
        take_yield(worker, priority);
    } else {
        take_release(worker);
    }
}

/* ---- The clock ---- */

/* A worker that a busy host keeps from computing gets more time, one that stands still none. */
void worker_lease_check(struct supervisor_device *device, uint64_t now_ns)
{
    struct scheduler_client *overdue = scheduler_get_overdue(&device->scheduler, now_ns);

    if (overdue == NULL) {
        return;
    }
    struct worker_process *worker = overdue->owner;
    uint64_t used_ns = get_used_ns(worker, now_ns) - worker->told_used_ns;

    if (watch_is_over(used_ns, now_ns - worker->told_ns, worker->lease.release_ns)) {
        worker_process_kill(worker, "it keeps a lease beyond its request's limit");
    } else {
        scheduler_extend(overdue, now_ns + LOOK_NS);
    }
}
