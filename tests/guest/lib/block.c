/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guest/lib/block.h"

#include <stddef.h>
#include <string.h>

#include "firmware/apps/open/virtio.h"

#define VIRTIO_ID_BLOCK      2u
#define VIRTIO_BLK_F_MQ      (1ull << 12)
#define BLOCK_CONFIG_CAPACITY 0
#define BLOCK_CONFIG_QUEUES  34
#define BLOCK_TYPE_IN        0u
#define BLOCK_TYPE_OUT       1u
#define BLOCK_HEADER_BYTES   16u

_Static_assert(offsetof(struct block_request, data) == BLOCK_HEADER_BYTES, "header");

static int open_queues(struct block *block)
{
    for (uint32_t i = 0; i < block->queue_count; i++) {
        const struct virtqueue_options options = {.index = (uint16_t)i, .indirect_segments = 3};
        struct block_queue *queue = &block->queues[i];
        uint64_t unused;
        int error = virtqueue_create(&queue->queue, &block->device, &options);

        if (error)
            return error;
        queue->requests = hal_dma_alloc(BLOCK_DEPTH * sizeof(*queue->requests), 64, &unused);
        if (!queue->requests)
            return BAREGPU_ERR_NO_MEMORY;
    }
    return BAREGPU_OK;
}

static int open_interrupts(struct block *block, uint32_t queues)
{
    const struct virtio_interrupt_options options = {
        .vectors = block->vectors,
        .vector_count = VIRTIO_INTERRUPT_QUEUE(queues),
        .line_cpu = HAL_CPU_SELF,
    };

    block->vectors[VIRTIO_INTERRUPT_CONFIG].cpu = HAL_CPU_SELF;
    for (uint32_t i = 0; i < queues; i++)
        block->vectors[VIRTIO_INTERRUPT_QUEUE(i)].cpu = i;
    return virtio_interrupt_open(&block->interrupt, &block->device, &options);
}

static int start(struct block *block, uint32_t queues, uint64_t wanted)
{
    uint16_t offered = 1;
    int error = virtio_start(&block->device, VIRTIO_BLK_F_MQ | wanted, 0, virtio_host_deadline());

    if (!error)
        error = virtio_config_read64(&block->device, BLOCK_CONFIG_CAPACITY, &block->sectors);
    if (!error && virtio_has_feature(&block->device, VIRTIO_BLK_F_MQ))
        error = virtio_config_read16(&block->device, BLOCK_CONFIG_QUEUES, &offered);
    block->queue_count = queues < offered ? queues : offered;
    if (!error)
        error = open_queues(block);
    return error ? error : virtio_ready(&block->device);
}

int block_open(struct block *block, uint32_t queues, uint64_t wanted, bool has_interrupts)
{
    int error;

    memset(block, 0, sizeof(*block));
    if (queues == 0 || queues > BLOCK_QUEUES_MAX)
        return BAREGPU_ERR_INVALID;
    error = virtio_host_open(&block->device, VIRTIO_ID_BLOCK, 0, NULL);
    if (error)
        return error;
    if (has_interrupts)
        error = open_interrupts(block, queues);
    if (!error)
        error = start(block, queues, wanted);
    if (error)
        block_close(block);
    return error;
}

int block_close(struct block *block)
{
    int error = virtio_close(&block->device, virtio_host_deadline());

    virtio_interrupt_close(&block->interrupt);
    for (uint32_t i = 0; !error && i < block->queue_count; i++) {
        virtqueue_destroy(&block->queues[i].queue);
        hal_dma_free(block->queues[i].requests, BLOCK_DEPTH * sizeof(struct block_request));
    }
    return error;
}

struct block_request *block_request_get(struct block_queue *queue)
{
    for (uint32_t i = 0; i < BLOCK_DEPTH; i++) {
        if (!queue->requests[i].is_busy)
            return &queue->requests[i];
    }
    return NULL;
}

static struct virtqueue_segment segment_of(const void *memory, uint32_t length)
{
    return (struct virtqueue_segment){(uintptr_t)memory, length};
}

int block_submit(struct block_queue *queue, struct block_request *request, bool is_write,
                 uint64_t sector, uint32_t bytes)
{
    struct virtqueue_segment segments[3] = {
        segment_of(&request->header, BLOCK_HEADER_BYTES),
        segment_of(request->data, bytes),
        segment_of(&request->status, 1),
    };
    int error;

    if (bytes == 0 || bytes > BLOCK_BYTES_MAX || bytes % BLOCK_SECTOR != 0)
        return BAREGPU_ERR_INVALID;
    request->header.type = is_write ? BLOCK_TYPE_OUT : BLOCK_TYPE_IN;
    request->header.sector = sector;
    request->status = 0xff;
    error = virtqueue_add(&queue->queue, segments, is_write ? 2 : 1, is_write ? 1 : 2, request);
    if (error)
        return error;
    request->is_busy = true;
    error = virtqueue_kick(&queue->queue);
    return error < 0 ? error : BAREGPU_OK;
}

int block_wait(struct block_queue *queue, struct block_request **request, uint64_t deadline_ns)
{
    struct virtqueue_used used;
    int result = virtqueue_wait(&queue->queue, &used, deadline_ns);

    if (result < 0)
        return result;
    *request = used.token;
    (*request)->is_busy = false;
    return (*request)->status == 0 ? BAREGPU_OK : BAREGPU_ERR_IO;
}
