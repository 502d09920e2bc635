/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/pci_ecam.c firmware/pci/enumerate.c firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c
// build: firmware/pci/list.c firmware/common/error.c tests/fake/pci.c tests/fake/hal.c
/*
 * Enumeration, assignment and capability walks over a bus whose devices lie. The input is a list of
 * changes to a bus that is in order, eight bytes each: what, which function, register, value.
 */
#include <stdlib.h>
#include <string.h>

#include "baregpu/pci_ecam.h"
#include "tests/fake/pci.h"

#define DEVICES 24 /* fewer than there can be functions: the table runs full, too */
#define CHANGE_SIZE 8
#define CAPABILITIES_MAX 1024 /* dwords in 4096 bytes: no walk may give more */

static struct fake_pci pci;
static struct bg_pci_device devices[DEVICES];
static struct bg_pci_host host;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void sink(void *context, const char *text)
{
    *(size_t *)context += strlen(text);
}

static void count_problem(void *context, const struct bg_pci_problem *problem, const char *text)
{
    check(text[0] != '\0' && strlen(text) < 192 && problem->bar < BG_PCI_BAR_COUNT);
    ++*(unsigned *)context;
}

static void build_bus(void)
{
    fake_pci_init(&pci, 0, 31);
    int endpoint = fake_pci_add(&pci, FAKE_ROOT, 1 << 3, 1, 1, 0x030000, 0);
    int port = fake_pci_add_bridge(&pci, FAKE_ROOT, 2 << 3, 4);
    int to_pci = fake_pci_add_bridge(&pci, port, 0, 7);
    int inner = fake_pci_add_bridge(&pci, to_pci, 3 << 3, -1);
    int deep = fake_pci_add(&pci, inner, 4 << 3, 2, 2, 0x020000, -1);

    fake_pci_bar64(&pci, endpoint, 0, 1 << 20, FAKE_PREFETCHABLE);
    fake_pci_capability(&pci, endpoint, 0x50, BG_PCI_CAP_MSIX, 0x60);
    fake_pci_capability(&pci, endpoint, 0x60, BG_PCI_CAP_VENDOR, 0);
    fake_pci_set8(&pci, endpoint, 0x41, 0x50);
    fake_pci_set32(&pci, endpoint, 0x100, 0x20010001);
    fake_pci_set32(&pci, endpoint, 0x200, 0x0001000E);
    fake_pci_bar32(&pci, deep, 0, 4096, 0);
    fake_pci_bar_io(&pci, deep, 1, 64);
    fake_pci_capability(&pci, deep, 0x40, BG_PCI_CAP_VENDOR, 0x50);
    fake_pci_capability(&pci, deep, 0x50, BG_PCI_CAP_VENDOR, 0);
}

static void apply(const uint8_t *change)
{
    int function = change[1] % pci.count;
    unsigned reg = (change[2] | change[3] << 8) & 0xFFC;
    uint32_t value;

    memcpy(&value, change + 4, 4);
    switch (change[0] % 6) {
    case 0:
        fake_pci_set32(&pci, function, reg, value);
        break;
    case 1: /* which bits of the header keep what is written */
        memcpy(&pci.functions[function].writable[reg & 0x3C], &value, 4);
        break;
    case 2: /* another function somewhere; at most 32, and no bridge above itself */
        if (pci.count < 32) {
            fake_pci_add(&pci, (int)(value % ((unsigned)pci.count + 1)) - 1, change[2], 3, 3,
                         value >> 8, change[3] % 16 - 1);
        }
        break;
    case 3:
        if (pci.count < 32) {
            fake_pci_add_bridge(&pci, (int)(value % ((unsigned)pci.count + 1)) - 1, change[2],
                                change[3] % 16 - 1);
        }
        break;
    case 4:
        if (change[2] & 1) {
            fake_pci_bar64(&pci, function, change[3] % 5, 1ull << (4 + value % 60), change[2] & 8);
        } else {
            fake_pci_bar32(&pci, function, change[3] % 6, 1u << (4 + value % 28), change[2] & 8);
        }
        break;
    default: /* capability lists in particular */
        fake_pci_set16(&pci, function, 0x06, 0x10);
        fake_pci_set8(&pci, function, change[2], (uint8_t)value);
        fake_pci_set8(&pci, function, change[2] ^ 1u, (uint8_t)(value >> 8));
        break;
    }
}

static void check_walk(const struct bg_pci_device *device, bool is_extended)
{
    struct bg_pci_capability_walk walk;
    struct bg_pci_capability capability;
    unsigned count = 0;
    int found;

    (is_extended ? bg_pci_extended_capability_begin : bg_pci_capability_begin)(&walk, &host,
                                                                               device);
    while ((found = bg_pci_capability_next(&walk, &capability)) > 0) {
        unsigned first = is_extended ? 0x100 : 0x40;
        unsigned end = is_extended ? 0x1000 : 0x100;

        check(capability.offset >= first && capability.offset < end && capability.offset % 4 == 0 &&
              ++count <= CAPABILITIES_MAX);
        int again = is_extended ? bg_pci_extended_capability_find(&host, device, capability.id, 0)
                                : bg_pci_capability_find(&host, device, (uint8_t)capability.id, 0);
        check(again > 0);
    }
    check(found == 0 || found == BG_ERR_PROTOCOL);
    check(bg_pci_capability_next(&walk, &capability) == 0);
}

static void check_addresses(void)
{
    for (size_t i = 0; i < host.device_count; i++) {
        for (unsigned bar = 0; bar < BG_PCI_BAR_COUNT; bar++) {
            const struct bg_pci_resource *x = &devices[i].bars[bar];
            const struct bg_pci_window *window = &host.config.windows[x->window];

            check(x->state != BG_PCI_RESOURCE_PENDING);
            if (x->state != BG_PCI_RESOURCE_ASSIGNED) {
                continue;
            }
            check(x->address % x->size == 0 && x->address >= window->bus_base &&
                  x->size <= window->size &&
                  x->address - window->bus_base <= window->size - x->size);
            for (size_t k = i * BG_PCI_BAR_COUNT + bar + 1;
                 k < host.device_count * BG_PCI_BAR_COUNT; k++) {
                const struct bg_pci_resource *y =
                    &devices[k / BG_PCI_BAR_COUNT].bars[k % BG_PCI_BAR_COUNT];

                check(y->state != BG_PCI_RESOURCE_ASSIGNED || x->is_io != y->is_io ||
                      x->address >= y->address + y->size || y->address >= x->address + x->size);
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned problems = 0;
    size_t printed = 0;
    const struct bg_pci_host_config config = {
        .ecam = &pci,
        .ecam_size = 32 << 20,
        .ops = &fake_pci_ops,
        .bus_last = 31,
        .windows =
            {
                [BG_PCI_WINDOW_IO] = {0x3EFF0000, 0, 0x10000},
                [BG_PCI_WINDOW_MEM32] = {0x10000000, 0x10000000, 0x2EFF0000},
                [BG_PCI_WINDOW_MEM64] = {0x8000000000, 0x8000000000, 0x8000000000},
            },
        .devices = devices,
        .device_capacity = DEVICES,
        .report = count_problem,
        .report_context = &problems,
    };

    build_bus();
    for (; size >= CHANGE_SIZE; data += CHANGE_SIZE, size -= CHANGE_SIZE) {
        apply(data);
    }
    check(bg_pci_host_init(&host, &config) == 0);
    int result = bg_pci_host_enumerate(&host);

    check(result == (problems == 0 ? 0 : BG_ERR_NO_SPACE));
    check(host.device_count <= DEVICES && pci.accesses_outside == 0);
    check_addresses();
    for (size_t i = 0; i < host.device_count; i++) {
        check_walk(&devices[i], false);
        check_walk(&devices[i], true);
    }
    bg_pci_list_tree(&host, sink, &printed);
    bg_pci_list_verbose(&host, sink, &printed);
    return 0;
}
