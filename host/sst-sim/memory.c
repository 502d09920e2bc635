/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sst-sim/memory.h"

#include <string.h>
#include <sys/mman.h>

#include "protocol/sst.h"

#define LATENCY 20
#define BYTES_PER_CYCLE 32
#define BANKS 8
#define BANK_CYCLES 4

static void set_start(struct memory *memory)
{
    memory->latency = LATENCY;
    memory->bytes_per_cycle = BYTES_PER_CYCLE;
    memory->banks = BANKS;
    memory->bank_cycles = BANK_CYCLES;
    memory->conflicts = 0;
}

bool memory_create(struct memory *memory)
{
    void *bytes = mmap(NULL, BG_SST_INFO_MEMORY_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    set_start(memory);
    memory->bytes = bytes == MAP_FAILED ? NULL : bytes;
    return memory->bytes != NULL;
}

void memory_destroy(struct memory *memory)
{
    if (memory->bytes != NULL) {
        munmap(memory->bytes, BG_SST_INFO_MEMORY_SIZE);
        memory->bytes = NULL;
    }
}

void memory_reset(struct memory *memory)
{
    set_start(memory);
    if (madvise(memory->bytes, BG_SST_INFO_MEMORY_SIZE, MADV_DONTNEED) != 0) {
        memset(memory->bytes, 0, BG_SST_INFO_MEMORY_SIZE);
    }
}

bool memory_has(uint64_t address, uint64_t size)
{
    return address <= BG_SST_INFO_MEMORY_SIZE && size <= BG_SST_INFO_MEMORY_SIZE - address;
}

/*
 * Bank conflicts can only arise between lines `banks` apart: a bank is used again when all others
 * were. So from the second round on each round costs the same, and only the first two differ.
 */
uint64_t memory_cycles(struct memory *memory, uint64_t address, uint64_t size)
{
    uint64_t lines, line_cycles, round, stall;

    if (size == 0) {
        return memory->latency;
    }
    lines = (address + size - 1) / MEMORY_LINE - address / MEMORY_LINE + 1;
    line_cycles = (MEMORY_LINE + memory->bytes_per_cycle - 1) / memory->bytes_per_cycle;
    round = memory->banks * line_cycles;
    stall = memory->bank_cycles > round ? memory->bank_cycles - round : 0;
    if (stall > 0) {
        memory->conflicts += (lines - 1) / memory->banks;
    }
    return memory->latency + lines * line_cycles + (lines - 1) / memory->banks * stall;
}
