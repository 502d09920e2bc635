/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers in front of the fake device: as a PCI function on the fake bus, or over MMIO. An access
 * of a width that the specification does not allow there, or to a register that may not be written,
 * counts as a violation.
 */
#ifndef TESTS_FAKE_VIRTIO_REGISTERS_H
#define TESTS_FAKE_VIRTIO_REGISTERS_H

#include "tests/fake/hal.h"
#include "tests/fake/pci.h"
#include "tests/fake/virtio.h"

#define FAKE_REGISTERS_MSIX_ENTRIES 8u

struct fake_registers {
    struct fake_virtio fake;
    /* How the fake's own operations are called. */
    struct bg_virtio_device behind;
    uint32_t device_select, driver_select, queue_select;
    uint64_t driver_features;
    struct bg_virtio_queue_layout staged[FAKE_VIRTIO_QUEUES_MAX];
    uint64_t accesses;

    /* PCI. What lies where in its BARs: the test writes capabilities that say so, or lie. */
    struct fake_pci pci;
    struct bg_pci_device devices[FAKE_FUNCTIONS_MAX];
    struct bg_pci_host host;
    int function;
    struct {
        unsigned bar;
        uint32_t offset;
    } common, notify, isr, config;
    uint32_t notify_multiplier;
    uint16_t notify_off[FAKE_VIRTIO_QUEUES_MAX];
    uint16_t notify_data[FAKE_VIRTIO_QUEUES_MAX]; /* queue_notif_config_data */
    unsigned window; /* configuration offset of the access capability; 0: none */
    uint16_t config_vector, queue_vectors[FAKE_VIRTIO_QUEUES_MAX];
    unsigned vectors_refused; /* so many of the next that are mapped: no resources */
    unsigned msix;            /* configuration offset of MSI-X; 0: none */
    uint32_t msix_table[FAKE_REGISTERS_MSIX_ENTRIES][4];
    unsigned next_capability; /* where fake_registers_capability puts the next */
    unsigned last_pointer;

    /* Where its interrupts go; NULL: nowhere. */
    void (*set_line)(uint32_t line, bool is_raised);
    bool (*send_message)(uint64_t address, uint32_t data);
    uint32_t line;
    bool is_mute; /* interrupts get lost */

    /* MMIO. */
    uint64_t address;
    bool is_legacy;
    uint32_t page_size, magic, version, device_id, shm_select;
};

#define FAKE_MMIO_ADDRESS 0x0A000000u

/* The fake of `registers` is set up already. One PCI function at 00:01.0 with a memory BAR 4 (64
 * bits, 16 KiB) and an I/O BAR 1 (256 bytes), without capabilities. fake_hal's registers become
 * this device's. */
void fake_registers_begin_pci(struct fake_registers *registers, uint16_t pci_device_id);

/* Appends a virtio capability. `extra` are the `extra_count` dwords behind the 16 bytes. */
unsigned fake_registers_capability(struct fake_registers *registers, uint8_t type, uint8_t bar,
                                   uint8_t id, uint32_t offset, uint32_t length,
                                   const uint32_t *extra, unsigned extra_count);

/* The four structures in BAR 4 and the access capability, as QEMU has them. */
void fake_registers_usual_capabilities(struct fake_registers *registers);

/* An MSI-X table in BAR 2, after the other capabilities. */
void fake_registers_msix(struct fake_registers *registers, unsigned entries);

/* Enumerates the bus. Returns the function. */
struct bg_pci_device *fake_registers_enumerate(struct fake_registers *registers, bool has_memory);

/* At FAKE_MMIO_ADDRESS. */
void fake_registers_begin_mmio(struct fake_registers *registers, uint32_t version,
                               uint32_t device_id);

#endif
