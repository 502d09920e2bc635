/* SPDX-License-Identifier: BSD-2-Clause */
/* Split virtqueues (virtio 1.4, 2.7). */
#include "firmware/virtio/virtqueue_internal.h"

/* Driver and device write to different cache lines. */
#define CACHE_LINE 64u

static struct bg_virtq_desc *descriptor_table(const struct bg_virtqueue *queue)
{
    return (struct bg_virtq_desc *)queue->ring;
}

static struct bg_virtq_avail *available_ring(const struct bg_virtqueue *queue)
{
    return (struct bg_virtq_avail *)(queue->ring + queue->driver_offset);
}

static struct bg_virtq_used *used_ring(const struct bg_virtqueue *queue)
{
    return (struct bg_virtq_used *)(queue->ring + queue->device_offset);
}

/* Behind the rings (2.7.6, 2.7.8), with EVENT_IDX. */
static uint16_t *used_event(const struct bg_virtqueue *queue)
{
    return &available_ring(queue)->ring[queue->size];
}

static const uint16_t *avail_event(const struct bg_virtqueue *queue)
{
    return (const uint16_t *)&used_ring(queue)->ring[queue->size];
}

static uint64_t align_up(uint64_t value, uint64_t align)
{
    return (value + align - 1) & ~(align - 1);
}

/* The order of 2.7.2, which a legacy device requires and any other takes. */
static uint64_t lay_out(struct bg_virtqueue *queue, uint32_t legacy_align)
{
    uint64_t size = queue->size;

    queue->driver_offset = size * sizeof(struct bg_virtq_desc);
    queue->device_offset = align_up(queue->driver_offset + sizeof(struct bg_virtq_avail) +
                                        (size + 1) * sizeof(uint16_t),
                                    legacy_align != 0 ? legacy_align : CACHE_LINE);
    return queue->device_offset + sizeof(struct bg_virtq_used) +
           size * sizeof(struct bg_virtq_used_elem) + sizeof(uint16_t);
}

static void set_notifications(struct bg_virtqueue *queue, bool is_enabled)
{
    if (queue->is_event_idx) {
        /* 2.7.7: notify when the entry at this index is written; flags stay 0. One that lies
         * just behind means not for the next 65535. */
        uint16_t event = is_enabled ? queue->next_used : (uint16_t)(queue->next_used - 1);

        bg_store_release16(used_event(queue), event);
    } else {
        bg_store_release16(&available_ring(queue)->flags,
                           is_enabled ? 0 : BG_VIRTQ_AVAIL_F_NO_INTERRUPT);
    }
}

static void start(struct bg_virtqueue *queue)
{
    set_notifications(queue, false);
}

/* ---- Adding ---- */

/* The i-th of a chain; `next` follows it. */
static struct bg_virtq_desc descriptor_of(const struct virtqueue_chain *chain, unsigned i,
                                          unsigned next)
{
    bool is_last = i + 1 == chain->count;

    return (struct bg_virtq_desc){
        .addr = chain->segments[i].address,
        .len = chain->segments[i].length,
        .flags = (i < chain->readable ? 0 : BG_VIRTQ_DESC_F_WRITE) |
                 (is_last ? 0 : BG_VIRTQ_DESC_F_NEXT),
        .next = is_last ? 0 : (uint16_t)next,
    };
}

static void write_indirect(const struct virtqueue_chain *chain)
{
    struct bg_virtq_desc *table = chain->table;

    for (unsigned i = 0; i < chain->count; i++) {
        table[i] = descriptor_of(chain, i, i + 1); /* in sequence (2.7.5.3.1) */
    }
}

/* Descriptors come from the free list in the order in which they were freed: with IN_ORDER that is
 * the ring's order, as 2.7.5 demands. */
static uint16_t write_direct(struct bg_virtqueue *queue, const struct virtqueue_chain *chain)
{
    struct bg_virtq_desc *table = descriptor_table(queue);
    uint16_t head = queue->free_first, id = head, last = head;

    for (unsigned i = 0; i < chain->count; i++) {
        uint16_t next = queue->slots[id].next;

        table[id] = descriptor_of(chain, i, next);
        last = id;
        id = next;
    }
    queue->free_first = id;
    queue->slots[head].last = last;
    return head;
}

static uint16_t write(struct bg_virtqueue *queue, const struct virtqueue_chain *chain)
{
    uint16_t head = queue->free_first;

    if (chain->table != NULL) {
        write_indirect(chain);
        queue->free_first = queue->slots[head].next;
        queue->slots[head].last = head;
        descriptor_table(queue)[head] = (struct bg_virtq_desc){
            .addr = chain->table_address,
            .len = (uint32_t)(chain->count * sizeof(struct bg_virtq_desc)),
            .flags = BG_VIRTQ_DESC_F_INDIRECT,
        };
    } else {
        write_direct(queue, chain);
    }
    /* Size is a power of 2, and a chain's place in the ring is its number (2.7.13.2). */
    available_ring(queue)->ring[queue->sequence & (queue->size - 1u)] = head;
    return head;
}

static void publish(struct bg_virtqueue *queue)
{
    /* 2.7.13.3.1: descriptors and ring entries are seen before the index that promises them. */
    virtqueue_before_publish(queue);
    bg_store_release16(&available_ring(queue)->idx, (uint16_t)queue->sequence);
}

static bool wants_notification(struct bg_virtqueue *queue)
{
    if (queue->is_event_idx) {
        /* 2.7.10.1: the entry that the device waits for is among those published now. */
        uint16_t event = bg_load_once16(avail_event(queue));
        uint16_t now = (uint16_t)queue->sequence, before = (uint16_t)queue->published;

        return (uint16_t)(now - event - 1) < (uint16_t)(now - before);
    }
    return !(bg_load_once16(&used_ring(queue)->flags) & BG_VIRTQ_USED_F_NO_NOTIFY);
}

static uint16_t position(const struct bg_virtqueue *queue)
{
    return (uint16_t)queue->sequence;
}

/* ---- Taking back ---- */

static int peek(struct bg_virtqueue *queue, struct virtqueue_report *report)
{
    const struct bg_virtq_used *used = used_ring(queue);
    /* 2.7.8.2: the device sets the entry before the index; so we read the index before it. */
    uint16_t pending = (uint16_t)(bg_load_acquire16(&used->idx) - queue->next_used);
    uint64_t unpublished = queue->sequence - queue->published;

    if (pending == 0) {
        return 0;
    }
    if (pending > queue->chains_in_flight - unpublished) {
        return BG_ERR_PROTOCOL;
    }
    virtqueue_after_acquire(queue);
    const struct bg_virtq_used_elem *element = &used->ring[queue->next_used & (queue->size - 1u)];

    report->id = bg_load_once32(&element->id);
    report->written = bg_load_once32(&element->len);
    report->is_length_sure = true;
    report->chains_max = pending;
    return 1;
}

static void advance(struct bg_virtqueue *queue, const struct bg_virtqueue_slot *slot)
{
    (void)slot;
    queue->next_used++;
}

const struct bg_virtqueue_format virtqueue_format_split = {
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
