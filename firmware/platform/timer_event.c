/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One-shot timers and the end of sleeps, by each CPU's own timer interrupt. The hardware is set to
 * the earliest deadline or to one before it: a sleep that ended early leaves its own behind, and
 * the interrupt that comes of it finds nothing to do and sets the next. That is cheaper than two
 * writes for every sleep.
 */
#include "baregpu/error.h"
#include "baregpu/hal.h"
#include "firmware/memory/lock.h"
#include "firmware/platform/bootargs.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/interrupt.h"
#include "firmware/platform/machine.h"
#include "firmware/platform/timer.h"
#include "firmware/platform/timer_hw.h"

#include <string.h>

#define CALLS_MAX 64          /* in one interrupt: others get their turn */
#define FAR_NS 3600000000000u /* an hour; then the interrupt looks again */

struct timer_cpu {
    struct timer *root;
    uint64_t sleep_ns;      /* until when the CPU sleeps; TIMER_NEVER */
    uint64_t programmed_ns; /* when the interrupt comes; TIMER_NEVER */
    bool is_usable;
} __attribute__((aligned(64)));

static struct timer_cpu timer_cpus[MACHINE_CPUS_MAX];
static bool is_physical;

static struct timer_cpu *timer_self(void)
{
    return &timer_cpus[cpu_index()];
}

static void hardware_set(uint64_t deadline_ns)
{
    uint64_t now_ns = bg_hal_time_ns();
    uint64_t ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;

    timer_hw_set(is_physical, timer_ns_to_ticks(ns < FAR_NS ? ns : FAR_NS) + 1);
}

static void program(struct timer_cpu *self)
{
    uint64_t next_ns = self->sleep_ns;

    if (self->root != NULL && self->root->deadline_ns < next_ns) {
        next_ns = self->root->deadline_ns;
    }
    if (next_ns < self->programmed_ns) {
        self->programmed_ns = next_ns;
        hardware_set(next_ns);
    }
}

/* Runs what is due, then sets the next. */
static void timer_interrupt(void *context)
{
    struct timer_cpu *self = timer_self();
    uint64_t now_ns = bg_hal_time_ns();
    bool is_idle = self->sleep_ns > now_ns;

    (void)context;
    for (unsigned i = 0; i < CALLS_MAX && self->root != NULL && self->root->deadline_ns <= now_ns;
         i++) {
        struct timer *timer = self->root;

        timer_heap_remove(&self->root, timer);
        timer->is_armed = false;
        is_idle = false;
        timer->function(timer);
    }
    if (self->sleep_ns <= now_ns) {
        self->sleep_ns = TIMER_NEVER;
    }
    if (is_idle) {
        interrupt_wakes_nobody();
    }
    self->programmed_ns = TIMER_NEVER;
    program(self);
    if (self->programmed_ns == TIMER_NEVER) {
        timer_hw_stop(is_physical);
    }
}

int timer_init_cpu(void)
{
    struct timer_cpu *self = timer_self();
    struct machine_interrupt line = machine.timer_virtual;
    char choice[16] = "";
    int error;

    bootargs_get(machine.bootargs, "timer", choice, sizeof(choice));
    is_physical = !strcmp(choice, "physical") || line.intid == 0;
    if (is_physical) {
        line = machine.timer_physical;
    }
    if (line.intid == 0) {
        return BG_ERR_UNSUPPORTED;
    }
    timer_hw_stop(is_physical);
    self->sleep_ns = TIMER_NEVER;
    self->programmed_ns = TIMER_NEVER;
    program(self);
    error = interrupt_attach(line.intid, line.edge ? BG_HAL_TRIGGER_EDGE : BG_HAL_TRIGGER_LEVEL,
                             BG_HAL_CPU_SELF, timer_interrupt, NULL);
    self->is_usable = error == BG_OK;
    return error;
}

int timer_start(struct timer *timer, uint64_t deadline_ns)
{
    int error = interrupt_init_cpu();
    struct timer_cpu *self = timer_self();
    uint64_t state;

    if (error) {
        return error;
    }
    if (!self->is_usable) {
        return BG_ERR_UNSUPPORTED;
    }
    state = interrupts_mask();
    if (timer->is_armed) {
        timer_heap_remove(&self->root, timer);
    }
    timer->deadline_ns = deadline_ns;
    timer->is_armed = true;
    timer_heap_insert(&self->root, timer);
    program(self);
    interrupts_restore(state);
    return BG_OK;
}

bool timer_stop(struct timer *timer)
{
    uint64_t state = interrupts_mask();
    bool was_armed = timer->is_armed;

    if (was_armed) {
        timer_heap_remove(&timer_self()->root, timer);
    }
    timer->is_armed = false;
    interrupts_restore(state);
    return was_armed;
}

void timer_sleep_begin(uint64_t deadline_ns)
{
    struct timer_cpu *self = timer_self();

    self->sleep_ns = deadline_ns;
    program(self);
}

void timer_sleep_end(void)
{
    timer_self()->sleep_ns = TIMER_NEVER;
}
