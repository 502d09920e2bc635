/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/platform/devicetree.c
// libs: -lfdt
/*
 * The devicetree reader on trees that the input describes: nodes and properties of the names that
 * the reader knows, with any contents, then some bytes of the blob changed. An answer, and no
 * access outside of the blob.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "firmware/platform/machine.h"

#define BLOB_BYTES_MAX 8192
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const node_names[] = {
    "memory@40000000",
    "cpus",
    "cpu@0",
    "chosen",
    "psci",
    "intc@8000000",
    "its@8080000",
    "pcie@10000000",
    "pl011@9000000",
    "reserved-memory",
    "gpio-poweroff",
    "pl061@90b0000",
    "timer",
    "virtio_mmio@a000000",
    "v2m@8020000",
};

static const char *const property_names[] = {
    "reg",
    "#address-cells",
    "#size-cells",
    "ranges",
    "bus-range",
    "interrupt-map",
    "phandle",
    "gpios",
    "#redistributor-regions",
    "bootargs",
    "status",
    "method",
    "device_type",
    "compatible",
    "interrupts",
    "#interrupt-cells",
    "msi-map",
    "msi-parent",
    "arm,msi-base-spi",
    "arm,msi-num-spis",
    "redistributor-stride",
};

static const char *const texts[] = {
    "memory",
    "cpu",
    "hvc",
    "smc",
    "okay",
    "disabled",
    "arm,pl011",
    "arm,pl061",
    "arm,gic-v3",
    "arm,gic-v3-its",
    "arm,cortex-a15-gic",
    "arm,gic-v2m-frame",
    "arm,psci-1.0",
    "pci-host-ecam-generic",
    "gpio-poweroff",
    "arm,armv8-timer",
    "virtio,mmio",
};

struct input {
    const uint8_t *data;
    size_t left;
};

static uint8_t take(struct input *input)
{
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->data++;
}

static const char *choose(struct input *input, const char *const *names, size_t count)
{
    return names[take(input) % count];
}

/* A text of the list, one small number, or bytes of the input. */
static void put_property(struct input *input, void *blob)
{
    const char *name = choose(input, property_names, COUNT_OF(property_names));
    uint8_t kind = take(input);
    uint8_t bytes[128];
    size_t count = kind % sizeof(bytes);

    if (kind >= 0xc0) {
        const char *text = choose(input, texts, COUNT_OF(texts)); /* the next is a macro */

        fdt_property_string(blob, name, text);
    } else if (kind >= 0x80) {
        fdt_property_u32(blob, name, kind & 7);
    } else {
        for (size_t i = 0; i < count; i++) {
            bytes[i] = take(input);
        }
        fdt_property(blob, name, bytes, (int)count);
    }
}

static int make_tree(struct input *input, void *blob)
{
    unsigned depth = 0;

    if (fdt_create(blob, BLOB_BYTES_MAX) || fdt_finish_reservemap(blob) ||
        fdt_begin_node(blob, "")) {
        return -1;
    }
    while (input->left > 8) {
        uint8_t operation = take(input) % 4;

        if (operation == 0) {
            depth += !fdt_begin_node(blob, choose(input, node_names, COUNT_OF(node_names)));
        } else if (operation == 1 && depth > 0 && !fdt_end_node(blob)) {
            depth--;
        } else if (operation >= 2) {
            put_property(input, blob);
        }
    }
    for (; depth > 0; depth--) {
        fdt_end_node(blob);
    }
    return fdt_end_node(blob) || fdt_finish(blob) ? -1 : 0;
}

static void parse(const void *blob, size_t size)
{
    static struct machine machine_read;
    const char *problem = NULL;
    int error = devicetree_parse(blob, size, &machine_read, &problem);

    if ((error < 0) != (problem != NULL)) {
        abort();
    }
    if (!error && machine_read.memory_count == 0) {
        abort();
    }
    if (!error && machine_read.bus_first > machine_read.bus_last) {
        abort();
    }
    if (machine_read.virtio_mmio_count > MACHINE_VIRTIO_MMIO_MAX ||
        machine_read.pci_msi_map_count > MACHINE_MSI_MAPS_MAX ||
        machine_read.timer_virtual.intid >= 1020 || machine_read.uart_interrupt.intid >= 1020) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    void *space = malloc(BLOB_BYTES_MAX);

    if (make_tree(&input, space) == 0) {
        size_t blob_size = fdt_totalsize(space);
        uint8_t *blob = malloc(blob_size); /* ASan knows its end */

        memcpy(blob, space, blob_size);
        parse(blob, blob_size);
        while (input.left >= 3) {
            size_t at = (size_t)take(&input) << 8;

            at = (at | take(&input)) % blob_size;
            blob[at] ^= take(&input);
        }
        parse(blob, blob_size);
        free(blob);
    }
    free(space);
    return 0;
}
