/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks a running mediator over its admin socket. It has to be of root, of this user, or of whom the
 * socket's directory belongs to if nobody else can write there. Nothing takes longer than five
 * seconds. What goes wrong is said on standard error.
 */
#ifndef MEDIATOR_ADMIN_CLIENT_H
#define MEDIATOR_ADMIN_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/mediator/exit_status.h"

/* The answer, to be decref'd; NULL after a message, with the exit status that fits. Takes the
 * command. */
json_t *admin_client_ask(const char *path, json_t *command, enum mediator_exit *status);

/* LISTENER or LISTENER:VM_ID. */
struct admin_client_guest {
    const char *listener; /* in the text that was read */
    bool has_vm_id;
    uint32_t vm_id;
};

/* False: the text, which it cuts, is neither. */
bool admin_client_read_guest(char *text, struct admin_client_guest *guest);

/* quarantine, release or drain (admin_command.h); as admin_client_ask. */
json_t *admin_client_tell(const char *path, const char *command,
                          const struct admin_client_guest *guest, enum mediator_exit *status);

#endif
