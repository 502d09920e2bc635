/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/monitor.h"

#include "firmware/platform/machine.h"

/* SMC calling convention: fast, 64-bit, OEM service; boot.S knows the same numbers. */
#define MONITOR_READ32  0xc3000001u
#define MONITOR_WRITE32 0xc3000002u

#define GICD_CTLR          0x000
#define GICD_TYPER         0x004
#define GICD_IGROUPR       0x080
#define GICD_IGRPMODR      0xd00
#define GICD_CTLR_ARE_S    (1u << 4)
#define GICD_CTLR_ARE_NS   (1u << 5)
#define GICC_PMR           0x004
#define GICR_STRIDE        0x20000ull /* two frames; GICv4 has two more */
#define GICR_TYPER         0x0008
#define GICR_TYPER_VLPIS   (1u << 1)
#define GICR_TYPER_LAST    (1u << 4)
#define GICR_SGI_IGROUPR0  0x10080
#define GICR_SGI_IGRPMODR0 0x10d00

static bool monitor_is_present;

void monitor_init(uint64_t entry_level)
{
    monitor_is_present = entry_level == 3;
}

bool monitor_present(void)
{
    return monitor_is_present;
}

static uint64_t monitor_call(uint64_t function, uint64_t address, uint64_t value)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = address;
    register uint64_t x2 __asm__("x2") = value;

    __asm__ volatile("smc #0" : "+r"(x0) : "r"(x1), "r"(x2) : "x3", "memory");
    return x0;
}

uint32_t monitor_read32(uint64_t address)
{
    return (uint32_t)monitor_call(MONITOR_READ32, address, 0);
}

void monitor_write32(uint64_t address, uint32_t value)
{
    monitor_call(MONITOR_WRITE32, address, value);
}

static void release_redistributors(struct machine_range range)
{
    uint64_t at = 0;

    while (at + GICR_STRIDE <= range.size) {
        uint32_t type = monitor_read32(range.base + at + GICR_TYPER);

        monitor_write32(range.base + at + GICR_SGI_IGROUPR0, ~0u);
        monitor_write32(range.base + at + GICR_SGI_IGRPMODR0, 0);
        if (type & GICR_TYPER_LAST)
            return;
        at += type & GICR_TYPER_VLPIS ? 2 * GICR_STRIDE : GICR_STRIDE;
    }
}

void monitor_release_gic(void)
{
    uint64_t distributor = machine.gic_distributor.base;
    uint32_t words;

    if (!monitor_is_present || machine.gic_version == 0)
        return;
    words = (monitor_read32(distributor + GICD_TYPER) & 31) + 1;
    if (machine.gic_version == 3)
        monitor_write32(distributor + GICD_CTLR, GICD_CTLR_ARE_S | GICD_CTLR_ARE_NS);
    for (uint32_t i = 0; i < words; i++) {
        monitor_write32(distributor + GICD_IGROUPR + i * 4, ~0u);
        if (machine.gic_version == 3 && i > 0)
            monitor_write32(distributor + GICD_IGRPMODR + i * 4, 0);
    }
    if (machine.gic_version == 2) {
        /* A secure priority mask below 0x80 would keep the non-secure world from its own. */
        monitor_write32(machine.gic_cpu_interface.base + GICC_PMR, 0xff);
        return;
    }
    for (unsigned i = 0; i < MACHINE_REDISTRIBUTORS_MAX; i++) {
        if (machine.gic_redistributors[i].size)
            release_redistributors(machine.gic_redistributors[i]);
    }
}
