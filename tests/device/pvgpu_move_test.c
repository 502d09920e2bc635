/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/pvgpu_fixture.c
/* pvgpu: hot-unplug, bus reset, interrupts that cause either, migration and snapshots with the
 * memory's content. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

/* ---- Hot-unplug and reset of the bus ---- */

static void test_unplug(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    char gone[sizeof(pvgpu->object)];

    for (unsigned i = 0; i < 3; i++) {
        pvgpu_connect_in_slot(pvgpu);
        pvgpu_check_works(pvgpu);
        strcpy(gone, pvgpu->object);
        pvgpu_unplug(pvgpu);
        pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_SHUTDOWN, NULL, 0);
        assert_true(socket_wait_closed(pvgpu->peer, HARNESS_TIMEOUT_MS));
        assert_false(pvgpu_object_exists(gone));
        assert_int_equal(pvgpu_config(pvgpu, 4, 0), 0xFFFFFFFF);
        /* The backend still has its mapping, and may write into it. */
        memset(pvgpu->memory, 0x99, BG_PVGPU_CONTROL_SIZE);
        eventfd_signal(pvgpu->fds[BG_PVGPU_FD_FENCE]);
        pvgpu_step_retry(pvgpu);
        pvgpu_replug(pvgpu);
        assert_string_not_equal(pvgpu->object, gone);
    }
    pvgpu_connect_in_slot(pvgpu);
    pvgpu_check_works(pvgpu);
}

/* In each state of the connection, and with messages on their way. */
static void test_unplug_at_any_time(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    for (unsigned i = 0; i < 6; i++) {
        const uint32_t vector = 0;

        if (i >= 1) {
            pvgpu_accept(pvgpu);
        }
        if (i >= 2) {
            pvgpu_take_handshake(pvgpu);
        }
        if (i >= 3) {
            pvgpu_ack(pvgpu, PVGPU_TEST_FEATURES);
        }
        if (i >= 4) {
            pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_IRQ, &vector, 4);
            eventfd_signal(pvgpu->fds[BG_PVGPU_FD_FENCE]);
        }
        if (i >= 5) {
            pvgpu_write(pvgpu, BG_PVGPU_REG_RESET, 1);
            pvgpu_hang_up(pvgpu);
        }
        pvgpu_unplug(pvgpu);
        pvgpu_hang_up(pvgpu);
        for (int peer; (peer = unix_accept(pvgpu->listener, 0)) >= 0;) {
            close(peer);
        }
        pvgpu_step_retry(pvgpu);
        assert_int_equal(unix_accept(pvgpu->listener, 0), -1); /* no timer is left */
        pvgpu_replug(pvgpu);
    }
    pvgpu_connect_in_slot(pvgpu);
    pvgpu_check_works(pvgpu);
}

static void test_bus_reset(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    uint64_t bridge_control = pci_config_address(0, PVGPU_PORT_SLOT, 0, 0x3E);
    uint32_t count;

    pvgpu_connect_in_slot(pvgpu);
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, 3);
    qtest_write(pvgpu->qemu, 2, bridge_control, 0x40);
    qtest_write(pvgpu->qemu, 2, bridge_control, 0);
    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_RESET, &count, sizeof(count));
    pvgpu_enable_port(pvgpu);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_MASK), 0);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_STATUS), 5);
    eventfd_take(pvgpu->fds[BG_PVGPU_FD_DOORBELL]);
    pvgpu_check_works(pvgpu);
}

/* ---- Interrupts that are written where they should not be ---- */

static void aim_msix(struct bg_pvgpu *pvgpu, unsigned vector, uint64_t address, uint32_t data)
{
    uint64_t entry = PVGPU_MSIX_ADDRESS + 16 * vector;

    qtest_write(pvgpu->qemu, 4, entry, (uint32_t)address);
    qtest_write(pvgpu->qemu, 4, entry + 4, address >> 32);
    qtest_write(pvgpu->qemu, 4, entry + 8, data);
}

/* At the device's own registers: refused. */
static void test_interrupt_to_itself(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_connect(pvgpu);
    pvgpu_enable_msix(pvgpu);
    aim_msix(pvgpu, 0, PVGPU_REGISTERS_ADDRESS + BG_PVGPU_REG_RESET, 1);
    aim_msix(pvgpu, 1, PVGPU_REGISTERS_ADDRESS + BG_PVGPU_REG_RESET, 1);
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, 3);
    eventfd_signal(pvgpu->fds[BG_PVGPU_FD_FENCE]);
    pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 1);
    pvgpu_hang_up(pvgpu); /* and as the last words of a connection */
    pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 3);
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-resets"), 0);
    pvgpu_step_retry(pvgpu);
    pvgpu_connect_in_slot(pvgpu);
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, 0);
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 3);
    pvgpu_check_works(pvgpu);
}

/* Of one write: the first one may end the connection. */
static void send_interrupts(struct bg_pvgpu *pvgpu)
{
    struct {
        struct bg_pvgpu_message header;
        uint32_t vector;
    } messages[20] = {0};

    for (unsigned i = 0; i < 20; i++) {
        messages[i].header =
            (struct bg_pvgpu_message){.type = BG_PVGPU_MESSAGE_IRQ, .size = sizeof(uint32_t)};
    }
    assert_true(socket_write(pvgpu->peer, messages, sizeof(messages)));
}

/* At the port: reset of the bus, or power off. Each time from another place in the device. */
static void test_interrupt_that_ends_the_device(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    int64_t fences;
    uint64_t port = pci_config_address(0, PVGPU_PORT_SLOT, 0, 0), slot_control = port;
    unsigned offset = (unsigned)qtest_read(pvgpu->qemu, 1, port + 0x34);

    while (qtest_read(pvgpu->qemu, 1, port + offset) != 0x10) {
        offset = (unsigned)qtest_read(pvgpu->qemu, 1, port + offset + 1);
    }
    slot_control += offset + 0x18;
    for (unsigned i = 0; i < 10; i++) {
        bool power = i % 2;

        pvgpu_connect_in_slot(pvgpu);
        pvgpu_enable_msix(pvgpu);
        for (unsigned j = 0; j < 2; j++) {
            aim_msix(pvgpu, j, power ? slot_control : port + 0x3C, power ? 0x0700 : 0x00400000);
        }
        if (i / 2 < 4) {
            pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 3);
            pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, 3);
        }
        if (power) { /* else the port only takes note */
            json_decref(qmp_command(pvgpu->qemu, "device_del", "{s:s}", "id", "gpu"));
        }
        fences = pvgpu_statistic(pvgpu, "stat-fence-interrupts");
        switch (i / 2) {
        case 0: /* by eventfd */
            eventfd_signal(pvgpu->fds[BG_PVGPU_FD_FENCE]);
            break;
        case 1: /* by message, with others behind it */
            send_interrupts(pvgpu);
            break;
        case 2: /* as the last words */
            eventfd_signal(pvgpu->fds[BG_PVGPU_FD_FENCE]);
            eventfd_signal(pvgpu->fds[BG_PVGPU_FD_ERROR]);
            pvgpu_hang_up(pvgpu);
            break;
        case 3: /* by the loss itself */
            pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_SHUTDOWN, NULL, 0);
            break;
        default: /* by the register that enables it */
            eventfd_signal(pvgpu->fds[BG_PVGPU_FD_FENCE]);
            pvgpu_wait_statistic(pvgpu, "stat-fence-interrupts", fences + 1);
            pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, 3);
            break;
        }
        if (power) {
            json_decref(qmp_wait_event(pvgpu->qemu, "DEVICE_DELETED", HARNESS_TIMEOUT_MS));
            pvgpu_hang_up(pvgpu);
            pvgpu_step_retry(pvgpu);
            for (int peer; (peer = unix_accept(pvgpu->listener, 0)) >= 0;) {
                close(peer);
            }
            pvgpu_replug(pvgpu);
        } else {
            uint64_t deadline_ms = harness_now_ms() + HARNESS_TIMEOUT_MS;

            /* The device was reset: its BARs are gone. */
            while (pvgpu_config(pvgpu, 4, 0x10) != 0) {
                assert_true(harness_now_ms() < deadline_ms);
            }
            qtest_write(pvgpu->qemu, 4, port + 0x3C, 0);
            pvgpu_hang_up(pvgpu);
            pvgpu_enable_port(pvgpu);
            pvgpu_wait_statistic(pvgpu, "connected", 0);
            pvgpu_step_retry(pvgpu);
        }
    }
    pvgpu_connect_in_slot(pvgpu);
    pvgpu_check_works(pvgpu);
}

/* ---- Migration ---- */

/* Until a machine is in that state. */
static void wait_state(struct bg_pvgpu *pvgpu, const char *wanted)
{
    uint64_t deadline_ms = harness_now_ms() + 3 * HARNESS_TIMEOUT_MS;
    bool reached = false;

    while (!reached) {
        json_t *state = qmp_command(pvgpu->qemu, "query-status", NULL);

        reached = strcmp(json_string_value(json_object_get(state, "status")), wanted) == 0;
        assert_true(reached || harness_now_ms() < deadline_ms);
        json_decref(state);
    }
}

/* While it goes on, the old backend answers PAUSE. The target has a listener, too. */
static struct bg_pvgpu *migrate(struct bg_pvgpu *from, unsigned pauses)
{
    char *path = harness_temp_path("migration"), *uri = harness_format("unix:%s", path);
    char *line = harness_format("-incoming unix:%s -device pvgpu,id=gpu,addr=%d,shmem_size=64M,"
                                "backend_pipe=%%s",
                                path, PVGPU_SLOT);
    uint64_t deadline_ms = harness_now_ms() + 3 * HARNESS_TIMEOUT_MS;
    bool completed = false, running = false;
    struct bg_pvgpu *to;

    unlink(path);
    to = pvgpu_start_line(true, line);
    to->slot = PVGPU_SLOT;
    /* Nothing of what is not there yet is shown to anybody. */
    assert_int_equal(unix_accept(to->listener, 0), -1);
    pvgpu_answer_pauses_begin(from);
    json_decref(qmp_command(from->qemu, "migrate", "{s:s}", "uri", uri));
    while (!completed || !running) {
        json_t *source = qmp_command(from->qemu, "query-migrate", NULL);
        json_t *target = qmp_command(to->qemu, "query-status", NULL);
        const char *status = json_string_value(json_object_get(source, "status"));

        completed = status != NULL && strcmp(status, "completed") == 0;
        running = json_is_true(json_object_get(target, "running"));
        assert_false(status && strcmp(status, "failed") == 0);
        assert_true(harness_now_ms() < deadline_ms);
        json_decref(source);
        json_decref(target);
    }
    assert_int_equal(pvgpu_answer_pauses_end(from), pauses);
    free(path);
    free(line);
    free(uri);
    return to;
}

static void fill(uint8_t *data, size_t size, uint32_t seed)
{
    for (size_t i = 0; i < size; i += 4) {
        uint32_t value = (uint32_t)(i * 2654435761u) ^ seed;

        memcpy(data + i, &value, 4);
    }
}

/*
 * All of the memory, also what the backend wrote behind QEMU's back while the pages were on their
 * way; registers; and the session, which is lost, once.
 */
static void test_migrate(void **state)
{
    struct bg_pvgpu *from = *state, *to;
    uint8_t *expected = malloc(PVGPU_TEST_SIZE);
    const size_t skip = BG_PVGPU_CONTROL_SIZE;
    int fd;

    assert_non_null(expected);
    pvgpu_connect(from);
    pvgpu_write(from, BG_PVGPU_REG_IRQ_MASK, BG_PVGPU_IRQ_ERROR);
    eventfd_signal(from->fds[BG_PVGPU_FD_FENCE]);
    pvgpu_wait(from, BG_PVGPU_REG_IRQ_STATUS, BG_PVGPU_IRQ_FENCE);
    fill(from->memory + skip, PVGPU_TEST_SIZE - skip, 1);
    pvgpu_write_memory(from, PVGPU_CONTROL(producer_ptr), 0x1230);
    memcpy(expected, from->memory, PVGPU_TEST_SIZE);
    to = migrate(from, 1);

    assert_int_equal(pvgpu_read(to, BG_PVGPU_REG_STATUS), 3); /* ready, error, no backend yet */
    assert_int_equal(pvgpu_read(to, BG_PVGPU_REG_IRQ_MASK), BG_PVGPU_IRQ_ERROR);
    assert_int_equal(pvgpu_read(to, BG_PVGPU_REG_IRQ_STATUS), 3);
    assert_true(pvgpu_intx(to));
    assert_int_equal(pvgpu_read(to, BG_PVGPU_REG_FEATURES_LO), (uint32_t)PVGPU_TEST_VISIBLE);
    assert_int_equal(pvgpu_read(to, BG_PVGPU_REG_FEATURES_HI), PVGPU_TEST_VISIBLE >> 32);
    assert_int_equal(pvgpu_statistic(to, "stat-lost-sessions"), 1);
    pvgpu_connect(to);
    assert_string_not_equal(to->name, from->name);
    assert_int_equal(((struct bg_pvgpu_control *)to->memory)->producer_ptr, 0x1230);
    assert_int_equal(((struct bg_pvgpu_control *)to->memory)->status,
                     BG_PVGPU_CONTROL_ERROR | BG_PVGPU_CONTROL_DEVICE_LOST);
    assert_memory_equal(to->memory + skip, expected + skip, PVGPU_TEST_SIZE - skip);
    fd = shm_open(to->object, O_RDWR, 0);
    assert_true(fd >= 0);
    close(fd);
    pvgpu_write(to, BG_PVGPU_REG_IRQ_STATUS, 3);
    assert_int_equal(pvgpu_statistic(to, "stat-lost-sessions"), 1);
    pvgpu_check_works(to);
    free(expected);
    pvgpu_end(to);
}

/* A backend that writes all the time, until it says PAUSED: what it wrote last is what arrives. */
static void test_migrate_while_the_backend_writes(void **state)
{
    struct bg_pvgpu *from = *state, *to;
    struct bg_pvgpu_message message;
    uint32_t last = 0;
    char *path = harness_temp_path("busy"), *uri = harness_format("unix:%s", path);
    char *line = harness_format("-incoming unix:%s -device pvgpu,id=gpu,addr=%d,shmem_size=64M,"
                                "backend_pipe=%%s",
                                path, PVGPU_SLOT);

    pvgpu_connect(from);
    unlink(path);
    to = pvgpu_start_line(true, line);
    json_decref(qmp_command(from->qemu, "migrate", "{s:s}", "uri", uri));
    for (;;) {
        last++;
        for (uint32_t offset = BG_PVGPU_HEAP_OFFSET; offset < PVGPU_TEST_SIZE; offset += 4096) {
            *(uint32_t *)(from->memory + offset) = last;
        }
        if (harness_wait_readable(from->peer, 0)) {
            break;
        }
        assert_true(last < 100000000);
    }
    assert_int_equal(socket_read(from->peer, &message, sizeof(message), HARNESS_TIMEOUT_MS),
                     sizeof(message));
    assert_int_equal(message.type, BG_PVGPU_MESSAGE_PAUSE);
    last = 0xFFFFFFFF;
    for (uint32_t offset = BG_PVGPU_HEAP_OFFSET; offset < PVGPU_TEST_SIZE; offset += 4096) {
        *(uint32_t *)(from->memory + offset) = last;
    }
    pvgpu_send(from, BG_PVGPU_MESSAGE_PAUSED, NULL, 0);
    json_decref(qmp_wait_event(to->qemu, "RESUME", 3 * HARNESS_TIMEOUT_MS));
    pvgpu_connect(to);
    for (uint32_t offset = BG_PVGPU_HEAP_OFFSET; offset < PVGPU_TEST_SIZE; offset += 4096) {
        assert_int_equal(*(uint32_t *)(to->memory + offset), last);
    }
    free(path);
    free(uri);
    free(line);
    pvgpu_end(to);
}

/* A machine that stood already, without a backend: nothing is lost, and the memory moves. */
static void test_migrate_without_a_session(void **state)
{
    struct bg_pvgpu *from = pvgpu_start(false, ""), *to;

    (void)state;
    from->peer = -1;
    pvgpu_write(from, BG_PVGPU_REG_IRQ_MASK, 3);
    pvgpu_write_memory(from, PVGPU_TEST_SIZE - 4, 0x0BADCAFE);
    to = migrate(from, 0);
    assert_int_equal(pvgpu_read(to, BG_PVGPU_REG_STATUS), 1);
    assert_int_equal(pvgpu_read(to, BG_PVGPU_REG_IRQ_STATUS), 0);
    assert_int_equal(pvgpu_read(to, BG_PVGPU_REG_IRQ_MASK), 3);
    assert_int_equal(pvgpu_read_memory(to, PVGPU_TEST_SIZE - 4), 0x0BADCAFE);
    assert_int_equal(pvgpu_statistic(to, "stat-lost-sessions"), 0);
    pvgpu_connect(to);
    assert_int_equal(pvgpu_read(to, BG_PVGPU_REG_STATUS), 5);
    pvgpu_check_works(to);
    pvgpu_end(to);
    pvgpu_end(from);
}

/* An old backend cannot be made quiet: its connection is closed before the memory moves. */
static void test_migrate_with_an_old_backend(void **state)
{
    struct bg_pvgpu *from = *state, *to;

    pvgpu_connect_old(from, 0);
    memset(from->memory + BG_PVGPU_HEAP_OFFSET, 0x42, 0x10000);
    to = migrate(from, 0);
    assert_true(socket_wait_closed(from->peer, HARNESS_TIMEOUT_MS));
    assert_int_equal(pvgpu_read(to, BG_PVGPU_REG_STATUS), 3);
    assert_int_equal(pvgpu_read_memory(to, BG_PVGPU_HEAP_OFFSET + 0xFFFC), 0x42424242);
    assert_int_equal(pvgpu_read_memory(to, PVGPU_CONTROL(error_code)),
                     BG_PVGPU_ERROR_BACKEND_DISCONNECTED);
    pvgpu_connect_old(to, 0);
    assert_int_equal(pvgpu_read(to, BG_PVGPU_REG_STATUS), 7);
    pvgpu_end(to);
}

/* The target's memory has another size: said, and nothing moves. */
static void test_migrate_to_another_size(void **state)
{
    struct bg_pvgpu *from = pvgpu_start(false, "");
    char *path = harness_temp_path("other"), *uri = harness_format("unix:%s", path);
    struct bg_pvgpu *to;
    char *line = harness_format("-incoming unix:%s -device pvgpu,id=gpu,addr=%d,shmem_size=128M,"
                                "backend_pipe=%%s",
                                path, PVGPU_SLOT);

    (void)state;
    unlink(path);
    to = pvgpu_start_line(false, line);
    json_decref(qmp_command(from->qemu, "migrate", "{s:s}", "uri", uri));
    process_wait_text(to->qemu->process, "pvgpu.shmem");
    pvgpu_read(from, BG_PVGPU_REG_STATUS); /* the source lives */
    free(path);
    free(uri);
    free(line);
    pvgpu_end(to);
    pvgpu_end(from);
}

/* A machine that stands, and whose session does: it is lost on the other side only. */
static void test_migrate_while_stopped(void **state)
{
    struct bg_pvgpu *from = *state, *to;
    char *path = harness_temp_path("stopped"), *uri = harness_format("unix:%s", path);
    char *line = harness_format("-incoming unix:%s -device pvgpu,id=gpu,addr=%d,shmem_size=64M,"
                                "backend_pipe=%%s",
                                path, PVGPU_SLOT);

    pvgpu_connect(from);
    memset(from->memory + BG_PVGPU_HEAP_OFFSET, 0x31, 0x1000);
    pvgpu_stop(from);
    unlink(path);
    to = pvgpu_start_line(true, line);
    json_decref(qmp_command(from->qemu, "migrate", "{s:s}", "uri", uri));
    wait_state(from, "postmigrate");
    wait_state(to, "paused");
    /* Not running yet: nobody is told, and nobody connects. */
    assert_int_equal(unix_accept(to->listener, 0), -1);
    assert_int_equal(pvgpu_read(to, BG_PVGPU_REG_STATUS), 5);
    assert_int_equal(pvgpu_statistic(to, "stat-lost-sessions"), 0);
    pvgpu_go_on(to);
    assert_int_equal(pvgpu_read(to, BG_PVGPU_REG_STATUS), 3);
    assert_int_equal(pvgpu_statistic(to, "stat-lost-sessions"), 1);
    assert_int_equal(pvgpu_read_memory(to, BG_PVGPU_HEAP_OFFSET + 0xFFC), 0x31313131);
    pvgpu_connect(to);
    free(path);
    free(uri);
    free(line);
    pvgpu_end(to);
}

/* ---- Snapshots ---- */

static void wait_job(struct bg_pvgpu *pvgpu, const char *id)
{
    for (;;) {
        json_t *event = qmp_wait_event(pvgpu->qemu, "JOB_STATUS_CHANGE", HARNESS_TIMEOUT_MS);
        json_t *data = json_object_get(event, "data");
        bool concluded =
            strcmp(json_string_value(json_object_get(data, "id")), id) == 0 &&
            strcmp(json_string_value(json_object_get(data, "status")), "concluded") == 0;

        json_decref(event);
        if (concluded) {
            break;
        }
    }
    json_t *jobs = qmp_command(pvgpu->qemu, "query-jobs", NULL), *job;
    size_t i;

    json_array_foreach (jobs, i, job) {
        json_t *error = json_object_get(job, "error");

        if (error != NULL) {
            fail_msg("%s: %s", id, json_string_value(error));
        }
    }
    json_decref(jobs);
    json_decref(qmp_command(pvgpu->qemu, "job-dismiss", "{s:s}", "id", id));
}

/* A disk that snapshots go to. */
static void add_disk(struct bg_pvgpu *pvgpu, const char *path)
{
    struct qemu *qemu = pvgpu->qemu;

    json_decref(qmp_command(qemu, "blockdev-create", "{s:s, s:{s:s, s:s, s:i}}", "job-id", "file",
                            "options", "driver", "file", "filename", path, "size", 0));
    wait_job(pvgpu, "file");
    json_decref(qmp_command(qemu, "blockdev-add", "{s:s, s:s, s:s}", "driver", "file", "node-name",
                            "file0", "filename", path));
    json_decref(qmp_command(qemu, "blockdev-create", "{s:s, s:{s:s, s:s, s:i}}", "job-id", "qcow2",
                            "options", "driver", "qcow2", "file", "file0", "size", 1 << 20));
    wait_job(pvgpu, "qcow2");
    json_decref(qmp_command(qemu, "blockdev-add", "{s:s, s:s, s:s}", "driver", "qcow2", "node-name",
                            "disk", "file", "file0"));
}

static void snapshot(struct bg_pvgpu *pvgpu, const char *command)
{
    pvgpu_answer_pauses_begin(pvgpu);
    json_decref(qmp_command(pvgpu->qemu, command, "{s:s, s:s, s:s, s:[s]}", "job-id", command,
                            "tag", "a", "vmstate", "disk", "devices", "disk"));
    wait_job(pvgpu, command);
    assert_int_equal(pvgpu_answer_pauses_end(pvgpu), 1);
}

/* Saving does not end a session; what is loaded is another one, which is lost. */
static void test_snapshot(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    char *path = harness_temp_path("disk.qcow2");

    add_disk(pvgpu, path);
    pvgpu_connect(pvgpu);
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, BG_PVGPU_IRQ_ERROR);
    memset(pvgpu->memory + BG_PVGPU_HEAP_OFFSET, 0x61, 0x2000);
    snapshot(pvgpu, "snapshot-save");
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_STATUS), 5);
    pvgpu_check_works(pvgpu);
    memset(pvgpu->memory + BG_PVGPU_HEAP_OFFSET, 0x62, 0x2000);
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, BG_PVGPU_IRQ_FENCE);

    snapshot(pvgpu, "snapshot-load");
    assert_true(socket_wait_closed(pvgpu->peer, HARNESS_TIMEOUT_MS));
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_STATUS), 3);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_MASK), BG_PVGPU_IRQ_ERROR);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_STATUS), BG_PVGPU_IRQ_ERROR);
    assert_true(pvgpu_intx(pvgpu));
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-lost-sessions"), 1);
    assert_int_equal(pvgpu_read_memory(pvgpu, BG_PVGPU_HEAP_OFFSET + 0x1FFC), 0x61616161);
    pvgpu_connect(pvgpu);
    assert_true(((struct bg_pvgpu_control *)pvgpu->memory)->status & BG_PVGPU_CONTROL_DEVICE_LOST);
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 3);
    pvgpu_check_works(pvgpu);
    free(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
#define PORT_TEST(name) cmocka_unit_test_setup_teardown(name, pvgpu_start_port, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PORT_TEST(test_unplug),
        PORT_TEST(test_unplug_at_any_time),
        PORT_TEST(test_bus_reset),
        TEST(test_interrupt_to_itself),
        PORT_TEST(test_interrupt_that_ends_the_device),
        TEST(test_migrate),
        TEST(test_migrate_while_the_backend_writes),
        cmocka_unit_test(test_migrate_without_a_session),
        TEST(test_migrate_with_an_old_backend),
        cmocka_unit_test(test_migrate_to_another_size),
        TEST(test_migrate_while_stopped),
        TEST(test_snapshot),
    };

    pvgpu_use_cmocka();
    return cmocka_run_group_tests_name("pvgpu move", tests, NULL, NULL);
}
