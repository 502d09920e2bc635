/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-pci: that the bus is set up so that every device can be reached. What holds for every
 * machine is checked always; devices= and problems= say how many functions and problems there are
 * to be. Devices whose registers are known are asked through their BARs.
 */
#include "firmware/apps/app.h"
#include "firmware/apps/open/pci.h"
#include "tests/guest/lib/tap.h"

#include <inttypes.h>
#include <string.h>

#include "baregpu/mmio.h"

static struct bg_pci_host *host;

static struct bg_pci_device *device_at(size_t index)
{
    return &host->config.devices[index];
}

static bool number_option(const char *key, unsigned *number)
{
    int64_t value = app_option_number(key, -1, 0, UINT32_MAX);

    if (value < 0) {
        return false;
    }
    *number = (unsigned)value;
    return true;
}

/* ---- Structure ---- */

/* The forwarded range, or the machine's window, that a resource of a device has to lie in. */
static void enclosing(const struct bg_pci_device *device, unsigned window, uint64_t *base,
                      uint64_t *size)
{
    if (device->parent < 0) {
        *base = host->config.windows[window].bus_base;
        *size = host->config.windows[window].size;
    } else {
        *base = device_at((size_t)device->parent)->forwarded[window].address;
        *size = device_at((size_t)device->parent)->forwarded[window].size;
    }
}

static bool lies_inside(const struct bg_pci_device *device, const struct bg_pci_resource *resource)
{
    uint64_t base, size;

    if (resource->state != BG_PCI_RESOURCE_ASSIGNED) {
        return true;
    }
    enclosing(device, resource->window, &base, &size);
    return resource->address % resource->align == 0 && resource->address >= base &&
           resource->size <= size && resource->address - base <= size - resource->size;
}

static bool overlap(const struct bg_pci_resource *x, const struct bg_pci_resource *y)
{
    return x->state == BG_PCI_RESOURCE_ASSIGNED && y->state == BG_PCI_RESOURCE_ASSIGNED &&
           x->is_io == y->is_io && x->address < y->address + y->size &&
           y->address < x->address + x->size;
}

/* All BARs, and the windows of bridges that are beside one another. */
static unsigned count_overlaps(void)
{
    unsigned overlaps = 0;

    for (size_t i = 0; i < host->device_count; i++) {
        for (size_t j = i; j < host->device_count; j++) {
            const struct bg_pci_device *x = device_at(i), *y = device_at(j);

            for (unsigned k = 0; k < BG_PCI_BAR_COUNT * BG_PCI_BAR_COUNT; k++) {
                unsigned p = k / BG_PCI_BAR_COUNT, q = k % BG_PCI_BAR_COUNT;

                overlaps += (i != j || p < q) && overlap(&x->bars[p], &y->bars[q]);
            }
            for (unsigned w = 0; w < BG_PCI_WINDOW_COUNT && i != j && x->parent == y->parent; w++) {
                overlaps += overlap(&x->forwarded[w], &y->forwarded[w]);
                for (unsigned bar = 0; bar < BG_PCI_BAR_COUNT; bar++) {
                    overlaps +=
                        x->bars[bar].window == w && overlap(&x->bars[bar], &y->forwarded[w]);
                    overlaps +=
                        y->bars[bar].window == w && overlap(&y->bars[bar], &x->forwarded[w]);
                }
            }
        }
    }
    return overlaps;
}

static unsigned count_outside(void)
{
    unsigned outside = 0;

    for (size_t i = 0; i < host->device_count; i++) {
        for (unsigned bar = 0; bar < BG_PCI_BAR_COUNT; bar++) {
            outside += !lies_inside(device_at(i), &device_at(i)->bars[bar]);
        }
        for (unsigned window = 0; window < BG_PCI_WINDOW_COUNT; window++) {
            outside += !lies_inside(device_at(i), &device_at(i)->forwarded[window]);
        }
    }
    return outside;
}

/* Do the registers hold what the table says? */
static unsigned count_wrong_registers(void)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < host->device_count; i++) {
        const struct bg_pci_device *device = device_at(i);

        for (unsigned bar = 0; bar < BG_PCI_BAR_COUNT; bar++) {
            const struct bg_pci_resource *resource = &device->bars[bar];
            uint64_t value = bg_pci_config_read32(host, device->bdf, 0x10 + 4 * bar);

            if (resource->state != BG_PCI_RESOURCE_ASSIGNED) {
                continue;
            }
            value &= resource->is_io ? ~3ull : ~15ull;
            if (resource->is_64bit) {
                value |= (uint64_t)bg_pci_config_read32(host, device->bdf, 0x14 + 4 * bar) << 32;
            }
            wrong += value != resource->address;
        }
        if (device->header_kind == BG_PCI_HEADER_BRIDGE) {
            wrong += bg_pci_config_read8(host, device->bdf, 0x18) != BG_PCI_BUS(device->bdf) ||
                     bg_pci_config_read8(host, device->bdf, 0x19) != device->secondary_bus ||
                     bg_pci_config_read8(host, device->bdf, 0x1A) != device->subordinate_bus;
        }
    }
    return wrong;
}

/* A bridge's buses lie inside those of the bridge above and beside those of its neighbours. */
static unsigned count_wrong_buses(void)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < host->device_count; i++) {
        const struct bg_pci_device *x = device_at(i);

        if (x->parent >= 0) {
            const struct bg_pci_device *above = device_at((size_t)x->parent);

            wrong += BG_PCI_BUS(x->bdf) != above->secondary_bus ||
                     x->subordinate_bus > above->subordinate_bus;
        }
        for (size_t j = i + 1; j < host->device_count; j++) {
            const struct bg_pci_device *y = device_at(j);

            wrong += x->parent == y->parent && x->secondary_bus != 0 && y->secondary_bus != 0 &&
                     x->secondary_bus <= y->subordinate_bus &&
                     y->secondary_bus <= x->subordinate_bus;
        }
    }
    return wrong;
}

/* ---- Reachability ---- */

static void *map(const struct bg_pci_device *device, unsigned bar, enum bg_hal_memory_type type)
{
    void *registers = NULL;

    return bg_pci_bar_map(host, device, bar, type, &registers) == 0 ? registers : NULL;
}

/* edu: an identification register, and one that returns its complement. */
static bool edu_answers(const struct bg_pci_device *device)
{
    void *registers = map(device, 0, BG_HAL_MEMORY_DEVICE);

    if (registers == NULL || (bg_mmio_read32(registers, 0) & 0xFFFF) != 0x00ed) {
        return false;
    }
    bg_mmio_write32(registers, 4, device->bdf * 65537u);
    return bg_mmio_read32(registers, 4) == ~(device->bdf * 65537u);
}

static bool vgpu_stub_answers(const struct bg_pci_device *device)
{
    void *registers = map(device, BG_VGPU_STUB_BAR, BG_HAL_MEMORY_DEVICE);

    if (registers == NULL ||
        bg_mmio_read32(registers, BG_VGPU_STUB_REG_PROTOCOL_VER) != BG_VGPU_STUB_PROTOCOL_VERSION) {
        return false;
    }
    bg_mmio_write32(registers, BG_VGPU_STUB_REG_SCRATCH, device->bdf);
    return true; /* check_marks reads it again when all have been written */
}

/* Memory behind a BAR: a mark at both ends. */
static bool mark_memory(const struct bg_pci_device *device, unsigned bar)
{
    void *memory = map(device, bar, BG_HAL_MEMORY_DEVICE);

    if (memory == NULL) {
        return false;
    }
    bg_mmio_write32(memory, 0, device->bdf | 0x5A000000u);
    bg_mmio_write32(memory, device->bars[bar].size - 4, device->bdf | 0xA5000000u);
    return true;
}

static bool marks_are_there(const struct bg_pci_device *device, unsigned bar)
{
    void *memory = map(device, bar, BG_HAL_MEMORY_DEVICE);

    return memory != NULL && bg_mmio_read32(memory, 0) == (device->bdf | 0x5A000000u) &&
           bg_mmio_read32(memory, device->bars[bar].size - 4) == (device->bdf | 0xA5000000u);
}

/* pci-testdev: writing a test's number to byte 0 lets its name be read from byte 16, in memory and
 * in I/O. */
static bool testdev_answers(const struct bg_pci_device *device)
{
    static const char *const names[] = {"mmio", "portio"};

    for (unsigned bar = 0; bar < 2; bar++) {
        uint8_t *registers = map(device, bar, BG_HAL_MEMORY_DEVICE);

        if (registers == NULL) {
            return false;
        }
        bg_mmio_write8(registers, 0, 0);
        for (size_t i = 0; i < strlen(names[bar]); i++) {
            if (bg_mmio_read8(registers, 16 + i) != (uint8_t)names[bar][i]) {
                return false;
            }
        }
    }
    return true;
}

/* pci-serial: a 16550 in I/O, with a scratch register. */
static bool serial_answers(const struct bg_pci_device *device)
{
    void *registers = map(device, 0, BG_HAL_MEMORY_DEVICE);

    if (registers == NULL) {
        return false;
    }
    bg_mmio_write8(registers, 7, (uint8_t)(device->bdf ^ 0x5A));
    return bg_mmio_read8(registers, 7) == (uint8_t)(device->bdf ^ 0x5A);
}

enum { EDU, VGPU_STUB, IVSHMEM, DISPLAY, TESTDEV, SERIAL, KIND_COUNT };

static const struct {
    uint16_t vendor_id, device_id;
    const char *name;
    unsigned memory_bar; /* one that is plain memory; 0: none */
    bool (*answers)(const struct bg_pci_device *device);
} known[KIND_COUNT] = {
    [EDU] = {0x1234, 0x11E8, "edu", 0, edu_answers},
    [VGPU_STUB] = {0x1AF4, 0x1111, "vgpu-stub", 0, vgpu_stub_answers},
    [IVSHMEM] = {0x1AF4, 0x1110, "ivshmem", 2, NULL},
    [DISPLAY] = {0x1234, 0x1111, "display", 0, NULL}, /* its memory is BAR 0: see below */
    [TESTDEV] = {0x1B36, 0x0005, "pci-testdev", 0, testdev_answers},
    [SERIAL] = {0x1B36, 0x0002, "pci-serial", 0, serial_answers},
};

static int kind_of(const struct bg_pci_device *device)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (device->vendor_id == known[kind].vendor_id &&
            device->device_id == known[kind].device_id) {
            return kind;
        }
    }
    return -1;
}

static bool has_memory(int kind)
{
    return kind == DISPLAY || known[kind].memory_bar != 0;
}

static bool is_whole(const struct bg_pci_device *device)
{
    for (unsigned bar = 0; bar < BG_PCI_BAR_COUNT; bar++) {
        if (device->bars[bar].state == BG_PCI_RESOURCE_FAILED) {
            return false;
        }
    }
    return true;
}

/* Everything that got all its addresses decodes at the same time: who overlaps is found out. */
static void test_reachability(void)
{
    for (size_t i = 0; i < host->device_count; i++) {
        const struct bg_pci_device *device = device_at(i);

        if (device->header_kind == BG_PCI_HEADER_DEVICE && is_whole(device)) {
            bg_pci_device_enable(host, device, BG_PCI_COMMAND_MEMORY | BG_PCI_COMMAND_IO);
        }
    }
    for (size_t i = 0; i < host->device_count; i++) {
        int kind = kind_of(device_at(i));

        if (kind >= 0 && is_whole(device_at(i))) {
            bool good = has_memory(kind) ? mark_memory(device_at(i), known[kind].memory_bar)
                                         : known[kind].answers(device_at(i));

            tap_ok(good, "%02x:%02x.%x %s answers", BG_PCI_BUS(device_at(i)->bdf),
                   BG_PCI_SLOT(device_at(i)->bdf), BG_PCI_FUNCTION(device_at(i)->bdf),
                   known[kind].name);
        }
    }
    for (size_t i = 0; i < host->device_count; i++) {
        const struct bg_pci_device *device = device_at(i);
        int kind = kind_of(device);

        if (kind >= 0 && has_memory(kind) && is_whole(device)) {
            tap_ok(marks_are_there(device, known[kind].memory_bar),
                   "%02x:%02x.%x %s has kept its marks", BG_PCI_BUS(device->bdf),
                   BG_PCI_SLOT(device->bdf), BG_PCI_FUNCTION(device->bdf), known[kind].name);
        } else if (kind == VGPU_STUB && is_whole(device)) {
            void *registers = map(device, BG_VGPU_STUB_BAR, BG_HAL_MEMORY_DEVICE);

            tap_equal(bg_mmio_read32(registers, BG_VGPU_STUB_REG_SCRATCH), device->bdf,
                      "%02x:%02x.%x vgpu-stub has kept its mark", BG_PCI_BUS(device->bdf),
                      BG_PCI_SLOT(device->bdf), BG_PCI_FUNCTION(device->bdf));
        }
    }
}

/* Off really is off, and on again gives the same registers. */
static void test_decoding(void)
{
    struct bg_pci_device *device =
        bg_pci_find_id(host, BG_VGPU_STUB_PCI_VENDOR_ID, BG_VGPU_STUB_PCI_DEVICE_ID, NULL);

    if (device == NULL || !is_whole(device)) {
        tap_skip("no vgpu-stub", "decoding is turned off and on");
        return;
    }
    bg_pci_device_disable(host, device, BG_PCI_COMMAND_MEMORY);
    tap_equal(bg_pci_config_read16(host, device->bdf, BG_PCI_REG_COMMAND) & BG_PCI_COMMAND_MEMORY,
              0, "memory decoding is off");
    bg_pci_device_enable(host, device, BG_PCI_COMMAND_MEMORY);
    tap_ok(vgpu_stub_answers(device), "and on again, the device answers");
}

static unsigned count_broken_lists(void)
{
    unsigned broken = 0;

    for (size_t i = 0; i < host->device_count; i++) {
        struct bg_pci_capability_walk walk;
        struct bg_pci_capability capability;
        int found;

        bg_pci_capability_begin(&walk, host, device_at(i));
        while ((found = bg_pci_capability_next(&walk, &capability)) > 0) {
        }
        broken += found < 0;
        bg_pci_extended_capability_begin(&walk, host, device_at(i));
        while ((found = bg_pci_capability_next(&walk, &capability)) > 0) {
        }
        broken += found < 0;
    }
    return broken;
}

static int run_test_pci(void)
{
    unsigned expected;

    tap_plan(0);
    host = machine_pci();
    if (host == NULL) {
        tap_bail("no PCI host");
        return 1;
    }
    bg_pci_list_tree(host, machine_pci_print, NULL);
    if (number_option("devices", &expected)) {
        tap_equal(host->device_count, expected, "number of functions");
    }
    if (!number_option("problems", &expected)) {
        expected = 0;
    }
    tap_equal(host->problem_count, expected, "number of problems");
    tap_equal(count_outside(), 0, "every address is aligned and inside the window above it");
    tap_equal(count_overlaps(), 0, "no two addresses overlap");
    tap_equal(count_wrong_buses(), 0, "bus numbers are nested");
    tap_equal(count_wrong_registers(), 0, "the registers hold what was assigned");
    tap_equal(count_broken_lists(), 0, "all capability lists end well");
    test_reachability();
    test_decoding();
    return tap_done();
}

APP(test_pci, "bus numbers, windows, BARs, and that devices answer", run_test_pci,
    "devices problems");
