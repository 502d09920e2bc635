/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device's link to a process on this host, see the header. */
#include "qemu/osdep.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "io/channel-socket.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "peer-link.h"

/* One turn takes at most so many of these. */
#define READ_CHUNK_SIZE 4096
#define READ_CHUNKS_MAX 16

void peer_link_warn(PeerLink *link, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    warn_report_once_cond(&link->warned, "%s: %s", link->ops->device, text);
}

/* ---- What the main loop calls ---- */

static void call(PeerLink *link, void (*function)(PeerLink *link))
{
    Object *owner = object_ref(link->owner);
    bool unused = false, *guard = link->guard != NULL ? link->guard : &unused, was = *guard;

    *guard = true;
    function(link);
    *guard = was;
    object_unref(owner);
}

static void on_readable(void *opaque)
{
    PeerLink *link = opaque;

    call(link, link->ops->readable);
}

static void on_writable(void *opaque)
{
    PeerLink *link = opaque;

    call(link, link->ops->writable);
}

static void on_retry(void *opaque)
{
    PeerLink *link = opaque;

    call(link, link->ops->retry);
}

/* ---- The socket ---- */

/* A default path below /tmp can be taken by anyone. */
static bool peer_is_trusted(const PeerLink *link, int fd, Error **errp)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        error_setg_errno(errp, errno, "%s: cannot tell whose socket it is", link->path);
        return false;
    }
    if (peer.uid == 0 || peer.uid == geteuid() ||
        (link->trusts_user && peer.uid == link->trusted_uid)) {
        return true;
    }
    error_setg(errp,
               "%s belongs to a process of user %u, which is neither root, nor QEMU's own user "
               "(%u), nor named by the property peer_user: not used",
               link->path, (unsigned)peer.uid, (unsigned)geteuid());
    return false;
}

/* The socket is non-blocking from the start, and so is connect(): for Unix sockets it succeeds or
 * fails at once. QIOChannelSocket's own way would wait for room in the listener's queue. */
static int socket_open(PeerLink *link, Error **errp)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    QIOChannelSocket *channel = NULL;
    int result = -EIO;

    if (fd < 0) {
        error_setg_errno(errp, errno, "cannot make a socket");
        return -EIO; /* never -EAGAIN, which means something else here */
    }
    pstrcpy(address.sun_path, sizeof(address.sun_path), link->path);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        result = -errno;
        if (result != -EAGAIN) {
            error_setg_errno(errp, -result, "no %s at %s", link->ops->peer, link->path);
        }
    } else if (!peer_is_trusted(link, fd, errp)) {
        result = -EPERM;
    } else {
        channel = qio_channel_socket_new_fd(fd, errp);
    }
    if (channel == NULL) {
        close(fd);
        return result;
    }
    link->channel = QIO_CHANNEL(channel);
    qio_channel_set_feature(link->channel, QIO_CHANNEL_FEATURE_READ_MSG_PEEK);
    return 0;
}

static ssize_t socket_result(ssize_t size)
{
    return size >= 0 ? size : size == QIO_CHANNEL_ERR_BLOCK ? -EAGAIN : -EIO;
}

static ssize_t socket_read(PeerLink *link, void *data, size_t size, int **fds, size_t *fd_count)
{
    struct iovec part = {.iov_base = data, .iov_len = size};

    return socket_result(qio_channel_readv_full(link->channel, &part, 1, fds, fd_count, 0, NULL));
}

static ssize_t socket_write(PeerLink *link, const void *data, size_t size, int *fds,
                            size_t fd_count)
{
    struct iovec part = {.iov_base = (void *)data, .iov_len = size};

    return socket_result(qio_channel_writev_full(link->channel, &part, 1, fds, fd_count, 0, NULL));
}

/* Each change wakes the main loop. */
static void set_watch(PeerLink *link, bool read, bool write)
{
    if (read != link->watches_read || write != link->watches_write) {
        link->watches_read = read;
        link->watches_write = write;
        qio_channel_set_aio_fd_handler(link->channel, iohandler_get_aio_context(),
                                       read ? on_readable : NULL, iohandler_get_aio_context(),
                                       write ? on_writable : NULL, link);
    }
}

static void socket_watch(PeerLink *link)
{
    set_watch(link, link->running && !link->unwatched,
              link->running && peer_link_wants_write(link));
}

static void socket_close(PeerLink *link)
{
    set_watch(link, false, false);
    object_unref(OBJECT(link->channel)); /* nobody else has it: it is closed */
    link->channel = NULL;
}

static const PeerTransport socket_transport = {
    .open = socket_open,
    .read = socket_read,
    .write = socket_write,
    .watch = socket_watch,
    .close = socket_close,
};

/* ---- Connection ---- */

void peer_link_opened(PeerLink *link)
{
    link->state = PEER_LINK_UP;
    link->connections++;
}

int peer_link_open(PeerLink *link, Error **errp)
{
    int result = link->transport->open(link, errp);

    timer_del(link->retry_timer);
    link->state = PEER_LINK_DOWN;
    if (result == 0) {
        peer_link_opened(link);
    }
    return result;
}

void peer_link_close(PeerLink *link)
{
    bool was_up = peer_link_is_up(link);

    link->state = PEER_LINK_DOWN; /* a transport that tells of its end has nobody to tell */
    link->unwatched = false;
    link->tx_sent = link->tx_size = 0;
    link->sent = 0;
    if (link->retry_timer != NULL) {
        timer_del(link->retry_timer);
    }
    if (was_up) {
        link->disconnections++;
        link->transport->close(link);
    }
}

void peer_link_retry_anew(PeerLink *link)
{
    link->retry_ms = link->ops->retry_first_ms;
}

void peer_link_retry_later(PeerLink *link)
{
    if (link->retry_timer == NULL) {
        return; /* unplugged meanwhile */
    }
    timer_mod(link->retry_timer, qemu_clock_get_ms(link->ops->clock) + link->retry_ms);
    link->retry_ms = MIN(2 * link->retry_ms, link->ops->retry_max_ms);
}

void peer_link_watch(PeerLink *link)
{
    if (peer_link_is_up(link)) {
        link->transport->watch(link);
    }
}

/* ---- Sending ---- */

ssize_t peer_link_write(PeerLink *link, const void *data, size_t size, int *fds, size_t fd_count)
{
    uint64_t connection = link->connections;
    ssize_t taken = link->transport->write(link, data, size, fds, fd_count);

    if (taken > 0 && peer_link_is_current(link, connection)) {
        link->sent += taken;
        link->bytes_sent += taken;
    }
    return taken;
}

bool peer_link_queue(PeerLink *link, const void *data, size_t size)
{
    size_t rest = link->tx_size - link->tx_sent;

    if (link->tx == NULL || rest + size > link->ops->tx_capacity) {
        return false;
    }
    memmove(link->tx, link->tx + link->tx_sent, rest);
    memcpy(link->tx + rest, data, size);
    link->tx_sent = 0;
    link->tx_size = rest + size;
    return true;
}

bool peer_link_flush(PeerLink *link)
{
    uint64_t connection = link->connections;
    ssize_t taken = -EAGAIN;

    while (peer_link_wants_write(link)) {
        taken =
            peer_link_write(link, link->tx + link->tx_sent, link->tx_size - link->tx_sent, NULL, 0);
        if (!peer_link_is_current(link, connection)) {
            return true;
        }
        if (taken <= 0) {
            break;
        }
        link->tx_sent += taken;
    }
    peer_link_watch(link);
    return taken > 0 || taken == -EAGAIN;
}

/* ---- Receiving ---- */

static bool receive_chunk(PeerLink *link)
{
    const PeerLinkOps *ops = link->ops;
    uint8_t chunk[READ_CHUNK_SIZE];
    g_autofree int *fds = NULL;
    size_t fd_count = 0;
    ssize_t size =
        link->transport->read(link, chunk, sizeof(chunk), ops->received_fds != NULL ? &fds : NULL,
                              ops->received_fds != NULL ? &fd_count : NULL);

    if (size == -EAGAIN) {
        return false;
    }
    if (size <= 0) {
        ops->ended(link, size < 0);
        return false;
    }
    link->bytes_received += size;
    return (!fd_count || ops->received_fds(link, fds, fd_count)) &&
           ops->received(link, chunk, size);
}

void peer_link_receive(PeerLink *link)
{
    uint64_t connection = link->connections;

    for (unsigned i = 0;
         i < READ_CHUNKS_MAX && peer_link_is_current(link, connection) && receive_chunk(link);
         i++) {
    }
}

ssize_t peer_link_read(PeerLink *link, void *data, size_t size)
{
    ssize_t taken = link->transport->read(link, data, size, NULL, NULL);

    link->bytes_received += MAX(taken, 0);
    return taken;
}

bool peer_link_has_ended(PeerLink *link)
{
    char byte;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};

    return qio_channel_readv_full(link->channel, &part, 1, NULL, NULL,
                                  QIO_CHANNEL_READ_FLAG_MSG_PEEK, NULL) == 0;
}

int peer_link_wait(PeerLink *link, int events, int64_t until_us)
{
    for (;;) {
        struct pollfd ready = {.fd = QIO_CHANNEL_SOCKET(link->channel)->fd, .events = events};
        int64_t left_us = until_us - g_get_monotonic_time();
        int result;

        if (left_us <= 0) {
            return 0;
        }
        result = poll(&ready, 1, MIN(left_us / 1000 + 1, INT_MAX));
        if (result > 0) {
            return ready.revents;
        }
        if (result < 0 && errno != EINTR) {
            return 0;
        }
    }
}

/* ---- Life ---- */

void peer_link_init(PeerLink *link, const PeerLinkOps *ops, Object *owner, bool running)
{
    link->ops = ops;
    link->transport = link->transport != NULL ? link->transport : &socket_transport;
    link->owner = owner;
    link->running = running;
    link->tx = g_malloc(ops->tx_capacity);
    link->retry_timer = timer_new_ms(ops->clock, on_retry, link);
    peer_link_retry_anew(link);
}

void peer_link_cleanup(PeerLink *link)
{
    link->running = false;
    peer_link_close(link);
    timer_free(link->retry_timer);
    link->retry_timer = NULL;
    g_free(link->tx);
    link->tx = NULL;
}
