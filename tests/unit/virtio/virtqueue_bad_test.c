/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c tests/fake/hal.c tests/fake/virtio.c
// build: firmware/virtio/virtqueue_share.c
// build: tests/fake/virtqueue.c tests/unit/virtio/virtqueue_fixture.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/* Virtqueues against a device that breaks the rules, and resets of queue and device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/hal.h"
#include "tests/unit/virtio/virtqueue_fixture.h"

static struct fixture fixture;

static const uint64_t formats[] = {0, BG_VIRTIO_F_RING_PACKED};

#define FOR_EACH_FORMAT(features)                                                                  \
    for (uint64_t i_ = 0, features = formats[0]; i_ < 2; i_++, features = formats[i_ & 1])

static uint64_t soon(void)
{
    return bg_hal_time_ns() + 1000000;
}

/* ---- Misbehaviour ---- */

static void expect_refused(void)
{
    struct bg_virtqueue_used used;
    uint8_t memory[32];

    assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), BG_ERR_PROTOCOL);
    assert_int_equal(bg_virtqueue_wait(&fixture.queue, &used, soon()), BG_ERR_PROTOCOL);
    assert_int_equal(fixture_add(&fixture, memory, NULL), BG_ERR_PROTOCOL);
    assert_int_equal(bg_virtqueue_kick(&fixture.queue), BG_ERR_PROTOCOL);
    assert_true(bg_virtqueue_enable_notifications(&fixture.queue));
}

/* After a reset of the device everything works again. */
static void expect_recovery(uint64_t features, unsigned in_flight)
{
    void *token;

    assert_int_equal(bg_virtio_start(&fixture.device, features, 0, soon()), 0);
    for (unsigned i = 0; i < in_flight; i++) {
        assert_int_equal(bg_virtqueue_reclaim(&fixture.queue, &token), 1);
    }
    assert_int_equal(bg_virtqueue_reclaim(&fixture.queue, &token), 0);
    assert_int_equal(bg_virtqueue_restart(&fixture.queue), 0);
    assert_int_equal(bg_virtio_ready(&fixture.device), 0);
    assert_int_equal(bg_virtqueue_free(&fixture.queue), fixture.queue.capacity);
    for (unsigned i = 0; i < 40; i++) {
        fixture_exchange(&fixture);
    }
}

/* Three chains in flight of which the first is completed in this way: `good` completions come
 * before the queue refuses. */
static void misbehave(uint64_t features, enum fake_virtio_misbehaviour how, unsigned good)
{
    uint8_t memory[3][32] = {0};
    struct bg_virtqueue_used used;

    for (unsigned before = 0; before < 20; before += 3) {
        fixture_begin(&fixture, features, 8);
        for (unsigned i = 0; i < before; i++) {
            fixture_exchange(&fixture); /* to another place of the ring */
        }
        fixture.hold_left = 3;
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(fixture_add(&fixture, memory[i], memory[i]), 0);
        }
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
        fixture.fake.misbehaviour = how;
        fake_virtio_complete(&fixture.fake, 0, 0, 16);
        for (unsigned i = 0; i < good; i++) {
            assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 1);
            assert_ptr_equal(used.token, memory[i]);
        }
        expect_refused();
        expect_recovery(features, 3 - good);
        fixture_end(&fixture);
    }
}

static void bad_ids(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        misbehave(features, FAKE_VIRTIO_WRONG_ID, 0);
        misbehave(features, FAKE_VIRTIO_FREE_ID, 0);
        misbehave(features | BG_VIRTIO_F_IN_ORDER, FAKE_VIRTIO_WRONG_ID, 0);
        misbehave(features | BG_VIRTIO_F_IN_ORDER, FAKE_VIRTIO_FREE_ID, 0);
        misbehave(features | BG_VIRTIO_F_INDIRECT_DESC, FAKE_VIRTIO_FREE_ID, 0);
    }
    misbehave(0, FAKE_VIRTIO_HUGE_ID, 0);
    misbehave(0, FAKE_VIRTIO_MIDDLE_ID, 0);
}

static void bad_lengths(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        misbehave(features, FAKE_VIRTIO_LONG, 0);
        misbehave(features, FAKE_VIRTIO_LONGEST, 0);
        misbehave(features | BG_VIRTIO_F_IN_ORDER, FAKE_VIRTIO_LONG, 0);
        misbehave(features | BG_VIRTIO_F_INDIRECT_DESC, FAKE_VIRTIO_LONG, 0);
    }
}

static void index_jumps(void **state)
{
    (void)state;
    misbehave(0, FAKE_VIRTIO_JUMP, 0);
    misbehave(0, FAKE_VIRTIO_JUMP_BACK, 0);
    misbehave(BG_VIRTIO_F_IN_ORDER, FAKE_VIRTIO_JUMP, 0);
    misbehave(BG_VIRTIO_F_EVENT_IDX, FAKE_VIRTIO_JUMP_BACK, 0);
}

static void used_twice(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        misbehave(features, FAKE_VIRTIO_TWICE, 1);
        misbehave(features | BG_VIRTIO_F_IN_ORDER, FAKE_VIRTIO_TWICE, 1);
    }
}

/* The last one of several, and a queue with nothing in flight. */
static void used_though_nothing_is_in_flight(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        uint8_t memory[32] = {0};
        struct bg_virtqueue_used used;

        fixture_begin(&fixture, features, 8);
        fixture.fake.misbehaviour = FAKE_VIRTIO_TWICE;
        assert_int_equal(fixture_add(&fixture, memory, memory), 0);
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
        assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), features ? 1 : -8);
        expect_refused();
        expect_recovery(features, features ? 0 : 1);
        fixture_end(&fixture);
    }
}

static void out_of_order_with_in_order(void **state)
{
    (void)state;
    uint8_t memory[3][32] = {0};

    fixture_begin(&fixture, BG_VIRTIO_F_IN_ORDER, 8);
    fixture.hold_left = 3;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(fixture_add(&fixture, memory[i], memory[i]), 0);
    }
    assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
    fake_virtio_complete(&fixture.fake, 0, 1, 16); /* as one, so it cannot stand for two */
    expect_refused();
    expect_recovery(BG_VIRTIO_F_IN_ORDER, 3);
    fixture_end(&fixture);
}

/* In a packed ring an id that is further on stands for all chains before it (2.8.8): so the oldest
 * comes first, and the one that is used a second time is the error. */
static void out_of_order_with_in_order_packed(void **state)
{
    (void)state;
    uint8_t memory[3][32] = {0};
    struct bg_virtqueue_used used;
    uint64_t features = BG_VIRTIO_F_IN_ORDER | BG_VIRTIO_F_RING_PACKED;

    fixture_begin(&fixture, features, 8);
    fixture.hold_left = 3;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(fixture_add(&fixture, memory[i], memory[i]), 0);
    }
    assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
    fake_virtio_complete(&fixture.fake, 0, 1, 16);
    assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 1);
    assert_ptr_equal(used.token, memory[0]);
    assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 1);
    assert_ptr_equal(used.token, memory[1]);
    assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 0);
    /* The device goes on where it thinks it is: that place means nothing yet, or an error. */
    fake_virtio_complete(&fixture.fake, 0, 0, 16);
    int result = bg_virtqueue_poll(&fixture.queue, &used);

    assert_true(result == 0 || result == BG_ERR_PROTOCOL);
    expect_recovery(features, 1);
    fixture_end(&fixture);
}

/* Completed before it was made available: guessed by a device that reads ahead. */
static void used_before_it_was_available(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        uint8_t memory[3][32] = {0};

        fixture_begin(&fixture, features, 8);
        fixture.hold_left = 1;
        assert_int_equal(fixture_add(&fixture, memory[0], memory[0]), 0);
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
        assert_int_equal(fixture_add(&fixture, memory[1], memory[1]), 0);
        /* Chains of two entries: descriptor 2 (split) or id 1 (packed) begins the second. */
        fixture.fake.queues[0].held[0].id = features ? 1 : 2;
        fake_virtio_complete(&fixture.fake, 0, 0, 16);
        expect_refused();
        expect_recovery(features, 2);
        fixture_end(&fixture);
    }
}

/* Overwritten descriptors change nothing: they are never read back. */
static void scribbled_descriptors(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        fixture_begin(&fixture, features, 8);
        for (unsigned i = 0; i < 1000; i++) {
            fixture.fake.misbehaviour = FAKE_VIRTIO_SCRIBBLE;
            fixture_exchange(&fixture);
        }
        fixture_end(&fixture);
    }
}

static void reserved_flags(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        for (unsigned more = 0; more < 2; more++) {
            fixture_begin(&fixture, features | (more ? BG_VIRTIO_F_EVENT_IDX : 0), 8);
            for (unsigned i = 0; i < 1000; i++) {
                fixture.fake.misbehaviour = FAKE_VIRTIO_RESERVED_FLAGS;
                fixture_exchange(&fixture);
            }
            fixture_end(&fixture);
        }
    }
}

/* A used descriptor without WRITE: its length means nothing, and a mad one is no error. */
static void packed_length_without_write(void **state)
{
    (void)state;
    uint8_t memory[32] = {0};
    struct bg_virtqueue_used used;

    for (unsigned i = 0; i < 2; i++) {
        fixture_begin(&fixture, BG_VIRTIO_F_RING_PACKED, 8);
        assert_int_equal(fixture_add(&fixture, memory, memory), 0);
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
        struct bg_pvirtq_desc *ring = (void *)fixture.queue.ring;

        ring[0].flags &= (uint16_t)~BG_VIRTQ_DESC_F_WRITE;
        ring[0].len = i == 0 ? 16 : 17;
        assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 1);
        assert_int_equal(used.written, i == 0 ? 16 : 0);
        fixture_end(&fixture);
    }
}

/* ---- Random bytes instead of what the device writes ---- */

static void random_rings(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 4000; round++) {
        uint64_t features =
            (round & 1 ? BG_VIRTIO_F_RING_PACKED : 0) | (round & 2 ? BG_VIRTIO_F_IN_ORDER : 0) |
            (round & 4 ? BG_VIRTIO_F_EVENT_IDX : 0) | (round & 8 ? BG_VIRTIO_F_INDIRECT_DESC : 0);
        uint8_t memory[4][32] = {0};
        struct bg_virtqueue_used used;
        unsigned taken = 0, added = 0;

        fixture_begin(&fixture, features, 8);
        fixture.fake.waits_for_run = true;
        for (unsigned step = 0; step < 60; step++) {
            if (bg_virtqueue_in_flight(&fixture.queue) < 4) {
                added += fixture_add(&fixture, memory[step % 4], memory) == 0;
            }
            bg_virtqueue_kick(&fixture.queue);
            unsigned at = fixture_random((uint32_t)fixture.queue.tables_offset);

            fixture.queue.ring[at] = (uint8_t)fixture_random(round % 3 ? 256 : 8);
            int result = bg_virtqueue_poll(&fixture.queue, &used);

            assert_true(result >= 0 || result == BG_ERR_PROTOCOL);
            taken += result == 1;
            assert_true(taken <= added);
        }
        fixture_end(&fixture);
    }
}

/* ---- Silence ---- */

static void silence_ends_at_the_deadline(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        uint8_t memory[32] = {0};
        struct bg_virtqueue_used used;

        fixture_begin(&fixture, features, 8);
        fixture.hold_left = 1;
        assert_int_equal(fixture_add(&fixture, memory, memory), 0);
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
        uint64_t before_ns = bg_hal_time_ns();

        assert_int_equal(bg_virtqueue_wait(&fixture.queue, &used, before_ns + 5000000),
                         BG_ERR_TIMEOUT);
        assert_in_range(bg_hal_time_ns() - before_ns, 5000000, 5002000);
        assert_int_equal(bg_virtqueue_in_flight(&fixture.queue), 1);
        /* Late, but it comes. */
        fake_virtio_complete(&fixture.fake, 0, 0, 16);
        assert_int_equal(bg_virtqueue_wait(&fixture.queue, &used, before_ns), 1);
        assert_ptr_equal(used.token, memory);
        fixture_end(&fixture);
    }
}

static void a_device_that_fails_is_noticed(void **state)
{
    (void)state;
    uint8_t memory[32] = {0};
    struct bg_virtqueue_used used;

    fixture_begin(&fixture, 0, 8);
    fixture.hold_left = 1;
    assert_int_equal(fixture_add(&fixture, memory, memory), 0);
    assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
    fake_virtio_need_reset(&fixture.fake);
    /* Long before the deadline. */
    assert_int_equal(bg_virtqueue_wait(&fixture.queue, &used, UINT64_MAX), BG_ERR_IO);
    expect_recovery(0, 1);
    fixture.fake.is_gone = true;
    fixture.fake.waits_for_run = true;
    assert_int_equal(fixture_add(&fixture, memory, memory), 0);
    assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
    assert_int_equal(bg_virtqueue_wait(&fixture.queue, &used, UINT64_MAX), BG_ERR_UNAVAILABLE);
    fixture.fake.is_gone = false;
    fixture.fake.status = 0; /* reset behind the driver's back */
    assert_int_equal(bg_virtqueue_wait(&fixture.queue, &used, UINT64_MAX), BG_ERR_PROTOCOL);
    fixture_end(&fixture);
}

/* ---- Resetting one queue ---- */

static void a_queue_is_reset_alone(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        uint8_t memory[3][32] = {0};
        struct bg_virtqueue_used used;
        void *token;
        unsigned seen = 0;

        features |= BG_VIRTIO_F_RING_RESET | BG_VIRTIO_F_INDIRECT_DESC;
        fixture_begin(&fixture, features, 8);
        fixture.fake.queue_reset_reads = 3;
        for (unsigned i = 0; i < 5; i++) {
            fixture_exchange(&fixture);
        }
        assert_int_equal(bg_virtqueue_reclaim(&fixture.queue, &token), BG_ERR_INVALID);
        assert_int_equal(bg_virtqueue_restart(&fixture.queue), BG_ERR_INVALID);
        fixture.hold_left = 2;
        for (uintptr_t i = 0; i < 3; i++) {
            assert_int_equal(fixture_add(&fixture, memory[i], (void *)i), 0);
            if (i == 1) {
                assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
            }
        }
        assert_int_equal(bg_virtqueue_reset(&fixture.queue, soon()), 0);
        assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), BG_ERR_INVALID);
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), BG_ERR_INVALID);
        assert_int_equal(fixture_add(&fixture, memory[0], NULL), BG_ERR_INVALID);
        assert_int_equal(bg_virtqueue_reset(&fixture.queue, soon()), BG_ERR_INVALID);
        while (bg_virtqueue_reclaim(&fixture.queue, &token) == 1) {
            seen |= 1u << (uintptr_t)token;
        }
        assert_int_equal(seen, 7);
        assert_int_equal(bg_virtqueue_in_flight(&fixture.queue), 0);
        assert_int_equal(bg_virtqueue_restart(&fixture.queue), 0);
        assert_int_equal(fixture.fake.resets, 1); /* the one at the start */
        for (unsigned i = 0; i < 40; i++) {
            fixture_exchange(&fixture);
        }
        /* From a protocol error, too. */
        fixture.fake.misbehaviour = FAKE_VIRTIO_WRONG_ID;
        assert_int_equal(fixture_add(&fixture, memory[0], NULL), 0);
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
        assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), BG_ERR_PROTOCOL);
        assert_int_equal(bg_virtqueue_reset(&fixture.queue, soon()), 0);
        assert_int_equal(bg_virtqueue_restart(&fixture.queue), 0);
        fixture_exchange(&fixture);
        fixture_end(&fixture);
        features &= BG_VIRTIO_F_RING_PACKED;
    }
}

static void a_queue_reset_that_fails(void **state)
{
    (void)state;
    struct bg_virtqueue_used used;
    void *token;

    fixture_begin(&fixture, 0, 8);
    assert_int_equal(bg_virtqueue_reset(&fixture.queue, soon()), BG_ERR_UNSUPPORTED);
    fixture_exchange(&fixture);
    fixture_end(&fixture);

    fixture_begin(&fixture, BG_VIRTIO_F_RING_RESET, 8);
    fixture.fake.ignores_queue_reset = true;
    assert_int_equal(bg_virtqueue_reset(&fixture.queue, soon()), BG_ERR_UNSUPPORTED);
    fixture_exchange(&fixture);
    fixture_end(&fixture);

    fixture_begin(&fixture, BG_VIRTIO_F_RING_RESET, 8);
    fixture.fake.queue_reset_reads = UINT32_MAX;
    assert_int_equal(bg_virtqueue_reset(&fixture.queue, soon()), BG_ERR_TIMEOUT);
    assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), BG_ERR_PROTOCOL);
    assert_int_equal(bg_virtqueue_reclaim(&fixture.queue, &token), BG_ERR_INVALID);
    assert_int_equal(bg_virtqueue_restart(&fixture.queue), BG_ERR_INVALID);
    fixture.fake.queue_reset_reads = 0;
    expect_recovery(BG_VIRTIO_F_RING_RESET, 0);
    fixture_end(&fixture);
}

static void a_device_reset_ends_the_queue(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        uint8_t memory[32] = {0};
        struct bg_virtqueue_used used;
        void *token;

        fixture_begin(&fixture, features, 8);
        fixture.hold_left = 1;
        assert_int_equal(fixture_add(&fixture, memory, memory), 0);
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
        assert_int_equal(bg_virtio_reset(&fixture.device, soon()), 0);
        assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), BG_ERR_INVALID);
        assert_int_equal(bg_virtqueue_restart(&fixture.queue), BG_ERR_INVALID);
        assert_int_equal(bg_virtqueue_reclaim(&fixture.queue, &token), 1);
        assert_ptr_equal(token, memory);
        assert_int_equal(bg_virtqueue_reclaim(&fixture.queue, &token), 0);
        expect_recovery(features, 0);
        /* Another format or a smaller limit needs another queue. */
        fixture.fake.offered ^= BG_VIRTIO_F_RING_PACKED;
        assert_int_equal(bg_virtio_start(&fixture.device, BG_VIRTIO_FEATURES_QUEUE, 0, soon()), 0);
        assert_int_equal(bg_virtqueue_restart(&fixture.queue), BG_ERR_INVALID);
        fixture.fake.offered ^= BG_VIRTIO_F_RING_PACKED;
        fixture.fake.queues[0].size_max = 4;
        assert_int_equal(bg_virtio_start(&fixture.device, features, 0, soon()), 0);
        assert_int_equal(bg_virtqueue_restart(&fixture.queue), BG_ERR_PROTOCOL);
        fixture.fake.queues[0].size_max = 8;
        expect_recovery(features, 0);
        fixture_end(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_ids),
        cmocka_unit_test(bad_lengths),
        cmocka_unit_test(index_jumps),
        cmocka_unit_test(used_twice),
        cmocka_unit_test(used_though_nothing_is_in_flight),
        cmocka_unit_test(out_of_order_with_in_order),
        cmocka_unit_test(out_of_order_with_in_order_packed),
        cmocka_unit_test(used_before_it_was_available),
        cmocka_unit_test(scribbled_descriptors),
        cmocka_unit_test(reserved_flags),
        cmocka_unit_test(packed_length_without_write),
        cmocka_unit_test(random_rings),
        cmocka_unit_test(silence_ends_at_the_deadline),
        cmocka_unit_test(a_device_that_fails_is_noticed),
        cmocka_unit_test(a_queue_is_reset_alone),
        cmocka_unit_test(a_queue_reset_that_fails),
        cmocka_unit_test(a_device_reset_ends_the_queue),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
