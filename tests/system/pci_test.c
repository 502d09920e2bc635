/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/system/guest_tap.c
/* Real topologies under QEMU: the guest's test-pci looks at what it made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guest_tap.h"

/* vgpu-stub never connects here: its registers are enough. */
#define STUB "-device vgpu-stub,socket=/nonexistent/vgpu.sock"

/* Without reservation: nobody fills it. */
#define MEMORY(id, size) "-object memory-backend-ram,reserve=off,id=" id ",size=" size " "

#define BRIDGES_3_DEEP                                                                             \
    "-device pcie-root-port,id=rp,chassis=1 -device pcie-pci-bridge,id=pci,bus=rp "                \
    "-device pci-bridge,id=inner,bus=pci,addr=1,chassis_nr=2 "

static void run(const char *machine, const char *append, const char *arguments)
{
    char *line = harness_format("run=test-pci %s", append);
    const struct guest_options options = {
        .machine = machine, .append = line, .arguments = arguments};

    free(guest_tap_run(&options));
    free(line);
}

static void run_and_expect(const char *machine, const char *append, const char *arguments,
                           const char *text)
{
    char *line = harness_format("run=test-pci %s", append);
    const struct guest_options options = {
        .machine = machine, .append = line, .arguments = arguments};
    char *output = guest_tap_run(&options);

    guest_expect_text(output, text);
    free(output);
    free(line);
}

static void one_device(void **state)
{
    (void)state;
    run("virt", "devices=2", STUB);
    run("virt,highmem=off", "devices=2", STUB);
}

/* Something of every kind at every level. */
#define ZOO                                                                                        \
    BRIDGES_3_DEEP                                                                                 \
    "-device edu,bus=inner,addr=2 -device pci-testdev,bus=inner,addr=3 "                           \
    "-device virtio-rng-pci,bus=inner,addr=4 -device pci-serial,bus=inner,addr=5 "                 \
    "-device bochs-display,bus=pci,addr=4,romfile= -device edu,bus=pci,addr=5 " MEMORY(            \
        "m1",                                                                                      \
        "64M") "-device ivshmem-plain,memdev=m1,bus=inner,addr=9 " MEMORY("m2",                    \
                                                                          "32M") "-device "        \
                                                                                 "ivshmem-plain,"  \
                                                                                 "memdev=m2 "      \
                                                                                 "-device "        \
                                                                                 "pci-testdev "    \
                                                                                 "-device "        \
                                                                                 "pci-"            \
                                                                                 "serial " STUB    \
                                                                                 ",bus=inner,"     \
                                                                                 "addr=7"

static void three_bridges_deep(void **state)
{
    (void)state;
    run_and_expect("virt", "devices=15", ZOO, "      03:07.0 Processing accelerator [1af4:1111]");
}

static void three_bridges_deep_without_high_memory(void **state)
{
    (void)state;
    run("virt,highmem=off", "devices=15", ZOO);
}

/* A switch: root port, upstream port, three downstream ports, and conventional PCI behind one. */
static void a_switch(void **state)
{
    (void)state;
    run_and_expect("virt", "devices=11",
                   "-device pcie-root-port,id=rp,chassis=1 "
                   "-device x3130-upstream,id=up,bus=rp "
                   "-device xio3130-downstream,id=d1,bus=up,chassis=2 "
                   "-device xio3130-downstream,id=d2,bus=up,chassis=3 "
                   "-device xio3130-downstream,id=d3,bus=up,chassis=4 "
                   "-device pcie-pci-bridge,id=pci,bus=d2 "
                   "-device pci-bridge,id=inner,bus=pci,addr=6,chassis_nr=5 "
                   "-device edu,bus=inner,addr=3 -device virtio-rng-pci,bus=d3 " STUB ",bus=d1",
                   "          06:03.0 Unclassified device [1234:11e8]");
}

#define EXPANDERS                                                                                  \
    "-device pxb-pcie,bus=pcie.0,id=pxb,bus_nr=9 -device "                                         \
    "pcie-root-port,bus=pcie.0,id=p0,chassis=1 "                                                   \
    "-device pcie-root-port,id=p1,chassis=2,bus=pxb -device edu,bus=p1 "

static void an_expander(void **state)
{
    (void)state;
    run_and_expect("virt", "devices=8 problems=0",
                   EXPANDERS "-device pxb-pcie,bus=pcie.0,id=far,bus_nr=200 "
                             "-device pcie-root-port,id=p2,chassis=3,bus=far,addr=1f " STUB
                             ",bus=p2",
                   "  c9:00.0 Processing accelerator [1af4:1111]");
    run("virt,highmem=off", "devices=6 problems=0", EXPANDERS STUB ",bus=p0");
    run_and_expect("virt,highmem=off", "devices=3 problems=1",
                   "-device pxb-pcie,bus=pcie.0,id=far,bus_nr=200 "
                   "-device pcie-root-port,id=p1,chassis=1,bus=far -device edu,bus=p1 " STUB
                   ",bus=pcie.0",
                   "# PCI: 00:00.0 leads to a root bus that is empty or beyond 0f");
}

static void multi_function(void **state)
{
    (void)state;
    run("virt", "devices=11",
        "-device pcie-root-port,id=p0,chassis=1,addr=3.0,multifunction=on "
        "-device pcie-root-port,id=p1,chassis=2,addr=3.1 "
        "-device pcie-root-port,id=p7,chassis=3,addr=3.7 "
        "-device edu,addr=4.0,multifunction=on -device edu,addr=4.2 -device pci-serial,addr=4.6 "
        "-device edu,bus=p0,addr=0.0,multifunction=on -device pci-testdev,bus=p0,addr=0.5 "
        "-device edu,bus=p7 " STUB ",bus=p1");
}

static void many_ports(void **state)
{
    (void)state;
    char *arguments = harness_format(STUB);

    for (int i = 1; i <= 20; i++) {
        char *longer = harness_format("%s -device pcie-root-port,id=p%d,chassis=%d "
                                      "-device edu,bus=p%d",
                                      arguments, i, i, i);
        free(arguments);
        arguments = longer;
    }
    run("virt", "devices=42", arguments);
    free(arguments);
}

/* Devices that people have, for what their configuration spaces hold. */
static void common_devices(void **state)
{
    (void)state;
    run("virt,its=on", "",
        "-device pcie-root-port,id=p1,chassis=1 -device pcie-root-port,id=p2,chassis=2 "
        "-device pcie-root-port,id=p3,chassis=3 "
        "-device igb,bus=p1,romfile= -device e1000e,romfile= -device qemu-xhci,bus=p2 "
        "-device nvme,serial=1,bus=p3 -device virtio-gpu-pci -device ich9-ahci "
        "-device virtio-serial-pci-transitional -device pvpanic-pci -device intel-hda " STUB);
}

/* 256 MiB fit twice below 4 GiB; the third is named, all else works. */
static void full_window(void **state)
{
    (void)state;
    const char *arguments = MEMORY("m1", "256M") "-device ivshmem-plain,memdev=m1,addr=4 " MEMORY(
        "m2",
        "256M") "-device ivshmem-plain,memdev=m2,addr=5 " MEMORY("m3",
                                                                 "256M") "-device "
                                                                         "ivshmem-plain,memdev=m3,"
                                                                         "addr=6 "
                                                                         "-device edu,addr=7 " STUB;

    run_and_expect("virt,highmem=off", "devices=6 problems=1", arguments,
                   "# PCI: 00:06.0 BAR 2 of 256 MiB gets no address: the 32-bit memory window "
                   "10000000-3efeffff is full");
    run("virt", "devices=6 problems=0", arguments);
}

static void full_window_behind_bridges(void **state)
{
    (void)state;
    run_and_expect(
        "virt,highmem=off", "devices=8 problems=1",
        BRIDGES_3_DEEP
            MEMORY("m1", "1G") "-device ivshmem-plain,memdev=m1,bus=inner,addr=4 " MEMORY(
                "m2", "128M") "-device ivshmem-plain,memdev=m2,bus=inner,addr=5 "
                              "-device edu,bus=inner,addr=6 " STUB ",bus=pci,addr=9",
        "# PCI: 03:04.0 BAR 2 of 1 GiB gets no address: the 32-bit memory window");
}

static void large_bars(void **state)
{
    (void)state;
    run("virt", "devices=5",
        "-device pcie-root-port,id=p1,chassis=1 " MEMORY(
            "m1", "8G") "-device ivshmem-plain,memdev=m1,bus=p1 " MEMORY("m2",
                                                                         "4G") "-device "
                                                                               "ivshmem-plain,"
                                                                               "memdev=m2 " STUB);
}

/* The small ECAM has 16 buses: the root and 15 more. */
static void no_bus_left(void **state)
{
    (void)state;
    char *arguments = harness_format(STUB);

    for (int i = 1; i <= 17; i++) {
        char *longer = harness_format("%s -device pcie-root-port,id=p%d,chassis=%d "
                                      "-device edu,bus=p%d",
                                      arguments, i, i, i);
        free(arguments);
        arguments = longer;
    }
    run_and_expect("virt,highmem=off", "devices=34 problems=2", arguments,
                   "left without a bus behind it: bus numbers end at 0f");
    free(arguments);
}

static void a_full_io_window(void **state)
{
    (void)state;
    char *arguments = harness_format(STUB);

    /* 4 KiB each at least, 64 KiB less the first 4 KiB in all: 15 fit. */
    for (int i = 1; i <= 17; i++) {
        char *longer = harness_format("%s -device pcie-root-port,id=p%d,chassis=%d "
                                      "-device pci-serial,bus=p%d",
                                      arguments, i, i, i);
        free(arguments);
        arguments = longer;
    }
    run_and_expect("virt", "devices=36 problems=2", arguments,
                   "of 8 bytes gets no address: the I/O window 00000000-0000ffff is full");
    free(arguments);
}

static void listing(void **state)
{
    (void)state;
    const struct guest_options options = {.append = "run=pci",
                                          .arguments = BRIDGES_3_DEEP STUB ",bus=inner,addr=7"};
    char *output = guest_expect(&options, 0);

    guest_expect_text(output, "03:07.0 Processing accelerator [1af4:1111] rev 02\n"
                              "    class 120000, subsystem 1af4:1100, I/O- memory- bus master-, "
                              "INTA\n"
                              "    BAR 0: memory 1");
    guest_expect_text(output, ", 4 KiB, 32-bit\n");
    guest_expect_text(output, "    buses: primary 01, secondary 02, subordinate 03\n");
    guest_expect_text(output, ": advanced error reporting [0001]\n");
    free(output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_device),
        cmocka_unit_test(three_bridges_deep),
        cmocka_unit_test(three_bridges_deep_without_high_memory),
        cmocka_unit_test(a_switch),
        cmocka_unit_test(an_expander),
        cmocka_unit_test(multi_function),
        cmocka_unit_test(many_ports),
        cmocka_unit_test(common_devices),
        cmocka_unit_test(full_window),
        cmocka_unit_test(full_window_behind_bridges),
        cmocka_unit_test(large_bars),
        cmocka_unit_test(no_bus_left),
        cmocka_unit_test(a_full_io_window),
        cmocka_unit_test(listing),
    };

    guest_tap_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
