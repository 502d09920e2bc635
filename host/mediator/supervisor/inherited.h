/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The descriptors that systemd hands over at the start (sd_listen_fds(3)): sockets of a socket
 * unit, and what the mediator before this one stored (notify.h).
 */
#ifndef MEDIATOR_INHERITED_H
#define MEDIATOR_INHERITED_H

#include <stdbool.h>

#include "host/common/listener.h"

#define INHERITED_NAME_SIZE 256 /* systemd's, NUL included */
#define INHERITED_PATH_SIZE sizeof(((struct listener_socket *)0)->path)

/* Before any other descriptor is opened. */
void inherited_read(void);

/* The listening socket at this path; false: there is none. When it is closed its file goes, too, if
 * a mediator stored it: a socket unit's is systemd's. */
#define INHERITED_LISTENER "listener-"
bool inherited_take_listener(const char *path, struct listener_socket *socket);

/* A stored listener's socket, as it is, whose path nobody wants any more. */
void inherited_fill(struct listener_socket *socket, int fd);

/* Where a socket, or the one that it was accepted at, is bound; empty: nowhere with a name. */
void inherited_read_path(int fd, char path[INHERITED_PATH_SIZE]);

/* Those of one name, which are the caller's then: how many, at most `most`. */
unsigned inherited_take(const char *name, int *fds, unsigned most);

/* The name of one that nobody took, and that begins so; NULL: there is none. */
const char *inherited_find(const char *prefix);

/* Closes what nobody took, but for a socket unit's: a configuration that is read later may want it.
 */
void inherited_close(void);

/* Closes any listener's socket; a socket unit's is there for inherited_take_listener again. */
void inherited_close_listener(struct listener_socket *socket);

#endif
