/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-pvgpu-recovery: keeps a pvgpu busy while somebody takes its backend away, again and
 * again (tests/system/pvgpu_test.c). Each time every fence is accounted for: it has passed, and
 * what was before it is done, or it never will.
 *
 * Options: losses= how many (1).
 */
#include <inttypes.h>
#include <stdio.h>

#include "firmware/apps/app.h"
#include "firmware/apps/open/pvgpu.h"
#include "tests/guest/lib/tap.h"
#include "firmware/platform/timer.h"

#define IN_FLIGHT 32u
#define LOSS_NS 60000000000u /* for somebody to take the backend away */
#define RETURN_NS 60000000000u

/* A job copies one word of the heap to another place. */
struct work {
    struct bg_pvgpu_job job;
    uint64_t number;
};

static struct bg_pvgpu gpu;
static struct bg_pvgpu_memory memory;
static struct work works[IN_FLIGHT];
static uint64_t issued, settled; /* numbers: those from `settled` to `issued` are under way */

/* What happened to all of them. */
static uint64_t passed_total, lost_total;

static uint64_t *source_of(uint64_t number)
{
    return (uint64_t *)memory.bytes + number % IN_FLIGHT;
}

static uint64_t *target_of(uint64_t number)
{
    return (uint64_t *)memory.bytes + IN_FLIGHT + number % IN_FLIGHT;
}

static int issue(void)
{
    struct work *work = &works[issued % IN_FLIGHT];
    const struct bg_compute_operand from = {
        0, memory.offset + (uint32_t)((uint8_t *)source_of(issued) - (uint8_t *)memory.bytes)};
    const struct bg_compute_operand to = {
        0, memory.offset + (uint32_t)((uint8_t *)target_of(issued) - (uint8_t *)memory.bytes)};
    int error;

    *source_of(issued) = issued;
    *target_of(issued) = UINT64_MAX;
    error = bg_pvgpu_memory_copy(&gpu, to, from, sizeof(uint64_t), &work->job, 0);
    if (error == 0) {
        work->number = issued++;
        error = bg_pvgpu_submit(&gpu);
    }
    return error;
}

/* The oldest one: is it done, and does memory say so too? */
static int settle(void)
{
    struct work *work = &works[settled % IN_FLIGHT];
    int error = bg_pvgpu_job_wait(&gpu, &work->job, pvgpu_host_deadline());

    if (error == 0) {
        settled++;
        passed_total++;
        if (*target_of(work->number) != work->number) {
            tap_diag("copy %" PRIu64 " gave %" PRIu64, work->number, *target_of(work->number));
            error = BG_ERR_PROTOCOL;
        }
    }
    return error;
}

/* Until the backend is lost: that error. */
static int work_until_lost(void)
{
    uint64_t end_ns = timer_deadline_ns(LOSS_NS);
    int error = 0;

    while (error == 0 && !timer_has_passed(end_ns)) {
        error = issued - settled < IN_FLIGHT ? issue() : settle();
    }
    return error;
}

/* After a loss: those that had passed come before those that will not. */
static bool account(unsigned loss)
{
    uint64_t passed = 0, lost = 0;
    bool is_good = true;

    for (; settled < issued; settled++) {
        struct work *work = &works[settled % IN_FLIGHT];
        bool has_passed = bg_pvgpu_fence_has_passed(&gpu, work->job.fence);
        int error = bg_pvgpu_job_wait(&gpu, &work->job, pvgpu_host_deadline());

        is_good = is_good && error == (has_passed ? 0 : BG_ERR_UNAVAILABLE) &&
                  (!has_passed || (lost == 0 && *target_of(work->number) == work->number));
        if (!is_good) {
            tap_diag("fence of %" PRIu64 ": %s, %s", work->number,
                     has_passed ? "passed" : "not passed", bg_strerror(error));
        }
        passed += has_passed;
        lost += !has_passed;
    }
    passed_total += passed;
    lost_total += lost;
    tap_diag("lost %u: under way %" PRIu64 " that had passed, %" PRIu64 " that never will", loss,
             passed, lost);
    return is_good && gpu.losses == loss && bg_pvgpu_flush(&gpu) == BG_ERR_UNAVAILABLE;
}

static int start_over(void)
{
    uint64_t end_ns = timer_deadline_ns(RETURN_NS);
    int error;

    do {
        error = bg_pvgpu_restart(&gpu, pvgpu_host_deadline());
        if (error == 0) {
            error = bg_pvgpu_finish(&gpu, pvgpu_host_deadline());
        }
    } while (error == BG_ERR_UNAVAILABLE && !timer_has_passed(end_ns));
    return error;
}

static int test_recovery(void)
{
    unsigned losses = (unsigned)app_option_number("losses", 1, 0, UINT32_MAX);
    bool is_good = true;

    tap_plan(0);
    if (pvgpu_host_open(&gpu) < 0 ||
        bg_pvgpu_heap_alloc(&gpu, 2 * IN_FLIGHT * sizeof(uint64_t), 0, &memory) < 0) {
        tap_bail("no pvgpu to test");
        return 1;
    }
    for (unsigned loss = 1; loss <= losses && is_good; loss++) {
        tap_diag("working %u", loss);
        int error = work_until_lost();

        is_good = tap_ok(error == BG_ERR_UNAVAILABLE, "loss %u is seen, and named: %s", loss,
                         bg_strerror(error)) &&
                  tap_ok(account(loss), "each fence is accounted for");
        error = start_over();
        /* One that dies while the driver starts over is one more of that same loss's. */
        gpu.losses = loss;
        is_good = is_good && tap_ok(error == 0, "work goes on: %s", bg_strerror(error));
    }
    tap_ok(passed_total + lost_total == issued,
           "%" PRIu64 " fences: %" PRIu64 " passed, %" PRIu64 " did not", issued, passed_total,
           lost_total);
    return tap_done();
}

APP(test_pvgpu_recovery, "loses a pvgpu's backend again and again (needs a host's help)",
    test_recovery, "losses");
