/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver's queue and the fake device behind it, for the virtqueue tests. */
#ifndef TESTS_UNIT_VIRTIO_VIRTQUEUE_FIXTURE_H
#define TESTS_UNIT_VIRTIO_VIRTQUEUE_FIXTURE_H

#include "baregpu/virtqueue.h"
#include "tests/fake/hal.h"
#include "tests/fake/virtio.h"

struct fixture {
    struct fake_virtio fake;
    struct bg_virtio_device device;
    struct bg_virtqueue queue;
    uint32_t hold_left; /* requests that the device holds before it answers again */
};

/* The device's answer to each request: byte i of what it writes is byte i of what it read (0 behind
 * its end) plus 1; it fills all there is. */
uint32_t fixture_answer(void *context, const struct fake_virtio_request *request);

/* A started device with one queue. `features` are offered and wanted. */
void fixture_begin(struct fixture *fixture, uint64_t features, uint16_t size);

/* The same with options for the queue; not made ready when `is_ready` is false. */
void fixture_begin_with(struct fixture *fixture, uint64_t features, uint16_t size,
                        const struct bg_virtqueue_options *options, bool is_ready);

/* Resets, frees, and expects that the driver broke no rule. */
void fixture_end(struct fixture *fixture);

/* One chain of a readable and a writable segment, 16 bytes each, at `memory` (32 bytes). */
int fixture_add(struct fixture *fixture, uint8_t *memory, void *token);

/* Adds one, kicks, and takes it back, with its content checked. */
void fixture_exchange(struct fixture *fixture);

/* A pseudo-random number below `limit`, the same at every run. */
uint32_t fixture_random(uint32_t limit);

#endif
