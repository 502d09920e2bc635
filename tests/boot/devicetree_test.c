/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/boot/boot_guest.c
// needs: build/firmware/baregpu-test.elf build/firmware/baregpu-test.img
/* Devicetrees that QEMU has from a file (-dtb). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "boot_guest.h"
#include "harness_qemu.h"

#define DEADLINE_MS 60000u
#define STATUS_PANIC 124
#define TOO_LARGE (2 << 20) /* QEMU doubles it, and finds no place below the image */

/* What QEMU writes for its own machine; to be freed. */
static char *dump_devicetree(const char *name)
{
    char *path = harness_temp_path(name);
    struct process *qemu = qemu_start_plain("-M virt,dumpdtb=%s -cpu max -m 256M", path);

    assert_int_equal(process_wait(qemu), 0);
    process_end(qemu);
    return path;
}

static struct boot_result boot_with(const char *devicetree, bool image)
{
    const char *const arguments[] = {"-dtb", devicetree, NULL};
    struct boot boot = {
        .machine = "virt",
        .cpu = "max",
        .memory = "256M",
        .append = "run=test_boot expect_memory_mib=256",
        .image = image,
        .arguments = arguments,
        .deadline_ms = DEADLINE_MS,
    };

    return boot_run(&boot);
}

/* The file has the 1 MiB that QEMU sets aside, and QEMU doubles what it reads. */
static void test_given_back(void **state)
{
    char *path = dump_devicetree("dumped.dtb");

    (void)state;
    for (unsigned image = 0; image < 2; image++) {
        struct boot_result result = boot_with(path, image != 0);

        assert_true(boot_tap_passed(&result, image ? "image" : "elf"));
        assert_int_equal(result.status, 0);
        boot_result_free(&result);
    }
    free(path);
}

static void test_too_large(void **state)
{
    char *path = dump_devicetree("large.dtb");

    (void)state;
    assert_int_equal(truncate(path, TOO_LARGE), 0);
    struct boot_result result = boot_with(path, false);

    assert_int_equal(result.status, STATUS_PANIC);
    if (strstr(result.output, "QEMU leaves out a -dtb file that") == NULL ||
        strstr(result.output, "panic: no usable devicetree: 0x0000000040000000") == NULL) {
        boot_print_end(&result);
        fail_msg("the reason is not said");
    }
    boot_result_free(&result);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_given_back),
        cmocka_unit_test(test_too_large),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
