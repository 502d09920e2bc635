/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/worker/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int output_init(struct output *output, int fd, size_t capacity)
{
    *output = (struct output){.fd = fd, .capacity = capacity};
    output->bytes = malloc(capacity);
    return output->bytes ? 0 : -1;
}

/* How much the socket took. */
static size_t send_some(struct output *output, const uint8_t *bytes, size_t size)
{
    ssize_t sent;

    do {
        sent = send(output->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            output->broken = true;
        }
        return 0;
    }
    return (size_t)sent;
}

void output_put(struct output *output, const void *message, size_t size)
{
    const uint8_t *bytes = message;

    if (output->broken) {
        return;
    }
    if (output->length == 0) {
        size_t sent = send_some(output, bytes, size);

        bytes += sent;
        size -= sent;
        output->start = 0;
    }
    if (size == 0 || output->broken) {
        return;
    }
    if (size > output->capacity - output->length) {
        output->broken = true;
        return;
    }
    if (size > output->capacity - output->length - output->start) {
        memmove(output->bytes, output->bytes + output->start, output->length);
        output->start = 0;
    }
    memcpy(output->bytes + output->start + output->length, bytes, size);
    output->length += size;
}

bool output_flush(struct output *output)
{
    size_t sent = 0;

    if (output->length > 0 && !output->broken) {
        sent = send_some(output, output->bytes + output->start, output->length);
        output->start += sent;
        output->length -= sent;
    }
    return sent > 0;
}
