/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/stub_fixture.c
/* vgpu-stub: PCI identity, every register, both buffers, access widths, properties. */
#include <stdlib.h>
#include <string.h>

#include "stub_fixture.h"

static int start(void **state)
{
    *state = stub_start(false, ",pool_id=B,priority=high,vm_id=200");
    return 0;
}

static int end(void **state)
{
    stub_end(*state);
    return 0;
}

static uint32_t config_read(struct stub *stub, unsigned size, unsigned offset)
{
    return (uint32_t)qtest_read(stub->qemu, size, pci_config_address(0, STUB_SLOT, 0, offset));
}

static void test_pci_identity(void **state)
{
    struct stub *stub = *state;

    assert_int_equal(config_read(stub, 4, 0x00), 0x11111AF4);
    assert_int_equal(config_read(stub, 4, 0x08), 0x12000002);
    assert_int_equal(config_read(stub, 1, 0x3D), 1);
    qtest_write(stub->qemu, 4, pci_config_address(0, STUB_SLOT, 0, 0x10), 0xFFFFFFFF);
    assert_int_equal(config_read(stub, 4, 0x10), 0xFFFFF000);
    for (unsigned bar = 1; bar < 6; bar++) {
        qtest_write(stub->qemu, 4, pci_config_address(0, STUB_SLOT, 0, 0x10 + 4 * bar), 0xFFFFFFFF);
        assert_int_equal(config_read(stub, 4, 0x10 + 4 * bar), 0);
    }
}

struct register_case {
    uint32_t offset, initial, written, reads_then;
};

/* What each register holds at the start, and after a write. */
static const struct register_case registers[] = {
    {BG_VGPU_STUB_REG_DOORBELL, 0, 2, 0},
    {BG_VGPU_STUB_REG_STATUS, 0, 0xFFFFFFFF, 0},
    {BG_VGPU_STUB_REG_POOL_ID, 'B', 0xFFFFFFFF, 'B'},
    {BG_VGPU_STUB_REG_PRIORITY, 2, 0xFFFFFFFF, 2},
    {BG_VGPU_STUB_REG_VM_ID, 200, 0xFFFFFFFF, 200},
    {BG_VGPU_STUB_REG_ERROR_CODE, 0, 0xFFFFFFFF, 0},
    {BG_VGPU_STUB_REG_REQUEST_LEN, 0, 1024, 1024},
    {BG_VGPU_STUB_REG_REQUEST_LEN, 1024, 1025, 1024},
    {BG_VGPU_STUB_REG_REQUEST_LEN, 1024, 0xFFFFFFFF, 1024},
    {BG_VGPU_STUB_REG_REQUEST_LEN, 1024, 0, 0},
    {BG_VGPU_STUB_REG_RESPONSE_LEN, 0, 0xFFFFFFFF, 0},
    {BG_VGPU_STUB_REG_PROTOCOL_VER, 0x00010000, 0, 0x00010000},
    {BG_VGPU_STUB_REG_CAPABILITIES, 1, 0xFFFFFFFF, 1},
    {BG_VGPU_STUB_REG_IRQ_CTRL, 0, 0xFFFFFFFF, 1},
    {BG_VGPU_STUB_REG_IRQ_CTRL, 1, 0, 0},
    {BG_VGPU_STUB_REG_IRQ_STATUS, 0, 0xFFFFFFFF, 0},
    {BG_VGPU_STUB_REG_REQUEST_ID, 0, 0xCAFEF00D, 0xCAFEF00D},
    {BG_VGPU_STUB_REG_TIMESTAMP_LO, 0, 0xFFFFFFFF, 0},
    {BG_VGPU_STUB_REG_TIMESTAMP_HI, 0, 0xFFFFFFFF, 0},
    {BG_VGPU_STUB_REG_SCRATCH, 0, 0xDEADBEEF, 0xDEADBEEF},
};

static void test_each_register(void **state)
{
    struct stub *stub = *state;

    for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
        const struct register_case *c = &registers[i];

        assert_int_equal(stub_read(stub, c->offset), c->initial);
        stub_write(stub, c->offset, c->written);
        assert_int_equal(stub_read(stub, c->offset), c->reads_then);
    }
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_STATUS), BG_VGPU_STUB_IDLE);
    assert_int_equal(stub_statistic(stub, "stat-requests"), 0);
}

/* Registers take 32 bits only: everything else is refused, logged, and changes nothing. */
static void test_register_widths(void **state)
{
    static const unsigned sizes[] = {1, 2, 8};
    struct stub *stub = *state;

    stub_write(stub, BG_VGPU_STUB_REG_SCRATCH, 0x11223344);
    stub_write(stub, BG_VGPU_STUB_REG_REQUEST_ID, 0x55667788);
    for (size_t i = 0; i < 3; i++) {
        uint64_t offset = sizes[i] == 8 ? 0x38 : BG_VGPU_STUB_REG_SCRATCH;
        char *line =
            harness_format("write of %u bytes at register 0x%X", sizes[i], (unsigned)offset);

        qtest_write(stub->qemu, sizes[i], stub->bar + offset, UINT64_MAX);
        assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_SCRATCH), 0x11223344);
        process_wait_text(stub->qemu->process, line);
        free(line);
        assert_int_not_equal(qtest_read(stub->qemu, sizes[i], stub->bar + offset) & 0xFF, 0x44);
    }
    for (uint32_t offset = 0; offset < 4; offset++) {
        qtest_write(stub->qemu, 1, stub->bar + offset, 1); /* no doorbell */
    }
    assert_int_equal(stub_statistic(stub, "stat-requests"), 0);
}

static void test_request_buffer(void **state)
{
    struct stub *stub = *state;
    uint64_t buffer = stub->bar + BG_VGPU_STUB_REQUEST_BUFFER;
    uint8_t written[BG_VGPU_STUB_BUFFER_SIZE], read[BG_VGPU_STUB_BUFFER_SIZE];

    for (size_t i = 0; i < sizeof(written); i++) {
        written[i] = (uint8_t)(i * 7 + (i >> 8));
    }
    for (unsigned size = 1; size <= 8; size *= 2) {
        qtest_write_block(stub->qemu, buffer, memset(read, 0, sizeof(read)), sizeof(read));
        for (size_t i = 0; i < sizeof(written); i += size) {
            uint64_t value = 0;

            memcpy(&value, written + i, size);
            qtest_write(stub->qemu, size, buffer + i, value);
            assert_int_equal(qtest_read(stub->qemu, size, buffer + i), value);
        }
        qtest_read_block(stub->qemu, buffer, read, sizeof(read));
        assert_memory_equal(read, written, sizeof(read));
    }
    /* Neighbours are not touched. */
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_REG_SCRATCH), 0);
    assert_int_equal(stub_read(stub, BG_VGPU_STUB_RESPONSE_BUFFER), 0);
}

static void test_response_buffer_is_read_only(void **state)
{
    struct stub *stub = *state;
    uint8_t ones[BG_VGPU_STUB_BUFFER_SIZE], read[BG_VGPU_STUB_BUFFER_SIZE];

    memset(ones, 0xFF, sizeof(ones));
    qtest_write_block(stub->qemu, stub->bar + BG_VGPU_STUB_RESPONSE_BUFFER, ones, sizeof(ones));
    qtest_read_block(stub->qemu, stub->bar + BG_VGPU_STUB_RESPONSE_BUFFER, read, sizeof(read));
    assert_memory_equal(read, memset(ones, 0, sizeof(ones)), sizeof(read));
}

static void test_reserved_zone(void **state)
{
    struct stub *stub = *state;

    for (unsigned size = 1; size <= 8; size *= 2) {
        qtest_write(stub->qemu, size, stub->bar + BG_VGPU_STUB_RESERVED, UINT64_MAX);
        qtest_write(stub->qemu, size, stub->bar + BG_VGPU_STUB_BAR_SIZE - size, UINT64_MAX);
        assert_int_equal(qtest_read(stub->qemu, size, stub->bar + BG_VGPU_STUB_RESERVED), 0);
        assert_int_equal(qtest_read(stub->qemu, size, stub->bar + BG_VGPU_STUB_BAR_SIZE - size), 0);
    }
}

struct property_case {
    const char *properties;
    uint32_t offset, value;
};

static void test_properties(void **state)
{
    static const struct property_case cases[] = {
        {"", BG_VGPU_STUB_REG_POOL_ID, 'A'},
        {"", BG_VGPU_STUB_REG_PRIORITY, 1},
        {"", BG_VGPU_STUB_REG_VM_ID, 0},
        {"", BG_VGPU_STUB_REG_CAPABILITIES, 1},
        {",pool_id=", BG_VGPU_STUB_REG_POOL_ID, 'A'},
        {",pool_id=A", BG_VGPU_STUB_REG_POOL_ID, 'A'},
        {",priority=", BG_VGPU_STUB_REG_PRIORITY, 1},
        {",priority=low", BG_VGPU_STUB_REG_PRIORITY, 0},
        {",priority=medium", BG_VGPU_STUB_REG_PRIORITY, 1},
        {",vm_id=4294967295", BG_VGPU_STUB_REG_VM_ID, 0xFFFFFFFF},
        {",interrupt=on", BG_VGPU_STUB_REG_CAPABILITIES, 3},
        {",access64=on", BG_VGPU_STUB_REG_CAPABILITIES, 0x11},
        {",peer_user=0,timeout_ms=3600000", BG_VGPU_STUB_REG_STATUS, 0},
        {",peer_user=root,timeout_ms=1", BG_VGPU_STUB_REG_STATUS, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stub *stub = stub_start(false, cases[i].properties);

        assert_int_equal(stub_read(stub, cases[i].offset), cases[i].value);
        stub_end(stub);
    }
}

static void test_wrong_properties(void **state)
{
    char path[120], *long_path;
    struct {
        const char *properties, *message;
    } cases[] = {
        {"pool_id=C", "pool_id must be 'A' or 'B', not 'C'"},
        {"pool_id=a", "pool_id must be 'A' or 'B', not 'a'"},
        {"pool_id=AB", "pool_id must be 'A' or 'B', not 'AB'"},
        {"priority=urgent", "priority must be 'low', 'medium' or 'high', not 'urgent'"},
        {"vm_id=-1", "vm_id"},
        {"vm_id=4294967296", "vm_id"},
        {"timeout_ms=0", "timeout_ms must be from 1 to 3600000, not 0"},
        {"timeout_ms=3600001", "timeout_ms must be from 1 to 3600000, not 3600001"},
        {"socket=", "socket must be a path of 1 to 107 bytes"},
        {NULL, "socket must be a path of 1 to 107 bytes"},
        {"socket=/x,chardev=c", "socket and chardev exclude each other"},
        {"chardev=nowhere", "nowhere"},
        {"chardev=c,peer_user=root", "peer_user is for socket"},
        {"peer_user=no-such-user", "peer_user must be the name or the number of a user"},
    };

    (void)state;
    memset(path, 'x', sizeof(path));
    long_path = harness_format("socket=%.108s", path);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct process *process =
            qemu_start_plain("-M virt -chardev null,id=c -device vgpu-stub,%s",
                             cases[i].properties != NULL ? cases[i].properties : long_path);

        assert_int_equal(process_wait(process), 1);
        assert_non_null(strstr(process_errors(process), cases[i].message));
        process_end(process);
    }
    free(long_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pci_identity, start, end),
        cmocka_unit_test_setup_teardown(test_each_register, start, end),
        cmocka_unit_test_setup_teardown(test_register_widths, start, end),
        cmocka_unit_test_setup_teardown(test_request_buffer, start, end),
        cmocka_unit_test_setup_teardown(test_response_buffer_is_read_only, start, end),
        cmocka_unit_test_setup_teardown(test_reserved_zone, start, end),
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_wrong_properties),
    };

    stub_use_cmocka();
    return cmocka_run_group_tests_name("vgpu-stub registers", tests, NULL, NULL);
}
