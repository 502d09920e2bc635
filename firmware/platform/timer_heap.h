/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pairing heap of timers (Fredman, Sedgewick, Sleator, Tarjan, 1986), linked through the timers
 * themselves: start takes a few instructions, the next one is found at once, and taking one out
 * costs the logarithm of how many there are, on average. No recursion.
 */
#ifndef PLATFORM_TIMER_HEAP_H
#define PLATFORM_TIMER_HEAP_H

#include <stdbool.h>

#include "firmware/platform/timer.h"

/* The root is the earliest; NULL: empty. */
void timer_heap_insert(struct timer **root, struct timer *timer);

/* Takes out one that is in this heap. */
void timer_heap_remove(struct timer **root, struct timer *timer);

#endif
