/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may use a device next. Pure: time comes in as an argument, decisions go out through
 * callbacks. One scheduler per device.
 *
 * Order: the highest priority first, first come first served inside a priority; a waiter that
 * SCHEDULER_PASS_LIMIT later arrivals were granted before goes ahead of all that were not. So a
 * client that finds W others waiting gets the lease after at most W + SCHEDULER_PASS_LIMIT leases
 * of others, whatever its priority.
 *
 * A lease nobody else wants is kept. Once somebody waits, the holder is told to release it at the
 * end of its request, and must within the time given, or scheduler_get_overdue names it.
 */
#ifndef MEDIATOR_SCHEDULER_H
#define MEDIATOR_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define SCHEDULER_PASS_LIMIT 16
#define SCHEDULER_PRIORITIES 3 /* 0 is the lowest */

struct scheduler_client {
    void *owner;         /* the caller's */
    uint64_t release_ns; /* how long it may take to release: its request limit and a margin */
    /* The scheduler's own from here on; zero at the start. */
    TAILQ_ENTRY(scheduler_client) link;
    uint64_t arrival;
    uint32_t priority;
    uint32_t passed;
    bool waiting;
};

struct scheduler_ops {
    /* contended: others wait, so the lease ends with the first request. */
    void (*grant)(struct scheduler_client *client, bool contended);
    void (*revoke)(struct scheduler_client *client);
};

struct scheduler {
    const struct scheduler_ops *ops;
    struct scheduler_client *holder;
    TAILQ_HEAD(, scheduler_client) waiters; /* in order of arrival */
    unsigned waiting[SCHEDULER_PRIORITIES]; /* how many of each priority */
    uint64_t arrivals;
    uint64_t deadline_ns; /* the holder's, once it was told to release; 0: it was not */
};

void scheduler_init(struct scheduler *scheduler, const struct scheduler_ops *ops);

/* priority < SCHEDULER_PRIORITIES. False, and nothing done, when the client holds the lease or
 * waits already. */
bool scheduler_ask(struct scheduler *scheduler, struct scheduler_client *client, uint32_t priority,
                   uint64_t now_ns);

/* False, and nothing done, when the client is not the holder. */
bool scheduler_release(struct scheduler *scheduler, struct scheduler_client *client,
                       uint64_t now_ns);

/* The client is gone, whatever it was doing. */
void scheduler_remove(struct scheduler *scheduler, struct scheduler_client *client,
                      uint64_t now_ns);

unsigned scheduler_count_waiting(const struct scheduler *scheduler);

/* The holder whose time to release is over, else NULL. */
struct scheduler_client *scheduler_get_overdue(const struct scheduler *scheduler, uint64_t now_ns);

#endif
