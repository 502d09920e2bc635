/* SPDX-License-Identifier: BSD-2-Clause */
/* The CPUs: which one runs, its stacks, and how the others are started. */
#ifndef PLATFORM_CPU_H
#define PLATFORM_CPU_H

#include <stdbool.h>
#include <stdint.h>

struct cpu {
    uint64_t stack_top;           /* boot.S reads these two */
    uint64_t exception_stack_top;
    uint64_t stack_low;
    uint32_t index;
    uint32_t started; /* set by the CPU itself when it runs */
    void (*function)(void *argument);
    void *argument;
};

/* The boot CPU's own record; called once, first of all. */
void cpu_init_boot(void);

/* 0 for the boot CPU. Callable from anywhere after cpu_init_boot. */
uint32_t cpu_index(void);

/*
 * Starts CPU `index` (of machine.cpus, not 0): it runs function(argument) with MMU and floating
 * point on, and sleeps forever when that returns. Returns 0 once it runs, or a negative
 * baregpu_error: no such CPU, started already, the firmware refused, or it did not arrive in time.
 */
int cpu_start(uint32_t index, void (*function)(void *argument), void *argument);

/* Sets memory aside for the stacks of all CPUs; before mmu_init, which leaves out their guards. */
void cpu_reserve_stacks(void);

/* The index-th guard page; false after the last. */
bool cpu_stack_guard(uint32_t index, uint64_t *guard);

/* The bounds of the stack that holds `address`. */
bool cpu_stack_of(uint64_t address, uint64_t *low, uint64_t *high);

/* Whether `address` lies in the unmapped page under some stack. */
bool cpu_is_stack_guard(uint64_t address);

#endif
