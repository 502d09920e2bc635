/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/platform/devicetree.c firmware/platform/bootargs.c
// libs: -lfdt
/* The devicetree reader on blobs made here: as virt makes them, unusual ones, and broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>

#include "firmware/platform/bootargs.h"
#include "firmware/platform/machine.h"

#define BLOB_BYTES_MAX 8192
#define GIC_PHANDLE 0x8001
#define GPIO_PHANDLE 0x8002
#define ITS_PHANDLE 0x8004
#define GIB 0x40000000ull

static uint8_t blob[BLOB_BYTES_MAX] __attribute__((aligned(8)));
static struct machine machine_read;
static const char *problem;

/* ---- Writing a tree ---- */

static void begin(const char *name)
{
    assert_int_equal(fdt_begin_node(blob, name), 0);
}

static void end(void)
{
    assert_int_equal(fdt_end_node(blob), 0);
}

static void put_cells(const char *name, const uint32_t *cells, size_t count)
{
    uint32_t big_endian[64];

    for (size_t i = 0; i < count; i++) {
        big_endian[i] = cpu_to_fdt32(cells[i]);
    }
    assert_int_equal(fdt_property(blob, name, big_endian, (int)(count * 4)), 0);
}

#define CELLS(name, ...)                                                                           \
    put_cells(name, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

static void put_text(const char *name, const char *text)
{
    assert_int_equal(fdt_property(blob, name, text, (int)strlen(text) + 1), 0);
}

static void tree_begin(uint32_t address_cells, uint32_t size_cells)
{
    assert_int_equal(fdt_create(blob, sizeof(blob)), 0);
    assert_int_equal(fdt_add_reservemap_entry(blob, 0x41000000, 0x10000), 0);
    assert_int_equal(fdt_finish_reservemap(blob), 0);
    begin("");
    CELLS("#address-cells", address_cells);
    CELLS("#size-cells", size_cells);
}

static void tree_end(void)
{
    end();
    assert_int_equal(fdt_finish(blob), 0);
}

static void put_memory(const char *name, uint64_t base, uint64_t size)
{
    begin(name);
    put_text("device_type", "memory");
    CELLS("reg", (uint32_t)(base >> 32), (uint32_t)base, (uint32_t)(size >> 32), (uint32_t)size);
    end();
}

static void put_gic3(void)
{
    begin("intc@8000000");
    put_text("compatible", "arm,gic-v3");
    CELLS("phandle", GIC_PHANDLE);
    CELLS("#address-cells", 2);
    CELLS("#size-cells", 2);
    CELLS("#redistributor-regions", 2);
    CELLS("reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0xf60000, 0x40, 0, 0, 0x4000000);
    begin("its@8080000");
    put_text("compatible", "arm,gic-v3-its");
    CELLS("phandle", ITS_PHANDLE);
    CELLS("reg", 0, 0x8080000, 0, 0x20000);
    end();
    end();
}

static void put_gic2(void)
{
    begin("intc@8000000");
    put_text("compatible", "arm,cortex-a15-gic");
    CELLS("phandle", GIC_PHANDLE);
    CELLS("#address-cells", 2);
    CELLS("#size-cells", 2);
    CELLS("reg", 0, 0x8000000, 0, 0x10000, 0, 0x8010000, 0, 0x10000);
    begin("v2m@8020000");
    put_text("compatible", "arm,gic-v2m-frame");
    CELLS("reg", 0, 0x8020000, 0, 0x1000);
    end();
    end();
}

#define MAP(slot, pin, spi) (slot) << 11, 0, 0, pin, GIC_PHANDLE, 0, 0, 0, spi, 4

static void put_pci(void)
{
    begin("pcie@10000000");
    put_text("compatible", "pci-host-ecam-generic");
    CELLS("bus-range", 0, 255);
    CELLS("reg", 0x40, 0x10000000, 0, 0x10000000);
    CELLS("ranges", 0x01000000, 0, 0, 0, 0x3eff0000, 0, 0x10000,   /* I/O */
          0x02000000, 0, 0x10000000, 0, 0x10000000, 0, 0x2eff0000, /* 32 bits */
          0x03000000, 0x80, 0, 0x80, 0, 0x80, 0);                  /* 64 bits */
    CELLS("interrupt-map", MAP(0, 1, 3), MAP(0, 2, 4), MAP(1, 1, 4), MAP(3, 4, 5));
    CELLS("msi-map", 0, ITS_PHANDLE, 0, 0x8000, 0x8000, ITS_PHANDLE, 0x18000, 0x8000, 1, 2, 3);
    end();
}

static void put_cpus(unsigned count)
{
    char name[16];

    begin("cpus");
    CELLS("#address-cells", 1);
    CELLS("#size-cells", 0);
    begin("cpu-map"); /* not a CPU */
    end();
    for (uint32_t i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "cpu@%x", i);
        begin(name);
        put_text("device_type", "cpu");
        CELLS("reg", i < 8 ? i : 0x100 + i - 8);
        end();
    }
    end();
}

static void put_uart(const char *name, uint32_t base, const char *status)
{
    begin(name);
    assert_int_equal(fdt_property(blob, "compatible", "arm,pl011\0arm,primecell", 24), 0);
    CELLS("reg", 0, base, 0, 0x1000);
    if (status != NULL) {
        put_text("status", status);
    }
    end();
}

static void put_psci(const char *method)
{
    begin("psci");
    assert_int_equal(fdt_property(blob, "compatible", "arm,psci-1.0\0arm,psci-0.2", 26), 0);
    put_text("method", method);
    end();
}

/* As -M virt,gic-version=3 describes itself. */
static void make_virt(void)
{
    tree_begin(2, 2);
    put_psci("hvc");
    put_uart("pl011@9040000", 0x9040000, "disabled");
    put_uart("pl011@9000000", 0x9000000, NULL);
    put_memory("memory@40000000", 0x40000000, 4 * GIB);
    put_cpus(9);
    put_gic3();
    put_pci();
    begin("chosen");
    put_text("bootargs", "run=demo quiet");
    end();
    tree_end();
}

static int parse_size(size_t size)
{
    problem = NULL;
    return devicetree_parse(blob, size, &machine_read, &problem);
}

static int parse(void)
{
    return parse_size(sizeof(blob));
}

#define assert_range(range, b, s)                                                                  \
    do {                                                                                           \
        assert_int_equal((range).base, b);                                                         \
        assert_int_equal((range).size, s);                                                         \
    } while (0)

/* ---- Good trees ---- */

static void test_virt(void **state)
{
    (void)state;
    make_virt();
    assert_int_equal(parse(), 0);
    assert_null(problem);
    assert_int_equal(machine_read.memory_count, 1);
    assert_range(machine_read.memory[0], 0x40000000, 4 * GIB);
    assert_int_equal(machine_read.reserved_count, 1);
    assert_range(machine_read.reserved[0], 0x41000000, 0x10000);
    assert_int_equal(machine_read.cpu_count, 9);
    assert_int_equal(machine_read.cpus[8], 0x100);
    assert_range(machine_read.uart, 0x9000000, 0x1000); /* not the one that is disabled */
    assert_int_equal(machine_read.psci, MACHINE_PSCI_HVC);
    assert_int_equal(machine_read.gic_version, 3);
    assert_range(machine_read.gic_distributor, 0x8000000, 0x10000);
    assert_range(machine_read.gic_redistributors[0], 0x80a0000, 0xf60000);
    assert_range(machine_read.gic_redistributors[1], 0x4000000000, 0x4000000);
    assert_range(machine_read.gic_its, 0x8080000, 0x20000);
    assert_string_equal(machine_read.bootargs, "run=demo quiet");
    assert_range(machine_read.devicetree, (uintptr_t)blob, fdt_totalsize(blob));
}

static void test_pci(void **state)
{
    (void)state;
    make_virt();
    assert_int_equal(parse(), 0);
    assert_true(machine_read.pci_present);
    assert_int_equal(machine_read.pci_ecam_base, 0x4010000000);
    assert_int_equal(machine_read.pci_ecam_size, 0x10000000);
    assert_int_equal(machine_read.bus_first, 0);
    assert_int_equal(machine_read.bus_last, 255);
    assert_int_equal(machine_read.pci_io.cpu_base, 0x3eff0000);
    assert_int_equal(machine_read.pci_io.bus_base, 0);
    assert_int_equal(machine_read.pci_io.size, 0x10000);
    assert_int_equal(machine_read.pci_mem32.bus_base, 0x10000000);
    assert_int_equal(machine_read.pci_mem32.size, 0x2eff0000);
    assert_int_equal(machine_read.pci_mem64.cpu_base, 0x8000000000);
    assert_int_equal(machine_read.pci_mem64.size, 0x8000000000);
    assert_int_equal(machine_read.pci_interrupt_spi[0][0], 3);
    assert_int_equal(machine_read.pci_interrupt_spi[1][0], 4);
    assert_int_equal(machine_read.pci_interrupt_spi[3][3], 5);
    assert_int_equal(machine_read.pci_interrupt_spi[2][0], 0);
}

static void test_gic2_and_smc(void **state)
{
    (void)state;
    tree_begin(2, 2);
    put_psci("smc");
    put_gic2();
    put_memory("memory@40000000", 0x40000000, GIB);
    tree_end();
    assert_int_equal(parse(), 0);
    assert_int_equal(machine_read.psci, MACHINE_PSCI_SMC);
    assert_int_equal(machine_read.gic_version, 2);
    assert_range(machine_read.gic_cpu_interface, 0x8010000, 0x10000);
    assert_range(machine_read.gic_v2m[0].range, 0x8020000, 0x1000);
    assert_false(machine_read.pci_present);
    assert_int_equal(machine_read.uart.size, 0);
    assert_string_equal(machine_read.bootargs, "");
}

static void put_node(const char *name, const char *compatible, uint32_t base, uint32_t spi,
                     uint32_t flags)
{
    begin(name);
    put_text("compatible", compatible);
    CELLS("reg", 0, base, 0, 0x200);
    CELLS("interrupts", 0, spi, flags);
    end();
}

static void test_interrupts(void **state)
{
    char name[32];

    (void)state;
    tree_begin(2, 2);
    put_memory("memory@40000000", GIB, GIB);
    put_gic3();
    begin("timer");
    put_text("compatible", "arm,armv8-timer");
    CELLS("interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);
    end();
    put_node("pl011@9000000", "arm,pl011", 0x9000000, 1, 4);
    for (uint32_t i = 0; i <= MACHINE_VIRTIO_MMIO_MAX; i++) {
        snprintf(name, sizeof(name), "virtio_mmio@%x", 0xa000000 + i * 0x200);
        put_node(name, "virtio,mmio", 0xa000000 + i * 0x200, i == 1 ? 988 : 16 + i, 1);
    }
    tree_end();
    assert_int_equal(parse(), 0);
    assert_int_equal(machine_read.timer_physical.intid, 30);
    assert_int_equal(machine_read.timer_virtual.intid, 27);
    assert_false(machine_read.timer_virtual.edge);
    assert_int_equal(machine_read.uart_interrupt.intid, 33);
    assert_false(machine_read.uart_interrupt.edge);
    assert_int_equal(machine_read.virtio_mmio_count, MACHINE_VIRTIO_MMIO_MAX);
    assert_range(machine_read.virtio_mmio[0].range, 0xa000000, 0x200);
    assert_int_equal(machine_read.virtio_mmio[0].interrupt.intid, 48);
    assert_true(machine_read.virtio_mmio[0].interrupt.edge);
    assert_int_equal(machine_read.virtio_mmio[1].interrupt.intid, 0); /* beyond the last SPI */
    assert_int_equal(machine_read.virtio_mmio[31].interrupt.intid, 79);
}

static void put_frame(const char *name, uint32_t base, uint32_t phandle)
{
    begin(name);
    put_text("compatible", "arm,gic-v2m-frame");
    CELLS("reg", 0, base, 0, 0x1000);
    CELLS("phandle", phandle);
    if (base % 0x2000 == 0) {
        CELLS("arm,msi-base-spi", 64);
        CELLS("arm,msi-num-spis", 16);
    }
    end();
}

static void put_gic_with_frames(uint32_t interrupt_cells)
{
    tree_begin(2, 2);
    put_memory("memory@40000000", GIB, GIB);
    begin("intc@8000000");
    put_text("compatible", "arm,gic-400");
    CELLS("#address-cells", 2);
    CELLS("#size-cells", 2);
    CELLS("#interrupt-cells", interrupt_cells);
    CELLS("reg", 0, 0x8000000, 0, 0x10000, 0, 0x8010000, 0, 0x10000);
    for (uint32_t i = 0; i <= MACHINE_MSI_FRAMES_MAX; i++) {
        put_frame((char[]){'v', '2', 'm', '@', (char)('0' + i), 0}, 0x8020000 + i * 0x1000, 90 + i);
    }
    end();
    tree_end();
}

static void test_msi_frames(void **state)
{
    (void)state;
    put_gic_with_frames(3);
    assert_int_equal(parse(), 0);
    assert_range(machine_read.gic_v2m[0].range, 0x8020000, 0x1000);
    assert_int_equal(machine_read.gic_v2m[0].phandle, 90);
    assert_int_equal(machine_read.gic_v2m[0].spi_first, 32); /* the property counts from INTID 0 */
    assert_int_equal(machine_read.gic_v2m[0].spi_count, 16);
    assert_range(machine_read.gic_v2m[3].range, 0x8023000, 0x1000);
    assert_int_equal(machine_read.gic_v2m[3].spi_count, 0);
    assert_int_equal(machine_read.gic_version, 2);
}

/* A GIC whose interrupt specifiers are of another kind is as good as none. */
static void test_unknown_interrupt_cells(void **state)
{
    (void)state;
    put_gic_with_frames(4);
    assert_int_equal(parse(), 0);
    assert_int_equal(machine_read.gic_version, 0);
}

static void test_msi_map(void **state)
{
    (void)state;
    make_virt();
    assert_int_equal(parse(), 0);
    assert_int_equal(machine_read.gic_its_phandle, ITS_PHANDLE);
    assert_int_equal(machine_read.pci_msi_map_count, 2); /* the third is cut off */
    assert_int_equal(machine_read.pci_msi_map[0].requester_first, 0);
    assert_int_equal(machine_read.pci_msi_map[0].controller, ITS_PHANDLE);
    assert_int_equal(machine_read.pci_msi_map[1].requester_first, 0x8000);
    assert_int_equal(machine_read.pci_msi_map[1].device_first, 0x18000);
    assert_int_equal(machine_read.pci_msi_map[1].count, 0x8000);
}

static void test_memory_banks_are_sorted_and_merged(void **state)
{
    (void)state;
    tree_begin(2, 2);
    put_memory("memory@140000000", 5 * GIB, GIB);
    put_memory("memory@40000000", GIB, GIB);
    put_memory("memory@100000000", 4 * GIB, GIB); /* touches the first */
    put_memory("memory@80000000", 2 * GIB, 0);    /* nothing */
    tree_end();
    assert_int_equal(parse(), 0);
    assert_int_equal(machine_read.memory_count, 2);
    assert_range(machine_read.memory[0], GIB, GIB);
    assert_range(machine_read.memory[1], 4 * GIB, 2 * GIB);
}

/* The third bank fills the gap between the first two. */
static void test_memory_bank_joins_two(void **state)
{
    (void)state;
    tree_begin(2, 2);
    put_memory("memory@40000000", GIB, GIB);
    put_memory("memory@c0000000", 3 * GIB, GIB);
    put_memory("memory@80000000", 2 * GIB, GIB);
    tree_end();
    assert_int_equal(parse(), 0);
    assert_int_equal(machine_read.memory_count, 1);
    assert_range(machine_read.memory[0], GIB, 3 * GIB);
}

static void test_several_banks_in_one_node_with_one_cell(void **state)
{
    (void)state;
    tree_begin(1, 1);
    begin("memory");
    put_text("device_type", "memory");
    CELLS("reg", 0x80000000, 0x1000000, 0x40000000, 0x2000000);
    end();
    begin("reserved-memory");
    CELLS("#address-cells", 1);
    CELLS("#size-cells", 1);
    begin("firmware@40000000");
    CELLS("reg", 0x40000000, 0x8000);
    end();
    begin("dynamic"); /* has a size only: nothing to keep out of */
    CELLS("size", 0x10000);
    end();
    end();
    tree_end();
    assert_int_equal(parse(), 0);
    assert_int_equal(machine_read.memory_count, 2);
    assert_range(machine_read.memory[0], 0x40000000, 0x2000000);
    assert_int_equal(machine_read.reserved_count, 2);
    assert_range(machine_read.reserved[1], 0x40000000, 0x8000);
}

static void test_secure_poweroff(void **state)
{
    (void)state;
    tree_begin(2, 2);
    put_memory("memory@40000000", GIB, GIB);
    begin("gpio-poweroff");
    put_text("compatible", "gpio-poweroff");
    put_text("status", "disabled");
    CELLS("gpios", GPIO_PHANDLE, 3, 0);
    end();
    begin("gpio-restart");
    put_text("compatible", "gpio-restart");
    CELLS("gpios", GPIO_PHANDLE, 5, 0);
    end();
    begin("pl061@90b0000");
    assert_int_equal(fdt_property(blob, "compatible", "arm,pl061\0arm,primecell", 24), 0);
    CELLS("phandle", GPIO_PHANDLE);
    CELLS("reg", 0, 0x90b0000, 0, 0x1000);
    end();
    tree_end();
    assert_int_equal(parse(), 0);
    assert_range(machine_read.secure_gpio, 0x90b0000, 0x1000);
    assert_int_equal(machine_read.secure_gpio_poweroff_line, 3);
    assert_range(machine_read.secure_restart_gpio, 0x90b0000, 0x1000);
    assert_int_equal(machine_read.secure_restart_line, 5);
}

/* ---- Bad trees ---- */

static void expect_problem(const char *text)
{
    assert_true(parse() < 0);
    assert_non_null(problem);
    if (strstr(problem, text) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", problem, text);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    tree_begin(2, 2);
    put_uart("pl011@9000000", 0x9000000, NULL);
    tree_end();
    expect_problem("no memory");
}

static void test_wrong_cells(void **state)
{
    (void)state;
    tree_begin(3, 2);
    put_memory("memory@40000000", GIB, GIB);
    tree_end();
    expect_problem("cells");
}

static void test_memory_wraps(void **state)
{
    (void)state;
    tree_begin(2, 2);
    put_memory("memory@f", 0xffffffff00000000, 0x200000000);
    tree_end();
    expect_problem("wraps");
}

static void test_too_many_banks(void **state)
{
    char name[32];

    (void)state;
    tree_begin(2, 2);
    for (uint64_t i = 0; i <= MACHINE_MEMORY_BANKS_MAX; i++) {
        snprintf(name, sizeof(name), "memory@%llx", (unsigned long long)(i * 2 * GIB));
        put_memory(name, i * 2 * GIB, GIB);
    }
    tree_end();
    expect_problem("too many memory banks");
}

static void test_bad_psci_method(void **state)
{
    (void)state;
    tree_begin(2, 2);
    put_memory("memory@40000000", GIB, GIB);
    put_psci("xyz");
    tree_end();
    expect_problem("psci");
}

static void put_pci_with(uint32_t bus_last, uint32_t window_size_high, int odd_bytes)
{
    uint8_t ranges[29] = {0};

    tree_begin(2, 2);
    put_memory("memory@40000000", GIB, GIB);
    begin("pcie@10000000");
    put_text("compatible", "pci-host-ecam-generic");
    CELLS("bus-range", 0, bus_last);
    CELLS("reg", 0x40, 0x10000000, 0, 0x10000000);
    if (odd_bytes) {
        assert_int_equal(fdt_property(blob, "ranges", ranges, 29), 0);
    } else {
        CELLS("ranges", 0x03000000, 0, 0, 1, 0, window_size_high, 0);
    }
    end();
    tree_end();
}

static void test_bad_pci_hosts(void **state)
{
    (void)state;
    put_pci_with(255, 0x80, 0);
    assert_int_equal(parse(), 0);
    put_pci_with(256, 0x80, 0);
    expect_problem("bus-range");
    put_pci_with(255, 0xffffffff, 0);
    expect_problem("wraps");
    put_pci_with(255, 0x80, 1);
    expect_problem("ranges");
}

/* What stands behind an interrupt-map that ends inside an entry is not taken for a number. */
static void test_interrupt_map_is_cut_off(void **state)
{
    (void)state;
    tree_begin(2, 2);
    put_memory("memory@40000000", GIB, GIB);
    put_gic2();
    begin("pcie@10000000");
    put_text("compatible", "pci-host-ecam-generic");
    CELLS("reg", 0x40, 0x10000000, 0, 0x10000000);
    CELLS("ranges", 0x03000000, 0, 0, 1, 0, 1, 0);
    CELLS("interrupt-map", MAP(0, 1, 3), 1 << 11, 0, 0, 1, GIC_PHANDLE, 0, 0, 0);
    end();
    tree_end();
    assert_int_equal(parse(), 0);
    assert_int_equal(machine_read.pci_interrupt_spi[0][0], 3);
    assert_int_equal(machine_read.pci_interrupt_spi[1][0], 0);
}

static void test_ecam_too_small(void **state)
{
    (void)state;
    tree_begin(2, 2);
    put_memory("memory@40000000", GIB, GIB);
    begin("pcie@3f000000");
    put_text("compatible", "pci-host-ecam-generic");
    CELLS("bus-range", 0, 255);
    CELLS("reg", 0, 0x3f000000, 0, 0x1000000);
    end();
    tree_end();
    expect_problem("too small");
}

static void test_too_many_cpus(void **state)
{
    (void)state;
    tree_begin(2, 2);
    put_memory("memory@40000000", GIB, GIB);
    put_cpus(MACHINE_CPUS_MAX + 6);
    tree_end();
    assert_int_equal(parse(), 0);
    assert_int_equal(machine_read.cpu_count, MACHINE_CPUS_MAX);
    assert_int_equal(machine_read.cpus_left_out, 6);
}

static void test_bootargs_too_long(void **state)
{
    char text[MACHINE_BOOTARGS_BYTES_MAX + 1];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    tree_begin(2, 2);
    put_memory("memory@40000000", GIB, GIB);
    begin("chosen");
    put_text("bootargs", text);
    end();
    tree_end();
    expect_problem("too long: 1023 bytes");
}

static void test_no_devicetree(void **state)
{
    (void)state;
    memset(blob, 0, sizeof(blob));
    expect_problem("no devicetree");
    memset(blob, 0xff, sizeof(blob));
    expect_problem("no devicetree");
}

/* Of a blob that is cut off nothing behind the cut is read (ASan watches). */
static void test_every_truncation(void **state)
{
    size_t size;

    (void)state;
    make_virt();
    size = fdt_totalsize(blob);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *copy = malloc(cut ? cut : 1);

        memcpy(copy, blob, cut);
        assert_true(devicetree_parse(copy, cut, &machine_read, &problem) < 0);
        assert_non_null(problem);
        free(copy);
    }
    assert_int_equal(parse_size(size), 0);
}

/* Each byte changed in turn: an answer of either kind, and no access outside. */
static void test_every_byte_changed(void **state)
{
    size_t size;
    uint8_t *copy;

    (void)state;
    make_virt();
    size = fdt_totalsize(blob);
    copy = malloc(size);
    for (size_t i = 0; i < size; i++) {
        static const uint8_t changes[] = {0x01, 0x80, 0xff};

        for (size_t k = 0; k < sizeof(changes); k++) {
            memcpy(copy, blob, size);
            copy[i] ^= changes[k];
            if (devicetree_parse(copy, size, &machine_read, &problem) < 0) {
                assert_non_null(problem);
            }
        }
    }
    free(copy);
}

/* ---- bootargs ---- */

static void test_bootargs(void **state)
{
    char value[8];

    (void)state;
    assert_true(bootargs_get("run=demo", "run", value, sizeof(value)));
    assert_string_equal(value, "demo");
    assert_true(bootargs_get("  a=1  run=x run=last ", "run", value, sizeof(value)));
    assert_string_equal(value, "last");
    assert_true(bootargs_get("quiet", "quiet", value, sizeof(value)));
    assert_string_equal(value, "");
    assert_true(bootargs_get("run=123456789", "run", value, sizeof(value)));
    assert_string_equal(value, "1234567");
    assert_true(bootargs_get("a=b=c", "a", value, sizeof(value)));
    assert_string_equal(value, "b=c");
    assert_false(bootargs_get("rerun=x runner=y", "run", value, sizeof(value)));
    assert_false(bootargs_get("", "run", value, sizeof(value)));
}

static void test_bootargs_next(void **state)
{
    const char *line = "  run=x\tquiet a=b=c longest=1 =5";
    static const char *const keys[] = {"run", "quiet", "a", "longe", ""};
    char key[6];

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        line = bootargs_next(line, key, sizeof(key));
        assert_non_null(line);
        assert_string_equal(key, keys[i]);
    }
    assert_null(bootargs_next(line, key, sizeof(key)));
    assert_null(bootargs_next(" ", key, sizeof(key)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_virt),
        cmocka_unit_test(test_pci),
        cmocka_unit_test(test_gic2_and_smc),
        cmocka_unit_test(test_interrupts),
        cmocka_unit_test(test_msi_frames),
        cmocka_unit_test(test_unknown_interrupt_cells),
        cmocka_unit_test(test_msi_map),
        cmocka_unit_test(test_memory_banks_are_sorted_and_merged),
        cmocka_unit_test(test_memory_bank_joins_two),
        cmocka_unit_test(test_several_banks_in_one_node_with_one_cell),
        cmocka_unit_test(test_secure_poweroff),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_wrong_cells),
        cmocka_unit_test(test_memory_wraps),
        cmocka_unit_test(test_too_many_banks),
        cmocka_unit_test(test_bad_psci_method),
        cmocka_unit_test(test_bad_pci_hosts),
        cmocka_unit_test(test_interrupt_map_is_cut_off),
        cmocka_unit_test(test_ecam_too_small),
        cmocka_unit_test(test_too_many_cpus),
        cmocka_unit_test(test_bootargs_too_long),
        cmocka_unit_test(test_no_devicetree),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_every_byte_changed),
        cmocka_unit_test(test_bootargs),
        cmocka_unit_test(test_bootargs_next),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
