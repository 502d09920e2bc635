/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the two threads of a vgpu-stub's worker share. Fields are guarded by the worker's lock
 * unless they say otherwise.
 *
 * The socket's thread (worker.c) reads messages and watches the clock; both threads run requests
 * (queue.c): the executor any, the socket's thread only those that are over in microseconds, which
 * saves them a thread switch. `running` says that one of them does.
 */
#ifndef MEDIATOR_STUB_STATE_H
#define MEDIATOR_STUB_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/mediator/stub/mailbox.h"
#include "host/mediator/stub/request.h"
#include "host/mediator/worker/lease.h"
#include "host/mediator/worker/streams.h"
#include "host/mediator/worker/watch.h"
#include "host/mediator/worker/worker.h"

struct stub_request {
    struct mailbox_message header; /* its payload pointer is not used */
    struct request_plan plan;
    uint32_t priority; /* raised, and within what the listener allows */
    uint32_t length;
    uint8_t bytes[BG_VGPU_STUB_PAYLOAD_MAX];
};

struct stub_worker {
    struct worker base; /* its limiter is the socket's thread's */

    pthread_cond_t called;
    bool executor_called;

    struct stub_request *queue; /* ring of start.limits.max_queued + 1 */
    uint32_t queue_size, queue_head, queue_count;

    bool running;                /* `current`, a preparation or a release is under way */
    bool answer_due;             /* what runs is `current`, which has no answer yet */
    const char *doing;           /* what runs, for the log */
    bool abandoned;              /* what runs took too long: its result is dropped */
    struct watch watch;          /* of what the executor runs; its own words are not the lock's */
    uint64_t look_ns;            /* the socket thread's: when to look at it again */
    struct stub_request current; /* the runner's while running, but for its header */
    struct session *session;     /* the runner's while running */
    bool has_cuda;               /* the session has CUDA, */
    struct streams_wait wait;    /* the runner's: of a request, for streams */
    bool streams_work;           /* whose streams had work after the last request */
    bool prepared;               /* the GPU has its context */
    struct lease lease;

    bool attach_asked, attached;
    bool pool_asked[CONFIG_POOLS];
    struct control_attach identity;
    bool quarantined;

    bool finishing;  /* no more requests are taken: answer what there is, then end */
    bool failed;     /* a fault: say so and end */
    char fault[128]; /* which */
    struct control_statistics statistics;
};

/* queue.c; all with the lock held */

/* Room for one more: the caller fills it and calls stub_queue_put. NULL when full. */
struct stub_request *stub_queue_room(struct stub_worker *worker);
void stub_queue_put(struct stub_worker *worker);

/* Runs what can run. in_executor: this thread may compute for long. Drops the lock meanwhile. */
void stub_dispatch(struct stub_worker *worker, bool in_executor);

/* The lease was granted or revoked: goes on, and tells the executor. */
void stub_take_lease(struct stub_worker *worker);

/* Answers a request with a status alone. */
void stub_answer_status(struct stub_worker *worker, const struct mailbox_message *to,
                        enum bg_compute_status status);

/* Ends the session as faulty: answers what waits with CUDA_ERROR, tells the supervisor. */
void stub_fail(struct stub_worker *worker, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The executor thread; takes the lock itself. */
void *stub_executor_main(void *worker);

#endif
