/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/worker/control.h"

#include <errno.h>

#include "host/common/fd_message.h"
#include "host/mediator/log.h"

int control_send(int socket, const struct control_message *message, int fd)
{
    return fd_message_send(socket, message, sizeof(*message), &fd, fd >= 0) < 0 ? -1 : 0;
}

void control_tell(int socket, const struct control_message *message)
{
    if (control_send(socket, message, -1) != 0) {
        log_warning("control socket: %m");
    }
}

int control_receive(int socket, struct control_message *message, int *fd)
{
    unsigned allowed = fd != NULL, count;
    int unused;
    int *place = fd != NULL ? fd : &unused;
    ssize_t received =
        fd_message_receive(socket, message, sizeof(*message), place, allowed, &count);

    if (received <= 0) {
        errno = received < 0 && errno == EMSGSIZE ? EPROTO : errno;
        return (int)received;
    }
    if (received != sizeof(*message) || count > allowed) {
        fd_message_close(place, allowed);
        errno = EPROTO;
        return -1;
    }
    return 1;
}
