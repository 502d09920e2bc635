/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/notify.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/common/fd_message.h"
#include "host/mediator/log.h"

#define PATIENCE_MS 1000

static bool read_address(struct sockaddr_un *address, socklen_t *size)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t length = path != NULL ? strlen(path) : 0;

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length < 2 || length >= sizeof(address->sun_path) || (path[0] != '/' && path[0] != '@')) {
        return false;
    }
    memcpy(address->sun_path, path, length);
    if (path[0] == '@') {
        address->sun_path[0] = '\0'; /* an abstract name */
    }
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return true;
}

bool notify_is_wanted(void)
{
    struct sockaddr_un address;
    socklen_t size;

    return read_address(&address, &size);
}

/* Its reader may be busy, for a moment. */
static int send_patiently(int socket, const char *text, const int *fds, unsigned count)
{
    struct pollfd polled = {.fd = socket, .events = POLLOUT};

    if (fd_message_send(socket, text, strlen(text), fds, count) >= 0) {
        return 0;
    }
    if (errno != EAGAIN || poll(&polled, 1, PATIENCE_MS) <= 0) {
        return -1;
    }
    return fd_message_send(socket, text, strlen(text), fds, count) < 0 ? -1 : 0;
}

static void send_message(const char *text, const int *fds, unsigned count)
{
    struct sockaddr_un address;
    socklen_t size;
    int fd;

    if (!read_address(&address, &size)) {
        return;
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, size) != 0 ||
        send_patiently(fd, text, fds, count) != 0) {
        log_warning("NOTIFY_SOCKET: %m");
    }
    if (fd >= 0) {
        close(fd);
    }
}

void notify_send(const char *state)
{
    send_message(state, NULL, 0);
}

void notify_store(const char *name, const int *fds, unsigned count)
{
    char text[128];

    snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s", name);
    send_message(text, fds, count);
}

void notify_remove(const char *name)
{
    char text[128];

    snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
    send_message(text, NULL, 0);
}
