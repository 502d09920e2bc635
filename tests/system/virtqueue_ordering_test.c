// SPDX-License-Identifier: BSD-2-Clause
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c tests/unit/fake_hal.c tests/unit/fake_virtio.c
// build: tests/unit/fake_virtqueue.c tests/unit/virtqueue_fixture.c tests/unit/virtqueue_threads.c
// serial
/* As virtqueue_race_test, but at full speed: what ThreadSanitizer slows down may happen here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/virtio.h"
#include "tests/unit/virtqueue_threads.h"

#define BUFFERS_SOAK 10000000
#define BUFFERS 1000000

static void run(uint64_t features)
{
    uint64_t total = getenv("BAREGPU_SOAK") != NULL ? BUFFERS_SOAK : BUFFERS;

    virtqueue_threads_run(features, total);
    virtqueue_threads_run(features | VIRTIO_F_EVENT_IDX, total);
    virtqueue_threads_run(features | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC, total);
    virtqueue_threads_run(features | VIRTIO_F_EVENT_IDX | VIRTIO_F_IN_ORDER, total);
}

static void split(void **state)
{
    (void)state;
    run(0);
}

static void packed(void **state)
{
    (void)state;
    run(VIRTIO_F_RING_PACKED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(split), cmocka_unit_test(packed)};

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
