/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/boot/boot_guest.c
// needs: build/firmware/baregpu-test.elf build/firmware/baregpu-test.img
/*
 * The guest's test_interrupt on each kind of GIC that virt has, entered at each exception level,
 * with one CPU and with several; with our QEMU and, where it is installed, with the system's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot_guest.h"
#include "harness.h"

#define DEADLINE_MS 120000u
#define INSTALLED_QEMU "/usr/bin/qemu-system-aarch64"

struct variant {
    const char *machine;
    const char *cpu;
    unsigned cpus;
    const char *append; /* behind run=test_interrupt */
    bool image;
    bool everywhere;         /* with the installed QEMU as well */
    const char *accelerator; /* NULL: a thread for each CPU */
};

static const struct variant variants[] = {
    {"virt", "max", 1, "expect_msi=v2m", false, true, NULL},
    {"virt", "cortex-a57", 4, "expect_msi=v2m timer=physical", false, false, NULL},
    {"virt", "cortex-a72", 8, "expect_msi=v2m", false, false, NULL},
    {"virt,virtualization=on", "max", 2, "expect_msi=v2m", false, false, NULL},
    {"virt,secure=on", "max", 2, "expect_msi=v2m", false, true, NULL},
    {"virt,secure=on", "cortex-a53", 2, "expect_msi=v2m", true, false, NULL},
    {"virt,gic-version=3", "max", 1, "expect_msi=its timer=physical", false, false, NULL},
    {"virt,gic-version=3", "cortex-a57", 4, "expect_msi=its", false, true, NULL},
    {"virt,gic-version=3", "max", 8, "expect_msi=its", false, false, NULL},
    {"virt,gic-version=3,its=off", "max", 2, "expect_msi=none", false, true, NULL},
    {"virt,gic-version=3,virtualization=on", "max", 2, "expect_msi=its", false, true, NULL},
    {"virt,gic-version=3,secure=on", "max", 2, "expect_msi=its", false, true, NULL},
    {"virt,gic-version=3,secure=on", "max", 2, "expect_msi=its", true, false, NULL},
    {"virt,gic-version=3,secure=on,virtualization=on", "max", 2, "expect_msi=its", false, false,
     NULL},
    {"virt,gic-version=3,highmem=off", "cortex-a53", 2, "expect_msi=its", false, false, NULL},
    {"virt,gic-version=4,virtualization=on", "max", 2, "expect_msi=its", false, true, NULL},
    {"virt", "max", 2, "expect_msi=v2m", false, false, "tcg,thread=single"},
    {"virt,gic-version=3", "max", 4, "expect_msi=its", false, false, "tcg,thread=single"},
};

#define VARIANTS (sizeof(variants) / sizeof(variants[0]))

static bool passes(const struct variant *variant, const char *name)
{
    char *append = harness_format("run=test_interrupt console=semihosting %s", variant->append);
    struct boot boot = {
        .machine = variant->machine,
        .cpu = variant->cpu,
        .memory = "256M",
        .append = append,
        .cpus = variant->cpus,
        .image = variant->image,
        .accelerator = variant->accelerator,
        .deadline_ms = DEADLINE_MS,
    };
    struct boot_result result = boot_run(&boot);
    bool passed = boot_tap_passed(&result, name) && result.status == 0;

    /* Said once, although it was raised twice. */
    if (passed) {
        const char *report = strstr(result.output, "has no handler: it is masked");

        passed = report != NULL && strstr(report + 1, "has no handler") == NULL;
        if (!passed) {
            printf("# %s: an interrupt without a handler was not reported once\n", name);
        }
    }
    boot_result_free(&result);
    free(append);
    return passed;
}

static unsigned run_all(const char *qemu, bool everywhere_only, unsigned *number)
{
    unsigned failed = 0;

    for (size_t i = 0; i < VARIANTS; i++) {
        const struct variant *variant = &variants[i];
        char *name;
        bool passed;

        if (everywhere_only && !variant->everywhere) {
            continue;
        }
        name = harness_format("%s, %u CPU, %s, %s, %s, %s", variant->machine, variant->cpus,
                              variant->cpu, variant->append,
                              variant->accelerator != NULL ? variant->accelerator : "tcg", qemu);
        passed = passes(variant, name);
        failed += !passed;
        printf("%sok %u - %s\n", passed ? "" : "not ", ++*number, name);
        free(name);
    }
    return failed;
}

int main(void)
{
    unsigned number = 0;
    unsigned failed;

    setvbuf(stdout, NULL, _IOLBF, 0);
    failed = run_all("QEMU", false, &number);
    if (access(INSTALLED_QEMU, X_OK) == 0 && getenv("BAREGPU_QEMU") == NULL) {
        setenv("BAREGPU_QEMU", INSTALLED_QEMU, 1);
        failed += run_all("the installed QEMU", true, &number);
    } else {
        printf("ok %u # SKIP no other QEMU is installed\n", ++number);
    }
    printf("1..%u\n", number);
    return failed > 0;
}
