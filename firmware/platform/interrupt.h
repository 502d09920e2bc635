/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts of this kernel, named by the GIC's INTID (docs/interrupts.md):
 *
 *      0 -   15   SGIs, which CPUs send each other     each CPU has its own; 15 is smp.c's
 *     16 -   31   PPIs, as the timer's                 as well; one handler serves all CPUs
 *     32 - 1019   SPIs, of devices and of v2m messages
 *   8192 -        LPIs, of the ITS's messages
 *
 * Handlers run on the CPU's exception stack with interrupts masked, one at a time. The code that
 * they interrupt keeps its floating-point registers in the CPU, and nobody saves them: a handler,
 * and all that it calls, is compiled with -mgeneral-regs-only or marked INTERRUPT_HANDLER, as the
 * driver library, lock.h, console.h and memcpy are. printf, malloc and the page allocator are not
 * for handlers.
 *
 * Nothing is set up before the first call needs it: a kernel that polls pays nothing. Calls that
 * change an interrupt may be made on any CPU. Errors are negative baregpu_errors.
 */
#ifndef FIRMWARE_PLATFORM_INTERRUPT_H
#define FIRMWARE_PLATFORM_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

#include "baregpu/hal.h"

#define INTERRUPT_SPI(n) (32u + (n))

#define INTERRUPT_PRIORITY_LOWEST 0xe0 /* what the last is for the non-secure world */

#define INTERRUPT_HANDLER __attribute__((target("general-regs-only")))

/*
 * Makes the calling CPU take interrupts, with its timer, and unmasks them (PSTATE.I); nothing if it
 * does already. Made by whatever needs it on this CPU; a CPU that is to take others' interrupts and
 * SGIs calls it when it starts. UNSUPPORTED: interrupt_problem() says why. Not for handlers.
 */
int interrupt_init_cpu(void);

/* The calling CPU is about to be turned off: it takes no more interrupts. */
void interrupt_stop_cpu(void);

/* Why there are no interrupts, and why no messages; NULL while nothing went wrong. */
const char *interrupt_problem(void);
const char *interrupt_msi_problem(void);

/*
 * As bg_hal_interrupt_attach. SPIs and LPIs go to `cpu`, which has called interrupt_init_cpu. Of
 * SGIs and PPIs `cpu` is BG_HAL_CPU_SELF: they come to the calling CPU and to all that start later;
 * a CPU that runs already attaches the same handler and context again, or unmasks it.
 */
int interrupt_attach(uint32_t intid, enum bg_hal_trigger trigger, uint32_t cpu,
                     bg_hal_interrupt_handler *handler, void *context);
void interrupt_detach(uint32_t intid);

/*
 * As bg_hal_interrupt_mask. Called by a handler it does not wait for another CPU that runs the
 * handler of `intid` at this moment.
 */
void interrupt_mask(uint32_t intid);
void interrupt_unmask(uint32_t intid);

/*
 * Of several pending interrupts the one with the smallest number comes first. A GIC implements at
 * least 16 levels of these (the high bits), LPIs have 64. All begin with GIC_PRIORITY_DEFAULT.
 * There is no preemption.
 */
int interrupt_set_priority(uint32_t intid, uint8_t priority);

/* Where SPIs and LPIs go, `cpu` as above; both INVALID for what is not attached. */
int interrupt_set_cpu(uint32_t intid, uint32_t cpu);
int interrupt_set_trigger(uint32_t intid, enum bg_hal_trigger trigger);

/* By software: makes it pending, as if the device had, or takes that back (also a latched edge). */
int interrupt_set_pending(uint32_t intid, bool pending);
/* Whether it waits to be taken. LPIs: always false, only the GIC knows. */
bool interrupt_is_pending(uint32_t intid);

/*
 * Raises SGI `sgi`, 0 to 15, on each CPU whose bit is set (bit n: CPU n) and that takes interrupts.
 * What the caller wrote before is seen by the handlers. Also from handlers.
 */
int interrupt_sgi_send(uint32_t sgi, uint64_t cpus);

/* bg_hal_sleep. */
void interrupt_sleep(uint64_t deadline_ns);

struct interrupt_statistics {
    uint64_t taken;     /* exceptions, those below included */
    uint64_t spurious;  /* nothing was pending any more, or just masked or detached */
    uint64_t unhandled; /* without a handler: masked, and the first ones reported on the console */
};

/* Of one CPU, at any time; exact on that CPU itself. */
struct interrupt_statistics interrupt_statistics(uint32_t cpu);

/* ---- For vectors.S, timer_event.c, msi.c and tests ---- */

/* The lock around the GIC's and the ITS's settings, with interrupts masked; what _unlock needs. */
uint64_t interrupt_lock(void);
void interrupt_unlock(uint64_t state);

/* There are LPIs, this many. Under the lock. */
int interrupt_lpis_begin(uint32_t count);

/* Takes one interrupt. With interrupts masked. */
void interrupt_take(void);

/* From a handler: this interrupt was nobody's and ends no sleep. */
void interrupt_wakes_nobody(void);

#endif
