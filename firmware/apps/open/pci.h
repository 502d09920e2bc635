/* SPDX-License-Identifier: BSD-2-Clause */
/* This machine's PCI host, from the devicetree to a list of devices. */
#ifndef FIRMWARE_APPS_OPEN_PCI_H
#define FIRMWARE_APPS_OPEN_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "baregpu/pci_ecam.h"
#include "baregpu/vgpu_stub.h"

/* As many functions as bus 0 can have; boards in use have far fewer. */
#define MACHINE_PCI_DEVICES_MAX 256

/*
 * Enumerates the bus at the first call, printing what could not be done; later calls return the
 * same host. NULL, with a message, when the devicetree has no PCI host or its configuration space
 * cannot be mapped.
 */
struct bg_pci_host *machine_pci(void);

/* Nanoseconds from the first instruction to the end of the enumeration. */
uint64_t machine_pci_ready_ns(void);

/* As printf's output: a bg_pci_print. */
void machine_pci_print(void *context, const char *text);

/* Opens the first vgpu-stub; on failure prints what is wrong and what to do, and returns the
 * error. */
int open_vgpu_stub(struct bg_vgpu_stub *gpu);

/*
 * Whether the mediator is an older one, which adds two numbers. It closes on all else without a
 * reply, so that every other request ends as if nobody were there. None may be in flight.
 */
bool vgpu_stub_only_adds(struct bg_vgpu_stub *gpu);

/* Prints why a request failed and what to do about it; may send one that tells it. */
void explain_vgpu_stub(struct bg_vgpu_stub *gpu, const char *what, int error);

#endif
