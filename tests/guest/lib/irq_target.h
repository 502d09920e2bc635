/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices of QEMU that interrupt, all used alike, for run=test-irq-devices and test-irq-trouble. */
#ifndef TESTS_GUEST_LIB_IRQ_TARGET_H
#define TESTS_GUEST_LIB_IRQ_TARGET_H

#include <stdbool.h>

#include "baregpu/pci_interrupt.h"
#include "baregpu/wait.h"

#define IRQ_TARGET_TIMEOUT_NS 20000000000u

/* What a target has while it is open. */
struct irq_state {
    char name[48];
    uint8_t kind; /* enum bg_pci_interrupt_kind; INTX stands for MMIO's line, too */
    struct bg_wait_strategy *wait;
    struct bg_interrupt_source *source; /* of what request() waits for */
    struct bg_interrupt_line *line;     /* NULL: messages, or none */
    struct bg_pci_interrupt *pci;       /* NULL: MMIO */
    unsigned vector;                    /* of source, in `pci` */
    const uint64_t *sleeps;             /* that requests made */
};

struct irq_target {
    const char *type;
    uint32_t pci_kinds; /* BG_PCI_INTERRUPT_BIT()s that QEMU's device has on PCI */
    /*
     * Opens the n-th of this type with the kinds that are not forbidden. 0, also when there is no
     * interrupt (state->kind NONE); NOT_FOUND when there are not so many, another error, or INVALID
     * when `state` is not closed. `is_mmio` is set in any case.
     */
    int (*open)(struct irq_state *state, unsigned n, uint32_t forbidden, bool *is_mmio);
    /* One request, waited for. */
    int (*request)(uint64_t deadline_ns);
    int (*close)(void);
    void (*resume)(void); /* after a storm */
};

#define IRQ_TARGETS 4u

extern const struct irq_target irq_target_rng, irq_target_gpu, irq_target_stub, irq_target_edu;

/* Where interrupts of targets go that are opened from now on: BG_HAL_CPU_SELF at first. */
extern uint32_t irq_target_cpu;

/* virtio-rng: requests ask for an interrupt before they are sent, not only before a sleep. */
extern bool irq_rng_asks_at_once;

/* ---- edu, QEMU's teaching device (docs/specs/edu.rst): it interrupts when told to ---- */

#define EDU_VENDOR_ID 0x1234u
#define EDU_DEVICE_ID 0x11E8u

/* Raises its interrupt, and does not take it back: with MSI one message, else the pin stays up. */
void irq_edu_raise(void);

/* Takes it back. Also from handlers. */
void irq_edu_lower(void);

/* Maps its registers without a driver for its interrupt. */
int irq_edu_map(void);

#endif
