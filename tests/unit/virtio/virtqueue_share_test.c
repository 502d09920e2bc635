/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c firmware/virtio/virtqueue_share.c
// build: tests/fake/hal.c tests/fake/dma.c tests/fake/virtio.c tests/fake/virtqueue.c
// build: tests/unit/virtio/virtqueue_fixture.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/*
 * Virtqueues that share the memory of their chains, with a HAL that bounces all of it, on a bus
 * whose addresses are not the CPU's: in every format, given back, reset, refused, and lied to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/hal.h"
#include "tests/fake/dma.h"
#include "tests/unit/virtio/virtqueue_fixture.h"

#define PARTS 4u
#define CHAINS 8u
#define PART 16u /* bytes */
#define TO_DEVICE fake_dma.shares[BG_HAL_DMA_TO_DEVICE]
#define FROM_DEVICE fake_dma.shares[BG_HAL_DMA_FROM_DEVICE]

static struct fixture f;
static uint8_t memory[CHAINS][PARTS * PART];

static const uint64_t variants[] = {
    0,
    BG_VIRTIO_F_INDIRECT_DESC,
    BG_VIRTIO_F_IN_ORDER,
    BG_VIRTIO_F_INDIRECT_DESC | BG_VIRTIO_F_IN_ORDER,
    BG_VIRTIO_F_RING_PACKED,
    BG_VIRTIO_F_RING_PACKED | BG_VIRTIO_F_INDIRECT_DESC,
    BG_VIRTIO_F_RING_PACKED | BG_VIRTIO_F_IN_ORDER,
    BG_VIRTIO_F_RING_PACKED | BG_VIRTIO_F_INDIRECT_DESC | BG_VIRTIO_F_IN_ORDER,
};

#define FOR_EACH_VARIANT(features)                                                                 \
    for (size_t v = 0; v < sizeof(variants) / sizeof(variants[0]); v++)                            \
        for (uint64_t features = variants[v], once = 1; once != 0; once = 0)

static void open_device(uint64_t features, const struct bg_hal_dma *dma)
{
    fake_hal = (struct fake_hal){.wait_ns = 1000, .bus_offset = FAKE_HAL_BUS_OFFSET};
    fake_dma = (struct fake_dma){0};
    f.hold_left = 0;
    fake_virtio_init(&f.fake, features, 1, CHAINS * PARTS, fixture_answer, &f);
    assert_int_equal(fake_virtio_open(&f.fake, &f.device, 42), 0);
    f.device.dma = dma;
}

static void begin(uint64_t features)
{
    const struct bg_virtqueue_options options = {
        .indirect_segments = PARTS, .indirect_tables = 2, .shared_parts = PARTS};

    features |= BG_VIRTIO_F_RING_RESET | BG_VIRTIO_F_ACCESS_PLATFORM;
    open_device(features, &fake_dma_bounce_translated);
    assert_int_equal(bg_virtio_start(&f.device, features, 0, 1000000), 0);
    assert_int_equal(bg_virtqueue_create(&f.queue, &f.device, &options), 0);
    assert_int_equal(bg_virtio_ready(&f.device), 0);
}

static void end(void)
{
    fixture_end(&f);
    assert_int_equal(fake_dma.shared, 0);
    assert_int_equal(fake_dma.violations, 0);
    assert_int_equal(fake_hal.allocated, 0);
}

/* Two parts that the device reads, and two that it writes: chain `n`. */
static int add(unsigned n)
{
    struct bg_virtqueue_part parts[PARTS];

    for (unsigned i = 0; i < PARTS; i++) {
        parts[i] = (struct bg_virtqueue_part){&memory[n][i * PART], 0, PART};
        memset(&memory[n][i * PART], i < 2 ? (int)(16 * n + i) : 0xEE, PART);
    }
    return bg_virtqueue_add_shared(&f.queue, parts, 2, 2, memory[n]);
}

/* What fixture_answer makes of it; what was read is as before. */
static void expect_answer(const uint8_t *chain)
{
    unsigned n = (unsigned)((chain - memory[0]) / sizeof(memory[0]));

    for (unsigned i = 0; i < PARTS * PART; i++) {
        uint8_t sent = (uint8_t)(16 * n + i % (2 * PART) / PART);

        assert_int_equal(chain[i], i < 2 * PART ? sent : sent + 1);
    }
}

static void take_all(unsigned count)
{
    struct bg_virtqueue_used used;

    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(bg_virtqueue_poll(&f.queue, &used), 1);
        assert_int_equal(used.written, 2 * PART);
        expect_answer(used.token);
    }
    assert_int_equal(bg_virtqueue_poll(&f.queue, &used), 0);
    assert_int_equal(fake_dma.shared, 0);
}

/* ---- The good way ---- */

static void what_is_shared_is_given_back(void **state)
{
    (void)state;
    FOR_EACH_VARIANT(features)
    {
        begin(features);
        for (unsigned round = 0; round < 20; round++) { /* several times around the ring */
            unsigned count = 1 + fixture_random(CHAINS - 1);

            f.fake.batches = round % 2 != 0;
            for (unsigned n = 0; n < count; n++) {
                assert_int_equal(add(n), 0);
            }
            assert_int_equal(fake_dma.shared, count * PARTS);
            f.fake.waits_for_run = true;
            assert_true(bg_virtqueue_kick(&f.queue) >= 0);
            fake_virtio_run(&f.fake);
            take_all(count);
        }
        assert_int_equal(TO_DEVICE, FROM_DEVICE);
        end();
    }
}

static void chains_come_back_in_any_order(void **state)
{
    (void)state;
    FOR_EACH_VARIANT(features)
    {
        if (features & BG_VIRTIO_F_IN_ORDER) {
            continue;
        }
        begin(features);
        f.hold_left = CHAINS;
        for (unsigned n = 0; n < CHAINS; n++) {
            assert_int_equal(add(n), 0);
        }
        assert_true(bg_virtqueue_kick(&f.queue) >= 0);
        for (unsigned left = CHAINS; left > 0; left--) {
            fake_virtio_complete(&f.fake, 0, fixture_random(left), 2 * PART);
        }
        take_all(CHAINS);
        end();
    }
}

/* As drivers do it: a header in memory of their own, data of their caller's. */
static void coherent_memory_is_not_shared(void **state)
{
    (void)state;
    FOR_EACH_VARIANT(features)
    {
        struct bg_virtqueue_used used;
        uint64_t address;
        uint8_t data[PART];

        begin(features);
        uint8_t *header = bg_hal_dma_alloc(2 * PART, PART, &address);
        const struct bg_virtqueue_part parts[] = {
            {NULL, address, PART}, {data, 0, PART}, {NULL, address + PART, PART}};

        memset(header, 3, PART);
        memset(data, 7, PART);
        assert_int_equal(bg_virtqueue_add_shared(&f.queue, parts, 1, 2, data), 0);
        assert_int_equal(fake_dma.shared, 1);
        assert_int_equal(FROM_DEVICE, 1);
        assert_true(bg_virtqueue_kick(&f.queue) >= 0);
        assert_int_equal(bg_virtqueue_poll(&f.queue, &used), 1);
        assert_int_equal(data[PART - 1], 4); /* the answer to the header */
        assert_int_equal(header[PART], 1);   /* to what lies behind it: nothing */
        bg_hal_dma_free(header, 2 * PART);
        end();
    }
}

/* ---- Ends that are no completion ---- */

static void hold_three(uint64_t features)
{
    begin(features);
    f.hold_left = 3;
    for (unsigned n = 0; n < 3; n++) {
        assert_int_equal(add(n), 0);
    }
    assert_true(bg_virtqueue_kick(&f.queue) >= 0);
    assert_int_equal(add(3), 0); /* and one that was never kicked */
    assert_int_equal(fake_dma.shared, 4 * PARTS);
}

static void a_reset_queue_gives_back(void **state)
{
    (void)state;
    FOR_EACH_VARIANT(features)
    {
        unsigned left = 4;
        void *token;

        hold_three(features);
        assert_int_equal(bg_virtqueue_reset(&f.queue, bg_hal_time_ns() + 1000000), 0);
        assert_int_equal(fake_dma.shared, 4 * PARTS);
        while (bg_virtqueue_reclaim(&f.queue, &token) == 1) {
            left--;
            assert_int_equal(fake_dma.shared, left * PARTS);
        }
        assert_int_equal(left, 0);
        assert_int_equal(bg_virtqueue_restart(&f.queue), 0);
        assert_int_equal(add(0), 0);
        assert_true(bg_virtqueue_kick(&f.queue) >= 0);
        take_all(1);
        end();
    }
}

static void a_restart_forgets(void **state)
{
    (void)state;
    FOR_EACH_VARIANT(features)
    {
        hold_three(features);
        assert_int_equal(bg_virtqueue_reset(&f.queue, bg_hal_time_ns() + 1000000), 0);
        assert_int_equal(bg_virtqueue_restart(&f.queue), 0);
        assert_int_equal(fake_dma.shared, 0);
        end();
    }
}

static void a_closed_queue_keeps_nothing(void **state)
{
    (void)state;
    FOR_EACH_VARIANT(features)
    {
        hold_three(features);
        end();
    }
}

/* A device that lies still has the memory: it stays shared until the reset. */
static void a_broken_queue_keeps_until_the_reset(void **state)
{
    (void)state;
    FOR_EACH_VARIANT(features)
    {
        struct bg_virtqueue_used used;

        begin(features);
        f.fake.misbehaviour = FAKE_VIRTIO_WRONG_ID;
        assert_int_equal(add(0), 0);
        assert_true(bg_virtqueue_kick(&f.queue) >= 0);
        assert_int_equal(bg_virtqueue_poll(&f.queue, &used), BG_ERR_PROTOCOL);
        assert_int_equal(add(1), BG_ERR_PROTOCOL);
        assert_int_equal(fake_dma.shared, PARTS);
        end();
    }
}

/* ---- Refusals ---- */

static void no_memory_to_share_leaves_nothing(void **state)
{
    (void)state;
    FOR_EACH_VARIANT(features)
    {
        begin(features);
        for (unsigned refused = 1; refused <= PARTS; refused++) {
            for (unsigned again = 0; again < 3; again++) { /* there are two indirect tables */
                fake_dma.refuse = refused;
                assert_int_equal(add(0), BG_ERR_NO_MEMORY);
                assert_int_equal(fake_dma.shared, 0);
                assert_int_equal(bg_virtqueue_in_flight(&f.queue), 0);
                assert_int_equal(bg_virtqueue_free(&f.queue), f.queue.capacity);
            }
        }
        assert_int_equal(f.queue.table_free, f.queue.table_count);
        assert_int_equal(add(0), 0);
        assert_true(bg_virtqueue_kick(&f.queue) >= 0);
        take_all(1);
        end();
    }
}

static void a_chain_that_does_not_fit_is_not_shared(void **state)
{
    (void)state;
    begin(0);
    for (unsigned n = 0; n < CHAINS; n++) {
        assert_int_equal(add(n), 0);
    }
    unsigned before = TO_DEVICE;
    uint8_t other[PART] = {0};
    struct bg_virtqueue_part parts[PARTS + 1];

    for (unsigned i = 0; i <= PARTS; i++) {
        parts[i] = (struct bg_virtqueue_part){other, 0, PART};
    }
    assert_int_equal(bg_virtqueue_add_shared(&f.queue, parts, 1, 0, other), BG_ERR_NO_SPACE);
    assert_int_equal(bg_virtqueue_add_shared(&f.queue, parts, PARTS, 1, other), BG_ERR_TOO_LARGE);
    assert_int_equal(bg_virtqueue_add_shared(&f.queue, parts, UINT32_MAX, 1, other),
                     BG_ERR_TOO_LARGE);
    assert_int_equal(bg_virtqueue_add_shared(&f.queue, parts, 0, 0, other), BG_ERR_INVALID);
    parts[0].length = 0;
    assert_int_equal(bg_virtqueue_add_shared(&f.queue, parts, 1, 0, other), BG_ERR_INVALID);
    assert_int_equal(TO_DEVICE, before);
    end();
}

/* No hooks, hooks that only say what the bus is, or a queue that was made without. */
static void without_sharing_it_is_unsupported(void **state)
{
    (void)state;
    static const struct bg_hal_dma only_translated = {.is_translated = true};
    const struct bg_hal_dma *const dmas[] = {NULL, &only_translated, &fake_dma_bounce};
    uint64_t features = BG_VIRTIO_F_ACCESS_PLATFORM;

    for (unsigned i = 0; i < 3; i++) {
        const struct bg_virtqueue_options options = {.shared_parts = i < 2 ? PARTS : 0};

        open_device(features, dmas[i]);
        assert_int_equal(bg_virtio_start(&f.device, features, 0, 1000000), 0);
        assert_int_equal(bg_virtqueue_create(&f.queue, &f.device, &options), 0);
        assert_int_equal(bg_virtio_ready(&f.device), 0);
        assert_int_equal(add(0), BG_ERR_UNSUPPORTED);
        end();
    }
}

/* ---- ACCESS_PLATFORM (6.1) ---- */

static int start_with(uint64_t offered, const struct bg_hal_dma *dma)
{
    int error;

    open_device(offered, dma);
    error = bg_virtio_start(&f.device, BG_VIRTIO_FEATURES_QUEUE, 0, 1000000);
    fake_virtio_end(&f.fake);
    return error;
}

static void platform_access_is_accepted(void **state)
{
    (void)state;
    const struct bg_hal_dma *const dmas[] = {NULL, &fake_dma_bounce, &fake_dma_bounce_translated};

    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(start_with(BG_VIRTIO_F_ACCESS_PLATFORM, dmas[i]), 0);
        assert_true(bg_virtio_has_feature(&f.device, BG_VIRTIO_F_ACCESS_PLATFORM));
    }
}

/* A device that does not offer it takes physical addresses, and there are none. */
static void a_device_past_the_iommu_is_refused(void **state)
{
    (void)state;
    assert_int_equal(start_with(0, &fake_dma_bounce_translated), BG_ERR_UNSUPPORTED);
    assert_int_equal(f.fake.failures, 1);
    assert_int_equal(start_with(0, &fake_dma_bounce), 0);
    assert_false(bg_virtio_has_feature(&f.device, BG_VIRTIO_F_ACCESS_PLATFORM));
    assert_int_equal(start_with(0, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_shared_is_given_back),
        cmocka_unit_test(chains_come_back_in_any_order),
        cmocka_unit_test(coherent_memory_is_not_shared),
        cmocka_unit_test(a_reset_queue_gives_back),
        cmocka_unit_test(a_restart_forgets),
        cmocka_unit_test(a_closed_queue_keeps_nothing),
        cmocka_unit_test(a_broken_queue_keeps_until_the_reset),
        cmocka_unit_test(no_memory_to_share_leaves_nothing),
        cmocka_unit_test(a_chain_that_does_not_fit_is_not_shared),
        cmocka_unit_test(without_sharing_it_is_unsupported),
        cmocka_unit_test(platform_access_is_accepted),
        cmocka_unit_test(a_device_past_the_iommu_is_refused),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
