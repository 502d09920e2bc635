/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vgpu-stub: the link to the mediator, see the header. */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "system/runstate.h"
#include "trace.h"
#include "vgpu-stub-link.h"

/* How long to wait for room in the listener's queue before the next try. Virtual time. */
#define RETRY_INTERVAL_MS 2

/* How often one request is begun, see may_begin_again(). */
#define ATTEMPTS_MAX 3

/* A poll takes at most this many bytes, so that a peer that floods us can not hold the vCPU. */
#define POLL_CHUNK_SIZE 4096
#define POLL_CHUNKS_MAX 16

/* A guest that asks this often for an answer that is not there polls. */
#define POLLS_MIN 16

/* How often is looked whether it still does. Real time: it is the main loop's work that counts. */
#define POLLED_INTERVAL_MS 2

/* ---- Connection ---- */

bool vgpu_stub_link_wants_read(const VGPUStubLink *link)
{
    return link->state == VGPU_STUB_LINK_UP && link->running;
}

bool vgpu_stub_link_wants_watch(const VGPUStubLink *link)
{
    return vgpu_stub_link_wants_read(link) && !link->is_polled;
}

bool vgpu_stub_link_wants_write(const VGPUStubLink *link)
{
    return vgpu_stub_link_wants_read(link) && link->tx_sent < link->tx_size;
}

static void forget_connection(VGPUStubLink *link)
{
    link->state = VGPU_STUB_LINK_DOWN;
    link->used = false;
    link->answered = false;
    link->tx_sent = link->tx_last = link->tx_size = 0;
    link->abandoned_count = 0;
    link->closed_while_stopped = false;
    vgpu_stub_reader_reset(&link->reader);
    timer_del(link->retry_timer);
    link->is_polled = false;
    link->polls = 0;
    timer_del(link->polled_timer);
}

void vgpu_stub_link_opened(VGPUStubLink *link)
{
    link->state = VGPU_STUB_LINK_UP;
    link->connections++;
    trace_vgpu_stub_link_up(link->path ? link->path : "chardev");
    link->transport->watch(link);
}

static void end_connection(VGPUStubLink *link, VGPUStubLoss why)
{
    bool was_up = link->state == VGPU_STUB_LINK_UP;
    bool is_gone = link->closed_while_stopped; /* and there may be the next one already */

    forget_connection(link);
    if (was_up) {
        link->disconnections++;
        trace_vgpu_stub_link_down(link->path ? link->path : "chardev", why);
        if (is_gone) {
            link->transport->watch(link);
        } else {
            link->transport->close(link);
        }
    }
}

/* One line, until something works again: a guest can ring its doorbell all day. */
static void warn(VGPUStubLink *link, const char *what)
{
    warn_report_once_cond(&link->warned, "vgpu-stub: %s", what);
}

static void open_connection(VGPUStubLink *link, bool quiet)
{
    Error *err = NULL;
    int result = link->transport->open(link, &err);

    trace_vgpu_stub_link_open(link->path ? link->path : "chardev", result);
    if (result == 0) {
        vgpu_stub_link_opened(link);
    } else if (result == -EAGAIN) {
        link->state = VGPU_STUB_LINK_WAITING;
        timer_mod(link->retry_timer,
                  qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) + RETRY_INTERVAL_MS);
    } else {
        link->state = VGPU_STUB_LINK_DOWN;
        if (err && !quiet) {
            warn(link, error_get_pretty(err));
        }
    }
    error_free(err);
}

void vgpu_stub_link_try_open(VGPUStubLink *link)
{
    if (link->state != VGPU_STUB_LINK_DOWN) {
        return;
    }
    open_connection(link, true);
    if (link->state == VGPU_STUB_LINK_WAITING) {
        forget_connection(link);
    }
}

/* ---- Sending ---- */

/* The active request's message joins what waits to be sent. */
static void queue_request(VGPUStubLink *link)
{
    size_t rest = link->tx_size - link->tx_sent;

    assert(rest + link->request_size <= sizeof(link->tx));
    memmove(link->tx, link->tx + link->tx_sent, rest);
    memcpy(link->tx + rest, link->request, link->request_size);
    link->tx_sent = 0;
    link->tx_last = rest;
    link->tx_size = rest + link->request_size;
}

static void fail_request(VGPUStubLink *link)
{
    link->active = false;
    link->events->failed(link->opaque);
}

/*
 * Begins the active request: connects if need be, and sends what the connection takes.
 */
static void begin_request(VGPUStubLink *link)
{
    link->attempts++;
    if (link->state == VGPU_STUB_LINK_DOWN) {
        open_connection(link, false);
    }
    if (link->state == VGPU_STUB_LINK_DOWN) {
        fail_request(link);
        return;
    }
    queue_request(link);
    if (link->state == VGPU_STUB_LINK_UP) {
        vgpu_stub_link_flush(link);
    }
}

static void retry_open(void *opaque)
{
    VGPUStubLink *link = opaque;

    if (link->state != VGPU_STUB_LINK_WAITING) {
        return;
    }
    open_connection(link, false);
    if (link->state == VGPU_STUB_LINK_UP) {
        vgpu_stub_link_flush(link);
    } else if (link->state == VGPU_STUB_LINK_DOWN) {
        forget_connection(link);
        fail_request(link);
    }
}

/* Sending failed: the peer is gone, but may have said why. That comes first. */
static void lose_after_last_words(VGPUStubLink *link)
{
    uint64_t connection = link->connections;

    vgpu_stub_link_poll(link);
    if (link->state == VGPU_STUB_LINK_UP && link->connections == connection) {
        vgpu_stub_link_lost(link, VGPU_STUB_LOSS_RESET);
    }
}

void vgpu_stub_link_flush(VGPUStubLink *link)
{
    while (vgpu_stub_link_wants_write(link)) {
        ssize_t size = link->transport->write(link, link->tx + link->tx_sent,
                                              link->tx_size - link->tx_sent);

        if (link->state != VGPU_STUB_LINK_UP || size == -EAGAIN) {
            break;
        }
        if (size <= 0) {
            lose_after_last_words(link);
            return;
        }
        link->tx_sent += size;
        link->used = true;
    }
    if (link->state == VGPU_STUB_LINK_UP) {
        link->transport->watch(link);
    }
}

/* ---- Losing the connection ---- */

/*
 * Whether the active request, whose connection just ended, can be sent again without the risk of
 * being executed twice. Older mediators close after every answer, so that the close can cross
 * the next request on its way. The request is certainly not executed when
 * - no byte of it was taken, or
 * - the connection was reset: the peer closed it with unread data in it (unix(7) sockets say
 *   ECONNRESET only then), the last unread byte is the last that we sent, and only complete
 *   requests are executed. This is used only on a connection that has answered before: a mediator
 *   that turns away its first request means it.
 */
static bool may_begin_again(const VGPUStubLink *link, VGPUStubLoss why)
{
    bool untouched = link->tx_sent <= link->tx_last;

    if (!link->transport->read || link->attempts >= ATTEMPTS_MAX ||
        why != VGPU_STUB_LOSS_RESET) {
        return false;
    }
    return untouched || (link->answered && vgpu_stub_reader_is_between(&link->reader));
}

void vgpu_stub_link_lost(VGPUStubLink *link, VGPUStubLoss why)
{
    bool again = link->active && may_begin_again(link, why);

    end_connection(link, why);
    if (again) {
        trace_vgpu_stub_link_again(link->wire_id, link->attempts);
        begin_request(link);
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

static void take_message(VGPUStubLink *link)
{
    const VGPUStubMessage *message = &link->reader.message;
    bool late;

    trace_vgpu_stub_link_message(message->type, message->request_id, message->payload_length);
    if (!vgpu_stub_message_is_answer(message)) {
        return;
    }
    if (link->active && message->request_id == link->wire_id) {
        link->active = false;
        link->answered = true;
        link->warned = false;
        link->events->answer(link->opaque, message);
        return;
    }
    late = forget_abandoned(link, message->request_id);
    link->late_answers++;
    trace_vgpu_stub_link_drop(message->request_id, late ? "late" : "unknown");
}

static void refuse_stream(VGPUStubLink *link, VGPUStubReadResult result)
{
    const char *what = result == VGPU_STUB_READ_BAD_MAGIC ?
                           "the mediator sent something that is not a message: connection closed" :
                           "the mediator sent an answer of more than 1024 bytes: connection closed";

    link->protocol_errors++;
    warn(link, what);
    vgpu_stub_link_lost(link, VGPU_STUB_LOSS_PROTOCOL);
}

void vgpu_stub_link_received(VGPUStubLink *link, const uint8_t *data, size_t size)
{
    while (size && link->state == VGPU_STUB_LINK_UP) {
        size_t taken;
        VGPUStubReadResult result = vgpu_stub_reader_feed(&link->reader, data, size, &taken);

        data += taken;
        size -= taken;
        switch (result) {
        case VGPU_STUB_READ_MORE:
            break;
        case VGPU_STUB_READ_MESSAGE:
            take_message(link);
            break;
        default:
            refuse_stream(link, result);
            return;
        }
    }
}

void vgpu_stub_link_poll(VGPUStubLink *link)
{
    uint8_t data[POLL_CHUNK_SIZE];

    if (!link->transport->read) {
        return;
    }
    for (unsigned i = 0; i < POLL_CHUNKS_MAX && vgpu_stub_link_wants_read(link); i++) {
        ssize_t size = link->transport->read(link, data, sizeof(data));

        if (size == -EAGAIN) {
            return;
        }
        if (size <= 0) {
            vgpu_stub_link_lost(link, size ? VGPU_STUB_LOSS_RESET : VGPU_STUB_LOSS_CLOSED);
            return;
        }
        vgpu_stub_link_received(link, data, size);
    }
}

/* ---- A guest that polls ---- */

void vgpu_stub_link_guest_waits(VGPUStubLink *link)
{
    link->polls = 0;
    if (link->is_polled) {
        link->is_polled = false;
        timer_del(link->polled_timer);
        link->transport->watch(link);
    }
}

static void look_for_polls(void *opaque)
{
    VGPUStubLink *link = opaque;

    if (link->polls == 0) {
        vgpu_stub_link_guest_waits(link);
    } else {
        link->polls = 0;
        timer_mod(link->polled_timer,
                  qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + POLLED_INTERVAL_MS);
    }
}

void vgpu_stub_link_guest_polls(VGPUStubLink *link)
{
    vgpu_stub_link_poll(link);
    link->polls++;
    if (!link->is_polled && link->polls >= POLLS_MIN && link->transport->read &&
        vgpu_stub_link_wants_read(link)) {
        link->is_polled = true;
        timer_mod(link->polled_timer,
                  qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + POLLED_INTERVAL_MS);
        link->transport->watch(link);
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

    assert(!link->active);
    /* A peer that has closed meanwhile is noticed here, not by losing the request to it. */
    vgpu_stub_link_poll(link);
    if (link->state == VGPU_STUB_LINK_UP && link->abandoned_count == VGPU_STUB_ABANDONED_MAX) {
        vgpu_stub_link_lost(link, VGPU_STUB_LOSS_LOCAL);
    }
    while (is_abandoned(link, copy.request_id)) {
        copy.request_id++;
    }
    link->wire_id = copy.request_id;
    link->request_size = vgpu_stub_message_encode(link->request, &copy);
    link->active = true;
    link->attempts = 0;
    begin_request(link);
}

void vgpu_stub_link_abandon(VGPUStubLink *link)
{
    if (!link->active) {
        return;
    }
    link->active = false;
    if (link->state == VGPU_STUB_LINK_WAITING) {
        forget_connection(link);
    } else if (link->tx_sent <= link->tx_last && link->tx_size) {
        link->tx_size = link->tx_last; /* the peer will never know of it */
        link->transport->watch(link);
    } else {
        link->abandoned[link->abandoned_count++] = link->wire_id;
    }
}

void vgpu_stub_link_reset(VGPUStubLink *link)
{
    vgpu_stub_link_abandon(link);
    if (link->used) {
        end_connection(link, VGPU_STUB_LOSS_LOCAL);
    }
}

void vgpu_stub_link_set_running(VGPUStubLink *link, bool running)
{
    link->running = running;
    if (running && link->closed_while_stopped) {
        vgpu_stub_link_lost(link, VGPU_STUB_LOSS_CLOSED);
        vgpu_stub_link_try_open(link);
    }
    if (link->state != VGPU_STUB_LINK_UP) {
        return;
    }
    vgpu_stub_link_guest_waits(link);
    link->transport->watch(link);
    if (running) {
        vgpu_stub_link_poll(link);
        vgpu_stub_link_flush(link);
    }
}

/* ---- Life ---- */

void vgpu_stub_link_init(VGPUStubLink *link, const VGPUStubTransport *transport,
                         const VGPUStubLinkEvents *events, void *opaque)
{
    link->transport = transport;
    link->events = events;
    link->opaque = opaque;
    link->running = runstate_is_running();
    link->retry_timer = timer_new_ms(QEMU_CLOCK_VIRTUAL, retry_open, link);
    link->polled_timer = timer_new_ms(QEMU_CLOCK_REALTIME, look_for_polls, link);
}

void vgpu_stub_link_cleanup(VGPUStubLink *link)
{
    link->active = false;
    end_connection(link, VGPU_STUB_LOSS_LOCAL);
    link->transport->cleanup(link);
    timer_free(link->retry_timer);
    timer_free(link->polled_timer);
    link->retry_timer = link->polled_timer = NULL;
}
