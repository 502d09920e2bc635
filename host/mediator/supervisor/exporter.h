/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that serves metrics (host/exporter): it is started where the configuration has an
 * address for them, and again when it ends. It may ask for the status, and nothing waits for it.
 */
#ifndef MEDIATOR_EXPORTER_H
#define MEDIATOR_EXPORTER_H

#include <stdint.h>

#include "host/mediator/exit_status.h"

struct supervisor;

/* Its socket and its program, as the user that the mediator still is; a log line says why not.
 * OK without an address. */
enum mediator_exit exporter_open(struct supervisor *supervisor);

/* Starts it, when it does not run. */
void exporter_tick(struct supervisor *supervisor, uint64_t now_ns);

/* Its socket's file goes; it ends with the mediator. */
void exporter_close(struct supervisor *supervisor);

#endif
