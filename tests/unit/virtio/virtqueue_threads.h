/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_VIRTIO_VIRTQUEUE_THREADS_H
#define TESTS_UNIT_VIRTIO_VIRTQUEUE_THREADS_H

#include <stdint.h>

/*
 * The tests of a program's main(): sends `buffers` buffers (with BAREGPU_SOAK set: ten million)
 * through a queue of each format with each set of features, driver and device on threads of their
 * own. Fails, or aborts, when one is lost or wrong. Returns the exit status.
 */
int virtqueue_threads_main(uint64_t buffers);

#endif
