/* SPDX-License-Identifier: BSD-2-Clause */
/* make bench: what waiting by interrupt costs, beside polling. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/rows.h"
#include "harness.h"
#include "harness_qemu.h"
#include "protocol/compute.h"
#include "protocol/vgpu_stub.h"

#define REQUESTS 10000

/* A spin ends before the interrupt is needed, so it is to be about as good as polling. */
#define SPIN_GOAL 1.3

#define IDLE_MS 2000u
#define IDLE_LIMIT_PERCENT 2.0

enum { POLL, IRQ, SPIN, WAYS };
static const char *const ways[WAYS] = {"poll", "irq", "spin"};

/* ---- What a process has used ---- */

static double cpu_seconds(const struct process *process)
{
    char path[64], line[1024];
    unsigned long user, system;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)process_pid(process));
    file = fopen(path, "r");
    if (file == NULL || fgets(line, sizeof(line), file) == NULL || strrchr(line, ')') == NULL ||
        sscanf(strrchr(line, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
               &user, &system) != 2) {
        harness_fail("cannot read %s", path);
    }
    fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static struct process *start_guest(const char *socket, const char *options)
{
    char *append = harness_format("run=bench-wait console=semihosting %s", options);
    char *arguments = harness_format("-device vgpu-stub,socket=%s", socket);
    const struct guest_options guest = {.append = append, .arguments = arguments};
    struct process *process = guest_start(&guest);

    free(arguments);
    free(append);
    return process;
}

static void end_guest(struct process *guest)
{
    int status = process_wait(guest);

    if (status != 0) {
        harness_fail("the guest ended with status %d:\n%s", status, process_output(guest));
    }
    process_end(guest);
}

/* ---- Round trips ---- */

struct figures {
    double p50_ns, p99_ns, cpu_us; /* the last one per request, of the host */
};

static struct figures measure(const char *socket, const char *way)
{
    char *options = harness_format("only=%s n=%d", way, REQUESTS);
    char *marker = harness_format("MARK %s\n", way);
    struct process *guest = start_guest(socket, options);
    struct figures figures;
    double before;

    process_wait_text(guest, marker);
    before = cpu_seconds(guest);
    process_wait_text(guest, "MARK end\n");
    figures.cpu_us = (cpu_seconds(guest) - before) * 1e6 / REQUESTS;
    process_wait_text(guest, "BENCH ");
    process_wait(guest);
    figures.p50_ns = find_figure(process_output(guest), way, "p50");
    figures.p99_ns = find_figure(process_output(guest), way, "p99");
    end_guest(guest);
    free(marker);
    free(options);
    return figures;
}

static void bench_round_trips(const char *socket)
{
    double p50[WAYS][ROUNDS], p99[WAYS][ROUNDS], cpu[WAYS][ROUNDS];
    double of_poll[3];

    for (int round = 0; round < ROUNDS; round++) {
        for (int way = 0; way < WAYS; way++) {
            struct figures figures = measure(socket, ways[way]);

            p50[way][round] = figures.p50_ns;
            p99[way][round] = figures.p99_ns;
            cpu[way][round] = figures.cpu_us;
        }
    }
    of_poll[0] = median(p50[POLL], ROUNDS);
    of_poll[1] = median(p99[POLL], ROUNDS);
    of_poll[2] = median(cpu[POLL], ROUNDS);
    for (int way = IRQ; way < WAYS; way++) {
        char *rtt = harness_format("vgpu_stub_%s_rtt", ways[way]);
        char *rtt_p99 = harness_format("vgpu_stub_%s_rtt_p99", ways[way]);
        char *request = harness_format("vgpu_stub_%s_host_cpu", ways[way]);

        add_row(rtt, median(p50[way], ROUNDS), "ns", "polled", of_poll[0], LESS_IS_BETTER,
                way == SPIN ? SPIN_GOAL : 0);
        add_row(rtt_p99, median(p99[way], ROUNDS), "ns", "polled", of_poll[1], LESS_IS_BETTER, 0);
        add_row(request, median(cpu[way], ROUNDS), "us", "polled, of all of QEMU per request",
                of_poll[2], LESS_IS_BETTER, 0);
        free(request);
        free(rtt_p99);
        free(rtt);
    }
}

/* ---- A guest that waits ---- */

static struct bg_vgpu_stub_message take_request(int peer)
{
    uint8_t payload[BG_VGPU_STUB_PAYLOAD_MAX];
    struct bg_vgpu_stub_message header;

    if (socket_read(peer, &header, sizeof(header), HARNESS_TIMEOUT_MS) != sizeof(header) ||
        header.type != BG_VGPU_STUB_MESSAGE_REQUEST ||
        socket_read(peer, payload, header.payload_length, HARNESS_TIMEOUT_MS) !=
            header.payload_length) {
        harness_fail("no request came");
    }
    return header;
}

static void answer(int peer, struct bg_vgpu_stub_message header)
{
    struct {
        struct bg_vgpu_stub_message header;
        struct bg_vgpu_stub_response response;
    } message = {.header = header,
                 .response = {.version = BG_VGPU_STUB_PROTOCOL_VERSION,
                              .status = BG_COMPUTE_OK,
                              .data_offset = sizeof(message.response)}};

    message.header.type = BG_VGPU_STUB_MESSAGE_RESPONSE;
    message.header.payload_length = sizeof(message.response);
    if (!socket_write(peer, &message, sizeof(message))) {
        harness_fail("the guest is gone");
    }
}

/* Per cent of a host's CPU, while the guest waits for an answer that takes IDLE_MS. */
static double idle_percent(const char *way)
{
    char *path = harness_temp_path("idle.sock");
    char *options = harness_format("only=%s idle=1", way);
    int listener = unix_listen(path, 1);
    struct process *guest = start_guest(path, options);
    int peer = unix_accept(listener, HARNESS_TIMEOUT_MS);

    if (peer < 0) {
        harness_fail("the guest does not connect");
    }
    struct bg_vgpu_stub_message request = take_request(peer);

    socket_wait_closed(peer, 300); /* the naps grow to their full length meanwhile */
    uint64_t before_ms = harness_now_ms();
    double before = cpu_seconds(guest);

    socket_wait_closed(peer, IDLE_MS);
    double used = cpu_seconds(guest) - before;
    double percent = used * 1e5 / (double)(harness_now_ms() - before_ms);

    answer(peer, request);
    end_guest(guest);
    close(peer);
    close(listener);
    free(options);
    free(path);
    return percent;
}

static void bench_idle(void)
{
    double percent[WAYS];

    for (int way = 0; way < WAYS; way++) {
        percent[way] = idle_percent(ways[way]);
    }
    add_row("irq_idle_cpu", percent[IRQ], "%", "limit", IDLE_LIMIT_PERCENT, LESS_IS_BETTER, 1.0);
    add_row("spin_idle_cpu", percent[SPIN], "%", "limit", IDLE_LIMIT_PERCENT, LESS_IS_BETTER, 1.0);
    const struct bench_row poll = {.name = "poll_idle_cpu",
                                   .value = percent[POLL],
                                   .unit = "%",
                                   .reference = "for reading: a CPU that polls is busy",
                                   .has_no_reference = true};

    add_row_of(&poll);
}

/* ---- Instructions ---- */

static void bench_entry(void)
{
    for (unsigned version = 2; version <= 3; version++) {
        char *machine = harness_format("virt,gic-version=%u", version);
        char *name = harness_format("interrupt_entry_gicv%u", version);
        const struct guest_options guest = {.machine = machine,
                                            .append = "run=bench_interrupt",
                                            .arguments = "-icount shift=0,sleep=off"};
        char *output;

        if (guest_run(&guest, &output) != 0) {
            harness_fail("run=bench_interrupt failed:\n%s", output);
        }
        add_row(name, find_figure(output, name, "value"), "instr", "limit", 300, LESS_IS_BETTER,
                1.0);
        free(output);
        free(name);
        free(machine);
    }
}

void bench_interrupts(void)
{
    char *socket = harness_temp_path("wait.sock");
    struct process *mediator = mediator_start("--backend cpu --socket %s", socket);

    bench_round_trips(socket);
    process_end(mediator);
    free(socket);
    bench_idle();
    bench_entry();
}
