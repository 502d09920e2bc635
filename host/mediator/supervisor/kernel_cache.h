/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the CPU device keeps the mediator's kernels when they are compiled, so that workers find
 * them there. That is the user's own cache, as of all programs that use the device; else, and for
 * workers that are other users, a folder that this makes and removes, and those that mediators of
 * this user left which were killed.
 */
#ifndef MEDIATOR_KERNEL_CACHE_H
#define MEDIATOR_KERNEL_CACHE_H

#include <stdbool.h>

/* Before the first process that uses the device, as the user whose workers will. False with errno:
 * there is none, and each worker compiles. */
bool kernel_cache_open(bool other_users);

/* What is in it now is for other users to read. */
void kernel_cache_share(void);

void kernel_cache_close(void);

#endif
