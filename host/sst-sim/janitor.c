/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* close_range */
#include "host/sst-sim/janitor.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT_MS 5000

/* Nothing but its end of the pair is open here: a socket is gone when the simulator is. */
__attribute__((noreturn)) static void be_janitor(struct sst_server *server, int fd)
{
    char byte;

    dup2(fd, STDIN_FILENO);
    close_range(STDIN_FILENO + 1, ~0u, 0);
    if (read(STDIN_FILENO, &byte, 1) == 1) {
        sst_server_destroy(server);
    }
    _exit(0);
}

int janitor_start(struct sst_server *server)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return -1;
    }
    pid_t child = fork();
    if (child == 0) {
        be_janitor(server, pair[1]);
    }
    close(pair[1]);
    if (child < 0) {
        close(pair[0]);
        return -1;
    }
    return pair[0];
}

void janitor_finish(int janitor)
{
    struct pollfd polled = {.fd = janitor, .events = POLLIN};

    if (send(janitor, "", 1, MSG_NOSIGNAL) == 1) {
        poll(&polled, 1, LIMIT_MS); /* its end */
    }
    close(janitor);
}
