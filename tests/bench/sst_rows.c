/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make bench: virtio-sst beside a ping-pong of its structures between two processes of the host.
 *
 * What bounds it: at depth 1 the two wake-ups of a round trip, the simulator's and that of QEMU's
 * main loop; the same as the ping-pong has. At depth 32 they are paid once for all that are under
 * way, and the rest is the work for each request: about half of it the device's (it copies 4104
 * bytes out of the guest and 4112 into it), which is what a NOOP takes, too.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/rows.h"
#include "harness.h"
#include "harness_qemu.h"
#include "syscalls.h"

#define DEADLINE_MS 120000u
#define PINGPONG_COUNT "5000"
#define RTT_GOAL 2.0
#define DEPTH_GOAL (1.0 / 8)
#define PAIRS 2

static const char *const rates[] = {"sst_rate_1",      "sst_rate_8",       "sst_rate_32",
                                    "sst_read_rate_1", "sst_read_rate_32", "sst_noop_rate_32"};
enum { RATE_1, RATE_8, RATE_32, READ_1, READ_32, NOOP_32, RATES };

static struct process *start_simulator(const char *socket)
{
    char *program = harness_build_path("host/baregpu-sst-sim");
    const char *argv[] = {program, socket, "--ready-fd", "1", NULL};
    const struct process_options options = {.deadline_ms = 10 * DEADLINE_MS};
    struct process *process = process_start(argv, &options);

    process_wait_text(process, "ready");
    free(program);
    return process;
}

static double idle_ping_pong(void)
{
    char *program = harness_build_path("tests/bench/pingpong_bench");
    const char *argv[] = {program, "4104", "4112", PINGPONG_COUNT, NULL};
    const struct process_options options = {.deadline_ms = DEADLINE_MS};
    struct process *process = process_start(argv, &options);

    if (process_wait(process) != 0) {
        harness_fail("%s: %s", program, process_errors(process));
    }
    double p50_ns = find_figure(process_output(process), "socket_pingpong_idle", "p50_ns");

    process_end(process);
    free(program);
    return p50_ns;
}

static char *run_guest(const char *socket, const char *append, const char *device, const char *more)
{
    char *arguments = harness_format("-device virtio-sst-pci,socket=%s%s%s", socket, device, more);
    const struct guest_options options = {
        .append = append, .arguments = arguments, .deadline_ms = DEADLINE_MS};
    char *output = run_guest_to_end(&options);

    free(arguments);
    return output;
}

static struct syscalls count_syscalls(const char *socket)
{
    char *arguments = harness_format("-device virtio-sst-pci,socket=%s", socket);
    struct syscalls calls = syscalls_of_request("run=bench-sst rtt=1", arguments, 500, 2500);

    free(arguments);
    return calls;
}

void bench_sst(void)
{
    double ping[ROUNDS], rtt[ROUNDS], rate[RATES][ROUNDS], pairs[ROUNDS];
    char *socket = harness_temp_path("bench-sst.sock");
    struct process *simulator = start_simulator(socket);

    for (int round = 0; round < ROUNDS; round++) {
        ping[round] = idle_ping_pong();
        char *output = run_guest(socket, "run=bench-sst", "", "");

        rtt[round] = find_figure(output, "sst_rtt", "p50");
        for (int i = 0; i < RATES; i++) {
            rate[i][round] = find_figure(output, rates[i], "per_s");
        }
        free(output);
        char *append = harness_format("run=bench-sst pairs=%u", PAIRS);
        char *device = harness_format(",num-queues=%u", PAIRS);
        char *more = harness_format(" -smp %u", PAIRS);

        output = run_guest(socket, append, device, more);
        pairs[round] = find_figure(output, "sst_rate_pairs", "per_s");
        free(output);
        free(append);
        free(device);
        free(more);
    }
    const struct syscalls calls = count_syscalls(socket);

    process_end(simulator);
    free(socket);

    double one = median(rate[RATE_1], ROUNDS), deep = median(rate[RATE_32], ROUNDS);

    add_row("sst_depth1_rtt", median(rtt, ROUNDS), "ns",
            "ping-pong of 4104 and 4112 bytes, idle machine; bound by the same two wake-ups",
            median(ping, ROUNDS), LESS_IS_BETTER, RTT_GOAL);
    add_syscalls_row("sst_depth1_syscalls", &calls, "a send, and a wait and a read for the answer",
                     3);
    add_row("sst_depth1_throughput", one, "1/s", "such ping-pongs per second",
            1e9 / median(ping, ROUNDS), MORE_IS_BETTER, 0);
    add_row("sst_depth8_throughput", median(rate[RATE_8], ROUNDS), "1/s", "one at a time", one,
            MORE_IS_BETTER, 0);
    add_row("sst_depth32_throughput", deep, "1/s",
            "one at a time; bound by two wake-ups for a batch, and the device's copies", one,
            MORE_IS_BETTER, DEPTH_GOAL);
    add_row("sst_depth32_read_throughput", median(rate[READ_32], ROUNDS), "1/s",
            "READs of 4080 bytes one at a time", median(rate[READ_1], ROUNDS), MORE_IS_BETTER,
            DEPTH_GOAL);
    add_row("sst_depth32_noop_throughput", median(rate[NOOP_32], ROUNDS), "1/s",
            "with the simulator: the rest is the driver's and the device's", deep, MORE_IS_BETTER,
            0);
    add_row("sst_multi_queue_throughput", median(pairs, ROUNDS), "1/s",
            "one pair, depth 32; 2 pairs on 2 CPUs that sleep, bound by the host's CPUs", deep,
            MORE_IS_BETTER, 0);
}
