/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c firmware/virtio/sst.c firmware/virtio/sst_request.c
// build: firmware/virtio/virtqueue_share.c
// build: tests/fake/hal.c tests/fake/virtio.c tests/fake/virtqueue.c
// build: tests/unit/virtio/sst_driver_fixture.c firmware/common/wait.c firmware/common/interrupt_source.c
/* The driver of virtio-sst against a device in memory, which answers, is late, is silent, lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/hal.h"
#include "tests/fake/hal.h"
#include "tests/unit/virtio/sst_driver_fixture.h"

#define PAIRS 4u

/* ---- Opening ---- */

static void options_are_checked(void **state)
{
    static const struct bg_virtio_sst_options bad[] = {
        {.pairs = BG_SST_PAIRS_MAX + 1}, {.depth = 129}, {.events = 129}};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(bg_virtio_sst_open(&sst, &device, &bad[i], soon()), BG_ERR_INVALID);
    }
    device.id = BG_VIRTIO_ID_GPU;
    assert_int_equal(bg_virtio_sst_open(&sst, &device, NULL, soon()), BG_ERR_INVALID);
    device.id = BG_SST_VIRTIO_ID;
    assert_int_equal(bg_virtio_sst_open(&sst, &device, NULL, soon()), 0);
    assert_int_equal(sst.pair_count, 1);
    assert_int_equal(sst.depth, BG_VIRTIO_SST_DEPTH_DEFAULT);
    assert_int_equal(sst.event_count, 0);
}

static void write_config(size_t offset, uint64_t value, size_t size)
{
    memcpy(fake.config + offset, &value, size);
}

static void the_configuration_is_checked(void **state)
{
    static const uint64_t wrong[] = {0, BG_SST_PAIRS_MAX + 1, UINT64_C(1) << 32, UINT64_MAX};

    (void)state;
    write_config(0, BG_SST_PROTOCOL_VERSION + 0x10000, 4);
    assert_int_equal(bg_virtio_sst_open(&sst, &device, NULL, soon()), BG_ERR_UNSUPPORTED);
    write_config(0, BG_SST_PROTOCOL_VERSION + 1, 4); /* a later one of the same kind */
    for (unsigned i = 0; i < 4; i++) {
        write_config(offsetof(struct bg_sst_config, max_queues), wrong[i], 8);
        assert_int_equal(bg_virtio_sst_open(&sst, &device, NULL, soon()), BG_ERR_PROTOCOL);
        assert_true(fake.status == 0);
    }
    write_config(offsetof(struct bg_sst_config, max_queues), 1, 8);
    assert_int_equal(bg_virtio_sst_open(&sst, &device, NULL, soon()), 0);
    assert_int_equal(bg_virtio_sst_close(&sst, soon()), 0);
    fake.config_size = 16;
    assert_int_equal(bg_virtio_sst_open(&sst, &device, NULL, soon()), BG_ERR_RANGE);
    sst.device = NULL;
}

/* At each allocation: what there was is given back. */
static void there_is_no_memory(void **state)
{
    const struct bg_virtio_sst_options options = {.pairs = 2, .depth = 4, .events = 4};
    unsigned failures = 0;
    int error;

    (void)state;
    fake_virtio_end(&fake);
    prepare(ring_features, 2);
    do {
        fake_hal.refuse_allocation = failures + 1;
        error = bg_virtio_sst_open(&sst, &device, &options, soon());
        if (error < 0) {
            assert_int_equal(error, BG_ERR_NO_MEMORY);
            assert_int_equal(fake_hal.allocated, 0);
            failures++;
        }
    } while (error < 0);
    fake_hal.refuse_allocation = 0;
    assert_in_range(failures, 2 * 4 + 3, 20); /* ring, slots, requests, operations; events */
}

/* One that may still write keeps its memory. */
static void a_device_that_does_not_reset(void **state)
{
    (void)state;
    open_driver(1, 4, 4);
    size_t allocated = fake_hal.allocated;

    fake.reset_reads = 1000000;
    assert_int_equal(bg_virtio_sst_close(&sst, soon()), BG_ERR_TIMEOUT);
    assert_int_equal(fake_hal.allocated, allocated);
    fake.reset_reads = fake.resets_pending = 0;
}

static void pairs(void **state)
{
    (void)state;
    fake_virtio_end(&fake);
    prepare(ring_features, PAIRS);
    open_driver(16, 2, 3); /* more than there are */
    assert_int_equal(sst.pair_count, PAIRS);
    assert_int_equal(fake.queues[2 * PAIRS].held_count, 3); /* event buffers */
    for (unsigned pair = 0; pair < PAIRS; pair++) {
        struct bg_virtio_sst_op *op = bg_virtio_sst_take(&sst, pair);

        op->request->type = BG_SST_NOOP;
        assert_int_equal(bg_virtio_sst_submit(op), 0);
        assert_int_equal(bg_virtio_sst_wait(op, soon()), 0);
        assert_int_equal(fake.queues[2 * pair].requests, 1);
        bg_virtio_sst_release(op);
    }
    assert_null(bg_virtio_sst_take(&sst, PAIRS));
    assert_int_equal(bg_virtio_sst_close(&sst, soon()), 0);
    open_driver(2, 2, 3); /* fewer: the event queue stays where it was */
    assert_int_equal(sst.pair_count, 2);
    assert_int_equal(fake.queues[2 * PAIRS].held_count, 3);
}

/* One that says what it could have: without the feature there is one pair, and events behind it. */
static void pairs_that_were_not_negotiated(void **state)
{
    (void)state;
    fake_virtio_end(&fake);
    prepare(ring_features, PAIRS);
    open_driver(1, 2, 3);
    assert_false(bg_virtio_has_feature(&device, BG_SST_F_MULTI_QUEUE));
    assert_int_equal(sst.config.max_queues, 1);
    assert_true(fake.queues[2].is_enabled);
    assert_false(fake.queues[2 * PAIRS].is_enabled);
}

/* ---- Requests ---- */

static void each_request(void **state)
{
    struct bg_sst_compute_result result;
    struct bg_sst_info info;
    uint8_t bytes[BG_SST_PAYLOAD_SIZE], back[BG_SST_PAYLOAD_SIZE];
    uint64_t before;

    (void)state;
    open_driver(1, 0, 0);
    assert_int_equal(bg_virtio_sst_noop(&sst, soon()), 0);
    assert_int_equal(sim.last.type, BG_SST_NOOP);
    memset(bytes, 0x5A, sizeof(bytes));
    assert_int_equal(bg_virtio_sst_echo(&sst, bytes, back, sizeof(bytes), soon()), 0);
    assert_memory_equal(back, bytes, sizeof(bytes));
    assert_int_equal(bg_virtio_sst_echo(&sst, bytes, back, sizeof(bytes) + 1, soon()),
                     BG_ERR_TOO_LARGE);
    assert_int_equal(bg_virtio_sst_compute(&sst, 1000, 2, &result, soon()), 0);
    assert_int_equal(result.cycles, 3002);
    assert_int_equal(result.timestamp, 99);
    assert_int_equal(sim.last.payload.compute.reserved, 0);
    assert_int_equal(sim.last.flags, 0);
    assert_int_equal(bg_virtio_sst_get_info(&sst, &info, soon()), 0);
    assert_int_equal(info.memory_size, 4);
    assert_int_equal(bg_virtio_sst_configure(&sst, 7, 100, &before, soon()), 0);
    assert_int_equal(before, 107);
    assert_int_equal(sim.last.payload.configure.reserved, 0);
    assert_int_equal(bg_virtio_sst_reset(&sst, soon()), 0);
    assert_int_equal(sim.last.type, BG_SST_RESET);
    assert_int_equal(bg_virtio_sst_write(&sst, 17, bytes, 4000, soon()), 0);
    assert_memory_equal(sim.memory + 17, bytes, 4000);
    assert_int_equal(sim.memory[16] | sim.memory[4017], 0);
    assert_int_equal(bg_virtio_sst_read(&sst, 17, back, 4000, soon()), 0);
    assert_memory_equal(back, bytes, 4000);
    assert_int_equal(sst.protocol_errors, 0);
}

static void each_status(void **state)
{
    static const int errors[] = {
        0,         BG_ERR_IO, BG_ERR_LIMITED, BG_ERR_INVALID, BG_ERR_TIMEOUT, BG_ERR_UNAVAILABLE,
        BG_ERR_IO, BG_ERR_IO};
    uint8_t bytes[64];

    (void)state;
    open_driver(1, 2, 0);
    for (uint32_t status = 0; status < 8; status++) {
        sim.status = status < 7 ? status : UINT32_MAX;
        assert_int_equal(bg_virtio_sst_noop(&sst, soon()), errors[status]);
        assert_int_equal(bg_virtio_sst_compute(&sst, 1, 0, NULL, soon()), errors[status]);
        assert_int_equal(bg_virtio_sst_configure(&sst, 1, 0, NULL, soon()), errors[status]);
        assert_int_equal(bg_virtio_sst_read(&sst, 0, bytes, 64, soon()), errors[status]);
        assert_int_equal(bg_virtio_sst_write(&sst, 0, bytes, 64, soon()), errors[status]);
        assert_int_equal(bg_virtio_sst_echo(&sst, bytes, bytes, 64, soon()), errors[status]);
        assert_non_null(bg_virtio_sst_status_name(sim.status));
    }
    assert_int_equal(sst.protocol_errors, 0);
    /* Every operation has come back. */
    assert_non_null(bg_virtio_sst_take(&sst, 0));
    assert_non_null(bg_virtio_sst_take(&sst, 0));
    assert_null(bg_virtio_sst_take(&sst, 0));
    assert_int_equal(bg_virtio_sst_noop(&sst, soon()), BG_ERR_BUSY);
}

/* A response of `written` bytes. What an answer has to have depends on the request. */
static void wrong_lengths(void **state)
{
    uint8_t bytes[100];
    struct bg_sst_info info;
    uint64_t errors = 0;

    (void)state;
    open_driver(1, 4, 0);
    for (uint32_t written = 1; written < HEAD; written++) {
        sim.written = written;
        assert_int_equal(bg_virtio_sst_noop(&sst, soon()), BG_ERR_PROTOCOL);
        assert_int_equal(sst.protocol_errors, ++errors);
    }
    sim.written = HEAD;
    assert_int_equal(bg_virtio_sst_noop(&sst, soon()), 0);
    assert_int_equal(bg_virtio_sst_configure(&sst, 1, 1, NULL, soon()), 0);
    assert_int_equal(bg_virtio_sst_write(&sst, 0, bytes, 100, soon()), 0);
    sim.written = HEAD + sizeof(info) - 1;
    assert_int_equal(bg_virtio_sst_get_info(&sst, &info, soon()), BG_ERR_PROTOCOL);
    sim.written = HEAD + sizeof(struct bg_sst_compute_result) - 1;
    assert_int_equal(bg_virtio_sst_compute(&sst, 1, 1, NULL, soon()), BG_ERR_PROTOCOL);
    sim.written = HEAD + 99;
    assert_int_equal(bg_virtio_sst_echo(&sst, bytes, bytes, 100, soon()), BG_ERR_PROTOCOL);
    assert_int_equal(bg_virtio_sst_read(&sst, 0, bytes, 100, soon()), BG_ERR_PROTOCOL);
    assert_int_equal(sst.protocol_errors, errors + 4);
    sim.written = HEAD + 100;
    assert_int_equal(bg_virtio_sst_echo(&sst, bytes, bytes, 100, soon()), 0);
    assert_int_equal(bg_virtio_sst_read(&sst, 0, bytes, 100, soon()), 0);
}

static void a_wrong_request_id(void **state)
{
    struct bg_sst_response *response;
    struct bg_virtio_sst_op *op;

    (void)state;
    open_driver(1, 4, 0);
    sim.holds = true;
    op = bg_virtio_sst_take(&sst, 0);
    assert_int_equal(bg_virtio_sst_submit(op), 0);
    assert_true(bg_virtio_sst_kick(&sst, 0) >= 0);
    respond(&fake.queues[0].held[0]);
    response = (struct bg_sst_response *)(void *)fake.queues[0].held[0].out;
    response->request_id++;
    fake_virtio_complete(&fake, 0, 0, sizeof(*response));
    assert_int_equal(bg_virtio_sst_wait(op, soon()), BG_ERR_PROTOCOL);
    assert_int_equal(op->status, BG_SST_ERROR);
    assert_int_equal(sst.protocol_errors, 1);
    bg_virtio_sst_release(op);
    sim.holds = false;
    assert_int_equal(bg_virtio_sst_noop(&sst, soon()), 0); /* it goes on */
}

/* ---- Many at once ---- */

static void depth(void **state)
{
    struct bg_virtio_sst_op *ops[128];
    unsigned counts[128];

    (void)state;
    open_driver(1, 128, 0);
    sim.holds = true;
    assert_int_equal(submit_all(ops, counts), 128);
    assert_int_equal(held(0), 0); /* not yet seen */
    assert_int_equal(bg_virtio_sst_kick(&sst, 0), 1);
    assert_int_equal(fake.queues[0].notifications, 1);
    assert_int_equal(held(0), 128);
    for (unsigned i = 128; i-- > 0;) { /* the last one first */
        complete(0, i);
        assert_int_equal(bg_virtio_sst_poll(&sst, 0), 1);
        assert_int_equal(counts[i], 1);
        assert_int_equal(ops[i]->response->result, 3 * i);
        assert_int_equal(ops[i]->response->user_data, 1000 + i);
    }
    assert_int_equal(ends, 128);
    assert_int_equal(bg_virtio_sst_poll(&sst, 0), 0);
    for (unsigned i = 0; i < 128; i++) {
        bg_virtio_sst_release(ops[i]);
        bg_virtio_sst_release(ops[i]); /* once is enough */
    }
    assert_int_equal(submit_all(ops, counts), 128);
}

/* Two entries of the ring for each: there is room for half of them. */
static void more_than_the_ring_takes(void **state)
{
    struct bg_virtio_sst_op *ops[128];
    uint8_t *bytes = malloc(60000);
    unsigned count = 0;

    (void)state;
    fake_virtio_end(&fake);
    prepare(ring_features & ~BG_VIRTIO_F_INDIRECT_DESC, 1);
    open_driver(1, 128, 0);
    sim.holds = true;
    for (; count < 128; count++) {
        ops[count] = bg_virtio_sst_take(&sst, 0);
        if (bg_virtio_sst_submit(ops[count]) != 0) {
            break;
        }
    }
    assert_int_equal(count, QUEUE_SIZE / 2);
    assert_int_equal(bg_virtio_sst_submit(ops[count]), BG_ERR_NO_SPACE);
    bg_virtio_sst_release(ops[count]);
    assert_true(bg_virtio_sst_kick(&sst, 0) >= 0);
    sim.holds = false;
    while (held(0) > 0) {
        complete(0, 0);
    }
    assert_int_equal(bg_virtio_sst_poll(&sst, 0), QUEUE_SIZE / 2);
    /* Transfers make do with what there is. */
    for (unsigned i = 0; i < 60000; i++) {
        bytes[i] = (uint8_t)(i * 13);
    }
    assert_int_equal(bg_virtio_sst_write(&sst, 100, bytes, 60000, soon()), 0);
    assert_memory_equal(sim.memory + 100, bytes, 60000);
    memset(bytes, 0, 60000);
    assert_int_equal(bg_virtio_sst_read(&sst, 100, bytes, 60000, soon()), 0);
    assert_memory_equal(sim.memory + 100, bytes, 60000);
    free(bytes);
}

static unsigned submits_left;

static void submit_again(struct bg_virtio_sst_op *op)
{
    assert_int_equal(op->error, 0);
    ends++;
    bg_virtio_sst_release(op);
    if (submits_left > 0) {
        struct bg_virtio_sst_op *next = bg_virtio_sst_take(&sst, 0);

        submits_left--;
        next->done = submit_again;
        assert_int_equal(bg_virtio_sst_submit(next), 0);
        assert_true(bg_virtio_sst_kick(&sst, 0) >= 0); /* is answered within */
    }
}

/* A device that answers at once does not keep a poll for ever. */
static void done_submits_anew(void **state)
{
    struct bg_virtio_sst_op *op;

    (void)state;
    open_driver(1, 2, 0);
    submits_left = 1000000;
    ends = 0;
    op = bg_virtio_sst_take(&sst, 0);
    op->done = submit_again;
    assert_int_equal(bg_virtio_sst_submit(op), 0);
    assert_int_equal(bg_virtio_sst_kick(&sst, 0), 1);
    assert_in_range(bg_virtio_sst_poll(&sst, 0), 1, QUEUE_SIZE);
    assert_in_range(ends, 1, QUEUE_SIZE);
    /* Nor does another's work a wait. */
    sim.holds = true;
    op = bg_virtio_sst_take(&sst, 0);
    assert_int_equal(bg_virtio_sst_submit(op), 0);
    assert_true(bg_virtio_sst_kick(&sst, 0) >= 0);
    sim.holds = false;
    fake_hal.now_ns += 100000000;
    assert_int_equal(bg_virtio_sst_wait(op, bg_hal_time_ns()), BG_ERR_TIMEOUT);
    assert_true(submits_left > 900000);
    submits_left = 0;
    bg_virtio_sst_abandon(op);
    complete(0, 0);
    assert_true(bg_virtio_sst_poll(&sst, 0) > 0);
}

/* ---- Late, silent, dead ---- */

static void never_called(struct bg_virtio_sst_op *op)
{
    (void)op;
    fail_msg("an abandoned operation's end was told");
}

static void a_silent_device(void **state)
{
    struct bg_virtio_sst_op *op;
    uint64_t began_ns;

    (void)state;
    open_driver(1, 2, 0);
    sim.holds = true;
    began_ns = bg_hal_time_ns();
    assert_int_equal(bg_virtio_sst_noop(&sst, began_ns + 5000000), BG_ERR_TIMEOUT);
    assert_in_range(bg_hal_time_ns() - began_ns, 5000000, 5010000);
    op = bg_virtio_sst_take(&sst, 0); /* the other one is the device's */
    assert_null(bg_virtio_sst_take(&sst, 0));
    op->done = never_called;
    assert_int_equal(bg_virtio_sst_submit(op), 0);
    assert_int_equal(bg_virtio_sst_wait(op, bg_hal_time_ns() + 1000), BG_ERR_TIMEOUT);
    assert_int_equal(op->error, BG_ERR_BUSY);
    bg_virtio_sst_abandon(op);
    assert_int_equal(bg_virtio_sst_wait_any(&sst, 0, bg_hal_time_ns() + 1000), BG_ERR_TIMEOUT);
    complete(0, 0);
    complete(0, 0);
    assert_int_equal(bg_virtio_sst_poll(&sst, 0), 2);
    assert_non_null(bg_virtio_sst_take(&sst, 0));
    assert_non_null(bg_virtio_sst_take(&sst, 0));
    assert_int_equal(sst.protocol_errors, 0);
}

/* What every call says from then on; nothing in flight is left. */
static void expect_dead(struct bg_virtio_sst_op **ops, unsigned *counts, unsigned count, int error)
{
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(counts[i], 1);
        assert_int_equal(ops[i]->error, error);
        assert_int_equal(bg_virtio_sst_submit(ops[i]), error);
    }
    assert_int_equal(bg_virtio_sst_kick(&sst, 0), error);
    assert_int_equal(bg_virtio_sst_poll(&sst, 0), error);
    assert_int_equal(bg_virtio_sst_wait_any(&sst, 0, soon()), error);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(counts[i], 1);
        bg_virtio_sst_release(ops[i]);
    }
    assert_int_equal(bg_virtio_sst_noop(&sst, soon()), error);
}

static void a_device_that_needs_a_reset(void **state)
{
    struct bg_virtio_sst_op *ops[8];
    unsigned counts[8];

    (void)state;
    open_driver(1, 8, 0);
    sim.holds = true;
    assert_int_equal(submit_all(ops, counts), 8);
    assert_true(bg_virtio_sst_kick(&sst, 0) >= 0);
    complete(0, 3);
    assert_int_equal(bg_virtio_sst_poll(&sst, 0), 1);
    assert_int_equal(counts[3], 1);
    bg_virtio_sst_release(ops[3]);
    ops[3] = ops[7];
    counts[3] = 1;
    fake_virtio_need_reset(&fake);
    assert_int_equal(bg_virtio_sst_wait(ops[0], soon()), BG_ERR_IO);
    assert_int_equal(ends, 8);
    /* It answers all the same: they have ended already. */
    while (held(0) > 0) {
        complete(0, 0);
    }
    expect_dead(ops, counts, 7, BG_ERR_IO);
    assert_int_equal(ends, 8);
    /* Opened anew, it works. */
    assert_int_equal(bg_virtio_sst_close(&sst, soon()), 0);
    open_driver(1, 8, 0);
    sim.holds = false;
    assert_int_equal(bg_virtio_sst_noop(&sst, soon()), 0);
}

static void a_device_that_is_gone(void **state)
{
    struct bg_virtio_sst_op *ops[4];
    unsigned counts[4];

    (void)state;
    open_driver(1, 4, 0);
    sim.holds = true;
    assert_int_equal(submit_all(ops, counts), 4);
    fake.is_gone = true;
    assert_int_equal(bg_virtio_sst_wait_any(&sst, 0, soon()), BG_ERR_UNAVAILABLE);
    assert_int_equal(ends, 4);
    expect_dead(ops, counts, 4, BG_ERR_UNAVAILABLE);
}

static void try_misbehaviour(enum fake_virtio_misbehaviour what)
{
    struct bg_virtio_sst_op *ops[8];
    unsigned counts[8];
    int result;

    open_driver(1, 8, 0);
    sim.holds = true;
    assert_int_equal(submit_all(ops, counts), 8);
    assert_true(bg_virtio_sst_kick(&sst, 0) >= 0);
    complete(0, 0);
    fake.misbehaviour = what;
    complete(0, 0);
    result = bg_virtio_sst_poll(&sst, 0);
    if (result >= 0) { /* it may lie in what does not matter, or say nothing */
        assert_in_range(result, 0, 2);
        while (held(0) > 0) {
            complete(0, 0);
        }
        result = bg_virtio_sst_poll(&sst, 0);
        assert_in_range(ends, 6, 8); /* what it skips is silence */
    }
    if (result < 0) {
        assert_int_equal(result, BG_ERR_PROTOCOL);
        assert_int_equal(ends, 8);
        assert_int_equal(bg_virtio_sst_noop(&sst, soon()), BG_ERR_BUSY); /* all are taken */
        bg_virtio_sst_release(ops[0]);
        assert_int_equal(bg_virtio_sst_noop(&sst, soon()), BG_ERR_PROTOCOL);
    }
    for (unsigned i = 0; i < 8; i++) {
        assert_in_range(counts[i], 0, 1);
    }
    assert_int_equal(bg_virtio_sst_close(&sst, soon()), 0);
    sst.device = NULL;
    sim.holds = false;
    fake.misbehaviour = FAKE_VIRTIO_GOOD;
}

static void a_device_that_breaks_the_ring(void **state)
{
    (void)state;
    for (unsigned what = 0; what < FAKE_VIRTIO_MISBEHAVIOURS; what++) {
        try_misbehaviour((enum fake_virtio_misbehaviour)what);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(options_are_checked),
        BOTH(the_configuration_is_checked),
        BOTH(there_is_no_memory),
        BOTH(a_device_that_does_not_reset),
        BOTH(pairs),
        BOTH(pairs_that_were_not_negotiated),
        BOTH(each_request),
        BOTH(each_status),
        BOTH(wrong_lengths),
        BOTH(a_wrong_request_id),
        BOTH(depth),
        BOTH(more_than_the_ring_takes),
        BOTH(done_submits_anew),
        BOTH(a_silent_device),
        BOTH(a_device_that_needs_a_reset),
        BOTH(a_device_that_is_gone),
        BOTH(a_device_that_breaks_the_ring),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
