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

static int chardev_open(VGPUStubLink *link, Error **errp)
{
    if (qemu_chr_fe_backend_open(&link->chr)) {
        return 0;
    }
    error_setg(errp, "the mediator's chardev is not connected");
    return -ENOTCONN;
}

static ssize_t chardev_write(VGPUStubLink *link, const uint8_t *data, size_t size)
{
    int result = qemu_chr_fe_write(&link->chr, data, size);

    if (result > 0) {
        return result;
    }
    return result < 0 && errno != EAGAIN ? -EIO : -EAGAIN;
}

static gboolean on_writable(void *source, GIOCondition condition, void *opaque)
{
    VGPUStubLink *link = opaque;

    link->write_tag = 0;
    vgpu_stub_link_flush(link);
    return G_SOURCE_REMOVE;
}

static void drop_watch(VGPUStubLink *link)
{
    if (link->write_tag) {
        g_source_remove(link->write_tag);
        link->write_tag = 0;
    }
}

static void chardev_watch(VGPUStubLink *link)
{
    if (!vgpu_stub_link_wants_write(link)) {
        drop_watch(link);
    } else if (!link->write_tag) {
        link->write_tag =
            qemu_chr_fe_add_watch(&link->chr, G_IO_OUT | G_IO_HUP, on_writable, link);
    }
    if (vgpu_stub_link_wants_read(link)) {
        qemu_chr_fe_accept_input(&link->chr);
    }
}

/* Also called from CHR_EVENT_CLOSED, which may come with the chardev's lock held: there is nothing
 * to disconnect then, and the backend is not open any more. */
static void chardev_close(VGPUStubLink *link)
{
    drop_watch(link);
    if (qemu_chr_fe_backend_open(&link->chr)) {
        qemu_chr_fe_disconnect(&link->chr);
    }
}

/* How much it may deliver at once; 0 while the VM is stopped. */
static int chardev_can_read(void *opaque)
{
    VGPUStubLink *link = opaque;

    return vgpu_stub_link_wants_read(link) ? 2 * VGPU_STUB_PAYLOAD_MAX : 0;
}

static void chardev_read(void *opaque, const uint8_t *data, int size)
{
    vgpu_stub_link_received(opaque, data, size);
}

static void chardev_event(void *opaque, QEMUChrEvent event)
{
    VGPUStubLink *link = opaque;

    switch (event) {
    case CHR_EVENT_OPENED:
        if (link->state == VGPU_STUB_LINK_DOWN) {
            vgpu_stub_link_opened(link);
        }
        break;
    case CHR_EVENT_CLOSED:
        if (link->state != VGPU_STUB_LINK_UP) {
            break;
        }
        if (link->active && !link->running) {
            link->closed_while_stopped = true;
        } else {
            vgpu_stub_link_lost(link, VGPU_STUB_LOSS_CLOSED);
        }
        break;
    default:
        break;
    }
}

static void chardev_cleanup(VGPUStubLink *link)
{
    qemu_chr_fe_set_handlers(&link->chr, NULL, NULL, NULL, NULL, NULL, NULL, true);
}

static const VGPUStubTransport chardev_transport = {
    .open = chardev_open,
    .write = chardev_write,
    .watch = chardev_watch,
    .close = chardev_close,
    .cleanup = chardev_cleanup,
};

void vgpu_stub_link_init_chardev(VGPUStubLink *link, const VGPUStubLinkEvents *events,
                                 void *opaque)
{
    vgpu_stub_link_init(link, &chardev_transport, events, opaque);
    qemu_chr_fe_set_handlers(&link->chr, chardev_can_read, chardev_read, chardev_event, NULL,
                             link, NULL, true);
}
