/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/scheduler.h"

#include <stddef.h>

void scheduler_init(struct scheduler *scheduler, const struct scheduler_ops *ops)
{
    *scheduler = (struct scheduler){.ops = ops};
    TAILQ_INIT(&scheduler->waiters);
}

unsigned scheduler_count_waiting(const struct scheduler *scheduler)
{
    unsigned count = 0;

    for (int priority = 0; priority < SCHEDULER_PRIORITIES; priority++) {
        count += scheduler->waiting[priority];
    }
    return count;
}

/*
 * Waiters are in order of arrival: the first of a priority is the one to serve. Who passes a waiter
 * passes all before it as well, so the first of the list was passed most often: it alone has to be
 * looked at for the limit. Among equals nothing is searched, however many wait.
 */
static struct scheduler_client *choose(struct scheduler *scheduler)
{
    struct scheduler_client *client = TAILQ_FIRST(&scheduler->waiters);
    uint32_t highest = SCHEDULER_PRIORITIES - 1;

    if (client == NULL || client->passed >= SCHEDULER_PASS_LIMIT) {
        return client;
    }
    while (scheduler->waiting[highest] == 0) {
        highest--;
    }
    while (client->priority != highest) {
        client = TAILQ_NEXT(client, link);
    }
    return client;
}

static void unlink_waiter(struct scheduler *scheduler, struct scheduler_client *client)
{
    TAILQ_REMOVE(&scheduler->waiters, client, link);
    scheduler->waiting[client->priority]--;
    client->waiting = false;
}

static void grant_next(struct scheduler *scheduler, uint64_t now_ns)
{
    struct scheduler_client *next = choose(scheduler);

    scheduler->holder = next;
    scheduler->deadline_ns = 0;
    if (next == NULL) {
        return;
    }
    unlink_waiter(scheduler, next);
    struct scheduler_client *client;
    TAILQ_FOREACH(client, &scheduler->waiters, link)
    {
        if (client->arrival > next->arrival) {
            break;
        }
        client->passed++;
    }
    bool contended = !TAILQ_EMPTY(&scheduler->waiters);
    if (contended) {
        scheduler->deadline_ns = now_ns + next->release_ns;
    }
    scheduler->ops->grant(next, contended);
}

bool scheduler_ask(struct scheduler *scheduler, struct scheduler_client *client, uint32_t priority,
                   uint64_t now_ns)
{
    if (client == scheduler->holder || client->waiting) {
        return false;
    }
    client->waiting = true;
    client->priority = priority;
    client->passed = 0;
    client->arrival = scheduler->arrivals++;
    TAILQ_INSERT_TAIL(&scheduler->waiters, client, link);
    scheduler->waiting[priority]++;
    if (scheduler->holder == NULL) {
        grant_next(scheduler, now_ns);
    } else if (!scheduler->deadline_ns) {
        scheduler->deadline_ns = now_ns + scheduler->holder->release_ns;
        scheduler->ops->revoke(scheduler->holder);
    }
    return true;
}

bool scheduler_release(struct scheduler *scheduler, struct scheduler_client *client,
                       uint64_t now_ns)
{
    if (client != scheduler->holder) {
        return false;
    }
    grant_next(scheduler, now_ns);
    return true;
}

void scheduler_remove(struct scheduler *scheduler, struct scheduler_client *client, uint64_t now_ns)
{
    if (client->waiting) {
        unlink_waiter(scheduler, client);
    } else if (client == scheduler->holder) {
        grant_next(scheduler, now_ns);
    }
}

struct scheduler_client *scheduler_get_overdue(const struct scheduler *scheduler, uint64_t now_ns)
{
    if (scheduler->holder != NULL && scheduler->deadline_ns && now_ns >= scheduler->deadline_ns) {
        return scheduler->holder;
    }
    return NULL;
}
