/* SPDX-License-Identifier: BSD-2-Clause */
/* --status and --release: asks a running mediator, prints, gives the exit status. */
#ifndef MEDIATOR_ADMIN_CLIENT_H
#define MEDIATOR_ADMIN_CLIENT_H

#include <stdint.h>

#include "host/mediator/exit_status.h"

enum mediator_exit admin_client_status(const char *path);
enum mediator_exit admin_client_release(const char *path, const char *listener, uint32_t vm_id);

#endif
