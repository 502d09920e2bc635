/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts of a PCI function: MSI-X, MSI, INTx, whichever is the best that the function, the
 * machine and the caller allow; or none, then the driver polls.
 *
 * Sections are those of the PCI Local Bus Specification 3.0 (PCI) and the PCI-to-PCI Bridge
 * Architecture Specification 1.2 (Bridge).
 *
 * The caller owns all storage. Needs the HAL's interrupts. Calls are not for interrupt handlers,
 * except where it is said, and not reentrant for one host, as those of baregpu/pci_ecam.h.
 */
#ifndef BAREGPU_PCI_INTERRUPT_H
#define BAREGPU_PCI_INTERRUPT_H

#include "baregpu/interrupt.h"
#include "baregpu/pci_ecam.h"
#include "protocol/decls.h"

BG_BEGIN_DECLS

/* ---- The machine's INTx ---- */

#define BG_PCI_INTX_SLOTS 32u
#define BG_PCI_INTX_PINS 4u

/* Lines in use at a time. A host bridge has four; a machine with more keeps those that were taken
 * first, and devices on the others poll. */
#define BG_PCI_INTX_LINES 16u

/*
 * Where INTx arrives, as in a devicetree's interrupt-map: filled by the kernel for its root bus,
 * and then struct bg_pci_host_config's `intx`. Zeroed before.
 */
struct bg_pci_intx {
    /* The kernel's numbers, [slot][pin - 1]; 0: none. */
    uint32_t interrupts[BG_PCI_INTX_SLOTS][BG_PCI_INTX_PINS];
    struct bg_interrupt_line lines[BG_PCI_INTX_LINES]; /* private, but for the statistics */
};

/* The interrupt of a function's pin, followed through the bridges above it (Bridge 9.1); 0 when it
 * has no pin or the machine does not say where that arrives. */
uint32_t bg_pci_intx_interrupt(const struct bg_pci_host *host, const struct bg_pci_device *device);

/* ---- A function's interrupts ---- */

/* From the worst to the best. */
enum bg_pci_interrupt_kind {
    BG_PCI_INTERRUPT_NONE, /* the driver polls */
    BG_PCI_INTERRUPT_INTX,
    BG_PCI_INTERRUPT_MSI,
    BG_PCI_INTERRUPT_MSIX,
};

/* Something that the driver wants to be interrupted for. */
struct bg_pci_interrupt_vector {
    struct bg_interrupt_source source; /* counted, and its handler called, for each message */
    uint32_t cpu; /* that takes it, as for bg_hal_interrupt_attach; set by the caller */
    /* Filled by bg_pci_interrupt_open: the table entry (MSI-X) or message number (MSI) that the
     * device is to be told; 0 with INTx. Several vectors may have the same one. */
    uint16_t entry;
    /* Private. */
    struct bg_hal_msi message;
    struct bg_pci_interrupt *owner;
};

struct bg_pci_interrupt_options {
    /*
     * In the order of importance, and used until bg_pci_interrupt_close. When there are fewer
     * messages than vectors, n of them, the first n - 1 vectors have one each and the others share
     * the last one, on the CPU of the first of them.
     */
    struct bg_pci_interrupt_vector *vectors;
    unsigned vector_count; /* 1 to BG_PCI_INTERRUPT_VECTORS_MAX */
    /*
     * For INTx, as struct bg_interrupt_client's: makes the device content and calls
     * bg_interrupt_source_arrive for the vectors' sources that it was for. NULL: there is no way to
     * ask the device, so INTx is not used.
     */
    bool (*intx_take)(void *context, bool *is_storm);
    void *intx_context;
    uint32_t intx_cpu;
    uint32_t forbidden; /* BG_PCI_INTERRUPT_BIT(kind) of kinds not to be used */
    /*
     * Instead of what the function has: an interrupt that the kernel has set up itself, taken as
     * INTx is. One line for all devices that share it: the caller's, zeroed. NULL: the function's.
     */
    struct bg_interrupt_line *line;
    uint32_t interrupt; /* the kernel's number */
    enum bg_hal_trigger trigger;
};

#define BG_PCI_INTERRUPT_BIT(kind) (1u << (kind))
#define BG_PCI_INTERRUPT_VECTORS_MAX 2048u /* MSI-X's largest table (PCI 6.8.2.3) */

/* Owned by the caller; `kind`, `message_count` and the counters may be read. */
struct bg_pci_interrupt {
    uint8_t kind;           /* enum bg_pci_interrupt_kind */
    uint16_t message_count; /* MSI-X entries or MSI messages in use */
    /* Private. */
    const struct bg_pci_host *host;
    const struct bg_pci_device *device;
    struct bg_pci_interrupt_options options;
    struct bg_interrupt_client client;
    uint16_t capability;      /* its offset */
    void *table, *pending;    /* MSI-X: mapped */
    uint16_t capacity;        /* messages that the function has */
    uint16_t reserved;        /* MSI: messages of the block, message_count or more */
    bool has_masks, is_64bit; /* MSI */
    struct bg_hal_msi_request request;
};

/*
 * With options->line joins that: `kind` is INTX, and the function, which may be NULL as the host
 * may, is left alone; returns 0, NOT_FOUND (INTX is forbidden), or what bg_interrupt_line_join
 * does. Else
 * takes the best kind that works: finds and checks the capability, reserves messages, attaches
 * them, enables the kind in the function and disables the others; bus mastering is turned on for
 * messages. The device's memory decoding is turned on for MSI-X. On success the sources are on.
 * Returns 0; or NOT_FOUND when no kind works (`kind` is NONE, and nothing is changed but that all
 * kinds are disabled in the function): poll. INVALID: options, or a NULL function without a line.
 *
 * What the function says is not trusted: an MSI-X table of no entries, one that lies outside its
 * BAR, in a BAR without an address, or over the pending bits, is as if there was no MSI-X.
 */
int bg_pci_interrupt_open(struct bg_pci_interrupt *interrupt, const struct bg_pci_host *host,
                          const struct bg_pci_device *device,
                          const struct bg_pci_interrupt_options *options);

/* Disables all kinds in the function, detaches and gives everything back; the sources are off. A
 * pci_interrupt of zeroes, or one that could not be opened, is fine. The device should be quiet. */
void bg_pci_interrupt_close(struct bg_pci_interrupt *interrupt);

/*
 * Masks or unmasks what delivers this vector, and all others that share it: in the MSI-X table, by
 * MSI's mask bits, else at the interrupt controller; INTx at the function (PCI 6.2.2, Interrupt
 * Disable). Not a line of the caller's. With MSI-X and MSI masks, what comes meanwhile is pending
 * and delivered later.
 */
void bg_pci_interrupt_mask(struct bg_pci_interrupt *interrupt, unsigned vector);
void bg_pci_interrupt_unmask(struct bg_pci_interrupt *interrupt, unsigned vector);

/* Is a message pending at the function while masked (MSI-X's PBA, MSI's pending bits)? INTx: does
 * the function assert its pin (PCI 6.2.3, Interrupt Status)? False where it cannot be known. */
bool bg_pci_interrupt_is_pending(const struct bg_pci_interrupt *interrupt, unsigned vector);

/* After a storm: unmasks again what it masked, and turns the sources on. */
void bg_pci_interrupt_resume(struct bg_pci_interrupt *interrupt);

/* "MSI-X"; never NULL. */
const char *bg_pci_interrupt_kind_name(unsigned kind);

BG_END_DECLS

#endif
