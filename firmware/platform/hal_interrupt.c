/* SPDX-License-Identifier: BSD-2-Clause */
/* The HAL's interrupts (baregpu/hal.h). */
#include "baregpu/hal.h"

#include "firmware/platform/interrupt.h"

void bg_hal_sleep(uint64_t deadline_ns)
{
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
