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

struct bg_pvgpu_interrupt_options {
    uint32_t cpu;       /* that waits: BG_HAL_CPU_SELF */
    uint32_t forbidden; /* BG_PCI_INTERRUPT_BIT(kind) */
    /* Called from the interrupt handler for each error interrupt, as when the backend is lost while
     * nobody waits; may be NULL. */
    void (*error_handler)(void *context);
    void *error_context;
};

/* Owned by the caller; the counters of vectors[].source, by PVGPU_VECTOR_*, may be read, and
 * pci.kind. */
struct bg_pvgpu_interrupt {
    struct bg_pci_interrupt pci;
    struct bg_pci_interrupt_vector vectors[BG_PVGPU_VECTORS];
    /* Private. */
    struct bg_pvgpu *gpu;
    void (*error_handler)(void *context);
    void *error_context;
};

/* Takes the best kind there is: MSI-X, else INTx. Returns 0; NOT_FOUND: there is none, fences are
 * polled, whatever the wait strategy; INVALID: a gpu without a PCI function (bg_pvgpu_attach).
 * `options` may be NULL: this CPU, any kind, no handler. */
int bg_pvgpu_interrupt_open(struct bg_pvgpu_interrupt *interrupt, struct bg_pvgpu *gpu,
                            const struct bg_pci_host *host,
                            const struct bg_pvgpu_interrupt_options *options);

/* A pvgpu_interrupt of zeroes is fine. */
void bg_pvgpu_interrupt_close(struct bg_pvgpu_interrupt *interrupt);

/* After a storm (interrupt_source.storms): tries again. */
void bg_pvgpu_interrupt_resume(struct bg_pvgpu_interrupt *interrupt);

BG_END_DECLS

#endif
