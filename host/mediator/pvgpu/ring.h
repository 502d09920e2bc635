/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backend's side of pvgpu's ring and control region (protocol/pvgpu.h has the rules). The guest
 * can change all of it at any time: what is read is copied once and checked, what the backend
 * needs to know later it keeps for itself. No input or output, no waiting: one thread.
 */
#ifndef MEDIATOR_PVGPU_RING_H
#define MEDIATOR_PVGPU_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/pvgpu.h"
#include "protocol/pvgpu_command.h"

struct pvgpu_ring {
    /* Constant once opened. */
    struct bg_pvgpu_control *control; /* shared */
    const uint8_t *bytes;             /* shared */
    uint32_t size;                    /* a power of two */
    uint8_t *heap;                    /* shared */
    uint64_t heap_size;
    bool direct; /* the device keeps reset_request */

    uint64_t consumer;  /* what was consumed */
    uint64_t published; /* consumer_ptr as it is stored */
    uint64_t produced;  /* producer_ptr as it was last seen */
    uint64_t completed; /* the last fence */
    uint32_t error_count;
    uint32_t reset_seen; /* reset_request of the last reset */
};

enum pvgpu_ring_result {
    PVGPU_RING_EMPTY,
    PVGPU_RING_COMMAND,
    PVGPU_RING_TOO_LARGE, /* a command of more than BG_PVGPU_COMMAND_SIZE_MAX: only its header */
    PVGPU_RING_BROKEN,    /* cannot be read on */
    PVGPU_RING_RESET,     /* the device resets: its message comes (DIRECT), or has no message */
};

/* A copy of one command. */
struct pvgpu_ring_command {
    uint64_t position;
    uint32_t space; /* in the ring: its size, rounded up */
    union {
        struct bg_pvgpu_command header;
        _Alignas(16) uint8_t bytes[BG_PVGPU_COMMAND_SIZE_MAX];
    };
};

/*
 * Checks the control region of `size` bytes of shared memory and takes it over. False with a reason
 * (a string constant) when it is not one.
 */
bool pvgpu_ring_open(struct pvgpu_ring *ring, void *memory, uint64_t size, bool direct,
                     const char **reason);

/* Copies the next command; position is set in every case but EMPTY and RESET. */
enum pvgpu_ring_result pvgpu_ring_next(struct pvgpu_ring *ring, struct pvgpu_ring_command *command);

/* Past a COMMAND or TOO_LARGE. Publishes now and then. */
void pvgpu_ring_advance(struct pvgpu_ring *ring, const struct pvgpu_ring_command *command);

/* Makes consumer_ptr exact. */
void pvgpu_ring_publish(struct pvgpu_ring *ring);

/* True when there is something to do: a cheap look, for polling. */
bool pvgpu_ring_has_work(const struct pvgpu_ring *ring);

/* Says that the backend sleeps. False: there is work after all, and it does not. */
bool pvgpu_ring_sleep(struct pvgpu_ring *ring);
void pvgpu_ring_wake(struct pvgpu_ring *ring);

/* Is the guest to be interrupted (PVGPU_IRQ_*) for what was stored before? From any thread. */
bool pvgpu_ring_wants_interrupt(const struct pvgpu_ring *ring, uint32_t bit);

/* Both return that. */
bool pvgpu_ring_complete(struct pvgpu_ring *ring, uint64_t fence);
bool pvgpu_ring_report(struct pvgpu_ring *ring, uint64_t position, enum bg_pvgpu_error code,
                       uint32_t detail);

/* In words, before it is reported: error_text. */
void pvgpu_ring_explain(struct pvgpu_ring *ring, const char *text);

/* A present was shown, or found no slot: for the guest's statistics. */
void pvgpu_ring_count_present(struct pvgpu_ring *ring, bool dropped, uint64_t copied);

/* The device zeroes the control region, and this side has not followed yet. */
bool pvgpu_ring_was_reset(const struct pvgpu_ring *ring);

/* Consumer and fence are at their start again: with an older device, that a lost session was
 * reset. */
bool pvgpu_ring_is_zeroed(const struct pvgpu_ring *ring);

/* control.status; other bits stay. */
void pvgpu_ring_set_status(struct pvgpu_ring *ring, uint32_t bits);
void pvgpu_ring_clear_status(struct pvgpu_ring *ring, uint32_t bits);
uint32_t pvgpu_ring_get_status(const struct pvgpu_ring *ring);

/* Back to the start; request is reset_request of the device's message (any without DIRECT). The
 * session's objects are freed before. */
void pvgpu_ring_reset(struct pvgpu_ring *ring, uint32_t request);

#endif
