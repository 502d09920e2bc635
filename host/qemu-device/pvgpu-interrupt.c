/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "pvgpu-interrupt.h"
#include "compat.h"
#include "hw/pci/msix.h"
#include "protocol/pvgpu.h"
#include "qapi/error.h"

#define ALL_BITS (BG_PVGPU_IRQ_FENCE | BG_PVGPU_IRQ_ERROR)

void pvgpu_interrupts_switch(PVGPUInterrupts *interrupts)
{
    PCIDevice *pci_dev = interrupts->pci_dev;
    int level = !msix_enabled(pci_dev) && (interrupts->status & interrupts->mask);

    pci_set_irq(pci_dev, level);
}

/*
 * Also a bit that is set already makes a message: with MSI-X, a guest need not clear it.
 *
 * A message is a write to wherever the guest says. To our own registers it is refused, as by QEMU's
 * guard of bottom halves; but it may reset or unplug us by other ways. Callers do nothing after it.
 * Where QEMU itself would go on, as it does with its list of run-state handlers, it waits.
 */
static void send_messages(PVGPUInterrupts *interrupts, uint32_t bits)
{
    PCIDevice *pci_dev = interrupts->pci_dev;
    MemReentrancyGuard *guard = &DEVICE(pci_dev)->mem_reentrancy_guard;
    bool engaged = guard->engaged_in_io;

    if (!bits || !msix_enabled(pci_dev)) {
        return;
    }
    if (interrupts->defers) {
        interrupts->owed |= bits;
        return;
    }
    object_ref(OBJECT(pci_dev));
    guard->engaged_in_io = true;
    if (bits & BG_PVGPU_IRQ_FENCE) {
        msix_notify(pci_dev, BG_PVGPU_VECTOR_FENCE);
    }
    if (bits & BG_PVGPU_IRQ_ERROR && msix_enabled(pci_dev)) {
        msix_notify(pci_dev, BG_PVGPU_VECTOR_ERROR);
    }
    guard->engaged_in_io = engaged;
    object_unref(OBJECT(pci_dev));
}

static void send_owed(void *opaque)
{
    PVGPUInterrupts *interrupts = opaque;
    uint32_t bits = interrupts->owed & interrupts->mask;

    interrupts->owed = 0;
    send_messages(interrupts, bits);
}

void pvgpu_interrupts_raise(PVGPUInterrupts *interrupts, uint32_t bits)
{
    interrupts->fences += !!(bits & BG_PVGPU_IRQ_FENCE);
    interrupts->errors += !!(bits & BG_PVGPU_IRQ_ERROR);
    interrupts->status |= bits;
    pvgpu_interrupts_switch(interrupts);
    send_messages(interrupts, bits & interrupts->mask);
}

void pvgpu_interrupts_clear(PVGPUInterrupts *interrupts, uint32_t bits)
{
    interrupts->status &= ~bits;
    pvgpu_interrupts_switch(interrupts);
}

void pvgpu_interrupts_set_mask(PVGPUInterrupts *interrupts, uint32_t mask)
{
    uint32_t enabled = mask & ~interrupts->mask;

    interrupts->mask = mask & ALL_BITS;
    pvgpu_interrupts_switch(interrupts);
    send_messages(interrupts, interrupts->status & enabled);
}

void pvgpu_interrupts_reset(PVGPUInterrupts *interrupts)
{
    interrupts->owed = 0;
    pvgpu_interrupts_clear(interrupts, ~0u);
}

void pvgpu_interrupts_defer(PVGPUInterrupts *interrupts)
{
    interrupts->defers = true;
}

void pvgpu_interrupts_go_on(PVGPUInterrupts *interrupts)
{
    interrupts->defers = false;
    if (interrupts->owed) {
        timer_mod(interrupts->owed_timer, qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL));
    }
}

bool pvgpu_interrupts_are_sound(const PVGPUInterrupts *interrupts)
{
    return !((interrupts->status | interrupts->mask | interrupts->owed) & ~ALL_BITS);
}

/* A machine may have no MSI at all: INTx remains. */
bool pvgpu_interrupts_init(PVGPUInterrupts *interrupts, PCIDevice *pci_dev, Error **errp)
{
    Error *err = NULL;
    int result = msix_init_exclusive_bar(pci_dev, BG_PVGPU_VECTORS, BG_PVGPU_BAR_MSIX, &err);

    if (result < 0 && result != -ENOTSUP) {
        error_propagate(errp, err);
        return false;
    }
    error_free(err);
    if (result == 0) {
        for (unsigned i = 0; i < BG_PVGPU_VECTORS; i++) {
            msix_vector_use(pci_dev, i);
        }
    }
    pci_config_set_interrupt_pin(pci_dev->config, 1);
    interrupts->owed_timer = timer_new_ms(QEMU_CLOCK_VIRTUAL, send_owed, interrupts);
    return true;
}

void pvgpu_interrupts_cleanup(PVGPUInterrupts *interrupts)
{
    timer_free(interrupts->owed_timer);
    msix_uninit_exclusive_bar(interrupts->pci_dev);
}
