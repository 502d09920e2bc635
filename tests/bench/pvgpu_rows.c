/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make bench: the shared-memory GPU, beside what shared memory costs two processes of this host and
 * what memcpy does here, in the same rounds.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/rows.h"
#include "harness_qemu.h"

#define PINGPONGS 200000u
#define PINGPONG_BLOCK 100u
#define PINGPONG_TIMEOUT_S 30
#define COPY_SIZE (64u << 20)
#define COPIES 15
#define FRAME_BYTES (1920u * 1080 * 4)

/* The issue's: a fence costs at most four plain round trips of a cache line, the stub's mailbox at
 * least twenty fences; a copy reaches 90 % of memcpy, a frame two thirds. */
#define FENCE_GOAL 4.0
#define STUB_GOAL (1 / 20.0)
#define COPY_GOAL (1 / 0.9)
#define PRESENT_GOAL 1.5

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* ---- References ---- */

/* Two words in cache lines of their own, as producer_ptr and host_fence_completed are. */
struct lines {
    uint64_t ping;
    uint8_t pad[56];
    uint64_t pong;
};

static void answer(struct lines *lines)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (uint64_t i = 1; i <= PINGPONGS; i++) {
        while (__atomic_load_n(&lines->ping, __ATOMIC_ACQUIRE) != i) {
        }
        __atomic_store_n(&lines->pong, i, __ATOMIC_RELEASE);
    }
    _exit(0);
}

/* A round trip between two processes that poll; of blocks, as the guest measures its own. */
static double pingpong_ns(void)
{
    static double blocks[PINGPONGS / PINGPONG_BLOCK];
    struct lines *lines =
        mmap(NULL, sizeof(*lines), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t peer;

    if (lines == MAP_FAILED || (peer = fork()) < 0) {
        harness_fail("no second process");
    }
    if (peer == 0) {
        answer(lines);
    }
    double end_ns = now_ns() + PINGPONG_TIMEOUT_S * 1e9, start_ns = now_ns();

    for (uint64_t i = 1; i <= PINGPONGS; i++) {
        __atomic_store_n(&lines->ping, i, __ATOMIC_RELEASE);
        while (__atomic_load_n(&lines->pong, __ATOMIC_ACQUIRE) != i) {
        }
        if (i % PINGPONG_BLOCK == 0) {
            double stop_ns = now_ns();

            blocks[i / PINGPONG_BLOCK - 1] = (stop_ns - start_ns) / PINGPONG_BLOCK;
            start_ns = stop_ns;
            if (stop_ns > end_ns) {
                harness_fail("the shared-memory ping-pong takes too long");
            }
        }
    }
    waitpid(peer, NULL, 0);
    munmap(lines, sizeof(*lines));
    return median(blocks, PINGPONGS / PINGPONG_BLOCK);
}

double memcpy_rate(size_t size, int count)
{
    double rates[COPIES];
    char *from = malloc(size), *to = malloc(size);

    if (from == NULL || to == NULL || count > COPIES) {
        harness_fail("no memory for a copy");
    }
    memset(from, 0x5A, size);
    memset(to, 0, size);
    for (int i = 0; i < count; i++) {
        double start_ns = now_ns();

        memcpy(to, from, size);
        __asm__ volatile("" : : "r"(to), "r"(from) : "memory");
        rates[i] = (double)size * 1e9 / (now_ns() - start_ns);
    }
    free(from);
    free(to);
    return median(rates, (size_t)count);
}

/* ---- The guest ---- */

static char *run_guest(const char *append, const char *device, const char *socket)
{
    char *arguments = harness_format("-device %s=%s", device, socket);
    const struct guest_options options = {.append = append, .arguments = arguments};
    char *output = run_guest_to_end(&options);

    free(arguments);
    return output;
}

enum { FENCE, COMMANDS_1, COMMANDS_16, COMMANDS_256, COPY_IN, COPY_OUT, FPS, FIGURES };

static const char *const names[FIGURES] = {
    [FENCE] = "pvgpu_fence_rtt",         [COMMANDS_1] = "pvgpu_commands_1",
    [COMMANDS_16] = "pvgpu_commands_16", [COMMANDS_256] = "pvgpu_commands_256",
    [COPY_IN] = "pvgpu_copy_in",         [COPY_OUT] = "pvgpu_copy_out",
    [FPS] = "pvgpu_present_fps",
};

struct rounds {
    double figures[FIGURES][ROUNDS];
    double pingpong[ROUNDS], stub[ROUNDS], copy[ROUNDS], frame[ROUNDS];
    double shown, dropped, copied;
};

static void add_rows(struct rounds *r)
{
    double fence = median(r->figures[FENCE], ROUNDS), pingpong = median(r->pingpong, ROUNDS);
    double copy = median(r->copy, ROUNDS);

    add_row("pvgpu_fence_rtt", fence, "ns", "shared-memory ping-pong of two processes", pingpong,
            LESS_IS_BETTER, FENCE_GOAL);
    add_row("pvgpu_fence_vs_stub", fence, "ns", "vgpu-stub NOP", median(r->stub, ROUNDS),
            LESS_IS_BETTER, STUB_GOAL);
    for (int i = COMMANDS_1; i <= COMMANDS_256; i++) {
        char *name = harness_format("pvgpu_commands_per_s_%s", strrchr(names[i], '_') + 1);

        add_row(name, median(r->figures[i], ROUNDS), "1/s", "fences per second, one at a time",
                1e9 / fence, MORE_IS_BETTER, 0);
        free(name);
    }
    add_row("pvgpu_copy_in", median(r->figures[COPY_IN], ROUNDS), "B/s",
            "memcpy of 64 MiB on the host", copy, MORE_IS_BETTER, COPY_GOAL);
    add_row("pvgpu_copy_out", median(r->figures[COPY_OUT], ROUNDS), "B/s",
            "memcpy of 64 MiB on the host", copy, MORE_IS_BETTER, COPY_GOAL);
    /* One copy per frame, from the texture to the console's memory. */
    add_row("pvgpu_present_fps", median(r->figures[FPS], ROUNDS), "1/s",
            "memcpy of 1920 x 1080 pixels on the host", median(r->frame, ROUNDS) / FRAME_BYTES,
            MORE_IS_BETTER, PRESENT_GOAL);
    add_row("pvgpu_present_dropped", r->dropped, "1", "frames shown", r->shown, LESS_IS_BETTER, 0);
    /* On the host, as the backend counts them; the guest makes none. */
    add_row("pvgpu_present_copies", r->copied / FRAME_BYTES, "1", "frames shown", r->shown,
            LESS_IS_BETTER, 1.0);
}

void bench_pvgpu(void)
{
    static struct rounds r;
    char *socket = harness_temp_path("bench.sock"), *pvgpu = harness_temp_path("pvgpu.sock");
    struct process *mediator =
        mediator_start("--socket %s --pvgpu-socket %s --log-level error", socket, pvgpu);

    r.shown = r.dropped = r.copied = 0;
    for (int i = 0; i < ROUNDS; i++) {
        char *output = run_guest("run=bench-pvgpu", "pvgpu,backend_pipe", pvgpu);
        char *stub = run_guest("run=bench-vgpu", "vgpu-stub,access64=on,socket", socket);

        for (int j = 0; j < FIGURES; j++) {
            r.figures[j][i] = find_figure(output, names[j], "value");
        }
        r.shown += find_figure(output, "pvgpu_presents", "shown");
        r.dropped += find_figure(output, "pvgpu_presents", "dropped");
        r.copied += find_figure(output, "pvgpu_presents", "copied");
        r.stub[i] = find_figure(stub, "vgpu_stub_nop_rtt", "p50");
        r.pingpong[i] = pingpong_ns();
        r.copy[i] = memcpy_rate(COPY_SIZE, COPIES);
        r.frame[i] = memcpy_rate(FRAME_BYTES, COPIES);
        free(stub);
        free(output);
    }
    add_rows(&r);
    process_end(mediator);
    free(pvgpu);
    free(socket);
}
