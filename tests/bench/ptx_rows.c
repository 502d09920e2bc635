/* SPDX-License-Identifier: BSD-2-Clause */
/* make bench: kernels of PTX on the CPU device beside the same algorithms in C. */
#include <stdlib.h>

#include "bench/rows.h"
#include "harness.h"

static const struct {
    const char *name;
    double goal;
} kernels[] = {
    {"ptx_vector_add", 1.1},     {"ptx_saxpy", 1.1},          {"ptx_grid_stride", 1.5},
    {"ptx_matmul_32", 1.2},      {"ptx_matmul_16", 1.5},      {"ptx_reduce_shuffle", 2},
    {"ptx_reduce_tree", 7},      {"ptx_mandelbrot", 0.15},    {"ptx_divergent", 0.35},
    {"ptx_histogram_shared", 2}, {"ptx_histogram_global", 3}, {"ptx_gather", 1.6},
};

static const struct {
    const char *name;
    double goal_ms;
} compilations[] = {
    {"ptx_compile_small", 25},
    {"ptx_compile_large", 1000},
    {"ptx_first_launch_cached", 2},
};

static void bench_launch(void)
{
    const char *const arguments[] = {NULL};
    char *output = run_tool("tests/bench/ptx_launch_bench", arguments);

    add_row("ptx_launch", find_figure(output, "ptx_launch", "us"), "us",
            "to another thread and back, at the most", 6, LESS_IS_BETTER, 1);
    add_row("ptx_launch_wait", find_figure(output, "ptx_launch_wait", "us"), "us",
            "to another thread and back", find_figure(output, "ptx_launch", "us"), LESS_IS_BETTER,
            0);
    free(output);
}

static void bench_compiler(void)
{
    char *compiler = harness_build_path("host/cuda-cpu/baregpu-ptxc");
    const char *const arguments[] = {compiler, NULL};
    char *output = run_tool("tests/bench/ptx_compile_bench", arguments);

    for (size_t i = 0; i < sizeof(compilations) / sizeof(compilations[0]); i++) {
        add_row(compilations[i].name, find_figure(output, compilations[i].name, "ms"), "ms",
                "the most it may take", compilations[i].goal_ms, LESS_IS_BETTER, 1);
    }
    free(output);
    free(compiler);
}

void bench_ptx(void)
{
    char *folder = harness_build_path("tests/bench/ptx");
    const char *const arguments[] = {folder, NULL};
    char *output = run_tool("tests/bench/ptx_bench", arguments);

    for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        add_row(kernels[i].name, find_figure(output, kernels[i].name, "ns") / 1e3, "us",
                "C, one thread", find_figure(output, kernels[i].name, "c_ns") / 1e3, LESS_IS_BETTER,
                kernels[i].goal);
    }
    add_row("ptx_scaling", find_figure(output, "ptx_scaling", "ns") / 1e3, "us",
            "one thread of two", find_figure(output, "ptx_scaling", "alone_ns") / 1e3,
            LESS_IS_BETTER, 0.55);
    add_row("ptx_scaling_c", find_figure(output, "ptx_scaling_c", "ns") / 1e3, "us",
            "one after the other", find_figure(output, "ptx_scaling_c", "alone_ns") / 1e3,
            LESS_IS_BETTER, 0);
    add_row("ptx_checks_all", find_figure(output, "ptx_checks_all", "ns") / 1e3, "us",
            "the same unchecked", find_figure(output, "ptx_checks_all", "unchecked_ns") / 1e3,
            LESS_IS_BETTER, 15);
    free(output);
    free(folder);
    bench_launch();
    bench_compiler();
}
