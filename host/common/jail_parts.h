/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of jail_enter. */
#ifndef COMMON_JAIL_PARTS_H
#define COMMON_JAIL_PARTS_H

#include "host/common/jail.h"

/* In a mount namespace of the caller's: a root that has these paths (NULL: none) and that cannot be
 * written to. -1 with a text: the old one may be there still. */
int jail_root_enter(const struct jail_path *paths, char text[JAIL_TEXT_SIZE]);

/* Refuses all other system calls, to all threads. -1 with errno. */
int jail_calls_keep(unsigned calls);

#endif
