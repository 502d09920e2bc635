/* SPDX-License-Identifier: BSD-2-Clause */
/* Capability lists. Every pointer comes from the device: masked, range-checked, followed once. */
#include "firmware/pci/internal.h"

#define STANDARD_FIRST 0x40u /* behind the predefined header (PCI 6.7) */
#define STANDARD_END 0x100u
#define EXTENDED_FIRST 0x100u
#define POINTER_MASK 0xFFCu /* the low bits are reserved and to be masked (PCI 6.7) */

static void begin(struct bg_pci_capability_walk *walk, const struct bg_pci_host *host, uint16_t bdf)
{
    *walk = (struct bg_pci_capability_walk){.host = host, .bdf = bdf};
}

void bg_pci_capability_begin(struct bg_pci_capability_walk *walk, const struct bg_pci_host *host,
                             const struct bg_pci_device *device)
{
    begin(walk, host, device->bdf);
    uint16_t status = bg_pci_config_read16(host, device->bdf, BG_PCI_REG_STATUS);

    if (status != UINT16_MAX && (status & STATUS_HAS_CAPABILITIES) &&
        device->header_kind != BG_PCI_HEADER_CARDBUS) {
        walk->next = bg_pci_config_read8(host, device->bdf, REG_CAPABILITIES) & POINTER_MASK;
    }
}

void bg_pci_extended_capability_begin(struct bg_pci_capability_walk *walk,
                                      const struct bg_pci_host *host,
                                      const struct bg_pci_device *device)
{
    begin(walk, host, device->bdf);
    walk->is_extended = true;
    /* Without PCI Express there is no configuration space beyond 256 bytes; what reads come from
     * there is not ours to interpret. An empty list starts with an empty header (PCIe 7.6.3). */
    if (bg_pci_capability_find(host, device, BG_PCI_CAP_EXPRESS, 0) > 0) {
        uint32_t header = bg_pci_config_read32(host, device->bdf, EXTENDED_FIRST);

        walk->next = header == 0 || header == UINT32_MAX ? 0 : EXTENDED_FIRST;
    }
}

/* May the walk go to this offset? Marks it as visited. */
static bool enter(struct bg_pci_capability_walk *walk, unsigned offset)
{
    unsigned first = walk->is_extended ? EXTENDED_FIRST : STANDARD_FIRST;
    unsigned end = walk->is_extended ? PCI_CONFIG_SPACE_SIZE : STANDARD_END;

    if (offset < first || offset >= end) {
        return false;
    }
    uint32_t *word = &walk->visited[offset / 4 / 32];
    uint32_t bit = 1u << (offset / 4 % 32);

    if (*word & bit) {
        return false;
    }
    *word |= bit;
    return true;
}

int bg_pci_capability_next(struct bg_pci_capability_walk *walk,
                           struct bg_pci_capability *capability)
{
    unsigned offset = walk->next;

    walk->next = 0;
    if (offset == 0) {
        return 0;
    }
    if (!enter(walk, offset)) {
        return BG_ERR_PROTOCOL;
    }
    uint32_t header = bg_pci_config_read32(walk->host, walk->bdf, offset);

    if (header == UINT32_MAX) {
        return BG_ERR_PROTOCOL; /* unplugged */
    }
    capability->offset = (uint16_t)offset;
    capability->is_extended = walk->is_extended;
    if (walk->is_extended) {
        capability->id = (uint16_t)header;
        capability->version = header >> 16 & 0xF;
        walk->next = header >> 20 & POINTER_MASK;
    } else {
        capability->id = (uint8_t)header;
        capability->version = 0;
        walk->next = header >> 8 & 0xFF & POINTER_MASK;
    }
    return 1;
}

static int find(struct bg_pci_capability_walk *walk, unsigned id, unsigned after)
{
    struct bg_pci_capability capability;
    bool passed = after == 0;

    while (bg_pci_capability_next(walk, &capability) > 0) {
        if (passed && capability.id == id) {
            return capability.offset;
        }
        passed = passed || capability.offset == after;
    }
    return BG_ERR_NOT_FOUND;
}

int bg_pci_capability_find(const struct bg_pci_host *host, const struct bg_pci_device *device,
                           uint8_t capability_id, unsigned after)
{
    struct bg_pci_capability_walk walk;

    bg_pci_capability_begin(&walk, host, device);
    return find(&walk, capability_id, after);
}

int bg_pci_extended_capability_find(const struct bg_pci_host *host,
                                    const struct bg_pci_device *device, uint16_t capability_id,
                                    unsigned after)
{
    struct bg_pci_capability_walk walk;

    bg_pci_extended_capability_begin(&walk, host, device);
    return find(&walk, capability_id, after);
}
