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
// build: tests/fake/dma.c
/* Commands whose data is shared with the device while it has them, with a HAL that bounces it. */
#include "tests/fake/dma.h"
#include "tests/unit/gpu/fixture.h"

#define CONTEXT 6u
#define WORDS (100u * 1024u / sizeof(uint32_t)) /* more than the staging area holds */

static uint32_t commands[WORDS];
static const struct bg_virtio_gpu_data shared = {commands, BG_VIRTIO_GPU_SHARE, sizeof(commands)};
static unsigned shared_when_done;

static void begin(const struct bg_hal_dma *of_device)
{
    fake_dma = (struct fake_dma){0};
    dma = of_device;
    open_gpu(BG_VIRTIO_GPU_F_VIRGL, 1);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, CONTEXT, 0, NULL), 0);
    for (uint32_t i = 0; i < WORDS; i++) {
        commands[i] = i * 2654435761u;
    }
}

static void end(void)
{
    close_gpu();
    assert_int_equal(fake_dma.shared, 0);
    assert_int_equal(fake_dma.violations, 0);
}

static void expect_commands(void)
{
    const struct fake_gpu_context *context = fake_gpu_find_context(&fake, CONTEXT);

    assert_int_equal(context->commands_size, sizeof(commands));
    assert_memory_equal(context->commands, commands, sizeof(commands));
}

static void note(struct bg_virtio_gpu_op *op)
{
    (void)op;
    shared_when_done = fake_dma.shared;
}

/* One that the device keeps, since its fence does not pass. */
static void hold(struct bg_virtio_gpu_op *op)
{
    *op = (struct bg_virtio_gpu_op){.flags = BG_VIRTIO_GPU_OP_FENCE, .done = note};
    shared_when_done = UINT32_MAX;
    fake.holds_fences = true;
    assert_int_equal(bg_virtio_gpu_cmd_submit_3d(&gpu, op, CONTEXT, &shared), 0);
    assert_int_equal(bg_virtio_gpu_kick(&gpu), 1);
    assert_int_equal(fake_dma.shared, 1);
}

static void test_shared_data(void **state)
{
    (void)state;
    begin(&fake_dma_bounce);
    for (unsigned i = 1; i <= 300; i++) { /* more than there are slots or entries */
        assert_int_equal(bg_virtio_gpu_cmd_submit_3d(&gpu, NULL, CONTEXT, &shared), 0);
        assert_int_equal(fake_dma.shared, 0);
        assert_int_equal(fake_dma.shares[BG_HAL_DMA_TO_DEVICE], i);
    }
    expect_commands();
    assert_int_equal(fake_dma.shares[BG_HAL_DMA_FROM_DEVICE], 0);
    end();
}

static void test_shared_until_answered(void **state)
{
    struct bg_virtio_gpu_op op;

    (void)state;
    begin(&fake_dma_bounce);
    hold(&op);
    fake_gpu_retire_all(&fake);
    assert_int_equal(fake_dma.shared, 1); /* the answer is there, and nobody has looked */
    assert_int_equal(bg_virtio_gpu_poll(&gpu), 1);
    assert_int_equal(shared_when_done, 0);
    expect_commands();
    end();
}

/* Given up by its caller: the device still has it. */
static void test_shared_after_timeout(void **state)
{
    struct bg_virtio_gpu_op op;

    (void)state;
    begin(&fake_dma_bounce);
    hold(&op);
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &op, bg_hal_time_ns() + TIMEOUT_NS), BG_ERR_TIMEOUT);
    assert_int_equal(fake_dma.shared, 1);
    fake_gpu_retire_all(&fake);
    assert_int_equal(bg_virtio_gpu_poll(&gpu), 1);
    assert_int_equal(fake_dma.shared, 0);
    end();
}

/* Who is told that it has ended may use the memory at once. */
static void test_restart_and_close_give_back(void **state)
{
    struct bg_virtio_gpu_op op;

    (void)state;
    begin(&fake_dma_bounce);
    hold(&op);
    assert_int_equal(bg_virtio_gpu_restart(&gpu), 0);
    assert_int_equal(op.error, BG_ERR_UNAVAILABLE);
    assert_int_equal(shared_when_done, 0);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, CONTEXT, 0, NULL), 0);
    hold(&op);
    end();
    assert_int_equal(op.error, BG_ERR_UNAVAILABLE);
    assert_int_equal(shared_when_done, 0);
}

static void test_nothing_to_share_with(void **state)
{
    struct bg_virtio_gpu_op op = {0};

    (void)state;
    begin(NULL);
    assert_int_equal(bg_virtio_gpu_cmd_submit_3d(&gpu, NULL, CONTEXT, &shared), BG_ERR_UNSUPPORTED);
    assert_int_equal(bg_virtio_gpu_cmd_submit_3d(&gpu, &op, CONTEXT, &shared), BG_ERR_UNSUPPORTED);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, 7, 0, NULL), 0);
    end();
}

static void test_no_memory_to_share(void **state)
{
    (void)state;
    begin(&fake_dma_bounce);
    for (unsigned i = 0; i < 300; i++) {
        fake_dma.refuse = 1;
        assert_int_equal(bg_virtio_gpu_cmd_submit_3d(&gpu, NULL, CONTEXT, &shared),
                         BG_ERR_NO_MEMORY);
    }
    assert_int_equal(bg_virtio_gpu_cmd_submit_3d(&gpu, NULL, CONTEXT, &shared), 0);
    expect_commands();
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_data),
        cmocka_unit_test(test_shared_until_answered),
        cmocka_unit_test(test_shared_after_timeout),
        cmocka_unit_test(test_restart_and_close_give_back),
        cmocka_unit_test(test_nothing_to_share_with),
        cmocka_unit_test(test_no_memory_to_share),
    };

    return run_variants(tests, COUNT(tests));
}
