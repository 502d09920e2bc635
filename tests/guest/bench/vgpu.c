/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=bench-vgpu: times, one JSON object per line behind "BENCH ". Options: n= (requests, 2000).
 *
 *   boot_to_pci      first instruction to the end of the PCI enumeration
 *   boot_to_result   first instruction to the first sum that came back
 *   vgpu_stub_nop_rtt  one NOP through device and mediator
 *   heap_held        what the heap took from the page allocator
 */
#include "firmware/apps/app.h"
#include "firmware/apps/open/pci.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "firmware/memory/heap.h"
#include "firmware/platform/timer.h"

#define TIMEOUT_NS 30000000000u
#define REQUESTS_DEFAULT 2000u
#define REQUESTS_MAX 100000u
#define WARM_UP 100u /* the first requests meet cold caches and translations */

static struct bg_vgpu_stub gpu;
static uint32_t *times_ns;

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static int first_result(void)
{
    uint32_t sum = 0;
    int error = bg_vgpu_stub_add_basic(&gpu, 100, 200, &sum, bg_hal_time_ns() + TIMEOUT_NS);
    uint64_t result_ns = timer_since_entry_ns();

    if (error < 0 || sum != 300) {
        explain_vgpu_stub(&gpu, "The first request", error);
        return 1;
    }
    printf("BENCH {\"name\": \"boot_to_pci\", \"value\": %" PRIu64 ", \"unit\": \"ns\"}\n",
           machine_pci_ready_ns());
    printf("BENCH {\"name\": \"boot_to_result\", \"value\": %" PRIu64 ", \"unit\": \"ns\"}\n",
           result_ns);
    return 0;
}

static int measure_nop(uint32_t count)
{
    uint64_t sum_ns = 0;

    times_ns = calloc(count, sizeof(*times_ns));
    if (times_ns == NULL) {
        printf("The guest has no memory for %" PRIu32 " figures\n", count);
        return 1;
    }
    for (uint32_t i = 0; i < WARM_UP + count; i++) {
        uint64_t start_ns = bg_hal_time_ns();
        int error = bg_vgpu_stub_nop(&gpu, start_ns + TIMEOUT_NS);
        uint64_t spent_ns = bg_hal_time_ns() - start_ns;

        if (error < 0) {
            explain_vgpu_stub(&gpu, "A NOP", error);
            return 1;
        }
        if (i >= WARM_UP) {
            times_ns[i - WARM_UP] = spent_ns < UINT32_MAX ? (uint32_t)spent_ns : UINT32_MAX;
            sum_ns += spent_ns;
        }
    }
    qsort(times_ns, count, sizeof(times_ns[0]), compare);
    printf("BENCH {\"name\": \"vgpu_stub_nop_rtt\", \"n\": %" PRIu32 ", \"p50\": %" PRIu32
           ", \"p99\": %" PRIu32 ", \"mean\": %" PRIu64 ", \"min\": %" PRIu32 ", \"max\": %" PRIu32
           ", \"unit\": \"ns\"}\n",
           count, times_ns[count / 2], times_ns[(uint64_t)count * 99 / 100], sum_ns / count,
           times_ns[0], times_ns[count - 1]);
    free(times_ns);
    return 0;
}

static void show_heap(void)
{
    struct heap_statistics statistics;

    heap_statistics(&statistics);
    printf("BENCH {\"name\": \"heap_held\", \"value\": %" PRIu64 ", \"unit\": \"bytes\"}\n",
           statistics.bytes_held);
}

static int run_bench_vgpu(void)
{
    uint32_t count = (uint32_t)app_option_number("n", REQUESTS_DEFAULT, 1, REQUESTS_MAX);

    if (open_vgpu_stub(&gpu) < 0) {
        return 1;
    }
    int status = first_result();

    show_heap();
    return status != 0 ? status : measure_nop(count);
}

APP(bench_vgpu, "times: boot to PCI, boot to result, NOP round trip", run_bench_vgpu, "n");
