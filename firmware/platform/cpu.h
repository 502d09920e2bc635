/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPUs: which one runs, its stacks, how the others are turned on and off, and functions that
 * run on another CPU. There is no scheduler: a CPU that is on runs the functions it is given, one
 * after the other in the order of the calls, each to its end, and sleeps in between (docs/smp.md).
 */
#ifndef FIRMWARE_PLATFORM_CPU_H
#define FIRMWARE_PLATFORM_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/memory/lock.h"
#include "firmware/platform/machine.h"

#define CPU_CALLS_MAX 16 /* that wait for one CPU */

/* In a row for each CPU: emergency stack, exception stack, stack, a guard page below each. */
#define CPU_STACK_PAGES 8
#define CPU_EXCEPTION_STACK_PAGES 4
#define CPU_EMERGENCY_STACK_PAGES 1
#define CPU_GUARDS 3
#define CPU_STACKS_PAGES                                                                           \
    (CPU_GUARDS + CPU_EMERGENCY_STACK_PAGES + CPU_EXCEPTION_STACK_PAGES + CPU_STACK_PAGES)

enum cpu_state {
    CPU_STATE_OFF = 0,
    CPU_STATE_STARTING,
    CPU_STATE_ON,
    CPU_STATE_STOPPING, /* takes no more calls */
    CPU_STATE_GONE,     /* its last word; the firmware may still be at it */
};

struct cpu_work {
    void (*function)(void *argument);
    void *argument;
};

/* One per CPU; the running CPU's is in TPIDR_EL1. */
struct cpu {
    uint64_t stack_top; /* boot.S reads these two, */
    uint64_t exception_stack_top;
    uint64_t emergency_stack_top; /* vectors.S this one */
    uint64_t stack_low;
    uint32_t index;
    uint32_t state;
    bool is_serving;                  /* inside a call */
    struct exception_probe *probe;    /* exception.c */
    struct interrupt_cpu *interrupts; /* interrupt.c; NULL before the first */

    struct lock calls_lock;
    struct cpu_work calls[CPU_CALLS_MAX];
    uint64_t calls_made;  /* by others, under the lock */
    uint64_t calls_begun; /* by itself, under the lock */
    uint64_t calls_done;  /* by itself */
    uint64_t waiters;     /* bit n: CPU n sleeps until a call is done */
} __attribute__((aligned(64)));

_Static_assert(MACHINE_CPUS_MAX <= 64, "struct cpu: waiters");

/* The boot CPU's own record; called once, first of all. */
void cpu_init_boot(void);

/* The record of the running CPU; not NULL after cpu_init_boot. Callable from anywhere. */
static inline struct cpu *cpu_current(void)
{
    struct cpu *cpu;

    __asm__ volatile("mrs %0, tpidr_el1" : "=r"(cpu));
    return cpu;
}

static inline void cpu_set_current(struct cpu *cpu)
{
    __asm__ volatile("msr tpidr_el1, %0" ::"r"(cpu));
}

/* Of any CPU, on or not: below MACHINE_CPUS_MAX. */
struct cpu *cpu_record(uint32_t index);

/* 0 for the boot CPU; of machine.cpus. Callable from anywhere after cpu_init_boot. */
uint32_t cpu_index(void);

/*
 * Turns CPU `index` (not 0, not the caller) on with MMU, floating point and interrupts, and gives
 * it function(argument) as its first call; NULL: it just waits for calls. By PSCI, or by boot.S's
 * mailbox when the machine started us at EL3. Returns 0 once it runs; NOT_FOUND (no such CPU),
 * BUSY (it is not off), UNSUPPORTED (there is no way), TIMEOUT (it did not come in time), or what
 * the firmware said. Callable on any CPU, not from handlers and not from inside an exception.
 */
int cpu_start(uint32_t index, void (*function)(void *argument), void *argument);

/*
 * Turns CPU `index` (not 0, not the caller) off after the calls it has already been given. Returns
 * 0 once it is off, also when it was; TIMEOUT: a call still runs, it will turn off after that (call
 * again to wait on).
 */
int cpu_stop(uint32_t index, uint64_t deadline_ns);

/* On: cpu_call will be accepted. */
bool cpu_is_on(uint32_t index);

/* A call that was made; a value to copy as one likes. */
struct cpu_ticket {
    uint32_t cpu;
    uint64_t number;
};

/*
 * Has function(argument) called on CPU `index` and returns at once. What the caller has written
 * before is seen by the function. `argument` has to stay valid until the call is done. Returns 0
 * and the ticket (may be NULL), NOT_FOUND (the CPU is not on), LIMITED (CPU_CALLS_MAX calls wait).
 * CPU 0 has no loop of its own: it runs calls when it says cpu_serve. Callable from handlers.
 */
int cpu_call_async(uint32_t index, void (*function)(void *argument), void *argument,
                   struct cpu_ticket *ticket);

/*
 * Waits until the call is done: what the function has written is then seen here. 0 or TIMEOUT: then
 * it may still be running or run later. Not for handlers.
 */
int cpu_call_wait(struct cpu_ticket ticket, uint64_t deadline_ns);

/* Both. After TIMEOUT `argument` still has to stay valid. INVALID: the caller is that CPU. */
int cpu_call(uint32_t index, void (*function)(void *argument), void *argument,
             uint64_t deadline_ns);

/*
 * Sleeps until cpu_wake has been said for this CPU, another interrupt, or the deadline; may return
 * early for no reason. A cpu_wake since the last cpu_sleep is not lost: look for work, then sleep.
 * Where there are no interrupts it does not sleep. Not for handlers.
 */
void cpu_sleep(uint64_t deadline_ns);

/* Ends the sleep of CPU `index`, or its next one. From handlers, too. */
void cpu_wake(uint32_t index);

/* Runs the calls that wait for this CPU; returns how many. 0 inside a call: they are in order. */
uint32_t cpu_serve(void);

/* Sets memory aside for the stacks of all CPUs; before mmu_init, which leaves out their guards. */
void cpu_reserve_stacks(void);

/* The stacks of one CPU are CPU_STACKS_PAGES from `base` on. */
void cpu_set_stacks(struct cpu *cpu, uint64_t base);

/* The index-th guard page; false after the last. */
bool cpu_stack_guard(uint32_t index, uint64_t *guard);

/* The bounds of the stack that holds `address`. */
bool cpu_stack_of(uint64_t address, uint64_t *low, uint64_t *high);

/* Whether `address` lies in the unmapped page under some stack. */
bool cpu_is_stack_guard(uint64_t address);

/* newlib_smp.c: errno and the like for CPU `index`, not 0, that is about to start. */
void newlib_init_cpu(uint32_t index);

#endif
