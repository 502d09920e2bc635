/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/gpu/gpu.c firmware/virtio/gpu/queue.c firmware/virtio/gpu/names.c
// build: firmware/virtio/gpu/command.c firmware/virtio/gpu/answer.c
// build: firmware/virtio/gpu/command_3d.c
// build: firmware/virtio/gpu/format.c firmware/virtio/virtio.c firmware/virtio/virtqueue.c
// build: firmware/virtio/virtqueue_split.c firmware/virtio/virtqueue_packed.c
// build: firmware/virtio/virtqueue_share.c
// build: firmware/virtio/transport_pci.c firmware/common/error.c firmware/pci_ecam.c
// build: firmware/pci/enumerate.c firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c firmware/pci/list.c
// build: tests/fake/hal.c tests/fake/virtio.c tests/fake/virtqueue.c
// build: tests/fake/gpu.c tests/fake/gpu_command.c
// build: tests/fake/gpu_command_3d.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/* Waiting for a GPU by interrupt: asleep between them, and no worse off when they do not come. */
#include "baregpu/virtio_interrupt.h"
#include "tests/unit/gpu/fixture.h"

static struct bg_pci_interrupt_vector vector;
static struct bg_virtio_interrupt interrupt = {.options = {.vectors = &vector, .vector_count = 1}};
static unsigned sleeps;
static unsigned answer_at; /* the device answers in this sleep and later ones; 0: never */
static bool is_lost;       /* its interrupts do not arrive */

/* The device works while the driver sleeps. */
static void sleep_until(void *event, uint64_t deadline_ns)
{
    uint32_t before = fake.virtio.interrupts;

    (void)event;
    assert_true(deadline_ns > fake_hal.now_ns);
    if (++sleeps >= answer_at && answer_at != 0) {
        fake_gpu_retire_all(&fake);
        if (fake.virtio.interrupts != before && !is_lost) {
            bg_interrupt_source_arrive(&vector.source);
            fake_hal.now_ns += 1000;
            return;
        }
    }
    fake_hal.now_ns = deadline_ns;
}

static void open_sleeping(uint64_t spin_ns)
{
    open_gpu(0, 1);
    memset(&vector, 0, sizeof(vector));
    bg_interrupt_source_turn(&vector.source, BG_INTERRUPT_ON);
    device.interrupt = &interrupt;
    gpu.control.source = &vector.source;
    gpu.cursor.source = &vector.source;
    device.wait = (struct bg_wait_strategy){.sleep = sleep_until, .spin_ns = spin_ns};
    fake.holds_fences = true;
    fake.held_type = BG_VIRTIO_GPU_CMD_MOVE_CURSOR;
    fake_hal.waits = sleeps = 0;
    answer_at = 1;
    is_lost = false;
}

static int send(struct bg_virtio_gpu_op *op)
{
    static uint32_t id;

    *op = (struct bg_virtio_gpu_op){.flags = BG_VIRTIO_GPU_OP_FENCE};
    return bg_virtio_gpu_cmd_resource_create_2d(&gpu, op, ++id, BG_VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
                                                8, 8);
}

/* An operation, a fence, room for a command, the cursor: each waits asleep, with the interrupt on,
 * and only then. */
static void test_sleep(void **state)
{
    const struct bg_virtio_gpu_cursor_state cursor = {.x = 1};
    static struct bg_virtio_gpu_op ops[BG_VIRTIO_GPU_SLOTS_MAX + 1];
    struct bg_virtio_gpu_fence fence;
    uint32_t interrupts;

    (void)state;
    open_sleeping(0);
    assert_int_equal(send(&ops[0]), 0);
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &ops[0], fake_hal.now_ns + TIMEOUT_NS), 0);
    assert_int_equal(sleeps, 1);
    assert_int_equal(send(&ops[0]), 0);
    fence = bg_virtio_gpu_fence_of(&ops[0]);
    answer_at = 2;
    assert_int_equal(bg_virtio_gpu_fence_wait(&gpu, &fence, fake_hal.now_ns + TIMEOUT_NS), 0);
    assert_int_equal(sleeps, 2);
    answer_at = 3;
    assert_int_equal(bg_virtio_gpu_cmd_move_cursor(&gpu, NULL, &cursor), 0);
    assert_int_equal(sleeps, 3);
    answer_at = 4;
    for (unsigned i = 0; i < COUNT(ops); i++) {
        assert_int_equal(send(&ops[i]), 0);
    }
    assert_true(sleeps >= 4); /* more where descriptors run out before slots do */
    assert_int_equal(fake_hal.waits, 0);
    assert_int_equal(vector.source.count, sleeps);
    assert_int_equal(vector.source.lost, 0);
    interrupts = fake.virtio.interrupts; /* awake: none are wanted */
    assert_int_equal(bg_virtio_gpu_kick(&gpu), 1);
    fake_gpu_retire_all(&fake);
    assert_true(bg_virtio_gpu_poll(&gpu) > 0);
    assert_int_equal(fake.virtio.interrupts, interrupts);
    close_gpu();
}

/* The answer is there before the driver sleeps. */
static void test_no_sleep(void **state)
{
    struct bg_virtio_gpu_op op;

    (void)state;
    open_sleeping(0);
    fake.holds_fences = false;
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(send(&op), 0);
        assert_int_equal(bg_virtio_gpu_wait(&gpu, &op, fake_hal.now_ns + TIMEOUT_NS), 0);
    }
    assert_int_equal(sleeps, 0);
    close_gpu();
}

/* An interrupt that is lost costs a nap. */
static void test_lost_interrupt(void **state)
{
    struct bg_virtio_gpu_op op;
    uint64_t start_ns;

    (void)state;
    open_sleeping(0);
    is_lost = true;
    start_ns = fake_hal.now_ns;
    assert_int_equal(send(&op), 0);
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &op, fake_hal.now_ns + TIMEOUT_NS), 0);
    assert_int_equal(vector.source.lost, 1);
    assert_int_equal(fake_hal.now_ns - start_ns, BG_WAIT_NAP_FIRST_NS);
    close_gpu();
}

/* Deadline and device are watched asleep, too. */
static void test_sleep_errors(void **state)
{
    struct bg_virtio_gpu_op op;
    uint64_t deadline_ns;

    (void)state;
    open_sleeping(0);
    answer_at = 0;
    deadline_ns = fake_hal.now_ns + TIMEOUT_NS;
    assert_int_equal(send(&op), 0);
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &op, deadline_ns), BG_ERR_TIMEOUT);
    assert_int_equal(fake_hal.now_ns, deadline_ns);
    assert_true(sleeps < 40); /* they become longer */
    sleeps = 0;
    assert_int_equal(send(&op), 0);
    fake_virtio_need_reset(&fake.virtio);
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &op, fake_hal.now_ns + TIMEOUT_NS), BG_ERR_IO);
    assert_true(sleeps <= 2);
    close_gpu();
}

/* First polled, for as long as was said. */
static void test_spin_then_sleep(void **state)
{
    struct bg_virtio_gpu_op op;

    (void)state;
    open_sleeping(10 * fake_hal.wait_ns);
    assert_int_equal(send(&op), 0);
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &op, fake_hal.now_ns + TIMEOUT_NS), 0);
    assert_int_equal(sleeps, 1);
    assert_int_equal(fake_hal.waits, 10);
    close_gpu();
}

static struct bg_virtio_gpu_op chained;

static void queue_another(struct bg_virtio_gpu_op *op)
{
    (void)op;
    chained = (struct bg_virtio_gpu_op){0};
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_2d(
                         &gpu, &chained, 1000, BG_VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 8, 8),
                     0);
}

/* What `done` queues is sent by the wait that goes on, not only by the next call. */
static void test_done_is_sent(void **state)
{
    struct bg_virtio_gpu_op first = {.done = queue_another}, last;

    (void)state;
    open_sleeping(0);
    assert_int_equal(send(&last), 0);
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_2d(
                         &gpu, &first, 1001, BG_VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 8, 8),
                     0);
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &last, fake_hal.now_ns + TIMEOUT_NS), 0);
    assert_non_null(fake_gpu_find_resource(&fake, 1000));
    assert_int_equal(chained.error, 0);
    close_gpu();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sleep),           cmocka_unit_test(test_no_sleep),
        cmocka_unit_test(test_lost_interrupt),  cmocka_unit_test(test_sleep_errors),
        cmocka_unit_test(test_spin_then_sleep), cmocka_unit_test(test_done_is_sent),
    };

    return run_variants(tests, COUNT(tests));
}
