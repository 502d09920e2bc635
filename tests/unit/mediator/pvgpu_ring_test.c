/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/pvgpu/ring.c
/* The backend's side of the pvgpu ring: every wrap, 64-bit counters, framing, the control words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/mediator/pvgpu/ring.h"

#define RING_SIZE 4096u
#define HEAP_SIZE 4096u
#define SHMEM_SIZE (BG_PVGPU_CONTROL_SIZE + RING_SIZE + HEAP_SIZE)

static uint8_t *memory; /* exactly as large: ASan sees what leaves it */
static struct bg_pvgpu_control *control;
static struct pvgpu_ring ring;
static struct pvgpu_ring_command command;

static void open_at(uint64_t position, bool direct)
{
    const char *reason = "";

    control->producer_ptr = control->consumer_ptr = position;
    if (!pvgpu_ring_open(&ring, memory, SHMEM_SIZE, direct, &reason)) {
        fail_msg("%s", reason);
    }
}

static int setup(void **state)
{
    (void)state;
    memory = aligned_alloc(4096, SHMEM_SIZE);
    memset(memory, 0, SHMEM_SIZE);
    control = (void *)memory;
    *control = (struct bg_pvgpu_control){.magic = BG_PVGPU_MAGIC,
                                         .version = BG_PVGPU_VERSION,
                                         .ring_offset = BG_PVGPU_CONTROL_SIZE,
                                         .ring_size = RING_SIZE,
                                         .heap_offset = BG_PVGPU_CONTROL_SIZE + RING_SIZE,
                                         .heap_size = HEAP_SIZE};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

/* Writes a command where the producer is, its payload a pattern of `seed`, padded with 0xEE. */
static void produce(uint32_t size, uint32_t seed)
{
    uint8_t bytes[RING_SIZE];
    const struct bg_pvgpu_command header = {seed, size, seed * 3, 0};
    uint32_t space = (size + 15) & ~15u;

    memset(bytes, 0xEE, sizeof(bytes));
    memcpy(bytes, &header, sizeof(header));
    for (uint32_t i = sizeof(header); i < size && i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(seed + i);
    }
    for (uint32_t i = 0; i < space; i++) {
        memory[BG_PVGPU_CONTROL_SIZE + ((control->producer_ptr + i) & (RING_SIZE - 1))] = bytes[i];
    }
    control->producer_ptr += space;
}

static void consume(uint32_t size, uint32_t seed)
{
    uint64_t position = ring.consumer;

    memset(command.bytes, 0x55, sizeof(command.bytes));
    assert_int_equal(pvgpu_ring_next(&ring, &command), PVGPU_RING_COMMAND);
    assert_int_equal(command.position, position);
    assert_int_equal(command.header.type, seed);
    assert_int_equal(command.header.size, size);
    assert_int_equal(command.space, (size + 15) & ~15u);
    for (uint32_t i = sizeof(command.header); i < size; i++) {
        assert_int_equal(command.bytes[i], (uint8_t)(seed + i));
    }
    pvgpu_ring_advance(&ring, &command);
}

/* ---- Reading ---- */

/* Every size at every place. */
static void test_every_wrap(void **state)
{
    (void)state;
    for (uint32_t place = 0; place < RING_SIZE; place += 16) {
        for (uint32_t size = 16; size <= 320; size += 19) {
            open_at(place, true);
            produce(size, place + size);
            consume(size, place + size);
            assert_int_equal(pvgpu_ring_next(&ring, &command), PVGPU_RING_EMPTY);
        }
    }
    /* The largest: all of the ring. */
    for (uint32_t place = 0; place < RING_SIZE; place += 16) {
        open_at(place, true);
        produce(RING_SIZE, place);
        consume(RING_SIZE, place);
        assert_int_equal(pvgpu_ring_next(&ring, &command), PVGPU_RING_EMPTY);
    }
}

/* Across 2^32 and 2^64. */
static void test_counters_overflow(void **state)
{
    const uint64_t starts[] = {(UINT64_C(1) << 32) - 160, 0 - (uint64_t)160};

    (void)state;
    for (int i = 0; i < 2; i++) {
        open_at(starts[i], true);
        for (uint32_t step = 0; step < 400; step++) {
            produce(16 + step % 60, step);
            produce(32, step + 1);
            consume(16 + step % 60, step);
            consume(32, step + 1);
        }
        pvgpu_ring_publish(&ring);
        assert_int_equal(control->consumer_ptr, control->producer_ptr);
        assert_int_not_equal(control->consumer_ptr >> 32, starts[i] >> 32);
    }
}

static void expect_broken(uint64_t producer)
{
    control->producer_ptr = producer;
    assert_int_equal(pvgpu_ring_next(&ring, &command), PVGPU_RING_BROKEN);
    assert_int_equal(command.position, ring.consumer);
    ring.produced = ring.consumer; /* look again */
}

static void test_producer_makes_no_sense(void **state)
{
    (void)state;
    open_at(4096 * 100 + 64, true);
    produce(16, 1);
    control->producer_ptr = ring.consumer;
    expect_broken(ring.consumer - 16);
    expect_broken(0);
    expect_broken(ring.consumer + RING_SIZE + 16);
    expect_broken(UINT64_MAX & ~UINT64_C(15));
    expect_broken(ring.consumer + 8);
    expect_broken(ring.consumer + 1);
    expect_broken(ring.consumer + (UINT64_C(1) << 32) + 16);
    control->producer_ptr = ring.consumer + 16;
    assert_int_equal(pvgpu_ring_next(&ring, &command), PVGPU_RING_COMMAND);
}

static void test_sizes_make_no_sense(void **state)
{
    static const uint32_t sizes[] = {0, 1, 15, 33, 4097, 0x7FFFFFFF, 0xFFFFFFF0, 0xFFFFFFFF};
    struct bg_pvgpu_command *header = (void *)(memory + BG_PVGPU_CONTROL_SIZE);

    (void)state;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        open_at(0, true);
        header->size = sizes[i];
        expect_broken(32);
    }
    /* A whole one of 17 in 32 bytes is not. */
    open_at(0, true);
    header->size = 17;
    control->producer_ptr = 32;
    assert_int_equal(pvgpu_ring_next(&ring, &command), PVGPU_RING_COMMAND);
}

static void test_too_large(void **state)
{
    static uint8_t large[BG_PVGPU_CONTROL_SIZE + 3 * RING_SIZE + 2 * HEAP_SIZE]
        __attribute__((aligned(4096)));
    struct bg_pvgpu_control *other = (void *)large;
    const char *reason;

    (void)state;
    *other = *control;
    other->ring_size = 2 * RING_SIZE;
    other->heap_offset = BG_PVGPU_CONTROL_SIZE + 2 * RING_SIZE;
    assert_true(pvgpu_ring_open(&ring, large, sizeof(large), true, &reason));
    *(struct bg_pvgpu_command *)(void *)(large + BG_PVGPU_CONTROL_SIZE) =
        (struct bg_pvgpu_command){.type = 7, .size = BG_PVGPU_COMMAND_SIZE_MAX + 1};
    other->producer_ptr = BG_PVGPU_COMMAND_SIZE_MAX + 16;
    assert_int_equal(pvgpu_ring_next(&ring, &command), PVGPU_RING_TOO_LARGE);
    assert_int_equal(command.header.type, 7);
    pvgpu_ring_advance(&ring, &command);
    assert_int_equal(pvgpu_ring_next(&ring, &command), PVGPU_RING_EMPTY);
}

/* ---- The control region ---- */

static void expect_refused(void)
{
    const char *reason = NULL;

    assert_false(pvgpu_ring_open(&ring, memory, SHMEM_SIZE, true, &reason));
    assert_non_null(reason);
}

static void test_layouts_that_are_refused(void **state)
{
    const struct bg_pvgpu_control good = *control;
    const char *reason;

    (void)state;
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        *control = good;                                                                           \
        change;                                                                                    \
        expect_refused();                                                                          \
    } while (0)
    REFUSED(control->magic = 0);
    REFUSED(control->version = 0x00020000);
    REFUSED(control->version = 0);
    REFUSED(control->ring_size = 0);
    REFUSED(control->ring_size = 2048);
    REFUSED(control->ring_size = RING_SIZE + 16);
    REFUSED(control->ring_size = 0x80000000);
    REFUSED(control->ring_offset = 0);
    REFUSED(control->ring_offset = BG_PVGPU_CONTROL_SIZE + 8);
    REFUSED(control->ring_offset = 0xFFFFF000);
    REFUSED(control->ring_offset = SHMEM_SIZE - RING_SIZE + 16);
    REFUSED(control->heap_offset = BG_PVGPU_CONTROL_SIZE);
    REFUSED(control->heap_offset = BG_PVGPU_CONTROL_SIZE + RING_SIZE - 16);
    REFUSED(control->heap_offset = 0);
    REFUSED(control->heap_size = HEAP_SIZE + 1);
    REFUSED(control->heap_size = UINT32_MAX);
#undef REFUSED
    *control = good;
    control->version = 0x00010007; /* a later minor version */
    assert_true(pvgpu_ring_open(&ring, memory, SHMEM_SIZE, true, &reason));
    assert_false(pvgpu_ring_open(&ring, memory, 4095, true, &reason));
}

/* Stored now and then, and exactly where the contract says. */
static void test_publishing(void **state)
{
    unsigned stores = 0;
    uint64_t last = 0;

    (void)state;
    open_at(0, true);
    for (uint32_t i = 0; i < 1000; i++) {
        produce(16, i);
        consume(16, i);
        stores += control->consumer_ptr != last;
        last = control->consumer_ptr;
        assert_true(control->producer_ptr - last < RING_SIZE / 2);
    }
    assert_true(stores > 5 && stores < 100);
    produce(16, 0);
    consume(16, 0);
    assert_true(pvgpu_ring_complete(&ring, 1));
    assert_int_equal(control->consumer_ptr, control->producer_ptr);
    produce(16, 0);
    consume(16, 0);
    assert_true(pvgpu_ring_sleep(&ring));
    assert_int_equal(control->consumer_ptr, control->producer_ptr);
    assert_int_equal(control->backend_sleeping, 1);
    pvgpu_ring_wake(&ring);
    assert_int_equal(control->backend_sleeping, 0);
    produce(16, 0);
    assert_false(pvgpu_ring_sleep(&ring)); /* there is work */
    assert_int_equal(control->backend_sleeping, 0);
}

static void test_fences(void **state)
{
    (void)state;
    open_at(0, true);
    assert_true(pvgpu_ring_complete(&ring, 5));
    assert_false(pvgpu_ring_complete(&ring, 5));
    assert_false(pvgpu_ring_complete(&ring, 4));
    control->host_fence_completed = 99; /* the guest's own doing */
    assert_true(pvgpu_ring_complete(&ring, 6));
    assert_int_equal(control->host_fence_completed, 6);
    control->suppress_interrupts = BG_PVGPU_IRQ_FENCE;
    assert_false(pvgpu_ring_complete(&ring, 7));
    assert_int_equal(control->host_fence_completed, 7);
    control->suppress_interrupts = BG_PVGPU_IRQ_ERROR;
    assert_true(pvgpu_ring_complete(&ring, UINT64_MAX));
    assert_false(pvgpu_ring_complete(&ring, 0));
}

static void test_errors(void **state)
{
    (void)state;
    open_at(RING_SIZE * 7 + 96, true);
    for (uint32_t i = 0; i < 40; i++) {
        uint64_t position = RING_SIZE * 7 + 96 + i * 16;
        const struct bg_pvgpu_error_record *record =
            &control->error_log[i % BG_PVGPU_ERROR_LOG_SIZE];

        assert_true(pvgpu_ring_report(&ring, position, BG_PVGPU_ERROR_TIMEOUT, i));
        assert_int_equal(control->error_count, i + 1);
        assert_int_equal(control->error_code, BG_PVGPU_ERROR_TIMEOUT);
        assert_int_equal(control->error_data, 96 + i * 16);
        assert_int_equal(record->position, position);
        assert_int_equal(record->code, BG_PVGPU_ERROR_TIMEOUT);
        assert_int_equal(record->detail, i);
        assert_true(control->status & BG_PVGPU_CONTROL_ERROR);
    }
    control->error_count = 1000; /* the guest's own doing: no access outside the log */
    control->suppress_interrupts = BG_PVGPU_IRQ_ERROR;
    assert_false(pvgpu_ring_report(&ring, 0, BG_PVGPU_ERROR_UNKNOWN, 0));
    assert_int_equal(control->error_count, 41);
}

/* ---- Reset ---- */

/* What is wrong with a shader, cut where it is too long; not while the device resets. */
static void test_error_text(void **state)
{
    char text[BG_PVGPU_ERROR_TEXT_SIZE * 2];

    (void)state;
    open_at(0, true);
    memset(text, 'a', sizeof(text));
    pvgpu_ring_explain(&ring, text);
    assert_int_equal(strlen(control->error_text), BG_PVGPU_ERROR_TEXT_SIZE - 1);
    pvgpu_ring_explain(&ring, "no entry point");
    assert_string_equal(control->error_text, "no entry point");
    control->reset_request = 1;
    pvgpu_ring_explain(&ring, "nobody reads it");
    assert_string_equal(control->error_text, "no entry point");
}

static void test_reset_of_a_new_device(void **state)
{
    (void)state;
    open_at(0, true);
    produce(64, 1);
    produce(64, 2);
    consume(64, 1);
    control->reset_request = 1;
    control->producer_ptr = control->consumer_ptr = control->host_fence_completed = 0;
    /* Between the request and the message nothing is written. */
    consume(64, 2);
    assert_int_equal(pvgpu_ring_next(&ring, &command), PVGPU_RING_RESET);
    assert_true(pvgpu_ring_was_reset(&ring));
    assert_false(pvgpu_ring_complete(&ring, 9));
    assert_false(pvgpu_ring_report(&ring, 0, BG_PVGPU_ERROR_UNKNOWN, 0));
    pvgpu_ring_publish(&ring);
    assert_int_equal(control->host_fence_completed, 0);
    assert_int_equal(control->consumer_ptr, 0);
    assert_int_equal(control->error_count, 0);
    produce(32, 3); /* at the start */
    pvgpu_ring_reset(&ring, 1);
    assert_int_equal(control->reset_done, 1);
    assert_int_equal(control->status, BG_PVGPU_CONTROL_READY);
    consume(32, 3);
    assert_true(pvgpu_ring_complete(&ring, 1));
}

static void test_silent_reset_of_an_old_device(void **state)
{
    (void)state;
    open_at(0, false);
    for (uint32_t i = 0; i < 100; i++) {
        produce(64, i);
        consume(64, i);
    }
    assert_true(pvgpu_ring_complete(&ring, 3));
    assert_false(pvgpu_ring_was_reset(&ring));
    control->producer_ptr = control->consumer_ptr = control->host_fence_completed = 0;
    assert_true(pvgpu_ring_was_reset(&ring));
    produce(32, 9);
    assert_int_equal(pvgpu_ring_next(&ring, &command), PVGPU_RING_RESET);
    pvgpu_ring_reset(&ring, 0);
    consume(32, 9);
    assert_int_equal(control->reset_done, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_every_wrap),
        TEST(test_counters_overflow),
        TEST(test_producer_makes_no_sense),
        TEST(test_sizes_make_no_sense),
        TEST(test_too_large),
        TEST(test_layouts_that_are_refused),
        TEST(test_publishing),
        TEST(test_fences),
        TEST(test_errors),
        TEST(test_error_text),
        TEST(test_reset_of_a_new_device),
        TEST(test_silent_reset_of_an_old_device),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
