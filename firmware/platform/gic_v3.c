/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GICv3 (and 4): distributor, redistributors, CPU interface in system registers. Our interrupts are
 * in group 1 of the non-secure world, or of the only one.
 */
#include "baregpu/hal.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/gic.h"
#include "firmware/platform/gic_sysreg.h"

#define GICD_CTLR_ENABLE_GROUP1 (1u << 1) /* EnableGrp1A, EnableGrp1NS (GICv3 12.9.4) */
#define GICD_CTLR_ARE (1u << 4)
#define GICD_CTLR_RWP (1u << 31)
#define GICD_TYPER_LPIS (1u << 17)
#define GICD_TYPER_ID_BITS(t) (((t) >> 19 & 31) + 1)

#define GICR_CTLR_RWP (1u << 3)
#define GICR_TYPER 0x0008
#define GICR_TYPER_VLPIS (1ull << 1)
#define GICR_TYPER_LAST (1ull << 4)
#define GICR_WAKER 0x0014
#define GICR_WAKER_SLEEP (1u << 1)
#define GICR_WAKER_ASLEEP (1u << 2)
#define GICR_FRAME_BYTES 0x10000ull
#define GICR_BYTES (2 * GICR_FRAME_BYTES)
#define GICR_BYTES_VLPIS (4 * GICR_FRAME_BYTES)

#define AFFINITY_MASK 0xff00ffffffull /* of MPIDR_EL1, as the devicetree has it */

/* As GICR_TYPER and the SGI registers have it: 32 bits in a row. */
static uint32_t affinity_of(uint32_t cpu)
{
    uint64_t mpidr = machine.cpus[cpu];

    return (uint32_t)((mpidr >> 8 & 0xff000000) | (mpidr & 0xffffff));
}

static uint32_t cpu_of(uint32_t affinity)
{
    for (uint32_t cpu = 0; cpu < machine.cpu_count; cpu++) {
        if (affinity_of(cpu) == affinity) {
            return cpu;
        }
    }
    return MACHINE_CPUS_MAX;
}

/* Every CPU's redistributor in one region (GICv3 12.10: GICR_TYPER.Last ends it). */
static bool walk_region(const struct machine_range *region)
{
    uint64_t at = 0;

    while (at + GICR_BYTES <= region->size) {
        char *redistributor = bg_hal_map(region->base + at, GICR_BYTES, BG_HAL_MEMORY_DEVICE);
        uint64_t type;
        uint32_t cpu;

        if (redistributor == NULL) {
            return false;
        }
        type = bg_mmio_read64(redistributor, GICR_TYPER);
        cpu = cpu_of((uint32_t)(type >> 32));
        if (cpu < MACHINE_CPUS_MAX && gic.redistributors[cpu] == NULL) {
            gic.redistributors[cpu] = redistributor;
            gic.redistributor_types[cpu] = type;
        }
        if (type & GICR_TYPER_LAST) {
            return true;
        }
        if (machine.gic_redistributor_stride) {
            at += machine.gic_redistributor_stride;
        } else {
            at += type & GICR_TYPER_VLPIS ? GICR_BYTES_VLPIS : GICR_BYTES;
        }
    }
    return true;
}

int gic_v3_init(const char **problem)
{
    uint32_t type = bg_mmio_read32(gic.distributor, GICD_TYPER);

    if (!gic_sysreg_present()) {
        return gic_refuse(problem, "the CPU has no interface to a GICv3");
    }
    gic.id_bits = GICD_TYPER_ID_BITS(type);
    gic.has_lpis = type & GICD_TYPER_LPIS;
    for (unsigned i = 0; i < MACHINE_REDISTRIBUTORS_MAX; i++) {
        if (machine.gic_redistributors[i].size && !walk_region(&machine.gic_redistributors[i])) {
            return gic_refuse(problem, "the redistributors' registers cannot be mapped");
        }
    }
    bg_mmio_write32(gic.distributor, GICD_CTLR, 0);
    gic_wait_clear(gic.distributor, GICD_CTLR, GICD_CTLR_RWP);
    /* Before anything else: without affinity routing SPIs are banked differently. */
    bg_mmio_write32(gic.distributor, GICD_CTLR, GICD_CTLR_ARE);
    gic_wait_clear(gic.distributor, GICD_CTLR, GICD_CTLR_RWP);
    gic_reset_lines(gic.distributor, GIC_BANKED_COUNT, gic.spi_end);
    bg_mmio_write32(gic.distributor, GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_ENABLE_GROUP1);
    if (!gic_wait_clear(gic.distributor, GICD_CTLR, GICD_CTLR_RWP)) {
        return gic_refuse(problem, "the distributor does not take its settings");
    }
    return BG_OK;
}

void *gic_v3_own_frame(void)
{
    return (char *)gic.redistributors[cpu_index()] + GICR_FRAME_BYTES;
}

int gic_v3_init_cpu(uint32_t cpu, const char **problem)
{
    char *redistributor = gic.redistributors[cpu];
    uint32_t waker;

    if (redistributor == NULL) {
        return gic_refuse(problem, "a CPU without a redistributor");
    }
    waker = bg_mmio_read32(redistributor, GICR_WAKER);
    bg_mmio_write32(redistributor, GICR_WAKER, waker & ~GICR_WAKER_SLEEP);
    if (!gic_wait_clear(redistributor, GICR_WAKER, GICR_WAKER_ASLEEP)) {
        return gic_refuse(problem, "a redistributor does not wake up");
    }
    gic_reset_lines(redistributor + GICR_FRAME_BYTES, 0, GIC_BANKED_COUNT);
    gic_wait_clear(redistributor, GICD_CTLR, GICR_CTLR_RWP);
    if (!gic_sysreg_enable()) {
        return gic_refuse(problem, "the CPU interface's system registers are out of reach");
    }
    return BG_OK;
}

void gic_v3_set_target(uint32_t intid, uint32_t cpu)
{
    bg_mmio_write64(gic.distributor, GICD_IROUTER + intid * 8ull,
                    machine.cpus[cpu] & AFFINITY_MASK);
}

/* ICC_SGI1R_EL1: up to 16 CPUs that differ in the low 4 bits of their affinity (GICv3 12.2.18). */
static uint64_t sgi_value(uint32_t sgi, uint32_t affinity)
{
    uint64_t aff3 = affinity >> 24;
    uint64_t aff2 = affinity >> 16 & 0xff;
    uint64_t aff1 = affinity >> 8 & 0xff;
    uint64_t range = affinity >> 4 & 15;

    return aff3 << 48 | range << 44 | aff2 << 32 | (uint64_t)sgi << 24 | aff1 << 16;
}

void gic_v3_send_sgi(uint32_t sgi, uint64_t cpus)
{
    for (uint32_t cpu = 0; cpu < machine.cpu_count; cpu++) {
        uint32_t affinity = affinity_of(cpu);
        uint64_t list = 0;

        if (!(cpus >> cpu & 1)) {
            continue;
        }
        for (uint32_t other = cpu; other < machine.cpu_count; other++) {
            if ((cpus >> other & 1) && (affinity_of(other) ^ affinity) < 16) {
                list |= 1ull << (affinity_of(other) & 15);
                cpus &= ~(1ull << other);
            }
        }
        gic_sysreg_send_sgi(sgi_value(sgi, affinity) | list);
    }
}
