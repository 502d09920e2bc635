/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c tests/fake/hal.c tests/fake/virtio.c
// build: firmware/virtio/virtqueue_share.c
// build: tests/fake/virtqueue.c tests/unit/virtio/virtqueue_fixture.c tests/unit/virtio/virtqueue_threads.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
// serial
/* As virtqueue_race_test, but at full speed: what ThreadSanitizer slows down may happen here. */
#include "tests/unit/virtio/virtqueue_threads.h"

#define BUFFERS 1000000

int main(void)
{
    return virtqueue_threads_main(BUFFERS);
}
