/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test_interrupt_churn: all CPUs reserve, attach, send, mask, move, detach and give back
 * messages at the same time, for handlers on each other. rounds=N for each CPU. What is sent just
 * before a detach may come or not, but never after it.
 */
#include <stddef.h>

#include "baregpu/barrier.h"
#include "baregpu/error.h"
#include "firmware/apps/app.h"
#include "tests/guest/lib/smp.h"
#include "tests/guest/lib/tap.h"
#include "tests/guest/interrupt.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/timer.h"

#define ROUNDS 50
#define MESSAGES 3u
#define DEADLINE_NS 60000000000ull
#define REQUESTER 8u /* function 0 of devices 1, 2, ... of the first bus */

/* Of one message: what its handler sees. */
struct target {
    uint32_t count;
    uint32_t is_attached;
    uint32_t late; /* calls after the detach */
};

struct lane {
    struct target targets[MESSAGES];
    uint32_t rounds;
    uint32_t refused; /* rounds without any message left */
    uint32_t errors;
    uint32_t lost;
} __attribute__((aligned(64)));

static struct lane lanes[MACHINE_CPUS_MAX];
static uint32_t cpu_total;
static uint32_t round_count;

static void take(void *context)
{
    struct target *target = context;

    if (!bg_load_acquire32(&target->is_attached)) {
        __atomic_fetch_add(&target->late, 1, __ATOMIC_RELAXED);
    }
    __atomic_fetch_add(&target->count, 1, __ATOMIC_RELEASE);
}

static bool comes(const struct target *target, uint32_t seen)
{
    uint64_t deadline_ns = timer_deadline_ns(TEST_WAIT_NS);

    while (bg_load_acquire32(&target->count) == seen) {
        if (timer_has_passed(deadline_ns)) {
            return false;
        }
        bg_hal_wait(deadline_ns);
    }
    return true;
}

/* Sends, and has it arrive; then again before and while it is masked, and on another CPU. */
static void use(struct lane *lane, struct target *target, uint32_t interrupt, uint32_t *random)
{
    uint32_t seen = bg_load_acquire32(&target->count);

    lane->errors += interrupt_set_pending(interrupt, true) != 0;
    lane->lost += !comes(target, seen);
    /* Masked while it is on its way: it has come then, or waits. */
    seen = bg_load_acquire32(&target->count);
    lane->errors += interrupt_set_pending(interrupt, true) != 0;
    interrupt_mask(interrupt);
    interrupt_unmask(interrupt);
    lane->lost += !comes(target, seen);
    interrupt_mask(interrupt);
    seen = bg_load_acquire32(&target->count);
    lane->errors += interrupt_set_cpu(interrupt, BG_HAL_CPU(smp_random(random) % cpu_total)) != 0;
    lane->errors += interrupt_set_pending(interrupt, true) != 0;
    lane->errors += bg_load_acquire32(&target->count) != seen;
    interrupt_unmask(interrupt);
    lane->lost += !comes(target, seen);
}

static void churn_once(struct lane *lane, uint32_t cpu, uint32_t *random)
{
    struct bg_hal_msi messages[MESSAGES];
    struct bg_hal_msi_request request = {
        .requester_id = REQUESTER * (cpu + 1),
        .cpu = BG_HAL_CPU(smp_random(random) % cpu_total),
        .count = (uint16_t)(1 + smp_random(random) % MESSAGES),
    };
    int count = bg_hal_msi_alloc(&request, messages);

    if (count <= 0) {
        lane->refused++;
        lane->errors += count != BG_ERR_NO_SPACE;
        return;
    }
    for (int i = 0; i < count; i++) {
        struct target *target = &lane->targets[i];

        bg_store_release32(&target->is_attached, 1);
        lane->errors +=
            interrupt_attach(messages[i].interrupt, BG_HAL_TRIGGER_EDGE,
                             BG_HAL_CPU(smp_random(random) % cpu_total), take, target) != 0;
    }
    for (int i = 0; i < count; i++) {
        use(lane, &lane->targets[i], messages[i].interrupt, random);
    }
    for (int i = 0; i < count; i++) {
        interrupt_set_pending(messages[i].interrupt, true);
        interrupt_detach(messages[i].interrupt);
        bg_store_release32(&lane->targets[i].is_attached, 0);
    }
    bg_hal_msi_free(&request, messages, (unsigned)count);
}

static void churn(uint32_t cpu, void *context)
{
    struct lane *lane = &lanes[cpu];
    uint32_t random = 2463534242u + cpu;

    (void)context;
    for (uint32_t i = 0; i < round_count; i++) {
        churn_once(lane, cpu, &random);
        lane->rounds++;
    }
}

static int test_interrupt_churn(void)
{
    struct lane sum = {0};
    uint32_t late = 0;
    int count = smp_start();

    round_count = (uint32_t)smp_option("rounds", ROUNDS);
    tap_plan(0);
    tap_ok(count > 0 && interrupt_init_cpu() == 0, "all CPUs run");
    cpu_total = count > 0 ? (uint32_t)count : 1;
    tap_ok(smp_run(cpu_total, churn, NULL, timer_deadline_ns(DEADLINE_NS)), "all CPUs end");
    tap_ok(smp_stop() == 0 && smp_start() == count, "they are turned off, and on again");
    tap_ok(smp_run(cpu_total, churn, NULL, timer_deadline_ns(DEADLINE_NS)),
           "and end a second time");
    for (uint32_t cpu = 0; cpu < cpu_total; cpu++) {
        sum.rounds += lanes[cpu].rounds;
        sum.refused += lanes[cpu].refused;
        sum.errors += lanes[cpu].errors;
        sum.lost += lanes[cpu].lost;
        for (unsigned i = 0; i < MESSAGES; i++) {
            late += lanes[cpu].targets[i].late;
        }
    }
    tap_equal(sum.rounds, 2 * cpu_total * round_count, "all rounds");
    tap_equal(sum.refused, 0, "each had messages");
    tap_equal(sum.errors, 0, "no call fails, and what is masked does not come");
    tap_equal(sum.lost, 0, "no message is lost");
    tap_equal(late, 0, "none comes after its detach");
    return tap_done();
}

APP(test_interrupt_churn, "tests messages that come and go on all CPUs at once",
    test_interrupt_churn, "rounds");
