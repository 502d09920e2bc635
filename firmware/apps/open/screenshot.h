/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks the host to look at the screen, over the UART: "@shot NAME", answered by a line. */
#ifndef APPS_HOST_SHOT_H
#define APPS_HOST_SHOT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Sends "@WHAT NAME" and waits for a line, which goes to `answer` (may be NULL; cut to `size` with
 * its NUL). Returns false, after saying so, when none comes in time. Without shots=1: true at once.
 */
bool host_shot_ask(const char *what, const char *name, char *answer, size_t size);

/* host_shot_ask("shot", name, NULL, 0) */
bool host_shot(const char *name);

#endif
