/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-sst: requests, responses and events in the virtqueues, see virtio-sst.h.
 *
 * virtqueue_push(), virtqueue_pop() of a bad ring, and virtio_notify() write to where the guest
 * says: when they return, the device may have been reset (its lists are empty, `generation`
 * differs) or unplugged (not `live`). So each loop takes the first of a list anew, what is worked
 * on is in no list, and a timer is touched only while `live`.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/iov.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "standard-headers/linux/virtio_config.h"
#include "trace.h"
#include "virtio-sst.h"

#define RESPONSE_SIZE sizeof(struct bg_sst_response)
#define RESPONSE_HEAD offsetof(struct bg_sst_response, payload)

/* So many requests are taken at a time: a guest that adds more meanwhile can not hold us. */
#define REQUESTS_MAX (2 * BG_SST_QUEUE_SIZE)

/* Deterministic time: events that a simulator may have told ahead; more are dropped. */
#define DUE_EVENTS_MAX 16384

/* A response before it has a place: the head is ours, the payload may be anybody's. */
typedef struct Response {
    struct {
        uint32_t status, reserved;
        uint64_t request_id, user_data, result;
    } head; /* as sst_response, little-endian */
    const void *payload;
    size_t payload_size;
} Response;

QEMU_BUILD_BUG_ON(sizeof(((Response *)0)->head) != RESPONSE_HEAD);

/* ---- Entry ---- */

bool *virtio_sst_guard(VirtIOSST *s)
{
    return &s->transport->mem_reentrancy_guard.engaged_in_io;
}

bool virtio_sst_enter(VirtIOSST *s)
{
    bool *guard = virtio_sst_guard(s), was = *guard;

    object_ref(OBJECT(s->transport));
    object_ref(OBJECT(s));
    *guard = true;
    return was;
}

void virtio_sst_leave(VirtIOSST *s, bool was)
{
    DeviceState *transport = s->transport;

    *virtio_sst_guard(s) = was;
    object_unref(OBJECT(s));
    object_unref(OBJECT(transport));
}

/* ---- Items ---- */

static SSTPair *pair_of(VirtIOSST *s, const SSTItem *item)
{
    return &s->pairs[item->link.pair];
}

/* It stays armed for one that has ended: a timer that moves wakes the main loop. */
static void arm_timeout(VirtIOSST *s)
{
    SSTItem *first = QTAILQ_FIRST(&s->items);

    if (s->live && first != NULL && !timer_pending(s->timeout_timer)) {
        timer_mod_ns(s->timeout_timer, first->deadline_ns);
    }
}

/* Out of whatever list it is in; the link knows nothing of it any more. */
static void take_out(VirtIOSST *s, SSTItem *item)
{
    switch (item->state) {
    case SST_ITEM_FORWARDED:
        sst_link_abandon(&s->link, &item->link);
        QTAILQ_REMOVE(&s->items, item, next);
        s->in_flight--;
        break;
    case SST_ITEM_SCHEDULED:
        QTAILQ_REMOVE(&s->due, item->due, next);
        g_free(item->due);
        QTAILQ_REMOVE(&s->items, item, next);
        s->in_flight--;
        break;
    case SST_ITEM_WAITING:
        QTAILQ_REMOVE(&pair_of(s, item)->waiting, item, next);
        break;
    case SST_ITEM_RESTORED:
        QTAILQ_REMOVE(&s->restored, item, next);
        break;
    default:
        break;
    }
    item->state = SST_ITEM_NEW;
}

static void free_item(SSTItem *item)
{
    g_free(item->response);
    g_free(item);
}

/* The guest's memory is let go, without telling the guest. Nothing is written to it. */
static void drop_item(VirtIOSST *s, SSTItem *item)
{
    if (item->state == SST_ITEM_RESTORED) {
        item->element.in_num = item->element.out_num = 0;
    }
    take_out(s, item);
    virtqueue_detach_element(pair_of(s, item)->request_queue, &item->element, 0);
    free_item(item);
}

static void drop_list(VirtIOSST *s, SSTItemList *list, int pair)
{
    SSTItem *item, *after;

    QTAILQ_FOREACH_SAFE (item, list, next, after) {
        if (pair < 0 || item->link.pair == pair) {
            drop_item(s, item);
        }
    }
}

void virtio_sst_drop(VirtIOSST *s, int pair)
{
    SSTDue *due;

    s->generation++;
    drop_list(s, &s->items, pair);
    drop_list(s, &s->restored, pair);
    for (unsigned i = 0; i < s->num_queues; i++) {
        drop_list(s, &s->pairs[i].waiting, pair);
        if (pair < 0 || i == (unsigned)pair) {
            s->pairs[i].notify_request = s->pairs[i].notify_response = false;
        }
    }
    s->notify_event &= pair >= 0;
    while (pair < 0 && (due = QTAILQ_FIRST(&s->due)) != NULL) {
        QTAILQ_REMOVE(&s->due, due, next);
        s->due_events -= due->item == NULL;
        g_free(due);
    }
    if (s->live && pair < 0) {
        timer_del(s->timeout_timer); /* what follows may be earlier in virtual time: loadvm */
    }
}

/* ---- Responses ---- */

static void notify_guest(VirtIOSST *s)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(s);

    for (unsigned i = 0; i < s->num_queues; i++) {
        SSTPair *pair = &s->pairs[i];

        if (s->live && pair->notify_response) {
            pair->notify_response = false;
            virtio_notify(vdev, pair->response_queue);
        }
        if (s->live && pair->notify_request) {
            pair->notify_request = false;
            virtio_notify(vdev, pair->request_queue);
        }
    }
    if (s->live && s->notify_event) {
        s->notify_event = false;
        virtio_notify(vdev, s->queues[BG_SST_QUEUE_EVENT(virtio_sst_pair_count(s))]);
    }
}

/* Returns how many bytes were written: all of a response that fits, with zeros behind what is
 * known of it, so that nothing in the buffer is left from before. */
static size_t write_response(const VirtQueueElement *to, const Response *response)
{
    size_t size;

    size = iov_from_buf(to->in_sg, to->in_num, 0, &response->head, RESPONSE_HEAD);
    if (size == RESPONSE_HEAD) {
        size +=
            iov_from_buf(to->in_sg, to->in_num, size, response->payload, response->payload_size);
    }
    return size + iov_memset(to->in_sg, to->in_num, size, 0, RESPONSE_SIZE - size);
}

/*
 * As virtqueue_pop(), but when the queue is empty, the guest notifies us of what it adds: that one
 * says where it has got to (avail_event) without a barrier before the next look at the ring.
 */
static void *pop(VirtQueue *queue, size_t size)
{
    void *element = virtqueue_pop(queue, size);

    if (element == NULL) {
        smp_mb();
        if (!virtio_queue_empty(queue)) {
            element = virtqueue_pop(queue, size);
        }
    }
    return element;
}

/* The next buffer that can be written at all. A guest that adds others for ever can not hold us. */
static VirtQueueElement *pop_buffer(VirtIOSST *s, VirtQueue *queue)
{
    for (unsigned i = 0; i < VIRTQUEUE_MAX_SIZE; i++) {
        VirtQueueElement *buffer = pop(queue, sizeof(*buffer));

        if (buffer == NULL || buffer->in_num) {
            return buffer;
        }
        qemu_log_mask(LOG_GUEST_ERROR, "virtio-sst: a buffer that can not be written\n");
        virtqueue_push(queue, buffer, 0);
        g_free(buffer);
    }
    return NULL;
}

/* Of a queue that was reset meanwhile: only lets go of the guest's memory. */
static void push_chain(VirtIOSST *s, SSTItem *item, size_t used)
{
    SSTPair *pair = pair_of(s, item);

    pair->notify_request = true;
    virtqueue_push(pair->request_queue, &item->element, used);
    free_item(item);
}

/* False: there is no place for it now. Else the item is gone. */
static bool place_response(VirtIOSST *s, SSTItem *item, const Response *response)
{
    SSTPair *pair = pair_of(s, item);
    size_t room = iov_size(item->element.in_sg, item->element.in_num);
    unsigned generation = s->generation;
    VirtQueueElement *buffer;

    if (room < RESPONSE_SIZE) {
        buffer = pop_buffer(s, pair->response_queue);
        if (s->generation != generation) {
            g_free(buffer); /* NULL: no queue has any after a reset */
            push_chain(s, item, 0);
            return true;
        }
        if (buffer != NULL) {
            pair->notify_response = true;
            virtqueue_push(pair->response_queue, buffer, write_response(buffer, response));
            g_free(buffer);
            push_chain(s, item, 0);
            return true;
        }
        if (!room) {
            return false;
        }
        qemu_log_mask(LOG_GUEST_ERROR, "virtio-sst: only %zu bytes for a response\n", room);
    }
    push_chain(s, item, write_response(&item->element, response));
    return true;
}

static void wait_for_buffer(VirtIOSST *s, SSTItem *item, const Response *response)
{
    item->response = g_malloc0(RESPONSE_SIZE);
    memcpy(item->response, &response->head, RESPONSE_HEAD);
    memcpy(item->response->payload.data, response->payload, response->payload_size);
    item->state = SST_ITEM_WAITING;
    QTAILQ_INSERT_TAIL(&pair_of(s, item)->waiting, item, next);
}

static void place_waiting(VirtIOSST *s, SSTPair *pair)
{
    SSTItem *item;

    while ((item = QTAILQ_FIRST(&pair->waiting)) != NULL) {
        struct bg_sst_response *kept = item->response;
        Response response = {.payload = kept->payload.data, .payload_size = BG_SST_PAYLOAD_SIZE};

        memcpy(&response.head, kept, RESPONSE_HEAD);
        take_out(s, item);
        item->response = NULL;
        if (!place_response(s, item, &response)) { /* so nothing was written */
            item->response = kept;
            item->state = SST_ITEM_WAITING;
            QTAILQ_INSERT_HEAD(&pair->waiting, item, next);
            return;
        }
        g_free(kept);
    }
}

/* The item, which is in no list, ends here or waits for a buffer. */
static void respond(VirtIOSST *s, SSTItem *item, Response *response)
{
    unsigned generation = s->generation;
    uint32_t status = le32_to_cpu(response->head.status);

    trace_virtio_sst_response(s->link.device_id, ldq_le_p(&item->link.request.request_id), status);
    if (status == BG_SST_OK) {
        s->completed++;
    } else {
        s->failed++;
    }
    response->head.reserved = 0;
    response->head.request_id = item->link.request.request_id;
    response->head.user_data = item->link.request.user_data;
    place_waiting(s, pair_of(s, item)); /* they have been there before */
    if (s->generation != generation) {
        push_chain(s, item, 0);
    } else if (!place_response(s, item, response)) {
        wait_for_buffer(s, item, response);
    }
}

static void respond_status(VirtIOSST *s, SSTItem *item, uint32_t status)
{
    Response response = {.head.status = cpu_to_le32(status)};

    respond(s, item, &response);
}

static void respond_payload(VirtIOSST *s, SSTItem *item, const void *payload, size_t size)
{
    Response response = {.payload = payload, .payload_size = size};

    respond(s, item, &response);
}

static void respond_answer(VirtIOSST *s, SSTItem *item, const void *data, size_t size)
{
    Response response = {.payload = (const uint8_t *)data + RESPONSE_HEAD,
                         .payload_size = size - RESPONSE_HEAD};

    memcpy(&response.head, data, RESPONSE_HEAD);
    respond(s, item, &response);
}

/* ---- Requests ---- */

static void respond_info(VirtIOSST *s, SSTItem *item)
{
    const struct bg_sst_info info = {
        .version = cpu_to_le32(BG_SST_PROTOCOL_VERSION),
        .capabilities = cpu_to_le32(VIRTIO_DEVICE(s)->guest_features & BG_SST_F_ALL),
        .max_compute_units = cpu_to_le64(BG_SST_INFO_COMPUTE_UNITS_MAX),
        .memory_size = cpu_to_le64(BG_SST_INFO_MEMORY_SIZE),
    };

    respond_payload(s, item, &info, sizeof(info));
}

static void fail_all(VirtIOSST *s, uint32_t status)
{
    SSTItem *item;

    while ((item = QTAILQ_FIRST(&s->items)) != NULL) {
        take_out(s, item);
        respond_status(s, item, status);
    }
}

static void reset_simulator(VirtIOSST *s, SSTItem *item)
{
    s->resets++;
    fail_all(s, BG_SST_ERROR);
    sst_link_reset(&s->link, BG_SST_RESET_REQUEST);
    respond_status(s, item, BG_SST_OK);
}

static void forward(VirtIOSST *s, SSTItem *item)
{
    item->link.time_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    item->deadline_ns = item->link.time_ns + (int64_t)s->timeout_ms * SCALE_MS;
    item->state = SST_ITEM_FORWARDED;
    QTAILQ_INSERT_TAIL(&s->items, item, next);
    s->in_flight++;
    sst_link_submit(&s->link, &item->link);
    arm_timeout(s);
}

static void take_request(VirtIOSST *s, SSTItem *item)
{
    struct bg_sst_request *request = &item->link.request;
    uint32_t type = ldl_le_p(&request->type);

    switch (type) {
    case BG_SST_NOOP:
        respond_status(s, item, BG_SST_OK);
        break;
    case BG_SST_ECHO:
        respond_payload(s, item, request->payload.data, BG_SST_PAYLOAD_SIZE);
        break;
    case BG_SST_GET_INFO:
        respond_info(s, item);
        break;
    case BG_SST_RESET:
        reset_simulator(s, item);
        break;
    case BG_SST_COMPUTE:
    case BG_SST_READ:
    case BG_SST_WRITE:
    case BG_SST_CONFIGURE:
        forward(s, item);
        break;
    default:
        qemu_log_mask(LOG_GUEST_ERROR, "virtio-sst: request of unknown type 0x%x\n", type);
        respond_status(s, item, BG_SST_INVALID);
        break;
    }
}

static void read_request(VirtIOSST *s, SSTItem *item, unsigned pair)
{
    struct bg_sst_request *request = &item->link.request;
    size_t size =
        iov_to_buf(item->element.out_sg, item->element.out_num, 0, request, sizeof(*request));

    item->state = SST_ITEM_NEW;
    item->response = NULL;
    item->link.state = SST_REQUEST_OUTSIDE;
    item->link.pair = pair;
    s->requests++;
    if (size == sizeof(*request)) {
        trace_virtio_sst_request(s->link.device_id, pair, ldq_le_p(&request->request_id),
                                 ldl_le_p(&request->type));
        take_request(s, item);
        return;
    }
    qemu_log_mask(LOG_GUEST_ERROR, "virtio-sst: request of %zu bytes, not %zu\n", size,
                  sizeof(*request));
    if (size < offsetof(struct bg_sst_request, user_data)) {
        request->request_id = 0;
    }
    if (size < offsetof(struct bg_sst_request, payload)) {
        request->user_data = 0;
    }
    respond_status(s, item, BG_SST_ERROR);
}

/*
 * False: there is more. With deterministic time all are taken at once. The guest adds none
 * meanwhile: no more than a queue has, unless responses are written over the ring itself.
 */
static bool take_requests(VirtIOSST *s, unsigned pair)
{
    unsigned max = s->link.sync ? VIRTQUEUE_MAX_SIZE + 1 : REQUESTS_MAX;
    SSTItem *item;

    for (unsigned i = 0; i < max; i++) {
        item = pop(s->pairs[pair].request_queue, sizeof(*item));
        if (item == NULL) {
            return true;
        }
        read_request(s, item, pair);
    }
    if (s->link.sync) {
        virtio_error(VIRTIO_DEVICE(s), "virtio-sst: more requests than the queue can have");
    }
    return s->link.sync;
}

/* ---- What is due ---- */

static void send_event(VirtIOSST *s, const void *event)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(s);
    VirtQueue *queue = s->queues[BG_SST_QUEUE_EVENT(virtio_sst_pair_count(s))];
    VirtQueueElement *buffer = NULL;

    if ((vdev->status & VIRTIO_CONFIG_S_DRIVER_OK) &&
        virtio_vdev_has_feature(vdev, ctz64(BG_SST_F_EVENTS))) {
        buffer = pop_buffer(s, queue);
    }
    trace_virtio_sst_event(s->link.device_id, ldl_le_p(event), buffer != NULL);
    if (buffer == NULL) {
        s->events_dropped++;
        return;
    }
    s->events++;
    s->notify_event = true;
    virtqueue_push(
        queue, buffer,
        iov_from_buf(buffer->in_sg, buffer->in_num, 0, event, sizeof(struct bg_sst_event)));
    g_free(buffer);
}

static void finish_due(VirtIOSST *s, SSTDue *due)
{
    SSTItem *item = due->item;

    QTAILQ_REMOVE(&s->due, due, next);
    if (item == NULL) {
        s->due_events--;
        send_event(s, due->data);
    } else {
        QTAILQ_REMOVE(&s->items, item, next);
        s->in_flight--;
        item->state = SST_ITEM_NEW;
        respond_answer(s, item, due->data, due->size);
    }
    g_free(due);
}

static void arm_due(VirtIOSST *s)
{
    SSTDue *first = QTAILQ_FIRST(&s->due);
    uint64_t now_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    uint64_t next_ns = first != NULL ? first->time_ns : BG_SST_TIME_NEVER;

    if (!s->live) {
        return;
    }
    next_ns = s->look_due ? now_ns : MIN(next_ns, MAX(s->link.next_ns, now_ns + 1));
    if (next_ns <= INT64_MAX) {
        timer_mod_ns(s->due_timer, next_ns);
    } else if (timer_pending(s->due_timer)) {
        timer_del(s->due_timer);
    }
}

/* Each reply of the simulator's may name another time. */
void virtio_sst_kick(VirtIOSST *s)
{
    sst_link_kick(&s->link);
    arm_due(s);
}

/* Tells the guest what is due. Nothing is done with the device afterwards but by who looks anew. */
static void finish(VirtIOSST *s)
{
    uint64_t now_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    SSTDue *due;

    while ((due = QTAILQ_FIRST(&s->due)) != NULL && due->time_ns <= now_ns) {
        finish_due(s, due);
    }
    arm_due(s);
    notify_guest(s);
}

/* After all others of the same time. */
static void schedule(VirtIOSST *s, SSTItem *item, uint64_t time_ns, const void *data, size_t size)
{
    SSTDue *due = g_malloc(sizeof(*due) + size);
    SSTDue *before;

    due->time_ns = MAX(time_ns, (uint64_t)qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
    due->item = item;
    due->size = size;
    memcpy(due->data, data, size);
    if (item != NULL) {
        item->state = SST_ITEM_SCHEDULED;
        item->due = due;
    }
    QTAILQ_FOREACH_REVERSE (before, &s->due, next) {
        if (before->time_ns <= due->time_ns) {
            QTAILQ_INSERT_AFTER(&s->due, before, due, next);
            return;
        }
    }
    QTAILQ_INSERT_HEAD(&s->due, due, next);
}

/* ---- What the link tells ---- */

static void link_answer(void *opaque, SSTLinkRequest *request, const SSTAnswer *answer)
{
    VirtIOSST *s = opaque;
    SSTItem *item = container_of(request, SSTItem, link);

    s->cycles += answer->cycles;
    trace_virtio_sst_answer(s->link.device_id, ldq_le_p(&request->request.request_id),
                            answer->cycles, answer->time_ns);
    schedule(s, item, answer->time_ns, answer->response, answer->size);
}

static void link_failed(void *opaque, SSTLinkRequest *request, uint32_t status)
{
    VirtIOSST *s = opaque;
    const Response response = {.head.status = cpu_to_le32(status)};

    s->timeouts += status == BG_SST_TIMEOUT;
    schedule(s, container_of(request, SSTItem, link), 0, &response.head, RESPONSE_HEAD);
}

static void link_event(void *opaque, const struct bg_sst_event *event, uint64_t time_ns)
{
    VirtIOSST *s = opaque;

    if (s->due_events < DUE_EVENTS_MAX) {
        s->due_events++;
        schedule(s, NULL, time_ns, event, sizeof(*event));
    } else {
        s->events_dropped++;
    }
}

static void link_batch_end(void *opaque)
{
    VirtIOSST *s = opaque;
    bool guard = virtio_sst_enter(s);

    finish(s);
    virtio_sst_leave(s, guard);
}

static void link_changed(void *opaque, bool connected)
{
    virtio_sst_update_offer(opaque);
}

const SSTLinkEvents virtio_sst_link_events = {
    .answer = link_answer,
    .failed = link_failed,
    .event = link_event,
    .batch_end = link_batch_end,
    .changed = link_changed,
};

/* ---- Queues ---- */

static bool process_queue(VirtIOSST *s, unsigned index)
{
    if (index >= 2 * virtio_sst_pair_count(s)) {
        return true; /* buffers for events */
    }
    if (index % 2) {
        place_waiting(s, &s->pairs[index / 2]);
        return true;
    }
    return take_requests(s, index / 2);
}

static bool is_live(VirtIODevice *vdev)
{
    return ((vdev->status & VIRTIO_CONFIG_S_DRIVER_OK) || vdev->start_on_kick) && !vdev->broken;
}

static void finish_processing(VirtIOSST *s, bool complete)
{
    if (!complete && s->live) {
        qemu_bh_schedule(s->queue_bh);
    }
    virtio_sst_kick(s);
    finish(s);
}

void virtio_sst_handle_queue(VirtIODevice *vdev, VirtQueue *vq)
{
    VirtIOSST *s = VIRTIO_SST(vdev);
    bool guard = virtio_sst_enter(s); /* also when an eventfd has brought it */

    if (is_live(vdev)) {
        finish_processing(s, process_queue(s, virtio_get_queue_index(vq)));
    }
    virtio_sst_leave(s, guard);
}

static void process(VirtIOSST *s)
{
    bool complete = true;

    if (!is_live(VIRTIO_DEVICE(s))) {
        return;
    }
    for (unsigned i = 0; i < 2 * virtio_sst_pair_count(s); i++) {
        complete &= process_queue(s, i);
    }
    finish_processing(s, complete);
}

void virtio_sst_process_soon(VirtIOSST *s)
{
    s->look_due = true;
    arm_due(s);
}

/* A machine that was stopped meanwhile looks at its queues when it runs again. */
static void on_queue_bh(void *opaque)
{
    VirtIOSST *s = opaque;
    bool guard = virtio_sst_enter(s);

    if (s->live && VIRTIO_DEVICE(s)->vm_running) {
        process(s);
    }
    virtio_sst_leave(s, guard);
}

static void fail_restored(VirtIOSST *s)
{
    SSTItem *item;

    while ((item = QTAILQ_FIRST(&s->restored)) != NULL) {
        take_out(s, item);
        if (virtio_sst_map(s, &item->element)) {
            respond_status(s, item, BG_SST_ERROR);
        } else {
            push_chain(s, item, 0); /* a response has no place */
        }
    }
}

/* ---- Timers ---- */

static bool is_late(const SSTItem *item)
{
    return item != NULL && item->deadline_ns <= qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/* A time-out is told before the deadline's other users see the request: they come from here. */
static void time_out_late(VirtIOSST *s)
{
    SSTItem *item;

    while (is_late(item = QTAILQ_FIRST(&s->items))) {
        trace_virtio_sst_timeout(s->link.device_id, ldq_le_p(&item->link.request.request_id));
        s->timeouts++;
        take_out(s, item);
        respond_status(s, item, BG_SST_TIMEOUT);
    }
    finish_processing(s, true);
}

static void on_timeout(void *opaque)
{
    VirtIOSST *s = opaque;
    bool guard = virtio_sst_enter(s);

    if (is_late(QTAILQ_FIRST(&s->items))) {
        time_out_late(s);
    }
    arm_timeout(s);
    virtio_sst_leave(s, guard);
}

static void on_due(void *opaque)
{
    VirtIOSST *s = opaque;
    bool guard = virtio_sst_enter(s);

    if (s->look_due) {
        s->look_due = false;
        fail_restored(s);
        process(s);
    }
    finish(s);
    if (s->live && s->link.next_ns <= (uint64_t)qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL)) {
        s->link.next_ns = BG_SST_TIME_NEVER; /* until the reply names another */
        sst_link_kick(&s->link);
        finish(s);
    }
    virtio_sst_leave(s, guard);
}

/* ---- Life ---- */

void virtio_sst_queue_init(VirtIOSST *s)
{
    QTAILQ_INIT(&s->items);
    QTAILQ_INIT(&s->restored);
    QTAILQ_INIT(&s->due);
    for (unsigned i = 0; i < BG_SST_PAIRS_MAX; i++) {
        QTAILQ_INIT(&s->pairs[i].waiting);
    }
    virtio_sst_queue_free(s); /* of the time before it was unrealized */
    s->timeout_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, on_timeout, s);
    s->due_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, on_due, s);
    s->queue_bh = virtio_bh_new_guarded(DEVICE(s), on_queue_bh, s);
    s->live = true;
}

void virtio_sst_queue_cleanup(VirtIOSST *s)
{
    s->live = false;
    virtio_sst_drop(s, -1);
    qemu_bh_cancel(s->queue_bh);
    timer_del(s->due_timer);
    timer_del(s->timeout_timer);
}

void virtio_sst_queue_free(VirtIOSST *s)
{
    g_clear_pointer(&s->queue_bh, qemu_bh_delete);
    g_clear_pointer(&s->due_timer, timer_free);
    g_clear_pointer(&s->timeout_timer, timer_free);
}
