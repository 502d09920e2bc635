/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration access, and what the machine gives. */
#include "baregpu/pci_ecam.h"

#include "baregpu/mmio.h"
#include "firmware/pci/internal.h"

#define IO_ADDRESS_END 0x10000ull
#define ADDRESS_32_END 0x100000000ull

/* ---- Configuration access ---- */

static uint32_t mmio_config_read(void *ecam, uint64_t offset, unsigned width)
{
    return bg_mmio_read(ecam, offset, width);
}

const struct bg_pci_config_ops bg_pci_config_mmio = {mmio_config_read, bg_mmio_write};

int64_t bg_pci_config_offset(const struct bg_pci_host *host, uint16_t bdf, unsigned reg,
                             unsigned width)
{
    if ((width != 1 && width != 2 && width != 4) || reg % width != 0 ||
        reg >= PCI_CONFIG_SPACE_SIZE) {
        return BG_ERR_INVALID;
    }
    if (BG_PCI_BUS(bdf) < host->config.bus_first || BG_PCI_BUS(bdf) > host->config.bus_last) {
        return BG_ERR_RANGE;
    }
    /* bg_pci_host_init made bus_last lie inside ecam_size. */
    return (int64_t)(bdf - BG_PCI_BDF(host->config.bus_first, 0, 0)) * PCI_CONFIG_SPACE_SIZE + reg;
}

uint32_t bg_pci_config_read(const struct bg_pci_host *host, uint16_t bdf, unsigned reg,
                            unsigned width)
{
    int64_t offset = bg_pci_config_offset(host, bdf, reg, width);

    if (offset < 0) {
        return UINT32_MAX;
    }
    return host->config.ops->read(host->config.ecam, (uint64_t)offset, width);
}

int bg_pci_config_write(const struct bg_pci_host *host, uint16_t bdf, unsigned reg, unsigned width,
                        uint32_t value)
{
    int64_t offset = bg_pci_config_offset(host, bdf, reg, width);

    if (offset < 0) {
        return (int)offset;
    }
    host->config.ops->write(host->config.ecam, (uint64_t)offset, width, value);
    return 0;
}

uint8_t bg_pci_config_read8(const struct bg_pci_host *host, uint16_t bdf, unsigned reg)
{
    return (uint8_t)bg_pci_config_read(host, bdf, reg, 1);
}

uint16_t bg_pci_config_read16(const struct bg_pci_host *host, uint16_t bdf, unsigned reg)
{
    return (uint16_t)bg_pci_config_read(host, bdf, reg, 2);
}

uint32_t bg_pci_config_read32(const struct bg_pci_host *host, uint16_t bdf, unsigned reg)
{
    return bg_pci_config_read(host, bdf, reg, 4);
}

int bg_pci_config_write8(const struct bg_pci_host *host, uint16_t bdf, unsigned reg, uint8_t value)
{
    return bg_pci_config_write(host, bdf, reg, 1, value);
}

int bg_pci_config_write16(const struct bg_pci_host *host, uint16_t bdf, unsigned reg,
                          uint16_t value)
{
    return bg_pci_config_write(host, bdf, reg, 2, value);
}

int bg_pci_config_write32(const struct bg_pci_host *host, uint16_t bdf, unsigned reg,
                          uint32_t value)
{
    return bg_pci_config_write(host, bdf, reg, 4, value);
}

/* ---- Setup ---- */

static bool window_is_valid(const struct bg_pci_window *window, uint64_t end)
{
    return window->size == 0 || (window->bus_base < end && window->size <= end - window->bus_base &&
                                 window->size - 1 <= UINT64_MAX - window->cpu_base);
}

/* Other ops may need no pointer. */
static bool ecam_is_missing(const struct bg_pci_host_config *config)
{
    return config->ecam == NULL && (config->ops == NULL || config->ops == &bg_pci_config_mmio);
}

int bg_pci_host_init(struct bg_pci_host *host, const struct bg_pci_host_config *config)
{
    if (ecam_is_missing(config)) {
        const struct bg_pci_problem problem = {.kind = BG_PCI_PROBLEM_NO_ECAM};

        *host = (struct bg_pci_host){.config = *config};
        pci_report(host, &problem);
        return BG_ERR_INVALID;
    }
    uint64_t buses = config->ecam_size / PCI_BUS_SPACE_SIZE;

    if (buses == 0 || config->bus_first > config->bus_last ||
        (config->devices == NULL && config->device_capacity != 0) ||
        config->device_capacity > INT16_MAX ||
        !window_is_valid(&config->windows[BG_PCI_WINDOW_IO], ADDRESS_32_END) ||
        !window_is_valid(&config->windows[BG_PCI_WINDOW_MEM32], ADDRESS_32_END) ||
        !window_is_valid(&config->windows[BG_PCI_WINDOW_MEM64], UINT64_MAX)) {
        return BG_ERR_INVALID;
    }
    host->config = *config;
    if (host->config.ops == NULL) {
        host->config.ops = &bg_pci_config_mmio;
    }
    if (buses <= (uint64_t)(config->bus_last - config->bus_first)) {
        host->config.bus_last = (uint8_t)(config->bus_first + buses - 1);
    }
    struct bg_pci_window *io = &host->config.windows[BG_PCI_WINDOW_IO];
    if (io->bus_base >= IO_ADDRESS_END) {
        io->size = 0;
    } else if (io->size > IO_ADDRESS_END - io->bus_base) {
        io->size = IO_ADDRESS_END - io->bus_base;
    }
    host->device_count = 0;
    host->next_bus = 0;
    host->problem_count = 0;
    host->is_adopted = false;
    host->owner = 0;
    return 0;
}
