/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/vgpu/pvgpu.c firmware/vgpu/pvgpu_ring.c firmware/vgpu/pvgpu_health.c
// build: firmware/vgpu/pvgpu_heap.c
// build: firmware/vgpu/pvgpu_resource.c firmware/vgpu/pvgpu_draw.c firmware/vgpu/pvgpu_compute.c
// build: firmware/vgpu/pvgpu_names.c firmware/vgpu/compute.c firmware/common/wait.c
// build: firmware/common/interrupt_source.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c firmware/pci/assign.c
// build: firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c tests/fake/hal.c
// build: tests/fake/pvgpu.c
/* The pvgpu driver's ring: wraps, room, doorbells, fences, failures, waits that sleep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/hal.h"
#include "tests/fake/pvgpu.h"

#define SECOND_NS 1000000000ull

static uint64_t soon(void)
{
    return fake_hal.now_ns + SECOND_NS;
}

/* As if so many bytes had gone through the ring. */
static void start_at(uint64_t position)
{
    fake.control->producer_ptr = fake.control->consumer_ptr = position;
    gpu.written = gpu.published = gpu.consumed = gpu.cursor = gpu.rung = position;
    gpu.quick_end = position;
}

/* ---- Wraps ---- */

/* One with the longest payload, all of whose words differ. */
static void send_viewports(uint32_t seed)
{
    struct bg_pvgpu_viewport viewports[BG_PVGPU_VIEWPORTS_MAX];
    uint32_t words[sizeof(viewports) / 4];

    for (uint32_t i = 0; i < sizeof(viewports) / 4; i++) {
        words[i] = (seed << 16) + i;
    }
    memcpy(viewports, words, sizeof(viewports));
    assert_int_equal(bg_pvgpu_set_viewport(&gpu, BG_PVGPU_VIEWPORTS_MAX, viewports), 0);
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);

    const struct fake_pvgpu_command *command = fake_pvgpu_last(1);

    assert_int_equal(command->header.type, BG_PVGPU_CMD_SET_VIEWPORT);
    assert_int_equal(command->header.size, 416);
    assert_int_equal(command->words[0], BG_PVGPU_VIEWPORTS_MAX);
    assert_memory_equal(&command->words[1], words, sizeof(words));
    for (uint32_t i = 1 + sizeof(words) / 4; i < (416 - 16) / 4; i++) {
        assert_int_equal(command->words[i], 0); /* padding */
    }
}

static void commands_wrap_everywhere(void **state)
{
    (void)state;
    for (uint32_t before = 0; before <= 480; before += 16) {
        memset(fake.shmem + FAKE_PVGPU_RING_OFFSET, 0xA5, FAKE_PVGPU_RING);
        start_at(7ull * FAKE_PVGPU_RING - before);
        send_viewports(before);
        start_at(0 - (uint64_t)before); /* where the counters themselves wrap */
        send_viewports(before + 1);
    }
}

static void own_commands_are_built_in_place(void **state)
{
    struct bg_pvgpu_space space;

    (void)state;
    for (uint32_t before = 16; before <= 96; before += 16) {
        start_at(FAKE_PVGPU_RING - before);
        assert_int_equal(bg_pvgpu_command_begin(&gpu, 0x1FFE, 5, 3, 61, &space), 0);
        assert_int_equal(space.size[0] + space.size[1], 64);
        assert_int_equal(space.size[0], before == 16 ? 64 : before - 16 < 64 ? before - 16 : 64);
        for (uint32_t i = 0; i < 16; i++) {
            uint32_t first = space.size[0] / 4;

            *(i < first ? &space.words[0][i] : &space.words[1][i - first]) = before + i;
        }
        bg_pvgpu_command_end(&gpu);
        fake.is_stuck = false;
        fake.control->host_fence_completed = 0;
        assert_int_equal(bg_pvgpu_submit(&gpu), 0);
        fake.compute_status = 0;
        fake_pvgpu_step(&fake, 1);
        assert_int_equal(fake_pvgpu_last(0)->header.resource_id, 5);
        assert_int_equal(fake_pvgpu_last(0)->header.flags, 3);
        assert_int_equal(fake_pvgpu_last(0)->header.size, 80);
        for (uint32_t i = 0; i < 16; i++) {
            assert_int_equal(fake_pvgpu_last(0)->words[i], before + i);
        }
    }
    assert_int_equal(
        bg_pvgpu_command_begin(&gpu, 0x1FFE, 0, 0, BG_PVGPU_COMMAND_SIZE_MAX - 15, &space),
        BG_ERR_TOO_LARGE);
    assert_int_equal(
        bg_pvgpu_command_begin(&gpu, 0x1FFE, 0, 0, BG_PVGPU_COMMAND_SIZE_MAX - 16, &space), 0);
    fake.violations = 0; /* what was sent is no operation */
}

/* Whole, where there is room in one piece, and seen at once; else not at all. */
static void commands_are_written_quickly(void **state)
{
    struct bg_pvgpu_command *command;

    (void)state;
    start_at(FAKE_PVGPU_RING - 32);
    assert_null(bg_pvgpu_quick_begin(&gpu, 32)); /* nobody has looked */
    assert_false(bg_pvgpu_quick_look(&gpu, 48)); /* it would wrap */
    assert_null(bg_pvgpu_quick_begin(&gpu, 48));
    assert_true(bg_pvgpu_quick_look(&gpu, 32));
    command = bg_pvgpu_quick_begin(&gpu, 32);
    assert_ptr_equal(command, fake.shmem + FAKE_PVGPU_RING_OFFSET + FAKE_PVGPU_RING - 32);
    *command = (struct bg_pvgpu_command){.type = 0x1FFE, .size = 32, .resource_id = 7};
    memset(command + 1, 0x5A, 16);
    assert_true(bg_pvgpu_quick_end(&gpu, 32));
    assert_int_equal(fake.control->producer_ptr, FAKE_PVGPU_RING);
    assert_int_equal(bg_pvgpu_position(&gpu), FAKE_PVGPU_RING);
    fake_pvgpu_step(&fake, 1);
    assert_int_equal(fake_pvgpu_last(0)->header.resource_id, 7);
    assert_int_equal(fake_pvgpu_last(0)->words[0], 0x5A5A5A5A);
    fake.violations = 0; /* what was sent is no operation */
}

/* As far as there is room, and what the driver itself writes takes of it. */
static void quick_commands_find_their_room(void **state)
{
    (void)state;
    start_at(FAKE_PVGPU_RING);
    fake.is_stuck = true;
    assert_true(bg_pvgpu_quick_look(&gpu, 32));
    while (bg_pvgpu_position(&gpu) < 2 * FAKE_PVGPU_RING - 16) {
        assert_int_equal(bg_pvgpu_flush(&gpu), 0);
    }
    assert_int_equal(bg_pvgpu_submit(&gpu), 0);
    assert_null(bg_pvgpu_quick_begin(&gpu, 32));
    assert_false(bg_pvgpu_quick_look(&gpu, 32));
    assert_non_null(bg_pvgpu_quick_begin(&gpu, 16));
    assert_int_equal(bg_pvgpu_flush(&gpu), 0);
    assert_int_equal(bg_pvgpu_submit(&gpu), 0);
    assert_null(bg_pvgpu_quick_begin(&gpu, 16));
    assert_false(bg_pvgpu_quick_look(&gpu, 16)); /* it is full */
    fake.is_stuck = false;
    fake_pvgpu_step(&fake, 2);
    assert_false(bg_pvgpu_quick_look(&gpu, 48));
    assert_true(bg_pvgpu_quick_look(&gpu, 32));
}

/* One that sleeps. There are none for one that is lost. */
static void quick_commands_wake_the_backend(void **state)
{
    struct bg_pvgpu_command *command;

    (void)state;
    assert_true(bg_pvgpu_quick_look(&gpu, 16));
    fake.control->backend_sleeping = 1;
    command = bg_pvgpu_quick_begin(&gpu, 16);
    *command = (struct bg_pvgpu_command){.type = BG_PVGPU_CMD_FLUSH, .size = 16};
    assert_false(bg_pvgpu_quick_end(&gpu, 16));
    fake.doorbells = 0;
    assert_int_equal(bg_pvgpu_submit(&gpu), 0);
    assert_int_equal(fake.doorbells, 1);
    assert_true(bg_pvgpu_quick_look(&gpu, 16));
    fake_pvgpu_kill(&fake);
    assert_int_equal(bg_pvgpu_check(&gpu), BG_ERR_UNAVAILABLE);
    assert_null(bg_pvgpu_quick_begin(&gpu, 16));
    assert_false(bg_pvgpu_quick_look(&gpu, 16));
}

/* A long way around the ring, at sizes that do not divide it. */
static void many_rounds(void **state)
{
    uint64_t position = 0;

    (void)state;
    for (uint32_t i = 0; i < 2000; i++) {
        const struct bg_pvgpu_layout layout = {.heap_offset = i * 64};

        assert_int_equal(bg_pvgpu_resource_update(&gpu, i, 0, NULL, &layout), 0);
        assert_int_equal(bg_pvgpu_flush(&gpu), 0);
        assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
        assert_int_equal(fake_pvgpu_last(2)->header.type, BG_PVGPU_CMD_UPDATE_RESOURCE);
        assert_int_equal(fake_pvgpu_last(2)->header.resource_id, i);
        assert_int_equal(fake_pvgpu_last(2)->words[2], i * 64);
        assert_int_equal(fake_pvgpu_last(2)->position, position);
        position += 64 + 16 + 32;
    }
    assert_true(position > 10 * FAKE_PVGPU_RING);
}

/* ---- Room ---- */

static void a_full_ring_has_a_deadline(void **state)
{
    unsigned count = 0;
    int error;

    (void)state;
    fake.is_stuck = true;
    gpu.room_timeout_ns = SECOND_NS;
    while ((error = bg_pvgpu_flush(&gpu)) == 0) {
        count++;
    }
    assert_int_equal(error, BG_ERR_TIMEOUT);
    assert_int_equal(count, FAKE_PVGPU_RING / 16);
    assert_in_range(fake_hal.now_ns, SECOND_NS, SECOND_NS + 1000000);
    assert_int_equal(bg_pvgpu_fence(&gpu, &(uint64_t){0}), BG_ERR_TIMEOUT);
    fake.is_stuck = false;
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
    assert_int_equal(fake.commands, count + 1);
    assert_int_equal(gpu.losses, 0);
}

static void room_is_waited_for(void **state)
{
    (void)state;
    fake.budget = 1;
    for (uint32_t i = 0; i < 3 * FAKE_PVGPU_RING / 16; i++) {
        assert_int_equal(bg_pvgpu_resource_destroy(&gpu, i + 1), 0);
    }
    assert_int_equal(bg_pvgpu_finish(&gpu, soon() + 10 * SECOND_NS), 0);
    assert_int_equal(fake.commands, 3 * FAKE_PVGPU_RING / 16 + 1);
    assert_int_equal(fake_pvgpu_last(1)->header.resource_id, 3 * FAKE_PVGPU_RING / 16);
    assert_true(fake_hal.waits > FAKE_PVGPU_RING / 16);
}

/* ---- Doorbells ---- */

static void a_bell_only_for_sleepers(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(bg_pvgpu_flush(&gpu), 0);
    }
    assert_int_equal(bg_pvgpu_submit(&gpu), 0);
    assert_int_equal(fake.doorbells, 0); /* awake */
    while (fake_pvgpu_step(&fake, 0) != 0) {
    }
    assert_true(fake_pvgpu_sleep(&fake));
    assert_int_equal(bg_pvgpu_submit(&gpu), 0);
    assert_int_equal(fake.doorbells, 0); /* nothing new */
    for (int i = 0; i < 100; i++) {
        assert_int_equal(bg_pvgpu_flush(&gpu), 0);
    }
    assert_int_equal(fake.doorbells, 0); /* not yet submitted */
    assert_int_equal(bg_pvgpu_submit(&gpu), 0);
    assert_int_equal(fake.doorbells, 1);
    assert_int_equal(gpu.doorbells, 1);
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
    assert_int_equal(fake.commands, 201);
}

/* One that was woken, but has not come to running, is not rung again. */
static void a_bell_is_rung_once(void **state)
{
    (void)state;
    assert_true(fake_pvgpu_sleep(&fake));
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(bg_pvgpu_flush(&gpu), 0);
        assert_int_equal(bg_pvgpu_submit(&gpu), 0);
        assert_int_equal(fake.doorbells, 1);
    }
    fake_pvgpu_step(&fake, 0);
    assert_int_equal(fake.commands, 10);
    assert_true(fake_pvgpu_sleep(&fake));
    assert_int_equal(bg_pvgpu_flush(&gpu), 0);
    assert_int_equal(bg_pvgpu_submit(&gpu), 0);
    assert_int_equal(fake.doorbells, 2);
    fake_pvgpu_step(&fake, 0);
    start_at(0 - 16ull); /* where the counters wrap */
    for (unsigned i = 0; i < 10; i++) {
        assert_true(fake_pvgpu_sleep(&fake));
        assert_int_equal(bg_pvgpu_flush(&gpu), 0);
        assert_int_equal(bg_pvgpu_submit(&gpu), 0);
        assert_int_equal(bg_pvgpu_flush(&gpu), 0);
        assert_int_equal(bg_pvgpu_submit(&gpu), 0);
        assert_int_equal(fake.doorbells, 3 + i);
        fake_pvgpu_step(&fake, 0);
    }
}

static void older_backends_are_always_rung(void **state)
{
    (void)state;
    fake.features = BG_PVGPU_FEATURES_DEFAULT;
    fake.control->suppress_interrupts = 0;
    assert_int_equal(bg_pvgpu_restart(&gpu, soon()), 0);
    assert_false(bg_pvgpu_has(&gpu, BG_PVGPU_FEATURE_CONTROL_WORDS));
    for (unsigned i = 1; i <= 5; i++) {
        uint64_t fence;

        assert_int_equal(bg_pvgpu_fence(&gpu, &fence), 0);
        assert_int_equal(fake.control->guest_fence_request, fence);
        assert_int_equal(bg_pvgpu_submit(&gpu), 0);
        assert_int_equal(fake.doorbells, i);
        assert_int_equal(bg_pvgpu_fence_wait(&gpu, fence, soon()), 0);
    }
    assert_int_equal(fake.control->suppress_interrupts, 0);
}

/* ---- Fences ---- */

static void fences_pass_in_order(void **state)
{
    uint64_t fences[8];

    (void)state;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(bg_pvgpu_flush(&gpu), 0);
        assert_int_equal(bg_pvgpu_fence(&gpu, &fences[i]), 0);
        assert_true(i == 0 || fences[i] > fences[i - 1]);
    }
    assert_int_equal(bg_pvgpu_submit(&gpu), 0);
    for (int i = 0; i < 8; i++) {
        assert_false(bg_pvgpu_fence_has_passed(&gpu, fences[i]));
        fake_pvgpu_step(&fake, 2);
        assert_true(bg_pvgpu_fence_has_passed(&gpu, fences[i]));
    }
    for (int i = 7; i >= 0; i--) {
        assert_int_equal(bg_pvgpu_fence_wait(&gpu, fences[i], 0), 0); /* although it is late */
    }
    assert_int_equal(bg_pvgpu_fence_wait(&gpu, 0, soon()), BG_ERR_INVALID);
    assert_int_equal(bg_pvgpu_fence_wait(&gpu, fences[7] + 1, soon()), BG_ERR_INVALID);
}

static void waits_end_and_go_on(void **state)
{
    uint64_t fence, start_ns = fake_hal.now_ns;

    (void)state;
    fake.is_stuck = true;
    assert_int_equal(bg_pvgpu_fence(&gpu, &fence), 0);
    assert_int_equal(bg_pvgpu_fence_wait(&gpu, fence, soon()), BG_ERR_TIMEOUT);
    assert_in_range(fake_hal.now_ns - start_ns, SECOND_NS, SECOND_NS + 1000000);
    assert_int_equal(bg_pvgpu_fence_wait(&gpu, fence, 0), BG_ERR_TIMEOUT);
    fake.is_stuck = false;
    assert_int_equal(bg_pvgpu_fence_wait(&gpu, fence, soon()), 0);
    assert_int_equal(gpu.losses, 0);
}

static void expect_protocol_loss(void)
{
    uint64_t fence;

    assert_int_equal(bg_pvgpu_fence(&gpu, &fence), BG_ERR_PROTOCOL);
    assert_int_equal(bg_pvgpu_submit(&gpu), BG_ERR_PROTOCOL);
    assert_int_equal(bg_pvgpu_check(&gpu), BG_ERR_PROTOCOL);
    assert_int_equal(gpu.losses, 1);
    gpu.losses = 0;
    assert_int_equal(bg_pvgpu_restart(&gpu, soon()), 0);
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
}

static void fences_that_cannot_be(void **state)
{
    uint64_t fence;

    (void)state;
    assert_int_equal(bg_pvgpu_fence(&gpu, &fence), 0);
    fake.control->host_fence_completed = fence + 1; /* nobody asked for that one */
    assert_int_equal(bg_pvgpu_fence_wait(&gpu, fence, soon()), BG_ERR_PROTOCOL);
    expect_protocol_loss();
    assert_int_equal(bg_pvgpu_fence(&gpu, &fence), 0);
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
    assert_int_equal(bg_pvgpu_fence(&gpu, &fence), 0);
    fake.is_stuck = true;
    fake.control->host_fence_completed--; /* backwards */
    assert_int_equal(bg_pvgpu_fence_wait(&gpu, fence, soon()), BG_ERR_PROTOCOL);
    fake.is_stuck = false;
    expect_protocol_loss();
}

static void consumers_that_cannot_be(void **state)
{
    static const int64_t moves[] = {16, -16, 1ll << 40, INT64_MIN};

    (void)state;
    for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
        uint64_t fence;

        assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
        while (gpu.ring_size - (gpu.written - gpu.consumed) >= 16) {
            assert_int_equal(bg_pvgpu_flush(&gpu), 0);
        }
        fake.is_stuck = true;
        fake.control->consumer_ptr = gpu.published + (uint64_t)moves[i];
        if (moves[i] == -16) {
            fake.control->consumer_ptr = gpu.consumed - 16;
        }
        assert_int_equal(bg_pvgpu_fence(&gpu, &fence), BG_ERR_PROTOCOL);
        fake.is_stuck = false;
        expect_protocol_loss();
    }
}

/* ---- Failures ---- */

static void failures_are_told_once(void **state)
{
    uint64_t position;

    (void)state;
    fake.fail_type = BG_PVGPU_CMD_DESTROY_RESOURCE;
    fake.fail_code = BG_PVGPU_ERROR_RESOURCE_NOT_FOUND;
    assert_int_equal(bg_pvgpu_flush(&gpu), 0);
    position = bg_pvgpu_position(&gpu);
    assert_int_equal(bg_pvgpu_resource_destroy(&gpu, 77), 0);
    assert_int_equal(bg_pvgpu_resource_destroy(&gpu, 78), 0);
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), BG_ERR_IO);
    assert_int_equal(gpu.failure.code, BG_PVGPU_ERROR_RESOURCE_NOT_FOUND);
    assert_int_equal(gpu.failure.type, BG_PVGPU_CMD_DESTROY_RESOURCE);
    assert_int_equal(gpu.failure.resource_id, 77);
    assert_int_equal(gpu.failure.position, position);
    assert_int_equal(gpu.failure.missed, 0);
    assert_string_equal(bg_pvgpu_error_name(gpu.failure.code), "resource not found");
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), BG_ERR_IO);
    assert_int_equal(gpu.failure.resource_id, 78);
    assert_int_equal(gpu.failure.position, position + 16);
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
    assert_int_equal(gpu.losses, 0);
}

static void failures_that_were_too_many(void **state)
{
    struct bg_pvgpu_failure failure;

    (void)state;
    fake.fail_type = BG_PVGPU_CMD_DESTROY_RESOURCE;
    fake.fail_code = BG_PVGPU_ERROR_RESOURCE_NOT_FOUND;
    for (uint32_t i = 1; i <= 40; i++) {
        assert_int_equal(bg_pvgpu_resource_destroy(&gpu, i), 0);
    }
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), BG_ERR_IO);
    assert_int_equal(gpu.failure.missed, 25);
    for (uint32_t i = 27; i <= 40; i++) {
        assert_int_equal(bg_pvgpu_take_failure(&gpu, &failure), 1);
        assert_int_equal(failure.resource_id, i);
        assert_int_equal(failure.missed, 0);
    }
    assert_int_equal(bg_pvgpu_take_failure(&gpu, &failure), 0);
}

/* Positions are the backend's word: nothing is read by them but the ring. */
static void failures_at_places_that_cannot_be(void **state)
{
    static const uint64_t positions[] = {UINT64_MAX, UINT64_MAX - 15, 8, 1ull << 40, 0, 16};
    struct bg_pvgpu_failure failure;

    (void)state;
    assert_int_equal(bg_pvgpu_flush(&gpu), 0);
    for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++) {
        fake_pvgpu_log(&fake, positions[i], 0xABCD,
                       i == 4 ? BG_PVGPU_CMD_FENCE : BG_PVGPU_CMD_FLUSH);
        assert_int_equal(bg_pvgpu_take_failure(&gpu, &failure), 1);
        assert_int_equal(failure.position, positions[i]);
        assert_int_equal(failure.resource_id, 0);
        assert_string_equal(bg_pvgpu_error_name(failure.code), "unknown error");
    }
}

/* What lies at the place of a command from a round ago is another one's. */
static void failures_from_a_round_ago(void **state)
{
    struct bg_pvgpu_failure failure;

    (void)state;
    for (uint32_t i = 0; i < 2 * FAKE_PVGPU_RING / 16; i++) {
        assert_int_equal(bg_pvgpu_resource_destroy(&gpu, 1000 + i), 0);
    }
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
    fake_pvgpu_log(&fake, 64, BG_PVGPU_ERROR_UNKNOWN, BG_PVGPU_CMD_DESTROY_RESOURCE);
    assert_int_equal(bg_pvgpu_take_failure(&gpu, &failure), 1);
    assert_int_equal(failure.position, 64);
    assert_int_equal(failure.resource_id, 0);
    fake_pvgpu_log(&fake, FAKE_PVGPU_RING + 64, BG_PVGPU_ERROR_UNKNOWN,
                   BG_PVGPU_CMD_DESTROY_RESOURCE);
    assert_int_equal(bg_pvgpu_take_failure(&gpu, &failure), 1);
    assert_int_equal(failure.resource_id, 1000 + FAKE_PVGPU_RING / 16 + 4);
}

static void older_backends_show_the_last_failure(void **state)
{
    struct bg_pvgpu_failure failure;

    (void)state;
    fake.features = BG_PVGPU_FEATURES_DEFAULT;
    assert_int_equal(bg_pvgpu_restart(&gpu, soon()), 0);
    fake.fail_type = BG_PVGPU_CMD_DESTROY_RESOURCE;
    fake.fail_code = BG_PVGPU_ERROR_RESOURCE_NOT_FOUND;
    for (uint32_t i = 1; i <= 3000; i++) {
        uint64_t position = bg_pvgpu_position(&gpu);

        assert_int_equal(bg_pvgpu_resource_destroy(&gpu, i), 0);
        assert_int_equal(bg_pvgpu_finish(&gpu, soon()), BG_ERR_IO);
        assert_int_equal(gpu.failure.position, position);
        assert_int_equal(gpu.failure.resource_id, i);
        assert_int_equal(gpu.failure.type, BG_PVGPU_CMD_DESTROY_RESOURCE);
        assert_int_equal(bg_pvgpu_take_failure(&gpu, &failure), 0);
    }
}

/* ---- One call at a time ---- */

static void (*work)(void *device);
static unsigned intrusions;

/* Another thread, or a handler, while a call waits. */
static void intrude(void *device)
{
    uint64_t position = bg_pvgpu_position(&gpu), fence;
    uint32_t id = 77, sum;
    struct bg_pvgpu_memory memory;
    struct bg_pvgpu_failure failure;
    struct bg_pvgpu_space space;

    intrusions++;
    assert_int_equal(bg_pvgpu_flush(&gpu), BG_ERR_BUSY);
    assert_int_equal(bg_pvgpu_submit(&gpu), BG_ERR_BUSY);
    assert_int_equal(bg_pvgpu_fence(&gpu, &fence), BG_ERR_BUSY);
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), BG_ERR_BUSY);
    assert_int_equal(bg_pvgpu_buffer_create(&gpu, 64, &id), BG_ERR_BUSY);
    assert_int_equal(bg_pvgpu_add_basic(&gpu, 1, 2, &sum, soon()), BG_ERR_BUSY);
    assert_int_equal(bg_pvgpu_heap_alloc(&gpu, 64, 0, &memory), BG_ERR_BUSY);
    assert_int_equal(bg_pvgpu_take_failure(&gpu, &failure), BG_ERR_BUSY);
    assert_int_equal(bg_pvgpu_command_begin(&gpu, 0x1FFE, 0, 0, 16, &space), BG_ERR_BUSY);
    assert_int_equal(bg_pvgpu_restart(&gpu, soon()), BG_ERR_BUSY);
    assert_int_equal(id, 77);
    assert_int_equal(bg_pvgpu_position(&gpu), position);
    work(device);
}

static void calls_that_meet_are_refused(void **state)
{
    struct bg_pvgpu_space space;
    uint32_t id;

    (void)state;
    intrusions = 0;
    work = fake_hal.on_wait;
    fake_hal.on_wait = intrude;
    assert_int_equal(bg_pvgpu_buffer_create(&gpu, 64, &id), 0);
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
    assert_true(intrusions != 0);
    fake_hal.on_wait = work;
    /* A command of one's own is one call from its begin to its end. */
    assert_int_equal(bg_pvgpu_command_begin(&gpu, BG_PVGPU_CMD_FLUSH, 0, 0, 0, &space), 0);
    assert_int_equal(bg_pvgpu_flush(&gpu), BG_ERR_BUSY);
    bg_pvgpu_command_end(&gpu);
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
}

/* ---- Asleep ---- */

static struct bg_interrupt_source source;
static unsigned sleeps;
static bool is_interrupt_lost;

static void interrupted(struct fake_pvgpu *device, uint32_t bits)
{
    (void)device;
    if (bits & BG_PVGPU_IRQ_FENCE && !is_interrupt_lost) {
        bg_interrupt_source_arrive(&source);
    }
}

static void sleep_until(void *event, uint64_t deadline_ns)
{
    uint64_t before = source.count;

    (void)event;
    sleeps++;
    assert_true(deadline_ns > fake_hal.now_ns);
    assert_int_equal(fake.control->suppress_interrupts & BG_PVGPU_IRQ_FENCE, 0);
    fake_pvgpu_step(&fake, 0);
    fake_hal.now_ns = source.count != before ? fake_hal.now_ns + 1000 : deadline_ns;
}

static void waits_sleep(void **state)
{
    (void)state;
    sleeps = 0;
    is_interrupt_lost = false;
    source = (struct bg_interrupt_source){0};
    bg_interrupt_source_turn(&source, BG_INTERRUPT_ON);
    gpu.fence_source = &source;
    gpu.wait = (struct bg_wait_strategy){.sleep = sleep_until};
    gpu.suppressed = BG_PVGPU_IRQ_FENCE;
    fake.interrupt = interrupted;
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
    assert_int_equal(sleeps, 1);
    assert_int_equal(source.count, 1);
    assert_int_equal(source.lost, 0);
    assert_int_equal(fake.control->suppress_interrupts, BG_PVGPU_IRQ_FENCE); /* awake again */
    assert_int_equal(fake_hal.waits, 0);
    is_interrupt_lost = true;
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0); /* a nap later */
    assert_int_equal(source.lost, 1);
    fake.is_stuck = true;
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), BG_ERR_TIMEOUT);
    fake.is_stuck = false;
    gpu.wait = BG_WAIT_POLL;
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
    assert_true(fake_hal.waits > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, pvgpu_setup, pvgpu_teardown)
    const struct CMUnitTest tests[] = {
        TEST(commands_wrap_everywhere),
        TEST(own_commands_are_built_in_place),
        TEST(commands_are_written_quickly),
        TEST(quick_commands_find_their_room),
        TEST(quick_commands_wake_the_backend),
        TEST(many_rounds),
        TEST(a_full_ring_has_a_deadline),
        TEST(room_is_waited_for),
        TEST(a_bell_only_for_sleepers),
        TEST(a_bell_is_rung_once),
        TEST(older_backends_are_always_rung),
        TEST(fences_pass_in_order),
        TEST(waits_end_and_go_on),
        TEST(fences_that_cannot_be),
        TEST(consumers_that_cannot_be),
        TEST(failures_are_told_once),
        TEST(failures_that_were_too_many),
        TEST(failures_at_places_that_cannot_be),
        TEST(failures_from_a_round_ago),
        TEST(older_backends_show_the_last_failure),
        TEST(waits_sleep),
        TEST(calls_that_meet_are_refused),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
