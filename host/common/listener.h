/* SPDX-License-Identifier: BSD-2-Clause */
/* A listening Unix socket at a path. */
#ifndef COMMON_LISTENER_H
#define COMMON_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

struct listener_socket {
    int fd; /* -1: not open; non-blocking */
    char path[108];
    dev_t device; /* of the path's file, to remove only our own */
    ino_t inode;
};

enum listener_result {
    LISTENER_OK,
    LISTENER_IN_USE, /* somebody listens there */
    LISTENER_FAILED, /* errno */
    LISTENER_NOT_A_SOCKET,
};

/* A socket file that nobody listens on is replaced; any other file is left alone. */
enum listener_result listener_open(struct listener_socket *listener, const char *path, mode_t mode);

/* Of the file, if it is still ours. -1 with errno. */
int listener_set_mode(const struct listener_socket *listener, mode_t mode);

/* Closes, and removes the file if it is still ours. */
void listener_close(struct listener_socket *listener);

/* The peer of a connection; false when the kernel does not tell. */
bool listener_get_peer(int connection, uid_t *user, pid_t *process);

#endif
