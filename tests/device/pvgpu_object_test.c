/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/pvgpu_fixture.c
/* pvgpu: what becomes of the shared-memory object: at exit, after a crash, beside others. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pvgpu_fixture.h"

static int start(void **state)
{
    *state = pvgpu_start(true, "");
    return 0;
}

static int end(void **state)
{
    pvgpu_end(*state);
    return 0;
}

static void test_removed_at_exit(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    assert_true(pvgpu_object_exists(pvgpu->object));
    process_signal(pvgpu->qemu->process, SIGTERM);
    assert_int_equal(process_wait(pvgpu->qemu->process), 0);
    assert_false(pvgpu_object_exists(pvgpu->object));
}

/* As a live device makes it. A device that starts beside us may take it for stale until it is
 * locked. */
static int make_locked(const char *name)
{
    for (;;) {
        int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);

        assert_true(fd >= 0);
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && pvgpu_object_exists(name)) {
            return fd;
        }
        shm_unlink(name);
        close(fd);
    }
}

/* What a crash leaves is removed at the next start, what is alive or somebody else's is not. */
static void test_stale_objects(void **state)
{
    struct bg_pvgpu *alive = *state, *crashed = pvgpu_start(false, ""), *next;
    static const char *const foreign[] = {"/pvgpu_shmem_0x5581a2b0c0d0", "/pvgpu_shmem_123",
                                          "/pvgpu_shmem_123_4x", "/pvgpu_shmem_"};
    static const char locked[] = "/pvgpu_shmem_99999999_1", stale[] = "/pvgpu_shmem_99999999_2";
    int locked_fd = make_locked(locked);

    for (size_t i = 0; i < 4; i++) { /* an older device's, which knows no lock */
        close(shm_open(foreign[i], O_RDWR | O_CREAT, 0600));
    }
    close(shm_open(stale, O_RDWR | O_CREAT | O_EXCL, 0600));
    process_signal(crashed->qemu->process, SIGKILL);
    process_wait(crashed->qemu->process);
    next = pvgpu_start(false, "");
    assert_false(pvgpu_object_exists(crashed->object));
    assert_false(pvgpu_object_exists(stale));
    assert_true(pvgpu_object_exists(alive->object));
    assert_true(pvgpu_object_exists(next->object));
    assert_true(pvgpu_object_exists(locked));
    for (size_t i = 0; i < 4; i++) {
        assert_true(pvgpu_object_exists(foreign[i]));
        shm_unlink(foreign[i]);
    }
    close(locked_fd);
    shm_unlink(locked);
    pvgpu_end(next);
    qemu_end(crashed->qemu);
    free(crashed->path);
    free(crashed);
}

/* The lock is QEMU's alone: a backend that keeps its descriptor does not keep the object. */
static void test_stale_object_with_a_backend_alive(void **state)
{
    struct bg_pvgpu *crashed = pvgpu_start(true, ""), *next;

    (void)state;
    pvgpu_connect(crashed);
    process_signal(crashed->qemu->process, SIGKILL);
    process_wait(crashed->qemu->process);
    next = pvgpu_start(false, "");
    assert_false(pvgpu_object_exists(crashed->object));
    crashed->memory[0] = 1; /* its mapping stays */
    pvgpu_end(next);
    pvgpu_hang_up(crashed);
    close(crashed->listener);
    qemu_end(crashed->qemu);
    free(crashed->path);
    free(crashed);
}

/* The names that come next are taken, by a live object and by a dead one of another kind. */
static void test_names_that_are_taken(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    int fds[3];
    char *names[3], *expected;
    unsigned process, number;

    assert_int_equal(sscanf(pvgpu->object, "/pvgpu_shmem_%u_%u", &process, &number), 2);
    assert_int_equal(process, process_pid(pvgpu->qemu->process));
    for (unsigned i = 0; i < 3; i++) {
        names[i] = harness_format("/pvgpu_shmem_%u_%u", process, number + 1 + i);
        fds[i] = make_locked(names[i]);
    }
    pvgpu_unplug(pvgpu);
    pvgpu_replug(pvgpu);
    expected = harness_format("/pvgpu_shmem_%u_%u", process, number + 4);
    assert_string_equal(pvgpu->object, expected);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(pvgpu_object_exists(names[i]));
        shm_unlink(names[i]);
        close(fds[i]);
        free(names[i]);
    }
    free(expected);
}

/* ---- Memory that goes away ---- */

/* A backend cannot take it away, nor can it be missing later. */
static void test_sealed(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    struct stat status;
    int fd, named;

    pvgpu_connect(pvgpu);
    fd = pvgpu->fds[BG_PVGPU_FD_SHMEM];
    assert_int_equal(fstat(fd, &status), 0);
    assert_true(status.st_blocks * 512 >= PVGPU_TEST_SIZE);
    assert_int_not_equal(ftruncate(fd, 0), 0);
    assert_int_not_equal(ftruncate(fd, 2ll * PVGPU_TEST_SIZE), 0);
    named = shm_open(pvgpu->object, O_RDWR, 0);
    assert_true(named >= 0);
    assert_int_equal(fstat(named, &status), 0);
    assert_true(status.st_blocks * 512 <= 64 * 1024); /* /dev/shm is not used for it */
    assert_int_equal(ftruncate(named, 0), 0);
    close(named);
    pvgpu_write_memory(pvgpu, PVGPU_TEST_SIZE - 4, 7);
    pvgpu_check_works(pvgpu);
}

/* An older one gets what the guest has written before it came. Then the object is the memory, for
 * the next one, too. */
static void test_older_backend(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    uint32_t *last;

    pvgpu_write_memory(pvgpu, PVGPU_TEST_SIZE - 4, 7);
    pvgpu_write_memory(pvgpu, BG_PVGPU_HEAP_OFFSET, 8);
    pvgpu_connect_old(pvgpu, BG_PVGPU_FEATURE_D3D11);
    last = (uint32_t *)(pvgpu->memory + PVGPU_TEST_SIZE - 4);
    assert_int_equal(*last, 7);
    assert_int_equal(*(uint32_t *)(pvgpu->memory + BG_PVGPU_HEAP_OFFSET), 8);
    *last = 9;
    assert_int_equal(pvgpu_read_memory(pvgpu, PVGPU_TEST_SIZE - 4), 9);
    pvgpu_write_memory(pvgpu, PVGPU_TEST_SIZE - 4, 10);
    assert_int_equal(*last, 10);
    pvgpu_hang_up(pvgpu);
    pvgpu_unmap(pvgpu);
    pvgpu_wait_statistic(pvgpu, "connected", 0);
    pvgpu_step_retry(pvgpu);
    pvgpu_connect(pvgpu);
    assert_int_equal(*(uint32_t *)(pvgpu->memory + PVGPU_TEST_SIZE - 4), 10);
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 3);
    pvgpu_check_works(pvgpu);
}

/* Where no older backend is used, there is nothing in /dev/shm. */
static void test_without_a_name(void **state)
{
    struct bg_pvgpu *pvgpu = pvgpu_start_line(
        true, "-device pvgpu,id=gpu,addr=1,shmem_size=64M,shmem_named=off,backend_pipe=%s");

    (void)state;
    pvgpu_enable(pvgpu, 0, PVGPU_SLOT);
    assert_string_equal(pvgpu->object, "");
    pvgpu_accept(pvgpu);
    pvgpu_ack(pvgpu, BG_PVGPU_FEATURE_D3D11); /* an older one */
    pvgpu_wait_statistic(pvgpu, "stat-disconnections", 1);
    pvgpu_end(pvgpu);
}

/* ---- Two devices ---- */

static void test_two_devices(void **state)
{
    struct bg_pvgpu *first = pvgpu_start_line(
        true, "-device pvgpu,id=gpu,addr=1,shmem_size=64M,backend_pipe=%s "
              "-device pvgpu,id=second,addr=3,shmem_size=128M,vm_id=2,backend_pipe=/not/there");
    char other[128];
    json_t *name = qmp_command(first->qemu, "qom-get", "{s:s, s:s}", "path",
                               "/machine/peripheral/second", "property", "shmem-name");

    (void)state;
    snprintf(other, sizeof(other), "%s", json_string_value(name));
    json_decref(name);
    assert_string_not_equal(other, first->object);
    assert_true(pvgpu_object_exists(other));
    pvgpu_enable(first, 0, 3); /* BARs at the same place: one after the other */
    assert_int_equal(pvgpu_read(first, BG_PVGPU_REG_SHMEM_SIZE), 0x8000000);
    pvgpu_write_memory(first, BG_PVGPU_HEAP_OFFSET, 2);
    pvgpu_write(first, BG_PVGPU_REG_DOORBELL, 1);
    assert_int_equal(pvgpu_read(first, BG_PVGPU_REG_STATUS), 1);
    qtest_write(first->qemu, 2, pci_config_address(0, 3, 0, 0x04), 0);
    pvgpu_enable(first, 0, 1);
    pvgpu_connect(first);
    pvgpu_check_works(first);
    assert_int_equal(pvgpu_read(first, BG_PVGPU_REG_STATUS), 5);
    process_signal(first->qemu->process, SIGTERM);
    pvgpu_expect(first, BG_PVGPU_MESSAGE_PAUSE, NULL, 0);
    pvgpu_send(first, BG_PVGPU_MESSAGE_PAUSED, NULL, 0);
    assert_int_equal(process_wait(first->qemu->process), 0);
    assert_false(pvgpu_object_exists(other));
    assert_false(pvgpu_object_exists(first->object));
    pvgpu_end(first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
#define PORT_TEST(name) cmocka_unit_test_setup_teardown(name, pvgpu_start_port, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_removed_at_exit),
        TEST(test_stale_objects),
        cmocka_unit_test(test_stale_object_with_a_backend_alive),
        PORT_TEST(test_names_that_are_taken),
        TEST(test_sealed),
        TEST(test_older_backend),
        cmocka_unit_test(test_without_a_name),
        cmocka_unit_test(test_two_devices),
    };

    pvgpu_use_cmocka();
    return cmocka_run_group_tests_name("pvgpu object", tests, NULL, NULL);
}
