/* SPDX-License-Identifier: BSD-2-Clause */
/* MSI (PCI 6.8.1): up to 32 messages, in configuration space. */
#include "firmware/pci/internal.h"

#define REG_CONTROL 0x02u
#define CONTROL_ENABLE 0x0001u
#define CONTROL_CAPABLE(control) ((unsigned)(control) >> 1 & 7u) /* log2 of the messages */
#define CONTROL_ENABLED_SHIFT 4                                  /* the same, in use */
#define CONTROL_64BIT 0x0080u
#define CONTROL_MASKS 0x0100u
#define CAPABLE_MAX 5u /* higher values are reserved */
#define REG_ADDRESS_LOW 0x04u
#define REG_ADDRESS_HIGH 0x08u /* with 64 bits, and then what follows lies 4 bytes higher */
#define REG_DATA 0x08u
#define REG_MASK 0x0Cu
#define REG_PENDING 0x10u

/* `reg` behind the address. */
static unsigned behind(const struct bg_pci_interrupt *interrupt, unsigned reg)
{
    return interrupt->capability + reg + (interrupt->is_64bit ? 4 : 0);
}

static unsigned length(const struct bg_pci_interrupt *interrupt)
{
    return (interrupt->has_masks ? REG_PENDING + 4 : REG_DATA + 2) + (interrupt->is_64bit ? 4 : 0);
}

static void write_control(const struct bg_pci_interrupt *interrupt, uint16_t value)
{
    bg_pci_config_write16(interrupt->host, interrupt->device->bdf,
                          interrupt->capability + REG_CONTROL, value);
}

static unsigned log2_of(unsigned value)
{
    return 31u - (unsigned)__builtin_clz(value);
}

static void disable(struct bg_pci_interrupt *interrupt)
{
    write_control(interrupt, 0);
}

static int find(struct bg_pci_interrupt *interrupt)
{
    uint16_t bdf = interrupt->device->bdf;
    int offset = bg_pci_capability_find(interrupt->host, interrupt->device, BG_PCI_CAP_MSI, 0);

    if (offset < 0) {
        return BG_ERR_NOT_FOUND;
    }
    interrupt->capability = (uint16_t)offset;
    uint16_t control = bg_pci_config_read16(interrupt->host, bdf, (unsigned)offset + REG_CONTROL);

    interrupt->is_64bit = control & CONTROL_64BIT;
    interrupt->has_masks = control & CONTROL_MASKS;
    if (CONTROL_CAPABLE(control) > CAPABLE_MAX || (unsigned)offset + length(interrupt) > 256) {
        return BG_ERR_PROTOCOL;
    }
    disable(interrupt);
    interrupt->capacity = (uint16_t)(1u << CONTROL_CAPABLE(control));
    return interrupt->capacity;
}

static void enable(struct bg_pci_interrupt *interrupt)
{
    if (interrupt->has_masks) {
        bg_pci_config_write32(interrupt->host, interrupt->device->bdf, behind(interrupt, REG_MASK),
                              UINT32_MAX);
    }
}

/* The first message stands for the block: the function replaces the low bits of its data. */
static bool set_message(struct bg_pci_interrupt *interrupt, unsigned entry,
                        const struct bg_hal_msi *message)
{
    uint16_t bdf = interrupt->device->bdf;
    uint32_t high = (uint32_t)(message->address >> 32);

    if (entry != 0) {
        return true;
    }
    if (message->data > UINT16_MAX || (high != 0 && !interrupt->is_64bit)) {
        return false;
    }
    bg_pci_config_write32(interrupt->host, bdf, interrupt->capability + REG_ADDRESS_LOW,
                          (uint32_t)message->address);
    if (interrupt->is_64bit) {
        bg_pci_config_write32(interrupt->host, bdf, interrupt->capability + REG_ADDRESS_HIGH, high);
    }
    bg_pci_config_write16(interrupt->host, bdf, behind(interrupt, REG_DATA),
                          (uint16_t)message->data);
    return true;
}

static void unmask_all(struct bg_pci_interrupt *interrupt)
{
    if (interrupt->has_masks) {
        uint32_t used = (uint32_t)((1ull << interrupt->message_count) - 1);

        bg_pci_config_write32(interrupt->host, interrupt->device->bdf, behind(interrupt, REG_MASK),
                              ~used);
    }
    write_control(interrupt, (uint16_t)(CONTROL_ENABLE | log2_of(interrupt->reserved)
                                                             << CONTROL_ENABLED_SHIFT));
}

static bool set_mask(struct bg_pci_interrupt *interrupt, unsigned entry, bool is_masked)
{
    unsigned reg = behind(interrupt, REG_MASK);
    uint16_t bdf = interrupt->device->bdf;

    if (!interrupt->has_masks) {
        return false;
    }
    uint32_t masks = bg_pci_config_read32(interrupt->host, bdf, reg) & ~(1u << entry);

    bg_pci_config_write32(interrupt->host, bdf, reg, masks | (uint32_t)is_masked << entry);
    return true;
}

static bool is_pending(const struct bg_pci_interrupt *interrupt, unsigned entry)
{
    return interrupt->has_masks && (bg_pci_config_read32(interrupt->host, interrupt->device->bdf,
                                                         behind(interrupt, REG_PENDING)) >>
                                        entry &
                                    1);
}

const struct pci_message_ops pci_msi_ops = {
    .find = find,
    .enable = enable,
    .disable = disable,
    .set_message = set_message,
    .unmask_all = unmask_all,
    .set_mask = set_mask,
    .is_pending = is_pending,
    .is_block = true,
};
