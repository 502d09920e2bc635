/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/pvgpu_fixture.c
/* pvgpu: PCI identity, BARs, every register, access widths, the shared memory's start, properties,
 * RESET; all without a backend. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pvgpu_fixture.h"

static int start(void **state)
{
    *state = pvgpu_start(false, "");
    return 0;
}

static int end(void **state)
{
    pvgpu_end(*state);
    return 0;
}

/* ---- Identity ---- */

static uint32_t probe_bar(struct bg_pvgpu *pvgpu, unsigned offset)
{
    qtest_write(pvgpu->qemu, 4, pci_config_address(0, PVGPU_SLOT, 0, offset), 0xFFFFFFFF);
    return pvgpu_config(pvgpu, 4, offset);
}

static void test_pci_identity(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    assert_int_equal(pvgpu_config(pvgpu, 4, 0x00), 0x10F01AF4);
    assert_int_equal(pvgpu_config(pvgpu, 4, 0x08), 0x03000001);
    assert_int_equal(pvgpu_config(pvgpu, 4, 0x2C), 0x00011AF4);
    assert_int_equal(pvgpu_config(pvgpu, 1, 0x3D), 1);
    assert_int_equal(probe_bar(pvgpu, 0x10), 0xFFFFF000);
    assert_int_equal(probe_bar(pvgpu, 0x14), 0xFFFFF000);
    /* 64-bit, prefetchable. */
    assert_int_equal(probe_bar(pvgpu, 0x18), (0xFFFFFFFF & ~(PVGPU_TEST_SIZE - 1)) | 0xC);
    assert_int_equal(probe_bar(pvgpu, 0x1C), 0xFFFFFFFF);
    assert_int_equal(probe_bar(pvgpu, 0x20), 0);
    assert_int_equal(probe_bar(pvgpu, 0x24), 0);
}

static void test_default_size(void **state)
{
    struct bg_pvgpu *pvgpu = pvgpu_start_line(false, "-device pvgpu,id=gpu,addr=1");

    (void)state;
    pvgpu_enable(pvgpu, 0, 1);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_SHMEM_SIZE), BG_PVGPU_SHMEM_SIZE_DEFAULT);
    assert_int_equal(probe_bar(pvgpu, 0x18), 0xF000000C);
    pvgpu_end(pvgpu);
}

/* ---- Registers ---- */

struct register_case {
    uint32_t offset, initial, written, reads_then;
};

static const struct register_case registers[] = {
    {BG_PVGPU_REG_VERSION, 0x00010000, 0xFFFFFFFF, 0x00010000},
    {BG_PVGPU_REG_FEATURES_LO, 0, 0xFFFFFFFF, 0},
    {BG_PVGPU_REG_FEATURES_HI, 0, 0xFFFFFFFF, 0},
    {BG_PVGPU_REG_STATUS, 1, 0xFFFFFFFF, 1},
    {BG_PVGPU_REG_STATUS, 1, 0, 1},
    {BG_PVGPU_REG_DOORBELL, 0, 1, 0},
    {BG_PVGPU_REG_IRQ_STATUS, 0, 0xFFFFFFFF, 0},
    {BG_PVGPU_REG_IRQ_MASK, 0, 0xFFFFFFFF, 3},
    {BG_PVGPU_REG_IRQ_MASK, 3, 2, 2},
    {BG_PVGPU_REG_IRQ_MASK, 2, 0, 0},
    {BG_PVGPU_REG_SHMEM_SIZE, PVGPU_TEST_SIZE, 0, PVGPU_TEST_SIZE},
    {BG_PVGPU_REG_RING_SIZE, 0x1000000, 0, 0x1000000},
    {BG_PVGPU_REG_RESET, 0, 2, 0},
    {0x28, 0, 0xFFFFFFFF, 0},
    {0xFFC, 0, 0xFFFFFFFF, 0},
};

static void test_each_register(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
        const struct register_case *c = &registers[i];

        assert_int_equal(pvgpu_read(pvgpu, c->offset), c->initial);
        pvgpu_write(pvgpu, c->offset, c->written);
        assert_int_equal(pvgpu_read(pvgpu, c->offset), c->reads_then);
    }
    process_wait_text(pvgpu->qemu->process, "pvgpu: write to 0x1C: ignored");
    process_wait_text(pvgpu->qemu->process, "pvgpu: 0x2 written to RESET: ignored");
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-resets"), 0);
}

/* 32 bits only: everything else is refused, logged, and changes nothing. */
static void test_widths(void **state)
{
    static const unsigned sizes[] = {1, 2, 8};
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, 2);
    for (size_t i = 0; i < 3; i++) {
        char *line = harness_format("write of %u bytes at register 0x18", sizes[i]);

        qtest_write(pvgpu->qemu, sizes[i], PVGPU_REGISTERS_ADDRESS + BG_PVGPU_REG_IRQ_MASK, 1);
        assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_MASK), 2);
        process_wait_text(pvgpu->qemu->process, line);
        free(line);
        assert_int_not_equal(
            qtest_read(pvgpu->qemu, sizes[i], PVGPU_REGISTERS_ADDRESS + BG_PVGPU_REG_IRQ_MASK) &
                0xFF,
            2);
        qtest_write(pvgpu->qemu, sizes[i],
                    PVGPU_REGISTERS_ADDRESS + BG_PVGPU_REG_RESET - 4 * (i == 2), 1);
    }
    for (unsigned offset = 1; offset < 4; offset++) { /* unaligned */
        qtest_write(pvgpu->qemu, 4, PVGPU_REGISTERS_ADDRESS + BG_PVGPU_REG_IRQ_MASK + offset, ~0u);
    }
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_MASK), 2);
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-resets"), 0);
}

/* ---- Shared memory ---- */

static void expect_described(struct bg_pvgpu *pvgpu, uint32_t size)
{
    const struct {
        uint32_t offset, value;
    } words[] = {
        {0x000, 0x50564750},
        {0x004, 0x00010000},
        {0x010, 0x1000},
        {0x014, 0x1000000},
        {0x018, 0x1001000},
        {0x01C, size - 0x1001000},
        {0x020, 0},
        {0x060, 0},
        {0x0A0, 0},
        {0x0E0, 0},
        {0x120, 0},
        {0x124, 0},
        {0x130, 1920},
        {0x134, 1080},
        {0x138, 60},
        {0x13C, 87},
        {PVGPU_CONTROL(backend_sleeping), 0},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_int_equal(pvgpu_read_memory(pvgpu, words[i].offset), words[i].value);
    }
    assert_int_equal(pvgpu_read_memory(pvgpu, PVGPU_CONTROL(reset_done)),
                     pvgpu_read_memory(pvgpu, PVGPU_CONTROL(reset_request)));
}

static void test_memory_is_described(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    expect_described(pvgpu, PVGPU_TEST_SIZE);
    /* Ring and heap begin with zeroes. */
    assert_int_equal(pvgpu_read_memory(pvgpu, BG_PVGPU_RING_OFFSET), 0);
    assert_int_equal(pvgpu_read_memory(pvgpu, PVGPU_TEST_SIZE - 4), 0);
}

/* All widths, first and last byte, and the same bytes in the object of that name. */
static void test_memory_is_memory(void **state)
{
    struct bg_pvgpu *pvgpu = pvgpu_start(true, "");
    uint8_t written[64], read[64];
    struct stat object;
    uint8_t *memory;
    int fd;

    (void)state;
    pvgpu_connect_old(pvgpu, BG_PVGPU_FEATURE_D3D11); /* for whom it has a name */
    fd = shm_open(pvgpu->object, O_RDWR, 0);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &object), 0);
    assert_int_equal(object.st_size, PVGPU_TEST_SIZE);
    assert_int_equal(object.st_mode & 07777, 0600);
    memory = mmap(NULL, PVGPU_TEST_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(memory != MAP_FAILED);
    close(fd);
    for (size_t i = 0; i < sizeof(written); i++) {
        written[i] = (uint8_t)(i * 3 + 1);
    }
    qtest_write_block(pvgpu->qemu, PVGPU_SHMEM_ADDRESS + PVGPU_TEST_SIZE - 64, written, 64);
    assert_memory_equal(memory + PVGPU_TEST_SIZE - 64, written, 64);
    memset(memory + BG_PVGPU_HEAP_OFFSET, 0x5A, 64);
    qtest_read_block(pvgpu->qemu, PVGPU_SHMEM_ADDRESS + BG_PVGPU_HEAP_OFFSET, read, 64);
    assert_memory_equal(memory + BG_PVGPU_HEAP_OFFSET, read, 64);
    for (unsigned size = 1; size <= 8; size *= 2) {
        uint64_t value = 0x8877665544332211ull >> (64 - 8 * size), address = 0x2000 + 8;

        qtest_write(pvgpu->qemu, size, PVGPU_SHMEM_ADDRESS + address, value);
        assert_memory_equal(memory + address, &value, size);
        assert_true(qtest_read(pvgpu->qemu, size, PVGPU_SHMEM_ADDRESS + address) == value);
    }
    munmap(memory, PVGPU_TEST_SIZE);
    pvgpu_end(pvgpu);
}

/* ---- RESET ---- */

static void test_reset_register(void **state)
{
    static const uint32_t dirty[] = {
        0x020, 0x024, 0x060, 0x0A0, 0x0E0, 0x120, 0x124, 0x128, PVGPU_CONTROL(error_count)};
    struct bg_pvgpu *pvgpu = *state;
    uint32_t count = pvgpu_read_memory(pvgpu, PVGPU_CONTROL(reset_request));

    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, 3);
    for (size_t i = 0; i < sizeof(dirty) / sizeof(dirty[0]); i++) {
        pvgpu_write_memory(pvgpu, dirty[i], 0x77777777);
    }
    pvgpu_write_memory(pvgpu, BG_PVGPU_RING_OFFSET, 0x12345678);
    pvgpu_write(pvgpu, BG_PVGPU_REG_RESET, 1);
    expect_described(pvgpu, PVGPU_TEST_SIZE);
    for (size_t i = 0; i < sizeof(dirty) / sizeof(dirty[0]); i++) {
        assert_int_equal(pvgpu_read_memory(pvgpu, dirty[i]), 0);
    }
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_STATUS), 1);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_MASK), 3);                /* kept */
    assert_int_equal(pvgpu_read_memory(pvgpu, BG_PVGPU_RING_OFFSET), 0x12345678); /* likewise */
    assert_int_equal(pvgpu_read_memory(pvgpu, PVGPU_CONTROL(reset_request)), count + 1);
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-resets"), 1);
}

/* ---- Where it lies ---- */

/* The window above 4 GiB, and the largest size there is. */
static void test_two_gigabytes_above_4g(void **state)
{
    struct bg_pvgpu *pvgpu = pvgpu_start(false, ",shmem_size=2G");
    uint64_t address = qtest_machine()->mem64;

    (void)state;
    qtest_write(pvgpu->qemu, 4, pci_config_address(0, PVGPU_SLOT, 0, 0x18), (uint32_t)address);
    qtest_write(pvgpu->qemu, 4, pci_config_address(0, PVGPU_SLOT, 0, 0x1C), address >> 32);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_SHMEM_SIZE), 0x80000000);
    assert_int_equal(qtest_read(pvgpu->qemu, 4, address), BG_PVGPU_MAGIC);
    assert_int_equal(qtest_read(pvgpu->qemu, 4, address + 0x1C), 0x80000000 - 0x1001000);
    qtest_write(pvgpu->qemu, 8, address + 0x7FFFFFF8, 0x1122334455667788);
    assert_true(qtest_read(pvgpu->qemu, 8, address + 0x7FFFFFF8) == 0x1122334455667788);
    pvgpu_end(pvgpu);
}

/* Below, 256 MiB are what fits: the window ends at 0x3EFF0000, and a BAR is naturally aligned. */
static void test_without_highmem(void **state)
{
    if (!qtest_is_aarch64()) {
        skip();
    }
    struct bg_pvgpu *pvgpu =
        pvgpu_start_line(false, "-M highmem=off -device pvgpu,id=gpu,addr=1,shmem_size=256M");
    uint64_t config = 0x3F000000 + (1 << 15);

    (void)state;
    qtest_write(pvgpu->qemu, 4, config + 0x18, 0x20000000);
    qtest_write(pvgpu->qemu, 4, config + 0x1C, 0);
    qtest_write(pvgpu->qemu, 2, config + 0x04, 6);
    assert_int_equal(qtest_read(pvgpu->qemu, 4, 0x20000000), BG_PVGPU_MAGIC);
    assert_int_equal(qtest_read(pvgpu->qemu, 4, 0x2000001C), 0x10000000 - 0x1001000);
    qtest_write(pvgpu->qemu, 4, 0x2FFFFFFC, 0xFEEDFACE);
    assert_int_equal(qtest_read(pvgpu->qemu, 4, 0x2FFFFFFC), 0xFEEDFACE);
    pvgpu_end(pvgpu);
}

/* ---- Properties ---- */

static void test_properties(void **state)
{
    static const struct {
        const char *properties, *message;
    } bad[] = {
        {"shmem_size=32M", "shmem_size must be a power of two from 64M to 2G, not 33554432"},
        {"shmem_size=4G", "shmem_size must be a power of two from 64M to 2G, not 4294967296"},
        {"shmem_size=96M", "shmem_size must be a power of two from 64M to 2G"},
        {"shmem_size=0", "shmem_size must be a power of two from 64M to 2G, not 0"},
        {"shmem_size=64M,backend_pipe=", "backend_pipe must be a path of 1 to 107 bytes"},
        {"shmem_size=64M,pool_id=C", "pool_id must be 'A' or 'B', not 'C'"},
        {"shmem_size=64M,priority=urgent", "priority must be 'low', 'medium' or 'high'"},
        {"shmem_size=64M,peer_user=nobody-of-that-name", "peer_user must be the name or the"},
        {"shmem_size=64M,pause_timeout_ms=600001", "pause_timeout_ms must be at most 600000"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct process *process = qemu_start_plain("-M virt -device pvgpu,%s", bad[i].properties);

        assert_int_equal(process_wait(process), 1);
        assert_non_null(strstr(process_errors(process), bad[i].message));
        process_end(process);
    }
}

/* Both ways of writing a size. */
static void test_size_in_bytes(void **state)
{
    struct bg_pvgpu *pvgpu = pvgpu_start(false, ",shmem_size=134217728");

    (void)state;
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_SHMEM_SIZE), 0x8000000);
    pvgpu_end(pvgpu);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pci_identity),
        cmocka_unit_test(test_default_size),
        TEST(test_each_register),
        TEST(test_widths),
        TEST(test_memory_is_described),
        cmocka_unit_test(test_memory_is_memory),
        TEST(test_reset_register),
        cmocka_unit_test(test_two_gigabytes_above_4g),
        cmocka_unit_test(test_without_highmem),
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_size_in_bytes),
    };

    pvgpu_use_cmocka();
    return cmocka_run_group_tests_name("pvgpu registers", tests, NULL, NULL);
}
