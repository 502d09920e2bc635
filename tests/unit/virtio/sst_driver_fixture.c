/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/virtio/sst_driver_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/hal.h"
#include "tests/fake/hal.h"

struct fake_virtio fake;
struct bg_virtio_device device;
struct bg_virtio_sst sst;

struct sst_sim sim;

/* ---- The device ---- */

static void run_memory(const struct bg_sst_request *request, struct bg_sst_response *response)
{
    const struct bg_sst_memory *range = &request->payload.memory;

    assert_in_range(range->addr, 0, sizeof(sim.memory));
    assert_in_range(range->size, 0, sizeof(sim.memory) - range->addr);
    response->result = range->size;
    if (request->type == BG_SST_READ) {
        assert_in_range(range->size, 0, BG_SST_READ_SIZE_MAX);
        memcpy(response->payload.data, sim.memory + range->addr, range->size);
    } else {
        assert_in_range(range->size, 0, BG_SST_WRITE_SIZE_MAX);
        memcpy(sim.memory + range->addr, request->payload.data + BG_SST_WRITE_DATA_OFFSET,
               range->size);
    }
}

void respond(const struct fake_virtio_request *chain)
{
    struct bg_sst_response response = {.status = sim.status};
    struct bg_sst_request request;

    assert_int_equal(chain->in_size, sizeof(request));
    assert_int_equal(chain->out_size, sizeof(response));
    memcpy(&request, chain->in, sizeof(request));
    sim.last = request;
    response.request_id = request.request_id;
    response.user_data = request.user_data;
    switch (request.type) {
    case BG_SST_ECHO:
        memcpy(response.payload.data, request.payload.data, BG_SST_PAYLOAD_SIZE);
        break;
    case BG_SST_COMPUTE:
        response.result = response.payload.compute.cycles =
            request.payload.compute.compute_units * 3 + request.payload.compute.latency_model;
        response.payload.compute.timestamp = 99;
        break;
    case BG_SST_READ:
    case BG_SST_WRITE:
        run_memory(&request, &response);
        break;
    case BG_SST_GET_INFO:
        response.payload.info = (struct bg_sst_info){1, 2, 3, 4};
        break;
    case BG_SST_CONFIGURE:
        response.result = request.payload.configure.value + request.payload.configure.param_id;
        break;
    default:
        break;
    }
    if (++sim.count == sim.fails_at) {
        response.status = BG_SST_INVALID;
    }
    memcpy(chain->out, &response, sizeof(response));
}

static uint32_t handle(void *context, const struct fake_virtio_request *chain)
{
    (void)context;
    if (chain->in_size == 0 || sim.holds) { /* a buffer for events */
        return FAKE_VIRTIO_HOLD;
    }
    assert_int_equal(chain->queue % 2, 0);
    respond(chain);
    return sim.written != 0 ? sim.written : sizeof(struct bg_sst_response);
}

/* The held request `number` of a pair is answered. */
void complete(unsigned pair, size_t number)
{
    respond(&fake.queues[2 * pair].held[number]);
    fake_virtio_complete(&fake, 2 * pair, number,
                         sim.written != 0 ? sim.written : sizeof(struct bg_sst_response));
}

size_t held(unsigned pair)
{
    return fake.queues[2 * pair].held_count;
}

void send_event(uint32_t type, uint64_t data, uint32_t written)
{
    struct fake_virtio_queue *queue = &fake.queues[fake.queue_count - 1];
    const struct bg_sst_event event = {.type = type, .timestamp = 1000 + data, .data = data};

    assert_true(queue->held_count > 0);
    assert_int_equal(queue->held[0].out_size, sizeof(event));
    memcpy(queue->held[0].out, &event, sizeof(event));
    fake_virtio_complete(&fake, fake.queue_count - 1, 0, written);
}

/* ---- Fixture ---- */

uint64_t soon(void)
{
    return bg_hal_time_ns() + 10000000;
}

void prepare(uint64_t features, unsigned pairs)
{
    const struct bg_sst_config config = {
        .version = BG_SST_PROTOCOL_VERSION, .features = BG_SST_F_ALL, .max_queues = pairs};

    memset(&sim, 0, sizeof(sim));
    fake_hal = (struct fake_hal){.wait_ns = 1000, .bus_offset = FAKE_HAL_BUS_OFFSET};
    fake_virtio_init(&fake, features | BG_SST_F_ALL, 2 * pairs + 1, QUEUE_SIZE, handle, NULL);
    memcpy(fake.config, &config, sizeof(config));
    fake.config_size = sizeof(config);
    assert_int_equal(fake_virtio_open(&fake, &device, BG_SST_VIRTIO_ID), 0);
}

void open_driver(uint16_t pairs, uint16_t depth, uint16_t events)
{
    const struct bg_virtio_sst_options options = {.pairs = pairs, .depth = depth, .events = events};

    assert_int_equal(bg_virtio_sst_open(&sst, &device, &options, soon()), 0);
}

uint64_t ring_features;

int set_up_split(void **state)
{
    (void)state;
    ring_features = BG_VIRTIO_F_INDIRECT_DESC | BG_VIRTIO_F_EVENT_IDX;
    prepare(ring_features, 1);
    return 0;
}

int set_up_packed(void **state)
{
    (void)state;
    ring_features = BG_VIRTIO_F_INDIRECT_DESC | BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_RING_PACKED;
    prepare(ring_features, 1);
    return 0;
}

int tear_down(void **state)
{
    (void)state;
    fake.is_gone = false;
    fake.reset_reads = 0;
    if (sst.device != NULL) {
        assert_int_equal(bg_virtio_sst_close(&sst, soon()), 0);
    }
    memset(&sst, 0, sizeof(sst));
    assert_int_equal(fake_hal.allocated, 0);
    fake_virtio_end(&fake);
    return (int)fake.violations;
}

unsigned ends;

static void count_end(struct bg_virtio_sst_op *op)
{
    assert_int_not_equal(op->error, BG_ERR_BUSY);
    ends++;
    (*(unsigned *)op->context)++;
}

/* Takes and submits all operations; counts[i] says how often the i-th has ended. */
unsigned submit_all(struct bg_virtio_sst_op **ops, unsigned *counts)
{
    unsigned count = 0;
    struct bg_virtio_sst_op *op;

    ends = 0;
    while ((op = bg_virtio_sst_take(&sst, 0)) != NULL) {
        op->request->type = BG_SST_COMPUTE;
        op->request->payload.compute.compute_units = count;
        op->request->user_data = 1000 + count;
        op->done = count_end;
        op->context = &counts[count];
        counts[count] = 0;
        assert_int_equal(bg_virtio_sst_submit(op), 0);
        assert_int_equal(bg_virtio_sst_submit(op), BG_ERR_INVALID);
        bg_virtio_sst_release(op); /* has no effect */
        ops[count++] = op;
    }
    return count;
}
