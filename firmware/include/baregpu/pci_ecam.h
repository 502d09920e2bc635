/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI over ECAM: configuration access, enumeration, bridges, BAR assignment, capabilities.
 *
 * The caller owns all storage: one struct bg_pci_host and an array of struct bg_pci_device. Nothing
 * is allocated, nothing is global. Calls on one host are not reentrant; none may be made from an
 * interrupt handler. bg_pci_host_enumerate and _adopt return BUSY when another one is under way.
 *
 * Section numbers name the PCI Local Bus Specification 3.0 (PCI), the PCI-to-PCI Bridge
 * Architecture Specification 1.2 (Bridge) and the PCI Express Base Specification 5.0 (PCIe).
 */
#ifndef BAREGPU_PCI_ECAM_H
#define BAREGPU_PCI_ECAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baregpu/error.h"
#include "baregpu/hal.h"
#include "protocol/decls.h"

BG_BEGIN_DECLS

/* ---- Addresses ---- */

/* Bus, device and function in one number, as PCIe's routing id: 8, 5 and 3 bits. */
#define BG_PCI_BDF(bus, device, function) ((uint16_t)((bus) << 8 | (device) << 3 | (function)))
#define BG_PCI_BUS(bdf) ((unsigned)(bdf) >> 8)
#define BG_PCI_SLOT(bdf) ((unsigned)(bdf) >> 3 & 0x1fu)
#define BG_PCI_FUNCTION(bdf) ((unsigned)(bdf) & 7u)

/* ---- Configuration registers that callers use ---- */

#define BG_PCI_REG_VENDOR_ID 0x00u
#define BG_PCI_REG_DEVICE_ID 0x02u
#define BG_PCI_REG_COMMAND 0x04u
#define BG_PCI_REG_STATUS 0x06u
#define BG_PCI_REG_SUBSYSTEM_VENDOR_ID 0x2Cu
#define BG_PCI_REG_SUBSYSTEM_ID 0x2Eu

#define BG_PCI_COMMAND_IO 0x0001u
#define BG_PCI_COMMAND_MEMORY 0x0002u
#define BG_PCI_COMMAND_BUS_MASTER 0x0004u
#define BG_PCI_COMMAND_INTX_DISABLE 0x0400u

#define BG_PCI_CAP_POWER 0x01u
#define BG_PCI_CAP_MSI 0x05u
#define BG_PCI_CAP_VENDOR 0x09u
#define BG_PCI_CAP_EXPRESS 0x10u
#define BG_PCI_CAP_MSIX 0x11u

/* ---- Machine description ---- */

/* The one seam between this library and the machine's configuration space. `offset` lies inside
 * ecam_size and is aligned to `width`, which is 1, 2 or 4 bytes. */
struct bg_pci_config_ops {
    uint32_t (*read)(void *ecam, uint64_t offset, unsigned width);
    void (*write)(void *ecam, uint64_t offset, unsigned width, uint32_t value);
};

/* Plain loads and stores: `ecam` is what bg_hal_map returned for the ECAM range. */
extern const struct bg_pci_config_ops bg_pci_config_mmio;

enum bg_pci_window_kind {
    BG_PCI_WINDOW_IO,    /* I/O; addresses above 64 KiB are not used */
    BG_PCI_WINDOW_MEM32, /* memory below 4 GiB on the bus, non-prefetchable */
    BG_PCI_WINDOW_MEM64, /* memory for 64-bit BARs; below a bridge, its prefetchable window */
    BG_PCI_WINDOW_COUNT,
};

struct bg_pci_window {
    uint64_t cpu_base; /* where the CPU sees it */
    uint64_t bus_base; /* what a BAR holds */
    uint64_t size;     /* bytes; 0: the machine has no such window */
};

enum bg_pci_problem_kind {
    BG_PCI_PROBLEM_TABLE_FULL,  /* more functions than config.device_capacity */
    BG_PCI_PROBLEM_NO_BUS,      /* no bus number left for this bridge; what is behind it is lost */
    BG_PCI_PROBLEM_NO_ROOT,     /* a host bridge's own root bus is empty, or not among ours */
    BG_PCI_PROBLEM_TOO_DEEP,    /* more than BG_PCI_BRIDGE_DEPTH_MAX bridges in a row */
    BG_PCI_PROBLEM_BAD_BAR,     /* a BAR of a reserved type, or a 64-bit one in the last register */
    BG_PCI_PROBLEM_WINDOW_FULL, /* the BAR does not fit into what is left of the window */
    BG_PCI_PROBLEM_NO_WINDOW,   /* neither the machine nor the bridges above have such a window */
    BG_PCI_PROBLEM_NOT_ASSIGNED, /* an adopted BAR's address lies in no window of the machine */
    BG_PCI_PROBLEM_NO_ECAM,      /* config.ecam is NULL */
};

struct bg_pci_problem {
    enum bg_pci_problem_kind kind;
    uint16_t bdf;
    unsigned bar;                   /* for the kinds that name one */
    uint64_t size;                  /* of that BAR */
    enum bg_pci_window_kind window; /* where it should have gone */
    uint64_t address;               /* of an adopted BAR, as it is */
};

struct bg_pci_device;
struct bg_pci_intx;

struct bg_pci_host_config {
    void *ecam; /* first argument of the ops: the start of bus_first's space */
    uint64_t ecam_size;
    const struct bg_pci_config_ops *ops; /* NULL: &bg_pci_config_mmio */
    uint8_t bus_first, bus_last;         /* buses outside are never accessed */
    struct bg_pci_window windows[BG_PCI_WINDOW_COUNT];
    struct bg_pci_device *devices; /* storage for what is found */
    size_t device_capacity;
    struct bg_pci_intx *intx;     /* where INTx arrives (baregpu/pci_interrupt.h); NULL: not used */
    const struct bg_hal_dma *dma; /* of the devices here (baregpu/hal.h); may be NULL */
    /* Called by bg_pci_host_init, _enumerate and _adopt for each thing that could not be done; may
     * be NULL. `text` is a sentence for a person, valid during the call. */
    void (*report)(void *context, const struct bg_pci_problem *problem, const char *text);
    void *report_context;
};

/* ---- What is found ---- */

#define BG_PCI_BAR_COUNT 6
#define BG_PCI_NO_PARENT (-1)

/* Bridges in a row below the root bus. Enumeration recurses once per level (at most 256 bytes
 * of stack each); real machines have fewer than ten. */
#define BG_PCI_BRIDGE_DEPTH_MAX 16

enum bg_pci_resource_state {
    BG_PCI_RESOURCE_ABSENT,   /* not implemented by the device */
    BG_PCI_RESOURCE_PENDING,  /* during enumeration only */
    BG_PCI_RESOURCE_ASSIGNED, /* address is valid */
    BG_PCI_RESOURCE_FAILED,   /* did not fit: reported, and parked where nothing is forwarded */
};

/* A BAR, or what a bridge forwards. */
struct bg_pci_resource {
    uint64_t address; /* on the bus */
    uint64_t size;    /* bytes */
    uint64_t align;
    uint8_t state;  /* enum bg_pci_resource_state */
    uint8_t window; /* enum bg_pci_window_kind it was placed in */
    bool is_io, is_64bit, is_prefetchable;
};

enum bg_pci_header_kind {
    BG_PCI_HEADER_DEVICE = 0,
    BG_PCI_HEADER_BRIDGE = 1,
    BG_PCI_HEADER_CARDBUS = 2, /* listed, not configured */
};

struct bg_pci_device {
    uint16_t bdf;
    int16_t parent; /* index of the bridge above in host->devices; on a root: BG_PCI_NO_PARENT */
    uint16_t vendor_id, device_id;
    uint16_t subsystem_vendor_id, subsystem_id; /* 0 for bridges */
    uint32_t class_code;                        /* class, subclass, interface: 0xCCSSII */
    uint8_t revision;
    uint8_t header_kind;   /* enum bg_pci_header_kind */
    uint8_t depth;         /* bridges above */
    uint8_t interrupt_pin; /* 0: none, 1 to 4: INTA to INTD */
    bool is_removed;       /* pulled out (baregpu/pci_hotplug.h): the rest means nothing */
    struct bg_pci_resource bars[BG_PCI_BAR_COUNT];
    uint64_t rom_size; /* expansion ROM: sized, left off; 0: none */
    /* Bridges only. */
    uint8_t secondary_bus, subordinate_bus; /* 0: nothing is forwarded */
    bool has_io_window, has_mem64_window;
    struct bg_pci_resource forwarded[BG_PCI_WINDOW_COUNT];
};

struct bg_pci_host {
    struct bg_pci_host_config config;
    /* Valid entries of config.devices: a bridge, then all behind it, but for what was plugged in
     * later, which is somewhere after its bridge. */
    size_t device_count;
    unsigned next_bus, bus_limit;
    unsigned problem_count; /* of the last bg_pci_host_enumerate, or of all bg_pci_host_adopt */
    bool is_adopted;        /* the functions are there by bg_pci_host_adopt */
    uint32_t owner;         /* the call under way */
};

/* ---- Setup ---- */

/*
 * Checks `config` (windows inside their address ranges and not wrapping, ECAM large enough for at
 * least one bus, storage given) and copies it. Buses beyond ecam_size are cut off. Touches no
 * hardware. Returns 0 or BG_ERR_INVALID; an `ecam` of NULL is reported besides.
 */
int bg_pci_host_init(struct bg_pci_host *host, const struct bg_pci_host_config *config);

/*
 * Finds every function, gives bridges their bus numbers and windows and every BAR its address. Host
 * bridges on the first bus lead to root buses of their own, at numbers that they have already:
 * those are looked for, and share the windows. Starts from nothing: earlier assignments are lost,
 * all decoding and bus mastering is turned off (bridges are turned on again at the end; for devices
 * see bg_pci_device_enable). Expansion ROMs stay off. Returns 0, or BG_ERR_NO_SPACE when something
 * was left out: each such thing was reported and counted in problem_count, and the rest works.
 */
int bg_pci_host_enumerate(struct bg_pci_host *host);

/*
 * Instead of bg_pci_host_enumerate, in a kernel with PCI code of its own: hands over one function
 * that this code has set up, and which no driver uses. It is listed as it is, and so are the
 * bridges above it, for what they do to its interrupts; then drivers open it as any other. Nothing
 * is assigned and no other function is written to; the function itself does not decode for the
 * moment in which its BARs are sized. Needs config.windows only to translate addresses: where the
 * bus has the CPU's, {0, 0, UINT64_MAX} as BG_PCI_WINDOW_MEM64 will do.
 *
 * A BAR without an address is reported, and whoever needs it finds NO_SPACE. *device, if `device`
 * is not NULL, is its entry; for one that is listed already, too. Errors: NOT_FOUND (nobody
 * answers), RANGE (not one of this host's buses), NO_SPACE (no room in the table, too many bridges
 * in a row: reported), INVALID (the host has been enumerated).
 */
int bg_pci_host_adopt(struct bg_pci_host *host, uint16_t bdf, struct bg_pci_device **device);

/* ---- Configuration access ---- */

/*
 * The only place where a bus, device, function and register become an ECAM offset (PCIe 7.2.2).
 * Returns the offset, or BG_ERR_INVALID (width not 1, 2 or 4, not aligned to it, register
 * beyond 4096) or BG_ERR_RANGE (bus outside this host's).
 */
int64_t bg_pci_config_offset(const struct bg_pci_host *host, uint16_t bdf, unsigned reg,
                             unsigned width);

/* A read that bg_pci_config_offset refuses returns all ones, as one that no device answers. */
uint32_t bg_pci_config_read(const struct bg_pci_host *host, uint16_t bdf, unsigned reg,
                            unsigned width);
uint8_t bg_pci_config_read8(const struct bg_pci_host *host, uint16_t bdf, unsigned reg);
uint16_t bg_pci_config_read16(const struct bg_pci_host *host, uint16_t bdf, unsigned reg);
uint32_t bg_pci_config_read32(const struct bg_pci_host *host, uint16_t bdf, unsigned reg);

/* Return 0 or what bg_pci_config_offset refused with; then nothing was written. */
int bg_pci_config_write(const struct bg_pci_host *host, uint16_t bdf, unsigned reg, unsigned width,
                        uint32_t value);
int bg_pci_config_write8(const struct bg_pci_host *host, uint16_t bdf, unsigned reg, uint8_t value);
int bg_pci_config_write16(const struct bg_pci_host *host, uint16_t bdf, unsigned reg,
                          uint16_t value);
int bg_pci_config_write32(const struct bg_pci_host *host, uint16_t bdf, unsigned reg,
                          uint32_t value);

/* ---- Lookup: the first match after `after`, from the start when NULL; NULL when none ---- */

struct bg_pci_device *bg_pci_find_id(const struct bg_pci_host *host, uint16_t vendor_id,
                                     uint16_t device_id, const struct bg_pci_device *after);

/* Matches where (class_code & mask) == class_code_wanted. */
struct bg_pci_device *bg_pci_find_class(const struct bg_pci_host *host, uint32_t class_code_wanted,
                                        uint32_t mask, const struct bg_pci_device *after);

struct bg_pci_device *bg_pci_find_capability(const struct bg_pci_host *host, uint8_t capability_id,
                                             const struct bg_pci_device *after);

struct bg_pci_device *bg_pci_find_extended_capability(const struct bg_pci_host *host,
                                                      uint16_t capability_id,
                                                      const struct bg_pci_device *after);

/* ---- Using a device ---- */

/*
 * Sets PCI_COMMAND_* bits. Memory or I/O decoding that is not on yet is refused with
 * BG_ERR_NO_SPACE while a BAR of that kind has no address: it would claim addresses of others.
 */
int bg_pci_device_enable(const struct bg_pci_host *host, const struct bg_pci_device *device,
                         uint16_t bits);
int bg_pci_device_disable(const struct bg_pci_host *host, const struct bg_pci_device *device,
                          uint16_t bits);

/* The CPU's address of an assigned memory or I/O BAR in *address. BG_ERR_NOT_FOUND when the
 * device has no such BAR, BG_ERR_NO_SPACE when it got no address. */
int bg_pci_bar_cpu_address(const struct bg_pci_host *host, const struct bg_pci_device *device,
                           unsigned bar, uint64_t *address);

/* Maps the whole BAR through bg_hal_map into *registers. Errors as above, and BG_ERR_NO_MEMORY
 * when the HAL cannot map it. */
int bg_pci_bar_map(const struct bg_pci_host *host, const struct bg_pci_device *device, unsigned bar,
                   enum bg_hal_memory_type type, void **registers);

/*
 * Follows a device's INTx pin through the bridges above it (Bridge 9.1). Returns the pin (1 to 4)
 * at the root bus and the slot it comes out at in *root_slot; 0 when the device has no pin.
 */
unsigned bg_pci_intx_route(const struct bg_pci_host *host, const struct bg_pci_device *device,
                           unsigned *root_slot);

/* ---- Capabilities ---- */

struct bg_pci_capability {
    uint16_t offset; /* of its header in configuration space */
    uint16_t id;
    uint8_t version; /* extended capabilities; else 0 */
    bool is_extended;
};

/* A walk in progress. The lists come from the device and are not trusted: a pointer is masked to
 * dwords, has to lie where capabilities may lie, and is followed once. */
struct bg_pci_capability_walk {
    const struct bg_pci_host *host;
    uint16_t bdf;
    uint16_t next;
    bool is_extended;
    uint32_t visited[4096 / 4 / 32]; /* one bit per dword */
};

/* The list at 0x34 (PCI 6.7); the walk is empty for a device without one. */
void bg_pci_capability_begin(struct bg_pci_capability_walk *walk, const struct bg_pci_host *host,
                             const struct bg_pci_device *device);

/* The list at 0x100 (PCIe 7.6.3); the walk is empty for devices that are not PCI Express. */
void bg_pci_extended_capability_begin(struct bg_pci_capability_walk *walk,
                                      const struct bg_pci_host *host,
                                      const struct bg_pci_device *device);

/* Returns 1 and the next capability, 0 at the end, or BG_ERR_PROTOCOL when the list leads
 * nowhere (a loop, a pointer outside, a vanished device); the walk is at its end then. */
int bg_pci_capability_next(struct bg_pci_capability_walk *walk,
                           struct bg_pci_capability *capability);

/* The offset of the first capability with this id behind offset `after` in list order (0: from
 * the start), or BG_ERR_NOT_FOUND, also when the list is bad before one is found. */
int bg_pci_capability_find(const struct bg_pci_host *host, const struct bg_pci_device *device,
                           uint8_t capability_id, unsigned after);
int bg_pci_extended_capability_find(const struct bg_pci_host *host,
                                    const struct bg_pci_device *device, uint16_t capability_id,
                                    unsigned after);

/* ---- Text ---- */

/* Gets text in pieces, newlines included; a piece ends anywhere. */
typedef void bg_pci_print(void *context, const char *text);

/* One line per device, indented below its bridge. */
void bg_pci_list_tree(const struct bg_pci_host *host, bg_pci_print *print, void *context);

/* One paragraph per device: identity, command register, buses, windows, BARs, capabilities. */
void bg_pci_list_verbose(const struct bg_pci_host *host, bg_pci_print *print, void *context);

/* "Processing accelerator"; never NULL. */
const char *bg_pci_class_name(uint32_t class_code);

BG_END_DECLS

#endif
