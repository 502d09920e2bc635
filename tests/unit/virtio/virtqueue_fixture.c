/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/virtio/virtqueue_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/hal.h"

uint32_t fixture_random(uint32_t limit)
{
    static uint64_t state = 0x9E3779B97F4A7C15u;

    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % limit);
}

uint32_t fixture_answer(void *context, const struct fake_virtio_request *request)
{
    struct fixture *fixture = context;

    for (size_t i = 0; i < request->out_size; i++) {
        request->out[i] = (uint8_t)((i < request->in_size ? request->in[i] : 0) + 1);
    }
    if (fixture->hold_left != 0) {
        fixture->hold_left--;
        return FAKE_VIRTIO_HOLD;
    }
    return (uint32_t)request->out_size;
}

void fixture_begin_with(struct fixture *fixture, uint64_t features, uint16_t size,
                        const struct bg_virtqueue_options *options, bool is_ready)
{
    fake_hal = (struct fake_hal){.wait_ns = 1000};
    fixture->hold_left = 0;
    fake_virtio_init(&fixture->fake, features, 1, size, fixture_answer, fixture);
    assert_int_equal(fake_virtio_open(&fixture->fake, &fixture->device, 42), 0);
    assert_int_equal(bg_virtio_start(&fixture->device, features, 0, 1000000), 0);
    assert_int_equal(bg_virtqueue_create(&fixture->queue, &fixture->device, options), 0);
    if (is_ready) {
        assert_int_equal(bg_virtio_ready(&fixture->device), 0);
    }
}

void fixture_begin(struct fixture *fixture, uint64_t features, uint16_t size)
{
    const struct bg_virtqueue_options options = {.index = 0, .indirect_segments = 8};

    fixture_begin_with(fixture, features, size, &options, true);
}

void fixture_end(struct fixture *fixture)
{
    fixture->fake.is_gone = false;
    assert_int_equal(bg_virtio_reset(&fixture->device, bg_hal_time_ns() + 1000000), 0);
    bg_virtqueue_destroy(&fixture->queue);
    fake_virtio_end(&fixture->fake);
    assert_int_equal(fixture->fake.violations, 0);
}

int fixture_add(struct fixture *fixture, uint8_t *memory, void *token)
{
    const struct bg_virtqueue_segment segments[2] = {{(uintptr_t)memory, 16},
                                                     {(uintptr_t)memory + 16, 16}};

    return bg_virtqueue_add(&fixture->queue, segments, 1, 1, token);
}

void fixture_exchange(struct fixture *fixture)
{
    struct bg_virtqueue_used used = {0};
    uint8_t memory[32] = {0};

    for (uint8_t i = 0; i < 16; i++) {
        memory[i] = (uint8_t)fixture_random(256);
    }
    assert_int_equal(fixture_add(fixture, memory, memory), 0);
    assert_true(bg_virtqueue_kick(&fixture->queue) >= 0);
    if (fixture->fake.waits_for_run) {
        fake_virtio_run(&fixture->fake);
    }
    assert_int_equal(bg_virtqueue_poll(&fixture->queue, &used), 1);
    assert_ptr_equal(used.token, memory);
    assert_int_equal(used.written, 16);
    for (unsigned i = 0; i < 16; i++) {
        assert_int_equal(memory[16 + i], (uint8_t)(memory[i] + 1));
    }
}
