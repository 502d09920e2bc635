/* SPDX-License-Identifier: BSD-2-Clause */
/* The sockets that guests connect to: who is let in, how often, and which files they are. */
#ifndef MEDIATOR_LISTENERS_H
#define MEDIATOR_LISTENERS_H

#include "host/mediator/exit_status.h"
#include "host/mediator/supervisor/state.h"

/* Opens what is configured, and begins to accept. */
enum mediator_exit listeners_open(struct supervisor *supervisor);

/* Opens this listener's socket; a log line says why not. */
enum mediator_exit listeners_open_socket(const struct config_listener *config,
                                         struct listener_socket *socket);

/* A slot's listener begins, with its socket and its entry of the configuration in place. False
 * without memory. */
bool listeners_begin(struct supervisor *supervisor, unsigned slot);

/* No more connections come; the socket stays open, and the caller's. */
void listeners_end(struct supervisor_listener *listener);

/* What follows from its entry of the configuration, which has changed. */
void listeners_configure(struct supervisor_listener *listener);

/* The one of this name and device, which an earlier mediator had; NULL: the configuration has it no
 * more. */
struct supervisor_listener *listeners_find(struct supervisor *supervisor,
                                           const char name[CONFIG_NAME_SIZE],
                                           enum config_listener_device device);

/* A connection that was made at this path before this mediator was there: false after a log line,
 * if it has a listener, when it is not served and stays the caller's. */
bool listeners_admit(struct supervisor *supervisor, const char *path, int connection);

/* Accepts again where there was a pause, and says what was left out of the log. */
void listeners_tick(struct supervisor *supervisor, uint64_t now_ns);

/* All of them; those that are stored stay where they are, for the next mediator. */
void listeners_leave(struct supervisor *supervisor);

/* All of them, with their files. */
void listeners_close(struct supervisor *supervisor);

#endif
