/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=bench_interrupt: what an interrupt costs, from the interrupted instruction to the handler and
 * back to the next one, with a handler that does nothing. Under -icount shift=0 a nanosecond is an
 * instruction.
 */
#include <inttypes.h>
#include <stdio.h>

#include "firmware/apps/app.h"
#include "firmware/platform/gic.h"
#include "firmware/platform/interrupt.h"
#include "firmware/platform/timer.h"

#define ROUNDS 10000u

static INTERRUPT_HANDLER void do_nothing(void *context)
{
    (void)context;
}

/* Raises it ROUNDS times; it is taken at once, or not at all while it is masked. */
static uint64_t raise_ns(uint32_t spi)
{
    uint64_t begin_ns = bg_hal_time_ns();

    for (uint32_t i = 0; i < ROUNDS; i++) {
        gic_set_pending(spi, true);
        __asm__ volatile("isb" ::: "memory");
    }
    return bg_hal_time_ns() - begin_ns;
}

static int bench_interrupt(void)
{
    struct interrupt_statistics before;
    uint64_t with_ns;
    uint64_t without_ns;
    uint64_t taken;
    uint32_t spi;

    if (interrupt_init_cpu()) {
        printf("no interrupts: %s\n", interrupt_problem());
        return 1;
    }
    spi = gic.spi_end - 1;
    interrupt_attach(spi, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU_SELF, do_nothing, NULL);
    raise_ns(spi); /* once for the translator */
    before = interrupt_statistics(0);
    with_ns = raise_ns(spi);
    taken = interrupt_statistics(0).taken - before.taken;
    interrupt_mask(spi);
    raise_ns(spi);
    without_ns = raise_ns(spi);
    interrupt_detach(spi);
    if (taken != ROUNDS) {
        printf("%" PRIu64 " interrupts were taken, not %u\n", taken, ROUNDS);
        return 1;
    }
    printf("BENCH {\"name\": \"interrupt_entry_gicv%u\", \"value\": %" PRIu64
           ", \"unit\": \"ns\"}\n",
           (unsigned)gic.version, (with_ns - without_ns) / ROUNDS);
    return 0;
}

APP(bench_interrupt, "the way of an interrupt to its handler and back", bench_interrupt, "");
