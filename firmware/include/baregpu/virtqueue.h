/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtqueues, split and packed: which one a queue is, whether it uses indirect descriptors, in
 * which order the device works, follows from the negotiated features and does not show here.
 *
 * A chain is one buffer of the specification: segments that the device reads, then segments that it
 * writes. The memory behind its segments belongs to the device from bg_virtqueue_add on, until
 * bg_virtqueue_poll (or _wait, or _reclaim) gives the chain's token back; the segment array itself
 * is only read during bg_virtqueue_add.
 *
 * The device is not trusted: ids, lengths and indices that it writes are checked against state that
 * it cannot reach. One that breaks the rules makes the call return BG_ERR_PROTOCOL, and every
 * later one too, until the queue or the device is reset.
 *
 * The caller owns struct bg_virtqueue. Memory comes from the HAL in bg_virtqueue_create and nowhere
 * else. Calls on one queue are not reentrant: one CPU at a time, not from an interrupt handler. An
 * add, kick, poll or wait that comes into another one returns BUSY and does nothing. A
 * queue is passed on, with the chains that are under way, like any memory: after the last call on
 * one CPU comes a release (store_release, a lock's), before the first one on the other the acquire
 * that sees it. Its interrupt stays on the CPU that it was attached for: see baregpu/wait.h.
 * Different queues of a device may be used at the same time, unless the device is one on PCI
 * without a BAR (bg_virtio_pci_open).
 */
#ifndef BAREGPU_VIRTQUEUE_H
#define BAREGPU_VIRTQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baregpu/virtio.h"
#include "protocol/decls.h"

BG_BEGIN_DECLS

/* Memory of bg_hal_dma_alloc, at its bus address. Its length is not 0. */
struct bg_virtqueue_segment {
    uint64_t address;
    uint32_t length; /* bytes */
};

/* A segment of any memory: see bg_virtqueue_add_shared. */
struct bg_virtqueue_part {
    void *memory;     /* shared with the device until the chain comes back; NULL: as a segment, */
    uint64_t address; /* at its bus address */
    uint32_t length;  /* bytes */
};

/* A chain that the device has used. */
struct bg_virtqueue_used {
    void *token;      /* from bg_virtqueue_add */
    uint32_t written; /* bytes, from the start of the first writable segment on; not more than
                       * these segments hold. What lies behind them must not be looked at. */
};

struct bg_virtqueue_options {
    uint16_t index;    /* of the queue in the device */
    uint16_t size_max; /* entries at most; 0: as many as the device offers */
    /*
     * Chains of 2 to this many segments take one entry, by an indirect table, where the device can
     * do that; longer ones take an entry per segment. 0: indirect tables are not used.
     */
    uint16_t indirect_segments;
    uint16_t indirect_tables; /* chains that have one at a time; 0: as many as the queue's size */
    uint16_t shared_parts;    /* of a bg_virtqueue_add_shared, at most; 0: it is not used */
};

struct bg_virtqueue_slot;
struct bg_virtqueue_share;
struct bg_virtqueue_format;

/* Private, but for `device`, `index`, `size`, `capacity` and the counters at the end. */
struct bg_virtqueue {
    struct bg_virtio_device *device;
    const struct bg_hal_dma *dma; /* the device's, when the queue was created */
    const struct bg_virtqueue_format *format;
    uint16_t index;
    uint16_t size;     /* entries */
    uint16_t capacity; /* of those, how many may be in use at once; all, or all but one */
    uint32_t epoch;    /* the device's, when the queue was enabled */
    uint8_t state;
    bool is_event_idx, is_in_order, is_platform_ordered;
    bool is_notify_pending; /* kicked before DRIVER_OK */
    uint32_t owner;         /* the call under way */
    struct bg_virtio_notify_target notify_target;
    struct bg_interrupt_source *source; /* NULL: polled */

    /* Kept from the device: an allocation that it is not told about. */
    struct bg_virtqueue_slot *slots;       /* by descriptor index (split) or buffer id (packed) */
    struct bg_virtqueue_share *shares;     /* shared_parts for each slot: what it has shared */
    struct bg_virtqueue_segment *segments; /* of the chain that is being shared */
    uint16_t *tables_unused;               /* a stack of indirect table numbers */
    uint64_t slots_bytes;
    uint16_t free_first, free_last;   /* slots, first in first out */
    uint16_t order_first, order_last; /* chains in flight, with IN_ORDER */
    uint16_t descriptors_free;
    uint16_t chains_in_flight;
    uint16_t table_count, table_free, table_segments;
    uint16_t shared_parts; /* 0: nothing is shared */
    uint16_t reclaim_next;
    uint64_t sequence;      /* of the next chain; counts from the queue's start */
    uint64_t published;     /* chains from here on have not been made available yet */
    uint64_t batch_end;     /* with IN_ORDER: chains before this one are used */
    uint32_t batch_written; /* length of the last one of them */

    /* The rings, which the device reads and writes, and how far this side is. */
    uint8_t *ring;
    uint64_t ring_address; /* on the bus */
    uint64_t ring_bytes;
    uint64_t driver_offset, device_offset, tables_offset; /* in the ring */
    uint16_t next_used;                                   /* split: free-running; packed: offset */
    uint16_t next_available;                              /* packed: offset */
    bool used_wrap, available_wrap;                       /* packed */
    uint16_t batch_first, batch_first_flags, batch_descriptors; /* packed: not yet published */
    uint16_t published_descriptors;                             /* packed: by the last kick */

    /* Statistics. */
    uint64_t notifications; /* sent to the device */
    uint64_t completions;   /* chains given back by bg_virtqueue_poll */
    uint64_t sleeps;        /* made by bg_virtqueue_wait, and the like of drivers */
};

/*
 * Allocates a queue, tells the device about it and enables it; between bg_virtio_start and
 * bg_virtio_ready. Errors: NOT_FOUND (the device has no such queue), INVALID (options, device not
 * started), NO_MEMORY, PROTOCOL (a size that the specification forbids, a doorbell outside of the
 * device), BUSY (in use already), RANGE (a legacy device cannot reach the memory).
 */
int bg_virtqueue_create(struct bg_virtqueue *queue, struct bg_virtio_device *device,
                        const struct bg_virtqueue_options *options);

/* Frees its memory, and unshares that of chains in flight. The device must have been reset
 * (bg_virtio_reset), or never been ready; else it would go on writing. A queue that
 * bg_virtqueue_create failed for, or all zeroes, is fine. */
void bg_virtqueue_destroy(struct bg_virtqueue *queue);

/* ---- Giving chains to the device ---- */

/*
 * Adds a chain: `segments` holds the `readable` ones, then the `writable` ones. The device does not
 * see it before bg_virtqueue_kick. `token` is what bg_virtqueue_poll returns for it. Errors, all
 * without effect: NO_SPACE (not enough free entries: poll, then try again), TOO_LARGE (more
 * segments than queue->capacity, or more than 4 GiB - 1 byte in all), INVALID (no segment, or an
 * empty one; queue not enabled), PROTOCOL.
 */
int bg_virtqueue_add(struct bg_virtqueue *queue, const struct bg_virtqueue_segment *segments,
                     unsigned readable, unsigned writable, void *token);

/*
 * The same for memory that did not come from bg_hal_dma_alloc: each part with `memory` is shared
 * with the device (struct bg_hal_dma), for reading or for writing, and unshared when the chain is
 * given back, by bg_virtqueue_poll or _reclaim, or forgotten, by bg_virtqueue_restart or _destroy.
 * Until then the CPU does not touch it. Further errors, without effect: UNSUPPORTED (shared_parts
 * was 0, or the device's dma cannot share), TOO_LARGE (more than shared_parts), and what share
 * returns: NO_MEMORY, INVALID.
 */
int bg_virtqueue_add_shared(struct bg_virtqueue *queue, const struct bg_virtqueue_part *parts,
                            unsigned readable, unsigned writable, void *token);

/*
 * Makes all chains added since the last call available, and notifies the device once if it wants to
 * be. Before bg_virtio_ready no notification may be sent: the chains are made available, and the
 * first call after it notifies. Returns 1 if it notified, 0 if not, or INVALID or PROTOCOL.
 */
int bg_virtqueue_kick(struct bg_virtqueue *queue);

/* ---- Taking them back ---- */

/* Returns 1 and a chain that the device has used, 0 when there is none now, or INVALID, PROTOCOL.
 * The chain's memory belongs to the caller again. */
int bg_virtqueue_poll(struct bg_virtqueue *queue, struct bg_virtqueue_used *used);

/*
 * As bg_virtqueue_poll, but waits, as device->wait says: by polling through bg_hal_wait, or asleep
 * between the device's notifications, which are on only while it sleeps. Looks at the device's
 * status every millisecond, and after each nap. Returns 1, or TIMEOUT at `deadline_ns`
 * (bg_hal_time_ns), or what bg_virtqueue_poll or bg_virtio_check returns. After a TIMEOUT the chain
 * still belongs to the device.
 */
int bg_virtqueue_wait(struct bg_virtqueue *queue, struct bg_virtqueue_used *used,
                      uint64_t deadline_ns);

/* ---- Notifications from the device; off after bg_virtqueue_create ---- */

/*
 * Asks for a notification when the device uses the next chain. Returns true when bg_virtqueue_poll
 * has something to say already, a chain or an error: then no notification may come for it. Ask
 * again after each one.
 */
bool bg_virtqueue_enable_notifications(struct bg_virtqueue *queue);

/* A hint: the device may still send some. */
void bg_virtqueue_disable_notifications(struct bg_virtqueue *queue);

/* ---- Counts ---- */

/* Segments that a chain may have now for bg_virtqueue_add not to return NO_SPACE, without an
 * indirect table. */
static inline unsigned bg_virtqueue_free(const struct bg_virtqueue *queue)
{
    return queue->descriptors_free;
}

/* Chains added and not yet given back, kicked or not. */
static inline unsigned bg_virtqueue_in_flight(const struct bg_virtqueue *queue)
{
    return queue->chains_in_flight;
}

/* ---- Resetting ---- */

/*
 * Resets this queue alone (2.6.1) and waits for it: then the device uses none of its chains any
 * more. Take them back with bg_virtqueue_reclaim, then call bg_virtqueue_restart. Also for a queue
 * that returned PROTOCOL. Errors: UNSUPPORTED (BG_VIRTIO_F_RING_RESET is not negotiated, or the
 * device ignores it, as QEMU's do over MMIO; the queue goes on as before), INVALID (not enabled),
 * TIMEOUT (nothing may be reused; every call on the queue returns PROTOCOL).
 */
int bg_virtqueue_reset(struct bg_virtqueue *queue, uint64_t deadline_ns);

/*
 * After bg_virtqueue_reset, or after bg_virtio_reset or bg_virtio_start of the device: returns 1
 * and the token of a chain that was not used, 0 when there is none left. INVALID while the device
 * may use them.
 */
int bg_virtqueue_reclaim(struct bg_virtqueue *queue, void **token);

/*
 * Enables the queue again, empty and in the same memory, after bg_virtqueue_reset or
 * bg_virtio_start. Chains that were not reclaimed are forgotten, their memory unshared. Errors:
 * INVALID (the queue is enabled; the device is not started; the features changed in a way that
 * needs another layout: create it anew), PROTOCOL (the device's limit is smaller than before),
 * BUSY.
 */
int bg_virtqueue_restart(struct bg_virtqueue *queue);

BG_END_DECLS

#endif
