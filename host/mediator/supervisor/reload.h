/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A new configuration in a mediator that runs. It is taken whole or not at all: a file with an
 * error, one without a listener where some are configured, or a listener that cannot be opened,
 * leaves all as it was. No session is touched: it keeps
 * the limits that it began with. What only a start can change keeps its value, and a line says so.
 */
#ifndef MEDIATOR_RELOAD_H
#define MEDIATOR_RELOAD_H

#include <stdbool.h>

struct config;
struct supervisor;

/* False after log lines: nothing has changed. `next` is written to. */
bool reload_config(struct supervisor *supervisor, struct config *next);

#endif
