/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What sessions use: of the CPU device by the kernel's clock of their workers' processor time, all
 * else by what workers say of themselves, within what their listeners allow. It is counted for the
 * session, its listener and its device; a listener's figures never go back.
 */
#ifndef MEDIATOR_USAGE_H
#define MEDIATOR_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "host/mediator/supervisor/histogram.h"
#include "host/mediator/worker/control.h"

struct supervisor;
struct supervisor_device;
struct worker_process;

/* Of the CPU device; a GPU's is its driver's to say. Zeroed at the start. */
struct usage {
    uint64_t busy_ns;   /* processor time */
    uint64_t marked_ns; /* of it, when the last interval ended */
    double share;       /* of the device, in that interval: 0 to 1 */
};

/* A listener's, since the start. */
struct usage_counts {
    uint64_t requests, errors, bytes_in, bytes_out, faults, quarantines;
    struct histogram lease_waits; /* from asking for a lease to having it */
    struct histogram start_waits; /* of connections, for a worker */
};

/* An interval of elapsed_ns is over, in which the device had room for so many processors. */
void usage_mark(struct usage *usage, uint64_t elapsed_ns, unsigned room);

/* A worker's processor time so far; false when the kernel does not tell. */
bool usage_read_ns(const struct worker_process *worker, uint64_t *used_ns);

/* The worker has its device; from here on its time counts. */
void usage_begin(struct worker_process *worker);

/* Counts what it used since the last time; before its process is waited for, too. */
void usage_take(struct worker_process *worker);
void usage_take_all(struct supervisor *supervisor);

/* What the worker says of itself. */
void usage_take_statistics(struct worker_process *worker,
                           const struct control_statistics *statistics);

/* Ends an interval once a second. */
void usage_tick(struct supervisor *supervisor, uint64_t now_ns);

#endif
