/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-sst, migration: the requests in flight, which end in an error on the other side. Their
 * chains have to get there for that.
 *
 * qemu_put_virtqueue_element() would do it for split rings only: up to QEMU 10.0 at least, what it
 * writes with packed=on is not what qemu_get_virtqueue_element() reads. And it writes 48 KiB each.
 */
#include "qemu/osdep.h"
#include "migration/qemu-file-types.h"
#include "qemu/bswap.h"
#include "virtio-sst.h"

/* ---- Out ---- */

static void put_segments(QEMUFile *f, const hwaddr *addresses, const struct iovec *sg,
                         unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        qemu_put_be64(f, addresses[i]);
        qemu_put_be32(f, sg[i].iov_len);
    }
}

static void put_item(QEMUFile *f, const SSTItem *item)
{
    const VirtQueueElement *element = &item->element;

    qemu_put_be16(f, item->link.pair);
    qemu_put_be64(f, ldq_le_p(&item->link.request.request_id));
    qemu_put_be64(f, ldq_le_p(&item->link.request.user_data));
    qemu_put_be32(f, element->index);
    qemu_put_be32(f, element->ndescs);
    qemu_put_be16(f, element->out_num);
    qemu_put_be16(f, element->in_num);
    put_segments(f, element->out_addr, element->out_sg, element->out_num);
    put_segments(f, element->in_addr, element->in_sg, element->in_num);
}

static uint32_t put_list(QEMUFile *f, const SSTItemList *list)
{
    const SSTItem *item;
    uint32_t count = 0;

    QTAILQ_FOREACH (item, list, next) {
        count++;
        if (f != NULL) {
            put_item(f, item);
        }
    }
    return count;
}

/* Without a file: only counts. */
static uint32_t put_all(QEMUFile *f, VirtIOSST *s)
{
    uint32_t count = put_list(f, &s->restored) + put_list(f, &s->items);

    for (unsigned i = 0; i < s->num_queues; i++) {
        count += put_list(f, &s->pairs[i].waiting);
    }
    return count;
}

static int put_items(QEMUFile *f, void *opaque, size_t size, const VMStateField *field,
                     JSONWriter *vmdesc)
{
    VirtIOSST *s = opaque;

    qemu_put_be32(f, put_all(NULL, s));
    put_all(f, s);
    return 0;
}

/* ---- In ---- */

/* As virtqueue_pop() makes it: one allocation, the item first. */
static SSTItem *new_item(unsigned out_num, unsigned in_num)
{
    unsigned count = out_num + in_num;
    size_t sg_offset = QEMU_ALIGN_UP(sizeof(SSTItem), __alignof__(struct iovec));
    size_t address_offset = sg_offset + count * sizeof(struct iovec);
    uint8_t *memory = g_malloc0(address_offset + count * sizeof(hwaddr));
    SSTItem *item = (void *)memory;
    VirtQueueElement *element = &item->element;

    element->out_num = out_num;
    element->in_num = in_num;
    element->out_sg = (void *)(memory + sg_offset);
    element->in_sg = element->out_sg + out_num;
    element->out_addr = (void *)(memory + address_offset);
    element->in_addr = element->out_addr + out_num;
    return item;
}

static void get_segments(QEMUFile *f, hwaddr *addresses, struct iovec *sg, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        addresses[i] = qemu_get_be64(f);
        sg[i].iov_len = qemu_get_be32(f);
    }
}

static int get_item(QEMUFile *f, VirtIOSST *s)
{
    uint16_t pair = qemu_get_be16(f), out_num, in_num;
    uint64_t request_id = qemu_get_be64(f), user_data = qemu_get_be64(f);
    uint32_t index = qemu_get_be32(f), ndescs = qemu_get_be32(f);
    SSTItem *item;

    out_num = qemu_get_be16(f);
    in_num = qemu_get_be16(f);
    if (pair >= s->num_queues || index >= VIRTQUEUE_MAX_SIZE || ndescs > VIRTQUEUE_MAX_SIZE ||
        out_num + in_num > VIRTQUEUE_MAX_SIZE) {
        return -EINVAL;
    }
    item = new_item(out_num, in_num);
    item->element.index = index;
    item->element.ndescs = ndescs;
    item->state = SST_ITEM_RESTORED;
    item->link.pair = pair;
    stq_le_p(&item->link.request.request_id, request_id);
    stq_le_p(&item->link.request.user_data, user_data);
    get_segments(f, item->element.out_addr, item->element.out_sg, out_num);
    get_segments(f, item->element.in_addr, item->element.in_sg, in_num);
    virtqueue_map(VIRTIO_DEVICE(s), &item->element);
    QTAILQ_INSERT_TAIL(&s->restored, item, next);
    return 0;
}

static int get_items(QEMUFile *f, void *opaque, size_t size, const VMStateField *field)
{
    VirtIOSST *s = opaque;
    uint32_t count = qemu_get_be32(f);
    int error = count > s->num_queues * VIRTQUEUE_MAX_SIZE ? -EINVAL : 0;

    for (uint32_t i = 0; i < count && !error; i++) {
        error = get_item(f, s);
    }
    return error;
}

const VMStateInfo virtio_sst_items_info = {
    .name = "virtio-sst-items",
    .get = get_items,
    .put = put_items,
};
