/* SPDX-License-Identifier: BSD-2-Clause */
/* run=test-sst: each request type, good and bad, blocking, in a pipeline, and in odd chains. */
#include <string.h>

#include "tests/guest/lib/tap.h"
#include "tests/guest/sst.h"
#include "protocol/sst_systolic.h"

#define BLOCK 20000u /* several requests */
#define ADDRESS UINT64_C(0x123457)

static uint8_t block[BLOCK], back[BLOCK];

static void fill_block(uint32_t seed)
{
    for (uint32_t i = 0; i < BLOCK; i++) {
        block[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
    }
}

static void expect(const struct test_sst *t, int got, int wanted, const char *what)
{
    if (!tap_ok(got == wanted, "%s: %s: %s", t->place.text, what, bg_strerror(wanted))) {
        tap_diag("but: %s", bg_strerror(got));
    }
}

/* ---- Requests as they are, for what the driver's calls do not let through ---- */

/* Runs a copy of the request; its status, or a negative error. `result` may be NULL. */
static int run_raw(struct bg_virtio_sst *sst, const struct bg_sst_request *request,
                   uint64_t *result)
{
    struct bg_virtio_sst_op *op = bg_virtio_sst_take(sst, 0);

    if (op == NULL) {
        return BG_ERR_BUSY;
    }
    memcpy(op->request, request, sizeof(*request));
    int error = bg_virtio_sst_submit(op);

    if (error == 0) {
        error = bg_virtio_sst_wait(op, virtio_host_deadline());
    }
    if (error == BG_ERR_BUSY || error == BG_ERR_PROTOCOL) {
        bg_virtio_sst_abandon(op);
        return error;
    }
    if (result != NULL) {
        *result = op->response->result;
    }
    bool is_its = op->response->user_data == request->user_data &&
                  op->response->request_id == op->request->request_id &&
                  op->response_size == sizeof(*op->response);
    int status = is_its ? (int)op->status : BG_ERR_PROTOCOL;

    bg_virtio_sst_release(op);
    return status;
}

static struct bg_sst_request request; /* large */

static void expect_memory(struct test_sst *t, uint32_t type, uint64_t address, uint32_t size,
                          int status)
{
    request = (struct bg_sst_request){.type = type, .user_data = address ^ size};
    request.payload.memory.addr = address;
    request.payload.memory.size = size;
    tap_equal((unsigned)run_raw(&t->sst, &request, NULL), (unsigned)status,
              "%s: %s of %u bytes at 0x%llx", t->place.text, type == BG_SST_READ ? "READ" : "WRITE",
              (unsigned)size, (unsigned long long)address);
}

static void check_limits(struct test_sst *t)
{
    expect_memory(t, BG_SST_READ, 0, 0, BG_SST_OK);
    expect_memory(t, BG_SST_READ, 0, BG_SST_READ_SIZE_MAX, BG_SST_OK);
    expect_memory(t, BG_SST_READ, 0, BG_SST_READ_SIZE_MAX + 1, BG_SST_INVALID);
    expect_memory(t, BG_SST_READ, 0, UINT32_MAX, BG_SST_INVALID);
    expect_memory(t, BG_SST_READ, BG_SST_INFO_MEMORY_SIZE - 1, 1, BG_SST_OK);
    expect_memory(t, BG_SST_READ, BG_SST_INFO_MEMORY_SIZE - 1, 2, BG_SST_INVALID);
    expect_memory(t, BG_SST_READ, UINT64_MAX, 1, BG_SST_INVALID);
    expect_memory(t, BG_SST_READ, UINT64_MAX - 4, 16, BG_SST_INVALID);
    expect_memory(t, BG_SST_WRITE, 0x4000, BG_SST_WRITE_SIZE_MAX, BG_SST_OK);
    expect_memory(t, BG_SST_WRITE, 0x4000, BG_SST_WRITE_SIZE_MAX + 1, BG_SST_INVALID);
    expect_memory(t, BG_SST_WRITE, BG_SST_INFO_MEMORY_SIZE - 4, 4, BG_SST_OK);
    expect_memory(t, BG_SST_WRITE, BG_SST_INFO_MEMORY_SIZE - 4, 5, BG_SST_INVALID);
    expect_memory(t, BG_SST_WRITE, UINT64_MAX - 7, 16, BG_SST_INVALID);
    for (uint32_t type = BG_SST_TYPE_COUNT; type != 0; type = type << 3 | 1) {
        request = (struct bg_sst_request){.type = type, .user_data = type};
        tap_equal((unsigned)run_raw(&t->sst, &request, NULL), BG_SST_INVALID,
                  "%s: a request of type 0x%x", t->place.text, (unsigned)type);
        if (type >> 29 != 0) {
            break;
        }
    }
}

/* ---- The driver's calls ---- */

static void check_local(struct test_sst *t)
{
    static const size_t sizes[] = {0, 1, 7, 4079, BG_SST_PAYLOAD_SIZE};
    struct bg_virtio_sst *sst = &t->sst;
    struct bg_sst_info info;

    expect(t, bg_virtio_sst_noop(sst, virtio_host_deadline()), 0, "NOOP");
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        fill_block(i);
        memset(back, 0xEE, sizeof(back));
        int error = bg_virtio_sst_echo(sst, block, back, sizes[i], virtio_host_deadline());

        tap_ok(error == 0 && memcmp(block, back, sizes[i]) == 0 && back[sizes[i]] == 0xEE,
               "%s: ECHO of %u bytes", t->place.text, (unsigned)sizes[i]);
    }
    expect(t, bg_virtio_sst_echo(sst, block, back, BG_SST_PAYLOAD_SIZE + 1, virtio_host_deadline()),
           BG_ERR_TOO_LARGE, "ECHO of 4081 bytes");
    expect(t, bg_virtio_sst_get_info(sst, &info, virtio_host_deadline()), 0, "GET_INFO");
    tap_ok(info.version == BG_SST_PROTOCOL_VERSION &&
               info.capabilities == (t->device.features & BG_SST_F_ALL) &&
               info.max_compute_units == BG_SST_INFO_COMPUTE_UNITS_MAX &&
               info.memory_size == BG_SST_INFO_MEMORY_SIZE,
           "%s: its info", t->place.text);
    tap_ok(sst->config.version == BG_SST_PROTOCOL_VERSION &&
               sst->config.features == (t->device.features & BG_SST_F_ALL) &&
               sst->config.max_queues == t->sst.pair_count,
           "%s: its configuration", t->place.text);
}

static void expect_cycles(struct test_sst *t, uint64_t units, uint32_t latency, uint64_t cycles)
{
    struct bg_sst_compute_result result = {0};
    int error = bg_virtio_sst_compute(&t->sst, units, latency, &result, virtio_host_deadline());

    tap_equal(error == 0 ? result.cycles : 0, cycles, "%s: COMPUTE of %u units by model %u",
              t->place.text, (unsigned)units, (unsigned)latency);
}

static void check_compute(struct test_sst *t)
{
    struct bg_virtio_sst *sst = &t->sst;

    expect_cycles(t, 1, BG_SST_LATENCY_FIXED, 100);
    expect_cycles(t, BG_SST_INFO_COMPUTE_UNITS_MAX, BG_SST_LATENCY_FIXED, 100);
    expect_cycles(t, 1, BG_SST_LATENCY_PER_UNIT, 10);
    expect_cycles(t, 1000, BG_SST_LATENCY_PER_UNIT, 160); /* 64 at a time, 10 cycles each time */
    expect_cycles(t, 1, BG_SST_LATENCY_PIPELINED, 20);
    expect_cycles(t, 1000, BG_SST_LATENCY_PIPELINED, 1019);
    expect(t, bg_virtio_sst_compute(sst, 0, BG_SST_LATENCY_FIXED, NULL, virtio_host_deadline()),
           BG_ERR_INVALID, "COMPUTE of no unit");
    expect(t,
           bg_virtio_sst_compute(sst, BG_SST_INFO_COMPUTE_UNITS_MAX + 1, BG_SST_LATENCY_FIXED, NULL,
                                 virtio_host_deadline()),
           BG_ERR_INVALID, "COMPUTE of too many units");
    expect(
        t,
        bg_virtio_sst_compute(sst, 1, BG_SST_LATENCY_PIPELINED + 1, NULL, virtio_host_deadline()),
        BG_ERR_INVALID, "COMPUTE by an unknown model");
}

static void expect_transfer(struct test_sst *t, uint64_t address, size_t size)
{
    int error = bg_virtio_sst_write(&t->sst, address, block, size, virtio_host_deadline());

    memset(back, 0, sizeof(back));
    if (error == 0) {
        error = bg_virtio_sst_read(&t->sst, address, back, size, virtio_host_deadline());
    }
    tap_ok(error == 0 && memcmp(block, back, size) == 0, "%s: %u bytes there and back",
           t->place.text, (unsigned)size);
}

static void check_memory(struct test_sst *t)
{
    struct bg_virtio_sst *sst = &t->sst;

    fill_block(99);
    expect_transfer(t, ADDRESS, 0);
    expect_transfer(t, ADDRESS, 1);
    expect_transfer(t, ADDRESS, BG_SST_WRITE_SIZE_MAX);
    expect_transfer(t, ADDRESS, BLOCK);
    expect_transfer(t, BG_SST_INFO_MEMORY_SIZE - BLOCK, BLOCK);
    expect(t,
           bg_virtio_sst_write(sst, BG_SST_INFO_MEMORY_SIZE - BLOCK + 1, block, BLOCK,
                               virtio_host_deadline()),
           BG_ERR_INVALID, "WRITE beyond the end");
    expect(t,
           bg_virtio_sst_read(sst, BG_SST_INFO_MEMORY_SIZE - BLOCK + 1, back, BLOCK,
                              virtio_host_deadline()),
           BG_ERR_INVALID, "READ beyond the end");
    expect(t, bg_virtio_sst_read(sst, UINT64_MAX - 5, back, BLOCK, virtio_host_deadline()),
           BG_ERR_RANGE, "READ around the end of all addresses");
}

static void check_configure(struct test_sst *t)
{
    struct bg_virtio_sst *sst = &t->sst;
    uint64_t before = 0;

    expect(t,
           bg_virtio_sst_configure(sst, BG_SST_PARAM_FIXED_CYCLES, 777, &before,
                                   virtio_host_deadline()),
           0, "CONFIGURE");
    tap_equal(before, 100, "%s: the value before", t->place.text);
    expect_cycles(t, 1, BG_SST_LATENCY_FIXED, 777);
    expect(t,
           bg_virtio_sst_configure(sst, BG_SST_PARAM_FIXED_CYCLES, 0, NULL, virtio_host_deadline()),
           BG_ERR_INVALID, "CONFIGURE to a value that is not allowed");
    expect(t,
           bg_virtio_sst_configure(sst, BG_SST_PARAM_MEMORY_BANKS, 3, NULL, virtio_host_deadline()),
           BG_ERR_INVALID, "CONFIGURE to three banks");
    expect(t, bg_virtio_sst_configure(sst, 0, 1, NULL, virtio_host_deadline()), BG_ERR_INVALID,
           "CONFIGURE of no parameter");
    expect(t, bg_virtio_sst_configure(sst, UINT32_MAX, 1, NULL, virtio_host_deadline()),
           BG_ERR_INVALID, "CONFIGURE of an unknown parameter");
    expect_cycles(t, 1, BG_SST_LATENCY_FIXED, 777); /* nothing has changed */
}

/* An old simulator hears of no RESET. */
static void check_old_reset(struct test_sst *t)
{
    expect_cycles(t, 1, BG_SST_LATENCY_FIXED, 777);
    expect(t,
           bg_virtio_sst_configure(&t->sst, BG_SST_PARAM_FIXED_CYCLES, 100, NULL,
                                   virtio_host_deadline()),
           0, "CONFIGURE back");
}

static void check_reset(struct test_sst *t)
{
    unsigned wrong = 0;

    expect(t, bg_virtio_sst_reset(&t->sst, virtio_host_deadline()), 0, "RESET");
    if (test_sst_option("old", 0)) {
        check_old_reset(t);
        return;
    }
    expect_cycles(t, 1, BG_SST_LATENCY_FIXED, 100);
    memset(back, 0xEE, sizeof(back));
    expect(t, bg_virtio_sst_read(&t->sst, ADDRESS, back, BLOCK, virtio_host_deadline()), 0,
           "READ after a RESET");
    for (uint32_t i = 0; i < BLOCK; i++) {
        wrong += back[i] != 0;
    }
    tap_equal(wrong, 0, "%s: its memory is empty again", t->place.text);
}

/* ---- Events ---- */

static void configure(struct test_sst *t, uint32_t param, uint64_t value)
{
    expect(t, bg_virtio_sst_configure(&t->sst, param, value, NULL, virtio_host_deadline()), 0,
           "CONFIGURE for events");
}

static void expect_event(struct test_sst *t, uint32_t type, uint64_t data)
{
    struct bg_virtio_sst_event event = {0};
    int result = bg_virtio_sst_wait_event(&t->sst, &event, virtio_host_deadline());

    if (!tap_ok(result == 1 && event.type == type && event.data == data,
                "%s: an event of type %u with %u", t->place.text, (unsigned)type, (unsigned)data)) {
        tap_diag("%d, type %u, data %llu", result, (unsigned)event.type,
                 (unsigned long long)event.data);
    }
}

static void expect_no_event(struct test_sst *t)
{
    struct bg_virtio_sst_event event;

    tap_equal((unsigned)bg_virtio_sst_poll_event(&t->sst, &event), 0, "%s: no further event",
              t->place.text);
}

/* More than there are buffers for: some are lost, those that come are right, and it goes on. */
static void check_event_flood(struct test_sst *t)
{
    struct bg_virtio_sst_event event;
    unsigned count = 0, wrong = 0;
    uint64_t last = 0;

    configure(t, BG_SST_PARAM_EVENT_MASK, 1u << BG_SST_EVENT_COMPLETION);
    for (unsigned i = 0; i < 100; i++) {
        wrong += bg_virtio_sst_compute(&t->sst, 1, BG_SST_LATENCY_FIXED, NULL,
                                       virtio_host_deadline()) != 0;
    }
    while (bg_virtio_sst_poll_event(&t->sst, &event) > 0) {
        wrong += event.type != BG_SST_EVENT_COMPLETION || (count > 0 && event.data <= last);
        last = event.data;
        count++;
    }
    tap_ok(wrong == 0 && count == t->sst.event_count, "%s: of 100 events, %u are kept",
           t->place.text, count);
    bg_virtio_sst_compute(&t->sst, 1, BG_SST_LATENCY_FIXED, NULL, virtio_host_deadline());
    expect_event(t, BG_SST_EVENT_COMPLETION, t->sst.pairs[0].requests - 1);
}

static void check_events(struct test_sst *t)
{
    struct bg_virtio_sst *sst = &t->sst;

    tap_ok(bg_virtio_has_feature(&t->device, BG_SST_F_EVENTS), "%s: has events", t->place.text);
    expect_no_event(t);
    if (test_sst_option("old", 0)) {
        return;
    }
    configure(t, BG_SST_PARAM_EVENT_MASK, 1u << BG_SST_EVENT_COMPLETION);
    expect_event(t, BG_SST_EVENT_COMPLETION, sst->pairs[0].requests - 1); /* of the CONFIGURE */
    bg_virtio_sst_compute(sst, 5, BG_SST_LATENCY_FIXED, NULL, virtio_host_deadline());
    expect_event(t, BG_SST_EVENT_COMPLETION, sst->pairs[0].requests - 1);
    bg_virtio_sst_noop(sst, virtio_host_deadline()); /* answered in the device */
    configure(t, BG_SST_PARAM_EVENT_MASK, 1u << BG_SST_EVENT_ERROR);
    bg_virtio_sst_compute(sst, 0, BG_SST_LATENCY_FIXED, NULL, virtio_host_deadline());
    expect_event(t, BG_SST_EVENT_ERROR, BG_SST_INVALID);
    expect_no_event(t);
    bg_virtio_sst_reset(sst, virtio_host_deadline());
    configure(t, BG_SST_PARAM_EVENT_THRESHOLD, 4);
    configure(t, BG_SST_PARAM_EVENT_MASK, 1u << BG_SST_EVENT_THRESHOLD);
    for (unsigned i = 0; i < 6; i++) {
        bg_virtio_sst_compute(sst, 1, BG_SST_LATENCY_FIXED, NULL, virtio_host_deadline());
    }
    expect_event(t, BG_SST_EVENT_THRESHOLD, 4);
    expect_event(t, BG_SST_EVENT_THRESHOLD, 8);
    expect_no_event(t);
    check_event_flood(t);
    bg_virtio_sst_reset(sst, virtio_host_deadline());
    expect(t,
           bg_virtio_sst_wait_event(sst, &(struct bg_virtio_sst_event){0},
                                    bg_hal_time_ns() + 20000000),
           BG_ERR_TIMEOUT, "no event after a RESET");
}

/* ---- Events by callback ---- */

static void take_event(void *context, const struct bg_virtio_sst_event *event)
{
    uint64_t *next = context;

    *next += event->type == BG_SST_EVENT_COMPLETION && event->data == *next;
}

/* The accelerator is opened anew, polled. */
void test_sst_event_callback(unsigned n)
{
    static struct test_sst t;
    uint64_t next = 0; /* the request_id of the next event */
    const struct test_sst_setup setup = {
        .driver = {.events = 8, .on_event = take_event, .event_context = &next}};
    int error = test_sst_open(&t, n, &setup);
    uint64_t deadline_ns = virtio_host_deadline();

    if (!tap_ok(error == 0, "accelerator %u: opened with a callback", n)) {
        return;
    }
    configure(&t, BG_SST_PARAM_EVENT_MASK, 1u << BG_SST_EVENT_COMPLETION);
    for (unsigned i = 1; i <= 100; i++) {
        bg_virtio_sst_compute(&t.sst, i, BG_SST_LATENCY_FIXED, NULL, deadline_ns);
    }
    while (next <= 100 && bg_hal_time_ns() < deadline_ns) {
        bg_virtio_sst_poll(&t.sst, 0);
    }
    tap_equal(next, 101, "%s: an event for each request by callback", t.place.text);
    tap_equal((unsigned)-test_sst_close(&t), 0, "%s: closed", t.place.text);
}

/* ---- Pipelined ---- */

static struct {
    unsigned ended, wrong;
    unsigned submit_more;
} pipeline;

static void end_op(struct bg_virtio_sst_op *op)
{
    uint64_t units = (uintptr_t)op->context;
    uint64_t cycles = 20 + (units - 1);

    pipeline.ended++;
    pipeline.wrong += op->error != 0 || op->response->payload.compute.cycles != cycles ||
                      op->response->result != cycles || op->response->user_data != units;
    bg_virtio_sst_release(op);
    if (pipeline.submit_more > 0) {
        struct bg_virtio_sst_op *next = bg_virtio_sst_take(op->pair->sst, 0);

        pipeline.submit_more--;
        next->done = end_op;
        units = 1 + pipeline.submit_more;
        next->context = (void *)(uintptr_t)units;
        next->request->type = BG_SST_COMPUTE;
        next->request->user_data = units;
        next->request->payload.compute.compute_units = units;
        next->request->payload.compute.latency_model = BG_SST_LATENCY_PIPELINED;
        pipeline.wrong += bg_virtio_sst_submit(next) != 0;
    }
}

/* As many as there are operations at once, then more from the callbacks. */
static void check_pipeline(struct test_sst *t)
{
    struct bg_virtio_sst *sst = &t->sst;
    unsigned submitted = 0;
    struct bg_virtio_sst_op *op;
    int result = 0;

    memset(&pipeline, 0, sizeof(pipeline));
    while ((op = bg_virtio_sst_take(sst, 0)) != NULL) {
        uint64_t units = 1000 + submitted++;

        op->done = end_op;
        op->context = (void *)(uintptr_t)units;
        op->request->type = BG_SST_COMPUTE;
        op->request->user_data = units;
        op->request->payload.compute.compute_units = units;
        op->request->payload.compute.latency_model = BG_SST_LATENCY_PIPELINED;
        pipeline.wrong += bg_virtio_sst_submit(op) != 0;
    }
    tap_equal(submitted, sst->depth, "%s: requests at once", t->place.text);
    pipeline.submit_more = 100;
    submitted += pipeline.submit_more;
    uint64_t before = sst->pairs[0].queue.notifications;

    while (pipeline.ended < submitted && result >= 0) {
        result = bg_virtio_sst_wait_any(sst, 0, virtio_host_deadline());
    }
    tap_ok(result > 0 && pipeline.ended == submitted && pipeline.wrong == 0,
           "%s: %u requests in a pipeline, %u ended, %u wrong", t->place.text, submitted,
           pipeline.ended, pipeline.wrong);
    tap_ok(sst->pairs[0].queue.notifications - before < submitted,
           "%s: several with one notification", t->place.text);
}

/* On every pair, one after the other. */
static void check_pairs(struct test_sst *t)
{
    for (unsigned pair = 0; pair < t->sst.pair_count; pair++) {
        struct test_sst_load load = {.sst = &t->sst, .pair = pair, .requests = 200, .seed = pair};

        tap_ok(test_sst_run_load(&load), "%s: pair %u", t->place.text, pair);
    }
}

void test_sst_types(struct test_sst *t)
{
    check_local(t);
    check_compute(t);
    check_memory(t);
    check_limits(t);
    check_configure(t);
    check_reset(t);
    check_pipeline(t);
    check_events(t);
    check_pairs(t);
}

void test_sst_alone(struct test_sst *t)
{
    check_local(t);
    expect(t, bg_virtio_sst_compute(&t->sst, 1, BG_SST_LATENCY_FIXED, NULL, virtio_host_deadline()),
           BG_ERR_UNAVAILABLE, "COMPUTE with nobody there");
    expect(t, bg_virtio_sst_read(&t->sst, 0, back, BLOCK, virtio_host_deadline()),
           BG_ERR_UNAVAILABLE, "READ with nobody there");
    expect(t, bg_virtio_sst_write(&t->sst, 0, block, BLOCK, virtio_host_deadline()),
           BG_ERR_UNAVAILABLE, "WRITE with nobody there");
    expect(t,
           bg_virtio_sst_configure(&t->sst, BG_SST_PARAM_CLOCK_HZ, 1, NULL, virtio_host_deadline()),
           BG_ERR_UNAVAILABLE, "CONFIGURE with nobody there");
    expect(t, bg_virtio_sst_reset(&t->sst, virtio_host_deadline()), 0, "RESET with nobody there");
    expect(t, bg_virtio_sst_noop(&t->sst, virtio_host_deadline()), 0, "NOOP afterwards");
}

/* ---- The matrix multiplier against this CPU ---- */

#define ROWS 37u
#define INNER 53u
#define COLUMNS 29u

static union {
    uint32_t u[INNER * INNER];
    float f[INNER * INNER];
} a, b, c;

static void fill_matrices(bool is_float)
{
    uint32_t seed = 12345;

    for (uint32_t i = 0; i < INNER * INNER; i++) {
        uint32_t x = seed = seed * 1664525u + 1013904223u;
        uint32_t y = seed = seed * 1664525u + 1013904223u;

        if (is_float) {
            a.f[i] = (float)(int32_t)x / 65536.0f;
            b.f[i] = (float)(int32_t)y / 1048576.0f;
        } else {
            a.u[i] = x;
            b.u[i] = y;
        }
    }
}

/* Each product and each sum rounded, as the protocol says: no fused multiply-add. */
static float multiply_rounded(float x, float y)
{
    volatile float product = x * y;

    return product;
}

static unsigned count_wrong(bool is_float)
{
    unsigned wrong = 0;

    for (uint32_t row = 0; row < ROWS; row++) {
        for (uint32_t column = 0; column < COLUMNS; column++) {
            float f = 0;
            uint32_t u = 0;

            for (uint32_t k = 0; k < INNER; k++) {
                uint32_t i = row * INNER + k, j = k * COLUMNS + column;

                if (is_float) {
                    f += multiply_rounded(a.f[i], b.f[j]);
                } else {
                    u += a.u[i] * b.u[j];
                }
            }
            wrong += is_float ? memcmp(&f, &c.f[row * COLUMNS + column], 4) != 0
                              : u != c.u[row * COLUMNS + column];
        }
    }
    return wrong;
}

static void check_multiply(struct test_sst *t, uint32_t element, const char *name)
{
    const struct sst_matrix left = {ROWS, INNER, &a}, right = {INNER, COLUMNS, &b};
    struct sst_matrix product = {ROWS, COLUMNS, &c};
    struct bg_sst_compute_result result = {0};

    fill_matrices(element == BG_COMPUTE_ELEMENT_FLOAT32);
    memset(&c, 0, sizeof(c));
    int error = sst_host_multiply(&t->sst, element, &product, &left, &right, &result,
                                  virtio_host_deadline());

    expect(t, error, 0, "matrices multiplied");
    tap_equal(count_wrong(element == BG_COMPUTE_ELEMENT_FLOAT32), 0, "%s: the product of %s",
              t->place.text, name);
    tap_ok(result.cycles > 0, "%s: %u cycles", t->place.text, (unsigned)result.cycles);
}

void test_sst_multiply(struct test_sst *t)
{
    check_multiply(t, BG_COMPUTE_ELEMENT_UINT32, "unsigned integers");
    check_multiply(t, BG_COMPUTE_ELEMENT_INT32, "integers");
    check_multiply(t, BG_COMPUTE_ELEMENT_FLOAT32, "floats");
    expect(t, bg_virtio_sst_configure(&t->sst, BG_SST_SYSTOLIC_C, 0, NULL, virtio_host_deadline()),
           0, "C over A");
    expect(t, bg_virtio_sst_compute(&t->sst, 1, 0, NULL, virtio_host_deadline()), BG_ERR_INVALID,
           "COMPUTE with C over A");
    expect(t,
           bg_virtio_sst_configure(&t->sst, BG_SST_SYSTOLIC_ROWS, BG_SST_SYSTOLIC_SIDE_MAX + 1,
                                   NULL, virtio_host_deadline()),
           BG_ERR_INVALID, "too many rows");
}

/* ---- The model in docs/sst-sim.md: an adding machine ---- */

void test_sst_example(struct test_sst *t)
{
    uint64_t sum = 0, expected = 0;

    for (uint64_t units = 1; units <= 100; units++) {
        request = (struct bg_sst_request){.type = BG_SST_COMPUTE, .user_data = units};
        request.payload.compute.compute_units = units;
        expected += run_raw(&t->sst, &request, &sum) == BG_SST_OK ? units : 0;
    }
    tap_ok(sum == 5050 && expected == 5050, "%s: 1 to 100 add up", t->place.text);
    expect(t,
           bg_virtio_sst_configure(&t->sst, BG_SST_PARAM_CLOCK_HZ, 1, NULL, virtio_host_deadline()),
           BG_ERR_INVALID, "what the model does not know");
    if (test_sst_option("old", 0) == 0) {
        struct bg_sst_compute_result result = {0};

        expect(t, bg_virtio_sst_reset(&t->sst, virtio_host_deadline()), 0, "RESET");
        expect(t, bg_virtio_sst_compute(&t->sst, 7, 0, &result, virtio_host_deadline()), 0,
               "COMPUTE");
        tap_equal(result.cycles, 7, "%s: cycles", t->place.text);
    }
}

/* ---- Chains that the driver never makes ---- */

static struct {
    struct bg_virtio_device device;
    struct bg_virtqueue requests, responses;
    uint8_t *memory;
    uint64_t address;
    char name[32];
} odd;

#define ODD_MEMORY 16384u
#define RESPONSE_AT 8192u

static int open_odd(unsigned n)
{
    const struct bg_virtqueue_options requests = {.index = 0}, responses = {.index = 1};
    struct virtio_place place;
    int error = virtio_host_open(&odd.device, BG_SST_VIRTIO_ID, n, &place);

    strcpy(odd.name, place.text);
    if (error == 0) {
        error = bg_virtio_start(&odd.device, BG_VIRTIO_FEATURES_QUEUE | BG_SST_F_ECHO, 0,
                                virtio_host_deadline());
    }
    if (error == 0) {
        error = bg_virtqueue_create(&odd.requests, &odd.device, &requests);
    }
    if (error == 0) {
        error = bg_virtqueue_create(&odd.responses, &odd.device, &responses);
    }
    odd.memory = bg_hal_dma_alloc(ODD_MEMORY, 4096, &odd.address);
    return error < 0 ? error : odd.memory == NULL ? BG_ERR_NO_MEMORY : bg_virtio_ready(&odd.device);
}

/* One chain of `size` readable bytes and `room` writable ones; the bytes written, or an error. */
static int64_t run_odd(uint32_t size, uint32_t room)
{
    const struct bg_virtqueue_segment segments[] = {{odd.address, size},
                                                    {odd.address + RESPONSE_AT, room}};
    struct bg_virtqueue_used used;
    int error = bg_virtqueue_add(&odd.requests, segments + (size == 0), size != 0, room != 0, &odd);

    if (error == 0) {
        error = bg_virtqueue_kick(&odd.requests);
    }
    if (error >= 0) {
        error = bg_virtqueue_wait(&odd.requests, &used, virtio_host_deadline());
    }
    return error < 0 ? error : (int64_t)used.written;
}

/* Where the response has gone, and that nothing was written behind it. */
static void check_odd(const char *what, int64_t written, int64_t expected, uint32_t room,
                      uint32_t status)
{
    struct bg_sst_response response;
    unsigned beyond = 0;

    memcpy(&response, odd.memory + RESPONSE_AT, sizeof(response));
    for (uint32_t i = room; i < ODD_MEMORY - RESPONSE_AT; i++) {
        beyond += odd.memory[RESPONSE_AT + i] != 0xA5;
    }
    tap_ok(written == expected && beyond == 0 && (room < 24 || response.status == status) &&
               (room < 24 || status == BG_SST_ERROR || response.user_data == 0x5EED),
           "%s: %s", odd.name, what);
}

static void prepare_odd(uint32_t type)
{
    struct bg_sst_request *first = (struct bg_sst_request *)(void *)odd.memory;

    memset(odd.memory, 0xA5, ODD_MEMORY);
    first->type = type;
    first->flags = 0;
    first->user_data = 0x5EED;
    first->request_id = 77;
}

static void post_response(uint32_t room)
{
    const struct bg_virtqueue_segment segment = {odd.address + RESPONSE_AT, room};

    if (bg_virtqueue_add(&odd.responses, &segment, 0, 1, &odd) < 0 ||
        bg_virtqueue_kick(&odd.responses) < 0) {
        tap_ok(false, "%s: a buffer for a response", odd.name);
    }
}

static int64_t take_response(void)
{
    struct bg_virtqueue_used used;
    int error = bg_virtqueue_wait(&odd.responses, &used, virtio_host_deadline());

    return error < 0 ? error : (int64_t)used.written;
}

static void check_placements(void)
{
    static const uint32_t rooms[] = {sizeof(struct bg_sst_response), 4096, 100, 32, 24, 8, 1};

    for (unsigned i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        prepare_odd(BG_SST_ECHO);
        post_response(rooms[i]);
        tap_equal((unsigned long long)run_odd(sizeof(struct bg_sst_request), 0), 0,
                  "%s: a request without a response of its own", odd.name);
        check_odd("its response in the response queue", take_response(), rooms[i], rooms[i],
                  BG_SST_OK);
    }
    /* Too small for a response: that goes to the queue, and nothing into the chain. */
    prepare_odd(BG_SST_NOOP);
    post_response(sizeof(struct bg_sst_response));
    tap_equal((unsigned long long)run_odd(sizeof(struct bg_sst_request), 100), 0,
              "%s: a request with too little room", odd.name);
    check_odd("its response in the response queue, too", take_response(),
              sizeof(struct bg_sst_response), sizeof(struct bg_sst_response), BG_SST_OK);
}

void test_sst_chains(unsigned n)
{
    static const uint32_t sizes[] = {1, 4, 23, 24, 100, 4096, sizeof(struct bg_sst_request) - 1};
    const uint32_t whole = sizeof(struct bg_sst_response);
    int error = open_odd(n);

    if (!tap_ok(error == 0, "%s: opened for odd chains", odd.name)) {
        return;
    }
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        prepare_odd(BG_SST_NOOP);
        check_odd("a short request", run_odd(sizes[i], whole), whole, whole, BG_SST_ERROR);
    }
    prepare_odd(BG_SST_NOOP);
    check_odd("a request of nothing", run_odd(0, whole), whole, whole, BG_SST_ERROR);
    prepare_odd(BG_SST_ECHO);
    check_odd("a request of more than it needs", run_odd(8000, whole + 999), whole, whole,
              BG_SST_OK);
    check_placements();
    error = bg_virtio_close(&odd.device, virtio_host_deadline());
    tap_equal((unsigned)-error, 0, "%s: closed", odd.name);
    if (error == 0) {
        bg_virtqueue_destroy(&odd.requests);
        bg_virtqueue_destroy(&odd.responses);
        bg_hal_dma_free(odd.memory, ODD_MEMORY);
    }
}
