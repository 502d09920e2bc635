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
#include "qemu/bitmap.h"
#include "qemu/bswap.h"
#include "qemu/error-report.h"
#include "system/dma.h"
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
    if (pair >= s->num_queues || out_num + in_num > VIRTQUEUE_MAX_SIZE) {
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

/* Descriptors of the queue that were taken and not given back: what virtio_load() finds, too. */
static unsigned in_use(VirtIODevice *vdev, int queue)
{
    unsigned taken = virtio_queue_get_last_avail_idx(vdev, queue), used = taken >> 16;
    hwaddr used_ring = virtio_queue_get_used_addr(vdev, queue);
    uint8_t index[2];

    if (used_ring == 0) {
        return 0;
    }
    if (virtio_vdev_has_feature(vdev, VIRTIO_F_RING_PACKED)) {
        unsigned wraps = (taken ^ used) & 0x8000 ? virtio_queue_get_num(vdev, queue) : 0;

        return (taken & 0x7FFF) + wraps - (used & 0x7FFF);
    }
    if (dma_memory_read(vdev->dma_as, used_ring + 2, index, 2, MEMTXATTRS_UNSPECIFIED)) {
        return 0;
    }
    return (uint16_t)(taken - lduw_le_p(index));
}

/* Each has a place in its queue, of its own, and no more than are in use. */
static bool check_pair(VirtIOSST *s, unsigned pair)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(s);
    int queue = virtio_get_queue_index(s->pairs[pair].request_queue);
    unsigned size = virtio_queue_get_num(vdev, queue), count = 0;
    bool packed = virtio_vdev_has_feature(vdev, VIRTIO_F_RING_PACKED);
    DECLARE_BITMAP(seen, VIRTQUEUE_MAX_SIZE) = {0};
    const SSTItem *item;

    QTAILQ_FOREACH (item, &s->restored, next) {
        const VirtQueueElement *element = &item->element;

        if (item->link.pair != pair) {
            continue;
        }
        if (element->index >= size || test_and_set_bit(element->index, seen) ||
            element->ndescs < 1 || element->ndescs > (packed ? size : 1)) {
            return false;
        }
        count += element->ndescs;
    }
    return count == 0 || count <= MIN(size, in_use(vdev, queue));
}

int virtio_sst_post_load(VirtIODevice *vdev)
{
    VirtIOSST *s = VIRTIO_SST(vdev);

    for (unsigned i = 0; i < s->num_queues; i++) {
        if (!check_pair(s, i)) {
            error_report("virtio-sst: queue pair %u cannot have the requests that came with it", i);
            return -EINVAL;
        }
    }
    return 0;
}

static bool map_segments(AddressSpace *as, const hwaddr *addresses, struct iovec *sg,
                         unsigned *count, DMADirection direction)
{
    for (unsigned i = 0; i < *count; i++) {
        hwaddr size = sg[i].iov_len;

        sg[i].iov_base = dma_memory_map(as, addresses[i], &size, direction, MEMTXATTRS_UNSPECIFIED);
        if (sg[i].iov_base != NULL && size < sg[i].iov_len) {
            dma_memory_unmap(as, sg[i].iov_base, size, direction, 0);
            sg[i].iov_base = NULL;
        }
        if (sg[i].iov_base == NULL) {
            *count = i;
            return false;
        }
    }
    return true;
}

static void unmap_segments(AddressSpace *as, struct iovec *sg, unsigned *count,
                           DMADirection direction)
{
    while (*count > 0) {
        --*count;
        dma_memory_unmap(as, sg[*count].iov_base, sg[*count].iov_len, direction, 0);
    }
}

bool virtio_sst_map(VirtIOSST *s, VirtQueueElement *element)
{
    AddressSpace *as = VIRTIO_DEVICE(s)->dma_as;
    unsigned out_num = element->out_num;

    element->out_num = 0;
    if (!map_segments(as, element->in_addr, element->in_sg, &element->in_num,
                      DMA_DIRECTION_FROM_DEVICE)) {
        unmap_segments(as, element->in_sg, &element->in_num, DMA_DIRECTION_FROM_DEVICE);
        return false;
    }
    element->out_num = out_num;
    if (!map_segments(as, element->out_addr, element->out_sg, &element->out_num,
                      DMA_DIRECTION_TO_DEVICE)) {
        unmap_segments(as, element->in_sg, &element->in_num, DMA_DIRECTION_FROM_DEVICE);
        unmap_segments(as, element->out_sg, &element->out_num, DMA_DIRECTION_TO_DEVICE);
        return false;
    }
    return true;
}

const VMStateInfo virtio_sst_items_info = {
    .name = "virtio-sst-items",
    .get = get_items,
    .put = put_items,
};
