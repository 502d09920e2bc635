/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts of a virtio device. Optional: without them its queues are polled.
 *
 *     bg_virtio_pci_open or bg_virtio_mmio_open
 *     bg_virtio_interrupt_open     here
 *     device.wait = BG_WAIT_SLEEP  how bg_virtqueue_wait waits
 *     bg_virtio_start, bg_virtqueue_create, bg_virtio_ready, ...
 *     bg_virtio_close
 *     bg_virtio_interrupt_close
 *
 * On PCI a device has an MSI-X vector for configuration changes and one per queue, or as many as
 * there are; else INTx; virtio does not use MSI (4.1.5.1). On MMIO there is one line.
 */
#ifndef BAREGPU_VIRTIO_INTERRUPT_H
#define BAREGPU_VIRTIO_INTERRUPT_H

#include "baregpu/pci_interrupt.h"
#include "baregpu/virtio.h"
#include "protocol/decls.h"

BG_BEGIN_DECLS

/* The vector, of those given, for configuration changes, and that of a queue. */
#define BG_VIRTIO_INTERRUPT_CONFIG 0u
#define BG_VIRTIO_INTERRUPT_QUEUE(index) (1u + (index))

/* All zeroes: the best kind that the function has, on the CPU that makes the call. */
struct bg_virtio_interrupt_options {
    uint32_t cpu;       /* that takes it, as for bg_hal_interrupt_attach */
    uint32_t forbidden; /* BG_PCI_INTERRUPT_BIT(kind) */
    /* Called from the interrupt handler, whatever it was for; may be NULL. Not with `vectors`. */
    void (*handler)(void *context);
    void *context;
    /*
     * NULL: one vector for everything. Else vector BG_VIRTIO_INTERRUPT_CONFIG, then those of the
     * queues; with `cpu`, and `source.handler` and `source.context` if there is one, filled in, and
     * the rest zero; then `cpu` above is for INTx and a line. With fewer vectors than queues the
     * last one stands for all further queues. Used until bg_virtio_interrupt_close.
     */
    struct bg_pci_interrupt_vector *vectors;
    unsigned vector_count;
    /* Instead of the PCI function's: one that the kernel has set up itself, as MMIO's is; the
     * caller's, zeroed, one for all devices that share it. */
    struct bg_interrupt_line *line;
    uint32_t interrupt;          /* the kernel's number */
    enum bg_hal_trigger trigger; /* MMIO: as the devicetree says; on QEMU's virt edge */
};

/* Owned by the caller; `kind` and the counters may be read. */
struct bg_virtio_interrupt {
    uint8_t kind;     /* enum bg_pci_interrupt_kind; INTX stands for the MMIO line, too */
    uint32_t refused; /* times that the device had no resources for a vector (4.1.5.1.2) */
    /* Private. */
    struct bg_virtio_device *device;
    struct bg_virtio_interrupt_options options;
    struct bg_pci_interrupt pci;
    struct bg_pci_interrupt_vector vector; /* of options.vectors when the caller gave none */
};

/*
 * Takes the best kind there is. The device is open; its queues get their vectors when they are
 * enabled. A vector that the device refuses is replaced by that for configuration changes, and if
 * that is refused, too, the queue is polled. Returns 0; NOT_FOUND when there is no interrupt: the
 * device is polled, whatever its wait strategy; INVALID (MMIO without a line); with a line also
 * those of bg_interrupt_line_join. `options` NULL: all zeroes.
 *
 * With INTx and a device on PCI without a BAR (bg_virtio_pci_open), `cpu` has to be the CPU that
 * makes all calls for the device: the handler uses the same window to its registers.
 */
int bg_virtio_interrupt_open(struct bg_virtio_interrupt *interrupt, struct bg_virtio_device *device,
                             const struct bg_virtio_interrupt_options *options);

/* Before or after bg_virtio_close; then the device is polled. One of zeroes is fine. */
void bg_virtio_interrupt_close(struct bg_virtio_interrupt *interrupt);

/* After a storm (interrupt_source.storms): tries again. */
void bg_virtio_interrupt_resume(struct bg_virtio_interrupt *interrupt);

BG_END_DECLS

#endif
