/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_VIRTQUEUE_THREADS_H
#define TESTS_VIRTQUEUE_THREADS_H

#include <stdint.h>

/* Sends `total` buffers through a queue with these features, driver and device on threads of their
 * own. Fails (cmocka), or aborts, when one is lost or wrong. */
void virtqueue_threads_run(uint64_t features, uint64_t total);

#endif
