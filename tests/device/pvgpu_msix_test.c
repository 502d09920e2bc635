/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/pvgpu_fixture.c
/*
 * pvgpu: a guest whose MSI-X messages lead to what resets or unplugs the device, or another one, in
 * the middle of its work. Each of TARGETS meets each of PATHS, which end in an interrupt. QEMU
 * stays alive.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pvgpu_fixture.h"

#define EARLIER_SLOT 1 /* a port whose device began before ours; ours is at PVGPU_PORT_SLOT */
#define LATER_SLOT 3
#define CAP_EXPRESS 0x10
#define CAP_MSIX 0x11

static unsigned capability(struct bg_pvgpu *pvgpu, unsigned bus, unsigned slot, unsigned id)
{
    unsigned offset = (unsigned)qtest_read(pvgpu->qemu, 1, pci_config_address(bus, slot, 0, 0x34));

    while (offset && qtest_read(pvgpu->qemu, 1, pci_config_address(bus, slot, 0, offset)) != id) {
        offset = (unsigned)qtest_read(pvgpu->qemu, 1, pci_config_address(bus, slot, 0, offset + 1));
    }
    assert_int_not_equal(offset, 0);
    return offset;
}

/* ---- Targets: a message is a write of 32 bits ---- */

static uint64_t slot_control_of(struct bg_pvgpu *pvgpu, unsigned slot)
{
    return pci_config_address(0, slot, 0, capability(pvgpu, 0, slot, CAP_EXPRESS) + 0x18);
}

static uint64_t slot_control(struct bg_pvgpu *pvgpu)
{
    return slot_control_of(pvgpu, PVGPU_PORT_SLOT);
}

static uint64_t earlier_slot_control(struct bg_pvgpu *pvgpu)
{
    return slot_control_of(pvgpu, EARLIER_SLOT);
}

static uint64_t later_slot_control(struct bg_pvgpu *pvgpu)
{
    return slot_control_of(pvgpu, LATER_SLOT);
}

static uint64_t bridge_control(struct bg_pvgpu *pvgpu)
{
    (void)pvgpu;
    return pci_config_address(0, PVGPU_PORT_SLOT, 0, 0x3C);
}

static uint64_t own_command(struct bg_pvgpu *pvgpu)
{
    (void)pvgpu;
    return pci_config_address(1, 0, 0, 0x04);
}

static uint64_t own_msix(struct bg_pvgpu *pvgpu)
{
    return pci_config_address(1, 0, 0, capability(pvgpu, 1, 0, CAP_MSIX));
}

static uint64_t own_reset(struct bg_pvgpu *pvgpu)
{
    (void)pvgpu;
    return PVGPU_REGISTERS_ADDRESS + BG_PVGPU_REG_RESET;
}

static uint64_t ram_end(struct bg_pvgpu *pvgpu)
{
    (void)pvgpu;
    return RAM_ADDRESS + (128u << 20) - 4;
}

static const struct target {
    const char *name;
    uint64_t (*address)(struct bg_pvgpu *pvgpu);
    uint32_t value;
} targets[] = {
    {"slot control", slot_control, 0x0700},
    {"bridge control", bridge_control, 0x00400000},
    {"earlier device's slot", earlier_slot_control, 0x0700},
    {"later device's slot", later_slot_control, 0x0700},
    {"own command", own_command, 0},
    {"own MSI-X control", own_msix, 0},
    {"own RESET", own_reset, BG_PVGPU_RESET_VALUE},
    {"end of RAM", ram_end, 1},
};

static void aim(struct bg_pvgpu *pvgpu, const struct target *target)
{
    uint64_t address = target->address(pvgpu);

    for (unsigned i = 0; i < BG_PVGPU_VECTORS; i++) {
        uint64_t entry = PVGPU_MSIX_ADDRESS + 16 * i;

        qtest_write(pvgpu->qemu, 4, entry, (uint32_t)address);
        qtest_write(pvgpu->qemu, 4, entry + 4, address >> 32);
        qtest_write(pvgpu->qemu, 4, entry + 8, target->value);
        qtest_write(pvgpu->qemu, 4, entry + 12, 0);
    }
    qtest_write(pvgpu->qemu, 2, pci_config_address(1, 0, 0, capability(pvgpu, 1, 0, CAP_MSIX) + 2),
                0x8000);
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, BG_PVGPU_IRQ_FENCE | BG_PVGPU_IRQ_ERROR);
}

/* ---- Paths ---- */

static void path_fence(struct bg_pvgpu *pvgpu)
{
    eventfd_signal(pvgpu->fds[BG_PVGPU_FD_FENCE]);
    eventfd_signal(pvgpu->fds[BG_PVGPU_FD_ERROR]);
}

static void path_hang_up(struct bg_pvgpu *pvgpu)
{
    eventfd_signal(pvgpu->fds[BG_PVGPU_FD_FENCE]);
    pvgpu_hang_up(pvgpu);
}

static void path_shutdown(struct bg_pvgpu *pvgpu)
{
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_SHUTDOWN, NULL, 0);
}

/* In one piece: the first one may end the session. */
static void path_messages(struct bg_pvgpu *pvgpu)
{
    const struct bg_pvgpu_message header = {.type = BG_PVGPU_MESSAGE_IRQ, .size = sizeof(uint32_t)};
    uint8_t messages[3][sizeof(header) + sizeof(uint32_t)] = {0};

    for (unsigned i = 0; i < 3; i++) {
        memcpy(messages[i], &header, sizeof(header));
    }
    assert_true(socket_write(pvgpu->peer, messages, sizeof(messages)));
}

static void path_garbage(struct bg_pvgpu *pvgpu)
{
    static const uint8_t garbage[2000];

    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_IRQ, garbage, sizeof(garbage));
}

/* What is set already comes when it is unmasked. */
static void path_mask(struct bg_pvgpu *pvgpu)
{
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, 0);
    eventfd_signal(pvgpu->fds[BG_PVGPU_FD_FENCE]);
    pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, BG_PVGPU_IRQ_FENCE);
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, BG_PVGPU_IRQ_FENCE);
}

static void *signal_later(void *opaque)
{
    struct bg_pvgpu *pvgpu = opaque;
    const uint64_t one = 1;

    usleep(100000);
    if (write(pvgpu->fds[BG_PVGPU_FD_FENCE], &one, sizeof(one)) != sizeof(one)) {
        perror("eventfd");
    }
    return NULL;
}

/* It signals while QEMU waits for it to pause, in vain. */
static void path_stop(struct bg_pvgpu *pvgpu)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, signal_later, pvgpu), 0);
    json_decref(qmp_command(pvgpu->qemu, "stop", NULL));
    pthread_join(thread, NULL);
    json_decref(qmp_command(pvgpu->qemu, "cont", NULL));
}

static const struct path {
    const char *name;
    void (*run)(struct bg_pvgpu *pvgpu);
} paths[] = {
    {"fence", path_fence},      {"hang-up", path_hang_up}, {"shutdown", path_shutdown},
    {"message", path_messages}, {"garbage", path_garbage}, {"mask", path_mask},
    {"stop", path_stop},
};

/* ---- Runs ---- */

static void run(const struct path *path, const struct target *target)
{
    struct bg_pvgpu *pvgpu =
        pvgpu_start_line(true, "-device pcie-root-port,id=rp0,addr=1,chassis=1 "
                               "-device pcie-root-port,id=rp1,addr=2,chassis=2 "
                               "-device pcie-root-port,id=rp2,addr=3,chassis=3 "
                               "-device pvgpu,bus=rp0,shmem_size=64M,backend_pipe=/nonexistent "
                               "-device pvgpu,id=gpu,bus=rp1,shmem_size=64M,pause_timeout_ms=300,"
                               "backend_pipe=%s "
                               "-device pvgpu,bus=rp2,shmem_size=64M,backend_pipe=/nonexistent");

    printf("# %s: %s\n", path->name, target->name);
    fflush(stdout);
    pvgpu_enable_port(pvgpu);
    pvgpu_connect(pvgpu);
    aim(pvgpu, target);
    path->run(pvgpu);
    for (unsigned i = 0; i < 4; i++) {
        json_decref(qmp_command(pvgpu->qemu, "query-status", NULL));
        qtest_clock_step_ns(pvgpu->qemu, UINT64_C(500000000));
    }
    pvgpu_end(pvgpu);
}

static void test_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        for (size_t j = 0; j < sizeof(targets) / sizeof(*targets); j++) {
            run(&paths[i], &targets[j]);
        }
    }
}

/* An interrupt of the moment when the machine stops is not lost: it comes when it runs again. */
static void test_stop_owes(void **state)
{
    struct bg_pvgpu *pvgpu = pvgpu_start(true, ",pause_timeout_ms=300");
    pthread_t thread;

    (void)state;
    pvgpu_connect(pvgpu);
    pvgpu_enable_msix(pvgpu);
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, BG_PVGPU_IRQ_FENCE);
    assert_int_equal(pthread_create(&thread, NULL, signal_later, pvgpu), 0);
    json_decref(qmp_command(pvgpu->qemu, "stop", NULL));
    pthread_join(thread, NULL);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_STATUS), BG_PVGPU_IRQ_FENCE);
    assert_false(pvgpu_take_msix(pvgpu, BG_PVGPU_VECTOR_FENCE));
    json_decref(qmp_command(pvgpu->qemu, "cont", NULL));
    pvgpu_statistic(pvgpu, "stat-resets");
    assert_true(pvgpu_take_msix(pvgpu, BG_PVGPU_VECTOR_FENCE));
    pvgpu_end(pvgpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_stop_owes),
    };

    pvgpu_use_cmocka();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
