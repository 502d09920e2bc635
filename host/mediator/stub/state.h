/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the two threads of a worker share. Fields are guarded by `lock` unless they say otherwise.
 *
 * The socket's thread (worker.c) reads messages and control messages and watches the clock; both
 * threads run requests (queue.c): the executor any, the socket's thread only those that are
 * over in microseconds, which saves them a thread switch. `running` says that one of them does.
 */
#ifndef MEDIATOR_WORKER_STATE_H
#define MEDIATOR_WORKER_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/mediator/worker/control.h"
#include "host/mediator/stub/request.h"
#include "host/mediator/worker/limiter.h"
#include "host/mediator/stub/mailbox.h"
#include "host/mediator/worker/output.h"

enum worker_lease {
    WORKER_LEASE_NONE,
    WORKER_LEASE_ASKED,
    WORKER_LEASE_HELD,
};

struct worker_request {
    struct mailbox_message header; /* its payload pointer is not used */
    struct executor_plan plan;
    uint32_t priority; /* raised, and within what the tenant may use */
    uint32_t length;
    uint8_t bytes[VGPU_STUB_PAYLOAD_MAX];
};

struct worker {
    /* Set before the threads start, constant after. */
    int connection;
    int control;
    int wake; /* eventfd: the executor has something for the socket's thread */
    struct control_start start;

    pthread_mutex_t lock;
    pthread_cond_t called;
    bool executor_called;

    struct worker_request *queue; /* ring of start.limits.max_queued + 1 */
    uint32_t queue_size, queue_head, queue_count;

    bool running;                  /* `current`, a preparation or a release is under way */
    bool answer_due;               /* what runs is `current`, which has no answer yet */
    const char *doing;             /* what runs, for the log */
    bool abandoned;                /* what runs took too long: its result is dropped */
    uint64_t limit_ns;             /* what runs may take; 0: no limit */
    uint64_t deadline_ns;          /* and when that is over; 0: never */
    struct worker_request current; /* the runner's while running, but for its header */
    struct session *session;       /* the runner's while running */
    bool prepared;                 /* the backend has its context */

    enum worker_lease lease;
    bool lease_used;     /* a request ran since the grant */
    bool release_wanted; /* others wait */

    bool attach_asked, attached;
    bool pool_asked[CONFIG_POOLS];
    struct control_attach identity;
    struct control_attached device;
    bool quarantined;
    struct limiter limiter; /* the socket's thread's */

    struct output output;
    bool finishing;   /* no more requests are taken: answer what there is, then end */
    bool failed;      /* a fault: say so and end */
    char fault[128];  /* which */
    struct control_statistics statistics;
};

/* queue.c; all with the lock held */

/* Room for one more: the caller fills it and calls worker_queue_put. NULL when full. */
struct worker_request *worker_queue_room(struct worker *worker);
void worker_queue_put(struct worker *worker);

/* Runs what can run. in_executor: this thread may compute for long. Drops the lock meanwhile. */
void worker_dispatch(struct worker *worker, bool in_executor);

/* Answers a request with a status alone. */
void worker_answer_status(struct worker *worker, const struct mailbox_message *to,
                          enum compute_status status);

/* Ends the session as faulty: answers what waits with CUDA_ERROR, tells the supervisor. */
void worker_fail(struct worker *worker, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The executor thread; takes the lock itself. */
void *worker_executor(void *worker);

#endif
