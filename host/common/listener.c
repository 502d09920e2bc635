/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* struct ucred, O_PATH */
#include "host/common/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 128
#define LOCK_TRIES 50 /* of 20 ms */

static struct sockaddr_un make_address(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    return address;
}

/* Two mediators that start at once must not each replace the other's socket as stale: the
 * directory is the lock. It can belong to everybody (/tmp), so holding it up delays, no more. */
static int lock_directory(const char *path)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    char directory[108];
    const char *slash = strrchr(path, '/');
    size_t length = slash != NULL ? (size_t)(slash - path) : 0;
    int fd;

    memcpy(directory, path, length);
    strcpy(directory + length, slash == path ? "/" : length ? "" : ".");
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; fd >= 0 && i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
        nanosleep(&pause, NULL);
    }
    return fd;
}

/*
 * Whether the process that began to listen is there no more: then a child of it that was not yet
 * replaced by its program keeps the socket open, for a moment, and accepts nothing. A process that
 * is not seen from here has number 0.
 */
static bool is_orphan(int fd)
{
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0 &&
           kill(peer.pid, 0) != 0 && errno == ESRCH;
}

/* Whether somebody accepts connections there. A full backlog is somebody. */
static bool is_live(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool live;

    if (fd < 0) {
        return true;
    }
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0) {
        live = !is_orphan(fd);
    } else {
        live = errno != ECONNREFUSED && errno != ENOENT;
    }
    close(fd);
    return live;
}

static enum listener_result clear_path(const struct sockaddr_un *address)
{
    struct stat status;

    if (lstat(address->sun_path, &status) != 0) {
        return errno == ENOENT ? LISTENER_OK : LISTENER_FAILED;
    }
    if (!S_ISSOCK(status.st_mode)) {
        return LISTENER_NOT_A_SOCKET;
    }
    if (is_live(address)) {
        return LISTENER_IN_USE;
    }
    return unlink(address->sun_path) == 0 || errno == ENOENT ? LISTENER_OK : LISTENER_FAILED;
}

static enum listener_result bind_and_listen(struct listener_socket *listener,
                                            const struct sockaddr_un *address, mode_t mode)
{
    struct stat status;
    mode_t old_mask;
    int result;

    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0) {
        return LISTENER_FAILED;
    }
    /* By the mask, so that the path never has more permissions than it is to have. */
    old_mask = umask(~mode & 0777);
    result = bind(listener->fd, (const struct sockaddr *)address, sizeof(*address));
    umask(old_mask);
    if (result != 0) {
        return errno == EADDRINUSE ? LISTENER_IN_USE : LISTENER_FAILED;
    }
    if (listen(listener->fd, BACKLOG) != 0 || lstat(address->sun_path, &status) != 0) {
        return LISTENER_FAILED;
    }
    listener->device = status.st_dev;
    listener->inode = status.st_ino;
    return LISTENER_OK;
}

enum listener_result listener_open(struct listener_socket *listener, const char *path, mode_t mode)
{
    struct sockaddr_un address = make_address(path);
    enum listener_result result;
    int lock, error;

    *listener = (struct listener_socket){.fd = -1};
    strcpy(listener->path, address.sun_path);
    lock = lock_directory(listener->path);
    result = clear_path(&address);
    if (result == LISTENER_OK) {
        result = bind_and_listen(listener, &address, mode);
    }
    error = errno;
    if (result != LISTENER_OK && listener->fd >= 0) {
        close(listener->fd);
        listener->fd = -1;
    }
    if (lock >= 0) {
        close(lock);
    }
    errno = error;
    return result;
}

/* By a descriptor: what is at the path may change, and be a link. */
int listener_set_mode(const struct listener_socket *listener, mode_t mode)
{
    int file = open(listener->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    char path[32];
    int result = -1;

    if (file < 0) {
        return -1;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    errno = ENOENT;
    if (fstat(file, &status) == 0 && status.st_dev == listener->device &&
        status.st_ino == listener->inode) {
        result = chmod(path, mode);
    }
    int error = errno;
    close(file);
    errno = error;
    return result;
}

void listener_close(struct listener_socket *listener)
{
    struct stat status;

    if (listener->fd < 0) {
        return;
    }
    if (lstat(listener->path, &status) == 0 && status.st_dev == listener->device &&
        status.st_ino == listener->inode) {
        unlink(listener->path);
    }
    close(listener->fd);
    listener->fd = -1;
}

bool listener_get_peer(int connection, uid_t *user, pid_t *process)
{
    struct ucred credentials;
    socklen_t length = sizeof(credentials);

    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
        return false;
    }
    *user = credentials.uid;
    *process = credentials.pid;
    return true;
}
