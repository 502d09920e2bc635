/* SPDX-License-Identifier: BSD-2-Clause */
/* SGIs and SPIs on several CPUs; the others sleep in between. */
#include "tests/guest/interrupt.h"

#include <stddef.h>

#include "baregpu/barrier.h"
#include "baregpu/error.h"
#include "tests/guest/lib/tap.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/machine.h"
#include "firmware/platform/timer.h"

#define SGI 6u
#define SGI_PING 7u
#define ROUNDS 500u
#define PING_ROUNDS 2000u
#define MASK_ROUNDS 200u
#define SLOW_NS 5000000u
#define NAP_NS 8000000000ull /* longer than a busy host keeps a CPU from running */

/* What SGIs and a CPU's loop share. */
struct worker {
    uint32_t is_ready;
    uint32_t stop;
    uint32_t pings; /* that it has seen */
    uint32_t answers;
    uint32_t error;
    uint32_t sgis;
    uint32_t payload_seen;
};

static struct worker workers[MACHINE_CPUS_MAX];
static uint32_t payload;

static void sgi_handler(void *context)
{
    struct worker *worker = &workers[cpu_index()];

    (void)context;
    worker->payload_seen = bg_load_once32(&payload);
    bg_store_release32(&worker->sgis, worker->sgis + 1);
}

static void ping_handler(void *context)
{
    struct worker *worker = &workers[cpu_index()];

    (void)context;
    bg_store_release32(&worker->pings, worker->pings + 1);
}

static int attach_own(void)
{
    int error = interrupt_init_cpu();

    if (!error) {
        error = interrupt_attach(SGI, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU_SELF, sgi_handler, NULL);
    }
    if (!error) {
        error =
            interrupt_attach(SGI_PING, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU_SELF, ping_handler, NULL);
    }
    return error;
}

static void worker_run(void *argument)
{
    struct worker *worker = argument;

    worker->error = (uint32_t)attach_own();
    bg_store_release32(&worker->is_ready, 1);
    while (!bg_load_acquire32(&worker->stop)) {
        if (worker->answers < bg_load_acquire32(&worker->pings)) {
            worker->answers++;
            interrupt_sgi_send(SGI_PING, 1);
        } else {
            bg_hal_sleep(NULL, timer_deadline_ns(NAP_NS));
        }
    }
}

static bool reaches(const uint32_t *word, uint32_t least)
{
    uint64_t deadline_ns = timer_deadline_ns(TEST_WAIT_NS);

    while (bg_load_acquire32(word) < least) {
        if (timer_has_passed(deadline_ns)) {
            return false;
        }
        bg_hal_wait(deadline_ns);
    }
    return true;
}

static bool start_all(void)
{
    uint32_t started = 0;

    for (uint32_t cpu = 1; cpu < machine.cpu_count; cpu++) {
        started += cpu_start(cpu, worker_run, &workers[cpu]) == 0 &&
                   reaches(&workers[cpu].is_ready, 1) && workers[cpu].error == 0;
    }
    return tap_equal(started, machine.cpu_count - 1, "the other CPUs take interrupts");
}

static void test_each(void)
{
    uint32_t taken = 0;
    uint32_t read = 0;

    for (uint32_t cpu = 0; cpu < machine.cpu_count; cpu++) {
        uint32_t before = workers[cpu].sgis;

        for (uint32_t i = 0; i < ROUNDS; i++) {
            payload = cpu * ROUNDS + i;
            interrupt_sgi_send(SGI, 1ull << cpu);
            if (!reaches(&workers[cpu].sgis, before + i + 1)) {
                break;
            }
            read += workers[cpu].payload_seen == payload;
        }
        taken += workers[cpu].sgis == before + ROUNDS;
    }
    tap_equal(taken, machine.cpu_count, "%u SGIs to each CPU", ROUNDS);
    tap_equal(read, machine.cpu_count * ROUNDS, "see what was written before");
}

static void test_list(void)
{
    uint64_t others = (2ull << (machine.cpu_count - 1)) - 2;
    uint32_t before[MACHINE_CPUS_MAX];
    uint32_t taken = 0;

    for (uint32_t cpu = 0; cpu < machine.cpu_count; cpu++) {
        before[cpu] = workers[cpu].sgis;
    }
    interrupt_sgi_send(SGI, others);
    for (uint32_t cpu = 1; cpu < machine.cpu_count; cpu++) {
        taken += reaches(&workers[cpu].sgis, before[cpu] + 1);
    }
    timer_delay_ns(100000);
    tap_equal(taken, machine.cpu_count - 1, "an SGI to all others");
    tap_equal(workers[0].sgis, before[0], "is not for the sender");
    interrupt_sgi_send(SGI, ~0ull);
    for (uint32_t cpu = 0; cpu < machine.cpu_count; cpu++) {
        taken += reaches(&workers[cpu].sgis, before[cpu] + (cpu ? 2 : 1));
    }
    tap_equal(taken, 2 * machine.cpu_count - 1, "to all, and to some that are not there");
}

/* Both sleep until the other's SGI: one that got lost would cost a whole nap. */
static void test_ping_pong(void)
{
    uint64_t begin_ns = bg_hal_time_ns();
    uint64_t longest_ns = 0;
    uint32_t last = machine.cpu_count - 1;
    uint32_t base = workers[0].pings;

    for (uint32_t i = 0; i < PING_ROUNDS; i++) {
        uint64_t sent_ns = bg_hal_time_ns();

        interrupt_sgi_send(SGI_PING, 1ull << last);
        while (bg_load_acquire32(&workers[0].pings) - base <= i &&
               bg_hal_time_ns() - sent_ns < TEST_WAIT_NS) {
            bg_hal_sleep(NULL, sent_ns + TEST_WAIT_NS);
        }
        if (bg_hal_time_ns() - sent_ns > longest_ns) {
            longest_ns = bg_hal_time_ns() - sent_ns;
        }
    }
    tap_diag("%u times there and back: %u ms, the longest %u us", PING_ROUNDS,
             (unsigned)((bg_hal_time_ns() - begin_ns) / 1000000), (unsigned)(longest_ns / 1000));
    tap_equal(workers[0].pings - base, PING_ROUNDS, "CPUs that wake each other");
    tap_ok(longest_ns < NAP_NS, "lose no wake-up (%u us)", (unsigned)(longest_ns / 1000));
}

static void test_spi(void)
{
    struct test_count count = {0};
    uint32_t spi = test_free_spi(0);
    uint32_t there = 0;

    for (uint32_t cpu = 0; cpu < machine.cpu_count; cpu++) {
        if (cpu == 0) {
            interrupt_attach(spi, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU(machine.cpu_count - 1),
                             test_count_one, &count);
        } else {
            interrupt_set_cpu(spi, BG_HAL_CPU(cpu - 1));
        }
        interrupt_set_pending(spi, true);
        there += test_count_reaches(&count, cpu + 1) &&
                 count.cpu == (cpu + machine.cpu_count - 1) % machine.cpu_count;
    }
    tap_equal(there, machine.cpu_count, "an SPI goes to the CPU that it is sent to");
    tap_equal(interrupt_set_cpu(spi, BG_HAL_CPU(machine.cpu_count)), BG_ERR_INVALID,
              "and to no other");
    interrupt_detach(spi);
}

struct slow {
    uint32_t entered;
    uint32_t is_awaited; /* the other side begins to wait for the end */
    uint32_t left;
};

static void slow_handler(void *context)
{
    struct slow *slow = context;

    bg_store_release32(&slow->entered, 1);
    reaches(&slow->is_awaited, 1);
    timer_delay_ns(SLOW_NS);
    bg_store_release32(&slow->left, 1);
}

static void test_detach_waits(void)
{
    struct slow slow = {0};
    uint32_t spi = test_free_spi(0);

    interrupt_attach(spi, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU(1), slow_handler, &slow);
    interrupt_set_pending(spi, true);
    tap_ok(reaches(&slow.entered, 1) && !bg_load_acquire32(&slow.left),
           "a handler runs on another CPU");
    bg_store_release32(&slow.is_awaited, 1);
    interrupt_detach(spi);
    tap_ok(bg_load_acquire32(&slow.left), "detaching waits for its end");
}

static void test_mask_is_final(void)
{
    struct test_count count = {0};
    uint32_t spi = test_free_spi(0);
    uint32_t after_all = 0;
    uint32_t taken = 0;

    interrupt_attach(spi, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU(1), test_count_one, &count);
    for (uint32_t i = 0; i < MASK_ROUNDS; i++) {
        uint32_t seen;

        interrupt_set_pending(spi, true);
        timer_delay_ns(i * 50);
        interrupt_mask(spi);
        seen = test_count_get(&count);
        timer_delay_ns(20000);
        after_all += test_count_get(&count) != seen;
        interrupt_unmask(spi);
        taken += test_count_reaches(&count, i + 1);
    }
    tap_equal(after_all, 0, "when it is masked it has come or waits");
    tap_equal(taken, MASK_ROUNDS, "and none of %u is lost", MASK_ROUNDS);
    interrupt_detach(spi);
}

void test_interrupt_cpus(void)
{
    if (machine.cpu_count < 2) {
        tap_skip("one CPU", "several CPUs");
        return;
    }
    tap_equal(attach_own(), 0, "an SGI for all CPUs");
    if (start_all()) {
        test_each();
        test_list();
        test_ping_pong();
        test_spi();
        test_interrupt_moved_message(machine.cpu_count);
        test_detach_waits();
        test_mask_is_final();
    }
    for (uint32_t cpu = 1; cpu < machine.cpu_count; cpu++) {
        bg_store_release32(&workers[cpu].stop, 1);
    }
    interrupt_sgi_send(SGI, ~1ull);
}
