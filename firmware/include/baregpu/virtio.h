/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio device: finding it on PCI or MMIO, bringing it up, its configuration space. Queues are
 * in baregpu/virtqueue.h. Sections are those of virtio 1.4.
 *
 * The order of calls (3.1):
 *
 *     bg_virtio_pci_open or bg_virtio_mmio_open
 *     bg_virtio_start         reset, ACKNOWLEDGE, DRIVER, features, FEATURES_OK
 *     bg_virtqueue_create     for each queue
 *     bg_virtio_ready         DRIVER_OK: the device is live
 *     ...
 *     bg_virtio_close         reset; then bg_virtqueue_destroy
 *
 * The caller owns struct bg_virtio_device; nothing is global and nothing here allocates. Calls on
 * one device are not reentrant, and none but bg_virtio_take_interrupt may be made from an interrupt
 * handler.
 */
#ifndef BAREGPU_VIRTIO_H
#define BAREGPU_VIRTIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baregpu/error.h"
#include "baregpu/hal.h"
#include "baregpu/pci_ecam.h"
#include "baregpu/wait.h"
#include "protocol/decls.h"
#include "protocol/virtio.h"

BG_BEGIN_DECLS

struct bg_virtio_device;
struct bg_virtio_interrupt;

/* A window onto the device that lives outside of its registers (2.10). */
struct bg_virtio_shared_memory {
    uint64_t address; /* for the CPU, to be given to bg_hal_map */
    uint64_t size;    /* bytes */
};

/* Where a queue's three parts lie, as bus addresses. */
struct bg_virtio_queue_layout {
    uint16_t size;               /* entries */
    uint64_t descriptor_address; /* Descriptor Area */
    uint64_t driver_address;     /* Driver Area */
    uint64_t device_address;     /* Device Area */
    uint32_t legacy_align;       /* QueueAlign: where the Device Area starts, on a legacy device */
};

/* How a queue is notified; filled by the transport's queue_enable. */
struct bg_virtio_notify_target {
    uint64_t offset; /* from the start of the notification structure */
    uint16_t id;     /* the queue's index, or what the device wants to read instead (6, bit 39) */
};

/*
 * The seam between a device and its bus. Every op takes an opened device. None of them waits. An
 * index is checked by the transport before anything is written.
 */
struct bg_virtio_transport_ops {
    const char *name; /* "pci", "mmio", "mmio-legacy" */

    uint8_t (*read_status)(struct bg_virtio_device *device);
    void (*write_status)(struct bg_virtio_device *device, uint8_t status); /* 0: begins a reset */

    uint64_t (*read_features)(struct bg_virtio_device *device);
    void (*write_features)(struct bg_virtio_device *device, uint64_t features);

    /* `width` is 1, 2 or 4 and divides `offset`; the range lies inside config_size(). */
    uint64_t (*config_size)(struct bg_virtio_device *device); /* bytes that may be accessed */
    uint32_t (*config_generation)(struct bg_virtio_device *device);
    uint32_t (*read_config)(struct bg_virtio_device *device, uint32_t offset, unsigned width);
    void (*write_config)(struct bg_virtio_device *device, uint32_t offset, unsigned width,
                         uint32_t value);

    /* Entries of the largest queue that the device takes at `index`; 0: there is no such queue. */
    uint32_t (*queue_size_max)(struct bg_virtio_device *device, uint16_t index);
    /* Tells the device about a queue and lets it go. Returns 0 or a negative error: BUSY when
     * the queue is in use already, PROTOCOL when its doorbell lies outside the device. */
    int (*queue_enable)(struct bg_virtio_device *device, uint16_t index,
                        const struct bg_virtio_queue_layout *layout,
                        struct bg_virtio_notify_target *target);
    /* With BG_VIRTIO_F_RING_RESET (2.6.1): begins; then returns 1 when it is done, 0 while it is
     * not, UNSUPPORTED when the device has ignored it. */
    void (*queue_reset_begin)(struct bg_virtio_device *device, uint16_t index);
    int (*queue_reset_poll)(struct bg_virtio_device *device, uint16_t index);
    /* 16 bits, or 32 with BG_VIRTIO_F_NOTIFICATION_DATA; ordered after all earlier writes. */
    void (*notify)(struct bg_virtio_device *device, const struct bg_virtio_notify_target *target,
                   uint32_t value);

    /* Returns 0, or BG_ERR_NOT_FOUND, or BG_ERR_PROTOCOL for a region outside its BAR. */
    int (*find_shared_memory)(struct bg_virtio_device *device, uint8_t id,
                              struct bg_virtio_shared_memory *region);

    /* VIRTIO_ISR_* bits that were set; they are cleared. From interrupt handlers, too. */
    uint32_t (*take_interrupt)(struct bg_virtio_device *device);

    /*
     * MSI-X, where the transport has it; else NULL. Sets the table entry for configuration changes
     * or of a queue that is not enabled, BG_VIRTIO_MSI_NO_VECTOR for none. False: the device has no
     * resources for it, and will not interrupt (4.1.5.1.2).
     */
    bool (*set_config_vector)(struct bg_virtio_device *device, uint16_t entry);
    bool (*set_queue_vector)(struct bg_virtio_device *device, uint16_t index, uint16_t entry);

    void (*close)(struct bg_virtio_device *device); /* after the last reset; may be NULL */
};

/* A structure of a PCI device: in a BAR, or behind its configuration access capability. */
struct bg_virtio_pci_region {
    void *base;      /* NULL: through the configuration access capability (4.1.4.9) */
    uint8_t bar;     /* for that access */
    uint32_t offset; /* in the BAR, for that access */
    uint64_t length; /* bytes; 0: the device has no such structure */
};

struct bg_virtio_pci {
    const struct bg_pci_host *host;
    const struct bg_pci_device *function;
    struct bg_virtio_pci_region common, notify, isr, config;
    uint32_t notify_multiplier;
    uint16_t access_capability; /* offset of the configuration access capability; 0: none */
};

struct bg_virtio_mmio {
    void *registers;
    uint64_t size;
};

/* Owned by the caller; written by the calls below only, but for `wait` and `dma`. The fields up to
 * `status` may be read. */
struct bg_virtio_device {
    struct bg_wait_strategy wait; /* how bg_virtqueue_wait waits; polls after virtio_*_open */
    /* How memory is shared with it; before bg_virtio_start. After virtio_*_open the PCI host's, or
     * NULL: not at all, and bus addresses are physical ones. */
    const struct bg_hal_dma *dma;
    const struct bg_virtio_transport_ops *ops;
    uint32_t id;       /* virtio device id, VIRTIO_ID_* */
    bool is_legacy;    /* MMIO version 1: split queues in the legacy layout, no VERSION_1 */
    uint64_t offered;  /* features of the device, from bg_virtio_start on */
    uint64_t features; /* negotiated, from bg_virtio_start on */
    uint8_t status;    /* VIRTIO_STATUS_* that this driver has set */
    uint32_t epoch;    /* counts resets: queues from before one are dead */
    struct bg_virtio_interrupt *interrupt; /* NULL: polled; see baregpu/virtio_interrupt.h */
    union {
        struct bg_virtio_pci pci;
        struct bg_virtio_mmio mmio;
        void *other; /* of a transport that is not in this library */
    } transport;
};

/*
 * Features that the queues of this library handle. A driver wants these, and its own; without one
 * of them everything works the same.
 */
#define BG_VIRTIO_FEATURES_QUEUE                                                                   \
    (BG_VIRTIO_F_INDIRECT_DESC | BG_VIRTIO_F_EVENT_IDX | BG_VIRTIO_F_RING_PACKED |                 \
     BG_VIRTIO_F_IN_ORDER | BG_VIRTIO_F_ORDER_PLATFORM | BG_VIRTIO_F_NOTIFICATION_DATA |           \
     BG_VIRTIO_F_NOTIF_CONFIG_DATA | BG_VIRTIO_F_RING_RESET | BG_VIRTIO_F_ACCESS_PLATFORM)

/* ---- Finding ---- */

/* The virtio id of a function with virtio's vendor and device ids (4.1.2), modern or transitional;
 * 0 for any other function. */
uint32_t bg_virtio_pci_device_id(const struct bg_pci_device *function);

/* The next function after `after` (NULL: from the start) that is a virtio device of this id; NULL
 * when there is none. */
struct bg_pci_device *bg_virtio_pci_find(const struct bg_pci_host *host, uint32_t id,
                                         const struct bg_pci_device *after);

/*
 * Finds the structures through the capabilities, checks that they lie inside their BARs, maps them
 * and turns on decoding and bus mastering. `host` and `function` are used until the device is
 * closed. A structure whose BAR cannot be reached is accessed through the configuration access
 * capability. A transitional device is driven as a modern one. Errors: NOT_FOUND (no virtio device,
 * or a legacy-only one), PROTOCOL (structures missing or outside their BARs), NO_MEMORY (mapping).
 */
int bg_virtio_pci_open(struct bg_virtio_device *device, const struct bg_pci_host *host,
                       const struct bg_pci_device *function);

/*
 * `address` and `size` are the registers' range, from the devicetree. Errors: NOT_FOUND (no virtio
 * device, or an empty slot, whose device id is 0), UNSUPPORTED (another version than 1 and 2),
 * INVALID (smaller than the registers), NO_MEMORY (mapping).
 */
int bg_virtio_mmio_open(struct bg_virtio_device *device, uint64_t address, uint64_t size);

/* A transport of one's own: a fake device for tests, another bus. `context` goes to
 * device->transport.other. Returns 0 or INVALID. */
int bg_virtio_open(struct bg_virtio_device *device, const struct bg_virtio_transport_ops *ops,
                   uint32_t id, void *context);

/* ---- Bringing up ---- */

/*
 * Resets the device and negotiates (3.1.1, up to FEATURES_OK): afterwards device->features holds
 * those of `wanted` and `required` that the device offers. BG_VIRTIO_F_VERSION_1 is always
 * required, except of a legacy device; and BG_VIRTIO_F_ACCESS_PLATFORM where dma->is_translated:
 * without it a device takes physical addresses, past the IOMMU (6.1). Queues that existed before
 * are dead until bg_virtqueue_restart. May be called again at any time. Errors: UNSUPPORTED (a
 * required feature is not offered, or the device rejects the set), TIMEOUT (it does not come out of
 * its reset by `deadline_ns`, bg_hal_time_ns). After an error but TIMEOUT FAILED is set.
 */
int bg_virtio_start(struct bg_virtio_device *device, uint64_t wanted, uint64_t required,
                    uint64_t deadline_ns);

/* Sets DRIVER_OK: the device takes buffers from here on. Returns 0, or INVALID before a successful
 * bg_virtio_start, or what bg_virtio_check returns. */
int bg_virtio_ready(struct bg_virtio_device *device);

/* Gives up on the device by setting FAILED, the next bg_virtio_start begins anew. */
void bg_virtio_fail(struct bg_virtio_device *device);

/* Resets the device and waits: when it returns 0, the device uses no memory any more. TIMEOUT: it
 * still may, so nothing that it knows may be freed. */
int bg_virtio_reset(struct bg_virtio_device *device, uint64_t deadline_ns);

/* bg_virtio_reset, and for PCI bus mastering off. The device has to be opened again. */
int bg_virtio_close(struct bg_virtio_device *device, uint64_t deadline_ns);

/*
 * Asks for the device's health; one register read. Returns 0; IO when it has set
 * DEVICE_NEEDS_RESET (2.1.2); UNAVAILABLE when it is gone (all ones); PROTOCOL when it lost status
 * bits that this driver has set, as after a reset that nobody asked for. After an error only
 * bg_virtio_start helps.
 */
int bg_virtio_check(struct bg_virtio_device *device);

static inline bool bg_virtio_has_feature(const struct bg_virtio_device *device, uint64_t feature)
{
    return (device->features & feature) == feature;
}

/* ---- Configuration space (2.5) ---- */

/*
 * Reads `count` fields of `width` (1, 2 or 4) bytes each from `offset` on into `to`, all of one
 * generation: the read is repeated when the configuration changes meanwhile. 64-bit fields are read
 * as two of 32 bits. Errors: RANGE (outside the device's configuration), INVALID (width,
 * alignment), BUSY (it changed at every try).
 */
int bg_virtio_config_read(struct bg_virtio_device *device, uint32_t offset, unsigned width,
                          void *to, size_t count);

/* One field. Errors as above. */
int bg_virtio_config_read8(struct bg_virtio_device *device, uint32_t offset, uint8_t *value);
int bg_virtio_config_read16(struct bg_virtio_device *device, uint32_t offset, uint16_t *value);
int bg_virtio_config_read32(struct bg_virtio_device *device, uint32_t offset, uint32_t *value);
int bg_virtio_config_read64(struct bg_virtio_device *device, uint32_t offset, uint64_t *value);

/* Writes one field of 1, 2 or 4 bytes. Errors: RANGE, INVALID. */
int bg_virtio_config_write(struct bg_virtio_device *device, uint32_t offset, unsigned width,
                           uint32_t value);

/* ---- More ---- */

/* The region with this id (its meaning is the device type's). Errors: NOT_FOUND, PROTOCOL, INVALID
 * (the device is closed). */
int bg_virtio_find_shared_memory(struct bg_virtio_device *device, uint8_t id,
                                 struct bg_virtio_shared_memory *region);

/*
 * What the device's interrupt line was raised for: VIRTIO_ISR_* bits, which are acknowledged; 0:
 * another device's, or the device is closed. Not used with MSI-X. Callable from an interrupt
 * handler; for a device on PCI without a BAR only on the CPU that makes the other calls.
 */
uint32_t bg_virtio_take_interrupt(struct bg_virtio_device *device);

BG_END_DECLS

#endif
