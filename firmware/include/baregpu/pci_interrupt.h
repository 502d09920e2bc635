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

#define PCI_INTX_SLOTS 32u
#define PCI_INTX_PINS 4u

/* Lines in use at a time. A host bridge has four; a machine with more keeps those that were taken
 * first, and devices on the others poll. */
#define PCI_INTX_LINES 16u

/*
 * Where INTx arrives, as in a devicetree's interrupt-map: filled by the kernel for its root bus,
 * and then struct pci_host_config's `intx`. Zeroed before.
 */
struct pci_intx {
    /* The kernel's numbers, [slot][pin - 1]; 0: none. */
    uint32_t interrupts[PCI_INTX_SLOTS][PCI_INTX_PINS];
    struct interrupt_line lines[PCI_INTX_LINES]; /* private, but for the statistics */
};

/* The interrupt of a function's pin, followed through the bridges above it (Bridge 9.1); 0 when it
 * has no pin or the machine does not say where that arrives. */
uint32_t pci_intx_interrupt(const struct pci_host *host, const struct pci_device *device);

/* ---- A function's interrupts ---- */

/* From the worst to the best. */
enum pci_interrupt_kind {
    PCI_INTERRUPT_NONE, /* the driver polls */
    PCI_INTERRUPT_INTX,
    PCI_INTERRUPT_MSI,
    PCI_INTERRUPT_MSIX,
};

/* Something that the driver wants to be interrupted for. */
struct pci_interrupt_vector {
    struct interrupt_source source; /* counted, and its handler called, for each message */
    uint32_t cpu;                   /* that takes it, or HAL_CPU_SELF; set by the caller */
    /* Filled by pci_interrupt_open: the table entry (MSI-X) or message number (MSI) that the device
     * is to be told; 0 with INTx. Several vectors may have the same one. */
    uint16_t entry;
    /* Private. */
    struct hal_msi message;
    struct pci_interrupt *owner;
};

struct pci_interrupt_options {
    /*
     * In the order of importance, and used until pci_interrupt_close. When there are fewer messages
     * than vectors, n of them, the first n - 1 vectors have one each and the others share the last
     * one, on the CPU of the first of them.
     */
    struct pci_interrupt_vector *vectors;
    unsigned vector_count; /* 1 to PCI_INTERRUPT_VECTORS_MAX */
    /*
     * For INTx, as struct interrupt_client's: makes the device content and calls
     * interrupt_source_arrive for the vectors' sources that it was for. NULL: there is no way to
     * ask the device, so INTx is not used.
     */
    bool (*intx_take)(void *context, bool *is_storm);
    void *intx_context;
    uint32_t intx_cpu;
    uint32_t forbidden; /* PCI_INTERRUPT_BIT(kind) of kinds not to be used */
};

#define PCI_INTERRUPT_BIT(kind) (1u << (kind))
#define PCI_INTERRUPT_VECTORS_MAX 2048u /* MSI-X's largest table (PCI 6.8.2.3) */

/* Owned by the caller; `kind`, `message_count` and the counters may be read. */
struct pci_interrupt {
    uint8_t kind;           /* enum pci_interrupt_kind */
    uint16_t message_count; /* MSI-X entries or MSI messages in use */
    /* Private. */
    const struct pci_host *host;
    const struct pci_device *device;
    struct pci_interrupt_options options;
    struct interrupt_client client;
    uint16_t capability;    /* its offset */
    void *table, *pending;    /* MSI-X: mapped */
    uint16_t capacity;        /* messages that the function has */
    uint16_t reserved;        /* MSI: messages of the block, message_count or more */
    bool has_masks, is_64bit; /* MSI */
    struct hal_msi_request request;
};

/*
 * Takes the best kind that works: finds and checks the capability, reserves messages, attaches
 * them, enables the kind in the function and disables the others; bus mastering is turned on for
 * messages. The device's memory decoding is turned on for MSI-X. On success the sources are on.
 * Returns 0; or NOT_FOUND when no kind works (`kind` is NONE, and nothing is changed but that all
 * kinds are disabled in the function): poll. INVALID: options.
 *
 * What the function says is not trusted: an MSI-X table of no entries, one that lies outside its
 * BAR, in a BAR without an address, or over the pending bits, is as if there was no MSI-X.
 */
int pci_interrupt_open(struct pci_interrupt *interrupt, const struct pci_host *host,
                       const struct pci_device *device,
                       const struct pci_interrupt_options *options);

/* Disables all kinds in the function, detaches and gives everything back; the sources are off. A
 * pci_interrupt of zeroes, or one that could not be opened, is fine. The device should be quiet. */
void pci_interrupt_close(struct pci_interrupt *interrupt);

/*
 * Masks or unmasks what delivers this vector, and all others that share it: in the MSI-X table, by
 * MSI's mask bits, else at the interrupt controller; INTx at the function (PCI 6.2.2, Interrupt
 * Disable). With MSI-X and MSI masks, what comes meanwhile is pending and delivered later.
 */
void pci_interrupt_mask(struct pci_interrupt *interrupt, unsigned vector);
void pci_interrupt_unmask(struct pci_interrupt *interrupt, unsigned vector);

/* Is a message pending at the function while masked (MSI-X's PBA, MSI's pending bits)? INTx: does
 * the function assert its pin (PCI 6.2.3, Interrupt Status)? False where it cannot be known. */
bool pci_interrupt_is_pending(const struct pci_interrupt *interrupt, unsigned vector);

/* After a storm: unmasks again what it masked, and turns the sources on. */
void pci_interrupt_resume(struct pci_interrupt *interrupt);

/* "MSI-X"; never NULL. */
const char *pci_interrupt_kind_name(unsigned kind);

BG_END_DECLS

#endif
