/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUs together: turning them on and off, calls from one to another, sleeping and waking. */
#include "firmware/platform/cpu.h"

#include <stddef.h>

#include "baregpu/barrier.h"
#include "baregpu/error.h"
#include "baregpu/hal.h"
#include "firmware/memory/once.h"
#include "firmware/memory/pages.h"
#include "firmware/platform/cache.h"
#include "firmware/platform/exception.h"
#include "firmware/platform/interrupt.h"
#include "firmware/platform/monitor.h"
#include "firmware/platform/power.h"
#include "firmware/platform/timer.h"

#define CPU_START_TIMEOUT_NS 10000000000ull
#define CPU_WAIT_SPIN_NS 20000 /* before a wait sleeps: two switches of CPUs on the host */

void cpu_entry_psci(void);
void cpu_entry_el1(void);
void cpu_start_c(struct cpu *cpu);

bool cpu_is_on(uint32_t index)
{
    return index < machine.cpu_count &&
           bg_load_acquire32(&cpu_record(index)->state) == CPU_STATE_ON;
}

static bool cpu_change_state(struct cpu *cpu, uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(&cpu->state, &from, to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

/* ---- Sleeping and waking ---- */

/* The SGI whose only effect is that it ends a sleep; monitor.c wakes parked CPUs by it, too. */
#define CPU_WAKE_SGI MONITOR_SGI

static struct once wake_once;
static bool has_wake;

static INTERRUPT_HANDLER void take_wake(void *context)
{
    (void)context;
}

/* On the first CPU that starts another one: no other runs, and those to come find it attached. */
static void wake_init(void *argument)
{
    (void)argument;
    has_wake =
        interrupt_attach(CPU_WAKE_SGI, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU_SELF, take_wake, NULL) == 0;
}

void cpu_sleep(uint64_t deadline_ns)
{
    if (has_wake) {
        interrupt_sleep(deadline_ns);
    } else {
        bg_hal_wait(deadline_ns);
    }
}

void cpu_wake(uint32_t index)
{
    if (has_wake) {
        interrupt_sgi_send(CPU_WAKE_SGI, 1ull << index);
    }
}

/* ---- Calls ---- */

int cpu_call_async(uint32_t index, void (*function)(void *argument), void *argument,
                   struct cpu_ticket *ticket)
{
    struct cpu *cpu;
    int error = BG_OK;
    uint64_t masked;

    if (index >= machine.cpu_count) {
        return BG_ERR_NOT_FOUND;
    }
    cpu = cpu_record(index);
    masked = lock_take_masked(&cpu->calls_lock);
    if (bg_load_acquire32(&cpu->state) != CPU_STATE_ON) {
        error = BG_ERR_NOT_FOUND;
    } else if (cpu->calls_made - cpu->calls_begun >= CPU_CALLS_MAX) {
        error = BG_ERR_LIMITED;
    } else {
        cpu->calls[cpu->calls_made % CPU_CALLS_MAX] = (struct cpu_work){function, argument};
        cpu->calls_made++;
        if (ticket != NULL) {
            *ticket = (struct cpu_ticket){index, cpu->calls_made};
        }
    }
    lock_release_masked(&cpu->calls_lock, masked);
    if (!error) {
        cpu_wake(index);
    }
    return error;
}

static bool cpu_next_call(struct cpu *cpu, struct cpu_work *work)
{
    uint64_t masked = lock_take_masked(&cpu->calls_lock);
    bool found = cpu->calls_begun != cpu->calls_made;

    if (found) {
        *work = cpu->calls[cpu->calls_begun++ % CPU_CALLS_MAX];
    }
    lock_release_masked(&cpu->calls_lock, masked);
    return found;
}

/* After something was published: then look who sleeps. A waiter says that it sleeps, then looks. */
static void cpu_wake_waiters(struct cpu *cpu)
{
    uint64_t waiters;

    bg_barrier_full();
    waiters = __atomic_load_n(&cpu->waiters, __ATOMIC_RELAXED);
    for (; waiters; waiters &= waiters - 1) {
        cpu_wake((uint32_t)__builtin_ctzll(waiters));
    }
}

/* Waits until is_over(cpu, value), which cpu_wake_waiters(cpu) follows. 0 or TIMEOUT. */
static int cpu_wait(struct cpu *cpu, bool (*is_over)(const struct cpu *cpu, uint64_t value),
                    uint64_t value, uint64_t deadline_ns)
{
    uint64_t spin_end_ns = timer_deadline_ns(CPU_WAIT_SPIN_NS);
    uint64_t bit = 1ull << cpu_index();

    while (!is_over(cpu, value)) {
        if (timer_has_passed(deadline_ns)) {
            return is_over(cpu, value) ? BG_OK : BG_ERR_TIMEOUT;
        }
        if (!timer_has_passed(spin_end_ns)) {
            bg_hal_wait(deadline_ns);
            continue;
        }
        __atomic_fetch_or(&cpu->waiters, bit, __ATOMIC_RELAXED);
        bg_barrier_full();
        if (!is_over(cpu, value)) {
            cpu_sleep(deadline_ns);
        }
        __atomic_fetch_and(&cpu->waiters, ~bit, __ATOMIC_RELAXED);
    }
    return BG_OK;
}

uint32_t cpu_serve(void)
{
    struct cpu *cpu = cpu_current();
    struct cpu_work work;
    uint32_t count = 0;

    if (cpu->is_serving) {
        return 0;
    }
    while (cpu_next_call(cpu, &work)) {
        cpu->is_serving = true;
        work.function(work.argument);
        cpu->is_serving = false;
        bg_store_release64(&cpu->calls_done, cpu->calls_done + 1);
        cpu_wake_waiters(cpu);
        count++;
    }
    return count;
}

static bool has_done(const struct cpu *cpu, uint64_t number)
{
    return bg_load_acquire64(&cpu->calls_done) >= number;
}

int cpu_call_wait(struct cpu_ticket ticket, uint64_t deadline_ns)
{
    return cpu_wait(cpu_record(ticket.cpu), has_done, ticket.number, deadline_ns);
}

int cpu_call(uint32_t index, void (*function)(void *argument), void *argument, uint64_t deadline_ns)
{
    struct cpu_ticket ticket;

    if (index == cpu_index()) {
        return BG_ERR_INVALID;
    }
    return cpu_call_async(index, function, argument, &ticket) ?: cpu_call_wait(ticket, deadline_ns);
}

/* ---- On and off ---- */

/* The end of a CPU that was told to stop; it starts anew at boot.S. */
static void __attribute__((noreturn)) cpu_power_off(struct cpu *cpu)
{
    interrupt_stop_cpu();
    /* What stays pending would wake it where it is parked. */
    __asm__ volatile("msr cntv_ctl_el0, xzr\n\tmsr cntp_ctl_el0, xzr\n\tisb" ::: "memory");
    bg_store_release32(&cpu->state, CPU_STATE_GONE);
    cpu_wake_waiters(cpu);
    if (machine.psci != MACHINE_PSCI_NONE) {
        psci_cpu_off();
    } else {
        monitor_park();
    }
    panic("cpu: it could not be turned off");
}

/* Runs on the new CPU: boot.S has set its stacks. */
void cpu_start_c(struct cpu *cpu)
{
    bool stopping;

    cpu_set_current(cpu);
    monitor_release_gic_cpu();
    interrupt_init_cpu(); /* without interrupts it polls */
    bg_store_release32(&cpu->state, CPU_STATE_ON);
    cpu_wake_waiters(cpu);
    for (;;) {
        /* No call comes after it has been told to stop: so looking for that first is enough. */
        stopping = bg_load_acquire32(&cpu->state) == CPU_STATE_STOPPING;
        if (cpu_serve() > 0) {
            continue;
        }
        if (stopping) {
            cpu_power_off(cpu);
        }
        cpu_sleep(UINT64_MAX);
    }
}

static int cpu_power_on(struct cpu *cpu, uint64_t deadline_ns)
{
    uint64_t affinity = machine.cpus[cpu->index];

    __asm__ volatile("dsb sy" ::: "memory");
    if (machine.psci != MACHINE_PSCI_NONE) {
        return psci_cpu_on(affinity, (uintptr_t)cpu_entry_psci, (uintptr_t)cpu);
    }
    if (monitor_present()) {
        return monitor_unpark(affinity, (uintptr_t)cpu_entry_el1, (uintptr_t)cpu, deadline_ns);
    }
    return BG_ERR_UNSUPPORTED;
}

static bool has_left_state(const struct cpu *cpu, uint64_t state)
{
    return bg_load_acquire32(&cpu->state) != state;
}

int cpu_start(uint32_t index, void (*function)(void *argument), void *argument)
{
    uint64_t deadline_ns = timer_deadline_ns(CPU_START_TIMEOUT_NS);
    struct cpu *cpu;
    int error;

    if (index == 0 || index >= machine.cpu_count) {
        return BG_ERR_NOT_FOUND;
    }
    cpu = cpu_record(index);
    if (!cpu_change_state(cpu, CPU_STATE_OFF, CPU_STATE_STARTING)) {
        return BG_ERR_BUSY;
    }
    once_run(&wake_once, wake_init, NULL);
    cpu->index = index;
    newlib_init_cpu(index);
    if (function != NULL) {
        cpu->calls[cpu->calls_made++ % CPU_CALLS_MAX] = (struct cpu_work){function, argument};
    }
    cache_clean(cpu, sizeof(*cpu));
    error = cpu_power_on(cpu, deadline_ns);
    if (!error) {
        return cpu_wait(cpu, has_left_state, CPU_STATE_STARTING, deadline_ns);
    }
    cpu->calls_made = cpu->calls_begun;
    bg_store_release32(&cpu->state, CPU_STATE_OFF);
    return error;
}

/* It has said goodbye; the firmware takes a moment more, without telling anybody. */
static int cpu_wait_off(struct cpu *cpu, uint64_t deadline_ns)
{
    int error = cpu_wait(cpu, has_left_state, CPU_STATE_STOPPING, deadline_ns);

    if (error || bg_load_acquire32(&cpu->state) != CPU_STATE_GONE) {
        return error;
    }
    while (machine.psci != MACHINE_PSCI_NONE && !psci_cpu_is_off(machine.cpus[cpu->index])) {
        if (timer_has_passed(deadline_ns)) {
            return BG_ERR_TIMEOUT;
        }
        bg_hal_wait(deadline_ns);
    }
    cpu_change_state(cpu, CPU_STATE_GONE, CPU_STATE_OFF);
    return BG_OK;
}

int cpu_stop(uint32_t index, uint64_t deadline_ns)
{
    uint32_t state = CPU_STATE_ON; /* then what it was */
    struct cpu *cpu;
    uint64_t masked;

    if (index == 0 || index >= machine.cpu_count) {
        return BG_ERR_NOT_FOUND;
    }
    if (index == cpu_index()) {
        return BG_ERR_INVALID;
    }
    cpu = cpu_record(index);
    masked = lock_take_masked(&cpu->calls_lock);
    __atomic_compare_exchange_n(&cpu->state, &state, CPU_STATE_STOPPING, false, __ATOMIC_ACQ_REL,
                                __ATOMIC_ACQUIRE);
    lock_release_masked(&cpu->calls_lock, masked);
    if (state == CPU_STATE_STARTING) {
        return BG_ERR_BUSY;
    }
    cpu_wake(index);
    return cpu_wait_off(cpu, deadline_ns);
}

/* ---- Stacks ---- */

void cpu_reserve_stacks(void)
{
    for (uint32_t i = 1; i < machine.cpu_count; i++) {
        uint64_t base = pages_alloc(CPU_STACKS_PAGES, PAGE_SIZE);

        if (base == PAGES_NONE) {
            panic("cpu: no pages for the stacks");
        }
        cpu_set_stacks(cpu_record(i), base);
    }
}
