/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What libbaregpu needs from the kernel that links it. Porting is writing these functions; the
 * library has no other undefined symbols but memcpy, memmove, memset and memcmp.
 *
 * Drivers call them on the CPU that they are called on: a kernel that uses different devices on
 * several CPUs at the same time makes them safe for that.
 */
#ifndef BAREGPU_HAL_H
#define BAREGPU_HAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/decls.h"

BG_BEGIN_DECLS

/*
 * Memory that a device reads and writes. Returns `size` bytes, zeroed, aligned to `align` (a power
 * of two, at least 16), coherent with the device, and its bus address in *bus_address; NULL when
 * there is none. Called at initialisation only.
 */
void *bg_hal_dma_alloc(size_t size, size_t align, uint64_t *bus_address);

/* Gives back what bg_hal_dma_alloc returned, with the same size. The device no longer uses it. */
void bg_hal_dma_free(void *memory, size_t size);

enum bg_hal_memory_type {
    BG_HAL_MEMORY_DEVICE, /* registers: Device-nGnRE */
    BG_HAL_MEMORY_NORMAL, /* memory behind a BAR: Normal, write-back cacheable */
};

/*
 * Makes `size` bytes at physical address `address` accessible; never executable. Returns NULL when
 * that cannot be done. Mapping a range again with the same type returns the same pointer. Devices
 * tell where their memory lies, so a kernel that does not trust them refuses its own RAM.
 */
void *bg_hal_map(uint64_t address, uint64_t size, enum bg_hal_memory_type type);

/* Monotonic time since an arbitrary start. Callable from anywhere. */
uint64_t bg_hal_time_ns(void);

/*
 * The pause of a polling loop: some microseconds at most, or in a kernel with threads until it is
 * this one's turn again. It never waits for an interrupt or an event: drivers also call it where
 * none will come, as while a device resets.
 * `deadline_ns` (bg_hal_time_ns) is when the loop ends; most kernels need nothing of it.
 */
void bg_hal_wait(uint64_t deadline_ns);

/* ---- Optional: memory that did not come from bg_hal_dma_alloc, and buses behind an IOMMU ----
 *
 * The library's own memory for devices is bg_hal_dma_alloc's, and needs none of this. A kernel
 * whose drivers give other memory to devices (bg_virtqueue_add_shared), or whose bus addresses are
 * not physical ones, names a struct bg_hal_dma to the PCI host (bg_pci_host_config.dma) or to a
 * device (bg_virtio_device.dma).
 */

enum bg_hal_dma_direction {
    BG_HAL_DMA_TO_DEVICE,   /* the device reads */
    BG_HAL_DMA_FROM_DEVICE, /* the device writes */
};

struct bg_hal_dma {
    /*
     * Gives the device `size` bytes at `memory`, of any alignment: with what the CPU has written
     * there before, until they are unshared, at one contiguous range of the bus. That means
     * whatever the machine needs: caches cleaned, a copy in memory that the device reaches, an
     * entry of the IOMMU; the bytes before and behind, in the same cache line or page, stay the
     * CPU's. Returns 0 and the bus address; NO_MEMORY, or INVALID for memory that cannot be shared,
     * and then nothing was. NULL: memory is not shared.
     */
    int (*share)(void *memory, size_t size, enum bg_hal_dma_direction direction,
                 uint64_t *bus_address);
    /*
     * Once for each share, with what that got and gave; the device does not use the memory any
     * more. After FROM_DEVICE the CPU sees what the device wrote; it may have written less than
     * all, and then the rest is anything that may be seen.
     */
    void (*unshare)(void *memory, size_t size, enum bg_hal_dma_direction direction,
                    uint64_t bus_address);
    /* Bus addresses, those of bg_hal_dma_alloc too, are the IOMMU's: a device that goes past it
     * cannot be driven (bg_virtio_start). */
    bool is_translated;
};

/* ---- Optional: interrupts ----
 *
 * A kernel that only polls leaves out all that follows: nothing of the library refers to it but
 * what is there for interrupts (baregpu/interrupt.h, pci_interrupt.h, virtio_interrupt.h and the
 * *_interrupt_open of other drivers), and bg_hal_sleep only a kernel names itself (baregpu/wait.h).
 *
 * An interrupt is named by a number that means something to the kernel only; with a GIC, its INTID.
 * Handlers run with interrupts masked, one at a time on a CPU, and must not use floating point. The
 * functions may be called on several CPUs at the same time for different interrupts.
 */

/*
 * Sleeps until an interrupt was handled on this CPU, whichever, or until deadline_ns
 * (bg_hal_time_ns). Returns at once if one was handled since the last bg_hal_sleep on this CPU
 * returned: so a caller that looks for its work and then sleeps cannot miss the interrupt in
 * between. May return early for no reason. Not for interrupt handlers.
 *
 * `event` is what the device's struct bg_wait_strategy names, mostly NULL. A kernel with threads
 * names an event object there, which the handler of the device's interrupt sets, and sleeps on it:
 * "handled since the last sleep" is then that the event is set.
 */
void bg_hal_sleep(void *event, uint64_t deadline_ns);

/* A CPU, to the library: 0, which is what zeroes say, is the one that makes the call. */
#define BG_HAL_CPU_SELF 0u
#define BG_HAL_CPU(number) ((uint32_t)(number) + 1u) /* the kernel's number of one that runs */

enum bg_hal_trigger {
    BG_HAL_TRIGGER_LEVEL, /* asserted until the device is content: PCI's INTx */
    BG_HAL_TRIGGER_EDGE,  /* each message or pulse counts: MSI, MSI-X, virtio-mmio on QEMU's virt */
};

typedef void bg_hal_interrupt_handler(void *context);

/*
 * Has `handler(context)` called on `cpu` (BG_HAL_CPU_SELF, or BG_HAL_CPU of one) for each
 * `interrupt`, from now on: it is unmasked. One handler per interrupt; the library shares lines
 * itself. Returns 0, INVALID (no such interrupt or CPU), BUSY (it has a
 * handler), UNSUPPORTED (there is no interrupt controller that works).
 */
int bg_hal_interrupt_attach(uint32_t interrupt, enum bg_hal_trigger trigger, uint32_t cpu,
                            bg_hal_interrupt_handler *handler, void *context);

/* Masks it and forgets the handler. When it returns, the handler runs nowhere. */
void bg_hal_interrupt_detach(uint32_t interrupt);

/*
 * For an attached interrupt, also from handlers, and idempotent. When bg_hal_interrupt_mask returns
 * the handler runs nowhere and will not be called, unless the call is made by a handler: then it
 * will not be called again, but may still be running. A level that is still asserted, and an edge
 * that came while it was masked, are delivered after bg_hal_interrupt_unmask. (The edge is no must:
 * waits survive a lost one.)
 */
void bg_hal_interrupt_mask(uint32_t interrupt);
void bg_hal_interrupt_unmask(uint32_t interrupt);

/* A message-signalled interrupt: a device that writes `data`, 32 bits, to `address` raises it. */
struct bg_hal_msi {
    uint64_t address; /* on the device's bus */
    uint32_t data;
    uint32_t interrupt; /* for bg_hal_interrupt_attach, with BG_HAL_TRIGGER_EDGE */
};

struct bg_hal_msi_request {
    /*
     * PCI's requester id of the writer: bus << 8 | device << 3 | function. Behind a bridge to
     * conventional PCI it is the bridge's, so several devices may have the same one, and a device
     * may come back for more: each call's messages are distinct from those in use.
     */
    uint32_t requester_id;
    uint32_t cpu;   /* that most of them will be attached for, a hint; as there */
    uint16_t count; /* wanted, at least 1 */
    /* As MSI needs: a power of two; one address; data of message i = data of message 0 | i, with
     * the low bits of message 0 clear; data below 65536; interrupt numbers that follow each other.
     */
    bool is_block;
};

/*
 * Reserves messages; nothing is delivered before an attach. Returns how many: `count`, or what is
 * left (for a block a power of two that is not larger than `count`). Errors: UNSUPPORTED (there is
 * no controller for messages), NO_SPACE (none left), NO_MEMORY, INVALID (the requester cannot send
 * any), IO (the controller refused).
 */
int bg_hal_msi_alloc(const struct bg_hal_msi_request *request, struct bg_hal_msi *messages);

/* Gives back all that one bg_hal_msi_alloc returned: detached, and the device sends no more. */
void bg_hal_msi_free(const struct bg_hal_msi_request *request, const struct bg_hal_msi *messages,
                     unsigned count);

BG_END_DECLS

#endif
