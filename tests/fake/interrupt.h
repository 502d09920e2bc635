/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The HAL's interrupts for tests on the host: a controller with some lines and some messages, and
 * one CPU. A handler is called as soon as its interrupt may be delivered.
 */
#ifndef TESTS_FAKE_INTERRUPT_H
#define TESTS_FAKE_INTERRUPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baregpu/hal.h"

#define FAKE_INTERRUPTS 4096u
#define FAKE_FIRST_MESSAGE 128u /* below are lines */

struct fake_interrupt {
    bg_hal_interrupt_handler *handler; /* NULL: not attached */
    void *context;
    enum bg_hal_trigger trigger;
    uint32_t cpu;
    bool is_masked, is_pending, is_raised, is_running;
    bool is_reserved; /* a message */
    uint32_t requester_id;
    unsigned calls;
};

struct fake_interrupts {
    struct fake_interrupt of[FAKE_INTERRUPTS];
    /* To be set. */
    unsigned messages_left;
    uint64_t message_address; /* what devices write to */
    int message_error;        /* of bg_hal_msi_alloc, when not 0 */
    unsigned
        refuse_attach; /* 1: the next bg_hal_interrupt_attach fails, 2: the one after it, ... */
    /* What happens while a CPU sleeps; NULL: nothing, the deadline passes. */
    void (*while_asleep)(void *context, uint64_t deadline_ns);
    void *context;
    /* To look at. */
    unsigned reserved, attached;
    unsigned sleeps, slept_through; /* those that came to their deadline */
    uint64_t slept_ns;              /* how long the last one was to be */
    void *slept_on;                 /* its event */
    unsigned unknown_messages;
    unsigned violations; /* of the HAL's contract */
    bool is_latched;
};

extern struct fake_interrupts fake_interrupts;

/* Nothing attached; `messages` can be had. */
void fake_interrupts_begin(unsigned messages);

/* Everything was given back, and no rule was broken. */
void fake_interrupts_end(void);

/* A line's level; its rise is an edge. */
void fake_interrupt_set(uint32_t interrupt, bool is_raised);

/* A message, or another edge. */
void fake_interrupt_pulse(uint32_t interrupt);

/* A device's write. Returns whether it is one that was reserved. */
bool fake_interrupt_message(uint64_t address, uint32_t data);

#endif
