/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where worker processes are started: a thread of its own, one after the other. To start a program
 * takes milliseconds, which the loop, that accepts connections and grants leases, does not have.
 *
 * A worker is process 1 of namespaces of its own, if the system allows that: it sees no other
 * process, and what it leaves behind ends with it. It may have a user (and group) of its own.
 */
#ifndef MEDIATOR_NURSERY_H
#define MEDIATOR_NURSERY_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "host/mediator/supervisor/cgroup.h"

/* A worker that was started, or why it was not. */
struct birth {
    int error;     /* errno; 0: all the rest is there */
    pid_t child;   /* of this process: to be waited for */
    int pidfd;     /* readable when it has ended */
    int control;   /* its control socket */
    int log;       /* what it writes to standard error */
    unsigned slot; /* its own, until nursery_free */
};

#define NURSERY_DEVICES 3

struct nursery_options {
    unsigned slots;   /* workers at once, at the most */
    uid_t first_user; /* of slot 0; 0: they have this process's */
    struct cgroup *cgroup;
    int device_folder;                    /* cuda_driver_open_folder */
    const char *devices[NURSERY_DEVICES]; /* drivers that a worker is to load (worker/device.h),
                                           * NULL: no more */
};

struct nursery;

/* NULL with errno. `on_birth` is called by the loop, once for each worker wanted. */
struct nursery *nursery_open(uv_loop_t *loop, const struct nursery_options *options, void *owner,
                             void (*on_birth)(void *owner, const struct birth *birth));

/* One more. */
void nursery_want(struct nursery *nursery);

/* A worker that another process started has this slot; false: it is taken, or there is none. */
bool nursery_take(struct nursery *nursery, unsigned slot);

/* The worker of that slot has ended, and has no cgroup any more. */
void nursery_free(struct nursery *nursery, unsigned slot);

#endif
