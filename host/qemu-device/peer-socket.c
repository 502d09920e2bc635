/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A Unix socket to a process that is trusted, see the header. */
#include "qemu/osdep.h"
#include <pwd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "peer-socket.h"

static bool peer_is_trusted(int fd, const char *path, const PeerSocketUser *user, Error **errp)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        error_setg_errno(errp, errno, "%s: cannot tell whose socket it is", path);
        return false;
    }
    if (peer.uid == 0 || peer.uid == geteuid() || (user->set && peer.uid == user->uid)) {
        return true;
    }
    error_setg(errp,
               "%s belongs to a process of user %u, which is neither root, nor QEMU's own user "
               "(%u), nor named by the property peer_user: not used",
               path, (unsigned)peer.uid, (unsigned)geteuid());
    return false;
}

/*
 * The socket is non-blocking from the start, and so is connect(): for Unix sockets it succeeds or
 * fails at once, with EAGAIN when the listener's queue is full.
 */
int peer_socket_open(const char *path, const PeerSocketUser *user, const char *what,
                     Error **errp)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error;

    if (fd < 0) {
        error_setg_errno(errp, errno, "cannot make a socket");
        return -EIO; /* never -EAGAIN, which means something else here */
    }
    pstrcpy(address.sun_path, sizeof(address.sun_path), path);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        error = errno;
        close(fd);
        if (error == EAGAIN) {
            return -EAGAIN;
        }
        error_setg_errno(errp, error, "no %s at %s", what, path);
        return -error;
    }
    if (!peer_is_trusted(fd, path, user, errp)) {
        close(fd);
        return -EPERM;
    }
    return fd;
}

bool peer_socket_parse_user(const char *name, const char *property, PeerSocketUser *user,
                            Error **errp)
{
    const struct passwd *entry;
    unsigned int uid;

    if (!name) {
        return true;
    }
    if (qemu_strtoui(name, NULL, 10, &uid) == 0) {
        user->uid = uid;
    } else {
        entry = getpwnam(name);
        if (!entry) {
            error_setg(errp, "%s must be the name or the number of a user, not '%s'", property,
                       name);
            return false;
        }
        user->uid = entry->pw_uid;
    }
    user->set = true;
    return true;
}

bool peer_socket_check_path(const char *path, const char *property, Error **errp)
{
    const size_t path_max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

    if (*path && strlen(path) <= path_max) {
        return true;
    }
    error_setg(errp, "%s must be a path of 1 to %zu bytes, not '%s'", property, path_max, path);
    return false;
}
