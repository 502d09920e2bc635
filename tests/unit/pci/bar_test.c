/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/pci_ecam.c firmware/pci/enumerate.c firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c
// build: firmware/pci/list.c firmware/common/error.c tests/fake/pci.c tests/fake/hal.c
// build: tests/unit/pci/fixture.c
/* BARs of all kinds, windows, what happens when they are full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/pci/fixture.h"

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
    const struct bg_pci_resource *bars = f.devices[0].bars;

    assert_false(bars[0].is_io || bars[0].is_64bit || bars[0].is_prefetchable);
    assert_true(bars[1].is_prefetchable && !bars[1].is_64bit);
    assert_true(bars[2].is_io);
    assert_int_equal(bars[2].size, 4);
    assert_true(bars[2].address >= 0x1000);
    assert_int_equal(bars[3].state, BG_PCI_RESOURCE_ABSENT);
    assert_true(bars[4].is_64bit && bars[4].is_prefetchable);
    assert_int_equal(bars[4].size, 64 * GIB);
    assert_int_equal(bars[5].state, BG_PCI_RESOURCE_ABSENT);
    assert_int_equal(f.devices[0].rom_size, 65536);
    assert_int_equal(fake_pci_get(&f.pci, function, 0x30, 4), 0x20000000); /* off */
}

static void bars_64_bit_without_a_64_bit_window(void **state)
{
    (void)state;
    int bridge = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 1 << 3, 4);
    int behind = add_plain(bridge, 0);
    int beside = add_plain(FAKE_ROOT, 2 << 3);

    f.config.windows[BG_PCI_WINDOW_MEM64].size = 0;
    fake_pci_bar64(&f.pci, behind, 0, 32 * MIB, FAKE_PREFETCHABLE);
    fake_pci_bar64(&f.pci, beside, 0, 16 * MIB, FAKE_PREFETCHABLE);
    fake_pci_bar64(&f.pci, beside, 2, 4096, 0);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(device_of(behind)->bars[0].window, BG_PCI_WINDOW_MEM32);
    assert_true(device_of(beside)->bars[2].address < 4 * GIB);
}

static void window_at_another_bus_address(void **state)
{
    (void)state;
    int function = add_plain(FAKE_ROOT, 8);
    uint64_t address;

    f.config.windows[BG_PCI_WINDOW_MEM32] = (struct bg_pci_window){0x40000000, 0, 256 * MIB};
    fake_pci_bar32(&f.pci, function, 0, 4096, 0);
    assert_int_equal(enumerate(), 0);
    assert_true(f.devices[0].bars[0].address >= MIB); /* 0 would look unassigned */
    assert_int_equal(bg_pci_bar_cpu_address(&f.host, &f.devices[0], 0, &address), 0);
    assert_int_equal(address, 0x40000000 + f.devices[0].bars[0].address);
    assert_int_equal(bg_pci_bar_cpu_address(&f.host, &f.devices[0], 1, &address), BG_ERR_NOT_FOUND);
    assert_int_equal(bg_pci_bar_cpu_address(&f.host, &f.devices[0], 6, &address), BG_ERR_NOT_FOUND);
}

static void full_window_names_the_bar(void **state)
{
    (void)state;
    for (uint8_t slot = 1; slot <= 3; slot++) {
        int function = add_plain(FAKE_ROOT, (uint8_t)(slot << 3));

        fake_pci_bar32(&f.pci, function, 0, 256 * MIB, 0);
        fake_pci_bar32(&f.pci, function, 1, 4096, 0);
    }
    assert_int_equal(enumerate(), BG_ERR_NO_SPACE);
    assert_int_equal(f.problems, 1);
    assert_int_equal(f.last_problem.kind, BG_PCI_PROBLEM_WINDOW_FULL);
    assert_int_equal(f.last_problem.bdf, BG_PCI_BDF(0, 3, 0));
    assert_int_equal(f.last_problem.bar, 0);
    assert_int_equal(f.last_problem.size, 256 * MIB);
    assert_string_equal(f.last_text, "00:03.0 BAR 0 of 256 MiB gets no address: the 32-bit memory "
                                     "window 10000000-3efeffff is full");
    assert_int_equal(f.devices[2].bars[0].state, BG_PCI_RESOURCE_FAILED);
    assert_int_equal(f.devices[2].bars[1].state, BG_PCI_RESOURCE_ASSIGNED);
    /* The device stays off: its BAR 0 would answer somewhere. Its register holds no window's
     * address. */
    assert_int_equal(bg_pci_device_enable(&f.host, &f.devices[2], BG_PCI_COMMAND_MEMORY),
                     BG_ERR_NO_SPACE);
    assert_int_equal(bg_pci_device_enable(&f.host, &f.devices[2], BG_PCI_COMMAND_BUS_MASTER), 0);
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
    assert_int_equal(enumerate(), BG_ERR_NO_SPACE);
    assert_int_equal(f.problems, 1);
    assert_int_equal(f.last_problem.bdf, BG_PCI_BDF(1, 1, 0));
    assert_int_equal(f.last_problem.bar, 0);
    assert_int_equal(device_of(modest)->bars[0].state, BG_PCI_RESOURCE_ASSIGNED);
    assert_int_equal(device_of(greedy)->bars[1].state, BG_PCI_RESOURCE_ASSIGNED);
    assert_int_equal(device_of(root)->bars[0].state, BG_PCI_RESOURCE_ASSIGNED);
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
    assert_int_equal(enumerate(), BG_ERR_NO_SPACE);
    assert_int_equal(f.problems, 4);
    assert_int_equal(device_of(other)->bars[2].state, BG_PCI_RESOURCE_ASSIGNED);
}

static void bars_of_reserved_kinds(void **state)
{
    (void)state;
    int function = add_plain(FAKE_ROOT, 8);

    fake_pci_bar32(&f.pci, function, 0, 4096, 2); /* "below 1 MiB" of old */
    fake_pci_bar32(&f.pci, function, 5, 4096, 4); /* 64-bit without a second register */
    fake_pci_bar32(&f.pci, function, 1, 4096, 0);
    assert_int_equal(enumerate(), BG_ERR_NO_SPACE);
    assert_int_equal(f.problems, 2);
    assert_int_equal(f.last_problem.kind, BG_PCI_PROBLEM_BAD_BAR);
    assert_int_equal(f.last_problem.bar, 5);
    assert_int_equal(f.devices[0].bars[1].state, BG_PCI_RESOURCE_ASSIGNED);
}

static void flags_without_address_bits_are_no_bar(void **state)
{
    (void)state;
    int function = add_plain(FAKE_ROOT, 8);

    fake_pci_set32(&f.pci, function, 0x10, 0x8);
    fake_pci_set32(&f.pci, function, 0x14, 0x1);
    fake_pci_set32(&f.pci, function, 0x18, 0xC);
    assert_int_equal(enumerate(), 0);
    for (unsigned bar = 0; bar < BG_PCI_BAR_COUNT; bar++) {
        assert_int_equal(f.devices[0].bars[bar].state, BG_PCI_RESOURCE_ABSENT);
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
    f.config.windows[BG_PCI_WINDOW_MEM32] =
        (struct bg_pci_window){0x10000000, 0x10000000, 193 * MIB};
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
    assert_int_equal(bg_pci_host_init(&f.host, &f.config), 0);
    assert_int_equal(bg_pci_host_enumerate(&f.host), BG_ERR_NO_SPACE);
    assert_int_equal(fake_pci_get(&f.pci, function, 0x04, 2), 0);
    assert_int_equal(bg_pci_device_enable(&f.host, f.devices, BG_PCI_COMMAND_IO), BG_ERR_NO_SPACE);
    assert_int_equal(
        bg_pci_device_enable(&f.host, f.devices, BG_PCI_COMMAND_MEMORY | BG_PCI_COMMAND_BUS_MASTER),
        0);
    assert_int_equal(bg_pci_device_enable(&f.host, f.devices, BG_PCI_COMMAND_INTX_DISABLE), 0);
    assert_int_equal(fake_pci_get(&f.pci, function, 0x04, 2), 0x0406);
    assert_int_equal(bg_pci_device_disable(&f.host, f.devices, BG_PCI_COMMAND_MEMORY), 0);
    assert_int_equal(fake_pci_get(&f.pci, function, 0x04, 2), 0x0404);
}

static void bridge_with_its_own_bar(void **state)
{
    (void)state;
    int bridge = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 8, 4);

    fake_pci_bar64(&f.pci, bridge, 0, 4096, 0);
    fake_pci_rom(&f.pci, bridge, 4096);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(f.devices[0].bars[0].state, BG_PCI_RESOURCE_ASSIGNED);
    assert_int_equal(f.devices[0].rom_size, 4096);
}

static void cardbus_is_listed_only(void **state)
{
    (void)state;
    int function = add_plain(FAKE_ROOT, 8);

    fake_pci_bar32(&f.pci, function, 0, 4096, 0);
    fake_pci_set8(&f.pci, function, 0x0E, 2);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(f.devices[0].header_kind, BG_PCI_HEADER_CARDBUS);
    assert_int_equal(f.devices[0].bars[0].state, BG_PCI_RESOURCE_ABSENT);
}

#define TEST(name) cmocka_unit_test_setup(name, pci_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
