/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/scheduler.h"

#include <stddef.h>

void scheduler_init(struct scheduler *scheduler, const struct scheduler_ops *ops)
{
    *scheduler = (struct scheduler){.ops = ops};
}

/* Waiters are in order of arrival: of equals the first found is the one that came first. */
static struct scheduler_client *choose(struct scheduler *scheduler)
{
    struct scheduler_client *best = NULL;

    for (struct scheduler_client *client = scheduler->waiters; client; client = client->next) {
        if (client->passed >= SCHEDULER_PASS_LIMIT) {
            return client;
        }
        if (!best || client->priority > best->priority) {
            best = client;
        }
    }
    return best;
}

static void unlink_waiter(struct scheduler *scheduler, struct scheduler_client *client)
{
    struct scheduler_client **link = &scheduler->waiters;

    while (*link != client) {
        link = &(*link)->next;
    }
    *link = client->next;
    client->next = NULL;
    client->waiting = false;
}

static void append_waiter(struct scheduler *scheduler, struct scheduler_client *client)
{
    struct scheduler_client **link = &scheduler->waiters;

    while (*link) {
        link = &(*link)->next;
    }
    *link = client;
}

static void grant_next(struct scheduler *scheduler, uint64_t now_ns)
{
    struct scheduler_client *next = choose(scheduler);

    scheduler->holder = next;
    scheduler->deadline_ns = 0;
    if (!next) {
        return;
    }
    unlink_waiter(scheduler, next);
    for (struct scheduler_client *client = scheduler->waiters;
         client && client->arrival < next->arrival; client = client->next) {
        client->passed++;
    }
    if (scheduler->waiters) {
        scheduler->deadline_ns = now_ns + next->release_ns;
    }
    scheduler->ops->grant(next, scheduler->waiters != NULL);
}

bool scheduler_ask(struct scheduler *scheduler, struct scheduler_client *client, uint32_t priority,
                   uint64_t now_ns)
{
    if (client == scheduler->holder || client->waiting) {
        return false;
    }
    client->next = NULL;
    client->waiting = true;
    client->priority = priority;
    client->passed = 0;
    client->arrival = scheduler->arrivals++;
    append_waiter(scheduler, client);
    if (!scheduler->holder) {
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

void scheduler_remove(struct scheduler *scheduler, struct scheduler_client *client,
                      uint64_t now_ns)
{
    if (client->waiting) {
        unlink_waiter(scheduler, client);
    } else if (client == scheduler->holder) {
        grant_next(scheduler, now_ns);
    }
}

struct scheduler_client *scheduler_get_overdue(const struct scheduler *scheduler, uint64_t now_ns)
{
    if (scheduler->holder && scheduler->deadline_ns && now_ns >= scheduler->deadline_ns) {
        return scheduler->holder;
    }
    return NULL;
}
