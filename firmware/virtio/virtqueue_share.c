/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtqueues: the memory that chains share with the device while they are in flight. */
#include "firmware/virtio/virtqueue_internal.h"

static struct bg_virtqueue_share *shares_of(const struct bg_virtqueue *queue, uint16_t id)
{
    return &queue->shares[(uint64_t)id * queue->shared_parts];
}

static void unshare(const struct bg_virtqueue *queue, struct bg_virtqueue_share *shares,
                    unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (shares[i].memory != NULL) {
            queue->dma->unshare(shares[i].memory, shares[i].length, shares[i].direction,
                                shares[i].address);
        }
    }
}

int virtqueue_share(struct bg_virtqueue *queue, const struct bg_virtqueue_part *parts,
                    unsigned readable, unsigned count)
{
    struct bg_virtqueue_share *shares = shares_of(queue, queue->free_first);
    int error = 0;

    for (unsigned i = 0; i < count; i++) {
        struct bg_virtqueue_share *share = &shares[i];

        *share = (struct bg_virtqueue_share){
            .memory = parts[i].memory,
            .length = parts[i].length,
            .direction = i < readable ? BG_HAL_DMA_TO_DEVICE : BG_HAL_DMA_FROM_DEVICE,
        };
        if (share->memory != NULL) {
            error =
                queue->dma->share(share->memory, share->length, share->direction, &share->address);
            if (error < 0) {
                unshare(queue, shares, i);
                return error;
            }
            queue->segments[i].address = share->address;
        }
    }
    queue->slots[queue->free_first].shared = (uint16_t)count;
    return 0;
}

void virtqueue_unshare(struct bg_virtqueue *queue, uint16_t id)
{
    unshare(queue, shares_of(queue, id), queue->slots[id].shared);
    queue->slots[id].shared = 0;
}

void virtqueue_unshare_all(struct bg_virtqueue *queue)
{
    for (unsigned i = 0; queue->shared_parts != 0 && i < queue->size; i++) {
        virtqueue_unshare(queue, (uint16_t)i);
    }
}
