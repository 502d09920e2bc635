/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/pci_ecam.c firmware/pci/enumerate.c firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c
// build: firmware/pci/list.c firmware/common/error.c tests/fake/pci.c tests/fake/hal.c
// build: tests/unit/pci/fixture.c
/* Configuration access, the walk over buses and bridges, text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pci/fixture.h"

/* ---- Configuration access ---- */

static void offset_is_checked(void **state)
{
    (void)state;
    f.config.bus_first = 2;
    f.config.bus_last = 5;
    assert_int_equal(bg_pci_host_init(&f.host, &f.config), 0);
    assert_int_equal(bg_pci_config_offset(&f.host, BG_PCI_BDF(2, 0, 0), 0, 4), 0);
    assert_int_equal(bg_pci_config_offset(&f.host, BG_PCI_BDF(2, 3, 1), 0x34, 1), 0x19034);
    assert_int_equal(bg_pci_config_offset(&f.host, BG_PCI_BDF(5, 31, 7), 0xFFC, 4), 0x3FFFFC);
    assert_int_equal(bg_pci_config_offset(&f.host, BG_PCI_BDF(1, 31, 7), 0, 4), BG_ERR_RANGE);
    assert_int_equal(bg_pci_config_offset(&f.host, BG_PCI_BDF(6, 0, 0), 0, 4), BG_ERR_RANGE);
    assert_int_equal(bg_pci_config_offset(&f.host, BG_PCI_BDF(2, 0, 0), 0x1000, 4), BG_ERR_INVALID);
    assert_int_equal(bg_pci_config_offset(&f.host, BG_PCI_BDF(2, 0, 0), UINT32_MAX - 3, 4),
                     BG_ERR_INVALID);
    assert_int_equal(bg_pci_config_offset(&f.host, BG_PCI_BDF(2, 0, 0), 2, 4), BG_ERR_INVALID);
    assert_int_equal(bg_pci_config_offset(&f.host, BG_PCI_BDF(2, 0, 0), 1, 2), BG_ERR_INVALID);
    assert_int_equal(bg_pci_config_offset(&f.host, BG_PCI_BDF(2, 0, 0), 0, 8), BG_ERR_INVALID);
    assert_int_equal(bg_pci_config_offset(&f.host, BG_PCI_BDF(2, 0, 0), 0, 3), BG_ERR_INVALID);
    assert_int_equal(bg_pci_config_offset(&f.host, BG_PCI_BDF(2, 0, 0), 0, 0), BG_ERR_INVALID);
    assert_int_equal(bg_pci_config_read32(&f.host, BG_PCI_BDF(1, 0, 0), 0), UINT32_MAX);
    assert_int_equal(bg_pci_config_read16(&f.host, BG_PCI_BDF(2, 0, 0), 1), UINT16_MAX);
    assert_int_equal(bg_pci_config_write8(&f.host, BG_PCI_BDF(6, 0, 0), 0, 0), BG_ERR_RANGE);
    assert_int_equal(f.pci.accesses, 0);
}

static void widths_reach_the_register(void **state)
{
    (void)state;
    int function = add_plain(FAKE_ROOT, 8);

    fake_pci_set32(&f.pci, function, 0x2C, 0x44332211);
    assert_int_equal(bg_pci_host_init(&f.host, &f.config), 0);
    assert_int_equal(bg_pci_config_read8(&f.host, 8, 0x2E), 0x33);
    assert_int_equal(bg_pci_config_read16(&f.host, 8, 0x2E), 0x4433);
    assert_int_equal(bg_pci_config_read32(&f.host, 8, 0x2C), 0x44332211);
    assert_int_equal(bg_pci_config_write8(&f.host, 8, 0x3C, 0x5A), 0);
    assert_int_equal(fake_pci_get(&f.pci, function, 0x3C, 1), 0x5A);
}

static void bad_configurations_are_refused(void **state)
{
    (void)state;
    struct bg_pci_host_config good = f.config;

    f.config.ecam_size = MIB - 1;
    assert_int_equal(bg_pci_host_init(&f.host, &f.config), BG_ERR_INVALID);
    f.config = good;
    f.config.bus_first = 4;
    f.config.bus_last = 3;
    assert_int_equal(bg_pci_host_init(&f.host, &f.config), BG_ERR_INVALID);
    f.config = good;
    f.config.devices = NULL;
    assert_int_equal(bg_pci_host_init(&f.host, &f.config), BG_ERR_INVALID);
    f.config = good;
    f.config.windows[BG_PCI_WINDOW_MEM32].size = 4 * GIB;
    assert_int_equal(bg_pci_host_init(&f.host, &f.config), BG_ERR_INVALID);
    f.config = good;
    f.config.windows[BG_PCI_WINDOW_MEM64].size = UINT64_MAX;
    assert_int_equal(bg_pci_host_init(&f.host, &f.config), BG_ERR_INVALID);
    f.config = good;
    f.config.windows[BG_PCI_WINDOW_MEM64].cpu_base = UINT64_MAX - 5;
    assert_int_equal(bg_pci_host_init(&f.host, &f.config), BG_ERR_INVALID);
}

static void buses_beyond_the_ecam_are_cut_off(void **state)
{
    (void)state;
    int bridge = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 8, -1);
    int inner = fake_pci_add_bridge(&f.pci, bridge, 8, -1);

    add_plain(inner, 8);
    f.pci.bus_last = 1;
    f.config.ecam_size = 2 * MIB + 17; /* two whole buses, though 256 are claimed */
    assert_int_equal(enumerate(), BG_ERR_NO_SPACE);
    assert_int_equal(f.last_problem.kind, BG_PCI_PROBLEM_NO_BUS);
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
    assert_null(bg_pci_find_id(&f.host, 0x1AF4, 0x1111, NULL));
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
    assert_int_equal(f.devices[1].bdf, BG_PCI_BDF(0, 3, 3));
    assert_int_equal(f.devices[2].bdf, BG_PCI_BDF(0, 3, 6));
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
    assert_ptr_equal(bg_pci_find_class(&f.host, 0x0C0300, 0xFFFF00, NULL), &f.devices[0]);
    assert_null(bg_pci_find_class(&f.host, 0x0C0300, 0xFFFF00, &f.devices[0]));
    assert_null(bg_pci_find_class(&f.host, 0x0C0300, 0xFFFFFF, NULL));
}

static void lookup_goes_on_after_a_match(void **state)
{
    (void)state;
    add_plain(FAKE_ROOT, 8);
    fake_pci_add(&f.pci, FAKE_ROOT, 16, 0x1AF4, 0x1112, 0, -1);
    add_plain(FAKE_ROOT, 24);
    assert_int_equal(enumerate(), 0);
    struct bg_pci_device *first = bg_pci_find_id(&f.host, 0x1AF4, 0x1111, NULL);
    assert_ptr_equal(first, &f.devices[0]);
    assert_ptr_equal(bg_pci_find_id(&f.host, 0x1AF4, 0x1111, first), &f.devices[2]);
    assert_null(bg_pci_find_id(&f.host, 0x1AF4, 0x1111, &f.devices[2]));
}

static void full_table_is_reported(void **state)
{
    (void)state;
    for (uint8_t slot = 0; slot < 5; slot++) {
        add_plain(FAKE_ROOT, (uint8_t)(slot << 3));
    }
    f.config.device_capacity = 3;
    assert_int_equal(enumerate(), BG_ERR_NO_SPACE);
    assert_int_equal(f.host.device_count, 3);
    assert_int_equal(f.problems, 2);
    assert_int_equal(f.last_problem.kind, BG_PCI_PROBLEM_TABLE_FULL);
    assert_int_equal(f.last_problem.bdf, BG_PCI_BDF(0, 4, 0));
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
    assert_int_equal(device_of(deep)->bdf, BG_PCI_BDF(3, 9, 0));
    assert_int_equal(device_of(deep)->depth, 3);
    assert_int_equal(device_of(deep)->parent, device_of(inner) - f.devices);
    assert_int_equal(device_of(last)->bars[0].window, BG_PCI_WINDOW_MEM64);
    assert_int_equal(device_of(last)->bars[2].window, BG_PCI_WINDOW_MEM32);
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
    struct bg_pci_device before[5];
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
    assert_int_equal(enumerate(), BG_ERR_NO_SPACE);
    assert_int_equal(f.problems, 1);
    assert_int_equal(f.last_problem.kind, BG_PCI_PROBLEM_NO_BUS);
    assert_int_equal(f.last_problem.bdf, BG_PCI_BDF(0x10, 2, 0));
    assert_int_equal(f.host.device_count, 3);
}

/* ---- Further root buses ---- */

static void add_host_bridge(uint8_t devfn)
{
    fake_pci_add(&f.pci, FAKE_ROOT, devfn, 0x1B36, 0x000B, 0x060000, -1);
}

/* Two of them, with bridges of old numbers on all three: each gets numbers up to the next root. */
static void further_root_buses(void **state)
{
    (void)state;
    int bridges[3];
    const int roots[3] = {FAKE_ROOT, FAKE_ROOT_AT(0x40), FAKE_ROOT_AT(0xF0)};
    const uint8_t old[3] = {0x20, 0x60, 0xF8};

    add_host_bridge(0);
    add_host_bridge(3 << 3);
    add_host_bridge(4 << 3);
    for (int i = 0; i < 3; i++) {
        bridges[i] = fake_pci_add_bridge(&f.pci, roots[i], 5 << 3, 4);
        fake_pci_set8(&f.pci, bridges[i], 0x19, old[i]);
        fake_pci_set8(&f.pci, bridges[i], 0x1A, old[i] + 3);
        fake_pci_bar32(&f.pci, add_plain(bridges[i], 0), 0, 4096, 0);
    }
    fake_pci_bar32(&f.pci, add_plain(FAKE_ROOT_AT(0x40), 31 << 3), 0, 4096, 0);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(f.host.device_count, 3 + 2 * 3 + 1);
    assert_int_equal(device_of(bridges[0])->secondary_bus, 1);
    assert_int_equal(device_of(bridges[1])->secondary_bus, 0x41);
    assert_int_equal(device_of(bridges[2])->secondary_bus, 0xF1);
    assert_int_equal(device_of(bridges[2])->parent, BG_PCI_NO_PARENT);
}

/* Bridges on a root bus cannot have the numbers of the next one. */
static void numbers_end_at_the_next_root(void **state)
{
    (void)state;
    add_host_bridge(1 << 3);
    for (uint8_t slot = 2; slot < 5; slot++) {
        add_plain(fake_pci_add_bridge(&f.pci, FAKE_ROOT, (uint8_t)(slot << 3), 4), 0);
    }
    add_plain(FAKE_ROOT_AT(3), 0);
    assert_int_equal(enumerate(), BG_ERR_NO_SPACE);
    assert_int_equal(f.problems, 1);
    assert_int_equal(f.last_problem.kind, BG_PCI_PROBLEM_NO_BUS);
    assert_string_equal(f.last_text, "00:04.0 left without a bus behind it: bus numbers end at 02");
    assert_int_equal(f.host.device_count, 1 + 3 + 2 + 1);
}

/* An empty one says nothing; one that may be beyond our buses is a problem. */
static void root_bus_that_does_not_answer(void **state)
{
    (void)state;
    add_host_bridge(1 << 3);
    assert_int_equal(enumerate(), 0);
    f.config.bus_last = f.pci.bus_last = 15;
    add_plain(FAKE_ROOT_AT(0x80), 0);
    assert_int_equal(enumerate(), BG_ERR_NO_SPACE);
    assert_int_equal(f.last_problem.kind, BG_PCI_PROBLEM_NO_ROOT);
    assert_string_equal(f.last_text, "00:00.0 leads to a root bus that is empty or beyond 0f");
}

/* Where no bridge leads to one, none is looked for. */
static void root_buses_cost_nothing_elsewhere(void **state)
{
    (void)state;
    fake_pci_add(&f.pci, FAKE_ROOT, 0, 0x1B36, 0x0008, 0x060000, -1);
    assert_int_equal(enumerate(), 0);
    assert_true(f.pci.accesses < 200);
}

static void too_many_bridges_in_a_row(void **state)
{
    (void)state;
    int parent = FAKE_ROOT;

    for (int i = 0; i < BG_PCI_BRIDGE_DEPTH_MAX + 3; i++) {
        parent = fake_pci_add_bridge(&f.pci, parent, 8, -1);
    }
    assert_int_equal(enumerate(), BG_ERR_NO_SPACE);
    assert_int_equal(f.last_problem.kind, BG_PCI_PROBLEM_TOO_DEEP);
    assert_int_equal(f.host.device_count, BG_PCI_BRIDGE_DEPTH_MAX + 1);
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
    assert_int_equal(enumerate(), BG_ERR_NO_SPACE);
    assert_int_equal(f.problems, 1);
    assert_int_equal(f.last_problem.kind, BG_PCI_PROBLEM_NO_WINDOW);
    assert_int_equal(f.last_problem.bar, 2);
    assert_string_equal(f.last_text,
                        "01:01.0 BAR 2 of 32 bytes gets no address: no I/O window leads to it");
    assert_int_equal(device_of(device)->bars[0].state, BG_PCI_RESOURCE_ASSIGNED);
    assert_int_equal(device_of(device)->bars[0].window, BG_PCI_WINDOW_MEM32);
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
    assert_int_equal(bg_pci_intx_route(&f.host, device_of(device), &slot), 3);
    assert_int_equal(slot, 4);
    assert_int_equal(bg_pci_intx_route(&f.host, device_of(a), &slot), 0);
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
    fake_pci_capability(&f.pci, device, 0x48, BG_PCI_CAP_MSIX, 0x48);
    assert_int_equal(enumerate(), 0);
    printed[0] = '\0';
    bg_pci_list_tree(&f.host, print, NULL);
    assert_string_equal(printed, "00:01.0 PCI bridge [1b36:000c] rev 01, bus 01\n"
                                 "  01:00.0 Processing accelerator [1af4:1111] rev 01\n");
    printed[0] = '\0';
    bg_pci_list_verbose(&f.host, print, NULL);
    assert_string_equal(
        printed, "00:01.0 PCI bridge [1b36:000c] rev 01\n"
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
    assert_string_equal(bg_pci_class_name(0x120000), "Processing accelerator");
    assert_string_equal(bg_pci_class_name(0x038000), "Display controller");
    assert_string_equal(bg_pci_class_name(0xFF0000), "Device");
}

#define TEST(name) cmocka_unit_test_setup(name, pci_setup)

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
        TEST(further_root_buses),
        TEST(numbers_end_at_the_next_root),
        TEST(root_bus_that_does_not_answer),
        TEST(root_buses_cost_nothing_elsewhere),
        TEST(too_many_bridges_in_a_row),
        TEST(bridge_that_shows_itself),
        TEST(bridge_without_optional_windows),
        TEST(intx_is_swizzled),
        TEST(listings),
        TEST(class_names),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
