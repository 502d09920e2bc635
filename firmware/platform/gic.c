/* SPDX-License-Identifier: BSD-2-Clause */
/* One GIC of either version: what is alike in both is done here, the rest by the version. */
#include "firmware/platform/gic.h"

#include "baregpu/hal.h"

#define GICD_TYPER_LINES(type) (((type) & 31) + 1) /* words of 32 */
#define GICD_CTLR_RWP (1u << 31)
#define GICR_CTLR_RWP (1u << 3)
#define GICR_SGI_FRAME 0x10000

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

/* Where the registers of this interrupt are. */
static void *frame_of(uint32_t intid)
{
    if (gic.version == 3 && intid < GIC_BANKED_COUNT) {
        return gic_v3_own_frame();
    }
    return gic.distributor;
}

static uint32_t bit(uint32_t intid)
{
    return 1u << intid % 32;
}

/* A disabled interrupt is gone only when RWP says so (GICv3 12.9.4); GICv2 has no such delay. */
static void wait_for_writes(uint32_t intid)
{
    if (gic.version != 3) {
        return;
    }
    if (intid < GIC_BANKED_COUNT) {
        gic_wait_clear((char *)gic_v3_own_frame() - GICR_SGI_FRAME, GICD_CTLR, GICR_CTLR_RWP);
    } else {
        gic_wait_clear(gic.distributor, GICD_CTLR, GICD_CTLR_RWP);
    }
}

int gic_init(const char **problem)
{
    uint32_t type;

    if (machine.gic_version != 2 && machine.gic_version != 3) {
        return gic_refuse(problem, "the devicetree describes no GIC");
    }
    gic.distributor = bg_hal_map(machine.gic_distributor.base, machine.gic_distributor.size,
                                 BG_HAL_MEMORY_DEVICE);
    if (gic.distributor == NULL) {
        return gic_refuse(problem, "the distributor's registers cannot be mapped");
    }
    gic.version = machine.gic_version;
    type = bg_mmio_read32(gic.distributor, GICD_TYPER);
    gic.spi_end = GICD_TYPER_LINES(type) * 32;
    if (gic.spi_end > GIC_SPECIAL_FIRST) {
        gic.spi_end = GIC_SPECIAL_FIRST;
    }
    return gic.version == 3 ? gic_v3_init(problem) : gic_v2_init(problem);
}

int gic_init_cpu(uint32_t cpu, const char **problem)
{
    return gic.version == 3 ? gic_v3_init_cpu(cpu, problem) : gic_v2_init_cpu(cpu, problem);
}

bool gic_is_line(uint32_t intid)
{
    return intid < gic.spi_end;
}

void gic_enable(uint32_t intid)
{
    bg_mmio_write32(frame_of(intid), GICD_ISENABLER + gic_word(intid), bit(intid));
}

void gic_disable(uint32_t intid)
{
    bg_mmio_write32(frame_of(intid), GICD_ICENABLER + gic_word(intid), bit(intid));
    wait_for_writes(intid);
}

bool gic_is_enabled(uint32_t intid)
{
    return bg_mmio_read32(frame_of(intid), GICD_ISENABLER + gic_word(intid)) & bit(intid);
}

void gic_set_priority(uint32_t intid, uint8_t priority)
{
    bg_mmio_write8(frame_of(intid), GICD_IPRIORITYR + intid, priority);
}

void gic_set_edge(uint32_t intid, bool edge)
{
    void *frame = frame_of(intid);
    uint32_t offset = GICD_ICFGR + intid / 16 * 4;
    uint32_t mask = 2u << intid % 16 * 2;
    uint32_t value;

    if (intid < GIC_SGI_COUNT) {
        return;
    }
    value = bg_mmio_read32(frame, offset);
    bg_mmio_write32(frame, offset, edge ? value | mask : value & ~mask);
}

void gic_set_target(uint32_t intid, uint32_t cpu)
{
    if (gic.version == 3) {
        gic_v3_set_target(intid, cpu);
    } else {
        gic_v2_set_target(intid, cpu);
    }
}

/* A GICv2's SGI is pending once for each sender, and in registers of its own (GICv2 4.3.16). */
void gic_set_pending(uint32_t intid, bool pending)
{
    if (gic.version == 2 && intid < GIC_SGI_COUNT) {
        if (pending) {
            bg_mmio_write32(gic.distributor, GICD_SGIR, 2u << 24 | intid); /* to itself */
        } else {
            bg_mmio_write8(gic.distributor, GICD_CPENDSGIR + intid, 0xff);
        }
        return;
    }
    bg_mmio_write32(frame_of(intid), (pending ? GICD_ISPENDR : GICD_ICPENDR) + gic_word(intid),
                    bit(intid));
}

bool gic_is_pending(uint32_t intid)
{
    return bg_mmio_read32(frame_of(intid), GICD_ISPENDR + gic_word(intid)) & bit(intid);
}

void gic_send_sgi(uint32_t sgi, uint64_t cpus)
{
    /* What was written before is seen by whoever takes the interrupt. */
#ifdef __aarch64__
    __asm__ volatile("dsb ishst" ::: "memory");
#endif
    if (gic.version == 3) {
        gic_v3_send_sgi(sgi, cpus);
    } else {
        gic_v2_send_sgi(sgi, cpus);
    }
}
