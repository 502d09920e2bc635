/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sd_notify(3)'s protocol: tells systemd, when it asked, how the daemon is, and gives it
 * descriptors to keep for the next one (FileDescriptorStoreMax). Without NOTIFY_SOCKET all of it
 * does nothing.
 */
#ifndef MEDIATOR_NOTIFY_H
#define MEDIATOR_NOTIFY_H

#include <stdbool.h>

/* Whether somebody listens. */
bool notify_is_wanted(void);

/* state: "READY=1" or "STOPPING=1". */
void notify_send(const char *state);

/* At most FD_MESSAGE_DESCRIPTORS, which stay the caller's. A name is for all that is stored by it:
 * no colon is allowed in it. */
void notify_store(const char *name, const int *fds, unsigned count);
void notify_remove(const char *name);

#endif
