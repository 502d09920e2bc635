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
/* Operations, batches, fences and timelines; opening and restarting; devices that misbehave. */
#include "tests/unit/gpu/fixture.h"

static const struct bg_virtio_gpu_rect whole = {0, 0, 32, 16};

static int create_2d(struct bg_virtio_gpu_op *op, uint32_t id)
{
    return bg_virtio_gpu_cmd_resource_create_2d(&gpu, op, id, BG_VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
                                                32, 16);
}

static uint64_t soon(void)
{
    return fake_hal.now_ns + TIMEOUT_NS;
}

static uint64_t notifications(void)
{
    return fake.virtio.queues[BG_VIRTIO_GPU_QUEUE_CONTROL].notifications;
}

/* ---- Operations ---- */

static unsigned done_count;

static void count_done(struct bg_virtio_gpu_op *op)
{
    assert_int_equal(op->error, 0);
    assert_ptr_equal(op->context, &done_count);
    done_count++;
}

static void test_batch(void **state)
{
    struct bg_virtio_gpu_op ops[20] = {0};
    uint64_t before;

    (void)state;
    open_gpu(0, 1);
    before = notifications();
    done_count = 0;
    for (unsigned i = 0; i < COUNT(ops); i++) {
        ops[i].done = count_done;
        ops[i].context = &done_count;
        assert_int_equal(create_2d(&ops[i], i + 1), 0);
        assert_int_equal(ops[i].error, BG_ERR_BUSY);
    }
    assert_int_equal(fake.log_count, 0); /* the device does not know yet */
    assert_int_equal(bg_virtio_gpu_kick(&gpu), 1);
    assert_int_equal(fake.log_count, COUNT(ops));
    assert_int_equal(notifications() - before, 1);
    assert_int_equal(bg_virtio_gpu_kick(&gpu), 0); /* nothing new */
    assert_int_equal(done_count, 0);
    assert_int_equal(bg_virtio_gpu_poll(&gpu), COUNT(ops));
    assert_int_equal(done_count, COUNT(ops));
    for (unsigned i = 0; i < COUNT(ops); i++) {
        assert_int_equal(ops[i].error, 0);
        assert_int_equal(ops[i].response, BG_VIRTIO_GPU_RESP_OK_NODATA);
    }
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &ops[3], 0), 0); /* over already */
    close_gpu();
}

static void test_error_in_batch(void **state)
{
    struct bg_virtio_gpu_op ops[3] = {0};

    (void)state;
    open_gpu(0, 1);
    assert_int_equal(create_2d(&ops[0], 1), 0);
    assert_int_equal(create_2d(&ops[1], 1), 0);
    assert_int_equal(create_2d(&ops[2], 2), 0);
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &ops[2], soon()), 0);
    assert_int_equal(ops[0].error, 0);
    assert_int_equal(ops[1].error, BG_ERR_NOT_FOUND);
    assert_int_equal(ops[1].response, BG_VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    assert_int_equal(create_2d(&ops[0], 0), BG_ERR_INVALID); /* refused: ended, too */
    assert_int_equal(ops[0].error, BG_ERR_INVALID);
    close_gpu();
}

/* More commands than there are slots, or descriptors: the driver makes room by itself. */
static void test_many(void **state)
{
    static struct bg_virtio_gpu_op ops[300];

    (void)state;
    memset(ops, 0, sizeof(ops));
    open_gpu(0, 1);
    assert_int_equal(create_2d(NULL, 1), 0);
    for (unsigned i = 0; i < COUNT(ops); i++) {
        assert_int_equal(bg_virtio_gpu_cmd_resource_flush(&gpu, &ops[i], 1, &whole), 0);
    }
    for (unsigned i = 0; i < COUNT(ops); i++) {
        assert_int_equal(bg_virtio_gpu_wait(&gpu, &ops[i], soon()), 0);
    }
    assert_int_equal(fake_gpu_count(&fake, BG_VIRTIO_GPU_CMD_RESOURCE_FLUSH), COUNT(ops));
    close_gpu();
}

/* The staging area serves one at a time. */
static void test_staging_is_shared(void **state)
{
    static struct bg_virtio_gpu_mem_entry entries[4][100];
    struct bg_virtio_gpu_op ops[4] = {0};

    (void)state;
    open_gpu(0, 1);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(create_2d(NULL, i + 1), 0);
        for (unsigned e = 0; e < 100; e++) {
            entries[i][e] = (struct bg_virtio_gpu_mem_entry){.addr = i * 4096 + e, .length = i + 1};
        }
    }
    for (unsigned i = 0; i < 4; i++) { /* nobody kicks in between, but the driver when it must */
        const struct bg_virtio_gpu_data data = bg_virtio_gpu_entries(entries[i], 100);

        assert_int_equal(bg_virtio_gpu_cmd_resource_attach_backing(&gpu, &ops[i], i + 1, &data), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(bg_virtio_gpu_wait(&gpu, &ops[i], soon()), 0);
        assert_memory_equal(fake_gpu_find_resource(&fake, i + 1)->entries, entries[i],
                            sizeof(entries[i]));
    }
    close_gpu();
}

static struct bg_virtio_gpu_op chained;

static void queue_another(struct bg_virtio_gpu_op *op)
{
    (void)op;
    assert_int_equal(create_2d(&chained, 2), 0);
}

static void test_done_queues(void **state)
{
    struct bg_virtio_gpu_op op = {.done = queue_another};

    (void)state;
    memset(&chained, 0, sizeof(chained));
    open_gpu(0, 1);
    assert_int_equal(create_2d(&op, 1), 0);
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &op, soon()), 0);
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &chained, soon()), 0);
    assert_non_null(fake_gpu_find_resource(&fake, 2));
    close_gpu();
}

/* An operation is one command's until that has ended. */
static void test_busy(void **state)
{
    const struct bg_virtio_gpu_cursor_state cursor = {.x = 1};
    struct bg_virtio_gpu_op op = {.flags = BG_VIRTIO_GPU_OP_FENCE};

    (void)state;
    open_gpu(0, 1);
    fake.holds_fences = true;
    assert_int_equal(create_2d(&op, 1), 0);
    assert_int_equal(create_2d(&op, 2), BG_ERR_BUSY);
    assert_int_equal(create_2d(&op, 0), BG_ERR_BUSY); /* also what is wrong otherwise */
    assert_int_equal(bg_virtio_gpu_cmd_move_cursor(&gpu, &op, &cursor), BG_ERR_BUSY);
    assert_int_equal(op.error, BG_ERR_BUSY);
    assert_int_equal(bg_virtio_gpu_kick(&gpu), 1);
    assert_int_equal(fake.log_count, 1);
    fake_gpu_retire_all(&fake);
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &op, soon()), 0);
    fake.holds_fences = false;
    assert_int_equal(create_2d(&op, 2), 0);
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &op, soon()), 0);
    close_gpu();
}

/* ---- Fences ---- */

static void test_fence(void **state)
{
    struct bg_virtio_gpu_op op = {.flags = BG_VIRTIO_GPU_OP_FENCE};
    struct bg_virtio_gpu_fence fence;

    (void)state;
    open_gpu(0, 1);
    fake.holds_fences = true;
    assert_int_equal(create_2d(&op, 1), 0);
    assert_int_equal(bg_virtio_gpu_kick(&gpu), 1);
    assert_int_equal(fake.last.flags, BG_VIRTIO_GPU_FLAG_FENCE);
    fence = bg_virtio_gpu_fence_of(&op);
    assert_int_equal(fence.id, fake.last.fence_id);
    assert_int_not_equal(fence.id, 0);
    assert_int_equal(create_2d(NULL, 2), 0); /* others go on meanwhile */
    assert_int_equal(op.error, BG_ERR_BUSY);
    assert_false(bg_virtio_gpu_fence_passed(&gpu, &fence));
    assert_int_equal(bg_virtio_gpu_fence_wait(&gpu, &fence, fake_hal.now_ns + 1000000),
                     BG_ERR_TIMEOUT);
    assert_int_equal(fake_gpu_retire(&fake, 0, BG_VIRTIO_GPU_NO_RING, fence.id), 1);
    assert_int_equal(bg_virtio_gpu_fence_wait(&gpu, &fence, soon()), 0);
    assert_true(bg_virtio_gpu_fence_passed(&gpu, &fence));
    assert_int_equal(op.error, 0);
    close_gpu();
}

/* The answer to a later fence is there: the earlier one has passed, its answer is on its way. */
static void test_fence_out_of_order(void **state)
{
    struct bg_virtio_gpu_op ops[3];
    struct bg_virtio_gpu_fence fences[3];

    (void)state;
    open_gpu(0, 1);
    fake.holds_fences = true;
    for (unsigned i = 0; i < 3; i++) {
        ops[i] = (struct bg_virtio_gpu_op){.flags = BG_VIRTIO_GPU_OP_FENCE};
        assert_int_equal(create_2d(&ops[i], i + 1), 0);
        fences[i] = bg_virtio_gpu_fence_of(&ops[i]);
    }
    assert_int_equal(bg_virtio_gpu_kick(&gpu), 1);
    fake_gpu_retire_one(&fake, 1);
    assert_int_equal(bg_virtio_gpu_poll(&gpu), 1);
    assert_int_equal(ops[0].error, BG_ERR_BUSY);
    assert_int_equal(ops[1].error, 0);
    assert_true(bg_virtio_gpu_fence_passed(&gpu, &fences[0]));
    assert_true(bg_virtio_gpu_fence_passed(&gpu, &fences[1]));
    assert_false(bg_virtio_gpu_fence_passed(&gpu, &fences[2]));
    fake_gpu_retire_all(&fake);
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &ops[2], soon()), 0);
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &ops[0], soon()), 0);
    close_gpu();
}

/* Two rings of one context, and another context: each has its own order. */
static void test_timelines(void **state)
{
    static uint32_t commands[4];
    const struct bg_virtio_gpu_data data = {commands, BG_VIRTIO_GPU_COPY, sizeof(commands)};
    struct bg_virtio_gpu_op ops[6];
    struct bg_virtio_gpu_fence fences[6];

    (void)state;
    open_gpu(BG_VIRTIO_GPU_F_VIRGL | BG_VIRTIO_GPU_F_CONTEXT_INIT, 1);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, 1, 0, NULL), 0);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, 2, 0, NULL), 0);
    fake.holds_fences = true;
    for (unsigned i = 0; i < 6; i++) { /* context 1: ring 0, ring 63; context 2: ring 0 */
        ops[i] = (struct bg_virtio_gpu_op){.flags = BG_VIRTIO_GPU_OP_FENCE | BG_VIRTIO_GPU_OP_RING,
                                           .ring_idx = i % 3 == 1 ? 63 : 0};
        assert_int_equal(bg_virtio_gpu_cmd_submit_3d(&gpu, &ops[i], i % 3 == 2 ? 2 : 1, &data), 0);
        fences[i] = bg_virtio_gpu_fence_of(&ops[i]);
    }
    assert_int_equal(bg_virtio_gpu_kick(&gpu), 1);
    assert_int_equal(fake.last.flags, BG_VIRTIO_GPU_FLAG_FENCE | BG_VIRTIO_GPU_FLAG_INFO_RING_IDX);
    assert_int_equal(fences[1].ring, 63);
    assert_int_equal(fences[2].ctx_id, 2);
    /* 5.7.6.7: what is before it on the same timeline is answered, and nothing else. */
    assert_int_equal(fake_gpu_retire(&fake, 1, 63, fences[4].id), 2);
    assert_int_equal(bg_virtio_gpu_poll(&gpu), 2);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(bg_virtio_gpu_fence_passed(&gpu, &fences[i]), i % 3 == 1);
        assert_int_equal(ops[i].error, i % 3 == 1 ? 0 : BG_ERR_BUSY);
    }
    assert_int_equal(fake_gpu_retire(&fake, 2, 0, fences[2].id), 1);
    assert_int_equal(bg_virtio_gpu_poll(&gpu), 1);
    assert_true(bg_virtio_gpu_fence_passed(&gpu, &fences[2]));
    assert_false(bg_virtio_gpu_fence_passed(&gpu, &fences[5]));
    assert_int_equal(fake_gpu_retire_all(&fake), 3);
    assert_int_equal(bg_virtio_gpu_fence_wait(&gpu, &fences[5], soon()), 0);
    assert_int_equal(bg_virtio_gpu_fence_wait(&gpu, &fences[3], soon()), 0);
    close_gpu();
}

static void test_ring_refused(void **state)
{
    static uint32_t commands[4];
    const struct bg_virtio_gpu_data data = {commands, BG_VIRTIO_GPU_COPY, sizeof(commands)};
    struct bg_virtio_gpu_op op = {.flags = BG_VIRTIO_GPU_OP_RING, .ring_idx = 64};
    struct bg_virtio_gpu_cursor_state cursor = {.x = 1};

    (void)state;
    open_gpu(BG_VIRTIO_GPU_F_VIRGL | BG_VIRTIO_GPU_F_CONTEXT_INIT, 1);
    assert_int_equal(bg_virtio_gpu_cmd_submit_3d(&gpu, &op, 1, &data), BG_ERR_INVALID);
    op.flags = BG_VIRTIO_GPU_OP_FENCE;
    assert_int_equal(bg_virtio_gpu_cmd_move_cursor(&gpu, &op, &cursor), BG_ERR_INVALID);
    close_gpu();
    open_gpu(BG_VIRTIO_GPU_F_VIRGL, 1);
    op = (struct bg_virtio_gpu_op){.flags = BG_VIRTIO_GPU_OP_RING};
    assert_int_equal(bg_virtio_gpu_cmd_submit_3d(&gpu, &op, 1, &data), BG_ERR_UNSUPPORTED);
    assert_int_equal(fake.log_count, 0);
    close_gpu();
}

/* More timelines than the driver has places: the next one waits for one to become idle. */
static void test_many_timelines(void **state)
{
    static uint32_t commands[4];
    const struct bg_virtio_gpu_data data = {commands, BG_VIRTIO_GPU_COPY, sizeof(commands)};

    (void)state;
    open_gpu(BG_VIRTIO_GPU_F_VIRGL | BG_VIRTIO_GPU_F_CONTEXT_INIT, 1);
    for (uint32_t ctx = 1; ctx <= 3; ctx++) {
        assert_int_equal(bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, ctx, 0, NULL), 0);
        for (uint8_t ring = 0; ring <= BG_VIRTIO_GPU_RING_IDX_MAX; ring++) {
            struct bg_virtio_gpu_op op = {.flags = BG_VIRTIO_GPU_OP_FENCE | BG_VIRTIO_GPU_OP_RING,
                                          .ring_idx = ring};
            struct bg_virtio_gpu_fence fence;

            assert_int_equal(bg_virtio_gpu_cmd_submit_3d(&gpu, &op, ctx, &data), 0);
            fence = bg_virtio_gpu_fence_of(&op);
            assert_int_equal(bg_virtio_gpu_fence_wait(&gpu, &fence, soon()), 0);
        }
    }
    close_gpu();
}

/* ---- Devices that misbehave ---- */

static int send_kind(unsigned kind)
{
    uint8_t bytes[BG_VIRTIO_GPU_EDID_MAX];
    struct bg_virtio_gpu_display_one modes[BG_VIRTIO_GPU_MAX_SCANOUTS];
    struct bg_virtio_gpu_capset capset;
    uint32_t length;
    struct bg_virtio_gpu_op op = {.flags = BG_VIRTIO_GPU_OP_FENCE};
    int error;

    switch (kind) {
    case 0:
        error = bg_virtio_gpu_cmd_resource_flush(&gpu, &op, 1, &whole);
        return error < 0 ? error : bg_virtio_gpu_wait(&gpu, &op, soon());
    case 1:
        return bg_virtio_gpu_cmd_get_display_info(&gpu, NULL, modes);
    case 2:
        return bg_virtio_gpu_cmd_get_edid(&gpu, NULL, 0, bytes, sizeof(bytes), &length);
    case 3:
        return bg_virtio_gpu_cmd_get_capset_info(&gpu, NULL, 0, &capset);
    case 4:
        return bg_virtio_gpu_cmd_get_capset(&gpu, NULL, 1, 1, bytes, FAKE_GPU_CAPSET_SIZE, &length);
    default:
        return bg_virtio_gpu_cmd_resource_assign_uuid(&gpu, NULL, 1, bytes);
    }
}

static int expected_error(unsigned kind, enum fake_gpu_misbehaviour misbehaviour)
{
    switch (misbehaviour) {
    case FAKE_GPU_GOOD:
    case FAKE_GPU_MISBEHAVIOURS:
        return 0;
    case FAKE_GPU_CUT:
        return kind == 4 ? 0 : BG_ERR_PROTOCOL; /* a shorter capability set is one */
    case FAKE_GPU_WRONG_FENCE:
    case FAKE_GPU_NO_FENCE:
        return kind == 0 ? BG_ERR_PROTOCOL : 0; /* no fence was asked for */
    case FAKE_GPU_LONG_EDID:
        return kind == 2 ? BG_ERR_PROTOCOL : 0;
    case FAKE_GPU_ERROR:
        return BG_ERR_DEVICE_MEMORY;
    case FAKE_GPU_SILENCE:
        return BG_ERR_TIMEOUT;
    default:
        return BG_ERR_PROTOCOL;
    }
}

static void test_bad_answers(void **state)
{
    (void)state;
    open_gpu(BG_VIRTIO_GPU_F_VIRGL | BG_VIRTIO_GPU_F_EDID | BG_VIRTIO_GPU_F_RESOURCE_UUID, 1);
    assert_int_equal(create_2d(NULL, 1), 0);
    fake.error = BG_VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    fake.edid_size = BG_VIRTIO_GPU_EDID_MAX;
    for (unsigned kind = 0; kind < 6; kind++) {
        for (unsigned m = 0; m < FAKE_GPU_MISBEHAVIOURS; m++) {
            fake.misbehaviour = (enum fake_gpu_misbehaviour)m;
            if (send_kind(kind) != expected_error(kind, (enum fake_gpu_misbehaviour)m)) {
                fail_msg("command kind %u, misbehaviour %u", kind, m);
            }
            fake_gpu_retire_all(&fake);           /* a late answer, which nobody waits for, */
            assert_int_equal(send_kind(kind), 0); /* is not taken for the next one's */
            assert_int_equal(gpu.abandoned, 0);
        }
    }
    assert_true(gpu.protocol_errors > 0);
    assert_int_equal(gpu.error, 0);
    close_gpu();
}

static void test_bad_cursor_answers(void **state)
{
    const struct bg_virtio_gpu_cursor_state cursor = {.x = 1};

    (void)state;
    open_gpu(0, 1);
    fake.error = BG_VIRTIO_GPU_RESP_ERR_UNSPEC;
    for (unsigned m = 0; m < FAKE_GPU_MISBEHAVIOURS; m++) {
        int expected = m == FAKE_GPU_EMPTY   ? 0
                       : m == FAKE_GPU_ERROR ? BG_ERR_IO
                                             : expected_error(1, m);

        fake.misbehaviour = (enum fake_gpu_misbehaviour)m;
        assert_int_equal(bg_virtio_gpu_cmd_move_cursor(&gpu, NULL, &cursor), expected);
        fake_gpu_retire_all(&fake);
        assert_int_equal(bg_virtio_gpu_cmd_move_cursor(&gpu, NULL, &cursor), 0);
    }
    close_gpu();
}

/* Nothing is ever answered: each call ends in time, and slots run out without harm. */
static void test_silence(void **state)
{
    struct bg_virtio_gpu_op op = {0};
    unsigned sent = 0;

    (void)state;
    open_gpu(0, 1);
    for (unsigned i = 0; i < 100; i++) {
        uint64_t start_ns = fake_hal.now_ns;

        fake.misbehaviour = FAKE_GPU_SILENCE;
        assert_int_equal(create_2d(NULL, i + 1), BG_ERR_TIMEOUT);
        assert_true(fake_hal.now_ns - start_ns <= TIMEOUT_NS + 2 * fake_hal.wait_ns);
        sent = fake.log_count;
    }
    assert_true(sent >= 21 && sent <= BG_VIRTIO_GPU_SLOTS_MAX);
    assert_int_equal(gpu.abandoned, sent);
    assert_int_equal(create_2d(&op, 1), BG_ERR_TIMEOUT); /* no slot */
    assert_int_equal(op.error, BG_ERR_TIMEOUT);
    fake.misbehaviour = FAKE_GPU_GOOD;
    assert_int_equal(fake_gpu_retire_all(&fake), sent); /* it comes back to life */
    assert_int_equal(bg_virtio_gpu_cmd_resource_unref(&gpu, NULL, 1), 0);
    assert_int_equal(gpu.abandoned, 0);
    close_gpu();
}

/* A queue that breaks its rules: every command fails, also those in flight; a restart helps. */
static void test_broken_queue(void **state)
{
    struct bg_virtio_gpu_op ops[2] = {0};

    (void)state;
    open_gpu(0, 1);
    assert_int_equal(create_2d(&ops[0], 1), 0);
    assert_int_equal(create_2d(&ops[1], 2), 0);
    fake.virtio.misbehaviour = FAKE_VIRTIO_WRONG_ID;
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &ops[0], soon()), BG_ERR_PROTOCOL);
    assert_int_equal(ops[1].error, BG_ERR_PROTOCOL);
    assert_int_equal(gpu.error, BG_ERR_PROTOCOL);
    assert_int_equal(create_2d(NULL, 3), BG_ERR_PROTOCOL);
    assert_int_equal(bg_virtio_gpu_poll(&gpu), BG_ERR_PROTOCOL);
    assert_int_equal(bg_virtio_gpu_kick(&gpu), BG_ERR_PROTOCOL);
    assert_int_equal(bg_virtio_gpu_restart(&gpu), 0);
    assert_int_equal(create_2d(NULL, 1), 0); /* the ids are free again */
    close_gpu();
}

static void test_needs_reset(void **state)
{
    struct bg_virtio_gpu_op op = {.flags = BG_VIRTIO_GPU_OP_FENCE};

    (void)state;
    open_gpu(0, 1);
    fake.holds_fences = true;
    assert_int_equal(create_2d(&op, 1), 0);
    assert_int_equal(bg_virtio_gpu_kick(&gpu), 1);
    fake_virtio_need_reset(&fake.virtio);
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &op, soon()), BG_ERR_IO); /* not a time-out */
    fake.holds_fences = false;
    assert_int_equal(bg_virtio_gpu_restart(&gpu), 0);
    assert_int_equal(create_2d(NULL, 1), 0);
    fake.virtio.is_gone = true;
    fake.misbehaviour = FAKE_GPU_SILENCE;
    assert_int_equal(create_2d(NULL, 2), BG_ERR_UNAVAILABLE);
    fake.virtio.is_gone = false;
    assert_int_equal(bg_virtio_gpu_restart(&gpu), 0);
    close_gpu();
}

/* Waiting for room, be it for slots or for descriptors: a device that has died is noticed long
 * before the deadline. */
static void test_needs_reset_when_full(void **state)
{
    const struct bg_virtio_gpu_options options = {.timeout_ns = TIMEOUT_NS, .queue_size_max = 4};
    struct bg_virtio_gpu_op ops[5];
    uint64_t start_ns;
    unsigned count = 0;
    int error;

    (void)state;
    fake_gpu_init(&fake, variant->features, 1);
    assert_int_equal(fake_virtio_open(&fake.virtio, &device, BG_VIRTIO_ID_GPU), 0);
    assert_int_equal(bg_virtio_gpu_open(&gpu, &device, &options), 0);
    fake.holds_fences = true;
    fake_virtio_need_reset(&fake.virtio);
    start_ns = fake_hal.now_ns;
    do {
        ops[count] = (struct bg_virtio_gpu_op){.flags = BG_VIRTIO_GPU_OP_FENCE};
        error = create_2d(&ops[count], count + 1);
    } while (error == 0 && ++count < COUNT(ops));
    assert_int_equal(error, BG_ERR_IO);
    assert_int_equal(count, bg_virtio_gpu_has(&gpu, BG_VIRTIO_F_INDIRECT_DESC) ? 4 : 2);
    assert_true(fake_hal.now_ns - start_ns < TIMEOUT_NS / 100);
    assert_int_equal(ops[0].error, BG_ERR_IO);
    close_gpu();
}

/* The deadline comes before the device's status is looked at for the first time. */
static void test_needs_reset_at_deadline(void **state)
{
    struct bg_virtio_gpu_op op = {.flags = BG_VIRTIO_GPU_OP_FENCE};

    (void)state;
    open_gpu(0, 1);
    fake.holds_fences = true;
    assert_int_equal(create_2d(&op, 1), 0);
    fake_virtio_need_reset(&fake.virtio);
    assert_int_equal(bg_virtio_gpu_wait(&gpu, &op, fake_hal.now_ns), BG_ERR_IO);
    close_gpu();
}

static void test_restart_ends_operations(void **state)
{
    struct bg_virtio_gpu_op op = {.flags = BG_VIRTIO_GPU_OP_FENCE};

    (void)state;
    open_gpu(BG_VIRTIO_GPU_F_EDID, 1);
    fake.holds_fences = true;
    assert_int_equal(create_2d(&op, 1), 0);
    assert_int_equal(bg_virtio_gpu_kick(&gpu), 1);
    assert_int_equal(bg_virtio_gpu_restart(&gpu), 0);
    assert_int_equal(op.error, BG_ERR_UNAVAILABLE);
    assert_true(bg_virtio_gpu_has(&gpu, BG_VIRTIO_GPU_F_EDID));
    assert_int_equal(create_2d(&op, 1), 0);
    assert_int_equal(bg_virtio_gpu_kick(&gpu), 1);
    assert_int_equal(bg_virtio_gpu_close(&gpu), 0);
    assert_int_equal(op.error, BG_ERR_UNAVAILABLE);
    assert_int_equal(fake.violations + fake.virtio.violations, 0);
    fake_gpu_end(&fake);
    assert_int_equal(fake_hal.allocated, 0);
    assert_int_equal(create_2d(&op, 1), BG_ERR_UNAVAILABLE);
}

/* ---- Opening ---- */

static int open_with(uint64_t features, const struct bg_virtio_gpu_options *options)
{
    fake_gpu_init(&fake, features | variant->features, 1);
    assert_int_equal(fake_virtio_open(&fake.virtio, &device, BG_VIRTIO_ID_GPU), 0);
    return bg_virtio_gpu_open(&gpu, &device, options);
}

static void test_features(void **state)
{
    const struct bg_virtio_gpu_options without = {.without_features = BG_VIRTIO_GPU_F_EDID};

    (void)state;
    open_gpu(FAKE_GPU_FEATURES, 16);
    assert_true(bg_virtio_gpu_has(&gpu, FAKE_GPU_FEATURES));
    assert_int_equal(gpu.scanout_count, 16);
    assert_int_equal(gpu.blob_alignment, 8192);
    close_gpu();
    /* A feature whose requirement is missing is not taken (5.7.3). */
    open_gpu(BG_VIRTIO_GPU_F_CONTEXT_INIT | BG_VIRTIO_GPU_F_BLOB_ALIGNMENT, 1);
    assert_int_equal(fake.virtio.accepted & FAKE_GPU_FEATURES, 0);
    close_gpu();
    assert_int_equal(open_with(FAKE_GPU_FEATURES, &without), 0);
    assert_false(bg_virtio_gpu_has(&gpu, BG_VIRTIO_GPU_F_EDID));
    assert_true(bg_virtio_gpu_has(&gpu, FAKE_GPU_FEATURES & ~BG_VIRTIO_GPU_F_EDID));
    close_gpu();
}

static void test_open_refused(void **state)
{
    const struct bg_virtio_gpu_options small = {.staging_size = 16};
    uint32_t value;

    (void)state;
    assert_int_equal(open_with(0, &small), BG_ERR_INVALID);
    fake_gpu_end(&fake);
    fake_gpu_init(&fake, variant->features, 1);
    assert_int_equal(fake_virtio_open(&fake.virtio, &device, BG_VIRTIO_ID_ENTROPY), 0);
    assert_int_equal(bg_virtio_gpu_open(&gpu, &device, NULL), BG_ERR_INVALID);
    fake_gpu_end(&fake);
    for (unsigned scanouts = 0; scanouts <= 17; scanouts += 17) {
        fake_gpu_init(&fake, variant->features, scanouts);
        assert_int_equal(fake_virtio_open(&fake.virtio, &device, BG_VIRTIO_ID_GPU), 0);
        assert_int_equal(bg_virtio_gpu_open(&gpu, &device, NULL), BG_ERR_PROTOCOL);
        assert_int_equal(fake.virtio.failures, 1);
        assert_int_equal(fake.virtio.status, 0); /* and it has been reset */
        assert_int_equal(fake_hal.allocated, 0);
        fake_gpu_end(&fake);
    }
    for (value = 0; value <= 12288; value += 12288) { /* alignments that are no power of two */
        fake_gpu_init(&fake, FAKE_GPU_FEATURES | variant->features, 1);
        memcpy(fake.virtio.config + 16, &value, 4);
        assert_int_equal(fake_virtio_open(&fake.virtio, &device, BG_VIRTIO_ID_GPU), 0);
        assert_int_equal(bg_virtio_gpu_open(&gpu, &device, NULL), BG_ERR_PROTOCOL);
        fake_gpu_end(&fake);
    }
    fake_gpu_init(&fake, variant->features | BG_VIRTIO_GPU_F_VIRGL, 1);
    value = UINT32_MAX; /* capability sets: some are believed */
    memcpy(fake.virtio.config + offsetof(struct bg_virtio_gpu_config, num_capsets), &value, 4);
    assert_int_equal(fake_virtio_open(&fake.virtio, &device, BG_VIRTIO_ID_GPU), 0);
    assert_int_equal(bg_virtio_gpu_open(&gpu, &device, NULL), 0);
    assert_int_equal(gpu.capset_count, BG_VIRTIO_GPU_CAPSETS_MAX);
    close_gpu();
    fake_gpu_init(&fake, variant->features, 1);
    fake.virtio.config_size = 8; /* no scanouts in it */
    assert_int_equal(fake_virtio_open(&fake.virtio, &device, BG_VIRTIO_ID_GPU), 0);
    assert_int_equal(bg_virtio_gpu_open(&gpu, &device, NULL), BG_ERR_PROTOCOL);
    fake_gpu_end(&fake);
}

/* Each allocation fails once: an error, and nothing is kept. */
static void test_no_memory(void **state)
{
    unsigned number = 0;
    int error;

    (void)state;
    do {
        fake_hal.refuse_allocation = ++number;
        error = open_with(0, NULL);
        if (error < 0) {
            assert_int_equal(error, BG_ERR_NO_MEMORY);
            assert_int_equal(fake_hal.allocated, 0);
            fake_gpu_end(&fake);
        }
    } while (error < 0);
    assert_true(number > 3);
    fake_hal.refuse_allocation = 0;
    close_gpu();
}

static void test_small_queue(void **state)
{
    const struct bg_virtio_gpu_options options = {.timeout_ns = TIMEOUT_NS, .queue_size_max = 4};
    struct bg_virtio_gpu_op ops[10] = {0};

    (void)state;
    assert_int_equal(open_with(0, &options), 0);
    for (unsigned i = 0; i < COUNT(ops); i++) {
        assert_int_equal(create_2d(&ops[i], i + 1), 0);
    }
    for (unsigned i = 0; i < COUNT(ops); i++) {
        assert_int_equal(bg_virtio_gpu_wait(&gpu, &ops[i], soon()), 0);
    }
    close_gpu();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_error_in_batch),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_staging_is_shared),
        cmocka_unit_test(test_done_queues),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_fence),
        cmocka_unit_test(test_fence_out_of_order),
        cmocka_unit_test(test_timelines),
        cmocka_unit_test(test_ring_refused),
        cmocka_unit_test(test_many_timelines),
        cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_bad_cursor_answers),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_broken_queue),
        cmocka_unit_test(test_needs_reset),
        cmocka_unit_test(test_needs_reset_when_full),
        cmocka_unit_test(test_needs_reset_at_deadline),
        cmocka_unit_test(test_restart_ends_operations),
        cmocka_unit_test(test_features),
        cmocka_unit_test(test_open_refused),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_small_queue),
    };

    return run_variants(tests, COUNT(tests));
}
