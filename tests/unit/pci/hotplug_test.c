/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/pci_ecam.c firmware/pci/enumerate.c firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c
// build: firmware/pci/list.c firmware/pci/hotplug.c firmware/common/error.c tests/fake/pci.c
// build: tests/fake/hal.c tests/unit/pci/fixture.c
/* Hot-plug: slots with their registers on the fake bus, what comes and goes in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "baregpu/hal.h"
#include "baregpu/pci_hotplug.h"
#include "tests/fake/hal.h"
#include "tests/unit/pci/fixture.h"

/* The port's registers: its PCI Express capability is at 0x40 (fake_pci_add). */
#define CAPABILITIES 0x42
#define SLOT_CAP 0x54
#define SLOT_CONTROL 0x58
#define SLOT_STATUS 0x5A
#define LINK_CAP 0x4C
#define LINK_STATUS 0x52

#define HOT_PLUG 0x40u
#define POWER_CONTROLLER 0x2u
#define NO_COMMAND_COMPLETED 0x40000u
#define NUMBER(n) ((n) << 19)

#define OCCUPIED 0x40u
#define PRESENCE_CHANGED 0x8u
#define BUTTON 0x1u
#define COMPLETED 0x10u
#define POWER_OFF 0x400u
#define EVENT_BITS 0x1Fu /* write 1 to clear */

static struct {
    int port;      /* of the fake bus */
    int guests[8]; /* what is in the slot */
    unsigned guest_count;
    bool is_mute; /* commands are not completed */
    bool is_late; /* the link does not come up */
    bool is_dead; /* what is in there does not answer */
    unsigned commands;
} slots;

static struct bg_pci_slot slot;

static uint16_t control(void)
{
    return (uint16_t)fake_pci_get(&f.pci, slots.port, SLOT_CONTROL, 2);
}

static void set_status(uint16_t set, uint16_t clear)
{
    uint16_t status = (uint16_t)fake_pci_get(&f.pci, slots.port, SLOT_STATUS, 2);

    fake_pci_set16(&f.pci, slots.port, SLOT_STATUS, (uint16_t)((status & ~clear) | set));
}

static void update_power(void)
{
    bool is_on = !(control() & POWER_OFF) && !slots.is_dead;

    for (unsigned i = 0; i < slots.guest_count; i++) {
        struct fake_function *guest = &f.pci.functions[slots.guests[i]];

        if (!is_on) {
            memset(guest->config + 4, 0, 2);
        }
        guest->is_absent = !is_on;
    }
    fake_pci_set16(&f.pci, slots.port, LINK_STATUS,
                   is_on && slots.guest_count > 0 && !slots.is_late ? 0x2000 : 0);
}

/* ---- The bus, with a slot's registers ---- */

static bool is_port(uint64_t offset, unsigned reg)
{
    return offset == ((uint64_t)f.pci.functions[slots.port].devfn << 12 | reg) &&
           f.pci.functions[slots.port].parent == FAKE_ROOT;
}

static uint32_t read_config(void *context, uint64_t offset, unsigned width)
{
    return fake_pci_ops.read(context, offset, width);
}

static void write_config(void *context, uint64_t offset, unsigned width, uint32_t value)
{
    if (is_port(offset, SLOT_STATUS)) {
        assert_int_equal(width, 2);
        set_status(0, value & EVENT_BITS);
        return;
    }
    fake_pci_ops.write(context, offset, width, value);
    if (is_port(offset, SLOT_CONTROL)) {
        slots.commands++;
        update_power();
        if (!slots.is_mute) {
            set_status(COMPLETED, 0);
        }
    }
}

static const struct bg_pci_config_ops ops = {read_config, write_config};

static int add_port(uint8_t devfn, uint32_t capabilities)
{
    int port = fake_pci_add_bridge(&f.pci, FAKE_ROOT, devfn, 4);

    fake_pci_set16(&f.pci, port, CAPABILITIES, 0x0142);
    fake_pci_set32(&f.pci, port, SLOT_CAP, capabilities);
    fake_pci_set32(&f.pci, port, LINK_CAP, 0x00100000);
    f.pci.functions[port].writable[SLOT_CONTROL] = 0xFF;
    f.pci.functions[port].writable[SLOT_CONTROL + 1] = 0x0F;
    fake_pci_set16(&f.pci, port, SLOT_CONTROL, POWER_OFF | 0x300);
    return port;
}

/* A device at slot 1 with a BAR, the port at slot 2, another device at slot 3. */
static void set_up_bus(uint32_t capabilities)
{
    int other;

    memset(&slots, 0, sizeof(slots));
    fake_hal = (struct fake_hal){.wait_ns = 1000000};
    f.config.ops = &ops;
    fake_pci_bar32(&f.pci, add_plain(FAKE_ROOT, 1 << 3), 0, 0x100000, 0);
    slots.port = add_port(2 << 3, capabilities);
    other = add_plain(FAKE_ROOT, 3 << 3);
    fake_pci_bar64(&f.pci, other, 0, 0x4000, FAKE_PREFETCHABLE);
    fake_pci_bar_io(&f.pci, other, 2, 64);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(bg_pci_slot_open(&slot, &f.host, device_of(slots.port)), 0);
}

static int set_up(void **state)
{
    pci_setup(state);
    set_up_bus(HOT_PLUG | POWER_CONTROLLER | NUMBER(7));
    return 0;
}

/* Like virtio-sst-pci: MSI-X in a 32-bit BAR, registers in a prefetchable one, and some I/O. */
static int insert(uint8_t function)
{
    int guest = add_plain(slots.port, function);

    fake_pci_bar32(&f.pci, guest, 1, 0x1000, 0);
    fake_pci_bar64(&f.pci, guest, 4, 0x4000, FAKE_PREFETCHABLE);
    fake_pci_bar_io(&f.pci, guest, 0, 64);
    slots.guests[slots.guest_count++] = guest;
    update_power();
    set_status(OCCUPIED | PRESENCE_CHANGED, 0);
    return guest;
}

static void take_out(void)
{
    for (unsigned i = 0; i < slots.guest_count; i++) {
        f.pci.functions[slots.guests[i]].is_absent = true;
    }
    slots.guest_count = 0;
    set_status(PRESENCE_CHANGED, OCCUPIED);
    update_power();
}

static uint64_t soon(void)
{
    return bg_hal_time_ns() + 1000000000;
}

static void expect_clean(void)
{
    assert_int_equal(f.pci.accesses_outside, 0);
    assert_int_equal(f.pci.conflicts, 0);
    assert_int_equal(f.pci.bars_moved_live, 0);
    check_decoding();
}

/* ---- Finding ---- */

static void which_ports_have_a_slot(void **state)
{
    (void)state;
    assert_ptr_equal(bg_pci_slot_find(&f.host, NULL), device_of(slots.port));
    assert_null(bg_pci_slot_find(&f.host, device_of(slots.port)));
    assert_int_equal(slot.number, 7);
    fake_pci_set16(&f.pci, slots.port, CAPABILITIES, 0x0042); /* no slot */
    assert_null(bg_pci_slot_find(&f.host, NULL));
    fake_pci_set16(&f.pci, slots.port, CAPABILITIES, 0x0152); /* an upstream port */
    assert_null(bg_pci_slot_find(&f.host, NULL));
    fake_pci_set16(&f.pci, slots.port, CAPABILITIES, 0x0162); /* a downstream port */
    assert_non_null(bg_pci_slot_find(&f.host, NULL));
    fake_pci_set32(&f.pci, slots.port, SLOT_CAP, POWER_CONTROLLER);
    assert_null(bg_pci_slot_find(&f.host, NULL));
    assert_int_equal(bg_pci_slot_open(&slot, &f.host, device_of(slots.port)), BG_ERR_NOT_FOUND);
}

/* ---- Events ---- */

static void events_are_told_once(void **state)
{
    (void)state;
    assert_int_equal(bg_pci_slot_poll(&slot), 0);
    assert_false(bg_pci_slot_has_events(&slot));
    assert_false(bg_pci_slot_is_occupied(&slot));
    insert(0);
    assert_true(bg_pci_slot_has_events(&slot));
    assert_true(bg_pci_slot_is_occupied(&slot));
    assert_int_equal(bg_pci_slot_poll(&slot), BG_PCI_SLOT_CHANGED);
    assert_int_equal(bg_pci_slot_poll(&slot), 0);
    set_status(BUTTON | PRESENCE_CHANGED, 0);
    assert_int_equal(bg_pci_slot_poll(&slot), BG_PCI_SLOT_CHANGED | BG_PCI_SLOT_BUTTON);
    assert_int_equal(bg_pci_slot_poll(&slot), 0);
    bg_pci_slot_set_interrupt(&slot, true);
    assert_int_equal(control() & 0x29, 0x29);
    assert_true(control() & POWER_OFF); /* the rest stays */
    bg_pci_slot_set_interrupt(&slot, false);
    assert_int_equal(control() & 0x29, 0);
    f.pci.functions[slots.port].is_absent = true;
    assert_int_equal(bg_pci_slot_poll(&slot), BG_ERR_UNAVAILABLE);
    assert_false(bg_pci_slot_is_occupied(&slot));
    assert_false(bg_pci_slot_has_events(&slot));
}

/* ---- In and out ---- */

static void in_and_out(void **state)
{
    struct bg_pci_device *others[2];
    uint64_t addresses[2];
    size_t count = f.host.device_count;

    (void)state;
    for (int i = 0; i < 2; i++) {
        others[i] = device_of(i == 0 ? 0 : 2);
        addresses[i] = others[i]->bars[0].address;
    }
    assert_int_equal(bg_pci_slot_plug(&slot, soon()), BG_ERR_NOT_FOUND);
    for (unsigned round = 0; round < 20; round++) {
        int guest = insert(0);
        uint64_t began_ns = bg_hal_time_ns();

        assert_null(device_of(guest)); /* no power yet */
        assert_int_equal(bg_pci_slot_plug(&slot, soon()), 1);
        assert_true(bg_hal_time_ns() - began_ns >= 100000000); /* 6.6.1 */
        assert_int_equal(control() & 0x700, 0x100);
        assert_int_equal(bg_pci_slot_plug(&slot, soon()), BG_ERR_BUSY);
        assert_int_equal(f.host.device_count, count + 1);
        struct bg_pci_device *found = device_of(guest);

        assert_non_null(found);
        assert_ptr_equal(bg_pci_find_id(&f.host, 0x1AF4, 0x1111, others[1]), found);
        assert_int_equal(found->bars[1].state, BG_PCI_RESOURCE_ASSIGNED);
        assert_int_equal(found->bars[4].state, BG_PCI_RESOURCE_ASSIGNED);
        assert_int_equal(found->bars[0].state, BG_PCI_RESOURCE_ASSIGNED);
        expect_clean();
        for (int i = 0; i < 2; i++) {
            assert_ptr_equal(device_of(i == 0 ? 0 : 2), others[i]);
            assert_int_equal(others[i]->bars[0].address, addresses[i]);
        }
        uint64_t bar = found->bars[4].address;
        unsigned unused;
        int function;

        assert_int_equal(bg_pci_slot_unplug(&slot, soon()), 0);
        assert_int_equal(control() & 0x700, 0x700);
        assert_int_equal(f.host.device_count, count);
        take_out();
        assert_int_equal(fake_pci_decode(&f.pci, bar, false, &function, &unused), 0);
        /* Nothing is forwarded: the bases are above the limits. */
        assert_true(fake_pci_get(&f.pci, slots.port, 0x20, 2) >
                    fake_pci_get(&f.pci, slots.port, 0x22, 2));
        assert_true((fake_pci_get(&f.pci, slots.port, 0x24, 2) & 0xFFF0) >
                    (fake_pci_get(&f.pci, slots.port, 0x26, 2) & 0xFFF0));
        expect_clean();
    }
    assert_int_equal(f.problems, 0);
}

static void several_functions(void **state)
{
    size_t count = f.host.device_count;
    int first = insert(0), second = insert(3);

    (void)state;
    assert_int_equal(bg_pci_slot_plug(&slot, soon()), 2);
    assert_non_null(device_of(first));
    assert_non_null(device_of(second));
    expect_clean();
    assert_int_equal(bg_pci_slot_unplug(&slot, soon()), 0);
    assert_int_equal(f.host.device_count, count);
}

/* Two ports: what is behind the first one is taken out while the second one's stays listed. */
static void two_slots(void **state)
{
    struct bg_pci_slot other_slot;
    struct bg_pci_device *last;
    int first, second;

    (void)state;
    pci_setup(state);
    memset(&slots, 0, sizeof(slots));
    f.config.ops = &ops;
    int other_port = add_port(5 << 3, HOT_PLUG | NO_COMMAND_COMPLETED);

    slots.port = add_port(4 << 3, HOT_PLUG | POWER_CONTROLLER);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(bg_pci_slot_open(&slot, &f.host, device_of(slots.port)), 0);
    assert_int_equal(bg_pci_slot_open(&other_slot, &f.host, device_of(other_port)), 0);
    first = insert(0);
    assert_int_equal(bg_pci_slot_plug(&slot, soon()), 1);
    second = add_plain(other_port, 0);
    fake_pci_bar32(&f.pci, second, 0, 0x200000, 0);
    fake_pci_set16(&f.pci, other_port, SLOT_STATUS, OCCUPIED);
    fake_pci_set16(&f.pci, other_port, LINK_STATUS, 0x2000);
    assert_int_equal(bg_pci_slot_plug(&other_slot, soon()), 1);
    last = device_of(second);
    expect_clean();
    assert_int_equal(bg_pci_slot_unplug(&slot, soon()), 0);
    take_out();
    assert_ptr_equal(device_of(second), last); /* stays where it is */
    assert_ptr_equal(bg_pci_find_id(&f.host, 0x1AF4, 0x1111, NULL), last);
    assert_null(bg_pci_find_id(&f.host, 0x1AF4, 0x1111, last));
    assert_null(bg_pci_find_class(&f.host, 0xFFFFFF, 0xFFFFFF, NULL));
    expect_clean();
    size_t count = f.host.device_count;

    first = insert(0); /* the free entry is used again */
    assert_int_equal(bg_pci_slot_plug(&slot, soon()), 1);
    assert_int_equal(f.host.device_count, count);
    assert_non_null(device_of(first));
    assert_ptr_equal(device_of(second), last);
    expect_clean();
    assert_int_equal(f.problems, 0);
}

/* ---- What does not fit ---- */

static void a_bar_that_does_not_fit(void **state)
{
    int guest = insert(0);

    (void)state;
    fake_pci_bar64(&f.pci, guest, 2, UINT64_C(1) << 44, FAKE_PREFETCHABLE);
    assert_int_equal(bg_pci_slot_plug(&slot, soon()), 1);
    assert_int_equal(f.problems, 1);
    assert_int_equal(f.last_problem.kind, BG_PCI_PROBLEM_WINDOW_FULL);
    assert_int_equal(f.last_problem.bar, 2);
    assert_int_equal(device_of(guest)->bars[2].state, BG_PCI_RESOURCE_FAILED);
    assert_int_equal(device_of(guest)->bars[4].state, BG_PCI_RESOURCE_ASSIGNED);
    assert_int_equal(device_of(guest)->bars[1].state, BG_PCI_RESOURCE_ASSIGNED);
}

static void the_table_is_full(void **state)
{
    size_t count;

    (void)state;
    pci_setup(state);
    f.config.device_capacity = 3;
    set_up_bus(HOT_PLUG | POWER_CONTROLLER);
    count = f.host.device_count;
    insert(0);
    assert_int_equal(bg_pci_slot_plug(&slot, soon()), 0);
    assert_int_equal(f.last_problem.kind, BG_PCI_PROBLEM_TABLE_FULL);
    assert_int_equal(f.host.device_count, count);
    expect_clean();
}

/* The buses behind the port were counted before it was there. */
static void a_bridge_is_plugged_in(void **state)
{
    (void)state;
    add_port(9 << 3, 0); /* has the next bus */
    assert_int_equal(enumerate(), 0);
    assert_int_equal(bg_pci_slot_open(&slot, &f.host, device_of(slots.port)), 0);
    unsigned next_bus = f.host.next_bus;
    int bridge = fake_pci_add_bridge(&f.pci, slots.port, 0, 7);

    slots.guests[slots.guest_count++] = bridge;
    fake_pci_bar32(&f.pci, add_plain(bridge, 1 << 3), 0, 0x1000, 0);
    set_status(OCCUPIED, 0);
    update_power();
    assert_int_equal(bg_pci_slot_plug(&slot, soon()), 1);
    assert_int_equal(f.last_problem.kind, BG_PCI_PROBLEM_NO_BUS);
    assert_int_equal(f.host.next_bus, next_bus);
    assert_int_equal(f.pci.conflicts, 0);
    assert_int_equal(bg_pci_slot_unplug(&slot, soon()), 0);
}

/* ---- Ports and devices that do not do what they should ---- */

static void commands_are_not_carried_out(void **state)
{
    uint64_t began_ns;

    (void)state;
    insert(0);
    slots.is_mute = true;
    began_ns = bg_hal_time_ns();
    assert_int_equal(bg_pci_slot_plug(&slot, began_ns + 50000000), BG_ERR_TIMEOUT);
    assert_in_range(bg_hal_time_ns() - began_ns, 50000000, 500000000);
    assert_int_equal(f.host.device_count, 3);
    slots.is_mute = false;
    assert_int_equal(bg_pci_slot_plug(&slot, soon()), 1);
    slots.is_mute = true;
    assert_int_equal(bg_pci_slot_unplug(&slot, bg_hal_time_ns() + 1000000), BG_ERR_TIMEOUT);
    assert_int_equal(f.host.device_count, 3); /* it is not in the list any more, though */
}

/* One that says that it does not tell. */
static void commands_are_not_confirmed(void **state)
{
    (void)state;
    pci_setup(state);
    set_up_bus(HOT_PLUG | POWER_CONTROLLER | NO_COMMAND_COMPLETED);
    slots.is_mute = true;
    insert(0);
    assert_int_equal(bg_pci_slot_plug(&slot, soon()), 1);
    assert_int_equal(bg_pci_slot_unplug(&slot, soon()), 0);
}

static void it_does_not_answer(void **state)
{
    (void)state;
    insert(0);
    slots.is_late = true;
    update_power();
    assert_int_equal(bg_pci_slot_plug(&slot, soon()), BG_ERR_TIMEOUT);
    assert_true(control() & POWER_OFF);
    slots.is_late = false;
    slots.is_dead = true;
    assert_int_equal(bg_pci_slot_plug(&slot, soon()), BG_ERR_TIMEOUT);
    assert_true(control() & POWER_OFF);
    assert_int_equal(f.host.device_count, 3);
    slots.is_dead = false;
    assert_int_equal(bg_pci_slot_plug(&slot, soon()), 1);
    /* Taken out without a word. */
    take_out();
    assert_int_equal(bg_pci_slot_poll(&slot), BG_PCI_SLOT_CHANGED);
    assert_int_equal(bg_pci_slot_unplug(&slot, soon()), 0);
    assert_int_equal(f.host.device_count, 3);
    insert(0);
    assert_int_equal(bg_pci_slot_plug(&slot, soon()), 1);
    expect_clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(which_ports_have_a_slot, set_up),
        cmocka_unit_test_setup(events_are_told_once, set_up),
        cmocka_unit_test_setup(in_and_out, set_up),
        cmocka_unit_test_setup(several_functions, set_up),
        cmocka_unit_test_setup(two_slots, set_up),
        cmocka_unit_test_setup(a_bar_that_does_not_fit, set_up),
        cmocka_unit_test_setup(the_table_is_full, set_up),
        cmocka_unit_test_setup(a_bridge_is_plugged_in, set_up),
        cmocka_unit_test_setup(commands_are_not_carried_out, set_up),
        cmocka_unit_test_setup(commands_are_not_confirmed, set_up),
        cmocka_unit_test_setup(it_does_not_answer, set_up),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
