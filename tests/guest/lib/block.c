/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guest/lib/block.h"

#include <stddef.h>
#include <string.h>

#include "firmware/apps/open/virtio.h"

#define VIRTIO_ID_BLOCK 2u
#define VIRTIO_BLK_F_MQ (1ull << 12)
#define BLOCK_CONFIG_CAPACITY 0
#define BLOCK_CONFIG_QUEUES 34
#define BLOCK_TYPE_IN 0u
#define BLOCK_TYPE_OUT 1u
#define BLOCK_HEADER_BYTES 16u

_Static_assert(offsetof(struct block_request, data) == BLOCK_HEADER_BYTES, "header");

static int open_queues(struct block *block)
{
    for (uint32_t i = 0; i < block->queue_count; i++) {
        const struct bg_virtqueue_options options = {.index = (uint16_t)i, .indirect_segments = 3};
        struct block_queue *queue = &block->queues[i];
        uint64_t unused;
        int error = bg_virtqueue_create(&queue->queue, &block->device, &options);

        if (error) {
            return error;
        }
        queue->requests = bg_hal_dma_alloc(BLOCK_DEPTH * sizeof(*queue->requests), 64, &unused);
        if (queue->requests == NULL) {
            return BG_ERR_NO_MEMORY;
        }
    }
    return BG_OK;
}

static int open_interrupts(struct block *block, uint32_t queues)
{
    const struct bg_virtio_interrupt_options options = {
        .vectors = block->vectors,
        .vector_count = BG_VIRTIO_INTERRUPT_QUEUE(queues),
    };

    for (uint32_t i = 0; i < queues; i++) {
        block->vectors[BG_VIRTIO_INTERRUPT_QUEUE(i)].cpu = BG_HAL_CPU(i);
    }
    return bg_virtio_interrupt_open(&block->interrupt, &block->device, &options);
}

static int start(struct block *block, uint32_t queues, uint64_t wanted)
{
    uint16_t offered = 1;
    int error =
        bg_virtio_start(&block->device, VIRTIO_BLK_F_MQ | wanted, 0, virtio_host_deadline());

    if (!error) {
        error = bg_virtio_config_read64(&block->device, BLOCK_CONFIG_CAPACITY, &block->sectors);
    }
    if (!error && bg_virtio_has_feature(&block->device, VIRTIO_BLK_F_MQ)) {
        error = bg_virtio_config_read16(&block->device, BLOCK_CONFIG_QUEUES, &offered);
    }
    block->queue_count = queues < offered ? queues : offered;
    if (!error) {
        error = open_queues(block);
    }
    return error ? error : bg_virtio_ready(&block->device);
}

int block_open(struct block *block, uint32_t queues, uint64_t wanted, bool has_interrupts)
{
    int error;

    memset(block, 0, sizeof(*block));
    if (queues == 0 || queues > BLOCK_QUEUES_MAX) {
        return BG_ERR_INVALID;
    }
    error = virtio_host_open(&block->device, VIRTIO_ID_BLOCK, 0, NULL);
    if (error) {
        return error;
    }
    if (has_interrupts) {
        error = open_interrupts(block, queues);
    }
    if (!error) {
        error = start(block, queues, wanted);
    }
    if (error) {
        block_close(block);
    }
    return error;
}

int block_close(struct block *block)
{
    int error = bg_virtio_close(&block->device, virtio_host_deadline());

    bg_virtio_interrupt_close(&block->interrupt);
    for (uint32_t i = 0; !error && i < block->queue_count; i++) {
        bg_virtqueue_destroy(&block->queues[i].queue);
        bg_hal_dma_free(block->queues[i].requests, BLOCK_DEPTH * sizeof(struct block_request));
    }
    return error;
}

struct block_request *block_request_get(struct block_queue *queue)
{
    for (uint32_t i = 0; i < BLOCK_DEPTH; i++) {
        if (!queue->requests[i].is_busy) {
            return &queue->requests[i];
        }
    }
    return NULL;
}

static struct bg_virtqueue_segment segment_of(const void *memory, uint32_t length)
{
    return (struct bg_virtqueue_segment){(uintptr_t)memory, length};
}

int block_submit(struct block_queue *queue, struct block_request *request, bool is_write,
                 uint64_t sector, uint32_t bytes)
{
    struct bg_virtqueue_segment segments[3] = {
        segment_of(&request->header, BLOCK_HEADER_BYTES),
        segment_of(request->data, bytes),
        segment_of(&request->status, 1),
    };
    int error;

    if (bytes == 0 || bytes > BLOCK_BYTES_MAX || bytes % BLOCK_SECTOR != 0) {
        return BG_ERR_INVALID;
    }
    request->header.type = is_write ? BLOCK_TYPE_OUT : BLOCK_TYPE_IN;
    request->header.sector = sector;
    request->status = 0xff;
    error = bg_virtqueue_add(&queue->queue, segments, is_write ? 2 : 1, is_write ? 1 : 2, request);
    if (error) {
        return error;
    }
    request->is_busy = true;
    error = bg_virtqueue_kick(&queue->queue);
    return error < 0 ? error : BG_OK;
}

int block_wait(struct block_queue *queue, struct block_request **request, uint64_t deadline_ns)
{
    struct bg_virtqueue_used used;
    int result = bg_virtqueue_wait(&queue->queue, &used, deadline_ns);

    if (result < 0) {
        return result;
    }
    *request = used.token;
    (*request)->is_busy = false;
    return (*request)->status == 0 ? BG_OK : BG_ERR_IO;
}
