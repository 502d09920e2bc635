/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said about a session and its guest. A worker's standard error is a pipe to here: a worker
 * that was taken over can write what it likes, but under its own name, in printable characters, and
 * not more than its guest may cause. While that is spent the pipe is not read.
 */
#ifndef MEDIATOR_WORKER_LOG_H
#define MEDIATOR_WORKER_LOG_H

#include "host/mediator/supervisor/state.h"

/* Starts to read this pipe, and takes it. */
void worker_log_start(struct worker_process *worker, int fd);

/* What is left, at the worker's end; closes it. The handle is the caller's to close. */
void worker_log_finish(struct worker_process *worker);

/* Reads on where it may be. */
void worker_log_tick(struct supervisor *supervisor, uint64_t now_ns);

/* A line of the supervisor's about a session: its guest's, too. */
void worker_log_write(struct worker_process *worker, enum mediator_log_level level,
                      const char *format, ...) __attribute__((format(printf, 3, 4)));

/* For messages; valid until the next call. */
const char *worker_log_name(const struct worker_process *worker);

#endif
