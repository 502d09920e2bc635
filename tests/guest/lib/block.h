/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio block device (virtio 1.4, 5.2) with a queue for each CPU: as much of it as the tests and
 * benchmarks of several CPUs need. A queue is used by one CPU at a time, different queues at the
 * same time; its interrupt goes to the CPU of the same number.
 */
#ifndef TESTS_GUEST_LIB_BLOCK_H
#define TESTS_GUEST_LIB_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "baregpu/virtio_interrupt.h"
#include "baregpu/virtqueue.h"

#define BLOCK_SECTOR 512u
#define BLOCK_QUEUES_MAX 8u
#define BLOCK_DEPTH 16u /* requests under way in a queue */
#define BLOCK_BYTES_MAX 4096u

struct block_request {
    struct {
        uint32_t type;
        uint32_t reserved;
        uint64_t sector;
    } header;
    uint8_t data[BLOCK_BYTES_MAX];
    uint8_t status;
    bool is_busy;
    uint64_t tag; /* the caller's */
};

struct block_queue {
    struct bg_virtqueue queue;
    struct block_request *requests; /* BLOCK_DEPTH of them */
} __attribute__((aligned(64)));

struct block {
    struct bg_virtio_device device;
    struct bg_virtio_interrupt interrupt;
    struct bg_pci_interrupt_vector vectors[1 + BLOCK_QUEUES_MAX];
    struct block_queue queues[BLOCK_QUEUES_MAX];
    uint32_t queue_count;
    uint64_t sectors;
};

/*
 * Opens the first block device, with `queues` queues or as many as it has. `wanted`: features of
 * the rings. With `has_interrupts` the CPUs 0 to queues - 1 run, and take them.
 */
int block_open(struct block *block, uint32_t queues, uint64_t wanted, bool has_interrupts);
int block_close(struct block *block);

/* A request that is not under way, or NULL; its data may be filled. */
struct block_request *block_request_get(struct block_queue *queue);

/* Sends it: reads or writes `bytes`, a multiple of BLOCK_SECTOR. 0 or a negative error. */
int block_submit(struct block_queue *queue, struct block_request *request, bool is_write,
                 uint64_t sector, uint32_t bytes);

/* Waits for one to end: *request. 0 or a negative error, IO if the device said so. */
int block_wait(struct block_queue *queue, struct block_request **request, uint64_t deadline_ns);

#endif
