/* SPDX-License-Identifier: BSD-2-Clause */
/* The HAL that libbaregpu asks for (baregpu/hal.h): memory and interrupts. Time is in timer.c,
 * messages are in msi.c. */
#include "baregpu/hal.h"

#include <string.h>

#include "firmware/memory/pages.h"
#include "firmware/platform/interrupt.h"
#include "firmware/platform/mmu.h"

/* virt's devices snoop the caches: Normal memory is coherent, and bus addresses are physical. */
void *bg_hal_dma_alloc(size_t size, size_t align, uint64_t *bus_address)
{
    uint64_t count = ((uint64_t)size + PAGE_SIZE - 1) / PAGE_SIZE;
    uint64_t base;

    if (size == 0 || size > UINT64_MAX - PAGE_SIZE || align == 0 || (align & (align - 1)) != 0) {
        return NULL;
    }
    base = pages_alloc(count, align < PAGE_SIZE ? PAGE_SIZE : align);
    if (base == PAGES_NONE) {
        return NULL;
    }
    memset((void *)base, 0, count * PAGE_SIZE);
    *bus_address = base;
    return (void *)base;
}

void bg_hal_dma_free(void *memory, size_t size)
{
    if (memory != NULL) {
        pages_free((uintptr_t)memory, ((uint64_t)size + PAGE_SIZE - 1) / PAGE_SIZE);
    }
}

void *bg_hal_map(uint64_t address, uint64_t size, enum bg_hal_memory_type type)
{
    return mmu_map(address, size, type) == 0 ? (void *)(uintptr_t)address : NULL;
}

void bg_hal_sleep(void *event, uint64_t deadline_ns)
{
    (void)event; /* there are no threads here */
    interrupt_sleep(deadline_ns);
}

int bg_hal_interrupt_attach(uint32_t interrupt, enum bg_hal_trigger trigger, uint32_t cpu,
                            bg_hal_interrupt_handler *handler, void *context)
{
    return interrupt_attach(interrupt, trigger, cpu, handler, context);
}

void bg_hal_interrupt_detach(uint32_t interrupt)
{
    interrupt_detach(interrupt);
}

void bg_hal_interrupt_mask(uint32_t interrupt)
{
    interrupt_mask(interrupt);
}

void bg_hal_interrupt_unmask(uint32_t interrupt)
{
    interrupt_unmask(interrupt);
}
