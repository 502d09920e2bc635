/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupt controller's registers: GICv2 and GICv3 (Arm IHI 0048B and IHI 0069H, named GICv2
 * and GICv3 below). Used by interrupt.c, which owns locks, handlers and the order of calls; and by
 * tests, on a fake register file.
 *
 * An INTID below 32 means the calling CPU's own, as in the architecture (SGIs 0-15, PPIs 16-31).
 */
#ifndef FIRMWARE_PLATFORM_GIC_H
#define FIRMWARE_PLATFORM_GIC_H

#include <stdbool.h>
#include <stdint.h>

#include "baregpu/error.h"
#include "baregpu/mmio.h"
#include "firmware/platform/machine.h"

#define GIC_SGI_COUNT 16u
#define GIC_BANKED_COUNT 32u    /* SGIs and PPIs: each CPU has its own */
#define GIC_SPECIAL_FIRST 1020u /* to 1023: nothing that could be ended */
#define GIC_LPI_FIRST 8192u

#define GIC_PRIORITY_DEFAULT 0xa0

/* Registers of the distributor, and of a GICv3 redistributor's SGI frame alike (GICv3 12.9). */
#define GICD_CTLR 0x0000
#define GICD_TYPER 0x0004
#define GICD_IGROUPR 0x0080
#define GICD_ISENABLER 0x0100
#define GICD_ICENABLER 0x0180
#define GICD_ISPENDR 0x0200
#define GICD_ICPENDR 0x0280
#define GICD_ICACTIVER 0x0380
#define GICD_IPRIORITYR 0x0400
#define GICD_ITARGETSR 0x0800 /* GICv2 */
#define GICD_ICFGR 0x0c00
#define GICD_SGIR 0x0f00      /* GICv2 */
#define GICD_CPENDSGIR 0x0f10 /* GICv2 */
#define GICD_IROUTER 0x6000   /* GICv3 */

#define GICC_IAR 0x000c
#define GICC_EOIR 0x0010

struct gic {
    uint32_t version; /* 2, 3; 0 before gic_init */
    void *distributor;
    void *cpu_interface; /* GICv2 */
    uint32_t spi_end;    /* the first INTID behind the last SPI */
    uint32_t id_bits;    /* GICv3: INTIDs have this many bits; LPIs begin at 2^13 */
    bool has_lpis;
    uint8_t cpu_bit[MACHINE_CPUS_MAX];              /* GICv2: in target registers; 0: not started */
    void *redistributors[MACHINE_CPUS_MAX];         /* GICv3: NULL: none */
    uint64_t redistributor_types[MACHINE_CPUS_MAX]; /* GICR_TYPER */
};

/* Written by gic_init and gic_init_cpu. */
extern struct gic gic;

/*
 * Finds the machine's GIC, disables every interrupt and enables the distributor. Returns 0 or
 * UNSUPPORTED, with the reason in *problem. Once.
 */
int gic_init(const char **problem);

/* Makes the calling CPU, which is machine.cpus[cpu], take interrupts; its own are disabled. */
int gic_init_cpu(uint32_t cpu, const char **problem);

/* SGIs, PPIs and SPIs. INTIDs outside them are the caller's bug. */
bool gic_is_line(uint32_t intid); /* whether it is one of them */
void gic_enable(uint32_t intid);
void gic_disable(uint32_t intid); /* when it returns, no CPU acknowledges it any more */
bool gic_is_enabled(uint32_t intid);
void gic_set_priority(uint32_t intid, uint8_t priority);
void gic_set_edge(uint32_t intid, bool edge);      /* of SGIs nothing changes; disabled meanwhile */
void gic_set_target(uint32_t intid, uint32_t cpu); /* SPIs */
void gic_set_pending(uint32_t intid, bool pending);
bool gic_is_pending(uint32_t intid);

/* To the CPUs with a bit in `cpus` that have called gic_init_cpu. */
void gic_send_sgi(uint32_t sgi, uint64_t cpus);

/* ---- For gic.c, one set for each version ---- */

int gic_v2_init(const char **problem);
int gic_v2_init_cpu(uint32_t cpu, const char **problem);
void gic_v2_set_target(uint32_t intid, uint32_t cpu);
void gic_v2_send_sgi(uint32_t sgi, uint64_t cpus);
int gic_v3_init(const char **problem);
int gic_v3_init_cpu(uint32_t cpu, const char **problem);
void gic_v3_set_target(uint32_t intid, uint32_t cpu);
void gic_v3_send_sgi(uint32_t sgi, uint64_t cpus);
void *gic_v3_own_frame(void); /* this CPU's SGI frame */

/* ---- For the versions ---- */

static inline int gic_refuse(const char **problem, const char *text)
{
    *problem = text;
    return BG_ERR_UNSUPPORTED;
}

/* The offset of an interrupt's bit among those of a register with one for each. */
static inline uint32_t gic_word(uint32_t intid)
{
    return intid / 32 * 4;
}

void gic_reset_lines(void *frame, uint32_t first, uint32_t end);

/* Until *(base + offset) & mask is 0; false after a second. */
bool gic_wait_clear(void *base, uint32_t offset, uint32_t mask);

#ifdef __aarch64__

/*
 * Takes the most urgent pending interrupt: the value that gic_end wants, with the INTID in its low
 * bits. The barrier makes the acknowledgement, and what this CPU wrote before, come first for all
 * that follows (GICv3 4.1.1; for a GICv2 an access to Device memory has to be waited for too).
 */
static inline uint32_t gic_acknowledge(bool is_v3)
{
    uint64_t value;

    if (is_v3) {
        __asm__ volatile("mrs %0, s3_0_c12_c12_0" : "=r"(value)::"memory"); /* ICC_IAR1_EL1 */
    } else {
        value = bg_mmio_read32(gic.cpu_interface, GICC_IAR);
    }
    __asm__ volatile("dsb sy" ::: "memory");
    return (uint32_t)value;
}

/* Of a GICv2's SGI the upper bits say from which CPU. */
static inline uint32_t gic_intid(bool is_v3, uint32_t acknowledged)
{
    return is_v3 ? acknowledged : acknowledged & 0x3ff;
}

/* Priority drop and deactivation in one. */
static inline void gic_end(bool is_v3, uint32_t acknowledged)
{
    if (is_v3) {
        __asm__ volatile("msr s3_0_c12_c12_1, %0" ::"r"((uint64_t)acknowledged) : "memory");
    } else {
        bg_mmio_write32(gic.cpu_interface, GICC_EOIR, acknowledged);
    }
}

#endif

#endif
