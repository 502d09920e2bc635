/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What libbaregpu needs from the kernel that links it. Porting is writing these functions; the
 * library has no other undefined symbols but memcpy, memmove, memset and memcmp.
 */
#ifndef BAREGPU_HAL_H
#define BAREGPU_HAL_H

#include <stddef.h>
#include <stdint.h>

/*
 * Memory that a device reads and writes. Returns `size` bytes, zeroed, aligned to `align` (a power
 * of two, at least 16), coherent with the device, and its bus address in *bus_address; NULL when
 * there is none. Called at initialisation only.
 */
void *hal_dma_alloc(size_t size, size_t align, uint64_t *bus_address);

/* Gives back what hal_dma_alloc returned, with the same size. The device no longer uses it. */
void hal_dma_free(void *memory, size_t size);

enum hal_memory_type {
    HAL_MEMORY_DEVICE, /* registers: Device-nGnRE */
    HAL_MEMORY_NORMAL, /* memory behind a BAR: Normal, write-back cacheable */
};

/*
 * Makes `size` bytes at physical address `address` accessible; never executable. Returns NULL when
 * that cannot be done. Mapping a range again with the same type returns the same pointer.
 */
void *hal_map(uint64_t address, uint64_t size, enum hal_memory_type type);

/* Monotonic time since an arbitrary start. Callable from anywhere. */
uint64_t hal_time_ns(void);

/*
 * Called again and again while a driver waits: returns at once, or after an interrupt, and not
 * later than deadline_ns (hal_time_ns) if it sleeps.
 */
void hal_wait(uint64_t deadline_ns);

#endif
