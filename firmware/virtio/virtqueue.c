/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtqueues: what both ring formats have in common, and all checks of what the device says. */
#include "baregpu/virtqueue.h"

#include "baregpu/virtio_interrupt.h"
#include "firmware/common/mem.h"
#include "firmware/virtio/virtqueue_internal.h"

#define LEGACY_PAGE 4096u /* 2.7.2, 4.2.4 */
#define RING_ALIGN 64u    /* more than the 16 of a descriptor: whole cache lines */
#define SLOTS_ALIGN 64u

/* QEMU (10.0 to 10.2, virtqueue_ordered_fill) takes a packed ring with IN_ORDER that is full to the
 * last entry for an empty one, and never completes it. */
#define FULL_RING_RESERVE 1u

/* Between two looks at the status of a device that is silent: rare enough to cost nothing. */
#define HEALTH_PERIOD_NS 1000000u

enum queue_state {
    QUEUE_NONE,    /* not created */
    QUEUE_ENABLED, /* the device may use it */
    QUEUE_BROKEN,  /* the same, but it broke the rules */
    QUEUE_STOPPED, /* reset by bg_virtqueue_reset */
};

/* A reset of the whole device ends what a queue was. */
static bool is_dead(const struct bg_virtqueue *queue)
{
    return queue->state == QUEUE_STOPPED ||
           (queue->state != QUEUE_NONE && queue->epoch != queue->device->epoch);
}

/* Of each add, kick and poll: so the good case comes first. */
static int check_usable(const struct bg_virtqueue *queue)
{
    if (queue->state == QUEUE_ENABLED && queue->epoch == queue->device->epoch) {
        return 0;
    }
    return queue->state == QUEUE_BROKEN && !is_dead(queue) ? BG_ERR_PROTOCOL : BG_ERR_INVALID;
}

static int break_queue(struct bg_virtqueue *queue)
{
    queue->state = QUEUE_BROKEN;
    return BG_ERR_PROTOCOL;
}

static bool is_power_of_2(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* ---- Creating ---- */

/* The queue's size, or an error. */
static int choose_size(struct bg_virtio_device *device, const struct bg_virtqueue_options *options)
{
    uint32_t size = device->ops->queue_size_max(device, options->index);

    if (size == 0) {
        return BG_ERR_NOT_FOUND;
    }
    if (size > BG_VIRTQ_SIZE_MAX) {
        return BG_ERR_PROTOCOL;
    }
    bool is_split = !bg_virtio_has_feature(device, BG_VIRTIO_F_RING_PACKED);

    if (is_split && !is_power_of_2(size)) {
        return BG_ERR_PROTOCOL; /* 2.7 */
    }
    if (options->size_max != 0 && options->size_max < size) {
        size = options->size_max;
        while (is_split && !is_power_of_2(size)) {
            size &= size - 1;
        }
    }
    return (int)size;
}

static void take_features(struct bg_virtqueue *queue)
{
    struct bg_virtio_device *device = queue->device;

    queue->format = bg_virtio_has_feature(device, BG_VIRTIO_F_RING_PACKED)
                        ? &virtqueue_format_packed
                        : &virtqueue_format_split;
    queue->is_event_idx = bg_virtio_has_feature(device, BG_VIRTIO_F_EVENT_IDX);
    queue->is_in_order = bg_virtio_has_feature(device, BG_VIRTIO_F_IN_ORDER);
    queue->is_platform_ordered = bg_virtio_has_feature(device, BG_VIRTIO_F_ORDER_PLATFORM);
    queue->capacity = queue->size;
    if (queue->format == &virtqueue_format_packed && queue->is_in_order && queue->size > 1) {
        queue->capacity -= FULL_RING_RESERVE;
    }
}

static uint32_t legacy_align(const struct bg_virtqueue *queue)
{
    return queue->device->is_legacy ? LEGACY_PAGE : 0;
}

static int allocate(struct bg_virtqueue *queue)
{
    uint64_t address, align = legacy_align(queue) != 0 ? LEGACY_PAGE : RING_ALIGN;

    queue->ring_bytes = queue->format->lay_out(queue, legacy_align(queue));
    queue->tables_offset = (queue->ring_bytes + RING_ALIGN - 1) & ~(uint64_t)(RING_ALIGN - 1);
    if (queue->table_count != 0) {
        queue->ring_bytes = queue->tables_offset + (uint64_t)queue->table_count *
                                                       queue->table_segments *
                                                       sizeof(struct bg_virtq_desc);
    }
    uint64_t share_count = (uint64_t)queue->size * queue->shared_parts;

    queue->slots_bytes = (uint64_t)queue->size * sizeof(struct bg_virtqueue_slot) +
                         share_count * sizeof(struct bg_virtqueue_share) +
                         queue->shared_parts * sizeof(struct bg_virtqueue_segment) +
                         (uint64_t)queue->table_count * sizeof(uint16_t);
    queue->ring = bg_hal_dma_alloc(queue->ring_bytes, align, &queue->ring_address);
    queue->slots = bg_hal_dma_alloc(queue->slots_bytes, SLOTS_ALIGN, &address);
    if (queue->ring == NULL || queue->slots == NULL) {
        return BG_ERR_NO_MEMORY;
    }
    queue->shares = (struct bg_virtqueue_share *)(queue->slots + queue->size);
    queue->segments = (struct bg_virtqueue_segment *)(queue->shares + share_count);
    queue->tables_unused = (uint16_t *)(queue->segments + queue->shared_parts);
    return 0;
}

/* An empty queue: all slots free and in order, all tables free. */
static void clear(struct bg_virtqueue *queue)
{
    virtqueue_unshare_all(queue);
    memset(queue->ring, 0,
           queue->tables_offset < queue->ring_bytes ? queue->tables_offset : queue->ring_bytes);
    memset(queue->slots, 0, queue->slots_bytes);
    for (uint32_t i = 0; i < queue->size; i++) {
        queue->slots[i].next = (uint16_t)(i + 1);
        queue->slots[i].table = VIRTQUEUE_NONE;
    }
    for (uint32_t i = 0; i < queue->table_count; i++) {
        queue->tables_unused[i] = (uint16_t)i;
    }
    queue->table_free =
        bg_virtio_has_feature(queue->device, BG_VIRTIO_F_INDIRECT_DESC) ? queue->table_count : 0;
    queue->free_first = 0;
    queue->free_last = queue->size - 1;
    queue->slots[queue->free_last].next = VIRTQUEUE_NONE;
    queue->descriptors_free = queue->capacity;
    queue->chains_in_flight = 0;
    queue->reclaim_next = 0;
    queue->sequence = queue->published = queue->batch_end = 0;
    queue->next_used = 0;
    queue->is_notify_pending = false;
    queue->format->start(queue);
}

/*
 * Gives the queue what it interrupts by; before it is enabled. Without MSI-X that is the line, and
 * nothing is to be told to the device. Without resources for a vector of its own it may share the
 * one of configuration changes; without even that it is polled (4.1.5.1.2).
 */
static void map_vector(struct bg_virtqueue *queue)
{
    struct bg_virtio_device *device = queue->device;
    struct bg_virtio_interrupt *interrupt = device->interrupt;

    queue->source = NULL;
    if (interrupt == NULL || interrupt->kind == BG_PCI_INTERRUPT_NONE) {
        return;
    }
    unsigned last = interrupt->options.vector_count - 1;
    unsigned vector = queue->index < last ? BG_VIRTIO_INTERRUPT_QUEUE(queue->index) : last;

    for (;; vector = BG_VIRTIO_INTERRUPT_CONFIG) {
        struct bg_pci_interrupt_vector *chosen = &interrupt->options.vectors[vector];

        if (interrupt->kind != BG_PCI_INTERRUPT_MSIX ||
            device->ops->set_queue_vector(device, queue->index, chosen->entry)) {
            queue->source = &chosen->source;
            return;
        }
        interrupt->refused++;
        if (vector == BG_VIRTIO_INTERRUPT_CONFIG) {
            return;
        }
    }
}

/* After bg_virtio_interrupt_close the vectors are the caller's again: then nothing is found in
 * them. */
struct bg_interrupt_source *bg_virtqueue_source(const struct bg_virtqueue *queue)
{
    const struct bg_virtio_interrupt *interrupt = queue->device->interrupt;

    if (interrupt == NULL || queue->source == NULL) {
        return NULL;
    }
    uintptr_t first = (uintptr_t)interrupt->options.vectors;
    uintptr_t end = (uintptr_t)(interrupt->options.vectors + interrupt->options.vector_count);
    uintptr_t source = (uintptr_t)queue->source;

    return source >= first && source < end ? queue->source : NULL;
}

static int enable(struct bg_virtqueue *queue)
{
    const struct bg_virtio_queue_layout layout = {
        .size = queue->size,
        .descriptor_address = queue->ring_address,
        .driver_address = queue->ring_address + queue->driver_offset,
        .device_address = queue->ring_address + queue->device_offset,
        .legacy_align = legacy_align(queue),
    };

    clear(queue);
    map_vector(queue);
    int error = queue->device->ops->queue_enable(queue->device, queue->index, &layout,
                                                 &queue->notify_target);

    if (error == 0) {
        queue->state = QUEUE_ENABLED;
        queue->epoch = queue->device->epoch;
    }
    return error;
}

static bool is_negotiated(const struct bg_virtio_device *device)
{
    uint8_t needed =
        BG_VIRTIO_STATUS_DRIVER | (device->is_legacy ? 0 : BG_VIRTIO_STATUS_FEATURES_OK);

    return (device->status & (needed | BG_VIRTIO_STATUS_FAILED)) == needed;
}

int bg_virtqueue_create(struct bg_virtqueue *queue, struct bg_virtio_device *device,
                        const struct bg_virtqueue_options *options)
{
    memset(queue, 0, sizeof(*queue));
    if (!is_negotiated(device) || options->indirect_segments > BG_VIRTQ_SIZE_MAX ||
        options->indirect_tables > BG_VIRTQ_SIZE_MAX || options->shared_parts > BG_VIRTQ_SIZE_MAX) {
        return BG_ERR_INVALID;
    }
    int size = choose_size(device, options);

    if (size < 0) {
        return size;
    }
    queue->device = device;
    queue->index = options->index;
    queue->size = (uint16_t)size;
    queue->dma = device->dma;
    if (queue->dma != NULL && queue->dma->share != NULL) {
        queue->shared_parts = options->shared_parts;
    }
    take_features(queue);
    if (options->indirect_segments > 1 &&
        bg_virtio_has_feature(device, BG_VIRTIO_F_INDIRECT_DESC)) {
        /* No chain is longer than the queue, with a table or without (2.7.5.3.1, 2.8.17). */
        queue->table_segments =
            options->indirect_segments < queue->size ? options->indirect_segments : queue->size;
        queue->table_count = options->indirect_tables != 0 && options->indirect_tables < queue->size
                                 ? options->indirect_tables
                                 : queue->size;
    }
    int error = allocate(queue) ?: enable(queue);

    if (error < 0) {
        bg_virtqueue_destroy(queue);
    }
    return error;
}

void bg_virtqueue_destroy(struct bg_virtqueue *queue)
{
    if (queue->ring != NULL) {
        bg_hal_dma_free(queue->ring, queue->ring_bytes);
    }
    if (queue->slots != NULL) {
        virtqueue_unshare_all(queue);
        bg_hal_dma_free(queue->slots, queue->slots_bytes);
    }
    memset(queue, 0, sizeof(*queue));
}

/* ---- Adding ---- */

/* Counts the bytes of the segments, and of the writable ones in *capacity. */
static int check_segments(const struct bg_virtqueue_segment *segments, unsigned readable,
                          unsigned count, uint32_t *capacity)
{
    uint64_t total = 0, total_readable = 0;

    for (unsigned i = 0; i < count; i++) {
        if (segments[i].length == 0) {
            return BG_ERR_INVALID;
        }
        total += segments[i].length;
        if (i < readable) {
            total_readable = total;
        }
    }
    /* 2.7.5.2 allows one byte more, which a length of 32 bits could not tell. */
    if (total > UINT32_MAX) {
        return BG_ERR_TOO_LARGE;
    }
    *capacity = (uint32_t)(total - total_readable);
    return 0;
}

/* Takes a table for the chain if it is to have one. Returns its number. */
static inline __attribute__((always_inline)) uint16_t take_table(struct bg_virtqueue *queue,
                                                                 struct virtqueue_chain *chain)
{
    if (chain->count < 2 || chain->count > queue->table_segments || queue->table_free == 0) {
        return VIRTQUEUE_NONE;
    }
    uint16_t table = queue->tables_unused[--queue->table_free];
    uint64_t offset = queue->tables_offset +
                      (uint64_t)table * queue->table_segments * sizeof(struct bg_virtq_desc);

    chain->table = queue->ring + offset;
    chain->table_address = queue->ring_address + offset;
    return table;
}

static void give_table(struct bg_virtqueue *queue, uint16_t table)
{
    if (table != VIRTQUEUE_NONE) {
        queue->tables_unused[queue->table_free++] = table;
    }
}

static void begin_flight(struct bg_virtqueue *queue, uint16_t id, struct bg_virtqueue_slot chain)
{
    struct bg_virtqueue_slot *slot = &queue->slots[id];

    slot->token = chain.token;
    slot->sequence = queue->sequence;
    slot->capacity = chain.capacity;
    slot->descriptors = chain.descriptors;
    slot->table = chain.table;
    if (queue->is_in_order) {
        if (queue->chains_in_flight == 0) {
            queue->order_first = id;
        } else {
            queue->slots[queue->order_last].order_next = id;
        }
        queue->order_last = id;
    }
    queue->descriptors_free -= chain.descriptors;
    queue->chains_in_flight++;
    queue->sequence++;
}

/* Inlined, so that who shares nothing pays nothing: `parts` is a constant there, NULL. */
static inline __attribute__((always_inline)) int
add(struct bg_virtqueue *queue, const struct bg_virtqueue_segment *segments,
    const struct bg_virtqueue_part *parts, unsigned readable, unsigned writable, void *token)
{
    int error = check_usable(queue);

    if (error < 0) {
        return error;
    }
    if (readable > queue->capacity || writable > queue->capacity - readable) {
        return BG_ERR_TOO_LARGE;
    }
    struct virtqueue_chain chain = {
        .segments = segments, .readable = readable, .count = readable + writable};
    struct bg_virtqueue_slot entry = {.token = token, .descriptors = 1};

    if (chain.count == 0) {
        return BG_ERR_INVALID;
    }
    error = check_segments(segments, readable, chain.count, &entry.capacity);
    if (error < 0) {
        return error;
    }
    if (queue->descriptors_free == 0) {
        return BG_ERR_NO_SPACE;
    }
    entry.table = take_table(queue, &chain);
    if (entry.table == VIRTQUEUE_NONE) {
        entry.descriptors = (uint16_t)chain.count;
    }
    if (entry.descriptors > queue->descriptors_free) {
        return BG_ERR_NO_SPACE;
    }
    if (parts != NULL) {
        error = virtqueue_share(queue, parts, readable, chain.count);
        if (error < 0) {
            give_table(queue, entry.table);
            return error;
        }
    }
    begin_flight(queue, queue->format->write(queue, &chain), entry);
    return 0;
}

int bg_virtqueue_add(struct bg_virtqueue *queue, const struct bg_virtqueue_segment *segments,
                     unsigned readable, unsigned writable, void *token)
{
    return OWNED(queue, add(queue, segments, NULL, readable, writable, token));
}

static int add_shared(struct bg_virtqueue *queue, const struct bg_virtqueue_part *parts,
                      unsigned readable, unsigned writable, void *token)
{
    int error = check_usable(queue);

    if (error < 0) {
        return error;
    }
    if (queue->shared_parts == 0) {
        return BG_ERR_UNSUPPORTED;
    }
    if (readable > queue->shared_parts || writable > queue->shared_parts - readable) {
        return BG_ERR_TOO_LARGE;
    }
    for (unsigned i = 0; i < readable + writable; i++) {
        queue->segments[i] = (struct bg_virtqueue_segment){parts[i].address, parts[i].length};
    }
    return add(queue, queue->segments, parts, readable, writable, token);
}

int bg_virtqueue_add_shared(struct bg_virtqueue *queue, const struct bg_virtqueue_part *parts,
                            unsigned readable, unsigned writable, void *token)
{
    return OWNED(queue, add_shared(queue, parts, readable, writable, token));
}

static int kick(struct bg_virtqueue *queue)
{
    int error = check_usable(queue);

    if (error < 0) {
        return error;
    }
    bool is_new = queue->sequence != queue->published, is_wanted = queue->is_notify_pending;

    if (is_new) {
        queue->format->publish(queue);
    }
    if (!(queue->device->status & BG_VIRTIO_STATUS_DRIVER_OK)) {
        queue->is_notify_pending |= is_new; /* 3.1.1: no notification before DRIVER_OK */
        queue->published = queue->sequence;
        return 0;
    }
    if (is_new && !is_wanted) {
        /* 2.7.13.4.1, 2.8.21.3.1: what was published is seen before we look whether the device
         * sleeps; it looks at the ring again after it said that it will. */
        virtqueue_barrier_full(queue);
        is_wanted = queue->format->wants_notification(queue);
    }
    queue->published = queue->sequence;
    if (!is_wanted) {
        return 0;
    }
    uint32_t value = queue->notify_target.id;

    if (bg_virtio_has_feature(queue->device, BG_VIRTIO_F_NOTIFICATION_DATA)) {
        value |= (uint32_t)queue->format->position(queue) << BG_VIRTIO_NOTIFY_NEXT_SHIFT;
    }
    queue->device->ops->notify(queue->device, &queue->notify_target, value);
    queue->is_notify_pending = false;
    queue->notifications++;
    return 1;
}

int bg_virtqueue_kick(struct bg_virtqueue *queue)
{
    return OWNED(queue, kick(queue));
}

/* ---- Taking back ---- */

static void end_flight(struct bg_virtqueue *queue, uint16_t id)
{
    struct bg_virtqueue_slot *slot = &queue->slots[id];

    if (queue->is_in_order) {
        queue->order_first = slot->order_next;
    }
    /* Behind the other free ones: see write_direct of the split ring. */
    if (queue->free_first == VIRTQUEUE_NONE) {
        queue->free_first = id;
    } else {
        queue->slots[queue->free_last].next = id;
    }
    queue->free_last = slot->last;
    queue->slots[slot->last].next = VIRTQUEUE_NONE;
    give_table(queue, slot->table);
    queue->descriptors_free += slot->descriptors;
    queue->chains_in_flight--;
    slot->descriptors = 0;
}

/* Checks a report against the chains in flight. With IN_ORDER it may stand for several: then the
 * batch is noted and *id becomes its first chain. Returns 1 or PROTOCOL. */
static int accept_report(struct bg_virtqueue *queue, const struct virtqueue_report *report,
                         uint16_t *id, uint32_t *written)
{
    const struct bg_virtqueue_slot *slot;

    if (report->id >= queue->size) {
        return BG_ERR_PROTOCOL;
    }
    slot = &queue->slots[report->id];
    if (slot->descriptors == 0 || slot->sequence >= queue->published) {
        return BG_ERR_PROTOCOL; /* no chain, a used one, or one that was not offered */
    }
    *id = (uint16_t)report->id;
    *written = report->written;
    if (*written > slot->capacity) {
        if (report->is_length_sure && !queue->device->is_legacy) {
            return BG_ERR_PROTOCOL;
        }
        /* Legacy devices' lengths are known to be wrong (2.7.8.1). */
        *written = queue->device->is_legacy ? slot->capacity : 0;
    }
    if (queue->is_in_order) {
        uint64_t first = queue->slots[queue->order_first].sequence;

        if (slot->sequence - first >= report->chains_max) {
            return BG_ERR_PROTOCOL; /* more chains than the index went on by */
        }
        queue->batch_end = slot->sequence + 1;
        queue->batch_written = *written;
    }
    return 1;
}

/* With IN_ORDER: the next chain of the batch. Those before the last were used completely, say 2.7.9
 * and 2.8.8: as far as there was something to write, it was written. */
static uint16_t take_from_batch(const struct bg_virtqueue *queue, uint32_t *written)
{
    const struct bg_virtqueue_slot *slot = &queue->slots[queue->order_first];

    *written = slot->sequence + 1 == queue->batch_end ? queue->batch_written : slot->capacity;
    return queue->order_first;
}

static bool is_in_batch(const struct bg_virtqueue *queue)
{
    return queue->is_in_order && queue->chains_in_flight != 0 &&
           queue->slots[queue->order_first].sequence < queue->batch_end;
}

static __attribute__((noinline)) void answer(const struct bg_virtqueue *queue)
{
    struct bg_interrupt_source *source = bg_virtqueue_source(queue);

    if (source != NULL) {
        bg_interrupt_source_answer(source);
    }
}

static int take(struct bg_virtqueue *queue, struct bg_virtqueue_used *used)
{
    int result = check_usable(queue);
    uint16_t id = 0;

    if (result < 0) {
        return result;
    }
    if (!is_in_batch(queue)) {
        struct virtqueue_report report;

        result = queue->format->peek(queue, &report);
        if (result > 0) {
            result = accept_report(queue, &report, &id, &used->written);
        }
        if (result <= 0) {
            return result < 0 ? break_queue(queue) : 0;
        }
    }
    if (queue->is_in_order) {
        id = take_from_batch(queue, &used->written);
    }
    used->token = queue->slots[id].token;
    if (queue->slots[id].shared != 0) {
        virtqueue_unshare(queue, id);
    }
    queue->format->advance(queue, &queue->slots[id]);
    end_flight(queue, id);
    queue->completions++;
    /* Who is called back and then polls waits for nothing: but this is no storm. */
    if (queue->device->interrupt != NULL) {
        answer(queue);
    }
    return 1;
}

int bg_virtqueue_poll(struct bg_virtqueue *queue, struct bg_virtqueue_used *used)
{
    return OWNED(queue, take(queue, used));
}

/* ---- Waiting ---- */

struct queue_wait {
    struct bg_virtqueue *queue;
    int (*look)(void *context);
    void *context;
};

static int look(void *context)
{
    const struct queue_wait *wait = context;

    return wait->look(wait->context);
}

static int check_device(void *context)
{
    const struct queue_wait *wait = context;

    return bg_virtio_check(wait->queue->device);
}

static bool ask_for_interrupt(void *context)
{
    const struct queue_wait *wait = context;

    if (bg_virtqueue_enable_notifications(wait->queue)) {
        return true;
    }
    wait->queue->sleeps++;
    return false;
}

static void ask_for_none(void *context)
{
    const struct queue_wait *wait = context;

    bg_virtqueue_disable_notifications(wait->queue);
}

int bg_virtqueue_wait_until(struct bg_virtqueue *queue, int (*look_for)(void *context),
                            void *context, uint64_t deadline_ns)
{
    struct queue_wait wait = {queue, look_for, context};
    const struct bg_wait_loop loop = {
        .look = look,
        .check = check_device,
        .arm = ask_for_interrupt,
        .disarm = ask_for_none,
        .context = &wait,
        .check_period_ns = HEALTH_PERIOD_NS,
        .progress = &queue->completions,
    };

    return bg_wait_until(&loop, &queue->device->wait, bg_virtqueue_source(queue), deadline_ns);
}

struct poll {
    struct bg_virtqueue *queue;
    struct bg_virtqueue_used *used;
};

static int look_for_any(void *context)
{
    const struct poll *poll = context;

    return take(poll->queue, poll->used);
}

static int wait(struct bg_virtqueue *queue, struct bg_virtqueue_used *used, uint64_t deadline_ns)
{
    struct poll poll = {queue, used};
    int result = take(queue, used); /* most often it is there: that is the short way */

    return result != 0 ? result : bg_virtqueue_wait_until(queue, look_for_any, &poll, deadline_ns);
}

int bg_virtqueue_wait(struct bg_virtqueue *queue, struct bg_virtqueue_used *used,
                      uint64_t deadline_ns)
{
    return OWNED(queue, wait(queue, used, deadline_ns));
}

/* ---- Notifications from the device ---- */

bool bg_virtqueue_enable_notifications(struct bg_virtqueue *queue)
{
    struct virtqueue_report report;

    if (check_usable(queue) < 0) {
        return true; /* what bg_virtqueue_poll has to say is the error */
    }
    queue->format->set_notifications(queue, true);
    /* 2.7.14, 2.8.22: the wish is seen before we look whether something came meanwhile. */
    virtqueue_barrier_full(queue);
    return is_in_batch(queue) || queue->format->peek(queue, &report) != 0;
}

void bg_virtqueue_disable_notifications(struct bg_virtqueue *queue)
{
    if (check_usable(queue) == 0) {
        queue->format->set_notifications(queue, false);
    }
}

/* ---- Resetting ---- */

int bg_virtqueue_reset(struct bg_virtqueue *queue, uint64_t deadline_ns)
{
    if (queue->state == QUEUE_NONE || is_dead(queue)) {
        return BG_ERR_INVALID;
    }
    struct bg_virtio_device *device = queue->device;

    if (!bg_virtio_has_feature(device, BG_VIRTIO_F_RING_RESET)) {
        return BG_ERR_UNSUPPORTED;
    }
    int result;

    device->ops->queue_reset_begin(device, queue->index);
    while ((result = device->ops->queue_reset_poll(device, queue->index)) == 0) {
        if (bg_hal_time_ns() >= deadline_ns) {
            /* Nothing may be reused before the device says that it is done (2.6.1.1.2). */
            queue->state = QUEUE_BROKEN;
            return BG_ERR_TIMEOUT;
        }
        bg_hal_wait(deadline_ns);
    }
    if (result < 0) {
        return result;
    }
    queue->state = QUEUE_STOPPED;
    queue->reclaim_next = 0;
    return 0;
}

int bg_virtqueue_reclaim(struct bg_virtqueue *queue, void **token)
{
    if (!is_dead(queue)) {
        return BG_ERR_INVALID;
    }
    for (; queue->reclaim_next < queue->size; queue->reclaim_next++) {
        struct bg_virtqueue_slot *slot = &queue->slots[queue->reclaim_next];

        if (slot->descriptors != 0) {
            *token = slot->token;
            virtqueue_unshare(queue, queue->reclaim_next);
            slot->descriptors = 0;
            queue->chains_in_flight--;
            return 1;
        }
    }
    return 0;
}

int bg_virtqueue_restart(struct bg_virtqueue *queue)
{
    if (!is_dead(queue) || !is_negotiated(queue->device)) {
        return BG_ERR_INVALID;
    }
    const struct bg_virtqueue_format *format = queue->format;

    take_features(queue);
    if (queue->format != format) {
        queue->format = format;
        return BG_ERR_INVALID;
    }
    if (queue->device->ops->queue_size_max(queue->device, queue->index) < queue->size) {
        return BG_ERR_PROTOCOL;
    }
    return enable(queue);
}
