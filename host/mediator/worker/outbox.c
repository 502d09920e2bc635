/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/worker/outbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "protocol/pvgpu.h"

_Static_assert(PVGPU_OUTBOX_PAYLOAD >= sizeof(struct pvgpu_scanout), "the largest");
_Static_assert(PVGPU_OUTBOX_PAYLOAD >= sizeof(struct pvgpu_scanout_buffer), "the largest");

void pvgpu_outbox_init(struct pvgpu_outbox *outbox, int socket)
{
    *outbox = (struct pvgpu_outbox){.socket = socket};
}

static void close_descriptor(struct pvgpu_outbox_message *message)
{
    if (message->fd >= 0) {
        close(message->fd);
        message->fd = -1;
    }
}

/* False when the socket takes no more, or is broken. */
static bool send_first(struct pvgpu_outbox *outbox)
{
    struct pvgpu_outbox_message *message = &outbox->messages[outbox->first];
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {message->bytes + message->sent, message->size - message->sent};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t sent;

    if (message->fd >= 0) {
        header.msg_control = control.space;
        header.msg_controllen = sizeof(control.space);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &message->fd, sizeof(int));
    }
    do {
        sent = sendmsg(outbox->socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        outbox->broken = errno != EAGAIN && errno != EWOULDBLOCK;
        return false;
    }
    close_descriptor(message); /* it is on its way */
    message->sent += (uint32_t)sent;
    if (message->sent < message->size) {
        return true;
    }
    outbox->first = (outbox->first + 1) % PVGPU_OUTBOX_MESSAGES;
    outbox->count--;
    return true;
}

void pvgpu_outbox_flush(struct pvgpu_outbox *outbox)
{
    while (outbox->count > 0 && !outbox->broken && send_first(outbox)) {
    }
}

void pvgpu_outbox_put(struct pvgpu_outbox *outbox, uint32_t type, const void *payload,
                      uint32_t size, int fd)
{
    const struct pvgpu_message header = {.type = type, .size = size};
    struct pvgpu_outbox_message *message;

    if (outbox->count == PVGPU_OUTBOX_MESSAGES) {
        outbox->broken = true;
    }
    if (outbox->broken || size > PVGPU_OUTBOX_PAYLOAD) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    message = &outbox->messages[(outbox->first + outbox->count) % PVGPU_OUTBOX_MESSAGES];
    message->size = (uint32_t)sizeof(header) + size;
    message->sent = 0;
    message->fd = fd;
    memcpy(message->bytes, &header, sizeof(header));
    if (size) {
        memcpy(message->bytes + sizeof(header), payload, size);
    }
    outbox->count++;
    if (outbox->count == 1) {
        pvgpu_outbox_flush(outbox);
    }
}

void pvgpu_outbox_put_once(struct pvgpu_outbox *outbox, uint32_t type, const void *payload,
                           uint32_t size)
{
    for (uint32_t i = 0; i < outbox->count; i++) {
        const struct pvgpu_outbox_message *message =
            &outbox->messages[(outbox->first + i) % PVGPU_OUTBOX_MESSAGES];

        if (message->sent == 0 && memcmp(message->bytes, &type, sizeof(type)) == 0) {
            return;
        }
    }
    pvgpu_outbox_put(outbox, type, payload, size, -1);
}
