/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make bench: what a guest draws, beside programs on the host that draw the same with the same
 * driver, and beside memcpy, in the same rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/rows.h"
#include "harness_qemu.h"

#define GUEST_DEADLINE_MS 240000u
#define UPLOAD_SIZE (16u << 20)
#define COPIES 15

/* Of the host's draws 80 %, of its frames 90 %, of memcpy 70 %. */
#define DRAWS_GOAL (1 / 0.8)
#define SCENE_GOAL (1 / 0.9)
#define UPLOAD_GOAL (1 / 0.7)

struct rounds {
    double draws[ROUNDS], upload[ROUNDS], scene[ROUNDS];
    double host_draws[ROUNDS], host_scene[ROUNDS], copy[ROUNDS];
};

static char *run_guest(const char *append, const char *socket)
{
    char *arguments = harness_format("-device pvgpu,backend_pipe=%s", socket);
    const struct guest_options options = {
        .append = append, .arguments = arguments, .deadline_ms = GUEST_DEADLINE_MS};
    char *output = run_guest_to_end(&options);

    free(arguments);
    return output;
}

/* What the demo says for people: "N frames in N ms: N.N per second". */
static double read_rate(const char *output)
{
    const char *line = strstr(output, " frames in ");
    double rate = 0;

    if (line == NULL || sscanf(line, " frames in %*u ms: %lf per second", &rate) != 1) {
        harness_fail("no rate in this:\n%s", output);
    }
    return rate;
}

static double run_host(const char *tool, const char *figure)
{
    const char *const arguments[] = {NULL};
    char *output = run_tool(tool, arguments);
    double value = find_figure(output, figure, "value");

    free(output);
    return value;
}

static void take_round(struct rounds *r, int round, const char *socket)
{
    char *output = run_guest("run=bench-pvgpu-draw", socket);

    r->draws[round] = find_figure(output, "pvgpu_draws", "value");
    r->upload[round] = find_figure(output, "pvgpu_upload", "value");
    free(output);
    r->host_draws[round] = run_host("tests/bench/vulkan_draws_bench", "vulkan_draws");
    r->copy[round] = memcpy_rate(UPLOAD_SIZE, COPIES);
    output = run_guest("run=pvgpu-draw width=1280 height=720 frames=46", socket);
    r->scene[round] = read_rate(output);
    free(output);
    r->host_scene[round] = run_host("tests/bench/vulkan_scene_bench", "vulkan_scene");
}

void bench_pvgpu_draw(void)
{
    static struct rounds r;
    char *socket = harness_temp_path("draw.sock");
    struct process *mediator = mediator_start("--pvgpu-socket %s --log-level error", socket);

    for (int i = 0; i < ROUNDS; i++) {
        take_round(&r, i, socket);
    }
    add_row("pvgpu_draws_per_s", median(r.draws, ROUNDS), "1/s", "a Vulkan program on the host",
            median(r.host_draws, ROUNDS), MORE_IS_BETTER, DRAWS_GOAL);
    add_row("pvgpu_scene_fps", median(r.scene, ROUNDS), "1/s", "a Vulkan program on the host",
            median(r.host_scene, ROUNDS), MORE_IS_BETTER, SCENE_GOAL);
    add_row("pvgpu_upload", median(r.upload, ROUNDS), "B/s", "memcpy of 16 MiB on the host",
            median(r.copy, ROUNDS), MORE_IS_BETTER, UPLOAD_GOAL);
    process_end(mediator);
    free(socket);
}
