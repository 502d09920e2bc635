/* SPDX-License-Identifier: BSD-2-Clause */
/* Which users the mediator's processes are. */
#ifndef MEDIATOR_PRIVILEGES_H
#define MEDIATOR_PRIVILEGES_H

#include "host/mediator/config.h"

/* The first user of the workers' own; 0, with a line if there should have been some, when they have
 * the mediator's. */
uid_t privileges_worker_users(const struct config *config);

/* Becomes the configured user, if there is one; the thread that calls keeps what starting workers
 * of other users takes, if those are configured, and all others nothing. False after a line. */
bool privileges_drop(const struct config *config);

#endif
