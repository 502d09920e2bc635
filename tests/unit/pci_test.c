// SPDX-License-Identifier: BSD-2-Clause
// build: firmware/pci_ecam.c firmware/pci_bar.c firmware/pci_assign.c firmware/pci_capability.c
// build: firmware/pci_list.c firmware/error.c tests/unit/fake_pci.c tests/unit/fake_hal.c
/* Enumeration, assignment and capability walks against a fake bus. What a test asks in the end is
 * which BAR answers at an address by the registers alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/pci_ecam.h"
#include "tests/unit/fake_pci.h"

#define MIB 0x100000ull
#define GIB 0x40000000ull

struct fixture {
    struct fake_pci pci;
    struct pci_device devices[FAKE_FUNCTIONS_MAX];
    struct pci_host_config config;
    struct pci_host host;
    unsigned problems;
    struct pci_problem last_problem;
    char last_text[256];
};

static struct fixture f;

static void record(void *context, const struct pci_problem *problem, const char *text)
{
    struct fixture *fixture = context;

    fixture->problems++;
    fixture->last_problem = *problem;
    snprintf(fixture->last_text, sizeof(fixture->last_text), "%s", text);
}

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof(f));
    fake_pci_init(&f.pci, 0, 255);
    f.config = (struct pci_host_config){
        .ecam = &f.pci,
        .ecam_size = 256 * MIB,
        .ops = &fake_pci_ops,
        .bus_last = 255,
        .windows =
            {
                [PCI_WINDOW_IO] = {0x3EFF0000, 0, 0x10000},
                [PCI_WINDOW_MEM32] = {0x10000000, 0x10000000, 0x2EFF0000},
                [PCI_WINDOW_MEM64] = {0x8000000000, 0x8000000000, 512 * GIB},
            },
        .devices = f.devices,
        .device_capacity = FAKE_FUNCTIONS_MAX,
        .report = record,
        .report_context = &f,
    };
    return 0;
}

static struct pci_device *device_of(int function)
{
    const struct fake_function *fake = &f.pci.functions[function];
    unsigned bus = fake->parent == FAKE_ROOT
                       ? f.config.bus_first
                       : fake_pci_get(&f.pci, fake->parent, 0x19, 1);

    for (size_t i = 0; i < f.host.device_count; i++) {
        if (f.devices[i].bdf == (bus << 8 | fake->devfn)) {
            return &f.devices[i];
        }
    }
    return NULL;
}

/* Every assigned BAR answers alone at its first and last byte once its device decodes. */
static void check_decoding(void)
{
    for (int i = 0; i < f.pci.count; i++) {
        struct pci_device *device = device_of(i);

        if (device != NULL && !f.pci.functions[i].is_bridge) {
            pci_device_enable(&f.host, device, PCI_COMMAND_IO);
            pci_device_enable(&f.host, device, PCI_COMMAND_MEMORY);
        }
    }
    for (int i = 0; i < f.pci.count; i++) {
        struct pci_device *device = device_of(i);

        for (unsigned bar = 0; device != NULL && bar < PCI_BAR_COUNT; bar++) {
            const struct pci_resource *resource = &device->bars[bar];
            uint16_t needed = resource->is_io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
            int function = -1;
            unsigned found = 9;

            if (resource->state != PCI_RESOURCE_ASSIGNED ||
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
            assert_int_equal(pci_bar_cpu_address(&f.host, device, bar, &cpu), 0);
            const struct pci_window *window = &f.config.windows[resource->window];
            assert_true(cpu >= window->cpu_base &&
                        cpu + resource->size <= window->cpu_base + window->size);
        }
    }
}

/* Initialises, enumerates, and checks what holds for every bus. */
static int enumerate(void)
{
    assert_int_equal(pci_host_init(&f.host, &f.config), 0);
    int result = pci_host_enumerate(&f.host);

    assert_int_equal(f.pci.accesses_outside, 0);
    assert_int_equal(f.pci.conflicts, 0);
    assert_int_equal(f.pci.bars_moved_live, 0);
    assert_int_equal(f.host.problem_count, f.problems);
    assert_int_equal(result, f.problems == 0 ? 0 : BAREGPU_ERR_NO_SPACE);
    check_decoding();
    return result;
}

static int add_plain(int parent, uint8_t devfn)
{
    return fake_pci_add(&f.pci, parent, devfn, 0x1AF4, 0x1111, 0x120000, -1);
}

/* ---- Configuration access ---- */

static void offset_is_checked(void **state)
{
    (void)state;
    f.config.bus_first = 2;
    f.config.bus_last = 5;
    assert_int_equal(pci_host_init(&f.host, &f.config), 0);
    assert_int_equal(pci_config_offset(&f.host, PCI_BDF(2, 0, 0), 0, 4), 0);
    assert_int_equal(pci_config_offset(&f.host, PCI_BDF(2, 3, 1), 0x34, 1), 0x19034);
    assert_int_equal(pci_config_offset(&f.host, PCI_BDF(5, 31, 7), 0xFFC, 4), 0x3FFFFC);
    assert_int_equal(pci_config_offset(&f.host, PCI_BDF(1, 31, 7), 0, 4), BAREGPU_ERR_RANGE);
    assert_int_equal(pci_config_offset(&f.host, PCI_BDF(6, 0, 0), 0, 4), BAREGPU_ERR_RANGE);
    assert_int_equal(pci_config_offset(&f.host, PCI_BDF(2, 0, 0), 0x1000, 4), BAREGPU_ERR_INVALID);
    assert_int_equal(pci_config_offset(&f.host, PCI_BDF(2, 0, 0), UINT32_MAX - 3, 4),
                     BAREGPU_ERR_INVALID);
    assert_int_equal(pci_config_offset(&f.host, PCI_BDF(2, 0, 0), 2, 4), BAREGPU_ERR_INVALID);
    assert_int_equal(pci_config_offset(&f.host, PCI_BDF(2, 0, 0), 1, 2), BAREGPU_ERR_INVALID);
    assert_int_equal(pci_config_offset(&f.host, PCI_BDF(2, 0, 0), 0, 8), BAREGPU_ERR_INVALID);
    assert_int_equal(pci_config_offset(&f.host, PCI_BDF(2, 0, 0), 0, 3), BAREGPU_ERR_INVALID);
    assert_int_equal(pci_config_offset(&f.host, PCI_BDF(2, 0, 0), 0, 0), BAREGPU_ERR_INVALID);
    assert_int_equal(pci_config_read32(&f.host, PCI_BDF(1, 0, 0), 0), UINT32_MAX);
    assert_int_equal(pci_config_read16(&f.host, PCI_BDF(2, 0, 0), 1), UINT16_MAX);
    assert_int_equal(pci_config_write8(&f.host, PCI_BDF(6, 0, 0), 0, 0), BAREGPU_ERR_RANGE);
    assert_int_equal(f.pci.accesses, 0);
}

static void widths_reach_the_register(void **state)
{
    (void)state;
    int function = add_plain(FAKE_ROOT, 8);

    fake_pci_set32(&f.pci, function, 0x2C, 0x44332211);
    assert_int_equal(pci_host_init(&f.host, &f.config), 0);
    assert_int_equal(pci_config_read8(&f.host, 8, 0x2E), 0x33);
    assert_int_equal(pci_config_read16(&f.host, 8, 0x2E), 0x4433);
    assert_int_equal(pci_config_read32(&f.host, 8, 0x2C), 0x44332211);
    assert_int_equal(pci_config_write8(&f.host, 8, 0x3C, 0x5A), 0);
    assert_int_equal(fake_pci_get(&f.pci, function, 0x3C, 1), 0x5A);
}

static void bad_configurations_are_refused(void **state)
{
    (void)state;
    struct pci_host_config good = f.config;

    f.config.ecam_size = MIB - 1;
    assert_int_equal(pci_host_init(&f.host, &f.config), BAREGPU_ERR_INVALID);
    f.config = good;
    f.config.bus_first = 4;
    f.config.bus_last = 3;
    assert_int_equal(pci_host_init(&f.host, &f.config), BAREGPU_ERR_INVALID);
    f.config = good;
    f.config.devices = NULL;
    assert_int_equal(pci_host_init(&f.host, &f.config), BAREGPU_ERR_INVALID);
    f.config = good;
    f.config.windows[PCI_WINDOW_MEM32].size = 4 * GIB;
    assert_int_equal(pci_host_init(&f.host, &f.config), BAREGPU_ERR_INVALID);
    f.config = good;
    f.config.windows[PCI_WINDOW_MEM64].size = UINT64_MAX;
    assert_int_equal(pci_host_init(&f.host, &f.config), BAREGPU_ERR_INVALID);
    f.config = good;
    f.config.windows[PCI_WINDOW_MEM64].cpu_base = UINT64_MAX - 5;
    assert_int_equal(pci_host_init(&f.host, &f.config), BAREGPU_ERR_INVALID);
}

static void buses_beyond_the_ecam_are_cut_off(void **state)
{
    (void)state;
    int bridge = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 8, -1);
    int inner = fake_pci_add_bridge(&f.pci, bridge, 8, -1);

    add_plain(inner, 8);
    f.pci.bus_last = 1;
    f.config.ecam_size = 2 * MIB + 17; /* two whole buses, though 256 are claimed */
    assert_int_equal(enumerate(), BAREGPU_ERR_NO_SPACE);
    assert_int_equal(f.last_problem.kind, PCI_PROBLEM_NO_BUS);
    assert_int_equal(f.host.config.bus_last, 1);
    assert_int_equal(f.host.device_count, 2);
    assert_int_equal(device_of(bridge)->subordinate_bus, 1);
    assert_int_equal(device_of(inner)->secondary_bus, 0);
}

/* ---- Finding functions ---- */

static void empty_bus(void **state)
{
    (void)state;
    assert_int_equal(enumerate(), 0);
    assert_int_equal(f.host.device_count, 0);
    assert_null(pci_find_id(&f.host, 0x1AF4, 0x1111, NULL));
}

static void multi_function_is_followed(void **state)
{
    (void)state;
    for (uint8_t function = 0; function < 8; function += 3) {
        fake_pci_bar32(&f.pci, add_plain(FAKE_ROOT, 3 << 3 | function), 0, 4096, 0);
    }
    add_plain(FAKE_ROOT, 4 << 3);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(f.host.device_count, 4);
    assert_int_equal(f.devices[1].bdf, PCI_BDF(0, 3, 3));
    assert_int_equal(f.devices[2].bdf, PCI_BDF(0, 3, 6));
}

static void single_function_is_not_searched(void **state)
{
    (void)state;
    add_plain(FAKE_ROOT, 3 << 3);
    int ghost = add_plain(FAKE_ROOT, 3 << 3 | 1);

    f.pci.functions[0].config[0x0E] = 0; /* as devices that decode no function number */
    f.pci.functions[ghost].config[0x0E] = 0;
    assert_int_equal(enumerate(), 0);
    assert_int_equal(f.host.device_count, 1);
}

static void device_without_function_0_is_absent(void **state)
{
    (void)state;
    add_plain(FAKE_ROOT, 3 << 3 | 2);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(f.host.device_count, 0);
}

static void zero_vendor_is_nobody(void **state)
{
    (void)state;
    fake_pci_add(&f.pci, FAKE_ROOT, 8, 0, 0, 0, -1);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(f.host.device_count, 0);
}

static void identity_is_read(void **state)
{
    (void)state;
    int function = fake_pci_add(&f.pci, FAKE_ROOT, 8, 0x1234, 0x5678, 0x0C0330, -1);

    fake_pci_set32(&f.pci, function, 0x2C, 0x11001AF4);
    fake_pci_set8(&f.pci, function, 0x3D, 2);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(f.devices[0].vendor_id, 0x1234);
    assert_int_equal(f.devices[0].device_id, 0x5678);
    assert_int_equal(f.devices[0].class_code, 0x0C0330);
    assert_int_equal(f.devices[0].revision, 1);
    assert_int_equal(f.devices[0].subsystem_vendor_id, 0x1AF4);
    assert_int_equal(f.devices[0].subsystem_id, 0x1100);
    assert_int_equal(f.devices[0].interrupt_pin, 2);
    assert_ptr_equal(pci_find_class(&f.host, 0x0C0300, 0xFFFF00, NULL), &f.devices[0]);
    assert_null(pci_find_class(&f.host, 0x0C0300, 0xFFFF00, &f.devices[0]));
    assert_null(pci_find_class(&f.host, 0x0C0300, 0xFFFFFF, NULL));
}

static void lookup_goes_on_after_a_match(void **state)
{
    (void)state;
    add_plain(FAKE_ROOT, 8);
    fake_pci_add(&f.pci, FAKE_ROOT, 16, 0x1AF4, 0x1112, 0, -1);
    add_plain(FAKE_ROOT, 24);
    assert_int_equal(enumerate(), 0);
    struct pci_device *first = pci_find_id(&f.host, 0x1AF4, 0x1111, NULL);
    assert_ptr_equal(first, &f.devices[0]);
    assert_ptr_equal(pci_find_id(&f.host, 0x1AF4, 0x1111, first), &f.devices[2]);
    assert_null(pci_find_id(&f.host, 0x1AF4, 0x1111, &f.devices[2]));
}

static void full_table_is_reported(void **state)
{
    (void)state;
    for (uint8_t slot = 0; slot < 5; slot++) {
        add_plain(FAKE_ROOT, (uint8_t)(slot << 3));
    }
    f.config.device_capacity = 3;
    assert_int_equal(enumerate(), BAREGPU_ERR_NO_SPACE);
    assert_int_equal(f.host.device_count, 3);
    assert_int_equal(f.problems, 2);
    assert_int_equal(f.last_problem.kind, PCI_PROBLEM_TABLE_FULL);
    assert_int_equal(f.last_problem.bdf, PCI_BDF(0, 4, 0));
    assert_string_equal(f.last_text, "00:04.0 left out: the table has room for 3 devices");
}

/* ---- Bridges ---- */

static void three_bridges_deep(void **state)
{
    (void)state;
    int root_port = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 1 << 3, 4);
    int to_pci = fake_pci_add_bridge(&f.pci, root_port, 0, 7);
    int inner = fake_pci_add_bridge(&f.pci, to_pci, 5 << 3, -1);
    int deep = add_plain(inner, 9 << 3);
    int beside = add_plain(to_pci, 6 << 3);
    int second = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 2 << 3, 4);
    int last = add_plain(second, 0);

    fake_pci_bar32(&f.pci, deep, 0, 4096, 0);
    fake_pci_bar64(&f.pci, deep, 2, 16 * MIB, FAKE_PREFETCHABLE);
    fake_pci_bar_io(&f.pci, deep, 4, 64);
    fake_pci_bar32(&f.pci, beside, 0, 65536, 0);
    fake_pci_bar64(&f.pci, last, 0, 2 * GIB, FAKE_PREFETCHABLE);
    fake_pci_bar64(&f.pci, last, 2, 16384, 0); /* not prefetchable: below 4 GiB behind a bridge */
    assert_int_equal(enumerate(), 0);
    assert_int_equal(f.host.device_count, 7);

    assert_int_equal(device_of(root_port)->secondary_bus, 1);
    assert_int_equal(device_of(root_port)->subordinate_bus, 3);
    assert_int_equal(device_of(to_pci)->secondary_bus, 2);
    assert_int_equal(device_of(to_pci)->subordinate_bus, 3);
    assert_int_equal(device_of(inner)->secondary_bus, 3);
    assert_int_equal(device_of(inner)->subordinate_bus, 3);
    assert_int_equal(device_of(second)->secondary_bus, 4);
    assert_int_equal(device_of(second)->subordinate_bus, 4);
    assert_int_equal(fake_pci_get(&f.pci, inner, 0x18, 4) & 0xFFFFFF, 0x030302);
    assert_int_equal(device_of(deep)->bdf, PCI_BDF(3, 9, 0));
    assert_int_equal(device_of(deep)->depth, 3);
    assert_int_equal(device_of(deep)->parent, device_of(inner) - f.devices);
    assert_int_equal(device_of(last)->bars[0].window, PCI_WINDOW_MEM64);
    assert_int_equal(device_of(last)->bars[2].window, PCI_WINDOW_MEM32);
    assert_true(device_of(last)->bars[0].address >= 0x8000000000ull);
    /* Nothing asked for I/O behind the second: its window is shut. */
    assert_true(fake_pci_get(&f.pci, second, 0x1C, 1) > fake_pci_get(&f.pci, second, 0x1D, 1));
}

static void enumerating_twice_gives_the_same(void **state)
{
    (void)state;
    int a = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 1 << 3, 4);
    int b = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 2 << 3, 4);
    int c = fake_pci_add_bridge(&f.pci, b, 0, 7);

    fake_pci_bar32(&f.pci, add_plain(a, 0), 0, 4096, 0);
    fake_pci_bar32(&f.pci, add_plain(c, 8), 0, 4096, 0);
    assert_int_equal(enumerate(), 0);
    struct pci_device before[5];
    memcpy(before, f.devices, sizeof(before));
    assert_int_equal(enumerate(), 0);
    assert_int_equal(f.host.device_count, 5);
    assert_memory_equal(before, f.devices, sizeof(before));
}

static void a_link_leads_to_device_0_only(void **state)
{
    (void)state;
    int port = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 1 << 3, 4);

    add_plain(port, 0);
    add_plain(port, 1 << 3); /* the same device, as some hardware shows it again */
    assert_int_equal(enumerate(), 0);
    assert_int_equal(f.host.device_count, 2);
}

static void bus_numbers_can_run_out(void **state)
{
    (void)state;
    int first = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 1 << 3, 4);
    int second = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 2 << 3, 4);

    fake_pci_bar32(&f.pci, add_plain(first, 0), 0, 4096, 0);
    add_plain(second, 0);
    f.config.bus_first = f.pci.bus_first = 0x10;
    f.config.bus_last = f.pci.bus_last = 0x11;
    assert_int_equal(enumerate(), BAREGPU_ERR_NO_SPACE);
    assert_int_equal(f.problems, 1);
    assert_int_equal(f.last_problem.kind, PCI_PROBLEM_NO_BUS);
    assert_int_equal(f.last_problem.bdf, PCI_BDF(0x10, 2, 0));
    assert_int_equal(f.host.device_count, 3);
}

static void too_many_bridges_in_a_row(void **state)
{
    (void)state;
    int parent = FAKE_ROOT;

    for (int i = 0; i < PCI_BRIDGE_DEPTH_MAX + 3; i++) {
        parent = fake_pci_add_bridge(&f.pci, parent, 8, -1);
    }
    assert_int_equal(enumerate(), BAREGPU_ERR_NO_SPACE);
    assert_int_equal(f.last_problem.kind, PCI_PROBLEM_TOO_DEEP);
    assert_int_equal(f.host.device_count, PCI_BRIDGE_DEPTH_MAX + 1);
}

/* A bridge that answers itself behind itself: the numbers end it. */
static void bridge_that_shows_itself(void **state)
{
    (void)state;
    int bridge = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 8, -1);

    f.pci.functions[bridge].writable[0x19] = 0; /* secondary bus wired to the root's */
    fake_pci_set8(&f.pci, bridge, 0x19, 0);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(f.host.device_count, 1);
}

static void bridge_without_optional_windows(void **state)
{
    (void)state;
    int bridge = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 1 << 3, -1);
    int device = add_plain(bridge, 8);

    memset(&f.pci.functions[bridge].writable[0x1C], 0, 2);
    memset(&f.pci.functions[bridge].writable[0x24], 0, 12);
    fake_pci_set32(&f.pci, bridge, 0x24, 0);
    fake_pci_bar64(&f.pci, device, 0, 4 * MIB, FAKE_PREFETCHABLE);
    fake_pci_bar_io(&f.pci, device, 2, 32);
    assert_int_equal(enumerate(), BAREGPU_ERR_NO_SPACE);
    assert_int_equal(f.problems, 1);
    assert_int_equal(f.last_problem.kind, PCI_PROBLEM_NO_WINDOW);
    assert_int_equal(f.last_problem.bar, 2);
    assert_string_equal(f.last_text,
                        "01:01.0 BAR 2 of 32 bytes gets no address: no I/O window leads to it");
    assert_int_equal(device_of(device)->bars[0].state, PCI_RESOURCE_ASSIGNED);
    assert_int_equal(device_of(device)->bars[0].window, PCI_WINDOW_MEM32);
}

static void intx_is_swizzled(void **state)
{
    (void)state;
    int a = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 4 << 3, -1);
    int b = fake_pci_add_bridge(&f.pci, a, 3 << 3, -1);
    int device = add_plain(b, 6 << 3);
    unsigned slot;

    fake_pci_set8(&f.pci, device, 0x3D, 2);
    assert_int_equal(enumerate(), 0);
    /* INTB at slot 6: 1 + 6 -> INTD; at slot 3: 3 + 3 -> INTC. */
    assert_int_equal(pci_intx_route(&f.host, device_of(device), &slot), 3);
    assert_int_equal(slot, 4);
    assert_int_equal(pci_intx_route(&f.host, device_of(a), &slot), 0);
}

/* ---- BARs ---- */

static void bars_of_all_kinds(void **state)
{
    (void)state;
    int function = add_plain(FAKE_ROOT, 8);

    fake_pci_bar32(&f.pci, function, 0, 16, 0);
    fake_pci_bar32(&f.pci, function, 1, 8 * MIB, FAKE_PREFETCHABLE);
    fake_pci_bar_io(&f.pci, function, 2, 4);
    fake_pci_bar64(&f.pci, function, 4, 64 * GIB, FAKE_PREFETCHABLE);
    fake_pci_rom(&f.pci, function, 65536);
    fake_pci_set32(&f.pci, function, 0x30, 0x20000001); /* on, as other firmware left it */
    assert_int_equal(enumerate(), 0);
    const struct pci_resource *bars = f.devices[0].bars;

    assert_false(bars[0].is_io || bars[0].is_64bit || bars[0].is_prefetchable);
    assert_true(bars[1].is_prefetchable && !bars[1].is_64bit);
    assert_true(bars[2].is_io);
    assert_int_equal(bars[2].size, 4);
    assert_true(bars[2].address >= 0x1000);
    assert_int_equal(bars[3].state, PCI_RESOURCE_ABSENT);
    assert_true(bars[4].is_64bit && bars[4].is_prefetchable);
    assert_int_equal(bars[4].size, 64 * GIB);
    assert_int_equal(bars[5].state, PCI_RESOURCE_ABSENT);
    assert_int_equal(f.devices[0].rom_size, 65536);
    assert_int_equal(fake_pci_get(&f.pci, function, 0x30, 4), 0x20000000); /* off */
}

static void bars_64_bit_without_a_64_bit_window(void **state)
{
    (void)state;
    int bridge = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 1 << 3, 4);
    int behind = add_plain(bridge, 0);
    int beside = add_plain(FAKE_ROOT, 2 << 3);

    f.config.windows[PCI_WINDOW_MEM64].size = 0;
    fake_pci_bar64(&f.pci, behind, 0, 32 * MIB, FAKE_PREFETCHABLE);
    fake_pci_bar64(&f.pci, beside, 0, 16 * MIB, FAKE_PREFETCHABLE);
    fake_pci_bar64(&f.pci, beside, 2, 4096, 0);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(device_of(behind)->bars[0].window, PCI_WINDOW_MEM32);
    assert_true(device_of(beside)->bars[2].address < 4 * GIB);
}

static void window_at_another_bus_address(void **state)
{
    (void)state;
    int function = add_plain(FAKE_ROOT, 8);
    uint64_t address;

    f.config.windows[PCI_WINDOW_MEM32] = (struct pci_window){0x40000000, 0, 256 * MIB};
    fake_pci_bar32(&f.pci, function, 0, 4096, 0);
    assert_int_equal(enumerate(), 0);
    assert_true(f.devices[0].bars[0].address >= MIB); /* 0 would look unassigned */
    assert_int_equal(pci_bar_cpu_address(&f.host, &f.devices[0], 0, &address), 0);
    assert_int_equal(address, 0x40000000 + f.devices[0].bars[0].address);
    assert_int_equal(pci_bar_cpu_address(&f.host, &f.devices[0], 1, &address),
                     BAREGPU_ERR_NOT_FOUND);
    assert_int_equal(pci_bar_cpu_address(&f.host, &f.devices[0], 6, &address),
                     BAREGPU_ERR_NOT_FOUND);
}

static void full_window_names_the_bar(void **state)
{
    (void)state;
    for (uint8_t slot = 1; slot <= 3; slot++) {
        int function = add_plain(FAKE_ROOT, (uint8_t)(slot << 3));

        fake_pci_bar32(&f.pci, function, 0, 256 * MIB, 0);
        fake_pci_bar32(&f.pci, function, 1, 4096, 0);
    }
    assert_int_equal(enumerate(), BAREGPU_ERR_NO_SPACE);
    assert_int_equal(f.problems, 1);
    assert_int_equal(f.last_problem.kind, PCI_PROBLEM_WINDOW_FULL);
    assert_int_equal(f.last_problem.bdf, PCI_BDF(0, 3, 0));
    assert_int_equal(f.last_problem.bar, 0);
    assert_int_equal(f.last_problem.size, 256 * MIB);
    assert_string_equal(f.last_text, "00:03.0 BAR 0 of 256 MiB gets no address: the 32-bit memory "
                                     "window 10000000-3efeffff is full");
    assert_int_equal(f.devices[2].bars[0].state, PCI_RESOURCE_FAILED);
    assert_int_equal(f.devices[2].bars[1].state, PCI_RESOURCE_ASSIGNED);
    /* The device stays off: its BAR 0 would answer somewhere. Its register holds no window's
     * address. */
    assert_int_equal(pci_device_enable(&f.host, &f.devices[2], PCI_COMMAND_MEMORY),
                     BAREGPU_ERR_NO_SPACE);
    assert_int_equal(pci_device_enable(&f.host, &f.devices[2], PCI_COMMAND_BUS_MASTER), 0);
    assert_int_equal(fake_pci_get(&f.pci, 2, 0x10, 4), 0xF0000000);
}

static void full_window_behind_a_bridge_costs_the_largest(void **state)
{
    (void)state;
    int bridge = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 1 << 3, -1);
    int greedy = add_plain(bridge, 1 << 3);
    int modest = add_plain(bridge, 2 << 3);
    int root = add_plain(FAKE_ROOT, 2 << 3);

    fake_pci_bar32(&f.pci, greedy, 0, 512 * MIB, 0);
    fake_pci_bar32(&f.pci, greedy, 1, 64 * MIB, 0);
    fake_pci_bar32(&f.pci, modest, 0, 128 * MIB, 0);
    fake_pci_bar32(&f.pci, root, 0, 128 * MIB, 0);
    assert_int_equal(enumerate(), BAREGPU_ERR_NO_SPACE);
    assert_int_equal(f.problems, 1);
    assert_int_equal(f.last_problem.bdf, PCI_BDF(1, 1, 0));
    assert_int_equal(f.last_problem.bar, 0);
    assert_int_equal(device_of(modest)->bars[0].state, PCI_RESOURCE_ASSIGNED);
    assert_int_equal(device_of(greedy)->bars[1].state, PCI_RESOURCE_ASSIGNED);
    assert_int_equal(device_of(root)->bars[0].state, PCI_RESOURCE_ASSIGNED);
}

static void absurd_sizes_are_refused(void **state)
{
    (void)state;
    int bridge = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 1 << 3, -1);
    int device = add_plain(bridge, 1 << 3);
    int other = add_plain(bridge, 2 << 3);

    fake_pci_bar64(&f.pci, device, 0, 1ull << 63, FAKE_PREFETCHABLE);
    fake_pci_bar64(&f.pci, device, 2, 1ull << 63, FAKE_PREFETCHABLE);
    fake_pci_bar64(&f.pci, device, 4, 1ull << 63, 0);
    fake_pci_bar64(&f.pci, other, 0, 1ull << 63, FAKE_PREFETCHABLE);
    fake_pci_bar64(&f.pci, other, 2, 4096, FAKE_PREFETCHABLE);
    assert_int_equal(enumerate(), BAREGPU_ERR_NO_SPACE);
    assert_int_equal(f.problems, 4);
    assert_int_equal(device_of(other)->bars[2].state, PCI_RESOURCE_ASSIGNED);
}

static void bars_of_reserved_kinds(void **state)
{
    (void)state;
    int function = add_plain(FAKE_ROOT, 8);

    fake_pci_bar32(&f.pci, function, 0, 4096, 2);   /* "below 1 MiB" of old */
    fake_pci_bar32(&f.pci, function, 5, 4096, 4);   /* 64-bit without a second register */
    fake_pci_bar32(&f.pci, function, 1, 4096, 0);
    assert_int_equal(enumerate(), BAREGPU_ERR_NO_SPACE);
    assert_int_equal(f.problems, 2);
    assert_int_equal(f.last_problem.kind, PCI_PROBLEM_BAD_BAR);
    assert_int_equal(f.last_problem.bar, 5);
    assert_int_equal(f.devices[0].bars[1].state, PCI_RESOURCE_ASSIGNED);
}

static void flags_without_address_bits_are_no_bar(void **state)
{
    (void)state;
    int function = add_plain(FAKE_ROOT, 8);

    fake_pci_set32(&f.pci, function, 0x10, 0x8);
    fake_pci_set32(&f.pci, function, 0x14, 0x1);
    fake_pci_set32(&f.pci, function, 0x18, 0xC);
    assert_int_equal(enumerate(), 0);
    for (unsigned bar = 0; bar < PCI_BAR_COUNT; bar++) {
        assert_int_equal(f.devices[0].bars[bar].state, PCI_RESOURCE_ABSENT);
    }
}

/* Two bridges whose windows are no multiple of their alignment leave gaps; small BARs go there. */
static void gaps_are_filled(void **state)
{
    (void)state;
    for (uint8_t slot = 1; slot <= 2; slot++) {
        int bridge = fake_pci_add_bridge(&f.pci, FAKE_ROOT, (uint8_t)(slot << 3), -1);
        int device = add_plain(bridge, 8);

        fake_pci_bar32(&f.pci, device, 0, 64 * MIB, 0);
        fake_pci_bar32(&f.pci, device, 1, MIB, 0);
    }
    int small = add_plain(FAKE_ROOT, 3 << 3);
    fake_pci_bar32(&f.pci, small, 0, 32 * MIB, 0);
    fake_pci_bar32(&f.pci, small, 1, 16 * MIB, 0);
    f.config.windows[PCI_WINDOW_MEM32] = (struct pci_window){0x10000000, 0x10000000, 193 * MIB};
    assert_int_equal(enumerate(), 0);
}

static void windows_that_nobody_needs_are_shut(void **state)
{
    (void)state;
    int bridge = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 8, 4);

    assert_int_equal(enumerate(), 0);
    assert_true(fake_pci_get(&f.pci, bridge, 0x1C, 1) > fake_pci_get(&f.pci, bridge, 0x1D, 1));
    assert_true(fake_pci_get(&f.pci, bridge, 0x20, 2) > fake_pci_get(&f.pci, bridge, 0x22, 2));
    assert_true(fake_pci_get(&f.pci, bridge, 0x24, 2) > fake_pci_get(&f.pci, bridge, 0x26, 2));
    assert_int_equal(fake_pci_get(&f.pci, bridge, 0x28, 4), 0);
    assert_int_equal(fake_pci_get(&f.pci, bridge, 0x2C, 4), 0);
    assert_int_equal(fake_pci_get(&f.pci, bridge, 0x04, 2), 7);
}

static void commands_are_set_and_cleared(void **state)
{
    (void)state;
    int function = add_plain(FAKE_ROOT, 8);

    fake_pci_bar_io(&f.pci, function, 0, 1 << 15);
    fake_pci_bar_io(&f.pci, function, 1, 1 << 15); /* no room for both */
    fake_pci_bar32(&f.pci, function, 2, 4096, 0);
    fake_pci_set16(&f.pci, function, 0x04, 7); /* on, as other firmware left it */
    assert_int_equal(pci_host_init(&f.host, &f.config), 0);
    assert_int_equal(pci_host_enumerate(&f.host), BAREGPU_ERR_NO_SPACE);
    assert_int_equal(fake_pci_get(&f.pci, function, 0x04, 2), 0);
    assert_int_equal(pci_device_enable(&f.host, f.devices, PCI_COMMAND_IO), BAREGPU_ERR_NO_SPACE);
    assert_int_equal(
        pci_device_enable(&f.host, f.devices, PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER), 0);
    assert_int_equal(pci_device_enable(&f.host, f.devices, PCI_COMMAND_INTX_DISABLE), 0);
    assert_int_equal(fake_pci_get(&f.pci, function, 0x04, 2), 0x0406);
    assert_int_equal(pci_device_disable(&f.host, f.devices, PCI_COMMAND_MEMORY), 0);
    assert_int_equal(fake_pci_get(&f.pci, function, 0x04, 2), 0x0404);
}

static void bridge_with_its_own_bar(void **state)
{
    (void)state;
    int bridge = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 8, 4);

    fake_pci_bar64(&f.pci, bridge, 0, 4096, 0);
    fake_pci_rom(&f.pci, bridge, 4096);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(f.devices[0].bars[0].state, PCI_RESOURCE_ASSIGNED);
    assert_int_equal(f.devices[0].rom_size, 4096);
}

static void cardbus_is_listed_only(void **state)
{
    (void)state;
    int function = add_plain(FAKE_ROOT, 8);

    fake_pci_bar32(&f.pci, function, 0, 4096, 0);
    fake_pci_set8(&f.pci, function, 0x0E, 2);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(f.devices[0].header_kind, PCI_HEADER_CARDBUS);
    assert_int_equal(f.devices[0].bars[0].state, PCI_RESOURCE_ABSENT);
}

/* ---- Capabilities ---- */

static int walk(bool extended, uint16_t *ids, int capacity, int *result)
{
    struct pci_capability_walk it;
    struct pci_capability capability;
    int count = 0;

    (extended ? pci_extended_capability_begin : pci_capability_begin)(&it, &f.host, &f.devices[0]);
    while ((*result = pci_capability_next(&it, &capability)) > 0) {
        assert_true(count < capacity);
        assert_int_equal(capability.is_extended, extended);
        ids[count++] = capability.id;
    }
    assert_int_equal(pci_capability_next(&it, &capability), 0); /* stays at its end */
    return count;
}

static void standard_list(void **state)
{
    (void)state;
    uint16_t ids[64];
    int result;
    int function = add_plain(FAKE_ROOT, 8);

    fake_pci_capability(&f.pci, function, 0x98, PCI_CAP_VENDOR, 0x43); /* low bits to be masked */
    fake_pci_capability(&f.pci, function, 0x40, PCI_CAP_MSIX, 0xFC);
    fake_pci_capability(&f.pci, function, 0xFC, PCI_CAP_VENDOR, 0);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(walk(false, ids, 64, &result), 3);
    assert_int_equal(result, 0);
    assert_int_equal(ids[1], PCI_CAP_MSIX);
    assert_int_equal(pci_capability_find(&f.host, f.devices, PCI_CAP_VENDOR, 0), 0x98);
    assert_int_equal(pci_capability_find(&f.host, f.devices, PCI_CAP_VENDOR, 0x98), 0xFC);
    assert_int_equal(pci_capability_find(&f.host, f.devices, PCI_CAP_VENDOR, 0xFC),
                     BAREGPU_ERR_NOT_FOUND);
    assert_ptr_equal(pci_find_capability(&f.host, PCI_CAP_MSIX, NULL), f.devices);
    assert_null(pci_find_capability(&f.host, PCI_CAP_MSI, NULL));
}

static void status_says_that_there_is_no_list(void **state)
{
    (void)state;
    uint16_t ids[4];
    int result;
    int function = add_plain(FAKE_ROOT, 8);

    fake_pci_capability(&f.pci, function, 0x40, PCI_CAP_MSI, 0);
    fake_pci_set16(&f.pci, function, 0x06, 0);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(walk(false, ids, 4, &result), 0);
    assert_int_equal(result, 0);
}

static void loops_end(void **state)
{
    (void)state;
    uint16_t ids[64];
    int result;
    int function = add_plain(FAKE_ROOT, 8);

    fake_pci_capability(&f.pci, function, 0x40, 1, 0x50);
    fake_pci_capability(&f.pci, function, 0x50, 5, 0x60);
    fake_pci_capability(&f.pci, function, 0x60, 9, 0x50);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(walk(false, ids, 64, &result), 3);
    assert_int_equal(result, BAREGPU_ERR_PROTOCOL);
    assert_int_equal(pci_capability_find(&f.host, f.devices, 9, 0), 0x60);
    assert_int_equal(pci_capability_find(&f.host, f.devices, 0x11, 0), BAREGPU_ERR_NOT_FOUND);
    fake_pci_set8(&f.pci, function, 0x41, 0x40); /* itself */
    assert_int_equal(walk(false, ids, 64, &result), 1);
    assert_int_equal(result, BAREGPU_ERR_PROTOCOL);
}

static void bad_pointers_end(void **state)
{
    (void)state;
    uint16_t ids[64];
    int result;
    int function = add_plain(FAKE_ROOT, 8);

    fake_pci_capability(&f.pci, function, 0x40, 1, 0x3C); /* into the header */
    assert_int_equal(enumerate(), 0);
    assert_int_equal(walk(false, ids, 64, &result), 1);
    assert_int_equal(result, BAREGPU_ERR_PROTOCOL);
    fake_pci_set8(&f.pci, function, 0x34, 0x10);
    assert_int_equal(walk(false, ids, 64, &result), 0);
    assert_int_equal(result, BAREGPU_ERR_PROTOCOL);
    fake_pci_set8(&f.pci, function, 0x34, 0x80);
    fake_pci_set32(&f.pci, function, 0x80, UINT32_MAX); /* unplugged while we look */
    assert_int_equal(walk(false, ids, 64, &result), 0);
    assert_int_equal(result, BAREGPU_ERR_PROTOCOL);
}

static void extended_list(void **state)
{
    (void)state;
    uint16_t ids[64];
    int result;
    int function = fake_pci_add(&f.pci, FAKE_ROOT, 8, 1, 2, 0, 9);

    fake_pci_set32(&f.pci, function, 0x100, 0x0001u | 2u << 16 | 0x203u << 20);
    fake_pci_set32(&f.pci, function, 0x200, 0x000Eu | 1u << 16 | 0xFFCu << 20);
    fake_pci_set32(&f.pci, function, 0xFFC, 0x0003u | 1u << 16);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(walk(true, ids, 64, &result), 3);
    assert_int_equal(result, 0);
    assert_int_equal(ids[1], 0x000E);
    assert_int_equal(pci_extended_capability_find(&f.host, f.devices, 3, 0), 0xFFC);
    assert_ptr_equal(pci_find_extended_capability(&f.host, 0x000E, NULL), f.devices);

    fake_pci_set32(&f.pci, function, 0xFFC, 0x0003u | 1u << 16 | 0x100u << 20); /* a loop */
    assert_int_equal(walk(true, ids, 64, &result), 3);
    assert_int_equal(result, BAREGPU_ERR_PROTOCOL);
    fake_pci_set32(&f.pci, function, 0xFFC, 0x0003u | 1u << 16 | 0x040u << 20); /* below 0x100 */
    assert_int_equal(walk(true, ids, 64, &result), 3);
    assert_int_equal(result, BAREGPU_ERR_PROTOCOL);
    fake_pci_set32(&f.pci, function, 0x100, 0); /* an empty list */
    assert_int_equal(walk(true, ids, 64, &result), 0);
    assert_int_equal(result, 0);
    fake_pci_set32(&f.pci, function, 0x100, UINT32_MAX);
    assert_int_equal(walk(true, ids, 64, &result), 0);
    assert_int_equal(result, 0);
}

static void extended_list_needs_express(void **state)
{
    (void)state;
    uint16_t ids[4];
    int result;
    int function = add_plain(FAKE_ROOT, 8);

    fake_pci_set32(&f.pci, function, 0x100, 0x0001u | 1u << 16);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(walk(true, ids, 4, &result), 0);
    assert_int_equal(result, 0);
}

/* ---- Text ---- */

static char printed[8192];

static void print(void *context, const char *text)
{
    (void)context;
    strncat(printed, text, sizeof(printed) - strlen(printed) - 1);
}

static void listings(void **state)
{
    (void)state;
    int bridge = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 1 << 3, 4);
    int device = add_plain(bridge, 0);

    fake_pci_bar32(&f.pci, device, 0, 4096, 0);
    fake_pci_bar64(&f.pci, device, 2, 8 * GIB, FAKE_PREFETCHABLE);
    fake_pci_bar_io(&f.pci, device, 4, 32);
    fake_pci_rom(&f.pci, device, 65536);
    fake_pci_set8(&f.pci, device, 0x3D, 1);
    fake_pci_set32(&f.pci, device, 0x2C, 0x11001AF4);
    fake_pci_capability(&f.pci, device, 0x48, PCI_CAP_MSIX, 0x48);
    assert_int_equal(enumerate(), 0);
    printed[0] = '\0';
    pci_list_tree(&f.host, print, NULL);
    assert_string_equal(printed, "00:01.0 PCI bridge [1b36:000c] rev 01, bus 01\n"
                                 "  01:00.0 Processing accelerator [1af4:1111] rev 01\n");
    printed[0] = '\0';
    pci_list_verbose(&f.host, print, NULL);
    assert_string_equal(
        printed,
        "00:01.0 PCI bridge [1b36:000c] rev 01\n"
        "    class 060400, I/O+ memory+ bus master+\n"
        "    buses: primary 00, secondary 01, subordinate 01\n"
        "    forwards I/O 00001000-00001fff, 4 KiB\n"
        "    forwards 32-bit memory 10000000-100fffff, 1 MiB\n"
        "    forwards prefetchable memory 0000008000000000-00000081ffffffff, 8 GiB\n"
        "    capability 040: PCI Express [10]\n"
        "01:00.0 Processing accelerator [1af4:1111] rev 01\n"
        "    class 120000, subsystem 1af4:1100, I/O+ memory+ bus master-, INTA\n"
        "    BAR 0: memory 10000000, 4 KiB, 32-bit\n"
        "    BAR 2: memory 0000008000000000, 8 GiB, 64-bit, prefetchable\n"
        "    BAR 4: I/O 00001000, 32 bytes\n"
        "    expansion ROM, 64 KiB, off\n"
        "    capability 048: MSI-X [11]\n"
        "    the capability list is broken here\n");
}

static void class_names(void **state)
{
    (void)state;
    assert_string_equal(pci_class_name(0x120000), "Processing accelerator");
    assert_string_equal(pci_class_name(0x038000), "Display controller");
    assert_string_equal(pci_class_name(0xFF0000), "Device");
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(offset_is_checked),
        TEST(widths_reach_the_register),
        TEST(bad_configurations_are_refused),
        TEST(buses_beyond_the_ecam_are_cut_off),
        TEST(empty_bus),
        TEST(multi_function_is_followed),
        TEST(single_function_is_not_searched),
        TEST(device_without_function_0_is_absent),
        TEST(zero_vendor_is_nobody),
        TEST(identity_is_read),
        TEST(lookup_goes_on_after_a_match),
        TEST(full_table_is_reported),
        TEST(three_bridges_deep),
        TEST(enumerating_twice_gives_the_same),
        TEST(a_link_leads_to_device_0_only),
        TEST(bus_numbers_can_run_out),
        TEST(too_many_bridges_in_a_row),
        TEST(bridge_that_shows_itself),
        TEST(bridge_without_optional_windows),
        TEST(intx_is_swizzled),
        TEST(bars_of_all_kinds),
        TEST(bars_64_bit_without_a_64_bit_window),
        TEST(window_at_another_bus_address),
        TEST(full_window_names_the_bar),
        TEST(full_window_behind_a_bridge_costs_the_largest),
        TEST(absurd_sizes_are_refused),
        TEST(bars_of_reserved_kinds),
        TEST(flags_without_address_bits_are_no_bar),
        TEST(gaps_are_filled),
        TEST(windows_that_nobody_needs_are_shut),
        TEST(commands_are_set_and_cleared),
        TEST(bridge_with_its_own_bar),
        TEST(cardbus_is_listed_only),
        TEST(standard_list),
        TEST(status_says_that_there_is_no_list),
        TEST(loops_end),
        TEST(bad_pointers_end),
        TEST(extended_list),
        TEST(extended_list_needs_express),
        TEST(listings),
        TEST(class_names),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
