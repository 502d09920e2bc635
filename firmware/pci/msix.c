/* SPDX-License-Identifier: BSD-2-Clause */
/* MSI-X (PCI 6.8.2): a table of messages in a BAR. */
#include "baregpu/mmio.h"
#include "firmware/pci/internal.h"

#define REG_CONTROL 0x02u
#define CONTROL_SIZE_MASK 0x07FFu /* entries - 1 */
#define CONTROL_FUNCTION_MASK 0x4000u
#define CONTROL_ENABLE 0x8000u
#define REG_TABLE 0x04u
#define REG_PENDING 0x08u
#define BAR_MASK 0x7u /* of both; the rest is the offset */
#define CAPABILITY_LENGTH 12u

#define ENTRY_SIZE 16u
#define ENTRY_ADDRESS_LOW 0x0u
#define ENTRY_ADDRESS_HIGH 0x4u
#define ENTRY_DATA 0x8u
#define ENTRY_CONTROL 0xCu
#define ENTRY_CONTROL_MASK 0x1u

struct region {
    unsigned bar;
    uint64_t offset, size; /* in the BAR */
};

static uint16_t read_control(const struct bg_pci_interrupt *interrupt)
{
    return bg_pci_config_read16(interrupt->host, interrupt->device->bdf,
                                interrupt->capability + REG_CONTROL);
}

static void write_control(const struct bg_pci_interrupt *interrupt, uint16_t value)
{
    bg_pci_config_write16(interrupt->host, interrupt->device->bdf,
                          interrupt->capability + REG_CONTROL, value);
}

static struct region read_region(const struct bg_pci_interrupt *interrupt, unsigned reg,
                                 uint64_t size)
{
    uint32_t value =
        bg_pci_config_read32(interrupt->host, interrupt->device->bdf, interrupt->capability + reg);

    return (struct region){value & BAR_MASK, value & ~BAR_MASK, size};
}

static bool is_inside_bar(const struct bg_pci_device *device, const struct region *region)
{
    if (region->bar >= BG_PCI_BAR_COUNT) {
        return false;
    }
    const struct bg_pci_resource *bar = &device->bars[region->bar];

    return bar->state == BG_PCI_RESOURCE_ASSIGNED && !bar->is_io && region->offset <= bar->size &&
           region->size <= bar->size - region->offset;
}

static bool is_overlap(const struct region *a, const struct region *b)
{
    return a->bar == b->bar && a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

static void *map(const struct bg_pci_interrupt *interrupt, const struct region *region)
{
    uint64_t address;

    if (bg_pci_bar_cpu_address(interrupt->host, interrupt->device, region->bar, &address) < 0) {
        return NULL;
    }
    return bg_hal_map(address + region->offset, region->size, BG_HAL_MEMORY_DEVICE);
}

static int find(struct bg_pci_interrupt *interrupt)
{
    int offset = bg_pci_capability_find(interrupt->host, interrupt->device, BG_PCI_CAP_MSIX, 0);

    if (offset < 0 || offset + CAPABILITY_LENGTH > 256) {
        return BG_ERR_NOT_FOUND;
    }
    interrupt->capability = (uint16_t)offset;
    unsigned entries = (read_control(interrupt) & CONTROL_SIZE_MASK) + 1u;
    struct region table = read_region(interrupt, REG_TABLE, (uint64_t)entries * ENTRY_SIZE);
    struct region pending = read_region(interrupt, REG_PENDING, (entries + 63u) / 64 * 8);

    if (!is_inside_bar(interrupt->device, &table) || !is_inside_bar(interrupt->device, &pending) ||
        is_overlap(&table, &pending)) {
        return BG_ERR_PROTOCOL;
    }
    int error = bg_pci_device_enable(interrupt->host, interrupt->device, BG_PCI_COMMAND_MEMORY);

    if (error < 0) {
        return error;
    }
    write_control(interrupt, 0);
    interrupt->table = map(interrupt, &table);
    interrupt->pending = map(interrupt, &pending);
    if (interrupt->table == NULL || interrupt->pending == NULL) {
        return BG_ERR_NO_MEMORY;
    }
    interrupt->capacity = (uint16_t)entries;
    return (int)entries;
}

static void write_entry(struct bg_pci_interrupt *interrupt, unsigned entry, unsigned reg,
                        uint32_t value)
{
    bg_mmio_write32(interrupt->table, (uint64_t)entry * ENTRY_SIZE + reg, value);
}

/* Enabled with the whole function masked: the table is only defined while MSI-X is enabled. */
static void enable(struct bg_pci_interrupt *interrupt)
{
    write_control(interrupt, CONTROL_ENABLE | CONTROL_FUNCTION_MASK);
    for (unsigned i = 0; i < interrupt->capacity; i++) {
        write_entry(interrupt, i, ENTRY_CONTROL, ENTRY_CONTROL_MASK);
    }
}

static void disable(struct bg_pci_interrupt *interrupt)
{
    write_control(interrupt, CONTROL_FUNCTION_MASK);
    write_control(interrupt, 0);
}

static bool set_message(struct bg_pci_interrupt *interrupt, unsigned entry,
                        const struct bg_hal_msi *message)
{
    write_entry(interrupt, entry, ENTRY_ADDRESS_LOW, (uint32_t)message->address);
    write_entry(interrupt, entry, ENTRY_ADDRESS_HIGH, (uint32_t)(message->address >> 32));
    write_entry(interrupt, entry, ENTRY_DATA, message->data);
    write_entry(interrupt, entry, ENTRY_CONTROL, 0);
    return true;
}

static void unmask_all(struct bg_pci_interrupt *interrupt)
{
    write_control(interrupt, CONTROL_ENABLE);
}

static bool set_mask(struct bg_pci_interrupt *interrupt, unsigned entry, bool is_masked)
{
    write_entry(interrupt, entry, ENTRY_CONTROL, is_masked ? ENTRY_CONTROL_MASK : 0);
    /* The read makes sure that the write has arrived. */
    bg_mmio_read32(interrupt->table, (uint64_t)entry * ENTRY_SIZE + ENTRY_CONTROL);
    return true;
}

static bool is_pending(const struct bg_pci_interrupt *interrupt, unsigned entry)
{
    return bg_mmio_read32(interrupt->pending, entry / 32 * 4) >> (entry % 32) & 1;
}

const struct pci_message_ops pci_msix_ops = {
    .find = find,
    .enable = enable,
    .disable = disable,
    .set_message = set_message,
    .unmask_all = unmask_all,
    .set_mask = set_mask,
    .is_pending = is_pending,
};
