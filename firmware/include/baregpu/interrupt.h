/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every driver that takes interrupts has in common: a source, which counts what arrives and
 * wakes who waits (baregpu/wait.h), and a line, which several devices may share.
 *
 * A handler only notes that something happened, and where the line is level-triggered makes the
 * device content. The work is done by who waits, or by who was called back (`handler`).
 *
 * Statistics may be read at any time on any CPU, each for itself.
 */
#ifndef BAREGPU_INTERRUPT_H
#define BAREGPU_INTERRUPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baregpu/error.h"
#include "baregpu/hal.h"

/* ---- Source: one reason for interrupts, as a virtqueue, a mailbox, a configuration change ---- */

/*
 * This many interrupts, none more than INTERRUPT_STORM_GAP_NS after the one before, without anybody
 * having found work in between, are a storm: what delivers them is masked, and the waits fall back
 * to polling. Far more than a device's queue can complete while its driver looks away, and some
 * tens of milliseconds of a CPU that does nothing else.
 */
#define INTERRUPT_STORM_COUNT 10000u
#define INTERRUPT_STORM_GAP_NS 1000000u

/* Owned by the driver; zeroes are a source without an interrupt yet: waits poll. */
struct interrupt_source {
    /* Called from the interrupt handler after counting; may be NULL. Set before interrupts come. */
    void (*handler)(void *context);
    void *context;
    /* Statistics. */
    uint64_t count;  /* interrupts that were this source's */
    uint64_t lost;   /* work that a sleeping wait found by itself, without an interrupt */
    uint64_t storms; /* times that it was turned off */
    /* Private. */
    uint32_t is_on; /* an interrupt is attached and not masked because of a storm */
    uint32_t unanswered;
    uint64_t unanswered_ns;
};

/* From now on the source's interrupts come (true), or they do not and waits poll (false). */
void interrupt_source_turn(struct interrupt_source *source, bool on);

/*
 * From an interrupt handler: one has come. Returns false when it is one too many: the caller has to
 * mask the interrupt; waits poll from then on, until interrupt_source_turn(source, true).
 */
bool interrupt_source_arrive(struct interrupt_source *source);

/* The driver has found work: what has come so far is no storm. Made by waits. */
void interrupt_source_answer(struct interrupt_source *source);

bool interrupt_source_is_on(const struct interrupt_source *source);

/* ---- Line: an interrupt that several devices may share ---- */

/* A device on a line. Owned by its driver, private but for what interrupt_line_join says. */
struct interrupt_client {
    /*
     * From the interrupt handler: has the device content, calls interrupt_source_arrive for what
     * it was, and returns true; false when the device did not interrupt. *is_storm is set when
     * interrupt_source_arrive returned false.
     */
    bool (*take)(void *context, bool *is_storm);
    /* The line was masked because of a storm (false) or came back (true): tell the sources. May be
     * called from the interrupt handler. */
    void (*turn)(void *context, bool on);
    void *context;
    struct interrupt_client *next;
    struct interrupt_line *line;
};

/* Zeroes are a line that is not in use. */
struct interrupt_line {
    uint32_t interrupt; /* the kernel's number */
    struct interrupt_client *clients;
    struct interrupt_source all; /* count: all interrupts; storms: of any kind */
    uint64_t spurious;           /* interrupts that no client had a reason for */
};

/*
 * Adds a client, with `take`, `turn` and `context` filled in; the first one attaches the interrupt.
 * A later client's trigger and CPU are the first one's. Then calls turn(true). Calls for one line
 * are not reentrant, and not for interrupt handlers. Errors: those of hal_interrupt_attach; INVALID
 * (another interrupt than the line's).
 */
int interrupt_line_join(struct interrupt_line *line, struct interrupt_client *client,
                        uint32_t interrupt, enum hal_trigger trigger, uint32_t cpu);

/* When it returns, `take` is not called any more; turn(false) was. The last one detaches. */
void interrupt_line_leave(struct interrupt_client *client);

/* After a storm: tries again. */
void interrupt_line_resume(struct interrupt_line *line);

#endif
