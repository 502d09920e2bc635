/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/worker/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int control_send(int socket, const struct control_message *message, int fd)
{
    struct iovec vector = {.iov_base = (void *)message, .iov_len = sizeof(*message)};
    struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } ancillary;
    ssize_t sent;

    if (fd >= 0) {
        memset(&ancillary, 0, sizeof(ancillary));
        header.msg_control = ancillary.space;
        header.msg_controllen = sizeof(ancillary.space);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
    }
    do {
        sent = sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}

/* The descriptor that came along; -1 when there is none. */
static int get_descriptor(struct msghdr *header)
{
    struct cmsghdr *rights = CMSG_FIRSTHDR(header);
    int fd = -1;

    if (rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
        rights->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
    }
    return fd;
}

int control_receive(int socket, struct control_message *message, int *fd)
{
    struct iovec vector = {.iov_base = message, .iov_len = sizeof(*message)};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } ancillary;
    struct msghdr header = {
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = fd ? ancillary.space : NULL,
        /* Not all of it: the padding of CMSG_SPACE has room for a second descriptor. What does
         * not fit is closed by the kernel, which says MSG_CTRUNC. */
        .msg_controllen = fd ? CMSG_LEN(sizeof(int)) : 0,
    };
    ssize_t received;
    int got;

    if (fd) {
        *fd = -1;
    }
    do {
        received = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received < 0) {
        return -1;
    }
    got = get_descriptor(&header);
    if (received != sizeof(*message) || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
        if (got >= 0) {
            close(got);
        }
        errno = EPROTO;
        return received == 0 ? 0 : -1;
    }
    if (fd) {
        *fd = got;
    }
    return 1;
}
