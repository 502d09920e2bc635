/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/worker/lease.h"

#include <stdio.h>

#include "host/common/clock.h"
#include "host/mediator/worker/device.h"

void lease_ledger_init(struct lease_ledger *ledger, int control)
{
    *ledger = (struct lease_ledger){.control = control};
    pthread_mutex_init(&ledger->lock, NULL);
}

void lease_ledger_note_grant(struct lease_ledger *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    ledger->state = CONTROL_LEASE_HELD;
    pthread_mutex_unlock(&ledger->lock);
}

void lease_ledger_tell(struct lease_ledger *ledger, struct control_message *resumed)
{
    pthread_mutex_lock(&ledger->lock);
    resumed->resumed.lease = ledger->state;
    resumed->resumed.priority = ledger->priority;
    control_tell(ledger->control, resumed);
    pthread_mutex_unlock(&ledger->lock);
}

/* A message and what it changes are one. */
static void send_lease(struct lease_ledger *ledger, const struct control_message *message)
{
    pthread_mutex_lock(&ledger->lock);
    ledger->state = message->type == CONTROL_RELEASE ? CONTROL_LEASE_NONE : CONTROL_LEASE_ASKED;
    ledger->priority = message->priority;
    control_tell(ledger->control, message);
    pthread_mutex_unlock(&ledger->lock);
}

static void tell(struct lease *lease, enum control_type type, uint32_t priority,
                 enum lease_state state)
{
    const struct control_message message = {.type = type, .priority = priority};

    lease->state = state;
    lease->wanted = false;
    send_lease(lease->ledger, &message);
}

void lease_ask(struct lease *lease, uint32_t priority)
{
    if (lease->state == LEASE_NONE) {
        /* A guest that asks at once may keep its next lease for a moment again. */
        lease->idled = lease->idled && clock_now_ns() >= lease->idle_ns + LEASE_LINGER_NS;
        tell(lease, CONTROL_ASK, priority, LEASE_ASKED);
    }
}

void lease_take_grant(struct lease *lease, bool contended)
{
    lease->state = LEASE_HELD;
    lease->used = false;
    lease->wanted = contended;
    lease->until_ns = clock_now_ns() + LEASE_QUANTUM_NS;
    lease->idle_ns = 0;
}

/* Since when nothing runs is not known: alone that costs no look at the clock. So it lingers from
 * now on, but for a lease that nobody wanted for long. */
void lease_take_revoke(struct lease *lease)
{
    uint64_t now_ns = clock_now_ns();

    lease->wanted = true;
    lease->idle_ns = now_ns < lease->until_ns ? now_ns : 0;
}

void lease_use(struct lease *lease)
{
    lease->used = true;
    lease->idle_ns = lease->wanted ? clock_now_ns() : 0;
}

bool lease_is_wanted(const struct lease *lease)
{
    return lease->state == LEASE_HELD && lease->wanted;
}

bool lease_is_over(const struct lease *lease)
{
    return lease_is_wanted(lease) && lease->used && clock_now_ns() >= lease->until_ns;
}

bool lease_has_lingered(const struct lease *lease)
{
    return lease_is_wanted(lease) &&
           (lease->idled || clock_now_ns() >= lease->idle_ns + LEASE_LINGER_NS);
}

void lease_release(struct lease *lease)
{
    lease->idled = lease->idle_ns != 0;
    tell(lease, CONTROL_RELEASE, 0, LEASE_NONE);
}

void lease_yield(struct lease *lease, uint32_t priority)
{
    tell(lease, CONTROL_YIELD, priority, LEASE_ASKED);
}

static struct session *open_session(const struct control_attached *device, uint64_t memory_limit,
                                    char reason[LEASE_REASON_SIZE])
{
    struct gpu *gpu = device_open(device, reason);
    struct session *session = gpu != NULL ? session_create(gpu, memory_limit) : NULL;

    if (session != NULL) {
        session_seed_handles(session, clock_now_ns() / NS_PER_US);
    } else if (gpu != NULL) {
        snprintf(reason, LEASE_REASON_SIZE, "no memory");
    }
    return session;
}

bool lease_prepare(struct session **session, const struct control_attached *device,
                   uint64_t memory_limit, bool with_context, char reason[LEASE_REASON_SIZE])
{
    struct gpu *gpu;

    if (*session == NULL) {
        *session = open_session(device, memory_limit, reason);
    }
    if (*session == NULL) {
        return false;
    }
    gpu = (*session)->gpu;
    if (with_context && gpu_prepare(gpu) != BG_COMPUTE_OK) {
        snprintf(reason, LEASE_REASON_SIZE, "%s", gpu->error);
        return false;
    }
    return true;
}
