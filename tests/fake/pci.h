/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PCI bus for tests, as the library sees it: a configuration space whose registers keep only the
 * bits that are wired, reached through bridges as they are programmed, and address decoding by what
 * the registers say.
 */
#ifndef TESTS_FAKE_PCI_H
#define TESTS_FAKE_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "baregpu/pci_ecam.h"

#define FAKE_FUNCTIONS_MAX 64
#define FAKE_ROOT (-1)
#define FAKE_ROOT_AT(bus) (-1 - (bus)) /* a further root bus, of a number that it has */

#define FAKE_PREFETCHABLE 0x8u

struct fake_function {
    int parent; /* index of the bridge above, FAKE_ROOT, or FAKE_ROOT_AT(bus) */
    uint8_t devfn;
    bool is_bridge;
    bool is_absent; /* not there, for now */
    uint8_t config[4096];
    uint8_t writable[4096];
    uint64_t bar_size[6];
};

struct fake_pci {
    struct fake_function functions[FAKE_FUNCTIONS_MAX];
    int count;
    uint8_t bus_first, bus_last;
    /* What a library must not do. */
    unsigned accesses_outside; /* beyond the buses, unaligned, of a wrong width */
    unsigned conflicts;        /* a configuration access that two bridges claim */
    unsigned bars_moved_live;  /* a BAR written while its device decodes */
    unsigned accesses;
};

extern const struct bg_pci_config_ops fake_pci_ops;

void fake_pci_init(struct fake_pci *pci, uint8_t bus_first, uint8_t bus_last);

/* Both return the function's index. `express_type` is that of the PCI Express capability, 0 to
 * 15; -1: none. */
int fake_pci_add(struct fake_pci *pci, int parent, uint8_t devfn, uint16_t vendor, uint16_t device,
                 uint32_t class_code, int express_type);
int fake_pci_add_bridge(struct fake_pci *pci, int parent, uint8_t devfn, int express_type);

void fake_pci_bar32(struct fake_pci *pci, int function, unsigned bar, uint32_t size,
                    uint32_t flags);
void fake_pci_bar64(struct fake_pci *pci, int function, unsigned bar, uint64_t size,
                    uint32_t flags);
void fake_pci_bar_io(struct fake_pci *pci, int function, unsigned bar, uint32_t size);
void fake_pci_rom(struct fake_pci *pci, int function, uint32_t size);

void fake_pci_set8(struct fake_pci *pci, int function, unsigned reg, uint8_t value);
void fake_pci_set16(struct fake_pci *pci, int function, unsigned reg, uint16_t value);
void fake_pci_set32(struct fake_pci *pci, int function, unsigned reg, uint32_t value);
uint32_t fake_pci_get(const struct fake_pci *pci, int function, unsigned reg, unsigned width);

/* A standard capability at `offset`, and the pointer to the next. */
void fake_pci_capability(struct fake_pci *pci, int function, unsigned offset, uint8_t id,
                         uint8_t next);

/*
 * Capabilities for messages, the last in the function's list. MSI-X says that it has `entries`, in
 * table and pending bits as given (BAR | offset). MSI has 1 << `log2` messages.
 */
void fake_pci_msix(struct fake_pci *pci, int function, unsigned offset, unsigned entries,
                   uint32_t table, uint32_t pending);
void fake_pci_msi(struct fake_pci *pci, int function, unsigned offset, unsigned log2, bool is_64bit,
                  bool has_masks);

/*
 * Who answers an access to this bus address, by the registers alone: counts the BARs that claim it
 * and names one in *function and *bar.
 */
int fake_pci_decode(const struct fake_pci *pci, uint64_t address, bool is_io, int *function,
                    unsigned *bar);

#endif
