/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GICv2. Seen from the non-secure world of a machine with two, or on a machine with one, CTLR's
 * bit 0 enables the group that our interrupts are in and they arrive as IRQ: so both are alike here
 * (GICv2 4.3.1, 4.4.1).
 */
#include "baregpu/hal.h"
#include "firmware/platform/gic.h"

#define GICC_CTLR 0x0000
#define GICC_PMR 0x0004
#define GICC_BPR 0x0008
#define GICC_BYTES 0x1000
#define ENABLE 1u

int gic_v2_init(const char **problem)
{
    const struct machine_range *range = &machine.gic_cpu_interface;

    gic.cpu_interface = range->size >= GICC_BYTES
                            ? bg_hal_map(range->base, range->size, BG_HAL_MEMORY_DEVICE)
                            : NULL;
    if (gic.cpu_interface == NULL) {
        return gic_refuse(problem, "the CPU interface's registers cannot be mapped");
    }
    bg_mmio_write32(gic.distributor, GICD_CTLR, 0);
    gic_reset_lines(gic.distributor, GIC_BANKED_COUNT, gic.spi_end);
    bg_mmio_write32(gic.distributor, GICD_CTLR, ENABLE);
    return BG_OK;
}

/* The first registers of the targets are read-only and hold the reader's own bit; with a single
 * CPU they are 0 (GICv2 4.3.12). */
static uint8_t read_own_bit(void)
{
    uint32_t targets = 0;

    for (uint32_t i = 0; i < GIC_BANKED_COUNT; i += 4) {
        targets |= bg_mmio_read32(gic.distributor, GICD_ITARGETSR + i);
    }
    targets |= targets >> 16;
    targets |= targets >> 8;
    return targets & 0xff ? (uint8_t)targets : 1;
}

int gic_v2_init_cpu(uint32_t cpu, const char **problem)
{
    (void)problem;
    gic_reset_lines(gic.distributor, 0, GIC_BANKED_COUNT);
    gic.cpu_bit[cpu] = read_own_bit();
    bg_mmio_write32(gic.cpu_interface, GICC_PMR, 0xff);
    bg_mmio_write32(gic.cpu_interface, GICC_BPR, 0);
    bg_mmio_write32(gic.cpu_interface, GICC_CTLR, ENABLE);
    return BG_OK;
}

void gic_v2_set_target(uint32_t intid, uint32_t cpu)
{
    bg_mmio_write8(gic.distributor, GICD_ITARGETSR + intid, gic.cpu_bit[cpu]);
}

void gic_v2_send_sgi(uint32_t sgi, uint64_t cpus)
{
    uint32_t targets = 0;

    for (uint32_t cpu = 0; cpu < machine.cpu_count; cpu++) {
        targets |= cpus >> cpu & 1 ? gic.cpu_bit[cpu] : 0;
    }
    if (targets) {
        bg_mmio_write32(gic.distributor, GICD_SGIR, targets << 16 | sgi);
    }
}
