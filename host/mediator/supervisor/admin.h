/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The admin socket: one line of JSON in, one out, then the connection is closed.
 *   {"command": "status"}
 *   {"command": "release", "listener": NAME, "vm_id": N}
 */
#ifndef MEDIATOR_ADMIN_H
#define MEDIATOR_ADMIN_H

#include "host/mediator/exit_status.h"

struct admin;
struct supervisor;

/* NULL after a log line, with the exit status. */
struct admin *admin_open(struct supervisor *supervisor, const char *path,
                         enum mediator_exit *exit_status);
/* Now and then, for what is to be tried again. NULL is none. */
void admin_tick(struct admin *admin);
void admin_close(struct admin *admin);

#endif
