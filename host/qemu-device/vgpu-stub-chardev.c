/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vgpu-stub: the mediator behind a character device (-chardev socket,reconnect-ms=...).
 *
 * The character device connects, and connects again, by itself. Whom it talks to is the
 * user's choice, so that the peer's user is not checked.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "vgpu-stub-link.h"

static VGPUStubLink *link_of(PeerLink *peer)
{
    return container_of(peer, VGPUStubLink, peer);
}

static int chardev_open(PeerLink *peer, Error **errp)
{
    if (qemu_chr_fe_backend_open(&link_of(peer)->chr)) {
        return 0;
    }
    error_setg(errp, "the mediator's chardev is not connected");
    return -ENOTCONN;
}

static ssize_t chardev_write(PeerLink *peer, const void *data, size_t size, int *fds,
                             size_t fd_count)
{
    int result = qemu_chr_fe_write(&link_of(peer)->chr, data, size);

    if (result > 0) {
        return result;
    }
    return result < 0 && errno != EAGAIN ? -EIO : -EAGAIN;
}

static gboolean on_writable(void *source, GIOCondition condition, void *opaque)
{
    VGPUStubLink *link = opaque;

    link->write_tag = 0;
    link->peer.ops->writable(&link->peer);
    return G_SOURCE_REMOVE;
}

static void drop_watch(VGPUStubLink *link)
{
    if (link->write_tag) {
        g_source_remove(link->write_tag);
        link->write_tag = 0;
    }
}

static void chardev_watch(PeerLink *peer)
{
    VGPUStubLink *link = link_of(peer);

    if (!peer->running || !peer_link_wants_write(peer)) {
        drop_watch(link);
    } else if (!link->write_tag) {
        link->write_tag = qemu_chr_fe_add_watch(&link->chr, G_IO_OUT | G_IO_HUP, on_writable, link);
    }
    if (peer->running) {
        qemu_chr_fe_accept_input(&link->chr);
    }
}

/* Also called from CHR_EVENT_CLOSED, which may come with the chardev's lock held: there is nothing
 * to disconnect then, and the backend is not open any more. Or it is the next one that is. */
static void chardev_close(PeerLink *peer)
{
    VGPUStubLink *link = link_of(peer);

    drop_watch(link);
    if (!link->closed_while_stopped && qemu_chr_fe_backend_open(&link->chr)) {
        qemu_chr_fe_disconnect(&link->chr);
    }
}

/* How much it may deliver at once; 0 while the VM is stopped. */
static int chardev_can_read(void *opaque)
{
    VGPUStubLink *link = opaque;

    return vgpu_stub_link_is_up(link) && link->peer.running ? 2 * BG_VGPU_STUB_PAYLOAD_MAX : 0;
}

static void chardev_read(void *opaque, const uint8_t *data, int size)
{
    VGPUStubLink *link = opaque;

    link->peer.ops->received(&link->peer, data, size);
}

static void chardev_event(void *opaque, QEMUChrEvent event)
{
    VGPUStubLink *link = opaque;

    if (event == CHR_EVENT_OPENED && link->peer.state == PEER_LINK_DOWN) {
        peer_link_opened(&link->peer);
        vgpu_stub_link_opened(link);
    } else if (event == CHR_EVENT_CLOSED && vgpu_stub_link_is_up(link)) {
        if (link->active && !link->peer.running) {
            link->closed_while_stopped = true;
        } else {
            vgpu_stub_link_lost(link, VGPU_STUB_LOSS_CLOSED);
        }
    }
}

static const PeerTransport chardev_transport = {
    .open = chardev_open,
    .write = chardev_write,
    .watch = chardev_watch,
    .close = chardev_close,
};

void vgpu_stub_link_init_chardev(VGPUStubLink *link, const VGPUStubLinkEvents *events,
                                 Object *owner)
{
    link->peer.transport = &chardev_transport;
    vgpu_stub_link_init(link, events, owner);
    qemu_chr_fe_set_handlers(&link->chr, chardev_can_read, chardev_read, chardev_event, NULL, link,
                             NULL, true);
}
