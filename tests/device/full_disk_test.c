/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/pvgpu_fixture.c
/*
 * File systems without room: /dev/shm when a pvgpu starts, when an older backend wants the memory
 * there, when others fill it later; a screendump's folder. Each is small, and in a mount namespace
 * of this test alone.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pvgpu_fixture.h"

#define SHM "/dev/shm"
#define DEVICE "-device pvgpu,id=gpu,addr=1,shmem_size=64M,backend_pipe=%s"

/* ---- Small file systems ---- */

static bool has_namespace;

static void enter_namespace(void)
{
    has_namespace =
        unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    if (!has_namespace) {
        printf("# no mount namespace (%s): only root can have one\n", strerror(errno));
    }
}

static void mount_small(const char *path, const char *size)
{
    if (!has_namespace) {
        skip();
    }
    assert_int_equal(mount("tmpfs", path, "tmpfs", 0, size), 0);
}

static void fill(const char *folder)
{
    static const char bytes[4096] = {1};
    char *path = harness_format("%s/filler", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    while (write(fd, bytes, sizeof(bytes)) > 0) {
    }
    assert_int_equal(errno, ENOSPC);
    close(fd);
    free(path);
}

static int unmount_shm(void **state)
{
    (void)state;
    if (has_namespace) {
        umount2(SHM, MNT_DETACH);
    }
    return 0;
}

/* ---- /dev/shm ---- */

static void full_at_the_start(void **state)
{
    (void)state;
    mount_small(SHM, "size=64k");
    fill(SHM);
    struct process *process = qemu_start_plain("-M virt -device pvgpu,shmem_size=64M");

    assert_int_equal(process_wait(process), 1);
    assert_non_null(strstr(process_errors(process), SHM " has no room for an object's first page"));
    process_end(process);
}

/* The memory of a newer one is not there. */
static void too_small_for_an_older_backend(void **state)
{
    (void)state;
    mount_small(SHM, "size=16M");
    struct bg_pvgpu *pvgpu = pvgpu_start_line(true, DEVICE);

    pvgpu_enable(pvgpu, 0, PVGPU_SLOT);
    pvgpu_accept(pvgpu);
    pvgpu_ack(pvgpu, BG_PVGPU_FEATURE_D3D11);
    process_wait_text(pvgpu->qemu->process,
                      SHM " lacks 49 MiB: it has room for 15 of 64 MiB. Enlarge it");
    pvgpu_wait_statistic(pvgpu, "stat-disconnections", 1);
    pvgpu_step_retry(pvgpu);
    pvgpu_connect(pvgpu);
    pvgpu_check_works(pvgpu);
    pvgpu_end(pvgpu);
}

/* What was given is there. */
static void filled_later(void **state)
{
    (void)state;
    mount_small(SHM, "size=80M");
    struct bg_pvgpu *pvgpu = pvgpu_start_line(true, DEVICE);

    pvgpu_enable(pvgpu, 0, PVGPU_SLOT);
    pvgpu_connect_old(pvgpu, BG_PVGPU_FEATURE_D3D11);
    fill(SHM);
    for (uint32_t offset = BG_PVGPU_HEAP_OFFSET; offset < PVGPU_TEST_SIZE; offset += 1u << 20) {
        pvgpu_write_memory(pvgpu, offset, offset);
    }
    memset(pvgpu->memory + BG_PVGPU_HEAP_OFFSET, 7, PVGPU_TEST_SIZE - BG_PVGPU_HEAP_OFFSET);
    assert_int_equal(pvgpu_read_memory(pvgpu, PVGPU_TEST_SIZE - 4), 0x07070707);
    pvgpu_end(pvgpu);
}

/* ---- Screendumps ---- */

#define SCREEN_MEMORY PCI_MEM32_BASE
#define SCREEN_REGISTERS (PCI_MEM32_BASE + 0x2000000)
#define DISPI(number) (SCREEN_REGISTERS + 0x500 + 2 * (number))
#define NOISE_SIZE (64u << 10)

static struct qemu *start_screen(void)
{
    struct qemu *qemu = qemu_start_qtest("-device bochs-display,id=gpu,addr=1");

    qtest_write(qemu, 4, pci_config_address(0, 1, 0, 0x10), SCREEN_MEMORY);
    qtest_write(qemu, 4, pci_config_address(0, 1, 0, 0x18), SCREEN_REGISTERS);
    qtest_write(qemu, 2, pci_config_address(0, 1, 0, 0x04), 0x2);
    qtest_write(qemu, 2, DISPI(1), 640);
    qtest_write(qemu, 2, DISPI(2), 480);
    qtest_write(qemu, 2, DISPI(3), 32);
    qtest_write(qemu, 2, DISPI(4), 0x41); /* on, linear */
    return qemu;
}

/* A picture that does not become small. */
static void show_noise(struct qemu *qemu)
{
    uint8_t *noise = malloc(NOISE_SIZE);
    uint32_t word = 1;

    assert_non_null(noise);
    for (size_t i = 0; i < NOISE_SIZE; i++) {
        word = word * 1664525 + 1013904223;
        noise[i] = (uint8_t)(word >> 24);
    }
    qtest_write_block(qemu, SCREEN_MEMORY, noise, NOISE_SIZE);
    free(noise);
}

/* What QEMU says to it: "" when it has done it. */
static char *screendump(struct qemu *qemu, const char *path, const char *format)
{
    json_t *reply = qmp_try_command(qemu, "screendump", "{s:s, s:s, s:s}", "filename", path,
                                    "device", "gpu", "format", format);
    json_t *error = json_object_get(reply, "error");
    char *said = harness_format(
        "%s", error != NULL ? json_string_value(json_object_get(error, "desc")) : "");

    json_decref(reply);
    return said;
}

static void expect_said(struct qemu *qemu, const char *path, const char *format, const char *text)
{
    char *said = screendump(qemu, path, format);

    if (strstr(said, text) == NULL) {
        fail_msg("%s to %s: \"%s\", wanted \"%s\"", format, path, said, text);
    }
    assert_true((*text == '\0') == (*said == '\0'));
    free(said);
}

static void screendump_to_a_full_disk(void **state)
{
    char *folder = harness_temp_path("small"), *path = harness_format("%s/screen", folder);
    char *elsewhere = harness_temp_path("screen.png");
    struct qemu *qemu;

    (void)state;
    assert_int_equal(mkdir(folder, 0700), 0);
    mount_small(folder, "size=16k");
    qemu = start_screen();
    show_noise(qemu);

    expect_said(qemu, path, "png", "No space left on device");
    expect_said(qemu, path, "ppm", "No space left on device");
    fill(folder);
    expect_said(qemu, path, "png", "No space left on device");
    expect_said(qemu, elsewhere, "png", "");
    qemu_end(qemu);
    umount2(folder, MNT_DETACH);
    free(elsewhere);
    free(path);
    free(folder);
}

#define TEST(name) cmocka_unit_test_teardown(name, unmount_shm)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(full_at_the_start),
        TEST(too_small_for_an_older_backend),
        TEST(filled_later),
        cmocka_unit_test(screendump_to_a_full_disk),
    };

    enter_namespace();
    pvgpu_use_cmocka();
    return cmocka_run_group_tests_name("file systems without room", tests, NULL, NULL);
}
