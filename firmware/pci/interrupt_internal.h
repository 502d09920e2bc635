/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of PCI interrupts share. */
#ifndef BAREGPU_PCI_INTERRUPT_INTERNAL_H
#define BAREGPU_PCI_INTERRUPT_INTERNAL_H

#include "baregpu/pci_interrupt.h"

/* MSI-X or MSI, in the function. `entry` is below message_count. */
struct pci_message_ops {
    /* Finds and checks the capability, fills in what the other ops need, and disables. Returns how
     * many messages the function can have, or a negative error. */
    int (*find)(struct bg_pci_interrupt *interrupt);
    /* Everything is masked at the function, then enabled. */
    void (*enable)(struct bg_pci_interrupt *interrupt);
    void (*disable)(struct bg_pci_interrupt *interrupt);
    /* False: the function cannot send this message. */
    bool (*set_message)(struct bg_pci_interrupt *interrupt, unsigned entry,
                        const struct bg_hal_msi *message);
    void (*unmask_all)(struct bg_pci_interrupt *interrupt);
    /* False: the function has no such mask. */
    bool (*set_mask)(struct bg_pci_interrupt *interrupt, unsigned entry, bool is_masked);
    bool (*is_pending)(const struct bg_pci_interrupt *interrupt, unsigned entry);
    bool is_block; /* as struct bg_hal_msi_request's */
};

extern const struct pci_message_ops pci_msix_ops; /* msix.c */
extern const struct pci_message_ops pci_msi_ops;  /* msi.c */

#endif
