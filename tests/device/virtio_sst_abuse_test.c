/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/sst_fixture.c tests/device/sst_simulator.c
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c firmware/virtio/transport_pci.c
// build: firmware/virtio/virtqueue_share.c
// build: firmware/virtio/transport_mmio.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/* virtio-sst: a guest that uses rings and buffers as weapons. */
#include <string.h>

#include "protocol/virtio.h"
#include "sst_simulator.h"

/* ---- A response that leads into the device's own registers ---- */

static void ignore_notification(struct bg_virtio_device *device,
                                const struct bg_virtio_notify_target *target, uint32_t value)
{
    (void)device;
    (void)target;
    (void)value;
}

static void notify(struct sst *sst)
{
    sst->device.ops->notify(&sst->device, &sst->queues[0].notify_target, 0);
}

/* The device can see it, and is not told. */
static struct sst_chain *add_unnoticed(struct sst *sst, const struct bg_sst_request *request)
{
    const struct bg_virtio_transport_ops *ops = sst->device.ops;
    struct bg_virtio_transport_ops quiet = *ops;
    struct sst_chain *chain;

    quiet.notify = ignore_notification;
    sst->device.ops = &quiet;
    chain = sst_submit(sst, request);
    sst->device.ops = ops;
    return chain;
}

/* The end of its response falls on the register that notifies the request queue. */
static struct sst_chain *add_doorbell_chain(struct sst *sst, const struct bg_sst_request *request)
{
    struct sst_chain *chain = &sst->chains[sst->chain_count++];
    const struct bg_virtio_notify_target *target = &sst->queues[0].notify_target;
    struct bg_virtqueue_segment segments[3];
    uint64_t address;

    memset(chain, 0, sizeof(*chain));
    chain->writable_size = sizeof(struct bg_sst_response);
    memcpy(bg_hal_dma_alloc(sizeof(*request), 8, &address), request, sizeof(*request));
    segments[0] = (struct bg_virtqueue_segment){address, sizeof(*request)};
    bg_hal_dma_alloc(sizeof(struct bg_sst_response), 8, &address);
    segments[1] = (struct bg_virtqueue_segment){address, sizeof(struct bg_sst_response) - 4};
    segments[2] = (struct bg_virtqueue_segment){
        (uintptr_t)sst->device.transport.pci.notify.base + target->offset,
        4,
    };
    assert_int_equal(bg_virtqueue_add(&sst->queues[0], segments, 1, 2, chain), 0);
    sst_kick(sst, 0);
    return chain;
}

/* What the device does then is nothing but what it does: it does not take requests from within. */
static void test_doorbell_in_response(void **state)
{
    const struct bg_sst_request compute = sst_request(BG_SST_COMPUTE, 1),
                                noop = sst_request(BG_SST_NOOP, 2);
    struct sst *sst = sst_start(&(struct sst_setup){.bus = SST_PCI});
    struct sst_chain *weapon, *next;
    struct sim_record record;

    (void)state;
    sim_connect(sst, BG_SST_WIRE_EVENTS);
    weapon = add_doorbell_chain(sst, &compute);
    record = sim_take_request(sst);
    next = add_unnoticed(sst, &noop);
    sim_answer_status(sst, record.record.tag, BG_SST_OK);
    sst_wait(sst, weapon);
    assert_int_equal(sst_statistic(sst, "stat-requests"), 1);
    assert_false(next->done);
    notify(sst);
    sst_expect(sst, next, BG_SST_OK);
    sst_end(sst);
}

/* The same when the connection's end and a time-out make the responses. */
static void test_doorbell_in_failures(void **state)
{
    const struct bg_sst_request compute = sst_request(BG_SST_COMPUTE, 1);
    const struct bg_sst_request reset = sst_request(BG_SST_RESET, 2);
    struct sst *sst = sst_start(&(struct sst_setup){.bus = SST_PCI, .properties = ",timeout_ms=5"});
    struct sst_chain *weapons[3], *next;

    (void)state;
    sim_connect(sst, BG_SST_WIRE_EVENTS);
    weapons[0] = add_doorbell_chain(sst, &compute);
    weapons[1] = add_doorbell_chain(sst, &compute);
    sim_take_request(sst);
    sim_take_request(sst);
    next = add_unnoticed(sst, &reset); /* would end the second one while the first one ends */
    sim_hang_up(sst);
    sst_wait(sst, weapons[0]);
    sst_wait(sst, weapons[1]);
    sst_expect_pending(sst, next);
    sim_connect(sst, BG_SST_WIRE_EVENTS);
    notify(sst);
    sst_expect(sst, next, BG_SST_OK);
    weapons[2] = add_doorbell_chain(sst, &compute);
    assert_int_equal(sst_statistic(sst, "stat-requests"), 4);
    next = add_unnoticed(sst, &reset);
    qtest_clock_step_ns(sst->qemu, 5000000);
    sst_wait(sst, weapons[2]);
    assert_int_equal(sst_statistic(sst, "stat-timeouts"), 1);
    sst_expect_pending(sst, next);
    sst_end(sst);
}

/* ---- A ring that responses write ---- */

#define LOOP_LENGTH 1500u /* more than any queue has */

struct table {
    struct {
        uint64_t address;
        uint32_t length;
        uint16_t flags, next;
    } segments[5];
};

/*
 * Each request is an ECHO whose response makes the next one available: it moves the ring's index
 * on, and points the only descriptor to the next request's table. As a circle it would never end.
 */
static void build_loop(struct sst *sst)
{
    struct bg_virtqueue *queue = &sst->queues[0];
    uint64_t index_address = queue->ring_address + queue->driver_offset + 2;
    uint64_t tables_address, requests_address, scratch_address;
    struct table *tables = bg_hal_dma_alloc(LOOP_LENGTH * sizeof(*tables), 16, &tables_address);
    struct bg_sst_request *requests =
        bg_hal_dma_alloc(LOOP_LENGTH * sizeof(*requests), 8, &requests_address);
    const uint64_t first[] = {tables_address, sizeof(*tables) | UINT64_C(4) << 32 /* INDIRECT */};
    const uint16_t one = 1;

    bg_hal_dma_alloc(sizeof(struct bg_sst_response), 8, &scratch_address);
    for (unsigned i = 0; i < LOOP_LENGTH; i++) {
        const struct table table = {{
            {requests_address + i * sizeof(*requests), sizeof(*requests), 1, 1},
            {scratch_address, offsetof(struct bg_sst_response, payload), 3, 2},
            {index_address, 2, 3, 3},
            {queue->ring_address, 8, 3, 4},
            {scratch_address, BG_SST_PAYLOAD_SIZE - 10, 2, 0},
        }};
        uint16_t index = (uint16_t)(i + 1 < LOOP_LENGTH ? i + 2 : i + 1);
        uint64_t next = tables_address + (i + 1) * sizeof(table);

        requests[i] = sst_request(BG_SST_ECHO, i);
        memcpy(requests[i].payload.data, &index, 2);
        memcpy(requests[i].payload.data + 2, &next, 8);
        tables[i] = table;
    }
    memcpy(queue->ring, first, sizeof(first));
    memset(queue->ring + queue->driver_offset + 4, 0, 2u * queue->size);
    memcpy(queue->ring + queue->driver_offset + 2, &one, 2);
}

static void check_loop(const char *properties)
{
    struct sst *sst = sst_start(&(struct sst_setup){.bus = SST_PCI, .properties = properties});

    build_loop(sst);
    notify(sst);
    if (strstr(properties, "sync") != NULL) {
        assert_true(sst_statistic(sst, "stat-requests") <= 1024 + 1);
        assert_true(sst->device.ops->read_status(&sst->device) & BG_VIRTIO_STATUS_NEEDS_RESET);
    } else {
        sst_wait_statistic(sst, "stat-requests", LOOP_LENGTH); /* with time for others */
    }
    /* A driver that begins anew is served. */
    assert_int_equal(bg_virtio_reset(&sst->device, UINT64_MAX), 0);
    sst_forget_driver(sst);
    sst_open_driver(sst);
    sst_do(sst, BG_SST_NOOP, 1, BG_SST_OK);
    sst_end(sst);
}

static void test_loop(void **state)
{
    (void)state;
    check_loop(",timeout_ms=4000");
}

static void test_loop_in_deterministic_time(void **state)
{
    (void)state;
    check_loop(",sync=on");
}

/* ---- Buffers that cannot be written ---- */

static void test_readable_buffers(void **state)
{
    struct sst *sst = sst_start(&(struct sst_setup){.bus = SST_PCI});
    const struct bg_sst_request noop = sst_request(BG_SST_NOOP, 1);
    struct sst_chain *chain, *buffers[40];

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        buffers[i] = sst_add(sst, 1, &noop, 8, i == 39 ? sizeof(struct bg_sst_response) : 0);
    }
    chain = sst_add(sst, 0, &noop, sizeof(noop), 0);
    sst_wait(sst, chain);
    sst_wait(sst, buffers[39]);
    assert_int_equal(buffers[39]->written, sizeof(struct bg_sst_response));
    for (unsigned i = 0; i < 39; i++) {
        assert_true(buffers[i]->done);
        assert_int_equal(buffers[i]->written, 0);
    }
    sst_end(sst);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doorbell_in_response),
        cmocka_unit_test(test_doorbell_in_failures),
        cmocka_unit_test(test_loop),
        cmocka_unit_test(test_loop_in_deterministic_time),
        cmocka_unit_test(test_readable_buffers),
    };

    sst_use_cmocka();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
