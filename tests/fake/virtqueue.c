/* SPDX-License-Identifier: BSD-2-Clause */
/* Rings from the device's side, written from the specification's text alone. What lies at a bus
 * address hal.h says. */
#include "tests/fake/virtqueue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/barrier.h"
#include "tests/fake/hal.h"

void fake_violation(struct fake_virtio *fake, const char *text)
{
    fake->violations++;
    printf("# driver violation: %s\n", text);
}

static bool has(const struct fake_virtio *fake, uint64_t feature)
{
    return (fake->accepted & feature) != 0;
}

static bool is_packed(const struct fake_virtio *fake)
{
    return has(fake, BG_VIRTIO_F_RING_PACKED);
}

/* ---- The areas ---- */

static struct bg_virtq_desc *split_table(const struct fake_virtio_queue *queue)
{
    return fake_hal_at(queue->layout.descriptor_address);
}

static struct bg_virtq_avail *available_ring(const struct fake_virtio_queue *queue)
{
    return fake_hal_at(queue->layout.driver_address);
}

static struct bg_virtq_used *used_ring(const struct fake_virtio_queue *queue)
{
    return fake_hal_at(queue->layout.device_address);
}

static struct bg_pvirtq_desc *packed_ring(const struct fake_virtio_queue *queue)
{
    return fake_hal_at(queue->layout.descriptor_address);
}

static struct bg_pvirtq_event_suppress *driver_event(const struct fake_virtio_queue *queue)
{
    return fake_hal_at(queue->layout.driver_address);
}

static struct bg_pvirtq_event_suppress *device_event(const struct fake_virtio_queue *queue)
{
    return fake_hal_at(queue->layout.device_address);
}

/* ---- Enabling and resetting ---- */

void fake_virtqueue_enable(struct fake_virtio *fake, unsigned index,
                           const struct bg_virtio_queue_layout *layout)
{
    struct fake_virtio_queue *queue = &fake->queues[index];
    unsigned driver_align = is_packed(fake) ? 4 : BG_VIRTQ_AVAIL_ALIGN;

    if (layout->size == 0 || layout->size > queue->size_max ||
        (!is_packed(fake) && (layout->size & (layout->size - 1)) != 0)) {
        fake_violation(fake, "a queue size that is not allowed");
    }
    if (layout->descriptor_address % BG_VIRTQ_DESC_ALIGN != 0 ||
        layout->driver_address % driver_align != 0 ||
        layout->device_address % BG_VIRTQ_USED_ALIGN != 0) {
        fake_violation(fake, "a queue part is not aligned");
    }
    queue->layout = *layout;
    queue->available = queue->used = queue->expected_descriptor = 0;
    queue->available_wrap = queue->used_wrap = true;
    queue->segments = calloc(layout->size + 1u, sizeof(*queue->segments));
    queue->is_enabled = true;
}

static void free_request(struct fake_virtio_request *request)
{
    free((void *)request->in);
    free(request->out);
    free(request->segments);
}

void fake_virtqueue_reset(struct fake_virtio_queue *queue)
{
    for (size_t i = 0; i < queue->held_count; i++) {
        free_request(&queue->held[i]);
    }
    free(queue->held);
    free(queue->segments);
    free(queue->in);
    free(queue->out);
    *queue = (struct fake_virtio_queue){.size_max = queue->size_max,
                                        .requests = queue->requests,
                                        .notifications = queue->notifications};
}

/* ---- Taking a chain ---- */

/* Adds a segment to the chain; false, after a violation, where the chain must end. */
static bool take_segment(struct fake_virtio *fake, struct fake_virtio_queue *queue,
                         struct fake_virtio_request *request, uint64_t address, uint32_t length,
                         bool is_writable)
{
    if (request->segment_count == queue->layout.size) {
        fake_violation(fake, "a chain longer than the queue");
        return false;
    }
    if (length == 0) {
        fake_violation(fake, "an empty segment");
    }
    if (request->segment_count != 0 && !is_writable &&
        queue->segments[request->segment_count - 1].is_writable) {
        fake_violation(fake, "a readable segment behind a writable one");
    }
    queue->segments[request->segment_count++] =
        (struct fake_virtio_segment){fake_hal_at(address), length, is_writable};
    if (is_writable) {
        request->out_size += length;
    } else {
        request->in_size += length;
    }
    return true;
}

static void check_indirect(struct fake_virtio *fake, uint16_t flags, uint32_t length)
{
    if (!has(fake, BG_VIRTIO_F_INDIRECT_DESC)) {
        fake_violation(fake, "an indirect table that was not negotiated");
    }
    if (length == 0 || length % sizeof(struct bg_virtq_desc) != 0) {
        fake_violation(fake, "an indirect table of an odd length");
    }
    if (flags & BG_VIRTQ_DESC_F_NEXT) {
        fake_violation(fake, "INDIRECT and NEXT together");
    }
}

static void take_split_table(struct fake_virtio *fake, struct fake_virtio_queue *queue,
                             struct fake_virtio_request *request, const struct bg_virtq_desc *from)
{
    const struct bg_virtq_desc *table = fake_hal_at(from->addr);
    uint32_t count = from->len / sizeof(*table);

    check_indirect(fake, from->flags, from->len);
    for (uint32_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count;

        if ((table[i].flags & BG_VIRTQ_DESC_F_NEXT) != (is_last ? 0 : BG_VIRTQ_DESC_F_NEXT) ||
            (!is_last && table[i].next != i + 1) || (table[i].flags & BG_VIRTQ_DESC_F_INDIRECT)) {
            fake_violation(fake, "an indirect table out of sequence");
        }
        if (!take_segment(fake, queue, request, table[i].addr, table[i].len,
                          table[i].flags & BG_VIRTQ_DESC_F_WRITE)) {
            return;
        }
    }
}

/* 2.7.5 with IN_ORDER: descriptors in the ring's order. */
static void check_split_order(struct fake_virtio *fake, struct fake_virtio_queue *queue,
                              uint16_t id)
{
    if (has(fake, BG_VIRTIO_F_IN_ORDER)) {
        if (id != queue->expected_descriptor) {
            fake_violation(fake, "descriptors out of order with IN_ORDER");
        }
        queue->expected_descriptor = (uint16_t)((id + 1) % queue->layout.size);
    }
}

static bool pop_split(struct fake_virtio *fake, struct fake_virtio_queue *queue,
                      struct fake_virtio_request *request)
{
    const struct bg_virtq_avail *available = available_ring(queue);
    uint16_t size = queue->layout.size;

    if (bg_load_acquire16(&available->idx) == queue->available) {
        return false;
    }
    uint16_t id = available->ring[queue->available % size];

    queue->available++;
    request->id = id;
    for (;;) {
        if (id >= size) {
            fake_violation(fake, "a descriptor outside the table");
            return true;
        }
        const struct bg_virtq_desc descriptor = split_table(queue)[id];

        check_split_order(fake, queue, id);
        request->descriptors++;
        if (descriptor.flags & BG_VIRTQ_DESC_F_INDIRECT) {
            take_split_table(fake, queue, request, &descriptor);
            return true;
        }
        if (!take_segment(fake, queue, request, descriptor.addr, descriptor.len,
                          descriptor.flags & BG_VIRTQ_DESC_F_WRITE) ||
            !(descriptor.flags & BG_VIRTQ_DESC_F_NEXT)) {
            return true;
        }
        id = descriptor.next;
    }
}

static void take_packed_table(struct fake_virtio *fake, struct fake_virtio_queue *queue,
                              struct fake_virtio_request *request,
                              const struct bg_pvirtq_desc *from)
{
    const struct bg_pvirtq_desc *table = fake_hal_at(from->addr);

    check_indirect(fake, from->flags, from->len);
    for (uint32_t i = 0; i < from->len / sizeof(*table); i++) {
        if (table[i].flags & ~BG_VIRTQ_DESC_F_WRITE) {
            fake_violation(fake, "flags in an indirect table");
        }
        if (!take_segment(fake, queue, request, table[i].addr, table[i].len,
                          table[i].flags & BG_VIRTQ_DESC_F_WRITE)) {
            return;
        }
    }
}

static bool is_packed_available(const struct fake_virtio_queue *queue, uint16_t flags)
{
    return !!(flags & BG_VIRTQ_DESC_F_AVAIL) == queue->available_wrap &&
           !!(flags & BG_VIRTQ_DESC_F_USED) != queue->available_wrap;
}

static void step(const struct fake_virtio_queue *queue, uint16_t *offset, bool *wrap, unsigned by)
{
    unsigned next = *offset + by;

    if (next >= queue->layout.size) {
        next -= queue->layout.size;
        *wrap = !*wrap;
    }
    *offset = (uint16_t)next;
}

static bool pop_packed(struct fake_virtio *fake, struct fake_virtio_queue *queue,
                       struct fake_virtio_request *request)
{
    uint16_t flags = bg_load_acquire16(&packed_ring(queue)[queue->available].flags);

    if (!is_packed_available(queue, flags)) {
        return false;
    }
    for (;;) {
        const struct bg_pvirtq_desc descriptor = packed_ring(queue)[queue->available];

        if (!is_packed_available(queue, descriptor.flags)) {
            fake_violation(fake, "a chain whose later descriptors are not available");
        }
        step(queue, &queue->available, &queue->available_wrap, 1);
        request->descriptors++;
        request->id = descriptor.id;
        if (descriptor.flags & BG_VIRTQ_DESC_F_INDIRECT) {
            take_packed_table(fake, queue, request, &descriptor);
            return true;
        }
        if (!take_segment(fake, queue, request, descriptor.addr, descriptor.len,
                          descriptor.flags & BG_VIRTQ_DESC_F_WRITE) ||
            !(descriptor.flags & BG_VIRTQ_DESC_F_NEXT)) {
            return true;
        }
    }
}

/* ---- Giving it back ---- */

static void copy_out(const struct fake_virtio_segment *segments, unsigned count,
                     const uint8_t *from, size_t size)
{
    for (unsigned i = 0; i < count && size != 0; i++) {
        size_t part = segments[i].length < size ? segments[i].length : size;

        if (segments[i].is_writable) {
            memcpy(segments[i].memory, from, part);
            from += part;
            size -= part;
        }
    }
}

/* What is written into the ring for a chain, or for several with IN_ORDER. */
struct completion {
    uint32_t id, written;
    uint16_t chains;
    unsigned descriptors;
    uint16_t extra_flags;
};

static void push(struct fake_virtio *fake, struct fake_virtio_queue *queue,
                 const struct completion *completion)
{
    if (!is_packed(fake)) {
        struct bg_virtq_used *used = used_ring(queue);

        used->ring[queue->used % queue->layout.size] =
            (struct bg_virtq_used_elem){completion->id, completion->written};
        queue->used += completion->chains;
        if (completion->extra_flags != 0) {
            bg_store_release16(&used->flags, completion->extra_flags & (uint16_t)~1u);
        }
        bg_store_release16(&used->idx, queue->used);
        return;
    }
    struct bg_pvirtq_desc *descriptor = &packed_ring(queue)[queue->used];
    uint16_t flags = queue->used_wrap ? BG_VIRTQ_DESC_F_AVAIL | BG_VIRTQ_DESC_F_USED : 0;

    descriptor->id = (uint16_t)completion->id;
    descriptor->len = completion->written;
    flags |= completion->written != 0 ? BG_VIRTQ_DESC_F_WRITE : 0;
    bg_store_release16(&descriptor->flags, flags | completion->extra_flags);
    step(queue, &queue->used, &queue->used_wrap, completion->descriptors);
}

static uint16_t find_free_id(const struct fake_virtio_queue *queue, uint16_t not_this)
{
    for (uint16_t id = (uint16_t)(queue->layout.size - 1); id != 0; id--) {
        bool is_held = id == not_this;

        for (size_t i = 0; i < queue->held_count; i++) {
            is_held |= queue->held[i].id == id;
        }
        if (!is_held) {
            return id;
        }
    }
    return 0;
}

/* The same completion, spoilt. Returns false when nothing is to be written. */
static bool spoil(struct fake_virtio *fake, struct fake_virtio_queue *queue,
                  struct completion *completion, uint32_t capacity)
{
    switch (fake->misbehaviour) {
    case FAKE_VIRTIO_WRONG_ID:
        completion->id = queue->layout.size;
        break;
    case FAKE_VIRTIO_HUGE_ID:
        completion->id |= 0x10000;
        break;
    case FAKE_VIRTIO_FREE_ID:
        completion->id = find_free_id(queue, (uint16_t)completion->id);
        break;
    case FAKE_VIRTIO_MIDDLE_ID:
        completion->id = split_table(queue)[completion->id].next;
        break;
    case FAKE_VIRTIO_LONG:
        completion->written = capacity + 1;
        break;
    case FAKE_VIRTIO_LONGEST:
        completion->written = UINT32_MAX;
        break;
    case FAKE_VIRTIO_JUMP:
        completion->chains = (uint16_t)(queue->layout.size + 1);
        break;
    case FAKE_VIRTIO_JUMP_BACK:
        completion->chains = UINT16_MAX;
        break;
    case FAKE_VIRTIO_TWICE:
        push(fake, queue, completion);
        break;
    case FAKE_VIRTIO_RESERVED_FLAGS:
        completion->extra_flags = 0xFFFE;
        if (is_packed(fake)) {
            completion->extra_flags = BG_VIRTQ_DESC_F_NEXT | BG_VIRTQ_DESC_F_INDIRECT | 0x7F78;
        }
        break;
    case FAKE_VIRTIO_SCRIBBLE:
        if (is_packed(fake)) {
            for (unsigned i = 0; i < queue->layout.size; i++) {
                packed_ring(queue)[i].addr = UINT64_MAX;
                packed_ring(queue)[i].len = UINT32_MAX;
            }
        } else {
            memset(split_table(queue), 0xFF, queue->layout.size * sizeof(struct bg_virtq_desc));
        }
        break;
    case FAKE_VIRTIO_SILENCE:
        fake->misbehaviour = FAKE_VIRTIO_GOOD;
        return false;
    default:
        break;
    }
    fake->misbehaviour = FAKE_VIRTIO_GOOD;
    return true;
}

/* Position `event` was passed on the way from `before` to `now`. */
static bool is_passed(uint16_t event, uint16_t now, uint16_t before)
{
    return (uint16_t)(now - event - 1) < (uint16_t)(now - before);
}

static bool driver_wants_interrupt(const struct fake_virtio *fake,
                                   const struct fake_virtio_queue *queue, uint16_t before,
                                   bool before_wrap)
{
    const struct bg_virtq_avail *available = available_ring(queue);

    if (!is_packed(fake)) {
        if (has(fake, BG_VIRTIO_F_EVENT_IDX)) {
            return is_passed(bg_load_acquire16(&available->ring[queue->layout.size]), queue->used,
                             before);
        }
        return !(bg_load_acquire16(&available->flags) & BG_VIRTQ_AVAIL_F_NO_INTERRUPT);
    }
    uint16_t flags = bg_load_acquire16(&driver_event(queue)->flags);

    if (flags != BG_RING_EVENT_FLAGS_DESC) {
        return flags != BG_RING_EVENT_FLAGS_DISABLE;
    }
    uint16_t off_wrap = bg_load_acquire16(&driver_event(queue)->off_wrap);
    unsigned offset = off_wrap & BG_RING_EVENT_OFFSET_MASK;
    bool wrap = off_wrap >> BG_RING_EVENT_WRAP_SHIFT;

    /* The descriptor is one of those from `before` to the one before `used`. */
    if (before_wrap == queue->used_wrap) {
        return wrap == before_wrap && offset >= before && offset < queue->used;
    }
    return wrap == before_wrap ? offset >= before : offset < queue->used;
}

static void complete(struct fake_virtio *fake, struct fake_virtio_queue *queue,
                     struct completion completion, uint32_t capacity)
{
    uint16_t before = queue->used;
    bool before_wrap = queue->used_wrap;

    if (!spoil(fake, queue, &completion, capacity)) {
        return;
    }
    push(fake, queue, &completion);
    bg_barrier_full(); /* published, now see whether the driver sleeps */
    if (driver_wants_interrupt(fake, queue, before, before_wrap)) {
        fake_virtio_interrupt(fake, BG_VIRTIO_ISR_QUEUE, (int)(queue - fake->queues));
    }
}

void fake_virtio_complete(struct fake_virtio *fake, unsigned index, size_t number, uint32_t written)
{
    struct fake_virtio_queue *queue = &fake->queues[index];
    struct fake_virtio_request request = queue->held[number];

    queue->held_count--;
    memmove(&queue->held[number], &queue->held[number + 1],
            (queue->held_count - number) * sizeof(*queue->held));
    copy_out(request.segments, request.segment_count, request.out, written);
    complete(
        fake, queue,
        (struct completion){
            .id = request.id, .written = written, .chains = 1, .descriptors = request.descriptors},
        (uint32_t)request.out_size);
    free_request(&request);
}

/* ---- Running ---- */

static uint8_t *at_least(uint8_t **buffer, size_t *capacity, size_t size)
{
    if (size > *capacity || *buffer == NULL) {
        free(*buffer);
        *capacity = size + 64;
        *buffer = malloc(*capacity);
    }
    return *buffer;
}

static void join(struct fake_virtio_queue *queue, struct fake_virtio_request *request)
{
    uint8_t *in = at_least(&queue->in, &queue->in_capacity, request->in_size);

    request->in = in;
    request->out = at_least(&queue->out, &queue->out_capacity, request->out_size);
    request->segments = queue->segments;
    for (unsigned i = 0; i < request->segment_count; i++) {
        if (!queue->segments[i].is_writable) {
            memcpy(in, queue->segments[i].memory, queue->segments[i].length);
            in += queue->segments[i].length;
        }
    }
}

static void *copy(const void *from, size_t size)
{
    void *to = malloc(size + 1);

    memcpy(to, from, size);
    return to;
}

static void hold(struct fake_virtio_queue *queue, const struct fake_virtio_request *request)
{
    if (queue->held_count == queue->held_capacity) {
        queue->held_capacity = queue->held_capacity * 2 + 16;
        queue->held = realloc(queue->held, queue->held_capacity * sizeof(*queue->held));
    }
    struct fake_virtio_request *held = &queue->held[queue->held_count++];

    *held = *request;
    held->in = copy(request->in, request->in_size);
    held->out = copy(request->out, request->out_size);
    held->segments = copy(request->segments, request->segment_count * sizeof(*held->segments));
}

/* Says when the driver is to notify next. */
static void announce(struct fake_virtio *fake, struct fake_virtio_queue *queue)
{
    enum fake_virtio_suppression mode = fake->suppression;
    unsigned later = mode == FAKE_VIRTIO_NOTIFY_FOURTH ? 3 : 0;

    if (!is_packed(fake)) {
        if (has(fake, BG_VIRTIO_F_EVENT_IDX)) {
            uint16_t *event = (uint16_t *)&used_ring(queue)->ring[queue->layout.size];

            bg_store_release16(
                event, (uint16_t)(queue->available + later - (mode == FAKE_VIRTIO_NOTIFY_NEVER)));
        } else {
            bg_store_release16(&used_ring(queue)->flags,
                               mode == FAKE_VIRTIO_NOTIFY_NEVER ? BG_VIRTQ_USED_F_NO_NOTIFY : 0);
        }
        return;
    }
    uint16_t offset = queue->available, flags = BG_RING_EVENT_FLAGS_ENABLE;
    bool wrap = queue->available_wrap;

    step(queue, &offset, &wrap, later);
    if (mode == FAKE_VIRTIO_NOTIFY_NEVER) {
        flags = BG_RING_EVENT_FLAGS_DISABLE;
    } else if (has(fake, BG_VIRTIO_F_EVENT_IDX)) {
        flags = BG_RING_EVENT_FLAGS_DESC;
        bg_store_release16(&device_event(queue)->off_wrap,
                           offset | (uint16_t)(wrap << BG_RING_EVENT_WRAP_SHIFT));
    }
    bg_store_release16(&device_event(queue)->flags, flags);
}

unsigned fake_virtqueue_run(struct fake_virtio *fake, unsigned index)
{
    struct fake_virtio_queue *queue = &fake->queues[index];
    struct completion batch = {0};
    uint32_t capacity = 0;
    unsigned count = 0;

    while (queue->is_enabled && !queue->is_resetting) {
        struct fake_virtio_request request = {.queue = (uint16_t)index};

        if (!(is_packed(fake) ? pop_packed : pop_split)(fake, queue, &request)) {
            break;
        }
        count++;
        queue->requests++;
        join(queue, &request);
        uint32_t written = fake->handler(fake->context, &request);

        if (written == FAKE_VIRTIO_HOLD) {
            hold(queue, &request);
            continue;
        }
        copy_out(request.segments, request.segment_count, request.out, written);
        batch.id = request.id;
        batch.written = written;
        batch.chains++;
        batch.descriptors += request.descriptors;
        capacity = (uint32_t)request.out_size;
        if (!(fake->batches && has(fake, BG_VIRTIO_F_IN_ORDER))) {
            complete(fake, queue, batch, capacity);
            batch = (struct completion){0};
        }
    }
    if (batch.chains != 0) {
        complete(fake, queue, batch, capacity);
    }
    if (queue->is_enabled && !fake->waits_for_run) {
        announce(fake, queue);
    }
    return count;
}

bool fake_virtqueue_sleep(struct fake_virtio *fake, unsigned index)
{
    struct fake_virtio_queue *queue = &fake->queues[index];

    if (!queue->is_enabled) {
        return false;
    }
    announce(fake, queue);
    bg_barrier_full(); /* said that it will sleep, now look once more */
    if (!is_packed(fake)) {
        return bg_load_acquire16(&available_ring(queue)->idx) != queue->available;
    }
    return is_packed_available(queue,
                               bg_load_acquire16(&packed_ring(queue)[queue->available].flags));
}

void fake_virtqueue_check_notification(struct fake_virtio *fake, unsigned index)
{
    const struct fake_virtio_queue *queue = &fake->queues[index];
    uint32_t position = queue->available;

    if (is_packed(fake)) {
        position |= (uint32_t)queue->available_wrap << BG_RING_EVENT_WRAP_SHIFT;
    }
    if (!has(fake, BG_VIRTIO_F_NOTIFICATION_DATA)) {
        position = 0;
    }
    if (queue->is_enabled && queue->last_notification >> BG_VIRTIO_NOTIFY_NEXT_SHIFT != position) {
        fake_violation(fake, "a notification with another position");
    }
}
