/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* struct ucred */
#include "host/mediator/supervisor/peer.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/common/listener.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

#define START_FIELD 22 /* of /proc/PID/stat */

/* The 22nd field; the second one is a name in brackets, with whatever the process put there. */
static uint64_t parse_start(char *text)
{
    char *at = strrchr(text, ')');

    for (int field = 2; at != NULL && field < START_FIELD; field++) {
        at = strchr(at + 1, ' ');
    }
    return at != NULL ? strtoull(at + 1, NULL, 10) : 0;
}

static uint64_t read_start(pid_t process)
{
    char path[32], text[1024];
    ssize_t length = -1;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)process);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        length = read(fd, text, sizeof(text) - 1);
        close(fd);
    }
    if (length <= 0) {
        return 0;
    }
    text[length] = '\0';
    return parse_start(text);
}

/* Whether the process has ended. A kernel that has no SO_PEERPIDFD cannot say: then its number may
 * be another's by now, in the moment between connect and accept. */
static bool has_ended(int connection)
{
    struct pollfd polled = {.events = POLLIN};
    socklen_t length = sizeof(polled.fd);
    bool ended;

    if (getsockopt(connection, SOL_SOCKET, SO_PEERPIDFD, &polled.fd, &length) != 0) {
        return false;
    }
    ended = poll(&polled, 1, 0) > 0;
    close(polled.fd);
    return ended;
}

bool peer_read(int connection, struct peer *peer)
{
    memset(peer, 0, sizeof(*peer));
    if (!listener_get_peer(connection, &peer->user, &peer->process)) {
        return false;
    }
    if (peer->process > 0) {
        peer->start = read_start(peer->process);
        /* Looked at after the file was read: it was this process's. */
        peer->start = has_ended(connection) ? 0 : peer->start;
    }
    return true;
}

bool peer_is_same(const struct peer *one, const struct peer *two)
{
    return one->user == two->user && one->process == two->process && one->start == two->start;
}
