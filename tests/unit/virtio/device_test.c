/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c firmware/virtio/rng.c tests/fake/hal.c
// build: firmware/virtio/virtqueue_share.c
// build: tests/fake/virtio.c tests/fake/virtqueue.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/* Bringing a device up, its health, its configuration space, and the entropy driver on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/hal.h"
#include "baregpu/virtio_rng.h"
#include "tests/fake/hal.h"
#include "tests/fake/virtio.h"

static struct fake_virtio fake;
static struct bg_virtio_device device;

static uint64_t soon(void)
{
    return bg_hal_time_ns() + 1000000;
}

static uint32_t refuse(void *context, const struct fake_virtio_request *request)
{
    (void)context, (void)request;
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    fake_hal = (struct fake_hal){.wait_ns = 1000, .bus_offset = FAKE_HAL_BUS_OFFSET};
    fake_virtio_init(&fake, BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_RING_PACKED | BG_VIRTIO_FEATURE(0),
                     2, 64, refuse, NULL);
    fake.config_size = 24;
    for (unsigned i = 0; i < 24; i++) {
        fake.config[i] = (uint8_t)(0x10 + i);
    }
    return fake_virtio_open(&fake, &device, 42);
}

static int tear_down(void **state)
{
    (void)state;
    fake_virtio_end(&fake);
    return (int)fake.violations;
}

/* ---- Features (2.2, 3.1.1) ---- */

static void features_are_negotiated(void **state)
{
    (void)state;
    uint64_t wanted = BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_INDIRECT_DESC;

    assert_int_equal(bg_virtio_start(&device, wanted, BG_VIRTIO_FEATURE(0), soon()), 0);
    assert_int_equal(device.features,
                     BG_VIRTIO_F_VERSION_1 | BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_FEATURE(0));
    assert_int_equal(fake.accepted, device.features);
    assert_int_equal(device.offered, fake.offered);
    assert_true(bg_virtio_has_feature(&device, BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_FEATURE(0)));
    assert_false(bg_virtio_has_feature(&device, BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_INDIRECT_DESC));
    assert_int_equal(fake.status, BG_VIRTIO_STATUS_ACKNOWLEDGE | BG_VIRTIO_STATUS_DRIVER |
                                      BG_VIRTIO_STATUS_FEATURES_OK);
    assert_int_equal(bg_virtio_ready(&device), 0);
    assert_true(fake.status & BG_VIRTIO_STATUS_DRIVER_OK);
    /* Again, with other features. */
    assert_int_equal(bg_virtio_start(&device, 0, 0, soon()), 0);
    assert_int_equal(fake.accepted, BG_VIRTIO_F_VERSION_1);
}

static void expect_failed(void)
{
    assert_true(fake.status & BG_VIRTIO_STATUS_FAILED);
    assert_false(fake.status & BG_VIRTIO_STATUS_DRIVER_OK);
    assert_int_equal(device.features, 0);
    assert_int_equal(bg_virtio_ready(&device), BG_ERR_INVALID);
    struct bg_virtqueue queue;
    const struct bg_virtqueue_options options = {0};

    assert_int_equal(bg_virtqueue_create(&queue, &device, &options), BG_ERR_INVALID);
}

static void a_required_feature_is_missing(void **state)
{
    (void)state;
    assert_int_equal(bg_virtio_start(&device, 0, BG_VIRTIO_FEATURE(1), soon()), BG_ERR_UNSUPPORTED);
    expect_failed();
    fake.offered &= ~BG_VIRTIO_F_VERSION_1;
    assert_int_equal(bg_virtio_start(&device, 0, 0, soon()), BG_ERR_UNSUPPORTED);
    expect_failed();
    fake.offered |= BG_VIRTIO_F_VERSION_1;
    assert_int_equal(bg_virtio_start(&device, 0, 0, soon()), 0);
    assert_int_equal(bg_virtio_ready(&device), 0);
}

static void the_device_rejects_the_features(void **state)
{
    (void)state;
    fake.rejected = BG_VIRTIO_F_EVENT_IDX;
    assert_int_equal(bg_virtio_start(&device, BG_VIRTIO_F_EVENT_IDX, 0, soon()),
                     BG_ERR_UNSUPPORTED);
    expect_failed();
    assert_int_equal(bg_virtio_start(&device, 0, 0, soon()), 0);
}

/* ---- Reset (2.4) ---- */

static void a_reset_is_waited_for(void **state)
{
    (void)state;
    fake.reset_reads = 20;
    assert_int_equal(bg_virtio_start(&device, 0, 0, soon()), 0);
    assert_int_equal(fake.resets, 1);
    assert_int_equal(fake_hal.waits, 20);
    fake.reset_reads = 100000;
    uint64_t before_ns = bg_hal_time_ns();

    assert_int_equal(bg_virtio_start(&device, 0, 0, before_ns + 50000), BG_ERR_TIMEOUT);
    assert_in_range(bg_hal_time_ns() - before_ns, 50000, 52000);
}

static void health(void **state)
{
    (void)state;
    assert_int_equal(bg_virtio_start(&device, 0, 0, soon()), 0);
    assert_int_equal(bg_virtio_ready(&device), 0);
    assert_int_equal(bg_virtio_check(&device), 0);
    fake_virtio_need_reset(&fake);
    assert_int_equal(bg_virtio_check(&device), BG_ERR_IO);
    assert_int_equal(bg_virtio_take_interrupt(&device), BG_VIRTIO_ISR_CONFIG);
    assert_int_equal(bg_virtio_take_interrupt(&device), 0);
    assert_int_equal(bg_virtio_start(&device, 0, 0, soon()), 0);
    assert_int_equal(bg_virtio_check(&device), 0);
    fake.is_gone = true;
    assert_int_equal(bg_virtio_check(&device), BG_ERR_UNAVAILABLE);
    assert_int_equal(bg_virtio_start(&device, 0, 0, soon()), BG_ERR_TIMEOUT);
    fake.is_gone = false;
    assert_int_equal(bg_virtio_start(&device, 0, 0, soon()), 0);
    fake.status = 0;
    assert_int_equal(bg_virtio_check(&device), BG_ERR_PROTOCOL);
}

/* ---- Configuration (2.5) ---- */

static void configuration_reads(void **state)
{
    (void)state;
    uint8_t byte;
    uint16_t half;
    uint32_t word, words[6];
    uint64_t both;

    assert_int_equal(bg_virtio_config_read8(&device, 3, &byte), 0);
    assert_int_equal(byte, 0x13);
    assert_int_equal(bg_virtio_config_read16(&device, 2, &half), 0);
    assert_int_equal(half, 0x1312);
    assert_int_equal(bg_virtio_config_read32(&device, 20, &word), 0);
    assert_int_equal(word, 0x27262524);
    assert_int_equal(bg_virtio_config_read64(&device, 4, &both), 0);
    assert_int_equal(both, 0x1B1A191817161514u);
    assert_int_equal(bg_virtio_config_read(&device, 0, 4, words, 6), 0);
    assert_memory_equal(words, fake.config, 24);
    assert_int_equal(bg_virtio_config_write(&device, 4, 4, 0xA1B2C3D4), 0);
    assert_int_equal(bg_virtio_config_read32(&device, 4, &word), 0);
    assert_int_equal(word, 0xA1B2C3D4);
}

static void configuration_bounds(void **state)
{
    (void)state;
    uint8_t bytes[64];
    uint64_t both;
    uint32_t word;

    assert_int_equal(bg_virtio_config_read32(&device, 24, &word), BG_ERR_RANGE);
    assert_int_equal(bg_virtio_config_read64(&device, 20, &both), BG_ERR_RANGE);
    assert_int_equal(bg_virtio_config_read32(&device, UINT32_MAX - 3, &word), BG_ERR_RANGE);
    assert_int_equal(bg_virtio_config_read(&device, 0, 4, bytes, SIZE_MAX / 4), BG_ERR_RANGE);
    assert_int_equal(bg_virtio_config_read(&device, 0, 1, bytes, 25), BG_ERR_RANGE);
    assert_int_equal(bg_virtio_config_read32(&device, 2, &word), BG_ERR_INVALID);
    assert_int_equal(bg_virtio_config_read(&device, 0, 8, bytes, 1), BG_ERR_INVALID);
    assert_int_equal(bg_virtio_config_read(&device, 0, 0, bytes, 1), BG_ERR_INVALID);
    assert_int_equal(bg_virtio_config_write(&device, 24, 4, 0), BG_ERR_RANGE);
    assert_int_equal(bg_virtio_config_write(&device, 1, 2, 0), BG_ERR_INVALID);
    assert_int_equal(bg_virtio_config_read(&device, 24, 1, bytes, 0), 0);
}

/* All fields are of one generation: the fake changes every byte between two of them. */
static void configuration_changes_during_a_read(void **state)
{
    (void)state;
    uint32_t words[6];
    uint8_t expected[24];

    for (unsigned changes = 1; changes < 30; changes++) {
        fake.config_changes = changes;
        assert_int_equal(bg_virtio_config_read(&device, 0, 4, words, 6), 0);
        memcpy(expected, words, 24);
        for (unsigned i = 1; i < 24; i++) {
            assert_int_equal((uint8_t)(expected[i] - expected[0]), i);
        }
    }
    fake.config_changes = UINT32_MAX;
    assert_int_equal(bg_virtio_config_read(&device, 0, 4, words, 6), BG_ERR_BUSY);
}

/* A legacy device has no generation: two equal reads are needed. */
static void legacy_configuration_changes(void **state)
{
    (void)state;
    uint32_t words[6];
    uint8_t expected[24];

    device.is_legacy = true;
    for (unsigned changes = 0; changes < 30; changes++) {
        fake.config_changes = changes;
        assert_int_equal(bg_virtio_config_read(&device, 0, 4, words, 6), 0);
        memcpy(expected, words, 24);
        for (unsigned i = 1; i < 24; i++) {
            assert_int_equal((uint8_t)(expected[i] - expected[0]), i);
        }
    }
    fake.config_changes = UINT32_MAX;
    assert_int_equal(bg_virtio_config_read(&device, 0, 4, words, 6), BG_ERR_BUSY);
}

/* ---- Queues that cannot be ---- */

/* At every allocation: nothing is left behind, and the device can be started again. */
static void no_memory(void **state)
{
    (void)state;
    struct bg_virtqueue queue;
    const struct bg_virtqueue_options options = {.indirect_segments = 4};

    for (unsigned i = 1; i <= 2; i++) {
        assert_int_equal(bg_virtio_start(&device, BG_VIRTIO_FEATURES_QUEUE, 0, soon()), 0);
        fake_hal.refuse_allocation = i;
        assert_int_equal(bg_virtqueue_create(&queue, &device, &options), BG_ERR_NO_MEMORY);
        assert_int_equal(fake_hal.allocated, 0);
        assert_false(fake.queues[0].is_enabled);
    }
    struct bg_virtio_rng rng;

    device.id = BG_VIRTIO_ID_ENTROPY;
    for (unsigned i = 1; i <= 3; i++) {
        fake_hal.refuse_allocation = i;
        assert_int_equal(bg_virtio_rng_open(&rng, &device, soon()), BG_ERR_NO_MEMORY);
        assert_int_equal(fake_hal.allocated, 0);
    }
    assert_int_equal(bg_virtio_rng_open(&rng, &device, soon()), 0);
    assert_int_equal(bg_virtio_rng_close(&rng, soon()), 0);
    assert_int_equal(fake_hal.allocated, 0);
}

static void queues_that_cannot_be(void **state)
{
    (void)state;
    struct bg_virtqueue queue;
    struct bg_virtqueue_options options = {.index = 2};

    assert_int_equal(bg_virtqueue_create(&queue, &device, &options), BG_ERR_INVALID);
    assert_int_equal(bg_virtio_start(&device, 0, 0, soon()), 0);
    assert_int_equal(bg_virtqueue_create(&queue, &device, &options), BG_ERR_NOT_FOUND);
    options.index = 0;
    fake.queues[0].size_max = 0;
    assert_int_equal(bg_virtqueue_create(&queue, &device, &options), BG_ERR_NOT_FOUND);
    fake.queues[0].size_max = 48; /* no power of 2 */
    assert_int_equal(bg_virtqueue_create(&queue, &device, &options), BG_ERR_PROTOCOL);
    fake.queues[0].size_max = 32769;
    assert_int_equal(bg_virtqueue_create(&queue, &device, &options), BG_ERR_PROTOCOL);
    fake.queues[0].size_max = 64;
    options.indirect_segments = 32769;
    assert_int_equal(bg_virtqueue_create(&queue, &device, &options), BG_ERR_INVALID);
    options.indirect_segments = 4;
    assert_int_equal(bg_virtqueue_create(&queue, &device, &options), 0);
    struct bg_virtqueue again;

    assert_int_equal(bg_virtqueue_create(&again, &device, &options), BG_ERR_BUSY);
    bg_virtqueue_destroy(&again);
    assert_int_equal(bg_virtio_reset(&device, soon()), 0);
    bg_virtqueue_destroy(&queue);
    bg_virtqueue_destroy(&queue);
}

/* ---- The entropy driver ---- */

static uint8_t next_byte;
static uint32_t given_at_once;
static unsigned held;

static uint32_t give_entropy(void *context, const struct fake_virtio_request *request)
{
    (void)context;
    assert_int_equal(request->in_size, 0); /* 5.4.6.1: no readable buffer */
    uint32_t count =
        given_at_once < request->out_size ? given_at_once : (uint32_t)request->out_size;

    for (uint32_t i = 0; i < count; i++) {
        request->out[i] = next_byte++;
    }
    if (held != 0) {
        held--;
        return FAKE_VIRTIO_HOLD;
    }
    return count;
}

static void begin_rng(struct bg_virtio_rng *rng)
{
    fake_virtio_end(&fake);
    fake_virtio_init(&fake, BG_VIRTIO_F_RING_PACKED, 1, 8, give_entropy, NULL);
    fake_virtio_open(&fake, &device, BG_VIRTIO_ID_ENTROPY);
    next_byte = 0;
    given_at_once = 7;
    held = 0;
    assert_int_equal(bg_virtio_rng_open(rng, &device, soon()), 0);
}

static void entropy_is_collected(void **state)
{
    (void)state;
    struct bg_virtio_rng rng;
    uint8_t bytes[3000];

    begin_rng(&rng);
    assert_int_equal(bg_virtio_rng_read(&rng, bytes, 700, soon()), 0);
    for (unsigned i = 0; i < 700; i++) {
        assert_int_equal(bytes[i], (uint8_t)i);
    }
    given_at_once = UINT32_MAX;
    next_byte = 0;
    assert_int_equal(bg_virtio_rng_read(&rng, bytes, 3000, soon()), 0);
    for (unsigned i = 0; i < 3000; i++) {
        assert_int_equal(bytes[i], (uint8_t)i);
    }
    assert_int_equal(bg_virtio_rng_read(&rng, bytes, 0, 0), 0);
    assert_int_equal(bg_virtio_rng_close(&rng, soon()), 0);
}

static void entropy_that_does_not_come(void **state)
{
    (void)state;
    struct bg_virtio_rng rng;
    uint8_t bytes[7];

    begin_rng(&rng);
    held = 1;
    assert_int_equal(bg_virtio_rng_read(&rng, bytes, 7, soon()), BG_ERR_TIMEOUT);
    assert_int_equal(bg_virtio_rng_read(&rng, bytes, 7, soon()), BG_ERR_TIMEOUT);
    assert_int_equal(fake.queues[0].requests, 1); /* the same one */
    fake_virtio_complete(&fake, 0, 0, 7);
    assert_int_equal(bg_virtio_rng_read(&rng, bytes, 7, soon()), 0);
    assert_int_equal(bytes[6], 6);
    given_at_once = 0;
    assert_int_equal(bg_virtio_rng_read(&rng, bytes, 7, soon()), BG_ERR_PROTOCOL);
    given_at_once = 7;
    fake.misbehaviour = FAKE_VIRTIO_WRONG_ID;
    assert_int_equal(bg_virtio_rng_read(&rng, bytes, 7, soon()), BG_ERR_PROTOCOL);
    fake_virtio_need_reset(&fake);
    fake.is_gone = true;
    assert_int_equal(bg_virtio_rng_close(&rng, soon()), BG_ERR_TIMEOUT);
    fake.is_gone = false;
    assert_int_equal(bg_virtio_rng_close(&rng, soon()), 0);
    device.id = BG_VIRTIO_ID_GPU;
    assert_int_equal(bg_virtio_rng_open(&rng, &device, soon()), BG_ERR_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(features_are_negotiated),
        TEST(a_required_feature_is_missing),
        TEST(the_device_rejects_the_features),
        TEST(a_reset_is_waited_for),
        TEST(health),
        TEST(configuration_reads),
        TEST(configuration_bounds),
        TEST(configuration_changes_during_a_read),
        TEST(legacy_configuration_changes),
        TEST(no_memory),
        TEST(queues_that_cannot_be),
        TEST(entropy_is_collected),
        TEST(entropy_that_does_not_come),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
