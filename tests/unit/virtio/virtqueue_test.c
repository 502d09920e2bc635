/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c tests/fake/hal.c tests/fake/virtio.c
// build: firmware/virtio/virtqueue_share.c
// build: tests/fake/virtqueue.c tests/unit/virtio/virtqueue_fixture.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/* Virtqueues of both formats against a device that keeps the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/hal.h"
#include "tests/unit/virtio/virtqueue_fixture.h"

static struct fixture fixture;

/* Each test that is about the queue runs on both formats. */
static const uint64_t formats[] = {0, BG_VIRTIO_F_RING_PACKED};

#define FOR_EACH_FORMAT(features)                                                                  \
    for (uint64_t i_ = 0, features = formats[0]; i_ < 2; i_++, features = formats[i_ & 1])

/* ---- Random traffic ---- */

#define CHAINS_MAX 300
#define SEGMENTS_MAX 12
#define SEGMENT_BYTES 24

struct exchange {
    uint8_t memory[SEGMENTS_MAX][SEGMENT_BYTES];
    struct bg_virtqueue_segment segments[SEGMENTS_MAX];
    unsigned readable, writable;
    uint64_t number;
    bool is_in_flight;
};

static struct exchange exchanges[CHAINS_MAX];

/* Adds one chain at random; returns what bg_virtqueue_add returned. */
static int add_random(struct exchange *exchange, uint64_t number)
{
    unsigned limit = fixture.queue.capacity < SEGMENTS_MAX ? fixture.queue.capacity : SEGMENTS_MAX;
    unsigned count = 1 + fixture_random(limit);

    exchange->readable = fixture_random(count + 1);
    exchange->writable = count - exchange->readable;
    exchange->number = number;
    for (unsigned i = 0; i < count; i++) {
        uint32_t length = 1 + fixture_random(SEGMENT_BYTES);

        memset(exchange->memory[i], i < exchange->readable ? (int)fixture_random(256) : 0,
               SEGMENT_BYTES);
        exchange->segments[i] =
            (struct bg_virtqueue_segment){(uintptr_t)exchange->memory[i], length};
    }
    return bg_virtqueue_add(&fixture.queue, exchange->segments, exchange->readable,
                            exchange->writable, exchange);
}

/* What the device reads as byte `n`, plus 1. */
static uint8_t expected_byte(const struct exchange *exchange, size_t n)
{
    for (unsigned i = 0; i < exchange->readable; i++) {
        if (n < exchange->segments[i].length) {
            return (uint8_t)(exchange->memory[i][n] + 1);
        }
        n -= exchange->segments[i].length;
    }
    return 1;
}

static void check_exchange(const struct exchange *exchange, uint32_t written)
{
    size_t n = 0;

    for (unsigned i = exchange->readable; i < exchange->readable + exchange->writable; i++) {
        for (uint32_t j = 0; j < SEGMENT_BYTES; j++) {
            bool is_inside = j < exchange->segments[i].length;

            assert_int_equal(exchange->memory[i][j], is_inside ? expected_byte(exchange, n++) : 0);
        }
    }
    assert_int_equal(written, n);
}

/* Takes all that there is; returns how many. */
static unsigned take_all(uint64_t *next_in_order)
{
    struct bg_virtqueue_used used;
    unsigned count = 0;
    int result;

    while ((result = bg_virtqueue_poll(&fixture.queue, &used)) == 1) {
        struct exchange *exchange = used.token;

        assert_true(exchange->is_in_flight);
        exchange->is_in_flight = false;
        check_exchange(exchange, used.written);
        if (fixture.device.features & BG_VIRTIO_F_IN_ORDER) {
            assert_int_equal(exchange->number, *next_in_order);
        }
        (*next_in_order)++;
        count++;
    }
    assert_int_equal(result, 0);
    return count;
}

static struct exchange *find_idle(void)
{
    unsigned start = fixture_random(CHAINS_MAX);

    for (unsigned i = 0; i < CHAINS_MAX; i++) {
        struct exchange *exchange = &exchanges[(start + i) % CHAINS_MAX];

        if (!exchange->is_in_flight) {
            return exchange;
        }
    }
    return NULL;
}

/* The device gives one of those it holds, any with a free hand, the oldest with IN_ORDER. */
static void complete_one(void)
{
    struct fake_virtio_queue *queue = &fixture.fake.queues[0];

    if (queue->held_count != 0) {
        size_t number = fixture.device.features & BG_VIRTIO_F_IN_ORDER
                            ? 0
                            : fixture_random((uint32_t)queue->held_count);

        fake_virtio_complete(&fixture.fake, 0, number, (uint32_t)queue->held[number].out_size);
    }
}

static void run_traffic(uint64_t features, uint16_t size, unsigned steps)
{
    uint64_t added = 0, taken_next = 0;
    unsigned taken = 0;

    memset(exchanges, 0, sizeof(exchanges));
    fixture_begin(&fixture, features, size);
    /* With IN_ORDER a device that answers in its doorbell cannot hold others back. */
    bool is_holding = !(features & BG_VIRTIO_F_IN_ORDER);
    for (unsigned i = 0; i < steps; i++) {
        struct exchange *exchange = find_idle();

        if (fixture_random(3) == 0 && is_holding) {
            fixture.hold_left = fixture_random(4);
        }
        if (exchange != NULL && fixture_random(4) != 0) {
            int result = add_random(exchange, added);

            assert_true(result == 0 || result == BG_ERR_NO_SPACE);
            exchange->is_in_flight = result == 0;
            added += result == 0;
        }
        if (fixture_random(3) == 0) {
            assert_true(bg_virtqueue_kick(&fixture.queue) >= 0);
        }
        if (fixture_random(2) == 0) {
            complete_one();
        }
        if (fixture_random(5) == 0) {
            taken += take_all(&taken_next);
        }
        assert_int_equal(bg_virtqueue_in_flight(&fixture.queue), added - taken);
    }
    fixture.hold_left = 0;
    assert_true(bg_virtqueue_kick(&fixture.queue) >= 0);
    while (fixture.fake.queues[0].held_count != 0) {
        complete_one();
    }
    taken += take_all(&taken_next);
    /* No notification was lost: the device runs in its doorbell only. */
    assert_int_equal(taken, added);
    assert_int_equal(bg_virtqueue_free(&fixture.queue), fixture.queue.capacity);
    assert_true(added > steps / 10);
    fixture_end(&fixture);
}

static void traffic_in_every_combination(void **state)
{
    static const uint64_t bits[] = {BG_VIRTIO_F_RING_PACKED,       BG_VIRTIO_F_INDIRECT_DESC,
                                    BG_VIRTIO_F_EVENT_IDX,         BG_VIRTIO_F_IN_ORDER,
                                    BG_VIRTIO_F_NOTIFICATION_DATA, BG_VIRTIO_F_ORDER_PLATFORM};

    (void)state;
    for (unsigned mask = 0; mask < 1u << 6; mask++) {
        uint64_t features = 0;

        for (unsigned i = 0; i < 6; i++) {
            features |= mask >> i & 1 ? bits[i] : 0;
        }
        run_traffic(features, 16, 3000);
    }
}

static void traffic_in_every_size(void **state)
{
    static const uint16_t sizes[] = {1, 2, 4, 64, 256, 1024, 3, 5, 7, 100, 1000};

    (void)state;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if ((sizes[i] & (sizes[i] - 1)) == 0) {
            run_traffic(BG_VIRTIO_F_EVENT_IDX, sizes[i], 6000);
            run_traffic(BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_IN_ORDER, sizes[i], 6000);
        }
        run_traffic(BG_VIRTIO_F_RING_PACKED | BG_VIRTIO_F_EVENT_IDX, sizes[i], 6000);
        run_traffic(BG_VIRTIO_F_RING_PACKED | BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_IN_ORDER,
                    sizes[i], 6000);
    }
}

/* The free-running indices of 16 bits go round more than once. */
static void indices_wrap(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        for (uint64_t more = 0; more < 2; more++) {
            fixture_begin(&fixture, features | (more ? BG_VIRTIO_F_EVENT_IDX : 0), 8);
            for (unsigned i = 0; i < 140000; i++) {
                fixture_exchange(&fixture);
            }
            assert_int_equal(fixture.queue.completions, 140000);
            assert_int_equal(fixture.queue.notifications, 140000);
            fixture_end(&fixture);
        }
    }
}

/* ---- Sizes ---- */

static void exchange_longest_chain(uint64_t features, uint16_t size)
{
    const struct bg_virtqueue_options options = {.indirect_segments = 0};
    struct bg_virtqueue_segment *segments = calloc(size, sizeof(*segments));
    uint8_t *memory = calloc(size, 1);
    struct bg_virtqueue_used used;

    fixture_begin_with(&fixture, features, size, &options, true);
    assert_int_equal(fixture.queue.size, size);
    for (unsigned i = 0; i < size; i++) {
        segments[i] = (struct bg_virtqueue_segment){(uintptr_t)&memory[i], 1};
    }
    for (unsigned round = 0; round < 3; round++) {
        unsigned readable = size / 2;

        for (unsigned i = 0; i < readable; i++) {
            memory[i] = (uint8_t)fixture_random(256);
        }
        assert_int_equal(
            bg_virtqueue_add(&fixture.queue, segments, readable, size - readable, memory), 0);
        assert_int_equal(bg_virtqueue_free(&fixture.queue), 0);
        assert_int_equal(bg_virtqueue_add(&fixture.queue, segments, 1, 0, memory), BG_ERR_NO_SPACE);
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
        assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 1);
        assert_int_equal(used.written, size - readable);
        for (unsigned i = 0; i < readable; i++) {
            assert_int_equal(memory[readable + i], (uint8_t)(memory[i] + 1));
        }
        /* The next round begins one further in the ring. */
        assert_int_equal(bg_virtqueue_add(&fixture.queue, segments, 0, 1, memory), 0);
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
        assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 1);
    }
    fixture_end(&fixture);
    free(segments);
    free(memory);
}

static void chains_as_long_as_the_queue(void **state)
{
    static const uint16_t sizes[] = {1, 2, 8, 1024, 32768};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        exchange_longest_chain(0, sizes[i]);
        exchange_longest_chain(BG_VIRTIO_F_IN_ORDER | BG_VIRTIO_F_EVENT_IDX, sizes[i]);
        exchange_longest_chain(BG_VIRTIO_F_RING_PACKED, sizes[i]);
        exchange_longest_chain(BG_VIRTIO_F_RING_PACKED | BG_VIRTIO_F_EVENT_IDX, sizes[i]);
    }
    exchange_longest_chain(BG_VIRTIO_F_RING_PACKED, 32767);
    exchange_longest_chain(BG_VIRTIO_F_RING_PACKED, 3);
}

/* 32768 chains at once: the difference of two 16-bit indices is as large as it gets. */
static void a_full_queue_of_the_largest_size(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        for (unsigned more = 0; more < 2; more++) {
            uint8_t memory[32] = {1};
            const struct bg_virtqueue_segment segment = {(uintptr_t)memory, 1};
            struct bg_virtqueue_used used;

            fixture_begin(&fixture, features | (more ? BG_VIRTIO_F_EVENT_IDX : 0), 32768);
            fixture.fake.waits_for_run = true;
            for (unsigned round = 0; round < 3; round++) {
                for (uintptr_t i = 0; i < 32768; i++) {
                    assert_int_equal(
                        bg_virtqueue_add(&fixture.queue, &segment, 0, 1, (void *)(i + 1)), 0);
                }
                assert_int_equal(bg_virtqueue_add(&fixture.queue, &segment, 0, 1, NULL),
                                 BG_ERR_NO_SPACE);
                assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 0);
                assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
                assert_int_equal(fake_virtio_run(&fixture.fake), 32768);
                fake_virtio_sleep(&fixture.fake);
                for (uintptr_t i = 0; i < 32768; i++) {
                    assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 1);
                    assert_ptr_equal(used.token, (void *)(i + 1));
                }
                assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 0);
            }
            fixture_end(&fixture);
        }
    }
}

static void sizes_are_chosen(void **state)
{
    struct {
        uint64_t features;
        uint16_t offered, wanted, expected;
    } cases[] = {
        {0, 256, 0, 256},
        {0, 256, 256, 256},
        {0, 256, 1000, 256},
        {0, 256, 100, 64},
        {0, 256, 1, 1},
        {BG_VIRTIO_F_RING_PACKED, 256, 100, 100},
        {BG_VIRTIO_F_RING_PACKED, 300, 0, 300},
        {BG_VIRTIO_F_RING_PACKED, 300, 1, 1},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct bg_virtqueue_options options = {.size_max = cases[i].wanted};

        fixture_begin_with(&fixture, cases[i].features, cases[i].offered, &options, true);
        assert_int_equal(fixture.queue.size, cases[i].expected);
        assert_int_equal(fixture.fake.queues[0].layout.size, cases[i].expected);
        if (cases[i].expected > 1) {
            fixture_exchange(&fixture); /* takes two */
        }
        fixture_end(&fixture);
    }
}

/* ---- What bg_virtqueue_add refuses ---- */

static void bad_chains(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        struct bg_virtqueue_segment segments[9] = {0};

        fixture_begin(&fixture, features, 8);
        for (unsigned i = 0; i < 9; i++) {
            segments[i] = (struct bg_virtqueue_segment){4096, 1u << 29};
        }
        assert_int_equal(bg_virtqueue_add(&fixture.queue, segments, 0, 0, NULL), BG_ERR_INVALID);
        assert_int_equal(bg_virtqueue_add(&fixture.queue, segments, 9, 0, NULL), BG_ERR_TOO_LARGE);
        assert_int_equal(bg_virtqueue_add(&fixture.queue, segments, 4, 5, NULL), BG_ERR_TOO_LARGE);
        assert_int_equal(bg_virtqueue_add(&fixture.queue, segments, 2, UINT32_MAX, NULL),
                         BG_ERR_TOO_LARGE);
        assert_int_equal(bg_virtqueue_add(&fixture.queue, segments, UINT32_MAX, 2, NULL),
                         BG_ERR_TOO_LARGE);
        /* 4 GiB in all: one byte too many. */
        assert_int_equal(bg_virtqueue_add(&fixture.queue, segments, 4, 4, NULL), BG_ERR_TOO_LARGE);
        segments[3].length = 0;
        assert_int_equal(bg_virtqueue_add(&fixture.queue, segments, 2, 2, NULL), BG_ERR_INVALID);
        assert_int_equal(bg_virtqueue_free(&fixture.queue), 8);
        assert_int_equal(bg_virtqueue_in_flight(&fixture.queue), 0);
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), 0);
        fixture_exchange(&fixture);
        fixture_end(&fixture);
    }
}

/* ---- Indirect tables ---- */

static void indirect_tables_save_entries(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        const struct bg_virtqueue_options options = {.indirect_segments = 3, .indirect_tables = 2};
        uint8_t memory[4] = {0};
        struct bg_virtqueue_segment segments[4];
        struct bg_virtqueue_used used;

        for (unsigned i = 0; i < 4; i++) {
            segments[i] = (struct bg_virtqueue_segment){(uintptr_t)&memory[i], 1};
        }
        fixture_begin_with(&fixture, features | BG_VIRTIO_F_INDIRECT_DESC, 8, &options, true);
        for (unsigned round = 0; round < 20; round++) {
            assert_int_equal(bg_virtqueue_add(&fixture.queue, segments, 1, 2, NULL), 0);
            assert_int_equal(bg_virtqueue_free(&fixture.queue), 7);
            assert_int_equal(bg_virtqueue_add(&fixture.queue, segments, 1, 0, NULL), 0);
            assert_int_equal(bg_virtqueue_free(&fixture.queue), 6);
            assert_int_equal(bg_virtqueue_add(&fixture.queue, segments, 1, 1, NULL), 0);
            assert_int_equal(bg_virtqueue_free(&fixture.queue), 5);
            /* No table left, and too long for one: entries instead. */
            assert_int_equal(bg_virtqueue_add(&fixture.queue, segments, 2, 0, NULL), 0);
            assert_int_equal(bg_virtqueue_free(&fixture.queue), 3);
            assert_int_equal(bg_virtqueue_add(&fixture.queue, segments, 2, 2, NULL),
                             BG_ERR_NO_SPACE);
            assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
            for (unsigned i = 0; i < 4; i++) {
                assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 1);
            }
            assert_int_equal(bg_virtqueue_add(&fixture.queue, segments, 2, 2, NULL), 0);
            assert_int_equal(bg_virtqueue_free(&fixture.queue), 4);
            assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
            assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 1);
            assert_int_equal(bg_virtqueue_free(&fixture.queue), 8);
        }
        fixture_end(&fixture);
    }
}

/* ---- Notifications to the device ---- */

static void many_chains_one_notification(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        uint8_t memory[8][32] = {0};
        struct bg_virtqueue_used used;

        fixture_begin(&fixture, features, 16);
        for (unsigned i = 0; i < 8; i++) {
            assert_int_equal(fixture_add(&fixture, memory[i], memory[i]), 0);
        }
        /* Not before the kick, even if the device looks by itself. */
        assert_int_equal(fake_virtio_run(&fixture.fake), 0);
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
        assert_int_equal(fixture.fake.kicks, 1);
        assert_int_equal(fixture.fake.queues[0].requests, 8);
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), 0);
        for (unsigned i = 0; i < 8; i++) {
            assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 1);
            assert_ptr_equal(used.token, memory[i]);
        }
        assert_int_equal(fixture.queue.notifications, 1);
        fixture_end(&fixture);
    }
}

static void the_device_suppresses_notifications(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        for (unsigned more = 0; more < 2; more++) {
            fixture_begin(&fixture, features | (more ? BG_VIRTIO_F_EVENT_IDX : 0), 8);
            fixture_exchange(&fixture);
            fixture.fake.waits_for_run = true;
            fixture.fake.suppression = FAKE_VIRTIO_NOTIFY_NEVER;
            for (unsigned i = 0; i < 1000; i++) {
                fake_virtio_sleep(&fixture.fake);
                fixture_exchange(&fixture);
            }
            assert_int_equal(fixture.fake.kicks, 1);
            fixture.fake.suppression = FAKE_VIRTIO_NOTIFY_NEXT;
            fake_virtio_sleep(&fixture.fake);
            fixture_exchange(&fixture);
            assert_int_equal(fixture.fake.kicks, 2);
            fixture_end(&fixture);
        }
    }
}

/* EVENT_IDX at any point of the ring, one chain per kick and several. */
static void the_device_names_a_position(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        for (unsigned per_kick = 1; per_kick <= 3; per_kick++) {
            uint8_t memory[4][32] = {0};
            const struct bg_virtqueue_segment segment = {(uintptr_t)memory, 1};
            struct bg_virtqueue_used used;

            fixture_begin(&fixture, features | BG_VIRTIO_F_EVENT_IDX, features ? 11 : 16);
            fixture.fake.waits_for_run = true;
            for (unsigned i = 0; i < 100000; i++) {
                fixture.fake.suppression = FAKE_VIRTIO_NOTIFY_FOURTH;
                fake_virtio_sleep(&fixture.fake);
                for (unsigned added = 0; added < 6; added += per_kick) {
                    for (unsigned j = 0; j < per_kick; j++) {
                        assert_int_equal(bg_virtqueue_add(&fixture.queue, &segment, 1, 0, NULL), 0);
                    }
                    int expected = added < 4 && added + per_kick >= 4;

                    assert_int_equal(bg_virtqueue_kick(&fixture.queue), expected);
                }
                assert_int_equal(fake_virtio_run(&fixture.fake), 6);
                for (unsigned j = 0; j < 6; j++) {
                    assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 1);
                }
                i += 99;
            }
            fixture_end(&fixture);
        }
    }
}

static void no_notification_before_driver_ok(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        const struct bg_virtqueue_options options = {0};
        uint8_t memory[2][32] = {0};
        struct bg_virtqueue_used used;

        fixture_begin_with(&fixture, features, 8, &options, false);
        assert_int_equal(fixture_add(&fixture, memory[0], memory[0]), 0);
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), 0);
        assert_int_equal(fixture_add(&fixture, memory[1], memory[1]), 0);
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), 0);
        assert_int_equal(fixture.fake.kicks, 0);
        assert_int_equal(bg_virtio_ready(&fixture.device), 0);
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), 0);
        assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 1);
        assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 1);
        assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 0);
        fixture_exchange(&fixture);
        fixture_end(&fixture);
    }
}

/* ---- Notifications from the device ---- */

static void the_driver_suppresses_notifications(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        for (unsigned more = 0; more < 2; more++) {
            fixture_begin(&fixture, features | (more ? BG_VIRTIO_F_EVENT_IDX : 0), 8);
            for (unsigned i = 0; i < 1000; i++) {
                fixture_exchange(&fixture);
            }
            assert_int_equal(fixture.fake.interrupts, 0);
            for (unsigned i = 1; i <= 1000; i++) {
                assert_false(bg_virtqueue_enable_notifications(&fixture.queue));
                fixture_exchange(&fixture);
                assert_int_equal(fixture.fake.interrupts, i);
                assert_int_equal(bg_virtio_take_interrupt(&fixture.device), BG_VIRTIO_ISR_QUEUE);
            }
            bg_virtqueue_disable_notifications(&fixture.queue);
            for (unsigned i = 0; i < 1000; i++) {
                fixture_exchange(&fixture);
            }
            assert_int_equal(fixture.fake.interrupts, 1000);
            fixture_end(&fixture);
        }
    }
}

/* What came between emptying the ring and asking for a notification is not missed. */
static void asking_for_notifications_looks_again(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        uint8_t memory[32] = {0};
        struct bg_virtqueue_used used;

        fixture_begin(&fixture, features | BG_VIRTIO_F_EVENT_IDX, 8);
        assert_int_equal(fixture_add(&fixture, memory, memory), 0);
        assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
        assert_int_equal(fixture.fake.interrupts, 0);
        assert_true(bg_virtqueue_enable_notifications(&fixture.queue));
        assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 1);
        assert_false(bg_virtqueue_enable_notifications(&fixture.queue));
        fixture_end(&fixture);
    }
}

/* ---- Order ---- */

static void batches_with_in_order(void **state)
{
    (void)state;
    FOR_EACH_FORMAT (features) {
        for (unsigned round = 1; round < 40; round++) {
            static uint8_t memory[6][32];
            struct bg_virtqueue_used used;

            fixture_begin(&fixture, features | BG_VIRTIO_F_IN_ORDER, 16);
            fixture.fake.batches = true;
            for (unsigned i = 0; i < round; i++) {
                unsigned count = 1 + i % 6;

                /* Each of another length: only the last one's is told by the device. */
                for (unsigned j = 0; j < count; j++) {
                    const struct bg_virtqueue_segment segments[2] = {
                        {(uintptr_t)memory[j], 8}, {(uintptr_t)memory[j] + 8, 20 - j}};

                    memset(memory[j], 0, sizeof(memory[j]));
                    assert_int_equal(bg_virtqueue_add(&fixture.queue, segments, 1, 1, memory[j]),
                                     0);
                }
                assert_int_equal(bg_virtqueue_kick(&fixture.queue), 1);
                for (unsigned j = 0; j < count; j++) {
                    assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 1);
                    assert_ptr_equal(used.token, memory[j]);
                    assert_int_equal(used.written, 20 - j);
                    assert_int_equal(memory[j][27 - j], 1);
                }
                assert_int_equal(bg_virtqueue_poll(&fixture.queue, &used), 0);
                assert_int_equal(bg_virtqueue_free(&fixture.queue), fixture.queue.capacity);
            }
            fixture_end(&fixture);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traffic_in_every_combination),
        cmocka_unit_test(traffic_in_every_size),
        cmocka_unit_test(indices_wrap),
        cmocka_unit_test(chains_as_long_as_the_queue),
        cmocka_unit_test(a_full_queue_of_the_largest_size),
        cmocka_unit_test(sizes_are_chosen),
        cmocka_unit_test(bad_chains),
        cmocka_unit_test(indirect_tables_save_entries),
        cmocka_unit_test(many_chains_one_notification),
        cmocka_unit_test(the_device_suppresses_notifications),
        cmocka_unit_test(the_device_names_a_position),
        cmocka_unit_test(no_notification_before_driver_ok),
        cmocka_unit_test(the_driver_suppresses_notifications),
        cmocka_unit_test(asking_for_notifications_looks_again),
        cmocka_unit_test(batches_with_in_order),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
