/* SPDX-License-Identifier: BSD-2-Clause */
/* Who runs, and on which stack; what needs interrupts, memory or firmware is in smp.c. */
#include "firmware/platform/cpu.h"

#include "firmware/memory/pages.h"
#include "firmware/platform/sections.h"

static struct cpu cpus[MACHINE_CPUS_MAX];

void cpu_init_boot(void)
{
    cpus[0].stack_top = (uintptr_t)__stack_top;
    cpus[0].stack_low = (uintptr_t)__stack_guard + PAGE_SIZE;
    cpus[0].exception_stack_top = (uintptr_t)__exception_stack_top;
    cpus[0].emergency_stack_top = (uintptr_t)__emergency_stack_top;
    cpus[0].state = CPU_STATE_ON;
    cpu_set_current(&cpus[0]);
}

uint32_t cpu_index(void)
{
    struct cpu *cpu = cpu_current();

    return cpu != NULL ? cpu->index : 0;
}

struct cpu *cpu_record(uint32_t index)
{
    return &cpus[index];
}

/* ---- Stacks ---- */

void cpu_set_stacks(struct cpu *cpu, uint64_t base)
{
    cpu->emergency_stack_top = base + (1 + CPU_EMERGENCY_STACK_PAGES) * PAGE_SIZE;
    cpu->exception_stack_top =
        cpu->emergency_stack_top + (1 + CPU_EXCEPTION_STACK_PAGES) * PAGE_SIZE;
    cpu->stack_low = cpu->exception_stack_top + PAGE_SIZE;
    cpu->stack_top = base + CPU_STACKS_PAGES * PAGE_SIZE;
}

bool cpu_stack_guard(uint32_t index, uint64_t *guard)
{
    const struct cpu *cpu = &cpus[index / CPU_GUARDS];

    if (index / CPU_GUARDS >= MACHINE_CPUS_MAX || cpu->stack_top == 0) {
        return false;
    }
    if (index % CPU_GUARDS == 0) {
        *guard = cpu->stack_low - PAGE_SIZE;
    } else if (index % CPU_GUARDS == 1) {
        *guard = cpu->exception_stack_top - (1 + CPU_EXCEPTION_STACK_PAGES) * PAGE_SIZE;
    } else {
        *guard = cpu->emergency_stack_top - (1 + CPU_EMERGENCY_STACK_PAGES) * PAGE_SIZE;
    }
    return true;
}

bool cpu_stack_of(uint64_t address, uint64_t *low, uint64_t *high)
{
    const uint64_t exception_bytes = CPU_EXCEPTION_STACK_PAGES * PAGE_SIZE;

    for (uint32_t i = 0; i < MACHINE_CPUS_MAX && cpus[i].stack_top; i++) {
        *low = cpus[i].stack_low;
        *high = cpus[i].stack_top;
        if (address >= *low && address < *high) {
            return true;
        }
        *low = cpus[i].exception_stack_top - exception_bytes;
        *high = cpus[i].exception_stack_top;
        if (address >= *low && address < *high) {
            return true;
        }
    }
    return false;
}

static bool is_in_page(uint64_t address, uint64_t page)
{
    return address >= page && address < page + PAGE_SIZE;
}

bool cpu_is_stack_guard(uint64_t address)
{
    uint64_t guard;

    for (uint32_t i = 0; cpu_stack_guard(i, &guard); i++) {
        if (is_in_page(address, guard)) {
            return true;
        }
    }
    return false;
}
