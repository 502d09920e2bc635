/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the PCI library share: registers and the steps of enumeration. */
#ifndef FIRMWARE_PCI_INTERNAL_H
#define FIRMWARE_PCI_INTERNAL_H

#include "baregpu/pci_ecam.h"
#include "baregpu/pci_interrupt.h"
#include "firmware/common/local_data.h"

/* Both header types (PCI 6.1) */
#define REG_REVISION 0x08u
#define CLASS_HOST_BRIDGE 0x0600u /* without its interface */
#define REG_HEADER_TYPE 0x0Eu
#define HEADER_TYPE_MASK 0x7Fu
#define HEADER_MULTI_FUNCTION 0x80u
#define REG_BAR(bar) (0x10u + 4u * (bar))
#define REG_CAPABILITIES 0x34u
#define REG_INTERRUPT_PIN 0x3Du
#define STATUS_HAS_CAPABILITIES 0x0010u

/* Type 0 */
#define REG_ROM_DEVICE 0x30u

/* Type 1 (Bridge 3.2) */
#define REG_PRIMARY_BUS 0x18u
#define REG_SECONDARY_BUS 0x19u
#define REG_SUBORDINATE_BUS 0x1Au
#define REG_IO_BASE 0x1Cu
#define REG_IO_LIMIT 0x1Du
#define REG_MEMORY_BASE 0x20u
#define REG_MEMORY_LIMIT 0x22u
#define REG_PREFETCH_BASE 0x24u
#define REG_PREFETCH_LIMIT 0x26u
#define REG_PREFETCH_BASE_UPPER 0x28u
#define REG_PREFETCH_LIMIT_UPPER 0x2Cu
#define REG_IO_BASE_UPPER 0x30u
#define REG_IO_LIMIT_UPPER 0x32u
#define REG_ROM_BRIDGE 0x38u
#define PREFETCH_TYPE_MASK 0x0Fu
#define PREFETCH_TYPE_64 0x01u

#define BRIDGE_BAR_COUNT 2u

/* BARs (PCI 6.2.5.1) */
#define BAR_IO 0x1u
#define BAR_IO_FLAGS 0x3u
#define BAR_MEMORY_FLAGS 0xFu
#define BAR_TYPE_MASK 0x6u
#define BAR_TYPE_32 0x0u
#define BAR_TYPE_64 0x4u
#define BAR_PREFETCHABLE 0x8u
#define ROM_ENABLE 0x1u
#define ROM_ADDRESS_MASK 0xFFFFF800u

/* PCI Express capability (PCIe 7.5.3.2) */
#define EXPRESS_REG_CAPABILITIES 0x02u
#define EXPRESS_TYPE(capabilities) ((unsigned)(capabilities) >> 4 & 0xFu)
#define EXPRESS_TYPE_ROOT_PORT 0x4u
#define EXPRESS_TYPE_DOWNSTREAM 0x6u
#define EXPRESS_SLOT_IMPLEMENTED 0x0100u
#define EXPRESS_REG_LINK_CAPABILITIES 0x0Cu
#define LINK_CAP_ACTIVE_REPORTING 0x00100000u
#define EXPRESS_REG_LINK_STATUS 0x12u
#define LINK_STATUS_ACTIVE 0x2000u

/* Its slot (PCIe 7.5.3.9 to 7.5.3.11) */
#define EXPRESS_REG_SLOT_CAPABILITIES 0x14u
#define SLOT_CAP_POWER_CONTROLLER 0x00000002u
#define SLOT_CAP_HOT_PLUG 0x00000040u
#define SLOT_CAP_NO_COMMAND_COMPLETED 0x00040000u
#define SLOT_CAP_NUMBER(capabilities) ((capabilities) >> 19)
#define EXPRESS_REG_SLOT_CONTROL 0x18u
#define SLOT_CTL_BUTTON_ENABLE 0x0001u
#define SLOT_CTL_PRESENCE_ENABLE 0x0008u
#define SLOT_CTL_INTERRUPT_ENABLE 0x0020u
#define SLOT_CTL_POWER_INDICATOR 0x0300u
#define SLOT_CTL_POWER_INDICATOR_ON 0x0100u
#define SLOT_CTL_POWER_INDICATOR_OFF 0x0300u
#define SLOT_CTL_POWER_OFF 0x0400u
#define EXPRESS_REG_SLOT_STATUS 0x1Au
#define SLOT_STATUS_BUTTON 0x0001u
#define SLOT_STATUS_PRESENCE_CHANGED 0x0008u
#define SLOT_STATUS_COMMAND_COMPLETED 0x0010u
#define SLOT_STATUS_OCCUPIED 0x0040u

#define PCI_CONFIG_SPACE_SIZE 4096u
#define PCI_BUS_SPACE_SIZE 0x100000u

static inline bool pci_is_bridge(const struct bg_pci_device *device)
{
    return device->header_kind == BG_PCI_HEADER_BRIDGE;
}

static inline unsigned pci_bar_limit(const struct bg_pci_device *device)
{
    return device->header_kind == BG_PCI_HEADER_DEVICE ? BG_PCI_BAR_COUNT
           : pci_is_bridge(device)                     ? BRIDGE_BAR_COUNT
                                                       : 0u;
}

/* A device behind this one, at any depth, is reached through it. */
static inline bool pci_is_behind(const struct bg_pci_host *host, const struct bg_pci_device *device,
                                 size_t bridge)
{
    int parent = device->parent;

    while (parent >= 0 && (size_t)parent != bridge) {
        parent = host->config.devices[parent].parent;
    }
    return parent >= 0;
}

/* device.c: the next one of the list that is there; NULL: the first, or none. */
struct bg_pci_device *pci_next_device(const struct bg_pci_host *host,
                                      const struct bg_pci_device *after);

/* assign.c: does the machine have such a window, and does every bridge above forward it? */
bool pci_window_reaches(const struct bg_pci_host *host, const struct bg_pci_device *device,
                        enum bg_pci_window_kind window);

/* enumerate.c: lists what is behind a bridge that has a bus and nothing behind it yet, without
 * addresses. */
void pci_scan_behind(struct bg_pci_host *host, size_t bridge);

/* enumerate.c: a function as it is found. */
bool pci_function_is_present(const struct bg_pci_host *host, uint16_t bdf);
struct bg_pci_device *pci_add_device(struct bg_pci_host *host, uint16_t bdf, int parent);
void pci_read_identity(const struct bg_pci_host *host, struct bg_pci_device *device);

/* bar.c: the kind and size of every BAR of a device whose decoding is off; those that are there
 * are pending. */
void pci_probe_bars(struct bg_pci_host *host, struct bg_pci_device *device);

/* The same, and sizes the ROM and chooses windows. Needs device->parent's windows known. */
void pci_size_bars(struct bg_pci_host *host, struct bg_pci_device *device);

/* Writes a BAR: its address, or where nothing is forwarded when it has none. */
void pci_write_bar(const struct bg_pci_host *host, const struct bg_pci_device *device,
                   unsigned bar);

/* assign.c: gives every pending resource an address and programs bridges and BARs. */
void pci_assign_resources(struct bg_pci_host *host);

/* The same for what is behind one bridge, in what is left of the windows above; everything else
 * keeps its addresses. */
void pci_assign_behind(struct bg_pci_host *host, size_t bridge);

/* The bridge forwards no addresses any more, and its windows are free. */
void pci_close_bridge(struct bg_pci_host *host, size_t bridge);

/* list.c: counts a problem, and has the host's report told of it. */
void pci_report(struct bg_pci_host *host, const struct bg_pci_problem *problem);

/* The same for one that has no more to it than which function it is. */
void pci_report_function(struct bg_pci_host *host, enum bg_pci_problem_kind kind, uint16_t bdf);

/* ---- Interrupts ---- */

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

extern const struct pci_message_ops pci_msix_ops LOCAL_DATA; /* msix.c */
extern const struct pci_message_ops pci_msi_ops LOCAL_DATA;  /* msi.c */

#endif
