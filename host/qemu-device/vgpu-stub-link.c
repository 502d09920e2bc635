/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vgpu-stub: the link to the mediator, see the header. */
#include "qemu/osdep.h"
#include "protocol/compute.h"
#include "qapi/error.h"
#include "system/runstate.h"
#include "trace.h"
#include "vgpu-stub-link.h"

/* How long to wait for room in the listener's queue before the next try: doubled each time. */
#define RETRY_FIRST_MS 2
#define RETRY_MAX_MS 32

/* Before the same request is sent again on another connection, see may_begin_again(). */
#define AGAIN_INTERVAL_MS 2
#define RESETS_MAX 16

/* Between connections that served nobody: doubled each time. */
#define DISTANCE_FIRST_MS 10
#define DISTANCE_MAX_MS 1000
/* A guest that resets the device after so long is not one that does nothing else. */
#define STABLE_MS 1000

/* A guest that asks this often for an answer that is not there polls. */
#define POLLS_MIN 16

/* How often is looked whether it still does. Real time: it is the main loop's work that counts. A
 * guest that has stopped asking misses nothing meanwhile: counters and the peer wait. */
#define POLLED_INTERVAL_MS 20

static VGPUStubLink *link_of(PeerLink *peer)
{
    return container_of(peer, VGPUStubLink, peer);
}

/* All of it is about what the host's processes have to bear. */
static int64_t now_ms(void)
{
    return qemu_clock_get_ms(QEMU_CLOCK_REALTIME);
}

static void grow(unsigned *distance_ms)
{
    *distance_ms = MIN(MAX(2 * *distance_ms, DISTANCE_FIRST_MS), DISTANCE_MAX_MS);
}

/* ---- Forms ---- */

/* AUTO: path to form + 1, of all devices of this process. */
static GHashTable *known_forms;

static bool form_is_known(const VGPUStubLink *link)
{
    return link->wire != VGPU_STUB_WIRE_AUTO || link->peer.path == NULL ||
           (known_forms != NULL && g_hash_table_contains(known_forms, link->peer.path));
}

static bool known_form(const VGPUStubLink *link)
{
    if (link->wire != VGPU_STUB_WIRE_AUTO || link->peer.path == NULL || known_forms == NULL) {
        return link->wire == VGPU_STUB_WIRE_24;
    }
    return GPOINTER_TO_INT(g_hash_table_lookup(known_forms, link->peer.path)) == 2;
}

static void remember_form(const VGPUStubLink *link)
{
    if (link->wire != VGPU_STUB_WIRE_AUTO || link->peer.path == NULL) {
        return;
    }
    if (known_forms == NULL) {
        known_forms = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    }
    g_hash_table_insert(known_forms, g_strdup(link->peer.path),
                        GINT_TO_POINTER(link->long_form + 1));
}

static const char *where(const VGPUStubLink *link)
{
    return link->peer.path != NULL ? link->peer.path : "chardev";
}

/* ---- Connection ---- */

static void forget_connection(VGPUStubLink *link)
{
    peer_link_close(&link->peer);
    link->answered = false;
    link->tx_last = link->tx_end = 0;
    link->abandoned_count = 0;
    link->closed_while_stopped = false;
    vgpu_stub_reader_reset(&link->reader);
    link->polls = 0;
    timer_del(link->polled_timer);
}

void vgpu_stub_link_opened(VGPUStubLink *link)
{
    trace_vgpu_stub_link_up(where(link));
    link->long_form = known_form(link) ^ (link->active && link->other_form);
    link->reader.long_form = link->long_form;
    peer_link_retry_anew(&link->peer);
    if (!link->active) { /* else what is to be sent comes first: an older mediator looks only once
                          */
        peer_link_watch(&link->peer);
    }
}

static void end_connection(VGPUStubLink *link, VGPUStubLoss why)
{
    if (vgpu_stub_link_is_up(link)) {
        trace_vgpu_stub_link_down(where(link), why);
    }
    forget_connection(link);
}

static void open_connection(VGPUStubLink *link, bool quiet)
{
    Error *err = NULL;
    int result = peer_link_open(&link->peer, &err);

    trace_vgpu_stub_link_open(where(link), result);
    if (result == 0 || result == -EPERM) {
        link->connected_ms = now_ms();
    }
    if (result == 0) {
        vgpu_stub_link_opened(link);
    } else if (result == -EAGAIN) {
        link->peer.state = PEER_LINK_WAITING;
        peer_link_retry_later(&link->peer);
    } else if (err != NULL && !quiet) {
        peer_link_warn(&link->peer, "%s", error_get_pretty(err));
    }
    error_free(err);
}

void vgpu_stub_link_try_open(VGPUStubLink *link)
{
    if (link->peer.state != PEER_LINK_DOWN) {
        return;
    }
    open_connection(link, true);
    if (link->peer.state == PEER_LINK_WAITING) {
        forget_connection(link);
    }
}

/* ---- Sending ---- */

static void flush(PeerLink *peer);

static void fail_request(VGPUStubLink *link)
{
    link->active = false;
    link->events->failed(link->opaque, BG_COMPUTE_MEDIATOR_UNAVAILABLE);
}

/* Begins the active request: connects if need be, not before @at_ms, and sends what the connection
 * takes. */
static void begin_request(VGPUStubLink *link, int64_t at_ms)
{
    uint8_t message[VGPU_STUB_MESSAGE_MAX];
    size_t size;

    if (link->peer.state == PEER_LINK_DOWN && now_ms() >= at_ms) {
        open_connection(link, false);
    } else if (link->peer.state == PEER_LINK_DOWN) {
        link->peer.state = PEER_LINK_WAITING;
        timer_mod(link->peer.retry_timer, at_ms);
    }
    if (link->peer.state == PEER_LINK_DOWN) {
        fail_request(link);
        return;
    }
    if (link->peer.state == PEER_LINK_WAITING) {
        return; /* its form is known when there is a connection */
    }
    link->message.long_form = link->long_form;
    size = vgpu_stub_message_encode(message, &link->message);
    if (!peer_link_queue(&link->peer, message, size)) {
        vgpu_stub_link_lost(link, VGPU_STUB_LOSS_LOCAL); /* can not be: there is room for two */
        return;
    }
    link->tx_end = link->peer.tx_size;
    link->tx_last = link->tx_end - size;
    flush(&link->peer);
}

static void retry_open(PeerLink *peer)
{
    VGPUStubLink *link = link_of(peer);

    if (peer->state != PEER_LINK_WAITING || !peer->running) {
        return;
    }
    open_connection(link, false);
    if (peer->state == PEER_LINK_DOWN) {
        forget_connection(link);
        fail_request(link);
    } else if (peer_link_is_up(peer)) {
        begin_request(link, 0);
    }
}

/* Sending may fail: the peer is gone, but may have said why. That comes first. */
static void flush(PeerLink *peer)
{
    uint64_t connection = peer->connections;

    if (!peer_link_is_up(peer) || !peer->running || peer_link_flush(peer)) {
        return;
    }
    vgpu_stub_link_poll(link_of(peer));
    if (peer_link_is_current(peer, connection)) {
        vgpu_stub_link_lost(link_of(peer), VGPU_STUB_LOSS_RESET);
    }
}

/* ---- Losing the connection ---- */

/*
 * Whether the active request, whose connection just ended, can be sent again without the risk of
 * being executed twice. Older mediators close after every answer, so that the close can cross
 * the next request on its way; the oldest close, too, when they find nothing right after accept().
 * The request is certainly not executed when
 * - no byte of it was taken: it is sent again until its time-out; once, when what ended the
 * connection was what an older one of its requests was answered with;
 * - the connection was reset: the peer closed it with unread data in it (unix(7) sockets say
 *   ECONNRESET only then), the last unread byte is the last that we sent, and only complete
 *   requests are executed. A mediator that turns it away each time means it.
 */
static bool is_untouched(const VGPUStubLink *link)
{
    return link->tx_end > 0 && link->peer.tx_sent <= link->tx_last;
}

static bool may_begin_again(VGPUStubLink *link, VGPUStubLoss why)
{
    bool by_peer = why == VGPU_STUB_LOSS_RESET || why == VGPU_STUB_LOSS_CLOSED ||
                   (why == VGPU_STUB_LOSS_PROTOCOL && link->joined);

    if (link->peer.transport->read == NULL || !by_peer) {
        return false;
    }
    link->joined = false;
    if (is_untouched(link)) {
        return true;
    }
    if (why == VGPU_STUB_LOSS_PROTOCOL) {
        return false;
    }
    /* Perhaps refused for its form. */
    if (!form_is_known(link) && !link->answered && !link->refused) {
        link->other_form = !link->other_form;
        link->refused = why == VGPU_STUB_LOSS_CLOSED || ++link->resets > RESETS_MAX;
        return true;
    }
    return (why == VGPU_STUB_LOSS_RESET && vgpu_stub_reader_is_between(&link->reader) &&
            ++link->resets <= RESETS_MAX);
}

void vgpu_stub_link_lost(VGPUStubLink *link, VGPUStubLoss why)
{
    bool again = link->active && may_begin_again(link, why);
    bool answered = link->answered;

    end_connection(link, why);
    if (again) {
        trace_vgpu_stub_link_again(link->wire_id, link->resets);
        /* Not at once: connect() wakes such a mediator, which would win again. */
        begin_request(link, answered ? 0 : now_ms() + AGAIN_INTERVAL_MS);
    } else if (link->active) {
        fail_request(link);
    }
}

/* ---- Receiving ---- */

/* True, and forgets it, if @id is that of an abandoned request. */
static bool forget_abandoned(VGPUStubLink *link, uint32_t id)
{
    for (unsigned i = 0; i < link->abandoned_count; i++) {
        if (link->abandoned[i] == id) {
            link->abandoned[i] = link->abandoned[--link->abandoned_count];
            return true;
        }
    }
    return false;
}

static void refuse_stream(VGPUStubLink *link, const char *what)
{
    link->peer.protocol_errors++;
    peer_link_warn(&link->peer, "the mediator sent %s: connection closed", what);
    vgpu_stub_link_lost(link, VGPU_STUB_LOSS_PROTOCOL);
}

/* Of a mediator that asks whether we live. One that does not read gets none. */
static void send_pong(VGPUStubLink *link)
{
    VGPUStubMessage pong = link->reader.message;
    uint8_t bytes[VGPU_STUB_MESSAGE_MAX];

    if (peer_link_wants_write(&link->peer)) {
        return;
    }
    pong.type = BG_VGPU_STUB_MESSAGE_PONG;
    pong.payload_length = 0;
    peer_link_queue(&link->peer, bytes, vgpu_stub_message_encode(bytes, &pong));
    link->tx_last = link->tx_end = 0;
    flush(&link->peer);
}

/* May end the connection. */
static void take_message(VGPUStubLink *link)
{
    const VGPUStubMessage *message = &link->reader.message;
    bool late;

    trace_vgpu_stub_link_message(message->type, message->request_id, message->payload_length);
    if (message->type == BG_VGPU_STUB_MESSAGE_PING) {
        send_pong(link);
        return;
    }
    if (!vgpu_stub_message_is_answer(message)) {
        return;
    }
    remember_form(link);
    link->unserved = false;
    link->unserved_ms = 0;
    if (link->active && message->request_id == link->wire_id) {
        /* Nor can it be waited for: what is left of the request would be in the way of the next. */
        if (link->peer.tx_sent < link->tx_end) {
            link->joined = false; /* it is about this one */
            refuse_stream(link, "an answer to a request that it has not read");
            return;
        }
        link->active = false;
        link->answered = true;
        link->peer.warned = false;
        link->events->answer(link->opaque, message);
        return;
    }
    late = forget_abandoned(link, message->request_id);
    link->late_answers++;
    trace_vgpu_stub_link_drop(message->request_id, late ? "late" : "unknown");
}

static bool received(PeerLink *peer, const uint8_t *data, size_t size)
{
    VGPUStubLink *link = link_of(peer);
    uint64_t connection = peer->connections;

    while (size && peer_link_is_current(peer, connection)) {
        size_t taken;
        VGPUStubReadResult result = vgpu_stub_reader_feed(&link->reader, data, size, &taken);

        data += taken;
        size -= taken;
        if (result == VGPU_STUB_READ_MESSAGE) {
            take_message(link);
        } else if (result != VGPU_STUB_READ_MORE) {
            refuse_stream(link, result == VGPU_STUB_READ_BAD_MAGIC
                                    ? "something that is not a message"
                                    : "an answer of more than 1024 bytes");
        }
    }
    /* A look that finds nothing is a system call: only while something is waited for. */
    return peer_link_is_current(peer, connection) && (link->active || link->abandoned_count);
}

static void ended(PeerLink *peer, bool reset)
{
    vgpu_stub_link_lost(link_of(peer), reset ? VGPU_STUB_LOSS_RESET : VGPU_STUB_LOSS_CLOSED);
}

static bool reads(const VGPUStubLink *link)
{
    return vgpu_stub_link_is_up(link) && link->peer.running && link->peer.transport->read != NULL;
}

void vgpu_stub_link_poll(VGPUStubLink *link)
{
    if (reads(link)) {
        peer_link_receive(&link->peer);
    }
}

static void readable(PeerLink *peer)
{
    vgpu_stub_link_poll(link_of(peer));
}

/* ---- A guest that polls ---- */

void vgpu_stub_link_guest_waits(VGPUStubLink *link)
{
    link->polls = 0;
    if (link->peer.unwatched) {
        link->peer.unwatched = false;
        timer_del(link->polled_timer);
        peer_link_watch(&link->peer);
    }
}

static void look_for_polls(void *opaque)
{
    VGPUStubLink *link = opaque;

    if (link->polls == 0) {
        vgpu_stub_link_guest_waits(link);
    } else {
        link->polls = 0;
        timer_mod(link->polled_timer, qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + POLLED_INTERVAL_MS);
    }
}

void vgpu_stub_link_guest_polls(VGPUStubLink *link)
{
    vgpu_stub_link_poll(link);
    link->polls++;
    if (!link->peer.unwatched && link->polls >= POLLS_MIN && reads(link)) {
        link->peer.unwatched = true;
        timer_mod(link->polled_timer, qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + POLLED_INTERVAL_MS);
        peer_link_watch(&link->peer);
    }
}

/* ---- Requests ---- */

static bool is_abandoned(const VGPUStubLink *link, uint32_t id)
{
    for (unsigned i = 0; i < link->abandoned_count; i++) {
        if (link->abandoned[i] == id) {
            return true;
        }
    }
    return false;
}

void vgpu_stub_link_submit(VGPUStubLink *link, const VGPUStubMessage *message)
{
    VGPUStubMessage copy = *message;

    if (link->abandoned_count) {
        vgpu_stub_link_poll(link); /* late answers make room */
    }
    if (link->abandoned_count == VGPU_STUB_ABANDONED_MAX) {
        link->events->failed(link->opaque, BG_COMPUTE_QUEUE_FULL);
        return;
    }
    if (link->unserved) {
        grow(&link->unserved_ms);
    }
    link->unserved = true;
    while (is_abandoned(link, copy.request_id)) {
        copy.request_id++;
    }
    link->wire_id = copy.request_id;
    memcpy(link->payload, copy.payload, copy.payload_length);
    copy.payload = link->payload;
    link->message = copy;
    link->other_form = link->refused = false;
    link->active = true;
    link->resets = 0;
    link->joined = vgpu_stub_link_is_up(link);
    begin_request(link, link->connected_ms + MAX(link->unserved_ms, link->reset_ms));
}

void vgpu_stub_link_abandon(VGPUStubLink *link)
{
    if (!link->active) {
        return;
    }
    link->active = false;
    if (link->peer.state == PEER_LINK_WAITING) {
        forget_connection(link);
    } else if (is_untouched(link)) {
        link->peer.tx_size = link->tx_last; /* the peer will never know of it */
        peer_link_watch(&link->peer);
    } else {
        link->abandoned[link->abandoned_count++] = link->wire_id;
    }
}

void vgpu_stub_link_reset(VGPUStubLink *link)
{
    vgpu_stub_link_abandon(link);
    if (link->peer.sent) { /* there may be a session */
        if (now_ms() - link->connected_ms >= STABLE_MS) {
            link->reset_ms = 0;
        } else {
            grow(&link->reset_ms);
        }
        end_connection(link, VGPU_STUB_LOSS_LOCAL);
    }
}

void vgpu_stub_link_set_running(VGPUStubLink *link, bool running)
{
    link->peer.running = running;
    if (running && link->closed_while_stopped) {
        vgpu_stub_link_lost(link, VGPU_STUB_LOSS_CLOSED);
        vgpu_stub_link_try_open(link);
    }
    if (running && link->peer.state == PEER_LINK_WAITING) {
        timer_mod(link->peer.retry_timer, now_ms());
    }
    if (!vgpu_stub_link_is_up(link)) {
        return;
    }
    vgpu_stub_link_guest_waits(link);
    peer_link_watch(&link->peer);
    vgpu_stub_link_poll(link);
    flush(&link->peer);
}

/* ---- Life ---- */

static const PeerLinkOps peer_ops = {
    .device = "vgpu-stub",
    .peer = "mediator",
    .clock = QEMU_CLOCK_REALTIME,
    .retry_first_ms = RETRY_FIRST_MS,
    .retry_max_ms = RETRY_MAX_MS,
    /* The rest of an abandoned message, if one was cut, or a PONG; then the active one. */
    .tx_capacity = 2 * VGPU_STUB_MESSAGE_MAX,
    .readable = readable,
    .writable = flush,
    .retry = retry_open,
    .received = received,
    .ended = ended,
};

void vgpu_stub_link_init(VGPUStubLink *link, const VGPUStubLinkEvents *events, Object *owner)
{
    link->events = events;
    link->opaque = owner;
    link->polled_timer = timer_new_ms(QEMU_CLOCK_REALTIME, look_for_polls, link);
    peer_link_init(&link->peer, &peer_ops, owner, runstate_is_running());
}

void vgpu_stub_link_cleanup(VGPUStubLink *link)
{
    link->active = false;
    end_connection(link, VGPU_STUB_LOSS_LOCAL);
    peer_link_cleanup(&link->peer);
    timer_free(link->polled_timer);
    link->polled_timer = NULL;
}
