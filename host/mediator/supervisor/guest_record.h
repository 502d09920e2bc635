/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the supervisor remembers of a guest, that is of a vm_id on a listener, beyond its
 * connections: faults, quarantine, what is left of its rate limit. Pure: time is an argument.
 */
#ifndef MEDIATOR_TENANT_H
#define MEDIATOR_TENANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/mediator/config.h"
#include "host/mediator/worker/limiter.h"

/* Per listener, as many as it may have sessions; 2.4 MB, of which the kernel gives what is used.
 * The oldest without sessions and quarantine makes room. */
#define TENANT_COUNT 4096u
#define TENANT_FAULTS 64u  /* config.c allows quarantine_faults up to this */

struct tenant {
    const struct config_listener *listener; /* NULL: free */
    uint32_t vm_id;
    uint32_t sessions;
    bool quarantined;
    uint32_t fault_count; /* since the start or the last release */
    uint64_t fault_ns[TENANT_FAULTS];
    uint64_t used_ns;
    struct limiter limiter; /* while it has no session */
};

struct tenant_table {
    struct tenant *tenants;
    unsigned count; /* of slots in use or used before */
};

/* -1 without memory. */
int tenant_table_init(struct tenant_table *table);

/* NULL when there is none. */
struct tenant *tenant_find(struct tenant_table *table, const struct config_listener *listener,
                           uint32_t vm_id);

/* Finds or makes the tenant and counts a session of it; *tokens is what that may start with.
 * NULL when the table is full of tenants that cannot be forgotten. */
struct tenant *tenant_attach(struct tenant_table *table, const struct config_listener *listener,
                             uint32_t vm_id, uint64_t now_ns, uint32_t *tokens);

/* A session ended with so many tokens left. */
void tenant_detach(struct tenant *tenant, uint32_t tokens, uint64_t now_ns);

/* Counts a fault; true when the tenant is quarantined by it. */
bool tenant_count_fault(struct tenant *tenant, uint64_t now_ns);

/* Ends the quarantine and forgets the faults; false when it was in none. */
bool tenant_release(struct tenant *tenant);

#endif
