/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker process: one guest device's connection, its queue, its session, its GPU context. It
 * has a thread for the socket and one that computes.
 */
#ifndef MEDIATOR_WORKER_H
#define MEDIATOR_WORKER_H

/* Makes this program a worker; not for people, so not in --help. */
#define WORKER_ARGUMENT "--internal-worker"

/* The descriptor of the control socket in a worker; everything above it is closed. */
#define WORKER_CONTROL_FD 3

/* The worker's exit statuses. */
#define WORKER_EXIT_OK 0
#define WORKER_EXIT_FAILED 1 /* could not start, or the supervisor is gone */
#define WORKER_EXIT_FAULT 2  /* the session hit a fault; a FAULT message said which */

/* Does not return to ordinary work: what it returns is the process's exit status. */
int worker_main(void);

#endif
