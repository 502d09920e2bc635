/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio device in memory, as a transport of the driver library: both ring formats, any device
 * type by a handler, and every way to break the rules that a driver has to survive. It checks the
 * driver meanwhile: what the specification forbids counts as a violation and is printed.
 *
 * One thread drives it, or one calls fake_virtio_run in a loop while another is the driver: then
 * what they share is the rings, `kicks` and `interrupts`.
 */
#ifndef TESTS_FAKE_VIRTIO_H
#define TESTS_FAKE_VIRTIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baregpu/virtio.h"

#define FAKE_VIRTIO_QUEUES_MAX 9
#define FAKE_VIRTIO_CONFIG_MAX 256
#define FAKE_VIRTIO_REGIONS_MAX 2

/* A chain that the driver has made available, its segments joined. Writes to `out` reach the driver
 * when the chain is completed, as many bytes as are completed. */
struct fake_virtio_request {
    uint16_t queue;
    const uint8_t *in;
    size_t in_size;
    uint8_t *out;
    size_t out_size;
    /* The device's own business. */
    uint16_t id;
    uint16_t descriptors; /* in the ring */
    unsigned segment_count;
    struct fake_virtio_segment *segments;
};

/* Returns the bytes written to request->out, or FAKE_VIRTIO_HOLD: the request is kept, until
 * fake_virtio_complete. */
#define FAKE_VIRTIO_HOLD UINT32_MAX
typedef uint32_t fake_virtio_handler(void *context, const struct fake_virtio_request *request);

/* How the device tells the driver when to notify it. */
enum fake_virtio_suppression {
    FAKE_VIRTIO_NOTIFY_NEXT,   /* at the next chain: the default */
    FAKE_VIRTIO_NOTIFY_NEVER,  /* as one that polls */
    FAKE_VIRTIO_NOTIFY_FOURTH, /* with EVENT_IDX: when three more have been added before it */
};

/* What is wrong with the next completion. */
enum fake_virtio_misbehaviour {
    FAKE_VIRTIO_GOOD,
    FAKE_VIRTIO_WRONG_ID,       /* beyond the queue's size */
    FAKE_VIRTIO_HUGE_ID,        /* beyond 16 bits, where the format has room for it */
    FAKE_VIRTIO_FREE_ID,        /* of no chain in flight */
    FAKE_VIRTIO_MIDDLE_ID,      /* split: of a chain's second descriptor */
    FAKE_VIRTIO_LONG,           /* one byte more than the chain holds */
    FAKE_VIRTIO_LONGEST,        /* 4 GiB - 1 */
    FAKE_VIRTIO_JUMP,           /* the used index goes on by too much */
    FAKE_VIRTIO_JUMP_BACK,      /* it goes back */
    FAKE_VIRTIO_TWICE,          /* the same chain again */
    FAKE_VIRTIO_SILENCE,        /* nothing */
    FAKE_VIRTIO_RESERVED_FLAGS, /* bits that a driver must ignore */
    FAKE_VIRTIO_SCRIBBLE,       /* the descriptors are overwritten with ones */
    FAKE_VIRTIO_MISBEHAVIOURS,
};

struct fake_virtio_queue {
    struct bg_virtio_queue_layout layout;
    bool is_enabled, is_resetting;
    uint16_t size_max;
    uint16_t available, used; /* split: free-running; packed: offsets */
    bool available_wrap, used_wrap;
    uint16_t expected_descriptor; /* split with IN_ORDER */
    struct fake_virtio_request *held;
    size_t held_count, held_capacity;
    /* Joined segments of the request being handled. */
    struct fake_virtio_segment *segments;
    uint8_t *in, *out;
    size_t in_capacity, out_capacity;
    uint32_t last_notification;
    uint64_t requests, notifications;
};

struct fake_virtio {
    /* To be set before, or at any time. */
    uint64_t offered;
    uint64_t rejected; /* FEATURES_OK is refused when one of these is accepted */
    fake_virtio_handler *handler;
    void *context;
    enum fake_virtio_suppression suppression;
    enum fake_virtio_misbehaviour misbehaviour; /* of the next completion, then GOOD */
    bool waits_for_run;   /* do nothing in the doorbell: the test calls fake_virtio_run */
    bool batches;         /* with IN_ORDER: one used entry for all chains of a run */
    bool is_gone;         /* all reads give ones */
    unsigned reset_reads; /* of the status until a reset is complete */
    unsigned queue_reset_reads;
    bool ignores_queue_reset;
    unsigned config_changes; /* that come in the middle of the next reads */
    uint8_t config[FAKE_VIRTIO_CONFIG_MAX];
    size_t config_size;
    struct bg_virtio_shared_memory regions[FAKE_VIRTIO_REGIONS_MAX]; /* by id; size 0: none */
    /* Called for each interrupt, after it is noted; `queue` -1: the configuration. */
    void (*interrupt)(void *context, int queue);
    void *interrupt_context;

    /* To look at. */
    unsigned queue_count;
    struct fake_virtio_queue queues[FAKE_VIRTIO_QUEUES_MAX];
    uint64_t accepted;
    uint8_t status;
    uint32_t generation;
    unsigned violations; /* of the driver */
    unsigned failures;   /* times that the driver has given up: FAILED */
    uint32_t kicks;      /* doorbells, atomic */
    uint32_t interrupts; /* atomic */
    uint32_t isr;        /* atomic */
    unsigned resets, resets_pending, queue_resets_pending;
};

/* A device that offers `offered` and VERSION_1, with queues of this size. */
void fake_virtio_init(struct fake_virtio *fake, uint64_t offered, unsigned queue_count,
                      uint16_t queue_size, fake_virtio_handler *handler, void *context);

/* Frees what it holds. */
void fake_virtio_end(struct fake_virtio *fake);

/* Opens it for the driver. */
int fake_virtio_open(struct fake_virtio *fake, struct bg_virtio_device *device, uint32_t id);

/* Takes all available chains of all queues; returns how many. */
unsigned fake_virtio_run(struct fake_virtio *fake);

/* Announces that it wants to be notified, and looks once more. Returns true when there is
 * something: then no notification may come, and fake_virtio_run is to be called. */
bool fake_virtio_sleep(struct fake_virtio *fake);

/* Completes the held request `number` (0: the oldest) of a queue. */
void fake_virtio_complete(struct fake_virtio *fake, unsigned queue, size_t number,
                          uint32_t written);

/* Sets DEVICE_NEEDS_RESET. */
void fake_virtio_need_reset(struct fake_virtio *fake);

/* For the device's own parts: an interrupt, for VIRTIO_ISR_* bits; `queue` as above. */
void fake_virtio_interrupt(struct fake_virtio *fake, uint32_t bits, int queue);

/* Something in the configuration has changed. */
void fake_virtio_config_changed(struct fake_virtio *fake);

#endif
