/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make bench: CUDA in a guest, through the ring, beside the CPU device called on the host, and what
 * memcpy does here, in the same rounds.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/rows.h"
#include "harness_qemu.h"

#define GUEST_DEADLINE_MS 240000u
#define COPY_SIZE (64u << 20)
#define COPIES 9

/* A launch at most half as long again as without a guest; copies 95 and 60 % of
 * memcpy; a kernel that computes 95 %. */
#define LAUNCH_GOAL 1.5
#define CALLS_PER_S 5e6
#define PINNED_GOAL (1 / 0.95)
#define PAGEABLE_GOAL (1 / 0.6)
#define MATMUL_GOAL (1 / 0.95)

enum { LAUNCH, CALLS, PINNED, PAGEABLE, MEMCPY, MATMUL, SGEMM, FIGURES };

static const char *const names[FIGURES] = {
    [LAUNCH] = "cuda_launch",      [CALLS] = "cuda_launch_calls",
    [PINNED] = "cuda_copy_pinned", [PAGEABLE] = "cuda_copy_pageable",
    [MEMCPY] = "cuda_memcpy",      [MATMUL] = "cuda_matmul",
    [SGEMM] = "cuda_sgemm",
};

struct rounds {
    double guest[FIGURES][ROUNDS], direct[FIGURES][ROUNDS], copy[ROUNDS];
};

static char *run_guest(const char *socket)
{
    char *arguments = harness_format("-device pvgpu,backend_pipe=%s", socket);
    const struct guest_options options = {.append = "run=bench-cuda",
                                          .arguments = arguments,
                                          .memory = "512M",
                                          .deadline_ms = GUEST_DEADLINE_MS};
    char *output = run_guest_to_end(&options);

    free(arguments);
    return output;
}

static void take(double figures[FIGURES][ROUNDS], int round, char *output)
{
    for (int i = 0; i < FIGURES; i++) {
        figures[i][round] = find_figure(output, names[i], "value");
    }
    free(output);
}

static void add_rows(struct rounds *r)
{
    double copy = median(r->copy, ROUNDS);

    add_row("cuda_launch_ring", median(r->guest[LAUNCH], ROUNDS), "ns",
            "the CPU device on the host", median(r->direct[LAUNCH], ROUNDS), LESS_IS_BETTER,
            LAUNCH_GOAL);
    add_row("cuda_launch_calls", median(r->guest[CALLS], ROUNDS), "1/s",
            "the least there should be", CALLS_PER_S, MORE_IS_BETTER, 1);
    add_row("cuda_copy_pinned", median(r->guest[PINNED], ROUNDS), "B/s",
            "memcpy of 64 MiB on the host", copy, MORE_IS_BETTER, PINNED_GOAL);
    add_row("cuda_copy_pageable", median(r->guest[PAGEABLE], ROUNDS), "B/s",
            "memcpy of 64 MiB on the host", copy, MORE_IS_BETTER, PAGEABLE_GOAL);
    add_row("cuda_copy_pageable_guest", median(r->guest[PAGEABLE], ROUNDS), "B/s",
            "memcpy of 64 MiB in the guest", median(r->guest[MEMCPY], ROUNDS), MORE_IS_BETTER,
            PAGEABLE_GOAL);
    add_row("cuda_matmul", median(r->guest[MATMUL], ROUNDS) / 1e3, "us",
            "the CPU device on the host", median(r->direct[MATMUL], ROUNDS) / 1e3, LESS_IS_BETTER,
            MATMUL_GOAL);
    add_row("cuda_sgemm", median(r->guest[SGEMM], ROUNDS) / 1e3, "us", "cuBLAS on the host",
            median(r->direct[SGEMM], ROUNDS) / 1e3, LESS_IS_BETTER, MATMUL_GOAL);
}

void bench_cuda(void)
{
    static struct rounds r;
    static const char *const no_arguments[] = {NULL};
    char *socket = harness_temp_path("cuda-bench.sock");
    char *pvgpu = harness_temp_path("cuda-bench-pvgpu.sock");
    struct process *mediator =
        mediator_start("--socket %s --pvgpu-socket %s --log-level error", socket, pvgpu);

    for (int i = 0; i < ROUNDS; i++) {
        take(r.guest, i, run_guest(pvgpu));
        take(r.direct, i, run_tool("tests/bench/cuda_direct_bench", no_arguments));
        r.copy[i] = memcpy_rate(COPY_SIZE, COPIES);
    }
    add_rows(&r);
    process_end(mediator);
    free(pvgpu);
    free(socket);
}
