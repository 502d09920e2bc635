/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the two threads of a pvgpu worker share.
 *
 * The consumer never takes the lock per command: it looks at `attention`, which the socket's thread
 * sets bits in, after changing what they are about under the lock, and then signals `kick`.
 */
#ifndef MEDIATOR_PVGPU_STATE_H
#define MEDIATOR_PVGPU_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/mediator/pvgpu/commands.h"
#include "host/mediator/pvgpu/handshake.h"
#include "host/mediator/pvgpu/pending.h"
#include "host/mediator/pvgpu/ring.h"
#include "host/mediator/worker/lease.h"
#include "host/mediator/worker/streams.h"
#include "host/mediator/worker/watch.h"
#include "host/mediator/worker/worker.h"

enum pvgpu_attention {
    PVGPU_ATTENTION_START = 1u << 0,  /* the supervisor said where this session runs */
    PVGPU_ATTENTION_RESET = 1u << 1,  /* reset_request */
    PVGPU_ATTENTION_PAUSE = 1u << 2,  /* pauses, pause_wanted */
    PVGPU_ATTENTION_GRANT = 1u << 3,  /* the lease asked for */
    PVGPU_ATTENTION_REVOKE = 1u << 4, /* others wait for the lease */
    PVGPU_ATTENTION_REFUSE = 1u << 5, /* refusal: this guest is not served (any more) */
    PVGPU_ATTENTION_DRAIN = 1u << 6,  /* finish what is in the ring, then end */
    PVGPU_ATTENTION_SLOT = 1u << 7,   /* a scanout's slot came back */
    PVGPU_ATTENTION_LEASE = PVGPU_ATTENTION_GRANT | PVGPU_ATTENTION_REVOKE,
};

struct pvgpu_worker {
    struct worker base; /* its limiter is the consumer's, after the start */

    struct vulkan *vulkan; /* what the session draws on; NULL: it does not. Constant after greet */

    int kick;                   /* eventfd: for the consumer; constant from the start on */
    struct pvgpu_shared shared; /* constant from START on, before which the consumer does nothing */

    /* Under the lock. */
    uint32_t priority;
    uint32_t reset_request;
    uint32_t pauses;   /* PAUSE messages without an answer */
    bool pause_wanted; /* the last one was PAUSE, not RESUME */
    enum bg_compute_status refusal;
    int exit_status; /* of the session, when finished */

    /* Atomic. */
    uint32_t attention; /* enum pvgpu_attention */
    bool contended;     /* of the last GRANT */
    bool finished;      /* the session has ended; the process follows */
    struct watch watch; /* of what runs */
    bool watched;       /* the socket's thread looks at it by itself */
    uint64_t commands, errors, memory_used, bytes_in, bytes_out; /* for the status */
    uint32_t *cuda_error; /* the guest has CUDA: where it reads what ended it */
    uint32_t no_page;     /* or where nobody does */

    /* The consumer's, after the start. */
    struct pvgpu_ring ring;
    struct pvgpu_context context;
    struct bg_pvgpu_display display;
    struct pvgpu_pending pending;
    struct lease lease;
    bool prepared; /* the GPU has its context, and the shared memory */
    bool paused, draining;
    bool ring_complained;     /* the log has it that the ring could not be read on */
    uint64_t drain_to;        /* the producer's place when the drain began */
    uint64_t present_ns;      /* the time that the present which runs has */
    uint64_t room_since_ns;   /* since when a present waits for a slot; 0: none does */
    bool streams_work;        /* CUDA's did when they were looked at last, or may since */
    uint64_t look_ns;         /* when to look at them again */
    uint64_t look_gap_ns;     /* and how long after that */
    uint64_t turn_ns;         /* when the last command began; 0: something was waited for since */
    struct streams_wait wait; /* of a command, for streams */
    bool naps;                /* nothing came for a while: it only looks at streams */
};

/* The consumer thread. */
void *pvgpu_consumer_main(void *worker);

/* Ends the session by a fault: tells guest, device and supervisor. Any thread. */
void pvgpu_worker_fault(struct pvgpu_worker *worker, enum bg_pvgpu_error code, const char *format,
                        ...) __attribute__((format(printf, 3, 4)));

/* Ends the session because of what the guest's own kernels did, which is nobody's business but its
 * own: tells guest and device. Any thread. */
void pvgpu_worker_lose(struct pvgpu_worker *worker, enum bg_pvgpu_error code, const char *reason);

/* The GPU is lost: by what the guest's kernels did, if it has any, else by a fault. */
void pvgpu_worker_lose_gpu(struct pvgpu_worker *worker);

/* The consumer is done; without a fault. */
void pvgpu_worker_finish(struct pvgpu_worker *worker);

/* Sends the device a message, and takes the descriptor (-1: none). Any thread. */
void pvgpu_worker_send(struct pvgpu_worker *worker, uint32_t type, const void *payload,
                       uint32_t size, int fd);

/* Takes what the supervisor said of the lease. The consumer's thread. */
void pvgpu_worker_take_lease(struct pvgpu_worker *worker);

/* How much of the device's time a command may use. */
uint64_t pvgpu_worker_get_limit_ns(const struct pvgpu_worker *worker);

/* Interrupts the guest, as the device can: PVGPU_IRQ_*. */
void pvgpu_worker_interrupt(struct pvgpu_worker *worker, uint32_t irq);

#endif
