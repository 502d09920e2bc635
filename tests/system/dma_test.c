/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/system/guest_tap.c
/*
 * Memory that a guest shares with QEMU's devices by bouncing it, with ACCESS_PLATFORM and without,
 * and behind an SMMU that refuses every physical address: the guest's test-dma. What else is behind
 * one: virtio_test, screen_test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guest_tap.h"

static void run(const char *machine, const char *options, const char *property)
{
    char *line = harness_format("run=test-dma %s", options);
    char *arguments = harness_format("-device virtio-rng-pci,disable-legacy=on%s "
                                     "-device virtio-gpu-pci%s",
                                     property, property);
    const struct guest_options guest = {.machine = machine, .append = line, .arguments = arguments};

    free(guest_tap_run(&guest));
    free(arguments);
    free(line);
}

static void physical_addresses(void **state)
{
    (void)state;
    run("virt", "offered=0", "");
    run("virt", "offered=0", ",packed=on");
}

static void offered_without_an_iommu(void **state)
{
    (void)state;
    run("virt", "offered=1", ",iommu_platform=on");
    run("virt", "offered=1", ",iommu_platform=on,packed=on");
}

static void behind_an_smmu(void **state)
{
    (void)state;
    run("virt,iommu=smmuv3", "smmu=1 offered=1", ",iommu_platform=on");
    run("virt,iommu=smmuv3", "smmu=1 offered=1", ",iommu_platform=on,packed=on");
    run("virt,iommu=smmuv3", "smmu=1 offered=1", ",iommu_platform=on,indirect_desc=off");
}

static void past_an_smmu(void **state)
{
    (void)state;
    run("virt,iommu=smmuv3", "smmu=1 offered=0", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(physical_addresses),
        cmocka_unit_test(offered_without_an_iommu),
        cmocka_unit_test(behind_an_smmu),
        cmocka_unit_test(past_an_smmu),
    };

    guest_tap_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
