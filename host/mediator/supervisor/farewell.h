/* SPDX-License-Identifier: BSD-2-Clause */
/* The last word to a peer that gets no worker. */
#ifndef MEDIATOR_FAREWELL_H
#define MEDIATOR_FAREWELL_H

#include "host/mediator/config.h"

/* To a vgpu-stub BUSY, for the request that it has sent, if all of that is there; to a pvgpu
 * SHUTDOWN. Never blocks; the connection stays the caller's. */
void farewell_send(int connection, enum config_listener_device device);

#endif
