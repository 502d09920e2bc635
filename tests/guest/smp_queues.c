/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test_smp_queues: a virtqueue per CPU. Every CPU writes its own part of a block device through
 * its own queue, all at the same time, and reads it back; then its neighbour's part; then through
 * its neighbour's queue, which has been passed on.
 * interrupts=0 polls; packed=1; requests=N by each.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/error.h"
#include "firmware/apps/app.h"
#include "tests/guest/lib/block.h"
#include "tests/guest/lib/smp.h"
#include "tests/guest/lib/tap.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/timer.h"

#define REQUESTS 200
#define REQUEST_SECTORS 4u /* at most BLOCK_BYTES_MAX */
#define DEADLINE_NS 120000000000ull
#define SPIN_NS 50000u

static struct {
    struct block block;
    uint32_t cpus;
    uint32_t requests;
    uint64_t deadline_ns;
    uint32_t generation; /* of what is written */
    /* By CPU. */
    int errors[BLOCK_QUEUES_MAX];
    uint32_t wrong[BLOCK_QUEUES_MAX];
    uint32_t deepest[BLOCK_QUEUES_MAX];
} run;

static uint64_t word_of(uint32_t part, uint64_t tag, uint32_t index)
{
    return ((uint64_t)run.generation << 56 | (uint64_t)part << 48 | tag << 16 | index) *
           0x9e3779b97f4a7c15ull;
}

static void fill(struct block_request *request, uint32_t part)
{
    uint64_t *words = (uint64_t *)request->data;

    for (uint32_t i = 0; i < REQUEST_SECTORS * BLOCK_SECTOR / 8; i++) {
        words[i] = word_of(part, request->tag, i);
    }
}

static bool is_right(const struct block_request *request, uint32_t part)
{
    const uint64_t *words = (const uint64_t *)request->data;

    for (uint32_t i = 0; i < REQUEST_SECTORS * BLOCK_SECTOR / 8; i++) {
        if (words[i] != word_of(part, request->tag, i)) {
            return false;
        }
    }
    return true;
}

/* As many under way as fit. */
static int transfer(uint32_t cpu, struct block_queue *queue, uint32_t part, bool is_write)
{
    uint32_t begun = 0;
    uint32_t done = 0;
    int error;

    while (done < run.requests) {
        struct block_request *request = begun < run.requests ? block_request_get(queue) : NULL;

        if (request != NULL) {
            request->tag = begun++;
            if (is_write) {
                fill(request, part);
            } else {
                memset(request->data, 0xee, sizeof(request->data));
            }
            error = block_submit(queue, request, is_write,
                                 ((uint64_t)part * run.requests + request->tag) * REQUEST_SECTORS,
                                 REQUEST_SECTORS * BLOCK_SECTOR);
            if (begun - done > run.deepest[cpu]) {
                run.deepest[cpu] = begun - done;
            }
        } else {
            error = block_wait(queue, &request, run.deadline_ns);
            if (!error) {
                run.wrong[cpu] += !is_write && !is_right(request, part);
            }
            done++;
        }
        if (error) {
            return error;
        }
    }
    return BG_OK;
}

static void write_own(uint32_t cpu, void *context)
{
    (void)context;
    run.errors[cpu] = transfer(cpu, &run.block.queues[cpu], cpu, true);
}

static void read_own(uint32_t cpu, void *context)
{
    (void)context;
    run.errors[cpu] = transfer(cpu, &run.block.queues[cpu], cpu, false);
}

static void read_neighbour(uint32_t cpu, void *context)
{
    (void)context;
    run.errors[cpu] = transfer(cpu, &run.block.queues[cpu], (cpu + 1) % run.cpus, false);
}

/* smp_run's end and its next beginning have passed the queues on. */
static void read_by_neighbours_queue(uint32_t cpu, void *context)
{
    (void)context;
    run.errors[cpu] = transfer(cpu, &run.block.queues[(cpu + 1) % run.cpus], cpu, false);
}

static void step(const char *what, void (*function)(uint32_t cpu, void *context))
{
    uint64_t start_ns = bg_hal_time_ns();
    uint32_t wrong = 0;
    int error = 0;
    bool good;

    run.deadline_ns = timer_deadline_ns(DEADLINE_NS);
    good = smp_run(run.cpus, function, NULL, run.deadline_ns);
    for (uint32_t i = 0; i < run.cpus; i++) {
        wrong += run.wrong[i];
        error = error ? error : run.errors[i];
    }
    tap_ok(good && !error && wrong == 0, "%s", what);
    if (!good || error || wrong) {
        tap_diag("%s, %u wrong", bg_strerror(error), wrong);
    }
    tap_diag("%u requests on %u CPUs in %llu us", run.requests * run.cpus, run.cpus,
             (unsigned long long)((bg_hal_time_ns() - start_ns) / 1000));
}

static void test_queues(bool has_interrupts)
{
    uint64_t interrupts = 0;
    bool all_used = true;

    if (run.block.sectors < (uint64_t)run.cpus * run.requests * REQUEST_SECTORS) {
        tap_ok(false, "the device is large enough");
        return;
    }
    run.generation = 1;
    step("every CPU writes its part through its queue", write_own);
    step("and reads it back", read_own);
    step("every CPU reads its neighbour's part", read_neighbour);
    step("every CPU reads its part through its neighbour's queue", read_by_neighbours_queue);
    for (uint32_t i = 0; i < run.cpus; i++) {
        all_used = all_used && run.block.queues[i].queue.completions == 4ull * run.requests &&
                   run.deepest[i] > 1;
        interrupts += run.block.vectors[BG_VIRTIO_INTERRUPT_QUEUE(i)].source.count;
    }
    tap_ok(all_used, "each queue took its share, several requests at a time");
    if (has_interrupts) {
        tap_diag("interrupts: kind %u, %llu", run.block.interrupt.kind,
                 (unsigned long long)interrupts);
    }
}

static int test_smp_queues(void)
{
    bool has_interrupts = smp_option("interrupts", 1);
    uint64_t wanted = BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_INDIRECT_DESC |
                      (smp_option("packed", 0) ? BG_VIRTIO_F_RING_PACKED : 0);
    int error;

    tap_plan(0);
    run.requests = (uint32_t)smp_option("requests", REQUESTS);
    tap_equal((unsigned)smp_start(), machine.cpu_count, "all CPUs start");
    run.cpus = machine.cpu_count < BLOCK_QUEUES_MAX ? machine.cpu_count : BLOCK_QUEUES_MAX;
    error = block_open(&run.block, run.cpus, wanted, has_interrupts);
    if (!tap_equal((unsigned)error, 0, "the block device opens")) {
        return tap_done();
    }
    tap_equal(run.block.queue_count, run.cpus, "with a queue for each CPU");
    tap_equal(bg_virtio_has_feature(&run.block.device, BG_VIRTIO_F_RING_PACKED),
              smp_option("packed", 0), "the ring's format");
    if (has_interrupts) {
        run.block.device.wait = BG_WAIT_SPIN_THEN_SLEEP(SPIN_NS);
    }
    if (run.block.queue_count == run.cpus) {
        test_queues(has_interrupts);
    }
    tap_equal((unsigned)block_close(&run.block), 0, "it closes");
    tap_equal((unsigned)smp_stop(), 0, "all CPUs stop");
    return tap_done();
}

APP(test_smp_queues, "drives a virtqueue on each CPU", test_smp_queues,
    "interrupts packed requests");
