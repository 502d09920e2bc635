/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vgpu-stub: the mediator behind a Unix socket. */
#include "qemu/osdep.h"
#include <sys/socket.h>
#include "qemu/main-loop.h"
#include "vgpu-stub-link.h"

static int socket_open(VGPUStubLink *link, Error **errp)
{
    int result = peer_socket_open(link->path, &link->peer_user, "mediator", errp);

    if (result < 0) {
        return result;
    }
    link->fd = result;
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

/* Each change wakes the main loop. */
static void set_watch(VGPUStubLink *link, bool read, bool write)
{
    if (read != link->watches_read || write != link->watches_write) {
        link->watches_read = read;
        link->watches_write = write;
        qemu_set_fd_handler(link->fd, read ? on_readable : NULL, write ? on_writable : NULL, link);
    }
}

static void socket_watch(VGPUStubLink *link)
{
    set_watch(link, vgpu_stub_link_wants_watch(link), vgpu_stub_link_wants_write(link));
}

static void socket_close(VGPUStubLink *link)
{
    set_watch(link, false, false);
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
