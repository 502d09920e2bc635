/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Unix socket to a process on this host that a device talks to: connected without waiting, and
 * only when that process belongs to somebody we trust.
 *
 * A default path below /tmp can be taken by anyone: the listener must be root, QEMU's own user, or
 * whom the device's user named.
 */
#ifndef HW_MISC_BAREGPU_PEER_SOCKET_H
#define HW_MISC_BAREGPU_PEER_SOCKET_H

#include <sys/types.h>

/* Who else is trusted: nobody as long as it is zero. */
typedef struct PeerSocketUser {
    bool set;
    uid_t uid;
} PeerSocketUser;

/*
 * Connects to @path. Returns a non-blocking descriptor that is closed on exec; -EAGAIN when
 * someone listens, but has too many callers now (@errp is not set then); another -errno when
 * nobody is there or not one we trust. @what names the peer in @errp: "mediator".
 */
int peer_socket_open(const char *path, const PeerSocketUser *user, const char *what,
                     Error **errp);

/* @name, a user's name or number, or NULL for nobody. @property is named in @errp. */
bool peer_socket_parse_user(const char *name, const char *property, PeerSocketUser *user,
                            Error **errp);

/* Whether @path fits a socket's address and is not empty. @property is named in @errp. */
bool peer_socket_check_path(const char *path, const char *property, Error **errp);

#endif
