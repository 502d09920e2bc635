/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts of a pvgpu device. Optional: without them fences are polled.
 *
 *     pvgpu_open
 *     pvgpu_interrupt_open      here
 *     gpu.wait = WAIT_SLEEP     how pvgpu_fence_wait and pvgpu_job_wait wait
 *     ...
 *     pvgpu_interrupt_close
 *     pvgpu_close
 *
 * They stay across pvgpu_restart.
 */
#ifndef BAREGPU_PVGPU_INTERRUPT_H
#define BAREGPU_PVGPU_INTERRUPT_H

#include "baregpu/pci_interrupt.h"
#include "baregpu/pvgpu.h"
#include "protocol/decls.h"

BG_BEGIN_DECLS

struct pvgpu_interrupt_options {
    uint32_t cpu;       /* that waits: HAL_CPU_SELF */
    uint32_t forbidden; /* PCI_INTERRUPT_BIT(kind) */
    /* Called from the interrupt handler for each error interrupt, as when the backend is lost while
     * nobody waits; may be NULL. */
    void (*error_handler)(void *context);
    void *error_context;
};

/* Owned by the caller; the counters of vectors[].source, by PVGPU_VECTOR_*, may be read, and
 * pci.kind. */
struct pvgpu_interrupt {
    struct pci_interrupt pci;
    struct pci_interrupt_vector vectors[PVGPU_VECTORS];
    /* Private. */
    struct pvgpu *gpu;
    void (*error_handler)(void *context);
    void *error_context;
};

/* Takes the best kind there is: MSI-X, else INTx. Returns 0; NOT_FOUND: there is none, fences are
 * polled, whatever the wait strategy; INVALID: a gpu without a PCI function (pvgpu_attach).
 * `options` may be NULL: this CPU, any kind, no handler. */
int pvgpu_interrupt_open(struct pvgpu_interrupt *interrupt, struct pvgpu *gpu,
                         const struct pci_host *host,
                         const struct pvgpu_interrupt_options *options);

/* A pvgpu_interrupt of zeroes is fine. */
void pvgpu_interrupt_close(struct pvgpu_interrupt *interrupt);

/* After a storm (interrupt_source.storms): tries again. */
void pvgpu_interrupt_resume(struct pvgpu_interrupt *interrupt);

BG_END_DECLS

#endif
