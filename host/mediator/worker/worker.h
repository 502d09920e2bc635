/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker process: one connection, its session, its GPU context. It has a thread for the socket,
 * which this file is, and one that computes. What differs from one kind of device to the other is
 * a struct worker_kind.
 */
#ifndef MEDIATOR_WORKER_H
#define MEDIATOR_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/mediator/worker/control.h"
#include "host/mediator/worker/lease.h"
#include "host/mediator/worker/limiter.h"
#include "host/mediator/worker/outbox.h"

/* Makes this program a worker; not for people, so not in --help. The names of drivers follow
 * (device.h). */
#define WORKER_ARGUMENT "--internal-worker"

/* The descriptor of the control socket in a worker; everything above it is closed, but for
 * CUDA_DRIVER_FOLDER_FD. */
#define WORKER_CONTROL_FD 3

/* The worker's exit statuses. */
#define WORKER_EXIT_OK 0
#define WORKER_EXIT_FAILED 1 /* could not start, or the supervisor is gone */
#define WORKER_EXIT_FAULT 2  /* the session hit a fault; a FAULT message said which */

#define WORKER_NEVER UINT64_MAX

/* Whether a session draws, and what it needs for that of the sandbox. */
enum worker_drawing {
    WORKER_DRAWS_NOTHING,
    WORKER_DRAWS_ON_CPU,
    WORKER_DRAWS_ON_NVIDIA, /* by that driver's own devices */
    WORKER_DRAWS_ON_DRM,    /* by a render node */
};

struct worker {
    const struct worker_kind *kind;
    /* Set before the threads start, constant after. */
    int connection;
    int control;
    int wake; /* eventfd: there is something for the socket's thread */
    struct control_start start;
    enum worker_drawing drawing;
    const struct jail_path *drawing_files; /* on a GPU: what draws opens of the outside */
    uint64_t shared_size; /* address space beyond the session's memory, at the most */
    int opened;           /* OPENED: the descriptor, or -1 - errno; 0: no answer yet */

    struct lease_ledger ledger; /* has a lock of its own */

    pthread_mutex_t lock;

    /* Under the lock. */
    struct outbox outbox;
    struct control_attached device; /* what the supervisor answered last */
    struct limiter limiter; /* ready with the first answer; whose it is then, the kind says */

    /* The socket's thread's. */
    struct control_attach attach; /* what was asked for last, */
    bool attach_asked, attach_answered;
    uint64_t heard_ns; /* when the supervisor said something */
    bool over;
    int exit_status;
};

/* The thread that computes gets `worker` and its kind's `compute`; all others are called by the
 * socket's thread. `worker` is the first member of what the kind makes of it. */
struct worker_kind {
    enum config_listener_device device;
    struct worker *worker; /* this process's, zeroed */
    bool hands_out_memory; /* makes sealed memory, and takes some */
    bool has_streams;      /* CUDA's, which run beside it */

    /* With the names of drivers, while the worker waits for a connection; NULL: nothing. */
    void (*load)(char *const *devices);
    /* Before the sandbox, and before there is another thread: makes what is needed, outbox_init
     * included; no byte of the peer's is read. What goes wrong is said, and worker_end called. */
    void (*open)(struct worker *worker);
    /* In the sandbox, before the loop; NULL: nothing. */
    void (*greet)(struct worker *worker);
    void *(*compute)(void *worker);

    /* What to poll the connection for (POLLIN or nothing), and until when; with the lock. */
    uint64_t (*begin_wait)(struct worker *worker, short *events);
    /* After each wait: what the connection has, and all that time and the other thread bring. */
    void (*take_events)(struct worker *worker, short events);

    /* The supervisor's messages; all with the lock. */
    void (*take_attached)(struct worker *worker);
    void (*take_grant)(struct worker *worker, bool contended);
    void (*take_revoke)(struct worker *worker);
    void (*take_quarantine)(struct worker *worker, bool quarantined);
    void (*drain)(struct worker *worker);
    void (*fill_statistics)(struct worker *worker, struct control_statistics *statistics);
};

/* Does not return to ordinary work: what it returns is the process's exit status. `devices`: the
 * names of drivers to load, NULL behind the last. */
int worker_main(const struct worker_kind *const *kinds, unsigned count, char *const *devices);

/* The session is over; the first call counts. */
void worker_end(struct worker *worker, int exit_status);

/* Asks the supervisor where this guest may compute. */
void worker_attach(struct worker *worker, uint32_t vm_id, uint8_t pool_id);

/* Takes one message of the supervisor; for `open`, when that waits. */
void worker_read_control(struct worker *worker);

/* Any thread. */
void worker_wake(struct worker *worker);

#endif
