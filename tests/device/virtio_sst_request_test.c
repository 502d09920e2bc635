/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/sst_fixture.c tests/device/sst_simulator.c
// build: firmware/virtio/virtio.c firmware/virtio/virtqueue.c firmware/virtio/virtqueue_split.c
// build: firmware/virtio/virtqueue_packed.c firmware/virtio/transport_pci.c
// build: firmware/virtio/virtqueue_share.c
// build: firmware/virtio/transport_mmio.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/* virtio-sst: every request, good and bad, on every bus and ring, with an old simulator. */
#include <stdlib.h>
#include <string.h>

#include "sst_simulator.h"

/* ---- One device per bus and ring ---- */

static const struct sst_setup setups[] = {
    {.bus = SST_MMIO},
    {.bus = SST_MMIO, .legacy = true},
    {.bus = SST_MMIO, .properties = ",packed=on", .features = BG_VIRTIO_F_RING_PACKED},
    {.bus = SST_PCI},
    {.bus = SST_PCI, .properties = ",packed=on", .features = BG_VIRTIO_F_RING_PACKED},
    {.bus = SST_PORT},
    {.bus = SST_PCI, .properties = ",direct_kick=off"},
};

#define SETUPS (sizeof(setups) / sizeof(setups[0]))

static struct sst *begin(size_t i)
{
    struct sst *sst = sst_start(&setups[i]);

    assert_int_equal(!!(sst->device.features & BG_VIRTIO_F_RING_PACKED), !!setups[i].features);
    sim_connect_old(sst);
    return sst;
}

/* Runs `check` on each. */
static void on_each(void (*check)(struct sst *sst))
{
    for (size_t i = 0; i < SETUPS; i++) {
        struct sst *sst = begin(i);

        check(sst);
        sst_end(sst);
    }
}

static void fill_payload(struct bg_sst_request *request, uint8_t seed)
{
    for (size_t i = 0; i < BG_SST_PAYLOAD_SIZE; i++) {
        request->payload.data[i] = (uint8_t)(seed + i * 7);
    }
}

/* ---- Identity and configuration ---- */

static void check_config(struct sst *sst)
{
    struct bg_sst_config config;

    assert_int_equal(bg_virtio_config_read(&sst->device, 0, 4, &config, sizeof(config) / 4), 0);
    assert_int_equal(config.version, BG_SST_PROTOCOL_VERSION);
    assert_int_equal(config.device_id, 0);
    assert_int_equal(config.features, BG_SST_F_ALL & ~BG_SST_F_MULTI_QUEUE);
    assert_int_equal(config.max_queues, 1);
    assert_int_equal(sst->device.offered & BG_SST_F_ALL, BG_SST_F_ALL & ~BG_SST_F_MULTI_QUEUE);
}

static void test_config(void **state)
{
    (void)state;
    on_each(check_config);
}

static uint32_t read_pci(struct sst *sst, unsigned bus, unsigned slot, unsigned offset)
{
    return (uint32_t)qtest_read(sst->qemu, 4, pci_config_address(bus, slot, 0, offset));
}

static void test_pci_identity(void **state)
{
    struct sst *sst = begin(3);
    unsigned offset = read_pci(sst, 0, SST_SLOT, 0x34) & 0xFC, kinds = 0;

    (void)state;
    assert_int_equal(read_pci(sst, 0, SST_SLOT, 0x00), 0x103F1AF4);
    assert_int_equal(read_pci(sst, 0, SST_SLOT, 0x2C), 0x10421AF4);
    assert_int_equal(read_pci(sst, 0, SST_SLOT, 0x10), 0); /* no legacy interface */
    for (unsigned i = 0; i < 48 && offset; i++) {
        uint32_t header = read_pci(sst, 0, SST_SLOT, offset);

        if ((header & 0xFF) == 0x09) {
            kinds |= 1u << (header >> 24);
        }
        offset = header >> 8 & 0xFC;
    }
    assert_int_equal(kinds & 0x3E, 0x3E); /* common, notify, ISR, device, access */
    sst_end(sst);
}

/* ---- What the device answers by itself ---- */

static void check_local(struct sst *sst)
{
    struct bg_sst_request request = sst_request(BG_SST_ECHO, 2);
    const struct bg_sst_response *response;

    response = sst_do(sst, BG_SST_NOOP, 1, BG_SST_OK);
    assert_int_equal(response->result, 0);
    sst_expect_zero(response->payload.data, BG_SST_PAYLOAD_SIZE);

    fill_payload(&request, 3);
    response = sst_expect(sst, sst_submit(sst, &request), BG_SST_OK);
    assert_memory_equal(response->payload.data, request.payload.data, BG_SST_PAYLOAD_SIZE);

    response = sst_do(sst, BG_SST_GET_INFO, 3, BG_SST_OK);
    assert_int_equal(response->payload.info.version, BG_SST_PROTOCOL_VERSION);
    assert_int_equal(response->payload.info.capabilities, BG_SST_F_ALL & ~BG_SST_F_MULTI_QUEUE);
    assert_int_equal(response->payload.info.max_compute_units, 1000000);
    assert_int_equal(response->payload.info.memory_size, 0x10000000);
    sst_expect_zero(response->payload.data + 24, BG_SST_PAYLOAD_SIZE - 24);

    sst_do(sst, BG_SST_RESET, UINT64_MAX, BG_SST_OK);
    assert_int_equal(sst_statistic(sst, "stat-resets"), 1);
    sim_expect_silence(sst);
    assert_int_equal(sst_statistic(sst, "stat-completed"), 4);
}

static void test_local(void **state)
{
    (void)state;
    on_each(check_local);
}

/* ---- What the simulator answers ---- */

static void check_one_forwarded(struct sst *sst, uint32_t type, uint64_t id, uint32_t status)
{
    struct bg_sst_request request = sst_request(type, id), taken;
    struct bg_sst_response answer = sim_response(status, id, id * 3);
    const struct bg_sst_response *response;
    struct sst_chain *chain;

    request.flags = 0xF00D;
    fill_payload(&request, (uint8_t)id);
    for (size_t i = 0; i < BG_SST_PAYLOAD_SIZE; i++) {
        answer.payload.data[i] = (uint8_t)(id + i * 11);
    }
    chain = sst_submit(sst, &request);
    taken = sim_take_old(sst);
    assert_memory_equal(&taken, &request, sizeof(request));
    sst_expect_pending(sst, chain);
    sim_answer_old(sst, &answer);
    response = sst_expect(sst, chain, status);
    assert_int_equal(response->result, id * 3);
    assert_memory_equal(response->payload.data, answer.payload.data, BG_SST_PAYLOAD_SIZE);
}

static void check_forwarded(struct sst *sst)
{
    static const uint32_t types[] = {BG_SST_COMPUTE, BG_SST_READ, BG_SST_WRITE, BG_SST_CONFIGURE};

    for (unsigned i = 0; i < 4; i++) {
        check_one_forwarded(sst, types[i], 100 + i, BG_SST_OK);
    }
    /* A simulator's own status is passed through, also one that nobody knows. */
    check_one_forwarded(sst, BG_SST_COMPUTE, 200, BG_SST_BUSY);
    check_one_forwarded(sst, BG_SST_COMPUTE, 201, 77);
    assert_int_equal(sst_statistic(sst, "stat-failed"), 2);
    assert_int_equal(sst_statistic(sst, "stat-in-flight"), 0);
}

static void test_forwarded(void **state)
{
    (void)state;
    on_each(check_forwarded);
}

#define OLD_WINDOW 16u /* an old simulator fails beyond */

/* More than a queue holds, with the ring's end in between. The simulator never has more than it can
 * bear. */
static void check_many(struct sst *sst)
{
    for (unsigned round = 0; round < 5; round++) {
        struct sst_chain *chains[60];

        for (unsigned i = 0; i < 60; i++) {
            struct bg_sst_request request = sst_request(BG_SST_COMPUTE, round * 1000 + i);

            chains[i] =
                sst_prepare(sst, 0, &request, sizeof(request), sizeof(struct bg_sst_response));
        }
        sst_kick(sst, 0);
        for (unsigned first = 0; first < 60; first += OLD_WINDOW) {
            unsigned end = first + OLD_WINDOW < 60 ? first + OLD_WINDOW : 60;

            for (unsigned i = first; i < end; i++) {
                assert_int_equal(sim_take_old(sst).request_id, round * 1000 + i);
            }
            sim_expect_silence(sst);
            for (unsigned i = end; i-- > first;) { /* the other way around */
                struct bg_sst_response answer = sim_response(BG_SST_OK, round * 1000 + i, i);

                sim_answer_old(sst, &answer);
            }
        }
        for (unsigned i = 0; i < 60; i++) {
            assert_int_equal(sst_expect(sst, chains[i], BG_SST_OK)->result, i);
        }
        sst_recycle(sst);
    }
}

static void test_many_out_of_order(void **state)
{
    (void)state;
    on_each(check_many);
}

/* ---- Two placements of the response ---- */

/* Makes available what was added, without a notification. */
static void publish(struct sst *sst, unsigned queue)
{
    sst->device.status &= (uint8_t)~BG_VIRTIO_STATUS_DRIVER_OK;
    assert_int_equal(bg_virtqueue_kick(&sst->queues[queue]), 0);
    sst->device.status |= BG_VIRTIO_STATUS_DRIVER_OK;
}

static void check_response_queue(struct sst *sst)
{
    struct bg_sst_request request = sst_request(BG_SST_ECHO, 5);
    struct bg_sst_response *response;
    struct sst_chain *buffer, *chain, *second;

    /* The buffer is there before. */
    buffer = sst_add(sst, 1, NULL, 0, sizeof(struct bg_sst_response) + 8);
    fill_payload(&request, 9);
    chain = sst_add(sst, 0, &request, sizeof(request), 0);
    sst_wait(sst, chain);
    assert_int_equal(chain->written, 0);
    assert_true(buffer->done);
    assert_int_equal(buffer->written, sizeof(struct bg_sst_response));
    response = (void *)buffer->writable;
    assert_int_equal(response->status, BG_SST_OK);
    assert_int_equal(response->request_id, 5);
    assert_memory_equal(response->payload.data, request.payload.data, BG_SST_PAYLOAD_SIZE);

    /* It comes later: responses wait, in their order. */
    chain = sst_add(sst, 0, &request, sizeof(request), 0);
    request.request_id = 6;
    second = sst_add(sst, 0, &request, sizeof(request), 0);
    sst_expect_pending(sst, chain);
    buffer = sst_add(sst, 1, NULL, 0, sizeof(struct bg_sst_response));
    sst_wait(sst, chain);
    response = (void *)buffer->writable;
    assert_int_equal(response->request_id, 5);
    sst_expect_pending(sst, second);
    /* A buffer that nobody was told of yet is found with the next request: for who waits. */
    buffer = sst_prepare(sst, 1, NULL, 0, sizeof(struct bg_sst_response));
    publish(sst, 1);
    request.request_id = 7;
    chain = sst_add(sst, 0, &request, sizeof(request), 0);
    sst_wait(sst, second);
    response = (void *)buffer->writable;
    assert_int_equal(response->request_id, 6);
    assert_memory_equal(response->payload.data, request.payload.data, BG_SST_PAYLOAD_SIZE);
    sst_expect_pending(sst, chain);
    buffer = sst_add(sst, 1, NULL, 0, sizeof(struct bg_sst_response));
    sst_wait(sst, chain);
    assert_int_equal(((struct bg_sst_response *)buffer->writable)->request_id, 7);
}

static void check_response_queue_forwarded(struct sst *sst)
{
    struct bg_sst_request request = sst_request(BG_SST_COMPUTE, 8);
    struct bg_sst_response answer = sim_response(BG_SST_OK, 8, 42);
    struct sst_chain *buffer = sst_add(sst, 1, NULL, 0, sizeof(struct bg_sst_response));
    struct sst_chain *chain = sst_add(sst, 0, &request, sizeof(request), 0);

    sim_take_old(sst);
    sim_answer_old(sst, &answer);
    sst_wait(sst, chain);
    sst_wait(sst, buffer);
    assert_int_equal(((struct bg_sst_response *)buffer->writable)->result, 42);
    check_response_queue(sst);
}

static void test_response_queue(void **state)
{
    (void)state;
    on_each(check_response_queue_forwarded);
}

/* ---- Bad input ---- */

static void check_short_request(struct sst *sst)
{
    static const uint32_t sizes[] = {1, 4, 15, 16, 23, 24, 25, 100, 4103};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct bg_sst_request request = sst_request(BG_SST_COMPUTE, 0x1122334455667788);
        struct sst_chain *chain =
            sst_add(sst, 0, &request, sizes[i], sizeof(struct bg_sst_response));
        const struct bg_sst_response *response = (const void *)chain->writable;

        sst_wait(sst, chain);
        assert_int_equal(chain->written, sizeof(*response));
        assert_int_equal(response->status, BG_SST_ERROR);
        assert_int_equal(response->request_id, sizes[i] >= 16 ? request.request_id : 0);
        assert_int_equal(response->user_data, sizes[i] >= 24 ? request.user_data : 0);
        sst_expect_zero(response->payload.data, BG_SST_PAYLOAD_SIZE);
    }
    sim_expect_silence(sst);
}

static void check_bad_input(struct sst *sst)
{
    static const uint32_t unknown[] = {BG_SST_TYPE_COUNT, 0x1000, BG_SST_HELLO_TYPE, UINT32_MAX};
    struct bg_sst_request request = sst_request(BG_SST_NOOP, 1);
    struct sst_chain *chain, *buffer;

    check_short_request(sst);
    for (size_t i = 0; i < 4; i++) {
        sst_expect_zero(sst_do(sst, unknown[i], i, BG_SST_INVALID)->payload.data,
                        BG_SST_PAYLOAD_SIZE);
    }
    /* No readable part at all. */
    chain = sst_add(sst, 0, NULL, 0, sizeof(struct bg_sst_response));
    sst_wait(sst, chain);
    assert_int_equal(((struct bg_sst_response *)chain->writable)->status, BG_SST_ERROR);
    /* Longer than a request, room for more than a response. */
    chain =
        sst_add(sst, 0, sst->memory, sizeof(request) + 100, sizeof(struct bg_sst_response) + 50);
    sst_wait(sst, chain);
    assert_int_equal(chain->written, sizeof(struct bg_sst_response));
    /* Too little room: what fits, at its place; the status is in any case. */
    for (uint32_t room = 1; room < sizeof(struct bg_sst_response); room = room * 3 + 1) {
        request = sst_request(BG_SST_ECHO, room);
        fill_payload(&request, (uint8_t)room);
        chain = sst_add(sst, 0, &request, sizeof(request), room);
        sst_wait(sst, chain);
        assert_int_equal(chain->written, room);
        if (room > 40) {
            assert_memory_equal(chain->writable + 32, request.payload.data, room - 32);
        }
    }
    /* The same in the response queue; a buffer that can not be written is given back. */
    buffer = sst_add(sst, 1, &request, 100, 0);
    chain = sst_add(sst, 1, NULL, 0, 20);
    sst_wait(sst, sst_add(sst, 0, &request, sizeof(request), 0));
    assert_true(buffer->done && chain->done);
    assert_int_equal(chain->written, 20);
    sim_expect_silence(sst);
    check_one_forwarded(sst, BG_SST_COMPUTE, 9, BG_SST_OK);
}

static void test_bad_input(void **state)
{
    (void)state;
    on_each(check_bad_input);
}

/* Nothing is taken before DRIVER_OK. */
static void test_before_driver_ok(void **state)
{
    struct sst_setup setup = {.bus = SST_MMIO, .no_driver = true};
    struct sst *sst = sst_start(&setup);
    struct bg_sst_request request = sst_request(BG_SST_NOOP, 1);
    struct bg_virtqueue_options options = {0};
    struct sst_chain *chain;

    (void)state;
    assert_int_equal(
        bg_virtio_mmio_open(&sst->device, sst_mmio_address(0), qtest_machine()->mmio_size), 0);
    assert_int_equal(bg_virtio_start(&sst->device, BG_SST_F_ALL, 0, UINT64_MAX), 0);
    assert_int_equal(bg_virtqueue_create(&sst->queues[0], &sst->device, &options), 0);
    sst->queue_count = 1;
    chain = sst_add(sst, 0, &request, sizeof(request), sizeof(struct bg_sst_response));
    qtest_write(sst->qemu, 4, sst_mmio_address(0) + 0x50, 0); /* QueueNotify, as it should not be */
    sst_expect_pending(sst, chain);
    qtest_write(sst->qemu, 4, sst_mmio_address(0) + 0x70, 0xF); /* DRIVER_OK, and no notification */
    sst_expect(sst, chain, BG_SST_OK);
    sst_end(sst);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_pci_identity),
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_forwarded),
        cmocka_unit_test(test_many_out_of_order),
        cmocka_unit_test(test_response_queue),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_before_driver_ok),
    };

    sst_use_cmocka();
    return cmocka_run_group_tests_name("virtio-sst requests", tests, NULL, NULL);
}
