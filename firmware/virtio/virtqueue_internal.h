/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two ring formats share with virtqueue.c. */
#ifndef FIRMWARE_VIRTIO_VIRTQUEUE_INTERNAL_H
#define FIRMWARE_VIRTIO_VIRTQUEUE_INTERNAL_H

#include "baregpu/barrier.h"
#include "baregpu/virtqueue.h"
#include "firmware/common/local_data.h"
#include "firmware/common/owner.h"

#define VIRTQUEUE_NONE 0xFFFFu /* no slot, no table: sizes end at 32768 */

/*
 * A descriptor of a split ring, or a buffer id of a packed one. That of a chain's head (split) or
 * its id (packed) describes the chain. Descriptors in the ring are never read back: the device may
 * have overwritten them.
 */
struct bg_virtqueue_slot {
    void *token;
    uint64_t sequence;    /* the chain's number */
    uint32_t capacity;    /* writable bytes of the chain */
    uint16_t next;        /* in the chain, or in the free list */
    uint16_t last;        /* of the chain; itself in a packed ring */
    uint16_t order_next;  /* the chain added after this one, with IN_ORDER */
    uint16_t descriptors; /* that the chain takes in the ring; 0: no chain in flight starts here */
    uint16_t table;       /* its indirect table, or VIRTQUEUE_NONE */
    uint16_t shared;      /* parts in its shares; 0: none of it is shared */
};

/* What is to be unshared; `memory` NULL: nothing. */
struct bg_virtqueue_share {
    void *memory;
    uint64_t address;
    uint32_t length;
    enum bg_hal_dma_direction direction;
};

/* A chain on its way into the ring: checked, and known to fit. */
struct virtqueue_chain {
    const struct bg_virtqueue_segment *segments;
    unsigned readable, count;
    void *table; /* NULL: an entry per segment */
    uint64_t table_address;
};

/* What the device says that it has used; not checked. */
struct virtqueue_report {
    uint32_t id;
    uint32_t written;
    /* Packed: without WRITE in a used descriptor the length is reserved (2.8.4). QEMU (10.0) never
     * sets it, but does mean the length. So one that is too large is no error then, but 0. */
    bool is_length_sure;
    uint32_t chains_max; /* that it can stand for, with IN_ORDER */
};

struct bg_virtqueue_format {
    /* Sets the three offsets and returns the bytes of the whole. */
    uint64_t (*lay_out)(struct bg_virtqueue *queue, uint32_t legacy_align);
    /* An empty ring in zeroed memory, device notifications off. */
    void (*start)(struct bg_virtqueue *queue);
    /* Takes slots from the free list, writes descriptors, returns the chain's slot; the device does
     * not see them yet. */
    uint16_t (*write)(struct bg_virtqueue *queue, const struct virtqueue_chain *chain);
    /* Makes everything written available. */
    void (*publish)(struct bg_virtqueue *queue);
    /* After publish and a full barrier: must the device be notified? */
    bool (*wants_notification)(struct bg_virtqueue *queue);
    /* next_off and next_wrap of a notification, in 16 bits (2.9). */
    uint16_t (*position)(const struct bg_virtqueue *queue);
    /* Returns 1 and what the device wrote next, 0, or BG_ERR_PROTOCOL. */
    int (*peek)(struct bg_virtqueue *queue, struct virtqueue_report *report);
    /* Goes on behind a chain that has been taken. */
    void (*advance)(struct bg_virtqueue *queue, const struct bg_virtqueue_slot *slot);
    void (*set_notifications)(struct bg_virtqueue *queue, bool is_enabled);
};

/* virtqueue_share.c: shares the parts of a chain whose slot will be the first free one, and puts
 * their addresses into the queue's segments. All of it or, with an error, nothing. */
int virtqueue_share(struct bg_virtqueue *queue, const struct bg_virtqueue_part *parts,
                    unsigned readable, unsigned count);

/* Of one chain; of all that are in flight. */
void virtqueue_unshare(struct bg_virtqueue *queue, uint16_t id);
void virtqueue_unshare_all(struct bg_virtqueue *queue);

extern const struct bg_virtqueue_format virtqueue_format_split LOCAL_DATA;
extern const struct bg_virtqueue_format virtqueue_format_packed LOCAL_DATA;

/*
 * Orders the ring against a device in hardware, where BG_VIRTIO_F_ORDER_PLATFORM asks for it (6):
 * such a device is an observer beyond the domain that load_acquire and store_release order.
 */
static inline void virtqueue_before_publish(const struct bg_virtqueue *queue)
{
    if (queue->is_platform_ordered) {
        bg_barrier_write_outer();
    }
}

static inline void virtqueue_after_acquire(const struct bg_virtqueue *queue)
{
    if (queue->is_platform_ordered) {
        bg_barrier_read_outer();
    }
}

/* What the queue interrupts by now; NULL: nothing, it is polled. */
struct bg_interrupt_source *bg_virtqueue_source(const struct bg_virtqueue *queue);

/* bg_wait_until, as the device's strategy is, with the queue's notifications on while it sleeps and
 * a look at the device's status now and then. `look` polls the queue. */
int bg_virtqueue_wait_until(struct bg_virtqueue *queue, int (*look)(void *context), void *context,
                            uint64_t deadline_ns);

/* Between publishing and looking at what the device published. */
static inline void virtqueue_barrier_full(const struct bg_virtqueue *queue)
{
    if (queue->is_platform_ordered) {
        bg_barrier_full_outer();
    } else {
        bg_barrier_full();
    }
}

#endif
