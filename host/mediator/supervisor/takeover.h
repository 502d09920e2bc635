/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions that outlive their supervisor. systemd keeps each one's descriptors: the control socket,
 * the pidfd, the log's pipe, and a sealed record of what a worker may not say of itself (whose
 * session it is, and under which limits). The next supervisor takes them; a worker tells it the
 * rest. While there is no supervisor a worker computes on, and waits where it needs a lease.
 */
#ifndef MEDIATOR_TAKEOVER_H
#define MEDIATOR_TAKEOVER_H

#include "host/mediator/supervisor/state.h"

/* Whether a new session may outlive this supervisor. */
bool takeover_is_on(const struct supervisor *supervisor);

/* The cgroup's directory, whose lock says that it is in use; -1: there is none. */
int takeover_take_cgroup(void);

/* A session's worker has its connection; it is gone. */
void takeover_store(struct worker_process *worker);
void takeover_forget(const struct worker_process *worker);

/* A connection that has no worker yet. */
void takeover_store_waiting(int connection);

void takeover_store_listener(struct supervisor_listener *listener);
void takeover_forget_listener(struct supervisor_listener *listener);

/* The supervisor's cgroup, and listeners that are not stored: once it runs, and when restart_s may
 * have become another. */
void takeover_store_own(struct supervisor *supervisor);

/* Takes over what was stored. With listeners, devices and nursery in place. */
void takeover_resume(struct supervisor *supervisor);

/* RESUMED, of a worker that may be in a guest's hands. */
void takeover_take_resumed(struct worker_process *worker, const struct control_resumed *resumed);

#endif
