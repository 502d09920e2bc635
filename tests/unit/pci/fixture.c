/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/pci/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture f;

static void record(void *context, const struct bg_pci_problem *problem, const char *text)
{
    struct fixture *fixture = context;

    fixture->problems++;
    fixture->last_problem = *problem;
    snprintf(fixture->last_text, sizeof(fixture->last_text), "%s", text);
}

int pci_setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof(f));
    fake_pci_init(&f.pci, 0, 255);
    f.config = (struct bg_pci_host_config){
        .ecam = &f.pci,
        .ecam_size = 256 * MIB,
        .ops = &fake_pci_ops,
        .bus_last = 255,
        .windows =
            {
                [BG_PCI_WINDOW_IO] = {0x3EFF0000, 0, 0x10000},
                [BG_PCI_WINDOW_MEM32] = {0x10000000, 0x10000000, 0x2EFF0000},
                [BG_PCI_WINDOW_MEM64] = {0x8000000000, 0x8000000000, 512 * GIB},
            },
        .devices = f.devices,
        .device_capacity = FAKE_FUNCTIONS_MAX,
        .report = record,
        .report_context = &f,
    };
    return 0;
}

struct bg_pci_device *device_of(int function)
{
    const struct fake_function *fake = &f.pci.functions[function];
    unsigned bus = fake->parent == FAKE_ROOT ? f.config.bus_first
                   : fake->parent < 0        ? (unsigned)(FAKE_ROOT - fake->parent)
                                             : fake_pci_get(&f.pci, fake->parent, 0x19, 1);

    for (size_t i = 0; i < f.host.device_count && !fake->is_absent; i++) {
        if (!f.devices[i].is_removed && f.devices[i].bdf == (bus << 8 | fake->devfn)) {
            return &f.devices[i];
        }
    }
    return NULL;
}

/* Every assigned BAR answers alone at its first and last byte once its device decodes. */
void check_decoding(void)
{
    for (int i = 0; i < f.pci.count; i++) {
        struct bg_pci_device *device = device_of(i);

        if (device != NULL && !f.pci.functions[i].is_bridge) {
            bg_pci_device_enable(&f.host, device, BG_PCI_COMMAND_IO);
            bg_pci_device_enable(&f.host, device, BG_PCI_COMMAND_MEMORY);
        }
    }
    for (int i = 0; i < f.pci.count; i++) {
        struct bg_pci_device *device = device_of(i);

        for (unsigned bar = 0; device != NULL && bar < BG_PCI_BAR_COUNT; bar++) {
            const struct bg_pci_resource *resource = &device->bars[bar];
            uint16_t needed = resource->is_io ? BG_PCI_COMMAND_IO : BG_PCI_COMMAND_MEMORY;
            int function = -1;
            unsigned found = 9;

            if (resource->state != BG_PCI_RESOURCE_ASSIGNED ||
                !(fake_pci_get(&f.pci, i, 4, 2) & needed)) {
                continue;
            }
            assert_int_equal(resource->size, f.pci.functions[i].bar_size[bar]);
            assert_int_equal(resource->address % resource->size, 0);
            for (int end = 0; end < 2; end++) {
                uint64_t address = resource->address + (end ? resource->size - 1 : 0);

                assert_int_equal(
                    fake_pci_decode(&f.pci, address, resource->is_io, &function, &found), 1);
                assert_int_equal(function, i);
                assert_int_equal(found, bar);
            }
            uint64_t cpu;
            assert_int_equal(bg_pci_bar_cpu_address(&f.host, device, bar, &cpu), 0);
            const struct bg_pci_window *window = &f.config.windows[resource->window];
            assert_true(cpu >= window->cpu_base &&
                        cpu + resource->size <= window->cpu_base + window->size);
        }
    }
}

/* Initialises, enumerates, and checks what holds for every bus. */
int enumerate(void)
{
    assert_int_equal(bg_pci_host_init(&f.host, &f.config), 0);
    int result = bg_pci_host_enumerate(&f.host);

    assert_int_equal(f.pci.accesses_outside, 0);
    assert_int_equal(f.pci.conflicts, 0);
    assert_int_equal(f.pci.bars_moved_live, 0);
    assert_int_equal(f.host.problem_count, f.problems);
    assert_int_equal(result, f.problems == 0 ? 0 : BG_ERR_NO_SPACE);
    check_decoding();
    return result;
}

int add_plain(int parent, uint8_t devfn)
{
    return fake_pci_add(&f.pci, parent, devfn, 0x1AF4, 0x1111, 0x120000, -1);
}
