/* SPDX-License-Identifier: BSD-2-Clause */
/* Which jail (host/common/jail.h) a worker gets. */
#ifndef MEDIATOR_SANDBOX_H
#define MEDIATOR_SANDBOX_H

#include "host/common/jail.h"
#include "host/mediator/worker/worker.h"

/* What sandbox_enter takes; the rest of `jail` is the caller's. Its paths stay until the next call.
 */
void sandbox_describe(const struct worker *worker, struct jail *jail);

/* With one thread, before the first byte of a peer is read. Tells the supervisor what the system
 * does not allow. 0, or -1 with errno: the worker must not go on. */
int sandbox_enter(const struct worker *worker);

/* Once all threads are there but those of CUDA. As above. */
int sandbox_close(const struct worker *worker);

#endif
