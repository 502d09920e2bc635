/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may use a device next. Pure: time comes in as an argument, decisions go out through
 * callbacks. One scheduler per device.
 *
 * As many clients hold a lease as the device has room for. Next is the waiter of the highest
 * priority; of several, that of the tenant which has had the least of the device for its weight; in
 * the tenant that of the guest, and of the guest that client, which has had the least; of equals
 * the one that came first. A waiter that SCHEDULER_PASS_LIMIT later ones of a higher priority were
 * granted before goes first.
 *
 * What a holder has of the device is the time that it holds a lease while somebody waits: what
 * nobody else wants costs nothing. Who comes back after a pause has no claim on what it did not
 * want (start-time fair queueing), so nobody is kept waiting for another one's past.
 *
 * As many holders as clients wait are told that their leases end. Each must release, or yield,
 * within the time given, or scheduler_get_overdue names it.
 */
#ifndef MEDIATOR_SCHEDULER_H
#define MEDIATOR_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define SCHEDULER_PASS_LIMIT 16
#define SCHEDULER_PRIORITIES 3 /* 0 is the lowest */

/* What a tenant, a guest of one, or a client of that has had of a device. Zeroed, with its parent
 * and weight, at the start; it outlives its children. A priority is shared for itself: what was had
 * with another one does not count. */
struct scheduler_account {
    struct scheduler_account *parent; /* in the end the scheduler's root; all are equally deep */
    uint32_t weight;                  /* not 0 */
    /* The scheduler's own. In nanoseconds by weight; a double neither overflows nor rounds much. */
    double used[SCHEDULER_PRIORITIES];
    double floor[SCHEDULER_PRIORITIES]; /* what its children that come back have used at least */
};

enum scheduler_state {
    SCHEDULER_IDLE,
    SCHEDULER_WAITING,
    SCHEDULER_HOLDING,
};

struct scheduler_client {
    void *owner; /* the caller's */
    struct scheduler_account account;
    uint64_t release_ns; /* how long it may take to release once it is told */
    /* The scheduler's own from here on; zero at the start. */
    TAILQ_ENTRY(scheduler_client) link;
    enum scheduler_state state;
    uint64_t arrival;
    uint32_t priority;
    uint32_t passed;
    uint64_t asked_ns;    /* when it began to wait */
    uint64_t deadline_ns; /* a holder's, once it was told; 0: it was not */
    uint64_t charged_ns;  /* all that it has had while others waited */
};

TAILQ_HEAD(scheduler_clients, scheduler_client);

struct scheduler_ops {
    /* contended: others wait, so the lease ends soon. */
    void (*grant)(struct scheduler_client *client, bool contended);
    void (*revoke)(struct scheduler_client *client);
};

struct scheduler {
    const struct scheduler_ops *ops;
    unsigned room; /* leases at once */
    struct scheduler_account root;
    struct scheduler_clients holders, waiters; /* in order of grant, of arrival */
    unsigned held, told, waiting;
    uint64_t arrivals;
    uint64_t charged_ns; /* until when holders are charged */
};

void scheduler_init(struct scheduler *scheduler, const struct scheduler_ops *ops, unsigned room);

/* priority < SCHEDULER_PRIORITIES. False, and nothing done, when the client holds a lease or
 * waits already. */
bool scheduler_ask(struct scheduler *scheduler, struct scheduler_client *client, uint32_t priority,
                   uint64_t now_ns);

/* A new client that holds a lease already, by a scheduler before this one: there may be more of
 * them than there is room, until they release. */
void scheduler_hold(struct scheduler *scheduler, struct scheduler_client *client, uint32_t priority,
                    uint64_t now_ns);

/* False, and nothing done, when the client holds no lease. */
bool scheduler_release(struct scheduler *scheduler, struct scheduler_client *client,
                       uint64_t now_ns);

/* Releases and asks: it may be the next one again. False as scheduler_release. */
bool scheduler_yield(struct scheduler *scheduler, struct scheduler_client *client,
                     uint32_t priority, uint64_t now_ns);

/* The client is gone, whatever it was doing. */
void scheduler_remove(struct scheduler *scheduler, struct scheduler_client *client,
                      uint64_t now_ns);

/* A holder whose time to release is over, else NULL. */
struct scheduler_client *scheduler_get_overdue(const struct scheduler *scheduler, uint64_t now_ns);

/* Gives it more time. */
void scheduler_extend(struct scheduler_client *client, uint64_t deadline_ns);

#endif
