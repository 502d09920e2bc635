/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pvgpu: the link to the backend, see the header. */
#include "qemu/osdep.h"
#include <poll.h>
#include <sys/socket.h>
#include "migration/misc.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "pvgpu-link.h"
#include "trace.h"

/* How long to wait before the next try to connect: longer each time. Virtual time. */
#define RETRY_FIRST_MS 10
#define RETRY_MAX_MS 1000
/* A backend that was there for so long is no longer suspected to die at once. */
#define STABLE_MS 1000

/* One turn takes at most this many bytes, so that a peer that floods us can not hold the lock. */
#define READ_CHUNK_SIZE 4096
#define READ_CHUNKS_MAX 16

static int64_t now_ms(void)
{
    return qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL);
}

/* One line, until something works again: a guest can ring its doorbell all day. */
static void warn(PVGPULink *link, const char *what)
{
    warn_report_once_cond(&link->warned, "pvgpu: %s", what);
}

/*
 * An interrupt is a write to wherever the guest says: it may end this connection, begin the next
 * one, or unplug the device. Who has called events->interrupt or anything that can end the
 * connection goes on only with the connection that it began with.
 */
static bool is_current(const PVGPULink *link, uint64_t connection)
{
    return link->state != PVGPU_LINK_DOWN && link->connections == connection;
}

/* ---- Watching ---- */

static void on_readable(void *opaque);
static void on_writable(void *opaque);
static void on_fence(void *opaque);
static void on_error(void *opaque);

static bool wants_write(const PVGPULink *link)
{
    return link->tx_sent < link->tx_size;
}

static void watch(PVGPULink *link)
{
    bool awake = link->running;
    bool direct = awake && link->direct;

    if (link->state == PVGPU_LINK_DOWN) {
        return;
    }
    qemu_set_fd_handler(link->fd, awake ? on_readable : NULL,
                        awake && wants_write(link) ? on_writable : NULL, link);
    qemu_set_fd_handler(event_notifier_get_fd(&link->fence), direct ? on_fence : NULL, NULL, link);
    qemu_set_fd_handler(event_notifier_get_fd(&link->error), direct ? on_error : NULL, NULL, link);
}

static void unwatch(PVGPULink *link)
{
    qemu_set_fd_handler(link->fd, NULL, NULL, NULL);
    qemu_set_fd_handler(event_notifier_get_fd(&link->fence), NULL, NULL, NULL);
    qemu_set_fd_handler(event_notifier_get_fd(&link->error), NULL, NULL, NULL);
}

/* ---- Interrupts by eventfd ---- */

/* The backend has the eventfd, too: it may have read it before us, and made it block. */
static bool test_and_clear(EventNotifier *notifier)
{
    uint64_t count;
    struct iovec part = { .iov_base = &count, .iov_len = sizeof(count) };
    ssize_t size = RETRY_ON_EINTR(preadv2(event_notifier_get_fd(notifier), &part, 1, -1,
                                          RWF_NOWAIT));

    if (size < 0 && errno == EOPNOTSUPP) { /* Linux before 5.8 */
        return event_notifier_test_and_clear(notifier);
    }
    return size > 0;
}

static void take_interrupt(PVGPULink *link, EventNotifier *notifier, uint32_t bit)
{
    if (link->state == PVGPU_LINK_UP && link->direct && test_and_clear(notifier)) {
        link->events->interrupt(link->opaque, bit);
    }
}

/* What was signalled is not forgotten because something else is to be done. */
static void take_interrupts(PVGPULink *link)
{
    uint64_t connection = link->connections;

    take_interrupt(link, &link->fence, PVGPU_IRQ_FENCE);
    if (is_current(link, connection)) {
        take_interrupt(link, &link->error, PVGPU_IRQ_ERROR);
    }
}

static void on_fence(void *opaque)
{
    PVGPULink *link = opaque;
    Object *owner = object_ref(link->owner);

    take_interrupt(link, &link->fence, PVGPU_IRQ_FENCE);
    object_unref(owner);
}

static void on_error(void *opaque)
{
    PVGPULink *link = opaque;
    Object *owner = object_ref(link->owner);

    take_interrupt(link, &link->error, PVGPU_IRQ_ERROR);
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

static void end_connection(PVGPULink *link)
{
    unwatch(link);
    if (link->direct) {
        link->events->doorbell_removed(link->opaque, &link->doorbell);
    }
    event_notifier_cleanup(&link->doorbell);
    event_notifier_cleanup(&link->fence);
    event_notifier_cleanup(&link->error);
    close_received_fd(link);
    close(link->fd);
    link->fd = -1;
    link->state = PVGPU_LINK_DOWN;
    link->direct = link->rung = link->reset_waits = link->resume_due = false;
    link->pauses = 0;
    link->tx_sent = link->tx_size = 0;
    link->tx_ends_with_doorbell = false;
    pvgpu_reader_reset(&link->reader);
}

/* The next try comes after a while, which grows as long as nothing gets better. */
static void retry_later(PVGPULink *link)
{
    if (!link->retry_timer) {
        return; /* unplugged meanwhile */
    }
    timer_mod(link->retry_timer, now_ms() + link->retry_ms);
    link->retry_ms = MIN(2 * link->retry_ms, RETRY_MAX_MS);
}

static void lose(PVGPULink *link, PVGPULoss why)
{
    PVGPULinkState before = link->state;
    uint64_t connection = link->connections;

    /* The last interrupts tell of what was done before the end. */
    take_interrupts(link);
    if (!is_current(link, connection)) {
        return;
    }
    trace_pvgpu_link_down(link->path, why);
    link->disconnections++;
    end_connection(link);
    if (before == PVGPU_LINK_UP) {
        if (now_ms() - link->up_since_ms >= STABLE_MS) {
            link->retry_ms = RETRY_FIRST_MS;
        }
        link->events->lost(link->opaque, why);
    } else {
        link->events->refused(link->opaque);
    }
    retry_later(link);
}

static void lose_liar(PVGPULink *link, const char *what)
{
    g_autofree char *text = g_strdup_printf("the backend at %s: %s: connection closed",
                                            link->path, what);

    link->protocol_errors++;
    warn(link, text);
    lose(link, PVGPU_LOSS_PROTOCOL);
}

void pvgpu_link_forget(PVGPULink *link)
{
    if (link->state != PVGPU_LINK_DOWN) {
        link->disconnections++;
        end_connection(link);
    }
    timer_del(link->retry_timer);
}

/* ---- Sending ---- */

static void flush(PVGPULink *link)
{
    while (wants_write(link)) {
        ssize_t size = RETRY_ON_EINTR(send(link->fd, link->tx + link->tx_sent,
                                           link->tx_size - link->tx_sent,
                                           MSG_DONTWAIT | MSG_NOSIGNAL));

        if (size < 0) {
            /* Whoever is gone may have said something before: reading finds the end. */
            break;
        }
        link->tx_sent += size;
        link->tx_ends_with_doorbell = false;
    }
    if (!wants_write(link)) {
        link->tx_sent = link->tx_size = 0;
    }
    watch(link);
}

/* False: the backend has not read for too long, and the connection is gone. */
static bool queue(PVGPULink *link, const uint8_t *message, size_t size)
{
    if (link->tx_size + size > sizeof(link->tx)) {
        memmove(link->tx, link->tx + link->tx_sent, link->tx_size - link->tx_sent);
        link->tx_size -= link->tx_sent;
        link->tx_sent = 0;
    }
    if (link->tx_size + size > sizeof(link->tx)) {
        warn(link, "the backend does not read what it is sent: connection closed");
        lose(link, PVGPU_LOSS_SILENT);
        return false;
    }
    memcpy(link->tx + link->tx_size, message, size);
    link->tx_size += size;
    link->tx_ends_with_doorbell = false;
    return true;
}

static bool send_message(PVGPULink *link, const uint8_t *message, size_t size)
{
    if (!queue(link, message, size)) {
        return false;
    }
    flush(link);
    return true;
}

static bool send_plain(PVGPULink *link, uint32_t type)
{
    uint8_t message[PVGPU_SENT_MAX];

    return send_message(link, message, pvgpu_message_encode(message, type, NULL, 0));
}

void pvgpu_link_ring(PVGPULink *link)
{
    link->wanted = true;
    switch (link->state) {
    case PVGPU_LINK_DOWN:
        if (now_ms() - link->tried_ms >= RETRY_FIRST_MS) {
            pvgpu_link_try_open(link);
        }
        break;
    case PVGPU_LINK_GREETING:
        link->rung = true;
        break;
    case PVGPU_LINK_UP:
        if (link->direct) {
            event_notifier_set(&link->doorbell);
        } else if (!link->tx_ends_with_doorbell && send_plain(link, PVGPU_MESSAGE_DOORBELL)) {
            link->doorbells++;
            link->tx_ends_with_doorbell = wants_write(link);
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

/* A guest that starts over waits for a backend: the tries begin anew, 10 ms after the last one. */
static void retry_soon(PVGPULink *link)
{
    link->retry_ms = RETRY_FIRST_MS;
    if (link->state == PVGPU_LINK_DOWN && link->running && link->retry_timer) {
        timer_mod_anticipate(link->retry_timer, link->tried_ms + RETRY_FIRST_MS);
    }
}

bool pvgpu_link_reset(PVGPULink *link, uint32_t count)
{
    retry_soon(link);
    switch (link->state) {
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

    if (link->state == PVGPU_LINK_UP && link->direct) {
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
    uint64_t connection = link->connections;
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

static void take_ack(PVGPULink *link, const PVGPUMessage *message)
{
    uint64_t features;

    if (link->state != PVGPU_LINK_GREETING || !pvgpu_message_get_ack(message, &features)) {
        lose_liar(link, "an acknowledgement that is none");
        return;
    }
    if (!(features & PVGPU_FEATURE_D3D11)) {
        lose_liar(link, "it lacks the base feature");
        return;
    }
    link->state = PVGPU_LINK_UP;
    link->direct = features & PVGPU_FEATURE_DIRECT;
    link->up_since_ms = now_ms();
    link->warned = false;
    trace_pvgpu_link_up(link->path, features);
    watch(link);
    if (link->direct) {
        link->events->doorbell_added(link->opaque, &link->doorbell);
    }
    link->events->acknowledged(link->opaque, features);
    catch_up(link);
}

static void take_scanout_buffer(PVGPULink *link, const PVGPUMessage *message)
{
    struct pvgpu_scanout_buffer buffer;
    int fd = link->received_fd;
    const char *wrong;

    if (fd < 0 || !pvgpu_message_get_scanout_buffer(message, &buffer)) {
        lose_liar(link, "a scanout buffer without its descriptor, or too short");
        return;
    }
    link->received_fd = -1;
    wrong = link->events->scanout_buffer(link->opaque, &buffer, fd);
    if (wrong) {
        g_autofree char *text = g_strdup_printf("a scanout buffer is refused: %s", wrong);
        lose_liar(link, text);
    }
}

static void take_scanout(PVGPULink *link, const PVGPUMessage *message)
{
    struct pvgpu_scanout scanout;
    const char *wrong = "too short";

    if (pvgpu_message_get_scanout(message, &scanout)) {
        wrong = link->events->scanout(link->opaque, &scanout);
    }
    if (wrong) {
        g_autofree char *text = g_strdup_printf("a scanout is refused: %s", wrong);
        lose_liar(link, text);
    }
}

static void take_message(PVGPULink *link)
{
    const PVGPUMessage *message = &link->reader.message;
    bool up = link->state == PVGPU_LINK_UP;

    trace_pvgpu_link_message(message->type, message->size);
    if (message->type == PVGPU_MESSAGE_HANDSHAKE_ACK) {
        take_ack(link, message);
    } else if (message->type == PVGPU_MESSAGE_SHUTDOWN) {
        lose(link, PVGPU_LOSS_SHUTDOWN);
    } else if (message->type == PVGPU_MESSAGE_IRQ && up) {
        link->events->interrupt(link->opaque, PVGPU_IRQ_FENCE);
    } else if (message->type == PVGPU_MESSAGE_PAUSED && link->direct) {
        link->pauses -= link->pauses > 0;
    } else if (message->type == PVGPU_MESSAGE_SCANOUT_BUFFER && link->direct) {
        take_scanout_buffer(link, message);
    } else if (message->type == PVGPU_MESSAGE_SCANOUT && link->direct) {
        take_scanout(link, message);
    }
    /* Others: from a newer backend, or before its time. */
}

static void take_bytes(PVGPULink *link, const uint8_t *data, size_t size)
{
    uint64_t connection = link->connections;

    while (size && is_current(link, connection)) {
        size_t taken;
        PVGPUReadResult result = pvgpu_reader_feed(&link->reader, data, size, &taken);

        data += taken;
        size -= taken;
        if (result == PVGPU_READ_MESSAGE) {
            take_message(link);
        } else if (result == PVGPU_READ_TOO_LARGE) {
            lose_liar(link, "a message of more than 1024 bytes");
        }
    }
}

/* Keeps the one descriptor that may come with a message. False when there are more. */
static bool take_descriptors(PVGPULink *link, struct msghdr *header)
{
    bool fine = !(header->msg_flags & MSG_CTRUNC);

    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        size_t count;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
            if (link->received_fd < 0 && link->direct && fine) {
                link->received_fd = fd;
            } else {
                close(fd);
                fine = false;
            }
        }
    }
    return fine;
}

/* One piece of what has come. False when there is no more now. */
static bool read_chunk(PVGPULink *link)
{
    uint64_t connection = link->connections;
    uint8_t data[READ_CHUNK_SIZE];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(PVGPU_DESCRIPTORS * sizeof(int))];
    } control;
    struct iovec part = { .iov_base = data, .iov_len = sizeof(data) };
    struct msghdr header = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    ssize_t size = RETRY_ON_EINTR(recvmsg(link->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));

    if (size < 0 && errno == EAGAIN) {
        return false;
    }
    if (size <= 0) {
        lose(link, PVGPU_LOSS_CLOSED);
        return false;
    }
    if (!take_descriptors(link, &header)) {
        lose_liar(link, "more descriptors than belong to a message");
        return false;
    }
    take_bytes(link, data, size);
    return is_current(link, connection);
}

static void on_readable(void *opaque)
{
    PVGPULink *link = opaque;
    Object *owner = object_ref(link->owner);

    for (unsigned i = 0; i < READ_CHUNKS_MAX && read_chunk(link); i++) {
    }
    object_unref(owner);
}

static void on_writable(void *opaque)
{
    flush(opaque);
}

/* ---- Connecting ---- */

/* True when message and descriptors were taken in whole. */
static bool send_handshake(PVGPULink *link)
{
    const int fds[PVGPU_DESCRIPTORS] = {
        [PVGPU_FD_SHMEM] = link->greeting.shmem_fd,
        [PVGPU_FD_DOORBELL] = event_notifier_get_fd(&link->doorbell),
        [PVGPU_FD_FENCE] = event_notifier_get_fd(&link->fence),
        [PVGPU_FD_ERROR] = event_notifier_get_fd(&link->error),
    };
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(fds))];
    } control = { 0 };
    uint8_t message[PVGPU_HANDSHAKE_MAX];
    size_t size = pvgpu_message_encode_handshake(message, link->greeting.shmem_size,
                                                 link->greeting.shmem_name);
    struct iovec part = { .iov_base = message, .iov_len = size };
    struct msghdr header = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&header);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(c), fds, sizeof(fds));
    return RETRY_ON_EINTR(sendmsg(link->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL)) ==
           (ssize_t)size;
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
    int fd = peer_socket_open(link->path, &link->peer_user, "backend", &err);

    trace_pvgpu_link_open(link->path, MIN(fd, 0));
    if (fd < 0) {
        /* That nobody is there matters once the guest wants somebody. */
        if (err && (link->wanted || fd == -EPERM)) {
            warn(link, error_get_pretty(err));
        }
        error_free(err);
        return fd;
    }
    if (!make_notifiers(link)) {
        close(fd);
        return -EMFILE;
    }
    link->fd = fd;
    link->state = PVGPU_LINK_GREETING;
    link->connections++;
    return 0;
}

void pvgpu_link_try_open(PVGPULink *link)
{
    if (link->state != PVGPU_LINK_DOWN || !link->running) {
        return;
    }
    link->tried_ms = now_ms();
    /* A backend that looks at pages which are still to come would see zeroes. */
    if (migration_in_incoming_postcopy() || open_connection(link) < 0) {
        retry_later(link);
        return;
    }
    timer_del(link->retry_timer);
    if (send_handshake(link)) {
        watch(link);
    } else {
        lose(link, PVGPU_LOSS_CLOSED);
    }
}

static void on_retry(void *opaque)
{
    pvgpu_link_try_open(opaque);
}

/* ---- Stop and go ---- */

void pvgpu_link_resume(PVGPULink *link)
{
    link->running = true;
    if (link->state == PVGPU_LINK_DOWN) {
        link->retry_ms = RETRY_FIRST_MS;
        pvgpu_link_try_open(link);
        return;
    }
    if (link->resume_due) {
        link->resume_due = false;
        if (!send_plain(link, PVGPU_MESSAGE_RESUME)) {
            return;
        }
    }
    flush(link);
}

/* Waits until the backend is quiet. False: it is lost, or did not make it. */
static bool wait_paused(PVGPULink *link, unsigned timeout_ms)
{
    int64_t deadline_ms = qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + timeout_ms;

    while (link->state == PVGPU_LINK_UP && link->pauses) {
        struct pollfd ready = { .fd = link->fd,
                                .events = POLLIN | (wants_write(link) ? POLLOUT : 0) };
        int64_t left_ms = deadline_ms - qemu_clock_get_ms(QEMU_CLOCK_REALTIME);

        if (left_ms <= 0) {
            return false;
        }
        if (poll(&ready, 1, left_ms) > 0) {
            if (ready.revents & POLLOUT) {
                flush(link);
            }
            if (link->state == PVGPU_LINK_UP && (ready.revents & ~POLLOUT)) {
                read_chunk(link);
            }
        }
    }
    return link->state == PVGPU_LINK_UP;
}

void pvgpu_link_pause(PVGPULink *link, unsigned timeout_ms, bool for_good)
{
    link->running = false; /* nothing new begins from here on */
    if (link->state == PVGPU_LINK_UP && link->direct) {
        link->pauses++;
        link->resume_due = true;
        if (send_plain(link, PVGPU_MESSAGE_PAUSE) && !wait_paused(link, timeout_ms) &&
            link->state == PVGPU_LINK_UP && for_good) {
            warn(link, "the backend does not pause in time: connection closed");
            lose(link, PVGPU_LOSS_SILENT);
        }
        take_interrupts(link);
    } else if (link->state == PVGPU_LINK_UP && for_good) {
        lose(link, PVGPU_LOSS_SILENT);
    } else if (link->state == PVGPU_LINK_GREETING) {
        /* It could begin while we do not look. The next try comes when the VM runs. */
        lose(link, PVGPU_LOSS_SILENT);
    }
    watch(link);
}

/* ---- Life ---- */

void pvgpu_link_init(PVGPULink *link, const PVGPULinkEvents *events, Object *owner, bool running)
{
    link->events = events;
    link->opaque = link->owner = owner;
    link->running = running;
    link->fd = link->received_fd = -1;
    link->retry_ms = RETRY_FIRST_MS;
    link->retry_timer = timer_new_ms(QEMU_CLOCK_VIRTUAL, on_retry, link);
    if (running) {
        timer_mod(link->retry_timer, now_ms());
    }
}

void pvgpu_link_say_goodbye(PVGPULink *link)
{
    if (link->state == PVGPU_LINK_UP && !wants_write(link)) {
        send_plain(link, PVGPU_MESSAGE_SHUTDOWN);
    }
}

void pvgpu_link_cleanup(PVGPULink *link)
{
    pvgpu_link_say_goodbye(link);
    pvgpu_link_forget(link);
    timer_free(link->retry_timer);
    link->retry_timer = NULL;
}
