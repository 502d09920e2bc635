/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FAKE_HAL_H
#define TESTS_FAKE_HAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_hal {
    uint64_t now_ns;
    uint64_t wait_ns; /* how much time passes in each bg_hal_wait */
    unsigned waits;
    void (*on_wait)(void *device); /* what happens meanwhile; NULL: nothing but time */
    bool refuse_map;
    unsigned refuse_allocation; /* 1: the next bg_hal_dma_alloc fails, 2: the one after it, ... */
    bool low_memory;            /* from here on and back, below 4 GiB: for 32-bit page numbers */
    uint64_t bus_offset;        /* what bg_hal_dma_alloc's bus addresses are above the CPU's */
    size_t allocated; /* bytes that bg_hal_dma_alloc gave and bg_hal_dma_free did not get back */
    /* The device behind mmio.h: `address` is what bg_hal_map gave plus the register's offset. */
    void *device;
    uint64_t (*read)(void *device, uint64_t address, unsigned width);
    void (*write)(void *device, uint64_t address, unsigned width, uint64_t value);
};

/* With this one a CPU's address is none of the bus. */
#define FAKE_HAL_BUS_OFFSET 0x7000000000000000u

extern struct fake_hal fake_hal;

/* What a device finds at a bus address. */
static inline void *fake_hal_at(uint64_t bus_address)
{
    return (void *)(uintptr_t)(bus_address - fake_hal.bus_offset);
}

/* And the bus address of what it is to find. */
static inline uint64_t fake_hal_bus(const void *memory)
{
    return (uintptr_t)memory + fake_hal.bus_offset;
}

#endif
