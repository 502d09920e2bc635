/* SPDX-License-Identifier: BSD-2-Clause */
/* Packed virtqueues (virtio 1.4, 2.8). */
#include "firmware/virtio/virtqueue_internal.h"

/* The two event structures lie on cache lines of their own: each side writes one. */
#define CACHE_LINE 64u

static struct bg_pvirtq_desc *descriptor_ring(const struct bg_virtqueue *queue)
{
    return (struct bg_pvirtq_desc *)queue->ring;
}

static struct bg_pvirtq_event_suppress *driver_event(const struct bg_virtqueue *queue)
{
    return (struct bg_pvirtq_event_suppress *)(queue->ring + queue->driver_offset);
}

static const struct bg_pvirtq_event_suppress *device_event(const struct bg_virtqueue *queue)
{
    return (const struct bg_pvirtq_event_suppress *)(queue->ring + queue->device_offset);
}

static uint64_t lay_out(struct bg_virtqueue *queue, uint32_t legacy_align)
{
    uint64_t bytes = queue->size * sizeof(struct bg_pvirtq_desc);

    (void)legacy_align; /* a legacy device has split rings only */
    queue->driver_offset = (bytes + CACHE_LINE - 1) & ~(uint64_t)(CACHE_LINE - 1);
    queue->device_offset = queue->driver_offset + CACHE_LINE;
    return queue->device_offset + CACHE_LINE;
}

static void set_notifications(struct bg_virtqueue *queue, bool is_enabled)
{
    struct bg_pvirtq_event_suppress *event = driver_event(queue);
    uint16_t flags = BG_RING_EVENT_FLAGS_DISABLE;

    if (is_enabled && queue->is_event_idx) {
        /* Offset before flags: the device that sees DESC sees the offset (2.8.10). */
        uint16_t wrap = (uint16_t)(queue->used_wrap << BG_RING_EVENT_WRAP_SHIFT);

        bg_store_release16(&event->off_wrap, queue->next_used | wrap);
        flags = BG_RING_EVENT_FLAGS_DESC;
    } else if (is_enabled) {
        flags = BG_RING_EVENT_FLAGS_ENABLE;
    }
    bg_store_release16(&event->flags, flags);
}

static void start(struct bg_virtqueue *queue)
{
    queue->next_available = 0;
    queue->batch_descriptors = 0;
    queue->available_wrap = queue->used_wrap = true; /* 2.8.1 */
    set_notifications(queue, false);
}

/* ---- Adding ---- */

static void write_indirect(const struct virtqueue_chain *chain)
{
    struct bg_pvirtq_desc *table = chain->table;

    for (unsigned i = 0; i < chain->count; i++) {
        table[i] = (struct bg_pvirtq_desc){
            .addr = chain->segments[i].address,
            .len = chain->segments[i].length,
            .flags = i < chain->readable ? 0 : BG_VIRTQ_DESC_F_WRITE, /* no other (2.8.7) */
        };
    }
}

/* Sets all of the next descriptor but its flags, and returns them: with AVAIL as the wrap counter
 * and USED as its inverse (2.8.1). */
static uint16_t write_descriptor(struct bg_virtqueue *queue, uint64_t address, uint32_t length,
                                 uint16_t id, uint16_t flags)
{
    struct bg_pvirtq_desc *descriptor = &descriptor_ring(queue)[queue->next_available];

    descriptor->addr = address;
    descriptor->len = length;
    descriptor->id = id;
    flags |= queue->available_wrap ? BG_VIRTQ_DESC_F_AVAIL : BG_VIRTQ_DESC_F_USED;
    queue->next_available++;
    if (queue->next_available == queue->size) {
        queue->next_available = 0;
        queue->available_wrap = !queue->available_wrap;
    }
    return flags;
}

/*
 * A chain's first descriptor becomes available after all others of the chain (2.8.17); that of the
 * first chain of a batch in publish, so the device, which goes in order, sees the batch at once.
 */
static void write_first_flags(struct bg_virtqueue *queue, uint16_t first, uint16_t flags)
{
    if (queue->batch_descriptors == 0) {
        queue->batch_first = first;
        queue->batch_first_flags = flags;
    } else {
        virtqueue_before_publish(queue);
        bg_store_release16(&descriptor_ring(queue)[first].flags, flags);
    }
}

static void write_direct(struct bg_virtqueue *queue, const struct virtqueue_chain *chain,
                         uint16_t id)
{
    uint16_t first = queue->next_available, first_flags = 0;

    for (unsigned i = 0; i < chain->count; i++) {
        uint16_t at = queue->next_available;
        uint16_t flags = (i < chain->readable ? 0 : BG_VIRTQ_DESC_F_WRITE) |
                         (i + 1 < chain->count ? BG_VIRTQ_DESC_F_NEXT : 0);

        flags = write_descriptor(queue, chain->segments[i].address, chain->segments[i].length, id,
                                 flags);
        if (i == 0) {
            first_flags = flags;
        } else {
            descriptor_ring(queue)[at].flags = flags;
        }
    }
    write_first_flags(queue, first, first_flags);
    queue->batch_descriptors += (uint16_t)chain->count;
}

static uint16_t write(struct bg_virtqueue *queue, const struct virtqueue_chain *chain)
{
    uint16_t id = queue->free_first;

    queue->free_first = queue->slots[id].next;
    queue->slots[id].last = id;
    if (chain->table != NULL) {
        uint16_t first = queue->next_available;
        uint32_t length = (uint32_t)(chain->count * sizeof(struct bg_pvirtq_desc));

        write_indirect(chain);
        write_first_flags(
            queue, first,
            write_descriptor(queue, chain->table_address, length, id, BG_VIRTQ_DESC_F_INDIRECT));
        queue->batch_descriptors++;
    } else {
        write_direct(queue, chain, id);
    }
    return id;
}

static void publish(struct bg_virtqueue *queue)
{
    /* 2.8.21.1.1: the descriptors are seen before the flags that make them available. */
    virtqueue_before_publish(queue);
    bg_store_release16(&descriptor_ring(queue)[queue->batch_first].flags, queue->batch_first_flags);
    queue->published_descriptors = queue->batch_descriptors;
    queue->batch_descriptors = 0;
}

static bool wants_notification(struct bg_virtqueue *queue)
{
    /* Flags before offset, as the device writes them the other way round. */
    uint16_t flags = bg_load_acquire16(&device_event(queue)->flags) & BG_RING_EVENT_FLAGS_MASK;

    if (flags != BG_RING_EVENT_FLAGS_DESC || !queue->is_event_idx) {
        return flags != BG_RING_EVENT_FLAGS_DISABLE; /* the reserved value: better too often */
    }
    /* 2.8.10: the descriptor that the device waits for is among those published now. In positions
     * relative to the current wrap; one of the wrap before lies a ring's length back. */
    uint16_t off_wrap = bg_load_once16(&device_event(queue)->off_wrap);
    uint16_t event = off_wrap & BG_RING_EVENT_OFFSET_MASK;
    uint16_t now = queue->next_available;

    if ((off_wrap >> BG_RING_EVENT_WRAP_SHIFT) != queue->available_wrap) {
        event -= queue->size;
    }
    return (uint16_t)(now - event - 1) < queue->published_descriptors;
}

static uint16_t position(const struct bg_virtqueue *queue)
{
    return queue->next_available | (uint16_t)(queue->available_wrap << BG_RING_EVENT_WRAP_SHIFT);
}

/* ---- Taking back ---- */

static int peek(struct bg_virtqueue *queue, struct virtqueue_report *report)
{
    const struct bg_pvirtq_desc *descriptor = &descriptor_ring(queue)[queue->next_used];
    /* 2.8.22: id and length are read after the flags that say that they are there. */
    uint16_t flags = bg_load_acquire16(&descriptor->flags);
    bool is_available = flags & BG_VIRTQ_DESC_F_AVAIL, is_used = flags & BG_VIRTQ_DESC_F_USED;

    if (is_available != queue->used_wrap || is_used != queue->used_wrap) {
        return 0;
    }
    virtqueue_after_acquire(queue);
    report->id = bg_load_once16(&descriptor->id);
    report->written = bg_load_once32(&descriptor->len);
    report->is_length_sure = flags & BG_VIRTQ_DESC_F_WRITE;
    report->chains_max = queue->chains_in_flight;
    return 1;
}

static void advance(struct bg_virtqueue *queue, const struct bg_virtqueue_slot *slot)
{
    /* 2.8.6: over all descriptors of the chain. */
    uint32_t next = (uint32_t)queue->next_used + slot->descriptors;

    if (next >= queue->size) {
        next -= queue->size;
        queue->used_wrap = !queue->used_wrap;
    }
    queue->next_used = (uint16_t)next;
}

const struct bg_virtqueue_format virtqueue_format_packed = {
    .lay_out = lay_out,
    .start = start,
    .write = write,
    .publish = publish,
    .wants_notification = wants_notification,
    .position = position,
    .peek = peek,
    .advance = advance,
    .set_notifications = set_notifications,
};
