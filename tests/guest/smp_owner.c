/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-smp-owner: all CPUs use one device, which only one may at a time. Without a lock a call
 * that comes into another is refused, and no sum is wrong; with one all calls are made.
 */
#include "firmware/apps/app.h"
#include "firmware/apps/open/pci.h"
#include "firmware/apps/open/pvgpu.h"
#include "tests/guest/lib/smp.h"
#include "tests/guest/lib/tap.h"

#include "firmware/memory/lock.h"
#include "firmware/platform/timer.h"

#define ROUNDS 300u
#define ROUNDS_MAX 100000u
#define DEADLINE_NS 60000000000ull

static struct bg_vgpu_stub stub;
static struct bg_pvgpu ring;
static struct smp_meeting meeting;
static struct lock lock;

struct lanes {
    int (*add)(uint32_t a, uint32_t b, uint32_t *sum);
    uint32_t cpus;
    bool is_locked;
    uint32_t right, wrong, busy, failed;
};

static uint64_t soon(void)
{
    return bg_hal_time_ns() + DEADLINE_NS;
}

static int add_by_stub(uint32_t a, uint32_t b, uint32_t *sum)
{
    return bg_vgpu_stub_add_basic(&stub, a, b, sum, soon());
}

static int add_by_pvgpu(uint32_t a, uint32_t b, uint32_t *sum)
{
    return bg_pvgpu_add_basic(&ring, a, b, sum, soon());
}

static void count(uint32_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static void add_once(struct lanes *lanes, uint32_t a)
{
    uint32_t sum = 0;

    if (lanes->is_locked) {
        lock_take(&lock);
    }
    int error = lanes->add(a, 200, &sum);

    if (lanes->is_locked) {
        lock_release(&lock);
    }
    count(error == BG_ERR_BUSY ? &lanes->busy
          : error < 0          ? &lanes->failed
          : sum == a + 200     ? &lanes->right
                               : &lanes->wrong);
}

/* Without a lock it goes on until two calls have met: a CPU may be away for long. */
static bool is_over(const struct lanes *lanes, uint32_t round)
{
    return round >= ROUNDS &&
           (lanes->is_locked || bg_load_once32(&lanes->busy) != 0 || round >= ROUNDS_MAX);
}

static void add_many(uint32_t cpu, void *context)
{
    struct lanes *lanes = context;

    smp_meet(&meeting, lanes->cpus);
    for (uint32_t round = 0; !is_over(lanes, round); round++) {
        add_once(lanes, cpu << 20 | round);
    }
}

static void test_device(const char *name, int (*add)(uint32_t a, uint32_t b, uint32_t *sum),
                        uint32_t cpus)
{
    for (unsigned is_locked = 0; is_locked < 2; is_locked++) {
        struct lanes lanes = {.add = add, .cpus = cpus, .is_locked = is_locked};
        bool has_ended = smp_run(cpus, add_many, &lanes, soon());

        tap_ok(has_ended && lanes.wrong == 0 && lanes.failed == 0, "%s, %s: no sum is wrong", name,
               is_locked ? "locked" : "not locked");
        tap_ok(is_locked ? lanes.right == cpus * ROUNDS : lanes.busy != 0 && lanes.right != 0,
               "%s, %s: %s", name, is_locked ? "locked" : "not locked",
               is_locked ? "all are made" : "calls that meet are refused");
        tap_diag("%u right, %u wrong, %u refused, %u failed", (unsigned)lanes.right,
                 (unsigned)lanes.wrong, (unsigned)lanes.busy, (unsigned)lanes.failed);
    }
}

static int run_test_smp_owner(void)
{
    int cpus = smp_start();

    tap_plan(0);
    if (!tap_ok(cpus > 1, "several CPUs")) {
        return tap_done();
    }
    if (tap_ok(open_vgpu_stub(&stub) == 0, "a vgpu-stub")) {
        test_device("vgpu-stub", add_by_stub, (uint32_t)cpus);
    }
    if (tap_ok(pvgpu_host_open(&ring) == 0, "a pvgpu")) {
        test_device("pvgpu", add_by_pvgpu, (uint32_t)cpus);
    }
    tap_equal((unsigned)-smp_stop(), 0, "the other CPUs are turned off");
    return tap_done();
}

APP(test_smp_owner, "all CPUs use one device", run_test_smp_owner, "");
