/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vgpu-stub: the mediator behind a Unix socket.
 *
 * The socket is non-blocking from the start, and so is connect(): for Unix sockets it succeeds or
 * fails at once, with EAGAIN when the listener's queue is full.
 */
#include "qemu/osdep.h"
#include <sys/socket.h>
#include <sys/un.h>
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/main-loop.h"
#include "vgpu-stub-link.h"

/*
 * A default path below /tmp can be taken by anyone: the listener must be root, ourselves, or
 * whom the user named.
 */
static bool peer_is_trusted(VGPUStubLink *link, int fd, Error **errp)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        error_setg_errno(errp, errno, "%s: cannot tell whose socket it is", link->path);
        return false;
    }
    if (peer.uid == 0 || peer.uid == geteuid() ||
        (link->peer_uid_set && peer.uid == link->peer_uid)) {
        return true;
    }
    error_setg(errp,
               "%s belongs to a process of user %u, which is neither root, nor QEMU's own user "
               "(%u), nor named by the property peer_user: not used",
               link->path, (unsigned)peer.uid, (unsigned)geteuid());
    return false;
}

static int socket_open(VGPUStubLink *link, Error **errp)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error;

    if (fd < 0) {
        error = errno;
        error_setg_errno(errp, error, "cannot make a socket");
        return -EIO; /* never -EAGAIN, which means something else here */
    }
    pstrcpy(address.sun_path, sizeof(address.sun_path), link->path);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        error = errno;
        close(fd);
        if (error == EAGAIN) {
            return -EAGAIN;
        }
        error_setg_errno(errp, error, "no mediator at %s", link->path);
        return -error;
    }
    if (!peer_is_trusted(link, fd, errp)) {
        close(fd);
        return -EPERM;
    }
    link->fd = fd;
    return 0;
}

static ssize_t socket_read(VGPUStubLink *link, uint8_t *data, size_t size)
{
    ssize_t result = RETRY_ON_EINTR(recv(link->fd, data, size, MSG_DONTWAIT));

    return result < 0 ? -errno : result;
}

static ssize_t socket_write(VGPUStubLink *link, const uint8_t *data, size_t size)
{
    ssize_t result = RETRY_ON_EINTR(send(link->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL));

    return result < 0 ? -errno : result;
}

static void on_readable(void *opaque)
{
    vgpu_stub_link_poll(opaque);
}

static void on_writable(void *opaque)
{
    vgpu_stub_link_flush(opaque);
}

static void socket_watch(VGPUStubLink *link)
{
    qemu_set_fd_handler(link->fd, vgpu_stub_link_wants_read(link) ? on_readable : NULL,
                        vgpu_stub_link_wants_write(link) ? on_writable : NULL, link);
}

static void socket_close(VGPUStubLink *link)
{
    qemu_set_fd_handler(link->fd, NULL, NULL, NULL);
    close(link->fd);
    link->fd = -1;
}

static void socket_cleanup(VGPUStubLink *link)
{
}

static const VGPUStubTransport socket_transport = {
    .open = socket_open,
    .read = socket_read,
    .write = socket_write,
    .watch = socket_watch,
    .close = socket_close,
    .cleanup = socket_cleanup,
};

void vgpu_stub_link_init_socket(VGPUStubLink *link, const VGPUStubLinkEvents *events,
                                void *opaque)
{
    link->fd = -1;
    vgpu_stub_link_init(link, &socket_transport, events, opaque);
}
