/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c firmware/virtio/sst.c firmware/virtio/sst_request.c
// build: firmware/virtio/virtqueue_share.c
// build: tests/fake/hal.c tests/fake/virtio.c tests/fake/virtqueue.c
// build: tests/unit/virtio/sst_driver_fixture.c firmware/common/wait.c firmware/common/interrupt_source.c
/* The driver of virtio-sst: transfers and events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/hal.h"
#include "tests/fake/hal.h"
#include "tests/unit/virtio/sst_driver_fixture.h"

/* ---- Transfers ---- */

static void transfers(void **state)
{
    static const size_t sizes[] = {0, 1, 4064, 4065, 4080, 4081, 8128, 50000};
    uint8_t *bytes = malloc(50000);

    (void)state;
    open_driver(1, 4, 0);
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t n = 0; n < sizes[i]; n++) {
            bytes[n] = (uint8_t)(n * 7 + i);
        }
        memset(sim.memory, 0xEE, sizeof(sim.memory));
        assert_int_equal(bg_virtio_sst_write(&sst, 77, bytes, sizes[i], soon()), 0);
        assert_memory_equal(sim.memory + 77, bytes, sizes[i]);
        assert_int_equal(sim.memory[76], 0xEE);
        assert_int_equal(sim.memory[77 + sizes[i]], 0xEE);
        memset(bytes, 0, 50000);
        assert_int_equal(bg_virtio_sst_read(&sst, 77, bytes, sizes[i], soon()), 0);
        assert_memory_equal(sim.memory + 77, bytes, sizes[i]);
    }
    assert_int_equal(bg_virtio_sst_read(&sst, UINT64_MAX - 4, bytes, 5, soon()), BG_ERR_RANGE);
    assert_int_equal(bg_virtio_sst_write(&sst, UINT64_MAX, bytes, 2, soon()), BG_ERR_RANGE);
    free(bytes);
}

/* A piece fails: the error is told, nothing stays behind. */
static void a_piece_fails(void **state)
{
    uint8_t *bytes = calloc(1, 50000);

    (void)state;
    open_driver(1, 4, 0);
    for (uint32_t at = 1; at <= 12; at++) {
        sim.count = 0;
        sim.fails_at = at;
        assert_int_equal(bg_virtio_sst_read(&sst, 0, bytes, 45000, soon()), BG_ERR_INVALID);
        sim.fails_at = 0;
        assert_int_equal(bg_virtio_sst_read(&sst, 0, bytes, 45000, soon()), 0);
    }
    free(bytes);
}

/* What was given up does not touch its caller's memory any more (which is freed here). */
static void an_abandoned_transfer(void **state)
{
    (void)state;
    open_driver(1, 8, 0);
    sim.holds = true;
    for (unsigned answered = 0; answered < 4; answered++) {
        uint8_t *bytes = malloc(20000);

        assert_int_equal(bg_virtio_sst_read(&sst, 0, bytes, 8000, bg_hal_time_ns() + 10000),
                         BG_ERR_TIMEOUT);
        assert_int_equal(held(0), 2);
        free(bytes);
        if (answered & 1) {
            complete(0, 1);
            assert_int_equal(bg_virtio_sst_poll(&sst, 0), 1);
        }
        while (held(0) > 0) {
            complete(0, 0);
        }
        assert_in_range(bg_virtio_sst_poll(&sst, 0), 1, 2);
        bytes = malloc(100);
        assert_int_equal(bg_virtio_sst_write(&sst, 0, bytes, 100, bg_hal_time_ns() + 10000),
                         BG_ERR_TIMEOUT);
        free(bytes);
        complete(0, 0);
        assert_int_equal(bg_virtio_sst_poll(&sst, 0), 1);
    }
    for (unsigned i = 0; i < 8; i++) {
        assert_non_null(bg_virtio_sst_take(&sst, 0)); /* all have come back */
    }
}

/* The device writes into the requests, too, where it has no business: nothing follows from it. */
static void scribble_and_complete(void *context)
{
    (void)context;
    for (unsigned i = 0; i < sst.depth; i++) {
        struct bg_sst_request *request = sst.pairs[0].ops[i].request;

        memset(&request->user_data, 0xFF, sizeof(*request) - 16);
    }
    if (held(0) > 0) {
        complete(0, 0);
    }
}

static void a_device_that_writes_into_requests(void **state)
{
    uint8_t *bytes = malloc(8100);

    (void)state;
    open_driver(1, 2, 0);
    for (unsigned i = 0; i < sizeof(sim.memory); i++) {
        sim.memory[i] = (uint8_t)(i / 251);
    }
    sim.holds = true;
    fake_hal.on_wait = scribble_and_complete;
    assert_int_equal(bg_virtio_sst_read(&sst, 3, bytes, 8100, soon()), 0);
    assert_memory_equal(bytes, sim.memory + 3, 8100);
    free(bytes);
}

/* All operations are others': a transfer does not wait for them. */
static void no_operation_is_free(void **state)
{
    struct bg_virtio_sst_op *ops[4];
    unsigned counts[4];
    uint8_t byte = 0;

    (void)state;
    open_driver(1, 4, 0);
    sim.holds = true;
    submit_all(ops, counts);
    assert_int_equal(bg_virtio_sst_read(&sst, 0, &byte, 1, soon()), BG_ERR_BUSY);
    assert_int_equal(bg_virtio_sst_write(&sst, 0, &byte, 1, soon()), BG_ERR_BUSY);
    assert_int_equal(bg_virtio_sst_echo(&sst, &byte, &byte, 1, soon()), BG_ERR_BUSY);
}

/* ---- Events ---- */

static void events(void **state)
{
    struct bg_virtio_sst_event event;

    (void)state;
    open_driver(1, 2, 4);
    assert_int_equal(bg_virtio_sst_poll_event(&sst, &event), 0);
    for (uint64_t i = 0; i < 500; i++) { /* the same buffers, again and again */
        for (uint64_t n = 0; n < 1 + i % 4; n++) {
            send_event((uint32_t)i, n, sizeof(struct bg_sst_event));
        }
        for (uint64_t n = 0; n < 1 + i % 4; n++) {
            assert_int_equal(bg_virtio_sst_wait_event(&sst, &event, soon()), 1);
            assert_int_equal(event.type, i);
            assert_int_equal(event.data, n);
            assert_int_equal(event.timestamp, 1000 + n);
        }
        assert_int_equal(bg_virtio_sst_poll_event(&sst, &event), 0);
        assert_int_equal(fake.queues[2].held_count, 4);
    }
    assert_int_equal(bg_virtio_sst_wait_event(&sst, &event, bg_hal_time_ns() + 5000),
                     BG_ERR_TIMEOUT);
    assert_int_equal(sst.protocol_errors, 0);
}

static uint64_t event_sum;

static void add_event(void *context, const struct bg_virtio_sst_event *event)
{
    assert_ptr_equal(context, &event_sum);
    assert_int_equal(event->type, BG_SST_EVENT_COMPLETION);
    event_sum += event->data;
}

static void events_by_callback(void **state)
{
    const struct bg_virtio_sst_options options = {
        .events = 4, .on_event = add_event, .event_context = &event_sum};
    struct bg_virtio_sst_op *op;

    (void)state;
    assert_int_equal(bg_virtio_sst_open(&sst, &device, &options, soon()), 0);
    event_sum = 0;
    for (uint64_t i = 1; i <= 100; i++) {
        send_event(BG_SST_EVENT_COMPLETION, i, sizeof(struct bg_sst_event));
        if (i % 4 == 0) {
            send_event(BG_SST_EVENT_COMPLETION, 1000, 8); /* cut off: it does not count */
            assert_int_equal(bg_virtio_sst_poll(&sst, 0), 0);
        } else if (i % 4 == 1) {
            assert_int_equal(bg_virtio_sst_noop(&sst, soon()), 0);
        } else {
            op = bg_virtio_sst_take(&sst, 0); /* while it waits for another thing */
            sim.holds = true;
            assert_int_equal(bg_virtio_sst_submit(op), 0);
            assert_int_equal(bg_virtio_sst_wait(op, bg_hal_time_ns() + 5000), BG_ERR_TIMEOUT);
            complete(0, 0);
            sim.holds = false;
            assert_int_equal(bg_virtio_sst_wait(op, soon()), 0);
            bg_virtio_sst_release(op);
        }
        assert_int_equal(event_sum, i * (i + 1) / 2);
        assert_int_equal(sst.protocol_errors, i / 4);
        bg_virtio_sst_poll(&sst, 0);
        assert_int_equal(fake.queues[2].held_count, 4);
    }
}

static void wrong_events(void **state)
{
    struct bg_virtio_sst_event event = {.data = 7};

    (void)state;
    open_driver(1, 2, 2);
    for (uint32_t written = 0; written < sizeof(struct bg_sst_event); written++) {
        send_event(1, 1, written);
        assert_int_equal(bg_virtio_sst_poll_event(&sst, &event), BG_ERR_PROTOCOL);
        assert_int_equal(event.data, 7);
        assert_int_equal(sst.protocol_errors, written + 1);
        assert_int_equal(fake.queues[2].held_count, 2); /* its buffer is the device's again */
    }
    send_event(1, 1, sizeof(struct bg_sst_event));
    assert_int_equal(bg_virtio_sst_poll_event(&sst, &event), 1);
    fake.misbehaviour = FAKE_VIRTIO_WRONG_ID;
    send_event(1, 1, sizeof(struct bg_sst_event));
    assert_int_equal(bg_virtio_sst_poll_event(&sst, &event), BG_ERR_PROTOCOL);
    assert_int_equal(bg_virtio_sst_wait_event(&sst, &event, soon()), BG_ERR_PROTOCOL);
    assert_int_equal(bg_virtio_sst_noop(&sst, soon()), 0); /* requests go on */
}

static void without_event_buffers(void **state)
{
    struct bg_virtio_sst_event event;

    (void)state;
    open_driver(1, 2, 0);
    assert_int_equal(bg_virtio_sst_poll_event(&sst, &event), 0);
    assert_int_equal(bg_virtio_sst_wait_event(&sst, &event, soon()), BG_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(transfers),
        BOTH(a_piece_fails),
        BOTH(an_abandoned_transfer),
        BOTH(a_device_that_writes_into_requests),
        BOTH(no_operation_is_free),
        BOTH(events),
        BOTH(events_by_callback),
        BOTH(wrong_events),
        BOTH(without_event_buffers),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
