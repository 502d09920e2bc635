/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A channel over a descriptor that is the test's own: peer_socket_open() names it, and the test
 * has what reads, writes, watches and closes it.
 */
#ifndef TESTS_FAKE_QEMU_IO_CHANNEL_SOCKET_H
#define TESTS_FAKE_QEMU_IO_CHANNEL_SOCKET_H

#include <sys/socket.h>
#include <sys/uio.h>
#include "qemu/osdep.h"

#define QIO_CHANNEL_ERR_BLOCK (-2)

enum { QIO_CHANNEL_READ_FLAG_MSG_PEEK = 1, QIO_CHANNEL_FEATURE_READ_MSG_PEEK };

typedef struct QIOChannel {
    int fd;
} QIOChannel;
typedef QIOChannel QIOChannelSocket;

#define QIO_CHANNEL(channel) (channel)
#define QIO_CHANNEL_SOCKET(channel) (channel)

/* -1 and errno; flags are 0. */
ssize_t fake_recv(int fd, void *data, size_t size);
ssize_t fake_send(int fd, const void *data, size_t size);
void fake_close(int fd);
/* The test calls them when it likes. */
void fake_watch(int fd, void (*read)(void *), void (*write)(void *), void *opaque);

static inline QIOChannelSocket *qio_channel_socket_new_fd(int fd, Error **errp)
{
    QIOChannelSocket *channel = g_new(QIOChannelSocket, 1);

    (void)errp;
    channel->fd = fd;
    return channel;
}

static inline void qio_channel_set_feature(QIOChannel *channel, int feature)
{
    (void)channel;
    (void)feature;
}

static inline ssize_t qio_channel_readv_full(QIOChannel *channel, const struct iovec *part,
                                             size_t count, int **fds, size_t *fd_count, int flags,
                                             Error **errp)
{
    ssize_t size = fake_recv(channel->fd, part->iov_base, part->iov_len);

    (void)errp;
    assert(count == 1 && !fds && !fd_count && !flags);
    return size < 0 && errno == EAGAIN ? QIO_CHANNEL_ERR_BLOCK : size;
}

static inline ssize_t qio_channel_writev_full(QIOChannel *channel, const struct iovec *part,
                                              size_t count, int *fds, size_t fd_count, int flags,
                                              Error **errp)
{
    ssize_t size = fake_send(channel->fd, part->iov_base, part->iov_len);

    (void)errp;
    assert(count == 1 && !fds && !fd_count && !flags);
    return size < 0 && errno == EAGAIN ? QIO_CHANNEL_ERR_BLOCK : size;
}

static inline void qio_channel_set_aio_fd_handler(QIOChannel *channel, void *read_context,
                                                  void (*read)(void *), void *write_context,
                                                  void (*write)(void *), void *opaque)
{
    assert(read_context == write_context);
    fake_watch(channel->fd, read, write, opaque);
}

/* The only object that is a channel, and the only one that is given up. */
static inline void fake_unref_channel(QIOChannel *channel)
{
    fake_close(channel->fd);
    g_free(channel);
}

#endif
