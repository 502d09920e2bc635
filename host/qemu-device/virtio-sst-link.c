/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-sst: the link to the simulator, see the header. */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
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

/* The old wire: an existing simulator's own sends fail when more than so many wait. Abandoned ones
 * count until they are answered. */
#define OLD_IN_FLIGHT_MAX 16u
/* When all of those are abandoned, and nothing was heard for so long, the connection ends. */
#define OLD_SILENCE_MS 4000
/* Tags to be cancelled: a hint that may get lost. */
#define CANCELS_MAX 1024u

static void flush(PeerLink *peer);

static SSTLink *link_of(PeerLink *peer)
{
    return container_of(peer, SSTLink, peer);
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
    link->events->failed(link->opaque, request, status);
}

static void fail_pending(SSTLink *link, uint32_t status)
{
    SSTLinkRequest *request;

    while ((request = QTAILQ_FIRST(&link->pending)) != NULL) {
        fail(link, request, status);
    }
}

/* ---- Connection ---- */

static int64_t now_ms(void)
{
    return qemu_clock_get_ms(QEMU_CLOCK_REALTIME);
}

static void arm_retry(SSTLink *link)
{
    if (link->peer.running) {
        peer_link_retry_later(&link->peer);
    }
}

static void forget_connection(SSTLink *link)
{
    peer_link_close(&link->peer);
    link->stream_queued = 0;
    link->reset_end = 0;
    link->sequence = 0;
    link->next_tag = 1;
    link->next_ns = BG_SST_TIME_NEVER;
    g_array_set_size(link->cancels, 0);
    g_hash_table_remove_all(link->abandoned);
    memset(&link->model, 0, sizeof(link->model));
    sst_reader_reset(&link->reader);
}

static void queue_hello(SSTLink *link)
{
    link->hello = (struct bg_sst_hello){
        .version = BG_SST_WIRE_VERSION,
        .features = BG_SST_WIRE_EVENTS | BG_SST_WIRE_CANCEL | (link->sync ? BG_SST_WIRE_SYNC : 0),
        .device_id = link->device_id,
        .pairs = link->pairs,
        .in_flight_max = link->in_flight_max,
        .time_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL),
    };
    sst_wire_encode_hello((void *)link->peer.tx, &link->hello);
    link->peer.tx_size = sizeof(struct bg_sst_request);
    link->stream_queued = link->peer.tx_size;
}

void sst_link_open(SSTLink *link)
{
    PeerLink *peer = &link->peer;
    Error *err = NULL;
    int result = peer_link_open(peer, &err);

    trace_virtio_sst_link_open(peer->path, result);
    if (result == 0 || result == -EPERM) {
        link->heard_ms = now_ms();
        link->distance_ms = MIN(MAX(2 * link->distance_ms, RETRY_MIN_MS), RETRY_MAX_MS);
    }
    if (result == 0) {
        peer->state = link->extension ? SST_LINK_HELLO : SST_LINK_OLD;
        if (link->extension) {
            queue_hello(link);
        }
        link->events->changed(link->opaque, true);
        peer_link_watch(peer);
        return;
    }
    if (result == -EAGAIN) {
        peer->state = PEER_LINK_WAITING;
    } else if (result != -ENOENT && result != -ECONNREFUSED) {
        peer_link_warn(peer, "%s", error_get_pretty(err)); /* not just late */
    }
    error_free(err);
    arm_retry(link);
    if (peer->state == PEER_LINK_DOWN) {
        fail_pending(link, BG_SST_NO_DEVICE);
    }
}

/* With requests that wait: not before the distance. Deterministic time has a deadline instead. */
static void open_for_pending(SSTLink *link)
{
    int64_t at_ms = link->heard_ms + link->distance_ms;

    if (link->sync || now_ms() >= at_ms) {
        sst_link_open(link);
    } else {
        link->peer.state = PEER_LINK_WAITING;
        timer_mod(link->peer.retry_timer, at_ms);
    }
}

static void try_open(PeerLink *peer)
{
    if (!peer_link_is_up(peer)) {
        sst_link_open(link_of(peer));
        flush(peer);
    }
}

void sst_link_try_open(SSTLink *link)
{
    try_open(&link->peer);
}

/*
 * Requests of which the peer has seen no byte go to the front of those that wait, in their order.
 */
static void sort_out_sent(SSTLink *link, uint32_t status)
{
    SSTLinkRequest *request, *before, *first = QTAILQ_FIRST(&link->pending);

    QTAILQ_FOREACH_SAFE (request, &link->sent, next, before) {
        if (request->position < link->peer.sent || status == BG_SST_TIMEOUT) {
            fail(link, request, status);
            continue;
        }
        set_outside(link, request);
        request->state = SST_REQUEST_PENDING;
        if (first != NULL) {
            QTAILQ_INSERT_BEFORE(first, request, next);
        } else {
            QTAILQ_INSERT_TAIL(&link->pending, request, next);
        }
    }
}

void sst_link_lost(SSTLink *link, SSTLoss why)
{
    SSTLinkRequest *request, *after;
    uint32_t status = why == SST_LOSS_TIMEOUT ? BG_SST_TIMEOUT : BG_SST_ERROR;

    trace_virtio_sst_link_lost(link->peer.path, link->peer.state, why);
    link->reset_due |= link->reset_end > link->peer.sent; /* it was not told in whole */
    sort_out_sent(link, status);
    forget_connection(link);
    QTAILQ_FOREACH_SAFE (request, &link->pending, next, after) {
        if (why != SST_LOSS_STALE && (++request->attempts >= ATTEMPTS_MAX || link->sync)) {
            fail(link, request, status);
        }
    }
    link->events->changed(link->opaque, false);
    if (!QTAILQ_EMPTY(&link->pending) && link->peer.running) {
        open_for_pending(link);
        flush(&link->peer);
    } else {
        arm_retry(link);
    }
}

static void refuse_stream(SSTLink *link, const char *what)
{
    link->peer.protocol_errors++;
    peer_link_warn(&link->peer, "%s", what);
    sst_link_lost(link, SST_LOSS_PROTOCOL);
}

/* ---- Sending ---- */

static uint64_t free_request_id(SSTLink *link, uint64_t id)
{
    while (id == BG_SST_HELLO_REQUEST_ID || g_hash_table_contains(link->by_tag, &id) ||
           g_hash_table_contains(link->abandoned, &id)) {
        id++;
    }
    return id;
}

/* One structure for each write: an old simulator may expect to read it at once. */
static bool fill_old(SSTLink *link)
{
    SSTLinkRequest *request = QTAILQ_FIRST(&link->pending);
    struct bg_sst_request *message = (void *)link->peer.tx;

    if (request == NULL ||
        g_hash_table_size(link->by_tag) + g_hash_table_size(link->abandoned) >= OLD_IN_FLIGHT_MAX) {
        return false;
    }
    set_sent(link, request, free_request_id(link, ldq_le_p(&request->request.request_id)),
             link->stream_queued);
    *message = request->request;
    stq_le_p(&message->request_id, request->tag);
    link->peer.tx_size = sizeof(*message);
    return true;
}

static void add_notices(SSTLink *link)
{
    struct bg_sst_record record = {.kind = BG_SST_RECORD_RESET,
                                   .size = sizeof(struct bg_sst_reset_notice)};
    struct bg_sst_reset_notice notice = {.reason = cpu_to_le32(link->reset_reason)};

    if (link->reset_due) {
        sst_writer_add(&link->tx, &record, &notice, sizeof(notice), NULL, 0);
        link->reset_due = false;
    }
    for (guint i = 0; i < link->cancels->len; i++) {
        record = (struct bg_sst_record){.kind = BG_SST_RECORD_CANCEL,
                                        .tag = g_array_index(link->cancels, uint64_t, i)};
        sst_writer_add(&link->tx, &record, NULL, 0, NULL, 0);
    }
    g_array_set_size(link->cancels, 0);
}

static bool add_request(SSTLink *link, SSTLinkRequest *request)
{
    const struct bg_sst_request *message = &request->request;
    struct bg_sst_record record = {
        .kind = BG_SST_RECORD_REQUEST,
        .pair = request->pair,
        .tag = link->next_tag,
        .time_ns = request->time_ns,
    };

    if (!sst_writer_add(&link->tx, &record, message, offsetof(struct bg_sst_request, payload),
                        message->payload.data,
                        sst_wire_used_size(message->payload.data, BG_SST_PAYLOAD_SIZE))) {
        return false;
    }
    set_sent(link, request, link->next_tag++, link->stream_queued);
    return true;
}

static bool fill_frame(SSTLink *link, uint32_t flags)
{
    struct bg_sst_frame frame = {.flags = flags, .sequence = link->sequence + 1};
    bool has_reset = link->reset_due;
    SSTLinkRequest *request;

    if (!(flags & BG_SST_FRAME_SYNC) && QTAILQ_EMPTY(&link->pending) && !link->reset_due &&
        !link->cancels->len) {
        return false;
    }
    link->tx = (SSTWriter){.data = link->peer.tx, .capacity = TX_CAPACITY};
    sst_writer_begin(&link->tx);
    add_notices(link);
    while ((request = QTAILQ_FIRST(&link->pending)) != NULL && add_request(link, request)) {
    }
    frame.time_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    sst_writer_end(&link->tx, &frame);
    link->peer.tx_size = link->tx.size;
    link->sequence++;
    link->frames_sent++;
    if (has_reset) {
        link->reset_end = link->stream_queued + link->tx.size;
    }
    trace_virtio_sst_link_frame(link->peer.path, frame.sequence, frame.time_ns, link->tx.count,
                                link->tx.size);
    return true;
}

bool sst_link_fill(SSTLink *link, uint32_t frame_flags)
{
    bool filled = false;

    link->peer.tx_size = link->peer.tx_sent = 0;
    if (link->peer.state == SST_LINK_OLD) {
        filled = fill_old(link);
    } else if (link->peer.state == SST_LINK_FRAMES) {
        filled = fill_frame(link, frame_flags);
    }
    link->stream_queued += link->peer.tx_size;
    return filled;
}

static void flush(PeerLink *peer)
{
    while (peer_link_is_up(peer) && peer->running &&
           (peer_link_wants_write(peer) || sst_link_fill(link_of(peer), 0))) {
        if (!peer_link_flush(peer)) {
            sst_link_lost(link_of(peer), SST_LOSS_CLOSED);
            return;
        }
        if (peer_link_wants_write(peer)) {
            return;
        }
    }
}

/* ---- Receiving ---- */

static void take_answer(SSTLink *link, uint64_t tag, const SSTAnswer *answer)
{
    SSTLinkRequest *request = g_hash_table_lookup(link->by_tag, &tag);

    if (request == NULL) {
        link->late_answers++;
        trace_virtio_sst_link_late(link->peer.path, tag);
        return;
    }
    set_outside(link, request);
    link->heard_ms = now_ms();
    link->distance_ms = 0;
    link->peer.warned = false;
    peer_link_retry_anew(&link->peer);
    link->events->answer(link->opaque, request, answer);
}

static void take_hello(SSTLink *link, const struct bg_sst_response *response)
{
    if (!sst_wire_answers_hello(response)) {
        refuse_stream(link, "the simulator answered what it was not asked: connection closed");
        return;
    }
    if (!sst_wire_decode_hello(response, &link->hello, &link->model)) {
        memset(&link->model, 0, sizeof(link->model));
        link->peer.state = SST_LINK_OLD;
    } else if (link->sync && !(link->model.features & BG_SST_WIRE_SYNC)) {
        refuse_stream(link, "sync=on, but the simulator has no deterministic time");
        return;
    } else {
        link->peer.state = SST_LINK_FRAMES;
        link->reader.frames = true;
    }
    link->peer.warned = false;
    trace_virtio_sst_link_up(link->peer.path, link->peer.state, link->model.name);
}

static void take_old_response(SSTLink *link, const struct bg_sst_response *response)
{
    uint64_t id = ldq_le_p(&response->request_id);
    const SSTLinkRequest *request = g_hash_table_lookup(link->by_tag, &id);
    SSTAnswer answer = {.response = response, .size = sizeof(*response)};

    if (request != NULL) {
        if (ldl_le_p(&request->request.type) == BG_SST_COMPUTE) {
            answer.cycles = ldq_le_p(&response->payload.compute.cycles);
        }
        if (link->sync) {
            answer.time_ns = sst_link_old_time_ns(link, request, answer.cycles);
        }
        take_answer(link, id, &answer);
    } else if (g_hash_table_remove(link->abandoned, &id)) {
        link->heard_ms = now_ms();
        link->late_answers++;
        trace_virtio_sst_link_late(link->peer.path, id);
    } else {
        refuse_stream(link, "the simulator answered what it was not asked: connection closed");
    }
}

static void take_record(SSTLink *link)
{
    const struct bg_sst_record *record = &link->reader.record;
    SSTAnswer answer = {
        .response = (const void *)link->reader.body,
        .size = record->size,
        .time_ns = record->time_ns,
        .cycles = record->cycles,
    };

    switch (record->kind) {
    case BG_SST_RECORD_ANSWER:
        take_answer(link, record->tag, &answer);
        break;
    case BG_SST_RECORD_EVENT:
        link->events->event(link->opaque, (const void *)link->reader.body, record->time_ns);
        break;
    default:
        break; /* of a later version */
    }
}

bool sst_link_consume(SSTLink *link, uint64_t reply_to)
{
    uint64_t connection = link->peer.connections;

    for (;;) {
        switch (sst_reader_next(&link->reader)) {
        case SST_READ_MORE:
            return true;
        case SST_READ_RESPONSE:
            if (link->peer.state == SST_LINK_HELLO) {
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
                (link->reader.frame.flags & BG_SST_FRAME_SYNC)) {
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
        if (link->peer.connections != connection || !sst_link_is_up(link)) {
            return false;
        }
    }
}

/* Straight into the reader, in large portions. */
static void receive(PeerLink *peer)
{
    SSTLink *link = link_of(peer);

    for (unsigned i = 0; i < READS_MAX; i++) {
        size_t room;
        uint8_t *space = sst_reader_space(&link->reader, &room);
        ssize_t size = peer_link_read(peer, space, room);

        if (size == -EAGAIN) {
            break;
        }
        if (size <= 0) {
            sst_link_lost(link, SST_LOSS_CLOSED);
            return;
        }
        sst_reader_put(&link->reader, size);
        if (!sst_link_consume(link, 0)) {
            return;
        }
        if ((size_t)size < room) {
            break; /* that was all */
        }
    }
    flush(peer);
}

/* ---- What the main loop calls ---- */

static void on_readable(PeerLink *peer)
{
    receive(peer);
    link_of(peer)->events->batch_end(link_of(peer)->opaque);
}

static void on_writable(PeerLink *peer)
{
    flush(peer);
    link_of(peer)->events->batch_end(link_of(peer)->opaque);
}

static void on_retry(PeerLink *peer)
{
    try_open(peer);
    link_of(peer)->events->batch_end(link_of(peer)->opaque);
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
    if (g_hash_table_size(link->abandoned) >= OLD_IN_FLIGHT_MAX &&
        now_ms() - link->heard_ms >= OLD_SILENCE_MS) {
        sst_link_lost(link, SST_LOSS_LOCAL);
    }
    if (link->peer.state == PEER_LINK_DOWN && !QTAILQ_EMPTY(&link->pending)) {
        open_for_pending(link);
    }
    flush(&link->peer);
}

void sst_link_abandon(SSTLink *link, SSTLinkRequest *request)
{
    bool sent = request->state == SST_REQUEST_SENT;

    set_outside(link, request);
    if (!sent) {
        return;
    }
    if (link->peer.state == SST_LINK_FRAMES) {
        if ((link->model.features & BG_SST_WIRE_CANCEL) && link->cancels->len < CANCELS_MAX) {
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
    link->peer.running = running && !link->sync;
    peer_link_retry_anew(&link->peer);
    peer_link_watch(&link->peer);
    if (!running) {
        timer_del(link->peer.retry_timer);
    } else {
        sst_link_try_open(link);
        flush(&link->peer);
    }
}

/* ---- Life ---- */

static const PeerLinkOps peer_ops = {
    .device = "virtio-sst",
    .peer = "simulator",
    .clock = QEMU_CLOCK_REALTIME,
    .retry_first_ms = RETRY_MIN_MS,
    .retry_max_ms = RETRY_MAX_MS,
    .tx_capacity = TX_CAPACITY,
    .readable = on_readable,
    .writable = on_writable,
    .retry = on_retry,
};

void sst_link_init(SSTLink *link, const SSTLinkEvents *events, void *opaque, Object *owner)
{
    link->events = events;
    link->opaque = opaque;
    link->running = runstate_is_running();
    QTAILQ_INIT(&link->pending);
    QTAILQ_INIT(&link->sent);
    sst_link_free(link); /* of the time before it was unrealized */
    link->by_tag = g_hash_table_new(g_int64_hash, g_int64_equal);
    link->abandoned = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    link->cancels = g_array_new(false, false, sizeof(uint64_t));
    peer_link_init(&link->peer, &peer_ops, owner, link->running && !link->sync);
    forget_connection(link);
}

void sst_link_cleanup(SSTLink *link)
{
    link->running = false;
    peer_link_cleanup(&link->peer);
}

void sst_link_free(SSTLink *link)
{
    g_clear_pointer(&link->by_tag, g_hash_table_destroy);
    g_clear_pointer(&link->abandoned, g_hash_table_destroy);
    g_clear_pointer(&link->cancels, g_array_unref);
}
