/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A GIC behind mmio.h (fake_hal): distributor, redistributors and an ITS that executes its commands
 * from memory and is strict: what the architecture leaves unpredictable is an error here.
 */
#ifndef TESTS_FAKE_GIC_H
#define TESTS_FAKE_GIC_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/platform/machine.h"

#define FAKE_DISTRIBUTOR 0x08000000ull
#define FAKE_CPU_INTERFACE 0x08010000ull
#define FAKE_ITS 0x08080000ull
#define FAKE_REDISTRIBUTOR 0x080a0000ull /* of CPU 0; the others in a row */
#define FAKE_CPUS_MAX 64
#define FAKE_DEVICES_MAX 128
#define FAKE_EVENTS_MAX 2048
#define FAKE_LPIS 8192

struct fake_event {
    uint32_t lpi; /* 0: not mapped */
    uint32_t collection;
};

struct fake_device {
    bool is_mapped;
    uint32_t id;
    uint32_t event_count;
    uint64_t table;
    struct fake_event events[FAKE_EVENTS_MAX];
};

struct fake_gic {
    /* Distributor. */
    uint32_t type; /* GICD_TYPER */
    uint32_t control;
    uint32_t registers[0x10000 / 4]; /* those without a meaning of their own */
    uint32_t enabled[32], pending[32];
    uint32_t sgir; /* the last write */
    uint64_t routes[1024];
    bool is_never_ready; /* RWP stays */
    /* Redistributors: `banked` is the calling CPU's. */
    uint32_t own_cpu;
    uint32_t stride; /* bytes from one to the next */
    uint32_t redistributor_count;
    uint64_t redistributor_types[FAKE_CPUS_MAX];
    uint32_t wakers[FAKE_CPUS_MAX];
    uint32_t lpi_control[FAKE_CPUS_MAX];
    uint64_t property_base[FAKE_CPUS_MAX], pending_base[FAKE_CPUS_MAX];
    bool keeps_lpis;    /* EnableLPIs cannot be cleared */
    bool is_not_shared; /* shareability fields are RAZ/WI everywhere */
    uint64_t sgi;       /* the last ICC_SGI1R_EL1 */
    uint32_t sgi_count;
    /* ITS. */
    uint64_t its_type;
    uint32_t its_control;
    uint64_t base[8], base_fixed[8], base_fixed_mask[8]; /* GITS_BASER: read-only bits */
    uint64_t queue_base, queue_write, queue_read;
    bool never_rests;   /* GITS_CTLR.Quiescent */
    bool stays_stalled; /* the bit is not cleared any more, as on QEMU */
    uint32_t stall_at;  /* this command stalls, counted from 1; 0: none */
    bool hangs;         /* commands are not executed */
    uint32_t commands;
    uint32_t counts[0x20];               /* by command */
    uint32_t errors;                     /* commands that make no sense */
    char error[96];                      /* the first */
    uint64_t collections[FAKE_CPUS_MAX]; /* RDbase + 1; 0: not mapped */
    struct fake_device devices[FAKE_DEVICES_MAX];
    uint8_t properties[FAKE_LPIS]; /* as the last INV read them */
    uint32_t delivered[FAKE_LPIS];
    uint32_t cleaned; /* calls of cache_clean */
};

extern struct fake_gic fake_gic;
extern struct machine machine_fake __asm__("machine"); /* the same, to be written */

/* Resets it to version 2 or 3 with this many CPUs, four to a cluster, and an ITS like QEMU's; puts
 * it behind mmio.h. */
void fake_gic_begin(uint32_t version, uint32_t cpus);

struct fake_device *fake_gic_device(uint32_t id);

/* What a device's write would do: the LPI, if it is enabled; 0: nothing. */
uint32_t fake_gic_message(uint32_t device, uint32_t event);

#endif
