/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devicetree into struct machine (machine.h). Devicetree Specification 0.4; PCI host bindings
 * of IEEE 1275. The blob comes from outside: every length is checked before it is used.
 */
#include <string.h>

#include <libfdt.h>

#include "baregpu/error.h"
#include "firmware/platform/machine.h"

struct reader {
    const void *blob;
    struct machine *out;
    const char *problem;
};

static int reader_fail(struct reader *reader, const char *problem)
{
    if (reader->problem == NULL) {
        reader->problem = problem;
    }
    return BG_ERR_INVALID;
}

/* Reads `count` (1 or 2) cells. */
static uint64_t read_cells(const fdt32_t *cells, int count)
{
    uint64_t value = fdt32_to_cpu(cells[0]);

    if (count == 2) {
        value = value << 32 | fdt32_to_cpu(cells[1]);
    }
    return value;
}

/*
 * The `index`-th entry of a node's reg. Only nodes whose parent addresses the CPU's own space are
 * asked for (children of the root): no translation is needed.
 */
static int read_reg(struct reader *reader, int node, int parent, int index,
                    struct machine_range *range)
{
    int address_cells = fdt_address_cells(reader->blob, parent);
    int size_cells = fdt_size_cells(reader->blob, parent);
    int length;
    const fdt32_t *reg = fdt_getprop(reader->blob, node, "reg", &length);
    int entry_cells = address_cells + size_cells;

    if (address_cells < 1 || address_cells > 2 || size_cells < 1 || size_cells > 2) {
        return reader_fail(reader, "#address-cells or #size-cells is not 1 or 2");
    }
    if (reg == NULL || length < 0 || length / 4 / entry_cells <= index) {
        return BG_ERR_NOT_FOUND;
    }
    reg += index * entry_cells;
    range->base = read_cells(reg, address_cells);
    range->size = read_cells(reg + address_cells, size_cells);
    if (range->base + range->size < range->base) {
        return reader_fail(reader, "a reg wraps around the end of the address space");
    }
    return BG_OK;
}

static bool node_is_enabled(const void *blob, int node)
{
    int length;
    const char *status = fdt_getprop(blob, node, "status", &length);

    return status == NULL || length <= 0 || !strncmp(status, "ok", 2);
}

static bool node_is_compatible(const void *blob, int node, const char *compatible)
{
    return fdt_node_check_compatible(blob, node, compatible) == 0;
}

#define GIC_INTERRUPT_CELLS 3 /* type, number, flags */
#define GIC_TYPE_SPI 0
#define GIC_TYPE_PPI 1
#define GIC_FIRST_SPI 32
#define GIC_FIRST_PPI 16
#define GIC_FLAGS_EDGE 3 /* rising or falling */

/* The `index`-th of the node's interrupts, which go to the GIC; none there: intid 0. */
static struct machine_interrupt read_interrupt(const void *blob, int node, int index)
{
    struct machine_interrupt interrupt = {0};
    int length;
    const fdt32_t *cells = fdt_getprop(blob, node, "interrupts", &length);
    uint32_t type, number;

    if (cells == NULL || length / 4 / GIC_INTERRUPT_CELLS <= index) {
        return interrupt;
    }
    cells += index * GIC_INTERRUPT_CELLS;
    type = fdt32_to_cpu(cells[0]);
    number = fdt32_to_cpu(cells[1]);
    if (type == GIC_TYPE_SPI && number < 988) {
        interrupt.intid = GIC_FIRST_SPI + number;
    } else if (type == GIC_TYPE_PPI && number < 16) {
        interrupt.intid = GIC_FIRST_PPI + number;
    }
    interrupt.edge = (fdt32_to_cpu(cells[2]) & GIC_FLAGS_EDGE) != 0;
    return interrupt;
}

static uint32_t read_u32(const void *blob, int node, const char *name, uint32_t otherwise)
{
    int length;
    const fdt32_t *cell = fdt_getprop(blob, node, name, &length);

    return cell != NULL && length == 4 ? fdt32_to_cpu(*cell) : otherwise;
}

/* Inserts a bank into the ascending list, merging it with banks that it touches. */
static int add_memory(struct reader *reader, struct machine_range bank)
{
    struct machine *out = reader->out;
    uint32_t i = 0;

    if (bank.size == 0) {
        return BG_OK;
    }
    for (i = 0; i < out->memory_count; i++) {
        struct machine_range *other = &out->memory[i];
        uint64_t end = bank.base + bank.size;
        uint64_t other_end = other->base + other->size;

        if (end < other->base || bank.base > other_end) {
            continue;
        }
        bank.base = bank.base < other->base ? bank.base : other->base;
        bank.size = (end > other_end ? end : other_end) - bank.base;
        memmove(other, other + 1, (out->memory_count - i - 1) * sizeof(*other));
        out->memory_count--;
        i = (uint32_t)-1; /* the grown bank may touch others */
    }
    if (out->memory_count == MACHINE_MEMORY_BANKS_MAX) {
        return reader_fail(reader, "too many memory banks");
    }
    for (i = out->memory_count; i > 0 && out->memory[i - 1].base > bank.base; i--) {
        out->memory[i] = out->memory[i - 1];
    }
    out->memory[i] = bank;
    out->memory_count++;
    return BG_OK;
}

static int read_memory_node(struct reader *reader, int node)
{
    struct machine_range bank;
    int error;
    int index = 0;

    while ((error = read_reg(reader, node, 0, index, &bank)) == BG_OK) {
        error = add_memory(reader, bank);
        if (error) {
            return error;
        }
        index++;
    }
    return error == BG_ERR_NOT_FOUND ? BG_OK : error;
}

static int add_reserved(struct reader *reader, struct machine_range range)
{
    struct machine *out = reader->out;

    if (range.size == 0) {
        return BG_OK;
    }
    if (out->reserved_count == MACHINE_RESERVED_MAX) {
        return reader_fail(reader, "too many reserved memory ranges");
    }
    if (range.base + range.size < range.base) {
        return reader_fail(reader, "a reserved range wraps around");
    }
    out->reserved[out->reserved_count++] = range;
    return BG_OK;
}

static int read_reservation_block(struct reader *reader)
{
    const void *blob = reader->blob;
    int count = fdt_num_mem_rsv(blob);
    struct machine_range range;
    int error;

    if (count < 0) {
        return reader_fail(reader, "the memory reservation block has no end");
    }
    for (int i = 0; i < count; i++) {
        if (fdt_get_mem_rsv(blob, i, &range.base, &range.size) < 0) {
            return reader_fail(reader, "bad memory reservation");
        }
        error = add_reserved(reader, range);
        if (error) {
            return error;
        }
    }
    return BG_OK;
}

static int read_reserved_memory(struct reader *reader, int parent)
{
    const void *blob = reader->blob;
    struct machine_range range;
    int node;
    int error;

    fdt_for_each_subnode (node, blob, parent) {
        for (int i = 0; (error = read_reg(reader, node, parent, i, &range)) == BG_OK; i++) {
            error = add_reserved(reader, range);
            if (error) {
                return error;
            }
        }
        if (error != BG_ERR_NOT_FOUND) {
            return error;
        }
    }
    return BG_OK;
}

static int read_cpus(struct reader *reader, int parent)
{
    const void *blob = reader->blob;
    int cells = fdt_address_cells(blob, parent);
    int node;

    if (cells < 1 || cells > 2) {
        return reader_fail(reader, "/cpus has a bad #address-cells");
    }
    fdt_for_each_subnode (node, blob, parent) {
        int length;
        const char *type = fdt_getprop(blob, node, "device_type", &length);
        const fdt32_t *reg;

        if (type == NULL || length != 4 || memcmp(type, "cpu", 4) != 0) {
            continue;
        }
        reg = fdt_getprop(blob, node, "reg", &length);
        if (reg == NULL || length < cells * 4) {
            return reader_fail(reader, "a cpu node without reg");
        }
        if (reader->out->cpu_count == MACHINE_CPUS_MAX) {
            reader->out->cpus_left_out++;
            continue;
        }
        reader->out->cpus[reader->out->cpu_count++] = read_cells(reg, cells);
    }
    return BG_OK;
}

static int read_psci(struct reader *reader, int node)
{
    int length;
    const char *method = fdt_getprop(reader->blob, node, "method", &length);

    if (method == NULL || length != 4) {
        return reader_fail(reader, "the psci node has no method");
    }
    if (!memcmp(method, "hvc", 4)) {
        reader->out->psci = MACHINE_PSCI_HVC;
    } else if (!memcmp(method, "smc", 4)) {
        reader->out->psci = MACHINE_PSCI_SMC;
    } else {
        return reader_fail(reader, "the psci method is neither hvc nor smc");
    }
    return BG_OK;
}

static void read_msi_frame(struct reader *reader, int node, int gic)
{
    struct machine_msi_frame *frame = reader->out->gic_v2m;
    unsigned count = 0;

    while (count < MACHINE_MSI_FRAMES_MAX && frame[count].range.size) {
        count++;
    }
    if (count == MACHINE_MSI_FRAMES_MAX || read_reg(reader, node, gic, 0, &frame[count].range)) {
        return;
    }
    frame[count].phandle = read_u32(reader->blob, node, "phandle", 0);
    frame[count].spi_first = read_u32(reader->blob, node, "arm,msi-base-spi", 32) - 32;
    frame[count].spi_count = read_u32(reader->blob, node, "arm,msi-num-spis", 0);
}

/* What takes MSIs stands below the GIC; virt's `ranges` there is empty: the same address space. */
static int read_gic_children(struct reader *reader, int gic)
{
    const void *blob = reader->blob;
    int node;

    fdt_for_each_subnode (node, blob, gic) {
        if (!node_is_enabled(blob, node)) {
            continue;
        }
        if (node_is_compatible(blob, node, "arm,gic-v3-its") && reader->out->gic_its.size == 0) {
            read_reg(reader, node, gic, 0, &reader->out->gic_its);
            reader->out->gic_its_phandle = read_u32(blob, node, "phandle", 0);
        } else if (node_is_compatible(blob, node, "arm,gic-v2m-frame")) {
            read_msi_frame(reader, node, gic);
        }
    }
    return reader->problem != NULL ? BG_ERR_INVALID : BG_OK;
}

static int read_redistributors(struct reader *reader, int node)
{
    struct machine *out = reader->out;
    uint32_t count = read_u32(reader->blob, node, "#redistributor-regions", 1);
    int length;
    const fdt32_t *stride = fdt_getprop(reader->blob, node, "redistributor-stride", &length);

    if (stride != NULL && (length == 4 || length == 8)) {
        out->gic_redistributor_stride = read_cells(stride, length / 4);
    }
    for (uint32_t i = 0; i < count && i < MACHINE_REDISTRIBUTORS_MAX; i++) {
        if (read_reg(reader, node, 0, (int)i + 1, &out->gic_redistributors[i])) {
            return i == 0 ? reader_fail(reader, "the GICv3 has no redistributors") : BG_OK;
        }
    }
    return BG_OK;
}

static int read_gic(struct reader *reader, int node, uint32_t version)
{
    struct machine *out = reader->out;
    int error = read_reg(reader, node, 0, 0, &out->gic_distributor);

    if (error) {
        return reader_fail(reader, "the interrupt controller has no reg");
    }
    if (version == 2) {
        error = read_reg(reader, node, 0, 1, &out->gic_cpu_interface);
        if (error) {
            return reader_fail(reader, "the GICv2 has no CPU interface");
        }
    } else {
        error = read_redistributors(reader, node);
        if (error) {
            return error;
        }
    }
    /* Specifiers of another size are for nobody here: the kernel polls, and its tests say so. */
    if (read_u32(reader->blob, node, "#interrupt-cells", 3) == GIC_INTERRUPT_CELLS) {
        out->gic_version = version;
    }
    return read_gic_children(reader, node);
}

#define TIMER_INTERRUPT_PHYSICAL 1 /* after the secure world's */
#define TIMER_INTERRUPT_VIRTUAL 2

static int read_virtio_mmio(struct reader *reader, int node)
{
    struct machine *out = reader->out;
    struct machine_virtio_mmio *slot = &out->virtio_mmio[out->virtio_mmio_count];

    if (out->virtio_mmio_count == MACHINE_VIRTIO_MMIO_MAX) {
        return BG_OK;
    }
    if (read_reg(reader, node, 0, 0, &slot->range) == BG_OK) {
        slot->interrupt = read_interrupt(reader->blob, node, 0);
        out->virtio_mmio_count++;
    }
    return reader->problem != NULL ? BG_ERR_INVALID : BG_OK;
}

#define PCI_SPACE(high_cell) ((high_cell) >> 24 & 3)
#define PCI_SPACE_IO 1
#define PCI_SPACE_MEMORY32 2
#define PCI_SPACE_MEMORY64 3
#define PCI_RANGE_CELLS 7 /* 3 of the bus address, 2 of the CPU's, 2 of the size */

static int read_pci_ranges(struct reader *reader, int node)
{
    struct machine *out = reader->out;
    int length;
    const fdt32_t *ranges = fdt_getprop(reader->blob, node, "ranges", &length);

    if (ranges == NULL || length % (PCI_RANGE_CELLS * 4) != 0) {
        return reader_fail(reader, "the PCI host's ranges are malformed");
    }
    for (int i = 0; i < length / 4; i += PCI_RANGE_CELLS) {
        struct machine_window window = {
            .bus_base = read_cells(ranges + i + 1, 2),
            .cpu_base = read_cells(ranges + i + 3, 2),
            .size = read_cells(ranges + i + 5, 2),
        };
        struct machine_window *target = NULL;

        switch (PCI_SPACE(fdt32_to_cpu(ranges[i]))) {
        case PCI_SPACE_IO:
            target = &out->pci_io;
            break;
        case PCI_SPACE_MEMORY32:
            target = &out->pci_mem32;
            break;
        case PCI_SPACE_MEMORY64:
            target = &out->pci_mem64;
            break;
        default:
            continue;
        }
        if (window.cpu_base + window.size < window.cpu_base ||
            window.bus_base + window.size < window.bus_base) {
            return reader_fail(reader, "a PCI window wraps around");
        }
        if (target->size == 0) {
            *target = window;
        }
    }
    return BG_OK;
}

#define PCI_MAP_CHILD_CELLS 4 /* unit address 3, pin 1 */

/* interrupt-map, for slots 0 to 3: the swizzle repeats after them (PCI-to-PCI Bridge 1.2, 2.2). */
static void read_pci_interrupts(struct reader *reader, int node)
{
    const void *blob = reader->blob;
    int length;
    const fdt32_t *map = fdt_getprop(blob, node, "interrupt-map", &length);
    int left = map != NULL ? length / 4 : 0;
    uint32_t known_phandle = 0; /* 0 is no phandle */
    int parent_cells = -1;

    while (left > PCI_MAP_CHILD_CELLS) {
        uint32_t slot = fdt32_to_cpu(map[0]) >> 11 & 31;
        uint32_t pin = fdt32_to_cpu(map[3]);
        uint32_t phandle = fdt32_to_cpu(map[4]);

        /* All entries name the same controller: looking it up walks the whole tree. */
        if (phandle != known_phandle) {
            int gic = fdt_node_offset_by_phandle(blob, phandle);

            parent_cells = gic >= 0 ? fdt_address_cells(blob, gic) : -1;
            known_phandle = phandle;
        }

        int entry = PCI_MAP_CHILD_CELLS + 1 + parent_cells + GIC_INTERRUPT_CELLS;
        const fdt32_t *interrupt = map + PCI_MAP_CHILD_CELLS + 1 + parent_cells;

        if (parent_cells < 0 || left < entry) {
            return;
        }
        if (slot < 4 && pin >= 1 && pin <= 4 && fdt32_to_cpu(interrupt[0]) == GIC_TYPE_SPI) {
            reader->out->pci_interrupt_spi[slot][pin - 1] = fdt32_to_cpu(interrupt[1]);
        }
        map += entry;
        left -= entry;
    }
}

#define MSI_MAP_CELLS 4 /* requester, controller, device, count */

static void read_pci_msi_map(struct reader *reader, int node)
{
    struct machine *out = reader->out;
    int length;
    const fdt32_t *map = fdt_getprop(reader->blob, node, "msi-map", &length);
    int left = map != NULL ? length / 4 : 0;
    uint32_t parent = read_u32(reader->blob, node, "msi-parent", 0);

    /* The older way: one controller for every requester, by the same number. */
    if (map == NULL && parent) {
        out->pci_msi_map[out->pci_msi_map_count++] =
            (struct machine_msi_map){.controller = parent, .count = 0x10000};
    }
    for (; left >= MSI_MAP_CELLS; left -= MSI_MAP_CELLS, map += MSI_MAP_CELLS) {
        if (out->pci_msi_map_count == MACHINE_MSI_MAPS_MAX) {
            return;
        }
        out->pci_msi_map[out->pci_msi_map_count++] = (struct machine_msi_map){
            .requester_first = fdt32_to_cpu(map[0]),
            .controller = fdt32_to_cpu(map[1]),
            .device_first = fdt32_to_cpu(map[2]),
            .count = fdt32_to_cpu(map[3]),
        };
    }
}

#define ECAM_BYTES_PER_BUS (1u << 20)

static int read_pci(struct reader *reader, int node)
{
    struct machine *out = reader->out;
    int length;
    const fdt32_t *bus_range = fdt_getprop(reader->blob, node, "bus-range", &length);
    uint32_t first = 0;
    uint32_t last = 255;

    if (read_reg(reader, node, 0, 0, &out->pci_ecam)) {
        return reader_fail(reader, "the PCI host has no reg");
    }
    if (bus_range != NULL && length == 8) {
        first = fdt32_to_cpu(bus_range[0]);
        last = fdt32_to_cpu(bus_range[1]);
    }
    if (first > last || last > 255) {
        return reader_fail(reader, "the PCI host's bus-range is malformed");
    }
    if ((uint64_t)(last - first + 1) * ECAM_BYTES_PER_BUS > out->pci_ecam.size) {
        return reader_fail(reader, "the PCI host's reg is too small for its bus-range");
    }
    out->bus_first = (uint8_t)first;
    out->bus_last = (uint8_t)last;
    out->pci_ecam_base = out->pci_ecam.base;
    out->pci_ecam_size = out->pci_ecam.size;
    read_pci_interrupts(reader, node);
    read_pci_msi_map(reader, node);
    out->pci_present = true;
    return read_pci_ranges(reader, node);
}

/*
 * virt with secure=on: gpio-poweroff and gpio-restart each name a line of a PL061 that only the
 * secure world reaches.
 */
static void read_secure_gpio(struct reader *reader, int node, struct machine_range *out,
                             uint32_t *line)
{
    int length;
    const fdt32_t *gpios = fdt_getprop(reader->blob, node, "gpios", &length);
    struct machine_range range;
    int gpio;

    if (gpios == NULL || length != 12) {
        return;
    }
    gpio = fdt_node_offset_by_phandle(reader->blob, fdt32_to_cpu(gpios[0]));
    if (gpio < 0 || !node_is_compatible(reader->blob, gpio, "arm,pl061")) {
        return;
    }
    if (fdt32_to_cpu(gpios[1]) > 7 || read_reg(reader, gpio, 0, 0, &range)) {
        return;
    }
    *out = range;
    *line = fdt32_to_cpu(gpios[1]);
}

static int read_chosen(struct reader *reader, int node)
{
    struct machine *out = reader->out;
    const char *bootargs;
    int length;

    bootargs = fdt_getprop(reader->blob, node, "bootargs", &length);
    if (bootargs == NULL) {
        return BG_OK;
    }
    if (length <= 0 || bootargs[length - 1] != '\0') {
        return reader_fail(reader, "bootargs do not end");
    }
    _Static_assert(sizeof(out->bootargs) == 1024, "the sentence below");
    if ((size_t)length > sizeof(out->bootargs)) {
        return reader_fail(reader, "bootargs are too long: 1023 bytes are allowed");
    }
    memcpy(out->bootargs, bootargs, (size_t)length);
    return BG_OK;
}

/* Looked up once for each node: that is most of the work. */
struct compatible {
    const char *list;
    int length;
};

static bool is(struct compatible compatible, const char *name)
{
    return fdt_stringlist_contains(compatible.list, compatible.length, name);
}

/* With secure=on a second PL011 belongs to the secure world: its status is "disabled". */
static int read_root_node(struct reader *reader, int node)
{
    const void *blob = reader->blob;
    struct machine *out = reader->out;
    const char *name = fdt_get_name(blob, node, NULL);
    int length;
    const char *type = fdt_getprop(blob, node, "device_type", &length);
    struct compatible compatible;

    if (name != NULL && !strcmp(name, "chosen")) {
        return read_chosen(reader, node);
    }
    if (name != NULL && !strcmp(name, "cpus")) {
        return read_cpus(reader, node);
    }
    if (name != NULL && !strcmp(name, "reserved-memory")) {
        return read_reserved_memory(reader, node);
    }
    if (type != NULL && length == 7 && !memcmp(type, "memory", 7) && node_is_enabled(blob, node)) {
        return read_memory_node(reader, node);
    }
    compatible.list = fdt_getprop(blob, node, "compatible", &compatible.length);
    if (compatible.list == NULL) {
        return BG_OK;
    }
    if (is(compatible, "gpio-poweroff")) {
        read_secure_gpio(reader, node, &out->secure_gpio, &out->secure_gpio_poweroff_line);
    }
    if (is(compatible, "gpio-restart")) {
        read_secure_gpio(reader, node, &out->secure_restart_gpio, &out->secure_restart_line);
    }
    if (!node_is_enabled(blob, node)) {
        return BG_OK;
    }
    if (is(compatible, "virtio,mmio")) {
        return read_virtio_mmio(reader, node);
    }
    if (is(compatible, "arm,pl011") && out->uart.size == 0) {
        out->uart_interrupt = read_interrupt(blob, node, 0);
        return read_reg(reader, node, 0, 0, &out->uart);
    }
    if (is(compatible, "arm,gic-v3")) {
        return read_gic(reader, node, 3);
    }
    if (is(compatible, "arm,cortex-a15-gic") || is(compatible, "arm,gic-400")) {
        return read_gic(reader, node, 2);
    }
    if (is(compatible, "arm,armv8-timer")) {
        out->timer_physical = read_interrupt(blob, node, TIMER_INTERRUPT_PHYSICAL);
        out->timer_virtual = read_interrupt(blob, node, TIMER_INTERRUPT_VIRTUAL);
    }
    if (is(compatible, "arm,psci-0.2") || is(compatible, "arm,psci-1.0")) {
        return read_psci(reader, node);
    }
    if (is(compatible, "pci-host-ecam-generic") && !out->pci_present) {
        return read_pci(reader, node);
    }
    return BG_OK;
}

int devicetree_parse(const void *blob, size_t size_max, struct machine *out, const char **problem)
{
    struct reader reader = {.blob = blob, .out = out};
    int error = BG_OK;
    int node;

    memset(out, 0, sizeof(*out));
    if (size_max < sizeof(struct fdt_header) || fdt_check_header(blob) != 0) {
        error = reader_fail(&reader, "no devicetree header");
    } else if (fdt_totalsize(blob) > size_max) {
        error = reader_fail(&reader, "the devicetree is larger than its memory");
    } else if (fdt_check_full(blob, fdt_totalsize(blob)) != 0) {
        error = reader_fail(&reader, "the devicetree's structure is broken");
    }
    if (!error) {
        error = read_reservation_block(&reader);
    }
    /* One walk: in a flat tree every lookup by path or phandle is another. */
    if (!error) {
        out->devicetree.base = (uintptr_t)blob;
        out->devicetree.size = fdt_totalsize(blob);
        fdt_for_each_subnode (node, blob, 0) {
            error = read_root_node(&reader, node);
            if (error) {
                break;
            }
        }
    }
    if (!error && out->memory_count == 0) {
        error = reader_fail(&reader, "no memory node");
    }
    if (error && reader.problem == NULL) {
        reader.problem = "a node without a usable reg";
    }
    *problem = reader.problem;
    return error;
}
