/* SPDX-License-Identifier: BSD-2-Clause */
/* See pvgpu_fixture.h. */
#include "pvgpu_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Two words of RAM that MSI-X writes to. */
#define MSIX_TARGET (RAM_ADDRESS + 0x10000)
#define MSIX_DATA 0x1234AB00u

static void fail_test(const char *message)
{
    fail_msg("%s", message);
}

void pvgpu_use_cmocka(void)
{
    harness_on_failure = fail_test;
    cmocka_set_message_output(CM_OUTPUT_TAP);
}

/* ---- Start and end ---- */

void pvgpu_enable(struct bg_pvgpu *pvgpu, unsigned bus, unsigned slot)
{
    const struct {
        unsigned offset;
        uint64_t value;
    } bars[] = {
        {0x10, PVGPU_REGISTERS_ADDRESS},
        {0x14, PVGPU_MSIX_ADDRESS},
        {0x18, PVGPU_SHMEM_ADDRESS},
        {0x1C, 0},
    };

    pvgpu->bus = bus;
    pvgpu->slot = slot;
    qtest_enable_ecam(pvgpu->qemu);
    for (size_t i = 0; i < sizeof(bars) / sizeof(bars[0]); i++) {
        qtest_write(pvgpu->qemu, 4, pci_config_address(bus, slot, 0, bars[i].offset),
                    bars[i].value);
    }
    qtest_write(pvgpu->qemu, 2, pci_config_address(bus, slot, 0, 0x04), 0x6);
}

void pvgpu_find_object(struct bg_pvgpu *pvgpu)
{
    json_t *reply = qmp_try_command(pvgpu->qemu, "qom-get", "{s:s, s:s}", "path", PVGPU_PATH,
                                    "property", "shmem-name");
    const char *name = json_string_value(json_object_get(reply, "return"));

    snprintf(pvgpu->object, sizeof(pvgpu->object), "%s", name != NULL ? name : "");
    json_decref(reply);
}

struct bg_pvgpu *pvgpu_start_line(bool listen, const char *line)
{
    static unsigned number;
    struct bg_pvgpu *pvgpu = calloc(1, sizeof(*pvgpu));
    char *words, *middle;

    assert_non_null(pvgpu);
    pvgpu->path = harness_format("%s/pvgpu-%u.sock", harness_temp_dir(), number++);
    pvgpu->listener = listen ? unix_listen(pvgpu->path, 8) : -1;
    pvgpu->peer = -1;
    for (int i = 0; i < BG_PVGPU_DESCRIPTORS; i++) {
        pvgpu->fds[i] = -1;
    }
    middle = strstr(line, "%s");
    words = middle != NULL
                ? harness_format("%.*s%s%s", (int)(middle - line), line, pvgpu->path, middle + 2)
                : harness_format("%s", line);
    pvgpu->qemu = qemu_start_qtest("%s", words);
    free(words);
    pvgpu_find_object(pvgpu);
    return pvgpu;
}

struct bg_pvgpu *pvgpu_start(bool listen, const char *properties)
{
    char *line = harness_format(
        "-d guest_errors -device pvgpu,id=gpu,addr=%d,backend_pipe=%%s%s%s", PVGPU_SLOT,
        strstr(properties, "shmem_size") != NULL ? "" : ",shmem_size=64M", properties);
    struct bg_pvgpu *pvgpu = pvgpu_start_line(listen, line);

    pvgpu_enable(pvgpu, 0, PVGPU_SLOT);
    free(line);
    return pvgpu;
}

static void close_fds(struct bg_pvgpu *pvgpu)
{
    for (int i = 0; i < BG_PVGPU_DESCRIPTORS; i++) {
        if (pvgpu->fds[i] >= 0) {
            close(pvgpu->fds[i]);
            pvgpu->fds[i] = -1;
        }
    }
}

void pvgpu_unmap(struct bg_pvgpu *pvgpu)
{
    if (pvgpu->memory != NULL) {
        munmap(pvgpu->memory, pvgpu->shmem_size);
        pvgpu->memory = NULL;
    }
}

void pvgpu_hang_up(struct bg_pvgpu *pvgpu)
{
    if (pvgpu->peer >= 0) {
        close(pvgpu->peer);
        pvgpu->peer = -1;
    }
    close_fds(pvgpu);
    pvgpu_unmap(pvgpu);
}

/* QEMU is killed, so that its object stays: the test removes it. */
void pvgpu_end(struct bg_pvgpu *pvgpu)
{
    qemu_end(pvgpu->qemu);
    if (pvgpu->object[0]) {
        shm_unlink(pvgpu->object);
    }
    pvgpu_hang_up(pvgpu);
    if (pvgpu->listener >= 0) {
        close(pvgpu->listener);
    }
    free(pvgpu->path);
    free(pvgpu);
}

/* ---- Guest's side ---- */

uint32_t pvgpu_read(struct bg_pvgpu *pvgpu, uint32_t offset)
{
    return (uint32_t)qtest_read(pvgpu->qemu, 4, PVGPU_REGISTERS_ADDRESS + offset);
}

void pvgpu_write(struct bg_pvgpu *pvgpu, uint32_t offset, uint32_t value)
{
    qtest_write(pvgpu->qemu, 4, PVGPU_REGISTERS_ADDRESS + offset, value);
}

void pvgpu_wait(struct bg_pvgpu *pvgpu, uint32_t offset, uint32_t value)
{
    uint64_t deadline_ms = harness_now_ms() + HARNESS_TIMEOUT_MS;
    uint32_t now;

    while ((now = pvgpu_read(pvgpu, offset)) != value) {
        if (harness_now_ms() > deadline_ms) {
            harness_fail("register 0x%x stays 0x%x, wanted 0x%x", offset, now, value);
        }
    }
}

uint32_t pvgpu_read_memory(struct bg_pvgpu *pvgpu, uint32_t offset)
{
    return (uint32_t)qtest_read(pvgpu->qemu, 4, PVGPU_SHMEM_ADDRESS + offset);
}

void pvgpu_write_memory(struct bg_pvgpu *pvgpu, uint32_t offset, uint32_t value)
{
    qtest_write(pvgpu->qemu, 4, PVGPU_SHMEM_ADDRESS + offset, value);
}

uint32_t pvgpu_config(struct bg_pvgpu *pvgpu, unsigned size, unsigned offset)
{
    return (uint32_t)qtest_read(pvgpu->qemu, size,
                                pci_config_address(pvgpu->bus, pvgpu->slot, 0, offset));
}

bool pvgpu_intx(struct bg_pvgpu *pvgpu)
{
    return pvgpu_config(pvgpu, 2, 0x06) & 8;
}

int64_t pvgpu_statistic(struct bg_pvgpu *pvgpu, const char *name)
{
    return qmp_get_integer(pvgpu->qemu, PVGPU_PATH, name);
}

void pvgpu_wait_statistic(struct bg_pvgpu *pvgpu, const char *name, int64_t count)
{
    uint64_t deadline_ms = harness_now_ms() + HARNESS_TIMEOUT_MS;
    int64_t now;

    while ((now = pvgpu_statistic(pvgpu, name)) != count) {
        if (harness_now_ms() > deadline_ms) {
            harness_fail("%s stays %lld, wanted %lld", name, (long long)now, (long long)count);
        }
    }
}

static unsigned find_msix(struct bg_pvgpu *pvgpu)
{
    unsigned offset = pvgpu_config(pvgpu, 1, 0x34);

    for (unsigned i = 0; i < 48 && offset; i++) {
        uint32_t header = pvgpu_config(pvgpu, 2, offset);

        if ((header & 0xFF) == 0x11) {
            return offset;
        }
        offset = header >> 8;
    }
    fail_msg("no MSI-X capability");
    return 0;
}

void pvgpu_enable_msix(struct bg_pvgpu *pvgpu)
{
    unsigned capability = find_msix(pvgpu);

    for (unsigned i = 0; i < BG_PVGPU_VECTORS; i++) {
        uint64_t entry = PVGPU_MSIX_ADDRESS + 16 * i;

        qtest_write(pvgpu->qemu, 4, MSIX_TARGET + 4 * i, 0);
        qtest_write(pvgpu->qemu, 4, entry, MSIX_TARGET + 4 * i);
        qtest_write(pvgpu->qemu, 4, entry + 4, 0);
        qtest_write(pvgpu->qemu, 4, entry + 8, MSIX_DATA + i);
        qtest_write(pvgpu->qemu, 4, entry + 12, 0);
    }
    qtest_write(pvgpu->qemu, 2, pci_config_address(pvgpu->bus, pvgpu->slot, 0, capability + 2),
                0x8000);
}

bool pvgpu_take_msix(struct bg_pvgpu *pvgpu, unsigned vector)
{
    uint32_t data = (uint32_t)qtest_read(pvgpu->qemu, 4, MSIX_TARGET + 4 * vector);

    if (data == 0) {
        return false;
    }
    assert_int_equal(data, MSIX_DATA + vector);
    qtest_write(pvgpu->qemu, 4, MSIX_TARGET + 4 * vector, 0);
    return true;
}

/* ---- Backend's side ---- */

void pvgpu_accept(struct bg_pvgpu *pvgpu)
{
    pvgpu_hang_up(pvgpu);
    pvgpu->peer = unix_accept(pvgpu->listener, HARNESS_TIMEOUT_MS);
    assert_true(pvgpu->peer >= 0);
}

/* Up to @size bytes, and the descriptors that come with them. */
static size_t receive(int peer, void *data, size_t size, int *fds, size_t *fd_count)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(16 * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = data, .iov_len = size};
    struct msghdr header = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    struct cmsghdr *c;
    ssize_t result;

    assert_true(harness_wait_readable(peer, HARNESS_TIMEOUT_MS));
    result = recvmsg(peer, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    assert_true(result > 0);
    c = CMSG_FIRSTHDR(&header);
    *fd_count = 0;
    if (c != NULL) {
        assert_int_equal(c->cmsg_type, SCM_RIGHTS);
        *fd_count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        assert_in_range(*fd_count, 1, BG_PVGPU_DESCRIPTORS);
        memcpy(fds, CMSG_DATA(c), *fd_count * sizeof(int));
        assert_null(CMSG_NXTHDR(&header, c));
    }
    return (size_t)result;
}

/* Everything of it, byte by byte. */
static void check_handshake(struct bg_pvgpu *pvgpu, const uint8_t *bytes, size_t size)
{
    struct bg_pvgpu_message header;
    struct bg_pvgpu_handshake handshake;

    assert_true(size > sizeof(header) + sizeof(handshake));
    memcpy(&header, bytes, sizeof(header));
    memcpy(&handshake, bytes + sizeof(header), sizeof(handshake));
    assert_int_equal(header.type, BG_PVGPU_MESSAGE_HANDSHAKE);
    assert_int_equal(header.size, size - sizeof(header));
    pvgpu->shmem_size = handshake.shmem_size;
    size -= sizeof(header) + sizeof(handshake);
    bytes += sizeof(header) + sizeof(handshake);
    assert_in_range(size, strlen(BG_PVGPU_SHMEM_NAME_PREFIX) + 2, sizeof(pvgpu->name));
    assert_int_equal(strnlen((const char *)bytes, size), size - 1);
    memcpy(pvgpu->name, bytes, size);
    assert_memory_equal(pvgpu->name, BG_PVGPU_SHMEM_NAME_PREFIX,
                        strlen(BG_PVGPU_SHMEM_NAME_PREFIX));
}

static void map_memory(struct bg_pvgpu *pvgpu, int fd)
{
    void *memory = mmap(NULL, pvgpu->shmem_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    assert_true(memory != MAP_FAILED);
    pvgpu->memory = memory;
}

void pvgpu_take_handshake(struct bg_pvgpu *pvgpu)
{
    uint8_t bytes[512];
    size_t count, size = receive(pvgpu->peer, bytes, sizeof(bytes), pvgpu->fds, &count);

    assert_int_equal(count, BG_PVGPU_DESCRIPTORS);
    check_handshake(pvgpu, bytes, size);
    map_memory(pvgpu, pvgpu->fds[BG_PVGPU_FD_SHMEM]);
}

void pvgpu_take_handshake_old(struct bg_pvgpu *pvgpu)
{
    uint8_t bytes[512];
    struct bg_pvgpu_message header;
    int fd;

    assert_int_equal(socket_read(pvgpu->peer, bytes, sizeof(header), HARNESS_TIMEOUT_MS),
                     sizeof(header));
    memcpy(&header, bytes, sizeof(header));
    assert_in_range(header.size, 9, sizeof(bytes) - sizeof(header));
    assert_int_equal(
        socket_read(pvgpu->peer, bytes + sizeof(header), header.size, HARNESS_TIMEOUT_MS),
        header.size);
    check_handshake(pvgpu, bytes, sizeof(header) + header.size);
    fd = shm_open(pvgpu->name, O_RDWR, 0);
    assert_true(fd >= 0);
    map_memory(pvgpu, fd);
    close(fd);
}

void pvgpu_send(struct bg_pvgpu *pvgpu, uint32_t type, const void *payload, uint32_t size)
{
    uint8_t bytes[sizeof(struct bg_pvgpu_message) + 4096];
    struct bg_pvgpu_message header = {.type = type, .size = size};

    assert_true(size <= 4096);
    memcpy(bytes, &header, sizeof(header));
    if (size) {
        memcpy(bytes + sizeof(header), payload, size);
    }
    assert_true(socket_write(pvgpu->peer, bytes, sizeof(header) + size));
}

void pvgpu_send_fd(struct bg_pvgpu *pvgpu, uint32_t type, const void *payload, uint32_t size,
                   int fd)
{
    struct bg_pvgpu_message message = {.type = type, .size = size};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec parts[2] = {
        {.iov_base = &message, .iov_len = sizeof(message)},
        {.iov_base = (void *)(uintptr_t)payload, .iov_len = size},
    };
    struct msghdr header = {
        .msg_iov = parts,
        .msg_iovlen = 2,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&header);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    assert_int_equal(sendmsg(pvgpu->peer, &header, MSG_NOSIGNAL), sizeof(message) + size);
}

void pvgpu_ack(struct bg_pvgpu *pvgpu, uint64_t features)
{
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_HANDSHAKE_ACK, &features, sizeof(features));
}

void pvgpu_expect(struct bg_pvgpu *pvgpu, uint32_t type, void *payload, uint32_t size)
{
    struct bg_pvgpu_message header;

    assert_int_equal(socket_read(pvgpu->peer, &header, sizeof(header), HARNESS_TIMEOUT_MS),
                     sizeof(header));
    assert_int_equal(header.type, type);
    assert_int_equal(header.size, size);
    if (size) {
        assert_int_equal(socket_read(pvgpu->peer, payload, size, HARNESS_TIMEOUT_MS), size);
    }
}

void pvgpu_expect_nothing(struct bg_pvgpu *pvgpu)
{
    pvgpu_read(pvgpu, BG_PVGPU_REG_VERSION);
    assert_false(harness_wait_readable(pvgpu->peer, 0));
}

void pvgpu_connect(struct bg_pvgpu *pvgpu)
{
    struct bg_pvgpu_identity identity;

    pvgpu_accept(pvgpu);
    pvgpu_take_handshake(pvgpu);
    pvgpu_ack(pvgpu, PVGPU_TEST_FEATURES);
    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_IDENTITY, &identity, sizeof(identity));
}

void pvgpu_connect_old(struct bg_pvgpu *pvgpu, uint64_t features)
{
    int64_t before = pvgpu_statistic(pvgpu, "connected");

    assert_int_equal(before, 0);
    pvgpu_accept(pvgpu);
    pvgpu_take_handshake_old(pvgpu);
    pvgpu_ack(pvgpu, features);
    pvgpu_wait_statistic(pvgpu, "connected", 1);
}

void pvgpu_step_retry(struct bg_pvgpu *pvgpu)
{
    qtest_clock_step_ns(pvgpu->qemu, 1100 * 1000000ull);
}

/* ---- Behind a root port: bus reset, hot-plug, hot-unplug ---- */

void pvgpu_enable_port(struct bg_pvgpu *pvgpu)
{
    struct qemu *qemu = pvgpu->qemu;
    uint64_t limit = PVGPU_SHMEM_ADDRESS + PVGPU_TEST_SIZE - 1;

    qtest_write(qemu, 4, pci_config_address(0, PVGPU_PORT_SLOT, 0, 0x18), 0x00010100);
    qtest_write(qemu, 4, pci_config_address(0, PVGPU_PORT_SLOT, 0, 0x20),
                (PCI_MEM32_BASE >> 16 & 0xFFF0) | (limit & 0xFFF00000));
    qtest_write(qemu, 2, pci_config_address(0, PVGPU_PORT_SLOT, 0, 0x04), 0x6);
    pvgpu_enable(pvgpu, 1, 0);
}

int pvgpu_start_port(void **state)
{
    struct bg_pvgpu *pvgpu =
        pvgpu_start_line(true, "-device pcie-root-port,id=rp1,addr=2,chassis=1 "
                               "-device pvgpu,id=gpu,bus=rp1,shmem_size=64M,backend_pipe=%s");

    *state = pvgpu;
    pvgpu_enable_port(pvgpu);
    return 0;
}

static void write_slot_control(struct bg_pvgpu *pvgpu, uint16_t value)
{
    unsigned offset =
        (unsigned)qtest_read(pvgpu->qemu, 1, pci_config_address(0, PVGPU_PORT_SLOT, 0, 0x34));

    while (qtest_read(pvgpu->qemu, 1, pci_config_address(0, PVGPU_PORT_SLOT, 0, offset)) != 0x10) {
        offset = (unsigned)qtest_read(pvgpu->qemu, 1,
                                      pci_config_address(0, PVGPU_PORT_SLOT, 0, offset + 1));
        assert_int_not_equal(offset, 0);
    }
    qtest_write(pvgpu->qemu, 2, pci_config_address(0, PVGPU_PORT_SLOT, 0, offset + 0x18), value);
}

void pvgpu_unplug(struct bg_pvgpu *pvgpu)
{
    json_decref(qmp_command(pvgpu->qemu, "device_del", "{s:s}", "id", "gpu"));
    write_slot_control(pvgpu, 0x0700);
    json_decref(qmp_wait_event(pvgpu->qemu, "DEVICE_DELETED", HARNESS_TIMEOUT_MS));
}

void pvgpu_replug(struct bg_pvgpu *pvgpu)
{
    json_decref(qmp_command(pvgpu->qemu, "device_add", "{s:s, s:s, s:s, s:i, s:s}", "driver",
                            "pvgpu", "id", "gpu", "bus", "rp1", "shmem_size", PVGPU_TEST_SIZE,
                            "backend_pipe", pvgpu->path));
    write_slot_control(pvgpu, 0x0100); /* power on */
    pvgpu_find_object(pvgpu);
    pvgpu_enable_port(pvgpu);
}

/* A slot that is switched on resets what is in it, also a device that has connected already. */
void pvgpu_connect_in_slot(struct bg_pvgpu *pvgpu)
{
    uint32_t count;

    pvgpu_connect(pvgpu);
    pvgpu_read(pvgpu, BG_PVGPU_REG_VERSION);
    if (harness_wait_readable(pvgpu->peer, 0)) {
        pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_RESET, &count, sizeof(count));
        assert_int_equal(eventfd_take(pvgpu->fds[BG_PVGPU_FD_DOORBELL]), 1);
    }
}

void pvgpu_check_works(struct bg_pvgpu *pvgpu)
{
    pvgpu_write(pvgpu, BG_PVGPU_REG_DOORBELL, 1);
    assert_int_equal(eventfd_take(pvgpu->fds[BG_PVGPU_FD_DOORBELL]), 1);
    eventfd_signal(pvgpu->fds[BG_PVGPU_FD_FENCE]);
    pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 1);
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 1);
    pvgpu_write_memory(pvgpu, BG_PVGPU_HEAP_OFFSET, 0x600DF00D);
    assert_int_equal(*(uint32_t *)(pvgpu->memory + BG_PVGPU_HEAP_OFFSET), 0x600DF00D);
}

bool pvgpu_object_exists(const char *name)
{
    int fd = shm_open(name, O_RDWR, 0);

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

/* ---- Stop and go ---- */

static struct {
    pthread_t thread;
    int peer;
    int end[2]; /* a pipe: written to, the thread ends */
    unsigned count;
    bool failed;
} pauses;

/* No cmocka in here: another thread. */
static void *answer_pauses(void *unused)
{
    const struct bg_pvgpu_message paused = {.type = BG_PVGPU_MESSAGE_PAUSED};
    struct bg_pvgpu_message header;

    (void)unused;
    for (;;) {
        struct pollfd ready[2] = {{.fd = pauses.peer, .events = POLLIN},
                                  {.fd = pauses.end[0], .events = POLLIN}};

        if (poll(ready, 2, HARNESS_TIMEOUT_MS) <= 0) {
            pauses.failed = true;
            return NULL;
        }
        if (ready[0].revents) {
            if (recv(pauses.peer, &header, sizeof(header), MSG_WAITALL) != sizeof(header)) {
                pauses.peer = -1; /* closed: only the end is waited for */
                continue;
            }
            if (header.type == BG_PVGPU_MESSAGE_RESET || header.type == BG_PVGPU_MESSAGE_RESUME) {
                uint8_t payload[4];

                if (header.size) {
                    recv(pauses.peer, payload, sizeof(payload), MSG_WAITALL);
                }
                continue;
            }
            if (header.type != BG_PVGPU_MESSAGE_PAUSE || header.size ||
                send(pauses.peer, &paused, sizeof(paused), MSG_NOSIGNAL) != sizeof(paused)) {
                pauses.failed = true;
                return NULL;
            }
            pauses.count++;
        } else if (ready[1].revents) {
            return NULL;
        }
    }
}

void pvgpu_answer_pauses_begin(struct bg_pvgpu *pvgpu)
{
    pauses.peer = pvgpu->peer;
    pauses.count = 0;
    pauses.failed = false;
    assert_int_equal(pipe2(pauses.end, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&pauses.thread, NULL, answer_pauses, NULL), 0);
}

unsigned pvgpu_answer_pauses_end(struct bg_pvgpu *pvgpu)
{
    (void)pvgpu;
    assert_int_equal(write(pauses.end[1], "", 1), 1);
    assert_int_equal(pthread_join(pauses.thread, NULL), 0);
    close(pauses.end[0]);
    close(pauses.end[1]);
    assert_false(pauses.failed);
    return pauses.count;
}

void pvgpu_stop(struct bg_pvgpu *pvgpu)
{
    pvgpu_answer_pauses_begin(pvgpu);
    json_decref(qmp_command(pvgpu->qemu, "stop", NULL));
    assert_int_equal(pvgpu_answer_pauses_end(pvgpu), 1);
}

void pvgpu_go_on(struct bg_pvgpu *pvgpu)
{
    json_decref(qmp_command(pvgpu->qemu, "cont", NULL));
}

/* ---- eventfd ---- */

uint64_t eventfd_take(int fd)
{
    uint64_t count = 0;
    ssize_t size = read(fd, &count, sizeof(count));

    assert_true(size == sizeof(count) || (size < 0 && errno == EAGAIN));
    return size < 0 ? 0 : count;
}

void eventfd_signal(int fd)
{
    const uint64_t one = 1;

    assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

uint64_t eventfd_wait(int fd)
{
    assert_true(harness_wait_readable(fd, HARNESS_TIMEOUT_MS));
    return eventfd_take(fd);
}
