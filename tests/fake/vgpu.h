/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vgpu-stub for tests: registers as protocol/vgpu_stub.h has them, which count the accesses that
 * it forbids, and a small mediator behind the doorbell that answers by the protocol.
 */
#ifndef TESTS_FAKE_VGPU_H
#define TESTS_FAKE_VGPU_H

#include <stdbool.h>
#include <stdint.h>

#include "baregpu/vgpu_stub.h"

#define SECOND_NS 1000000000ull
#define MEMORY_SIZE 8192u

struct fake {
    uint64_t base;       /* where bg_hal_map "mapped" it */
    uint8_t bytes[4096]; /* registers and buffers */
    unsigned violations; /* accesses that the protocol forbids */
    unsigned accesses64; /* 8-byte accesses */
    unsigned doorbells;
    unsigned busy_polls;   /* STATUS reads that give BUSY before the answer is there */
    uint32_t final_status; /* what STATUS is after that */
    bool never_answers;
    bool is_gone; /* unplugged: all ones */
    void (*answer)(struct fake *fake);
    /* The small mediator. */
    uint8_t memory[2][MEMORY_SIZE];
    uint32_t last_flags, last_operation;
    uint32_t reply_status;
};

extern struct fake fake;
extern struct bg_vgpu_stub gpu; /* attached to it */

/* cmocka's setup and teardown; the latter fails when there was a forbidden access. */
int vgpu_setup(void **state);
int vgpu_teardown(void **state);

/* Registers and buffers, past all rules. */
uint32_t word(unsigned offset);
void set_word(unsigned offset, uint32_t value);

/* Puts an answer in place, as the device does with a mediator's. */
void reply(uint32_t status, const uint32_t *results, uint32_t result_count, const void *data,
           uint32_t data_length);

/* What fake.answer is at first. */
void small_mediator(struct fake *unused);

#endif
