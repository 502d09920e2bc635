/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pvgpu: its interrupts, as MSI-X messages or, without, on INTx. With QEMU's lock. */
#ifndef HW_MISC_BAREGPU_PVGPU_INTERRUPT_H
#define HW_MISC_BAREGPU_PVGPU_INTERRUPT_H

#include "hw/pci/pci_device.h"
#include "qemu/timer.h"

typedef struct PVGPUInterrupts {
    PCIDevice *pci_dev;
    uint32_t status, mask; /* the registers: BG_PVGPU_IRQ_* */

    /* Messages that wait for the timer: as soon as the VM runs. */
    bool defers;
    uint32_t owed; /* BG_PVGPU_IRQ_* */
    QEMUTimer *owed_timer;

    uint64_t fences, errors; /* statistics */
} PVGPUInterrupts;

/* With the device's BAR for MSI-X, where the machine has that. */
bool pvgpu_interrupts_init(PVGPUInterrupts *interrupts, PCIDevice *pci_dev, Error **errp);
void pvgpu_interrupts_cleanup(PVGPUInterrupts *interrupts);

/* An event. The message may reset or unplug the device: nothing is done after it. */
void pvgpu_interrupts_raise(PVGPUInterrupts *interrupts, uint32_t bits);
/* What the guest writes into IRQ_STATUS, and into IRQ_MASK; the latter may send a message, too. */
void pvgpu_interrupts_clear(PVGPUInterrupts *interrupts, uint32_t bits);
void pvgpu_interrupts_set_mask(PVGPUInterrupts *interrupts, uint32_t mask);
/* Nothing is pending. */
void pvgpu_interrupts_reset(PVGPUInterrupts *interrupts);
/* MSI-X was switched on or off: it takes the interrupt from or to INTx. */
void pvgpu_interrupts_switch(PVGPUInterrupts *interrupts);

/* Between the two, where a message could do what QEMU is not ready for, none is sent. */
void pvgpu_interrupts_defer(PVGPUInterrupts *interrupts);
void pvgpu_interrupts_go_on(PVGPUInterrupts *interrupts);

/* Whether what was loaded can be. */
bool pvgpu_interrupts_are_sound(const PVGPUInterrupts *interrupts);

#endif
