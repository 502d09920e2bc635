/* SPDX-License-Identifier: BSD-2-Clause */
/* What both versions of the GIC stand on: its description, and steps of bringing it up. */
#include "baregpu/hal.h"
#include "firmware/platform/gic.h"

#define WAIT_NS 1000000000ull

struct gic gic;

bool gic_wait_clear(void *base, uint32_t offset, uint32_t mask)
{
    uint64_t deadline_ns = bg_hal_time_ns() + WAIT_NS;

    while (bg_mmio_read32(base, offset) & mask) {
        if (bg_hal_time_ns() >= deadline_ns) {
            return false;
        }
        bg_hal_wait(deadline_ns);
    }
    return true;
}

/* Disabled, idle, of group 1 where that can be chosen, all of one priority. */
void gic_reset_lines(void *frame, uint32_t first, uint32_t end)
{
    const uint32_t priorities = 0x01010101u * GIC_PRIORITY_DEFAULT;

    for (uint32_t intid = first; intid < end; intid += 32) {
        bg_mmio_write32(frame, GICD_ICENABLER + gic_word(intid), ~0u);
        bg_mmio_write32(frame, GICD_ICPENDR + gic_word(intid), ~0u);
        bg_mmio_write32(frame, GICD_ICACTIVER + gic_word(intid), ~0u);
        if (gic.version == 3) {
            bg_mmio_write32(frame, GICD_IGROUPR + gic_word(intid), ~0u);
        }
    }
    for (uint32_t intid = first; intid < end; intid += 4) {
        bg_mmio_write32(frame, GICD_IPRIORITYR + intid, priorities);
    }
}
