/* SPDX-License-Identifier: BSD-2-Clause */
/* sd_notify(3)'s protocol: tells systemd, when it asked, that the daemon is ready or stopping. */
#ifndef MEDIATOR_NOTIFY_H
#define MEDIATOR_NOTIFY_H

/* state: "READY=1" or "STOPPING=1". Nothing without NOTIFY_SOCKET. */
void notify_send(const char *state);

#endif
