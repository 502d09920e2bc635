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
#include "protocol/decls.h"

BG_BEGIN_DECLS

/* ---- Source: one reason for interrupts, as a virtqueue, a mailbox, a configuration change ---- */

/*
 * This many interrupts, none more than BG_INTERRUPT_STORM_GAP_NS after the one before, without
 * anybody having found work in between, are a storm: what delivers them is masked, and the waits
 * fall back to polling. Far more than a device's queue can complete while its driver looks away,
 * and some tens of milliseconds of a CPU that does nothing else.
 */
#define BG_INTERRUPT_STORM_COUNT 10000u
#define BG_INTERRUPT_STORM_GAP_NS 10000000u

/* Owned by the driver; zeroes are a source without an interrupt yet: waits poll. */
struct bg_interrupt_source {
    /* Who opens the interrupt gives it in the options; it stays while the source is on. Called from
     * the interrupt handler, after counting; may be NULL. */
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
    uint64_t nap_ns; /* how long a wait sleeps at first; 0: BG_WAIT_NAP_FIRST_NS */
};

enum bg_interrupt_state {
    BG_INTERRUPT_OFF,   /* none come: waits poll */
    BG_INTERRUPT_ON,    /* they come */
    BG_INTERRUPT_STORM, /* off, because of too many; counted */
};

void bg_interrupt_source_turn(struct bg_interrupt_source *source, enum bg_interrupt_state state);

/*
 * From an interrupt handler: one has come. Returns false when it is one too many. Then whoever
 * handles the interrupt masks it and turns the source to BG_INTERRUPT_STORM; one that stands for
 * several sources does so when all of them say that.
 */
bool bg_interrupt_source_arrive(struct bg_interrupt_source *source);

/* The driver has found work: what has come so far is no storm. Made by waits and polls. */
void bg_interrupt_source_answer(struct bg_interrupt_source *source);

bool bg_interrupt_source_is_on(const struct bg_interrupt_source *source);

/* ---- Line: an interrupt that several devices may share ---- */

/* A device on a line. Owned by its driver, private but for what bg_interrupt_line_join says. */
struct bg_interrupt_client {
    /*
     * From the interrupt handler: has the device content, calls bg_interrupt_source_arrive for what
     * it was, and returns true; false when the device did not interrupt. Sets *is_storm when
     * bg_interrupt_source_arrive returned false for all of those.
     */
    bool (*take)(void *context, bool *is_storm);
    /* Turns the device's sources; also from the interrupt handler. */
    void (*turn)(void *context, enum bg_interrupt_state state);
    void *context;
    struct bg_interrupt_client *next;
    struct bg_interrupt_line *line;
};

/* Zeroes are a line that is not in use. */
struct bg_interrupt_line {
    uint32_t interrupt; /* the kernel's number */
    bool is_stormed;    /* masked; all clients poll */
    struct bg_interrupt_client *clients;
    uint64_t count;                  /* all interrupts of the line */
    uint64_t storms;                 /* times that it was masked, for whatever reason */
    struct bg_interrupt_source idle; /* count: spurious ones, that no client had a reason for */
};

/*
 * Adds a client, with `take`, `turn` and `context` filled in; the first one attaches the interrupt.
 * A later client's trigger and CPU are the first one's. Turns the client on, or off while the line
 * has a storm. Calls for one line are not reentrant, and not for interrupt handlers. Errors:
 * those of bg_hal_interrupt_attach; INVALID (another interrupt than the line's).
 */
int bg_interrupt_line_join(struct bg_interrupt_line *line, struct bg_interrupt_client *client,
                           uint32_t interrupt, enum bg_hal_trigger trigger, uint32_t cpu);

/* When it returns, `take` is not called any more, and the client is off. The last one detaches. */
void bg_interrupt_line_leave(struct bg_interrupt_client *client);

/* After a storm: tries again. The line has a client. */
void bg_interrupt_line_resume(struct bg_interrupt_line *line);

BG_END_DECLS

#endif
