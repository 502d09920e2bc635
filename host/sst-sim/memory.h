/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of a model: BG_SST_INFO_MEMORY_SIZE bytes in lines of 64, interleaved over banks. A
 * line keeps its bank busy for some cycles; the next access to that bank waits, and all behind it.
 */
#ifndef SST_SIM_MEMORY_H
#define SST_SIM_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#define MEMORY_LINE 64u
#define MEMORY_BANKS_MAX 1024u

struct memory {
    uint8_t *bytes;
    uint64_t latency;         /* cycles until the first line */
    uint64_t bytes_per_cycle; /* that the bus carries */
    uint64_t banks;           /* a power of two */
    uint64_t bank_cycles;     /* that a line keeps its bank busy */

    uint64_t conflicts; /* lines that waited */
};

/* False without memory. The content is zero. */
bool memory_create(struct memory *memory);
void memory_destroy(struct memory *memory);

/* The content is zero again, the parameters are as at the start. */
void memory_reset(struct memory *memory);

/* Whether the range lies inside. */
bool memory_has(uint64_t address, uint64_t size);

/* Cycles that it takes to move this range, all banks being free at the start. It lies inside. */
uint64_t memory_cycles(struct memory *memory, uint64_t address, uint64_t size);

#endif
