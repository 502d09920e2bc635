/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test_reset: resets the machine once, from CPU cpu=N. Whether that has happened is known by a
 * word in memory that nobody uses, which a reset keeps and QEMU fills with 0 at first.
 */
#include <stdio.h>

#include "baregpu/mmio.h"
#include "firmware/apps/app.h"
#include "tests/guest/lib/smp.h"
#include "tests/guest/lib/tap.h"
#include "firmware/platform/cache.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/machine.h"
#include "firmware/platform/power.h"
#include "firmware/platform/timer.h"

#define MAGIC 0x7e5e70000000001dull
#define DEADLINE_NS 10000000000ull

static void reset_there(void *argument)
{
    (void)argument;
    power_reset();
}

static int test_reset(void)
{
    uint32_t cpu = (uint32_t)smp_option("cpu", 0);
    uint64_t *word = (uint64_t *)(uintptr_t)(machine.memory[machine.memory_count - 1].base +
                                             machine.memory[machine.memory_count - 1].size - 64);
    uint64_t found = *word;

    if (found == MAGIC) {
        *word = 0;
        tap_plan(0);
        tap_ok(cpu_index() == 0, "the machine is back after a reset by CPU %u", cpu);
        tap_equal((unsigned)smp_start(), machine.cpu_count, "all CPUs start again");
        tap_equal((unsigned)smp_stop(), 0, "and stop");
        return tap_done();
    }
    printf("resetting, there was 0x%llx\n", (unsigned long long)found);
    fflush(stdout);
    *word = MAGIC;
    cache_clean(word, sizeof(*word));
    if (cpu == 0) {
        power_reset();
    }
    cpu_start(cpu, reset_there, NULL);
    timer_delay_ns(DEADLINE_NS);
    printf("not reset\n");
    return 1;
}

APP(test_reset, "resets the machine once, from CPU cpu=N", test_reset, "cpu");
