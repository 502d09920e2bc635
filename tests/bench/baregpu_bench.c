/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/harness.c tests/harness_qemu.c tests/bench/virtio_rows.c tests/bench/smp_rows.c
// build: tests/bench/interrupt_rows.c tests/bench/pvgpu_rows.c tests/bench/cuda_rows.c
// build: tests/bench/draw_rows.c tests/bench/metrics_rows.c tests/bench/connect_rows.c
// build: tests/bench/sst_rows.c tests/bench/ptx_rows.c tests/syscalls.c
/*
 * make bench: measures, each figure beside what it is held against in the same run, prints a table
 * and writes build/bench.json (design: one object per row; `ratio` is value over reference, or its
 * inverse where more is better, so that a ratio up to `goal` is good). Never fails for a slow day:
 * only when something could not be measured.
 */
#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "bench/rows.h"
#include "harness_qemu.h"
#include "syscalls.h"

#define PINGPONG_COUNT "5000"
#define MESSAGE_BYTES "52" /* a NOP: header of 20 bytes and 32 of request; its answer alike */
#define LOAD_SECONDS "2"
#define FAIRNESS_SECONDS "4" /* some hundred turns of each client */
#define TOOL_DEADLINE_MS 120000u
/* One more for each tenth request is too much; a look of the main loop now and then is not. */
#define SYSCALLS_GOAL 1.05

/* What the kernel may cost. Text is code and constants of all apps, fonts and shaders included. */
#define LIMIT_TEXT_BYTES (448.0 * 1024)
/* And one of a user's that prints and finds a vgpu-stub: what the library costs who links it. */
#define LIMIT_MINIMAL_TEXT_BYTES (32.0 * 1024)
#define LIMIT_DATA_BYTES (16.0 * 1024)
#define LIMIT_STACK_BYTES (128.0 * 1024)
#define LIMIT_HEAP_BYTES (1024.0 * 1024)
/* From the first instruction. A boot to exit, QEMU's own start included, takes 30 to 50 ms. */
#define LIMIT_PCI_NS 10e6
#define LIMIT_RESULT_NS 20e6
#define LIMIT_PCI_INSTRUCTIONS 5e6
#define LIMIT_RESULT_INSTRUCTIONS 6e6

static json_t *rows;

/* Small ones with a fraction. */
static void print_value(double value, bool is_known)
{
    if (is_known) {
        printf(" %14.*f", value < 100 ? 2 : 0, value);
    } else {
        printf(" %14s", "-");
    }
}

json_t *add_row_of(const struct bench_row *in)
{
    bool is_compared = !in->has_no_value && !in->has_no_reference, has_goal = in->goal > 0;
    double ratio = !is_compared                   ? 0
                   : in->better == LESS_IS_BETTER ? in->value / in->reference_value
                                                  : in->reference_value / in->value;
    bool is_met = ratio <= in->goal;
    json_t *row = json_object();

    json_object_set_new(row, "name", json_string(in->name));
    json_object_set_new(row, "value", in->has_no_value ? json_null() : json_real(in->value));
    json_object_set_new(row, "unit", json_string(in->unit));
    json_object_set_new(row, "reference", json_string(in->reference));
    json_object_set_new(row, "reference_value",
                        in->has_no_reference ? json_null() : json_real(in->reference_value));
    json_object_set_new(row, "ratio", is_compared ? json_real(ratio) : json_null());
    json_object_set_new(row, "goal", has_goal ? json_real(in->goal) : json_null());
    json_object_set_new(row, "met", has_goal && is_compared ? json_boolean(is_met) : json_null());
    json_array_append_new(rows, row);
    printf("%-32s", in->name);
    print_value(in->value, !in->has_no_value);
    printf(" %-6s", in->unit);
    print_value(in->reference_value, !in->has_no_reference);
    if (is_compared) {
        printf(" %7.*f", ratio < 0.1 ? 3 : 2, ratio);
    } else {
        printf(" %7s", "-");
    }
    printf(" %6s  %-4s %s\n", has_goal ? "" : "-",
           !has_goal || !is_compared ? ""
           : is_met                  ? "yes"
                                     : "NO",
           in->reference);
    fflush(stdout);
    return row;
}

void add_row(const char *name, double value, const char *unit, const char *reference,
             double reference_value, enum better better, double goal)
{
    const struct bench_row row = {.name = name,
                                  .value = value,
                                  .unit = unit,
                                  .reference = reference,
                                  .reference_value = reference_value,
                                  .better = better,
                                  .goal = goal};

    add_row_of(&row);
}

void add_syscalls_row(const char *name, const struct syscalls *calls, const char *fewest,
                      double fewest_count)
{
    const struct bench_row row = {.name = name,
                                  .value = syscalls_needed(calls),
                                  .unit = "calls",
                                  .reference = fewest,
                                  .reference_value = fewest_count,
                                  .better = LESS_IS_BETTER,
                                  .goal = SYSCALLS_GOAL};
    json_t *added = add_row_of(&row);

    json_object_set_new(added, "empty_reads", json_real(calls->empty_reads));
    json_object_set_new(added, "locks", json_real(calls->locks));
    printf("%32s and %.2f reads that found nothing, %.2f for locks\n", "", calls->empty_reads,
           calls->locks);
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare_doubles);
    return values[count / 2];
}

/* ---- Figures of other programs: JSON objects in lines ---- */

double find_figure(const char *output, const char *name, const char *key)
{
    const char *next;

    for (const char *line = output; line != NULL; line = next) {
        const char *start = line + strcspn(line, "{\n");
        json_t *object = *start == '{' ? json_loads(start, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
        const char *found = json_string_value(json_object_get(object, "name"));
        json_t *figure = json_object_get(object, key);
        double value = json_number_value(figure);
        bool is_it = found != NULL && strcmp(found, name) == 0 && json_is_number(figure);

        json_decref(object);
        if (is_it) {
            return value;
        }
        next = strchr(line, '\n');
        next = next != NULL ? next + 1 : NULL;
    }
    harness_fail("no figure %s of %s in:\n%s", key, name, output);
}

char *run_tool(const char *name, const char *const *arguments)
{
    char *program = harness_build_path(name);
    const char *argv[16] = {program};
    const struct process_options options = {.deadline_ms = TOOL_DEADLINE_MS};
    struct process *process;
    char *output;
    int status;

    for (size_t i = 0; arguments[i] != NULL; i++) {
        argv[i + 1] = arguments[i];
    }
    process = process_start(argv, &options);
    status = process_wait(process);
    if (status != 0) {
        harness_fail("%s ended with status %d: %s", program, status, process_errors(process));
    }
    output = strdup(process_output(process));
    process_end(process);
    free(program);
    return output;
}

double measure_beside(double (*measure)(const char *), const char *socket,
                      void (*work)(const char *), const char *work_socket)
{
    pid_t child = fork();

    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            work(work_socket);
        }
    }
    if (child < 0) {
        harness_fail("no process beside the measurement");
    }
    double value = measure(socket);
    int status;

    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    if (!WIFSIGNALED(status)) {
        harness_fail("the process beside the measurement ended by itself");
    }
    return value;
}

char *run_guest_to_end(const struct guest_options *options)
{
    char *output;
    int status = guest_run(options, &output);

    if (status != 0) {
        harness_fail("%s ended with status %d:\n%s", options->append, status, output);
    }
    return output;
}

static char *run_guest(const char *socket, const char *append, const char *more)
{
    char *arguments = harness_format("-device vgpu-stub,access64=on,socket=%s%s", socket, more);
    const struct guest_options options = {.append = append, .arguments = arguments};
    char *output = run_guest_to_end(&options);

    free(arguments);
    return output;
}

/* ---- Round trips ---- */

static double idle_rtt_ns; /* of the raw ping-pong */

static void bench_round_trip(const char *socket)
{
    static const char *const pingpong[] = {MESSAGE_BYTES, MESSAGE_BYTES, PINGPONG_COUNT, NULL};
    double idle[ROUNDS], busy[ROUNDS], guest[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        char *raw = run_tool("tests/bench/pingpong_bench", pingpong);
        char *output = run_guest(socket, "run=bench-vgpu", "");

        idle[i] = find_figure(raw, "socket_pingpong_idle", "p50_ns");
        busy[i] = find_figure(raw, "socket_pingpong_busy", "p50_ns");
        guest[i] = find_figure(output, "vgpu_stub_nop_rtt", "p50");
        free(output);
        free(raw);
    }
    idle_rtt_ns = median(idle, ROUNDS);
    add_row("vgpu_stub_nop_rtt", median(guest, ROUNDS), "ns", "socket ping-pong, idle machine",
            idle_rtt_ns, LESS_IS_BETTER, 1.5);
    add_row("vgpu_stub_nop_rtt_busy", median(guest, ROUNDS), "ns",
            "socket ping-pong beside a busy core", median(busy, ROUNDS), LESS_IS_BETTER, 0);
}

static void bench_syscalls(const char *socket)
{
    char *arguments = harness_format("-device vgpu-stub,access64=on,socket=%s", socket);
    const struct syscalls calls = syscalls_of_request("run=bench-vgpu", arguments, 500, 2500);

    add_syscalls_row("vgpu_stub_nop_syscalls", &calls, "a send, and a read that finds the answer",
                     2);
    free(arguments);
}

/* ---- Load ---- */

static const int client_counts[] = {1, 8, 64};

#define CLIENT_COUNTS (sizeof(client_counts) / sizeof(client_counts[0]))

/* goal_of_one: what one client makes is what more of them are held to; 0: only that their rate does
 * not fall. */
static void add_load_rows(const char *row, double goal_of_one, double rates[CLIENT_COUNTS][ROUNDS],
                          double p50_ns[CLIENT_COUNTS], double p99_ns[CLIENT_COUNTS],
                          double p999_ns[CLIENT_COUNTS])
{
    double of_one = median(rates[0], ROUNDS), of_eight = median(rates[1], ROUNDS);
    const struct {
        const char *reference;
        double value, goal;
    } held[CLIENT_COUNTS] = {
        {"socket ping-pongs per second, idle", 1e9 / idle_rtt_ns, 0},
        {"one client", of_one, goal_of_one},
        {goal_of_one > 0 ? "one client" : "eight clients", goal_of_one > 0 ? of_one : of_eight,
         goal_of_one > 0 ? goal_of_one : 1.1}, /* "does not fall": within what runs differ by */
    };

    for (size_t i = 0; i < CLIENT_COUNTS; i++) {
        char *name = harness_format("%s_%d", row, client_counts[i]);
        json_t *last;

        add_row(name, median(rates[i], ROUNDS), "1/s", held[i].reference, held[i].value,
                MORE_IS_BETTER, held[i].goal);
        last = json_array_get(rows, json_array_size(rows) - 1);
        json_object_set_new(last, "p50_ns", json_real(p50_ns[i]));
        json_object_set_new(last, "p99_ns", json_real(p99_ns[i]));
        json_object_set_new(last, "p999_ns", json_real(p999_ns[i]));
        printf("%32s p50 %.0f us, p99 %.0f us, p99.9 %.0f us\n", "", p50_ns[i] / 1e3,
               p99_ns[i] / 1e3, p999_ns[i] / 1e3);
        free(name);
    }
}

static void bench_load(const char *socket, const char *operation, const char *row,
                       double goal_of_one)
{
    double rates[CLIENT_COUNTS][ROUNDS], p50[CLIENT_COUNTS], p99[CLIENT_COUNTS],
        p999[CLIENT_COUNTS];

    for (int round = 0; round < ROUNDS; round++) {
        const char *const arguments[] = {socket,       "--clients",   "1,8,64",  "--seconds",
                                         LOAD_SECONDS, "--operation", operation, NULL};
        char *output = run_tool("tests/bench/mediator_load_bench", arguments);

        for (size_t i = 0; i < CLIENT_COUNTS; i++) {
            char *name = harness_format("mediator_requests_per_s_%d", client_counts[i]);

            rates[i][round] = find_figure(output, name, "requests_per_s");
            p50[i] = find_figure(output, name, "p50_ns");
            p99[i] = find_figure(output, name, "p99_ns");
            p999[i] = find_figure(output, name, "p999_ns");
            free(name);
        }
        free(output);
    }
    add_load_rows(row, goal_of_one, rates, p50, p99, p999);
}

/* ---- Fairness ---- */

/* Jain's index over additions by eight clients on each socket. */
static void add_fairness_rows(const char *row, const char *const sockets[], const char *figure,
                              double least)
{
    double times[ROUNDS], works[ROUNDS];
    char *work_row = harness_format("%s_work", row);

    for (int round = 0; round < ROUNDS; round++) {
        const char *arguments[16] = {"--clients",      "8",           "--seconds",
                                     FAIRNESS_SECONDS, "--operation", "add"};
        unsigned count = 6;

        for (unsigned i = 0; sockets[i] != NULL; i++) {
            arguments[count++] = sockets[i];
        }
        char *output = run_tool("tests/bench/mediator_load_bench", arguments);

        times[round] = find_figure(output, figure, "jain_time");
        works[round] = find_figure(output, figure, "jain_work");
        free(output);
    }
    add_row(row, median(times, ROUNDS), "index", "1: device time by weight", 1, MORE_IS_BETTER,
            1 / least);
    /* Where the host runs a worker decides what it makes of its time. */
    add_row(work_row, median(works, ROUNDS), "index", "1: requests by weight", 1, MORE_IS_BETTER,
            0);
    free(work_row);
}

/* Additions, which take nearly nothing: what is shared is the time in which a guest may make them.
 */
static void bench_fairness(void)
{
    static const int weights[] = {1, 2, 4};
    char *config = harness_temp_path("fairness.ini"), *sockets[3];
    FILE *file = fopen(config, "w");

    if (file == NULL) {
        harness_fail("cannot write %s", config);
    }
    for (int i = 0; i < 3; i++) {
        char *name = harness_format("fairness-%d.sock", weights[i]);
        char *path = harness_temp_path(name);

        free(name);
        fprintf(file, "[listener of-%d]\npath = %s\nweight = %d\n", weights[i], path, weights[i]);
        sockets[i] = harness_format("%s=%d", path, weights[i]);
        free(path);
    }
    fclose(file);
    struct process *mediator = mediator_start("--config %s --log-level error", config);
    const char *const one[] = {sockets[0], NULL};
    const char *const all[] = {sockets[0], sockets[1], sockets[2], NULL};

    add_fairness_rows("mediator_fairness_equal", one, "mediator_requests_per_s_8", 0.99);
    add_fairness_rows("mediator_fairness_weights", all, "mediator_requests_per_s_24", 0.98);
    process_end(mediator);
    for (int i = 0; i < 3; i++) {
        free(sockets[i]);
    }
    free(config);
}

/* ---- Boot ---- */

static void bench_boot(const char *socket)
{
    double pci[ROUNDS], result[ROUNDS];
    /* One nanosecond of virtual time per instruction. */
    char *counted = run_guest(socket, "run=bench-vgpu n=1", " -icount shift=0,sleep=off");

    for (int i = 0; i < ROUNDS; i++) {
        char *output = run_guest(socket, "run=bench-vgpu n=1", "");

        pci[i] = find_figure(output, "boot_to_pci", "value");
        result[i] = find_figure(output, "boot_to_result", "value");
        free(output);
    }
    add_row("boot_to_pci", median(pci, ROUNDS), "ns", "limit", LIMIT_PCI_NS, LESS_IS_BETTER, 1.0);
    add_row("boot_to_result", median(result, ROUNDS), "ns", "limit", LIMIT_RESULT_NS,
            LESS_IS_BETTER, 1.0);
    add_row("boot_to_pci_instructions", find_figure(counted, "boot_to_pci", "value"), "instr",
            "limit", LIMIT_PCI_INSTRUCTIONS, LESS_IS_BETTER, 1.0);
    /* Those spent polling for the first answer are counted: they differ from run to run. */
    add_row("boot_to_result_instructions", find_figure(counted, "boot_to_result", "value"), "instr",
            "limit", LIMIT_RESULT_INSTRUCTIONS, LESS_IS_BETTER, 1.0);
    add_row("image_heap", find_figure(counted, "heap_held", "value"), "bytes", "limit",
            LIMIT_HEAP_BYTES, LESS_IS_BETTER, 1.0);
    free(counted);
}

/* ---- Image ---- */

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *bytes;
    long end;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (end = ftell(file)) < 0) {
        harness_fail("cannot read %s", path);
    }
    *size = (size_t)end;
    bytes = malloc(*size);
    rewind(file);
    if (bytes == NULL || fread(bytes, 1, *size, file) != *size) {
        harness_fail("cannot read %s", path);
    }
    fclose(file);
    return bytes;
}

struct image_sizes {
    double text, data, bss, stack;
};

static struct image_sizes get_image_sizes(const char *image)
{
    char *path = harness_build_path(image);
    size_t size;
    char *bytes = read_file(path, &size);
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)bytes;
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(bytes + header->e_shoff);
    const char *names = bytes + sections[header->e_shstrndx].sh_offset;
    struct image_sizes sizes = {0};

    for (unsigned i = 0; i < header->e_shnum; i++) {
        const Elf64_Shdr *section = &sections[i];
        double bytes_of = (double)section->sh_size;

        if (!(section->sh_flags & SHF_ALLOC)) {
            continue;
        }
        if (strcmp(names + section->sh_name, ".stacks") == 0) {
            sizes.stack += bytes_of;
        } else if (section->sh_type == SHT_NOBITS) {
            sizes.bss += bytes_of;
        } else if (section->sh_flags & SHF_WRITE) {
            sizes.data += bytes_of;
        } else {
            sizes.text += bytes_of;
        }
    }
    free(bytes);
    free(path);
    return sizes;
}

static void bench_image(void)
{
    struct image_sizes kernel = get_image_sizes("firmware/baregpu.elf");
    struct image_sizes minimal = get_image_sizes("firmware/minimal.elf");

    add_row("image_text", kernel.text, "bytes", "limit", LIMIT_TEXT_BYTES, LESS_IS_BETTER, 1.0);
    add_row("image_data", kernel.data, "bytes", "limit", LIMIT_DATA_BYTES, LESS_IS_BETTER, 1.0);
    add_row("image_bss", kernel.bss, "bytes", "image_text", kernel.text, LESS_IS_BETTER, 0);
    add_row("image_stack", kernel.stack, "bytes", "limit, guard pages included", LIMIT_STACK_BYTES,
            LESS_IS_BETTER, 1.0);
    add_row("minimal_text", minimal.text, "bytes", "limit", LIMIT_MINIMAL_TEXT_BYTES,
            LESS_IS_BETTER, 1.0);
}

static void bench_gpu(void)
{
    char *socket = harness_temp_path("bench.sock");
    struct process *mediator = mediator_start("--socket %s --log-level error", socket);

    bench_round_trip(socket);
    bench_syscalls(socket);
    bench_load(socket, "nop", "mediator_requests_per_s", 0);
    bench_load(socket, "add", "mediator_adds_per_s", 1 / 0.9);
    bench_boot(socket);
    bench_image();
    process_end(mediator);
    free(socket);
}

/* baregpu_bench [gpu | fairness | connect | metrics | virtio | interrupts | smp | pvgpu | draw |
 * cuda | sst | ptx]: everything, or one part, printed and not written. */
static bool wants(const char *only, const char *part)
{
    return only == NULL || strcmp(only, part) == 0;
}

int main(int count, char **texts)
{
    const char *only = count > 1 ? texts[1] : NULL;
    char *output = harness_build_path("bench.json");

    syscalls_begin(texts);
    rows = json_array();
    printf("%-32s %14s %-6s %14s %7s %6s  %-4s %s\n", "name", "value", "unit", "reference", "ratio",
           "", "met", "held against");
    if (wants(only, "gpu")) {
        bench_gpu();
    }
    if (wants(only, "fairness")) {
        bench_fairness();
    }
    if (wants(only, "connect")) {
        bench_connect();
    }
    if (wants(only, "metrics")) {
        bench_metrics();
    }
    if (wants(only, "virtio")) {
        bench_virtio();
    }
    if (wants(only, "interrupts")) {
        bench_interrupts();
    }
    if (wants(only, "smp")) {
        bench_smp();
    }
    if (wants(only, "pvgpu")) {
        bench_pvgpu();
    }
    if (wants(only, "draw")) {
        bench_pvgpu_draw();
    }
    if (wants(only, "cuda")) {
        bench_cuda();
    }
    if (wants(only, "sst")) {
        bench_sst();
    }
    if (wants(only, "ptx")) {
        bench_ptx();
    }
    if (only == NULL) {
        if (json_dump_file(rows, output, JSON_INDENT(2)) != 0) {
            harness_fail("cannot write %s", output);
        }
        printf("written to %s\n", output);
    }
    json_decref(rows);
    free(output);
    return 0;
}
