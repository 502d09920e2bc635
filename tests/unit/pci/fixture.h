/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fake bus and a host on it, as QEMU's virt machine has it. What a test asks in the end is which
 * BAR answers at an address by the registers alone.
 */
#ifndef TESTS_UNIT_PCI_FIXTURE_H
#define TESTS_UNIT_PCI_FIXTURE_H

#include "baregpu/pci_ecam.h"
#include "tests/fake/pci.h"

#define MIB 0x100000ull
#define GIB 0x40000000ull

struct fixture {
    struct fake_pci pci;
    struct bg_pci_device devices[FAKE_FUNCTIONS_MAX];
    struct bg_pci_host_config config;
    struct bg_pci_host host;
    unsigned problems;
    struct bg_pci_problem last_problem;
    char last_text[256];
};

extern struct fixture f;

/* cmocka's setup: an empty bus. */
int pci_setup(void **state);

/* A device without capabilities on the bus behind `parent`. */
int add_plain(int parent, uint8_t devfn);

/* Initialises the host, enumerates, and checks what holds for every bus: no access outside, no BAR
 * moved while its device decodes, every assigned BAR answers alone at its first and last byte.
 * Returns what bg_pci_host_enumerate returned. */
int enumerate(void);

/* Of that: decoding. Turns it on for all devices. */
void check_decoding(void);

/* What the library found for a function of the fake bus; NULL: nothing. */
struct bg_pci_device *device_of(int function);

#endif
