/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control groups (version 2) for the workers, below the one that this process was started in:
 *
 *   baregpu-PID/supervisor   this process, since a group with processes can give its own no limits
 *   baregpu-PID/SLOT         a worker
 *
 * Nothing outside of that is changed, but that the controllers are enabled for it. Where systemd
 * put this process into a group "supervisor" (DelegateSubgroup), it stays there, and the one above
 * is its own: then another mediator can be started while workers of this one go on.
 */
#ifndef MEDIATOR_CGROUP_H
#define MEDIATOR_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "host/mediator/config.h"

struct cgroup;

/* Moves this process, and kills and removes what mediators left that did not end by themselves. For
 * the user that the configuration names, who need not be root. NULL, or with a part of the
 * controllers, after a line that says why. */
struct cgroup *cgroup_open(const struct config *config, int directory);

/* The directory with the workers' groups, whose lock says that somebody uses it; it can be a later
 * mediator's `directory` (-1: none). -1 without one. */
int cgroup_get_directory(const struct cgroup *cgroup);

/* Removes those that came with the directory, and are nobody's. */
void cgroup_sweep(struct cgroup *cgroup, bool (*is_taken)(void *owner, unsigned slot), void *owner);

/* With NULL these do nothing; the nursery's thread may call the first. */

/* The worker in this slot, which has yet to begin. */
void cgroup_add(struct cgroup *cgroup, unsigned slot, pid_t process);

void cgroup_limit_memory(struct cgroup *cgroup, unsigned slot, uint64_t bytes);

/* Whether it was ended for having more memory than that. */
bool cgroup_was_too_large(struct cgroup *cgroup, unsigned slot);

/* Kills whatever is there still. */
void cgroup_remove(struct cgroup *cgroup, unsigned slot);

void cgroup_close(struct cgroup *cgroup);

/* Where this process's group is, from /proc/self/cgroup and /proc/self/mountinfo; for tests. False
 * when there is none that can be seen. */
bool cgroup_find(FILE *groups, FILE *mounts, char *path, size_t size);

#endif
