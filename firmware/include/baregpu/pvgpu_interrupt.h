/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts of a pvgpu device. Optional: without them fences are polled.
 *
 *     bg_pvgpu_open
 *     bg_pvgpu_interrupt_open      here
 *     gpu.wait = BG_WAIT_SLEEP     how bg_pvgpu_fence_wait and bg_pvgpu_job_wait wait
 *     ...
 *     bg_pvgpu_interrupt_close
 *     bg_pvgpu_close
 *
 * They stay across bg_pvgpu_restart.
 */
#ifndef BAREGPU_PVGPU_INTERRUPT_H
#define BAREGPU_PVGPU_INTERRUPT_H

#include "baregpu/pci_interrupt.h"
#include "baregpu/pvgpu.h"
#include "protocol/decls.h"

BG_BEGIN_DECLS

/* All zeroes: the best kind that the function has, on the CPU that makes the call. */
struct bg_pvgpu_interrupt_options {
    uint32_t cpu;       /* that takes them, as for bg_hal_interrupt_attach */
    uint32_t forbidden; /* BG_PCI_INTERRUPT_BIT(kind) */
    /* Called from the interrupt handler when fences have passed; may be NULL. */
    void (*handler)(void *context);
    void *context;
    /* Called from the interrupt handler for each error interrupt, as when the backend is lost while
     * nobody waits; may be NULL. */
    void (*error_handler)(void *context);
    void *error_context;
    /* Instead of the PCI function's: one that the kernel has set up itself, as it must be after
     * bg_pvgpu_attach; the caller's, zeroed, one for all devices that share it. */
    struct bg_interrupt_line *line;
    uint32_t interrupt; /* the kernel's number */
    enum bg_hal_trigger trigger;
};

/* Owned by the caller; the counters of vectors[].source, by PVGPU_VECTOR_*, may be read, and
 * pci.kind. */
struct bg_pvgpu_interrupt {
    struct bg_pci_interrupt pci;
    struct bg_pci_interrupt_vector vectors[BG_PVGPU_VECTORS];
    /* Private. */
    struct bg_pvgpu *gpu;
    struct bg_pvgpu_interrupt_options options;
};

/* Takes the best kind there is: MSI-X, else INTx. Returns 0; NOT_FOUND: there is none, fences are
 * polled, whatever the wait strategy; INVALID: after bg_pvgpu_attach, without a line; what
 * bg_interrupt_line_join does. `options` NULL: all zeroes. */
int bg_pvgpu_interrupt_open(struct bg_pvgpu_interrupt *interrupt, struct bg_pvgpu *gpu,
                            const struct bg_pvgpu_interrupt_options *options);

/* A pvgpu_interrupt of zeroes is fine. */
void bg_pvgpu_interrupt_close(struct bg_pvgpu_interrupt *interrupt);

/* After a storm (interrupt_source.storms): tries again. */
void bg_pvgpu_interrupt_resume(struct bg_pvgpu_interrupt *interrupt);

BG_END_DECLS

#endif
