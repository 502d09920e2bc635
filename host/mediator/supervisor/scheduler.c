/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/scheduler.h"

#include <stddef.h>

void scheduler_init(struct scheduler *scheduler, const struct scheduler_ops *ops, unsigned room)
{
    *scheduler = (struct scheduler){.ops = ops, .room = room};
    TAILQ_INIT(&scheduler->holders);
    TAILQ_INIT(&scheduler->waiters);
}

/* ---- Accounts ---- */

static void charge(struct scheduler_client *client, uint64_t time_ns)
{
    struct scheduler_account *account;

    client->charged_ns += time_ns;
    for (account = &client->account; account->parent != NULL; account = account->parent) {
        account->used[client->priority] += (double)time_ns / account->weight;
    }
}

/* What it did not want while others used the device is not owed to it. */
static void forget_claims(struct scheduler_client *client)
{
    struct scheduler_account *account;
    uint32_t priority = client->priority;

    for (account = &client->account; account->parent != NULL; account = account->parent) {
        if (account->used[priority] < account->parent->floor[priority]) {
            account->used[priority] = account->parent->floor[priority];
        }
    }
}

/* It is the next: among its equals nobody that waits has used less. */
static void raise_floors(struct scheduler_client *client)
{
    struct scheduler_account *account;
    uint32_t priority = client->priority;

    for (account = &client->account; account->parent != NULL; account = account->parent) {
        if (account->parent->floor[priority] < account->used[priority]) {
            account->parent->floor[priority] = account->used[priority];
        }
    }
}

/* Before holders or waiters change. */
static void charge_holders(struct scheduler *scheduler, uint64_t now_ns)
{
    struct scheduler_client *client;

    if (scheduler->waiting > 0) {
        TAILQ_FOREACH (client, &scheduler->holders, link) {
            charge(client, now_ns - scheduler->charged_ns);
        }
    }
    scheduler->charged_ns = now_ns;
}

/* ---- The next ---- */

static bool was_passed(const struct scheduler_client *client)
{
    return client->passed >= SCHEDULER_PASS_LIMIT;
}

/* Whether a has had less than b, by the first account from the root on in which they differ. */
static bool has_less(const struct scheduler_account *a, const struct scheduler_account *b,
                     uint32_t priority)
{
    return a->parent != b->parent ? has_less(a->parent, b->parent, priority)
                                  : a->used[priority] < b->used[priority];
}

/* Whether a goes before b, which came earlier. */
static bool goes_before(const struct scheduler_client *a, const struct scheduler_client *b)
{
    if (was_passed(a) || was_passed(b)) {
        return !was_passed(b);
    }
    if (a->priority != b->priority) {
        return a->priority > b->priority;
    }
    return has_less(&a->account, &b->account, a->priority);
}

static struct scheduler_client *choose(const struct scheduler *scheduler)
{
    struct scheduler_client *best = TAILQ_FIRST(&scheduler->waiters), *client;

    TAILQ_FOREACH (client, &scheduler->waiters, link) {
        if (client != best && goes_before(client, best)) {
            best = client;
        }
    }
    return best;
}

static void count_passed(struct scheduler *scheduler, const struct scheduler_client *next)
{
    struct scheduler_client *client;

    TAILQ_FOREACH (client, &scheduler->waiters, link) {
        if (client->arrival > next->arrival) {
            break;
        }
        client->passed += client->priority < next->priority;
    }
}

/* ---- Leases ---- */

static void add_waiter(struct scheduler *scheduler, struct scheduler_client *client,
                       uint32_t priority, uint64_t now_ns)
{
    client->state = SCHEDULER_WAITING;
    client->asked_ns = now_ns;
    client->priority = priority;
    client->passed = 0;
    client->arrival = scheduler->arrivals++;
    TAILQ_INSERT_TAIL(&scheduler->waiters, client, link);
    scheduler->waiting++;
    forget_claims(client);
}

static void remove_waiter(struct scheduler *scheduler, struct scheduler_client *client)
{
    TAILQ_REMOVE(&scheduler->waiters, client, link);
    scheduler->waiting--;
    client->state = SCHEDULER_IDLE;
}

static void remove_holder(struct scheduler *scheduler, struct scheduler_client *client)
{
    TAILQ_REMOVE(&scheduler->holders, client, link);
    scheduler->held--;
    scheduler->told -= client->deadline_ns != 0;
    client->state = SCHEDULER_IDLE;
    client->deadline_ns = 0;
}

static void set_deadline(struct scheduler *scheduler, struct scheduler_client *client,
                         uint64_t now_ns)
{
    client->deadline_ns = now_ns + client->release_ns;
    scheduler->told++;
}

/* The one that has its lease for longest. */
static void revoke_one(struct scheduler *scheduler, uint64_t now_ns)
{
    struct scheduler_client *client = TAILQ_FIRST(&scheduler->holders);

    while (client->deadline_ns != 0) {
        client = TAILQ_NEXT(client, link);
    }
    set_deadline(scheduler, client, now_ns);
    scheduler->ops->revoke(client);
}

/* As many holders are told as clients wait. */
static bool wants_another(const struct scheduler *scheduler)
{
    return scheduler->told < scheduler->waiting && scheduler->told < scheduler->held;
}

/* If there is room. The new holder is told with its grant when all others are told already. */
static void grant_next(struct scheduler *scheduler, uint64_t now_ns)
{
    struct scheduler_client *next = choose(scheduler);
    bool contended = scheduler->told == scheduler->held;

    if (next == NULL || scheduler->held >= scheduler->room) {
        return;
    }
    remove_waiter(scheduler, next);
    count_passed(scheduler, next);
    raise_floors(next);
    next->state = SCHEDULER_HOLDING;
    TAILQ_INSERT_TAIL(&scheduler->holders, next, link);
    scheduler->held++;
    contended = contended && wants_another(scheduler);
    if (contended) {
        set_deadline(scheduler, next, now_ns);
    }
    scheduler->ops->grant(next, contended);
}

/* After each change. */
static void settle(struct scheduler *scheduler, uint64_t now_ns)
{
    grant_next(scheduler, now_ns);
    if (wants_another(scheduler)) {
        revoke_one(scheduler, now_ns);
    }
}

bool scheduler_ask(struct scheduler *scheduler, struct scheduler_client *client, uint32_t priority,
                   uint64_t now_ns)
{
    if (client->state != SCHEDULER_IDLE) {
        return false;
    }
    charge_holders(scheduler, now_ns);
    add_waiter(scheduler, client, priority, now_ns);
    settle(scheduler, now_ns);
    return true;
}

void scheduler_hold(struct scheduler *scheduler, struct scheduler_client *client, uint32_t priority,
                    uint64_t now_ns)
{
    charge_holders(scheduler, now_ns);
    client->priority = priority;
    client->state = SCHEDULER_HOLDING;
    TAILQ_INSERT_TAIL(&scheduler->holders, client, link);
    scheduler->held++;
    settle(scheduler, now_ns);
}

bool scheduler_release(struct scheduler *scheduler, struct scheduler_client *client,
                       uint64_t now_ns)
{
    if (client->state != SCHEDULER_HOLDING) {
        return false;
    }
    charge_holders(scheduler, now_ns);
    remove_holder(scheduler, client);
    settle(scheduler, now_ns);
    return true;
}

bool scheduler_yield(struct scheduler *scheduler, struct scheduler_client *client,
                     uint32_t priority, uint64_t now_ns)
{
    if (client->state != SCHEDULER_HOLDING) {
        return false;
    }
    charge_holders(scheduler, now_ns);
    remove_holder(scheduler, client);
    add_waiter(scheduler, client, priority, now_ns);
    settle(scheduler, now_ns);
    return true;
}

void scheduler_remove(struct scheduler *scheduler, struct scheduler_client *client, uint64_t now_ns)
{
    if (client->state == SCHEDULER_WAITING) {
        charge_holders(scheduler, now_ns);
        remove_waiter(scheduler, client);
    } else {
        scheduler_release(scheduler, client, now_ns);
    }
}

struct scheduler_client *scheduler_get_overdue(const struct scheduler *scheduler, uint64_t now_ns)
{
    struct scheduler_client *client;

    TAILQ_FOREACH (client, &scheduler->holders, link) {
        if (client->deadline_ns != 0 && now_ns >= client->deadline_ns) {
            return client;
        }
    }
    return NULL;
}

void scheduler_extend(struct scheduler_client *client, uint64_t deadline_ns)
{
    client->deadline_ns = deadline_ns;
}
