/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The admin socket: one line of JSON in, one out, then the connection is closed.
 *   {"command": "status"}   admin_status.h
 *   all others              admin_command.h
 */
#ifndef MEDIATOR_ADMIN_H
#define MEDIATOR_ADMIN_H

#include <stdbool.h>

#include "host/mediator/exit_status.h"

struct admin;
struct supervisor;

/* NULL after a log line, with the exit status. */
struct admin *admin_open(struct supervisor *supervisor, const char *path,
                         enum mediator_exit *exit_status);
/* A connection of a process of the mediator's own: it may ask for the status, as often as it
 * likes, and for nothing else. Takes the descriptor; false, and it stays the caller's, without
 * memory. */
bool admin_serve(struct admin *admin, int fd);

/* Now and then, for what is to be tried again. NULL is none. */
void admin_tick(struct admin *admin);
void admin_close(struct admin *admin);

#endif
