/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=bench-sst: times of virtio-sst, one JSON object per line behind "BENCH ". Options: n=
 * (requests at depth 1, 5000; 10 times as many at others), pairs= (1), rtt=1 (sst_rtt alone).
 *
 *   sst_rtt            one COMPUTE there and back, nothing else under way
 *   sst_rate_D         COMPUTEs per second with D under way
 *   sst_read_rate_D    the same with READs of 4080 bytes, which are looked at
 *   sst_noop_rate_D    the same with NOOPs, which the device answers itself
 *   sst_rate_pairs     on all pairs at once, each with 32 under way and on a CPU of its own; they
 *                      sleep until the interrupt: on a host with few CPUs the simulator needs one
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "baregpu/virtio_interrupt.h"
#include "firmware/apps/app.h"
#include "firmware/apps/open/sst.h"
#include "firmware/platform/cpu.h"

#define REQUESTS_DEFAULT 5000u
#define REQUESTS_MAX 10000000
#define WARM_UP 200u
#define DEPTH 32u
#define TIMEOUT_NS UINT64_C(60000000000)

static struct sst_host host;

static struct load {
    unsigned pair, depth;
    uint32_t type;
    uint64_t left, ended; /* requests */
    uint64_t sum;
    int error;
    uint64_t took_ns;
} loads[BG_SST_PAIRS_MAX];

/* ---- Requests that follow each other ---- */

static void end(struct bg_virtio_sst_op *op);

static void begin(struct bg_virtio_sst_op *op, struct load *load)
{
    op->done = end;
    op->context = load;
    op->request->type = load->type;
    if (load->type == BG_SST_COMPUTE) {
        op->request->payload.compute.compute_units = 1;
        op->request->payload.compute.latency_model = BG_SST_LATENCY_FIXED;
    } else if (load->type == BG_SST_READ) {
        op->request->payload.memory.addr = 0;
        op->request->payload.memory.size = BG_SST_READ_SIZE_MAX;
    }
    int error = bg_virtio_sst_submit(op);

    load->error = error < 0 ? error : load->error;
    load->left--;
}

static void end(struct bg_virtio_sst_op *op)
{
    struct load *load = op->context;

    load->error = op->error < 0 ? op->error : load->error;
    if (load->type == BG_SST_READ) {
        const uint64_t *words = (const uint64_t *)(const void *)op->response->payload.data;

        for (unsigned i = 0; i < BG_SST_READ_SIZE_MAX / 8; i++) {
            load->sum += words[i];
        }
    }
    load->ended++;
    if (load->left > 0 && load->error == 0) {
        begin(op, load);
    } else {
        bg_virtio_sst_release(op);
    }
}

static void run(void *argument)
{
    struct load *load = argument;
    uint64_t count = load->left, began_ns = bg_hal_time_ns();

    for (unsigned i = 0; i < load->depth && load->error == 0; i++) {
        begin(bg_virtio_sst_take(&host.sst, load->pair), load);
    }
    while (load->ended < count && load->error == 0) {
        int result = bg_virtio_sst_wait_any(&host.sst, load->pair, began_ns + TIMEOUT_NS);

        load->error = result < 0 ? result : load->error;
    }
    load->took_ns = bg_hal_time_ns() - began_ns;
}

static bool report(const char *name, uint64_t count, uint64_t took_ns, int error)
{
    if (error < 0) {
        printf("%s: %s\n", name, sst_host_strerror(error));
        sst_host_advise(error);
        return false;
    }
    printf("BENCH {\"name\": \"%s\", \"n\": %" PRIu64 ", \"per_s\": %" PRIu64 "}\n", name, count,
           count * UINT64_C(1000000000) / (took_ns > 0 ? took_ns : 1));
    return true;
}

static bool measure_rate(const char *name, uint32_t type, unsigned depth, uint64_t count)
{
    char full[40];

    loads[0] = (struct load){.depth = depth, .type = type, .left = count};
    run(&loads[0]);
    snprintf(full, sizeof(full), "%s_%u", name, depth);
    return report(full, count, loads[0].took_ns, loads[0].error);
}

/* ---- One at a time ---- */

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static bool measure_rtt(uint32_t count)
{
    uint32_t *times_ns = calloc(count, sizeof(*times_ns));

    if (times_ns == NULL) {
        printf("The guest has no memory for %" PRIu32 " figures\n", count);
        return false;
    }
    for (uint32_t i = 0; i < WARM_UP + count; i++) {
        uint64_t began_ns = bg_hal_time_ns();
        int error =
            bg_virtio_sst_compute(&host.sst, 1, BG_SST_LATENCY_FIXED, NULL, began_ns + TIMEOUT_NS);

        if (error < 0) {
            printf("COMPUTE: %s\n", sst_host_strerror(error));
            sst_host_advise(error);
            free(times_ns);
            return false;
        }
        if (i >= WARM_UP) {
            times_ns[i - WARM_UP] = (uint32_t)(bg_hal_time_ns() - began_ns);
        }
    }
    qsort(times_ns, count, sizeof(times_ns[0]), compare);
    printf("BENCH {\"name\": \"sst_rtt\", \"n\": %" PRIu32 ", \"p50\": %" PRIu32
           ", \"p99\": %" PRIu32 ", \"min\": %" PRIu32 ", \"unit\": \"ns\"}\n",
           count, times_ns[count / 2], times_ns[(uint64_t)count * 99 / 100], times_ns[0]);
    free(times_ns);
    return true;
}

/* ---- All pairs ---- */

static bool start_cpus(unsigned pairs)
{
    int error = 0;

    for (unsigned i = 1; i < pairs && error == 0; i++) {
        error = cpu_start(i, NULL, NULL);
    }
    if (error < 0) {
        printf("%u CPUs: %s\n", pairs, bg_strerror(error));
    }
    return error == 0;
}

/* Each pair's queues interrupt its own CPU. */
static int open_interrupts(unsigned pairs)
{
    static struct bg_pci_interrupt_vector vectors[BG_VIRTIO_INTERRUPT_QUEUE(2 * BG_SST_PAIRS_MAX)];
    static struct bg_virtio_interrupt interrupt;
    const struct bg_virtio_interrupt_options options = {
        .vectors = vectors,
        .vector_count = BG_VIRTIO_INTERRUPT_QUEUE(2 * pairs),
    };

    for (unsigned i = 1; i < options.vector_count; i++) {
        vectors[i].cpu = BG_HAL_CPU((i - 1) / 2);
    }
    int error = bg_virtio_interrupt_open(&interrupt, &host.device, &options);

    if (error == 0) {
        host.device.wait = BG_WAIT_SLEEP;
    }
    return error;
}

static bool measure_pairs(unsigned pairs, uint64_t count)
{
    struct cpu_ticket tickets[BG_SST_PAIRS_MAX];
    uint64_t longest_ns = 0;
    int error = 0;

    for (unsigned i = 0; i < pairs; i++) {
        loads[i] =
            (struct load){.pair = i, .depth = DEPTH, .type = BG_SST_COMPUTE, .left = count / pairs};
    }
    for (unsigned i = 1; i < pairs && error == 0; i++) {
        error = cpu_call_async(i, run, &loads[i], &tickets[i]);
    }
    if (error == 0) {
        run(&loads[0]);
    }
    for (unsigned i = 0; i < pairs && error == 0; i++) {
        if (i > 0) {
            error = cpu_call_wait(tickets[i], bg_hal_time_ns() + TIMEOUT_NS);
        }
        error = error == 0 ? loads[i].error : error;
        longest_ns = loads[i].took_ns > longest_ns ? loads[i].took_ns : longest_ns;
    }
    return report("sst_rate_pairs", count, longest_ns, error);
}

static int run_bench_sst(void)
{
    static const unsigned depths[] = {1, 8, 32};
    unsigned pairs = (unsigned)app_option_number("pairs", 1, 1, BG_SST_PAIRS_MAX);
    uint64_t count = (uint64_t)app_option_number("n", REQUESTS_DEFAULT, 1, REQUESTS_MAX);
    const struct bg_virtio_sst_options options = {.pairs = (uint16_t)pairs, .depth = DEPTH};
    int error;

    if (!start_cpus(pairs)) {
        return 1;
    }
    error = virtio_host_open(&host.device, BG_SST_VIRTIO_ID, 0, &host.place);
    if (error == 0 && pairs > 1) {
        error = open_interrupts(pairs);
    }
    if (error == 0) {
        error = bg_virtio_sst_open(&host.sst, &host.device, &options, virtio_host_deadline());
    }
    if (error == BG_ERR_NOT_FOUND) {
        printf("There is no simulated accelerator: QEMU_ARGS=\"-device "
               "virtio-sst-pci,socket=PATH\".\n");
        return 1;
    }
    if (error < 0) {
        printf("The accelerator cannot be used: %s.\n", sst_host_strerror(error));
        return 1;
    }
    if (host.sst.pair_count != pairs) {
        printf("The accelerator has %u pairs, not %u: num-queues=%u.\n",
               (unsigned)host.sst.pair_count, pairs, pairs);
        return 1;
    }
    if (pairs > 1) {
        return measure_pairs(pairs, count * 10) ? 0 : 1;
    }
    bool is_good = measure_rtt((uint32_t)count);
    bool is_alone = app_option_number("rtt", 0, 0, 1) != 0;

    for (unsigned i = 0; i < 3 && is_good && !is_alone; i++) {
        uint64_t requests = depths[i] == 1 ? count : count * 10;

        is_good = measure_rate("sst_rate", BG_SST_COMPUTE, depths[i], requests) &&
                  measure_rate("sst_read_rate", BG_SST_READ, depths[i], requests) &&
                  measure_rate("sst_noop_rate", BG_SST_NOOP, depths[i], requests);
    }
    return is_good ? 0 : 1;
}

APP(bench_sst, "times: virtio-sst, one request and many", run_bench_sst, "n pairs rtt");
