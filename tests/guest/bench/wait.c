/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=bench-wait: NOPs through the vgpu-stub, waited for in each of the ways, one JSON object per
 * line behind "BENCH ". Before and after each way the line "MARK <name>", and a pause, for a host
 * that counts what QEMU has used. Options: n= (requests, 2000), only= (one way's name), idle=1 (one
 * request, which the mediator takes its time for).
 */
#include "firmware/apps/app.h"
#include "firmware/apps/open/pci.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_NS 30000000000u
#define REQUESTS_DEFAULT 2000u
#define REQUESTS_MAX 100000u
#define WARM_UP 100u
#define PAUSE_NS 100000000u

/* Twice the time of an answer on an idle machine: who polls this long seldom sleeps. */
#define SPIN_NS 50000u

static struct bg_vgpu_stub gpu;
static struct bg_vgpu_stub_interrupt interrupt;
static uint32_t *times_ns;

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void mark(const char *name)
{
    uint64_t end_ns = bg_hal_time_ns() + PAUSE_NS;

    printf("MARK %s\n", name);
    fflush(stdout);
    while (bg_hal_time_ns() < end_ns) {
        bg_hal_sleep(NULL, end_ns);
    }
}

static int one(uint32_t *spent_ns)
{
    uint64_t start_ns = bg_hal_time_ns();
    int error = bg_vgpu_stub_nop(&gpu, start_ns + TIMEOUT_NS);
    uint64_t ns = bg_hal_time_ns() - start_ns;

    *spent_ns = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
    if (error < 0) {
        explain_vgpu_stub(&gpu, "A NOP", error);
    }
    return error;
}

static int measure(const char *name, struct bg_wait_strategy wait, uint32_t count)
{
    uint64_t sleeps, interrupts;
    uint32_t unused;

    gpu.wait = wait;
    for (uint32_t i = 0; i < WARM_UP; i++) {
        if (one(&unused) < 0) {
            return 1;
        }
    }
    sleeps = gpu.sleeps;
    interrupts = interrupt.vector.source.count;
    mark(name);
    for (uint32_t i = 0; i < count; i++) {
        if (one(&times_ns[i]) < 0) {
            return 1;
        }
    }
    mark("end");
    qsort(times_ns, count, sizeof(times_ns[0]), compare);
    printf("BENCH {\"name\": \"%s\", \"n\": %" PRIu32 ", \"p50\": %" PRIu32 ", \"p99\": %" PRIu32
           ", \"sleeps\": %" PRIu64 ", \"interrupts\": %" PRIu64 ", \"lost\": %" PRIu64
           ", \"unit\": \"ns\"}\n",
           name, count, times_ns[count / 2], times_ns[(uint64_t)count * 99 / 100],
           gpu.sleeps - sleeps, interrupt.vector.source.count - interrupts,
           interrupt.vector.source.lost);
    return 0;
}

static int wait_idle(struct bg_wait_strategy wait)
{
    uint32_t spent_ns;

    gpu.wait = wait;
    return one(&spent_ns) < 0;
}

static int run_bench_wait(void)
{
    const struct {
        const char *name;
        struct bg_wait_strategy wait;
    } ways[] = {
        {"poll", BG_WAIT_POLL},
        {"irq", BG_WAIT_SLEEP},
        {"spin", BG_WAIT_SPIN_THEN_SLEEP(SPIN_NS)},
    };
    uint32_t count = (uint32_t)app_option_number("n", REQUESTS_DEFAULT, 1, REQUESTS_MAX);
    bool is_idle = app_option_number("idle", 0, 0, 1) != 0;
    char only[16] = "";

    if (open_vgpu_stub(&gpu) < 0) {
        return 1;
    }
    int error = bg_vgpu_stub_interrupt_open(&interrupt, &gpu, NULL);

    if (error < 0) {
        printf("No interrupt: %s.\n", bg_strerror(error));
        return 1;
    }
    times_ns = malloc(count * sizeof(*times_ns)); /* until the machine is switched off */
    if (times_ns == NULL) {
        printf("The guest has no memory for this.\n");
        return 1;
    }
    app_option("only", only, sizeof(only));
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (only[0] != '\0' && strcmp(only, ways[i].name) != 0) {
            continue;
        }
        int status = is_idle ? wait_idle(ways[i].wait) : measure(ways[i].name, ways[i].wait, count);

        if (status != 0) {
            return status;
        }
    }
    bg_vgpu_stub_interrupt_close(&interrupt);
    return 0;
}

APP(bench_wait, "times and costs of waiting: polled, by interrupt, and both", run_bench_wait,
    "n only idle");
