/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test_smp_litmus: the outcomes that barrier.h's helpers forbid do not appear between CPUs.
 *
 * Each test is perpetual: its threads store 1, 2, 3, ... and keep what they load, with nothing that
 * holds them in step; afterwards every pair of iterations is a run of the test, and the pairs that
 * could show the outcome are looked at. So there is no rendezvous to hide what the CPUs do.
 *
 * Store buffering is also run with release and acquire alone, as a control: where the outcome is
 * possible it must be seen (expect_weak=1), or the tests would prove nothing. rounds=N.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "baregpu/barrier.h"
#include "baregpu/hal.h"
#include "firmware/apps/app.h"
#include "tests/guest/lib/smp.h"
#include "tests/guest/lib/tap.h"
#include "firmware/platform/machine.h"
#include "firmware/platform/timer.h"

#define BATCH 50000 /* fits 16 bits */
#define ROUNDS 400000
#define THREADS_MAX 4
#define DEADLINE_NS 120000000000ull
#define EXTRA_NS 3000000000ull
#define CONTROL_NS 12000000000ull
/* Stores that a thread must have seen come by before it is said that the outcome does not show. */
#define CONTROL_CHANGES 10000

/* What is shared lies in lines of its own. */
struct cell {
    uint32_t word;
    uint16_t half;
} __attribute__((aligned(256)));

static struct {
    struct cell x;
    struct cell y;
    uint32_t *first[THREADS_MAX]; /* what a thread loaded, by iteration, from 1 */
    uint32_t *second[THREADS_MAX];
    struct smp_meeting meeting;
} run;

struct litmus {
    const char *name;
    uint32_t cpus;
    void (*thread)(uint32_t cpu);
    uint64_t (*count)(void); /* the forbidden pairs of the batch */
};

/* ---- Message passing: what was written before a release is seen after the acquire ---- */

static void mp_thread(uint32_t cpu)
{
    for (uint32_t i = 1; i <= BATCH; i++) {
        if (cpu == 0) {
            __atomic_store_n(&run.x.word, i, __ATOMIC_RELAXED);
            bg_store_release32(&run.y.word, i);
        } else {
            run.first[1][i] = bg_load_acquire32(&run.y.word);
            run.second[1][i] = bg_load_once32(&run.x.word);
        }
    }
}

/* By 16 bits, as a split ring's index; the data is plain memory, as a ring's entry. */
static void mp16_thread(uint32_t cpu)
{
    for (uint32_t i = 1; i <= BATCH; i++) {
        if (cpu == 0) {
            __atomic_store_n(&run.x.word, i, __ATOMIC_RELAXED);
            bg_store_release16(&run.y.half, (uint16_t)i);
        } else {
            run.first[1][i] = bg_load_acquire16(&run.y.half);
            run.second[1][i] = bg_load_once32(&run.x.word);
        }
    }
}

static uint64_t mp_count(void)
{
    uint64_t count = 0;

    for (uint32_t i = 1; i <= BATCH; i++) {
        count += run.second[1][i] < run.first[1][i];
    }
    return count;
}

/* ---- Store buffering: both publish, then look, and neither sees the other ---- */

static void sb_full_thread(uint32_t cpu)
{
    uint32_t *mine = cpu == 0 ? &run.x.word : &run.y.word;
    uint32_t *other = cpu == 0 ? &run.y.word : &run.x.word;

    for (uint32_t i = 1; i <= BATCH; i++) {
        bg_store_release32(mine, i);
        bg_barrier_full();
        run.first[cpu][i] = bg_load_acquire32(other);
    }
}

/* As virtqueues use it: 16-bit indexes, nothing but the barrier for the load. */
static void sb16_full_thread(uint32_t cpu)
{
    uint16_t *mine = cpu == 0 ? &run.x.half : &run.y.half;
    uint16_t *other = cpu == 0 ? &run.y.half : &run.x.half;

    for (uint32_t i = 1; i <= BATCH; i++) {
        bg_store_release16(mine, (uint16_t)i);
        bg_barrier_full();
        run.first[cpu][i] = bg_load_once16(other);
    }
}

static void sb_control_thread(uint32_t cpu)
{
    uint32_t *mine = cpu == 0 ? &run.x.word : &run.y.word;
    uint32_t *other = cpu == 0 ? &run.y.word : &run.x.word;

    for (uint32_t i = 1; i <= BATCH; i++) {
        bg_store_release32(mine, i);
        run.first[cpu][i] = bg_load_acquire32(other);
    }
}

/*
 * Thread 0 stored x = i and then loaded y = a: y = a + 1 came later. Thread 1 stored that and then
 * loaded x: it must find i or more.
 */
static uint64_t sb_count(void)
{
    uint64_t count = 0;

    for (uint32_t i = 1; i <= BATCH; i++) {
        uint32_t next = run.first[0][i] + 1;

        count += next <= BATCH && run.first[1][next] < i;
    }
    return count;
}

/* ---- Load buffering: both load what the other stores afterwards ---- */

static void lb_thread(uint32_t cpu)
{
    uint32_t *mine = cpu == 0 ? &run.x.word : &run.y.word;
    uint32_t *other = cpu == 0 ? &run.y.word : &run.x.word;

    for (uint32_t i = 1; i <= BATCH; i++) {
        run.first[cpu][i] = bg_load_acquire32(other);
        bg_store_release32(mine, i);
    }
}

/*
 * Thread 0 loaded y = a and then stored x = i. Thread 1 had loaded x before it stored y = a: it
 * must have found less than i.
 */
static uint64_t lb_count(void)
{
    uint64_t count = 0;

    for (uint32_t i = 1; i <= BATCH; i++) {
        uint32_t a = run.first[0][i];

        count += a > 0 && run.first[1][a] >= i;
    }
    return count;
}

/* ---- Independent reads of independent writes: all see two stores in the same order ---- */

static void iriw_thread(uint32_t cpu)
{
    for (uint32_t i = 1; i <= BATCH; i++) {
        switch (cpu) {
        case 0:
            bg_store_release32(&run.x.word, i);
            break;
        case 1:
            bg_store_release32(&run.y.word, i);
            break;
        case 2:
            run.first[2][i] = bg_load_acquire32(&run.x.word);
            run.second[2][i] = bg_load_acquire32(&run.y.word);
            break;
        default:
            run.first[3][i] = bg_load_acquire32(&run.y.word);
            run.second[3][i] = bg_load_acquire32(&run.x.word);
            break;
        }
    }
}

/*
 * Reader 2 saw x = a while y was still b. Reader 3, the first time that it saw y beyond b, must
 * have found x at a or more.
 */
static uint64_t iriw_count(void)
{
    uint64_t count = 0;
    uint32_t k = 1;

    for (uint32_t i = 1; i <= BATCH; i++) {
        while (k <= BATCH && run.first[3][k] <= run.second[2][i]) {
            k++;
        }
        count += k <= BATCH && run.second[3][k] < run.first[2][i];
    }
    return count;
}

static const struct litmus tests[] = {
    {"message passing", 2, mp_thread, mp_count},
    {"message passing, 16 bits", 2, mp16_thread, mp_count},
    {"store buffering with bg_barrier_full", 2, sb_full_thread, sb_count},
    {"store buffering with bg_barrier_full, 16 bits", 2, sb16_full_thread, sb_count},
    {"load buffering", 2, lb_thread, lb_count},
    {"independent reads of independent writes", 4, iriw_thread, iriw_count},
};

static const struct litmus control = {"store buffering with release and acquire only", 2,
                                      sb_control_thread, sb_count};

static void run_thread(uint32_t cpu, void *context)
{
    const struct litmus *test = context;

    smp_meet(&run.meeting, test->cpus);
    test->thread(cpu);
}

/* One batch; adds the forbidden pairs to *count. False: it did not end in time. */
static bool run_batch(const struct litmus *test, uint64_t deadline_ns, uint64_t *count)
{
    run.x = run.y = (struct cell){0};
    if (!smp_run(test->cpus, run_thread, (void *)test, deadline_ns)) {
        return false;
    }
    *count += test->count();
    return true;
}

/* How often a thread saw another in the middle of its work: 0 would be one after the other. */
static uint32_t overlap(const uint32_t *loads)
{
    uint32_t changes = 0;

    for (uint32_t i = 2; i <= BATCH; i++) {
        changes += loads[i] != loads[i - 1];
    }
    return changes;
}

/* At least `rounds`; and more until the threads have run side by side, where they can. */
static void run_test(const struct litmus *test, uint32_t rounds)
{
    uint64_t deadline_ns = timer_deadline_ns(DEADLINE_NS);
    uint64_t extra_end_ns = timer_deadline_ns(EXTRA_NS);
    bool is_parallel = smp_option("expect_weak", 0);
    uint64_t forbidden = 0;
    uint64_t changes = 0;
    uint32_t done = 0;

    if (machine.cpu_count < test->cpus) {
        tap_skip("too few CPUs", "%s", test->name);
        return;
    }
    while ((done < rounds || (is_parallel && changes < rounds / 50 && forbidden == 0 &&
                              !timer_has_passed(extra_end_ns))) &&
           run_batch(test, deadline_ns, &forbidden)) {
        done += BATCH;
        changes += overlap(run.first[test->cpus - 1]);
    }
    tap_ok(done >= rounds && forbidden == 0, "%s: %llu forbidden outcomes in %u rounds", test->name,
           (unsigned long long)forbidden, done);
    tap_diag("a thread saw another's store change %llu times", (unsigned long long)changes);
}

/* Until it shows, where it must, and its threads do run side by side. */
static void run_control(uint32_t rounds)
{
    bool must_show = smp_option("expect_weak", 0);
    uint64_t deadline_ns = timer_deadline_ns(CONTROL_NS);
    uint64_t changes = 0;
    uint64_t seen = 0;
    uint32_t done = 0;

    if (machine.cpu_count < control.cpus) {
        tap_skip("too few CPUs", "%s", control.name);
        return;
    }
    while ((done < rounds || (must_show && seen == 0)) && !timer_has_passed(deadline_ns) &&
           run_batch(&control, timer_deadline_ns(DEADLINE_NS), &seen)) {
        changes += overlap(run.first[control.cpus - 1]);
        done += BATCH;
    }
    if (seen > 0 || (must_show && changes >= CONTROL_CHANGES)) {
        tap_ok(seen > 0, "control, %s: seen %llu times in %u rounds", control.name,
               (unsigned long long)seen, done);
    } else {
        tap_skip(must_show ? "the host did not run two CPUs side by side" : "it does not show here",
                 "control, %s", control.name);
    }
}

static int test_smp_litmus(void)
{
    uint32_t rounds = (uint32_t)smp_option("rounds", ROUNDS);
    int cpus;

    tap_plan(0);
    for (unsigned i = 0; i < THREADS_MAX; i++) {
        run.first[i] = calloc(BATCH + 1, sizeof(uint32_t));
        run.second[i] = calloc(BATCH + 1, sizeof(uint32_t));
        if (run.first[i] == NULL || run.second[i] == NULL) {
            tap_bail("no memory");
            return tap_done();
        }
    }
    cpus = smp_start();
    tap_equal((unsigned)cpus, machine.cpu_count, "all CPUs start");
    for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        run_test(&tests[i], rounds);
    }
    run_control(rounds);
    tap_equal((unsigned)smp_stop(), 0, "all CPUs stop");
    return tap_done();
}

APP(test_smp_litmus, "tests that CPUs see each other's stores in the order that barrier.h promises",
    test_smp_litmus, "rounds expect_weak");
