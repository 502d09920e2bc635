/* SPDX-License-Identifier: BSD-2-Clause */
/* The generic timer's virtual counter. */
#ifndef PLATFORM_TIMER_H
#define PLATFORM_TIMER_H

#include <stdbool.h>
#include <stdint.h>

/* Reads the frequency; remembers the counter at the kernel's entry. Once, before all else. */
void timer_init(uint64_t entry_ticks);

uint64_t timer_ticks(void);
uint64_t timer_frequency_hz(void);
uint64_t timer_ticks_to_ns(uint64_t ticks);

/* Since the kernel's first instruction. */
uint64_t timer_since_entry_ns(void);
uint64_t timer_since_entry_ticks(void);

void timer_delay_ns(uint64_t ns);

/* hal_time_ns() `ns` from now, saturating: a deadline. */
uint64_t timer_deadline_ns(uint64_t ns);
bool timer_has_passed(uint64_t deadline_ns);

#endif
