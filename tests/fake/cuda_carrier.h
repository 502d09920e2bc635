/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A third carrier, from the guest's CUDA to a worker in the same program (cuda_worker.h): a ring,
 * whose commands are carried out as they come, or a mailbox.
 */
#ifndef TESTS_FAKE_CUDA_CARRIER_H
#define TESTS_FAKE_CUDA_CARRIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_carrier {
    unsigned round_trips; /* calls that were answered */
    unsigned commands;    /* that were not */
    unsigned waits;       /* for something in the page */
    bool is_lost;         /* nobody answers, until a restart */
    bool is_gone;         /* nor then */
    bool cuts;            /* answers are longer than what comes of them */
    bool prints_on;       /* what kernels print has no end */
    uint32_t refused;     /* a command that is answered as if it were unknown */
};

extern struct fake_carrier fake_carrier;

/* heap_size 0: as the mailbox. 0 or a bg_error. */
int fake_carrier_add(uint64_t heap_size, void *memory, size_t size);

#endif
