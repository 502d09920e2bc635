/* SPDX-License-Identifier: BSD-2-Clause */
/* What the devicetree says about the machine, read once at boot (devicetree.c). */
#ifndef FIRMWARE_PLATFORM_MACHINE_H
#define FIRMWARE_PLATFORM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MACHINE_MEMORY_BANKS_MAX 16
#define MACHINE_RESERVED_MAX 16
#define MACHINE_CPUS_MAX 64             /* CPUs beyond these stay parked */
#define MACHINE_BOOTARGS_BYTES_MAX 1024 /* with the NUL */
#define MACHINE_REDISTRIBUTORS_MAX 8    /* regions, each of many */
#define MACHINE_MSI_FRAMES_MAX 4
#define MACHINE_MSI_MAPS_MAX 4
#define MACHINE_VIRTIO_MMIO_MAX 32

struct machine_range {
    uint64_t base;
    uint64_t size; /* bytes; 0: there is none */
};

/* A PCI window: what the CPU writes at cpu_base + n arrives on the bus at bus_base + n. */
struct machine_window {
    uint64_t cpu_base;
    uint64_t bus_base;
    uint64_t size; /* bytes; 0: there is none */
};

/* A line into the interrupt controller. */
struct machine_interrupt {
    uint32_t intid; /* the GIC's number, 16 and up; 0: there is none */
    bool edge;      /* else level */
};

/* A v2m frame: a doorbell whose writes raise SPIs. 0 SPIs: its registers say which are its own. */
struct machine_msi_frame {
    struct machine_range range;
    uint32_t phandle;
    uint32_t spi_first; /* INTID - 32 */
    uint32_t spi_count;
};

/* An entry of the PCI host's msi-map: requester ids on the left, device ids on the right. */
struct machine_msi_map {
    uint32_t requester_first;
    uint32_t controller; /* phandle of an ITS or a frame */
    uint32_t device_first;
    uint32_t count;
};

struct machine_virtio_mmio {
    struct machine_range range;
    struct machine_interrupt interrupt;
};

enum machine_psci {
    MACHINE_PSCI_NONE,
    MACHINE_PSCI_HVC,
    MACHINE_PSCI_SMC,
};

struct machine {
    struct machine_range devicetree; /* the blob itself */

    struct machine_range memory[MACHINE_MEMORY_BANKS_MAX]; /* ascending, not touching */
    uint32_t memory_count;
    struct machine_range reserved[MACHINE_RESERVED_MAX]; /* inside memory, not ours */
    uint32_t reserved_count;

    uint64_t cpus[MACHINE_CPUS_MAX]; /* MPIDR affinity, in the devicetree's order */
    uint32_t cpu_count;
    uint32_t cpus_left_out; /* beyond MACHINE_CPUS_MAX */

    struct machine_range uart; /* PL011 */
    struct machine_interrupt uart_interrupt;

    uint32_t gic_version; /* 0 (none found, or with specifiers that nobody here reads), 2 or 3 */
    struct machine_range gic_distributor;
    struct machine_range gic_cpu_interface;                              /* GICv2 */
    struct machine_range gic_redistributors[MACHINE_REDISTRIBUTORS_MAX]; /* GICv3; size 0 ends */
    uint64_t gic_redistributor_stride;                                   /* 0: as GICR_TYPER says */
    struct machine_range gic_its;                                        /* GICv3 */
    uint32_t gic_its_phandle;
    struct machine_msi_frame gic_v2m[MACHINE_MSI_FRAMES_MAX]; /* size 0 ends */

    struct machine_interrupt timer_virtual;
    struct machine_interrupt timer_physical; /* of the non-secure EL1 */

    enum machine_psci psci;
    struct machine_range secure_gpio; /* PL061 of the secure world that powers the machine off */
    uint32_t secure_gpio_poweroff_line;
    struct machine_range secure_restart_gpio; /* and the one that starts it anew */
    uint32_t secure_restart_line;

    bool pci_present;
    struct machine_range pci_ecam;
    uint64_t pci_ecam_base; /* = pci_ecam.base */
    uint64_t pci_ecam_size; /* = pci_ecam.size */
    uint8_t bus_first;
    uint8_t bus_last;
    struct machine_window pci_io;
    struct machine_window pci_mem32;
    struct machine_window pci_mem64;
    uint32_t pci_interrupt_spi[4][4]; /* [slot % 4][pin - 1]: SPI number, 0: none */
    struct machine_msi_map pci_msi_map[MACHINE_MSI_MAPS_MAX];
    uint32_t pci_msi_map_count; /* 0: PCI functions have no MSI here */

    struct machine_virtio_mmio virtio_mmio[MACHINE_VIRTIO_MMIO_MAX]; /* empty slots too */
    uint32_t virtio_mmio_count;

    char bootargs[MACHINE_BOOTARGS_BYTES_MAX];
};

/* Written by kernel_start before anything else runs, never changed later. */
extern const struct machine machine;

/*
 * Reads the devicetree at `blob`, of which at most `size_max` bytes may be read, into *out. Returns
 * 0, or a negative baregpu_error for a blob that is malformed or describes no memory; *problem then
 * names what was wrong. A device that is absent is no error: its size stays 0.
 */
int devicetree_parse(const void *blob, size_t size_max, struct machine *out, const char **problem);

/* How the kernel was entered. */
struct kernel_entry {
    uint32_t level;         /* exception level of the first instruction: 1, 2 or 3 */
    bool devicetree_passed; /* x0 pointed at one (raw image) */
};

/* Constant after boot. */
extern struct kernel_entry kernel_entry;

#endif
