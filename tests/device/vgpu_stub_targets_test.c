/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/stub_fixture.c
/* The PCI devices do not depend on the target: they are realized on each one that is built. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stub_fixture.h"

struct target {
    const char *name, *machine;
};

static bool has_device(json_t *devices, int id)
{
    json_t *device;
    size_t i;

    json_array_foreach (devices, i, device) {
        json_t *found = json_object_get(device, "id");

        if (json_integer_value(json_object_get(found, "vendor")) == 0x1AF4 &&
            json_integer_value(json_object_get(found, "device")) == id) {
            return true;
        }
    }
    return false;
}

static void realize(const struct target *target)
{
    char *path = qemu_path(target->name);
    struct qemu *qemu;
    json_t *buses, *devices;

    if (path == NULL) {
        print_message("# qemu-system-%s is not built: make qemu QEMU_TARGETS=%s-softmmu\n",
                      target->name, target->name);
        skip();
    }
    free(path);
    qemu = qemu_start_qtest_target(target->name,
                                   "-M %s -device vgpu-stub,id=gpu,vm_id=3 "
                                   "-device pvgpu,id=pvgpu,shmem_size=64M",
                                   target->machine);
    buses = qmp_command(qemu, "query-pci", NULL);
    devices = json_object_get(json_array_get(buses, 0), "devices");
    assert_true(has_device(devices, 0x1111));
    assert_true(has_device(devices, 0x10F0));
    assert_int_equal(qmp_get_integer(qemu, STUB_PATH, "vm_id"), 3);
    assert_int_equal(qmp_get_integer(qemu, STUB_PATH, "realized"), 1);
    assert_int_equal(qmp_get_integer(qemu, "/machine/peripheral/pvgpu", "realized"), 1);
    json_decref(buses);
    process_signal(qemu->process, SIGTERM); /* so that it removes its shared memory */
    assert_int_equal(process_wait(qemu->process), 0);
    qemu_end(qemu);
}

static void test_aarch64(void **state)
{
    (void)state;
    realize(&(struct target){.name = "aarch64", .machine = "virt"});
}

/* A PC does not start without a BIOS, and none is installed; nothing is executed here. */
static void test_x86_64(void **state)
{
    char *path = harness_temp_path("bios"), *machine = harness_format("q35 -bios %s", path);
    FILE *file = fopen(path, "w");

    (void)state;
    assert_non_null(file);
    assert_int_equal(ftruncate(fileno(file), 65536), 0);
    fclose(file);
    realize(&(struct target){.name = "x86_64", .machine = machine});
    free(machine);
    free(path);
}

static void test_riscv64(void **state)
{
    (void)state;
    realize(&(struct target){.name = "riscv64", .machine = "virt"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aarch64),
        cmocka_unit_test(test_x86_64),
        cmocka_unit_test(test_riscv64),
    };

    stub_use_cmocka();
    return cmocka_run_group_tests_name("devices on other targets", tests, NULL, NULL);
}
