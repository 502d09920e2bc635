/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/monitor.h"

#include "baregpu/barrier.h"
#include "baregpu/error.h"
#include "baregpu/hal.h"
#include "firmware/memory/lock.h"
#include "firmware/platform/cache.h"
#include "firmware/platform/machine.h"
#include "firmware/platform/timer.h"

/* SMC calling convention: fast, 64-bit, OEM service; boot.S knows the same numbers. */
#define MONITOR_READ32 0xc3000001u
#define MONITOR_WRITE32 0xc3000002u
#define MONITOR_PARK 0xc3000003u

#define GICD_CTLR 0x000
#define GICD_TYPER 0x004
#define GICD_IGROUPR 0x080
#define GICD_IGRPMODR 0xd00
#define GICD_SGIR 0xf00
#define GICD_SGIR_NSATT (1u << 15) /* those that are in group 1 */
#define GICD_CTLR_GROUP1 (1u << 1)
#define GICD_CTLR_ARE_S (1u << 4)
#define GICD_CTLR_ARE_NS (1u << 5)
#define GICC_PMR 0x004
#define GICR_STRIDE 0x20000ull /* two frames; GICv4 has two more */
#define GICR_TYPER 0x0008
#define GICR_WAKER 0x0014
#define GICR_WAKER_SLEEP (1u << 1)
#define GICR_TYPER_VLPIS (1u << 1)
#define GICR_TYPER_LAST (1u << 4)
#define GICR_SGI_IGROUPR0 0x10080
#define GICR_SGI_ISENABLER0 0x10100
#define GICR_SGI_IGRPMODR0 0x10d00

/* boot.S: where parked CPUs look, with their MMU off. */
struct cpu_mailbox {
    uint64_t affinity; /* whose turn it is; all ones: nobody's */
    uint64_t entry;
    uint64_t argument;
    uint64_t gic_version; /* 0: not known yet, they poll */
    uint64_t gic_distributor;
    uint64_t gic_cpu_interface;
};

#define MAILBOX_NOBODY UINT64_MAX

extern struct cpu_mailbox cpu_mailbox;

static struct lock mailbox_lock;
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

static uint32_t monitor_read32(uint64_t address)
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

        /* Awake and with the one SGI enabled, for the CPUs that are parked. */
        monitor_write32(range.base + at + GICR_WAKER,
                        monitor_read32(range.base + at + GICR_WAKER) & ~GICR_WAKER_SLEEP);
        monitor_write32(range.base + at + GICR_SGI_IGROUPR0, ~0u);
        monitor_write32(range.base + at + GICR_SGI_IGRPMODR0, 0);
        monitor_write32(range.base + at + GICR_SGI_ISENABLER0, 1u << MONITOR_SGI);
        if (type & GICR_TYPER_LAST) {
            return;
        }
        at += type & GICR_TYPER_VLPIS ? 2 * GICR_STRIDE : GICR_STRIDE;
    }
}

void monitor_release_gic_cpu(void)
{
    if (!monitor_is_present || machine.gic_version != 2) {
        return;
    }
    monitor_write32(machine.gic_distributor.base + GICD_IGROUPR, ~0u);
    /* A secure priority mask below 0x80 would keep the non-secure world from its own. */
    monitor_write32(machine.gic_cpu_interface.base + GICC_PMR, 0xff);
}

/* Parked CPUs read the mailbox with their MMU off: it is written through the cache. */
static void mailbox_publish(uint64_t *word, uint64_t value)
{
    cache_clean(&cpu_mailbox, sizeof(cpu_mailbox));
    bg_store_release64(word, value);
    cache_clean(&cpu_mailbox, sizeof(cpu_mailbox));
    __asm__ volatile("dsb sy\n\tsev" ::: "memory");
}

void monitor_release_gic(void)
{
    uint64_t distributor = machine.gic_distributor.base;
    uint32_t words;

    if (!monitor_is_present || machine.gic_version == 0) {
        return;
    }
    words = (monitor_read32(distributor + GICD_TYPER) & 31) + 1;
    if (machine.gic_version == 3) {
        monitor_write32(distributor + GICD_CTLR, GICD_CTLR_ARE_S | GICD_CTLR_ARE_NS);
    }
    for (uint32_t i = 0; i < words; i++) {
        monitor_write32(distributor + GICD_IGROUPR + i * 4, ~0u);
        if (machine.gic_version == 3 && i > 0) {
            monitor_write32(distributor + GICD_IGRPMODR + i * 4, 0);
        }
    }
    monitor_release_gic_cpu();
    if (machine.gic_version == 3) {
        for (unsigned i = 0; i < MACHINE_REDISTRIBUTORS_MAX; i++) {
            if (machine.gic_redistributors[i].size) {
                release_redistributors(machine.gic_redistributors[i]);
            }
        }
    }
    /* SGIs get through from here on. */
    monitor_write32(distributor + GICD_CTLR,
                    monitor_read32(distributor + GICD_CTLR) | GICD_CTLR_GROUP1);
    cpu_mailbox.gic_distributor = distributor;
    cpu_mailbox.gic_cpu_interface = machine.gic_cpu_interface.base;
    mailbox_publish(&cpu_mailbox.gic_version, machine.gic_version);
}

/* From EL1 for a GICv3: what EL3 sends would be secure. All CPUs but this one look. */
static void wake_parked(void)
{
    if (machine.gic_version == 2) {
        monitor_write32(machine.gic_distributor.base + GICD_SGIR,
                        1u << 24 | GICD_SGIR_NSATT | MONITOR_SGI);
    } else if (machine.gic_version == 3) {
        uint64_t enable;

        __asm__ volatile("mrs %0, s3_0_c12_c12_5" : "=r"(enable)); /* ICC_SRE_EL1 */
        __asm__ volatile("msr s3_0_c12_c12_5, %0\n\tisb" ::"r"(enable | 1));
        __asm__ volatile("msr s3_0_c12_c11_5, %0\n\tisb" ::"r"(1ull << 40 | MONITOR_SGI << 24));
    }
}

static bool mailbox_is_taken(void)
{
    cache_invalidate(&cpu_mailbox, sizeof(cpu_mailbox));
    return bg_load_acquire64(&cpu_mailbox.affinity) == MAILBOX_NOBODY;
}

int monitor_unpark(uint64_t affinity, uint64_t entry, uint64_t argument, uint64_t deadline_ns)
{
    int error = BG_OK;

    while (!lock_try(&mailbox_lock)) {
        if (timer_has_passed(deadline_ns)) {
            return BG_ERR_TIMEOUT;
        }
        bg_hal_wait(deadline_ns);
    }
    cpu_mailbox.entry = entry;
    cpu_mailbox.argument = argument;
    mailbox_publish(&cpu_mailbox.affinity, affinity);
    wake_parked();
    while (!mailbox_is_taken()) {
        if (timer_has_passed(deadline_ns)) {
            error = BG_ERR_TIMEOUT;
            mailbox_publish(&cpu_mailbox.affinity, MAILBOX_NOBODY);
            break;
        }
        bg_hal_wait(deadline_ns);
    }
    lock_release(&mailbox_lock);
    return error;
}

void monitor_park(void)
{
    if (monitor_is_present) {
        monitor_call(MONITOR_PARK, 0, 0);
    }
}
