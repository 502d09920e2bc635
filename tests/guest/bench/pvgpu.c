/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=bench-pvgpu: times, one JSON object per line behind "BENCH ".
 *
 *   pvgpu_fence_rtt       a fence, there and back, polled: of blocks of 100, ns each
 *   pvgpu_commands_N      empty commands per second, N submitted at a time
 *   pvgpu_copy_in, _out   64 MiB between the heap and a buffer, bytes per second; waited for
 *                         asleep, so that the copy has the host's memory for itself
 *   pvgpu_present_fps     1920 x 1080, as often as possible
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/pvgpu_interrupt.h"
#include "firmware/apps/app.h"
#include "firmware/apps/open/pci.h"
#include "firmware/apps/open/pvgpu.h"

#define SECOND_NS 1000000000.0
#define BLOCKS 300u
#define BLOCK 100u
#define COMMANDS 1000000u
#define COPY_SIZE (64u << 20)
#define COPIES 15u
#define FRAMES 300u
#define FRAMES_FIRST 8u /* not counted: each slot of the scanout is new memory once */
#define IN_FLIGHT 2u

static struct bg_pvgpu gpu;
static double figures[BLOCKS]; /* of frames, too */
_Static_assert(FRAMES <= BLOCKS, "a figure for each frame");

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_figures(const char *name, size_t count, const char *unit, uint64_t bells)
{
    qsort(figures, count, sizeof(figures[0]), compare);
    printf("BENCH {\"name\": \"%s\", \"value\": %.1f, \"min\": %.1f, \"max\": %.1f, \"p99\": %.1f, "
           "\"doorbells\": %" PRIu64 ", \"unit\": \"%s\"}\n",
           name, figures[count / 2], figures[0], figures[count - 1], figures[count * 99 / 100],
           bells, unit);
}

/* ---- Fences ---- */

static int measure_fences(void)
{
    uint64_t bells = gpu.doorbells;

    for (unsigned i = 0; i < BLOCKS; i++) {
        uint64_t start_ns = bg_hal_time_ns(), deadline_ns = pvgpu_host_deadline();

        for (unsigned j = 0; j < BLOCK; j++) {
            int error = bg_pvgpu_finish(&gpu, deadline_ns);

            if (error < 0) {
                return error;
            }
        }
        figures[i] = (double)(bg_hal_time_ns() - start_ns) / BLOCK;
    }
    print_figures("pvgpu_fence_rtt", BLOCKS, "ns", gpu.doorbells - bells);
    return 0;
}

/* ---- Commands ---- */

static int measure_commands(unsigned batch)
{
    uint64_t start_ns = bg_hal_time_ns(), bells = gpu.doorbells;
    char name[32];
    int error = 0;

    for (unsigned i = 0; i < COMMANDS && error == 0; i += batch) {
        for (unsigned j = 0; j < batch && error == 0; j++) {
            error = bg_pvgpu_flush(&gpu);
        }
        if (error == 0) {
            error = bg_pvgpu_submit(&gpu);
        }
    }
    if (error == 0) {
        error = bg_pvgpu_finish(&gpu, pvgpu_host_deadline());
    }
    figures[0] = COMMANDS * SECOND_NS / (double)(bg_hal_time_ns() - start_ns);
    snprintf(name, sizeof(name), "pvgpu_commands_%u", batch);
    if (error == 0) {
        print_figures(name, 1, "1/s", gpu.doorbells - bells);
    }
    return error;
}

/* ---- Copies ---- */

static int measure_copies(const char *name, uint32_t id, const struct bg_pvgpu_memory *memory,
                          int (*copy)(struct bg_pvgpu *, uint32_t, uint32_t,
                                      const struct bg_pvgpu_box *, const struct bg_pvgpu_layout *))
{
    const struct bg_pvgpu_layout layout = {.heap_offset = memory->offset, .size = COPY_SIZE};
    int error = 0;

    /* The first one finds the resource's memory untouched. */
    for (unsigned i = 0; i <= COPIES && error == 0; i++) {
        uint64_t start_ns = bg_hal_time_ns();

        error = copy(&gpu, id, 0, NULL, &layout);
        if (error == 0) {
            error = bg_pvgpu_finish(&gpu, pvgpu_host_deadline());
        }
        figures[i] = COPY_SIZE * SECOND_NS / (double)(bg_hal_time_ns() - start_ns);
        if (i == 0) {
            continue;
        }
        figures[i - 1] = figures[i];
    }
    if (error == 0) {
        print_figures(name, COPIES, "bytes/s", 0);
    }
    return error;
}

static int measure_both_copies(void)
{
    static struct bg_pvgpu_interrupt interrupt;
    struct bg_pvgpu_memory memory;
    uint32_t id = 0;
    int error = bg_pvgpu_heap_alloc(&gpu, COPY_SIZE, 4096, &memory);

    bg_pvgpu_interrupt_open(&interrupt, &gpu, NULL); /* without, it polls */
    gpu.wait = BG_WAIT_SLEEP;
    if (error == 0) {
        memset(memory.bytes, 0x5A, COPY_SIZE);
        error = bg_pvgpu_buffer_create(&gpu, COPY_SIZE, &id);
    }
    if (error == 0) {
        error = measure_copies("pvgpu_copy_in", id, &memory, bg_pvgpu_resource_update);
    }
    if (error == 0) {
        error = measure_copies("pvgpu_copy_out", id, &memory, bg_pvgpu_resource_read);
    }
    if (error == 0) {
        bg_pvgpu_heap_free(&gpu, &memory);
        error = bg_pvgpu_resource_destroy(&gpu, id);
    }
    gpu.wait = BG_WAIT_POLL;
    bg_pvgpu_interrupt_close(&interrupt);
    return error;
}

/* ---- Frames ---- */

static int measure_presents(void)
{
    static const float colour[4] = {0.2f, 0.4f, 0.6f, 1};
    struct bg_pvgpu_view_options view = {0};
    uint64_t before_ns = 0, fences[IN_FLIGHT] = {0};
    uint32_t id = 0, target = 0;
    int error = bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 1920, 1080, &id);

    view.resource_id = id;
    if (error == 0) {
        error = bg_pvgpu_render_target_view_create(&gpu, &view, &target);
    }
    if (error == 0) {
        error = bg_pvgpu_clear_render_target(&gpu, target, colour);
    }
    for (unsigned i = 0; i < FRAMES_FIRST + FRAMES && error == 0; i++) {
        uint64_t *fence = &fences[i % IN_FLIGHT];

        if (*fence != 0) {
            error = bg_pvgpu_fence_wait(&gpu, *fence, pvgpu_host_deadline());
        }
        uint64_t now_ns = bg_hal_time_ns();

        if (i >= FRAMES_FIRST) {
            figures[i - FRAMES_FIRST] = SECOND_NS / (double)(now_ns - before_ns);
        }
        before_ns = now_ns;
        if (error == 0) {
            error = bg_pvgpu_present(&gpu, id, 0);
        }
        if (error == 0) {
            error = bg_pvgpu_fence(&gpu, fence);
        }
        if (error == 0) {
            error = bg_pvgpu_submit(&gpu);
        }
    }
    if (error == 0) {
        error = bg_pvgpu_finish(&gpu, pvgpu_host_deadline());
    }
    if (error == 0) {
        print_figures("pvgpu_present_fps", FRAMES, "1/s", 0);
        printf("BENCH {\"name\": \"pvgpu_presents\", \"shown\": %" PRIu32 ", \"dropped\": %" PRIu32
               ", \"copied\": %" PRIu64 "}\n",
               gpu.control->scanout_count, gpu.control->scanout_dropped,
               gpu.control->scanout_copied);
    }
    return error;
}

static int run_bench_pvgpu(void)
{
    int error = pvgpu_host_open(&gpu);

    if (error < 0) {
        return 1;
    }
    error = measure_fences();
    for (unsigned batch = 1; batch <= 256 && error == 0; batch *= 16) {
        error = measure_commands(batch);
    }
    if (error == 0) {
        error = measure_both_copies();
    }
    if (error == 0) {
        error = measure_presents();
    }
    return pvgpu_host_check(&gpu, "Measuring", error) ? 0 : 1;
}

APP(bench_pvgpu, "times: fences, empty commands, copies and frames of a pvgpu", run_bench_pvgpu,
    "");
