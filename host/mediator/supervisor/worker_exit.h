/* SPDX-License-Identifier: BSD-2-Clause */
/* How a worker has ended: this supervisor's child, or that of one before it. */
#ifndef MEDIATOR_WORKER_EXIT_H
#define MEDIATOR_WORKER_EXIT_H

#include <stdbool.h>
#include <sys/types.h>

/* Of a child that has ended (its pidfd says so): *status is waitpid's. False: it has not. */
bool worker_exit_wait(pid_t child, int *status);

/*
 * Of another process's child that has ended. The kernel tells as long as nobody has waited for it,
 * and since Linux 6.15 afterwards, too. False: there is no telling.
 */
bool worker_exit_look(pid_t process, int pidfd, int *status);

#endif
