/* SPDX-License-Identifier: BSD-2-Clause */
/* make bench: N virtqueues on N CPUs. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/rows.h"
#include "harness.h"
#include "harness_qemu.h"

/* Of what as many threads of the host do that share nothing: so much must be left. */
#define SCALING_GOAL 0.8

#define HOST_LOOP_MS 300u

/* Requests to a null-co disk end at once; two threads of the host serve the queues. */
#define ARGUMENTS                                                                                  \
    "-smp 4 -object iothread,id=t0 -object iothread,id=t1 "                                        \
    "-blockdev driver=null-co,node-name=nowhere,size=16777216 "                                    \
    "-device {\"driver\":\"virtio-blk-pci\",\"drive\":\"nowhere\",\"num-queues\":4,"               \
    "\"iothread-vq-mapping\":[{\"iothread\":\"t0\"},{\"iothread\":\"t1\"}]}"

enum { COUNTS = 3 };
static const unsigned counts[COUNTS] = {1, 2, 4};

/* ---- What the host has to give at this moment ---- */

static uint64_t loop_end_ms;

static void *loop(void *argument)
{
    uint64_t *loops = argument;
    uint64_t count = 0;

    while (harness_now_ms() < loop_end_ms) {
        for (unsigned i = 0; i < 10000; i++) {
            __asm__ volatile("");
        }
        count++;
    }
    *loops = count;
    return NULL;
}

static double host_loops(unsigned threads)
{
    pthread_t thread[4];
    uint64_t loops[4];
    double sum = 0;

    loop_end_ms = harness_now_ms() + HOST_LOOP_MS;
    for (unsigned i = 0; i < threads; i++) {
        if (pthread_create(&thread[i], NULL, loop, &loops[i]) != 0) {
            harness_fail("no thread");
        }
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
        sum += (double)loops[i];
    }
    return sum;
}

/* ---- Rows ---- */

static void add_rows(const char *name, double per_s[COUNTS][ROUNDS], double host[COUNTS][ROUNDS],
                     bool has_goal)
{
    double one = median(per_s[0], ROUNDS);

    for (unsigned i = 0; i < COUNTS; i++) {
        double scale = median(host[i], ROUNDS);
        char *row = harness_format("%s_%u", name, counts[i]);
        char *reference = harness_format("one queue on one CPU, times %.2f: what %u threads of the "
                                         "host do",
                                         scale, counts[i]);

        add_row(row, median(per_s[i], ROUNDS), "1/s", reference, one * scale, MORE_IS_BETTER,
                has_goal && i > 0 ? 1.0 / SCALING_GOAL : 0);
        free(row);
        free(reference);
    }
}

void bench_smp(void)
{
    static const char *const names[] = {"smp_rings", "smp_block"};
    double per_s[2][COUNTS][ROUNDS];
    double host[COUNTS][ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        const struct guest_options options = {.append = "run=bench_smp", .arguments = ARGUMENTS};
        double one = host_loops(1);
        char *output;
        int status = guest_run(&options, &output);

        if (status != 0) {
            harness_fail("the guest ended with status %d:\n%s", status, output);
        }
        for (int k = 0; k < COUNTS; k++) {
            host[k][round] = k == 0 ? 1 : host_loops(counts[k]) / one;
            for (int i = 0; i < 2; i++) {
                char *figure = harness_format("%s_%u", names[i], counts[k]);

                per_s[i][k][round] = find_figure(output, figure, "per_s");
                free(figure);
            }
        }
        free(output);
    }
    add_rows(names[0], per_s[0], host, true);
    add_rows(names[1], per_s[1], host, false);
}
