/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that libbaregpu.a asks of a kernel, at its smallest: baregpu/hal.h and the four memory
 * functions. DMA memory comes from a static array; everything is mapped one to one.
 */
#include "baregpu/hal.h"

#include "mem.h"

#define DMA_POOL_SIZE 65536u /* this kernel's drivers need none; virtio queues would fit */

static uint8_t dma_pool[DMA_POOL_SIZE] __attribute__((aligned(4096)));
static size_t dma_used;

void *bg_hal_dma_alloc(size_t size, size_t align, uint64_t *bus_address)
{
    size_t start = (dma_used + align - 1) & ~(align - 1);

    if (align > 4096 || size > DMA_POOL_SIZE || start > DMA_POOL_SIZE - size) {
        return NULL;
    }
    dma_used = start + size;
    memset(&dma_pool[start], 0, size);
    *bus_address = (uintptr_t)&dma_pool[start];
    return &dma_pool[start];
}

void bg_hal_dma_free(void *memory, size_t size)
{
    /* Only the last piece can be given back: this pool is a stack. */
    if ((uint8_t *)memory + size == dma_pool + dma_used) {
        dma_used = (size_t)((uint8_t *)memory - dma_pool);
    }
}

void *bg_hal_map(uint64_t address, uint64_t size, enum bg_hal_memory_type type)
{
    /* boot.S mapped devices below 1 GiB and the ECAM; nothing behind a BAR is cacheable here. */
    const uint64_t gib = 1ull << 30;
    uint64_t first = address / gib;
    uint64_t last = (address + size - 1) / gib;

    if (type != BG_HAL_MEMORY_DEVICE || size == 0 || first != last ||
        (first != 0 && first != 256)) {
        return NULL;
    }
    return (void *)(uintptr_t)address;
}

uint64_t bg_hal_time_ns(void)
{
    uint64_t ticks;
    uint64_t frequency_hz;

    __asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(ticks)::"memory");
    __asm__("mrs %0, cntfrq_el0" : "=r"(frequency_hz));
    return ticks / frequency_hz * 1000000000u + ticks % frequency_hz * 1000000000u / frequency_hz;
}

void bg_hal_wait(uint64_t deadline_ns)
{
    (void)deadline_ns;
    __asm__ volatile("yield");
}
