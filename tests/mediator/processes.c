/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/mediator/processes.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "host/common/fd_message.h"
#include "tests/mediator/client.h"

static int others[PROCESSES_OTHERS]; /* a socket to each; 0: not started */

static int try_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Until the test's end of the socket is closed: a path comes, a connection goes. */
__attribute__((noreturn)) static void live(int control)
{
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    ssize_t length;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(control, 3);
    close_range(4, ~0u, 0); /* other connections must not stay open here */
    while ((length = recv(3, path, sizeof(path) - 1, 0)) > 0) {
        path[length] = '\0';
        int fd = try_connect(path);
        char byte = 0;

        fd_message_send(3, &byte, 1, &fd, fd >= 0);
        close(fd);
    }
    _exit(0);
}

static int start(void)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0) {
        harness_fail("no socket pair");
    }
    pid_t child = fork();
    if (child == 0) {
        live(pair[1]);
    }
    close(pair[1]);
    if (child < 0) {
        harness_fail("no process");
    }
    return pair[0];
}

int processes_connect(unsigned process, const char *path)
{
    unsigned count;
    char byte;
    int fd;

    if (process == 0) {
        return unix_connect(path, CLIENT_TIMEOUT_MS);
    }
    if (process >= PROCESSES_OTHERS) {
        harness_fail("process %u: there are %u", process, PROCESSES_OTHERS);
    }
    if (others[process] == 0) {
        others[process] = start();
    }
    if (send(others[process], path, strlen(path), MSG_NOSIGNAL) < 0 ||
        !harness_wait_readable(others[process], CLIENT_TIMEOUT_MS) ||
        fd_message_receive(others[process], &byte, 1, &fd, 1, &count) != 1 || count != 1) {
        harness_fail("process %u does not connect to %s", process, path);
    }
    return fd;
}
