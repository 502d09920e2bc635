/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/system/guest_tap.c
/* QEMU's virtio devices over every transport, with every ring feature: the guest's test-virtio. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest_tap.h"

#define MODERN_MMIO "-global virtio-mmio.force-legacy=false "
#define PORT "-device pcie-root-port,id=rp,chassis=1 "
#define BRIDGE PORT "-device pcie-pci-bridge,id=pci,bus=rp "

static void run(const char *options, const char *arguments)
{
    char *line = harness_format("run=test-virtio %s", options);
    const struct guest_options guest = {.append = line, .arguments = arguments};

    free(guest_tap_run(&guest));
    free(line);
}

/* Older QEMUs lack some: a test without it is skipped, which prints so. */
static void need_property(const char *property)
{
    char *qemu = qemu_path("aarch64");
    const char *const argv[] = {qemu, "-device", "virtio-rng-pci,help", NULL};
    struct process *process = process_start(argv, NULL);
    char *needle = harness_format("%s=<", property);

    process_wait(process);
    bool is_there = strstr(process_output(process), needle) != NULL;

    process_end(process);
    free(needle);
    free(qemu);
    if (!is_there) {
        skip();
    }
}

static void pci_split(void **state)
{
    (void)state;
    run("transport=pci packed=0 event_idx=1 indirect=1 in_order=0 reset=1",
        "-device virtio-rng-pci");
    run("transport=pci packed=0 event_idx=0", "-device virtio-rng-pci,event_idx=off");
    run("transport=pci packed=0 indirect=0", "-device virtio-rng-pci,indirect_desc=off");
    run("transport=pci packed=0 event_idx=0 indirect=0 reset=0",
        "-device virtio-rng-pci,event_idx=off,indirect_desc=off,queue_reset=off");
}

static void pci_packed(void **state)
{
    (void)state;
    run("transport=pci packed=1 event_idx=1 indirect=1", "-device virtio-rng-pci,packed=on");
    run("transport=pci packed=1 event_idx=0", "-device virtio-rng-pci,packed=on,event_idx=off");
    run("transport=pci packed=1 indirect=0", "-device virtio-rng-pci,packed=on,indirect_desc=off");
    run("transport=pci packed=1 event_idx=0 indirect=0 reset=0",
        "-device virtio-rng-pci,packed=on,event_idx=off,indirect_desc=off,queue_reset=off");
}

static void in_order(void **state)
{
    (void)state;
    need_property("in_order");
    run("packed=0 in_order=1 event_idx=1", "-device virtio-rng-pci,in_order=on");
    run("packed=0 in_order=1 event_idx=0",
        "-device virtio-rng-pci,in_order=on,event_idx=off,indirect_desc=off");
    run("packed=1 in_order=1 event_idx=1", "-device virtio-rng-pci,in_order=on,packed=on");
    run("packed=1 in_order=1 event_idx=0",
        "-device virtio-rng-pci,in_order=on,packed=on,event_idx=off,indirect_desc=off");
}

static void transitional(void **state)
{
    (void)state;
    run("transport=pci", "-device virtio-rng-pci,disable-legacy=off");
    run("transport=pci", "-device virtio-rng-pci-transitional");
    run("transport=pci packed=1", "-device virtio-rng-pci-transitional,packed=on");
    run("transport=pci", "-device virtio-rng-pci-non-transitional");
}

/* A doorbell page for each queue; a second doorbell in I/O space; platform addresses. */
static void pci_layouts(void **state)
{
    (void)state;
    run("transport=pci", "-device virtio-rng-pci,page-per-vq=on");
    run("transport=pci packed=1", "-device virtio-rng-pci,page-per-vq=on,packed=on");
    run("transport=pci", "-device virtio-rng-pci,modern-pio-notify=on");
    run("transport=pci iommu=1", "-device virtio-rng-pci,iommu_platform=on,disable-legacy=on");
}

/* Bus addresses are none of the CPU's; the SMMU refuses all others. */
static void behind_an_smmu(void **state)
{
    (void)state;
    run("transport=pci iommu=1 smmu=1",
        "-machine iommu=smmuv3 -device virtio-rng-pci,iommu_platform=on,disable-legacy=on");
    run("transport=pci iommu=1 smmu=1 packed=1",
        "-machine iommu=smmuv3 "
        "-device virtio-rng-pci,iommu_platform=on,disable-legacy=on,packed=on");
}

/* With no BAR at all. */
static void configuration_access_capability(void **state)
{
    (void)state;
    run("transport=pci window=1", "-device virtio-rng-pci");
    run("transport=pci window=1 packed=1", "-device virtio-rng-pci,packed=on");
}

static void behind_bridges(void **state)
{
    (void)state;
    run("transport=pci", PORT "-device virtio-rng-pci,bus=rp");
    run("transport=pci packed=1", PORT "-device virtio-rng-pci,bus=rp,packed=on");
    run("transport=pci devices=2", BRIDGE "-device virtio-rng-pci,bus=pci,addr=3 "
                                          "-device virtio-rng-pci,bus=pci,addr=7,packed=on");
}

static void mmio(void **state)
{
    (void)state;
    run("transport=mmio packed=0 reset_ignored=1", MODERN_MMIO "-device virtio-rng-device");
    run("transport=mmio packed=1 reset_ignored=1",
        MODERN_MMIO "-device virtio-rng-device,packed=on");
    run("transport=mmio packed=0 event_idx=0 indirect=0 reset=0",
        MODERN_MMIO "-device virtio-rng-device,event_idx=off,indirect_desc=off,queue_reset=off");
    run("transport=mmio packed=1 event_idx=0 reset=0",
        MODERN_MMIO "-device virtio-rng-device,packed=on,event_idx=off,queue_reset=off");
}

static void legacy_mmio(void **state)
{
    (void)state;
    run("transport=mmio-legacy packed=0 event_idx=1 indirect=1", "-device virtio-rng-device");
    run("transport=mmio-legacy event_idx=0 indirect=0",
        "-device virtio-rng-device,event_idx=off,indirect_desc=off");
}

static void several_at_once(void **state)
{
    (void)state;
    run("devices=6", BRIDGE
        "-device virtio-rng-pci -device virtio-rng-pci,packed=on "
        "-device virtio-rng-pci-transitional -device virtio-rng-pci,bus=pci,addr=3,event_idx=off "
        "-device virtio-rng-device -device virtio-rng-device,event_idx=off");
    run("devices=4 reset_ignored=1",
        MODERN_MMIO "-device virtio-rng-device -device virtio-rng-device,packed=on "
                    "-device virtio-rng-device,indirect_desc=off -device virtio-rng-device");
}

static void other_machines(void **state)
{
    (void)state;
    const struct guest_options lowmem = {.machine = "virt,highmem=off",
                                         .append = "run=test-virtio transport=pci",
                                         .arguments = "-device virtio-rng-pci"};
    const struct guest_options el2 = {.machine = "virt,virtualization=on",
                                      .append = "run=test-virtio packed=1",
                                      .arguments = "-smp 2 -device virtio-rng-pci,packed=on"};

    free(guest_tap_run(&lowmem));
    free(guest_tap_run(&el2));
}

static void run_rng(void **state)
{
    (void)state;
    const struct guest_options with = {.append = "run=rng",
                                       .arguments = "-device virtio-rng-pci,packed=on"};
    const struct guest_options without = {.append = "run=rng"};
    char *output = guest_expect(&with, 0);

    guest_expect_text(output, "Entropy device at pci 00:01.0 (pci), packed ring of ");
    free(output);
    output = guest_expect(&without, 1);
    guest_expect_text(output, "There is no virtio entropy device.");
    free(output);
}

/* Also on what people have installed, if it is another one. */
static void the_distributions_qemu(void **state)
{
    const char *installed = "/usr/bin/qemu-system-aarch64";

    if (access(installed, X_OK) != 0 || getenv("BAREGPU_QEMU") != NULL) {
        skip();
    }
    setenv("BAREGPU_QEMU", installed, 1);
    pci_split(state);
    pci_packed(state);
    transitional(state);
    configuration_access_capability(state);
    behind_bridges(state);
    legacy_mmio(state);
    run("transport=mmio", MODERN_MMIO "-device virtio-rng-device,queue_reset=off");
    unsetenv("BAREGPU_QEMU");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pci_split),
        cmocka_unit_test(pci_packed),
        cmocka_unit_test(in_order),
        cmocka_unit_test(transitional),
        cmocka_unit_test(pci_layouts),
        cmocka_unit_test(behind_an_smmu),
        cmocka_unit_test(configuration_access_capability),
        cmocka_unit_test(behind_bridges),
        cmocka_unit_test(mmio),
        cmocka_unit_test(legacy_mmio),
        cmocka_unit_test(several_at_once),
        cmocka_unit_test(other_machines),
        cmocka_unit_test(run_rng),
        cmocka_unit_test(the_distributions_qemu),
    };

    guest_tap_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
