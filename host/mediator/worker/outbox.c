/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/worker/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/common/fd_message.h"

int outbox_init(struct outbox *outbox, int socket, size_t capacity)
{
    *outbox = (struct outbox){.socket = socket, .capacity = capacity};
    outbox->bytes = malloc(capacity);
    return outbox->bytes != NULL ? 0 : -1;
}

static void close_descriptor(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

/* How much the socket took; *fd, when there is one, goes with the first byte. */
static size_t send_some(struct outbox *outbox, const uint8_t *bytes, size_t size, int *fd)
{
    ssize_t sent = fd_message_send(outbox->socket, bytes, size, fd, *fd >= 0);

    if (sent < 0) {
        outbox->broken = errno != EAGAIN && errno != EWOULDBLOCK;
        return 0;
    }
    close_descriptor(fd);
    outbox->sent += (size_t)sent;
    return (size_t)sent;
}

static void keep(struct outbox *outbox, const uint8_t *bytes, size_t size, int fd)
{
    if (size > outbox->capacity - outbox->length ||
        (fd >= 0 && outbox->descriptor_count == OUTBOX_DESCRIPTORS)) {
        outbox->broken = true;
        close_descriptor(&fd);
        return;
    }
    if (size > outbox->capacity - outbox->length - outbox->start) {
        memmove(outbox->bytes, outbox->bytes + outbox->start, outbox->length);
        outbox->start = 0;
    }
    if (fd >= 0) {
        outbox->descriptors[outbox->descriptor_count++] =
            (struct outbox_descriptor){.at = outbox->sent + outbox->length, .fd = fd};
    }
    memcpy(outbox->bytes + outbox->start + outbox->length, bytes, size);
    outbox->length += size;
}

void outbox_put(struct outbox *outbox, const void *message, size_t size, int fd)
{
    const uint8_t *bytes = message;
    size_t sent = 0;

    if (outbox->length == 0 && !outbox->broken) {
        sent = send_some(outbox, bytes, size, &fd);
        outbox->start = 0;
    }
    if (outbox->broken) {
        close_descriptor(&fd);
    } else if (sent < size) {
        keep(outbox, bytes + sent, size - sent, fd);
    }
}

void outbox_put_once(struct outbox *outbox, const void *message, size_t size)
{
    if (outbox->once_end < outbox->sent + size) {
        outbox->once_end = outbox->sent + outbox->length + size;
        outbox_put(outbox, message, size, -1);
    }
}

/* Up to the next descriptor, which goes with what is behind it. False when the socket takes no
 * more. */
static bool send_waiting(struct outbox *outbox)
{
    struct outbox_descriptor *next = outbox->descriptors;
    unsigned ahead = outbox->descriptor_count > 0 && next->at == outbox->sent;
    size_t size = outbox->length, sent;
    int none = -1;

    if (ahead < outbox->descriptor_count) {
        size = (size_t)(next[ahead].at - outbox->sent);
    }
    sent = send_some(outbox, outbox->bytes + outbox->start, size, ahead ? &next->fd : &none);
    outbox->start += sent;
    outbox->length -= sent;
    if (ahead && sent > 0) {
        outbox->descriptor_count--;
        memmove(next, next + 1, outbox->descriptor_count * sizeof(*next));
    }
    return sent == size;
}

void outbox_flush(struct outbox *outbox)
{
    while (outbox->length > 0 && !outbox->broken && send_waiting(outbox)) {
    }
}
