/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the supervisor remembers of a guest, that is of a process that connects to a listener,
 * beyond its connections: faults, quarantine, what is left of its rate limit. The vm_id is what
 * its first session said, a name for people: nothing is decided by it. Pure: time is an argument.
 */
#ifndef MEDIATOR_GUEST_RECORD_H
#define MEDIATOR_GUEST_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/mediator/config.h"
#include "host/mediator/supervisor/peer.h"
#include "host/mediator/supervisor/scheduler.h"
#include "host/mediator/worker/limiter.h"

/* Per listener, as many as it may have sessions; 11 MB, of which the kernel gives what is used.
 * The oldest without sessions and quarantine makes room. */
#define GUEST_TABLE_SIZE 4096u
/* Connections at once: above the devices of any machine; and of them, that get a worker at once. */
#define GUEST_RECORD_CONNECTIONS_BURST 128u
#define GUEST_RECORD_STARTS_BURST 16u
/* Lines of the log that a guest can cause: its sessions' and those about them. */
#define GUEST_RECORD_LINES_PER_S 5u
#define GUEST_RECORD_LINES_BURST 200u
#define GUEST_RECORD_DEVICES (CONFIG_POOLS * CONFIG_POOL_DEVICES)
#define GUEST_RECORD_FAULTS 64u /* config.c allows quarantine_faults up to this */

/* What the next supervisor is told, too (history.h). */
struct guest_past {
    struct peer peer;
    bool named; /* vm_id is known */
    uint32_t vm_id;
    bool quarantined;
    bool held;               /* an operator did that: it lasts until it is released */
    uint64_t quarantined_ns; /* since when */
    uint32_t fault_count;    /* since the start or the last release */
    uint64_t fault_ns[GUEST_RECORD_FAULTS];
};

struct guest_record {
    const struct config_listener *listener; /* NULL: free */
    struct guest_past past;
    uint32_t sessions;
    uint64_t used_ns;
    struct limiter limiter; /* while it has no session */
    struct limiter lines;   /* of the log */
    struct limiter connections, starts;
    uint64_t lines_suppressed;
    /* What it has had of each of the supervisor's devices. */
    struct scheduler_account accounts[GUEST_RECORD_DEVICES];
};

struct guest_table {
    struct guest_record *records;
    unsigned count; /* of slots in use or used before */
};

/* -1 without memory. */
int guest_table_init(struct guest_table *table);

/* NULL when there is none. */
struct guest_record *guest_record_find(struct guest_table *table,
                                       const struct config_listener *listener,
                                       const struct peer *peer);

/* Finds or makes the guest. NULL when the table is full of guests that cannot be forgotten. */
struct guest_record *guest_record_open(struct guest_table *table,
                                       const struct config_listener *listener,
                                       const struct peer *peer, uint64_t now_ns);

/* Counts a session of it; *tokens is what that may start with. */
void guest_record_begin(struct guest_record *guest, uint64_t now_ns, uint32_t *tokens);

/* Both. */
struct guest_record *guest_record_attach(struct guest_table *table,
                                         const struct config_listener *listener,
                                         const struct peer *peer, uint64_t now_ns,
                                         uint32_t *tokens);

/* What a session says it is called; the first counts. */
void guest_record_name(struct guest_record *guest, uint32_t vm_id);

/* A session ended with so many tokens left. */
void guest_record_detach(struct guest_record *guest, uint32_t tokens, uint64_t now_ns);

/* Counts a fault; true when the guest is quarantined by it. */
bool guest_record_count_fault(struct guest_record *guest, uint64_t now_ns);

/* An operator's, which lasts until it is released. */
void guest_record_quarantine(struct guest_record *guest, uint64_t now_ns);

/* Ends the quarantine and forgets the faults; false when it was in none. */
bool guest_record_release(struct guest_record *guest);

/* Whether its quarantine has lasted as long as its listener wants. */
bool guest_record_has_served(const struct guest_record *guest, uint64_t now_ns);

#endif
