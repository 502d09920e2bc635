/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an operator does to a guest, which is all that call themselves so, or to a listener.
 *
 *   {"command": "quarantine", "listener": NAME, "vm_id": N}   until it is released
 *   {"command": "drain", ...}     its sessions finish what they accepted, and end; a listener
 * serves no others
 *   {"command": "release", ...}   takes both back, and other quarantines; a listener's: its guests'
 *
 * Without vm_id: the listener.
 */
#ifndef MEDIATOR_ADMIN_COMMAND_H
#define MEDIATOR_ADMIN_COMMAND_H

#include <jansson.h>

struct supervisor;

/* {"guests": N, "sessions": N} that it was done to; or {"error": TEXT, "code": "not_found" or
 * "invalid"}. To be decref'd. */
json_t *admin_run(struct supervisor *supervisor, json_t *command);

#endif
