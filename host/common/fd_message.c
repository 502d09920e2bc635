/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* MSG_CMSG_CLOEXEC */
#include "host/common/fd_message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union ancillary {
    struct cmsghdr header;
    char space[CMSG_SPACE(FD_MESSAGE_DESCRIPTORS * sizeof(int))];
};

ssize_t fd_message_send(int socket, const void *bytes, size_t size, const int *fds, unsigned count)
{
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    union ancillary ancillary;
    ssize_t sent;

    if (count > FD_MESSAGE_DESCRIPTORS) {
        errno = EINVAL;
        return -1;
    }
    if (count > 0) {
        memset(&ancillary, 0, sizeof(ancillary));
        ancillary.header.cmsg_level = SOL_SOCKET;
        ancillary.header.cmsg_type = SCM_RIGHTS;
        ancillary.header.cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(&ancillary.header), fds, count * sizeof(int));
        header.msg_control = ancillary.space;
        header.msg_controllen = CMSG_SPACE(count * sizeof(int));
    }
    do {
        sent = sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent;
}

/* All that came along lies in one ancillary message. */
static unsigned take_descriptors(struct msghdr *header, int *fds)
{
    struct cmsghdr *rights = CMSG_FIRSTHDR(header);
    unsigned count;

    if (rights == NULL || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) {
        return 0;
    }
    count = (unsigned)((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(fds, CMSG_DATA(rights), count * sizeof(int));
    return count;
}

ssize_t fd_message_receive(int socket, void *bytes, size_t size, int *fds, unsigned capacity,
                           unsigned *count)
{
    union ancillary ancillary;
    struct iovec part = {.iov_base = bytes, .iov_len = size};
    struct msghdr header = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = capacity > 0 ? ancillary.space : NULL,
        /* Not CMSG_SPACE, whose padding has room for one more: what does not fit is closed by the
         * kernel, which says MSG_CTRUNC. */
        .msg_controllen = capacity > 0 ? CMSG_LEN(capacity * sizeof(int)) : 0,
    };
    ssize_t received;

    *count = 0;
    for (unsigned i = 0; i < capacity; i++) {
        fds[i] = -1;
    }
    do {
        received = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received < 0) {
        return -1;
    }
    *count = take_descriptors(&header, fds);
    if (header.msg_flags & MSG_CTRUNC) {
        *count = capacity + 1;
    }
    if (received > 0 && !(header.msg_flags & MSG_TRUNC)) {
        return received;
    }
    fd_message_close(fds, capacity);
    *count = 0;
    errno = EMSGSIZE;
    return received == 0 ? 0 : -1;
}

void fd_message_close(int *fds, unsigned capacity)
{
    for (unsigned i = 0; i < capacity; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
            fds[i] = -1;
        }
    }
}
