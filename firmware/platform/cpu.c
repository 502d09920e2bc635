/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/cpu.h"

#include <stddef.h>

#include "baregpu/barrier.h"
#include "baregpu/error.h"
#include "baregpu/hal.h"
#include "firmware/memory/pages.h"
#include "firmware/platform/cache.h"
#include "firmware/platform/exception.h"
#include "firmware/platform/machine.h"
#include "firmware/platform/monitor.h"
#include "firmware/platform/psci.h"
#include "firmware/platform/sections.h"

#define CPU_STACK_PAGES           8
#define CPU_EXCEPTION_STACK_PAGES 4
#define CPU_PAGES                 (2 + CPU_EXCEPTION_STACK_PAGES + CPU_STACK_PAGES)
#define CPU_START_TIMEOUT_NS      2000000000ull

/* boot.S: where parked CPUs look. */
struct cpu_mailbox {
    uint64_t affinity; /* -1: nobody is called */
    uint64_t entry;
    uint64_t argument;
};

extern struct cpu_mailbox cpu_mailbox;
void cpu_entry_psci(void);
void cpu_entry_el1(void);
void cpu_start_c(struct cpu *cpu);

static struct cpu cpus[MACHINE_CPUS_MAX];

static void cpu_set_current(struct cpu *cpu)
{
    __asm__ volatile("msr tpidr_el1, %0" ::"r"(cpu));
}

void cpu_init_boot(void)
{
    cpus[0].stack_top = (uintptr_t)__stack_top;
    cpus[0].stack_low = (uintptr_t)__stack_guard + PAGE_SIZE;
    cpus[0].exception_stack_top = (uintptr_t)__exception_stack_top;
    cpus[0].started = 1;
    cpu_set_current(&cpus[0]);
}

uint32_t cpu_index(void)
{
    struct cpu *cpu;

    __asm__ volatile("mrs %0, tpidr_el1" : "=r"(cpu));
    return cpu ? cpu->index : 0;
}

/* In a row for each CPU: guard, exception stack, guard, stack. */
void cpu_reserve_stacks(void)
{
    for (uint32_t i = 1; i < machine.cpu_count; i++) {
        uint64_t base = pages_alloc(CPU_PAGES, PAGE_SIZE);

        if (base == PAGES_NONE)
            panic("cpu: no pages for the stacks");
        cpus[i].exception_stack_top = base + (1 + CPU_EXCEPTION_STACK_PAGES) * PAGE_SIZE;
        cpus[i].stack_low = cpus[i].exception_stack_top + PAGE_SIZE;
        cpus[i].stack_top = base + CPU_PAGES * PAGE_SIZE;
    }
}

bool cpu_stack_guard(uint32_t index, uint64_t *guard)
{
    uint32_t cpu = index / 2;

    if (cpu >= MACHINE_CPUS_MAX || cpus[cpu].stack_top == 0)
        return false;
    if (index % 2)
        *guard = cpus[cpu].stack_low - PAGE_SIZE;
    else if (cpu == 0)
        *guard = (uintptr_t)__exception_stack_guard;
    else
        *guard = cpus[cpu].stack_top - CPU_PAGES * PAGE_SIZE;
    return true;
}

/* Runs on the new CPU. */
void cpu_start_c(struct cpu *cpu)
{
    cpu_set_current(cpu);
    store_release32(&cpu->started, 1);
    cpu->function(cpu->argument);
    for (;;)
        __asm__ volatile("wfi");
}

/* Parked CPUs read the mailbox with their MMU off: it is written through the cache. */
static int cpu_call_parked(uint64_t affinity, struct cpu *cpu)
{
    cpu_mailbox.entry = (uintptr_t)cpu_entry_el1;
    cpu_mailbox.argument = (uintptr_t)cpu;
    cache_clean(&cpu_mailbox, sizeof(cpu_mailbox));
    store_release64(&cpu_mailbox.affinity, affinity);
    cache_clean(&cpu_mailbox, sizeof(cpu_mailbox));
    __asm__ volatile("dsb sy\n\tsev");
    return BAREGPU_OK;
}

int cpu_start(uint32_t index, void (*function)(void *argument), void *argument)
{
    struct cpu *cpu;
    uint64_t deadline_ns;
    int error;

    if (index == 0 || index >= machine.cpu_count)
        return BAREGPU_ERR_NOT_FOUND;
    cpu = &cpus[index];
    if (cpu->function)
        return BAREGPU_ERR_BUSY;
    cpu->index = index;
    cpu->function = function;
    cpu->argument = argument;
    cache_clean(cpu, sizeof(*cpu));
    if (machine.psci != MACHINE_PSCI_NONE)
        error = psci_cpu_on(machine.cpus[index], (uintptr_t)cpu_entry_psci, (uintptr_t)cpu);
    else if (monitor_present())
        error = cpu_call_parked(machine.cpus[index], cpu);
    else
        error = BAREGPU_ERR_UNSUPPORTED;
    if (error) {
        cpu->function = NULL;
        return error;
    }
    deadline_ns = hal_time_ns() + CPU_START_TIMEOUT_NS;
    while (!load_acquire32(&cpu->started)) {
        if (hal_time_ns() > deadline_ns)
            return BAREGPU_ERR_TIMEOUT;
        hal_wait(deadline_ns);
    }
    return BAREGPU_OK;
}

bool cpu_stack_of(uint64_t address, uint64_t *low, uint64_t *high)
{
    for (uint32_t i = 0; i < MACHINE_CPUS_MAX; i++) {
        if (address >= cpus[i].stack_low && address < cpus[i].stack_top) {
            *low = cpus[i].stack_low;
            *high = cpus[i].stack_top;
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

    if (is_in_page(address, (uintptr_t)__emergency_stack_guard))
        return true;
    for (uint32_t i = 0; cpu_stack_guard(i, &guard); i++) {
        if (is_in_page(address, guard))
            return true;
    }
    return false;
}
