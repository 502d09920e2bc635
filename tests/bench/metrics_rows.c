/* SPDX-License-Identifier: BSD-2-Clause */
/* What it costs the mediator's guests that somebody scrapes its metrics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/rows.h"
#include "harness_qemu.h"

#define PAIRS 5 /* of a time without scrapes and one with them: neighbours disturb both alike */
#define SECONDS "2"
#define SECONDS_OF_RUN 2.0
#define SCRAPE_TIMEOUT_MS 10000u
#define LIMIT_PERCENT 1.0

static void scrape(const char *metrics)
{
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: bench\r\n\r\n";
    static char page[1 << 18];
    int fd = unix_connect(metrics, SCRAPE_TIMEOUT_MS);

    if (!socket_write(fd, request, sizeof(request) - 1) ||
        socket_read(fd, page, sizeof(page), SCRAPE_TIMEOUT_MS) == 0 ||
        strncmp(page, "HTTP/1.1 200", 12) != 0) {
        fprintf(stderr, "scrape: no metrics\n");
        _exit(1);
    }
    close(fd);
}

/* As a scraper does: once a second. */
static void scrape_and_wait(const char *metrics)
{
    scrape(metrics);
    sleep(1);
}

/* ---- Processor time ---- */

static double get_used_s(pid_t process)
{
    struct timespec used;
    clockid_t clock;

    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &used) != 0) {
        harness_fail("no processor time of process %d", (int)process);
    }
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* What serves metrics: the mediator's own process has other work, too. */
struct costs {
    pid_t mediator, exporter;
    double used_s;
};

static void begin_costs(struct costs *costs)
{
    costs->used_s = get_used_s(costs->mediator) + get_used_s(costs->exporter);
}

static double end_costs(const struct costs *costs)
{
    return get_used_s(costs->mediator) + get_used_s(costs->exporter) - costs->used_s;
}

/* ---- Requests ---- */

static double measure(const char *socket)
{
    const char *const arguments[] = {socket,  "--clients",   "8",   "--seconds",
                                     SECONDS, "--operation", "nop", NULL};
    char *output = run_tool("tests/bench/mediator_load_bench", arguments);
    double rate = find_figure(output, "mediator_requests_per_s_8", "requests_per_s");

    free(output);
    return rate;
}

void bench_metrics(void)
{
    char *config = harness_temp_path("metrics.ini"), *socket = harness_temp_path("load.sock");
    char *metrics = harness_temp_path("metrics.sock");
    double alone[PAIRS], scraped[PAIRS], costs_alone[PAIRS], costs_scraped[PAIRS];
    struct costs costs;

    harness_write_file(config, "[mediator]\nmetrics = %s\n[listener one]\npath = %s\n", metrics,
                       socket);
    struct process *mediator = mediator_start("--config %s --log-level error", config);
    scrape(metrics); /* the exporter is there */
    costs.mediator = process_pid(mediator);
    costs.exporter = mediator_exporter(mediator);
    for (int i = 0; i < PAIRS; i++) {
        begin_costs(&costs);
        alone[i] = measure(socket);
        costs_alone[i] = end_costs(&costs);
        begin_costs(&costs);
        scraped[i] = measure_beside(measure, socket, scrape_and_wait, metrics);
        costs_scraped[i] = end_costs(&costs);
    }
    add_row("mediator_requests_scraped", median(scraped, PAIRS), "1/s",
            "nobody scrapes the metrics", median(alone, PAIRS), MORE_IS_BETTER, 0);
    /* What it takes of the processor, which a busy machine does not change. */
    add_row("mediator_metrics_cpu",
            (median(costs_scraped, PAIRS) - median(costs_alone, PAIRS)) / SECONDS_OF_RUN * 100, "%",
            "limit, of one processor", LIMIT_PERCENT, LESS_IS_BETTER, 1.0);
    process_end(mediator);
    free(metrics);
    free(socket);
    free(config);
}
