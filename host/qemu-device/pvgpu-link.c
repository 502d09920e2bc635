/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pvgpu: the link to the backend, see the header. */
#include "qemu/osdep.h"
#include <poll.h>
#include "migration/misc.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "pvgpu-link.h"
#include "trace.h"

/* How long to wait before the next try to connect: longer each time. Virtual time. */
#define RETRY_FIRST_MS 10
#define RETRY_MAX_MS 1000
/* A backend that was there for so long is no longer suspected to die at once. */
#define STABLE_MS 1000

static PVGPULink *link_of(PeerLink *peer)
{
    return container_of(peer, PVGPULink, peer);
}

static int64_t now_ms(void)
{
    return qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL);
}

/*
 * An interrupt is a write to wherever the guest says: it may end this connection, begin the next
 * one, or unplug the device. Who has called events->interrupt or anything that can end the
 * connection goes on only with the connection that it began with.
 */
static bool is_current(const PVGPULink *link, uint64_t connection)
{
    return peer_link_is_current(&link->peer, connection);
}

/* ---- Watching ---- */

static void on_fence(void *opaque);
static void on_error(void *opaque);

static void watch_interrupts(PVGPULink *link, bool awake)
{
    qemu_set_fd_handler(event_notifier_get_fd(&link->fence), awake ? on_fence : NULL, NULL, link);
    qemu_set_fd_handler(event_notifier_get_fd(&link->error), awake ? on_error : NULL, NULL, link);
}

static void watch(PVGPULink *link)
{
    if (peer_link_is_up(&link->peer)) {
        peer_link_watch(&link->peer);
        watch_interrupts(link, link->peer.running && link->direct);
    }
}

/* ---- Interrupts by eventfd ---- */

/* The backend has the eventfd, too: it may have read it before us, and made it block. */
static bool test_and_clear(EventNotifier *notifier)
{
    uint64_t count;
    struct iovec part = {.iov_base = &count, .iov_len = sizeof(count)};
    ssize_t size =
        RETRY_ON_EINTR(preadv2(event_notifier_get_fd(notifier), &part, 1, -1, RWF_NOWAIT));

    if (size < 0 && errno == EOPNOTSUPP) { /* Linux before 5.8 */
        return event_notifier_test_and_clear(notifier);
    }
    return size > 0;
}

static void take_interrupt(PVGPULink *link, EventNotifier *notifier, uint32_t bit)
{
    if (link->peer.state == PVGPU_LINK_UP && link->direct && test_and_clear(notifier)) {
        link->events->interrupt(link->opaque, bit);
    }
}

/* What was signalled is not forgotten because something else is to be done. */
static void take_interrupts(PVGPULink *link)
{
    uint64_t connection = link->peer.connections;

    take_interrupt(link, &link->fence, BG_PVGPU_IRQ_FENCE);
    if (is_current(link, connection)) {
        take_interrupt(link, &link->error, BG_PVGPU_IRQ_ERROR);
    }
}

static void on_fence(void *opaque)
{
    PVGPULink *link = opaque;
    Object *owner = object_ref(link->peer.owner);

    take_interrupt(link, &link->fence, BG_PVGPU_IRQ_FENCE);
    object_unref(owner);
}

static void on_error(void *opaque)
{
    PVGPULink *link = opaque;
    Object *owner = object_ref(link->peer.owner);

    take_interrupt(link, &link->error, BG_PVGPU_IRQ_ERROR);
    object_unref(owner);
}

/* ---- The end of a connection ---- */

static void close_received_fd(PVGPULink *link)
{
    if (link->received_fd >= 0) {
        close(link->received_fd);
        link->received_fd = -1;
    }
}

static void free_notifiers(PVGPULink *link)
{
    event_notifier_cleanup(&link->doorbell);
    event_notifier_cleanup(&link->fence);
    event_notifier_cleanup(&link->error);
}

static void end_connection(PVGPULink *link)
{
    watch_interrupts(link, false);
    if (link->direct) {
        link->events->doorbell_removed(link->opaque, &link->doorbell);
    }
    free_notifiers(link);
    close_received_fd(link);
    peer_link_close(&link->peer);
    link->direct = link->rung = link->reset_waits = link->resume_due = false;
    link->pauses = 0;
    link->tx_ends_with_doorbell = false;
    pvgpu_reader_reset(&link->reader);
}

static void lose(PVGPULink *link, PVGPULoss why)
{
    int before = link->peer.state;
    uint64_t connection = link->peer.connections;

    /* The last interrupts tell of what was done before the end. */
    take_interrupts(link);
    if (!is_current(link, connection)) {
        return;
    }
    trace_pvgpu_link_down(link->peer.path, why);
    end_connection(link);
    if (before == PVGPU_LINK_UP && now_ms() - link->up_since_ms >= STABLE_MS) {
        peer_link_retry_anew(&link->peer);
        link->distance_ms = 0;
    } else {
        link->distance_ms = MIN(MAX(2 * link->distance_ms, RETRY_FIRST_MS), RETRY_MAX_MS);
    }
    if (before == PVGPU_LINK_UP) {
        link->events->lost(link->opaque, why);
    } else {
        link->events->refused(link->opaque);
    }
    peer_link_retry_later(&link->peer);
}

static void lose_liar(PVGPULink *link, const char *what, const char *why)
{
    link->peer.protocol_errors++;
    peer_link_warn(&link->peer, "the backend at %s: %s%s: connection closed", link->peer.path, what,
                   why);
    lose(link, PVGPU_LOSS_PROTOCOL);
}

void pvgpu_link_forget(PVGPULink *link)
{
    if (peer_link_is_up(&link->peer)) {
        end_connection(link);
    }
    timer_del(link->peer.retry_timer);
}

/* ---- Sending ---- */

/* Whoever is gone may have said something before: reading finds the end. */
static void flush(PeerLink *peer)
{
    PVGPULink *link = link_of(peer);
    uint64_t before = peer->sent;

    peer_link_flush(peer);
    link->tx_ends_with_doorbell &= peer->sent == before;
}

/* False: the backend has not read for too long, and the connection is gone. */
static bool send_message(PVGPULink *link, const uint8_t *message, size_t size)
{
    if (!peer_link_queue(&link->peer, message, size)) {
        peer_link_warn(&link->peer, "the backend does not read what it is sent: connection closed");
        lose(link, PVGPU_LOSS_SILENT);
        return false;
    }
    link->tx_ends_with_doorbell = false;
    flush(&link->peer);
    return true;
}

static bool send_plain(PVGPULink *link, uint32_t type)
{
    uint8_t message[PVGPU_SENT_MAX];

    return send_message(link, message, pvgpu_message_encode(message, type, NULL, 0));
}

/* What the guest does makes no try before this. */
static int64_t soonest_ms(const PVGPULink *link)
{
    return link->tried_ms + MAX(link->distance_ms, RETRY_FIRST_MS);
}

void pvgpu_link_ring(PVGPULink *link)
{
    link->wanted = true;
    switch (link->peer.state) {
    case PEER_LINK_DOWN:
        if (now_ms() >= soonest_ms(link)) {
            pvgpu_link_try_open(link);
        }
        break;
    case PVGPU_LINK_GREETING:
        link->rung = true;
        break;
    case PVGPU_LINK_UP:
        if (link->direct) {
            event_notifier_set(&link->doorbell);
        } else if (!link->tx_ends_with_doorbell && send_plain(link, BG_PVGPU_MESSAGE_DOORBELL)) {
            link->doorbells++;
            link->tx_ends_with_doorbell = peer_link_wants_write(&link->peer);
        }
        break;
    }
}

static bool send_reset(PVGPULink *link, uint32_t count)
{
    uint8_t message[PVGPU_SENT_MAX];

    if (!send_message(link, message, pvgpu_message_encode_reset(message, count))) {
        return false;
    }
    event_notifier_set(&link->doorbell); /* it may sleep on that */
    return true;
}

/* A guest that starts over waits for a backend: the tries begin anew, 10 ms after the last one
 * where nobody was there. One that came and went keeps its distance. */
static void retry_soon(PVGPULink *link)
{
    if (link->distance_ms == 0) {
        peer_link_retry_anew(&link->peer);
    }
    if (link->peer.state == PEER_LINK_DOWN && link->peer.running) {
        timer_mod_anticipate(link->peer.retry_timer, soonest_ms(link));
    }
}

bool pvgpu_link_reset(PVGPULink *link, uint32_t count)
{
    retry_soon(link);
    switch (link->peer.state) {
    case PVGPU_LINK_GREETING:
        link->reset_waits = true;
        link->reset_count = count;
        return true;
    case PVGPU_LINK_UP:
        if (link->direct) {
            send_reset(link, count);
            return true;
        }
        return false;
    default:
        return false;
    }
}

void pvgpu_link_scanout_done(PVGPULink *link, uint32_t buffer, uint32_t slot)
{
    uint8_t message[PVGPU_SENT_MAX];

    if (link->peer.state == PVGPU_LINK_UP && link->direct) {
        send_message(link, message, pvgpu_message_encode_scanout_done(message, buffer, slot));
    }
}

/* ---- Receiving ---- */

static void send_identity(PVGPULink *link)
{
    const PVGPUGreeting *greeting = &link->greeting;
    uint8_t message[PVGPU_SENT_MAX];

    send_message(link, message,
                 pvgpu_message_encode_identity(message, greeting->vm_id, greeting->pool_id,
                                               greeting->priority));
}

/* What happened since the HANDSHAKE was sent. */
static void catch_up(PVGPULink *link)
{
    uint64_t connection = link->peer.connections;
    bool rung = link->rung, reset_waits = link->reset_waits;

    link->rung = link->reset_waits = false;
    if (link->direct) {
        send_identity(link);
        if (reset_waits && is_current(link, connection)) {
            send_reset(link, link->reset_count);
        }
    }
    if (rung && is_current(link, connection)) {
        pvgpu_link_ring(link);
    }
}

/* False: the connection is gone. */
static bool accept_older(PVGPULink *link)
{
    uint64_t connection = link->peer.connections;
    Error *err = NULL;
    bool accepted = link->events->older(link->opaque, &err);

    if (!accepted && is_current(link, connection)) {
        peer_link_warn(&link->peer, "the backend at %s cannot be used: %s", link->peer.path,
                       err != NULL ? error_get_pretty(err) : "");
        lose(link, PVGPU_LOSS_PROTOCOL);
    }
    error_free(err);
    return accepted && is_current(link, connection);
}

static void take_ack(PVGPULink *link, const PVGPUMessage *message)
{
    uint64_t features;

    if (link->peer.state != PVGPU_LINK_GREETING || !pvgpu_message_get_ack(message, &features)) {
        lose_liar(link, "an acknowledgement that is none", "");
        return;
    }
    if (!(features & BG_PVGPU_FEATURE_D3D11)) {
        lose_liar(link, "it lacks the base feature", "");
        return;
    }
    if (!(features & BG_PVGPU_FEATURE_DIRECT) && !accept_older(link)) {
        return;
    }
    link->peer.state = PVGPU_LINK_UP;
    link->direct = features & BG_PVGPU_FEATURE_DIRECT;
    link->up_since_ms = now_ms();
    link->peer.warned = false;
    trace_pvgpu_link_up(link->peer.path, features);
    watch(link);
    if (link->direct) {
        link->events->doorbell_added(link->opaque, &link->doorbell);
    }
    link->events->acknowledged(link->opaque, features);
    catch_up(link);
}

static void take_scanout_buffer(PVGPULink *link, const PVGPUMessage *message)
{
    struct bg_pvgpu_scanout_buffer buffer;
    int fd = link->received_fd;
    const char *wrong;

    if (fd < 0 || !pvgpu_message_get_scanout_buffer(message, &buffer)) {
        lose_liar(link, "a scanout buffer without its descriptor, or too short", "");
        return;
    }
    link->received_fd = -1;
    wrong = link->events->scanout_buffer(link->opaque, &buffer, fd);
    if (wrong != NULL) {
        lose_liar(link, "a scanout buffer is refused: ", wrong);
    }
}

static void take_scanout(PVGPULink *link, const PVGPUMessage *message)
{
    struct bg_pvgpu_scanout scanout;
    const char *wrong = "too short";

    if (pvgpu_message_get_scanout(message, &scanout)) {
        wrong = link->events->scanout(link->opaque, &scanout);
    }
    if (wrong != NULL) {
        lose_liar(link, "a scanout is refused: ", wrong);
    }
}

static void take_message(PVGPULink *link)
{
    const PVGPUMessage *message = &link->reader.message;
    bool up = link->peer.state == PVGPU_LINK_UP;

    trace_pvgpu_link_message(message->type, message->size);
    if (message->type == BG_PVGPU_MESSAGE_HANDSHAKE_ACK) {
        take_ack(link, message);
    } else if (message->type == BG_PVGPU_MESSAGE_SHUTDOWN) {
        lose(link, PVGPU_LOSS_SHUTDOWN);
    } else if (message->type == BG_PVGPU_MESSAGE_IRQ && up) {
        link->events->interrupt(link->opaque, BG_PVGPU_IRQ_FENCE);
    } else if (message->type == BG_PVGPU_MESSAGE_PAUSED && link->direct) {
        link->pauses -= link->pauses > 0;
    } else if (message->type == BG_PVGPU_MESSAGE_SCANOUT_BUFFER && link->direct) {
        take_scanout_buffer(link, message);
    } else if (message->type == BG_PVGPU_MESSAGE_SCANOUT && link->direct) {
        take_scanout(link, message);
    }
    /* Others: from a newer backend, or before its time. */
}

static bool received(PeerLink *peer, const uint8_t *data, size_t size)
{
    PVGPULink *link = link_of(peer);
    uint64_t connection = peer->connections;

    while (size && is_current(link, connection)) {
        size_t taken;
        PVGPUReadResult result = pvgpu_reader_feed(&link->reader, data, size, &taken);

        data += taken;
        size -= taken;
        if (result == PVGPU_READ_MESSAGE) {
            take_message(link);
        } else if (result == PVGPU_READ_TOO_LARGE) {
            lose_liar(link, "a message of more than 1024 bytes", "");
        }
    }
    return is_current(link, connection);
}

/* Keeps the one descriptor that may come with a message. */
static bool received_fds(PeerLink *peer, const int *fds, size_t count)
{
    PVGPULink *link = link_of(peer);

    if (count == 1 && link->received_fd < 0 && link->direct) {
        link->received_fd = fds[0];
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        close(fds[i]);
    }
    lose_liar(link, "more descriptors than belong to a message", "");
    return false;
}

static void ended(PeerLink *peer, bool reset)
{
    lose(link_of(peer), PVGPU_LOSS_CLOSED);
}

/* ---- Connecting ---- */

/* True when message and descriptors were taken in whole. */
static bool send_handshake(PVGPULink *link)
{
    int fds[BG_PVGPU_DESCRIPTORS] = {
        [BG_PVGPU_FD_SHMEM] = link->greeting.shmem_fd,
        [BG_PVGPU_FD_DOORBELL] = event_notifier_get_fd(&link->doorbell),
        [BG_PVGPU_FD_FENCE] = event_notifier_get_fd(&link->fence),
        [BG_PVGPU_FD_ERROR] = event_notifier_get_fd(&link->error),
    };
    uint8_t message[PVGPU_HANDSHAKE_MAX];
    size_t size = pvgpu_message_encode_handshake(message, link->greeting.shmem_size,
                                                 link->greeting.shmem_name);

    return peer_link_write(&link->peer, message, size, fds, ARRAY_SIZE(fds)) == (ssize_t)size;
}

/* All three or none. */
static bool make_notifiers(PVGPULink *link)
{
    if (event_notifier_init(&link->doorbell, 0) < 0) {
        return false;
    }
    if (event_notifier_init(&link->fence, 0) < 0) {
        event_notifier_cleanup(&link->doorbell);
        return false;
    }
    if (event_notifier_init(&link->error, 0) < 0) {
        event_notifier_cleanup(&link->doorbell);
        event_notifier_cleanup(&link->fence);
        return false;
    }
    return true;
}

static int open_connection(PVGPULink *link)
{
    Error *err = NULL;
    int result;

    if (!make_notifiers(link)) {
        return -EMFILE;
    }
    result = peer_link_open(&link->peer, &err);
    trace_pvgpu_link_open(link->peer.path, result);
    if (result < 0) {
        free_notifiers(link);
    }
    /* That nobody is there matters once the guest wants somebody. */
    if (err != NULL && (link->wanted || result == -EPERM)) {
        peer_link_warn(&link->peer, "%s", error_get_pretty(err));
    }
    error_free(err);
    return result;
}

void pvgpu_link_try_open(PVGPULink *link)
{
    if (peer_link_is_up(&link->peer) || !link->peer.running) {
        return;
    }
    link->tried_ms = now_ms();
    /* A backend that looks at pages which are still to come would see zeroes. */
    if (migration_in_incoming_postcopy() || open_connection(link) < 0) {
        peer_link_retry_later(&link->peer);
        return;
    }
    if (send_handshake(link)) {
        watch(link);
    } else {
        lose(link, PVGPU_LOSS_CLOSED);
    }
}

static void retry(PeerLink *peer)
{
    pvgpu_link_try_open(link_of(peer));
}

/* ---- Stop and go ---- */

void pvgpu_link_resume(PVGPULink *link)
{
    link->peer.running = true;
    if (!peer_link_is_up(&link->peer)) {
        peer_link_retry_anew(&link->peer);
        pvgpu_link_try_open(link);
        return;
    }
    watch(link);
    if (link->resume_due) {
        link->resume_due = false;
        if (!send_plain(link, BG_PVGPU_MESSAGE_RESUME)) {
            return;
        }
    }
    flush(&link->peer);
}

/* Waits until the backend is quiet. False: it is lost, or did not make it. */
static bool wait_paused(PVGPULink *link, unsigned timeout_ms)
{
    int64_t until_us = g_get_monotonic_time() + timeout_ms * 1000ll;
    PeerLink *peer = &link->peer;

    while (peer->state == PVGPU_LINK_UP && link->pauses) {
        int found =
            peer_link_wait(peer, POLLIN | (peer_link_wants_write(peer) ? POLLOUT : 0), until_us);

        if (!found) {
            return false;
        }
        if (found & POLLOUT) {
            flush(peer);
        }
        if (peer->state == PVGPU_LINK_UP && (found & ~POLLOUT)) {
            peer_link_receive(peer);
        }
    }
    return peer->state == PVGPU_LINK_UP;
}

void pvgpu_link_pause(PVGPULink *link, unsigned timeout_ms, bool for_good)
{
    link->peer.running = false; /* nothing new begins from here on */
    if (link->peer.state == PVGPU_LINK_UP && link->direct) {
        link->pauses++;
        link->resume_due = true;
        if (send_plain(link, BG_PVGPU_MESSAGE_PAUSE) && !wait_paused(link, timeout_ms) &&
            link->peer.state == PVGPU_LINK_UP && for_good) {
            peer_link_warn(&link->peer, "the backend does not pause in time: connection closed");
            lose(link, PVGPU_LOSS_SILENT);
        }
        take_interrupts(link);
    } else if (link->peer.state == PVGPU_LINK_UP && for_good) {
        lose(link, PVGPU_LOSS_SILENT);
    } else if (link->peer.state == PVGPU_LINK_GREETING) {
        /* It could begin while we do not look. The next try comes when the VM runs. */
        lose(link, PVGPU_LOSS_SILENT);
    }
    watch(link);
}

/* ---- Life ---- */

static const PeerLinkOps peer_ops = {
    .device = "pvgpu",
    .peer = "backend",
    .clock = QEMU_CLOCK_VIRTUAL,
    .retry_first_ms = RETRY_FIRST_MS,
    .retry_max_ms = RETRY_MAX_MS,
    .tx_capacity = PVGPU_TX_SIZE,
    .readable = peer_link_receive,
    .writable = flush,
    .retry = retry,
    .received = received,
    .received_fds = received_fds,
    .ended = ended,
};

void pvgpu_link_init(PVGPULink *link, const PVGPULinkEvents *events, Object *owner, bool running)
{
    link->events = events;
    link->opaque = owner;
    link->received_fd = -1;
    peer_link_init(&link->peer, &peer_ops, owner, running);
    if (running) {
        timer_mod(link->peer.retry_timer, now_ms());
    }
}

void pvgpu_link_say_goodbye(PVGPULink *link)
{
    if (link->peer.state == PVGPU_LINK_UP && !peer_link_wants_write(&link->peer)) {
        send_plain(link, BG_PVGPU_MESSAGE_SHUTDOWN);
    }
}

void pvgpu_link_cleanup(PVGPULink *link)
{
    pvgpu_link_say_goodbye(link);
    pvgpu_link_forget(link);
    peer_link_cleanup(&link->peer);
}
