/* SPDX-License-Identifier: BSD-2-Clause */
#include "baregpu/pci_hotplug.h"

#include "firmware/pci/internal.h"

/* From the link's being up, or from the power's, to the first configuration request (6.6.1), and
 * until which a device may take to answer it with its identity. */
#define SETTLE_NS 100000000u
#define EVENTS (SLOT_STATUS_BUTTON | SLOT_STATUS_PRESENCE_CHANGED)
#define STATUS_LOST 0xFFFFu
#define ID_NOT_READY 0x0001u /* the answer of a port whose device asks to retry (2.3.2) */

static uint16_t read_register(const struct bg_pci_slot *slot, unsigned reg)
{
    return bg_pci_config_read16(slot->host, slot->port->bdf, slot->capability + reg);
}

static void write_register(const struct bg_pci_slot *slot, unsigned reg, uint16_t value)
{
    bg_pci_config_write16(slot->host, slot->port->bdf, slot->capability + reg, value);
}

static void pause_ns(uint64_t duration_ns)
{
    uint64_t until_ns = bg_hal_time_ns() + duration_ns;

    while (bg_hal_time_ns() < until_ns) {
        bg_hal_wait(until_ns);
    }
}

/* ---- Finding ---- */

/* The offset of its PCI Express capability; 0: it has no hot-plug slot. */
static unsigned slot_capability(const struct bg_pci_host *host, const struct bg_pci_device *port)
{
    int offset = pci_is_bridge(port) && !port->is_removed
                     ? bg_pci_capability_find(host, port, BG_PCI_CAP_EXPRESS, 0)
                     : BG_ERR_NOT_FOUND;

    if (offset < 0) {
        return 0;
    }
    unsigned base = (unsigned)offset;
    uint16_t capabilities = bg_pci_config_read16(host, port->bdf, base + EXPRESS_REG_CAPABILITIES);
    unsigned type = EXPRESS_TYPE(capabilities);

    if ((type != EXPRESS_TYPE_ROOT_PORT && type != EXPRESS_TYPE_DOWNSTREAM) ||
        !(capabilities & EXPRESS_SLOT_IMPLEMENTED) || base > 0x100 - 0x3C ||
        !(bg_pci_config_read32(host, port->bdf, base + EXPRESS_REG_SLOT_CAPABILITIES) &
          SLOT_CAP_HOT_PLUG)) {
        return 0;
    }
    return base;
}

struct bg_pci_device *bg_pci_slot_find(const struct bg_pci_host *host,
                                       const struct bg_pci_device *after)
{
    struct bg_pci_device *device = pci_next_device(host, after);

    while (device != NULL && slot_capability(host, device) == 0) {
        device = pci_next_device(host, device);
    }
    return device;
}

/* ---- Commands (6.7.3.2) ---- */

/* Writes Slot Control and waits until that is carried out. */
static int command(const struct bg_pci_slot *slot, uint16_t clear, uint16_t set,
                   uint64_t deadline_ns)
{
    uint16_t control = read_register(slot, EXPRESS_REG_SLOT_CONTROL);

    if (read_register(slot, EXPRESS_REG_SLOT_STATUS) & SLOT_STATUS_COMMAND_COMPLETED) {
        write_register(slot, EXPRESS_REG_SLOT_STATUS, SLOT_STATUS_COMMAND_COMPLETED);
    }
    write_register(slot, EXPRESS_REG_SLOT_CONTROL, (uint16_t)((control & ~clear) | set));
    if (slot->capabilities & SLOT_CAP_NO_COMMAND_COMPLETED) {
        return 0;
    }
    for (;;) {
        uint16_t status = read_register(slot, EXPRESS_REG_SLOT_STATUS);

        if (status == STATUS_LOST) {
            return BG_ERR_UNAVAILABLE;
        }
        if (status & SLOT_STATUS_COMMAND_COMPLETED) {
            write_register(slot, EXPRESS_REG_SLOT_STATUS, SLOT_STATUS_COMMAND_COMPLETED);
            return 0;
        }
        if (bg_hal_time_ns() >= deadline_ns) {
            return BG_ERR_TIMEOUT;
        }
        bg_hal_wait(deadline_ns);
    }
}

static int set_power(const struct bg_pci_slot *slot, bool is_on, uint64_t deadline_ns)
{
    uint16_t indicator = is_on ? SLOT_CTL_POWER_INDICATOR_ON : SLOT_CTL_POWER_INDICATOR_OFF;
    uint16_t off = 0;

    if (slot->capabilities & SLOT_CAP_POWER_CONTROLLER) {
        off = is_on ? 0 : SLOT_CTL_POWER_OFF;
    }
    return command(slot, SLOT_CTL_POWER_OFF | SLOT_CTL_POWER_INDICATOR, off | indicator,
                   deadline_ns);
}

/* ---- Events ---- */

int bg_pci_slot_open(struct bg_pci_slot *slot, struct bg_pci_host *host, struct bg_pci_device *port)
{
    unsigned base = slot_capability(host, port);

    if (base == 0) {
        return BG_ERR_NOT_FOUND;
    }
    if (host->is_adopted) {
        return BG_ERR_UNSUPPORTED; /* addresses are the kernel's to give */
    }
    *slot = (struct bg_pci_slot){.host = host, .port = port, .capability = (uint16_t)base};
    slot->capabilities =
        bg_pci_config_read32(host, port->bdf, base + EXPRESS_REG_SLOT_CAPABILITIES);
    slot->number = (uint16_t)SLOT_CAP_NUMBER(slot->capabilities);
    slot->has_link_state =
        (bg_pci_config_read32(host, port->bdf, base + EXPRESS_REG_LINK_CAPABILITIES) &
         LINK_CAP_ACTIVE_REPORTING) != 0;
    return 0;
}

int bg_pci_slot_poll(struct bg_pci_slot *slot)
{
    uint16_t status = read_register(slot, EXPRESS_REG_SLOT_STATUS);

    if (status == STATUS_LOST) {
        return BG_ERR_UNAVAILABLE;
    }
    /* Only what was seen is cleared: what comes meanwhile is for the next call. */
    if (status & EVENTS) {
        write_register(slot, EXPRESS_REG_SLOT_STATUS, status & EVENTS);
    }
    return ((status & SLOT_STATUS_PRESENCE_CHANGED) ? BG_PCI_SLOT_CHANGED : 0) |
           ((status & SLOT_STATUS_BUTTON) ? BG_PCI_SLOT_BUTTON : 0);
}

bool bg_pci_slot_is_occupied(const struct bg_pci_slot *slot)
{
    uint16_t status = read_register(slot, EXPRESS_REG_SLOT_STATUS);

    return status != STATUS_LOST && (status & SLOT_STATUS_OCCUPIED) != 0;
}

void bg_pci_slot_set_interrupt(struct bg_pci_slot *slot, bool is_on)
{
    const uint16_t bits =
        SLOT_CTL_BUTTON_ENABLE | SLOT_CTL_PRESENCE_ENABLE | SLOT_CTL_INTERRUPT_ENABLE;
    uint16_t control = read_register(slot, EXPRESS_REG_SLOT_CONTROL);

    write_register(slot, EXPRESS_REG_SLOT_CONTROL,
                   (uint16_t)((control & ~bits) | (is_on ? bits : 0)));
}

bool bg_pci_slot_has_events(const struct bg_pci_slot *slot)
{
    uint16_t status = read_register(slot, EXPRESS_REG_SLOT_STATUS);

    return status != STATUS_LOST && (status & EVENTS) != 0;
}

/* ---- In ---- */

/* Until what is behind can be asked for its identity (6.6.1). */
static int wait_ready(const struct bg_pci_slot *slot, uint64_t deadline_ns)
{
    uint16_t bdf = BG_PCI_BDF(slot->port->secondary_bus, 0, 0), id;

    while (slot->has_link_state &&
           !(read_register(slot, EXPRESS_REG_LINK_STATUS) & LINK_STATUS_ACTIVE)) {
        if (bg_hal_time_ns() >= deadline_ns) {
            return BG_ERR_TIMEOUT;
        }
        bg_hal_wait(deadline_ns);
    }
    pause_ns(SETTLE_NS);
    while ((id = bg_pci_config_read16(slot->host, bdf, BG_PCI_REG_VENDOR_ID)) == 0xFFFFu ||
           id == 0 || id == ID_NOT_READY) {
        if (bg_hal_time_ns() >= deadline_ns) {
            return BG_ERR_TIMEOUT;
        }
        bg_hal_wait(deadline_ns);
    }
    return 0;
}

static size_t port_index(const struct bg_pci_slot *slot)
{
    return (size_t)(slot->port - slot->host->config.devices);
}

/* Functions that are listed behind the port. */
static int count_functions(const struct bg_pci_slot *slot)
{
    const struct bg_pci_host *host = slot->host;
    int count = 0;

    for (size_t i = 0; i < host->device_count; i++) {
        const struct bg_pci_device *device = &host->config.devices[i];

        count += !device->is_removed && device->parent == (int)port_index(slot);
    }
    return count;
}

int bg_pci_slot_plug(struct bg_pci_slot *slot, uint64_t deadline_ns)
{
    int error;

    if (!bg_pci_slot_is_occupied(slot) || slot->port->secondary_bus == 0) {
        return BG_ERR_NOT_FOUND;
    }
    if (count_functions(slot) != 0) {
        return BG_ERR_BUSY;
    }
    error = set_power(slot, true, deadline_ns) ?: wait_ready(slot, deadline_ns);
    if (error < 0) {
        set_power(slot, false, bg_hal_time_ns() + SETTLE_NS);
        return error;
    }
    pci_scan_behind(slot->host, port_index(slot));
    pci_assign_behind(slot->host, port_index(slot));
    return count_functions(slot);
}

/* ---- Out ---- */

/* Backwards: what is behind goes before its bridge. */
static void forget_functions(struct bg_pci_host *host, size_t bridge)
{
    for (size_t i = host->device_count; i-- > bridge + 1;) {
        struct bg_pci_device *device = &host->config.devices[i];

        if (!device->is_removed && pci_is_behind(host, device, bridge)) {
            *device = (struct bg_pci_device){.parent = BG_PCI_NO_PARENT,
                                             .vendor_id = 0xFFFFu,
                                             .device_id = 0xFFFFu,
                                             .is_removed = true};
        }
    }
    while (host->device_count > 0 && host->config.devices[host->device_count - 1].is_removed) {
        host->device_count--;
    }
}

int bg_pci_slot_unplug(struct bg_pci_slot *slot, uint64_t deadline_ns)
{
    for (unsigned function = 0; function < 8 && slot->port->secondary_bus != 0; function++) {
        uint16_t bdf = BG_PCI_BDF(slot->port->secondary_bus, 0, function);

        if (bg_pci_config_read16(slot->host, bdf, BG_PCI_REG_VENDOR_ID) != 0xFFFFu) {
            bg_pci_config_write16(slot->host, bdf, BG_PCI_REG_COMMAND, 0); /* it stops */
        }
    }
    forget_functions(slot->host, port_index(slot));
    pci_close_bridge(slot->host, port_index(slot));
    return set_power(slot, false, deadline_ns);
}
