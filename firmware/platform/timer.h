/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The generic timer: its virtual counter is the kernel's clock, and each CPU's own timer interrupt
 * (the virtual one; the physical one with `timer=physical` in the bootargs, or where the devicetree
 * has no other) drives one-shot timers and ends sleeps.
 */
#ifndef FIRMWARE_PLATFORM_TIMER_H
#define FIRMWARE_PLATFORM_TIMER_H

#include <stdbool.h>
#include <stdint.h>

/* Reads the frequency; remembers the counter at the kernel's entry. Once, before all else. False:
 * nobody has set the frequency. */
bool timer_init(uint64_t entry_ticks);

uint64_t timer_frequency_hz(void);
uint64_t timer_ns_to_ticks(uint64_t ns); /* rounded up */

/* Since the kernel's first instruction. */
uint64_t timer_since_entry_ns(void);

void timer_delay_ns(uint64_t ns);

/* bg_hal_time_ns() `ns` from now, saturating: a deadline. */
uint64_t timer_deadline_ns(uint64_t ns);
bool timer_has_passed(uint64_t deadline_ns);

/* ---- One-shot timers ---- */

/*
 * Owned by the caller, who fills in the first two fields and zeroes the rest; it may not move or go
 * away while it is armed. It belongs to the CPU that started it: calls for it are made there, also
 * from interrupt handlers and its own function.
 */
struct timer {
    /* Called once, at the deadline or soon after, as an interrupt handler (interrupt.h). */
    void (*function)(struct timer *timer);
    void *context; /* for the function */
    uint64_t deadline_ns;
    /* Private. */
    bool is_armed;
    struct timer *child;
    struct timer *next;
    struct timer *previous;
};

#define TIMER_NEVER UINT64_MAX

/*
 * Has the function called when bg_hal_time_ns() has reached deadline_ns, at once if it has; never
 * for TIMER_NEVER. One that is armed gets the new deadline. Timers of one deadline are called in
 * any order. Returns 0, or UNSUPPORTED without a usable interrupt.
 */
int timer_start(struct timer *timer, uint64_t deadline_ns);

/* Disarms it; returns whether it was armed, so that its function will not be called. */
bool timer_stop(struct timer *timer);

/* ---- For interrupt.c ---- */

/* Lets the calling CPU's timer interrupt in. */
int timer_init_cpu(void);

/* With interrupts masked: from now on the CPU is interrupted at deadline_ns at the latest. */
void timer_sleep_begin(uint64_t deadline_ns);
void timer_sleep_end(void);

/* ---- timer_heap.c: a pairing heap of timers (Fredman, Sedgewick, Sleator, Tarjan, 1986), linked
 * through the timers themselves: start takes a few instructions, the next one is found at once, and
 * taking one out costs the logarithm of how many there are, on average. No recursion ---- */

/* The root is the earliest; NULL: empty. */
void timer_heap_insert(struct timer **root, struct timer *timer);

/* Takes out one that is in this heap. */
void timer_heap_remove(struct timer **root, struct timer *timer);

#endif
