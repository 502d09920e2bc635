/* SPDX-License-Identifier: BSD-2-Clause */
/* run=test-sst part=load: many requests at once, each with a content that tells whose it is. */
#include <stdio.h>
#include <string.h>

#include "tests/guest/lib/tap.h"
#include "tests/guest/sst.h"
#include "firmware/platform/cpu.h"

#define DEADLINE_NS UINT64_C(1200000000000)
#define BLOCK_SPACE 4096u /* of the device's memory, for each operation */
#define WORDS (BG_SST_WRITE_SIZE_MAX / 8u)

enum step { STEP_WRITE, STEP_READ, STEP_COMPUTE, STEP_ECHO, STEPS };

/* ---- Content ---- */

struct words {
    uint64_t value[WORDS];
} __attribute__((packed, aligned(8)));

_Static_assert(sizeof(struct words) == BG_SST_WRITE_SIZE_MAX, "a whole payload");

/* Operations lie on cache lines, payloads on multiples of 8 behind them. */
static uint64_t *words_at(void *place)
{
    return place;
}

static uint64_t first_word(const struct test_sst_load *load, uint64_t number)
{
    return (load->seed + 1) * UINT64_C(0x9E3779B97F4A7C15) ^ number * UINT64_C(0xD1342543DE82EF95);
}

static uint64_t next_word(uint64_t word)
{
    return word * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
}

static void fill(void *place, uint64_t word)
{
    uint64_t *words = words_at(place);

    for (unsigned i = 0; i < WORDS; i++) {
        words[i] = word;
        word = next_word(word);
    }
}

static bool is_filled(const void *place, uint64_t word)
{
    const uint64_t *words = place;

    for (unsigned i = 0; i < WORDS; i++) {
        if (words[i] != word) {
            return false;
        }
        word = next_word(word);
    }
    return true;
}

/* ---- One operation's life: cookie is the number of its round ---- */

static enum step step_of(const struct bg_virtio_sst_op *op)
{
    return (enum step)(op->cookie % STEPS);
}

static uint64_t address_of(const struct bg_virtio_sst_op *op)
{
    const struct bg_virtio_sst *sst = op->pair->sst;
    uint64_t number =
        (uint64_t)(op->pair - sst->pairs) * sst->depth + (uint64_t)(op - op->pair->ops);

    return number * BLOCK_SPACE;
}

/* The number that its content follows from: the same for the READ as for the WRITE before it. */
static uint64_t content_of(const struct bg_virtio_sst_op *op)
{
    uint64_t number = op->cookie - (step_of(op) == STEP_READ);

    return first_word(op->context, number << 8 | (uint64_t)(op - op->pair->ops));
}

static uint64_t units_of(const struct bg_virtio_sst_op *op)
{
    return 1 + content_of(op) % BG_SST_INFO_COMPUTE_UNITS_MAX;
}

static void end(struct bg_virtio_sst_op *op);

static void begin(struct bg_virtio_sst_op *op)
{
    static const uint32_t types[STEPS] = {BG_SST_WRITE, BG_SST_READ, BG_SST_COMPUTE, BG_SST_ECHO};
    struct test_sst_load *load = op->context;
    struct bg_sst_request *request = op->request;
    enum step step = step_of(op);

    request->type = types[step];
    request->user_data = content_of(op);
    if (step == STEP_COMPUTE) {
        request->payload.compute =
            (struct bg_sst_compute){units_of(op), BG_SST_LATENCY_PER_UNIT, 0};
    } else if (step != STEP_ECHO) {
        request->payload.memory = (struct bg_sst_memory){address_of(op), BG_SST_WRITE_SIZE_MAX, 0};
    }
    if (step == STEP_WRITE || step == STEP_ECHO) {
        fill(request->payload.data + BG_SST_WRITE_DATA_OFFSET, content_of(op));
    }
    op->done = end;
    int error = bg_virtio_sst_submit(op);

    if (error < 0) {
        load->error = error;
        bg_virtio_sst_release(op);
        return;
    }
    load->begun++;
}

static bool is_right(const struct bg_virtio_sst_op *op)
{
    const struct bg_sst_response *response = op->response;

    if (op->error != 0 || op->response_size != sizeof(*response) ||
        response->user_data != content_of(op)) {
        return false;
    }
    switch (step_of(op)) {
    case STEP_READ:
        return response->result == BG_SST_WRITE_SIZE_MAX &&
               is_filled(response->payload.data, content_of(op));
    case STEP_ECHO:
        return is_filled(response->payload.data + BG_SST_WRITE_DATA_OFFSET, content_of(op));
    case STEP_COMPUTE:
        return response->result == (units_of(op) + 63) / 64 * 10;
    default:
        return response->result == BG_SST_WRITE_SIZE_MAX;
    }
}

static void end(struct bg_virtio_sst_op *op)
{
    struct test_sst_load *load = op->context;

    load->ended++;
    load->wrong += !is_right(op);
    if (load->begun < load->requests && load->error == 0) {
        op->cookie++;
        begin(op);
    } else {
        bg_virtio_sst_release(op);
    }
}

void test_sst_begin_load(struct test_sst_load *load)
{
    struct bg_virtio_sst_op *op;

    while (load->begun < load->requests && load->error == 0 &&
           (op = bg_virtio_sst_take(load->sst, load->pair)) != NULL) {
        op->context = load;
        op->cookie = 0;
        begin(op);
    }
}

bool test_sst_end_load(struct test_sst_load *load)
{
    uint64_t deadline_ns = bg_hal_time_ns() + DEADLINE_NS;

    while (load->ended < load->begun && load->error >= 0) {
        int result = bg_virtio_sst_wait_any(load->sst, load->pair, deadline_ns);

        load->error = result < 0 ? result : load->error;
    }
    return load->error == 0 && load->wrong == 0 && load->begun == load->requests &&
           load->ended == load->begun;
}

bool test_sst_run_load(struct test_sst_load *load)
{
    test_sst_begin_load(load);
    return test_sst_end_load(load);
}

/* ---- Pairs ---- */

static struct test_sst_load loads[TEST_SST_PAIRS];

static void run(void *argument)
{
    struct test_sst_load *load = argument;

    load->is_good = test_sst_run_load(load);
}

static void check(const struct test_sst *t, const char *how, unsigned pairs, uint64_t began_ns)
{
    uint64_t requests = 0, took_ns = bg_hal_time_ns() - began_ns;

    for (unsigned i = 0; i < pairs; i++) {
        const struct test_sst_load *load = &loads[i];

        requests += load->ended;
        if (!tap_ok(load->is_good, "%s: %s, pair %u, depth %u", t->place.text, how, load->pair,
                    t->sst.depth)) {
            tap_diag("%llu begun, %llu ended, %llu wrong: %s", (unsigned long long)load->begun,
                     (unsigned long long)load->ended, (unsigned long long)load->wrong,
                     bg_strerror(load->error));
        }
    }
    tap_diag("%llu requests in %llu ms", (unsigned long long)requests,
             (unsigned long long)(took_ns / 1000000));
}

static void prepare(struct test_sst *t, unsigned pairs, uint64_t requests)
{
    for (unsigned i = 0; i < pairs; i++) {
        loads[i] = (struct test_sst_load){
            .sst = &t->sst, .pair = i, .requests = requests / pairs, .seed = i};
    }
}

/* Each load on a CPU of its own, at the same time. */
static void run_on_cpus(struct test_sst *t, const char *how, unsigned count)
{
    struct cpu_ticket tickets[TEST_SST_PAIRS];
    uint64_t began_ns = bg_hal_time_ns();
    int error = 0;

    for (unsigned i = 1; i < count && error == 0; i++) {
        error = cpu_is_on(i) ? 0 : cpu_start(i, NULL, NULL);
        if (error == 0) {
            error = cpu_call_async(i, run, &loads[i], &tickets[i]);
        }
    }
    if (!tap_ok(error == 0, "%s: %u CPUs", t->place.text, count)) {
        return;
    }
    run(&loads[0]);
    for (unsigned i = 1; i < count; i++) {
        error = cpu_call_wait(tickets[i], bg_hal_time_ns() + DEADLINE_NS);
        if (!tap_ok(error == 0, "%s: CPU %u is done", t->place.text, i)) {
            return;
        }
    }
    check(t, how, count, began_ns);
}

void test_sst_both(struct test_sst *first, struct test_sst *second, uint64_t requests)
{
    prepare(first, 1, requests);
    loads[1] = (struct test_sst_load){.sst = &second->sst, .requests = requests, .seed = 99};
    run_on_cpus(first, "with another one", 2);
}

void test_sst_load(struct test_sst *t, uint64_t requests)
{
    unsigned pairs = t->sst.pair_count;
    uint64_t began_ns = bg_hal_time_ns();

    prepare(t, pairs, requests);
    if (pairs > 1 && machine.cpu_count >= pairs) {
        run_on_cpus(t, "all pairs at once", pairs);
        return;
    }
    for (unsigned i = 0; i < pairs; i++) {
        run(&loads[i]);
    }
    check(t, "one pair after the other", pairs, began_ns);
}
