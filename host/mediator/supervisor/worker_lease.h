/* SPDX-License-Identifier: BSD-2-Clause */
/* Leases between a device's scheduler and the worker processes. */
#ifndef MEDIATOR_WORKER_LEASE_H
#define MEDIATOR_WORKER_LEASE_H

#include "host/mediator/supervisor/state.h"

/* A device's scheduler, with a tenant for each listener of the configuration. */
void worker_lease_open_device(const struct supervisor *supervisor,
                              struct supervisor_device *device);

/* The listener of this slot has another weight, or (fresh) is another one. */
void worker_lease_set_tenant(struct supervisor *supervisor, unsigned slot, bool fresh);

/* The worker was given its device; it is gone. */
void worker_lease_open(struct worker_process *worker);
void worker_lease_close(struct worker_process *worker);

/* The worker has what it had of a supervisor before this one. */
void worker_lease_resume(struct worker_process *worker, const struct control_resumed *resumed);

/* ASK, RELEASE, YIELD: checked, the worker may be in a guest's hands. */
void worker_lease_take(struct worker_process *worker, const struct control_message *message);

/* Kills who keeps a lease for too long. */
void worker_lease_check(struct supervisor_device *device, uint64_t now_ns);

#endif
