/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/pci_ecam.c firmware/pci/enumerate.c firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c
// build: firmware/pci/list.c firmware/common/error.c tests/fake/pci.c tests/fake/hal.c
// build: tests/unit/pci/fixture.c
/* Capability lists, good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/pci/fixture.h"

/* ---- Capabilities ---- */

static int walk(bool extended, uint16_t *ids, int capacity, int *result)
{
    struct bg_pci_capability_walk it;
    struct bg_pci_capability capability;
    int count = 0;

    (extended ? bg_pci_extended_capability_begin : bg_pci_capability_begin)(&it, &f.host,
                                                                            &f.devices[0]);
    while ((*result = bg_pci_capability_next(&it, &capability)) > 0) {
        assert_true(count < capacity);
        assert_int_equal(capability.is_extended, extended);
        ids[count++] = capability.id;
    }
    assert_int_equal(bg_pci_capability_next(&it, &capability), 0); /* stays at its end */
    return count;
}

static void standard_list(void **state)
{
    (void)state;
    uint16_t ids[64];
    int result;
    int function = add_plain(FAKE_ROOT, 8);

    fake_pci_capability(&f.pci, function, 0x98, BG_PCI_CAP_VENDOR,
                        0x43); /* low bits to be masked */
    fake_pci_capability(&f.pci, function, 0x40, BG_PCI_CAP_MSIX, 0xFC);
    fake_pci_capability(&f.pci, function, 0xFC, BG_PCI_CAP_VENDOR, 0);
    assert_int_equal(enumerate(), 0);
    assert_int_equal(walk(false, ids, 64, &result), 3);
    assert_int_equal(result, 0);
    assert_int_equal(ids[1], BG_PCI_CAP_MSIX);
    assert_int_equal(bg_pci_capability_find(&f.host, f.devices, BG_PCI_CAP_VENDOR, 0), 0x98);
    assert_int_equal(bg_pci_capability_find(&f.host, f.devices, BG_PCI_CAP_VENDOR, 0x98), 0xFC);
    assert_int_equal(bg_pci_capability_find(&f.host, f.devices, BG_PCI_CAP_VENDOR, 0xFC),
                     BG_ERR_NOT_FOUND);
    assert_ptr_equal(bg_pci_find_capability(&f.host, BG_PCI_CAP_MSIX, NULL), f.devices);
    assert_null(bg_pci_find_capability(&f.host, BG_PCI_CAP_MSI, NULL));
}

static void status_says_that_there_is_no_list(void **state)
{
    (void)state;
    uint16_t ids[4];
    int result;
    int function = add_plain(FAKE_ROOT, 8);

    fake_pci_capability(&f.pci, function, 0x40, BG_PCI_CAP_MSI, 0);
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
    assert_int_equal(result, BG_ERR_PROTOCOL);
    assert_int_equal(bg_pci_capability_find(&f.host, f.devices, 9, 0), 0x60);
    assert_int_equal(bg_pci_capability_find(&f.host, f.devices, 0x11, 0), BG_ERR_NOT_FOUND);
    fake_pci_set8(&f.pci, function, 0x41, 0x40); /* itself */
    assert_int_equal(walk(false, ids, 64, &result), 1);
    assert_int_equal(result, BG_ERR_PROTOCOL);
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
    assert_int_equal(result, BG_ERR_PROTOCOL);
    fake_pci_set8(&f.pci, function, 0x34, 0x10);
    assert_int_equal(walk(false, ids, 64, &result), 0);
    assert_int_equal(result, BG_ERR_PROTOCOL);
    fake_pci_set8(&f.pci, function, 0x34, 0x80);
    fake_pci_set32(&f.pci, function, 0x80, UINT32_MAX); /* unplugged while we look */
    assert_int_equal(walk(false, ids, 64, &result), 0);
    assert_int_equal(result, BG_ERR_PROTOCOL);
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
    assert_int_equal(bg_pci_extended_capability_find(&f.host, f.devices, 3, 0), 0xFFC);
    assert_ptr_equal(bg_pci_find_extended_capability(&f.host, 0x000E, NULL), f.devices);

    fake_pci_set32(&f.pci, function, 0xFFC, 0x0003u | 1u << 16 | 0x100u << 20); /* a loop */
    assert_int_equal(walk(true, ids, 64, &result), 3);
    assert_int_equal(result, BG_ERR_PROTOCOL);
    fake_pci_set32(&f.pci, function, 0xFFC, 0x0003u | 1u << 16 | 0x040u << 20); /* below 0x100 */
    assert_int_equal(walk(true, ids, 64, &result), 3);
    assert_int_equal(result, BG_ERR_PROTOCOL);
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

#define TEST(name) cmocka_unit_test_setup(name, pci_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(standard_list), TEST(status_says_that_there_is_no_list),
        TEST(loops_end),     TEST(bad_pointers_end),
        TEST(extended_list), TEST(extended_list_needs_express),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
