/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-sst: the link to the simulator, see the header. */
#include "qemu/osdep.h"
#include <sys/socket.h>
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "system/runstate.h"
#include "trace.h"
#include "virtio-sst-link.h"

/* Between tries to connect, doubled from one to the other. Host time. */
#define RETRY_MIN_MS 2
#define RETRY_MAX_MS 1000

/* How many connections may be lost under a request before it fails. */
#define ATTEMPTS_MAX 3

#define TX_CAPACITY (256u << 10)

/* Input is taken in portions, so that a peer that floods us can not hold the main loop. */
#define READS_MAX 8

/* Unanswered, abandoned requests on the old wire; one more, and the connection ends. */
#define ABANDONED_MAX 4096u
/* Tags to be cancelled: a hint that may get lost. */
#define CANCELS_MAX 1024u

static void flush(SSTLink *link);

void sst_link_warn(SSTLink *link, const char *what)
{
    warn_report_once_cond(&link->warned, "virtio-sst: %s", what);
}

void sst_link_end_batch(SSTLink *link)
{
    if (link->in_batch) {
        link->in_batch = false;
        link->events->batch_end(link->opaque);
    }
}

/* ---- Where a request is ---- */

static void set_outside(SSTLink *link, SSTLinkRequest *request)
{
    switch (request->state) {
    case SST_REQUEST_PENDING:
        QTAILQ_REMOVE(&link->pending, request, next);
        break;
    case SST_REQUEST_SENT:
        QTAILQ_REMOVE(&link->sent, request, next);
        g_hash_table_remove(link->by_tag, &request->tag);
        break;
    default:
        break;
    }
    request->state = SST_REQUEST_OUTSIDE;
}

static void set_sent(SSTLink *link, SSTLinkRequest *request, uint64_t tag, uint64_t position)
{
    QTAILQ_REMOVE(&link->pending, request, next);
    QTAILQ_INSERT_TAIL(&link->sent, request, next);
    request->state = SST_REQUEST_SENT;
    request->tag = tag;
    request->position = position;
    g_hash_table_insert(link->by_tag, &request->tag, request);
}

static void fail(SSTLink *link, SSTLinkRequest *request, uint32_t status)
{
    set_outside(link, request);
    link->in_batch = true;
    link->events->failed(link->opaque, request, status);
}

static void fail_pending(SSTLink *link, uint32_t status)
{
    SSTLinkRequest *request;

    while ((request = QTAILQ_FIRST(&link->pending))) {
        fail(link, request, status);
    }
    sst_link_end_batch(link);
}

/* ---- Connection ---- */

static void receive(SSTLink *link);

/* What the main loop calls. */
static void run_guarded(SSTLink *link, void (*function)(SSTLink *link))
{
    bool unused = false, *guard = link->guard ? link->guard : &unused;
    bool was = *guard;

    *guard = true;
    function(link);
    *guard = was;
}

static void on_readable(void *opaque)
{
    run_guarded(opaque, receive);
}

static void on_writable(void *opaque)
{
    run_guarded(opaque, flush);
}

static bool wants_write(const SSTLink *link)
{
    return link->tx_sent < link->tx.size;
}

static void watch(SSTLink *link)
{
    bool active = link->running && !link->sync;

    if (sst_link_is_up(link)) {
        qemu_set_fd_handler(link->fd, active ? on_readable : NULL,
                            active && wants_write(link) ? on_writable : NULL, link);
    }
}

static void arm_retry(SSTLink *link)
{
    if (link->running && !link->sync) {
        timer_mod(link->retry_timer,
                  qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + link->retry_ms);
    }
    link->retry_ms = MIN(2 * link->retry_ms, RETRY_MAX_MS);
}

static void forget_connection(SSTLink *link)
{
    link->tx.size = link->tx_sent = 0;
    link->stream_queued = link->stream_sent = 0;
    link->reset_end = 0;
    link->sequence = 0;
    link->next_tag = 1;
    link->next_ns = SST_TIME_NEVER;
    g_array_set_size(link->cancels, 0);
    g_hash_table_remove_all(link->abandoned);
    memset(&link->peer, 0, sizeof(link->peer));
    sst_reader_reset(&link->reader);
}

static void close_connection(SSTLink *link)
{
    qemu_set_fd_handler(link->fd, NULL, NULL, NULL);
    close(link->fd);
    link->fd = -1;
    link->state = SST_LINK_DOWN;
    forget_connection(link);
}

static void queue_hello(SSTLink *link)
{
    link->hello = (struct sst_hello) {
        .version = SST_WIRE_VERSION,
        .features = SST_WIRE_EVENTS | SST_WIRE_CANCEL | (link->sync ? SST_WIRE_SYNC : 0),
        .device_id = link->device_id,
        .pairs = link->pairs,
        .in_flight_max = link->in_flight_max,
        .time_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL),
    };
    sst_wire_encode_hello((void *)link->tx.data, &link->hello);
    link->tx.size = sizeof(struct sst_request);
    link->stream_queued = link->tx.size;
}

void sst_link_open(SSTLink *link)
{
    Error *err = NULL;
    int fd = peer_socket_open(link->path, &link->peer_user, "simulator", &err);

    trace_virtio_sst_link_open(link->path, fd);
    timer_del(link->retry_timer);
    if (fd >= 0) {
        link->fd = fd;
        link->connections++;
        link->state = link->extension ? SST_LINK_HELLO : SST_LINK_OLD;
        if (link->extension) {
            queue_hello(link);
        }
        link->events->changed(link->opaque, true);
        watch(link);
        return;
    }
    if (fd == -EAGAIN) {
        link->state = SST_LINK_WAITING;
    } else {
        link->state = SST_LINK_DOWN;
        if (fd != -ENOENT && fd != -ECONNREFUSED) {
            sst_link_warn(link, error_get_pretty(err)); /* not just late */
        }
    }
    error_free(err);
    arm_retry(link);
    if (link->state == SST_LINK_DOWN) {
        fail_pending(link, SST_NO_DEVICE);
    }
}

void sst_link_try_open(SSTLink *link)
{
    if (!sst_link_is_up(link)) {
        sst_link_open(link);
        if (!link->sync) {
            flush(link);
        }
    }
}

static void retry_open(void *opaque)
{
    SSTLink *link = opaque;

    if (link->running) {
        run_guarded(link, sst_link_try_open);
    }
}

/*
 * Requests of which the peer has seen no byte go to the front of those that wait, in their order.
 */
static void sort_out_sent(SSTLink *link, uint32_t status)
{
    SSTLinkRequest *request, *before, *first = QTAILQ_FIRST(&link->pending);

    QTAILQ_FOREACH_SAFE(request, &link->sent, next, before) {
        if (request->position < link->stream_sent || status == SST_TIMEOUT) {
            fail(link, request, status);
            continue;
        }
        set_outside(link, request);
        request->state = SST_REQUEST_PENDING;
        if (first) {
            QTAILQ_INSERT_BEFORE(first, request, next);
        } else {
            QTAILQ_INSERT_TAIL(&link->pending, request, next);
        }
    }
}

void sst_link_lost(SSTLink *link, SSTLoss why)
{
    SSTLinkRequest *request, *after;
    uint32_t status = why == SST_LOSS_TIMEOUT ? SST_TIMEOUT : SST_ERROR;

    trace_virtio_sst_link_lost(link->path, link->state, why);
    link->disconnections++;
    link->reset_due |= link->reset_end > link->stream_sent; /* it was not told in whole */
    sort_out_sent(link, status);
    close_connection(link);
    QTAILQ_FOREACH_SAFE(request, &link->pending, next, after) {
        if (why != SST_LOSS_STALE && (++request->attempts >= ATTEMPTS_MAX || link->sync)) {
            fail(link, request, status);
        }
    }
    sst_link_end_batch(link);
    link->events->changed(link->opaque, false);
    if (!QTAILQ_EMPTY(&link->pending) && !link->sync) {
        sst_link_try_open(link);
    } else {
        arm_retry(link);
    }
}

static void refuse_stream(SSTLink *link, const char *what)
{
    link->protocol_errors++;
    sst_link_warn(link, what);
    sst_link_lost(link, SST_LOSS_PROTOCOL);
}

/* ---- Sending ---- */

static uint64_t free_request_id(SSTLink *link, uint64_t id)
{
    while (id == SST_HELLO_REQUEST_ID || g_hash_table_contains(link->by_tag, &id) ||
           g_hash_table_contains(link->abandoned, &id)) {
        id++;
    }
    return id;
}

/* One structure for each write: an old simulator may expect to read it at once. */
static bool fill_old(SSTLink *link)
{
    SSTLinkRequest *request = QTAILQ_FIRST(&link->pending);
    struct sst_request *message = (void *)link->tx.data;

    if (!request) {
        return false;
    }
    set_sent(link, request, free_request_id(link, ldq_le_p(&request->request.request_id)),
             link->stream_queued);
    *message = request->request;
    stq_le_p(&message->request_id, request->tag);
    link->tx.size = sizeof(*message);
    return true;
}

static void add_notices(SSTLink *link)
{
    struct sst_record record = { .kind = SST_RECORD_RESET,
                                 .size = sizeof(struct sst_reset_notice) };
    struct sst_reset_notice notice = { .reason = cpu_to_le32(link->reset_reason) };

    if (link->reset_due) {
        sst_writer_add(&link->tx, &record, &notice, sizeof(notice), NULL, 0);
        link->reset_due = false;
    }
    for (guint i = 0; i < link->cancels->len; i++) {
        record = (struct sst_record) { .kind = SST_RECORD_CANCEL,
                                       .tag = g_array_index(link->cancels, uint64_t, i) };
        sst_writer_add(&link->tx, &record, NULL, 0, NULL, 0);
    }
    g_array_set_size(link->cancels, 0);
}

static bool add_request(SSTLink *link, SSTLinkRequest *request)
{
    const struct sst_request *message = &request->request;
    struct sst_record record = {
        .kind = SST_RECORD_REQUEST,
        .pair = request->pair,
        .tag = link->next_tag,
        .time_ns = request->time_ns,
    };

    if (!sst_writer_add(&link->tx, &record, message, offsetof(struct sst_request, payload),
                        message->payload.data,
                        sst_wire_used_size(message->payload.data, SST_PAYLOAD_SIZE))) {
        return false;
    }
    set_sent(link, request, link->next_tag++, link->stream_queued);
    return true;
}

static bool fill_frame(SSTLink *link, uint32_t flags)
{
    struct sst_frame frame = { .flags = flags, .sequence = link->sequence + 1 };
    bool has_reset = link->reset_due;
    SSTLinkRequest *request;

    if (!(flags & SST_FRAME_SYNC) && QTAILQ_EMPTY(&link->pending) && !link->reset_due &&
        !link->cancels->len) {
        return false;
    }
    sst_writer_begin(&link->tx);
    add_notices(link);
    while ((request = QTAILQ_FIRST(&link->pending)) && add_request(link, request)) {
    }
    frame.time_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    sst_writer_end(&link->tx, &frame);
    link->sequence++;
    link->frames_sent++;
    if (has_reset) {
        link->reset_end = link->stream_queued + link->tx.size;
    }
    trace_virtio_sst_link_frame(link->path, frame.sequence, frame.time_ns, link->tx.count,
                                link->tx.size);
    return true;
}

bool sst_link_fill(SSTLink *link, uint32_t frame_flags)
{
    bool filled = false;

    link->tx.size = link->tx_sent = 0;
    if (link->state == SST_LINK_OLD) {
        filled = fill_old(link);
    } else if (link->state == SST_LINK_FRAMES) {
        filled = fill_frame(link, frame_flags);
    }
    link->stream_queued += link->tx.size;
    return filled;
}

static void flush(SSTLink *link)
{
    while (sst_link_is_up(link) && link->running &&
           (wants_write(link) || sst_link_fill(link, 0))) {
        ssize_t size = RETRY_ON_EINTR(send(link->fd, link->tx.data + link->tx_sent,
                                           link->tx.size - link->tx_sent,
                                           MSG_DONTWAIT | MSG_NOSIGNAL));

        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            break;
        }
        if (size <= 0) {
            sst_link_lost(link, SST_LOSS_CLOSED);
            return;
        }
        link->tx_sent += size;
        link->stream_sent += size;
        link->bytes_sent += size;
    }
    watch(link);
}

/* ---- Receiving ---- */

static void take_answer(SSTLink *link, uint64_t tag, const SSTAnswer *answer)
{
    SSTLinkRequest *request = g_hash_table_lookup(link->by_tag, &tag);

    if (!request) {
        link->late_answers++;
        trace_virtio_sst_link_late(link->path, tag);
        return;
    }
    set_outside(link, request);
    link->warned = false;
    link->retry_ms = RETRY_MIN_MS;
    link->in_batch = true;
    link->events->answer(link->opaque, request, answer);
}

static void take_hello(SSTLink *link, const struct sst_response *response)
{
    if (!sst_wire_answers_hello(response)) {
        refuse_stream(link, "the simulator answered what it was not asked: connection closed");
        return;
    }
    if (!sst_wire_decode_hello(response, &link->hello, &link->peer)) {
        memset(&link->peer, 0, sizeof(link->peer));
        link->state = SST_LINK_OLD;
    } else if (link->sync && !(link->peer.features & SST_WIRE_SYNC)) {
        refuse_stream(link, "sync=on, but the simulator has no deterministic time");
        return;
    } else {
        link->state = SST_LINK_FRAMES;
        link->reader.frames = true;
    }
    link->warned = false;
    trace_virtio_sst_link_up(link->path, link->state, link->peer.name);
}

static void take_old_response(SSTLink *link, const struct sst_response *response)
{
    uint64_t id = ldq_le_p(&response->request_id);
    const SSTLinkRequest *request = g_hash_table_lookup(link->by_tag, &id);
    SSTAnswer answer = { .response = response, .size = sizeof(*response) };

    if (request) {
        if (ldl_le_p(&request->request.type) == SST_COMPUTE) {
            answer.cycles = ldq_le_p(&response->payload.compute.cycles);
        }
        if (link->sync) {
            answer.time_ns = sst_link_old_time_ns(link, request, answer.cycles);
        }
        take_answer(link, id, &answer);
    } else if (g_hash_table_remove(link->abandoned, &id)) {
        link->late_answers++;
        trace_virtio_sst_link_late(link->path, id);
    } else {
        refuse_stream(link, "the simulator answered what it was not asked: connection closed");
    }
}

static void take_record(SSTLink *link)
{
    const struct sst_record *record = &link->reader.record;
    SSTAnswer answer = {
        .response = (const void *)link->reader.body,
        .size = record->size,
        .time_ns = record->time_ns,
        .cycles = record->cycles,
    };

    switch (record->kind) {
    case SST_RECORD_ANSWER:
        take_answer(link, record->tag, &answer);
        break;
    case SST_RECORD_EVENT:
        link->in_batch = true;
        link->events->event(link->opaque, (const void *)link->reader.body, record->time_ns);
        break;
    default:
        break; /* of a later version */
    }
}

bool sst_link_consume(SSTLink *link, uint64_t reply_to)
{
    uint64_t connection = link->connections;

    for (;;) {
        switch (sst_reader_next(&link->reader)) {
        case SST_READ_MORE:
            return true;
        case SST_READ_RESPONSE:
            if (link->state == SST_LINK_HELLO) {
                take_hello(link, link->reader.response);
            } else {
                take_old_response(link, link->reader.response);
            }
            break;
        case SST_READ_RECORD:
            take_record(link);
            break;
        case SST_READ_FRAME:
            if (reply_to && link->reader.frame.sequence == reply_to &&
                (link->reader.frame.flags & SST_FRAME_SYNC)) {
                link->next_ns = link->reader.frame.next_ns;
                return false;
            }
            if (link->sync) {
                refuse_stream(link, "the simulator spoke unasked: connection closed");
            }
            break;
        default:
            refuse_stream(link, "the simulator sent what is no frame: connection closed");
            break;
        }
        if (link->connections != connection || !sst_link_is_up(link)) {
            return false;
        }
    }
}

static void receive(SSTLink *link)
{
    for (unsigned i = 0; i < READS_MAX; i++) {
        size_t room;
        uint8_t *space = sst_reader_space(&link->reader, &room);
        ssize_t size = RETRY_ON_EINTR(recv(link->fd, space, room, MSG_DONTWAIT));

        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            break;
        }
        if (size <= 0) {
            sst_link_end_batch(link);
            sst_link_lost(link, SST_LOSS_CLOSED);
            return;
        }
        link->bytes_received += size;
        sst_reader_put(&link->reader, size);
        if (!sst_link_consume(link, 0)) {
            return;
        }
        if ((size_t)size < room) {
            break; /* that was all */
        }
    }
    sst_link_end_batch(link);
    flush(link);
}

/* ---- Requests ---- */

void sst_link_submit(SSTLink *link, SSTLinkRequest *request)
{
    request->state = SST_REQUEST_PENDING;
    request->attempts = 0;
    QTAILQ_INSERT_TAIL(&link->pending, request, next);
}

void sst_link_kick(SSTLink *link)
{
    if (!link->running) {
        return;
    }
    if (link->sync) {
        sst_link_exchange(link);
        return;
    }
    if (g_hash_table_size(link->abandoned) > ABANDONED_MAX) {
        sst_link_lost(link, SST_LOSS_LOCAL);
    }
    if (link->state == SST_LINK_DOWN && !QTAILQ_EMPTY(&link->pending)) {
        sst_link_open(link);
    }
    flush(link);
}

void sst_link_abandon(SSTLink *link, SSTLinkRequest *request)
{
    bool sent = request->state == SST_REQUEST_SENT;

    set_outside(link, request);
    if (!sent) {
        return;
    }
    if (link->state == SST_LINK_FRAMES) {
        if ((link->peer.features & SST_WIRE_CANCEL) && link->cancels->len < CANCELS_MAX) {
            g_array_append_val(link->cancels, request->tag);
        }
    } else {
        g_hash_table_add(link->abandoned, g_memdup2(&request->tag, sizeof(request->tag)));
    }
}

void sst_link_reset(SSTLink *link, uint32_t reason)
{
    g_array_set_size(link->cancels, 0);
    link->reset_due = true;
    link->reset_reason = reason;
}

void sst_link_set_running(SSTLink *link, bool running)
{
    link->running = running;
    link->retry_ms = RETRY_MIN_MS;
    if (!running) {
        timer_del(link->retry_timer);
        watch(link);
    } else {
        sst_link_try_open(link);
        if (!link->sync) {
            flush(link);
        }
    }
}

/* ---- Life ---- */

void sst_link_init(SSTLink *link, const SSTLinkEvents *events, void *opaque)
{
    link->events = events;
    link->opaque = opaque;
    link->fd = -1;
    link->running = runstate_is_running();
    link->retry_ms = RETRY_MIN_MS;
    QTAILQ_INIT(&link->pending);
    QTAILQ_INIT(&link->sent);
    link->by_tag = g_hash_table_new(g_int64_hash, g_int64_equal);
    link->abandoned = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    link->cancels = g_array_new(false, false, sizeof(uint64_t));
    link->tx.data = g_malloc(TX_CAPACITY);
    link->tx.capacity = TX_CAPACITY;
    link->retry_timer = timer_new_ms(QEMU_CLOCK_REALTIME, retry_open, link);
    forget_connection(link);
}

void sst_link_cleanup(SSTLink *link)
{
    if (sst_link_is_up(link)) {
        close_connection(link);
    }
    timer_free(link->retry_timer);
    g_hash_table_destroy(link->by_tag);
    g_hash_table_destroy(link->abandoned);
    g_array_free(link->cancels, true);
    g_free(link->tx.data);
}
