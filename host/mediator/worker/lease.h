/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a worker needs to compute: its session on the device that it was attached to, and the lease
 * of that device, asked for and given back through the supervisor. The caller serialises.
 */
#ifndef MEDIATOR_LEASE_H
#define MEDIATOR_LEASE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/common/clock.h"
#include "host/mediator/compute/session.h"
#include "host/mediator/worker/control.h"

#define LEASE_REASON_SIZE GPU_ERROR_SIZE

/* How long a lease lasts when others wait: some hundred requests that are over at once, so that
 * changing it, two messages and two wake-ups, does not count. */
#define LEASE_QUANTUM_NS (3 * NS_PER_MS)
/* A holder without work keeps the lease for so long, for a guest that sends its next request when
 * it has the answer: some wake-ups' worth. */
#define LEASE_LINGER_NS (200 * NS_PER_US)

/* Loading the driver and making a context takes seconds on a machine with many GPUs, and is no
 * fault of the request that comes first. */
#define LEASE_PREPARE_LIMIT_NS (30 * NS_PER_S)

enum lease_state {
    LEASE_NONE,
    LEASE_ASKED,
    LEASE_HELD,
};

/* What the supervisor knows of the lease, for one that takes over: it changes with each message. */
struct lease_ledger {
    pthread_mutex_t lock;
    int control;
    enum control_lease state;
    uint32_t priority;
};

void lease_ledger_init(struct lease_ledger *ledger, int control);

/* A grant has come; before the lease takes it. */
void lease_ledger_note_grant(struct lease_ledger *ledger);

/* Puts the lease into RESUMED and sends it. */
void lease_ledger_tell(struct lease_ledger *ledger, struct control_message *resumed);

/* Zeroed, with its ledger, at the start. */
struct lease {
    struct lease_ledger *ledger;
    enum lease_state state;
    bool wanted;       /* others wait */
    bool used;         /* something ran since the grant */
    bool idled;        /* the guest let it linger in vain the last time */
    uint64_t until_ns; /* the quantum's end */
    uint64_t idle_ns;  /* since when it lingers, if nothing runs; 0: for long */
};

/* Unless it was asked for, or is held. */
void lease_ask(struct lease *lease, uint32_t priority);

void lease_take_grant(struct lease *lease, bool contended);
void lease_take_revoke(struct lease *lease);

/* Something ran under it. */
void lease_use(struct lease *lease);

/* It is held, and others wait for it. */
bool lease_is_wanted(const struct lease *lease);

/* That, and its quantum is over, in which something ran: the next request is for another lease. */
bool lease_is_over(const struct lease *lease);

/* That it is wanted, and a holder without work has kept it long enough. */
bool lease_has_lingered(const struct lease *lease);

/* Gives it back; yield: and asks for it again. What was started under it has ended. */
void lease_release(struct lease *lease);
void lease_yield(struct lease *lease, uint32_t priority);

/* Opens a session where there is none yet, and makes its context if that is wanted, too.
 * False with a reason. May take as long as LEASE_PREPARE_LIMIT_NS. */
bool lease_prepare(struct session **session, const struct control_attached *device,
                   uint64_t memory_limit, bool with_context, char reason[LEASE_REASON_SIZE]);

#endif
