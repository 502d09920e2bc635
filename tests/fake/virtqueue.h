/* SPDX-License-Identifier: BSD-2-Clause */
/* The device's side of both ring formats; used by virtio.c only. */
#ifndef TESTS_FAKE_VIRTQUEUE_H
#define TESTS_FAKE_VIRTQUEUE_H

#include "tests/fake/virtio.h"

struct fake_virtio_segment {
    uint8_t *memory;
    uint32_t length;
    bool is_writable;
};

/* Counts and prints something that the driver must not do. */
void fake_violation(struct fake_virtio *fake, const char *text);

void fake_virtqueue_enable(struct fake_virtio *fake, unsigned index,
                           const struct bg_virtio_queue_layout *layout);
/* To the state after a reset of the device; frees what it holds. */
void fake_virtqueue_reset(struct fake_virtio_queue *queue);

/* Takes all available chains; returns how many. */
unsigned fake_virtqueue_run(struct fake_virtio *fake, unsigned index);
/* As fake_virtio_sleep. */
bool fake_virtqueue_sleep(struct fake_virtio *fake, unsigned index);
/* Everything was taken: does NOTIFICATION_DATA's value say the same? */
void fake_virtqueue_check_notification(struct fake_virtio *fake, unsigned index);

#endif
