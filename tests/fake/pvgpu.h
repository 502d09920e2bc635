/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pvgpu for tests: registers and control region as protocol/pvgpu.h has them, and a backend that
 * reads the ring by its rules, keeps what it read, completes fences and answers compute operations.
 * It works when the driver waits (fake_hal.on_wait) or rings, or in a thread of the test's.
 */
#ifndef TESTS_FAKE_PVGPU_H
#define TESTS_FAKE_PVGPU_H

#include <stdbool.h>
#include <stdint.h>

#include "baregpu/pvgpu.h"

#define FAKE_PVGPU_SHMEM (4u << 20)
#define FAKE_PVGPU_RING (16u << 10)
#define FAKE_PVGPU_RING_OFFSET BG_PVGPU_CONTROL_SIZE
#define FAKE_PVGPU_HEAP_OFFSET (FAKE_PVGPU_RING_OFFSET + FAKE_PVGPU_RING)
#define FAKE_PVGPU_HEAP (FAKE_PVGPU_SHMEM - FAKE_PVGPU_HEAP_OFFSET)
#define FAKE_PVGPU_KEPT 256u

#define FAKE_PVGPU_FEATURES                                                                        \
    (BG_PVGPU_FEATURE_D3D11 | BG_PVGPU_FEATURE_VSYNC | BG_PVGPU_FEATURE_TRIPLE_BUFFER |            \
     BG_PVGPU_FEATURE_CONTROL_WORDS | BG_PVGPU_FEATURE_COMPUTE | BG_PVGPU_FEATURE_REGIONS |        \
     BG_PVGPU_FEATURE_SCANOUT)

/* A command that the backend has read. */
struct fake_pvgpu_command {
    struct bg_pvgpu_command header;
    uint64_t position;
    uint32_t words[BG_PVGPU_COMMAND_SIZE_MAX / 4 - 4]; /* the payload */
};

struct fake_pvgpu {
    void *mapping;
    uint8_t *shmem; /* in it, aligned to its size */
    struct bg_pvgpu_control *control;
    uint64_t base; /* where the registers are mapped */
    /* To be set. */
    uint64_t features;     /* of the backend that will connect */
    bool is_connected;     /* a backend is there; changes take effect at once */
    bool connects_on_wait; /* a backend comes while the driver waits */
    bool is_stuck;         /* the backend consumes nothing */
    bool never_resets;     /* reset_done stays behind */
    unsigned late_losses;  /* so many resets come before the news that the backend is gone */
    uint32_t refuses_with; /* after a reset; enum bg_compute_status, 0: does not */
    bool keeps_pointers;   /* a reset leaves producer_ptr and consumer_ptr */
    bool is_gone;          /* unplugged: registers read all ones */
    unsigned budget;       /* commands per wait; 0: all */
    uint32_t fail_type;    /* commands of this type fail with ... */
    uint32_t fail_code;
    uint32_t compute_status; /* of all compute operations */
    bool keeps_no_results;   /* done stays 0 */
    bool is_dead_at_fence;   /* dies instead of completing the next fence */
    /* Called for each interrupt that the backend wants (PVGPU_IRQ_*), from where it works. */
    void (*interrupt)(struct fake_pvgpu *fake, uint32_t bits);
    /* To look at. */
    uint32_t version, status, irq_status, irq_mask;
    unsigned resets, doorbells;
    unsigned violations; /* of the protocol, by the driver */
    struct fake_pvgpu_command kept[FAKE_PVGPU_KEPT];
    uint64_t commands; /* read so far: the last one is kept[(commands - 1) % KEPT] */
    uint64_t fences, interrupts, sleeps;
    uint32_t next_handle;
    unsigned doorbells_seen;
};

extern struct fake_pvgpu fake;
extern struct bg_pvgpu gpu;
extern struct bg_pvgpu_block fake_blocks[64];

/* cmocka's: the device with a backend and the driver attached to it; teardown fails when there was
 * a violation. */
int pvgpu_setup(void **state);
int pvgpu_teardown(void **state);

/* The device alone, as after power on. */
void fake_pvgpu_begin(void);
void fake_pvgpu_end(void);

/* Attaches the driver again, with the fake's table of blocks. */
int fake_pvgpu_attach(void);

/* The backend works: at most `budget` commands (0: all). Returns how many there were. */
unsigned fake_pvgpu_step(struct fake_pvgpu *fake, unsigned budget);

/* The backend has nothing to do: sets backend_sleeping, and looks again. False: there is work. */
bool fake_pvgpu_sleep(struct fake_pvgpu *fake);

/* It dies, and the device notices. */
void fake_pvgpu_kill(struct fake_pvgpu *fake);

void fake_pvgpu_log(struct fake_pvgpu *fake, uint64_t position, uint32_t code, uint32_t detail);

/* The command that was read `back` commands before the last one. */
const struct fake_pvgpu_command *fake_pvgpu_last(unsigned back);

#endif
