/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/pci_ecam.c firmware/pci/enumerate.c firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c firmware/pci/adopt.c
// build: firmware/pci/hotplug.c
// build: firmware/pci/list.c firmware/common/error.c tests/fake/pci.c tests/fake/hal.c
// build: tests/unit/pci/fixture.c
/* Functions as another's PCI code has set them up: the same bus is enumerated by one host, and
 * handed over to a second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/pci_hotplug.h"
#include "tests/unit/pci/fixture.h"

static struct bg_pci_device adopted_devices[FAKE_FUNCTIONS_MAX];
static struct bg_pci_host adopted;
static struct fake_pci before;
static uint16_t written_bdf; /* of the one function that may be written to */
static unsigned writes_elsewhere;

static uint32_t watched_read(void *ecam, uint64_t offset, unsigned width)
{
    return fake_pci_ops.read(ecam, offset, width);
}

static void watched_write(void *ecam, uint64_t offset, unsigned width, uint32_t value)
{
    writes_elsewhere += offset >> 12 != written_bdf;
    fake_pci_ops.write(ecam, offset, width, value);
}

static const struct bg_pci_config_ops watched = {watched_read, watched_write};

/* The second host; the bus is as it is now. */
static void hand_over(void)
{
    struct bg_pci_host_config config = f.config;

    config.ops = &watched;
    config.devices = adopted_devices;
    writes_elsewhere = 0;
    f.problems = 0;
    before = f.pci;
    assert_int_equal(bg_pci_host_init(&adopted, &config), 0);
}

static int adopt(uint16_t bdf, struct bg_pci_device **device)
{
    written_bdf = bdf;
    return bg_pci_host_adopt(&adopted, bdf, device);
}

/* Every register of every function is as before, no other was written to, and no BAR was while it
 * decoded. */
static void check_untouched(void)
{
    assert_int_equal(writes_elsewhere, 0);
    assert_int_equal(f.pci.bars_moved_live, 0);
    assert_int_equal(f.pci.accesses_outside, 0);
    assert_int_equal(f.pci.conflicts, 0);
    assert_memory_equal(f.pci.functions, before.functions, sizeof(before.functions));
}

static void check_same_bars(const struct bg_pci_device *a, const struct bg_pci_device *b)
{
    for (unsigned bar = 0; bar < BG_PCI_BAR_COUNT; bar++) {
        assert_int_equal(a->bars[bar].state, b->bars[bar].state);
        assert_int_equal(a->bars[bar].address, b->bars[bar].address);
        assert_int_equal(a->bars[bar].size, b->bars[bar].size);
        assert_int_equal(a->bars[bar].window, b->bars[bar].window);
        assert_int_equal(a->bars[bar].is_64bit, b->bars[bar].is_64bit);
    }
}

static void bars_are_taken_as_they_are(void **state)
{
    (void)state;
    int function = add_plain(FAKE_ROOT, 8);
    int other = add_plain(FAKE_ROOT, 16);
    struct bg_pci_device *device;

    fake_pci_bar32(&f.pci, function, 0, 4096, 0);
    fake_pci_bar_io(&f.pci, function, 1, 32);
    fake_pci_bar64(&f.pci, function, 2, 8 * GIB, FAKE_PREFETCHABLE);
    fake_pci_bar32(&f.pci, other, 0, MIB, 0);
    assert_int_equal(enumerate(), 0);
    fake_pci_set16(&f.pci, function, 4, 0x0407); /* in use, with bus mastering */
    hand_over();
    assert_int_equal(adopt(8, &device), 0);
    check_untouched();
    assert_int_equal(f.problems, 0);
    assert_int_equal(adopted.device_count, 1);
    assert_int_equal(device->vendor_id, 0x1AF4);
    check_same_bars(device, device_of(function));
    assert_ptr_equal(bg_pci_find_id(&adopted, 0x1AF4, 0x1111, NULL), device);
}

static void windows_translate(void **state)
{
    (void)state;
    int function = add_plain(FAKE_ROOT, 8);
    struct bg_pci_device *device;
    uint64_t address;

    f.config.windows[BG_PCI_WINDOW_MEM32].cpu_base = 0x5010000000;
    fake_pci_bar64(&f.pci, function, 0, 4096, 0);
    fake_pci_set32(&f.pci, function, 0x10, 0x20001004); /* 64 bits, though below 4 GiB */
    hand_over();
    assert_int_equal(adopt(8, &device), 0);
    check_untouched();
    assert_int_equal(bg_pci_bar_cpu_address(&adopted, device, 0, &address), 0);
    assert_int_equal(address, 0x5020001000);
}

static void one_window_of_everything(void **state)
{
    (void)state;
    int function = add_plain(FAKE_ROOT, 8);
    struct bg_pci_device *device;
    uint64_t address;

    memset(f.config.windows, 0, sizeof(f.config.windows));
    f.config.windows[BG_PCI_WINDOW_MEM64].size = UINT64_MAX;
    fake_pci_bar32(&f.pci, function, 0, 4096, 0);
    fake_pci_set32(&f.pci, function, 0x10, 0x9000B000);
    hand_over();
    assert_int_equal(adopt(8, &device), 0);
    assert_int_equal(bg_pci_bar_cpu_address(&adopted, device, 0, &address), 0);
    assert_int_equal(address, 0x9000B000);
}

static void bridges_above_are_listed(void **state)
{
    (void)state;
    int outer = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 2 << 3, -1);
    int inner = fake_pci_add_bridge(&f.pci, outer, 3 << 3, -1);
    int function = add_plain(inner, 5 << 3);
    struct bg_pci_device *device;
    unsigned slot;

    fake_pci_add_bridge(&f.pci, FAKE_ROOT, 1 << 3, -1); /* one that leads elsewhere */
    fake_pci_bar32(&f.pci, function, 0, 4096, 0);
    fake_pci_set8(&f.pci, function, 0x3D, 1);
    assert_int_equal(enumerate(), 0);
    uint16_t bdf = device_of(function)->bdf;

    hand_over();
    assert_int_equal(adopt(bdf, &device), 0);
    check_untouched();
    assert_int_equal(adopted.device_count, 3);
    assert_int_equal(device->depth, 2);
    assert_int_equal(bg_pci_intx_route(&adopted, device, &slot), 1 + (5 + 3) % 4);
    assert_int_equal(slot, 2);
    check_same_bars(device, device_of(function));
    assert_int_equal(adopted_devices[device->parent].secondary_bus, BG_PCI_BUS(bdf));
}

static void further_root_bus(void **state)
{
    (void)state;
    int root = add_plain(FAKE_ROOT_AT(16), 8);
    int bridge = fake_pci_add_bridge(&f.pci, FAKE_ROOT_AT(16), 16, -1);
    struct bg_pci_device *device;

    add_plain(bridge, 8);
    fake_pci_set8(&f.pci, bridge, 0x19, 17);
    fake_pci_set8(&f.pci, bridge, 0x1A, 17);
    fake_pci_bar32(&f.pci, root, 0, 4096, 0);
    fake_pci_set32(&f.pci, root, 0x10, 0x10001000);
    hand_over();
    assert_int_equal(adopt(BG_PCI_BDF(16, 1, 0), &device), 0);
    assert_int_equal(device->parent, BG_PCI_NO_PARENT);
    assert_int_equal(adopt(BG_PCI_BDF(17, 1, 0), &device), 0);
    assert_int_equal(adopted_devices[device->parent].bdf, BG_PCI_BDF(16, 2, 0));
    check_untouched();
}

static void a_second_time_gives_the_same(void **state)
{
    (void)state;
    int function = add_plain(FAKE_ROOT, 8);
    struct bg_pci_device *first, *second;

    fake_pci_bar32(&f.pci, function, 0, 4096, 0);
    fake_pci_set32(&f.pci, function, 0x10, 0x10001000);
    hand_over();
    assert_int_equal(adopt(8, &first), 0);
    fake_pci_set32(&f.pci, function, 0x10, 0x10002000); /* not looked at again */
    assert_int_equal(adopt(8, &second), 0);
    assert_int_equal(adopt(8, NULL), 0);
    assert_ptr_equal(first, second);
    assert_int_equal(adopted.device_count, 1);
    assert_int_equal(first->bars[0].address, 0x10001000);
}

/* Nobody has written BAR 0 of the first; the second one's lies where no window is. An I/O BAR
 * without an address keeps nobody from memory that is on already. */
static void without_an_address(void **state)
{
    (void)state;
    int empty = add_plain(FAKE_ROOT, 8);
    int lost = add_plain(FAKE_ROOT, 16);
    int no_io = add_plain(FAKE_ROOT, 24);
    struct bg_pci_device *device;
    uint64_t address;

    fake_pci_bar32(&f.pci, empty, 0, 4096, 0);
    fake_pci_bar32(&f.pci, lost, 0, 4096, 0);
    fake_pci_set32(&f.pci, lost, 0x10, 0xF0000000);
    fake_pci_bar_io(&f.pci, no_io, 0, 32);
    fake_pci_bar32(&f.pci, no_io, 1, 4096, 0);
    fake_pci_set32(&f.pci, no_io, 0x14, 0x10001000);
    hand_over();
    assert_int_equal(adopt(8, &device), 0);
    assert_int_equal(f.last_problem.kind, BG_PCI_PROBLEM_NOT_ASSIGNED);
    assert_string_equal(f.last_text, "00:01.0 BAR 0 of 4 KiB is not usable: its address 00000000 "
                                     "lies in no window");
    assert_int_equal(bg_pci_bar_cpu_address(&adopted, device, 0, &address), BG_ERR_NO_SPACE);
    assert_int_equal(bg_pci_device_enable(&adopted, device, BG_PCI_COMMAND_MEMORY),
                     BG_ERR_NO_SPACE);
    assert_int_equal(adopt(16, &device), 0);
    assert_string_equal(f.last_text, "00:02.0 BAR 0 of 4 KiB is not usable: its address f0000000 "
                                     "lies in no window");
    fake_pci_set16(&f.pci, lost, 4, BG_PCI_COMMAND_MEMORY);
    assert_int_equal(bg_pci_device_enable(&adopted, device, BG_PCI_COMMAND_MEMORY), 0);
    assert_int_equal(adopt(24, &device), 0);
    assert_int_equal(adopted.problem_count, 3);
    assert_int_equal(bg_pci_device_enable(&adopted, device, BG_PCI_COMMAND_MEMORY), 0);
    assert_int_equal(bg_pci_bar_cpu_address(&adopted, device, 1, &address), 0);
}

static void refusals(void **state)
{
    (void)state;
    int port = fake_pci_add_bridge(&f.pci, FAKE_ROOT, 16, 4);
    struct bg_pci_device *device;
    struct bg_pci_slot slot;

    add_plain(FAKE_ROOT, 8);
    fake_pci_set16(&f.pci, port, 0x42, 0x0142); /* a root port with a slot, for hot-plug */
    fake_pci_set32(&f.pci, port, 0x54, 0x40);
    f.config.bus_last = 3;
    f.config.device_capacity = 1;
    hand_over();
    assert_int_equal(adopt(24, &device), BG_ERR_NOT_FOUND);
    assert_int_equal(adopt(BG_PCI_BDF(4, 0, 0), &device), BG_ERR_RANGE);
    assert_int_equal(adopt(16, &device), 0);
    assert_int_equal(bg_pci_slot_open(&slot, &adopted, device), BG_ERR_UNSUPPORTED);
    assert_int_equal(adopt(8, &device), BG_ERR_NO_SPACE);
    assert_string_equal(f.last_text, "00:01.0 left out: the table has room for 1 devices");
    f.config.device_capacity = 2;
    f.problems = 0;
    assert_int_equal(enumerate(), 0);
    assert_int_equal(bg_pci_host_adopt(&f.host, 8, &device), BG_ERR_INVALID);
}

static void too_many_bridges_in_a_row(void **state)
{
    (void)state;
    int above = FAKE_ROOT;
    struct bg_pci_device *device;

    for (unsigned bus = 1; bus <= BG_PCI_BRIDGE_DEPTH_MAX + 1; bus++) {
        above = fake_pci_add_bridge(&f.pci, above, 0, -1);
        fake_pci_set8(&f.pci, above, 0x19, (uint8_t)bus);
        fake_pci_set8(&f.pci, above, 0x1A, BG_PCI_BRIDGE_DEPTH_MAX + 1);
    }
    add_plain(above, 0);
    hand_over();
    assert_int_equal(adopt(BG_PCI_BDF(BG_PCI_BRIDGE_DEPTH_MAX, 0, 0), &device), 0);
    hand_over();
    assert_int_equal(adopt(BG_PCI_BDF(BG_PCI_BRIDGE_DEPTH_MAX + 1, 0, 0), &device),
                     BG_ERR_NO_SPACE);
    assert_int_equal(f.last_problem.kind, BG_PCI_PROBLEM_TOO_DEEP);
}

static void no_configuration_space(void **state)
{
    (void)state;
    f.config.ecam = NULL;
    f.config.ops = NULL;
    assert_int_equal(bg_pci_host_init(&f.host, &f.config), BG_ERR_INVALID);
    assert_int_equal(f.last_problem.kind, BG_PCI_PROBLEM_NO_ECAM);
    assert_string_equal(f.last_text, "there is no configuration space: `ecam` is NULL, as when "
                                     "bg_hal_map refuses its range");
    f.config.ops = &fake_pci_ops; /* to which NULL may mean something */
    assert_int_equal(bg_pci_host_init(&f.host, &f.config), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, pci_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bars_are_taken_as_they_are), TEST(windows_translate),
        TEST(one_window_of_everything),   TEST(bridges_above_are_listed),
        TEST(further_root_bus),           TEST(a_second_time_gives_the_same),
        TEST(without_an_address),         TEST(refusals),
        TEST(too_many_bridges_in_a_row),  TEST(no_configuration_space),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
